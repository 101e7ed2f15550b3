"""Exhibits: one layer of one network as a page shows it, computed once and kept in one file of bounded size."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray
from torch import Tensor

from mixmnist.core.npz import read_npz
from mixmnist.core.readout import Readout
from mixmnist.core.records import require
from mixmnist.features.atoms import AtomAlgebra
from mixmnist.metrics._decisions import correct
from mixmnist.metrics.average_precision import average_precision
from mixmnist.metrics.correct import correct_without
from mixmnist.metrics.curve import random_orders
from mixmnist.metrics.drop import class_drops
from mixmnist.page.picturing import channels_last, pictures
from mixmnist.probing import Drawn, HeadAlgebra
from mixmnist.report.curves import precision_curves

POINTS = 25  # of the precision curves
STEPS = 24  # of a histogram of responses
MATCHED_ON = 2000  # images, the first ones, by whose responses units of two networks are matched
BENCH_BYTES = 1_000_000  # of means kept for the bench: as many images as fit
SAMPLES = 16  # images, the first ones, whose predictions the bench shows
TEXT = "text"  # entry of the file that holds everything but arrays, as JSON
SUM = "sum"  # entry of the text: the SHA-256 of all else


@dataclass(frozen=True)
class About:
    """What a page says of a layer besides its numbers."""

    name: str
    """What it is called on the page, as "baseline, seed 0"."""
    said: str
    """A sentence or two on the network."""
    task: str
    source: str
    useless: tuple[str, ...] = ()
    """Concepts that say nothing about the class."""
    beside: str = ""
    """A sentence on how its accuracy lies beside the tables', said anew for each page."""
    word: str = "unit"
    """What one of its units is called: unit, or atom where a dictionary stands behind the layer."""
    made_from: str = ""
    """Fingerprint of the network, its scores and the code: whether a file made earlier still holds."""


@dataclass(frozen=True, eq=False)
class Bench:
    """Numbers from which the logits follow exactly with any units silenced: head (means) + bias, or + what is left."""

    means: NDArray[np.float32]  # [images, units], of the first images
    labels: NDArray[np.int64]  # [images] or [images, classes]
    weight: NDArray[np.float32]  # [classes, units]
    bias: NDArray[np.float32]  # [classes]
    rest: NDArray[np.float32]  # [units], the mean over the rank images, to which units are silenced
    orders: NDArray[np.int64]  # [orders, units], fitted on the rank images
    samples: NDArray[np.uint8]  # [samples, rows, cols], in colour [..., 3], the first images
    left: NDArray[np.float32] | None = None  # [images, classes], with the bias: what atoms do not explain; None of units


ORDERS = ("best detectors first", "most important first", "least important first", "largest weights first", "random order")


@dataclass(frozen=True, eq=False)
class Exhibit:
    """One layer of one network as a page shows it. Curves and images are of the scored images."""

    about: About
    layer: str
    concepts: tuple[str, ...]
    classes: tuple[str, ...]
    n_images: int
    images: str  # fingerprint of the canvases that units are matched on
    dropped_on: int  # how many images the drops of classes are over
    units: pd.DataFrame  # a row a unit, as scored; with null_95, p_layer, corrected where a null is known
    prevalence: NDArray[np.float32]  # [concepts]
    alignment: NDArray[np.float32]  # [units, concepts]
    ks: NDArray[np.int64]  # [points]
    recalls: NDArray[np.float32]  # [points]
    precision_at_k: NDArray[np.float32]  # [units, concepts, points]
    precision_at_recall: NDArray[np.float32]  # [units, concepts, points]
    top: NDArray[np.uint8]  # [units, shown, rows, cols], in colour [..., 3]; the highest response first
    bottom: NDArray[np.uint8]  # the same, the lowest response first
    top_present: NDArray[np.bool_]  # [units, shown, concepts]
    bottom_present: NDArray[np.bool_]  # [units, shown, concepts]
    top_response: NDArray[np.float32]  # [units, shown]
    bottom_response: NDArray[np.float32]  # [units, shown]
    response: NDArray[np.float32]  # [images, units], of the first images
    fields: NDArray[np.int64] | None = None  # [units, shown, 4], where the unit fired: row, column, end row, end column
    counts: NDArray[np.int64] | None = None  # [units, steps], images by response, from the unit's lowest to its highest
    counts_of: NDArray[np.int64] | None = None  # [units, concepts, steps], those of them that show a concept
    ends: NDArray[np.float32] | None = None  # [units, 2], lowest and highest response
    accuracy: float | None = None  # of the network on all scored images; None where it does not classify
    maps: NDArray[np.uint8] | None = None  # [units, shown, rows, cols], on the top images; of each unit 255 is its highest value
    drops: NDArray[np.float32] | None = None  # [units, classes], accuracy lost without the unit; nan for a class without images
    bench: Bench | None = None  # None where the layer does not feed a linear head through its mean

    @cached_property
    def fingerprint(self) -> str:
        """The SHA-256 of what a person sees and what is scored: annotations are known by it."""
        digest = hashlib.sha256()
        for values in (self.top, self.response, self.alignment):
            digest.update(np.ascontiguousarray(values).tobytes())
        return digest.hexdigest()

    @property
    def n_units(self) -> int:
        """Number of units of the layer."""
        return len(self.units)


