"""The list of sources that decide a run's weights: a change in any of them makes the weights old, one elsewhere does not."""

import ast
import shutil

import pytest

from mixmnist import Variant
from mixmnist.core import code
from mixmnist.grid import digests

TRAINED = Variant()
DECIDE = {  # file of the package -> a definition in it that training reaches
    "training.py": "train",
    "nets/convnet.py": "build",
    "nets/_fused.py": None,
    "nets/_kernels.py": None,
    "nets/_planes.py": None,
    "nets/_pooled.py": None,
    "nets/_loops.py": None,
    "data/mixture.py": "draw",
    "data/canvas.py": "render",
    "data/tasks/pairs.py": None,
    "core/seeding.py": "derive",
    "kinds/classifier.py": "train_nets",
    "objectives/supervised.py": None,
    "grid/canvases.py": "drawn",
    "grid/origins.py": "bring_about",
}
OTHERS = (
    "scoring.py",
    "probing/silencing.py",
    "metrics/drop.py",
    "report/tables.py",
    "stats/seeds.py",
    "page/packing.py",
    "core/storage.py",
    "grid/block.py",
    "grid/sweep.py",
    "data/audit.py",
    "nets/__init__.py",
    "data/tasks/redundant.py",
    "objectives/rotation.py",
    "plants/perfect.py",
)


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """A copy of the sources that digests are made of."""
    home = shutil.copytree(code.HOME, tmp_path / "mixmnist", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(code, "HOME", home)
    _forget()
    yield home
    _forget()


def _forget():
    code._read.cache_clear()
    code._digest.cache_clear()


def touched(path, name=None):
    """Puts a statement at the head of each function at the top of a file, or of the one that is named."""
    lines, tree = path.read_text().splitlines(), ast.parse(path.read_text())
    found = [node for node in tree.body if isinstance(node, ast.FunctionDef) and name in (None, node.name)]
    for node in reversed(found):
        body = node.body[1:] if ast.get_docstring(node) else node.body
        lines.insert(body[0].lineno - 1, " " * body[0].col_offset + "touched = 1")
    path.write_text("\n".join(lines) + "\n")
    return len(found)


@pytest.mark.parametrize("name", DECIDE)
def test_a_change_in_what_decides_weights_makes_them_old(copied, name):
    """A statement more in a function that training reaches must change the digest of the weights."""
    before = digests.of_weights(TRAINED)
    assert touched(copied / name, DECIDE[name]) or _edited(copied / name)
    _forget()
    assert digests.of_weights(TRAINED) != before


def _edited(path):
    """Adds a statement to a file that has no functions at its top."""
    path.write_text(path.read_text() + "\nif True:\n    touched = 1\n")
    return True


@pytest.mark.parametrize("name", OTHERS)
def test_a_change_elsewhere_leaves_the_weights_as_they_are(copied, name):
    """A statement more in any function of what only draws, scores or reports may not make weights old."""
    before = digests.of_weights(TRAINED)
    touched(copied / name)
    _forget()
    assert digests.of_weights(TRAINED) == before


@pytest.mark.parametrize(
    "other",
    [
        {"task": "redundant"},
        {"objective": "shuffled"},
        {"objective": "rotation"},
        {"origin": "untrained"},
        {"origin": "planted:perfect"},
    ],
    ids=lambda other: next(iter(other.values())),
)
def test_another_entry_is_other_code(other):
    """Another task, objective or origin must have another digest."""
    assert digests.of_weights(Variant(**other)) != digests.of_weights(TRAINED)
