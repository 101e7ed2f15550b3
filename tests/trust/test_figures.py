"""Figures of analyses: drawn anew from their tables, fit for a paper, and true to those tables."""

import ast
import inspect
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import FillBetweenPolyCollection, LineCollection, PathCollection
from matplotlib.colors import to_hex, to_rgba
from matplotlib.figure import Figure

from mixmnist.core import code, registry, sums
from mixmnist.core.thresholds import THRESHOLD
from mixmnist.report.drawing import COLUMNS, Album, Look, style
from mixmnist.trust import _plots, _squares, card, draw_analyses, fooled, matching, null, rotation
from mixmnist.trust._columns import KINDS
from mixmnist.trust._layers import IMAGES

REFERENCE = Path(__file__).resolve().parents[2] / "results" / "reference" / "trust" / "mnist"
FIGURES = {  # what each analysis draws
    "card": {"heat_map", "response_curves_detects", "response_curves_places", "response_curves_acts"},
    "fooled": {"fooled"},
    "matching": {"recurrence", "correlations"},
    "null": {"alignments", "planted"},
    "rotation": {"rotation"},
}


class Kept:
    """A figure as it was handed to the album."""

    def __init__(self, figure: Figure, data: pd.DataFrame, text: str):
        self.figure, self.data, self.text = figure, data, text
        self.panels = [ax for ax in figure.axes if ax.axison]
        legends = [*figure.legends, *(ax.get_legend() for ax in figure.axes if ax.get_legend())]
        self.legend = [text.get_text() for legend in legends for text in legend.get_texts()]


@pytest.fixture
def kept(monkeypatch):
    """The figures that are handed to an album, by name; none is written."""
    found = {}
    monkeypatch.setattr(Album, "save", lambda _, figure, data, name, text: found.update({name: Kept(figure, data, text)}))
    with style(Look()):
        yield found


def album(columns="two"):
    """An album that nothing is written into."""
    return Album(Path("nowhere"), Look(columns=columns), ())


@pytest.mark.parametrize("columns", COLUMNS)
@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_fits_its_columns(kept, check_paper, name, columns):
    """At both widths the reference's figures must have letters that can be read, none over others or beyond the edge."""
    with style(Look(columns=columns)):
        registry.choose("analyses", name).draw(REFERENCE / "analyses" / name, album(columns))
        assert set(kept) == FIGURES[name]
        for one in kept.values():
            check_paper(one.figure, columns)


@pytest.fixture
def folder(tmp_path):
    """A study's folder with the reference's analyses, and nothing else."""
    home = tmp_path / "trust" / "mnist"
    shutil.copytree(REFERENCE / "analyses", home / "analyses")
    shutil.copy(REFERENCE / "study.json", home)
    return home


def test_figures_are_drawn_anew_without_computing(folder, monkeypatch):
    """Tables must stay byte for byte, what an analysis was made from as well; figures come in the look asked for, sealed."""
    for name in FIGURES:
        monkeypatch.setattr(f"mixmnist.trust.{name}.run", lambda *_: pytest.fail("computed"))
    before = {path: path.read_bytes() for path in folder.glob("analyses/*/*") if path.suffix in (".md", ".tex")}
    before |= {path: path.read_bytes() for path in folder.glob("analyses/*/*.csv") if not path.with_suffix(".png").exists()}
    made_from = {name: json.loads((folder / "analyses" / name / "analysis.json").read_text()) for name in FIGURES}
    draw_analyses(folder, Look(("svg",), columns="one"), tell=pytest.fail)
    assert {path: path.read_bytes() for path in before} == before
    assert len(before) > 40
    for name, figures in FIGURES.items():
        home = folder / "analyses" / name
        assert {path.stem for path in home.glob("*.svg")} == {path.stem for path in home.glob("*.txt")} == figures
        assert list(home.glob("*.png")) == []
        wide = re.search(r'<svg [^>]*?width="([\d.]+)pt"', next(home.glob("*.svg")).read_text())[1]
        assert float(wide) / 72 == pytest.approx(3.3, abs=1e-3)
        assert sums.trouble(home / sums.ANALYSIS) is None
        now = sums.read_sealed(home / sums.ANALYSIS)
        assert {key: now[key] for key in ("records", "code")} == {key: made_from[name][key] for key in ("records", "code")}
        assert {f"{one}.txt" for one in figures} <= set(now["files"])


