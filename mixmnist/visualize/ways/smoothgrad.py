"""SmoothGrad: the gradient, mean over copies of the image with noise.

Formula: map = mean over copies of d target / d pixel at image + noise, noise normal, the same for every image.
Settings: copies; noise: its standard deviation, of pixels in [0, 1]; seed.
Needs: a gradient.

Source:
    D. Smilkov et al. (2017), "SmoothGrad: Removing Noise by Adding Noise", arXiv:1706.03825.
    Differs: signed; noisy pixels are not clipped.
"""

import torch

from mixmnist.core.records import Way, require
from mixmnist.core.seeding import derive
from mixmnist.visualize._targets import Target
from mixmnist.visualize.ways._parts import Maps, Pixels, in_parts


def run(target: Target, images: Pixels, copies: int, noise: float, seed: int) -> Maps:
    """Gives the mean gradient of each image."""
    require(copies >= 1, f"copies must be 1 or more, got copies={copies}.")
    require(noise > 0, f"noise must be above 0, got noise={noise}. Without any, use the way gradient.")

    def one(part: Target, x: Pixels) -> Maps:
        generator = torch.Generator().manual_seed(derive(seed, "way", "smoothgrad"))
        total = torch.zeros_like(x)
        for _ in range(copies):
            drawn = torch.randn(x.shape[1:], generator=generator).to(x)
            total += part.gradient(x + noise * drawn)[1]
        return (total / copies).sum(dim=1)

    return in_parts(target, images, one)


WAY = Way("SmoothGrad", "map", run, ("gradient",), {"copies": 25, "noise": 0.15, "seed": 0})
