"""Shelves: listed without importing them, chosen by name, unknown names answered with the nearest."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mixmnist.core import registry
from mixmnist.core.records import (
    Analysis,
    Dictionary,
    Generator,
    Kind,
    Labeller,
    Metric,
    Net,
    Objective,
    Plant,
    Ranking,
    Score,
    Source,
    Task,
    Way,
)

KINDS = {
    "tasks": Task,
    "sources": Source,
    "nets": Net,
    "objectives": Objective,
    "kinds": Kind,
    "metrics": Metric,
    "plants": Plant,
    "analyses": Analysis,
    "dictionaries": Dictionary,
    "scores": Score,
    "ways": Way,
    "labellers": Labeller,
    "generators": Generator,
    "planted": Generator,
    "rankings": Ranking,
}


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """A shelf in a folder of its own: two entries, a private file, and a file that is no Python."""
    folder = tmp_path / "mixmnist_test_shelf"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "pear.py").write_text("ENTRY = 'a pear'\n")
    (folder / "apple.py").write_text("ENTRY = 'an apple'\n")
    (folder / "_private.py").write_text("raise RuntimeError('private files are no entries')\n")
    (folder / "notes.txt").write_text("no entry\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(registry.SHELVES, "fruits", (folder.name, "ENTRY"))
    yield "fruits"
    for module in [name for name in sys.modules if name.split(".")[0] == folder.name]:
        del sys.modules[module]


def test_listing_imports_no_torch():
    """Every shelf can be listed by a process that never imports torch."""
    listing = (
        "import json, sys\n"
        "from mixmnist.core import registry\n"
        "print(json.dumps({'names': {s: registry.names(s) for s in registry.SHELVES}, 'torch': 'torch' in sys.modules}))"
    )
    answer = subprocess.run([sys.executable, "-c", listing], capture_output=True, text=True, check=True, timeout=60)
    told = json.loads(answer.stdout)
    assert told["torch"] is False
    assert told["names"] == {name: list(registry.names(name)) for name in KINDS}


def test_names_are_the_files_names_in_order():
    """The shelves of tasks and sources hold the entries we know, in alphabetical order."""
    assert set(registry.names("tasks")) >= {"pairs", "redundant"}
    assert set(registry.names("sources")) >= {"digits", "fashion", "file", "kmnist", "mnist", "qmnist"}
    assert list(registry.names("sources")) == sorted(registry.names("sources"))


def test_underscore_files_are_no_entries(shelf):
    """Files that begin with an underscore, and files that are no Python, are not listed."""
    assert registry.names(shelf) == ("apple", "pear")


def test_listing_imports_no_entry(shelf):
    """Listing a shelf leaves its entries unimported."""
    registry.names(shelf)
    assert not [name for name in sys.modules if name.startswith("mixmnist_test_shelf.")]


def test_choosing_gives_the_constant(shelf):
    """Choosing an entry gives the constant in which its file ends."""
    assert registry.choose(shelf, "pear") == "a pear"


def test_collecting_gives_every_entry(shelf):
    """Collecting a shelf gives every entry under its name, in alphabetical order."""
    assert list(registry.collect(shelf).items()) == [("apple", "an apple"), ("pear", "a pear")]


def test_a_private_file_cannot_be_chosen(shelf):
    """A private file is an unknown name, and is not run."""
    with pytest.raises(ValueError, match="must be a known name, got entry='_private'"):
        registry.choose(shelf, "_private")


@pytest.mark.parametrize("name", KINDS)
def test_every_entry_is_of_its_shelfs_kind(name):
    """Every entry of a shelf is a record of the shelf's kind and has a title."""
    entries = registry.collect(name)
    assert entries
    for entry in entries.values():
        assert isinstance(entry, KINDS[name])
        assert entry.title


WORDS = ("title", "axes", "chance", "ceiling", "concepts", "classes", "settings", "layers")


@pytest.mark.parametrize("name", KINDS)
def test_a_glimpse_says_what_the_entry_says(name):
    """What is read of an entry without its imports must be what the imported entry says: words, columns and docstring."""
    entries, seen = registry.collect(name), registry.glimpsed(name)
    assert list(seen) == list(entries)
    for entry, real in entries.items():
        for word in WORDS:
            if hasattr(real, word) and not callable(getattr(real, word)):
                assert getattr(seen[entry], word) == getattr(real, word), (entry, word)
        assert list(getattr(seen[entry], "columns", ())) == list(getattr(real, "columns", ()))
        assert registry.explain(name, entry) == (sys.modules[f"{registry.SHELVES[name][0]}.{entry}"].__doc__ or "")


def test_a_glimpse_that_says_nothing_is_no_glimpse(shelf):
    """An entry that is made by what was not imported must be loaded, another one must not."""
    folder = Path(sys.path[0]) / "mixmnist_test_shelf"
    (folder / "quince.py").write_text("import numpy\nENTRY = numpy.int8(3)\n")
    assert registry.glimpsed(shelf) == {"apple": "an apple", "pear": "a pear", "quince": 3}
    assert [name for name in sys.modules if name.startswith("mixmnist_test_shelf.")] == ["mixmnist_test_shelf.quince"]


def test_an_unknown_name_gets_the_nearest():
    """An unknown name is answered with the nearest known names and then with all of them."""
    with pytest.raises(ValueError, match=r"task must be a known name, got task='pars'\. Did you mean pairs") as caught:
        registry.choose("tasks", "pars")
    assert str(caught.value).endswith(f"Known: {', '.join(registry.names('tasks'))}.")


def test_the_nearest_come_in_order_of_nearness():
    """Of several near names the nearest is named first, and a far one not as a guess."""
    message = str(registry.nearest("task", "pairs", ["pain", "zebra", "pair"]))
    assert "Did you mean pair or pain? Known: pain, pair, zebra." in message


def test_a_name_near_nothing_gets_the_list_only():
    """A name that is near nothing is answered with the known names and no guess."""
    assert str(registry.nearest("net", "zzz", ["b", "a"])) == "net must be a known name, got net='zzz'. Known: a, b."


def test_an_empty_shelf_says_so():
    """Where nothing is known the message says none."""
    assert str(registry.nearest("net", "x", [])).endswith("Known: none.")


@pytest.mark.parametrize(
    ("name", "setting", "message"),
    [
        ("pairs", "q", r"the task pairs has no settings, got 'q'\. Leave it out\."),
        ("redundant", "p", r"a setting of the task redundant must be one of q, got 'p'\. Mend the name\."),
    ],
)
def test_a_setting_that_an_entry_has_not_is_refused(name, setting, message):
    """A setting's name must be answered with those that the entry has, or that it has none."""
    with pytest.raises(ValueError, match=message):
        registry.check_settings("tasks", name, [setting])
    registry.check_settings("tasks", "redundant", ["q"])