def test_what_is_damaged_or_lacks_a_table_is_left_as_it_is(folder):
    """A damaged analysis must not be sealed anew, and one without a table that its figure needs must be told, and stay."""
    (folder / "analyses" / "rotation" / "curves.csv").write_text("a,b\n")
    (folder / "analyses" / "fooled" / "fooled.csv").unlink()
    known = sums.read_sealed(folder / "analyses" / "matching" / "analysis.json")
    (folder / "analyses" / "matching" / "digits.csv").unlink()
    sums.write_sealed(folder / "analyses" / "matching" / "analysis.json", {"records": known["records"], "code": known["code"]})
    before = {
        path: path.read_bytes() for name in ("rotation", "fooled", "matching") for path in folder.glob(f"analyses/{name}/*")
    }
    said = []
    draw_analyses(folder, Look(("svg",)), tell=said.append)
    assert {path: path.read_bytes() for path in before} == before
    assert len(said) == 1
    assert said[0].startswith("The figures of the analysis matching are not drawn anew (FileNotFoundError: ")
    assert said[0].endswith("digits.csv'); `mixmnist run` makes it again.")
    assert (folder / "analyses" / "card" / "heat_map.svg").is_file()


def test_what_is_committed_stays(folder):
    """Kept files must stay as they are, their seal with them; what is not kept is drawn."""
    home = folder / "analyses" / "fooled"
    keep = {path: path.read_bytes() for path in home.iterdir()}
    draw_analyses(folder, Look(("svg",)), keep)
    assert {path: path.read_bytes() for path in keep} == keep
    assert (home / "fooled.svg").is_file()
    assert sums.trouble(home / sums.ANALYSIS) is None


def test_drawing_makes_no_analysis_old():
    """What draws must not enter a digest: it may be named in `draw` alone, and may be left out of what is followed."""
    assert {"mixmnist.trust._plots", "mixmnist.trust._squares"} <= set(code.CUT)
    for name in FIGURES:
        parsed = ast.parse(
            Path(inspect.unwrap(registry.choose("analyses", name).draw).__code__.co_filename).read_text(encoding="utf-8")
        )
        parts = {part.name for part in parsed.body if isinstance(part, ast.FunctionDef) and "_plots." in ast.unparse(part)}
        parts |= {part.name for part in parsed.body if isinstance(part, ast.FunctionDef) and "_squares." in ast.unparse(part)}
        assert parts == {"draw"}


def lines(ax, what):
    """The reference lines of a panel that stand for something, as pairs of points."""
    own = [line.get_xydata() for line in ax.lines if line.get_gid() == what]
    return own + [
        path for c in ax.collections if c.get_gid() == what and isinstance(c, LineCollection) for path in c.get_segments()
    ]


def bands(ax):
    """The bands of a panel that have a width somewhere."""
    found = [c for c in ax.collections if isinstance(c, FillBetweenPolyCollection)]
    return [c for c in found if c.get_paths() and np.isfinite(c.get_paths()[0].vertices).all()]


def test_the_null_is_drawn_where_the_table_has_it(kept):
    """Chance and the null's 95 % must lie at the variant's means, and points be marked by p_layer as the legend says."""
    rng = np.random.default_rng(0)
    rows = [
        {"variant": v, "origin": o, "seed": s, "unit": u, "alignment": rng.random(), "chance": 0.1 + 0.2 * i + rng.random() / 9}
        | {"null_95": 0.3 + 0.2 * i + rng.random() / 9, "p_layer": rng.random() / (5 if i else 30)}
        for i, (v, o) in enumerate((("baseline", "trained"), ("untrained", "untrained")))
        for s in range(2)
        for u in range(8)
    ]
    units = pd.DataFrame(rows)
    units.loc[3, ["alignment", "p_layer"]] = np.nan
    _plots.alignments(album(), units, IMAGES, null.LEVEL)
    one = kept["alignments"]
    (ax,) = one.panels
    assert {c.get_gid() for c in [*ax.lines, *ax.collections]} - {None} == {"threshold", "chance", "95 % of the null"}
    for what, column in (("chance", "chance"), ("95 % of the null", "null_95")):
        assert what in one.legend
        means = units.dropna(subset="alignment").groupby("variant", sort=False)[column].mean()
        drawn_at = np.array([(line[:, 0].mean(), line[0, 1]) for line in lines(ax, what)])
        np.testing.assert_allclose(drawn_at, list(enumerate(means)), atol=1e-12)
    assert {tuple(line[:, 1]) for line in lines(ax, "threshold")} == {(THRESHOLD, THRESHOLD)}
    assert "detector (.80)" in one.legend
    dots = [len(c.get_offsets()) for c in ax.collections if isinstance(c, PathCollection)]  # significant, not; of each variant
    expected = [
        int(f(g["p_layer"]).sum()) for _, g in units.groupby("variant") for f in (lambda p: p < 0.05, lambda p: p >= 0.05)
    ]
    assert dots == expected
    assert f"p_layer < {null.LEVEL}, by the highest unit of the layer" in one.text
    assert f"{IMAGES} test canvases" in one.text
    assert "baseline n=2, untrained n=2" in one.text


