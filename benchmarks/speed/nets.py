"""Training five seeds of every net of the shelf side by side, against a plain loop of one seed after another, in turns.

Besides, for VGG in miniature: a step of the five copies by themselves, as one grouped net, and by `torch.func.vmap` over stacked
weights. Seconds are those of the processor, of one thread. Writes results/speed/nets-<hardware>.json and .md. Cost: five minutes.
"""

import copy
import json
import re
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn
from torch.func import functional_call, stack_module_state, vmap

from mixmnist.core import registry
from mixmnist.core.records import Net, Training
from mixmnist.data.mixture import draw
from mixmnist.grid.machine import hardware
from mixmnist.nets import vgg
from mixmnist.training import train

OUT = Path("results/speed")
SEEDS, IMAGES, ROUNDS, STEPS = 5, 512, 3, 7  # STEPS: turns of the forms
SHOWN = 20_000  # canvases to which seconds are scaled
RECIPE = Training(images=IMAGES, epochs=1)


def seconds(work: Callable[[], object]) -> float:
    """Gives the processor's seconds of a piece of work, which other programs on the machine hardly change."""
    start = time.process_time()
    work()
    return time.process_time() - start


def one_after_another(net: Net, images: torch.Tensor, labels: torch.Tensor, classes: int) -> None:
    """Trains a net a seed as most people write it, the images as one tensor."""
    for seed in range(SEEDS):
        torch.manual_seed(seed)
        module = net.load(net.settings(), classes).train()
        optimiser = torch.optim.SGD(module.parameters(), RECIPE.peak, RECIPE.momentum, weight_decay=RECIPE.decay)
        steps = IMAGES // RECIPE.batch
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, RECIPE.peak, steps, pct_start=RECIPE.warmup, cycle_momentum=False
        )
        for rows in torch.randperm(IMAGES).split(RECIPE.batch)[:steps]:
            optimiser.zero_grad()
            loss = nn.functional.cross_entropy(module(images[rows, None].float() / 255), labels[rows])
            loss.backward()
            optimiser.step()
            schedule.step()


def compare() -> list[dict[str, object]]:
    """Times every net in both ways, in turns; medians of the rounds, after one that does not count."""
    drawn, rows = draw("pairs", "auto", "train", IMAGES), []
    images, labels = drawn.images.expand(SEEDS, -1, -1, -1).contiguous(), drawn.labels.expand(SEEDS, -1).contiguous()
    for name, net in registry.collect("nets").items():
        pairs = []
        for _ in range(ROUNDS + 1):
            stack = net.build(net.settings(), len(drawn.classes), range(SEEDS))
            ours = seconds(lambda n=stack: train(n, images, labels, RECIPE, range(SEEDS)))
            pairs.append((ours, seconds(lambda n=net: one_after_another(n, drawn.images, drawn.labels, len(drawn.classes)))))
        ours, theirs = ([pair[which] for pair in pairs[1:]] for which in (0, 1))
        ratio = statistics.median(t / o for o, t in zip(ours, theirs, strict=True))
        weights = sum(parameter.numel() for parameter in net.load(net.settings(), len(drawn.classes)).parameters())
        row = {"net": name, "weights": weights, "ours": ours, "theirs": theirs, "ratio": ratio}
        rows.append(row | {"seconds": statistics.median(ours) / (SEEDS * IMAGES) * SHOWN})
        print(rows[-1], flush=True)
    return rows


def grouped(layers: nn.Sequential) -> nn.Sequential:
    """Gives layers of one copy as grouped layers of all, with weights of their own."""
    found = copy.deepcopy(layers)
    for layer in found.modules():
        for name, module in list(layer.named_children()):
            if isinstance(module, nn.Conv2d):
                sizes = SEEDS * module.in_channels, SEEDS * module.out_channels, module.kernel_size
                setattr(layer, name, nn.Conv2d(*sizes, padding=module.padding, groups=SEEDS, bias=module.bias is not None))
            elif isinstance(module, nn.BatchNorm2d):
                setattr(layer, name, nn.BatchNorm2d(SEEDS * module.num_features))
    return found.to(memory_format=torch.channels_last)


def stacked(layers: list[nn.Sequential]) -> Callable[[torch.Tensor], torch.Tensor]:
    """Gives a function that runs copies by `vmap`; it cannot move running values, so norms keep none."""
    for norm in (module for each in layers for module in each.modules() if isinstance(module, nn.BatchNorm2d)):
        norm.track_running_stats, norm.running_mean, norm.running_var, norm.num_batches_tracked = False, None, None, None
    parameters, buffers = stack_module_state(layers)
    over = vmap(lambda p, b, x: functional_call(layers[0], (p, b), (x,)), in_dims=(0, 0, 1))
    return lambda x: over(parameters, buffers, x[:, :, None])


def forms() -> dict[str, float]:
    """Times a step, forwards and backwards, of the layers of five VGGs in three forms, in turns; medians."""
    x = torch.rand(RECIPE.batch, SEEDS, 32, 32, generator=torch.Generator().manual_seed(0))
    nets = [net.train()[:-4] for net in vgg.build(vgg.Widths(), 45, range(SEEDS)).nets]
    group, stack = grouped(nets[0]), stacked([copy.deepcopy(net) for net in nets])
    ways = {
        "side by side": lambda: torch.cat([net(x[:, copy, None]) for copy, net in enumerate(nets)], dim=1),
        "grouped": lambda: group(x),
        "vmap": lambda: stack(x),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(STEPS + 1):
        for name, way in ways.items():
            spent = seconds(lambda w=way: w().square().mean().backward())
            times[name] += [spent] if turn else []
    return {name: statistics.median(found) for name, found in times.items()}


def table(where: str, rows: list[dict[str, object]], steps: dict[str, float]) -> str:
    """Writes the seconds for people."""
    said = ", ".join(f"{name} {1000 * spent:.0f} ms" for name, spent in steps.items())
    lines = [
        f"{where}, one thread, torch {torch.__version__}; seconds of the processor, medians of {ROUNDS} rounds in turns. "
        f"{SEEDS} seeds, {IMAGES} canvases each; a ratio above 1 says how many times as fast side by side is.",
        "",
        f"| net | weights | s per {SHOWN:,} canvases and seed | as fast as one seed after another |",
        "|---|---|---|---|",
        *(f"| {row['net']} | {row['weights']:,} | {row['seconds']:.1f} | {row['ratio']:.2f} |" for row in rows),
        "",
        f"A step of {SEEDS} VGGs, batches of {RECIPE.batch}, forwards and backwards without heads, median of {STEPS}: {said}.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Times everything and writes the table."""
    torch.set_num_threads(1)
    where, steps, rows = hardware("cpu"), forms(), compare()
    OUT.mkdir(parents=True, exist_ok=True)
    name = "nets-" + re.sub(r"[^a-z0-9]+", "-", where.lower()).strip("-")
    content = {"hardware": where, "torch": torch.__version__, "rows": rows, "steps": steps}
    (OUT / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    (OUT / f"{name}.md").write_text(table(where, rows, steps), encoding="utf-8")
    print(table(where, rows, steps))


if __name__ == "__main__":
    main()
