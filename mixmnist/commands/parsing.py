"""The command line: every command with its options. Torch is imported only by the commands that need it."""

import argparse
from pathlib import Path

from mixmnist.commands import completion
from mixmnist.commands.answers import Answer, Say
from mixmnist.commands.canvases import audit, export, preview
from mixmnist.commands.completion import completed
from mixmnist.commands.dictionaries import features
from mixmnist.commands.grading import grade
from mixmnist.commands.labelling import label_options, labels
from mixmnist.commands.manners import BEGIN, VERSION, WHAT, Parser, begin
from mixmnist.commands.nets import evaluate, layers, plant
from mixmnist.commands.options import DEVICES, SOURCES, add_guest, help_of
from mixmnist.commands.options import make_command as _command
from mixmnist.commands.pages import page
from mixmnist.commands.parsing_dissect import add_dissect
from mixmnist.commands.parsing_see import add_see
from mixmnist.commands.shelves import list_entries
from mixmnist.commands.studies import demo, index, plan, report, run, verify
from mixmnist.core import registry
from mixmnist.core.records import Canvas, Options

REFERENCE = Path("results/reference")


def write_completion(args: argparse.Namespace, say: Say) -> Answer:
    """Prints the lines that make a shell complete."""
    lines = completion.script(args.shell)
    say(lines)
    return Answer({"shell": args.shell, "script": lines})


def make_parser() -> argparse.ArgumentParser:
    """Makes the parser of the whole command line."""
    parser = Parser(
        prog="mixmnist", description=f"mixmnist {WHAT}", epilog=BEGIN, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="version", version=VERSION)
    parser.set_defaults(command=begin, quiet=False, json=False)
    commands = parser.add_subparsers(metavar="COMMAND")
    _add_run(commands)
    for add in (
        _add_results,
        _add_canvases,
        _add_checks,
        _add_plan,
        _add_layers_and_completion,
        _add_evaluate,
        _add_features,
        add_see,
        add_dissect,
    ):
        add(commands)
    _add_labels(commands)
    return parser


def _add_results(commands: "argparse._SubParsersAction[Parser]") -> None:
    command = _command(commands, "demo", demo, "--out results/local", "a first look in half a minute: train, score, draw")
    command.add_argument("--out", default=Options.out, metavar="DIR", help=help_of(Options)["out"])
    command = _command(commands, "report", report, "results/local/sanity/digits", "write tables and figures from records")
    command.add_argument(
        "folders", nargs="+", metavar="DIR", help="folder of a study and source, e.g. results/local/sanity/mnist"
    )
    command.add_argument(
        "--only", default="", metavar="FIGURES", help="names of the figures to draw; by default all, and all tables"
    )
    command.add_argument("--annotations", metavar="FILE", help="what a person said of the units, as their page exports it")
    command.add_argument("--force", action="store_true", help="write over files that git tracks, too; by default they stay")
    command.add_argument("--data-root", metavar="DIR", help=help_of(Options)["root"])
    command.add_argument("--format", default="pdf,svg,png", metavar="KINDS", help="some of pdf, svg, png")
    command.add_argument("--style", default="paper", help="one of paper, talk (larger letters and lines)")
    command.add_argument("--columns", default="two", help="one or two of a page, which figures fill: 3.3 or 6.9 inches")
    command.add_argument("--panels", default="", metavar="NAMES", help="columns to show, of figures that have panels of them")
    command.add_argument(
        "--variants", default="", metavar="NAMES", help="variants to show in figures and in variants.tex; by default all"
    )
    command.add_argument("--columns-of", default="", metavar="NAMES", help="columns of the table for papers, variants.tex")
    summary = "make a page of units that opens in a browser; of several folders one for comparing them"
    command = _command(commands, "page", page, "results/local/sanity/digits", summary)
    command.add_argument("folders", nargs="+", metavar="DIR", help="folder of a study and source, or of an evaluated network")
    command.add_argument("--out", metavar="DIR", help="where to write (default DIR/report; needed for several folders)")
    command.add_argument("--pictures", action="store_true", help="also what units want, by several ways: minutes, one folder")
    command.add_argument("--data-root", metavar="DIR", help=help_of(Options)["root"])
    command = _command(commands, "list", list_entries, "metrics", "list what the shelves hold")
    command.add_argument("shelf", nargs="?", choices=list(registry.SHELVES), help="one of them; by default all")
    command.add_argument("--long", action="store_true", help="with definition, source, range, chance and ceiling")


