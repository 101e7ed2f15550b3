"""The order of a unit's images, which many scores share."""

import numpy as np
import pytest
import torch

from mixmnist.metrics import _ranking
from mixmnist.metrics._ranking import count_hits, order_of, rank_images, sorting_once, take
from mixmnist.metrics.average_precision import average_precision


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
    """While many scores are computed a layer must be sorted once; before and after nothing may be known."""
    calls = []
    real = _ranking._sorted
    monkeypatch.setattr(_ranking, "_sorted", lambda response: calls.append(1) or real(response))
    values = np.array([[1.0], [2.0], [3.0]])
    response = torch.from_numpy(values)
    with sorting_once():
        assert order_of(response).images.tolist() == order_of(response).images.tolist() == [[2, 1, 0]]
        assert len(calls) == 1
    values[0] = 4  # of which torch knows nothing
    assert order_of(response).images.tolist() == [[0, 2, 1]]
    with sorting_once():
        assert order_of(response).images.tolist() == [[0, 2, 1]]
    assert len(calls) == 3


def test_a_layer_too_large_to_keep_is_sorted_part_by_part(monkeypatch):
    """Scores must be the same where the order of all units does not fit, and then no order may be kept."""
    g = torch.Generator().manual_seed(2)
    response, present = torch.randn(12, 5, generator=g), torch.rand(12, 2, generator=g) < 0.5
    wanted = average_precision(response, present)
    monkeypatch.setattr(_ranking, "MOST", 10)
    monkeypatch.setattr(_ranking, "CHUNK", 24)
    with sorting_once():
        assert torch.equal(average_precision(response, present), wanted)
        assert not _ranking._KNOWN.get()


@pytest.mark.parametrize("step", [1, 2, 5])
def test_a_few_units_at_a_time_are_the_same(step):
    """Cutting an order into parts of units must change nothing."""
    response = torch.randn(7, 5, generator=torch.Generator().manual_seed(1))
    present = torch.eye(7, 2, dtype=torch.bool)
    whole = count_hits(order_of(response), present, response.dtype)
    parts = [count_hits(part, present, response.dtype) for part in order_of(response).split(step)]
    for name in whole._fields:
        assert torch.equal(torch.cat([getattr(part, name) for part in parts], dim=1), getattr(whole, name))
