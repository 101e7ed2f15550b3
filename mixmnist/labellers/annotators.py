"""Simulated annotators: people who look at a unit's top images and name what these share, with faults that are dials.

Each looks at some of the images, misses digits, sees digits that are not there, takes digits for others, and names what the
images share by the test that the labeller of top images uses. Of several a name stands where more than half give it.

Source:
    Agreement: K. Krippendorff (1970, 2004), alpha for nominal answers. The dials are our own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mixmnist.core.records import require
from mixmnist.core.seeding import derive
from mixmnist.labellers._sharing import shared
from mixmnist.labellers.annotations import Annotation
from mixmnist.labellers.labelling import words
from mixmnist.labellers.sight import Sight

LOOKALIKES = {"0": "6", "1": "7", "2": "7", "3": "5", "4": "9", "5": "3", "6": "0", "7": "1", "8": "3", "9": "4"}
SHOWN = 12  # images of a unit that a page shows


@dataclass(frozen=True)
class Dials:
    """How good annotators are."""

    misses: float = 0.0
    """Chance not to see a digit that is there."""
    false_alarms: float = 0.0
    """Chance to see on an image one digit besides that is not there, any."""
    confusions: float = 0.0
    """Chance to take a digit for the one that looks most like it."""
    images: int = SHOWN
    """Top images that are looked at."""
    people: int = 1
    """Annotators, each with the same dials."""
    always: bool = False
    """Whether a person names the digit that is seen most even where chance has it, and never says "nothing in common"."""

    def __post_init__(self) -> None:
        for name in ("misses", "false_alarms", "confusions"):
            value = getattr(self, name)
            require(0 <= value <= 1, f"{name} must lie between 0 and 1, got {name}={value}.")
        for name in ("images", "people"):
            require(getattr(self, name) >= 1, f"{name} must be 1 or more, got {name}={getattr(self, name)}.")


@dataclass(frozen=True, eq=False)
class Said:
    """What annotators said of a layer's units."""

    weights: Float[Tensor, "people units concepts"]  # of each one's names
    seen: Bool[Tensor, "people units shown concepts"]  # what each saw

    @property
    def together(self) -> Float[Tensor, "units concepts"]:
        """The names that more than half give, by their mean weight."""
        given = (self.weights > 0).float().mean(dim=0)
        return torch.where(given > 0.5, self.weights.mean(dim=0), 0)

    @property
    def agreement(self) -> float:
        """Krippendorff's alpha of whether a unit has a name, over units and names; nan for one person."""
        return krippendorff((self.weights > 0).flatten(1))


def annotate(sight: Sight, dials: Dials, seed: int = 0) -> Said:
    """Has people name what the units of a layer share.

    Args:
        sight: The layer; what people see are its top images as they really are, through their own faults.
        dials: How good they are.
        seed: Of their faults.
    """
    there = sight.present[sight.top(dials.images)]  # units shown concepts
    generator = torch.Generator().manual_seed(derive(seed, "labels", "annotators"))
    seen, weights = [], []
    for _ in range(dials.people):
        seen.append(_seen(there, sight.concepts, dials, generator))
        usual = _seen(sight.present[None], sight.concepts, dials, generator)[0].float().mean(dim=0)  # as this person sees images
        weights.append(shared(seen[-1], usual, always=dials.always).masked_fill(sight.silent[:, None], 0))
    return Said(torch.stack(weights), torch.stack(seen))


def _seen(
    there: Bool[Tensor, "units shown concepts"], concepts: Sequence[str], dials: Dials, generator: torch.Generator
) -> Bool[Tensor, "units shown concepts"]:
    """Gives what a person sees."""

    def chance(share: float, shape: Sequence[int]) -> Tensor:
        return torch.rand(tuple(shape), generator=generator) < share

    missed, taken = chance(dials.misses, there.shape), chance(dials.confusions, there.shape)
    found = there & ~missed
    seen = found & ~taken
    for place, other in enumerate(lookalikes(concepts)):
        seen[..., other] |= (found & taken)[..., place]
    alarmed = chance(dials.false_alarms, there.shape[:2])
    drawn = torch.rand(there.shape, generator=generator).masked_fill(there, -1).argmax(dim=2)
    extra = torch.nn.functional.one_hot(drawn, there.shape[2]).bool() & alarmed[:, :, None]
    return seen | extra


def lookalikes(concepts: Sequence[str]) -> list[int]:
    """Gives for each concept the place of the one that it is taken for; itself where that is not among them.

    Example:
        >>> lookalikes(("4", "8", "9"))
        [2, 1, 0]
    """
    names = list(concepts)
    return [
        names.index(LOOKALIKES.get(name, name)) if LOOKALIKES.get(name, name) in names else names.index(name) for name in names
    ]


def krippendorff(answers: Bool[Tensor, "people items"]) -> float:
    """Gives Krippendorff's alpha of Yes and No, all of whose answers are there: 1 is agreement, 0 what chance has.

    Returns:
        1 - observed / expected disagreement; nan of one person; 1 where everybody gives one and the same answer to everything.

    Example:
        >>> round(krippendorff(torch.tensor([[1, 1, 0, 0], [1, 0, 0, 0]]).bool()), 4)
        0.5333
    """
    people, items = answers.shape
    if people < 2:
        return float("nan")
    yes = answers.sum(dim=0).double()  # items
    observed = (2 * yes * (people - yes) / (people - 1)).sum() / (people * items)
    n, of_yes = people * items, float(yes.sum())
    expected = 2 * of_yes * (n - of_yes) / (n * (n - 1))
    return 1.0 if expected == 0 else float(1 - observed / expected)


def as_annotations(sight: Sight, dials: Dials, exhibit: str, seed: int = 0) -> list[Annotation]:
    """Has one person label every unit as on the page: a name in words, a category, and the images that do not fit.

    Args:
        sight: The layer, with its name and fingerprint.
        dials: Of the person.
        exhibit: What the page calls the network.
        seed: Of the person's faults.
    """
    said = annotate(sight, dials, seed)
    named, seen = said.weights[0], said.seen[0]
    misfits = [(~(one & (own > 0)).any(dim=1)).nonzero()[:, 0] for one, own in zip(seen, named, strict=True)]
    return [
        Annotation(
            exhibit=exhibit,
            layer=sight.layer,
            fingerprint=sight.fingerprint,
            unit=unit,
            concept=words(own, sight.concepts) if own.any() else "",
            category=_category(own),
            misfits=_places(misfits[unit]) if own.any() else (),
            shown=seen.shape[1],
        )
        for unit, own in enumerate(named)
    ]


def _category(weights: Float[Tensor, " concepts"]) -> str:
    names = int((weights > 0).sum())
    return "nothing in common" if names == 0 else "a concept" if names == 1 else "several concepts"


def _places(found: Int[Tensor, " some"]) -> tuple[int, ...]:
    return tuple(int(place) for place in found)
