"""Atoms on a page: a layer's units and, beside them, the atoms of dictionaries over them, all on the same images."""

import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import torch
from torch import nn

from mixmnist.core import registry
from mixmnist.core.readout import Readout
from mixmnist.core.records import Dictionary, Task
from mixmnist.features.atoms import read_atoms
from mixmnist.features.cells import Cells, read_cells
from mixmnist.features.fitted import Fitted
from mixmnist.features.fitting import fit_dictionary, most_atoms, named
from mixmnist.features.measuring import Plan
from mixmnist.grid.layers import few_of
from mixmnist.metrics.detectors import coverage, unique_concepts
from mixmnist.page.exhibit import About, Exhibit, make_exhibit
from mixmnist.page.exhibiting import Tell, against_null
from mixmnist.page.findings import Finding
from mixmnist.page.matching import matchings
from mixmnist.page.numbers import SCORE, bare
from mixmnist.page.overview import Section
from mixmnist.page.writing import Page, write_page
from mixmnist.probing import Drawn, probe
from mixmnist.probing.running import Transform
from mixmnist.scoring import score
from mixmnist.trust._networks import Recorded
from mixmnist.trust.features import ATOMS

SHOWN = ("ica", "sparse", "topk:k=1")  # dictionaries where none is named
SEED = 0  # of dictionaries
SOME, ROUNDING = 10_000, 1e-3  # cells whose codes are looked at; the share of an atom's highest code below which it is silent
OPENING = (
    "The same layer several times: its units, and the atoms of dictionaries that were fitted on what it says at each place. "
    "An atom is read, scored and silenced as a unit of a new layer behind it. Compare sets atoms beside units; the rows random "
    "of the table say what as many directions drawn at random detect."
)
ON_FEWER = "The table of dictionaries is of {images:,} test images, the cards are of all that each layer was scored on."


@dataclass(frozen=True, eq=False)
class Seen:
    """A layer of a network, and the images that it is looked at on."""

    name: str  # as "baseline, seed 0"
    said: str  # a sentence on the network
    net: nn.Module
    layer: str
    rank: Drawn  # that dictionaries, thresholds and orders are fitted on
    test: Drawn
    task: str
    source: str
    transform: Transform | None = None  # applied to each batch of images before the network sees it
    axis: int | None = None  # of the layer's output that counts units; by default it is told, where it is certain


def seen_of(nets: Sequence[Recorded], layer: str | None, root: str | None) -> Iterator[Seen]:
    """Gives of each variant the net that comes first.

    Args:
        nets: Recorded ones.
        layer: Of each; by default the one that feeds the head.
        root: Folder that holds the source's files.
    """
    firsts: dict[str, Recorded] = {}
    for net in nets:
        firsts.setdefault(net.variant, net)
    for net in firsts.values():
        rank, test = (net.mixture(split, root) for split in ("rank", "test"))
        said = f"Network: {net.settings.provenance}."
        name = f"{net.variant}, seed {net.seed}"
        yield Seen(name, said, net.net(), layer or net.layer, rank, test, net.settings.task, net.source)


def write_atoms_page(
    out: Path, title: str, table: pd.DataFrame, layers: Iterable[Seen], plan: Plan, images: int, tell: Tell
) -> Path:
    """Makes a page of layers, each with an exhibit of its units and one of the atoms of each dictionary.

    Args:
        out: The page's own folder.
        title: Of the page.
        table: Of all dictionaries that were measured, as the page shows it.
        layers: Each is read in its turn.
        plan: Its dictionaries are shown, by default those of `SHOWN`; with 20 atoms where that is among its numbers, else with
            the first of them.
        images: Rank images that dictionaries are fitted on, the first ones.
        tell: Called with lines about what is being done.

    Returns:
        The page's `index.html`.
    """
    exhibits = [exhibit for seen in layers for exhibit in exhibits_of(seen, plan, images, tell)]
    section = Section(
        title=title,
        notes=(ON_FEWER.format(images=images),),
        opening=(OPENING,),
        findings=tuple(_finding(exhibit) for exhibit in exhibits),
        tables=(("dictionaries", table),),
    )
    return write_page(out, Page(title, (section,), tuple(exhibits), tuple(matchings(exhibits))))


