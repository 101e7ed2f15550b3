"""What a network decides on an image: one class of many, or a yes or no for each class.

Labels say which: [images] holds the right class, [images, classes] holds 0 or 1. Every score of ablation is an average over
decisions, one an image in the first case and one per image and class in the second, so none of them needs to know.
"""

import torch
from jaxtyping import Bool, Float, Float64, Int, Shaped
from torch import Tensor


def correct(
    logits: Float[Tensor, "*sets images classes"], labels: Int[Tensor, "images *classes"]
) -> Float[Tensor, "*sets decisions"]:
    """Says how right each decision is, so that the mean over decisions is the accuracy.

    One class of many: 1 where the right class has the largest logit, 1/t where it ties with t - 1 others, else 0. A yes (logit
    above 0) or no for each class: 1 where it is right, weighted so that a class's mean is its balanced accuracy (chance .5).

    Example:
        >>> correct(torch.tensor([[2.0, 1.0], [1.0, 2.0], [1.0, 1.0]]), torch.tensor([0, 0, 0]))
        tensor([1.0000, 0.0000, 0.5000])
        >>> correct(torch.tensor([[1.0], [2.0], [-1.0], [1.0]]), torch.tensor([[1], [0], [0], [0]]))
        tensor([2.0000, 0.0000, 0.6667, 0.0000])
    """
    if labels.ndim == 2:
        yes = labels > 0
        return (((logits > 0) == yes) * weights_of(labels).view(labels.shape).to(logits.dtype)).flatten(-2)
    return share_of(logits, labels)


def share_of(logits: Float[Tensor, "*sets images classes"], about: Int[Tensor, "#*sets images"]) -> Float[Tensor, "*sets images"]:
    """Gives the share of each image that goes to a class: 1 where it alone has the largest logit, 1/t where t share it, else 0.

    Example:
        >>> share_of(torch.tensor([[2.0, 1.0], [1.0, 1.0]]), torch.tensor([1, 1]))
        tensor([0.0000, 0.5000])
    """
    best = logits.amax(dim=-1, keepdim=True)
    own = logits.gather(-1, about.expand(logits.shape[:-1])[..., None])
    shared = (logits == best).sum(dim=-1)
    return torch.where((own == best)[..., 0], 1 / shared.to(logits.dtype), 0)


def weights_of(labels: Int[Tensor, "images *classes"]) -> Float[Tensor, " decisions"]:
    """Gives the weight of each decision in the accuracy; their mean is 1.

    Example:
        >>> weights_of(torch.tensor([[1], [0], [0], [0]]))
        tensor([2.0000, 0.6667, 0.6667, 0.6667])
    """
    if labels.ndim == 1:
        return torch.ones(len(labels), device=labels.device)
    share = torch.where(labels > 0, labels.sum(dim=0), (1 - labels).sum(dim=0)) / len(labels)
    return torch.where(share < 1, 0.5 / share, 1.0).flatten()  # a class without contrast counts as it is


def classes_of(labels: Int[Tensor, "images *classes"]) -> Int[Tensor, " decisions"]:
    """Gives the class that each decision is about."""
    if labels.ndim == 1:
        return labels
    return torch.arange(labels.shape[1], device=labels.device).repeat(len(labels))


def per_decision(
    present: Bool[Tensor, "images concepts"], labels: Int[Tensor, "images *classes"]
) -> Bool[Tensor, "decisions concepts"]:
    """Gives what is on the image of each decision."""
    return present if labels.ndim == 1 else present.repeat_interleave(labels.shape[1], dim=0)


def groups(labels: Int[Tensor, "images *classes"]) -> Bool[Tensor, "images groups"]:
    """Gives the images of each class that has any."""
    return labels[:, None] == labels.unique() if labels.ndim == 1 else labels > 0


def probabilities(
    logits: Float[Tensor, "images classes"], labels: Int[Tensor, "images *classes"]
) -> Float[Tensor, "images classes"]:
    """Gives the predicted probability of each class."""
    return logits.softmax(dim=1) if labels.ndim == 1 else logits.sigmoid()


def one_vs_rest(logits: Float[Tensor, "images classes"], labels: Int[Tensor, "images *classes"], label: int) -> Float[Tensor, ""]:
    """Gives the balanced accuracy, in [0, 1] with chance .5, of telling one class from all others; shared places count in part.

    Example:
        >>> one_vs_rest(torch.tensor([[2.0, 1.0], [1.0, 2.0], [1.0, 1.0]]), torch.tensor([0, 0, 1]), label=0)
        tensor(0.5000)
    """
    return accuracies_of(logits[None], labels, torch.tensor([label], device=labels.device))[0]


def accuracies_of(
    logits: Float[Tensor, "sets images classes"], labels: Int[Tensor, "images *classes"], about: Int[Tensor, " sets"]
) -> Float[Tensor, " sets"]:
    """Gives `one_vs_rest` of one class in each set of logits."""
    if labels.ndim == 2:
        said = logits.gather(2, about[:, None, None].expand(-1, len(labels), 1))[..., 0] > 0
    else:
        said = share_of(logits, about[:, None].expand(-1, len(labels)))
    return balanced(said, members_of(labels, about)).to(logits.dtype)


def members_of(labels: Int[Tensor, "images *classes"], about: Int[Tensor, " told"]) -> Bool[Tensor, "told images"]:
    """Says which images are of each class."""
    return labels[:, about].T > 0 if labels.ndim == 2 else labels == about[:, None]


def balanced(said: Shaped[Tensor, "told images"], member: Bool[Tensor, "told images"]) -> Float64[Tensor, " told"]:
    """Gives the mean of the shares of members and of others that are told rightly, from each image's share that goes to a class.

    Example:
        >>> balanced(torch.tensor([[1.0, 0.0, 0.5]]), torch.tensor([[True, True, False]]))
        tensor([0.5000], dtype=torch.float64)
    """
    return (1 + (said * contrast(member)).sum(dim=1)) / 2


def contrast(member: Bool[Tensor, "told images"]) -> Float64[Tensor, "told images"]:
    """Gives what each image counts, so that the sum is the mean over a class's images less that over the others."""
    yes, no = member.double(), (~member).double()
    return yes / yes.sum(dim=1, keepdim=True) - no / no.sum(dim=1, keepdim=True)


def exact(values: Float[Tensor, "*any"]) -> torch.dtype:
    """Gives the type of scores that are computed from values: theirs, single precision at least."""
    return torch.promote_types(values.dtype, torch.float32)
