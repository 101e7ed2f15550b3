"""The command `mixmnist`. Torch is imported only by the commands that need it, so that help answers at once.

Exit codes: 0; 1 some runs failed (they are listed); 2 one line that says what is wrong and the way out.
"""

import argparse
import ast
import inspect
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mixmnist.core import registry
from mixmnist.core.records import Canvas, Options, Task, require

if TYPE_CHECKING:
    from mixmnist.data.mixture import Mixture
    from mixmnist.report.drawing import Look
    from mixmnist.report.reading import StudyRecords

REFERENCE = Path("results/reference")
COSTS = Path(__file__).parent / "metrics" / "costs.json"  # measured by benchmarks/speed/metrics.py
Say = Callable[[str], None]


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command and gives its exit code. SIGTERM, which queues send before they kill, ends it as Ctrl-C does."""
    args = _parser().parse_args(argv)
    say: Say = (lambda _: None) if args.quiet else _print
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        code: int = args.command(args, say)
    except KeyboardInterrupt:
        _complain("stopped. What was finished is recorded; the same command goes on from there.")
        return 2
    except BrokenPipeError:  # whoever read our lines has had enough, as `head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter would complain at its end
        return 0
    except (ValueError, TypeError, OSError) as error:
        if args.debug:
            raise
        _complain(_one_line(error))
        return 2
    finally:
        signal.signal(signal.SIGTERM, before)
    return code


def _one_line(error: Exception) -> str:
    """Says an error in a line; those of the disk bring no way out of their own."""
    if isinstance(error, OSError) and error.strerror:
        place = f": {error.filename}" if error.filename else ""
        return f"{error.strerror}{place}. What was finished before is kept; mend that and type the same command again."
    return str(error)


def _print(line: str) -> None:
    from tqdm import tqdm

    tqdm.write(line)  # prints between progress bars
    sys.stdout.flush()


def _complain(line: str) -> None:
    print(f"mixmnist: {line}", file=sys.stderr, flush=True)  # noqa: T201 -- as above


def run(args: argparse.Namespace, say: Say) -> int:
    """Runs studies and prints each one's variants table as soon as it is ready."""
    options = Options(
        source=args.source,
        root=args.data_root,
        seeds=args.seeds,
        variants=tuple(v for v in args.variants.split(",") if v),
        device=args.device,
        precision=args.precision,
        threads=args.threads,
        cluster=args.cluster,
        out=args.out,
        quick=args.quick,
        refer=args.refer,
    )
    from mixmnist import sweep
    from mixmnist.report import compare_with
    from mixmnist.trust import analyse
    from mixmnist.trust._networks import recorded

    plans = [sweep.plan(study, options) for study in args.studies]  # all are checked before the first one starts
    _warn_of_digits(args.source, plans[0][0].source)
    if args.dry_run:
        for block in [block for plan in plans for block in plan]:
            state = "recorded" if block.recorded() == block.fingerprints else "to do"
            images = block.variant.training.epochs * block.variant.training.images * len(block.seeds)
            say(f"{block.label}: {len(block.seeds)} runs, {images:,} training images in all, {state}")
        return 0
    failures: list[str] = []
    finished = []
    for result in sweep.run_all(args.studies, options, say):
        failures += result.failures
        if recorded(result.folder):
            analyse(result.folder, plans[0][0].root, say)
            failures += _report(result.folder, say).damaged
            finished.append(result.folder)
    for folder in finished:
        say(compare_with(folder, Path(args.reference)))
    for folder in finished:
        say(f"Tables: {folder / 'tables'}   figures: {folder / 'figures'}   records: {folder / 'runs'}")
    for failure in failures:
        _complain(f"failed: {failure}")
    return 1 if failures else 0


def _warn_of_digits(asked: str, source: str) -> None:
    if asked == "auto" and source == "digits":
        _complain("WARNING: MNIST is neither on disk nor to be fetched; going on with scikit-learn's 8x8 digits.")


