"""Rotation of units: the array arithmetic against a real module, and what must not move."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from mixmnist import probe
from mixmnist.metrics.average_precision import average_precision
from mixmnist.plants._rotation import fractional_rotation, random_rotation
from mixmnist.report.drawing import Album, Look, style
from mixmnist.trust import rotation
from mixmnist.trust._layers import first
from mixmnist.trust._rotated import capture, rotate, rotated_response
from mixmnist.trust.rotation import lost

UNITS = 7


class Turn(nn.Module):
    """A layer that rotates the units before it."""

    def __init__(self, turn):
        super().__init__()
        self.register_buffer("turn", turn)

    def forward(self, x):
        return torch.einsum("uv,nvrc->nurc", self.turn, x)


def small_net():
    """A net of seven units with a linear head on their means."""
    torch.manual_seed(0)
    pooled = (nn.AdaptiveAvgPool2d(1), nn.Flatten())
    net = nn.Sequential(nn.Conv2d(1, UNITS, 9, stride=4), nn.ReLU(), nn.Identity(), *pooled, nn.Linear(UNITS, 45))
    return net.eval().double()


@pytest.fixture(scope="module")
def mixture(pairs_mixture):
    """300 canvases."""
    return first(pairs_mixture, 300)


@pytest.fixture(scope="module")
def captured(mixture):
    """The small net's maps on them."""
    return capture(small_net(), mixture, "1")


@pytest.mark.parametrize("alpha", [0.3, 1.0])
def test_arithmetic_equals_a_network_with_a_rotating_layer(mixture, captured, alpha):
    """Responses, logits and scores must be those of a module that rotates, with its head rotated back."""
    turn = fractional_rotation(random_rotation(UNITS, seed=3), alpha)
    net = small_net()
    net[2] = Turn(turn).eval()
    net[-1].weight.data = net[-1].weight.data @ turn.T
    readout = probe(net, mixture, "2")
    torch.testing.assert_close(rotated_response(captured.maps, turn), readout.response, rtol=0, atol=1e-12)
    torch.testing.assert_close(readout.logits, captured.logits, rtol=0, atol=1e-12)
    expected = average_precision(readout.response, readout.present)
    found = rotate(captured, random_rotation(UNITS, seed=3), alpha)
    assert found.mean_alignment == pytest.approx(float(expected.amax(dim=1).mean()), abs=1e-9)
    assert found.coverage == pytest.approx(float(expected.amax(dim=0).mean()), abs=1e-9)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 1000), st.floats(0, 1))
def test_no_decision_moves(captured, seed, alpha):
    """Whatever the rotation and its share, every image must be decided as before."""
    still, turned = rotate(captured, random_rotation(UNITS, seed), 0.0), rotate(captured, random_rotation(UNITS, seed), alpha)
    assert turned.differ == 0
    assert turned.accuracy == still.accuracy


def test_a_decision_that_moves_is_counted(captured, monkeypatch):
    """What is no rotation is not undone by its transpose: images must be counted that are decided otherwise, and only those."""
    squeezed = torch.diag(torch.linspace(0, 3, UNITS)).double()
    monkeypatch.setattr("mixmnist.trust._rotated.fractional_rotation", lambda *_: squeezed)
    logits = (captured.mean @ squeezed) @ (captured.weight @ squeezed).T + captured.bias
    expected = int((logits.argmax(dim=1) != captured.logits.argmax(dim=1)).sum())
    assert expected > 0
    assert rotate(captured, squeezed, 1.0).differ == expected


def test_no_rotation_changes_nothing(captured):
    """At alpha 0 the scores must be those of the layer as it is, ties at zero included."""
    response = captured.maps.amax(dim=1).T
    assert (response == 0).any()
    expected = average_precision(response, captured.present).amax(dim=1).mean()
    for seed in range(5):
        assert rotate(captured, random_rotation(UNITS, seed), 0.0).mean_alignment == pytest.approx(float(expected), abs=1e-12)


