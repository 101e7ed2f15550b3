"""What the tests of the page share: networks that it shows, and a visit in a real Chromium."""

import shutil

import pandas as pd
import pytest

from mixmnist.page.findings import Finding
from mixmnist.page.making import matchings
from mixmnist.page.overview import Section
from mixmnist.page.writing import Page, write_page

sync_api = pytest.importorskip("playwright.sync_api")


FOUND = (
    Finding("A layer three times as wide gives 1.3 more digits a detector", "[0.4, 2.2], 20 seeds", "holds", "holds"),
    Finding("It loses 2.0 points more", "[1.5, 2.5], 20 seeds", "fails", "does not hold", "It loses less"),
)
CLAIM = {
    "id": "R3",
    "claim": "A wider layer gives more",
    "verdict": "holds",
    "mean": 1.3,
    "mean_said": "1.3",
    "between": "[0.4, 2.2]",
}
CLAIM |= {
    "level": 0.95,
    "percent": "95 %",
    "n": 20,
    "p": 0.01,
    "p_said": ".010",
    "number": "unique_concepts, wide",
    "rule": "above 0",
}


def summary():
    """Scores of eight variants, of which one was trained once."""
    rows = []
    for number in range(8):
        row = {"study": "three", "source": "digits", "task": "pairs", "variant": f"v{number}", "layer": "conv3"}
        for column, mean in (("accuracy", 0.5 + (7 * number % 8) / 20), ("unique_concepts", number), ("detectors", 8 - number)):
            ends = (float("nan"),) * 2 if number == 7 else (mean - 0.01, mean + 0.02)
            row |= {column: mean, f"{column}_lower": ends[0], f"{column}_upper": ends[1], f"{column}_n": 1 if number == 7 else 5}
        rows.append(row)
    return pd.DataFrame(rows)


@pytest.fixture(scope="session")
def shown(exhibits, exhibited):
    """Three exhibits: two networks on the same canvases, and one whose classes do not exclude each other."""
    return (*exhibits, exhibited("ten answers, seed 0", task="presence", units=5))


@pytest.fixture(scope="session")
def address(shown, tmp_path_factory):
    """The address of a page of these, on the disk."""
    section = Section(
        "Three networks",
        ("Glyphs: digits.",),
        opening=("Three small nets learned to answer “Which two different digits?”.",),
        facts=(("Runs", "3"),),
        findings=FOUND,
        claims=(CLAIM,),
        summary=summary(),
        tables=(
            ("agreement with people", pd.DataFrame({"score": ["alignment", "drop"], "units": [24, 24], "rank": [0.5, None]})),
        ),
    )
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
