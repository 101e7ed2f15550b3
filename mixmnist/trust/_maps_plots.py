"""Drawing of attribution maps: does the way that finds the digit also say what it is worth?"""

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes

from mixmnist.report.drawing import SMALL, STYLES, Album, legend_above, rule, title
from mixmnist.report.ranges import over_seeds
from mixmnist.stats import Interval
from mixmnist.trust._plots import seeds_of

PLACE, WORTH, EXACT = "selective", "worth_error_scaled", "exact"
CONTROLS = ("constant", "edges", "ink")
LABELS, APART = 1.12, 0.064  # where names of ways begin on the axis, and how far they lie apart
GROUND = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}  # of names, which stand on lines
Spot = tuple[Interval, Interval]


def place_against_worth(album: Album, maps: pd.DataFrame, layer: str, variant: str, targets: tuple[str, ...]) -> None:
    """Shows each way as a point: how much of its maps' ink is the own digit's, and how far they are off the digits' worths.

    Args:
        album: Where it goes.
        maps: Rows of `maps.csv`.
        layer: Whose units are shown.
        variant: Of the nets.
        targets: A panel each.
    """
    own = maps[maps["layer"].eq(layer) & maps["variant"].eq(variant)].dropna(subset=["measure"])
    figure, axes = album.make(len(targets), 2.75, 3.0, sharey=True)
    rows = []
    for ax, target in zip(axes, targets, strict=True):
        part = own[own["target"].eq(target)]
        spots = _spots(part)
        _draw(ax, spots, SMALL * STYLES[album.look.style])
        exact = over_seeds(part[part["measure"].eq(EXACT)].groupby("seed")["value"].mean().tolist(), EXACT)
        rule(ax, "exact", exact.mean, ":", upright=True, label="what the exact worths have")
        rule(ax, "nothing", 1.0, "--", label="a map of zeros")
        title(ax, f"of the {target}")
        ax.set(xlim=(0, 1.9), ylim=(-0.04, 1.09), xlabel="own ink as a share of all ink", ylabel="worth error")
        ax.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", ".25", ".5", ".75", "1"])
        for way, (place, worth) in spots.items():
            known = {"target": target, "way": way, "exact": exact.mean}
            rows.append(known | _named(PLACE, place) | _named(WORTH, worth))
    legend_above(figure, *axes[0].get_legend_handles_labels())
    text = (
        f"Ways of making maps of {layer}, variant {variant}. Across: own ink as a share of all ink in the map (selective); .5 is "
        "chance. Down: worth error, what a map gives each digit against its exact Shapley value, once the map's unit is put "
        "right; 0 is best, a map of zeros has 1. Circles: ways; crosses: controls, which look at no net. Dotted: the own digit's "
        f"share of the exact worths. Bars: 95 % t interval over nets. {seeds_of(own)}"
    )
    album.save(figure, pd.DataFrame(rows), "place_against_worth", text)


def _spots(maps: pd.DataFrame) -> Mapping[str, Spot]:
    """Gives of each way that has both numbers their means and intervals over nets, the best worths first."""
    found = {}
    for way, group in maps.groupby("way", sort=False):
        parts = [group[group["measure"].eq(one)]["value"].dropna().tolist() for one in (PLACE, WORTH)]
        if all(parts):
            place, worth = (over_seeds(part, one) for part, one in zip(parts, (PLACE, WORTH), strict=True))
            found[str(way)] = (place, worth)
    return dict(sorted(found.items(), key=lambda one: one[1][1].mean))


def _draw(ax: Axes, spots: Mapping[str, Spot], size: float) -> None:
    """Draws points with their intervals, and their names at the right in the order of their heights."""
    heights = _apart([worth.mean for _, worth in spots.values()])
    for (way, (place, worth)), height in zip(spots.items(), heights, strict=True):
        control = way in CONTROLS
        colour = "0.45" if control else "C0"
        ax.plot([place.mean, LABELS - 0.02], [worth.mean, height], color="0.8", lw=0.5, zorder=1)
        ax.hlines(worth.mean, place.lower, place.upper, color=colour, lw=0.9)
        ax.vlines(place.mean, worth.lower, worth.upper, color=colour, lw=0.9)
        ax.plot(place.mean, worth.mean, "x" if control else "o", color=colour, zorder=3)
        ax.text(LABELS, height, way.replace(":geometry=", ", "), va="center", fontsize=size, bbox=GROUND)


def _apart(heights: list[float]) -> list[float]:
    """Moves rising heights so that none is nearer to another than names need, as little as can be.

    Example:
        >>> [round(height, 3) for height in _apart([0.1, 0.1, 0.9])]
        [0.068, 0.132, 0.9]
    """
    groups: list[list[float]] = []
    for height in heights:
        groups.append([height])
        while len(groups) > 1 and _low(groups[-1]) < _low(groups[-2]) + APART * len(groups[-2]):
            groups[-2:] = [groups[-2] + groups[-1]]
    return [_low(group) + APART * place for group in groups for place in range(len(group))]


def _low(group: list[float]) -> float:
    """Gives the height of the lowest name of a group that lies around its mean, within the panel."""
    low = sum(group) / len(group) - APART * (len(group) - 1) / 2
    return min(max(low, 0.0), 1.05 - APART * (len(group) - 1))


def _named(measure: str, found: Interval) -> dict[str, float]:
    return {f"{measure}_{name}": value for name, value in found._asdict().items()}
