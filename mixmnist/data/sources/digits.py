"""scikit-learn's bundled digits: 1,797 handwritten digits of 8 x 8 pixels; works with no network at all.

Source:
    E. Alpaydin, C. Kaynak (1998), "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository.
    Differs: the 17 grey levels are stretched to 0..255; the last quarter of each class is for testing.
"""

import numpy as np
from sklearn.datasets import load_digits

from mixmnist.core.records import Glyphs, Source
from mixmnist.data.sources._held_out import held_out


def load(root: str | None, split: str) -> Glyphs:
    """Loads a split; the root is not used, the digits come with scikit-learn."""
    del root
    bundled = load_digits()
    grey = bundled.images.astype(np.int64)  # 0..16
    return held_out(((grey * 255 + 8) // 16).astype(np.uint8), bundled.target.astype(np.int64), split)


SOURCE = Source("scikit-learn's handwritten digits, 8 x 8, no network needed", load)
