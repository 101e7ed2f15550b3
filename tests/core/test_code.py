"""The digest of code: it sees every change of what is reached, and nothing else."""

import pytest

from mixmnist.core import code
from mixmnist.core.code import digest
from mixmnist.core.pieces import Root

ONE = '''
"""Words."""
from mixmnist import two
from mixmnist.three import deep, Thing as Other
import torch.nn.functional as F

STEPS = 3


def used(x):
    """More words."""
    from mixmnist.lazy import late

    return deep(x) + two.helped(x) + STEPS + late + F.relu(x)


def thing():
    return Other().taken()


def aside():
    return 0


ENTRY = used
'''
TWO = """
def helped(x):
    return x


def idle(x):
    return -x
"""
THREE = """
from mixmnist.core.entries import Noun


def deep(x: Noun) -> int:
    return x.double()


class Thing:
    field = 1

    def taken(self):
        return getattr(self, 'named')

    def named(self):
        return 1

    def left(self):
        return 2
"""
ENTRIES = """
class Noun:
    size: int = 1

    def double(self):
        return 2 * self.size

    def unused(self):
        return 0
"""
OWN = """
import mixmnist.lazy
from beside import make
from mixmnist.two import helped

class Any:
    def never_named(self):
        return 5

import math; import os; TWO = 2
TASK = helped, make, mixmnist.lazy.late


def aside():
    return 0
"""
PAIR = """
class A:
    def f(self):
        return 1


class B:
    def f(self):
        return 2


both = A().f() + B().f()
"""
PACKAGE = {
    "__init__.py": "",
    "one.py": ONE,
    "two.py": TWO,
    "three.py": THREE,
    "lazy.py": "late = 1\n",
    "core/entries.py": ENTRIES,
    "core/registry.py": "SHELVES = 1\n",
}
ROOTS = (Root("mixmnist.one", "ENTRY"),)


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A small package in place of ours; gives a function that changes a file and sums up again."""
    monkeypatch.setattr(code, "HOME", tmp_path)
    for name, text in PACKAGE.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)

    def summed(*changes, roots=ROOTS):
        for name, old, new in changes:
            text = (tmp_path / name).read_text()
            assert old in text
            (tmp_path / name).write_text(text.replace(old, new))
        code._read.cache_clear()
        code._digest.cache_clear()
        return digest(roots)

    yield summed
    code._read.cache_clear()
    code._digest.cache_clear()


@pytest.mark.parametrize(
    "change",
    [
        ("one.py", "STEPS = 3", "STEPS = 4"),
        ("one.py", "+ STEPS +", "- STEPS +"),
        ("two.py", "return x\n", "return x + 1\n"),
        ("three.py", "return x.double()", "return x.double() + 1"),
        ("core/entries.py", "2 * self.size", "3 * self.size"),
        ("lazy.py", "late = 1", "late = 2"),
        ("one.py", "import torch.nn.functional as F", "import torch as F"),
    ],
)
def test_a_change_of_what_is_reached_is_seen(package, change):
    """Code in a root, in what it names, in what that names, in methods that are taken, and another library must count."""
    assert package() != package(change)


@pytest.mark.parametrize(
    "change",
    [
        ("one.py", "Words", "Other words"),
        ("one.py", "More words", "Fewer"),
        ("one.py", "STEPS = 3", "# why\nSTEPS = 3  # three\n\n"),
        ("one.py", "def aside():\n    return 0", "def aside():\n    return 1"),
        ("two.py", "return -x", "return 0"),
        ("core/entries.py", "size: int = 1", "size: int = 2\n    colour: str = ''"),
        ("core/entries.py", "return 0", "return 1"),
        ("three.py", "return 2", "return 3"),
        ("core/registry.py", "SHELVES = 1", "SHELVES = 2"),
    ],
)
def test_a_change_of_anything_else_is_not_seen(package, change):
    """Words, helpers beside, fields of plain data, methods that nothing takes and what is cut must not count."""
    assert package() == package(change)


def test_methods_count_where_they_are_mentioned(package):
    """A method must count when its name is taken or stands as text; one that nothing mentions must not."""
    roots = (Root("mixmnist.one", "thing"),)
    before = package(roots=roots)
    assert package(("three.py", "return 2", "return 3"), roots=roots) == before
    assert package(("three.py", "return 1", "return 4"), roots=roots) != before
    between = package(roots=roots)
    assert package(("three.py", "field = 1", "field = 2"), roots=roots) != between


def test_a_move_is_not_seen(package, tmp_path):
    """A file that is moved, its imports following, must leave the digest."""
    before = package()
    (tmp_path / "rooms").mkdir()
    (tmp_path / "three.py").rename(tmp_path / "rooms" / "drei.py")
    assert package(("one.py", "mixmnist.three", "mixmnist.rooms.drei")) == before


def test_names_that_are_handed_on_are_followed(package, tmp_path):
    """A name imported from a package that took it from elsewhere must lead to where it is defined."""
    before = package()
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "__init__.py").write_text("from mixmnist.three import deep, Thing\n")
    assert package(("one.py", "from mixmnist.three import", "from mixmnist.inner import")) == before


def test_two_names_that_change_places_are_seen(package):
    """The same code under swapped names is other code."""
    roots = (Root("mixmnist.two"),)
    before = package(("two.py", "def idle", "both = helped, idle\n\n\ndef idle"), roots=roots)
    swapped = [("two.py", "def helped", "def third"), ("two.py", "def idle", "def helped"), ("two.py", "def third", "def idle")]
    assert package(*swapped, roots=roots) != before


def test_a_file_of_ones_own_counts_whole(package, tmp_path):
    """All of a file outside of the package must count, and what it takes from the package."""
    own = tmp_path / "own.py"
    own.write_text(OWN)
    (tmp_path / "beside.py").write_text("def make():\n    return 1\n")
    sums = [digest([code.entry("tasks", str(own))])]
    for change in (
        ("own.py", "return 0", "return 1"),
        ("own.py", "return 5", "return 6"),
        ("own.py", "; TWO = 2", "; TWO = 3"),
        ("two.py", "return x\n", "return x + 1\n"),
        ("lazy.py", "late = 1", "late = 2"),
        ("beside.py", "return 1", "return 2"),
    ):
        package(change)
        sums.append(digest([code.entry("tasks", str(own))]))
    assert len(set(sums)) == len(sums)


def test_a_file_of_ones_own_is_read_each_time(package, tmp_path):
    """A file that is edited while the program runs must have another digest, nothing being forgotten by hand."""
    own = tmp_path / "own.py"
    own.write_text("TASK = 1\n")
    before = digest([code.entry("tasks", str(own))])
    own.write_text("TASK = 2\n")
    assert digest([code.entry("tasks", str(own))]) != before


@pytest.mark.parametrize("line", ["from mixmnist.two import *", "from . import two", "from .two import helped"])
def test_imports_that_cannot_be_followed_are_refused(package, tmp_path, line):
    """A star or a dot must be told with its line, not passed over."""
    own = tmp_path / "own.py"
    own.write_text(f"x = 1\n{line}\n")
    with pytest.raises(ValueError, match="code must import from mixmnist by name, got a dot or a star in line 2"):
        digest([code.entry("tasks", str(own))])


def test_what_runs_when_a_package_is_imported_counts(package, tmp_path):
    """A statement at the top of a package around a module that is reached must count, as one in the module itself."""
    (tmp_path / "core" / "__init__.py").write_text("")
    before = package(roots=(Root("mixmnist.core.entries", "Noun"),))
    (tmp_path / "core" / "__init__.py").write_text("import torch\ntorch.set_flush_denormal(True)\n")
    between = package(roots=(Root("mixmnist.core.entries", "Noun"),))
    assert between != before


def test_methods_that_change_places_are_seen(package, tmp_path):
    """Two classes that swap the bodies of a method must be told apart."""
    (tmp_path / "pair.py").write_text(PAIR)
    roots = (Root("mixmnist.pair", "both"),)
    before = package(roots=roots)
    swap = [("return 1", "return 3"), ("return 2", "return 1"), ("return 3", "return 2")]
    assert package(*(("pair.py", *change) for change in swap), roots=roots) != before


def test_a_root_that_is_not_there_is_refused(package):
    """A name or a module that does not exist must not count as nothing."""
    for root in (Root("mixmnist.one", "gone"), Root("mixmnist.gone", "x")):
        with pytest.raises(ValueError, match="code must be there to be summed up, got no"):
            package(roots=(root,))


def test_a_digest_is_pinned(package):
    """The same sources must have the same digest on every machine and under every version of Python: records travel."""
    assert package()[:32] == "9caa3b04445aa7427e5d201a6e0f3034"
