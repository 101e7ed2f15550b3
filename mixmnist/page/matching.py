"""Matching: which unit of one network answers as which unit of another, where both saw the same images."""

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import torch

from mixmnist.page.exhibit import Exhibit
from mixmnist.page.writing import Matching
from mixmnist.trust._assignment import match, standardise


def matchings(exhibits: Sequence[Exhibit]) -> Iterator[Matching]:
    """Matches the units of every two exhibits one to one by the correlation of their responses on the same images."""
    standard = [standardise(torch.from_numpy(exhibit.response)) for exhibit in exhibits]
    for first, second in itertools.combinations(range(len(exhibits)), 2):
        why_not = _why_not(exhibits[first], exhibits[second])
        if why_not:
            yield Matching(first, second, why_not=why_not)
            continue
        found = match(standard[first].T @ standard[second])
        yield Matching(first, second, found.ours.tolist(), found.theirs.tolist(), np.asarray(found.correlation).tolist())


def _why_not(first: Exhibit, second: Exhibit) -> str:
    """Says why units of two exhibits cannot be matched by their responses; nothing if they can."""
    if first.images == second.images:
        return ""
    for what, ours, theirs in (
        ("concepts", ", ".join(first.concepts), ", ".join(second.concepts)),
        ("tasks", first.about.task, second.about.task),
        ("glyphs", first.about.source, second.about.source),
        ("sizes of images", "x".join(map(str, first.top.shape[2:])), "x".join(map(str, second.top.shape[2:]))),
    ):
        if ours != theirs:
            return f"They saw images with other {what}: {ours} and {theirs}."
    return "They saw other images."
