"""Labels of units: what is a label worth, given by machines and by people with known faults?

Each labeller of the shelf looks at rank canvases and names what each unit of the layer that feeds the head detects; the labels
are judged on test canvases: do they say when the unit fires, are they the true names, does the unit answer to what they name
alone, and is "nothing in common" said where nothing is? Claims L1 to L6.

Source:
    T. Oikarinen & T.-W. Weng (2023), arXiv:2204.10965; L. Kopf et al. (2024), "CoSy", arXiv:2405.20331; B. Zhou et al. (2015),
    arXiv:1412.6856. Differs: every truth is known, so that labellers, judges and people are measured themselves.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from mixmnist.core.records import Analysis, require
from mixmnist.report.drawing import Album
from mixmnist.report.tables import CUT, write_table
from mixmnist.trust import _labels_drawn
from mixmnist.trust._labels_measured import DIALLED, LABELLERS, NULL, PAGE, TIMES, WORN, Measured, joined, measured
from mixmnist.trust._layers import about, counts, nets_of, table_of, with_interval, write_summary
from mixmnist.trust._networks import Recorded
from mixmnist.trust._side_by_side import side_by_side
from mixmnist.visualize.keeping import kept_reader
from mixmnist.visualize.reader import Reader

READER = "reader.safetensors"
COLUMNS = {  # of the table of labellers: the measure, and of which units
    "first_detectors": ("first", "detector"),
    "first_mixed": ("first", "mixed"),
    "precision": ("precision", "all"),
    "recall": ("recall", "all"),
    "recall_mixed": ("recall", "mixed"),
    "f1": ("f1", "all"),
    "f1_chance": ("f1_chance", "all"),
    "f1_detectors": ("f1", "detector"),
    "f1_mixed": ("f1", "mixed"),
    "ap": ("ap", "all"),
    "rendered_auc": ("rendered_auc", "all"),
    "rendered_difference": ("rendered_difference", "all"),
    "nothing": ("empty", "all"),
    "nothing_wrong": ("empty", "detector"),
    "nothing_right": ("empty", "nothing"),
}
DIALS = ("first", "recall_mixed", "precision", "f1", "nothing_wrong", "nothing_right", "nothing_shuffled", "agreement")
TOLD = ("fits", "judged_right", "f1", "fits_orders_f1")
CLAIMED = ("first_detectors", "recall_mixed", "f1", "rendered_auc", "nothing", "nothing_wrong", "nothing_right")  # of runs
UNBOUNDED = ("rendered_difference",)
SIGNED = ("agreement", "fits_orders_f1")
WORDS = (
    "first: the heaviest name is the digit with the highest alignment, of detectors (alignment at least .80) and of mixed units "
    "(others with a true name: alignment a tenth of the way from chance to 1); precision and recall of all names against the "
    "true ones; f1: of `the unit fires where a named digit is shown`, over all test canvases, beside that of a prediction that "
    "says so as often and knows nothing; the rows truth are the ceilings. A unit fires above the threshold of Otsu (1979) of its "
    "rank responses. ap: average precision of the names' weights; the row constant:names=0 is chance."
)
RENDERED = (
    "rendered: responses to canvases of one named digit alone against those to canvases of another digit alone, by AUC and in "
    "standard deviations. nothing: share of units that get the empty label; wrong: of detectors; right: of units without a true "
    f"name. {NULL}: responses permuted over the canvases, the null."
)


def run(folder: Path, out: Path, root: str | None) -> None:
    """Writes rows of labellers, dials and people (`labels.csv`, `dials.csv`, `page.csv`), their tables, and a summary."""
    nets = nets_of(folder)
    first = nets[0]
    alike = [net for net in nets if (net.source, net.settings.canvas, net.settings.task) == _canvases(first)]
    require(len(alike) == len(nets), "nets must share task, source and canvas, got several. Make a study of each.")
    reader = kept_reader(out / READER, first.source, first.settings.canvas, root)
    reader.check()
    found = measure_nets(nets, root, out / READER)
    write(found, out, f"{about(folder, nets)} {counts(nets)}", reader)


def _canvases(net: Recorded) -> tuple[object, ...]:
    return net.source, net.settings.canvas, net.settings.task


def write(found: Measured, out: Path, note: str, reader: Reader) -> None:
    """Writes everything that is made of what was measured."""
    for name in ("labels", "dials", "page"):
        getattr(found, name).to_csv(out / f"{name}.csv", index=False, float_format="%.3g")
    how = f"Means over units within a net, then over nets with their 95 % t interval. {CUT}"
    people = (
        f"People look at the first {DIALLED} nets of a variant, {TIMES} times. One dial is turned, the others rest: 12 images, "
        f"one person without faults; several people each miss {WORN.misses} and confuse {WORN.confusions}. misses_always: of "
        "people who name the digit seen most even where chance has it. agreement: Krippendorff's alpha; nothing_shuffled: share "
        "of units with permuted responses that get the empty label."
    )
    at_page = (
        f"People at the page: careful ({_faults('page, careful')}) and hasty ({_faults('page, hasty')}). fits, judged_right: as "
        "the page tells them; fits_orders_f1: Spearman's correlation of fits with F1 over the units of a net that got a name."
    )
    table = of_labellers(found.labels)
    write_table(out, "labellers", table, [note, how, WORDS, RENDERED, reader.card])
    write_table(out, "annotators", _means(found.dials, ["variant", "dial", "level"], DIALS), [note, how, people])
    write_table(out, "at_the_page", _means(found.page, ["variant", "person"], TOLD), [note, how, at_page])
    write_table(out, "runs", of_runs(found), [note, "A row a net: what claims are held against."])
    shown = [
        "variant",
        "labeller",
        "n",
        "first_detectors",
        "recall_mixed",
        "f1",
        "rendered_auc",
        "nothing_wrong",
        "nothing_right",
    ]
    write_summary(out, [note, how, reader.card], table[shown])


def _faults(person: str) -> str:
    dials = PAGE[person]
    return f"misses {dials.misses}, false alarms {dials.false_alarms}, confusions {dials.confusions}, {dials.images} images"


def draw(home: Path, album: Album) -> None:
    """Draws labellers beside measures, and what people's faults cost."""
    _labels_drawn.labellers(album, table_of(home, "labels"))
    _labels_drawn.annotators(album, table_of(home, "dials"))


