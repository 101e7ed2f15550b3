"""Convolution, batch norm, ReLU and 3/2 max pooling in one step, for training: the same function in a cheaper order.

Batch norm and ReLU never change which pixel of a window is largest once the convolution's sign follows that of the norm's
scale, so the maximum is taken first and the norm is applied to the pooled map, a quarter of the size. The batch's
moments still come from the whole map. Images are taken a few at a time, which keeps the large map in the processor's cache.
"""

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

POOL, STRIDE = 3, 2
CACHE = 1_000_000  # values of the large map held at once on a CPU; on a GPU the batch stays whole


class ConvNormReluPool(torch.autograd.Function):
    """Gives the pooled map and the batch's mean and biased variance per channel (of the convolution with its bias).

    The bias itself cannot matter to the pooled map (the norm subtracts it) and its gradient is zero.
    """

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401 -- torch gives it no public type
        x: Float[Tensor, "images in_channels rows cols"],
        weight: Float[Tensor, "channels fan_in side side"],
        bias: Float[Tensor, " channels"],
        gamma: Float[Tensor, " channels"],
        beta: Float[Tensor, " channels"],
        eps: float,
        padding: int,
        groups: int,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Computes moments of the whole map and the normalised pooled map."""
        device = x.device.type
        if torch.is_autocast_enabled(device):
            x, weight = x.to(torch.get_autocast_dtype(device)), weight.to(torch.get_autocast_dtype(device))
        sign = torch.where(gamma < 0, -1.0, 1.0).to(gamma.dtype)
        kernel = weight * sign[:, None, None, None].to(weight.dtype)
        side = x.shape[2] + 2 * padding - weight.shape[2] + 1
        pieces = -(-len(x) * len(weight) * side * side // CACHE) if device == "cpu" else 1
        step = -(-len(x) // min(pieces, len(x)))
        total = square = torch.zeros_like(gamma, dtype=torch.float64 if device == "cpu" else gamma.dtype)
        maps, pooled, indices = [], [], []
        for part in x.split(step):
            full = F.conv2d(part, kernel, padding=padding, groups=groups)
            wide = full.to(gamma.dtype)
            total = total + wide.sum((0, 2, 3))
            square = square + (wide * wide).sum((0, 2, 3))
            peak, index = F.max_pool2d(full, POOL, STRIDE, return_indices=True)
            maps.append(full)
            pooled.append(peak)
            indices.append(index)
        n = len(x) * side * side
        mean = total / n
        var = (square / n - mean * mean).clamp_min(0).to(gamma.dtype)
        mean = mean.to(gamma.dtype)
        rstd = (var + eps).rsqrt()
        scale = gamma.abs() * rstd
        shift = (beta - mean * scale)[:, None, None]
        out = torch.cat([torch.addcmul(shift, peak.to(gamma.dtype), scale[:, None, None]).relu_() for peak in pooled])
        ctx.save_for_backward(
            x,
            kernel,
            sign,
            mean,
            rstd,
            scale,
            out,
            *(t for triple in zip(maps, pooled, indices, strict=True) for t in triple),
        )
        ctx.padding, ctx.groups, ctx.step, ctx.n = padding, groups, step, n
        batch_mean = mean * sign + bias
        ctx.mark_non_differentiable(batch_mean, var)
        return out, batch_mean, var

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401 -- as above
        """Sends the gradient to the pooled pixels, adds what flows through the moments, then through the convolution."""
        x, kernel, sign, mean, rstd, scale, out, *rest = ctx.saved_tensors
        maps, pooled, indices = (rest[i::3] for i in range(3))
        parts = [g * (o > 0) for g, o in zip(grads[0].split(ctx.step), out.split(ctx.step), strict=True)]
        grad_beta = sum(g.sum((0, 2, 3)) for g in parts)
        grad_gamma = sum((g * peak).sum((0, 2, 3)) for g, peak in zip(parts, pooled, strict=True))
        grad_gamma = (grad_gamma - mean * grad_beta) * rstd
        slope = -scale * rstd * grad_gamma / ctx.n
        offset = -scale * grad_beta / ctx.n - slope * mean
        slope, offset = (v[:, None, None].to(kernel.dtype) for v in (slope, offset))
        grad_x, grad_kernel = [], torch.zeros_like(kernel, dtype=scale.dtype)
        for part, full, index, g in zip(x.split(ctx.step), maps, indices, parts, strict=True):
            g = (g * scale[:, None, None]).to(kernel.dtype)
            g_full = torch.ops.aten.max_pool2d_with_indices_backward(
                g, full, [POOL, POOL], [STRIDE, STRIDE], [0, 0], [1, 1], False, index
            )
            g_full.addcmul_(full, slope).add_(offset)
            g_part, g_kernel, _ = torch.ops.aten.convolution_backward(
                *(g_full, part, kernel, None, [1, 1], [ctx.padding] * 2, [1, 1], False, [0, 0], ctx.groups),
                [ctx.needs_input_grad[0], True, False],
            )
            grad_x.append(g_part)
            grad_kernel += g_kernel
        back = torch.cat(grad_x) if ctx.needs_input_grad[0] else None
        grad_weight = grad_kernel * sign[:, None, None, None]
        return back, grad_weight, torch.zeros_like(mean), grad_gamma * sign, grad_beta, None, None, None
