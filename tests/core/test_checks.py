"""Checks at the door."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mixmnist.core import checks
from mixmnist.core.records import Canvas, Claim, Options, Study, Task, Training, Variant

BAD_NAMES = ["", ".", "..", ".hidden", "lr/0.1", "a/../../b", "../../../escaped", "a,b", "a b", "a\n", "a\\b", "end.", "-x", "é"]
GOOD_NAMES = ["baseline", "channel-0.25", "peak-0.03-epochs-30", "lr=0.1", "a+b", "_x", "3"]


def study(**changed):
    """A study of one variant."""
    return Study(**{"title": "t", "variants": {"baseline": Variant()}, "seeds": 1} | changed)


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_that_is_no_place_is_refused_where_it_enters(name):
    """A variant's name becomes a folder and a file: what can lead elsewhere must be refused by the study itself."""
    with pytest.raises(ValueError, match="the name of a variant must be of letters, digits and"):
        study(variants={name: Variant()})


def test_a_name_of_many_signs_is_refused():
    """A file's name has a limit on every system."""
    with pytest.raises(ValueError, match="at most 100 signs"):
        study(variants={"a" * 101: Variant()})


@pytest.mark.parametrize("name", GOOD_NAMES)
def test_ordinary_names_pass(name):
    """Numbers, dots, dashes, plus and equal signs are names as people give them."""
    assert list(study(variants={name: Variant()}).variants) == [name]


def test_names_that_a_file_system_takes_for_one_are_refused():
    """On some systems A and a are one file."""
    with pytest.raises(ValueError, match="differ from others in more than capitals, got Wide and wide"):
        study(variants={"Wide": Variant(), "wide": Variant()})


@pytest.mark.plain
@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: study(seeds="x"), "seeds must be a whole number, got seeds='x'"),
        (lambda: study(seeds=True), "seeds must be a whole number, got seeds=True"),
        (lambda: study(seeds=2.0), "seeds must be a whole number, got seeds=2.0"),
        (lambda: study(title=5), "title must be text, got title=5"),
        (lambda: study(variants=[Variant()]), "variants must be a dictionary from text to a Variant"),
        (lambda: study(variants={"a": {}}), "variants must be a dictionary from text to a Variant"),
        (lambda: study(claims=Claim("R1", "s", "accuracy", "baseline", "above")), "claims must be a tuple, each of it a Claim"),
        (lambda: study(claims=("R1",)), "claims must be a tuple, each of it a Claim"),
        (lambda: study(analyses="null"), "analyses must be a tuple, each of it text, got analyses='null'"),
        (
            lambda: Variant(net_settings=8),
            "net_settings must be a dictionary from text to a whole number or a finite number or text",
        ),
        (lambda: Variant(net_settings={"conv1": None}), "net_settings must be"),
        (lambda: Variant(probe_images="many"), "probe_images must be a whole number, got probe_images='many'"),
        (lambda: Variant(canvas=32), r"canvas must be a Canvas\(...\), got canvas=32"),
        (lambda: Variant(training=None), r"training must be a Training\(...\)"),
        (lambda: Variant(task=5), "task must be text, got task=5"),
        (lambda: Variant(origin=None), "origin must be text, got origin=None"),
        (lambda: Training(epochs=1.5), "epochs must be a whole number, got epochs=1.5"),
        (lambda: Training(peak="high"), "peak must be a finite number, got peak='high'"),
        (lambda: Training(peak=float("nan")), "peak must be a finite number, got peak=nan"),
        (lambda: Training(decay=float("inf")), "decay must be a finite number, got decay=inf"),
        (lambda: Canvas(size="big"), "size must be a whole number, got size='big'"),
        (lambda: Canvas(overlap=None), "overlap must be text, got overlap=None"),
        (
            lambda: Claim("R1", "s", "accuracy", "baseline", "above", value="0.9"),
            "value must be a finite number, got value='0.9'",
        ),
        (lambda: Options(seeds="3"), "seeds must be a whole number or None, got seeds='3'"),
        (lambda: Options(variants="a"), "variants must be a tuple, each of it text, got variants='a'"),
        (lambda: Options(threads=1.5), "threads must be a whole number"),
    ],
)
def test_a_field_of_another_type_is_named(make, said):
    """A wrong type must be told with the field's name and what it should be, not by what breaks later."""
    with pytest.raises(ValueError, match=said):
        make()


@pytest.mark.parametrize("seeds", [10**8, 20_001])
def test_a_study_of_more_runs_than_anybody_waits_for_is_refused(seeds):
    """Blocks are listed one by one: their number is bounded before they are made."""
    with pytest.raises(ValueError, match=f"a study must have at most 20,000 runs, got {seeds:,}"):
        study(seeds=seeds)


def draw(n, stream):
    """A task's draw."""


TASK = Task("t", ("0", "1"), ("a", "b"), draw)


@pytest.mark.plain
@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"title": None}, "title must be text"),
        ({"concepts": "01"}, "concepts must be a tuple, each of it text, got concepts='01'"),
        ({"concepts": (0, 1)}, "concepts must be a tuple, each of it text"),
        ({"concepts": ()}, "concepts must be one or more, got none"),
        ({"classes": ()}, "classes must be one or more, got none"),
        ({"concepts": ("0", "0")}, "concepts must differ, got '0' more than once"),
        ({"classes": ("a", "a")}, "classes must differ, got 'a' more than once"),
        ({"draw": 5}, "draw must be a function, got draw=5"),
        ({"useless": ("7",)}, "useless must be among the concepts"),
        ({"canvas": 32}, "canvas must be a Canvas"),
        ({"settings": 3}, "settings must be a dictionary"),
        ({"concepts": ("0", "a\nb")}, "concepts must be in one line"),
    ],
)
def test_a_task_of_other_types_is_refused(changed, said):
    """Whatever reads a task relies on its fields."""
    with pytest.raises(ValueError, match=said):
        replace(TASK, **changed)


def test_memory_is_told_and_bounds_what_is_asked_for():
    """What does not fit must be refused with both numbers; what does must pass."""
    there = checks.memory()
    assert there > 2**28
    checks.check_memory("a canvas", there / 2, "Ask for less.")
    with pytest.raises(
        ValueError, match=r"memory must hold 9 canvases, got about [\d,.]+ GB where there are [\d,.]+ GB. Ask for less."
    ):
        checks.check_memory("9 canvases", there * 2, "Ask for less.")


def test_a_place_that_cannot_be_written_is_told_without_a_trace(tmp_path):
    """A file in the way must be named, and nothing made."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(ValueError, match=r"out must be a folder, got the file .*file\. Name another with --out"):
        checks.check_writable(tmp_path / "file" / "below")
    checks.check_writable(tmp_path / "new" / "deep")
    assert not (tmp_path / "new").exists()


def test_two_analyses_of_one_name_are_refused():
    """Each is a folder by its file's name."""
    with pytest.raises(ValueError, match="differ from others in more than capitals, got null and null"):
        study(analyses=("null", "elsewhere/null.py"))


@pytest.mark.slow
def test_wrong_types_are_told_without_live_shapes():
    """What tests of wrong types say must hold where users are: without the checks that the tests put in front."""
    places = [Path(__file__), Path(__file__).parents[1] / "commands" / "test_broken_files.py"]
    line = [sys.executable, "-m", "pytest", "--jaxtyping-packages=", "-m", "plain", *map(str, places)]
    ended = subprocess.run(line, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=900)
    assert ended.returncode == 0, ended.stdout[-3000:]
