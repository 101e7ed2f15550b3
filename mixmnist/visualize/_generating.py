"""Training a generator: an image is drawn of the code of a canvas, and must look like it, mean the same, and pass for real.

Formula: loss = image * cross-entropy of pixels + feature * squared error of the code / its variance
+ adversarial * -log D(drawn), while a net D learns to tell drawn from real. Each of the three is a setting; 0 leaves it out.

Source:
    A. Dosovitskiy & T. Brox (2016), arXiv:1602.02644; A. Nguyen et al. (2016), arXiv:1605.09304.
    Differs: cross-entropy of pixels, since squares and torch's own initialisation collapse to black; losses are means, so weights
    are near 1.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from tqdm import tqdm

from mixmnist.core.records import require
from mixmnist.core.repeating import repeatable
from mixmnist.core.seeding import derive
from mixmnist.data.mixture import Mixture
from mixmnist.probing.running import BATCH, plainly
from mixmnist.visualize._generator import Drawing, Encoder, Generator, Pixels, frozen, initialise
from mixmnist.visualize.mapping import as_pixels

CHECKED = 1_000  # canvases, the last ones, that are kept from training and tested on


@dataclass(frozen=True)
class Inverting:
    """How a generator is trained."""

    epochs: int = 6
    """Passes over the canvases."""
    batch: int = 64
    """Canvases of a step."""
    rate: float = 2e-3
    """Learning rate of Adam, falling to 0 by a half cosine."""
    image: float = 1.0
    """Weight of the image loss."""
    feature: float = 1.0
    """Weight of the feature loss."""
    adversarial: float = 0.02
    """Weight of the adversarial loss."""
    pixels: str = "cross_entropy"
    """The image loss: cross_entropy, or squares."""
    initialisation: str = "he"
    """Of the weights: he, or default (torch's own)."""
    widths: tuple[int, ...] = field(default=(64, 32, 16))
    """Units of its convolutions, from small maps to large ones."""

    def __post_init__(self) -> None:
        for name in ("image", "feature", "adversarial"):
            weight = getattr(self, name)
            require(weight >= 0, f"{name} must be a weight of 0 or more, got {name}={weight}.")
        require(self.image + self.feature > 0, "image or feature must have a weight, got 0 of both. Nothing would be learnt.")
        require(self.pixels in ("cross_entropy", "squares"), f"pixels must be cross_entropy or squares, got {self.pixels!r}.")


def train_generator(encoder: Encoder, canvases: Mixture, seed: int = 0, how: Inverting = Inverting()) -> Generator:
    """Trains a generator that draws canvases of their codes, and measures it on canvases that it has not seen.

    Args:
        encoder: A layer of a net; it is not changed.
        canvases: More than 1,000; on the processor.
        seed: Of weights and order.
        how: Losses, steps, initialisation.

    Returns:
        A generator, whatever its report says; `check` refuses one that has collapsed.

    Raises:
        ValueError: If there are too few canvases.
    """
    pixels = as_pixels(canvases.images)
    n = len(pixels) - CHECKED
    require(n >= how.batch, f"canvases must be {CHECKED + how.batch:,} or more, got {len(pixels):,}. Draw more.")
    device = next(encoder.net.parameters()).device
    with repeatable(device), plainly(encoder.net, device):
        codes = _codes(encoder, pixels[:n])
        mean, sd = codes.mean(dim=0), codes.std(dim=0)
        random = torch.Generator().manual_seed(derive(seed, "generator"))
        drawing = Drawing(codes.shape[1:], pixels.shape[1:], how.widths)
        initialise(drawing, how.initialisation, random)
        about: dict[str, object] = {"seed": seed, "shape": list(pixels.shape[1:]), "canvases": n, **asdict(how)}
        generator = Generator(drawing.to(device), encoder, mean, sd, {}, about | {"widths": list(how.widths)})
        _learn(generator, pixels[:n], codes, how, random)
        frozen(drawing)
        report = _measure(generator, pixels[n:])
    return Generator(drawing, encoder, mean, sd, report, generator.about)


def _learn(generator: Generator, pixels: Pixels, codes: Tensor, how: Inverting, random: torch.Generator) -> None:
    """Trains the weights of a generator in place."""
    critic = _critic(pixels.shape[1]).to(codes.device)
    initialise(critic, "he", random)
    steps = how.epochs * (len(pixels) // how.batch)
    own, other = (torch.optim.Adam(net.parameters(), how.rate, betas=(0.5, 0.999)) for net in (generator.drawing, critic))
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(own, steps)
    spread = generator.sd.square().mean()
    for rows in tqdm(_orders(len(pixels), how, random), "generator", steps, delay=2, leave=False, disable=None):
        real, code = pixels[rows].to(codes.device), codes[rows]
        logits = generator.logits(code)
        drawn = torch.sigmoid(logits)
        loss = drawn.new_zeros(())
        if how.image:
            one = F.binary_cross_entropy_with_logits(logits, real) if how.pixels == "cross_entropy" else F.mse_loss(drawn, real)
            loss = loss + how.image * one
        if how.feature:
            loss = loss + how.feature * F.mse_loss(generator.encoder(drawn), code) / spread
        if how.adversarial:
            loss = loss + how.adversarial * F.softplus(-critic(drawn)).mean()
        _step(own, loss)
        falling.step()
        if how.adversarial:
            against = F.softplus(critic(drawn.detach())).mean() + F.softplus(-critic(real)).mean()
            _step(other, against)


def _step(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    """Takes a step of an optimiser's own weights; the encoder's, which lie on the way, get no gradients."""
    weights = [weight for group in optimiser.param_groups for weight in group["params"]]
    for weight, grad in zip(weights, torch.autograd.grad(loss, weights), strict=True):
        weight.grad = grad
    optimiser.step()


def _orders(n: int, how: Inverting, random: torch.Generator) -> Iterator[Tensor]:
    """Gives the canvases of each step; the last partial batch of an epoch is dropped."""
    for _ in range(how.epochs):
        order = torch.randperm(n, generator=random)
        yield from order[: n // how.batch * how.batch].split(how.batch)


def _critic(channels: int) -> nn.Sequential:
    """Makes a net that tells drawn images from real ones."""
    layers: list[nn.Module] = []
    for a, b in pairwise((channels, 16, 32, 32)):
        layers += [nn.Conv2d(a, b, 4, 2, 1), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(32 * 16, 1))


def _codes(encoder: Encoder, pixels: Pixels) -> Float[Tensor, "n units high wide"]:
    """Gives the codes of images, on the net's device."""
    device = next(encoder.net.parameters()).device
    with torch.no_grad():
        return torch.cat([encoder(part.to(device)) for part in pixels.split(BATCH)])


def _measure(generator: Generator, pixels: Pixels) -> dict[str, float]:
    """Says how well canvases are drawn again."""
    with torch.no_grad():
        codes = _codes(generator.encoder, pixels)
        drawn = torch.cat([generator(part) for part in codes.split(BATCH)])
        again = _codes(generator.encoder, drawn)
        real = pixels.to(drawn.device)
        off, usual = (again - codes).square().sum(), (codes - generator.mean).square().sum()
        return {
            "error": float((off / usual).sqrt()),
            "ink": float(drawn.mean() / real.mean()),
            "pixels": float((drawn - real).square().mean().sqrt()),
        }
