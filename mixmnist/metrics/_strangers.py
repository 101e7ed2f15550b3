"""Metrics that somebody else wrote: what they ask for is checked, they get copies, and what they give is checked.

The shelf's own are trusted: its contract tests hold that they write into nothing and give what their axes say.
"""

import functools
from collections.abc import Callable, Collection, Mapping
from dataclasses import fields, is_dataclass, replace
from numbers import Real
from typing import Any

import torch
from torch import Tensor, nn

from mixmnist.core.readout import Readout
from mixmnist.core.records import Metric, require

AXES = (("units", "concepts"), ("units",), ("concepts",), ("curve",), (), ("units", "images"), ("units", "steps"))
NAMING = ("concepts", "classes")  # fields of a readout whose entries a column may name
TAKEN = frozenset(("unit", "concept", "layer", "n_units", "accuracy", "n"))  # columns that every table has by itself
EXACT = (torch.float16, torch.float32, torch.float64)  # what numpy holds, too


def check_metrics(strangers: Any, shelf: Mapping[str, Metric]) -> None:  # noqa: ANN401 -- whatever somebody gives
    """Refuses metrics that cannot be scored, before anything is.

    Raises:
        ValueError: If one is no metric, has axes that no table has or columns that are none, has a name or a column that is
            taken, or asks for what there is not or for its own column.
    """
    require(isinstance(strangers, Mapping), f"more must be metrics by name, got {type(strangers).__name__}. Give a dict.")
    taken = {column for metric in shelf.values() for column in metric.columns} | TAKEN
    for name, metric in strangers.items():
        _check_form(f"the metric {name}", metric)
        both = sorted(taken & set(metric.columns))
        require(not both, f"metrics must have columns of their own, got {', '.join(both)} again in {name}. Rename them.")
        way_out = "Rename its file."
        require(name not in shelf, f"metrics must have names of their own, got {name!r}, which is on the shelf. {way_out}")
        taken |= set(metric.columns)
    _check_needs(strangers, shelf)


def _check_form(who: str, metric: Any) -> None:  # noqa: ANN401 -- as above
    way_out = "End its file in METRIC = Metric(title, axes, columns)."
    require(isinstance(metric, Metric), f"{who} must be a Metric, got {type(metric).__name__}. {way_out}")
    axes, columns = metric.axes, metric.columns
    known = f"Axes: {', '.join(str(one) for one in AXES)}."
    require(axes in AXES, f"{who} must have axes that a table has, got {axes!r}. {known}")
    sound = isinstance(columns, Mapping) and len(columns) > 0
    require(sound, f"{who} must have columns, a function for each name, got {columns!r}. {way_out}")
    for column, function in columns.items():
        require(isinstance(column, str), f"{who} must have texts as names of columns, got {column!r}. {way_out}")
        got = f"{type(function).__name__} for {column}"
        require(callable(function), f"{who} must have a function for each column, got {got}. {way_out}")
        try:
            metric.needs(column)
        except (TypeError, ValueError) as error:  # a function of a compiled library says nothing of itself
            wrap = "Write a function around it."
            raise ValueError(f"{who} must have functions whose parameters have names, got {column}. {wrap}") from error
    for column, entries in metric.names.items():
        require(column in columns, f"{who} must name entries of its own columns, got {column}. Mend `names`.")
        known = " or ".join(NAMING)
        require(entries in NAMING, f"{who} must name entries of {known}, got {entries!r} for {column}. Mend `names`.")


def _check_needs(strangers: Mapping[str, Metric], shelf: Mapping[str, Metric]) -> None:
    """Refuses a column that asks for what there is not, or that leads back to itself."""
    every = [*shelf.values(), *strangers.values()]
    known = {field.name for field in fields(Readout)} | {c for m in every if m.axes != () for c in m.columns}
    needs: dict[str, list[str]] = {}
    for name, metric in strangers.items():
        for column in metric.columns:
            lacking = [need for need in metric.needs(column) if need not in known and need.removeprefix("rank_") not in known]
            way_out = "Its parameters name fields of a readout or columns; `mixmnist list metrics` shows those."
            require(not lacking, f"the metric {name} must ask for what there is, got {', '.join(lacking)}. {way_out}")
            needs[column] = [need.removeprefix("rank_") for need in metric.needs(column)]
    for name, metric in strangers.items():
        for column in metric.columns:
            turns = column in _all_needs(column, needs)
            require(not turns, f"the metric {name} must not ask for its own column, got {column}. Mend its parameters.")


