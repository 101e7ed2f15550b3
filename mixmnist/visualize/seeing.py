"""Seeing: pictures of several subjects by several ways, with what is known of each; natural images beside synthesised ones."""

import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import pandas as pd
import torch
from jaxtyping import Float, Int
from torch import Tensor
from tqdm import tqdm

from mixmnist.core import registry
from mixmnist.core.records import Settings, Way, require
from mixmnist.data.mixture import Mixture
from mixmnist.probing import Caution
from mixmnist.visualize._generator import Generator
from mixmnist.visualize._targets import Target, at_peak
from mixmnist.visualize.cautions import caution
from mixmnist.visualize.imaging import Supplies, make_images
from mixmnist.visualize.judging import find_regions, shares
from mixmnist.visualize.mapping import make_maps, named
from mixmnist.visualize.reader import Reader
from mixmnist.visualize.subjects import Subjects, View
from mixmnist.visualize.worth import some_canvases

NATURAL = ("top", "single")  # ways whose images are canvases
TEN = "0123456789"  # what a reader reads
Chosen = tuple[str, Way, Settings]  # as it was asked for


@dataclass(frozen=True)
class Tools:
    """What pictures may need, and what takes minutes to come about: it is asked for when it is needed."""

    reader: Callable[[], Reader]
    generator: Callable[[Target], Generator]


@dataclass(frozen=True, eq=False)
class Shown:
    """Pictures of all subjects by one way."""

    way: str  # with its settings, as it was asked for
    title: str
    kind: str  # map or image
    pictures: Float[Tensor, "subjects starts *channels rows cols"]  # nan where there is none
    canvases: Float[Tensor, "subjects starts channels rows cols"] | None  # under maps
    table: pd.DataFrame  # a row a picture
    said: tuple[str, ...]  # what must be known of them

    @property
    def warned(self) -> bool:
        """Whether the way is known to show what is not there."""
        return bool(caution(named(self.way)[0]))


@dataclass(frozen=True, eq=False)
class Sight:
    """All that was seen."""

    subjects: Subjects
    shown: tuple[Shown, ...]
    reader: Reader | None

    @property
    def table(self) -> pd.DataFrame:
        """A row a picture; the columns are said in `see`."""
        return pd.concat([one.table for one in self.shown], ignore_index=True)

    @property
    def said(self) -> tuple[str, ...]:
        """What must be known of the pictures, each once."""
        card = () if self.reader is None else (self.reader.card,)
        return tuple(dict.fromkeys([*self.subjects.left_out, *(line for one in self.shown for line in one.said), *card]))


def check_ways(specs: Sequence[str], of_class: bool) -> list[Chosen]:
    """Finds the ways that are asked for; the natural top images come first where a way makes images.

    Args:
        specs: Names of the shelf or files, with settings, as `integrated:steps=64`.
        of_class: Whether classes are to be seen, and no units.

    Raises:
        ValueError: If one is unknown, has no such setting, or makes no pictures of what is to be seen.
    """
    found: list[Chosen] = []
    for spec in dict.fromkeys(specs):
        name, settings = named(spec)
        way: Way = registry.choose("ways", name)
        way.with_settings(settings)
        fits = not (of_class and "unit" in way.needs)
        require(fits, f"{spec} makes pictures of units alone, got a class. Name a --unit, or another way.")
        found.append((spec, way, settings))
    require(found, "ways must be one or more, got none. `mixmnist list ways` has them.")
    if any(way.kind == "image" for _, way, _ in found) and not any(named(spec)[0] == "top" for spec, _, _ in found):
        found.insert(0, ("top", registry.choose("ways", "top"), {}))
    return found


