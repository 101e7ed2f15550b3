"""Dictionaries over units: are the digits there in another basis, where single units do not detect them?

Every dictionary of the shelf is fitted without labels on cells of the layer that feeds the head (rank canvases), and its atoms
are scored as units (test canvases), beside as many random directions and a supervised ceiling. Claims F1 to F7.

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

from mixmnist.core.records import Analysis
from mixmnist.features.cells import IMAGES
from mixmnist.features.measuring import CEILING, RANDOM, RANDOM_DRAWS, UNITS, Layer, Plan, measure, read_layer, rotated
from mixmnist.plants._rotation import random_rotation
from mixmnist.report.drawing import Album, Nothing
from mixmnist.report.ranges import bounds_of
from mixmnist.report.tables import CUT, write_table
from mixmnist.trust import _atoms, _best_atoms
from mixmnist.trust._layers import about, counts, nets_of, table_of, with_interval, write_summary
from mixmnist.trust._networks import Recorded
from mixmnist.trust._side_by_side import side_by_side

ATOMS = 20  # that claims are about
MORE_ATOMS, MORE_SEEDS = (10, 40), (0, 1, 2)  # of the first nets of each variant
FIRST, WHOLE = 5, 3  # nets of a variant that are looked at with more numbers of atoms; and with more seeds and all scores
TURNED = "baseline"  # the variant whose units are rotated as well
NULLS = ("ica", "sparse", "topk:k=1")  # whose nulls are made on every net
EQUIVARIANT = ("ica", "kmeans", "pca", "sparse")  # what is fitted by lengths and angles alone
OF_RUNS = {  # what is said of single nets: a column's short name, its number, and of which dictionaries
    "coverage": ("coverage", (UNITS, *NULLS, "topk", CEILING)),
    "unique": ("unique_concepts", (UNITS, *NULLS, "topk", CEILING)),
    "gap": ("gap_closed", NULLS),
    "scrambled": ("coverage_scrambled", NULLS),
}
KEYS = ["variant", "dictionary", "atoms", "supervised"]
NUMBERS = (
    "coverage",
    "coverage_mean",
    "unique_concepts",
    "gap_closed",
    "coverage_random",
    "unique_concepts_random",
    "coverage_scrambled",
    "coverage_turned",
    "explained_variance",
    "l0",
    "stability",
    "recovered",
)
OWN = ("chance", "concepts", "detectors", "mean_alignment", "net_seed", "rotated", "seed", "asked", "seconds", "said")  # no score
AUTOENCODERS = _atoms.FAMILIES["autoencoders"]
TAUS = "over dictionaries that cannot copy every cell, mean over nets"
FEWEST = 3  # dictionaries that an order is told of
PICTURED = {"width-5": "sparse", "wide-dropout": "ica"}  # whose best atoms are shown, and of which dictionary
MEANS = (
    "coverage_random, unique_concepts_random: of as many random directions; coverage_scrambled: of the dictionary fitted on "
    "cells whose units are permuted each by itself; coverage_turned: of its atoms turned as a whole; stability, recovered: "
    "cosine of atoms matched over seeds of the dictionary, and the share above .9. The last two, and the nulls of other than "
    f"{', '.join(NULLS)}, are of the first {WHOLE} nets."
)


def run(folder: Path, out: Path, root: str | None) -> None:
    """Writes a row a fit (`fits.csv`), tables of variants, of all scores and of runs, pictures' numbers, and a summary."""
    nets = nets_of(folder)
    fits = fits_of(nets, root)  # whose seconds, another time other ones, go into no file
    few_draws(fits).drop(columns="seconds").to_csv(out / "fits.csv", index=False, float_format="%.5g")
    variants, runs = of_variants(fits).drop(columns="seconds"), of_runs(fits)
    note = f"{about(folder, nets)} {counts(nets)}"
    how = f"Means over dictionary seeds within a net, then over nets with their 95 % t interval. {CUT}"
    stopped = f"{int(fits['said'].ne('').sum())} of {len(fits)} fits are not as asked for: the column said of fits.csv."
    write_table(out, "variants", variants, [note, how, MEANS, stopped])
    write_table(out, "scores", all_scores(fits), [note, f"Every score, {ATOMS} atoms, means over the first {WHOLE} nets."])
    write_table(out, "taus", taus(fits), [note, f"Kendall's tau of explained variance with coverage, over dictionaries. {CUT}"])
    write_table(out, "orders", orders(fits), [note, f"Kendall's tau of each score with coverage, {TAUS}. {CUT}"])
    write_table(out, "runs", runs, [note, f"A row a net: its dictionaries of {ATOMS} atoms."])
    firsts = {net.variant: net for net in reversed(nets)}
    _best_atoms.write(out, [(firsts[name], PICTURED[name]) for name in PICTURED if name in firsts], ATOMS, root)
    few = variants[variants["atoms"].le(ATOMS) | variants["dictionary"].eq(UNITS)].sort_values("atoms", kind="stable")
    shown = few.drop_duplicates(["variant", "dictionary"], keep="last").sort_index()
    write_summary(out, [note, how], shown[["variant", "dictionary", "atoms", "n", "coverage", "unique_concepts", "gap_closed"]])


