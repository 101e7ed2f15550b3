"""Quality of generators: every number by hand, or from canvases whose answer is known."""

import math
from dataclasses import dataclass

import pytest
import torch

from mixmnist.core.records import Canvas
from mixmnist.data.mixture import draw
from mixmnist.dissect._judge_card import NUMBERS
from mixmnist.dissect._judge_net import JudgeNet
from mixmnist.dissect.exact import ExactJudge
from mixmnist.dissect.judging import judge_of
from mixmnist.dissect.quality import equal_pairs, features_of, frechet, pair_counts, quality, signed_shares, to_equal
from mixmnist.dissect.reading import Said

JUDGE = ExactJudge(Canvas())


def canvases(n, seed, images=None):
    """Draws stamps, from 0 to 1."""
    return draw(source="stamps", n=n, seed=seed).images[:, None] / 255 if images is None else images


@pytest.fixture(scope="module")
def real():
    """Gives 240 real canvases."""
    return draw(source="stamps", n=240, seed=0)


def test_real_canvases_are_as_good_as_real_ones(real):
    """Canvases of another seed are all valid, near in distance, and no digit is missing."""
    found = quality(JUDGE, canvases(120, 1), real)
    assert found["valid"] == found["valid_real"] == 1.0
    assert found["segmentation_frechet"] < 4 * found["segmentation_frechet_real"]
    assert found["pair_distance"] == pytest.approx(found["pair_distance_null"], abs=0.08)
    assert max(abs(found[f"signed_{digit}"]) for digit in range(10)) < 0.6
    assert math.isnan(found["reader_frechet"])
    assert math.isnan(found["memorised"])


def test_a_digit_that_is_never_drawn_is_pointed_at(real):
    """Without canvases that show a 3 its signed share is -1, and 9 of 45 pairs are missing."""
    some = draw(source="stamps", n=400, seed=1)
    without = some.images[~some.present[:, 3]][:, None] / 255
    found = quality(JUDGE, without, real)
    assert found["signed_3"] == pytest.approx(-1, abs=0.02)
    assert min(found[f"signed_{digit}"] for digit in range(10) if digit != 3) > -0.5
    assert found["pairs"] <= 36
    assert found["segmentation_frechet"] > 2 * found["segmentation_frechet_real"]


def test_half_of_the_canvases_broken_is_half_valid(real):
    """A canvas with a square of ink in the place of its digits is not valid."""
    images = canvases(100, 1).clone()
    images[:50] = 0
    images[:50, :, 4:24, 4:24] = 1
    images[0, :, 0, 0] = 1
    assert quality(JUDGE, images, real)["valid"] == 0.5


def test_a_collapsed_generator_is_refused(real):
    """One canvas again and again has no quality."""
    with pytest.raises(ValueError, match="the generator must draw different images"):
        quality(JUDGE, canvases(1, 1).repeat(100, 1, 1, 1), real)


def test_too_few_canvases_are_refused(real):
    """A Frechet distance needs more canvases than there are digits."""
    with pytest.raises(ValueError, match="got 5 drawn and 240 real ones"):
        quality(JUDGE, canvases(5, 1), real)


def test_pairs_are_counted_on_valid_canvases_alone():
    """Two canvases of 0 and 2, one of 8 and 9, and one that is junk."""
    counts = torch.zeros(4, 10, dtype=torch.int64)
    for image, shown in enumerate(((0, 2), (0, 2), (8, 9), (1, 2))):
        counts[image, list(shown)] = 1
    said = Said(counts, torch.tensor([False, False, False, True]), torch.ones(4))
    found = pair_counts(said)
    assert found.sum() == 3
    assert found[1] == 2
    assert found[44] == 1


def test_distance_to_equal_shares_by_hand():
    """All of one of 45 pairs is 44/45, equal shares are 0."""
    one = torch.zeros(45, dtype=torch.int64)
    one[7] = 10
    assert to_equal(one).item() == pytest.approx(44 / 45)
    assert to_equal(torch.full((45,), 3)).item() == pytest.approx(0)


def test_the_null_of_pairs_falls_with_the_number_of_canvases():
    """One canvas is all of one pair; of many the shares are nearly equal; the seed decides."""
    assert equal_pairs(1, 0) == pytest.approx(44 / 45)
    assert equal_pairs(45, 0) == pytest.approx((44 / 45) ** 45, abs=0.02)
    assert equal_pairs(4500, 0) < 0.05
    assert equal_pairs(45, 0) == equal_pairs(45, 0) != equal_pairs(45, 1)


