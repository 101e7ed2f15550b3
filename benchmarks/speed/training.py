"""Training five seeds of the baseline: two blocks at a time, as a sweep does, against a plain PyTorch loop, seed by seed.

The peer is written as its users write it: one net in NCHW float32, a shuffling DataLoader over a TensorDataset, cross-entropy,
SGD and one-cycle schedule, torch's own number of threads. Each core of ours trains a block of five.
"""

import os
import statistics
import threading
from collections.abc import Iterator

import torch
from _timing import ROUNDS, Row, timed
from torch.utils.data import DataLoader, TensorDataset

from mixmnist.core.records import Training
from mixmnist.data import mixture
from mixmnist.nets import convnet
from mixmnist.training import train

SEEDS, IMAGES = 5, 6_400
PEER = "a plain PyTorch loop with a DataLoader, seed by seed"


class OnCard:
    """Batches of rows in random order, on the device where the images lie."""

    def __init__(self, images: torch.Tensor, labels: torch.Tensor, batch: int) -> None:
        self.images, self.labels, self.batch = images, labels, batch

    def __len__(self) -> int:
        return len(self.images) // self.batch

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        order = torch.randperm(len(self.images), device=self.images.device)
        for rows in order.split(self.batch)[: len(self)]:
            yield self.images[rows], self.labels[rows]


def plain_loop(images: torch.Tensor, labels: torch.Tensor, epochs: int, seed: int) -> convnet.ConvNet:
    """Trains one net as most people write it."""
    torch.manual_seed(seed)
    recipe = Training()
    net = convnet.ConvNet(convnet.Widths(), 45).to(images.device)
    loader = DataLoader(TensorDataset(images, labels), recipe.batch, shuffle=True, drop_last=True)
    if images.is_cuda:  # where the whole set lies on the card, people take rows of it
        loader = OnCard(images, labels, recipe.batch)
    optimiser = torch.optim.SGD(net.parameters(), recipe.peak, recipe.momentum, weight_decay=recipe.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, recipe.peak, epochs * len(loader), pct_start=recipe.warmup, cycle_momentum=False
    )
    net.train()
    for _ in range(epochs):
        for x, y in loader:
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(net(x), y).backward()
            optimiser.step()
            schedule.step()
    return net.eval()


def blocks(images: torch.Tensor, labels: torch.Tensor, at_a_time: int) -> None:
    """Trains blocks of five for an epoch, one a core."""
    recipe = Training(images=IMAGES, epochs=1)

    def work() -> None:
        torch.set_num_threads(1)
        train(convnet.build(convnet.Widths(), 45, range(SEEDS)), images, labels, recipe, range(SEEDS))

    workers = [threading.Thread(target=work) for _ in range(at_a_time)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def compare() -> Iterator[Row]:
    """Times images per second of both in turns."""
    drawn = mixture.draw("pairs", "auto", "train", IMAGES)
    images, labels = drawn.images.expand(SEEDS, -1, -1, -1).contiguous(), drawn.labels.expand(SEEDS, -1).contiguous()
    x = drawn.images[:, None].float() / 255
    cores, threads = len(os.sched_getaffinity(0)), torch.get_num_threads()
    ours, theirs = [], []
    for turn in range(ROUNDS + 1):
        torch.set_num_threads(threads)
        loop = timed(lambda: plain_loop(x, drawn.labels, 1, 0)) * cores * SEEDS
        block = timed(lambda: blocks(images, labels, cores))
        if turn:  # the first one warms up
            theirs.append(loop)
            ours.append(block)
    torch.set_num_threads(threads)
    amount = f"{cores} x {SEEDS} seeds, {IMAGES:,} images each"
    speeds = [cores * SEEDS * IMAGES / statistics.median(times) for times in (ours, theirs)]
    note = f"{speeds[0]:,.0f} against {speeds[1]:,.0f} images/s; the peer trained one seed, times {cores * SEEDS}"
    yield Row("training", amount, PEER, tuple(ours), tuple(theirs), note=note)
