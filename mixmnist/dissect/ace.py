"""ACE: the average causal effect of a set of units on a digit, and the set that has the largest.

Formulas, over samples that show the digit once, P being the cells of its box and k what is written (`value_at`):
    x_a = f((1 - alpha) r), x_i = f((1 - alpha) r + alpha k), both at P alone
    ACE = E[s(x_i) - s(x_a)], s the digit's share of the pixels of its box as the judge segments them
    alpha = argmin of -ACE + lambda |alpha|, in [0, 1] a unit, by Adam
The effect is read where it was written, and besides over the canvas, in the same unit.

Source:
    D. Bau et al. (2019), "GAN Dissection", arXiv:1811.10597: Adam .01, lambda .005, 500 steps, clamped to [0, 1].
    Differs: theirs reads the insertion at another cell than it was written to, and fits alpha on the 1,000 images with most of
    the class; here both are at one place, on a random sample. Their k is one value a unit, which draws nothing where a digit is
    the pattern of several cells; then insertion fails as removal works, and the effect is 0. `patch` is ours: another's cells.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from tqdm import tqdm

from mixmnist.core.records import require
from mixmnist.core.seeding import derive
from mixmnist.dissect.editing import Edit, edited
from mixmnist.dissect.inserting import HALF, WAYS, mean_at, moved
from mixmnist.dissect.places import Placed, cover, whole_stride
from mixmnist.dissect.reading import BATCH, Judge, evidence
from mixmnist.dissect.sampling import Sample, where_of

STEPS, RATE, SPARSE = 100, 0.01, 0.005
SAMPLES = 16  # a step
START = 0.5  # of every unit's alpha


@dataclass(frozen=True, eq=False)
class Effect:
    """The effect on each sample that shows the digit once, as shares of its box's pixels."""

    digit: int
    samples: Int[Tensor, " some"]  # which of the sample they are
    here: Float[Tensor, " some"]  # s(x_i) - s(x_a), where it was written
    canvas: Float[Tensor, " some"]  # the same, over the canvas
    removed: Float[Tensor, " some"]  # s(x) - s(x_a), where it was written

    def scores(self) -> dict[str, float]:
        """Gives the means ace, ace_canvas and ace_removed; `nan` of no samples."""
        found = {"ace": self.here, "ace_canvas": self.canvas, "ace_removed": self.removed}
        return {name: float(values.double().mean()) for name, values in found.items()}


@dataclass(frozen=True)
class Search:
    """How alpha is sought."""

    steps: int = 100
    """Steps of Adam."""
    rate: float = 0.01
    """Its learning rate."""
    sparse: float = 0.005
    """Lambda: the penalty on the length of alpha."""
    batch: int = 16
    """Samples a step, drawn at random from those that show the digit."""
    start: float = 0.5
    """Alpha of every unit at the start."""
    way: str = "mean"
    """What is inserted: mean (k, as theirs) or patch (the cells of another sample's digit)."""

    def __post_init__(self) -> None:
        require(self.steps >= 1, f"steps must be 1 or more, got steps={self.steps}.")
        require(self.way in WAYS, f"way must be one of {', '.join(WAYS)}, got way={self.way!r}.")
        require(self.batch >= 1, f"batch must be 1 or more, got batch={self.batch}.")
        require(0 <= self.start <= 1, f"start must lie between 0 and 1, got start={self.start}.")


def cells_at(sample: Sample, digit: int) -> Bool[Tensor, "n high wide"]:
    """Gives the cells that a digit's own box covers by half; the one it covers most where there is none such.

    None where the digit is not shown once.
    """
    covered = cover(sample.places[:, digit], sample.subject)
    there = (covered >= covered.amax(dim=(1, 2), keepdim=True).clamp_max(HALF)) & (covered > 0)
    return there & sample.shown[:, digit, None, None]


def value_at(
    sample: Sample, donors: Sample, digit: int, way: str = "mean", seed: int = 0
) -> Float[Tensor, "#n units #high #wide"]:
    """Gives what is inserted at each sample's own place of a digit.

    Args:
        sample: Into which it is inserted.
        donors: Of which it is made: the rank sample.
        digit: Which.
        way: `mean`: k of `mean_at`. `patch`: the maps of a donor, moved by whole cells so that its digit lies at the place; never
            the sample's own, unless no other donor lies whole cells away.
        seed: Of who gets whose patch.

    Raises:
        ValueError: On an unknown way.
    """
    require(way in WAYS, f"way must be one of {', '.join(WAYS)}, got way={way!r}.")
    if way == "mean":
        return mean_at(donors, digit)[None, :, None, None]
    stride = whole_stride(sample.subject).to(sample.maps.device)
    known, showing = sample.shown[:, digit], donors.shown[:, digit]
    apart = sample.places[:, None, digit] - donors.places[None, :, digit]  # n donors 2
    fits = (apart % stride == 0).all(dim=2) & showing
    if donors is sample:
        fits = fits & ~torch.eye(len(sample), dtype=torch.bool, device=fits.device)
    generator = torch.Generator().manual_seed(derive(seed, "patches", str(digit)))
    donor = torch.where(fits, torch.rand(fits.shape, generator=generator).to(fits.device), -1.0).argmax(dim=1)
    found = fits.any(dim=1) & known
    shift = torch.where(found[:, None], apart[torch.arange(len(sample)), donor].div(stride, rounding_mode="floor"), 0)
    patches = moved(donors, Placed(digit, "", known, found, sample.places[:, digit], donor, shift))
    return torch.where(found[:, None, None, None], patches, sample.maps)


