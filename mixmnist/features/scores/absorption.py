"""Absorption: a concept's atom stays silent where another atom, specific to the concept in some company, speaks in its place.

Formula: a concept's best atom is the one with the highest F1 at its best threshold; it misses an image that shows the concept
    and does not reach the threshold. An atom is specific to a concept if at some threshold it fires on ten or more images that
    show it with a share of errors of at most a tenth of chance's (precision p + .9 (1 - p) at prevalence p); the lowest such
    threshold is taken. A miss is caught if an atom that is specific to the concept, and not its best, reaches that one's
    threshold. Atoms and thresholds are chosen on the rank images, misses are counted on the others.
    absorption = caught misses of all concepts / misses of all concepts; 0 where nothing is missed.
    absorption_joint = the same, of misses caught where the best atom, or one that catches, is specific to two or more concepts.
    absorption_rate = mean over concepts of caught misses / images that show the concept.
    The first is weighted by misses: a concept that is missed three times says little, and says it softly. Weighting by shares of
    misses instead gives the third, in which a dictionary that misses little is good however it misses.
Known bias: an atom for a concept's one style and one for its other catch each other's misses: a concept that is split looks
    absorbed. absorption_joint leaves that out, as far as companions are among the concepts. Two weak detectors of one concept
    catch each other's misses a little, too, if their highest responses can be relied on. Of few misses the first two are noisy.

Source:
    D. Chanin et al. (2024), "A is for Absorption", arXiv:2409.14507.
    Differs: presence is known, no probe says it; an atom is found by its precision, not by its effect on a model's answer and its
    cosine with a probe; splits are not taken out beforehand by sparse probes. The paper's rate is per image that shows the
    concept, as our third.
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mixmnist.core.records import Score
from mixmnist.metrics._ranking import Ranking, dead_units, over_units, take
from mixmnist.metrics.f1 import best_threshold, f1

ERRORS = 0.1  # of chance's, that a specific atom may make
FEWEST = 10  # rank images that a specific atom must find


class Counts(NamedTuple):
    """How often each concept that occurs and fails to, on the rank images, is missed and caught."""

    shown: Float[Tensor, " decided"]
    missed: Float[Tensor, " decided"]
    caught: Float[Tensor, " decided"]
    jointly: Float[Tensor, " decided"]  # with an atom that is specific to several concepts


def count_misses(
    response: Float[Tensor, "images atoms"],
    present: Bool[Tensor, "images concepts"],
    rank_response: Float[Tensor, "others atoms"],
    rank_present: Bool[Tensor, "others concepts"],
) -> Counts:
    """Counts the images that show a concept, those that its best atom misses, and those of them that others catch."""
    decided = rank_present.any(dim=0) & ~rank_present.all(dim=0) & ~dead_units(rank_response).all()
    known, shown = rank_present[:, decided], present[:, decided]
    bar = best_threshold(rank_response, known)  # atoms concepts
    best = f1(rank_response, known, bar).nan_to_num(-1).argmax(dim=0)  # concepts
    specific = _specific_from(rank_response, known)  # atoms concepts
    joint = (specific < torch.inf).sum(dim=1) >= 2  # atoms
    found = []
    for concept, atom in enumerate(best.tolist()):
        missed = shown[:, concept] & ~(response[:, atom] >= bar[atom, concept])
        catches = response[missed] >= specific[:, concept]  # misses atoms
        catches[:, atom] = False
        jointly = catches & (joint | joint[atom])
        counts = (shown[:, concept].sum(), missed.sum(), catches.any(dim=1).sum(), jointly.any(dim=1).sum())
        found.append(torch.stack(counts).double())
    return Counts(*torch.stack(found, dim=1)) if found else Counts(*response.new_zeros(4, 0).double())


def _specific_from(
    response: Float[Tensor, "images atoms"], present: Bool[Tensor, "images concepts"]
) -> Float[Tensor, "atoms concepts"]:
    """Gives the response from which on an atom is specific to a concept, infinite where it never is."""

    def deepest(ranking: Ranking) -> Tensor:
        hits, _, last = ranking
        found, fired = take(hits, last), last[:, :, None]  # images atoms concepts
        sound = (fired - found) * len(last) <= ERRORS * fired * (len(last) - hits[-1])
        return torch.where(sound & (found >= FEWEST), fired, 0).amax(dim=0).to(hits)

    rank = over_units(deepest, response.double(), present).nan_to_num(0).long()  # atoms concepts
    ordered = response.sort(dim=0, descending=True).values
    return ordered.gather(0, (rank - 1).clamp_min(0).T).T.masked_fill(rank == 0, torch.inf)


def absorption(
    response: Float[Tensor, "images atoms"],
    present: Bool[Tensor, "images concepts"],
    rank_response: Float[Tensor, "others atoms"],
    rank_present: Bool[Tensor, "others concepts"],
) -> Float[Tensor, ""]:
    """Gives the share of missed images that another specific atom catches.

    Args:
        response: Any scale; only the order counts.
        present: Ground truth.
        rank_response: The atoms on the images that atoms and thresholds are chosen on.
        rank_present: What these show.

    Returns:
        Share in [0, 1], 0 where nothing is missed; `nan` where no concept occurs and fails to on the rank images, or no atom is
        alive there.

    Example:
        >>> present = torch.tensor([[1, 0], [1, 1], [0, 1], [0, 0]]).bool().repeat(20, 1)
        >>> both, first = present.all(dim=1), present[:, 0] & ~present[:, 1]
        >>> response = torch.stack([first, both, present[:, 1]], dim=1).float()  # the first atom is silent beside the second
        >>> absorption(response, present, response, present).item()
        1.0
    """
    counts = count_misses(response, present, rank_response, rank_present)
    return _of_misses(counts.caught, counts)


def absorption_joint(
    response: Float[Tensor, "images atoms"],
    present: Bool[Tensor, "images concepts"],
    rank_response: Float[Tensor, "others atoms"],
    rank_present: Bool[Tensor, "others concepts"],
) -> Float[Tensor, ""]:
    """Gives the share of missed images that are caught where an atom for several concepts takes part; as `absorption`.

    Example:
        >>> present = torch.tensor([[True], [False]]).repeat(40, 1)
        >>> style = torch.arange(80)[:, None] % 4 < 2
        >>> response = torch.cat([present & style, present & ~style], dim=1).float()  # an atom for each style
        >>> absorption(response, present, response, present).item(), absorption_joint(response, present, response, present).item()
        (1.0, 0.0)
    """
    counts = count_misses(response, present, rank_response, rank_present)
    return _of_misses(counts.jointly, counts)


def absorption_rate(
    response: Float[Tensor, "images atoms"],
    present: Bool[Tensor, "images concepts"],
    rank_response: Float[Tensor, "others atoms"],
    rank_present: Bool[Tensor, "others concepts"],
) -> Float[Tensor, ""]:
    """Gives the share of the images that show a concept that are missed and caught; mean over concepts; as `absorption`.

    Example:
        >>> present = torch.tensor([[True], [False]]).repeat(40, 1)
        >>> style = torch.arange(80)[:, None] % 8 < 2
        >>> response = torch.cat([present & style, present & ~style], dim=1).float()  # a quarter is of the rarer style
        >>> absorption_rate(response, present, response, present).item()
        0.25
    """
    counts = count_misses(response, present, rank_response, rank_present)
    return (counts.caught / counts.shown)[counts.shown > 0].mean()


def _of_misses(caught: Float[Tensor, " decided"], counts: Counts) -> Float[Tensor, ""]:
    """Divides by the misses; nothing that is missed is nothing absorbed, nothing that is shown is no answer."""
    if not counts.shown.sum() > 0:
        return torch.full_like(counts.shown.sum(), torch.nan)
    return caught.sum() / counts.missed.sum().clamp_min(1)


SCORE = Score(
    "Absorption: misses of the best atom that another specific atom catches",
    {"absorption": absorption, "absorption_joint": absorption_joint, "absorption_rate": absorption_rate},
    chance="that of as many random directions",
    bounds=dict.fromkeys(("absorption", "absorption_joint", "absorption_rate"), (0, 1)),
)
