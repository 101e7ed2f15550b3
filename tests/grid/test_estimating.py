"""Estimates are arithmetic: from recorded runs of this hardware, else from a trial."""

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

from mixmnist import cli
from mixmnist.core.records import Canvas, Training, Variant
from mixmnist.grid import estimating
from mixmnist.grid.block import Block
from mixmnist.grid.estimating import BASE, Cost, Pace, estimate, find_paces, in_all, what_is_left
from mixmnist.grid.machine import hardware
from mixmnist.grid.pipeline import run_block
from mixmnist.grid.recording import load_block

PACE = Pace(train=1e-9, score=1e-3, basis="")
SMALL = Variant(
    training=Training(images=64, epochs=3, batch=16), probe_images=720, net_settings={"conv1": 3, "conv2": 4, "conv3": 5}
)


def block(folder="out/tiny/digits", seeds=(0, 1), **changes):
    """Gives a small block, two seeds unless others are asked for."""
    variant = replace(SMALL, **changes)
    return Block("tiny", "small", variant, "digits", None, seeds, "cpu", "float32", 1, Path(folder))


def multiply_adds():
    """Counts those of the small net by hand: maps of 28, 13 and 6 rows, and the head's 45 classes."""
    return 28 * 28 * 3 * 25 + 13 * 13 * 4 * 3 * 9 + 6 * 6 * 5 * 4 * 9 + 45 * 5


def recorded(root, name, train, score, **changes):
    """Writes what an estimate reads of a record."""
    config = {"variant": SMALL.as_dict(), "device": "cpu", "precision": "float32", "threads": 1}
    seconds = {"train": train, "score": score}
    record = {"config": config, "hardware": hardware("cpu"), "failure": None, "seconds": seconds} | changes
    home = root / "tiny" / "digits" / "runs" / name / "s0-1" / "s0"
    home.mkdir(parents=True)
    (home / "record.json").write_text(json.dumps(record))


def test_seconds_follow_from_the_pace():
    """Training must cost its multiply-adds, scoring its images times units, both for each seed."""
    seconds = 2 * (1e-9 * 64 * 3 * multiply_adds() + 1e-3 * 720 * (3 + 4 + 5))
    assert estimate(block(), PACE).seconds == pytest.approx(seconds, abs=0.06)
    assert estimate(block(), PACE, trained=True).seconds == pytest.approx(2 * 1e-3 * 720 * 12, abs=0.06)


def test_untrained_and_planted_nets_cost_no_training():
    """To settle an untrained net must count as a third of a pass, a planted one as nothing."""
    slow = Pace(train=1e-6, score=0.0, basis="")
    assert estimate(block(origin="untrained"), slow).seconds == pytest.approx(2e-6 * 64 / 3 * multiply_adds(), abs=0.06)
    planted = Variant(origin="planted:perfect")
    assert estimate(replace(block(), variant=planted), slow).seconds == 0


def test_memory_grows_with_canvases_and_seeds():
    """Beyond the process itself, memory must hold the canvases twice, a byte a pixel, for each seed."""
    many, few = (replace(SMALL.training, images=n, batch=16) for n in (1_000_000, 500_000))
    more = estimate(block(training=many), PACE).memory - estimate(block(training=few), PACE).memory
    assert more == 2 * 2 * 500_000 * 32 * 32
    assert BASE < estimate(block(seeds=(0,)), PACE).memory < estimate(block(), PACE).memory


def test_blocks_side_by_side():
    """The whole must last as long as its longest block at least, and hold the largest ones at once."""
    costs = [Cost(10.0, 5), Cost(2.0, 7), Cost(3.0, 6)]
    assert in_all(costs, 2) == Cost(10.0, 13)
    assert in_all(costs, 1) == Cost(15.0, 7)


@pytest.mark.parametrize(("seconds", "said"), [(0.2, "1 s"), (89.0, "89 s"), (600.0, "10 min"), (9000.0, "2.5 h")])
def test_costs_are_said_in_round_numbers(seconds, said):
    """Seconds, minutes or hours must be named, and memory in GB."""
    assert str(Cost(seconds, 1_240_000_000)) == f"{said} and 1.2 GB"


def test_the_pace_is_the_median_of_recorded_runs(tmp_path):
    """Of runs of the same hardware, precision and threads the median must count, and others must not."""
    for name, train in (("a", 2.0), ("b", 3.0), ("c", 40.0)):
        recorded(tmp_path, name, train, 1.44)
    recorded(tmp_path, "elsewhere", 900.0, 900.0, hardware="another machine")
    recorded(tmp_path, "failed", 900.0, 900.0, failure="out of memory")
    (tmp_path / "tiny/digits/runs/a/s5-9/s5").mkdir(parents=True)
    (tmp_path / "tiny/digits/runs/a/s5-9/s5/record.json").write_text("{")
    pace = find_paces([block()], [tmp_path])[0]
    assert pace.train == pytest.approx(3.0 / (64 * 3 * multiply_adds()))
    assert pace.score == pytest.approx(1.44 / (720 * 12))
    assert "from 3 recorded runs on" in pace.basis


def test_without_records_a_trial_says(tmp_path, monkeypatch):
    """Where no run of this hardware is recorded, a trial must give a pace and say so."""
    monkeypatch.setattr(estimating, "TRIAL_SECONDS", 0.01)
    pace = find_paces([block()], [tmp_path])[0]
    assert pace.train > 0
    assert pace.score > 0
    assert "from a trial" in pace.basis
    assert find_paces([], [tmp_path]) == []


