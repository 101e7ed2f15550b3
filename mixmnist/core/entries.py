"""What the shelves hold, as plain data, free of torch: what a task, a source, a net, a metric is, and so on.

One file of over 300 lines: the digest of code tells plain nouns by their module, and a move would make records old.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixmnist.core import checks

Number = int | float | str
Settings = Mapping[str, Number]
TRUTHS = ("labels", "present")  # what an objective can be made of


def require(rule: object, message: str) -> None:
    """Raises a ValueError with the message unless the rule holds."""
    if not rule:
        raise ValueError(message)


def merged(kind: str, own: Settings, others: Settings) -> dict[str, Number]:
    """Merges an entry's own settings with others; unknown names are refused."""
    for name in others:
        require(name in own, f"{kind} settings must be among {sorted(own)}, got {name!r}.")
    return {**own, **others}


@dataclass(frozen=True)
class Glyphs:
    """The drawn digits of one split of a source."""

    images: NDArray[np.uint8]  # [glyphs, rows, cols], 0 is background
    labels: NDArray[np.int64]  # [glyphs], the concept's index
    colours: NDArray[np.uint8] | None = None  # [glyphs, rows, cols, 3]; the images are then each pixel's largest channel


@dataclass(frozen=True)
class Source:
    """Where glyphs come from. `load(root, split)` gives the glyphs of the split "train" or "test"; root may be None."""

    title: str
    load: Callable[[str | None, str], Glyphs]
    fixed: bool = False  # both splits are meant to hold the same glyphs


@dataclass(frozen=True)
class Canvas:
    """How glyphs are laid out on an image."""

    size: int = 32
    """Rows and columns of the canvas, pixels."""
    glyph: int = 12
    """Rows and columns of a glyph on it, pixels."""
    overlap: str = "reject"
    """One of reject (no two glyph boxes overlap), max, clip (sum, at most 255), wrap (sum modulo 256)."""

    def __post_init__(self) -> None:
        checks.check_fields(self)
        policies = ("clip", "max", "reject", "wrap")
        require(self.glyph >= 1, f"glyph must be 1 pixel or more, got glyph={self.glyph}.")
        require(
            self.size > self.glyph,
            f"size must be larger than glyph (offsets are 1..size-glyph), got size={self.size} and glyph={self.glyph}. "
            f"Use a canvas of at least {self.glyph + 1} pixels or smaller glyphs.",
        )
        require(self.overlap in policies, f"overlap must be one of {', '.join(policies)}, got overlap={self.overlap!r}.")


@dataclass(frozen=True)
class Task:
    """Which concepts make which classes.

    `draw(n, stream, **settings)` gives labels and the concept shown in each slot [n, slots], -1 for an empty slot. Labels are
    classes [n], or 0 and 1 for each class [n, classes] where classes do not exclude each other.
    """

    title: str
    concepts: tuple[str, ...]
    classes: tuple[str, ...]
    draw: Callable[..., tuple[NDArray[np.int64], NDArray[np.int64]]]
    settings: Settings = field(default_factory=dict)  # what a variant may override, with the defaults
    useless: tuple[str, ...] = ()  # concepts that say nothing about the class
    canvas: Canvas = field(default_factory=Canvas)  # the layout where nobody asks for another

    def __post_init__(self) -> None:
        checks.check_fields(self)
        require(self.concepts, "concepts must be one or more, got none. Name what may be drawn.")
        require(self.classes, "classes must be one or more, got none. Name what is to be told apart.")
        for what in ("concepts", "classes"):
            names: tuple[str, ...] = getattr(self, what)
            checks.check_distinct(what, names)
            broken = [name for name in names if not name.isprintable()]
            require(not broken, f"{what} must be in one line of letters that can be printed, got {broken[:1]}. Rename it.")
        unknown = [name for name in self.useless if name not in self.concepts]
        require(not unknown, f"useless must be among the concepts, got {unknown[:1]}. Mend the name.")

    def with_settings(self, settings: Settings) -> dict[str, Number]:
        """Merges the task's own settings with others; unknown names are refused."""
        return merged("task", self.settings, settings)


@dataclass(frozen=True)
class Net:
    """An architecture that trains one copy per seed in one module.

    `build(settings, n_classes, seeds)` gives a module that maps [n, copies, rows, cols] in [0, 1] to [n, copies, classes],
    each copy initialised and randomised by its own seed. `split(module)` gives each copy as an ordinary module that maps
    [n, 1, rows, cols] to [n, classes]; `load(settings, n_classes)` gives one such module, to be filled with weights.
    """

    title: str
    settings: type  # a frozen dataclass
    build: Callable[..., Any]
    split: Callable[..., list[Any]]
    load: Callable[..., Any]
    layers: tuple[str, ...]  # the named layers, from input to output; the last one is scored by default
    head: str = "head"  # of one such module: the linear layer that the last layer feeds through its mean


