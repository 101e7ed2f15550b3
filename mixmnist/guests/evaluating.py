"""Evaluating: one network of anyone's, or arrays alone, scored by everything that a study's networks are scored by.

What is written is a study of one variant, so that tables, figures and the page come from the same files in the same way.
"""

import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mixmnist.core import checks, registry
from mixmnist.core.readout import Readout
from mixmnist.core.records import Canvas, Metric, Task, require
from mixmnist.core.repeating import repeatable
from mixmnist.data import drawing
from mixmnist.data.colour import Coloured, has_colours, in_colour
from mixmnist.data.mixture import Mixture
from mixmnist.data.sources import label, resolve_source
from mixmnist.grid.layers import Scored, few_of, score_layers
from mixmnist.guests.arrays import LAYER, Arrays, read_arrays
from mixmnist.guests.evaluated import Evaluation, Run, check_place, finish, joined
from mixmnist.guests.factory import try_net
from mixmnist.guests.nulls import UNITS_AT_ONCE, against_null
from mixmnist.probing import HeadAlgebra, check_layers, probe, probe_layers
from mixmnist.probing.axes import heard
from mixmnist.probing.running import Transform
from mixmnist.scoring import score, with_more


@dataclass(frozen=True)
class Setting:
    """On what a network is evaluated."""

    task: str = "pairs"
    """A task's name, or a Python file that ends in TASK."""
    source: str = "auto"
    """Where glyphs come from: a source's name, an .npz, or auto (MNIST where it can be had, else scikit-learn's digits)."""
    root: str | None = None
    """Folder (or .npz) that holds the source; by default MIXMNIST_DATA, else the user's cache."""
    size: int | None = None
    """Rows and columns of the canvas, pixels; by default the task's own. Glyphs are scaled with it."""
    channels: int = 1
    """Channels that the network takes: 1 or 3. Grey canvases are repeated; glyphs in colour keep it."""
    n: int = 10_000
    """Canvases of the test and of the rank mixture."""
    few: int | None = None
    """Of them, how many are used where the network must be run again (maps, silencing below the head); by default one of 5, but
    50 at least."""
    axis: int | None = None
    """Which axis of the layers' output counts their units, from 1, or from the end from -1; by default it is told, where it is
    certain. Axis 0 is that of the images."""
    draw: int = 0
    """Seed of both mixtures."""
    permutations: int = 1000
    """Of presence over the images, for p-values, whose smallest is 1 / (1 + permutations); below 20 there are none."""

    def __post_init__(self) -> None:
        require(self.channels in (1, 3), f"channels must be 1 or 3, got channels={self.channels}.")
        way_out = "1000 is usual."
        checks.check_fields(self)
        require(self.permutations >= 1, f"permutations must be 1 or more, got permutations={self.permutations}. {way_out}")
        said = f"the null of {self.permutations:,} permutations"
        checks.check_memory(said, 8 * self.permutations * UNITS_AT_ONCE, f"Ask for fewer: {way_out}")
        require(self.n >= 1, f"n must be 1 canvas or more, got n={self.n}.")
        least = f"few must lie between 1 and n, got few={self.few} with n={self.n}."
        require(self.few is None or 1 <= self.few <= self.n, least)

    @property
    def canvas(self) -> Canvas:
        """The layout: the task's own, scaled to the size."""
        task: Task = registry.choose("tasks", self.task)
        if self.size is None:
            return task.canvas
        glyph = max(1, round(task.canvas.glyph * self.size / task.canvas.size))
        return Canvas(self.size, glyph, task.canvas.overlap)


