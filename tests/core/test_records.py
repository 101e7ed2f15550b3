"""Records: what they refuse and in which words, and what a metric and a task say about themselves."""

import dataclasses
import json

import numpy as np
import pytest

from mixmnist.core import entries
from mixmnist.core.records import Canvas, Metric, Study, Task, Training, Variant, require


def made_task(**settings):
    """A task with the given settings."""
    labels, shown = np.zeros(2, dtype=np.int64), np.zeros((2, 1), dtype=np.int64)
    return Task("title", ("0",), ("zero",), draw=lambda n, stream: (labels, shown), settings=settings)


def test_require_raises_its_message():
    """A rule that does not hold is a ValueError with the message, word for word."""
    with pytest.raises(ValueError, match=r"^n must be 1\.$"):
        require(False, "n must be 1.")


def test_require_lets_a_rule_that_holds_pass():
    """A rule that holds raises nothing."""
    require(True, "unseen")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"glyph": 0}, "glyph must be 1 pixel or more, got glyph=0"),
        (
            {"size": 12},
            "size must be larger than glyph .* got size=12 and glyph=12. Use a canvas of at least 13 pixels",
        ),
        ({"overlap": "mix"}, "overlap must be one of clip, max, reject, wrap, got overlap='mix'"),
    ],
)
def test_a_canvas_refuses(settings, message):
    """A canvas that cannot be laid out is refused with the rule, the value and the way out."""
    with pytest.raises(ValueError, match=message):
        Canvas(**settings)


@pytest.mark.parametrize("overlap", ["reject", "max", "clip", "wrap"])
def test_a_canvas_one_pixel_larger_than_its_glyph_is_taken(overlap):
    """The smallest legal canvas is one pixel larger than its glyph, under every policy."""
    assert Canvas(size=13, glyph=12, overlap=overlap).size == 13


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 0}, "epochs must be 1 or more, got epochs=0"),
        ({"batch": 0}, "batch must be between 1 and the number of training images, got batch=0 with images=20000"),
        ({"batch": 9, "images": 8}, "batch must be between 1 and .* got batch=9 with images=8"),
        ({"peak": 0.0}, "peak must be above 0, got peak=0.0"),
        ({"warmup": 0.0}, "warmup must lie between 0 and 1, got warmup=0.0"),
        ({"warmup": 1.0}, "warmup must lie between 0 and 1, got warmup=1.0"),
    ],
)
def test_a_training_refuses(settings, message):
    """A recipe that cannot be trained is refused with the rule and the value."""
    with pytest.raises(ValueError, match=message):
        Training(**settings)


def test_one_batch_may_hold_all_images():
    """A batch as large as the training set is legal."""
    assert Training(images=8, batch=8).batch == 8


@pytest.mark.parametrize(
    ("variants", "seeds", "message"),
    [
        ({}, 5, "variants must hold at least one variant, got none"),
        ({"only": Variant()}, 0, "seeds must be 1 or more, got seeds=0"),
    ],
)
def test_a_study_refuses(variants, seeds, message):
    """A study without a run in it is refused with the rule."""
    with pytest.raises(ValueError, match=message):
        Study("title", variants, seeds)


def test_a_variant_becomes_plain_names_and_numbers():
    """A variant gives a nested dict of names and numbers that JSON holds unchanged."""
    plain = Variant(task="redundant", task_settings={"q": 0.5}, canvas=Canvas(glyph=9)).as_dict()
    assert plain["task_settings"] == {"q": 0.5}
    assert plain["canvas"] == {"size": 32, "glyph": 9, "overlap": "reject"}
    assert plain["training"]["images"] == 20_000
    assert json.loads(json.dumps(plain)) == plain


@pytest.mark.parametrize("record", [Canvas(), Training(), Variant()])
def test_records_cannot_be_changed(record):
    """A record is data that stays as it was made."""
    name = dataclasses.fields(record)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(record, name, getattr(record, name))


def test_settings_override_the_tasks_own():
    """Given settings win over the task's own, which stay where none is given."""
    assert made_task(q=0.25, r=3).with_settings({"q": 0.5}) == {"q": 0.5, "r": 3}


def test_merging_leaves_both_sides_unchanged():
    """Merging changes neither the task's settings nor the given ones."""
    task, given = made_task(q=0.25), {"q": 0.5}
    task.with_settings(given)["q"] = 0.75
    assert (task.settings, given) == ({"q": 0.25}, {"q": 0.5})


def test_unknown_settings_are_refused():
    """A setting the task does not have is refused with the names it has."""
    with pytest.raises(ValueError, match=r"task settings must be among \['q', 'r'\], got 'p'"):
        made_task(r=3, q=0.25).with_settings({"q": 0.5, "p": 1})


def test_a_metric_needs_the_parameters_without_a_default():
    """A column needs its function's parameters without a default, in their order."""

    def column(response, rank_present, k=100, *, labels):
        return response

    metric = Metric("title", axes=("units",), columns={"one": column, "two": lambda mean: mean})
    assert metric.needs("one") == ("response", "rank_present", "labels")
    assert metric.needs("two") == ("mean",)


DEFAULTS = {
    "Source": {"fixed": False},
    "Canvas": {"size": 32, "glyph": 12, "overlap": "reject"},
    "Task": {"useless": ()},
    "Net": {"head": "head"},
    "Objective": {"outputs": None, "losses": None, "view": None},
    "Right": {"within": 1e-4, "spread": 0},
    "Plant": {"layers": ("units",), "source": "stamps", "task": "pairs"},
    "Metric": {"chance": None, "ceiling": None, "plant": None, "aside": (), "sets": False},
}


def test_defaults_of_what_shelves_hold_stay():
    """A record knows nothing of these defaults: changing one would change numbers in silence. Give the entries a value."""
    for name, known in DEFAULTS.items():
        fields = {field.name: field.default for field in dataclasses.fields(getattr(entries, name))}
        assert {field: fields[field] for field in known} == known, name
