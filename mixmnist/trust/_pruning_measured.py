"""What the analysis of pruning measures on one net: units removed one by one, weights cut, weights rounded."""

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd
import torch
from jaxtyping import Bool, Float, Int
from scipy.stats import rankdata
from torch import Tensor, nn

from mixmnist.core.readout import Readout
from mixmnist.core.records import require
from mixmnist.core.seeding import derive
from mixmnist.metrics._decisions import correct
from mixmnist.metrics.average_precision import average_precision
from mixmnist.metrics.detectors import coverage, detectors, unique_concepts
from mixmnist.metrics.weight_norm import weight_norm
from mixmnist.probing import Drawn, probe
from mixmnist.trust._bases import RANK, fit_bases, logits_of, maps_of, pixels
from mixmnist.trust._layers import first
from mixmnist.trust._networks import Recorded
from mixmnist.trust._pruning_nets import pruned, rounded

CANVASES = 1_000  # of the test mixture, the first ones
ORDERS = ("drop", "norm", "alignment", "random")
DRAWS = 5  # of random orders
SHARES = tuple(tenths / 10 for tenths in range(1, 10))  # of weights
BITS = (8, 4)
INTACT, MAGNITUDE, RANDOM, ROUNDED, NOISE = "intact", "magnitude", "random", "rounded", "noise"


@dataclass(frozen=True)
class Measured:
    """What was measured on one net or on several."""

    units: pd.DataFrame  # a row an order, draw and number of removed units
    weights: pd.DataFrame  # a row a way of changing weights, its level, and basis


def measured(net: Recorded, root: str | None) -> Measured:
    """Measures one net.

    Raises:
        ValueError: If the layer feeds no linear head: silenced units have no exact answers then.
    """
    rank, test = first(net.mixture("rank", root), RANK), first(net.mixture("test", root), CANVASES)
    module = net.net()
    on_rank, on_test = (probe(module, some, net.layer) for some in (rank, test))
    units, weights = removed(on_rank, on_test, net.seed), _weights(net, module, rank, test)
    for table in (units, weights):
        table.insert(0, "variant", net.variant)
        table.insert(1, "seed", net.seed)
    return Measured(units, weights)


def orders_of(rank: Readout, seed: int) -> Iterator[tuple[str, int, Int[Tensor, " units"]]]:
    """Lists orders in which units are removed, what is least worth first, all told on rank canvases.

    Returns:
        A name, the number of the draw and the order: `drop`, accuracy lost without the unit; `norm`, the sum of its absolute
        weights in the head times the standard deviation of its mean, how far it moves the logits; `alignment`; `random`.
    """
    assert rank.head is not None
    assert rank.logits is not None
    assert rank.without is not None
    each = torch.eye(rank.n_units, dtype=torch.bool)
    after = correct(rank.without(each, rank.mean.mean(dim=0)), rank.labels).double().mean(dim=1)
    alive = torch.zeros(rank.n_units, dtype=torch.bool)
    worth = {
        "drop": -after,
        "norm": weight_norm(rank.head, alive) * rank.mean.std(dim=0),
        "alignment": average_precision(rank.response, rank.present).nan_to_num(-1).amax(dim=1),
    }
    for name, value in worth.items():
        yield name, 0, value.argsort(stable=True)
    for draw in range(DRAWS):
        generator = torch.Generator().manual_seed(derive(seed, "pruning", "order", str(draw)))
        yield "random", draw, torch.randperm(rank.n_units, generator=generator)


