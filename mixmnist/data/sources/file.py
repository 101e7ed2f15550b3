"""Your own glyphs: an .npz with `images` [n, rows, cols] uint8 (0 is background) and `labels` [n].

Labels are whole numbers, 0 or more: the concept's place in the task's list. Images may be in colour, [n, rows, cols, 3]: each
pixel's largest channel then counts as its ink; networks of three channels see the colours, all others the ink. The last quarter
of each class, in file order, is for testing.
"""

from pathlib import Path

import numpy as np

from mixmnist.core.npz import read_npz
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
    stored = read_npz(path, "glyphs", LAYOUT)
    missing = {"images", "labels"} - set(stored)
    require(not missing, f"{path} must hold images and labels, got no {' and no '.join(sorted(missing))}. {LAYOUT}")
    images, labels = stored["images"], stored["labels"]
    said = "images must be uint8 [n, rows, cols] or [n, rows, cols, 3]"
    require(
        (images.ndim == 3 or (images.ndim == 4 and images.shape[3] == 3)) and images.dtype == np.uint8 and images.size > 0,
        f"{said}, got {images.dtype} {list(images.shape)} in {path}. {LAYOUT}",
    )
    require(
        labels.shape == images.shape[:1] and np.issubdtype(labels.dtype, np.integer) and 0 <= labels.min() <= labels.max() < 1000,
        f"labels must be {len(images)} whole numbers of 0..999, one an image, got {labels.dtype} {list(labels.shape)} "
        f"in {path}. {LAYOUT}",
    )
    return held_out(images, labels.astype(np.int64), split)


SOURCE = Source("your own glyphs: an .npz of images and labels", load)
