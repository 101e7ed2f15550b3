"""Bases of a layer: its units and the atoms of dictionaries, all fitted on clean rank canvases and read on any images."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from mixmnist.core.thresholds import THRESHOLD
from mixmnist.features.cells import CELLS, cells_of
from mixmnist.features.fitted import Fitted
from mixmnist.features.fitting import fit_dictionary, most_atoms
from mixmnist.features.measuring import read_codes
from mixmnist.metrics.average_precision import average_precision
from mixmnist.metrics.f1 import best_threshold
from mixmnist.probing import Drawn, check_layers
from mixmnist.probing.axes import as_maps, checked
from mixmnist.probing.running import BATCH, forward, up_to

UNITS = "units"
DICTIONARIES = ("ica", "sparse")
BASES = (UNITS, *DICTIONARIES)
ATOMS = 20
RANK = 2_500  # canvases that thresholds and dictionaries are fitted on, the first ones
Maps = Float[Tensor, "images units places"]


@dataclass(frozen=True, eq=False)
class Detectors:
    """The best detector of each concept, chosen on rank canvases, and when it fires."""

    which: Int[Tensor, " concepts"]
    there: Bool[Tensor, " concepts"]  # whether it has an alignment of .80 or more
    threshold: Float[Tensor, " concepts"]  # with the highest F1 on rank canvases

    def fire(self, response: Float[Tensor, "images units"]) -> Bool[Tensor, "images concepts"]:
        """Says of which concepts the detector fires; never where there is none."""
        return (response[:, self.which] >= self.threshold) & self.there


@dataclass(frozen=True, eq=False)
class Basis:
    """Directions in a layer's cells, read as the highest value over an image's cells."""

    name: str
    detectors: Detectors
    fitted: Fitted | None = None  # None: the units themselves

    def read(self, maps: Maps) -> Float[Tensor, "images atoms"]:
        """Gives the response of each unit or atom."""
        return _read(self.fitted, maps)


def pixels(mixture: Drawn) -> Float[Tensor, "images 1 rows cols"]:
    """Gives canvases as a net takes them, in [0, 1]."""
    return mixture.images[:, None].float() / 255


def maps_of(net: nn.Module, layer: str, images: Float[Tensor, "images 1 rows cols"]) -> Maps:
    """Reads a layer's maps of images in [0, 1]."""
    module = check_layers(net, (layer,))[layer]
    return torch.cat([as_maps(checked(up_to(net, module, part), layer), 1) for part in images.split(BATCH)])


def logits_of(net: nn.Module, images: Float[Tensor, "images 1 rows cols"]) -> Float[Tensor, "images classes"]:
    """Gives a net's answers to images in [0, 1]."""
    return torch.cat([forward(net, part) for part in images.split(BATCH)])


def fit_bases(maps: Maps, present: Bool[Tensor, "images concepts"], names: Sequence[str] = BASES) -> list[Basis]:
    """Fits bases on a layer's maps of rank canvases, and chooses the detectors of each.

    Where all units are dead or constant no direction says anything: each basis is then the units, and has no detector.

    Args:
        maps: Of rank canvases.
        present: What they show; dictionaries do not see it.
        names: Of the bases: units, or a dictionary.
    """
    cells, found = cells_of(maps, present).some(CELLS, seed=0), []
    varies = len(cells) > 0 and cells.independent > 0
    for name in names:
        fitted = None if name == UNITS or not varies else fit_dictionary(name, cells, most_atoms(name, cells, ATOMS))[0]
        found.append(Basis(name, choose_detectors(_read(fitted, maps), present), fitted))
    return found


def choose_detectors(response: Float[Tensor, "images units"], present: Bool[Tensor, "images concepts"]) -> Detectors:
    """Chooses the best detector of each concept, and the threshold at which it tells the concept best.

    Example:
        >>> response = torch.tensor([[9.0, 1.0], [8.0, 1.0], [1.0, 1.0], [0.0, 1.5]])
        >>> found = choose_detectors(response, torch.tensor([[1, 0], [1, 0], [0, 1], [0, 0]]).bool())
        >>> found.there.tolist(), found.which[0].item(), found.threshold[0].item()
        ([True, False], 0, 8.0)
    """
    alignment = average_precision(response, present).nan_to_num(-1)
    best, which = alignment.max(dim=0)
    known = best_threshold(response, present)[which, torch.arange(len(which))]
    return Detectors(which, best >= THRESHOLD, known.nan_to_num(torch.inf))


def _read(fitted: Fitted | None, maps: Maps) -> Float[Tensor, "images atoms"]:
    if fitted is None:
        return maps.amax(dim=2)
    nothing = torch.zeros(len(maps), 1, dtype=torch.bool)  # nobody asks here what the images show
    return read_codes(fitted, cells_of(maps, nothing))[0]
