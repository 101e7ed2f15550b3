"""Commands about studies: run them, write their tables and figures, verify, index and plan them.

A file of over 300 lines: all of them begin by finding studies and end in the same screen.
"""

import argparse
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mixmnist.commands.answers import Answer, Say, at_work, complain, new_file, warn_of_digits
from mixmnist.commands.pages import annotate, tell_page
from mixmnist.core import registry
from mixmnist.core.records import Options, require
from mixmnist.core.studies import load_study

if TYPE_CHECKING:
    from mixmnist.grid.block import Block
    from mixmnist.report.drawing import Look
    from mixmnist.report.plots import Shown
    from mixmnist.report.reading import StudyRecords

NEXT = """
Open the page above in a browser, then type next:
  mixmnist run sanity usefulness --dry-run   how long the two real studies take here, and in what memory
  mixmnist evaluate --help                   the same scores for the units of your own network"""


def run(args: argparse.Namespace, say: Say) -> Answer:
    """Runs studies and prints each one's variants table as soon as it is ready; a dry run says what would be run."""
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
    if args.dry_run:
        return _dry_run(args.studies, options, Path(args.reference), say)
    return _run(args.studies, options, say, Path(args.reference), page=not args.no_page)


def demo(args: argparse.Namespace, say: Say) -> Answer:
    """Runs the study `demo` with what comes with the package: scikit-learn's digits, one seed, no network."""
    say("Two small nets on scikit-learn's digits: half a minute. Their scores are those of a toy; the real study is `sanity`.")
    from mixmnist.report.drawing import Look

    on_screen = Look(("svg", "png"))
    answer = _run(["demo"], Options(source="digits", device="cpu", out=args.out), say, look=on_screen)
    say(NEXT)
    return answer


def _run(
    studies: Sequence[str],
    options: Options,
    say: Say,
    reference: Path | None = None,
    page: bool = True,
    look: "Look | None" = None,
) -> Answer:
    """Runs studies; compares with a reference, if one is named, at the end."""
    from mixmnist.grid import sweep
    from mixmnist.report.ending import end
    from mixmnist.trust import analyse
    from mixmnist.trust._networks import recorded

    plans = _plans(studies, options, say)  # all are checked before the first one starts
    for blocks in plans:
        runs, n_blocks = sum(len(block.seeds) for block in blocks), len(blocks)
        what = f"{runs} network{'s' * (runs > 1)} in {n_blocks} block{'s' * (n_blocks > 1)}"
        say(f"{blocks[0].folder}: {what}, glyphs: {blocks[0].source} ...")
    for study, blocks in zip(studies, plans, strict=True):
        _tell_others(study, options, blocks, say)
    failures: list[str] = []
    finished: dict[Path, StudyRecords] = {}
    for result in sweep.run_all(studies, options, say):
        failures += result.failures
        if recorded(result.folder):
            analyse(result.folder, plans[0][0].root, say)
            finished[result.folder] = _report(result.folder, say, plans[0][0].root, look)
            failures += finished[result.folder].damaged
            if page:
                _tell_page(result.folder, finished[result.folder], plans[0][0].root, say)
    endings = [end(folder, records, reference) for folder, records in finished.items()]
    for ending, folder in zip(endings, finished, strict=True):
        say("\n" + "\n".join(ending.lines))
        say(f"Tables, figures and records: {folder}/ (tables, figures, runs)")
        if page and finished[folder].is_scored:
            say(f"Page, to be opened in a browser: {folder / 'report' / 'index.html'}")
    for failure in failures:
        complain(f"failed: {failure}")
    return _told(finished, failures, [ending.data for ending in endings])


def _tell_others(study: str, options: Options, blocks: "list[Block]", say: Say) -> None:
    """Names the variants of a study that nobody asked for and that are not among its usual ones."""
    run = {block.name for block in blocks}
    others = [name for name in load_study(study)[1].variants if name not in run]
    if others and not options.variants:
        say(f"Not run unless they are named: --variants {','.join(others)}")


def _tell_page(folder: Path, records: "StudyRecords", root: str | None, say: Say) -> None:
    """Makes a study's page; says that there is none where no network is scored."""
    if records.is_scored:
        tell_page([folder], folder / "report", root, say)
    else:
        say(f"No page of {folder}: a page shows units with their scores, and none of its networks is scored.")


