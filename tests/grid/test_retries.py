"""How often a block is tried again after its worker died."""

import contextlib

import pytest

from mixmnist.grid import cluster

distributed = pytest.importorskip("distributed")


def test_a_block_is_tried_three_times_more(monkeypatch):
    """Workers that are started here must be told to allow three failures, and a message count four deaths."""
    import dask

    seen = []

    class Nobody(contextlib.nullcontext):
        def __init__(self, *args, **kwargs):
            super().__init__()
            seen.append(dask.config.get("distributed.scheduler.allowed-failures"))

    monkeypatch.setattr(distributed, "LocalCluster", Nobody)
    monkeypatch.setattr(distributed, "Client", Nobody)
    with cluster._client("local:1"):
        pass
    assert seen[0] == 3

    class KilledWorker(Exception):  # noqa: N818 -- as Dask calls it
        pass

    assert cluster._explain(KilledWorker(), 4).startswith("its workers died 4 times")
    assert [deaths for deaths in range(6) if cluster._again(deaths)] == [0, 1, 2, 3]
