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
        "notes": (
            "The judge of stamps reads 99.2 % of 3,000 proper pairs exactly.",
            "Valid: .97 of 1,000 canvases (real ones: 1.00).",
        ),
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


def said(tab, panel=0):
    """What a panel says is read."""
    return tab.locator(f"#panel-{panel} .reads b").inner_text()


def use(tab, row, column, panel=0, way="click"):
    """Uses the brush at the middle of a cell."""
    box = tab.locator(f"#panel-{panel} .paintable")
    box.scroll_into_view_if_needed()
    place = box.bounding_box()
    x, y = (start + (cell + 0.5) * place["width"] / CELLS for start, cell in ((place["x"], column), (place["y"], row)))
    getattr(tab.mouse if way == "click" else tab.touchscreen, way)(x, y)
    rest(tab)


def pick(tab, name, value):
    """Chooses one of several."""
    tab.locator(f"#choice-{name} input[value='{value}']").check(force=True)
    rest(tab)


def drawn(tab, panel=0):
    """The image that a panel holds."""
    return torch.tensor(tab.evaluate(f"Array.from(mm.panels[{panel}].image)"), dtype=torch.float32).view(1, 1, 32, 32)


def by_torch(code, unit, cells, value):
    """The image with a unit's cells set to a value."""
    maps = code.view(1, UNITS, CELLS, CELLS).clone()
    for row, column in cells:
        maps[0, unit, row, column] = value
    with torch.no_grad():
        return Painter()(maps.flatten(1))


def test_a_stroke_writes_into_the_layer_and_is_read(opened):
    """Painting must write k into the ranking's units at the cell, in both panels by their own, and be drawn and read at once."""
    tab = opened()
    assert said(tab) == said(tab, 1) == "1 and 4"
    use(tab, 1, 6)
    assert (said(tab), said(tab, 1)) == ("1, 3 and 4", "1, 4 and 8")
    assert "Against before: 3 new." in tab.locator("#panel-0 .became").inner_text()
    for panel, unit in ((0, 3), (1, 8)):
        torch.testing.assert_close(drawn(tab, panel), by_torch(codes(6)[:1], unit, [(1, 6)], 1), rtol=0, atol=1e-4)
    assert tab.locator("#panel-0 .cell.paint").count() == 1
    assert tab.locator("#panel-0 text.name").all_text_contents() == ["1", "3", "4"]


def test_erasing_takes_a_digit_away(opened):
    """Erased cells must be 0 in the chosen digit's units alone; a canvas without it stays as it is."""
    tab = opened()
    pick(tab, "tool", "erase")
    use(tab, 2, 2)
    assert said(tab) == "1 and 4"  # of the units of 3
    assert "No pixel changed" in tab.locator("#panel-0 .told").inner_text()
    tab.locator("#undo").click()
    pick(tab, "digit", 4)
    use(tab, 2, 2)
    assert (said(tab), said(tab, 1)) == ("1", "1 and 4")
    torch.testing.assert_close(drawn(tab), by_torch(codes(6)[:1], 4, [(2, 2)], 0), rtol=0, atol=1e-4)


def test_strokes_are_undone_and_done_again(opened):
    """Undo, redo and reset must work by buttons and keys, and a new stroke end what can be done again."""
    tab = opened()
    use(tab, 1, 6)
    use(tab, 6, 1)
    assert said(tab) == "1, 3 twice or more and 4"
    tab.keyboard.press("Control+z")
    rest(tab)
    assert said(tab) == "1, 3 and 4"
    tab.locator("#undo").click()
    rest(tab)
    assert said(tab) == "1 and 4"
    assert tab.locator("#undo").is_disabled()
    for _ in range(2):
        tab.keyboard.press("Control+y")
    rest(tab)
    assert said(tab) == "1, 3 twice or more and 4"
    tab.locator("#undo").click()
    use(tab, 6, 2)
    assert tab.locator("#redo").is_disabled()
    tab.locator("#reset").click()
    rest(tab)
    assert said(tab) == "1 and 4"


def test_another_ranking_or_more_units_do_the_same_strokes(opened):
    """What was painted must be done anew by whatever ranking and number of units is chosen then."""
    tab = opened()
    use(tab, 1, 6)
    tab.locator("#panel-1 select").select_option("0")
    rest(tab)
    assert said(tab, 1) == "1, 3 and 4"
    tab.locator("#panel-0 select").select_option("1")
    rest(tab)
    assert said(tab) == "1, 4 and 8"
    tab.locator("#n").fill("2")
    rest(tab)
    assert tab.evaluate("mm.chosenUnits(1, 3, 2)") == [8, 4]
    both = by_torch(codes(6)[:1] + F.one_hot(torch.tensor(8 * 64 + 14), UNITS * 64), 4, [(1, 6)], 1)
    torch.testing.assert_close(drawn(tab), both, rtol=0, atol=1e-4)


