"""Takes the picture of a study's page that the front page shows: python docs/screenshot.py (it needs playwright and chromium)."""

import shutil
import tempfile
from pathlib import Path

from gallery import make
from PIL import Image
from playwright.sync_api import sync_playwright

PICTURE = Path(__file__).parent / "page.png"
SIZE = {"width": 1280, "height": 1000}
COLOURS, MOST = 128, 300_000  # bytes


def main() -> None:
    """Makes the page of the study `sanity`, photographs its top, and keeps it small."""
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        page = make("sanity", Path(place) / "page") / "index.html"
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        tab = browser.new_page(viewport=SIZE, color_scheme="light")
        tab.goto(page.as_uri())
        tab.wait_for_timeout(1_000)  # its script has drawn by then
        tab.screenshot(path=PICTURE)
        browser.close()
    Image.open(PICTURE).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(PICTURE, optimize=True)
    size = PICTURE.stat().st_size
    if size > MOST:
        raise ValueError(f"{PICTURE} must have at most {MOST:,} bytes, got {size:,}. Show less or use fewer colours.")
    print(f"{PICTURE}: {size:,} bytes")


if __name__ == "__main__":
    main()
