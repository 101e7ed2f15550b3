"""The notebook is a true tour: it runs from top to bottom, and is stored without what a run left behind."""

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

TOUR = Path(__file__).resolve().parents[1] / "examples" / "tour.ipynb"


@pytest.fixture
def tour():
    """The notebook as it is stored."""
    return nbformat.read(TOUR, as_version=4)


def test_it_is_stored_without_outputs(tour):
    """No cell may hold outputs or a count, and nothing may name a place on somebody's machine."""
    code = [cell for cell in tour.cells if cell.cell_type == "code"]
    assert len(code) >= 8
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
    assert not re.search(r"/(home|Users|tmp|root|work)/", TOUR.read_text(encoding="utf-8"))


def test_its_links_lead_somewhere(tour):
    """Every file that it links to must exist."""
    links = re.findall(r"\]\((?!http)([^)#]+)\)", "\n".join(cell.source for cell in tour.cells))
    assert links
    assert [link for link in links if not (TOUR.parent / link).exists()] == []


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # the machinery of notebooks has warnings of its own
def test_it_runs(tour, tmp_path):
    """Every cell must run in an empty folder; the scores must be shown for each unit, and three figures drawn."""
    NotebookClient(tour, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [output for cell in tour.cells if cell.cell_type == "code" for output in cell.outputs]
    figures = [output for output in shown if "image/png" in output.get("data", {})]
    table = next(output.data["text/plain"] for output in shown if "alignment" in output.get("data", {}).get("text/plain", ""))
    assert len(figures) == 3
    assert len(table.splitlines()) == 1 + 10
    assert not any(output.output_type == "stream" and output.name == "stderr" and "Warning" in output.text for output in shown)
