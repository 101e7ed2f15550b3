"""Numbers as a reader expects them: percent, percentage points, counts without decimals, scores from 0 to 1 as .80.

Between a number and its sign, and inside an interval, stands a space that does not break.
"""

import math
import re
from typing import SupportsFloat

from mixmnist.report.ranges import COUNTED
from mixmnist.stats import ANYWHERE, Bounds

PERCENT, POINTS, COUNT, SCORE, SECONDS = "%", "points", "count", "score", "s"


def unit_of(column: str, difference: bool = False) -> str:
    """Says how a column of the table of runs, or a difference of it, is written.

    Example:
        >>> unit_of("accuracy"), unit_of("accuracy", difference=True), unit_of("max_drop"), unit_of("dead"), unit_of("coverage")
        ('%', 'points', 'points', 'count', 'score')
    """
    if column in COUNTED or column.startswith("n_"):
        return COUNT
    if column == "seconds":
        return SECONDS
    if "drop" in column and not column.startswith(("spearman", "curve")):
        return POINTS
    if re.search(r"accuracy|reliance|^has_|^share_", column):
        return POINTS if difference else PERCENT
    return SCORE


def bare(value: SupportsFloat, unit: str, least: int = 0) -> str:
    """Writes a number without its unit.

    Args:
        value: Not nan.
        unit: As `unit_of` gives it.
        least: Decimals at least: those that it takes to tell the number from 0 are added.

    Example:
        >>> bare(0.9268, "%"), bare(0.0004, "points"), bare(7.0, "count"), bare(7.85, "count"), bare(0.8, "score"), bare(1.0, "%")
        ('92.7', '0.04', '7', '7.8', '.80', '100')
    """
    number = float(value)
    scaled = 100 * number if unit in (PERCENT, POINTS) else number
    whole = unit == PERCENT and number in (0, 1)  # as where all seeds agree
    usual = (
        0 if whole else {COUNT: 0 if scaled.is_integer() else 1, SCORE: 2, SECONDS: 0 if abs(scaled) >= 10 else 1}.get(unit, 1)
    )
    digits = max(usual, least)
    if scaled and not round(scaled, digits) and abs(scaled) > 1e-9:
        digits = math.ceil(-math.log10(abs(scaled)))
    text = f"{scaled:,.{digits}f}"
    text = text.removeprefix("-") if not float(text.replace(",", "")) else text
    if unit == SCORE:
        text = re.sub(r"^(-?)0\.", r"\1.", text)
    return text.replace("-", "\N{MINUS SIGN}")


def written(value: SupportsFloat, unit: str, averaged: bool = False) -> str:
    """Writes a number with its unit; an averaged count with a decimal, even if it is whole.

    Example:
        >>> written(0.9268, "%").replace("\N{NO-BREAK SPACE}", " "), written(0.143, "points"), written(1.3, "count")
        ('92.7 %', '14.3 points', '1.3')
    """
    end = {PERCENT: "\N{NO-BREAK SPACE}%", POINTS: " points", SECONDS: "\N{NO-BREAK SPACE}s"}.get(unit, "")
    return bare(value, unit, least=int(averaged and unit == COUNT)) + end


def between(lower: float, upper: float, unit: str, bounds: Bounds = ANYWHERE) -> str:
    """Writes an interval without its unit, an end at the end of the range marked; nothing where there is none.

    Example:
        >>> between(0.0, 0.155, "%", (0, 1)).replace("\N{NO-BREAK SPACE}", " "), between(float("nan"), float("nan"), "%")
        ('[0*, 15.5]', '')
    """
    if math.isnan(lower):
        return ""
    ends = [bare(end, unit, least=1 if unit == COUNT else 0) + "*" * (end in bounds) for end in (lower, upper)]
    return f"[{ends[0]},\N{NO-BREAK SPACE}{ends[1]}]"
