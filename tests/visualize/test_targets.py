"""Targets: numbers of units and classes, by hand, and what is refused."""

import pytest
import torch
from torch import nn

from mixmnist.data.mixture import draw
from mixmnist.visualize._targets import at_peak, contrast_target, logit_target, rivals_of, unit_target


@pytest.fixture
def net():
    """A convolution with a ReLU inside it, and a head on the means."""
    torch.manual_seed(0)
    inner = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(inplace=True))
    return nn.Sequential(inner, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)).eval()


@pytest.fixture
def x():
    """Three images that are higher than wide."""
    return torch.rand(3, 1, 7, 5, generator=torch.Generator().manual_seed(0))


def test_peak_mean_and_cell_of_a_map(net, x):
    """They are what the unit's map says, of another unit for each image."""
    units = torch.tensor([2, 0, 2])
    maps = net[0](x)[torch.arange(3), units].flatten(1)
    torch.testing.assert_close(unit_target(net, "0", units)(x), maps.amax(1))
    torch.testing.assert_close(unit_target(net, "0", units, of="mean")(x), maps.mean(1))
    cells = torch.tensor([3, 0, 14])
    torch.testing.assert_close(unit_target(net, "0", units, "cell", cells)(x), maps[torch.arange(3), cells])
    torch.testing.assert_close(at_peak(unit_target(net, "0", units), x)(x), maps.amax(1))


def test_logit_and_contrast(net, x):
    """A contrast takes the mean of its rivals off the class."""
    logits = net(x)
    torch.testing.assert_close(logit_target(net, 1)(x), logits[:, 1])
    rivals = torch.tensor([[True, False, True], [False, False, True], [True, True, False]])
    found = contrast_target(net, torch.tensor([1, 0, 2]), rivals)(x)
    wanted = torch.stack([logits[0, 1] - logits[0, ::2].mean(), logits[1, 0] - logits[1, 2], logits[2, 2] - logits[2, :2].mean()])
    torch.testing.assert_close(found, wanted)


def test_some_of_the_images(net, x):
    """A target of some images is the same number of each."""
    rows = torch.tensor([2, 0])
    for target in (
        at_peak(unit_target(net, "0", torch.tensor([2, 0, 1])), x),
        unit_target(net, "0", 1),
        contrast_target(net, torch.tensor([1, 0, 2]), ~torch.eye(3).bool()[[1, 0, 2]]),
    ):
        torch.testing.assert_close(target.some(rows)(x[rows]), target(x)[rows])


def test_what_a_relu_gets_has_a_gradient_where_it_is_silent(net, x):
    """Behind a dead ReLU there is none; before it there is, and the number there is at most what the ReLU gives."""
    nn.init.constant_(net[0][0].bias, -10)
    target = unit_target(net, "0", 1)
    assert not target.gradient(x)[1].any()
    assert target.before_relu().gradient(x)[1].any()
    assert (target.before_relu()(x) < -5).all()
    assert (target(x) == 0).all()


def test_the_gradient_leaves_nothing_behind(net, x):
    """Weights get no gradient, no hook stays, and the images are as they were."""
    before = x.clone()
    values, grad = unit_target(net, "0", 1).gradient(x)
    assert grad.shape == x.shape
    assert not values.requires_grad
    assert torch.equal(x, before)
    assert all(p.grad is None for p in net.parameters())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())


def test_the_transform_comes_before_the_net(net, x):
    """Gradients are of pixels in [0, 1], whatever is done to them before the net."""
    plain, doubled = unit_target(net, "0", 1, of="mean"), unit_target(net, "0", 1, of="mean", transform=lambda y: 2 * y)
    torch.testing.assert_close(doubled(x), plain(2 * x))
    torch.testing.assert_close(doubled.gradient(x)[1], 2 * plain.gradient(2 * x)[1])


def test_the_rivals_of_a_pair_are_eight():
    """Of pairs, rivals are the eight other pairs of the other digit."""
    canvases = draw("pairs", "stamps", "test", n=800, seed=0)
    indices = torch.arange(50)
    own = canvases.shown[indices, 1]
    rivals = rivals_of(canvases.labels, canvases.present, 45, indices, own)
    assert rivals.sum(dim=1).tolist() == [8] * 50
    for row, mine, other in zip(rivals, own.tolist(), canvases.shown[indices, 0].tolist(), strict=True):
        names = [canvases.classes[c] for c in row.nonzero()[:, 0].tolist()]
        assert all(str(other) in name and str(mine) not in name for name in names)


def test_what_cannot_be_a_target_is_refused(net, x):
    """Unknown layers, units, cells, classes and words get a sentence each, and so do nets in train mode."""
    with pytest.raises(ValueError, match="layer must be a known name"):
        unit_target(net, "conv", 0)
    with pytest.raises(ValueError, match="unit must lie between 0 and 3, got 4 of layer='0'"):
        unit_target(net, "0", 4)(x)
    with pytest.raises(ValueError, match="cell must lie between 0 and 14, got 15"):
        unit_target(net, "0", 1, "cell", torch.tensor([15]))(x)
    with pytest.raises(ValueError, match="class must lie between 0 and 2, got 3 of the net's logits"):
        logit_target(net, 3)(x)
    with pytest.raises(ValueError, match="of must be one of peak, mean, cell, got of='sum'"):
        unit_target(net, "0", 1, "sum")
    with pytest.raises(ValueError, match="cells must be named for of='cell'"):
        unit_target(net, "0", 1, "cell")
    with pytest.raises(ValueError, match="rivals must be one class or more"):
        contrast_target(net, torch.tensor([0]), torch.zeros(1, 3).bool())
    with pytest.raises(ValueError, match=r"must give logits \[n, classes\], got \[3, 4, 5, 3\]"):
        logit_target(net[0], 0)(x)
    with pytest.raises(ValueError, match="must end in a module that is a ReLU"):
        unit_target(net, "1", 0).before_relu()
    with pytest.raises(ValueError, match="every class must have a canvas, got 2 classes without one"):
        rivals_of(torch.tensor([0]), torch.tensor([[True, True]]), 3, torch.tensor([0]), torch.tensor([0]))
    with pytest.raises(ValueError, match="eval mode"):
        unit_target(net.train(), "0", 0)


def test_a_number_without_a_gradient_is_refused(x):
    """A net that cuts the graph gets a sentence and no zeros."""

    class Cut(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 2, 3).requires_grad_(False)

        def forward(self, x):
            return self.conv(x.detach())

    with pytest.raises(ValueError, match="a gradient must lead from the peak of unit 0 of conv to the pixels, got none"):
        unit_target(Cut().eval(), "conv", 0).gradient(x)
