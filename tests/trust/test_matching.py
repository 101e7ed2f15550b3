"""Assignment of units across networks: hidden permutations are found, nulls are low, recurrence is counted."""

import itertools
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from mixmnist import probe
from mixmnist.report.drawing import Album, Look, style
from mixmnist.trust import matching
from mixmnist.trust._assignment import match, standardise
from mixmnist.trust._layers import first
from mixmnist.trust.matching import Seen, pseudo_values, recurrence


def responses(n_images=90, n_units=6, seed=0):
    """Draws responses of independent units."""
    return torch.randn(n_images, n_units, generator=torch.Generator().manual_seed(seed))


def test_products_of_standardised_responses_are_correlations():
    """They must equal numpy's, for two nets of different widths."""
    ours, theirs = responses(), responses(n_units=4, seed=1) + responses()[:, :4]
    found = standardise(ours).T @ standardise(theirs)
    expected = np.corrcoef(ours.T.double(), theirs.T.double())[:6, 6:]
    torch.testing.assert_close(found, torch.from_numpy(expected), rtol=0, atol=1e-9)


@settings(deadline=None, max_examples=20)
@given(st.permutations(range(6)), st.floats(0.1, 5))
def test_a_permutation_of_units_is_recovered(order, scale):
    """The same units in another order, on another scale and with a little noise must be matched to themselves."""
    ours = responses()
    theirs = ours[:, list(order)] * scale + 0.1 * scale * responses(seed=2)
    found = match(standardise(ours).T @ standardise(theirs))
    assert [order[unit] for unit in found.theirs.tolist()] == found.ours.tolist() == list(range(6))
    assert (found.correlation > 0.9).all()


def test_assignment_is_the_best_of_all():
    """The sum of correlations must be the largest over all one-to-one pairings, tried one by one."""
    table = standardise(responses(n_units=4)).T @ standardise(responses(n_units=5, seed=3))
    found = match(table)
    sums = [sum(table[i, j] for i, j in enumerate(chosen)) for chosen in itertools.permutations(range(5), 4)]
    assert float(found.correlation.sum()) == pytest.approx(float(max(sums)))
    assert len(set(found.theirs.tolist())) == 4


def test_dead_units_are_left_out():
    """A unit without a correlation must be in no pair, on either side."""
    ours, theirs = responses(n_units=3), responses(n_units=4)
    ours[:, 0], theirs[:, 2] = 0.1, 7.0
    found = match(standardise(ours).T @ standardise(theirs))
    assert found.ours.tolist() == [1, 2]
    assert 2 not in found.theirs.tolist()
    assert not found.correlation.isnan().any()


def test_pseudo_values_are_those_of_a_jackknife():
    """Their mean must be the mean over all pairs, and seeds left out one by one must give their spread."""
    value = {pair: i**1.5 for i, pair in enumerate(itertools.combinations(range(5), 2))}
    pairs = pd.DataFrame([(a, b, v) for (a, b), v in value.items()], columns=["seed", "other_seed", "found"])
    found = pseudo_values(pairs, "found")
    assert np.mean(found) == pytest.approx(np.mean(list(value.values())))
    without_2 = np.mean([v for pair, v in value.items() if 2 not in pair])
    assert found[2] == pytest.approx(5 * np.mean(list(value.values())) - 4 * without_2)
    assert pseudo_values(pairs[:1], "found") == []


# the planted nets answer by an image's place in the batch, which is told and meant
pytestmark = pytest.mark.filterwarnings("ignore:an image's answer depends on the others of its batch")


class Planted(nn.Module):
    """Units that respond as told, whatever the images."""

    def __init__(self, response):
        super().__init__()
        self.response = response

    def forward(self, x):
        return self.response[: len(x)]


@pytest.fixture(scope="module")
def mixture(pairs_mixture):
    """200 canvases."""
    return first(pairs_mixture, 200)


