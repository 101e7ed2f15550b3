"""Networks compared: how many digit detectors each has, and whether another basis of the same layer has more.

Beside the units of the layer that feeds the head stand atoms of ICA and sparse coding, fitted without labels on rank canvases, as
many random directions (the null), and a probe that is fitted with the labels (the ceiling). All are scored on the same test
canvases. So few detectors among units and digits that lie in another basis are told apart. Over the variants of a seed Kendall's
tau says whether detectors and accuracy go together.

Source:
    D. Bau et al. (2017), "Network Dissection", arXiv:1704.05796: networks and supervisions by their unique detectors, and these
    beside accuracy on other tasks. Differs: alignment in place of IoU, as many units in all nets, bases and intervals beside.
"""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import kendalltau

from mixmnist.core import registry, sums
from mixmnist.core.records import Analysis, Task
from mixmnist.core.thresholds import THRESHOLD
from mixmnist.features.measuring import CEILING, RANDOM, UNITS, Plan
from mixmnist.report.drawing import Album
from mixmnist.report.ranges import bounds_of
from mixmnist.report.rows import order_of
from mixmnist.report.tables import CUT, write_table
from mixmnist.stats import Bounds
from mixmnist.trust import _comparison_plots
from mixmnist.trust._layers import about, counts, nets_of, table_of, with_interval, write_summary
from mixmnist.trust._networks import Recorded
from mixmnist.trust.features import fits_by_plan

ATOMS = 20  # of each dictionary; fewer where a method has no more
BASES = {"ica": "ica", "sparse": "sparse", "random": RANDOM, "probe": CEILING}  # beside units: short name, dictionary
RECORDED = ("accuracy", "n_units", "dead", "detectors", "unique_concepts", "coverage")  # taken from a run's record
FITS = ("variant", "net_seed", "dictionary", "atoms", "coverage")  # what is read of them here
FEWEST = 3  # variants of which an order is told
BOUNDS: dict[str, Bounds] = {
    "accuracy": (0, 1),
    "n_units": (0, math.inf),
    "detectors": (0, math.inf),
    "detector_share": (0, 1),
    "unique_concepts": (0, math.inf),
    "coverage": (0, 1),
    **{f"atoms_{name}": (0, 1) for name in ("units", *BASES)},
    **{f"atoms_beyond_{name}": (-1, 1) for name in ("units", "random")},
    "tau_unique_accuracy": (-1, 1),
    "tau_coverage_accuracy": (-1, 1),
}
MEANS = (
    "detectors: units of alignment .80 or more; detector_share: of all units; unique_concepts: digits that have one. atoms_NAME: "
    "the coverage (mean over digits of the best alignment) of units, of atoms of ICA and of sparse coding, of as many random "
    "directions (mean of 20 draws), and of a probe fitted with the labels, all on the same canvases; of a net all of whose units "
    "are dead there are none. atoms_beyond_units, atoms_beyond_random: the better of ICA and sparse coding, less the units' and "
    "less that of random directions."
)


def run(folder: Path, out: Path, root: str | None) -> None:
    """Writes a row a net (`nets.csv`, `runs.csv`), means of variants, detectors by digit, taus by seed, and a summary."""
    nets = sorted(nets_of(folder), key=lambda net: (net.settings.provenance != "trained", order_of(net.variant), net.seed))
    plan = Plan((BASES["ica"], BASES["sparse"]), (ATOMS,), thorough=False)
    rows = [of_net(net) for net in nets]
    awake = [net for net, row in zip(nets, rows, strict=True) if row["dead"] != row["n_units"]]
    fits = fits_by_plan([(net, plan, None) for net in awake], root) if awake else pd.DataFrame(columns=FITS)
    found = pd.DataFrame([row | of_bases(own_fits(fits, net)) for net, row in zip(nets, rows, strict=True)])
    taus = of_seeds(found)
    note, how = f"{about(folder, nets)} {counts(nets)}", f"Means over nets with their 95 % t interval. {CUT}"
    variants = of_variants(found)
    write_table(out, "variants", variants, [note, how, MEANS])
    write_table(out, "nets", found, [note, MEANS])
    write_table(out, "concepts", of_concepts(nets), [note, "detectors: units of alignment .80 or more whose best digit it is."])
    said = tau_words(taus)
    write_table(out, "seeds", taus, [note, "Kendall's tau over the variants of a seed. " + said])
    runs = found.drop(columns=["task", "net", "objective", "origin", *RECORDED])
    write_table(out, "runs", runs.merge(taus, on="seed", how="left"), [note, MEANS])
    shown = ["variant", "n", "accuracy", "detector_share", "unique_concepts", "atoms_units", "atoms_ica", "atoms_sparse"]
    write_summary(out, [note, how, said], variants[shown])


def draw(home: Path, album: Album) -> None:
    """Draws detectors by digit, coverage of each basis, and detectors beside accuracy."""
    nets, concepts, seeds = (table_of(home, name) for name in ("nets", "concepts", "seeds"))
    _comparison_plots.by_concept(album, concepts)
    _comparison_plots.bases(album, nets)
    _comparison_plots.against_accuracy(album, nets, tau_words(seeds))


def own_fits(fits: pd.DataFrame, net: Recorded) -> pd.DataFrame:
    """Gives the rows of one net."""
    found: pd.DataFrame = fits[fits["variant"].eq(net.variant) & fits["net_seed"].eq(net.seed)]
    return found