def _plans(studies: Sequence[str], options: Options, say: Say) -> "list[list[Block]]":
    """Gives the blocks of each study, everything checked; says what takes long, and that `auto` found no MNIST."""
    from mixmnist.grid import sweep

    with at_work(f"Looking for the glyphs of {options.source}; they are fetched if they are not on this machine", say):
        plans = [sweep.plan(study, options) for study in studies]
    warn_of_digits(options.source, plans[0][0].source)
    return plans


def _dry_run(studies: Sequence[str], options: Options, reference: Path, say: Say) -> Answer:
    """Says what blocks there are, whether they are recorded, and about how long the others take and what memory they need."""
    from mixmnist.grid import estimating, sweep

    blocks = [block for plan in _plans(studies, options, say) for block in plan]
    left = [estimating.what_is_left(block, blocks[:place]) for place, block in enumerate(blocks)]
    todo = [block for block, state in zip(blocks, left, strict=True) if state in ("to do", "to score")]
    with at_work("Timing a little of the training here, for what no record tells", say):
        paces = iter(estimating.find_paces(todo, (Path(options.out), reference)))
    bases = dict[str, int]()
    rows, costs = [], []
    for block, state in zip(blocks, left, strict=True):
        images = block.variant.training.epochs * block.variant.training.images * len(block.seeds)
        pace = next(paces) if state in ("to do", "to score") else None
        cost = estimating.estimate(block, pace, state == "to score") if pace else None
        if pace and cost:
            costs.append(cost)
            bases[pace.basis] = bases.get(pace.basis, 0) + 1
        about = f", about {cost}" if cost else ""
        say(f"{block.label}: {len(block.seeds)} runs, {images:,} training images in all, {state}{about}")
        row = {"block": block.label, "runs": len(block.seeds), "training_images": images, "state": state}
        rows.append(row | (asdict(cost) if cost else {"seconds": 0, "memory": 0}))
    if not todo:
        return Answer({"blocks": rows, "seconds": 0, "memory": 0})
    together = sweep.blocks_at_a_time(todo, options.threads)
    total = estimating.in_all(costs, together)
    say(f"In all: about {total}, {together} at a time; tables and figures are not counted.")
    counted = [basis if len(bases) == 1 else f"{n} block{'s' if n > 1 else ''} {basis}" for basis, n in bases.items()]
    basis = "; ".join(counted)
    say("Time: " + ";\n      ".join(counted) + ".")
    say(f"Memory: {estimating.COUNTED}.")
    say("Without --dry-run the same command runs them; it may be stopped at any time and goes on where it was.")
    return Answer({"blocks": rows, **asdict(total), "at_a_time": together, "basis": basis})


def report(args: argparse.Namespace, say: Say) -> Answer:
    """Writes tables and figures of folders of records; over what git tracks only if it is told to."""
    from mixmnist.core.sums import title_troubles
    from mixmnist.page.making import losses
    from mixmnist.report.committed import committed
    from mixmnist.report.drawing import Look
    from mixmnist.report.plots import Shown

    if args.annotations:
        require(not args.only, "annotations and --only are two things, got both. Give one of them.")
        return annotate(args, say)
    look = Look(tuple(args.format.split(",")), args.style, args.columns)
    only = _names(args.only)
    shown = Shown(_names(args.panels), _names(args.variants), _names(args.columns_of))
    require(not (only and shown.columns), "columns-of is of a table, and --only draws figures alone, got both. Give one of them.")
    homes, root = [Path(folder) for folder in args.folders], args.data_root
    for home in homes:
        if home.is_dir() and (wrong := title_troubles(home)):
            raise ValueError(f"{' '.join(wrong)} Nothing was written.")
    kept = {home: frozenset() if args.force else committed(home) for home in homes}
    reports = {home: _report(home, say, root, look, only, kept[home], shown) for home in homes}
    for folder in () if only or shown != Shown() else reports:  # a page shows all there is
        _tell_page(folder, reports[folder], root, say)
    failures = [line for records in reports.values() for line in (*records.failures, *records.damaged)]
    failures += [line for folder in reports for line in losses(folder) if line not in failures]
    for failure in failures:
        complain(f"failed: {failure}")
    return _told(reports, failures)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in text.split(",") if name)


