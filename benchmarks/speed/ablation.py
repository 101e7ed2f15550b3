"""All single-unit ablations and 20 random cumulative curves of a layer of 30 units on 10,000 images.

Peers: a loop that sets a hook, runs the net again and takes the hook away, for each of the 30 + 20 x 30 sets of units; and
captum's FeatureAblation on the layer, which gives the single units only. Both are timed on a part of the work, scaled up.
"""

import statistics
from collections.abc import Iterator

import torch
from _timing import ROUNDS, Row, timed
from captum.attr import LayerFeatureAblation

from mixmnist.data import mixture
from mixmnist.metrics.correct import correct_without
from mixmnist.metrics.curve import curve, random_orders
from mixmnist.nets import convnet
from mixmnist.probing import probe

N, UNITS = 10_000, 30
HOOKED = 6  # forward passes of the hook loop in a round, of all that it needs
CAPTUM_IMAGES = 1_000  # images that captum gets in a round


def hook_loop(net: convnet.ConvNet, x: torch.Tensor, labels: torch.Tensor, sets: torch.Tensor) -> list[float]:
    """Gives the accuracy with each set of units silenced, as most people write it."""
    accuracies = []
    for chosen in sets:

        def silence(_module: object, _inputs: object, output: torch.Tensor, chosen: torch.Tensor = chosen) -> torch.Tensor:
            return output * ~chosen[:, None, None]

        handle = net.conv3.register_forward_hook(silence)
        with torch.no_grad():
            guess = torch.cat([net(batch).argmax(dim=1) for batch in x.split(250)])
        handle.remove()
        accuracies.append(float((guess == labels).float().mean()))
    return accuracies


def compare() -> Iterator[Row]:
    """Times the algebra of the head against both peers, in turns; all must give the same accuracies."""
    drawn = mixture.draw("pairs", "auto", "test", N)
    net = convnet.split(convnet.build(convnet.Widths(conv3=UNITS), 45, (0,)))[0]
    x, labels, zero = drawn.images[:, None].float() / 255, drawn.labels, torch.zeros(UNITS)
    readout = probe(net, drawn, "conv3")
    singles, orders = torch.eye(UNITS, dtype=torch.bool), random_orders(UNITS)
    found = {}

    def ours() -> None:
        found["ours"] = correct_without(readout.without, labels, singles, zero).mean(dim=1).tolist()
        curve(readout.without, readout.logits, labels, orders, zero)

    def captum() -> None:
        explain = LayerFeatureAblation(lambda x: (net(x).argmax(dim=1) == labels[: len(x)]).float().sum()[None], net.conv3)
        mask = torch.arange(UNITS)[None, :, None, None].expand(1, UNITS, 6, 6)
        found["captum"] = explain.attribute(x[:CAPTUM_IMAGES], layer_mask=mask)

    passes = UNITS + len(orders) * UNITS
    mine, hooked, by_captum = [], [], []
    ours()
    for turn in range(ROUNDS):
        mine.append(timed(ours))
        part = singles[turn * HOOKED : (turn + 1) * HOOKED]
        hooked.append(timed(lambda part=part: found.update(hooks=hook_loop(net, x, labels, part))))
        assert torch.allclose(
            torch.tensor(found["hooks"]), torch.tensor(found["ours"])[turn * HOOKED : (turn + 1) * HOOKED], atol=2e-4
        )
        by_captum.append(timed(captum))
    amount = f"{UNITS} single units and {len(orders)} random curves, {N:,} images"
    note = f"{statistics.median(mine):.2f} s in all; the loop ran {HOOKED} of its {passes} passes"
    yield Row("ablation", amount, "a hook a set of units", tuple(mine), tuple(hooked), HOOKED / passes, note)
    note = f"captum gives the {UNITS} single units only, ours all; it ran on {CAPTUM_IMAGES:,} images"
    yield Row(
        "ablation, single units", amount, "captum's FeatureAblation", tuple(mine), tuple(by_captum), CAPTUM_IMAGES / N, note
    )
