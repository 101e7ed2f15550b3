"""All three layers of a training step on a GPU: the functions of `_pooled` by a few kernels, which are in `_kernels`.

Libraries convolve so few channels far below the card's speed, carry every map through memory several times, and add up in an
order that is another one each time. Here a convolution leaves its large map and the moments of each tile; the next kernel adds
those up and takes norm, ReLU and pooling in one go. Backwards, a kernel sends the gradient of the pooled pixels to their places
and adds what flows through the moments, one convolves that, and one correlates it with the layer's input.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from mixmnist.nets import _kernels
from mixmnist.nets._pooled import POOL, STRIDE

Layer = tuple[Tensor, Tensor, Tensor, Tensor]  # weight, bias, gamma, beta
SIDES, PADS = (5, 3, 3), (0, 1, 1)  # of the kernels, and the zeros around what they pass over
LINES = {5: 1, 3: 3}  # lines of a kernel of so many that are laid out one after another, which spares waiting for memory
UNITS, TILE, WARPS = 4, 256, 2  # units and pixels that a program convolves at once: the fastest of 60 measured on an H200
CHUNK = 512  # pixels that a program norms
WIDEST = 128  # units of a layer; a wider one is a product that is large enough for the library
PIXELS = 16  # that a program correlates at once
PROGRAMS = 1024  # that correlate at once, if there is work for so many


class Layers(torch.autograd.Function):
    """Gives each map's sum after the third layer and, for each layer, the batch's mean and unbiased variance per channel.

    The moments are of the convolution with its bias, as in `ConvNormReluPool`. No gradient flows to the images.
    """

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401 -- torch gives it no public type
        x: Float[Tensor, "copies images rows cols"],
        kept: Float[Tensor, "images places channels"] | None,
        eps: float,
        *parameters: Tensor,
    ) -> tuple[Tensor, ...]:
        """Takes images through the layers.

        `kept` is what the last layer's maps are multiplied by, with 1 place or as many as they have; `parameters` are weight,
        bias, scale and shift of the three layers in turn, the weights [channels, fan_in, side, side].
        """
        layers = _layers(parameters)
        x = x.contiguous()[:, :, None]  # copies images fan_in rows cols
        with torch.cuda.device_of(x):
            inputs, maps, places, stats = [], [], [], []
            for layer, (side, pad) in enumerate(zip(SIDES, PADS, strict=True)):
                weight, *norm = layers[layer]
                z, parts = _convolved(x, weight, side, pad)
                stats.append(z.new_empty(4, len(weight)))
                inputs.append(x)
                maps.append(z)
                if layer < len(layers) - 1:
                    x, place = _pooled(z, parts, norm, stats[-1], eps)
                    places.append(place)
            found = _added_up(maps[-1], parts, norm, stats[-1], kept, eps)
        ctx.save_for_backward(found, kept, *inputs, *maps, *places, *stats, *parameters)
        moments = [moment for stat in stats for moment in stat[2:]]
        ctx.mark_non_differentiable(*moments)
        return found[0].flatten(0, 1).T, *moments

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401 -- as above
        """Sends the gradient of the sums to the last layer's pixels, and from layer to layer to the kernels."""
        found, kept, *saved = ctx.saved_tensors
        inputs, maps, places, stats, layers = saved[:3], saved[3:6], saved[6:8], saved[8:11], _layers(saved[11:])
        gains = [torch.empty_like(stat[:3]) for stat in stats]
        own: list[Tensor | None] = []
        with torch.cuda.device_of(found):
            grad = _spread(maps[2], grads[0].contiguous(), found, kept, layers[2], stats[2], gains[2])
            for layer in (2, 1, 0):
                weight, gain = layers[layer][0], gains[layer]
                own = [_correlated(inputs[layer], grad, weight, PADS[layer]), gain[2], gain[0], gain[1], *own]
                if layer > 0:
                    below, at = maps[layer - 1], places[layer - 1]
                    comes, parts = _convolved_back(grad, weight, at, below, stats[layer - 1][0], SIDES[layer])
                    grad = _unpooled(below, at, comes, parts, layers[layer - 1][2], stats[layer - 1], gains[layer - 1])
        return None, None, None, *own


