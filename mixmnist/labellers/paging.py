"""What the page tells of a person's labels, and what the judge of labels says of the same: a row a unit.

The page tells how many of the shown images fit, whether each click is right, and whether the name is the unit's own digit.

Source:
    B. Zhou et al. (2015), arXiv:1412.6856: precision is the share of the top images that fit. Differs: as in `page.annotations`,
    which does the same for a page's exhibits.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from mixmnist.labellers.annotations import Annotation, understood
from mixmnist.labellers.sight import Sight

FEWEST = 5  # units that an order is told of


def page_scores(annotations: Sequence[Annotation], sight: Sight) -> pd.DataFrame:
    """Gives what the page tells of each labelled unit.

    Args:
        annotations: Of units of this layer, whose shown images are the top ones of the sight.
        sight: The layer.

    Returns:
        A row an annotation: unit; fits, the share of images that the person says fit; true and judged_right as on the page: the
        share that shows the name, and on which Yes or No is right of it (nan where the words mean no one digit).
    """
    rows = []
    for one in annotations:
        fits = ~np.isin(np.arange(one.shown), one.misfits)
        row = {"unit": one.unit, "fits": float(fits.mean()), "true": np.nan, "judged_right": np.nan}
        means = understood(one.concept, sight.concepts)
        if means is not None:
            shows = sight.present[sight.top(one.shown)[one.unit], means].numpy()
            row |= {"true": float(shows.mean()), "judged_right": float((shows == fits).mean())}
        rows.append(row)
    return pd.DataFrame(rows)


def beside(told: pd.DataFrame, judged: pd.DataFrame) -> dict[str, float]:
    """Sets what the page tells beside what the judge says: means over units, and whether they order units alike.

    Args:
        told: As `page_scores` gives it.
        judged: As `judge_labels` does, of the same labels.

    Returns:
        fits, judged_right, f1: means over units that got a name; fits_orders_f1: Spearman's rank correlation of fits and f1 over
        these, nan of fewer than five or where one of them is the same for all.
    """
    both = told.merge(judged[["unit", "empty", "f1"]], on="unit")
    both = both[both["empty"].eq(0)].dropna(subset=["f1"])
    told_apart = len(both) >= FEWEST and both["fits"].std() > 0 and both["f1"].std() > 0
    order = float(spearmanr(both["fits"], both["f1"]).statistic) if told_apart else np.nan
    means = {name: float(both[name].mean()) for name in ("fits", "judged_right", "f1")}
    return {**means, "fits_orders_f1": order}
