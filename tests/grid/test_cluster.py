import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest
from distributed import Client

from mixmnist import Options, Study, Training, Variant
from mixmnist.grid import cluster, sweep

pytestmark = [  # Dask leaves sockets to the garbage collector
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
SLOW = Variant(
    task="single",
    training=Training(images=1000, epochs=2, batch=50),
    probe_images=720,
    net_settings={"conv1": 3, "conv2": 4, "conv3": 4},
)
STUDY = Study("grid", {f"w{n}": replace(SLOW, net_settings={"conv1": 3, "conv2": 4, "conv3": n}) for n in (3, 4, 5)}, seeds=1)


def dask(*arguments, **settings):
    """Starts a part of a cluster as a process of its own."""
    command = [sys.executable, "-m", "dask", *arguments]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ | settings)


@contextlib.contextmanager
def started(file, **settings):
    """Starts a scheduler on this machine, without workers; gives its address."""
    words = ("scheduler", "--host", "127.0.0.1", "--port", "0", "--dashboard-address", ":0", "--scheduler-file", str(file))
    process = dask(*words, **settings)
    try:
        deadline = time.monotonic() + 30
        while not file.exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(0.2)
        yield json.loads(file.read_text())["address"]
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory):
    """A scheduler that is as Dask starts it; gives its address."""
    with started(tmp_path_factory.mktemp("dask") / "scheduler.json") as address:
        yield address


@pytest.fixture
def worker(scheduler, tmp_path):
    """Starts workers, which end with the test."""
    running = []

    def start(address=scheduler):
        words = ("worker", address, "--nthreads", "1", "--no-nanny", "--local-directory", str(tmp_path / "dask"))
        running.append(dask(*words))
        return running[-1]

    yield start
    for process in running:
        process.kill()
        process.wait()


def options(folder, **changes):
    """A small run on the digits that come with scikit-learn."""
    return replace(Options(source="digits", out=str(folder), device="cpu", precision="float32"), **changes)


@pytest.mark.slow
def test_a_grid_survives_the_death_of_a_worker(scheduler, worker, tmp_path, contents):
    """With its only worker killed in mid-run and another that joins late, the grid must complete and equal a local one."""
    doomed = worker()
    local = sweep.run(STUDY, options(tmp_path / "local"), lambda _: None)  # while it starts
    with Client(scheduler) as client:
        client.wait_for_workers(1, timeout=60)
    lines = []

    def tell(line):
        lines.append(line)
        if len(lines) == 1:  # it is in the middle of the next block
            doomed.kill()
            threading.Timer(1.0, worker).start()

    result = sweep.run(STUDY, options(tmp_path / "cluster", cluster=scheduler), tell)
    assert result.failures == ()
    assert len(lines) == 3
    assert contents(result.folder) == contents(local.folder)
    lines.clear()
    sweep.run(STUDY, options(tmp_path / "cluster", cluster=scheduler), lines.append)
    assert all(line.endswith("already recorded") for line in lines)


@pytest.mark.slow
def test_a_scheduler_that_forgives_no_death_is_asked_again(worker, tmp_path):
    """Where another's scheduler gives a block up with its first worker, the block must be sent anew, and the grid complete."""
    with started(tmp_path / "strict.json", DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="0") as strict:
        doomed = worker(strict)
        with Client(strict) as client:
            client.wait_for_workers(1, timeout=60)
        lines = []

        def tell(line):
            lines.append(line)
            if len(lines) == 1:  # it is in the middle of the next block
                doomed.kill()
                threading.Timer(1.0, worker, [strict]).start()

        result = sweep.run(STUDY, options(tmp_path / "cluster", cluster=strict), tell)
    assert result.failures == ()
    assert len(list(result.folder.glob("runs/*/*/*/record.json"))) == 3


@pytest.mark.parametrize(("allowed", "tries"), [(0, 4), (1, 2), (3, 1), (9, 1)])
def test_a_block_is_tried_until_four_of_its_workers_died(allowed, tries):
    """A block must be sent anew until its workers died four times, however many deaths a scheduler allows each time."""
    sent, deaths = 0, 0
    while sent < 9:
        sent += 1
        deaths += cluster._deaths(Erred(allowed))
        if not cluster._again(deaths):
            break
    assert sent == tries
    assert cluster._deaths(Erred(None)) == 0