def test_a_drag_leaves_no_gaps(opened):
    """However fast the brush is drawn over the canvas, every cell on its way must be done, and be one stroke."""
    tab = opened()
    pick(tab, "digit", 1)
    box = tab.locator("#panel-0 .paintable").bounding_box()
    side = box["width"] / CELLS
    tab.mouse.move(box["x"] + side / 2, box["y"] + 0.5 * side)
    tab.mouse.down()
    tab.mouse.move(box["x"] + 7.5 * side, box["y"] + 7.5 * side)
    tab.mouse.up()
    rest(tab)
    cells = tab.evaluate("[...mm.strokesOf(mm.at.key).done[0].cells].sort((a, b) => a - b)")
    assert set(range(0, 64, 9)) <= set(cells)
    tab.locator("#undo").click()
    rest(tab)
    assert said(tab) == "1 and 4"


def test_the_brush_is_as_wide_as_it_says(opened):
    """A brush of three cells must reach one cell to each side, and be cut at the border."""
    tab = opened()
    tab.locator("#size").fill("3")
    use(tab, 3, 4)
    use(tab, 0, 0)
    cells = tab.evaluate("mm.strokesOf(mm.at.key).done.map((one) => [...one.cells])")
    assert sorted(cells[0]) == [19, 20, 21, 27, 28, 29, 35, 36, 37]
    assert sorted(cells[1]) == [0, 1, 8, 9]


def test_units_are_switched_off_everywhere(opened):
    """A unit that is off must give 0 on every canvas, the ranking's own by a box, and be seen on its card."""
    tab = opened()
    tab.locator("#units li[data-unit='4'] input").uncheck()
    rest(tab)
    assert said(tab) == said(tab, 1) == "1"
    assert "1 of 13 units switched off" in tab.locator("#units .count").inner_text()
    assert "off" in tab.locator("#units li[data-unit='4']").get_attribute("class")
    pick(tab, "digit", 1)
    tab.get_by_label("these units off everywhere").check()
    rest(tab)
    assert (said(tab), said(tab, 1)) == ("nothing", "1")
    tab.locator("#reset").click()
    rest(tab)
    assert said(tab) == "1 and 4"
    assert not tab.get_by_label("these units off everywhere").is_checked()


def test_units_are_listed_by_their_ranking(opened):
    """Cards must come in the order of the chosen ranking and digit, and show the edited maps."""
    tab = opened()
    first = "document.querySelector('#units li').dataset.unit"
    assert tab.evaluate(first) == "3"
    use(tab, 1, 6)
    lit = "(c => [...c.getContext('2d').getImageData(6, 1, 1, 1).data])(document.querySelector('#units li canvas'))"
    assert tab.evaluate(lit) == [255, 150, 30, 255]
    pick(tab, "listed", 1)
    assert tab.evaluate(first) == "8"
    pick(tab, "digit", 5)
    assert tab.evaluate(first) == "0"


def test_a_trial_counts_all_canvases(opened):
    """Switched off on every canvas that shows the digit once, the counts by either ranking must be those of torch."""
    tab = opened()
    shows = [place for place in range(6) if codes(6)[place].view(UNITS, 64)[8].any()]
    assert len(shows) == 2
    pick(tab, "digit", 8)
    tab.locator("#try").click()
    rows = tab.locator("#tried tbody tr")
    rows.first.wait_for()
    assert rows.nth(0).locator("td").all_inner_texts() == ["2 of 2 (1.00)"] * 2
    assert rows.nth(1).locator("td").all_inner_texts() == ["0 of 2 (.00)"] * 2
    use(tab, 1, 6)  # on the canvas where one was
    assert said(tab) == "1, 4 and 8"


def test_inverted_canvases_are_edited_too(opened):
    """An inverted canvas must stand beside the real one with what is read on both, and be edited as any other."""
    tab = opened()
    pick(tab, "kind", "inverted")
    pick(tab, "canvas", 2)
    reads = tab.locator("#before .reads b").all_inner_texts()
    assert len(reads) == 2
    assert reads[0] == reads[1] == said(tab)
    assert "Real canvas 3, reads " + reads[0] == tab.locator("#choice-canvas input:checked").get_attribute("aria-label")
    real = torch.tensor(tab.evaluate("Array.from(mm.at.real.image)")).view(32, 32)
    assert (255 * real).round().byte().equal(brush().inverted.images[2])
    use(tab, 1, 6)
    assert "3" in said(tab)


