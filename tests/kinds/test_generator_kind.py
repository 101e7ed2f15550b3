"""The kind of generators: what is asked for is checked before anything is written; trained, built, loaded, named."""

from pathlib import Path

import pytest
import torch

from mixmnist import Training, Variant
from mixmnist.core import registry
from mixmnist.core.records import Canvas
from mixmnist.grid import origins
from mixmnist.grid.canvases import drawn
from mixmnist.kinds import Lesson, generator

TINY = Path(__file__).with_name("tiny_generator.py")
RECIPE = Training(images=40, epochs=3, batch=8)


def variant(net=TINY, **others):
    """A variant of a generator."""
    return Variant(kind="generator", net=str(net), training=RECIPE, **others)


def changed(tmp_path, old, new):
    """A copy of the file with something else in it."""
    text = TINY.read_text()
    assert old in text
    path = tmp_path / "changed.py"
    path.write_text(text.replace(old, new))
    return path


def lesson(of, seeds=(0, 3)):
    """A lesson on digits."""

    def draw(split, n, seed):
        return drawn("pairs", "digits", split, n, of.canvas, (), None, seed, "cpu")

    return Lesson(of, seeds, draw, "cpu", "float32")


def test_each_seed_is_trained_as_the_file_does_it():
    """Each seed must give a network of its own weights, with the losses of each epoch."""
    (one, outcome), (other, _) = generator.train_nets(lesson(variant()))
    assert len(outcome.history) == RECIPE.epochs
    assert outcome.history[-1][0] < outcome.history[0][0]
    assert not torch.equal(one.paint.weight, other.paint.weight)


def test_settings_reach_the_training():
    """A setting of the variant must be used where it is trained."""
    ((_, usual),) = generator.train_nets(lesson(variant(), (0,)))
    ((_, still),) = generator.train_nets(lesson(variant(net_settings={"rate": 0.0}), (0,)))
    assert still.history[0][0] == still.history[-1][0] == usual.history[0][0] > usual.history[-1][0]


def test_an_untrained_one_is_only_built():
    """Nothing may be learned where the origin is untrained."""
    (net, outcome), _ = generator.initialise_nets(lesson(variant(origin="untrained")))
    built = registry.choose("generators", str(TINY)).build(Canvas(), 0)
    assert torch.equal(net.paint.weight, built.paint.weight)
    assert outcome.history == ()


def test_a_planted_one_is_built_for_each_seed(tmp_path):
    """Of a generator that has no training each seed's must be the one that is built."""
    planted = variant(changed(tmp_path, "train=train, ", ""))
    found = generator.train_nets(lesson(planted))
    assert [outcome.history for _, outcome in found] == [(), ()]
    assert not torch.equal(found[0][0].paint.weight, found[1][0].paint.weight)


def test_the_usual_layer_comes_last():
    """The layer that is looked at where none is named must be the last of those that are named."""
    assert generator.layers(variant()) == ("paint", "units")


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ({"net": "dcgn"}, "generator must be a known name, got generator='dcgn'"),
        ({"net_settings": {"speed": 1}}, r"generator settings must be among \['fails', 'rate'\], got 'speed'"),
        ({"net_settings": {"rate": "fast"}}, "the generator setting rate must be a finite number"),
        ({"objective": "rotation"}, "objective must be supervised for the kind generator"),
        ({"objective_settings": {"p": 1}}, "objective_settings must be none for the kind generator"),
        ({"task": "single"}, "task must be pairs or rare for generators, got task='single'"),
        ({"net": "nowhere.py"}, "the file of a generator must exist"),
    ],
    ids=["net", "setting", "type", "objective", "objective-setting", "task", "file"],
)
def test_what_cannot_work_is_refused(others, message):
    """Each wrong field must be answered with its name and what would do."""
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        origins.check(variant(**others), "digits", None)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (".sigmoid()", "", r"must draw images in \[0, 1\], got -?\d"),
        ("(self.size, self.size)", "(7, self.size)", r"must draw images \[2, 1, 32, 32\], got \[2, 1, 7, 32\]"),
        ('layers=("units", "paint")', 'layers=("units", "spread")', r"the layer spread of the generator .* got \[2, 40\]"),
        (
            'layers=("units", "paint")',
            'layers=("units", "pint")',
            "layer must be a known name, got layer='pint'. Did you mean paint",
        ),
        ("def codes(", "def code(", "must draw codes that it gives, got AttributeError"),
    ],
    ids=["range", "size", "maps", "layer", "codes"],
)
def test_a_strangers_generator_is_tried(tmp_path, old, new, message):
    """What a file draws must be images of the canvas, and its layers maps; else a sentence must say what is wrong."""
    asked = variant(changed(tmp_path, old, new))
    with pytest.raises(ValueError, match=message):
        origins.check(asked, "digits", None)


def test_what_the_seed_decides_must_be_in_the_weights(tmp_path):
    """A generator that draws otherwise by the same weights must be refused: it could not be loaded."""
    text = TINY.read_text().replace("self.size = size", "self.size, self.shift = size, seed")
    path = tmp_path / "shifted.py"
    path.write_text(text.replace("return self.paint(", "return 0.1 * self.shift + 0.5 * self.paint("))
    with pytest.raises(ValueError, match="must draw by its weights alone"):
        origins.check(variant(path), "digits", None)


def test_a_planted_one_is_refused_on_other_glyphs(tmp_path):
    """A generator that draws one source alone must be refused on another, and taken on its own."""
    asked = variant(changed(tmp_path, '{"rate": 0.1, "fails": NEVER}\n)', '{"rate": 0.1, "fails": NEVER}, source="stamps"\n)'))
    origins.check(asked, "stamps", None)
    with pytest.raises(ValueError, match=r"draws source='stamps' alone, got source='digits'\. Use --source stamps\."):
        origins.check(asked, "digits", None)
