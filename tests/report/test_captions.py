"""What captions, legends and reference lines say is what the figures' numbers are; of the reports and of the analyses."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import FillBetweenPolyCollection, LineCollection, PathCollection
from matplotlib.colors import to_hex, to_rgba
from matplotlib.figure import Figure

from mixmnist.core.records import Variant
from mixmnist.core.thresholds import THRESHOLD
from mixmnist.report import lines as of_lines
from mixmnist.report import plots
from mixmnist.report.drawing import Album, Look
from mixmnist.report.pictures import CARD
from mixmnist.report.reading import StudyRecords
from mixmnist.stats import t_interval, within
from mixmnist.trust import card, fooled, matching, null, rotation
from mixmnist.trust._columns import ACTS, KINDS, Column
from mixmnist.trust._grading import Cell, Graded
from mixmnist.trust._layers import IMAGES
from mixmnist.trust._networks import Recorded

PACKAGE = Path(plots.__file__).parents[1]
SEEDS = {"one": 6, "two": 6, "three": 4}  # of each variant; the last has too few for an interval
UNITS = 7
DASHED = {"--": "dashed", ":": "dotted"}
WORDS = {"threshold": "threshold", "chance": "chance", "equal": "both drops equal"}  # what a caption calls a line


@dataclass(frozen=True)
class Kept:
    """A figure as it was handed to the album."""

    figure: Figure
    data: pd.DataFrame
    text: str

    @property
    def panels(self):
        """The axes on which something is drawn."""
        return [ax for ax in self.figure.axes if ax.axison]

    @property
    def legend(self):
        """Every label of every legend."""
        legends = [*self.figure.legends, *(ax.get_legend() for ax in self.figure.axes if ax.get_legend())]
        return [text.get_text() for legend in legends for text in legend.get_texts()]


@pytest.fixture
def kept(monkeypatch):
    """The figures that are handed to an album, by name; none is written."""
    found = {}
    monkeypatch.setattr(Album, "save", lambda _, figure, data, name, text: found.update({name: Kept(figure, data, text)}))
    return found


@pytest.fixture
def records(tmp_path):
    """Records of three variants whose tasks differ in prevalence, with dead units, useless concepts and few seeds of one."""
    rng = np.random.default_rng(0)
    runs, units, concepts, curves, tops = [], [], [], [], {}
    for place, (variant, n_seeds) in enumerate(SEEDS.items()):
        for seed in range(n_seeds):
            keys = {
                "study": "s",
                "source": "mnist",
                "task": "t",
                "variant": variant,
                "seed": seed,
                "block": "b",
                "layer": "conv3",
            }
            numbers = {name: rng.random() for name in ("accuracy", *of_lines.BY_NUMBER)}
            runs.append(keys | {"precision": "float32", "device": "cpu", "threads": 1} | numbers)
            for unit in range(UNITS):
                row = keys | {"unit": unit, "concept": "1", "max_class": "01", "chance": 0.1 + 0.3 * place + rng.random() / 20}
                dead = unit == seed
                row |= {"alignment": np.nan if dead else rng.random(), "drop": rng.normal(0, 0.1)}
                units.append(row | {"drop_mean": rng.random(), "max_class_drop": rng.random()})
            for concept in ("0", "1", "2"):
                row = keys | {"concept": concept, "useless": concept == "2", "unit": 1, "alignment": rng.random()}
                precisions = {column: rng.random() for column in CARD}
                concepts.append(row | precisions | {"chance": 0.2 + 0.2 * place + int(concept) / 50})
            for n in range(UNITS + 1):
                orders = [f"{order}{end}" for order in of_lines.ORDERS for end in ("", of_lines.MEAN)]
                curves.append(keys | {"n": n} | {column: rng.random() for column in (*orders, *of_lines.CLASS_CURVES)})
            path = tmp_path / f"{variant}{seed}.npz"
            images = rng.integers(0, 255, (UNITS, 5, 8, 9), dtype=np.uint8)
            np.savez(path, first=images[0], first_classes=np.array(list("abcde")), images=images)
            tops[variant, seed] = path
    tables = (pd.DataFrame(rows) for rows in (runs, units, concepts, curves))
    return StudyRecords(*tables, tops, (), False, (), (), False, ())


def drawn(kept, records, name):
    """Draws one figure of a study."""
    plots.draw_figures(records, Path("nowhere"), Look(), (name,))
    return kept[name]


def lines(ax, what):
    """The reference lines of a panel that stand for something, as pairs of points."""
    own = [line.get_xydata() for line in ax.lines if line.get_gid() == what]
    return own + [
        path for c in ax.collections if c.get_gid() == what and isinstance(c, LineCollection) for path in c.get_segments()
    ]


def points(ax):
    """How many points are seen in a panel."""
    offsets = [np.ma.filled(c.get_offsets().astype(float), np.nan) for c in ax.collections if isinstance(c, PathCollection)]
    return sum(int(np.isfinite(found).all(axis=1).sum()) for found in offsets)


def told(one):
    """Gives what the reference lines stand for; each must be in the legend, or in the caption by its dashes and its meaning.

    No dashes may be in the caption that no line has, and no line across a panel may stand for nothing.
    """
    text, seen, dashes = one.text.lower(), set(), set()
    for ax in one.panels:
        for line in (line for line in ax.lines if line.get_linestyle() != "None"):  # means are points
            what, in_legend = line.get_gid(), line.get_label() in one.legend
            assert what is not None or in_legend or len(line.get_xydata()) > 2, text
            if what is not None and not in_legend:
                dashes.add(DASHED[line.get_linestyle()])
                assert re.search(rf"{DASHED[line.get_linestyle()]}: [^.;]*{WORDS[what]}", text), (what, text)
        bars = {c.get_gid() for c in ax.collections if isinstance(c, LineCollection)}
        assert all(any(WORDS[what] in label for label in one.legend) for what in bars - {None})
        seen |= bars - {None} | {line.get_gid() for line in ax.lines} - {None}
    assert {dash for dash in DASHED.values() if f"{dash}:" in text} == dashes
    return seen


def test_chance_of_alignment_is_each_panels_own(kept, records):
    """The dotted line must be the mean prevalence of the panel's own digits, the dashed one .80; the dead have no point."""
    one = drawn(kept, records, "alignment_against_ablation")
    assert told(one) == {"threshold", "chance"}
    units, found = records.units, []
    for place, ax in enumerate(one.panels):
        variant = list(SEEDS)[place]
        assert ax.get_title().split("\n")[0] == variant
        own = units[units["variant"] == variant]
        (chance,), (threshold,) = lines(ax, "chance"), lines(ax, "threshold")
        assert set(chance[:, 0]) == {own["chance"].mean()}
        assert set(threshold[:, 0]) == {THRESHOLD}
        assert points(ax) == own["alignment"].notna().sum() < len(own)
        found.append(chance[0, 0])
    assert len(set(np.round(found, 6))) == 3
    assert f"{THRESHOLD:.2f}".lstrip("0") in one.text
    assert "Seeds: one n=6, two n=6, three n=4." in one.text
    assert one.figure.get_supylabel().replace("\n", " ") == "accuracy drop, silenced to zero"


