"""Parts of a code: which are one-hot, and which can be exchanged without a trace; found in codes that were drawn."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

SAME = 1e-4  # what a pixel may change by where two codes draw one image


@dataclass(frozen=True)
class Part:
    """Some numbers of a code, beside each other, of which always as many are 1 and all others 0."""

    start: int
    end: int  # excluded
    ones: int


def parts_of(codes: Float[Tensor, "n latent"]) -> tuple[Part, ...]:
    """Finds the one-hot parts of codes that a generator drew.

    Example:
        >>> parts_of(torch.tensor([[0.5, 1.0, 0.0, 0.0], [0.2, 0.0, 0.0, 1.0], [0.1, 0.0, 1.0, 0.0]]))
        (Part(start=1, end=4, ones=1),)
    """
    binary = ((codes == 0) | (codes == 1)).all(dim=0).tolist()
    found, start = [], 0
    for end in range(1, codes.shape[1] + 1):
        if not binary[end - 1]:
            start = end
            continue
        ones = codes[:, start:end].sum(dim=1)
        if end - start > 1 and 0 < ones[0] < end - start and bool((ones == ones[0]).all()):
            found.append(Part(start, end, int(ones[0])))
            start = end
    return tuple(found)


def nearest_one_hot(codes: Float[Tensor, "n latent"], parts: tuple[Part, ...]) -> Float[Tensor, "n latent"]:
    """Puts each one-hot part to the nearest code that a generator draws; the rest stays.

    Example:
        >>> nearest_one_hot(torch.tensor([[0.3, 0.6, 0.7]]), (Part(0, 2, 1),))
        tensor([[0.0000, 1.0000, 0.7000]])
    """
    found = codes.clone()
    for part in parts:
        own = codes[:, part.start : part.end]
        found[:, part.start : part.end] = torch.zeros_like(own).scatter(1, own.topk(part.ones, dim=1).indices, 1.0)
    return found


def from_one_hot(codes: Float[Tensor, "n latent"], parts: tuple[Part, ...]) -> Float[Tensor, " n"]:
    """Says how far codes are from being one-hot: the distance to the nearest such code, mean over parts.

    Returns:
        In units of the distance of two codes that differ in one digit; 0 for codes that a generator draws; nan without parts.

    Example:
        >>> from_one_hot(torch.tensor([[0.0, 1.0], [0.5, 0.5]]), (Part(0, 2, 1),))
        tensor([0.0000, 0.5000])
    """
    if not parts:
        return codes.new_full((len(codes),), torch.nan)
    apart = codes - nearest_one_hot(codes, parts)
    each = [apart[:, part.start : part.end].norm(dim=1) / 2**0.5 for part in parts]
    return torch.stack(each).mean(dim=0)


def columns_of(parts: tuple[Part, ...], latent: int) -> Bool[Tensor, " latent"]:
    """Marks the numbers of a code that belong to any part, True there."""
    marked = torch.zeros(latent, dtype=torch.bool)
    for part in parts:
        marked[part.start : part.end] = True
    return marked


def swap_of(codes: Float[Tensor, "n latent"], draw: Callable[[Tensor], Tensor]) -> Int[Tensor, " latent"] | None:
    """Finds how two glyphs' numbers are exchanged in a code so that the same image is drawn, where there is a way.

    Args:
        codes: As the generator draws them.
        draw: Gives their images.

    Returns:
        The order of the numbers after the exchange; None where none of those tried leaves the images as they were: halves of the
        code, or halves of its one-hot parts and halves of the rest.

    Example:
        >>> codes = torch.tensor([[1.0, 2.0], [5.0, 3.0]])
        >>> swap_of(codes, lambda one: one.sum(dim=1)), swap_of(codes, lambda one: one[:, 0])
        (tensor([1, 0]), None)
    """
    latent, every = codes.shape[1], torch.arange(codes.shape[1])
    held = columns_of(parts_of(codes), latent)
    images = draw(codes)
    for kinds in ((every,), (every[held], every[~held])):
        if any(len(kind) % 2 for kind in kinds):
            continue
        order = every.clone()
        for kind in kinds:
            order[kind] = kind.roll(len(kind) // 2)
        if bool((draw(codes[:, order]) - images).abs().max() <= SAME) and not torch.equal(codes[:, order], codes):
            return order
    return None


def in_order(codes: Float[Tensor, "n latent"], swap: Int[Tensor, " latent"] | None) -> Float[Tensor, "n latent"]:
    """Writes the glyphs of each code in one order, where they can be exchanged: the code that is larger at its first difference.

    Example:
        >>> in_order(torch.tensor([[1.0, 2.0], [5.0, 3.0]]), torch.tensor([1, 0]))
        tensor([[2., 1.],
                [5., 3.]])
    """
    if swap is None:
        return codes
    apart = codes - codes[:, swap]
    first = apart.gather(1, (apart != 0).int().argmax(dim=1, keepdim=True))
    return torch.where(first < 0, codes[:, swap], codes)
