"""Digests of the code that decides a run's weights, and each of its scores: what must be old when that changes."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from mixmnist.core import code, registry
from mixmnist.core.pieces import Root
from mixmnist.core.records import Kind, Metric, Variant
from mixmnist.grid import canvases, origins
from mixmnist.grid.layers import join, score_variant, write_scores

SHORT = 16  # signs of a score's digest, of which a record has many
OWN = "average_precision"  # the metric by which the tables choose each unit's own concept


def of_weights(variant: Variant) -> str:
    """Sums up the code that decides the weights of a variant, that of glyphs apart (the data have a sum of their own)."""
    if variant.plant is not None:
        return code.digest([code.entry("plants", variant.plant), code.function(origins.plant)])
    kind = origins.kind_of(variant)
    ways = [kind.initialise if variant.origin == "untrained" else kind.train]
    ways += [kind.fit_head] if origins.has_fitted_head(variant) else []
    parts = {"tasks": variant.task, "nets": variant.net, "objectives": variant.objective}
    entries = [code.entry(shelf, name) for shelf, name in parts.items()]
    ours = [code.function(function) for function in (canvases.drawn, origins.bring_about)]
    return code.digest([*_of_kind(variant.kind, ways), *ours, *entries])


def of_unscored(variant: Variant) -> str:
    """Sums up the code that decides the weights of a variant whose kind is not scored, that of glyphs apart."""
    kind = origins.kind_of(variant)
    way = kind.initialise if variant.origin == "untrained" else kind.train
    named = () if kind.made_of is None else kind.made_of(variant)
    entries = [code.entry(shelf, name) for shelf, name in (("tasks", variant.task), *named)]
    ours = [code.function(function) for function in (canvases.drawn, origins.bring_about)]
    return code.digest([*_of_kind(variant.kind, [way]), *ours, *entries])


def of_scores(variant: Variant) -> dict[str, str]:
    """Sums up, for each metric on the shelf, the code that draws a variant's mixtures, reads its layers and scores them."""
    return _of_scores(variant.kind, code.entry("tasks", variant.task))


@cache
def _of_scores(kind: str, task: Root) -> dict[str, str]:
    metrics: dict[str, Metric] = registry.collect("metrics")
    known: Kind = registry.choose("kinds", kind)
    ours = [code.function(function) for function in (canvases.drawn, score_variant, join, write_scores)]
    shared = [*_of_kind(kind, [known.read, known.layers, known.load]), task, *ours]  # type: ignore[list-item]
    found = {}
    for name in metrics:
        entries = [code.entry("metrics", other) for other in sorted({OWN, *_with_needs(name, metrics)})]
        found[name] = code.digest([*shared, *entries])[:SHORT]
    return found


def _with_needs(name: str, metrics: dict[str, Metric]) -> set[str]:
    """Names a metric, those whose columns it takes, those whose columns they take, and so on."""
    homes = {column: home for home, metric in metrics.items() for column in metric.columns}
    found, left = set[str](), {name}
    while left:
        found |= left
        asked = [(metrics[one], column) for one in left for column in metrics[one].columns]
        needs = {need.removeprefix("rank_") for metric, column in asked for need in metric.needs(column)}
        left = {homes[need] for need in needs if need in homes} - found
    return found


def _of_kind(kind: str, ways: Sequence[Callable[..., Any]]) -> list[Root]:
    """Gives what counts of a kind: the functions that are asked for; of a kind in a file of one's own all of it."""
    return [code.entry("kinds", kind)] if kind.endswith(".py") else [code.function(way) for way in ways]
