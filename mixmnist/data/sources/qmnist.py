"""QMNIST: MNIST's training digits and 60,000 test digits, rebuilt from the same archive.

Source:
    C. Yadav, L. Bottou (2019), "Cold Case: The Lost MNIST Digits", arXiv:1905.10498.
"""

from mixmnist.core.records import Glyphs, Source
from mixmnist.data.sources import _torchvision


def load(root: str | None, split: str) -> Glyphs:
    """Loads a split; downloads QMNIST if it is not below the root."""
    from torchvision.datasets import QMNIST

    return _torchvision.load(
        "QMNIST",
        "QMNIST/raw/qmnist-{train,test}-{images-idx3-ubyte,labels-idx2-int}",
        lambda folder: QMNIST(str(folder), what=split, download=True),
        root,
    )


SOURCE = Source("QMNIST handwritten digits, 28 x 28, 60,000 for testing", load)
