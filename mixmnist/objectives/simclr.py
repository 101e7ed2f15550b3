"""SimCLR: a pretext; two views of a canvas are to have like codes, and those of other canvases unlike ones.

A view is a crop at a random place, enlarged to the whole canvas, at a random brightness. A head of two layers makes codes of the
means of the last maps. What history calls accuracy is the share of views whose nearest code is that of their twin. After it a
linear head for the task is fitted on the frozen units.

Source:
    T. Chen et al. (2020), "A simple framework for contrastive learning of visual representations", arXiv:2002.05709.
    Differs: crops keep at least half of the canvas, as smaller ones would lose a digit, and its proportions; canvases have no
    colours to change and are not flipped, as a digit's mirror image is another sign; batches are small.
    A crop is that of torchvision's `v2.functional.resized_crop`, for a whole batch at once and on its device.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from mixmnist.core.records import Objective, require

LARGEST = 1.0  # share of the canvas's area that a crop keeps at most
DARKEST = 0.6  # factor of the brightness at least
HIDDEN = 64  # units of the head's inner layer


def prepare(
    images: UInt8[Tensor, "copies images rows cols"],
    labels: Tensor,
    seeds: Sequence[int],
    temperature: float | int = 0.5,
    smallest: float | int = 0.5,
    codes: int = 32,
) -> tuple[UInt8[Tensor, "copies images rows cols"], Int[Tensor, "copies images"]]:
    """Gives canvases as they are, and targets that are not looked at.

    Args:
        images: Each copy's canvases.
        labels: Not looked at.
        seeds: One a copy.
        temperature: By which likenesses are divided; above 0.
        smallest: Share of the canvas's area that a crop keeps at least; above 0, at most 1.
        codes: Numbers of a code; 1 or more.

    Raises:
        ValueError: If a setting cannot be.
    """
    require(temperature > 0, f"temperature must be above 0, got temperature={temperature}. Use .1 to 1.")
    require(0 < smallest <= 1, f"smallest must be above 0 and at most 1, got smallest={smallest}. It is a share of the canvas.")
    require(codes >= 1, f"codes must be 1 or more, got codes={codes}. It is how many numbers a code has.")
    return images, torch.zeros(images.shape[:2], dtype=torch.int64, device=images.device)


def view(
    images: Float[Tensor, "batch copies rows cols"],
    targets: Tensor,
    module: nn.Module,
    generators: Sequence[torch.Generator],
    temperature: float | int,
    smallest: float | int,
    codes: int,
) -> Float[Tensor, "views copies rows cols"]:
    """Gives two views of each canvas, those of the second kind after all of the first.

    Args:
        images: In [0, 1].
        targets: Not looked at.
        module: Not asked.
        generators: One a copy, which alone decides its views.
        temperature: Not used here.
        smallest: Share of the area that a crop keeps at least.
        codes: Not used here.
    """
    twice = images.repeat(2, 1, 1, 1).transpose(0, 1)  # copies views rows cols
    return torch.stack([_seen(own, generator, smallest) for own, generator in zip(twice, generators, strict=True)], dim=1)


def _seen(
    images: Float[Tensor, "views rows cols"], generator: torch.Generator, smallest: float | int
) -> Float[Tensor, "views rows cols"]:
    """Crops each image, enlarges it to what it was, and changes its brightness."""
    drawn = torch.rand((4, len(images)), generator=generator, device=generator.device).to(images)
    side = (smallest + (LARGEST - smallest) * drawn[0]).sqrt()  # of that of the canvas
    high, wide = ((side * n).round().clamp(1, n) for n in images.shape[1:])
    top, left = (
        (drawn[k] * (n - length + 1)).floor() for k, n, length in zip((1, 2), images.shape[1:], (high, wide), strict=True)
    )
    bright = DARKEST + (1 - DARKEST) * drawn[3]
    return cropped(images, top, left, high, wide) * bright[:, None, None]


def cropped(
    images: Float[Tensor, "views rows cols"],
    top: Float[Tensor, " views"],
    left: Float[Tensor, " views"],
    high: Float[Tensor, " views"],
    wide: Float[Tensor, " views"],
) -> Float[Tensor, "views rows cols"]:
    """Enlarges a piece of each image to the whole of it, bilinearly, with no look at the device's numbers.

    Args:
        images: Any values.
        top: First row of the piece, a whole number.
        left: First column.
        high: Rows of the piece, a whole number.
        wide: Columns.

    Example:
        >>> one = torch.ones(1)
        >>> cropped(torch.tensor([[[1.0, 2.0], [3.0, 4.0]]]), one, 0 * one, one, 2 * one)
        tensor([[[3., 4.],
                 [3., 4.]]])
    """
    rows, cols = images.shape[1:]
    return _taken(rows, top, high) @ images @ _taken(cols, left, wide).transpose(1, 2)


def _taken(size: int, start: Float[Tensor, " views"], length: Float[Tensor, " views"]) -> Float[Tensor, "views size size"]:
    """Gives how much of each pixel (last axis) goes into each pixel of the enlarged piece, along one side of the image."""
    pixels = torch.arange(size, device=start.device, dtype=start.dtype)
    inside = torch.minimum(((pixels + 0.5) * length[:, None] / size - 0.5).clamp_min(0), length[:, None] - 1)
    return (1 - (start[:, None, None] + inside[:, :, None] - pixels).abs()).clamp_min(0)


def losses(
    outputs: Float[Tensor, "views copies codes"],
    targets: Tensor,
    temperature: float | int,
    smallest: float | int,
    codes: int,
) -> tuple[Float[Tensor, " copies"], Float[Tensor, " copies"]]:
    """Gives each copy's normalised, temperature-scaled cross-entropy of finding a view's twin, and the share that is found.

    Example:
        >>> outputs = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.1], [0.1, 1.0]])[:, None]
        >>> losses(outputs, torch.zeros(2, 1), 0.1, 0.5, 2)[1]
        tensor([1.])
    """
    unit = F.normalize(outputs.transpose(0, 1), dim=2)  # copies views codes
    n = unit.shape[1]
    alike = (unit @ unit.transpose(1, 2) / temperature).masked_fill(torch.eye(n, device=unit.device).bool(), -torch.inf)
    twin = torch.arange(n, device=unit.device).roll(n // 2).expand(len(unit), -1)
    each = F.cross_entropy(alike.transpose(1, 2), twin, reduction="none")
    return each.mean(dim=1), (alike.detach().argmax(dim=2) == twin).to(unit.dtype).mean(dim=1)


def head(units: int, rows: int, cols: int, size: int, temperature: float | int, smallest: float | int, codes: int) -> nn.Module:
    """Gives the mean over places and two layers."""
    layers = (nn.Linear(units, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, codes))
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), *layers)


OBJECTIVE = Objective(
    "Two views of a canvas are to be alike (a pretext)",
    prepare,
    settings={"temperature": 0.5, "smallest": 0.5, "codes": 32},
    outputs=1,
    losses=losses,
    view=view,
    head=head,
)
