"""Scores that claims stand on and that have no oracle elsewhere."""

from dataclasses import replace

import pytest
import torch
from scipy.stats import spearmanr

from mixmnist.metrics.sharp import has_sharp_detector, sharp_detectors
from mixmnist.metrics.spearman import ATTRIBUTES, DAMAGE, spearman
from mixmnist.scoring import Sheet

TO_MEAN = (
    "mean_drop_mean",
    "max_drop_mean",
    "mean_group_drop_mean",
    "reliance_mean",
    "reliance_area_mean",
    "class_accuracy_kept_mean",
)


def column(sheet, name):
    """A number of the layer."""
    metric = next(metric for metric in sheet.metrics.values() if name in metric.columns)
    return sheet.compute(metric, name).item()


@pytest.mark.parametrize("name", TO_MEAN)
def test_silenced_to_a_mean_of_nothing_is_silenced_to_zero(tied, tied_rank, name):
    """Where every unit's mean over the rank images is 0 a score to the mean must be the one to zero, and elsewhere another."""
    empty = replace(tied_rank, mean=torch.zeros_like(tied_rank.mean))
    sheet = Sheet(tied, Sheet(empty))
    plain = name.removesuffix("_mean")
    assert column(sheet, name) == pytest.approx(column(sheet, plain), abs=1e-6)
    usual = Sheet(tied, Sheet(tied_rank))
    assert column(usual, name) != pytest.approx(column(usual, plain), abs=1e-3)


@pytest.mark.parametrize("damage", ["drop_mean", "drop", "max_class_drop"])
def test_largest_and_mean_drops_are_over_the_units(tied_sheet, damage):
    """The largest and the mean drop of a layer must be those of its units, dead ones as 0."""
    of = {
        "drop_mean": ("max_drop_mean", "mean_drop_mean"),
        "drop": ("max_drop", "mean_drop"),
        "max_class_drop": ("max_class_drop",),
    }
    units = tied_sheet[damage].nan_to_num(0)
    summaries = (units.max().item(), units.mean().item())
    metric = tied_sheet.metrics["reliance"]
    for name, expected in zip(of[damage], summaries, strict=False):
        assert tied_sheet.compute(metric, name).item() == pytest.approx(expected)


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("attribute", ATTRIBUTES)
def test_rank_correlations_are_scipys(tied_sheet, attribute, damage):
    """Each must be Spearman's over the units, of what they have with their own concepts where that is asked."""
    own = tied_sheet["alignment"].argmax(dim=1)

    def of_units(name):
        values = tied_sheet[name]
        return [values[u, own[u]].item() if values.ndim == 2 else values[u].item() for u in range(7)]

    expected = spearmanr(of_units(attribute), of_units(damage)).statistic
    assert column(tied_sheet, f"spearman_{attribute}_{damage}") == pytest.approx(expected)


def test_three_units_are_correlated_and_two_are_not():
    """Three live units have a rank correlation; two, or units of which one number never changes, have none."""
    known = torch.tensor([0.1, 0.2, 0.3])
    assert spearman(known, torch.tensor([3.0, 2.0, 1.0])).item() == -1
    assert spearman(known, torch.tensor([3.0, torch.nan, 1.0])).isnan()
    assert spearman(torch.tensor([0.5, 0.5, 0.5]), known).isnan()
    assert spearman(known, torch.tensor([2.0, 2.0, 2.0])).isnan()
    assert not spearman(torch.tensor([0.5, 0.7, 0.5]), torch.tensor([1.0, 1.0, 2.0])).isnan()


@pytest.mark.parametrize(
    ("precision", "recalled", "n"),
    [(0.995, 0.895, 1), (0.9949, 0.895, 0), (0.995, 0.8949, 0), (1.0, 1.0, 1), (torch.nan, 0.9, 0)],
)
def test_a_sharp_detector_has_both_numbers(precision, recalled, n):
    """Both precisions must reach 1.00 and .90 at two decimals, for the same concept; at those very values they do."""
    first = torch.tensor([[0.3, precision], [1.0, 0.1]])
    second = torch.tensor([[0.9, recalled], [0.2, 1.0]])  # the second unit has each number for another concept
    assert sharp_detectors(first, second).item() == n
    assert has_sharp_detector(first, second).item() == n


def test_several_sharp_detectors_are_counted_and_said_once():
    """The number of sharp detectors counts units, whether there is one is 0 or 1."""
    good = torch.full((3, 2), 1.0)
    assert sharp_detectors(good, good).item() == 3
    assert has_sharp_detector(good, good).item() == 1


def test_a_perfect_layer_has_sharp_detectors(perfect, pick):
    """Perfect units are sharp where 500 images show their digit, and not where fewer do."""
    few, many = (pick(perfect, torch.arange(720).repeat(times)) for times in (3, 4))  # 432 and 576 images of each digit
    for readout, n in ((few, 0), (many, 10)):
        sheet = Sheet(readout, Sheet(perfect))
        assert column(sheet, "sharp_detectors") == n
        assert column(sheet, "has_sharp_detector") == (n > 0)


def test_the_claimed_correlations_are_of_selectivity(tied_sheet):
    """Claims stand on selectivity against the overall drop and against the largest class drop, which must be told apart."""
    selectivity = tied_sheet["selectivity"].tolist()
    for name, damage in (("spearman_selectivity_drop", "drop"), ("spearman_selectivity_max_class_drop", "max_class_drop")):
        assert column(tied_sheet, name) == pytest.approx(spearmanr(selectivity, tied_sheet[damage].tolist()).statistic)


def test_mean_group_drop_is_over_concepts(perfect_sheet):
    """The mean over the concepts that have detectors, to zero and to the mean."""
    assert column(perfect_sheet, "mean_group_drop") == pytest.approx(8 / 45)
    assert column(perfect_sheet, "mean_group_drop_mean") == pytest.approx(perfect_sheet["group_drop_mean"].mean().item())
