"""The 10-20-n convnet: three convolutions with batch norm, global average pooling, a linear head.

conv 5x5 (no padding) - pool 3/2 - conv 3x3 - pool 3/2 - conv 3x3 - mean over the map - linear; each convolution is followed
by batch norm and ReLU. On a 32-pixel canvas the maps have 28, 13 and 6 rows. 4,465 parameters at 10 units and 45 classes.

Source:
    metalbubble/mixture_mnist (2017) on GitHub, facts only: the architecture. Differs: dropout on conv3 is a setting here.
"""

import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from mixmnist.core.records import Net, require
from mixmnist.core.seeding import derive
from mixmnist.nets._pooled import POOL, STRIDE, ConvNormReluPool

LAYERS = ("conv1", "conv2", "conv3")


@dataclass(frozen=True)
class Widths:
    """Settings of the convnet."""

    conv1: int = 10
    """Units of the first convolution."""
    conv2: int = 20
    """Units of the second."""
    conv3: int = 10
    """Units of the third, the layer that is read by the head and scored."""
    dropout: float = 0.0
    """Share of conv3 that is dropped in training."""
    dropout_kind: str = "channel"
    """Channel (whole units) or element (single values of the map)."""

    def __post_init__(self) -> None:
        for name in LAYERS:
            width = getattr(self, name)
            require(width >= 1 and width == int(width), f"{name} must be 1 unit or more, got {name}={width}.")
        require(0 <= self.dropout < 1, f"dropout must be at least 0 and below 1, got dropout={self.dropout}.")
        require(
            self.dropout_kind in ("channel", "element"),
            f"dropout_kind must be channel or element, got dropout_kind={self.dropout_kind!r}.",
        )


class ConvNet(nn.Module):
    """One ordinary net. Its layers `conv1`, `conv2`, `conv3` give the maps after the ReLU."""

    def __init__(self, widths: Widths, n_classes: int) -> None:
        super().__init__()

        def layer(fan_in: int, units: int, side: int, padding: int) -> nn.Sequential:
            conv = nn.Conv2d(fan_in, units, side, padding=padding)
            return nn.Sequential(OrderedDict(conv=conv, norm=nn.BatchNorm2d(units), relu=nn.ReLU()))

        self.conv1 = layer(1, widths.conv1, 5, 0)
        self.conv2 = layer(widths.conv1, widths.conv2, 3, 1)
        self.conv3 = layer(widths.conv2, widths.conv3, 3, 1)
        self.dropout = (nn.Dropout2d if widths.dropout_kind == "channel" else nn.Dropout)(widths.dropout)
        self.head = nn.Linear(widths.conv3, n_classes)
        self.to(memory_format=torch.channels_last)  # the faster order

    def forward(self, x: Float[Tensor, "images 1 rows cols"]) -> Float[Tensor, "_ classes"]:
        """Gives logits of images with values in [0, 1]; of more images where a layer's maps are replaced by those of several."""
        x = pool(self.conv1(x))
        x = pool(self.conv2(x))
        x = self.dropout(self.conv3(x))
        logits: Tensor = self.head(x.mean((2, 3)))
        return logits


