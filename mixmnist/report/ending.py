"""Ending: the one screen in which a run ends: headline numbers beside the reference, what lies outside of it, verdicts."""

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from scipy import special

from mixmnist.report.claims import judge
from mixmnist.report.reading import StudyRecords
from mixmnist.report.rows import is_last, last_layers
from mixmnist.report.tables import UNSCORED, summarise

SHOWN = ("accuracy", "unique_concepts", "mean_alignment", "max_drop")  # of the layer that feeds the head
APART = ("n_units", "n_weights", "n_images", "n_silenced", "n_mapped", "seconds")  # what was asked for, and what it cost
WIDTH = 100  # columns of the screen
FURTHEST = 3  # numbers outside of the reference that are named
SPOKEN = 12  # claims that are told in words
SAME = 1e-6  # difference that rounding makes
AGAINST = "against_reference.csv"


@dataclass(frozen=True, eq=False)
class Ending:
    """What is said of one study at the end of a run."""

    lines: tuple[str, ...]
    data: dict[str, Any]  # how many numbers were compared, how many lie outside, and where they all are; or why there are none


def end(folder: Path, records: StudyRecords, reference: Path | None) -> Ending:
    """Sums up a study in a screen; the whole comparison with a reference goes into a csv beside its records.

    Args:
        folder: Of a study and source.
        records: What it holds.
        reference: Folder of reference results, <study>/<source> each; None for none.
    """
    study, source = folder.resolve().parts[-2:]
    ours = summarise(records.runs)
    found = _reference(folder, reference)
    theirs = found if isinstance(found, pd.DataFrame) else None
    head = [c for c in (*SHOWN, *UNSCORED) if c in ours]
    own = ours[is_last(ours, last_layers(records.runs))]
    what = f"layer {records.layer}" if records.is_scored else "networks that are not scored"
    beside = None if theirs is None else against(ours, theirs)
    lines = [f"== {study} {source}: {what}, means over {_counts(own, head)}"]
    lines += [*_wrapped(_brackets(found, theirs, head)), *_table(own, theirs, head)]
    data: dict[str, Any] = {"folder": str(folder)}
    if beside is not None:
        path = folder / AGAINST
        beside.to_csv(path, index=False)
        lines += _outside(beside, path)
        data |= {"compared": int(beside["outside"].notna().sum()), "outside": int((beside["outside"] == 1).sum())}
        data |= {"outside_by_chance": float(beside["by_chance"].sum()), "file": str(path)}
    else:
        data["why"] = found
    return Ending((*lines, *_verdicts(folder, records), *_analyses(folder, records)), data)


def against(ours: pd.DataFrame, theirs: pd.DataFrame) -> pd.DataFrame:
    """Sets two variants tables side by side: a row a variant, layer and number that both have.

    `outside` is 1 where our mean lies outside the reference's 95 % interval, 0 where it does not, missing where there is no
    interval. `by_chance` is how probable that is for a mean of as many new seeds.
    """
    known = {(row["variant"], row["layer"]): row for row in theirs.to_dict("records")}
    scores = [str(column).removesuffix("_lower") for column in ours if str(column).endswith("_lower")]
    rows: list[dict[str, Any]] = []
    for mine in ours.to_dict("records"):
        other = known.get((mine["variant"], mine["layer"]), {})
        for score in (s for s in scores if s not in APART and f"{s}_lower" in other):
            if not (pd.isna(mine[score]) or pd.isna(other[score])):
                lower, upper, n = (other[f"{score}_{part}"] for part in ("lower", "upper", "n"))
                row = {"variant": mine["variant"], "layer": mine["layer"], "score": score, "yours": mine[score]}
                row |= {"n": mine[f"{score}_n"], "reference": other[score], "lower": lower, "upper": upper, "n_reference": n}
                off = None if pd.isna(lower) else int(not lower - SAME <= mine[score] <= upper + SAME)
                chance = None if off is None or lower == upper else _by_chance(int(row["n"]), int(n))
                rows.append(row | {"difference": mine[score] - other[score], "outside": off, "by_chance": chance})
    columns = "variant layer score yours n reference lower upper n_reference difference outside by_chance".split()
    return pd.DataFrame(rows, columns=columns)


def _by_chance(n: int, n_reference: int) -> float:
    """Gives how probable it is that a mean of new seeds lies outside the t interval of the reference's.

    Example:
        >>> round(_by_chance(5, 20), 2), round(_by_chance(10**9, 20), 2)
        (0.36, 0.05)
    """
    free = n_reference - 1
    return float(2 * special.stdtr(free, -special.stdtrit(free, 0.975) / (1 + n_reference / n) ** 0.5))


def _reference(folder: Path, reference: Path | None) -> pd.DataFrame | str:
    """Reads the reference's table of variants, or says why there is nothing to compare with."""
    if reference is None:
        return "It is not compared with a reference."
    study, source = folder.resolve().parts[-2:]
    path = reference / study / source / "tables" / "variants.csv"
    if source.endswith("-quick"):
        return "A quick run is not compared with the reference."
    if path.parent.parent.resolve() == folder.resolve():
        return "It is the reference."
    if not path.exists():
        return f"There is no reference at {path}."
    try:
        table = pd.read_csv(path)
        against(table, table[["variant", "layer"]].join(table.drop(columns=["variant", "layer"])))
    except (OSError, ValueError, KeyError, TypeError) as error:
        why = f"cannot be read ({type(error).__name__}); `mixmnist report` makes it again"
        return f"The reference at {path} {why}."
    return table


