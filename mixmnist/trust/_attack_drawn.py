"""Figures of attacks, drawn from the tables of the analysis; they decide no number."""

from pathlib import Path

import numpy as np
import pandas as pd

from mixmnist.core.npz import read_npz
from mixmnist.report.drawing import SMALL, STYLES, Album, legend_above, name_axes, stroke, title
from mixmnist.report.pictures import strip
from mixmnist.stats import Interval, t_interval, within
from mixmnist.trust._plots import seeds_of

WAYS = {
    "pgd": "PGD",
    "fgsm": "FGSM",
    "moved": "null: PGD of another canvas",
    "noise": "null: random signs",
}
BASES = {"units": "units", "ica": "atoms of ICA", "sparse": "atoms of sparse coding"}
PARTS = {  # column, name, look
    "off_only": ("right off", "0.25", ""),
    "both": ("both", "0.5", "////"),
    "on_only": ("wrong on", "0.75", ""),
    "neither": ("neither", "white", ""),
}
SHARE = (0, 1)


def over_sizes(album: Album, accuracy: pd.DataFrame, canvases: int) -> None:
    """Shows accuracy over the size of the change, a panel a variant, a line a way of changing canvases.

    Args:
        album: Where it goes.
        accuracy: A row a net, size and way.
        canvases: On which it was measured.
    """
    variants = list(dict.fromkeys(accuracy["variant"]))
    figure, axes = album.make(len(variants), 1.6, 1.6, sharex=True, sharey=True)
    rows = []
    for ax, variant in zip(axes, variants, strict=True):
        own = accuracy[accuracy["variant"].eq(variant)]
        for place, (way, name) in enumerate(WAYS.items()):
            found = _over_nets(own[own["way"].isin((way, "clean"))], "accuracy")
            look = stroke(place)
            ax.plot(found["eps"], found["mean"], label=name, **look)
            ax.fill_between(found["eps"], found["lower"], found["upper"], alpha=0.15, lw=0, color=look["color"])
            rows.append(found.assign(variant=variant, way=way))
        title(ax, variant)
        ax.set(ylim=(0, 1.02))
    name_axes(figure, "largest change of a pixel", "accuracy")
    legend_above(figure, *axes[0].get_legend_handles_labels())
    text = (
        f"Accuracy on {canvases} test canvases whose pixels were changed by at most what is told across. PGD and FGSM know the "
        "net, the canvas and the answer; both nulls change pixels by as much and know less. Bands: 95 % t interval over nets. "
        f"{seeds_of(accuracy)}"
    )
    album.save(figure, pd.concat(rows, ignore_index=True), "attack_accuracy", text)


def detectors_over_sizes(album: Album, detecting: pd.DataFrame) -> None:
    """Shows the coverage of units and atoms over the size of the change, a panel a variant.

    Args:
        album: Where it goes.
        detecting: A row a net, size, way and basis.
    """
    variants = list(dict.fromkeys(detecting["variant"]))
    figure, axes = album.make(len(variants), 1.6, 1.6, sharex=True, sharey=True)
    rows = []
    for ax, variant in zip(axes, variants, strict=True):
        own = detecting[detecting["variant"].eq(variant)]
        for place, (basis, name) in enumerate(BASES.items()):
            for way, dash, said in (("pgd", "-", "PGD"), ("noise", ":", "random signs")):
                found = _over_nets(own[own["basis"].eq(basis) & own["way"].isin((way, "clean"))], "coverage")
                look = stroke(place) | {"ls": dash}
                ax.plot(found["eps"], found["mean"], label=f"{name}, {said}", **look)
                ax.fill_between(found["eps"], found["lower"], found["upper"], alpha=0.15, lw=0, color=look["color"])
                rows.append(found.assign(variant=variant, basis=basis, way=way))
        title(ax, variant)
        ax.set(ylim=(0, 1.02))
    name_axes(figure, "largest change of a pixel", "coverage")
    legend_above(figure, *axes[0].get_legend_handles_labels())
    text = (
        "Mean over digits of the best alignment on changed canvases, of single units and of the atoms of dictionaries that were "
        f"fitted on clean ones; chance is near .2. Bands: 95 % t interval over nets. {seeds_of(detecting)}"
    )
    album.save(figure, pd.concat(rows, ignore_index=True), "attack_coverage", text)


