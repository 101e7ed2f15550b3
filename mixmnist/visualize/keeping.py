"""Keeping readers and generators: a file that is there and fits is read, otherwise one is trained and written to it."""

import contextlib
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Protocol, TypeVar, runtime_checkable

from mixmnist.core.records import Canvas
from mixmnist.data.mixture import Mixture
from mixmnist.data.sources import label, resolve_source
from mixmnist.visualize import _generating
from mixmnist.visualize._generating import Inverting, train_generator
from mixmnist.visualize._generator import Encoder, Generator, OtherNetError, load_generator
from mixmnist.visualize.reader import Reader, Reading, load_reader, train_reader


@runtime_checkable
class _Written(Protocol):
    def save(self, path: str | Path) -> None: ...


Kept = TypeVar("Kept", bound=_Written)


def kept_reader(
    path: Path, source: str, canvas: Canvas, root: str | None = None, seed: int = 0, reading: Reading | None = None
) -> Reader:
    """Gives the reader that a file keeps, if it was trained in this way; otherwise trains it and keeps it there.

    Args:
        path: The file, which need not be there.
        source: Of the glyphs.
        canvas: The layout.
        root: Folder of the source's files.
        seed: Of its weights and canvases.
        reading: How it is trained; by default as a `Reading` says.

    Raises:
        ValueError: If the file holds something else than a reader.
    """
    reading = reading or Reading()
    if path.is_file():
        reader = load_reader(path)
        if (reader.source, reader.canvas, reader.seed, reader.reading) == (_named(source, root), canvas, seed, reading):
            return reader
    return _keep(path, lambda: train_reader(source, seed, canvas=canvas, root=root, reading=reading))


def fits(reader: Reader, source: str, canvas: Canvas, root: str | None = None) -> bool:
    """Says whether a reader was trained on the glyphs of a source, on such canvases."""
    return (reader.source, reader.canvas) == (_named(source, root), canvas)


def kept_generator(path: Path, encoder: Encoder, canvases: Mixture, seed: int = 0, how: Inverting | None = None) -> Generator:
    """Gives the generator that a file keeps, if it inverts this layer and was trained in this way; otherwise trains and keeps it.

    Args:
        path: The file, which need not be there.
        encoder: A layer of a net.
        canvases: To train on, as in `train_generator`.
        seed: Of weights and order.
        how: Losses, steps, initialisation; by default as an `Inverting` says.

    Raises:
        ValueError: If the file holds something else than a generator, or there are too few canvases.
    """
    how = how or Inverting()
    if path.is_file():
        with contextlib.suppress(OtherNetError):
            found = load_generator(path, encoder.net, encoder.transform)
            made = {"seed": seed, "canvases": len(canvases) - _generating.CHECKED, **asdict(how), "widths": list(how.widths)}
            same = (found.encoder.layer, found.encoder.pool) == (encoder.layer, encoder.pool)
            if same and made.items() <= dict(found.about).items():
                return found
    return _keep(path, lambda: train_generator(encoder, canvases, seed, how))


def _named(source: str, root: str | None) -> str:
    name, place = resolve_source(source, root)
    return label(name, place)


def _keep(path: Path, make: Callable[[], Kept]) -> Kept:
    made = make()
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    made.save(partial)
    partial.replace(path)
    return made