def evaluate(
    net: nn.Module,
    layer: str | Sequence[str],
    task: str = "pairs",
    source: str = "auto",
    *,
    transform: Transform | None = None,
    more: Mapping[str, Metric] | None = None,
    out: str | Path | None = None,
    name: str | None = None,
    seed: int = 0,
    setting: Setting | None = None,
) -> Evaluation:
    """Scores the units of any network: detection always; ablation, too, where it gives logits for the task's classes.

    Args:
        net: In eval mode; maps [n, channels, size, size] in [0, 1] to logits [n, classes] or to anything else.
        layer: Name of a module as in `net.named_modules()`, or several; each gives maps, tokens or vectors. Where it is not
            certain which axis counts the units, `Setting(axis=...)` names it.
        task: A task's name, or a Python file that ends in TASK; wins over the setting's.
        source: Of glyphs; wins over the setting's.
        transform: Applied to each batch of images before the net sees it, e.g. a normalisation.
        more: Metrics that are not on the shelf, by name.
        out: Folder for results; tables, figures and page go to `out/<name>/<source>`. By default nothing is written.
        name: What the network is called; by default its class.
        seed: Which of several trainings of the network this is; tables have intervals over them.
        setting: All else.

    Raises:
        ValueError: On a net in train mode or one that is random, an unknown layer, images that do not fit, answers that are no
            numbers, an axis of units that is not certain.
        FileNotFoundError: If the source's files are neither on disk nor to be fetched.

    Example:
        >>> net = nn.Sequential(nn.Conv2d(1, 3, 5), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 45))
        >>> found = evaluate(net.eval(), "1", source="digits", setting=Setting(n=800, permutations=99))
        >>> list(found.units.columns[:4]), "drop" in found.units
        (['unit', 'dead', 'concept', 'alignment'], True)
    """
    started = time.perf_counter()
    known = Setting(**{**asdict(setting or Setting()), "task": task, "source": source})
    layers = (layer,) if isinstance(layer, str) else tuple(layer)
    require(layers, "layer must name one layer or more, got none. `mixmnist layers` lists them.")
    with_more(more)  # a metric that cannot be is told before anything is drawn
    called = name or type(net).__name__.lower()
    if out is not None:
        check_place(Path(out), called, label(*resolve_source(known.source, known.root)))
    scene, seen = prepare(net, layers, known, transform)
    own = str(next(net.parameters(), torch.zeros(())).device)
    with repeatable(own), heard() as cautions:  # and no warning of a k above the number of images, which gives no number
        scored = _score(net, scene, layers, seen, known, more)
    device = str(scored[0].readout.response.device)
    about = {**asdict(known), "source": scene.source, "layers": [one.readout.layer for one in scored], "few": _few(known)}
    about |= {"device": device, "classifies": scored[-1].readout.logits is not None, "cautions": cautions}
    run = Run(called, seed, started)
    return finish(
        against_null(scored, known.permutations, known.draw), run, about, scene.test, None if out is None else Path(out)
    )


def _score(
    net: nn.Module,
    scene: "Scene",
    layers: Sequence[str],
    seen: Transform | None,
    known: Setting,
    more: Mapping[str, Metric] | None,
) -> list[Scored]:
    """Scores the layers; the one that feeds a linear head comes last, whose curves and figures are shown."""
    try:
        scored = score_layers(
            net, (scene.test, scene.rank), layers, seen, _few(known), more, partial(probe_layers, axis=known.axis)
        )
    except RuntimeError as error:
        if "grad" not in str(error) and "backward" not in str(error):
            raise
        way_out = "Leave out torch.no_grad(), .detach() and numpy in its forward and in the transform."
        raise ValueError(f"gradients must reach the images, for receptive fields, got {error}. {way_out}") from error
    return sorted(scored, key=lambda one: isinstance(one.readout.without, HeadAlgebra))


def read_layer(net: nn.Module, layer: str, setting: Setting, transform: Transform | None = None) -> tuple[Readout, Readout]:
    """Reads one layer of a network on the test and on the rank mixture that an evaluation would use.

    Raises:
        ValueError: As `evaluate`.
    """
    scene, seen = prepare(net, (layer,), setting, transform)
    test, rank = (probe(net, mixture, layer, seen, _few(setting), setting.axis) for mixture in (scene.test, scene.rank))
    return test, rank


def prepare(
    net: nn.Module, layers: Sequence[str], setting: Setting, transform: Transform | None
) -> tuple["Scene", Transform | None]:
    """Draws the images; before that, refuses what can be told without them."""
    check_layers(net, layers)
    drawing.check(setting.task, setting.n, setting.canvas, seed=setting.draw, channels=setting.channels, copies=2)
    scene = _draw(setting)
    seen = _with_channels(scene, transform, setting.channels)
    try_net(net, 3 if isinstance(scene.test, Coloured) else 1, setting.canvas.size, seen)
    return scene, seen


def _few(setting: Setting) -> int:
    return setting.few or min(setting.n, few_of(setting.n))


@dataclass(frozen=True, eq=False)
class Scene:
    """The images that a network is evaluated on."""

    test: Mixture | Coloured
    rank: Mixture | Coloured
    source: str


