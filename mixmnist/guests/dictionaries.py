"""Dictionaries over what others bring: a layer of a network of anyone's, or rows of activations without a network."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from torch import nn

from mixmnist.core.npz import read_npz
from mixmnist.core.records import require
from mixmnist.features.cells import IMAGES, read_cells
from mixmnist.features.measuring import Layer, Plan, layer_of_rows, measure
from mixmnist.features.rows import as_rows, as_truth
from mixmnist.features.trying import tried
from mixmnist.guests.evaluating import Setting, prepare
from mixmnist.probing.running import Transform

WAY_OUT = "Write them with numpy.savez(path, rows=rows, present=present)."


def measure_dictionaries(
    net: nn.Module,
    layer: str,
    dictionaries: Sequence[str] = (),
    atoms: Sequence[int] = (20,),
    seeds: Sequence[int] = (0,),
    *,
    setting: Setting | None = None,
    transform: Transform | None = None,
    thorough: bool = True,
) -> pd.DataFrame:
    """Fits dictionaries on a layer's cells (rank canvases), and scores their atoms as units on others (test canvases).

    Args:
        net: In eval mode; maps [n, channels, size, size] in [0, 1] to anything.
        layer: A module's name as in `net.named_modules()`.
        dictionaries: Names of the shelf, with settings as `topk:k=1`, or files that end in `DICTIONARY`; by default the whole
            shelf, less what does not take the layer's cells.
        atoms: Numbers of atoms, each 1 or more.
        seeds: Of each dictionary.
        setting: On which canvases; by default 2,500 of each mixture, as `Setting(n=2_500)`.
        transform: Applied to each batch of images before the net sees it.
        thorough: Whether scores that take seconds are made, as `dci`.

    Returns:
        A row a dictionary, number of atoms and seed; and rows for `units` as they are, for `random` directions, 20 draws of as
        many as each dictionary has atoms, and for `probe_max`, the ceiling: `coverage`, `unique_concepts`, `gap_closed` (0 as
        random, 1 as the ceiling), the columns of `mixmnist list scores`, `seconds`, and `said` where a fit did not converge.

    Raises:
        ValueError: As `mixmnist.evaluate` and `mixmnist.fit_dictionary`.
        FileNotFoundError: If the source's files are neither on disk nor to be fetched.

    Example:
        >>> net = nn.Sequential(nn.Conv2d(1, 4, 9), nn.ReLU(), nn.Flatten(), nn.LazyLinear(45)).eval()
        >>> found = measure_dictionaries(net, "1", ["pca"], [4], setting=Setting(source="digits", n=150), thorough=False)
        >>> sorted(found["dictionary"].unique())
        ['pca', 'probe_max', 'random', 'units']
    """
    read, _ = layer_of_net(net, layer, setting or Setting(n=IMAGES), transform)
    return _measured(read, Plan(tuple(dictionaries), tuple(atoms), tuple(seeds), thorough=thorough))


def measure_dictionaries_on_rows(
    rows: Any,  # noqa: ANN401 -- an array of any library
    present: Any,  # noqa: ANN401 -- as above
    dictionaries: Sequence[str] = (),
    atoms: Sequence[int] = (20,),
    seeds: Sequence[int] = (0,),
    *,
    concepts: Sequence[str] | None = None,
    thorough: bool = True,
) -> pd.DataFrame:
    """Fits dictionaries on activations with known truth, say of a language model's tokens, and scores their atoms as units.

    Args:
        rows: Activations [n, units]; the first half is fitted on, the second is scored.
        present: Which concepts each row shows [n, concepts], 0 or 1.
        dictionaries: As in `measure_dictionaries`.
        atoms: As there.
        seeds: As there.
        concepts: Names of the columns of `present`; by default their numbers.
        thorough: As there.

    Returns:
        As `measure_dictionaries`.

    Raises:
        ValueError: On other shapes, nan, a concept that one of the halves shows nowhere or everywhere; and as
            `mixmnist.fit_dictionary`.

    Example:
        >>> from mixmnist.features.planted import Superposition, plant_cells
        >>> cells = plant_cells(Superposition(dimensions=10), n=2_000).cells  # ten concepts, two in a row
        >>> found = measure_dictionaries_on_rows(cells.values, cells.present, ["ica"], thorough=False)
        >>> found.groupby("dictionary")["unique_concepts"].mean()["ica"].item()
        10.0
    """
    read = layer_of_arrays(rows, present, concepts)
    return _measured(read, Plan(tuple(dictionaries), tuple(atoms), tuple(seeds), thorough=thorough))


def _measured(layer: Layer, plan: Plan) -> pd.DataFrame:
    plan, _ = tried(layer, plan)
    return measure(layer, plan)


def layer_of_net(net: nn.Module, layer: str, setting: Setting, transform: Transform | None = None) -> tuple[Layer, str]:
    """Reads a layer's cells on the rank and the test mixture of a setting; gives them and the source's name.

    Raises:
        ValueError: As `mixmnist.evaluate`; or if no cell of the layer fires.
    """
    scene, seen = prepare(net, (layer,), setting, transform)
    rank, test = (read_cells(net, mixture, layer, setting.n, seen, setting.axis) for mixture in (scene.rank, scene.test))
    return Layer(layer, tuple(scene.rank.concepts), rank, test), scene.source


def layer_of_arrays(rows: Any, present: Any, concepts: Sequence[str] | None = None) -> Layer:  # noqa: ANN401 -- as above
    """Takes rows of activations as a layer, the first half to be fitted on, the second to be scored.

    Raises:
        ValueError: If they are not what `measure_dictionaries_on_rows` takes.
    """
    values, shown = as_rows(rows), as_truth(present)
    require(len(values) == len(shown), f"rows and truth must be as many, got {len(values)} and {len(shown)}.")
    names = tuple(map(str, range(shown.shape[1]) if concepts is None else concepts))
    n = shown.shape[1]
    fits = len(set(names)) == len(names) == n
    require(fits, f"concepts must be {n} different names, one a column of present, got {list(names)[: n + 1]}.")
    return layer_of_rows(values, shown, names)


def read_rows(path: str | Path) -> Layer:
    """Reads an .npz with `rows` and `present`, and `concepts` if it has them.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no .npz, lacks one of them, or holds what `measure_dictionaries_on_rows` does not take.
    """
    found = read_npz(path, "activations", WAY_OUT)
    missing = [name for name in ("rows", "present") if name not in found]
    require(not missing, f"{path} must hold rows and present, got no {' and no '.join(missing)}. {WAY_OUT}")
    other = sorted(set(found) - {"rows", "present", "concepts"})
    require(not other, f"{path} must hold rows, present and concepts alone, got {', '.join(other)}. Leave them out.")
    return layer_of_arrays(found["rows"], found["present"], found["concepts"].ravel().tolist() if "concepts" in found else None)
