"""Do units match? Which detectors recur in every training, and how alike the units of two trainings are.

Units of two networks are assigned to each other one to one by their responses on the same images, against a null (the images
of one of the two permuted) and beside networks that never trained. A detector recurs in every training of a variant if each
seed has a unit with alignment of .80 or more for its digit.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int
from torch import Tensor

from mixmnist.core.readout import Readout
from mixmnist.core.records import Analysis
from mixmnist.core.thresholds import THRESHOLD
from mixmnist.metrics.average_precision import average_precision
from mixmnist.report.drawing import Album
from mixmnist.report.tables import write_table
from mixmnist.stats import FEWEST, t_interval, within
from mixmnist.trust import _plots, _squares
from mixmnist.trust._assignment import Matched, match, standardise
from mixmnist.trust._layers import IMAGES, about, counts, nets_of, read, table_of, write_summary
from mixmnist.trust._networks import Recorded

WHISKERS = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True, eq=False)
class Seen:
    """One net's units on the images."""

    net: Recorded
    readout: Readout

    @cached_property
    def standard(self) -> Float[Tensor, "images units"]:
        """The responses, so that products are correlations."""
        return standardise(self.readout.response)

    @cached_property
    def alignment(self) -> Float[Tensor, "units concepts"]:
        """What each unit detects."""
        return average_precision(self.readout.response, self.readout.present).nan_to_num(-1)

    @property
    def detects(self) -> Int[Tensor, " units"]:
        """The digit that each unit is a detector of; -1 for a unit that is none."""
        highest, concept = self.alignment.max(dim=1)
        return torch.where(highest >= THRESHOLD, concept, -1)

    @property
    def detectors(self) -> Int[Tensor, " concepts"]:
        """The best detector of each digit; -1 for a digit without one."""
        highest, unit = self.alignment.max(dim=0)
        return torch.where(highest >= THRESHOLD, unit, -1)


def run(folder: Path, out: Path, root: str | None) -> None:
    """Writes tables of pairs of nets, of digits and of runs, and the quantiles of matched units' correlations."""
    nets = nets_of(folder)
    seen = [Seen(net, read(net, root)) for net in nets]
    pairs = [pair for first, second in itertools.combinations(seen, 2) if (pair := _pair(first, second)) is not None]
    table = pd.DataFrame([row for row, _, _ in pairs])
    digits = recurrence(seen)
    boxes = pd.DataFrame(_boxes(pairs))
    kinds, runs = _kinds(table), _runs(table)
    note = f"{about(folder, nets)} {counts(nets)} Responses on the first {IMAGES} test canvases."
    pair_note = (
        "A row a pair of nets that were scored on the same images: the mean correlation of units assigned one to one "
        "(linear_sum_assignment), of the pairs of detectors (alignment >= .80) the share that detect one digit, and both "
        "with the images of one net permuted (_null)."
    )
    write_table(out, "pairs", table, [note, pair_note])
    mean_note = (
        "Means over pairs of nets; within a variant with a 95 % t interval over seeds, left out one at a time with all their "
        f"pairs (none below {FEWEST} seeds), cut at -1 and 1. Detectors: matched pairs of two detectors, and the share that "
        "detects one digit."
    )
    write_table(out, "kinds", kinds, [note, mean_note])
    digit_note = (
        "A row a digit and variant: the share of seeds with a detector, whether every seed has one, and the mean correlation, "
        "over pairs of seeds, of the best detectors of this digit and of those of this digit and another one."
    )
    write_table(out, "digits", digits, [note, digit_note])
    write_table(out, "runs", runs, [note, "A row a run: means over the other seeds of its variant."])
    boxes.to_csv(out / "correlations.csv", index=False)
    write_summary(out, _said(digits, kinds), kinds[["variant", "other", "nets", "correlation", "null", "same_digit"]])


def draw(home: Path, album: Album) -> None:
    """Draws which detectors recur, and how alike matched units are."""
    _squares.recurrence(album, table_of(home, "digits"))
    _plots.correlations(album, table_of(home, "correlations"), [f"q{round(100 * q)}" for q in WHISKERS])


