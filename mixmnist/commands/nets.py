"""Commands about units: the layers of a network, the scores of one's own, and a planted unit with its scores."""

import argparse
import contextlib
import warnings
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from mixmnist.commands.answers import Answer, Say, at_work, find_source, read_numbers
from mixmnist.core import checks, registry
from mixmnist.core.records import require

if TYPE_CHECKING:
    from mixmnist.guests.evaluated import Evaluation
    from mixmnist.probing.running import Transform

BEST = 10  # units of an evaluation that are printed


def layers(args: argparse.Namespace, say: Say) -> Answer:
    """Lists the layers of a network with their shapes, their numbers of units and the axis that counts them; ? if uncertain."""
    from mixmnist.guests.factory import black, explained, make_net
    from mixmnist.probing import describe_layers

    rows, net = [], make_net(args.factory)
    example = black(net, 2, args.channels, args.size)
    with at_work(f"Running {args.factory} on a black image", say):
        found = explained(lambda: describe_layers(net, example), example.shape)
    for one in found:
        shape = one.shape[1:]
        say(f"{one.name:30} {one.kind:20} {'x'.join(map(str, shape)):>14}   {one.said}")
        rows.append({"name": one.name, "kind": one.kind, "shape": shape, "units": one.units, "axis": one.axis})
    return Answer(rows)


def evaluate(args: argparse.Namespace, say: Say) -> Answer:
    """Scores the units of a network of one's own, or of arrays alone, and writes tables, figures and page."""
    _check_evaluate(args)
    from mixmnist.grid.machine import choose_device
    from mixmnist.guests.evaluating import Setting, evaluate_arrays
    from mixmnist.guests.evaluating import evaluate as run_evaluation
    from mixmnist.guests.factory import load_weights, make_net

    checks.check_distinct("names of metrics' files", [Path(path).stem for path in args.metric])
    more = {Path(path).stem: registry.choose("metrics", path) for path in args.metric}
    if args.arrays:
        with at_work(f"Scoring the units in {args.arrays}; then permutations, tables and figures", say):
            found = evaluate_arrays(args.arrays, args.out, args.name, more, args.permutations)
        return _tell(found, args.permutations, say)
    source, root = find_source(args, say)
    given = {name: getattr(args, name) for name in ("size", "channels", "n", "few", "permutations", "axis")}
    setting = Setting(**given, root=root, draw=args.seed)
    device = choose_device(args.device)
    known = {
        "task": args.task,
        "source": source,
        "transform": find_transform(args.transform),
        "more": more,
        "out": args.out,
        "name": args.name or args.factory.partition(":")[2],
        "setting": setting,
    }
    for weights in args.weights or ():
        load_weights(make_net(args.factory), weights)  # all are looked at before the first one takes its minutes
    for seed, weights in enumerate(args.weights or [None]):
        net = make_net(args.factory)
        with _cautions_said(say):
            net = net if weights is None else load_weights(net, weights)
        say(
            f"Scoring {known['name']}{f' with {weights}' if weights else ''} on {setting.n:,} canvases of {args.task}, glyphs: "
            f"{source}; then {args.permutations:,} permutations, tables, figures and the page ..."
        )
        layers = [name for part in args.layer for name in part.split(",")]
        with _cautions_said(say):
            found = run_evaluation(net.to(device), layers, seed=seed, **known)
    return _tell(found, args.permutations, say)


@contextlib.contextmanager
def _cautions_said(say: Say) -> Iterator[None]:
    """Prints, each in a line, what a reader of the scores must know; other warnings are told as they always are."""
    from mixmnist.probing import Caution

    said: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("always", Caution)
        before = warnings.showwarning

        def show(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            if issubclass(category, Caution):
                said.append(str(message))
            else:
                before(message, category, filename, lineno, file, line)

        warnings.showwarning = show  # the context puts it back
        yield
    for caution in dict.fromkeys(said):
        say(f"Note: {caution}.")


def find_transform(name: str | None) -> "Transform | None":
    """Finds a function that is applied to images."""
    from mixmnist.guests.factory import find

    found = find(name, "transform") if name else None
    require(found is None or callable(found), f"transform must be a function, got {type(found).__name__} at {name}.")
    return found


def _check_evaluate(args: argparse.Namespace) -> None:
    """Refuses what does not go together before anything is imported."""
    way_out = "Write mixmnist evaluate pkg.module:factory --layer NAME, or mixmnist evaluate --arrays F.npz."
    require(bool(args.factory) != bool(args.arrays), f"evaluate must be given a factory or --arrays, one of them. {way_out}")
    if args.arrays:
        given = [name for name in ("layer", "weights", "transform", "size", "few", "axis") if getattr(args, name)]
        require(not given, f"with --arrays there is no network, got --{', --'.join(given)}. Leave that out.")
    named = "a layer must be named. `mixmnist layers pkg.module:factory` lists them; then --layer NAME."
    require(args.arrays or args.layer, named)


def _tell(found: "Evaluation", permutations: int, say: Say) -> Answer:
    """Prints the layers' and the best units' scores and where everything lies."""
    from mixmnist.guests.evaluated import of_p_values
    from mixmnist.report.tables import as_markdown

    wanted = ("layer", "n_units", "accuracy", "detectors", "unique_concepts", "coverage", "mean_alignment", "chance", "mean_drop")
    say(as_markdown(found.layers[[column for column in wanted if column in found.layers]]))
    shown = ("layer", "unit", "concept", "alignment", "chance", "null_95", "p_layer", "drop", "max_class_drop")
    best = found.units.sort_values("alignment", ascending=False)[[column for column in shown if column in found.units]]
    say(f"\nThe best units of {len(best)}:\n\n{as_markdown(best.head(BEST))}\n\n{of_p_values(permutations)}\n")
    assert found.folder is not None
    for line in found.said:
        say(line)
    say(f"Tables: {found.folder / 'tables'}   figures: {found.folder / 'figures'}   records: {found.folder / 'runs'}")
    page = found.folder / "report" / "index.html"
    say(f"Page: {page}")
    tables = {name: getattr(found, name).to_dict("records") for name in ("layers", "units")}
    return Answer({"folder": str(found.folder), "page": str(page), **tables})


def plant(args: argparse.Namespace, say: Say) -> Answer:
    """Plants a unit with faults among perfect ones and prints what is true of it and what every score says."""
    from mixmnist.plants.units import DIALS, Faults, truth
    from mixmnist.report.tables import as_markdown
    from mixmnist.trust.planting import beside_sound

    dials = read_numbers(args.set)
    for name in dials:
        if name not in DIALS:
            raise registry.nearest("dial", name, DIALS)
    size = 4 * args.n * (48 * args.units + 1000)  # four readouts with answers, places, logits and scores
    checks.check_memory(f"{args.n:,} images of {args.units:,} units", size, "Ask for fewer with --n or --units.")
    faults = Faults(**dials)
    known = truth(faults, args.concept, args.prevalence)
    with at_work(f"Scoring a sound unit and the planted one on {args.n:,} images by every score of the shelf", say):
        scores = beside_sound(faults, args.n, args.seed, concept=args.concept, prevalence=args.prevalence, units=args.units)
    say(
        f"Truth: told apart {known.quality:.3f} (chance .5), misses {known.miss_rate:.3f}, false alarms "
        f"{known.false_alarm_rate:.3f}, map on the digit {known.overlap:.3f}, accuracy lost without it {known.effect:.3f}, "
        f"without all units with its answer {known.group_effect:.3f}.\n"
    )
    say(as_markdown(scores))
    return Answer({"truth": asdict(known), "scores": scores.to_dict("records")})
