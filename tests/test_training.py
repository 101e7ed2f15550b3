from dataclasses import replace
from threading import Event

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mixmnist.core.records import Training
from mixmnist.core.seeding import derive
from mixmnist.data.mixture import draw
from mixmnist.nets import convnet
from mixmnist.nets.convnet import Widths
from mixmnist.probing import probe
from mixmnist.training import Stopped, Watch, choose_precision, train

RECIPE = Training(images=96, epochs=2, batch=16)
SEEDS = (3, 0, 11)


@pytest.fixture(scope="module")
def canvases():
    """Each seed's own training canvases and labels."""
    mixtures = [draw("pairs", "digits", "train", RECIPE.images, seed=seed) for seed in SEEDS]
    return torch.stack([m.images for m in mixtures]), torch.stack([m.labels for m in mixtures])


def trained(widths, seeds, images, labels, recipe=RECIPE):
    """Trains a stack in float64 and gives its nets."""
    stack = convnet.build(widths, 45, seeds).double()
    outcomes = train(stack, images, labels, recipe, seeds)
    return convnet.split(stack), outcomes


@pytest.mark.parametrize("dropout", [{}, {"dropout": 0.25}, {"dropout": 0.5, "dropout_kind": "element"}])
def test_a_stack_trains_like_its_nets_alone(canvases, dropout, pairs_mixture):
    """Three nets trained as a stack must have the weights and readouts of three nets trained one by one."""
    images, labels = canvases
    widths = Widths(conv1=3, conv2=4, conv3=5, **dropout)
    together, outcomes = trained(widths, SEEDS, images, labels)
    for copy, seed in enumerate(SEEDS):
        (alone,), (outcome,) = trained(widths, (seed,), images[copy : copy + 1], labels[copy : copy + 1])
        for name, weight in alone.state_dict().items():
            torch.testing.assert_close(together[copy].state_dict()[name], weight, rtol=1e-6, atol=1e-6)
        assert np.array(outcomes[copy].history) == pytest.approx(np.array(outcome.history))
        readouts = [probe(net, pairs_mixture, "conv3", few=50) for net in (alone, together[copy])]
        for field in ("response", "mean", "logits"):
            torch.testing.assert_close(*(getattr(r, field) for r in readouts), rtol=1e-5, atol=1e-5)


OPTIMISERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=RECIPE.peak, momentum=0.9, weight_decay=1e-4),
    "nesterov": lambda p: torch.optim.SGD(p, lr=RECIPE.peak, momentum=0.9, weight_decay=1e-4, nesterov=True),
    "adamw": lambda p: torch.optim.AdamW(p, lr=RECIPE.peak, betas=(0.9, 0.999), weight_decay=1e-4),
}


@pytest.mark.parametrize("yes_or_no", [False, True])
@pytest.mark.parametrize("kind", OPTIMISERS)
def test_a_stack_trains_like_a_plain_loop(canvases, kind, yes_or_no):
    """A copy must become the net that torch's own layers, loss, optimiser and one-cycle schedule make of the same canvases."""
    images, labels = canvases
    if yes_or_no:
        labels = F.one_hot(labels, 45) | F.one_hot(labels.roll(1, 1), 45)
    widths = Widths(conv1=3, conv2=4, conv3=5)
    ours = trained(widths, SEEDS, images, labels, replace(RECIPE, optimiser=kind))[0][1]
    net = convnet.split(convnet.build(widths, 45, (SEEDS[1],)).double())[0].train()
    optimiser = OPTIMISERS[kind](net.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, RECIPE.peak, total_steps=12, pct_start=RECIPE.warmup, cycle_momentum=False
    )
    generator = torch.Generator().manual_seed(derive(SEEDS[1], "order"))
    for _ in range(RECIPE.epochs):
        for rows in torch.randperm(RECIPE.images, generator=generator).split(RECIPE.batch):
            logits, y = net(images[1, rows, None].double() / 255), labels[1, rows]
            loss = F.binary_cross_entropy_with_logits(logits, y.double()) if yes_or_no else F.cross_entropy(logits, y)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    x = images[1, :, None].double() / 255
    with torch.inference_mode():  # not weight by weight: a bias before a norm has no effect, and adamw blows up its rounding
        torch.testing.assert_close(ours(x), net.eval()(x), rtol=1e-6, atol=1e-6)


