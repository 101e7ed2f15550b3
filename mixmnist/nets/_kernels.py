"""The kernels of `_fused`, compiled for the GPU by Triton on first use; float32, planes in row-major order.

No two programs write to one place: what is added up over programs lies in memory by program and is added in the order of their
numbers by whoever needs it. So the same numbers give the same bytes.

Throughout: j counts the pixels of all images of a copy; a tile is the pixels of one program; a channel is copy * units + unit;
parts [2, channels, tiles] are what each tile found of a channel; stats [4, channels] are mean, 1 / deviation, mean with the bias,
and unbiased variance; gains [3, channels] are the gradients of a norm's scale and shift and of the convolution's bias.
"""

from typing import no_type_check

import triton
import triton.language as tl

BLOCKED = tl.constexpr(9)  # the place of a pooled pixel that the ReLU blocks; others are 0 to 8, row by row in the window
STEP = tl.constexpr(256)  # parts or images that are read at once where they are added up
NUMBERS = "images fan_in units rows cols down across high wide size wide_below size_below tiles tile_size"
STEPS = "per_copy per_unit per_plane per_row per_col per_image per_pixel"
kernel = triton.jit(do_not_specialize=f"{NUMBERS} {STEPS}".split())  # no kernel is compiled anew for each value of these


@triton.jit
@no_type_check
def _moments(parts, channel, channels, tiles, n, size):
    """Gives mean and sum of squared distances from it of a channel with n pixels, from those of tiles of `size` pixels."""
    means = tl.zeros((STEP,), tl.float32)
    squares = tl.zeros((STEP,), tl.float32)
    for start in range(0, tiles, STEP):
        tile = start + tl.arange(0, STEP)
        count = tl.maximum(tl.minimum(n - tile * size, size), 0).to(tl.float32)
        means += tl.load(parts + channel * tiles + tile, tile < tiles, 0.0) * count
    mean = tl.sum(means, 0) / n
    for start in range(0, tiles, STEP):
        tile = start + tl.arange(0, STEP)
        count = tl.maximum(tl.minimum(n - tile * size, size), 0).to(tl.float32)
        apart = tl.load(parts + channel * tiles + tile, tile < tiles, 0.0) - mean
        square = tl.load(parts + (channels + channel) * tiles + tile, tile < tiles, 0.0)
        squares += tl.where(tile < tiles, square + count * apart * apart, 0.0)
    return mean, tl.sum(squares, 0)


@triton.jit
@no_type_check
def _norm(parts, stats, gamma, beta, bias, channel, channels, tiles, n, size, eps, first):
    """Gives factor and summand of a channel's norm, and its mean; the first program of the channel keeps its statistics."""
    mean, square = _moments(parts, channel, channels, tiles, n, size)
    rstd = 1.0 / tl.sqrt(square / n + eps)
    tl.store(stats + channel, mean, first)
    tl.store(stats + channels + channel, rstd, first)
    tl.store(stats + 2 * channels + channel, mean + tl.load(bias + channel), first)
    tl.store(stats + 3 * channels + channel, square / (n - 1), first)
    factor = tl.load(gamma + channel) * rstd
    return factor, tl.load(beta + channel) - mean * factor, mean


@triton.jit
@no_type_check
def _through_norm(grad_beta, times, stats, gamma, gains, channel, channels, n, first):
    """Gives factor, slope, offset and mean: a pixel gets factor * what comes to it + slope * (itself - mean) + offset.

    grad_beta, times: what comes to the channel's pixels, added up, and added up times their distance from the mean. The first
    program of the channel keeps the gradients.
    """
    mean, rstd = tl.load(stats + channel), tl.load(stats + channels + channel)
    factor = tl.load(gamma + channel) * rstd
    grad_gamma = times * rstd
    tl.store(gains + channel, grad_gamma, first)
    tl.store(gains + channels + channel, grad_beta, first)
    tl.store(gains + 2 * channels + channel, 0.0, first)  # the norm takes the bias away again
    return factor, -factor * rstd * grad_gamma / n, -factor * grad_beta / n, mean


