"""Permutation null: which units detect more than chance, and what untrained and shuffled-label networks reach.

Whole rows of presence are permuted over the images. Each unit gets a p-value by its own null, one by the highest unit of its
layer in each permutation, and a score corrected for chance, by alignment on every recorded net and by every other score of
response and presence on one seed a variant. The p-values are tried on planted nulls, units whose responses know nothing of the
images; where nearly all responses tie at 0 few values are possible and p-values are too high, never too low. Networks that never
trained or trained on shuffled labels are baselines, not nulls: their units see ink, and ink alone tells a thin digit from a
thick one.
"""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float
from scipy import stats
from torch import Tensor

from mixmnist.core.records import Analysis, Metric
from mixmnist.core.registry import collect
from mixmnist.core.thresholds import THRESHOLD
from mixmnist.metrics.average_precision import average_precision
from mixmnist.report.drawing import Album
from mixmnist.report.tables import write_table
from mixmnist.trust import _plots
from mixmnist.trust._layers import IMAGES, about, first, nets_of, read, table_of, with_interval, write_summary
from mixmnist.trust._networks import Recorded
from mixmnist.trust._permutation import Score, hold_against_null, own_score, p_values, permutation_null
from mixmnist.trust._side_by_side import side_by_side

PERMUTATIONS = 1000
FEWER = 1000  # canvases for the other scores, and for planted nulls
PLANTED_UNITS = 240
ZEROS = {"continuous": 0.0, "70 % zeros": 0.7, "99 % zeros": 0.99}  # planted responses: share of images without any
LEVEL = 0.05
FEWEST_A_PROCESS = 5  # nets that are worth the start of a process
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def run(folder: Path, out: Path, root: str | None) -> None:
    """Writes tables of units, scores, variants, runs and planted nulls."""
    nets = nets_of(folder)
    note = f"{about(folder, nets)} {PERMUTATIONS} permutations."
    firsts: dict[str, Recorded] = {}
    for net in nets:
        firsts.setdefault(net.variant, net)
    calls = [*((_scores, (net, root)) for net in firsts.values()), *((_units, (net, root)) for net in nets)]  # the longest first
    tables = side_by_side(calls, "permutations", FEWEST_A_PROCESS)
    scores, units = (pd.concat(part, ignore_index=True) for part in (tables[: len(firsts)], tables[len(firsts) :]))
    present = first(nets[0].mixture("test", root), FEWER).present
    planted = planted_p_values(present, PLANTED_UNITS, PERMUTATIONS, seed=0)
    uniform, variants = held_against_uniform(planted), summarise(units)
    units.to_csv(out / "units.csv", index=False)
    meaning = (
        f"Alignment: a unit's best over the digits on the first {IMAGES} test canvases; its null is the best over the digits, "
        f"too. Significant: p_layer < {LEVEL}: the highest unit of the layer is as high in fewer permutations. Corrected: 0 "
        "knows nothing, 1 is perfect."
    )
    write_table(out, "variants", variants, [note, meaning])
    per_run = "A row a run: share of its units significant (p_layer), mean alignment corrected for chance, units at .80."
    write_table(out, "runs", _runs(units), [note, per_run])
    one_seed = f"Every score of response and presence alone, one seed a variant, on {FEWER} canvases."
    write_table(out, "scores", scores, [note, one_seed])
    planted_note = (
        f"Planted nulls: {PLANTED_UNITS} units a row on {FEWER} canvases; Kolmogorov-Smirnov against uniform. Where 99 % of the "
        "responses tie at 0 few scores are possible: p-values come in steps, and are valid though not uniform."
    )
    planted.to_csv(out / "planted.csv", index=False)
    write_table(out, "uniform", uniform, [note, planted_note])
    write_summary(out, _said(units, uniform), variants[["variant", "origin", "seeds", "units", "median", "at_80", "significant"]])


def draw(home: Path, album: Album) -> None:
    """Draws the alignments beside their null, and the p-values of planted nulls."""
    _plots.alignments(album, table_of(home, "units"), IMAGES, LEVEL)
    planted = table_of(home, "planted")
    _plots.planted_p_values(album, planted, held_against_uniform(planted), FEWER)


def _units(net: Recorded, root: str | None) -> pd.DataFrame:
    """Holds each unit's alignment against its null."""
    readout = read(net, root)
    tested = hold_against_null(readout.response, readout.present, average_precision, PERMUTATIONS, seed=0)
    names = [readout.concepts[c] if c >= 0 else "" for c in tested.concept]
    chance = readout.present.double().mean(dim=0)
    table = {
        "variant": net.variant,
        "origin": net.settings.provenance,
        "seed": net.seed,
        "unit": range(readout.n_units),
        "concept": names,
        "alignment": tested.score,
        "chance": [float(chance[c]) if c >= 0 else math.nan for c in tested.concept],
        "null_mean": tested.null.mean(dim=0),
        "null_95": tested.null.quantile(0.95, dim=0),
        "p": tested.p,
        "p_layer": tested.p_layer,
        "corrected": tested.corrected,
    }
    return pd.DataFrame(table)


def detection_scores() -> dict[str, Score]:
    """Gives every score of units and concepts on the shelf that needs response and presence and nothing else."""
    metrics: dict[str, Metric] = collect("metrics")
    return {
        column: function
        for metric in metrics.values()
        if metric.axes == ("units", "concepts")
        for column, function in metric.columns.items()
        if set(metric.needs(column)) == {"response", "present"}
    }


