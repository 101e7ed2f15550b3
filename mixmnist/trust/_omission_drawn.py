"""The figure of what generators leave out: the signed share of each digit, generated less real, a panel a variant."""

import pandas as pd

from mixmnist.report.drawing import Album, legend_above, name_axes, rule, title
from mixmnist.stats import t_interval
from mixmnist.trust._plots import seeds_of

WIDTH = 0.8  # of a digit's place that its bars take
RARE = 0.2  # share of the training canvases below which a digit counts as rare


def bars(album: Album, digits: pd.DataFrame) -> None:
    """Shows of each digit how much more or less of it is drawn than is real, a bar a net with its interval over samples.

    Args:
        album: Where it goes.
        digits: A row a net and digit.
    """
    variants = list(dict.fromkeys(digits["variant"]))
    figure, axes = album.make(len(variants), 1.55, 1.6, sharey=True, sharex=True)
    rows = []
    for ax, variant in zip(axes, variants, strict=True):
        own = digits[digits["variant"].eq(variant)]
        seeds = list(dict.fromkeys(own["seed"]))
        width = WIDTH / len(seeds)
        for place, seed in enumerate(seeds):
            part = own[own["seed"].eq(seed)].astype({"digit": int}).sort_values("digit")
            rare = part["trained"] < RARE
            x = part["digit"] + (place - (len(seeds) - 1) / 2) * width
            for which, colour, hatch, label in ((~rare, "0.6", "", "as often as all"), (rare, "C3", "////", "left out or rare")):
                look = {"color": colour, "hatch": hatch, "edgecolor": "white", "linewidth": 0.0, "label": label}
                ax.bar(x[which], part["signed"][which], width, **look)
            ax.vlines(x, part["lower"], part["upper"], color="0.1", lw=0.7)
            rows.append(part[["variant", "seed", "digit", "trained", "signed", "lower", "upper"]])
        rule(ax, "real", 0.0, "-")
        title(ax, str(variant))
        ax.set_xticks(range(10), [str(digit) for digit in range(10)])
        ax.grid(visible=False, axis="x")
    handles = {label: bar for ax in axes for bar, label in zip(*ax.get_legend_handles_labels(), strict=True) if len(bar)}
    legend_above(figure, list(handles.values()), list(handles))
    name_axes(figure, "digit", "share of the digits' pixels: generated less real")
    found = pd.concat(rows, ignore_index=True)
    text = (
        "Signed share of each digit's pixels in what generators draw, less that in full real canvases, as a judge segments them; "
        "a panel a variant, a bar a net. Hatched: a digit that the training canvases of that variant show too seldom. Lines: "
        f"95 % bootstrap interval over samples of the net and real ones. {_means(found)} {seeds_of(found)}"
    )
    album.save(figure, found, "omission", text)


def _means(found: pd.DataFrame) -> str:
    """Says of each variant with a rare digit what its signed share is, over nets."""
    rare = found[found["trained"] < RARE]
    said = []
    for (variant, digit), group in rare.groupby(["variant", "digit"], sort=False):
        mean, lower, upper, n = t_interval(group["signed"].tolist())
        bounds = "" if lower != lower else f" [{lower:.3f}, {upper:.3f}]"
        said.append(f"{variant}: digit {digit} {mean:+.3f}{bounds} over {n} nets.")
    return " ".join(said)
