"""Units, bench, comparison and labels in a real Chromium: what a visitor sees of them, and that every state has an address."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from mixmnist.page.annotations import understood
from mixmnist.page.making import matchings
from mixmnist.page.overview import Section
from mixmnist.page.writing import Page, write_page
from mixmnist.stats import share_interval

pytestmark = pytest.mark.browser
expect = pytest.importorskip("playwright.sync_api").expect
SAID = (
    "seven",
    "a 7",
    "7s",
    "All 7's.",
    "SIXES",
    "4 or 9",
    "a stroke like 7",
    "",
    "the",
    "17",
    "the digit zero",
    "not 7",
    "nines",
)


def share(value):
    """A score as the page writes it."""
    return f"{value:.2f}".replace("0.", ".", 1)


def cards(tab):
    """The units of the cards, from first to last."""
    return [int(card.get_attribute("data-unit")) for card in tab.locator(".card").all()]


def state(tab):
    """What of the page an address must hold."""
    return tab.evaluate(
        "[mm.chosen, mm.opened && [mm.exhibits.indexOf(mm.opened.exhibit), mm.opened.row], mm.off.order, mm.off.step,"
        " [...mm.off.hand].sort(), mm.off.toMean, mm.pair, mm.view, mm.part_at]"
    )


@pytest.fixture(scope="session")
def wide(exhibited):
    """A network of thirty units."""
    return exhibited("wide, seed 0", units=30)


def test_a_unit_tells_its_runner_up_and_what_its_images_show(visit, shown):
    """The two best concepts must be told with their alignment, and what most of the highest images show where it is another."""
    tab, exhibit = visit(), shown[0]
    for unit in range(4):
        first, second = np.argsort(-exhibit.alignment[unit])[:2]
        tab.evaluate(f"mm.openUnit(mm.exhibits[0], {unit})")
        said = tab.locator("#unit .best").inner_text()
        assert said.startswith(
            f"{first} {share(exhibit.alignment[unit, first])}, then {second} {share(exhibit.alignment[unit, second])}"
        )
        counts = exhibit.top_present[unit].sum(axis=0)
        if counts.max() > counts[first]:
            most = int(counts.argmax())
            assert f"show {most} more often: {counts[most]} of them show {most}, {counts[first]} show {first}." in said
        else:
            assert f"show {first} {counts[first]} times." in said
        card = tab.locator(f".card[data-unit='{unit}']")
        assert f"then {second} {share(exhibit.alignment[unit, second])}" in card.inner_text()


@pytest.fixture(scope="session")
def worded(exhibits):
    """Two networks whose concepts have names, one of sixty letters."""
    long = ("cat", "dog", "airplane", "word " * 12, "x" * 60, "tree", "house", "frog", "sky", "automobile")

    def name(one, end):
        called = dict(zip(one.concepts, long, strict=True))
        units = one.units.assign(concept=[long[3 + row % 2] for row in range(one.n_units)])
        classes = tuple("".join(called[digit] for digit in pair) + end for pair in one.classes)
        return replace(one, concepts=long, units=units, classes=classes)

    return [name(one, end) for one, end in zip(exhibits, ("", "!"), strict=True)]  # pairs, and classes of other names


@pytest.mark.parametrize("width", [1280, 390])
def test_names_of_any_length_are_whole(visit, worded, width, tmp_path):
    """Concepts with long names must neither be cut nor reach beyond their place: cards, hero, chips, comparison, class tables."""
    section = Section("Names", ())
    page = Page("Names", (section,), tuple(worded), tuple(matchings(worded)))
    tab = visit(width=width, place=write_page(tmp_path / "report", page).as_uri())
    places = ".card *, .side *, .hero li *, .ticks label *, .concepts button *, .samples li *, .scrolled"
    beyond = (
        f"[...document.querySelectorAll('{places}')].filter(e => e.offsetParent && !e.closest('svg, .scrolled *, .bar')"
        " && e.getBoundingClientRect().right > e.parentElement.getBoundingClientRect().right + 1.5)"
        ".map(e => e.outerHTML.slice(0, 90))"
    )
    for net in (0, 1):
        tab.evaluate(f"mm.choose({net}); mm.openUnit(mm.exhibits[{net}], 0)")
        assert tab.evaluate(beyond) == []
        assert tab.evaluate("document.documentElement.scrollWidth") == width
    starts = "new Set([...document.querySelectorAll('.concepts .bar')].map(bar => bar.getBoundingClientRect().left)).size"
    assert tab.evaluate(starts) == 1


def test_maps_lie_over_the_top_images(visit, shown, tmp_path):
    """Maps, fields or neither must be shown as chosen, in the cards too; an exhibit without maps must do with fields."""
    tab = visit()
    tab.locator(".card[data-unit='2']").click()
    sheet = tab.locator("#unit")
    assert sheet.locator(".map").count() == 12
    assert "e0-maps.png" in sheet.locator(".map").first.evaluate("e => getComputedStyle(e).backgroundImage")
    sheet.get_by_role("button", name="the field").click()
    assert (sheet.locator(".map").count(), sheet.locator(".field").count()) == (0, 12)
    assert tab.locator(".card .field").count() == 4 * 6
    sheet.get_by_role("button", name="the image alone").click()
    assert (sheet.locator(".map").count(), sheet.locator(".field").count()) == (0, 0)
    old = replace(shown[0], maps=None, counts=None, counts_of=None, ends=None, accuracy=None)
    tab = visit(place=write_page(tmp_path / "report", Page("Old", (), (old,))).as_uri())
    tab.locator(".card[data-unit='2']").click()
    assert (tab.locator("#unit .map").count(), tab.locator("#unit .field").count()) == (0, 12)
    assert tab.locator("#unit .histogram").count() == 0


def test_a_histogram_shows_the_responses(visit, shown):
    """The bars must be as high as there are images, and coloured as far as they show the chosen concept."""
    tab, exhibit = visit(), shown[0]
    tab.evaluate("mm.openUnit(mm.exhibits[0], 1)")
    tab.locator("#unit button[data-concept='4']").click()
    own, others = (
        np.array([float(bar.get_attribute("height")) for bar in tab.locator(f"#unit .histogram .{kind}").all()])
        for kind in ("own", "others")
    )
    scale = 122 / exhibit.counts[1].max()
    np.testing.assert_allclose(own, exhibit.counts_of[1, 4] * scale, atol=0.02)
    np.testing.assert_allclose(own + others, exhibit.counts[1] * scale, atol=0.02)


def test_facts_of_an_image_are_reached_without_a_mouse(visit, shown):
    """An image must be a stop of the keyboard and tell, in a line, what it shows, its response and its field; so must a tap."""
    tab, exhibit = visit(), shown[0]
    tab.evaluate("mm.openUnit(mm.exhibits[0], 2)")
    top = tab.locator("#unit .thumb").first
    top.focus()
    tab.keyboard.press("Tab")
    shows = " and ".join(str(concept) for concept in np.flatnonzero(exhibit.top_present[2, 1]))
    said = tab.locator("#unit .caption").first
    assert said.inner_text().startswith(f"Image 2 shows {shows}; response {exhibit.top_response[2, 1]:.3f}".rstrip("0"))
    assert "its field: rows 4 to 13, columns 6 to 17" in said.inner_text()
    tab.locator("#unit .thumb").nth(15).click()
    assert "Image 4 from below" in tab.locator("#unit .caption").nth(1).inner_text()


def test_scores_have_grades_and_the_weak_ones_are_behind_more(visit):
    """IoU, drop and group drop must be told with their grades; what should not be quoted alone only when it is asked for."""
    tab = visit()
    tab.evaluate("mm.openUnit(mm.exhibits[0], 2)")
    facts = tab.locator("#unit .facts").first
    for name in ("Alignment", "IoU", "Drop, to zero", "Group drop"):
        assert facts.locator("dt", has_text=re.compile(f"^{name}(?!, by)")).locator(".grade").count() == 1
    assert not tab.locator("#unit dt", has_text="Selectivity").is_visible()
    tab.locator("#unit summary").click()
    assert tab.locator("#unit dt", has_text="Selectivity").is_visible()
    assert "Selectivity" not in facts.inner_text()


@pytest.mark.parametrize("key", ["alignment", "drop", "drop_mean", "selectivity", "unit", "concept"])
def test_high_to_low_is_high_to_low(visit, shown, key):
    """Whatever the cards are sorted by, high to low must begin with the highest, and low to high with the lowest."""
    tab, units = visit(), shown[0].units
    tab.select_option("select[name=sort]", key)
    turn = tab.locator("button.turn")
    assert ("low to high" in turn.inner_text()) == (key in ("unit", "concept"))
    found = {}
    for _ in range(2):
        found[turn.inner_text()[2:]] = units.set_index("unit", drop=False).loc[cards(tab), key].tolist()
        turn.click()
    assert "largest drop of a class" not in tab.locator("select[name=sort]").inner_text()  # of 700 images no class has enough
    for name, falling in (("high to low", True), ("low to high", False)):
        assert found[name] == sorted(units[key], reverse=falling)


def test_all_networks_have_one_scale_of_drops(visit, shown):
    """A bar of a drop must be as long in every network as the drop is large."""
    tab = visit()
    most = max(float(exhibit.units["drop"].abs().max()) for exhibit in shown)
    for place, exhibit in enumerate(shown):
        tab.select_option("#network", str(place))
        for unit, drop in enumerate(exhibit.units["drop"]):
            width = tab.locator(f".card[data-unit='{unit}'] .bar.orange .fill").evaluate("e => parseFloat(e.style.width)")
            assert width == pytest.approx(100 * abs(drop) / most, abs=0.01)


ADDRESSES = {
    "#net=other-1&unit=2": ("#unit-title", "Unit 2 other, seed 1"),
    "#net=small-0&unit=1&of=other-1": ("#unit-title", "Unit 1 other, seed 1"),
    "#off=0,2&at=bench": ("#bench .numbers", "2 of 4 units off, 2 put by hand"),
    "#first=3&order=important&to=mean&on=&at=bench": ("#bench .numbers", "3 of 4 units off, silenced to its mean"),
    "#first=4&on=1&at=bench": ("#bench .numbers", "3 of 4 units off, 1 put by hand"),
    "#one=other-1&other=small-0&by=unit&at=compare": ("#compare thead", "other, seed 1"),
    "#find=unit%203": ("#units .count", "1 of 4 units"),
    "#net=ten-answers-0&show=detectors": ("#units .count", "of 5 units"),
    "#sort=unit&up=0": (".card", "unit 3"),
}


@pytest.mark.parametrize("hash_", ADDRESSES)
def test_a_page_opens_where_its_address_points(visit, address, hash_):
    """An address must bring its network, unit, bench, comparison, order or search, and the part that it is about into sight."""
    tab = visit(place=address + hash_)
    where, words = ADDRESSES[hash_]
    assert words in " ".join(tab.locator(where).first.inner_text().split())
    part = hash_.partition("at=")[2] or "units"
    assert 0 <= tab.locator(f"#{part}").bounding_box()["y"] < 200 or part == "compare"
    if "on=&" not in hash_:
        assert not tab.locator("#address-note").is_visible()


def test_whatever_is_chosen_is_in_the_address(visit):
    """After each step the address, opened anew, must give the same state."""
    tab = visit()
    steps = (
        lambda: tab.select_option("#network", "1"),
        lambda: tab.select_option("select[name=sort]", "drop"),
        lambda: tab.locator("button.turn").click(),
        lambda: tab.get_by_label("Search a concept").fill("1, 2 & =#%"),
        lambda: tab.get_by_label("Search a concept").fill(""),
        lambda: tab.select_option("select[name=look]", "field"),
        lambda: tab.locator("#off").fill("2"),
        lambda: tab.locator("#bench input[type=checkbox]").nth(0).click(),
        lambda: tab.select_option("select[name=order]", "random order"),
        lambda: tab.select_option("select[name=silenced]", "mean"),
        lambda: tab.select_option("select[name=second]", "2"),
        lambda: tab.select_option("select[name=by]", "concept"),
        lambda: tab.locator(".card").nth(1).click(),
        lambda: tab.keyboard.press("ArrowRight"),
    )
    seen = set()
    for step in steps:
        step()
        seen.add(tab.evaluate("location.href"))
        assert state(visit(place=tab.evaluate("location.href"))) == state(tab)
    assert len(seen) == len(steps) - 1  # an empty search is as none


def test_back_and_forward_go_through_what_was_chosen(visit):
    """The browser's own buttons must take back and bring again a network, a unit and a tick."""
    tab = visit()
    states = [state(tab)]
    for step in (
        lambda: tab.select_option("#network", "1"),
        lambda: tab.locator("#bench input[type=checkbox]").nth(1).click(),
        lambda: tab.locator(".card[data-unit='2']").click(),
        lambda: tab.keyboard.press("Escape"),
    ):
        step()
        tab.wait_for_timeout(50)  # closing is told a moment later
        states.append(state(tab))
    for expected in states[-2::-1]:
        tab.go_back()
        assert state(tab) == expected
        assert tab.locator("#unit").is_visible() == (expected[1] is not None)
    for expected in states[1:]:
        tab.go_forward()
        assert state(tab) == expected
    assert tab.locator("#network").input_value() == "1"


