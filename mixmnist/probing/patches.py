"""Which patch of the image each token stands for: read from the gradient of tokens with respect to the image, never assumed."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from mixmnist.probing.axes import as_maps
from mixmnist.probing.running import Images, editing, plainly

NOISE = 16  # random images whose gradients together show a cell's whole field
BESIDE = 5  # tokens that may stand before or after those of the patches: a class token and four registers
ASKED = 12  # tokens, spread over all, whose gradients are looked at
FEWEST = 4  # of them must lie on the grid


@dataclass(frozen=True)
class Patches:
    """A grid of patches, in reading order, for which tokens stand."""

    rows: int
    cols: int
    first: int
    """Number of tokens before that of the first patch."""

    def as_grid(self, maps: Float[Tensor, "images units tokens"]) -> Float[Tensor, "images units rows cols"]:
        """Gives maps of tokens as maps of rows and columns; tokens that stand for no patch are left out."""
        grid: Tensor = maps[:, :, self.first : self.first + self.rows * self.cols].unflatten(2, (self.rows, self.cols))
        return grid


def with_gradient(net: nn.Module, module: nn.Module, images: Images) -> tuple[Tensor, Float[Tensor, "noise channels rows cols"]]:
    """Runs the net on random images, for gradients of a layer's output with respect to them; gives both."""
    rows, cols = images.pixels.shape[-2:]
    channels = images.pixels.shape[1] if images.pixels.ndim == 4 else 1
    noise = torch.rand(NOISE, channels, rows, cols, generator=torch.Generator().manual_seed(0)).to(images.like)
    x = noise.requires_grad_()
    found: list[Tensor] = []

    def take(output: Tensor) -> Tensor:
        found.append(output)
        return output

    with editing(module, take), plainly(net, x.device), torch.enable_grad():
        copy = x.clone()  # what gradients lead to cannot be written into
        net(copy if images.transform is None else images.transform(copy))
    return found[0], x


def find_patches(net: nn.Module, module: nn.Module, images: Images, axis: int) -> Patches | None:
    """Finds the grid of patches that a layer's tokens stand for; None if their gradients show none.

    A token stands for a patch if the image's pixels move it most there. Some tokens, spread over all, must do so for one grid of
    square patches (or as many rows as columns) and one number of tokens before it.
    """
    try:
        output, x = with_gradient(net, module, images)
        maps = _weighted(as_maps(output, axis))  # noise tokens
        n_tokens = maps.shape[1]
        grids = _grids(n_tokens, *x.shape[-2:])
        asked = sorted({round(place) for place in torch.linspace(0, n_tokens - 1, ASKED).tolist()})
        energies = {token: energy(maps[:, token], x) for token in asked} if grids else {}
    except RuntimeError:  # no gradient reaches the image
        return None
    for rows, cols in grids:
        pooled = {token: F.adaptive_avg_pool2d(one[None, None], (rows, cols)).flatten() for token, one in energies.items()}
        strongest = {token: int(one.argmax()) for token, one in pooled.items() if one.max() > one.min()}
        for first in range(n_tokens - rows * cols + 1):
            inside = [token for token in asked if 0 <= token - first < rows * cols]
            if len(inside) >= FEWEST and all(strongest.get(token) == token - first for token in inside):
                return Patches(rows, cols, first)
    return None


def lies_straight(net: nn.Module, module: nn.Module, images: Images, axis: int) -> bool:
    """Says whether what a map's cells see moves along the image's rows with the map's rows, and so its columns.

    False only if it moves the other way or more across than along; where it does not move, or no gradient reaches the image,
    nothing is known.
    """
    try:
        output, x = with_gradient(net, module, images)
        maps = _weighted(as_maps(output, axis)).unflatten(1, output.movedim(axis, 1).shape[2:])  # noise rows cols
        last = [maps.shape[1] - 1, maps.shape[2] - 1]
        centres = {(row, col): _centre(energy(maps[:, row, col], x)) for row in (0, last[0]) for col in (0, last[1])}
    except RuntimeError:
        return True
    for along in (0, 1):
        for other in (0, last[1 - along]):
            near, far = ((0, other), (last[0], other)) if along == 0 else ((other, 0), (other, last[1]))
            move = centres[far] - centres[near]
            if last[along] and (move[1 - along].abs() > move[along].abs() or move[along] < 0):
                return False
    return True


def energy(values: Float[Tensor, " noise"], x: Float[Tensor, "noise channels rows cols"]) -> Float[Tensor, "rows cols"]:
    """Says how strongly each pixel moves some values, over all images and channels."""
    (grad,) = torch.autograd.grad(values.sum(), x, retain_graph=True)
    return grad.abs().sum((0, 1))


def _weighted(maps: Float[Tensor, "noise units places"]) -> Float[Tensor, "noise places"]:
    """Sums units with fixed random signs: after a layer norm their plain sum never moves."""
    signs = torch.randint(0, 2, (maps.shape[1],), generator=torch.Generator().manual_seed(0)) * 2 - 1
    return torch.einsum("nup,u->np", maps, signs.to(maps))


def _grids(n_tokens: int, rows: int, cols: int) -> list[tuple[int, int]]:
    """Lists grids of patches that fill most of some tokens: of square patches, or with as many rows as columns."""
    found = []
    for n in range(n_tokens, max(FEWEST, n_tokens - BESIDE) - 1, -1):
        side, down = math.isqrt(n), math.isqrt(n * rows // cols)
        grids = {(side, side), (down, n // max(down, 1))}
        found += sorted(grid for grid in grids if grid[0] * grid[1] == n and min(grid) >= 2)
    return found


def _centre(energies: Float[Tensor, "rows cols"]) -> Float[Tensor, "2"]:
    """Gives the centre of mass, as shares of the image's rows and columns."""
    shares = energies / energies.sum()
    rows, cols = (torch.linspace(0, 1, length).to(shares) for length in shares.shape)
    return torch.stack([(shares.sum(1) * rows).sum(), (shares.sum(0) * cols).sum()])
