"""Subjects: a generator whose layer is looked at, and one pass of it over codes.

A generator is any module that maps codes [n, latent] to images [n, 1, rows, cols] in [0, 1]. A stranger's module is checked
before anything is measured: what it cannot be asked is said in one sentence.

Source:
    D. Bau et al. (2019), "GAN Dissection", arXiv:1811.10597: a generator seen as f(h(z)), r = h(z) the layer's output.
    Differs: the module is not changed or wrapped; one hook reads or edits the layer, and always comes off.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor, nn
from tqdm import tqdm

from mixmnist.core.records import Canvas, require
from mixmnist.core.seeding import derive
from mixmnist.dissect.editing import Edit, edited
from mixmnist.probing import find_layer
from mixmnist.probing.running import editing, plainly, refuse_training

BATCH = 250  # codes a pass
LOOKED_AT = 16  # codes on which a stranger's module is checked
ALIKE = 1e-3  # images whose pixels all differ by less are one image
SAME = 1e-4  # what a pixel may change by with the company of its code in the batch


@dataclass(frozen=True, eq=False)
class Subject:
    """A generator and the layer of it that is looked at."""

    net: nn.Module
    layer: str
    canvas: Canvas
    name: str = ""
    truth: Mapping[int, tuple[int, ...]] | None = None  # the units that draw each digit, where they are known
    latent: int = 0  # numbers in a code; by default the net's own

    @property
    def n_latent(self) -> int:
        """Numbers in a code."""
        return self.latent or int(getattr(self.net, "latent", 0))

    @property
    def n_units(self) -> int:
        """Units of the layer."""
        return self._shape[0]

    @property
    def cells(self) -> tuple[int, int]:
        """Rows and columns of the layer's maps."""
        return self._shape[1:]

    @property
    def stride(self) -> tuple[int, int]:
        """Rows and columns of the canvas to a cell, in whole pixels; at least one."""
        high, wide = self.cells
        return max(1, self.canvas.size // high), max(1, self.canvas.size // wide)

    @cached_property
    def _shape(self) -> tuple[int, int, int]:
        _, units, high, wide = look(self, self.codes(2, seed=0))[1].shape
        return units, high, wide

    def codes(self, n: int, seed: int) -> Float[Tensor, "n latent"]:
        """Draws codes as the generator was trained on: by its own `codes`, else from the standard normal distribution.

        Example:
            >>> subject = Subject(nn.Linear(3, 4), "", Canvas(), latent=3)
            >>> bool((subject.codes(2, seed=1) == subject.codes(5, seed=1)[:2]).all())
            True
        """
        own = getattr(self.net, "codes", None)
        if own is not None:
            drawn: Tensor = own(n, seed)
            return drawn
        return torch.randn(n, self.n_latent, generator=torch.Generator().manual_seed(derive(seed, "codes")))


def subject_of(
    net: nn.Module,
    layer: str,
    canvas: Canvas,
    latent: int | None = None,
    name: str = "",
) -> Subject:
    """Makes a subject of any module, if it can be dissected.

    Args:
        net: In eval mode; maps codes to images.
        layer: A module's name as in `net.named_modules()`. It gives maps [n, units, high, wide].
        canvas: The images' size.
        latent: Numbers in a code; by default the net's own `latent`.
        name: What tables call it.

    Returns:
        The subject, whose images and maps have been looked at once.

    Raises:
        ValueError: If the size of a code is not known, the layer is unknown or gives no maps, the images have another size or
            range, depend on their company in the batch, or are all alike.

    Example:
        >>> canvas = Canvas(size=6, glyph=3)
        >>> net = nn.Sequential(nn.Linear(2, 36), nn.Unflatten(1, (1, 6, 6)), nn.ReLU(), nn.Sigmoid()).eval()
        >>> subject_of(net, "2", canvas, latent=2).cells
        (6, 6)
    """
    refuse_training(net)
    find_layer(net, layer)
    known = latent or getattr(net, "latent", None)
    way = "Give latent=, or set it on the module."
    require(isinstance(known, int) and known >= 1, f"latent must be 1 or more, got latent={known}. {way}")
    subject = Subject(net, layer, canvas, name=name, latent=known or 0)
    codes = subject.codes(LOOKED_AT, seed=0)
    given = tuple(codes.shape)
    require(given == (LOOKED_AT, known), f"codes must be [{LOOKED_AT}, {known}], got codes={list(given)}. Look at codes().")
    with torch.no_grad():
        _check_images(net(codes.to(_like(net))), canvas)
    images, _ = look(subject, codes)
    turned, _ = look(subject, codes.flip(0))
    apart = float((images - turned.flip(0)).abs().max())
    company = "Take out what mixes samples, as batch norm in train mode"
    require(apart <= SAME, f"images must not depend on their company, got a change of {apart:.3g} in another order. {company}.")
    refuse_collapse(images)
    return subject


def look(
    subject: Subject, codes: Float[Tensor, "n latent"], edit: Edit | None = None
) -> tuple[Float[Tensor, "n 1 rows cols"], Float[Tensor, "n units high wide"]]:
    """Runs the generator on codes, without gradients; gives its images, and the layer's maps before the edit.

    Raises:
        ValueError: If the layer does not run once a pass or gives no maps.
    """
    like, module = _like(subject.net), find_layer(subject.net, subject.layer)
    images: list[Tensor] = []
    maps: list[Tensor] = []

    def take(output: object) -> object:
        maps.append(_checked(output, subject.layer, len(images)))
        return output

    starts = tqdm(range(0, len(codes), BATCH), "drawing", delay=2, leave=False, disable=None)
    with torch.no_grad(), plainly(subject.net, like.device), editing(module, take) as runs:
        for number, start in enumerate(starts, start=1):
            part = slice(start, start + BATCH)
            with edited(subject.net, subject.layer, edit and edit.part(part)):
                images.append(subject.net(codes[part].to(like)))
            once = f"layer must run once in a pass, got {runs[0] - number + 1} runs of layer={subject.layer!r}"
            require(runs[0] == number, f"{once}. Name a layer that runs once.")
    return torch.cat(images), torch.cat(maps)


def images_of(subject: Subject, codes: Float[Tensor, "n latent"], edit: Edit | None = None) -> Float[Tensor, "n 1 rows cols"]:
    """Draws the images of codes, batch by batch, without gradients; with the layer edited, if an edit is given."""
    return look(subject, codes, edit)[0]


def maps_of(subject: Subject, codes: Float[Tensor, "n latent"]) -> Float[Tensor, "n units high wide"]:
    """Gives the layer's maps for codes, batch by batch, without gradients."""
    return look(subject, codes)[1]


def refuse_collapse(images: Float[Tensor, "n 1 rows cols"]) -> None:
    """Raises a ValueError where all images are alike: there is nothing to tell apart in a generator that collapsed."""
    spread = float((images.amax(dim=0) - images.amin(dim=0)).max())
    collapsed = f"the generator must draw different images, got {len(images)} samples that differ by {spread:.1g} at most"
    require(spread > ALIKE, f"{collapsed}: it collapsed. Train it anew or look at its weights.")


def _like(net: nn.Module) -> Tensor:
    return next(net.parameters(), torch.zeros(()))


def _checked(output: object, layer: str, number: int) -> Tensor:
    """Gives a layer's output, if it is maps of finite numbers."""
    shape = list(output.shape) if isinstance(output, Tensor) else type(output).__name__
    fits = isinstance(output, Tensor) and output.ndim == 4
    require(fits, f"layer must give maps [n, units, high, wide], got {shape} from layer={layer!r}. Name one before or after it.")
    assert isinstance(output, Tensor)
    finite = bool(output.isfinite().all())
    require(finite, f"layer must give finite numbers, got others in batch {number} from layer={layer!r}. Look at its weights.")
    return output.detach().clone()


def _check_images(images: object, canvas: Canvas) -> None:
    """Refuses what is no grey image of the canvas's size in [0, 1]."""
    wanted = [LOOKED_AT, 1, canvas.size, canvas.size]
    shape = list(images.shape) if isinstance(images, Tensor) else type(images).__name__
    require(shape == wanted, f"images must be {wanted}, got images={shape}. Reshape, scale or crop them in the module.")
    assert isinstance(images, Tensor)
    low, high = float(images.min()), float(images.max())
    fits = low >= -SAME and high <= 1 + SAME  # not so for nan either
    require(fits, f"images must lie in [0, 1], got {low:.3g} to {high:.3g}. Scale them in the module, as (x + 1) / 2.")