def make_exhibit(readout: Readout, rank: Readout, units: pd.DataFrame, mixture: Drawn, about: About) -> Exhibit:
    """Computes what a page shows of a layer.

    Args:
        readout: The layer on the scored images.
        rank: The same layer on the images that orders and means are fitted on; the readout itself where there are no others.
        units: A row a unit, as `score` gives it; columns null_95, p_layer and corrected are shown where they are there.
        mixture: The scored images.
        about: What is said of the layer.

    Raises:
        ValueError: If the table has not a row a unit.
    """
    require(len(units) == readout.n_units, f"units must have a row a unit ({readout.n_units}), got {len(units)} rows.")
    n = len(readout.response)
    ks = np.unique(np.geomspace(1, n, POINTS).round().astype(np.int64))
    recalls = np.linspace(1 / POINTS, 1, POINTS, dtype=np.float32)
    by_k, by_recall = precision_curves(readout.response, readout.present, ks.tolist(), recalls.tolist())
    drops, dropped_on = _class_drops(readout)
    first = mixture.images[:MATCHED_ON].cpu().contiguous()
    return Exhibit(
        about=about,
        layer=readout.layer,
        concepts=readout.concepts,
        classes=readout.classes,
        n_images=n,
        images=hashlib.sha256(first.numpy().tobytes()).hexdigest(),
        dropped_on=dropped_on,
        units=units.reset_index(drop=True),
        prevalence=_numbers(readout.present.double().mean(dim=0)),
        alignment=_numbers(average_precision(readout.response, readout.present)),
        ks=ks,
        recalls=recalls,
        precision_at_k=_numbers(by_k),
        precision_at_recall=_numbers(by_recall),
        **pictures(readout, mixture),
        response=_numbers(readout.response[:MATCHED_ON]),
        **_histograms(readout.response, readout.present),
        accuracy=None if readout.logits is None else float(correct(readout.logits, readout.labels).mean()),
        drops=drops,
        bench=_bench(readout, rank, mixture),
    )


def _histograms(response: Float[Tensor, "images units"], present: Bool[Tensor, "images concepts"]) -> dict[str, Any]:
    """Counts the images by each unit's response, in equal steps, all of them and those that show a concept."""
    low, high = response.amin(dim=0), response.amax(dim=0)
    share = (response - low) / (high - low).clamp_min(torch.finfo(response.dtype).tiny)
    step = (share * STEPS).long().clamp_max(STEPS - 1)  # images units
    within = [(step == one).T.double() for one in range(STEPS)]  # each: units images
    counts = torch.stack([one.sum(dim=1) for one in within], dim=-1)  # units steps
    counts_of = torch.stack([one @ present.double() for one in within], dim=-1)  # units concepts steps
    whole = {"counts": counts, "counts_of": counts_of}
    return {name: values.long().cpu().numpy() for name, values in whole.items()} | {"ends": _numbers(torch.stack([low, high], 1))}


def _class_drops(readout: Readout) -> tuple[NDArray[np.float32] | None, int]:
    """Gives each class's accuracy drop without each unit, and how many images it is over."""
    if readout.without is None:
        return None, 0
    intact, each = _silenced(readout)
    n = readout.without.n_images
    found = class_drops(intact, each, readout.labels[:n])
    drops = torch.full((readout.n_units, len(readout.classes)), torch.nan)
    drops[:, : found.shape[1]] = found.masked_fill(found.isinf(), torch.nan).cpu()
    return _numbers(drops), n


def _silenced(readout: Readout) -> tuple[Float[Tensor, "1 decisions"], Float[Tensor, "units decisions"]]:
    """Says how right each decision is, intact and with each unit silenced to zero."""
    assert readout.without is not None
    each = torch.eye(readout.n_units, dtype=torch.bool, device=readout.response.device)
    to = torch.zeros(readout.n_units, device=readout.response.device)
    intact, without = (correct_without(readout.without, readout.labels, sets, to) for sets in (each[:1] & ~each[:1], each))
    return intact, without


