"""Packing: exhibits as what a browser reads, within a budget of bytes: numbers as base64, images as sheets of PNG."""

import base64
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from mixmnist.page.exhibit import ORDERS, Bench, Exhibit

UNITS = 240  # units shown in all grids of a page together: their images are what takes room
FEWEST_UNITS = 10  # shown of each layer, however many layers there are
BENCHES = 1_500_000  # bytes of all means on a page together
HEAT = 16  # steps of a map as it is drawn
WARM = (255, 120, 0)  # its colour: an orange that stands out from black and from white ink
OPAQUE = 0.8  # at its highest
SHARE = 65_534  # steps of a share in [0, 1]; one more stands for nan
SCORES = (
    "unit dead concept alignment alignment_mean chance null_95 p_layer corrected drop drop_mean drop_resample max_class_drop "
    "max_class concept_drop selectivity precision_at_100 precision_at_recall_50 iou_box_matched group_size group_drop"
).split()


def pack(exhibits: Sequence[Exhibit], folder: Path) -> list[dict[str, Any]]:
    """Writes the sheets of images into a folder and gives everything else, ready for JSON.

    Of a layer with more units than there is room for, those with the highest alignment are shown; its bench has them all. Benches
    share their room by images: each counts on the same number of them.
    """
    room = max(FEWEST_UNITS, UNITS // max(1, len(exhibits)))
    bytes_an_image = sum(4 * _numbers_an_image(e.bench) for e in exhibits if e.bench is not None)
    n = max(1, BENCHES // max(1, bytes_an_image))
    return [_packed(exhibit, f"e{number}", room, n, folder) for number, exhibit in enumerate(exhibits)]


def _numbers_an_image(bench: Bench) -> int:
    """Says how many numbers a bench keeps of each image."""
    left = 0 if bench.left is None else bench.left.shape[1]
    n: int = bench.means.shape[1] + left
    return n


def _packed(exhibit: Exhibit, key: str, room: int, n: int, folder: Path) -> dict[str, Any]:
    shown = _shown(exhibit, room)
    for end in ("top", "bottom"):
        write_sheet(getattr(exhibit, end)[shown], folder / f"{key}-{end}.png")
    if exhibit.maps is not None:
        write_heat(exhibit.maps[shown], folder / f"{key}-maps.png")
    packed = asdict(exhibit.about) | {
        "key": key,
        "fingerprint": exhibit.fingerprint,
        "layer": exhibit.layer,
        "concepts": list(exhibit.concepts),
        "classes": list(exhibit.classes),
        "pairs": pairs_of(exhibit.classes, exhibit.concepts),
        "images": exhibit.n_images,
        "dropped_on": exhibit.dropped_on,
        "n_units": exhibit.n_units,
        "units": _rows(exhibit.units.iloc[shown]),
        "every": _rows(exhibit.units[["unit", "dead", "concept", "alignment"]]),
        "prevalence": exhibit.prevalence.tolist(),
        "alignment": numbers(exhibit.alignment[shown]),
        "ks": exhibit.ks.tolist(),
        "recalls": exhibit.recalls.tolist(),
        "precision_at_k": shares(exhibit.precision_at_k[shown]),
        "precision_at_recall": shares(exhibit.precision_at_recall[shown]),
        "drops": None if exhibit.drops is None else numbers(exhibit.drops[shown]),
        "size": list(exhibit.top.shape[2:4]),
        "accuracy": exhibit.accuracy,
        "histogram": _histogram(exhibit, shown),
        "maps": exhibit.maps is not None,
        "fields": None if exhibit.fields is None else exhibit.fields[shown].tolist(),
    }
    for end in ("top", "bottom"):
        packed[f"{end}_shows"] = [
            [np.flatnonzero(i).tolist() for i in unit] for unit in getattr(exhibit, f"{end}_present")[shown]
        ]
        packed[f"{end}_response"] = np.round(getattr(exhibit, f"{end}_response")[shown].astype(float), 3).tolist()
    packed["bench"] = None if exhibit.bench is None else _bench(exhibit.bench, key, n, folder)
    return packed


def _histogram(exhibit: Exhibit, shown: NDArray[np.int64]) -> dict[str, Any] | None:
    """Gives how many images are in each step of each unit's responses, and which share of them shows each concept."""
    if exhibit.counts is None or exhibit.counts_of is None or exhibit.ends is None:
        return None  # of an exhibit that was made before there were any
    counts, of = exhibit.counts[shown], exhibit.counts_of[shown]
    with_nan = np.divide(of, counts[:, None], out=np.full(of.shape, np.nan, np.float32), where=counts[:, None] > 0)
    ends = [[float(f"{end:.4g}") for end in unit] for unit in exhibit.ends[shown].tolist()]
    return {"counts": counts.tolist(), "shares": shares(with_nan), "ends": ends}


def _shown(exhibit: Exhibit, room: int) -> NDArray[np.int64]:
    """Gives the units with the highest alignment that there is room for, in their order."""
    falling = np.argsort(-np.nan_to_num(exhibit.units["alignment"].to_numpy(float), nan=-1), kind="stable")
    return np.sort(falling[:room])


def _rows(units: pd.DataFrame) -> list[dict[Any, Any]]:
    """Gives a dictionary a unit; what is no number is None."""
    known = units[[c for c in SCORES if c in units]].astype(object)
    return [dict(row) for _, row in known.where(known.notna(), None).iterrows()]


def _bench(bench: Bench, key: str, n: int, folder: Path) -> dict[str, Any]:
    write_sheet(bench.samples[None], folder / f"{key}-samples.png")
    means, labels = bench.means[:n], bench.labels[:n]
    return {
        "n": len(means),
        "means": numbers(means),
        "labels": labels.tolist(),
        "weight": numbers(bench.weight),
        "bias": numbers(bench.bias),
        "rest": numbers(bench.rest),
        "left": None if bench.left is None else numbers(bench.left[:n]),
        "orders": {name: order.tolist() for name, order in zip(ORDERS, bench.orders, strict=True)},
        "samples": min(len(bench.samples), len(means)),
        "samples_kept": len(bench.samples),
    }


def pairs_of(classes: Sequence[str], concepts: Sequence[str]) -> list[list[int]] | None:
    """Gives the two concepts of each class where every class is named by two of them, else None.

    Example:
        >>> pairs_of(("ab", "bc"), ("a", "b", "c")), pairs_of(("a", "bc"), ("a", "b", "c"))
        ([[0, 1], [1, 2]], None)
    """
    names = {a + b: [i, j] for i, a in enumerate(concepts) for j, b in enumerate(concepts) if i < j}
    found = [names[name] for name in classes if name in names]
    return found if len(found) == len(classes) else None


def numbers(values: NDArray[np.float32]) -> str:
    """Writes numbers as base64 of little-endian float32, exactly."""
    return base64.b64encode(values.astype("<f4").tobytes()).decode()


def shares(values: NDArray[np.float32]) -> str:
    """Writes shares in [0, 1] as base64 of two bytes each, for drawing; nan is the largest number."""
    steps = np.where(np.isnan(values), SHARE + 1, np.round(np.nan_to_num(values) * SHARE))
    return base64.b64encode(steps.astype("<u2").tobytes()).decode()


def write_sheet(images: NDArray[np.uint8], path: Path) -> None:
    """Writes images [rows, columns, rows of pixels, columns of pixels], in colour [..., 3], as one sheet."""
    colour = images if images.ndim == 5 else images[..., None]
    Image.fromarray(_joined(colour) if colour.shape[-1] == 3 else _joined(colour)[..., 0]).save(path, optimize=True)


def write_heat(maps: NDArray[np.uint8], path: Path) -> None:
    """Writes maps [units, shown, rows, cols] as one sheet to lay over the images: the higher a value, the less shines through."""
    steps = np.round(_joined(maps[..., None])[..., 0] * ((HEAT - 1) / 255)).astype(np.uint8)
    sheet = Image.fromarray(steps).convert("P")
    sheet.putpalette(bytes(WARM) * HEAT)
    opacity = np.round(np.linspace(0, OPAQUE * 255, HEAT)).astype(np.uint8)
    sheet.save(path, optimize=True, bits=4, transparency=opacity.tobytes())


def _joined(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Puts images [down, across, rows, cols, channels] side by side."""
    down, across, rows, cols, channels = images.shape
    return images.transpose(0, 2, 1, 3, 4).reshape(down * rows, across * cols, channels)
