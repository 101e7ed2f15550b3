import pytest
import torch
import torch.nn.functional as F

from mixmnist.nets import convnet
from mixmnist.nets._pooled import ConvNormReluPool, in_one_order
from mixmnist.nets.convnet import Widths


def plain(x, weight, bias, gamma, beta, padding, groups):
    """Convolution, batch norm, ReLU and pooling by torch's own functions."""
    z = F.conv2d(x, weight, bias, padding=padding, groups=groups)
    return F.max_pool2d(F.relu(F.batch_norm(z, None, None, gamma, beta, training=True)), 3, 2)


@pytest.fixture
def layer():
    """Inputs of a grouped layer in float64, some scales negative; every axis has a different size."""
    g = torch.Generator().manual_seed(0)

    def normal(*shape):
        return torch.randn(shape, generator=g, dtype=torch.float64).requires_grad_()

    return normal(7, 4, 11, 11), normal(6, 2, 3, 3), normal(6), normal(6), normal(6)


def test_pooled_layer_gives_what_torch_gives(layer):
    """The cheaper order of operations must give the same map as convolution, norm, ReLU and pooling one by one."""
    ours, _, _ = ConvNormReluPool.apply(*layer, 1e-5, 1, 2)
    torch.testing.assert_close(ours, plain(*layer, 1, 2), rtol=1e-9, atol=1e-9)


def test_pooled_layer_has_the_gradients_that_torch_has(layer):
    """Gradients of every input must equal autograd's through the plain operations."""
    weights = torch.linspace(-1, 2, 7 * 6 * 5 * 5, dtype=torch.float64).view(7, 6, 5, 5)
    ours, _, _ = ConvNormReluPool.apply(*layer, 1e-5, 1, 2)
    got = torch.autograd.grad((ours * weights).sum(), layer)
    expected = torch.autograd.grad((plain(*layer, 1, 2) * weights).sum(), layer)
    for mine, theirs in zip(got, expected, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-8, atol=1e-8)


def test_pixels_get_their_gradient_window_by_window():
    """What a GPU uses in place of torch's own function must give each pixel what its windows send, rows left over or not."""
    for rows, cols in ((11, 8), (12, 13)):
        full = torch.randn(3, 2, rows, cols, dtype=torch.float64, requires_grad=True)
        peaks, index = F.max_pool2d(full, 3, 2, return_indices=True)
        grad = torch.randn_like(peaks)
        torch.testing.assert_close(in_one_order(grad, full, index), torch.autograd.grad(peaks, full, grad)[0])


def test_pooled_layer_reports_the_moments_of_the_batch(layer):
    """Mean and unbiased variance must be those of the convolution with its bias, which batch norm's running values take."""
    x, weight, bias, _, _ = layer
    _, mean, var = ConvNormReluPool.apply(*layer, 1e-5, 1, 2)
    z = F.conv2d(x, weight, bias, padding=1, groups=2)
    torch.testing.assert_close(mean, z.mean((0, 2, 3)))
    torch.testing.assert_close(var, z.var((0, 2, 3)))


@pytest.mark.parametrize("training", [True, False])
def test_lines_and_maps_are_the_same_function(training, monkeypatch):
    """Compiled loops and operations on maps must give the same logits, gradients and running values."""
    x, ways = torch.rand(8, 3, 32, 32), []
    for lines in (True, False):
        stack = convnet.build(Widths(conv1=3, conv2=5, conv3=4), 7, (0, 1, 2)).train(training)
        monkeypatch.setattr(stack, "_fits_lines", lambda _x, lines=lines: lines and training)
        logits = stack(x)
        logits.square().sum().backward()
        ways.append((logits, {n: p.grad for n, p in stack.named_parameters()}, dict(stack.named_buffers())))
    torch.testing.assert_close(ways[0], ways[1], rtol=2e-4, atol=2e-5)


def test_loops_are_used_in_training_on_a_processor_and_in_full_precision_only():
    """Autocast asks for the library's bf16 convolutions, and eval mode for the ordinary net."""
    stack, x = convnet.build(Widths(), 45, (0,)), torch.rand(2, 1, 32, 32)
    assert stack._fits_lines(x)
    with torch.autocast("cpu", torch.bfloat16):
        assert not stack._fits_lines(x)
    assert not stack._fits_lines(x.to("meta"))
    assert not stack.eval()._fits_lines(x)


def test_net_has_the_published_number_of_parameters():
    """The 10-20-10 net with 45 classes must have 4,465 parameters."""
    net = convnet.split(convnet.build(Widths(), 45, (0,)))[0]
    assert sum(p.numel() for p in net.parameters()) == 4465