@pytest.mark.parametrize(
    ("hash_", "named"),
    [
        ("#net=nobody", "net=nobody"),
        ("#net=small-0&unit=99", "unit=99"),
        ("#unit=-1", "unit=-1"),
        ("#off=1,x", "off=1,x"),
        ("#off=%E0%A4", "off=%E0%A4"),
        ("#first=99", "first=99"),
        ("#sort=constructor", "sort=constructor"),
        ("#zz=1&&=&toString=2", "toString=2"),
        ("#nowhere", "nowhere"),
        ("#at=label'],*", "at=label'],*"),
        ("#net=<img src=x onerror=alert(1)>", "net=<img src=x"),
    ],
)
def test_an_address_that_means_nothing_is_told(visit, address, hash_, named):
    """What an address names and the page does not have must be left out, with a note that can be closed; all else must stand."""
    tab = visit(place=address + hash_)
    assert named in tab.locator("#address-note").inner_text()
    assert tab.locator(".card").count() == 4
    tab.locator("#address-note button").click()
    assert tab.locator("#address-note").count() == 0


def test_anchors_of_parts_still_work(visit, address):
    """A link to a part must go there and leave what was chosen as it is."""
    tab = visit(place=address + "#compare")
    assert tab.locator("#compare").bounding_box()["y"] < 900
    tab.select_option("#network", "1")
    tab.locator("nav.parts a", has_text="Bench").click()
    assert tab.evaluate("location.hash") == "#bench"
    assert state(tab)[0] == 1
    assert tab.locator("#address-note").count() == 0


