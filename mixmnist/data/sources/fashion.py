"""Fashion-MNIST: 60,000 training and 10,000 test images.

Source:
    H. Xiao, K. Rasul, R. Vollgraf (2017), "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning Algorithms",
    arXiv:1708.07747. Its ten kinds of clothing take the places of the digits 0-9.
"""

from mixmnist.core.records import Glyphs, Source
from mixmnist.data.sources import _torchvision


def load(root: str | None, split: str) -> Glyphs:
    """Loads a split; downloads FashionMNIST if it is not below the root."""
    from torchvision.datasets import FashionMNIST

    return _torchvision.load(
        "FashionMNIST",
        "FashionMNIST/raw/{train,t10k}-{images-idx3,labels-idx1}-ubyte",
        lambda folder: FashionMNIST(str(folder), train=split == "train", download=True),
        root,
    )


SOURCE = Source("Fashion-MNIST, ten kinds of clothing, 28 x 28", load)
