"""Studies are found by path and by name, from anywhere."""

from pathlib import Path

import pytest

from mixmnist.core import studies
from mixmnist.core.studies import load_study, study_files


@pytest.mark.parametrize(
    ("text", "message"),
    [("x = 1", "must end in STUDY = Study"), ("1 / 0", "a study's file must run, got ZeroDivisionError")],
)
def test_a_study_file_that_defines_none_is_refused(tmp_path, text, message):
    """A file that does not run or has no STUDY must be refused with the line to add."""
    path = tmp_path / "mine.py"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        load_study(str(path))


def test_an_unknown_study_names_the_nearest():
    """A name that no study has must be answered with the nearest names."""
    with pytest.raises(ValueError, match=r"study must be a known name, got study='sanit'\. Did you mean sanity or"):
        load_study("sanit")


def test_shipped_studies_have_names_everywhere(tmp_path, monkeypatch):
    """Outside the repository the studies of the package must be known by name, and scripts beside them must not."""
    monkeypatch.chdir(tmp_path)
    assert {"sanity", "usefulness", "demo", "trust"} <= set(study_files())
    assert "coverage" not in study_files()
    assert load_study("demo")[0] == "demo"


def test_a_study_in_the_working_folder_comes_first(tmp_path, monkeypatch):
    """A study in ./benchmarks must be taken before the shipped one of the same name."""
    (tmp_path / "benchmarks").mkdir()
    text = "from mixmnist import Study, Variant\nSTUDY = Study('mine', {'only': Variant()}, seeds=3)\n"
    (tmp_path / "benchmarks" / "sanity.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    assert load_study("sanity")[1].title == "mine"
    assert study_files()["usefulness"].parent != Path("benchmarks")


def test_an_installed_package_finds_its_studies_among_its_files(tmp_path, monkeypatch):
    """Where the package does not lie in its repository, its studies must be found by the list of installed files."""
    share = tmp_path / "share" / "mixmnist" / "benchmarks"
    share.mkdir(parents=True)
    (share / "small.py").write_text("STUDY = 1\n")

    class Installed(type(Path())):
        def locate(self):
            return tmp_path / self

    files = [Installed("mixmnist/py.typed"), Installed("share/mixmnist/benchmarks/small.py")]
    monkeypatch.setattr("importlib.metadata.files", lambda _: files)
    monkeypatch.setattr(studies, "PACKAGE", tmp_path / "site-packages" / "mixmnist")
    monkeypatch.chdir(tmp_path)
    assert study_files() == {"small": share.resolve() / "small.py"}


@pytest.mark.plain
@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("Variant(taks='pairs')", r"got Variant has no field 'taks'; did you mean task\? Its fields: task, task_settings"),
        (
            "Variant(training=Training(epoch=3))",
            r"got Training has no field 'epoch'; did you mean epochs\? Its fields: images, epochs",
        ),
        ("Variant(zzz=1)", r"got Variant has no field 'zzz'. Its fields: task"),
    ],
)
def test_a_wrong_field_is_answered_with_those_there_are(tmp_path, call, message):
    """A slip in a field's name must be answered with the nearest field, all fields, and the file's line."""
    path = tmp_path / "mine.py"
    path.write_text(f"from mixmnist import Study, Training, Variant\nSTUDY = Study('mine', {{'only': {call}}})\n")
    with pytest.raises(ValueError, match=message) as caught:
        load_study(str(path))
    assert f"({path}, line 2). Mend the file." in str(caught.value)
