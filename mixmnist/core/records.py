"""The nouns of the bench as plain data, free of torch: what a study, a variant, a task, a source, a net, a metric is."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixmnist.core.registry import names, nearest

Number = int | float | str
Settings = Mapping[str, Number]
ORIGINS = ("shuffled", "trained", "untrained")  # how a network comes about; or, planted, by name
PLANTED = "planted:"


def require(rule: object, message: str) -> None:
    """Raises a ValueError with the message unless the rule holds."""
    if not rule:
        raise ValueError(message)


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

    def with_settings(self, settings: Settings) -> dict[str, Number]:
        """Merges the task's own settings with others; unknown names are refused."""
        for name in settings:
            require(name in self.settings, f"task settings must be among {sorted(self.settings)}, got {name!r}.")
        return {**self.settings, **settings}


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
class Training:
    """The recipe: gradient descent under a one-cycle learning rate, no checkpoint picking."""

    images: int = 20_000
    """Training canvases, drawn once per seed."""
    epochs: int = 30
    """Passes over them."""
    batch: int = 128
    """Images per step and copy; the last partial batch is dropped."""
    peak: float = 0.3
    """Highest learning rate."""
    warmup: float = 0.2
    """Share of all steps until the peak."""
    momentum: float = 0.9
    """Constant; for adamw its first beta."""
    decay: float = 1e-4
    """Weight decay on all parameters."""
    optimiser: str = "sgd"
    """One of sgd, nesterov, adamw."""

    def __post_init__(self) -> None:
        require(self.epochs >= 1, f"epochs must be 1 or more, got epochs={self.epochs}.")
        require(
            1 <= self.batch <= self.images,
            f"batch must be between 1 and the number of training images, got batch={self.batch} with images={self.images}.",
        )
        require(self.peak > 0, f"peak must be above 0, got peak={self.peak}.")
        require(0 < self.warmup < 1, f"warmup must lie between 0 and 1, got warmup={self.warmup}.")
        kinds = ("adamw", "nesterov", "sgd")
        require(self.optimiser in kinds, f"optimiser must be one of {', '.join(kinds)}, got optimiser={self.optimiser!r}.")


@dataclass(frozen=True)
class Variant:
    """One named configuration of a study."""

    task: str = "pairs"
    """An entry of the shelf of tasks."""
    task_settings: Settings = field(default_factory=dict)
    """Overrides of the task's settings."""
    canvas: Canvas = field(default_factory=Canvas)
    """The layout."""
    net: str = "convnet"
    """An entry of the shelf of nets."""
    net_settings: Settings = field(default_factory=dict)
    """Overrides of the net's settings."""
    training: Training = field(default_factory=Training)
    """The recipe."""
    probe_images: int = 10_000
    """Canvases of the test and of the rank mixture."""
    origin: str = "trained"
    """How the network comes about: trained; untrained (initialised, its batch norm settled on the training canvases); shuffled
    (trained on labels permuted over the training canvases); planted:NAME (an entry of the shelf of plants)."""

    def __post_init__(self) -> None:
        require(self.probe_images >= 1, f"probe_images must be 1 or more, got probe_images={self.probe_images}.")
        if self.origin not in ORIGINS and self.plant not in names("plants"):
            raise nearest("origin", self.origin, [*ORIGINS, *(PLANTED + plant for plant in names("plants"))])

    @property
    def plant(self) -> str | None:
        """The name of the planted network, None if it is none."""
        return self.origin.removeprefix(PLANTED) if self.origin.startswith(PLANTED) else None

    def as_dict(self) -> dict[str, Any]:
        """Gives names and numbers only, ready for JSON; the origin only where it is not `trained`."""
        return {name: value for name, value in asdict(self).items() if (name, value) != ("origin", "trained")}

    @classmethod
    def from_dict(cls, known: Mapping[str, Any]) -> "Variant":
        """Takes what `as_dict` gave."""
        return cls(**{**known, "canvas": Canvas(**known["canvas"]), "training": Training(**known["training"])})


