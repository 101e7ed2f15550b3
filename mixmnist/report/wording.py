"""Words that captions of several figures share: of how many seeds, and what bands and bars are."""

from mixmnist.report.reading import StudyRecords
from mixmnist.stats import FEWEST


def seeds(records: StudyRecords) -> str:
    """Says over how many seeds a figure is.

    A number that all variants share is said once.
    """
    counts = records.runs.groupby("variant", sort=False)["seed"].nunique()
    if counts.nunique() == 1:
        return f"Seeds: n={counts.iloc[0]}{' of each variant' if len(counts) > 1 else ''}."
    return "Seeds: " + ", ".join(f"{variant} n={count}" for variant, count in counts.items()) + "."


def bands(records: StudyRecords) -> str:
    """Says what bands are, and where there are none."""
    counts = records.runs.groupby("variant").size()
    few = [f"No bands below {FEWEST} seeds."] if counts.min() < FEWEST else []
    enough = ["Bands: 95 % t interval over seeds, cut where the score ends."] if counts.max() >= FEWEST else []
    return " ".join([*enough, *few])


def intervals(records: StudyRecords, said: str) -> str:
    """Says of a mean that it has an interval, where any variant has seeds enough; and that others have none."""
    counts = records.runs.groupby("variant").size()
    if counts.max() < FEWEST:
        return ""
    return said + (f" (none below {FEWEST} seeds)" if counts.min() < FEWEST else "")