def report(args: argparse.Namespace, say: Say) -> int:
    """Writes tables and figures of folders of records."""
    from mixmnist.report.drawing import Look

    look = Look(tuple(args.format.split(",")), args.style, args.columns)
    only = tuple(name for name in args.only.split(",") if name)
    reports = [_report(Path(folder), say, look, only) for folder in args.folders]
    failures = [line for records in reports for line in (*records.failures, *records.damaged)]
    for failure in failures:
        _complain(f"failed: {failure}")
    return 1 if failures else 0


def _report(folder: Path, say: Say, look: "Look | None" = None, only: Sequence[str] = ()) -> "StudyRecords":
    """Writes a report and prints the variants table."""
    from mixmnist.report import show_variants, write_report

    say(f"Writing tables and figures of {folder} ...")
    records = write_report(folder, look, only)
    say(f"\n{show_variants(records)}")
    return records


def list_entries(args: argparse.Namespace, say: Say) -> int:
    """Lists what is on the shelves."""
    for shelf in [args.shelf] if args.shelf else registry.SHELVES:
        say(f"{shelf}:")
        for name, entry in registry.collect(shelf).items():
            columns = f" ({', '.join(entry.columns)})" if shelf == "metrics" else ""
            say(f"  {name:22} {entry.title}{columns}")
            if args.long:
                _card(shelf, name, entry, say)
    return 0


def _card(shelf: str, name: str, entry: object, say: Say) -> None:
    """Prints what an entry's file says of it: definition, source, and for a metric axes, chance, ceiling and measured cost."""
    facts = [f"{fact}: {getattr(entry, fact)}" for fact in ("axes", "chance", "ceiling") if getattr(entry, fact, None)]
    costs = json.loads(COSTS.read_text(encoding="utf-8")) if shelf == "metrics" else {"milliseconds": {}}
    if name in costs["milliseconds"]:
        facts.append(f"measured cost: {costs['milliseconds'][name]} ms with all that it needs ({costs['where']})")
    for line in [*registry.explain(shelf, name).strip().splitlines(), *facts, ""]:
        say(f"      {line}")


def preview(args: argparse.Namespace, say: Say) -> int:
    """Draws the first canvases of a mixture with their classes."""
    require(args.n <= 400, f"n must be at most 400 in a preview, got n={args.n}. Use mixmnist export for more.")
    mixture, source = _draw(args)
    from mixmnist.report.drawing import save_preview

    path = _new_file(args.out, (".png", ".pdf", ".svg"))
    classes = mixture.titles(len(mixture))
    caption = f"{args.task}, {source} glyphs, {args.split}, seed {args.seed}; above each canvas, its class."
    save_preview(mixture.images.numpy(), classes, caption, path)
    say(f"{len(mixture)} canvases: {path}")
    return 0


def export(args: argparse.Namespace, say: Say) -> int:
    """Writes a mixture and everything that is known about it to an .npz."""
    mixture, _ = _draw(args)
    import numpy as np

    path = _new_file(args.out, (".npz",))
    stored = mixture.as_arrays(masks=args.masks)
    partial = path.with_name(f".{path.name}.partial.npz")
    try:
        np.savez_compressed(partial, **stored)  # type: ignore[arg-type]  # its stubs take only named arrays
        partial.rename(path)
    finally:
        partial.unlink(missing_ok=True)
    say(f"{len(mixture)} canvases: {path} ({', '.join(stored)})")
    return 0