def test_a_link_is_copied(visit):
    """The button must put the whole address on the clipboard, and say so; where there is no clipboard it must say what to do."""
    tab = visit()
    tab.evaluate("navigator.clipboard.writeText = async (text) => { window.copied = text; }")
    tab.locator("#bench input[type=checkbox]").nth(2).click()
    tab.locator("nav.parts .copy").click()
    assert tab.locator("nav.parts .copy").inner_text() == "Copied"
    assert tab.evaluate("window.copied") == tab.evaluate("location.href")
    assert "off=2" in tab.evaluate("window.copied")
    tab.evaluate("navigator.clipboard.writeText = async () => { throw new Error(); }; document.execCommand = () => false;")
    tab.locator(".card").first.click()
    tab.locator("#unit .copy").click()
    assert tab.locator("#unit .copy").inner_text() == "Copy it from the address bar"


def test_what_a_hand_switched_survives_another_order(visit, shown):
    """Units ticked by hand must stay as they were put, whatever the order and however far along it; all on must forget them."""
    tab, orders = visit(), shown[0].bench.orders
    boxes = tab.locator("#bench input[type=checkbox]")
    boxes.nth(3).click()
    for name, order in (("most important first", orders[1]), ("least important first", orders[2])):
        tab.select_option("select[name=order]", name)
        for step in (0, 1, 2):
            tab.locator("#off").fill(str(step))
            assert {unit for unit in range(4) if not boxes.nth(unit).is_checked()} == {3, *order[:step].tolist()}
    boxes.nth(int(orders[2][0])).click()  # on again, or off if it is the one
    tab.locator("#off").fill("4")
    assert boxes.nth(3).is_checked() == (orders[2][0] == 3)
    tab.get_by_role("button", name="All on").click()
    assert all(boxes.nth(unit).is_checked() for unit in range(4))