def measure_nets(nets: Sequence[Recorded], root: str | None, reader: Path) -> Measured:
    """Measures every net, on as many cores as there are; people with dials look at the first nets of each variant."""
    number: dict[str, int] = {}
    calls = []
    for net in nets:
        number[net.variant] = number.get(net.variant, -1) + 1
        calls.append((measured, (net, root, reader, number[net.variant] < DIALLED)))
    return joined(side_by_side(calls, "labels", fewest=1))


def of_labellers(labels: pd.DataFrame) -> pd.DataFrame:
    """Gives a row a variant and labeller: means with intervals over nets, n of them; units of a kind that some nets lack count
    over those that have any.
    """
    rows = []
    for (variant, labeller), group in labels.groupby(["variant", "labeller"], sort=False):
        row: dict[str, object] = {"variant": variant, "labeller": labeller, "n": group["seed"].nunique()}
        for column, (measure, kind) in COLUMNS.items():
            values = group[measure][group["kind"].eq(kind)].dropna().tolist()
            row[column] = with_interval(values) if measure in UNBOUNDED else with_interval(values, (0, 1))
        rows.append(row)
    return pd.DataFrame(rows)


def _means(table: pd.DataFrame, keys: list[str], measures: Sequence[str]) -> pd.DataFrame:
    """Gives means with intervals over nets."""
    rows = []
    for names, group in table.groupby(keys, sort=False):
        row: dict[str, object] = dict(zip(keys, names, strict=True)) | {"n": group["seed"].nunique()}
        if "level" in row:
            row["level"] = f"{row['level']:g}"  # images and shares stand in one column
        for measure in measures:
            values = group[measure].dropna().tolist()
            row[measure] = with_interval(values, (-1, 1) if measure in SIGNED else (0, 1))
        rows.append(row)
    return pd.DataFrame(rows)


def of_runs(found: Measured) -> pd.DataFrame:
    """Gives a row a net: what claims are held against.

    Returns:
        `COLUMN_LABELLER` with some columns of the table of labellers; `first_misses_30`: of one person who misses 30 % of the
        digits, and `first_misses_30_always`, of one who always names something; `fits_orders_f1_careful`.
    """
    rows = []
    for (variant, seed), group in found.labels.groupby(["variant", "seed"], sort=False):
        row: dict[str, object] = {"variant": variant, "seed": seed}
        for labeller, own in group.groupby("labeller", sort=False):
            by_kind = own.set_index("kind")
            for column in CLAIMED:
                measure, kind = COLUMNS[column]
                row[f"{column}_{column_of(str(labeller))}"] = by_kind[measure].get(kind)
        at_page = _of_net(found.page, str(variant), seed).set_index("person")
        row["fits_orders_f1_careful"] = at_page["fits_orders_f1"].get("page, careful")
        people = _of_net(found.dials, str(variant), seed)
        if len(people):
            for dial, column in (("misses", "first_misses_30"), ("misses_always", "first_misses_30_always")):
                row[column] = float(people["first"][people["dial"].eq(dial) & people["level"].eq(0.3)].mean())
        rows.append(row)
    return pd.DataFrame(rows).round(5)


def _of_net(table: pd.DataFrame, variant: str, seed: object) -> pd.DataFrame:
    """Gives the rows of one net; none of an empty table."""
    return table.query("variant == @variant and seed == @seed") if len(table) else table


def column_of(labeller: str) -> str:
    """Gives what a labeller is called in the name of a column.

    Example:
        >>> [column_of(one) for one in ("top_images:images=12", "truth:by=alignment", "page, careful")]
        ['top_images_12', 'truth_alignment', 'page_careful']
    """
    return re.sub(r"\W+", "_", re.sub(r"\w+=", "", labeller))


ANALYSIS = Analysis(
    "Labels of units by machines and by simulated people",
    run,
    draw=draw,
    asks=("labellers",),
    bounds={
        **{f"{column}_{column_of(labeller)}": (0, 1) for column in CLAIMED for labeller in (*LABELLERS, *PAGE)},
        "first_misses_30": (0, 1),
        "first_misses_30_always": (0, 1),
        "fits_orders_f1_careful": (-1, 1),
    },
)
