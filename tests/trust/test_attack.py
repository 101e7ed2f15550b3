"""The analysis of attacks: on nets in which an attack can only turn off the right unit, that is what it finds."""

from collections import OrderedDict
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from mixmnist.core.studies import load_study
from mixmnist.report.drawing import Album, Look, style
from mixmnist.report.ranges import bounds_of
from mixmnist.stats import t_interval
from mixmnist.trust import _attack_measured, attack
from mixmnist.trust._attack_measured import Answers, inside
from mixmnist.trust._bases import choose_detectors

DIGITS, PAIRS = 4, tuple(combinations(range(4), 2))
SIZES, READ = (0.02, 0.1, 0.25), (0.02, 0.25)


@dataclass(frozen=True)
class Strips:
    """Canvases of 2 by 3 pixels, of which the first four are a digit each: about 100 where it is shown, else 0."""

    images: torch.Tensor
    labels: torch.Tensor
    present: torch.Tensor
    concepts: tuple = tuple("0123")
    classes: tuple = tuple(f"{a}{b}" for a, b in PAIRS)
    glyphs: torch.Tensor = torch.zeros(0, 2, dtype=torch.int64)  # noqa: RUF009 -- nobody looks at it

    def __len__(self):
        return len(self.labels)


def strips(n=240):
    """Canvases that show two digits each, as many of each pair."""
    g = torch.Generator().manual_seed(0)
    labels = torch.arange(n) % len(PAIRS)
    present = torch.zeros(n, DIGITS, dtype=torch.bool).scatter(1, torch.tensor(PAIRS)[labels], True)
    ink = torch.where(present, torch.randint(95, 106, (n, DIGITS), generator=g), 0)
    images = torch.cat([ink, torch.zeros(n, 2, dtype=torch.int64)], dim=1).to(torch.uint8).view(n, 2, 3)
    return Strips(images, labels, present)


def build():
    """A net whose four units are the digits' pixels; a pair's logit is the sum of its two units, twenty times."""
    units, head = nn.Linear(6, DIGITS, bias=False), nn.Linear(DIGITS, len(PAIRS), bias=False)
    units.weight.data = torch.eye(DIGITS, 6)
    head.weight.data = torch.tensor([[20.0 * (digit in pair) for digit in range(DIGITS)] for pair in PAIRS])
    return nn.Sequential(OrderedDict(flat=nn.Flatten(), units=units, head=head)).eval()


@pytest.fixture(scope="module")
def made(recorded_nets, tmp_path_factory):
    """What the analysis writes of two nets of two variants."""
    nets = recorded_nets(build, "units", strips(), {"baseline": "planted:perfect", "wide": "planted:perfect"})
    out = tmp_path_factory.mktemp("attack")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(attack, "nets_of", lambda folder: nets)
        patch.setattr(attack, "side_by_side", lambda calls, title, fewest: [call(*arguments) for call, arguments in calls])
        patch.setattr(_attack_measured, "first", lambda mixture, n: mixture)
        for module, name, value in (
            (_attack_measured, "SIZES", SIZES),
            (_attack_measured, "READ", READ),
            (_attack_measured, "SHOWN_AT", 0.25),
            (attack, "TOLD", {0.02: "02", 0.25: "10"}),
            (attack, "INSIDE", 0.25),
        ):
            patch.setattr(module, name, value)
        attack.run(out / "study" / "stamps", out, None)
    return out


