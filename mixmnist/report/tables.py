"""Tables of a study: every column as csv for machines, the main ones as md and tex for people."""

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from mixmnist.core.records import Claim
from mixmnist.core.thresholds import THRESHOLD, USED
from mixmnist.report.claims import judge
from mixmnist.report.escaping import for_latex, for_markdown
from mixmnist.report.ranges import bounds_of, is_share, over_seeds
from mixmnist.report.reading import KEYS, StudyRecords
from mixmnist.report.rows import is_last, last_layers
from mixmnist.stats import ANYWHERE, FEWEST, Bounds, Interval, holm, sign_flip, smallest_p

RUNS = (
    "accuracy n_units dead detectors unique_concepts coverage mean_alignment mean_alignment_mean chance mean_drop "
    "mean_drop_mean max_drop max_class_drop reliance reliance_area gini seconds"
).split()
UNITS = (
    "unit dead concept alignment alignment_mean chance precision_at_100 precision_at_300 precision_at_500 precision_at_700 "
    "precision_at_recall_25 precision_at_recall_50 precision_at_recall_75 selectivity concept_selectivity drop drop_mean "
    "max_class_drop max_class concept_drop damage_selectivity"
).split()
HEADLINE = (
    "accuracy unique_concepts detectors dead coverage mean_alignment mean_alignment_mean chance mean_drop mean_drop_mean "
    "max_drop max_class_drop reliance seconds"
).split()
UNSCORED = ("n_weights", "last_loss")  # all that is known of a network that is not scored
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
    "A claim holds if its number's whole interval over seeds lies where the rule says, and fails if none of it does. Intervals "
    "are t, or for a share of 0s and 1s binomial (Clopper-Pearson), cut at the ends of the number's range; each is at the level"
    " shown, which with m claims of one id is 1 - .05/m, so that all of an id hold the truth together at 95 %. A number that "
    "was the same in all n seeds has the bounds that n agreeing trainings support. A difference of variants is paired by seed "
    "and, but where it lies within its margin, needs a sign-flip p-value, Holm-corrected within an id, below .05."
)
CONSTANT = "(constant): the same in all n seeds, as where a score is saturated; this says nothing of what other seeds would give."
CUT = "*: the end of the score's range, beyond which the t interval would go."
JOINED = "Joined from the tables of the runs by `mixmnist report`."
LARGEST = 200_000  # bytes of a md or tex; a larger table is in its csv alone
SIGNIFICANT = 0.05  # corrected p-value below which a variant is said to differ from the first


def write_tables(records: StudyRecords, folder: Path) -> None:
    """Writes every table in three formats."""
    per_run, meaning = "A row a run and layer.", [MEANING] if records.is_scored else []
    of_blocks = "A seed that is in several blocks is shown from the widest one (column block)."
    notes = [*records.notes(records.runs), per_run, of_blocks, *meaning]
    write_table(folder, "runs", ordered(records.runs, KEYS + RUNS), notes, KEYS + RUNS)
    if records.is_scored:
        _write_units(records, folder)
    if {"group_drop", "linear_probe"} <= set(records.concepts):
        use = detected_and_used(records.of_last_layer().concepts)
        write_table(folder, "use", use, [*records.notes(use), USE])
    if records.claims:
        verdicts = judge(records.claims, records.of_last_layer().runs)
        write_table(folder, "claims", verdicts, [*records.notes(claim.column for claim in records.claims), CLAIMS])
    variants = summarise(records.runs)  # what a paper prints of them is in `papers`
    variants.to_csv(folder / "variants.csv", index=False)
    shown, different = for_people(variants), differences(records.runs)
    notes = [*records.notes(records.runs), interval_note(variants), *meaning, *bold_notes(records.runs)]
    _write_for_people(folder, "variants", shown, notes, different, with_latex=False)


def _write_units(records: StudyRecords, folder: Path) -> None:
    """Writes the tables of units and of concepts, which networks that are not scored have none of."""
    unit_note = f"A row a unit; scores of a unit and a concept are those of the unit's own concept. {JOINED}"
    write_table(
        folder, "units", ordered(records.units, KEYS + UNITS), [*records.notes(records.units), unit_note, MEANING], KEYS + UNITS
    )
    concept_note = f"A row a concept and run: the unit with the highest alignment, and its scores. {JOINED}"
    columns = [*KEYS, "concept", "chance", *UNITS]
    write_table(
        folder, "concepts", ordered(records.concepts, columns), [*records.notes(records.concepts), concept_note, MEANING], columns
    )


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
    """Gives a row a variant: mean, interval over seeds and n of every number of the runs; no interval leaves a score's range."""
    numbers = [c for c in ordered(runs, KEYS + RUNS).select_dtypes("number").columns if c not in ("seed", "threads")]
    rows = []
    for (study, source, task, variant, layer), group in runs.groupby(["study", "source", "task", "variant", "layer"], sort=False):
        row = {"study": study, "source": source, "task": task, "variant": variant, "layer": layer}
        for column in numbers:
            interval = over_seeds(group[column].astype(float).tolist(), column, run=dict(group.iloc[0]))
            row |= {column: interval.mean, f"{column}_lower": interval.lower, f"{column}_upper": interval.upper}
            row[f"{column}_n"] = interval.n
        rows.append(row)
    return pd.DataFrame(rows)