def test_chance_of_the_best_alignment_is_each_digits_prevalence(kept, records):
    """A bar of chance must lie at the digit's prevalence under each digit's points, of which there is one a seed."""
    one = drawn(kept, records, "best_alignment")
    assert told(one) == {"threshold", "chance"}
    assert "chance (prevalence)" in one.legend
    for ax, (variant, n_seeds) in zip(one.panels, SEEDS.items(), strict=True):
        own = records.concepts[records.concepts["variant"] == variant].groupby("concept")["chance"].first()
        names = dict(zip([t.get_text() for t in ax.get_xticklabels()], ax.get_xticks(), strict=True))
        places = sorted((line[:, 0].mean(), *line[:, 1]) for line in lines(ax, "chance"))
        np.testing.assert_allclose(places, [(names[concept], chance, chance) for concept, chance in own.items()])
        assert {tuple(line[:, 1]) for line in lines(ax, "threshold")} == {(THRESHOLD, THRESHOLD)}
        assert points(ax) == 3 * n_seeds
        assert ax.get_title() == variant
        means = {x: y for bar in ax.containers for x, y in bar[0].get_xydata()}
        expected = records.concepts[records.concepts["variant"] == variant].groupby("concept")["alignment"].mean()
        assert [means[names[concept]] for concept in expected.index] == pytest.approx(expected.tolist())
    shown = one.data[["variant", "concept", "mean", "lower", "upper"]].drop_duplicates()
    for row in shown.itertuples():
        own = records.concepts[(records.concepts["variant"] == row.variant) & (records.concepts["concept"] == row.concept)]
        interval = within(t_interval(own["alignment"].tolist()), (0, 1))
        assert [row.mean, row.lower, row.upper] == pytest.approx(list(interval[:3]), nan_ok=True)


