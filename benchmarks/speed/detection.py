"""Every detection metric of the shelf for all units and concepts, against scikit-learn in a double loop."""

import statistics
from collections.abc import Iterator

import numpy as np
from _timing import Row, in_turns
from sklearn.metrics import average_precision_score, precision_recall_curve

from mixmnist.core import registry
from mixmnist.data import mixture
from mixmnist.metrics._ranking import sorting_once
from mixmnist.nets import convnet
from mixmnist.probing import probe

N, UNITS = 10_000, 30


def double_loop(response: np.ndarray, mean: np.ndarray, present: np.ndarray) -> None:
    """Scores each unit for each concept, as most people write it: average precision, precision at k and at recall."""
    for unit in range(response.shape[1]):
        for concept in range(present.shape[1]):
            truth, score = present[:, concept], response[:, unit]
            average_precision_score(truth, score)
            average_precision_score(truth, mean[:, unit])
            ordered = truth[np.argsort(-score)]
            for k in (100, 300, 500, 700):
                ordered[:k].mean()
            precision, recall, _ = precision_recall_curve(truth, score)
            for least in (0.25, 0.5, 0.75):
                precision[recall >= least][-1]


def compare() -> Iterator[Row]:
    """Times both in turns, on the responses of an untrained layer."""
    drawn = mixture.draw("pairs", "auto", "test", N)
    net = convnet.split(convnet.build(convnet.Widths(conv3=UNITS), 45, (0,)))[0]
    readout = probe(net, drawn, "conv3")
    detection = [m for m in registry.collect("metrics").values() if m.axes == ("units", "concepts")]
    columns = [(m, c) for m in detection for c in m.columns if set(m.needs(c)) <= {"response", "mean", "present"}]
    arrays = [t.numpy() for t in (readout.response, readout.mean, readout.present)]

    def ours() -> None:
        with sorting_once():  # as `score` does
            for metric, column in columns:
                metric.columns[column](**{need: getattr(readout, need) for need in metric.needs(column)})

    mine, theirs = in_turns(ours, lambda: double_loop(*arrays))
    amount = f"{len(columns)} scores, {UNITS} units x {len(drawn.concepts)} concepts, {N:,} images"
    note = f"{1000 * statistics.median(mine):.0f} ms"
    yield Row("detection scores", amount, "scikit-learn in a double loop", mine, theirs, note=note)
