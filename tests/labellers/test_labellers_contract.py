"""What every labeller of the shelf must hold; one added later is under test by itself."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from mixmnist.core.registry import collect, explain
from mixmnist.labellers.annotations import Annotation, write_annotations_file
from mixmnist.labellers.labelling import label_units

SHELF = collect("labellers")
BLIND = {"constant", "random", "file"}  # that look at no response
SILENT = 3  # the dead unit of the planted layer

each = pytest.mark.parametrize("name", SHELF)


@pytest.fixture
def label(tmp_path):
    """Gives a function that labels a layer by name; a file is there for the labeller that reads one."""
    path = tmp_path / "annotations.json"
    known = {"exhibit": "e", "layer": "conv3", "fingerprint": "abc", "category": "a concept", "misfits": (), "shown": 12}
    write_annotations_file([Annotation(**known, unit=unit, concept="3") for unit in range(5)], path)
    return lambda name, sight: label_units(name, sight, {"path": str(path)} if name == "file" else {})


def test_the_shelf_is_whole():
    """The labellers, baselines and the ceiling that we know must be there."""
    assert set(SHELF) >= {"top_images", "softwpmi", "ridge", "constant", "random", "truth", "file"}


@each
def test_the_file_is_a_card(name):
    """The file says what the labeller is, its formula, settings, what it sees and its source; settings are named."""
    said = explain("labellers", name)
    for word in ("Formula:", "Settings:", "Sees:", "Source:"):
        assert word in said
    for setting in SHELF[name].settings:
        assert re.search(rf"\b{setting}\b", said.partition("Settings:")[2].partition("Sees:")[0])


@each
def test_the_same_comes_twice_and_nothing_is_changed(name, label, sight):
    """A second call gives the same; what it looks at stays as it was."""
    before = (sight.response.clone(), sight.likely.clone(), sight.read.clone())
    first = label(name, sight)
    assert first.shape == (5, 10)
    assert torch.equal(first, label(name, sight))
    assert all(torch.equal(a, b) for a, b in zip(before, (sight.response, sight.likely, sight.read), strict=True))


@each
def test_only_the_order_of_responses_counts_or_their_shape(name, label, sight):
    """Responses in another unit give the same names."""
    scaled = replace(sight, response=sight.response * 8 + 16)
    assert torch.equal(label(name, scaled) > 0, label(name, sight) > 0)


@each
def test_units_are_labelled_each_where_it_stands(name, label, sight):
    """Units in another order have their labels in that order, unless labels are drawn or are another's."""
    if name in BLIND:
        return
    order = torch.tensor([4, 0, 3, 2, 1])
    assert torch.equal(label(name, replace(sight, response=sight.response[:, order])), label(name, sight)[order])


@each
def test_a_unit_that_is_always_silent_gets_no_name_from_what_it_says(name, label, sight):
    """Whoever looks at responses says "nothing in common" of a dead unit."""
    assert bool(label(name, sight)[SILENT].any()) == (name in BLIND)


@each
def test_a_detector_gets_its_name(name, label, sight):
    """Whoever looks at responses names the digit of a perfect detector, and it alone."""
    if name in BLIND:
        return
    assert (label(name, sight)[0] > 0).nonzero()[:, 0].tolist() == [3]
    assert (label(name, sight)[4] > 0).nonzero()[:, 0].tolist() == [7]


@each
def test_unknown_settings_and_other_types_are_refused(name, sight):
    """A setting that there is not, or of another type, gets a sentence."""
    with pytest.raises(ValueError, match="labeller settings must be among"):
        label_units(f"{name}:colour=1", sight)
    for setting, usual in SHELF[name].settings.items():
        with pytest.raises(ValueError, match=setting):
            label_units(name, sight, {setting: 7 if isinstance(usual, str) else "seven"})


OWN = """
import torch
from mixmnist.core.records import Labeller
def run(sight):
    return {gives}
LABELLER = Labeller("own", run)
"""


def test_ones_own_is_a_file(tmp_path, sight):
    """A file that ends in LABELLER is a labeller."""
    path = tmp_path / "mine.py"
    path.write_text(OWN.format(gives="torch.ones(sight.n_units, 10)"))
    assert torch.equal(label_units(str(path), sight), torch.ones(5, 10))


@pytest.mark.parametrize(
    ("gives", "said"),
    [
        ("torch.ones(10, 5)", r"must give weights \[5, 10\], got \[10, 5\]"),
        ("None", "got NoneType"),
        ("torch.full((5, 10), 2.0)", "must lie between 0 and 1"),
        ("torch.full((5, 10), -1.0)", "must lie between 0 and 1"),
        ("torch.cat([torch.full((5, 1), torch.nan), torch.ones(5, 9)], dim=1)", "or be nan for a whole unit"),
    ],
)
def test_ones_own_that_gives_something_else_is_refused(tmp_path, sight, gives, said):
    """What is no weights in [0, 1], or nan in part of a row, gets a sentence."""
    path = tmp_path / "mine.py"
    path.write_text(OWN.format(gives=gives))
    with pytest.raises(ValueError, match=said):
        label_units(str(path), sight)


def test_the_example_of_the_page_runs(tmp_path, sight):
    """The labeller that docs/labels.md shows names a detector's digit and both of a mixed unit, and nothing of noise."""
    page = (Path(__file__).parents[2] / "docs" / "labels.md").read_text(encoding="utf-8")
    path = tmp_path / "mine.py"
    path.write_text(page.partition("```python\n")[2].partition("```")[0])
    found = label_units(str(path), sight) > 0
    assert [row.nonzero()[:, 0].tolist() for row in found[[0, 1, 2, 3]]] == [[3], [4, 9], [], []]