def bands(ax):
    """The bands of a panel that have a width somewhere."""
    found = [c for c in ax.collections if isinstance(c, FillBetweenPolyCollection)]
    return [c for c in found if c.get_paths() and np.isfinite(c.get_paths()[0].vertices).all()]


@pytest.mark.parametrize("name", ["ablation_curves", "class_curves"])
def test_curves_are_means_with_bands_where_the_caption_says(kept, records, name):
    """Lines must be the means in the csv, bands lie inside 0 and 1, of variants with seeds enough; chance of a class is .5."""
    one = drawn(kept, records, name)
    assert told(one) == ({"chance"} if name == "class_curves" else set())
    panel = ["order", "silenced"] if name == "ablation_curves" else ["what"]
    groups = list(one.data.groupby(panel, sort=False))
    assert len(groups) == len(one.panels)
    for ax, (_, group) in zip(one.panels, groups, strict=True):
        curves = [line for line in ax.lines if line.get_gid() is None]
        for line, (variant, own) in zip(curves, group.groupby("variant", sort=False), strict=True):
            assert line.get_label() == variant
            assert line.get_ydata() == pytest.approx(own["accuracy"].to_numpy())
            assert line.get_xdata() == pytest.approx(own["n"].to_numpy() / UNITS)
        assert len(bands(ax)) == 2
        for chance in lines(ax, "chance"):
            assert set(chance[:, 1]) == {0.5}
    assert one.data[["lower", "upper"]].min().min() >= 0
    assert one.data[["lower", "upper"]].max().max() <= 1
    assert "Bands: 95 % t interval over seeds, cut where the score ends. No bands below 5 seeds." in one.text
    assert set(one.legend) - {"chance"} == set(SEEDS)
    enough = replace(records, runs=records.runs[records.runs["variant"] != "three"])
    assert "No bands" not in drawn(kept, enough, name).text
    few = records.runs[records.runs["seed"] < 3]
    assert (
        "Bands: 95 %" not in drawn(kept, replace(records, runs=few, curves=records.curves[records.curves["seed"] < 3]), name).text
    )


def test_the_dashed_line_of_class_drops_is_where_both_are_equal(kept, records):
    """The diagonal must have equal coordinates, and there must be a point a unit."""
    one = drawn(kept, records, "class_drops")
    assert told(one) == {"equal"}
    for ax in one.panels:
        (line,) = lines(ax, "equal")
        assert (line[:, 0] == line[:, 1]).all()
        own = records.units[records.units["variant"] == ax.get_title()]
        assert line[:, 0].tolist() == [min(0, own["drop"].min()), own["drop"].max()]
        assert points(ax) == len(own)


def test_scores_by_number_have_a_point_a_run_and_the_mean(kept, records):
    """Points must be the runs and the line their means, at the number in the variant's name."""
    names = {"one": "width-5", "two": "width-10", "three": "width-20"}
    tables = {name: getattr(records, name).replace({"variant": names}) for name in ("runs", "units", "concepts", "curves")}
    one = drawn(kept, replace(records, **tables, tops={}), "scores_by_number")
    assert told(one) == set()
    for ax, column in zip(one.panels, of_lines.BY_NUMBER, strict=True):
        (line,) = ax.lines
        assert line.get_xdata().tolist() == [5, 10, 20]
        assert line.get_ydata() == pytest.approx(tables["runs"].groupby("variant", sort=False)[column].mean().to_numpy())
        assert points(ax) == sum(SEEDS.values())
        assert len(bands(ax)) == 1


