"""Rotation: the same function in other units. Accuracy must not move; what does alignment do?

The units of the layer that feeds the head are rotated by Q^alpha (alpha 0 to 1, Q uniform over all rotations) after the ReLU,
and the head is rotated back, in float64: every prediction must stay. How many unique concepts are lost is claim R5.

Source:
    D. Bau et al. (2017), "Network Dissection", arXiv:1704.05796: AlexNet's conv5, about 80 % of the unique detectors lost.
    Differs: detectors by alignment (average precision >= .80), not by IoU; several rotations and trainings; decisions checked.
"""

import math
from dataclasses import asdict
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from mixmnist.core.records import Analysis, require
from mixmnist.plants._rotation import random_rotation
from mixmnist.report.drawing import Album
from mixmnist.report.ranges import bounds_of
from mixmnist.report.tables import CUT, write_table
from mixmnist.stats import t_interval
from mixmnist.trust import _plots
from mixmnist.trust._layers import IMAGES, about, counts, first, nets_of, table_of, with_interval, write_summary
from mixmnist.trust._networks import Recorded
from mixmnist.trust._rotated import capture, rotate

ROTATIONS = 20  # the same ones for every net of a width
ALPHAS = tuple(step / 10 for step in range(11))
DISSECTION = 0.8  # share lost, "about 80 %"
LOST = (-math.inf, 1)  # of unique concepts there may be more after a rotation than before
NUMBERS = ["unique_concepts", "detectors", "coverage", "mean_alignment", "accuracy"]
SHOWN = {"unique_concepts": "unique concepts", "mean_alignment": "mean alignment", "accuracy": "accuracy"}


def run(folder: Path, out: Path, root: str | None) -> None:
    """Writes every rotation's numbers, a table of variants and of runs; of the trained nets alone."""
    nets = [net for net in nets_of(folder) if net.settings.provenance == "trained"]
    require(nets, f"rotation needs a trained network, got none in {folder}. Run a variant that is trained on the labels.")
    curves = pd.concat([_turned(net, root) for net in tqdm(nets, "rotation", leave=False, disable=None)], ignore_index=True)
    curves.to_csv(out / "curves.csv", index=False)
    runs = lost(curves)
    variants = _variants(curves, runs)
    note = f"{about(folder, nets)} {counts(nets)} {ROTATIONS} rotations of each, first {IMAGES} test canvases, float64."
    how = f"Means over rotations within a seed, then over seeds with their 95 % t interval. {CUT}"
    cited = f"rotation_lost: share of unique concepts lost at alpha 1; Network Dissection (2017): about {DISSECTION:.2f}."
    write_table(out, "variants", variants, [note, how, cited])
    write_table(out, "runs", runs, [note, "A row a run: means over rotations at alpha 1.", cited])
    columns = ["variant", "n", "unique_concepts_0", "unique_concepts_1", "rotation_lost", "network_dissection", "differ"]
    write_summary(out, _said(curves, runs), variants[columns])


def draw(home: Path, album: Album) -> None:
    """Draws what the rotations leave."""
    _plots.rotated(album, table_of(home, "curves"), SHOWN)


def _turned(net: Recorded, root: str | None) -> pd.DataFrame:
    """Gives a row a rotation and alpha of one net."""
    captured = capture(net.net(), first(net.mixture("test", root)), net.layer)
    n_units = len(captured.maps)
    still = rotate(captured, random_rotation(n_units, seed=0), 0.0)  # whatever the rotation
    rows = []
    for number in range(ROTATIONS):
        q = random_rotation(n_units, seed=number)
        for alpha in ALPHAS:
            found = still if alpha == 0 else rotate(captured, q, alpha)
            rows.append({"variant": net.variant, "seed": net.seed, "rotation": number, "alpha": alpha} | asdict(found))
    return pd.DataFrame(rows)


def lost(curves: pd.DataFrame) -> pd.DataFrame:
    """Gives a row a run: what is lost at alpha 1 against alpha 0, mean over rotations.

    Returns:
        `rotation_lost` is the share of unique concepts, `nan` where there is none to lose, below 0 where there are more.

    Example:
        >>> rows = [("a", 0, 0, 0.0, 4.0), ("a", 0, 0, 1.0, 1.0), ("a", 0, 1, 0.0, 4.0), ("a", 0, 1, 1.0, 2.0)]
        >>> curves = pd.DataFrame(rows, columns=["variant", "seed", "rotation", "alpha", "unique_concepts"])
        >>> found = lost(curves.assign(accuracy=0.9, mean_alignment=0.8, differ=0))
        >>> found[["rotation_lost", "rotation_accuracy_change"]].to_numpy().tolist()
        [[0.625, 0.0]]
    """
    rows = []
    for (variant, seed), group in curves.groupby(["variant", "seed"], sort=False):
        still, turned = (group[group["alpha"] == alpha].set_index("rotation") for alpha in (0.0, 1.0))
        had = still["unique_concepts"].iloc[0]
        row = {"variant": variant, "seed": seed}
        row["rotation_lost"] = float((had - turned["unique_concepts"]).mean()) / had if had else math.nan
        row["rotation_accuracy_change"] = float((turned["accuracy"] - still["accuracy"]).mean())
        row["rotation_alignment_change"] = float((turned["mean_alignment"] - still["mean_alignment"]).mean())
        rows.append(row | {"rotation_differ": int(group["differ"].sum())})
    return pd.DataFrame(rows)


def _variants(curves: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """Gives a row a variant: each number without and with the rotation, and what is lost."""
    rows = []
    for variant, group in curves.groupby("variant", sort=False):
        row = {"variant": variant, "n": group["seed"].nunique()}
        for number in NUMBERS:
            for alpha in (0.0, 1.0):
                by_seed = group[group["alpha"] == alpha].groupby("seed")[number].mean()
                row[f"{number}_{alpha:g}"] = with_interval(by_seed.tolist(), bounds_of(number))
        row["rotation_lost"] = with_interval(runs["rotation_lost"][runs["variant"] == variant].tolist(), LOST)
        row["network_dissection"] = f"about {DISSECTION:.2f}"
        rows.append(row | {"differ": int(group["differ"].sum())})
    return pd.DataFrame(rows)


def _said(curves: pd.DataFrame, runs: pd.DataFrame) -> list[str]:
    """Says in words what R5 comes to."""
    lines = []
    for variant, group in runs.groupby("variant", sort=False):
        share, change = group["rotation_lost"].tolist(), group["rotation_accuracy_change"].abs().max()
        turned = curves[(curves["variant"] == variant) & (curves["alpha"] > 0)]
        lines.append(
            f"{variant}: rotation loses {with_interval(share, LOST)} of the unique concepts (n={t_interval(share).n} seeds; "
            f"Network Dissection: about {DISSECTION:.2f}); largest change of accuracy {change:g}; "
            f"{int(turned['differ'].sum())} of {len(turned) * IMAGES} decisions differ."
        )
    return lines


ANALYSIS = Analysis(
    "Rotation: the same function in other units",
    run,
    draw=draw,
    bounds={
        "rotation_lost": LOST,
        "rotation_accuracy_change": (-1, 1),
        "rotation_alignment_change": (-1, 1),
        "rotation_differ": (0, math.inf),
    },
)