@dataclass(frozen=True)
class Objective:
    """What a network is trained on: the task's labels, or something else made of the canvases.

    `prepare(images, labels, seeds, **settings)` is called once, on each copy's canvases [copies, images, rows, cols] and labels
    [copies, images, *classes]; it gives images and targets in the same form, and must not mix copies. An objective with
    `outputs` of its own is a pretext: the net is built with so many outputs, and after training a linear head for the task is
    fitted on its last layer's means, the rest left as it is.

    `losses(outputs, targets, **settings)` gives each copy's loss and accuracy [copies] of a batch [batch, copies, ...]; by
    default cross-entropy. `view(images, targets, module, generators, **settings)` changes the images of each batch [batch,
    copies, rows, cols]; it draws a copy's random numbers from the generator of that copy.

    What the kind `classifier` cannot give is asked of the kind `pretext`: `head(units, rows, cols, size, **settings)`, a module
    that makes outputs of one copy's last maps [n, units, rows, cols], for canvases of `size` pixels a side; and as `truth` the
    concepts that are present [copies, images, concepts] in place of the labels. A head stands for the net's own during the
    pretext alone, whose `outputs` then only say that a head for the task is fitted afterwards.
    """

    title: str
    prepare: Callable[..., Any]
    settings: Settings = field(default_factory=dict)  # what a variant may override, with the defaults
    outputs: int | None = None  # None: the task's classes
    losses: Callable[..., Any] | None = None
    view: Callable[..., Any] | None = None
    head: Callable[..., Any] | None = None
    truth: str = "labels"  # what `prepare` is given of each canvas: labels or present

    def __post_init__(self) -> None:
        require(self.truth in TRUTHS, f"truth must be one of {', '.join(TRUTHS)}, got truth={self.truth!r}. Mend the objective.")
        told = self.head is None or self.outputs is not None
        require(
            told, "outputs must be a number where an objective has a head, got None. Any will do: a head for the task is fitted."
        )

    @property
    def asks_for_pretext(self) -> bool:
        """Whether it needs what only the kind `pretext` gives: a head of its own, or another truth than labels."""
        return self.head is not None or self.truth != TRUTHS[0]

    def with_settings(self, settings: Settings) -> dict[str, Number]:
        """Merges the objective's own settings with others; unknown names are refused."""
        return merged("objective", self.settings, settings)


@dataclass(frozen=True)
class Kind:
    """What tells one kind of network from another; all else (blocks, records, tables, claims, page) is the same for every kind.

    `check(variant, source, root)` raises a ValueError on what cannot work, before anything is written. `train(lesson)` and
    `initialise(lesson)` give a network and what became of its training for each seed, a variant's origin being `trained` or
    `untrained`. `fit_head(lesson, nets)` gives networks with a head for the task where they were trained on something else.
    `load(variant)` gives one network, to be filled with weights; `layers(variant)` names those that are scored, the one that
    feeds the head last. `read(net, mixture, layers, transform, few)` gives a readout of each.

    A kind without `read` is not scored: its networks are trained and recorded, and only analyses say what they do. Of it all
    that a seed decides must be in the weights, and `layers(variant)` names those that may be looked at, the usual one last. Its
    `made_of(variant)` gives a shelf and a name for each entry whose code decides the weights, the task apart.
    """

    title: str
    check: Callable[..., None]
    train: Callable[..., Any]
    initialise: Callable[..., Any]
    fit_head: Callable[..., Any]
    load: Callable[..., Any]
    layers: Callable[..., tuple[str, ...]]
    read: Callable[..., Any] | None  # None: not scored
    made_of: Callable[..., tuple[tuple[str, str], ...]] | None = None  # of a kind that is not scored


@dataclass(frozen=True)
class Right:
    """The right value of a score, known beforehand: one for each row of a table, or one for all; nan where there is none."""

    value: int | float | tuple[int | float, ...]
    within: int | float = 1e-4  # how far the found value may lie from it
    spread: int | float = 0  # how far the drawing of the images may move it besides, times the root of their number


Expected = Mapping[str, Mapping[str, Right]]  # by table (layer, units, concepts) and column


@dataclass(frozen=True)
class Plant:
    """A planted network: a module with an ordinary forward pass whose right scores are known.

    `build(seed)` gives it in eval mode, mapping [n, 1, rows, cols] to [n, classes]; `expected(seed)` gives the right values of
    the scores of its last layer. Both hold on the source, task and canvas that it is made for.
    """

    title: str
    build: Callable[[int], Any]
    expected: Callable[[int], Expected]
    layers: tuple[str, ...] = ("units",)
    source: str = "stamps"
    task: str = "pairs"
    canvas: Canvas = field(default_factory=Canvas)


