"""scikit-learn's multilayer perceptron on pairs of digits, scored from arrays alone.

    python examples/sklearn_mlp.py

No torch module is needed: the responses of its hidden units, and what the bench knows of the images, are enough.
"""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

import mixmnist


def main(images: int = 20_000, n: int = 5_000, epochs: int = 15, source: str = "auto"):
    """Trains, scores; gives the evaluation."""
    train = mixmnist.draw("pairs", source, "train", images, seed=1)
    net = MLPClassifier((60,), batch_size=128, max_iter=epochs, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # so many epochs are meant
        net.fit(flat(train), train.labels.numpy())
    test, rank = (mixmnist.draw("pairs", source, split, n) for split in ("test", "rank"))
    given, other = arrays(net, test), arrays(net, rank)
    found = mixmnist.score_arrays(
        given.response, given.present, logits=given.logits, labels=given.labels, concepts=test.concepts, rank=other
    )
    print(found.layers[["n_units", "accuracy", "detectors", "unique_concepts", "coverage"]])
    print(found.units.sort_values("alignment", ascending=False)[["unit", "concept", "alignment", "null_95", "p_layer"]].head(10))
    return found


def flat(mixture) -> np.ndarray:
    """Gives canvases as rows of numbers in [0, 1]."""
    return mixture.images.flatten(1).numpy() / 255


def arrays(net: MLPClassifier, mixture) -> mixmnist.Arrays:
    """Gives what the hidden units and the classes say of every canvas, beside the truth."""
    x = flat(mixture)
    hidden = np.maximum(x @ net.coefs_[0] + net.intercepts_[0], 0)
    logits = hidden @ net.coefs_[1] + net.intercepts_[1]
    return mixmnist.Arrays(hidden, mixture.present, logits=logits, labels=mixture.labels, concepts=mixture.concepts)


if __name__ == "__main__":
    main()
