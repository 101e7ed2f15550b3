"""What the units of a generator's layer are: maps against masks, beside nulls, and what each unit draws when it alone goes.

Nulls: the masks of another sample; rotated units, directions that lie anywhere in the layer, whose removal is as exact as a
unit's; and the pixel null, the pixels of real canvases dealt to as many cells, which know nothing of digits.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray
from scipy.stats import rankdata
from torch import Tensor, nn

from mixmnist.core.seeding import derive
from mixmnist.dissect.direction import directions
from mixmnist.dissect.effects import read_without, removal
from mixmnist.dissect.reading import DIGITS, Judge, classes_of, places_of
from mixmnist.dissect.readout import ious_of, readout, scaled
from mixmnist.dissect.sampling import Sample
from mixmnist.dissect.subject import Subject
from mixmnist.metrics.average_precision import average_precision
from mixmnist.trust._generators_nets import ends, weights

PERMUTATIONS = 1000
STEP = 4  # pixels of the side of a cell of the pixel null, at least, as of the planted one
FEWEST = 3  # units that have an order
KINDS = ("ink", "box")  # of masks


@dataclass(frozen=True, eq=False)
class Looked:
    """A layer on the sample on which everything is fitted and on the one on which it is measured."""

    rank: Sample
    test: Sample
    judge: Judge

    @property
    def n_units(self) -> int:
        """Number of units."""
        return self.test.maps.shape[1]


@dataclass(frozen=True, eq=False)
class Maps:
    """How well units mark digits, on both samples."""

    rank: Float[Tensor, "units digits"]
    test: Float[Tensor, "units digits"]

    @property
    def best(self) -> Tensor:
        """The unit of each digit, chosen on the rank sample; its score is read on the test sample."""
        return self.rank.nan_to_num(-1).argmax(dim=0)

    def of_best(self) -> Float[Tensor, " digits"]:
        """Gives the score of each digit's unit."""
        return self.test.gather(0, self.best[None])[0]

    def mean(self) -> float:
        """Gives the mean over digits."""
        return float(self.of_best().nanmean())

    def interval(self, looked: "Looked") -> tuple[float, float]:
        """Gives the 95 % bootstrap interval of the mean IoU over samples, the units and their thresholds as they are."""
        both, either = _overlaps(looked, self.best)
        drawn = weights(len(both), 0, "iou")
        resampled = ((drawn @ both) / (drawn @ either)).nanmean(dim=1)
        low, high = ends(resampled - (both.sum(dim=0) / either.sum(dim=0)).nanmean())
        return self.mean() + float(low), self.mean() + float(high)


def ious(looked: Looked, kind: str = "ink") -> Maps:
    """Gives the IoU of every unit with every digit, thresholds fitted on the rank sample."""
    rank = readout(looked.rank)
    return Maps(ious_of(rank, rank, kind=kind), ious_of(rank, readout(looked.test), kind=kind))


def cuts(looked: Looked, units: Sequence[int]) -> Float[Tensor, "some digits"]:
    """Gives the value that as many pixels of a unit's map reach on the rank sample as each digit's mask has."""
    rank = looked.rank
    maps = scaled(rank.maps[:, list(units)], rank.subject.canvas.size).movedim(1, 0).flatten(1)  # some pixels
    areas = torch.stack([(rank.classes == digit).sum() for digit in range(DIGITS)]).clamp(1, maps.shape[1])
    return maps.sort(dim=1, descending=True)[0][:, areas - 1]


def _overlaps(looked: Looked, best: Int[Tensor, " digits"]) -> tuple[Tensor, Tensor]:
    """Gives the pixels that each digit's unit and mask share, and those of either, of each test sample [n, digits]."""
    test, levels = looked.test, cuts(looked, best.tolist()).diagonal()
    maps = scaled(test.maps[:, best], test.subject.canvas.size)  # n digits rows cols
    fires = (maps >= levels[:, None, None]) & (maps > maps.amin())
    masks = test.classes[:, None] == torch.arange(DIGITS)[:, None, None]
    return tuple(part.sum(dim=(2, 3)).float() for part in (fires & masks, fires | masks))  # type: ignore[return-value]


def alignments(looked: Looked) -> Maps:
    """Gives how well every unit's peak tells that every digit is read (average precision)."""
    return Maps(_alignment(looked.rank), _alignment(looked.test))


def _alignment(sample: Sample) -> Float[Tensor, "units digits"]:
    """Gives the average precision of peaks; `nan` for a digit that is read on no sample or on all, and for a constant unit."""
    present = sample.said.counts >= 1
    told = present.any(dim=0) & ~present.all(dim=0)
    scores = torch.full((sample.maps.shape[1], DIGITS), torch.nan)
    if told.any():
        scores[:, told] = average_precision(sample.maps.amax(dim=(2, 3)), present[:, told])
    return scores


def linear(looked: Looked, kind: str = "ink") -> Float[Tensor, " digits"]:
    """Gives the IoU of the layer's best direction for each digit: what the layer knows."""
    weights = directions(looked.rank)
    rank, test = (readout(one, torch.einsum("nuhw,ud->ndhw", one.maps, weights)) for one in (looked.rank, looked.test))
    return ious_of(rank, test, kind=kind).diagonal()


def of_others(looked: Looked) -> Looked:
    """Gives each sample the masks of another: what maps have of where ink lies anyway."""
    return replace(looked, rank=_shifted(looked.rank), test=_shifted(looked.test))


def _shifted(sample: Sample) -> Sample:
    said = sample.said.some(torch.arange(len(sample)).roll(1))
    return replace(sample, said=said, classes=sample.classes.roll(1, 0), places=sample.places.roll(1, 0))


