"""Synthesis: is the digit that a detector wants to be read in pictures that are made for it, and which prior brings it there?

Pictures of every detector are made by every prior and judged by a reader that knows nothing of the net, beside natural images
and chance; then by generators with one thing changed: the layer that is inverted, the encoder, a loss, what holds the code. The
settings of all ways were tuned on one net, and claims worded after two more: no verdict is about these. Claims S1 to S10.

Source:
    A. Nguyen et al. (2016), arXiv:1605.09304; T. Fel et al. (2023), arXiv:2306.06805. Differs: pictures are judged by a reader of
    known errors and against natural images, not by eye.
"""

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from mixmnist.core.records import Analysis, require
from mixmnist.core.thresholds import THRESHOLD
from mixmnist.report.drawing import Album, Nothing
from mixmnist.report.tables import CUT, write_table
from mixmnist.stats import ANYWHERE, Bounds
from mixmnist.trust import _pictures_plots
from mixmnist.trust._layers import about, counts, nets_of, table_of, with_interval, write_summary
from mixmnist.trust._networks import Recorded, recorded
from mixmnist.trust._priors_measuring import (
    BASE,
    CODES,
    ENCODERS,
    LAYERS,
    LOSSES,
    READER,
    Plan,
    Shown,
    of_changes,
    of_priors,
)
from mixmnist.trust._side_by_side import Call, side_by_side
from mixmnist.visualize.judging_images import MEASURES
from mixmnist.visualize.keeping import kept_reader
from mixmnist.visualize.measuring_images import PRIORS

VARIANT = "baseline"
TRIED = (0, 1, 2)  # seeds of nets: settings were tuned on the first, claims worded after the others
NETS, KEPT, CHANGED = 8, 1, 5  # nets that are looked at; whose generators are kept; that are looked at with changed generators
COMPARED = ("reads_own", "only_own", "response")  # between changes
PLAN = Plan()
BOUNDS: Mapping[str, Bounds] = {
    **dict.fromkeys(("reads_own", "only_own", "nothing"), (0, 1)),
    "path": (-1, 1),
    "nearest_glyph": (-1, 1),
}
MEANS = (
    "reads_own: the share of pictures in which the reader reads the detector's own digit; only_own: and no other; nothing: none; "
    "response: over the highest on any natural canvas; nearest_glyph: the highest correlation with a real glyph; path: rank "
    "correlation with hot natural canvases in the layer before, which hardly tells priors apart: all lie between that of pixels "
    "with no prior and natural images, far above chance; diversity: 1 less the correlation of two pictures of a unit. natural: "
    "of natural top images; chance: of the nine other digits for the first two, else of canvases with scrambled phases."
)
TOLD = (
    f"Settings were tuned on {VARIANT}, seed {TRIED[0]}, and claims worded after seeds {TRIED[1]} and {TRIED[2]}: these stand in "
    "the columns tried alone, and in no mean and no verdict."
)

CHANGES = (
    "Of generators that differ in one thing, trained for a shorter time than those of the table of priors. Base: pool2 of the "
    "net itself, all losses, random start, clip and decay. n: nets; pairs: of net and generator seed; refused: those without "
    "pictures. change: to the base of the same net and generator seed, mean over generators within a net. A prior of another net "
    "is used with prior=any; each kind of other net takes its turn over the nets."
)
GENERATORS = (
    "error: of the code of unseen canvases drawn again, relative to its variation; ink: drawn over real; pixels: root mean "
    "square difference; said: why it is refused, its pictures then being left out."
)


