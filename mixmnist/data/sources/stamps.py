"""Stamps: one fixed black and white glyph of 12 x 12 pixels a digit, the same for training and testing.

No two are alike and each touches all four sides of its box, so none lies within another's window unless the two boxes are one.
On canvases with glyphs of 12 pixels that do not overlap a matched filter (weight 2T - 1, bias 1 - sum of T, ReLU; T the stamp)
therefore answers exactly 1 at its own stamp's place and exactly 0 at every other one: planted networks are exact on this source.
"""

import numpy as np

from mixmnist.core.records import Glyphs, Source

DRAWN = """
    .####. ..##.. #####. #####. ##..## ###### .##### ###### .####. .####.
    ##..## .###.. ....## ....## ##..## ##.... ##.... ....## ##..## ##..##
    ##..## ..##.. .####. .####. ###### #####. #####. ...##. .####. ##..##
    ##..## ..##.. ##.... ....## ....## ....## ##..## ..##.. ##..## .#####
    ##..## ..##.. ##.... ....## ....## ....## ##..## .##... ##..## ....##
    .####. ###### ###### #####. ....## #####. .####. .##... .####. #####.
"""  # the digits 0-9 beside each other, a mark for two by two pixels


def load(root: str | None, split: str) -> Glyphs:
    """Loads a split; neither root nor split matters.

    Example:
        >>> load(None, "test").images.shape
        (10, 12, 12)
    """
    del root, split
    rows = [line.split() for line in DRAWN.split("\n") if line.strip()]
    marks = np.array([[list(part) for part in row] for row in rows]) == "#"  # rows digits cols
    small = marks.transpose(1, 0, 2)  # digits rows cols
    return Glyphs(small.repeat(2, axis=1).repeat(2, axis=2).astype(np.uint8) * 255, np.arange(10))


SOURCE = Source("one fixed glyph a digit, 12 x 12, on which planted networks are exact", load, fixed=True)
