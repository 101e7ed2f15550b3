"""The tool that puts slips into the sources: what it draws, what it leaves alone, and what its results say."""

import csv
import importlib
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "results" / "mutants"
OURS = ("areas", "drawing", "reporting", "watching")


@pytest.fixture
def tool(monkeypatch):
    """Gives a function that imports a part of the tool, which is no package."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks" / "mutants"))

    def load(name):
        if name == "drawing":
            pytest.importorskip("cosmic_ray")
        return importlib.import_module(name)

    yield load
    for name in OURS:
        sys.modules.pop(name, None)


def test_every_area_has_sources_and_tests(tool):
    """An area must name files that there are, no test that only sees that sources differ, and all must be 300 mutants or more."""
    areas = tool("areas").AREAS
    assert sum(area.quota for area in areas.values()) >= 300
    for area in areas.values():
        assert area.files()
        assert area.asked()
        assert not {"tests/grid/test_digests.py", "tests/test_reference.py", "tests/regression"} & set(area.asked())


SOURCE = '''
"""A module of 3 words."""
from dataclasses import dataclass

MOST = 7  # so many

def f(x: int | None, y: list[int]) -> int | None:
    """Adds 1."""
    assert 2 < 5
    require(x > 4, f"x must be {3 + 1}")
    if isinstance(x, int | str):
        raise ValueError("a" + str(11 + 12))
    z = list(zip(y, y, strict=True))
    return "a" + "b" if len(z) > 13 else x - 14
'''


def test_words_types_and_beliefs_are_left_alone(tool):
    """Only places may be drawn whose change could alter a number."""
    found = tool("drawing")._in_python(SOURCE)
    lines = SOURCE.splitlines()
    changed = {(lines[line - 1].strip(), operator) for operator, _, line, _ in found}
    assert {line for line, _ in changed} == {
        "MOST = 7  # so many",
        'require(x > 4, f"x must be {3 + 1}")',
        "if isinstance(x, int | str):",
        'return "a" + "b" if len(z) > 13 else x - 14',
    }
    assert ("if isinstance(x, int | str):", "AddNot") in changed
    assert not any(operator.startswith("ReplaceBinaryOperator_BitOr") for _, operator in changed)
    assert not any(operator == "ReplaceBinaryOperator_Add_Sub" for _, operator in changed)


def test_a_sample_is_decided_by_its_seed(tool):
    """The same seed must draw the same mutants, another seed others; none twice at a place, and each changes its file."""
    drawing = tool("drawing")
    name, area = "claims", tool("areas").AREAS["claims"]
    first, again, other = (drawing._of_area(name, area, seed, 8) for seed in (0, 0, 1))
    assert first == again
    assert [m.key for m in first] != [m.key for m in other]
    assert len({(m.name, m.line, m.column) for m in first}) == len(first) == 8
    for mutant in first:
        assert mutant.became != mutant.text
        assert mutant.source() != mutant.path.read_text(encoding="utf-8")


def test_a_script_is_changed_in_one_place(tool):
    """Of a script one sign of one line must be changed, and no comment."""
    drawing = tool("drawing")
    for mutant in drawing._of_area("script", tool("areas").AREAS["script"], 0, 12):
        before, after = mutant.path.read_text(encoding="utf-8").splitlines(), mutant.source().splitlines()
        assert [number for number, pair in enumerate(zip(before, after, strict=True), 1) if pair[0] != pair[1]] == [mutant.line]
        assert not mutant.text.startswith("//")


def test_a_function_is_the_innermost_one(tool):
    """The function around a place must be the one whose calls are watched."""
    drawing = tool("drawing")
    path = ROOT / "mixmnist" / "stats" / "seeds.py"
    lines = path.read_text(encoding="utf-8").splitlines()
    begins = next(number for number, text in enumerate(lines, 1) if text.startswith("def paired_interval"))
    inside = next(number for number, text in enumerate(lines, 1) if number > begins and text.strip().startswith("return"))
    assert drawing.Mutant("stats", path, "NumberReplacer", 0, inside, 0, "", "").function == (str(path), begins)
    assert drawing.Mutant("stats", path, "NumberReplacer", 0, 1, 0, "", "").function is None


def test_survivors_need_a_reason_and_nine_of_ten_must_be_noticed(tool, tmp_path):
    """A sample is well if 90 % are noticed and every survivor has a reason; a hanging mutant is noticed."""
    summary = tool("reporting").summary
    rows = [
        {"area": "a", "kin": str(i), "outcome": "killed", "file": "f", "line": "1", "text": "t", "became": "u"} for i in range(10)
    ]
    rows[3]["outcome"], rows[4]["outcome"] = "survived", "timeout"
    reasons = tmp_path / "reasons.csv"
    assert summary(rows, reasons, 0, must_be_enough=True)[1] is False
    reasons.write_text("kin,reason\n3,the same number\n")
    text, well = summary(rows, reasons, 0, must_be_enough=True)
    assert well
    assert "| a | 10 | 9 | 0.900 |" in text
    assert "the same number" in text
    rows[5]["outcome"] = "survived"
    reasons.write_text("kin,reason\n3,the same number\n5,speed only\n")
    assert summary(rows, reasons, 0, must_be_enough=True)[1] is False
    assert summary(rows, reasons, 0, must_be_enough=False)[1] is True


def test_the_committed_sample_is_large_and_well(tool):
    """The results that the documents lead to must hold 300 mutants, 90 % of them noticed, and a reason for every other."""
    with (RESULTS / "mutants.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) >= 300
    text, well = tool("reporting").summary(rows, RESULTS / "reasons.csv", 0, must_be_enough=True)
    assert well
    assert (RESULTS / "README.md").read_text(encoding="utf-8") == text
    noticed = sum(row["outcome"] != "survived" for row in rows)
    said = f"Of {len(rows)} mutants {noticed} are noticed ({100 * noticed / len(rows):.1f} %)."
    assert said in (ROOT / "docs" / "mutants.md").read_text(encoding="utf-8")
