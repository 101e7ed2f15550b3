"""What builds the documentation: examples are shown, formulas are typeset, the gallery's pages are small and honest."""

import importlib
import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = ("cards", "examples", "gallery", "searching")


@pytest.fixture
def script(monkeypatch):
    """Gives a function that loads one of the scripts of docs/, whose libraries come with the extra `docs`."""
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    for name in SCRIPTS:
        monkeypatch.delitem(sys.modules, name, raising=False)

    def load(name, library=None):
        if library is not None:
            pytest.importorskip(library, reason="pip install '.[docs]'")
        return importlib.import_module(name)

    yield load
    for name in SCRIPTS:
        sys.modules.pop(name, None)


@pytest.mark.filterwarnings("default")  # griffe has warnings of its own
def test_examples_are_shown_as_examples(script):
    """A docstring's "Example:" must be a section of examples, and the word within a sentence must stay."""
    griffe = pytest.importorskip("griffe")
    extension = script("examples").Examples()
    code = 'def f():\n    """Does.\n\n    Example: of a kind.\n\n    Example:\n        >>> 1 + 1\n        2\n    """\n'
    module = griffe.visit("m", filepath=Path("m.py"), code=code)
    extension.on_object(obj=module["f"])
    kinds = [section.kind.value for section in module["f"].docstring.parse("google")]
    assert kinds == ["text", "examples"]
    assert "Example: of a kind." in module["f"].docstring.value


def test_every_formula_is_typeset(script):
    """Each must become MathML with nothing left as it is written in LaTeX; an unknown sign must be refused."""
    cards = script("cards", "latex2mathml")
    for formula in cards.FORMULAS.values():
        assert cards.typeset(formula["tex"]).startswith("<math")
    with pytest.raises(ValueError, match="LaTeX that latex2mathml knows"):
        cards.typeset(r"\unknownsign x")


def test_a_card_says_what_the_file_says(script):
    """A metric's card must have its formula, and the file's words on ties, dead units, cost and source, each once."""
    page = script("cards", "latex2mathml").page()
    card = page[page.index("## Precision@k") :].partition("\n## ")[0]
    assert card.count("<math") == 1
    for fact in ("Columns", "Axes", "Chance", "Ties", "Dead units", "Cost", "Source", "Measured cost"):
        assert card.count(f"* **{fact}**: ") == 1, fact
    assert "`precision_at_100`" in card


def test_the_search_needs_no_server(script):
    """The script must hold the theme's worker, and do nothing where there is a server."""
    made = script("searching", "material").script()
    assert made.startswith('if (location.protocol === "file:") {')
    assert "lunr" in made


@pytest.fixture
def usefulness(tmp_path, monkeypatch, script):
    """The gallery's script, with a copy of one study and no glyphs of MNIST."""
    home = Path("results", "reference", "usefulness", "mnist")
    shutil.copytree(ROOT / home, tmp_path / home, ignore=shutil.ignore_patterns("exhibits", "report"))

    def no_glyphs(*_):
        raise FileNotFoundError("MNIST must lie somewhere or be downloadable, got neither.")

    monkeypatch.setattr("mixmnist.page.exhibiting.exhibit_of", no_glyphs)
    gallery = script("gallery")
    monkeypatch.setattr(gallery, "ROOT", tmp_path)
    return gallery


@pytest.mark.slow
def test_without_mnist_a_page_is_made_of_the_records(usefulness, tmp_path, monkeypatch):
    """It must have its tables and say why it shows no units; one that is too large to be sent must be refused."""
    page = (usefulness.make("usefulness", tmp_path / "page") / "index.html").read_text(encoding="utf-8")
    assert "8 and 9 get no detector" in page
    assert "cannot be shown: MNIST must lie somewhere" in page
    assert "made of the records alone" in usefulness.links(units=False)
    monkeypatch.setattr(usefulness, "MOST", 1_000)
    with pytest.raises(ValueError, match="must have at most 1,000 bytes"):
        usefulness.make("usefulness", tmp_path / "page")


def test_the_gallery_has_a_link_a_study(script):
    """Each study must be linked, and be one that has committed results."""
    gallery = script("gallery")
    lines = gallery.links(units=True).splitlines()
    assert len(lines) == len(gallery.STUDIES)
    for study, line in zip(gallery.STUDIES, lines, strict=True):
        assert line.startswith(f"* [{study}](gallery/{study}/index.html): ")
        assert (ROOT / "results" / "reference" / study / "mnist" / "runs").is_dir()
    assert gallery.MARK in (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")
