"""A layer's units rotated and the head rotated back: the same function in other units, by arithmetic on the layer's maps."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from mixmnist.core.records import require
from mixmnist.metrics._decisions import correct
from mixmnist.metrics.detectors import best, coverage, detectors, unique_concepts
from mixmnist.plants._rotation import fractional_rotation
from mixmnist.probing import Drawn, find_layer, probe
from mixmnist.probing.running import Images, up_to
from mixmnist.trust._ranked import Ranked


@dataclass(frozen=True, eq=False)
class Captured:
    """A layer that feeds a linear head through its mean, on some images, in float64."""

    maps: Float[Tensor, "units places images"]
    mean: Float[Tensor, "images units"]  # over the places
    weight: Float[Tensor, "classes units"]
    bias: Float[Tensor, " classes"]
    logits: Float[Tensor, "images classes"]
    present: Bool[Tensor, "images concepts"]
    labels: Int[Tensor, "images *classes"]


@dataclass(frozen=True)
class Rotated:
    """What a rotation does to a layer and to its network."""

    unique_concepts: float
    detectors: float
    coverage: float
    mean_alignment: float
    accuracy: float
    differ: int  # images that are decided otherwise than without the rotation


def capture(net: nn.Module, mixture: Drawn, layer: str) -> Captured:
    """Runs a network in float64 and keeps a layer's maps.

    Raises:
        ValueError: If the layer does not feed a linear head through its mean: no rotation could be undone there.
    """
    net = net.double()
    readout, module = probe(net, mixture, layer), find_layer(net, layer)
    way_out = "Name the layer that feeds the head."
    require(readout.head is not None, f"layer must feed a linear head through its mean, got layer={layer!r}. {way_out}")
    assert readout.head is not None
    assert readout.logits is not None
    images = Images(mixture.images, readout.logits, None)
    maps = torch.cat([up_to(net, module, x).flatten(2) for x in images]).permute(1, 2, 0).contiguous()
    mean = maps.mean(dim=1).T
    bias = (readout.logits - mean @ readout.head.T).mean(dim=0)  # the same on every image but for rounding
    return Captured(maps, mean, readout.head, bias, readout.logits, readout.present, readout.labels)


def rotated_response(
    maps: Float[Tensor, "units places images"], turn: Float[Tensor, "units units"]
) -> Float[Tensor, "images units"]:
    """Gives the spatial maximum of each rotated unit; a rotated map is a sum of the maps, weighted by a row of the rotation."""
    return (turn @ maps.flatten(1)).view_as(maps).amax(dim=1).T


def rotate(captured: Captured, q: Float[Tensor, "units units"], alpha: float) -> Rotated:
    """Rotates the units by Q^alpha, the head by its inverse, and scores both; alpha 0 leaves all as it is, without rounding."""
    turn = fractional_rotation(q, alpha)
    ranked = Ranked.of(rotated_response(captured.maps, turn))
    alignment = ranked.average_precision(captured.present, torch.arange(len(captured.present))[None])[0]
    logits = (captured.mean @ turn.T) @ (captured.weight @ turn.T).T + captured.bias
    same = _decided(logits, captured.labels) == _decided(captured.logits, captured.labels)
    return Rotated(
        unique_concepts=float(unique_concepts(alignment)),
        detectors=float(detectors(alignment)),
        coverage=float(coverage(alignment)),
        mean_alignment=float(best(alignment).mean()),
        accuracy=float(correct(logits, captured.labels).mean()),
        differ=int((~same).flatten(1).any(dim=1).sum()),
    )


def _decided(logits: Float[Tensor, "images classes"], labels: Int[Tensor, "images *classes"]) -> Tensor:
    """Gives each image's decision, or its decisions, [images, decisions]."""
    return logits.argmax(dim=1, keepdim=True) if labels.ndim == 1 else logits > 0
