"""The machine: on what a run is computed, and with which libraries."""

import os
import platform
import re
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from mixmnist.core.records import require
from mixmnist.core.registry import nearest

DEVICES = ("auto", "cpu", "cuda")
LIBRARIES = ("torch", "torchvision", "numpy", "scikit-learn", "pandas")


def choose_device(device: str) -> str:
    """Turns "auto" into "cuda" where there is a GPU, else "cpu".

    Raises:
        ValueError: If the device is unknown or not there.
    """
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    named = re.fullmatch(r"cpu|cuda(:\d+)?", device)
    if named is None:
        raise nearest("device", device, DEVICES)
    there = device == "cpu" or int((named[1] or ":0")[1:]) < torch.cuda.device_count()
    way_out = "Use --device cpu."
    require(there, f"device must be one that torch can use, got device={device!r} where torch finds no such GPU. {way_out}")
    return device


def circumstances(device: str) -> dict[str, Any]:
    """Says on what and with what a run was made."""
    return {
        "hardware": hardware(device),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "versions": {name: version(name) for name in ("mixmnist", *LIBRARIES)} | {"python": platform.python_version()},
    }


def hardware(device: str) -> str:
    """Names the processor or the GPU."""
    if device.startswith("cuda"):
        return torch.cuda.get_device_name(device)
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.is_file() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return f"{next(named, platform.processor() or platform.machine())}, {os.cpu_count()} cores"


def stopwatch(device: str, threads: int) -> Callable[[], float]:
    """Starts to count seconds; gives a function that says how many have passed.

    On a processor they are its own, of this process, a thread's share: waiting for others does not count. On a GPU all counts.
    """
    own = device == "cpu"
    clock, share = (time.process_time, threads) if own else (time.perf_counter, 1)
    started = clock()
    return lambda: (clock() - started) / share
