"""Seeing what units want: pictures of a network of anyone's by several ways, as a sheet and as numbers."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import nn

from mixmnist.core.records import require
from mixmnist.core.storage import as_json
from mixmnist.data.sources import resolve_source
from mixmnist.features.cells import axis_of
from mixmnist.guests.evaluating import Setting, prepare
from mixmnist.probing import check_layers
from mixmnist.probing.running import Images, Transform
from mixmnist.report.drawing import Look, style
from mixmnist.report.pictures import short
from mixmnist.report.seen import Picture, Sheet, draw_sheet, save_sheet
from mixmnist.visualize._generator import Generator
from mixmnist.visualize.reader import Reader
from mixmnist.visualize.seeing import Shown, Sight, Tools, check_ways, look
from mixmnist.visualize.subjects import DETECTORS, View, classes_of, units_of
from mixmnist.visualize.workshop import Tell, Workshop
from mixmnist.visualize.worth import Canvases

WAYS = ("top", "single", "integrated")  # that need no training
CANVASES = 2_000  # natural ones
MOST, MOST_READ = 300, 6  # units on a sheet; digits that are named below a picture
ENDINGS = (".png", ".pdf", ".svg", ".json")


@dataclass(frozen=True)
class Wish:
    """What is to be seen."""

    units: Sequence[int] | str = DETECTORS
    """Numbers of units; all; or detectors, those with an alignment of .8 or more."""
    classes: Sequence[int] = ()
    """Numbers of classes, instead of units."""
    ways: Sequence[str] = WAYS
    """Names of `mixmnist list ways`, or files that end in `WAY`, with settings, as `integrated:steps=64`."""
    of: str = ""
    """Of units peak, mean or cell, by default peak; of classes logit or contrast, by default logit."""
    starts: int = 1
    """Pictures of each unit by each way."""
    seed: int = 0
    """Of the first picture."""

    def __post_init__(self) -> None:
        check_ways(self.ways, bool(self.classes))  # before anything is drawn


@dataclass(frozen=True, eq=False, repr=False)
class Seen:
    """Pictures, and what is known of them."""

    sight: Sight
    about: str  # a sentence

    @property
    def table(self) -> pd.DataFrame:
        """Gives a row a picture.

        `subject`, `index`, `layer`, `of`; `own`: the digit that the unit detects, with its `alignment`; `way`, `kind`, `picture`,
        `seed` or `canvas`; `response` and `relative`, against the best natural image; of images `reads` (digits), `reads_own`,
        `only_own`, if there was a reader; of maps `own_box` and `own_ink`, their shares of the map, beside the share of a
        constant map.
        """
        return self.sight.table

    @property
    def said(self) -> tuple[str, ...]:
        """What must be known of the pictures: which ways are known to be fooled, what is left out, how good the reader is."""
        return self.sight.said

    def save(self, path: str | Path) -> None:
        """Writes the sheet as png, pdf or svg; or, as json, the numbers, pictures and maps behind it. Whole or not at all.

        Raises:
            ValueError: If the file has another ending.
        """
        path = Path(path)
        require(path.suffix in ENDINGS, f"out must end in {' or '.join(ENDINGS)}, got {str(path)!r}. Rename it.")
        if path.suffix != ".json":
            save_sheet(self.sheet, path)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".partial-{path.name}")
        try:
            partial.write_text(as_json(self.as_dict()) + "\n", encoding="utf-8")
            partial.rename(path)
        finally:
            partial.unlink(missing_ok=True)

    def as_dict(self) -> dict[str, object]:
        """Gives numbers, pictures and maps as names, numbers and lists."""
        rows = []
        for shown in self.sight.shown:
            known = shown.table.astype(object).where(shown.table.notna(), None).to_dict("records")
            for row, picture in zip(known, shown.pictures.flatten(0, 1), strict=True):
                there = not bool(picture.isnan().any())
                values = [[float(f"{x:.4g}") for x in line] for line in picture.flatten(0, -2).tolist()] if there else None
                rows.append({**row, "map" if shown.kind == "map" else "image": values})
        return {"about": self.about, "said": list(self.said), "pictures": rows}

    @property
    def sheet(self) -> Sheet:
        """Gives what is drawn."""
        shown, subjects = self.sight.shown, self.sight.subjects
        names = [_row(name, one) for name, (_, one) in zip(subjects.names, _firsts(shown[0]), strict=True)]
        cells = tuple(tuple(_cell(one, row) for one in shown) for row in range(len(subjects)))
        warned = [one.way for one in shown if one.warned]
        columns = tuple(f"{one.way} (!)" if one.way in warned else one.way for one in shown)
        framed = ("A thick frame: the reader reads the own digit; a dashed one: it does not.",) if self.sight.reader else ()
        return Sheet(tuple(names), columns, cells, (self.about, *framed, *self.said))

    def __repr__(self) -> str:
        """Says what it is, in a line."""
        ways = ", ".join(one.way for one in self.sight.shown)
        return f"{len(self.table)} pictures of {len(self.sight.subjects)} by {ways}. {self.about}"

    def _repr_png_(self) -> bytes:
        """Shows the sheet in a notebook."""
        found = BytesIO()
        with style(Look()):
            draw_sheet(self.sheet).savefig(found, format="png")
        return found.getvalue()


def see(
    net: nn.Module,
    layer: str | None = None,
    wish: Wish = Wish(),
    *,
    setting: Setting | None = None,
    transform: Transform | None = None,
    reader: Reader | None = None,
    generator: Generator | None = None,
    tools: str | Path = "results/local/tools",
    tell: Tell = print,
) -> Seen:
    """Makes pictures of what units or classes of a network want, by several ways, and says what is known of each.

    Args:
        net: In eval mode; maps [n, channels, size, size] in [0, 1] to anything, for classes to logits.
        layer: A module's name, whose units are seen; none is needed for classes.
        wish: Which units or classes, by which ways, how many pictures.
        setting: On which canvases; by default 2,000 of pairs, as `Setting(n=2_000)`.
        transform: Applied to each batch of images before the net sees it.
        reader: Reads images that are no canvases; by default one is found in `tools`, or trained in two minutes and kept there.
        generator: For ways that need one; by default likewise.
        tools: The folder.
        tell: Called with a line before something is trained.

    Returns:
        What `save` writes as a sheet and `table` gives as numbers; a notebook shows the sheet.

    Raises:
        ValueError: As `mixmnist.evaluate`; if a unit never fires, a way makes no picture of it, or the reader is below its bar.
        FileNotFoundError: If the source's files are neither on disk nor to be fetched.

    Example:
        >>> torch.manual_seed(0)  # doctest: +ELLIPSIS
        <torch._C.Generator object at ...>
        >>> net = nn.Sequential(nn.Conv2d(1, 3, 5), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 45))
        >>> seen = see(net.eval(), "1", Wish("all", ways=["top", "gradient"]), setting=Setting(source="digits", n=100))
        >>> sorted(seen.table["way"].unique())
        ['gradient', 'top']
    """
    known = setting or Setting(n=CANVASES)
    scene, seen = prepare(net, () if layer is None else (layer,), known, transform)
    source, root = resolve_source(known.source, known.root)
    shop = Workshop(Path(tools), type(net).__name__.lower(), source, root, known.task, known.canvas, tell=tell)
    view = view_of(net, layer, scene.test, seen, known.axis)
    made = shop.tools(view)
    given = Tools(made.reader if reader is None else lambda: reader, made.generator if generator is None else lambda _: generator)
    about = f"{type(net).__name__}, task {known.task}, glyphs: {scene.source}"
    return look_at(view, wish, given, about)


def view_of(net: nn.Module, layer: str | None, canvases: Canvases, transform: Transform | None, axis: int | None) -> View:
    """Gives a net and its canvases, the axis of its units told where it is certain.

    Raises:
        ValueError: If it is neither named nor certain.
    """
    if layer is None:
        return View(net, canvases, transform=transform)
    check_layers(net, (layer,))
    like = next(net.parameters(), torch.zeros(()))
    found = axis_of(net, layer, Images(canvases.images[:2], like, transform), axis)
    return View(net, canvases, layer, transform, found)


def look_at(view: View, wish: Wish, tools: Tools, about: str) -> Seen:
    """Makes the pictures that are wished for.

    Args:
        view: A net, and natural canvases.
        wish: Which units or classes, by which ways, how many pictures.
        tools: Where a reader and a generator come from.
        about: What the net and the canvases are, without an end.

    Raises:
        ValueError: As `see`.
    """
    if wish.classes:
        subjects = classes_of(view, wish.classes, wish.of or "logit")
    else:
        subjects = units_of(view, wish.units, wish.of or "peak")
    require(len(subjects) <= MOST, f"units must be at most {MOST} at a time, got {len(subjects)}. Name some with --unit.")
    sight = look(view, subjects, wish.ways, tools, wish.starts, wish.seed)
    where = "" if view.layer is None or wish.classes else f", layer {view.layer}"
    return Seen(sight, f"{about}{where}: the {subjects.target.of}; {len(view.canvases):,} natural canvases.")


def _firsts(shown: Shown) -> list[tuple[object, "pd.Series[Any]"]]:
    """Gives the first row of each subject."""
    return list(shown.table[shown.table["picture"].eq(0)].iterrows())


def _row(name: str, known: "pd.Series[Any]") -> tuple[str, ...]:
    """Says in lines what a row of the sheet is of."""
    called = name.replace(" (", "\n(").replace(", for", "\nfor").split("\n")
    ap = [] if pd.isna(known["alignment"]) else [f"digit {known['own']}", f"AP {short(known['alignment'])}"]
    return (*called, *ap)


def _cell(shown: Shown, number: int) -> tuple[Picture, ...]:
    """Gives a subject's pictures by one way, with what is said below each."""
    starts = shown.pictures.shape[1]
    rows = shown.table.iloc[number * starts : (number + 1) * starts].to_dict("records")
    return tuple(_picture(shown, number, place, row) for place, row in enumerate(rows))


def _picture(shown: Shown, number: int, place: int, row: Mapping[Hashable, Any]) -> Picture:
    pixels = shown.pictures[number, place].double().numpy()
    if np.isnan(pixels).any():
        return Picture(None)
    if shown.kind == "map":
        assert shown.canvases is not None
        there = not pd.isna(row["own_box"])
        below = (f"in box {short(row['own_box'])}", f"(area {short(row['own_box_chance'])})") if there else ()
        return Picture(_grey(shown.canvases[number, place].double().numpy()), pixels, below)
    times = "" if pd.isna(row["relative"]) else f"{row['relative']:.2f} of best"
    if row.get("reads") is None:
        return Picture(_grey(pixels), below=(times,))
    read = row["reads"] or "nothing"
    read = read if len(read) <= MOST_READ or not row["reads"] else f"{len(read)} digits"
    return Picture(_grey(pixels), below=(f"reads {read}", times), good=row["reads_own"])


def _grey(pixels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gives an image of one channel as rows and columns."""
    return pixels[0] if len(pixels) == 1 else pixels
