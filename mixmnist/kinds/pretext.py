"""Pretext: a classifier whose trunk learns something else first, by a head of its own on the last maps or from other truths.

The trunk is a net of the shelf, its copies side by side. For the pretext each copy gets a head of the objective's (a decoder, a
projection, whatever reads maps), initialised by the copy's seed alone; where the objective has none, the net's own head, with as
many outputs as the objective asks for. Afterwards the head is thrown away, the trunk is frozen and a linear head for the task is
fitted, as for any other pretext: what is recorded is an ordinary net, and its accuracy that of linear evaluation.
"""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from jaxtyping import Float, Shaped, UInt8
from torch import Tensor, nn

from mixmnist.core import registry
from mixmnist.core.records import Kind, Net, Objective, Variant, require
from mixmnist.core.seeding import derive
from mixmnist.kinds import Lesson, classifier
from mixmnist.probing import find_layer, probe_layers
from mixmnist.training import Aim, Outcome, cross_entropies, train

TRIED = 4  # canvases on which a head and its losses are tried


class Headed(nn.Module):
    """A trunk whose last maps are read by a head a copy; copies never mix.

    Args:
        trunk: Copies side by side, with `maps(x)` [images, places, copies * units].
        heads: One a copy; each maps [images, units, rows, cols] to outputs.
        rows: Rows of the maps.
    """

    def __init__(self, trunk: nn.Module, heads: Sequence[nn.Module], rows: int) -> None:
        super().__init__()
        self.trunk, self.heads, self.rows = trunk, nn.ModuleList(heads), rows

    @property
    def generators(self) -> list[torch.Generator]:
        """Those of the trunk's dropout."""
        return list(getattr(self.trunk, "generators", ()))

    def forward(self, x: Float[Tensor, "images copies rows cols"]) -> Float[Tensor, "images copies *outputs"]:
        """Gives what each copy's head says of its own images, with values in [0, 1]."""
        of_trunk: Any = self.trunk
        maps: Tensor = of_trunk.maps(x).transpose(1, 2)  # images copies*units places
        own = maps.unflatten(2, (self.rows, -1)).chunk(len(self.heads), dim=1)
        return torch.stack([head(one) for head, one in zip(self.heads, own, strict=True)], dim=1)


def check(variant: Variant, source: str, root: str | None) -> None:
    """Finds what cannot work: what a classifier cannot, an objective that needs no pretext, a net without maps, a faulty head.

    Raises:
        ValueError: If something cannot.
    """
    objective: Objective = registry.choose("objectives", variant.objective)
    said = f"objective must have a head to fit or another truth than labels for the kind pretext, got {variant.objective!r}"
    require(objective.asks_for_pretext, f"{said}. Leave kind out of the variant.")
    classifier.check_net(variant)
    for mixture in classifier.samples(variant, source, root):
        truth = getattr(mixture, objective.truth)
        images, targets = classifier.try_prepare(objective, variant, mixture.images[None], truth[None].long())
        _try_head(objective, variant, images[:, :TRIED], targets[:, :TRIED])


def _try_head(objective: Objective, variant: Variant, images: Tensor, targets: Tensor) -> None:
    """Makes sure that a net can be trained on an objective, which may be a stranger's file: one step, without learning.

    Raises:
        ValueError: If it cannot.
    """
    module, _ = _build(variant, objective, (0,))
    aim = _aim(objective, variant)
    name = f"the objective {variant.objective}"
    try:
        x = images.float().div(255).transpose(0, 1)
        y = targets.transpose(0, 1)
        x = x if aim.view is None else aim.view(x, y, module, [torch.Generator().manual_seed(0)])
        outputs = module(x)
        if objective.losses is None:
            classifier.check_targets(targets, outputs.shape[2], variant)
        losses, accuracy = aim.losses(outputs, y)
    except ValueError:
        raise  # a sentence of its own
    except Exception as error:
        raise ValueError(f"{name} must be learnable, got {type(error).__name__}: {error}. Mend its file.") from error
    fits = losses.shape == accuracy.shape == (1,) and bool(losses.isfinite().all())
    got = f"{list(losses.shape)} and {list(accuracy.shape)}"
    require(fits, f"{name} must give a finite loss and an accuracy for each copy, [1] and [1], got {got}. Mend its file.")


