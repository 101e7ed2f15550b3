"""The upper part of the page in a real Chromium: words, findings and tables, as a reader meets them."""

import pytest

pytestmark = pytest.mark.browser


def test_a_term_tells_its_sentence(visit):
    """Pointing, tapping or focusing must show the sentence, above a dialog too, and Escape hide it alone."""
    tab = visit()
    tab.locator(".card").first.click()
    put = "(() => { const own = mm.term('chance'); own.id = 'own'; document.querySelector('#unit .sheet').prepend(own); })()"
    tab.evaluate(put)
    term, note = tab.locator("#own button"), tab.locator(".note-of")
    assert not note.is_visible()
    term.hover()
    assert note.is_visible()
    assert note.inner_text().startswith("What a unit that knows nothing would score")
    tab.mouse.move(0, 0)
    assert not note.is_visible()
    term.focus()
    tab.keyboard.press("Tab")
    tab.keyboard.press("Shift+Tab")
    assert note.is_visible()
    tab.keyboard.press("Escape")
    assert not note.is_visible()
    assert tab.locator("dialog#unit").is_visible()
    term.dispatch_event("click")
    assert note.is_visible()


def test_a_grade_tells_what_to_quote(visit):
    """A badge must have the card's letter, and its reason for whoever listens; a column without a card has none."""
    tab = visit()
    tab.evaluate("document.querySelector('main').append(mm.grade('selectivity'))")
    assert tab.locator("main > .said-of button").inner_text() == "E"
    assert tab.evaluate("mm.grade('unit')") is None


def column(tab, name, kind="scores"):
    """The texts of a table's column, from top to bottom, as they are shown."""
    place = f"[...document.querySelectorAll('table.{kind} thead th')].findIndex(th => th.dataset.name === '{name}')"
    rows = f"[...document.querySelectorAll('table.{kind} tbody tr')].filter(row => !row.hidden)"
    return tab.evaluate(f"{rows}.map(row => row.cells[{place}].dataset.value ?? row.cells[{place}].textContent.trim())")


def test_the_page_opens_with_words_and_units(visit):
    """Title, what it is about, units with their images, then findings with verdicts: in this order, before any identifier."""
    tab = visit()
    tops = [
        tab.locator(what).first.bounding_box()["y"]
        for what in ("h1", ".opening", ".hero .image", ".found li", "table.scores", "#units .card")
    ]
    assert tops == sorted(tops)
    assert not tab.locator("table.claims").is_visible()
    tab.get_by_text("How these were judged").click()
    assert tab.locator("table.claims").is_visible()


def test_a_claim_that_fails_is_told(visit):
    """Where a claim does not hold both what was measured and what was claimed must be read."""
    tab = visit()
    found = tab.locator(".found li")
    assert "holds A layer three times as wide gives 1.3 more" in " ".join(found.nth(0).inner_text().split())
    assert "Claimed" not in found.nth(0).inner_text()
    assert "does not hold It loses 2.0 points more [1.5, 2.5], 20 seeds Claimed: It loses less." in " ".join(
        found.nth(1).inner_text().split()
    )


def test_the_hero_shows_what_the_sheet_shows(visit, shown):
    """The first image of the hero must be the first image of that unit on the sheet, pixel by pixel."""
    tab = visit()
    place = "document.querySelector('.hero .image').style"
    units = shown[0].units
    best = units["alignment"].idxmax()
    assert tab.locator(".hero li").count() == 1  # none is a detector
    assert f"unit {units['unit'][best]}," in tab.locator(".hero li").inner_text()
    card = f"document.querySelector(\".card[data-unit='{units['unit'][best]}'] .image\").style"
    for name in ("backgroundSize", "backgroundPosition"):
        ours, theirs = (
            [float(part.rstrip("%")) for part in tab.evaluate(f"{of}.{name}").split(", ")[-1].split()] for of in (place, card)
        )
        assert ours == pytest.approx(theirs, abs=0.01)


