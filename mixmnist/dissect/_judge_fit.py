"""The training of a judge: one plain loop, each batch of odd canvases drawn anew."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor
from tqdm import tqdm

from mixmnist.core.records import Canvas, require
from mixmnist.dissect._judge_net import Found, JudgeNet, cell_targets
from mixmnist.dissect._odd import Mix, OddCanvases, Pool, odd_canvases
from mixmnist.dissect.reading import BACKGROUND, BATCH, CLASSES
from mixmnist.training import Outcome, Stopped, Watch

SLOPES = tuple(float(slope) for slope in range(4, 41))  # tried for the log odds of a glyph more
PARTS = 20  # of a training, after each of which the watch is told


@dataclass(frozen=True)
class Judging:
    """How a judge is trained."""

    steps: int = 1600
    """Batches of canvases, none of them seen twice."""
    batch: int = 64
    """Canvases of each."""
    rate: float = 0.004
    """Learning rate at its peak; one cycle of AdamW."""
    decay: float = 0.01
    """Weight decay."""
    crowd: float = 0.7
    """Share of canvases with four glyphs in the first three quarters of the training: there is more to learn from them."""
    checked: int = 3000
    """Proper pairs, and as many odd canvases, that the card is made on."""

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "checked"):
            value = getattr(self, name)
            require(value >= 2, f"{name} must be 2 or more, got {name}={value}. Leave it out for what is usual.")


def fit(net: JudgeNet, pool: Pool, canvas: Canvas, seed: int, how: Judging, watch: Watch) -> Outcome:
    """Trains a net in place, and leaves it in eval mode.

    Raises:
        Stopped: If the watch's stop signal was set.
    """
    generator = torch.Generator().manual_seed(seed)
    net.train().to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(net.parameters(), lr=how.rate, weight_decay=how.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, how.rate, how.steps, pct_start=0.15, cycle_momentum=False, final_div_factor=100
    )
    mixes = Mix(crowd=how.crowd), Mix()
    totals, history = torch.zeros(2), []
    ends = {how.steps * part // PARTS for part in range(1, PARTS + 1)}
    taken = 0
    with tqdm(total=how.steps, desc=watch.title, position=watch.position, leave=False, disable=None, delay=2) as bar:
        for step in range(1, how.steps + 1):
            if watch.stop is not None and watch.stop.is_set():
                raise Stopped
            canvases = odd_canvases(pool, how.batch, canvas, generator, mixes[step > 0.75 * how.steps])
            found = net(canvases.images.contiguous(memory_format=torch.channels_last))
            loss = _loss(found, canvases, canvas)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            right = (found.counts.argmax(dim=2) == canvases.counts).all(dim=1)
            totals, taken = totals + torch.stack([loss.detach(), right.float().mean()]), taken + 1
            bar.update()
            if step in ends:
                history.append(tuple((totals / taken).tolist()))
                totals, taken = torch.zeros(2), 0
                if watch.tell is not None:
                    watch.tell(step / how.steps, f"trained, loss {history[-1][0]:.3f}, counts {history[-1][1]:.3f}")
    net.eval().to(memory_format=torch.contiguous_format)
    failure = None if all(math.isfinite(loss) for loss, _ in history) else "the training loss was not a number"
    return Outcome(tuple(history), failure)


def _loss(found: Found, canvases: OddCanvases, canvas: Canvas) -> Tensor:
    """Adds up what pixels, cells and counts say: nats a pixel (background half) times four, a canvas, and a canvas times .3."""
    weight = torch.ones(CLASSES)
    weight[BACKGROUND] = 0.5
    pixels = F.cross_entropy(found.pixels, canvases.classes, weight=weight)
    targets = cell_targets(canvases.slots, canvases.positions, canvas)
    cells = -(targets * found.cells.log_softmax(dim=1)).sum(dim=(1, 2, 3)).mean()
    return 4 * pixels + cells + 0.3 * _said(found.counts, found.junk, canvases).sum()


def _said(counts: Tensor, junk: Tensor, canvases: OddCanvases) -> Float[Tensor, "2"]:
    """Gives the nats a canvas of its counts, and of its junk."""
    right = -counts.gather(2, canvases.counts[..., None]).sum(dim=(1, 2)).mean()
    return torch.stack([right, F.nll_loss(junk, canvases.junk.long())])


def calibrate(net: JudgeNet, canvases: OddCanvases) -> None:
    """Fits in place how sure counts and junk are of themselves: by likelihood, on canvases that are no part of the training."""
    with torch.no_grad():
        cells = torch.cat([net(part).cells for part in canvases.images.split(BATCH)])
        losses = []
        for slope in SLOPES:
            net.slopes.fill_(slope)
            losses.append(_said(*net.counted(cells), canvases))
        net.slopes.copy_(torch.tensor(SLOPES)[torch.stack(losses).argmin(dim=0)])
