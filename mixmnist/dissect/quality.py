"""Quality of a generator: how often its canvases can be read, how varied they are, how like real ones; each beside the real.

Source:
    Frechet distance: M. Heusel et al. (2017), arXiv:1706.08500; of the pixels of each class, and their signed share: D. Bau et
    al. (2019), "Seeing What a GAN Cannot Generate", arXiv:1910.11626. Differs: a judge of digits reads and segments; every number
    stands beside what real canvases get.
"""

import math
from dataclasses import dataclass
from itertools import combinations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mixmnist.core.records import require
from mixmnist.core.seeding import derive
from mixmnist.data.mixture import Mixture
from mixmnist.dissect._judge_net import JudgeNet
from mixmnist.dissect.reading import DIGITS, Judge, Said, classes_of, evidence, places_of
from mixmnist.dissect.subject import refuse_collapse
from mixmnist.probing.running import up_to

PAIRS = tuple(combinations(range(DIGITS), 2))
NULLS = 500  # simulated samples
NEAR = 0.05  # quantile of held-out glyphs' distances
BATCH = 250
FEWEST = 2 * (DIGITS + 1)  # canvases of which each half has a covariance of full rank


@dataclass(frozen=True, eq=False)
class Looked:
    """What a judge sees on canvases."""

    images: Float[Tensor, "n 1 rows cols"]
    said: Said
    shares: Float[Tensor, "n digits"]  # percent of the canvas that is of each digit


def quality(
    judge: Judge, images: Float[Tensor, "n 1 rows cols"], real: Mixture, train: Mixture | None = None, seed: int = 0
) -> dict[str, float]:
    """Measures a generator's canvases beside real ones.

    Args:
        judge: Who reads and segments.
        images: What was drawn, in [0, 1]; about half as many as there are real canvases, as those are halved.
        real: Test canvases.
        train: The training canvases; None: nothing is said of what was memorised.
        seed: Decides the simulated nulls.

    Returns:
        `valid` and `valid_real`: share of canvases on which two different digits are read and nothing else. `pairs`: of the 45
        that are read on valid ones, and `pairs_real`. `pair_distance`: total variation of their shares to equal ones;
        `pair_distance_null` as many canvases of equally likely pairs, `pair_distance_real` real ones; nan where none is valid.
        `segmentation_frechet`: Frechet distance of the digits' percents of the canvas to half of the real ones, and
        `segmentation_frechet_real`: of the other half. `reader_frechet`, `reader_frechet_real`: the same in the judge's own
        features (`features_of`); nan where it has none. `signed_0` to `signed_9`: pixels of a digit against the real, -1 where
        there are none; `signed_real_0` and so on: of half of the real against the other half. `memorised`: share of drawn glyphs
        that are nearer to a training glyph than .95 of the held-out ones are; nan if every held-out glyph was trained on.

    Raises:
        ValueError: If there are too few canvases, or all that is drawn is alike.
    """
    rule = f"canvases must be {FEWEST} or more, and the real ones twice as many"
    enough = len(images) >= FEWEST and len(real) >= 2 * FEWEST
    require(enough, f"{rule}, got {len(images)} drawn and {len(real)} real ones. Draw more.")
    refuse_collapse(images)
    like = real.images.to(images.device)[:, None].to(images) / 255
    drawn, half, other = (_looked(judge, some) for some in (images, *like.tensor_split(2)))
    found = {"valid": _mean(drawn.said.valid), "valid_real": _mean(torch.cat([half.said.valid, other.said.valid]))}
    found |= _variety(drawn.said, half.said, seed)
    found["segmentation_frechet"] = frechet(drawn.shares, half.shares)
    found["segmentation_frechet_real"] = frechet(other.shares, half.shares)
    seen = [features_of(judge, each.images) for each in (drawn, half, other)]
    for name, one in (("reader_frechet", seen[0]), ("reader_frechet_real", seen[2])):
        found[name] = math.nan if one is None or seen[1] is None else frechet(one, seen[1])
    for name, each in (("signed_", drawn), ("signed_real_", other)):
        signed = signed_shares(each.shares, half.shares).tolist()
        found |= {f"{name}{digit}": share for digit, share in enumerate(signed)}
    found["memorised"] = math.nan if train is None else memorised(judge, drawn, half, train)
    return found


def features_of(judge: Judge, images: Float[Tensor, "n 1 rows cols"]) -> Float[Tensor, "n features"] | None:
    """Gives what a judge sees before it answers: its own `features`, or of a trained one the means of its last maps.

    Returns:
        None for a judge that has neither, as the exact one.
    """
    own, net = getattr(judge, "features", None), getattr(judge, "net", None)
    if own is not None:
        found: Tensor = own(images).flatten(1)
        return found
    if not isinstance(net, JudgeNet):
        return None
    with torch.no_grad():
        return torch.cat([up_to(net, net.cells[0], part).mean(dim=(2, 3)) for part in images.split(BATCH)])


def _looked(judge: Judge, images: Float[Tensor, "n 1 rows cols"]) -> Looked:
    """Has canvases read and segmented."""
    with torch.no_grad():
        pixels = torch.cat([evidence(judge, part) for part in images.split(BATCH)])
        return Looked(images, judge.read(images), 100 * pixels / images[0].numel())


def _mean(yes: Tensor) -> float:
    return yes.double().mean().item()


def pair_counts(said: Said) -> Int[Tensor, " pairs"]:
    """Counts the valid canvases of each of the 45 pairs of digits."""
    shown = said.shown[said.valid]
    return torch.stack([(shown[:, a] & shown[:, b]).sum() for a, b in PAIRS])


