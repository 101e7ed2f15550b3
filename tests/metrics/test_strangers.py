"""Metrics that somebody else wrote: what they may ask for, what they get, and what they may give."""

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from mixmnist.core.readout import Readout
from mixmnist.core.records import Metric
from mixmnist.metrics._strangers import check_metrics
from mixmnist.scoring import Scores, score

FIELDS = ("response", "mean", "present", "labels", "glyphs", "logits", "head")
KEPT: list[Tensor] = []


def scored(tied: Readout, columns: dict[str, Callable], axes: tuple = ("units",), **more) -> Scores:
    """Scores the tied plant, 720 images of 7 units and 5 concepts, by a metric that is not on the shelf."""
    return score(tied, rank=tied, sets=False, more={"own": Metric("Own", axes, columns, **more)})


@pytest.fixture
def copied(tied) -> Readout:
    """The tied plant on tensors of its own, so that what is written into it harms no other test."""
    fields = {name: getattr(tied, name).clone() for name in FIELDS}
    without = replace(tied.without, mean=fields["mean"], weight=fields["head"])
    return replace(tied, **fields, without=without, pixels=replace(tied.pixels, mean=fields["mean"], present=fields["present"]))


def _fills(**given):
    for one in given.values():
        one.fill_(1)
    return torch.zeros(7)


def _writes_into_tensors(response, mean, present, labels, glyphs, logits, head):
    return _fills(**locals())


def _writes_into_columns(alignment, correct_without, rank_drop, dead):
    return _fills(**locals())


def _writes_into_what_silences(without):
    return _fills(mean=without.mean, weight=without.weight)


def _writes_into_pixels(pixels):
    return _fills(mean=pixels.mean, present=pixels.present)


@pytest.mark.parametrize("writes", [_writes_into_tensors, _writes_into_columns, _writes_into_what_silences, _writes_into_pixels])
def test_a_metric_that_writes_into_its_inputs_changes_nothing_else(copied, writes):
    """What a stranger's function writes into what it got must reach neither the readout nor another column."""
    plain = score(copied, rank=copied, sets=False)
    before = [getattr(copied, name).clone() for name in FIELDS]
    found = scored(copied, {"a_mine": writes})
    assert found.units.drop(columns="a_mine").equals(plain.units)
    assert found.layer.equals(plain.layer)
    assert all(torch.equal(getattr(copied, name), old) for name, old in zip(FIELDS, before, strict=True))


def _keeps(response):
    KEPT[:] = [response.mean(dim=0)]
    return KEPT[0]


def test_what_a_metric_keeps_of_its_answer_is_not_the_answer(tied):
    """A function that writes later into what it once gave must not change the column."""

    def later(mine):
        KEPT[0].zero_()
        return mine

    found = scored(tied, {"mine": _keeps, "mine_again": later})
    np.testing.assert_allclose(found.units["mine_again"], tied.response.mean(dim=0), rtol=1e-6)
    np.testing.assert_allclose(found.units["mine"], tied.response.mean(dim=0), rtol=1e-6)


@pytest.mark.parametrize(
    ("axes", "given", "got"),
    [
        (("units",), "a text", "str"),
        (("units",), None, "None"),
        (("units",), [0.0] * 7, "list"),
        (("units",), np.zeros(7), "ndarray"),
        (("units",), torch.zeros(7, dtype=torch.complex64), "complex64 [7]"),
        (("units",), torch.zeros(6), "float32 [6]"),
        (("units",), torch.zeros(7, 1), "float32 [7, 1]"),
        (("units",), torch.zeros(7).to_sparse(), "a sparse tensor"),
        (("units",), torch.zeros(7, device="meta"), "a tensor on meta for cpu"),
        (("concepts",), torch.zeros(7), "float32 [7]"),
        (("units", "concepts"), torch.zeros(3, 3), "float32 [3, 3]"),
        (("units", "concepts"), torch.zeros(5, 7), "float32 [5, 7]"),
        (("curve",), torch.zeros(7), "float32 [7]"),
        (("units", "images"), torch.zeros(720, 7), "float32 [720, 7]"),
        ((), "a text", "str"),
        ((), None, "None"),
        ((), 1j, "complex"),
        ((), 10**400, "a larger one than any float"),
        ((), torch.zeros(1), "float32 [1]"),
        ((), torch.zeros((), dtype=torch.complex64), "complex64 []"),
    ],
)
def test_what_a_metric_gives_must_be_of_its_axes(tied, axes, given, got):
    """A value of another kind, shape or place must get one sentence that names metric, column, what is right and what came."""
    shapes = {
        (): "one real number",
        ("units",): "a tensor of units [7], real numbers",
        ("concepts",): "a tensor of concepts [5], real numbers",
        ("curve",): "a tensor of curve [8], real numbers",
        ("units", "concepts"): "a tensor of units x concepts [7, 5], real numbers",
        ("units", "images"): "a tensor of units x images [7, any], real numbers",
    }
    said = f"the metric own must give {shapes[axes]}, got {got} from its column mine. Mend its file."
    asks = {"reads_it": lambda mine: 0.0} if axes == ("units", "images") else {}
    more = {"own": Metric("Own", axes, {"mine": lambda labels: given}), "reader": Metric("Reader", (), asks)}
    with pytest.raises(ValueError, match=re.escape(said)):
        score(tied, rank=tied, sets=False, more=more if asks else {"own": more["own"]})


