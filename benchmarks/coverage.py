"""Coverage of every interval that we offer: how often it holds the truth, over 2,000 draws from populations whose truth is known.

The house's own intervals are those with a yes under `default`; beside them stands what goes wrong with simpler ones. Draws have
500 images (pairs of ten digits, each canvas two glyphs of a pool of so many a digit), 5 or 10 seeds, or 100 units; 95 % nominal.
The truth is that of the population which the pool of glyphs, the seeds or the units were drawn from: for images the score of
1,000,000 canvases of fresh glyphs each. Cost: about 3 minutes of one core. Writes results/reference/trust/coverage.csv and .md.
"""

import math
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from mixmnist.stats import (
    Interval,
    average_precision_interval,
    dyadic_interval,
    paired_interval,
    score_interval,
    sd_interval,
    t_interval,
    unit_interval,
)

OUT = Path("results/reference/trust")
DRAWS, IMAGES, LEVEL, SEED = 2_000, 500, 0.95, 0
FRESH = 1_000_000  # canvases that the truth of a population is taken from
RESAMPLES = 200  # of the images, for the plain bootstrap
RANGE = (0.93, 0.97)  # what a default must cover
PAIRS = np.array(list(combinations(range(10), 2)))
COLUMNS = (
    "Coverage: with its own standard error; constant: share of draws whose values were all equal, which count as not covered."
)
Values = NDArray[np.float64]
Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Trial:
    """Intervals of one kind in one situation."""

    interval: str
    situation: str
    default: bool
    note: str = ""


@dataclass(frozen=True)
class Glyphs:
    """A population of glyphs, and how the network or the unit answers to them."""

    score: str  # accuracy, average precision or F1
    a_digit: int  # glyphs of a digit in the pool
    spread: float = 1.0  # standard deviation of a glyph's effect
    digits: float = 0.5  # standard deviation of a digit's effect; the ten digits are always the same
    level: float = 3.0  # log odds of being right; or how far the unit's response to its own digit lies above that to others

    def answers(self, shown: Numbers, effect: Values, rng: np.random.Generator) -> tuple[Values, NDArray[np.bool_]]:
        """Gives for each canvas whether the network is right, or the unit's response, and whether it shows the unit's digit."""
        total = effect + self.digits * np.random.default_rng(5).normal(size=10)[shown]  # images slots
        present = (shown == 0).any(axis=1)
        if self.score == "accuracy":
            right = rng.random(len(shown)) < 1 / (1 + np.exp(-self.level - total.sum(axis=1)))
            return right.astype(float), present
        return (total + self.level * (shown == 0) + 0.5 * rng.normal(size=shown.shape)).max(axis=1), present

    def draw(self, rng: np.random.Generator) -> tuple[Values, NDArray[np.bool_], Numbers, Numbers]:
        """Draws a pool, and canvases of it: the answers, what is on them, their glyphs and what these show."""
        shown = PAIRS[rng.integers(len(PAIRS), size=IMAGES)]
        glyphs = shown * self.a_digit + rng.integers(self.a_digit, size=shown.shape)
        pool = self.spread * rng.normal(size=10 * self.a_digit)
        return *self.answers(shown, pool[glyphs], rng), glyphs, shown

    def truth(self) -> float:
        """Gives the score of the population."""
        rng = np.random.default_rng([SEED, 1])
        shown = PAIRS[rng.integers(len(PAIRS), size=FRESH)]
        answers, present = self.answers(shown, self.spread * rng.normal(size=shown.shape), rng)
        return self.of(answers, present)

    def of(self, answers: Values, present: NDArray[np.bool_]) -> float:
        """Gives the score of some canvases."""
        if self.score == "accuracy":
            return float(answers.mean())
        if self.score == "F1":
            fired = answers > self.level - 1
            return float(2 * np.count_nonzero(fired & present) / (np.count_nonzero(fired) + np.count_nonzero(present)))
        ordered = present[np.argsort(-answers)]
        return float((ordered.cumsum() / np.arange(1, len(ordered) + 1))[ordered].mean())

    def interval(self, answers: Values, present: NDArray[np.bool_], glyphs: Numbers, shown: Numbers | None) -> Interval:
        """Gives the interval that the house offers for the score."""
        if self.score == "accuracy":
            return dyadic_interval(answers, glyphs, LEVEL, shown)
        if self.score == "average precision":
            return average_precision_interval(answers, present, glyphs, LEVEL, shown)
        return score_interval(lambda rows: self.of(answers[rows], present[rows]), glyphs, LEVEL, shown)