def removed(rank: Readout, test: Readout, seed: int) -> pd.DataFrame:
    """Removes units one after another, each set to its mean over rank canvases, which leaves the others' answers as they are.

    Args:
        rank: On which orders and means are told.
        test: On which all is scored.
        seed: Of random orders.

    Returns:
        A row an `order`, `draw` and number of `removed` units, with their `share`, the `accuracy`, and `detectors`, `unique`
        concepts and `coverage` of the units that are left (0 where none is).

    Raises:
        ValueError: If the layer feeds no linear head.
    """
    way_out = "Name the layer before the mean."
    require(
        test.head is not None and rank.head is not None, f"pruning needs a layer that feeds a linear head, got none. {way_out}"
    )
    assert test.without is not None
    alignment, values, n = average_precision(test.response, test.present), rank.mean.mean(dim=0), rank.n_units
    rows = []
    for order, draw, units in orders_of(rank, seed):
        gone = torch.zeros(n + 1, n, dtype=torch.bool)
        for count in range(1, n + 1):
            gone[count:, units[count - 1]] = True
        accuracy = correct(test.without(gone, values), test.labels).double().mean(dim=1).tolist()
        for count in range(n + 1):
            row: dict[str, object] = {"order": order, "draw": draw, "removed": count, "share": count / n}
            rows.append(row | {"accuracy": accuracy[count]} | _scored(alignment[~gone[count]]))
    return pd.DataFrame(rows)


def _scored(alignment: Float[Tensor, "units concepts"]) -> dict[str, float]:
    if len(alignment) == 0:
        return {"detectors": 0.0, "unique": 0.0, "coverage": 0.0}
    scores = {"detectors": detectors, "unique": unique_concepts, "coverage": coverage}
    return {name: float(score(alignment)) for name, score in scores.items()}


def _weights(net: Recorded, module: nn.Module, rank: Drawn, test: Drawn) -> pd.DataFrame:
    """Changes weights in every way and reads each basis, fitted on the intact net, again."""
    x, bases = pixels(test), fit_bases(maps_of(module, net.layer, pixels(rank)), rank.present)
    before: dict[str, Tensor] = {}
    rows = []
    for way, level, changed in _changed_nets(module, net.seed):
        maps = maps_of(changed, net.layer, x)
        accuracy = float(correct(logits_of(changed, x), test.labels).double().mean())
        for basis in bases:
            response = basis.read(maps)
            known = before.setdefault(basis.name, response)  # the first net is the intact one
            row: dict[str, object] = {"way": way, "level": level, "basis": basis.name, "accuracy": accuracy}
            rows.append(row | _scored(average_precision(response, test.present)) | moved(known, response, test.present))
    return pd.DataFrame(rows)


def _changed_nets(net: nn.Module, seed: int) -> Iterator[tuple[str, float, nn.Module]]:
    """Gives the intact net, then it with weights cut and rounded, each beside a random change as large."""
    yield INTACT, 0.0, net
    for share in SHARES:
        yield MAGNITUDE, share, pruned(net, share)
        yield RANDOM, share, pruned(net, share, torch.Generator().manual_seed(derive(seed, "pruning", "weights")))
    for bits in BITS:
        yield ROUNDED, float(bits), rounded(net, bits)
        yield NOISE, float(bits), rounded(net, bits, torch.Generator().manual_seed(derive(seed, "pruning", "noise")))


def moved(
    before: Float[Tensor, "images units"], now: Float[Tensor, "images units"], present: Bool[Tensor, "images concepts"]
) -> dict[str, float]:
    """Says which units are no longer what they were.

    Args:
        before: Responses of the intact net.
        now: Of the changed one, on the same canvases.
        present: What these show.

    Returns:
        `moved`: share of units whose concept, that of their highest alignment, is another or that are dead now, of those that
        were alive; `ranks`: Spearman's correlation of responses before and now, mean over units that are alive in both.
    """
    (highest, was), (now_highest, is_now) = (average_precision(one, present).nan_to_num(-1).max(dim=1) for one in (before, now))
    alive, still = highest >= 0, now_highest >= 0
    other = (was != is_now) | ~still
    both = alive & still
    ranks = [_spearman(before[:, unit], now[:, unit]) for unit in both.nonzero()[:, 0].tolist()]
    share = float(other[alive].double().mean()) if alive.any() else float("nan")
    return {"moved": share, "ranks": sum(ranks) / len(ranks) if ranks else float("nan")}


def _spearman(one: Float[Tensor, " images"], other: Float[Tensor, " images"]) -> float:
    ranks = [torch.from_numpy(rankdata(values.double().numpy())) for values in (one, other)]
    return float(torch.corrcoef(torch.stack(ranks))[0, 1])
