"""Report card: every score of the shelf held against planted units whose truth is known, and graded.

Each score is asked: does it fall when labels are missing, or when there are too many (NeuronEval's two tests)? Does it go where
the truth goes along every dial of faults? How biased is it at 500 images, how much does it scatter, how often does its interval
hold, does it see a fault of 5 %? Does it stay when only the width, the order of the rows, the scale of the response or the
prevalence change, and fall when the layer is rotated? A metric added to the shelf is asked by itself.

Source:
    T. Oikarinen, G. Yan, T.-W. Weng (2025), "Evaluating Neuron Explanations: A Unified Framework with Sanity Checks", ICML 2025,
    arXiv:2506.05774: the tests of missing and extra labels. Differs: prevalences, thresholds of passing, all other tests.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from mixmnist.core.records import Analysis
from mixmnist.core.storage import COSTS
from mixmnist.plants.units import DIALS
from mixmnist.report.drawing import Album
from mixmnist.report.tables import as_markdown, write_table
from mixmnist.trust import _plots, _squares
from mixmnist.trust._columns import ACTS, KINDS, columns
from mixmnist.trust._evidence import LEVELS, PREVALENCES, Evidence, Sizes, gather
from mixmnist.trust._grading import RULE, Graded, grade, truths
from mixmnist.trust._layers import table_of

SCALE = "Scores are scaled so that a sound planted unit has 1 and an idle one 0; labels' columns are in the score's own units."
DIALS_SAID = {  # in a few words
    "misses": "share of the digit's images without an answer",
    "false_alarms": "share of the other images with one",
    "either": "it answers to a second digit too",
    "blend": "weight of a second digit",
    "rotation": "turned into another digit's unit, by up to a quarter turn",
    "duplicates": "up to nine further units share its work",
    "silence": "share of all images without an answer",
    "shift": "of its map, by up to a glyph's side",
    "gain": "its strength differs from image to image",
    "confusion": "share of the images on which it answers to a decoy",
    "noise": "before the ReLU",
}
MEANING = (
    "Held against: detects, how often the answer tells an image with the digit from one that differs in nothing else; places, "
    "that times the overlap of map and digit; acts, the accuracy that the unit's removal costs. Missing, extra: change of a "
    "perfect unit's score when half of the labels are missing, or as many again are wrong, at prevalence "
    f"{', '.join(f'{p:g}' for p in PREVALENCES)}. Tau: Kendall's rank agreement with the truth over all plants, 95 % bootstrap "
    "interval over plants. Bias, sd, coverage of the 95 % interval over images, and power to see 5 % misses or false alarms: 500 "
    "images, a unit with some noise. Rotation: what is left when the whole layer is rotated at random. ms: for 10,000 images, 30 "
    "units, 10 digits, with all that it needs."
)


def run(folder: Path, out: Path, root: str | None) -> None:
    """Writes the cards, the tests and the response curves they rest on; of planted units alone, whatever the folder holds."""
    del folder, root
    write_cards(out, Sizes())


def write_cards(out: Path, sizes: Sizes) -> None:
    """Measures, grades, and writes tables into a folder."""
    evidence = gather(sizes)
    graded = [grade(column, evidence) for column in columns()]
    units, summaries = ([g for g in graded if g.column.summary is s] for s in (False, True))
    notes = ["Planted units.", f"{sizes.images:,} images.", SCALE, MEANING, RULE]
    write_table(out, "card", card(units), notes)
    write_table(
        out, "card_of_summaries", card(summaries), [*notes, "Faults in all ten units; of a layer's reliance no truth is known."]
    )
    curves = response_curves(units, evidence)
    curves.to_csv(out / "response_curves.csv", index=False)
    pd.DataFrame([tests_of(g) for g in graded if g.cells]).to_csv(out / "tests.csv", index=False)
    (out / "summary.md").write_text(_summary(units), encoding="utf-8")


def draw(home: Path, album: Album) -> None:
    """Draws which score passes which test, and the response curves of each kind of score."""
    album = replace(album, notes=("Planted units.",))
    units = table_of(home, "card")[["metric", "score", "held_against"]]
    _squares.heat_map(album, table_of(home, "tests").merge(units), Sizes().images)
    curves = table_of(home, "response_curves")
    for kind, what in KINDS.items():
        _plots.response_curves(album, curves[curves["kind"] == kind], what, DIALS_SAID, f"response_curves_{kind}")


def card(graded: Sequence[Graded]) -> pd.DataFrame:
    """Gives a row a score: its numbers, what it fails, its grade; the best grades first."""
    costs = json.loads(COSTS.read_text(encoding="utf-8"))["milliseconds"]
    rows = []
    for one in sorted(graded, key=lambda g: (g.grade == "-", g.grade, -g.share if g.cells else 0.0)):
        cells = {cell.test: cell.value for cell in one.cells}
        row: dict[str, object] = {"score": one.column.name, "metric": one.column.metric, "grade": one.grade}
        row |= {"passed": one.share, "held_against": one.column.kind, "sound": one.sound, "idle": one.idle}
        for kind in ("missing", "extra"):
            row[kind] = " ".join(_number(cells.get(f"{kind}_{p:g}", np.nan)) for p in PREVALENCES).replace(
                "n/a n/a n/a n/a", "n/a"
            )
        row["tau"] = f"{one.tau[0]:.2f} [{one.tau[1]:.2f}, {one.tau[2]:.2f}]" if one.tau[0] == one.tau[0] else "n/a"
        for test in ("bias", "sd", "coverage", "power_misses", "power_false_alarms", "rotation"):
            row[test] = cells.get(test, np.nan)
        row["ms"] = costs.get(one.column.metric, np.nan)
        rows.append(row | {"fails": "; ".join(cell.why for cell in one.failed)})
    return pd.DataFrame(rows)


def _number(value: float) -> str:
    return "n/a" if np.isnan(value) else f"{value:+.2f}"


def tests_of(one: Graded) -> dict[str, object]:
    """Gives every test's number and outcome of one score."""
    row: dict[str, object] = {"metric": one.column.metric, "score": one.column.name, "grade": one.grade}
    for cell in one.cells:
        row |= {cell.test: cell.value, f"{cell.test}_passed": cell.passed}
    return row


