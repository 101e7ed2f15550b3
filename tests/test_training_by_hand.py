"""Training of a linear module on small oblong images, against a plain loop that takes one copy at a time."""

from contextlib import nullcontext
from dataclasses import replace
from threading import Event
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from sklearn.metrics import accuracy_score, log_loss
from torch import nn

from mixmnist import training
from mixmnist.core.records import Training
from mixmnist.core.seeding import derive
from mixmnist.training import Aim, Stopped, Watch, cross_entropies, train

COPIES, IMAGES, ROWS, COLS, CLASSES = 2, 23, 3, 5, 4
RECIPE = Training(images=IMAGES, epochs=3, batch=4, peak=0.2, warmup=0.3, momentum=0.6, decay=0.01)  # five steps an epoch
SEEDS = (7, 2)


class Line(nn.Module):
    """A linear map for each copy."""

    def __init__(self, copies=COPIES):
        super().__init__()
        g = torch.Generator().manual_seed(0)
        self.weight = nn.Parameter(torch.randn(copies, ROWS * COLS, CLASSES, generator=g, dtype=torch.float64))

    def forward(self, x):  # images copies rows cols
        return torch.einsum("ncp,cpk->nck", x.flatten(2), self.weight)


@pytest.fixture(scope="module")
def data():
    """Images, classes, and a yes or no for each class; each copy's own."""
    g = torch.Generator().manual_seed(1)
    images = torch.randint(0, 256, (COPIES, IMAGES, ROWS, COLS), generator=g).to(torch.uint8)
    one, many = (
        torch.randint(0, CLASSES, (COPIES, IMAGES), generator=g),
        torch.randint(0, 2, (COPIES, IMAGES, CLASSES), generator=g),
    )
    return images, one, many


def by_hand(images, labels, seed, weight, recipe):
    """Trains one copy by a plain loop; gives its weight and the means over each epoch's steps."""
    weight = weight.clone().requires_grad_()
    kinds = {
        "sgd": lambda: torch.optim.SGD([weight], recipe.peak, recipe.momentum, weight_decay=recipe.decay),
        "nesterov": lambda: torch.optim.SGD([weight], recipe.peak, recipe.momentum, weight_decay=recipe.decay, nesterov=True),
        "adamw": lambda: torch.optim.AdamW([weight], recipe.peak, (recipe.momentum, 0.999), weight_decay=recipe.decay),
    }
    optimiser, steps = kinds[recipe.optimiser](), IMAGES // recipe.batch
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, recipe.peak, total_steps=steps * recipe.epochs, pct_start=recipe.warmup, cycle_momentum=False
    )
    generator, history = torch.Generator().manual_seed(derive(seed, "order")), []
    for _ in range(recipe.epochs):
        order, told = torch.randperm(IMAGES, generator=generator), []
        for step in range(steps):
            rows = order[step * recipe.batch : (step + 1) * recipe.batch]
            logits, y = images[rows].double().flatten(1) / 255 @ weight, labels[rows]
            if y.ndim == 1:
                loss, right = F.cross_entropy(logits, y), (logits.argmax(1) == y).double().mean()
            else:
                loss = F.binary_cross_entropy_with_logits(logits, y.double())
                right = ((logits > 0) == (y == 1)).double().mean()
            told.append((loss.item(), right.item()))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
        history.append([sum(part) / steps for part in zip(*told, strict=True)])
    return weight.detach(), history


@pytest.mark.parametrize("kind", ["sgd", "nesterov", "adamw"])
@pytest.mark.parametrize("many", [False, True])
def test_each_copy_is_what_a_plain_loop_makes(data, kind, many):
    """Weights, and each epoch's mean loss and accuracy, must be those of a plain loop over the copy's own order of images."""
    images, labels = data[0], data[2 if many else 1]
    recipe, module = replace(RECIPE, optimiser=kind), Line()
    before = module.weight.detach().clone()
    outcomes = train(module, images, labels, recipe, SEEDS)
    for copy, seed in enumerate(SEEDS):
        weight, history = by_hand(images[copy], labels[copy], seed, before[copy], recipe)
        torch.testing.assert_close(module.weight.detach()[copy], weight, rtol=0, atol=1e-9)
        assert [list(epoch) for epoch in outcomes[copy].history] == [pytest.approx(epoch) for epoch in history]
        assert outcomes[copy].failure is None


