"""Dictionaries over units: are the digits there in another basis, where single units do not detect them?

Every dictionary of the shelf is fitted without labels on cells of the layer that feeds the head (rank canvases), and its atoms
are scored as units (test canvases), beside as many random directions and a supervised ceiling. Claims F1 to F6.

Source:
    SynthSAEBench (2026), arXiv:2602.14687; SAEBench (2025), arXiv:2503.09532: dictionaries held against known features. Differs:
    real trained networks whose concepts are known for every image, a null of as many random directions, classical methods beside.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
from scipy.stats import kendalltau

from mixmnist.core import storage
from mixmnist.core.records import Analysis
from mixmnist.features.cells import IMAGES
from mixmnist.features.measuring import RANDOM, UNITS, Layer, Plan, measure, read_layer, rotated
from mixmnist.plants._rotation import random_rotation
from mixmnist.report.ranges import bounds_of
from mixmnist.report.tables import CUT, write_table
from mixmnist.trust._layers import about, counts, nets_of, with_interval, write_summary
from mixmnist.trust._networks import Recorded
from mixmnist.trust._side_by_side import side_by_side

ATOMS = 20  # that claims are about
MORE_ATOMS, MORE_SEEDS = (10, 20, 40), (0, 1, 2)  # of the first nets of each variant
FIRST = 5  # nets of a variant that are looked at with more numbers of atoms and more seeds
TURNED = "baseline"  # the variant whose units are rotated as well
EQUIVARIANT = ("ica", "kmeans", "pca", "sparse")  # what is fitted by lengths and angles alone
KEYS = ["variant", "dictionary", "atoms", "supervised"]
NUMBERS = ("coverage", "coverage_mean", "unique_concepts", "gap_closed", "explained_variance", "l0")


def run(folder: Path, out: Path, root: str | None) -> None:
    """Writes a row a fit (`fits.csv`), tables of variants and of runs, and a summary."""
    nets = nets_of(folder)
    fits = fits_of(nets, root)
    fits.to_csv(out / "fits.csv", index=False)
    variants, runs = of_variants(fits), of_runs(fits)
    note = f"{about(folder, nets)} {counts(nets)}"
    how = f"Means over dictionary seeds within a net, then over nets with their 95 % t interval. {CUT}"
    write_table(out, "variants", variants, [note, how])
    write_table(out, "runs", runs, [note, f"A row a net: its dictionaries of {ATOMS} atoms."])
    shown = variants[variants["atoms"].isin([ATOMS]) | variants["dictionary"].eq(UNITS) | variants["supervised"]]
    write_summary(out, [note, how], shown[["variant", "dictionary", "atoms", "n", "coverage", "unique_concepts", "gap_closed"]])


def fits_of(nets: Sequence[Recorded], root: str | None) -> pd.DataFrame:
    """Measures every net; the first nets of each variant with more atoms and seeds, those of one variant rotated, too."""
    number: dict[str, int] = {}
    asked: list[tuple[Recorded, Plan, str | None]] = []
    for net in nets:
        place = number[net.variant] = number.get(net.variant, -1) + 1
        plan = Plan(atoms=MORE_ATOMS, seeds=MORE_SEEDS) if place < FIRST else Plan(atoms=(ATOMS,))
        asked.append((net, plan, None))
        if net.variant == TURNED:
            asked.append((net, Plan(EQUIVARIANT, atoms=(ATOMS,), thorough=False, rotate=0), None))
    return fits_by_plan(asked, root)


def fits_by_plan(asked: Sequence[tuple[Recorded, Plan, str | None]], root: str | None, images: int = IMAGES) -> pd.DataFrame:
    """Measures nets, each by a plan and at a layer (by default the one that feeds the head), on as many cores as there are."""
    calls = [(_measured, (net, plan, layer, root, images)) for net, plan, layer in asked]
    found: list[pd.DataFrame] = side_by_side(calls, "dictionaries", fewest=1)
    return pd.concat(found, ignore_index=True)


def _measured(net: Recorded, plan: Plan, layer: str | None, root: str | None, images: int) -> pd.DataFrame:
    rank, test = (net.mixture(split, root) for split in ("rank", "test"))
    found = read_layer(net.net(), rank, test, layer or net.layer, images)
    return fits_of_layer(found, plan).assign(variant=net.variant, net_seed=net.seed)


def fits_of_layer(layer: Layer, plan: Plan) -> pd.DataFrame:
    """Measures one layer by a plan; where that says so, its units are rotated before all else."""
    if plan.rotate is not None:
        layer = rotated(layer, random_rotation(layer.rank.n_units, plan.rotate))
    found: pd.DataFrame = measure(layer, replace(plan, rotate=None))
    return found.assign(rotated=plan.rotate is not None)


def write_fits(fits: pd.DataFrame, about: str, out: Path) -> None:
    """Writes a row a fit, and the table of variants, into a folder, whole or not at all."""

    def fill(partial: Path) -> None:
        fits.to_csv(partial / "fits.csv", index=False)
        write_table(partial, "variants", of_variants(fits), [about, f"Means over dictionary seeds, then over nets. {CUT}"])

    storage.publish(out, fill)


def of_variants(fits: pd.DataFrame) -> pd.DataFrame:
    """Gives a row a variant, dictionary and number of atoms: means with intervals over nets."""
    rows = []
    for keys, group in (fits if fits["rotated"].all() else fits[~fits["rotated"]]).groupby(KEYS, sort=False):
        row = dict(zip(KEYS, keys, strict=True)) | {"n": group["net_seed"].nunique()}
        for number in (name for name in NUMBERS if name in group):
            by_net = group.groupby("net_seed")[number].mean().dropna()
            row[number] = with_interval(by_net.tolist(), bounds_of(number))
        rows.append(row | {"seconds": round(float(group["seconds"].mean()), 2)})
    return pd.DataFrame(rows)


def of_runs(fits: pd.DataFrame) -> pd.DataFrame:
    """Gives a row a net: what claims are held against, of dictionaries of 20 atoms (fewer where a method has no more).

    Returns:
        `coverage_NAME`, `unique_NAME`, `gap_NAME` of each dictionary and of `units`; `beyond_random`: the largest coverage of any
        dictionary less that of as many random directions; `tau_variance_coverage`: Kendall's tau of explained variance and
        coverage over dictionaries; `rotation_change`: the largest change of coverage of a dictionary when units are rotated.
    """
    rows = []
    for (variant, seed), group in fits.groupby(["variant", "net_seed"], sort=False):
        still = group[~group["rotated"]]
        chosen = still[still["asked"].eq(ATOMS) | still["dictionary"].eq(UNITS) | still["supervised"]]
        means = chosen.groupby("dictionary", sort=False).mean(numeric_only=True)
        row: dict[str, object] = {"variant": variant, "seed": seed}
        for short, number in {"coverage": "coverage", "unique": "unique_concepts", "gap": "gap_closed"}.items():
            row |= {f"{short}_{_column(str(name))}": value for name, value in means[number].items() if name != RANDOM}
        learned = means[~means["supervised"].astype(bool) & ~means.index.isin([RANDOM, UNITS])]
        of_random = still[still["dictionary"] == RANDOM].groupby("atoms")["coverage"].mean()
        row["coverage_random"] = of_random.get(ATOMS, math.nan)
        row["beyond_random"] = float((learned["coverage"] - learned["atoms"].map(of_random)).max())
        row["tau_variance_coverage"] = float(kendalltau(learned["explained_variance"], learned["coverage"]).statistic)
        turned = group[group["rotated"]].groupby("dictionary")["coverage"].mean()
        same = still[still["seed"].eq(0) & still["asked"].eq(ATOMS)].groupby("dictionary")["coverage"].mean()
        row["rotation_change"] = float((turned - same).loc[[*EQUIVARIANT]].abs().max()) if len(turned) else math.nan
        rows.append(row)
    return pd.DataFrame(rows)


def _column(spec: str) -> str:
    """Gives what a dictionary is called in the name of a column.

    Example:
        >>> _column("topk:k=1")
        'topk_k1'
    """
    return re.sub(r"\W+", "_", spec.replace("=", ""))


ANALYSIS = Analysis(
    "Dictionaries over units: are the digits there in another basis?",
    run,
    bounds={"tau_variance_coverage": (-1, 1), "rotation_change": (0, 1), "beyond_random": (-1, 1)},
)
