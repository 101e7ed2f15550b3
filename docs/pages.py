"""Pages that are made, not written: the front page and the changelog from their files, with copies of all that pages link to.

Links that lead out of this folder lead to copies of what they name, so that the pages can be read without the repository.
"""

import os
import re
from pathlib import Path, PurePosixPath

import mkdocs_gen_files

ROOT = Path(__file__).resolve().parents[1]
LINK = re.compile(r"(?<=\]\()(?!https?://|#|mailto:)([^)#\s]+)")
PAGES = {"README.md": "index.md", "CHANGELOG.md": "changelog.md"}  # files of the repository that are pages of their own name


FULL = ("results/README.md",)  # pages whose tables take the width of the table of contents, too
WIDE = "---\nhide: [toc]\n---\n"


def place_of(file: str) -> str:
    """Says where a file of the repository lies among the pages."""
    if file in PAGES:
        return PAGES[file]
    return file.removeprefix("docs/") if file.startswith("docs/") else f"files/{file}"


def publish(file: str, done: set[str]) -> None:
    """Writes a file of the repository among the pages, with everything that it links to."""
    if file in done:
        return
    done.add(file)
    place = place_of(file)
    if not file.endswith(".md"):
        with mkdocs_gen_files.open(place, "wb") as copy:
            copy.write((ROOT / file).read_bytes())
        return

    def moved(link: re.Match[str]) -> str:
        target = os.path.normpath(PurePosixPath(file).parent / link[1])
        if (ROOT / target).is_dir():  # a folder has no page: that of the nearest one around it
            around = (PurePosixPath(target), *PurePosixPath(target).parents)
            target = next(str(folder / "README.md") for folder in around if (ROOT / folder / "README.md").is_file())
        if not (ROOT / target).is_file():
            return link[1]  # the build complains of it
        publish(target, done)
        return PurePosixPath(os.path.relpath(place_of(target), PurePosixPath(place).parent)).as_posix()

    text = (ROOT / file).read_text(encoding="utf-8")
    with mkdocs_gen_files.open(place, "w") as page:
        page.write(WIDE * (file in FULL) + LINK.sub(moved, text))


published: set[str] = set()
for start in (*PAGES, "results/README.md", *sorted(p.relative_to(ROOT).as_posix() for p in ROOT.glob("docs/**/*.md"))):
    publish(start, published)