def test_a_planted_detector_is_lost():
    """Units that each show one digit must lose their alignment when they are mixed, and a permutation must not."""
    g = torch.Generator().manual_seed(1)
    present = torch.rand(211, UNITS, generator=g) < 0.3
    maps = torch.zeros(UNITS, 5, 211).double()
    maps[:, 2] = present.T * (1 + torch.rand(UNITS, 211, generator=g))
    order = torch.eye(UNITS).double()[torch.tensor([1, 2, 0, 3, 4, 5, 6])]  # a cycle of three: determinant 1
    for turn, fewest, most in ((torch.eye(UNITS).double(), 1, 1), (order, 1, 1), (random_rotation(UNITS, 2), 0, 0.9)):
        response = rotated_response(maps, turn)
        alignment = average_precision(response, present).amax(dim=0).mean()
        assert fewest - 1e-9 <= alignment <= most + 1e-9


def test_a_layer_that_feeds_no_head_is_refused(mixture):
    """Where the head cannot be undone there is nothing to rotate."""
    net = nn.Sequential(nn.Conv2d(1, 3, 9, stride=4), nn.ReLU(), nn.Flatten(), nn.Linear(108, 45)).eval()
    with pytest.raises(ValueError, match="layer must feed a linear head through its mean, got layer='1'"):
        capture(net, mixture, "1")


def test_what_is_lost_is_averaged_over_rotations_first():
    """A run's share is the mean over its rotations; a run with nothing to lose has none."""
    rows = [
        {"variant": "a", "seed": seed, "rotation": q, "alpha": alpha, "unique_concepts": had if alpha == 0 else left}
        for seed, had, after in ((0, 8.0, (2.0, 4.0, 3.0)), (1, 0.0, (0.0, 1.0, 0.0)))
        for q, left in enumerate(after)
        for alpha in (0.0, 0.5, 1.0)
    ]
    found = lost(pd.DataFrame(rows).assign(accuracy=0.9, mean_alignment=0.7, differ=1))
    assert found["rotation_lost"].tolist() == pytest.approx([5 / 8, np.nan], nan_ok=True)
    assert found["rotation_accuracy_change"].tolist() == [0.0, 0.0]
    assert found["rotation_differ"].tolist() == [9, 9]


def test_analysis_writes_its_tables_and_figure(mixture, tmp_path, monkeypatch, recorded_nets):
    """A study's trained nets must get curves, tables, a figure and a summary; others must not be rotated."""
    nets = recorded_nets(small_net, "1", mixture, {"baseline": "trained", "wide": "trained", "untrained": "untrained"})
    monkeypatch.setattr(rotation, "nets_of", lambda _: nets)
    monkeypatch.setattr(rotation, "ROTATIONS", 2)
    monkeypatch.setattr(rotation, "ALPHAS", (0.0, 1.0))
    rotation.ANALYSIS.run(Path("s/digits"), tmp_path, None)
    with style(look := Look(("png",))):
        rotation.ANALYSIS.draw(tmp_path, Album(tmp_path, look, ()))
    assert len(pd.read_csv(tmp_path / "curves.csv")) == 2 * 2 * 2 * 2
    runs = pd.read_csv(tmp_path / "runs.csv")
    assert runs[["variant", "seed"]].to_numpy().tolist() == [["baseline", 0], ["baseline", 1], ["wide", 0], ["wide", 1]]
    assert (runs["rotation_accuracy_change"] == 0).all()
    assert (tmp_path / "rotation.png").is_file()
    assert "Network Dissection" in (tmp_path / "summary.md").read_text()


def test_a_study_without_trained_nets_is_refused(mixture, tmp_path, monkeypatch, recorded_nets):
    """There must be a trained network to rotate."""
    monkeypatch.setattr(rotation, "nets_of", lambda _: recorded_nets(small_net, "1", mixture, {"a": "untrained"}))
    with pytest.raises(ValueError, match="rotation needs a trained network, got none"):
        rotation.ANALYSIS.run(Path("s/digits"), tmp_path, None)
