"""What the analysis of generators measures on one recorded net: quality, then layer by layer units, sets, and what is written."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from mixmnist.core.records import Ranking
from mixmnist.core.registry import choose, names
from mixmnist.dissect.effects import top
from mixmnist.dissect.sampling import RANK, TEST, take
from mixmnist.kinds.generator import entry_of
from mixmnist.trust._generators import subject_of_net
from mixmnist.trust._generators_nets import as_images, layers, real, trained_on
from mixmnist.trust._generators_pictures import pictures_of
from mixmnist.trust._generators_quality import of_quality
from mixmnist.trust._generators_sets import RANDOM, Tried, at_random, causal, curves, without
from mixmnist.trust._generators_sets import values as other_values
from mixmnist.trust._generators_units import (
    Looked,
    alignments,
    alone,
    ious,
    linear,
    of_others,
    of_pixels,
    of_units,
    predicts,
    rotated,
)
from mixmnist.trust._generators_written import effects, insertion, of_single_units
from mixmnist.trust._judging import Who
from mixmnist.trust._networks import Recorded

SETTINGS: Mapping[str, Mapping[str, int | float]] = {  # of rankings, so that a net takes two minutes of a core
    "alpha": {"steps": 30, "rate": 0.03},
    "gradient": {"most": 100},
}
BEST = "removal"  # the ranking by which a digit's single unit is chosen
BY_MAPS, BY_EFFECT = "iou", "alpha"
ELSEWHERE = (BY_MAPS, BEST)  # rankings whose sets are tried in every layer
TRIED = Tried(sizes=(1, 2, 4, 8, 16), samples=8, sets=3)
FEW = Tried(sizes=(1, 4), samples=8, sets=3)
LEFT_OUT = ("oracle", RANDOM)  # one is for planted ones, the other is the band


@dataclass(frozen=True)
class Plan:
    """How much is looked at."""

    samples: int = 300  # of the rank and of the test sample; at least the layer's units
    passes: int = 1500  # images that are drawn again for single units
    tried: Tried = TRIED
    few: Tried = FEW  # for other values, and in other layers
    written: int = 12  # samples that are written into, for each digit
    effects: int = 60  # samples on which ACE is read
    k: int = 8  # units that are written
    settings: Mapping[str, Mapping[str, int | float]] = field(default_factory=lambda: SETTINGS)  # of rankings
    least: int = 30  # samples from which single units are removed, at least


@dataclass(frozen=True, eq=False)
class Measured:
    """What was measured on one net or on several."""

    quality: pd.DataFrame  # a row a net
    layers: pd.DataFrame  # a row a layer
    units: pd.DataFrame  # a row a unit of the usual layer
    sets: pd.DataFrame  # a row a layer, ranking, value and number of units
    causal: pd.DataFrame  # a row a ranking and digit
    places: pd.DataFrame  # a row a kind of place and who is written
    effects: pd.DataFrame  # a row a digit and ranking
    pictures: Mapping[str, NDArray[np.uint8]] = field(default_factory=dict)  # by variant and what they show


PLAN = Plan()
IN_SHORT = Plan(  # of planted ones, whose truth is known: some seconds a net
    samples=120,
    passes=400,
    tried=Tried(sizes=(1, 2, 4, 8), samples=5, sets=3),
    few=Tried(sizes=(1,), samples=5, sets=3),
    written=10,
    effects=40,
    settings={"alpha": {"steps": 10, "rate": 0.1}, "gradient": {"most": 40}},
)
TABLES = ("quality", "layers", "units", "sets", "causal", "places", "effects")


def measured(net: Recorded, who: Who, root: str | None, plan: Plan, pictured: bool) -> Measured:
    """Measures one net.

    Args:
        net: A recorded generator.
        who: Its judge.
        root: Holds the source's files.
        plan: How much is looked at.
        pictured: Whether pictures are kept.

    Returns:
        Tables with variant and seed. Of a generator that cannot be sampled, as one that collapsed, a row of quality alone.
    """
    usual = entry_of(net.settings).layer
    keys: dict[str, str | int] = {"variant": net.variant, "seed": net.seed}
    parts: dict[str, list[pd.DataFrame]] = {name: [] for name in TABLES}
    pictures: dict[str, NDArray[np.uint8]] = {}
    try:
        found = {layer: _look(net, who, layer, plan) for layer in layers(net)}
    except ValueError as error:  # a collapsed one
        parts["quality"].append(pd.DataFrame([dict.fromkeys(("valid", "valid_real"), math.nan) | {"why": str(error)}]))
        return Measured(**{name: _with_keys(some, keys) for name, some in parts.items()}, pictures={})
    full, rank = (real(net.source, root, net.settings.canvas, 2 * plan.samples, split) for split in ("test", "rank"))
    parts["quality"].append(of_quality(found[usual].test, full, who.judge, trained_on(net, root)))
    null = tuple(as_images(one)[: plan.samples] for one in (rank, full))
    for depth, (layer, looked) in enumerate(found.items()):
        tables = of_layer(looked, of_pixels(looked, *null), plan, layer == usual)
        for name, table in tables.items():
            parts[name].append(table.assign(layer=layer, depth=depth, usual=layer == usual))
        if pictured and layer == usual:
            pictures = pictures_of(net.variant, looked, tables["units"])
    return Measured(**{name: _with_keys(some, keys) for name, some in parts.items()}, pictures=pictures)


def _look(net: Recorded, who: Who, layer: str, plan: Plan) -> Looked:
    """Samples a layer twice."""
    one = subject_of_net(net, layer)
    n = max(plan.samples, one.n_units)
    return Looked(take(one, who.judge, n, RANK), take(one, who.judge, n, TEST), who.judge)


def joined(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Joins tables, those of no rows apart; where no table has a row, gives one of none."""
    some = [table for table in tables if len(table)]
    return pd.concat(some, ignore_index=True) if some else next(iter(tables), pd.DataFrame())