def test_an_attack_turns_off_the_right_unit_where_it_can_do_nothing_else(made):
    """A size above half of the ink swaps a digit; its unit must fall silent in all nets, and no wrong one reach its threshold."""
    rows = pd.read_csv(made / "rows_inside.csv")
    own = rows[rows["eps"].eq(0.25) & rows["basis"].eq("units") & rows["way"].eq("pgd")]
    assert len(own) == 4
    assert (own["changed"] == 240).all()
    assert (own["n"] >= 230).all()
    assert own["off"].tolist() == own["off_only"].tolist() == pytest.approx([1.0] * 4)
    assert own["on"].tolist() == own["both"].tolist() == own["neither"].tolist() == [0.0] * 4
    noise = rows[rows["eps"].eq(0.25) & rows["basis"].eq("units") & rows["way"].eq("noise")]
    assert noise["off"].tolist() == pytest.approx([0.75] * 4, abs=0.1)  # both digits left, a coin each
    assert (noise["on"] == 0).all()
    small = rows[rows["eps"].eq(0.02) & rows["way"].eq("pgd")]
    assert (small["changed"] == 0).all()
    assert small["off"].isna().all()


def test_accuracy_falls_where_the_ink_of_a_digit_is_overcome(made):
    """Nothing may change below half of the ink; above it PGD and FGSM must leave no answer right, and noise must leave many."""
    rows = pd.read_csv(made / "rows_accuracy.csv").set_index(["variant", "seed", "eps", "way"])["accuracy"]
    for variant in ("baseline", "wide"):
        for seed in (0, 1):
            assert rows[variant, seed, 0.0, "clean"] == rows[variant, seed, 0.1, "pgd"] == 1
            assert rows[variant, seed, 0.25, "pgd"] == rows[variant, seed, 0.25, "fgsm"] == 0
            assert 0.2 < rows[variant, seed, 0.25, "noise"] < 0.9
    moved_by = pd.read_csv(made / "rows_accuracy.csv").query("way != 'clean'")
    assert (moved_by["moved_by"] <= moved_by["eps"] + 1e-6).all()
    assert (moved_by["moved_by"] > 0.3 * moved_by["eps"]).all()


def test_runs_hold_what_claims_ask_for(made):
    """Every column that a claim of the study names must be there, with its bounds, and tell what the rows tell."""
    runs, rows = pd.read_csv(made / "runs.csv"), pd.read_csv(made / "rows_inside.csv")
    study = load_study("benchmarks/attack.py")[1]
    asked = {name for claim in study.claims for name in (claim.column, claim.minus) if name and name.startswith("attack_")}
    assert asked
    assert asked <= set(runs)
    assert {name: bounds_of(name) for name in asked if "kept" not in name} == {
        name: (0, 1) for name in asked if "kept" not in name
    }
    one = rows.query("eps == 0.25 and basis == 'sparse' and way == 'noise'")["off"].tolist()
    assert runs["attack_off_sparse_noise"].tolist() == pytest.approx(one, abs=1e-4, nan_ok=True)
    assert (runs["attack_clean"] == 1).all()
    scores = pd.read_csv(made / "rows_detecting.csv").query("basis == 'units' and eps == 0.25 and way == 'pgd'")
    assert runs["attack_kept_units"].tolist() == pytest.approx(((scores["coverage"] - 0.5) / 0.5).tolist(), abs=1e-3)


def test_figures_show_the_tables(made, tmp_path):
    """Lines must be means over nets, bars the four parts, and each canvas that is shown one whose answer changed."""
    with pytest.MonkeyPatch.context() as patch, style(Look(("png",))):
        patch.setattr(attack, "INSIDE", 0.25)
        attack.draw(made, Album(tmp_path, Look(("png",)), ("Note.",)))
    assert {path.stem for path in tmp_path.glob("*.png")} == {
        "attack_accuracy",
        "attack_coverage",
        "attack_inside",
        "attack_canvases",
    }
    rows = pd.read_csv(made / "rows_accuracy.csv").query("variant == 'wide' and way == 'noise' and eps == 0.25")
    drawn = pd.read_csv(tmp_path / "attack_accuracy.csv").query("variant == 'wide' and way == 'noise' and eps == 0.25")
    assert drawn["mean"].item() == pytest.approx(t_interval(rows["accuracy"].tolist()).mean)
    parts = pd.read_csv(tmp_path / "attack_inside.csv").groupby(["variant", "basis", "way"])["mean"].sum()
    assert parts.xs("units", level="basis").tolist() == pytest.approx([1.0] * 6, abs=1e-4)
    assert set(parts.round(3)) <= {0.0, 1.0}  # nothing where nothing can be told
    curve = pd.read_csv(tmp_path / "attack_coverage.csv").query("basis == 'units' and way == 'pgd'")
    assert curve["eps"].tolist() == [0.0, *READ] * 2
    told = pd.read_csv(tmp_path / "attack_canvases.csv", dtype=str)
    assert (told["answer"] != told["attacked"]).all()
    assert [" ".join(row.answer) for row in told.itertuples()] == told["fire"].tolist()
    images = np.load(made / "shown.npz")["images"]
    assert images.shape == (len(told), 2, 2, 3)
    assert np.abs(images[:, 0].astype(int) - images[:, 1]).max() <= 0.25 * 255 + 1
    assert "n=2" in (tmp_path / "attack_inside.txt").read_text()


