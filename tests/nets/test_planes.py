import pytest
import torch
import torch.nn.functional as F

from mixmnist.nets._planes import FirstLayer, InnerLayer

COPIES, IMAGES = 3, 7


def normal(*shape, seed=0):
    """Random numbers in float64 that take gradients."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_()


def parameters(units, *kernel):
    """A grouped layer's weight, bias, scale (some negative) and shift."""
    return [normal(COPIES * units, *kernel, seed=1), *(normal(COPIES * units, seed=seed) for seed in (2, 3, 4))]


def plain(images, weight, bias, gamma, beta):
    """Convolution, batch norm, ReLU and pooling by torch's own functions, and the convolution."""
    z = F.conv2d(images, weight, bias, groups=COPIES)
    return F.max_pool2d(F.relu(F.batch_norm(z, None, None, gamma, beta, training=True)), 3, 2), z


def cases(*units):
    """Both layers on maps that are not square."""
    firsts = [(FirstLayer, normal(COPIES, IMAGES, 17, 14), parameters(u, 1, 5, 5)) for u in units]
    return firsts + [(InnerLayer, normal(COPIES, IMAGES, 2, 13, 10), parameters(u, 2, 3, 3)) for u in units]


@pytest.mark.parametrize(("layer", "x", "rest"), cases(1, 2, 5))
def test_layer_and_its_gradients_are_those_of_torch(layer, x, rest):
    """Maps, moments and every gradient must equal those of the plain operations."""
    first = layer is FirstLayer
    expected, z = plain(x.transpose(0, 1) if first else x.transpose(0, 1).flatten(1, 2), *rest)
    if first:
        expected = F.pad(expected, (1, 1, 1, 1)).unflatten(1, (COPIES, -1)).transpose(0, 1)
    ours, mean, var = layer.apply(x, *rest, 1e-5)
    torch.testing.assert_close(ours, expected, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(mean, z.mean((0, 2, 3)))
    torch.testing.assert_close(var, z.var((0, 2, 3)))
    weights = torch.linspace(-1, 2, ours.numel(), dtype=torch.float64).view(ours.shape)
    inputs = rest if first else [x, *rest]
    got = torch.autograd.grad((ours * weights).sum(), inputs)
    wanted = torch.autograd.grad((expected * weights).sum(), inputs)
    if not first:
        got, wanted = ((g[0][..., 1:-1, 1:-1], *g[1:]) for g in (got, wanted))  # the border is none of the layer's
    for mine, theirs in zip(got, wanted, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize(("layer", "x", "rest"), cases(3))
def test_a_copy_that_is_not_a_number_leaves_the_others_alone(layer, x, rest):
    """NaN in one copy must reach all of that copy's units, so that its failure is seen, and no other copy."""
    rest[0].data[0] = float("nan")
    ours, mean, _ = layer.apply(x, *rest, 1e-5)
    inside = ours[..., 1:-1, 1:-1].transpose(0, 1).flatten(1, 2) if layer is FirstLayer else ours
    assert inside[:, 0].isnan().all()
    assert not inside[:, 1:].isnan().any()
    assert mean.isnan().sum() == 1


def test_backward_may_run_twice():
    """A graph that is kept must give the same gradients again."""
    for layer, x, rest in cases(3):
        ours, _, _ = layer.apply(x, *rest, 1e-5)
        first, second = (torch.autograd.grad(ours.square().sum(), rest[0], retain_graph=True)[0] for _ in range(2))
        assert torch.equal(first, second)
