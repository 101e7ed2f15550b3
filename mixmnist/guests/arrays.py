"""Readouts from arrays alone, for those who have activations and no torch module: numpy, torch, or what numpy can read."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray
from torch import Tensor

from mixmnist.core.npz import read_npz
from mixmnist.core.readout import Readout
from mixmnist.core.records import require
from mixmnist.probing.axes import fault_of
from mixmnist.probing.fields import spread

LAYER = "arrays"  # what the layer is called
LARGEST = 1e15  # whose square still has a mean
RANK = "rank_"  # before the names of arrays of other images in a file
SHAPES = {
    "response": "[images, units]",
    "present": "[images, concepts]",
    "mean": "[images, units]",
    "maps": "[images, units, rows, cols]",
    "masks": "[images, concepts, rows, cols]",
    "logits": "[images, classes]",
    "labels": "[images]",
}


@dataclass(frozen=True, eq=False)
class Arrays:
    """What is known of one layer on some images; each an array of any library that numpy can read."""

    response: Any
    """[images, units]: how strongly each unit responds to each image, say the maximum of its map."""
    present: Any
    """[images, concepts]: which concepts each image shows, true or false."""
    mean: Any = None
    """[images, units]: the mean of each map; by default that of `maps`, else the response."""
    maps: Any = None
    """[images, units, rows, cols]: maps, of any size; their cells are taken as spread evenly over the image."""
    masks: Any = None
    """[images, concepts, rows, cols]: true where a concept's ink is, at the images' size."""
    logits: Any = None
    """[images, classes]: what the network says of the classes."""
    labels: Any = None
    """[images]: the class of each image, from 0."""
    concepts: Any = None
    """Names of the concepts; by default their numbers."""

    def readout(self) -> Readout:
        """Gives the arrays as a readout of the layer `arrays`.

        Raises:
            ValueError: On shapes that do not fit, objects, or numbers that are none.
        """
        for name in ("response", "present"):
            require(getattr(self, name) is not None, f"{name} must be given, got None. It is {SHAPES[name]}.")
        known = {name: _tensor(name, getattr(self, name)) for name in SHAPES if getattr(self, name) is not None}
        n_images, n_units, n_concepts = (*known["response"].shape, known["present"].shape[1])
        sizes = {"images": n_images, "units": n_units, "concepts": n_concepts}
        for name, tensor in known.items():
            axes = SHAPES[name].strip("[]").split(", ")
            for axis, size in zip(axes, tensor.shape, strict=True):
                wanted = sizes.get(axis, size)
                require(
                    size == wanted,
                    f"arrays must agree on the number of {axis}, got {size} in {name} and {wanted} in "
                    f"{'present' if axis == 'concepts' else 'response'}. Save them from the same pass.",
                )
        missing = [a for a, b in (("logits", "labels"), ("maps", "masks")) if (a in known) != (b in known)]
        require(not missing, "logits need labels, and maps need masks, got one without the other. Give both or none.")
        return self._as_readout(known, _names(self.concepts, n_concepts))

    def _as_readout(self, known: Mapping[str, Tensor], concepts: tuple[str, ...]) -> Readout:
        response, logits = known["response"], known.get("logits")
        maps, masks = known.get("maps"), known.get("masks")
        n_images, n_classes = len(response), 0 if logits is None else logits.shape[1]
        labels = known.get("labels", torch.zeros(n_images)).long()
        inside = n_classes == 0 or (int(labels.min()) >= 0 and int(labels.max()) < n_classes)
        require(inside, f"labels must lie in 0..{n_classes - 1}, the columns of logits, got {labels.min()}..{labels.max()}.")
        mean = known["mean"] if "mean" in known else response if maps is None else maps.mean((2, 3))
        return Readout(
            layer=LAYER,
            concepts=concepts,
            classes=tuple(str(c) for c in range(n_classes)),
            response=response,
            mean=mean.to(response.dtype),
            present=known["present"],
            labels=labels,
            glyphs=torch.full((n_images, 0), -1),
            logits=logits,
            pixels=None if maps is None or masks is None else ArrayPixels(maps, masks),
        )


@dataclass(frozen=True, eq=False)
class ArrayPixels:
    """Given maps, scaled up to the given masks' size, beside them."""

    maps: Float[Tensor, "images units rows cols"]
    ink: Bool[Tensor, "images concepts tall wide"]

    @property
    def n_concepts(self) -> int:
        """How many concepts have masks."""
        return self.ink.shape[1]

    @property
    def n_images(self) -> int:
        """How many images, the first ones, have maps."""
        return len(self.maps)

    def __iter__(self) -> Iterator[tuple[Int[Tensor, " some"], Float[Tensor, "some units rows cols"]]]:
        """Gives indices of images and their maps, one value a pixel."""
        down, across = (
            spread(cells, pixels, pixels / cells, pixels / cells / 2 - 0.5)
            for cells, pixels in zip(self.maps.shape[2:], self.ink.shape[2:], strict=True)
        )
        batch = max(1, 2**23 // (self.maps.shape[1] * self.ink[0, 0].numel()))
        for indices in torch.arange(len(self.maps)).split(batch):
            yield indices, down @ self.maps[indices] @ across.T

    def mask(self, kind: str, concept: int, indices: Int[Tensor, " some"]) -> Bool[Tensor, "some rows cols"]:
        """Gives one concept's ink, or the smallest box that holds it, on some images."""
        ink = self.ink[indices, concept]
        if kind == "ink":
            return ink
        down, across = ink.any(dim=2), ink.any(dim=1)
        return _between(down)[:, :, None] & _between(across)[:, None, :]


def _between(marks: Bool[Tensor, "some places"]) -> Bool[Tensor, "some places"]:
    """Fills each row from its first mark to its last."""
    return marks.cummax(dim=1).values & marks.flip(1).cummax(dim=1).values.flip(1)


def read_arrays(path: str | Path) -> tuple[Arrays, Arrays | None]:
    """Reads an .npz with the arrays, and, under the same names after `rank_`, those of other images, if it has them.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no .npz, or lacks response and present, or holds other names or objects.
    """
    way_out = "Save it with np.savez(path, response=..., present=...)."
    found = read_npz(path, "arrays", way_out)
    names = [field.name for field in fields(Arrays)]
    other = sorted(set(found) - set(names) - {RANK + name for name in names})
    require(not other, f"arrays must be named {', '.join(names)}, or so after {RANK}, got {', '.join(other)} in {path}.")
    own, rank = ({n: found[before + n] for n in names if before + n in found} for before in ("", RANK))
    for kind, given in (("", own), (RANK, rank)):
        lacking = [kind + name for name in ("response", "present") if name not in given]
        require(not lacking or (kind and not given), f"{path} must hold {' and '.join(lacking)}. {way_out}")
    return Arrays(**own), Arrays(**rank) if rank else None


def _tensor(name: str, given: Any) -> Tensor:  # noqa: ANN401 -- an array of any library
    """Turns an array into a tensor on the processor; checks axes, kind and that every number is one.

    What is compared, present, masks and labels, keeps its values; all else becomes float64, or float32 if it has no more digits.
    """
    array = _array(name, given)
    axes = SHAPES[name].count(",") + 1
    got = list(array.shape)
    require(array.ndim == axes and array.size > 0, f"{name} must be {SHAPES[name]} and not empty, got {got}. Reshape it.")
    bad = int((~np.isfinite(array)).sum())
    require(bad == 0, f"{name} must hold finite numbers, got {bad} that are nan or infinite. Leave those images out.")
    if name in ("present", "masks"):
        require(bool(np.isin(array, (0, 1)).all()), f"{name} must be true or false, got numbers besides 0 and 1.")
        return torch.from_numpy(array.astype(bool))
    if name == "labels":
        require(bool((array == np.floor(array)).all()), "labels must be whole numbers, got fractions. Give class numbers.")
        return torch.from_numpy(array.astype(np.int64))
    short = array.dtype.kind == "b" or array.dtype.itemsize <= (4 if array.dtype.kind == "f" else 2)
    numbers = array.astype(np.float32 if short else np.float64)
    largest = float(np.abs(numbers).max())
    require(
        largest <= LARGEST, f"{name} must not exceed {LARGEST:g}, got {largest:g}. Scale it: only the order and ratios count."
    )
    return torch.from_numpy(numbers)


def _array(name: str, given: Any) -> NDArray[Any]:  # noqa: ANN401 -- an array of any library
    if isinstance(given, Tensor):
        odd = given.layout != torch.strided or given.is_quantized
        fault = "a tensor without data" if given.is_meta else fault_of(given) if odd else None
        require(fault is None, f"{name} must be a dense tensor of plain numbers, got {fault}. Convert it: to_dense, dequantize.")
        given = given.detach().cpu()
        given = (given.float() if given.dtype == torch.bfloat16 else given).numpy()
    require(not np.ma.is_masked(given), f"{name} must have no masked entries, got some. Leave those images out.")
    try:
        array = np.asarray(given)
    except ValueError as error:
        raise ValueError(f"{name} must be {SHAPES[name]}, got rows of different lengths. Make them equal.") from error
    require(
        array.dtype.kind in "buif",
        f"{name} must hold numbers, got {array.dtype}. Convert it, e.g. with np.asarray({name}, dtype=np.float32).",
    )
    return array


def _names(concepts: Any, n: int) -> tuple[str, ...]:  # noqa: ANN401 -- a list or an array
    names = tuple(str(c) for c in (range(n) if concepts is None else concepts))
    require(len(set(names)) == len(names) == n, f"concepts must be {n} different names, one a column of present, got {names}.")
    return names
