"""Factors: a generator of known factors; its code says which digits, where, and how each is written, so codes have a truth.

It is trained by regression: of the code of a canvas it draws that canvas. A code holds for each of two slots ten marks of the
digit, then style, then row and column from -1 to 1. Style are the first principal components of the glyphs of the digit, each
scaled to a standard deviation of 1.
"""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from mixmnist.core.dissecting import Generator
from mixmnist.core.entries import Number
from mixmnist.core.records import Canvas
from mixmnist.core.seeding import Stream, derive
from mixmnist.data.canvas import draw_layout
from mixmnist.data.mixture import Mixture
from mixmnist.data.tasks import pairs
from mixmnist.dissect.fitting import Lesson, adam, alive, course_of, fit, initialised, pixels
from mixmnist.dissect.generators._adversarial import DIGITS, move, two_digits
from mixmnist.dissect.generators._drawing_net import LAYERS, SIZES, SLOTS, Drawing, shape_of
from mixmnist.training import Outcome

FLAT = 1e-6  # standard deviation below which a component is none
SETTINGS: Mapping[str, Number] = MappingProxyType(
    {
        **{name: size for name, size in SIZES.items() if name in ("style", "first", "second", "kernel")},
        "steps": 2000,  # at most; never more passes over the canvases than the variant's epochs
        "batch": 32,  # canvases a step
        "rate": 3e-3,  # learning rate
    }
)


class Told(torch.nn.Module):
    """Reads a plan out of a code: nothing is learned.

    Args:
        canvas: Where glyphs may lie.
        style: Numbers of style of each glyph.
    """

    def __init__(self, canvas: Canvas, style: int) -> None:
        super().__init__()
        self.canvas, self.style, self.traits = canvas, style, DIGITS + style
        self.latent = SLOTS * (self.traits + 2)
        self.middle = max(1, canvas.size - canvas.glyph - 1) / 2  # pixels from the first place to the one in the middle

    def forward(self, codes: Float[Tensor, "n latent"]) -> tuple[Float[Tensor, "n slots 2"], Float[Tensor, "n slots traits"]]:
        """Gives the row and the column of the middle of each slot's glyph, and its traits: marks of digits, then style."""
        slots = codes.unflatten(1, (SLOTS, self.traits + 2))
        return (slots[..., self.traits :] + 1) * self.middle + 1 + self.canvas.glyph // 2, slots[..., : self.traits]

    def code(
        self, shown: Int[Tensor, "n slots"], style: Float[Tensor, "n slots style"], positions: Int[Tensor, "n slots 2"]
    ) -> Float[Tensor, "n latent"]:
        """Writes the code of known factors; positions are those of top left pixels."""
        return torch.cat([F.one_hot(shown, DIGITS).to(style), style, (positions - 1) / self.middle - 1], dim=2).flatten(1)

    def codes(self, n: int, seed: int) -> Float[Tensor, "n latent"]:
        """Draws codes of two different digits in a legal layout, their style normal."""
        _, shown = pairs.draw(n, Stream(seed, "codes", "pairs"))
        positions = draw_layout(np.ones((n, SLOTS), dtype=bool), self.canvas, Stream(seed, "codes", "layout"))
        generator = torch.Generator().manual_seed(derive(seed, "codes", "style"))
        style = torch.randn(n, SLOTS, self.style, generator=generator)
        return self.code(torch.from_numpy(shown), style, torch.from_numpy(positions))


class Known(Drawing):
    """A generator of known factors."""

    def code_of(self, canvases: Mixture) -> Float[Tensor, "n latent"]:
        """Gives the true code of canvases; style is measured among the glyphs of their source."""
        style = styles(canvases.tiles, canvases.glyphs, canvases.shown, self.plan.style)
        found: Float[Tensor, "n latent"] = self.plan.code(canvases.shown, style, canvases.positions)
        return found

    def codes(self, n: int, seed: int) -> Float[Tensor, "n latent"]:
        """Draws codes as the generator was trained on."""
        found: Float[Tensor, "n latent"] = self.plan.codes(n, seed).to(self.pixels.weight)
        return found


def styles(
    tiles: UInt8[Tensor, "glyphs side side"], glyphs: Int[Tensor, "n slots"], shown: Int[Tensor, "n slots"], n: int
) -> Float[Tensor, "n slots style"]:
    """Measures the style of glyphs: the first principal components among those of the digit, to a standard deviation of 1.

    Args:
        tiles: Glyphs of the source.
        glyphs: Which of them lies in each slot.
        shown: Its digit.
        n: Components; those that the glyphs do not have are 0.
    """
    style = torch.zeros(*glyphs.shape, n, device=tiles.device)
    for digit in range(DIGITS if n else 0):
        here = shown == digit
        own = tiles[glyphs[here]].flatten(1).double() / 255  # of this digit, as often as they are shown
        if len(own) < 2:
            continue
        apart = own - own.mean(dim=0)
        values, vectors = torch.linalg.eigh(apart.T @ apart / len(own))
        vectors = vectors[:, -n:].flip(1)  # the largest first
        vectors = vectors * vectors.sum(dim=0).sign()  # more ink is more, whatever the machine
        sizes = values[-n:].flip(0).clamp_min(0).sqrt()
        found = apart @ vectors / sizes.clamp_min(FLAT) * (sizes > FLAT)
        style[here] = F.pad(found, (0, n - found.shape[1])).to(style)
    return style


def build(canvas: Canvas, seed: int, **settings: Number) -> Known:
    """Makes one, untrained."""
    shape = shape_of(settings)
    with initialised(seed):
        return Known(canvas, shape, Told(canvas, shape.style)).eval()


def train(lesson: Lesson, **settings: Number) -> list[tuple[Known, Outcome]]:
    """Trains one a seed; the share in its history is that of pixels on the right side of one half."""
    v, found = lesson.variant, []
    course = course_of(v, settings)
    for seed in lesson.seeds:
        drawn = lesson.draw("train", v.training.images, seed)
        two_digits(drawn.shown)
        net = build(v.canvas, seed, **settings).to(lesson.device)
        codes, optimiser = net.code_of(drawn), adam(net, float(settings["rate"]), first=0.9)

        def step(
            rows: Int[Tensor, " batch"],
            generator: torch.Generator,
            net: Known = net,
            optimiser: torch.optim.Optimizer = optimiser,
            codes: Tensor = codes,
            images: Tensor = drawn.images,
        ) -> tuple[Tensor, Tensor]:
            del generator
            real, logits = pixels(images, rows), net.logits(*net.plan(codes[rows.to(codes.device)]))
            loss = F.binary_cross_entropy_with_logits(logits, real, reduction="none").sum(dim=(1, 2, 3)).mean()
            move(optimiser, loss)
            return loss, ((logits > 0) == (real > 0.5)).float().mean()

        found.append(alive(fit(net, step, (optimiser,), course, seed, lesson.watch)))
    return found


GENERATOR = Generator("Known digits at known places, by regression", build, LAYERS, "layer1", train=train, settings=SETTINGS)
