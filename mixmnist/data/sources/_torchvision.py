"""What the sources of torchvision.datasets share: local files where they lie, a download where there is a network."""

import contextlib
import http.client
import io
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mixmnist.core.records import Glyphs, require

PATIENCE = 20.0  # seconds without an answer before a download is given up
NO_DOWNLOAD_SAYS = ("Error downloading", "File not found or corrupted")  # how torchvision's own RuntimeErrors begin


def data_root(root: str | None) -> Path:
    """Gives the folder in which downloaded sources lie: root, else MIXMNIST_DATA, else the user's cache."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mixmnist"
    return Path(root or os.environ.get("MIXMNIST_DATA") or cache)


def load(dataset: str, layout: str, make: Callable[[Path], Any], root: str | None) -> Glyphs:
    """Loads a torchvision dataset into arrays.

    Args:
        dataset: Its class in torchvision.datasets, for messages.
        layout: Where its files lie below the root, for messages.
        make: Makes the dataset from the root, downloading if need be.
        root: See `data_root`.

    Raises:
        FileNotFoundError: If the files are not there and cannot be fetched.
        ValueError: If a file is there and cannot be read.
    """
    folder = data_root(root)
    try:
        with _quiet_download():
            data = make(folder)
        require(len(data.data) == len(data.targets), f"{len(data.data)} images and {len(data.targets)} labels")
    except (OSError, http.client.HTTPException, RuntimeError) as error:  # no network, no permission, no space, ...
        if isinstance(error, RuntimeError) and not str(error).startswith(NO_DOWNLOAD_SAYS):
            raise _broken(dataset, folder / layout, error) from error  # torch could not shape what it read
        raise FileNotFoundError(
            f"{dataset} must lie at {folder / layout} or be downloadable, got neither ({_first_line(error)}). With a "
            f'network: python -c "from torchvision.datasets import {dataset}; '
            f"[{dataset}('{folder}', train=t, download=True) for t in (1, 0)]\"; without one, copy the files there or use "
            "--source digits."
        ) from error
    except (AssertionError, ValueError, EOFError, KeyError, TypeError) as error:
        raise _broken(dataset, folder / layout, error) from error
    labels = data.targets if data.targets.ndim == 1 else data.targets[:, 0]
    return Glyphs(np.ascontiguousarray(data.data.numpy()), np.ascontiguousarray(labels.numpy().astype(np.int64)))


def _broken(dataset: str, place: Path, error: Exception) -> ValueError:
    return ValueError(
        f"the files of {dataset} must be whole IDX files, got {_first_line(error)} at {place}. "
        "Delete that folder and fetch it again."
    )


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(":. ")


@contextlib.contextmanager
def _quiet_download() -> Iterator[None]:
    """Keeps torchvision's prints off the screen and stops waiting for a network that does not answer."""
    patience = socket.getdefaulttimeout()
    socket.setdefaulttimeout(PATIENCE)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        socket.setdefaulttimeout(patience)
