"""Sums: a file that is not as it was written is told, and so is each that is missing beside it."""

import json
import shutil

import pytest

from mixmnist.core import sums


@pytest.fixture
def sealed(tmp_path):
    """A sealed file with two tables and a drawing beside it."""
    (tmp_path / "a.csv").write_text("x\n1\n")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "b.csv").write_text("y\n2\n")
    (tmp_path / "drawn.svg").write_text("<svg/>")
    sums.write_sealed(tmp_path / "all.json", {"accuracy": 0.1 + 0.2, "none": float("nan"), "pair": (1, 2), "by": {7: "seven"}})
    return tmp_path / "all.json"


def test_what_was_written_is_read(sealed):
    """Content must come back with its seal and the sums of the files beside it, drawings apart; nothing is wrong with it."""
    content = sums.read_sealed(sealed)
    assert (content["accuracy"], content["none"], content["pair"], content["by"]) == (0.1 + 0.2, None, [1, 2], {"7": "seven"})
    assert list(content["files"]) == ["a.csv", "deep/b.csv"]
    assert content["files"]["a.csv"] == sums.sha256(sealed.parent / "a.csv")
    assert sums.trouble(sealed) is None


def test_other_spaces_and_another_order_are_no_damage(sealed):
    """The same names and values must pass, however they are laid out."""
    content = json.loads(sealed.read_text())
    sealed.write_text(json.dumps(dict(reversed(content.items()))))
    assert sums.trouble(sealed) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.update(accuracy=0.3),
        lambda c: c.pop("pair"),
        lambda c: c.update(more=1),
        lambda c: c["files"].update({"a.csv": "0" * 64}),
        lambda c: c.update(seal="0" * 64),
    ],
)
def test_another_content_is_damage(sealed, change):
    """A number changed by one in its last digit, a name lost or added, another sum or seal must be refused."""
    content = json.loads(sealed.read_text())
    change(content)
    sealed.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"all\.json is not as it was written"):
        sums.read_sealed(sealed)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda p: p.write_bytes(p.read_bytes()[:-1]), "is not as it was written"),
        (lambda p: p.unlink(), "is gone"),
        (lambda p: (p.unlink(), p.mkdir()), "is a folder"),
    ],
)
def test_each_file_beside_it_is_told(sealed, damage, words):
    """What is cut, gone or a folder must be told by its path; of files that are not asked for nothing."""
    path = sealed.parent / "deep" / "b.csv"
    damage(path)
    assert sums.trouble(sealed) == f"{path} {words}"
    assert sums.trouble(sealed, ["a.csv"]) is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it is empty"),
        (b'{"a": 1', "it is not whole JSON"),
        (b"\xff\xfe", "it is not UTF-8"),
        (b"[1]", "it must hold names and values, got a list"),
        (b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}", "it is not whole JSON"),
    ],
)
def test_what_is_no_file_of_ours_is_one_sentence(tmp_path, content, words):
    """Anything else must be named with the reason, lists nested beyond all measure too."""
    path = tmp_path / "some.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"^{path} cannot be read \({words}"):
        sums.read_json(path)


def test_a_file_that_is_not_there_is_one_sentence(tmp_path):
    """A file that is missing, or a folder in its place, must be named."""
    assert sums.trouble(tmp_path / "none.json") == f"{tmp_path / 'none.json'} cannot be read (it is not there)"
    (tmp_path / "dir.json").mkdir()
    assert sums.trouble(tmp_path / "dir.json") == f"{tmp_path / 'dir.json'} cannot be read (it is a folder)"


def test_a_file_without_a_seal_is_of_a_former_layout(sealed):
    """What was written before there were seals must be read as it stands, and known as such."""
    content = json.loads(sealed.read_text())
    del content["seal"]
    sealed.write_text(json.dumps(content))
    assert sums.trouble(sealed) is None
    assert not sums.is_sealed(content)


def test_a_folder_that_was_moved_is_whole(sealed, tmp_path_factory):
    """Sums must hold wherever the folder lies."""
    moved = shutil.copytree(sealed.parent, tmp_path_factory.mktemp("moved") / "there")
    assert sums.trouble(moved / "all.json") is None


@pytest.mark.parametrize(
    ("name", "content", "lacking"),
    [
        ("study.json", {}, "title and claims"),
        ("study.json", {"title": "T", "claims": 5}, "claims"),
        ("evaluation.json", {}, "title and notes"),
        ("evaluation.json", {"title": "T", "notes": 3}, "notes"),
    ],
)
def test_what_says_too_little_is_named(tmp_path, name, content, lacking):
    """A file without a seal that does not say what a folder of results is must be one sentence, not an error further on."""
    (tmp_path / name).write_text(json.dumps(content))
    said = f"{tmp_path / name} cannot be read (it does not say its {lacking})"
    assert sums.trouble(tmp_path / name) == said
    assert any(sentence.startswith(said) for sentence in sums.troubles(tmp_path))
