"""The audit: every task and policy is as promised, and what is not is found."""

from dataclasses import replace

import pytest
import torch

from mixmnist import Canvas, draw
from mixmnist.core import registry
from mixmnist.data.audit import audit, check


@pytest.mark.parametrize("overlap", ["reject", "max", "clip", "wrap"])
@pytest.mark.parametrize("task", registry.names("tasks"))
def test_every_task_is_as_promised_under_every_policy(task, overlap):
    """Balance, positions, duplicates, leakage, masks and overlap must be as promised."""
    size = registry.choose("tasks", task).canvas.size
    found = audit(task, "digits", n=2_000, canvas=Canvas(size=size, overlap=overlap))
    assert found[~found["good"]].to_dict("records") == []
    assert set(found["check"]) >= {"classes", "prevalence", "positions, rows", "duplicate canvases", "glyphs in both splits"}


@pytest.fixture
def mixture():
    """A thousand canvases of pairs."""
    return draw("pairs", "digits", n=1_000)


def failed(mixture):
    """The checks that a mixture fails."""
    return [name for name, _, _, good in check(mixture) if not good]


def test_a_class_that_comes_too_often_is_found(mixture):
    """Classes that do not come equally often must be told."""
    labels = mixture.labels.clone()
    labels[:60] = 3
    assert failed(replace(mixture, labels=labels)) == ["classes"]


def test_glyphs_that_lean_to_one_side_are_found(mixture):
    """Positions that are not mirrored alike must be told."""
    positions = mixture.positions.clone()
    positions[:, 0, 0] = positions[:, 0, 0].clamp_max(12)
    assert "positions, rows" in failed(replace(mixture, positions=positions))


def test_positions_that_are_not_uniform_are_found():
    """Where boxes may overlap positions must be uniform."""
    mixture = draw("pairs", "digits", n=1_000, canvas=Canvas(overlap="max"))
    positions = mixture.positions.clone()
    positions[..., 1] = (positions[..., 1] + positions[..., 1].roll(1, 0)) // 2
    assert failed(replace(mixture, positions=positions)) == ["positions, columns"]


def test_canvases_that_come_twice_are_found(mixture):
    """The same canvas twice must be told."""
    plan = {name: getattr(mixture, name).clone() for name in ("glyphs", "positions", "shown")}
    for tensor in plan.values():
        tensor[1] = tensor[0]
    assert failed(replace(mixture, **plan)) == ["duplicate canvases"]


def test_boxes_that_overlap_are_found(mixture):
    """Under the policy that forbids it no two boxes may overlap."""
    positions = mixture.positions.clone()
    positions[7, 1] = (positions[7, 0] + 3).clamp_max(20)
    assert "images with overlapping boxes" in failed(replace(mixture, positions=positions))


def test_masks_that_are_not_the_ink_are_found(mixture):
    """Masks that say something else than the pixels must be told."""
    wrong = replace(mixture, shown=torch.where(mixture.shown == 4, -1, mixture.shown))
    assert "masks against ink, pixels" in failed(wrong)


def test_shared_glyphs_are_found(tmp_path, monkeypatch):
    """A test glyph that is also a training glyph must be told."""
    import numpy as np

    from mixmnist.data import audit as module

    real = module.load_glyphs
    monkeypatch.setattr(module, "load_glyphs", lambda source, root, split: real(source, root, "train"))
    found = audit("pairs", "digits", n=300)
    assert found[~found["good"]]["check"].tolist() == ["glyphs in both splits"]
    assert np.issubdtype(found["good"].dtype, np.bool_)


SKEWED = """
import numpy as np
from mixmnist.core.records import Task
def draw(n, stream):
    number = stream.integers(0, 9, (n,))
    labels = np.where(number < {often}, 0, 1 + number % 2)
    return {labels}, stream.integers(0, 9, (n, 1))
TASK = Task("t", tuple("0123456789"), ("often", "seldom", "rarely"), draw)
"""


@pytest.mark.parametrize("labels", ["labels", "(labels[:, None] == np.arange(3)).astype(np.int64)"])
def test_a_task_whose_classes_come_unequally_is_not_condemned(tmp_path, labels):
    """Classes of one's own task need not come equally often: they must come as often as in its other draws."""
    path = tmp_path / "skewed.py"
    path.write_text(SKEWED.format(often=7, labels=labels))
    found = audit(str(path), "digits", n=800).set_index("check")
    assert found["good"].all()
    assert found.loc["classes", "expected"].startswith("as in the task's other draws")
    assert found.loc["shares of classes", "found"].startswith("0.099 .. 0.72")


def test_a_task_whose_classes_depend_on_the_seed_is_told(tmp_path):
    """A mixture whose classes come otherwise than in the task's other draws is not as promised."""
    path = tmp_path / "moody.py"
    path.write_text(SKEWED.format(often="(2 if stream.integers(0, 1, (1,))[0] else 9)", labels="labels"))
    verdicts = {bool(audit(str(path), "digits", n=800, seed=seed).set_index("check").loc["classes", "good"]) for seed in range(6)}
    assert False in verdicts


@pytest.mark.parametrize("n", [1, 2])
def test_a_few_canvases_condemn_nothing(n):
    """Where no glyph came to lie, neither side has more: that must not count as a failure, nor warn of a division by zero."""
    found = audit("pairs", "digits", n=n)
    assert found[found["check"].str.startswith("positions")]["good"].all()
