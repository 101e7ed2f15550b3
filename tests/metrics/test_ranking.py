"""The order of a unit's images, which many scores share."""

import gc
import weakref

import pytest
import torch

from mixmnist.metrics import _ranking
from mixmnist.metrics._ranking import count_hits, order_of, rank_images, take


def test_hits_are_counted_as_a_slow_loop_counts_them(monkeypatch):
    """The hits of each unit and concept must be those among its first n images, for single and double precision."""
    g = torch.Generator().manual_seed(0)
    response, present = torch.randn(9, 4, generator=g), torch.rand(9, 3, generator=g) < 0.4
    for given in (response, response.double()):
        hits = rank_images(given, present).hits
        assert hits.dtype == given.dtype
        for unit in range(4):
            ranked = present[response[:, unit].argsort(descending=True)]
            for n in range(10):
                assert hits[n, unit].tolist() == ranked[:n].sum(dim=0).tolist()


def test_a_block_of_ties_has_one_first_and_one_last():
    """Images that tie must have the ranks of their block."""
    ranking = rank_images(torch.tensor([[2.0], [1.0], [2.0], [0.0], [1.0]]), torch.ones(5, 1, dtype=torch.bool))
    assert ranking.first[:, 0].tolist() == [0, 0, 2, 2, 4]
    assert ranking.last[:, 0].tolist() == [2, 2, 4, 4, 5]
    assert take(ranking.hits, ranking.last)[:, 0, 0].tolist() == [2, 2, 4, 4, 5]


def test_what_is_sorted_once_is_known(monkeypatch):
    """Responses must be sorted once for many scores; again if they are written to; and be forgotten with them."""
    calls = []
    real = _ranking._sorted
    monkeypatch.setattr(_ranking, "_sorted", lambda response: calls.append(1) or real(response))
    response = torch.tensor([[1.0], [2.0], [3.0]])
    assert order_of(response).images.tolist() == order_of(response).images.tolist() == [[2, 1, 0]]
    assert len(calls) == 1
    response[0] = 4
    assert order_of(response).images.tolist() == [[0, 2, 1]]
    assert len(calls) == 2
    with torch.inference_mode():
        assert order_of(torch.tensor([[1.0], [2.0]])).images.tolist() == [[1, 0]]
    gone = weakref.ref(_ranking._KNOWN[response][1].images)
    del response
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("step", [1, 2, 5])
def test_a_few_units_at_a_time_are_the_same(step):
    """Cutting an order into parts of units must change nothing."""
    response = torch.randn(7, 5, generator=torch.Generator().manual_seed(1))
    present = torch.eye(7, 2, dtype=torch.bool)
    whole = count_hits(order_of(response), present, response.dtype)
    parts = [count_hits(part, present, response.dtype) for part in order_of(response).split(step)]
    for name in whole._fields:
        assert torch.equal(torch.cat([getattr(part, name) for part in parts], dim=1), getattr(whole, name))
