"""Fashion-MNIST: 60,000 training and 10,000 test images.

Source:
    H. Xiao, K. Rasul, R. Vollgraf (2017), "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning Algorithms",
    arXiv:1708.07747. Its ten kinds of clothing take the places of the digits 0-9.
"""

from pathlib import Path
from typing import Any

from mixmnist.core.records import Glyphs, Source
from mixmnist.data.sources import _torchvision


def load(root: str | None, split: str) -> Glyphs:
    """Loads a split; downloads FashionMNIST if it is not below the root."""

    def make(folder: Path) -> Any:  # noqa: ANN401 -- torchvision ships no types
        from torchvision.datasets import FashionMNIST

        return FashionMNIST(str(folder), train=split == "train", download=True)

    layout = "FashionMNIST/raw/{train,t10k}-{images-idx3,labels-idx1}-ubyte"
    return _torchvision.load("FashionMNIST", layout, make, root, _torchvision.named(split))


SOURCE = Source("Fashion-MNIST, ten kinds of clothing, 28 x 28", load)