def test_pictures_are_what_is_written_over_them(kept, records):
    """Each canvas must stand below its class; each card must name the digit, the unit, its alignment and how many images."""
    one = drawn(kept, records, "preview")
    assert [ax.get_title() for ax in one.figure.axes[:5]] == list("abcde") == one.data["class"].tolist()
    one = drawn(kept, records, "cards_two")
    own = records.concepts[(records.concepts["variant"] == "two") & (records.concepts["seed"] == 0)]
    expected = [f"digit {r.concept}: unit 1, alignment {r.alignment:.2f}" for r in own.itertuples()]
    assert [ax.get_title(loc="left") for ax in one.figure.axes] == expected
    assert "The 5 test canvases with the highest response" in one.text
    assert one.figure.get_suptitle() == "two, seed 0"
    for ax, (_, row) in zip(one.figure.axes, own.iterrows(), strict=True):
        shown = [float(number) for text in ax.texts for number in re.findall(r" (\d\.\d\d)", text.get_text())]
        assert shown == pytest.approx(row[CARD].astype(float).tolist(), abs=0.0051)


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
    variants = ("baseline", "baseline", "untrained", "untrained")
    nets = [Recorded(v, i % 2, Path(v), "mnist", Variant(), "conv3", "") for i, v in enumerate(variants)]
    null._draw_alignments(Album(Path("nowhere"), Look(), ()), units, nets)
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
    null._draw_planted(Album(Path("nowhere"), Look(), ()), planted, uniform)
    one = kept["planted"]
    assert "thin: uniform" in one.text
    for ax, (what, group) in zip(one.panels, planted.groupby("score", sort=False), strict=True):
        (line,) = lines(ax, "uniform")
        assert line.tolist() == [[0, 0], [1, 1]]
        assert what in ax.get_title()
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
    rotation._draw(Album(Path("nowhere"), Look(), ()), curves)
    one = kept["rotation"]
    for ax, (number, title) in zip(one.panels, rotation.SHOWN.items(), strict=True):
        assert ax.get_title() == title
        for line, (variant, own) in zip(ax.lines, curves.groupby("variant"), strict=True):
            by_seed = own.groupby(["alpha", "seed"])[number].mean().groupby("alpha").mean()
            assert (line.get_label(), line.get_ydata()) == (variant, pytest.approx(by_seed.to_numpy()))
        assert len(bands(ax)) == 2
    assert one.data["lower"].min() == 0  # cut
    assert "cut where a number ends" in one.text


def test_recurrence_shows_the_shares_and_boxes_of_its_tables(kept, tmp_path):
    """Each cell must print its digit's share, 1 where every seed has it, and each box the quantiles of its pair of variants."""
    shares = {"a": (1.0, 0.5, 0.0), "b": (0.25, 1.0, 0.75)}
    digits = pd.DataFrame([{"variant": v, "digit": str(d), "share": s} for v, own in shares.items() for d, s in enumerate(own)])
    quantiles = [f"q{round(100 * q)}" for q in matching.WHISKERS]
    rows = [
        {"variant": v, "other": o, "what": w} | dict(zip(quantiles, np.linspace(0.1 + i / 10, 0.5 + i / 10, 5), strict=True))
        for i, (v, o, w) in enumerate((v, o, w) for v, o in (("a", "a"), ("a", "b"), ("b", "b")) for w in ("matched", "null"))
    ]
    boxes = pd.DataFrame(rows)
    matching._draw(Album(tmp_path, Look(), ()), digits, boxes)
    one = kept["recurrence"]
    left, right = one.panels
    assert left.images[0].get_array().tolist() == [list(own) for own in shares.values()]
    assert [t.get_text() for t in left.texts] == ["1", ".50", ".00", ".25", "1", ".75"]
    assert [t.get_text() for t in right.get_yticklabels()] == ["a", "b", "a - b"]
    assert right.get_title() == "grey: matched, white: null"
    for patch in right.patches:
        place = patch.get_path().vertices[:4, 1].mean()
        pair = [("a", "a"), ("b", "b"), ("a", "b")][round(place)]
        what = {to_hex("0.45"): "matched", to_hex("white"): "null"}[to_hex(patch.get_facecolor())]
        row = boxes[(boxes["variant"] == pair[0]) & (boxes["other"] == pair[1]) & (boxes["what"] == what)]
        assert sorted(set(patch.get_path().vertices[:4, 0].round(6))) == pytest.approx(row[["q25", "q75"]].to_numpy()[0].tolist())
    assert f">= {THRESHOLD:.2f}".replace("0.", ".") in one.text
    assert "quartiles, whiskers 5 and 95 %" in one.text
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
    fooled._draw(pd.DataFrame(rows), Album(Path("nowhere"), Look(), ()))
    one = kept["fooled"]
    (ax,) = one.panels
    printed = {(round(t.get_position()[1]), round(t.get_position()[0])) for t in ax.texts}
    colours, seen = squares(ax), set()
    for y, known in enumerate(rows):
        for x, name in enumerate(fooled.FOOLS):
            answer, number = known[f"{name}_fools"], not np.isnan(known[name])
            assert ((y, x) in printed) == number
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


