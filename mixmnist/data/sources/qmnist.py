"""QMNIST: MNIST's training digits and 60,000 test digits, rebuilt from the same archive.

Source:
    C. Yadav, L. Bottou (2019), "Cold Case: The Lost MNIST Digits", arXiv:1905.10498.
"""

from pathlib import Path
from typing import Any

from mixmnist.core.records import Glyphs, Source
from mixmnist.data.sources import _torchvision


def load(root: str | None, split: str) -> Glyphs:
    """Loads a split; downloads QMNIST if it is not below the root."""

    def make(folder: Path) -> Any:  # noqa: ANN401 -- torchvision ships no types
        from torchvision.datasets import QMNIST

        return QMNIST(str(folder), what=split, download=True)

    layout = "QMNIST/raw/qmnist-{train,test}-{images-idx3-ubyte,labels-idx2-int}"
    return _torchvision.load(
        "QMNIST", layout, make, root, (f"qmnist-{split}-images-idx3-ubyte", f"qmnist-{split}-labels-idx2-int")
    )


SOURCE = Source("QMNIST handwritten digits, 28 x 28, 60,000 for testing", load)
