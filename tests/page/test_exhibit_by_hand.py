"""What an exhibit holds, against numbers worked out from its readout."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mixmnist.metrics.average_precision import average_precision
from mixmnist.metrics.correct import correct_without
from mixmnist.page import exhibit
from mixmnist.page.exhibit import ORDERS, POINTS
from mixmnist.page.picturing import TOP


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


def test_responses_are_counted(both):
    """Every image must be in one step of each unit's responses, and among those of the concepts that it shows."""
    readout, _, shown = both
    for unit in range(4):
        response = readout.response[:, unit].numpy()
        expected, edges = np.histogram(response, bins=24, range=(response.min(), response.max()))
        np.testing.assert_allclose(shown.counts[unit], expected, atol=1)  # one may lie on an edge
        assert shown.counts[unit].sum() == 700
        assert shown.ends[unit].tolist() == [edges[0], edges[-1]]
        of = np.histogram(response[readout.present[:, 3].numpy()], bins=24, range=(edges[0], edges[-1]))[0]
        np.testing.assert_allclose(shown.counts_of[unit, 3], of, atol=1)


def test_the_accuracy_is_over_all_images(both):
    """The network's own accuracy must be told, on every scored image; none of a network that does not classify."""
    readout, _, shown = both
    assert shown.accuracy == pytest.approx((readout.logits.argmax(dim=1) == readout.labels).float().mean().item())


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


def test_drops_of_classes_are_over_their_images(both, monkeypatch):
    """Each class's drop without each unit must be over its own images, where they are enough; and their number be told."""
    readout, _, few = both
    assert few.dropped_on == readout.without.n_images
    assert np.isnan(few.drops).all()  # none of the 45 classes has thirty images
    monkeypatch.setattr("mixmnist.metrics.drop.LEAST_OF_CLASS", 1)
    intact = (readout.logits.argmax(dim=1) == readout.labels).double()
    gone = (readout.without(torch.eye(4).bool(), torch.zeros(4)).argmax(dim=2) == readout.labels).double()
    own = torch.nn.functional.one_hot(readout.labels).double()
    expected = ((intact - gone) @ own / own.sum(dim=0)).numpy()
    assert (expected != 0).any()
    np.testing.assert_allclose(exhibit._class_drops(readout)[0], expected, atol=1e-6)


def test_concepts_have_their_share_of_images(both):
    """How often a concept occurs must be told of each, over all images."""
    readout, _, shown = both
    np.testing.assert_allclose(shown.prevalence, readout.present.double().mean(dim=0).numpy(), rtol=1e-6)


def test_exhibits_are_compared_as_objects(both):
    """Exhibits and benches hold arrays, so one must equal nothing but itself, and be a key where one is wanted."""
    for found in (both[2], both[2].bench):
        assert found == found
        assert found != replace(found)
        assert len({found, replace(found)}) == 2