def test_the_processors_own_time_counts(tmp_path):
    """Where a record knows the processor's own seconds, those by the hour, which follow what else it did, must not count."""
    recorded(tmp_path, "a", 900.0, 900.0, processor={"train": 2.0, "score": 1.44})
    recorded(tmp_path, "b", 2.0, 1.44, processor={"train": None, "score": None})
    (pace,) = find_paces([block()], [tmp_path])
    assert pace.train == pytest.approx(2.0 / (64 * 3 * multiply_adds()))
    assert pace.score == pytest.approx(1.44 / (720 * 12))


def test_records_of_other_nets_do_not_count(tmp_path, monkeypatch):
    """The pace of a net on a canvas may only come from runs of that net on that canvas, whatever else is recorded."""
    monkeypatch.setattr(estimating, "_tried_pace", lambda _: Pace(1.0, 1.0, "a trial"))
    own = {"device": "cpu", "precision": "float32", "threads": 1}
    wide = replace(SMALL, net_settings={**SMALL.net_settings, "conv3": 50})
    large = replace(SMALL, canvas=Canvas(size=40))
    for name, variant in (("wide", wide), ("large", large)):
        recorded(tmp_path, name, 900.0, 900.0, config=own | {"variant": variant.as_dict()})
    more = replace(SMALL, probe_images=900, training=Training(images=128, epochs=9, batch=16))
    recorded(tmp_path, "more", 18.0, 1.8, config=own | {"variant": more.as_dict()})
    found = find_paces([block(), replace(block(), variant=wide), block(task="single")], [tmp_path])
    assert found[0].train == pytest.approx(18.0 / (128 * 9 * multiply_adds()))
    assert found[1].basis.startswith("from 1 recorded runs")
    assert found[2].basis == "a trial"


def test_a_trial_does_not_follow_what_else_the_machine_does(tmp_path, monkeypatch):
    """Where other work makes each second by the hour count tenfold, a trial must say about the same."""
    monkeypatch.setattr(estimating, "TRIAL_SECONDS", 0.3)
    (quiet,) = find_paces([block()], [tmp_path])
    real = time.perf_counter
    monkeypatch.setattr(time, "perf_counter", lambda: 10 * real())
    (busy,) = find_paces([block()], [tmp_path])
    assert quiet.train / 3 < busy.train < quiet.train * 3
    assert quiet.score / 3 < busy.score < quiet.score * 3


def test_a_run_records_both_times(tmp_path):
    """A record must know the seconds of its training and scoring by the hour and by the processor."""
    one = block(tmp_path / "tiny" / "digits", seeds=(0,))
    run_block(one, lambda _: None)
    record = one.record(0)
    assert set(record["processor"]) == set(record["seconds"]) == {"train", "score"}
    assert 0 < record["processor"]["train"] < 60
    _, _, processor = load_block(one)
    assert processor == record["processor"]["train"]


def test_the_same_runs_are_counted_once(tmp_path):
    """A block with the runs of an earlier one must be left to that one, and another must not."""
    first = block(tmp_path / "one" / "digits")
    same = replace(first, study="two", name="mine", folder=tmp_path / "two" / "digits")
    other = block(tmp_path / "two" / "digits", seeds=(0, 1, 2))
    assert what_is_left(first, []) == "to do"
    assert what_is_left(same, [first]) == "the same runs as tiny digits small s0-1"
    assert what_is_left(other, [first]) == "to do"


STUDY = """
from mixmnist import Study, Training, Variant
tiny = Training(images=64, epochs=1, batch=16)
small = {"conv1": 3, "conv2": 4}
STUDY = Study("tiny", {"baseline": Variant(training=tiny, probe_images=720, net_settings=small),
                       "same": Variant(training=tiny, probe_images=720, net_settings=small)}, seeds=7)
"""


@pytest.mark.slow
def test_a_dry_run_says_grid_time_and_memory(tmp_path, monkeypatch, capsys):
    """A dry run must say of each block what is to do and about what it takes, then all in all, and write nothing."""
    monkeypatch.chdir(tmp_path)
    Path("tiny.py").write_text(STUDY)
    monkeypatch.setattr(estimating, "TRIAL_SECONDS", 0.01)
    args = ["run", "tiny.py", "--source", "digits", "--out", "out", "--dry-run"]
    assert cli.main(args) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("tiny digits baseline s0-4: 5 runs, 320 training images in all, to do, about ")
    assert lines[1] == "tiny digits same s0-4: 5 runs, 320 training images in all, the same runs as tiny digits baseline s0-4"
    assert lines[2].startswith("tiny digits baseline s5-6: 2 runs")
    assert lines[4].startswith("In all: about ")
    assert lines[5].startswith("Time: from a trial")
    assert lines[6].startswith("Memory: a process with torch")
    assert cli.main([*args, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [row["runs"] for row in document["blocks"]] == [5, 5, 2, 2]
    assert document["seconds"] == pytest.approx(sum(row["seconds"] for row in document["blocks"]), abs=0.2)
    assert document["memory"] == max(row["memory"] for row in document["blocks"])
    assert [path.name for path in Path().iterdir()] == ["tiny.py"]