def seen(mixture, recorded_nets, rows):
    """Makes a net a row: its units show the given digits, -1 for a unit that knows nothing."""
    made = []
    for seed, digits in enumerate(rows):
        noise = torch.rand(len(mixture), len(digits), generator=torch.Generator().manual_seed(seed))
        shown = torch.stack([mixture.present[:, d] if d >= 0 else torch.zeros(len(mixture)) for d in digits], dim=1)
        net = recorded_nets(lambda r=noise + 2 * shown: nn.Sequential(Planted(r)).eval(), "0", mixture, {"a": "trained"})[0]
        made.append(Seen(net, probe(net.net(), mixture, "0")))
    return made


def test_recurrence_counts_seeds_with_a_detector(mixture, recorded_nets):
    """A digit recurs in every training only if each seed has a detector; detectors of one digit must be alike, others not."""
    found = recurrence(seen(mixture, recorded_nets, [(3, 1, -1), (1, 3, 5), (-1, 3, 3)])).set_index("digit")
    assert found.loc[["1", "3", "5", "7"], "with_detector"].tolist() == [2, 3, 1, 0]
    assert found.loc[["1", "3", "5", "7"], "every_training"].tolist() == ["no", "yes", "no", "no"]
    assert (found.loc[["1", "3"], "same_digit"] > 0.8).all()
    assert (found.loc[["1", "3"], "other_digit"] < 0.2).all()
    assert math.isnan(found.loc["5", "same_digit"])


def test_a_pair_of_nets_finds_its_detectors_of_one_digit(mixture, recorded_nets):
    """Detectors of the same digits in another order must be matched to each other, far above permuted images."""
    one, two = seen(mixture, recorded_nets, [(0, 4, 8), (8, 0, 4)])
    row, found, null = matching._pair(one, two)
    assert found.theirs.tolist() == [1, 2, 0]
    assert (row["both_detect"], row["same_digit"]) == (3, 1.0)
    assert row["correlation"] > 0.8 > 0.4 > row["correlation_null"]
    assert float(null.correlation.mean()) == row["correlation_null"]


def test_nets_of_other_images_are_not_matched(mixture, pairs_mixture, recorded_nets):
    """Responses can only be compared on the same images."""
    ours, theirs = seen(mixture, recorded_nets, [(0, 1)]), seen(first(pairs_mixture, 150), recorded_nets, [(0, 1)])
    assert matching._pair(ours[0], theirs[0]) is None


def test_analysis_writes_its_tables_and_figure(mixture, tmp_path, monkeypatch, recorded_nets):
    """Pairs within and across variants must be listed, digits and runs counted, and the figure drawn."""

    def net():
        torch.manual_seed(0)
        return nn.Sequential(nn.Conv2d(1, 4, 9, stride=4), nn.ReLU()).eval()

    nets = recorded_nets(net, "1", mixture, {"baseline": "trained", "untrained": "untrained"}, seeds=3)
    monkeypatch.setattr(matching, "nets_of", lambda _: nets)
    matching.ANALYSIS.run(Path("s/digits"), tmp_path, None)
    with style(look := Look(("png",))):
        matching.ANALYSIS.draw(tmp_path, Album(tmp_path, look, ()))
    kinds = pd.read_csv(tmp_path / "kinds.csv")
    assert kinds[["variant", "other", "nets"]].to_numpy().tolist() == [
        ["baseline", "baseline", 3],
        ["baseline", "untrained", 9],
        ["untrained", "untrained", 3],
    ]
    assert (kinds["correlation"] > kinds["null"]).all()
    assert len(pd.read_csv(tmp_path / "pairs.csv")) == 15
    assert len(pd.read_csv(tmp_path / "digits.csv")) == 20
    assert pd.read_csv(tmp_path / "runs.csv")["seed"].tolist() == [0, 1, 2, 0, 1, 2]
    assert {path.name for path in tmp_path.glob("*.png")} == {"recurrence.png", "correlations.png"}
    assert "in every training a detector of no digit" in (tmp_path / "summary.md").read_text()
