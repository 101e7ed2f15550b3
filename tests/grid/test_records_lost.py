"""Records of which something is lost, and scores that moved: what a block and `verify` say of them."""

import json
import shutil

import pandas as pd
import pytest

from mixmnist import Options, Study, Training, Variant
from mixmnist.grid import sweep, verifying
from mixmnist.grid.block import Block
from mixmnist.scoring import Scores

TINY = Variant(
    task="single",
    training=Training(images=64, epochs=1, batch=16),
    probe_images=720,
    net_settings={"conv1": 3, "conv2": 4, "conv3": 4},
)
STUDY = Study("tiny", {"baseline": TINY}, seeds=2)
SCORES = ("units.csv", "concepts.csv", "curves.csv", "top.npz")
FILES = (*SCORES, "weights.safetensors", "record.json")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The folder where a tiny study lies, before anything is lost."""
    out = tmp_path_factory.mktemp("out")
    sweep.run(STUDY, options(out), lambda _: None)
    return out


def options(out):
    """How the study is run."""
    return Options(source="digits", out=str(out), device="cpu", precision="float32")


@pytest.fixture
def block(made, tmp_path):
    """The one block of the study, in a copy."""
    out = shutil.copytree(made, tmp_path / "out")
    (found,) = sweep.plan(STUDY, options(out))
    assert isinstance(found, Block)
    return found


def test_a_whole_record_has_exactly_these_files(block):
    """What a run leaves must be the files that are watched over, no more and no fewer."""
    for seed in (0, 1):
        assert {path.name for path in (block.home / f"s{seed}").iterdir()} == set(FILES)
    assert block.is_done()
    assert block.why_again() is None


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", FILES)
def test_each_lost_file_is_noticed(block, name, seed):
    """Whichever file of whichever run is gone, the block may not count as done, and the file must be named; weights that are
    there are kept.
    """
    (block.home / f"s{seed}" / name).unlink()
    assert not block.is_done()
    assert block.has_weights() is (name in SCORES)
    said = block.lost() if name in SCORES else block.damage()
    assert f"s{seed}" in said
    assert name in said
    assert block.why_again().startswith(said)


def test_a_lost_run_is_noticed(block):
    """A block of which a run's folder is gone may not count as recorded; one that was never there says nothing."""
    shutil.rmtree(block.home / "s1")
    assert not block.is_done()
    shutil.rmtree(block.home)
    assert block.damage() is None
    assert block.why_again() is None
    assert not block.is_done()


def test_scores_are_looked_at_in_every_seed(block):
    """A record of a former layout must be noticed in the first seed as in the last."""
    for seed in (0, 1):
        path = block.home / f"s{seed}" / "record.json"
        whole = path.read_text()
        record = json.loads(whole)
        record["fingerprints"]["scores"] = "one sum for all"
        path.write_text(json.dumps(record))
        assert not block.is_done()
        path.write_text(whole)
    assert block.is_done()


@pytest.fixture
def moved(tmp_path):
    """Says what of scores is not as they were written, a layer's accuracy among them."""

    def tell(then, now, before=0.5, after=0.5, later=()):
        for name in verifying.TABLES:
            getattr(then, name).to_csv(tmp_path / f"{name}.csv", index=False)
        record = {"layers": [{"layer": "conv3", "accuracy": before}]}
        return list(verifying._moved(record, now, [{"layer": "conv3", "accuracy": after}], tmp_path, later))

    return tell


def scores(**columns):
    """Tables that are alike but for columns of the table of units."""
    table = pd.DataFrame({"unit": [0, 1], "concept": ["3", "7"], "alignment": [0.5, 0.25]})
    return Scores(units=table.assign(**columns), concepts=table, layer=table, curves=table)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_score_may_move_by_rounding_and_no_more(moved, sign):
    """Up to a ten-thousandth is rounding; more must be told with how much, up as well as down, in tables and in the record."""
    assert verifying.CLOSE == 1e-4
    assert moved(scores(), scores(alignment=[0.5, 0.25 + sign * 0.9e-4]), after=0.5 + sign * 0.9e-4) == []
    found = moved(scores(), scores(alignment=[0.5, 0.25 + sign * 1.2e-4]))
    assert found == ["units.alignment moved by up to 0.00012"]
    assert moved(scores(), scores(), after=0.5 + sign * 3e-4) == ["layers.accuracy moved by up to 0.0003"]


@pytest.mark.parametrize("swap", [False, True])
def test_a_score_that_went_missing_is_told(moved, swap):
    """A number on one side where the other has none must be told, whichever side it is."""
    pair = [scores(), scores(alignment=[0.5, float("nan")])]
    then, now = reversed(pair) if swap else pair
    assert moved(then, now) == ["units.alignment moved by a value that is missing"]
    assert moved(now, now) == []


@pytest.mark.parametrize("change", ["concept", "rows", "column", "more"])
def test_other_words_rows_and_columns_are_told(moved, change):
    """Another word, fewer rows, a column that came or went must each be told; a column of a newer metric not."""
    if change == "concept":
        assert moved(scores(), scores(concept=["3", "8"])) == ["units.concept is another in 1 of 2 rows"]
    elif change == "rows":
        short = scores()
        object.__setattr__(short, "units", short.units.iloc[:1])
        assert moved(short, scores()) == ["units has 2 rows, recorded are 1"]
    elif change == "column":
        assert moved(scores(old=[1.0, 2.0]), scores()) == ["units.old is recorded and no longer computed"]
        assert moved(scores(), scores(fresh=[1.0, 2.0])) == ["units.fresh is not recorded"]
    else:
        assert moved(scores(), scores(fresh=[1.0, 2.0]), later={"fresh"}) == []
        assert moved(scores(fresh=[1.0, 2.0]), scores(), later={"fresh"}) == ["units.fresh is recorded and no longer computed"]


def test_every_table_is_compared(moved):
    """A score that moved must be told in whichever table it stands."""
    assert set(verifying.TABLES) == {"units", "concepts", "curves"}
    for name in verifying.TABLES:
        now = scores()
        object.__setattr__(now, name, getattr(now, name).assign(alignment=[0.5, 0.3]))
        assert moved(scores(), now) == [f"{name}.alignment moved by up to 0.05"]