def test_what_is_inside_an_answer_that_changed_is_counted_by_hand():
    """Five canvases: right off, wrong on, both, neither, and one that cannot be told; the sixth did not change."""
    yes = torch.tensor
    shown = yes([[1, 1, 0, 0]] * 6).bool()
    answered = yes([[1, 0, 1, 0]] * 6).bool()  # digit 1 left, digit 2 entered
    before = yes([[1, 1, 0, 0]] * 4 + [[1, 0, 0, 0]] + [[1, 1, 0, 0]]).bool()
    now = yes([[1, 0, 0, 0], [1, 1, 1, 0], [0, 0, 1, 0], [1, 1, 0, 1], [1, 0, 1, 0], [0, 0, 1, 1]]).bool()
    changed = yes([1, 1, 1, 1, 1, 0]).bool()
    found = inside(Answers(shown, answered, changed), torch.ones(4, dtype=torch.bool), before, now)
    parts = {"off": 0.5, "on": 0.5, "off_only": 0.25, "on_only": 0.25, "both": 0.25, "neither": 0.25}
    assert found == {"changed": 5, "n": 4, **parts, "off_other": 0.25, "on_other": 0.25}
    without = inside(Answers(shown, answered, changed), yes([1, 0, 1, 1]).bool(), before, now)
    assert without["n"] == 0  # nothing detects the digit that left


def test_a_digit_without_a_detector_has_none_that_fires():
    """What lies below .80 must not count as a detector, and a threshold must be the response that tells the digit best."""
    response = torch.tensor([[5.0, 0.3], [4.0, 0.1], [1.0, 0.2], [0.0, 0.2], [0.0, 0.1]])
    present = torch.tensor([[1, 1, 0], [1, 0, 0], [0, 1, 1], [0, 0, 0], [0, 1, 0]]).bool()
    found = choose_detectors(response, present)
    assert found.there.tolist() == [True, False, False]
    assert found.threshold[0] == 4
    assert found.fire(response).tolist() == [[True, False, False]] * 2 + [[False] * 3] * 3


def test_classes_that_do_not_exclude_each_other_are_refused(recorded_nets, monkeypatch):
    """Where an answer has no digits of its own there must be one sentence."""
    mixture = strips(12)
    (net,) = recorded_nets(build, "units", replace(mixture, labels=torch.eye(6).long().repeat(2, 1)), {"a": "untrained"}, 1)
    monkeypatch.setattr(_attack_measured, "first", lambda mixture, n: mixture)
    with pytest.raises(ValueError, match="attack needs classes that exclude each other, got the task pairs"):
        _attack_measured.measured(net, None)


@pytest.mark.parametrize("study", ["attack", "pruning"])
def test_recorded_nets_are_those_of_the_study_sanity(study):
    """What is called as there must be the same configuration, so that its runs are referred to and not trained again."""
    known, own = load_study("benchmarks/sanity.py")[1].variants, load_study(f"benchmarks/{study}.py")[1].variants
    assert {"baseline", "wide"} <= set(own)
    assert all(own[name] == known[name] for name in set(own) & set(known))
