"""What `mixmnist features` shows and writes: dictionaries beside random directions and the ceiling, on one screen."""

import json
import math
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from mixmnist.core import storage
from mixmnist.core.records import require
from mixmnist.core.thresholds import THRESHOLD
from mixmnist.features.measuring import CEILING, RANDOM, RANDOM_DRAWS, UNITS
from mixmnist.report.tables import CUT, as_markdown, write_table
from mixmnist.trust._layers import with_interval
from mixmnist.trust.features import of_variants

ASKED = "asked.json"  # what was asked for; a folder that holds it was written here, and may be written anew
TIMES = "seconds"  # the one column that differs from run to run: it has a file of its own
WIDTH, PAIRS = 110, 6  # columns of the screen, and pairs of variant and number of atoms that have room on it
MEANING = (
    f"coverage: of each concept the best atom's alignment (average precision by the highest code), mean over concepts; unique: "
    f"concepts that an atom detects (alignment {THRESHOLD:g} or more); random: coverage of as many random directions "
    f"({RANDOM_DRAWS} draws); ceiling: coverage of directions trained on the truth ({CEILING}); gap_closed: 0 as random, 1 as "
    "the ceiling, n/a where they lie less than .05 apart."
)


def check_home(home: Path) -> None:
    """Refuses a folder that holds something else than what `mixmnist features` wrote: it would be lost.

    Raises:
        ValueError: If it does.
    """
    ours = not home.is_dir() or (home / ASKED).is_file() or not any(home.iterdir())
    require(ours, f"out must be a new folder or one that `mixmnist features` wrote, got {home} with other files. Name another.")


def write(fits: pd.DataFrame, about: str, asked: Mapping[str, Any], home: Path) -> None:
    """Writes a row a fit, the table of variants, the times and what was asked for, whole or not at all.

    The same request gives the same bytes, except for the file of times.
    """

    def fill(partial: Path) -> None:
        fits.drop(columns=TIMES).to_csv(partial / "fits.csv", index=False)
        fits[["variant", "net_seed", "dictionary", "atoms", "seed", TIMES]].to_csv(partial / f"{TIMES}.csv", index=False)
        notes = [about, f"Means over dictionary seeds, then over nets. {CUT}", MEANING, *not_converged(fits)]
        write_table(partial, "variants", beside(fits).drop(columns=TIMES), notes)
        (partial / ASKED).write_text(json.dumps(dict(asked), indent=1) + "\n", encoding="utf-8")

    storage.publish(home, fill)


def beside(fits: pd.DataFrame) -> pd.DataFrame:
    """Gives a row a variant, dictionary and number of atoms, beside random directions and the ceiling.

    Returns:
        The columns of `of_variants`; `random`, coverage of as many random directions; `ceiling`, that of the variant's ceiling;
        `stopped`, the number of fits that did not converge.
    """
    still = _still(fits)
    of_random, of_ceiling = (still[still["dictionary"] == name] for name in (RANDOM, CEILING))
    random = _over_nets(of_random, ["variant", "atoms"])
    ceiling = _over_nets(of_ceiling, ["variant"])
    stopped = still[still["said"] != ""].groupby(["variant", "dictionary", "atoms"]).size().to_dict()
    table = of_variants(fits)
    keys = list(zip(table["variant"], table["dictionary"], table["atoms"], strict=True))
    return table.assign(
        random=[random.get((variant, atoms), math.nan) for variant, _, atoms in keys],
        ceiling=[ceiling.get(variant, math.nan) for variant, _, _ in keys],
        stopped=[stopped.get(key, 0) for key in keys],
    )


def _over_nets(fits: pd.DataFrame, keys: list[str]) -> dict[Any, float]:
    """Gives the mean coverage, first over a net's fits, then over nets."""
    by_net = fits.groupby([*keys, "net_seed"])["coverage"].mean()
    found: dict[Any, float] = by_net.groupby(keys if len(keys) > 1 else keys[0]).mean().to_dict()
    return found


