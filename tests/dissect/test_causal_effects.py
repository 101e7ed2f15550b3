"""ACE: alpha finds the unit that draws the digit, and the effect is read where it was written."""

import pytest
import torch

from mixmnist.dissect.ace import Search, ace, alpha_of, cells_at, value_at
from mixmnist.dissect.sampling import take


@pytest.mark.parametrize("way", ["mean", "patch"])
def test_alpha_is_the_unit_that_draws_the_digit(rank, judge, way):
    """It goes up there and to 0 for the others."""
    alpha = alpha_of(rank, judge, digit=3, search=Search(steps=30, batch=4, way=way))
    assert alpha.shape == (12,)
    assert alpha[3] > 0.7
    assert alpha[torch.arange(12) != 3].max() < 0.25


def test_one_value_a_unit_does_not_draw_what_is_a_pattern(marked, judge):
    """Marks are moved by patches; by their mean nothing is drawn, and no effect is seen of the unit that draws the digit."""
    alpha = torch.zeros(12)
    alpha[3] = 1
    by = {way: ace(marked, judge, alpha, value_at(marked, marked, 3, way), 3).scores() for way in ("mean", "patch")}
    assert by["mean"]["ace"] == pytest.approx(0, abs=0.01)
    assert by["patch"]["ace"] > 0.4
    assert by["mean"]["ace_removed"] == by["patch"]["ace_removed"] > 0.4


def test_patches_are_anothers(sample):
    """Its digit lies at the place; it is nobody's own."""
    value = value_at(sample, sample, 3, "patch")
    cells = cells_at(sample, 3)
    some = sample.shown[:, 3]
    assert (value[:, 3] * cells)[some].sum(dim=(1, 2)).unique().tolist() == [float(sample.maps[some][0, 3].sum())]
    assert not (value == sample.maps).flatten(1).all(dim=1)[some].any()


def test_alpha_of_zero_has_no_effect(sample, rank, judge):
    """Neither is anything removed nor inserted: exactly 0 on every sample."""
    effect = ace(sample, judge, torch.zeros(12), value_at(sample, rank, 3), 3)
    assert len(effect.samples) == int(sample.shown[:, 3].sum())
    assert effect.here.abs().max() == 0
    assert effect.canvas.abs().max() == 0
    assert effect.removed.abs().max() < 1e-6


def test_the_removal_is_read_at_the_place(sample, rank, judge):
    """Without its unit the digit's share of its box goes to nothing."""
    alpha = torch.zeros(12)
    alpha[5] = 1
    effect = ace(sample, judge, alpha, torch.zeros(1, 12, 1, 1), 5)
    ink = float(judge._stamps[5].mean())
    assert effect.removed.min() > 0.85 * ink
    assert effect.removed.max() <= ink + 1e-5
    assert effect.here.abs().max() == 0  # nothing is inserted


class Ink:
    """Judges by ink alone: all of it is of each digit."""

    name, card, faults = "ink", "none", ("it cannot read",)

    def read(self, images):
        raise NotImplementedError

    def shares(self, images):
        return images.repeat(1, 12, 1, 1)


def test_what_is_inserted_is_read_where_it_was_written(sample, rank):
    """A block of the height k in the cells of the box: the effect there is k times alpha, and so it is over the canvas."""
    alpha, k = torch.zeros(12), torch.zeros(12)
    alpha[4], k[4] = 0.5, 0.8
    effect = ace(sample, Ink(), alpha, k[None, :, None, None], 4)
    blocks = effect.here
    ink = (sample.images[effect.samples, 0].clamp(0, 1)).sum(dim=(1, 2))
    assert len(blocks) == int(sample.shown[:, 4].sum()) > 0
    assert torch.allclose(blocks, torch.full_like(blocks, 0.4), atol=1e-5)
    assert torch.allclose(effect.canvas, effect.here, atol=1e-5)
    assert (ink > 0).all()


def test_only_the_cells_of_the_box_are_edited(sample):
    """On cells of a pixel they are the box itself."""
    cells = cells_at(sample, 2)
    assert cells.sum(dim=(1, 2))[sample.shown[:, 2]].unique().tolist() == [144]
    assert not cells[~sample.shown[:, 2]].any()


def test_permuting_units_permutes_alpha_and_nothing_else(rank, judge, turned):
    """The same search in another order of the units, up to rounding."""
    subject, order = turned
    other = take(subject, judge, n=90, seed=1)
    search = Search(steps=4, batch=4)
    mine, its = alpha_of(rank, judge, 3, search), alpha_of(other, judge, 3, search)
    assert torch.allclose(mine[order], its, atol=1e-4)


def test_the_search_leaves_the_generator_as_it_was(rank, judge):
    """No gradients are gathered, no hook stays."""
    alpha_of(rank, judge, 1, Search(steps=2, batch=3))
    assert not rank.subject.net.maps._forward_hooks
    assert all(parameter.grad is None for parameter in rank.subject.net.parameters())


def test_a_digit_that_is_never_shown_has_no_alpha(sample, rank, judge):
    """It is nan, and so is the effect."""
    without = rank.some(rank.said.counts[:, 6] == 0)
    assert alpha_of(without, judge, 6).isnan().all()
    missing = ace(sample.some(sample.said.counts[:, 6] == 0), judge, torch.ones(12), torch.ones(1, 12, 1, 1), 6).scores()
    assert missing["ace"] != missing["ace"]


def test_alpha_beyond_one_is_refused(sample, rank, judge):
    """It is a share of each unit."""
    with pytest.raises(ValueError, match=r"units must lie in \[0, 1\], got 0 to 1\.5"):
        ace(sample, judge, torch.tensor([0.0] * 11 + [1.5]), value_at(sample, rank, 3), 3)


def test_a_search_of_no_steps_is_refused():
    """And so is an empty batch or a start beyond 1."""
    for settings, words in (({"steps": 0}, "steps must"), ({"batch": 0}, "batch must"), ({"start": 2.0}, "start must")):
        with pytest.raises(ValueError, match=words):
            Search(**settings)
