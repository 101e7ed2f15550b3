"""Tables of a study: runs, units, concepts and variants, each as csv for machines and as md and tex for people."""

import math
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from mixmnist.report.reading import KEYS, StudyRecords
from mixmnist.stats import FEWEST, Interval, t_interval

RUNS = (
    "accuracy n_units dead detectors unique_concepts coverage mean_alignment mean_alignment_mean chance mean_drop "
    "mean_drop_mean max_drop max_class_drop reliance_area gini seconds"
).split()
UNITS = (
    "unit dead concept alignment alignment_mean chance precision_at_100 precision_at_300 precision_at_500 precision_at_700 "
    "precision_at_recall_25 precision_at_recall_50 precision_at_recall_75 selectivity concept_selectivity drop drop_mean "
    "max_class_drop max_class concept_drop damage_selectivity"
).split()
HEADLINE = (
    "accuracy unique_concepts detectors dead coverage mean_alignment mean_alignment_mean chance mean_drop mean_drop_mean "
    "max_drop max_class_drop reliance_area seconds"
).split()
MEANING = (
    "Alignment: average precision by max response (`_mean`: by mean response); detector: alignment >= .80. "
    "Drop: accuracy before minus after silencing a unit to zero (`_mean`: to its mean). Chance: mean prevalence of the concepts."
)
TEX = str.maketrans({"_": r"\_", "%": r"\%", "&": r"\&", "#": r"\#", "[": "{[}", ">": r"$>$"})  # "[" after a line end is a length


def write_tables(records: StudyRecords, folder: Path) -> None:
    """Writes the four tables in three formats each."""
    per_run = "A row a run and layer."
    of_blocks = "A seed that is in several blocks is shown from the widest one (column block)."
    _write(folder, "runs", ordered(records.runs, KEYS + RUNS), [*records.notes(), per_run, of_blocks, MEANING])
    unit_note = "A row a unit; scores of a unit and a concept are those of the unit's own concept."
    _write(folder, "units", ordered(records.units, KEYS + UNITS), [*records.notes(), unit_note, MEANING])
    concept_note = "A row a concept and run: the unit with the highest alignment, and its scores."
    concepts = ordered(records.concepts, [*KEYS, "concept", "chance", *UNITS])
    _write(folder, "concepts", concepts, [*records.notes(), concept_note, MEANING])
    variants = summarise(records.runs)
    variants.to_csv(folder / "variants.csv", index=False)
    shown = for_people(variants)
    notes = [*records.notes(), interval_note(variants), MEANING]
    _write_for_people(folder, "variants", shown, notes)


def summarise(runs: pd.DataFrame) -> pd.DataFrame:
    """Gives a row a variant: mean, t interval over seeds and n of every number of the runs."""
    numbers = [c for c in ordered(runs, KEYS + RUNS).select_dtypes("number").columns if c not in ("seed", "threads")]
    rows = []
    for (study, source, task, variant, layer), group in runs.groupby(["study", "source", "task", "variant", "layer"], sort=False):
        row = {"study": study, "source": source, "task": task, "variant": variant, "layer": layer}
        for column in numbers:
            interval = t_interval(group[column].astype(float).tolist())
            row |= {column: interval.mean, f"{column}_lower": interval.lower, f"{column}_upper": interval.upper}
            row[f"{column}_n"] = interval.n
        rows.append(row)
    return pd.DataFrame(rows)


def for_people(variants: pd.DataFrame) -> pd.DataFrame:
    """Writes each headline number of a variants table as mean and interval."""
    shown = pd.DataFrame({"variant": variants["variant"], "n": variants["accuracy_n"]})
    for column in HEADLINE:
        cells = variants[[column, f"{column}_lower", f"{column}_upper", f"{column}_n"]]
        shown[column] = [_cell(Interval(*row)) for row in cells.itertuples(index=False)]
    return shown


def interval_note(variants: pd.DataFrame) -> str:
    """Says what the brackets are, or why there are none."""
    if variants["accuracy_n"].min() < FEWEST:
        return f"Means over n seeds; no intervals below {FEWEST} seeds."
    return "Means over n seeds with their 95 % t interval over seeds; no verdict from 5 seeds."


def compare(yours: pd.DataFrame, reference: pd.DataFrame) -> pd.DataFrame:
    """Sets two variants tables side by side: yours, the reference with its interval, and the difference."""
    rows = []
    both = yours.merge(reference, on="variant", suffixes=("", "_reference"))
    for _, row in both.iterrows():
        for column in HEADLINE:
            mine, theirs = row[column], row[f"{column}_reference"]
            interval = Interval(theirs, row[f"{column}_lower_reference"], row[f"{column}_upper_reference"], 0)
            rows.append((row["variant"], column, f"{mine:.3f}", _cell(interval), f"{mine - theirs:+.3f}"))
    return pd.DataFrame(rows, columns=["variant", "score", "yours", "reference", "yours - reference"])


def _cell(interval: Interval) -> str:
    if math.isnan(interval.mean):
        return ""
    if math.isnan(interval.lower):
        return f"{interval.mean:.3f}"
    return f"{interval.mean:.3f} [{interval.lower:.3f}, {interval.upper:.3f}]"


def ordered(table: pd.DataFrame, first: Sequence[str]) -> pd.DataFrame:
    """Puts the known columns first, in their order; columns of new metrics follow."""
    known = [c for c in dict.fromkeys(first) if c in table]
    return table[known + [c for c in table if c not in known]]


def as_markdown(table: pd.DataFrame) -> str:
    """Writes a table as a Markdown table whose columns line up in plain text too."""
    cells = [[str(c) for c in table.columns]] + [[_text(v) for v in row] for row in table.itertuples(index=False)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(table.columns))]
    lines = ["| " + " | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) + " |" for row in cells]
    lines.insert(1, "|" + "|".join("-" * (w + 2) for w in widths) + "|")
    return "\n".join(lines)


def _write(folder: Path, name: str, table: pd.DataFrame, notes: Sequence[str]) -> None:
    table.to_csv(folder / f"{name}.csv", index=False)
    _write_for_people(folder, name, table, notes)


def _write_for_people(folder: Path, name: str, table: pd.DataFrame, notes: Sequence[str]) -> None:
    (folder / f"{name}.md").write_text(" ".join(notes) + "\n\n" + as_markdown(table) + "\n", encoding="utf-8")
    text = table.map(lambda v: _text(v).translate(TEX))
    text.columns = [str(c).translate(TEX) for c in text.columns]
    caption = " ".join(notes).replace("`", "").translate(TEX)
    latex = text.to_latex(index=False, escape=False, caption=caption, column_format="l" * len(text.columns))
    (folder / f"{name}.tex").write_text(latex.replace("{table}", "{table*}"), encoding="utf-8")


def _text(value: object) -> str:
    if isinstance(value, float):
        return "" if pd.isna(value) else f"{value:.3f}"
    return str(value)
