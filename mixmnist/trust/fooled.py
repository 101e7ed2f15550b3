"""Metrics built to be fooled: units that answer to something else, on the images of the study, and which scores they fool.

Six units are planted beside ten perfect detectors that the head reads; it reads none of the six. Each is built against a
way of scoring: a high precision among the highest responses without any effect, a map that covers the digit while the response
says nothing, a unit for either of two digits, a constant one, a dead one, and one that answers to the width of strokes.

A unit fools a score that is held against detection if it gets .8 of what the perfect detector gets, from chance on; and one
that is held against its effect if it gets .2 of the perfect unit's.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from mixmnist.core.readout import Readout
from mixmnist.core.records import Analysis, require
from mixmnist.data.mixture import Mixture
from mixmnist.probing import HeadAlgebra
from mixmnist.probing.fields import box_mask
from mixmnist.report.drawing import Album
from mixmnist.report.tables import as_markdown, write_table
from mixmnist.scoring import Sheet
from mixmnist.trust import _squares
from mixmnist.trust._columns import ACTS, columns
from mixmnist.trust._layers import table_of
from mixmnist.trust._networks import recorded

MASKED = 500  # images, the first ones, whose maps are compared with masks
CONCEPT, SECOND = 0, 1  # the digit that every unit is scored for, and the other one of the unit for either
PERFECT = CONCEPT  # the unit to compare with
FOOLS = {
    "precise": "fires on a third of the digit's images, half as strongly on a third of all others; the head ignores it",
    "background": "its map fills the digit's box; where there is none, one pixel of background answers as strongly",
    "either": "answers to either of two digits",
    "constant": "always answers 1",
    "dead": "always answers 0",
    "stroke": "answers to the width of the strokes (twice the area of the ink over its outline), not to any digit",
}
RANDOM = 20  # units that answer at random, for chance
FOOLED = 0.8  # share of a perfect detector's score, above chance, from which a score counts as fooled
EFFECT = 0.2  # share of a perfect unit's effect from which a score of effects counts as fooled: the six have none


@dataclass(frozen=True)
class _Maps:
    """Maps of the planted units on the first images of a mixture, beside its masks."""

    mixture: Mixture
    response: Float[Tensor, "images units"]

    @property
    def n_concepts(self) -> int:
        """How many concepts have masks."""
        return len(self.mixture.concepts)

    @property
    def n_images(self) -> int:
        """How many images, the first ones, have maps."""
        return len(self.response)

    def mask(self, kind: str, concept: int, indices: Int[Tensor, " some"]) -> Bool[Tensor, "some rows cols"]:
        """Gives one concept's mask, `ink` or `box`, on some images."""
        if kind == "ink":
            return self.mixture.mask(concept, indices)
        rows, cols = self.mixture.images.shape[1:]
        return box_mask(self.mixture.boxes[indices], self.mixture.shown[indices] == concept, rows, cols)

    def __iter__(self) -> Iterator[tuple[Int[Tensor, " some"], Float[Tensor, "some units rows cols"]]]:
        """Gives indices of images and their maps: a unit answers on its digit's box, else at one pixel of background."""
        for some in torch.arange(len(self.response)).split(50):
            boxes = torch.stack([self.mask("box", c, some) for c in range(self.n_concepts)], dim=1)  # some concepts rows cols
            corner = torch.zeros_like(boxes[:, 0])
            corner[:, 0, 0] = True
            own = [boxes[:, CONCEPT], boxes[:, CONCEPT], boxes[:, CONCEPT] | boxes[:, SECOND], corner, corner, boxes.any(dim=1)]
            places = torch.cat([boxes, torch.stack(own, dim=1)], dim=1)
            places |= corner[:, None] & ~places.flatten(2).any(dim=2)[:, :, None, None]
            yield some, self.response[some][:, :, None, None] * places


