"""What the controls share: the recorded nets in order, the images they are looked at on, and how their numbers are written."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from mixmnist.core.readout import Readout
from mixmnist.data.mixture import Mixture
from mixmnist.probing import probe
from mixmnist.report.tables import as_markdown, cell
from mixmnist.stats import ANYWHERE, Bounds, t_interval, within
from mixmnist.trust._networks import Recorded, recorded

IMAGES = 2000  # of the test mixture, the first ones


def nets_of(folder: Path) -> list[Recorded]:
    """Lists the recorded nets by variant and seed: the trained variants first, the baseline before the others.

    Raises:
        FileNotFoundError: If there are none.
    """
    nets = recorded(folder)
    if not nets:
        raise FileNotFoundError(f"a study's folder must hold recorded nets, got none in {folder}. Make them: mixmnist run.")
    return sorted(nets, key=lambda net: (net.settings.provenance != "trained", net.variant != "baseline", net.variant, net.seed))


def first(mixture: Mixture, n: int = IMAGES) -> Mixture:
    """Gives the first n canvases of a mixture."""
    plan = {name: getattr(mixture, name)[:n] for name in ("labels", "shown", "glyphs", "positions")}
    return replace(mixture, **plan)


def read(net: Recorded, root: str | None, n: int = IMAGES) -> Readout:
    """Probes the layer that feeds the head on the first n test canvases."""
    return probe(net.net(), first(net.mixture("test", root), n), net.layer)


def about(folder: Path, nets: Sequence[Recorded]) -> str:
    """Says what a reader of any table or figure must know."""
    quick = "QUICK: 2 epochs on 4,000 images. " if folder.name.endswith("-quick") else ""
    return f"{quick}Study {folder.parent.name}, glyphs: {nets[0].source}."


def counts(nets: Iterable[Recorded]) -> str:
    """Says how many seeds each variant has."""
    n_seeds = pd.Series([net.variant for net in nets]).value_counts(sort=False)
    return "Seeds: " + ", ".join(f"{variant} n={n}" for variant, n in n_seeds.items()) + "."


def with_interval(values: Sequence[float], bounds: Bounds = ANYWHERE) -> str:
    """Writes the mean over seeds and its 95 % t interval inside the given bounds, if there are seeds enough for one.

    Example:
        >>> with_interval([0.0, 0.0, 0.0, 0.05, 0.2], (0, 1)), with_interval([0.5] * 5), with_interval([])
        ('0.050 [0.000*, 0.158]', '0.500 (constant)', '')
    """
    return cell(within(t_interval(values), bounds), bounds)


def write_summary(out: Path, lines: Sequence[str], table: pd.DataFrame) -> None:
    """Writes what is printed when the analysis is done: a small table and a few lines."""
    (out / "summary.md").write_text(as_markdown(table) + "\n\n" + "\n".join(lines) + "\n", encoding="utf-8")


def table_of(home: Path, name: str) -> pd.DataFrame:
    """Reads a table that an analysis wrote; names stay text, be they null or 10."""
    names = dict.fromkeys(("variant", "other", "digit", "what"), str)
    return pd.read_csv(home / f"{name}.csv", dtype=names, keep_default_na=False, na_values=[""])
