"""Generators dissected: which units draw which digit, which sets remove one cleanly, and where can one be written?

A judge that was trained on odd canvases, and whose own card stands on every table, reads and segments what recorded generators
draw. Of each net and layer: units against masks and three nulls, what single units and sets of units do when they go, insertion
by kind of place, and ACE. Orders and thresholds are fitted on one sample and measured on another. Where the judge lies below its
bar, or a generator's valid canvases below a third of what real ones reach, tables are made and no verdict is passed. Claims G1
to G5.

Source:
    D. Bau et al. (2019), "GAN Dissection", arXiv:1811.10597; D. Bau et al. (2020), PNAS 117. Differs: removal must be clean,
    rankings are held against random sets, rotated units and the pixels of real canvases; insertion against a donor's patch.
"""

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mixmnist.core.npz import read_npz
from mixmnist.core.records import Analysis
from mixmnist.dissect.judging import agreement
from mixmnist.report.drawing import Album
from mixmnist.report.tables import CUT, write_table
from mixmnist.trust import _generators_drawn
from mixmnist.trust._generators_measured import IN_SHORT, PLAN, TABLES, Measured, joined, measured
from mixmnist.trust._generators_nets import drawn, is_planted, parted
from mixmnist.trust._generators_quality import SHOWN
from mixmnist.trust._generators_tables import BOUNDS, CLAIMED, of_layers, of_nets, of_places, of_runs, of_sets, refusals
from mixmnist.trust._judging import Who, who_judges
from mixmnist.trust._layers import about, counts, nets_of, table_of, write_summary
from mixmnist.trust._networks import Recorded
from mixmnist.trust._side_by_side import side_by_side

PICTURES = "pictures"
AGREED_ON = 300  # samples of each generator on which judges are compared
WORDS = {
    "quality": (
        "valid: share of samples on which exactly two different digits are read, no junk, joint confidence .8 or more; real: "
        "the same of real canvases of glyphs that generators never see, the ceiling. Bounds: 95 % bootstrap over samples. "
        "pairs: of 45 that are read on valid ones; pair_distance: total variation of their shares to equal ones, null: of as "
        "many equally likely ones. frechet: distance in the judge's features, and of the digits' pixels, to half of the real "
        "canvases; real: of the other half. memorised: glyphs nearer to a training glyph than .95 of held-out ones are; chance "
        "is .05."
    ),
    "layers": (
        "Means over digits; units are chosen on the rank sample and measured on the test sample. iou: of the digit's best unit "
        "(matched threshold); others: against the masks of another sample; rotated: of the layer turned at random; pixels: of "
        "real canvases dealt to units. linear: of the best direction, the layer's ceiling; unit_share: best unit over it. ap: "
        "average precision of the peak of the digit's best unit for reading it. clean_unit: clean removal of the digit's first "
        "unit by the ranking removal; of rotated and of random units besides. iou_predicts: Spearman's correlation of IoU and "
        "clean removal over units, mean over digits; null: .95 quantile where units are permuted."
    ),
    "sets": (
        "Of samples that show the digit once, k units removed everywhere. removed: it is no longer read; kept: all else still "
        "is; clean: exactly that and no junk; off_target: share of the other digit lost. random: mean and .95 band over random "
        "sets; else bounds are 95 % bootstrap over samples. value: what is written in their place."
    ),
    "causal": "The smallest number of units tried whose removal is clean in half of the samples; none: no set that was tried.",
    "places": (
        "A digit is written into samples that lack it, at a place of one kind. donor: a donor's patch of all units, the "
        "ceiling; else of k units by a ranking: their mean over the digit, or of a donor its patch. inserted: it is read "
        "there; clean: and all else as before. without: share of samples that have no such place. place_error: pixels."
    ),
    "effects": "ACE of k units of each digit, in boxes' worth of pixels: where it was written (ace) and over the canvas.",
    "units": "A row a unit of the usual layer; its digit: that of its largest IoU on the rank sample; clean: if it goes alone.",
    "judges": "Judges on the same samples of each generator: share of canvases with the same counts, and of pixels of one class.",
}


