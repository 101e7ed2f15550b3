"""Inversion: can a canvas's code be found in a generator, and can the canvas then be edited as the generator's own are?

Each recorded generator inverts its own samples, whose codes are known (a ceiling), and test canvases that it never drew. Beside
the inversion stand its parts alone and what it must beat: a random code, and the nearest of 1,000 own samples. What is read,
where it lies, and what an edit does are judged by the readers of the same source. The layer is the generator's first, since in
later ones few units remove a digit cleanly, and then nothing can be said of edits.

Source:
    D. Bau et al. (2019), "Seeing What a GAN Cannot Generate", ICCV; J. Zhu et al. (2020), arXiv:2004.00049. Differs: identity,
    place and edits are read by a judge with a card, and the true code is known of samples, and of test canvases of `factors`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from mixmnist.core.records import Analysis
from mixmnist.data import mixture as mixtures
from mixmnist.data.mixture import Mixture
from mixmnist.dissect import sampling
from mixmnist.dissect._encoder import Teaching, fit_encoder
from mixmnist.dissect.fidelity import before, canvases_of, fidelity, removing_sets
from mixmnist.dissect.inverting import WAYS, Descent, invert_by, plain
from mixmnist.dissect.rankings.removal import RANKING
from mixmnist.dissect.reading import Judge
from mixmnist.dissect.sampling import take
from mixmnist.dissect.subject import Subject
from mixmnist.kinds.generator import entry_of, shelf_of
from mixmnist.report.drawing import Album
from mixmnist.report.tables import CUT, write_table
from mixmnist.stats import ANYWHERE, Bounds
from mixmnist.trust._generators import generators_of, subject_of_net
from mixmnist.trust._inversion_drawn import draw_kept, keep, strip
from mixmnist.trust._judging import judge_for
from mixmnist.trust._layers import about, counts, with_interval, write_summary
from mixmnist.trust._networks import Recorded
from mixmnist.trust._side_by_side import side_by_side

CANVASES = 24  # of each kind
TRIED = 300  # samples on which the units of each digit are chosen
SHOWN = ("same", "place_error", "code_error", "one_hot", "psnr", "clean", "editable", "stay")
BOUNDS: dict[str, Bounds] = {
    "same": (0, 1),
    "clean": (0, 1),
    "place_error": (0, math.inf),
    "code_error": (0, math.inf),
    "one_hot": (0, math.inf),
    "editable": (0, math.inf),
    "stay": (0, 1),
}
KINDS = ("own", "real")
CLAIMED = ("same", "place_error", "code_error", "clean", "editable")  # in the row of a run
WORDS = (
    "Canvases: own, the generator's samples, of which the code is known; real, test canvases. Ways: inverted: an encoder, then "
    "the code, then code and layer; code: without the layer; encoder: its guess alone; optimised: code and layer from the mean "
    "code, without an encoder; nearest: of 1,000 own samples; random: a code as the generator draws them. The layer is the "
    "generator's first."
)
MEANING = (
    "same: the digits read before are read, and no junk. place_error: pixels. code_error: in standard deviations of the code's "
    "numbers; 1 for the mean code, 1.41 for a random one. one_hot: how far from a one-hot code, 1 a whole digit. clean: the "
    "units of a digit (the first by removal, at most 8, chosen on other samples) switched off, and only that is gone. editable: "
    "clean, as a share of the same on own samples. stay: change of pixels outside the digit's box by that edit."
)


@dataclass(frozen=True)
class Plan:
    """On how much, and how, generators are inverted."""

    canvases: int = CANVASES
    """Own samples and test canvases, each."""
    tried: int = TRIED
    """Samples on which units are chosen."""
    planted: bool = False
    """Whether planted generators are inverted, too; their codes take no gradients."""
    teaching: Teaching = field(default_factory=Teaching)
    """How encoders are trained."""
    descent: Descent = field(default_factory=Descent)
    """How codes and maps are optimised."""


def run(folder: Path, out: Path, root: str | None) -> None:
    """Writes rows of generators and ways (`inversion.csv`), the table, a strip of each variant's first one, and a summary."""
    write(folder, out, root, Plan())


def write(folder: Path, out: Path, root: str | None, plan: Plan) -> None:
    """Writes everything, measured by a plan."""
    every = generators_of(folder)
    nets = [net for net in chosen(every) if plan.planted or shelf_of(net.settings.net) != "planted"]
    judge = judge_for(every[0].source, every[0].settings.canvas, folder=folder, strict=False)
    drawn = set[str]()
    calls = []
    for net in nets:
        path = None if net.variant in drawn else out / f"inversion_{net.variant}.npz"
        drawn.add(net.variant)
        calls.append((of_net, (net, folder, root, plan, path)))
    said = side_by_side(calls, "inversion", fewest=1)
    refused = [one for one in said if isinstance(one, str)]
    rows = [one for one in said if not isinstance(one, str)]
    found = (
        pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=["variant", "seed", "canvases", "way", "n", *SHOWN])
    )
    found.to_csv(out / "inversion.csv", index=False, float_format="%.5g")
    how = f"Means over canvases within a generator, then over generators with their 95 % t interval. {CUT}"
    left = [f"Left out: {' '.join(refused)}"] if refused else []
    left += [f"No verdict: {'; '.join(judge.faults)}."] if judge.faults else []
    left += [] if nets else ["Nothing to invert: the codes of planted generators take no gradients."]
    first = f"{about(folder, every)} {counts(nets)}" if nets else about(folder, every)
    notes = [first, f"Read by: {judge.card}.", how, WORDS, MEANING, *left]
    table = of_ways(found)
    write_table(out, "ways", table, notes)
    write_table(out, "runs", of_runs(found), [notes[0], "A row a generator: what claims are held against."])
    write_summary(out, [*notes[:3], *left], table)


