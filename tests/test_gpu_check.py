"""The check of a GPU against the processor: rehearsed on the processor, and what it says where something is wrong."""

import importlib
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import torch

from mixmnist import Training, Variant
from mixmnist.core import sums
from mixmnist.data.mixture import Mixture
from mixmnist.grid.workers import Here

ROOT = Path(__file__).resolve().parents[1]
OURS = ("_gpu_checks", "_gpu_timings", "gpu_check", "training", "_timing")
TINY = Variant(
    task="single",
    training=Training(images=256, epochs=1, batch=16, peak=0.05),
    probe_images=720,
    net_settings={"conv1": 3, "conv2": 4, "conv3": 4},
)
STUDY = """
from mixmnist import Study, Training, Variant
SMALL = {"conv1": 3, "conv2": 4, "conv3": 4}
TINY = Variant(task="single", training=Training(images=256, epochs=1, batch=16, peak=0.05), probe_images=720, net_settings=SMALL)
STUDY = Study("tiny", {"baseline": TINY}, seeds=2)
"""


@pytest.fixture(scope="module")
def tool():
    """The parts of the tool, which is no package."""
    sys.path.insert(0, str(ROOT / "benchmarks" / "speed"))
    yield SimpleNamespace(**{name.lstrip("_"): importlib.import_module(name) for name in OURS})
    sys.path.remove(str(ROOT / "benchmarks" / "speed"))
    for name in OURS:
        sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def size(tool):
    """Little work."""
    return tool.gpu_checks.Size(variant=TINY, seeds=2, paired=5, pictures=20, scored=720, rounds=1)


@pytest.fixture(scope="module")
def net(tool, size):
    """A net that was trained a little."""
    return tool.gpu_checks.trained("cpu", size, range(2))[0]


def test_other_pixels_are_seen(tool, size, monkeypatch):
    """Pictures of one plan must be the same; another value of one pixel of one glyph must be told, with the policy."""
    assert tool.gpu_checks.same_pictures("cpu", size).good is True
    plainly = Mixture.to
    monkeypatch.setattr(
        Mixture, "to", lambda self, device: replace(plainly(self, device), tiles=self.tiles.clone().clamp_max(254))
    )
    found = tool.gpu_checks.same_pictures("cpu", size)
    assert found.good is False
    assert "pairs wrap" in found.said


def test_other_weights_are_seen(tool, size, monkeypatch):
    """The same seeds must give the same bytes twice; one bit of one weight must be told, with the block."""
    assert tool.gpu_checks.same_weights("cpu", size).good is True
    plainly, calls = tool.gpu_checks.trained, []

    def once_wrong(device, size, seeds, variant):
        nets = plainly(device, size, seeds, variant)
        calls.append(variant)
        if len(calls) == 4:  # dropout, the second time
            with torch.no_grad():
                nets[-1].head.bias[0] += 1e-6
        return nets

    monkeypatch.setattr(tool.gpu_checks, "trained", once_wrong)
    found = tool.gpu_checks.same_weights("cpu", size)
    assert (found.good, found.said) == (False, "other weights the second time: dropout")


def test_other_records_are_seen(tool, size, tmp_path):
    """The same block must give the same files twice, times apart; another score must be told, with the file."""
    found = tool.gpu_checks.same_records("cpu", size, tmp_path / "same", Here(0))
    assert (found.good, found.said) == (True, "12 files of 2 seeds, in two processes")

    class Wrong(Here):
        def run(self, block, tell):
            failures = super().run(block, tell)
            table = block.home / "s1" / "curves.csv"
            table.write_text(table.read_text().replace("0", "1", 1))
            return failures

    found = tool.gpu_checks.same_records("cpu", size, tmp_path / "other", Wrong(0))
    assert (found.good, found.said.rpartition("/")[2]) == (False, "curves.csv")


def test_other_times_are_no_other_record(tool, size, tmp_path):
    """What a run cost may differ, and the seal with it; all else of a record counts."""
    for place, known in {"one": {"seconds": 1, "scores": 2}, "two": {"seconds": 3, "scores": 2}, "three": {"scores": 4}}.items():
        home = tmp_path / place / "study/digits/runs/baseline/s0-1/s0"
        home.mkdir(parents=True)
        sums.write_sealed(home / "record.json", known)
    one, two, three = (list(tool.gpu_checks._files(tmp_path / place)) for place in ("one", "two", "three"))
    assert one == two != three