def response_curves(graded: Sequence[Graded], evidence: Evidence) -> pd.DataFrame:
    """Gives a row a score, dial and level: the scaled score beside the truth."""
    means = evidence.dials.groupby(["metric", "score", "dial", "level"])["value"].mean()
    rows = []
    for one in (g for g in graded if g.cells):
        for dial in DIALS:
            for level, known in zip(LEVELS, truths(dial, one.column), strict=True):
                value = float(means[one.column.metric, one.column.name, dial, level])
                keys = {
                    "metric": one.column.metric,
                    "score": one.column.name,
                    "kind": one.column.kind,
                    "dial": dial,
                    "level": level,
                }
                rows.append(keys | {"value": value, "scaled": (value - one.idle) / (one.sound - one.idle), "truth": known})
    return pd.DataFrame(rows)


def _summary(units: Sequence[Graded]) -> str:
    """Says each metric's first score's grade and what it fails."""
    first = {g.column.metric: g for g in reversed([g for g in units if g.cells])}
    ordered = sorted(first.values(), key=lambda g: (g.column.kind == ACTS, g.grade))
    rows = [(g.column.name, g.column.kind, g.grade, "; ".join(c.why for c in g.failed[:3])) for g in ordered]
    table = pd.DataFrame(rows, columns=["score", "held against", "grade", "fails, among others"])
    return f"Report card of the scores on planted units. {RULE}\n\n{as_markdown(table)}\n"


ANALYSIS = Analysis("Report card of every score, on planted units", run, draw=draw)
