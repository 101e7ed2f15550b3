import base64
import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mixmnist.page import packing
from mixmnist.page.overview import Section, scores
from mixmnist.page.packing import SHARE, numbers, pack, shares, write_sheet
from mixmnist.page.writing import Matching, Page, write_page

BUDGET = 5_000_000  # bytes of a page


def read(folder):
    """The data that a page's scripts get."""
    text = (folder / "data.js").read_text()
    return json.loads(text.removeprefix("window.mixmnist = ").removesuffix(";\n"))


@pytest.fixture
def page(exhibits):
    """A page of two exhibits, with words that must be escaped."""
    section = Section("A study of <units>", ("Glyphs: digits.", "WARNING: small."), missing=("Units of c are not kept.",))
    return Page("A study of <units>", (section,), tuple(exhibits), (Matching(0, 1, (0, 2, 3), (1, 0, 2), (0.5, 0.25, 0.125)),))


def test_a_page_needs_nothing_from_elsewhere(page, tmp_path):
    """Whatever the page asks for must lie beside it; the only address in it is the name of SVG."""
    index = write_page(tmp_path / "report", page)
    asked = re.findall(r'(?:src|href)="([^"#]+)"', index.read_text())
    assert {"page.css", "data.js", "main.js"} <= set(asked)
    assert all(name == "data:," or (index.parent / name).is_file() for name in asked)
    texts = "".join(path.read_text() for path in index.parent.iterdir() if path.suffix in (".html", ".css", ".js"))
    assert set(re.findall(r"https?://[\w./]+", texts)) == {"http://www.w3.org/2000/svg"}


def test_the_top_is_plain_html(page, tmp_path):
    """Title, notes and what is missing must stand in the HTML itself, escaped; the rest must be announced without a script."""
    html = write_page(tmp_path / "report", page).read_text()
    assert "<h1>A study of &lt;units&gt;</h1>" in html
    assert '<p class="note warning">WARNING: small.</p>' in html
    assert '<p class="note warning">Units of c are not kept.</p>' in html
    assert "<noscript>" in html


def test_a_page_without_units_has_no_empty_parts(page, tmp_path):
    """Where there are no exhibits neither their parts nor scripts may be there."""
    html = write_page(tmp_path / "report", replace(page, exhibits=(), matchings=())).read_text()
    assert "Units of c are not kept." in html
    assert not re.search(r"id=\"(units|bench|compare|label|network)\"", html)
    assert re.findall(r"<script src=\"(\w+)", html) == ["data", "base", "notes", "tables"]


def test_scores_reach_the_page_as_they_are(page, tmp_path):
    """Alignments, means and weights must come as exact float32, curves to a ten-thousandth, units' rows with their numbers."""
    write_page(tmp_path / "report", page)
    for packed, exhibit in zip(read(tmp_path / "report")["exhibits"], page.exhibits, strict=True):
        for name, values in (("alignment", exhibit.alignment), ("means", exhibit.bench.means), ("weight", exhibit.bench.weight)):
            found = np.frombuffer(base64.b64decode({**packed, **packed["bench"]}[name]), "<f4").reshape(values.shape)
            assert np.array_equal(found, values, equal_nan=True)
        assert [row["drop"] for row in packed["units"]] == pytest.approx(exhibit.units["drop"].tolist())
        assert packed["bench"]["labels"] == exhibit.bench.labels.tolist()
        assert packed["pairs"][:2] == [[0, 1], [0, 2]]


def test_shares_keep_four_decimals():
    """A share must come back to a ten-thousandth, and nan as the number kept for it."""
    values = np.array([0.0, 0.12345, 1.0, np.nan], dtype=np.float32)
    found = np.frombuffer(base64.b64decode(shares(values)), "<u2")
    assert found[3] == SHARE + 1
    np.testing.assert_allclose(found[:3] / SHARE, values[:3], atol=1e-4)
    assert len(base64.b64decode(numbers(values))) == 16


