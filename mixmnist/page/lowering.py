"""Lowering: each operation of torch that the page's script can do, by the few kinds that the script knows.

Every lowering takes the list so far and a node of a graph of one sample, and appends to the list. Numbers of all values lie in their
natural order; what torch does by strides is done by copying.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, fx

from mixmnist.core.records import require

Way = Callable[["Lowered", fx.Node], None]


@dataclass(eq=False)
class Lowered:
    """The list so far; it grows."""

    found: Mapping[fx.Node, Any]  # what each node gave on the sample
    shapes: list[tuple[int, ...]] = field(default_factory=list)
    constants: dict[int, Tensor] = field(default_factory=dict)
    ops: list[dict[str, Any]] = field(default_factory=list)
    numbers: dict[fx.Node, Any] = field(default_factory=dict)  # the value of each node, or a list of its parts

    def new(self, node: fx.Node) -> int:
        """Gives a number for what a node makes."""
        self.numbers[node] = self.fresh(tuple(self.tensor(node).shape))
        found: int = self.numbers[node]
        return found

    def fresh(self, shape: Sequence[int]) -> int:
        """Gives a number for a value of a shape."""
        self.shapes.append(tuple(shape))
        return len(self.shapes) - 1

    def tensor(self, what: Any) -> Tensor:  # noqa: ANN401 -- an argument of a node: another, a number or a tensor
        """Gives what an argument was on the sample."""
        value = self.found[what] if isinstance(what, fx.Node) else what
        return value if isinstance(value, Tensor) else torch.tensor(value)

    def value(self, what: Any) -> int:  # noqa: ANN401 -- as above
        """Gives the number of an argument; a constant gets one when it is first asked for."""
        if isinstance(what, fx.Node) and what in self.numbers:
            found: int = self.numbers[what]
            return found
        number = self.constant(self.tensor(what))
        if isinstance(what, fx.Node):
            self.numbers[what] = number
        return number

    def constant(self, tensor: Tensor) -> int:
        """Gives the number of a constant; constants that are alike share one."""
        tensor = tensor.detach().float().cpu().contiguous()
        for number, one in self.constants.items():
            if one.shape == tensor.shape and torch.equal(one, tensor):
                return number
        number = self.fresh(tensor.shape)
        self.constants[number] = tensor
        return number

    def add(self, kind: str, takes: Sequence[int], shape: Sequence[int], **settings: Any) -> int:  # noqa: ANN401 -- plain data
        """Appends an operation and gives the number of what it makes."""
        made = self.fresh(shape)
        self.ops.append({"kind": kind, "takes": list(takes), "makes": made, **settings})
        return made

    def make(self, node: fx.Node, kind: str, takes: Sequence[int], **settings: Any) -> None:  # noqa: ANN401 -- plain data
        """Appends the operation that makes a node's value."""
        self.numbers[node] = self.add(kind, takes, self.tensor(node).shape, **settings)

    def part(self, node: fx.Node) -> None:
        """Takes one of several things that a node gave."""
        of, place = node.args
        numbers = self.numbers[of]  # type: ignore[index]
        require(place < len(numbers), f"network must not use where a maximum lies, got output {place} of {of}. Use its values alone.")  # type: ignore[operator]
        self.numbers[node] = numbers[place]


def strided(lowered: Lowered, number: int, seen: Tensor) -> int:
    """Copies numbers as a view shows them that was made of a tensor in natural order."""
    shape, strides = tuple(seen.shape), seen.stride()
    if seen.is_contiguous() and seen.storage_offset() == 0 and seen.numel() == math.prod(lowered.shapes[number]):
        return lowered.add("same", (number,), shape)
    return lowered.add("take", (number,), shape, strides=list(strides), offset=seen.storage_offset())


def _view(lowered: Lowered, node: fx.Node) -> None:
    """Any view: what it does to strides says all."""
    of = node.args[0]
    plain = "as_strided" not in str(node.target) or lowered.tensor(of).is_contiguous()
    require(plain, "network must not lay strides over numbers in another order, got as_strided. Use views.")
    base = torch.empty(tuple(lowered.tensor(of).shape))  # in natural order, whatever torch had
    seen = node.target(base, *node.args[1:], **node.kwargs)  # type: ignore[operator]
    number = lowered.value(of)
    parts = [strided(lowered, number, one) for one in (seen if isinstance(seen, (tuple, list)) else (seen,))]
    lowered.numbers[node] = parts if isinstance(seen, (tuple, list)) else parts[0]


