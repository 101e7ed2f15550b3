"""The pages are true: commands on them are ones that there are, Python on them compiles, and the cards are those of the shelf."""

import re
import shlex
from pathlib import Path

import pytest

from mixmnist import cli
from mixmnist.commands import parsing
from mixmnist.commands.shelves import card, describe
from mixmnist.core import registry
from mixmnist.core.records import Options
from mixmnist.core.studies import load_study
from mixmnist.grid.sweep import plan

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page, language):
    """Gives the code blocks of a language on a page."""
    fences = re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [text for named, text in fences if named == language]


def commands():
    """Gives every line on a page that runs mixmnist, with its page."""
    lines = [(page.name, line) for page in PAGES for block in blocks(page, "") for line in block.splitlines()]
    return [(page, line) for page, line in lines if line.startswith("mixmnist ")]


@pytest.mark.parametrize(("page", "line"), commands())
def test_commands_on_pages_are_taken(page, line):
    """The command line must take every command that a page shows."""
    words = shlex.split(line.split(" > ")[0], comments=True)[1:]
    assert parsing.make_parser().parse_args(words).command


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_on_pages_compiles(page):
    """Every Python example must compile."""
    for number, block in enumerate(blocks(page, "python")):
        compile(block, f"{page.name} {number}", "exec")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    """Every file that a page links to must exist; the cards and the reference are made or written beside it."""
    links = re.findall(r"\]\((?!http)([^)#\s]+)\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_study_of_the_page_can_be_planned(tmp_path):
    """The study that is shown must be one that can be run."""
    path = tmp_path / "narrow.py"
    path.write_text(blocks(ROOT / "docs" / "howto" / "study.md", "python")[0])
    assert load_study(str(path))[1].variants["narrow"].net_settings == {"conv3": 5}
    assert len(plan(str(path), Options(source="digits", seeds=1))) == 7


def test_the_objective_of_the_page_works():
    """The objective that is shown must ask for two answers of about the same frequency."""
    import torch

    names = {}
    exec(compile(blocks(ROOT / "docs" / "howto" / "study.md", "python")[1], "study.md", "exec"), names)
    images = torch.randint(2, (3, 101, 4, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    found, targets = names["OBJECTIVE"].prepare(images, torch.zeros(3, 101), (0, 1, 2))
    assert found is images
    assert 0.3 < targets.float().mean() < 0.51
    assert names["OBJECTIVE"].outputs == 2


def test_the_task_and_metric_of_the_page_work():
    """The task that is shown must draw both classes, and the metric must tell a detector from a constant unit."""
    import torch

    from mixmnist.core.seeding import Stream

    task, metric = ({}, {})
    for block, names in zip(blocks(ROOT / "docs" / "howto" / "task-and-metric.md", "python"), (task, metric), strict=True):
        exec(compile(block, "task-and-metric.md", "exec"), names)
    labels, shown = task["TASK"].draw(200, Stream(0, "page"))
    assert ((shown[:, 0] == shown[:, 1]) == labels).all()
    assert set(labels.tolist()) == {0, 1}
    response = torch.tensor([[1.0, 3.0], [0.0, 3.0], [1.0, 3.0], [0.0, 3.0]])
    present = torch.tensor([[True], [False], [True], [False]])
    assert metric["METRIC"].columns["largest_gap"](response, present).tolist() == [[1.0], [0.0]]


def test_every_page_has_its_place():
    """Every how-to page must be in the navigation."""
    nav = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    pages = [page.relative_to(ROOT / "docs").as_posix() for page in (ROOT / "docs").rglob("*.md")]
    assert [page for page in pages if f"{page}\n" not in nav] == []


def test_cards_say_what_the_command_says(capsys):
    """A card must hold definition, chance and cost, as the command prints them."""
    entry = registry.choose("metrics", "precision_at_k")
    lines = card(describe("metrics", "precision_at_k", entry))
    assert "chance: prevalence" in lines
    assert lines[-1].startswith("measured cost: ")
    cli.main(["list", "metrics", "--long"])
    printed = capsys.readouterr().out
    assert all(f"      {line}\n" in printed for line in lines)
