"""The loops of `_planes`, compiled for the processor by numba on first use; arrays are numpy's, in row-major order."""

from collections.abc import Callable
from typing import Any, no_type_check

import numba
import numpy as np

from mixmnist.nets._pooled import STRIDE

BORDER = 1  # rows and columns of zeros around what the first layer gives: the padding of the next convolution
FIRST, INNER = 5, 3  # rows and columns of the kernels


def compiled(function: Callable[..., None]) -> Callable[..., Any]:
    """Compiles a loop (no global lock, sums in any order) and keeps it on disk where there is a place for it."""
    fast = {"contract", "nsz", "reassoc"}
    try:
        return numba.njit(nogil=True, fastmath=fast, cache=True)(function)
    except RuntimeError:  # neither the package's folder nor the user's cache can be written
        return numba.njit(nogil=True, fastmath=fast)(function)


@compiled
@no_type_check
def correlate(x, shifts, products):
    """Adds up each image times itself moved: x [copies, n, pixels], shifts, products [copies, shifts, pixels]."""
    copies, n, pixels = x.shape
    for copy in range(copies):
        for i in range(n):
            image = x[copy, i]
            for s in range(len(shifts)):
                moved, total = image[shifts[s] :], products[copy, s]
                for t in range(pixels - shifts[s]):
                    total[t] += image[t] * moved[t]


@compiled
@no_type_check
def _pool(full, cols, peaks, places):
    """Fills peaks and places [high, wide] with each window's largest value and its place on the line `full`."""
    high, wide = peaks.shape
    length = STRIDE * (high - 1) * cols + STRIDE * wide + 1
    best, where = np.empty(length, full.dtype), np.empty(length, np.int32)
    below, far = full[cols:], full[2 * cols :]
    for t in range(length):  # the largest of three rows, everywhere
        value, place = full[t], 0
        if below[t] > value:
            value, place = below[t], cols
        if far[t] > value:
            value, place = far[t], 2 * cols
        best[t], where[t] = value, place
    for t in range(length - 2):  # of three columns; what is written is not read again
        value, place = best[t], where[t]
        if best[t + 1] > value:
            value, place = best[t + 1], where[t + 1] + 1
        if best[t + 2] > value:
            value, place = best[t + 2], where[t + 2] + 2
        best[t], where[t] = value, place
    for p in range(high):
        for q in range(wide):
            t = STRIDE * (p * cols + q)
            peaks[p, q], places[p, q] = best[t], t + where[t]


@compiled
@no_type_check
def first_forward(x, kernels, scale, shift, out, places):
    """Fills the normalised pooled map and, for each pixel that the ReLU lets through, where its patch starts (else -1).

    x [copies, n, rows, cols]; kernels [copies, units, taps]; scale, shift [copies, units];
    out [copies, n, units, border + high + border, border + wide + border]; places [copies, n, units, high * wide].
    """
    copies, n, rows, cols = x.shape
    units, high, wide = out.shape[2], out.shape[3] - 2 * BORDER, out.shape[4] - 2 * BORDER
    length = (rows - FIRST + 1) * cols - FIRST + 1  # the large map as one line; its last columns are not used
    full = np.empty(length + FIRST, x.dtype)
    peaks, where = np.empty((high, wide), x.dtype), np.empty((high, wide), np.int32)
    zero = x.dtype.type(0)
    for copy in range(copies):
        for i in range(n):
            image = x[copy, i].reshape(rows * cols)
            for unit in range(units):
                full[:] = 0
                for a in range(FIRST):
                    line, k = image[a * cols :], kernels[copy, unit, a * FIRST :]
                    k0, k1, k2, k3, k4 = k[0], k[1], k[2], k[3], k[4]
                    for t in range(length):
                        full[t] += k0 * line[t] + k1 * line[t + 1] + k2 * line[t + 2] + k3 * line[t + 3] + k4 * line[t + 4]
                _pool(full, cols, peaks, where)
                place = places[copy, i, unit]
                for p in range(high):
                    target = out[copy, i, unit, p + BORDER, BORDER:]
                    for q in range(wide):
                        target[q] = max(peaks[p, q] * scale[copy, unit] + shift[copy, unit], zero)
                        place[p * wide + q] = -1 if target[q] == 0 else where[p, q]