def draw(home: Path, album: Album) -> None:
    """Draws coverage by atoms, explained variance beside coverage, units beside atoms, and the best atoms of two nets."""
    fits, runs = table_of(home, "fits"), table_of(home, "runs")
    figures = {
        "units_against_atoms": lambda: _atoms.units_against_atoms(album, with_random(fits), ATOMS),
        "coverage_by_atoms": lambda: _atoms.coverage_by_atoms(album, fits),
        "variance_against_coverage": lambda: _atoms.variance_against_coverage(album, fits, runs, ATOMS),
    }
    for name, figure in figures.items():
        try:
            figure()
        except Nothing as why:
            (album.folder / f"{name}.txt").write_text(f"The figure {name} is left out: {why}\n", encoding="utf-8")
    _best_atoms.draw(home, album)


def fits_of(nets: Sequence[Recorded], root: str | None, only: tuple[str, ...] = ()) -> pd.DataFrame:
    """Measures every net; the first nets of each variant with more atoms, seeds and scores; those of one variant rotated, too.

    Args:
        nets: Those of a variant in the order of their seeds.
        root: Holds the source's files.
        only: Dictionaries; by default the whole shelf. Those that a rotation must not change are among them.
    """
    number: dict[str, int] = {}
    asked: list[tuple[Recorded, Plan, str | None]] = []
    for net in nets:
        place = number[net.variant] = number.get(net.variant, -1) + 1
        whole = Plan(only, (ATOMS,), MORE_SEEDS) if place < WHOLE else Plan(only, (ATOMS,), thorough=False, nulls=NULLS)
        asked.append((net, whole, None))
        if place < FIRST:
            asked.append((net, Plan(only, MORE_ATOMS, thorough=False), None))
        if net.variant == TURNED:
            asked.append((net, Plan(EQUIVARIANT, (ATOMS,), thorough=False, rotate=net.seed), None))
    fits = fits_by_plan(asked, root)
    twice = fits.duplicated([*KEYS, "net_seed", "seed", "rotated"])  # what stands beside every plan
    return fits[~twice].reset_index(drop=True)


def few_draws(fits: pd.DataFrame) -> pd.DataFrame:
    """Gives a row for all draws of as many random directions on a net, their mean, with their number in `draws`."""
    is_random = fits["dictionary"].eq(RANDOM)
    keys = [*KEYS, "net_seed", "asked", "rotated"]
    means = fits[is_random].groupby(keys, sort=False).mean(numeric_only=True).reset_index()
    means = means.assign(seed=0, draws=RANDOM_DRAWS, said="")
    return pd.concat([fits[~is_random].assign(draws=1), means], ignore_index=True)


def fits_by_plan(asked: Sequence[tuple[Recorded, Plan, str | None]], root: str | None, images: int = IMAGES) -> pd.DataFrame:
    """Measures nets, each by a plan and at a layer (by default the one that feeds the head), on as many cores as there are."""
    calls = [(_measured, (net, plan, layer, root, images)) for net, plan, layer in asked]
    found: list[pd.DataFrame] = side_by_side(calls, "dictionaries", fewest=1)
    return pd.concat(found, ignore_index=True)


