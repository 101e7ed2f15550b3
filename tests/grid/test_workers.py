"""Blocks in processes of their own."""

import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from mixmnist import Options, Study, Training, Variant
from mixmnist.grid import sweep, workers
from mixmnist.grid.sweep import plan
from mixmnist.grid.workers import Worker
from mixmnist.training import Stopped

pytestmark = pytest.mark.slow  # make test-slow and CI run it

TINY = Variant(
    task="single",
    training=Training(images=64, epochs=1, batch=16),
    probe_images=720,
    net_settings={"conv1": 3, "conv2": 4, "conv3": 4},
)
LONG = replace(TINY, training=Training(images=2_000, epochs=500, batch=16))


def blocks(folder, *variants):
    """The blocks of a study of one seed a variant."""
    study = Study("tiny", {f"v{i}": v for i, v in enumerate(variants)}, seeds=1)
    return plan(study, Options(source="digits", out=str(folder), device="cpu", precision="float32"))


@pytest.fixture
def worker():
    """A worker that ends with the test."""
    made = Worker(0)
    yield made
    made.end()


@pytest.mark.slow
@pytest.mark.processes
def test_processes_give_the_records_of_one(tmp_path, contents, monkeypatch):
    """A sweep whose blocks run in processes must leave the bytes of one that runs them itself."""
    study = Study("tiny", {"a": TINY, "b": replace(TINY, net_settings={"conv1": 3, "conv2": 4, "conv3": 5})}, seeds=1)
    options = Options(source="digits", out=str(tmp_path / "many"), device="cpu", precision="float32")
    monkeypatch.setattr(sweep, "_cores", lambda: 2)
    lines = []
    many = sweep.run(study, options, lines.append)
    assert many.failures == ()
    assert len(lines) == 2
    monkeypatch.setattr(sweep, "_cores", lambda: 1)
    one = sweep.run(study, replace(options, out=str(tmp_path / "one")), lines.append)
    assert contents(many.folder) == contents(one.folder)


def test_a_worker_tells_what_went_wrong_and_goes_on(worker, tmp_path):
    """An error in the process must be raised here, and the next block must run in it."""
    good, bad = blocks(tmp_path, TINY, TINY)
    (bad.folder / "runs").mkdir(parents=True)
    (bad.folder / "runs" / "v1").write_text("in the way")
    with pytest.raises(OSError, match="v1"):
        worker.run(bad, lambda _: None)
    lines = []
    assert worker.run(good, lines.append) == []
    assert "accuracy" in lines[0]


def test_a_worker_tells_while_it_works(worker, tmp_path):
    """What a block says of itself must arrive while it is trained: of a training of minutes nobody hears at its end only."""
    (long,) = blocks(tmp_path, LONG)
    lines, arrived = [], threading.Event()

    def tell(line):
        lines.append(line)
        arrived.set()

    def end():
        arrived.wait(120)
        worker.end()

    threading.Thread(target=end).start()
    with pytest.raises(Stopped):
        worker.run(long, tell)
    assert re.fullmatch(r"tiny digits v0 s0-0: \d+% trained, loss [\d.]+, accuracy [\d.]+, about .* left", lines[0])


def test_who_cannot_be_told_does_not_mix_up_blocks(worker, tmp_path):
    """If a line cannot be told, the next block must not get the answers of the one before."""
    (first, second) = blocks(tmp_path, TINY, TINY)

    def refuse(line):
        raise ValueError("closed")

    with pytest.raises(ValueError, match="closed"):
        worker.run(first, refuse)
    lines = []
    assert worker.run(second, lines.append) == []
    assert all("v1" in line for line in lines)
    assert second.is_done()


def test_a_process_that_dies_is_a_failure(worker, tmp_path):
    """A process that is killed must be told as such, and a new one must take the next block."""
    (long, short) = blocks(tmp_path, LONG, TINY)

    def kill():
        while worker._process is None:
            time.sleep(0.05)
        time.sleep(1)
        worker._process.send_signal(signal.SIGKILL)

    threading.Thread(target=kill).start()
    with pytest.raises(RuntimeError, match="its process ended with code -9, most often for want of memory"):
        worker.run(long, lambda _: None)
    assert worker.run(short, lambda _: None) == []


@pytest.mark.parametrize(("device", "index"), [("cuda", None), ("cuda:1", 1)])
def test_on_a_gpu_a_worker_keeps_to_its_share_of_the_memory(tmp_path, monkeypatch, device, index):
    """Two workers share a GPU: neither may take what the other needs, on the GPU that it works on."""
    (block,) = blocks(tmp_path, TINY)
    taken = []
    monkeypatch.setattr(workers.torch.cuda, "set_per_process_memory_fraction", lambda *share: taken.append(share))
    workers._settle(block)
    assert taken == []
    workers._settle(replace(block, device=device))
    assert taken == [(workers.SHARE, index)]
    assert 0.4 <= workers.SHARE < 0.5


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are looked up in /proc")
def test_workers_end_with_their_sweep(tmp_path):
    """When the sweep's process is killed its workers must end at once."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[2]); import test_workers as t; from mixmnist.grid.workers import Worker; "
        "worker = Worker(0); import threading; from pathlib import Path; "
        "threading.Timer(4, lambda: print(worker._process.pid, flush=True)).start(); "
        "worker.run(t.blocks(Path(sys.argv[1]), t.LONG)[0], print)"
    )
    command = [sys.executable, "-c", code, str(tmp_path), str(Path(__file__).parent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        child = int(parent.stdout.readline())
        assert runs(child)
        parent.kill()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and runs(child):
        time.sleep(0.05)
    assert not runs(child)


def runs(process):
    """Whether a process runs; one that ended may still be listed."""
    stat = Path(f"/proc/{process}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"