@kernel
@no_type_check
def convolve(
    x, w, out, parts, places, below, means, images, fan_in, units, rows, cols, down, across, wide_below, size_below,
    per_copy, per_unit, per_plane, per_row, per_col, tiles,
    SIDE: tl.constexpr, PAD: tl.constexpr, LINES: tl.constexpr, BACK: tl.constexpr, UNITS: tl.constexpr, SIZE: tl.constexpr,
):  # fmt: skip
    """Fills out [copies, images, units, down, across] from x [copies, images, fan_in, rows, cols] and parts from out.

    w is read with the steps per_copy ... per_col. Forward, parts are the mean and the sum of squared distances from it. Backward
    (BACK), x and out are gradients of this layer's pixels and of the pooled pixels below it, which came from `places` of the
    large map `below` [copies, images, units, size_below], its rows wide_below and its `means` [channels]; parts are the sum of
    what the ReLU let through, and of that times the pixels' distance from the mean.
    """
    tile, copy, unit = tl.program_id(0), tl.program_id(1).to(tl.int64), tl.program_id(2) * UNITS + tl.arange(0, UNITS)
    size = down * across
    j = tile * SIZE + tl.arange(0, SIZE)
    there, known = j < images * size, unit < units
    image, pixel = j // size, j % size
    row, col = pixel // across - PAD, pixel % across - PAD
    source = x + copy * images * fan_in * rows * cols + image * fan_in * rows * cols + row * cols + col
    kernel = w + copy * per_copy + unit * per_unit
    total = tl.zeros((UNITS, SIZE), tl.float32)
    for line in range(fan_in * (SIDE // LINES)):  # of the kernels, so many at once
        plane, top = line // (SIDE // LINES), line % (SIDE // LINES) * LINES
        for further in tl.static_range(LINES):
            a = top + further
            inside = there
            if PAD > 0:
                inside = there & (row + a >= 0) & (row + a < rows)
            values = source + plane * rows * cols + a * cols
            weights = kernel + plane * per_plane + (SIDE - 1 - a if BACK else a) * per_row  # backward turned by half a circle
            for b in tl.static_range(SIDE):
                if PAD > 0:
                    value = tl.load(values + b, inside & (col + b >= 0) & (col + b < cols), 0.0)
                else:
                    value = tl.load(values + b, inside, 0.0)
                weight = tl.load(weights + (SIDE - 1 - b if BACK else b) * per_col, known, 0.0)
                total += weight[:, None] * value[None, :]
    real = known[:, None] & there[None, :]
    at = (copy * images + image[None, :]) * units + unit[:, None]  # a plane
    tl.store(out + at * size + pixel[None, :], total, real)
    channel = copy * units + unit
    if BACK:
        place = tl.load(places + at * size + pixel[None, :], real, BLOCKED).to(tl.int32)
        passes = place < BLOCKED
        corner = 2 * (row + PAD) * wide_below + 2 * (col + PAD)
        peak = tl.load(below + at * size_below + corner[None, :] + (place // 3) * wide_below + place % 3, passes, 0.0)
        total = tl.where(passes, total, 0.0)
        first, second = tl.sum(total, 1), tl.sum(total * (peak - tl.load(means + channel, known, 0.0)[:, None]), 1)
    else:
        first = tl.sum(tl.where(real, total, 0.0), 1) / tl.minimum(images * size - tile * SIZE, SIZE)
        apart = tl.where(real, total - first[:, None], 0.0)
        second = tl.sum(apart * apart, 1)
    tl.store(parts + channel * tiles + tile, first, known)
    tl.store(parts + (tl.num_programs(1) * units + channel) * tiles + tile, second, known)


@kernel
@no_type_check
def pool(
    z, parts, gamma, beta, bias, stats, out, places, images, units, down, across, high, wide, tiles, size, eps,
    SIZE: tl.constexpr,
):  # fmt: skip
    """Fills out and places [copies, images, units, high, wide] from z [copies, images, units, down, across], and stats.

    The largest of a window is the first one in the order of its rows, whichever sign the norm's scale has.
    """
    channel, chunk, channels = tl.program_id(1), tl.program_id(0), tl.num_programs(1)
    n = images * down * across
    factor, summand, _ = _norm(parts, stats, gamma, beta, bias, channel, channels, tiles, n, size, eps, chunk == 0)
    sign = tl.where(tl.load(gamma + channel) < 0, -1.0, 1.0)
    j = chunk * SIZE + tl.arange(0, SIZE)
    there = j < images * high * wide
    image, pixel = j // (high * wide), j % (high * wide)
    plane = ((channel // units).to(tl.int64) * images + image) * units + channel % units
    source = z + plane * (down * across) + 2 * (pixel // wide) * across + 2 * (pixel % wide)
    best = tl.load(source, there, 0.0) * sign
    place = tl.zeros((SIZE,), tl.int32)
    for t in tl.static_range(1, 9):
        value = tl.load(source + (t // 3) * across + t % 3, there, 0.0) * sign
        place = tl.where(value > best, t, place)
        best = tl.where(value > best, value, best)
    value = best * sign * factor + summand
    shut = value <= 0  # what is not a number stays
    tl.store(out + plane * (high * wide) + pixel, tl.where(shut, 0.0, value), there)
    tl.store(places + plane * (high * wide) + pixel, tl.where(shut, BLOCKED, place).to(tl.int8), there)


@kernel
@no_type_check
def unpool(
    z, places, grad, parts, gamma, stats, gains, out, images, units, down, across, high, wide, tiles,
    SIZE: tl.constexpr,
):  # fmt: skip
    """Fills out, the gradient of z, from that of the pooled map, and gains; shapes as in `pool`, parts as by `convolve`."""
    channel, chunk, channels = tl.program_id(1), tl.program_id(0), tl.num_programs(1)
    n = images * down * across
    betas = tl.zeros((STEP,), tl.float32)
    products = tl.zeros((STEP,), tl.float32)
    for start in range(0, tiles, STEP):
        tile = start + tl.arange(0, STEP)
        betas += tl.load(parts + channel * tiles + tile, tile < tiles, 0.0)
        products += tl.load(parts + (channels + channel) * tiles + tile, tile < tiles, 0.0)
    beta_grad, times = tl.sum(betas, 0), tl.sum(products, 0)
    factor, slope, offset, mean = _through_norm(beta_grad, times, stats, gamma, gains, channel, channels, n, chunk == 0)
    j = chunk * SIZE + tl.arange(0, SIZE)
    there = j < n
    image, pixel = j // (down * across), j % (down * across)
    row, col = pixel // across, pixel % across
    plane = ((channel // units).to(tl.int64) * images + image) * units + channel % units
    comes = tl.zeros((SIZE,), tl.float32)
    for above in tl.static_range(2):  # the windows that start at or just before the pixel's row, and those two rows before
        for left in tl.static_range(2):
            p, q = row // 2 - above, col // 2 - left
            a, b = row - 2 * p, col - 2 * q
            inside = there & (a < 3) & (b < 3) & (p >= 0) & (p < high) & (q >= 0) & (q < wide)
            at = plane * (high * wide) + p * wide + q
            place = tl.load(places + at, inside, BLOCKED).to(tl.int32)
            comes += tl.load(grad + at, inside & (place == 3 * a + b), 0.0)
    value = tl.load(z + plane * (down * across) + pixel, there, 0.0)
    tl.store(out + plane * (down * across) + pixel, factor * comes + slope * (value - mean) + offset, there)


@kernel
@no_type_check
def add_up(
    z, parts, gamma, beta, bias, stats, kept, out, images, units, size, tiles, tile_size, per_image, per_pixel, eps,
    DROPPED: tl.constexpr, IMAGES: tl.constexpr, SIZE: tl.constexpr,
):  # fmt: skip
    """Fills out [3, copies, units, images] from z [copies, images, units, size], and stats.

    After norm, ReLU and dropout (z times kept, which is read with the steps per_image and per_pixel): the sum over each map; how
    much of the map passes; the sum of z's distance from the mean where it does.
    """
    channel, chunk, channels = tl.program_id(1), tl.program_id(0), tl.num_programs(1)
    n = images * size
    factor, summand, mean = _norm(parts, stats, gamma, beta, bias, channel, channels, tiles, n, tile_size, eps, chunk == 0)
    image = chunk * IMAGES + tl.arange(0, IMAGES)
    plane = ((channel // units).to(tl.int64) * images + image) * units + channel % units
    total = tl.zeros((IMAGES,), tl.float32)
    passed = tl.zeros((IMAGES,), tl.float32)
    products = tl.zeros((IMAGES,), tl.float32)
    for start in range(0, size, SIZE):
        pixel = start + tl.arange(0, SIZE)
        there = (image < images)[:, None] & (pixel < size)[None, :]
        value = tl.load(z + (plane * size)[:, None] + pixel[None, :], there, 0.0)
        share = tl.where(there, 1.0, 0.0)
        if DROPPED:
            share = tl.load(kept + image[:, None] * per_image + pixel[None, :] * per_pixel + channel, there, 0.0)
        normed = value * factor + summand
        share = tl.where(normed <= 0, 0.0, share)  # what is not a number stays
        total += tl.sum(tl.where(there, normed * share, 0.0), 1)
        passed += tl.sum(share, 1)
        products += tl.sum(share * (value - mean), 1)
    at = channel * images + image
    tl.store(out + at, total, image < images)
    tl.store(out + channels * images + at, passed, image < images)
    tl.store(out + 2 * channels * images + at, products, image < images)


@kernel
@no_type_check
def spread(
    z, grad, found, kept, gamma, beta, stats, gains, out, images, units, size, per_image, per_pixel,
    DROPPED: tl.constexpr, SIZE: tl.constexpr,
):  # fmt: skip
    """Fills out, the gradient of z, from that of each map's sum [images, channels], and gains; found: what `add_up` gave."""
    channel, chunk, channels = tl.program_id(1), tl.program_id(0), tl.num_programs(1)
    n = images * size
    betas = tl.zeros((STEP,), tl.float32)
    products = tl.zeros((STEP,), tl.float32)
    for start in range(0, images, STEP):
        image = start + tl.arange(0, STEP)
        real = image < images
        comes = tl.load(grad + image * channels + channel, real, 0.0)
        betas += comes * tl.load(found + (channels + channel) * images + image, real, 0.0)
        products += comes * tl.load(found + (2 * channels + channel) * images + image, real, 0.0)
    beta_grad, times = tl.sum(betas, 0), tl.sum(products, 0)
    factor, slope, offset, mean = _through_norm(beta_grad, times, stats, gamma, gains, channel, channels, n, chunk == 0)
    summand = tl.load(beta + channel) - mean * factor
    j = chunk * SIZE + tl.arange(0, SIZE)
    there = j < n
    image, pixel = j // size, j % size
    at = (((channel // units).to(tl.int64) * images + image) * units + channel % units) * size + pixel
    value = tl.load(z + at, there, 0.0)
    comes = tl.load(grad + image * channels + channel, there, 0.0)
    if DROPPED:
        comes *= tl.load(kept + image * per_image + pixel * per_pixel + channel, there, 0.0)
    comes = tl.where(value * factor + summand <= 0, 0.0, comes)
    tl.store(out + at, factor * comes + slope * (value - mean) + offset, there)


@kernel
@no_type_check
def correlate(
    x, grad, parts, images, fan_in, units, rows, cols, down, across, tiles,
    SIDE: tl.constexpr, PAD: tl.constexpr, UNITS: tl.constexpr, TAPS: tl.constexpr, ROWS: tl.constexpr, COLS: tl.constexpr,
):  # fmt: skip
    """Fills parts [splits, copies, units, SIDE, SIDE, fan_in], of which the kernels' gradient is the sum over the splits.

    x and grad, the gradient of what it was convolved to, are shaped as in `convolve`; a split takes `tiles` tiles of ROWS by
    COLS pixels of an image.
    """
    split, copy, copies = tl.program_id(0), tl.program_id(1).to(tl.int64), tl.num_programs(1)
    taps, size = SIDE * SIDE * fan_in, down * across
    blocks, beside = tl.cdiv(taps, TAPS), tl.cdiv(across, COLS)
    unit = (tl.program_id(2) // blocks) * UNITS + tl.arange(0, UNITS)
    tap = (tl.program_id(2) % blocks) * TAPS + tl.arange(0, TAPS)
    a, b, plane = tap // fan_in // SIDE - PAD, tap // fan_in % SIDE - PAD, tap % fan_in
    source = x + copy * images * fan_in * rows * cols + (plane * rows * cols + a * cols + b)[:, None]
    target, known = grad + copy * images * units * size + (unit * size)[:, None], (unit < units)[:, None]
    down_in, right_in = tl.arange(0, ROWS * COLS) // COLS, tl.arange(0, ROWS * COLS) % COLS
    total = tl.zeros((UNITS, TAPS), tl.float32)
    each = tl.cdiv(down, ROWS) * beside  # tiles of an image
    for tile in range(split * tiles, tl.minimum((split + 1) * tiles, images * each)):
        image, row, col = tile // each, tile % each // beside * ROWS + down_in, tile % beside * COLS + right_in
        there = (row < down) & (col < across)
        inside = (tap < taps)[:, None] & there[None, :]
        if PAD > 0:
            r, c = row[None, :] + a[:, None], col[None, :] + b[:, None]
            inside = inside & (r >= 0) & (r < rows) & (c >= 0) & (c < cols)
        patch = tl.load(source + (image * fan_in * rows * cols + row * cols + col)[None, :], inside, 0.0)
        comes = tl.load(target + (image * units * size + row * across + col)[None, :], known & there[None, :], 0.0)
        total += tl.dot(comes, tl.trans(patch), input_precision="tf32x3")
    at = ((split * copies + copy) * units + unit)[:, None] * taps + tap[None, :]
    tl.store(parts + at, total, known & (tap < taps)[None, :])