def test_tables_are_sorted(visit):
    """A first click must sort numbers from high to low and words from a to z, a second the other way; empty cells stay last."""
    tab = visit()
    ordered = sorted(range(8), key=lambda number: -(7 * number % 8))
    tab.get_by_role("button", name="sort by accuracy").click()
    assert column(tab, "accuracy") == sorted(column(tab, "accuracy"), key=float, reverse=True)
    assert tab.locator("table.scores tbody th").all_inner_texts() == [f"v{number}" for number in ordered]
    tab.get_by_role("button", name="sort by accuracy").click()
    assert tab.locator("table.scores tbody th").all_inner_texts() == [f"v{number}" for number in reversed(ordered)]
    assert tab.locator("table.scores th[aria-sort=ascending]").count() == 1
    tab.get_by_role("button", name="sort by accuracy").click()  # a third time: as it was
    assert tab.locator("table.scores tbody th").all_inner_texts() == [f"v{number}" for number in range(8)]
    assert tab.locator("table.scores th[aria-sort]").count() == 0
    tab.get_by_role("button", name="sort by variant").click()
    assert tab.locator("table.scores tbody th").all_inner_texts() == [f"v{number}" for number in range(8)]
    for _ in range(2):
        tab.get_by_role("button", name="sort by rank").click()
        assert column(tab, "rank", "plain") == ["0.5", ""]


def test_tables_are_searched_and_saved(visit):
    """What is searched for must be what is shown, and what is shown must be what is saved, with its interval."""
    tab = visit()
    tools = tab.locator(".tabled", has=tab.locator("table.scores"))
    tools.get_by_label("Search").fill("v3")
    assert column(tab, "unique_concepts") == ["3"]
    with tab.expect_download() as download:
        tools.get_by_role("button", name="Save as csv").click()
    assert download.value.suggested_filename == "scores.csv"
    head, row, end = download.value.path().read_text().split("\n")
    assert head.startswith("variant,n,accuracy,accuracy_lower,accuracy_upper,accuracy_chance,unique_concepts")
    assert "detectors" not in head
    assert [float(cell) for cell in row.split(",")[2:5]] == pytest.approx([0.75, 0.74, 0.77])
    assert row.split(",")[5] == "0.0222222"
    assert end == ""
    tools.get_by_label("more scores").check()
    with tab.expect_download() as download:
        tools.get_by_role("button", name="Save as csv").click()
    assert "detectors" in download.value.path().read_text()


def test_a_search_finds_what_is_seen(visit):
    """A concept must be found as a whole word, a number as a whole; neither digits inside numbers nor hidden columns."""
    tab = visit()
    rows = (
        "[...document.querySelectorAll('table.scores tbody tr')].filter(row => !row.hidden).map(row => row.cells[0].textContent)"
    )
    search = tab.locator(".tabled", has=tab.locator("table.scores")).get_by_label("Search")
    for wanted, found in (("v", 8), ("V3", 1), ("49.0", 0), ("5", 7), ("9", 0), ("", 8)):
        search.fill(wanted)
        assert len(tab.evaluate(rows)) == found, wanted
    heads = "document.querySelectorAll('table.scores tbody th')"
    tab.evaluate(f"{heads}.forEach((cell, i) => {{ cell.textContent = ['cat', 'caterpillar'][i % 2]; }})")
    for wanted, found in (("cat", 4), ("cate", 4), ("ca", 8)):
        search.fill(wanted)
        assert len(tab.evaluate(rows)) == found, wanted


def test_scores_not_to_be_quoted_stand_behind_a_box(visit):
    """`detectors` and precision@100 must be hidden until they are asked for, alignment and IoU never; grades stand beside."""
    tab = visit()
    assert not tab.locator("table.scores th[data-name=detectors]").is_visible()
    tab.locator(".tabled", has=tab.locator("table.scores")).get_by_label("more scores").check()
    assert tab.locator("table.scores th[data-name=detectors]").is_visible()
    assert tab.locator("table.scores th[data-name=detectors] .grade").inner_text() == "D"
    tab.locator(".of-network:visible summary").click()
    units = tab.locator(".of-network:visible table")
    assert units.locator("th[data-name=iou_box_matched] .grade").inner_text() == "A"
    assert not units.locator("th[data-name=precision_at_100]").is_visible()