def layers(args: argparse.Namespace, say: Say) -> int:
    """Lists the layers of a network with their shapes and numbers of units."""
    import importlib

    import torch

    from mixmnist.probing import describe_layers

    module, _, factory = args.factory.partition(":")
    require(bool(factory), f"factory must be written pkg.module:function, got {args.factory!r}. Add the function's name.")
    sys.path.insert(0, str(Path.cwd()))
    try:
        made = getattr(importlib.import_module(module), factory)()
    except (ImportError, AttributeError, TypeError) as error:
        raise ValueError(f"factory must be callable without arguments, got {args.factory!r} with {error}.") from error
    require(isinstance(made, torch.nn.Module), f"factory must give a torch.nn.Module, got {type(made).__name__}.")
    try:
        found = describe_layers(made.eval(), torch.zeros(1, args.channels, args.size, args.size))
    except RuntimeError as error:
        problem = str(error).splitlines()[0]
        raise ValueError(
            f"the net must take [1, {args.channels}, {args.size}, {args.size}], got {problem}. Try --size or --channels."
        ) from error
    for name, kind, shape in found:
        units = f"{shape[0]} units" if shape else ""
        say(f"{name:30} {kind:20} {'x'.join(map(str, shape)):>14}   {units}")
    return 0


def audit(args: argparse.Namespace, say: Say) -> int:
    """Checks a mixture against what is promised of it."""
    from mixmnist.data.audit import audit as check
    from mixmnist.data.sources import resolve_source
    from mixmnist.report.tables import as_markdown

    canvas, settings = _canvas(args), _settings(args)
    _warn_of_digits(args.source, resolve_source(args.source, args.data_root)[0])
    more = {"canvas": canvas, "settings": settings, "root": args.data_root, "seed": args.seed}
    found = check(args.task, args.source, args.split, args.n, **more)
    say(as_markdown(found.assign(good=found["good"].map({True: "yes", False: "NO"}))))
    return 0 if found["good"].all() else 1


def verify(args: argparse.Namespace, say: Say) -> int:
    """Recomputes recorded scores from recorded weights."""
    from mixmnist.verifying import verify as check

    code = 0
    for folder in args.folders:
        for found in check(folder, args.data_root):
            said = "; ".join(found.differences) or "as recorded"
            say(f"{folder} {found.run}: {said}")
            code = max(code, 2 if found.fatal else 1 if found.differences else 0)
    return code


def index(args: argparse.Namespace, say: Say) -> int:
    """Writes a page that says what results there are and what they say of the claims."""
    from mixmnist.report.index import write_index

    path = _new_file(args.out, (".md",))
    write_index(Path(args.folder), path)
    say(f"Index: {path}")
    return 0


def plan(args: argparse.Namespace, say: Say) -> int:
    """Says how many seeds it takes to see a difference of two variants, from the spread that the recorded seeds show."""
    from mixmnist.report.reading import read_study
    from mixmnist.stats import plan_seeds

    records = read_study(Path(args.folder))
    runs = records.of_layer(records.layer).runs.set_index("seed")
    scores = runs.select_dtypes("number").columns.drop("threads").tolist()
    asked = {
        "score": (args.score, scores),
        "variant": (args.variant, records.variants),
        "against": (args.against, records.variants),
    }
    for kind, (name, known) in asked.items():
        if name not in known:
            raise registry.nearest(kind, name, known)
    require(args.variant != args.against, f"against must be another variant, got against={args.against}. Name both.")
    ours, theirs = (runs.loc[runs["variant"] == variant, args.score].astype(float) for variant in (args.variant, args.against))
    found = plan_seeds((ours - theirs).tolist(), args.effect, power=args.power)
    sd, seen = f"{found.sd.mean:.3g} [{found.sd.lower:.3g}, {found.sd.upper:.3g}]", f"with power {args.power:g}"
    name = f"{args.score} of {args.variant} - {args.against}, layer {records.layer}"
    say(f"{name}: mean {found.mean:.3g}, sd {sd} over {found.sd.n} seeds.")
    say(f"To see {args.effect:g} {seen}: {found.seeds} seeds, or {found.seeds_at_worst} if the sd is at its upper bound.")
    say(f"The {found.sd.n} seeds see {found.smallest:.3g} {seen}. Paired t interval, 95 %; differences taken as normal.")
    return 0