def test_a_warm_up_of_one_step_trains(canvases):
    """A recipe so short that its warm-up is a single step must train."""
    images, labels = (t[:1] for t in canvases)
    (outcome,) = train(convnet.build(Widths(), 45, SEEDS[:1]), images, labels, Training(images=96, epochs=1, batch=19), SEEDS[:1])
    assert outcome.failure is None


def test_the_last_partial_batch_is_dropped(canvases):
    """Images that do not fill a batch must not change the number of steps."""
    images, labels = (t[:1, :90] for t in canvases)
    stack = convnet.build(Widths(), 45, SEEDS[:1])
    train(stack, images, labels, replace(RECIPE, images=90), SEEDS[:1])
    assert int(stack.conv1_norm.num_batches_tracked) == 2 * 5


def test_a_copy_that_fails_leaves_the_others_alone(canvases):
    """A loss that is not a number must fail its own run, name the epoch, and not touch the other copies."""
    images, labels = canvases
    widths = Widths(conv1=3, conv2=4, conv3=5)
    healthy, _ = trained(widths, SEEDS, images, labels)
    stack = convnet.build(widths, 45, SEEDS).double()
    with torch.no_grad():
        stack.head_weight[1] = torch.nan
    outcomes = train(stack, images, labels, RECIPE, SEEDS)
    assert [o.failure for o in outcomes] == [None, "the training loss was not a number in epoch 1 of 2", None]
    for copy in (0, 2):
        after = convnet.split(stack)[copy].state_dict()
        assert all(torch.equal(after[name], weight) for name, weight in healthy[copy].state_dict().items())


def test_training_ends_early_when_every_copy_has_failed(canvases):
    """When no copy can go on, the remaining epochs must not be run."""
    stack = convnet.build(Widths(), 45, SEEDS)
    with torch.no_grad():
        stack.head_weight[:] = torch.nan
    outcomes = train(stack, *canvases, RECIPE, SEEDS)
    assert [len(o.history) for o in outcomes] == [1, 1, 1]


def test_training_twice_gives_the_same_bytes(canvases):
    """Two trainings with one configuration must give identical weights on the CPU."""
    images, labels = canvases
    states = []
    for _ in range(2):
        stack = convnet.build(Widths(dropout=0.25), 45, SEEDS)
        train(stack, images, labels, RECIPE, SEEDS)
        states.append(stack.state_dict())
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_bf16_trains_and_keeps_float32_weights(canvases):
    """The other precision must train too, with weights kept in float32 and a finite loss."""
    stack = convnet.build(Widths(), 45, SEEDS)
    outcomes = train(stack, *canvases, RECIPE, SEEDS, precision="bf16")
    assert all(p.dtype == torch.float32 for p in stack.parameters())
    assert [o.failure for o in outcomes] == [None] * 3


def test_training_can_be_stopped(canvases):
    """A stop that is asked for from elsewhere must end training with its own exception."""
    stop = Event()
    stop.set()
    with pytest.raises(Stopped):
        train(convnet.build(Widths(), 45, SEEDS), *canvases, RECIPE, SEEDS, watch=Watch(stop=stop))


def test_the_net_is_left_in_eval_mode(canvases):
    """After training the module must be ready for probing."""
    stack = convnet.build(Widths(), 45, SEEDS)
    train(stack, *canvases, RECIPE, SEEDS)
    assert not stack.training


def test_precision_is_chosen_or_refused():
    """An unknown precision must be refused; a named one is taken as it is; auto is float32 on a processor."""
    assert choose_precision("bf16") == "bf16"
    assert choose_precision("auto") == "float32"
    with pytest.raises(ValueError, match="precision must be one of auto, float32, bf16, got precision='half'"):
        choose_precision("half")


def test_a_watch_is_told_of_every_epoch(canvases):
    """Whoever watches from elsewhere, as a log, must hear how far training is and what the block's means are."""
    told = []
    watch = Watch(tell=lambda share, said: told.append((share, said)))
    outcomes = train(convnet.build(Widths(), 45, SEEDS), *canvases, RECIPE, SEEDS, watch=watch)
    assert [share for share, _ in told] == pytest.approx([epoch / RECIPE.epochs for epoch in range(RECIPE.epochs + 1)])
    loss = sum(outcome.history[-1][0] for outcome in outcomes) / len(outcomes)
    assert told[-1][1].startswith(f"trained, loss {loss:.3f}, accuracy 0.")
