"""Plans of seeds: the arithmetic against scipy and simulation, and the command `mixmnist plan`."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mixmnist import cli
from mixmnist.report.reading import StudyRecords
from mixmnist.stats import detectable, plan_seeds, power, sd_interval, seeds_needed

WIDE = [8.0, 7.0, 9.0, 8.0, 6.0, 9.0]
BASE = [6.0, 6.0, 7.0, 8.0, 5.0, 6.0]


@pytest.mark.parametrize(("effect", "expected"), [(0.2, 199), (0.5, 34), (0.8, 15), (1.0, 10)])
def test_seeds_of_the_textbook(effect, expected):
    """The paired t test at 5 % and power .8 must need the pairs of Cohen's tables (as G*Power prints them)."""
    assert seeds_needed(effect, 1.0) == expected
    assert seeds_needed(-3 * effect, 3.0) == expected


def test_power_is_that_of_simulated_t_tests():
    """The share of 20,000 simulated experiments with a p-value below 5 % must be the power."""
    draws = np.random.default_rng(0).normal(0.7, 1.0, size=(20_000, 8))
    share = (stats.ttest_1samp(draws, 0, axis=1).pvalue < 0.05).mean()
    assert power(8, 0.7, 1.0) == pytest.approx(share, abs=0.012)


def test_power_without_an_effect_is_the_error():
    """With no effect the interval leaves out 0 with probability 1 - level, to both sides."""
    assert power(7, 0.0, 1.0, level=0.9) == pytest.approx(0.1)


@pytest.mark.parametrize("effect", [2.0, 4.0, 10.0, 1e6])
def test_power_of_large_effects_is_one(effect):
    """Large effects must have a power of 1 and not nan."""
    assert power(30, effect, 1.0) == pytest.approx(1.0)


@settings(deadline=None, max_examples=25)
@given(st.floats(0.05, 3.0), st.floats(0.2, 5.0), st.sampled_from([0.5, 0.8, 0.95]))
def test_one_seed_less_is_too_few(effect, sd, wanted):
    """The planned seeds must have the power, and one seed less must not; five is the fewest."""
    n = seeds_needed(effect, sd, power=wanted)
    assert n >= 5
    assert power(n, effect, sd) >= wanted
    assert n == 5 or power(n - 1, effect, sd) < wanted


@pytest.mark.parametrize("n", [5, 6, 20, 500])
def test_detectable_is_the_inverse(n):
    """The smallest detectable effect must have just the wanted power."""
    effect = detectable(n, 2.5, level=0.9, power=0.7)
    assert power(n, effect, 2.5, level=0.9) == pytest.approx(0.7, abs=1e-9)


def test_sd_interval_by_hand():
    """Of 1..5 the sd is the root of 2.5, with bounds from the chi-square quantiles .484 and 11.143 of 4 degrees of freedom."""
    found = sd_interval([1.0, 2.0, 3.0, 4.0, 5.0, math.nan])
    assert found == pytest.approx((math.sqrt(2.5), math.sqrt(10 / 11.1433), math.sqrt(10 / 0.484419), 5), rel=1e-5)


def test_sd_interval_of_few_and_of_equal_values():
    """Below 5 values there must be no bounds, below 2 no sd; equal values are marked."""
    assert [math.isnan(v) for v in sd_interval([1.0, 2.0, 4.0])[:3]] == [False, True, True]
    assert [math.isnan(v) for v in sd_interval([1.0])[:3]] == [True, True, True]
    assert sd_interval([0.1] * 6) == (0, 0, 0, 6)
    assert sd_interval([0.1] * 6).constant


