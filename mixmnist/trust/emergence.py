"""Emergence: when does a unit become a detector, before or after the net tells its digit, and does it ever change its mind?

The recorded nets of a study are trained once more as they were, and looked at before about 15 steps, evenly on a logarithmic
scale. Batch norm's statistics are estimated anew at each moment: the running ones lag behind, and before the first step they
are no statistics at all. Claims E1 to E4.

Source:
    D. Bau et al. (2017), "Network Dissection", arXiv:1704.05796, figure 10: detectors begin at about 10,000 of 300,000
    iterations, and units do not change their category. Differs: a null beside each number; the digit's own accuracy beside.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from mixmnist.core import sums
from mixmnist.core.records import Analysis, require
from mixmnist.report.drawing import Album, Nothing
from mixmnist.report.tables import CUT, write_table
from mixmnist.stats import Bounds
from mixmnist.trust import _emergence_drawn
from mixmnist.trust._emergence_measured import ATOMS, DICTIONARIES, TO, Found, measure_block
from mixmnist.trust._emergence_told import firsts_of, of_runs
from mixmnist.trust._layers import about, counts, nets_of, table_of, with_interval, write_summary
from mixmnist.trust._moments import check_moments, last_step
from mixmnist.trust._networks import Recorded
from mixmnist.trust._side_by_side import side_by_side

MOST = math.inf
BOUNDS: Mapping[str, Bounds] = {
    **dict.fromkeys(("lead_half", "lead_answer", "lead_any"), (-MOST, MOST)),
    **dict.fromkeys(("apart", "apart_shuffled", "difference"), (0, MOST)),
    **dict.fromkeys(("before_half", "first_detector", "lost", "born", "born_shuffled"), (0, 1)),
    **dict.fromkeys(("changed", "changed_shuffled", "changes_after", "changes_before", "changes_shuffled"), (0, 1)),
}
OF_STEPS: Mapping[str, Bounds] = {
    **dict.fromkeys(("accuracy", "coverage", "accuracy_running", "coverage_running"), (0, 1)),
    **dict.fromkeys(("detectors", "unique_concepts", "dead", "unique_concepts_running", "dead_running"), (0, MOST)),
    **{f"coverage_{name}": (0, 1) for name in DICTIONARIES},
    **{f"unique_{name}": (0, MOST) for name in DICTIONARIES},
}
MEANS = (
    "lead_half: by how many doublings of the steps a digit's detector (its best unit in the end, alignment >= .80 from there on) "
    "comes before the accuracy on canvases that show the digit stays at half of its last value; lead_answer: before the net's "
    "own answer for the digit stays at the detector's bar of average precision; lead_any: of any unit before half. before_half: "
    "share of digits whose detector comes first. apart: doublings between the two, whichever is first (shuffled: and another "
    "digit's). first_detector: share of the training after which the first digit has one. changed: of units that were a detector "
    "before the end, the share with another concept in the end (shuffled: of other units). changes_after: share of moments to "
    "the next at which a unit changes its concept after it first was a detector (before: before that; shuffled: to another "
    "unit's). lost: no detector in the end. born: share of the last detectors whose concept was their best at step 0 (shuffled: "
    "of other units). difference: largest, of the weights of the net that was trained once more and of the recorded one."
)
STATISTICS = (
    "Batch norm's statistics are estimated at each moment on training canvases; _running: with the running ones of the training. "
    f"coverage_, unique_ of {', '.join(DICTIONARIES)}: of {ATOMS} atoms fitted on rank canvases at some of the moments; random: "
    "directions."
)


def run(folder: Path, out: Path, root: str | None) -> None:
    """Writes rows of units, digits, layers and firsts at each moment, a row a net (`runs.csv`), means and a summary."""
    nets = nets_of(folder)
    moments = asked_moments(folder, nets)
    found = measured(nets, root, moments)
    firsts = firsts_of(found.units, found.digits)
    runs = of_runs(found.units, firsts, found.nets)
    shown = found.units[[name for name in found.units if not str(name).startswith(TO)]]
    shown.to_csv(out / "moments.csv", index=False, float_format="%.5g")
    found.digits.to_csv(out / "digits.csv", index=False, float_format="%.5g")
    note, same = f"{about(folder, nets)} {counts(nets)}", sameness(runs)
    how = f"Means over nets with their 95 % t interval. {CUT}"
    write_table(out, "firsts", firsts, [note, "A row a net and digit; steps, between moments by interpolation.", MEANS])
    write_table(out, "steps", found.steps, [note, "A row a net and moment.", STATISTICS])
    write_table(out, "runs", runs.round(6), [note, "A row a net: what claims are held against.", MEANS, same])
    write_table(out, "means", of_steps(found.steps), [note, how, STATISTICS])
    table = of_variants(runs)
    write_table(out, "variants", table, [note, how, MEANS, same])
    write_summary(out, [note, how, MEANS, same], table)


def draw(home: Path, album: Album) -> None:
    """Draws scores over steps, the concepts of the first nets' units over steps, and which comes first of each digit."""
    _emergence_drawn.over_steps(album, table_of(home, "steps"))
    _emergence_drawn.concepts_of_units(album, table_of(home, "moments").astype({"concept": str}))
    try:
        _emergence_drawn.which_first(album, table_of(home, "firsts"))
    except Nothing as why:
        text = f"The figure which_first is left out: {why}\n"
        (album.folder / "which_first.txt").write_text(text, encoding="utf-8")


