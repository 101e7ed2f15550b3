"""Tables over nets of what the analysis of generators measured: means with intervals over seeds, and what claims ask for."""

import math
from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from mixmnist.stats import ANYWHERE, Bounds
from mixmnist.trust._generators_measured import BEST, BY_EFFECT, BY_MAPS, Measured
from mixmnist.trust._generators_sets import RANDOM
from mixmnist.trust._generators_written import DONOR, PATCH
from mixmnist.trust._layers import with_interval

OF_LAYER: Mapping[str, Bounds] = {
    **dict.fromkeys(("iou", "iou_others", "iou_rotated", "iou_pixels", "linear_iou", "linear_box"), (0, 1)),
    "unit_share": (0, math.inf),
    **dict.fromkeys(("ap", "ap_others", "ap_rotated", "ap_pixels"), (0, 1)),
    **dict.fromkeys(("clean_unit", "clean_rotated", "clean_random"), (0, 1)),
    **dict.fromkeys(("off_target_unit", "off_target_rotated", "off_target_random"), (0, 1)),
    **dict.fromkeys(("iou_predicts", "iou_predicts_null"), (-1, 1)),
}
OF_SETS = (BY_EFFECT, BY_MAPS, BEST, "gradient", "alignment", RANDOM)
OF_PLACES = ("legal", "ink-free", "occupied", "border")
OF_QUALITY = ("valid", "valid_real")  # are told, verdict or not
BY_DEPTH = ("clean_unit", "ap", "linear_box", "linear_iou", "iou")
BOUNDS: Mapping[str, Bounds] = {
    **OF_LAYER,
    **dict.fromkeys(OF_QUALITY, (0, 1)),
    **{f"clean_sets_{name}": (0, 1) for name in OF_SETS},
    **{f"clean_{DONOR}_{place.replace('-', '_')}": (0, 1) for place in OF_PLACES},
    **{f"clean_{what}_{place.replace('-', '_')}": (0, 1) for what in (PATCH, "written") for place in OF_PLACES},
    **{f"{name}_{end}": (0, 1) for name in BY_DEPTH for end in ("first", "last")},
}
CLAIMED = (*OF_QUALITY, "iou", "iou_pixels", "linear_iou", "clean_unit", "clean_rotated", "clean_random", "iou_predicts")


def of_net(found: Measured, variant: str, seed: int) -> dict[str, float]:
    """Gives every number of one net.

    Returns:
        Those of its usual layer; `clean_sets_RANKING`, the mean over the numbers of units tried; `clean_donor_KIND` and
        `clean_written_KIND` of insertion; and of its first and last layer `NAME_first` and `NAME_last`.
    """

    def own(table: pd.DataFrame) -> pd.DataFrame:
        return table[table["variant"].eq(variant) & table["seed"].eq(seed)] if len(table) else table

    row = {name: float(own(found.quality)[name].iloc[0]) for name in OF_QUALITY if name in found.quality}
    layers = own(found.layers)
    if layers.empty:
        return row
    usual, ordered = layers[layers["usual"]].iloc[0], layers.sort_values("depth")
    row |= {name: float(usual[name]) for name in OF_LAYER if name in usual}
    if len(ordered) > 1:
        ends = (("first", ordered.iloc[0]), ("last", ordered.iloc[-1]))
        row |= {f"{name}_{end}": float(layer[name]) for name in BY_DEPTH for end, layer in ends}
    sets = own(found.sets)
    zero = sets[sets["usual"] & sets["value"].eq("zero")]
    means = zero.groupby("ranking")["clean_removal"].mean()
    row |= {f"clean_sets_{name}": float(means[name]) for name in OF_SETS if name in means}
    places = own(found.places)
    for place, ranking, clean in zip(*(places.get(c, []) for c in ("place", "ranking", "clean_insertion")), strict=True):
        what = DONOR if ranking == DONOR else PATCH if ranking.endswith(PATCH) else "written"
        row[f"clean_{what}_{place.replace('-', '_')}"] = float(clean)
    return row


def refusals(quality: pd.DataFrame) -> dict[str, str]:
    """Says of which nets there is no verdict, and why."""
    why = quality["why"].fillna("").astype(str)
    told = zip(quality["variant"], quality["seed"], why, strict=True)
    return {f"{variant}, seed {seed}": text for variant, seed, text in told if text}


def of_runs(found: Measured) -> pd.DataFrame:
    """Gives a row a net: what claims are held against; nothing but its quality where no verdict is passed."""
    refused = refusals(found.quality)
    rows = []
    for variant, seed in _nets(found):
        known = of_net(found, variant, seed)
        if f"{variant}, seed {seed}" in refused:
            known = {name: value for name, value in known.items() if name in OF_QUALITY}
        rows.append({"variant": variant, "seed": seed, **dict.fromkeys(BOUNDS, math.nan), **known})
    return pd.DataFrame(rows).round(5)


def of_nets(found: Measured) -> pd.DataFrame:
    """Gives a row a variant: means with intervals over nets, verdict or not."""
    known = pd.DataFrame([{"variant": variant, **of_net(found, variant, seed)} for variant, seed in _nets(found)])
    return _over_nets(known, ["variant"], BOUNDS)


def of_layers(layers: pd.DataFrame) -> pd.DataFrame:
    """Gives a row a variant and layer."""
    return _over_nets(layers, ["variant", "depth", "layer"], OF_LAYER)


def of_sets(sets: pd.DataFrame) -> pd.DataFrame:
    """Gives a row a variant, ranking, value and number of units, of the usual layer."""
    own = sets[sets["usual"].astype(bool)] if len(sets) else sets
    return _over_nets(
        own, ["variant", "ranking", "value", "k"], dict.fromkeys(("removed", "kept", "clean_removal", "off_target"), (0, 1))
    )


def of_places(places: pd.DataFrame) -> pd.DataFrame:
    """Gives a row a variant, kind of place and who is written."""
    shares: dict[str, Bounds] = dict.fromkeys(("inserted", "clean_insertion", "without"), (0, 1))
    return _over_nets(places, ["variant", "place", "ranking"], shares | {"place_error": (0, math.inf)})


def _nets(found: Measured) -> Iterator[tuple[str, int]]:
    for variant, seed in zip(found.quality["variant"], found.quality["seed"], strict=True):
        yield str(variant), int(seed)


def _over_nets(table: pd.DataFrame, keys: Sequence[str], bounds: Mapping[str, Bounds]) -> pd.DataFrame:
    """Gives means with their intervals over nets, a row a value of the keys; columns that nobody has are left out."""
    rows = []
    if table.empty:
        return pd.DataFrame(columns=[*keys, "n"])
    for values, group in table.groupby(list(keys), sort=False):
        row: dict[str, object] = dict(zip(keys, values, strict=True)) | {"n": len(group)}
        there = [name for name in bounds if name in group and table[name].notna().any()]
        rows.append(row | {name: with_interval(group[name].dropna().tolist(), bounds.get(name, ANYWHERE)) for name in there})
    return pd.DataFrame(rows)
