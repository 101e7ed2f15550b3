"""A generator's layer as a readout: what a judge reads is what an image shows, what it segments are the masks.

So unit tables, IoU, alignment, plots and the page work on generators as they do on classifiers. There are no logits.

Source:
    D. Bau et al. (2019), "GAN Dissection", arXiv:1811.10597: units' maps against a segmenter's masks, upsampled bilinearly.
    Differs: thresholds are fitted on other samples than those that are scored; pixels tied at a threshold count by expectation.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mixmnist.core.readout import Readout
from mixmnist.core.records import require
from mixmnist.dissect.reading import DIGITS
from mixmnist.dissect.sampling import Sample, where_of
from mixmnist.metrics import iou as intersection
from mixmnist.metrics._pixels import KINDS, count_steps, fit
from mixmnist.probing.fields import spread

CONCEPTS = tuple(map(str, range(DIGITS)))
SLOTS = 2  # of a canvas
AT_ONCE = 2**22  # values of scaled maps held at once


@dataclass(frozen=True, eq=False)
class SampledMaps:
    """The maps of a sample, scaled up to the canvas, beside the masks of its digits."""

    sample: Sample
    maps: Float[Tensor, "n units high wide"]
    n_concepts: int = DIGITS

    @property
    def n_images(self) -> int:
        """All of the sample have maps."""
        return len(self.sample)

    def __iter__(self) -> Iterator[tuple[Int[Tensor, " some"], Float[Tensor, "some units rows cols"]]]:
        """Gives indices of samples and their maps, one value a pixel."""
        size = self.sample.subject.canvas.size
        batch = max(1, AT_ONCE // (self.maps.shape[1] * size**2))
        for indices in torch.arange(len(self.maps)).split(batch):
            yield indices, scaled(self.maps[indices], size)

    def mask(self, kind: str, concept: int, indices: Int[Tensor, " some"]) -> Bool[Tensor, "some rows cols"]:
        """Gives a digit's mask: `ink` as it is segmented, or the `box` of one that is read once."""
        if kind == "ink":
            return self.sample.classes[indices] == concept
        canvas = self.sample.subject.canvas
        return where_of(self.sample.places[indices, concept], canvas.size, canvas.glyph)


def scaled(maps: Float[Tensor, "n units high wide"], size: int) -> Float[Tensor, "n units size size"]:
    """Scales maps up to the canvas: linear between the middles of cells, which lie evenly over it.

    Example:
        >>> scaled(torch.tensor([[[[0.0, 4.0]]]]), size=4)[0, 0, 0]
        tensor([0., 1., 3., 4.])
    """
    high, wide = maps.shape[2:]
    if (high, wide) == (size, size):
        return maps
    rows, cols = (spread(cells, size, size / cells, size / cells / 2 - 0.5).to(maps) for cells in (high, wide))
    return rows @ maps @ cols.T


def readout(sample: Sample, maps: Float[Tensor, "n units high wide"] | None = None) -> Readout:
    """Makes a readout of a sample.

    Args:
        sample: As it is judged.
        maps: Others in place of the layer's own, as directions of it.

    Returns:
        The digits are concepts and classes alike: an image is labelled with all that is read on it.

    Example:
        `mixmnist.scoring.score(readout(test), rank=readout(rank)).units` is the table of a generator's units.
    """
    maps = sample.maps if maps is None else maps
    present = sample.said.counts >= 1
    return Readout(
        layer=sample.subject.layer,
        concepts=CONCEPTS,
        classes=CONCEPTS,
        response=maps.amax(dim=(2, 3)),
        mean=maps.mean(dim=(2, 3)),
        present=present,
        labels=present.long(),
        glyphs=torch.full((len(sample), SLOTS), -1, device=maps.device),
        pixels=SampledMaps(sample, maps),
    )


def ious(
    fitted: Sample,
    measured: Sample | None = None,
    threshold: str = "matched",
    kind: str = "ink",
) -> Float[Tensor, "units digits"]:
    """Gives the IoU of each unit's map with each digit's mask.

    Args:
        fitted: The sample on which thresholds are fitted: the rank sample.
        measured: The sample on which units are scored; by default the same.
        threshold: One of matched, quantile, information, as in `mixmnist.metrics.iou`.
        kind: One of ink, box.

    Returns:
        In [0, 1]; `nan` for a unit whose map has one value everywhere, and for a digit without pixels.

    Raises:
        ValueError: On an unknown threshold or kind of mask.

    Example:
        `ious(rank, test)[7, 3]` is how well unit 7 marks the pixels of threes.
    """
    return ious_of(readout(fitted), readout(measured or fitted), threshold, kind)


def ious_of(fitted: Readout, measured: Readout, threshold: str = "matched", kind: str = "ink") -> Float[Tensor, "units digits"]:
    """Gives the same of two readouts. A unit is dead here if its map has one value on all samples and cells."""
    known = intersection.THRESHOLDS
    require(threshold in known, f"threshold must be one of {', '.join(known)}, got threshold={threshold!r}.")
    require(kind in KINDS, f"kind must be one of {', '.join(KINDS)}, got kind={kind!r}.")
    assert isinstance(fitted.pixels, SampledMaps)
    assert isinstance(measured.pixels, SampledMaps)
    cuts = fit(fitted.pixels)
    counted = count_steps(measured.pixels, cuts.step, cuts.n_steps)
    column = intersection.METRIC.columns[f"iou_{kind}_{threshold}"]
    maps = measured.pixels.maps
    found: Tensor = column(counted, cuts, maps.amax(dim=(0, 2, 3)) == maps.amin(dim=(0, 2, 3)))
    return found
