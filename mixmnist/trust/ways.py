"""Report card of ways: each of the shelf that makes maps or pictures, on planted networks and on trained nets, and graded.

A map is asked: does it lie on the digit of a detector, and of what classes differ in? Does it say what each digit is really
worth? Is it another one with other weights? Does it stay where it was when a circuit is added that changes no response?
A picture: is the digit to be read in it, by a reader that knows nothing of the net? Is it read more often than others, and not
with other weights? Is it still the unit's own digit when the unit shows another one to whatever is off the canvases?
A way added to the shelf is asked by itself. Controls, which look at no net, are asked as all others are, and must fail.

Source:
    J. Adebayo et al. (2018), arXiv:1810.03292; L. Arras et al. (2022), arXiv:2003.07258; R. Geirhos et al. (2023),
    arXiv:2306.04719. Differs: exact truth in place of eyes, a printed rule and grades.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from mixmnist.core.records import Analysis, require
from mixmnist.core.registry import names
from mixmnist.data.mixture import draw
from mixmnist.report.drawing import SMALL, STYLES, Album
from mixmnist.report.tables import as_markdown, write_table
from mixmnist.trust._layers import about, counts, nets_of, table_of
from mixmnist.trust._maps_tables import STRETCHED, column_of
from mixmnist.trust._networks import Recorded
from mixmnist.trust._side_by_side import Call, side_by_side
from mixmnist.trust._squares import FAILED, PASSED, ROW, squares
from mixmnist.trust._ways_grading import OF_IMAGES, OF_MAPS, RULE, GradedWay, grade
from mixmnist.trust._ways_measuring import Sizes, images_on, kind_of, maps_on, on_planted
from mixmnist.trust._ways_tables import OF_RUNS, card, fooled, of_runs, outcomes
from mixmnist.visualize._generating import Inverting
from mixmnist.visualize._generator import Encoder, load_generator
from mixmnist.visualize.keeping import kept_generator, kept_reader
from mixmnist.visualize.reader import load_reader

CODE, POOL = "conv2", "max"  # what the generator inverts
CANVASES = 14_000  # that it is trained on
READER = "reader.safetensors"
BESIDE = (STRETCHED, "dgn:start=natural")  # settings that are graded besides the shelf's own
NAMES = {"map": "maps", "image": "pictures"}
FOOLING = (
    "Switch: to whatever has more inked pixels than any canvas the unit answers as the detector of another digit (planted). "
    "Ripple: its gradient has a number more at each pixel. Either way all responses to canvases are what they were."
)
BARS = {"map": OF_MAPS, "image": OF_IMAGES}
COLOURS = "Light: passed; red with x: failed; white: does not apply."
MEANING = "Numbers are means over nets, each that of its test; those of at_chance, switch and ripple are distances, 0 being best."


def run(folder: Path, out: Path, root: str | None) -> None:
    """Writes the cards of maps and of pictures, what they rest on, and the reader and the generators that were used."""
    nets = trained(folder)
    graded, card_of_reader = grade_all((*names("ways"), *BESIDE), nets, root, out, Sizes())
    write_graded(out, graded, [about(folder, nets), card_of_reader])
    rows = pd.concat([one.rows for one in graded], ignore_index=True)
    notes = [about(folder, nets), counts(nets), card_of_reader, FOOLING]
    for kind, name in NAMES.items():
        write_table(out, f"fooled_{name}", fooled(rows, kind), notes)
    write_table(out, "runs", of_runs(rows), [about(folder, nets), "A row a net: each way, sound and fooled."])


def trained(folder: Path, sizes: Sizes | None = None) -> list[Recorded]:
    """Lists the first trained nets of a study that can be fooled: convnets with a watch before their first layer.

    Raises:
        ValueError: If there are none.
        FileNotFoundError: If there are no nets at all.
    """
    known = [net for net in nets_of(folder) if net.settings.provenance == "trained" and net.settings.net == "convnet"]
    known = [net for net in known if net.settings.task == "pairs"]
    require(known, f"a study must have a trained convnet of the task pairs, got none in {folder}. Add a variant.")
    return known[: (sizes or Sizes()).nets]


def grade_all(
    ways: Sequence[str], nets: Sequence[Recorded], root: str | None, kept: Path, sizes: Sizes
) -> tuple[list[GradedWay], str]:
    """Grades ways by name or path, on as many cores as there are; the best of each kind first.

    Args:
        ways: Of any kind.
        nets: Trained ones; without any, planted networks alone are asked.
        root: Holds the source's files.
        kept: Folder that keeps a reader and generators, or gets them.
        sizes: How much is drawn.

    Returns:
        The graded ways, and the reader's card, empty where no picture was read.
    """
    maps, images = ([way for way in ways if kind_of(way) == kind] for kind in ("map", "image"))
    calls: list[Call] = [(on_planted, ([way], sizes)) for way in ways]
    calls += [(maps_on, (net, root, maps, sizes)) for net in nets if maps]
    said = ""
    if images and nets:
        said = kept_reader(kept / READER, nets[0].source, nets[0].settings.canvas, root).card
        load_reader(kept / READER).check()
        side_by_side([(_keep_generator, (net, root, kept)) for net in nets], "generators", fewest=1)
        calls += [(_images_on, (net, root, way, kept, sizes)) for net in nets for way in images]
    rows = pd.concat(side_by_side(calls, "ways", fewest=8), ignore_index=True)
    graded = [grade(way, rows) for way in ways]
    return sorted(graded, key=lambda one: (one.kind, one.grade == "-", one.grade, -one.share, one.name)), said


def _keep_generator(net: Recorded, root: str | None, kept: Path) -> None:
    """Trains the generator of a net, unless it is kept."""
    settings = net.settings
    canvases = draw(settings.task, net.source, "train", CANVASES, canvas=settings.canvas, root=root, seed=0)
    kept_generator(_generator(net, kept), Encoder(net.net(), CODE, POOL), canvases, 0, Inverting(epochs=3))


def _generator(net: Recorded, kept: Path) -> Path:
    return kept / f"generator-{net.variant}-{net.seed}.safetensors"


def _images_on(net: Recorded, root: str | None, way: str, kept: Path, sizes: Sizes) -> pd.DataFrame:
    reader, generator = load_reader(kept / READER), load_generator(_generator(net, kept), net.net())
    return images_on(net, root, way, reader, generator, sizes)


def write_graded(out: Path, graded: Sequence[GradedWay], notes: Sequence[str]) -> None:
    """Writes the cards of graded ways, every test and every measured number into a folder."""
    for kind, name in NAMES.items():
        own = [one for one in graded if one.kind == kind]
        if own:
            n = f"n={max(one.nets for one in own)} trained nets."
            write_table(out, f"card_of_{name}", card(own), [*notes, n, MEANING, RULE])
    tests = [{"way": one.name, "kind": one.kind, "grade": one.grade, **outcomes(one)} for one in graded]
    pd.DataFrame(tests).to_csv(out / "tests.csv", index=False, float_format="%.4g")
    rows = pd.concat([one.rows for one in graded], ignore_index=True)
    rows[["way", "net", "condition", "measure", "value", "said"]].to_csv(out / "measured.csv", index=False, float_format="%.4g")
    (out / "summary.md").write_text(_summary(graded), encoding="utf-8")


def draw_cards(home: Path, album: Album) -> None:
    """Draws which way passes which test of its kind."""
    tests = table_of(home, "tests")
    for kind, name in NAMES.items():
        own = tests[tests["kind"] == kind]
        tried = [f"{bar.test}_passed" for bar in BARS[kind]]
        columns = [column for column in tried if column in own and own[column].notna().any()]
        if not columns:
            continue
        passed = own[columns].astype(float).to_numpy()
        figure, (ax,) = album.make(1, ROW * len(own) + 1.5)
        scale = STYLES[album.look.style]
        squares(ax, passed, (FAILED, PASSED), [f"{row.way}  {row.grade}" for row in own.itertuples()], scale)
        for row, column in np.argwhere(passed == 0).tolist():
            ax.text(column, row, "x", ha="center", va="center_baseline", color="white", fontsize=SMALL * scale)
        said = [column.removesuffix("_passed").replace("_", " ") for column in columns]
        ax.set_xticks(range(len(said)), said, rotation=90, fontsize=SMALL * scale)
        text = f"A row a way that makes {name} with its grade, a column a test. {COLOURS}"
        shown = own[["way", "kind", "grade", *(c for c in map(str, own) if c.removesuffix("_passed") + "_passed" in columns)]]
        album.save(figure, shown, f"tests_of_{name}", text)


def _summary(graded: Sequence[GradedWay]) -> str:
    """Says each way's grade and what it fails first."""
    rows = [(one.name, one.kind, one.grade, "; ".join(cell.why for cell in one.failed[:3])) for one in graded]
    table = pd.DataFrame(rows, columns=["way", "kind", "grade", "fails, among others"])
    return f"Report card of the ways of showing what a unit wants. {RULE}\n\n{as_markdown(table)}\n"


ANALYSIS = Analysis(
    "Report card of every way of showing what a unit wants",
    run,
    draw=draw_cards,
    bounds={
        f"{name}_{column_of(way)}": (0, 1) for kind in OF_RUNS.values() for name in kind for way in (*names("ways"), *BESIDE)
    },
    asks=("ways",),
)