def _scores(net: Recorded, root: str | None) -> pd.DataFrame:
    """Holds every score's units of one net against their null."""
    readout, rows = read(net, root, FEWER), []
    for column, score in detection_scores().items():
        tested = hold_against_null(readout.response, readout.present, score, PERMUTATIONS, seed=0)
        found = {"mean": tested.score, "null_mean": tested.null.mean(dim=0), "corrected": tested.corrected, "p": tested.p}
        live = pd.DataFrame(found | {"p_layer": tested.p_layer}).dropna(subset="mean")
        row = {"variant": net.variant, "seed": net.seed, "score": column, "units": len(live)}
        row |= {name: live[name].mean() for name in ("mean", "null_mean", "corrected")}
        rows.append(row | {"largest_p": live["p"].max(), "significant": (live["p_layer"] < LEVEL).mean()})
    return pd.DataFrame(rows)


def summarise(units: pd.DataFrame) -> pd.DataFrame:
    """Gives a row a variant: how alignments lie, how many units reach .80, how many are significant."""
    rows = []
    for (variant, origin), group in units.groupby(["variant", "origin"], sort=False):
        live = group.dropna(subset="alignment")
        row = {"variant": variant, "origin": origin, "seeds": group["seed"].nunique(), "units": len(group)}
        row |= {"dead": len(group) - len(live), "lowest": live["alignment"].min()}
        row |= {"median" if q == 0.5 else f"q{round(100 * q)}": live["alignment"].quantile(q) for q in QUANTILES}
        row |= {"highest": live["alignment"].max(), "chance": live["chance"].mean(), "null_95": live["null_95"].mean()}
        row |= {"at_80": int((live["alignment"] >= THRESHOLD).sum()), "corrected": live["corrected"].mean()}
        rows.append(row | {"significant": (live["p_layer"] < LEVEL).mean()})
    return pd.DataFrame(rows)


def _runs(units: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for (variant, seed), group in units.groupby(["variant", "seed"], sort=False):
        live = group.dropna(subset="alignment")
        row = {"variant": variant, "seed": seed, "null_significant": (live["p_layer"] < LEVEL).mean()}
        row |= {"null_corrected_alignment": live["corrected"].mean(), "null_units_at_80": (live["alignment"] >= THRESHOLD).sum()}
        rows.append(row)
    return pd.DataFrame(rows)


def planted_null(n_images: int, n_units: int, zeros: float, seed: int) -> Float[Tensor, "images units"]:
    """Draws responses that know nothing of the images, the given share of them 0 as after a ReLU; continuous above.

    Example:
        >>> planted_null(1000, 3, zeros=0.7, seed=0).eq(0).double().mean().round(decimals=1)
        tensor(0.7000, dtype=torch.float64)
    """
    normal = torch.randn(n_images, n_units, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return normal if zeros == 0 else (normal - float(stats.norm.ppf(zeros))).relu()


def planted_p_values(present: Bool[Tensor, "images concepts"], n_units: int, n: int, seed: int) -> pd.DataFrame:
    """Gives the p-values of planted nulls, by one concept's alignment and by the best over concepts, lowest first."""
    parts = []
    for number, (kind, zeros) in enumerate(ZEROS.items()):
        response = planted_null(len(present), n_units, zeros, seed + number)
        for what, shown in (("one given digit", present[:, :1]), ("the best digit", present)):
            null = permutation_null(response, shown, n=n, seed=seed)
            p = np.sort(p_values(own_score(response, shown)[0], null).numpy())
            expected = (np.arange(len(p)) + 0.5) / len(p)
            parts.append(pd.DataFrame({"responses": kind, "score": what, "expected": expected, "p": p}))
    return pd.concat(parts, ignore_index=True)


def held_against_uniform(planted: pd.DataFrame) -> pd.DataFrame:
    """Tests by Kolmogorov and Smirnov whether the p-values of each planting are uniform.

    Example:
        >>> p = pd.DataFrame({"responses": "even", "score": "any", "p": [0.1, 0.3, 0.5, 0.7, 0.9]})
        >>> held_against_uniform(p)[["units", "distance", "p"]].round(3).to_numpy().tolist()
        [[5.0, 0.1, 1.0]]
    """
    rows = []
    for (kind, what), group in planted.dropna(subset="p").groupby(["responses", "score"], sort=False):
        test = stats.kstest(group["p"].to_numpy(), "uniform")
        row = {"responses": kind, "score": what, "units": len(group), "distance": float(test.statistic), "p": float(test.pvalue)}
        rows.append(row | {f"below_{LEVEL}": (group["p"] <= LEVEL).mean(), "mean_p": group["p"].mean()})
    return pd.DataFrame(rows)


def _said(units: pd.DataFrame, uniform: pd.DataFrame) -> list[str]:
    """Says in words what matters."""
    lines = []
    for (variant, origin), group in units.groupby(["variant", "origin"], sort=False):
        live = group.dropna(subset="alignment")
        reach = int((live["alignment"] >= THRESHOLD).sum())
        share = [(g["alignment"] >= THRESHOLD).mean() for _, g in group.groupby("seed")]
        lines.append(
            f"{variant} ({origin}): {reach} of {len(group)} units reach .80 (share of a net {with_interval(share, (0, 1))}, "
            f"n={len(share)} seeds); highest {live['alignment'].max():.3f}, chance {live['chance'].mean():.3f}."
        )
    tests = [f"{r['responses']}, {r['score']}: distance {r['distance']:.3f}, p {r['p']:.2f}" for _, r in uniform.iterrows()]
    lines.append(f"p-values of {PLANTED_UNITS} planted nulls against uniform (Kolmogorov-Smirnov): {'; '.join(tests)}.")
    lines.append("An untrained or shuffled network is a baseline, not a null: its units see ink.")
    return lines


ANALYSIS = Analysis(
    "Permutation null: which units detect more than chance",
    run,
    draw=draw,
    bounds={"null_significant": (0, 1), "null_corrected_alignment": (-math.inf, 1), "null_units_at_80": (0, math.inf)},
)
