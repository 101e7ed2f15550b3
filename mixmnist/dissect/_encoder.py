"""Encoders: a small network that guesses the code of a canvas, trained on what the generator itself draws.

Source:
    D. Bau et al. (2019), "Seeing What a GAN Cannot Generate", ICCV; J. Zhu et al. (2020), "In-Domain GAN Inversion for Real Image
    Editing", arXiv:2004.00049. Differs: one network of 200,000 weights for the whole code, each number of which is brought to
    mean 0 and standard deviation 1; where two glyphs' numbers can be exchanged, codes are written in one order first; and the
    gradients are reset in every step, which loops of the released code forget.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from tqdm import tqdm

from mixmnist.core.records import require
from mixmnist.core.seeding import derive
from mixmnist.dissect._parts import in_order, swap_of
from mixmnist.dissect.subject import LOOKED_AT, Subject, images_of

ALIKE = 1e-6  # standard deviation of a number of a code, below which it counts as always the same
KERNEL, APART = 5, 2  # of its convolutions
HIDDEN = 128  # numbers between the maps and the code


@dataclass(frozen=True)
class Teaching:
    """How an encoder is trained."""

    codes: int = 8_000
    """Codes that are drawn, with the images that the generator makes of them."""
    steps: int = 1_000
    """Steps of gradient descent."""
    batch: int = 64
    """Images a step."""
    rate: float = 3e-3
    """Highest learning rate."""
    widths: tuple[int, int, int] = (16, 32, 64)
    """Units of its three convolutions."""

    def __post_init__(self) -> None:
        for name in ("codes", "steps", "batch"):
            value = getattr(self, name)
            require(value >= 1, f"{name} must be 1 or more, got {name}={value}.")


class Encoder(nn.Module):
    """Guesses codes of images; its maps are features that images are compared by."""

    mean: Tensor
    spread: Tensor
    scale: Tensor

    def __init__(self, codes: Float[Tensor, "n latent"], size: int, widths: tuple[int, int, int]) -> None:
        """Builds the network.

        Args:
            codes: Whose mean and spread its guesses have, to begin with.
            size: Rows and columns of the images.
            widths: Units of its three convolutions.
        """
        super().__init__()
        mean, spread = moments(codes)
        self.register_buffer("mean", mean)
        self.register_buffer("spread", spread)
        self.register_buffer("scale", torch.ones(len(widths)))  # mean square of each convolution's maps
        self.convs = nn.ModuleList(
            nn.Conv2d(one, other, KERNEL, APART, KERNEL // 2) for one, other in zip((1, *widths), widths, strict=False)
        )
        side = size
        for _ in widths:
            side = -(-side // APART)
        self.hidden = nn.Linear(widths[-1] * side**2, HIDDEN)
        self.out = nn.Linear(HIDDEN, len(mean))

    def features(self, images: Float[Tensor, "n 1 rows cols"]) -> list[Tensor]:
        """Gives the maps of its convolutions, each with a mean square of about 1 on what the generator draws."""
        return [maps / self.scale[number].sqrt() for number, maps in enumerate(self._maps(images))]

    def forward(self, images: Float[Tensor, "n 1 rows cols"]) -> Float[Tensor, "n latent"]:
        """Guesses the codes of images."""
        return self.mean + self.spread * self.standing(images)

    def standing(self, images: Float[Tensor, "n 1 rows cols"]) -> Float[Tensor, "n latent"]:
        """Guesses the codes of images, in standard deviations from the mean code."""
        standing: Tensor = self.out(F.relu(self.hidden(self._maps(images)[-1].flatten(1))))
        return standing

    def _maps(self, images: Tensor) -> list[Tensor]:
        found = [images]
        for conv in self.convs:
            found.append(F.leaky_relu(conv(found[-1]), 0.1))
        return found[1:]


def moments(codes: Float[Tensor, "n latent"]) -> tuple[Float[Tensor, " latent"], Float[Tensor, " latent"]]:
    """Gives the mean and the standard deviation of each number of a code; 1 for one that is always the same.

    Example:
        >>> mean, spread = moments(torch.tensor([[1.0, 5.0], [3.0, 5.0]]))
        >>> mean.tolist(), spread.tolist()
        ([2.0, 5.0], [1.0, 1.0])
    """
    spread = codes.std(dim=0, correction=0)
    return codes.mean(dim=0), torch.where(spread < ALIKE, 1.0, spread)


def fit_encoder(subject: Subject, how: Teaching = Teaching(), seed: int = 0) -> Encoder:
    """Trains an encoder of a generator on codes that it draws itself, with its own images of them.

    Args:
        subject: The generator.
        how: How long, on how many.
        seed: Of the codes, the weights and the order.

    Returns:
        The encoder in eval mode, whose weights take no gradients; they may flow through it.
    """
    own = derive(seed, "encoder")
    codes = subject.codes(how.codes, own).float()
    images = images_of(subject, codes).float()
    swap = swap_of(codes[:LOOKED_AT], lambda some: images_of(subject, some))
    codes = in_order(codes, swap).to(images.device)
    encoder = _initial(codes, subject.canvas.size, how, own).to(images.device)
    optimiser = torch.optim.Adam(encoder.parameters(), lr=how.rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, how.rate, total_steps=how.steps + 1, pct_start=0.1)
    order = torch.Generator().manual_seed(derive(own, "order"))
    for _ in tqdm(range(how.steps), "encoder", delay=2, leave=False, disable=None):
        some = torch.randint(len(codes), (how.batch,), generator=order)
        teach(encoder, optimiser, images[some], codes[some])
        schedule.step()
    with torch.no_grad():
        encoder.scale = torch.stack([maps.square().mean() for maps in encoder.features(images[: how.batch * 4])])
    return encoder.requires_grad_(False).eval()


def teach(
    encoder: Encoder,
    optimiser: torch.optim.Optimizer,
    images: Float[Tensor, "n 1 rows cols"],
    codes: Float[Tensor, "n latent"],
) -> float:
    """Takes one step, on the gradients of these images alone; gives the loss before it, 1 for the mean code."""
    optimiser.zero_grad(set_to_none=True)
    loss = F.mse_loss(encoder.standing(images), (codes - encoder.mean) / encoder.spread)
    loss.backward()
    optimiser.step()
    return float(loss.detach())


def _initial(codes: Tensor, size: int, how: Teaching, seed: int) -> Encoder:
    """Builds an encoder whose weights a seed decides."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(seed, "weights"))
        return Encoder(codes, size, how.widths)
