"""Your own glyphs: an .npz with `images` [n, rows, cols] uint8 (0 is background) and `labels` [n] (whole numbers, 0 or more).

The last quarter of each class, in file order, is for testing.
"""

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixmnist.core.records import Glyphs, Source, require
from mixmnist.data.sources._held_out import held_out

LAYOUT = "Save it with np.savez(path, images=images, labels=labels)."


def load(root: str | None, split: str) -> Glyphs:
    """Loads a split from the .npz at `root`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the arrays are missing or have wrong shapes or dtypes.
    """
    require(bool(root), f"the source file must be given a path, got none. Name it: --source glyphs.npz. {LAYOUT}")
    path = Path(str(root))
    if not path.is_file():
        raise FileNotFoundError(f"the .npz of glyphs must exist, got {path}. {LAYOUT}")
    try:
        with path.open("rb") as file, np.lib.npyio.NpzFile(file, allow_pickle=False) as stored:
            missing = {"images", "labels"} - set(stored.files)
            require(not missing, f"{path} must hold images and labels, got no {' and no '.join(sorted(missing))}. {LAYOUT}")
            images, labels = (_plain(stored, name, path) for name in ("images", "labels"))
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError) as error:
        raise ValueError(f"{path} must be a whole .npz file, got {error}. {LAYOUT}") from error
    require(
        images.ndim == 3 and images.dtype == np.uint8 and images.size > 0,
        f"images must be uint8 [n, rows, cols], got {images.dtype} {list(images.shape)} in {path}. {LAYOUT}",
    )
    require(
        labels.shape == images.shape[:1] and np.issubdtype(labels.dtype, np.integer) and 0 <= labels.min() <= labels.max() < 1000,
        f"labels must be {len(images)} whole numbers of 0..999, one an image, got {labels.dtype} {list(labels.shape)} "
        f"in {path}. {LAYOUT}",
    )
    return held_out(images, labels.astype(np.int64), split)


def _plain(stored: np.lib.npyio.NpzFile, name: str, path: Path) -> NDArray[Any]:
    try:
        array: NDArray[Any] = stored[name]
    except ValueError as error:
        raise ValueError(f"{path} must hold {name} as a plain array, got {error}. {LAYOUT}") from error
    return array


SOURCE = Source("your own glyphs: an .npz of images and labels", load)
