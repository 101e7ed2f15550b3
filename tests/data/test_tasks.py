"""The contract of every task, and what each task promises of its own."""

import numpy as np
import pytest
from scipy import stats

from mixmnist.core import registry
from mixmnist.core.seeding import Stream
from mixmnist.data.tasks import pairs, redundant

RARE = 1e-3  # p-value below which a seeded draw counts as not as promised
N = 20_000
ONE_CLASS = [name for name in registry.names("tasks") if name not in ("presence", "rare")]
every_task = pytest.mark.parametrize("name", registry.names("tasks"))


def drawn(name, **settings):
    """Labels and shown concepts of many canvases of a task."""
    task = registry.choose("tasks", name)
    return task, *task.draw(N, Stream(0, "tasks", name), **task.with_settings(settings))


def shows(shown, concept):
    """Which canvases show a concept."""
    return (shown == concept).any(axis=1)


@every_task
def test_a_label_a_canvas(name):
    """A task gives a label, or a yes or no for each class, and a row of slots for each canvas, as 64-bit integers."""
    task, labels, shown = drawn(name)
    assert labels.shape in ((N,), (N, len(task.classes)))
    assert shown.ndim == 2
    assert len(shown) == N
    assert labels.dtype == shown.dtype == np.int64


@pytest.mark.parametrize("name", ONE_CLASS)
def test_labels_are_uniform(name):
    """Every class of a task comes, and all come equally often."""
    task, labels, _ = drawn(name)
    counts = np.bincount(labels)
    assert len(counts) == len(task.classes)
    assert stats.chisquare(counts).pvalue > RARE


@every_task
def test_shown_concepts_are_known(name):
    """Slots hold concepts of the task or are empty."""
    task, _, shown = drawn(name)
    assert shown.min() >= -1
    assert shown.max() < len(task.concepts)


@every_task
def test_the_same_digits_are_always_of_the_same_class(name):
    """What is shown decides the class, whatever useless concepts come with it."""
    task, labels, shown = drawn(name)
    useful = [concept for concept, title in enumerate(task.concepts) if title not in task.useless]
    sets = np.sort(np.where(np.isin(shown, useful), shown, -1), axis=1)
    both = np.unique(np.column_stack([sets, labels]), axis=0)
    assert len(both) == len(np.unique(sets, axis=0))


@pytest.mark.parametrize("name", ["pairs", "rare", "redundant", "single"])
def test_shown_concepts_fit_the_label(name):
    """A canvas shows every concept its class is named after, and no other that any class is named after."""
    task, labels, shown = drawn(name)
    named = np.array([[concept in title for concept in task.concepts] for title in task.classes])
    useful = named.any(axis=0)
    present = np.stack([shows(shown, concept) for concept in range(len(task.concepts))], axis=1)
    assert (present[:, useful] == named[labels][:, useful]).all()


@pytest.mark.parametrize("name", ["pairs", "rare", "redundant", "single", "presence"])
def test_no_concept_is_shown_twice(name):
    """Where digits must differ no canvas shows a concept in two slots."""
    _, _, shown = drawn(name)
    for concept in range(shown.max() + 1):
        assert (shown == concept).sum(axis=1).max() <= 1


@pytest.mark.parametrize(
    ("name", "meaning", "n_sets"),
    [
        ("xor", lambda digits: "equal" if digits[0] == digits[1] else "different", 3),
        ("greater", lambda digits: str(max(digits)), 55),
        ("sum", lambda digits: str(sum(digits)), 55),
    ],
)
def test_a_class_is_what_its_name_says_and_its_sets_are_uniform(name, meaning, n_sets):
    """Classes of several sets of digits must mean what they say; every set comes, uniformly within its class."""
    task, labels, shown = drawn(name)
    assert [task.classes[label] for label in labels] == [meaning(digits) for digits in shown.tolist()]
    sets, counts = np.unique(np.column_stack([labels, np.sort(shown, axis=1)]), axis=0, return_counts=True)
    assert len(sets) == n_sets
    for label in range(len(task.classes)):
        assert stats.chisquare(counts[sets[:, 0] == label]).pvalue > RARE or (sets[:, 0] == label).sum() == 1


def test_presence_shows_each_digit_by_itself():
    """In `presence` each digit's prevalence is .2, no two go together, and the labels say what is shown."""
    task, labels, shown = drawn("presence")
    assert (labels == np.stack([shows(shown, digit) for digit in range(10)], axis=1)).all()
    assert np.abs(labels.mean(axis=0) - 0.2).max() < 4 * (0.2 * 0.8 / N) ** 0.5
    assert np.abs(np.corrcoef(labels.T) - np.eye(10)).max() < 4 / N**0.5
    assert (labels.sum(axis=1) == 0).any()
    assert task.canvas.size == 56


