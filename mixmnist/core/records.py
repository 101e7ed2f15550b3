"""The nouns of the bench as plain data, free of torch: what a study, a variant, a recipe is; and what shelves hold."""

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mixmnist.core import checks
from mixmnist.core.dissecting import Generator, Ranking
from mixmnist.core.entries import (
    Analysis,
    Canvas,
    Dictionary,
    Expected,
    Glyphs,
    Kind,
    Metric,
    Net,
    Objective,
    Plant,
    Right,
    Score,
    Settings,
    Source,
    Task,
    require,
)
from mixmnist.core.naming import Labeller
from mixmnist.core.registry import names, nearest
from mixmnist.core.showing import Way

__all__ = [
    "Analysis",
    "Canvas",
    "Claim",
    "Dictionary",
    "Expected",
    "Generator",
    "Glyphs",
    "Kind",
    "Labeller",
    "Metric",
    "Net",
    "Objective",
    "Options",
    "Plant",
    "Ranking",
    "Right",
    "Score",
    "Settings",
    "Source",
    "Study",
    "Task",
    "Training",
    "Variant",
    "Way",
    "require",
]
ORIGINS = ("trained", "untrained")  # how a network comes about; or, planted, by name
PLANTED = "planted:"
MOST_THREADS = 256  # of a block
MOST_RUNS = 20_000  # of a study: at ten seconds each more than two days
FORMER_ORIGINS = {"shuffled": {"origin": "trained", "objective": "shuffled"}}  # origins as they were spelt, and what they are now


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
        checks.check_fields(self)
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
    """How the network comes about: trained; untrained (initialised, its batch norm settled on the training canvases);
    planted:NAME (an entry of the shelf of plants). What was spelt shuffled is the objective of that name."""
    kind: str = "classifier"
    """An entry of the shelf of kinds: how a network is trained, and how its layers become readouts."""
    objective: str = "supervised"
    """An entry of the shelf of objectives: what the network is trained on."""
    objective_settings: Settings = field(default_factory=dict)
    """Overrides of the objective's settings."""

    def __post_init__(self) -> None:
        checks.check_fields(self)
        require(self.probe_images >= 1, f"probe_images must be 1 or more, got probe_images={self.probe_images}.")
        twice = self.origin in FORMER_ORIGINS and self.objective not in (Variant.objective, self.origin)
        require(not twice, f"origin {self.origin} is the objective of that name, got objective={self.objective!r} too. Name one.")
        for name, value in FORMER_ORIGINS.get(self.origin, {}).items():
            object.__setattr__(self, name, value)
        if self.origin not in ORIGINS and self.plant not in names("plants"):
            raise nearest("origin", self.origin, [*ORIGINS, *(PLANTED + plant for plant in names("plants"))])

    @property
    def plant(self) -> str | None:
        """The name of the planted network, None if it is none."""
        return self.origin.removeprefix(PLANTED) if self.origin.startswith(PLANTED) else None

    @property
    def provenance(self) -> str:
        """How its networks come about, in a word: the origin; or the objective, where they are trained on another than usual."""
        return self.objective if self.origin == "trained" and self.objective != Variant.objective else self.origin

    def as_dict(self) -> dict[str, Any]:
        """Gives names and numbers only, ready for JSON; origin, kind and objective only where they are not the usual ones."""
        usual = {"origin": "trained", "kind": "classifier", "objective": "supervised", "objective_settings": {}}
        return {name: value for name, value in asdict(self).items() if name not in usual or value != usual[name]}

    @classmethod
    def from_dict(cls, known: Mapping[str, Any]) -> "Variant":
        """Takes what `as_dict` gave."""
        return cls(**{**known, "canvas": Canvas(**known["canvas"]), "training": Training(**known["training"])})