def draw(home: Path, album: Album) -> None:
    """Draws the strip of each variant."""
    for path in sorted(home.glob("inversion_*.npz")):
        draw_kept(path, album)


def chosen(nets: Sequence[Recorded]) -> list[Recorded]:
    """Gives the generators, those of a variant with the same weights once."""
    by_variant: dict[str, dict[str, Recorded]] = {}
    for net in nets:
        by_variant.setdefault(net.variant, {}).setdefault(net.fingerprint, net)
    return [net for own in by_variant.values() for net in own.values()]


def of_net(net: Recorded, folder: Path, root: str | None, plan: Plan, path: Path | None) -> pd.DataFrame | str:
    """Measures one generator, in a process of its own; of one that cannot be dissected says why."""
    judge = judge_for(net.source, net.settings.canvas, folder=folder, strict=False)
    try:
        subject = subject_of_net(net, entry_of(net.settings).layers[0])
    except ValueError as error:  # a generator that collapsed, or of another layer
        return f"{net.variant}, seed {net.seed}: {error}"
    return measured(net, subject, judge, root, plan, path)


def measured(
    net: Recorded, subject: Subject, judge: Judge, root: str | None, plan: Plan, path: Path | None = None
) -> pd.DataFrame:
    """Inverts a generator's own samples and test canvases by each way.

    Args:
        net: As it is recorded.
        subject: The same, and its layer.
        judge: Who reads.
        root: Folder of the source's files.
        plan: On how many.
        path: Where the numbers of the strip of test canvases are kept; None: nowhere.

    Returns:
        A row a kind of canvas and way: means over canvases with the ends of their 95 % intervals, and n.
    """
    rank = take(subject, judge, max(plan.tried, subject.n_units), sampling.RANK)
    sets = removing_sets(rank, judge, RANKING.run(rank, judge, most=plan.tried))
    codes = subject.codes(plan.canvases, sampling.TEST)
    samples = plain(subject, codes)
    own = before(judge, samples, sets)
    mixture = mixtures.draw("pairs", net.source, "test", plan.canvases, canvas=subject.canvas, root=root)
    real = mixture.images[:, None].float() / 255
    encoder = fit_encoder(subject, plan.teaching)
    rows = []
    for kind, images, true in (("own", samples.images, codes), ("real", real, true_codes(subject, mixture))):
        canvases = canvases_of(judge, images, subject.canvas.glyph)
        for way in WAYS:
            inverted = invert_by(way, subject, images, encoder, plan.descent)
            found = fidelity(judge, canvases, inverted, sets, true)
            row = {"variant": net.variant, "seed": net.seed, "canvases": kind, "way": way, "n": len(images), "before": own}
            rows.append(row | found.scores(own) | found.ends())
            if kind == "real" and way == "inverted" and path is not None:
                keep(strip(judge, canvases, inverted, sets, (f"{net.variant}, seed {net.seed}.", judge.card)), path)
    return pd.DataFrame(rows)


def true_codes(subject: Subject, canvases: Mixture) -> Tensor | None:
    """Gives the codes of canvases where the generator can say them, as one of known factors."""
    code_of = getattr(subject.net, "code_of", None)
    if code_of is None:
        return None
    with torch.no_grad():
        found: Tensor = code_of(canvases)
    return found


def of_ways(found: pd.DataFrame) -> pd.DataFrame:
    """Gives a row a variant, kind of canvas and way: means over generators; of one alone, its interval over canvases."""
    rows: list[dict[str, object]] = []
    for keys, group in found.groupby(["variant", "canvases", "way"], sort=False):
        row: dict[str, object] = dict(zip(("variant", "canvases", "way"), keys, strict=True)) | {"n": group["seed"].nunique()}
        for name in SHOWN:
            values = group[name].dropna().tolist()
            row[name] = with_interval(values, BOUNDS.get(name, ANYWHERE))
            ends = [f"{name}_lower", f"{name}_upper"]
            if len(values) == 1 and set(ends) <= set(group) and group[ends].notna().all(axis=None):
                lower, upper = group[ends].iloc[0]
                row[name] = f"{values[0]:.3f} ({lower:.3f}, {upper:.3f})"
        rows.append(row)
    return pd.DataFrame(rows, columns=None if rows else ["variant", "canvases", "way", "n", *SHOWN])


def of_runs(found: pd.DataFrame) -> pd.DataFrame:
    """Gives a row a generator: `MEASURE_KIND_WAY`, as `same_real_inverted`."""
    rows = []
    for (variant, seed), group in found.groupby(["variant", "seed"], sort=False):
        row: dict[str, object] = {"variant": variant, "seed": seed}
        for one in group.to_dict("records"):
            row |= {f"{name}_{one['canvases']}_{one['way']}": one[name] for name in CLAIMED}
        rows.append(row)
    return pd.DataFrame(rows, columns=None if rows else ["variant", "seed"]).round(5)


ANALYSIS = Analysis(
    "Canvases inverted into codes, and edited",
    run,
    draw=draw,
    asks=("rankings", "generators", "planted"),
    bounds={f"{name}_{kind}_{way}": BOUNDS.get(name, ANYWHERE) for name in CLAIMED for kind in KINDS for way in WAYS},
)