def plant(mixture: Mixture, seed: int) -> Readout:
    """Plants ten perfect detectors, read by the head, and the six units that it does not read, on a mixture of digits."""
    shown, n = mixture.present, len(mixture)
    require(shown.shape[1] == 10, f"the mixture must have 10 concepts to plant detectors for, got {shown.shape[1]}. Use pairs.")
    g = torch.Generator().manual_seed(seed)
    third = torch.rand(n, generator=g) < 1 / 3
    digit, second = shown[:, CONCEPT].float(), shown[:, SECOND].float()
    six = [
        third * (digit + (1 - digit) / 2),
        torch.ones(n),
        torch.maximum(digit, second),
        torch.ones(n),
        torch.zeros(n),
        stroke_width(mixture.images),
    ]
    response = torch.cat([shown.float(), torch.stack(six, dim=1)], dim=1)
    response[:, 10 + list(FOOLS).index("background")] *= 1 + torch.rand(n, generator=g) / 100  # not constant to the last bit
    head = torch.tensor([[float(str(c) in name) for c in range(10)] + [0.0] * len(FOOLS) for name in mixture.classes])
    return Readout(
        layer="planted",
        concepts=mixture.concepts,
        classes=mixture.classes,
        response=response,
        mean=response,
        present=shown,
        labels=mixture.labels,
        glyphs=mixture.glyphs,
        logits=response @ head.T,
        head=head,
        without=HeadAlgebra(response, head, torch.zeros(len(head))),
        pixels=_Maps(mixture, response[:MASKED]),
    )


def stroke_width(images: UInt8[Tensor, "images rows cols"]) -> Float[Tensor, " images"]:
    """Gives the mean width of the strokes on each canvas, pixels: twice the area of the ink over the length of its outline.

    Example:
        >>> bar = torch.zeros(1, 9, 30, dtype=torch.uint8)
        >>> bar[:, 3:6, 2:28] = 255
        >>> round(float(stroke_width(bar)), 1)
        2.7
    """
    ink = (images >= 128).int()
    outline = ink.diff(dim=1).abs().sum(dim=(1, 2)) + ink.diff(dim=2).abs().sum(dim=(1, 2))
    return 2 * ink.sum(dim=(1, 2)) / outline.clamp_min(1)


def score(test: Mixture, rank: Mixture) -> pd.DataFrame:
    """Gives a row a score of units: what the perfect detector gets, chance, each of the six, and whether it is fooled by it."""
    sheet = Sheet(plant(test, seed=0), Sheet(plant(rank, seed=1), sets=False), sets=False)
    chance = _chance(sheet)
    rows = []
    for column in (c for c in columns() if c.of in ("both", "units")):
        perfect = column.value(sheet, PERFECT, CONCEPT)
        level = 0.0 if column.kind == ACTS else chance[column.metric, column.name]
        row: dict[str, object] = {"score": column.name, "held_against": column.kind, "perfect": perfect, "chance": level}
        values = {name: column.value(sheet, 10 + number, CONCEPT) for number, name in enumerate(FOOLS)}
        tells = abs(perfect - level) > 1e-6
        least = EFFECT if column.kind == ACTS else FOOLED
        shares = {name: (value - level) / (perfect - level) if tells else np.nan for name, value in values.items()}
        row |= values | {f"{name}_fools": share >= least if not np.isnan(share) else None for name, share in shares.items()}
        rows.append(row)
    return pd.DataFrame(rows)


def _chance(sheet: Sheet) -> dict[tuple[str, str], float]:
    """Gives what units score that answer at random: the mean of 20."""
    ranked = Sheet(_at_random(sheet.rank.readout, seed=2), sets=False)
    idle = Sheet(_at_random(sheet.readout, seed=3), ranked, sets=False)
    found = {}
    for column in (c for c in columns() if c.of in ("both", "units")):
        values = [column.value(idle, unit, CONCEPT) for unit in range(RANDOM)]
        found[column.metric, column.name] = float(np.nanmean(values)) if not np.isnan(values).all() else 0.0
    return found


