"""Publishing that fails half-way: what was there is there again."""

import os
from itertools import count
from pathlib import Path

import pytest

from mixmnist.core import storage


def tree(folder):
    """Every file below a folder with its text, hidden ones too; locks do not count."""
    return {p.relative_to(folder).as_posix(): p.read_text() for p in folder.rglob("*") if p.is_file()}


def filled(text):
    """A function that fills a folder with one file."""
    return lambda folder: (folder / "result.txt").write_text(text)


@pytest.fixture
def breaking(monkeypatch):
    """Gives a function that makes the n-th renaming of a folder fail, those before and after it not."""

    def fail(number, error):
        calls = count(1)
        for name in ("rename", "replace"):
            real = getattr(os, name)

            def broken(source, target, *args, real=real, **kwargs):
                if Path(source).is_dir() and next(calls) == number:
                    raise error
                return real(source, target, *args, **kwargs)

            monkeypatch.setattr(os, name, broken)

    return fail


@pytest.mark.parametrize("keeps", [True, False])
@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("error", [OSError("disk gone"), KeyboardInterrupt()])
def test_a_rename_that_fails_is_undone(tmp_path, breaking, error, number, keeps):
    """Whichever renaming fails, by an error or an interrupt, the old folder must be back, and nothing else left."""
    storage.publish(tmp_path / "runs" / "one", filled("old"))
    breaking(number, error)
    with pytest.raises(type(error)):
        storage.publish(tmp_path / "runs" / "one", filled("new"), tmp_path / "replaced" if keeps else None)
    assert tree(tmp_path) == {"runs/one/result.txt": "old"}


def test_a_first_rename_that_fails_leaves_nothing(tmp_path, breaking):
    """Where nothing was there before, a renaming that fails must leave neither the folder nor its half."""
    breaking(1, OSError("disk gone"))
    with pytest.raises(OSError, match="disk gone"):
        storage.publish(tmp_path / "one", filled("new"))
    assert tree(tmp_path) == {}


def test_after_a_failure_the_same_call_does_it(tmp_path, breaking, monkeypatch):
    """What failed once must work when it is tried again, and keep the old content where that is asked for."""
    storage.publish(tmp_path / "runs" / "one", filled("old"))
    breaking(2, OSError("disk gone"))
    with pytest.raises(OSError, match="disk gone"):
        storage.publish(tmp_path / "runs" / "one", filled("new"), tmp_path / "replaced")
    storage.publish(tmp_path / "runs" / "one", filled("new"), tmp_path / "replaced")
    found = tree(tmp_path)
    assert found.pop("runs/one/result.txt") == "new"
    assert list(found.values()) == ["old"]


def test_a_lock_is_held_by_one(tmp_path):
    """While one holds a lock another must be told that it did not get it, and get it when it is given back."""
    place = tmp_path / "deep" / "one.lock"
    with storage.sole_right(place, 0.0) as mine:
        assert mine is True
        with storage.sole_right(place, 0.0) as theirs:
            assert theirs is False
    with storage.sole_right(place, 0.0) as again:
        assert again is True


def test_a_lock_is_given_back_after_an_error(tmp_path):
    """An error inside must not keep the lock."""
    with pytest.raises(RuntimeError, match="on purpose"), storage.sole_right(tmp_path / "one.lock", 0.0):
        raise RuntimeError("on purpose")
    with storage.sole_right(tmp_path / "one.lock", 0.0) as mine:
        assert mine


def test_a_reference_is_followed_wherever_both_are_moved(tmp_path):
    """A folder that refers to another must lead there, also after both were moved together; others lead to themselves."""
    here, there = tmp_path / "a" / "runs" / "one", tmp_path / "b" / "runs" / "two"
    there.mkdir(parents=True)
    storage.refer(here, there, tmp_path / "replaced")
    assert storage.follow(here) == there
    assert storage.follow(there) == there
    moved = tmp_path / "moved"
    moved.mkdir()
    for name in ("a", "b"):
        (tmp_path / name).rename(moved / name)
    assert storage.follow(moved / "a" / "runs" / "one") == moved / "b" / "runs" / "two"


def test_what_has_another_name_is_no_partial(tmp_path):
    """A hidden folder whose name only begins like a half-written one must stay, and be no error."""
    for name in (".one.partial-strange", ".two.partial-a-b-c", ".three.partial-machine-12"):
        (tmp_path / name).mkdir()
    storage.clear_partials(tmp_path)
    assert len(list(tmp_path.iterdir())) == 3


def test_a_place_for_replaced_folders_is_made_whole(tmp_path):
    """What is replaced must be kept however deep the place for it lies."""
    for text in ("old", "new"):
        storage.publish(tmp_path / "runs" / "one", filled(text), tmp_path / "kept" / "for" / "ever")
    (kept,) = (tmp_path / "kept" / "for" / "ever").iterdir()
    assert tree(kept) == {"result.txt": "old"}
