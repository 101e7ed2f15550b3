"""Moments of a training: nets become what they were, and what is asked of their units is answered as it was planted."""

import math
import re
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from mixmnist import Options, Study, Training, Variant, run
from mixmnist.core.studies import load_study
from mixmnist.data.mixture import draw
from mixmnist.nets import convnet
from mixmnist.report.drawing import Album, Look, style
from mixmnist.training import train
from mixmnist.trust import _emergence_drawn, _emergence_measured, emergence
from mixmnist.trust._emergence_told import firsts_of, of_births, of_changes, of_firsts, stays_from
from mixmnist.trust._moments import Kept, _objective, check_moments, log_moments
from mixmnist.trust._networks import Recorded, recorded

RECIPE = Training(images=96, epochs=2, batch=16)  # 12 steps
SMALL = {"conv1": 3, "conv2": 4, "conv3": 6, "dropout": 0.25}
TINY = Variant(task="single", training=RECIPE, probe_images=720, net_settings=SMALL)


def stack(seeds=(0, 1, 2)):
    """Three small nets with dropout."""
    return convnet.build(convnet.Widths(**SMALL), 10, seeds)


def canvases(copies=3, n=96):
    """Noise and classes, the same each time."""
    g = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (copies, n, 32, 32), generator=g).byte(), torch.randint(0, 10, (copies, n), generator=g)


def test_a_net_that_is_watched_becomes_what_it_becomes_alone():
    """Weights, statistics and history must be the same to the last bit; what is kept is initialised first and trained last."""
    alone, kept = stack(), Kept(stack(), (0, 5, 12))
    histories = [train(module, *canvases(), RECIPE, (0, 1, 2), capture=False)[1].history for module in (alone, kept)]
    kept.keep()
    assert histories[0] == histories[1]
    assert kept.steps == 12
    assert list(kept.weights) == [0, 5, 12]
    for name, tensor in stack().state_dict().items():
        assert torch.equal(kept.weights[0][name], tensor)
        assert torch.equal(kept.weights[12][name], alone.state_dict()[name])
    assert not torch.equal(kept.weights[5]["conv1_weight"], kept.weights[12]["conv1_weight"])


def test_a_step_is_kept_before_it_is_taken():
    """What is kept before step 5 must be the net of a training that ends there, batch norm's statistics with it."""
    kept = Kept(stack(), (5,))
    train(kept, *canvases(n=80), Training(images=80, epochs=2, batch=16, peak=0.1), (0, 1, 2))
    seen = {}
    other = Kept(stack(), ())
    other.register_forward_pre_hook(lambda module, _: seen.update({module.steps: module.module.conv2_norm.running_mean.clone()}))
    train(other, *canvases(n=80), Training(images=80, epochs=2, batch=16, peak=0.1), (0, 1, 2))
    assert torch.equal(kept.weights[5]["conv2_norm.running_mean"], seen[5])


def test_passes_in_eval_mode_are_no_steps():
    """Only a pass in train mode counts; random numbers of the module are the watched one's."""
    kept = Kept(stack(), (0,))
    kept.eval()(torch.zeros(2, 3, 32, 32))
    assert (kept.steps, kept.weights) == (0, {})
    kept.train()(torch.zeros(2, 3, 32, 32))
    assert kept.steps == 1
    assert len(kept.generators) == 3
    assert kept.generators[0] is kept.module.generators[0]


def test_moments_are_even_on_a_logarithmic_scale():
    """From 0 and 1 to the last; of a short training each step at most once."""
    assert log_moments(4680) == (0, 1, 2, 4, 7, 13, 26, 49, 95, 181, 347, 666, 1275, 2443, 4680)
    assert log_moments(4) == (0, 1, 2, 3, 4)
    assert log_moments(9, n=2) == (0, 9)
    assert check_moments((7, 3), 12) == (3, 7, 12)


