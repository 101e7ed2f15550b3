"""What was measured of ways as tables: the card, who is fooled, and a row a net for claims."""

from collections.abc import Mapping, Sequence

import pandas as pd

from mixmnist.trust._layers import with_interval
from mixmnist.trust._maps_tables import column_of
from mixmnist.trust._ways_grading import GradedWay
from mixmnist.trust._ways_measuring import kind_of

NUMBERS = {  # of the card: a column, and the test that it is the number of
    "map": ("selective", "points", "worth", "contrast_selective", "contrast_worth", "at_chance", "switch", "ripple"),
    "image": ("reads_own", "only_own", "null", "excites", "path", "planted_own", "switch", "lies"),
}
OF_RUNS: Mapping[str, Mapping[str, tuple[str, str]]] = {  # of a kind: a column, its condition and measure
    "map": {
        "selective": ("peak", "selective"),
        "selective_switch": ("gated", "selective"),
        "selective_ripple": ("rippled", "selective"),
        "points": ("peak", "points_at_box"),
        "points_switch": ("gated", "points_at_box"),
        "points_ripple": ("rippled", "points_at_box"),
    },
    "image": {
        "reads_own": ("trained", "reads_own"),
        "reads_own_switch": ("gated", "reads_own"),
        "reads_planted": ("trained", "reads_decoy"),
        "reads_planted_switch": ("gated", "reads_decoy"),
    },
}


def card(graded: Sequence[GradedWay]) -> pd.DataFrame:
    """Gives a row a way of one kind: its grade, its numbers, what it fails."""
    rows = []
    for one in graded:
        values = {cell.test: cell.value for cell in one.cells}
        row: dict[str, object] = {"way": one.name, "grade": one.grade, "passed": one.share}
        row |= {test: values[test] for test in NUMBERS[one.kind]}
        rows.append(row | {"fails": "; ".join(cell.why for cell in one.failed)})
    return pd.DataFrame(rows)


def outcomes(one: GradedWay) -> dict[str, object]:
    """Gives every test's number and outcome."""
    return {key: value for c in one.cells for key, value in ((c.test, c.value), (f"{c.test}_passed", c.passed))}


def fooled(rows: pd.DataFrame, kind: str) -> pd.DataFrame:
    """Gives a row a way of a kind: its numbers of sound and of fooled nets, means with intervals over nets."""
    found = []
    for way in dict.fromkeys(rows["way"]):
        own = rows[rows["way"] == way]
        if kind_of(way) == kind:
            row: dict[str, object] = {"way": way, "n": own["net"][own["condition"] == "gated"].nunique()}
            for name, (condition, measure) in OF_RUNS[kind].items():
                values = own["value"][own["condition"].eq(condition) & own["measure"].eq(measure)]
                row[name] = with_interval(values.dropna().tolist(), (0, 1))
            found.append(row)
    return pd.DataFrame(found)


def of_runs(rows: pd.DataFrame) -> pd.DataFrame:
    """Gives a row a trained net: each number of `OF_RUNS` as `NUMBER_WAY`, what claims are held against."""
    trained = rows[rows["condition"].isin({condition for kind in OF_RUNS.values() for condition, _ in kind.values()})]
    found: dict[str, dict[str, object]] = {}
    for (net, way), own in trained.groupby(["net", "way"], sort=False):
        variant, _, seed = str(net).rpartition(" ")
        row = found.setdefault(str(net), {"variant": variant, "seed": int(seed)})
        for name, (condition, measure) in OF_RUNS[kind_of(str(way))].items():
            values = own["value"][own["condition"].eq(condition) & own["measure"].eq(measure)]
            if len(values):
                row[f"{name}_{column_of(str(way))}"] = float(values.iloc[0])
    return pd.DataFrame(list(found.values()))