@every_task
def test_classes_and_concepts_have_names(name):
    """Names of classes and of concepts are not empty and not used twice."""
    task = registry.choose("tasks", name)
    for names in (task.classes, task.concepts):
        assert all(names)
        assert len(set(names)) == len(names)


@every_task
def test_a_stream_decides_the_draw(name):
    """The same stream gives the same canvases, another one gives others."""
    task = registry.choose("tasks", name)
    first, again, other = (task.draw(50, Stream(seed), **task.settings) for seed in (1, 1, 2))
    assert [part.tolist() for part in first] == [part.tolist() for part in again]
    assert first[0].tolist() != other[0].tolist()


@every_task
def test_one_canvas_can_be_drawn(name):
    """A task draws a single canvas, too."""
    task = registry.choose("tasks", name)
    labels, shown = task.draw(1, Stream(0), **task.settings)
    assert len(labels) == len(shown) == 1


@pytest.mark.parametrize(("task", "n_classes", "last"), [(pairs.TASK, 45, "89"), (redundant.TASK, 28, "67")])
def test_classes_are_the_pairs_of_useful_digits(task, n_classes, last):
    """There is a class for each two different useful digits, the smaller first."""
    assert len(task.classes) == n_classes
    assert (task.classes[0], task.classes[-1]) == ("01", last)
    assert task.concepts == ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9")


def test_pairs_show_every_digit_on_a_fifth_of_the_canvases():
    """In `pairs` every digit's prevalence is .20, within four standard errors."""
    _, _, shown = drawn("pairs")
    for digit in range(10):
        assert abs(shows(shown, digit).mean() - 0.2) < 4 * (0.2 * 0.8 / N) ** 0.5


def test_pairs_have_two_slots_and_none_empty():
    """In `pairs` the two slots hold the class's two digits in order."""
    task, labels, shown = drawn("pairs")
    assert [f"{a}{b}" for a, b in shown.tolist()] == [task.classes[label] for label in labels]


def test_redundant_shows_every_useful_digit_on_a_quarter_of_the_canvases():
    """In `redundant` the prevalence of each of 0-7 is .25, within four standard errors."""
    _, _, shown = drawn("redundant")
    for digit in range(8):
        assert abs(shows(shown, digit).mean() - 0.25) < 4 * (0.25 * 0.75 / N) ** 0.5


@pytest.mark.parametrize("digit", [8, 9])
@pytest.mark.parametrize(("settings", "q"), [({}, 0.25), ({"q": 0.5}, 0.5)])
def test_distractors_have_prevalence_q(digit, settings, q):
    """In `redundant` 8 and 9 are each shown with probability q, .25 by default, within four standard errors."""
    _, _, shown = drawn("redundant", **settings)
    assert abs(shows(shown, digit).mean() - q) < 4 * (q * (1 - q) / N) ** 0.5


@pytest.mark.parametrize(("q", "expected"), [(0.0, [-1, -1]), (1.0, [8, 9])])
def test_distractors_are_certain_at_the_ends(q, expected):
    """In `redundant` q = 0 leaves the last two slots empty and q = 1 always fills them."""
    _, _, shown = drawn("redundant", q=q)
    assert (shown[:, 2:] == expected).all()


@pytest.mark.parametrize("digit", [8, 9])
@pytest.mark.parametrize("q", [0.25, 0.5])
def test_distractors_are_independent_of_the_class(digit, q):
    """In `redundant` the class says nothing about whether 8 or 9 is shown."""
    task, labels, shown = drawn("redundant", q=q)
    table = np.bincount(2 * labels + shows(shown, digit), minlength=2 * len(task.classes)).reshape(-1, 2)
    assert stats.chi2_contingency(table).pvalue > RARE


@pytest.mark.parametrize("q", [0.25, 0.5])
def test_distractors_are_independent_of_each_other(q):
    """In `redundant` 8 and 9 are shown together with probability q * q, within four standard errors."""
    _, _, shown = drawn("redundant", q=q)
    both = (shows(shown, 8) & shows(shown, 9)).mean()
    assert abs(both - q**2) < 4 * (q**2 * (1 - q**2) / N) ** 0.5


@pytest.mark.parametrize("name", ["redundant", "presence"])
@pytest.mark.parametrize("q", [-0.01, 1.01, float("nan")])
def test_a_share_outside_its_range_is_refused(name, q):
    """A q that is no probability is refused with its value."""
    with pytest.raises(ValueError, match=f"q must lie between 0 and 1, got q={q}"):
        drawn(name, q=q)
