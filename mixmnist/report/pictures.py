"""Figures that show images: the first canvases of a study, and the top images of each digit's best unit with its precisions."""

import numpy as np
import pandas as pd

from mixmnist.report.drawing import Album, grid, last_channels
from mixmnist.report.reading import StudyRecords

CARD = [f"precision_at_{k}" for k in (100, 300, 500, 700)] + [f"precision_at_recall_{r}" for r in (25, 50, 75)]


def preview(records: StudyRecords, album: Album) -> None:
    """Shows the first canvases of the test mixture with their classes."""
    variant, seed = records.runs.iloc[0][["variant", "seed"]]
    with np.load(records.tops[variant, seed], allow_pickle=False) as stored:
        images, classes = stored["first"], stored["first_classes"].tolist()
    data = pd.DataFrame({"image": range(len(classes)), "class": classes})
    caption = "First canvases of the test mixture; above each, its class."
    album.save(grid(album, images, classes), data, "preview", caption)


def cards(records: StudyRecords, album: Album, variant: str) -> None:
    """Shows the top images of the best unit of each digit with its precisions, of the variant's first seed."""
    concepts = records.concepts[records.concepts["variant"] == variant]
    seed = int(concepts["seed"].min())
    rows = concepts[concepts["seed"] == seed].reset_index(drop=True)
    with np.load(records.tops[variant, seed], allow_pickle=False) as stored:
        images = stored["images"]
    n_top = images.shape[1]
    figure, axes = album.make(len(rows), 0.68, 9.0)
    for ax, (_, row) in zip(axes, rows.iterrows(), strict=True):
        ax.set_axis_off()
        ax.set_title(f"digit {row['concept']}: unit {row['unit']}, alignment {row['alignment']:.2f}", loc="left", pad=2)
        if row["unit"] >= 0:
            tops = [last_channels(image) for image in images[row["unit"]]]
            edge = [(1, 1), (1, 1), (0, 0)][: tops[0].ndim]
            strip = np.concatenate([np.pad(image, edge, constant_values=128) for image in tops], axis=1)
            ax.imshow(strip, cmap="gray", vmin=0, vmax=255)
            ax.set(xticks=[], yticks=[])
        ax.set_anchor("W")
        precisions = [f"P@{c.rsplit('_', 1)[1]} {row[c]:.2f}" for c in CARD[:4]]
        recalls = [f"P at recall .{c.rsplit('_', 1)[1]} {row[c]:.2f}" for c in CARD[4:]]
        ax.text(1.01, 0.72, "   ".join(precisions), transform=ax.transAxes, va="center", fontsize=8)
        ax.text(1.01, 0.28, "   ".join(recalls), transform=ax.transAxes, va="center", fontsize=8)
    figure.suptitle(f"{variant}, seed {seed}")
    caption = f"The {n_top} test canvases with the highest response of each digit's best unit; P: precision."
    data = rows[["variant", "seed", "concept", "unit", "alignment", "chance", *CARD]]
    album.save(figure, data, f"cards_{variant}", caption)
