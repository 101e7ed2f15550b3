"""What `mixmnist report` shows is chosen on the command line; a wrong name costs one line and nothing written."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from mixmnist import Options, Study, Training, Variant, cli
from mixmnist.grid import sweep

SMALL = Variant(
    training=Training(images=64, epochs=1, batch=16), probe_images=720, net_settings={"conv1": 3, "conv2": 4, "conv3": 3}
)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """The folder of a study of two variants and one seed, without a report."""
    options = Options(source="digits", out=str(tmp_path_factory.mktemp("out")), device="cpu", precision="float32")
    return sweep.run(Study("tiny", {"baseline": SMALL, "other": SMALL}, seeds=1), options, lambda _: None).folder


def report(folder, *options):
    """Gives the exit code of a report."""
    return cli.main(["report", str(folder), "--format", "svg", "--quiet", *options])


@pytest.mark.slow
def test_panels_variants_and_columns_are_what_is_asked_for(recorded):
    """Figures must show the named panels and variants, the table for papers the named columns; the other tables stay whole."""
    asked = ("--panels", "curve_drop_last", "--variants", "other", "--columns-of", "accuracy,dead", "--columns", "one")
    assert report(recorded, *asked) == 0
    curves = pd.read_csv(recorded / "figures" / "ablation_curves.csv")
    assert (curves["variant"].unique().tolist(), curves["order"].unique().tolist()) == (["other"], ["least important first"])
    assert not (recorded / "figures" / "cards_baseline.csv").exists()
    assert "variant & n & accuracy & dead " in (recorded / "tables" / "variants.tex").read_text()
    assert set(pd.read_csv(recorded / "tables" / "variants.csv")["variant"]) == {"baseline", "other"}
    assert not (recorded / "report").exists()  # a page shows all there is
    assert (recorded / "figures" / "ablation_curves.txt").read_text().startswith("Study tiny. WARNING: glyphs")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--panels", "curve_randm"], "panel must be a known name, got panel='curve_randm'. Did you mean curve_random"),
        (["--variants", "othr"], "variant must be a known name, got variant='othr'. Did you mean other"),
        (["--columns-of", "acuracy"], "column must be a known name, got column='acuracy'. Did you mean accuracy"),
        (["--columns", "three"], "columns must be one of one, two, got columns='three'."),
        (
            ["--only", "class_drops", "--columns-of", "dead"],
            "columns-of is of a table, and --only draws figures alone, got both.",
        ),
    ],
)
def test_wrong_names_cost_a_line(recorded, capsys, options, said):
    """An unknown name must end in one clear line with the nearest that there are, and leave what was there."""
    before = {path: path.read_bytes() for path in recorded.rglob("*") if path.is_file()}
    assert report(recorded, *options) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert {path: path.read_bytes() for path in recorded.rglob("*") if path.is_file()} == before


@pytest.mark.slow
@pytest.mark.parametrize("name", ["edited", "gone"])
def test_a_damaged_study_is_told_before_anything_is_written(recorded, tmp_path, capsys, name):
    """What says which study it is must be sound before a report begins, and a wrong name be told before it says that it does."""
    folder = Path(shutil.copytree(recorded, tmp_path / "copy"))
    path = folder / "study.json"
    path.write_text(path.read_text().replace("tiny", "tidy")) if name == "edited" else path.unlink()
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert cli.main(["report", str(folder), "--format", "svg"]) == 2
    out, err = capsys.readouterr()
    assert "study.json" in err
    assert "Writing" not in out + err
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert cli.main(["report", str(recorded), "--columns-of", "acuracy"]) == 2
    assert "Writing" not in "".join(capsys.readouterr())