def test_planted_p_values_are_beside_the_uniform_line(kept):
    """The thin line must be the diagonal, and the p-values in the caption those of the test."""
    present = np.random.default_rng(0).random((80, 3)) < 0.4
    planted = null.planted_p_values(null.torch.from_numpy(present), 30, 40, seed=1)
    uniform = null.held_against_uniform(planted)
    _plots.planted_p_values(album(), planted, uniform, 80)
    one = kept["planted"]
    assert "thin: uniform" in one.text
    for ax, (what, group) in zip(one.panels, planted.groupby("score", sort=False), strict=True):
        (line,) = lines(ax, "uniform")
        assert line.tolist() == [[0, 0], [1, 1]]
        assert ax.get_title().replace("\n", " ") == what
        for curve, (kind, own) in zip(
            [c for c in ax.lines if c.get_gid() is None], group.groupby("responses", sort=False), strict=True
        ):
            assert curve.get_label() == kind
            np.testing.assert_array_equal(curve.get_ydata(), own["p"])
    for row in uniform.itertuples():
        assert f"{row.responses} / {row.score} {row.p:.2f}" in one.text


def test_a_rotation_is_drawn_as_means_over_rotations_and_seeds(kept):
    """Lines must be the means of the seeds' means, and bands stay where the number can be."""
    rng = np.random.default_rng(0)
    rows = [
        {"variant": v, "seed": s, "rotation": r, "alpha": a} | {name: float(rng.random() > 0.8) for name in rotation.NUMBERS}
        for v in ("baseline", "wide")
        for s in range(6)
        for r in range(2)
        for a in (0.0, 0.5, 1.0)
    ]
    curves = pd.DataFrame(rows)
    _plots.rotated(album(), curves, rotation.SHOWN)
    one = kept["rotation"]
    for ax, (number, title) in zip(one.panels, rotation.SHOWN.items(), strict=True):
        assert ax.get_title() == title
        for line, (variant, own) in zip(ax.lines, curves.groupby("variant"), strict=True):
            by_seed = own.groupby(["alpha", "seed"])[number].mean().groupby("alpha").mean()
            assert (line.get_label(), line.get_ydata()) == (variant, pytest.approx(by_seed.to_numpy()))
        assert len(bands(ax)) == 2
    assert one.data["lower"].min() == 0  # cut
    assert "cut where a number ends" in one.text


def test_recurrence_shows_the_shares_and_boxes_of_its_tables(kept):
    """Each cell must print its digit's share, 1 where every seed has it, and each box the quantiles of its pair of variants."""
    shares = {"a": (1.0, 0.5, 0.0), "b": (0.25, 1.0, 0.75)}
    rows = [{"variant": v, "digit": str(d), "share": s, "seeds": 4} for v, own in shares.items() for d, s in enumerate(own)]
    digits = pd.DataFrame(rows)
    quantiles = [f"q{round(100 * q)}" for q in matching.WHISKERS]
    rows = [
        {"variant": v, "other": o, "what": w} | dict(zip(quantiles, np.linspace(0.1 + i / 10, 0.5 + i / 10, 5), strict=True))
        for i, (v, o, w) in enumerate((v, o, w) for v, o in (("a", "a"), ("a", "b"), ("b", "b")) for w in ("matched", "null"))
    ]
    boxes = pd.DataFrame(rows)
    _squares.recurrence(album(), digits)
    _plots.correlations(album(), boxes, quantiles)
    (left,), (right,) = kept["recurrence"].panels, kept["correlations"].panels
    assert left.images[0].get_array().tolist() == [list(own) for own in shares.values()]
    assert [t.get_text() for t in left.texts] == ["1", ".50", ".00", ".25", "1", ".75"]
    assert [t.get_text() for t in right.get_yticklabels()] == ["a", "b", "a - b"]
    assert "Grey: matched; white: null" in kept["correlations"].text
    assert kept["correlations"].legend == ["matched units", "null: images of one permuted"]
    for patch in right.patches:
        place = patch.get_path().vertices[:4, 1].mean()
        pair = [("a", "a"), ("b", "b"), ("a", "b")][round(place)]
        what = {to_hex("0.45"): "matched", to_hex("white"): "null"}[to_hex(patch.get_facecolor())]
        row = boxes[(boxes["variant"] == pair[0]) & (boxes["other"] == pair[1]) & (boxes["what"] == what)]
        assert sorted(set(patch.get_path().vertices[:4, 0].round(6))) == pytest.approx(row[["q25", "q75"]].to_numpy()[0].tolist())
    assert f">= {THRESHOLD:.2f}".replace("0.", ".") in kept["recurrence"].text
    assert "Seeds: a n=4, b n=4." in kept["recurrence"].text
    assert "quartiles, whiskers 5 and 95 %" in kept["correlations"].text
    assert quantiles == ["q5", "q25", "q50", "q75", "q95"]


