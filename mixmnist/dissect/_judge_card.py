"""The card of a trained judge: how well it reads and segments canvases of glyphs that it has not seen, in a few numbers."""

from collections.abc import Mapping

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from mixmnist.dissect._odd import OddCanvases
from mixmnist.dissect.reading import BACKGROUND, CLASSES, Judge, Said, classes_of

PAIR, IOU = 0.98, 0.90  # the bar: at least
NUMBERS = (
    "pair",  # proper pairs: share read exactly, both digits once, nothing else and no junk
    "sure",  # proper pairs: share read with a joint confidence of .8 or more
    "valid",  # proper pairs: share that is valid, whichever digits are read
    "iou",  # proper pairs: mean IoU of pixels over the ten digits and background
    "odd",  # odd canvases: share whose counts of all digits are exact
    "junk",  # odd canvases with junk: share where it is found
    "false_junk",  # odd canvases without: share where junk is read
    "false_pair",  # odd canvases with junk: share that is valid
    "odd_iou",  # odd canvases: mean IoU of pixels over all twelve classes
    "canvases",  # of either kind
    "glyphs",  # that they were drawn with
    "unseen",  # 1: the judge was not trained on these glyphs; 0: the source has no others
)


def measure(judge: Judge, proper: OddCanvases, odd: OddCanvases) -> dict[str, float]:
    """Measures a judge on proper pairs and on odd canvases; see `NUMBERS` for what each number is."""
    said, other = judge.read(proper.images), judge.read(odd.images)
    junk = odd.junk
    return {
        "pair": _share((said.counts == proper.counts).all(dim=1) & ~said.junk),
        "sure": _share(said.sure >= 0.8),
        "valid": _share(said.valid),
        "iou": mean_iou(classes_of(judge, proper.images), proper.classes),
        "odd": _share((other.counts == odd.counts).all(dim=1)),
        "junk": _share(other.junk[junk]),
        "false_junk": _share(other.junk[~junk]),
        "false_pair": _share(other.valid[junk]),
        "odd_iou": mean_iou(classes_of(judge, odd.images), odd.classes),
        "canvases": float(len(junk)),
    }


def mean_iou(found: Int[Tensor, "n rows cols"], true: Int[Tensor, "n rows cols"]) -> float:
    """Gives the mean over classes of the pixels that found and true share, by those that either has; over classes that are shown.

    A class that is found but never shown costs the classes in whose place it is found.

    Example:
        >>> true = torch.tensor([[[3, 3], [10, 10]]])
        >>> mean_iou(torch.tensor([[[3, 11], [10, 10]]]), true)
        0.75
    """
    ious = []
    for each in range(CLASSES):
        one, two = found == each, true == each
        if two.any():
            ious.append(float((one & two).sum() / (one | two).sum()))
    return sum(ious) / len(ious)


def faults_of(report: Mapping[str, float]) -> list[str]:
    """Says where a card lies below the bar; a number that is not known does."""
    rules = (("a share of pairs read exactly", report["pair"], PAIR), ("a mean IoU of pixels", report["iou"], IOU))
    return [f"{what} of {value:.3f}, where at least {bar:.2f} is asked" for what, value, bar in rules if not value >= bar]


def card_of(report: Mapping[str, float]) -> str:
    """Says in words what a card's numbers are."""
    seen = "unseen" if report["unseen"] else "the same"
    return (
        f"on {report['canvases']:.0f} proper pairs of {report['glyphs']:.0f} {seen} glyphs: exact {report['pair']:.3f}, sure "
        f"{report['sure']:.3f}, mean IoU {report['iou']:.3f}; on as many odd canvases: counts exact {report['odd']:.3f}, junk "
        f"found {report['junk']:.3f}, false junk {report['false_junk']:.3f}, junk read as a pair {report['false_pair']:.3f}, "
        f"mean IoU {report['odd_iou']:.3f}"
    )


def agreement_of(one: Said, two: Said, here: Tensor, there: Tensor) -> dict[str, float]:
    """Says in which share of canvases and of pixels two judges say the same."""
    ink = (here != BACKGROUND) | (there != BACKGROUND)
    return {
        "counts": _share((one.counts == two.counts).all(dim=1)),
        "all": _share((one.counts == two.counts).all(dim=1) & (one.junk == two.junk)),
        "junk": _share(one.junk == two.junk),
        "valid": _share(one.valid == two.valid),
        "pixels": _share((here == there).flatten()),
        "ink": _share((here == there)[ink]),
    }


def _share(of: Bool[Tensor, " some"]) -> float:
    """Gives the share that is true; nan of none."""
    return float(of.double().mean()) if of.numel() else torch.nan
