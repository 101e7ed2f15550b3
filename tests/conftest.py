"""What many tests share: small mixtures of the digits that come with scikit-learn, and single-threaded arithmetic."""

import itertools
import json
import os
from dataclasses import replace

import numpy as np
import pytest
import torch
from matplotlib.collections import PathCollection
from torch import nn

if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"  # read when triton is imported, which is often in passing

from mixmnist.data.mixture import Mixture, draw
from mixmnist.features.measuring import Plan
from mixmnist.page.atoms import Seen, exhibits_of
from mixmnist.page.exhibit import About, make_exhibit
from mixmnist.probing import probe
from mixmnist.scoring import score


def pytest_collection_modifyitems(config, items):
    """Leaves out what must see wrong types itself, where the live shapes of the tests see them first."""
    for item in items:
        if item.get_closest_marker("plain") and config.getoption("jaxtyping_packages", None):
            item.add_marker(pytest.mark.skip(reason="runs without live shapes, in a process of its own"))


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _no_processes(request, monkeypatch):
    """Keeps blocks in the tests' own process, where things can be put in place of others; `processes` asks for real ones."""
    if "processes" not in request.keywords:
        monkeypatch.setattr("mixmnist.grid.sweep._cores", lambda: 1)


@pytest.fixture(scope="session")
def pairs_mixture() -> Mixture:
    """800 test canvases of the task `pairs`."""
    return draw("pairs", "digits", "test", n=800, seed=0)


@pytest.fixture(scope="session")
def contents():
    """Gives a function from a folder to every file's bytes below it: records but for times, hardware and seal, no locks."""

    def read(folder):
        found = {}
        for path in sorted(p for p in folder.rglob("*") if p.is_file() and ".locks" not in p.parts):
            content = path.read_bytes()
            if path.name == "record.json":
                known = {k: v for k, v in json.loads(content).items() if k not in ("seconds", "processor", "hardware", "seal")}
                content = json.dumps(known).encode()
            found[path.relative_to(folder).as_posix()] = content
        return found

    return read


class Small(nn.Module):
    """A convolution and a linear head on its mean."""

    def __init__(self, units, classes, seed):
        super().__init__()
        torch.manual_seed(seed)
        self.conv = nn.Sequential(nn.Conv2d(1, units, 9, stride=3), nn.ReLU())
        self.head = nn.Linear(units, classes)

    def forward(self, x):
        return self.head(self.conv(x).mean(dim=(2, 3)))


@pytest.fixture(scope="session")
def seen():
    """Gives a function that reads a small net's layer on test and rank canvases: mixture, readout, rank, scores."""

    def see(units=4, task="pairs", seed=0, n=700):
        mixture, other = (draw(task, "digits", split, n=n, seed=0) for split in ("test", "rank"))
        net = Small(units, len(mixture.classes), seed).eval()
        readout, rank = (probe(net, one, "conv") for one in (mixture, other))
        return mixture, readout, rank, score(readout, rank=rank)

    return see


@pytest.fixture(scope="session")
def exhibited(seen):
    """Gives a function that makes the exhibit of a small net."""

    def show(name="small, seed 0", **settings):
        mixture, readout, rank, scores = seen(**settings)
        about = About(name, "A small net.", settings.get("task", "pairs"), "digits", made_from=name)
        return make_exhibit(readout, rank, scores.units, mixture, about)

    return show


@pytest.fixture(scope="session")
def exhibits(exhibited):
    """Two exhibits on the same canvases: of 4 and of 3 units; where the first one's units fired is made up, and what its classes
    lose without them, of which 700 canvases say nothing.
    """
    first, second = exhibited(), exhibited("other, seed 1", units=3, seed=1)
    fields = np.tile(np.array([3, 5, 13, 17]), (4, 12, 1))
    drops = np.random.default_rng(0).uniform(-0.2, 0.9, first.drops.shape).astype(np.float32)
    return replace(first, fields=fields, drops=drops), second


@pytest.fixture(scope="session")
def dissected():
    """A small net's layer of 4 units as a page of atoms sees it, and its exhibits: of units, of 6 atoms of signed and of positive
    codes.
    """
    test, rank = (draw("pairs", "digits", split, n=700, seed=0) for split in ("test", "rank"))
    layer = Seen("small, seed 0", "A small net.", Small(4, len(test.classes), 0).eval(), "conv", rank, test, "pairs", "digits")
    return layer, tuple(exhibits_of(layer, Plan(("pca", "sparse:steps=20"), atoms=(6,)), 300, lambda _: None))


@pytest.fixture(scope="session")
def texts():
    """Gives a function that lists the texts of a figure that are seen."""
    return texts_of


def texts_of(figure):
    """Gives every text of a figure that is seen."""
    found = [*figure.texts, *(t for t in (figure._suptitle, figure._supxlabel, figure._supylabel) if t and t not in figure.texts)]
    for legend in [*figure.legends, *(ax.get_legend() for ax in figure.axes if ax.get_legend())]:
        found += legend.get_texts()
    for ax in figure.axes:
        found += [*ax.texts, ax.title, ax._left_title, ax._right_title]
        if ax.axison:
            found += [ax.xaxis.label, ax.yaxis.label]
            ticks = [tick for axis in (ax.xaxis, ax.yaxis) for tick in axis._update_ticks()]
            found += [label for tick in ticks for label in (tick.label1, tick.label2)]
    return [text for text in found if text.get_visible() and text.get_text().strip()]


@pytest.fixture(scope="session")
def check_paper():
    """Gives a function that holds a figure against a paper: its width, letters of 7 to 9 points, none beyond it or touching, and
    no point outside of its panel.
    """

    def check(figure, columns, scale=1.0):
        figure.draw_without_rendering()
        assert figure.get_figwidth() == pytest.approx({"one": 3.3, "two": 6.9}[columns])
        assert scale > 1 or figure.get_figheight() < 10  # a page of a paper
        for ax in figure.axes:
            (left, right), (low, high) = sorted(ax.get_xlim()), sorted(ax.get_ylim())
            for x, y in (place for dots in ax.collections if isinstance(dots, PathCollection) for place in dots.get_offsets()):
                assert left <= x <= right
                assert low <= y <= high
        seen, renderer = texts_of(figure), figure._get_renderer()
        assert seen
        sizes = {text.get_text(): text.get_fontsize() / scale for text in seen}
        assert {text: size for text, size in sizes.items() if not 7 <= size <= 9} == {}
        boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in seen]
        width, height = figure.bbox.width, figure.bbox.height
        assert [t for t, box in boxes if box.x0 < 0 or box.y0 < 0 or box.x1 > width or box.y1 > height] == []
        pairs = itertools.combinations(boxes, 2)
        assert [(a, b) for (a, one), (b, two) in pairs if one.padded(-0.5).overlaps(two.padded(-0.5))] == []

    return check