def _canvas(args: argparse.Namespace) -> Canvas:
    """Gives the layout that the options ask for."""
    entry: Task = registry.choose("tasks", args.task)
    return Canvas(entry.canvas.size if args.size is None else args.size, args.glyph, args.overlap)


def _settings(args: argparse.Namespace) -> dict[str, float]:
    """Gives the task's settings that the options ask for."""
    settings = {}
    for setting in args.set:
        name, _, value = setting.partition("=")
        try:
            settings[name] = float(value)
        except ValueError:
            raise ValueError(f"set must be written name=number, got {setting!r}. For example --set q=.5.") from None
    return settings


def _draw(args: argparse.Namespace) -> "tuple[Mixture, str]":
    """Draws the mixture that the options ask for; gives it and the name of its source."""
    from mixmnist.data.mixture import draw
    from mixmnist.data.sources import resolve_source

    canvas, settings = _canvas(args), _settings(args)
    source, root = resolve_source(args.source, args.data_root)
    _warn_of_digits(args.source, source)
    mixture = draw(args.task, source, args.split, args.n, canvas=canvas, settings=settings, root=root, seed=args.seed)
    return mixture, source


def _new_file(name: str, endings: tuple[str, ...]) -> Path:
    path = Path(name)
    require(path.suffix in endings, f"out must end in {' or '.join(endings)}, got {name!r}. Rename it.")
    require(not path.is_dir(), f"out must be a file, got the folder {name!r}. Add a file name.")
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def help_of(configuration: type) -> dict[str, str]:
    """Gives the string under each field of a dataclass, which is the option's help."""
    body = ast.parse(inspect.getsource(configuration)).body[0]
    assert isinstance(body, ast.ClassDef)
    found = {}
    for field, text in zip(body.body, body.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            assert isinstance(field.target, ast.Name)
            found[field.target.id] = str(text.value.value).replace("%", "%%")
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mixmnist",
        description="A controlled bench for claims about units: which units detect which digits, at what cost.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_run(commands)
    command = _command(commands, "report", report, "results/local/sanity/digits", "write tables and figures from records")
    command.add_argument(
        "folders", nargs="+", metavar="DIR", help="folder of a study and source, e.g. results/local/sanity/mnist"
    )
    command.add_argument(
        "--only", default="", metavar="FIGURES", help="names of the figures to draw; by default all, and all tables"
    )
    command.add_argument("--format", default="pdf,png", metavar="KINDS", help="some of pdf, svg, png")
    command.add_argument("--style", default="paper", help="one of paper, talk (larger letters and lines)")
    command.add_argument("--columns", default="two", help="one or two: columns of a page that a figure is at least as wide as")
    command = _command(commands, "list", list_entries, "metrics", "list tasks, sources, nets and metrics")
    command.add_argument("shelf", nargs="?", choices=list(registry.SHELVES), help="one of them; by default all")
    command.add_argument("--long", action="store_true", help="with definition, source, range, chance and ceiling")
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
    command = _command(
        commands, "verify", verify, "results/reference/sanity/mnist", "recompute recorded scores from recorded weights"
    )
    command.add_argument("folders", nargs="+", metavar="DIR", help="folder of a study and source")
    command.add_argument("--data-root", metavar="DIR", help=help_of(Options)["root"])
    command = _command(commands, "index", index, "results/reference --out results/README.md", "write a page of all verdicts")
    command.add_argument("folder", metavar="DIR", help="folder of results, <study>/<source> each")
    command.add_argument("--out", default="results/README.md", help="the page (default results/README.md)")
    command = _command(
        commands,
        "plan",
        plan,
        "results/reference/sanity/mnist --score unique_concepts --variant wide --effect 1",
        "say how many seeds see a difference of two variants",
    )
    command.add_argument("folder", metavar="DIR", help="folder of a study and source, with 5 or more seeds of both variants")
    command.add_argument("--score", required=True, help="a number of its table of runs, e.g. accuracy")
    command.add_argument("--variant", required=True, help="one of its variants")
    command.add_argument("--against", default="baseline", metavar="VARIANT", help="the other one (default baseline)")
    command.add_argument("--effect", required=True, type=float, help="smallest difference that matters, in the score's unit")
    command.add_argument("--power", default=0.8, type=float, help="wanted probability of seeing it (default .8)")
    command = _command(
        commands, "layers", layers, "torchvision.models:resnet18 --channels 3 --size 64", "list the layers of a network"
    )
    command.add_argument("factory", metavar="pkg.module:factory", help="called without arguments, gives a torch.nn.Module")
    command.add_argument("--size", type=int, default=32, help="rows and columns of the input (default 32)")
    command.add_argument("--channels", type=int, default=1, help="channels of the input (default 1)")
    return parser


def _command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    function: Callable[[argparse.Namespace, Say], int],
    example: str,
    summary: str,
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=summary, description=summary, epilog=f"example: mixmnist {name} {example}")
    command.set_defaults(command=function)
    command.add_argument("--quiet", action="store_true", help="print nothing but errors")
    command.add_argument("--debug", action="store_true", help="on an error, show where it was raised")
    return command


