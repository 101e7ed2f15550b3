"""Attack: does a change of pixels that misleads a net go through its detectors?

Each net is attacked on test canvases (FGSM, PGD; untargeted, the largest change of a pixel from .01 to .3), beside two changes of
the same size that know nothing of the canvas: random signs, and what PGD does to another canvas. Detectors, of units and of
atoms of two dictionaries, are chosen on clean rank canvases, and so is the response above which each fires. Of the canvases whose
answer changed it is asked whether a detector of a digit that left the answer went silent (right off), whether one of a
digit that entered it began to fire (wrong on), both, or neither. Claims N13.

Source:
    A. Madry et al. (2018), arXiv:1706.06083; I. Goodfellow et al. (2015), arXiv:1412.6572. Differs: what the canvas shows is
    known, and so which detectors are right and which are wrong.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mixmnist.core.records import Analysis
from mixmnist.report.drawing import Album
from mixmnist.report.tables import CUT, write_table
from mixmnist.stats import Bounds
from mixmnist.trust import _attack_drawn
from mixmnist.trust._attack_measured import CANVASES, CLEAN, MOVED, NOISE, PGD, SIZES, STEPS, Measured, joined, measured
from mixmnist.trust._bases import ATOMS, BASES, RANK
from mixmnist.trust._layers import about, counts, nets_of, table_of, with_interval, write_summary
from mixmnist.trust._networks import Recorded
from mixmnist.trust._side_by_side import side_by_side

TOLD = {0.02: "02", 0.1: "10"}  # sizes that runs tell of, and what they are called in the names of columns
INSIDE = 0.02  # size at which runs tell what an attack does inside: nets still answer under noise as large
WAYS = {"fgsm": "fgsm", PGD: "pgd", MOVED: "moved", NOISE: "noise"}
SHARES = ("off", "on", "off_only", "on_only", "both", "neither", "off_other", "on_other")
WORDS = (
    f"eps: largest change of a pixel, whose values lie in 0 to 1; moved_by: its mean. pgd: {STEPS} steps from the canvas, the "
    "highest loss kept, FGSM's among them; moved: what PGD did to another canvas; noise: random signs, as large."
)
INSIDES = (
    "Of canvases whose right answer became a wrong one and on which both can be told: off, a detector that fired of a digit that "
    "left the answer no longer fires; on, a silent detector of a digit that entered it now fires; off_only, on_only, both, "
    "neither are 1 together. off_other, on_other: share of detectors of digits that stay, and of digits in neither, that turn. "
    "Under moved and noise: the same canvases and digits as under PGD. Detectors: of each digit the unit or atom with the "
    f"highest alignment, if .80 or more, on the first {RANK} clean rank canvases; it fires from the response with "
    "the highest F1 there."
)


def run(folder: Path, out: Path, root: str | None) -> None:
    """Writes rows of sizes and ways (`accuracy.csv`, `detecting.csv`, `inside.csv`), their means, runs, and what is shown."""
    nets = nets_of(folder)
    write(measure_nets(nets, root), out, [f"{about(folder, nets)} {counts(nets)}", f"{CANVASES} test canvases a net."])


def measure_nets(nets: Sequence[Recorded], root: str | None) -> list[Measured]:
    """Measures every net, on as many cores as there are."""
    found: list[Measured] = side_by_side([(measured, (net, root)) for net in nets], "attacks", fewest=1)
    return found


def write(found: list[Measured], out: Path, notes: list[str]) -> None:
    """Writes everything that is made of what was measured."""
    accuracy, detecting, within = joined(found)
    for name, table in (("rows_accuracy", accuracy), ("rows_detecting", detecting), ("rows_inside", within)):
        table.to_csv(out / f"{name}.csv", index=False, float_format="%.5g")
    how = f"Means over nets with their 95 % t interval. {CUT}"
    bases = f"units, and {ATOMS} atoms of each dictionary, fitted on clean rank canvases."
    write_table(out, "accuracy", _means(accuracy, ["variant", "eps", "way"], ("accuracy", "moved_by")), [*notes, how, WORDS])
    scores = _means(detecting, ["variant", "eps", "way", "basis"], ("coverage", "unique", "detectors"))
    write_table(out, "detecting", scores, [*notes, how, WORDS, f"Alignment on the changed canvases: {bases}"])
    insides = _means(within, ["variant", "eps", "way", "basis"], ("changed", "n", *SHARES))
    write_table(out, "inside", insides.rename(columns={"n": "told"}), [*notes, how, WORDS, INSIDES])
    write_table(out, "runs", of_runs(accuracy, detecting, within), [*notes, "A row a net: what claims are held against."])
    firsts = [one for place, one in enumerate(found) if len(one.shown) and _is_first(found, place)]
    if firsts:
        pd.concat([one.shown for one in firsts], ignore_index=True).to_csv(out / "shown.csv", index=False)
        np.savez_compressed(out / "shown.npz", images=np.concatenate([one.images for one in firsts]))
    few = insides[insides["eps"].eq(INSIDE) & insides["way"].isin((PGD, NOISE))]
    write_summary(out, [*notes, how, INSIDES], few[["variant", "way", "basis", "nets", "off", "on", "both", "neither"]])


def _is_first(found: list[Measured], place: int) -> bool:
    """Says whether a net is the first of its variant."""
    variants = [str(one.accuracy["variant"].iloc[0]) for one in found]
    return variants.index(variants[place]) == place


def _means(table: pd.DataFrame, keys: list[str], columns: Sequence[str]) -> pd.DataFrame:
    """Gives means with intervals over nets."""
    rows = []
    for names, group in table.groupby(keys, sort=False):
        row: dict[str, object] = dict(zip(keys, names, strict=True)) | {"nets": group["seed"].nunique()}
        for column in columns:
            counted = column in ("changed", "n", "unique", "detectors")
            values = group[column].astype(float).dropna().tolist()
            row[column] = with_interval(values, (0, np.inf) if counted else (0, 1))
        rows.append(row)
    return pd.DataFrame(rows)


def of_runs(accuracy: pd.DataFrame, detecting: pd.DataFrame, within: pd.DataFrame) -> pd.DataFrame:
    """Gives a row a net: what claims are held against.

    Returns:
        `attack_clean`, `attack_WAY_02`, `attack_WAY_10`: accuracy; at an eps of .02 `attack_off_BASIS`, `attack_on_BASIS`,
        `attack_neither_BASIS` under PGD, with `_noise` and `_moved` behind under its nulls; and `attack_kept_BASIS`: how much of
        its coverage beyond chance a basis keeps under PGD, 1 where it keeps all.
    """
    rows = []
    for (variant, seed), own in accuracy.groupby(["variant", "seed"], sort=False):
        row: dict[str, object] = {"variant": variant, "seed": seed}
        by_way = own.set_index(["eps", "way"])["accuracy"]
        row["attack_clean"] = by_way[0.0, CLEAN]
        row |= {f"attack_{name}_{at}": by_way[size, way] for size, at in TOLD.items() for way, name in WAYS.items()}
        shares, scores = (_by_key(table, variant, seed) for table in (within, detecting))
        for basis in BASES:
            for way, end in ((PGD, ""), (NOISE, "_noise"), (MOVED, "_moved")):
                found = shares[INSIDE, way, basis]
                row |= {f"attack_{what}_{basis}{end}": found[what] for what in ("off", "on", "neither")}
            before, now = scores[0.0, CLEAN, basis], scores[INSIDE, PGD, basis]
            row[f"attack_kept_{basis}"] = (now["coverage"] - now["chance"]) / (before["coverage"] - before["chance"])
        rows.append(row)
    return pd.DataFrame(rows).round(5)


def _by_key(table: pd.DataFrame, variant: object, seed: object) -> dict[Any, dict[Any, Any]]:
    """Gives the rows of one net by their size, way and basis."""
    own = table.query("variant == @variant and seed == @seed")
    return own.set_index(["eps", "way", "basis"]).to_dict("index")


def draw(home: Path, album: Album) -> None:
    """Draws accuracy and detectors over sizes, what an attack does inside, and a strip of canvases."""
    within = table_of(home, "rows_inside")
    _attack_drawn.over_sizes(album, table_of(home, "rows_accuracy"), CANVASES)
    _attack_drawn.detectors_over_sizes(album, table_of(home, "rows_detecting"))
    _attack_drawn.insides(album, within[within["eps"].eq(INSIDE)], INSIDE)
    _attack_drawn.strips(album, home)


BOUNDS: dict[str, Bounds] = {
    "attack_clean": (0, 1),
    **{f"attack_{name}_{at}": (0, 1) for at in TOLD.values() for name in WAYS.values()},
    **{
        f"attack_{what}_{basis}{end}": (0, 1)
        for what in ("off", "on", "neither")
        for basis in BASES
        for end in ("", "_noise", "_moved")
    },
}
assert set(TOLD) <= set(SIZES)

ANALYSIS = Analysis("What an attack on the pixels does to detectors", run, bounds=BOUNDS, draw=draw)
