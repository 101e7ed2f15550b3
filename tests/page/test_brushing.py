"""What goes on the page of a brush: orders, bytes, what is said, and what is refused. Its script is tested in a browser."""

import base64
import json
import re
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mixmnist.core.records import Canvas
from mixmnist.dissect.reading import Said
from mixmnist.dissect.sampling import Sample
from mixmnist.dissect.subject import Subject
from mixmnist.page import brushing
from mixmnist.page.brushed import patches_of
from mixmnist.page.brushing import Brush, Inverted, write_brush

UNITS, CELLS, SIZE = 3, 4, 8


class Found(NamedTuple):
    """What a judge's net says."""

    counts: Tensor
    junk: Tensor
    pixels: Tensor


class Toy(nn.Module):
    """Draws the mean of its units, large."""

    def __init__(self, looks=False):
        super().__init__()
        self.plan, self.layer, self.up, self.looks = nn.Linear(5, UNITS * CELLS**2), nn.ReLU(), nn.Upsample(scale_factor=2), looks

    def forward(self, codes):
        plan = self.plan(codes)
        plan = plan * float(plan.max() > -100) if self.looks else plan
        return torch.sigmoid(self.up(self.layer(plan.view(-1, UNITS, CELLS, CELLS))).mean(dim=1, keepdim=True))


class Says(nn.Module):
    """Always reads a 1 and two 7s."""

    def forward(self, images):
        counts = torch.zeros(len(images), 10, 3)
        counts[:, :, 0], counts[:, 1, 1], counts[:, 7, 2] = 1, 2, 2
        pixels = images.expand(-1, 12, -1, -1)
        return Found(counts.log_softmax(dim=2), torch.tensor([[0.9, 0.1]]).log().expand(len(images), 2), pixels)


@pytest.fixture
def brush():
    """A page of five canvases."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        net = Toy().eval()
    generator = torch.Generator().manual_seed(2)
    ranking = torch.tensor([[1.0, 5.0], [3.0, float("nan")], [2.0, 6.0]])[:, [0, 1] * 5]
    return Brush(
        title="A </script> of <b>bold</b> units",
        net=net,
        layer="layer",
        judge=Says(),
        canvas=Canvas(size=SIZE, glyph=3),
        codes=torch.randn(5, 5, generator=generator),
        rankings={"one": ranking},
        values=torch.full((UNITS, 10), float("nan")),
        notes=("Valid <.5",),
    )


def data(path):
    """What the script gets."""
    return json.loads(re.search(r"window\.mixmnist = (.*);</script>", path.read_text()).group(1))["brush"]


def test_the_page_stands_alone_and_escapes(brush, tmp_path):
    """One file must ask for nothing, and no word of a user may end its script or become an element."""
    text = write_brush(tmp_path / "deep" / "page.html", brush).read_text()
    assert text.count("</script>") == 2
    assert "<h1>A &lt;/script&gt; of &lt;b&gt;bold&lt;/b&gt; units</h1>" in text
    assert "Valid &lt;.5" in text
    assert set(re.findall(r"https?://[\w./]+", text)) == {"http://www.w3.org/2000/svg"}
    assert set(re.findall(r'(?:src|href)="([^"#]+)"', text)) == {"data:,"}
    assert [one.name for one in (tmp_path / "deep").iterdir()] == ["page.html"]


def test_units_come_in_the_order_of_the_ranking(brush, tmp_path):
    """The highest unit must come first, one without a number last, for each digit by itself; nan of k counts as 0."""
    found = data(write_brush(tmp_path / "page.html", brush))
    (ranking,) = found["rankings"]
    assert ranking["order"][:2] == [[1, 2, 0], [2, 0, 1]]
    assert ranking["scores"][:2] == [[3.0, 2.0, 1.0], [6.0, 5.0, None]]
    assert found["values"] == [[0.0] * 10] * UNITS


def test_canvases_are_called_by_what_is_read(brush, tmp_path):
    """Without names of their own canvases must be called by what the judge reads; with names by these."""
    found = data(write_brush(tmp_path / "page.html", brush))
    assert found["generated"]["names"] == ["reads 1 and 7 twice or more"] * 5
    named = data(write_brush(tmp_path / "page.html", replace(brush, names=tuple("abcde"))))
    assert named["generated"]["names"] == list("abcde")


def test_real_canvases_come_as_they_are(brush, tmp_path):
    """Pixels of real canvases must come exactly, with codes and, where they were sought, maps of the layer."""
    images = torch.arange(2 * SIZE * SIZE).remainder(256).byte().view(2, SIZE, SIZE)
    maps = torch.rand(2, UNITS, CELLS, CELLS)
    found = data(write_brush(tmp_path / "page.html", replace(brush, inverted=Inverted(images, torch.zeros(2, 5), maps))))[
        "inverted"
    ]
    assert found["real"]["size"] == 1
    assert np.array_equal(np.frombuffer(base64.b64decode(found["real"]["numbers"]), np.uint8), images.numpy().ravel())
    got = np.frombuffer(base64.b64decode(found["maps"]["numbers"]), "<f2")
    assert np.array_equal(got, maps.half().numpy().ravel())


def test_canvases_begin_with_maps_where_they_must(brush, tmp_path):
    """Where the page cannot do what leads to the layer, each canvas must bring the layer's maps."""
    assert "maps" not in data(write_brush(tmp_path / "page.html", brush))["generated"]
    net = Toy(looks=True).eval()
    net.load_state_dict(brush.net.state_dict())
    found = data(write_brush(tmp_path / "page.html", replace(brush, net=net)))
    maps = np.frombuffer(base64.b64decode(found["generated"]["maps"]["numbers"]), "<f2").reshape(5, UNITS, CELLS, CELLS)
    with torch.no_grad():
        right = net.layer(net.plan(brush.codes.half().float())).view(5, UNITS, CELLS, CELLS)
    assert np.allclose(maps, right, atol=1e-2)


