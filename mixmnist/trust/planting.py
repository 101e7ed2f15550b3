"""Planting one unit: what every score says of a unit with faults, beside what it says of a sound one."""

import warnings

import pandas as pd

from mixmnist.plants.units import Faults, plant
from mixmnist.scoring import Sheet
from mixmnist.trust._columns import columns
from mixmnist.trust._evidence import RANK


def beside_sound(faults: Faults, n: int, seed: int, *, concept: str, prevalence: float, units: int) -> pd.DataFrame:
    """Gives a row a score of units: what it is held against, the sound unit's and the planted one's, on the same images.

    Raises:
        ValueError: As `plant`.
    """
    sheets = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a k above the number of images gives no number
        for planted in (Faults(), faults):
            first, rank = (
                plant(planted, n, at, concept=concept, prevalence=prevalence, units=units) for at in (seed, seed + RANK)
            )
            sheets.append(Sheet(first, Sheet(rank)))
        own = int(concept)
        return pd.DataFrame(
            [
                {
                    "score": c.name,
                    "held_against": c.kind,
                    "sound": c.value(sheets[0], own, own),
                    "planted": c.value(sheets[1], own, own),
                }
                for c in columns()
                if not c.summary
            ]
        )
