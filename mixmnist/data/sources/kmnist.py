"""Kuzushiji-MNIST: 60,000 training and 10,000 test images.

Source:
    T. Clanuwat et al. (2018), "Deep Learning for Classical Japanese Literature", arXiv:1812.01718. Its ten characters take the
    places of the digits 0-9.
"""

from pathlib import Path
from typing import Any

from mixmnist.core.records import Glyphs, Source
from mixmnist.data.sources import _torchvision


def load(root: str | None, split: str) -> Glyphs:
    """Loads a split; downloads KMNIST if it is not below the root."""

    def make(folder: Path) -> Any:  # noqa: ANN401 -- torchvision ships no types
        from torchvision.datasets import KMNIST

        return KMNIST(str(folder), train=split == "train", download=True)

    layout = "KMNIST/raw/{train,t10k}-{images-idx3,labels-idx1}-ubyte"
    return _torchvision.load("KMNIST", layout, make, root, _torchvision.named(split))


SOURCE = Source("Kuzushiji-MNIST, ten cursive characters, 28 x 28", load)
