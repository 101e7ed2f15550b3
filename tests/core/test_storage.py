"""Storage: fingerprints that tell one thing from another, and folders that are there whole or not at all."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import mixmnist
from mixmnist.core import storage

HERE = storage._machine()  # how files name it


@pytest.fixture(scope="module")
def dead():
    """The id of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-S", "-c", ""])
    process.wait(timeout=30)
    return process.pid


def tree(folder):
    """Every path below a folder, relative to it, hidden ones too."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def filled(text):
    """A function that fills a folder with one file."""
    return lambda folder: (folder / "result.txt").write_text(text)


def test_a_fingerprint_is_pinned():
    """A fingerprint is the SHA-256 of the JSON text with sorted keys."""
    expected = "0acd2d90f0cd6e85fef729a57602a400"
    assert storage.fingerprint({"b": [1, 2.5], "a": "x"})[:32] == expected


def test_a_fingerprint_is_independent_of_key_order():
    """The order of keys, nested ones too, does not matter."""
    first = {"net": "convnet", "training": {"epochs": 3, "batch": 4}}
    second = {"training": {"batch": 4, "epochs": 3}, "net": "convnet"}
    assert storage.fingerprint(first) == storage.fingerprint(second)


@pytest.mark.parametrize("other", [{"a": 1, "b": [3, 2]}, {"a": 2, "b": [2, 3]}, {"a": 1, "c": [2, 3]}, {"a": 1}])
def test_a_fingerprint_tells_contents_apart(other):
    """A changed value, name, length or order of a list changes the fingerprint."""
    assert storage.fingerprint(other) != storage.fingerprint({"a": 1, "b": [2, 3]})


def test_a_fingerprint_refuses_what_is_no_number():
    """A number that is none has no fingerprint."""
    with pytest.raises(ValueError, match="JSON"):
        storage.fingerprint({"peak": float("nan")})


def test_json_has_null_for_numbers_that_are_none(tmp_path):
    """Not-a-number and infinity, however deep, become null; other values stay."""
    path = tmp_path / "scores.json"
    storage.write_json(path, {"a": [float("nan"), 0.5], "b": {"c": float("-inf"), "d": (1, "é", None, True)}})
    written = json.loads(path.read_text(encoding="utf-8"))
    assert written == {"a": [None, 0.5], "b": {"c": None, "d": [1, "é", None, True]}}


def test_publishing_makes_the_folder_with_its_content(tmp_path):
    """A published folder holds what was filled in, and nothing else is left beside it."""
    storage.publish(tmp_path / "runs" / "new", filled("new"), tmp_path / "replaced")
    assert tree(tmp_path) == ["runs", "runs/new", "runs/new/result.txt"]
    assert (tmp_path / "runs" / "new" / "result.txt").read_text() == "new"


def test_publishing_shows_nothing_before_it_is_whole(tmp_path):
    """While a folder is filled it is not there under its name."""
    seen = []

    def fill(partial):
        seen.append(((tmp_path / "new").exists(), partial.parent == tmp_path, list(partial.iterdir())))

    storage.publish(tmp_path / "new", fill, tmp_path / "replaced")
    assert seen == [(False, True, [])]


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_a_failed_fill_leaves_nothing(tmp_path, error):
    """If filling fails or is interrupted, neither the folder nor its half is left, and the error goes on."""

    def fill(partial):
        (partial / "half.txt").write_text("half")
        raise error

    with pytest.raises(type(error)):
        storage.publish(tmp_path / "new", fill, tmp_path / "replaced")
    assert tree(tmp_path) == []


def test_a_failed_fill_keeps_the_old_folder(tmp_path):
    """If filling fails, the folder that was there stays where and as it was."""
    storage.publish(tmp_path / "runs" / "one", filled("old"), tmp_path / "replaced")

    def fill(partial):
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        storage.publish(tmp_path / "runs" / "one", fill, tmp_path / "replaced")
    assert tree(tmp_path) == ["runs", "runs/one", "runs/one/result.txt"]
    assert (tmp_path / "runs" / "one" / "result.txt").read_text() == "old"


def test_an_old_folder_is_moved_to_replaced(tmp_path):
    """A folder that was there is kept, whole, among the replaced ones under its parent's and its own name."""
    for text in ("first", "second", "third"):
        storage.publish(tmp_path / "runs" / "one", filled(text), tmp_path / "replaced")
    assert (tmp_path / "runs" / "one" / "result.txt").read_text() == "third"
    kept = sorted((tmp_path / "replaced").iterdir())
    assert [folder.name.rsplit("-", 1)[0] for folder in kept] == ["runs-one", "runs-one"]
    assert [(folder / "result.txt").read_text() for folder in kept] == ["first", "second"]


def test_an_old_folder_that_can_be_made_again_is_dropped(tmp_path):
    """Without a place for replaced folders the new content takes the place of the old, and nothing else is left."""
    for text in ("first", "second"):
        storage.publish(tmp_path / "runs" / "one", filled(text))
    assert tree(tmp_path) == ["runs", "runs/one", "runs/one/result.txt"]
    assert (tmp_path / "runs" / "one" / "result.txt").read_text() == "second"


