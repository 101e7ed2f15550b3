"""Convolution, batch norm, ReLU and 3/2 max pooling in one step, for training: the same function in a cheaper order.

Batch norm and ReLU never change which pixel of a window is largest once the convolution's sign follows that of the norm's
scale, so the maximum is taken first and the norm is applied to the pooled map, a quarter of the size. The batch's
moments still come from the whole map.
"""

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

POOL, STRIDE = 3, 2


class ConvNormReluPool(torch.autograd.Function):
    """Gives the pooled map and the batch's mean and unbiased variance per channel (of the convolution with its bias).

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
        full = F.conv2d(x, kernel, padding=padding, groups=groups)
        wide = full.to(gamma.dtype)
        n = full.numel() // full.shape[1]
        var, mean = torch.var_mean(wide, (0, 2, 3), correction=0)
        rstd = (var + eps).rsqrt()
        scale = gamma.abs() * rstd
        peaks, index = F.max_pool2d(wide, POOL, STRIDE, return_indices=True)
        out = torch.addcmul((beta - mean * scale)[:, None, None], peaks, scale[:, None, None]).relu_()
        ctx.save_for_backward(x, kernel, sign, mean, rstd, scale, full, peaks, index, out)
        ctx.padding, ctx.groups = padding, groups
        moments = mean * sign + bias, var * (n / (n - 1))
        ctx.mark_non_differentiable(*moments)
        return out, *moments

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401 -- as above
        """Sends the gradient to the pooled pixels, adds what flows through the moments, then through the convolution."""
        x, kernel, sign, mean, rstd, scale, full, peaks, index, out = ctx.saved_tensors
        n = full.numel() // full.shape[1]
        grad = grads[0] * (out > 0)
        grad_beta = grad.sum((0, 2, 3))
        grad_gamma, slope, offset = through_moments(grad_beta, (grad * peaks).sum((0, 2, 3)), mean, rstd, scale)
        slope, offset = ((v / n)[:, None, None].to(kernel.dtype) for v in (slope, offset))
        grad = (grad * scale[:, None, None]).to(kernel.dtype)
        if full.is_cuda:
            grad_full = in_one_order(grad, full, index)
        else:
            grad_full = torch.ops.aten.max_pool2d_with_indices_backward(
                grad, full, [POOL, POOL], [STRIDE, STRIDE], [0, 0], [1, 1], False, index
            )
        grad_full.addcmul_(full, slope).add_(offset)
        grad_x, grad_kernel, _ = torch.ops.aten.convolution_backward(
            *(grad_full, x, kernel, None, [1, 1], [ctx.padding] * 2, [1, 1], False, [0, 0], ctx.groups),
            [ctx.needs_input_grad[0], True, False],
        )
        grad_weight = grad_kernel.to(sign) * sign[:, None, None, None]
        return grad_x, grad_weight, torch.zeros_like(mean), grad_gamma * sign, grad_beta, None, None, None


def in_one_order(grad: Tensor, full: Tensor, index: Tensor) -> Tensor:
    """Sends the gradient of pooled pixels to their places in the large map, one pixel of all windows after the other.

    On a GPU torch's own function adds them in any order, each time another one.
    """
    found, (high, wide), cols = torch.zeros_like(full), grad.shape[2:], full.shape[3]
    rows = torch.arange(0, STRIDE * high * cols, STRIDE * cols, device=grad.device)[:, None]
    corner = rows + torch.arange(0, STRIDE * wide, STRIDE, device=grad.device)  # high wide
    for a in range(POOL):
        for b in range(POOL):
            pixels = found[:, :, a : a + STRIDE * high - 1 : STRIDE, b : b + STRIDE * wide - 1 : STRIDE]
            pixels += torch.where(index == corner + a * cols + b, grad, 0)
    return found


def through_moments(
    grad_beta: Tensor, times_peak: Tensor, mean: Tensor, rstd: Tensor, scale: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Gives the scale's gradient and, times the pixels of the large map, slope and offset of what each of them gets."""
    grad_gamma = (times_peak - mean * grad_beta) * rstd
    slope = -scale * rstd * grad_gamma
    return grad_gamma, slope, -scale * grad_beta - slope * mean