def asked_moments(folder: Path, nets: Sequence[Recorded]) -> tuple[int, ...]:
    """Gives the moments that a study asks for, which a shortened recipe has not; none stands for some 15 of each training.

    Raises:
        ValueError: If one lies beyond the last step of a net.
    """
    known = sums.read_sealed(folder / sums.STUDY) if (folder / sums.STUDY).is_file() else {}
    moments = () if folder.name.endswith("-quick") else tuple(known.get("moments", ()))
    for net in nets:
        check_moments(moments, last_step(net.settings.training))
    return moments


def measured(nets: Sequence[Recorded], root: str | None, moments: Sequence[int] = ()) -> Found:
    """Measures every net, a block at a time, on as many cores as there are.

    Args:
        nets: Trained ones; others have no moments and are left out.
        root: Holds the source's files.
        moments: As for `check_moments`.

    Raises:
        ValueError: If none was trained.
    """
    trained = [net for net in nets if net.settings.origin == "trained" and net.settings.kind == "classifier"]
    require(trained, f"a study must have a net that was trained to tell classes, got {len(nets)} others. Train some.")
    blocks = [list(block) for _, block in itertools.groupby(trained, key=lambda net: (net.variant, net.place.parent))]
    parts: list[Found] = side_by_side([(measure_block, (block, root, moments)) for block in blocks], "emergence", fewest=1)
    names = ("units", "digits", "steps", "nets")
    return Found(**{name: pd.concat([getattr(part, name) for part in parts], ignore_index=True) for name in names})


def of_steps(steps: pd.DataFrame) -> pd.DataFrame:
    """Gives a row a variant and moment: means with intervals over nets."""
    return _means(steps, ["variant", "step"], OF_STEPS)


def of_variants(runs: pd.DataFrame) -> pd.DataFrame:
    """Gives a row a variant: means with intervals over nets."""
    return _means(runs, ["variant"], BOUNDS)


def _means(table: pd.DataFrame, keys: list[str], bounds: Mapping[str, Bounds]) -> pd.DataFrame:
    rows = []
    for named, group in table.groupby(keys, sort=False):
        row: dict[str, object] = dict(zip(keys, named, strict=True)) | {"n": len(group)}
        columns = [name for name in bounds if name in group]
        rows.append(row | {name: with_interval(group[name].dropna().astype(float).tolist(), bounds[name]) for name in columns})
    return pd.DataFrame(rows)


def sameness(runs: pd.DataFrame) -> str:
    """Says whether the nets that were trained once more are those that are recorded."""
    same = int(runs["difference"].eq(0).sum())
    far = f"; the others' weights lie up to {runs['difference'].max():.2g} apart" if same < len(runs) else ""
    return f"Trained once more, {same} of {len(runs)} nets have the recorded weights to the last bit{far}."


ANALYSIS = Analysis(
    "When detectors emerge: before their digit is told, and for good?",
    run,
    bounds=BOUNDS,
    draw=draw,
    asks=("dictionaries", "nets", "objectives", "tasks"),
)
