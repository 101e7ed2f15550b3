"""The analysis of pruning: what is worth nothing costs nothing, and what was cut or rounded is what was asked for."""

import math
from collections import OrderedDict
from dataclasses import replace

import pandas as pd
import pytest
import torch
from torch import nn

from mixmnist.core.readout import Readout
from mixmnist.core.studies import load_study
from mixmnist.data.mixture import draw
from mixmnist.probing import HeadAlgebra
from mixmnist.report.drawing import Album, Look, style
from mixmnist.report.ranges import bounds_of
from mixmnist.trust import _pruning_measured, pruning
from mixmnist.trust._pruning_measured import moved, orders_of, removed
from mixmnist.trust._pruning_nets import layers_of, pruned, rounded


def planted(n=60):
    """Canvases of one of three digits or of none; a unit a digit, a fourth that does as the first and that the head does not
    read, and a fifth that says nothing. A class wins where its unit is above a half.
    """
    labels = torch.arange(n) % 4
    present = labels[:, None] == torch.arange(3)
    noise = torch.rand(n, 5, generator=torch.Generator().manual_seed(0)) / 10
    mean = torch.cat([present, present[:, :1], torch.zeros(n, 1)], dim=1).float() + noise
    head = torch.cat([4 * torch.eye(3), torch.zeros(3, 1), torch.full((3, 1), 0.1)], dim=1)
    head, bias = torch.cat([head, torch.zeros(1, 5)]), torch.tensor([-2.0, -2.0, -2.0, 0.0])
    glyphs, names = torch.zeros(n, 2, dtype=torch.int64), ("0", "1", "2")
    logits = mean @ head.T + bias
    without = HeadAlgebra(mean, head, bias)
    return Readout("units", names, (*names, "none"), mean, mean, present, labels, glyphs, logits, head, without)


def test_a_unit_without_weight_in_the_head_costs_nothing():
    """By drop and by norm it must be among the first to go and cost no accuracy; its digit keeps the other detector."""
    found = removed(planted(), planted(), seed=0)
    for order in ("drop", "norm"):
        own = found[found["order"].eq(order)].set_index("removed")
        assert own["accuracy"].tolist() == [1.0, 1.0, 1.0, 0.75, 0.5, 0.25]  # it and the dull one are free
        assert own["unique"].tolist() == [3.0, 3.0, 3.0, 2.0, 1.0, 0.0]
        assert own["detectors"].tolist() == [4.0, 3.0, 3.0, 2.0, 1.0, 0.0]
    by_norm = next(units for name, _, units in orders_of(planted(), 0) if name == "norm")
    assert by_norm.tolist()[:2] == [3, 4]
    by_alignment = found[found["order"].eq("alignment")].set_index("removed")
    assert by_alignment["accuracy"][1] == 1.0
    assert by_alignment["detectors"][1] == 4  # the dull one is none
    assert found[found["removed"].eq(5)]["coverage"].eq(0).all()


def test_random_orders_are_several_and_the_seeds_own():
    """There must be five orders, each of all units, the same for the same seed and others for another."""
    one, same, other = (
        [units.tolist() for name, _, units in orders_of(planted(), seed) if name == "random"] for seed in (0, 0, 1)
    )
    assert len({tuple(units) for units in one}) > 1
    assert len(one) == 5
    assert all(sorted(units) == list(range(5)) for units in one)
    assert one == same != other


@pytest.fixture
def net():
    """A net of two convolutions and a head, with batch norm and biases."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 6, 3), nn.Flatten(), nn.Linear(6, 5)).eval()


def flat(net):
    """All weights of convolutions and linear layers."""
    return torch.cat([part.weight.flatten() for part in layers_of(net)]).detach()


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_the_smallest_weights_of_all_layers_are_cut(net, share):
    """As many must be 0 as asked for, none of them larger than one that stays; all else and the net itself stay."""
    before, state = flat(net), {name: value.clone() for name, value in net.state_dict().items()}
    found, random = pruned(net, share), pruned(net, share, torch.Generator().manual_seed(0))
    for one in (found, random):
        after = flat(one)
        assert int((after == 0).sum()) == round(share * len(before))
        assert torch.equal(after[after != 0], before[after != 0])
        assert set(one.state_dict()) == set(state)
    gone = flat(found) == 0
    if share:
        assert before[gone].abs().max() <= before[~gone].abs().min()
        assert before[flat(random) == 0].abs().max() > before[flat(random) != 0].abs().min()
    assert all(torch.equal(value, state[name]) for name, value in net.state_dict().items())
    assert torch.equal(found[0].bias, net[0].bias)


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_weights_are_rounded_evenly_for_each_output_unit(net, bits):
    """Each unit's weights must be whole multiples of a space, the largest kept, and none be off by more than half a space."""
    found, noisy = rounded(net, bits), rounded(net, bits, torch.Generator().manual_seed(0))
    for part, one, other in zip(layers_of(net), layers_of(found), layers_of(noisy), strict=True):
        before, now, random = (each.weight.detach().flatten(1) for each in (part, one, other))
        space = before.abs().amax(dim=1, keepdim=True) / (2 ** (bits - 1) - 1)
        assert ((now / space) - (now / space).round()).abs().max() < 1e-3
        assert ((now - before).abs() <= space / 2 + 1e-6).all()
        assert ((random - before).abs() <= space / 2 + 1e-6).all()
        torch.testing.assert_close(now.abs().amax(dim=1), before.abs().amax(dim=1))
        assert (random - before).abs().mean() == pytest.approx(float((space / 4).mean()), rel=0.35)
        assert torch.equal(one.bias, part.bias)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda net: pruned(net, 1.0), r"share must be at least 0 and below 1, got share=1\.0"),
        (lambda net: pruned(net, -0.1), "share must be at least 0 and below 1, got share=-0.1"),
        (lambda net: rounded(net, 1), "bits must lie between 2 and 16, got bits=1"),
    ],
)
def test_what_cannot_be_cut_or_rounded_is_refused(net, call, said):
    """Shares and bits out of range must be refused in a sentence."""
    with pytest.raises(ValueError, match=said):
        call(net)


