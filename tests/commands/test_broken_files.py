"""Files of somebody's own, broken in every way, given to every command that takes them."""

import numpy as np
import pytest

from mixmnist import cli
from mixmnist.data.sources import load_glyphs

TASK = """
import numpy as np
from mixmnist.core.records import Canvas, Task
def draw(n, stream):
    {body}
TASK = Task("t", {concepts}, {classes}, draw{more})
"""
GOOD = {
    "body": "return stream.integers(0, 1, (n,)), stream.integers(0, 1, (n, 1))",
    "concepts": '("0", "1")',
    "classes": '("a", "b")',
    "more": "",
}
TASKS = {  # what is other than in a good task's file, and what must be said
    "not a number more": ({"body": "return 1 / 0"}, "draw must run on n and a stream, got ZeroDivisionError: division by zero"),
    "nothing": ({"body": "return None"}, "draw must give labels and slots, got NoneType"),
    "lists": ({"body": "return [0] * n, [[0]] * n"}, "draw must give 64 labels as an int64 array, got list"),
    "small numbers": (
        {"body": "return np.zeros(n, dtype=np.int8), np.zeros((n, 1), dtype=np.int8)"},
        "draw must give 64 labels as an int64 array, got int8 [64]",
    ),
    "always five": (
        {"body": "return np.zeros(5, dtype=int), np.zeros((5, 1), dtype=int)"},
        "draw must give 64 labels as an int64",
    ),
    "a class too many": (
        {"body": "return np.full(n, 2), np.zeros((n, 1), dtype=int)"},
        "draw must give labels of 0..1, got 2..2",
    ),
    "a digit too many": (
        {"body": "return np.zeros(n, dtype=int), np.full((n, 1), 7)"},
        "draw must give slots of -1..1, got 7..7",
    ),
    "no slots": ({"body": "return np.zeros(n, dtype=int), np.zeros((n, 0), dtype=int)"}, "draw must give slots [n, slots], got"),
    "another each time": (
        {"body": "return np.random.randint(0, 2, n), np.random.randint(0, 2, (n, 1))"},
        "draw must give the same for the same stream, got two answers",
    ),
    "it ends the program": ({"body": "raise SystemExit(3)"}, "draw must run on n and a stream, got SystemExit: 3"),
    "concepts are text": ({"concepts": '"01"'}, "concepts must be a tuple, each of it text, got concepts='01'"),
    "concepts are numbers": ({"concepts": "(0, 1)"}, "concepts must be a tuple, each of it text, got concepts=(0, 1)"),
    "a concept twice": ({"concepts": '("0", "0")'}, "concepts must differ, got '0' more than once"),
    "no classes": ({"classes": "()"}, "classes must be one or more, got none"),
    "a canvas of numbers": ({"more": ", canvas=32"}, "canvas must be a Canvas(...), got canvas=32"),
    "useless of another": ({"more": ', useless=("9",)'}, "useless must be among the concepts, got ['9']"),
    "settings that it does not take": ({"more": ', settings={"q": 1}'}, "draw must run on n and a stream, got TypeError"),
    "a glyph that there is not": (
        {"concepts": str(tuple("0123456789abc")), "body": "return np.zeros(n, dtype=int), np.full((n, 1), 12)"},
        "the source must have glyphs of every digit the task shows, got none of 'c'",
    ),
}
COMMANDS = {  # every command that takes a task
    "preview": "preview --task {task} --source digits --out p.png",
    "export": "export --task {task} --source digits --n 100 --out m.npz",
    "audit": "audit --task {task} --source digits --n 100",
    "run": "run study.py --source digits --out out",
    "dry run": "run study.py --source digits --out out --dry-run",
    "evaluate": "evaluate ownnet:make --layer 0 --task {task} --source digits --n 100 --out out",
}


def cases(table, *typed):
    """Gives the names of a table; those of wrong types, which hold one of some words, for where live shapes see them first."""
    return [pytest.param(name, marks=pytest.mark.plain) if any(word in name for word in typed) else name for name in table]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A working folder with a network, and a study of a task of one's own."""
    monkeypatch.chdir(tmp_path)
    load_glyphs.cache_clear()  # which remembers a file by its path, and all tests have the same
    text = "import torch\ndef make():\n    return torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.ReLU())\n"
    (tmp_path / "ownnet.py").write_text(text)
    variant = "Variant(task='task.py', training=Training(images=64, batch=16, epochs=1), probe_images=100)"
    (tmp_path / "study.py").write_text(
        f"from mixmnist import Study, Training, Variant\nSTUDY = Study('own', {{'own': {variant}}}, seeds=1)\n"
    )
    return tmp_path


