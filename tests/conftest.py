"""What many tests share: small mixtures of the digits that come with scikit-learn, and single-threaded arithmetic."""

import json

import pytest
import torch

from mixmnist.data.mixture import Mixture, draw


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _no_processes(request, monkeypatch):
    """Keeps blocks in the tests' own process, where things can be put in place of others; `processes` asks for real ones."""
    if "processes" not in request.keywords:
        monkeypatch.setattr("mixmnist.sweep._cores", lambda: 1)


@pytest.fixture(scope="session")
def pairs_mixture() -> Mixture:
    """800 test canvases of the task `pairs`."""
    return draw("pairs", "digits", "test", n=800, seed=0)


@pytest.fixture(scope="session")
def contents():
    """Gives a function from a folder to every file's bytes below it, records without times and hardware; locks do not count."""

    def read(folder):
        found = {}
        for path in sorted(p for p in folder.rglob("*") if p.is_file() and ".locks" not in p.parts):
            content = path.read_bytes()
            if path.name == "record.json":
                known = {k: v for k, v in json.loads(content).items() if k not in ("seconds", "hardware")}
                content = json.dumps(known).encode()
            found[path.relative_to(folder).as_posix()] = content
        return found

    return read