def test_losses_and_accuracies_are_scikit_learns(data):
    """Each copy's mean loss and share of right answers must be over its own images; a logit of 0 is a no."""
    g = torch.Generator().manual_seed(5)
    logits = torch.randint(-2, 3, (IMAGES, COPIES, CLASSES), generator=g).double()
    for labels in data[1:]:
        losses, right = cross_entropies(logits, labels.transpose(0, 1))
        assert losses.shape == right.shape == (COPIES,)
        for copy in range(COPIES):
            own, y = logits[:, copy], labels[copy]
            if y.ndim == 1:
                assert losses[copy].item() == pytest.approx(log_loss(y, own.softmax(1), labels=range(CLASSES)))
                assert right[copy].item() == pytest.approx(accuracy_score(y, own.argmax(1)))
            else:
                expected = log_loss(y.flatten(), own.sigmoid().flatten())
                assert losses[copy].item() == pytest.approx(expected)
                assert right[copy].item() == pytest.approx(accuracy_score(y.flatten(), own.flatten() > 0))


def test_an_aim_is_given_images_targets_module_and_a_generator_a_copy(data):
    """A view must get each batch in [0, 1] with its targets and the seeds' own generators; its losses are what is followed."""
    images, labels, _ = data
    seen, module = [], Line()

    def view(x, y, given, generators):
        assert given is module
        seen.append((x.shape, x.min().item(), x.max().item(), y.shape, [g.initial_seed() for g in generators]))
        return torch.zeros_like(x)

    def losses(outputs, y):
        assert (outputs == 0).all()
        each = outputs.mean(dim=(0, 2)) + torch.tensor([2.0, 3.0])
        return each, torch.tensor([0.25, 0.75], dtype=outputs.dtype)

    outcomes = train(module, images, labels, RECIPE, SEEDS, aim=Aim(losses=losses, view=view))
    assert [outcome.history for outcome in outcomes] == [((2.0, 0.25),) * 3, ((3.0, 0.75),) * 3]
    shapes = {(tuple(x), tuple(y)) for x, _, _, y, _ in seen}
    assert shapes == {((4, COPIES, ROWS, COLS), (4, COPIES))}
    assert all(0 <= low < high <= 1 for _, low, high, _, _ in seen)
    assert len(seen) == 15
    assert seen[0][-1] == [derive(seed, "view") for seed in SEEDS]


def test_a_failure_is_of_its_first_epoch_and_its_own_copy(data):
    """A loss that is no number must be told with the epoch in which it came first; the other copy goes on to the end."""
    images, labels, _ = data
    calls = []

    def losses(outputs, y):
        calls.append(1)
        fails = len(calls) > 5  # from the second epoch on
        each = outputs.mean(dim=(0, 2)) * 0 + torch.tensor([float("inf") if fails else 1.0, 1.0])
        return each, torch.ones(2, dtype=outputs.dtype)

    failed, good = train(Line(), images, labels, RECIPE, SEEDS, aim=Aim(losses=losses))
    assert failed.failure == "the training loss was not a number in epoch 2 of 3"
    assert good.failure is None
    assert len(failed.history) == len(good.history) == 3


def test_training_stops_when_it_is_asked_to(data):
    """A stop that comes while it trains must end it at the next step, and one that never comes not."""
    images, labels, _ = data
    stop, steps = Event(), []

    def losses(outputs, y):
        steps.append(1)
        if len(steps) == 7:
            stop.set()
        return cross_entropies(outputs, y)

    with pytest.raises(Stopped):
        train(Line(), images, labels, RECIPE, SEEDS, watch=Watch(stop=stop), aim=Aim(losses=losses))
    assert len(steps) == 7
    assert len(train(Line(), images, labels, RECIPE, SEEDS, watch=Watch(stop=Event()))) == COPIES