def fits(x: Tensor, widths: Sequence[int]) -> bool:
    """Says whether the kernels can train on x [images, copies, rows, cols]: on a card that Triton knows, in float32, no gradient
    flowing to the images, no layer too wide, and so few numbers of a copy that 32 bits count them.
    """
    plain = x.dtype == torch.float32 and not torch.is_autocast_enabled("cuda") and not x.requires_grad
    few = max(widths) <= WIDEST and x.shape[0] * max(widths) * x.shape[2] * x.shape[3] < 2**31
    return plain and few and _knows(x.device)


@cache
def _knows(device: torch.device) -> bool:
    """Says whether it is a card that Triton knows."""
    known = device.type == "cuda" and torch.version.cuda is not None
    return known and torch.cuda.get_device_capability(device) >= (8, 0)


def n_places(rows: int, cols: int) -> int:
    """Counts the pixels of the third layer's maps."""
    for side, pad in zip(SIDES[:2], PADS[:2], strict=True):
        rows, cols = ((size + 2 * pad - side + 1 - POOL) // STRIDE + 1 for size in (rows, cols))
    return rows * cols


def _layers(parameters: Any) -> list[Layer]:  # noqa: ANN401 -- a list or a tuple
    """Sorts weight, bias, scale and shift by layer."""
    return [tuple(parameters[i : i + 4]) for i in range(0, len(parameters), 4)]


def _convolved(x: Tensor, weight: Tensor, side: int, pad: int) -> tuple[Tensor, Tensor]:
    """Gives the large map [copies, images, units, down, across] and the moments of its tiles [2, channels, tiles]."""
    copies, images, fan_in, rows, cols = x.shape
    units, down, across = len(weight) // copies, rows + 2 * pad - side + 1, cols + 2 * pad - side + 1
    z = x.new_empty(copies, images, units, down, across)
    tiles = _blocks(images * down * across, TILE)
    parts = x.new_empty(2, len(weight), tiles)
    first, *steps = weight.stride()
    _kernels.convolve[tiles, copies, _blocks(units, UNITS)](
        *(x, weight, z, parts, parts, parts, parts, images, fan_in, units, rows, cols, down, across, 0, 0),
        *(units * first, first, *steps, tiles),
        SIDE=side,
        PAD=pad,
        LINES=LINES[side],
        BACK=False,
        UNITS=UNITS,
        SIZE=TILE,
        num_warps=WARPS,
    )
    return z, parts


def _convolved_back(
    grad: Tensor, weight: Tensor, places: Tensor, below: Tensor, means: Tensor, side: int
) -> tuple[Tensor, Tensor]:
    """Gives the gradient of a layer's input, which has the map's rows and columns, and its sums [2, channels, tiles]."""
    copies, images, units, rows, cols = grad.shape
    comes = torch.empty(places.shape, dtype=grad.dtype, device=grad.device)
    fan_in = comes.shape[2]
    tiles = _blocks(images * rows * cols, TILE)
    parts = grad.new_empty(2, copies * fan_in, tiles)
    first, second, *steps = weight.stride()
    _kernels.convolve[tiles, copies, _blocks(fan_in, UNITS)](
        *(grad, weight, comes, parts, places, below, means, images, units, fan_in, rows, cols, rows, cols),
        *(below.shape[4], below.shape[3] * below.shape[4], units * first, second, first, *steps, tiles),
        SIDE=side,
        PAD=side // 2,
        LINES=LINES[side],
        BACK=True,
        UNITS=UNITS,
        SIZE=TILE,
        num_warps=WARPS,
    )
    return comes, parts


def _pooled(z: Tensor, parts: Tensor, norm: list[Tensor], stats: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """Gives the pooled map after norm and ReLU, and its places; fills stats."""
    copies, images, units, down, across = z.shape
    high, wide = ((size - POOL) // STRIDE + 1 for size in (down, across))
    out = z.new_empty(copies, images, units, high, wide)
    places = torch.empty(out.shape, dtype=torch.int8, device=z.device)
    bias, gamma, beta = norm
    _kernels.pool[_blocks(images * high * wide, CHUNK), copies * units](
        *(z, parts, gamma, beta, bias, stats, out, places, images, units, down, across, high, wide),
        *(parts.shape[2], TILE, eps),
        SIZE=CHUNK,
    )
    return out, places


def _unpooled(z: Tensor, places: Tensor, comes: Tensor, parts: Tensor, gamma: Tensor, stats: Tensor, gains: Tensor) -> Tensor:
    """Gives the gradient of the large map from that of the pooled one; fills gains."""
    copies, images, units, down, across = z.shape
    grad = torch.empty_like(z)
    _kernels.unpool[_blocks(images * down * across, CHUNK), copies * units](
        *(z, places, comes, parts, gamma, stats, gains, grad, images, units, down, across, *places.shape[3:], parts.shape[2]),
        SIZE=CHUNK,
    )
    return grad


def _added_up(z: Tensor, parts: Tensor, norm: list[Tensor], stats: Tensor, kept: Tensor | None, eps: float) -> Tensor:
    """Gives the maps' sums after norm, ReLU and dropout, and what `_spread` needs, [3, copies, units, images]; fills stats."""
    copies, images, units, down, across = z.shape
    found = z.new_empty(3, copies, units, images)
    bias, gamma, beta = norm
    place, *steps = _steps(kept, found)
    some = 16  # images a program
    _kernels.add_up[_blocks(images, some), copies * units](
        *(z, parts, gamma, beta, bias, stats, place, found, images, units, down * across, parts.shape[2], TILE, *steps, eps),
        DROPPED=kept is not None,
        IMAGES=some,
        SIZE=64,
    )
    return found


def _spread(z: Tensor, comes: Tensor, found: Tensor, kept: Tensor | None, layer: Layer, stats: Tensor, gains: Tensor) -> Tensor:
    """Gives the gradient of the last large map from that of its sums [images, channels]; fills gains."""
    copies, images, units, down, across = z.shape
    grad = torch.empty_like(z)
    place, *steps = _steps(kept, found)
    _kernels.spread[_blocks(images * down * across, CHUNK), copies * units](
        *(z, comes, found, place, *layer[2:], stats, gains, grad, images, units, down * across, *steps),
        DROPPED=kept is not None,
        SIZE=CHUNK,
    )
    return grad


def _correlated(x: Tensor, grad: Tensor, weight: Tensor, pad: int) -> Tensor:
    """Gives the kernels' gradient, in the order of memory that weights have in which the fan-in is innermost."""
    copies, images, fan_in, rows, cols = x.shape
    units, down, across = grad.shape[2:]
    side, some, taps = weight.shape[2], 16 if units <= 16 else 32, 32  # units and taps of a program
    tall, wide = PIXELS // min(PIXELS, _power(across)), min(PIXELS, _power(across))  # rows and columns of a tile
    tiles = images * _blocks(down, tall) * _blocks(across, wide)
    blocks = _blocks(units, some) * _blocks(side * side * fan_in, taps)
    each = _blocks(tiles, min(tiles, _blocks(PROGRAMS, copies * blocks)))
    parts = x.new_empty(_blocks(tiles, each), len(weight), side, side, fan_in)
    _kernels.correlate[len(parts), copies, blocks](
        *(x, grad, parts, images, fan_in, units, rows, cols, down, across, each),
        SIDE=side,
        PAD=pad,
        UNITS=some,
        TAPS=taps,
        ROWS=tall,
        COLS=wide,
        num_warps=some // 16,
    )
    return parts.sum(0).permute(0, 3, 1, 2)


def _steps(kept: Tensor | None, instead: Tensor) -> tuple[Tensor, int, int]:
    """Gives what maps are multiplied by, or another place of memory if there is nothing, with its steps per image and pixel."""
    return (instead, 0, 0) if kept is None else (kept, kept.stride(0), kept.stride(1) if kept.shape[1] > 1 else 0)


def _blocks(n: int, size: int) -> int:
    """Counts the blocks of a size that hold n."""
    return -(-n // size)


def _power(n: int) -> int:
    """Gives the smallest power of 2 that is no less than n."""
    return 1 << (n - 1).bit_length()
