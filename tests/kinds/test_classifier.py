"""The kind of classifiers: what is settled in an untrained net, and heads fitted on frozen units."""

import pytest
import torch

from mixmnist import Training, Variant, draw
from mixmnist.core import registry
from mixmnist.kinds import Lesson
from mixmnist.kinds._heads import NEVER, fit_linear
from mixmnist.kinds.classifier import KIND, settle
from mixmnist.probing import probe

TINY = Variant(
    task="single",
    training=Training(images=96, epochs=1, batch=16),
    probe_images=720,
    net_settings={"conv1": 3, "conv2": 4, "conv3": 4},
)
NET = registry.choose("nets", "convnet")


def test_settling_estimates_the_statistics_and_nothing_else():
    """Means and variances must be the mean over whole batches; weights and the norms' own settings stay, in eval mode."""
    images = draw("pairs", "stamps", "train", n=40).images
    module = NET.build(NET.settings(**TINY.net_settings), 45, (0,))
    before = {name: tensor.clone() for name, tensor in module.state_dict().items() if "running" not in name}
    settle(module, images[None], batch=16)
    (net,) = NET.split(module)
    maps = [net.conv1[0](part[:, None] / 255) for part in images[:32].split(16)]
    expected = torch.stack([part.mean(dim=(0, 2, 3)) for part in maps]).mean(dim=0)
    assert net.conv1.norm.running_mean.tolist() == pytest.approx(expected.tolist(), abs=1e-5)
    variances = torch.stack([part.var(dim=(0, 2, 3)) for part in maps]).mean(dim=0)
    assert net.conv1.norm.running_var.tolist() == pytest.approx(variances.tolist(), rel=1e-3)
    after = module.state_dict()
    assert [name for name in before if "tracked" not in name and not torch.equal(before[name], after[name])] == []
    assert not module.training
    assert {norm.momentum for norm in module.modules() if isinstance(norm, torch.nn.BatchNorm2d)} == {0.1}


def lesson(**changes):
    """A lesson of two seeds on scikit-learn's digits."""
    variant = Variant(**{**TINY.as_dict(), "training": TINY.training, "canvas": TINY.canvas, **changes})
    return Lesson(variant, (0, 1), lambda split, n, seed: draw("single", "digits", split, n, seed=seed), "cpu", "float32")


def test_a_pretext_builds_its_own_outputs_and_the_head_is_fitted_afterwards():
    """After a pretext the net must have the task's outputs, its trunk as it was trained, its readout a linear head."""
    one = lesson(objective="rotation")
    trained = [net for net, _ in KIND.train(one)]
    assert trained[0].head.weight.shape == (4, 4)
    fitted = KIND.fit_head(one, trained)
    for before, after in zip(trained, fitted, strict=True):
        assert after.head.weight.shape == (10, 4)
        assert not after.training
        for name, value in before.state_dict().items():
            assert name.startswith("head.") or torch.equal(value, after.state_dict()[name])
    assert not torch.equal(fitted[0].head.weight, fitted[1].head.weight)
    readout = probe(fitted[0], draw("single", "digits", "test", 50), "conv3")
    assert readout.head is not None
    assert torch.equal(readout.head, fitted[0].head.weight)


def test_the_same_lesson_gives_the_same_heads():
    """Training and fitting must give the same bytes again."""
    one = lesson(objective="rotation")
    first, second = ([net for net, _ in KIND.train(one)] for _ in range(2))
    for ours, theirs in zip(KIND.fit_head(one, first), KIND.fit_head(one, second), strict=True):
        for name, value in ours.state_dict().items():
            assert torch.equal(value, theirs.state_dict()[name])


def planted(labels, n_units=3, seed=0):
    """Means of units, of which each of the first classes has its own, some noise added."""
    generator = torch.Generator().manual_seed(seed)
    return 5 + torch.nn.functional.one_hot(labels, n_units) * 2.0 + 0.1 * torch.rand(len(labels), n_units, generator=generator)


def test_a_head_reads_what_is_planted():
    """Where each class has its unit, far from zero and of another scale, every image must be told right."""
    labels = torch.arange(300) % 3
    mean = planted(labels) * torch.tensor([1.0, 100.0, 0.01])
    weight, bias = fit_linear(mean, labels, 3)
    assert ((mean @ weight.T + bias).argmax(dim=1) == labels).all()
    assert (weight.shape, bias.shape, weight.dtype) == ((3, 3), (3,), torch.float32)


@pytest.mark.parametrize("seen", [1, 2])
def test_classes_that_are_not_seen_are_never_said(seen):
    """With one or two classes in the training canvases the others must not be said."""
    labels = 2 + torch.arange(40) % seen
    mean = planted(labels, n_units=5)
    weight, bias = fit_linear(mean, labels, 5)
    assert ((mean @ weight.T + bias).argmax(dim=1) == labels).all()
    assert bias[[0, 1]].tolist() == [NEVER, NEVER]
    assert (weight[[0, 1]] == 0).all()


def test_classes_that_do_not_exclude_each_other_have_a_regression_each():
    """Yes or no for each class: what is always or never there must be said always or never."""
    labels = torch.arange(60) % 3
    always, never = torch.ones(60).bool(), torch.zeros(60).bool()
    yes = torch.stack([labels == 0, labels == 1, always, never], dim=1).long()
    mean = planted(labels)
    weight, bias = fit_linear(mean, yes, 4)
    assert ((mean @ weight.T + bias > 0) == (yes > 0)).all()


def test_a_head_at_chance_says_nothing():
    """Units that know nothing must give a head that is right about as often as chance, on other images."""
    generator = torch.Generator().manual_seed(3)
    mean, other = torch.rand(2, 2_000, 4, generator=generator)
    labels, truth = torch.randint(10, (2, 2_000), generator=generator)
    weight, bias = fit_linear(mean, labels, 10)
    assert ((other @ weight.T + bias).argmax(dim=1) == truth).double().mean() < 0.13
