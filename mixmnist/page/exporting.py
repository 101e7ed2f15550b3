"""Exporting: a network as a list of plain operations with its weights, which a page's script runs without torch.

Source:
    The list is what torch does on one run of a sample, as `torch.utils._python_dispatch` tells it. Differs from a format of
    exchange such as ONNX: sizes are fixed, the batch is one sample, and few kinds of operation are left, since every way of
    looking at the same numbers (a view, a slice, a transpose, nearest upsampling) is one of them.
"""

import base64
import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch._decomp import get_decompositions
from torch.utils._python_dispatch import TorchDispatchMode

from mixmnist.core.records import require
from mixmnist.page.lowering import LOWER
from mixmnist.page.operations import Lowered, Step

SMALLEST = 256  # numbers that a tensor has at least where it is rounded: a few biases cost nothing
LARGEST = 65_504  # that half precision can hold
WHOLE = (  # operations that torch itself says by smaller ones
    "pixel_shuffle pixel_unshuffle native_group_norm native_layer_norm hardswish hardsigmoid mish log_sigmoid_forward "
    "addcmul addcdiv"
)
FILLED = "new_zeros new_ones new_full new_empty zeros_like ones_like full_like empty_like".split()  # take a sample's shape alone


@dataclass(frozen=True, eq=False)
class Program:
    """A network as plain data: operations in their order, on values that are known by their numbers."""

    shapes: tuple[tuple[int, ...], ...]  # of each value
    constants: dict[int, Tensor]  # the value's number: what it is
    ops: tuple[dict[str, Any], ...]  # each with its kind, the values that it takes, the one that it makes, and its settings
    input: int
    outputs: tuple[int, ...]

    @property
    def packed(self) -> dict[str, Any]:
        """Gives the program ready for JSON."""
        constants = [{"value": number, **packed(tensor)} for number, tensor in self.constants.items()]
        rest = {"shapes": [list(shape) for shape in self.shapes], "ops": list(self.ops), "outputs": list(self.outputs)}
        return {"input": self.input, "constants": constants, **rest}


def packed(tensor: Tensor) -> dict[str, Any]:
    """Gives numbers as base64, little-endian: of one byte each, or two, where that is exact, else of four.

    Example:
        >>> packed(torch.tensor([7.0])), packed(torch.tensor([0.5])), packed(torch.tensor([0.1]))
        ({'size': 1, 'numbers': 'Bw=='}, {'size': 2, 'numbers': 'ADg='}, {'size': 4, 'numbers': 'zczMPQ=='})
    """
    whole = tensor.detach().float().cpu().contiguous()
    bytes_, half = whole.clamp(0, 255).byte(), whole.half()
    fitting = [(one, kind) for one, kind in ((bytes_, "u1"), (half, "<f2"), (whole, "<f4")) if torch.equal(one.float(), whole)]
    found, kind = fitting[0]
    return {"size": int(kind[-1]), "numbers": base64.b64encode(found.numpy().astype(kind).tobytes()).decode()}


def rounded(net: nn.Module) -> nn.Module:
    """Gives a copy of a network whose large tensors are rounded to half precision: what the page computes with.

    Example:
        >>> net = nn.Linear(300, 1)
        >>> bool((rounded(net).weight - net.weight).abs().max() < 1e-4), bool((rounded(net).bias == net.bias).all())
        (True, True)
    """
    found = copy.deepcopy(net).eval()
    with torch.no_grad():
        for tensor in (*found.parameters(), *found.buffers()):
            if tensor.is_floating_point() and tensor.numel() >= SMALLEST and tensor.abs().max() < LARGEST:
                tensor.copy_(tensor.half())
    return found


def exported(
    function: Callable[[Tensor], Sequence[Tensor]], example: Float[Tensor, "1 *shape"], name: str = "network"
) -> Program:
    """Writes down what a function of one sample does.

    Args:
        function: Gives one tensor or more; must do the same whatever the sample shows.
        example: A sample, as a batch of one.
        name: What it is called where it is refused.

    Returns:
        The operations, on constants that are worked out.

    Raises:
        ValueError: If it does something that the page cannot.

    Example:
        >>> layer = nn.Linear(3, 2)
        >>> program = exported(lambda x: (torch.relu(layer(x)),), torch.ones(1, 3))
        >>> [op["kind"] for op in program.ops], sorted(list(shape) for shape in program.shapes)
        (['matmul', 'binary', 'unary'], [[1, 2], [1, 2], [1, 2], [1, 3], [2], [3, 2]])
    """
    listener = _Listener(name)
    with torch.no_grad(), listener:
        outputs = function(listener.begin(example.clone()))
    return listener.program(tuple(outputs))


