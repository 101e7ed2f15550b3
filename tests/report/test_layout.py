"""What is written is as wide as a paper's columns; its letters can be read, and none lies on another or beyond the edge."""

import re
from dataclasses import replace
from itertools import combinations, pairwise, product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image

from mixmnist.report import lines, points
from mixmnist.report.drawing import (
    COLUMNS,
    FORMATS,
    STYLES,
    Album,
    Look,
    lay_out,
    legend_above,
    name_axes,
    stroke,
    style,
    title,
)
from mixmnist.report.plots import Shown, draw_figures
from mixmnist.report.reading import StudyRecords

INCHES = {"one": 3.3, "two": 6.9}
NAMES = ("baseline", "wide", "wide-dropout", "channel-0.25", "channel-0.5", "peak-0.03-epochs-30", "as wide as you please")
DRAWN = ("alignment_against_ablation", "ablation_curves", "class_curves", "class_drops", "best_alignment")
SEEDS, UNITS = 5, 6
KEYS = {"study": "s", "source": "mnist", "task": "t", "block": "b", "layer": "conv3"}  # of every run


def made(names, n_seeds=SEEDS):
    """Gives records of variants whose drops differ by a factor of a hundred, with a digit that is useless in the last."""
    rng = np.random.default_rng(0)
    runs, units, concepts, curves = [], [], [], []
    for place, variant in enumerate(names):
        for seed in range(n_seeds):
            keys = KEYS | {"variant": variant, "seed": seed}
            numbers = {"accuracy": 0.9, **{name: rng.random() for name in lines.BY_NUMBER}}
            runs.append(keys | {"precision": "float32", "device": "cpu", "threads": 1, "n_units": UNITS} | numbers)
            size = 0.2 / 100 ** (place % 2)
            for unit in range(UNITS):
                scores = {"alignment": rng.random(), "drop": rng.normal(0, size), "drop_mean": rng.random() * size}
                more = {"chance": 0.2, "max_class_drop": rng.random(), "concept": "1", "max_class": "01", "dead": False}
                units.append(keys | {"unit": unit} | scores | more)
            for concept in map(str, range(10)):
                idle = concept == "9" and place == len(names) - 1
                concepts.append(keys | {"concept": concept, "useless": idle, "unit": 1, "alignment": rng.random(), "chance": 0.2})
            for n in range(UNITS + 1):
                columns = [f"{order}{end}" for order in lines.ORDERS for end in ("", "_mean")]
                curves.append(keys | {"n": n} | {column: rng.random() for column in (*columns, *lines.CLASS_CURVES)})
    tables = (pd.DataFrame(rows) for rows in (runs, units, concepts, curves))
    return StudyRecords(*tables, {}, (), False, (), (), False, ())


@pytest.fixture
def laid_out(monkeypatch):
    """The figures that are saved, by name, as they were laid out; none is written."""
    found = {}

    def save(_, figure, data, name, text):
        lay_out(figure)
        figure.draw_without_rendering()
        found[name] = (figure, data, text)

    monkeypatch.setattr(Album, "save", save)
    return found


@pytest.mark.parametrize(("n_variants", "columns", "form"), [*product((1, 4, 7), COLUMNS, ["paper"]), (7, "one", "talk")])
def test_every_figure_fits_its_columns(laid_out, n_variants, columns, form, check_paper):
    """At both widths no letters may be too small, lie on others or leave the figure; of one variant and of seven."""
    with style(look := Look(style=form, columns=columns)):
        assert draw_figures(made(NAMES[:n_variants]), Path("nowhere"), look) == ()
        assert set(laid_out) == set(DRAWN)
        for figure, _, _ in laid_out.values():
            check_paper(figure, columns, STYLES[form])


@pytest.mark.parametrize("columns", COLUMNS)
def test_scores_by_number_fit_their_columns(laid_out, columns, check_paper):
    """Numbers that lie close together on the axis may not be written over each other."""
    with style(look := Look(columns=columns)):
        draw_figures(made([f"width-{n}" for n in (5, 10, 15, 20, 30, 60)]), Path("nowhere"), look, ["scores_by_number"])
        check_paper(laid_out["scores_by_number"][0], columns)


