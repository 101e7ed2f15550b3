"""Mutual information of the unit's response and the concept's presence, in bits.

The response is cut into ten bins with equally many images each, fitted on the rank images; zeros are a bin of their own.

Formula: sum over bins b and presence y of p(b, y) log2(p(b, y) / (p(b) p(y))); in bits, [0, H(y)].
Ties: tied images fall into one bin.
Dead units: nan.
Cost: ten comparisons of n responses a unit, a product of bins x n and n x concepts.

Source:
    A. Morcos et al. (2018), "On the importance of single directions for generalization", arXiv:1803.06959: over classes.
    Differs: over concepts; the bins come from other images. Bias: an uninformed unit has about bins / (2 n ln 2) bits.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mixmnist.core.records import Metric
from mixmnist.metrics._ranking import dead_units, undecided

BINS = 10  # besides the zeros


def bins_of(
    response: Float[Tensor, "images units"], rank_response: Float[Tensor, "rank_images units"]
) -> Int[Tensor, "images units"]:
    """Gives the bin of each response, 0..9, or 10 for a zero; edges are quantiles of the other images' responses but zeros."""
    known = torch.where(rank_response == 0, torch.inf, rank_response).sort(dim=0).values  # those that are not 0 first
    n = (rank_response != 0).sum(dim=0)
    places = torch.arange(1, BINS, device=n.device)[:, None] * n // BINS  # bins units
    edges = known.gather(0, places.clamp_max(len(known) - 1)).masked_fill(n == 0, torch.inf)
    found = torch.searchsorted(edges.T.contiguous(), response.T.contiguous(), right=True).T
    return torch.where(response == 0, BINS, found)


def mutual_information(
    response: Float[Tensor, "images units"],
    present: Bool[Tensor, "images concepts"],
    rank_response: Float[Tensor, "rank_images units"],
) -> Float[Tensor, "units concepts"]:
    """Scores how much a unit's binned response tells about each concept.

    Args:
        response: Any scale; only the order counts, and which responses are 0.
        present: Ground truth from the generator.
        rank_response: The units on the images that the bins are fitted on.

    Returns:
        Bits in [0, entropy of the concept]; `nan` for a dead unit or a concept that never or always occurs.

    Example:
        >>> response = torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0], [0.0, 0.0]])
        >>> mutual_information(response, torch.tensor([[True], [True], [False], [False]]), response)
        tensor([[1.],
                [0.]])
    """
    bins, shows = bins_of(response, rank_response), present.double()
    counts = torch.stack([(bins == b).double().T @ shows for b in range(BINS + 1)])  # bins units concepts
    sizes = torch.stack([(bins == b).sum(dim=0) for b in range(BINS + 1)])[:, :, None].double()  # bins units 1
    n, shown = len(response), shows.sum(dim=0)
    parts = torch.xlogy(counts, counts * n / (sizes * shown)) + torch.xlogy(
        sizes - counts, (sizes - counts) * n / (sizes * (n - shown))
    )
    bits = parts.nan_to_num(0).sum(dim=0) / (n * torch.log(torch.tensor(2.0, dtype=torch.float64)))
    scores = bits.clamp_min(0).to(torch.promote_types(response.dtype, torch.float32))
    return scores.masked_fill(dead_units(response)[:, None] | undecided(present), torch.nan)


METRIC = Metric(
    "Mutual information of response and presence, bits",
    axes=("units", "concepts"),
    columns={"mutual_information": mutual_information},
    chance="0, and a little more the fewer the images",
    ceiling="the concept's entropy",
    plant="perfect",
)