def _add_canvases(commands: "argparse._SubParsersAction[Parser]") -> None:
    command = _command(commands, "preview", preview, "--task redundant --out p.png", "draw some canvases with their classes")
    _add_mixture(command, n=32, out="p.png")
    command = _command(
        commands,
        "export",
        export,
        "--task pairs --n 1000 --out mixtures.npz",
        "write canvases and their truth to an .npz",
    )
    _add_mixture(command, n=10_000, out="mixtures.npz")
    command.add_argument(
        "--masks", action="store_true", help="also the ink masks [n, concepts, rows, cols]: a byte a pixel in memory"
    )
    command = _command(commands, "audit", audit, "--task pairs --overlap max", "check a mixture against what is promised of it")
    _add_mixture(command, n=10_000)


def _add_checks(commands: "argparse._SubParsersAction[Parser]") -> None:
    command = _command(
        commands, "verify", verify, "results/reference/sanity/mnist", "recompute recorded scores from recorded weights"
    )
    command.add_argument("folders", nargs="+", metavar="DIR", help="folder of a study and source")
    command.add_argument("--data-root", metavar="DIR", help=help_of(Options)["root"])
    summary = "grade a metric, a dictionary or a way of your own on what is planted, beside the shelf's"
    command = _command(commands, "grade", grade, "examples/margin.py --out card", summary)
    ends = "it ends in METRIC = Metric(...), DICTIONARY = Dictionary(...) or WAY = Way(...)"
    command.add_argument("file", metavar="mine.py", help=ends)
    command.add_argument("--out", metavar="DIR", help="write the card, every test and the response curves there")
    command = _command(
        commands, "plant", plant, "--set misses=.2 --set noise=.1 --concept 3", "plant a unit with faults and score it"
    )
    command.add_argument("--set", action="append", default=[], metavar="DIAL=NUMBER", help="a fault, from 0 to 1, e.g. misses=.2")
    command.add_argument("--concept", default="0", help="the digit that the unit is for (default 0)")
    command.add_argument("--prevalence", type=float, default=0.2, help="share of images that show the digit (default .2)")
    command.add_argument("--units", type=int, default=10, help="units of the layer, 10 or more (default 10)")
    command.add_argument("--n", type=int, default=10_000, help="number of images (default 10000)")
    command.add_argument("--seed", type=int, default=0, help="of the images and of the faults' chance")
    command = _command(commands, "index", index, "results/reference --out results/README.md", "write a page of all verdicts")
    command.add_argument("folder", metavar="DIR", help="folder of results, <study>/<source> each")
    command.add_argument("--out", help="the page (default DIR/README.md)")


def _add_plan(commands: "argparse._SubParsersAction[Parser]") -> None:
    command = _command(
        commands,
        "plan",
        plan,
        "results/reference/sanity/mnist --score unique_concepts --variant wide --effect 1",
        "say how many seeds see a difference of two variants",
    )
    command.add_argument("folder", metavar="DIR", help="folder of a study and source, with 5 or more seeds of both variants")
    score = command.add_argument("--score", required=True, help="a number of its table of runs, e.g. accuracy")
    completed(score, completion.recorded(None))
    one = command.add_argument("--variant", required=True, help="one of its variants")
    other = command.add_argument("--against", default="baseline", metavar="VARIANT", help="the other one (default baseline)")
    for variant in (one, other):
        completed(variant, completion.recorded("variant"))
    command.add_argument("--effect", required=True, type=float, help="smallest difference that matters, in the score's unit")
    command.add_argument("--power", default=0.8, type=float, help="wanted probability of seeing it (default .8)")


def _add_layers_and_completion(commands: "argparse._SubParsersAction[Parser]") -> None:
    command = _command(
        commands, "layers", layers, "torchvision.models:resnet18 --channels 3 --size 64", "list the layers of a network"
    )
    command.add_argument("factory", metavar="pkg.module:factory", help="called without arguments, gives a torch.nn.Module")
    command.add_argument("--size", type=int, default=32, help="rows and columns of the input (default 32)")
    command.add_argument("--channels", type=int, default=1, help="channels of the input (default 1)")
    example = 'bash      # read it in ~/.bashrc: eval "$(mixmnist completion bash)"'
    command = _command(commands, "completion", write_completion, example, "print what completes commands and names in a shell")
    command.add_argument("shell", choices=completion.SHELLS, help="the shell that reads it")


