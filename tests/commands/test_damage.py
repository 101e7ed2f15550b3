"""Results that were damaged: every kind of file, every kind of damage, every command that reads it."""

import json
import re
import shutil
from pathlib import Path

import pytest

from mixmnist import Options, cli
from mixmnist.core import sums
from mixmnist.grid import sweep
from mixmnist.page import making
from mixmnist.page.exhibit import load
from mixmnist.report import write_report
from mixmnist.trust import analyse

STUDY = """
from mixmnist import Study, Variant
STUDY = Study("harmed", {"perfect": Variant(origin="planted:perfect", probe_images=750)}, seeds=1, analyses=("verdicts",))
"""
TWIN = """
from mixmnist import Study, Variant
STUDY = Study("twin", {"same": Variant(origin="planted:perfect", probe_images=750)}, seeds=1)
"""
RUN = "harmed/stamps/runs/perfect/s0-0/s0"
FILES = {  # each kind of file, and the commands that must mend it or name it
    f"{RUN}/record.json": "run report page verify index",
    f"{RUN}/units.csv": "run report page verify index",
    f"{RUN}/concepts.csv": "run report page verify index",
    f"{RUN}/curves.csv": "run report page verify index",
    f"{RUN}/top.npz": "run report page verify index",
    f"{RUN}/weights.safetensors": "run report page verify index",
    "twin/stamps/runs/same/s0-0/same.json": "twin index",
    "harmed/stamps/study.json": "run report page verify index",
    "harmed/stamps/analyses/verdicts/verdicts.csv": "run report page verify index",
    "harmed/stamps/analyses/verdicts/analysis.json": "run report page verify index",
    "harmed/stamps/tables/runs.csv": "run report verify",
    "harmed/stamps/figures/best_alignment.csv": "run report",
    "harmed/stamps/figures/best_alignment.svg": "run report page",
    "harmed/stamps/exhibits/perfect.npz": "run report page",
    "harmed/stamps/annotations/units.csv": "run report page verify index",
    "harmed/stamps/annotations/agreement.csv": "run report page verify index",
}


def cut(path):
    """Leaves the first half."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def edit(path):
    """Puts another digit in place of the first one of a number in the middle, or another byte where there is none.

    A digit far behind the point would be rounding, which a report's tables may differ by.
    """
    content = bytearray(path.read_bytes())
    digits = [place for place in range(1, len(content)) if re.fullmatch(rb"[^\d.]\d", content[place - 1 : place + 1])]
    place = digits[len(digits) // 2] if path.suffix in (".json", ".csv", ".svg") and digits else len(content) // 2
    content[place] = ord("1") if content[place] != ord("1") else ord("2")
    path.write_bytes(bytes(content))


def into_a_folder(path):
    """Puts a folder of that name in its place."""
    path.unlink()
    path.mkdir()


DAMAGES = {
    "cut": cut,
    "empty": lambda path: path.write_bytes(b""),
    "edited": edit,
    "not UTF-8": lambda path: path.write_bytes(b"\xff\xfe\x00\x80" * 5),
    "another type": lambda path: path.write_bytes(b"[[1, 2], 3]"),
    "a folder": into_a_folder,
    "gone": Path.unlink,
}


def draw(_records, folder, *_rest):
    """Draws a figure in no time."""
    (folder / "best_alignment.csv").write_text("a,b\n1,2\n")
    (folder / "best_alignment.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'><text>12</text></svg>")


@pytest.fixture(autouse=True)
def _no_figures(monkeypatch):
    """Figures take seconds and have tests of their own."""
    for place in ("mixmnist.page.making.draw_figures", "mixmnist.report.draw_figures"):
        monkeypatch.setattr(place, draw)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Results of a study with all that can lie beside it, and of another that refers to its runs."""
    out = tmp_path_factory.mktemp("whole") / "results"
    study, twin = out.parent / "harmed.py", out.parent / "twin.py"
    study.write_text(STUDY)
    twin.write_text(TWIN)
    options = Options(source="stamps", out=str(out), device="cpu")
    with pytest.MonkeyPatch.context() as patch:
        for place in ("mixmnist.page.making.draw_figures", "mixmnist.report.draw_figures"):
            patch.setattr(place, draw)
        folder = sweep.run(str(study), options, lambda _: None).folder
        analyse(folder, None, lambda _: None)
        write_report(folder)
        making.make_page([folder], folder / "report", None, lambda _: None)
        fingerprint = load(folder / "exhibits" / "perfect.npz").fingerprint
        said = {"exhibit": "perfect, seed 0", "layer": "conv3", "fingerprint": fingerprint, "category": "", "shown": 12}
        units = [said | {"unit": unit, "concept": "3", "misfits": list(range(unit))} for unit in range(5)]
        labels = out.parent / "labels.json"
        labels.write_text(json.dumps({"kind": "mixmnist annotations", "units": units}))
        making.annotate(folder, labels)
        making.make_page([folder], folder / "report", None, lambda _: None)
        sweep.run(str(twin), options, lambda _: None)
    return out.parent


@pytest.fixture
def home(whole, tmp_path):
    """A copy to damage."""
    return shutil.copytree(whole, tmp_path / "copy")


def command(name, home):
    """Calls a command on the results."""
    folder = home / "results" / "harmed" / "stamps"
    where = ["--source", "stamps", "--device", "cpu", "--out", str(home / "results")]
    return cli.main(
        {
            "run": ["run", str(home / "harmed.py"), *where],
            "twin": ["run", str(home / "twin.py"), *where],
            "report": ["report", str(folder)],
            "page": ["page", str(folder)],
            "verify": ["verify", str(folder)],
            "index": ["index", str(home / "results")],
        }[name]
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", ["run", "twin", "report", "page", "verify", "index"])
def test_sound_results_pass_every_command(home, name, capsys):
    """Of results that nobody touched no command may complain, and none may change what is recorded."""
    before = {path: path.read_bytes() for path in (home / "results").glob("*/*/runs/**/*.*") if path.is_file()}
    assert command(name, home) == 0, capsys.readouterr()
    assert "WARNING: 1 of the runs" not in capsys.readouterr().out
    assert {path: path.read_bytes() for path in (home / "results").glob("*/*/runs/**/*.*") if path.is_file()} == before


CASES = [(file, name) for file, names in FILES.items() for name in names.split()]


@pytest.mark.slow
@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize(("file", "name"), CASES, ids=["/".join((*file.split("/")[-2:], name)) for file, name in CASES])
def test_damage_is_mended_or_named(home, file, damage, name, capsys):
    """Whatever is damaged, a command that has to do with it must make it again or name it in a sentence and not end with 0."""
    path = home / "results" / file
    before = path.read_bytes()
    DAMAGES[damage](path)
    code = command(name, home)
    said = "".join(capsys.readouterr())
    assert "Traceback" not in said
    named = code != 0 and (path.name in said or path.parent.name in said)
    mended = code == 0 and is_mended(path, before, (home / "results" / "harmed" / "stamps" / "report"))
    assert named or mended, (code, said)


def is_mended(path, before, page):
    """Says whether a file is as it was, but for times and the order of sums; a page's figures need only be whole in the page."""
    if path.suffix == ".svg":
        return (page / f"s0-{path.name}").read_text().endswith("<text>12</text></svg>")
    if path.name == "record.json":
        return (
            sums.is_whole(json.loads(path.read_text())) and json.loads(path.read_text())["layers"] == json.loads(before)["layers"]
        )
    if path.suffix == ".npz" and path.parent.name == "exhibits":
        return load(path).fingerprint
    return path.is_file() and path.read_bytes() == before