def squares(ax):
    """The colour of each square of a picture of squares, None where it is white."""
    image = ax.images[0]
    values = np.ma.masked_invalid(image.get_array())
    colours = image.cmap(image.norm(values))  # rows cols 4
    return [
        [None if mask else to_hex(one) for mask, one in zip(*row, strict=True)]
        for row in zip(np.ma.getmaskarray(values), colours, strict=True)
    ]


@pytest.mark.parametrize("untold", [True, False])
def test_squares_of_fooled_mean_what_the_caption_says(kept, untold):
    """Dark must be fooled, light not, white with a number a score that does not tell, white without one no score."""
    row = {"held_against": "detects", "perfect": 1.0, "chance": 0.2} | dict.fromkeys(fooled.FOOLS, 0.9)
    said = {f"{name}_fools": name == "precise" for name in fooled.FOOLS}
    rows = [row | said | {"score": "tells"}]
    if untold:
        rows.append(row | dict.fromkeys(said) | {"score": "same", "perfect": 0.2})
    rows.append(row | said | {"score": "gaps", "dead": np.nan, "dead_fools": None})
    found = pd.DataFrame(rows)
    _squares.fooled(album(), found, fooled.FOOLS, fooled._meanings(found))
    one = kept["fooled"]
    (ax,) = one.panels
    written = {(round(t.get_position()[1]), round(t.get_position()[0])): t.get_text() for t in ax.texts}
    assert [t.get_text() for t in ax.get_xticklabels()] == ["perfect", "chance", *fooled.FOOLS]
    colours, seen = squares(ax), set()
    for y, known in enumerate(rows):
        assert written[y, 0] == {1.0: "1", 0.2: ".20"}[known["perfect"]]
        for x, name in enumerate(fooled.FOOLS, start=2):
            answer, number = known[f"{name}_fools"], not np.isnan(known[name])
            assert written.get((y, x)) == (".90" if number else None)
            kind = "white" if colours[y][x] is None else "dark" if sum(to_rgba(colours[y][x])[:3]) < 1.5 else "light"
            assert kind == {True: "dark", False: "light", None: "white"}[answer]
            seen.add((kind, number))
    meanings = {
        ("dark", True): "Dark: fooled",
        ("light", True): "light: not fooled",
        ("white", True): "white with a number: the score gives a perfect detector what chance has, so nothing can fool it",
        ("white", False): "white without: no score",
    }
    assert {kind for kind, words in meanings.items() if words in one.text} == seen
    assert (("white", True) in seen) == untold


TESTS = pd.DataFrame(
    {
        "metric": ["p", "a", "a", "d"],
        "score": ["p", "a", "b", "d"],
        "grade": ["A", "B", "C", "D"],
        "held_against": ["places", "acts", "acts", "detects"],
        "missing_0.25_passed": [True, np.nan, np.nan, False],
        "dial_shift_passed": [False, True, False, np.nan],
        "dial_false_alarms_passed": [True, False, False, True],
        "sd_passed": [np.nan] * 4,
    }
)