def ends_in(line, capsys, place, said):
    """Runs a command that must end in a sentence which holds some words, and leave nothing."""
    before = {path for path in place.rglob("*") if "__pycache__" not in path.parts}
    assert cli.main(line.split()) == 2
    told = capsys.readouterr().err.removeprefix("mixmnist: ")
    assert said in told
    assert told.count("\n") == 1
    assert {path for path in place.rglob("*") if "__pycache__" not in path.parts} == before


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", cases(TASKS, "concepts are text", "concepts are numbers", "a canvas of numbers"))
def test_a_broken_task_is_told_by_every_command(place, capsys, name, command):
    """A fault in a task's file must get the same sentence whichever command takes it, and nothing may be written."""
    changed, said = TASKS[name]
    (place / "task.py").write_text(TASK.format(**GOOD | changed))
    ends_in(COMMANDS[command].format(task="task.py"), capsys, place, said)


FILES = {
    "empty": ("", "task.py must end in TASK = Task(...), got none"),
    "syntax": ("TASK = (", "task.py must be a file that Python can run, got SyntaxError: '(' was never closed (task.py, line 1)"),
    "another": ("TASK = 5", "task.py must end in TASK = Task(...), got int"),
    "raises": ("x = 1\ny = x / 0", "got ZeroDivisionError: division by zero (task.py, line 2)"),
    "exits": ("import sys\nsys.exit(0)", "task.py must be a file that Python can run, got SystemExit: 0 (task.py, line 2)"),
    "not text": (b"\xff\xfe\x00bad", "task.py must be a file that Python can run"),
    "gone": (None, "the file of a task must exist, got task.py"),
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_no_task_is_told_by_every_command(place, capsys, name, command):
    """Whatever lies where a task should must get one sentence that names the file."""
    content, said = FILES[name]
    if content is not None:
        (place / "task.py").write_bytes(content if isinstance(content, bytes) else content.encode())
    ends_in(COMMANDS[command].format(task="task.py"), capsys, place, said)


GLYPHS = np.arange(40 * 8 * 8, dtype=np.uint8).reshape(40, 8, 8)
LABELS = np.arange(40) % 10
SOURCES = {
    "no labels": ({"images": GLYPHS}, "must hold images and labels, got no labels"),
    "of fractions": ({"images": GLYPHS / 255, "labels": LABELS}, "images must be uint8 [n, rows, cols]"),
    "flat": ({"images": GLYPHS.reshape(40, 64), "labels": LABELS}, "images must be uint8 [n, rows, cols]"),
    "none": ({"images": GLYPHS[:0], "labels": LABELS[:0]}, "images must be uint8 [n, rows, cols]"),
    "fewer labels": ({"images": GLYPHS, "labels": LABELS[:9]}, "labels must be 40 whole numbers"),
    "words": ({"images": GLYPHS, "labels": LABELS.astype(str)}, "labels must be 40 whole numbers"),
    "below zero": ({"images": GLYPHS, "labels": LABELS - 5}, "labels must be 40 whole numbers"),
    "objects": ({"images": np.array([None] * 3), "labels": LABELS}, "must hold images as a plain array"),
    "some digits only": ({"images": GLYPHS, "labels": LABELS % 3}, "the source must have glyphs of every digit the task shows"),
    "text": (b"no npz", "must be a whole .npz file"),
    "empty": (b"", "must be a whole .npz file"),
    "gone": (None, "the .npz of glyphs must exist"),
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", SOURCES)
def test_broken_glyphs_are_told_by_every_command(place, capsys, name, command):
    """A fault in a file of glyphs must get one sentence whichever command takes it."""
    content, said = SOURCES[name]
    if isinstance(content, dict):
        np.savez(place / "glyphs.npz", **content)
    elif content is not None:
        (place / "glyphs.npz").write_bytes(content)
    study = (place / "study.py").read_text()
    (place / "study.py").write_text(study.replace("task='task.py'", "task='pairs'"))
    ends_in(COMMANDS[command].format(task="pairs").replace("digits", "glyphs.npz"), capsys, place, said)


IMAGES = "source.py must give images uint8 [glyphs, rows, cols], got"
ONE_A_GLYPH = "source.py must give a label a glyph, int64, 0 or more, got"
OWN_SOURCES = {  # what a source's file of one's own gives, and what must be said
    "return 1 / 0": "source.py must give glyphs, got ZeroDivisionError: division by zero (source.py, line 4)",
    "return None": "source.py must give Glyphs(images, labels), got NoneType",
    "return Glyphs(np.zeros((9, 8, 8)), np.arange(9))": f"{IMAGES} float64 [9, 8, 8]",
    "return Glyphs(np.zeros((9, 64), np.uint8), np.arange(9))": f"{IMAGES} uint8 [9, 64]",
    "return Glyphs(np.zeros((9, 8, 8), np.uint8), np.arange(8))": f"{ONE_A_GLYPH} int64 [8]",
    "return Glyphs(np.zeros((9, 8, 8), np.uint8), [0] * 9)": f"{ONE_A_GLYPH} list",
    "return Glyphs(np.zeros((9, 8, 8), np.uint8), np.arange(9) - 1)": f"{ONE_A_GLYPH} int64 [9]",
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("body", cases(OWN_SOURCES, "np.zeros((9, 8, 8))", "[0] * 9"))
def test_a_broken_source_is_told_by_every_command(place, capsys, body, command):
    """A source's file of somebody's own must get one sentence whichever command takes it."""
    head = "import numpy as np\nfrom mixmnist.core.records import Glyphs, Source\ndef load(root, split):\n    "
    (place / "source.py").write_text(f"{head}{body}\nSOURCE = Source('s', load)\n")
    study = (place / "study.py").read_text()
    (place / "study.py").write_text(study.replace("task='task.py'", "task='pairs'"))
    ends_in(COMMANDS[command].format(task="pairs").replace("digits", "source.py"), capsys, place, OWN_SOURCES[body])


HEAD = "from mixmnist import Canvas, Study, Training, Variant\nfrom mixmnist.core.records import Claim\nSTUDY = "
STUDIES = {
    "Study('s', {'a/../../b': Variant()})": "the name of a variant must be of letters, digits and . _ - + =",
    "Study('s', {'lr/0.1': Variant()})": "the name of a variant must be",
    "Study('s', {'a,b': Variant(), 'a,c': Variant()})": "the name of a variant must be",
    "Study('s', {'a': Variant(), 'A': Variant()})": "differ from others in more than capitals",
    "Study('s', {'a': Variant(width='8')})": "got Variant has no field 'width'. Its fields: task,",
    "Study('s', {'a': Variant()}, seeds='x')": "seeds must be a whole number, got seeds='x'",
    "Study('s', {'a': Variant()}, claims=5)": "claims must be a tuple, each of it a Claim(...), got claims=5",
    "Study('s', {'a': Variant()}, analyses=('nul',))": "analysis must be a known name, got analysis='nul'. Did you mean null",
    "Study('s', {'a': Variant(net_settings={'conv1': '8'})})": "the net setting conv1 must be a whole number, got conv1='8'",
    "Study('s', {'a': Variant(net_settings={'width': 8})})": "net setting must be a known name, got net setting='width'",
    "Study('s', {'a': Variant(net_settings={'conv3': 10**12})})": "memory must hold a net of",
    "Study('s', {'a': Variant(net='nets.py')})": "the file of a net must exist, got nets.py",
    "Study('s', {'a': Variant(objective='own.py')})": "the file of a objective must exist, got own.py",
    "Study('s', {'a': Variant(task='redundant', task_settings={'q': 'x'})})": "setting q must be a finite number, got q='x'",
    "Study('s', {'a': Variant(task='redundant', task_settings={'r': 1})})": "a setting of the task redundant must be",
    "Study('s', {'a': Variant(objective='noisy', objective_settings={'share': 'x'})})": "setting of the objective noisy must be",
    "Study('s', {'a': Variant(training=Training(images='x'))})": "images must be a whole number, got images='x'",
    "Study('s', {'a': Variant(canvas=Canvas(size=4))})": "size must be larger than glyph",
    "Study('s', {'a': Variant(canvas=Canvas(size=14))})": "must",
    "{'a': 1}": "a study's file must end in STUDY = Study(...)",
    "Study(": "got SyntaxError: '(' was never closed (s.py, line 3)",
    "1 / 0": "got ZeroDivisionError: division by zero (s.py, line 3)",
    "exit(0)": "a study's file must run, got SystemExit: 0",
}


@pytest.mark.parametrize("dry", ["", " --dry-run"])
@pytest.mark.parametrize("study", cases(STUDIES, "width='8'", "seeds='x'", "claims=5", "images='x'"))
def test_a_broken_study_is_told(place, capsys, study, dry):
    """A wrong name, type or number in a study must be told with the field's name, and nothing written, here or elsewhere."""
    (place / "s.py").write_text(HEAD + study + "\n")
    outside = set(place.parent.iterdir())
    ends_in(f"run s.py --source digits --out out{dry}", capsys, place, STUDIES[study])
    assert set(place.parent.iterdir()) == outside
