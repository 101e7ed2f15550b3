"""Measuring: pictures of a recorded net's detectors by every prior, and by generators that differ in one thing."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Int
from numpy.typing import NDArray
from torch import Tensor, nn

from mixmnist.core.records import Settings
from mixmnist.data.mixture import Mixture, draw
from mixmnist.metrics.average_precision import average_precision
from mixmnist.probing import probe
from mixmnist.report.seen import as_bytes
from mixmnist.trust._networks import Recorded
from mixmnist.visualize._generating import Inverting, train_generator
from mixmnist.visualize._generator import Encoder, Generator
from mixmnist.visualize._targets import Target, unit_target
from mixmnist.visualize.imaging import Supplies
from mixmnist.visualize.judging_images import Beside, look_at_images, look_beside
from mixmnist.visualize.measuring_images import PRIORS, detectors, measure_images
from mixmnist.visualize.reader import Reader, Reading, load_reader

READER, PICTURES = "reader.safetensors", "pictures"  # files of the analysis
USUAL = ("conv2", "max")  # the layer that a generator inverts, and how it is pooled: what the next layer sees
LAYERS = {"conv1": ("conv1", "none"), "conv2": ("conv2", "none"), "conv3": ("conv3", "none"), "GAP": ("conv3", "mean")}
NARROW = {"conv1": (12, 12, 8)}  # widths at most, since its maps are as large as the image
LOSSES: Mapping[str, dict[str, Any]] = {
    "no image loss": {"image": 0.0},
    "no feature loss": {"feature": 0.0},
    "no adversarial loss": {"adversarial": 0.0},
}
CODES: Mapping[str, Settings] = {  # of the climb on a generator's codes
    "clip and decay": {},
    "no clip": {"clip": 0.0},
    "no decay": {"decay": 0.0},
    "neither": {"clip": 0.0, "decay": 0.0},
    "natural start": {"start": "natural"},
}
ENCODERS = ("wide", "untrained", "other source")  # nets other than the one that is looked at
BASE = "clip and decay"
REAL, SHORT, READING = Inverting(epochs=1, batch=16), Inverting(epochs=1, batch=16), Reading()
Row = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """How much is made and judged."""

    starts: int = 3  # pictures of a unit by each prior
    canvases: int = 21_000  # natural ones, which generators are trained on but for the last 1,000
    how: Inverting = REAL
    few_starts: int = 2  # the same of generators that differ in one thing
    few_canvases: int = 6_000
    few: Inverting = SHORT
    generators: int = 3  # seeds of those whose codes are climbed in several manners
    reading: Reading = READING


@dataclass(frozen=True, eq=False)
class Shown:
    """The first picture of each detector of a net by each prior, and what is read in it."""

    table: pd.DataFrame  # a row a picture
    pictures: NDArray[np.uint8]  # pictures rows cols

    def write(self, out: Path) -> None:
        """Writes both into a folder."""
        self.table.to_csv(out / f"{PICTURES}.csv", index=False, float_format="%.4g")
        np.savez_compressed(out / f"{PICTURES}.npz", pictures=self.pictures)


@dataclass(frozen=True, eq=False)
class Scene:
    """The detectors of a net, and what their pictures are made of and held against."""

    net: Recorded
    module: nn.Module
    target: Target  # a unit for each picture
    own: Int[Tensor, " n"]
    seeds: tuple[int, ...]
    canvases: Mixture
    reader: Reader
    beside: Beside

    def measure(self, priors: Mapping[str, tuple[str, Settings]], generator: Generator | None, **show: Any) -> pd.DataFrame:  # noqa: ANN401 -- as of `measure_images`
        """Makes and judges pictures, a row a prior and measure, without seconds, which are others each time."""
        supplies = Supplies(self.canvases, generator)
        found = measure_images(self.target, self.own, self.seeds, self.reader, supplies, priors, self.beside, **show)
        return found.drop(columns="seconds", errors="ignore")


def look(net: Recorded, root: str | None, reader: Reader, n: int, starts: int) -> Scene:
    """Finds the detectors of a net, and looks at natural canvases.

    Args:
        net: A convnet.
        root: Holds the source's files.
        reader: Above its bar.
        n: Canvases, of the net's own task.
        starts: Pictures of a unit.

    Raises:
        ValueError: If no unit is a detector.
    """
    module, readout = net.net(), probe(net.net(), net.mixture("test", root), net.layer)
    units, own = detectors(average_precision(readout.response, readout.present))
    target = unit_target(module, net.layer, units.repeat(starts))
    seeds = tuple(seed for seed in range(starts) for _ in units)
    canvases = canvases_of(net, root, n)
    beside = look_beside(target, own.repeat(starts), seeds, reader, Supplies(canvases))
    return Scene(net, module, target, own.repeat(starts), seeds, canvases, reader, beside)


def canvases_of(net: Recorded, root: str | None, n: int) -> Mixture:
    """Draws canvases of a net's own task from the glyphs that it was trained on."""
    how = net.settings
    return _drawn(how.task, net.source, n, how.canvas, tuple(sorted(how.task_settings.items())), root)


