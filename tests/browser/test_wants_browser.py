"""What a unit wants, on the page in a real Chromium: pictures by several ways in its dialog, and what is said of each."""

import numpy as np
import pytest

from mixmnist.page.overview import Section
from mixmnist.page.wanting import EACH, Wanted
from mixmnist.page.writing import Page, write_page

pytestmark = pytest.mark.browser
CAUTION = "maco is known to be fooled: in the plant fooled_view its pictures show another digit."


@pytest.fixture(scope="module")
def with_pictures(shown, tmp_path_factory):
    """The address of a page of two networks, one of which has pictures of its units."""
    units = tuple(int(unit) for unit in shown[0].units["unit"])
    pictures = np.random.default_rng(0).integers(16, size=(len(units), 2 * EACH, 32, 32)).astype(np.uint8) * 17
    reads = [["3", "37", "", None, "0", "3", "12", "3"]] * len(units)
    own = [[True, True, False, None, False, True, False, True]] * len(units)
    relative = [[1.0, 0.97, 0.9, None, 2.5, 1.25, 0.6, 1.1]] * len(units)
    ways, titles = ("top", "maco"), ("top images", "MACO")
    wanted = Wanted(units, ways, titles, pictures, reads, own, relative, ("", CAUTION), ("Reader of digits, seed 0.",))
    page = Page("Two networks", (Section("Two", ("Glyphs: digits.",)),), shown[:2], wants=(wanted, None))
    return write_page(tmp_path_factory.mktemp("wants") / "report", page).as_uri()


@pytest.mark.parametrize("width", [1280, 390])
def test_a_unit_shows_what_it_wants(visit, with_pictures, width):
    """Natural images first; below each what is read and how much it excites; framed where the own digit is read."""
    tab = visit(width=width, place=with_pictures)
    tab.locator(".card").first.click()
    dialog = tab.locator("#unit")
    assert "What it wants" in dialog.inner_text()
    heads = dialog.locator(".way h4").all_inner_texts()
    assert heads == ["top images", "MACO (!)"]
    said = [" ".join(text.split()) for text in dialog.locator(".wanted .said").all_inner_texts()]
    assert said == [
        "reads 3 1.00 of best",
        "reads 37 0.97 of best",
        "reads nothing 0.90 of best",
        "no picture",
        "reads 0 2.50 of best",
        "reads 3 1.25 of best",
        "reads 12 0.60 of best",
        "reads 3 1.10 of best",
    ]
    assert dialog.locator(".wanted.own").count() == 4
    assert CAUTION in dialog.inner_text()
    assert "Reader of digits, seed 0." in dialog.inner_text()
    label = dialog.locator(".wanted .image").first.get_attribute("aria-label")
    assert label == "reads 3, its own digit among them; response 1 of that to the best natural image"
    assert tab.evaluate("document.querySelector('#unit').scrollWidth <= document.querySelector('#unit').clientWidth")


def test_a_network_without_pictures_shows_none(visit, with_pictures):
    """Its units' dialogs are as they always were."""
    tab = visit(place=with_pictures)
    tab.locator("#network").select_option("1")
    tab.locator(".card").first.click()
    assert "What it wants" not in tab.locator("#unit").inner_text()


def test_without_pictures_the_page_is_as_it_was(visit):
    """No file is asked for that is not there."""
    tab = visit()
    tab.locator(".card").first.click()
    assert tab.locator("#unit .wants").count() == 0
