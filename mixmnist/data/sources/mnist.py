"""MNIST: 60,000 training and 10,000 test digits of 28 x 28 pixels.

Source:
    Y. LeCun, L. Bottou, Y. Bengio, P. Haffner (1998), "Gradient-based learning applied to document recognition". Read through
    torchvision.datasets.MNIST where they must be fetched; the raw files must have the SHA-256 sums below.
"""

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from mixmnist.core.records import Glyphs, Source, require
from mixmnist.data.sources import _torchvision

SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}

FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


class _Read(NamedTuple):
    """What was read, as torchvision has it."""

    data: Tensor
    targets: Tensor


def load(root: str | None, split: str) -> Glyphs:
    """Loads a split; downloads MNIST if it is not below the root.

    Raises:
        ValueError: If a raw file is truncated or altered.
    """

    def make(folder: Path) -> Any:  # noqa: ANN401 -- torchvision ships no types
        if _are_whole(folder):
            return _Read(*(_read(folder / "MNIST" / "raw" / name) for name in FILES[split]))
        from torchvision.datasets import MNIST  # takes seconds to load

        return MNIST(str(folder), train=split == "train", download=True)

    layout = "MNIST/raw/{train,t10k}-{images-idx3,labels-idx1}-ubyte"
    return _torchvision.load("MNIST", layout, make, root, _torchvision.named(split), _check)


def _are_whole(folder: Path) -> bool:
    """Compares the raw files that are there with their pinned sums, and says whether all are."""
    there = 0
    for name, expected in SHA256.items():
        path = folder / "MNIST" / "raw" / name
        if path.is_file():
            got = hashlib.sha256(path.read_bytes()).hexdigest()
            require(got == expected, f"{name} with SHA-256 {got[:12]}... where MNIST's is {expected[:12]}...")
            there += 1
    return there == len(SHA256)


def _read(path: Path) -> Tensor:
    """Reads a raw file: two bytes of nothing, the kind of its values (8: bytes), the number of axes, their lengths, values."""
    content, axes = path.read_bytes(), 3 if "idx3" in path.name else 1
    begin = 4 + 4 * axes
    require(content[:4] == bytes((0, 0, 8, axes)), f"{path.name} with the header {content[:4]!r}")
    values = np.frombuffer(content[begin:], np.uint8)
    return torch.from_numpy(values.reshape(np.frombuffer(content[4:begin], ">i4")).copy())


SOURCE = Source("MNIST handwritten digits, 28 x 28", load)
