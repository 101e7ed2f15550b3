"""What the tests of the page share: networks that it shows, and a visit in a real Chromium."""

import shutil

import pytest

from mixmnist.page.making import matchings
from mixmnist.page.overview import Section
from mixmnist.page.writing import Page, write_page

sync_api = pytest.importorskip("playwright.sync_api")


@pytest.fixture(scope="session")
def shown(exhibits, exhibited):
    """Three exhibits: two networks on the same canvases, and one whose classes do not exclude each other."""
    return (*exhibits, exhibited("ten answers, seed 0", task="presence", units=5))


@pytest.fixture(scope="session")
def address(shown, tmp_path_factory):
    """The address of a page of these, on the disk."""
    section = Section("Three networks", ("Glyphs: digits.",), facts=(("Runs", "3"),))
    index = write_page(
        tmp_path_factory.mktemp("site") / "report", Page("Three networks", (section,), shown, tuple(matchings(shown)))
    )
    return index.as_uri()


@pytest.fixture(scope="session")
def browser():
    """Debian's Chromium, without a window."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no chromium on this machine: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def visit(browser, address):
    """Gives a function that opens the page; whatever the console complains of fails the test."""
    contexts, complaints = [], []

    def open_page(width=1280, dark=False, script=True, place=address):
        scheme = "dark" if dark else "light"
        size = {"width": width, "height": 900}
        contexts.append(
            browser.new_context(viewport=size, color_scheme=scheme, java_script_enabled=script, reduced_motion="reduce")
        )
        tab = contexts[-1].new_page()
        tab.on("console", lambda message: complaints.append(message.text))
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.on("requestfailed", lambda request: complaints.append(request.url))
        tab.on("request", lambda r: None if r.url.startswith(("file:", "data:", "blob:")) else complaints.append(r.url))
        tab.goto(place)
        return tab

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
