"""The page on networks shows the committed numbers."""

import re
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "networks.md").read_text(encoding="utf-8")
TABLES = {  # by their marks: the table of the reference, and what names a row
    "architectures": ("architectures/mnist/analyses/comparison/variants", ["variant"]),
    "supervisions": ("supervisions/mnist/analyses/comparison/variants", ["variant"]),
    "pruning": ("pruning/mnist/analyses/pruning/weights", ["variant", "way", "level", "basis"]),
    "conditions": ("conditions/mnist/analyses/comparison/variants", ["variant"]),
    "attack": ("attack/mnist/analyses/attack/inside", ["variant", "eps", "way", "basis"]),
    "emergence": ("emergence/mnist/analyses/emergence/variants", ["variant"]),
    "transfer": ("transfer/mnist/analyses/transfer/atoms", ["variant", "to", "net"]),
}


def rows_of(mark):
    """The head and the rows of the table that stands between a mark and its end."""
    block = re.search(rf"<!-- {mark} -->\n(.*?)\n<!-- end -->", PAGE, re.DOTALL)[1]
    head, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines()]
    return head, rows


@pytest.mark.parametrize("mark", TABLES)
def test_every_row_is_one_of_the_reference(mark):
    """Each table must have rows, its keys among the columns, and no row that the reference has not."""
    name, keys = TABLES[mark]
    head, rows = rows_of(mark)
    known = pd.read_csv(ROOT / "results" / "reference" / f"{name}.csv", dtype=str, keep_default_na=False)
    assert set(keys) <= set(head)
    assert rows
    assert [row for row in rows if row not in known[head].to_numpy().tolist()] == []


def test_every_table_of_the_page_is_held():
    """No table may stand on the page that is not held against the reference."""
    assert re.findall(r"<!-- (\w+) -->\n", PAGE.replace("<!-- end -->", "")) == list(TABLES)
    assert len(re.findall(r"^\|[-|]+\|$", PAGE, re.MULTILINE)) == len(TABLES)