def test_strokes_have_one_scale(visit):
    """A score's strokes must lie on one scale whose ends are told, and a single training have none."""
    tab = visit()
    rows = "[...document.querySelectorAll('table.scores tbody tr')]"
    strokes = tab.evaluate(f"{rows}.map(row => row.cells[2].querySelector('.mean')?.getAttribute('x1'))")
    assert strokes[7] is None
    low, high = 0.5 - 0.01, 0.5 + 6 / 20 + 0.02 + 1 / 20
    assert [float(at) for at in strokes[:7]] == pytest.approx(
        [100 * (0.5 + (7 * n % 8) / 20 - low) / (high - low) for n in range(7)], abs=0.02
    )
    assert tab.locator("table.scores th[data-name=accuracy] .ends").inner_text() == "49.0 to 87.0"


def test_one_table_of_units_is_shown(visit):
    """With a script the table of the chosen network must be there alone, without one those of all."""
    tab = visit()
    assert tab.locator(".of-network:visible").count() == 1
    tab.select_option("#network", "1")
    assert "other, seed 1" in tab.locator(".of-network:visible summary").inner_text()
    tab = visit(script=False)
    assert tab.locator(".of-network:visible").count() == 3


def test_without_scripts_the_upper_part_is_whole(visit):
    """Hero, findings, tables of scores and units, and the words must be there without JavaScript, and nothing that is empty."""
    tab = visit(script=False)
    assert tab.locator(".hero .image").first.is_visible()
    assert tab.locator("table.scores tbody tr").count() == 8
    tab.locator(".of-network summary").first.click()
    assert tab.locator(".of-network table").first.locator("tbody tr").count() == 4
    tab.get_by_label("more scores").first.check()
    assert tab.locator("table.scores th[data-name=detectors]").is_visible()
    for part in ("bench", "compare", "label"):
        assert not tab.locator(f"#{part}").is_visible()
    assert "average precision" in tab.locator(".term", has_text="alignment").first.get_attribute("title")
    assert "alignment" in tab.locator("#words").text_content()


@pytest.mark.parametrize("width", [320, 390])
def test_the_upper_part_fits_a_phone(visit, width):
    """On a phone nothing may be clipped: tables stand as cards, each value beside its name, and can still be sorted."""
    tab = visit(width=width)
    for summary in tab.locator("#findings summary").all():
        summary.click()
    assert tab.evaluate("document.documentElement.scrollWidth") == width
    clipped = "[...document.querySelectorAll('#findings .wide')].filter(box => box.scrollWidth > box.clientWidth).length"
    assert tab.evaluate(clipped) == 0
    label = "getComputedStyle(document.querySelector('table.scores td.number'), '::before').content"
    assert tab.evaluate(label) == '"seeds"'
    tools = tab.locator(".tabled", has=tab.locator("table.scores"))
    tools.locator("select").select_option(label="unique concepts")
    assert tab.locator("table.scores tbody th").first.inner_text() == "v7"


def test_on_paper_nothing_is_folded(visit):
    """Before printing every fold must open, and close again after."""
    tab = visit()
    folds = "[...document.querySelectorAll('details.fold:not([hidden])')].filter(fold => fold.open).length"
    assert tab.evaluate(folds) == 0
    tab.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert tab.evaluate(folds) == tab.locator("details.fold:not([hidden])").count() > 2
    tab.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert tab.evaluate(folds) == 0


@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_nothing_in_the_upper_part(visit, dark):
    """With every fold open, more scores shown and a term told, nothing at all may stand in the way of anyone."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    tab = visit(dark=dark)
    for fold in tab.locator("summary").all():
        if fold.is_visible():
            fold.click()
    for box in tab.get_by_label("more scores").all():
        if box.is_visible():
            box.check()
    tab.locator(".hero .term").first.hover()
    found = axe.run(tab, options={"preload": False}).response["violations"]
    assert [(v["id"], v["impact"], v["nodes"][0]["html"][:120]) for v in found] == []