def insides(album: Album, inside: pd.DataFrame, size: float) -> None:
    """Shows what became of detectors where the answer changed: a panel a variant, a bar a basis and way, parts stacked.

    Args:
        album: Where it goes.
        inside: A row a net, way and basis, of one size.
        size: Largest change of a pixel.
    """
    variants = list(dict.fromkeys(inside["variant"]))
    bars = [(basis, way) for basis in BASES for way in ("pgd", "moved", "noise")]
    figure, axes = album.make(len(variants), 0.4 + 0.16 * len(bars), 2.2, sharex=True, sharey=True)
    rows = []
    for ax, variant in zip(axes, variants, strict=True):
        for y, (basis, way) in enumerate(bars):
            own = inside[inside["variant"].eq(variant) & inside["basis"].eq(basis) & inside["way"].eq(way)]
            left = 0.0
            for part, (name, colour, hatch) in PARTS.items():
                mean = float(own[part].mean()) if own[part].notna().any() else 0.0
                look = {"color": colour, "hatch": hatch, "edgecolor": "0.1", "linewidth": 0.4}
                ax.barh(y, mean, left=left, height=0.75, label=name if y == 0 else None, **look)
                left += mean
                found = within(t_interval(own[part].dropna().tolist()), SHARE)
                rows.append({"variant": variant, "basis": basis, "way": way, "part": part} | found._asdict())
        title(ax, variant)
        ax.set(xlim=SHARE, ylim=(len(bars) - 0.5, -0.5))
        ax.set_yticks(range(len(bars)), [f"{basis}, {way}" for basis, way in bars])
        ax.grid(visible=False, axis="y")
    name_axes(figure, "share of the canvases whose answer changed and that can be told")
    legend_above(figure, *axes[0].get_legend_handles_labels())
    told = inside[inside["way"].eq("pgd")].groupby("variant", sort=False)["n"].mean()
    text = (
        f"What became of detectors where PGD of size {size:g} changed a right answer. Right off: a detector of a digit that left "
        "the answer fell silent; wrong on: one of a digit that entered it began to fire. moved: what PGD did to another canvas, "
        "noise: random signs, both as large and on the same canvases and digits. Means over nets; canvases a net and basis: "
        f"{', '.join(f'{variant} {n:.0f}' for variant, n in told.items())}. {seeds_of(inside)}"
    )
    album.save(figure, pd.DataFrame(rows), "attack_inside", text)


def strips(album: Album, home: Path) -> None:
    """Shows some canvases of the first net of each variant: clean, attacked, and the difference.

    Args:
        album: Where it goes.
        home: Holds what is shown.
    """
    if not (home / "shown.csv").is_file():
        return
    told = pd.read_csv(home / "shown.csv", dtype=dict.fromkeys(("answer", "attacked", "fire", "fire_attacked"), str))
    images = read_npz(home / "shown.npz", "attacked canvases", "Run the study again.")["images"]
    variants, eps = list(dict.fromkeys(told["variant"])), float(told["eps"].iloc[0])
    width, size = images.shape[-1] + 1, SMALL * STYLES[album.look.style]
    figure, axes = album.make(len(variants), 2.6, 3.0)
    for ax, variant in zip(axes, variants, strict=True):
        own = told[told["variant"].eq(variant)]
        for line, (number, row) in enumerate(zip(own.index, own.itertuples(), strict=True)):
            clean, attacked = images[number].astype(float)
            change = (127.5 + (attacked - clean) / (2 * eps)).round().clip(0, 255)
            picture = np.stack([clean, attacked, change]).astype(np.uint8)
            inner = ax.inset_axes((0.0, 1 - (line + 1) / len(own), 1.0, 1 / len(own)))
            strip(inner, picture, None)
            inner.set_axis_off()
            said = f"{row.answer} to {row.attacked}\n{row.fire} to {row.fire_attacked}"
            inner.text(3 * width + 2, images.shape[-2] / 2, said, fontsize=size, va="center")
        ax.set_axis_off()
        title(ax, f"{variant}, seed {own['seed'].iloc[0]}")
    text = (
        f"The first canvases whose right answer PGD of size {eps:g} changed: clean, attacked, and the change "
        "(grey: none; black and white: by the whole size). Beside: the answer before and after; below it the digits whose "
        "detector, the best single unit, fires before and after (-: none)."
    )
    album.save(figure, told, "attack_canvases", text)


def _over_nets(own: pd.DataFrame, number: str) -> pd.DataFrame:
    """Gives the mean and interval over nets at each size."""
    rows = []
    for eps, group in own.groupby("eps"):
        found: Interval = within(t_interval(group[number].dropna().tolist()), SHARE)
        rows.append({"eps": eps} | found._asdict())
    return pd.DataFrame(rows)