def _counts(variants: pd.DataFrame, head: list[str]) -> str:
    """Says over how many seeds the variants are."""
    numbers = [int(n) for column in head if f"{column}_n" in variants for n in variants[f"{column}_n"]]
    numbers = [n for n in numbers if n] or [0]  # none of what a variant has no numbers of
    return f"{_range(numbers)} seed{'' if set(numbers) == {1} else 's'}"


def _brackets(found: pd.DataFrame | str, theirs: pd.DataFrame | None, head: list[str]) -> str:
    """Says what the brackets of the table are."""
    if theirs is None:
        return f"{found} In brackets: your own 95 % interval, from 5 seeds on."
    return f"In brackets: the reference's 95 % interval ({_counts(theirs, head)}); ! lies outside."


def _table(own: pd.DataFrame, theirs: pd.DataFrame | None, head: list[str]) -> list[str]:
    """Writes a row a variant: its headline numbers, each with an interval if there is one."""
    rows = [["variant", *head]]
    for mine in own.to_dict("records"):
        cells = [str(mine["variant"])]
        other = mine if theirs is None else _of(theirs, mine)
        for score in head:
            lower, upper = (other.get(f"{score}_{end}", float("nan")) for end in ("lower", "upper"))
            off = theirs is not None and not (pd.isna(lower) or lower - SAME <= mine[score] <= upper + SAME)
            interval = "" if pd.isna(lower) else f" [{_number(lower)}, {_number(upper)}]" if lower < upper else " (constant)"
            cells.append("" if pd.isna(mine[score]) else f"{_number(mine[score])}{'!' if off else ''}{interval}")
        rows.append(cells)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _of(theirs: pd.DataFrame, mine: dict[Any, Any]) -> dict[Any, Any]:
    """Gives the reference's row of a variant and layer; nothing where it has none."""
    same = theirs[(theirs["variant"] == mine["variant"]) & (theirs["layer"] == mine["layer"])]
    return dict(same.iloc[0]) if len(same) else {}


def _number(value: float) -> str:
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3f}" if abs(value) < 1 else f"{value:.2f}"


def _outside(beside: pd.DataFrame, path: Path) -> Iterator[str]:
    """Says how many of all numbers lie outside the reference's interval, which are furthest out, and where all are."""
    off = beside[beside["outside"] == 1]
    n, chance = int(beside["outside"].notna().sum()), beside["by_chance"].sum()
    counted = f"{len(off)} of {n} numbers of all layers lie outside the reference's interval"
    yield from _wrapped(f"{counted}; new seeds of the same networks would put about {chance:.0f} there.")
    half = (off["upper"] - off["lower"]) / 2
    far = off.assign(far=(off["difference"].abs() / half.where(half > 0)).fillna(0)).nlargest(FURTHEST, "far")
    for row in far.to_dict("records"):
        interval = f"[{row['lower']:.3f}, {row['upper']:.3f}]"
        yield f"  {row['variant']} {row['layer']} {row['score']}: {row['yours']:.3f}, reference {row['reference']:.3f} {interval}"
    yield f"Every number beside the reference: {path}"


def _verdicts(folder: Path, records: StudyRecords) -> Iterator[str]:
    """Says what became of the claims: how many of each verdict, those that were judged in words, and why others were not."""
    if not records.claims:
        return
    found = judge(records.claims, records.of_last_layer().runs)
    short = found["verdict"].str.startswith("no verdict")
    counts = found["verdict"].where(~short, "no verdict").value_counts()
    ways = {"holds": "hold", "fails": "fail", "undecided": "undecided", "no verdict": "without verdict"}
    said = ", ".join(f"{counts[verdict]} {word}" for verdict, word in ways.items() if verdict in counts)
    yield f"Claims: {len(found)} in all: {said}."
    if short.any():
        needed, there = (
            _range(values)
            for values in ([c.seeds for c, s in zip(records.claims, short, strict=True) if s], found.loc[short, "n"].tolist())
        )
        yield f"  No verdict where there are too few seeds: {needed} are needed, {there} are there."
    spoken: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for row in found[~short].to_dict("records"):
        sentence, mark, how = row["claim"].partition(" (")
        spoken.setdefault((row["id"], sentence), []).append((row["verdict"], mark + how))
    for (name, sentence), verdicts in list(spoken.items())[:SPOKEN]:
        different = len({verdict for verdict, _ in verdicts}) > 1
        told = [verdict + how for verdict, how in verdicts] if different else [verdicts[0][0]]
        yield from _wrapped(f"  {name} {sentence}: {', '.join(told)}")
    if len(spoken) > SPOKEN:
        yield f"  {len(spoken) - SPOKEN} more, and all numbers: {folder / 'tables' / 'claims.md'}"


def _analyses(folder: Path, records: StudyRecords) -> Iterator[str]:
    """Says where analyses stand, where no network is scored and they say all there is to say."""
    told = [] if records.is_scored else sorted(folder.glob("analyses/[!.]*/summary.md"))
    if told:
        yield f"Analyses: {', '.join(str(path) for path in told)}"


def _range(values: list[int]) -> str:
    return f"{min(values)}" if min(values) == max(values) else f"{min(values)} to {max(values)}"


def _wrapped(line: str) -> list[str]:
    return textwrap.wrap(line, WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
