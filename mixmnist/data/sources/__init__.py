"""Shelf of sources: one file each, ending in `SOURCE`; here is how a source is found, loaded and fingerprinted."""

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixmnist.core import registry
from mixmnist.core.records import Glyphs, Source


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
    """Gives what folders of results call a source: its name, and that of the .npz where there is one."""
    return f"file-{Path(str(root)).stem}" if name == "file" else name


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
    glyphs = source.load(root, split)
    for array in _arrays(glyphs):
        array.setflags(write=False)  # they are shared
    return glyphs


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
