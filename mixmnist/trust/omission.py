"""Omission: a generator is trained on canvases without a digit, or with hardly any; does what it draws point at that digit?

A judge that knows all digits segments what generators draw and full real canvases. The signed share of a digit is its share of
the digits' pixels in the one less that in the other. It should be lowest for what was left out, and near zero for every digit
where nothing was: of a generator that saw all, and of real canvases against other real ones. Claims O1 to O3.

Source:
    D. Bau et al. (2019), "Seeing What a GAN Cannot Generate", ICCV, arXiv:1910.11626. Differs: what was left out is known, and
    so is how well the judge reads; shares are of the digits' pixels, so that more or less ink in all shifts none.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from mixmnist.core.records import Analysis, Task, require
from mixmnist.core.registry import choose
from mixmnist.data.mixture import draw as draw_canvases
from mixmnist.dissect.reading import DIGITS, Judge, classes_of
from mixmnist.report.drawing import Album
from mixmnist.report.tables import CUT, write_table
from mixmnist.stats import Bounds
from mixmnist.trust import _omission_drawn
from mixmnist.trust._generators_nets import as_images, drawn, ends, parted, real, refused, weights
from mixmnist.trust._judging import Who, who_judges
from mixmnist.trust._layers import about, counts, nets_of, table_of, with_interval, write_summary
from mixmnist.trust._networks import Recorded
from mixmnist.trust._side_by_side import side_by_side

SAMPLES = 2000  # of each generator, and real canvases
TASK = "rare"  # with which a digit is left out
NONE, USUAL = -1, 0.2  # no digit is rare; share of the canvases of `pairs` that show a digit
NULL = "real"  # in the place of a variant: other real canvases
READ_AT_ONCE = 500
WORDS = (
    "share: of the digits' pixels, by the judge; signed: generated less full real canvases; read: share of canvases on which the "
    "digit is read. trained: share of the training canvases that showed it. Bounds: 95 % bootstrap over samples of one net, "
    f"generated and real. The rows {NULL} are other real canvases, of training glyphs: the null."
)
MEANS = (
    "Over nets: signed share of the digit that is left out or rare, the same digit in every row; margin: how far the lowest "
    "other digit stands above it; points: share of nets in which it is the lowest (resampled: of resamples). largest_other: "
    "the largest signed share, without its sign, of any other digit."
)
BOUNDS: Mapping[str, Bounds] = {
    "signed": (-1, 1),
    "margin": (-2, 2),
    "points": (0, 1),
    "points_resampled": (0, 1),
    "largest_other": (0, 1),
    "read": (0, 1),
    "valid": (0, 1),
    "valid_real": (0, 1),
}


def run(folder: Path, out: Path, root: str | None) -> None:
    """Writes a row a net and digit (`digits.csv`), a row a net (`runs.csv`), their means and a summary."""
    judges, generators = parted(nets_of(folder))
    who = who_judges(judges, generators[0])[0]
    digit = left_out(generators)
    calls = [(measured, (net, who, root)) for net in generators]
    found = side_by_side([*calls, (of_real, (generators[0], who, root))], "omission", fewest=1)
    table = pd.concat(found, ignore_index=True)
    runs = of_runs(table, digit)
    card = f"Judge: {who.judge.card}."
    notes = [f"{about(folder, generators)} {counts(generators)}", f"Digit left out: {digit}. {SAMPLES} samples a net.", card]
    why = [f"No verdict on {net}: {said}." for net, said in refusals(table).items()]
    write_table(out, "digits", table, [*notes, WORDS, *why])
    write_table(out, "runs", runs, [*notes, "A row a net: what claims are held against; empty where no verdict is passed."])
    means = of_variants(table, digit)
    write_table(out, "variants", means, [*notes, MEANS, CUT, *why])
    write_summary(out, [*notes, MEANS, *why], means)


def draw(home: Path, album: Album) -> None:
    """Draws the signed shares of all digits, a panel a variant."""
    _omission_drawn.bars(album, table_of(home, "digits"))


def left_out(nets: list[Recorded]) -> int:
    """Gives the one digit that generators of a study were trained with too little of.

    Raises:
        ValueError: If there is none, or several.
    """
    digits = sorted({rare_of(net)[0] for net in nets} - {NONE})
    said = f"generators must be trained without one digit, the same for all, got {digits or 'none'}"
    require(len(digits) == 1, f"{said}. Give them the task {TASK} with one digit.")
    return digits[0]


def rare_of(net: Recorded) -> tuple[int, float]:
    """Gives the digit that a generator's training canvases show too seldom, and the share of them that show it."""
    if net.settings.task != TASK:
        return NONE, USUAL
    task: Task = choose("tasks", TASK)
    settings = task.with_settings(net.settings.task_settings)
    return int(settings["digit"]), float(settings["share"])


def measured(net: Recorded, who: Who, root: str | None) -> pd.DataFrame:
    """Measures one generator."""
    rare, share = rare_of(net)
    canvas = net.settings.canvas
    full = draw_canvases("pairs", net.source, "test", SAMPLES, canvas=canvas, root=root, seed=net.seed)  # each net its own
    table = signed_shares(who.judge, drawn(net, SAMPLES, net.seed), as_images(full))
    others = USUAL if rare == NONE else (2 - share) / (DIGITS - 1)  # two digits a canvas
    trained = [share if digit == rare else others for digit in range(DIGITS)]
    why = refused(who.judge, table["valid"].iloc[0], table["valid_real"].iloc[0])
    return _with_keys(table.assign(trained=trained, why=why), net.variant, net.seed)


