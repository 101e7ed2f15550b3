"""The house: no file grows past what is read at a sitting, no function past a screen, and old doors still open."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import mixmnist

PACKAGE = Path(mixmnist.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
MOST_LINES, MOST_LINES_OF_A_FUNCTION = 300, 60
REASON = "of over 300 lines: "  # in the docstring of a file that is longer, with why
FORMER = {  # what could be imported by its own module before there were rooms
    "mixmnist.arrays": ("Arrays",),
    "mixmnist.evaluated": ("Evaluation",),
    "mixmnist.evaluating": ("Setting", "evaluate", "score_arrays"),
    "mixmnist.pipeline": ("load_net",),
    "mixmnist.regression": ("Regression",),
    "mixmnist.sweep": ("Result", "run"),
    "mixmnist.core.records": ("Canvas", "Claim", "Metric", "Net", "Plant", "Source", "Study", "Task", "Training", "Variant"),
}


def test_long_files_say_why():
    """A file of over 300 lines must give a reason at its top."""
    long = [path for path in FILES if len(path.read_text().splitlines()) > MOST_LINES]
    silent = [path.name for path in long if REASON not in (ast.get_docstring(ast.parse(path.read_text())) or "")]
    assert silent == []


def test_functions_fit_on_a_screen():
    """No function may have over 60 lines, docstring included."""
    functions = [
        (path.name, node.name, node.end_lineno - node.lineno + 1)
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert len(functions) > 500
    assert [found for found in functions if found[2] > MOST_LINES_OF_A_FUNCTION] == []


def test_only_what_everybody_needs_stands_at_the_top():
    """At the top of the package there must be no loose files but those five."""
    assert {path.name for path in PACKAGE.glob("*.py")} == {
        "__init__.py",
        "cli.py",
        "pytest_plugin.py",
        "scoring.py",
        "training.py",
    }


@pytest.mark.parametrize("module", FORMER)
def test_public_names_are_found_where_they_were(module):
    """Import paths of public names from before there were rooms must give the same objects."""
    found = importlib.import_module(module)
    for name in FORMER[module]:
        assert getattr(found, name) is getattr(importlib.import_module(getattr(found, name).__module__), name)


def test_a_former_path_is_the_module_itself():
    """A former path must not load a module a second time, whichever is imported first."""
    said = (
        "import sys, mixmnist.sweep as old, mixmnist.grid.sweep as new\nprint(old is new, sys.modules['mixmnist.sweep'] is new)"
    )
    answer = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True, timeout=120)
    assert answer.stdout.split() == ["True", "True"]


def test_a_module_that_never_was_is_still_missing():
    """Other names must end as they always do."""
    with pytest.raises(ModuleNotFoundError, match=r"mixmnist\.sweeping"):
        importlib.import_module("mixmnist.sweeping")
