"""A metric of one's own that is fair: how much louder a unit is where its digit is. Its card says what it does not see.

Try it: mixmnist grade examples/margin.py
"""

from mixmnist.core.records import Metric


def margin(response, present):
    """Mean response with the concept less that without it, over the response's standard deviation, [units, concepts]."""
    shown = present.to(response.dtype)
    with_it, without_it = response.T @ (shown / shown.sum(0)), response.T @ ((1 - shown) / (1 - shown).sum(0))
    return (with_it - without_it) / response.std(dim=0)[:, None]


METRIC = Metric("Margin", axes=("units", "concepts"), columns={"margin": margin}, chance="0")
