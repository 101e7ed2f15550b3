"""However a command ends, it ends in one sentence."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from mixmnist import cli

BOUNDED = {  # commands that ask for more than any machine has, and what they must say
    "run demo --source digits --seeds 100000000 --dry-run": "a study must have at most 20,000 runs, got 200,000,000",
    "run demo --source digits --threads 100000": "threads must be at most",
    "export --source digits --n 1000000000": "memory must hold 1,000,000,000 canvases",
    "export --source digits --n 100000000000000000000": "memory must hold 100,000,000,000,000,000,000 canvases",
    "export --source digits --size 100000": "memory must hold 10,000 canvases of 100000 x 100000",
    "export --source digits --n 20000000 --masks": "memory must hold 20,000,000 canvases",
    "export --source digits --size 9000 --glyph 8000": "glyph must be at most 1,024 pixels, got glyph=8000",
    "preview --source digits --size 100000": "memory must hold 32 canvases of 100000 x 100000",
    "audit --source digits --n 1000000000": "memory must hold 1,000,000,000 canvases",
    "audit --source digits --size 1000000": "memory must hold 10,000 canvases",
    "layers ownnet:make --size 1000000": "memory must hold",
    "layers ownnet:make --channels 1000000000": "memory must hold",
    "plant --n 1000000000": "memory must hold",
    "plant --units 1000000000": "memory must hold",
    "evaluate ownnet:make --layer 0 --source digits --n 1000000000": "memory must hold 1,000,000,000 canvases",
    "evaluate ownnet:make --layer 0 --source digits --size 2700 --n 100000": "memory must hold 100,000 canvases",
    "evaluate ownnet:make --layer 0 --source digits --permutations 1000000000000": "memory must hold",
    "run big.py --source digits": "memory must hold 1,000,000,000 canvases",
}


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A working folder with a network and a study that is too large."""
    monkeypatch.chdir(tmp_path)
    text = "import torch\ndef make():\n    return torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.ReLU())\n"
    (tmp_path / "ownnet.py").write_text(text)
    recipe = "Variant(training=Training(images=10**9))"
    (tmp_path / "big.py").write_text(f"from mixmnist import Study, Training, Variant\nSTUDY = Study('big', {{'a': {recipe}}})\n")
    return tmp_path


@pytest.mark.parametrize("line", BOUNDED)
def test_what_no_machine_holds_is_refused_before_it_is_asked_for(own, capsys, line):
    """The numbers alone must be enough for one sentence: nothing is allocated, drawn or written."""
    before = sorted(own.rglob("*"))
    started = time.perf_counter()
    assert cli.main(line.split()) == 2
    said = capsys.readouterr()
    assert said.err.startswith(f"mixmnist: {BOUNDED[line]}")
    assert said.err.count("\n") == 1
    assert time.perf_counter() - started < 20
    assert [path for path in sorted(own.rglob("*")) if path not in before and "__pycache__" not in path.parts] == []


ENDINGS = {
    "RuntimeError": (
        RuntimeError("a hook\nfailed."),
        1,
        "RuntimeError: a hook. That should not happen. The same command with --debug",
    ),
    "KeyError": (KeyError("x"), 1, "KeyError: 'x'. That should not happen"),
    "MemoryError": (
        MemoryError("Unable to allocate 9 GiB"),
        2,
        "memory must hold what is asked for, got too little of it (Unable",
    ),
    "allocator": (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), 2, "memory must hold what is asked"),
    "cuda": (torch.OutOfMemoryError("CUDA out of memory."), 2, "memory must hold what is asked for, got too little of it (CUDA"),
    "full": (OSError(28, "No space left on device"), 2, "No space left on device. What was finished before is kept"),
}


@pytest.mark.parametrize("name", ENDINGS)
def test_whatever_is_raised_ends_in_a_sentence(name, monkeypatch, capsys):
    """Neither a fault of ours nor a machine that is too small may show a traceback, unless it is asked for."""
    error, code, said = ENDINGS[name]

    def broken(*_):
        raise error

    monkeypatch.setattr("mixmnist.core.registry.glimpsed", broken)
    assert cli.main(["list", "tasks"]) == code
    told = capsys.readouterr().err
    assert told.startswith(f"mixmnist: {said}")
    assert told.count("\n") == 1
    with pytest.raises(type(error)):
        cli.main(["list", "tasks", "--debug"])


@pytest.mark.parametrize("command", ["list", "export", "run --dry-run demo"])
def test_only_what_goes_on_is_said_to_go_on(command, monkeypatch, capsys):
    """Ctrl-C in a command that records nothing must not promise that the next one goes on from there."""

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("mixmnist.commands.parsing.make_parser", interrupted)
    assert cli.main(command.split()) == 130
    assert "the same command begins anew" in capsys.readouterr().err
    assert cli.main(["run", "demo"]) == 130
    assert "the same command goes on from there" in capsys.readouterr().err


@pytest.mark.parametrize("module", ["mixmnist.commands.parsing", "numpy", "torch", "pandas"])
def test_ctrl_c_while_modules_are_imported_is_a_sentence(module, tmp_path):
    """In the first second nothing but imports runs: an interrupt there must end as anywhere else."""
    code = (
        "import os, signal, sys\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "class Finder:\n    @staticmethod\n    def find_spec(name, *_):\n"
        f"        if name == {module!r}: os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Finder)\nfrom mixmnist import cli\nsys.exit(cli.main(sys.argv[1:]))\n"
    )
    line = [sys.executable, "-c", code, "export", "--source", "digits", "--n", "9", "--out", str(tmp_path / "m.npz")]
    ended = subprocess.run(line, capture_output=True, text=True, timeout=120)
    assert (ended.returncode, ended.stderr) == (
        130,
        "mixmnist: stopped. Nothing is left half-written; the same command begins anew.\n",
    )
    assert list(tmp_path.iterdir()) == []


def test_the_command_begins_before_anything_is_imported():
    """What the command's file imports before it can catch an interrupt must be next to nothing."""
    code = "import sys, mixmnist.cli; print(*sorted(m for m in sys.modules if m.startswith(('mixmnist.', 'numpy'))))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert found == ["mixmnist.cli", "mixmnist.core", "mixmnist.core.former"]


@pytest.mark.parametrize("words", ["list --long", "--help", "list --json --quiet"])
@pytest.mark.parametrize("closed", ["pipe", "descriptor", "full"])
def test_an_output_that_takes_nothing_leaves_no_traceback(words, closed):
    """A reader that has gone, a channel that was never open or a full disk must not end in Python's own words."""
    command = f"{sys.executable} -m mixmnist.cli {words}"
    if closed == "full" and (words == "--help" or not Path("/dev/full").exists()):
        pytest.skip("no such device, or Python's own printing of help, which takes no notice")
    more = {"pipe": "", "descriptor": " >&-", "full": " >/dev/full"}[closed]
    process = subprocess.Popen(
        ["/bin/sh", "-c", f"exec {command}{more}"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        process.stdout.close()
        said = process.stderr.read()
    assert "Traceback" not in said
    assert "Exception ignored" not in said
    assert process.returncode == (2 if closed == "full" else 0)
    assert said.count("\n") == (1 if closed == "full" else 0)


def test_sigterm_is_taken_off_again():
    """Whoever calls the command from Python must find signals as they were."""
    before = signal.getsignal(signal.SIGTERM)
    cli.main(["list", "tasks", "--quiet"])
    assert signal.getsignal(signal.SIGTERM) == before
