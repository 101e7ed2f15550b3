"""Judge: a net that reads and segments canvases, trained on canvases of its own; not scored in the grid, as it has a card.

The recipe says how many canvases it sees, `images` times `epochs`, and how many at a step; the rest of it counts for nothing. Its
other settings, with their defaults, are those of `mixmnist.dissect.judging.Judging`, as settings of the net.
"""

from dataclasses import fields

from torch import nn

from mixmnist.core import checks, registry
from mixmnist.core.records import Kind, Variant, require
from mixmnist.dissect.judging import Judging, build, fit_judge
from mixmnist.kinds import Lesson
from mixmnist.kinds.generator import TASK, check_usual, no_heads
from mixmnist.training import Outcome

OF_THE_RECIPE = ("steps", "batch")  # of what can be set, that the recipe sets
LAYER = "cells"  # where digits are counted


def check(variant: Variant, source: str, root: str | None) -> None:
    """Finds what cannot work: settings, a net, task, objective or origin of other kinds, a canvas that does not suit it.

    Raises:
        ValueError: If something cannot.
    """
    del source, root  # the grid sees to glyphs
    check_usual(variant, "judge")
    for name, right in (("task", TASK), ("net", Variant.net), ("origin", Variant.origin), ("task_settings", {})):
        got = getattr(variant, name)
        require(got == right, f"{name} must be {right!r} for judges, got {name}={got!r}. Leave {name} out of the variant.")
    how_of(variant)
    build(variant.canvas)


def how_of(variant: Variant) -> Judging:
    """Gives how a variant's judges are trained.

    Raises:
        ValueError: If there is no setting of a name, or its value cannot be.

    Example:
        >>> how_of(Variant(kind="judge", net_settings={"checked": 100})).checked
        100
    """
    usual = {field.name: field.default for field in fields(Judging) if field.name not in OF_THE_RECIPE}
    for name in variant.net_settings:
        if name not in usual:
            raise registry.nearest("net setting", name, usual)
    checks.check_settings("net", variant.net_settings, usual)
    recipe = variant.training
    steps = recipe.images * recipe.epochs // recipe.batch
    return Judging(steps=steps, batch=recipe.batch, **checks.counted("net", variant.net_settings, usual))


def train_nets(lesson: Lesson) -> list[tuple[nn.Module, Outcome]]:
    """Trains a judge for each seed, one after the other, and makes its card, which is among its weights."""
    v, found = lesson.variant, list[tuple[nn.Module, Outcome]]()
    for seed in lesson.seeds:
        net, outcome = fit_judge(lesson.source, seed, canvas=v.canvas, root=lesson.root, how=how_of(v), watch=lesson.watch)
        found.append((net.to(lesson.device).eval(), outcome))
    return found


def load(variant: Variant) -> nn.Module:
    """Gives the net of a judge, to be filled with weights."""
    return build(variant.canvas)


def layers(variant: Variant) -> tuple[str, ...]:
    """Names the layer that counts digits."""
    del variant
    return (LAYER,)


KIND = Kind(
    "Nets that read and segment canvases; not scored in the grid",
    check=check,
    train=train_nets,
    initialise=train_nets,
    fit_head=no_heads,
    load=load,
    layers=layers,
    read=None,
)
