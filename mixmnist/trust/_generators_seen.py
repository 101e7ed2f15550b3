"""Figures of generators that show images: samples with what is read, and units with where their maps are high."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.collections import LineCollection
from numpy.typing import NDArray

from mixmnist.report.drawing import Album, Nothing, title
from mixmnist.report.pictures import outline
from mixmnist.report.seen import Picture, Sheet, draw_sheet

COLUMNS = 8  # samples of a variant
GAP = 2  # pixels between the images of a unit
LINE = "#ffe000"
DIM = 0.45  # of the light that is left outside of a region


def samples(album: Album, pictures: Mapping[str, NDArray[Any]], quality: pd.DataFrame) -> None:
    """Shows the first samples of each variant's first net, each with what is read on it."""
    shown = [str(name).removesuffix(" samples") for name in pictures if str(name).endswith(" samples")]
    if not shown:
        raise Nothing("no samples were kept.")
    rows, names, cells = [], [], []
    for variant in shown:
        images, read, valid = (pictures[f"{variant} {what}"] for what in ("samples", "read", "valid"))
        first = quality[quality["variant"].eq(variant)].iloc[0]
        names.append((variant, f"valid {first['valid']:.2f}", f"of {first['valid_real']:.2f}"))
        n = min(COLUMNS, len(images))
        told = zip(images[:n], read[:n].tolist(), valid[:n].tolist(), strict=True)
        cells.append(tuple((Picture(image / 255, below=(said,), good=bool(good)),) for image, said, good in told))
        known = enumerate(zip(read[:n].tolist(), valid[:n].tolist(), strict=True))
        rows += [
            {"variant": variant, "seed": first["seed"], "sample": i, "read": said, "valid": good} for i, (said, good) in known
        ]
    sheet = Sheet(tuple(names), ("",) * len(cells[0]), tuple(cells))
    text = (
        "The first samples of the first net of each variant, none of them chosen. Below: the digits that the judge reads. A "
        "thick frame: valid (two different digits, no junk, sure); a dashed one: not. Beside: share of valid samples, of the "
        "same share of real canvases."
    )
    album.save(draw_sheet(sheet, album.look), pd.DataFrame(rows), "samples", text)


def units(album: Album, pictures: Mapping[str, NDArray[Any]], table: pd.DataFrame, variant: str) -> None:
    """Shows of each digit the unit with the largest IoU on the samples on which it is highest, where its map is high outlined."""
    if f"{variant} units" not in pictures:
        raise Nothing(f"no pictures of units of {variant} were kept.")
    chosen, tops, regions = (pictures[f"{variant} {what}"] for what in ("units", "tops", "regions"))
    own = table[table["variant"].eq(variant)]
    own = own[own["seed"].eq(own["seed"].min())].set_index("unit")
    digits = [digit for digit in range(len(chosen)) if chosen[digit] >= 0]
    if not digits:
        raise Nothing(f"no unit of {variant} is any digit's own.")
    figure, axes = album.make(len(digits), 0.86, 3.2)
    rows = []
    for ax, digit in zip(axes, digits, strict=True):
        unit = own.loc[int(chosen[digit])]
        gap = np.full((tops.shape[2], GAP), 255, dtype=np.uint8)
        light = [_dimmed(image, region) for image, region in zip(tops[digit], regions[digit], strict=True)]
        strip = np.concatenate([part for image in light for part in (image, gap)], axis=1)
        ax.imshow(strip, cmap="gray", vmin=0, vmax=255)
        for place, region in enumerate(regions[digit]):
            edges = outline(region.astype(bool)) + np.array([place * (tops.shape[3] + GAP), 0])
            ax.add_collection(LineCollection(list(edges), colors=LINE, linewidths=0.8))
        ax.set_axis_off()
        title(ax, f"{digit}: unit {int(chosen[digit])}, IoU {unit['iou']:.2f}, clean {unit['clean']:.2f}")
        rows.append(
            {"variant": variant, "digit": digit, "unit": int(chosen[digit]), **unit[["iou", "alignment", "clean", "ace"]]}
        )
    text = (
        f"{variant}, first net: of each digit that is some unit's own the unit with the largest IoU, on the samples on which it "
        "is highest. Outlined, and in full light: where the map, scaled up, is as high as on as many pixels as the digit has. "
        "Clean: share of samples from which its removal alone takes the digit and nothing else. Digits that are no unit's own "
        "are left out."
    )
    album.save(figure, pd.DataFrame(rows), f"units_{variant}", text)


def _dimmed(image: NDArray[np.uint8], region: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Leaves a region in full light; elsewhere the picture is darker."""
    light: NDArray[np.float64] = image.astype(np.float64) * np.where(region > 0, 1.0, DIM)
    return light.round().astype(np.uint8)
