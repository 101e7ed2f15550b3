"""The table of variants as a paper prints it: at most eight columns, means with intervals in few digits, label and caption."""

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

from mixmnist.core.records import require
from mixmnist.core.registry import nearest
from mixmnist.report.escaping import for_latex
from mixmnist.report.ranges import over_seeds
from mixmnist.report.reading import KEYS, StudyRecords
from mixmnist.report.tables import bold_notes, differences
from mixmnist.stats import FEWEST, Interval

IOU = "iou_box_matched"  # of the table of units; of the runs its mean over the units
SHARED = ("mean_group_drop", "reliance")  # what units that share their work are worth: the first of which there are numbers
USUAL = ("accuracy", "unique_concepts", "used_concepts", "coverage", IOU, *SHARED, "mean_alignment")  # none that misleads alone
MOST = 6  # columns besides the variant and n
MEANING = {
    "unique_concepts": "Unique concepts: those with a detector, a unit of alignment .80 or more",
    "used_concepts": "Used concepts: those with a detector, and without all of whose detectors accuracy drops by .05 or more",
    IOU: "IoU box matched: overlap of a unit's map with the boxes of its concept, at the threshold that marks as many pixels as "
    "the boxes hold, mean over the units",
    "coverage": "Coverage: alignment of a concept's best unit, mean over concepts",
    "mean_alignment": "Alignment: average precision of a unit's highest response for its own concept, here the mean over units",
    "mean_drop": "Mean drop: of accuracy, when a unit is silenced to zero",
    "mean_group_drop": "Mean group drop: when all detectors of a concept are silenced, in nets that have any",
    "reliance": "Reliance: share of what the net knows beyond chance that is lost, as units are silenced in random order",
}
CONSTANT = r"\textsuperscript{c}"


def write_paper_table(records: StudyRecords, path: Path, columns: Sequence[str] = (), variants: Sequence[str] = ()) -> None:
    """Writes the table of variants in LaTeX (booktabs): of the layer that feeds the head, or of all if `layer` is a column.

    Args:
        records: Of the study.
        path: Of the tex.
        columns: Numbers of the runs, at most six; by default those to quote, as far as there are any.
        variants: Names; by default all.

    Raises:
        ValueError: If there is no such column or variant, or if there are too many columns.
    """
    check_columns(records, columns)
    records = _with_iou(records)
    chosen = records.of_variants(variants)
    chosen = chosen if "layer" in columns else chosen.of_last_layer()
    scores = [c for c in columns if c != "layer"] or _usual(chosen)
    found = chosen.runs.groupby(["variant", "layer"], sort=False)
    groups = {(str(variant), str(layer)): own for (variant, layer), own in found}
    keys = ["variant", "layer", "n"] if "layer" in columns else ["variant", "n"]
    rows = [[*map(for_latex, key[: len(keys) - 1]), str(len(own))] for key, own in groups.items()]
    different = differences(chosen.runs, scores)
    for score in scores:
        cells = [over_seeds(own[score].astype(float).tolist(), score, run=dict(own.iloc[0])) for own in groups.values()]
        for row, key, text in zip(rows, groups, in_few_digits(cells), strict=True):
            row.append(rf"\textbf{{{text}}}" if (*key, score) in different else text)
    head = [for_latex(name.replace("_", " ").replace("iou", "IoU")) for name in (*keys, *scores)]
    places = "l" * (len(keys) - 1) + "r" + "c" * len(scores)
    path.write_text(_table(head, rows, places, _caption(chosen, scores, rows), _label(chosen)), encoding="utf-8")


def check_columns(records: StudyRecords, columns: Sequence[str]) -> None:
    """Raises a ValueError if there is no such column for the table, or if there are too many of them."""
    known = [*_columns(_with_iou(records)), "layer"]
    for column in columns:
        if column not in known:
            raise nearest("column", column, known)
    require(len(columns) <= MOST, f"columns must be at most {MOST} besides the variant and n, got {len(columns)}. Choose fewer.")


def _columns(records: StudyRecords) -> list[str]:
    return [str(c) for c in records.runs.select_dtypes("number") if c not in (*KEYS, "threads")]