@lru_cache(maxsize=2)
def _drawn(task: str, source: str, n: int, canvas: Any, settings: Any, root: str | None) -> Mixture:  # noqa: ANN401 -- as in Variant
    return draw(task, source, "train", n, canvas=canvas, settings=dict(settings), root=root, seed=0)


def of_priors(
    net: Recorded, root: str | None, home: Path, plan: Plan, keep: bool
) -> tuple[pd.DataFrame, pd.DataFrame, Shown | None]:
    """Trains a net's generator, and makes and judges pictures of its detectors by every prior.

    Args:
        net: A convnet.
        root: Holds the source's files.
        home: Where the reader lies, and where the generator is kept.
        plan: How much is made.
        keep: Whether the generator is kept, and what is shown of its pictures is given.

    Returns:
        A row a prior and measure; what is known of the generator; and, where kept, the first picture of each unit.
    """
    scene = look(net, root, load_reader(home / READER), plan.canvases, plan.starts)
    generator = train_generator(Encoder(scene.module, *USUAL), scene.canvases, 0, plan.how)
    images: list[NDArray[np.uint8]] = []
    tables: list[pd.DataFrame] = []

    def show(name: str, made: Tensor) -> None:
        n = len(made) // plan.starts  # the first of each unit
        target = scene.target.some(torch.arange(n))
        table = look_at_images(made[:n], target, scene.own[:n], scene.reader, Supplies(scene.canvases))
        images.append(as_bytes(made[:n, 0].numpy(force=True)))
        tables.append(table[["unit", "own", "read", "reads_own", "response"]].assign(prior=name))

    if keep:
        generator.save(home / f"generator-{net.variant}-{net.seed}.safetensors")
    found = scene.measure(PRIORS, generator, **({"show": show} if keep else {}))
    of_net: Row = {"variant": net.variant, "seed": net.seed, "group": "priors", "generator": 0}
    known = pd.DataFrame([of_net | {"name": "learned"} | about_generator(generator)])
    shown = Shown(pd.concat(tables, ignore_index=True).assign(**of_net), np.concatenate(images)) if keep else None
    return found.assign(**of_net), known, shown


def about_generator(generator: Generator) -> Row:
    """Says what a generator is and how good it is."""
    about = generator.about
    weights = sum(weight.numel() for weight in generator.drawing.parameters())
    row: Row = {"layer": generator.encoder.layer, "pool": generator.encoder.pool, **generator.report, "weights": weights}
    return row | {"canvases": about["canvases"], "epochs": about["epochs"], "said": "; ".join(generator.faults)}


def of_changes(
    net: Recorded, others: Mapping[str, Recorded], root: str | None, home: Path, plan: Plan
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Makes and judges pictures of a net's detectors by generators that differ in one thing.

    Args:
        net: A convnet.
        others: Nets that codes are taken of in its place, by what they are called.
        root: Holds the source's files.
        home: Where the reader lies.
        plan: How much is made.

    Returns:
        A row a change and measure with `group`, `prior` (what is changed) and `generator` (its seed); and a row a generator.
    """
    scene = look(net, root, load_reader(home / "reader.safetensors"), plan.few_canvases, plan.few_starts)
    tables, known = [], []
    for group, name, encoder, seed, how in _changes(scene.module, others, plan):
        generator = train_generator(encoder, scene.canvases, seed, how)
        of_one: Row = {"variant": net.variant, "seed": net.seed, "group": group, "generator": seed}
        changes = CODES if group == "code" else {name: {"prior": "any"} if group == "encoder" else {}}
        priors = {called: ("dgn", settings) for called, settings in changes.items()}
        tables.append(scene.measure(priors, generator).assign(**of_one))
        known.append(of_one | {"name": name} | about_generator(generator))
    return pd.concat(tables, ignore_index=True), pd.DataFrame(known)


def _changes(module: nn.Module, others: Mapping[str, Recorded], plan: Plan) -> list[tuple[str, str, Encoder, int, Inverting]]:
    """Lists generators: a group, what is changed, what makes the codes, a seed, and how it is trained."""
    usual = Encoder(module, *USUAL)
    found = [("code", BASE, usual, seed, plan.few) for seed in range(plan.generators)]
    for name, (layer, pool) in LAYERS.items():
        widths = tuple(map(min, plan.few.widths, NARROW.get(name, plan.few.widths)))
        found.append(("layer", name, Encoder(module, layer, pool), 0, replace(plan.few, widths=widths)))
    found += [("loss", name, usual, 0, replace(plan.few, **weights)) for name, weights in LOSSES.items()]
    return [*found, *(("encoder", name, Encoder(one.net(), *USUAL), 0, plan.few) for name, one in others.items())]
