"""The GPU's kernels, run on the processor by Triton's interpreter, against torch's own functions in float64."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from mixmnist.core.records import Training
from mixmnist.data.mixture import draw
from mixmnist.nets import convnet
from mixmnist.nets.convnet import Widths
from mixmnist.training import train

if torch.cuda.is_available():
    pytest.skip("where there is a card the kernels run on it: make gpu-check", allow_module_level=True)
pytest.importorskip("triton", reason="not every system has triton")

EPS = 1e-5


@pytest.fixture(scope="module")
def fused():
    """The module with the interpreted kernels."""
    from mixmnist.nets import _fused

    return _fused


def normal(*shape, seed):
    """Random numbers in float32."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def images(copies, n, rows, cols):
    """Images in [0, 1] of which more than half are black, in whole blocks, so that windows of pixels tie."""
    x = torch.rand((copies, n, rows, cols), generator=torch.Generator().manual_seed(0))
    x[:, :, : rows // 2] = 0
    return x


def parameters(copies, widths):
    """Weights as the stack lays them out, biases, scales of either sign, and shifts that block some units altogether."""
    found, fan_in = [], 1
    for layer, (side, units) in enumerate(zip((5, 3, 3), widths, strict=True)):
        weight = normal(copies * units, fan_in, side, side, seed=10 * layer) / (fan_in * side * side) ** 0.5
        others = [normal(copies * units, seed=10 * layer + i) for i in (1, 2, 3)]
        others[2][0] = -9.0  # the first unit never passes the ReLU
        found += [weight.contiguous(memory_format=torch.channels_last), *others]
        fan_in = units
    return found


def plain(x, kept, eps, *parameters):
    """The three layers by torch's own functions: the sums of the last maps, and each layer's moments."""
    copies, x, moments = len(x), x.transpose(0, 1), []
    for layer, padding in enumerate((0, 1, 1)):
        weight, bias, gamma, beta = parameters[4 * layer : 4 * layer + 4]
        z = F.conv2d(x, weight, bias, padding=padding, groups=copies)
        moments += [z.mean((0, 2, 3)), z.var((0, 2, 3))]
        x = F.relu(F.batch_norm(z, None, None, gamma, beta, training=True, eps=eps))
        x = F.max_pool2d(x, 3, 2) if layer < 2 else x.flatten(2).transpose(1, 2)
    return (x if kept is None else x * kept).sum(1), *moments


def results(function, x, kept, given, dtype):
    """Outputs, and the gradients of a weighted sum of the first of them, in one precision."""
    given = [p.to(dtype, copy=True).requires_grad_() for p in given]
    sums, *moments = function(x.to(dtype), None if kept is None else kept.to(dtype), EPS, *given)
    weights = torch.linspace(-1, 2, sums.numel(), dtype=dtype).view(sums.shape)
    (sums * weights).sum().backward()
    return [sums.detach(), *moments], [p.grad for p in given]


def assert_close(mine, theirs):
    """Holds two tensors together by their difference's share of the whole."""
    assert mine.shape == theirs.shape
    assert (mine.double() - theirs).norm() <= 1e-5 * theirs.norm() + 1e-9


CASES = {
    "two copies, a canvas that is not square": (2, 2, (18, 15), (3, 4, 5), None),
    "the widths of the published net, as more than one block": (1, 1, (19, 19), (10, 20, 10), "channel"),
    "three copies, single units": (3, 3, (15, 18), (1, 9, 2), "element"),
}


@pytest.mark.parametrize("case", CASES)
def test_layers_and_their_gradients_are_those_of_torch(fused, case):
    """Sums, moments and the gradient of every parameter must be torch's, to the rounding of float32."""
    copies, n, size, widths, dropout = CASES[case]
    kept = None
    if dropout:
        shape = (n, 1 if dropout == "channel" else fused.n_places(*size), copies * widths[2])
        kept = (normal(*shape, seed=99) > -0.5).float() / 0.7
    x, given = images(copies, n, *size), parameters(copies, widths)
    ours, ours_back = results(fused.Layers.apply, x, kept, given, torch.float32)
    theirs, theirs_back = results(plain, x, kept, given, torch.float64)
    for mine, other in zip(ours + ours_back, theirs + theirs_back, strict=True):
        assert_close(mine, other)
    for grad, p in zip(ours_back, given, strict=True):  # or autograd would copy it
        assert [step for step, n in zip(grad.stride(), p.shape, strict=True) if n > 1] == [
            step for step, n in zip(p.stride(), p.shape, strict=True) if n > 1
        ]


@pytest.mark.parametrize("pooled", [True, False])
def test_more_tiles_and_images_than_are_added_up_at_once(fused, monkeypatch, pooled):
    """Norm, ReLU, and pooling or sum must be torch's over 300 images, each a tile, which are added up in two rounds."""
    monkeypatch.setattr(fused, "TILE", 16)
    z, comes = normal(1, 300, 2, 4, 4, seed=1) + 3, normal(1, 300, 2, 1, 1, seed=2)
    bias, gamma, beta = normal(3, 2, seed=3)
    norm, stats, gains = [bias, gamma, beta], torch.empty(4, 2), torch.empty(3, 2)
    parts = torch.stack([z.mean((0, 3, 4)).T, z.var((0, 3, 4), correction=0).T * 16]).contiguous()
    exact = [t.double().requires_grad_() for t in (z[0], gamma, beta)]
    maps = F.relu(F.batch_norm(exact[0], None, None, *exact[1:], training=True, eps=EPS))
    if pooled:
        out, places = fused._pooled(z, parts, norm, stats, EPS)
        assert_close(out[0], F.max_pool2d(maps, 3, 2))
        peaks = F.max_pool2d(z[0] * gamma.sign()[:, None, None], 3, 2) * gamma.sign()[:, None, None]
        open_, mean = comes[0] * (out[0] > 0), stats[0][:, None, None]
        sums = torch.stack([open_.sum((2, 3)).T, (open_ * (peaks - mean)).sum((2, 3)).T]).contiguous()
        grad = fused._unpooled(z, places, comes, sums, gamma, stats, gains)
        wanted = torch.autograd.grad(F.max_pool2d(maps, 3, 2), exact, comes[0].double())
    else:
        found = fused._added_up(z, parts, norm, stats, None, EPS)
        assert_close(found[0, 0].T, maps.sum((2, 3)))
        grad = fused._spread(z, comes[0, :, :, 0, 0].contiguous(), found, None, (z, *norm), stats, gains)
        wanted = torch.autograd.grad(maps.sum((2, 3)), exact, comes[0, :, :, 0, 0].double())
    for mine, other in zip((stats[2] - bias, stats[3]), (exact[0].mean((0, 2, 3)), exact[0].var((0, 2, 3))), strict=True):
        assert_close(mine, other)
    for mine, other in zip((grad[0], *gains[:2]), wanted, strict=True):
        assert_close(mine, other)


def test_of_pixels_that_tie_the_first_gets_the_gradient(fused):
    """Where all of a window is equal, its first pixel must be its place, as in torch, whatever the sign of the scale."""
    z = torch.zeros(1, 1, 2, 5, 7)
    z[..., 2, 3] = torch.tensor([1.0, -1.0])
    norm = [torch.zeros(2), torch.tensor([1.0, -1.0]), torch.tensor([5.0, 5.0])]
    parts = torch.stack([z.mean((0, 1, 3, 4)), z.var((3, 4), correction=0).flatten() * 35])[:, :, None]
    _, places = fused._pooled(z, parts, norm, torch.empty(4, 2), EPS)
    _, index = F.max_pool2d(z[0, :, :1], 3, 2, return_indices=True)
    expected = (index // 7 - 2 * torch.arange(2)[:, None]) * 3 + index % 7 - 2 * torch.arange(3)
    assert torch.equal(places[0, :, 0].long(), expected[0])
    assert torch.equal(places[0, :, 0], places[0, :, 1])


def test_a_copy_that_is_not_a_number_leaves_the_others_alone(fused):
    """NaN in one copy must reach that copy's sums, so that its failure is seen, and nothing of another copy."""
    given = parameters(2, (3, 4, 5))
    given[0].data[0] = torch.nan
    ours, grads = results(fused.Layers.apply, images(2, 1, 15, 15), None, given, torch.float32)
    assert ours[0][:, :5].isnan().all()
    assert not ours[0][:, 5:].isnan().any()
    assert not any(grad.chunk(2)[1].isnan().any() for grad in grads)


def test_kernels_are_used_where_they_can_be(fused, monkeypatch):
    """Another precision, a gradient to the images, autocast, too wide a layer and too many numbers are left to the library."""
    x, widths = torch.zeros(1).expand(128, 5, 32, 32), (10, 20, 10)
    assert not fused.fits(x, widths)
    monkeypatch.setattr(fused, "_knows", lambda _device: True)
    assert fused.fits(x, widths)
    assert not fused.fits(x.double(), widths)
    assert not fused.fits(x.clone().requires_grad_(), widths)
    assert not fused.fits(x, (10, 512, 10))
    assert not fused.fits(torch.zeros(1).expand(128, 5, 4096, 4096), widths)
    monkeypatch.setattr(torch, "is_autocast_enabled", lambda device: device == "cuda")
    assert not fused.fits(x, widths)


def test_backward_may_run_twice(fused):
    """A graph that is kept must give the same bytes again."""
    given = [p.requires_grad_() for p in parameters(1, (3, 4, 5))]
    loss = fused.Layers.apply(images(1, 1, 15, 15), None, EPS, *given)[0].square().sum()
    first, second = (torch.autograd.grad(loss, given, retain_graph=True) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("dropout", [{"dropout": 0.25}, {"dropout": 0.5, "dropout_kind": "element"}])
def test_a_training_by_kernels_is_one_by_loops(fused, monkeypatch, dropout):
    """A few steps of the whole training must give the weights, running values and history of the processor's own path."""
    recipe, seeds = replace(Training(), images=8, epochs=1, batch=4), (3, 0)
    mixtures = [draw("pairs", "digits", "train", recipe.images, seed=seed) for seed in seeds]
    canvases = torch.stack([m.images[:, 8:24, 8:24] for m in mixtures]), torch.stack([m.labels for m in mixtures])
    ways = []
    for kernels in (True, False):
        stack = convnet.build(Widths(conv1=2, conv2=3, conv3=3, **dropout), 45, seeds)
        monkeypatch.setattr(stack, "_fits_kernels", lambda _x, kernels=kernels: kernels)
        outcomes = train(stack, *canvases, recipe, seeds)
        ways.append((stack.state_dict(), torch.tensor([outcome.history for outcome in outcomes])))
    torch.testing.assert_close(*ways, rtol=1e-4, atol=1e-5)
