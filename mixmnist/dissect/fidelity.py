"""How good an inversion is: by what is read, where it lies, which code it is, and whether edits still do what they did.

Formulas, of each canvas that is inverted:
    same: exactly the digits are read that were read before, and no junk. place_error: pixels from the box of a digit to its box
    before, mean over digits read once in both. psnr: -10 log10 of the mean squared difference of pixels, at most 100.
    code_error: root mean square of the code's differences to the true one, in standard deviations of its numbers; of the mean
    code 1, of another code 1.41. Where two glyphs' numbers can be exchanged, the nearer order counts.
    clean: a digit's units are switched off in the inverted canvas; what is read is what was read of the canvas, without it.
    stay: mean change of the pixels outside the digit's box by that edit.

Source:
    J. Zhu et al. (2020), "In-Domain GAN Inversion for Real Image Editing", arXiv:2004.00049: an inversion is worth what its edits
    are worth. Differs: identity, place and edits are read by a judge whose faults are known, and the true code may be known.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mixmnist.dissect._parts import from_one_hot
from mixmnist.dissect.editing import Edit
from mixmnist.dissect.effects import causal_set, top
from mixmnist.dissect.inverting import Inverted, Known
from mixmnist.dissect.reading import DIGITS, Judge, Said, classes_of, places_of
from mixmnist.dissect.sampling import Sample, where_of
from mixmnist.stats import share_interval, t_interval

LIMIT = 8  # units of a digit that are switched off at most
BEST = 100.0  # decibels of a canvas that is drawn exactly


@dataclass(frozen=True, eq=False)
class Canvases:
    """Canvases that are to be inverted, and what is read of them."""

    images: Float[Tensor, "n 1 rows cols"]
    said: Said
    places: Int[Tensor, "n digits 2"]  # top left pixel of the box of each digit that is read once; -1 where none is

    def __len__(self) -> int:
        return len(self.images)

    def some(self, samples: Tensor) -> "Canvases":
        """Gives some of them, by their indices or a mask."""
        return Canvases(self.images[samples], self.said.some(samples), self.places[samples])


@dataclass(frozen=True, eq=False)
class Fidelity:
    """What became of each canvas; `nan` where a number is not known."""

    same: Bool[Tensor, " n"]
    place_error: Float[Tensor, " n"]  # pixels
    psnr: Float[Tensor, " n"]  # decibels
    code_error: Float[Tensor, " n"]
    one_hot: Float[Tensor, " n"]  # how far the code is from a one-hot one; 1 is the distance of two of them
    clean: Float[Tensor, "n digits"]  # 0 or 1
    stay: Float[Tensor, "n digits"]

    def scores(self, before: float = 1.0) -> dict[str, float]:
        """Gives the means over canvases.

        Args:
            before: Clean removal by the same edit on the generator's own samples, which `editable` is a share of.

        Returns:
            same, place_error, psnr, code_error, one_hot, clean, editable, stay.
        """
        found = {"same": float(self.same.double().mean())}
        for name in ("place_error", "psnr", "code_error", "one_hot", "clean", "stay"):
            found[name] = float(getattr(self, name).double().nanmean())
        return found | {"editable": found["clean"] / before if before > 0 else float("nan")}

    def ends(self) -> dict[str, float]:
        """Gives the ends of the means' 95 % intervals over canvases: exact ones of `same`, else t intervals; `nan` of few."""
        found = {"same": share_interval(self.same.double().tolist())}
        for name in ("place_error", "psnr", "code_error", "one_hot", "clean", "stay"):
            values = getattr(self, name).double()
            values = values if values.ndim == 1 else values.nanmean(dim=1)
            found[name] = t_interval(values[~values.isnan()].tolist())
        sides = {name: {"lower": one.lower, "upper": one.upper} for name, one in found.items()}
        return {f"{name}_{side}": value for name, both in sides.items() for side, value in both.items()}


def canvases_of(judge: Judge, images: Float[Tensor, "n 1 rows cols"], glyph: int) -> Canvases:
    """Has canvases read.

    Args:
        judge: Who reads.
        images: In [0, 1].
        glyph: Rows and columns of a glyph's box.
    """
    said = judge.read(images)
    return Canvases(images, said, places_of(classes_of(judge, images), said.counts, glyph))


