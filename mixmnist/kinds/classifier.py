"""Classifier: a net with a linear head over the means of its last layer's maps, trained on canvases."""

from collections.abc import Sequence
from dataclasses import fields
from functools import partial
from typing import Any

import torch
from jaxtyping import Int, UInt8
from torch import Tensor, nn

from mixmnist.core import checks, registry
from mixmnist.core.records import Kind, Net, Objective, Task, Variant, require
from mixmnist.data.mixture import Mixture, draw
from mixmnist.kinds import Lesson
from mixmnist.kinds._heads import fit_linear, with_head
from mixmnist.probing import probe_layers
from mixmnist.training import Aim, Outcome, train


def check(variant: Variant, source: str, root: str | None) -> None:
    """Finds what cannot work: names, settings, glyphs of every digit, a legal layout, an objective of another kind.

    Raises:
        ValueError: If something cannot.
    """
    objective: Objective = registry.choose("objectives", variant.objective)
    way_out = 'Add kind="pretext" to the variant.'
    said = f"kind must be pretext for the objective {variant.objective}, got kind={variant.kind!r}. {way_out}"
    require(not objective.asks_for_pretext, said)
    check_net(variant)
    for mixture in samples(variant, source, root):
        _try(objective, variant, mixture.images[None], mixture.labels[None])


def check_net(variant: Variant) -> None:
    """Finds what cannot work of a variant's net: names, settings, a canvas that does not suit it.

    Raises:
        ValueError: If something cannot.
    """
    task: Task = registry.choose("tasks", variant.task)
    net: Net = registry.choose("nets", variant.net)
    known = [field.name for field in fields(net.settings)]
    for setting in variant.net_settings:
        if setting not in known:
            raise registry.nearest("net setting", setting, known)
    settings, size = _net_settings(net, variant), variant.canvas.size
    _check_memory(net, settings, len(task.classes))
    module = net.load(settings, len(task.classes)).eval()
    try:
        module(torch.zeros(1, 1, size, size))
    except RuntimeError as error:
        raise ValueError(f"the canvas must suit the net, got size={size} with {error}. Use a larger canvas.") from error


def samples(variant: Variant, source: str, root: str | None) -> list[Mixture]:
    """Draws canvases of both splits, enough for every digit to be shown.

    Raises:
        ValueError: If there is no glyph of a digit, or no legal layout.
    """
    n = 20 * len(registry.choose("tasks", variant.task).classes)
    known: dict[str, Any] = {"canvas": variant.canvas, "settings": variant.task_settings, "root": root}
    return [draw(variant.task, source, split, n, **known) for split in ("train", "test")]


def _net_settings(net: Net, variant: Variant) -> Any:  # noqa: ANN401 -- each net has its own
    """Gives the settings of a variant's net, each of the type that it usually has.

    Raises:
        ValueError: If one is of another.
    """
    checks.check_settings("net", variant.net_settings, {field.name: field.default for field in fields(net.settings)})
    return net.settings(**variant.net_settings)


def _check_memory(net: Net, settings: object, n_classes: int) -> None:
    """Makes sure that a net's parameters can be held, where they can be counted without them."""
    try:
        with torch.device("meta"):
            parameters = sum(parameter.numel() for parameter in net.load(settings, n_classes).parameters())
    except (NotImplementedError, RuntimeError, TypeError):
        return  # somebody's own net, which must be made to be known
    checks.check_memory(f"a net of {parameters:,} parameters", 8 * parameters, "Use a smaller net.")


def _try(objective: Objective, variant: Variant, images: Tensor, labels: Tensor) -> None:
    """Makes sure that an objective, which may be a stranger's file, prepares canvases and classes as it should."""
    _, targets = try_prepare(objective, variant, images, labels)
    if objective.losses is None:
        check_targets(targets, _outputs(objective, variant), variant)


