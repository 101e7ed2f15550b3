"""Figures of pictures that are made for units, drawn from the tables of the analysis; they decide no number."""

from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from mixmnist.core.npz import read_npz
from mixmnist.report.drawing import MARKERS, Album, Nothing, legend_above, rule
from mixmnist.report.ranges import over_seeds
from mixmnist.report.seen import NONE, Picture, Sheet, draw_sheet
from mixmnist.stats import Interval, t_interval, within
from mixmnist.trust._layers import table_of
from mixmnist.trust._plots import seeds_of
from mixmnist.trust._priors_measuring import BASE, PICTURES

ACROSS, UP = "reads_own", "response"
LOOKS = {
    "natural, top": ("0.1", "s", True),
    "natural, one digit alone": ("0.1", "s", False),
    "none": ("C3", "X", False),
    "total variation": ("C3", "v", False),
    "L2": ("C3", "^", False),
    "Fourier": ("C2", "D", True),
    "Fourier, jitter": ("C2", "D", False),
    "MACO": ("C1", "P", True),
    "MACO, jitter": ("C1", "P", False),
    "learned": ("C0", "o", True),
    "learned, from natural codes": ("C0", "o", False),
}
CHANGED = {"reads_own": "own digit read", "response": "response"}
GROUPS = ("code", "layer", "loss", "encoder")


def response_against_reading(album: Album, measured: pd.DataFrame) -> None:
    """Shows a point a prior: how often the own digit is read in its pictures, and how much they excite the unit.

    Args:
        album: Where it goes.
        measured: A row a net, prior and measure, of nets that were not tried before.
    """
    own = measured[measured["group"].eq("priors") & measured["measure"].isin([ACROSS, UP])]
    if own.empty:
        raise Nothing("no net was looked at besides those that were tried before.")
    figure, (ax,) = album.make(1, 2.9)
    rows = []
    for place, (prior, group) in enumerate(own.groupby("prior", sort=False)):
        x, y = (_over_nets(group, measure) for measure in (ACROSS, UP))
        look = _look(str(prior), place)
        ax.plot([x.mean], [y.mean], label=str(prior), **look)
        ax.hlines([y.mean], x.lower, x.upper, color=look["color"], lw=0.8)
        ax.vlines([x.mean], y.lower, y.upper, color=look["color"], lw=0.8)
        rows += [{"prior": prior, "measure": name, **one._asdict()} for name, one in ((ACROSS, x), (UP, y))]
    level = float(own.loc[own["measure"].eq(UP), "natural"].mean())
    chance = float(own.loc[own["measure"].eq(ACROSS), "chance"].mean())
    rule(ax, "natural", level, "--", label="response of natural top images")
    rule(ax, "chance", chance, ":", upright=True, label="another digit read (chance)", lw=1.2)
    ax.set(xlabel="share of pictures in which the own digit is read", ylabel="response / best natural image", xlim=(-0.03, 1.03))
    ax.set_ylim(bottom=0)
    legend_above(figure, *ax.get_legend_handles_labels())
    text = (
        "A point a prior. Across: the share of pictures in which a reader that knows nothing of the net reads the digit that "
        "the unit detects. Up: the unit's response to the picture over its highest on any natural canvas. Dashed: natural top "
        "images; dotted: how often one of the nine other digits is read, mean over priors. Bars: 95 % t interval over nets. "
        f"{seeds_of(own)}"
    )
    album.save(figure, pd.DataFrame(rows), "response_against_reading", text)