def look(
    view: View, subjects: Subjects, ways: Sequence[str], tools: Tools, starts: int = 1, seed: int = 0, bar: bool = True
) -> Sight:
    """Makes pictures of each subject by each way, and says what is known of them.

    Args:
        view: A net and natural canvases.
        subjects: Units or classes.
        ways: As in `check_ways`.
        tools: A reader, for pictures that are no canvases; a generator, for ways that need one.
        starts: Pictures of each subject by each way.
        seed: Of the first picture; others have the next ones.
        bar: Whether a progress bar is shown if it takes more than two seconds.

    Raises:
        ValueError: If a way makes no picture of a subject that was asked for by its number, or of none at all.
    """
    require(starts >= 1, f"starts must be 1 or more, got starts={starts}.")
    require(seed >= 0, f"seed must be 0 or more, got seed={seed}.")
    chosen = check_ways(ways, subjects.target.layer is None)
    images = [one for one in chosen if one[1].kind == "image"]
    grey = isinstance(view.canvases, Mixture) or not images
    require(
        grey, "canvases must be grey where images are made, got canvases in colour. Use a grey source, or ways that make maps."
    )
    found = {}
    for spec, way, settings in _with_bar([one for one in chosen if one[1].kind == "map"], bar):
        found[spec] = _by_map(view, subjects, spec, way, settings, starts)
    reader = tools.reader() if any(named(spec)[0] not in NATURAL for spec, _, _ in images) else None
    if reader is not None:
        reader.check()
        others = [name for name in view.canvases.concepts if name not in tuple(TEN)]
        require(not others, f"concepts must be digits, which a reader reads, got {others[:3]}. Use ways that make maps.")
    generator = tools.generator(subjects.target) if any("generator" in way.needs for _, way, _ in images) else None
    seeds = tuple(range(seed, seed + starts))
    for spec, way, settings in _with_bar(images, bar):
        assert isinstance(view.canvases, Mixture)
        found[spec] = _by_images(subjects, spec, way, settings, seeds, Supplies(view.canvases, generator), reader)
    return Sight(subjects, tuple(found[spec] for spec, _, _ in chosen), reader)


def _with_bar(chosen: Sequence[Chosen], bar: bool) -> Iterable[Chosen]:
    return tqdm(chosen, "ways", delay=2, leave=False, disable=None if bar else True)


