"""Fitted dictionaries: directions in a layer's cells, and how a cell is written with them."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

Encode = Callable[[Float[Tensor, "cells units"]], Float[Tensor, "cells atoms"]]


@dataclass(frozen=True, eq=False)
class Fitted:
    """A dictionary: a cell is about `encode(cell) @ atoms + offset`.

    `encode` is made of torch's operations and answers for each cell by itself, whatever the others are.
    """

    atoms: Float[Tensor, "atoms units"]
    encode: Encode
    offset: Float[Tensor, " units"]
    said: str = ""  # of a fit that did not converge: what it reached
    copies: bool = False  # as many directions as units: it can copy every cell, and what it explains proves nothing

    @property
    def n_atoms(self) -> int:
        """Number of atoms."""
        return len(self.atoms)

    def decode(self, codes: Float[Tensor, "*cells atoms"]) -> Float[Tensor, "*cells units"]:
        """Gives the cells that codes stand for."""
        cells: Tensor = codes @ self.atoms + self.offset
        return cells

    def stretched(self, by: float) -> "Fitted":
        """Gives the same dictionary for cells that are longer by a factor: codes stay, atoms grow."""
        encode = self.encode
        return replace(self, atoms=self.atoms * by, offset=self.offset * by, encode=lambda cells: encode(cells / by))

    def in_half_waves(self) -> "Fitted":
        """Gives two atoms for each that has signed codes: one for what is above 0, one for what is below."""
        encode = self.encode

        def halves(cells: Tensor) -> Tensor:
            codes = encode(cells)
            return torch.cat([codes, -codes], dim=1).relu()

        return replace(self, atoms=torch.cat([self.atoms, -self.atoms]), encode=halves)


def unit_rows(atoms: Float[Tensor, "*some units"]) -> Float[Tensor, "*some units"]:
    """Gives directions of length 1; what has no length stays 0."""
    length: Tensor = atoms.norm(dim=-1, keepdim=True)
    return atoms / length.clamp_min(1e-12)