@dataclass(frozen=True)
class Claim:
    """A sentence that a study puts to the test, over training seeds.

    Its number is a column of the runs table (of the layer that feeds the head): of one variant, or the difference to another,
    paired by seed. It holds if the number's whole 95 % interval lies where the rule says.
    """

    id: str
    """As R3; claims of one id are corrected together for their number."""
    says: str
    """The claim in words."""
    column: str
    """Of the runs table."""
    variant: str
    """Whose runs."""
    rule: str
    """One of above, below, within (value - margin .. value + margin)."""
    value: float = 0.0
    """What the number is held against."""
    margin: float = 0.0
    """For the rule within."""
    against: str | None = None
    """The variant that is taken off, seed by seed."""
    minus: str | None = None
    """A column of the same run that is taken off."""
    seeds: int = 10
    """Seeds below which there is no verdict."""

    def __post_init__(self) -> None:
        rules = ("above", "below", "within")
        require(self.rule in rules, f"rule must be one of {', '.join(rules)}, got rule={self.rule!r} in claim {self.id}.")


@dataclass(frozen=True)
class Study:
    """A grid of runs: every variant under every seed. A study is a Python file that ends in `STUDY = Study(...)`."""

    title: str
    variants: Mapping[str, Variant]
    seeds: int = 5  # trainings a variant; seeds are 0..seeds-1
    claims: tuple[Claim, ...] = ()
    analyses: tuple[str, ...] = ()  # entries of the shelf of analyses, made of the recorded nets when the grid is done

    def __post_init__(self) -> None:
        require(bool(self.variants), "variants must hold at least one variant, got none.")
        require(self.seeds >= 1, f"seeds must be 1 or more, got seeds={self.seeds}.")
        for claim in self.claims:
            for name in (claim.variant, claim.against or claim.variant):
                require(name in self.variants, f"claims must be of the study's variants, got {name!r} in claim {claim.id}.")


@dataclass(frozen=True)
class Options:
    """How a study is run; the same for all its variants."""

    source: str = "auto"
    """Where glyphs come from: a source's name, an .npz, or auto (MNIST where it can be had, else scikit-learn's digits)."""
    root: str | None = None
    """Folder (or .npz) that holds the source; by default MIXMNIST_DATA, else the user's cache."""
    seeds: int | None = None
    """Trainings a variant, with seeds 0, 1, ...; by default the study's."""
    variants: tuple[str, ...] = ()
    """Names of the variants to run; by default all."""
    device: str = "auto"
    """One of auto, cpu, cuda; auto is a GPU where there is one."""
    precision: str = "auto"
    """One of auto, float32, bf16; auto is bf16 where the processor has it natively."""
    threads: int = 1
    """Threads a block of seeds; as many blocks run at a time as the cores allow. Rounding depends on it."""
    cluster: str | None = None
    """Address of a Dask scheduler whose workers run the blocks, as tcp://host:8786; local:N starts N workers here."""
    out: str = "results/local"
    """Folder for results; a study's go to OUT/<study>/<source>."""
    quick: bool = False
    """2 epochs on 4,000 images, into OUT/<study>/<source>-quick; says nothing about the claims."""
    refer: str | None = None
    """Folder of other results: runs recorded there under the same configuration are referred to, not run again."""


@dataclass(frozen=True)
class Analysis:
    """What is made of a study's recorded nets when its grid is done.

    `run(folder, out, root)` reads the records in `folder`, of a study and source, and writes tables and figures into the empty
    folder `out`; `root` holds the source's files. What it says of single runs goes into `runs.csv` with variant and seed: a
    study's tables and claims have its columns.
    """

    title: str
    run: Callable[[Any, Any, str | None], None]


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
    sets: bool = False  # it silences several units at a time, which is dear where the network is run again for each set

    def needs(self, column: str) -> tuple[str, ...]:
        """Names what a column's function needs."""
        parameters = inspect.signature(self.columns[column]).parameters.values()
        return tuple(p.name for p in parameters if p.default is inspect.Parameter.empty)
