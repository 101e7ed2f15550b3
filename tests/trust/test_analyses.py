"""Analyses: made once from what is recorded, whole or not at all; what they say of runs is part of a study's tables."""

import json
import shutil

import pandas as pd
import pytest

from mixmnist import Options, Study, Variant, cli, run
from mixmnist.core import sums
from mixmnist.core.records import Analysis
from mixmnist.report.reading import read_study
from mixmnist.trust import analyse, verdicts
from mixmnist.trust._networks import recorded

PLANTED = Variant(origin="planted:perfect", probe_images=750)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A study of one planted network with one seed, recorded."""
    out = tmp_path_factory.mktemp("analyses")
    study = Study("planted", {"perfect": PLANTED}, seeds=1, analyses=("verdicts",))
    return run(study, Options(source="stamps", out=str(out), device="cpu"), tell=lambda _: None).folder


@pytest.fixture
def shelf(monkeypatch):
    """Puts an analysis in place of those of the shelf, which notes when it is made."""
    made = []

    def note(folder, out, root):
        made.append((folder, root))
        pd.DataFrame({"variant": ["perfect"], "seed": [0], "noted": [7.5]}).to_csv(out / "runs.csv", index=False)
        (out / "summary.md").write_text("It is noted.\n")

    monkeypatch.setattr("mixmnist.trust.registry.choose", lambda shelf, name: Analysis("A note", note))
    return made


def test_an_analysis_is_made_once(folder, shelf):
    """The second time it must say so and do nothing; when a record has changed it must be made again."""
    said = []
    analyse(folder, "root", said.append)
    analyse(folder, "root", said.append)
    assert shelf == [(folder, "root")]
    assert "It is noted.\n" in said
    assert said[-1].endswith("already made")
    record = recorded(folder)[0].place / "record.json"
    before = record.read_text()
    sums.write_sealed(record, json.loads(before) | {"weights_sha256": "another"})
    analyse(folder, "root", said.append)
    record.write_text(before)
    assert len(shelf) == 2


def test_an_analysis_that_is_being_written_is_not_read(folder):
    """What another process writes at this moment, under a name of its own, is neither read nor called damaged."""
    partial = folder / "analyses" / ".verdicts.partial-elsewhere-1-2"
    partial.mkdir(parents=True)
    try:
        (partial / "runs.csv").write_text("variant,seed,noted\nperfect,0,9.5\n")
        records = read_study(folder)
        assert records.damaged == ()
        assert "noted" not in records.runs or 9.5 not in records.runs["noted"].to_list()
    finally:
        shutil.rmtree(partial)


@pytest.mark.parametrize("name", ["runs.csv", "summary.md", "analysis.json"])
@pytest.mark.parametrize("damage", ["", "variant,seed,noted\nperfect,0,9.5\n", "{}", None])
def test_a_damaged_analysis_is_made_again(folder, shelf, name, damage):
    """Where a file of an analysis was cut, edited or lost it must be left out of tables, told by its name, and be made again."""
    analyse(folder, None, lambda _: None)
    before, path = len(shelf), folder / "analyses" / "verdicts" / name
    path.unlink() if damage is None else path.write_text(damage)
    records = read_study(folder)
    if name != "analysis.json" or damage != "{}":  # which is a record of a former layout
        assert [sentence for sentence in records.damaged if str(path) in sentence]
    assert ("noted" in records.runs) == (name == "summary.md" or (name == "analysis.json" and damage == "{}"))
    said = []
    analyse(folder, None, said.append)
    assert len(shelf) == before + 1
    assert read_study(folder).damaged == ()
    if name != "analysis.json" or damage != "{}":
        assert str(path) in said[0]


def test_what_it_says_of_runs_is_in_the_runs_table(folder, shelf):
    """A column of an analysis must stand beside the scores of its run."""
    analyse(folder, None, lambda _: None)
    assert read_study(folder).runs["noted"].tolist() == [7.5]


def test_an_analysis_that_breaks_leaves_nothing_half_made(folder, shelf, monkeypatch):
    """What was there before must still be there, and no temporary folder."""
    analyse(folder, None, lambda _: None)
    before = (folder / "analyses" / "verdicts" / "summary.md").read_text()

    def broken(folder, out, root):
        (out / "half.csv").write_text("a,b")
        raise ValueError("no")

    monkeypatch.setattr("mixmnist.trust.registry.choose", lambda shelf, name: Analysis("Broken", broken))
    monkeypatch.setattr("mixmnist.trust.code.digest", lambda _: "other code")
    with pytest.raises(ValueError, match="no"):
        analyse(folder, None, lambda _: None)
    assert (folder / "analyses" / "verdicts" / "summary.md").read_text() == before
    assert [p.name for p in (folder / "analyses").iterdir()] == ["verdicts"]


def test_a_study_with_an_unknown_analysis_is_refused(tmp_path):
    """The sweep must name the nearest before anything is run."""
    study = Study("planted", {"perfect": PLANTED}, seeds=1, analyses=("verdict",))
    with pytest.raises(ValueError, match=r"analysis must be a known name, got analysis='verdict'\. Did you mean verdicts"):
        run(study, Options(source="stamps", out=str(tmp_path), device="cpu"))


@pytest.mark.slow
def test_verdicts_of_a_planted_network_are_printed(tmp_path, capsys):
    """The command must run the study and print how many of the values that were written down are right: all."""
    study = tmp_path / "planted.py"
    study.write_text(
        "from mixmnist import Study, Variant\n"
        "one = Variant(origin='planted:perfect', probe_images=2_700)\n"
        "STUDY = Study('planted', {'perfect': one}, seeds=1, analyses=('verdicts',))\n"
    )
    assert cli.main(["run", str(study), "--source", "stamps", "--out", str(tmp_path / "out"), "--device", "cpu"]) == 0
    table = pd.read_csv(tmp_path / "out/planted/stamps/analyses/verdicts/verdicts.csv")
    assert len(table) > 100
    assert table["right"].all()
    assert "max_class_drop" in set(table["column"])
    assert "Scores of planted networks that are right" in capsys.readouterr().out


def test_drops_of_classes_are_not_judged_where_a_class_may_not_count(tmp_path):
    """A class of fewer than 30 images counts for nothing and a right drop would look wrong: it is left out, which is said."""
    two = Study("two", {"perfect": PLANTED}, seeds=2)
    folder = run(two, Options(source="stamps", out=str(tmp_path / "out"), device="cpu"), tell=lambda _: None).folder
    verdicts.run(folder, tmp_path, None)
    table = pd.read_csv(tmp_path / "verdicts.csv")
    assert table["right"].all()
    assert "max_class_drop" not in set(table["column"])
    assert (tmp_path / "verdicts.md").read_text().count("Not judged of perfect: max_class_drop, as some") == 1  # for both seeds


def test_runs_that_are_recorded_elsewhere_are_referred_to(folder, tmp_path):
    """With --refer the same configuration in another folder of results must not be run again."""
    study, said = Study("again", {"mine": PLANTED}, seeds=1), []
    options = Options(source="stamps", out=str(tmp_path), device="cpu", refer=str(folder.parents[1]))
    found = run(study, options, tell=said.append)
    assert said == ["again stamps mine s0-0: the same runs as planted stamps perfect s0-0"]
    assert read_study(found.folder).runs["accuracy"].tolist() == read_study(folder).runs["accuracy"].tolist()


def test_referring_to_nothing_is_refused(tmp_path):
    """A folder that is not there must be refused in a sentence."""
    options = Options(source="stamps", out=str(tmp_path), device="cpu", refer=str(tmp_path / "none"))
    with pytest.raises(ValueError, match=r"refer must be a folder of results, got .* which is none"):
        run(Study("again", {"mine": PLANTED}, seeds=1), options)


def test_an_analysis_of_ones_own_leaves_its_file_alone(folder, tmp_path):
    """An analysis that is named by its path must write into the study's folder by its file's name, not where its file lies."""
    own = tmp_path / "noted.py"
    text = (
        "from mixmnist.core.records import Analysis\n"
        "def note(folder, out, root):\n    (out / 'summary.md').write_text('Noted.\\n')\n"
        "ANALYSIS = Analysis('A note', note)\n"
    )
    own.write_text(text)
    said = json.loads((folder / "study.json").read_text())
    sums.write_sealed(folder / "study.json", said | {"analyses": [str(own)]}, beside=False)
    analyse(folder, None, lambda _: None)
    sums.write_sealed(folder / "study.json", said, beside=False)
    assert own.read_text() == text
    assert (folder / "analyses" / "noted" / "summary.md").read_text() == "Noted.\n"
