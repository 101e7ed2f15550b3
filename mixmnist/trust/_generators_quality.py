"""How good what a generator draws is, beside the same of real canvases, which is its ceiling."""

import pandas as pd

from mixmnist.data.mixture import Mixture
from mixmnist.dissect.quality import quality
from mixmnist.dissect.reading import Judge
from mixmnist.dissect.sampling import Sample
from mixmnist.trust._generators_nets import as_images, mean_of, refused

SHOWN = (
    *(f"valid{end}" for end in ("", "_lower", "_upper", "_real", "_real_lower", "_real_upper")),
    *(f"pairs{end}" for end in ("", "_real")),
    *(f"pair_distance{end}" for end in ("", "_null", "_real")),
    *(f"{what}_frechet{end}" for what in ("reader", "segmentation") for end in ("", "_real")),
    "memorised",
    "n",
    "why",
)  # of the table, for people


def of_quality(test: Sample, full: Mixture, judge: Judge, train: Mixture | None) -> pd.DataFrame:
    """Gives one row: the quality of a generator's samples beside that of real canvases; and why no verdict is passed.

    Args:
        test: The test sample, as it is judged.
        full: Real test canvases, at least twice as many.
        judge: Who reads.
        train: The canvases that it was trained on; None where it learned nothing of any.
    """
    row: dict[str, object] = dict(quality(judge, test.images, full, train))
    means = []
    for end, said in (("", test.said), ("_real", judge.read(as_images(full)))):
        mean, low, high = mean_of(said.valid.double())
        row |= {f"valid{end}": mean, f"valid{end}_lower": low, f"valid{end}_upper": high}
        means.append(mean)
    return pd.DataFrame([row | {"junk": float(test.said.junk.double().mean()), "n": len(test), "why": refused(judge, *means)}])
