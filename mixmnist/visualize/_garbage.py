"""Pictures of nothing: noise, canvases with scrambled phases or cut into tiles, strokes that are no digits, waves; and blobs.

A reader that has only seen digits reads one in anything. It is trained on the first five kinds and asked about all six.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from mixmnist.core.seeding import derive

POINTS = 64  # of a stroke
KINDS = ("noise", "scrambled", "strokes", "tiles", "waves")  # that a reader is trained on
UNSEEN = "blobs"  # that it is not

Canvases = UInt8[Tensor, "n rows cols"]


def garbage(kind: str, canvases: Canvases, seed: int) -> Canvases:
    """Makes one picture of nothing for each canvas, of its size.

    Args:
        kind: noise, scrambled, strokes, tiles, waves, or blobs.
        canvases: Real ones; noise, strokes, waves and blobs take their size alone.
        seed: Of all that is drawn.

    Example:
        >>> garbage("noise", torch.zeros(2, 8, 9, dtype=torch.uint8), seed=0).shape
        torch.Size([2, 8, 9])
    """
    generator = torch.Generator().manual_seed(derive(seed, "garbage", kind))
    makers = {"noise": _noise, "scrambled": _scrambled, "strokes": _strokes, "tiles": _tiles, "waves": _waves, "blobs": _blobs}
    made = makers[kind](canvases.float() / 255, generator)
    return (made.clamp(0, 1) * 255).round().to(torch.uint8)


def _noise(canvases: Float[Tensor, "n rows cols"], generator: torch.Generator) -> Float[Tensor, "n rows cols"]:
    """Draws noise, of another brightness and coarseness in each picture."""
    n = len(canvases)
    white = torch.randn(canvases.shape, generator=generator)
    coarse = F.avg_pool2d(white[:, None], 3, 1, 1)[:, 0] * 3
    share, level, size = torch.rand(3, n, 1, 1, generator=generator)
    made: Tensor = (level - 0.7) + (0.1 + 0.9 * size) * (share * coarse + (1 - share) * white)
    return made


def _scrambled(canvases: Float[Tensor, "n rows cols"], generator: torch.Generator) -> Float[Tensor, "n rows cols"]:
    """Keeps how strong each frequency of a canvas is, and draws its phase."""
    phases = torch.fft.rfft2(torch.rand(canvases.shape, generator=generator)).angle()
    size = torch.fft.rfft2(canvases).abs()
    spectrum = torch.polar(size, phases)
    spectrum[:, 0, 0] = size[:, 0, 0]  # the mean stays
    made: Tensor = torch.fft.irfft2(spectrum, s=canvases.shape[1:])
    return made


def _strokes(canvases: Float[Tensor, "n rows cols"], generator: torch.Generator) -> Float[Tensor, "n rows cols"]:
    """Draws one to four curves across each picture, each of three random points, longer than a glyph."""
    n, rows, cols = canvases.shape
    at = torch.rand(n, 4, 3, 2, generator=generator) * 1.4 - 0.2  # n strokes points 2
    at[:, :, 2] = torch.where((at[:, :, 2] - at[:, :, 0]).norm(dim=2, keepdim=True) < 0.6, 1 - at[:, :, 0], at[:, :, 2])
    many = torch.randint(1, 5, (n, 1), generator=generator) > torch.arange(4)
    t = torch.linspace(0, 1, POINTS)[:, None]
    curve = (1 - t) ** 2 * at[:, :, None, 0] + 2 * t * (1 - t) * at[:, :, None, 1] + t**2 * at[:, :, None, 2]
    place = (curve * torch.tensor([rows, cols])).long()
    inside = ((place >= 0) & (place < torch.tensor([rows, cols]))).all(dim=3) & many[:, :, None]
    flat = (place[..., 0] * cols + place[..., 1]).clamp(0, rows * cols - 1)
    ink = torch.zeros(n, rows * cols).scatter_reduce(1, flat.flatten(1), inside.float().flatten(1), "amax")
    thick = F.avg_pool2d(ink.view(n, 1, rows, cols), 3, 1, 1)[:, 0]
    return thick * (2 + 2 * torch.rand(n, 1, 1, generator=generator))


def _tiles(canvases: Float[Tensor, "n rows cols"], generator: torch.Generator) -> Float[Tensor, "n rows cols"]:
    """Cuts each canvas into tiles of 4 pixels and puts them in another order; what does not fill a tile stays black."""
    n, rows, cols = canvases.shape
    high, wide = rows // 4, cols // 4
    cut = canvases[:, : high * 4, : wide * 4].reshape(n, high, 4, wide, 4).transpose(2, 3).reshape(n, high * wide, 4, 4)
    order = torch.rand(n, high * wide, generator=generator).argsort(dim=1)
    mixed = cut.gather(1, order[:, :, None, None].expand_as(cut)).reshape(n, high, wide, 4, 4).transpose(2, 3)
    whole = torch.zeros_like(canvases)
    whole[:, : high * 4, : wide * 4] = mixed.reshape(n, high * 4, wide * 4)
    return whole


def _waves(canvases: Float[Tensor, "n rows cols"], generator: torch.Generator) -> Float[Tensor, "n rows cols"]:
    """Adds up three plane waves of any direction, 3 to 16 pixels long."""
    n, rows, cols = canvases.shape
    turn, length, phase = torch.rand(3, n, 3, generator=generator)
    frequency = 2 * torch.pi / (3 + 13 * length)
    down, across = (frequency * f(torch.pi * turn) for f in (torch.sin, torch.cos))
    row, col = torch.arange(rows)[:, None], torch.arange(cols)
    angle = down[..., None, None] * row + across[..., None, None] * col + 2 * torch.pi * phase[..., None, None]
    made: Tensor = angle.sin().sum(dim=1) / 2
    return made


def _blobs(canvases: Float[Tensor, "n rows cols"], generator: torch.Generator) -> Float[Tensor, "n rows cols"]:
    """Makes noise coarse, and white where it is high: islands with steep shores."""
    coarse = torch.randn(canvases.shape, generator=generator)[:, None]
    for _ in range(3):
        coarse = F.avg_pool2d(coarse, 3, 1, 1) * 3
    share = torch.rand(len(canvases), 1, 1, generator=generator)
    return (coarse[:, 0] / coarse.std() - 0.5 - share) * 3
