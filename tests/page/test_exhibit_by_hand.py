"""What an exhibit holds, against numbers worked out from its readout."""

import numpy as np
import pytest
import torch

from mixmnist.metrics.average_precision import average_precision
from mixmnist.metrics.correct import correct_without
from mixmnist.page.exhibit import ORDERS, POINTS, TOP


@pytest.fixture(scope="module")
def both(seen, exhibited):
    """A readout with what it was ranked by, and its exhibit."""
    _, readout, rank, _ = seen()
    return readout, rank, exhibited()


def test_curves_go_from_the_first_image_to_the_last(both):
    """Precision must be known from one image to all, and from the first step of recall to the whole, evenly."""
    readout, _, shown = both
    assert POINTS == 25
    assert (shown.ks[0], shown.ks[-1]) == (1, len(readout.response))
    assert np.allclose(shown.recalls, np.arange(1, 26) / 25)
    order = readout.response[:, 2].argsort(descending=True, stable=True)
    present = readout.present[order, 3].double()
    place = 12
    assert shown.precision_at_k[2, 3, place] == pytest.approx(present[: shown.ks[place]].mean().item(), abs=1e-6)


def test_images_at_both_ends_are_the_highest_and_the_lowest(both):
    """The top images must have the highest responses, falling, the bottom ones the lowest, rising, each with what it shows."""
    readout, _, shown = both
    falling = readout.response.sort(dim=0, descending=True).values[:TOP].T.numpy()
    rising = readout.response.sort(dim=0).values[:TOP].T.numpy()
    np.testing.assert_allclose(shown.top_response, falling)
    np.testing.assert_allclose(shown.bottom_response, rising)
    first = int(readout.response[:, 1].argmax())
    assert (shown.top_present[1, 0] == readout.present[first].numpy()).all()


def test_orders_are_fitted_on_the_rank_images(both):
    """Units must go by alignment, drop and weight on the rank images, as the orders are called; each order has each unit once."""
    _, rank, shown = both
    orders = dict(zip(ORDERS, shown.bench.orders.tolist(), strict=True))
    assert all(sorted(order) == list(range(4)) for order in orders.values())
    best = average_precision(rank.response, rank.present).amax(dim=1)
    assert orders["best detectors first"] == best.argsort(descending=True).tolist()
    assert orders["largest weights first"] == rank.head.abs().sum(dim=0).argsort(descending=True).tolist()
    intact = correct_without(rank.without, rank.labels, torch.zeros(1, 4).bool(), torch.zeros(4)).mean()
    drops = (intact - correct_without(rank.without, rank.labels, torch.eye(4).bool(), torch.zeros(4)).mean(dim=1)).tolist()
    assert orders["most important first"] == sorted(range(4), key=lambda unit: -drops[unit])  # ties: the lower number
    assert orders["least important first"] == sorted(range(4), key=lambda unit: drops[unit])
    np.testing.assert_allclose(shown.bench.rest, rank.mean.mean(dim=0).numpy(), rtol=1e-6)


def test_drops_of_classes_are_over_their_images(both):
    """Each class's drop without each unit must be over its own images, and the number of images be told."""
    readout, _, shown = both
    assert shown.dropped_on == readout.without.n_images
    intact = readout.logits.argmax(dim=1) == readout.labels
    gone = readout.without(torch.eye(4).bool(), torch.zeros(4)).argmax(dim=2) == readout.labels
    for unit in range(4):
        for label in (0, 7, 44):
            own = readout.labels == label
            expected = (
                intact[own].double().mean() - gone[unit, own].double().mean() if own.sum() >= 30 else torch.tensor(torch.nan)
            )
            assert shown.drops[unit, label] == pytest.approx(expected.item(), abs=1e-6, nan_ok=True)
