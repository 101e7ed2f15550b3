"""Odd canvases: what is on them is what is said of them."""

import pytest
import torch

from mixmnist.core.records import Canvas, Glyphs
from mixmnist.data.sources import load_glyphs
from mixmnist.dissect._odd import EMPTY, GHOST, ODD, PROPER, Mix, junk_tiles, odd_canvases, pool_of, warped
from mixmnist.dissect.reading import BACKGROUND, JUNK

ALL = ODD  # none to three glyphs, junk, ghosts, soft ones; glyphs as they are


@pytest.fixture(scope="module")
def pool():
    """The glyphs of stamps."""
    return pool_of(load_glyphs("stamps", None, "test"), torch.arange(10), 12)


def drawn(pool, n, mix, seed=0):
    """Draws canvases of 32 pixels."""
    return odd_canvases(pool, n, Canvas(), torch.Generator().manual_seed(seed), mix)


def gaps(found):
    """Gives the distances of all boxes of digits and junk that share a canvas."""
    for slots, places in zip(found.slots.tolist(), found.positions.tolist(), strict=True):
        shown = [place for slot, place in zip(slots, places, strict=True) if slot >= 0]
        for i, (row, col) in enumerate(shown):
            for other_row, other_col in shown[:i]:
                yield max(abs(row - other_row), abs(col - other_col))


def test_proper_pairs_are_pairs(pool):
    """Two different digits once each, no junk, boxes apart and within the canvas; each digit as often as any other."""
    found = drawn(pool, 1500, PROPER)
    assert (found.counts.sum(dim=1) == 2).all()
    assert found.counts.max() == 1
    assert not found.junk.any()
    assert min(gaps(found)) >= 12
    assert (found.positions[found.slots >= 0].aminmax().min, found.positions[found.slots >= 0].aminmax().max) == (1, 20)
    assert (found.counts.double().mean(dim=0) - 0.2).abs().max() < 0.05


def test_proper_pairs_look_as_glyphs_pasted_one_by_one(pool):
    """Images and classes are those of a slow loop over glyphs and pixels."""
    found = drawn(pool, 7, PROPER, seed=3)
    stamps = load_glyphs("stamps", None, "test").images
    for image, classes, slots, places in zip(found.images, found.classes, found.slots, found.positions, strict=True):
        ink, kinds = torch.zeros(32, 32), torch.full((32, 32), BACKGROUND)
        for slot, (row, col) in zip(slots.tolist(), places.tolist(), strict=True):
            for r in range(12):
                for c in range(12):
                    if slot >= 0 and stamps[slot][r, c]:
                        ink[row + r, col + c], kinds[row + r, col + c] = 1, slot
        assert torch.equal(image[0], ink)
        assert torch.equal(classes, kinds)


def test_odd_canvases_show_none_to_three_and_repeats(pool):
    """Counts are those of the slots, two standing for more; boxes overlap by a third at most, and some do overlap."""
    found = drawn(pool, 1500, ALL)
    number = (found.slots >= 0).sum(dim=1)
    assert number.unique().tolist() == [0, 1, 2, 3]
    for slots, counts in zip(found.slots.tolist(), found.counts.tolist(), strict=True):
        assert counts == [min(slots.count(digit), 2) for digit in range(10)]
    assert (found.counts == 2).any(dim=1).double().mean() > 0.05
    assert min(gaps(found)) == 8


def test_junk_is_there_as_often_as_asked_and_seen(pool):
    """Three in ten of the odd canvases have it, and pixels of it; no others have."""
    found = drawn(pool, 1500, ALL)
    assert found.junk.double().mean().item() == pytest.approx(0.3, abs=0.04)
    assert torch.equal((found.slots == JUNK).any(dim=1), found.junk)
    seen = (found.classes == JUNK).flatten(1).any(dim=1)
    assert not (seen & ~found.junk).any()
    assert (seen | ~found.junk).double().mean() > 0.99