def _pair(first: Seen, second: Seen) -> tuple[dict[str, object], Matched, Matched] | None:
    """Matches two nets and, as a null, the first with the second on permuted images; None if they saw other images."""
    if _images(first.net) != _images(second.net):
        return None
    generator = torch.Generator().manual_seed(1000 * first.net.seed + second.net.seed)
    order = torch.randperm(len(second.standard), generator=generator)
    found, null = match(first.standard.T @ second.standard), match(first.standard.T @ second.standard[order])
    row = {"variant": first.net.variant, "seed": first.net.seed, "other": second.net.variant, "other_seed": second.net.seed}
    row |= {"pairs": len(found.ours)}
    for matched, suffix in ((found, ""), (null, "_null")):
        one, two = first.detects[matched.ours], second.detects[matched.theirs]
        both = (one >= 0) & (two >= 0)
        row |= {f"correlation{suffix}": float(matched.correlation.mean()), f"both_detect{suffix}": int(both.sum())}
        row[f"same_digit{suffix}"] = float((one == two)[both].double().mean())
    return row, found, null


def _images(net: Recorded) -> object:
    """Says which images a net was scored on."""
    settings = net.settings
    return net.source, settings.task, dict(settings.task_settings), settings.canvas, settings.probe_images


def _kinds(table: pd.DataFrame) -> pd.DataFrame:
    """Gives a row a pair of variants; within a variant with an interval over seeds."""
    rows = []
    for (variant, other), group in table.groupby(["variant", "other"], sort=False):
        row: dict[str, object] = {"variant": variant, "other": other, "nets": len(group)}
        row |= {"correlation": group["correlation"].mean(), "lower": math.nan, "upper": math.nan}
        if variant == other:
            interval = within(t_interval(pseudo_values(group, "correlation")), (-1, 1))
            row |= {"lower": interval.lower, "upper": interval.upper}
        row["null"] = group["correlation_null"].mean()
        for suffix in ("", "_null"):
            detectors = group[f"both_detect{suffix}"].sum()
            same = (group[f"same_digit{suffix}"] * group[f"both_detect{suffix}"]).sum()
            row |= {f"detectors{suffix}": int(detectors), f"same_digit{suffix}": same / detectors if detectors else math.nan}
        rows.append(row)
    return pd.DataFrame(rows)


def pseudo_values(pairs: pd.DataFrame, column: str) -> list[float]:
    """Gives a value a seed whose mean is the mean over all pairs of seeds and whose spread tells that mean's error.

    Pairs that share a seed are not independent. The jackknife leaves out one seed at a time, with all of its pairs (J. Arvesen
    1969, "Jackknifing U-statistics").

    Example:
        >>> pairs = pd.DataFrame({"seed": [0, 0, 1], "other_seed": [1, 2, 2], "found": [0.5, 0.6, 1.0]})
        >>> [round(value, 3) for value in pseudo_values(pairs, "found")]
        [0.1, 0.9, 1.1]
    """
    seeds = sorted({*pairs["seed"], *pairs["other_seed"]})
    if len(seeds) < 3:
        return []
    without = [pairs[column][(pairs["seed"] != seed) & (pairs["other_seed"] != seed)].mean() for seed in seeds]
    return [float(len(seeds) * pairs[column].mean() - (len(seeds) - 1) * mean) for mean in without]


def _runs(table: pd.DataFrame) -> pd.DataFrame:
    """Gives a row a run that has another seed of its variant beside it."""
    within = table[table["variant"] == table["other"]]
    swapped = within.assign(seed=within["other_seed"], other_seed=within["seed"])
    every = pd.concat([within, swapped]).rename(
        columns={"correlation": "matched_correlation", "same_digit": "matched_same_digit"}
    )
    means = every.groupby(["variant", "seed"], sort=False)[["matched_correlation", "matched_same_digit"]].mean()
    return means.reset_index().sort_values(["variant", "seed"], kind="stable", ignore_index=True)


