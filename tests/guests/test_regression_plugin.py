"""The fixture mixmnist_regression, in tests of a stranger's project."""

import json
import sys

import pytest

from mixmnist.guests.regression import _file_name, _interval, _read

pytest_plugins = ["pytester"]

CONFTEST = """
import pytest

from mixmnist.guests.regression import _file_name, _read
import torch
from torch import nn

@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)

@pytest.fixture
def make():
    def make(seed=0, scale=1.0):
        torch.manual_seed(seed)
        net = nn.Sequential(nn.Conv2d(1, 4, 7, stride=2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 45))
        net[0].weight.data[2] *= scale
        return net.eval()
    return make
"""
TEST = """
from mixmnist import Setting

SMALL = Setting(n=701, few=50)

def test_units(mixmnist_regression, make):
    mixmnist_regression.check(make({arguments}), layer="1", task="pairs", source="digits", setting=SMALL{more})
"""


@pytest.fixture
def project(pytester, monkeypatch):
    """A project whose tests hold a small network against its record; a process of its own for each run would take long."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # tests are written anew within a second
    pytester.makeconftest(CONFTEST)

    def write(arguments="", more=""):
        pytester.makepyfile(test_nets=TEST.format(arguments=arguments, more=more))
        return pytester

    return write


def record_of(pytester):
    """Gives the place of the first record."""
    return pytester.path / "mixmnist_regression" / "test_nets" / "test_units-1.json"


@pytest.mark.slow
def test_units_are_recorded_and_then_held(project):
    """Without a record the test fails with the way out; after --mixmnist-update the same net passes."""
    pytester = project()
    missing = pytester.runpytest_inprocess()
    missing.assert_outcomes(failed=1)
    missing.stdout.fnmatch_lines(["*a record must be there to compare with*pytest --mixmnist-update*"])
    pytester.runpytest_subprocess("--mixmnist-update").assert_outcomes(passed=1)
    record = json.loads(record_of(pytester).read_text())
    assert [unit["unit"] for unit in record["units"]] == [0, 1, 2, 3]
    assert {"alignment", "drop", "concept", "alignment_draws"} <= set(record["units"][0])
    low, high = record["units"][0]["alignment_draws"]
    assert low < record["units"][0]["alignment"] < high
    pytester.runpytest_inprocess().assert_outcomes(passed=1)


@pytest.mark.slow
def test_a_unit_that_moved_is_named(project):
    """The failure must name the unit, by how much it moved, and what other draws would give; the others are left out."""
    project().runpytest_inprocess("--mixmnist-update").assert_outcomes(passed=1)
    pytester = project("scale=-1.0")
    failed = pytester.runpytest_inprocess()
    failed.assert_outcomes(failed=1)
    failed.stdout.fnmatch_lines(
        [
            "*UnitsMoved: units of 1 moved (tolerance 0.01):",
            "*unit 2 (concept *alignment 0.* -> 0.* other draws: 0.* to 0.*",
            "*--mixmnist-update*",
        ]
    )
    failed.stdout.no_fnmatch_line("*unit 1 (concept*")
    project("scale=-1.0", ", tolerance=1.0").runpytest_inprocess().stdout.no_fnmatch_line("*alignment 0.*")


@pytest.mark.slow
def test_another_check_is_not_compared(project):
    """A record of other settings must not be taken for this one's."""
    project().runpytest_inprocess("--mixmnist-update").assert_outcomes(passed=1)
    pytester = project()
    pytester.makepyfile(test_nets=TEST.format(arguments="", more="").replace("n=701", "n=702"))
    failed = pytester.runpytest_inprocess()
    failed.assert_outcomes(failed=1)
    failed.stdout.fnmatch_lines(["*the record is of another check, n=701*"])


@pytest.mark.slow
def test_other_trainings_give_the_layers_interval(project):
    """With other trainings at hand the record must hold the interval of the layer's numbers over them."""
    pytester = project(more=", trainings=[make(1), make(2), make(3), make(4)]")
    pytester.runpytest_inprocess("--mixmnist-update").assert_outcomes(passed=1)
    low, high = json.loads(record_of(pytester).read_text())["trainings"]["mean_alignment"]
    assert low < high


def test_a_project_that_does_not_use_it_pays_nothing(pytester):
    """Without the fixture neither torch nor the rest of the package may be loaded."""
    pytester.makepyfile(
        "import sys\ndef test_it():\n    assert 'torch' not in sys.modules\n    assert 'pandas' not in sys.modules\n"
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=1)


def test_no_two_tests_share_a_record(tmp_path):
    """Names that differ only in signs that a file's name cannot hold must lead to records of their own."""
    names = [_file_name(name) for name in ("test_units[a/b]", "test_units[a-b]", "A::test_units", "B::test_units", "test_units")]
    assert len(set(names)) == 5
    assert names[-1] == "test_units"


def test_a_damaged_record_is_said(tmp_path):
    """A record that is no whole JSON must be told with its place and the way out."""
    path = tmp_path / "r.json"
    for text in ("{", "[]", '{"about": {}}'):
        path.write_text(text)
        with pytest.raises(ValueError, match=r"a record must be whole.*r\.json.*--mixmnist-update"):
            _read(path)


def test_no_expected_interval_leaves_its_numbers_range():
    """What chance gives an alignment must end at 1, and a drop may be negative; below five values there is none."""
    values = [1.0, 1.0, 0.9, 1.0, 1.0]
    low, high = _interval(values, "of a stranger")
    assert high > 1
    assert _interval(values, "alignment") == [low, 1]
    assert _interval([v - 1 for v in values], "drop") == pytest.approx([low - 1, high - 1])
    assert _interval(values[:4], "alignment") is None
