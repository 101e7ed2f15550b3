"""The page in a real Chromium: what a visitor does, and whether the numbers are those of Python."""

import json

import pytest
import torch

from mixmnist.metrics._decisions import correct
from mixmnist.page import packing
from mixmnist.page.annotations import judge_annotations, read_annotations
from mixmnist.page.making import matchings
from mixmnist.page.writing import Page, write_page
from mixmnist.probing import HeadAlgebra

pytestmark = pytest.mark.browser
CLOSE = 1e-8  # Python weighs yes and no in float32 where classes do not exclude each other; else all is equal to 1e-15
PARTS = ("findings", "units", "bench", "compare", "label")


def accuracy(exhibit, off, to_mean):
    """Python's accuracy on the bench's images with some units silenced."""
    bench = exhibit.bench
    algebra = HeadAlgebra(*(torch.from_numpy(values).double() for values in (bench.means, bench.weight, bench.bias)))
    sets = torch.zeros(1, exhibit.n_units, dtype=torch.bool)
    sets[0, list(off)] = True
    values = torch.from_numpy(bench.rest).double() * float(to_mean)
    return float(correct(algebra(sets, values), torch.from_numpy(bench.labels)).mean())


def shown_accuracy(tab):
    """The accuracy that the bench shows, in full."""
    return float(tab.locator("#bench .big").get_attribute("data-accuracy"))


def numbers(tab):
    """The units of the cards, from first to last."""
    return [int(card.get_attribute("data-unit")) for card in tab.locator(".card").all()]


def test_every_part_is_there(visit):
    """Each part must be filled, and nothing may be asked of a network or complained of."""
    tab = visit()
    for part in PARTS:
        assert len(tab.locator(f"#{part}").inner_text()) > 30
    assert tab.locator(".card").count() == 4


def test_units_are_sorted(visit, shown):
    """Cards must stand in the order of the chosen score, and turn round."""
    tab, units = visit(), shown[0].units
    assert numbers(tab) == units.sort_values("alignment", ascending=False, kind="stable")["unit"].tolist()
    tab.select_option("select[name=sort]", "drop")
    assert numbers(tab) == units.sort_values("drop", ascending=False, kind="stable")["unit"].tolist()
    tab.locator("button.turn").click()
    assert numbers(tab) == units.sort_values("drop", kind="stable")["unit"].tolist()


def test_units_are_found_by_concept(visit, shown):
    """Searching a digit must leave the units of that digit; a filter must leave its kind; both say how many."""
    tab, units = visit(), shown[0].units
    concept = units["concept"][2]
    tab.get_by_label("Search a concept").fill(concept)
    expected = units["unit"][units["concept"] == concept].tolist()
    assert sorted(numbers(tab)) == expected
    assert tab.locator("#units .count").inner_text() == f"{len(expected)} of 4 units"
    tab.get_by_label("Search a concept").fill("unit 3")
    assert numbers(tab) == [3]
    tab.get_by_label("Search a concept").fill("")
    tab.select_option("select[name=kind]", "detectors")
    assert numbers(tab) == units["unit"][units["alignment"] >= 0.8].tolist()


def test_a_unit_opens(visit, shown):
    """A click must show the unit's images with outlines, curves, every concept and the triangle of pairs."""
    tab = visit()
    tab.locator(".card[data-unit='2']").click()
    sheet = tab.locator("dialog#unit")
    assert "Unit 2" in sheet.locator("h2").inner_text()
    assert sheet.locator(".image").count() == 24
    sheet.get_by_role("button", name="the field").click()
    box, image = sheet.locator(".field").first.bounding_box(), sheet.locator(".image").first.bounding_box()
    assert (box["y"] - image["y"]) / image["height"] == pytest.approx(3 / 32, abs=0.02)
    assert (box["x"] - image["x"]) / image["width"] == pytest.approx(5 / 32, abs=0.02)
    assert box["height"] / image["height"] == pytest.approx(10 / 32, abs=0.03)
    assert sheet.locator(".concepts li").count() == 10
    assert sheet.locator(".triangle td.cell").count() == 45
    drop = shown[0].drops[2][shown[0].classes.index("37")]
    assert (
        sheet.locator(".triangle td[title^='class 37:']").inner_text().replace("\N{MINUS SIGN}", "-")
        == f"{round(100 * float(drop))}"
    )
    sheet.locator("button[data-concept='4']").click()
    assert "recall of 4" in sheet.locator(".plot").first.text_content()


