"""The loops of `_planes`, compiled for the processor by numba on first use; arrays are numpy's, in row-major order.

One file of over 300 lines: the loops call each other, and the compiler keeps one cache a file that it checks by the file's date.
"""

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
def correlate(x, products):
    """Adds up each image times itself moved, from every pixel that is not black.

    x [copies, n, rows, cols + margins]; products [copies, rows, cols, FIRST, 2 FIRST - 1]: rows down, columns from 1 - FIRST.
    """
    copies, n, rows, across = x.shape
    cols = products.shape[2]
    for copy in range(copies):
        for i in range(n):
            image = x[copy, i].reshape(rows * across)
            for r in range(rows):
                for c in range(cols):
                    value = image[r * across + c + FIRST - 1]
                    if value != 0:
                        for a in range(min(FIRST, rows - r)):
                            total, line = products[copy, r, c, a], image[(r + a) * across + c :]
                            for b in range(2 * FIRST - 1):
                                total[b] += value * line[b]


@compiled
@no_type_check
def _peaks(full, down, right, tall, above, best, where):
    """Fills best and where with the largest of nine values from each place of `full` on, and how far it is from there.

    They lie on three rows, `down` apart, and three columns, `right` apart; tall, above: room for the largest of three rows.
    Places are 32-bit numbers throughout, so that a vector holds as many of them as of the values.
    """
    n = len(tall)
    one, two, three = full[:n], full[down : down + n], full[2 * down : 2 * down + n]
    near, far = np.int32(down), np.int32(2 * down)
    for t in range(n):
        a, b, c = one[t], two[t], three[t]
        place = near if b > a else np.int32(0)
        value = b if b > a else a
        above[t] = far if c > value else place
        tall[t] = c if c > value else value
    n = len(best)
    one, two, three = tall[:n], tall[right : right + n], tall[2 * right : 2 * right + n]
    first, second, third = above[:n], above[right : right + n], above[2 * right : 2 * right + n]
    near, far = np.int32(right), np.int32(2 * right)
    for t in range(n):
        a, b, c = one[t], two[t], three[t]
        place = np.int32(second[t] + near) if b > a else first[t]
        value = b if b > a else a
        where[t] = np.int32(third[t] + far) if c > value else place
        best[t] = c if c > value else value


@compiled
@no_type_check
def _paint(image, kernels, units, full):
    """Fills full [down, (cols + margin) * units] with the convolution of an image [rows, cols] that is mostly black.

    Every other pixel adds its kernels, turned round: a row of each is one line of numbers here, with the units innermost.
    """
    rows, cols = image.shape
    for r in range(len(full)):
        full[r, :] = 0
    for r in range(rows):
        for c in range(cols):
            value = image[r, c]
            if value != 0:
                for a in range(max(0, r - len(full) + 1), min(FIRST, r + 1)):
                    line, kernel = full[r - a, c * units :], kernels[a]
                    for t in range(len(kernel)):
                        line[t] += value * kernel[t]


@compiled
@no_type_check
def first_forward(x, kernels, scale, shift, out, places):
    """Fills the normalised pooled map and, for each of its pixels, its place in the large map; past its end if it is blocked.

    x [copies, n, rows, cols]; kernels [copies, FIRST, FIRST * units] as `_paint` wants them; scale, shift [copies, units];
    out [copies, n, units, border + high + border, border + wide + border]; places [copies, n, high, wide, units].
    """
    copies, n, rows, cols = x.shape
    high, wide, units = places.shape[2:]
    length = (cols + FIRST - 1) * units
    full = np.empty((rows - FIRST + 1, length), x.dtype)
    flat, line = full.reshape(full.size), np.empty(wide * units, x.dtype)
    tall, above = np.empty((STRIDE * wide + 1) * units, x.dtype), np.empty((STRIDE * wide + 1) * units, np.int32)
    best, where = np.empty((STRIDE * wide - 1) * units, x.dtype), np.empty((STRIDE * wide - 1) * units, np.int32)
    zero, blocked = x.dtype.type(0), np.int32(full.size)
    for copy in range(copies):
        factor, summand = scale[copy], shift[copy]
        for i in range(n):
            _paint(x[copy, i], kernels[copy], units, full)
            for p in range(high):
                start = STRIDE * p * length + (FIRST - 1) * units
                _peaks(flat[start:], length, units, tall, above, best, where)
                for q in range(wide):
                    left = STRIDE * q * units
                    peak, at, base = best[left:], where[left:], np.int32(start + left)
                    target, place = line[q * units :], places[copy, i, p, q]
                    for unit in range(units):
                        value = peak[unit] * factor[unit] + summand[unit]
                        target[unit] = zero if value <= zero else value
                        place[unit] = blocked if value <= zero else np.int32(at[unit] + base + np.int32(unit))
                for unit in range(units):
                    target, source = out[copy, i, unit, p + BORDER, BORDER:], line[unit:]
                    for q in range(wide):
                        target[q] = source[q * units]


