"""What the sources of torchvision.datasets share: local files where they lie, a download where there is a network.

Files that lie there whole are read here; torchvision, which takes seconds to import, fetches them or says what is wrong.
"""

import contextlib
import http.client
import io
import math
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixmnist.core.records import Glyphs, require

PATIENCE = 20.0  # seconds without an answer before a download is given up
KINDS = {b"\0\0\x08": ">u1", b"\0\0\x0c": ">i4"}  # of IDX files, by their first three bytes
NO_DOWNLOAD_SAYS = ("Error downloading", "File not found or corrupted")  # how torchvision's own RuntimeErrors begin


def data_root(root: str | None) -> Path:
    """Gives the folder in which downloaded sources lie: root, else MIXMNIST_DATA, else the user's cache."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mixmnist"
    return Path(root or os.environ.get("MIXMNIST_DATA") or cache)


def named(split: str) -> tuple[str, str]:
    """Names the files of a split's images and labels as MNIST does, and whoever follows it."""
    short = "train" if split == "train" else "t10k"
    return f"{short}-images-idx3-ubyte", f"{short}-labels-idx1-ubyte"


def load(
    dataset: str,
    layout: str,
    make: Callable[[Path], Any],
    root: str | None,
    files: tuple[str, str] | None = None,
    check: Callable[[Path], None] | None = None,
) -> Glyphs:
    """Loads a torchvision dataset into arrays.

    Args:
        dataset: Its class in torchvision.datasets, for messages.
        layout: Where its files lie below the root, for messages.
        make: Makes the dataset from the root, downloading if need be.
        root: See `data_root`.
        files: Names of the split's files of images and of labels.
        check: Looks at what lies below the root before it is read; raises a ValueError that says what is wrong.

    Raises:
        FileNotFoundError: If the files are not there and cannot be fetched.
        ValueError: If a file is there and cannot be read.
    """
    folder = data_root(root)
    try:
        if check is not None:
            check(folder)
        found = None if files is None else _read(*(folder / dataset / "raw" / name for name in files))
        if found is not None:
            return found
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
    return _glyphs(data.data.numpy(), data.targets.numpy())


def _read(*files: Path) -> Glyphs | None:
    """Reads a split's images and labels; None where they are not two whole IDX files of as many."""
    images, labels = map(_read_idx, files)
    if images is None or labels is None or images.dtype != np.uint8 or images.ndim != 3 or len(images) != len(labels):
        return None
    return _glyphs(images, labels)


def _read_idx(path: Path) -> NDArray[Any] | None:
    """Reads an IDX file: four bytes that tell kind and number of axes, the length of each, the values.

    None where it is none, or has other axes than its name says.
    """
    try:
        content = path.read_bytes()
    except OSError:
        return None
    dtype, n_axes = KINDS.get(content[:3]), int.from_bytes(content[3:4])
    start = 4 * (1 + n_axes)
    if dtype is None or f"idx{n_axes}" not in path.name or len(content) < start:
        return None
    lengths = np.frombuffer(content, ">u4", n_axes, offset=4).tolist()
    whole = len(content) == start + math.prod(lengths) * np.dtype(dtype).itemsize
    return np.frombuffer(content, dtype, offset=start).reshape(lengths).copy() if whole else None


def _glyphs(images: NDArray[Any], labels: NDArray[Any]) -> Glyphs:
    one = labels if labels.ndim == 1 else labels[:, 0]  # QMNIST tells more than the class
    return Glyphs(np.ascontiguousarray(images), np.ascontiguousarray(one.astype(np.int64)))


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
