"""Autoencoder: a pretext; a decoder draws the canvas again from the last maps.

What history calls accuracy is the share of the pixels' variance that is explained, 0 to 1. After it a linear head for the task
is fitted on the frozen units.

Source:
    G. E. Hinton and R. R. Salakhutdinov (2006), "Reducing the dimensionality of data with neural networks", Science 313.
    Differs: the code is the maps of the layer that is scored, places included; the decoder is a small convolutional one.
"""

from collections.abc import Sequence

from jaxtyping import Float, UInt8
from torch import Tensor, nn

from mixmnist.core.records import Objective
from mixmnist.objectives._decoding import decoder, squared_errors


def prepare(
    images: UInt8[Tensor, "copies images rows cols"], labels: Tensor, seeds: Sequence[int]
) -> tuple[UInt8[Tensor, "copies images rows cols"], UInt8[Tensor, "copies images rows cols"]]:
    """Gives the canvases, twice."""
    return images, images


def losses(
    outputs: Float[Tensor, "batch copies rows cols"], targets: UInt8[Tensor, "batch copies rows cols"]
) -> tuple[Float[Tensor, " copies"], Float[Tensor, " copies"]]:
    """Gives each copy's mean squared error over all pixels, and the share of their variance that is explained."""
    return squared_errors(outputs, targets.to(outputs.dtype) / 255)


def head(units: int, rows: int, cols: int, size: int) -> nn.Module:
    """Gives the decoder."""
    return decoder(units, size)


OBJECTIVE = Objective("The canvas drawn again from the last maps (a pretext)", prepare, outputs=1, losses=losses, head=head)
