"""A metric of one's own that looks sensible and is not: how loud a unit is on the images with its digit.

It never looks at the other images, so a unit that answers to everything is the best. Its card says so:
mixmnist grade examples/loudness.py
"""

from mixmnist.core.records import Metric


def loudness(response, present):
    """Mean response on the images that show the concept, [units, concepts]."""
    shown = present.to(response.dtype)
    return response.T @ (shown / shown.sum(0))


METRIC = Metric("Loudness", axes=("units", "concepts"), columns={"loudness": loudness}, chance="0")