def test_the_bench_says_what_its_numbers_are(visit, shown, tmp_path):
    """It must be told how orders were found, what a chip means, chance, and why the accuracy is not that of the tables."""
    some = replace(
        shown[0],
        about=replace(shown[0].about, beside="The tables give 93.2 %: the mean of 20 seeds of small."),
        bench=replace(shown[0].bench, means=shown[0].bench.means[:500], labels=shown[0].bench.labels[:500]),
        units=shown[0].units.assign(alignment=[0.85, 0.3, 0.4, 0.5]),
    )
    tab = visit(place=write_page(tmp_path / "report", Page("Bench", (), (some,))).as_uri())
    said = tab.locator("#bench").inner_text()
    assert "The orders were found on other images, the rank images, with units silenced to zero" in said
    assert "on the first 500 of 700 images" in said
    assert "so that the page stays small" in said
    assert f"On all 700 this network has {100 * some.accuracy:.1f} %" in said
    assert "The tables give 93.2 %: the mean of 20 seeds of small. So the two differ by the images and the seed." in said
    assert "chance: 2.2 %" in said
    concepts = some.units["concept"].tolist()
    chips = [" ".join(chip.split()) for chip in tab.locator("#bench .ticks label").all_inner_texts()]
    assert f"unit 0 detects {concepts[0]}" in chips[0]
    assert f"unit 1 best at {concepts[1]}, .30" in chips[1]