def ace(
    sample: Sample, judge: Judge, alpha: Float[Tensor, " units"], value: Float[Tensor, "#n units #h #w"], digit: int
) -> Effect:
    """Measures the effect of a set of units on a digit.

    Args:
        sample: The test sample; those that show the digit once count.
        judge: Whose shares are the scores.
        alpha: How much of each unit is in the set, in [0, 1].
        value: What is inserted, of `value_at`.
        digit: Which.

    Raises:
        ValueError: If alpha leaves [0, 1] or is of another number of units.

    Example:
        `ace(test, judge, alpha_of(rank, judge, 3), value_at(test, rank, 3), 3).scores()["ace"]` is what the best set does.
    """
    some = sample.shown[:, digit].nonzero()[:, 0]
    found: list[Tensor] = []
    with torch.no_grad():
        for part in some.split(BATCH) if len(some) else ():
            few = sample.some(part)
            here, canvas = _scores(few, judge, alpha, value if len(value) == 1 else value[part], digit)
            before = _of_box(judge, few.images, few, digit)
            found.append(torch.stack([here[1] - here[0], canvas[1] - canvas[0], before - here[0]]))
    here, over, removed = torch.cat(found, dim=1) if found else sample.images.new_zeros(3, 0)
    return Effect(digit, some, here, over, removed)


def alpha_of(sample: Sample, judge: Judge, digit: int, search: Search | None = None, seed: int = 0) -> Float[Tensor, " units"]:
    """Seeks the set of units with the largest effect on a digit.

    Args:
        sample: The rank sample.
        judge: Whose shares are the scores; gradients flow through them and through the generator.
        digit: Which.
        search: Steps, rate, penalty, batch.
        seed: Of the batches.

    Returns:
        Alpha in [0, 1]; `nan` where no sample shows the digit once.

    Example:
        `alpha_of(rank, judge, digit=3).argmax()` is the unit that draws threes, if one does.
    """
    search, n_units = search or Search(), sample.maps.shape[1]
    showing = sample.shown[:, digit].nonzero()[:, 0]
    if not len(showing):
        return sample.maps.new_full((n_units,), torch.nan)
    value = value_at(sample, sample, digit, search.way, seed)
    alpha = sample.maps.new_full((n_units,), search.start).requires_grad_()
    adam = torch.optim.Adam([alpha], lr=search.rate)
    generator = torch.Generator().manual_seed(derive(seed, "alpha", str(digit)))
    for _ in tqdm(range(search.steps), f"alpha of {digit}", delay=2, leave=False, disable=None):
        drawn = showing[torch.randint(len(showing), (search.batch,), generator=generator).to(showing.device)]
        here, _ = _scores(sample.some(drawn), judge, alpha, value if len(value) == 1 else value[drawn], digit)
        loss = (here[0] - here[1]).mean() + search.sparse * alpha.norm()
        (alpha.grad,) = torch.autograd.grad(loss, alpha)  # of alpha alone: the generator's weights gather none
        adam.step()
        with torch.no_grad():
            alpha.clamp_(0, 1)
    return alpha.detach()


def _scores(
    few: Sample, judge: Judge, alpha: Float[Tensor, " units"], value: Float[Tensor, "#n units #h #w"], digit: int
) -> tuple[Float[Tensor, "2 some"], Float[Tensor, "2 some"]]:
    """Gives the scores of x_a and x_i, where it was written and over the canvas; both are drawn in one pass."""
    subject, n = few.subject, len(few)
    cells = cells_at(few, digit).repeat(2, 1, 1)
    both = torch.cat([torch.zeros_like(value), value])  # what is written into x_a and x_i
    both = both.repeat_interleave(n, dim=0) if len(value) == 1 else both
    with edited(subject.net, subject.layer, Edit(alpha, both, cells)):
        images = subject.net(few.codes.to(few.maps).repeat(2, 1))
    one = subject.canvas.glyph**2
    where = where_of(few.places[:, digit], subject.canvas.size, subject.canvas.glyph).repeat(2, 1, 1)
    shares = judge.shares(images)[:, digit]  # 2n rows cols
    here, over = (part.sum(dim=(1, 2)).view(2, n) / one for part in (shares * where, shares))
    return here, over


def _of_box(judge: Judge, images: Float[Tensor, "n 1 rows cols"], few: Sample, digit: int) -> Float[Tensor, " n"]:
    """Gives the digit's share of the pixels of its box."""
    canvas = few.subject.canvas
    where = where_of(few.places[:, digit], canvas.size, canvas.glyph)
    return evidence(judge, images, where)[:, digit] / canvas.glyph**2