def differences(runs: pd.DataFrame, scores: Sequence[str] = HEADLINE) -> set[tuple[str, str, str]]:
    """Names the (variant, layer, score) that differ from the first variant's.

    The test is paired by seed, and corrected among the scores of one variant at one layer.
    """
    different = set()
    for variant, layer, tested in _tested(runs, scores):
        p_values = holm([sign_flip(found) for found in tested.values()])
        different |= {(variant, layer, column) for column, p in zip(tested, p_values, strict=True) if p < SIGNIFICANT}
    return different


def bold_notes(runs: pd.DataFrame, scores: Sequence[str] = HEADLINE) -> list[str]:
    """Says what bold means, and of which variants nothing can be bold because too few seeds are paired."""
    pairs: dict[str, int] = {}
    able = set()
    for variant, _, tested in _tested(runs, scores):
        if not tested:  # of networks that are not scored
            continue
        pairs[variant] = max([pairs.get(variant, 0), *map(len, tested.values())])
        smallest = [p for found in tested.values() if not math.isnan(p := smallest_p(len(found)))]
        if smallest and min(smallest) * len(smallest) < SIGNIFICANT:  # as Holm takes the smallest of a family
            able.add(variant)
    first = runs["variant"].iloc[0]
    how = f"differs from {first} (paired by seed, sign-flip test, Holm-corrected over the scores of a variant at a layer)"
    few = ", ".join(f"{variant} ({n})" for variant, n in pairs.items() if variant not in able)
    said = [f"Bold: {how}."] if able else []
    if few:
        said.append(f"Nothing is bold where too few seeds are paired with those of {first} to reach p < .05: {few}.")
    return said


def _tested(runs: pd.DataFrame, scores: Sequence[str]) -> Iterator[tuple[str, str, dict[str, list[float]]]]:
    """Gives each variant but the first and layer with the differences of its scores from the first variant's, one a seed."""
    first = runs["variant"].iloc[0]
    scores = [column for column in scores if column in runs and column not in ("chance", "seconds")]
    layers = runs["layer"].mask(is_last(runs, last_layers(runs)), "")  # what feeds the head belongs together
    for _, of_layer in runs.groupby(layers, sort=False):
        base = of_layer[of_layer["variant"] == first].set_index("seed")
        for (variant, layer), group in of_layer[of_layer["variant"] != first].groupby(["variant", "layer"], sort=False):
            own = group.set_index("seed")
            yield str(variant), str(layer), {column: (own[column] - base[column]).dropna().tolist() for column in scores}


def for_people(variants: pd.DataFrame) -> pd.DataFrame:
    """Writes each headline number of a variants table as mean and interval."""
    shown = pd.DataFrame({"variant": variants["variant"], "layer": variants["layer"], "n": seeds_of(variants)})
    runs = variants.to_dict("records")
    for column in (*HEADLINE, *UNSCORED):
        if column not in variants:
            continue
        cells = variants[[column, f"{column}_lower", f"{column}_upper", f"{column}_n"]]
        shown[column] = [cell(Interval(*row), _ends(column, run)) for row, run in zip(cells.to_numpy(), runs, strict=True)]
    return shown


def seeds_of(variants: pd.DataFrame) -> "pd.Series[int]":
    """Gives how many seeds each row of a variants table is over."""
    return variants.filter(regex="_n$").max(axis=1).astype(int)


def interval_note(variants: pd.DataFrame) -> str:
    """Says what the brackets and the marks are, or why there are none."""
    n_seeds = seeds_of(variants)
    if n_seeds.max() < FEWEST:
        return f"Means over n seeds; no intervals below {FEWEST} seeds."
    said = [
        "Means over n seeds with their 95 % t interval over seeds",
        *([f"no intervals below {FEWEST} seeds"] if n_seeds.min() < FEWEST else []),
        *([f"below {Claim.seeds} seeds no verdict"] if n_seeds.min() < Claim.seeds else []),
    ]
    text = " ".join(for_people(variants).filter(HEADLINE).to_numpy().ravel())
    return " ".join(["; ".join(said) + ".", *(note for mark, note in (("(constant)", CONSTANT), ("*", CUT)) if mark in text)])


