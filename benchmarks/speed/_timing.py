"""What the comparisons share: two ways of doing one thing, timed in turns."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

ROUNDS = 5


@dataclass(frozen=True)
class Row:
    """One comparison: seconds of every round for the same amount of work."""

    what: str
    amount: str  # of work in a round, in words
    peer: str  # what ours is compared with, in words
    ours: tuple[float, ...]
    theirs: tuple[float, ...]
    share: float = 1.0  # of the work that the peer did; its seconds are scaled up by it
    note: str = ""

    @property
    def ratio(self) -> float:
        """How many times as fast ours is: the median over rounds."""
        return statistics.median(t / self.share / o for o, t in zip(self.ours, self.theirs, strict=True))

    def as_dict(self) -> dict[str, object]:
        """Gives everything, ready for JSON."""
        return {**self.__dict__, "ratio": self.ratio}


def timed(work: Callable[[], object]) -> float:
    """Gives the seconds a piece of work took."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def in_turns(
    ours: Callable[[], object], theirs: Callable[[], object], rounds: int = ROUNDS
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Times both in turns, after one call of each that does not count."""
    ours()
    theirs()
    pairs = [(timed(ours), timed(theirs)) for _ in range(rounds)]
    return tuple(o for o, _ in pairs), tuple(t for _, t in pairs)
