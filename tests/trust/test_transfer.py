"""Nets that go to another task: what was planted is found again, untouched nets keep everything, tables and figures are whole."""

import itertools
import math
from dataclasses import replace
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import nn

from mixmnist import Options, Study, Training, Variant, run
from mixmnist.core.studies import load_study
from mixmnist.nets import convnet
from mixmnist.plants import perfect
from mixmnist.probing import probe
from mixmnist.report.drawing import Album, Look, style
from mixmnist.training import train
from mixmnist.trust import _transfer_nets, transfer
from mixmnist.trust._layers import nets_of
from mixmnist.trust._networks import Recorded
from mixmnist.trust._transfer_nets import Alone, Move, stacked
from mixmnist.trust._transfer_units import best_of, fates_of, of_fates, of_units, units_of

RECIPE = Training(images=160, epochs=1, batch=16, peak=0.05)
SMALL = {"conv1": 3, "conv2": 4, "conv3": 6, "dropout": 0.25}
TINY = Variant(training=RECIPE, probe_images=750, net_settings=SMALL)


def net(classes=10, seed=0):
    """A small net whose norms have statistics of their own."""
    stack = convnet.build(convnet.Widths(**SMALL), classes, (seed,))
    with torch.no_grad():
        stack.train()(torch.rand(8, 1, 32, 32, generator=torch.Generator().manual_seed(1)))
    return convnet.split(stack)[0]


def test_a_net_goes_into_a_stack_and_comes_back():
    """Every tensor must be the same, and so must the answers of stack, net and wrapper in eval mode."""
    one, x = net(), torch.rand(5, 1, 32, 32)
    stack = stacked(one, seed=3).eval()
    back = convnet.split(stack)[0].state_dict()
    assert all(torch.equal(tensor, back[name]) for name, tensor in one.state_dict().items())
    torch.testing.assert_close(stack(x)[:, 0], one(x), rtol=0, atol=1e-5)
    assert torch.equal(Alone(one).eval()(x)[:, 0], one(x))
    assert isinstance(stacked(nn.Sequential(one), 0), Alone)


def test_a_stack_learns_what_the_net_alone_learns():
    """Without dropout a short training of both must end at the same weights but for rounding."""
    one = convnet.split(convnet.build(convnet.Widths(conv1=3, conv2=4, conv3=6), 10, (0,)))[0]
    g = torch.Generator().manual_seed(0)
    canvases = torch.randint(0, 256, (1, 32, 32, 32), generator=g).byte(), torch.randint(0, 10, (1, 32), generator=g)
    stack, alone = stacked(one, 0), Alone(one)
    for module in (stack, alone):
        train(module, *canvases, Training(images=32, epochs=2, batch=16, peak=0.01), (0,))
    found = convnet.split(stack)[0].state_dict()
    for name, tensor in one.state_dict().items():
        torch.testing.assert_close(found[name], tensor, rtol=1e-3, atol=1e-4)


@pytest.fixture(scope="module")
def readout(pairs_mixture):
    """A layer of ten exact detectors."""
    mixture = transfer.first(pairs_mixture, 500)
    found = probe(perfect.build(0).float(), mixture, "units")
    noise = torch.rand(found.response.shape, generator=torch.Generator().manual_seed(0))
    return replace(found, response=mixture.present.float() + noise / 3)


def with_units(readout, order):
    """The same layer with its units in another order."""
    return replace(readout, response=readout.response[:, order])


def test_an_untouched_net_re_uses_everything(readout):
    """Every unit must be its own match, keep its digit, and no detector may be lost or born."""
    units = units_of(readout, readout, None)
    said = of_units(units)
    assert said["reused"] == said["kept"] == said["same_unit"] == said["reused_detectors"] == 1
    assert math.isnan(said["reused_null"])
    assert math.isnan(said["reused_others"])
    fates = fates_of(units, readout.concepts)
    assert fates["kept"].tolist() == [1] * 10
    assert fates[["changed", "lost", "born"]].to_numpy().sum() == 0


def test_units_in_another_order_are_matched_back(readout):
    """A permuted net re-uses all units by its matches; unit by unit every detector goes to another digit."""
    order = [*range(1, 10), 0]
    units = units_of(readout, with_units(readout, order), readout)
    assert [order[match] for match in units["match"]] == list(range(10))
    said = of_units(units)
    assert said["reused"] == said["kept"] == said["reused_null"] == said["kept_null"] == 1
    assert said["same_unit"] == 0
    fates = fates_of(units, readout.concepts)
    assert fates["changed"].tolist() == fates["born"].tolist() == [1] * 10


