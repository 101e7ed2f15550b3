"""The documentation in a real Chromium, from the disk, as `make docs` left it in site/."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

pytestmark = pytest.mark.browser
pytest.importorskip("playwright.sync_api")
SITE = Path(__file__).resolve().parents[2] / "site"
LEFT = "net::ERR_ABORTED"  # what a page still asks for when a test leaves it
STUDIES = ("sanity", "usefulness", "trust")


@pytest.fixture(autouse=True)
def _there():
    """Leaves all out where no site was built."""
    if not (SITE / "index.html").is_file():
        pytest.skip("no site: make docs")


@pytest.fixture
def visit(browser):
    """Gives a function that opens a page of the site; whatever the console complains of, or is fetched, fails the test."""
    context, complaints = browser.new_context(viewport={"width": 1280, "height": 900}), []

    def open_page(place):
        tab = context.new_page()
        tab.on("console", lambda message: complaints.append(message.text))
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.on("requestfailed", lambda r: None if r.failure == LEFT else complaints.append(r.url))
        tab.on("request", lambda r: None if r.url.startswith(("file:", "data:", "blob:")) else complaints.append(r.url))
        tab.goto((SITE / place).as_uri())
        return tab

    yield open_page
    context.close()
    assert complaints == []


@pytest.mark.parametrize("place", ["index.html", "howto/train.html"])
def test_the_search_works_from_the_disk(visit, place):
    """Words that are typed must find their page, from any folder of the site."""
    tab = visit(place)
    tab.locator(".md-search__input").click()
    tab.keyboard.type("channel axis")
    tab.locator(".md-search-result__link", has_text="Train a network of your own").first.wait_for()


def test_verdicts_are_seen_without_scrolling(visit):
    """The column of verdicts, and the whole table, must lie within the width of a laptop's screen."""
    tab = visit("files/results/index.html")
    table = tab.locator("table").first
    assert table.locator("th", has_text="verdict").count() == 1
    box = table.bounding_box()
    assert box["x"] + box["width"] <= 1280
    assert tab.evaluate("document.querySelector('.md-typeset__scrollwrap').scrollLeft") == 0


def test_formulas_are_drawn(visit):
    """Every formula must take room on its card, and none may be wider than the page."""
    tab = visit("metrics.html")
    boxes = tab.evaluate("[...document.querySelectorAll('.formula math')].map(e => e.getBoundingClientRect().toJSON())")
    assert len(boxes) > 20
    assert all(box["height"] > 10 and box["width"] > 20 and box["right"] <= 1040 for box in boxes)


def test_examples_stand_in_the_reference(visit):
    """The reference must have examples under a heading of their own, in a block of code."""
    tab = visit("api.html")
    assert tab.get_by_text("Examples:", exact=True).count() >= 5
    assert tab.get_by_text("Example:", exact=True).count() == 0


@pytest.mark.parametrize("study", STUDIES)
def test_the_gallery_shows_live_pages(visit, study):
    """Each page must be reached from the gallery, and say what was found."""
    tab = visit("gallery.html")
    tab.get_by_role("link", name=study, exact=True).click()
    tab.wait_for_url(f"**/gallery/{study}/index.html")
    assert tab.locator("h1").count() >= 1
    folder = SITE / "gallery" / study
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 5_000_000


def test_no_link_of_the_site_is_dead(visit):
    """Every link from a page of the site to a file must lead to one that is there."""
    tab = visit("index.html")
    dead = []
    for page in sorted(SITE.rglob("*.html")):
        if "gallery" in page.relative_to(SITE).parts or page.name == "404.html":
            continue
        tab.goto(page.as_uri())
        links = tab.evaluate("[...document.querySelectorAll('a[href], img[src]')].map(e => e.href || e.src)")
        files = {unquote(urlsplit(link).path) for link in links if link.startswith("file:")}
        dead += [(page.name, file) for file in sorted(files) if not Path(file).exists()]
    assert dead == []
