"""Tables of a study: every column as csv for machines, the main ones as md and tex for people."""

import math
from collections.abc import Collection, Sequence
from pathlib import Path

import pandas as pd

from mixmnist.core.records import Claim
from mixmnist.core.thresholds import THRESHOLD, USED
from mixmnist.report.claims import judge
from mixmnist.report.escaping import for_latex, for_markdown
from mixmnist.report.reading import KEYS, StudyRecords
from mixmnist.stats import FEWEST, Interval, holm, sign_flip, t_interval

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
USE = (
    "Shares of the concepts, over all seeds: with a detector (alignment >= .80) and used (accuracy drops by .05 or more without "
    "all of its detectors), with one and not used, without one; and how well a linear probe on all units tells them, which says "
    "whether what is not detected is encoded."
)
CLAIMS = (
    "A claim holds if its number's whole 95 % t interval over seeds lies where the rule says, and fails if none of it does; "
    "a difference of variants is paired by seed and needs a sign-flip p-value, Holm-corrected within an id, below .05."
)
CONSTANT = "(constant): the same in all n seeds, as where a score is saturated; this says nothing of what other seeds would give."
JOINED = "Joined from the tables of the runs by `mixmnist report`."
LARGEST = 200_000  # bytes of a md or tex; a larger table is in its csv alone
SIGNIFICANT = 0.05  # corrected p-value below which a variant is said to differ from the first


def write_tables(records: StudyRecords, folder: Path) -> None:
    """Writes every table in three formats."""
    per_run = "A row a run and layer."
    of_blocks = "A seed that is in several blocks is shown from the widest one (column block)."
    write_table(folder, "runs", ordered(records.runs, KEYS + RUNS), [*records.notes(), per_run, of_blocks, MEANING], KEYS + RUNS)
    unit_note = f"A row a unit; scores of a unit and a concept are those of the unit's own concept. {JOINED}"
    write_table(folder, "units", ordered(records.units, KEYS + UNITS), [*records.notes(), unit_note, MEANING], KEYS + UNITS)
    concept_note = f"A row a concept and run: the unit with the highest alignment, and its scores. {JOINED}"
    columns = [*KEYS, "concept", "chance", *UNITS]
    write_table(folder, "concepts", ordered(records.concepts, columns), [*records.notes(), concept_note, MEANING], columns)
    if {"group_drop", "linear_probe"} <= set(records.concepts):
        write_table(folder, "use", detected_and_used(records.of_layer(records.layer).concepts), [*records.notes(), USE])
    if records.claims:
        verdicts = judge(records.claims, records.of_layer(records.layer).runs)
        write_table(folder, "claims", verdicts, [*records.notes(), CLAIMS])
    variants = summarise(records.runs)
    variants.to_csv(folder / "variants.csv", index=False)
    shown, different = for_people(variants), differences(records.runs)
    notes = [*records.notes(), interval_note(variants), MEANING]
    if different:
        notes.append(f"Bold: differs from {records.variants[0]} (paired by seed, sign-flip test, Holm-corrected over the table).")
    _write_for_people(folder, "variants", shown, notes, different)


def detected_and_used(concepts: pd.DataFrame) -> pd.DataFrame:
    """Gives a row a variant and kind of concept, useless ones apart: detected, used, and readable by a linear probe."""
    rows = []
    for (variant, useless), group in concepts.groupby(["variant", "useless"], sort=False):
        detected, used = group["alignment"] >= THRESHOLD, group["group_drop"] >= USED
        row = {"variant": variant, "useless": bool(useless), "n": len(group)}
        row |= {"detected_and_used": (detected & used).mean(), "detected_not_used": (detected & ~used).mean()}
        row |= {"not_detected": (~detected).mean(), "alignment": group["alignment"].mean()}
        rows.append(row | {"linear_probe": group["linear_probe"].mean(), "chance": group["chance"].mean()})
    return pd.DataFrame(rows)


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


def differences(runs: pd.DataFrame) -> set[tuple[str, str, str]]:
    """Names the (variant, layer, score) that differ from the first variant's; the test is paired by seed, corrected for all."""
    first, tested, p_values = runs["variant"].iloc[0], [], []
    for layer, of_layer in runs.groupby("layer", sort=False):
        base = of_layer[of_layer["variant"] == first].set_index("seed")
        for variant, group in of_layer.groupby("variant", sort=False):
            own = group.set_index("seed")
            for column in [c for c in HEADLINE if c in runs and c not in ("chance", "seconds") and variant != first]:
                tested.append((str(variant), str(layer), column))
                p_values.append(sign_flip((own[column] - base[column]).dropna().tolist()))
    return {name for name, p in zip(tested, holm(p_values), strict=True) if p < SIGNIFICANT}


def for_people(variants: pd.DataFrame) -> pd.DataFrame:
    """Writes each headline number of a variants table as mean and interval."""
    shown = pd.DataFrame({"variant": variants["variant"], "layer": variants["layer"], "n": seeds_of(variants)})
    for column in HEADLINE:
        if column not in variants:
            continue
        cells = variants[[column, f"{column}_lower", f"{column}_upper", f"{column}_n"]]
        shown[column] = [cell(Interval(*row)) for row in cells.itertuples(index=False)]
    return shown


