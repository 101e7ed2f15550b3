"""Worth: what each digit of a canvas really adds to a target, its exact Shapley value, from the canvas rendered without it.

The players are the digits, the game is the target on the canvas with some of them left out. Canvases are rendered again, so no
digit leaves a hole and nothing is guessed: with two digits four renderings say all.

Source:
    L. S. Shapley (1953), "A Value for n-Person Games". Differs: nothing; the sum over all sets of digits is taken in full.
"""

import itertools
import math
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mixmnist.core.records import require
from mixmnist.data.colour import Coloured
from mixmnist.data.mixture import Mixture
from mixmnist.visualize._targets import Target
from mixmnist.visualize.mapping import as_pixels

MOST_DIGITS = 6  # 64 renderings of each canvas
AT_ONCE = 250  # canvases run together

Canvases = Mixture | Coloured


@dataclass(frozen=True, eq=False)
class Worths:
    """What the digits of some canvases add to a target."""

    slots: Float[Tensor, "images slots"]  # of the digit in each; 0 of an empty slot
    whole: Float[Tensor, " images"]  # the target with all digits
    none: Float[Tensor, " images"]  # and with none

    def of(self, shown: Int[Tensor, "images slots"], own: Int[Tensor, " images"]) -> Float[Tensor, "images 2"]:
        """Gives the worth of one digit of each canvas, and that of all others together."""
        mine = shown == own[:, None]
        return torch.stack([(self.slots * mine).sum(dim=1), (self.slots * ~mine).sum(dim=1)], dim=1)


def some_canvases(mixture: Canvases, indices: Int[Tensor, " some"]) -> Canvases:
    """Gives some canvases of a mixture, in the order asked for."""
    if isinstance(mixture, Coloured):
        grey = some_canvases(mixture.grey, indices)
        assert isinstance(grey, Mixture)
        return replace(mixture, grey=grey)
    names = ("labels", "shown", "glyphs", "positions")
    return replace(mixture, **{name: getattr(mixture, name)[indices] for name in names})


def rendered_with(mixture: Canvases, kept: Bool[Tensor, "*images slots"]) -> Float[Tensor, "images channels rows cols"]:
    """Renders canvases with the digits of some slots alone, of the same for all or of each, where they lay; in [0, 1]."""
    if isinstance(mixture, Coloured):
        grey = mixture.grey
        without = torch.where(kept.to(grey.glyphs.device), grey.glyphs, -1)
        return as_pixels(replace(mixture, grey=replace(grey, glyphs=without)).images)
    return as_pixels(replace(mixture, glyphs=torch.where(kept.to(mixture.glyphs.device), mixture.glyphs, -1)).images)


def worths(mixture: Canvases, target: Target) -> Worths:
    """Gives the exact worth of each canvas's digits to a target.

    Args:
        mixture: Canvases, all of those that the target speaks of.
        target: Of one unit or class for all canvases, or of one for each.

    Returns:
        Worths in the target's unit; those of a canvas sum to the target with all digits less the target with none.

    Raises:
        ValueError: If a canvas shows more than six digits, whose sets are too many.
    """
    order = (mixture.shown < 0).int().argsort(dim=1, stable=True)  # images slots: filled ones first
    most = int((mixture.shown >= 0).sum(dim=1).max())
    way_out = "Choose a task with fewer digits."
    require(most <= MOST_DIGITS, f"digits must be at most {MOST_DIGITS}, got {most}: each set of them is rendered. {way_out}")
    players = order[:, :most]
    sets = list(itertools.product((False, True), repeat=most))
    values = {kept: _values(target, rendered_with(mixture, _marked(players, kept, mixture.shown))) for kept in sets}
    worth = torch.zeros(players.shape, dtype=torch.float64, device=mixture.shown.device)
    for player, kept in itertools.product(range(most), sets):
        if not kept[player]:
            joined = (*kept[:player], True, *kept[player + 1 :])
            orders = math.factorial(sum(kept)) * math.factorial(most - sum(kept) - 1) / math.factorial(most)
            worth[:, player] += orders * (values[joined] - values[kept])
    slots = torch.zeros(mixture.shown.shape, dtype=torch.float64, device=worth.device).scatter(1, players, worth)
    return Worths(slots, values[sets[-1]], values[sets[0]])


def _marked(players: Int[Tensor, "images most"], kept: tuple[bool, ...], like: Tensor) -> Bool[Tensor, "images slots"]:
    """Marks the slots of the players that are kept."""
    marks = torch.tensor(kept, device=like.device).expand(players.shape)
    return torch.zeros(like.shape, dtype=torch.bool, device=like.device).scatter(1, players, marks)


def _values(target: Target, x: Float[Tensor, "images channels rows cols"]) -> Float[Tensor, " images"]:
    every = torch.arange(len(x), device=x.device)
    return torch.cat([target.some(part).values(x[part]).double() for part in every.split(AT_ONCE)])
