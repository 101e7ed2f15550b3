"""Reading .npz files that strangers wrote: plain arrays only, never objects."""

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def read_npz(path: str | Path, kind: str, way_out: str) -> dict[str, NDArray[Any]]:
    """Reads every array of an .npz.

    Args:
        path: The file.
        kind: What it holds, for messages.
        way_out: How to make one, for messages.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no whole .npz, or holds objects.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"the .npz of {kind} must exist, got {path}. {way_out}")
    found: dict[str, NDArray[Any]] = {}
    try:
        with path.open("rb") as file, np.lib.npyio.NpzFile(file, allow_pickle=False) as stored:
            for name in stored.files:
                try:
                    found[name] = stored[name]
                except ValueError as error:
                    raise ValueError(f"{path} must hold {name} as a plain array, got {error}. {way_out}") from error
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError) as error:
        raise ValueError(f"{path} must be a whole .npz file, got {error}. {way_out}") from error
    return found
