"""The index of results: verdicts where a reader sees them."""

from pathlib import Path

from mixmnist.report.index import write_index

USEFULNESS = Path(__file__).resolve().parents[2] / "results" / "reference" / "usefulness"


def test_verdicts_stand_at_the_front(tmp_path):
    """A row must begin with results, id and verdict, and no screen be too narrow for it; a mean and its interval are one cell."""
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "usefulness").symlink_to(USEFULNESS)
    write_index(tmp_path / "results", tmp_path / "index.md")
    table = [line for line in (tmp_path / "index.md").read_text().splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    assert rows[0] == ["results", "id", "verdict", "claim", "mean", "level", "n", "p", "number", "rule"]
    assert rows[2][:5] == ["usefulness/mnist", "R8", "holds", "8 and 9 get no detector (baseline)", "0.277 [0.270, 0.284]"]
