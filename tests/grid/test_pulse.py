"""What long work says of itself in a log."""

import sys
from types import SimpleNamespace

import pytest

from mixmnist.grid import pulse
from mixmnist.grid.pulse import Pulse


@pytest.fixture
def lines():
    """What is told."""
    return []


@pytest.fixture
def clock():
    """A clock that stands still until its hand is moved."""
    return SimpleNamespace(now=100.0)


@pytest.fixture
def beat(lines, clock):
    """A pulse on that clock; called with seconds since the start, a share and words."""
    one = Pulse("a block", lines.append, lambda: clock.now)

    def at(seconds, share, said="trained"):
        clock.now = 100.0 + seconds
        one(share, said)

    return at


def test_work_tells_of_itself_after_five_seconds_and_then_once_a_minute(lines, beat):
    """A log must have a line once work has taken five seconds, and no more than one a minute from then on."""
    for seconds in (1, 4.9, 5, 20, 64.9, 65, 100, 125):
        beat(seconds, seconds / 500)
    assert [line.split(",")[0] for line in lines] == ["a block: 1% trained", "a block: 13% trained", "a block: 25% trained"]


def test_what_is_left_is_by_what_it_took(lines, beat):
    """After 20 seconds for a tenth of the work, nine times as long must be said to be left."""
    beat(20, 0.1, "trained, loss 2.000")
    assert lines == ["a block: 10% trained, loss 2.000, about 3 min left"]


def test_short_work_and_the_end_of_long_work_need_no_line(lines, beat):
    """Quick blocks must stay silent, and the end is told by what follows it."""
    for seconds, share in ((1, 0.5), (2, 1.0)):
        beat(seconds, share)
    beat(500, 1.0)
    assert lines == []


def test_a_share_of_nothing_begins_other_work(lines, beat):
    """Scoring after training must be timed by itself, from its beginning on: one of five that took 10 s leaves 40 s."""
    beat(4, 1.0)
    beat(104, 0.0, "")
    beat(108, 0.0, "")
    beat(118, 0.2, "scored")
    assert lines == ["a block: 20% scored, about 40 s left"]


@pytest.mark.parametrize("terminal", [True, False])
def test_a_terminal_has_progress_bars_instead(monkeypatch, lines, terminal):
    """Lines between the bars would say the same twice."""
    monkeypatch.setattr(sys, "stderr", SimpleNamespace(isatty=lambda: terminal))
    assert (pulse.pulse("a block", lines.append) is None) == terminal