@pytest.mark.parametrize(("by", "good"), [(1e-6, True), (1e-4, False), (float("nan"), False)])
@pytest.mark.parametrize("what", ["response", "mean", "logits"])
def test_other_answers_are_seen(what, by, good, tool, size, net, monkeypatch):
    """Answers may differ by rounding, no more; nothing that is no number passes."""
    plainly, calls = tool.gpu_checks.probe_layers, []

    def second_differs(*args, **kwargs):
        calls.append(args)
        found = plainly(*args, **kwargs)
        if len(calls) == 1:
            return found
        value = getattr(found[1], what).clone()
        value[3, 2] += by * value.abs().max()
        return [found[0], replace(found[1], **{what: value}), found[2]]

    monkeypatch.setattr(tool.gpu_checks, "probe_layers", second_differs)
    found = tool.gpu_checks.same_answers("cpu", size, net)
    assert found.good is good
    assert f"conv2 {what}" in found.said


def test_other_scores_are_seen(tool, size, net, monkeypatch):
    """Every column must be the same, dead units too; one that is not must be told by its name."""
    found = tool.gpu_checks.same_scores("cpu", size, net)
    assert found.good is True
    assert found.numbers["float64"]["columns"] > 100
    plainly, calls = tool.gpu_checks._tables, []

    def second_differs(*args):
        calls.append(args)
        tables = plainly(*args)
        return tables if len(calls) == 1 else tables | {"units.drop": tables["units.drop"] + 1e-5}

    monkeypatch.setattr(tool.gpu_checks, "_tables", second_differs)
    found = tool.gpu_checks.same_scores("cpu", size, net)
    assert found.good is False
    assert "1.0e-05 apart (units.drop)" in found.said


def test_a_dead_unit_is_among_those_that_are_scored(tool, size, net):
    """The check must see how both treat a unit that never fires."""
    tables = tool.gpu_checks._tables("cpu", size, TINY, tool.gpu_checks._with_a_dead_unit(net), torch.float64)
    dead = tables["units.dead"][tables["units.layer"] == "conv3"]
    assert dead.iloc[0]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ([1.0, 2.0], [1.0, 2.5], 0.5),
        ([1.0, float("nan")], [1.25, float("nan")], 0.25),
        ([1.0, float("nan")], [1.0, 2.0], float("inf")),
        ([1.0, 2.0], [1.0], float("inf")),
        ([float("inf")], [float("inf")], 0.0),
        (["a", "b"], ["a", "b"], 0.0),
        (["a", "b"], ["a", "c"], float("inf")),
        ([True, False], [True, True], float("inf")),
        ([1, 2], [1, 5], 3.0),
    ],
)
def test_columns_differ_by_their_largest_difference(one, other, expected, tool):
    """Numbers differ by as much as they do; names, and numbers that only one has, without bounds."""
    assert tool.gpu_checks.difference(pd.Series(one), pd.Series(other)) == expected


@pytest.mark.parametrize(("by", "good"), [(0.01, True), (0.05, False)])
def test_another_accuracy_is_seen(by, good, tool, size, monkeypatch):
    """Mean accuracies may differ by what chance makes of the same seeds, no more; each seed is compared with itself."""
    calls = []

    def made_up(device, seeds, size):
        calls.append((device, list(seeds)))
        return [0.5 + 0.1 * seed + by * (len(calls) > 1) + 0.001 * (seed % 2) for seed in seeds]

    monkeypatch.setattr(tool.gpu_checks, "accuracies", made_up)
    found = tool.gpu_checks.same_accuracy("cpu", size)
    assert calls == [("cpu", [0, 1, 2, 3, 4]), ("cpu", [0, 1]), ("cpu", [2, 3]), ("cpu", [4])]
    assert found.good is good
    assert found.numbers["interval"]["mean"] == pytest.approx(by)


def test_a_seed_has_its_accuracy_whatever_trains_beside_it(tool, size):
    """Accuracies must come in the order of the seeds, and be those that other blocks give."""
    together = tool.gpu_checks.accuracies("cpu", range(3), size)
    assert together == pytest.approx([tool.gpu_checks.accuracies("cpu", [seed], size)[0] for seed in range(3)], abs=0.02)


