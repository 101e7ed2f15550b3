"""The best atom of each digit beside its best unit: the images on which they are highest, and where."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Int
from matplotlib.axes import Axes
from numpy.typing import NDArray
from torch import Tensor

from mixmnist.core.npz import read_npz
from mixmnist.core.readout import Readout
from mixmnist.features.atoms import read_atoms
from mixmnist.features.cells import CELLS, read_cells
from mixmnist.features.fitting import fit_dictionary, most_atoms, named
from mixmnist.metrics.average_precision import average_precision
from mixmnist.probing import probe
from mixmnist.probing.fields import Pixels
from mixmnist.report.drawing import SMALL, STYLES, Album
from mixmnist.report.pictures import GAP, REGION, short, strip
from mixmnist.trust._layers import IMAGES, first, table_of
from mixmnist.trust._networks import Recorded
from mixmnist.trust._regions import regions

SHOWN = 7  # images of each
NAME = "best_atoms"
SIDES = ("unit", "atom")


def write(out: Path, chosen: Sequence[tuple[Recorded, str]], atoms: int, root: str | None) -> None:
    """Writes what is shown of some nets, each with a dictionary, into an analysis's folder: a table, and images with regions."""
    tables, arrays = [], dict[str, NDArray[np.uint8]]()
    for net, spec in chosen:
        table, images, masks = _seen(net, spec, atoms, root)
        tables.append(table)
        arrays |= {f"{net.variant}_images": images, f"{net.variant}_masks": np.packbits(masks, axis=-1)}
    if tables:
        pd.concat(tables).to_csv(out / f"{NAME}.csv", index=False, float_format="%.4g")
        np.savez_compressed(out / f"{NAME}.npz", **arrays)  # type: ignore[arg-type]  # its stubs take only named arrays


def _seen(net: Recorded, spec: str, atoms: int, root: str | None) -> tuple[pd.DataFrame, NDArray[np.uint8], NDArray[np.bool_]]:
    """Gives a row a digit and side, their images [rows, shown, rows, cols] and where on these units and atoms are high."""
    module, (rank, test) = net.net(), (first(net.mixture(split, root), IMAGES) for split in ("rank", "test"))
    name, settings = named(spec)
    cells = read_cells(module, net.mixture("rank", root), net.layer).some(CELLS, seed=0)
    (fitted,) = fit_dictionary(name, cells, most_atoms(name, cells, atoms), (0,), settings)
    rows, images, masks = [], [], []
    for side in SIDES:
        readout, thresholds = (
            probe(module, mixture, net.layer) if side == "unit" else read_atoms(module, mixture, net.layer, fitted)
            for mixture in (test, rank)
        )
        alignment = average_precision(readout.response, readout.present).nan_to_num(-1)
        best, found_in = alignment.max(dim=0)
        tops = readout.response.argsort(dim=0, descending=True, stable=True)[:SHOWN].T  # units shown
        assert isinstance(thresholds.pixels, Pixels)
        found = regions(thresholds.pixels, test.images[tops])
        for digit, (value, unit) in enumerate(zip(best.tolist(), found_in.tolist(), strict=True)):
            rows.append({"variant": net.variant, "seed": net.seed, "dictionary": spec, "digit": readout.concepts[digit]})
            rows[-1] |= {"what": side, "unit": unit, "alignment": value, "showing": _showing(readout, tops[unit], digit)}
            images.append(test.images[tops[unit]].numpy())
            masks.append(found.mask(unit))
    return pd.DataFrame(rows), np.stack(images), np.stack(masks)


def _showing(readout: Readout, places: Int[Tensor, " shown"], digit: int) -> int:
    """Counts the images that show the digit."""
    return int(readout.present[places][:, digit].sum())


def draw(home: Path, album: Album) -> None:
    """Draws a figure a net: a row a digit, left its best unit's images, right its best atom's, the regions outlined."""
    if not (home / f"{NAME}.csv").is_file():
        return
    table, arrays = table_of(home, NAME), read_npz(home / f"{NAME}.npz", "images", "Run the study again.")
    for variant, rows in table.groupby("variant", sort=False):
        own = rows.reset_index(drop=True)
        images, packed = arrays[f"{variant}_images"], arrays[f"{variant}_masks"]
        masks = np.unpackbits(packed, axis=-1, count=images.shape[-1]).astype(bool)
        digits = list(dict.fromkeys(own["digit"]))
        figure, axes = album.make(len(digits), 0.66, 6.0)
        for ax, digit in zip(axes, digits, strict=True):
            _row(ax, own[own["digit"] == digit], images, masks, SMALL * STYLES[album.look.style])
        seed, spec = own["seed"].iloc[0], own["dictionary"].iloc[0]
        text = (
            f"{variant}, seed {seed}: for each digit the best single unit (left) and the best atom of {spec} (right), which was "
            f"fitted without labels: the {SHOWN} test canvases on which it is highest, with its alignment (chance is near .20). "
            f"{REGION.replace('unit', 'unit or atom', 1)}"
        )
        album.save(figure, own, f"{NAME}_{variant}", text)


def _row(ax: Axes, rows: pd.DataFrame, images: NDArray[np.uint8], masks: NDArray[np.bool_], size: float) -> None:
    """Shows a digit's unit and atom."""
    width = (images.shape[-1] + 1) * SHOWN
    for place, (number, (_, row)) in enumerate(zip(rows.index.tolist(), rows.iterrows(), strict=True)):
        start = place * (width + 2 * GAP)
        strip(ax, images[number], masks[number], dim=0.55, start=start)
        said = f"{row['what']} {row['unit']}, alignment {short(row['alignment'])}"
        ax.text(start, -3, f"digit {row['digit']}: {said}" if place == 0 else said, fontsize=size, va="bottom")