def exported_generator(net: nn.Module, layer: str, example: Float[Tensor, "1 latent"]) -> Program:
    """Writes down a generator: its outputs are the layer's maps and the image.

    Where the page cannot do what leads to the layer, the program begins with the layer's maps.

    Raises:
        ValueError: If the layer is not run exactly once, gives no maps, or the page cannot do what follows from them.
    """
    modules = dict(net.named_modules())
    require(layer in modules, f"layer must be a part of the generator, got layer={layer!r}. Name one of its submodules.")
    try:
        return _generator(net, modules[layer], layer, example, whole=True)
    except ValueError:
        return _generator(net, modules[layer], layer, example, whole=False)


def _generator(net: nn.Module, module: nn.Module, layer: str, example: Tensor, whole: bool) -> Program:
    """Writes down a generator, from its code or from the layer on."""
    listener, seen = _Listener("generator"), []

    def keep(_: nn.Module, __: tuple[Any, ...], output: Tensor) -> Tensor:
        seen.append(output.clone() if whole else listener.begin(output.clone()))
        return seen[-1]

    handle = module.register_forward_hook(keep)
    try:
        with torch.no_grad(), listener:
            image = net(listener.begin(example.clone()) if whole else example.clone())
    finally:
        handle.remove()
    require(len(seen) == 1, f"layer must be run once for an image, got {len(seen)} times of layer={layer!r}. Name another.")
    shape = list(seen[0].shape)
    require(len(shape) == 4, f"layer must give maps, got {shape} of layer={layer!r}. Name one that gives [n, units, high, wide].")
    return listener.program((seen[0], image))


class _Listener(TorchDispatchMode):
    """Listens to what torch does, and writes down whatever depends on the sample; the rest becomes constants."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name, self.lowered, self.input = name, Lowered(), -1
        self.split = get_decompositions([getattr(torch.ops.aten, one) for one in WHOLE.split()])

    def begin(self, sample: Tensor) -> Tensor:
        """From here on: what depends on this."""
        self.input = self.lowered.know(sample, self.lowered.fresh(sample.shape))
        return sample

    def program(self, outputs: Sequence[Tensor]) -> Program:
        """Gives what was written down, without what no output needs."""
        lowered = self.lowered
        numbers = tuple(lowered.value(one) for one in outputs)
        needed, ops = set(numbers), []
        for op in reversed(lowered.ops):
            if op["makes"] in needed:
                needed.update(op["takes"])
                ops.append(op)
        constants = {number: tensor for number, tensor in lowered.constants.items() if number in needed}
        return Program(tuple(lowered.shapes), constants, tuple(reversed(ops)), self.input, numbers)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # noqa: ANN401 -- torch's own
        kwargs = kwargs or {}
        kind = func.__name__.split(".")[0]
        known = kind not in FILLED and any(self.lowered.knows(one) for one in _tensors((*args, *kwargs.values())))
        way = LOWER.get(func.__name__) or LOWER.get(kind) or LOWER.get(kind.removesuffix("_"))
        if known and way is None:
            with self:
                parts = self.split[func](*args, **kwargs) if func in self.split else func.decompose(*args, **kwargs)
            if parts is not NotImplemented:
                return parts
        require(
            not known or kind != "_local_scalar_dense",
            f"{self.name} must do the same for every sample, got a step that looks at values. Leave it out.",
        )
        result = func(*args, **kwargs)
        if not known:
            return result
        require(
            way is not None,
            f"{self.name} must do what the page can, got the operation {func}. Use convolutions, sums and common activations.",
        )
        assert way is not None  # the line above
        self._remember(result, way(self.lowered, Step(func, args, kwargs, result)))
        return result

    def _remember(self, result: Any, numbers: Any) -> None:  # noqa: ANN401 -- one or several
        """Notes which value each tensor is."""
        many = isinstance(result, (tuple, list))
        for one, number in zip(result if many else (result,), numbers if many else (numbers,), strict=False):
            self.lowered.know(one, number)
        for one in (result if many else (result,))[len(numbers) if many else 1 :]:
            if isinstance(one, Tensor):
                self.lowered.lose(one)


def _tensors(values: Sequence[Any]) -> list[Tensor]:
    """Gives the tensors among arguments."""
    found = []
    for value in values:
        found += _tensors(value) if isinstance(value, (tuple, list)) else [value] if isinstance(value, Tensor) else []
    return found
