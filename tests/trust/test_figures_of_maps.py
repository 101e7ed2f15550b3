"""Localisation against worth error: every way is there with its name, which is clipped by nothing and lies on no other."""

import itertools

import numpy as np
import pandas as pd
import pytest

from mixmnist.report.drawing import Album, Look, style
from mixmnist.trust._maps_plots import APART, _apart, place_against_worth

WAYS = ("integrated", "gradient", "ink", "constant", *(f"way_{n}" for n in range(8)), "unit_map:geometry=stretched")


def frame(ways=WAYS, seeds=5):
    """Makes rows of `maps.csv`: the better a way finds the digit, the worse it says its worth."""
    random, rows = np.random.default_rng(0), []
    for target, seed, (place, way) in itertools.product(("peak", "contrast"), range(seeds), enumerate(ways)):
        if target == "contrast" and way.startswith("unit_map"):
            continue
        known = {"variant": "baseline", "layer": "conv3", "target": target, "seed": seed, "way": way}
        values = {"selective": 0.5 + place / 40, "worth_error_scaled": place / 14, "exact": 0.9, "own_box": 0.3}
        rows += [known | {"measure": name, "value": value + random.normal() / 200} for name, value in values.items()]
    return pd.DataFrame(rows)


@pytest.fixture
def figure(tmp_path, monkeypatch):
    """Gives a function from rows and a look to the figure and its numbers."""
    kept = []
    monkeypatch.setattr(Album, "save", lambda _self, figure, data, name, text: kept.append((figure, data, name, text)))

    def drawn(table, look=None):
        look = look or Look()
        with style(look):
            place_against_worth(Album(tmp_path, look, ()), table, "conv3", "baseline", ("peak", "contrast"))
            kept[-1][0].draw_without_rendering()
        return kept[-1]

    return drawn


@pytest.mark.parametrize("look", [Look(), Look(columns="one"), Look(style="talk")])
def test_names_of_ways_can_be_read(figure, look):
    """Each within its panel, none on another."""
    drawn, *_ = figure(frame(), look)
    renderer = drawn._get_renderer()
    for ax, n in zip(drawn.axes, (len(WAYS), len(WAYS) - 1), strict=True):
        boxes = [text.get_window_extent(renderer) for text in ax.texts]
        assert len(boxes) == n
        panel = ax.get_window_extent(renderer)
        assert all(panel.x0 <= box.x0 and box.x1 <= panel.x1 + 2 and panel.y0 <= box.y0 and box.y1 <= panel.y1 for box in boxes)
        for one, other in itertools.combinations(boxes, 2):
            assert not one.shrunk(1, 0.75).overlaps(other.shrunk(1, 0.75))


def test_points_are_means_with_their_intervals(figure):
    """The numbers beside the figure are those of the rows, and the points lie there; controls are crosses."""
    table = frame()
    drawn, data, name, text = figure(table)
    assert name == "place_against_worth"
    assert "Seeds: baseline n=5." in text
    own = table[table["target"].eq("peak") & table["way"].eq("gradient")].groupby("measure")["value"].mean()
    row = data[data["target"].eq("peak") & data["way"].eq("gradient")].iloc[0]
    assert row["selective_mean"] == pytest.approx(own["selective"])
    assert row["worth_error_scaled_lower"] < own["worth_error_scaled"] < row["worth_error_scaled_upper"]
    marks = {line.get_marker(): line for line in drawn.axes[0].lines if line.get_marker() in ("o", "x") and len(line.get_xdata())}
    assert set(marks) == {"o", "x"}
    points = [(line.get_xdata()[0], line.get_ydata()[0]) for line in drawn.axes[0].lines if line.get_marker() == "o"]
    assert (row["selective_mean"], row["worth_error_scaled_mean"]) in points


def test_a_way_without_one_of_the_numbers_is_left_out(figure):
    """It has no point, and costs no other one."""
    table = frame()
    lost = table["way"].eq("way_3") & table["measure"].eq("selective")
    _, data, *_ = figure(table[~lost])
    assert "way_3" not in set(data["way"])
    assert "way_4" in set(data["way"])


def test_names_lie_apart_and_near_their_points():
    """Rising heights stay in order; those that are far apart stay where they are."""
    for heights in ([0.1, 0.1, 0.1, 0.12, 0.5], [0.0, 0.01], [0.2, 0.9], sorted(np.random.default_rng(1).random(12))):
        found = _apart(list(heights))
        assert all(b - a >= APART - 1e-9 for a, b in itertools.pairwise(found))
        assert min(found) >= 0
        assert max(found) <= 1.05 + 1e-9
    assert _apart([0.2, 0.9]) == [0.2, 0.9]