@pytest.mark.plain
def test_a_ranking_of_another_layer_is_refused(brush):
    """A ranking of another number of units must be named and refused."""
    with pytest.raises(ValueError, match=r"a ranking must be of 3 units and 10 digits, got \(4, 10\) of 'one'"):
        replace(brush, rankings={"one": torch.zeros(4, 10)})


def test_what_does_not_fit_is_refused(brush, tmp_path, monkeypatch):
    """Values and canvases of other sizes, no codes or rankings, names for others, and too large a page: a sentence each."""
    cases = [
        ({"rankings": {}}, "rankings must hold at least one"),
        ({"codes": torch.zeros(0, 5)}, "codes must be of at least one canvas"),
        ({"names": ("a",)}, "names must be one for each of 5 canvases, got 1"),
        ({"canvas": Canvas(size=9, glyph=3)}, r"images must be 1 x 9 x 9, got \[1, 8, 8\]"),
        ({"rankings": {"one": torch.zeros(4, 10)}, "values": torch.zeros(4, 10)}, "values must be of the layer's 3 units, got 4"),
        ({"layer": "none"}, "layer must be a part of the generator"),
    ]
    for changes, said in cases:
        with pytest.raises(ValueError, match=said):
            write_brush(tmp_path / "page.html", replace(brush, **changes))
    monkeypatch.setattr(brushing, "MOST", 1000)
    with pytest.raises(ValueError, match="the page must be of 1,000 bytes at most"):
        write_brush(tmp_path / "page.html", brush)
    assert list(tmp_path.iterdir()) == []


def test_a_stamp_is_cut_around_the_surest_digit(brush):
    """A patch must be the box and a cell more on each side of the surest donor, zeros outside of the canvas, and for no donor."""
    maps = torch.arange(2 * 2 * 16.0).view(2, 2, 4, 4) + 1  # donors units high wide
    places = torch.full((2, 10, 2), -1)
    counts = torch.zeros(2, 10, dtype=torch.long)
    places[:, 6], counts[:, 6] = torch.tensor([[2, 4], [0, 0]]), 1
    said = Said(counts, torch.zeros(2, dtype=torch.bool), torch.tensor([0.9, 0.7]))
    subject = Subject(brush.net, "layer", Canvas(size=8, glyph=3))
    sample = Sample(
        subject, torch.zeros(2, 5), torch.zeros(2, 1, 8, 8), maps, said, torch.zeros(2, 8, 8, dtype=torch.long), places
    )
    found = patches_of(sample)
    assert found.shape == (10, 2, 4, 4)
    assert found[6, 1, :, :3].equal(maps[0, 1, 0:4, 1:4])
    assert found[6, 1, :, 3].eq(0).all()
    assert found[[0, 5, 9]].eq(0).all()