def test_maps_have_the_published_sizes():
    """On 32 pixels the layers must give maps of 28, 13 and 6 rows, after the ReLU."""
    net, shapes = convnet.load(Widths(), 45).eval(), {}
    for name in convnet.LAYERS:
        net.get_submodule(name).register_forward_hook(
            lambda _m, _i, out, name=name: shapes.update({name: (*out.shape[1:], bool((out >= 0).all()))})
        )
    net(torch.rand(2, 1, 32, 32))
    assert shapes == {"conv1": (10, 28, 28, True), "conv2": (20, 13, 13, True), "conv3": (10, 6, 6, True)}


def test_split_nets_compute_what_the_stack_computes():
    """In eval mode each split net must give its copy's logits."""
    stack = convnet.build(Widths(conv1=3, conv2=4, conv3=5), 7, (0, 1, 2))
    stack(torch.rand(8, 3, 32, 32))  # one training step's worth of running values
    x = torch.rand(6, 3, 32, 32)
    logits = stack.eval()(x)
    for copy, net in enumerate(convnet.split(stack)):
        torch.testing.assert_close(net(x[:, copy : copy + 1]), logits[:, copy], rtol=1e-5, atol=1e-6)


def test_initialisation_depends_on_the_seed_alone():
    """A copy must start from the same weights whatever other seeds stand beside it."""
    alone = convnet.split(convnet.build(Widths(), 45, (7,)))[0].state_dict()
    beside = convnet.split(convnet.build(Widths(), 45, (3, 7)))[1].state_dict()
    assert all(torch.equal(alone[name], beside[name]) for name in alone)


def test_initialisation_has_the_scale_of_torch():
    """Weights and biases must be uniform within 1/sqrt(fan_in), as in torch's Conv2d and Linear."""
    stack = convnet.build(Widths(), 45, tuple(range(40)))
    for weight, fan_in in ((stack.conv1_weight, 25), (stack.conv2_weight, 90), (stack.head_weight, 10)):
        assert weight.abs().max().item() == pytest.approx(fan_in**-0.5, rel=0.01)
        assert weight.std().item() == pytest.approx((3 * fan_in) ** -0.5, rel=0.02)


@pytest.mark.parametrize(("kind", "places"), [("channel", 1), ("element", 36)])
def test_dropout_drops_whole_units_or_single_values(kind, places):
    """Channel dropout must silence whole maps, element dropout single values; what is kept is scaled up."""
    stack = convnet.build(Widths(dropout=0.25, dropout_kind=kind), 45, (0, 1)).train()
    dropped = stack._drop(torch.ones(400, 36, 20))
    assert dropped.unique().tolist() == pytest.approx([0, 4 / 3])
    assert (dropped == 0).float().mean().item() == pytest.approx(0.25, abs=0.02)
    patterns = dropped.unique(dim=1).shape[1]
    assert (patterns == 1) == (places == 1)


def test_dropout_is_off_in_eval_mode():
    """In eval mode nothing may be dropped."""
    stack = convnet.build(Widths(dropout=0.5), 45, (0,)).eval()
    assert torch.equal(stack._drop(torch.ones(3, 36, 10)), torch.ones(3, 36, 10))


@pytest.mark.parametrize(
    ("setting", "rule"),
    [
        ({"conv3": 0}, "conv3 must be 1 unit or more"),
        ({"dropout": 1.0}, "dropout must be at least 0 and below 1"),
        ({"dropout_kind": "row"}, "dropout_kind must be channel or element"),
    ],
)
def test_impossible_settings_are_refused(setting, rule):
    """A setting without meaning must be refused with its rule."""
    with pytest.raises(ValueError, match=rule):
        Widths(**setting)


@pytest.mark.parametrize("size", [(7, 9), (8, 10), (3, 3)])
def test_pooling_is_torchs(size):
    """Rows first and then columns must give torch's windows; where a gradient is wanted, ties must send it to the first pixel."""
    x = torch.randint(0, 3, (2, 3, *size), generator=torch.Generator().manual_seed(0)).float()
    with torch.inference_mode():
        assert torch.equal(convnet.pool(x), F.max_pool2d(x, 3, 2))
    grads = []
    for function in (convnet.pool, lambda x: F.max_pool2d(x, 3, 2)):
        one = x.clone().requires_grad_()
        function(one).sum().backward()
        grads.append(one.grad)
    assert torch.equal(*grads)
