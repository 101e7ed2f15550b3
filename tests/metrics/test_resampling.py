"""Units whose map comes from another image: what is right on average over all other images."""

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mixmnist.metrics._decisions import correct
from mixmnist.metrics._resampling import DRAWS, expected_correct, resampled_correct
from mixmnist.probing import HeadAlgebra
from mixmnist.scoring import Sheet

N, UNITS, CLASSES = 40, 3, 4
G = torch.Generator().manual_seed(0)
MEAN = torch.rand(N, UNITS, generator=G)
WEIGHT, BIAS = torch.randn(CLASSES, UNITS, generator=G), torch.randn(CLASSES, generator=G) / 4
LABELS = torch.randint(0, CLASSES, (N,), generator=G)
YES = torch.randint(0, 2, (N, CLASSES), generator=G)


def slow(mean, weight, bias, labels):
    """Takes every unit's value from every image in turn, one image after another."""
    found = torch.zeros(mean.shape[1], labels.numel(), dtype=torch.float64)
    for unit in range(mean.shape[1]):
        for other in range(len(mean)):
            changed = mean.double().clone()
            changed[:, unit] = mean[other, unit].double()
            found[unit] += correct(changed @ weight.double().T + bias.double(), labels).double() / len(mean)
    return found


@pytest.mark.parametrize("labels", [LABELS, YES], ids=["one of many", "yes or no"])
def test_it_is_the_mean_over_all_images_that_the_map_may_come_from(labels):
    """The answer must be what a loop over every unit, image and other image counts."""
    found = expected_correct(HeadAlgebra(MEAN, WEIGHT, BIAS), labels)
    torch.testing.assert_close(found.double(), slow(MEAN, WEIGHT, BIAS, labels), rtol=0, atol=1e-6)


eighths = st.integers(-2, 2).map(lambda i: i / 8)


@settings(deadline=None, max_examples=60)
@given(
    hnp.arrays(np.float32, (9, 2), elements=st.integers(0, 2)),
    hnp.arrays(np.float32, (4, 2), elements=eighths),
    hnp.arrays(np.float32, 4, elements=eighths),
    st.booleans(),
)
def test_ties_are_shared_as_everywhere(mean, weight, bias, many):
    """Where values are few, logits tie in every way: with rivals of equal weight, at one end, at both, at the same value."""
    mean, weight, bias = (torch.from_numpy(part) for part in (mean, weight, bias))
    labels = torch.arange(9) % 4 if many else (torch.arange(36).view(9, 4) % 3 == 0).long()
    found = expected_correct(HeadAlgebra(mean, weight, bias), labels)
    torch.testing.assert_close(found.double(), slow(mean, weight, bias, labels), rtol=0, atol=1e-6)


@pytest.mark.parametrize("many", [True, False], ids=["one of many", "yes or no"])
def test_rounding_decides_no_tie(many):
    """Tenths, which no float holds, must tie where fractions do: with rivals of several slopes at one bound, and at two."""
    draw = np.random.default_rng(0)
    mean, weight, bias = (draw.integers(low, 4, size) for low, size in ((0, (90, 3)), (-3, (6, 3)), (-3, 6)))
    labels = np.arange(90) % 6 if many else draw.integers(0, 2, (90, 6))
    points = [[_points(mean, weight, bias, labels, unit, image) for image in range(90)] for unit in range(3)]
    expected = torch.tensor(np.array(points, dtype=float)).flatten(1)
    if not many:
        expected = expected * correct(torch.from_numpy(2.0 * labels - 1), torch.from_numpy(labels))
    tenths = HeadAlgebra(*(torch.from_numpy(part / 10) for part in (mean, weight, bias / 10)))
    found = expected_correct(tenths, torch.from_numpy(labels))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


def test_rounding_decides_no_tie_that_the_unit_has_no_part_in():
    """A rival that .1 + .2 puts above .3 must share, and a logit of .1 + .2 - .3 must be no yes."""
    above = HeadAlgebra(torch.ones(1, 1).double(), torch.ones(2, 1).double(), torch.tensor([0.3, 0.1 + 0.2]).double())
    assert expected_correct(above, torch.tensor([0])).tolist() == [[0.5]]
    no = HeadAlgebra(
        torch.ones(1, 1).double(), torch.tensor([[0.0], [1.0]]).double(), torch.tensor([0.1 + 0.2 - 0.3, 0]).double()
    )
    assert expected_correct(no, torch.tensor([[0, 1]])).tolist() == [[1, 1]]


