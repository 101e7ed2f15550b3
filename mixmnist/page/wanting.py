"""What units want, on a page: pictures by several ways, read and held against natural images, which stand beside them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixmnist.core.records import Task
from mixmnist.core.registry import choose
from mixmnist.page.exhibit import Exhibit
from mixmnist.page.exhibiting import Tell
from mixmnist.page.packing import FEWEST_UNITS, write_sheet
from mixmnist.trust._layers import first
from mixmnist.trust._networks import Recorded
from mixmnist.visualize.cautions import caution
from mixmnist.visualize.mapping import named
from mixmnist.visualize.seeing import Sight, look
from mixmnist.visualize.subjects import View, units_of
from mixmnist.visualize.workshop import GENERATOR, Workshop

WAYS = ("top", "single", "pixels", "maco")  # and dgn, where there is a generator
EACH = 4  # pictures of a unit by each way
CANVASES = 2_000  # natural ones, the first of the test mixture
UNITS = 100  # whose pictures a page shows together: they are what takes room
GREYS = 16  # steps of a picture as it is shown
TOOLS, SYNTHESIS = "tools", Path("analyses", "synthesis")  # folders of readers and generators, in a study's


@dataclass(frozen=True, eq=False)
class Wanted:
    """Pictures of some units of an exhibit."""

    units: tuple[int, ...]
    ways: tuple[str, ...]
    titles: tuple[str, ...]
    pictures: NDArray[np.uint8]  # [units, ways * each, rows, cols]
    reads: list[list[str | None]]  # units, ways * each: the digits that are read
    own: list[list[bool | None]]  # whether the own digit is among them
    relative: list[list[float | None]]  # response over that to the best natural image
    cautions: tuple[str, ...]  # of each way; empty if nothing is known against it
    said: tuple[str, ...]  # on the reader, and on what is missing


def wanted_of(exhibit: Exhibit, net: Recorded, folder: Path, root: str | None, room: int, tell: Tell) -> Wanted | str:
    """Makes pictures of the units of a recorded net that have the highest alignment; or says why there are none.

    Args:
        exhibit: Of the net.
        net: The same.
        folder: Of its study and source, in which readers and generators are kept.
        root: Folder that holds the source's files.
        room: Units at most.
        tell: Called with lines about what is being done.
    """
    task: Task = choose("tasks", net.settings.task)
    living = exhibit.units[~exhibit.units["dead"].astype(bool)].sort_values("alignment", ascending=False, kind="stable")
    chosen = sorted(int(unit) for unit in living["unit"].head(room))
    if not chosen:
        return f"There are no pictures of {exhibit.about.name}: all of its units are dead."
    settings, name = net.settings, f"{net.variant}-{net.seed}"
    ready = folder / SYNTHESIS
    shop = Workshop(
        home=folder / TOOLS,
        name=name,
        source=net.source,
        root=root,
        task=settings.task,
        canvas=settings.canvas,
        settings={**task.settings, **settings.task_settings},
        ready=ready,
        tell=tell,
    )
    view = View(net.net(), first(net.mixture("test", root), CANVASES), net.layer)
    there = [*ready.glob(f"{GENERATOR}-{name}.safetensors"), *shop.home.glob(f"{GENERATOR}-{name}-*.safetensors")]
    tell(f"Making pictures of {len(chosen)} units of {exhibit.about.name} ...")
    try:
        subjects = replace(units_of(view, chosen), strict=False)
        sight = look(view, subjects, (*WAYS, *(("dgn",) if there else ())), shop.tools(view), EACH)
    except ValueError as error:
        return f"There are no pictures of {exhibit.about.name}: {error}"
    return _packed(sight, tuple(chosen))


def _packed(sight: Sight, units: tuple[int, ...]) -> Wanted:
    """Gives what was seen as a page shows it."""
    ways = tuple(one.way for one in sight.shown)
    pictures = np.stack([one.pictures[:, :, 0].numpy() for one in sight.shown], axis=1)  # units ways each rows cols
    steps = np.round(np.nan_to_num(pictures) * (GREYS - 1)).astype(np.uint8) * (255 // (GREYS - 1))
    tables = [one.table.astype(object).where(one.table.notna(), None) for one in sight.shown]

    def of_each(column: str) -> list[list[Any]]:
        parts = [np.array(table[column].tolist(), dtype=object).reshape(len(units), EACH) for table in tables]
        found: list[list[Any]] = np.concatenate(parts, axis=1).tolist()
        return found

    relative = [[None if one is None else round(float(one), 2) for one in row] for row in of_each("relative")]
    known = tuple(caution(named(way)[0]) for way in ways)
    said = tuple(line for line in sight.said if line not in known)
    titles = tuple(one.title for one in sight.shown)
    own = [[None if one is None else bool(one) for one in row] for row in of_each("reads_own")]
    return Wanted(
        units, ways, titles, steps.reshape(len(units), -1, *steps.shape[3:]), of_each("reads"), own, relative, known, said
    )


def pack_wanted(wanted: Wanted, packed: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Writes the sheet of pictures of the units that a page shows, and gives the rest, ready for JSON."""
    shown = [int(unit["unit"]) for unit in packed["units"]]
    rows = [place for place, unit in enumerate(wanted.units) if unit in shown]
    if not rows:
        return {}
    write_sheet(wanted.pictures[rows], folder / f"{packed['key']}-wants.png")
    some = {name: [getattr(wanted, name)[row] for row in rows] for name in ("reads", "own", "relative")}
    ways = [vars_of(wanted, place) for place in range(len(wanted.ways))]
    return {"ways": ways, "each": EACH, "said": list(wanted.said), "units": [wanted.units[row] for row in rows], **some}


def vars_of(wanted: Wanted, place: int) -> dict[str, str]:
    """Gives what is said of a way."""
    return {"name": wanted.ways[place], "title": wanted.titles[place], "caution": wanted.cautions[place]}


def room_for(n_exhibits: int) -> int:
    """Says of how many units of each exhibit a page shows pictures."""
    return max(FEWEST_UNITS, UNITS // max(1, n_exhibits))


def all_wanted(
    exhibits: Sequence[Exhibit], nets: Sequence[Recorded], folder: Path, root: str | None, tell: Tell
) -> tuple[list[Wanted | None], list[str]]:
    """Makes pictures of the nets that exhibits are of; and says why others are missing."""
    firsts: dict[str, Recorded] = {f"{net.variant}, seed {net.seed}": net for net in nets}
    found: list[Wanted | None] = []
    missing = []
    for exhibit in exhibits:
        made = wanted_of(exhibit, firsts[exhibit.about.name], folder, root, room_for(len(exhibits)), tell)
        found.append(None if isinstance(made, str) else made)
        missing += [made] if isinstance(made, str) else []
    return found, missing
