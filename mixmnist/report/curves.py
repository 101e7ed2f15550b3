"""Precision curves: precision@k at many k and precision at many recalls, from one sort of the images a unit."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mixmnist.metrics._ranking import CHUNK, Ranking, dead_units, rank_images, take


def precision_curves(
    response: Float[Tensor, "images units"],
    present: Bool[Tensor, "images concepts"],
    ks: Sequence[int],
    recalls: Sequence[float],
) -> tuple[Float[Tensor, "units concepts ks"], Float[Tensor, "units concepts recalls"]]:
    """Gives what `precision_at_k` and `precision_at_recall` give, at many points at once.

    Args:
        response: Any scale.
        present: Ground truth.
        ks: Numbers of top images, from 1 to the number of images.
        recalls: Shares above 0 and at most 1.

    Returns:
        Shares in [0, 1]; `nan` for a dead unit or a concept that never or always occurs.

    Example:
        >>> response = torch.tensor([[9.0], [8.0], [1.0], [0.0]])
        >>> present = torch.tensor([[True], [False], [True], [False]])
        >>> precision_curves(response, present, ks=(1, 2), recalls=(0.5, 1.0))
        (tensor([[[1.0000, 0.5000]]]), tensor([[[1.0000, 0.6667]]]))
    """
    step = max(1, CHUNK // max(1, present.numel()))
    parts = [(_at_k(r, ks), _at_recall(r, recalls)) for r in (rank_images(some, present) for some in response.split(step, dim=1))]
    none = dead_units(response)[:, None] | present.all(dim=0) | ~present.any(dim=0)  # units concepts
    by_k, by_recall = (torch.cat(found).masked_fill(none[:, :, None], torch.nan) for found in zip(*parts, strict=True))
    return by_k, by_recall


def _at_k(ranking: Ranking, ks: Sequence[int]) -> Float[Tensor, "some concepts ks"]:
    k = torch.tensor(ks, device=ranking.first.device)
    first, last = ranking.first[k - 1], ranking.last[k - 1]  # ks units
    above, through = take(ranking.hits, first), take(ranking.hits, last)  # ks units concepts
    part = (k[:, None] - first).to(above.dtype) / (last - first)
    return ((above + (through - above) * part[:, :, None]) / k[:, None, None]).permute(1, 2, 0)


def _at_recall(ranking: Ranking, recalls: Sequence[float]) -> Float[Tensor, "some concepts recalls"]:
    hits = ranking.hits.permute(1, 2, 0).contiguous()  # units concepts ranks
    wanted = hits[..., -1:] * torch.tensor(recalls).to(hits) * (1 - 1e-6)  # as in precision_at_recall
    reached = torch.searchsorted(hits[..., 1:].contiguous(), wanted).clamp_max(hits.shape[2] - 2)  # units concepts recalls
    last = ranking.last.T[:, None].expand(*hits.shape[:2], -1).gather(2, reached)
    return hits.gather(2, last) / last