def test_squares_of_the_card_mean_what_the_caption_says(kept):
    """Light must be passed, red with an x failed, white not asked; the kinds in the caption's order, a border between them."""
    _squares.heat_map(album(), TESTS, 10_000)
    one = kept["heat_map"]
    (ax,) = one.panels
    rows = [text.get_text().split()[0] for text in ax.get_yticklabels()]
    assert rows == ["a", "b", "d", "p"]
    words = ["what a unit is worth (acts)", "whether it detects", "whether its map lies"]
    assert [one.text.index(word) for word in words] == sorted(one.text.index(word) for word in words)
    assert [text.get_text() for text in ax.get_xticklabels()] == [".25", "shift", "false alarms"]
    assert "3 tests, most on 10,000 planted images" in one.text
    crosses = {(round(t.get_position()[1]), round(t.get_position()[0])) for t in ax.texts if t.get_text() == "x"}
    for y, name in enumerate(rows):
        known = TESTS.set_index("score").loc[name].filter(like="_passed").drop("sd_passed")
        for x, passed in enumerate(known):
            colour = squares(ax)[y][x]
            assert (colour is None) == pd.isna(passed)
            assert ((y, x) in crosses) == (not pd.isna(passed) and not passed)
            if colour is not None:
                red, _, blue, _ = to_rgba(colour)
                assert (red > blue) == (not pd.isna(passed) and not passed)
    assert "Light: passed; red with x: failed; white: does not apply." in one.text
    assert [line[0, 1] for line in lines(ax, "border")] == [1.5, 2.5]
    assert {"labels\nmissing", "along a dial of"} <= {text.get_text() for text in ax.texts}


def test_over_one_column_the_card_counts_what_fails(kept):
    """Each metric's first score must have, of each group of tests, the number that fails, and nothing where none does."""
    _squares.heat_map(album("one"), TESTS, 10_000)
    (ax,) = kept["heat_map"].panels
    assert [text.get_text().split()[0] for text in ax.get_yticklabels()] == ["a", "d", "p"]
    assert [text.get_text() for text in ax.get_xticklabels()] == ["missing (1)", "dials (2)"]
    written = {(round(t.get_position()[1]), round(t.get_position()[0])): t.get_text() for t in ax.texts}
    assert written == {(0, 1): "1", (1, 0): "1", (2, 1): "1"}
    assert [[colour is None for colour in row] for row in squares(ax)] == [[True, False], [False, False], [False, False]]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("columns", COLUMNS)
def test_response_curves_stand_beside_the_truth(kept, kind, columns):
    """In each small panel grey must be the truth, black the scaled score, both cut where the caption says, between 0 and 1."""
    rng = np.random.default_rng(0)
    rows = [
        {
            "metric": m,
            "score": s,
            "kind": kind,
            "dial": d,
            "level": v,
            "value": 0.0,
            "scaled": rng.normal(0, 2),
            "truth": 2 * v - 1,
        }
        for m, s in (("first", "first"), ("first", "again"), ("second", "second"))
        for d in card.DIALS
        for v in card.LEVELS
    ]
    curves = pd.DataFrame(rows)
    _plots.response_curves(album(columns), curves, KINDS[kind], card.DIALS_SAID, f"response_curves_{kind}")
    one = kept[f"response_curves_{kind}"]
    assert KINDS[kind] in one.text
    assert all(what in one.text for what in card.DIALS_SAID.values())
    cut = tuple(float(number) for number in re.search(r"Cut at (-?[\d.]+) and (-?[\d.]+)\.", one.text).groups())
    dials = [text.get_text().replace("\n", "_") for ax in one.panels for text in ax.get_xticklabels()]
    assert dials == list(card.DIALS) == list(card.DIALS_SAID)
    drawn = {
        what: [line for ax in one.panels for line in ax.lines if line.get_gid() == what] for what in ("scale", "score", "truth")
    }
    assert len(drawn["scale"]) == 2 * len(drawn["score"]) == 2 * len(drawn["truth"]) == 2 * 2 * len(dials)
    by_place = {}
    for ax in one.panels:
        names = [text.get_text() for text in ax.get_yticklabels()]
        assert names == ["second", "first"]
        own = [text.get_text().replace("\n", "_") for text in ax.get_xticklabels()]
        for number, (zero, unity, truth, score) in enumerate(zip(*[iter(ax.lines)] * 4, strict=True)):
            x, y = int(score.get_xdata()[0]), int(zero.get_ydata()[0])
            by_place[own[x], names[y]] = number
            known = curves[(curves["dial"] == own[x]) & (curves["score"] == names[y])]
            bottom, top = zero.get_ydata()[0], unity.get_ydata()[0]
            for line, column in ((truth, "truth"), (score, "scaled")):
                np.testing.assert_allclose((line.get_ydata() - bottom) / (top - bottom), known[column].clip(*cut))
            assert [line.get_gid() for line in (zero, unity, truth, score)] == ["scale", "scale", "truth", "score"]
            assert 0 <= min(score.get_ydata()) - y < max(score.get_ydata()) - y < 1
    assert len(by_place) == 2 * len(dials)
