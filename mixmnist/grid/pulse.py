"""Pulse: what long work says of itself in a log, where nobody sees a progress bar."""

import sys
import time
from collections.abc import Callable

from mixmnist.grid.estimating import as_time

FIRST, EVERY = 5.0, 60.0  # seconds after which work is first told of, and from then on at least between two lines


class Pulse:
    """Tells how far work is: a line once it has taken five seconds, then one a minute; nothing at its end, which tells itself."""

    def __init__(self, label: str, tell: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._label, self._tell, self._clock = label, tell, clock
        self._begun = clock()
        self._due = self._begun + FIRST

    def __call__(self, share: float, said: str) -> None:
        """Takes note that a share of the work, up to 1, is done; a share of 0 begins other work."""
        now = self._clock()
        if share == 0:
            self._begun, self._due = now, now + FIRST
            return
        if share < 1 and now >= self._due:
            self._due = now + EVERY
            self._tell(f"{self._label}: {share:.0%} {said}, about {as_time((now - self._begun) / share * (1 - share))} left")


def pulse(label: str, tell: Callable[[str], None]) -> Pulse | None:
    """Gives what tells of long work in a log; None on a terminal, which has progress bars."""
    return None if sys.stderr.isatty() else Pulse(label, tell)
