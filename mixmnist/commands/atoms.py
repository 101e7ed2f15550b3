"""The page of atoms: `mixmnist features --page`."""

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mixmnist.commands.answers import Say
from mixmnist.core.records import require

if TYPE_CHECKING:
    import pandas as pd
    from torch import nn

    from mixmnist.features.measuring import Plan
    from mixmnist.guests.evaluating import Setting
    from mixmnist.page.atoms import Seen
    from mixmnist.probing.running import Transform

PAGE = "page"  # folder of the page, in that of the results
COLUMNS = (
    "variant",
    "dictionary",
    "atoms",
    "n",
    "coverage",
    "random",
    "gap_closed",
    "unique_concepts",
    "explained_variance",
    "l0",
)


def check_page(args: argparse.Namespace) -> None:
    """Refuses a page of what it cannot show, before any work."""
    require(not (args.page and args.arrays), "a page needs a network and its images, got --arrays. Leave --page out.")
    require(not (args.page and args.rotate), "a page shows the layer as it is, got --rotate. Leave one of them out.")


def of_own(net: "nn.Module", name: str, layer: str, setting: "Setting", transform: "Transform | None") -> "Iterator[Seen]":
    """Gives a layer of a network of one's own; its images are drawn when it is asked for."""
    from mixmnist.guests.evaluating import prepare
    from mixmnist.page.atoms import Seen

    scene, seen = prepare(net, (layer,), setting, transform)
    yield Seen(name, f"Network: {name}.", net, layer, scene.rank, scene.test, setting.task, scene.source, seen, setting.axis)


def atoms_page(
    args: argparse.Namespace, plan: "Plan", layers: "Iterable[Seen]", table: "pd.DataFrame", home: Path, say: Say
) -> dict[str, str]:
    """Makes the page of atoms; gives what the command's answer says of it."""
    from mixmnist.page.atoms import write_atoms_page

    place, said = Path(args.what).resolve(), args.what
    if place.is_dir():
        said = f"{place.parent.name}, {place.name}"
    shown = table[[column for column in COLUMNS if column in table]]
    made = write_atoms_page(home / PAGE, f"Units and atoms of {said}", shown, layers, plan, args.images, say)
    say(f"Page: {made}")
    return {PAGE: str(made)}
