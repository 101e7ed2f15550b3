"""The options of `mixmnist see`."""

import argparse

from mixmnist.commands import completion
from mixmnist.commands.completion import completed
from mixmnist.commands.manners import Parser
from mixmnist.commands.options import add_guest, help_of, make_command
from mixmnist.commands.pictures import see
from mixmnist.core.records import Options


def add_see(commands: "argparse._SubParsersAction[Parser]") -> None:
    """Adds the command."""
    example = "results/reference/sanity/mnist --way integrated,maco --unit 3,7 --out p.png"
    command = make_command(commands, "see", see, example, "draw what units or classes want to see, and say when to believe it")
    command.add_argument("what", metavar="DIR", help="folder of a study and source, or pkg.module:factory")
    named = "of `mixmnist list ways`, or files, with settings as integrated:steps=64 (default top,single,integrated)"
    way = command.add_argument("--way", action="append", default=[], metavar="A,B", help=named)
    completed(way, completion.listed("ways"))
    unit = command.add_argument("--unit", default="", metavar="N,N", help="numbers, all, or detectors (the default)")
    completed(unit, completion.of(("all", "detectors")))
    command.add_argument("--class", dest="classes", default="", metavar="N,N", help="numbers of classes, instead of units")
    of = command.add_argument("--of", default="", help="peak, mean, cell of units (default peak); logit, contrast of classes")
    completed(of, completion.of(("peak", "mean", "cell", "logit", "contrast")))
    command.add_argument("--layer", metavar="NAME", help="a layer's name (default: of recorded nets the one that feeds the head)")
    command.add_argument("--starts", type=int, default=1, metavar="N", help="pictures of each unit by each way (default 1)")
    command.add_argument("--seed-of-pictures", type=int, default=0, metavar="N", help="of the first picture (default 0)")
    command.add_argument(
        "--canvases", type=int, default=2_000, metavar="N", help="natural ones that are looked at (default 2000)"
    )
    command.add_argument("--out", default="seen.png", help="png, svg or pdf; or json: the numbers behind (default seen.png)")
    command.add_argument("--reader", metavar="F", help="safetensors; by default one is trained once, in two minutes, and kept")
    command.add_argument("--generator", metavar="F", help="safetensors, for dgn; by default likewise")
    command.add_argument("--tools", metavar="DIR", help="where these are kept (default DIR/tools, or tools beside --out)")
    command.add_argument("--data-root", metavar="DIR", help=help_of(Options)["root"])
    recorded = command.add_argument_group("of recorded nets")
    variant = recorded.add_argument("--variant", metavar="NAME", help="by default the first")
    completed(variant, completion.recorded("variant", "what"))
    recorded.add_argument("--seed", type=int, metavar="N", help="of the net; by default the first")
    add_guest(command.add_argument_group("of a network of your own"))
