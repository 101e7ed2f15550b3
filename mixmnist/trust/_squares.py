"""Figures of squares that analyses show, a row a score or variant, drawn from their tables; they decide no number."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from numpy.typing import NDArray

from mixmnist.core.thresholds import THRESHOLD
from mixmnist.report.drawing import SMALL, STYLES, Album, rule

ROW = 0.145  # inches in a paper of a row of squares
PASSED, FAILED = "#d1e5f0", "#b2182b"  # light and dark in print, too
SHADES = ("#67001f", "#b2182b", "#d6604d", "#f4a582", "#d1e5f0")  # from nothing passed to all
GROUPS = {  # of tests by how their names begin: what stands below their columns, and what alone stands for them
    "missing": ("labels\nmissing", "missing"),
    "extra": ("labels\ntoo many", "too many"),
    "dial": ("along a dial of", "dials"),
    "tau": ("", "ranks"),
    "bias": ("at 500\nimages", "500 images"),
    "power": ("at 500\nimages", "500 images"),
    "coverage": ("at 500\nimages", "500 images"),
    "same": ("the same\nunder", "the same"),
    "rotation": ("", "rotated"),
}
SHORT = {
    "tau": "ranks (tau)",
    "power_misses": "sees misses",
    "power_false_alarms": "sees false alarms",
    "rotation": "falls when rotated",
}
MEANINGS = (
    "Labels missing, too many: the score must fall when half of the labels are missing, or as many again are wrong, at each "
    "prevalence. Dials: it must move as the truth does when one fault of a planted unit is turned on. Ranks: Kendall's tau of "
    "score and truth. At 500 images: little bias, a fault of 5 % seen in most draws, and a 95 % interval that covers. The same "
    "under: it must not move with what changes nothing about the unit. Rotated: it must fall when the layer is rotated at random."
)


def _number(value: float) -> str:
    """Writes a number with two decimals in few letters.

    Example:
        >>> [_number(value) for value in (0.125, 9.0, -0.001, -0.5, 12.5, float("nan"))]
        ['.12', '9', '0', '-.50', '12.50', '']
    """
    if np.isnan(value):
        return ""
    written = f"{value:.2f}"
    return f"{abs(float(written)) and float(written):g}" if float(written) % 1 == 0 else re.sub(r"^(-?)0\.", r"\1.", written)


def squares(ax: Axes, values: NDArray[Any], colours: Sequence[str], rows: Sequence[str], scale: float) -> None:
    """Draws squares of some colours between white lines, with names beside the rows; white where there is no number."""
    ax.imshow(values, cmap=ListedColormap(list(colours)), vmin=0, vmax=1, aspect="auto", interpolation="none")
    ax.set_yticks(range(len(rows)), rows, fontsize=SMALL * scale)
    ax.set_xticks(np.arange(values.shape[1] + 1) - 0.5, minor=True)
    ax.set_yticks(np.arange(len(rows) + 1) - 0.5, minor=True)
    ax.grid(visible=False, which="major")
    ax.grid(which="minor", color="white", lw=0.6)
    ax.tick_params(which="both", length=0)
    ax.spines[:].set_visible(False)


def heat_map(album: Album, tests: pd.DataFrame, n_images: int) -> None:
    """Shows which score passes which test; over one column, how many of each group of tests the first score of each metric does.

    Args:
        album: Where it goes.
        tests: A row a score: metric, score, grade, what it is held against, and of each test, as `_passed`, the outcome.
        n_images: Planted ones that a score is measured on, where nothing else is said.
    """
    names = [name.removesuffix("_passed") for name in map(str, tests) if name.endswith("_passed") and tests[name].notna().any()]
    outcomes = tests[[f"{name}_passed" for name in names]].astype(float).set_axis(names, axis=1)
    table = pd.concat([tests[["metric", "score", "grade", "held_against"]], outcomes], axis=1)
    table = table.assign(passed=outcomes.mean(axis=1))
    if album.look.columns == "one":
        table = table.drop_duplicates("metric")
    table = table.sort_values(["held_against", "grade", "passed"], ascending=[True, True, False], kind="stable")
    figure, (ax,) = album.make(1, ROW * len(table) + (0.8 if album.look.columns == "one" else 1.35))
    draw = _draw_counts if album.look.columns == "one" else _draw_tests
    text = draw(ax, table, names, STYLES[album.look.style])
    kind = table["held_against"].tolist()
    for border in [i for i in range(1, len(kind)) if kind[i] != kind[i - 1]]:
        rule(ax, "border", border - 0.5, "-", color="0", lw=1)
    said = (
        f"{text} From the top: what a unit is worth (acts), whether it detects, whether its map lies where the digit is (places)."
    )
    n_tests = f"{len(names)} tests, most on {n_images:,} planted images."
    album.save(figure, table.drop(columns=["metric", "passed"]), "heat_map", f"{said} {n_tests} {MEANINGS}")


def _group(test: str) -> tuple[str, str]:
    return GROUPS[next(begin for begin in GROUPS if test.startswith(begin))]


def _title(test: str) -> str:
    """Names a test in a few words, beside what stands for its group."""
    plain = re.sub("^(dial|missing|extra|same_under)_", "", test).replace("_", " ")
    return SHORT.get(test, re.sub(r"^0\.", ".", plain))


def _draw_tests(ax: Axes, table: pd.DataFrame, names: Sequence[str], scale: float) -> str:
    """Draws a square a score and test."""
    passed = table[list(names)].to_numpy(dtype=float)
    squares(ax, passed, (FAILED, PASSED), [f"{r.score}  {r.grade}" for r in table.itertuples()], scale)
    for row, column in np.argwhere(passed == 0).tolist():
        ax.text(column, row, "x", ha="center", va="center_baseline", color="white", fontsize=SMALL * scale)
    ax.xaxis.tick_top()
    ax.set_xticks(range(len(names)), [_title(name) for name in names], rotation=90, fontsize=SMALL * scale)
    groups = [_group(name)[0] for name in names]
    first = [i for i, group in enumerate(groups) if i == 0 or group != groups[i - 1]]
    for start, end in zip(first, [*first[1:], len(groups)], strict=True):
        middle = (start + end - 1) / 2
        ax.text(middle, len(passed) - 0.3, groups[start], ha="center", va="top", fontsize=SMALL * scale, linespacing=1)
        if start:
            rule(ax, "group", start - 0.5, "-", upright=True, color="0.3", lw=0.6)
    return "A row a score with its grade, a column a test. Light: passed; red with x: failed; white: does not apply."


def _draw_counts(ax: Axes, table: pd.DataFrame, names: Sequence[str], scale: float) -> str:
    """Draws a square a score and group of tests, with how many of those that apply are passed."""
    groups = list(dict.fromkeys(_group(name)[1] for name in names))
    parts = [table[[name for name in names if _group(name)[1] == group]] for group in groups]
    failed = np.stack([(part == 0).sum(axis=1) for part in parts], axis=1)
    of = np.stack([part.count(axis=1) for part in parts], axis=1)
    share = np.where(of > 0, 1 - failed / np.maximum(of, 1), np.nan)
    squares(ax, share, SHADES, [f"{r.score}  {r.grade}" for r in table.itertuples()], scale)
    for row, column in np.argwhere(failed > 0).tolist():
        look: dict[str, Any] = {"color": "white" if share[row, column] < 0.6 else "black", "fontsize": SMALL * scale}
        ax.text(column, row, str(failed[row, column]), ha="center", va="center_baseline", **look)
    ax.xaxis.tick_top()
    titles = [f"{group} ({part.shape[1]})" for group, part in zip(groups, parts, strict=True)]
    ax.set_xticks(range(len(groups)), titles, rotation=90, fontsize=SMALL * scale)
    return (
        "A row a metric's first score with its grade, a column a group of tests, and how many there are; in a square how many of "
        "those that apply fail; light: none fails; white: none applies."
    )


def fooled(album: Album, found: pd.DataFrame, units: Mapping[str, str], meanings: str) -> None:
    """Shows which unit fools which score, and what the score gives it.

    Args:
        album: Where it goes.
        found: A row a score: what a perfect detector gets, chance, each unit, and as `_fools` whether it fools the score.
        units: What each unit built to fool is, in words.
        meanings: Of the squares, in words.
    """
    names, scale = list(units), STYLES[album.look.style]
    told = found[[f"{name}_fools" for name in names]].astype(float).to_numpy()
    shown = ["perfect", "chance", *names]
    figure, (ax,) = album.make(1, ROW * len(found) + 0.85)
    colours = np.concatenate([np.full((len(found), 2), np.nan), 1 - told], axis=1)
    squares(ax, colours, (FAILED, PASSED), found["score"].tolist(), scale)
    for row, values in enumerate(found[shown].to_numpy(dtype=float)):
        for column, number in enumerate(map(_number, values)):
            look = {"color": "white" if colours[row, column] == 0 else "0.1", "fontsize": SMALL * scale}
            if number:
                ax.text(column, row, number, ha="center", va="center_baseline", **look)
    ax.xaxis.tick_top()
    narrow = album.look.columns == "one"
    ax.set_xticks(range(len(shown)), shown, rotation=90 if narrow else 0, fontsize=SMALL * scale)
    rule(ax, "border", 1.5, "-", upright=True, color="0", lw=1)
    built = " ".join(f"{name}: {what}." for name, what in units.items())
    text = (
        f"A row a score; what it gives a perfect detector and chance, and, right of the line, six units built to fool: {built} "
        f"{meanings}"
    )
    album.save(figure, found, "fooled", text)


def recurrence(album: Album, digits: pd.DataFrame) -> None:
    """Shows in which share of the trainings each digit has a detector: a row a variant, a column a digit.

    Args:
        album: Where it goes.
        digits: A row a variant and digit, with the share of seeds.
    """
    shares = digits.pivot_table("share", "variant", "digit", sort=False)
    scale = STYLES[album.look.style]
    figure, (ax,) = album.make(1, 0.5 + 0.2 * len(shares))
    ax.imshow(shares, cmap="Greys", vmin=0, vmax=1, aspect="auto")
    for (y, x), share in np.ndenumerate(shares.to_numpy()):
        said = {"color": "white" if share >= 0.5 else "black", "weight": "bold" if share == 1 else "normal"}
        number = "1" if share == 1 else f"{share:.2f}".removeprefix("0")
        ax.text(x, y, number, ha="center", va="center", fontsize=SMALL * scale, **said)
    ax.set_xticks(range(shares.shape[1]), shares.columns)
    ax.set_yticks(range(len(shares)), shares.index)
    ax.set(xlabel="digit")
    ax.grid(visible=False)
    counts = digits.drop_duplicates("variant")
    seeds = ", ".join(f"{variant} n={n}" for variant, n in zip(counts["variant"], counts["seeds"], strict=True))
    text = (
        f"Share of training seeds in which the digit has a unit with alignment >= {THRESHOLD:.2f}; 1: recurs in every training. "
        f"Seeds: {seeds}."
    ).replace(" 0.", " .")
    album.save(figure, digits, "recurrence", text)
