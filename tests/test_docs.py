"""The pages are true: commands on them are ones that there are, Python on them compiles, and the cards are those of the shelf."""

import itertools
import re
import shlex
import textwrap
import tomllib
from pathlib import Path

import pytest

from mixmnist import cli
from mixmnist.commands import parsing
from mixmnist.commands.shelves import card, describe
from mixmnist.core import registry
from mixmnist.core.records import Options, Variant
from mixmnist.core.studies import load_study
from mixmnist.grid.sweep import plan

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page, language):
    """Gives the code blocks of a language on a page."""
    fences = re.findall(r"^( *)```(\w*)\n(.*?)^\1```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [textwrap.dedent(text) for _, named, text in fences if named == language]


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


def anchors(page):
    """Gives the anchors of a page's headings, as browsers are given them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower()) for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    """Every file that a page links to must exist, and have the heading that is named."""
    links = re.findall(r"\]\((?!http)([^)#\s]*)#?([^)\s]*)\)", page.read_text(encoding="utf-8"))
    targets = [(page.parent / file if file else page, anchor) for file, anchor in links]
    assert [str(target) for target, _ in targets if not target.exists()] == []
    assert [anchor for target, anchor in targets if anchor and anchor not in anchors(target)] == []


def test_links_to_elsewhere_are_few_and_known():
    """Pages must lead to no other addresses than these, so that a new one is looked at first; no test asks the network."""
    texts = [page.read_text(encoding="utf-8") for page in (*PAGES, ROOT / "CHANGELOG.md")]
    assert {link for text in texts for link in re.findall(r"\]\((https?://[^)\s]+)\)", text)} == {
        "https://cosmic-ray.readthedocs.io",
        "https://distributed.dask.org",
        "https://distributed.dask.org/en/stable/tls.html",
        "https://github.com/metalbubble/mixture_mnist",
        "https://jobqueue.dask.org",
        "https://keepachangelog.com/en/1.1.0/",
        "https://semver.org",
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_is_to_be_made_can_be_made(page):
    """The Makefile must know everything that a page tells its reader to make."""
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    said = re.findall(r"(?:`|^)make ([a-z-]+)", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(said) <= set(targets)


@pytest.mark.parametrize("name", ["python", "train"])
def test_examples_of_the_page_run(name, tmp_path, monkeypatch, capsys):
    """The example must run as it stands, in an empty folder, and print units with their scores."""
    monkeypatch.chdir(tmp_path)
    for block in blocks(ROOT / "docs" / "howto" / f"{name}.md", "python"):
        exec(compile(block, f"{name}.md", "exec"), {})
    printed = capsys.readouterr().out
    assert "alignment" in printed
    assert "drop" in printed


def test_examples_of_dictionaries_run(tmp_path, monkeypatch, capsys):
    """The dictionary that is shown must find what is planted better than chance, and the lines for Python must run."""
    from mixmnist import fit_dictionary
    from mixmnist.features.planted import Superposition, plant_cells
    from mixmnist.features.scores.mcc import mcc

    monkeypatch.chdir(tmp_path)
    own, lines = blocks(ROOT / "docs" / "howto" / "dictionaries.md", "python")
    Path("farthest.py").write_text(own)
    planted = plant_cells(Superposition(shown=1), 1_000)
    (found,), (chance,) = (fit_dictionary(name, planted.cells, 12) for name in ("farthest.py:among=300", "random"))
    assert mcc(found.atoms, planted.directions) > 0.9 > mcc(chance.atoms, planted.directions)
    exec(compile(lines, "dictionaries.md", "exec"), {})
    printed = capsys.readouterr().out
    assert "alignment" in printed
    assert "gap_closed" in printed


def test_examples_of_pictures_run(tmp_path, monkeypatch, capsys):
    """The lines for Python must run as they stand, in an empty folder, and write the sheet that they name."""
    monkeypatch.chdir(tmp_path)
    (block,) = (text for text in blocks(ROOT / "docs" / "howto" / "pictures.md", "python") if "mixmnist.see(" in text)
    exec(compile(block, "pictures.md", "exec"), {})
    assert Path("sheet.png").read_bytes().startswith(b"\x89PNG")
    printed = capsys.readouterr().out
    assert "own_box_chance" in printed
    assert "torch.Size([8, 32, 32]) torch.Size([2, 1, 32, 32])" in printed


def test_examples_of_ways_run(tmp_path, monkeypatch):
    """Both ways that are shown must do what they say: a map of what speaks for a unit, and means of its top images."""
    from mixmnist import draw
    from mixmnist.plants import perfect
    from mixmnist.visualize._targets import unit_target
    from mixmnist.visualize.imaging import Supplies, make_images
    from mixmnist.visualize.mapping import as_pixels, make_maps

    monkeypatch.chdir(tmp_path)
    ways = [text for text in blocks(ROOT / "docs" / "howto" / "pictures.md", "python") if "\nWAY = " in text]
    for name, text in zip(("positive", "mean_of_top"), ways, strict=True):
        Path(f"{name}.py").write_text(text)
    canvases, target = draw("pairs", "stamps", n=60, seed=0), unit_target(perfect.build(0), "units", 3)
    shown = canvases.present[:, 3]
    maps = make_maps("positive.py", target, as_pixels(canvases.images[shown]), {"power": 2.0})
    assert (maps >= 0).all()
    assert maps.flatten(1).any(dim=1).all()
    (first,) = make_images("mean_of_top.py", target, (0,), Supplies(canvases), {"among": 1})
    assert (as_pixels(canvases.images[shown]) == first).flatten(1).all(dim=1).any()


def test_numbers_of_performance_are_in_the_files_beside_them():
    """Every number in a row must stand in the file that the row links to."""
    page = ROOT / "docs" / "performance.md"
    rows = re.findall(r"^\|(.+)\|[^|]+\]\((.+\.md)\) \|$", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(rows) >= 20
    for cells, link in rows:
        file = (page.parent / link).read_text(encoding="utf-8")
        numbers = [number for cell in cells.split("|")[1:] for number in re.findall(r"[-+]?\d[\d,.]*\d(?![\w.])%?", cell)]
        assert numbers, cells
        assert [number for number in numbers if not re.search(rf"(?<![\d.,]){re.escape(number)}(?!\d)", file)] == [], cells


def test_formulas_are_those_of_the_files():
    """Each formula must be typeset from the words that the metric's file still has; words alone are left to what only counts."""
    typeset = tomllib.loads((ROOT / "docs" / "formulas.toml").read_text(encoding="utf-8"))
    said = {name: registry.explain("metrics", name).partition("\nFormula: ")[2] for name in registry.names("metrics")}
    said = {name: " ".join(re.split(r"\n(?=\w)", words)[0].split()) for name, words in said.items()}
    assert {name: formula["words"] for name, formula in typeset.items()} == {name: said[name] for name in typeset}
    assert set(said) - set(typeset) == {"correct", "pixel_counts", "sharp", "used"}


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
    exec(compile(blocks(ROOT / "docs" / "howto" / "study.md", "python")[2], "study.md", "exec"), names)
    images = torch.randint(2, (3, 101, 4, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    found, targets = names["OBJECTIVE"].prepare(images, torch.zeros(3, 101), (0, 1, 2))
    assert found is images
    assert 0.3 < targets.float().mean() < 0.51
    assert names["OBJECTIVE"].outputs == 2


def test_the_pretexts_of_the_page_can_be_learnt(tmp_path):
    """The variants that are shown must be all of the kind, and the objective of one's own be learnt by its head."""
    import torch

    from mixmnist.kinds import pretext

    shown, own = blocks(ROOT / "docs" / "howto" / "study.md", "python")[1::2]
    exec(compile(shown, "study.md", "exec"), names := {})
    for variant in names["VARIANTS"].values():
        pretext.KIND.check(variant, "digits", None)
    every = {name for name in registry.names("objectives") if registry.choose("objectives", name).asks_for_pretext}
    assert {variant.objective for variant in names["VARIANTS"].values()} == every
    (tmp_path / "quarters.py").write_text(own)
    pretext.KIND.check(Variant(kind="pretext", objective=str(tmp_path / "quarters.py")), "digits", None)
    exec(compile(own, "study.md", "exec"), names)
    images = torch.zeros(1, 4, 6, 8, dtype=torch.uint8)
    for number, (row, col) in enumerate(itertools.product((0, 3), (0, 4))):
        images[0, number, row : row + 3, col + 1] = 9
    assert names["prepare"](images, images, (0,))[1].tolist() == [[0, 1, 2, 3]]


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
