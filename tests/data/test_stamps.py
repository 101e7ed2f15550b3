"""Stamps: matched filters answer exactly 1 at their own stamp's place and exactly 0 everywhere else."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mixmnist import draw
from mixmnist.data.audit import audit
from mixmnist.data.canvas import resize
from mixmnist.data.sources.stamps import load

SIDE = 12


@pytest.fixture(scope="module")
def stamps():
    """The ten stamps as 0 and 1."""
    return torch.from_numpy(load(None, "train").images).float() / 255


def answers(stamps, canvases):
    """What the ten matched filters say at every place of a canvas, before the ReLU."""
    return F.conv2d(canvases[:, None], 2 * stamps[:, None] - 1, 1 - stamps.sum((1, 2)))


@pytest.fixture(scope="module")
def alone(stamps):
    """What each filter says of each stamp alone, at every shift that leaves some of it in the window."""
    return answers(stamps, F.pad(stamps, (SIDE - 1,) * 4))  # stamps filters shifts shifts


def test_both_splits_are_the_same_ten_black_and_white_glyphs(stamps):
    """Training and test glyphs must be one glyph a digit, of the values 0 and 255, 12 x 12 pixels."""
    train, test = load(None, "train"), load("anywhere", "test")
    assert np.array_equal(train.images, test.images)
    assert train.labels.tolist() == test.labels.tolist() == list(range(10))
    assert set(np.unique(train.images)) == {0, 255}
    assert stamps.shape == (10, SIDE, SIDE)


def test_every_stamp_touches_all_four_sides(stamps):
    """No stamp may fit into a window that is not its own box."""
    assert all(edge.any() for stamp in stamps for edge in (stamp[0], stamp[-1], stamp[:, 0], stamp[:, -1]))


def test_at_its_own_size_a_stamp_is_copied():
    """On the default canvas glyphs of 12 pixels must be the stamps themselves; smaller and larger ones must be drawn, too."""
    images = load(None, "test").images
    assert np.array_equal(resize(images, SIDE), images)
    assert resize(images, 9).shape == (10, 9, 9)


def test_only_the_own_stamp_at_its_own_place_is_answered(alone):
    """At every shift, of every stamp, a filter must say exactly 1 to its own unshifted stamp and 0 or less to all else."""
    fires = torch.zeros_like(alone, dtype=torch.bool)
    fires[range(10), range(10), SIDE - 1, SIDE - 1] = True
    assert (alone[fires] == 1).all()
    assert (alone[~fires] <= 0).all()


def test_two_neighbours_never_look_like_a_stamp(alone, stamps):
    """A window that sees parts of two stamps, at any legal offset of their boxes, must say 0 or less."""
    shifts = torch.cartesian_prod(*[torch.arange(1 - SIDE, SIDE)] * 2)
    legal = (shifts[:, None] - shifts).abs().amax(dim=2) >= SIDE  # their boxes do not overlap
    bias = 1 - stamps.sum((1, 2))
    ink = (alone - bias[:, None, None]).flatten(2).amax(dim=0)  # filters shifts: of the stamp that counts most
    both = ink[:, :, None] + ink[:, None, :] + bias[:, None, None]  # filters shifts shifts
    assert legal.sum() > 100_000
    assert (both[:, legal] <= 0).all()


@pytest.mark.parametrize("task", ["pairs", "redundant"])
def test_on_canvases_the_response_is_the_truth(stamps, task):
    """On drawn canvases the largest answer must be exactly 1 where the digit is shown and exactly 0 where it is not."""
    mixture = draw(task, "stamps", n=1_500)
    maps = F.relu(answers(stamps, F.pad(mixture.images / 255, (5, 6, 5, 6))))
    assert torch.equal(maps.amax(dim=(2, 3)), mixture.present.float())
    assert torch.equal(maps.sum(dim=(2, 3)), mixture.present.float())


def test_the_audit_takes_what_the_source_means():
    """One glyph a digit makes canvases that come twice, and glyphs in both splits: as many as are meant."""
    found = audit("pairs", "stamps", n=5_000).set_index("check")
    assert found["good"].all()
    assert tuple(found.loc["glyphs in both splits", ["found", "expected"]]) == ("10", "10")
    assert int(found.loc["duplicate canvases", "found"]) > 0
