"""The first two layers of a training step on a processor: convolution, batch norm, ReLU and 3/2 max pooling at once.

Libraries convolve so few channels far below the processor's speed and carry every map through memory several times. Here an
image is taken through a layer while it lies in the cache: its planes (one a channel, with their border) are lines of numbers,
a convolution adds up shifted lines, and pooling comes before the norm, as in `_pooled`, which has the same functions for a
GPU. The loops are in `_loops`.
"""

from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from mixmnist.nets import _loops
from mixmnist.nets._loops import BORDER, FIRST, INNER
from mixmnist.nets._pooled import POOL, STRIDE, through_moments


class FirstLayer(torch.autograd.Function):
    """Convolves each copy's grey images, 5x5 and without padding; no gradient flows to the images.

    Gives the pooled map with its border and the batch's mean and unbiased variance per channel (of the convolution with its
    bias). The large map is never kept: the moments follow from those of the images' patches, in which the mean is linear and
    the variance quadratic, and each pooled pixel sends its gradient to the one patch that it came from.
    """

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401 -- torch gives it no public type
        x: Float[Tensor, "copies images rows cols"],
        weight: Float[Tensor, "channels 1 side side"],
        bias: Float[Tensor, " channels"],
        gamma: Float[Tensor, " channels"],
        beta: Float[Tensor, " channels"],
        eps: float,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Computes the moments from the patches, then the normalised pooled map."""
        copies, n, rows, cols = x.shape
        sign = torch.where(gamma < 0, -1.0, 1.0).to(gamma.dtype)
        kernels = (weight * sign[:, None, None, None]).reshape(copies, -1, FIRST * FIRST)
        patch, product = _patch_moments(x)
        centre = torch.einsum("kut,kt->ku", kernels.double(), patch)
        square = torch.einsum("kut,kts,kus->ku", kernels.double(), product, kernels.double())
        mean, var = _moments(centre.flatten(), square.flatten(), gamma.dtype)
        rstd = (var + eps).rsqrt()
        scale = gamma.abs() * rstd
        high, wide = (_pooled(size - FIRST + 1) for size in (rows, cols))
        units = kernels.shape[1]
        out = x.new_zeros(copies, n, units, high + 2 * BORDER, wide + 2 * BORDER)
        places = torch.empty(copies, n, high, wide, units, dtype=torch.int32)
        positions = n * (rows - FIRST + 1) * (cols - FIRST + 1)
        turned = kernels.view(copies, units, FIRST, FIRST).flip(3).permute(0, 2, 3, 1).flatten(2)
        _loops.first_forward(*_arrays(x, turned, scale.view(copies, -1), (beta - mean * scale).view(copies, -1), out, places))
        ctx.save_for_backward(x, kernels, sign, patch, product, mean, rstd, scale, places)
        moments = mean * sign + bias, var * (positions / (positions - 1))
        ctx.mark_non_differentiable(*moments)
        return out, *moments

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401 -- as above
        """Sends the gradient to the patches of the pooled pixels and adds what flows through the moments."""
        x, kernels, sign, patch, product, mean, rstd, scale, places = ctx.saved_tensors
        copies, units, taps = kernels.shape
        sums, betas = torch.zeros(copies, FIRST, FIRST * units).double(), torch.zeros(copies, units).double()
        _loops.first_backward(*_arrays(x, grads[0], places, sums, betas))
        routed = sums.view(copies, FIRST, FIRST, units).flip(2).permute(0, 3, 1, 2).reshape(-1, taps)
        grad_beta = betas.flatten()
        times_peak = (kernels.flatten(0, 1) * routed).sum(1)
        grad_gamma, slope, offset = through_moments(grad_beta, times_peak, mean.double(), rstd.double(), scale.double())
        dense = slope.view(copies, units, 1) * (kernels.double() @ product) + offset.view(copies, units, 1) * patch[:, None]
        grad_kernel = scale[:, None] * routed + dense.flatten(0, 1)
        grad_weight = (grad_kernel * sign[:, None]).to(sign).view(-1, 1, FIRST, FIRST)
        return None, grad_weight, torch.zeros_like(sign), grad_gamma.to(sign) * sign, grad_beta.to(sign), None


class InnerLayer(torch.autograd.Function):
    """Convolves each copy's planes, 3x3, which hold their border already; no gradient flows to the border.

    Gives the pooled map, as images by channels by rows by columns and without a border, and the same moments as `FirstLayer`.
    """

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401 -- torch gives it no public type
        x: Float[Tensor, "copies images fan_in rows cols"],
        weight: Float[Tensor, "channels fan_in side side"],
        bias: Float[Tensor, " channels"],
        gamma: Float[Tensor, " channels"],
        beta: Float[Tensor, " channels"],
        eps: float,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Convolves, adds up the moments and pools in one pass; normalises what is left."""
        copies, n, fan_in, rows, cols = x.shape
        sign = torch.where(gamma < 0, -1.0, 1.0).to(gamma.dtype)
        kernels = (weight * sign[:, None, None, None]).reshape(copies, -1, fan_in, INNER * INNER)
        units, down, across = kernels.shape[1], rows - INNER + 1, cols - INNER + 1
        full = x.new_empty(copies, n, units, down * cols)
        peaks = x.new_empty(copies, n, units, _pooled(down), _pooled(across))
        places = torch.empty(peaks.shape, dtype=torch.int32)
        sums = torch.zeros(2, copies, units, dtype=torch.float64)
        _loops.inner_forward(*_arrays(x.flatten(3), kernels, full, peaks, places, sums), cols)
        positions = n * down * across
        mean, var = _moments(sums[0].flatten() / positions, sums[1].flatten() / positions, gamma.dtype)
        rstd = (var + eps).rsqrt()
        scale = gamma.abs() * rstd
        out = x.new_empty(n, *peaks.shape[3:], len(weight))
        _loops.normalise(*_arrays(peaks.flatten(3), scale, beta - mean * scale, places.flatten(3), out.flatten(1, 2)))
        ctx.save_for_backward(x, kernels, sign, mean, rstd, scale, full, peaks, places)
        moments = mean * sign + bias, var * (positions / (positions - 1))
        ctx.mark_non_differentiable(*moments)
        return out.permute(0, 3, 1, 2), *moments

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401 -- as above
        """Sends the gradient to the pooled pixels, adds what flows through the moments, then through the convolution."""
        x, kernels, sign, mean, rstd, scale, full, peaks, places = ctx.saved_tensors
        copies, n, fan_in, rows, cols = x.shape
        routed, sums = torch.empty_like(peaks), torch.zeros(2, len(sign), dtype=torch.float64)
        grad = grads[0].permute(0, 2, 3, 1).flatten(1, 2)
        _loops.collect(*_arrays(grad, peaks.flatten(3), places.flatten(3), scale, routed.flatten(3), sums))
        grad_beta, times_peak = sums.to(sign)
        grad_gamma, slope, offset = through_moments(grad_beta, times_peak, mean, rstd, scale)
        positions = n * (rows - INNER + 1) * (cols - INNER + 1)
        slope, offset = (v.view(copies, -1) / positions for v in (slope, offset))
        grad_x = x.new_zeros(copies, n, fan_in, rows * cols)
        grad_kernel = torch.zeros(kernels.shape, dtype=torch.float64)
        lines = x.flatten(3), kernels.flip(3).transpose(1, 2), full, routed.flatten(3), places.flatten(3)
        _loops.inner_backward(*_arrays(*lines, slope, offset, grad_x, grad_kernel), cols)
        grad_weight = grad_kernel.flatten(0, 1).view(-1, fan_in, INNER, INNER).to(sign) * sign[:, None, None, None]
        return grad_x.view(x.shape), grad_weight, torch.zeros_like(sign), grad_gamma * sign, grad_beta, None


