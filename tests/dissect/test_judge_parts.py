"""The net and the card of a judge, by hand."""

import pytest
import torch

from mixmnist.core.records import Canvas
from mixmnist.data.sources import load_glyphs
from mixmnist.dissect._judge_card import agreement_of, faults_of, mean_iou, measure
from mixmnist.dissect._judge_fit import calibrate
from mixmnist.dissect._judge_net import Found, JudgeNet, cell_targets
from mixmnist.dissect._odd import ODD, PROPER, odd_canvases, pool_of
from mixmnist.dissect.exact import ExactJudge
from mixmnist.dissect.reading import BACKGROUND, JUNK, Said


def test_counts_are_sums_over_cells():
    """Two cells sure of a 3 are two of it, one sure of junk is junk, one sure of a 7 is one; all else is none."""
    net = JudgeNet(2)
    cells = torch.zeros(1, 12, 4, 6)
    cells[:, BACKGROUND] = 12
    for kind, row, col in ((3, 0, 1), (3, 3, 5), (7, 2, 2), (JUNK, 1, 4)):
        cells[0, :, row, col] = 0
        cells[0, kind, row, col] = 12
    counts, junk = net.counted(cells)
    assert counts.argmax(dim=2)[0].tolist() == [0, 0, 0, 2, 0, 0, 0, 1, 0, 0]
    assert junk.argmax(dim=1).item() == 1
    assert torch.allclose(counts.exp().sum(dim=2), torch.ones(1, 10), atol=1e-5)
    assert torch.allclose(junk.exp().sum(dim=1), torch.ones(1), atol=1e-5)


def test_confidence_is_fitted():
    """Of slopes tried, counts and junk each get the likeliest one: steep where sums are right, flat where they are wrong."""
    pool = pool_of(load_glyphs("stamps", None, "test"), torch.arange(10), 12)
    canvases = odd_canvases(pool, 40, Canvas(), torch.Generator().manual_seed(0), ODD)
    right = 12 * cell_targets(canvases.slots, canvases.positions, Canvas())

    class Knows(JudgeNet):
        """Knows the digits, and sees no junk."""

        def forward(self, images):
            cells = right.clone()
            cells[:, BACKGROUND] += cells[:, JUNK]
            cells[:, JUNK] = 0
            return Found(images, cells, *self.counted(cells))

    net = Knows(2)
    calibrate(net, canvases)
    assert net.slopes[0] > net.slopes[1]
    assert net.slopes[1] == 4


def test_a_judge_is_small():
    """At most 250,000 weights: a megabyte."""
    assert sum(part.numel() for part in JudgeNet(2).parameters()) <= 250_000


def test_weights_come_from_the_generator_alone():
    """The same one gives the same weights, and torch's own is not touched."""
    before = torch.get_rng_state()
    one, two, other = (JudgeNet(2, torch.Generator().manual_seed(seed)).state_dict()["far.0.weight"] for seed in (5, 5, 6))
    assert torch.equal(one, two)
    assert not torch.equal(one, other)
    del before


def test_a_centre_between_cells_is_shared_out():
    """A digit's mass is 1 wherever it lies, junk's too; an empty slot has none; each cell's shares sum to 1."""
    slots = torch.tensor([[4, JUNK, -1], [2, 2, -2]])
    positions = torch.tensor([[[5, 3], [20, 18], [9, 9]], [[1, 20], [13, 4], [7, 7]]])
    targets = cell_targets(slots, positions, Canvas())
    assert targets.shape == (2, 12, 8, 8)
    mass = targets.sum(dim=(2, 3))
    assert (mass[0, 4].item(), mass[0, JUNK].item(), mass[1, 2].item()) == (1.0, 1.0, 2.0)
    assert torch.allclose(targets.sum(dim=1), torch.ones(2, 8, 8))
    assert targets[0, 4, 2, 1].item() == pytest.approx(0.75 * 0.25)  # the centre lies at cell 2.25, 1.75


def test_mean_iou_is_of_the_classes_that_are_shown():
    """A class in whose place another is found loses; one that is found and never shown has no IoU of its own."""
    true = torch.tensor([[[0, 0, 0, 10], [1, 1, 10, 10]]])
    found = torch.tensor([[[0, 0, 5, 10], [1, 0, 10, 10]]])
    assert mean_iou(found, true) == pytest.approx((2 / 4 + 1 / 2 + 1) / 3)
    assert mean_iou(true, true) == 1.0


def test_the_exact_judge_has_a_perfect_card_on_proper_pairs():
    """The measure gives an exact reader 1 of all shares of proper pairs."""
    pool = pool_of(load_glyphs("stamps", None, "test"), torch.arange(10), 12)
    proper, odd = (odd_canvases(pool, 60, Canvas(), torch.Generator().manual_seed(0), mix) for mix in (PROPER, ODD))
    report = measure(ExactJudge(Canvas()), proper, odd)
    assert [report[name] for name in ("pair", "sure", "valid", "iou", "canvases")] == [1, 1, 1, 1, 60]
    assert report["odd"] < 1  # it does not read soft stamps


def test_the_numbers_of_a_card_by_hand():
    """Each share is of the canvases that it is said to be of."""

    class Says:
        """Reads a 1 and a 2 everywhere, and junk on the first canvas."""

        name, card, faults = "says", "", []

        def read(self, images):
            counts = torch.tensor([0, 1, 1, 0, 0, 0, 0, 0, 0, 0]).expand(len(images), 10)
            return Said(counts, torch.arange(len(images)) == 0, torch.full((len(images),), 0.9))

        def shares(self, images):
            return torch.eye(12)[torch.full((len(images), 32, 32), BACKGROUND)].movedim(3, 1)

    pool = pool_of(load_glyphs("stamps", None, "test"), torch.arange(10), 12)
    proper, odd = (odd_canvases(pool, 40, Canvas(), torch.Generator().manual_seed(1), mix) for mix in (PROPER, ODD))
    report = measure(Says(), proper, odd)
    right = [bool(c[1] == 1 and c[2] == 1 and c.sum() == 2) for c in proper.counts]
    assert report["pair"] == sum(right[1:]) / 40
    assert report["valid"] == 39 / 40
    assert report["false_pair"] == 1 - report["junk"]
    assert report["junk"] + report["false_junk"] > 0


def test_what_is_not_known_is_a_fault():
    """A card of numbers that are nan is below the bar twice."""
    assert len(faults_of({"pair": torch.nan, "iou": torch.nan})) == 2
    assert faults_of({"pair": 0.981, "iou": 0.91}) == []


def test_agreement_by_hand():
    """Three canvases: the same, other counts, other junk; pixels of ink are those that either calls ink."""
    counts = torch.zeros(3, 10, dtype=torch.long)
    counts[:, :2] = 1
    other = counts.clone()
    other[1, 5] = 1
    sure = torch.ones(3)
    one = Said(counts, torch.tensor([False, False, False]), sure)
    two = Said(other, torch.tensor([False, False, True]), sure)
    here, there = torch.tensor([[[10, 10, 3, 4]]] * 3), torch.tensor([[[10, 11, 3, 5]]] * 3)
    found = agreement_of(one, two, here, there)
    wanted = {"counts": 2 / 3, "all": 1 / 3, "junk": 2 / 3, "valid": 1 / 3, "pixels": 0.5, "ink": 1 / 3}
    assert found == pytest.approx(wanted)