def train_nets(lesson: Lesson) -> list[tuple[nn.Module, Outcome]]:
    """Trains one trunk a seed, side by side, on what the variant's objective makes of each seed's canvases."""
    v = lesson.variant
    objective: Objective = registry.choose("objectives", v.objective)
    settings = objective.with_settings(v.objective_settings)
    images, targets = objective.prepare(*_canvases(lesson, objective.truth), lesson.seeds, **settings)
    module, trunk = _build(v, objective, lesson.seeds)
    module = module.to(lesson.device)
    aim = _aim(objective, v)
    outcomes = train(module, images, targets, v.training, lesson.seeds, lesson.precision, lesson.watch, aim=aim)
    return list(zip(_entry(v).split(trunk.eval()), outcomes, strict=True))


def initialise_nets(lesson: Lesson) -> list[tuple[nn.Module, Outcome]]:
    """Gives one initialised net a seed, nothing learned, its batch norm's statistics settled on the seed's canvases."""
    return classifier.initialise_nets(lesson)


def _canvases(
    lesson: Lesson, truth: str
) -> tuple[UInt8[Tensor, "copies images rows cols"], Shaped[Tensor, "copies images *classes"]]:
    """Draws each seed's training canvases, and what is true of them."""
    drawn = [lesson.draw("train", lesson.variant.training.images, seed) for seed in lesson.seeds]
    return torch.stack([one.images for one in drawn]), torch.stack([getattr(one, truth) for one in drawn]).long()


def _entry(variant: Variant) -> Net:
    net: Net = registry.choose("nets", variant.net)
    return net


def _build(variant: Variant, objective: Objective, seeds: Sequence[int]) -> tuple[nn.Module, nn.Module]:
    """Builds what is trained, and the trunk in it, which is the same where the objective has no head.

    Raises:
        ValueError: If there are no maps for a head to read.
    """
    net = _entry(variant)
    outputs = 1 if objective.outputs is None else objective.outputs
    trunk: nn.Module = net.build(net.settings(**variant.net_settings), outputs, seeds)
    if objective.head is None:
        return trunk, trunk
    units, rows, cols = _size_of_maps(variant)
    settings = objective.with_settings(variant.objective_settings)
    way_out = "Choose another net or objective."
    said = f"net must offer the maps that the objective {variant.objective} reads, got net={variant.net!r} without them"
    require(hasattr(trunk, "maps"), f"{said}. {way_out}")
    heads = []
    for seed in seeds:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(derive(seed, "pretext"))
            heads.append(objective.head(units, rows, cols, variant.canvas.size, **settings))
    return Headed(trunk, heads, rows), trunk


def _size_of_maps(variant: Variant) -> tuple[int, int, int]:
    """Gives units, rows and columns of the last layer's maps.

    Raises:
        ValueError: If it gives no maps.
    """
    found = list[Tensor]()
    with torch.random.fork_rng(devices=[]):
        net = classifier.load(variant).eval()
    size = variant.canvas.size
    hook = find_layer(net, classifier.layers(variant)[-1]).register_forward_hook(lambda _module, _x, output: found.append(output))
    with torch.no_grad():
        net(torch.zeros(1, 1, size, size))
    hook.remove()
    shape = list(found[0].shape) if isinstance(found[0], Tensor) else [type(found[0]).__name__]
    said = f"net must offer the maps that the objective {variant.objective} reads, got {shape} from its last layer"
    require(len(shape) == 4 and math.prod(shape) > 0, f"{said}. Choose another net or objective.")
    return found[0].shape[1], found[0].shape[2], found[0].shape[3]


def _aim(objective: Objective, variant: Variant) -> Aim:
    """Gives what is asked of the outputs."""
    settings = objective.with_settings(variant.objective_settings)
    losses = cross_entropies if objective.losses is None else partial(objective.losses, **settings)
    return Aim(losses, None if objective.view is None else partial(objective.view, **settings))


KIND = Kind(
    "Nets that learn something else first, with a linear head for the task fitted afterwards",
    check=check,
    train=train_nets,
    initialise=initialise_nets,
    fit_head=classifier.fit_heads,
    load=classifier.load,
    layers=classifier.layers,
    read=probe_layers,
)
