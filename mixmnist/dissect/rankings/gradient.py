"""Gradient: how much of the judge's evidence for a digit goes through a unit, to first order.

Formula: sum over the map's cells of gradient x activation; mean over the samples on which the digit is read once.

Source:
    A. Shrikumar et al. (2016), arXiv:1605.01713: gradient x input. P. Molchanov et al. (2017), arXiv:1611.06440: of units.
    Differs: of what a judge sees in a generated image. Bias: where an activation is saturated nothing goes through; zero is not
    always what a unit falls back to.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from mixmnist.core.dissecting import Ranking
from mixmnist.core.records import require
from mixmnist.dissect.reading import Judge, evidence
from mixmnist.dissect.sampling import Sample
from mixmnist.probing import find_layer
from mixmnist.probing.running import editing

BATCH = 50  # samples whose gradients are held at once


def run(sample: Sample, judge: Judge, most: int = 200) -> Float[Tensor, "units digits"]:
    """Scores each unit for each digit.

    Args:
        sample: Its codes are run again, with gradients.
        judge: Whose evidence is followed.
        most: Samples that are looked at, the first ones.

    Returns:
        Pixels of the digit that would be lost without the unit, were all straight lines; 0 for a digit that is never read once.

    Raises:
        ValueError: If `most` is below 1.
    """
    require(most >= 1, f"most must be 1 or more, got most={most}.")
    n = min(most, len(sample))
    shown = sample.said.shown[:n].float()  # samples digits
    parts = [_through(sample, judge, some) * shown[some, None] for some in torch.arange(n).split(BATCH)]
    return torch.cat(parts).sum(dim=0) / shown.sum(dim=0).clamp_min(1)


def _through(sample: Sample, judge: Judge, some: Tensor) -> Float[Tensor, "some units digits"]:
    """Gives gradient x activation, summed over cells."""
    subject = sample.subject
    held: list[Tensor] = []

    def hold(output: Tensor) -> Tensor:
        held.append(output.detach().requires_grad_())
        return held[-1]

    with torch.enable_grad(), editing(find_layer(subject.net, subject.layer), hold):
        found = evidence(judge, subject.net(sample.codes[some].to(sample.maps)))  # some digits
        (maps,) = held
        gradients = [torch.autograd.grad(found[:, d].sum(), maps, retain_graph=True)[0] for d in range(found.shape[1])]
    return torch.stack([(gradient * maps).sum(dim=(2, 3)).detach() for gradient in gradients], dim=2)


RANKING = Ranking("How much of the evidence goes through the unit, to first order", run, sees="gradients", settings={"most": 200})