@pytest.mark.parametrize("columns", COLUMNS)
def test_both_silencings_fit_side_by_side(laid_out, columns, check_paper):
    """A figure with more panels than usual must be laid out as well."""
    with style(look := Look(columns=columns)):
        shown = Shown(panels=("drop", "drop_mean", "curve_random", "curve_random_mean", "curve_weight"))
        draw_figures(made(NAMES[:4]), Path("nowhere"), look, DRAWN[:2], shown)
        for figure, _, _ in laid_out.values():
            check_paper(figure, columns)
    assert [len(laid_out[name][0].axes) for name in DRAWN[:2]] == [8, 3]


@pytest.mark.parametrize("columns", COLUMNS)
def test_files_are_as_wide_as_the_columns(tmp_path, columns):
    """The width in each file, in inches, must be exactly that of the columns."""
    draw_figures(made(NAMES[:3]), tmp_path, Look(FORMATS, columns=columns), DRAWN)
    for name in DRAWN:
        box = re.search(rb"/MediaBox \[ 0 0 ([\d.]+) ", (tmp_path / f"{name}.pdf").read_bytes())[1]
        assert float(box) / 72 == pytest.approx(INCHES[columns], abs=1e-3)
        wide = re.search(r'<svg [^>]*?width="([\d.]+)pt"', (tmp_path / f"{name}.svg").read_text())[1]
        assert float(wide) / 72 == pytest.approx(INCHES[columns], abs=1e-3)
        with Image.open(tmp_path / f"{name}.png") as image:
            assert image.width / image.info["dpi"][0] == pytest.approx(INCHES[columns], abs=0.01)


def test_a_caption_lies_beside_its_figure_and_not_in_it(tmp_path, monkeypatch, texts):
    """The caption must be in a txt, the notes first, and no text of the figure may be of it."""
    figures = []
    real = Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda self, *args, **more: (figures.append(self), real(self, *args, **more))[1])
    draw_figures(made(NAMES[:2]), tmp_path, Look(("svg",)), DRAWN)
    assert len(figures) == len(DRAWN)
    for name, figure in zip(DRAWN, figures, strict=True):
        said = (tmp_path / f"{name}.txt").read_text()
        assert said.startswith("Study s. Glyphs: MNIST. ")
        assert said.endswith("Seeds: n=5 of each variant.\n")
        assert max(len(text.get_text()) for text in texts(figure)) < 40 < len(said)


def test_letters_of_an_svg_need_no_font(tmp_path):
    """A browser without the font must show the letters as they were laid out, on any ground."""
    draw_figures(made(NAMES[:1]), tmp_path, Look(("svg",)), ["class_drops"])
    drawn = (tmp_path / "class_drops.svg").read_text()
    assert "<text" not in drawn
    assert "font-family" not in drawn
    assert "#DejaVuSans" in drawn
    assert re.search(r'<g id="patch_1">.*?opacity: 0', drawn, re.DOTALL)


def test_seven_lines_differ_without_colour():
    """Any two of seven lines must differ in dashes and in marker, whatever their colour is in grey."""
    with style(Look()):
        ax = Figure().subplots()
        drawn = [ax.plot([0, 1], [0, number], **stroke(number))[0] for number in range(7)]
    for one, other in combinations(drawn, 2):
        assert (one.get_linestyle(), one._dash_pattern) != (other.get_linestyle(), other._dash_pattern)
        assert one.get_marker() != other.get_marker()
    grey = [np.dot(to_rgb(line.get_color()), (0.2126, 0.7152, 0.0722)) for line in drawn]
    assert max(grey) < 0.65  # none is lost on white


def test_panels_go_on_in_further_rows():
    """Panels must be at least 1.5 inches wide, rows about equally full; and the last of each column has its numbers."""
    for columns, n_panels, expected in (
        ("one", 4, (2, 2)),
        ("two", 4, (1, 4)),
        ("two", 5, (2, 3)),
        ("two", 7, (2, 4)),
        ("one", 1, (1, 1)),
    ):
        with style(look := Look(columns=columns)):
            figure, axes = Album(Path("nowhere"), look, ()).make(n_panels, 1.5, sharex=True)
        assert len(axes) == len(figure.axes) == n_panels
        grid = axes[0].get_gridspec()
        assert (grid.nrows, grid.ncols) == expected
        assert figure.get_figwidth() / grid.ncols >= 1.5
        shown = [bool(ax.xaxis.get_tick_params()["labelbottom"]) for ax in axes]
        assert shown == [number + grid.ncols >= n_panels for number in range(n_panels)]


