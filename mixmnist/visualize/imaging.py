"""Imaging: a way of the shelf, or of one's own, that makes images, with what it gets and gives checked."""

from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from mixmnist.core import checks, registry
from mixmnist.core.records import Settings, Way, require
from mixmnist.data.mixture import Mixture
from mixmnist.visualize._generator import Generator
from mixmnist.visualize._targets import Target
from mixmnist.visualize.natural import best_natural


@dataclass(frozen=True, eq=False)
class Supplies:
    """What a way may use besides its target."""

    canvases: Mixture  # natural ones; pictures are of their size
    generator: Generator | None = None  # of the target's net

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, rows and columns of a picture."""
        return 1, self.canvases.canvas.size, self.canvases.canvas.size


def make_images(
    way: str | Way, target: Target, seeds: Sequence[int], supplies: Supplies, settings: Settings | None = None
) -> Float[Tensor, "n channels rows cols"]:
    """Makes pictures of what a target wants, all side by side.

    Args:
        way: A name of the shelf, a file that ends in `WAY`, or a way; of kind image.
        target: Of one unit for all pictures, or of one for each.
        seeds: One for each picture; it becomes the same whatever the others are.
        supplies: Natural canvases, and a generator where the way needs one.
        settings: Overrides of the way's settings.

    Returns:
        Pictures in [0, 1], on the net's device.

    Raises:
        ValueError: If the way makes no images, lacks what it needs, or gives something else; if a unit never fires; or if a
            picture's start has no gradient.

    Example:
        >>> from torch import nn
        >>> from mixmnist.data.mixture import draw
        >>> from mixmnist.visualize._targets import unit_target
        >>> net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU()).eval()
        >>> supplies = Supplies(draw("pairs", "digits", n=20, seed=0))
        >>> make_images("top", unit_target(net, "1", 0), (0, 1, 2), supplies).shape
        torch.Size([3, 1, 32, 32])
    """
    chosen: Way = registry.choose("ways", way) if isinstance(way, str) else way
    title = way if isinstance(way, str) else way.title
    require(chosen.kind == "image", f"the way must make images, got {title}, which makes maps. Choose another.")
    require(len(seeds), "seeds must be one or more, got none. Give one for each picture.")
    require(
        len(target.index) in (1, len(seeds)),
        f"a target must be of one unit or of one for each of {len(seeds)} pictures, got {len(target.index)}.",
    )
    grey = isinstance(supplies.canvases, Mixture)
    require(grey, "canvases must be grey where pictures are made, got canvases in colour. Use a grey source.")
    checks.check_settings("way", settings or {}, chosen.settings)
    if "generator" in chosen.needs:
        require(supplies.generator is not None, f"{title} must have a generator, got none. Train one with train_generator.")
    best_natural(target, supplies.canvases)
    images = chosen.run(target, supplies, tuple(seeds), **chosen.with_settings(settings or {}))
    wanted = (len(seeds), *supplies.shape)
    shape = tuple(images.shape) if isinstance(images, Tensor) else type(images).__name__
    require(shape == wanted, f"a way must give one image a seed, {list(wanted)}, got {shape} of {title}. Mend its run.")
    inside = bool(images.isfinite().all()) and bool((images >= 0).all()) and bool((images <= 1).all())
    require(inside, f"images must lie within [0, 1], got others of {title}. Look at the net's weights and the settings.")
    found: Tensor = images.detach()
    return found