def _all_needs(column: str, needs: Mapping[str, Collection[str]]) -> set[str]:
    """Gives everything that a column is computed from."""
    found: set[str] = set()
    waiting = [column]
    while waiting:
        new = set(needs.get(waiting.pop(), ())) - found
        found |= new
        waiting += new
    return found


def guarded(name: str, metric: Metric, readout: Readout) -> Metric:
    """Gives a metric on copies of what it asks for, whose faults become sentences that name it.

    Args:
        name: What the metric is called.
        metric: As it was written; checked by `check_metrics`.
        readout: The images that it will be asked about; says how many units, concepts and steps of a curve there are.
    """
    columns = {column: _guarded(name, metric, column, readout) for column in metric.columns}
    return replace(metric, columns=columns)


def _guarded(name: str, metric: Metric, column: str, readout: Readout) -> Callable[..., Any]:
    function, end = metric.columns[column], f"from its column {column}. Mend its file."

    @functools.wraps(function)
    def run(**named: Any) -> Any:  # noqa: ANN401 -- a tensor or a number
        try:
            value = function(**{need: copied(one) for need, one in named.items()})
        except (Exception, SystemExit) as error:  # whatever a stranger's function may raise
            said = (str(error).strip() or "no word").splitlines()[0]
            raise ValueError(f"the metric {name} must run, got {type(error).__name__}: {said} {end}") from error
        misfit = _misfit(value, metric.axes, readout)
        require(not misfit, f"the metric {name} must give {_wanted(metric.axes, readout)}, got {misfit} {end}")
        if not isinstance(value, Tensor):
            return _as_float(value, f"the metric {name} must give one real number, got a larger one than any float {end}")
        if column in metric.names:
            field = metric.names[column]
            _check_places(value, len(getattr(readout, field)), f"the metric {name} must give places among the", field, end)
        value = value.detach().clone()
        return value if value.dtype in EXACT or not value.is_floating_point() else value.float()

    return run


def _as_float(value: Real, refusal: str) -> float:
    try:
        return float(value)
    except OverflowError as error:
        raise ValueError(refusal) from error


def copied(value: Any) -> Any:  # noqa: ANN401 -- as it was
    """Copies tensors, and those that a readout's maps, masks and silencing are made of; networks and names stay as they are."""
    if isinstance(value, Tensor):
        return value.clone()
    if not is_dataclass(value) or isinstance(value, type):
        return value
    inside = {field.name: getattr(value, field.name) for field in fields(value) if field.init}
    return replace(value, **{name: copied(one) for name, one in inside.items() if not isinstance(one, nn.Module)})


def _sizes(axes: tuple[str, ...], readout: Readout) -> list[int | None]:
    known = {"units": readout.n_units, "concepts": len(readout.concepts), "curve": readout.n_units + 1}
    return [known.get(axis) for axis in axes]  # None: decisions and thresholds, the metric's own affair


def _wanted(axes: tuple[str, ...], readout: Readout) -> str:
    if not axes:
        return "one real number"
    sizes = ", ".join("any" if size is None else str(size) for size in _sizes(axes, readout))
    return f"a tensor of {' x '.join(axes)} [{sizes}], real numbers"


def _misfit(value: Any, axes: tuple[str, ...], readout: Readout) -> str:  # noqa: ANN401 -- whatever a stranger gave
    """Says what is wrong with a value; nothing if it is right."""
    if not isinstance(value, Tensor):
        return "" if isinstance(value, Real) and not axes else "None" if value is None else type(value).__name__
    if value.layout != torch.strided or value.is_quantized:
        return f"a {'quantised' if value.is_quantized else 'sparse'} tensor"
    here = readout.response.device
    if value.device.type == "meta" or (axes and value.device != here):
        return f"a tensor on {value.device} for {here}"
    sizes = _sizes(axes, readout)
    fits = value.ndim == len(sizes) and all(size in (None, got) for size, got in zip(sizes, value.shape, strict=True))
    return "" if fits and not value.is_complex() else f"{_kind(value)} {list(value.shape)}"


def _check_places(value: Tensor, n: int, start: str, field: str, end: str) -> None:
    whole = not value.is_floating_point() and value.dtype != torch.bool
    require(whole, f"{start} {n} {field}, or -1, got {_kind(value)} {end}")
    wrong = value[(value < -1) | (value >= n)]
    require(not len(wrong), f"{start} {n} {field}, or -1, got {wrong[:1].tolist()[0] if len(wrong) else ''} {end}")


def _kind(value: Tensor) -> str:
    return str(value.dtype).removeprefix("torch.")