@pytest.mark.parametrize("moment", [13, -1])
def test_a_moment_beyond_the_last_step_is_refused(moment):
    """One sentence names the rule, what was given and the way out; so does a study, before anything is trained."""
    said = f"moments must lie between 0 and the last step, got moments={moment} "
    with pytest.raises(ValueError, match=re.escape(said + "of 12 steps. Leave it out, or train for longer.")):
        check_moments((0, moment), 12)
    with pytest.raises(ValueError, match=re.escape(said + "for the 12 steps of tiny. Leave it out, or train for longer.")):
        Study("s", {"tiny": TINY}, moments=(0, moment))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A study of two small nets, recorded."""
    study = Study("tiny", {"tiny": TINY}, seeds=2, moments=(0, 6))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mixmnist.grid.sweep._cores", lambda: 1)
        return run(study, Options(source="digits", out=str(tmp_path_factory.mktemp("e")), device="cpu"), lambda _: None).folder


@pytest.fixture(scope="module")
def made(folder, tmp_path_factory):
    """What the analysis writes of that study."""
    out = tmp_path_factory.mktemp("emergence")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(emergence, "side_by_side", lambda calls, title, fewest: [call(*arguments) for call, arguments in calls])
        patch.setattr(_emergence_measured, "atoms_of", partial(_emergence_measured.atoms_of, cells=200))
        emergence.run(folder, out, None)
    return out


@pytest.mark.slow
def test_recorded_nets_are_made_again_to_the_last_bit(made):
    """On the machine that recorded them the difference must be 0, and the report must say so."""
    runs = pd.read_csv(made / "runs.csv")
    assert runs[["variant", "seed", "difference"]].to_numpy().tolist() == [["tiny", 0, 0], ["tiny", 1, 0]]
    assert "2 of 2 nets have the recorded weights to the last bit." in (made / "summary.md").read_text()


@pytest.mark.slow
def test_the_last_moment_is_the_recorded_net(made, folder):
    """With the running statistics the last accuracy must be that of the recorded net on the same canvases."""
    steps = pd.read_csv(made / "steps.csv").set_index(["step", "seed"])
    for net in recorded(folder)[:2]:
        readout = _emergence_measured.probe(net.net(), net.mixture("test", None), "conv3")
        expected = (readout.logits.argmax(dim=1) == readout.labels).double().mean()
        assert steps.loc[(12, net.seed), "accuracy_running"] == pytest.approx(float(expected), abs=1e-3)
    assert sorted(steps.index.get_level_values("step").unique()) == [0, 6, 12]


@pytest.mark.slow
def test_every_moment_has_a_row_a_unit_and_a_row_a_digit(made):
    """3 moments, 2 nets, 6 units, 10 digits; atoms at some moments beside random directions."""
    moments, digits = pd.read_csv(made / "moments.csv"), pd.read_csv(made / "digits.csv")
    assert list(moments) == ["variant", "seed", "step", "unit", "concept", "alignment", "detector"]
    assert len(moments) == 3 * 2 * 6
    assert len(digits) == 3 * 2 * 10
    assert pd.read_csv(made / "steps.csv")[["coverage_ica", "coverage_random"]].notna().all(axis=1).sum() == 3 * 2
    assert (moments["detector"] == (moments["alignment"] >= 0.8)).all()


def test_every_claim_has_its_column_and_its_runs():
    """What the study's claims are held against must be a column, of nets that are those of the study sanity."""
    study, sanity = (load_study(f"benchmarks/{name}.py")[1] for name in ("emergence", "sanity"))
    assert {claim.column for claim in study.claims} | {claim.minus for claim in study.claims} - {None} <= set(
        emergence.BOUNDS
    ) | {None}
    assert all(study.variants[name] == sanity.variants[name] for name in study.variants)


def test_a_line_crosses_a_bar_where_it_stays():
    """A value that falls back below does not count; between moments the place is that of a straight line over doublings."""
    steps = [0, 1, 3, 7, 15]
    assert stays_from(steps, [0.9, 0.9, 0.1, 0.7, 0.9], 0.8) == pytest.approx(2 ** (3 + 0.5) - 1)
    assert stays_from(steps, [0.9] * 5, 0.8) == 0
    assert math.isnan(stays_from(steps, [0.9, 0.9, 0.9, 0.9, 0.7], 0.8))
    assert stays_from(steps, [math.nan, math.nan, math.nan, 0.0, 0.8], 0.8) == pytest.approx(15)