def pool(x: Float[Tensor, "images units rows cols"]) -> Float[Tensor, "images units high wide"]:
    """Gives the largest value of each window, 3 by 3 and 2 apart: rows first, then columns, which is faster on a processor.

    Example:
        >>> pool(torch.arange(25.0).view(1, 1, 5, 5))
        tensor([[[[12., 14.],
                  [22., 24.]]]])
    """
    if x.is_cuda or torch.is_grad_enabled():  # whose gradient goes to the first of pixels that tie
        return F.max_pool2d(x, POOL, STRIDE)
    for axis in (2, 3):
        end = STRIDE * ((x.shape[axis] - POOL) // STRIDE) + 1  # past the first pixel of the last window
        each = [x.narrow(axis, start, end).movedim(axis, 0)[::STRIDE].movedim(0, axis) for start in range(POOL)]
        x = torch.maximum(torch.maximum(each[0], each[1]), each[2])
    return x


class ConvNetStack(nn.Module):
    """Several nets of one architecture as one grouped network, one copy a seed; copies never mix.

    Each copy gets torch's default initialisation and its dropout masks from generators of its own seed, so it becomes the
    net that it would have become alone.
    """

    def __init__(self, widths: Widths, n_classes: int, seeds: Sequence[int]) -> None:
        super().__init__()
        self.widths, self.n_classes, self.copies = widths, n_classes, len(seeds)
        sizes = ((1, widths.conv1, 5), (widths.conv1, widths.conv2, 3), (widths.conv2, widths.conv3, 3))
        generators = [torch.Generator().manual_seed(derive(seed, "initialisation")) for seed in seeds]
        for name, (fan_in, units, side) in zip(LAYERS, sizes, strict=True):
            shape = (units, fan_in, side, side)
            weight, bias = _default_initialisation(shape, fan_in * side * side, generators)
            weight = weight.flatten(0, 1).contiguous(memory_format=torch.channels_last)
            self.register_parameter(f"{name}_weight", nn.Parameter(weight))  # copies*units fan_in side side
            self.register_parameter(f"{name}_bias", nn.Parameter(bias.flatten()))
            self.add_module(f"{name}_norm", nn.BatchNorm2d(units * self.copies))
        weight, bias = _default_initialisation((n_classes, widths.conv3), widths.conv3, generators)
        self.head_weight, self.head_bias = nn.Parameter(weight), nn.Parameter(bias)
        self._dropout_seeds = [derive(seed, "dropout") for seed in seeds]
        self.generators: list[torch.Generator] = []  # of the dropout, on the device of the first batch

    def forward(self, x: Float[Tensor, "images copies rows cols"]) -> Float[Tensor, "images copies classes"]:
        """Gives each copy's logits of its own images, with values in [0, 1]."""
        if self._fits_kernels(x):
            sums, places = self._in_kernels(x)
        else:
            maps = self.maps(x)
            sums, places = maps.sum(1), maps.shape[1]  # a mean's gradient would be laid out in another order
        means = sums.unflatten(1, (self.copies, -1)) / places  # images copies units
        return torch.einsum("iku,kcu->ikc", means, self.head_weight) + self.head_bias

    def maps(self, x: Float[Tensor, "images copies rows cols"]) -> Float[Tensor, "images places channels"]:
        """Gives the maps of the last layer, those of all copies side by side, after its dropout."""
        x = self._in_lines(x) if self._fits_lines(x) else self._in_maps(x)
        weight, bias, norm = self._parts("conv3")
        x = norm(F.conv2d(x, weight, bias, padding=1, groups=self.copies)).permute(0, 2, 3, 1)  # images rows cols channels
        return self._drop(F.relu(x.flatten(1, 2)))

    def _fits_kernels(self, x: Tensor) -> bool:
        """Says whether the GPU's own kernels can train on x."""
        if not (self.training and x.is_cuda and _has_triton()):
            return False
        from mixmnist.nets import _fused  # only here is it needed

        return _fused.fits(x, (self.widths.conv1, self.widths.conv2, self.widths.conv3))

    def _in_kernels(self, x: Float[Tensor, "images copies rows cols"]) -> tuple[Float[Tensor, "images channels"], int]:
        """Takes x through all layers by the GPU's kernels; gives the sums of the last maps, after dropout, and their size."""
        from mixmnist.nets._fused import Layers, n_places  # only here is their compiler needed

        parts = [self._parts(name) for name in LAYERS]
        places = n_places(*x.shape[2:])
        kept = self._kept(len(x), places, x)
        parameters = [p for weight, bias, norm in parts for p in (weight, bias, norm.weight, norm.bias)]
        sums, *moments = Layers.apply(x.transpose(0, 1), kept, parts[0][2].eps, *parameters)
        for (_, _, norm), mean, var in zip(parts, moments[::2], moments[1::2], strict=True):
            _remember(norm, mean, var)
        return sums, places

    def _fits_lines(self, x: Tensor) -> bool:
        """Says whether the compiled loops can train on x: on a processor, in its own precision."""
        return self.training and x.device.type == "cpu" and not torch.is_autocast_enabled("cpu")

    def _in_lines(self, x: Float[Tensor, "images copies rows cols"]) -> Float[Tensor, "images channels high wide"]:
        """Takes x through conv1 and conv2 by compiled loops."""
        from mixmnist.nets._planes import FirstLayer, InnerLayer  # only here is the compiler needed

        x = x.transpose(0, 1)  # copies images rows cols
        for name, layer in (("conv1", FirstLayer), ("conv2", InnerLayer)):
            weight, bias, norm = self._parts(name)
            x, mean, var = layer.apply(x, weight, bias, norm.weight, norm.bias, norm.eps)
            _remember(norm, mean, var)
        return x

    def _in_maps(self, x: Float[Tensor, "images copies rows cols"]) -> Float[Tensor, "images channels high wide"]:
        """Takes x through conv1 and conv2 by operations on whole maps."""
        for name, padding in (("conv1", 0), ("conv2", 1)):
            weight, bias, norm = self._parts(name)
            if self.training:
                x, mean, var = ConvNormReluPool.apply(x, weight, bias, norm.weight, norm.bias, norm.eps, padding, self.copies)
                _remember(norm, mean, var)
            else:
                x = F.max_pool2d(F.relu(norm(F.conv2d(x, weight, bias, padding=padding, groups=self.copies))), POOL, STRIDE)
        return x

    def _parts(self, name: str) -> tuple[Tensor, Tensor, nn.BatchNorm2d]:
        """Gives a layer's weight, bias and norm."""
        norm = self.get_submodule(f"{name}_norm")
        assert isinstance(norm, nn.BatchNorm2d)
        return self.get_parameter(f"{name}_weight"), self.get_parameter(f"{name}_bias"), norm

    def _drop(self, x: Float[Tensor, "images places channels"]) -> Float[Tensor, "images places channels"]:
        """Drops whole units or single values, each copy by its own generator, and scales up what is kept."""
        kept = self._kept(len(x), x.shape[1], x)
        return x if kept is None else x * kept

    def _kept(self, images: int, places: int, like: Tensor) -> Float[Tensor, "images _ channels"] | None:
        """Draws what maps are multiplied by, which is one number for a whole map or one for each of its places; or None."""
        p = self.widths.dropout
        if not self.training or p == 0:
            return None
        if not self.generators:
            self.generators = [torch.Generator(like.device).manual_seed(seed) for seed in self._dropout_seeds]
        shape = (images, 1 if self.widths.dropout_kind == "channel" else places, self.widths.conv3)
        kept = torch.cat([torch.rand(shape, generator=g, device=like.device) >= p for g in self.generators], dim=2)
        return kept.to(like.dtype) / (1 - p)


def _remember(norm: nn.BatchNorm2d, mean: Tensor, var: Tensor) -> None:
    """Moves a norm's running values towards those of a batch, as the norm itself would."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    assert norm.num_batches_tracked is not None
    assert norm.momentum is not None
    with torch.no_grad():
        torch._foreach_lerp_([norm.running_mean, norm.running_var], [mean, var], norm.momentum)
        norm.num_batches_tracked += 1


@cache
def _has_triton() -> bool:
    """Says whether the compiler of the GPU's kernels is installed; not every system has it."""
    return find_spec("triton") is not None


def _default_initialisation(shape: tuple[int, ...], fan_in: int, generators: Sequence[torch.Generator]) -> tuple[Tensor, Tensor]:
    """Gives weight and bias as torch's Conv2d and Linear start: uniform within 1/sqrt(fan_in); one copy a generator."""
    bound = 1 / math.sqrt(fan_in)
    draws = [
        [torch.empty(size).uniform_(-bound, bound, generator=generator) for size in (shape, shape[:1])]
        for generator in generators
    ]
    return torch.stack([weight for weight, _ in draws]), torch.stack([bias for _, bias in draws])


def build(settings: Widths, n_classes: int, seeds: Sequence[int]) -> ConvNetStack:
    """Builds a stack of nets, one copy a seed.

    Example:
        >>> stack = build(Widths(), n_classes=45, seeds=(0, 1, 2))
        >>> stack(torch.zeros(4, 3, 32, 32)).shape
        torch.Size([4, 3, 45])
        >>> sum(p.numel() for p in split(stack)[0].parameters())
        4465
    """
    return ConvNetStack(settings, n_classes, seeds)


def load(settings: Widths, n_classes: int) -> ConvNet:
    """Gives one ordinary net, to be filled with weights."""
    return ConvNet(settings, n_classes)


def split(stack: ConvNetStack) -> list[ConvNet]:
    """Gives each copy of a stack as an ordinary net, in eval mode on the stack's device."""
    state = stack.state_dict()
    nets = []
    for copy in range(stack.copies):
        net = ConvNet(stack.widths, stack.n_classes).to(stack.head_weight)
        own = {"head.weight": state["head_weight"][copy], "head.bias": state["head_bias"][copy]}
        for name in LAYERS:
            for source, target in (("weight", "conv.weight"), ("bias", "conv.bias")):
                own[f"{name}.{target}"] = state[f"{name}_{source}"].chunk(stack.copies)[copy]
            for part in ("weight", "bias", "running_mean", "running_var"):
                own[f"{name}.norm.{part}"] = state[f"{name}_norm.{part}"].chunk(stack.copies)[copy]
            own[f"{name}.norm.num_batches_tracked"] = state[f"{name}_norm.num_batches_tracked"]
        net.load_state_dict(own)
        nets.append(net.eval())
    return nets


NET = Net("10-20-n convnet with global average pooling", Widths, build, split, load, LAYERS)
