import pandas as pd
import pytest

from mixmnist.core import storage
from mixmnist.report import tables
from mixmnist.report.tables import LARGEST, write_table


def numbers(n_rows):
    """Gives a table of so many rows, each about 40 bytes for people and its own number."""
    return pd.DataFrame({"unit": range(n_rows), "alignment": [i / n_rows for i in range(n_rows)], "concept": ["digit"] * n_rows})


def test_a_large_table_is_in_its_csv_alone(tmp_path):
    """A table of more than 200 kB must keep its notes in the md, which says how many rows are in which csv; and have no tex."""
    table = numbers(10_000)
    write_table(tmp_path, "units", table, ["A row a unit."])
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "units.csv"), table)
    assert (tmp_path / "units.md").read_text() == "A row a unit.\n\nIts 10,000 rows, too many to read, are in units.csv.\n"
    assert not (tmp_path / "units.tex").exists()


def test_a_table_that_grew_leaves_no_old_tex(tmp_path):
    """Where a small table was, a large one must take its place whole."""
    for n_rows, files in ((10, {"units.csv", "units.md", "units.tex"}), (10_000, {"units.csv", "units.md"})):
        storage.publish(tmp_path / "tables", lambda partial, n=n_rows: write_table(partial, "units", numbers(n), ["note"]))
        assert {path.name for path in (tmp_path / "tables").iterdir()} == files


@pytest.mark.parametrize("ending", ["md", "tex"])
def test_the_largest_table_that_is_written_out(tmp_path, monkeypatch, ending):
    """A table must be written out up to the last byte that is allowed, and no further, in the larger of its two formats."""
    table = numbers(100) if ending == "md" else pd.DataFrame({"a": ["#_%&" * 20] * 100})  # each of which tex writes as two
    write_table(tmp_path, "whole", table, ["note"])
    size, other = ((tmp_path / f"whole.{kind}").stat().st_size for kind in (ending, {"md": "tex", "tex": "md"}[ending]))
    assert LARGEST > size > other
    for largest, written in ((size, True), (size - 1, False)):
        monkeypatch.setattr(tables, "LARGEST", largest)
        storage.publish(tmp_path / "tables", lambda partial: write_table(partial, "whole", table, ["note"]))
        assert (tmp_path / "tables" / "whole.tex").exists() == written
        assert ("too many to read" not in (tmp_path / "tables" / "whole.md").read_text()) == written
