"""Objectives: what they make of canvases and labels; the contract of the shelf, then each by itself."""

import pytest
import torch

from mixmnist.core import registry
from mixmnist.core.records import Objective
from mixmnist.objectives.noisy import prepare as with_noise
from mixmnist.objectives.rotation import prepare as turned
from mixmnist.objectives.shuffled import prepare as shuffled

NAMES = registry.names("objectives")
SEEDS = (0, 1, 0)


@pytest.fixture
def canvases():
    """Three copies of 240 small canvases in 12 classes; the first and the last copy are the same."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (240, 4, 4), generator=generator, dtype=torch.uint8)
    labels = torch.arange(240) % 12
    return images.repeat(3, 1, 1, 1), labels.repeat(3, 1)


@pytest.mark.parametrize("name", NAMES)
def test_an_objective_keeps_the_form_and_mixes_no_copies(name, canvases):
    """Every objective must give images and targets of the same form, the same for the same seed, and leave what it was given."""
    images, labels = canvases
    objective: Objective = registry.choose("objectives", name)
    if objective.truth == "present":
        labels = torch.nn.functional.one_hot(labels % 10, 10)
    before = images.clone(), labels.clone()
    found, targets = objective.prepare(images, labels, SEEDS, **objective.with_settings({}))
    assert found.shape == images.shape
    assert found.dtype == images.dtype
    assert targets.shape[:2] == labels.shape[:2]
    assert torch.equal(found[0], found[2])
    assert torch.equal(targets[0], targets[2])
    (alone, target) = objective.prepare(images[1:2], labels[1:2], SEEDS[1:2], **objective.with_settings({}))
    assert torch.equal(alone[0], found[1])
    assert torch.equal(target[0], targets[1])
    assert torch.equal(images, before[0])
    assert torch.equal(labels, before[1])
    if objective.outputs is not None and not objective.asks_for_pretext:
        assert set(targets.unique().tolist()) == set(range(objective.outputs))


@pytest.mark.parametrize("name", [name for name in NAMES if registry.choose("objectives", name).outputs is None])
def test_an_objective_takes_classes_that_do_not_exclude_each_other(name, canvases):
    """Rows of yes and no must stay whole."""
    images, labels = canvases
    rows = torch.nn.functional.one_hot(labels, 12)
    objective: Objective = registry.choose("objectives", name)
    _, targets = objective.prepare(images, labels, SEEDS)
    _, found = objective.prepare(images, rows, SEEDS)
    assert torch.equal(found.argmax(dim=2), targets)
    assert (found.sum(dim=2) == 1).all()


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_setting_is_refused(name):
    """A setting that an objective does not have must be named."""
    with pytest.raises(ValueError, match=r"objective settings must be among .* got 'colour'"):
        registry.choose("objectives", name).with_settings({"colour": 1})


def test_shuffled_labels_are_a_permutation_of_each_seeds_own():
    """Each copy must keep its labels' counts in an order of its own, the same for the same seed; rows stay whole."""
    labels = torch.arange(12).repeat(3, 1)
    images = torch.zeros(3, 12, 1, 1, dtype=torch.uint8)
    _, found = shuffled(images, labels, (0, 1, 0))
    assert torch.equal(found.sort(dim=1).values, labels)
    assert torch.equal(found[0], found[2])
    assert not torch.equal(found[0], found[1])
    assert not torch.equal(found[0], labels[0])
    _, rows = shuffled(images[:1], labels[:1, :, None].repeat(1, 1, 2), (0,))
    assert torch.equal(rows[0, :, 0], found[0])
    assert torch.equal(rows[0, :, 0], rows[0, :, 1])


@pytest.mark.parametrize("q", [0.0, 0.3, 1.0])
def test_noise_replaces_the_share_that_is_asked_for(q):
    """A share q of the labels must be drawn anew from the frequencies of the classes; the others stay."""
    labels = (torch.arange(20_000) % 4 == 0).long()[None]  # a quarter in class 1
    _, found = with_noise(torch.zeros(1, 20_000, 1, 1, dtype=torch.uint8), labels, (5,), q=q)
    changed = (found != labels).double().mean().item()
    assert changed == pytest.approx(q * 2 * 0.25 * 0.75, abs=0.012)
    assert found.double().mean().item() == pytest.approx(0.25, abs=0.012)


def test_more_noise_replaces_more_of_the_same():
    """What little noise replaces, more noise must replace by the same label."""
    labels = torch.arange(500)[None]
    images = torch.zeros(1, 500, 1, 1, dtype=torch.uint8)
    (_, few), (_, many) = (with_noise(images, labels, (5,), q=q) for q in (0.2, 0.6))
    assert torch.equal(many[few != labels], few[few != labels])
    assert (many != labels).sum() > (few != labels).sum() > 0


@pytest.mark.parametrize("q", [-0.1, 1.5])
def test_noise_refuses_what_is_no_share(q):
    """A q outside of 0 to 1 must be refused."""
    with pytest.raises(ValueError, match=f"q must lie between 0 and 1, got q={q}"):
        with_noise(torch.zeros(1, 2, 1, 1, dtype=torch.uint8), torch.zeros(1, 2, dtype=torch.long), (0,), q=q)


def test_rotation_turns_counter_clockwise_by_what_it_says(canvases):
    """Turned back by its target, every canvas must be the one that was given, and all four turns be about as frequent."""
    images, labels = canvases
    found, turns = turned(images, labels, (7, 8, 9))
    back = torch.stack([i.rot90(-int(t), dims=(0, 1)) for i, t in zip(found.flatten(0, 1), turns.flatten(), strict=True)])
    assert torch.equal(back, images.flatten(0, 1))
    assert not torch.equal(turns[0], turns[1])
    assert torch.bincount(turns.flatten(), minlength=4).min() > 130  # of 180 expected
