"""Rankings: what holds for every one of the shelf, and which unit each puts first on planted generators."""

from dataclasses import replace

import pytest
import torch

from mixmnist.core import registry
from mixmnist.core.records import Canvas
from mixmnist.dissect.exact import ExactJudge
from mixmnist.dissect.sampling import take
from mixmnist.dissect.subject import Subject

N = 40
CANVAS = Canvas()
JUDGE = ExactJudge(CANVAS)
NAMES = registry.names("rankings")
QUICK = {"alpha": {"steps": 1}}  # of what would take long
EXACT = 1e-5
TURN = [3, 10, 0, 7, 1, 9, 2, 8, 4, 6, 5]


def ranked(name, sample, **settings):
    """Runs a ranking of the shelf."""
    return registry.choose("rankings", name).run(sample, JUDGE, **(QUICK.get(name, {}) | settings))


def subject_of(name):
    """Gives a planted generator as a subject."""
    entry = registry.choose("planted", name)
    return Subject(entry.build(CANVAS, 0), entry.layer, CANVAS, name, entry.truth(0))


@pytest.fixture(scope="module")
def samples():
    """Rank samples of some planted generators."""
    return {name: take(subject_of(name), JUDGE, N, seed=1) for name in ("painter", "echo", "twins", "gate", "bystander")}


@pytest.fixture(scope="module")
def turned():
    """The same sample of the gate with its units in another order."""
    subject = subject_of("gate")
    units, net = subject.net.units, subject.net
    units.mixing, units.offset, net.mixing_back = units.mixing[TURN], units.offset[TURN], net.mixing_back[:, TURN]
    return take(
        replace(subject, truth={digit: tuple(TURN.index(unit) for unit in own) for digit, own in subject.truth.items()}),
        JUDGE,
        N,
        seed=1,
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_number_a_unit_and_digit_the_same_each_time(samples, name):
    """A ranking gives a finite number for each unit and digit, the same when asked again."""
    first = ranked(name, samples["echo"])
    assert first.shape == (11, 10)
    assert first.isfinite().all()
    assert first.dtype == torch.float32
    assert not first.requires_grad
    assert torch.equal(first, ranked(name, samples["echo"]))


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_changed_by_being_ranked(samples, name):
    """The sample, the generator and its hooks are as before."""
    sample = samples["gate"]
    parts = (sample.codes, sample.images, sample.maps, sample.said.counts, sample.classes, sample.places)
    before = [part.clone() for part in parts] + [buffer.clone() for buffer in sample.subject.net.buffers()]
    ranked(name, sample)
    after = [*parts, *sample.subject.net.buffers()]
    assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))
    assert not sample.subject.net.units._forward_hooks
    assert torch.equal(sample.subject.net(sample.codes), sample.images)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "random"])
def test_units_in_another_order_are_ranked_so(samples, turned, name):
    """Permuting the units permutes the ranking, and changes nothing else."""
    assert torch.equal(turned.images, samples["gate"].images)
    assert torch.allclose(ranked(name, turned), ranked(name, samples["gate"])[TURN], atol=EXACT, rtol=1e-3)


@pytest.mark.parametrize("name", NAMES)
def test_settings_are_those_that_it_takes(samples, name):
    """Each setting that an entry has can be given, and its default is what is run without it."""
    entry = registry.choose("rankings", name)
    given = {key: value for key, value in entry.with_settings({}).items() if key not in QUICK.get(name, {})}
    assert torch.equal(ranked(name, samples["painter"], **given), ranked(name, samples["painter"]))
    with pytest.raises(ValueError, match="ranking"):
        entry.with_settings({"no_such": 1})


@pytest.mark.parametrize("name", ["iou", "alignment", "removal", "oracle"])
def test_a_painter_comes_first(samples, name):
    """Of ten painters each comes first for its digit."""
    assert ranked(name, samples["painter"]).argmax(dim=0).tolist() == list(range(10))


@pytest.mark.slow
def test_alpha_finds_painters(samples):
    """A few steps are enough for the painters of nine digits or more to come first."""
    assert (ranked("alpha", samples["painter"], steps=10).argmax(dim=0) == torch.arange(10)).sum() >= 9


def test_what_each_sees_of_an_echo(samples):
    """By its map an echo is as good as what it echoes; by an edit or a gradient it is nothing."""
    for name, fooled in (("iou", True), ("alignment", True), ("removal", False), ("gradient", False)):
        found = ranked(name, samples["echo"])[:, 3]
        assert bool(found[10] == found[3]) == fooled, name


def test_removal_and_gradients_do_not_find_twins(samples):
    """Of two units that are each enough none is found by removing one, nor by a gradient; their maps are told."""
    for name, found in (("iou", 1), ("removal", 0), ("gradient", 0)):
        assert ranked(name, samples["twins"])[[7, 10], 7].tolist() == [found, found]


def test_a_gate_is_found_by_what_it_does(samples):
    """A constant unit has no score by its map, and all of one by its removal."""
    assert ranked("iou", samples["gate"])[10].tolist() == [0] * 10
    assert ranked("alignment", samples["gate"])[10].tolist() == [0] * 10
    assert ranked("removal", samples["gate"])[10].tolist() == [0, 0, 0, 0, 0, 1, 0, 0, 0, 0]


def test_the_threshold_of_iou_is_a_setting(samples):
    """At the threshold that tells most a bystander scores about half for either digit, at the matched one a third."""
    for information, about in ((0, 0.33), (1, 0.5)):
        found = ranked("iou", samples["bystander"], information=information)[10, [1, 4]]
        assert found.tolist() == pytest.approx([about, about], abs=0.15)


def test_random_is_the_seeds(samples):
    """Another seed gives another order."""
    assert not torch.equal(ranked("random", samples["painter"], seed=0), ranked("random", samples["painter"], seed=1))


def test_the_oracle_says_the_truth_and_needs_it(samples):
    """Units that draw a digit have 1; without a truth there is no oracle."""
    found = ranked("oracle", samples["twins"])
    assert found[:, 7].nonzero()[:, 0].tolist() == [7, 10]
    assert found.sum() == 11
    sample = samples["twins"]
    with pytest.raises(ValueError, match=r"truth must be known for the ranking oracle, got none of 'twins'"):
        ranked("oracle", replace(sample, subject=replace(sample.subject, truth=None)))


@pytest.mark.parametrize("name", ["gradient", "removal"])
def test_none_of_the_samples_is_refused(samples, name):
    """At least one sample is looked at."""
    with pytest.raises(ValueError, match="most must be 1 or more, got most=0"):
        ranked(name, samples["painter"], most=0)


def test_a_digit_that_is_never_read_has_no_score(samples):
    """What is on no sample gets 0 from whatever looks at samples."""
    sample = samples["painter"].some(samples["painter"].said.counts[:, 2] == 0)
    for name in ("alignment", "iou", "removal", "gradient", "alpha"):
        assert (ranked(name, sample)[:, 2] == 0).all(), name
