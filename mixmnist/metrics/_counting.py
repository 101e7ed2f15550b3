"""The loops over pixels and images, compiled for the processor by numba on first use; arrays are numpy's, in row-major order."""

from collections.abc import Callable
from typing import Any, no_type_check

import numba
import numpy as np

HALF = 2**15  # of the 65,536 levels; from here on values are not negative
MAGNITUDE = 0x7FFFFFFF  # all bits of a number but its sign
MINUS_ZERO = -(2**31)
LINE = 64  # images that go through all steps together: their logits fit into the cache next to the processor


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
def add_steps(bits, first, end, table, bounds, places, every, inside):
    """Counts the pixels of some units at each step between thresholds, on all images and inside each mask.

    table [units, levels]; places: the pixels that the masks hold, image by image and mask by mask, those of mask m on image i
    from bounds[i, m] to bounds[i, m + 1]; every int64 [units, steps]; inside int64 [units, masks, steps].
    """
    images, _, pixels = bits.shape
    step = np.empty(pixels, table.dtype)
    row, rows = np.empty(every.shape[1], np.int32), np.empty(inside.shape[1:], np.int32)  # small: they stay in the cache
    for unit in range(first, end):
        steps = table[unit]
        row[:] = 0
        rows[:] = 0
        for image in range(images):
            line = bits[image, unit]
            for pixel in range(pixels):
                value = line[pixel]
                if value < 0:
                    value = np.int32(0) if value == MINUS_ZERO else value ^ np.int32(MAGNITUDE)
                step[pixel] = steps[(value >> 16) + HALF]
                row[step[pixel]] += 1
            for mask in range(len(rows)):
                own = rows[mask]
                for place in range(bounds[image, mask], bounds[image, mask + 1]):
                    own[step[places[place]]] += 1
        every[unit] += row
        inside[unit] += rows


@compiled
@no_type_check
def add_steps_inside(bits, first, end, table, bounds, places, inside):
    """Counts the pixels inside each mask alone; all else as in `add_steps`."""
    images = len(bits)
    rows = np.empty(inside.shape[1:], np.int32)
    for unit in range(first, end):
        steps = table[unit]
        rows[:] = 0
        for image in range(images):
            line = bits[image, unit]
            for mask in range(len(rows)):
                own = rows[mask]
                for place in range(bounds[image, mask], bounds[image, mask + 1]):
                    value = line[places[place]]
                    if value < 0:
                        value = np.int32(0) if value == MINUS_ZERO else value ^ np.int32(MAGNITUDE)
                    own[steps[(value >> 16) + HALF]] += 1
        inside[unit] += rows


@compiled
@no_type_check
def add_hits(order, present, hits):
    """Fills hits [images + 1, units, concepts]: how many of a unit's first images show a concept.

    order int32 [units, images]: the image at each rank; present bool [images, concepts].
    """
    units, images = order.shape
    for unit in range(units):
        hits[0, unit] = 0
        for rank in range(images):
            before, after, shows = hits[rank, unit], hits[rank + 1, unit], present[order[unit, rank]]
            for concept in range(len(shows)):
                after[concept] = before[concept] + shows[concept]


@compiled
@no_type_check
def add_shares(start, weight, shares, order, about, weights, out):
    """Adds up, after each step, the weighted share of the images that goes to the classes asked about.

    start float32 [classes], the logits with all units silenced; weight float32 [units, classes]; shares float32 [units, images],
    what each unit has above its silenced value; order [units], the first to come back first; about [images]; weights float64
    [images]; out float64 [steps].
    """
    units, images = shares.shape
    logits, best = np.empty((len(start), LINE), np.float32), np.empty(LINE, np.float32)
    for first in range(0, images, LINE):
        end = min(first + LINE, images)
        for c in range(len(start)):
            logits[c] = start[c]
        best[:] = start.max()
        _add_share(logits, best, about[first:end], weights[first:end], out[:1])
        for step in range(units):
            _bring_back(logits, best, weight[order[step]], shares[order[step], first:end])
            _add_share(logits, best, about[first:end], weights[first:end], out[step + 1 : step + 2])


@compiled
@no_type_check
def _bring_back(logits, best, times, share):
    """Adds what one unit gives to the logits [classes, images], and finds the largest of each image."""
    best[:] = -np.inf
    for c in range(len(logits)):
        row, by = logits[c], times[c]
        for image in range(len(share)):
            value = row[image] + by * share[image]
            row[image] = value
            best[image] = value if value > best[image] or value != value else best[image]  # what is no number stays


@compiled
@no_type_check
def _add_share(logits, best, about, weights, out):
    """Adds the weight of each image whose class has the largest logit, divided among those that have it, too."""
    for image in range(len(about)):
        if logits[about[image], image] == best[image]:
            ties = 0
            for c in range(len(logits)):
                ties += logits[c, image] == best[image]
            out[0] += weights[image] / ties