def test_timings_are_of_what_they_say(tool, size, net, tmp_path):
    """Each timing must run on a processor and give its seconds."""
    found = tool.gpu_timings.steps("cpu", size)
    assert found.good is None
    assert set(found.numbers["medians"]) >= {"captured", "captured, by torch's operations, not repeatable", "not captured"}
    assert len(tool.gpu_timings.drawing("cpu", size).numbers["seconds"]) == 1
    assert tool.gpu_timings.scoring("cpu", size, net).numbers["seconds"][0] > 0


def part(tool, name, seconds, work):
    """A part of the tool."""
    return tool.gpu_check.Part(name, seconds, work)


def found(tool, good):
    """What a part does that finds this."""
    return lambda: tool.gpu_checks.Found("said", good)


@pytest.fixture
def log(tool, tmp_path):
    """An empty one."""
    return tool.gpu_check.Log(tmp_path / "speed" / "gpu-none", {"hardware": "none", "torch": "2", "source": "digits"}, [])


def test_what_was_found_is_on_disk_before_the_next_part(tool, log):
    """A run that is cut off must leave both files, whole, with all parts that had ended."""
    seen = []

    def look():
        seen.append((json.loads(log.stem.with_name("gpu-none.json").read_text()), log.stem.with_name("gpu-none.md").read_text()))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tool.gpu_check.run([part(tool, "first", 1, found(tool, True)), part(tool, "second", 1, look)], lambda: 60.0, log)
    ((known, table),) = seen
    assert [(one["part"], one["verdict"]) for one in known["parts"]] == [("first", "good")]
    assert "| first | good |" in table
    assert sorted(path.name for path in log.stem.parent.iterdir()) == ["gpu-none.json", "gpu-none.md"]


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        ((True, None), 0),
        ((True, False, None), 1),
        ((None, "late"), 3),
        ((False, "late"), 1),
        ((True, "raises", True), 1),
        (("cut",), 3),
    ],
)
def test_the_exit_code_tells_faults_from_what_was_left_out(verdicts, code, tool, log, capsys):
    """A failed check gives 1, a part that did not fit or was cut off 3, all good 0; each part is named as it ends."""

    def raises():
        raise RuntimeError("no\nluck")

    def cut():
        raise subprocess.TimeoutExpired("mixmnist", 7)

    known = {"raises": raises, "cut": cut}
    every = [part(tool, f"part{i}", 99 if v == "late" else 1, known.get(v) or found(tool, v)) for i, v in enumerate(verdicts)]
    assert tool.gpu_check.run(every, lambda: 60.0, log) == code
    lines = capsys.readouterr().out
    assert all(f"part{i}: " in lines for i in range(len(verdicts)))
    said = {"late": "left out, 0.0 s: it takes about 99 s where 60 are left", "raises": "FAILED", "cut": "cut off after 7 s"}
    assert all(said[v] in lines for v in verdicts if v in said)
    written = json.loads(log.stem.with_name("gpu-none.json").read_text())
    assert bool(written["FAILED"]) is (code == 1)
    assert len(written["left out"]) == sum(v in ("late", "cut") for v in verdicts)


def test_without_a_gpu_it_says_so(tool, tmp_path, monkeypatch, capsys):
    """Where there is no GPU it must end at once, with the way out and without a file."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert tool.gpu_check.main(["--out", str(tmp_path)]) == 2
    assert "Run it on such a machine." in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_all_of_it_can_be_rehearsed(tool, size, log, tmp_path, monkeypatch):
    """On a processor every part must be good, in processes of their own where it has some, and everything must fit."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    study = tmp_path / "tiny.py"
    study.write_text(STUDY)
    small = replace(size, studies=(str(study),), processes=2)
    every = tool.gpu_check.parts("cpu", small, tmp_path, tmp_path / "studies" / "tiny" / "digits", lambda: 300.0)
    assert sum(one.seconds for one in every) > 100
    every = sorted(every, key=lambda one: one.name == "report")  # of the study that was just run
    assert tool.gpu_check.run(every, lambda: 300.0, log) == 0
    verdicts = {one["part"]: one["verdict"] for one in log.found}
    assert list(verdicts.values()) == ["good"] * 6 + ["timed"] * 5
    assert log.found[-1]["numbers"]["runs"] == 2