def _add_run(commands: "argparse._SubParsersAction[Parser]") -> None:
    command = _command(commands, "run", run, "sanity --source digits --seeds 1", "run studies; what is recorded is not run again")
    texts, defaults = help_of(Options), Options()
    studies = command.add_argument(
        "studies", nargs="+", metavar="STUDY", help="a study's file, or the name of one in ./benchmarks"
    )
    completed(studies, completion.studies)
    completed(command.add_argument("--source", default=defaults.source, help=texts["source"]), SOURCES)
    command.add_argument("--data-root", metavar="DIR", help=texts["root"])
    command.add_argument("--seeds", type=int, metavar="N", help=texts["seeds"])
    completed(command.add_argument("--variants", default="", metavar="A,B", help=texts["variants"]), completion.variants)
    device = command.add_argument("--device", default=defaults.device, help=texts["device"])
    completed(device, completion.of(DEVICES))
    precision = command.add_argument("--precision", default=defaults.precision, help=texts["precision"])
    completed(precision, completion.of(("auto", "float32", "bf16")))
    command.add_argument("--threads", type=int, default=defaults.threads, metavar="N", help=texts["threads"])
    command.add_argument("--cluster", metavar="ADDRESS", help=texts["cluster"])
    command.add_argument("--out", default=defaults.out, metavar="DIR", help=texts["out"])
    command.add_argument("--quick", action="store_true", help=texts["quick"])
    command.add_argument("--no-page", action="store_true", help="leave the page out; `mixmnist page` makes it at any time")
    command.add_argument("--refer", metavar="DIR", help=texts["refer"])
    command.add_argument("--dry-run", action="store_true", help="print the blocks, about their time and memory; run nothing")
    command.add_argument("--reference", default=str(REFERENCE), metavar="DIR", help="what the result is compared with at the end")


def _add_evaluate(commands: "argparse._SubParsersAction[Parser]") -> None:
    example = "torchvision.models:resnet18 --layer layer3,layer4 --size 64 --channels 3 --source digits"
    command = _command(commands, "evaluate", evaluate, example, "score the units of your own network, or of arrays")
    command.add_argument(
        "factory", nargs="?", metavar="pkg.module:factory", help="called without arguments, gives a torch.nn.Module"
    )
    command.add_argument("--layer", action="append", default=[], metavar="NAME", help="layers to score: A,B or several times")
    command.add_argument("--axis", type=int, metavar="N", help="of the layers' output that counts units (1, 2, -1), if unclear")
    command.add_argument("--weights", nargs="+", metavar="F", help="safetensors; several are several trainings, for intervals")
    command.add_argument("--arrays", metavar="F.npz", help="instead of a network: response, present and more as plain arrays")
    named = f"one of {', '.join(registry.names('tasks'))}, or a file ending in TASK"
    completed(command.add_argument("--task", default="pairs", help=named), completion.shelf("tasks", files=".py"))
    completed(command.add_argument("--source", default="auto", help=help_of(Options)["source"]), SOURCES)
    command.add_argument("--data-root", metavar="DIR", help=help_of(Options)["root"])
    command.add_argument(
        "--size", type=int, help="rows and columns of the canvas; by default the task's. Glyphs are scaled with it."
    )
    command.add_argument("--channels", type=int, default=1, help="1 or 3: that the network takes (default 1)")
    command.add_argument("--transform", metavar="pkg.module:function", help="applied to images in [0, 1] before the network")
    command.add_argument(
        "--metric", action="append", default=[], metavar="F.py", help="a metric of your own: a file ending in METRIC"
    )
    command.add_argument("--n", type=int, default=10_000, help="test and rank canvases, each (default 10000)")
    command.add_argument("--few", type=int, help="of them for maps and for silencing by running again (default one of 5)")
    command.add_argument("--permutations", type=int, default=1000, help="for p-values (default 1000)")
    command.add_argument("--seed", type=int, default=0, help="of the canvases")
    device = command.add_argument("--device", default="auto", help=help_of(Options)["device"])
    completed(device, completion.of(DEVICES))
    command.add_argument("--name", help="what the network is called (default: the factory's name)")
    command.add_argument("--out", default="results/local", metavar="DIR", help="results go to OUT/<name>/<source>")


