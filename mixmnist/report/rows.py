"""Rows of the table of runs: one a layer of a network that is scored, one of another as a whole; and what analyses add."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from mixmnist.core import sums

WHOLE = "whole"  # in the place of a layer, where a network is not scored


def is_scored(record: Mapping[str, Any]) -> bool:
    """Says whether a record is of a network that is scored in the grid."""
    return bool(record.get("scored", True))


def last_layer(runs: pd.DataFrame) -> str:
    """Gives the layer of the last run that is scored."""
    of_scored = runs["layer"][runs["layer"] != WHOLE]
    return str(of_scored.iloc[-1]) if len(of_scored) else WHOLE


def with_analyses(runs: pd.DataFrame, paths: Iterable[Path]) -> pd.DataFrame:
    """Adds what analyses say of single runs, of the layer that feeds the head; not what is damaged."""
    for path in paths:
        if sums.trouble(path.parent / sums.ANALYSIS, [path.name]) is None:
            found = pd.read_csv(path).copy()  # in one piece: there may be hundreds of columns
            layers = dict.fromkeys((last_layer(runs), WHOLE))  # a run has a row of one of them
            found = pd.concat([found.assign(layer=layer) for layer in layers], ignore_index=True)
            runs = runs.merge(found, on=["variant", "seed", "layer"], how="left", validate="m:1")
    return runs