def test_ghosts_are_faint_and_background(pool):
    """A canvas with nothing but a ghost has ink of at most .2, and no class but background."""
    found = drawn(pool, 800, Mix(proper=0.0, junk=0.0, ghost=1.0, soft=0.0, warp=0.0))
    alone = (found.slots == GHOST).any(dim=1) & (found.slots < 0).all(dim=1)
    assert alone.sum() > 100
    assert 0.1 < found.images[alone].max() <= 0.2
    assert (found.classes[alone] == BACKGROUND).all()
    assert (found.counts[alone] == 0).all()


def test_crowds_have_four_glyphs(pool):
    """One in each quarter, boxes at most a quarter of a glyph over each other."""
    found = drawn(pool, 300, Mix(crowd=1.0, warp=0.0))
    assert ((found.slots >= 0).sum(dim=1) == 4).all()
    assert min(gaps(found)) >= 9


def test_soft_canvases_are_pictures_too(pool):
    """All values lie in [0, 1]; without softness stamps are black and white."""
    soft = drawn(pool, 100, Mix(proper=0.0, soft=1.0, junk=0.0, ghost=0.0, warp=0.0)).images
    assert (soft.min() >= 0, soft.max() <= 1) == (True, True)
    assert ((soft > 0.05) & (soft < 0.95)).any()
    hard = drawn(pool, 100, Mix(proper=0.0, soft=0.0, junk=0.0, ghost=0.0, warp=0.0)).images
    assert hard.unique().tolist() == [0, 1]


def test_nothing_is_left_of_an_empty_slot(pool):
    """A canvas without glyphs and softness is black."""
    found = drawn(pool, 400, Mix(proper=0.0, soft=0.0, junk=0.0, ghost=0.0, warp=0.0))
    none = (found.slots == EMPTY).all(dim=1)
    assert none.sum() > 50
    assert found.images[none].max() == 0


def test_warping_by_nothing_is_resizing():
    """With strength 0 a glyph is sampled where the canvas's own resizing samples it, up to its rounding."""
    pool = pool_of(load_glyphs("digits", None, "test"), torch.arange(445), 12)
    same = warped(pool.images, 12, 0.0, torch.Generator().manual_seed(0))
    inner = (slice(None), slice(None), slice(1, -1), slice(1, -1))  # resizing repeats the edge, warping fades there
    assert (same[inner] - pool.tiles[inner]).abs().max() <= 0.5 / 255 + 1e-5
    assert (warped(pool.images, 12, 1.0, torch.Generator().manual_seed(0)) - pool.tiles).abs().mean() > 0.02


def test_junk_is_no_digit(pool):
    """No junk tile is a stamp: it differs from each by much of a stamp's ink."""
    one, two = pool.tiles[:, 0].repeat(30, 1, 1), pool.tiles[:, 0].roll(3, dims=0).repeat(30, 1, 1)
    junk = junk_tiles(one, two, torch.Generator().manual_seed(0))
    far = (junk[:, None] - pool.tiles[:, 0]).abs().mean(dim=(2, 3)).amin(dim=1)
    assert far.min() > 0.05
    assert junk.min() >= 0
    assert junk.max() <= 1


def test_a_pool_is_in_the_order_of_labels_and_has_every_digit():
    """Rows of each digit lie together; a source in want of a digit is refused."""
    glyphs = load_glyphs("digits", None, "test")
    pool = pool_of(glyphs, torch.arange(1, 445, 2), 12)
    assert (pool.labels.diff() >= 0).all()
    assert pool.number.sum() == 222
    assert (pool.labels[pool.first] == torch.arange(10)).all()
    few = Glyphs(glyphs.images[:3].copy(), glyphs.labels[:3].copy())
    with pytest.raises(ValueError, match="glyphs must be of the ten digits and of each of them"):
        pool_of(few, torch.arange(3), 12)


def test_the_same_seed_draws_the_same(pool):
    """Images, classes and counts; another seed draws others."""
    one, two, other = (drawn(pool, 20, Mix(), seed) for seed in (4, 4, 5))
    assert torch.equal(one.images, two.images)
    assert torch.equal(one.classes, two.classes)
    assert not torch.equal(one.images, other.images)
