"""What nets of ordinary modules share: a convolution with norm and ReLU, the head, and checks of their settings."""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from mixmnist.core.records import require

NORMS = ("batch", "none")
END = ("dropout", "pool", "flat", "head")  # the last modules of a net, behind the layer that is read by the head


def layer(fan_in: int, units: int, side: int, norm: str, stride: int = 1) -> nn.Sequential:
    """Gives a convolution that keeps the rows and columns (of stride 1), its batch norm if it has one, and a ReLU.

    Args:
        fan_in: Channels that come in.
        units: Channels that go out.
        side: Rows and columns of the kernel; odd.
        norm: "batch" or "none". A convolution with batch norm has no bias, which the norm would take away.
        stride: Pixels from window to window.

    Example:
        >>> layer(2, 5, 3, "batch")(torch.zeros(4, 2, 7, 8)).shape
        torch.Size([4, 5, 7, 8])
    """
    parts: OrderedDict[str, nn.Module] = OrderedDict(conv=convolution(fan_in, units, side, norm, stride))
    if norm == "batch":
        parts["norm"] = nn.BatchNorm2d(units)
    parts["relu"] = nn.ReLU()
    return nn.Sequential(parts)


def convolution(fan_in: int, units: int, side: int, norm: str, stride: int = 1) -> nn.Conv2d:
    """Gives the convolution of such a layer alone."""
    return nn.Conv2d(fan_in, units, side, stride, padding=side // 2, bias=norm == "none")


def headed(layers: Mapping[str, nn.Module], units: int, n_classes: int, dropout: float) -> nn.Sequential:
    """Gives a net: layers one after another, then dropout of whole units, the mean of each map, and a linear head.

    Args:
        layers: By name, from input to output, those without a name of their own (pooling) included.
        units: Of the last one.
        n_classes: Logits.
        dropout: Share of units that is dropped in training.

    Example:
        >>> net = headed({"conv1": layer(1, 3, 5, "none")}, units=3, n_classes=7, dropout=0.0)
        >>> net(torch.zeros(2, 1, 8, 8)).shape
        torch.Size([2, 7])
    """
    end = (nn.Dropout2d(dropout), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(units, n_classes))
    net = nn.Sequential(OrderedDict([*layers.items(), *zip(END, end, strict=True)]))
    return net.to(memory_format=torch.channels_last)  # the faster order


def check_counts(settings: Any, *names: str) -> None:  # noqa: ANN401 -- each net has settings of its own
    """Makes sure that settings are whole numbers of 1 or more.

    Raises:
        ValueError: If one is not; the message names it.
    """
    for name in names:
        value = getattr(settings, name)
        whole = isinstance(value, int) and not isinstance(value, bool) and value >= 1
        require(whole, f"{name} must be a whole number of 1 or more, got {name}={value!r}. Mend the net's settings.")


def check_dropout(dropout: float) -> None:
    """Makes sure that dropout leaves something.

    Raises:
        ValueError: If it does not.
    """
    said = f"dropout must be at least 0 and below 1, got dropout={dropout}. It is the share of the last layer that is dropped."
    require(0 <= dropout < 1, said)


def check_norm(norm: str) -> None:
    """Makes sure that there is such a norm.

    Raises:
        ValueError: If there is not.
    """
    require(norm in NORMS, f"norm must be one of {', '.join(NORMS)}, got norm={norm!r}. Mend the net's settings.")
