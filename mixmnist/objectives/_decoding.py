"""Pixels out of maps: the decoder that autoencoder and inpainting share, and how its errors are counted."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

INNER = 16  # units of the decoder's inner layers


def decoder(units: int, size: int) -> nn.Module:
    """Makes maps of any size into canvases: three convolutions, the maps enlarged to half and to the whole canvas in between.

    Args:
        units: Of the maps.
        size: Rows and columns of the canvas, pixels.

    Returns:
        A module from [n, units, rows, cols] to [n, size, size]; any values, as under a sigmoid squared errors learn no more once
        all pixels are dark.

    Example:
        >>> decoder(units=5, size=32)(torch.zeros(2, 5, 6, 6)).shape
        torch.Size([2, 32, 32])
    """
    return nn.Sequential(
        nn.Conv2d(units, INNER, 3, padding=1),
        nn.ReLU(),
        nn.Upsample(size=(max(1, size // 2),) * 2, mode="bilinear"),
        nn.Conv2d(INNER, INNER, 3, padding=1),
        nn.ReLU(),
        nn.Upsample(size=(size, size), mode="bilinear"),
        nn.Conv2d(INNER, 1, 3, padding=1),
        nn.Flatten(1, 2),
    )


def squared_errors(
    found: Float[Tensor, "batch copies rows cols"],
    wanted: Float[Tensor, "batch copies rows cols"],
    where: Float[Tensor, "batch copies rows cols"] | None = None,
) -> tuple[Float[Tensor, " copies"], Float[Tensor, " copies"]]:
    """Gives each copy's mean squared error, and the share of the pixels' variance that is explained, 0 to 1.

    Args:
        found: Any values.
        wanted: Pixels in [0, 1].
        where: 1 at pixels that count, 0 elsewhere; None: all count.

    Example:
        >>> wanted = torch.tensor([0.0, 1.0, 0.0, 1.0]).view(1, 1, 2, 2)
        >>> squared_errors(wanted * 0 + 0.5, wanted), squared_errors(wanted, wanted)
        ((tensor([0.2500]), tensor([0.])), (tensor([0.]), tensor([1.])))
    """
    weight = torch.ones_like(wanted) if where is None else where
    total = weight.sum(dim=(0, 2, 3)).clamp_min(1)
    mean = (weight * wanted).sum(dim=(0, 2, 3)) / total
    spread = (weight * (wanted - mean[:, None, None]) ** 2).sum(dim=(0, 2, 3)) / total
    error = (weight * (found - wanted) ** 2).sum(dim=(0, 2, 3)) / total
    return error, (1 - error.detach() / spread.clamp_min(1e-12)).clamp(0, 1)
