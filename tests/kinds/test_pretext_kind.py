"""The kind pretext: trunks that learn by a head on their maps, copies alone and side by side, and what it refuses."""

from dataclasses import replace

import pytest
import torch

from mixmnist import Training, Variant, cli, draw
from mixmnist.core import registry
from mixmnist.core.records import Kind, Objective
from mixmnist.grid import digests
from mixmnist.kinds import Lesson, classifier, pretext
from mixmnist.training import train

TINY = Variant(
    task="single",
    kind="pretext",
    training=Training(images=96, epochs=2, batch=16, peak=0.1),
    probe_images=720,
    net_settings={"conv1": 3, "conv2": 4, "conv3": 5},
)
EVERY = registry.names("objectives")
NEEDED = [name for name in EVERY if registry.choose("objectives", name).asks_for_pretext]
CHANCE = {  # of what history calls accuracy
    "autoencoder": 0,  # a flat canvas of the mean pixel explains nothing
    "inpainting": 0,
    "jigsaw": 1 / 24,
    "presence": 0.9,  # one of ten digits is there
    "simclr": 1 / 31,  # of 32 views
}


def lesson(variant, seeds=(0, 1)):
    """A lesson on scikit-learn's digits."""
    return Lesson(variant, seeds, lambda split, n, seed: draw("single", "digits", split, n, seed=seed), "cpu", "float32")


def named(name, **changes):
    """A tiny variant of an objective and of the kind that it needs."""
    objective: Objective = registry.choose("objectives", name)
    return replace(TINY, objective=name, kind="pretext" if objective.asks_for_pretext else "classifier", **changes)


def test_the_shelf_holds_both():
    """Some objectives must need the kind, others not, and of each that does it must be known what chance gives."""
    assert set(NEEDED) == set(CHANCE)
    assert {"noisy", "rotation", "shuffled", "supervised"} <= set(EVERY) - set(NEEDED)


@pytest.mark.parametrize("name", EVERY)
def test_a_net_trained_alone_is_its_copy_in_a_block(name, monkeypatch):
    """Whatever the objective, a seed's net must not depend on the seeds beside it: in double precision, to 1e-6."""
    for module in (classifier, pretext):
        monkeypatch.setattr(module, "train", lambda module, *rest, **more: train(module.double(), *rest, **more))
    kind: Kind = registry.choose("kinds", named(name).kind)
    (alone, outcome), (beside, other) = (kind.train(lesson(named(name), seeds))[-1] for seeds in ((7,), (3, 7)))
    for key, value in alone.state_dict().items():
        torch.testing.assert_close(value, beside.state_dict()[key], rtol=1e-6, atol=1e-6)
    assert outcome.history[-1] == pytest.approx(other.history[-1], abs=1e-6)


@pytest.mark.parametrize(("name", "chance"), CHANCE.items())
def test_a_pretext_learns_and_gives_an_ordinary_net(name, chance):
    """What it is asked for must be told better than by chance, and the net have a head for the task, the trunk as it was left."""
    training = Training(images=480, epochs=8, batch=16, peak=0.03, optimiser="adamw")
    one = lesson(named(name, training=training, net_settings={"conv1": 4, "conv2": 8, "conv3": 12}), (0,))
    ((net, outcome),) = pretext.KIND.train(one)
    assert outcome.failure is None
    assert outcome.history[-1][0] < outcome.history[0][0]
    assert outcome.history[-1][1] > chance + 0.01
    (fitted,) = pretext.KIND.fit_head(one, [net])
    assert fitted.head.weight.shape == (10, 12)
    assert torch.equal(fitted.conv3.conv.weight, net.conv3.conv.weight)
    ((start, _),) = pretext.KIND.initialise(one)
    assert not torch.equal(start.conv1.conv.weight, net.conv1.conv.weight)


def test_an_untrained_net_is_the_same_whatever_the_pretext():
    """The baseline of every pretext must be one net with one fitted head."""
    states = []
    for name in ("jigsaw", "simclr", "presence", "rotation"):
        variant = named(name, origin="untrained")
        kind: Kind = registry.choose("kinds", variant.kind)
        ((start, outcome),) = kind.initialise(lesson(variant, (3,)))
        assert outcome.history == ()
        (fitted,) = kind.fit_head(lesson(variant, (3,)), [start])
        states.append(fitted.state_dict())
    for state in states[1:]:
        assert all(torch.equal(state[key], states[0][key]) for key in states[0])