def _points(mean, weight, bias, labels, unit, image):
    """Counts in whole numbers how right an image, or each yes or no about it, is on average."""
    found = []
    for other in range(len(mean)):
        changed = mean[image].copy()
        changed[unit] = mean[other, unit]
        logits = weight @ changed + bias
        if labels.ndim == 2:
            found.append((logits > 0) == labels[image])
        else:
            found.append((logits[labels[image]] == logits.max()) / (logits == logits.max()).sum())
    return np.mean(found, axis=0)


def test_an_image_may_get_its_own_map(tied):
    """With one image alone nothing changes; a dead unit changes nothing either."""
    alone = HeadAlgebra(tied.mean[:1], tied.head, torch.zeros(10))
    assert torch.equal(expected_correct(alone, tied.labels[:1]), correct(tied.logits[:1], tied.labels[:1]).expand(7, 1))
    dead = tied.mean.index_fill(1, torch.tensor([2]), 0.5)
    found = expected_correct(HeadAlgebra(dead, tied.head, torch.zeros(10)), tied.labels)
    torch.testing.assert_close(found[2], correct(dead @ tied.head.T, tied.labels))


def test_a_few_images_at_a_time_change_nothing(tied, monkeypatch):
    """The bound on memory must change no number."""
    whole = expected_correct(tied.without, tied.labels)
    monkeypatch.setattr("mixmnist.metrics._resampling.CHUNK", 70)
    assert torch.equal(expected_correct(tied.without, tied.labels), whole)


def test_many_draws_come_near_it(tied):
    """A thousand random orders of the images must average to it, within their scatter."""
    g = torch.Generator().manual_seed(0)
    each = torch.eye(7).bool()
    drawn = [
        correct(tied.without.resampled(each, torch.randperm(720, generator=g)), tied.labels).mean(dim=1) for _ in range(1_000)
    ]
    scatter = torch.stack(drawn).std(dim=0) / 1_000**0.5
    found = expected_correct(tied.without, tied.labels).mean(dim=1)
    assert ((torch.stack(drawn).mean(dim=0) - found).abs() < 4 * scatter + 1e-6).all()


class Run:
    """Silences as a network does that must be run again: without the numbers of a head."""

    def __init__(self, without):
        self.inner, self.asked = without, []
        self.n_images = without.n_images

    def __call__(self, sets, values):
        return self.inner(sets, values)

    def resampled(self, sets, others):
        self.asked.append(others)
        return self.inner.resampled(sets, others)

    def returning(self, order, values):
        return self.inner.returning(order, values)


def test_a_network_that_is_run_again_averages_several_orders(tied):
    """Without a head several random orders, the same every time, must count alike."""
    net = Run(tied.without)
    found = resampled_correct(net, tied.labels, 7)
    orders = torch.stack(net.asked).unique(dim=0)
    assert len(orders) == DRAWS >= 2
    assert all(torch.equal(order.sort().values, torch.arange(720)) for order in orders)
    each = [correct(tied.without.resampled(torch.eye(7).bool(), order), tied.labels) for order in orders]
    torch.testing.assert_close(found, torch.stack(each).mean(dim=0))
    assert torch.equal(resampled_correct(Run(tied.without), tied.labels, 7), found)


def test_the_column_takes_the_head_where_there_is_one(tied, tied_sheet):
    """Drops of resampled units must come from the mean over all images."""
    assert torch.equal(tied_sheet["correct_without_resample"], expected_correct(tied.without, tied.labels))
    lost = tied_sheet["correct"].mean() - expected_correct(tied.without, tied.labels).mean(dim=1)
    torch.testing.assert_close(tied_sheet["drop_resample"], lost)


def test_perfect_detectors_lose_what_arithmetic_says(perfect):
    """Of a perfect detector's images 8/9 are lost with the digit gone (in .8 of all); where it comes in, three tie (in .2)."""
    found = Sheet(perfect)["drop_resample"]
    torch.testing.assert_close(found, torch.full((10,), 0.2 * 0.8 * (8 / 9 + 2 / 3)))