def test_a_wrong_answer_tells_the_truth(visit, shown):
    """Below an image that the network gets wrong there must be what it said and what is right."""
    tab, bench = visit(), shown[0].bench
    said = (bench.means @ bench.weight.T + bench.bias).argmax(axis=1)
    texts = tab.locator("#bench .samples li").all_inner_texts()
    assert len(texts) == 16
    for text, one, label in zip(texts, said, bench.labels, strict=False):
        names = [shown[0].classes[place] for place in (one, label)]
        assert text.strip() == (f"\N{CHECK MARK} {names[0]}" if one == label else f"said {names[0]}, is {names[1]}")


def test_arrows_and_fingers_step_through_units(visit):
    """Left and right must go to the next unit, round the ends, but not out of a table that scrolls; so must a finger."""
    tab = visit()
    order = cards(tab)
    tab.locator(".card").first.focus()
    tab.keyboard.press("Enter")

    def opened():
        return int(tab.locator("#unit-title").inner_text().split()[1])

    for key, expected in (("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1), ("ArrowLeft", 0), ("ArrowLeft", 3)):
        tab.keyboard.press(key)
        assert opened() == order[expected]
        assert tab.evaluate("document.activeElement.id") == "unit-title"
    for start, end, expected in ((300, 100, 0), (100, 300, 3), (100, 130, 3)):
        tab.evaluate(
            """([start, end]) => {
              const on = document.querySelector("#unit .best");
              const touch = (x) => new Touch({ identifier: 1, target: on, clientX: x, clientY: 300 });
              on.dispatchEvent(new TouchEvent("touchstart", { touches: [touch(start)], bubbles: true }));
              on.dispatchEvent(new TouchEvent("touchend", { changedTouches: [touch(end)], bubbles: true }));
            }""",
            [start, end],
        )
        assert opened() == order[expected]
    tab.keyboard.press("Escape")
    assert not tab.locator("#unit").is_visible()
    assert tab.evaluate("document.activeElement.dataset.unit") == str(order[0])


def test_the_truth_is_shown_at_the_end(visit, shown):
    """After the last unit the labels must stand beside what the units detect; of fewer than twenty no share may be told."""
    tab, units = visit(), shown[0].units
    tab.get_by_role("button", name="Start labelling").click()
    order = tab.evaluate("mm.shuffled(4)")
    for place, row in enumerate(order):
        tab.keyboard.type("a loop" if place == 1 else f"all {units['concept'][row]}s")
        tab.keyboard.press("Enter")
    dialog = tab.locator("#labelling")
    assert "3 of 4 were named as the unit's own concept." in dialog.inner_text()
    assert "from 20 labelled units on" in dialog.inner_text()
    assert "95 %" not in dialog.inner_text()
    for row in range(4):
        line = dialog.locator("tbody tr").nth(row)
        right = int(shown[0].top_present[row, :, shown[0].concepts.index(units["concept"][row])].sum())
        assert line.locator("th").inner_text() == str(row)
        assert ("names no concept" if row == order[1] else f"{right} of 12") in line.inner_text()
    dialog.get_by_role("button", name="Close").click()
    assert "4 of 4 units of small, seed 0 labelled" in tab.locator("#label").inner_text()


def test_of_twenty_units_the_share_has_its_interval(visit, wide, tmp_path):
    """From twenty labelled units on the page must tell how often a person is right with Python's interval."""
    tab = visit(place=write_page(tmp_path / "report", Page("Wide", (), (wide,))).as_uri())
    for n, right in ((20, 20), (30, 0), (27, 13)):
        (_, lower, upper, _) = share_interval([1.0] * right + [0.0] * (n - right))
        assert tab.evaluate(f"mm.shareInterval({right}, {n})") == pytest.approx([lower, upper], abs=1e-9)
    units = [label(wide, unit, "seven") for unit in range(20)]
    read = tmp_path / "labels.json"
    read.write_text(json.dumps({"kind": "mixmnist annotations", "units": units}))
    tab.locator("#label input[type=file]").set_input_files(read)
    tab.get_by_role("button", name="End and show the truth").click()
    same = int((wide.units["concept"][:20] == "7").sum())
    (mean, lower, upper, _) = share_interval([1.0] * same + [0.0] * (20 - same))
    assert f"{share(mean)}, 95 % between {share(lower)} and {share(upper)} over units" in tab.locator("#labelling").inner_text()


def label(exhibit, unit, concept, misfits=()):
    """What a page exports of one unit."""
    said = {"exhibit": exhibit.about.name, "layer": exhibit.layer, "fingerprint": exhibit.fingerprint, "unit": unit}
    return said | {"concept": concept, "category": "a concept", "misfits": list(misfits), "shown": 12}


def test_words_mean_the_same_as_in_python(visit):
    """The page must understand a person's words as the report does."""
    tab, digits = visit(), [str(digit) for digit in range(10)]
    assert tab.evaluate("(said) => said.map((one) => mm.understood(one, '0123456789'.split('')))", list(SAID)) == [
        understood(one, digits) for one in SAID
    ]


def test_labels_are_read_in_again(visit, shown, tmp_path):
    """An export must restore the labelling, say what it left out, and any other file be refused and change nothing."""
    tab = visit()
    units = [label(shown[0], 1, "a 7", [2, 5]), label(shown[1], 0, "3"), label(shown[0], 2, "4") | {"fingerprint": "other"}]
    path = tmp_path / "labels.json"
    path.write_text(json.dumps({"kind": "mixmnist annotations", "title": "t", "units": units}))
    tab.locator("#label input[type=file]").set_input_files(path)
    expect(tab.locator("#labels-read")).to_contain_text("Read in: 2 labels. Left out")
    assert "1 of 4 units of small, seed 0 labelled, 2 in all" in tab.locator("#label").inner_text()
    with tab.expect_download() as download:
        tab.get_by_role("button", name="Export as JSON").click()
    download.value.save_as(tmp_path / "again.json")
    assert json.loads((tmp_path / "again.json").read_text())["units"] == units[:2]
    for bad in (
        "no json",
        "[]",
        '{"kind": "other"}',
        json.dumps({"kind": "mixmnist annotations", "units": [units[0] | {"misfits": [12]}]}),
    ):
        path.write_text(bad)
        tab.evaluate("mm.labelsRead = ''; mm.choose(0)")
        tab.locator("#label input[type=file]").set_input_files(path)
        expect(tab.locator("#labels-read")).to_contain_text("That file is no export of such a page")
    assert "2 in all" in tab.locator("#label").inner_text()


@pytest.mark.parametrize("dark", [False, True])
def test_nothing_is_clipped_on_a_phone(visit, wide, tmp_path, dark):
    """At 390 pixels neither the page, a unit, the bench, the comparison nor the truth may reach past the edge."""
    pair = (wide, replace(wide, about=replace(wide.about, name="wide and dropped, seed 1")))
    tab = visit(
        width=390, dark=dark, place=write_page(tmp_path / "report", Page("Wide", (), pair, tuple(matchings(pair)))).as_uri()
    )
    fits = "(d => d.scrollWidth <= d.clientWidth)(document.querySelector('{}'))"
    assert tab.evaluate("document.documentElement.scrollWidth") == 390
    for part in ("#units", "#bench", "#compare", "#label"):
        inside = f"[...document.querySelectorAll('{part} *')].filter(e => !e.closest('.wide'))"
        assert tab.evaluate(f"{inside}.filter(e => e.getBoundingClientRect().right > 391).length") == 0
    assert tab.evaluate(fits.format("#compare .wide"))
    tab.locator(".card").first.click()
    tab.locator("#unit summary").click()
    assert tab.evaluate(fits.format("#unit"))
    tab.keyboard.press("Escape")
    tab.get_by_role("button", name="Start labelling").click()
    tab.keyboard.type("seven")
    tab.keyboard.press("Escape")
    tab.get_by_role("button", name="End and show the truth").click()
    assert tab.evaluate(fits.format("#labelling"))
    assert tab.evaluate(fits.format("#labelling .wide"))


@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_no_fault_in_what_is_opened(visit, address, dark):
    """An opened unit with all its scores, a note on the address, the bench and the truth must be open to everyone."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    serious = []

    def look(tab):
        found = axe.run(tab, options={"preload": False}).response["violations"]
        serious.extend((v["id"], v["nodes"][0]["html"][:160]) for v in found if v["impact"] in ("serious", "critical"))

    tab = visit(dark=dark, place=address + "#unit=1&zz=1&off=1")
    tab.locator("#unit summary").click()
    look(tab)
    tab.keyboard.press("Escape")
    look(tab)
    tab.get_by_role("button", name="Start labelling").click()
    tab.keyboard.type("7")
    for _ in range(4):
        tab.keyboard.press("Enter")
    look(tab)
    assert serious == []


def test_choosing_a_network_is_measured(visit, shown, wide, tmp_path, capsys):
    """How long it takes to draw a network of thirty units anew is printed, not judged."""
    tab = visit(place=write_page(tmp_path / "report", Page("Fast", (), (shown[0], wide))).as_uri())
    ask = (
        "(i) => { const start = performance.now(); mm.choose(i); document.body.offsetHeight; return performance.now() - start; }"
    )
    first, again = (tab.evaluate(ask, place) for place in (1, 1))
    with capsys.disabled():
        print(f"\n30 units drawn anew in {first:.0f} ms, and again in {again:.0f} ms")  # noqa: T201 -- this is what it is for
    assert tab.locator(".card").count() == 30