def graded(kind, name, *passed):
    """A score with the outcomes of its tests."""
    needs = {"acts": {"logits"}, "places": {"pixels"}, "detects": {"present"}}[kind]
    cells = tuple(Cell(f"test_{i}", 0.5, one) for i, one in enumerate(passed))
    return Graded(Column(name, name, "both", frozenset(needs)), 1.0, 0.0, cells)


def test_squares_of_the_card_mean_what_the_caption_says(kept):
    """Light must be passed, red with an x failed, white not asked; the kinds in the caption's order, a border between them."""
    scores = [graded("places", "p", True, False), graded(ACTS, "a", None, True), graded("detects", "d", False, None)]
    card._heat_map(scores, Album(Path("nowhere"), Look(), ()))
    one = kept["heat_map"]
    (ax,) = one.panels
    rows = [text.get_text().split()[0] for text in ax.get_yticklabels()]
    assert rows == ["a", "d", "p"]
    words = ["what a unit is worth (acts)", "whether it detects", "whether its map lies"]
    assert [one.text.index(word) for word in words] == sorted(one.text.index(word) for word in words)
    crosses = {(round(t.get_position()[1]), round(t.get_position()[0])) for t in ax.texts}
    for y, name in enumerate(rows):
        for x, cell in enumerate(next(s for s in scores if s.column.name == name).cells):
            colour = squares(ax)[y][x]
            assert (colour is None) == (cell.passed is None)
            assert ((y, x) in crosses) == (cell.passed is False)
            if colour is not None:
                red, _, blue, _ = to_rgba(colour)
                assert (red > blue) == (cell.passed is False)
    assert "Light: passed; red with x: failed; white: does not apply." in one.text
    assert [line[0, 1] for line in lines(ax, "border")] == [0.5, 1.5]


@pytest.mark.parametrize("kind", KINDS)
def test_response_curves_stand_beside_the_truth(kept, kind):
    """The grey line must be the truth, the others the scaled scores, both cut where the caption says."""
    rng = np.random.default_rng(0)
    rows = [
        {
            "metric": m,
            "score": m,
            "kind": kind,
            "dial": d,
            "level": v,
            "value": 0.0,
            "scaled": rng.normal(0, 2),
            "truth": 2 * v - 1,
        }
        for m in ("first", "second")
        for d in card.DIALS
        for v in card.LEVELS
    ]
    curves = pd.DataFrame(rows)
    card._response_curves(curves, kind, Album(Path("nowhere"), Look(), ()))
    one = kept[f"response_curves_{kind}"]
    assert KINDS[kind] in one.text
    low, high = (float(number) for number in re.search(r"Cut at (-?[\d.]+) and (-?[\d.]+)\.", one.text).groups())
    panels = {ax.get_title(): ax for ax in one.panels}
    assert list(panels) == [dial.replace("_", " ") for dial in card.DIALS]
    for dial in card.DIALS:
        for line in panels[dial.replace("_", " ")].lines:
            own = curves[curves["dial"] == dial]
            truth = line.get_label() == "truth"
            values = own[own["score"] == ("first" if truth else line.get_label())]["truth" if truth else "scaled"]
            assert line.get_ydata() == pytest.approx(values.clip(low, high).to_numpy())
            assert (to_hex(line.get_color()) == "#000000" and line.get_alpha() < 1) == truth  # grey


def test_every_figure_is_held_here():
    """A figure that the package saves and this file does not hold against its numbers must be added."""
    saved = set()
    for path in [*(PACKAGE / "report").glob("*.py"), *(PACKAGE / "trust").glob("*.py")]:
        calls = re.findall(r"(?:album|figures|pictures)\.save\((.*)\)", path.read_text(encoding="utf-8"))
        saved |= {re.search(r'f?"([a-z_]+)', call)[1] for call in calls}
    own = Path(__file__).read_text(encoding="utf-8")
    assert len(saved) >= 15
    assert {name for name in saved if f'"{name}' not in own.partition("def test_every_figure")[0]} == set()