def _measured(net: Recorded, plan: Plan, layer: str | None, root: str | None, images: int) -> pd.DataFrame:
    rank, test = (net.mixture(split, root) for split in ("rank", "test"))
    found = read_layer(net.net(), rank, test, layer or net.layer, images)
    fits = fits_of_layer(found, replace(plan, draws=RANDOM_DRAWS * net.seed))
    return fits.assign(variant=net.variant, net_seed=net.seed)


def fits_of_layer(layer: Layer, plan: Plan) -> pd.DataFrame:
    """Measures one layer by a plan; where that says so, its units are rotated before all else."""
    if plan.rotate is not None:
        layer = rotated(layer, random_rotation(layer.rank.n_units, plan.rotate))
    found: pd.DataFrame = measure(layer, replace(plan, rotate=None))
    return found.assign(rotated=plan.rotate is not None, concepts=len(layer.concepts))


def of_variants(fits: pd.DataFrame) -> pd.DataFrame:
    """Gives a row a variant, dictionary and number of atoms: means with intervals over nets."""
    rows = []
    fits = with_random(fits if fits["rotated"].all() else fits[~fits["rotated"]])
    for keys, group in fits.groupby(KEYS, sort=False):
        row = dict(zip(KEYS, keys, strict=True)) | {"n": group["net_seed"].nunique()}
        for number in (name for name in NUMBERS if name in group):
            by_net = group.groupby("net_seed")[number].mean().dropna()
            most = int(group["concepts"].iloc[0]) if number.startswith("unique_concepts") else bounds_of(number)[1]
            row[number] = with_interval(by_net.tolist(), (bounds_of(number)[0], most))
        rows.append(row | {"seconds": round(float(group["seconds"].mean()), 2)})
    return pd.DataFrame(rows)


def with_random(fits: pd.DataFrame) -> pd.DataFrame:
    """Adds `coverage_random` and `unique_concepts_random`: of as many random directions in the same cells."""
    keys = ["variant", "net_seed", "rotated", "atoms"]
    means = fits[fits["dictionary"].eq(RANDOM)].groupby(keys)[["coverage", "unique_concepts"]].mean()
    return fits.join(means.add_suffix("_random"), on=keys)


def all_scores(fits: pd.DataFrame) -> pd.DataFrame:
    """Gives a row a variant and dictionary of 20 atoms, with the means of all scores over the nets that have them."""
    still = fits[~fits["rotated"] & ~fits["supervised"].astype(bool)]
    whole = still[still["asked"].eq(ATOMS) | still["dictionary"].eq(UNITS)]
    whole = whole.drop(columns=[*(name for name in OWN if name in whole), "supervised"])
    thorough = whole.dropna(subset=[name for name in ("mig",) if name in whole])
    return thorough.groupby(["variant", "dictionary", "atoms"], sort=False).mean(numeric_only=True).reset_index()


def of_runs(fits: pd.DataFrame) -> pd.DataFrame:
    """Gives a row a net: what claims are held against, of dictionaries of 20 atoms (fewer where a method has no more).

    Returns:
        `coverage_NAME`, `unique_NAME`, `gap_NAME` of some dictionaries and of `units`; `scrambled_NAME`: the coverage of the same
        dictionary, fitted on cells whose units are permuted each by itself; `beyond_random`: the largest coverage of any
        dictionary less that of as many random directions; `tau_variance_coverage`: Kendall's tau of explained variance and
        coverage over autoencoders, which are chosen by it; `rotation_change`: the largest change of coverage of
        a dictionary when units are rotated.
    """
    rows = []
    for (variant, seed), group in fits.groupby(["variant", "net_seed"], sort=False):
        still = group[~group["rotated"]]
        chosen = still[still["asked"].eq(ATOMS) | still["dictionary"].eq(UNITS) | still["supervised"]]
        means = chosen.groupby("dictionary", sort=False).mean(numeric_only=True)
        row: dict[str, object] = {"variant": variant, "seed": seed}
        for short, (number, names) in OF_RUNS.items():
            found = means[number].to_dict() if number in means else {}
            row |= {f"{short}_{_column(name)}": found[name] for name in names if name in found}
        learned = _learned(means)
        of_random = still[still["dictionary"] == RANDOM].groupby("atoms")["coverage"].mean()
        row["coverage_random"] = of_random.get(ATOMS, math.nan)
        row["beyond_random"] = float((learned["coverage"] - learned["atoms"].map(of_random)).max())
        row["tau_variance_coverage"] = _tau(learned, "explained_variance", AUTOENCODERS)
        turned = group[group["rotated"]].groupby("dictionary")["coverage"].mean()
        same = still[still["seed"].eq(0) & still["asked"].eq(ATOMS)].groupby("dictionary")["coverage"].mean()
        row["rotation_change"] = float((turned - same).loc[[*EQUIVARIANT]].abs().max()) if len(turned) else math.nan
        rows.append(row)
    return pd.DataFrame(rows)