def _with_keys(tables: list[pd.DataFrame], keys: Mapping[str, str | int]) -> pd.DataFrame:
    table = joined(tables)
    for place, (name, value) in enumerate(keys.items()):
        table.insert(place, name, value)
    return table


def of_layer(looked: Looked, pixels: Looked, plan: Plan, whole: bool) -> dict[str, pd.DataFrame]:
    """Measures one layer.

    Args:
        looked: The layer on both samples.
        pixels: The pixel null of as many cells.
        plan: How much is looked at.
        whole: Whether everything is measured; else what layers are compared by.

    Returns:
        Tables by name.
    """
    ranked = rankings(looked, plan, None if whole else ELSEWHERE)
    rows = [*curves(looked, ranked, plan.tried if whole else plan.few), *at_random(looked, plan.tried if whole else plan.few)]
    if whole:
        few = {name: ranked[name] for name in ELSEWHERE}
        rows += other_values(looked, few, plan.few, ("mean", "resampled"))
    sets = pd.DataFrame(rows)
    tables = {"sets": sets, "layers": pd.DataFrame([_row(looked, pixels, sets, plan, whole)])}
    if not whole:
        return tables
    most = max(plan.least, plan.passes // looked.n_units)
    iou, without_one = ious(looked), alone(looked.test, looked.judge, most)
    units = of_units(iou, alignments(looked), without_one)
    units = units.merge(of_single_units(looked, units["digit"].tolist(), most // 2), on="unit")
    tables["layers"] = tables["layers"].assign(**predicts(iou.rank, without_one.clean))
    by = {name: ranked[name] for name in (BY_EFFECT, BY_MAPS, BEST)}
    return tables | {
        "units": units,
        "causal": causal(sets),
        "places": pd.DataFrame(insertion(looked, {BY_EFFECT: ranked[BY_EFFECT]}, plan.k, plan.written)),
        "effects": pd.DataFrame(effects(looked, by, plan.k, plan.effects)),
    }


def rankings(looked: Looked, plan: Plan, wanted: tuple[str, ...] | None = None) -> dict[str, Float[Tensor, "units digits"]]:
    """Ranks units on the rank sample, by every ranking of the shelf but those of planted ones, or by some.

    Args:
        looked: The layer on both samples.
        plan: How much is looked at.
        wanted: Names of rankings.
    """
    known = [name for name in names("rankings") if name not in LEFT_OUT]
    found = {}
    for name in known if wanted is None else wanted:
        ranking: Ranking = choose("rankings", name)
        settings = ranking.with_settings(plan.settings.get(name, {}))
        if name == BEST and "most" in settings:
            settings["most"] = max(plan.least, plan.passes // looked.n_units)
        found[name] = ranking.run(looked.rank, looked.judge, **settings)
    return found


def _row(looked: Looked, pixels: Looked, sets: pd.DataFrame, plan: Plan, whole: bool) -> dict[str, object]:
    """Gives what is said of a layer as a whole: maps against masks and nulls, and single units."""
    iou, other, turned = ious(looked), of_others(looked), rotated(looked)
    ceiling, box = linear(looked), linear(looked, "box")
    low, high = iou.interval(looked)
    row: dict[str, object] = {"units": looked.n_units, "cells": "x".join(map(str, looked.test.subject.cells))}
    row |= {"iou": iou.mean(), "iou_lower": low, "iou_upper": high}
    row |= {f"iou_{name}": ious(one).mean() for name, one in (("others", other), ("rotated", turned), ("pixels", pixels))}
    row |= {"linear_iou": float(ceiling.nanmean()), "linear_box": float(box.nanmean())}
    row["unit_share"] = float((iou.of_best() / ceiling).nanmean())
    row["ap"] = alignments(looked).mean()
    row |= {f"ap_{name}": alignments(one).mean() for name, one in (("others", other), ("rotated", turned), ("pixels", pixels))}
    single = sets[sets["value"].eq("zero") & sets["k"].eq(1)].set_index("ranking")
    for column in ("clean_removal", "off_target"):
        short = column.removesuffix("_removal")
        row |= {f"{short}_unit": single[column][BEST], f"{short}_random": single[column][RANDOM]}
    row |= {f"clean_unit_{end}": single[f"clean_removal_{end}"][BEST] for end in ("lower", "upper")}
    if whole:
        best = without(turned, top(rankings(turned, plan, (BEST,))[BEST], 1), plan.tried.samples).row()
        row |= {"clean_rotated": best["clean_removal"], "off_target_rotated": best["off_target"]}
    return row
