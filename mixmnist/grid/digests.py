"""Digests of the code that decides a run's weights, and each of its scores: what must be old when that changes."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from mixmnist.core import code, registry
from mixmnist.core.records import Metric, Variant
from mixmnist.data.mixture import draw
from mixmnist.grid.layers import few_of, score_layers
from mixmnist.grid.origins import bring_about, has_fitted_head, kind_of

SHORT = 16  # signs of a score's digest, of which a record has many
OWN = "average_precision"  # the metric by which the tables choose each unit's own concept


def of_weights(variant: Variant) -> str:
    """Sums up the code that decides the weights of a variant, that of glyphs apart (the data have a sum of their own)."""
    if variant.plant is not None:
        return code.digest([code.entry("plants", variant.plant)])
    kind = kind_of(variant)
    ways = [kind.initialise if variant.origin == "untrained" else kind.train]
    ways += [kind.fit_head] if has_fitted_head(variant) else []
    parts = {"tasks": variant.task, "nets": variant.net, "objectives": variant.objective}
    entries = [code.entry(shelf, name) for shelf, name in parts.items()]
    return code.digest([*_of_kind(variant.kind, ways), code.function(draw), code.function(bring_about), *entries])


def of_scores(variant: Variant) -> dict[str, str]:
    """Sums up, for each metric on the shelf, the code that draws a variant's mixtures, reads its layers and scores them."""
    return _of_scores(variant.kind, variant.task)


@cache
def _of_scores(kind: str, task: str) -> dict[str, str]:
    metrics: dict[str, Metric] = registry.collect("metrics")
    read = registry.choose("kinds", kind).read
    shared = [
        *_of_kind(kind, [read]),
        code.entry("tasks", task),
        code.function(draw),
        code.function(few_of),
        code.function(score_layers),
    ]
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
        needs = {
            need.removeprefix("rank_") for one in left for column in metrics[one].columns for need in metrics[one].needs(column)
        }
        left = {homes[need] for need in needs if need in homes} - found
    return found


def _of_kind(kind: str, ways: Sequence[Callable[..., Any]]) -> list[code.Root]:
    """Gives what counts of a kind: the functions that are asked for; of a kind in a file of one's own all of it."""
    return [code.entry("kinds", kind)] if kind.endswith(".py") else [code.function(way) for way in ways]