def try_prepare(objective: Objective, variant: Variant, images: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """Has an objective, which may be a stranger's file, prepare canvases; gives images and targets.

    Args:
        objective: With the settings of the variant.
        variant: For messages.
        images: Of one copy, [1, images, rows, cols].
        truth: What it is made of, [1, images, *].

    Raises:
        ValueError: If it cannot, or does not keep their form.
    """
    settings = objective.with_settings(variant.objective_settings)
    try:
        found = objective.prepare(images, truth, (0,), **settings)
    except ValueError:
        raise  # a sentence of its own
    except Exception as error:
        way_out = "Mend its file."
        raise ValueError(
            f"the objective {variant.objective} must prepare canvases, got {type(error).__name__}: {error}. {way_out}"
        ) from error
    shapes = [tuple(part.shape) for part in found] if isinstance(found, tuple) else []
    fits = len(shapes) == 2 and shapes[0] == images.shape and shapes[1][:2] == images.shape[:2]
    wanted = f"{list(images.shape)} and targets {list(images.shape[:2])} and more"
    require(fits, f"the objective {variant.objective} must give images {wanted}, got {shapes}. Mend its file.")
    images, targets = found
    return images, targets


def check_targets(targets: Tensor, outputs: int, variant: Variant) -> None:
    """Makes sure that cross-entropy can take targets, be they classes or rows of yes and no.

    Raises:
        ValueError: If they are no whole numbers of so many classes, or rows of another number of them.
    """
    rows = targets.ndim == 2 or targets.shape[2] == outputs
    said = f"the objective {variant.objective} must give {outputs} yes or no a canvas"
    require(rows, f"{said}, got targets {list(targets.shape)}. Mend its file.")
    least, most = int(targets.min()), int(targets.max())
    whole = not targets.is_floating_point() and least >= 0 and most < outputs
    got = f"{targets.dtype} from {least} to {most}"
    wanted = f"whole targets from 0 to {outputs - 1}"
    require(whole, f"the objective {variant.objective} must give {wanted}, got {got}. Mend its file.")


def train_nets(lesson: Lesson) -> list[tuple[nn.Module, Outcome]]:
    """Trains one net a seed, side by side, on what the variant's objective makes of each seed's canvases."""
    v, objective = lesson.variant, _objective(lesson.variant)
    settings = objective.with_settings(v.objective_settings)
    images, targets = objective.prepare(*_canvases(lesson), lesson.seeds, **settings)
    net, module = _build(lesson, objective)
    given = {name: getattr(objective, name) for name in ("losses", "view")}
    aim = Aim(**{name: partial(function, **settings) for name, function in given.items() if function is not None})
    outcomes = train(module, images, targets, v.training, lesson.seeds, lesson.precision, lesson.watch, aim=aim)
    return list(zip(net.split(module), outcomes, strict=True))


def initialise_nets(lesson: Lesson) -> list[tuple[nn.Module, Outcome]]:
    """Gives one initialised net a seed, nothing learned, its batch norm's statistics settled on the seed's canvases."""
    images, _ = _canvases(lesson)
    net, module = _build(lesson, _objective(lesson.variant))
    settle(module, images, lesson.variant.training.batch)
    return [(one, Outcome((), None)) for one in net.split(module)]


def fit_heads(lesson: Lesson, nets: Sequence[nn.Module]) -> list[nn.Module]:
    """Gives each net a linear head for the task, fitted on the means of its seed's training canvases; all else stays as it is."""
    v = lesson.variant
    entry: Net = registry.choose("nets", v.net)
    found = []
    for net, seed in zip(nets, lesson.seeds, strict=True):
        canvases = lesson.draw("train", v.training.images, seed)
        (readout,) = probe_layers(net, canvases, entry.layers[-1:])
        head = fit_linear(readout.mean, canvases.labels, len(canvases.classes))
        found.append(with_head(net, load(v), entry.head, head))
    return found


def load(variant: Variant) -> nn.Module:
    """Gives one net of a variant, to be filled with weights."""
    net: Net = registry.choose("nets", variant.net)
    module: nn.Module = net.load(net.settings(**variant.net_settings), len(registry.choose("tasks", variant.task).classes))
    return module


def layers(variant: Variant) -> tuple[str, ...]:
    """Names the layers of a variant's net, the one that feeds the head last."""
    net: Net = registry.choose("nets", variant.net)
    return net.layers


def settle(module: nn.Module, images: UInt8[Tensor, "copies images rows cols"], batch: int) -> None:
    """Estimates a module's batch norm statistics in place, in one pass over its images; leaves all else, in eval mode.

    Without it the maps of an initialised net are not normalised at all, and many of its units are dead. Each statistic becomes
    the mean over the batches.

    Args:
        module: One copy of a net per seed.
        images: Each copy's canvases.
        batch: Images a batch; the last partial one is dropped.
    """
    norms = [norm for norm in module.modules() if isinstance(norm, nn.BatchNorm2d)]
    before = [norm.momentum for norm in norms]
    module.train()
    with torch.no_grad():
        for number, part in enumerate(images.split(batch, dim=1)[: images.shape[1] // batch], start=1):
            for norm in norms:
                norm.momentum = 1 / number  # of a running mean over all batches so far
            module(part.float().div_(255).transpose(0, 1))
    for norm, momentum in zip(norms, before, strict=True):
        norm.momentum = momentum
    module.eval()


def _objective(variant: Variant) -> Objective:
    objective: Objective = registry.choose("objectives", variant.objective)
    return objective


def _canvases(lesson: Lesson) -> tuple[UInt8[Tensor, "copies images rows cols"], Int[Tensor, "copies images *classes"]]:
    """Draws each seed's training canvases."""
    drawn = [lesson.draw("train", lesson.variant.training.images, seed) for seed in lesson.seeds]
    return torch.stack([canvases.images for canvases in drawn]), torch.stack([canvases.labels for canvases in drawn])


def _build(lesson: Lesson, objective: Objective) -> tuple[Net, nn.Module]:
    """Builds the net of a lesson, one copy a seed, with as many outputs as its objective asks for."""
    v = lesson.variant
    net: Net = registry.choose("nets", v.net)
    return net, net.build(net.settings(**v.net_settings), _outputs(objective, v), lesson.seeds).to(lesson.device)


def _outputs(objective: Objective, variant: Variant) -> int:
    """Counts what a net that is trained on an objective must put out."""
    return len(registry.choose("tasks", variant.task).classes) if objective.outputs is None else objective.outputs


KIND = Kind(
    "Nets that tell classes, with a linear head over the means of their last layer",
    check=check,
    train=train_nets,
    initialise=initialise_nets,
    fit_head=fit_heads,
    load=load,
    layers=layers,
    read=probe_layers,
)
