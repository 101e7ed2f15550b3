"""Mapping: a way of the shelf, or of one's own, on images, with what it gets and gives checked."""

import contextlib

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from mixmnist.core import checks, registry
from mixmnist.core.entries import Number
from mixmnist.core.records import Settings, Way, require
from mixmnist.visualize._targets import Target


def as_pixels(images: UInt8[Tensor, "n *channels rows cols"]) -> Float[Tensor, "n channels rows cols"]:
    """Gives canvases as a net sees them: in [0, 1], grey ones with one channel."""
    return (images if images.ndim == 4 else images[:, None]).float() / 255


def named(spec: str) -> tuple[str, dict[str, Number]]:
    """Parts what names a way with settings, as `integrated:steps=64` or `mine.py:power=2`.

    Raises:
        ValueError: If a setting is no name=value.

    Example:
        >>> named("gradcam:layer=conv2"), named("smoothgrad:copies=9:noise=.3")
        (('gradcam', {'layer': 'conv2'}), ('smoothgrad', {'copies': 9, 'noise': 0.3}))
    """
    name, *given = spec.split(":")
    settings: dict[str, Number] = {}
    for one in given:
        key, sign, value = one.partition("=")
        require(key and sign, f"settings must be written name:key=value, got {spec!r}. For example integrated:steps=64.")
        settings[key] = _read(value)
    return name, settings


def _read(value: str) -> Number:
    """Reads a whole number, a number or a word."""
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(value)
    return value


def make_maps(
    way: str | Way, target: Target, images: Float[Tensor, "n channels rows cols"], settings: Settings | None = None
) -> Float[Tensor, "n rows cols"]:
    """Shows in maps of images what a target looks at.

    Args:
        way: A name of the shelf, a file that ends in `WAY`, or a way; of kind map.
        target: What is to be explained.
        images: In [0, 1], one or more; on the net's device.
        settings: Overrides of the way's settings.

    Returns:
        One signed number a pixel, the channels of images in colour added. A map of zeros says that the way found nothing.

    Raises:
        ValueError: If the way makes no maps, lacks what it needs, or gives something else; or if the unit fires on no image.

    Example:
        >>> from torch import nn
        >>> from mixmnist.visualize._targets import unit_target
        >>> net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU()).eval()
        >>> make_maps("ink", unit_target(net, "0", 0), torch.ones(2, 1, 8, 8)).shape
        torch.Size([2, 8, 8])
    """
    chosen: Way = registry.choose("ways", way) if isinstance(way, str) else way
    title = way if isinstance(way, str) else way.title
    require(chosen.kind == "map", f"the way must make maps, got {title}, which makes images. Choose another.")
    require(len(images), "images must be one or more, got none. Draw some.")
    checks.check_settings("way", settings or {}, chosen.settings)
    if target.layer is not None:
        refuse_silent(target, images)
    maps = chosen.run(target, images, **chosen.with_settings(settings or {}))
    wanted = (len(images), *images.shape[2:])
    shape = tuple(maps.shape) if isinstance(maps, Tensor) else type(maps).__name__
    require(shape == wanted, f"a way must give one map an image, {list(wanted)}, got {shape} of {title}. Mend its run.")
    require(maps.isfinite().all(), f"maps must be finite, got others of {title}. Look at the net's weights and the settings.")
    found: Tensor = maps.detach().to(images.dtype)
    return found


def refuse_silent(target: Target, images: Float[Tensor, "n channels rows cols"]) -> None:
    """Refuses a unit that says 0 at every place of every image: nothing can be shown of it.

    Raises:
        ValueError: If it never fires.
    """
    every = torch.arange(len(images), device=images.device)
    with torch.no_grad():
        for part in every.split(250):
            few = target.some(part)
            maps = few.maps(images[part])
            if maps[torch.arange(len(part), device=images.device), few.index.to(images.device)].any():
                return
    raise ValueError(
        f"the unit must fire on one image or more, got {target.name}, which is 0 on all {len(images)}. Name another."
    )