def _report(
    folder: Path,
    say: Say,
    root: str | None,
    look: "Look | None" = None,
    only: Sequence[str] = (),
    keep: Collection[Path] = (),
    shown: "Shown | None" = None,
) -> "StudyRecords":
    """Writes a report; prints the variants table as soon as the tables are there, before figures are drawn."""
    from mixmnist.report import show_variants, write_report
    from mixmnist.report.drawing import FORMATS, Look
    from mixmnist.report.plots import Shown
    from mixmnist.trust import draw_analyses
    from mixmnist.trust._regions import regions_of

    def show(records: "StudyRecords") -> None:
        say(f"\n{show_variants(records)}")
        say(f"Drawing figures of {folder} ...")

    look = look or Look(FORMATS)
    records = write_report(folder, look, only, keep, say, show, shown or Shown(), regions_of(folder, root))
    if not only:
        draw_analyses(folder, look, keep, say)
    for line in records.left_out:
        say(line)
    return records


def _told(
    reports: "Mapping[Path, StudyRecords]", failures: Sequence[str], compared: Sequence[dict[str, object]] | None = None
) -> Answer:
    """Gives what lies in which folder, each with the table of its variants, all layers, what failed, and how a run compares."""
    from mixmnist.report.tables import summarise

    studies = [
        {"folder": str(folder), "notes": records.notes(), "variants": summarise(records.runs).to_dict("records")}
        for folder, records in reports.items()
    ]
    data = {"studies": studies, "failures": list(failures)} | ({} if compared is None else {"compared": list(compared)})
    return Answer(data, 1 if failures else 0)


def index(args: argparse.Namespace, say: Say) -> Answer:
    """Writes a page that says what results there are and what they say of the claims."""
    from mixmnist.report.index import write_index

    path = new_file(args.out or str(Path(args.folder) / "README.md"), (".md",))
    with at_work(f"Reading the records in {args.folder} and judging their claims", say):
        damaged = write_index(Path(args.folder), path)
    say(f"Index: {path}")
    for sentence in damaged:
        complain(f"failed: {sentence}")
    return Answer({"file": str(path), "failures": damaged}, 1 if damaged else 0)


def plan(args: argparse.Namespace, say: Say) -> Answer:
    """Says how many seeds it takes to see a difference of two variants, from the spread that the recorded seeds show."""
    from mixmnist.report.reading import read_study
    from mixmnist.stats import plan_seeds

    with at_work(f"Reading the records in {args.folder}", say):
        records = read_study(Path(args.folder))
    runs = records.of_last_layer().runs.set_index("seed")
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
    asked_for = {
        "score": args.score,
        "variant": args.variant,
        "against": args.against,
        "effect": args.effect,
        "power": args.power,
    }
    for sentence in records.damaged:
        complain(f"left out: {sentence}")
    answer = {**asked_for, "layer": records.layer, **found._asdict(), "sd": found.sd._asdict()}
    return Answer(answer, 1 if records.damaged else 0)


def verify(args: argparse.Namespace, say: Say) -> Answer:
    """Recomputes recorded scores from recorded weights."""
    from mixmnist.grid.estimating import as_time
    from mixmnist.grid.verifying import verify as check

    verdicts: list[dict[str, Any]] = []
    for folder in args.folders:
        started = time.monotonic()
        say(f"Recomputing the scores in {folder} from its weights, a line a run ...")
        for found in check(folder, args.data_root):
            said = "; ".join(found.differences) or "as recorded"
            left = (time.monotonic() - started) / found.place * (found.of - found.place)
            about = f", about {as_time(left)} left" if found.place < found.of else ""
            say(f"{folder} {found.run}: {said} ({found.place} of {found.of}{about})")
            verdicts.append({"folder": folder, **asdict(found)})
        own = [verdict for verdict in verdicts if verdict["folder"] == folder]
        differing = sum(bool(verdict["differences"]) for verdict in own)
        say(f"{folder}: {f'{differing} of {len(own)} differ, see above' if differing else f'all {len(own)} are as recorded'}.")
    return Answer(verdicts, max((2 if v["fatal"] else 1 if v["differences"] else 0 for v in verdicts), default=0))
