"""What a dissection is drawn as: samples with what is read, units with their maps, and removal by the size of the set."""

from pathlib import Path

import pandas as pd
import torch

from mixmnist.dissect.readout import scaled
from mixmnist.guests.dissecting import RANDOM, Dissected, over_digits
from mixmnist.report.drawing import Album, Look, legend_above, stroke, style
from mixmnist.report.seen import Picture, Sheet, save_sheet
from mixmnist.report.tables import write_table
from mixmnist.trust._inversion_drawn import pictures_of

ROWS, COLUMNS = 3, 6  # of the sheet of samples
TOP = 4  # samples of a unit
PANELS = {"removed": "digit no longer read", "clean_removal": "only that, cleanly", "off_target": "other digits lost"}


def samples(found: Dissected) -> Sheet:
    """Shows the first samples, with what is read on each."""
    some = torch.arange(min(ROWS * COLUMNS, len(found.test)))
    said = found.test.said.some(some)
    pictures = pictures_of(found.test.images[some], said, said.valid.tolist())
    rows = [pictures[start : start + COLUMNS] for start in range(0, len(pictures), COLUMNS)]
    rows = [(*row, *[Picture(None)] * (COLUMNS - len(row))) for row in rows]
    cells = tuple(tuple((one,) for one in row) for row in rows)
    note = "The first samples, not chosen. A thick frame: valid, two different digits read once each and no junk."
    return Sheet(tuple(("",) for _ in rows), ("",) * COLUMNS, cells, (note, found.about, found.judge.card))


def units(found: Dissected) -> Sheet:
    """Shows the best unit of each digit on the samples where it answers most."""
    size, test = found.test.subject.canvas.size, found.test
    names, cells = [], []
    for row in found.digits.to_dict("records"):
        unit = int(row["unit"])
        top = test.maps[:, unit].amax(dim=(1, 2)).argsort(descending=True, stable=True)[:TOP]
        maps = scaled(test.maps[top][:, [unit]], size)[:, 0].double().cpu().numpy()
        said = pictures_of(test.images[top], test.said.some(top))
        names.append((f"digit {row['digit']}", f"unit {unit}", f"IoU {row['iou']:.3f}"))
        both = zip(said, maps, strict=True)
        shown = [(Picture(one.image, field if field.any() else None, one.below),) for one, field in both]
        cells.append(tuple(shown + [(Picture(None),)] * (TOP - len(shown))))
    columns = tuple(f"sample {place + 1}" for place in range(TOP))
    note = "Of each digit the unit with the highest IoU, and the samples on which it peaks."
    return Sheet(tuple(names), columns, tuple(cells), (note, found.about, found.judge.card))


def curves(found: Dissected, album: Album) -> None:
    """Shows what goes with the first units of each ranking, beside random sets."""
    means = over_digits(found.removals)
    figure, axes = album.make(len(PANELS), 1.9, 1.6, sharey=True)
    for ax, (column, title) in zip(axes, PANELS.items(), strict=True):
        for place, (name, group) in enumerate(means.groupby("ranking", sort=False)):
            look = {"color": "0.4", "ls": ":"} if name == RANDOM else stroke(place)
            ax.plot(group["size"], group[column], label=name, **look)
        ax.set_xlabel(f"units switched off\n{title}")
        ax.set_xticks(sorted(means["size"].unique()))
        ax.set_ylim(-0.05, 1.05)
    axes[0].set_ylabel("share of samples")
    legend_above(figure, *axes[0].get_legend_handles_labels())
    text = f"Units set to zero everywhere, the first ones by each ranking; means over digits. {found.about} {found.judge.card}."
    album.save(figure, means, "removal", text)


def draw_all(found: Dissected, folder: Path) -> None:
    """Draws everything into a folder."""
    save_sheet(samples(found), folder / "samples.png")
    save_sheet(units(found), folder / "units.png")
    look = Look(formats=("png", "pdf"))
    with style(look):
        curves(found, Album(folder, look, ()))


def write_tables(found: Dissected, folder: Path) -> None:
    """Writes the tables, for machines and for people, into a folder."""
    notes = [found.about, *found.said]
    write_table(
        folder, "units", found.units, [*notes, "A row a unit. iou_null: its highest IoU with the masks of another sample."]
    )
    how = "A row a digit: its best unit, the best of rotated units, the layer's best direction. causal: units in the smallest set"
    write_table(folder, "digits", found.digits, [*notes, f"{how} that removes it cleanly from half of its samples; 0: none."])
    write_table(folder, "removals", found.removals, [*notes, "A row a ranking, number of units set to zero, and digit."])
    write_table(folder, "rankings", over_digits(found.removals), [*notes, "Means over digits; n: samples of all digits."])
    for name, ranking in found.rankings.items():
        pd.DataFrame(ranking.cpu().numpy(), columns=[f"digit_{digit}" for digit in range(ranking.shape[1])]).to_csv(
            folder / f"ranking_{name}.csv", index_label="unit", float_format="%.5g"
        )