@pytest.mark.parametrize("network", [0, 1, 2])
def test_ticking_units_off_gives_the_accuracy_of_python(visit, shown, network):
    """Whatever is ticked off, silenced to zero or to its mean, the page must show what Python computes."""
    tab, exhibit = visit(), shown[network]
    tab.select_option("#network", str(network))
    assert shown_accuracy(tab) == pytest.approx(accuracy(exhibit, (), False), abs=CLOSE)
    off = []
    for unit in (1, 0, 2):
        tab.locator(f"#bench input[type=checkbox][value='{unit}']").uncheck()
        off.append(unit)
        for mode in ("mean", "zero"):
            tab.select_option("select[name=silenced]", mode)
            assert shown_accuracy(tab) == pytest.approx(accuracy(exhibit, off, mode == "mean"), abs=CLOSE)
    assert tab.locator("#bench .big").get_attribute("data-off") == "3"
    tab.get_by_role("button", name="All on").click()
    assert shown_accuracy(tab) == pytest.approx(accuracy(exhibit, (), False), abs=CLOSE)


def test_the_slider_follows_the_order(visit, shown):
    """The slider must silence the first units of the chosen order, tick them off, and the dot lie on the curve of Python."""
    tab, exhibit = visit(), shown[0]
    tab.select_option("select[name=order]", "most important first")
    for step in (1, 3, 4):
        tab.locator("#off").fill(str(step))
        off = exhibit.bench.orders[1][:step].tolist()
        assert shown_accuracy(tab) == pytest.approx(accuracy(exhibit, off, False), abs=CLOSE)
        boxes = tab.locator("#bench input[type=checkbox]")
        assert [unit for unit in range(4) if not boxes.nth(unit).is_checked()] == sorted(off)


def test_curves_in_the_page_are_those_of_python(visit, shown):
    """Along every order the accuracies must be Python's, for both kinds of classes."""
    tab = visit()
    for place, exhibit in enumerate(shown):
        for name in ("best detectors first", "random order"):
            ask = f"mm.alongOrder(mm.exhibits[{place}].bench, mm.exhibits[{place}].bench.orders['{name}'], true)"
            order = exhibit.bench.orders[0 if name.startswith("best") else 4]
            expected = [accuracy(exhibit, order[:n], True) for n in range(exhibit.n_units + 1)]
            assert tab.evaluate(ask) == pytest.approx(expected, abs=CLOSE)


def test_matched_units_stand_side_by_side(visit, shown):
    """Two networks must be paired as Python pairs them; where they saw other images it must be said."""
    tab = visit()
    found = next(iter(matchings(shown)))
    rows = tab.locator(".pairs tbody tr")
    assert rows.count() == len(found.ours)
    tab.select_option("select[name=by]", "unit")
    sides = [[int(side.inner_text().removeprefix("unit ")) for side in row.locator(".number").all()] for row in rows.all()]
    assert sides == [list(pair) for pair in zip(found.ours, found.theirs, strict=True)]
    tab.select_option("select[name=by]", "alike")
    shown_alike = [float(cell.inner_text().replace("\N{MINUS SIGN}", "-")) for cell in rows.locator(".alike b").all()]
    assert shown_alike == pytest.approx(sorted(found.correlation, reverse=True), abs=0.006)
    tab.select_option("select[name=second]", "2")
    assert "They saw images with other tasks: pairs and presence." in tab.locator("#compare .lead").inner_text()


def test_units_that_have_no_room_are_still_compared(visit, shown, tmp_path, monkeypatch):
    """Where some units only are shown, the others must be named by number and concept, and be counted as what they are."""
    monkeypatch.setattr(packing, "UNITS", 2)
    monkeypatch.setattr(packing, "FEWEST_UNITS", 1)
    both = shown[:2]
    (matching,) = matchings(both)
    tab = visit(place=write_page(tmp_path / "report", Page("Crowded", (), both, (matching,))).as_uri())
    ours, theirs = (exhibit.units["concept"].tolist() for exhibit in both)
    same = sum(ours[one] == theirs[other] for one, other in zip(matching.ours, matching.theirs, strict=True))
    assert "3 units are matched one to one" in tab.locator("#compare .lead").inner_text()
    assert f"{same} of the pairs have the same concept." in tab.locator("#compare .lead").inner_text()
    said = tab.locator("#compare td", has_text="not among the units shown").all_inner_texts()
    assert len(said) == 2 * 3 - tab.locator("#compare button.side").count() >= 4
    for text in said:
        concept, unit = text.split()[0], int(text.split()[2])
        assert concept in (ours[unit], theirs[unit] if unit < 3 else None)
    chips = [" ".join(chip.split()) for chip in tab.locator("#bench .ticks label").all_inner_texts()]
    assert len(chips) == 4
    assert all(f"unit {unit} best at {concept}," in chip for unit, (chip, concept) in enumerate(zip(chips, ours, strict=True)))