def of_pixels(looked: Looked, rank: Tensor, test: Tensor) -> Looked:
    """Gives the pixel null: real canvases, their pixels dealt to units of the layer's cells, or to 16 where those are finer.

    Args:
        looked: Whose cells and judge they are.
        rank: Real canvases for the rank sample [n, 1, rows, cols].
        test: Others for the test sample.
    """
    subject = looked.test.subject
    step = max(STEP, subject.canvas.size // subject.cells[0])
    found = []
    for images in (rank, test):
        said, classes = looked.judge.read(images), classes_of(looked.judge, images)
        places = places_of(classes, said.counts, subject.canvas.glyph)
        found.append(Sample(subject, torch.zeros(len(images), 1), images, F.pixel_unshuffle(images, step), said, classes, places))
    return Looked(found[0], found[1], looked.judge)


class Turn(nn.Module):
    """Mixes the units of a layer."""

    mixing: Tensor

    def __init__(self, mixing: Float[Tensor, "to units"]) -> None:
        super().__init__()
        self.register_buffer("mixing", mixing)

    def forward(self, maps: Float[Tensor, "n units high wide"]) -> Float[Tensor, "n to high wide"]:
        """Mixes them, cell by cell."""
        return torch.einsum("nuhw,vu->nvhw", maps, self.mixing)


def rotated(looked: Looked, seed: int = 0) -> Looked:
    """Gives the same generator with its layer turned at random and turned back: it draws the same, its units are directions."""
    subject, n = looked.test.subject, looked.n_units
    g = torch.Generator().manual_seed(derive(seed, "rotated units"))
    turn = torch.linalg.qr(torch.randn(n, n, generator=g, dtype=torch.float64))[0].float()
    net = copy.deepcopy(subject.net)
    above, _, name = subject.layer.rpartition(".")
    parent = net.get_submodule(above)
    setattr(parent, name, nn.Sequential(getattr(parent, name), Turn(turn), Turn(turn.T)).eval())
    other = Subject(net, f"{subject.layer}.1", subject.canvas, f"{subject.name}, rotated", latent=subject.n_latent)
    mixed = [replace(one, subject=other, maps=Turn(turn)(one.maps)) for one in (looked.rank, looked.test)]
    return Looked(mixed[0], mixed[1], looked.judge)


@dataclass(frozen=True, eq=False)
class Alone:
    """What becomes of each digit when a unit goes, alone and everywhere."""

    clean: Float[Tensor, "units digits"]
    removed: Float[Tensor, "units digits"]
    off_target: Float[Tensor, "units digits"]


def alone(sample: Sample, judge: Judge, most: int, units: Bool[Tensor, " units"] | None = None) -> Alone:
    """Sets each unit to zero and reads what is left.

    Args:
        sample: The first ones of it are drawn again.
        judge: Who reads.
        most: How many.
        units: Those that are tried; by default all. Others have `nan`.
    """
    some = sample.some(torch.arange(min(most, len(sample))))
    n = sample.maps.shape[1]
    found = torch.full((3, n, DIGITS), torch.nan)
    for unit in range(n) if units is None else units.nonzero()[:, 0].tolist():
        said = read_without(some, judge, torch.arange(n) == unit)
        scores = [removal(some, said, digit).scores() for digit in range(DIGITS)]
        found[:, unit] = torch.tensor([[one[name] for one in scores] for name in ("clean_removal", "removed", "off_target")])
    return Alone(*found)


def predicts(iou: Float[Tensor, "units digits"], clean: Float[Tensor, "units digits"], seed: int = 0) -> dict[str, float]:
    """Says whether the IoU of units with a digit orders them as their clean removal of that digit does.

    Args:
        iou: On the rank sample.
        clean: On the test sample, of each unit alone.
        seed: Of the permutations.

    Returns:
        Spearman's correlation over units, mean over digits; the .95 quantile of it where units are permuted; the share of
        permutations that reach it. Digits for which either does not vary are left out; `nan` where none is left.
    """
    found, null = [], []
    order = np.random.Generator(np.random.PCG64(derive(seed, "permutations")))
    for x, y in zip(iou.T.double().numpy(), clean.T.double().numpy(), strict=True):
        known = np.isfinite(x) & np.isfinite(y)
        if known.sum() < FEWEST or np.ptp(x[known]) == 0 or np.ptp(y[known]) == 0:
            continue
        one, other = (_standard(rankdata(values[known])) for values in (x, y))
        found.append(float(one @ other))
        null.append(np.stack([order.permutation(one) for _ in range(PERMUTATIONS)]) @ other)
    if not found:
        return dict.fromkeys(("iou_predicts", "iou_predicts_null", "iou_predicts_p"), float("nan"))
    mean, means = float(np.mean(found)), np.mean(null, axis=0)
    p = (1 + (means >= mean - 1e-12).sum()) / (PERMUTATIONS + 1)
    return {"iou_predicts": mean, "iou_predicts_null": float(np.quantile(means, 0.95)), "iou_predicts_p": float(p)}


def _standard(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gives values of mean 0 and length 1."""
    centred: NDArray[np.float64] = values - values.mean()
    return centred / np.linalg.norm(centred)


def of_units(iou: Maps, alignment: Maps, without: Alone) -> pd.DataFrame:
    """Gives a row a unit, with its own digit: the one of its largest IoU on the rank sample."""
    own = iou.rank.nan_to_num(-1).argmax(dim=1)
    parts = {"iou": iou.test, "alignment": alignment.test, **vars(without)}
    columns = {name: part.gather(1, own[:, None])[:, 0].tolist() for name, part in parts.items()}
    return pd.DataFrame({"unit": range(len(own)), "digit": own.tolist(), **columns})