def _by_map(view: View, subjects: Subjects, spec: str, way: Way, settings: Settings, starts: int) -> Shown:
    """Makes maps of canvases that show each subject's digits, and says where they lie."""
    rows = subjects.examples(view.canvases, starts)  # subjects starts
    pixels = view.pixels(rows.flatten())
    target = _repeated(subjects, starts)
    if target.of == "cell":
        target = at_peak(target, pixels)

    def make(some: Int[Tensor, " some"]) -> Tensor:
        maps = make_maps(way, target.some(some), pixels[some], settings)
        blank = (maps == 0).all(dim=2).all(dim=1).view(-1, starts).any(dim=1)
        where = "" if not blank.any() else subjects.names[int(some[0]) // starts + int(blank.int().argmax())]
        require(not blank.any(), f"a map must show something, got zeros of {spec} on {where}: it found nothing. Use another way.")
        return maps

    maps, said = _each(subjects, starts, make, spec)
    table = _known(subjects, starts).assign(way=spec, kind="map", canvas=rows.flatten().tolist())
    table = table.assign(response=target.values(pixels).tolist())
    table["relative"] = _relative(subjects, starts, table)
    own = subjects.wanted.int().argmax(dim=1).repeat_interleave(starts)
    regions = find_regions(some_canvases(view.canvases, rows.flatten()), own)
    one = (subjects.wanted.sum(dim=1) == 1).repeat_interleave(starts)
    for name, parts in (("own_box", slice(0, 2)), ("own_ink", slice(0, 1))):
        place = regions[:, parts].any(dim=1)
        share = shares(maps.cpu(), place[:, None])[:, 0]
        table[name] = torch.where(one, share, float("nan")).tolist()
        table[f"{name}_chance"] = torch.where(one, place.float().mean((1, 2)), float("nan")).tolist()
    shape = (len(subjects), starts)
    return Shown(spec, way.title, "map", maps.cpu().unflatten(0, shape), pixels.cpu().unflatten(0, shape), table, said)


def _by_images(
    subjects: Subjects,
    spec: str,
    way: Way,
    settings: Settings,
    seeds: Sequence[int],
    supplies: Supplies,
    reader: Reader | None,
) -> Shown:
    """Makes images, and says what is read in them and how much they excite, against the best natural image."""
    starts, target = len(seeds), _repeated(subjects, len(seeds))

    def make(some: Int[Tensor, " some"]) -> Tensor:
        own = [seeds[int(row) % starts] for row in some]
        return make_images(way, target.some(some), own, supplies, settings)

    images, said = _each(subjects, starts, make, spec)
    there = ~images.isnan().flatten(1).any(dim=1).cpu()
    table = _known(subjects, starts).assign(way=spec, kind="image", seed=list(seeds) * len(subjects))
    table["response"] = torch.where(there, target.values(images.nan_to_num(0)).cpu(), float("nan")).tolist()
    table["relative"] = _relative(subjects, starts, table)
    if reader is not None:
        read = reader.read(images.nan_to_num(0))
        wanted = torch.zeros(len(images), len(TEN), dtype=torch.bool)
        digits = [TEN.index(name) for name in supplies.canvases.concepts]
        wanted[:, digits] = subjects.wanted.repeat_interleave(starts, dim=0)
        asked = there & wanted.any(dim=1)
        table["reads"] = ["".join(TEN[int(digit)] for digit in row.nonzero()[:, 0]) for row in read]
        table.loc[~there.numpy(), "reads"] = None
        for name, yes in (("reads_own", (read | ~wanted).all(dim=1)), ("only_own", (read == wanted).all(dim=1))):
            table[name] = [bool(value) if known else None for value, known in zip(yes, asked, strict=True)]
    return Shown(spec, way.title, "image", images.cpu().unflatten(0, (len(subjects), starts)), None, table, said)


def _repeated(subjects: Subjects, starts: int) -> Target:
    """Gives the target of each picture."""
    return subjects.target.some(torch.arange(len(subjects)).repeat_interleave(starts))


def _each(
    subjects: Subjects, starts: int, make: Callable[[Tensor], Tensor], spec: str
) -> tuple[Float[Tensor, "n *sides"], tuple[str, ...]]:
    """Makes pictures of all subjects at once; where that fails, and not each was asked for, of those of which there are any.

    Returns:
        Pictures, nan where there are none; and what was warned of, or why there are none.
    """
    every = torch.arange(len(subjects) * starts)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", Caution)
        left: list[str] = []
        try:
            found = make(every)
        except ValueError as error:
            if subjects.strict or len(subjects) == 1:
                raise
            parts = [_tried(make, part) for part in every.split(starts)]
            there = [part for part in parts if isinstance(part, Tensor)]
            if not there:
                raise error
            nothing = torch.full_like(there[0], float("nan"))
            found = torch.cat([part if isinstance(part, Tensor) else nothing for part in parts])
            named_so = zip(subjects.names, parts, strict=True)
            left = [f"{spec} shows nothing of {name}: {part}" for name, part in named_so if isinstance(part, str)]
    said = dict.fromkeys(f"{one.message!s}." for one in caught if issubclass(one.category, Caution))
    known = caution(named(spec)[0])
    return found, (*([known] if known else []), *said, *left)


def _tried(make: Callable[[Tensor], Tensor], some: Tensor) -> Tensor | str:
    """Makes pictures of one subject, or says why there are none."""
    try:
        return make(some)
    except ValueError as error:
        return str(error)


def _known(subjects: Subjects, starts: int) -> pd.DataFrame:
    """Gives a row a picture with what is known of its subject."""
    target = subjects.target
    rows = pd.DataFrame(
        {
            "subject": subjects.names,
            "index": target.index.expand(len(subjects)).tolist(),
            "layer": target.layer or "",
            "of": target.of,
            "own": ["".join(map(str, row.nonzero()[:, 0].tolist())) for row in subjects.wanted],
            "alignment": subjects.alignment.tolist(),
        }
    )
    return rows.loc[rows.index.repeat(starts)].reset_index(drop=True).assign(picture=list(range(starts)) * len(rows))


def _relative(subjects: Subjects, starts: int, table: pd.DataFrame) -> list[float]:
    """Gives responses over that to the best natural image; nan where that is not above 0."""
    best = subjects.found.amax(dim=1).repeat_interleave(starts).double()
    found: list[float] = torch.where(best > 0, torch.tensor(table["response"].tolist()).double() / best, float("nan")).tolist()
    return found
