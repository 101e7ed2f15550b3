"""Origins: how a variant's networks come about: trained or initialised, as their kind does it, or planted."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import nn

from mixmnist.core import registry
from mixmnist.core.records import Kind, Objective, Plant, Variant, require
from mixmnist.data import drawing
from mixmnist.kinds import Lesson, Trained
from mixmnist.training import Outcome

OUT_OF_MEMORY = "out of memory"  # how the failure of a run begins that is tried again the next time
Tell = Callable[[str], None]


def bring_about(lesson: Lesson, tell: Tell, forget: Callable[[], None]) -> list[Trained]:
    """Brings networks about as the variant's origin says, side by side; where the memory does not hold them, in two halves.

    Args:
        lesson: The variant, its seeds, its canvases.
        tell: Called with a line where memory ran out.
        forget: Gives back the memory of canvases.
    """
    v = lesson.variant
    if v.plant is not None:
        return [Trained(plant(v.plant, seed).to(lesson.device), Outcome((), None), (seed,)) for seed in lesson.seeds]
    kind = kind_of(v)
    try:
        made = kind.initialise(lesson) if v.origin == "untrained" else kind.train(lesson)
        trained = [Trained(net, outcome, lesson.seeds) for net, outcome in made]
        return _with_heads(trained, lesson) if has_fitted_head(v) else trained
    except (MemoryError, RuntimeError) as error:
        if not _is_out_of_memory(error):
            raise
    forget()
    if lesson.device.startswith("cuda"):
        torch.cuda.empty_cache()
    if len(lesson.seeds) == 1:
        return [Trained(None, Outcome((), f"{OUT_OF_MEMORY} on {lesson.device}"), lesson.seeds)]
    title = lesson.watch.title
    tell(f"{title}: out of memory with {len(lesson.seeds)} seeds side by side; training them in smaller blocks")
    half = (len(lesson.seeds) + 1) // 2
    parts = [replace(lesson, seeds=part) for part in (lesson.seeds[:half], lesson.seeds[half:])]
    return [one for part in parts for one in bring_about(part, tell, forget)]


def _with_heads(trained: Sequence[Trained], lesson: Lesson) -> list[Trained]:
    """Has a head fitted for each network whose training did not fail."""
    good = {seed: one for seed, one in zip(lesson.seeds, trained, strict=True) if one.outcome.failure is None}
    nets = kind_of(lesson.variant).fit_head(replace(lesson, seeds=tuple(good)), [one.net for one in good.values()])
    fitted = dict(zip(good, nets, strict=True))
    return [replace(one, net=fitted.get(seed, one.net)) for seed, one in zip(lesson.seeds, trained, strict=True)]


def _is_out_of_memory(error: Exception) -> bool:
    """Says whether an error means that memory ran out; on a processor torch has no class of its own for it."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def kind_of(variant: Variant) -> Kind:
    """Gives the kind of a variant's networks."""
    kind: Kind = registry.choose("kinds", variant.kind)
    return kind


def has_fitted_head(variant: Variant) -> bool:
    """Says whether the head is fitted for the task after a training on something else."""
    objective: Objective = registry.choose("objectives", variant.objective)
    return variant.plant is None and objective.outputs is not None


def layers_of(variant: Variant) -> tuple[str, ...]:
    """Names the layers that are scored, the one that feeds the head last."""
    if variant.plant is not None:
        entry: Plant = registry.choose("plants", variant.plant)
        return entry.layers
    return kind_of(variant).layers(variant)


def load(variant: Variant, seed: int) -> nn.Module:
    """Gives one network of a variant, to be filled with the weights of a seed."""
    module: nn.Module = plant(variant.plant, seed) if variant.plant is not None else kind_of(variant).load(variant)
    return module


def plant(name: str, seed: int) -> nn.Module:
    """Builds a planted network, in eval mode."""
    entry: Plant = registry.choose("plants", name)
    module: nn.Module = entry.build(seed)
    return module


def check(variant: Variant, source: str, root: str | None) -> None:
    """Finds what cannot work, before anything is written.

    Raises:
        ValueError: On unknown names and settings, or where the network would not be what it is meant to be.
    """
    for n in (variant.training.images, variant.probe_images):
        drawing.check(variant.task, n, variant.canvas, variant.task_settings)
    drawing.check_glyphs(source, root, "train", variant.canvas)
    if variant.plant is not None:
        check_plant(variant, source)
    else:
        kind_of(variant).check(variant, source, root)


def check_plant(variant: Variant, source: str) -> None:
    """Makes sure that a planted network is asked for where it is exact, and with nothing that could be thought to change it.

    Raises:
        ValueError: If source, task or canvas are others, or if there are settings.
    """
    entry: Plant = registry.choose("plants", variant.plant or "")
    made_for = f"{variant.origin} is made for source={entry.source!r} and task={entry.task!r} on its default canvas"
    require(source == entry.source, f"{made_for}, got source={source!r}. Use --source {entry.source}.")
    for name, right in (("task", entry.task), ("canvas", entry.canvas), ("net", Variant.net), ("objective", Variant.objective)):
        got = getattr(variant, name)
        require(got == right, f"{made_for}, got {name}={got!r}. Leave {name} out of the variant.")
    for name in ("task_settings", "net_settings", "objective_settings"):
        got = dict(getattr(variant, name))
        require(not got, f"{made_for} and has no settings, got {name}={got}. Leave {name} out of the variant.")