def test_a_layer_without_a_head_is_refused():
    """Where silencing has no exact answer there must be one sentence."""
    plain = planted()
    bare = replace(plain, head=None)
    with pytest.raises(ValueError, match="pruning needs a layer that feeds a linear head, got none"):
        removed(bare, bare, seed=0)


def test_units_that_changed_are_counted():
    """Two units that swap their digits have moved, one that keeps it has not; one that dies has; ranks are of those alive."""
    shown = planted()
    before, present = shown.response[:, :4], shown.present
    now = before[:, [1, 0, 2, 3]].clone()
    now[:, 3] = 0
    found = moved(before, now, present)
    assert found["moved"] == 0.75
    assert -1 < found["ranks"] < 1
    assert moved(before, 3 * before, present) == {"moved": 0.0, "ranks": pytest.approx(1.0)}


def test_a_point_is_safe_until_the_first_fall():
    """What comes after accuracy has fallen by more than .01 must count for nothing, even if it rises again."""
    assert pruning.safe_point([0, 0.5, 1], [0.8, 0.79, 0.5], [4, 3, 0]) == (0.5, 1)
    assert pruning.safe_point([0, 0.5, 1], [0.8, 0.7, 0.9], [4, 3, 0]) == (0, 0)


@pytest.fixture(scope="module")
def made(recorded_nets, tmp_path_factory):
    """What the analysis writes of two nets of two variants, which were never trained."""

    def build():
        torch.manual_seed(1)
        parts = [("conv", nn.Conv2d(1, 4, 5, stride=3)), ("units", nn.ReLU()), ("pool", nn.AdaptiveAvgPool2d(1))]
        return nn.Sequential(OrderedDict([*parts, ("flat", nn.Flatten()), ("head", nn.Linear(4, 45))])).eval()

    mixture = draw("pairs", "digits", "test", n=150, seed=0)
    nets = recorded_nets(build, "units", mixture, {"baseline": "untrained", "wide": "untrained"})
    out = tmp_path_factory.mktemp("pruning")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pruning, "nets_of", lambda folder: nets)
        patch.setattr(pruning, "side_by_side", lambda calls, title, fewest: [call(*arguments) for call, arguments in calls])
        patch.setattr(_pruning_measured, "SHARES", (0.5,))
        pruning.run(out / "study" / "digits", out, None)
    return out


def test_runs_hold_what_claims_ask_for(made):
    """Every column that a claim of the study names must be there, inside its bounds, and tell what the rows tell."""
    runs, weights = pd.read_csv(made / "runs.csv"), pd.read_csv(made / "rows_weights.csv")
    asked = {
        name
        for claim in load_study("benchmarks/pruning.py")[1].claims
        for name in (claim.column, claim.minus)
        if name is not None
    }
    assert asked <= set(runs)
    for name in set(runs) - {"variant", "seed"}:
        low, high = bounds_of(name)
        assert math.isfinite(low), name
        assert runs[name].between(low, high).all(), name
    one = weights.query("way == 'rounded' and level == 4 and basis == 'ica'")["moved"]
    assert runs["prune_rounded4_moved_ica"].tolist() == pytest.approx(one.tolist(), abs=1e-4)
    intact = weights.query("way == 'intact'")
    assert intact["moved"].eq(0).all()
    assert intact["ranks"].tolist() == pytest.approx([1.0] * 12)
    eight, four = (weights.query(f"way == 'rounded' and level == {bits} and basis == 'units'")["ranks"] for bits in (8, 4))
    assert (eight.to_numpy() > four.to_numpy()).all()
    assert (eight > 0.99).all()


def test_figures_show_the_tables(made, tmp_path):
    """Lines must be means over draws and nets, and there must be a bar for each basis, bits and way."""
    with style(Look(("png",))):
        pruning.draw(made, Album(tmp_path, Look(("png",)), ("Note.",)))
    assert {path.stem for path in tmp_path.glob("*.png")} == {"pruning_units", "pruning_weights", "pruning_rounding"}
    rows = pd.read_csv(made / "rows_units.csv").query("variant == 'wide' and order == 'random' and removed == 2")
    drawn = pd.read_csv(tmp_path / "pruning_units.csv").query(
        "variant == 'wide' and line == 'at random' and number == 'accuracy' and share == 0.5"
    )
    assert drawn["mean"].item() == pytest.approx(rows["accuracy"].mean(), abs=1e-4)
    curve = pd.read_csv(tmp_path / "pruning_weights.csv").query("line == 'units, smallest first' and number == 'coverage'")
    assert curve["level"].tolist() == [0.0, 0.5] * 2
    bars = pd.read_csv(tmp_path / "pruning_rounding.csv")
    assert len(bars) == 2 * 2 * 3 * 2
    assert bars["n"].eq(2).all()