def _pooled(size: int) -> int:
    """Counts the windows along an edge."""
    return (size - POOL) // STRIDE + 1


def _moments(mean: Tensor, square: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Turns a mean and a mean square in float64 into a mean and a biased variance."""
    return mean.to(dtype), (square - mean * mean).clamp_min(0).to(dtype)


def _patch_moments(x: Float[Tensor, "copies images rows cols"]) -> tuple[Tensor, Tensor]:
    """Gives the mean patch [copies, taps] and the mean product of two of its pixels [copies, taps, taps], in float64.

    A product depends on the two pixels' distance and on where the patch starts: products at each distance are added up over
    the images, pixel by pixel, and then over the window that the first of the two passes over.
    """
    copies, n, rows, cols = x.shape
    which, down, across = _patch_geometry(rows, cols)
    products = x.new_zeros(copies, rows, cols, FIRST, 2 * FIRST - 1)
    _loops.correlate(*_arrays(F.pad(x, (FIRST - 1, FIRST - 1)), products))
    windows = (down.to(x) @ products.view(copies, rows, -1)).view(copies, FIRST, cols, -1)  # copies side cols steps
    windows = across.to(x) @ windows  # copies side side steps
    total = down @ x.sum(1).double() @ across.T
    positions = n * (rows - FIRST + 1) * (cols - FIRST + 1)
    return total.flatten(1) / positions, windows.double().flatten(1)[:, which] / positions


@lru_cache
def _patch_geometry(
    rows: int, cols: int
) -> tuple[Int[Tensor, "taps taps"], Float[Tensor, "side rows"], Float[Tensor, "side cols"]]:
    """Gives which distance and window each pair of taps uses, and the rows and columns of the windows."""
    steps = [(down, right) for down in range(FIRST) for right in range(1 - FIRST, FIRST)]
    taps = FIRST * FIRST
    which = torch.empty(taps, taps, dtype=torch.int64)
    for first in range(taps):
        for second in range(first, taps):
            step = (second // FIRST - first // FIRST, second % FIRST - first % FIRST)
            which[first, second] = which[second, first] = first * len(steps) + steps.index(step)
    start, edges = torch.arange(FIRST)[:, None], (torch.arange(rows), torch.arange(cols))
    down, across = (((at >= start) & (at - start <= len(at) - FIRST)).double() for at in edges)
    return which, down, across


def _arrays(*tensors: Tensor) -> list[Any]:
    """Views tensors as numpy's arrays, all in row-major order, so that each loop is compiled for one layout."""
    return [tensor.detach().contiguous().numpy() for tensor in tensors]