def test_a_plan_by_hand():
    """The plan must be made from the sd of the differences and from its upper bound."""
    differences = [2.0, 1.0, 2.0, 0.0, 1.0, 3.0]
    sd, plan = sd_interval(differences), plan_seeds(differences, 0.5, power=0.9)
    assert plan.mean == pytest.approx(1.5)
    assert plan.sd == sd
    assert plan.seeds == seeds_needed(0.5, sd.mean, power=0.9)
    assert plan.seeds_at_worst == seeds_needed(0.5, sd.upper, power=0.9) > plan.seeds
    assert plan.smallest == pytest.approx(detectable(6, sd.mean, power=0.9))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: power(4, 1.0, 1.0), "n must be 5 or more, got n=4"),
        (lambda: detectable(4, 1.0), "n must be 5 or more, got n=4"),
        (lambda: power(5, 1.0, 0.0), "sd must be above 0, got sd=0.0"),
        (lambda: seeds_needed(0.0, 1.0), "effect must be a number but 0, got effect=0.0"),
        (lambda: seeds_needed(1e-9, 1.0), "effect must be larger against sd=1, got effect=1e-09"),
        (lambda: seeds_needed(1.0, 1.0, power=1.0), "power must lie between 0.05 and 1, got power=1.0"),
        (lambda: detectable(5, 1.0, power=0.01), "power must lie between 0.05 and 1, got power=0.01"),
        (lambda: seeds_needed(1.0, 1.0, level=95.0), "level must lie between 0 and 1, got level=95.0"),
        (lambda: plan_seeds([1.0, 2.0, 3.0, 5.0], 1.0), "seeds must be 5 or more, got seeds=4"),
        (lambda: plan_seeds([0.3] * 9, 1.0), "differences must vary over seeds, got 9 that are all equal"),
    ],
)
def test_bad_plans_are_refused(call, message):
    """What cannot be planned must be refused with a sentence that says why and what to do."""
    with pytest.raises(ValueError, match=message):
        call()


@pytest.fixture(autouse=True)
def study(monkeypatch):
    """A study of two variants whose seeds overlap, with a seed of one that the other lacks; another layer besides."""
    rows = []
    for variant, found, first in (("baseline", BASE, 0), ("wide", [*WIDE, 99.0], 0), ("few", WIDE[:4], 0)):
        for layer, factor in (("conv2", 50.0), ("conv3", 1.0)):
            for seed, value in enumerate(found, start=first):
                row = {"variant": variant, "seed": seed, "layer": layer, "threads": 1, "unique_concepts": factor * value}
                rows.append(row | {"accuracy": 1.0, "device": "cpu"})
    runs = pd.DataFrame(rows)
    records = StudyRecords(runs, runs, runs, runs, {}, (), False, (), (), False, ())
    monkeypatch.setattr("mixmnist.report.reading.read_study", lambda _: records)


def plan(*args):
    """Runs the command in this process and gives its exit code."""
    return cli.main(["plan", "somewhere", *map(str, args)])


def test_the_command_plans_from_the_layer_that_feeds_the_head(capsys):
    """It must take differences of the same seeds, in the last layer, and print both numbers of seeds."""
    assert plan("--score", "unique_concepts", "--variant", "wide", "--effect", 0.5, "--power", 0.9) == 0
    expected = plan_seeds([a - b for a, b in zip(WIDE, BASE, strict=True)], 0.5, power=0.9)
    text = capsys.readouterr().out
    assert "unique_concepts of wide - baseline, layer conv3: mean 1.5, sd 1.05 [0.655, 2.57] over 6 seeds." in text
    assert f"To see 0.5 with power 0.9: {expected.seeds} seeds, or {expected.seeds_at_worst} if the sd" in text
    assert f"The 6 seeds see {expected.smallest:.3g} with power 0.9." in text


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (
            ("unique_concept", "wide", "baseline", 1),
            "score must be a known name, got score='unique_concept'. Did you mean unique_",
        ),
        (("device", "wide", "baseline", 1), "score must be a known name, got score='device'"),
        (("unique_concepts", "wid", "baseline", 1), "variant must be a known name, got variant='wid'. Did you mean wide"),
        (("unique_concepts", "wide", "basline", 1), "against must be a known name, got against='basline'. Did you mean baseline"),
        (("unique_concepts", "wide", "wide", 1), "against must be another variant, got against=wide"),
        (("unique_concepts", "few", "baseline", 1), "seeds must be 5 or more, got seeds=4 that both variants have"),
        (("accuracy", "wide", "baseline", 1), "differences must vary over seeds, got 6 that are all equal"),
        (("unique_concepts", "wide", "baseline", 0), "effect must be a number but 0"),
        (("unique_concepts", "wide", "baseline", "nan"), "effect must be a number but 0, got effect=nan"),
    ],
)
def test_the_command_refuses_in_one_sentence(args, message, capsys):
    """A plan that cannot be made must end with exit code 2 and one line that says why."""
    score, variant, against, effect = args
    assert plan("--score", score, "--variant", variant, "--against", against, "--effect", effect) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_the_command_has_help_with_an_example(capsys):
    """It must explain itself and show an example."""
    with pytest.raises(SystemExit) as stop:
        cli.main(["plan", "--help"])
    assert stop.value.code == 0
    assert "example: mixmnist plan" in capsys.readouterr().out
