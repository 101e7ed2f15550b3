"""The table that a paper prints: few columns, means with intervals in few digits, a label, a caption; sound LaTeX."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mixmnist.core import grades
from mixmnist.report.papers import IOU, USUAL, in_few_digits, write_paper_table
from mixmnist.report.reading import KEYS, StudyRecords
from mixmnist.stats import Interval

NAN = float("nan")


def study(n=10, **more):
    """Records of two variants and two layers; the second variant has higher accuracy in every seed."""
    rng = np.random.default_rng(0)
    rows = []
    for place, variant in enumerate(("base_line", "wide & open")):
        for seed in range(n):
            for layer in ("conv1", "conv3"):
                keys = {"study": "my_study", "source": "mnist", "task": "pairs", "variant": variant, "seed": seed, "block": "b"}
                row = keys | {"layer": layer, "precision": "float32", "device": "cpu", "threads": 1, "n_units": 10}
                row |= {"accuracy": 0.9 + 0.03 * place + rng.normal(0, 0.003), "unique_concepts": float(rng.integers(4, 8))}
                row |= {"coverage": rng.random(), "mean_alignment": rng.random(), "mean_drop": rng.normal(0, 0.01), "chance": 0.2}
                rows.append(row | {"reliance": 0.5 if layer == "conv3" else NAN, "dead": 0.0} | more)
    none = pd.DataFrame({"variant": [], "layer": []})
    return StudyRecords(pd.DataFrame(rows), none, none, none, {}, (), False, (), (), False, ())


def parsed(path):
    """Gives the head and the rows of a table in LaTeX, its caption, and its whole text; it must be balanced."""
    text = path.read_text()
    begun, ended = (re.findall(rf"\\{word}\{{(\w+\*?)\}}", text) for word in ("begin", "end"))
    assert begun == ended[::-1] == ["table*", "tabular"]
    bare = re.sub(r"\\[{}%&$#_]", "", text)
    depth = np.cumsum([{"{": 1, "}": -1}.get(sign, 0) for sign in bare])
    assert depth.min() >= 0 == depth[-1]
    assert bare.count("$") % 2 == 0
    assert re.search(r"(?m)^% needs", text).start() == 0
    assert not re.search(r"[%#_&~^]", "\n".join(line for line in bare.splitlines()[1:] if not line.endswith(r"\\")))
    rows = [re.split(r"(?<!\\) & ", line.removesuffix(r" \\")) for line in text.splitlines() if line.endswith(r"\\")]
    (places,) = re.findall(r"\\begin\{tabular\}\{([lrc]+)\}", text)
    assert {len(row) for row in rows} == {len(places)}
    assert [text.count(rule) for rule in (r"\toprule", r"\midrule", r"\bottomrule")] == [1, 1, 1]
    return rows[0], rows[1:], re.search(r"\\caption\{(.*)\}\n", text)[1], text


def test_the_usual_table_is_what_is_to_be_quoted(tmp_path):
    """By default there must be eight columns at most, of the last layer, a label without odd signs, and bold where it differs."""
    write_paper_table(study(), tmp_path / "v.tex")
    head, rows, caption, text = parsed(tmp_path / "v.tex")
    assert head == ["variant", "n", "accuracy", "unique concepts", "coverage", "reliance", "mean alignment"]
    assert [row[:2] for row in rows] == [[r"base\_line", "10"], [r"wide \& open", "10"]]
    assert r"\label{tab:my-study-mnist}" in text
    assert "Layer conv3." in caption
    assert "plus or minus half of the 95 \\% t interval over seeds" in caption
    assert "Chance of the alignment: 0.20." in caption
    assert rows[1][2].startswith(r"\textbf{")
    assert [cell for cell in rows[0] if "textbf" in cell] == []
    assert rows[0][-2] == r"0.500\textsuperscript{c}"
    assert "c: the same in all n seeds." in caption


def test_what_copies_share_takes_the_place_of_reliance(tmp_path):
    """Where the drop of all detectors of a concept is known it must be printed, as the drop of one misleads."""
    write_paper_table(study(mean_group_drop=0.1), tmp_path / "v.tex")
    head, _, _, _ = parsed(tmp_path / "v.tex")
    assert head[-2:] == ["mean group drop", "mean alignment"]


def test_no_usual_column_misleads_alone():
    """Of the usual columns that have a grade none may be one that the report card says not to quote alone."""
    graded = grades.RUNS | grades.UNITS
    assert [column for column in USUAL if column in graded and graded[column].say == grades.NOT_ALONE] == []
    assert [column for column in USUAL if column not in graded] == ["accuracy"]


def test_what_is_graded_best_is_there(tmp_path):
    """Where the units have the IoU of grade A its mean over them must be printed, and the caption say on how many canvases."""
    records = study(used_concepts=3.0, mean_group_drop=0.1, n_images=9000, n_silenced=9000, n_mapped=2000)
    units = pd.concat([records.runs[KEYS].assign(**{IOU: value}) for value in (0.25, 0.5)])
    write_paper_table(replace(records, units=units), tmp_path / "v.tex")
    head, rows, caption, _ = parsed(tmp_path / "v.tex")
    best = ["accuracy", "unique concepts", "used concepts", "coverage", "IoU box matched", "mean group drop"]
    assert head == ["variant", "n", *best]
    assert rows[0][6].startswith("0.375")
    assert "IoU is on the first 2,000 in conv3" in caption
    write_paper_table(records, tmp_path / "v.tex", ["accuracy"])
    assert "IoU" not in parsed(tmp_path / "v.tex")[2]


def test_columns_and_variants_are_chosen(tmp_path):
    """The columns asked for must be there in their order; with the layer among them, all layers."""
    write_paper_table(study(), tmp_path / "v.tex", ["coverage", "accuracy"], ["wide & open"])
    head, rows, caption, _ = parsed(tmp_path / "v.tex")
    assert head == ["variant", "n", "coverage", "accuracy"]
    assert len(rows) == 1
    assert "Unique concepts" not in caption
    assert "Bold" not in caption
    write_paper_table(study(), tmp_path / "v.tex", ["layer", "dead"])
    head, rows, caption, _ = parsed(tmp_path / "v.tex")
    assert head == ["variant", "layer", "n", "dead"]
    assert [row[1] for row in rows] == ["conv1", "conv3"] * 2
    assert "Layer" not in caption


@pytest.mark.parametrize(
    ("columns", "variants", "said"),
    [
        (["acuracy"], [], r"column must be a known name, got column='acuracy'\. Did you mean accuracy"),
        (["seed"], [], "column must be a known name"),
        ([], ["base_lin"], r"variant must be a known name, got variant='base_lin'\. Did you mean base_line"),
        (["accuracy"] * 7, [], r"columns must be at most 6 besides the variant and n, got 7\. Choose fewer\."),
    ],
)
def test_what_there_is_not_is_refused(tmp_path, columns, variants, said):
    """An unknown column or variant must be answered with the nearest, too many columns with how many there may be."""
    with pytest.raises(ValueError, match=said):
        write_paper_table(study(), tmp_path / "v.tex", columns, variants)
    assert not (tmp_path / "v.tex").exists()


def test_few_seeds_have_means_alone(tmp_path):
    """Below five seeds there must be no interval, and the caption must say so."""
    write_paper_table(study(n=3), tmp_path / "v.tex", ["accuracy", "unique_concepts"])
    _, rows, caption, _ = parsed(tmp_path / "v.tex")
    assert all(re.fullmatch(r"[\d.]+", cell) for row in rows for cell in row[1:])
    assert "No intervals below 5 seeds." in caption
    assert "plus or minus" not in caption


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([Interval(7.8, 7.1, 8.5, 20), Interval(3.9, 3.2, 4.6, 10)], [r"7.8 $\pm$ 0.7", r"3.9 $\pm$ 0.7"]),
        ([Interval(137.36, 131.5, 143.22, 20)], [r"137 $\pm$ 6"]),
        (
            [Interval(0.188, 0.184, 0.192, 9), Interval(0.001, 0.0007, 0.0013, 9)],
            [r"0.1880 $\pm$ 0.0040", r"0.0010 $\pm$ 0.0003"],
        ),
        ([Interval(9.0, 7.8, 10.0, 5)], ["9 {[}8, 10]"]),
        ([Interval(-0.25, -0.35, -0.15, 5)], [r"$-$0.2 $\pm$ 0.1"]),
        ([Interval(NAN, NAN, NAN, 0), Interval(10.0, NAN, NAN, 1)], ["--", "10"]),
        ([Interval(0.5, 0.5, 0.5, 8)], [r"0.500\textsuperscript{c}"]),
    ],
)
def test_digits_are_as_many_as_the_interval_bears(found, expected):
    """A mean must have the digits of half its interval, one format a column; cut intervals have both ends."""
    assert in_few_digits(found) == expected