POOLS = {
    "accuracy .90, 10 glyphs a digit": Glyphs("accuracy", 10),
    "accuracy .88, 10 glyphs a digit, digits as different as glyphs": Glyphs("accuracy", 10, digits=1.0),
    "accuracy .97, 10 glyphs a digit": Glyphs("accuracy", 10, spread=0.5, level=4.0),
    "accuracy .90, 36 glyphs a digit (as digits)": Glyphs("accuracy", 36),
    "accuracy .90, 1000 glyphs a digit (as MNIST)": Glyphs("accuracy", 1000),
    "average precision .87, 10 glyphs a digit, digits alike": Glyphs("average precision", 10, digits=0.0),
    "average precision .49, 10 glyphs a digit, digits as different as glyphs": Glyphs("average precision", 10, digits=1.0),
    "average precision .74, 36 glyphs a digit (as digits)": Glyphs("average precision", 36),
    "average precision .96, 36 glyphs a digit (as digits)": Glyphs("average precision", 36, level=4.5),
    "average precision .74, 1000 glyphs a digit (as MNIST)": Glyphs("average precision", 1000),
    "F1 .67, 36 glyphs a digit (as digits)": Glyphs("F1", 36),
    "F1 .67, 1000 glyphs a digit (as MNIST)": Glyphs("F1", 1000),
}
BOOTSTRAPPED = [list(POOLS)[i] for i in (0, 7)]  # elsewhere it is like images taken for independent


def of_images(name: str, pool: Glyphs) -> Iterator[tuple[Trial, Interval, float]]:
    """Draws a pool and its canvases again and again; gives each interval beside the truth."""
    rng, truth = np.random.default_rng([SEED, 2]), pool.truth()
    resampled = np.stack([np.bincount(row, minlength=IMAGES) for row in rng.integers(IMAGES, size=(RESAMPLES, IMAGES))])
    kind = "dyadic" if pool.score == "accuracy" else "score (influences, dyadic)"
    ours = Trial(kind, name, default=True)
    blind = Trial(f"{kind}, not told what glyphs show", name, default=False, note="takes how digits differ for chance")
    iid = Trial("images taken for independent", name, default=False, note="a glyph is on many canvases")
    bootstrap = Trial("plain bootstrap of images", name, default=False, note="a glyph is on many canvases")
    alone = np.arange(IMAGES)[:, None]
    for _ in range(DRAWS):
        answers, present, glyphs, shown = pool.draw(rng)
        yield ours, pool.interval(answers, present, glyphs, shown), truth
        if pool.score == "F1":  # n + 1 calls each: the point is made by the other scores
            continue
        yield blind, pool.interval(answers, present, glyphs, None), truth
        yield iid, pool.interval(answers, present, alone, None), truth
        if name in BOOTSTRAPPED:
            yield bootstrap, _bootstrap(pool.score, answers, present, resampled), truth


def _bootstrap(score: str, answers: Values, present: NDArray[np.bool_], times: Numbers) -> Interval:
    """Gives the percentile interval of the accuracy or the average precision of resampled images."""
    if score == "accuracy":
        found = times @ answers / IMAGES
    else:
        order = np.argsort(-answers)
        count = times[:, order].astype(np.float32)  # resamples images
        hit = count * present[order]
        found = (hit * hit.cumsum(axis=1) / np.maximum(count.cumsum(axis=1), 1)).sum(axis=1) / hit.sum(axis=1)
    lower, upper = np.quantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(found.mean()), float(lower), float(upper), IMAGES)


SEEDS: dict[str, tuple[Callable[[np.random.Generator, int], Values], float, float, str]] = {  # draw, mean, sd, note
    "normal": (lambda rng, n: rng.normal(size=n), 0.0, 1.0, ""),
    "uniform": (lambda rng, n: rng.random(n), 0.5, math.sqrt(1 / 12), ""),
    "skewed (gamma of shape 4, skewness 1)": (lambda rng, n: rng.gamma(4, size=n), 4.0, 2.0, "skewness needs more seeds"),
    "strongly skewed (exponential, skewness 2)": (lambda rng, n: rng.exponential(size=n), 1.0, 1.0, "skewness needs more seeds"),
    "near-saturated (of 10 concepts each seed finds each with .97)": (
        lambda rng, n: rng.binomial(10, 0.97, n).astype(float),
        9.7,
        math.sqrt(10 * 0.97 * 0.03),
        "few seeds often agree exactly: no interval of seeds alone can know; such a cell reads (constant)",
    ),
}


