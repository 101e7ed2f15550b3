"""What is committed: a report leaves it as it is, unless it is told otherwise."""

import shutil
import subprocess

import pytest

from mixmnist import Options, Study, Variant, cli
from mixmnist.grid import sweep
from mixmnist.report import write_report
from mixmnist.report.committed import committed

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
TABLE = "tables/variants.csv"


def draw(_records, folder, *_rest):
    """Draws in no time: a figure that is committed, and the same in a format that is not."""
    (folder / "accuracy.png").write_text("new")
    (folder / "accuracy.svg").write_text("<svg/>")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A study in a git checkout, its records and an older report committed."""
    monkeypatch.setattr("mixmnist.report.draw_figures", draw)
    monkeypatch.setattr("mixmnist.page.making.draw_figures", draw)
    study = Study("tiny", {"perfect": Variant(origin="planted:perfect", probe_images=750)}, seeds=1)
    made = sweep.run(study, Options(source="stamps", out=str(tmp_path / "results"), device="cpu"), lambda _: None).folder
    write_report(made)
    (made / TABLE).write_text("older\n")
    (made / "figures" / "accuracy.png").write_text("older")
    (tmp_path / ".gitignore").write_text("*.svg\nexhibits/\nreport/\n.locks/\n")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "older"]):
        subprocess.run([*git, *words], cwd=tmp_path, check=True, capture_output=True)
    return made


def status(folder):
    """What git says has changed."""
    return subprocess.run(["git", "status", "--short"], cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.mark.slow
def test_a_report_leaves_what_is_committed(folder, capsys):
    """Without --force no committed file may change, what would differ must be named, and what is not committed be written."""
    (folder / "figures" / "accuracy.svg").unlink()
    assert cli.main(["report", str(folder)]) == 0
    assert status(folder) == ""
    said = capsys.readouterr().out
    assert "2 committed files are left as they are, though the records give others: " in said
    assert "accuracy.png, variants.csv; --force writes over them." in said
    assert (folder / "figures" / "accuracy.svg").is_file()
    assert (folder / "report" / "index.html").is_file()


@pytest.mark.slow
def test_force_writes_over_what_is_committed(folder):
    """With --force the report must be that of the records."""
    assert cli.main(["report", str(folder), "--force"]) == 0
    assert "perfect" in (folder / TABLE).read_text()
    assert (folder / "figures" / "accuracy.png").read_text() == "new"


@pytest.mark.slow
def test_a_committed_file_that_is_no_longer_written_stays(folder):
    """What an earlier report wrote and this one does not must not be taken away from a checkout."""
    (folder / "tables" / "old.csv").write_text("older\n")
    subprocess.run(["git", "add", "."], cwd=folder, check=True, capture_output=True)
    assert cli.main(["report", str(folder)]) == 0
    assert (folder / "tables" / "old.csv").read_text() == "older\n"


def test_outside_of_a_checkout_nothing_is_committed(tmp_path, monkeypatch):
    """Where there is no checkout, or no git, nothing counts as committed."""
    assert committed(tmp_path) == frozenset()
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert committed(tmp_path) == frozenset()