def planted():
    """Units and digits of one net: unit 1 is at 3's bar from step 3 on, whose accuracy is half only at 15; 4 the other way."""
    steps, rows, digits = [0, 1, 3, 7, 15], [], []
    to = {"3": ([0.1] * 5, [0.2, 0.4, 0.8, 0.9, 1.0]), "4": ([0.1, 0.1, 0.2, 0.6, 1.0], [0.1] * 5)}
    accuracy = {"3": [0, 0, 0.1, 0.2, 1.0], "4": [0, 0.5, 0.6, 0.7, 0.8]}
    for place, step in enumerate(steps):
        for unit in (0, 1):
            each = {f"to_{digit}": to[digit][unit][place] for digit in to}
            best = max(each, key=each.get)
            rows.append(
                {"step": step, "unit": unit, "concept": best[3:], "alignment": each[best], "detector": each[best] >= 0.8, **each}
            )
        for digit in to:
            best = max(to[digit][unit][place] for unit in (0, 1))
            unit = 1 if digit == "3" else 0
            digits.append(
                {"step": step, "digit": digit, "unit": unit, "best": best, "answer": 0.9, "accuracy": accuracy[digit][place]}
            )
    return (pd.DataFrame(found).assign(variant="a", seed=0) for found in (rows, digits))


def test_what_comes_first_is_told_as_it_was_planted():
    """The lead is in doublings of the steps; over digits it is a mean, and other digits are told apart from its own."""
    firsts = firsts_of(*planted()).set_index("digit")
    assert firsts.loc["3", "detector"] == pytest.approx(3)
    assert firsts.loc["3", "half"] == pytest.approx(2 ** (3 + 0.3 / 0.8) - 1)
    assert firsts.loc["3", "lead_half"] == pytest.approx(1 + 0.3 / 0.8)
    assert firsts.loc["4", "detector"] == pytest.approx(2**3.5 - 1)
    assert firsts.loc["4", "lead_half"] == pytest.approx(0.8 - 3.5)
    assert firsts.loc["4", "answer"] == 0
    found = of_firsts(firsts.reset_index(), last=15)
    assert found["before_half"] == 0.5
    assert found["lead_half"] == pytest.approx((1.375 - 2.7) / 2)
    assert found["apart"] == pytest.approx((1.375 + 2.7) / 2)
    assert found["apart_shuffled"] == pytest.approx((abs(2 - 0.8) + abs(3.5 - 3.375)) / 2)
    assert found["first_detector"] == pytest.approx(3 / 15)


def test_a_net_without_detectors_has_no_lead():
    """There is nothing to tell, and no error."""
    units, digits = planted()
    units[["to_3", "to_4"]] = 0.1
    assert all(math.isnan(value) for value in of_firsts(firsts_of(units, digits), 15).values())


def test_units_that_change_their_concept_are_counted():
    """One unit keeps its concept, one changes it once after it was a detector, one before; nulls are those of other units."""
    concepts = np.array([list("11"), list("14"), list("13"), list("13")])
    found = of_changes(concepts, np.array([[0, 0], [1, 1], [1, 1], [1, 0]], dtype=bool))
    assert found["changed"] == 0.5
    assert found["changed_shuffled"] == 1.0
    assert found["changes_after"] == 1 / 4
    assert found["changes_before"] == 1 / 2
    assert found["changes_shuffled"] == 1.0
    assert found["lost"] == 0.5


def test_a_net_that_never_changes_has_no_change():
    """An untouched net keeps every concept, and all its detectors were born."""
    concepts, detector = np.array([list("123")] * 4), np.ones((4, 3), dtype=bool)
    assert of_changes(concepts, detector)["changed"] == of_changes(concepts, detector)["changes_after"] == 0
    assert of_births(concepts, detector) == {"born": 1.0, "born_shuffled": 0.0}
    nothing = of_changes(concepts, ~detector)
    assert math.isnan(nothing["changed"])
    assert nothing["changes_before"] == 0


def test_births_are_held_against_other_units():
    """A concept that every unit begins with is no birth beyond chance."""
    concepts = np.array([list("111"), list("123")])
    found = of_births(concepts, np.array([[0, 0, 0], [1, 1, 1]], dtype=bool))
    assert found == {"born": pytest.approx(1 / 3), "born_shuffled": pytest.approx(1 / 3)}


