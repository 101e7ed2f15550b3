import math

import pandas as pd
import pytest

from mixmnist.core import storage
from mixmnist.report import tables
from mixmnist.report.escaping import for_latex
from mixmnist.report.tables import HEADLINE, LARGEST, write_table


def numbers(n_rows):
    """Gives a table of so many rows, each about 40 bytes for people and its own number."""
    return pd.DataFrame({"unit": range(n_rows), "alignment": [i / n_rows for i in range(n_rows)], "concept": ["digit"] * n_rows})


def test_a_large_table_is_in_its_csv_alone(tmp_path):
    """A table of more than 200 kB must keep its notes in the md, which says how many rows are in which csv; and have no tex."""
    table = numbers(10_000)
    write_table(tmp_path, "units", table, ["A row a unit."])
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "units.csv"), table)
    assert (tmp_path / "units.md").read_text() == "A row a unit.\n\nIts 10,000 rows, too many to read, are in units.csv.\n"
    assert not (tmp_path / "units.tex").exists()


def test_a_table_that_grew_leaves_no_old_tex(tmp_path):
    """Where a small table was, a large one must take its place whole."""
    for n_rows, files in ((10, {"units.csv", "units.md", "units.tex"}), (10_000, {"units.csv", "units.md"})):
        storage.publish(tmp_path / "tables", lambda partial, n=n_rows: write_table(partial, "units", numbers(n), ["note"]))
        assert {path.name for path in (tmp_path / "tables").iterdir()} == files


@pytest.mark.parametrize("ending", ["md", "tex"])
def test_the_largest_table_that_is_written_out(tmp_path, monkeypatch, ending):
    """A table must be written out up to the last byte that is allowed, and no further, in the larger of its two formats."""
    table = numbers(100) if ending == "md" else pd.DataFrame({"a": ["#_%&" * 20] * 100})  # each of which tex writes as two
    write_table(tmp_path, "whole", table, ["note"])
    size, other = ((tmp_path / f"whole.{kind}").stat().st_size for kind in (ending, {"md": "tex", "tex": "md"}[ending]))
    assert LARGEST > size > other
    for largest, written in ((size, True), (size - 1, False)):
        monkeypatch.setattr(tables, "LARGEST", largest)
        storage.publish(tmp_path / "tables", lambda partial: write_table(partial, "whole", table, ["note"]))
        assert (tmp_path / "tables" / "whole.tex").exists() == written
        assert ("too many to read" not in (tmp_path / "tables" / "whole.md").read_text()) == written


def runs_of(n, **columns):
    """Runs of the variants baseline and wide at one layer; each column is the baseline's values and what is added for wide."""
    parts = []
    for place, variant in enumerate(("baseline", "wide")):
        numbers = {name: [v + place * more for v in values] for name, (values, more) in columns.items()}
        keys = {"study": "s", "source": "x", "task": "t", "variant": variant, "layer": "conv3", "seed": range(n)}
        parts.append(pd.DataFrame(keys | numbers))
    return pd.concat(parts, ignore_index=True)


def test_bold_is_corrected_among_one_variants_scores_at_one_layer():
    """Ten seeds that all agree must be bold however many variants and layers there are: .00195 times 12 scores is below .05."""
    few = {name: ([0.1] * 10, 0.0) for name in HEADLINE if name not in ("accuracy", "chance", "seconds")}
    runs = runs_of(10, accuracy=([0.9] * 10, 0.01), **few)
    third = [runs[runs["variant"] == "wide"].assign(variant=f"other-{i}", accuracy=0.9) for i in range(20)]
    every = pd.concat([runs, *third])
    every = pd.concat([every, every.assign(layer="conv2", accuracy=0.9)])
    assert tables.differences(every) == {("wide", "conv3", "accuracy")}
    assert len(few) + 1 == 12


@pytest.mark.parametrize(("n", "bold"), [(5, False), (7, False), (8, False), (9, True), (10, True)])
def test_a_table_says_where_nothing_can_be_bold(n, bold):
    """Of 12 scores nine pairs can reach p < .05 and eight cannot: the note must name the variants with too few, and how many."""
    columns = {name: ([0.1] * n, 0.2) for name in HEADLINE if name not in ("chance", "seconds")}
    runs = runs_of(n, **columns)
    assert bool(tables.differences(runs)) == bold
    notes = tables.bold_notes(runs)
    few = f"Nothing is bold where too few seeds are paired with those of baseline to reach p < .05: wide ({n})."
    assert (few in notes) != bold
    assert any(note.startswith("Bold: differs from baseline (paired by seed") for note in notes) == bold


