"""Words that stand for a number, at that very number: a detector at .80, a used concept at .05."""

import pandas as pd
import pytest
import torch

from mixmnist.core.thresholds import THRESHOLD, USED
from mixmnist.metrics.detectors import detectors, unique_concepts
from mixmnist.metrics.group_drop import groups
from mixmnist.metrics.used import mean_group_drop, used_concepts
from mixmnist.report.tables import detected_and_used

EXACTLY, BELOW = torch.tensor(0.80), torch.nextafter(torch.tensor(0.80), torch.tensor(0.0))


def alignment(value):
    """Three units and two concepts; the second unit has the value with the first concept, the last is dead."""
    return torch.tensor([[0.1, 0.3], [value, 0.2], [torch.nan, torch.nan]])


def test_the_numbers_are_those_of_the_documents():
    """A detector has .80, a used concept .05."""
    assert (THRESHOLD, USED) == (0.80, 0.05)


@pytest.mark.parametrize(("value", "n"), [(EXACTLY, 1), (BELOW, 0)])
def test_a_unit_at_the_threshold_is_a_detector(value, n):
    """Wherever detectors are counted or grouped, an alignment of exactly .80 must be enough, and the next below not."""
    found = alignment(value.item())
    assert detectors(found).item() == n
    assert unique_concepts(found).item() == n
    assert groups(found).int().tolist() == [[0, 0], [n, 0], [0, 0]]


@pytest.mark.parametrize(("value", "n"), [(0.05, 1), (0.0499, 0)])
def test_a_concept_at_the_threshold_is_used(value, n):
    """A group drop of exactly .05 must be enough, and a little less not; a concept without detectors is not used."""
    assert used_concepts(torch.tensor([value, 0.01, torch.nan])).item() == n


def test_the_mean_group_drop_is_over_concepts_with_detectors():
    """Concepts without detectors must be left out, and none at all give nan."""
    assert mean_group_drop(torch.tensor([0.3, torch.nan, 0.1])).item() == pytest.approx(0.2)
    assert mean_group_drop(torch.tensor([torch.nan, torch.nan])).isnan()


def test_the_table_of_use_counts_at_the_thresholds():
    """Detected and used, detected and not used, not detected: each must count its rows at the very thresholds."""
    pairs = [(0.80, 0.05), (0.80, 0.0499), (0.7999, 0.05), (0.9, float("nan"))]
    rows = [{"variant": "v", "useless": False, "alignment": a, "group_drop": d, "linear_probe": 0.5} for a, d in pairs]
    found = detected_and_used(pd.DataFrame(rows).assign(chance=0.2)).iloc[0]
    assert (found["detected_and_used"], found["detected_not_used"], found["not_detected"]) == (0.25, 0.5, 0.25)
    assert (found["n"], found["linear_probe"], found["chance"]) == (4, 0.5, 0.2)
    assert found["alignment"] == pytest.approx((0.80 + 0.80 + 0.7999 + 0.9) / 4)
