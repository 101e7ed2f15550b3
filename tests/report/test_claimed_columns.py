"""Columns that claims of the studies stand on: each has its number from an oracle, and a test that names it."""

import re
from pathlib import Path

import pandas as pd
import pytest

from mixmnist.core.studies import load_study
from mixmnist.report.reading import KEYS, _with_best

ROOT = Path(__file__).resolve().parents[2]
STUDIES = ("sanity", "usefulness", "trust")


def test_every_claimed_column_is_named_by_a_test():
    """A column that a claim of a study uses must be named in a test, so that somebody has thought of its value."""
    claims = [claim for name in STUDIES for claim in load_study(str(ROOT / "benchmarks" / f"{name}.py"))[1].claims]
    columns = {column for claim in claims for column in (claim.column, claim.minus) if column}
    assert len(columns) > 15
    tests = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    named = set(re.findall(r"[\"'](\w+)[\"']", tests))
    assert sorted(columns - named) == []


def rows(**columns):
    """Rows of one study, which differ in the columns given."""
    plain = {"study": "s", "source": "x", "task": "t", "variant": "v", "seed": 0, "block": "s0-4", "layer": "conv3"}
    return pd.DataFrame([plain | dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)])


def test_useless_concepts_have_their_best_and_useful_ones_their_worst():
    """Of the useless concepts the best alignment counts, of the useful ones the worst, in each run and layer by itself."""
    runs = rows(seed=[0, 0, 1], layer=["conv2", "conv3", "conv3"])
    concepts = rows(
        seed=[0] * 8 + [1] * 4,
        layer=["conv2"] * 4 + ["conv3"] * 8,
        useless=[True, True, False, False] * 3,
        alignment=[0.1, 0.3, 0.7, 0.5, 0.2, 0.15, 0.9, 0.95, 0.35, 0.4, 0.6, 0.8],
    )
    found = _with_best(runs, concepts)
    assert found["useless_alignment"].tolist() == [0.3, 0.2, 0.4]
    assert found["worst_useful_alignment"].tolist() == [0.5, 0.9, 0.6]
    assert set(KEYS) <= set(found)


def test_without_useless_concepts_there_is_nothing_to_say():
    """A task all of whose concepts are useful must get neither column."""
    runs, concepts = rows(seed=[0]), rows(useless=[False, False], alignment=[0.5, 0.7])
    assert _with_best(runs, concepts).equals(runs)


@pytest.mark.parametrize("name", STUDIES)
def test_claims_are_of_the_studies_own_variants(name):
    """Each claim must be of variants that its study has, and ask for ten seeds or more."""
    study = load_study(str(ROOT / "benchmarks" / f"{name}.py"))[1]
    assert study.claims
    for claim in study.claims:
        assert {claim.variant, claim.against or claim.variant} <= set(study.variants)
        assert claim.seeds >= 10