def run(folder: Path, out: Path, root: str | None) -> None:
    """Writes the cards of judges, and tables of quality, layers, units, sets, places and effects; a row a net in `runs.csv`."""
    judges, generators = parted(nets_of(folder))
    who = who_judges(judges, generators[0])
    found = measure_nets(generators, who[0], root)
    samples = f"{PLAN.samples} samples for each of rank and test; {IN_SHORT.samples} of planted ones."
    note = f"{about(folder, generators)} {counts(generators)} {samples}"
    write(found, out, [note, f"Judge: {who[0].judge.card}."])
    of_judges(generators, who, out, [note])


def measure_nets(nets: Sequence[Recorded], who: Who, root: str | None) -> Measured:
    """Measures every net, on as many cores as there are; pictures are kept of the first of each variant."""
    firsts: set[str] = set()
    calls = []
    for net in nets:
        calls.append((measured, (net, who, root, IN_SHORT if is_planted(net) else PLAN, net.variant not in firsts)))
        firsts.add(net.variant)
    found: list[Measured] = side_by_side(calls, "generators", fewest=1)
    tables = {name: joined([getattr(one, name) for one in found]) for name in TABLES}
    return Measured(**tables, pictures={name: picture for one in found for name, picture in one.pictures.items()})


def write(found: Measured, out: Path, notes: Sequence[str]) -> None:
    """Writes everything that is made of what was measured."""
    said = refusals(found.quality)
    why = [f"No verdict on {net}: {text}." for net, text in said.items()]
    for name in TABLES:
        shown = ["variant", "seed", *SHOWN] if name == "quality" else None
        write_table(out, name, getattr(found, name), [*notes, WORDS[name], *why], shown)
    if found.pictures:
        kept: dict[str, Any] = dict(found.pictures)
        np.savez_compressed(out / f"{PICTURES}.npz", **kept)
    over = f"Means over nets with their 95 % t interval. {CUT}"
    nets = of_nets(found)
    write_table(out, "nets", nets, [*notes, over, WORDS["quality"], WORDS["layers"], *why])
    write_table(out, "by_layer", of_layers(found.layers), [*notes, over, WORDS["layers"], *why])
    write_table(out, "by_ranking", of_sets(found.sets), [*notes, over, WORDS["sets"], *why])
    write_table(out, "by_place", of_places(found.places), [*notes, over, WORDS["places"], *why])
    held = "A row a net: what claims are held against; what is claimed is empty where no verdict is passed."
    write_table(out, "runs", of_runs(found), [*notes, held, *why])
    write_summary(out, [*notes, over, *why], nets[[c for c in ("variant", "n", *CLAIMED) if c in nets]])


def of_judges(generators: Sequence[Recorded], who: Sequence[Who], out: Path, notes: Sequence[str]) -> None:
    """Writes the cards of all judges, and how far every two of them agree on what each variant's first net draws."""
    cards = pd.DataFrame(
        [{"judge": one.judge.name, "card": one.judge.card, "faults": "; ".join(one.judge.faults)} for one in who]
    )
    write_table(out, "cards", cards, [*notes, "Faults: why no verdict is passed by a judge; empty where it may judge."])
    trained = [net for net in generators if not is_planted(net)]
    firsts = {net.variant: net for net in reversed(trained or generators)}
    rows = []
    for one, two in combinations(who, 2):
        for variant, net in firsts.items():
            images = drawn(net, AGREED_ON)
            rows.append(
                {"one": one.judge.name, "two": two.judge.name, "variant": variant, **agreement(one.judge, two.judge, images)}
            )
    write_table(out, "judges", pd.DataFrame(rows), [*notes, WORDS["judges"]])


def draw(home: Path, album: Album) -> None:
    """Draws samples, units, removal curves, IoU beside ACE, layers and places."""
    tables = {name: table_of(home, name) for name in _generators_drawn.SHOWN}
    pictures = home / f"{PICTURES}.npz"
    kept = read_npz(pictures, "pictures", "Run the study again.") if pictures.is_file() else {}
    _generators_drawn.every_figure(album, tables, kept)


ANALYSIS = Analysis(
    "Generators dissected: units, sets and places, read by a judge that is measured",
    run,
    bounds=BOUNDS,
    draw=draw,
    asks=("rankings",),
)