def _ends(column: str, run: Mapping[Any, Any]) -> Bounds:
    """Gives where a t interval of the column is cut; that of a share is not."""
    return ANYWHERE if is_share(column) else bounds_of(column, run)


def cell(interval: Interval, bounds: Bounds = ANYWHERE) -> str:
    """Writes a mean with its interval, where there is one; a constant score and a bound at the end of the range are marked.

    Example:
        >>> cell(Interval(0.05, 0.0, 0.155, 5), (0, 1))
        '0.050 [0.000*, 0.155]'
    """
    if math.isnan(interval.mean):
        return ""
    if math.isnan(interval.lower):
        return f"{interval.mean:.3f}"
    if interval.constant:
        return f"{interval.mean:.3f} (constant)"
    lower, upper = (f"{end:.3f}" + "*" * (end in bounds) for end in (interval.lower, interval.upper))
    return f"{interval.mean:.3f} [{lower}, {upper}]"


def ordered(table: pd.DataFrame, first: Sequence[str]) -> pd.DataFrame:
    """Puts the known columns first, in their order; columns of new metrics follow."""
    known = [c for c in dict.fromkeys(first) if c in table]
    return table[known + [c for c in table if c not in known]]


def as_markdown(table: pd.DataFrame) -> str:
    """Writes a table as a Markdown table whose columns line up in plain text too."""
    return _lined_up([[for_markdown(text) for text in row] for row in _texts(table)])


def _texts(table: pd.DataFrame) -> list[list[str]]:
    """Gives the texts of a table's cells, its head first."""
    return [[_text(v) for v in row] for row in [list(table.columns), *table.itertuples(index=False)]]


def _lined_up(rows: Sequence[Sequence[str]]) -> str:
    """Writes rows of Markdown, the head first, as a table."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["| " + " | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) + " |" for row in rows]
    lines.insert(1, "|" + "|".join("-" * (w + 2) for w in widths) + "|")
    return "\n".join(lines)


def _as_latex(rows: Sequence[Sequence[str]], caption: str) -> str:
    """Writes rows of LaTeX, the head first, as a table over both columns of a page."""
    head, *body = (" & ".join(row) + r" \\" for row in rows)
    begin = [r"\begin{table*}", rf"\caption{{{caption}}}", rf"\begin{{tabular}}{{{'l' * len(rows[0])}}}"]
    parts = [*begin, r"\toprule", head, r"\midrule", *body, r"\bottomrule", r"\end{tabular}", r"\end{table*}"]
    return "\n".join(parts) + "\n"


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
    folder: Path,
    name: str,
    table: pd.DataFrame,
    notes: Sequence[str],
    bold: Collection[tuple[str, str, str]] = (),
    with_latex: bool = True,
) -> None:
    head, *rows = _texts(table)
    marked = [[False] * len(head) for _ in rows]
    if bold:
        places = zip(table["variant"], table["layer"], strict=True)
        marked = [[(variant, layer, column) in bold for column in table.columns] for variant, layer in places]

    def written(before: str, after: str, escape: Callable[[str], str]) -> list[list[str]]:
        said = [
            [f"{before}{escape(text)}{after}" if mark else escape(text) for text, mark in zip(row, marks, strict=True)]
            for row, marks in zip(rows, marked, strict=True)
        ]
        return [list(map(escape, head)), *said]

    markdown = _page(notes, _lined_up(written("**", "**", for_markdown)))
    caption = for_latex(" ".join(notes).replace("`", ""))
    small = len(markdown.encode()) <= LARGEST  # else a second form of it is needless work
    latex = _as_latex(written(r"\textbf{", "}", for_latex), caption) if small and with_latex else ""
    if not small or len(latex.encode()) > LARGEST:
        markdown = _page(notes, f"Its {len(table):,} rows, too many to read, are in {name}.csv.")
    elif with_latex:
        (folder / f"{name}.tex").write_text(latex, encoding="utf-8")
    (folder / f"{name}.md").write_text(markdown, encoding="utf-8")


def _page(notes: Sequence[str], content: str) -> str:
    return " ".join(map(for_markdown, notes)) + "\n\n" + content + "\n"


def _text(value: object) -> str:
    if isinstance(value, float):
        return "" if pd.isna(value) else f"{value:.3f}"
    return str(value)
