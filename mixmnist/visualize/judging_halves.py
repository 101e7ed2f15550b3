"""Judging pictures of halves: do they show the change of their class, and do they show its digits? Two questions, kept apart.

A reader of halves says whether a picture is a canvas as it is, a changed one, or neither. A reader of digits looks at the picture
as it is and at the picture with the change undone: digits that are there as it is, where the class's canvases are changed, are
the prior's and not the net's.
"""

from dataclasses import dataclass

import pandas as pd
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mixmnist.core.records import require
from mixmnist.visualize.halves import undo
from mixmnist.visualize.halves_reader import ANSWERS, HalvesReader
from mixmnist.visualize.reader import Reader


@dataclass(frozen=True, eq=False)
class Judges:
    """Who reads."""

    digits: Reader
    halves: HalvesReader

    def check(self) -> None:
        """Refuses to be believed where either is below its bar.

        Raises:
            ValueError: If one is.
        """
        self.digits.check()
        self.halves.check()


def look_at_halves(
    images: Float[Tensor, "n channels rows cols"], how: str, own: Int[Tensor, "n slots"] | None, judges: Judges
) -> pd.DataFrame:
    """Says of each picture what it is read as, and which share of its own and of other digits is read in it.

    Args:
        images: In [0, 1].
        how: The change that the net has learnt.
        own: The digits of each picture's class; None where there are none, as of a unit.
        judges: Above their bars.

    Returns:
        A row a picture: `read`, one of `ANSWERS`; `digits`: those that are read, as text; `own`, `others`: the share of the
        class's digits and of all other digits that are read in the picture as it is, nan without digits; `digits_undone`,
        `own_undone`, `others_undone`: the same with the change undone.

    Raises:
        ValueError: If a reader is below its bar, or there is no such change.
    """
    judges.check()
    table: dict[str, list[object]] = {"read": [ANSWERS[answer] for answer in judges.halves.read(images).tolist()]}
    shown = None if own is None else shown_by(own)
    for ending, seen in (("", images), ("_undone", undo(images, how))):
        digits = judges.digits.read(seen)
        table[f"digits{ending}"] = ["".join(str(digit) for digit in row.nonzero()[:, 0].tolist()) for row in digits]
        for name, which in (("own", shown), ("others", None if shown is None else ~shown)):
            table[f"{name}{ending}"] = [float("nan")] * len(images) if which is None else _share(digits, which)
    return pd.DataFrame(table)


def shown_by(own: Int[Tensor, "n slots"], n_digits: int = 10) -> Bool[Tensor, "n digits"]:
    """Says which digits are among each picture's own.

    Raises:
        ValueError: If a number is no digit's.
    """
    inside = bool(((own >= 0) & (own < n_digits)).all())
    require(inside, f"digits must lie between 0 and {n_digits - 1}, got {own.flatten().tolist()[:4]}. Name those of the class.")
    found = torch.zeros(len(own), n_digits, dtype=torch.bool)
    return found.scatter_(1, own.cpu(), value=True)


def _share(digits: Tensor, which: Tensor) -> list[object]:
    """Gives the share of some digits that is read."""
    return [float(share) for share in (digits & which).sum(dim=1) / which.sum(dim=1)]