def fidelity(
    judge: Judge,
    canvases: Canvases,
    inverted: Inverted,
    sets: Bool[Tensor, "digits units"],
    codes: Float[Tensor, "n latent"] | None = None,
) -> Fidelity:
    """Holds inverted canvases against what they were inverted from.

    Args:
        judge: Who reads.
        canvases: As they were.
        inverted: As the generator draws them.
        sets: The units that are switched off to remove each digit; of a digit without any no removal is tried.
        codes: The true codes, where they are known.

    Example:
        `fidelity(judge, canvases, invert(subject, canvases.images, encoder), sets).scores()`.
    """
    glyph, n = inverted.subject.canvas.glyph, len(canvases)
    drawn = canvases_of(judge, inverted.images, glyph)
    both = canvases.said.shown & drawn.said.shown & (canvases.places >= 0).all(dim=2) & (drawn.places >= 0).all(dim=2)
    apart = (canvases.places - drawn.places).double().norm(dim=2)
    known = Known.of(inverted.subject)
    clean, stay = removals(judge, canvases, inverted, sets)
    error = (canvases.images.to(inverted.images) - inverted.images).square().mean(dim=(1, 2, 3)).double()
    unknown = torch.full((n,), torch.nan, dtype=torch.float64)
    return Fidelity(
        same=(drawn.said.counts == canvases.said.counts).all(dim=1) & ~drawn.said.junk,
        place_error=torch.where(both, apart, torch.nan).nanmean(dim=1),
        psnr=(-10 * error.log10()).clamp_max(BEST),
        code_error=unknown if codes is None else code_error(inverted.codes, codes, known),
        one_hot=from_one_hot(inverted.codes, known.parts),
        clean=clean,
        stay=stay,
    )


def code_error(found: Float[Tensor, "n latent"], true: Float[Tensor, "n latent"], known: Known) -> Float[Tensor, " n"]:
    """Gives the distance of codes to the true ones, in spreads; the nearer one where two glyphs can be exchanged."""
    true = true.to(found)
    orders = [true] if known.swap is None else [true, true[:, known.swap]]
    each = [((found - one) / known.spread.to(found)).square().mean(dim=1).sqrt() for one in orders]
    return torch.stack(each).amin(dim=0)


def removals(
    judge: Judge, canvases: Canvases, inverted: Inverted, sets: Bool[Tensor, "digits units"]
) -> tuple[Float[Tensor, "n digits"], Float[Tensor, "n digits"]]:
    """Switches the units of each digit off where it was read once; says whether that was clean, and what else changed.

    Returns:
        1 where what is read is what was read of the canvas, without the digit and without junk, else 0; and the mean change of
        the pixels outside the digit's box. Both `nan` where nothing was to be removed or no units are known.
    """
    size, glyph = inverted.subject.canvas.size, inverted.subject.canvas.glyph
    clean = torch.full((len(canvases), DIGITS), torch.nan, dtype=torch.float64)
    stay = clean.clone()
    for digit, units in enumerate(sets):
        rows = (canvases.said.shown[:, digit]).nonzero()[:, 0]
        if not len(rows) or not units.any():
            continue
        own, zero = inverted.some(rows), torch.zeros(1, len(units), 1, 1)
        images = own.edited(Edit(units.to(zero), zero))
        said, wanted = judge.read(images), canvases.said.counts[rows].clone()
        wanted[:, digit] = 0
        clean[rows, digit] = ((said.counts == wanted).all(dim=1) & ~said.junk).double()
        outside = ~where_of(canvases.places[rows, digit], size, glyph)
        change = ((images - own.images).abs()[:, 0] * outside).sum(dim=(1, 2)) / outside.sum(dim=(1, 2))
        stay[rows, digit] = torch.where((canvases.places[rows, digit] >= 0).all(dim=1), change.double(), torch.nan)
    return clean, stay


def before(judge: Judge, own: Inverted, sets: Bool[Tensor, "digits units"]) -> float:
    """Gives the clean removal by the same edits on the generator's own samples: what `editable` is a share of.

    Args:
        judge: Who reads.
        own: Samples as they are, of `inverting.plain`.
        sets: The units of each digit.
    """
    canvases = canvases_of(judge, own.images, own.subject.canvas.glyph)
    return float(removals(judge, canvases, own, sets)[0].nanmean())


def removing_sets(
    sample: Sample, judge: Judge, ranking: Float[Tensor, "units digits"], limit: int = LIMIT
) -> Bool[Tensor, "digits units"]:
    """Chooses the units that are switched off to remove each digit: the first by a ranking that do so most often and cleanly.

    Args:
        sample: On which they are tried: the rank sample.
        judge: Who reads.
        ranking: The larger, the earlier.
        limit: Most units of a digit.

    Returns:
        The smallest set that removes the digit cleanly from half of its samples; else the best within the limit; none where none
        removes it from any.
    """
    found = torch.zeros_like(ranking.T, dtype=torch.bool)
    for digit in range(DIGITS):
        tried = causal_set(sample, judge, ranking[:, digit], digit, limit)
        if len(tried.clean) and float(tried.clean.nan_to_num(0).max()) > 0:
            found[digit] = top(ranking[:, digit : digit + 1], int(tried.clean.nan_to_num(0).argmax()) + 1)[0]
    return found
