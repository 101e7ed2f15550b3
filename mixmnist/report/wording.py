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


def noun(records: StudyRecords) -> str:
    """Says what concepts are called: digits, if that is what all of them are."""
    return "digit" if records.concepts["concept"].astype(str).str.fullmatch(r"\d").all() else "concept"


def shortened(name: str, most: int) -> str:
    """Writes a name in at most so many signs, and at least five: its beginning and its end, by which names differ.

    Example:
        >>> shortened("cat", 12), shortened("hippopotamus with a name", 12)
        ('cat', 'hippopo…name')
    """
    name, most = " ".join(name.split()), max(5, most)
    if len(name) <= most:
        return name
    end = (most - 1) // 3 + (most > 8)
    return f"{name[: most - 1 - end].rstrip()}\N{HORIZONTAL ELLIPSIS}{name[-end:].lstrip()}"


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