def _unary(name: str, *settings: float) -> Way:
    """A function of each number, with the settings that torch takes after it, or these."""

    def way(lowered: Lowered, node: fx.Node) -> None:
        told = [math.inf * (1 if place else -1) if one is None else one for place, one in enumerate(node.args[1:])]
        lowered.make(node, "unary", (lowered.value(node.args[0]),), name=name, settings=_finite([*told, *settings[len(told) :]]))

    return way


def _finite(settings: Sequence[Any]) -> list[float]:
    """Gives settings as JSON has them: ends that are none become the largest numbers there are."""
    most = torch.finfo(torch.float32).max
    return [min(max(float(one), -most), most) for one in settings]


def _binary(name: str, turned: bool = False) -> Way:
    """A function of two, each spread over the other as torch does; `alpha` times the second."""

    def way(lowered: Lowered, node: fx.Node) -> None:
        first, second = reversed(node.args[:2]) if turned else node.args[:2]
        shape, alpha = tuple(lowered.tensor(node).shape), node.kwargs.get("alpha", 1)
        require(alpha == 1, f"network must add without a factor, got alpha={alpha}. Multiply first.")
        takes = [lowered.value(first), lowered.value(second)]
        strides = [list(torch.empty(lowered.shapes[one]).expand(shape).stride()) for one in takes]
        lowered.make(node, "binary", takes, name=name, strides=strides)

    return way


def _added_product(lowered: Lowered, node: fx.Node) -> None:
    bias, first, second = node.args[:3]
    shape = tuple(lowered.tensor(node).shape)
    product = _product(lowered, lowered.value(first), lowered.value(second))
    number = lowered.value(bias)
    strides = [list(torch.empty(lowered.shapes[one]).expand(shape).stride()) for one in (product, number)]
    lowered.make(node, "binary", (product, number), name="add", strides=strides)


def _product(lowered: Lowered, first: int, second: int) -> int:
    (*batch, m, k), (*_, n) = lowered.shapes[first], lowered.shapes[second]
    return lowered.add("matmul", (first, second), (*batch, m, n), sizes=[math.prod(batch), m, k, n])


def _matmul(lowered: Lowered, node: fx.Node) -> None:
    lowered.numbers[node] = _product(lowered, lowered.value(node.args[0]), lowered.value(node.args[1]))


def _convolution(lowered: Lowered, node: fx.Node) -> None:
    x, weight, bias, stride, padding, dilation, transposed, more, groups = node.args
    require(lowered.tensor(x).ndim == 4, f"network must convolve images, got {list(lowered.tensor(x).shape)}. Use 2 dimensions.")
    require(weight not in lowered.numbers or lowered.numbers[weight] in lowered.constants, "weights must be constant, got others.")
    takes = [lowered.value(one) for one in (x, weight, bias) if one is not None]
    settings = {"stride": list(stride), "padding": list(padding), "dilation": list(dilation), "groups": groups}  # type: ignore[arg-type]
    lowered.make(node, "deconv" if transposed else "conv", takes, **settings)


def _normed(lowered: Lowered, node: fx.Node) -> None:
    """Batch norm in eval mode: a factor and a sum for each unit."""
    x, weight, bias, mean, variance, *rest = node.args
    training = isinstance(rest[0], bool) and rest[0]
    require(not training, "network must be in eval mode, got batch norm that trains. Call net.eval().")
    mean, variance = lowered.tensor(mean).double(), lowered.tensor(variance).double()
    factor = (variance + float(rest[-1])).rsqrt()  # type: ignore[arg-type]
    factor = factor if weight is None else factor * lowered.tensor(weight)
    term = -mean * factor if bias is None else lowered.tensor(bias) - mean * factor
    shape = tuple(lowered.tensor(x).shape)
    strides = [list(torch.empty(shape).stride()), [0, 1] + [0] * (len(shape) - 2)]
    scaled = lowered.add("binary", (lowered.value(x), lowered.constant(factor)), shape, name="mul", strides=strides)
    lowered.numbers[node] = [lowered.add("binary", (scaled, lowered.constant(term)), shape, name="add", strides=strides)]


