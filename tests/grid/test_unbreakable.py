"""Sweeps that are killed, starved or run twice at a time."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from mixmnist import Options, Study, Training, Variant, cli
from mixmnist.core import storage
from mixmnist.grid import sweep
from mixmnist.kinds import classifier

TINY = Variant(
    task="single",
    training=Training(images=64, epochs=1, batch=16),
    probe_images=720,
    net_settings={"conv1": 3, "conv2": 4, "conv3": 4},
)
STUDY = Study("tiny", {"baseline": TINY, "wide": replace(TINY, net_settings={"conv1": 3, "conv2": 4, "conv3": 6})}, seeds=2)
SWEEPER = """
import json, os, pathlib, signal, sys, time
import tqdm
from mixmnist import Options, Study, Training, Variant
from mixmnist.grid import pipeline, sweep
tqdm.tqdm.monitor_interval = 0  # no thread
sweep._cores = lambda: 1  # blocks run in the child itself, so that it is them that a kill meets
tiny = Training(images=64, epochs=1, batch=16)
nets = [{"conv1": 3, "conv2": 4, "conv3": n} for n in (3, 4, 5)]
variants = {f"v{i}": Variant(task="single", training=tiny, probe_images=720, net_settings=net) for i, net in enumerate(nets)}
study = Study("killed", variants, seeds=1)
def options(out):
    return Options(source="digits", out=out, device="cpu", precision="float32")
first = pathlib.Path(sys.argv[1])
first.mkdir()
pipeline.fill(sweep.plan(study, options(str(first)))[0], first, print)  # loads and compiles what children need, without a thread
for line in iter(sys.stdin.readline, ""):
    out, seconds = json.loads(line)
    pid = os.fork()
    if pid == 0:
        signal.alarm(300)
        os._exit(0 if sweep.run(study, options(out), lambda line: None).failures == () else 3)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(pid, signal.SIGKILL)
    print(os.waitpid(pid, 0)[1], flush=True)
