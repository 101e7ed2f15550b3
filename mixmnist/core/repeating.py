"""What is asked of a GPU so that the same work gives the same bytes."""

import contextlib
import os
import warnings
from collections.abc import Iterator
from typing import Any

import torch


@contextlib.contextmanager
def repeatable(device: torch.device | str) -> Iterator[None]:
    """Makes a GPU give the same bytes each time; on a processor, where sums have one order, it does nothing.

    Where torch has no repeatable way (in a net of somebody's own, say) it warns and goes on. Stricter rules of a user's stay.
    All is put back, but for the size of cuBLAS's workspace: that is read once, when cuBLAS is first used.
    """
    if torch.device(device).type != "cuda":
        yield
        return
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    on, warn_only = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    settings: list[tuple[Any, str, bool]] = [
        (torch.backends.cudnn, "deterministic", True),
        (torch.backends.cudnn, "benchmark", False),
        (torch.utils.deterministic, "fill_uninitialized_memory", False),  # nothing reads what it did not write
    ]
    before = [getattr(of, name) for of, name, _ in settings]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "cumsum", module=r"mixmnist\.")  # of whole numbers, exact in any order
        try:
            torch.use_deterministic_algorithms(True, warn_only=warn_only or not on)
            for of, name, value in settings:
                setattr(of, name, value)
            yield
        finally:
            torch.use_deterministic_algorithms(on, warn_only=warn_only)
            for (of, name, _), value in zip(settings, before, strict=True):
                setattr(of, name, value)
