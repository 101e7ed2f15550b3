"""The loops that count pixels, compiled for the processor by numba on first use; arrays are numpy's, in row-major order."""

from collections.abc import Callable
from typing import Any, no_type_check

import numba
import numpy as np

HALF = 2**15  # of the 65,536 levels; from here on values are not negative
MAGNITUDE = 0x7FFFFFFF  # all bits of a number but its sign
MINUS_ZERO = -(2**31)


def compiled(function: Callable[..., None]) -> Callable[..., Any]:
    """Compiles a loop (no global lock) and keeps it on disk where there is a place for it."""
    try:
        return numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:  # neither the package's folder nor the user's cache can be written
        return numba.njit(nogil=True)(function)


@compiled
@no_type_check
def add_levels(bits, first, end, counts):
    """Counts the pixels of some units at each level.

    bits int32 [images, units, pixels], float32 values as they lie; first, end: the units; counts int64 [units, levels].
    """
    images, _, pixels = bits.shape
    for unit in range(first, end):
        row = counts[unit]
        for image in range(images):
            line = bits[image, unit]
            for pixel in range(pixels):
                value = line[pixel]
                if value < 0:
                    value = np.int32(0) if value == MINUS_ZERO else value ^ np.int32(MAGNITUDE)
                row[(value >> 16) + HALF] += 1


@compiled
@no_type_check
def add_steps(bits, first, end, table, starts, members, every, inside):
    """Counts the pixels of some units at each step between thresholds, on all images and inside each mask.

    table [units, levels]; members: the masks that hold each pixel, image by image, those of pixel p from starts[p] to
    starts[p + 1]; every int64 [units, steps]; inside int64 [units, masks, steps].
    """
    images, _, pixels = bits.shape
    for unit in range(first, end):
        steps, row, own = table[unit], every[unit], inside[unit]
        for image in range(images):
            line, begin = bits[image, unit], starts[image * pixels :]
            for pixel in range(pixels):
                value = line[pixel]
                if value < 0:
                    value = np.int32(0) if value == MINUS_ZERO else value ^ np.int32(MAGNITUDE)
                step = steps[(value >> 16) + HALF]
                row[step] += 1
                for place in range(begin[pixel], begin[pixel + 1]):
                    own[members[place], step] += 1