def _learned(means: pd.DataFrame) -> pd.DataFrame:
    """Gives what is a dictionary, of a net's means by name."""
    found: pd.DataFrame = means[~means["supervised"].astype(bool) & ~means.index.isin([RANDOM, UNITS])]
    return found


def _tau(learned: pd.DataFrame, score: str, names: Sequence[str] = ()) -> float:
    """Gives Kendall's tau of a score and coverage over dictionaries, by default those that cannot copy every cell."""
    told = learned[learned.index.isin(names)] if names else learned[learned["copies"].astype(float) < 0.5]
    told = told.dropna(subset=[score, "coverage"])
    return float(kendalltau(told[score], told["coverage"]).statistic) if len(told) >= FEWEST else math.nan


def taus(fits: pd.DataFrame) -> pd.DataFrame:
    """Says how explained variance orders dictionaries beside coverage: a row a set of them, a column a variant."""
    still = fits[~fits["rotated"] & fits["asked"].eq(ATOMS)]
    every = [str(name) for name in dict.fromkeys(still["dictionary"]) if name not in (RANDOM, UNITS)]
    sets: dict[str, Sequence[str]] = {
        "autoencoders": AUTOENCODERS,
        "all": every,
        "all but k-means, whose codes explain no cell": [name for name in every if name != "kmeans"],
        "those that cannot copy every cell": (),
    }
    rows = []
    for called, names in sets.items():
        row: dict[str, object] = {"dictionaries": called}
        for variant, nets in still.groupby("variant", sort=False):
            means = (net.groupby("dictionary").mean(numeric_only=True) for _, net in nets.groupby("net_seed"))
            found = [_tau(_learned(one), "explained_variance", names) for one in means]
            row[str(variant)] = with_interval([tau for tau in found if not math.isnan(tau)], (-1, 1))
        rows.append(row)
    return pd.DataFrame(rows)


def orders(fits: pd.DataFrame) -> pd.DataFrame:
    """Says which score orders dictionaries as coverage does: a row a score, a column a variant, Kendall's tau, mean over nets."""
    still = fits[~fits["rotated"] & fits["asked"].eq(ATOMS)]
    others = (*KEYS, *OWN, "coverage", "coverage_scrambled", "coverage_turned", "gap_closed", "copies")
    scores = [str(name) for name in still.select_dtypes("number") if name not in others]
    rows = []
    for score in scores:
        row: dict[str, object] = {"score": score}
        for variant, nets in still.groupby("variant", sort=False):
            by_net = [
                _tau(_learned(net.groupby("dictionary").mean(numeric_only=True)), score) for _, net in nets.groupby("net_seed")
            ]
            row[str(variant)] = with_interval([tau for tau in by_net if not math.isnan(tau)], (-1, 1))
        rows.append(row)
    return pd.DataFrame(rows)


def _column(spec: str) -> str:
    """Gives what a dictionary is called in the name of a column.

    Example:
        >>> _column("topk:k=1")
        'topk_k1'
    """
    return re.sub(r"\W+", "_", spec.replace("=", ""))


NAMES = {what: [_column(name) for name in names] for what, (_, names) in OF_RUNS.items()}
ANALYSIS = Analysis(
    "Dictionaries over units: are the digits there in another basis?",
    run,
    draw=draw,
    asks=("dictionaries", "scores"),
    bounds={
        **{f"{what}_{name}": (0, 1) for what in ("coverage", "scrambled") for name in NAMES[what]},
        **{f"unique_{name}": (0, math.inf) for name in NAMES["unique"]},
        "tau_variance_coverage": (-1, 1),
        "rotation_change": (0, 1),
        "beyond_random": (-1, 1),
    },
)
