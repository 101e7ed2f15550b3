"""Networks and transforms that write into the images that they get."""

import pytest
import torch
from torch import nn

from mixmnist.data.mixture import draw
from mixmnist.guests.evaluating import Setting, evaluate
from mixmnist.probing import probe
from mixmnist.scoring import Sheet


class Path(nn.Module):
    """Two convolutions, of which the first is silenced by running the net again, after a step that may write into the image."""

    def __init__(self, *, in_place: bool, channels: int = 1):
        super().__init__()
        torch.manual_seed(0)
        self.in_place = in_place
        self.first = nn.Sequential(nn.Conv2d(channels, 3, 9, stride=3), nn.ReLU())
        self.second = nn.Conv2d(3, 45, 5, stride=2)

    def forward(self, x):
        x = x.sub_(0.5) if self.in_place else x - 0.5
        return self.second(self.first(x)).mean(dim=(2, 3)) + 2 * x.mean(dim=(1, 2, 3))[:, None]


@pytest.fixture(scope="module")
def mixture():
    """200 canvases."""
    return draw("pairs", "digits", "test", n=200, seed=0)


def test_a_net_that_writes_into_its_images_scores_as_one_that_does_not(mixture):
    """Batches that are run once for each silenced unit must be the same for each."""
    plain, writing = (probe(Path(in_place=one).eval(), mixture, "first", few=200) for one in (False, True))
    every = torch.eye(3, dtype=torch.bool)
    for sets in (every, every[:1]):
        ours, theirs = (one.without(sets, torch.zeros(3)) for one in (plain, writing))
        torch.testing.assert_close(theirs, ours, rtol=0, atol=0)
    again = torch.stack(list(writing.without.returning(torch.arange(3), torch.zeros(3))))
    torch.testing.assert_close(again, torch.stack(list(plain.without.returning(torch.arange(3), torch.zeros(3)))), rtol=0, atol=0)
    assert writing.pixels.field == plain.pixels.field
    torch.testing.assert_close(Sheet(writing, sets=False)["drop"], Sheet(plain, sets=False)["drop"], equal_nan=True)


def _darker(x):
    return x - 0.25


def _darker_in_place(x):
    return x.sub_(0.25)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_transform_that_writes_into_its_images_scores_as_one_that_does_not(channels):
    """An in-place normalisation is as good as any other, on grey images for three channels, too."""
    setting = Setting(n=200, few=100, permutations=19, channels=channels)
    ours, theirs = (
        evaluate(Path(in_place=False, channels=channels).eval(), "first", source="digits", transform=one, setting=setting)
        for one in (_darker, _darker_in_place)
    )
    assert theirs.units.equals(ours.units)
