"""Units that come back one by one: how right the network is after each step, for many orders at once.

With a linear head a returning unit adds its share to the logits of before, so that a step costs a pass over the logits. On a
processor a compiled loop takes a few images through all steps while their logits are at hand; elsewhere all orders go side by
side.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from jaxtyping import Float, Float64, Int
from torch import Tensor

from mixmnist.core.readout import Without, WithoutOfHead
from mixmnist.metrics import _counting
from mixmnist.metrics._decisions import share_of

CHUNK = 2**26  # logits held at once where orders go side by side


def share_returning(
    without: Without,
    orders: Int[Tensor, "orders units"],
    values: Float[Tensor, " units"],
    about: Int[Tensor, "#orders images"],
    weights: Float[Tensor, "#orders images"],
) -> Float64[Tensor, "orders steps"]:
    """Gives the weighted sum, over images, of the share that goes to a class, with all units silenced and after each returns.

    Args:
        without: Logits with sets of units silenced.
        orders: Each row is a permutation of the units; its last comes back first.
        values: What a silenced unit's map is set to.
        about: The class that is asked about on each image: 1 where it alone has the largest logit, 1/t where t share it, else 0.
        weights: What each image counts.

    Returns:
        A sum for each order and step, 0 to units; in double precision.

    Example:
        >>> from mixmnist.probing import HeadAlgebra
        >>> head = HeadAlgebra(torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.eye(2), torch.zeros(2))
        >>> share_returning(head, torch.tensor([[0, 1]]), torch.zeros(2), torch.tensor([[0, 1]]), torch.ones(1, 2))
        tensor([[1.0000, 1.5000, 2.0000]], dtype=torch.float64)
    """
    about, weights = about.expand(len(orders), -1), weights.double().expand(len(orders), -1)
    if not isinstance(without, WithoutOfHead):
        return torch.stack([_one_by_one(without, *each, values) for each in zip(orders, about, weights, strict=True)])
    if without.mean.device.type == "cpu" and without.mean.dtype == torch.float32:
        return _compiled(without, orders, values, about, weights)
    at_once = max(1, CHUNK // (len(without.mean) * len(without.weight)))
    parts = zip(orders.split(at_once), about.split(at_once), weights.split(at_once), strict=True)
    return torch.cat([_side_by_side(without, *each, values) for each in parts])


def _one_by_one(without: Without, order: Tensor, about: Tensor, weights: Tensor, values: Tensor) -> Tensor:
    return torch.stack([share_of(now, about).double() @ weights for now in without.returning(order, values)])


def _compiled(without: WithoutOfHead, orders: Tensor, values: Tensor, about: Tensor, weights: Tensor) -> Tensor:
    values = values.to(without.mean)
    start = without.weight @ values + without.bias
    tables = (start, without.weight.T.contiguous(), (without.mean - values).T.contiguous())
    given = [table.detach().numpy() for table in tables]
    out = np.zeros((len(orders), orders.shape[1] + 1))
    rows = zip(orders.flip(1).numpy(), about.numpy(), weights.numpy(), out, strict=True)
    with ThreadPoolExecutor(min(torch.get_num_threads(), max(1, len(orders)))) as threads:
        parts = [threads.submit(_counting.add_shares, *given, *row) for row in rows]
    for part in parts:
        part.result()
    return torch.from_numpy(out)


def _side_by_side(without: WithoutOfHead, orders: Tensor, about: Tensor, weights: Tensor, values: Tensor) -> Tensor:
    values = values.to(without.mean)
    shares = (without.mean - values).T.contiguous()  # units images
    logits = (without.weight @ values + without.bias)[:, None].repeat(len(orders), 1, len(without.mean))  # orders classes images
    found = [_weighted(logits, about, weights)]
    for unit in orders.flip(1).T:
        logits += without.weight.T[unit][:, :, None] * shares[unit][:, None]
        found.append(_weighted(logits, about, weights))
    return torch.stack(found, dim=1)


def _weighted(logits: Float[Tensor, "orders classes images"], about: Tensor, weights: Tensor) -> Tensor:
    return (share_of(logits.transpose(1, 2), about).double() * weights).sum(dim=1)
