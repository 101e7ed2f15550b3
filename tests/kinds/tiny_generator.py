"""Tiny: four units that draw blots on a canvas; what tests train where a generator is asked for."""

import math

import torch
from torch import nn

from mixmnist.core.records import Generator
from mixmnist.training import Outcome

NEVER = -1  # no seed fails


class Tiny(nn.Module):
    """Codes of 3 numbers, 4 units on 2 by 5 cells, one canvas."""

    latent = 3

    def __init__(self, size, seed):
        super().__init__()
        self.size = size
        self.spread, self.units, self.paint = nn.Linear(3, 4 * 2 * 5), nn.ReLU(), nn.Conv2d(4, 1, 1)
        generator = torch.Generator().manual_seed(seed)
        for weight in self.parameters():
            nn.init.normal_(weight, generator=generator)

    def forward(self, codes):
        maps = self.units(self.spread(codes).view(-1, 4, 2, 5))
        return self.paint(nn.functional.interpolate(maps, (self.size, self.size))).sigmoid()

    def codes(self, n, seed):
        return torch.randn(n, self.latent, generator=torch.Generator().manual_seed(seed))


def build(canvas, seed, rate=0.1, fails=NEVER):
    """Gives one with the weights of a seed."""
    return Tiny(canvas.size, seed).eval()


def train(lesson, rate=0.1, fails=NEVER):
    """Draws the mean of the seed's canvases nearer, a step an epoch."""
    found, recipe = [], lesson.variant.training
    for seed in lesson.seeds:
        net = Tiny(lesson.variant.canvas.size, seed)
        real = lesson.draw("train", recipe.images, seed).images.float().mean(dim=0) / 255
        history = []
        for _ in range(recipe.epochs):
            loss = (net(net.codes(8, seed))[:, 0].mean(dim=0) - real).square().mean()
            grown = torch.autograd.grad(loss, list(net.parameters()))
            with torch.no_grad():
                for weight, slope in zip(net.parameters(), grown, strict=True):
                    weight -= rate * slope
            history.append((float(loss.detach()), math.nan))
        found.append((net.eval(), Outcome(tuple(history), "the loss is no number" if seed == fails else None)))
    return found


GENERATOR = Generator(
    "Blots", build, layers=("units", "paint"), layer="units", train=train, settings={"rate": 0.1, "fails": NEVER}
)