def test_each_canvas_keeps_its_strokes(opened):
    """Another canvas must begin without strokes, and the first have its own where one comes back."""
    tab = opened()
    use(tab, 1, 6)
    tab.locator("#choice-canvas input:checked").focus()
    tab.keyboard.press("ArrowRight")
    rest(tab)
    assert tab.locator("#before h3").inner_text() == "Canvas 2, before"
    assert "As before." in tab.locator("#panel-0 .told").inner_text()
    tab.keyboard.press("ArrowLeft")
    rest(tab)
    assert said(tab) == "1, 3 and 4"


def test_the_keyboard_paints(opened):
    """With keys alone one must choose the digit and the tool, move the brush, use it and undo it."""
    tab = opened()
    tab.locator("#panel-0 .paintable").focus()
    tab.keyboard.press("5")
    for key in ("ArrowUp",) * 3 + ("ArrowRight",) * 2 + ("Space",):
        tab.keyboard.press(key)
    rest(tab)
    assert said(tab) == "1, 4 and 5"
    assert tab.locator("#panel-0 .frame").count() == 1
    assert "oracle: reads 1, 4 and 5." in tab.locator("#told").inner_text()
    tab.keyboard.press("e")
    tab.keyboard.press("Enter")
    rest(tab)
    assert said(tab) == "1 and 4"
    assert tab.evaluate("[mm.view.tool, document.querySelector('#choice-tool input:checked').value]") == ["erase", "erase"]


def test_a_finger_paints(browser, page):
    """A touch must paint and not scroll the page."""
    context = browser.new_context(viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True)
    try:
        tab = context.new_page()
        tab.goto(page.as_uri())
        rest(tab)
        use(tab, 1, 6, way="tap")
        assert said(tab) == "1, 3 and 4"
        assert tab.evaluate("getComputedStyle(document.querySelector('.paintable')).touchAction") == "none"
    finally:
        context.close()


def test_a_stamp_copies_what_lies_around_a_digit(visit, tmp_path):
    """A stamp must lay the donor's patch around the cell, of the chosen units, and be cut at the border."""
    patches = torch.zeros(10, UNITS, 3, 2)
    patches[3, 3, 1, 1], patches[3, 7] = 1, 1
    tab = visit(place=write_brush(tmp_path / "stamp.html", brush(patches=patches)).as_uri())
    pick(tab, "tool", "stamp")
    use(tab, 1, 6)
    column = tab.evaluate("mm.strokesOf(mm.at.key).done[0].stamps[0][1]") + 1
    torch.testing.assert_close(drawn(tab), by_torch(codes(6)[:1], 3, [(1, column)], 1), rtol=0, atol=1e-4)
    use(tab, 0, 0)


def test_the_page_computes_as_torch_does(opened):
    """Image and what is read of every canvas must be torch's to 1e-4."""
    tab = opened()
    net, judge = Painter().eval(), Matched().eval()
    with torch.no_grad():
        images = net(codes(6).half().float())
        found = judge(images)
    for place in range(6):
        outputs = "mm.outputs(mm.subject.judge).map((one) => Array.from(one))"
        mine = tab.evaluate(f"(at => [Array.from(at.image), mm.read(at.image), ...{outputs}])(mm.start('generated', {place}))")
        del mine[1]
        right = (images[place], found.counts[place], found.junk[place], found.pixels[place])
        for one, other in zip(mine, right, strict=True):
            torch.testing.assert_close(torch.tensor(one, dtype=torch.float32), other.flatten(), rtol=0, atol=1e-4)
    assert tab.evaluate("mm.deviation()") < 1e-4


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_reaches_past_the_edge(opened, width):
    """On a phone and on a desk nothing may be wider than the screen."""
    tab = opened(width=width)
    assert tab.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_no_serious_fault(opened, dark):
    """In light and in dark nothing serious may stand in the way of anyone."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    tab = opened(dark=dark)
    use(tab, 1, 6)
    found = axe.run(tab, options={"preload": False}).response["violations"]
    assert [(v["id"], v["nodes"][0]["html"][:120]) for v in found if v["impact"] in ("serious", "critical")] == []


def test_the_page_is_small_and_alone(page):
    """It must be one file of 1.5 MB at most that asks for nothing; `visit` complains of requests."""
    assert page.stat().st_size <= MOST == 1_500_000
    assert [one.name for one in page.parent.iterdir()] == [page.name]


def test_without_a_script_it_says_so(visit, page):
    """Where JavaScript is off the page must say that it needs it."""
    tab = visit(place=page.as_uri(), script=False)
    assert "switch JavaScript on" in tab.locator("header").inner_text()
    assert "99.2 %" in tab.locator("#belief").inner_text()