@compiled
@no_type_check
def first_backward(x, grad, places, sums):
    """Adds up, over the pooled pixels that the ReLU lets through, the gradient times its patch, and the gradient.

    x [copies, n, rows, cols]; grad like `out` and places as in `first_forward`; sums [copies, units, taps + 1].
    """
    copies, n, units, pixels = places.shape
    rows, cols = x.shape[2:]
    wide = grad.shape[4] - 2 * BORDER
    values, starts = np.empty(pixels + 1, x.dtype), np.empty(pixels + 1, np.uintp)
    zero = x.dtype.type(0)
    for copy in range(copies):
        for i in range(n):
            image = x[copy, i].reshape(rows * cols)
            for unit in range(units):
                place, total, count, beta = places[copy, i, unit], sums[copy, unit], 0, zero
                for p in range(pixels // wide):
                    line, at = grad[copy, i, unit, p + BORDER, BORDER:], place[p * wide :]
                    for q in range(wide):  # without a branch: what is blocked is written over
                        values[count], starts[count] = line[q], at[q]
                        count += at[q] >= 0
                for t in range(count):
                    beta += values[t]
                for a in range(FIRST):
                    s0 = s1 = s2 = s3 = s4 = zero
                    for t in range(count):
                        value, start = values[t], starts[t] + np.uintp(a * cols)
                        s0 += value * image[start]
                        s1 += value * image[start + np.uintp(1)]
                        s2 += value * image[start + np.uintp(2)]
                        s3 += value * image[start + np.uintp(3)]
                        s4 += value * image[start + np.uintp(4)]
                    for b, part in enumerate((s0, s1, s2, s3, s4)):
                        total[a * FIRST + b] += part
                total[FIRST * FIRST] += beta


@compiled
@no_type_check
def _convolve(lines, kernels, length, cols, out):
    """Fills out [units, >= length]: lines [fan_in, pixels] convolved with kernels [units, fan_in, 9], two units at a time."""
    units, fan_in = kernels.shape[:2]
    spare = np.empty(length, out.dtype)
    for unit in range(0, units, 2):
        one, two = out[unit], out[unit + 1] if unit + 1 < units else spare
        last = min(unit + 1, units - 1)
        for t in range(length):
            one[t] = two[t] = 0
        for v in range(fan_in):
            for a in range(INNER):
                line, k, m = lines[v, a * cols :], kernels[unit, v, a * INNER :], kernels[last, v, a * INNER :]
                k0, k1, k2, m0, m1, m2 = k[0], k[1], k[2], m[0], m[1], m[2]
                for t in range(length):
                    x0, x1, x2 = line[t], line[t + 1], line[t + 2]
                    one[t] += k0 * x0 + k1 * x1 + k2 * x2
                    two[t] += m0 * x0 + m1 * x1 + m2 * x2


@compiled
@no_type_check
def inner_forward(x, kernels, full, peaks, places, sums, cols):
    """Fills the large map (its columns past the edge with zeros), the pooled peaks and their places; adds up the moments.

    x [copies, n, fan_in, rows * cols]; kernels [copies, units, fan_in, 9]; full [copies, n, units, down * cols];
    peaks, places [copies, n, units, high, wide]; sums [2, copies, units].
    """
    copies, n, units, size = full.shape
    zero = x.dtype.type(0)
    for copy in range(copies):
        for i in range(n):
            _convolve(x[copy, i], kernels[copy], size - INNER + 1, cols, full[copy, i])
            for unit in range(units):
                line = full[copy, i, unit]
                _blank_edge(line, cols, size)
                total = square = zero
                for t in range(size):
                    total += line[t]
                    square += line[t] * line[t]
                sums[0, copy, unit] += total
                sums[1, copy, unit] += square
                _pool(line, cols, peaks[copy, i, unit], places[copy, i, unit])


@compiled
@no_type_check
def normalise(peaks, scale, shift, places, out):
    """Fills out [n, pixels, channels] from peaks [copies, n, units, pixels] and marks the places that the ReLU blocks by -1."""
    copies, n, units, pixels = peaks.shape
    zero = peaks.dtype.type(0)
    for i in range(n):
        for copy in range(copies):
            for unit in range(units):
                channel = copy * units + unit
                peak, place = peaks[copy, i, unit], places[copy, i, unit]
                for q in range(pixels):
                    value = max(peak[q] * scale[channel] + shift[channel], zero)
                    out[i, q, channel] = value
                    place[q] = -1 if value == 0 else place[q]


@compiled
@no_type_check
def collect(grad, peaks, places, scale, routed, sums):
    """Fills routed [copies, n, units, pixels] with grad [n, pixels, channels] times scale, zero where the ReLU blocks.

    Adds to sums [2, channels] the gradient that passes and that gradient times peaks.
    """
    copies, n, units, pixels = peaks.shape
    zero = peaks.dtype.type(0)
    for i in range(n):
        for copy in range(copies):
            for unit in range(units):
                channel = copy * units + unit
                peak, place, target = peaks[copy, i, unit], places[copy, i, unit], routed[copy, i, unit]
                for q in range(pixels):
                    target[q] = grad[i, q, channel] if place[q] >= 0 else zero
                total = times = zero
                for q in range(pixels):
                    total += target[q]
                    times += target[q] * peak[q]
                    target[q] *= scale[channel]
                sums[0, channel] += total
                sums[1, channel] += times


@compiled
@no_type_check
def _blank_edge(line, cols, size):
    """Sets the columns of a large map's line that lie past its edge to zero."""
    for start in range(cols - INNER + 1, size, cols):
        for t in range(start, start + INNER - 1):
            line[t] = 0


@compiled
@no_type_check
def _add_kernel_gradient(planes, one, two, length, cols, first, second):
    """Adds to first and second [fan_in, taps] the planes [fan_in, pixels] times the gradients of two units' large maps."""
    zero = planes.dtype.type(0)
    for v in range(len(planes)):
        for a in range(INNER):
            line = planes[v, a * cols :]
            s0 = s1 = s2 = r0 = r1 = r2 = zero
            for t in range(length):
                x0, x1, x2 = line[t], line[t + 1], line[t + 2]
                s0 += one[t] * x0
                s1 += one[t] * x1
                s2 += one[t] * x2
                r0 += two[t] * x0
                r1 += two[t] * x1
                r2 += two[t] * x2
            for b, (s, r) in enumerate(((s0, r0), (s1, r1), (s2, r2))):
                first[v, a * INNER + b] += s
                second[v, a * INNER + b] += r


@compiled
@no_type_check
def inner_backward(x, turned, full, grad, places, slope, offset, grad_x, grad_kernels, cols):
    """Fills the planes' gradient and adds to that of the kernels, image by image.

    x, grad_x [copies, n, fan_in, rows * cols]; turned [copies, fan_in, units, taps], the kernels turned by half a circle;
    full [copies, n, units, down * cols]; grad, places [copies, n, units, pooled pixels]; slope, offset [copies, units];
    grad_kernels [copies, units, fan_in, taps].
    """
    copies, n, units, size = full.shape
    pixels = x.shape[3]
    ahead = (INNER - 1) * cols + INNER - 1  # zeros before and after the large map's gradient, for the turned kernels
    lines = np.zeros((units + units % 2, ahead + size + ahead), x.dtype)
    spare = np.empty(grad_kernels.shape[2:], grad_kernels.dtype)
    for copy in range(copies):
        for i in range(n):
            for unit in range(units):
                line, source = lines[unit, ahead:], full[copy, i, unit]
                for t in range(size):
                    line[t] = source[t] * slope[copy, unit] + offset[copy, unit]
                _blank_edge(line, cols, size)
                value, place = grad[copy, i, unit], places[copy, i, unit]
                for q in range(len(place)):
                    line[max(place[q], 0)] += value[q]  # zero where the place is -1
            _convolve(lines, turned[copy], pixels, cols, grad_x[copy, i])
            for unit in range(0, units, 2):
                second = grad_kernels[copy, unit + 1] if unit + 1 < units else spare
                one, two = lines[unit, ahead:], lines[unit + 1, ahead:]
                _add_kernel_gradient(x[copy, i], one, two, size - INNER + 1, cols, grad_kernels[copy, unit], second)