def _add_mixture(command: argparse.ArgumentParser, n: int, out: str | None = None) -> None:
    texts, canvas = help_of(Canvas), Canvas()
    named = f"one of {', '.join(registry.names('tasks'))}, or a file ending in TASK (default pairs)"
    completed(command.add_argument("--task", default="pairs", help=named), completion.shelf("tasks", files=".py"))
    completed(command.add_argument("--source", default="auto", help=help_of(Options)["source"]), SOURCES)
    command.add_argument("--data-root", metavar="DIR", help=help_of(Options)["root"])
    split = command.add_argument("--split", default="test", help="train, test or rank")
    completed(split, completion.of(("train", "test", "rank")))
    command.add_argument("--n", type=int, default=n, help=f"number of canvases (default {n})")
    command.add_argument("--seed", type=int, default=0, help="the same seed gives the same canvases on every machine")
    command.add_argument("--size", type=int, help=f"{texts['size']} By default the task's own.")
    command.add_argument("--glyph", type=int, default=canvas.glyph, help=texts["glyph"])
    overlap = command.add_argument("--overlap", default=canvas.overlap, help=texts["overlap"])
    completed(overlap, completion.of(("clip", "max", "reject", "wrap")))
    command.add_argument("--set", action="append", default=[], metavar="NAME=NUMBER", help="a task's setting, e.g. q=.5")
    if out is not None:
        command.add_argument("--out", default=out, help=f"where to write (default {out})")


def _add_features(commands: "argparse._SubParsersAction[Parser]") -> None:
    summary = "fit dictionaries on a layer's cells: are the concepts there in another basis?"
    example = "results/reference/sanity/mnist --dictionaries ica,kmeans"
    command = _command(commands, "features", features, example, summary)
    what = "folder of a study and source, or pkg.module:factory"
    command.add_argument("what", nargs="?", metavar="DIR", help=what)
    command.add_argument("--arrays", metavar="F.npz", help="instead: rows [n, units] and present [n, concepts], 0 or 1")
    named = "names of `mixmnist list dictionaries`, with settings as topk:k=1; by default the whole shelf"
    shelf = command.add_argument("--dictionaries", default="", metavar="A,B", help=named)
    completed(shelf, completion.listed("dictionaries"))
    own = command.add_argument("--dictionary", action="append", default=[], metavar="F.py", help="one of your own, or a name")
    completed(own, completion.shelf("dictionaries", files=".py"))
    command.add_argument("--atoms", default="20", metavar="N,N", help="numbers of atoms (default 20)")
    command.add_argument("--seeds", type=int, default=1, metavar="N", help="of each dictionary (default 1)")
    command.add_argument("--cells", type=int, default=40_000, metavar="N", help="that a dictionary is fitted on (default 40000)")
    command.add_argument("--images", type=int, default=2_500, metavar="N", help="that they are of, and scored on (default 2500)")
    command.add_argument("--rotate", action="store_true", help="rotate the units at random before all else")
    command.add_argument("--fast", action="store_true", help="leave out the scores that take seconds, as dci")
    command.add_argument("--page", action="store_true", help="also a page of atoms beside units; unnamed: ica, sparse, topk:k=1")
    command.add_argument("--out", metavar="DIR", help="where to write, whole or not at all (default DIR/features)")
    command.add_argument("--data-root", metavar="DIR", help=help_of(Options)["root"])
    command.add_argument("--layer", metavar="NAME", help="a layer's name (default: of recorded nets the one that feeds the head)")
    recorded = command.add_argument_group("of recorded nets")
    variants = recorded.add_argument("--variants", default="", metavar="A,B", help="by default all")
    completed(variants, completion.recorded("variant", "what"))
    add_guest(command.add_argument_group("of a network of your own"))


def _add_labels(commands: "argparse._SubParsersAction[Parser]") -> None:
    summary = "label the units of recorded nets, or take labels from a file, and judge them"
    label_options(_command(commands, "labels", labels, "results/reference/sanity/mnist --variants baseline", summary))
