"""Judging pictures: by hand, by slow loops, and what is refused."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import spearmanr
from torch import nn

from mixmnist.core.records import Canvas
from mixmnist.data.mixture import draw
from mixmnist.visualize import judging_images
from mixmnist.visualize._targets import unit_target
from mixmnist.visualize.imaging import Supplies, make_images
from mixmnist.visualize.judging_images import MEASURES, diversity, judge_images, look_at_images, look_beside, nearest_glyph
from mixmnist.visualize.measuring_images import detectors, measure_images
from mixmnist.visualize.reader import Reader


class Corner(nn.Module):
    """Reads the digits whose pixels of the first row are bright."""

    def forward(self, x):
        return x[:, 0, 0, :10] - 0.5


GOOD = dict.fromkeys(("false_alarm", "noise", "scrambled", "strokes", "tiles", "waves"), 0.0) | {"found": 0.9}


@pytest.fixture(scope="module")
def reader():
    """Reads what is written into the first row of a picture."""
    return Reader(Corner().eval(), 0.0, "digits", Canvas(), 0, GOOD)


@pytest.fixture(scope="module")
def target(tiny):
    """Units 1, 2, 1, 2."""
    return unit_target(tiny(), "second", torch.tensor([1, 2, 1, 2]))


OWN, SEEDS = torch.tensor([3, 4, 3, 4]), (0, 0, 1, 1)


@pytest.fixture
def images():
    """Four pictures in which are read: 3; 3 and 4; nothing; 5."""
    x = torch.rand(4, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    x[:, :, 0] = 0
    for row, read in enumerate(((3,), (3, 4), (), (5,))):
        for digit in read:
            x[row, 0, 0, digit] = 1
    return x


def test_what_is_read_by_hand(images, target, reader, supplies):
    """Own, only own, nothing and their chances, picture by picture."""
    table = look_at_images(images, target, OWN, reader, supplies)
    assert table["read"].tolist() == ["3", "34", "", "5"]
    assert table["reads_own"].tolist() == [1, 1, 0, 0]
    assert table["only_own"].tolist() == [1, 0, 0, 0]
    assert table["nothing"].tolist() == [0, 0, 1, 0]
    np.testing.assert_allclose(table["reads_own_others"], [0, 1 / 9, 0, 1 / 9], atol=1e-7)
    np.testing.assert_allclose(table["only_own_others"], [0, 0, 0, 1 / 9], atol=1e-7)
    assert table["unit"].tolist() == [1, 2, 1, 2]


def test_response_is_of_the_best_natural_image(images, target, reader, supplies):
    """Each picture's number over its unit's highest on any canvas; the top image has 1."""
    table = look_at_images(images, target, OWN, reader, supplies)
    best = target.some(torch.tensor([0, 1])).net.second(target.net.first(supplies.canvases.images[:, None] / 255)).amax((0, 2, 3))
    np.testing.assert_allclose(table["response"], (target.values(images) / best[target.index]).detach(), rtol=1e-5)
    top = make_images("top", target, (0, 0, 0, 0), supplies)
    np.testing.assert_allclose(look_at_images(top, target, OWN, reader, supplies)["response"], 1, rtol=1e-5)


def test_the_nearest_glyph_is_that_of_a_slow_loop(images):
    """The highest correlation over all places and glyphs, as numpy says it."""
    glyphs = draw("pairs", "digits", n=2, seed=0).tiles[:5]
    found = nearest_glyph(images[:2, :, :16, :15], glyphs)
    for image, value in zip(images[:2, 0, :16, :15].numpy(), found.tolist(), strict=True):
        every = [
            np.corrcoef(image[r : r + 12, c : c + 12].ravel(), glyph.ravel())[0, 1]
            for r in range(5)
            for c in range(4)
            for glyph in glyphs.numpy().astype(float)
        ]
        assert abs(max(every) - value) < 1e-5


def test_a_canvas_is_its_own_nearest_glyph(canvases):
    """A real canvas shows a real glyph; black and flat pictures show none."""
    some = canvases.images[:3, None].float() / 255
    torch.testing.assert_close(nearest_glyph(some, canvases.tiles[canvases.glyphs[:3, 0]]), torch.ones(3))
    assert nearest_glyph(torch.full((2, 1, 32, 32), 0.3), canvases.tiles[:7]).tolist() == [0, 0]


def test_diversity():
    """Pictures that differ in place or brightness have none; others have some; pairs of one unit alone count."""
    x = torch.zeros(4, 1, 9, 8)
    x[0, 0, 2:4, 3:5] = 1
    x[1, 0, 4:6, 1:3] = 0.5
    x[2, 0, ::2] = 1
    x[3, 0, :, ::2] = 1
    assert abs(diversity(x[:2], torch.tensor([0, 0]))) < 1e-6
    assert abs(diversity(x, torch.tensor([0, 0, 1, 1])) - 0.5) < 1e-6  # rows and columns are alike nowhere
    assert np.isnan(diversity(x[:2], torch.tensor([0, 1])))


def test_the_path_is_a_mean_rank_correlation(images, target, reader, supplies, monkeypatch):
    """Of each picture with hot canvases of its unit, over the units of the layer before, as scipy says it."""
    monkeypatch.setattr(judging_images, "HOT", range(20, 23))
    table = look_at_images(images, target, OWN, reader, supplies)
    first = target.net.first
    hot = make_images("top", target, (20, 20, 21, 21), supplies)
    last = make_images("top", target.some(torch.tensor([0, 1])), (22, 22), supplies)
    for row, others in ((0, (hot[0], hot[2], last[0])), (1, (hot[1], hot[3], last[1]))):
        one = first(images[row][None]).amax((2, 3))[0].detach()
        wanted = [spearmanr(one, first(other[None]).amax((2, 3))[0].detach()).statistic for other in others]
        assert abs(np.mean(wanted) - table["path"][row]) < 1e-5


def test_every_measure_stands_beside_natural_images_and_chance(images, target, reader, supplies):
    """Natural top images judged as pictures have the value that stands beside all; chance is of other digits, or of nothing."""
    table = judge_images(images, target, OWN, SEEDS, reader, supplies).set_index("measure")
    assert tuple(table.index) == MEASURES
    assert table.loc["reads_own", ["value", "chance"]].tolist() == pytest.approx([0.5, 2 / 36])
    assert table.loc["only_own", ["value", "chance"]].tolist() == pytest.approx([0.25, 1 / 36])
    top = make_images("top", target, SEEDS, supplies)
    natural = judge_images(top, target, OWN, SEEDS, reader, supplies).set_index("measure")
    np.testing.assert_allclose(natural["value"], table["natural"], rtol=1e-5)
    np.testing.assert_allclose(natural["natural"], table["natural"], rtol=1e-5)
    assert (table.loc[["response", "nearest_glyph"], "chance"] < table.loc[["response", "nearest_glyph"], "natural"]).all()


def test_what_pictures_are_held_against_is_looked_at_once(images, target, reader, supplies, monkeypatch):
    """Natural images and chance that are at hand give the same table, and are not looked at again."""
    beside = look_beside(target, OWN, SEEDS, reader, supplies)
    wanted = judge_images(images, target, OWN, SEEDS, reader, supplies)
    looked = []
    real = judging_images.look_at_images
    monkeypatch.setattr(judging_images, "look_at_images", lambda x, *rest: looked.append(x) or real(x, *rest))
    pd.testing.assert_frame_equal(judge_images(images, target, OWN, SEEDS, reader, supplies, beside), wanted)
    assert len(looked) == 1


def test_pictures_of_each_prior_are_shown(target, reader, supplies):
    """What is judged can be looked at: the pictures of each prior that makes any, by its name."""
    shown = {}
    priors = {"best": ("top", {}), "learned": ("dgn", {})}
    measure_images(target, OWN, SEEDS, reader, replace(supplies, generator=None), priors, show=shown.__setitem__)
    assert list(shown) == ["best"]
    assert torch.equal(shown["best"], make_images("top", target, SEEDS, supplies))


def test_a_reader_below_its_bar_makes_no_table(images, target, reader, supplies):
    """One sentence, and nothing else."""
    poor = replace(reader, report=GOOD | {"false_alarm": 0.03})
    for call in (
        lambda: judge_images(images, target, OWN, SEEDS, poor, supplies),
        lambda: measure_images(target, OWN, SEEDS, poor, supplies, {"top": ("top", {})}),
    ):
        with pytest.raises(ValueError, match="the reader must be above its bar"):
            call()


def test_too_few_canvases_are_refused(images, target, reader):
    """Hot canvases come after the top ones."""
    with pytest.raises(ValueError, match="canvases must be more than 39, got 30"):
        look_at_images(images, target, OWN, reader, Supplies(draw("pairs", "digits", n=30, seed=0)))


def test_every_prior_has_its_rows(target, reader, supplies):
    """A prior that makes no pictures says why; the others have every measure."""
    priors = {"best": ("top", {}), "short": ("pixels", {"steps": 2}), "learned": ("dgn", {})}
    table = measure_images(target, OWN, SEEDS, reader, replace(supplies, generator=None), priors)
    assert table["prior"].value_counts().to_dict() == {"best": len(MEASURES), "short": len(MEASURES), "learned": 1}
    assert "must have a generator" in table.loc[table["prior"] == "learned", "said"].item()
    best = table[table["prior"] == "best"]
    np.testing.assert_allclose(best["value"], best["natural"], rtol=1e-5)


def test_detectors():
    """Units of .8 and more, each with its digit; without any there is a sentence."""
    with pytest.raises(ValueError, match=r"a unit must be a detector, got none with an alignment of 0\.8"):
        detectors(torch.tensor([[0.1, torch.nan], [0.79, 0.2]]))