def test_few_scores_need_fewer_seeds_and_a_lone_variant_no_note():
    """A family of two scores reaches p < .05 with eight pairs; without a second variant there is nothing to say."""
    runs = runs_of(8, accuracy=([0.1] * 8, 0.2), coverage=([0.1] * 8, 0.0))
    assert tables.differences(runs) == {("wide", "conv3", "accuracy")}
    assert len(tables.bold_notes(runs)) == 1
    assert tables.bold_notes(runs[runs["variant"] == "baseline"]) == []


def test_no_printed_interval_leaves_its_scores_range():
    """Each bound beyond a score's range must lie at its end and be marked, and the note must say what the mark means."""
    low = [0.0, 0.0, 0.0, 0.0, 0.0, 0.3]
    runs = runs_of(6, coverage=(low, 0.0), accuracy=([1 - v for v in low], 0.0), mean_drop=(low, 0.0), detectors=(low, 0.0))
    variants = tables.summarise(runs)
    assert (variants["coverage_lower"] == 0).all()
    assert (variants["accuracy_upper"] == 1).all()
    assert (variants["detectors_lower"] == 0).all()
    assert (variants["mean_drop_lower"] < 0).all()  # a drop may be negative
    shown = tables.for_people(variants)
    assert shown["coverage"][0] == "0.050 [0.000*, 0.179]"
    assert shown["accuracy"][0] == "0.950 [0.821, 1.000*]"
    assert "*" not in shown["mean_drop"][0]
    assert tables.CUT in tables.interval_note(variants)
    assert tables.CUT not in tables.interval_note(tables.summarise(runs.drop(columns=["coverage", "accuracy", "detectors"])))


def test_a_table_of_some_variants_with_few_seeds_says_both():
    """Where one variant has intervals and another too few seeds, the note must explain the brackets and their lack."""
    runs = runs_of(6, accuracy=([0.1, 0.2, 0.3, 0.4, 0.2, 0.3], 0.1))
    note = tables.interval_note(tables.summarise(runs[(runs["variant"] == "baseline") | (runs["seed"] < 3)]))
    assert "95 % t interval over seeds; no intervals below 5 seeds; below 10 seeds no verdict." in note


def test_a_share_in_the_runs_has_its_binomial_interval():
    """A column that is 0 or 1 in each run must be summarised as a share: 6 of 6 has the lower bound .541."""
    variants = tables.summarise(runs_of(6, has_sharp_detector=([1.0] * 6, 0.0)))
    assert variants["has_sharp_detector_lower"][0] == pytest.approx(0.025 ** (1 / 6))
    assert variants["has_sharp_detector_upper"][0] == 1


def test_no_count_goes_beyond_what_there_is_to_count():
    """Of ten digits no interval may say eleven, nor of four units five; of a task that nobody knows nothing is cut."""
    counts = [9.0, 10.0, 10.0, 10.0, 10.0, 10.0]
    runs = runs_of(6, unique_concepts=(counts, 0.0), detectors=([4.0] * 5 + [3.0], 0.0), n_units=([4] * 6, 0))
    found = tables.summarise(runs.assign(task="pairs"))
    assert found["unique_concepts_upper"].tolist() == [10.0] * len(found)
    assert found["detectors_upper"].tolist() == [4.0] * len(found)
    assert (tables.summarise(runs.assign(task="letters"))["unique_concepts_upper"] > 10).all()
    assert "10.000*]" in tables.for_people(found)["unique_concepts"].iloc[0]


@pytest.mark.parametrize("bold", [set(), {("wide", "conv3", "a_b")}])
def test_latex_is_what_pandas_writes(tmp_path, bold):
    """A tex must be, byte for byte, what pandas makes of the escaped cells."""
    table = pd.DataFrame(
        {"variant": ["base & line", "wide"], "layer": "conv3", "a_b": [0.5, math.nan], "n": [5, 3], "said": ["[1, 2]", "50 %"]}
    )
    tables._write_for_people(tmp_path, "some", table, ["A `note`.", "100 %"], bold)
    cells = table.map(lambda v: for_latex("" if v != v else f"{v:.3f}" if isinstance(v, float) else str(v)))
    if bold:
        cells.loc[1, "a_b"] = rf"\textbf{{{cells.loc[1, 'a_b']}}}"
    cells.columns = [for_latex(column) for column in cells.columns]
    theirs = cells.to_latex(index=False, escape=False, caption=r"A note. 100 \%", column_format="lllll")
    assert (tmp_path / "some.tex").read_text() == theirs.replace("{table}", "{table*}")


def test_what_is_too_large_in_markdown_is_not_written_in_latex_first(tmp_path, monkeypatch):
    """The units of a study are too many for people: no second form of them may be made, only to be thrown away."""
    monkeypatch.setattr(tables, "_as_latex", None)
    write_table(tmp_path, "units", numbers(10_000), ["A row a unit."])
    assert "too many to read" in (tmp_path / "units.md").read_text()
