"""What the analysis of labels measures on one net: labellers of the shelf, people with dials, and people at the page."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from mixmnist.core.seeding import derive
from mixmnist.labellers.annotations import write_annotations_file
from mixmnist.labellers.annotators import Dials, annotate, as_annotations
from mixmnist.labellers.judging import MEASURES, judge_labels, of_kinds
from mixmnist.labellers.labelling import label_units
from mixmnist.labellers.measuring import SHUFFLED, Labelled, kept_canvases, labelled, measure_labellers
from mixmnist.labellers.paging import beside, page_scores
from mixmnist.labellers.sight import shuffled
from mixmnist.labellers.true_names import DETECTOR, MIXED, NOTHING
from mixmnist.trust._networks import Recorded

NULL = f"top_images {SHUFFLED}"
LABELLERS = (
    "truth",
    "truth:by=alignment",
    "ridge:known=1",
    "ridge",
    "top_images:images=100",
    "top_images",
    "top_images:images=12",
    "softwpmi",
    "random",
    "constant",
    "constant:names=0",
    NULL,
)
PAGE = {  # people at the page
    "page, careful": Dials(misses=0.05, false_alarms=0.02, confusions=0.02),
    "page, hasty": Dials(misses=0.3, false_alarms=0.1, confusions=0.1, images=6, always=True),
}
WORN = Dials(misses=0.3, confusions=0.2)  # people of whom several are asked
LEVELS: dict[str, tuple[float | int, ...]] = {
    "misses": (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9),
    "misses_always": (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9),  # of people who always name something
    "false_alarms": (0.0, 0.1, 0.3, 0.6, 1.0),
    "confusions": (0.0, 0.1, 0.2, 0.3, 0.4, 0.5),
    "images": (1, 2, 3, 4, 6, 12, 24, 48),
    "people": (1, 3, 5, 9),
}
TIMES = 3  # that people are drawn
DIALLED = 5  # nets of a variant, the first ones, that people with dials look at
KEPT = tuple(name for name in MEASURES if name not in ("f1_best", "ap_chance"))  # those are rows: truth, constant:names=0


@dataclass(frozen=True, eq=False)
class Measured:
    """What was measured on one net or on several."""

    labels: pd.DataFrame  # a row a labeller and kind of unit
    dials: pd.DataFrame  # a row a dial and level
    page: pd.DataFrame  # a row a person at the page


def measured(net: Recorded, root: str | None, reader: Path, dials: bool) -> Measured:
    """Measures one net.

    Args:
        net: Recorded.
        root: Holds the source's files.
        reader: Its file.
        dials: Whether people with dials are asked, too.
    """
    canvases = kept_canvases(reader, net.mixture("rank", root), net.mixture("test", root))
    one = labelled(net.net(), net.layer, canvases, net.fingerprint, net.seed)
    labels, _ = measure_labellers(one, LABELLERS)
    at_page, told = _at_page(one, f"{net.variant}, seed {net.seed}")
    tables = (pd.concat([labels, at_page]), _dialled(one) if dials else pd.DataFrame(), told)
    labels, turned, told = (table.assign(variant=net.variant, seed=net.seed) for table in tables)
    return Measured(labels[["variant", "seed", "labeller", "kind", "units", *KEPT]], turned, told)


def joined(found: list[Measured]) -> Measured:
    """Puts what was measured on nets into one."""
    tables = ([getattr(one, name) for one in found] for name in ("labels", "dials", "page"))
    return Measured(*(pd.concat(some, ignore_index=True) for some in tables))


def _at_page(one: Labelled, exhibit: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Has people label the units at the page; their file goes through the labeller that reads such files."""
    labels, told = [], []
    with tempfile.TemporaryDirectory() as place:
        for number, (person, dials) in enumerate(PAGE.items()):
            said = as_annotations(one.sight, dials, exhibit, derive(one.sight.seed, "page", str(number)))
            path = Path(place) / "annotations.json"
            write_annotations_file(said, path)
            found = judge_labels(label_units("file", one.sight, {"path": str(path)}), one.scene)
            labels.append(of_kinds(found).assign(labeller=person))
            told.append({"person": person, **beside(page_scores(said, one.sight), found)})
    return pd.concat(labels), pd.DataFrame(told)


def _dialled(one: Labelled) -> pd.DataFrame:
    """Turns each dial of people, the others at rest."""
    rows = []
    for dial, level, dials in settings():
        parts, alphas = [], []
        for time in range(TIMES):
            seed = derive(one.sight.seed, "labels", dial, str(level), str(time))
            said = annotate(one.sight, dials, seed)
            null = annotate(shuffled(replace(one.sight, seed=seed)), dials, seed).together
            parts.append(_in_short(judge_labels(said.together, one.scene, ordering=False), null))
            alphas.append(said.agreement)
        means = pd.DataFrame(parts).mean().to_dict()
        rows.append({"dial": dial, "level": level, **means, "agreement": float(pd.Series(alphas).mean())})
    return pd.DataFrame(rows)


def settings() -> Iterator[tuple[str, float | int, Dials]]:
    """Lists the dials, their levels, and what people are then like."""
    for dial, levels in LEVELS.items():
        for level in levels:
            dials = {
                "misses": lambda x: Dials(misses=x),
                "misses_always": lambda x: Dials(misses=x, always=True),
                "false_alarms": lambda x: Dials(false_alarms=x),
                "confusions": lambda x: Dials(confusions=x),
                "images": lambda x: Dials(images=x),
                "people": lambda x: replace(WORN, people=x),
            }[dial](level)
            yield dial, level, dials


def _in_short(units: pd.DataFrame, null: Tensor) -> dict[str, float]:
    """Gives what dials are judged by."""
    detectors, mixed, idle = (units[units["kind"].eq(kind)] for kind in (DETECTOR, MIXED, NOTHING))
    return {
        "first": float(detectors["first"].mean()),
        "recall_mixed": float(mixed["recall"].mean()),
        "precision": float(units["precision"].mean()),
        "f1": float(units["f1"].mean()),
        "nothing_wrong": float(detectors["empty"].mean()),
        "nothing_right": float(idle["empty"].mean()),
        "nothing_shuffled": float(torch.as_tensor((null > 0).sum(dim=1) == 0).double().mean()),
    }
