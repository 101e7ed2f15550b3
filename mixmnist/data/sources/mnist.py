"""MNIST: 60,000 training and 10,000 test digits of 28 x 28 pixels.

Source:
    Y. LeCun, L. Bottou, Y. Bengio, P. Haffner (1998), "Gradient-based learning applied to document recognition". Read through
    torchvision.datasets.MNIST; the raw files must have the SHA-256 sums below.
"""

import hashlib
from pathlib import Path
from typing import Any

from mixmnist.core.records import Glyphs, Source, require
from mixmnist.data.sources import _torchvision

SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


def load(root: str | None, split: str) -> Glyphs:
    """Loads a split; downloads MNIST if it is not below the root.

    Raises:
        ValueError: If a raw file is truncated or altered.
    """

    def make(folder: Path) -> Any:  # noqa: ANN401 -- torchvision ships no types
        from torchvision.datasets import MNIST

        return MNIST(str(folder), train=split == "train", download=True)

    layout = "MNIST/raw/{train,t10k}-{images-idx3,labels-idx1}-ubyte"
    return _torchvision.load("MNIST", layout, make, root, _torchvision.named(split), _check)


def _check(folder: Path) -> None:
    """Compares the raw files that are there with their pinned sums."""
    for name, expected in SHA256.items():
        path = folder / "MNIST" / "raw" / name
        if path.is_file():
            got = hashlib.sha256(path.read_bytes()).hexdigest()
            require(got == expected, f"{name} with SHA-256 {got[:12]}... where MNIST's is {expected[:12]}...")


SOURCE = Source("MNIST handwritten digits, 28 x 28", load)
