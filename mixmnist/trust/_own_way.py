"""One's own way: its report card, made on the networks that the shelf's cards were made on."""

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic

import pandas as pd

from mixmnist.core import registry
from mixmnist.core.records import Way
from mixmnist.report.drawing import Album, Look, style
from mixmnist.trust._networks import Recorded
from mixmnist.trust._ways_grading import GradedWay
from mixmnist.trust._ways_measuring import Sizes, on_planted
from mixmnist.trust.ways import draw_cards, grade_all, trained, write_graded

FEW = Sizes(canvases=4, pictures=1, natural=100)  # that it is tried on
REFERENCE, LOCAL = Path("results/reference"), Path("results/local/ways")
CARD = "*/*/analyses/ways/card_of_*.csv"  # the shelf's, below the folder of reference results
NETS = ("sanity/mnist", "sanity/digits")  # below it, the first that is there


def grade_way_file(
    path: str,
    sizes: Sizes | None = None,
    tell: Callable[[str], None] = lambda _line: None,
    root: str | None = None,
    reference: Path = REFERENCE,
) -> GradedWay:
    """Makes the report card of the way that a file ends in.

    Args:
        path: A Python file that ends in WAY.
        sizes: How much is drawn; by default what the shelf's own cards are made of.
        tell: Called with lines about what is done, and how long that takes.
        root: Holds the source's files.
        reference: Folder of reference results, whose nets are asked where there are any; else planted networks alone.

    Raises:
        ValueError: If the file is none that ends in a way, or the way gives something else than it says.
        FileNotFoundError: If there is no such file.
    """
    chosen: Way = registry.choose("ways", path)
    sizes = sizes or Sizes()
    _try(path)  # what does not run is said before minutes have gone
    nets = _nets(reference, sizes, root)
    where = f"planted networks and {len(nets)} trained nets" if nets else f"planted networks alone, as no nets are in {reference}"
    begun = monotonic()
    on_planted([path], Sizes(canvases=sizes.canvases // 4, pictures=1, natural=sizes.natural // 4))
    spent = monotonic() - begun
    more = " A reader and generators are trained first, which takes minutes." if chosen.kind == "image" and nets else ""
    tell(f"Grading {Path(path).stem} on {where}: about {max(1, round(spent * (4 + 8 * len(nets))))} s ...{more}")
    kept = _kept(reference) if chosen.kind == "image" and nets else LOCAL
    (found,), _ = grade_all([path], nets, root, kept, sizes)
    return found


def _try(path: str) -> None:
    """Runs a way on few canvases; what it raises that is no sentence becomes one.

    Raises:
        ValueError: If it raises anything, or gives something else than it says.
    """
    try:
        rows = on_planted([path], FEW)
    except (MemoryError, OSError):
        raise
    except Exception as error:
        said = registry.raised(error, Path(path))
        raise ValueError(f"a way must run on canvases of 32 x 32, got {said}. Mend its run.") from error
    refused = rows[rows["condition"].eq("planted") & rows["measure"].eq("made") & rows["value"].eq(0)]
    wrong = [said for said in refused["said"] if said.startswith(("a way must give", "maps must be", "images must lie"))]
    if wrong:
        raise ValueError(wrong[0])


def _nets(reference: Path, sizes: Sizes, root: str | None) -> Sequence[Recorded]:
    """Lists the trained nets that are asked, of the first folder whose nets and glyphs are there; none where there are none."""
    for name in NETS:
        if (reference / name).is_dir():
            with contextlib.suppress(ValueError, FileNotFoundError):
                found = trained(reference / name, sizes)
                found[0].mixture("test", root)
                return found
    return ()


def _kept(reference: Path) -> Path:
    """Gives a folder that keeps a reader and generators, those of the shelf's card among them where there is one."""
    LOCAL.mkdir(parents=True, exist_ok=True)
    for path in sorted(reference.glob("*/*/analyses/ways/*.safetensors")):
        if not (LOCAL / path.name).exists():
            shutil.copy2(path, LOCAL / path.name)
    return LOCAL


def outcomes(graded: GradedWay) -> pd.DataFrame:
    """Gives a row a test: its number, whether it is passed (nothing where it does not apply), and why not."""
    rows = [{"test": c.test, "value": c.value, "passed": c.passed, "why": c.why} for c in graded.cells]
    return pd.DataFrame(rows)


def shelf_beside(kind: str, reference: Path = REFERENCE) -> pd.DataFrame:
    """Gives the grades of the shelf's ways of a kind from the committed card, best first; no rows where there is none."""
    name = {"map": "maps", "image": "pictures"}[kind]
    cards = sorted(reference.glob(CARD.replace("*.csv", f"{name}.csv")))
    return pd.read_csv(cards[0])[["way", "grade", "passed"]] if cards else pd.DataFrame(columns=["way", "grade"])


def write_own_card(graded: GradedWay, out: Path) -> None:
    """Writes a card into a folder, beside what lies there: tables, every test, what was measured and a figure.

    Nothing is written before all of it could be made.
    """
    out.mkdir(parents=True, exist_ok=True)
    look = Look()
    with tempfile.TemporaryDirectory(dir=out, prefix=".partial-") as place, style(look):
        write_graded(Path(place), [graded], ["Planted networks, and trained nets where there are any."])
        draw_cards(Path(place), Album(Path(place), look, ()))
        for path in Path(place).iterdir():
            path.replace(out / path.name)