def test_labels_are_exported(visit, shown, tmp_path):
    """A person's concept, category and misfits must come out as a file that Python takes."""
    tab = visit()
    tab.get_by_role("button", name="Start labelling").click()
    tab.keyboard.type("7")
    tab.locator("select[name=category]").select_option("a part of a concept")
    for image in (4, 1):
        tab.locator(".picture").nth(image).click()
    assert "10 of 12 images fit." in tab.locator("dialog#labelling").inner_text()
    tab.get_by_role("button", name="Next").click()
    tab.keyboard.type("a stroke")
    tab.get_by_role("button", name="Close").click()
    with tab.expect_download() as download:
        tab.get_by_role("button", name="Export as JSON").click()
    path = tmp_path / "annotations.json"
    download.value.save_as(path)
    first, second = read_annotations(path)
    assert (first.concept, first.category, first.misfits, first.shown) == ("7", "a part of a concept", (1, 4), 12)
    assert (second.concept, second.misfits) == ("a stroke", ())
    assert judge_annotations([first, second], shown)["fits"].tolist() == pytest.approx([10 / 12, 1])
    assert json.loads(path.read_text())["title"] == "Three networks"


def test_labelling_tells_no_score(visit):
    """While labelling neither scores nor what an image shows may be seen or read out."""
    tab = visit()
    tab.get_by_role("button", name="Start labelling").click()
    dialog = tab.locator("dialog#labelling")
    assert not {"alignment", "response", "unit 1", "."} & set(dialog.inner_text().replace("\n", " ").split())
    assert dialog.locator(".image[title], .image[aria-label]").count() == 0
    behind = "getComputedStyle(document.getElementById('labelling'), '::backdrop').backgroundColor"
    assert tab.evaluate(behind).startswith("rgb(")  # not rgba: nothing shines through


def test_the_keyboard_is_enough(visit):
    """Without a mouse one must get to a card, open it, go to the next unit, close it and be where one was."""
    tab = visit()
    tab.get_by_label("Search a concept").focus()
    while tab.evaluate("document.activeElement.className") not in ("card", "card detector"):
        tab.keyboard.press("Tab")
    card = tab.evaluate("document.activeElement.dataset.unit")
    tab.keyboard.press("Enter")
    heading = tab.locator("#unit-title")
    assert f"Unit {card}" in heading.inner_text()
    while "Next" not in tab.evaluate("document.activeElement.textContent.slice(0, 8)"):
        tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    assert f"Unit {card}" not in heading.inner_text()
    tab.keyboard.press("Escape")
    assert not tab.locator("dialog#unit").is_visible()
    assert tab.evaluate("document.activeElement.dataset.unit") == card
    tab.locator("#off").focus()
    tab.keyboard.press("ArrowRight")
    assert tab.locator("#bench .big").get_attribute("data-off") == "1"


@pytest.mark.parametrize("width", [400, 1280])
def test_nothing_lies_under_the_bar(visit, width):
    """The bar that stays on top must be as high as what is in it, and the first heading below it."""
    tab = visit(width=width)
    bar, heading = (tab.locator(what).bounding_box() for what in ("nav.parts", "#findings h2"))
    inside = tab.locator("nav.parts select").bounding_box()
    assert inside["y"] + inside["height"] <= bar["y"] + bar["height"] <= heading["y"]


def test_it_fits_a_phone(visit):
    """On a screen of 400 pixels nothing may reach past the edge, neither in the page nor in an opened unit or while labelling."""
    tab = visit(width=400)
    assert tab.evaluate("document.documentElement.scrollWidth") == 400
    assert tab.evaluate("(u => u.scrollWidth <= u.clientWidth)(document.querySelector('nav.parts ul'))")
    tab.locator(".card").first.click()
    assert tab.evaluate("(d => d.scrollWidth <= d.clientWidth)(document.getElementById('unit'))")
    tab.keyboard.press("Escape")
    tab.get_by_role("button", name="Start labelling").click()
    assert tab.evaluate("(d => d.scrollWidth <= d.clientWidth)(document.getElementById('labelling'))")


@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_no_serious_fault(visit, dark):
    """In light and in dark, closed, opened and while labelling, nothing serious may stand in the way of anyone."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    tab = visit(dark=dark)
    serious = []

    def look():
        found = axe.run(tab, options={"preload": False}).response["violations"]  # style sheets cannot be asked for from disk
        serious.extend((v["id"], v["nodes"][0]["html"][:120]) for v in found if v["impact"] in ("serious", "critical"))

    look()
    tab.locator(".card").first.click()
    look()
    tab.keyboard.press("Escape")
    tab.get_by_role("button", name="Start labelling").click()
    tab.locator(".picture").first.click()
    look()
    assert serious == []


def test_it_prints(visit):
    """On paper there must be findings and units, and no buttons for what paper cannot do."""
    tab = visit()
    tab.emulate_media(media="print")
    assert tab.locator(".card").first.is_visible()
    assert not tab.locator("nav.parts").is_visible()
    assert not tab.locator("#label").is_visible()
    assert tab.pdf().startswith(b"%PDF")


def test_without_scripts_the_findings_stand(visit):
    """Where JavaScript is off the top must be readable and the rest announced."""
    tab = visit(script=False)
    assert "Three networks" in tab.locator("h1").inner_text()
    assert "switch JavaScript on" in tab.locator("main").inner_text()
