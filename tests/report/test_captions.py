"""What captions, legends and reference lines say is what the figures' numbers are; of the reports."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import FillBetweenPolyCollection, LineCollection, PathCollection
from matplotlib.figure import Figure

from mixmnist.core.thresholds import THRESHOLD
from mixmnist.report import lines as of_lines
from mixmnist.report import plots
from mixmnist.report.drawing import Album, Look
from mixmnist.report.pictures import CARD
from mixmnist.report.reading import StudyRecords
from mixmnist.stats import t_interval, within
from mixmnist.trust._columns import KINDS

PACKAGE = Path(plots.__file__).parents[1]
SEEDS = {"one": 6, "two": 6, "three": 4}  # of each variant; the last has too few for an interval
KEYS = {"study": "s", "source": "mnist", "task": "t", "block": "b", "layer": "conv3"}  # of every run
UNITS = 7
HELD = (  # other files that hold figures against their numbers
    "report/test_pictures.py",
    "trust/test_comparison.py",
    "trust/test_emergence.py",
    "trust/test_attack.py",
    "trust/test_figures.py",
    "trust/test_figures_of_atoms.py",
    "trust/test_figures_of_maps.py",
    "trust/test_generators.py",
    "trust/test_generators_card.py",
    "trust/test_inversion.py",
    "trust/test_labels.py",
    "trust/test_maps.py",
    "trust/test_omission.py",
    "trust/test_pruning.py",
    "trust/test_synthesis.py",
    "trust/test_transfer.py",
    "trust/test_verification.py",
    "trust/test_ways.py",
)
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
            keys = KEYS | {"variant": variant, "seed": seed}
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


def test_every_figure_is_held_here():
    """A figure that the package saves, and that is held against its numbers neither here nor in `HELD`, must be added."""
    saved = set()
    for path in [*(PACKAGE / "report").glob("*.py"), *(PACKAGE / "trust").glob("*.py")]:
        calls = re.findall(r"album\.save\((.*)\)", path.read_text(encoding="utf-8"))
        saved |= {name[1] for call in calls if (name := re.search(r'f?"([a-z_]+)', call))}
    saved |= {f"response_curves_{kind}" for kind in KINDS}
    own = Path(__file__).read_text(encoding="utf-8").partition("def test_every_figure")[0]
    own += "".join((Path(__file__).parents[1] / name).read_text(encoding="utf-8") for name in HELD)
    assert len(saved) >= 17
    assert {name for name in saved if f'"{name}' not in own} == set()