def test_rotations_head_on_an_untrained_trunk_is_at_chance():
    """Nothing learned, a quarter of the turns must be named right: over initialisations: one head leans somewhere."""
    objective: Objective = registry.choose("objectives", "rotation")
    canvases = draw("single", "digits", "test", 1000)
    images, turns = objective.prepare(canvases.images[None], canvases.labels[None], (0,))
    right = []
    for seed in range(24):
        net = registry.choose("nets", "convnet")
        module = net.build(net.settings(), objective.outputs, (seed,))
        classifier.settle(module, images, 100)
        right.append((module(images.float().div(255).transpose(0, 1))[:, 0].argmax(dim=1) == turns[0]).float().mean().item())
    assert sum(right) / len(right) == pytest.approx(0.25, abs=0.02)  # four deviations of the mean, .023 / sqrt(24) each
    assert right == pytest.approx([0.25] * 24, abs=0.1)  # four deviations of one net: .20 to .31 on 8,000 canvases, too


@pytest.mark.parametrize(
    ("now", "then", "old"),
    [
        ("return decoder(units, size)", "return decoder(units, size + 0)", {"autoencoder"}),
        ("WholeMaps(units, rows * cols, orders)", "WholeMaps(units, cols * rows, orders)", {"jigsaw"}),
        ("chunk(len(self.heads), dim=1)", "chunk(len(self.heads), 1)", {"autoencoder", "jigsaw"}),
    ],
)
def test_other_code_of_a_head_makes_weights_of_its_pretext_old_alone(monkeypatch, now, then, old):
    """What reads the maps, of the objective or the kind, must be in the digest of the weights that it led to, and in no other."""
    code = digests.code
    variants = {name: named(name) for name in ("autoencoder", "jigsaw", "supervised", "rotation")}

    def sums():
        code._read.cache_clear()
        code._digest.cache_clear()
        return {name: digests.of_weights(variant) for name, variant in variants.items()}

    before, real = sums(), code.parse
    monkeypatch.setattr(code, "parse", lambda text, **more: real(text.replace(now, then), **more))
    try:
        after = sums()
    finally:
        monkeypatch.undo()
        sums()
    assert {name for name in variants if before[name] != after[name]} == old


def refused(tmp_path, capsys, **changes):
    """What the command says of a study that cannot be: one line, exit code 2, and nothing left behind."""
    usual = {"task": "single", "kind": "pretext"}
    (tmp_path / "bad.py").write_text(
        "from mixmnist import Study, Training, Variant\n"
        f"TOLD = {usual | changes!r}\n"
        "STUDY = Study('bad', {'v': Variant(**TOLD, training=Training(images=96, epochs=1, batch=16))}, seeds=1)\n"
    )
    out = tmp_path / "out"
    assert cli.main(["run", str(tmp_path / "bad.py"), "--source", "digits", "--out", str(out), "--quiet"]) == 2
    assert not out.exists()
    said = capsys.readouterr().err.strip()
    assert "\n" not in said
    return said


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"objective": "supervised"}, "objective must have a head to fit or another truth than labels for the kind pretext"),
        ({"objective": "jigsaw", "kind": "classifier"}, "kind must be pretext for the objective jigsaw, got kind='classifier'"),
        ({"objective": "jigsaw", "objective_settings": {"tiles": 3}}, "tiles must divide the canvas's sides"),
        ({"objective": "jigsaw", "objective_settings": {"tile": 3}}, "a setting of the objective jigsaw must be one of"),
        ({"objective": "inpainting", "objective_settings": {"share": 2.0}}, "share must lie between 0 and 1, got share=2.0"),
        ({"objective": "autoencoder", "net_settings": {"conv4": 3}}, "net setting must be a known name, got net setting='conv4'"),
    ],
)
def test_what_cannot_be_ends_in_one_sentence(tmp_path, capsys, changes, message):
    """An objective of another kind, a setting that is not known or cannot be: each must be told."""
    assert message in refused(tmp_path, capsys, **changes)


HEADLESS = """from mixmnist.core.records import Objective
from mixmnist.objectives.autoencoder import head, losses, prepare

OBJECTIVE = Objective("Pixels, and no head to fit", prepare, losses=losses, head=head)
"""


