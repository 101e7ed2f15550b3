"""The opening: three plain sentences on what was trained, what the variants are, and whose question it is."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from mixmnist.core import storage, sums
from mixmnist.core.records import Task, Variant
from mixmnist.core.registry import collect
from mixmnist.page.exhibit import Exhibit
from mixmnist.page.overview import count_of
from mixmnist.report.reading import StudyRecords

SOURCES = {"mnist": "MNIST's digits", "digits": "scikit-learn's 8x8 digits", "fashion": "Fashion-MNIST's clothes"}
HELD = "Each unit was held against what every image shows"
MEASURED = {  # by whether there is an accuracy to lose
    True: f"{HELD}, and silenced, to see what the network loses without it.",
    False: f"{HELD}.",
}
MOST = 8  # variants that are told apart in a sentence
NAMES = {"overlap": "digits that overlap: {}", "dropout": "dropout {}", "origin": "{}", "objective": "trained on {} labels"}
ORIGINS = {"untrained": "never trained", "trained": "trained"}


def settings_of(folder: Path) -> dict[str, Variant]:
    """Reads the settings of each variant of a study from the first of its records that can be read."""
    found: dict[str, Variant] = {}
    for home in sorted((folder / "runs").glob("*/s*-*")):
        if home.parent.name in found:
            continue
        try:
            records = sorted(storage.follow(home).glob("s*/record.json"))
            found[home.parent.name] = Variant.from_dict(sums.read_sealed(records[0])["config"]["variant"])
        except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError):
            continue  # damaged: the page tells of it elsewhere
    return found


def study_opening(records: StudyRecords, settings: Mapping[str, Variant], about: str) -> tuple[str, ...]:
    """Says what a study is about.

    Args:
        records: Its records.
        settings: Of each variant whose record is whole.
        about: What the study itself says, or nothing.
    """
    known = {name: settings[name] for name in records.variants if name in settings}
    said = []
    if known:
        first = next(iter(known))
        said = [_trained(records, first, known[first]), _variants(records, known)]
    return (*said, about or MEASURED[bool(records.runs.get("max_drop", pd.Series(dtype=float)).notna().any())])


def _trained(records: StudyRecords, name: str, variant: Variant) -> str:
    runs = records.runs[records.runs["variant"] == name]
    units = [f"{n:g}" for n in runs.groupby("layer", sort=False)["n_units"].first()]
    task: Task | None = collect("tasks").get(variant.task)
    source = runs["source"].iloc[0]
    asked = f"“{task.title}” ({len(task.classes)} classes)" if task else f"the task {variant.task}"
    size = (
        f"images of {variant.canvas.size} by {variant.canvas.size} pixels that show {SOURCES.get(source, f'glyphs of {source}')}"
    )
    layers = f"layers of {_listed(units)} units" if len(units) > 1 else f"a layer of {units[0]} units"
    net = f"A convolutional net with {layers}" if variant.net == "convnet" else f"The net {variant.net} with {layers}"
    if variant.plant:
        return f"The weights of a net with {layers} were set by hand, so that all its scores are known: {asked}, {size}."
    if variant.origin == "untrained":
        return f"{net} was left untrained; it sees {size}, and the question is {asked}."
    return f"{net} learned to answer {asked} from {variant.training.images:,} {size}."


def _listed(parts: Sequence[str]) -> str:
    return ", ".join(parts[:-1]) + " and " + parts[-1] if len(parts) > 1 else "".join(parts)


def _variants(records: StudyRecords, settings: Mapping[str, Variant]) -> str:
    """Says how the variants differ from the first, and how many trainings there are of each."""
    first, *others = settings
    usual = _flat(settings[first])
    told = [first]
    for name in others:
        own = _flat(settings[name])
        changed = [_change(key, value) for key, value in own.items() if value != usual.get(key)]
        told.append(f"{name} ({', '.join(changed) or 'the same'})" if len(others) <= MOST else name)
    seeds = count_of(records.runs.groupby("variant")["seed"].nunique().tolist())
    each = f", {seeds} seed{'s' * (seeds != '1')}" + " each" * bool(others)
    return f"{'Variants' if others else 'One variant'}: {_listed(told)}{each}."


def _flat(variant: Variant) -> dict[str, Any]:
    """Gives the settings of a variant by name, those of its parts as `net_settings.conv3`."""
    found: dict[str, Any] = {"origin": "trained", "objective": "supervised"}
    for key, value in variant.as_dict().items():
        found |= {f"{key}.{name}": one for name, one in value.items()} if isinstance(value, dict) else {key: value}
    return found


def _change(key: str, value: Any) -> str:  # noqa: ANN401 -- a number or a name
    """Says a setting in words.

    Example:
        >>> _change("net_settings.conv3", 30), _change("net_settings.dropout", 0.25), _change("origin", "untrained")
        ('30 units in conv3', 'dropout 0.25', 'never trained')
    """
    part, _, name = key.rpartition(".")
    if part == "net_settings" and name.startswith("conv"):
        return f"{value} units in {name}"
    if key == "origin":
        return ORIGINS.get(value, str(value).replace(":", " "))
    return NAMES.get(name, f"{name.replace('_', ' ')} {{}}").format(f"{value:g}" if isinstance(value, float) else value)


def network_opening(about: Mapping[str, Any], exhibits: Sequence[Exhibit]) -> tuple[str, ...]:
    """Says what an evaluated network is: as far as its evaluation tells."""
    task: Task | None = collect("tasks").get(str(about.get("task", "")))
    layers = list(dict.fromkeys([*about.get("layers", []), *(exhibit.layer for exhibit in exhibits)]))
    units = {exhibit.layer: exhibit.n_units for exhibit in exhibits}
    said = []
    if layers:
        told = [f"layer {layer}" + (f" ({units[layer]} units)" if layer in units else "") for layer in layers]
        said.append(f"This is one network as it was brought here, looked at in {_listed(told)}.")
    if task:
        source = str(about.get("source", ""))
        shown = f"{about['n']:,} images" if isinstance(about.get("n"), int) else "images"
        said.append(f"It saw {shown} with {SOURCES.get(source, f'the glyphs of {source}')}, and was asked “{task.title}”")
        said[-1] += (
            f": {len(task.classes)} classes." if about.get("classifies") else ", which it does not answer: units were only read."
        )
    silenced = any("drop" in one.units and bool(one.units["drop"].notna().any()) for one in exhibits)
    return (*said, MEASURED[silenced]) if said else ()
