"""Figures of the study of halves: what pictures are read as, which digits they show, and some of the pictures."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from mixmnist.core.npz import read_npz
from mixmnist.report.drawing import Album, legend_above, stroke
from mixmnist.report.seen import NONE, Picture, Sheet, draw_sheet
from mixmnist.stats import t_interval, within
from mixmnist.stats.seeds import FEWEST

READ = {"normal": "as a canvas as it is", "changed": "as a canvas changed in that way", "neither": "as neither"}
MOST_READ = 6  # digits that are named below a picture
DIGITS = {"own": "own, as it is", "own_undone": "own, the change undone", "others": "others, as it is"}


def read_as(album: Album, pictures: pd.DataFrame) -> None:
    """Shows what pictures of classes are read as, a row of panels a half, a column a change."""
    text = (
        "What pictures of classes are read as, by the way that they were made. Above: of classes whose canvases are as they are; "
        "below: of classes whose canvases are changed, which the learned priors have not seen but for that of both halves. The "
        "ceiling are natural images, the null is the untrained net."
    )
    _by_way(album, pictures, READ, "share of pictures", "read_as", text)


def digits(album: Album, pictures: pd.DataFrame) -> None:
    """Shows which digits are read in pictures of classes."""
    text = (
        "Share of the class's two digits, and of the eight others, that are read in pictures of classes: in the picture as it "
        "is, and once the change is undone. Above: of classes whose canvases are as they are; below: of classes whose canvases "
        "are changed."
    )
    _by_way(album, pictures, DIGITS, "share of digits read", "digits", text)


def _by_way(album: Album, pictures: pd.DataFrame, shown: Mapping[str, str], label: str, name: str, text: str) -> None:
    """Draws a panel a half and change, a row a way, each measure with its interval over nets."""
    own = pictures[pictures["what"].eq("class")]
    ways, changes = list(dict.fromkeys(own["way"])), list(dict.fromkeys(own["how"]))
    panels = [(half, how) for half in ("normal", "changed") for how in changes]
    figure, axes = album.make(len(panels), 0.5 + 0.15 * len(ways), 2.0, sharey=True)
    rows = []
    for ax, (half, how) in zip(axes, panels, strict=True):
        part = own[own["half"].eq(half) & own["how"].eq(how)]
        for place, (measure, said) in enumerate(shown.items()):
            by_net = part.groupby(["way", "seed"])[measure].mean()
            found = {way: within(t_interval(by_net[way].dropna().tolist()), (0, 1)) for way in ways if way in by_net}
            y = [ways.index(way) + (place - 1) * 0.22 for way in found]
            look = stroke(place) | {"ls": "none"}
            ax.plot([one.mean for one in found.values()], y, label=said, **look)
            ax.hlines(y, *zip(*((one.lower, one.upper) for one in found.values()), strict=True), color=look["color"], lw=0.9)
            rows += [{"half": half, "how": how, "measure": measure, "way": way, **one._asdict()} for way, one in found.items()]
        ax.set_title(f"{half} classes, {how}")
        ax.set_xlabel(label)
        ax.set_xlim(-0.05, 1.05)
        ax.set_yticks(range(len(ways)), ways)
        ax.set_ylim(len(ways) - 0.5, -0.5)
    legend_above(figure, *axes[0].get_legend_handles_labels())
    album.save(figure, pd.DataFrame(rows), name, f"{text} {_about_bars(own['seed'].nunique())}")


def _about_bars(n: int) -> str:
    """Says what bars are, or why there are none."""
    return f"Bars: 95 % t interval over nets, n={n}." if n >= FEWEST else f"Means over n={n} nets, too few for intervals."


def sheet(album: Album, pictures: pd.DataFrame, path: Path, names: Mapping[str, str]) -> None:
    """Shows pictures of the first net of each change: rows of classes, columns of ways, below each what was read.

    Args:
        album: Where it goes.
        pictures: A row a picture.
        path: Of the pictures.
        names: What each way is called in there.
    """
    arrays = read_npz(path, "pictures", "Run the study again.")
    own = pictures[pictures["what"].eq("class") & pictures["seed"].eq(pictures["seed"].iloc[0])]
    ways = tuple(way for way in names if any(array.endswith(f"_{names[way]}") for array in arrays))
    rows = [
        (how, half, place)
        for how in dict.fromkeys(own["how"])
        for half in ("normal", "changed")
        for place in range(next(len(array) for name, array in arrays.items() if name.startswith(f"{how}_")) // 2)
    ]
    table: list[pd.Series] = []

    def shown(how: str, half: str, place: int, way: str) -> tuple[Picture]:
        array = arrays.get(f"{how}_{names[way]}")
        if array is None:
            return (NONE,)
        row = own[own["how"].eq(how) & own["half"].eq(half) & own["way"].eq(way)].iloc[place]
        table.append(row)
        return (Picture(array[place + (len(array) // 2 if half == "changed" else 0)] / 255, below=_said(row)),)

    cells = tuple(tuple(shown(*row, way) for way in ways) for row in rows)
    text = (
        "Pictures of classes, of the first net of each change: a row a class, a column a way. Below each what it is read as, and "
        "the digits that are read: of a normal class in the picture as it is, of a changed one with the change undone. The first "
        "column shows natural images."
    )
    heads = tuple(way.replace(",", "") for way in ways)
    drawn = draw_sheet(Sheet(tuple((how, half) for how, half, _ in rows), heads, cells), album.look)
    album.save(drawn, pd.DataFrame(table), "sheet", text)


def _said(row: pd.Series) -> tuple[str, ...]:
    """Says in two lines what was read in a picture."""
    read = row["digits_undone"] if row["half"] == "changed" else row["digits"]
    digits = "" if pd.isna(read) else str(read)
    return str(row["read"]), digits if len(digits) <= MOST_READ else f"{len(digits)} digits"
