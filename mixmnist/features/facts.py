"""Facts: all that is known of a fitted dictionary on a layer, which the scores of the shelf are made from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jaxtyping import Bool, Float
from torch import Tensor

from mixmnist.core.records import Score
from mixmnist.core.registry import collect


@dataclass(frozen=True, eq=False)
class Facts:
    """A dictionary beside the truth. Cells and images are others than those that it was fitted on."""

    atoms: Float[Tensor, "atoms units"]
    cells: Float[Tensor, "cells units"]
    codes: Float[Tensor, "cells atoms"]  # of these cells, none negative
    answer: Float[Tensor, "cells units"] | None  # the cells that the codes stand for; None of a ceiling, which explains none
    response: Float[Tensor, "images atoms"]  # highest code over an image's cells
    present: Bool[Tensor, "images concepts"]  # which concepts the image shows
    rank_response: Float[Tensor, "others atoms"]  # the same on other images, on which everything is fitted
    rank_present: Bool[Tensor, "others concepts"]
    directions: Float[Tensor, "concepts units"] | None = None  # the true ones; known of planted cells
    true_codes: Float[Tensor, "cells concepts"] | None = None  # likewise


def score_facts(facts: Facts, only: Mapping[str, Score] | None = None) -> dict[str, float]:
    """Gives every column of the shelf of scores (or of some of its entries) whose needs are known; the others are left out."""
    found: dict[str, float] = {}
    for score in (collect("scores") if only is None else only).values():
        for column, function in score.columns.items():
            needs: dict[str, Any] = {name: getattr(facts, name) for name in score.needs(column)}
            if all(value is not None for value in needs.values()):
                found[column] = float(function(**needs))
    return found
