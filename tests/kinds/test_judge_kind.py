"""The kind of judges: the recipe says how many canvases each sees; its weights hold the card."""

import pytest
import torch

from mixmnist import Training, Variant
from mixmnist.core.records import Canvas
from mixmnist.dissect.judging import judge_of
from mixmnist.grid import origins
from mixmnist.kinds import Lesson, judge

TWO_STEPS = Variant(kind="judge", training=Training(images=8, epochs=2, batch=8), net_settings={"checked": 20})


def test_the_recipe_says_how_many_steps_there_are():
    """Images times epochs must be seen, a batch at a step; the settings of the net are the judge's own."""
    found = judge.how_of(Variant(kind="judge", training=Training(images=64, epochs=3, batch=16), net_settings={"rate": 0.1}))
    assert (found.steps, found.batch, found.rate) == (12, 16, 0.1)


def test_a_judge_is_trained_for_each_seed_and_loaded_with_its_card():
    """What is loaded from the weights alone must say the same of canvases and have the same card."""
    lesson = Lesson(TWO_STEPS, (3, 0), lambda *_: None, "cpu", "float32", source="stamps")
    (one, outcome), (other, _) = judge.train_nets(lesson)
    copy = judge.load(TWO_STEPS)
    copy.load_state_dict(one.state_dict())
    images = torch.rand(2, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    ours, theirs, others = (judge_of(net, Canvas(), "stamps", 3) for net in (one, copy, other))
    assert torch.equal(ours.shares(images), theirs.shares(images))
    assert not torch.equal(ours.shares(images), others.shares(images))
    assert ours.card == theirs.card
    assert outcome.failure is None
    assert judge.layers(TWO_STEPS)[-1] in dict(one.named_modules())


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ({"net": "wide"}, "net must be 'convnet' for judges, got net='wide'. Leave net out"),
        ({"origin": "untrained"}, "origin must be 'trained' for judges"),
        ({"objective": "rotation"}, "objective must be supervised for the kind judge"),
        ({"net_settings": {"chekked": 20}}, "net setting must be a known name, got net setting='chekked'. Did you mean checked"),
        ({"net_settings": {"steps": 20}}, "net setting must be a known name"),
        ({"canvas": Canvas(size=31)}, "size must be a multiple of 8 pixels for a judge, got size=31"),
    ],
    ids=lambda found: next(iter(found)) if isinstance(found, dict) else "",
)
def test_what_cannot_work_of_a_judge_is_refused(others, message):
    """Each wrong field must be answered with its name and what would do."""
    with pytest.raises(ValueError, match=message):
        origins.check(Variant(kind="judge", **others), "stamps", None)