def _bench(readout: Readout, rank: Readout, mixture: Drawn) -> Bench | None:
    """Gives the bench of a layer that feeds a linear head; None of others."""
    algebra = readout.without
    if not isinstance(algebra, HeadAlgebra | AtomAlgebra):
        return None
    left = _left(algebra) if isinstance(algebra, AtomAlgebra) else None
    numbers = readout.n_units + (0 if left is None else left.shape[1])  # of an image
    n = min(len(readout.mean), max(SAMPLES, BENCH_BYTES // (4 * numbers)))
    return Bench(
        means=_numbers(readout.mean[:n]),
        labels=readout.labels[:n].cpu().numpy().astype(np.int64),
        weight=_numbers(algebra.weight),
        bias=_numbers(algebra.bias if isinstance(algebra, HeadAlgebra) else torch.zeros_like(algebra.weight[:, 0])),
        rest=_numbers(rank.mean.mean(dim=0)),
        orders=_orders(rank).cpu().numpy(),
        samples=channels_last(mixture.images[:SAMPLES], mixture),
        left=None if left is None else _numbers(left[:n]),
    )


def _left(algebra: AtomAlgebra) -> Float[Tensor, "images classes"]:
    """Gives what of each image's logits no atom explains, with the head's bias."""
    left: Tensor = algebra.logits.double() - algebra.codes.double() @ algebra.weight.double().T
    return left


def _orders(rank: Readout) -> Int[Tensor, "orders units"]:
    """Gives the orders of the ablation curves, as `ORDERS` names them."""
    assert rank.head is not None
    best = average_precision(rank.response, rank.present).nan_to_num(-1).amax(dim=1)
    intact, each = _silenced(rank)
    drop = intact.mean() - each.mean(dim=1)
    keys = (best, drop, -drop, rank.head.abs().sum(dim=0))
    falling = [key.argsort(descending=True, stable=True) for key in keys]
    return torch.stack([*falling, random_orders(rank.n_units)[0].to(drop.device)])


def _numbers(values: Tensor) -> NDArray[np.float32]:
    return values.detach().float().cpu().numpy()


def save(exhibit: Exhibit, path: Path) -> None:
    """Writes an exhibit into one .npz without pickle."""
    arrays, text = _parted(exhibit)
    if exhibit.bench is not None:
        arrays |= {f"bench.{name}": values for name, values in _parted(exhibit.bench)[0].items()}
    text |= {"about": asdict(exhibit.about), "units": exhibit.units.to_dict(orient="list")}
    text[SUM] = _sum(arrays, text)
    arrays[TEXT] = np.frombuffer(json.dumps(text).encode(), dtype=np.uint8)
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]  # its stubs take only named arrays


def load(path: Path) -> Exhibit:
    """Reads what `save` wrote.

    Raises:
        ValueError: If the file is no exhibit, or not as it was written.
    """
    way_out = "Delete it; the page makes it anew, or, of an evaluated network, `mixmnist evaluate`."
    arrays: dict[str, Any] = read_npz(path, "an exhibit", way_out)
    try:
        text = json.loads(arrays.pop(TEXT).tobytes())
        kept = text.pop(SUM, None)  # formerly there was none
        require(kept in (None, _sum(arrays, text)), "another sum")
        bench = {name.removeprefix("bench."): arrays.pop(name) for name in list(arrays) if name.startswith("bench.")}
        said, units = text.pop("about"), pd.DataFrame(text.pop("units"))
        about = About(**{**said, "useless": tuple(said["useless"])})
        plain: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in text.items()}
        return Exhibit(about=about, units=units, bench=Bench(**bench) if bench else None, **plain, **arrays)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise ValueError(f"an exhibit must be a file as mixmnist wrote it, got {path}. {way_out}") from error


def _sum(arrays: Mapping[str, NDArray[Any]], text: Mapping[str, Any]) -> str:
    """Gives the SHA-256 of everything that an exhibit's file holds."""
    digest = hashlib.sha256(json.dumps(text, sort_keys=True).encode())
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].dtype} {arrays[name].shape}".encode())
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()


def _parted(record: Exhibit | Bench) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Parts a dataclass into arrays and plain values; what is None or of another kind is left out."""
    values: Mapping[str, Any] = {field.name: getattr(record, field.name) for field in fields(record)}
    arrays = {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
    plain = {name: value for name, value in values.items() if isinstance(value, str | int | float | tuple)}
    return arrays, plain