def to_equal(counts: Int[Tensor, "*some pairs"]) -> Float[Tensor, "*some"]:
    """Gives the total variation of shares to equal ones: 0 equal, 1 - 1 / pairs all of one.

    Example:
        >>> to_equal(torch.tensor([2, 2, 0, 0]))
        tensor(0.5000, dtype=torch.float64)
    """
    shares = counts.double() / counts.sum(dim=-1, keepdim=True)
    return (shares - 1 / counts.shape[-1]).abs().sum(dim=-1) / 2


def equal_pairs(n: int, seed: int) -> float:
    """Gives the mean distance to equal shares of n canvases whose pairs are equally likely: the null of `pair_distance`."""
    generator = torch.Generator().manual_seed(derive(seed, "pairs"))
    drawn = torch.randint(len(PAIRS), (NULLS, n), generator=generator)
    counts = torch.zeros(NULLS, len(PAIRS), dtype=torch.int64).scatter_add_(1, drawn, torch.ones_like(drawn))
    return to_equal(counts).mean().item()


def _variety(drawn: Said, real: Said, seed: int) -> dict[str, float]:
    """Tells how many pairs are drawn, and how evenly."""
    counts, of_real = pair_counts(drawn), pair_counts(real)
    n = int(counts.sum())
    return {
        "pairs": float((counts > 0).sum()),
        "pairs_real": float((of_real > 0).sum()),
        "pair_distance": to_equal(counts).item() if n else math.nan,
        "pair_distance_null": equal_pairs(n, seed) if n else math.nan,
        "pair_distance_real": to_equal(of_real).item() if int(of_real.sum()) else math.nan,
    }


def frechet(one: Float[Tensor, "n features"], other: Float[Tensor, "m features"]) -> float:
    """Gives the Frechet distance of two samples, each taken for normal: 0 where mean and covariance are the same.

    Args:
        one: At least two rows.
        other: As many columns.

    Returns:
        In squared units of the features; above 0 even for two samples of one distribution, so it is told beside that.

    Example:
        >>> frechet(torch.tensor([[0.0], [2.0]]), torch.tensor([[3.0], [5.0]]))
        9.0
    """
    (mean, spread), (other_mean, other_spread) = (_moments(rows.double()) for rows in (one, other))
    values, vectors = torch.linalg.eigh(spread)
    root = vectors * values.clamp_min(0).sqrt() @ vectors.T
    shared = torch.linalg.eigvalsh(root @ other_spread @ root).clamp_min(0).sqrt().sum()
    apart = (mean - other_mean).square().sum() + spread.trace() + other_spread.trace() - 2 * shared
    return max(0.0, float(apart))


def _moments(rows: Float[Tensor, "n features"]) -> tuple[Tensor, Tensor]:
    mean = rows.mean(dim=0)
    return mean, (rows - mean).T @ (rows - mean) / len(rows)


def signed_shares(drawn: Float[Tensor, "n digits"], real: Float[Tensor, "m digits"]) -> Float[Tensor, " digits"]:
    """Compares the mean pixels of each digit: 0 as many as on real canvases, -1 none, 1 twice as many; nan where real have none.

    Example:
        >>> signed_shares(torch.tensor([[1.0, 0.0]]), torch.tensor([[2.0, 4.0]]))
        tensor([-0.5000, -1.0000])
    """
    of_real = real.mean(dim=0)
    return torch.where(of_real > 0, drawn.mean(dim=0) / of_real - 1, math.nan)


def memorised(judge: Judge, drawn: Looked, held_out: Looked, train: Mixture) -> float:
    """Gives the share of drawn glyphs that are nearer to a training glyph than .95 of the held-out ones are; by chance .05.

    Glyphs are cut out of canvases where the judge places them, the held-out ones too.

    Args:
        judge: Who finds them.
        drawn: Canvases of the generator.
        held_out: Real canvases of other glyphs.
        train: The training canvases, whose glyphs are known.

    Returns:
        nan where no glyph is found, or where the held-out glyphs were trained on, as those of a source of fixed glyphs.
    """
    used = train.glyphs[train.glyphs >= 0].unique()
    tiles = train.tiles[used].flatten(1).to(drawn.images) / 255
    glyph = train.canvas.glyph
    ours, theirs = (_nearest(_cut(judge, each, glyph), tiles) for each in (drawn, held_out))
    if not len(ours) or not len(theirs):
        return math.nan
    bar = theirs.quantile(NEAR)
    return math.nan if bar <= 0 else _mean(ours < bar)


def _cut(judge: Judge, looked: Looked, glyph: int) -> Float[Tensor, "found pixels"]:
    """Cuts the glyphs that are read once out of canvases."""
    places = places_of(classes_of(judge, looked.images), looked.said.counts, glyph)  # n digits 2
    rows, digits = (places >= 0).all(dim=2).nonzero().T
    tops, lefts = places[rows, digits].T
    line = torch.arange(glyph, device=places.device)
    cut = looked.images[rows[:, None, None], 0, (tops[:, None] + line)[:, :, None], (lefts[:, None] + line)[:, None]]
    return cut.flatten(1)


def _nearest(glyphs: Float[Tensor, "found pixels"], tiles: Float[Tensor, "tiles pixels"]) -> Float[Tensor, " found"]:
    """Gives each glyph's distance to the nearest tile."""
    parts = [torch.cdist(part, tiles, compute_mode="donot_use_mm_for_euclid_dist").amin(dim=1) for part in glyphs.split(BATCH)]
    return torch.cat(parts) if parts else glyphs.new_zeros(0)
