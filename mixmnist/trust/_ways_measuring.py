"""Measuring: ways on networks whose right maps and pictures are known, and on trained nets, sound and fooled.

Planted networks ask whether a way says what is so where it is known to the pixel. Trained nets ask the same by masks, exact
worths and a reader; then each of their detectors is fooled, its responses staying what they were, and it is asked again.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from mixmnist.core.records import Settings, Way, require
from mixmnist.core.registry import choose
from mixmnist.data.mixture import draw
from mixmnist.data.sources.stamps import load
from mixmnist.metrics.average_precision import average_precision
from mixmnist.plants import hidden, perfect
from mixmnist.plants.fooled_view import gated, rippled
from mixmnist.probing import Caution, probe
from mixmnist.trust._layers import first
from mixmnist.trust._networks import Recorded
from mixmnist.visualize._generator import Generator
from mixmnist.visualize._targets import Target, unit_target
from mixmnist.visualize.imaging import Supplies, make_images
from mixmnist.visualize.judging import judge, look_at
from mixmnist.visualize.judging_images import judge_images, nearest_glyph
from mixmnist.visualize.mapping import as_pixels, make_maps, named
from mixmnist.visualize.measuring import Cases, measure_maps, pick_cases, targets_of
from mixmnist.visualize.measuring_images import detectors
from mixmnist.visualize.reader import Reader
from mixmnist.visualize.shuffling import shuffled
from mixmnist.visualize.worth import Canvases, some_canvases

LAYER, FIRST = "units", "conv1"  # of planted networks; the one of trained nets that gets the images
SHOWS = 0.8  # correlation with a stamp from which a picture shows it; two different stamps have .75 at most
RIPPLE = 3.0  # what is added to gradients, in units of the largest one
ANY_PRIOR: Settings = {"prior": "any"}  # a net with other weights has no generator of its own
OF_DETECTORS = ("peak", "contrast")
Rows = pd.DataFrame  # way, net, condition, measure, value, said


@dataclass(frozen=True)
class Sizes:
    """How much is drawn for a card."""

    canvases: int = 60  # of stamps
    each: int = 5  # canvases of each detector of a trained net
    pictures: int = 2  # of each detector
    natural: int = 2_000  # canvases that pictures are held against
    nets: int = 5  # trained ones


def kind_of(way: str) -> str:
    """Says whether a way makes maps or images."""
    found: Way = choose("ways", named(way)[0])
    return found.kind


def on_planted(ways: Sequence[str], sizes: Sizes) -> Rows:
    """Measures ways on planted networks of stamps, which need no data and no training."""
    maps, images = ([way for way in ways if kind_of(way) == kind] for kind in ("map", "image"))
    tables = [_planted_maps(maps, sizes)] if maps else []
    return pd.concat([*tables, *(_planted_images(way, sizes) for way in images)], ignore_index=True)


def maps_on(net: Recorded, root: str | None, ways: Sequence[str], sizes: Sizes) -> Rows:
    """Measures ways that make maps on the detectors of a trained net: sound, with other weights, and fooled in two ways."""
    module, mixture = net.net(), net.mixture("test", root)
    readout = probe(module, first(mixture, sizes.natural), net.layer)
    cases = pick_cases(average_precision(readout.response, readout.present), readout.present, sizes.each)
    canvases = some_canvases(mixture, cases.indices)
    targets = targets_of(module, net.layer, mixture, cases, OF_DETECTORS)
    tables = [_tidy(measure_maps(target, net.layer, canvases, cases.own, ways), of) for of, target in targets.items()]
    largest = targets["peak"].gradient(as_pixels(canvases.images))[1].abs().amax((1, 2, 3))
    added = {unit: RIPPLE * float(largest[cases.units == unit].mean()) for unit in cases.units.unique().tolist()}
    whose = dict(zip(cases.units.tolist(), cases.own.tolist(), strict=True))
    fooled = {"gated": _switched(net, root, whose, sizes), "rippled": rippled(module, FIRST, net.layer, added)}
    for name, other in fooled.items():
        tables.append(_judged(replace(targets["peak"], net=other), canvases, cases.own, ways, name))
    return pd.concat(tables, ignore_index=True).assign(net=f"{net.variant} {net.seed}")


def images_on(net: Recorded, root: str | None, way: str, reader: Reader, generator: Generator | None, sizes: Sizes) -> Rows:
    """Measures a way that makes images on the detectors of a trained net: sound, with other weights, and fooled."""
    module, natural = net.net(), first(net.mixture("test", root), sizes.natural)
    readout = probe(module, natural, net.layer)
    found = detectors(average_precision(readout.response, readout.present))
    units, own = (one.repeat_interleave(sizes.pictures) for one in found)
    target, supplies = unit_target(module, net.layer, units), Supplies(natural, generator)
    whose = dict(zip(units.tolist(), own.tolist(), strict=True))
    planted = torch.tensor([whose[decoys_of(whose)[unit]] for unit in units.tolist()])
    asked = {
        "trained": target,
        "shuffled": shuffled(target, net.layer),
        "gated": replace(target, net=_switched(net, root, whose, sizes)),
    }
    tables = []
    for condition, one in asked.items():
        images, said = _pictures(way, one, supplies, ANY_PRIOR if condition == "shuffled" else {})
        if images is None:
            tables.append(_row(way, condition, "made", 0.0, said))
            continue
        table = judge_images(images, target, own, starts_of(units), reader, supplies).set_index("measure")
        told = {str(name): float(value) for name, value in table["value"].items()}
        told |= {f"{name}_natural": float(value) for name, value in table["natural"].items()}
        told["beyond_others"] = told["reads_own"] - float(table["chance"]["reads_own"])
        told["reads_decoy"] = float(reader.read(images)[torch.arange(len(units)), planted].double().mean())
        tables += [_row(way, condition, measure, value) for measure, value in {"made": 1.0, **told}.items()]
    return pd.concat(tables, ignore_index=True).assign(net=f"{net.variant} {net.seed}")


def _switched(net: Recorded, root: str | None, whose: Mapping[int, int], sizes: Sizes) -> nn.Module:
    """Gives a net whose detectors show those of other digits off the canvases."""
    canvases = first(net.mixture("rank", root), sizes.natural)
    return gated(net.net(), FIRST, net.layer, decoys_of(whose), canvases)


def decoys_of(whose: Mapping[int, int]) -> dict[int, int]:
    """Gives each unit another one that detects another digit, the next by digit.

    Args:
        whose: The digit of each unit.

    Raises:
        ValueError: If all detect one digit.

    Example:
        >>> decoys_of({4: 0, 7: 0, 2: 5})
        {4: 2, 7: 2, 2: 4}
    """
    require(len(set(whose.values())) > 1, "a net must have detectors of two digits or more, got one. Train it for longer.")
    return {
        unit: min((one for one in whose if whose[one] != digit), key=lambda one: ((whose[one] - digit) % 10, one))
        for unit, digit in whose.items()
    }


def _planted_maps(ways: Sequence[str], sizes: Sizes) -> Rows:
    """Asks for maps of perfect detectors, and of the contrast that they alone decide."""
    mixture, net = draw("pairs", "stamps", "test", max(sizes.canvases, 600), seed=0), perfect.build(0)
    few = torch.arange(sizes.canvases)
    own, canvases = mixture.shown[few, 0], some_canvases(mixture, few)
    targets = targets_of(net, LAYER, mixture, Cases(few, own, own), OF_DETECTORS)
    names = {"peak": "planted", "contrast": "planted contrast"}
    tables = [_judged(targets[of], canvases, own, ways, name) for of, name in names.items()]
    return pd.concat(tables, ignore_index=True).assign(net="perfect")


def _planted_images(way: str, sizes: Sizes) -> Rows:
    """Asks for pictures of perfect detectors, sound and fooled, and of units whose start may be silent."""
    canvases = draw("pairs", "stamps", "test", sizes.natural, seed=0)
    sound, units = perfect.build(0), torch.arange(10).repeat_interleave(sizes.pictures)
    switched = gated(sound, LAYER, LAYER, {unit: (unit + 1) % 10 for unit in range(10)}, canvases)
    digits = torch.eye(10).bool()
    cells = [
        ("planted", sound, units, {"own": digits, "decoy": digits.roll(1, 1)}),
        ("planted gated", switched, units, {"own": digits, "decoy": digits.roll(1, 1)}),
        ("planted silent", hidden.build(0), torch.arange(5, 10), {"own": _answered_by_hidden()}),
    ]
    tables = []
    for condition, net, chosen, wanted in cells:
        images, said = _pictures(way, unit_target(net, LAYER, chosen), Supplies(canvases))
        tables.append(_row(way, condition, "made", float(images is not None), said))
        if images is not None:
            shows = stamps_in(images)
            tables += [
                _row(way, condition, name, float((shows & of[chosen]).any(dim=1).double().mean())) for name, of in wanted.items()
            ]
    return pd.concat(tables, ignore_index=True).assign(net="planted")


def _answered_by_hidden() -> Bool[Tensor, "units digits"]:
    """Says which digits each unit of the plant hidden answers to."""
    found = torch.eye(10).bool()
    found[5:, 5:] = ~found[5:, 5:]
    return found


def stamps_in(images: Float[Tensor, "n 1 rows cols"]) -> Bool[Tensor, "n digits"]:
    """Says which stamps a picture shows, by correlation; no net is asked."""
    stamps = torch.from_numpy(load(None, "test").images)
    return torch.stack([nearest_glyph(images, stamp[None]) >= SHOWS for stamp in stamps], dim=1)


def starts_of(units: Int[Tensor, " pictures"]) -> tuple[int, ...]:
    """Numbers the pictures of each unit from 0: their seeds, and the ranks of the natural images beside them.

    Example:
        >>> starts_of(torch.tensor([4, 4, 7, 7]))
        (0, 1, 0, 1)
    """
    return tuple(int((units[:place] == unit).sum()) for place, unit in enumerate(units))


def _pictures(way: str, target: Target, supplies: Supplies, more: Settings | None = None) -> tuple[Tensor | None, str]:
    """Makes pictures, with more settings where the way has them; or none, and why not."""
    name, settings = named(way)
    found: Way = choose("ways", name)
    settings |= {key: value for key, value in (more or {}).items() if key in found.settings}
    try:
        return make_images(name, target, starts_of(target.index), supplies, settings), ""
    except ValueError as error:
        return None, str(error)


def _judged(target: Target, canvases: Canvases, own: Int[Tensor, " n"], ways: Sequence[str], condition: str) -> Rows:
    """Makes and judges maps of a net as it is."""
    scene, pixels, tables = look_at(canvases, target, own), as_pixels(canvases.images), []
    for way in ways:
        name, settings = named(way)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Caution)
            try:
                tables.append(judge(make_maps(name, target, pixels, settings), scene).assign(way=way, said=""))
            except ValueError as error:
                tables.append(pd.DataFrame([{"way": way, "said": str(error)}]))
    return _tidy(pd.concat(tables, ignore_index=True), condition)


def _tidy(table: pd.DataFrame, condition: str) -> Rows:
    """Leaves what is graded; where a way makes no map `made` is 0."""
    made = table["measure"].notna() if "measure" in table else pd.Series(data=False, index=table.index)
    refused = table[~made].assign(measure="made", value=0.0)
    found = pd.concat([table[made], refused], ignore_index=True)
    return found.assign(condition=condition)[["way", "condition", "measure", "value", "said"]]


def _row(way: str, condition: str, measure: str, value: float, said: str = "") -> Rows:
    return pd.DataFrame([{"way": way, "condition": condition, "measure": measure, "value": value, "said": said}])