def test_the_answer_is_scored_as_a_unit_would_be(pairs_mixture):
    """A net that knows every class answers for each digit with an average precision of 1, and is right on its canvases."""
    logits = torch.nn.functional.one_hot(pairs_mixture.labels, 45) * 9.0
    net = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 9, stride=8), torch.nn.ReLU()).eval()
    readout = replace(_emergence_measured.probe(net, pairs_mixture, "1"), logits=logits)
    found = _emergence_measured.digits_of(readout)
    assert found["answer"].tolist() == pytest.approx([1.0] * 10)
    assert found["accuracy"].tolist() == [1.0] * 10
    assert found["digit"].tolist() == list("0123456789")


def test_a_digit_that_no_class_tells_has_no_answer():
    """8 and 9 come and go on canvases of every class: the net is not asked for them, and of the others it is."""
    mixture = draw("redundant", "digits", "test", n=400, seed=0)
    net = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 9, stride=8), torch.nn.ReLU()).eval()
    logits = torch.nn.functional.one_hot(mixture.labels, 28) * 9.0
    found = _emergence_measured.digits_of(replace(_emergence_measured.probe(net, mixture, "1"), logits=logits))
    assert found["answer"].isna().tolist() == [False] * 8 + [True] * 2
    assert found["answer"][:8].tolist() == pytest.approx([1.0] * 8)
    assert found["accuracy"].notna().all()


def test_nets_whose_training_cannot_be_followed_are_refused():
    """A study of untrained nets alone, and a pretext, end in a sentence that names them."""
    net = Recorded("a", 0, Path("nowhere"), "digits", Variant(origin="untrained"), "conv3", "")
    with pytest.raises(ValueError, match="a study must have a net that was trained to tell classes, got 1 others"):
        emergence.measured([net], None)
    said = "moments must be of nets trained on classes that exclude each other, by cross-entropy, got a with objective='rotation'"
    with pytest.raises(ValueError, match=said):
        _objective(replace(net, settings=Variant(objective="rotation")))


@pytest.mark.slow
def test_figures_show_the_tables(made, tmp_path):
    """Every figure is drawn; what has no detector is said to be left out."""
    with style(Look(("png",))):
        album = Album(tmp_path, Look(("png",)), ())
        _emergence_drawn.over_steps(album, pd.read_csv(made / "steps.csv"))
        emergence.draw(made, album)
    assert {"over_steps", "concepts_of_units"} <= {path.stem for path in tmp_path.glob("*.png")}
    shown, steps = pd.read_csv(tmp_path / "over_steps.csv"), pd.read_csv(made / "steps.csv")
    row = shown[shown["step"].eq(6) & shown["number"].eq("accuracy")].iloc[0]
    assert row["mean"] == pytest.approx(steps[steps["step"].eq(6)]["accuracy"].mean())
    why = (tmp_path / "which_first.txt").read_text()
    assert why == "The figure which_first is left out: no unit is a detector in the end.\n"
    assert "Seeds: tiny n=2." in (tmp_path / "over_steps.txt").read_text()


def test_which_comes_first_is_drawn_where_it_is():
    """Points of a digit lie at the geometric means of the nets' steps, in the order detector, half, answer."""
    kept = []
    firsts = pd.concat([firsts_of(*planted()).assign(seed=seed) for seed in range(5)])
    with style(Look(("png",))), pytest.MonkeyPatch.context() as patch:
        patch.setattr(Album, "save", lambda _, figure, data, name, text: kept.append((figure, data, name, text)))
        _emergence_drawn.which_first(Album(Path("nowhere"), Look(), ()), firsts)
    (figure, data, name, text) = kept[0]
    assert name == "which_first"
    lines = {line.get_label(): line for line in figure.axes[0].lines}
    assert lines["detector"].get_xdata().tolist() == pytest.approx([3.0, 2**3.5 - 1])
    assert lines["half of the accuracy"].get_xdata().tolist() == pytest.approx([2**3.375 - 1, 2**0.8 - 1])
    assert "Seeds: a n=5." in text
    assert data[data["number"].eq("detector")]["n"].tolist() == [5, 5]