def _at_random(readout: Readout, seed: int) -> Readout:
    """Gives units that answer at random, on the digits that are there, and that the head does not read."""
    assert isinstance(readout.pixels, _Maps)
    answers = torch.rand(len(readout.labels), RANDOM, generator=torch.Generator().manual_seed(seed))
    head = torch.zeros(len(readout.classes), RANDOM)
    without, logits = HeadAlgebra(answers, head, torch.zeros(len(head))), answers @ head.T
    pixels = _Spots(readout.pixels, answers[:MASKED])
    return replace(readout, response=answers, mean=answers, head=head, without=without, logits=logits, pixels=pixels)


@dataclass(frozen=True)
class _Spots:
    """Maps of units that answer at random: on the box of any of the digits that are there."""

    maps: _Maps
    response: Float[Tensor, "images units"]

    @property
    def n_concepts(self) -> int:
        """How many concepts have masks."""
        return self.maps.n_concepts

    @property
    def n_images(self) -> int:
        """How many images, the first ones, have maps."""
        return len(self.response)

    def mask(self, kind: str, concept: int, indices: Int[Tensor, " some"]) -> Bool[Tensor, "some rows cols"]:
        """Gives one concept's mask on some images."""
        return self.maps.mask(kind, concept, indices)

    def __iter__(self) -> Iterator[tuple[Int[Tensor, " some"], Float[Tensor, "some units rows cols"]]]:
        """Gives indices of images and their maps."""
        for some in torch.arange(len(self.response)).split(50):
            boxes = torch.stack([self.mask("box", c, some) for c in range(self.n_concepts)]).any(dim=0)
            yield some, self.response[some][:, :, None, None] * boxes[:, None]


def run(folder: Path, out: Path, root: str | None) -> None:
    """Writes which of the six units fools which score, on the images of the study's first net with ten digits."""
    first = next((net for net in recorded(folder) if net.settings.task == "pairs"), None)
    require(first is not None, f"the study must have a variant of the task pairs, got none in {folder}. Add one.")
    assert first is not None
    found = score(first.mixture("test", root), first.mixture("rank", root))
    notes = [
        f"Glyphs: {first.source}. Six units built to fool a score, beside a perfect detector and units that answer at random "
        f"(chance). {' '.join(f'{name}: {what}.' for name, what in FOOLS.items())} Fooled: {FOOLED:g} of the perfect detector's "
        f"score, from chance on; of what a unit is worth: {EFFECT:g} of the perfect unit's. No number: no score."
    ]
    write_table(out, "fooled", found, notes)
    fooled = [(n, ", ".join(found.loc[found[f"{n}_fools"] == True, "score"]) or "none") for n in FOOLS]  # noqa: E712 -- None is neither
    table = pd.DataFrame(fooled, columns=["unit", "fools"])
    (out / "summary.md").write_text(
        f"Units built to fool, and the scores that they fool\n\n{as_markdown(table)}\n", encoding="utf-8"
    )


def draw(home: Path, album: Album) -> None:
    """Draws which unit fools which score."""
    found = table_of(home, "fooled")
    _squares.fooled(album, found, FOOLS, _meanings(found))


def _meanings(found: pd.DataFrame) -> str:
    """Says what each kind of square means that there is."""
    told = found[[f"{name}_fools" for name in FOOLS]].astype(float).to_numpy()
    untold, empty = np.isnan(told), found[list(FOOLS)].isna().to_numpy()
    kinds = {
        "dark: fooled": told == 1,
        "light: not fooled": told == 0,
        "white with a number: the score gives a perfect detector what chance has, so nothing can fool it": untold & ~empty,
        "white without: no score": untold & empty,
    }
    said = "; ".join(what for what, squares in kinds.items() if squares.any())
    return f"{said[:1].upper()}{said[1:]}."


ANALYSIS = Analysis("Units built to fool a score", run, draw=draw)
