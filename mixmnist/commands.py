"""The commands: each takes its arguments and a way to say things, and gives an exit code. Torch is imported when it is needed."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mixmnist.core import registry
from mixmnist.core.records import Canvas, Options, Task, require
from mixmnist.core.storage import COSTS

if TYPE_CHECKING:
    from mixmnist.data.mixture import Mixture
    from mixmnist.evaluated import Evaluation
    from mixmnist.report.drawing import Look
    from mixmnist.report.reading import StudyRecords

Say = Callable[[str], None]
BEST = 10  # units of an evaluation that are printed


def complain(line: str) -> None:
    """Prints a line about something that went wrong, on the channel for it."""
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
            _page([result.folder], result.folder / "report", plans[0][0].root, say)
            finished.append(result.folder)
    for folder in finished:
        say(compare_with(folder, Path(args.reference)))
    for folder in finished:
        say(f"Tables: {folder / 'tables'}   figures: {folder / 'figures'}   records: {folder / 'runs'}")
    for failure in failures:
        complain(f"failed: {failure}")
    return 1 if failures else 0


def _warn_of_digits(asked: str, source: str) -> None:
    if asked == "auto" and source == "digits":
        complain("WARNING: MNIST is neither on disk nor to be fetched; going on with scikit-learn's 8x8 digits.")


def report(args: argparse.Namespace, say: Say) -> int:
    """Writes tables and figures of folders of records."""
    from mixmnist.report.drawing import Look

    look = Look(tuple(args.format.split(",")), args.style, args.columns)
    only = tuple(name for name in args.only.split(",") if name)
    if args.annotations:
        return _annotations(args, say)
    reports = [_report(Path(folder), say, look, only) for folder in args.folders]
    for folder in [] if only else args.folders:
        _page([Path(folder)], Path(folder) / "report", args.data_root, say)
    failures = [line for records in reports for line in (*records.failures, *records.damaged)]
    for failure in failures:
        complain(f"failed: {failure}")
    return 1 if failures else 0


def _annotations(args: argparse.Namespace, say: Say) -> int:
    """Sets a person's annotations beside the truth, and makes the page anew, which then shows them."""
    from mixmnist.pages import annotate

    require(len(args.folders) == 1, f"annotations are of one page, got {len(args.folders)} folders. Name its folder alone.")
    folder = Path(args.folders[0])
    place = annotate(folder, Path(args.annotations))
    say((place / "agreement.md").read_text(encoding="utf-8"))
    _page([folder], folder / "report", args.data_root, say)
    return 0


def page(args: argparse.Namespace, say: Say) -> int:
    """Makes the page of a folder, or one page for comparing several."""
    from mixmnist.pages import page_home

    _page([Path(folder) for folder in args.folders], page_home(args.folders, args.out), args.data_root, say)
    return 0


def _page(folders: Sequence[Path], out: Path, root: str | None, say: Say) -> None:
    """Makes a page and says where it is."""
    from mixmnist.pages import make_page

    say(f"Page: {make_page(folders, out, root, say)}")


def _report(folder: Path, say: Say, look: "Look | None" = None, only: Sequence[str] = ()) -> "StudyRecords":
    """Writes a report and prints the variants table."""
    from mixmnist.report import show_variants, write_report
    from mixmnist.report.drawing import FORMATS, Look

    say(f"Writing tables and figures of {folder} ...")
    records = write_report(folder, look or Look(FORMATS), only)
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
    import torch

    from mixmnist.factory import explained, make_net
    from mixmnist.probing import describe_layers

    net = make_net(args.factory)
    example = torch.zeros(1, args.channels, args.size, args.size)
    for name, kind, shape in explained(lambda: describe_layers(net, example), example.shape):
        units = {1: -1, 2: -1, 3: 0}.get(len(shape))  # vectors, tokens, maps
        counted = "" if units is None else f"{shape[units]} units"
        say(f"{name:30} {kind:20} {'x'.join(map(str, shape)):>14}   {counted}")
    return 0


