"""What analyses of recorded generators share: the nets, real canvases, and why no verdict is passed."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from mixmnist.core.records import Canvas, require
from mixmnist.core.seeding import derive
from mixmnist.data.mixture import Mixture, draw
from mixmnist.dissect.reading import Judge
from mixmnist.dissect.subject import BATCH, Subject
from mixmnist.kinds.generator import entry_of
from mixmnist.kinds.generator import layers as layers_of
from mixmnist.trust._networks import Recorded

DRAWS = 1000  # of the bootstrap over samples
LEAST = 1 / 3  # of its ceiling that a generator's valid must reach for a verdict


def parted(nets: Sequence[Recorded]) -> tuple[list[Recorded], list[Recorded]]:
    """Parts recorded nets into judges and generators; of planted ones, which know no chance, only the first of a variant.

    Raises:
        ValueError: If there is no generator, or they draw other canvases than each other.
    """
    judges = [net for net in nets if net.settings.kind == "judge"]
    found: dict[tuple[str, int], Recorded] = {}
    for net in (net for net in nets if net.settings.kind == "generator"):
        found.setdefault((net.variant, 0 if is_planted(net) else net.seed), net)
    generators = list(found.values())
    require(generators, "a study must have recorded generators to be analysed, got none. Run a variant of kind generator.")
    alike = {(net.source, net.settings.canvas) for net in [*judges, *generators]}
    require(len(alike) == 1, f"nets must share source and canvas, got {len(alike)} kinds. Make a study of each.")
    return judges, generators


def is_planted(net: Recorded) -> bool:
    """Tells whether a generator is planted."""
    return entry_of(net.settings).train is None


def layers(net: Recorded) -> tuple[str, ...]:
    """Names the layers of a recorded generator in their order."""
    own: tuple[str, ...] = entry_of(net.settings).layers
    assert set(own) == set(layers_of(net.settings))
    return own


def drawn(net: Recorded, n: int, seed: int = 0) -> Float[Tensor, "n 1 rows cols"]:
    """Draws samples of a recorded generator."""
    one = Subject(net.net(), entry_of(net.settings).layer, net.settings.canvas)  # unchecked: it may have collapsed
    with torch.no_grad():
        return torch.cat([one.net(codes) for codes in one.codes(n, seed).split(BATCH)])


@lru_cache(maxsize=4)
def real(source: str, root: str | None, canvas: Canvas, n: int, split: str = "test") -> Mixture:
    """Gives full real canvases, every pair as often as any other; those of `test` have glyphs that no generator sees."""
    return draw("pairs", source, split, n, canvas=canvas, root=root, seed=0)


def trained_on(net: Recorded, root: str | None) -> Mixture | None:
    """Gives the canvases that a generator was trained on; None of a planted one."""
    if is_planted(net):
        return None
    v, settings = net.settings, dict(net.settings.task_settings)
    return draw(v.task, net.source, "train", v.training.images, canvas=v.canvas, settings=settings, root=root, seed=net.seed)


def as_images(mixture: Mixture) -> Float[Tensor, "n 1 rows cols"]:
    """Gives canvases as generators draw them."""
    return mixture.images[:, None].float() / 255


def refused(judge: Judge, valid: float, ceiling: float) -> str:
    """Says why nothing is claimed of a generator; nothing where something may be."""
    why = list(judge.faults)
    if not valid >= LEAST * ceiling:
        why.append(f"valid {valid:.3f} is below a third of its ceiling {ceiling:.3f}")
    return "; ".join(why)


def weights(n: int, seed: int, *names: str, draws: int = DRAWS) -> Float[Tensor, "draws n"]:
    """Draws how often each of n samples counts in each resample of the bootstrap, over n."""
    g = torch.Generator().manual_seed(derive(seed, "bootstrap", *names))
    chosen = torch.randint(n, (draws, n), generator=g)
    return torch.zeros(draws, n).scatter_add_(1, chosen, torch.ones(draws, n)) / n


def ends(resampled: Float[Tensor, "draws *any"] | NDArray[np.float64]) -> tuple[Tensor, Tensor]:
    """Gives the .025 and the .975 quantile over resamples, those without a number left out."""
    values = torch.as_tensor(resampled).double()
    low, high = (torch.nanquantile(values, q, dim=0) for q in (0.025, 0.975))
    return low, high


def mean_of(values: Sequence[float] | NDArray[np.float64] | Tensor, seed: int = 0) -> tuple[float, float, float]:
    """Gives a mean over samples and its 95 % bootstrap interval; `nan` is left out.

    Example:
        >>> mean_of([1.0, 1.0, float("nan")])
        (1.0, 1.0, 1.0)
    """
    known = torch.as_tensor(values).double().flatten()
    known = known[~known.isnan()]
    if not len(known):
        return (float("nan"),) * 3
    low, high = ends(weights(len(known), seed, "mean").double() @ known)
    return float(known.mean()), float(low), float(high)
