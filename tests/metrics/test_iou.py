"""Intersection over union against slow loops, and on units whose maps are the masks."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor

from mixmnist import draw
from mixmnist.core.readout import Field
from mixmnist.metrics import _counting
from mixmnist.metrics._pixels import (
    KINDS,
    LEVELS,
    QUANTILE,
    _add_levels,
    _add_levels_at_once,
    _add_steps,
    _add_steps_at_once,
    count_levels,
    count_steps,
    fit,
    levels,
)
from mixmnist.metrics.iou import THRESHOLDS, _column, iou
from mixmnist.metrics.iou_ceiling import ceiling
from mixmnist.metrics.pixel_counts import _counted

SIDE = 9


@dataclass
class Planted:
    """Maps and masks that are given; in batches of three images."""

    maps: Tensor  # images units rows cols
    masks: dict[str, Tensor]  # images concepts rows cols
    field: Field | None = None

    @property
    def n_concepts(self):
        return self.masks["ink"].shape[1]

    @property
    def n_images(self):
        return len(self.maps)

    def __iter__(self):
        for indices in torch.arange(len(self.maps)).split(3):
            yield indices, self.maps[indices]

    def mask(self, kind, concept, indices):
        return self.masks[kind][indices, concept]


def planted(seed, n_values):
    """Two units on ten images with three concepts; few values, so that many pixels tie."""
    g = torch.Generator().manual_seed(seed)
    maps = torch.randint(0, n_values, (10, 2, SIDE, SIDE), generator=g) / n_values
    box = torch.rand(10, 3, SIDE, SIDE, generator=g) < torch.tensor([0.3, 0.05, 0.6])[:, None, None]
    ink = box & (torch.rand(10, 3, SIDE, SIDE, generator=g) < 0.5)
    maps[:, 0] += 0.5 * box[:, 0]
    return Planted(maps, {"ink": ink, "box": box})


def values(pixels, unit):
    """All of a unit's pixels as the scores read them."""
    return levels(pixels.maps[:, unit]).numpy().ravel()


def selected(found, threshold, share):
    """How much each pixel counts: whole above the threshold, in part at it."""
    return (found > threshold) + share * (found == threshold)


def cut_at(found, wanted):
    """The level at which so many pixels are reached, and the share of those that is needed."""
    for level in np.unique(found)[::-1]:
        above, here = (found > level).sum(), (found == level).sum()
        if above + here >= wanted:
            return level, (wanted - above) / here
    return found.min(), 1.0


def information(fires, mask):
    """Mutual information of two yes-or-no images over their joint entropy."""
    joint = np.array([(fires & mask).mean(), (fires & ~mask).mean(), (~fires & mask).mean(), (~fires & ~mask).mean()])
    parts = [np.array([fires.mean(), 1 - fires.mean()]), np.array([mask.mean(), 1 - mask.mean()]), joint]
    first, second, both = (-(p[p > 0] * np.log(p[p > 0])).sum() for p in parts)
    return (first + second - both) / both


@pytest.mark.parametrize("n_values", [3, 40])
@pytest.mark.parametrize("threshold", THRESHOLDS)
@pytest.mark.parametrize("kind", KINDS)
def test_equals_slow_loops(kind, threshold, n_values):
    """Every threshold must be the best or the reached one on the rank images, every score a count over the others' pixels."""
    rank, pixels = planted(1, n_values), planted(2, n_values)
    cuts = fit(rank)
    found = _column(_counted(pixels, cuts), cuts, torch.tensor([False, False]), kind, threshold)
    for unit in range(2):
        fitted, scored = values(rank, unit), values(pixels, unit)
        for concept in range(3):
            mask, other = (p.masks[kind][:, concept].numpy().ravel() for p in (pixels, rank))
            if threshold == "information":
                options = np.unique(fitted)
                level = options[np.argmax([information(fitted >= t, other) for t in options])]
                # between two fitted levels any threshold is as good; the images to be scored may have pixels there
                level, share = max([v for v in fitted if v <= level]), 1.0
            else:
                level, share = cut_at(fitted, other.sum() if threshold == "matched" else QUANTILE * len(fitted))
            fires = selected(scored, level, share)
            expected = (fires * mask).sum() / (fires.sum() + mask.sum() - (fires * mask).sum())
            assert found[unit, concept].item() == pytest.approx(expected, abs=1e-5)


def test_a_unit_whose_map_is_the_box_has_its_known_scores():
    """On real canvases a perfect box unit must score 1 where as many pixels as the box's fire, and its ceiling by quantile."""
    halves = []
    for seed in (0, 1):
        mixture = draw("pairs", "digits", n=400, seed=seed)
        box = torch.zeros(400, 10, 32, 32, dtype=torch.bool)
        for image, (slots, boxes) in enumerate(zip(mixture.shown.tolist(), mixture.boxes.tolist(), strict=True)):
            for concept, (top, left, bottom, right) in zip(slots, boxes, strict=True):
                box[image, concept, top:bottom, left:right] = True
        ink = torch.stack([mixture.mask(c) for c in range(10)], dim=1)
        halves.append(Planted(box[:, 3:4].float(), {"ink": ink, "box": box}))
    rank, pixels = halves
    cuts = fit(rank)
    counted, live = _counted(pixels, cuts), torch.tensor([False])
    scores = {t: _column(counted, cuts, live, "box", t)[0, 3].item() for t in THRESHOLDS}
    share = pixels.masks["box"][:, 3].float().mean().item()
    assert scores["information"] == 1
    assert scores["matched"] > 0.9  # the other images show the digit a little more or less often
    assert ceiling(counted, "box")[3].item() == pytest.approx(QUANTILE / share)
    assert scores["quantile"] == pytest.approx(QUANTILE / share, rel=0.15)
    assert pytest.approx(0.178, abs=0.001) == QUANTILE / (0.2 * 144 / 1024)