def _draw(setting: Setting) -> Scene:
    source, root = resolve_source(setting.source, setting.root)
    drawn: list[Mixture | Coloured] = []
    for split in ("test", "rank"):
        mixture = drawing.draw(setting.task, source, split, setting.n, canvas=setting.canvas, root=root, seed=setting.draw)
        coloured = setting.channels == 3 and has_colours(source, root)
        drawn.append(in_colour(mixture, source, split, root) if coloured else mixture)
    return Scene(drawn[0], drawn[1], label(source, root))


def _with_channels(scene: Scene, transform: Transform | None, channels: int) -> Transform | None:
    """Repeats grey images for a network of three channels, before its own transform."""
    if channels == 1 or isinstance(scene.test, Coloured):
        return transform

    def repeat(x: Tensor) -> Tensor:
        grey = x.repeat(1, channels, 1, 1)  # a view would refuse a transform that writes into its images
        return grey if transform is None else transform(grey)

    return repeat


def score_arrays(
    response: Any,  # noqa: ANN401 -- an array of any library
    present: Any,  # noqa: ANN401 -- as above
    maps: Any = None,  # noqa: ANN401 -- as above
    masks: Any = None,  # noqa: ANN401 -- as above
    logits: Any = None,  # noqa: ANN401 -- as above
    labels: Any = None,  # noqa: ANN401 -- as above
    *,
    mean: Any = None,  # noqa: ANN401 -- as above
    concepts: Sequence[str] | None = None,
    rank: Arrays | None = None,
    more: Mapping[str, Metric] | None = None,
    permutations: int = 1000,
) -> Evaluation:
    """Scores the units of a layer from arrays alone: numpy, torch, JAX, or lists.

    Args:
        response: [images, units], how strongly each unit responds to each image.
        present: [images, concepts], which concepts each image shows.
        maps: [images, units, rows, cols], for IoU; needs masks.
        masks: [images, concepts, rows, cols], where each concept's ink is; needs maps.
        logits: [images, classes]; needs labels. Units cannot be silenced in arrays, so no drops are scored.
        labels: [images], the class of each image, from 0.
        mean: [images, units], the mean of each map; by default that of the maps, else the response.
        concepts: Their names; by default their numbers.
        rank: The same arrays of other images, on which thresholds and orders are fitted; by default they are fitted on the images
            that are scored, which flatters scores with a threshold (F1, IoU) a little.
        more: Metrics that are not on the shelf, by name.
        permutations: For p-values.

    Raises:
        ValueError: On arrays of different lengths, objects, nan, labels without logits, maps without masks.

    Example:
        >>> response = [[9.0, 1.0], [8.0, 2.0], [1.0, 8.0], [0.0, 9.0]]
        >>> found = score_arrays(response, [[1, 0], [1, 0], [0, 1], [0, 1]], permutations=20)
        >>> found.units[["unit", "concept", "alignment"]].values.tolist()
        [[0, '0', 1.0], [1, '1', 1.0]]
    """
    given = Arrays(response, present, mean, maps, masks, logits, labels, concepts)
    known = Setting(permutations=permutations)
    return joined(_of_arrays(given, rank, known, more), None)


def evaluate_arrays(
    path: str | Path, out: str | Path, name: str | None = None, more: Mapping[str, Metric] | None = None, permutations: int = 1000
) -> Evaluation:
    """Scores the arrays of an .npz, as `score_arrays`, and writes tables and figures to `out/<name>/arrays`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: As `score_arrays`; or if the file holds other names.
    """
    started = time.perf_counter()
    check_place(Path(out), name or Path(path).stem, LAYER)
    given, rank = read_arrays(path)
    known = Setting(permutations=permutations)
    scored = _of_arrays(given, rank, known, more)
    about = {"task": LAYER, "source": LAYER, "layers": [LAYER], "n": len(scored[0].readout.response), "device": "cpu"}
    about["classifies"] = scored[0].readout.logits is not None
    about |= {"permutations": permutations, "fitted_on": "the scored images" if rank is None else "rank images"}
    return finish(scored, Run(name or Path(path).stem, 0, started), about, None, Path(out))


def _of_arrays(given: Arrays, rank: Arrays | None, known: Setting, more: Mapping[str, Metric] | None) -> list[Scored]:
    readout = given.readout()
    other = readout
    if rank is not None:
        other = replace(replace(rank, concepts=rank.concepts or given.concepts).readout(), classes=readout.classes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a k above the number of images gives no number
        scores = score(readout, rank=other, sets=False, more=more)
    return against_null([Scored(readout, other, scores)], known.permutations, known.draw)
