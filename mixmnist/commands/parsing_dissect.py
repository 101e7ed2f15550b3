"""The options of `mixmnist dissect` and `mixmnist invert`."""

import argparse

from mixmnist.commands import completion
from mixmnist.commands.completion import completed
from mixmnist.commands.dissecting import dissect, invert
from mixmnist.commands.manners import Parser
from mixmnist.commands.options import SOURCES, help_of, make_command
from mixmnist.core.records import Options


def add_dissect(commands: "argparse._SubParsersAction[Parser]") -> None:
    """Adds both commands."""
    summary = "dissect a generator: which units draw which digit, and what goes when they are switched off"
    command = make_command(commands, "dissect", dissect, "mine:generator --layer layer2 --latent 64 --source mnist", summary)
    _add_generator(command)
    named = "orders of units, of `mixmnist list rankings` (default iou,alignment,removal)"
    rankings = command.add_argument("--rankings", default="iou,alignment,removal", metavar="A,B", help=named)
    completed(rankings, completion.listed("rankings"))
    command.add_argument("--samples", type=int, default=500, metavar="N", help="to fit on, and as many to measure (default 500)")
    command.add_argument("--edited", type=int, default=200, metavar="N", help="of them, those that are edited (default 200)")
    command.add_argument("--out", metavar="DIR", help="write tables and figures there, whole or not at all")
    command.add_argument("--page", metavar="F.html", help="write a page on which digits are painted and erased with a brush")
    summary = "find the codes and maps by which a generator draws given canvases, and edit them"
    example = "results/reference/generators/stamps --variant factors --images c.npz --out inverted"
    command = make_command(commands, "invert", invert, example, summary)
    _add_generator(command)
    command.add_argument("--images", required=True, metavar="F.npz", help="canvases, as `mixmnist export` writes them")
    command.add_argument(
        "--n", type=int, default=100, metavar="N", help="canvases that are inverted, the first ones (default 100)"
    )
    command.add_argument("--steps", type=int, default=250, metavar="N", help="of the search for code and maps (default 250)")
    command.add_argument("--one-hot", action="store_true", help="put one-hot parts of the codes to the nearest digit halfway")
    order = command.add_argument("--ranking", default="removal", help="whose units are switched off (default removal)")
    completed(order, completion.shelf("rankings"))
    command.add_argument("--out", metavar="DIR", help="write codes, table and figure there, whole or not at all")


def _add_generator(command: argparse.ArgumentParser) -> None:
    """Adds what is said of a generator, its canvases and who reads them."""
    what = "folder of a study and source with recorded generators, or pkg.module:factory"
    command.add_argument("what", metavar="RUN", help=what)
    command.add_argument("--layer", metavar="NAME", help="whose units are edited (default: of recorded ones that of the shelf)")
    readers = "who reads: a file, or a folder of a study with a variant of kind judge (default: exact on stamps, else looked for)"
    command.add_argument("--readers", metavar="PATH", help=readers)
    command.add_argument("--data-root", metavar="DIR", help=help_of(Options)["root"])
    recorded = command.add_argument_group("of recorded generators")
    variant = recorded.add_argument("--variant", metavar="NAME", help="by default the first")
    completed(variant, completion.recorded("variant", "what"))
    recorded.add_argument("--seed", type=int, metavar="N", help="by default the first")
    own = command.add_argument_group("of a generator of your own")
    own.add_argument("--latent", type=int, metavar="N", help="numbers in a code (default: the module's own latent)")
    own.add_argument("--weights", metavar="F", help="safetensors")
    completed(own.add_argument("--source", help="of the glyphs that it was trained on (default auto)"), SOURCES)
    own.add_argument("--size", type=int, metavar="N", help="rows and columns of its images (default 32)")
    own.add_argument("--glyph", type=int, metavar="N", help="rows and columns of a glyph (default 12)")