@pytest.mark.parametrize("kind", [str, Path])
def test_a_writable_folder_is_made(tmp_path, kind):
    """A folder that is not there is made with its parents, and left empty."""
    folder = storage.writable_folder(kind(tmp_path / "a" / "b"))
    assert folder == tmp_path / "a" / "b"
    assert tree(tmp_path) == ["a", "a/b"]


def test_a_writable_folder_keeps_its_content(tmp_path):
    """A folder that is there stays as it is."""
    (tmp_path / "old.txt").write_text("old")
    storage.writable_folder(tmp_path)
    assert tree(tmp_path) == ["old.txt"]


@pytest.mark.parametrize("below", ["", "sub", "sub/deeper"])
def test_a_file_is_no_folder(tmp_path, below):
    """A file, or a path below a file, is refused as a folder with the way out."""
    file = tmp_path / "file.txt"
    file.write_text("content")
    with pytest.raises(ValueError, match=r"out must be a folder, got the file .*file\.txt.* with --out\."):
        storage.writable_folder(file / below)
    assert file.read_text() == "content"


@pytest.mark.parametrize("step", ["mkdir", "touch"])
def test_a_folder_without_permission_is_refused(tmp_path, monkeypatch, step):
    """A folder that may not be made, or not be written to, is refused with its name and the way out."""

    def refuse(self, *args, **kwargs):
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, step, refuse)
    with pytest.raises(ValueError, match=r"out must be writable, got .*locked without permission\. .* with --out\."):
        storage.writable_folder(tmp_path / "locked")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_refused(tmp_path):
    """A folder whose mode forbids writing is refused."""
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    with pytest.raises(ValueError, match=r"out must be writable, got .*locked without permission"):
        storage.writable_folder(locked)


def test_any_other_trouble_with_a_folder_is_named(tmp_path, monkeypatch):
    """What the operating system says of a folder it cannot write is passed on."""

    def refuse(self, *args, **kwargs):
        raise OSError(errno.EROFS, "Read-only file system", str(self))

    monkeypatch.setattr(Path, "touch", refuse)
    with pytest.raises(ValueError, match=r"out must be writable, got .*disk with Read-only file system"):
        storage.writable_folder(tmp_path / "disk")


def test_partials_of_dead_processes_are_removed(tmp_path, dead):
    """What a dead process left half-written goes, at any depth and with all its content."""
    for place in (
        f".one.partial-{HERE}-{dead}-1",
        f"runs/.two.partial-{HERE}-{dead}-2",
        f"runs/deep/.three.partial-{HERE}-{dead}-3",
    ):
        (tmp_path / place / "sub").mkdir(parents=True)
        (tmp_path / place / "sub" / "half.txt").write_text("half")
    storage.clear_partials(tmp_path)
    assert tree(tmp_path) == ["runs", "runs/deep"]


def test_partials_of_living_processes_stay(tmp_path):
    """What a living process is writing stays."""
    place = tmp_path / f".one.partial-{HERE}-{os.getpid()}-1"
    place.mkdir()
    (place / "half.txt").write_text("half")
    storage.clear_partials(tmp_path)
    assert tree(tmp_path) == [place.name, f"{place.name}/half.txt"]


def test_partials_of_another_users_processes_stay(tmp_path, dead, monkeypatch):
    """A process we may not ask is alive, so what it is writing stays."""
    (tmp_path / f".one.partial-{HERE}-{dead}-1").mkdir()

    def refuse(pid, signal):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "kill", refuse)
    storage.clear_partials(tmp_path)
    assert tree(tmp_path) == [f".one.partial-{HERE}-{dead}-1"]


def test_clearing_partials_touches_nothing_else(tmp_path, dead):
    """Published folders, hidden ones too, stay when partials are cleared."""
    for place in ("runs/one", "runs/.hidden", f"runs/one.partial-{HERE}-{dead}-1"):
        (tmp_path / place).mkdir(parents=True)
    storage.clear_partials(tmp_path)
    assert tree(tmp_path) == ["runs", "runs/.hidden", "runs/one", f"runs/one.partial-{HERE}-{dead}-1"]


def test_what_publishing_leaves_behind_when_killed_is_cleared(tmp_path, dead, monkeypatch):
    """The half-written folder of a killed process has the name that is looked for."""
    monkeypatch.setattr(os, "getpid", lambda: dead)
    monkeypatch.setattr(storage.shutil, "rmtree", lambda *args, **kwargs: None)

    def fill(partial):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        storage.publish(tmp_path / "my-run", fill, tmp_path / "replaced")
    assert len(tree(tmp_path)) == 1
    monkeypatch.undo()
    storage.clear_partials(tmp_path)
    assert tree(tmp_path) == []


def test_what_dropping_leaves_behind_when_killed_is_cleared(tmp_path, dead, monkeypatch):
    """The old folder of a process killed while dropping it has a name that is looked for, too."""
    storage.publish(tmp_path / "my-run", filled("first"))
    monkeypatch.setattr(os, "getpid", lambda: dead)
    monkeypatch.setattr(storage.shutil, "rmtree", lambda *args, **kwargs: None)
    storage.publish(tmp_path / "my-run", filled("second"))
    assert len(list(tmp_path.iterdir())) == 2
    monkeypatch.undo()
    storage.clear_partials(tmp_path)
    assert tree(tmp_path) == ["my-run", "my-run/result.txt"]