@dataclass(frozen=True)
class Claim:
    """A sentence that a study puts to the test, over training seeds.

    Its number is a column of the runs table (of the layer that feeds the head): of one variant, or the difference to another,
    paired by seed. It holds if the number's whole interval lies where the rule says: at 95 %, or where several claims have one id
    at 1 - .05 / their number.
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
    words: str = ""
    """What was measured, as a sentence for the page: `A wide net loses {mean points} {more/less}`. The number goes where `{mean}`
    stands, percent where `{mean %}`, percentage points where `{mean points}`. Of a pair of words the first is for a positive
    number; the second for a negative one, which loses its sign. By default the sentence is made from the column."""

    def __post_init__(self) -> None:
        checks.check_fields(self)
        rules = ("above", "below", "within")
        require(self.rule in rules, f"rule must be one of {', '.join(rules)}, got rule={self.rule!r} in claim {self.id}.")
        others = re.findall(r"{([^{}/]*)}", self.words)  # than pairs of words
        plain = re.sub(r"{[^{}]*}", "", self.words)
        fits = len(others) == 1 and re.fullmatch(r"mean( %| points)?", others[0]) and not set(plain) & set("{}")
        said = f"words must hold {{mean}}, {{mean %}} or {{mean points}} once, got words={self.words!r} in claim {self.id}"
        require(not self.words or bool(fits), f"{said}. Other braces are for pairs, as {{more/less}}.")


@dataclass(frozen=True)
class Study:
    """A grid of runs: every variant under every seed. A study is a Python file that ends in `STUDY = Study(...)`."""

    title: str
    variants: Mapping[str, Variant]
    seeds: int = 5  # trainings a variant; seeds are 0..seeds-1
    claims: tuple[Claim, ...] = ()
    analyses: tuple[str, ...] = ()  # entries of the shelf of analyses, made of the recorded nets when the grid is done
    about: str = ""  # a sentence for the page's opening: whose question it is
    source: str = ""  # of glyphs where nobody asks for one; empty: as `Options.source` has it
    usual: tuple[str, ...] = ()  # variants that are run where none are named, besides those that are begun; empty: all
    moments: tuple[int, ...] = ()  # steps of the training before which the analysis `emergence` looks; empty: some 15 of them

    def __post_init__(self) -> None:
        checks.check_fields(self)
        check_moments(self.moments, self.variants)
        checks.check_names("a variant", self.variants)
        for name in self.usual:
            require(name in self.variants, f"usual must be variants of the study, got {name!r}. Mend the name.")
        checks.check_names("an analysis", [Path(name).stem for name in self.analyses])
        require(bool(self.variants), "variants must hold at least one variant, got none.")
        check_runs(self.seeds, len(self.variants))
        for claim in self.claims:
            for name in (claim.variant, claim.against or claim.variant):
                require(name in self.variants, f"claims must be of the study's variants, got {name!r} in claim {claim.id}.")


def check_moments(moments: Sequence[int], variants: Mapping[str, Variant]) -> None:
    """Refuses steps that a training has not.

    Raises:
        ValueError: If one lies below 0, or beyond the last step of a variant.
    """
    for moment, (name, variant) in itertools.product(moments, variants.items()):
        last = variant.training.epochs * (variant.training.images // variant.training.batch)
        got = f"got moments={moment:,} for the {last:,} steps of {name}"
        require(0 <= moment <= last, f"moments must lie between 0 and the last step, {got}. Leave it out, or train for longer.")


def check_runs(seeds: int, n_variants: int) -> None:
    """Bounds the number of runs before blocks are made of them.

    Raises:
        ValueError: If there are none, or more than anybody waits for.
    """
    require(seeds >= 1, f"seeds must be 1 or more, got seeds={seeds}.")
    runs, said = seeds * n_variants, f"{seeds:,} seeds of {n_variants} variants"
    require(runs <= MOST_RUNS, f"a study must have at most {MOST_RUNS:,} runs, got {runs:,}: {said}. Ask for fewer.")


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
    """One of auto, float32, bf16; auto is float32, for which the compiled loops and kernels are."""
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

    def __post_init__(self) -> None:
        for name in ("root", "out", "refer"):
            if isinstance(getattr(self, name), Path):
                object.__setattr__(self, name, str(getattr(self, name)))
        checks.check_fields(self)
        most = f"threads must be at most {MOST_THREADS}, got threads={self.threads}. One a core is enough."
        require(self.threads <= MOST_THREADS, most)