class Erred:
    """Stands for a block that a scheduler gave up."""

    status = "error"

    def __init__(self, allowed):
        self.error = ValueError("another reason")
        if allowed is not None:
            self.error = KilledWorker()
            self.error.allowed_failures = allowed

    def exception(self):
        """As Dask gives it."""
        return self.error


def test_failures_on_workers_are_listed(scheduler, worker, tmp_path, monkeypatch):
    """A worker with another version of the package must be named in a sentence, and nothing may be recorded."""
    worker()
    monkeypatch.setattr("mixmnist.grid.digests.of_scores", lambda _: {"drop": "another"})  # the client's code is not the worker's
    result = sweep.run(replace(STUDY, variants={"baseline": SLOW}), options(tmp_path, cluster=scheduler), lambda _: None)
    assert len(result.failures) == 1
    assert "workers must run the client's version of mixmnist, got another on" in result.failures[0]
    assert not list(tmp_path.rglob("record.json"))


@pytest.mark.slow
def test_a_cluster_may_be_started_here(tmp_path):
    """local:2 must start two workers, run the grid there and end them."""
    lines = []
    result = sweep.run(STUDY, options(tmp_path, cluster="local:2", variants=("w3", "w5")), lines.append)
    assert result.failures == ()
    assert len(lines) == 2
    assert all((result.folder / f"runs/{name}/s0-0/s0/record.json").is_file() for name in ("w3", "w5"))


@pytest.mark.slow
def test_a_worker_stops_looking_at_its_threads(scheduler, worker):
    """A worker may not go on taking its threads' frames while it works on a block: old Pythons can stop for good in that."""

    def watches(dask_worker):
        return dask_worker.periodic_callbacks["profile"].is_running()

    worker()
    with Client(scheduler) as client:
        client.wait_for_workers(1, timeout=60)
        assert list(client.run(watches).values())[-1]
        client.submit(cluster._stop_watching).result()
        deadline = time.monotonic() + 30
        while any(client.run(watches).values()) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not any(client.run(watches).values())


def test_an_address_without_a_scheduler_is_refused(tmp_path, monkeypatch):
    """Nobody at the address must be one sentence with the way out."""
    monkeypatch.setattr(cluster, "ANSWER", 1)
    with pytest.raises(ValueError, match=r"cluster must be the address of a Dask scheduler .* where none answers within 1 s"):
        sweep.run(STUDY, options(tmp_path, cluster="tcp://127.0.0.1:9"), lambda _: None)
    with pytest.raises(ValueError, match="cluster must be local:N with N of 1 or more, got 'local:0'"):
        sweep.run(STUDY, options(tmp_path, cluster="local:0"), lambda _: None)


def test_waiting_for_workers_is_said(scheduler, tmp_path):
    """Where a scheduler has no workers yet, a line must say that blocks wait."""
    with Client(scheduler) as client:
        while client.scheduler_info()["workers"]:  # of other tests, on their way out
            time.sleep(0.1)

    def tell(line):
        raise InterruptedError(line)

    with pytest.raises(InterruptedError, match="has no workers yet; blocks wait for the first"):
        sweep.run(STUDY, options(tmp_path, cluster=scheduler), tell)


def test_a_missing_extra_names_the_line_to_type(tmp_path, monkeypatch):
    """Without Dask the sentence must say what to install."""
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ValueError, match=r"Type: pip install 'mixmnist\[cluster\]'"):
        sweep.run(STUDY, options(tmp_path, cluster="local:1"), lambda _: None)


class KilledWorker(Exception):  # noqa: N818 -- Dask's name
    """Stands for what Dask raises when a block's workers died too often."""


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (KilledWorker(), "most often for want of memory"),
        (ModuleNotFoundError(name="mixmnist"), "must have the client's packages, got none named 'mixmnist'"),
        (ValueError("said plainly"), "^said plainly$"),
        (RuntimeError("odd"), "RuntimeError"),
    ],
)
def test_what_stopped_a_block_is_explained(error, sentence):
    """What a worker or Dask raised must become a sentence."""
    import re

    assert re.search(sentence, cluster._explain(error))
