"""Reading .npz files that strangers wrote: plain arrays only, never objects."""

import math
import os
import zipfile
import zlib
from pathlib import Path
from typing import Any, BinaryIO

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
        ValueError: If it is no whole .npz, holds objects, or claims more numbers than it has or than this machine's memory.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"the .npz of {kind} must exist, got {path}. {way_out}")
    found: dict[str, NDArray[Any]] = {}
    try:
        with path.open("rb") as file, np.lib.npyio.NpzFile(file, allow_pickle=False) as stored:
            _check_sizes(file)
            for name in stored.files:
                try:
                    found[name] = stored[name]
                except ValueError as error:
                    raise ValueError(f"{path} must hold {name} as a plain array, got {error}. {way_out}") from error
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError, _Oversized, MemoryError) as error:
        raise ValueError(f"{path} must be a whole .npz file, got {error}. {way_out}") from error
    return found


class _Oversized(Exception):  # noqa: N818 -- it becomes a sentence
    """Arrays that are not what their headers claim, or too large for this machine."""


def _check_sizes(file: BinaryIO) -> None:
    """Makes sure, before anything is unpacked, that every array is as large as its header claims and that all fit into memory."""
    left = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 2**34
    with zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            left -= member.file_size
            if left < 0:
                raise _Oversized("arrays that are larger than this machine's memory")
            if member.filename.endswith(".npy"):
                _check_header(archive, member)
    file.seek(0)


def _check_header(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    with archive.open(member) as packed:
        try:
            shape, _, dtype = readers[np.lib.format.read_magic(packed)](packed)
        except (ValueError, KeyError):
            return  # numpy says what is wrong with it
        size = math.prod(shape) * dtype.itemsize
        if not dtype.hasobject and size != member.file_size - packed.tell():
            raise _Oversized(f"{member.filename} that claims {size:,} bytes and has {member.file_size - packed.tell():,}")