def recurrence(seen: Sequence[Seen]) -> pd.DataFrame:
    """Gives a row a variant and digit: in how many seeds it has a detector, and how alike those are across seeds."""
    rows: list[dict[str, object]] = []
    for variant, group in itertools.groupby(seen, key=lambda one: one.net.variant):
        members = list(group)
        concepts = members[0].readout.concepts
        detectors = torch.stack([one.detectors for one in members])  # seeds concepts
        same, other = alike(members, detectors)
        for number, concept in enumerate(concepts):
            n_found = int((detectors[:, number] >= 0).sum())
            row = {"variant": variant, "digit": concept, "seeds": len(members), "with_detector": n_found}
            row |= {"share": n_found / len(members), "every_training": "yes" if n_found == len(members) else "no"}
            rows.append(row | {"same_digit": float(same[number]), "other_digit": float(other[number])})
    return pd.DataFrame(rows)


def alike(
    members: Sequence[Seen], detectors: Int[Tensor, "seeds concepts"]
) -> tuple[Float[Tensor, " concepts"], Float[Tensor, " concepts"]]:
    """Correlates each digit's detectors across seeds: with those of the same digit, and with those of other digits.

    Returns:
        Means over ordered pairs of seeds that have the detectors; `nan` where there are none.
    """
    n = detectors.shape[1]
    same, other, counts_ = torch.zeros(n).double(), torch.zeros(n).double(), torch.zeros(2, n)
    for (one, ours), (two, theirs) in itertools.permutations(zip(members, detectors, strict=True), 2):
        there = (ours >= 0)[:, None] & (theirs >= 0)  # concepts concepts
        found = (one.standard.T @ two.standard)[ours.clamp_min(0)][:, theirs.clamp_min(0)]
        found, diagonal = torch.where(there, found, 0), torch.eye(n, dtype=torch.bool)
        same += found.diagonal()
        other += found.masked_fill(diagonal, 0).sum(dim=1)
        counts_ += torch.stack([there.diagonal(), (there & ~diagonal).sum(dim=1)])
    return same / counts_[0], other / counts_[1]


def _boxes(pairs: Sequence[tuple[dict[str, object], Matched, Matched]]) -> list[dict[str, object]]:
    """Gives the quantiles of the correlations of matched units, a row a pair of variants and whether images were permuted."""
    found: dict[tuple[object, object, str], list[Tensor]] = {}
    for row, matched, null in pairs:
        for what, one in (("matched", matched), ("null", null)):
            found.setdefault((row["variant"], row["other"], what), []).append(one.correlation)
    rows = []
    for (variant, other, what), parts in found.items():
        values = torch.cat(parts).numpy()
        quantiles = dict(zip([f"q{round(100 * q)}" for q in WHISKERS], np.quantile(values, WHISKERS), strict=True))
        rows.append({"variant": variant, "other": other, "what": what, "pairs_of_units": len(values), **quantiles})
    return rows


def _said(digits: pd.DataFrame, kinds: pd.DataFrame) -> list[str]:
    """Says in words what matters."""
    lines = []
    for variant, group in digits.groupby("variant", sort=False):
        always = group["digit"][group["every_training"] == "yes"].tolist()
        never = group["digit"][group["with_detector"] == 0].tolist()
        said = f"{variant} (n={group['seeds'].iloc[0]}): in every training a detector of {', '.join(always) or 'no digit'}"
        said += f", in none of {', '.join(never)}" if never else ""
        same, other = group["same_digit"].mean(), group["other_digit"].mean()
        if not np.isnan(same):
            said += f"; across seeds detectors of one digit correlate by {same:.2f}, of different ones by {other:.2f}"
        for _, row in kinds[(kinds["variant"] == variant) & (kinds["other"] == variant)].iterrows():
            said += f"; matched units of two seeds by {row['correlation']:.3f}"
            said += "" if math.isnan(row["lower"]) else f" [{row['lower']:.3f}, {row['upper']:.3f}]"
        lines.append(said + ".")
    return lines


ANALYSIS = Analysis(
    "Do units match across seeds and widths?",
    run,
    draw=draw,
    bounds={"matched_correlation": (-1, 1), "matched_same_digit": (0, 1)},
)
