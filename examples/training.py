"""What the examples share: a plain training for so many seconds."""

import time

import torch
from torch import nn

from mixmnist.data.mixture import Mixture

BATCH = 64


def train_for(net: nn.Module, mixture: Mixture, seconds: float, channels: int) -> nn.Module:
    """Trains a classifier with AdamW for some seconds, one batch at least; gives it in eval mode.

    Args:
        net: Maps [n, channels, rows, cols] in [0, 1] to [n, classes].
        mixture: Training canvases.
        seconds: How long; the batch in hand is finished.
        channels: 1, or 3 for networks that want colour; grey canvases are repeated.
    """
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3)
    generator = torch.Generator().manual_seed(0)
    end = time.monotonic() + seconds
    net.train()
    while True:
        rows = torch.randint(len(mixture), (BATCH,), generator=generator)
        x = (mixture.images[rows, None] / 255).expand(-1, channels, -1, -1)
        loss = nn.functional.cross_entropy(net(x), mixture.labels[rows])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if time.monotonic() > end:
            return net.eval()