def test_frechet_of_diagonal_covariances_by_hand():
    """Means 1 apart on one axis, standard deviations 1 and 3 on the other: 1 + 4."""
    one = torch.tensor([[0.0, -1.0], [0.0, 1.0]])
    other = torch.tensor([[1.0, -3.0], [1.0, 3.0]])
    assert frechet(one, other) == pytest.approx(5.0)
    assert frechet(one, one) == pytest.approx(0.0, abs=1e-12)


def test_frechet_does_not_change_when_axes_are_turned():
    """A rotation of both samples leaves it, also where covariances do not commute."""
    generator = torch.Generator().manual_seed(0)
    one = torch.randn(40, 3, generator=generator) @ torch.randn(3, 3, generator=generator)
    other = torch.randn(50, 3, generator=generator) @ torch.randn(3, 3, generator=generator)
    turn = torch.linalg.qr(torch.randn(3, 3, generator=generator)).Q
    assert frechet(one @ turn, other @ turn) == pytest.approx(frechet(one, other), rel=1e-4)
    assert frechet(one, other) == pytest.approx(frechet(other, one), rel=1e-4)


def test_a_signed_share_of_what_real_canvases_lack_is_unknown():
    """More, fewer, and nothing to compare with."""
    found = signed_shares(torch.tensor([[3.0, 0.0, 1.0]]), torch.tensor([[1.0, 4.0, 0.0]])).tolist()
    assert found[:2] == [2.0, -1.0]
    assert math.isnan(found[2])


@dataclass(frozen=True)
class Finder:
    """Reads one digit on each canvas: class 0 wherever there is ink."""

    name: str = "finder"
    card: str = ""
    faults: tuple[str, ...] = ()

    def read(self, images):
        """Reads a 0 once on every canvas."""
        counts = torch.zeros(len(images), 10, dtype=torch.int64)
        counts[:, 0] = 1
        return Said(counts, torch.zeros(len(images), dtype=torch.bool), torch.ones(len(images)))

    def shares(self, images):
        """Gives ink to 0, all else to the background."""
        found = torch.zeros(len(images), 12, *images.shape[2:])
        found[:, 0], found[:, 10] = images[:, 0], 1 - images[:, 0]
        return found

    def features(self, images):
        """Gives the ink of each canvas."""
        return images.sum(dim=(2, 3))


def test_memorised_glyphs_are_found(monkeypatch):
    """Copies of training glyphs are all memorised; glyphs at random are not; a judge's features are used."""
    from mixmnist.dissect import quality as module

    generator = torch.Generator().manual_seed(0)
    train = draw(source="digits", n=60, seed=0, split="train")

    def laid(glyphs):
        images = torch.zeros(len(glyphs), 1, 32, 32)
        images[:, 0, 10:22, 10:22] = 0.6 + 0.4 * glyphs  # ink all over the box, so that it is found
        return images

    tiles = train.tiles.float() / 255
    bright = torch.rand(60, 12, 12, generator=generator)
    copies = tiles[train.glyphs.flatten()[:60]]
    monkeypatch.setattr(module, "_nearest", lambda glyphs, known: torch.cdist((glyphs - 0.6) / 0.4, known).amin(dim=1))
    drawn, held = (module._looked(Finder(), laid(each)) for each in (copies, bright))
    assert module.memorised(Finder(), drawn, held, train) == 1.0
    assert module.memorised(Finder(), held, held, train) == pytest.approx(0.05, abs=0.02)


def test_a_fixed_source_has_nothing_to_memorise(real):
    """Every glyph of stamps was trained on: nothing is said."""
    assert math.isnan(quality(JUDGE, canvases(60, 1), real, train=real)["memorised"])


def test_a_trained_judge_has_features(real):
    """Its last maps' means must be compared, real ones nearest to real ones; the exact judge has none."""
    net = JudgeNet(len(NUMBERS), torch.Generator().manual_seed(0)).eval()
    judge = judge_of(net, real.canvas)
    images = canvases(60, 1)
    assert features_of(judge, images).shape == (60, 128)
    assert torch.allclose(features_of(judge, images)[:5], features_of(judge, images[:5]), atol=1e-5)
    found = quality(judge, images.flip(3) * 0.3, real)
    assert found["reader_frechet"] > 2 * found["reader_frechet_real"] > 0
    assert features_of(JUDGE, images) is None
    assert math.isnan(quality(JUDGE, images, real)["reader_frechet"])
