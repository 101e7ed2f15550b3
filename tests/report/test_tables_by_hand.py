"""Tables written out and compared, against what is written by hand."""

import math

import pandas as pd
import pytest

from mixmnist.report import tables
from mixmnist.report.tables import (
    as_markdown,
    bold_notes,
    cell,
    detected_and_used,
    differences,
    for_people,
    interval_note,
    ordered,
    seeds_of,
    summarise,
)
from mixmnist.stats import Interval


def runs(n, variants=("baseline", "wide"), layers=("conv3",), **columns):
    """Rows of runs; each column is a function of variant, layer and seed."""
    keys = {"study": "s", "source": "x", "task": "t"}
    rows = [keys | {"variant": v, "seed": s, "layer": layer} for layer in layers for v in variants for s in range(n)]
    return pd.DataFrame([row | {c: of(row["variant"], row["layer"], row["seed"]) for c, of in columns.items()} for row in rows])


def test_markdown_lines_up():
    """Columns must be as wide as their widest cell, under a line of dashes two wider."""
    table = pd.DataFrame({"variant": ["a", "longer"], "n": [10, 5]})
    assert as_markdown(table).splitlines() == [
        "| variant | n  |",
        "|---------|----|",
        "| a       | 10 |",
        "| longer  | 5  |",
    ]


@pytest.mark.parametrize(
    ("interval", "expected"),
    [
        (Interval(0.5, 0.4, 0.6, 10), "0.500 [0.400, 0.600]"),
        (Interval(0.5, math.nan, math.nan, 3), "0.500"),
        (Interval(math.nan, math.nan, math.nan, 0), ""),
    ],
)
def test_a_cell_has_its_interval_where_there_is_one(interval, expected):
    """A mean must stand with its bounds, alone without them, and no number leave the cell empty."""
    assert cell(interval) == expected


def test_known_columns_come_first():
    """Columns that are asked for must come in their order, each once, and the others after them as they stood."""
    table = pd.DataFrame(columns=["new", "b", "a", "other"])
    assert list(ordered(table, ["a", "b", "missing", "a"])) == ["a", "b", "new", "other"]


def test_a_summary_has_mean_bounds_and_number_of_each_variant_and_layer():
    """Each variant and layer must be summarised over its own seeds; seeds and threads are no scores."""
    table = runs(
        6, layers=("conv2", "conv3"), accuracy=lambda v, layer, s: ((v == "wide") + 2 * (layer == "conv3") + s / 10 + 1) / 10
    )
    found = summarise(table.assign(threads=1))
    assert found[["layer", "variant"]].to_numpy().tolist() == [
        ["conv2", "baseline"],
        ["conv2", "wide"],
        ["conv3", "baseline"],
        ["conv3", "wide"],
    ]
    assert found["accuracy"].tolist() == pytest.approx([0.125, 0.225, 0.325, 0.425])
    assert (found["accuracy_lower"] < found["accuracy"]).all()
    assert (found["accuracy"] < found["accuracy_upper"]).all()
    assert found["accuracy_n"].tolist() == [6] * 4
    assert not {"seed", "threads"} & set(found)
    assert seeds_of(found).tolist() == [6] * 4


def test_seeds_are_those_of_the_score_that_most_have():
    """Where one score lacks a seed, a row is still over all seeds that there are."""
    table = runs(6, accuracy=lambda v, layer, s: s / 10, drop=lambda v, layer, s: math.nan if s else 1.0)
    assert seeds_of(summarise(table)).tolist() == [6, 6]


@pytest.mark.parametrize(("n", "said"), [(4, "no intervals below 5 seeds"), (5, "no verdict"), (9, "below 10 seeds no verdict")])
def test_few_seeds_are_said(n, said):
    """A note must say that there are no intervals below 5 seeds, and no verdict below 10."""
    assert said in interval_note(summarise(runs(n, accuracy=lambda v, layer, s: s**2 / 100)))


def test_enough_seeds_are_not_called_few():
    """With ten seeds there are intervals and nothing is said of verdicts."""
    note = interval_note(summarise(runs(10, accuracy=lambda v, layer, s: s**2 / 100)))
    assert "seeds with their 95 %" in note
    assert "verdict" not in note


def test_a_difference_is_to_the_first_variant_in_its_layer():
    """Only where a variant differs from the first one in that layer it may be named, whichever way it differs."""
    up = {"wide": 0.3, "narrow": -0.3}
    table = runs(
        12,
        variants=("baseline", "narrow", "wide"),
        layers=("conv2", "conv3"),
        accuracy=lambda v, layer, s: (
            0.5 + 0.01 * (s % 3) + (up.get(v, 0) if layer == "conv3" else 0.001 * (-1) ** s * (v == "wide"))
        ),
        coverage=lambda v, layer, s: 0.5 + 0.01 * (s % 4),
    )
    assert differences(table) == {("narrow", "conv3", "accuracy"), ("wide", "conv3", "accuracy")}


def test_what_is_no_score_never_differs():
    """Chance and seconds may differ between variants without being marked."""
    table = runs(
        12, chance=lambda v, layer, s: 0.2 + (v == "wide") + s / 100, seconds=lambda v, layer, s: 5.0 + 9 * (v == "wide")
    )
    assert differences(table) == set()


def test_a_p_value_at_the_level_is_no_difference(monkeypatch):
    """A corrected p-value that is the level itself must not be marked."""
    table = runs(12, accuracy=lambda v, layer, s: 0.5 + 0.01 * (s % 3) + 0.3 * (v == "wide"))
    assert tables.SIGNIFICANT == 0.05
    assert differences(table)
    monkeypatch.setattr(tables, "SIGNIFICANT", 2 / 2**12)  # of one test of 12 pairs that all agree
    assert not differences(table)


def test_people_see_headlines_only():
    """For people each headline score must be a mean with its interval, and seeds a number."""
    shown = for_people(summarise(runs(6, accuracy=lambda v, layer, s: 0.5 + s / 100, gini=lambda v, layer, s: 0.1)))
    assert list(shown) == ["variant", "layer", "n", "accuracy"]
    assert shown["n"].tolist() == [6, 6]
    assert shown["accuracy"][0] == cell(Interval(*summarise(runs(6, accuracy=lambda v, layer, s: 0.5 + s / 100)).iloc[0, 5:9]))


def test_the_table_of_use_counts_what_is_in_each_cell():
    """Four concepts, one in each corner of detected and used: a quarter each, and half of them not detected."""
    rows = [{"alignment": a, "group_drop": g} for a in (0.9, 0.2) for g in (0.5, 0.0)] + [{"alignment": 0.95, "group_drop": 0.6}]
    keys = {"variant": "v", "useless": False, "linear_probe": 1.0, "chance": 0.2}
    found = detected_and_used(pd.DataFrame([keys | row for row in rows])).iloc[0]
    assert [found[c] for c in ("detected_and_used", "detected_not_used", "not_detected")] == [0.4, 0.2, 0.4]


def test_variants_that_cannot_be_bold_are_named_in_their_order():
    """The note must name them as the study has them, and one that shares no seed with the first as having none."""
    table = runs(3, ("small", "wide", "narrow"), accuracy=lambda v, _, seed: seed + len(v))
    table.loc[table["variant"] == "narrow", "seed"] += 100
    assert bold_notes(table)[-1].endswith("to reach p < .05: wide (3), narrow (0).")