def test_an_image_lies_in_its_place_on_the_sheet(tmp_path):
    """Unit u's image i must lie in row u and column i of the sheet, in grey and in colour."""
    grey = np.random.default_rng(0).integers(0, 256, (3, 2, 5, 4), dtype=np.uint8)
    write_sheet(grey, tmp_path / "grey.png")
    sheet = np.asarray(Image.open(tmp_path / "grey.png"))
    assert sheet.shape == (15, 8)
    assert np.array_equal(sheet[10:15, 4:8], grey[2, 1])
    colour = np.stack([grey, 255 - grey, grey // 2], axis=-1)
    write_sheet(colour, tmp_path / "colour.png")
    assert np.array_equal(np.asarray(Image.open(tmp_path / "colour.png"))[5:10, 0:4], colour[1, 0])


def test_a_crowded_page_shows_the_best_units(exhibited, tmp_path, monkeypatch):
    """Where there is room for some units only, those with the highest alignment must be shown, and the bench keep them all."""
    monkeypatch.setattr(packing, "UNITS", 2)
    monkeypatch.setattr(packing, "FEWEST_UNITS", 1)
    exhibit = exhibited(units=6)
    (packed,) = pack([exhibit], tmp_path)
    best = exhibit.units.sort_values("alignment", ascending=False)["unit"][:2]
    assert [row["unit"] for row in packed["units"]] == sorted(best)
    assert packed["n_units"] == 6
    assert [row["concept"] for row in packed["every"]] == exhibit.units["concept"].tolist()
    assert len(base64.b64decode(packed["bench"]["weight"])) == 4 * 45 * 6


def test_benches_share_their_room(exhibits, tmp_path, monkeypatch):
    """All benches together must keep to their bytes, each on as many images as the others."""
    monkeypatch.setattr(packing, "BENCHES", 4 * 7 * 100)
    assert [packed["bench"]["n"] for packed in pack(exhibits, tmp_path)] == [100, 100]


@pytest.mark.slow
def test_a_page_of_wide_layers_keeps_to_its_size(exhibited, tmp_path):
    """Even with many layers of many units a page must stay below its budget."""
    wide = exhibited(units=24)
    section = Section("wide", ())
    index = write_page(tmp_path / "report", Page("wide", (section,), tuple([wide] * 12)))
    assert sum(path.stat().st_size for path in index.parent.iterdir()) < BUDGET


def summary(study="a study", **columns):
    """A section whose summary has these columns, a row a variant."""
    n = len(next(iter(columns.values())))
    keys = {"study": study, "source": "digits", "task": "pairs", "variant": [f"v{i}" for i in range(n)], "layer": "conv3"}
    return Section(study, (), summary=pd.DataFrame(keys | columns))


def plain(text):
    """A text with plain spaces."""
    return text.replace("\N{NO-BREAK SPACE}", " ")


def test_variants_have_mean_interval_and_place():
    """Each cell must hold mean, bounds and chance, and its place between the column's lowest and highest bound."""
    table = scores([summary(accuracy=[0.5, 0.7], accuracy_lower=[0.4, 0.7], accuracy_upper=[0.6, 0.7], accuracy_n=[5, 6])])
    (first,), (second,) = (row["cells"] for row in table.rows)
    assert (table.columns[0]["name"], table.columns[0]["scale"]) == ("accuracy", "40.0 to 70.0")
    assert (plain(first["mean"]), plain(first["between"]), table.rows[0]["n"]) == (
        "50.0 %",
        "[40.0, 60.0]",
        5,
    )
    assert plain(first["beside"]) == "chance 2.2 %"
    assert [first["at_lower"], first["at_mean"], first["at_upper"]] == pytest.approx([0, 33.33, 66.67])
    assert second["between"] == "(constant)"


def test_studies_share_one_table_and_one_scale():
    """Variants of several studies must be rows of one table, the study named, each score on one scale over all of them."""
    ours = summary("first", accuracy=[0.5, 0.7], accuracy_lower=[0.4, 0.6], accuracy_upper=[0.6, 0.8], accuracy_n=[5, 5])
    theirs = summary("other", accuracy=[0.9], accuracy_lower=[0.8], accuracy_upper=[1.0], accuracy_n=[5])
    table = scores([ours, theirs])
    assert table.keys == ("study", "variant")
    assert [row["names"] for row in table.rows] == [["first", "v0"], ["first", "v1"], ["other", "v0"]]
    assert [row["cells"][0]["at_mean"] for row in table.rows] == pytest.approx([16.67, 50, 83.33])


def test_a_single_training_has_no_stroke_and_whole_counts():
    """At n = 1 there is neither stroke nor scale, and a count has no decimals; a mean of counts has one."""
    nan = float("nan")
    lone = {"detectors": [7.0, 8.0], "detectors_lower": [nan] * 2, "detectors_upper": [nan] * 2, "detectors_n": [1, 1]}
    table = scores([summary(**lone)])
    assert table.columns[0]["scale"] == ""
    assert [(row["cells"][0]["mean"], row["cells"][0]["at_lower"]) for row in table.rows] == [("7", None), ("8", None)]
    several = {"detectors": [7.8], "detectors_lower": [7.0], "detectors_upper": [8.6], "detectors_n": [5]}
    assert scores([summary(**several)]).rows[0]["cells"][0]["between"] == "[7.0,\N{NO-BREAK SPACE}8.6]"


def test_scores_that_are_not_to_be_quoted_alone_are_more():
    """What the card forbids must stand behind the box; what it says to quote must not."""
    columns = ("unique_concepts", "coverage", "detectors", "mean_drop", "max_drop")
    ends = {f"{c}{end}": [0.5] for c in columns for end in ("", "_lower", "_upper", "_n")}
    found = {column["column"]: column["more"] for column in scores([summary(**ends)]).columns}
    assert found == {"unique_concepts": False, "coverage": False, "max_drop": False, "detectors": True, "mean_drop": True}


def test_figures_that_do_not_fit_are_left_out(page, tmp_path, monkeypatch):
    """Figures must be copied while there is room, and the page must say which are left out."""
    for name, size in (("a", 100), ("b", 1000), ("c", 100)):
        (tmp_path / f"{name}.svg").write_text("x" * size)
    (tmp_path / "a.txt").write_text("What a shows.\n")
    monkeypatch.setattr("mixmnist.page.writing.FIGURES", 300)
    section = replace(page.sections[0], figures=tuple(tmp_path / f"{name}.svg" for name in "abc"))
    index = write_page(tmp_path / "report", replace(page, sections=(section,)))
    assert sorted(path.name for path in index.parent.glob("*.svg")) == ["s0-a.svg", "s0-c.svg"]
    assert "Left out, to keep the page small: b. They are beside the tables" in index.read_text()
    assert "<figcaption>What a shows.</figcaption>" in index.read_text()
    assert "<figcaption>C</figcaption>" in index.read_text()


def test_a_page_never_takes_the_place_of_something_else(tmp_path):
    """A folder that holds anything but a page must be refused and left as it is; a page is made anew."""
    (tmp_path / "keep").mkdir()
    (tmp_path / "keep" / "thesis.txt").write_text("x")
    with pytest.raises(ValueError, match=r"a page must have a folder of its own, got .*keep, which holds something else"):
        write_page(tmp_path / "keep", Page("t", ()))
    assert (tmp_path / "keep" / "thesis.txt").read_text() == "x"
    for _ in range(2):
        assert write_page(tmp_path / "page", Page("t", ())).is_file()