def _pooled(lowered: Lowered, node: fx.Node) -> None:
    x, size, stride, padding, dilation, ceil = (*node.args, *(None,) * 6)[:6]
    require(not ceil and dilation in (None, 1, [1, 1]), "pooling must be plain, got ceil_mode or dilation. Leave them out.")
    size, padding = _pair(size), _pair(padding or 0)
    shape = tuple(lowered.found[node][0].shape)
    settings = {"size": size, "stride": _pair(stride or size), "padding": padding}
    lowered.numbers[node] = [lowered.add("maxpool", (lowered.value(x),), shape, **settings)]


def _pair(size: Any) -> list[int]:  # noqa: ANN401 -- one or two numbers
    found = list(size) if isinstance(size, (tuple, list)) else [size]
    return found * 2 if len(found) == 1 else found


def _spread(lowered: Lowered, node: fx.Node) -> None:
    """Whatever weighs rows and columns by themselves: resizing, and means over windows."""
    x = lowered.tensor(node.args[0])
    padding = node.args[3] if "avg_pool2d" in str(node.target) and len(node.args) > 3 else 0
    require(not any(_pair(padding)), "mean pooling must have no padding, got some. Pad by zeros first.")
    (high, wide), args = x.shape[-2:], (node.args[1:], node.kwargs)
    rows = node.target(torch.eye(high)[None, :, :, None].expand(1, high, high, wide), *args[0], **args[1])[0, :, :, 0].T  # type: ignore[operator]
    cols = node.target(torch.eye(wide)[None, :, None, :].expand(1, wide, high, wide), *args[0], **args[1])[0, :, 0, :].T  # type: ignore[operator]
    takes = (lowered.value(node.args[0]), lowered.constant(rows), lowered.constant(cols))
    lowered.make(node, "spread", takes)