@pytest.fixture
def order(monkeypatch):
    """Notes what is put on the disk and what is renamed, in order, by its last name; a partial's without its numbers."""
    seen, real = [], os.fsync

    def name(path):
        return Path(path).name.split("-")[0]

    def sync(handle):
        seen.append(("sync", name(Path(f"/proc/self/fd/{handle}").readlink())))
        real(handle)

    for verb in ("rename", "replace"):
        original = getattr(Path, verb)
        monkeypatch.setattr(
            Path, verb, lambda self, to, verb=verb, original=original: (seen.append((verb, name(to))), original(self, to))[1]
        )
    monkeypatch.setattr(os, "fsync", sync)
    return seen


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="the system does not tell which file a handle is of")
def test_what_is_published_is_on_the_disk_before_it_is_renamed(tmp_path, order):
    """Every file and folder must be synced before the rename, and the rename itself after it."""

    def fill(partial):
        (partial / "deep").mkdir()
        (partial / "deep" / "a.txt").write_text("a")
        (partial / "b.txt").write_text("b")

    storage.publish(tmp_path / "home" / "new", fill)
    place = order.index(("rename", "new"))
    assert set(order[:place]) == {("sync", name) for name in ("a.txt", "b.txt", "deep", ".new.partial")}
    assert order[place + 1 :] == [("sync", "home")]


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="the system does not tell which file a handle is of")
def test_json_is_on_the_disk_before_it_takes_the_place_of_the_old(tmp_path, order):
    """A JSON file must be synced before it is renamed."""
    (tmp_path / "a.json").write_text("old")
    storage.write_json(tmp_path / "a.json", {"a": 1})
    assert order[:2] == [("sync", ".a.json.partial"), ("replace", "a.json")]
    assert tree(tmp_path) == ["a.json"]


def test_a_full_disk_leaves_the_old_json(tmp_path, monkeypatch):
    """Where a JSON file cannot be written whole the old one must stay, and no half of the new one."""
    (tmp_path / "a.json").write_text("old")

    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        storage.write_json(tmp_path / "a.json", {"a": 1})
    assert (tree(tmp_path), (tmp_path / "a.json").read_text()) == (["a.json"], "old")


def test_a_damaged_json_is_written_anew(tmp_path):
    """Whatever bytes lie there, a JSON file must be written; a folder in its place is one sentence."""
    (tmp_path / "a.json").write_bytes(b"\xff\xfe")
    storage.write_json(tmp_path / "a.json", {"a": 1})
    assert json.loads((tmp_path / "a.json").read_text()) == {"a": 1}
    (tmp_path / "b.json").mkdir()
    with pytest.raises(ValueError, match=r"b\.json must be a file, got the folder .*b\.json\. Move it away"):
        storage.write_json(tmp_path / "b.json", {"a": 1})


def test_a_file_in_the_place_of_a_folder_is_replaced(tmp_path):
    """What lies where a folder goes that can be made again must give way, be it a file; nothing else may be left."""
    (tmp_path / "new").write_text("a file")
    storage.publish(tmp_path / "new", filled("new"))
    assert tree(tmp_path) == ["new", "new/result.txt"]


def test_half_files_of_dead_processes_are_removed(tmp_path, dead):
    """A file that a dead process left half-written goes as a folder does."""
    (tmp_path / f".a.json.partial-{HERE}-{dead}-1").write_text("half")
    storage.clear_partials(tmp_path)
    assert tree(tmp_path) == []


@pytest.mark.parametrize(
    "link", [b"{}", b"", b"[1]", b'{"as": 3}', b"\xff", b'{"as": "."}', b'{"as": "../nowhere"}', b'{"as": "../two"}']
)
def test_a_link_that_leads_nowhere_is_one_sentence(tmp_path, link):
    """A reference that cannot be read, leads to nothing, to itself or to another reference must be named."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / storage.SAME).write_bytes(link)
    with pytest.raises(ValueError, match=r"same\.json (must say where the runs are|leads to .*, where there are no runs)"):
        storage.follow(tmp_path / "one")


def test_asking_whether_a_process_lives_does_not_disturb_it(tmp_path, monkeypatch):
    """The process that is asked for may get no signal but the one that asks, which is 0."""
    asked = []
    monkeypatch.setattr(os, "kill", lambda *of: asked.append(of))
    (tmp_path / f".one.partial-{HERE}-{os.getpid()}-1").mkdir()
    storage.clear_partials(tmp_path)
    assert asked == [(os.getpid(), 0)]
    assert len(tree(tmp_path)) == 1


def test_the_package_is_found():
    """The folder of the package must be that of its modules, and the measured costs lie in it."""
    assert Path(mixmnist.__file__).parent == storage.PACKAGE
    assert storage.COSTS.is_file()