def run(folder: Path, out: Path, root: str | None) -> None:
    """Writes the reader and some generators; a row a net, prior and measure; tables of priors, changes, generators and runs."""
    nets = [net for net in nets_of(folder) if net.settings.net == "convnet"]
    looked = [net for net in nets if net.variant == VARIANT and _detects(net)][:NETS]
    wanted = f"a study must have a convnet of the variant {VARIANT} with a detector, its seed not among {TRIED}"
    require([net for net in looked if net.seed not in TRIED], f"{wanted}, got none in {folder}. Train more seeds, for longer.")
    reader = kept_reader(out / READER, looked[0].source, looked[0].settings.canvas, root, reading=PLAN.reading)
    reader.check()
    measured, generators, shown = measure(looked, others_of(nets, folder), out, root)
    note = f"{about(folder, looked)} {counts(looked)} {TOLD}"
    how = f"Means over pictures within a net, then over nets with their 95 % t interval. {CUT}"
    measured.to_csv(out / "measured.csv", index=False, float_format="%.4g")
    table = of_measured(measured)
    write_table(out, "priors", table, [note, how, MEANS, reader.card])
    write_table(out, "ablations", of_changed(measured), [note, how, CHANGES, reader.card])
    write_table(out, "generators", generators.round(3), [note, GENERATORS])
    write_table(out, "runs", of_runs(measured), [note, "A row a net: what claims are held against.", reader.card])
    shown.write(out)
    write_summary(out, [note, how, reader.card], table[["prior", "n", "reads_own", "only_own", "nothing", "response"]])


def _detects(net: Recorded) -> bool:
    """Says whether a recorded net has a detector in the layer that feeds the head."""
    units = pd.read_csv(net.place / "units.csv", usecols=["layer", "alignment"])
    return bool(units.loc[units["layer"].eq(net.layer), "alignment"].ge(THRESHOLD).any())


def draw(home: Path, album: Album) -> None:
    """Draws response beside what is read, the changes, and a sheet of pictures of one net."""
    measured = table_of(home, "measured")
    untried = measured[~measured["seed"].isin(TRIED)]
    figures = {
        "response_against_reading": lambda: _pictures_plots.response_against_reading(album, untried),
        "changes": lambda: _pictures_plots.changes(album, with_change(measured)),
        "pictures": lambda: _pictures_plots.of_a_net(album, home),
    }
    for name, figure in figures.items():
        try:
            figure()
        except Nothing as why:
            (album.folder / f"{name}.txt").write_text(f"The figure {name} is left out: {why}\n", encoding="utf-8")


def others_of(nets: Sequence[Recorded], folder: Path) -> dict[str, list[Recorded]]:
    """Gives nets whose codes may stand in for a net's own, by kind: of other variants, and of another source.

    Those of another source are the first recorded ones of the same canvas that lie beside this study's results.
    """
    found = {kind: [net for net in nets if net.variant == kind] for kind in ENCODERS[:2]}
    canvas = nets[0].settings.canvas
    for place in sorted(folder.absolute().parents[1].glob("*/*/runs")):
        if place.parent.name != folder.name and not place.parent.name.endswith("-quick"):
            own = [net for net in recorded(place.parent) if net.variant == VARIANT and net.settings.canvas == canvas]
            if own:
                return found | {ENCODERS[2]: own}
    return found


def measure(
    nets: Sequence[Recorded], others: Mapping[str, Sequence[Recorded]], out: Path, root: str | None
) -> tuple[pd.DataFrame, pd.DataFrame, Shown]:
    """Measures nets with their generators, and some with changed ones, on as many cores as there are.

    Args:
        nets: One or more that were not tried before among them.
        others: Nets that stand in for a net's own codes, in turn.
        out: Where the reader lies, and generators are kept.
        root: Holds the source's files.

    Returns:
        A row a net, prior or change, and measure; a row a generator; and what is shown of one net.
    """
    untried = [net for net in nets if net.seed not in TRIED]
    kept = (*nets[:KEPT], untried[0])
    calls: list[Call] = [(of_priors, (net, root, out, PLAN, net in kept)) for net in nets]
    for place, net in enumerate(untried[:CHANGED]):
        instead = {kind: own[place % len(own)] for kind, own in others.items() if own}
        calls.append((of_changes, (net, instead, root, out, PLAN)))
    found = side_by_side(calls, "pictures", fewest=1)
    measured, generators = (pd.concat([one[place] for one in found], ignore_index=True) for place in (0, 1))
    shown: Shown = found[nets.index(untried[0])][2]
    return measured, generators, shown