def changes(album: Album, changed: pd.DataFrame) -> None:
    """Shows by how much more or less often the own digit is read when one thing is changed, a row a change.

    Args:
        album: Where it goes.
        changed: A row a net, generator, change and measure, with `change`: to the base of the same net and generator.
    """
    own = changed[changed["prior"].ne(BASE)].dropna(subset=["change"])
    if own.empty:
        raise Nothing("no generator was changed.")
    names = [(group, name) for group in GROUPS for name in dict.fromkeys(own.loc[own["group"].eq(group), "prior"])]
    figure, axes = album.make(len(CHANGED), 0.45 + 0.17 * len(names), 2.5, sharey=True)
    rows = []
    for ax, (measure, called) in zip(axes, CHANGED.items(), strict=True):
        for place, (group, name) in enumerate(names):
            part = own[own["group"].eq(group) & own["prior"].eq(name) & own["measure"].eq(measure)]
            found = t_interval(part.groupby("seed")["change"].mean().tolist())
            ax.plot(part["change"], [place] * len(part), "|", color="0.6", ms=4, gid="pairs")
            ax.plot([found.mean], [place], "o", color="C0", ms=4)
            ax.hlines([place], found.lower, found.upper, color="C0", lw=1.0)
            rows.append({"group": group, "changed": name, "measure": measure, **found._asdict()})
        rule(ax, "base", 0.0, "-", upright=True)
        ax.set_xlabel(f"{called}: change to the base")
        _fit(ax, own.loc[own["measure"].eq(measure), "change"])
        ax.set_yticks(range(len(names)), [name for _, name in names])
        ax.set_ylim(len(names) - 0.5, -0.5)
        for edge in (i for i in range(1, len(names)) if names[i][0] != names[i - 1][0]):
            ax.axhline(edge - 0.5, color="0.85", lw=0.6)
    bases = changed[changed["prior"].eq(BASE)]
    level = {measure: bases.loc[bases["measure"].eq(measure), "value"].mean() for measure in CHANGED}
    text = (
        "What a change of the learned prior does, from the top: to how the code is climbed, to the layer that is inverted (base: "
        "pool2), to the losses (base: all), to the net that makes the codes (base: the net itself). A stroke a pair of net and "
        "generator seed, the change to the base of the same pair; points and bars: mean and 95 % t interval over nets. "
        f"Base: own digit read {level['reads_own']:.2f}, response {level['response']:.2f}. {seeds_of(changed)}"
    )
    album.save(figure, pd.DataFrame(rows), "changes", text)


def of_a_net(album: Album, home: Path) -> None:
    """Shows the first picture of each detector of one net by each prior.

    Args:
        album: Where it goes.
        home: Where the pictures and what is read in each of them lie.
    """
    if not (home / f"{PICTURES}.csv").is_file():
        raise Nothing("no pictures were kept.")
    table = table_of(home, PICTURES)
    if table.empty:
        raise Nothing("there is no picture to show.")
    pictures = read_npz(home / f"{PICTURES}.npz", "pictures", "Run the study again.")["pictures"]
    told = zip(table["unit"], table["prior"], table["response"], table["reads_own"], pictures, strict=True)
    shown = {
        (unit, prior): Picture(picture / 255, below=(f"{response:.0%}",), good=bool(reads))
        for unit, prior, response, reads, picture in told
    }
    units, priors = dict(zip(table["unit"], table["own"], strict=True)), list(dict.fromkeys(table["prior"]))
    names = tuple((f"unit {unit}", f"digit {own}") for unit, own in units.items())
    rows = tuple(tuple((shown.get((unit, prior), NONE),) for prior in priors) for unit in units)
    variant, seed = table["variant"].iloc[0], table["seed"].iloc[0]
    text = (
        f"{variant}, seed {seed}: of each detector the first picture by each prior. A thick frame: a reader that knows nothing "
        "of the net reads the unit's own digit; a dashed one: it does not. Below: the response, of the highest on any natural "
        "canvas."
    )
    album.save(draw_sheet(Sheet(names, tuple(priors), rows), album.look), table, PICTURES, text)


def _look(prior: str, place: int) -> dict[str, Any]:
    """Gives what the point of a prior is drawn with: a colour a family, a mark a prior, hollow where it is the lesser of two."""
    colour, mark, hollow = LOOKS.get(prior, (f"C{place % 10}", MARKERS[place % len(MARKERS)], False))
    edge = {"markerfacecolor": "white" if hollow else colour, "markeredgecolor": colour, "markeredgewidth": 1.1}
    return {"color": colour, "marker": mark, "ls": "none", "ms": 5, **edge}


def _over_nets(group: pd.DataFrame, measure: str) -> Interval:
    values = group.loc[group["measure"].eq(measure), "value"].tolist()
    return within(t_interval(values), (0, 1)) if measure == ACROSS else over_seeds(values, measure)


def _fit(ax: Axes, values: "pd.Series[float]") -> None:
    """Lets an axis hold all pairs, and nothing as far away as a wide interval of few nets."""
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    room = 0.15 * max(high - low, 0.1)
    ax.set_xlim(low - room, high + room)
    ax.xaxis.set_major_locator(MaxNLocator(5))
