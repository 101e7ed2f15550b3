"""The README is true: its example runs, its numbers are those of the committed results, its files exist."""

import re
from pathlib import Path

import pandas as pd
import pytest

from mixmnist.report.tables import for_people

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
REFERENCE = ROOT / "results" / "reference"


def test_the_example_runs(tmp_path, monkeypatch, capsys):
    """The Python example must run as it stands, in an empty folder, and print a unit's scores."""
    monkeypatch.chdir(tmp_path)
    code = re.search(r"```python\n(.*?)```", README, re.DOTALL)[1]
    exec(compile(code, "README.md", "exec"), {})
    assert "alignment" in capsys.readouterr().out


@pytest.mark.parametrize("study", ["sanity/mnist", "usefulness/mnist"])
def test_its_tables_are_those_of_the_reference(study):
    """Every cell of a table must be the one that the committed variants table gives."""
    block = re.search(rf"<!-- table: {study} -->\n(.*?)\n<!-- end -->", README, re.DOTALL)[1]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines()]
    variants = pd.read_csv(REFERENCE / study / "tables" / "variants.csv")
    shown = for_people(variants[variants["layer"] == "conv3"]).astype(str)
    assert rows[0][0] == "variant"
    assert [dict(zip(rows[0], row, strict=True)) for row in rows[2:]] == shown[rows[0]].to_dict("records")


def test_its_links_lead_somewhere():
    """Every file that it links or shows must exist."""
    links = re.findall(r"\]\((?!http)([^)#]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_page_on_trust_shows_the_committed_card():
    """Grades and numbers of its table must be those of the card, and its links must lead somewhere."""
    page = (ROOT / "docs" / "trust.md").read_text(encoding="utf-8")
    block = re.search(r"<!-- card -->\n(.*?)\n<!-- end -->", page, re.DOTALL)[1]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines()]
    card = pd.read_csv(REFERENCE / "trust" / "mnist" / "analyses" / "card" / "card.csv", dtype=str, keep_default_na=False)
    assert [dict(zip(rows[0], row, strict=True)) for row in rows[2:]] == card[rows[0]].to_dict("records")
    links = re.findall(r"\]\((?!http)([^)#]+)\)", page)
    assert [link for link in links if not (ROOT / "docs" / link).exists()] == []
