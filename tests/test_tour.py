"""The notebook is a true tour: it runs from top to bottom, and what it shows is what a run gives."""

import importlib
import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[1]
TOUR = ROOT / "examples" / "tour.ipynb"
TRAINED = "cell-06"  # what stands before it depends on no rounding
CLOSE = 0.05  # numbers after it: processors and versions of torch round differently, and training goes on from there
NUMBER = re.compile(r"-?\d+\.\d+")


@pytest.fixture
def tour():
    """The notebook as it is stored."""
    return nbformat.read(TOUR, as_version=4)


def code(notebook):
    """Gives the cells of code."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_it_is_stored_with_its_outputs(tour):
    """Cells must have run in their order; nothing may name a place on somebody's machine, or tell one run's times."""
    assert [cell.execution_count for cell in code(tour)] == list(range(1, len(code(tour)) + 1))
    shown = [output for cell in code(tour) for output in cell.outputs]
    assert sum("image/png" in output.get("data", {}) for output in shown) == 4
    assert {output.output_type for output in shown} == {"display_data", "execute_result"}
    assert all(cell.metadata == {} for cell in tour.cells)
    assert not re.search(r"/(home|Users|tmp|root|work)/", TOUR.read_text(encoding="utf-8"))
    assert TOUR.stat().st_size < 200_000


def test_its_links_lead_somewhere(tour):
    """Every file that it links to must exist."""
    links = re.findall(r"\]\((?!http)([^)#]+)\)", "\n".join(cell.source for cell in tour.cells))
    assert links
    assert [link for link in links if not (TOUR.parent / link).exists()] == []


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # the machinery of notebooks has warnings of its own
def test_it_shows_what_a_run_gives(tour, tmp_path, monkeypatch):
    """In an empty folder each cell must give what is kept: kinds of output, numbers and words. `make tour` keeps anew."""
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    fresh = importlib.import_module("tour").run(tmp_path)
    trained = False
    for kept, found in zip(code(tour), code(fresh), strict=True):
        trained |= kept.id == TRAINED
        assert [set(output.data) for output in found.outputs] == [set(output.data) for output in kept.outputs], kept.id
        for before, now in zip(kept.outputs, found.outputs, strict=True):
            texts = before.data["text/plain"], now.data["text/plain"]
            numbers = [[float(number) for number in NUMBER.findall(text)] for text in texts]
            assert numbers[1] == pytest.approx(numbers[0], abs=CLOSE if trained else 1e-4), kept.id
            assert len({" ".join(NUMBER.sub("", text).split()) for text in texts}) == 1, kept.id
    table = next(cell for cell in code(fresh) if cell.id == "cell-10").outputs[0].data["text/plain"]
    assert len(table.splitlines()) == 1 + 10