def test_a_pretext_without_a_head_to_fit_is_refused(tmp_path, capsys):
    """An objective that throws its head away and asks for no other must be told what it lacks."""
    (tmp_path / "headless.py").write_text(HEADLESS)
    said = refused(tmp_path, capsys, objective=str(tmp_path / "headless.py"))
    assert "outputs must be a number where an objective has a head, got None" in said


NO_MAPS = '''"""A net of ones own, whose last layer gives vectors."""
from dataclasses import dataclass

import torch
from torch import nn

from mixmnist.core.records import Net


@dataclass(frozen=True)
class Widths:
    units: int = 4


class Flat(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.grid, self.last, self.head = nn.Conv2d(1, 2, 8, stride=8), nn.Linear(32, 4), nn.Linear(4, n)

    def forward(self, x):
        return self.head(self.last(self.grid(x).flatten(1)))


class Stack(nn.Module):
    def __init__(self, n, copies):
        super().__init__()
        self.nets = nn.ModuleList(Flat(n) for _ in range(copies))

    def forward(self, x):
        return torch.stack([net(x[:, k, None]) for k, net in enumerate(self.nets)], dim=1)


NET = Net("Flat", Widths, lambda s, n, seeds: Stack(n, len(seeds)), lambda m: list(m.nets), lambda s, n: Flat(n), ("last",))
'''


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (("last",), "net must offer the maps that the objective autoencoder reads, got [1, 4] from its last layer"),
        (("grid",), "net must offer the maps that the objective autoencoder reads, got net="),
    ],
)
def test_a_net_without_maps_is_refused(tmp_path, capsys, layers, message):
    """An objective that reads maps must be told that the last layer gives none, or that the stack does not hand them on."""
    (tmp_path / "flat.py").write_text(NO_MAPS.replace('("last",)', repr(layers)))
    said = refused(tmp_path, capsys, objective="autoencoder", net=str(tmp_path / "flat.py"))
    assert message in said
    assert said.endswith("Choose another net or objective.")


def test_presence_needs_no_maps(tmp_path):
    """An objective of other truths, without a head of its own, must be learnt by a net that has no maps."""
    (tmp_path / "flat.py").write_text(NO_MAPS)
    variant = replace(named("presence"), net=str(tmp_path / "flat.py"), net_settings={})
    pretext.KIND.check(variant, "digits", None)
    ((_, outcome),) = pretext.KIND.train(lesson(variant, (0,)))
    assert outcome.history[-1][0] < outcome.history[0][0]


@pytest.mark.parametrize(
    ("losses", "message"),
    [
        ("return outputs.gone", "must be learnable, got AttributeError: .*gone.*. Mend its file"),
        ("return outputs.mean(), outputs.mean()", r"must give a finite loss and an accuracy for each copy, .* got \[\] and \[\]"),
    ],
)
def test_a_broken_head_of_ones_own_is_told_in_a_sentence(tmp_path, losses, message):
    """What a stranger's file does wrong must be told with its name, before anything is trained."""
    path = tmp_path / "own.py"
    path.write_text(
        "from torch import nn\nfrom mixmnist.core.records import Objective\n\n\n"
        "def prepare(images, labels, seeds):\n    return images, images\n\n\n"
        f"def losses(outputs, targets):\n    {losses}\n\n\n"
        "def head(units, rows, cols, size):\n    return nn.Flatten()\n\n\n"
        'OBJECTIVE = Objective("Broken", prepare, outputs=1, losses=losses, head=head)\n'
    )
    with pytest.raises(ValueError, match=f"the objective {path} {message}"):
        pretext.KIND.check(replace(TINY, objective=str(path)), "digits", None)


def test_heads_start_by_their_copys_seed_alone():
    """A head beside others must start as it does alone, and torch's own generator stay as it was."""
    before = torch.get_rng_state()
    variant = named("autoencoder")
    objective: Objective = registry.choose("objectives", "autoencoder")
    (alone, _), (beside, _) = (pretext._build(variant, objective, seeds) for seeds in ((7,), (3, 7)))
    for one, other in zip(alone.heads[0].parameters(), beside.heads[1].parameters(), strict=True):
        assert torch.equal(one, other)
    assert torch.equal(torch.get_rng_state(), before)