def of_seeds(n: int) -> Iterator[tuple[Trial, Interval, float]]:
    """Draws n seeds of each population again and again."""
    rng = np.random.default_rng([SEED, n])
    for name, (draw, mean, sd, note) in SEEDS.items():
        trial = Trial("t over seeds", f"{n} seeds, {name}", default=True, note=note)
        of_sd = Trial("chi-square of the sd over seeds (planner)", f"{n} seeds, {name}", default=name == "normal", note=NORMAL)
        for _ in range(DRAWS):
            values = draw(rng, n).tolist()
            yield trial, t_interval(values, LEVEL), mean
            yield of_sd, sd_interval(values, LEVEL), sd
    paired = Trial("paired t over seeds", f"{n} seeds, normal, twice the noise in common", default=True)
    unpaired = Trial(
        "t of one minus t of the other, ends",
        f"{n} seeds, normal, twice the noise in common",
        default=False,
        note="the seeds' common noise is not chance",
    )
    for _ in range(DRAWS):
        common = 2 * rng.normal(size=n)
        ours, theirs = (common + rng.normal(size=(2, n)) + [[1.0], [0.0]]).tolist()
        yield paired, paired_interval(ours, theirs, LEVEL), 1.0
        one, other = t_interval(ours, LEVEL), t_interval(theirs, LEVEL)
        yield unpaired, Interval(one.mean - other.mean, one.lower - other.upper, one.upper - other.lower, n), 1.0


NORMAL = "for normal differences only: the upper bound of the plan may be too low"


def of_units() -> Iterator[tuple[Trial, Interval, float]]:
    """Draws the units of a layer: a third of them detectors, the others anything; some dead."""
    rng = np.random.default_rng([SEED, 3])
    trial = Trial("units", "100 units, a third detectors, a tenth dead", default=True)
    few = Trial("units", "16 units, a third detectors, a tenth dead", default=True)
    for _ in range(DRAWS):
        for n, which in ((100, trial), (16, few)):
            alignment = np.where(rng.random(n) < 1 / 3, rng.beta(18, 2, n), rng.beta(3, 9, n))
            alignment[rng.random(n) < 0.1] = np.nan
            yield which, unit_interval(alignment.tolist(), LEVEL), 0.9 / 3 + 0.25 * 2 / 3


def tally(found: Iterable[tuple[Trial, Interval, float]]) -> list[dict[str, object]]:
    """Gives a row a trial: how many of its intervals hold the truth."""
    drawn: dict[Trial, list[tuple[bool, float, bool]]] = {}
    for trial, interval, truth in found:
        held = not interval.constant and interval.lower <= truth <= interval.upper
        drawn.setdefault(trial, []).append((held, interval.upper - interval.lower, interval.constant))
    rows = []
    for trial, results in drawn.items():
        held, width, constant = np.array(results, dtype=float).T
        coverage = float(held.mean())
        row: dict[str, object] = {"interval": trial.interval, "situation": trial.situation, "nominal": LEVEL}
        row |= {"coverage": coverage, "standard_error": math.sqrt(coverage * (1 - coverage) / len(held))}
        row |= {"mean_width": float(width.mean()), "n_draws": len(held), "constant": float(constant.mean())}
        within = RANGE[0] <= coverage <= RANGE[1]
        verdict = "OUTSIDE .93-.97: " if trial.default else ""
        rows.append(row | {"default": "yes" if trial.default else "no", "note": "" if within else (verdict + trial.note).strip()})
    return rows


def write(rows: list[dict[str, object]], out: Path) -> str:
    """Writes the table for machines and for people, each whole or not at all; gives the latter."""
    table = pd.DataFrame(rows)
    shown = table.assign(
        coverage=[f"{c:.3f} +- {e:.3f}" for c, e in zip(table["coverage"], table["standard_error"], strict=True)]
    )
    shown = shown.drop(columns=["nominal", "standard_error", "n_draws"]).round({"mean_width": 3, "constant": 3})
    head = " | ".join(shown.columns)
    lines = [f"| {head} |", "|" + "---|" * shown.shape[1]]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in shown.itertuples(index=False)]
    story = (__doc__ or "").partition("Cost:")[0].strip()
    text = "\n".join([story, "", f"{COLUMNS} Draws: {DRAWS:,}; seed {SEED}.", "", *lines]) + "\n"
    out.mkdir(parents=True, exist_ok=True)
    for name, content in (("coverage.csv", table.to_csv(index=False, float_format="%.6g")), ("coverage.md", text)):
        partial = out / f".{name}.partial-{os.getpid()}"
        partial.write_text(content, encoding="utf-8")
        partial.replace(out / name)
    return text


def main() -> None:
    """Draws, counts, writes and prints."""
    sources = [*(of_images(name, pool) for name, pool in POOLS.items()), of_seeds(5), of_seeds(10), of_units()]
    rows = [row for source in tqdm(sources, desc="situations") for row in tally(source)]
    rows.sort(key=lambda row: row["default"] == "no")  # ours first
    print(write(rows, OUT))


if __name__ == "__main__":
    main()
