"""Figures of labels: labellers beside what they are judged by, and what each fault of people costs."""

import pandas as pd

from mixmnist.report.drawing import Album, legend_above, stroke
from mixmnist.stats import Interval, t_interval, within
from mixmnist.trust._labels_measured import WORN
from mixmnist.trust._plots import seeds_of

PANELS = {  # the measure, of which units, and what it is called
    "name is right": ("first", "detector"),
    "true names found": ("recall", "mixed"),
    "F1 of firing": ("f1", "all"),
    "rendered, AUC": ("rendered_auc", "all"),
    "nothing said": ("empty", "all"),
}
VARIANTS = ("baseline", "wide-dropout", "untrained")  # that are drawn, those that are there
LINES = {
    "first": "name is right (detectors)",
    "f1": "F1 of firing",
    "recall_mixed": "true names found (mixed)",
    "nothing_wrong": "nothing said of detectors",
    "nothing_shuffled": "nothing said of shuffled units",
}
DIALS = {
    "misses": "digits missed",
    "misses_always": "missed, always",
    "false_alarms": "false digits",
    "confusions": "digits confused",
    "images": "images looked at",
    "people": "people, worn",
}


def labellers(album: Album, labels: pd.DataFrame) -> None:
    """Shows of each labeller how good its labels are, a row a labeller, a panel a measure."""
    there = list(dict.fromkeys(labels["variant"]))
    variants = [name for name in VARIANTS if name in there] or there[:3]
    names = list(dict.fromkeys(labels["labeller"]))
    figure, axes = album.make(len(PANELS), 0.55 + 0.19 * len(names), 1.0, sharey=True)
    rows = []
    for ax, (title, (measure, kind)) in zip(axes, PANELS.items(), strict=True):
        for place, variant in enumerate(variants):
            look = stroke(place) | {"ls": "none"}
            own = labels[labels["variant"].eq(variant) & labels["kind"].eq(kind)].dropna(subset=[measure])
            found = {str(name): _over_nets(group[measure]) for name, group in own.groupby("labeller")}
            y = [names.index(name) + (place - (len(variants) - 1) / 2) * 0.26 for name in found]
            ax.plot([one.mean for one in found.values()], y, label=variant, **look)
            for height, one in zip(y, found.values(), strict=True):
                ax.hlines(height, one.lower, one.upper, color=look["color"], lw=0.9)
            rows += [{"measure": title, "variant": variant, "labeller": name, **one._asdict()} for name, one in found.items()]
        ax.set_xlabel(title)
        ax.set_xlim(-0.05, 1.05)
        ax.set_yticks(range(len(names)), names)
        ax.set_ylim(len(names) - 0.5, -0.5)
    legend_above(figure, *axes[2].get_legend_handles_labels())
    text = (
        "Labellers, a row each: ceilings above, then methods, baselines, the null (responses permuted over the canvases) and "
        "people at the page. Name is right: the heaviest name is the detector's digit. True names found: of mixed units. F1 of "
        "firing: of predicting that the unit fires where a named digit is shown. Rendered: chance that the unit answers more to "
        "a named digit alone than to another; .5 is chance. Nothing in common: share of units with the empty label. Bars: 95 % t "
        f"interval over nets. {seeds_of(labels)}"
    )
    album.save(figure, pd.DataFrame(rows), "what_labels_are_worth", text)


def annotators(album: Album, dials: pd.DataFrame) -> None:
    """Shows how good people's labels are as each of their faults grows, a panel a dial."""
    variant = dials["variant"].iloc[0]
    own = dials[dials["variant"].eq(variant)]
    figure, axes = album.make(len(DIALS), 1.9, 1.1, sharey=True)
    rows = []
    for ax, (dial, title) in zip(axes, DIALS.items(), strict=True):
        part = own[own["dial"].eq(dial)]
        for place, (measure, said) in enumerate(LINES.items()):
            look, levels = stroke(place), part.dropna(subset=[measure]).groupby("level")[measure]
            found = {level: _over_nets(group) for level, group in levels}
            ax.plot(list(found), [one.mean for one in found.values()], label=said, **look)
            for level, one in found.items():
                ax.vlines(level, one.lower, one.upper, color=look["color"], lw=0.7)
                rows.append({"dial": dial, "level": level, "measure": said, "variant": variant, **one._asdict()})
        ax.set_xlabel(title)
        ax.set_ylim(-0.05, 1.05)
        if dial == "images":
            ax.set_xscale("log")
            ax.set_xticks([1, 4, 12, 48], ["1", "4", "12", "48"], minor=False)
            ax.set_xticks([], minor=True)
    axes[0].set_ylabel("share, or F1")
    legend_above(figure, *axes[0].get_legend_handles_labels())
    text = (
        f"Simulated people label the units of {variant}, a panel a dial that is turned while the others rest. Always: people who "
        f"never say nothing. Several people, who each miss {WORN.misses} and confuse {WORN.confusions}, vote: a name stands "
        "where more than half give it. Nothing said of shuffled units is right, of detectors it is wrong. Bars: 95 % t "
        f"interval over nets. {seeds_of(own)}"
    )
    album.save(figure, pd.DataFrame(rows), "what_faults_cost", text)


def _over_nets(values: "pd.Series[float]") -> Interval:
    """Gives the mean and its interval over nets, of a number in [0, 1]."""
    return within(t_interval(values.tolist()), (0, 1))