@dataclass(frozen=True)
class Analysis:
    """What is made of a study's recorded nets when its grid is done.

    `run(folder, out, root)` reads the records in `folder`, of a study and source, and writes tables into the empty folder `out`;
    `root` holds the source's files. What it says of single runs goes into `runs.csv` with variant and seed: a study's tables and
    claims have its columns. `draw(out, album)` draws figures from those tables alone, so that a report can draw them anew.
    """

    title: str
    run: Callable[[Any, Any, str | None], None]
    bounds: Mapping[str, tuple[int | float, int | float]] = field(default_factory=dict)  # of columns of runs.csv, as a metric's
    draw: Callable[[Any, Any], None] | None = None
    asks: tuple[str, ...] = ()  # shelves any entry of which it may ask for, besides metrics and plants


@dataclass(frozen=True)
class Metric:
    """A metric says what it gives; the scores' tables and the contract tests follow from it.

    `columns` maps a column's name to a pure function. Its parameters without a default name what it needs: a field of the
    readout, another column, or either of them with the prefix `rank_`, taken from the readout on which everything is fitted.
    """

    title: str
    axes: tuple[str, ...]  # ("units", "concepts"), ("units",), ("concepts",), ("curve",), () or ("units", "images")
    columns: Mapping[str, Callable[..., Any]]
    chance: str | None = None  # the value of a unit that knows nothing, in words
    ceiling: str | None = None  # the highest value possible, in words
    names: Mapping[str, str] = field(default_factory=dict)  # columns of whole numbers that name entries of a readout's field
    plant: str | None = None  # the planted readout on which the right value is known
    aside: tuple[str, ...] = ()  # columns that describe and score nothing: thresholds, counts, chance
    bounds: Mapping[str, tuple[int | float, int | float]] = field(default_factory=dict)  # lowest and highest value of a column
    shares: tuple[str, ...] = ()  # columns that are 0 or 1 in each run, so that over seeds they are a share
    sets: bool = False  # it silences several units at a time, which is dear where the network is run again for each set

    def needs(self, column: str) -> tuple[str, ...]:
        """Names what a column's function needs."""
        parameters = inspect.signature(self.columns[column]).parameters.values()
        return tuple(p.name for p in parameters if p.default is inspect.Parameter.empty)


@dataclass(frozen=True)
class Dictionary:
    """A way of finding directions (atoms) in what a layer says at each of its places (cells), most of them without labels.

    `fit(cells, atoms, seeds, **settings)` takes cells (`mixmnist.features.cells.Cells`, of mean length 1) and gives a `Fitted`
    for each seed, with `atoms` atoms; where codes are signed, with half as many, as each is then read as two half-waves.
    """

    title: str
    fit: Callable[..., Any]
    settings: Settings = field(default_factory=dict)  # what a call may override, with the defaults
    codes: str = "positive"  # or signed
    needs: str = "any"  # the cells that it takes: any, or non-negative
    supervised: bool = False  # whether it sees the truth: a ceiling, no dictionary
    read: str = "max"  # over cells: max, or mean where its codes are made to be read so
    most: str = "any"  # directions that it finds: any number, or as many as there are independent units

    def __post_init__(self) -> None:
        checks.check_fields(self)
        known_of = {
            "codes": ("positive", "signed"),
            "needs": ("any", "non-negative"),
            "read": ("max", "mean"),
            "most": ("any", "units"),
        }
        for name, known in known_of.items():
            value = getattr(self, name)
            require(value in known, f"{name} must be one of {', '.join(known)}, got {name}={value!r}.")

    def with_settings(self, settings: Settings) -> dict[str, Number]:
        """Merges the dictionary's own settings with others; unknown names, other types and what lies below 0 are refused.

        Where the usual setting is a whole number it counts something, and is 1 or more.
        """
        found = merged("dictionary", self.settings, settings)
        checks.check_settings("dictionary", settings, self.settings)
        return found | checks.counted("dictionary", settings, self.settings)


@dataclass(frozen=True)
class Score:
    """A score of a dictionary on a layer, beside those of its atoms as units.

    `columns` maps a column's name to a pure function. Its parameters without a default name what it needs: a field of
    `mixmnist.features.facts.Facts`. Where something is not known, as the true directions of a trained net, it is left out.
    """

    title: str
    columns: Mapping[str, Callable[..., Any]]
    ceiling: str | None = None  # the highest value possible, in words
    chance: str | None = None  # the value of random directions, in words
    bounds: Mapping[str, tuple[int | float, int | float]] = field(default_factory=dict)  # lowest and highest value of a column

    def needs(self, column: str) -> tuple[str, ...]:
        """Names what a column's function needs."""
        return Metric(self.title, (), self.columns).needs(column)
