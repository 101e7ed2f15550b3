"""The gallery: pages of reference studies as live examples, with units where MNIST is at hand, else made of the records alone."""

import shutil
import tempfile
from pathlib import Path

from mixmnist.data.sources import resolve_source
from mixmnist.page.making import make_page

ROOT = Path(__file__).resolve().parents[1]
STUDIES = {
    "sanity": "which pair of digits? Ten units or thirty, with and without dropout",
    "usefulness": "8 and 9 are of no use for the task: do they get a detector?",
    "trust": "controls: the same nets beside untrained ones, and ones that were trained on shuffled labels",
}
MOST = 5_000_000  # bytes of a page, so that it can be sent
MARK = "<!-- gallery -->"


def make(study: str, out: Path) -> Path:
    """Makes the page of a reference study in `out`, and gives that folder.

    Raises:
        ValueError: If it has grown too large to be sent.
    """
    make_page([ROOT / "results" / "reference" / study / "mnist"], out, None, lambda line: None)
    size = sum(path.stat().st_size for path in out.iterdir())
    if size > MOST:
        raise ValueError(f"the page of {study} must have at most {MOST:,} bytes, got {size:,}. Look at what has grown.")
    return out


def links(units: bool) -> str:
    """Gives the lines that lead to the pages."""
    lines = [f"* [{study}](gallery/{study}/index.html): {about}" for study, about in STUDIES.items()]
    bare = "MNIST was not at hand when these were built, so they are made of the records alone and show no units."
    return "\n".join(lines if units else [*lines, "", bare])


def publish() -> None:
    """Puts the pages among the documents, and links to them."""
    import mkdocs_gen_files

    for study in STUDIES:
        with tempfile.TemporaryDirectory() as place:
            for path in make(study, Path(place) / study).iterdir():
                with mkdocs_gen_files.open(f"gallery/{study}/{path.name}", "wb") as made, path.open("rb") as file:
                    shutil.copyfileobj(file, made)
    text = (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")
    units = resolve_source("auto", None)[0] == "mnist"
    with mkdocs_gen_files.open("gallery.md", "w") as page:
        page.write(text.replace(MARK, links(units)))


if __name__ == "<run_path>":  # mkdocs runs it
    publish()