def test_strangers_are_not_re_used(readout):
    """The null must be low where units are noise, and its own numbers must not be those of the net."""
    noise = torch.rand(500, 7, generator=torch.Generator().manual_seed(5))
    noise = replace(readout, response=noise, mean=noise, head=None, without=None, pixels=None)
    units = units_of(readout, readout, noise)
    assert units["null_correlation"].notna().sum() == 7
    said = of_units(units)
    assert (said["reused"], said["reused_null"]) == (1, 0)
    assert said["correlation_null"] < 0.3


def test_what_is_given_up_and_what_is_new_are_told_apart(readout):
    """Unit 8 dies, 9 becomes a detector of 3: both of the useless digits are lost, none of the others, 3 has a new one."""
    response = readout.response.clone()
    response[:, 8], response[:, 9] = 0.5, response[:, 3]
    units = units_of(readout, replace(readout, response=response), None)
    fates = fates_of(units, readout.concepts).set_index("digit")
    assert fates.loc["8", ["kept", "changed", "lost", "born"]].tolist() == [0, 0, 1, 0]
    assert fates.loc["9", ["kept", "changed", "lost", "born"]].tolist() == [0, 1, 0, 0]
    assert fates.loc["3", ["kept", "changed", "lost", "born"]].tolist() == [1, 0, 0, 1]
    said = of_fates(fates.reset_index(), ("8", "9"))
    assert (said["lost_useless"], said["lost_useful"]) == (1, 0)
    assert (said["useless_before"], said["useless_after"], said["useful_after"]) == (2, 0, 9)
    assert units.loc[8, "match"] == -1 or units.loc[8, "correlation"] < 0.5
    assert best_of(readout, ("8", "9")) > 0.95
    assert math.isnan(best_of(readout, ()))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A study of two tasks with two small nets each, recorded."""
    study = Study("tiny", {"pairs": TINY, "redundant": replace(TINY, task="redundant")}, seeds=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mixmnist.grid.sweep._cores", lambda: 1)
        return run(study, Options(source="digits", out=str(tmp_path_factory.mktemp("t")), device="cpu"), lambda _: None).folder


@pytest.fixture(scope="module")
def made(folder, tmp_path_factory):
    """What the analysis writes of that study, of few canvases and steps."""
    out = tmp_path_factory.mktemp("transfer")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transfer, "side_by_side", lambda calls, title, fewest: [call(*arguments) for call, arguments in calls])
        patch.setattr(transfer, "atoms_of", partial(transfer.atoms_of, cells=200))
        patch.setattr(_transfer_nets, "NUMBERS", (120,))
        patch.setattr(_transfer_nets, "STEPS", 3)
        transfer.run(folder, out, None)
    return out


@pytest.mark.slow
def test_every_table_is_there_in_both_directions(made):
    """2 seeds, 2 directions, 4 ways on 120 and on 160 canvases and the recorded net; 6 units, 10 digits, 4 nets."""
    accuracy = pd.read_csv(made / "accuracy.csv")
    assert len(accuracy) == 2 * 2 * (4 * 2 + 1)
    assert set(zip(accuracy["variant"], accuracy["to"], strict=True)) == {("pairs", "redundant"), ("redundant", "pairs")}
    assert accuracy["accuracy"].between(0, 1).all()
    assert len(pd.read_csv(made / "units.csv")) == 2 * 2 * 6
    assert len(pd.read_csv(made / "fates.csv")) == 2 * 2 * 10
    assert pd.read_csv(made / "layers.csv")["coverage_ica"].notna().sum() == 2 * 2 * 4
    runs = pd.read_csv(made / "runs.csv")
    assert sorted(zip(runs["variant"], runs["seed"], strict=True)) == [*itertools.product(("pairs", "redundant"), (0, 1))]
    assert runs["reused_null"].notna().all()


@pytest.mark.slow
def test_the_recorded_net_is_the_ceiling_of_the_new_task(made, folder):
    """Its accuracy must be that of the recorded target's net on the same canvases."""
    accuracy = pd.read_csv(made / "accuracy.csv").query("way == 'recorded'").set_index(["to", "seed"])["accuracy"]
    for one in nets_of(folder):
        readout = probe(one.net(), one.mixture("test", None), one.layer)
        expected = (readout.logits.argmax(dim=1) == readout.labels).double().mean()
        assert accuracy[one.variant, one.seed] == pytest.approx(float(expected), abs=1e-3)


