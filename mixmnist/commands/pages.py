"""Commands about pages: make them, and set what people said of the units beside the truth."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from mixmnist.commands.answers import Answer, Say, at_work, complain
from mixmnist.core.records import require


def page(args: argparse.Namespace, say: Say) -> Answer:
    """Makes the page of a folder, or one page for comparing several."""
    from mixmnist.page.making import losses, page_home

    folders = [Path(folder) for folder in args.folders]
    made = tell_page(folders, page_home(args.folders, args.out), args.data_root, say, drawn=False, pictures=args.pictures)
    lost = [sentence for folder in folders for sentence in losses(folder)]
    for sentence in lost:
        complain(f"failed: {sentence}")
    return Answer({"page": str(made), "failures": lost}, 1 if lost else 0)


def annotate(args: argparse.Namespace, say: Say) -> Answer:
    """Sets a person's annotations beside the truth, and makes the page anew, which then shows them."""
    from mixmnist.page import making as pages

    require(len(args.folders) == 1, f"annotations are of one page, got {len(args.folders)} folders. Name its folder alone.")
    folder = Path(args.folders[0])
    with at_work(f"Holding {args.annotations} against the truth", say):
        place = pages.annotate(folder, Path(args.annotations))
    say((place / "agreement.md").read_text(encoding="utf-8"))
    return Answer({"annotations": str(place), "page": str(tell_page([folder], folder / "report", args.data_root, say))})


def tell_page(folders: Sequence[Path], out: Path, root: str | None, say: Say, drawn: bool = True, pictures: bool = False) -> Path:
    """Makes a page and says where it is."""
    from mixmnist.page.making import make_page

    with at_work(f"Making the page of {', '.join(map(str, folders))}", say):
        made = make_page(folders, out, root, say, drawn, pictures)
    say(f"Page: {made}")
    return made