def of_real(net: Recorded, who: Who, root: str | None) -> pd.DataFrame:
    """Measures the null: real canvases of training glyphs against others, laid out as a generator's."""
    of_training, full = (as_images(real(net.source, root, net.settings.canvas, SAMPLES, split)) for split in ("rank", "test"))
    return _with_keys(signed_shares(who.judge, of_training, full).assign(trained=USUAL, why=""), NULL, 0)


def _with_keys(table: pd.DataFrame, variant: str, seed: int) -> pd.DataFrame:
    table.insert(0, "seed", seed)
    table.insert(0, "variant", variant)
    return table


def signed_shares(judge: Judge, images: Float[Tensor, "n 1 rows cols"], full: Float[Tensor, "m 1 rows cols"]) -> pd.DataFrame:
    """Holds what is drawn against full real canvases, digit by digit.

    Args:
        judge: Who reads and segments.
        images: What a generator draws.
        full: Real canvases.

    Returns:
        A row a digit: its share of the digits' pixels in both, their difference with its 95 % bootstrap interval over samples;
        `points`, the share of resamples in which its signed share is the lowest; and how often it is read.
    """
    ours, theirs = _look_at(judge, images), _look_at(judge, full)
    generated, known = _composition(ours.pixels.mean(dim=0)), _composition(theirs.pixels.mean(dim=0))
    resampled = [
        _composition(weights(len(one.pixels), 0, name).double() @ one.pixels)
        for name, one in (("generated", ours), ("real", theirs))
    ]
    signed = resampled[0] - resampled[1]
    low, high = ends(signed)
    lowest = signed.nan_to_num(torch.inf).argmin(dim=1)
    rows = {
        "digit": range(DIGITS),
        "share": generated,
        "share_real": known,
        "signed": generated - known,
        "lower": low,
        "upper": high,
        "points": [float((lowest == digit).double().mean()) for digit in range(DIGITS)],
        "read": ours.read,
        "read_real": theirs.read,
        "valid": ours.valid,
        "valid_real": theirs.valid,
        "n": len(images),
    }
    return pd.DataFrame(rows)


@dataclass(frozen=True, eq=False)
class _Looked:
    """What a judge sees on canvases."""

    pixels: Float[Tensor, "n digits"]  # of each digit
    read: Float[Tensor, " digits"]  # share of canvases on which it is read
    valid: float


def _look_at(judge: Judge, images: Float[Tensor, "n 1 rows cols"]) -> _Looked:
    said = [judge.read(part) for part in images.split(READ_AT_ONCE)]
    classes = classes_of(judge, images).flatten(1)
    pixels = torch.stack([(classes == digit).sum(dim=1) for digit in range(DIGITS)], dim=1)
    read = (torch.cat([one.counts for one in said]) >= 1).double().mean(dim=0)
    return _Looked(pixels.double(), read, float(torch.cat([one.valid for one in said]).double().mean()))


def _composition(pixels: Float[Tensor, "*draws digits"]) -> Float[Tensor, "*draws digits"]:
    """Gives each digit's share of the digits' pixels; `nan` where there are none."""
    return pixels / pixels.sum(dim=-1, keepdim=True)


def of_net(table: pd.DataFrame, digit: int) -> dict[str, float]:
    """Gives what is said of one net: whether the digit is the one that it draws too little of.

    Args:
        table: Its rows.
        digit: That is left out or rare in some nets of the study.
    """
    signed = table.set_index("digit")["signed"]
    others = signed.drop(digit)
    return {
        "signed": float(signed[digit]),
        "margin": float(others.min() - signed[digit]),
        "points": float(signed[digit] < others.min()),
        "points_resampled": float(table.set_index("digit")["points"][digit]),
        "largest_other": float(others.abs().max()),
        "read": float(table.set_index("digit")["read"][digit]),
        **{name: float(table[name].iloc[0]) for name in ("valid", "valid_real")},
    }


def of_runs(table: pd.DataFrame, digit: int) -> pd.DataFrame:
    """Gives a row a generator; what claims are made of is empty where no verdict is passed."""
    rows = []
    for (variant, seed), own in table[table["variant"].ne(NULL)].groupby(["variant", "seed"], sort=False):
        known = of_net(own, digit)
        kept = known if not own["why"].iloc[0] else {name: known[name] for name in ("valid", "valid_real")}
        rows.append({"variant": variant, "seed": seed, **{f"omission_{name}": kept.get(name, math.nan) for name in known}})
    return pd.DataFrame(rows).round(5)


def of_variants(table: pd.DataFrame, digit: int) -> pd.DataFrame:
    """Gives a row a variant: means with intervals over nets, verdict or not."""
    rows = []
    for variant, group in table.groupby("variant", sort=False):
        found = pd.DataFrame([of_net(own, digit) for _, own in group.groupby("seed", sort=False)])
        row: dict[str, object] = {"variant": variant, "n": len(found), "digit": digit}
        rows.append(row | {name: with_interval(found[name].tolist(), bounds) for name, bounds in BOUNDS.items()})
    return pd.DataFrame(rows)


def refusals(table: pd.DataFrame) -> dict[str, str]:
    """Says of which nets there is no verdict, and why."""
    first = table.drop_duplicates(["variant", "seed"])
    return {f"{row.variant}, seed {row.seed}": str(row.why) for row in first.itertuples() if row.why}


ANALYSIS = Analysis(
    "What generators leave out of what they draw",
    run,
    bounds={f"omission_{name}": bounds for name, bounds in BOUNDS.items()},
    draw=draw,
)
