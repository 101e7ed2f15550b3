"""What is asked of a GPU: the same numbers twice, and everything as it was afterwards."""

import os

import pytest
import torch

from mixmnist.core.repeating import repeatable


def flags() -> tuple[object, ...]:
    """What torch would do now."""
    cudnn, memory = torch.backends.cudnn, torch.utils.deterministic
    known = (torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled())
    return *known, cudnn.deterministic, cudnn.benchmark, memory.fill_uninitialized_memory


def test_a_gpu_is_asked_for_what_is_repeatable(monkeypatch):
    """Within the scope torch must choose repeatable ways, without refusing others; an error must not leave it so."""
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", True)
    before, within = flags(), []

    def fail():
        within.append((*flags(), os.environ["CUBLAS_WORKSPACE_CONFIG"]))
        raise KeyError

    with pytest.raises(KeyError), repeatable("cuda:0"):
        fail()
    assert within == [(True, True, True, False, False, ":4096:8")]
    assert flags() == before


def test_what_a_user_set_of_the_gpu_stays(monkeypatch):
    """A workspace that somebody chose, and stricter rules of theirs, must hold within the scope and after it."""
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")
    torch.use_deterministic_algorithms(True)
    try:
        with repeatable("cuda"):
            assert flags()[:2] == (True, False)
            assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":16:8"
        assert flags()[:2] == (True, False)
    finally:
        torch.use_deterministic_algorithms(False)


def test_a_processor_is_asked_for_nothing(monkeypatch):
    """On a processor, where sums have one order, nothing may change."""
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    before = flags()
    with repeatable("cpu"):
        assert flags() == before
    assert "CUBLAS_WORKSPACE_CONFIG" not in os.environ