def of_measured(measured: pd.DataFrame) -> pd.DataFrame:
    """Gives a row a prior: means with intervals over nets, those of natural images and of chance, and of nets tried before."""
    priors = measured[measured["group"].eq("priors")]
    rows = []
    for name, group in priors.dropna(subset=["measure"]).groupby("prior", sort=False):
        own, tried = (group[group["seed"].isin(TRIED) == yes] for yes in (False, True))
        row: dict[str, object] = {"variant": VARIANT, "prior": name, "n": own["seed"].nunique()}
        for measure, values in own.groupby("measure", sort=False):
            row[str(measure)] = with_interval(values["value"].tolist(), BOUNDS.get(str(measure), ANYWHERE))
            row |= {f"{measure}_{beside}": round(float(values[beside].mean()), 3) for beside in ("natural", "chance")}
        row |= {f"{one}_tried": _mean(tried.loc[tried["measure"].eq(one), "value"]) for one in COMPARED}
        rows.append(row)
    return pd.DataFrame(rows)


def with_change(measured: pd.DataFrame) -> pd.DataFrame:
    """Gives what changed generators have, with `change`: what is more or less than the base of the same net and generator."""
    changed = measured[measured["group"].ne("priors") & measured["measure"].isin(COMPARED)]
    keys = ["variant", "seed", "generator", "measure"]
    base = changed[changed["prior"].eq(BASE)].set_index(keys)["value"]
    return changed.assign(change=changed["value"] - base.reindex(pd.MultiIndex.from_frame(changed[keys])).to_numpy())


def of_changed(measured: pd.DataFrame) -> pd.DataFrame:
    """Gives a row a change: its numbers, and their change to the base: means over generators within a net, then over nets."""
    changes, rows = with_change(measured), []
    asked = measured[measured["group"].ne("priors")]
    for (group, name), every in asked.groupby(["group", "prior"], sort=False):
        own = changes[changes["group"].eq(str(group)) & changes["prior"].eq(str(name))]
        row: dict[str, object] = {"group": group, "changed": name, "n": own["seed"].nunique()}
        row |= {"pairs": len(own.drop_duplicates(["seed", "generator"])), "refused": int(every["measure"].isna().sum())}
        for measure, values in own.groupby("measure", sort=False):
            of_nets = values.groupby("seed")[["value", "change"]].mean()
            row[str(measure)] = with_interval(of_nets["value"].tolist(), BOUNDS.get(str(measure), ANYWHERE))
            row |= {f"{measure}_{beside}": round(float(values[beside].mean()), 3) for beside in ("natural", "chance")}
            row[f"{measure}_change"] = "" if name == BASE else with_interval(of_nets["change"].dropna().tolist())
        rows.append(row)
    return pd.DataFrame(rows)


def of_runs(measured: pd.DataFrame) -> pd.DataFrame:
    """Gives a row a net but for those tried before: what claims are held against.

    Returns:
        `MEASURE_PRIOR`; and `change_NAME`: by how much more or less often the own digit is read with one thing changed, mean over
        generators.
    """
    told, changes = measured.dropna(subset=["measure"]), with_change(measured)
    rows = []
    for (variant, seed), net in told[~told["seed"].isin(TRIED)].groupby(["variant", "seed"], sort=False):
        row: dict[str, object] = {"variant": variant, "seed": seed}
        priors = net[net["group"].eq("priors")]
        row |= {
            f"{measure}_{column(prior)}": value
            for measure, prior, value in zip(priors["measure"], priors["prior"], priors["value"], strict=True)
        }
        own = changes[changes["seed"].eq(int(str(seed))) & changes["measure"].eq("reads_own") & changes["prior"].ne(BASE)]
        row |= {f"change_{column(name)}": value for name, value in own.groupby("prior", sort=False)["change"].mean().items()}
        rows.append(row)
    return pd.DataFrame(rows)


def column(name: object) -> str:
    """Gives what a prior or a change is called in the name of a column.

    Example:
        >>> column("learned, from natural codes")
        'learned_from_natural_codes'
    """
    return re.sub(r"\W+", "_", str(name)).lower()


def _mean(values: "pd.Series[float]") -> float:
    return round(float(values.mean()), 3) if len(values) else math.nan


ANALYSIS = Analysis(
    "Pictures that are made for a unit, judged by a reader",
    run,
    draw=draw,
    asks=("ways",),
    bounds={
        **{f"{measure}_{column(prior)}": BOUNDS.get(measure, ANYWHERE) for measure in MEASURES for prior in PRIORS},
        **{f"change_{column(name)}": (-1, 1) for name in (*list(CODES)[1:], *LAYERS, *LOSSES, *ENCODERS)},
    },
)