def of_net(net: Recorded) -> dict[str, object]:
    """Gives what a run's record says of its last layer, and what the net is."""
    layer = next(one for one in sums.read_sealed(net.place / "record.json")["layers"] if one["layer"] == net.layer)
    v = net.settings
    row: dict[str, object] = {
        "variant": net.variant,
        "seed": net.seed,
        "task": v.task,
        "net": v.net,
        "objective": v.objective,
        "origin": v.origin,
    }
    return row | {name: layer[name] for name in RECORDED} | {"detector_share": layer["detectors"] / layer["n_units"]}


def of_bases(fits: pd.DataFrame) -> dict[str, float]:
    """Gives the coverage of units and of each basis of one net, and what atoms have beyond units and beyond random directions.

    Args:
        fits: A row a fit of one net: `dictionary`, `atoms` (as read) and `coverage`.

    Example:
        >>> names = ["units", "ica", "random", "random", "probe_max"]
        >>> numbers = {"atoms": [5, 5, 5, 9, 5], "coverage": [0.4, 0.6, 0.3, 0.5, 0.9]}
        >>> found = of_bases(pd.DataFrame({"dictionary": names, **numbers}))
        >>> round(found["atoms_beyond_units"], 2), round(found["atoms_beyond_random"], 2), found["atoms_probe"]
        (0.2, 0.3, 0.9)
    """
    means = fits.groupby("dictionary")["coverage"].mean()
    by_random = fits[fits["dictionary"].eq(RANDOM)].groupby("atoms")["coverage"].mean()
    learned = fits[fits["dictionary"].isin([BASES["ica"], BASES["sparse"]])]
    ordered = learned.sort_values("coverage", kind="stable")
    atoms, best = (int(ordered["atoms"].iloc[-1]), float(ordered["coverage"].iloc[-1])) if len(ordered) else (0, math.nan)
    known = means.to_dict() | {RANDOM: float(by_random.get(atoms, math.nan))}  # as many as the better one has
    row = {"atoms_units": known.get(UNITS, math.nan)}
    row |= {f"atoms_{name}": known.get(dictionary, math.nan) for name, dictionary in BASES.items()}
    beyond = {name: best - row[f"atoms_{name}"] for name in ("units", "random")}
    return {name: float(value) for name, value in row.items()} | {f"atoms_beyond_{name}": value for name, value in beyond.items()}


def of_concepts(nets: Sequence[Recorded]) -> pd.DataFrame:
    """Counts the detectors of each digit: a row a variant and digit, the mean over nets, and the share of nets that have one."""
    rows = []
    for net in nets:
        units = pd.read_csv(net.place / "units.csv", dtype={"concept": str})
        good = units[units["layer"].eq(net.layer) & units["alignment"].ge(THRESHOLD)]
        task: Task = registry.choose("tasks", net.settings.task)
        rows += [{"variant": net.variant, "digit": one, "detectors": int(good["concept"].eq(one).sum())} for one in task.concepts]
    every = pd.DataFrame(rows).assign(there=lambda table: table["detectors"].gt(0))
    grouped = every.groupby(["variant", "digit"], sort=False)
    return grouped.agg(n=("detectors", "size"), detectors=("detectors", "mean"), nets_with_one=("there", "mean")).reset_index()


def of_variants(found: pd.DataFrame) -> pd.DataFrame:
    """Gives a row a variant: what its nets are, and the means of their numbers with intervals."""
    rows = []
    for variant, own in found.groupby("variant", sort=False):
        first = own.iloc[0].to_dict()
        row: dict[str, object] = {"variant": variant, "net": first["net"], "objective": first["objective"], "n": len(own)}
        row |= {
            name: with_interval(own[name].dropna().astype(float).tolist(), bounds_of(name, first))
            for name in BOUNDS
            if name in own
        }
        rows.append(row)
    return pd.DataFrame(rows)


def of_seeds(found: pd.DataFrame) -> pd.DataFrame:
    """Gives a row a seed: Kendall's tau of detectors and accuracy over its variants, nan where they are fewer than three.

    Args:
        found: A row a net: `seed`, `accuracy`, `unique_concepts` and `coverage`.

    Example:
        >>> rows = [(0, 0.2, 1, 0.3), (0, 0.5, 4, 0.6), (0, 0.9, 9, 0.5)]
        >>> of_seeds(pd.DataFrame(rows, columns=["seed", "accuracy", "unique_concepts", "coverage"])).iloc[0].round(2).tolist()
        [0.0, 3.0, 1.0, 0.33]
    """
    rows = []
    for seed, own in found.groupby("seed"):
        row: dict[str, object] = {"seed": seed, "n_variants": len(own)}
        for short, name in (("unique", "unique_concepts"), ("coverage", "coverage")):
            told = len(own) >= FEWEST and all(np.ptp(own[column]) > 0 for column in (name, "accuracy"))
            row[f"tau_{short}_accuracy"] = float(kendalltau(own[name], own["accuracy"]).statistic) if told else math.nan
        rows.append(row)
    return pd.DataFrame(rows)


def tau_words(taus: pd.DataFrame) -> str:
    """Says whether detectors and accuracy go together, over seeds."""
    said = []
    for short, words in (("unique", "unique concepts"), ("coverage", "coverage")):
        values = taus[f"tau_{short}_accuracy"].dropna().tolist()
        if values:
            said.append(f"Tau of {words} and accuracy over variants: {with_interval(values, (-1, 1))}, n={len(values)} seeds.")
    return " ".join(said) or f"Of fewer than {FEWEST} variants no order is told."


ANALYSIS = Analysis(
    "Networks compared: detectors, and what other bases of the same layer hold",
    run,
    draw=draw,
    asks=("dictionaries",),
    bounds={name: bounds for name, bounds in BOUNDS.items() if name not in RECORDED},
)