def test_a_legend_goes_on_in_further_rows(check_paper):
    """Long names must go on in a second row, for which the figure grows, and not over the panels."""
    with style(look := Look(columns="one")):
        figure, (ax,) = Album(Path("nowhere"), look, ()).make(1, 1.5)
        ax.plot([0, 1])
        name_axes(figure, "x", "a name that is much longer than its panel is high")
        title(ax, "a name that goes on and on beyond the width of any column of any paper")
        legend_above(figure, [*ax.lines] * 4, ["a rather long name of a line " + letter for letter in "abcd"])
        lay_out(figure)
        figure.draw_without_rendering()
        assert figure.get_figheight() > 1.8
        check_paper(figure, "one")


def test_correlations_are_of_each_seeds_net():
    """The rank correlation must be computed within a net, its interval over seeds; pooled units would give another number."""
    x = np.arange(6.0)
    parts = [pd.DataFrame({"seed": seed, "alignment": x + 10 * seed, "drop": -x + 10 * seed}) for seed in range(5)]
    parts[4]["drop"] = x
    units = pd.concat([*parts, pd.DataFrame({"seed": [0], "alignment": [np.nan], "drop": [9.0]})])
    found = points.rank_correlation(units, "drop")
    assert found.n == 5
    assert found.mean == pytest.approx(-0.6)
    assert found.lower == -1
    assert found.upper == pytest.approx(-0.6 + 2.7764 * np.std([-1] * 4 + [1], ddof=1) / 5**0.5, abs=1e-3)
    constant = points.rank_correlation(units.assign(drop=0.0), "drop")
    assert np.isnan(constant.mean)


def test_a_panel_says_its_correlation(laid_out):
    """Under a variant's name must stand its correlation with the interval, which the caption explains."""
    records = made(NAMES[:2])
    draw_figures(records, Path("nowhere"), Look(), [DRAWN[0]])
    figure, _, text = laid_out[DRAWN[0]]
    for ax, variant in zip(figure.axes, NAMES, strict=False):
        found = points.rank_correlation(records.units[records.units["variant"] == variant], "drop")
        said = [f"{number:.2f}".replace("0.", ".").replace("-", "\N{MINUS SIGN}") for number in found[:3]]
        assert ax.get_title() == f"{variant}\n\N{GREEK SMALL LETTER RHO} {said[0]} [{said[1]}, {said[2]}]"
    assert "over the units of one net, mean over seeds with its 95 % t interval." in text
    few = made(NAMES[:1], n_seeds=2)
    draw_figures(few, Path("nowhere"), Look(), [DRAWN[0]])
    assert "[" not in laid_out[DRAWN[0]][0].axes[0].get_title()
    assert "interval" not in laid_out[DRAWN[0]][2]


def test_axes_are_free_where_variants_differ_by_ten(laid_out, check_paper):
    """Drops a hundred times as large may not flatten another variant's; a factor of two shares the axis."""
    draw_figures(made(NAMES[:2]), Path("nowhere"), Look(), [DRAWN[0], "class_drops"])
    figure, _, text = laid_out[DRAWN[0]]
    far, near = (ax.get_ylim() for ax in figure.axes)
    assert far[1] - far[0] > 10 * (near[1] - near[0])
    assert all(low <= 0 <= high for low, high in (far, near))
    assert "Each panel has a scale of its own." in text
    across, up = ([getattr(ax, f"get_{axis}lim")() for ax in laid_out["class_drops"][0].axes] for axis in "xy")
    assert across[0] != across[1]
    assert up[0] != up[1]
    assert "Each panel has a scale of its own." in laid_out["class_drops"][2]
    records = made([NAMES[0], "b", NAMES[1]])
    alike = records.of_variants([NAMES[0], NAMES[1]])
    draw_figures(alike, Path("nowhere"), Look(), [DRAWN[0]])
    assert len({ax.get_ylim() for ax in laid_out[DRAWN[0]][0].axes}) == 1
    check_paper(laid_out[DRAWN[0]][0], "two")
    assert "of its own" not in laid_out[DRAWN[0]][2]


