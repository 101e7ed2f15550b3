"""Alignment of the same units with presence in many orders: images are sorted once, and only what shows a concept is visited."""

from dataclasses import dataclass
from typing import Any, no_type_check

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt32
from numpy.typing import NDArray
from torch import Tensor

from mixmnist.metrics._ranking import dead_units
from mixmnist.nets._loops import compiled


@dataclass(frozen=True, eq=False)
class Ranked:
    """Some units' images by falling response."""

    order: UInt32[np.ndarray, "units images"]
    block: UInt32[np.ndarray, "units images"]  # how many images rank as high as the one at this rank or higher
    dead: Bool[Tensor, " units"]

    @classmethod
    def of(cls, response: Float[Tensor, "images units"]) -> "Ranked":
        """Sorts each unit's images; tied images form one block."""
        values = np.ascontiguousarray(-response.T.cpu().numpy())
        order = np.argsort(values, axis=1)
        ordered = np.take_along_axis(values, order, axis=1)
        n = ordered.shape[1]
        ends = np.concatenate([ordered[:, 1:] != ordered[:, :-1], np.ones((len(ordered), 1), bool)], axis=1)
        last = np.where(ends, np.arange(1, n + 1), n)
        block = np.minimum.accumulate(last[:, ::-1], axis=1)[:, ::-1]
        return cls(order.astype(np.uint32), np.ascontiguousarray(block, np.uint32), dead_units(response).cpu())

    def average_precision(
        self, present: Bool[Tensor, "images concepts"], orders: Int[Tensor, "orders images"]
    ) -> Float[Tensor, "orders units concepts"]:
        """Scores each unit as a detector of each concept, with the rows of presence in each of several orders.

        Args:
            present: Ground truth from the generator.
            orders: Which row of presence each image gets.

        Returns:
            What `metrics.average_precision` gives for `present[order]`, in float64.

        Example:
            >>> response = torch.tensor([[9.0, 1.0], [8.0, 2.0], [1.0, 8.0], [0.0, 9.0]])
            >>> present = torch.tensor([[1, 0, 1], [1, 0, 0], [0, 0, 1], [0, 1, 1]]).bool()
            >>> Ranked.of(response).average_precision(present, torch.tensor([[0, 1, 2, 3], [3, 2, 1, 0]]))[:, 0].float()
            tensor([[1.0000, 0.2500, 0.8056],
                    [0.4167, 1.0000, 0.9167]])
        """
        counts = present.sum(dim=0).cpu()
        n_units, n_concepts = len(self.order), present.shape[1]
        found = np.zeros((len(orders), n_units, n_concepts + 1))  # the last one is no concept
        _add_up(self.order, self.block, _shown(present), orders.cpu().numpy().astype(np.uint32), found)
        scores = torch.from_numpy(found[:, :, :-1]) / counts
        scores[:, self.dead] = torch.nan
        scores[:, :, (counts == 0) | (counts == len(present))] = torch.nan
        return scores


def _shown(present: Bool[Tensor, "images concepts"]) -> UInt32[np.ndarray, "images slots"]:
    """Lists the concepts that each image shows, and where there are no more the number of concepts, which is none."""
    n_slots = max(1, int(present.sum(dim=1).max()))
    order = present.byte().argsort(dim=1, descending=True, stable=True)[:, :n_slots]
    return torch.where(present.gather(1, order), order, present.shape[1]).cpu().numpy().astype(np.uint32)


@compiled
@no_type_check
def _add_up_unit(order: NDArray[Any], block: NDArray[Any], shown: NDArray[Any], hits: NDArray[Any], total: NDArray[Any]) -> None:
    """Adds up, over the images that show a concept, the precision at the end of the image's block; of one unit."""
    start, slots = 0, shown.shape[1]
    while start < len(order):
        end = block[start]
        each = 1.0 / end
        if end == start + 1:  # most blocks: one look at the image is enough
            for slot in range(slots):
                concept = shown[order[start], slot]
                hits[concept] += 1
                total[concept] += hits[concept] * each
        else:
            for rank in range(start, end):
                for slot in range(slots):
                    hits[shown[order[rank], slot]] += 1
            for rank in range(start, end):
                for slot in range(slots):
                    concept = shown[order[rank], slot]
                    total[concept] += hits[concept] * each
        start = end


@compiled
@no_type_check
def _add_up(order: NDArray[Any], block: NDArray[Any], shown: NDArray[Any], orders: NDArray[Any], found: NDArray[Any]) -> None:
    """Fills found [orders, units, concepts + 1], zeros at first, with the sum over a concept's images of their precision.

    order, block [units, images]; shown [images, slots]; orders [orders, images].
    """
    hits = np.empty(found.shape[2], np.uint32)
    for number in range(len(orders)):
        moved = shown[orders[number]]
        for unit in range(len(order)):
            hits[:] = 0
            _add_up_unit(order[unit], block[unit], moved, hits, found[number, unit])
