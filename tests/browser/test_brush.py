"""The page of a brush in a real Chromium: strokes by mouse, finger and keyboard, held against torch."""

from typing import NamedTuple

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mixmnist.core.records import Canvas
from mixmnist.data.sources.stamps import load
from mixmnist.page.brushing import MOST, Brush, Inverted, write_brush

pytestmark = pytest.mark.browser
CELLS, UNITS, PAINTERS = 8, 13, 10


class Found(NamedTuple):
    """What the judge's net says."""

    counts: Tensor
    junk: Tensor
    pixels: Tensor


def stamps():
    """The ten stamps in [0, 1]."""
    return torch.from_numpy(load(None, "test").images.astype(np.float32) / 255)[:, None]


class Painter(nn.Module):
    """Ten units that draw a digit each, centred on a cell, and three that draw nothing."""

    def __init__(self):
        super().__init__()
        self.latent = UNITS * CELLS**2
        self.maps = nn.ReLU()
        weight = torch.zeros(UNITS, 1, 12, 12)
        weight[:PAINTERS] = stamps()
        self.weight = nn.Parameter(weight, requires_grad=False)

    def forward(self, codes):
        maps = self.maps(codes.view(len(codes), UNITS, CELLS, CELLS))
        return F.conv_transpose2d(maps, self.weight, stride=4)[..., 4:36, 4:36].clamp(0, 1)


class Matched(nn.Module):
    """Reads stamps by how well they fit everywhere."""

    def __init__(self):
        super().__init__()
        self.register_buffer("stamps", stamps())

    def forward(self, images):
        misfit = F.conv2d(images, 1 - 2 * self.stamps, self.stamps.sum(dim=(1, 2, 3))) / 144
        fit = torch.sigmoid(200 * (0.05 - misfit))  # n digits places
        many = fit.sum(dim=(2, 3))[..., None]  # n digits 1
        counts = (-8 * (many - torch.arange(3.0)).abs()).log_softmax(dim=2)
        drawn = torch.cat([F.conv_transpose2d(fit[:, d : d + 1], self.stamps[d : d + 1]) for d in range(10)], dim=1)
        loose = images - drawn.sum(dim=1, keepdim=True).clamp(max=1)
        odd = loose.clamp(min=0).sum(dim=(1, 2, 3)) - 5
        pixels = torch.cat([9 * drawn, 6 * (1 - images), 6 * loose], dim=1)
        return Found(counts, torch.stack([F.logsigmoid(-odd), F.logsigmoid(odd)], dim=1), pixels)


def codes(n, seed=0):
    """Codes of canvases with two digits, a glyph apart."""
    found, generator = torch.zeros(n, UNITS, CELLS, CELLS), torch.Generator().manual_seed(seed)
    for code in found:
        one, two = torch.randperm(10, generator=generator)[:2].tolist()
        code[one, 2, 2], code[two, 5, 5] = 1, 1
        code[PAINTERS:] = torch.rand(3, CELLS, CELLS, generator=generator)
    return found.flatten(1)


def brush(**settings):
    """The page's content: by the oracle and by a ranking that knows nothing."""
    net = Painter().eval()
    oracle = torch.eye(UNITS, 10)
    blind = oracle.roll(5, dims=1) + oracle.roll(1, dims=0) / 2
    mine = codes(6)
    with torch.no_grad():
        real = (net(codes(4, seed=1))[:, 0] * 255).byte()
    known = {
        "title": "Painters of stamps, by a brush",
        "net": net,
        "layer": "maps",
        "judge": Matched().eval(),
        "canvas": Canvas(),
        "codes": mine,
        "rankings": {"oracle": oracle, "blind": blind},
        "values": torch.full((UNITS, 10), 1.0),
        "notes": ("The judge of stamps reads 99.2 % of 3,000 proper pairs exactly.", "Valid: .97 of 1,000 canvases (real ones: 1.00)."),
        "inverted": Inverted(real, codes(4, seed=1)),
        "n_units": 1,
        "cells": 1,
    }
    return Brush(**(known | settings))


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The page's file."""
    return write_brush(tmp_path_factory.mktemp("brush") / "brush.html", brush())


@pytest.fixture
def opened(visit, page):
    """Gives a function that opens the page and waits until it is at rest."""

    def open_page(**settings):
        tab = visit(place=page.as_uri(), **settings)
        rest(tab)
        return tab

    return open_page


def rest(tab):
    """Waits until all is drawn."""
    tab.wait_for_function("!document.body.dataset.busy")


def test_opens(opened):
    tab = opened()
    assert tab.locator("#deviation").inner_text()
