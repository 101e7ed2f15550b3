"""Units built to fool a score: that each is what it is said to be, and which scores it fools."""

import pytest
import torch

from mixmnist.data.mixture import draw
from mixmnist.trust.fooled import CONCEPT, FOOLS, plant, run, score, stroke_width

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def mixtures():
    """Test and rank canvases of scikit-learn's digits."""
    return [draw("pairs", "digits", split, n=900, seed=0) for split in ("test", "rank")]


@pytest.fixture(scope="module")
def found(mixtures):
    """A row a score."""
    return score(*mixtures).set_index("score")


@pytest.mark.parametrize(
    ("unit", "fooled", "sees_through"),
    [
        ("precise", ["precision_at_recall_25"], ["alignment", "drop", "f1", "correlation"]),
        ("background", ["iou_box_matched", "iou_box_information"], ["alignment", "precision_at_100", "drop"]),
        ("either", ["class_correlation"], ["alignment", "precision_at_100", "drop"]),
        ("stroke", [], ["alignment", "f1", "correlation", "iou_ink_matched", "drop"]),
    ],
)
def test_each_unit_fools_what_it_is_built_against(found, unit, fooled, sees_through):
    """Scores that it is built against must be fooled, others must see through it."""
    told = found[f"{unit}_fools"]
    assert told[fooled].eq(True).all()
    assert told[sees_through].eq(False).all()


@pytest.mark.parametrize("unit", ["constant", "dead"])
def test_units_that_say_nothing_have_no_score(found, unit):
    """A unit with one answer must have no score at all."""
    assert found[unit].isna().all()


def test_the_head_reads_none_of_the_six(mixtures):
    """Removing them must change no logit, and the ten perfect units must read every image."""
    readout = plant(mixtures[0], seed=0)
    assert torch.equal(readout.logits.argmax(dim=1), readout.labels)
    assert not readout.head[:, 10:].any()


def test_the_precise_unit_is_right_where_it_is_loudest(mixtures):
    """Its loudest images must all show the digit, though it misses most of them."""
    readout = plant(mixtures[0], seed=0)
    answers, shown = readout.response[:, 10 + list(FOOLS).index("precise")], readout.present[:, CONCEPT]
    assert shown[answers == 1].all()
    assert 0.2 < float((answers[shown] == 1).float().mean()) < 0.45


def test_strokes_are_as_wide_as_they_are_drawn():
    """Of long bars the width must be nearly their height, whatever their number."""
    images = torch.zeros(2, 40, 200, dtype=torch.uint8)
    images[0, 10:12, 5:195] = 255
    images[1, 10:14, 5:195] = 255
    images[1, 20:24, 5:195] = 255
    torch.testing.assert_close(stroke_width(images), torch.tensor([2.0, 4.0]), rtol=0.03, atol=0)


def test_a_study_without_pairs_is_refused(tmp_path):
    """The units need ten digits: without a variant of the task pairs there is one sentence."""
    with pytest.raises(ValueError, match="the study must have a variant of the task pairs, got none"):
        run(tmp_path, tmp_path, None)
