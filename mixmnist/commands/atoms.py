"""The page of atoms: `mixmnist features --page`."""

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from mixmnist.commands.answers import Say
from mixmnist.core.records import require

if TYPE_CHECKING:
    import pandas as pd

    from mixmnist.features.measuring import Plan
    from mixmnist.page.atoms import Seen

PAGE = "page"  # folder of the page, in that of the results


def check_page(args: argparse.Namespace) -> None:
    """Refuses a page of what it cannot show, before any work."""
    require(not (args.page and args.arrays), "a page needs a network and its images, got --arrays. Leave --page out.")
    require(not (args.page and args.rotate), "a page shows the layer as it is, got --rotate. Leave one of them out.")


def atoms_page(
    args: argparse.Namespace, plan: "Plan", layers: "Iterable[Seen]", table: "pd.DataFrame", home: Path, say: Say
) -> dict[str, str]:
    """Makes the page of atoms where it is asked for; gives what the command's answer says of it."""
    if not args.page:
        return {}
    from mixmnist.page.atoms import write_atoms_page

    place, said = Path(args.what).resolve(), args.what
    if place.is_dir():
        said = f"{place.parent.name}, {place.name}"
    made = write_atoms_page(home / PAGE, f"Units and atoms of {said}", table, layers, plan, args.images, say)
    say(f"Page: {made}")
    return {PAGE: str(made)}
