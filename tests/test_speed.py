"""The measurements of speed: each must run, on little, as it is called."""

import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("what", ["draw", "train", "detect", "units", "concepts", "maps", "classes", "curves"])
def test_a_point_of_the_growth_table_runs(monkeypatch, capsys, what):
    """Every piece of work whose growth is measured must run on its smallest size."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks" / "speed"))
    growth = importlib.import_module("growth")
    monkeypatch.setattr(growth, "IMAGES", 1_000)
    growth.measure(what, 1_000 if what in ("draw", "train", "detect") else 3)
    assert '"seconds"' in capsys.readouterr().out