def test_axes_are_free_where_one_of_two_drops_differs_by_ten(laid_out):
    """Class drops of a hundredth must be seen as well, and the caption say that each panel has its scale; else they share one."""
    records = made([NAMES[0], "b", NAMES[1]]).of_variants(NAMES[:2])
    for size, own in ((0.01, True), (0.5, False)):
        small = records.units["max_class_drop"].where(
            records.units["variant"] == NAMES[0], records.units["max_class_drop"] * size
        )
        draw_figures(replace(records, units=records.units.assign(max_class_drop=small)), Path("nowhere"), Look(), ["class_drops"])
        figure, _, text = laid_out["class_drops"]
        for axis in "xy":
            assert (len({getattr(ax, f"get_{axis}lim")() for ax in figure.axes}) == 2) == own
        assert ("of its own" in text) == own


@pytest.mark.parametrize("columns", COLUMNS)
@pytest.mark.parametrize("n_variants", [1, 4])
def test_long_names_of_concepts_leave_room_for_the_panels(laid_out, columns, n_variants, check_paper):
    """Names of an own task must be in its order, shortened, and not be called digits; panels must keep their height."""
    names = ("cat", "dog", "ape", "a hippopotamus with a name that no panel of any figure has room for")
    records = made(NAMES[:n_variants])
    concepts = records.concepts[records.concepts["concept"].isin(list("0123"))]
    concepts = concepts.replace({"concept": {str(number): name for number, name in enumerate(names)}})
    with style(look := Look(columns=columns)):
        draw_figures(replace(records, concepts=concepts), Path("nowhere"), look, ["best_alignment"])
        figure, data, text = laid_out["best_alignment"]
        check_paper(figure, columns)
    assert "digit" not in text
    assert figure.get_supxlabel() == "concept"
    for ax in figure.axes:
        assert [tick.get_text() for tick in ax.get_xticklabels()][:3] == list(names[:3])
        assert ax.get_position().height * figure.get_figheight() > 0.5
    assert list(dict.fromkeys(data["concept"])) == list(names)


def test_ends_of_neighbouring_axes_are_not_read_as_one_number(laid_out):
    """Between the last number of a panel and the first of the next there must be room for two signs."""
    for columns in COLUMNS:
        draw_figures(made(NAMES[:4]), Path("nowhere"), Look(columns=columns), ["class_curves", "ablation_curves"])
        for figure, _, _ in laid_out.values():
            boxes = [[t.get_window_extent() for t in ax.get_xticklabels() if t.get_text()] for ax in figure.axes]
            for one, other in pairwise(filter(None, boxes)):
                if abs(one[0].y0 - other[0].y0) < 1:
                    assert other[0].x0 - one[-1].x1 > 2 * one[-1].width


def test_variants_and_panels_are_chosen(laid_out):
    """Only the variants and panels asked for may be drawn, in the order asked for; other figures keep their panels."""
    shown = Shown(panels=("curve_drop_last", "curve_random_mean"), variants=("wide",))
    draw_figures(made(NAMES[:3]), Path("nowhere"), Look(), shown=shown)
    figure, data, text = laid_out["ablation_curves"]
    assert data["variant"].unique().tolist() == ["wide"]
    assert [ax.get_title() for ax in figure.axes] == [
        "least important first\nsilenced to zero",
        "in random order\nsilenced to its mean",
    ]
    assert "each to zero or to its mean" in text
    assert [ax.get_title() for ax in laid_out["class_curves"][0].axes] == list(lines.CLASS_CURVES.values())
    assert laid_out["class_drops"][1]["variant"].unique().tolist() == ["wide"]


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        (Shown(panels=("curve_randm",)), r"panel must be a known name, got panel='curve_randm'\. Did you mean curve_random"),
        (Shown(variants=("wied",)), r"variant must be a known name, got variant='wied'\. Did you mean wide"),
    ],
)
def test_unknown_panels_and_variants_are_refused(shown, said):
    """A name that there is not must be answered with the nearest that there are."""
    with pytest.raises(ValueError, match=said):
        draw_figures(made(NAMES[:2]), Path("nowhere"), Look(), shown=shown)