@compiled
@no_type_check
def first_backward(x, grad, places, sums, betas):
    """Adds up, over the pooled pixels that the ReLU lets through, the gradient times its patch, and the gradient.

    x [copies, n, rows, cols]; grad like `out` and places as in `first_forward`; sums like its kernels; betas [copies, units].
    """
    copies, n, rows, cols = x.shape
    high, wide, units = places.shape[2:]
    down, length, zero = rows - FIRST + 1, (cols + FIRST - 1) * units, x.dtype.type(0)
    size, part = down * length, np.empty(sums.shape[1:], x.dtype)
    flat, beta, line = np.empty(size + 1, x.dtype), np.empty(units, x.dtype), np.empty(wide * units, x.dtype)
    for copy in range(copies):
        for i in range(n):
            flat[:] = 0
            part[:] = 0
            beta[:] = 0
            for p in range(high):
                for unit in range(units):
                    source, target = grad[copy, i, unit, p + BORDER, BORDER:], line[unit:]
                    for q in range(wide):
                        target[q * units] = source[q]
                for q in range(wide):
                    value, place = line[q * units :], places[copy, i, p, q]
                    for unit in range(units):
                        beta[unit] += value[unit] if place[unit] < size else zero
                    for unit in range(units):
                        flat[np.uint32(place[unit])] += value[unit]
            for r in range(rows):
                for c in range(cols):
                    value = x[copy, i, r, c]
                    if value != 0:
                        for a in range(max(0, r - down + 1), min(FIRST, r + 1)):
                            patch, total = flat[(r - a) * length + c * units :], part[a]
                            for t in range(len(total)):
                                total[t] += value * patch[t]
            sums[copy] += part
            betas[copy] += beta


@compiled
@no_type_check
def _convolve(lines, kernels, start, length, cols, out):
    """Fills out [units, pixels] from `start` on with lines [fan_in, pixels] convolved with kernels [units, fan_in, 9]."""
    units, fan_in = kernels.shape[:2]
    spare = np.empty(length, out.dtype)
    for unit in range(0, units, 2):
        one, two = out[unit, start:], out[unit + 1, start:] if unit + 1 < units else spare
        last = min(unit + 1, units - 1)
        for t in range(length):
            one[t] = two[t] = 0
        for v in range(fan_in):
            for a in range(INNER):
                line, k, m = lines[v, start + a * cols :], kernels[unit, v, a * INNER :], kernels[last, v, a * INNER :]
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
    high, wide = peaks.shape[3:]
    length = STRIDE * (high - 1) * cols + STRIDE * wide - 1  # of the places where a window may start
    tall, above = np.empty(length + 2, x.dtype), np.empty(length + 2, np.int32)
    best, where = np.empty(length, x.dtype), np.empty(length, np.int32)
    zero = x.dtype.type(0)
    for copy in range(copies):
        for i in range(n):
            _convolve(x[copy, i], kernels[copy], 0, size - INNER + 1, cols, full[copy, i])
            for unit in range(units):
                line = full[copy, i, unit]
                _blank_edge(line, cols, size)
                total = square = zero
                for t in range(size):
                    total += line[t]
                    square += line[t] * line[t]
                sums[0, copy, unit] += total
                sums[1, copy, unit] += square
                _peaks(line, cols, 1, tall, above, best, where)
                for p in range(high):
                    start = STRIDE * p * cols
                    peak, at = best[start:], where[start:]
                    target, place = peaks[copy, i, unit, p], places[copy, i, unit, p]
                    for q in range(wide):
                        target[q] = peak[STRIDE * q]
                        place[q] = at[STRIDE * q] + start + STRIDE * q


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
def _add_kernel_gradient(planes, lines, unit, start, length, cols, sums):
    """Adds to sums [units, fan_in, taps] the planes [fan_in, pixels] times the gradients of four units' maps."""
    zero = planes.dtype.type(0)
    one, two, three, four = lines[unit, start:], lines[unit + 1, start:], lines[unit + 2, start:], lines[unit + 3, start:]
    for v in range(len(planes)):
        for a in range(INNER):
            line = planes[v, a * cols :]
            s0 = s1 = s2 = r0 = r1 = r2 = q0 = q1 = q2 = p0 = p1 = p2 = zero
            for t in range(length):
                x0, x1, x2 = line[t], line[t + 1], line[t + 2]
                s0 += one[t] * x0
                s1 += one[t] * x1
                s2 += one[t] * x2
                r0 += two[t] * x0
                r1 += two[t] * x1
                r2 += two[t] * x2
                q0 += three[t] * x0
                q1 += three[t] * x1
                q2 += three[t] * x2
                p0 += four[t] * x0
                p1 += four[t] * x1
                p2 += four[t] * x2
            for b, parts in enumerate(((s0, r0, q0, p0), (s1, r1, q1, p1), (s2, r2, q2, p2))):
                for u, part in enumerate(parts):
                    sums[unit + u, v, a * INNER + b] += part


@compiled
@no_type_check
def inner_backward(x, turned, full, grad, places, slope, offset, grad_x, grad_kernels, cols):
    """Fills the planes' gradient, but for their border's, and adds to that of the kernels, image by image.

    x, grad_x [copies, n, fan_in, rows * cols]; turned [copies, fan_in, units, taps], the kernels turned by half a circle;
    full [copies, n, units, down * cols]; grad, places [copies, n, units, pooled pixels]; slope, offset [copies, units];
    grad_kernels [copies, units, fan_in, taps].
    """
    copies, n, units, size = full.shape
    pixels = x.shape[3]
    ahead = (INNER - 1) * cols + INNER - 1  # zeros before and after the large map's gradient, for the turned kernels
    first = BORDER * (cols + 1)  # the pixel where the border ends
    wanted = pixels - 2 * first
    lines = np.zeros((units + -units % 4, ahead + size + ahead), x.dtype)
    sums = np.empty((len(lines), *grad_kernels.shape[2:]), x.dtype)
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
            _convolve(lines, turned[copy], first, wanted, cols, grad_x[copy, i])
            sums[:] = 0
            for unit in range(0, units, 4):
                _add_kernel_gradient(x[copy, i], lines, unit, ahead, size - INNER + 1, cols, sums)
            grad_kernels[copy] += sums[:units]