def _add_run(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = _command(commands, "run", run, "sanity --source digits --seeds 1", "run studies; what is recorded is not run again")
    texts, defaults = help_of(Options), Options()
    command.add_argument("studies", nargs="+", metavar="STUDY", help="a study's file, or the name of a file in ./benchmarks")
    command.add_argument("--source", default=defaults.source, help=texts["source"])
    command.add_argument("--data-root", metavar="DIR", help=texts["root"])
    command.add_argument("--seeds", type=int, metavar="N", help=texts["seeds"])
    command.add_argument("--variants", default="", metavar="A,B", help=texts["variants"])
    command.add_argument("--device", default=defaults.device, help=texts["device"])
    command.add_argument("--precision", default=defaults.precision, help=texts["precision"])
    command.add_argument("--threads", type=int, default=defaults.threads, metavar="N", help=texts["threads"])
    command.add_argument("--cluster", metavar="ADDRESS", help=texts["cluster"])
    command.add_argument("--out", default=defaults.out, metavar="DIR", help=texts["out"])
    command.add_argument("--quick", action="store_true", help=texts["quick"])
    command.add_argument("--refer", metavar="DIR", help=texts["refer"])
    command.add_argument("--dry-run", action="store_true", help="print the blocks and whether they are recorded; run nothing")
    command.add_argument("--reference", default=str(REFERENCE), metavar="DIR", help="what the result is compared with at the end")


def _add_mixture(command: argparse.ArgumentParser, n: int, out: str | None = None) -> None:
    texts, canvas = help_of(Canvas), Canvas()
    command.add_argument("--task", default="pairs", help=f"one of {', '.join(registry.names('tasks'))}")
    command.add_argument("--source", default="auto", help=help_of(Options)["source"])
    command.add_argument("--data-root", metavar="DIR", help=help_of(Options)["root"])
    command.add_argument("--split", default="test", help="train, test or rank")
    command.add_argument("--n", type=int, default=n, help=f"number of canvases (default {n})")
    command.add_argument("--seed", type=int, default=0, help="the same seed gives the same canvases on every machine")
    command.add_argument("--size", type=int, help=f"{texts['size']} By default the task's own.")
    command.add_argument("--glyph", type=int, default=canvas.glyph, help=texts["glyph"])
    command.add_argument("--overlap", default=canvas.overlap, help=texts["overlap"])
    command.add_argument("--set", action="append", default=[], metavar="NAME=NUMBER", help="a task's setting, e.g. q=.5")
    if out is not None:
        command.add_argument("--out", default=out, help=f"where to write (default {out})")


if __name__ == "__main__":
    sys.exit(main())
