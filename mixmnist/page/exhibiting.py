"""Exhibiting: the units of recorded networks made into exhibits, kept beside the records and made again when those change."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
import torch

from mixmnist.core import code, registry, storage, sums
from mixmnist.core.records import Task
from mixmnist.page.exhibit import About, Exhibit, load, make_exhibit, save
from mixmnist.probing import probe
from mixmnist.report.reading import StudyRecords
from mixmnist.trust._layers import IMAGES
from mixmnist.trust._networks import Recorded, recorded
from mixmnist.trust._permutation import hold_against_null

NULL = ("null_95", "p_layer", "corrected")  # columns of the analysis that holds units against their null
PERMUTATIONS = 200  # where there is no such analysis
Tell = Callable[[str], None]


def study_exhibits(folder: Path, records: StudyRecords, root: str | None, tell: Tell) -> tuple[list[Exhibit], list[str]]:
    """Gives an exhibit of each variant, of the lowest seed whose weights are recorded; and why others are missing.

    They are kept in `folder/exhibits` and made again where the network, its scores or their code have changed.
    """
    nets, shown = recorded(folder), [variant for variant in records.variants if variant not in records.unscored]
    firsts = {net.variant: net for net in reversed(nets) if (net.place / "weights.safetensors").is_file()}
    without = [variant for variant in shown if variant not in firsts]
    missing = [f"Units of {', '.join(without)} cannot be shown: the weights are not kept here."] if without else []
    missing += [f"Units of {', '.join(records.unscored)} are not shown: they are not scored."] if records.unscored else []
    made, exhibits = {}, []
    for variant in [variant for variant in shown if variant in firsts]:
        path, net = folder / "exhibits" / f"{variant}.npz", firsts[variant]
        if not _is_current(path, net):
            tell(f"Looking at the units of {variant}, seed {net.seed} ...")
            try:
                made[variant] = exhibit_of(net, records, folder, root)
            except (FileNotFoundError, ValueError) as error:
                missing.append(f"Units of {variant} cannot be shown: {error}")
                continue
        exhibits.append(made[variant] if variant in made else load(path))
    if made:
        storage.publish(folder / "exhibits", lambda partial: _save_all(exhibits, partial))
    return [_beside(exhibit, firsts[_variant(exhibit)], records) for exhibit in exhibits], missing


def _beside(exhibit: Exhibit, net: Recorded, records: StudyRecords) -> Exhibit:
    """Says why an accuracy of the exhibit is not that of the tables: those are means over all seeds."""
    runs = records.runs[(records.runs["variant"] == net.variant) & (records.runs["layer"] == net.layer)]
    mean = f"{100 * runs['accuracy'].mean():.1f} %"
    said = "" if len(runs) < 2 else f"The tables give {mean}: the mean of {len(runs)} seeds of {net.variant}."
    return replace(exhibit, about=replace(exhibit.about, beside=said))


def _variant(exhibit: Exhibit) -> str:
    return exhibit.about.name.partition(",")[0]


def _save_all(exhibits: Sequence[Exhibit], folder: Path) -> None:
    for exhibit in exhibits:
        save(exhibit, folder / f"{_variant(exhibit)}.npz")


def _is_current(path: Path, net: Recorded) -> bool:
    try:
        return load(path).about.made_from == _made_from(net)
    except (FileNotFoundError, ValueError):
        return False  # it is made anew


def _made_from(net: Recorded) -> str:
    makers = [code.function(maker) for maker in (make_exhibit, probe, hold_against_null)]
    return storage.fingerprint([net.fingerprint, code.digest(makers)])


def exhibit_of(net: Recorded, records: StudyRecords, folder: Path, root: str | None) -> Exhibit:
    """Makes the exhibit of a recorded network's last layer, on the mixture that it was scored on."""
    module, mixture = net.net(), net.mixture("test", root)
    readout, rank = (probe(module, one, net.layer) for one in (mixture, net.mixture("rank", root)))
    units = records.units
    own = units[(units["variant"] == net.variant) & (units["seed"] == net.seed) & (units["layer"] == net.layer)]
    own = own.drop(columns=["study", "source", "task", "variant", "seed", "block", "layer"]).reset_index(drop=True)
    task: Task = registry.choose("tasks", net.settings.task)
    about = About(
        name=f"{net.variant}, seed {net.seed}",
        said=f"{task.title} Network: {net.settings.provenance}. Layer {net.layer}, {readout.n_units} units.",
        task=net.settings.task,
        source=net.source,
        useless=task.useless,
        made_from=_made_from(net),
    )
    return make_exhibit(readout, rank, own.assign(**_null(net, readout.response, readout.present, folder)), mixture, about)


def _null(net: Recorded, response: torch.Tensor, present: torch.Tensor, folder: Path) -> "dict[str, list[float]]":
    """Gives each unit's null: from the study's own analysis, or from fewer permutations."""
    path = folder / "analyses" / "null" / "units.csv"
    if path.is_file() and sums.trouble(path.parent / sums.ANALYSIS, [path.name]) is None:
        found = pd.read_csv(path)
        found = found[(found["variant"] == net.variant) & (found["seed"] == net.seed)].sort_values("unit")
        if len(found) == response.shape[1] and found.columns.isin(NULL).sum() == len(NULL):
            return {column: found[column].tolist() for column in NULL}
    return against_null(response, present)


def against_null(response: torch.Tensor, present: torch.Tensor) -> "dict[str, list[float]]":
    """Holds each unit against few permutations of the first images."""
    tested = hold_against_null(response[:IMAGES], present[:IMAGES], n=PERMUTATIONS)
    null_95 = tested.null.quantile(0.95, dim=0).tolist()
    return {"null_95": null_95, "p_layer": tested.p_layer.tolist(), "corrected": tested.corrected.tolist()}
