"""Exporting: a network as a list of plain operations with its weights, which a page's script runs without torch.

Source:
    The list is what `torch.fx` sees of one run of a sample. Differs from an exchange format such as ONNX: sizes are fixed, the
    batch is one sample, and few kinds of operation are left, since every way of looking at the same numbers (a view, a slice, a
    transpose, nearest upsampling) is one of them.
"""

import base64
import copy
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, fx, nn
from torch._decomp import get_decompositions
from torch.fx.experimental.proxy_tensor import make_fx

from mixmnist.core.records import require
from mixmnist.page.lowering import LOWER, Lowered

SMALLEST = 256  # numbers that a tensor has at least where it is rounded: a few biases cost nothing
LARGEST = 65_504  # that half precision can hold
WHOLE = "pixel_shuffle pixel_unshuffle native_group_norm native_layer_norm hardswish hardsigmoid mish log_sigmoid_forward var addcmul addcdiv"
FILLED = "new_zeros new_ones new_full zeros_like ones_like full_like".split()  # take a sample's shape, not what it shows


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
        """Gives the program ready for JSON: constants as base64, of two bytes a number where that is exact, else of four."""
        constants = [{"value": number, **_packed(tensor)} for number, tensor in self.constants.items()]
        rest = {"shapes": [list(shape) for shape in self.shapes], "ops": list(self.ops), "outputs": list(self.outputs)}
        return {"input": self.input, "constants": constants, **rest}


def _packed(tensor: Tensor) -> dict[str, Any]:
    """Gives a constant as base64 of little-endian numbers."""
    whole, half = tensor.float().contiguous(), tensor.half().contiguous()
    exact = torch.equal(half.float(), whole)
    found = half.numpy().astype("<f2") if exact else whole.numpy().astype("<f4")
    return {"half": exact, "numbers": base64.b64encode(found.tobytes()).decode()}


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


def exported(function: Callable[[Tensor], Sequence[Tensor]], example: Float[Tensor, "1 *shape"], name: str = "network") -> Program:
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
        >>> [op["kind"] for op in program.ops], [list(shape) for shape in program.shapes]
        (['matmul', 'binary', 'unary'], [[1, 3], [3, 2], [1, 2], [2], [1, 2], [1, 2]])
    """
    try:
        with torch.no_grad():
            plain = torch.func.functionalize(lambda x: tuple(function(x)), remove="mutations")
            graph = make_fx(plain, decomposition_table=_split())(example)
    except (RuntimeError, TypeError) as error:
        said = str(error).strip().split("\n")[0][:160]
        raise ValueError(
            f"{name} must do the same for every sample, got one that torch cannot follow ({said}). Leave out steps that look at values."
        ) from error
    return _lowered(graph, example, name)


def exported_generator(net: nn.Module, layer: str, example: Float[Tensor, "1 latent"]) -> Program:
    """Writes down a generator: its outputs are the layer's maps and the image.

    Raises:
        ValueError: If the layer is not run exactly once, gives no maps, or the page cannot do what the generator does.
    """
    modules = dict(net.named_modules())
    require(layer in modules, f"layer must be a part of the generator, got layer={layer!r}. Name one of its submodules.")
    seen: list[Tensor] = []

    def keep(_: nn.Module, __: tuple[Any, ...], output: Tensor) -> Tensor:
        seen.append(output.clone())
        return seen[-1]

    def both(codes: Tensor) -> tuple[Tensor, Tensor]:
        seen.clear()
        image: Tensor = net(codes)
        require(len(seen) == 1, f"layer must be run once for an image, got {len(seen)} times of layer={layer!r}. Name another.")
        return seen[0], image

    handle = modules[layer].register_forward_hook(keep)
    try:
        program = exported(both, example, "generator")
    finally:
        handle.remove()
    shape = program.shapes[program.outputs[0]]
    require(len(shape) == 4, f"layer must give maps, got {list(shape)} of layer={layer!r}. Name a layer that gives [n, units, high, wide].")
    return program


def _split() -> dict[Any, Callable[..., Any]]:
    """Gives how torch itself says larger operations by smaller ones."""
    found: dict[Any, Callable[..., Any]] = get_decompositions([getattr(torch.ops.aten, name) for name in WHOLE.split()])
    return found


class _Recorder(fx.Interpreter):
    """Runs a graph once and keeps what every node gave."""

    def __init__(self, graph: fx.GraphModule) -> None:
        super().__init__(graph, garbage_collect_values=False)

    def found(self, example: Tensor) -> dict[fx.Node, Any]:
        """Gives each node's value on a sample."""
        with torch.no_grad():
            self.run(example)
        return self.env


def _lowered(graph: fx.GraphModule, example: Tensor, name: str) -> Program:
    """Brings a graph to the few kinds of operation that the page's script knows."""
    graph.graph.eliminate_dead_code()
    found = _Recorder(graph).found(example)
    nodes = list(graph.graph.nodes)
    (start,), last = [node for node in nodes if node.op == "placeholder"], nodes[-1]
    moving, lowered = {start}, Lowered(found)  # moving: what depends on the sample
    first = lowered.new(start)
    for node in nodes[1:-1]:
        kind = getattr(node.target, "__name__", "").split(".")[0]
        if kind in FILLED or moving.isdisjoint(node.all_input_nodes):
            continue
        moving.add(node)
        if node.target is operator.getitem:
            lowered.part(node)
            continue
        way = LOWER.get(kind)
        require(
            way is not None,
            f"{name} must do what the page can, got the operation {node.target}. Write it by convolutions, sums, products and common activations.",
        )
        assert way is not None  # the line above
        way(lowered, node)
    outputs = tuple(lowered.value(node) for node in last.args[0])
    return Program(tuple(lowered.shapes), lowered.constants, tuple(lowered.ops), first, outputs)
