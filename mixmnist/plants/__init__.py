"""Shelf of planted networks: one file each, ending in `PLANT`; here is how found scores are held against the right ones."""

import math
from collections.abc import Mapping

import pandas as pd

from mixmnist.core.records import Expected, require


def compare(expected: Expected, tables: Mapping[str, pd.DataFrame], n_images: int) -> pd.DataFrame:
    """Holds scores against the right values that were written down beforehand.

    Args:
        expected: What a plant expects.
        tables: The scores of its last layer: `layer` (one row), `units` and `concepts`.
        n_images: How many images they were computed on; shares of few images may lie further off.

    Returns:
        A row a value: table, column, row, expected, within (how far off it may be), found, right.

    Raises:
        ValueError: If a table has another number of rows than values were written down.
    """
    found = []
    for table, columns in expected.items():
        for column, right in columns.items():
            rows = tables[table][column].astype(float).tolist()
            values = right.value if isinstance(right.value, tuple) else (right.value,) * len(rows)
            require(
                len(values) == len(rows),
                f"{table} must have a row for each value that is expected, got {len(rows)} rows for {len(values)} of {column}.",
            )
            within = right.within + right.spread / math.sqrt(n_images)
            for row, (value, score) in enumerate(zip(values, rows, strict=True)):
                agrees = math.isnan(score) if math.isnan(value) else abs(score - value) <= within
                found.append((table, column, row, value, within, score, agrees))
    return pd.DataFrame(found, columns=["table", "column", "row", "expected", "within", "found", "right"])