def _usual(records: StudyRecords) -> list[str]:
    """Names the columns that are printed where none are chosen: of those that may be quoted the first few with numbers."""
    full = [column for column in _columns(records) if records.runs[column].notna().any()]
    spare = [column for column in SHARED if column in full][1:]
    return [column for column in USUAL if column in full and column not in spare][:MOST]


def _with_iou(records: StudyRecords) -> StudyRecords:
    """Adds to the runs the mean IoU of their units, where units have one."""
    if IOU not in records.units or IOU in records.runs:
        return records
    means = records.units.groupby(KEYS)[IOU].mean().reset_index()
    return replace(records, runs=records.runs.merge(means, on=KEYS, how="left"))


def in_few_digits(found: Sequence[Interval]) -> list[str]:
    r"""Writes the cells of a column: a mean, plus or minus half of its interval, with as many digits as the intervals bear.

    Example:
        >>> in_few_digits([Interval(0.9271, 0.9256, 0.9286, 20), Interval(0.9169, 0.9119, 0.9219, 10)])
        ['0.927 $\\pm$ 0.002', '0.917 $\\pm$ 0.005']
    """
    halves = [half for one in found if (half := (one.upper - one.lower) / 2) > 0 and not one.constant]
    if halves:
        usual, finest = (math.ceil(-math.log10(half)) for half in (median(halves), min(halves)))
        digits = max(0, min(finest, usual + 1))
    else:
        digits = 0 if all(one.mean == round(one.mean) for one in found if not math.isnan(one.mean)) else 3
    return [_cell(one, digits) for one in found]


def _cell(one: Interval, digits: int) -> str:
    if math.isnan(one.mean):
        return "--"
    mean, half = f"{one.mean:.{digits}f}", (one.upper - one.lower) / 2
    if math.isnan(half):
        text = mean
    elif one.constant:
        text = mean + CONSTANT
    elif math.isclose(one.upper - one.mean, half, rel_tol=1e-6):
        text = rf"{mean} $\pm$ {half:.{digits}f}"
    else:
        text = f"{mean} {{[}}{one.lower:.{digits}f}, {one.upper:.{digits}f}]"
    return re.sub(r"(^|(?<=[ \]]))-(?=\d)", "$-$", text)


def _caption(records: StudyRecords, scores: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Says what the table shows, and what its marks mean, of those that it has."""
    cells = " ".join(cell for row in rows for cell in row)
    one_each = records.runs.groupby("variant")["layer"].nunique().max() == 1
    counts = records.runs.groupby("variant")["seed"].nunique()
    said = [*records.notes(scores), *([f"Layer {records.layer}."] if one_each else [])]
    with_half = counts.max() >= FEWEST
    said.append("Means over n training seeds" + (", plus or minus half of the 95 % t interval over seeds." if with_half else "."))
    said += ["In brackets: an interval that ends where the score does."] if "{[}" in cells else []
    said += ["c: the same in all n seeds."] if CONSTANT in cells else []
    said += ["--: no such number."] if "--" in cells else []
    said += [f"No intervals below {FEWEST} seeds."] if counts.min() < FEWEST else []
    said += bold_notes(records.runs, scores)
    said += [f"{MEANING[score]}." for score in scores if score in MEANING]
    if "chance" in records.runs and {"coverage", "mean_alignment"} & set(scores):
        low, high = (f"{end:.2f}" for end in (records.runs["chance"].min(), records.runs["chance"].max()))
        said.append(f"Chance of the alignment: {low if low == high else f'{low} to {high}'}.")
    return for_latex(" ".join(said).replace("`", ""))


def _label(records: StudyRecords) -> str:
    """Gives the name by which a text refers to the table: study and source, in signs that need no escape."""
    first = records.runs.iloc[0]
    return "tab:" + re.sub(r"[^A-Za-z0-9:-]+", "-", f"{first['study']}-{first['source']}")


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], places: str, caption: str, label: str) -> str:
    begin = [r"\begin{table*}", r"\centering\small", rf"\caption{{{caption}}}", rf"\label{{{label}}}"]
    body = [" & ".join(row) + r" \\" for row in (head, *rows)]
    table = [rf"\begin{{tabular}}{{{places}}}", r"\toprule", body[0], r"\midrule", *body[1:], r"\bottomrule", r"\end{tabular}"]
    return "\n".join([r"% needs \usepackage{booktabs}", *begin, *table, r"\end{table*}"]) + "\n"