@pytest.mark.parametrize(
    ("axes", "given"),
    [
        (("units",), torch.arange(7)),
        (("units",), torch.arange(7) > 2),
        (("units",), torch.arange(7.0).bfloat16()),
        (("units",), torch.arange(7.0, requires_grad=True)),
        (("units",), torch.nn.Parameter(torch.arange(7.0))),
        ((), 3),
        ((), np.float32(3)),
        ((), torch.tensor(3)),
        ((), True),
    ],
)
def test_any_real_numbers_become_a_column(tied, axes, given):
    """Whole numbers, yes and no, low precision and gradients must be taken as the numbers that they are."""
    found = scored(tied, {"mine": lambda labels: given}, axes)
    table = found.layer if axes == () else found.units
    expected = float(given) if axes == () else given.detach().float().numpy()
    np.testing.assert_array_equal(table["mine"].astype(float), expected)


@pytest.mark.parametrize(
    ("axes", "columns", "said"),
    [
        (("unit",), {"mine": lambda mean: mean}, r"the metric own must have axes that a table has, got ('unit',)"),
        (("concepts", "units"), {"mine": lambda mean: mean}, r"got ('concepts', 'units')"),
        ("units", {"mine": lambda mean: mean}, r"got 'units'. Axes: ('units', 'concepts'), ('units',)"),
        (None, {"mine": lambda mean: mean}, r"must have axes that a table has, got None"),
        (("units",), {}, "the metric own must have columns, a function for each name, got {}"),
        (("units",), [len], "the metric own must have columns, a function for each name, got [<built-in function len>]"),
        (("units",), {"mine": 3}, "the metric own must have a function for each column, got int for mine"),
        (("units",), {3: lambda mean: mean}, "the metric own must have texts as names of columns, got 3"),
        (("units",), {"unit": lambda mean: mean}, "got unit again in own"),
        ((), {"accuracy": lambda mean: 1.0}, "got accuracy again in own"),
        (("curve",), {"n": lambda mean: mean}, "got n again in own"),
        (("units",), {"mine": torch.mean}, "the metric own must have functions whose parameters have names, got mine"),
        (("units",), {"mine": lambda mean_drop: mean_drop}, "must ask for what there is, got mean_drop"),
        (("units",), {"mine": lambda rank_rank_mean: 1}, "must ask for what there is, got rank_rank_mean"),
        (("units",), {"mine": lambda mine: mine}, "must not ask for its own column, got mine"),
        (("units",), {"a": lambda b: b, "b": lambda rank_a: rank_a}, "must not ask for its own column, got a"),
    ],
)
def test_a_metric_that_cannot_be_is_refused_before_anything_is_scored(tied, axes, columns, said):
    """Axes, columns and needs that lead nowhere must get one sentence that names the metric."""
    metric = Metric("Own", ("units",), {"mine": lambda mean: mean})
    object.__setattr__(metric, "axes", axes)  # past the tests' own check of types, which users do not have
    object.__setattr__(metric, "columns", columns)
    with pytest.raises(ValueError, match=re.escape(said)):
        score(tied, rank=tied, more={"own": metric})


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"own": len}, "the metric own must be a Metric, got builtin_function_or_method"),
        ([len], "more must be metrics by name, got list"),
    ],
)
def test_what_is_no_metric_is_refused(more, said):
    """Something else in the place of a metric must get one sentence."""
    with pytest.raises(ValueError, match=said):
        check_metrics(more, {})


@pytest.mark.parametrize(
    ("names", "given", "said"),
    [
        ({"mine": "classes"}, torch.arange(7) + 4, "must give places among the 10 classes, or -1, got 10 from its column mine"),
        ({"mine": "classes"}, torch.full((7,), 0.5), "must give places among the 10 classes, or -1, got float32"),
        ({"mine": "kinds"}, torch.arange(7), "must name entries of concepts or classes, got 'kinds' for mine"),
        ({"nine": "classes"}, torch.arange(7), "must name entries of its own columns, got nine"),
    ],
)
def test_places_that_name_nothing_are_refused(tied, names, given, said):
    """A column whose numbers name entries must give whole numbers within them."""
    with pytest.raises(ValueError, match=said):
        scored(tied, {"mine": lambda labels: given}, names=names)


def test_what_a_metric_raises_is_told_with_its_name(tied):
    """Whatever a stranger's function raises, leaving the program included, must become one sentence."""

    def leaves(mean):
        raise SystemExit(3)

    with pytest.raises(ValueError, match=r"the metric own must run, got SystemExit: 3 from its column mine\. Mend"):
        scored(tied, {"mine": leaves})
    with pytest.raises(ValueError, match="the metric own must run, got AttributeError: 'Tensor' object has no attribute 'nix'"):
        scored(tied, {"mine": lambda mean: mean.nix})


def test_strangers_metrics_may_ask_for_each_other(tied):
    """A column of one stranger's metric may be another's input, whatever their order."""
    first = Metric("First", ("units",), {"twice": lambda mine: 2 * mine})
    second = Metric("Second", ("units",), {"mine": lambda mean: mean.mean(dim=0)})
    found = score(tied, rank=tied, sets=False, more={"first": first, "second": second})
    assert found.units["twice"].tolist() == (2 * found.units["mine"]).tolist()