def test_a_frozen_trunk_stays_as_it_is(folder):
    """Only the head may differ from the source's weights; fine-tuning moves the rest."""
    pairs, _, redundant, _ = nets_of(folder)
    move = Move(pairs, redundant, None)
    before = pairs.net().state_dict()
    frozen = move.headed(pairs.net(), move.means(pairs.net()), 120)
    assert all(torch.equal(tensor, before[name]) for name, tensor in frozen.state_dict().items() if not name.startswith("head"))
    assert frozen.head.weight.shape == (28, 6)
    tuned = move.trained(stacked(frozen, 0), 120, 3.0, _transfer_nets.told("a test"))
    assert not torch.equal(tuned.conv1.conv.weight, frozen.conv1.conv.weight)


def test_a_recipe_has_about_as_many_steps_whatever_the_canvases():
    """468 steps of 20,000 canvases, and as many of 500; the peak rate is lower where it is asked for."""
    usual = load_study("benchmarks/transfer.py")[1].variants["pairs"]
    net = Recorded("pairs", 0, Path("nowhere"), "digits", usual, "conv3", "")
    for n, steps in ((500, 468), (2_000, 465), (20_000, 468)):
        recipe = Move(net, net, None).recipe(n, slower=3.0)
        assert recipe.epochs * (n // recipe.batch) == steps
        assert (recipe.images, recipe.peak) == (n, pytest.approx(0.1))
    assert Move(net, net, None).numbers == (500, 2_000, 20_000)


@pytest.mark.slow
def test_figures_show_the_tables(made, tmp_path):
    """The figures "accuracy_by_canvases", "matched_units" and "fate_of_detectors" are drawn with the tables' means."""
    with style(Look(("png",))):
        transfer.draw(made, Album(tmp_path, Look(("png",)), ()))
    assert {path.stem for path in tmp_path.glob("*.png")} == {"accuracy_by_canvases", "matched_units", "fate_of_detectors"}
    shown, accuracy = pd.read_csv(tmp_path / "accuracy_by_canvases.csv"), pd.read_csv(made / "accuracy.csv")
    for row in shown.itertuples():
        own = accuracy[accuracy["variant"].eq(row.variant) & accuracy["way"].eq(row.way) & accuracy["canvases"].eq(row.canvases)]
        assert row.mean == pytest.approx(own["accuracy"].mean())
        assert row.n == 2
    bars, fates = pd.read_csv(tmp_path / "fate_of_detectors.csv"), pd.read_csv(made / "fates.csv")
    assert bars[["kept", "changed", "lost", "born"]].to_numpy().sum() == pytest.approx(
        fates[["kept", "changed", "lost", "born"]].to_numpy().sum() / 2
    )
    assert pd.read_csv(tmp_path / "matched_units.csv").groupby(["variant", "what"])["share"].sum().max() == pytest.approx(1)
    assert "Seeds: pairs n=2, redundant n=2." in (tmp_path / "matched_units.txt").read_text()


def test_every_claim_has_its_column_and_its_runs():
    """What claims are held against must be a column, of nets that are those of the studies sanity and usefulness."""
    study, sanity, usefulness = (load_study(f"benchmarks/{name}.py")[1] for name in ("transfer", "sanity", "usefulness"))
    assert {column for claim in study.claims for column in (claim.column, claim.minus)} - {None} <= set(transfer.BOUNDS)
    assert study.variants == {"pairs": sanity.variants["wide"], "redundant": usefulness.variants["wide"]}


def test_nets_must_differ_in_their_task_alone(folder):
    """One task, or nets of two architectures, are refused in a sentence."""
    nets = nets_of(folder)
    with pytest.raises(ValueError, match="transfer must be between two variants that differ in their task alone, got pairs"):
        transfer.moves_of([one for one in nets if one.variant == "pairs"], None)
    other = [replace(one, settings=replace(one.settings, net_settings={})) if one.variant == "pairs" else one for one in nets]
    with pytest.raises(ValueError, match="Give both the same net, canvas and training"):
        transfer.moves_of(other, None)
    apart = [one for one in nets if (one.variant == "pairs") == (one.seed == 0)]
    with pytest.raises(ValueError, match="without a seed in common"):
        transfer.moves_of(apart, None)