def test_levels_rise_with_the_values():
    """Of two values the larger may not have the lower level, negative ones included; zero has one level."""
    found = torch.tensor([-torch.inf, -3.0, -1e-30, -0.0, 0.0, 1e-30, 0.5, 3.0, torch.inf])
    assert levels(found).diff().min() >= 0
    assert levels(found)[3] == levels(found)[4]


def test_dead_units_have_no_score():
    """A unit that never changes must be told as having none."""
    pixels = planted(0, 3)
    cuts = fit(pixels)
    found = _column(_counted(pixels, cuts), cuts, torch.tensor([False, True]), "ink", "matched")
    assert found.isnan().all(dim=1).tolist() == [False, True]


@pytest.mark.parametrize("threads", [1, 3])
def test_loops_and_single_operations_count_alike(threads):
    """The processor's loops must count what the operations for a GPU count: negative values, both zeros, pixels in many masks."""
    generator = torch.Generator().manual_seed(0)
    maps = torch.randn(4, 5, 6, 7, generator=generator)
    maps[maps.abs() < 0.5] = 0.0
    maps[0, 0, 0, :2] = torch.tensor([-0.0, 0.0])
    members = torch.rand(4, 3, 42, generator=generator) < 0.4
    table = (torch.arange(LEVELS).expand(5, -1) // 5_000 + torch.arange(5)[:, None]).to(torch.int16)
    found = [[torch.zeros(shape, dtype=torch.int64) for shape in ((5, LEVELS), (5, 20), (5, 3, 20))] for _ in range(2)]
    alone = torch.zeros(5, 3, 20, dtype=torch.int64)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        _add_levels(maps, found[0][0])
        _add_steps(maps, members, table, *found[0][1:])
        _add_steps(maps, members, table, None, alone)
    finally:
        torch.set_num_threads(before)
    _add_levels_at_once(maps, found[1][0])
    _add_steps_at_once(maps, members, table, *found[1][1:])
    for loops, at_once in zip(*found, strict=True):
        assert torch.equal(loops, at_once)
    assert torch.equal(alone, found[0][2])
    assert int(found[0][1].sum()) == maps.numel()
    assert int(found[0][2].sum()) == 5 * int(members.sum())


def test_levels_are_counted_as_they_are_numbered():
    """The loop must count each value at its level: both zeros at one, -2 at its own."""
    values = torch.tensor([-2.0, -0.0, 0.0, 2.0])
    counts = torch.zeros(1, LEVELS, dtype=torch.int64)
    _add_levels(values.view(1, 1, 2, 2), counts)
    assert torch.equal(counts[0].nonzero()[:, 0], levels(values).unique().long())
    assert counts[0, levels(values).long()].tolist() == [1, 2, 2, 1]


def test_a_loop_that_fails_is_heard(monkeypatch):
    """What goes wrong in a thread must be raised, not leave counts of zero."""
    monkeypatch.setattr(_counting, "add_levels", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        _add_levels(torch.ones(1, 1, 2, 2), torch.zeros(1, LEVELS, dtype=torch.int64))


def test_a_mask_of_one_pixel_has_a_score():
    """The smallest mask that there is must be scored, and none at all give nan."""
    every, inside = torch.tensor([[1.0, 3.0]]), torch.tensor([[[1.0, 0.0], [0.0, 0.0]]])
    found = iou(every, inside, torch.tensor([1.0, 0.0]), torch.tensor([[[0.0, 1.0], [0.0, 1.0]]]))
    assert found[0, 0] == 1
    assert found[0, 1].isnan()


def test_the_value_of_the_quantile_is_one_of_the_map():
    """The threshold that pictures draw must be the map's value above which its share of pixels lies."""
    maps = (torch.arange(10 * SIDE * SIDE).view(10, 1, SIDE, SIDE) + 1.0).expand(-1, 2, -1, -1)
    given = planted(0, 3)
    value = fit(Planted(maps.contiguous(), given.masks)).value
    wanted = torch.quantile(maps[:, 0].flatten(), 1 - QUANTILE)
    torch.testing.assert_close(value, wanted.expand(2), rtol=2**-7, atol=0)  # levels keep seven bits


def test_more_steps_than_16_bits_hold_are_counted():
    """Tasks of very many masks have more than 32,767 steps between thresholds."""
    given, steps = planted(0, 3), 40_000
    given.maps *= 1e30  # of the highest levels
    cuts = torch.arange(LEVELS) * steps // LEVELS
    every, _, _ = count_steps(given, cuts.expand(2, -1), steps)
    assert torch.equal(every, torch.zeros_like(every).index_add(1, cuts, count_levels(given)[0]))
