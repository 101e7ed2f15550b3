"""What tests of labels share: a layer of planted units whose labels are known."""

import pytest
import torch

from mixmnist.labellers.judging import scene_of
from mixmnist.labellers.sight import sight_of

CONCEPTS = tuple("0123456789")


def pairs(n, seed):
    """Draws what n canvases of two digits show."""
    generator = torch.Generator().manual_seed(seed)
    shown = torch.rand(n, 10, generator=generator).argsort(dim=1)[:, :2]
    return torch.zeros(n, 10, dtype=torch.bool).scatter(1, shown, True)


def respond(present, seed):
    """Responses of five units: of the digit 3; of 4 or 9; of nothing, by chance; dead; of 7, on a constant."""
    noise = torch.rand(len(present), 5, generator=torch.Generator().manual_seed(seed))
    response = noise.clone()
    response[:, 0] += 5 * present[:, 3]
    response[:, 1] += 4 * (present[:, 4] | present[:, 9])
    response[:, 3] = 0
    response[:, 4] += 100 + 3 * present[:, 7]
    return response


@pytest.fixture(scope="session")
def sight():
    """What a labeller sees of the five units; the reader is never wrong."""
    present = pairs(1500, 0)
    logits = torch.where(present, 4.0, -4.0)
    return sight_of(respond(present, 1), logits, 0.0, present, CONCEPTS, layer="conv3", fingerprint="abc")


@pytest.fixture(scope="session")
def scene(sight):
    """What labels of the five units are held against."""
    present, single = pairs(1400, 2), torch.eye(10, dtype=torch.bool).repeat(30, 1)
    known = (sight.response, sight.present, respond(single, 4), single, CONCEPTS)
    return scene_of(respond(present, 3), present, *known)