def evaluate(args: argparse.Namespace, say: Say) -> int:
    """Scores the units of a network of one's own, or of arrays alone, and writes tables, figures and page."""
    _check_evaluate(args)
    from mixmnist.evaluating import Setting, evaluate_arrays
    from mixmnist.evaluating import evaluate as run_evaluation
    from mixmnist.factory import find, load_weights, make_net
    from mixmnist.pipeline import choose_device

    more = {Path(path).stem: registry.choose("metrics", path) for path in args.metric}
    if args.arrays:
        return _tell(evaluate_arrays(args.arrays, args.out, args.name, more, args.permutations), say)
    from mixmnist.data.sources import resolve_source

    source, root = resolve_source(args.source, args.data_root)
    _warn_of_digits(args.source, source)
    given = {name: getattr(args, name) for name in ("size", "channels", "n", "few", "permutations")}
    setting = Setting(**given, root=root, draw=args.seed)
    device = choose_device(args.device)
    known = {
        "task": args.task,
        "source": source,
        "transform": find(args.transform, "transform") if args.transform else None,
        "more": more,
        "out": args.out,
        "name": args.name or args.factory.partition(":")[2],
        "setting": setting,
    }
    for seed, weights in enumerate(args.weights or [None]):
        net = make_net(args.factory)
        net = net if weights is None else load_weights(net, weights)
        say(
            f"{known['name']}{f' with {weights}' if weights else ''}: {setting.n:,} canvases of {args.task}, glyphs: {source} ..."
        )
        found = run_evaluation(net.to(device), [name for part in args.layer for name in part.split(",")], seed=seed, **known)
    return _tell(found, say)


def _check_evaluate(args: argparse.Namespace) -> None:
    """Refuses what does not go together before anything is imported."""
    way_out = "Write mixmnist evaluate pkg.module:factory --layer NAME, or mixmnist evaluate --arrays F.npz."
    require(bool(args.factory) != bool(args.arrays), f"evaluate must be given a factory or --arrays, one of them. {way_out}")
    named = "a layer must be named. `mixmnist layers pkg.module:factory` lists them; then --layer NAME."
    require(args.arrays or args.layer, named)


def _tell(found: "Evaluation", say: Say) -> int:
    """Prints the layers' and the best units' scores and where everything lies."""
    from mixmnist.report.tables import as_markdown

    wanted = ("layer", "n_units", "accuracy", "detectors", "unique_concepts", "coverage", "mean_alignment", "chance", "mean_drop")
    say(as_markdown(found.layers[[column for column in wanted if column in found.layers]]))
    shown = ("layer", "unit", "concept", "alignment", "chance", "null_95", "p_holm", "drop", "max_class_drop")
    best = found.units.sort_values("alignment", ascending=False)[[column for column in shown if column in found.units]]
    say(f"\nThe best units of {len(best)}:\n\n{as_markdown(best.head(BEST))}\n")
    assert found.folder is not None
    say(f"Tables: {found.folder / 'tables'}   figures: {found.folder / 'figures'}   records: {found.folder / 'runs'}")
    return 0


def audit(args: argparse.Namespace, say: Say) -> int:
    """Checks a mixture against what is promised of it."""
    from mixmnist.data.audit import audit as check
    from mixmnist.data.sources import resolve_source
    from mixmnist.report.tables import as_markdown

    canvas, settings = _canvas(args), _numbers(args.set)
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


def plant(args: argparse.Namespace, say: Say) -> int:
    """Plants a unit with faults among perfect ones and prints what is true of it and what every score says."""
    from mixmnist.plants.units import DIALS, Faults, truth
    from mixmnist.report.tables import as_markdown
    from mixmnist.trust.planting import beside_sound

    dials = _numbers(args.set)
    for name in dials:
        if name not in DIALS:
            raise registry.nearest("dial", name, DIALS)
    faults = Faults(**dials)
    known = truth(faults, args.concept, args.prevalence)
    scores = beside_sound(faults, args.n, args.seed, concept=args.concept, prevalence=args.prevalence, units=args.units)
    say(
        f"Truth: told apart {known.quality:.3f} (chance .5), misses {known.miss_rate:.3f}, false alarms "
        f"{known.false_alarm_rate:.3f}, map on the digit {known.overlap:.3f}, accuracy lost without it {known.effect:.3f}, "
        f"without all units with its answer {known.group_effect:.3f}.\n"
    )
    say(as_markdown(scores))
    return 0


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


def _numbers(settings: Sequence[str]) -> dict[str, float]:
    """Reads settings that are written name=number."""
    found = {}
    for setting in settings:
        name, _, value = setting.partition("=")
        try:
            found[name] = float(value)
        except ValueError:
            raise ValueError(f"set must be written name=number, got {setting!r}. For example --set q=.5.") from None
    return found


def _draw(args: argparse.Namespace) -> "tuple[Mixture, str]":
    """Draws the mixture that the options ask for; gives it and the name of its source."""
    from mixmnist.data.mixture import draw
    from mixmnist.data.sources import resolve_source

    canvas, settings = _canvas(args), _numbers(args.set)
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
