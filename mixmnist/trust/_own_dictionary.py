"""One's own dictionary: its report card, made on the planted cells that the shelf's cards were made on."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from time import monotonic

import pandas as pd

from mixmnist.core import registry
from mixmnist.core.records import Dictionary
from mixmnist.grid.estimating import as_time
from mixmnist.report.drawing import Album, Look, style
from mixmnist.trust._dictionaries_grading import GradedDictionary, asked_of
from mixmnist.trust._dictionaries_measuring import Sizes, measure
from mixmnist.trust.dictionaries import draw, grade_all, write_graded

FEW = Sizes(cells=1_000, scored=500, seeds=1, draws=1)  # that it is tried on
REFERENCE = Path("results/reference")
CARD = "*/*/analyses/dictionaries/card.csv"  # the shelf's, below the folder of reference results


def grade_dictionary_file(
    path: str, sizes: Sizes | None = None, tell: Callable[[str], None] = lambda _line: None
) -> GradedDictionary:
    """Makes the report card of the dictionary that a file ends in.

    Args:
        path: A Python file that ends in DICTIONARY.
        sizes: How much is drawn; by default what the shelf's own cards are made of.
        tell: Called with a line about what is done, and how long that takes.

    Raises:
        ValueError: If the file is none that ends in a dictionary, it is a ceiling, or it does not fit or gives something else
            than it says.
        FileNotFoundError: If there is no such file.
    """
    chosen: Dictionary = registry.choose("dictionaries", path)
    sizes, conditions = sizes or Sizes(), asked_of(chosen)
    measure(path, conditions[0], FEW)  # what does not run is said before minutes have gone
    begun = monotonic()
    measure(path, conditions[0], sizes)
    about = as_time((monotonic() - begun) * len(conditions))
    tell(f"Grading {Path(path).stem} on {len(conditions)} kinds of planted cells: about {about} on one core, less on more ...")
    (found,) = grade_all([path], sizes)
    return found


def outcomes(graded: GradedDictionary) -> pd.DataFrame:
    """Gives a row a test: its number, whether it is passed (nothing where it does not apply), and why not."""
    rows = [{"test": c.test, "value": c.value, "passed": c.passed, "why": c.why} for c in graded.cells]
    return pd.DataFrame(rows)


def shelf_beside(reference: Path = REFERENCE) -> pd.DataFrame:
    """Gives the grades of the shelf's dictionaries from the committed card, best first; no rows where there is none."""
    cards = sorted(reference.glob(CARD))
    return pd.read_csv(cards[0])[["dictionary", "grade", "passed"]] if cards else pd.DataFrame(columns=["dictionary", "grade"])


def write_own_card(graded: GradedDictionary, out: Path, sizes: Sizes | None = None) -> None:
    """Writes a card into a folder, beside what lies there: tables, every test, response curves and a figure.

    Nothing is written before all of it could be made.
    """
    out.mkdir(parents=True, exist_ok=True)
    look = Look()
    with tempfile.TemporaryDirectory(dir=out, prefix=".partial-") as place, style(look):
        write_graded(Path(place), [graded], sizes or Sizes())
        draw(Path(place), Album(Path(place), look, ("Planted cells.",)))
        for path in Path(place).iterdir():
            path.replace(out / path.name)
