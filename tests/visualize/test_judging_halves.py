"""Reading pictures of halves: by hand, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from mixmnist.core.records import Canvas
from mixmnist.visualize._garbage import KINDS
from mixmnist.visualize.halves import CHANGES, change
from mixmnist.visualize.halves_reader import ANSWERS, HalvesReader, HalvesReading, train_halves_reader
from mixmnist.visualize.judging_halves import Judges, look_at_halves, shown_by
from mixmnist.visualize.reader import Reader


class Row(nn.Module):
    """Answers by the pixels of a row."""

    def __init__(self, row, answers):
        super().__init__()
        self.row, self.answers = row, answers

    def forward(self, x):
        return x[:, 0, self.row, : self.answers] - 0.5


GOOD = dict.fromkeys(("false_alarm", *KINDS), 0.0) | {"found": 0.9}
SURE = dict.fromkeys(ANSWERS[:-1], 1.0) | dict.fromkeys((f"nothing_{kind}" for kind in KINDS), 0.0)


@pytest.fixture
def judges():
    """Digits are the bright pixels of the first row; the answer is the brightest of the last."""
    return Judges(Reader(Row(0, 10).eval(), 0.0, "digits", Canvas(), 0, GOOD), HalvesReader(Row(31, 5).eval(), SURE))


def picture(digits, answer):
    """Gives a picture in which these are read."""
    x = torch.zeros(1, 32, 32)
    x[0, 0, list(digits)] = 1
    x[0, 31, ANSWERS.index(answer)] = 1
    return x


def test_what_is_read_by_hand(judges):
    """The answer, the digits as they are, and the digits with the polarity put back, picture by picture."""
    x = torch.stack([picture((3, 4), "normal"), picture((3, 5), "inverted"), picture((), "neither")])
    table = look_at_halves(x, "inverted", torch.tensor([[3, 4]] * 3), judges)
    assert table["read"].tolist() == ["normal", "inverted", "neither"]
    assert table["digits"].tolist() == ["34", "35", ""]
    assert table["own"].tolist() == [1, 0.5, 0]
    assert table["others"].tolist() == [0, 1 / 8, 0]
    assert table["digits_undone"].tolist() == ["01256789", "01246789", "0123456789"]
    assert table["own_undone"].tolist() == [0, 0.5, 1]
    np.testing.assert_allclose(table["others_undone"], [1, 7 / 8, 1])


def test_a_change_is_undone_before_digits_are_read(judges):
    """A canvas whose tiles were moved shows its digits once they are back, and others before."""
    x = picture((3, 4), "tiles")[None]
    row = look_at_halves(change(x, "tiles"), "tiles", torch.tensor([[3, 4]]), judges).iloc[0]
    assert row["digits_undone"] == "34"
    assert (row["own"], row["own_undone"]) == (0, 1)


def test_units_have_no_digits(judges):
    """What is read of a unit's picture is its half alone."""
    table = look_at_halves(picture((3,), "blurred")[None], "blurred", None, judges)
    assert table["read"].tolist() == ["blurred"]
    assert table[["own", "others", "own_undone", "others_undone"]].isna().all(axis=None)


def test_no_table_below_a_bar(judges):
    """Either reader's bar is asked for, with a sentence that says what is wrong."""
    x = picture((), "normal")[None]
    cases = (
        (replace(judges, digits=replace(judges.digits, report=GOOD | {"found": 0.5})), "a share of shown digits found of 0.500"),
        (replace(judges, halves=HalvesReader(judges.halves.net, SURE | {"tiles": 0.89})), "0.890 of canvases tiles read as such"),
        (
            replace(judges, halves=HalvesReader(judges.halves.net, SURE | {"nothing_tiles": 0.11})),
            "0.110 of pictures of tiles read as canvases",
        ),
    )
    for poor, why in cases:
        with pytest.raises(ValueError, match=why):
            look_at_halves(x, "tiles", None, poor)


def test_own_digits_are_digits():
    """A pair is two of ten; anything else is refused."""
    assert shown_by(torch.tensor([[0, 9]])).nonzero()[:, 1].tolist() == [0, 9]
    for wrong in (-1, 10):
        with pytest.raises(ValueError, match="digits must lie between 0 and 9"):
            shown_by(torch.tensor([[wrong, 3]]))


@pytest.mark.slow
def test_a_reader_of_halves_learns_and_can_say_neither():
    """From few canvases it tells the changes, and says of pictures of nothing that they are none; and is the same twice."""
    reading = HalvesReading(images=400, garbage=80, epochs=4)
    first, second = (train_halves_reader("digits", 0, reading=reading, checked=60) for _ in range(2))
    assert first.report == second.report
    assert set(first.report) == {*ANSWERS[:-1], *(f"nothing_{kind}" for kind in (*KINDS, "blobs"))}
    assert first.report["inverted"] > 0.8
    assert sum(first.report[how] for how in ("normal", *CHANGES)) / 4 > 0.5
    assert first.report["nothing_noise"] < 0.2
    assert first.faults  # so little training is below the bar
