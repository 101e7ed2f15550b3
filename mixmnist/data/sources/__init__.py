"""Shelf of sources: one file each, ending in `SOURCE`; here is how a source is found, loaded and fingerprinted."""

import hashlib
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixmnist.core import registry
from mixmnist.core.records import Glyphs, Source, require


def resolve_source(source: str, root: str | None) -> tuple[str, str | None]:
    """Turns what a user may say into the name of a source and its root.

    "auto" becomes "mnist" if MNIST is on disk or can be fetched, else "digits"; a path to an .npz becomes "file".

    Raises:
        ValueError: If the source is unknown.
    """
    if source.endswith(".npz"):
        return "file", source
    if source == "auto":
        return ("mnist" if _has_mnist(root) else "digits"), root
    registry.choose("sources", source)
    return source, root


def label(name: str, root: str | None) -> str:
    """Gives what folders of results call a source: its name, and that of its file where there is one, in ordinary letters."""
    if name != "file" and not name.endswith(".py"):
        return name
    stem = re.sub(r"[^A-Za-z0-9_.+=-]+", "-", Path(str(root) if name == "file" else name).stem).strip("-.")
    return f"{'file' if name == 'file' else 'source'}-{stem}"


@lru_cache(maxsize=4)
def _has_mnist(root: str | None) -> bool:
    try:
        load_glyphs("mnist", root, "test")
    except FileNotFoundError:
        return False
    return True


_LENT: dict[tuple[str, str | None, str], Glyphs] = {}


def lend(name: str, root: str | None, glyphs: Mapping[str, Glyphs]) -> None:
    """Gives a source's glyphs, by split, to a process that need not have its files; they count from then on."""
    for split, lent in glyphs.items():
        _LENT[name, root, split] = lent


@lru_cache(maxsize=4)
def load_glyphs(name: str, root: str | None, split: str) -> Glyphs:
    """Loads the glyphs of one split of a source, "train" or "test"."""
    if (name, root, split) in _LENT:
        return _LENT[name, root, split]
    source: Source = registry.choose("sources", name)
    glyphs = source.load(root, split) if not name.endswith(".py") else _own(source, name, root, split)
    for array in _arrays(glyphs):
        array.setflags(write=False)  # they are shared
    return glyphs


def _own(source: Source, name: str, root: str | None, split: str) -> Glyphs:
    """Loads glyphs by a file of somebody's own.

    Raises:
        ValueError: If it raises anything, or gives no glyphs.
    """
    way_out = "See what the file of `digits` gives."
    try:
        found = source.load(root, split)
    except OSError:
        raise
    except (Exception, SystemExit) as error:  # whatever a stranger's source may raise
        raise ValueError(f"{name} must give glyphs, got {registry.raised(error, Path(name))}. {way_out}") from error
    require(isinstance(found, Glyphs), f"{name} must give Glyphs(images, labels), got {type(found).__name__}. {way_out}")
    images, labels, colours = found.images, found.labels, found.colours
    three = isinstance(images, np.ndarray) and images.dtype == np.uint8 and images.ndim == 3 and images.size
    require(three, f"{name} must give images uint8 [glyphs, rows, cols], got {_shape(images)}. {way_out}")
    whole = isinstance(labels, np.ndarray) and labels.dtype == np.int64 and labels.shape == images.shape[:1] and labels.min() >= 0
    require(whole, f"{name} must give a label a glyph, int64, 0 or more, got {_shape(labels)}. {way_out}")
    fits = colours is None or (colours.dtype == np.uint8 and colours.shape == (*images.shape, 3))
    require(fits, f"{name} must give colours uint8 [glyphs, rows, cols, 3], got {_shape(colours)}. {way_out}")
    return found


def _shape(found: object) -> str:
    return f"{found.dtype} {list(found.shape)}" if isinstance(found, np.ndarray) else type(found).__name__


@lru_cache(maxsize=4)
def fingerprint(name: str, root: str | None) -> str:
    """Gives the SHA-256 of a source's glyphs and labels, both splits."""
    digest = hashlib.sha256()
    for split in ("train", "test"):
        glyphs = load_glyphs(name, root, split)
        for array in _arrays(glyphs):
            digest.update(repr(array.shape).encode())
            digest.update(np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).tobytes())
    return digest.hexdigest()


def _arrays(glyphs: Glyphs) -> list[NDArray[Any]]:
    return [glyphs.images, glyphs.labels, *([] if glyphs.colours is None else [glyphs.colours])]