def seeds_of(variants: pd.DataFrame) -> "pd.Series[int]":
    """Gives how many seeds each row of a variants table is over."""
    return variants.filter(regex="_n$").max(axis=1).astype(int)


def interval_note(variants: pd.DataFrame) -> str:
    """Says what the brackets are, or why there are none."""
    if seeds_of(variants).min() < FEWEST:
        return f"Means over n seeds; no intervals below {FEWEST} seeds."
    few = f"; below {Claim.seeds} seeds no verdict" if seeds_of(variants).min() < Claim.seeds else ""
    marked = for_people(variants).map(lambda cell: str(cell).endswith("(constant)")).any(axis=None)
    return f"Means over n seeds with their 95 % t interval over seeds{few}." + (f" {CONSTANT}" if marked else "")


def compare(yours: pd.DataFrame, reference: pd.DataFrame) -> pd.DataFrame:
    """Sets two variants tables side by side: yours, the reference with its interval, and the difference."""
    rows = []
    both = yours.merge(reference, on=["variant", "layer"], suffixes=("", "_reference"))
    for _, row in both.iterrows():
        for column in [c for c in HEADLINE if f"{c}_reference" in both and not pd.isna(row[c])]:
            mine, theirs = row[column], row[f"{column}_reference"]
            interval = Interval(theirs, row[f"{column}_lower_reference"], row[f"{column}_upper_reference"], 0)
            rows.append((row["variant"], row["layer"], column, f"{mine:.3f}", cell(interval), f"{mine - theirs:+.3f}"))
    return pd.DataFrame(rows, columns=["variant", "layer", "score", "yours", "reference", "yours - reference"])


def cell(interval: Interval) -> str:
    """Writes a mean with its interval, where there is one; a score whose values are all equal is marked."""
    if math.isnan(interval.mean):
        return ""
    if math.isnan(interval.lower):
        return f"{interval.mean:.3f}"
    if interval.constant:
        return f"{interval.mean:.3f} (constant)"
    return f"{interval.mean:.3f} [{interval.lower:.3f}, {interval.upper:.3f}]"


def ordered(table: pd.DataFrame, first: Sequence[str]) -> pd.DataFrame:
    """Puts the known columns first, in their order; columns of new metrics follow."""
    known = [c for c in dict.fromkeys(first) if c in table]
    return table[known + [c for c in table if c not in known]]


def as_markdown(table: pd.DataFrame) -> str:
    """Writes a table as a Markdown table whose columns line up in plain text too."""
    cells = [[for_markdown(_text(v)) for v in row] for row in [list(table.columns), *table.itertuples(index=False)]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(table.columns))]
    lines = ["| " + " | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) + " |" for row in cells]
    lines.insert(1, "|" + "|".join("-" * (w + 2) for w in widths) + "|")
    return "\n".join(lines)


def write_table(folder: Path, name: str, table: pd.DataFrame, notes: Sequence[str], shown: Sequence[str] | None = None) -> None:
    """Writes every column for machines; for people those that are named, if any are.

    A table that would take a person more than 200 kB is not written out for people: its md holds the notes and says where the
    rows are, and there is no tex.
    """
    table.to_csv(folder / f"{name}.csv", index=False)
    people = table if shown is None else table[[c for c in dict.fromkeys(shown) if c in table]]
    notes = [*notes, *([] if shown is None else [f"More columns are in {name}.csv."])]
    _write_for_people(folder, name, people, notes)


def _write_for_people(
    folder: Path, name: str, table: pd.DataFrame, notes: Sequence[str], bold: Collection[tuple[str, str, str]] = ()
) -> None:
    def written(before: str, after: str, tex: bool) -> pd.DataFrame:
        cells = table.map(lambda v: for_latex(_text(v)) if tex else _text(v))
        for column in cells.columns:
            for row in cells.index:
                if bold and (table["variant"][row], table["layer"][row], column) in bold:
                    cells.loc[row, column] = f"{before}{cells.loc[row, column]}{after}"
        return cells

    markdown = _page(notes, as_markdown(written("**", "**", tex=False)))
    text = written(r"\textbf{", "}", tex=True)
    text.columns = [for_latex(str(c)) for c in text.columns]
    caption = for_latex(" ".join(notes).replace("`", ""))
    latex = text.to_latex(index=False, escape=False, caption=caption, column_format="l" * len(text.columns))
    latex = latex.replace("{table}", "{table*}")
    if max(len(markdown.encode()), len(latex.encode())) > LARGEST:
        markdown = _page(notes, f"Its {len(table):,} rows, too many to read, are in {name}.csv.")
    else:
        (folder / f"{name}.tex").write_text(latex, encoding="utf-8")
    (folder / f"{name}.md").write_text(markdown, encoding="utf-8")


def _page(notes: Sequence[str], content: str) -> str:
    return " ".join(map(for_markdown, notes)) + "\n\n" + content + "\n"


def _text(value: object) -> str:
    if isinstance(value, float):
        return "" if pd.isna(value) else f"{value:.3f}"
    return str(value)