def _padded(lowered: Lowered, node: fx.Node) -> None:
    x, pad, *rest = node.args
    shape = tuple(lowered.tensor(node).shape)
    whole, cut = torch.empty(shape), [slice(None)] * len(shape)
    for place in range(len(pad) // 2):  # type: ignore[arg-type]
        before, after = pad[2 * place], pad[2 * place + 1]  # type: ignore[index]
        require(before >= 0 and after >= 0, "padding must not be negative, got some. Cut by slicing.")
        cut[-1 - place] = slice(before, shape[-1 - place] - after)
    inner = whole[tuple(cut)]
    settings = {"fill": float(rest[0] if rest else 0), "strides": list(inner.stride()), "offset": inner.storage_offset()}  # type: ignore[arg-type]
    lowered.make(node, "put", (lowered.value(x),), **settings)


def _joined(lowered: Lowered, node: fx.Node) -> None:
    parts, dim = node.args[0], (node.args[1] if len(node.args) > 1 else 0)
    numbers = [lowered.value(one) for one in parts if lowered.tensor(one).numel()]  # type: ignore[union-attr]
    if "stack" in str(node.target):
        numbers = [lowered.add("same", (one,), lowered.tensor(parts[0]).unsqueeze(dim).shape) for one in numbers]  # type: ignore[index,arg-type]
    inner = [math.prod(lowered.shapes[one][dim % lowered.tensor(node).ndim :]) for one in numbers]  # type: ignore[operator]
    lowered.make(node, "join", numbers, inner=inner)


def _reduced(name: str) -> Way:
    """Over some dimensions: they are brought to the end, and each row of numbers becomes one."""

    def way(lowered: Lowered, node: fx.Node) -> None:
        x = lowered.tensor(node.args[0])
        dims = node.args[1] if len(node.args) > 1 and node.args[1] not in (None, []) else list(range(x.ndim))
        found = _reduce(lowered, lowered.value(node.args[0]), [dims] if isinstance(dims, int) else dims, name)  # type: ignore[arg-type]
        made = lowered.found[node]
        shape = tuple((made[0] if isinstance(made, (tuple, list)) else made).shape)
        number = lowered.add("same", (found,), shape)
        lowered.numbers[node] = [number] if isinstance(made, (tuple, list)) else number

    return way


def _reduce(lowered: Lowered, number: int, dims: Sequence[int], name: str) -> int:
    base = torch.empty(lowered.shapes[number])
    dims = [dim % base.ndim for dim in dims]
    kept = [dim for dim in range(base.ndim) if dim not in dims]
    turned = strided(lowered, number, base.permute(*kept, *dims))
    shape = [base.shape[dim] for dim in kept]
    return lowered.add("reduce", (turned,), shape, name=name, over=math.prod(base.shape[dim] for dim in dims))


def _varied(lowered: Lowered, node: fx.Node) -> None:
    """Variance and mean: of the numbers, and of squares of what is left."""
    x, dims = node.args[:2]
    shape, variance = tuple(lowered.tensor(x).shape), lowered.found[node][0]
    correction = node.kwargs.get("correction", 1)
    number = lowered.value(x)
    over = math.prod(shape[dim] for dim in dims)  # type: ignore[union-attr,misc]
    mean = _reduce(lowered, number, dims, "mean")  # type: ignore[arg-type]
    kept = torch.empty(shape).amax(dims, keepdim=True)  # type: ignore[arg-type]
    strides = [list(torch.empty(shape).stride()), list(torch.empty(kept.shape).expand(shape).stride())]
    left = lowered.add("binary", (number, mean), shape, name="sub", strides=strides)
    square = lowered.add("unary", (left,), shape, name="square", settings=[])
    found = _reduce(lowered, square, dims, "mean")  # type: ignore[arg-type]
    factor = lowered.constant(torch.tensor(over / (over - correction)))  # type: ignore[operator]
    plain = list(torch.empty(lowered.shapes[found]).stride())
    found = lowered.add("binary", (found, factor), lowered.shapes[found], name="mul", strides=[plain, [0] * len(plain)])
    lowered.numbers[node] = [lowered.add("same", (one,), variance.shape) for one in (found, mean)]


def _softmax(logarithm: bool) -> Way:
    """Over one dimension, which is brought to the end and back."""

    def way(lowered: Lowered, node: fx.Node) -> None:
        base, dim = torch.empty(tuple(lowered.tensor(node).shape)), int(node.args[1])  # type: ignore[arg-type]
        turned = base.transpose(dim, -1)
        number = strided(lowered, lowered.value(node.args[0]), turned)
        number = lowered.add("softmax", (number,), turned.shape, over=base.shape[dim], log=logarithm)
        lowered.numbers[node] = strided(lowered, number, torch.empty(turned.shape).transpose(dim, -1))

    return way


def _nearest(lowered: Lowered, node: fx.Node) -> None:
    """Nearest upsampling by whole numbers: each number is seen several times."""
    x, shape = lowered.tensor(node.args[0]), tuple(lowered.tensor(node).shape)
    (units, high, wide), (rows, cols) = x.shape[1:], shape[2:]
    if rows % high or cols % wide:
        _spread(lowered, node)
        return
    seen = torch.empty(units, high, 1, wide, 1).expand(units, high, rows // high, wide, cols // wide)
    number = strided(lowered, lowered.value(node.args[0]), seen)
    lowered.make(node, "same", (number,))


def _chosen(lowered: Lowered, node: fx.Node) -> None:
    """One of two, by a third."""
    shape = tuple(lowered.tensor(node).shape)
    takes = [lowered.value(one) for one in node.args]
    strides = [list(torch.empty(lowered.shapes[one]).expand(shape).stride()) for one in takes]
    lowered.make(node, "choose", takes, strides=strides)


VIEWS = "alias detach view reshape _unsafe_view t transpose permute expand unsqueeze squeeze slice select split split_with_sizes chunk unbind narrow flatten unfold diagonal as_strided"
SAME = "clone contiguous lift_fresh_copy _to_copy"  # as they leave the order of the numbers
UNARY = "relu leaky_relu sigmoid tanh softplus exp log neg abs sqrt rsqrt reciprocal elu gelu silu log1p expm1 clamp clamp_min clamp_max hardtanh sin cos square"
BINARY = {"add": "add", "sub": "sub", "mul": "mul", "div": "div", "maximum": "max", "minimum": "min", "pow": "pow"}
COMPARED = ("gt", "ge", "lt", "le", "eq", "ne")
FIRST = {"leaky_relu": (0.01,), "softplus": (1.0, 20.0), "elu": (1.0, 1.0, 1.0), "hardtanh": (-1.0, 1.0), "clamp": (-math.inf, math.inf)}


def _same(lowered: Lowered, node: fx.Node) -> None:
    lowered.make(node, "same", (lowered.value(node.args[0]),))


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
    **{name: _reduced(kind) for name, kind in {"sum": "sum", "mean": "mean", "amax": "max", "amin": "min", "max": "max", "min": "min"}.items()},
    "var_mean": _varied,
    "_softmax": _softmax(False),
    "_log_softmax": _softmax(True),
    "where": _chosen,
}
