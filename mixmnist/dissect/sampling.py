"""Samples: codes of a generator, what it draws of them, the layer's maps, and what a judge says.

Orders, thresholds and values are fitted on the rank sample (seed 1) and measured on the test sample (seed 0).
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mixmnist.core.records import require
from mixmnist.dissect.reading import Judge, Said, classes_of, places_of
from mixmnist.dissect.subject import Subject, look, refuse_collapse

TEST, RANK = 0, 1  # seeds


@dataclass(frozen=True, eq=False)
class Sample:
    """What is known of some of a generator's samples."""

    subject: Subject
    codes: Float[Tensor, "n latent"]
    images: Float[Tensor, "n 1 rows cols"]
    maps: Float[Tensor, "n units high wide"]
    said: Said
    classes: Int[Tensor, "n rows cols"]  # of each pixel
    places: Int[Tensor, "n digits 2"]  # top left pixel of the box of each digit that is read once; -1 where none is

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def shown(self) -> Bool[Tensor, "n digits"]:
        """Which digits are read exactly once and have a place."""
        return self.said.shown & (self.places >= 0).all(dim=2)

    def some(self, samples: Tensor) -> "Sample":
        """Gives some of the samples, by their indices or a mask."""
        codes, images, maps = self.codes[samples], self.images[samples], self.maps[samples]
        return Sample(self.subject, codes, images, maps, self.said.some(samples), self.classes[samples], self.places[samples])


def take(subject: Subject, judge: Judge, n: int, seed: int) -> Sample:
    """Draws a sample and has it judged.

    Args:
        subject: The generator and its layer.
        judge: Who reads and segments.
        n: Number of samples; at least as many as the layer has units.
        seed: 0 for what is measured, 1 for what orders and values are fitted on.

    Raises:
        ValueError: If there are fewer samples than units, or all are alike.

    Example:
        A painter of stamps and its judge are in `mixmnist.dissect.planted`: `take(subject, judge, n=100, seed=0).said.valid`.
    """
    least = f"n must be at least the layer's number of units, got n={n} samples for {subject.n_units} units"
    require(n >= max(2, subject.n_units), f"{least}. Draw more samples.")
    codes = subject.codes(n, seed)
    images, maps = look(subject, codes)
    refuse_collapse(images)
    said, classes = judge.read(images), classes_of(judge, images)
    places = places_of(classes, said.counts, subject.canvas.glyph)
    return Sample(subject, codes, images, maps, said, classes, places)


def where_of(places: Int[Tensor, "n 2"], size: int, glyph: int) -> Bool[Tensor, "n size size"]:
    """Marks the pixels of one box on each canvas; none where there is no place (-1).

    Example:
        >>> where_of(torch.tensor([[0, 1]]), size=3, glyph=2).long()
        tensor([[[0, 1, 1],
                 [0, 1, 1],
                 [0, 0, 0]]])
    """
    line = torch.arange(size, device=places.device)
    inside = (line >= places[..., None]) & (line < places[..., None] + glyph) & (places[..., None] >= 0)  # n 2 size
    return inside[:, 0, :, None] & inside[:, 1, None, :]