def not_converged(fits: pd.DataFrame) -> list[str]:
    """Says of each dictionary how many of its fits did not converge, and what the first of them reached."""
    said = fits[fits["said"] != ""]
    counts = fits["dictionary"].value_counts()
    return [
        f"{name}: {len(own)} of {counts[name]} fits {'is' if len(own) == 1 else 'are'} not as asked for: {own['said'].iloc[0]}."
        for name, own in said.groupby("dictionary", sort=False)
    ]


def screen(fits: pd.DataFrame) -> str:
    """Writes what was found so that it has room on one screen: each dictionary, or each by variant and number of atoms."""
    still = _still(fits)
    learned = still[~still["supervised"] & ~still["dictionary"].isin([RANDOM, UNITS])]
    pairs = list(dict.fromkeys(zip(learned["variant"], learned["asked"], strict=True)))
    if len(pairs) <= 1 and len(set(still["variant"])) == 1:
        return f"{as_markdown(_in_full(still))}\n\n{textwrap.fill(MEANING, WIDTH)}"
    pairs = pairs or [(variant, 0) for variant in still["variant"].unique()]
    shown = pairs if len(pairs) <= PAIRS else [pair for pair in pairs if pair[1] == pairs[0][1]][:PAIRS]
    left = "" if len(shown) == len(pairs) else f" The table has {len(pairs) - len(shown)} columns more."
    names = _in_order(still, with_random=True)
    table = pd.DataFrame({"dictionary": names})
    for variant, asked in shown:
        table[f"{variant}, {asked}"] = [_short(still[still["variant"] == variant], name, asked) for name in names]
    how = f"Each cell: coverage / unique, means over nets and seeds; above, the variant and the number of atoms.{left}"
    return f"{as_markdown(table)}\n\n{textwrap.fill(f'{how} {MEANING}', WIDTH)}"


def _still(fits: pd.DataFrame) -> pd.DataFrame:
    """Leaves rotated units out, unless all are."""
    return fits if fits["rotated"].all() else fits[~fits["rotated"]]


def _in_order(fits: pd.DataFrame, with_random: bool) -> list[str]:
    """Lists units first, random directions next, and ceilings last."""
    ceilings = fits.groupby("dictionary")["supervised"].first()
    names = sorted(fits["dictionary"].unique(), key=lambda name: (name != UNITS, name != RANDOM, bool(ceilings[name])))
    return [name for name in names if with_random or name != RANDOM]


def _in_full(fits: pd.DataFrame) -> pd.DataFrame:
    """Gives a row a dictionary of one variant, beside random directions and the ceiling."""
    numbers = beside(fits).groupby("dictionary")[["random", "ceiling"]].first()
    rows = []
    for name in _in_order(fits, with_random=False):
        own = fits[fits["dictionary"] == name]
        row: dict[str, object] = {"dictionary": name, "atoms": own["atoms"].iloc[0]}
        row["coverage"] = with_interval(own.groupby("net_seed")["coverage"].mean().tolist(), (0, 1))
        row |= {column: _number(float(numbers[column][name])) for column in ("random", "ceiling")}
        row |= {"gap_closed": _number(own["gap_closed"].mean(), 2), "unique": _number(own["unique_concepts"].mean(), 1)}
        row |= {column: _number(own[column].mean(), 2) for column in ("explained_variance", "l0") if column in own}
        rows.append(row | {"s a fit": _number(own[TIMES].mean(), 1)})
    return pd.DataFrame(rows)


def _short(fits: pd.DataFrame, name: str, asked: int) -> str:
    """Gives coverage and unique concepts of a dictionary of so many atoms; of units and ceilings, as many as there are."""
    own = fits[fits["dictionary"] == name]
    own = own if name == UNITS or own["supervised"].all() else own[own["asked"] == asked]
    return f"{own['coverage'].mean():.3f} / {own['unique_concepts'].mean():.1f}" if len(own) else ""


def _number(value: float, digits: int = 3) -> str:
    return "n/a" if value != value else f"{value:.{digits}f}"


def tables_of(fits: pd.DataFrame) -> Mapping[str, Sequence[Mapping[Any, Any]]]:
    """Gives the tables as plain data."""
    return {"variants": beside(fits).to_dict("records"), "fits": fits.to_dict("records")}
