"""Rows of the table of runs: one a layer of a network that is scored, else one in all; their order; what analyses add."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from mixmnist.core import sums

WHOLE = "whole"  # in the place of a layer, where a network is not scored


def is_scored(record: Mapping[str, Any]) -> bool:
    """Says whether a record is of a network that is scored in the grid."""
    return bool(record.get("scored", True))


def last_layers(runs: pd.DataFrame) -> dict[str, str]:
    """Gives of each variant the layer that feeds the head, the last one of its net; `whole` where its nets are not scored.

    Example:
        >>> rows = [("thin", "conv1"), ("thin", "conv3"), ("deep", "conv1"), ("deep", "conv3_2"), ("reader", WHOLE)]
        >>> last_layers(pd.DataFrame(rows, columns=["variant", "layer"]))
        {'thin': 'conv3', 'deep': 'conv3_2', 'reader': 'whole'}
    """
    return {str(variant): str(own.iloc[-1]) for variant, own in runs.groupby("variant", sort=False)["layer"]}


def name_of_last(runs: pd.DataFrame) -> str:
    """Names the layer that feeds the head; where nets have other ones, each with its variants; `whole` where none is scored.

    Example:
        >>> rows = [("thin", "conv3"), ("deep", "conv3_2"), ("deeper", "conv3_2")]
        >>> name_of_last(pd.DataFrame(rows, columns=["variant", "layer"]))
        'conv3 (thin), conv3_2 (deep, deeper)'
    """
    of_scored = {variant: layer for variant, layer in last_layers(runs).items() if layer != WHOLE}
    names = list(dict.fromkeys(of_scored.values()))
    if len(names) < 2:
        return names[0] if names else WHOLE
    return ", ".join(f"{name} ({', '.join(v for v, layer in of_scored.items() if layer == name)})" for name in names)


def is_last(table: pd.DataFrame, layers: Mapping[str, str]) -> "pd.Series[bool]":
    """Says which rows are of the layer that feeds the head, whose name differs from net to net.

    Args:
        table: A row has a `variant` and a `layer`.
        layers: As `last_layers` gives them.
    """
    return table["layer"].astype(str).eq(table["variant"].astype(str).map(dict(layers)))


def with_analyses(runs: pd.DataFrame, paths: Iterable[Path]) -> pd.DataFrame:
    """Adds what analyses say of single runs, of the layer that feeds the head; not what is damaged."""
    for path in paths:
        if sums.trouble(path.parent / sums.ANALYSIS, [path.name]) is None:
            found = pd.read_csv(path).copy()  # in one piece: there may be hundreds of columns
            found["layer"] = found["variant"].map(last_layers(runs))
            runs = runs.merge(found, on=["variant", "seed", "layer"], how="left", validate="m:1")
    return runs


def order_of(variant: str) -> tuple[bool, list[tuple[str, float]]]:
    """Puts the baseline first, the others in alphabetical order, their numbers as numbers.

    Example:
        >>> sorted(["images-10000", "images-5000", "baseline"], key=order_of)
        ['baseline', 'images-5000', 'images-10000']
    """
    parts = re.findall(r"(\D*)(\d+(?:\.\d+)?|$)", variant)
    return variant != "baseline", [(text, float(number or 0)) for text, number in parts]
