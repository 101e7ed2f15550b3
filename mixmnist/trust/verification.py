"""Verification of DGN-AM: does a prior that has learnt canvases as they are hide what a net has learnt of changed ones?

A net learns 90 classes: 45 pairs on canvases as they are, and the same on canvases that are changed (polarity inverted, tiles in
another order, blurred). Pictures of either half's classes are made by a generator that has seen the first half alone, and by
others, and are read: as canvases, as changed ones, or as neither; and, apart from that, for their digits. Claims V1 to V5.

Source:
    A. Nguyen et al. (2016), "Synthesizing the preferred inputs for neurons in neural networks via deep generator networks",
    arXiv:1605.09304: normal and modified classes, judged by eye. Differs: readers of known errors, a null and a ceiling; each
    change is a fixed function of the canvas and can be undone, so that the change and the digits are two questions.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from mixmnist.core.records import Analysis, require
from mixmnist.report.drawing import Album
from mixmnist.report.tables import CUT, write_table
from mixmnist.trust import _halves_plots
from mixmnist.trust._halves_nets import Place, Sizes, prior_of_another
from mixmnist.trust._halves_pictures import WAYS, Seen, look_at_net
from mixmnist.trust._layers import about, counts, nets_of, with_interval, write_summary
from mixmnist.trust._networks import Recorded
from mixmnist.trust._side_by_side import side_by_side
from mixmnist.visualize._generator import Generator
from mixmnist.visualize.halves import CHANGES
from mixmnist.visualize.halves_reader import HalvesReading, train_halves_reader
from mixmnist.visualize.judging_halves import Judges
from mixmnist.visualize.reader import Reading, train_reader

SIZES = Sizes()
READINGS = (Reading(), HalvesReading())
MORE = ("conv3", "digits", "stamps")  # generators of nets of the first change besides: of a layer, and of other glyphs
EVERY = (*WAYS, *(f"learned on {name}" for name in MORE))
PICTURES = "pictures.npz"
TRIED, NETS = (0,), 3  # seeds of nets that claims were worded after; how many others lend a seed and the prior of another net
KEYS = ["how", "what", "way", "half"]
SHARES = ("normal", "changed", "other", "neither")
DIGITS = ("own", "others", "own_undone", "others_undone")
OF_RUNS = ("changed", "own", "own_undone")  # of the ways that claims are of
CLAIMED = (
    "natural images",
    "none",
    "MACO",
    "learned",
    "learned, natural codes",
    "learned of both halves",
    "learned, untrained net",
    "learned by another net",
    "learned on digits",
    "learned on stamps",
)
HALVES = ("normal", "changed")
MEANS = (
    "normal, changed, other, neither: share of pictures read as a canvas as it is, as one changed in the way that the net has "
    "learnt, in another way, and as neither; own, others: share of the class's two digits, and of the eight others, that are "
    "read in the picture; undone: once the change is undone; response: of the class or unit over its highest on natural canvases "
    "of both halves. The null of a half is the other half's row, and the untrained net's; the ceiling are natural images."
)


def run(folder: Path, out: Path, root: str | None) -> None:
    """Writes a row a picture (`pictures.csv`), tables of ways, nets, readers and runs, some pictures, and a summary."""
    nets = [net for net in nets_of(folder) if net.seed not in TRIED][:NETS]
    require(nets, f"a study must have a net whose seed is not among {TRIED}, got none in {folder}. Train more seeds.")
    judges = judges_of(nets[0], root)
    write_table(out, "readers", readers(judges), [f"{about(folder, nets)} Both are above their bar, or nothing is here."])
    seen = seen_of(nets, root, judges)
    pictures = pd.concat([one.pictures for one in seen], ignore_index=True)
    pictures.drop(columns="seconds").to_csv(out / "pictures.csv", index=False, float_format="%.4g")
    known = pd.concat([one.net for one in seen], ignore_index=True)
    note = f"{about(folder, nets)} {counts(nets)} A net of each seed and change, {SIZES.classes} classes of each half."
    how = f"Means over pictures within a net, then over nets with their 95 % t interval. {CUT}"
    table = of_ways(pictures)
    write_table(out, "ways", table, [note, how, MEANS])
    write_table(out, "nets", known, [note, "Accuracy on test canvases of either half, and how well each generator inverts."])
    write_table(out, "runs", of_runs(pictures, known, nets), [note, "A row a seed: what claims are held against."])
    first = [one for one in seen if one.pictures["seed"].iloc[0] == nets[0].seed]
    arrays = {f"{one.pictures['how'].iloc[0]}_{_column(way)}": kept for one in first for way, kept in one.shown.items()}
    np.savez_compressed(out / PICTURES, **arrays)  # type: ignore[arg-type]  # its stubs take only named arrays
    shown = table[table["what"].eq("class")]
    write_summary(out, [note, how], shown[["how", "way", "half", "n", "normal", "changed", "neither", "own", "own_undone"]])


def draw(home: Path, album: Album) -> None:
    """Draws what pictures are read as, which digits they show, and some of them."""
    text = dict.fromkeys(("digits", "digits_undone"), str)  # not numbers
    pictures = pd.read_csv(home / "pictures.csv", dtype=text, keep_default_na=False, na_values=[""])
    made = with_shares(pictures)
    made = made.sort_values("way", key=lambda ways: ways.map(EVERY.index), kind="stable")
    _halves_plots.read_as(album, made)
    _halves_plots.digits(album, made)
    _halves_plots.sheet(album, pictures, home / PICTURES, {way: _column(way) for way in EVERY})


def judges_of(net: Recorded, root: str | None) -> Judges:
    """Trains both readers and refuses them below their bars.

    Raises:
        ValueError: If one is below its bar: then there is no table.
    """
    canvas, (digits, halves) = net.settings.canvas, READINGS
    judges = Judges(
        train_reader(net.source, canvas=canvas, root=root, reading=digits),
        train_halves_reader(net.source, canvas=canvas, root=root, reading=halves),
    )
    judges.check()
    return judges


def readers(judges: Judges) -> pd.DataFrame:
    """Gives a row a reader and number of its report."""
    reports = {"digits": judges.digits.report, "halves": judges.halves.report}
    rows = [{"reader": name, "of": what, "value": value} for name, report in reports.items() for what, value in report.items()]
    return pd.DataFrame(rows)


def seen_of(nets: Sequence[Recorded], root: str | None, judges: Judges) -> list[Seen]:
    """Looks at a net of each change for each recorded net, whose own generator is the prior of another net.

    Args:
        nets: Of one source and canvas.
        root: Holds the source's files.
        judges: Above their bars.
    """
    others: list[Generator] = side_by_side([(_another, (net, root)) for net in nets], "generators", fewest=1)
    calls = [
        (look_at_net, (how, net.seed, _place(net, root), judges, SIZES, other, MORE if how == CHANGES[0] else ()))
        for net, other in zip(nets, others, strict=True)
        for how in CHANGES
    ]
    found: list[Seen] = side_by_side(calls, "verification", fewest=1)
    return found


def _another(net: Recorded, root: str | None) -> Generator:
    return prior_of_another(net.net(), _place(net, root), net.seed, SIZES)


def _place(net: Recorded, root: str | None) -> Place:
    return Place(net.source, net.settings.canvas, root)


def with_shares(pictures: pd.DataFrame) -> pd.DataFrame:
    """Adds what each picture is read as, as 0 or 1 a word; rows without a picture are left out."""
    made = pictures.dropna(subset=["read"])
    shares = {name: made["read"].eq(name) for name in ("normal", "neither")} | {"changed": made["read"].eq(made["how"])}
    other = ~(shares["normal"] | shares["neither"] | shares["changed"])
    return made.assign(**{name: share.astype(float) for name, share in (shares | {"other": other}).items()})


def of_ways(pictures: pd.DataFrame) -> pd.DataFrame:
    """Gives a row a change, kind of picture, way and half: means with intervals over nets, and why there are no pictures."""
    rows = []
    made = with_shares(pictures)
    for keys, group in made.groupby(KEYS, sort=False):
        by_net = group.groupby("seed")[[*SHARES, *DIGITS, "response"]].mean()
        row: dict[str, object] = dict(zip(KEYS, keys, strict=True)) | {"n": len(by_net)}
        for name in by_net:
            bounds = (float("-inf"), float("inf")) if name == "response" else (0.0, 1.0)
            row[str(name)] = with_interval(by_net[name].dropna().tolist(), bounds)
        rows.append(row | {"seconds": round(float(group["seconds"].mean()), 2), "said": ""})
    why = pictures[pictures["said"].ne("")].groupby(KEYS, sort=False)["said"].first().reset_index()
    return pd.concat([pd.DataFrame(rows), why], ignore_index=True)


def of_runs(pictures: pd.DataFrame, known: pd.DataFrame, nets: Sequence[Recorded]) -> pd.DataFrame:
    """Gives a row a recorded net, for the nets of 90 classes of its seed: what claims are held against.

    Returns:
        `MEASURE_HALF_WAY_HOW` of pictures of classes by the ways that claims are of, as `own_normal_learned_inverted`;
        `carried_WAY_HOW`: the share of pictures of changed classes read as changed less that of pictures of normal classes;
        `accuracy_HALF_HOW`. nan where there are no pictures.
    """
    made = with_shares(pictures)
    means = made[made["what"].eq("class")].groupby(["how", "way", "half", "seed"])[[*OF_RUNS]].mean()
    accuracy = known.groupby(["how", "seed"])[[f"accuracy_{half}" for half in HALVES]].first()
    rows = []
    for net in nets:
        row: dict[str, object] = {"variant": net.variant, "seed": net.seed}
        for how in CHANGES:
            row |= {f"accuracy_{half}_{how}": _value(accuracy, (how, net.seed), f"accuracy_{half}") for half in HALVES}
            for way in dict.fromkeys(pictures["way"]):
                column = f"{_column(way)}_{how}"
                normal, changed = ({name: _value(means, (how, way, half, net.seed), name) for name in OF_RUNS} for half in HALVES)
                row[f"carried_{column}"] = changed["changed"] - normal["changed"]
                if way in CLAIMED:
                    row |= {f"{name}_normal_{column}": value for name, value in normal.items()}
                    row |= {f"{name}_changed_{column}": value for name, value in changed.items()}
        rows.append(row)
    return pd.DataFrame(rows)


def _value(table: pd.DataFrame, key: tuple[object, ...], name: str) -> float:
    """Gives a number of a table, nan where there is no such row."""
    return float(table[name].get(key, float("nan")))


def _column(way: str) -> str:
    """Gives what a way is called in the name of a column.

    Example:
        >>> _column("learned, natural codes")
        'learned_natural_codes'
    """
    return re.sub(r"\W+", "_", way).lower()


NAMES = [_column(way) for way in EVERY]
ANALYSIS = Analysis(
    "Pictures of classes that a prior has never seen: does it hide them?",
    run,
    draw=draw,
    bounds={
        **{f"{name}_{half}_{way}_{how}": (0, 1) for name in OF_RUNS for half in HALVES for way in NAMES for how in CHANGES},
        **{f"carried_{way}_{how}": (-1, 1) for way in NAMES for how in CHANGES},
        **{f"accuracy_{half}_{how}": (0, 1) for half in HALVES for how in CHANGES},
    },
)
