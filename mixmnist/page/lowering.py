"""Lowering: each operation of torch that the page's script can do, by the few kinds that the script knows.

Every way takes the list so far and one step that torch took on a sample, appends to the list, and gives the number of the value
that the step made. Numbers of all values lie in their natural order; what torch does by strides is done by copying.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from mixmnist.core.records import require
from mixmnist.page.operations import Lowered, Step, Way, merged, pair, strided


def _view(lowered: Lowered, step: Step) -> Any:  # noqa: ANN401 -- one or several
    """Any view: what it does to strides says all."""
    x, *args = step.args
    plain = "as_strided" not in str(step.target) or x.is_contiguous()
    require(plain, "network must not lay strides over numbers in another order, got as_strided. Use views.")
    base = torch.empty(tuple(x.shape))  # in natural order, whatever torch had
    seen, number = step.target(base, *args, **step.kwargs), lowered.value(x)
    many = isinstance(seen, (tuple, list))
    return [strided(lowered, number, one) for one in seen] if many else strided(lowered, number, seen)


def _same(lowered: Lowered, step: Step) -> int:
    return lowered.add("same", (lowered.value(step.args[0]),), step.result.shape)


def _unary(name: str, *settings: float) -> Way:
    """A function of each number, with the settings that torch takes after it, or these."""

    def way(lowered: Lowered, step: Step) -> int:
        told = [settings[place] if one is None else one for place, one in enumerate(step.args[1:])]
        told = [*told, *settings[len(told) :]]
        most = torch.finfo(torch.float32).max  # as JSON has no infinity
        told = [min(max(float(one), -most), most) for one in told]
        return lowered.add("unary", (lowered.value(step.args[0]),), step.result.shape, name=name, settings=told)

    return way


def _binary(name: str, turned: bool = False) -> Way:
    """A function of two."""

    def way(lowered: Lowered, step: Step) -> int:
        first, second = reversed(step.args[:2]) if turned else step.args[:2]
        alpha = step.kwargs.get("alpha", 1)
        require(alpha == 1, f"network must add without a factor, got alpha={alpha}. Multiply first.")
        return lowered.binary(name, lowered.value(first), lowered.value(second), step.result.shape)

    return way


def _chosen(lowered: Lowered, step: Step) -> int:
    """One of two, by a third."""
    shape = tuple(step.result.shape)
    takes = [lowered.value(one) for one in step.args]
    return lowered.add("choose", takes, shape, **lowered.over(shape, *takes))


def _product(lowered: Lowered, first: int, second: int) -> int:
    (*batch, m, k), (*_, n) = lowered.shapes[first], lowered.shapes[second]
    return lowered.add("matmul", (first, second), (*batch, m, n), sizes=[math.prod(batch), m, k, n])


def _matmul(lowered: Lowered, step: Step) -> int:
    return _product(lowered, lowered.value(step.args[0]), lowered.value(step.args[1]))


def _added_product(lowered: Lowered, step: Step) -> int:
    bias, first, second = (lowered.value(one) for one in step.args[:3])
    return lowered.binary("add", _product(lowered, first, second), bias, step.result.shape)


def _convolution(lowered: Lowered, step: Step) -> int:
    x, weight, bias, stride, padding, dilation, transposed, _, groups = step.args
    require(x.ndim == 4, f"network must convolve images, got {list(x.shape)}. Use 2 dimensions.")
    require(not lowered.knows(weight), "weights must be the same for every sample, got others. Leave them constant.")
    takes = [lowered.value(one) for one in (x, weight, bias) if one is not None]
    settings = {"stride": list(stride), "padding": list(padding), "dilation": list(dilation), "groups": groups}
    return lowered.add("deconv" if transposed else "conv", takes, step.result.shape, **settings)


def _normed(lowered: Lowered, step: Step) -> list[int]:
    """Batch norm in eval mode: a factor and a term for each unit."""
    x, weight, bias, mean, variance, *rest = step.args
    training = mean is None or (isinstance(rest[0], bool) and rest[0])
    require(not training, "network must be in eval mode, got a norm over what a batch shows. Call net.eval().")
    factor = (variance.double() + float(rest[-1])).rsqrt()
    factor = factor if weight is None else factor * weight
    term = -mean * factor if bias is None else bias - mean * factor
    shape = tuple(x.shape)
    factor, term = (lowered.constant(one.view(-1, *[1] * (len(shape) - 2))) for one in (factor, term))
    return [lowered.binary("add", lowered.binary("mul", lowered.value(x), factor, shape), term, shape)]


def _pooled(lowered: Lowered, step: Step) -> list[int]:
    x, size, stride, padding, dilation, ceil = (*step.args, *(None,) * 6)[:6]
    require(not ceil and dilation in (None, 1, [1, 1]), "pooling must be plain, got ceil_mode or dilation. Leave them out.")
    settings = {"size": pair(size), "stride": pair(stride or size), "padding": pair(padding or 0)}
    return [lowered.add("maxpool", (lowered.value(x),), step.result[0].shape, **settings)]


def _spread(lowered: Lowered, step: Step) -> int:
    """Whatever weighs rows and columns by themselves: resizing, and means over windows."""
    x, *args = step.args
    padding = args[2] if "avg_pool2d" in str(step.target) and len(args) > 2 else 0
    require(not any(pair(padding)), "mean pooling must have no padding, got some. Pad by zeros first.")
    high, wide = x.shape[-2:]
    rows = step.target(torch.eye(high)[None, :, :, None].expand(1, high, high, wide), *args, **step.kwargs)[0, :, :, 0].T
    cols = step.target(torch.eye(wide)[None, :, None, :].expand(1, wide, high, wide), *args, **step.kwargs)[0, :, 0, :].T
    return lowered.add("spread", (lowered.value(x), lowered.constant(rows), lowered.constant(cols)), step.result.shape)


def _nearest(lowered: Lowered, step: Step) -> int:
    """Nearest upsampling by whole numbers: each number is seen several times."""
    (units, high, wide), (rows, cols) = step.args[0].shape[1:], step.result.shape[2:]
    if rows % high or cols % wide:
        return _spread(lowered, step)
    seen = torch.empty(units, high, 1, wide, 1).expand(units, high, rows // high, wide, cols // wide)
    number = strided(lowered, lowered.value(step.args[0]), seen)
    return lowered.add("same", (number,), step.result.shape)


def _repeated(lowered: Lowered, step: Step) -> int:
    """The whole, several times along each axis."""
    x, times = step.args[:2]
    shape = [1] * (len(times) - x.ndim) + list(x.shape)
    seen = torch.empty(shape)
    for axis in range(len(shape)):
        seen = seen.unsqueeze(2 * axis)
    seen = seen.expand([one for both in zip(times, shape, strict=True) for one in both])
    return lowered.add("same", (strided(lowered, lowered.value(x), seen),), step.result.shape)


def _padded(lowered: Lowered, step: Step) -> int:
    x, around, *rest = step.args
    shape = tuple(step.result.shape)
    whole, cut = torch.empty(shape), [slice(None)] * len(shape)
    require(min(around) >= 0, "padding must not be negative, got some. Cut by slicing.")
    for place in range(len(around) // 2):
        cut[-1 - place] = slice(around[2 * place], shape[-1 - place] - around[2 * place + 1])
    inner = whole[tuple(cut)]
    settings = {"fill": float(rest[0] if rest else 0), **merged(inner.shape, inner.stride()), "offset": inner.storage_offset()}
    return lowered.add("put", (lowered.value(x),), shape, **settings)


def _joined(lowered: Lowered, step: Step) -> int:
    parts, dim, shape = step.args[0], (step.args[1] if len(step.args) > 1 else 0), tuple(step.result.shape)
    numbers = [lowered.value(one) for one in parts if one.numel()]
    if "stack" in str(step.target):
        numbers = [lowered.add("same", (one,), parts[0].unsqueeze(dim).shape) for one in numbers]
    inner = [math.prod(lowered.shapes[one][dim % len(shape) :]) for one in numbers]
    return lowered.add("join", numbers, shape, inner=inner)


def _reduced(name: str) -> Way:
    """Over some dimensions; of a maximum with its place, the maximum alone."""

    def way(lowered: Lowered, step: Step) -> Any:  # noqa: ANN401 -- one or several
        x, many = step.args[0], isinstance(step.result, (tuple, list))
        dims = step.args[1] if len(step.args) > 1 and step.args[1] not in (None, []) else list(range(x.ndim))
        require(
            isinstance(dims, (int, list, tuple)),
            f"{name} must be over dimensions, got another tensor. Use torch.maximum or minimum.",
        )
        found = _reduce(lowered, lowered.value(x), [dims] if isinstance(dims, int) else dims, name)
        number = lowered.add("same", (found,), (step.result[0] if many else step.result).shape)
        return [number] if many else number

    return way


def _reduce(lowered: Lowered, number: int, dims: Sequence[int], name: str) -> int:
    """Brings some dimensions to the end, and makes one number of each row."""
    base = torch.empty(lowered.shapes[number])
    dims = [dim % base.ndim for dim in dims]
    kept = [dim for dim in range(base.ndim) if dim not in dims]
    turned = strided(lowered, number, base.permute(*kept, *dims))
    shape = [base.shape[dim] for dim in kept]
    return lowered.add("reduce", (turned,), shape, name=name, over=math.prod(base.shape[dim] for dim in dims))


def _varied(lowered: Lowered, step: Step) -> list[int]:
    """Variance and mean: of the numbers, and of squares of what is left."""
    x, dims = step.args[:2]
    shape, over, number = tuple(x.shape), math.prod(x.shape[dim] for dim in dims), lowered.value(x)
    kept = torch.empty(shape).amax(dims, keepdim=True).shape
    mean = lowered.add("same", (_reduce(lowered, number, dims, "mean"),), kept)
    left = lowered.binary("sub", number, mean, shape)
    found = _reduce(lowered, lowered.add("unary", (left,), shape, name="square", settings=[]), dims, "mean")
    factor = lowered.constant(torch.tensor(over / (over - step.kwargs.get("correction", 1))))
    found = lowered.binary("mul", found, factor, lowered.shapes[found])
    return [lowered.add("same", (one,), step.result[0].shape) for one in (found, mean)]


def _softmax(logarithm: bool) -> Way:
    """Over one dimension, which is brought to the end and back."""

    def way(lowered: Lowered, step: Step) -> int:
        base, dim = torch.empty(tuple(step.result.shape)), step.args[1]
        turned = base.transpose(dim, -1)
        number = strided(lowered, lowered.value(step.args[0]), turned)
        number = lowered.add("softmax", (number,), turned.shape, over=base.shape[dim], log=logarithm)
        return strided(lowered, number, torch.empty(turned.shape).transpose(dim, -1))

    return way


VIEWS = (
    "alias detach view reshape _unsafe_view t transpose permute expand unsqueeze squeeze slice select split split_with_sizes "
    "chunk unbind narrow flatten unfold diagonal as_strided"
)
SAME = "clone contiguous lift_fresh_copy _to_copy"  # as they leave the order of the numbers
UNARY = (
    "relu leaky_relu sigmoid tanh softplus exp log neg abs sqrt rsqrt reciprocal elu gelu silu log1p expm1 clamp clamp_min "
    "clamp_max hardtanh sin cos square"
)
BINARY = {"add": "add", "sub": "sub", "mul": "mul", "div": "div", "maximum": "max", "minimum": "min", "pow": "pow"}
COMPARED = ("gt", "ge", "lt", "le", "eq", "ne")
FIRST = {
    "leaky_relu": (0.01,),
    "softplus": (1.0, 20.0),
    "elu": (1.0, 1.0, 1.0),
    "hardtanh": (-1.0, 1.0),
    "clamp": (-math.inf, math.inf),
}


LOWER: Mapping[str, Way] = {
    **dict.fromkeys(VIEWS.split(), _view),
    **dict.fromkeys(SAME.split(), _same),
    **{name: _unary(name, *FIRST.get(name, ())) for name in UNARY.split()},
    **{name: _binary(kind) for name, kind in BINARY.items()},
    **{name: _binary(name) for name in COMPARED},
    "rsub": _binary("sub", turned=True),
    "addmm": _added_product,
    "mm": _matmul,
    "bmm": _matmul,
    "convolution": _convolution,
    **dict.fromkeys(("native_batch_norm", "_native_batch_norm_legit_no_training", "cudnn_batch_norm"), _normed),
    "max_pool2d_with_indices": _pooled,
    **dict.fromkeys(("avg_pool2d", "_adaptive_avg_pool2d", "upsample_bilinear2d", "upsample_bicubic2d"), _spread),
    "upsample_nearest2d": _nearest,
    "constant_pad_nd": _padded,
    **dict.fromkeys(("cat", "stack"), _joined),
    **{
        name: _reduced(kind)
        for name, kind in {"sum": "sum", "mean": "mean", "amax": "max", "amin": "min", "max": "max", "min": "min"}.items()
    },
    "var_mean.correction": _varied,
    "repeat": _repeated,
    "_softmax": _softmax(False),
    "_log_softmax": _softmax(True),
    "where": _chosen,
}