def exhibits_of(seen: Seen, plan: Plan, images: int, tell: Tell) -> Iterator[Exhibit]:
    """Gives an exhibit of a layer's units, then one of the atoms of each dictionary."""
    few = few_of(len(seen.test.images))
    task: Task = registry.choose("tasks", seen.task)
    tell(f"Looking at the units of {seen.name} ...")
    units, rank = (probe(seen.net, drawn, seen.layer, seen.transform, few, seen.axis) for drawn in (seen.test, seen.rank))
    said = f"{task.title} {seen.said} Layer {seen.layer}, {units.n_units} units."
    about = About(seen.name, said, seen.task, seen.source, task.useless)
    yield _exhibit(units, rank, seen, about)
    cells = read_cells(seen.net, seen.rank, seen.layer, images, seen.transform, seen.axis)
    fit_on = cells.some(plan.cells, seed=0)
    asked = ATOMS if ATOMS in plan.atoms else plan.atoms[0]
    for spec in plan.dictionaries or SHOWN:
        name, settings = named(spec)
        dictionary: Dictionary = registry.choose("dictionaries", name)
        tell(f"Looking at the atoms of {spec} in {seen.name} ...")
        own = cells if dictionary.supervised else fit_on
        (fitted,) = fit_dictionary(dictionary, own, most_atoms(dictionary, own, asked), (SEED,), settings)
        place, how = (seen.layer, fitted, seen.transform, few, seen.axis), dictionary.read
        atoms, rank = (_as_read(read_atoms(seen.net, drawn, *place), how, seen.layer) for drawn in (seen.test, seen.rank))
        told = said_of(spec, dictionary, fitted, own, min(images, len(seen.rank.images)))
        named_so = replace(about, name=f"{seen.name}, in atoms of {spec}", said=f"{told} {said}", word="atom")
        yield _exhibit(atoms, rank, seen, named_so)


def _as_read(readout: Readout, how: str, layer: str) -> Readout:
    """Gives a readout of atoms under the name of the layer that they stand for, with the mean as response where that is read."""
    return replace(readout, layer=layer, response=readout.mean if how == "mean" else readout.response)


def _exhibit(readout: Readout, rank: Readout, seen: Seen, about: About) -> Exhibit:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a k above the number of images gives no number
        units = score(readout, rank=rank).units
    units = units.assign(**against_null(readout.response, readout.present))
    return make_exhibit(readout, rank, units, seen.test, about)


def said_of(spec: str, dictionary: Dictionary, fitted: Fitted, cells: Cells, images: int) -> str:
    """Says what atoms are: of which dictionary, how it was fitted, and what is left where one is silenced.

    Args:
        spec: How the dictionary was asked for.
        dictionary: Of the shelf or one's own.
        fitted: To the cells.
        cells: That it was fitted on.
        images: That the cells are of.
    """
    name, given = named(spec)
    settings = ", ".join(f"{key} {value:g}" for key, value in dictionary.with_settings(given).items())
    labels = "with labels, as a ceiling," if dictionary.supervised else "without labels"
    said = [
        f"{fitted.n_atoms} atoms of the dictionary {Path(name).stem} ({dictionary.title}{'; ' if settings else ''}{settings})",
        f"were fitted {labels} on {len(cells):,} cells of {images:,} rank images, from seed {SEED}.",
    ]
    if dictionary.codes == "signed" and not dictionary.supervised:
        half = fitted.n_atoms // 2
        said.append(f"Its codes are signed, so each of {half} directions is two atoms: atom {half} is the other side of atom 0.")
    if dictionary.read == "mean":
        said.append("The response of an atom is the mean of its map.")
    awake = awake_atoms(fitted, cells)
    if awake:
        answer = "1 of them answers" if awake == 1 else f"{awake} of them answer"
        said.append(
            f"{answer} where the layer is silent, too; silenced to zero it is missed in every place, to its mean less so."
        )
    said.append("A silenced atom takes its share from the layer; what the dictionary does not explain stays.")
    return " ".join([*said, f"{fitted.said[0].upper()}{fitted.said[1:]}."] if fitted.said else said)


def awake_atoms(fitted: Fitted, cells: Cells) -> int:
    """Counts the atoms that have a code where no unit fires.

    Args:
        fitted: To the cells.
        cells: Of which some tell how large codes are.
    """
    rows = cells.values[:SOME]  # noqa: PD011 -- of cells, no table's
    some, silent = fitted.encode(rows), fitted.encode(torch.zeros_like(rows[:1]))[0]
    return int((silent.abs() > ROUNDING * some.abs().amax(dim=0)).sum())


def _finding(exhibit: Exhibit) -> Finding:
    """Says how many concepts a layer's units or atoms detect."""
    alignment = torch.from_numpy(exhibit.alignment)
    n, of = int(unique_concepts(alignment)), len(exhibit.concepts)
    found = f"{n or 'none'} of {of} concepts {'has' if n in (0, 1) else 'have'} a detector among {exhibit.n_units}"
    words = f"{exhibit.about.name}: {found} {exhibit.about.word}s"
    return Finding(words, f"coverage {bare(float(coverage(alignment)), SCORE)}, one network, {exhibit.n_images:,} images")
