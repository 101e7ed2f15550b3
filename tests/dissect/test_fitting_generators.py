"""The loop that all generators are trained by."""

import threading

import pytest
import torch
from torch import nn

from mixmnist import Training, Variant
from mixmnist.dissect.fitting import Course, adam, blend, course_of, fit, initialised, pace, pixels
from mixmnist.training import Stopped, Watch


def line(seed=0):
    """Makes a line of two weights."""
    with initialised(seed):
        return nn.Linear(2, 1)


def follow(net, optimiser, seen=None):
    """Makes a step that pulls a line's answer at ones to 3."""

    def step(rows, generator):
        if seen is not None:
            seen.append((rows.tolist(), torch.rand(1, generator=generator).item()))
        loss = (net(torch.ones(1, 2)) - 3).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        return loss, torch.tensor(0.25)

    return step


def fitted(course, seed=0, watch=None, seen=None):
    """Fits a line."""
    net = line()
    optimiser = adam(net, 0.05)
    return fit(net, follow(net, optimiser, seen), (optimiser,), course, seed, watch or Watch())


def test_it_learns_and_says_so():
    """A line reaches its aim, its history has an entry an epoch, and the shares are those that steps said."""
    average, outcome = fitted(Course(canvases=40, batch=4, steps=400))
    assert average(torch.ones(1, 2)).item() == pytest.approx(3, abs=0.01)
    assert len(outcome.history) == 40
    assert outcome.history[0][0] > outcome.history[-1][0]
    assert outcome.history[5][1] == 0.25
    assert outcome.failure is None


def test_an_epoch_that_is_not_whole_is_told_too():
    """Seven steps of three an epoch are two epochs and a third."""
    _, outcome = fitted(Course(canvases=14, batch=4, steps=7))
    assert len(outcome.history) == 3


def test_every_canvas_is_seen_once_an_epoch():
    """Rows are shuffled anew each epoch; the last partial batch is dropped."""
    seen = []
    fitted(Course(canvases=9, batch=4, steps=4), seen=seen)
    for epoch in (seen[:2], seen[2:]):
        rows = [row for batch, _ in epoch for row in batch]
        assert len(set(rows)) == 8
    assert seen[0][0] != seen[2][0]


def test_the_seed_decides_order_and_numbers():
    """One seed gives the same batches and random numbers twice, another gives others."""
    same, again, other = [], [], []
    for seed, seen in ((0, same), (0, again), (1, other)):
        fitted(Course(canvases=9, batch=4, steps=4), seed=seed, seen=seen)
    assert same == again
    assert same != other


def test_a_loss_that_is_no_number_is_a_failure():
    """The training ends there, and says in which step."""
    net = line()

    def step(rows, generator):
        return torch.tensor(float("nan")), torch.tensor(0.0)

    _, outcome = fit(net, step, (), Course(canvases=8, batch=4, steps=20), 0)
    assert outcome.failure == "the training loss was not a number in step 2 of 20 or before"
    assert len(outcome.history) == 1


def test_it_can_be_stopped():
    """A stop signal ends it and nothing is kept."""
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        fitted(Course(canvases=8, batch=4, steps=20), watch=Watch(stop=stop))


def test_it_tells_how_far_it_is():
    """Shares of the work rise from 0 to 1."""
    told = []
    fitted(Course(canvases=8, batch=4, steps=6), watch=Watch(tell=lambda share, _: told.append(share)))
    assert told == [0.0, 1 / 3, 2 / 3, 1.0]


def test_averaged_weights_follow():
    """A tenth kept is a tenth of the old weight and nine tenths of the new; buffers are copied."""
    old, new = nn.BatchNorm1d(1), nn.BatchNorm1d(1)
    with torch.no_grad():
        old.weight.fill_(1.0)
        new.weight.fill_(11.0)
        new.running_mean.fill_(5.0)
    blend(old, new, keep=0.1)
    assert old.weight.item() == pytest.approx(10.0)
    assert old.running_mean.item() == 5.0


def test_the_rate_rises_stays_and_falls():
    """The pace is 1 in the middle and nearly 0 at both ends."""
    assert pace(0.01) == pytest.approx(0.5)
    assert pace(0.5) == 1.0
    assert pace(0.7) == pytest.approx(1.0)
    assert pace(1.0) == 0.0


def test_initial_weights_have_their_own_seed():
    """They are the same for one seed, others for another, and torch's own random numbers go on as they were."""
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    one, again, other = line(0), line(0), line(1)
    assert torch.equal(one.weight, again.weight)
    assert not torch.equal(one.weight, other.weight)
    assert torch.equal(torch.rand(1), expected)


def test_a_course_is_never_longer_than_the_epochs():
    """Own steps count, up to so many passes over the canvases."""
    variant = Variant(training=Training(images=100, epochs=3, batch=10))
    assert course_of(variant, {"steps": 7, "batch": 10}).steps == 7
    assert course_of(variant, {"steps": 1000, "batch": 10}).steps == 30


def test_a_batch_that_is_too_large_is_refused():
    """The message says both numbers."""
    with pytest.raises(ValueError, match="batch must be between 1 and the number of training canvases, got batch=9 with 8"):
        Course(canvases=8, batch=9, steps=1)


def test_pixels_are_from_0_to_1():
    """255 is 1, and rows are those asked for."""
    images = torch.tensor([[[0, 51]], [[255, 0]]], dtype=torch.uint8)
    assert pixels(images, torch.tensor([1, 0])).flatten().tolist() == pytest.approx([1.0, 0.0, 0.0, 0.2])
