"""Pictures of the study of halves: made in every way, of classes and units, and read."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mixmnist.core.records import Settings, Way
from mixmnist.core.registry import choose  # by name, so that a glimpse of this file can follow it
from mixmnist.trust._halves_nets import (
    Cases,
    Place,
    Sizes,
    class_cases,
    know,
    priors_of,
    train_net,
    unit_cases,
    untrained_net,
)
from mixmnist.visualize._generator import Generator
from mixmnist.visualize._targets import Target
from mixmnist.visualize.imaging import Supplies, make_images
from mixmnist.visualize.judging_halves import Judges, look_at_halves
from mixmnist.visualize.natural import responses


@dataclass(frozen=True)
class Asked:
    """A way of making pictures, and what it is given."""

    way: str
    settings: Settings = field(default_factory=dict)
    generator: str | None = None  # of `priors_of`, or another
    canvases: str = "normal"  # whose spectrum, codes and darkness it takes: normal, both
    untrained: bool = False  # whether another net is climbed, which has learnt nothing


ANY: Settings = {"prior": "any"}
WAYS: Mapping[str, Asked] = {
    "natural images": Asked("top", canvases="both"),
    "none": Asked("pixels"),
    "Fourier, jitter": Asked("fourier", {"grain": 1.0}),  # on an even grey the net's last layer is silent
    "MACO": Asked("maco"),
    "MACO of both halves": Asked("maco", canvases="both"),
    "learned": Asked("dgn", generator="normal"),
    "learned, natural codes": Asked("dgn", {"start": "natural"}, "normal"),
    "learned of both halves": Asked("dgn", generator="both", canvases="both"),
    "learned, untrained net": Asked("dgn", ANY, "normal", untrained=True),
    "learned by another net": Asked("dgn", ANY, "another"),
}
OF_UNITS = ("natural images", "none", "MACO", "learned", "learned of both halves", "learned, untrained net")
TRIES, APART = 9, 100  # seeds of a picture that are tried, and how far they lie apart
SHOWN = 2  # classes of each half that are kept as pictures


@dataclass(frozen=True, eq=False)
class Seen:
    """What was found of one net."""

    pictures: pd.DataFrame  # a row a picture
    net: pd.DataFrame  # a row a generator, with what the net knows
    shown: Mapping[str, NDArray[np.uint8]]  # by way: pictures of the first classes of either half


def look_at_net(
    how: str,
    seed: int,
    place: Place,
    judges: Judges,
    sizes: Sizes,
    another: Generator | None = None,
    more: Sequence[str] = (),
    ways: Mapping[str, Asked] = WAYS,
) -> Seen:
    """Trains a net of halves and its generators, makes its pictures and reads them.

    Args:
        how: The change.
        seed: Of the net, its generators and what is shown.
        place: Where canvases come from.
        judges: Above their bars.
        sizes: How much.
        another: A generator of another net.
        more: Generators besides, as in `priors_of`.
        ways: By what they are called.
    """
    judges.check()
    net = train_net(how, place, seed, sizes)
    naive = untrained_net(place, how, seed, sizes)
    both = place.halves(how, "test", sizes.natural)
    known = know(net, both)
    priors = priors_of(net, how, place, seed, sizes, more) | ({"another": another} if another else {})
    supplies = {"both": both, "normal": place.pairs("test", sizes.natural)}
    every = {**ways, **{f"learned on {name}": Asked("dgn", generator=name) for name in more}}
    tables, shown = [], dict[str, NDArray[np.uint8]]()
    for cases in (class_cases(seed, sizes), unit_cases(known.liking, seed, sizes)):
        if cases is None:
            continue
        best = responses(cases.target(net), both).amax(dim=1)
        for name, asked in every.items():
            if cases.what == "unit" and name not in OF_UNITS:
                continue
            if asked.generator is not None and asked.generator not in priors:
                continue
            given = Supplies(supplies[asked.canvases], priors.get(asked.generator or ""))
            table, images = _pictures(cases, naive if asked.untrained else net, asked, given, how, judges)
            if images is not None:
                table["response"] = (cases.target(net).values(images) / best).tolist()
                if cases.what == "class":
                    shown[name] = _some(images, sizes.classes)
            tables.append(table.assign(way=name, what=cases.what))
    pictures = pd.concat(tables, ignore_index=True).assign(how=how, seed=seed)
    rows = [{"generator": name, **prior.report, "faults": "; ".join(prior.faults)} for name, prior in priors.items()]
    about = pd.DataFrame(rows).assign(how=how, seed=seed, accuracy_normal=known.normal, accuracy_changed=known.changed)
    return Seen(pictures, about, shown)


def _pictures(
    cases: Cases, net: nn.Module, asked: Asked, given: Supplies, how: str, judges: Judges
) -> tuple[pd.DataFrame, Tensor | None]:
    """Makes pictures in one way and reads them; where that cannot be, a row of a half says why."""
    halves = ["changed" if changed else "normal" for changed in cases.changed.tolist()]
    start, target = time.perf_counter(), cases.target(net)
    try:
        seeds = _ranks(cases) if asked.way == "top" else _living(cases, target, asked, given)
        images = make_images(asked.way, target, seeds, given, asked.settings)
    except ValueError as error:
        return pd.DataFrame([{"half": half, "said": str(error)} for half in dict.fromkeys(halves)]), None
    seconds = time.perf_counter() - start
    table = look_at_halves(images, how, cases.own, judges)
    again = [(one - first) // APART for one, first in zip(seeds, cases.seeds, strict=True)] if asked.way != "top" else 0
    return table.assign(half=halves, index=cases.index.tolist(), again=again, seconds=seconds, said=""), images


def _living(cases: Cases, target: Target, asked: Asked, given: Supplies) -> tuple[int, ...]:
    """Gives a seed for each picture whose start has a gradient: its own, or the first of the next ones.

    A net whose last layer is silent on a black canvas is so on many starts, whatever the way.

    Raises:
        ValueError: If a picture has no such seed among a few.
    """
    way: Way = choose("ways", asked.way)
    settings = way.with_settings({**asked.settings, "steps": 1})
    found = []
    for row, seed in enumerate(cases.seeds):
        for number in range(TRIES):
            try:
                way.run(target.some(torch.tensor([row])), given, (seed + APART * number,), **settings)
            except ValueError:
                if number == TRIES - 1:
                    raise
            else:
                found.append(seed + APART * number)
                break
    return tuple(found)


def _ranks(cases: Cases) -> tuple[int, ...]:
    """Says which of its top images each picture is: of a unit's pictures the first, the second and so on."""
    met: dict[int, int] = {}
    ranks = []
    for index in cases.index.tolist():
        ranks.append(met.get(index, 0))
        met[index] = ranks[-1] + 1
    return tuple(ranks)


def _some(images: Tensor, half: int) -> NDArray[np.uint8]:
    """Keeps pictures of the first classes of either half."""
    few = min(SHOWN, half)
    kept = torch.cat([images[:few], images[half : half + few]])[:, 0]
    found: NDArray[np.uint8] = (kept * 255).round().to(torch.uint8).numpy(force=True)
    return found