def test_bf16_is_asked_for_by_name(data):
    """Only under bf16 a module's products may be of that precision."""
    seen = []

    class Product(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(ROWS * COLS, CLASSES)

        def forward(self, x):
            found = self.layer(x.flatten(2))
            seen.append(found.dtype)
            return found

    for precision in ("float32", "bf16"):
        train(Product(), data[0], data[1], replace(RECIPE, epochs=1), SEEDS, precision=precision)
    assert seen == [torch.float32] * 5 + [torch.bfloat16] * 5


class Graph:
    """Stands for a captured graph: replayed, it takes its steps."""

    def __init__(self, steps, n, calls):
        self.steps, self.n, self.calls = steps, n, calls

    def replay(self):
        self.calls.append(self.n)
        for _ in range(self.n):
            training._Steps._take(self.steps)


@pytest.mark.parametrize("works", [True, False])
def test_steps_are_captured_after_some_without(data, monkeypatch, works):
    """After three steps they must be captured, alone and several together, and replayed from then on; or go on as before.

    A replayed step reads all from the places that an epoch's beginning filled, so the weights must be the same.
    """
    images, labels = (part[:, torch.arange(100) % IMAGES] for part in data[:2])
    recipe, calls, weights = replace(RECIPE, images=100, epochs=2), [], []

    def captured(steps, n):
        if not works:
            raise RuntimeError("no graph")
        return Graph(steps, n, calls)

    monkeypatch.setattr(training._Steps, "_captured", captured)
    for capture in (False, True):
        module = Line()
        steps = training._Steps(module, recipe, images, labels, "float32", capture, Aim(), ())
        with nullcontext() if works or not capture else pytest.warns(UserWarning, match="could not be captured.*no graph"):
            for epoch in range(2):
                steps.begin(torch.arange(100).roll(epoch).expand(COPIES, -1), torch.linspace(0.1, 0.2, 25))
                while steps.left:
                    steps.advance()
        weights.append(module.weight.detach())
        assert steps.taken == 50
    assert calls == ([training.SPAN] * 2 + [1] * 6 + [training.SPAN] * 3 + [1] if works else [])
    assert torch.equal(*weights)


def test_rates_are_those_of_the_schedule():
    """The table of learning rates must be torch's one cycle, to the last bit, and end where it ends."""
    net = torch.optim.SGD([torch.zeros(1)], lr=9.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(net, max_lr=0.2, total_steps=15, pct_start=0.3, cycle_momentum=False)
    for rate in training._rates(RECIPE, 15):
        assert rate == net.param_groups[0]["lr"]
        net.step()
        schedule.step()


def test_on_a_processor_torchs_own_switches_stay(data):
    """The order of sums is only asked for on a GPU."""
    seen = []
    module = Line()
    module.register_forward_hook(lambda *_: seen.append(torch.get_deterministic_debug_mode()))
    train(module, data[0], data[1], replace(RECIPE, epochs=1), SEEDS)
    assert set(seen) == {0}


def test_a_line_says_the_means_and_the_speed():
    """What stands beside a progress bar must be the mean of the last epoch's losses and accuracies, and images a second."""
    histories = [[(9.0, 0.0), (1.0, 0.5)], [(9.0, 0.0), (2.0, 0.25)]]
    unknown = SimpleNamespace(n=10, format_dict={"rate": None, "elapsed": 4.0})
    assert training._summary(histories, unknown, 100) == "loss 1.500, accuracy 0.375, 250 images/s"
    known = SimpleNamespace(n=10, format_dict={"rate": 3.0, "elapsed": 4.0})
    assert training._summary(histories, known, 100).endswith(", 300 images/s")
    silent = SimpleNamespace(n=0, format_dict={"rate": None, "elapsed": 0})
    assert training._summary(histories, silent, 100) == "loss 1.500, accuracy 0.375"