"""


@pytest.fixture
def options(tmp_path):
    """A small run on the digits that come with scikit-learn."""
    return Options(source="digits", out=str(tmp_path), device="cpu", precision="float32")


@pytest.mark.slow
def test_twenty_kills_change_nothing(tmp_path, contents):
    """Killed without warning at 20 random moments and started again, a sweep must give the bytes of an undisturbed one."""
    pipe = subprocess.PIPE
    kills, in_between, whole = 0, 0, []
    command = [sys.executable, "-c", SWEEPER, str(tmp_path / "first")]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"}) as process:

        def sweep_into(name, seconds=None):
            process.stdin.write(json.dumps([str(tmp_path / name), seconds]) + "\n")
            process.stdin.flush()
            return int(process.stdout.readline())

        assert sweep_into("slow") == 0  # as the first one
        start = time.monotonic()
        assert sweep_into("undisturbed") == 0
        length = time.monotonic() - start
        chance = random.Random(0)
        while kills < 20:  # where a sweep became whole between two kills the next begins in another folder
            name = f"killed{len(whole)}"
            if sweep_into(name, chance.uniform(0, 0.7 * length)) == signal.SIGKILL:
                kills += 1
                in_between += 0 < len(list(tmp_path.glob(f"{name}/killed/digits/runs/*/s0-0"))) < 3
            else:
                whole.append(name)
        assert sweep_into(f"killed{len(whole)}") == 0
        process.stdin.close()
    assert process.returncode == 0
    assert in_between > 0  # kills met sweeps with something recorded
    for name in (*whole, f"killed{len(whole)}"):
        assert contents(tmp_path / name) == contents(tmp_path / "undisturbed")
    assert not list(tmp_path.rglob("*partial*"))


def test_two_sweeps_on_one_folder_run_each_block_once(options, monkeypatch):
    """Two sweeps at a time on one folder must share the work: each block trained once, both with the whole result."""
    real, trained = classifier.train, []

    def counting(module, *args, **kwargs):
        trained.append(module.widths.conv3)
        return real(module, *args, **kwargs)

    monkeypatch.setattr(classifier, "train", counting)
    monkeypatch.setattr(sweep, "PATIENCE", 0.05)
    results, lines = [], []
    sweeps = [threading.Thread(target=lambda: results.append(sweep.run(STUDY, options, lines.append))) for _ in range(2)]
    for one in sweeps:
        one.start()
    for one in sweeps:
        one.join()
    assert sorted(trained) == [4, 6]
    assert [r.failures for r in results] == [(), ()]


def test_a_lock_is_waited_for_and_a_dead_holder_stops_nobody(options, tmp_path):
    """A block that another process holds must be told once and run after that process has died."""
    block = sweep.plan(STUDY, replace(options, variants=("wide",)))[0]
    holder = (
        "import sys, time; from filelock import FileLock; lock = FileLock(sys.argv[1]); lock.acquire(); print(1, flush=True); "
        "time.sleep(99)"
    )
    block.lock.parent.mkdir(parents=True)
    process = subprocess.Popen([sys.executable, "-c", holder, str(block.lock)], stdout=subprocess.PIPE)
    process.stdout.readline()
    lines = []

    def tell(line):
        lines.append(line)
        if "another process is at it" in line:
            threading.Timer(1.5, process.kill).start()

    with process:
        result = sweep.run(STUDY, options, tell)
    assert result.failures == ()
    assert [line.endswith("another process is at it; waiting for its record") for line in lines].count(True) == 1
    assert (block.home / "s1" / "record.json").is_file()


def test_the_leavings_of_the_dead_are_cleared(options):
    """What a dead process of this machine left half-written must go; what a live one or another machine has there must stay."""
    folder = sweep.plan(STUDY, options)[0].folder
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    machine = storage._machine()
    names = {f"{machine}-{dead.pid}": False, f"{machine}-{os.getpid()}": True, f"elsewhere-{dead.pid}": True}
    for name in names:
        (folder / "runs" / f".s0-1.partial-{name}-1").mkdir(parents=True)
    storage.clear_partials(folder)
    assert {name: (folder / "runs" / f".s0-1.partial-{name}-1").exists() for name in names} == names


@pytest.mark.parametrize("fits", [1, 0])
def test_out_of_memory_trains_smaller_blocks(options, monkeypatch, fits):
    """Where a block does not fit, its seeds must be trained in smaller ones, and one that does not fit alone must fail."""
    real = classifier.train

    def starving(module, images, *args, **kwargs):
        if len(images) > fits:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 byte")
        return real(module, images, *args, **kwargs)

    monkeypatch.setattr(classifier, "train", starving)
    study, lines = Study("tiny", {"baseline": TINY}, seeds=3), []
    result = sweep.run(study, options, lines.append)
    records = [json.loads((result.folder / f"runs/baseline/s0-2/s{s}/record.json").read_text()) for s in range(3)]
    assert [r["together"] for r in records] == [[0], [1], [2]]
    assert sum("out of memory with" in line for line in lines) == 2
    if fits:
        assert result.failures == ()
    else:
        assert len(result.failures) == 3
        assert "seed 2: out of memory on cpu (configuration: " in result.failures[2]
        monkeypatch.setattr(classifier, "train", real)
        assert sweep.run(study, options, lines.append).failures == ()  # with more memory, the same call tries again


def test_a_damaged_record_is_told_and_kept(options):
    """A record cut in half must be told, run again, and kept aside."""
    folder = sweep.run(STUDY, options, lambda _: None).folder
    path = folder / "runs/baseline/s0-1/s0/record.json"
    half = path.read_text()[: path.stat().st_size // 2]
    path.write_text(half)
    lines = []
    sweep.run(STUDY, options, lines.append)
    assert any(
        "record.json cannot be read (it is not whole JSON); the block is run again and what is there kept in" in line
        for line in lines
    )
    assert [p.read_text() for p in folder.glob("replaced/*/s0/record.json")] == [half]
    json.loads(path.read_text())


def test_sigterm_ends_like_an_interrupt(options, monkeypatch, capsys):
    """SIGTERM must stop the command with exit code 130 and one sentence, and leave nothing half-written."""
    real = classifier.train

    def ended(module, *args, **kwargs):
        if module.widths.conv3 == 6:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.5)
        return real(module, *args, **kwargs)

    monkeypatch.setattr(classifier, "train", ended)
    study = Path(options.out) / "tiny.py"
    study.write_text(
        "from mixmnist import Study, Training, Variant\n"
        "from dataclasses import replace\n"
        "tiny = Training(images=64, epochs=1, batch=16)\n"
        "TINY = Variant(task='single', training=tiny, probe_images=720, net_settings={'conv3': 4})\n"
        "STUDY = Study('tiny', {'baseline': TINY, 'wide': replace(TINY, net_settings={'conv3': 6})}, seeds=2)\n"
    )
    before = signal.getsignal(signal.SIGTERM)
    code = cli.main(["run", str(study), "--source", "digits", "--out", options.out, "--device", "cpu", "--quiet"])
    assert code == 130
    assert "stopped. What was finished is recorded" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGTERM) == before
    assert not list(Path(options.out).rglob("*partial*"))
