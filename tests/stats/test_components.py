"""Variance components against hand numbers, nested least-squares fits, and a simulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mixmnist.stats import Components, variance_components

SIZES = ((12, 1, 1), (12, 6, 1), (1, 1, 8), (12, 1, 8), (12, 6, 8))  # of the effects of seeds, units, folds, and the rest


def test_by_hand():
    """Nets differ by 4, units by 2, folds by 1, all adding up: 16 / 2 - 2 / 2, 4 / 2, 1 / 2, and nothing else."""
    found = variance_components(np.array([[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]]]))
    assert found[:5] == pytest.approx((7, 2, 0.5, 0, 0))


def test_negative_estimates_are_zero_and_named():
    """Nets that are more alike than their units allow must have no variance of seeds, and this must be said."""
    scores = np.array([[[0.0, 1.0, 3.0], [4.0, 5.0, 7.0]], [[4.0, 5.0, 7.0], [0.0, 1.0, 3.0]]])
    found = variance_components(scores)
    assert found.seeds == 0
    assert found.negative == ("seeds",)
    assert found.units == pytest.approx(8)
    assert found.images == pytest.approx(7 / 3)


def test_equal_scores_have_no_components():
    """Scores that are all the same must have no variance at all, and none that is below 0."""
    assert variance_components(np.full((2, 3, 4), 0.5)) == Components(0, 0, 0, 0, 0, ())


def test_known_components_are_found():
    """The mean estimate over 400 draws must be within four standard errors of the components they were drawn with."""
    rng, true = np.random.default_rng(0), Components(4.0, 9.0, 2.0, 1.0, 3.0, ())
    found = []
    for _ in range(400):
        noise = [v**0.5 * rng.normal(size=size) for v, size in zip(true[:5], SIZES, strict=True)]
        found.append(variance_components(sum(noise, start=np.zeros((12, 6, 8))))[:5])
    mean, error = np.mean(found, axis=0), np.std(found, axis=0) / 20
    assert (np.abs(mean - true[:5]) < 4 * error + 0.01).all()
    assert (error < 0.15).all()


def test_mean_squares_are_those_of_least_squares():
    """Each mean square must be what the sum of squares of nested least-squares fits leaves between them."""
    rng = np.random.default_rng(1)
    scores = 3 * rng.normal(size=(3, 1, 1)) + 2 * rng.normal(size=(3, 1, 5)) + rng.normal(size=(3, 4, 5)) + 4 * np.arange(5)
    seed, unit, fold = (i.ravel() for i in np.indices(scores.shape))
    columns = {"seed": seed, "unit": 10 * seed + unit, "fold": fold, "cell": 10 * seed + fold}

    def left(*names):
        design = np.hstack([np.ones((60, 1)), *((columns[n][:, None] == np.unique(columns[n])).astype(float) for n in names)])
        return ((scores.ravel() - design @ np.linalg.pinv(design) @ scores.ravel()) ** 2).sum()

    of_seed, of_unit, of_fold = (left() - left("seed")) / 2, (left("seed") - left("unit")) / 9, (left() - left("fold")) / 4
    of_cell = (left("seed", "fold") - left("cell", "fold")) / 8
    rest = left("unit", "cell") / 36
    found = variance_components(scores)
    expected = {
        "seeds": (of_seed - of_unit - of_cell + rest) / 20,
        "units": (of_unit - rest) / 5,
        "images": (of_fold - of_cell) / 12,
        "seeds_images": (of_cell - rest) / 4,
        "rest": rest,
    }
    assert min(expected["seeds"], expected["seeds_images"], expected["images"]) > 0.1  # none of these is cut off at 0
    assert found.negative == tuple(name for name, value in expected.items() if value < -1e-12)
    assert found[:5] == pytest.approx([max(0, value) for value in expected.values()], abs=1e-12)


@settings(deadline=None, max_examples=30)
@given(arrays.arrays(float, (3, 2, 4), elements=st.integers(-8, 8).map(float)))
def test_a_constant_adds_nothing_and_a_factor_its_square(scores):
    """Shifted scores must have the same components, three-fold ones nine-fold components."""
    found = variance_components(scores)
    assert variance_components(scores + 5)[:5] == pytest.approx(found[:5], abs=1e-9)
    assert variance_components(3 * scores)[:5] == pytest.approx([9 * v for v in found[:5]], abs=1e-9)


@pytest.mark.parametrize(("shape", "name"), [((1, 2, 3), "seeds"), ((2, 1, 3), "units"), ((2, 3, 1), "folds")])
def test_one_of_a_kind_is_refused(shape, name):
    """Fewer than two seeds, units or folds must be refused by name."""
    with pytest.raises(ValueError, match=f"{name} must be 2 or more, got {name}=1"):
        variance_components(np.zeros(shape))


def test_nan_is_refused():
    """Scores of dead units must be refused, since the design would not be balanced."""
    scores = np.zeros((2, 3, 4))
    scores[0, 1] = np.nan
    with pytest.raises(ValueError, match="scores must be numbers, got 4 nan"):
        variance_components(scores)
