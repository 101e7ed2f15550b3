"""Simulated annotators: what each dial does, what they write at the page, and how far they agree."""

import itertools
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from mixmnist.labellers.annotations import read_annotations, write_annotations_file
from mixmnist.labellers.annotators import LOOKALIKES, Dials, annotate, as_annotations, krippendorff, lookalikes
from mixmnist.labellers.judging import judge_labels
from mixmnist.labellers.labelling import label_units
from mixmnist.labellers.paging import beside, page_scores
from mixmnist.page.annotations import judge_annotations


def names(weights):
    """The concepts that are named, by place."""
    return [row.nonzero()[:, 0].tolist() for row in weights]


def test_people_without_faults_name_what_is_there(sight):
    """They see the top images as these are, and name as the labeller of top images does."""
    said = annotate(sight, Dials(images=24))
    assert torch.equal(said.seen[0], sight.present[sight.top(24)])
    assert names(said.together)[:3] == [[3], [4, 9], []]


@pytest.mark.parametrize(
    ("dials", "share", "extra"),
    [
        (Dials(misses=0.3, images=1500), 0.7, 0.0),
        (Dials(false_alarms=0.4, images=1500), 1.0, 0.4),
        (Dials(misses=1.0, images=1500), 0.0, 0.0),
    ],
)
def test_misses_and_false_alarms_come_as_often_as_they_should(sight, dials, share, extra):
    """Shown digits are seen with the complement of misses; an image has a false digit as often as the dial says."""
    there, seen = sight.present[sight.top(1500)], annotate(sight, dials).seen[0]
    assert float(seen[there].float().mean()) == pytest.approx(share, abs=0.02)
    assert float((seen & ~there).sum(dim=2).float().mean()) == pytest.approx(extra, abs=0.02)


@pytest.mark.parametrize("dials", [Dials(), Dials(false_alarms=1.0), Dials(misses=0.5), Dials(confusions=0.5)])
def test_no_fault_makes_a_person_name_what_is_there_by_chance(sight, dials):
    """Of 300 units that answer by chance few get a name, whatever a person sees too much or too little of on every image."""
    chance = torch.rand(1500, 300, generator=torch.Generator().manual_seed(5))
    said = annotate(replace(sight, response=chance), dials)
    assert (said.together > 0).any(dim=1).float().mean() < 0.08  # of an alpha of .05


def test_who_must_name_something_names_no_dead_unit(sight):
    """What says the same of every image has no top images."""
    assert names(annotate(sight, Dials(always=True)).together)[3] == []


def test_confusions_are_of_those_that_look_alike(sight):
    """A digit that is taken for another is seen as its lookalike; with a dial of 1 each is, and none is lost."""
    there, seen = sight.present[sight.top(1500)], annotate(sight, Dials(confusions=1.0, images=1500)).seen[0]
    expected = torch.zeros_like(there)
    for place in range(10):
        expected[..., int(LOOKALIKES[str(place)])] |= there[..., place]
    assert torch.equal(seen, expected)
    assert names(annotate(sight, Dials(confusions=1.0)).together)[0] == [5]


def test_who_is_taken_for_one_that_is_not_there_stays(sight):
    """Of a task without the lookalike nothing is confused."""
    assert lookalikes(("4", "8")) == [0, 1]


def test_several_people_vote(sight):
    """A name stands where more than half give it: five who miss much are together better than one."""
    worn = {"misses": 0.35, "images": 12}
    alone = np.mean([names(annotate(sight, Dials(**worn), seed).together)[0] == [3] for seed in range(60)])
    five = np.mean([names(annotate(sight, Dials(**worn, people=5), seed).together)[0] == [3] for seed in range(60)])
    assert five > alone + 0.02


def test_half_of_the_people_are_not_enough(sight):
    """Two who disagree name nothing together."""
    said = annotate(sight, Dials(misses=0.45, people=2), seed=2)
    given = (said.weights > 0).sum(dim=0)
    assert torch.equal(said.together > 0, given == 2)
    assert (given == 1).any()


def test_people_differ_and_seeds_repeat(sight):
    """Each person has faults of an own; a seed gives the same people."""
    dials = Dials(misses=0.3, people=3)
    said = annotate(sight, dials, seed=1)
    assert not torch.equal(said.seen[0], said.seen[1])
    assert torch.equal(said.seen, annotate(sight, dials, seed=1).seen)
    assert not torch.equal(said.seen, annotate(sight, dials, seed=2).seen)


@pytest.mark.parametrize("wrong", [{"misses": 1.5}, {"confusions": -0.1}, {"images": 0}, {"people": 0}])
def test_dials_beyond_their_ends_are_refused(wrong):
    """Each gets a sentence."""
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must"):
        Dials(**wrong)


def slow_alpha(answers):
    """Krippendorff's alpha by pairs of answers, as it is defined."""
    people, items = answers.shape
    pairs = [(answers[i, k], answers[j, k]) for k in range(items) for i, j in itertools.permutations(range(people), 2)]
    observed = np.mean([a != b for a, b in pairs])
    flat = answers.ravel()
    expected = np.mean([a != b for (i, a), (j, b) in itertools.permutations(enumerate(flat), 2)])
    return 1 - observed / expected


def test_agreement_is_krippendorffs_alpha():
    """It agrees with the definition over pairs; all alike is 1, one person has none, and people who guess have about 0."""
    answers = torch.rand(4, 12, generator=torch.Generator().manual_seed(0)) < 0.4
    assert krippendorff(answers) == pytest.approx(slow_alpha(answers.numpy()))
    assert krippendorff(answers[:1].repeat(3, 1)) == 1
    assert krippendorff(torch.zeros(3, 5, dtype=torch.bool)) == 1
    assert np.isnan(krippendorff(answers[:1]))
    guesses = torch.rand(5, 5000, generator=torch.Generator().manual_seed(1)) < 0.2
    assert krippendorff(guesses) == pytest.approx(0, abs=0.02)


def test_what_is_written_at_the_page_comes_back(tmp_path, sight, scene):
    """Names, categories and misfits go through the file and the labeller that reads it to the same label."""
    dials = Dials(misses=0.1, images=24)
    said = as_annotations(sight, dials, "net, seed 0", seed=3)
    path = tmp_path / "annotations.json"
    write_annotations_file(said, path)
    assert read_annotations(path) == said
    found = label_units("file", sight, {"path": str(path)})
    assert names(found) == names(annotate(sight, dials, seed=3).weights[0])
    assert [one.category for one in said][1:3] == ["several concepts", "nothing in common"]
    assert judge_labels(found, scene)["first_true"][0] == 1
    seen = annotate(sight, dials, seed=3).seen[0]
    assert said[0].misfits == tuple((~seen[0, :, 3]).nonzero()[:, 0].tolist()) != ()


@pytest.mark.plain
def test_the_page_tells_what_the_page_tells(sight):
    """Fits, true and judged right are those of the page's own judge on an exhibit of the same top images."""
    said = [one for one in as_annotations(sight, Dials(misses=0.2), "net, seed 0", seed=1) if one.unit in (0, 4)]
    exhibit = SimpleNamespace(
        about=SimpleNamespace(name="net, seed 0"),
        layer="conv3",
        fingerprint="abc",
        concepts=sight.concepts,
        units=pd.DataFrame({"unit": range(5), "concept": ["3"] * 5}),
        top=np.zeros((5, 12, 1, 1)),
        top_present=sight.present[sight.top(12)].numpy(),
    )
    theirs, ours = judge_annotations(said, [exhibit]), page_scores(said, sight)
    for column in ("fits", "true", "judged_right"):
        assert ours[column].tolist() == pytest.approx(theirs[column].tolist())


def test_what_the_page_tells_stands_beside_f1():
    """Means are over units with a name; the order of five units is told, of four not."""
    told = pd.DataFrame({"unit": range(6), "fits": [0.5, 0.6, 0.7, 0.8, 0.9, 0.0], "judged_right": 1.0})
    judged = pd.DataFrame({"unit": range(6), "empty": [0, 0, 0, 0, 0, 1], "f1": [0.1, 0.2, 0.3, 0.4, 0.5, 0.9]})
    found = beside(told, judged)
    assert (found["fits"], found["f1"], found["fits_orders_f1"]) == pytest.approx((0.7, 0.3, 1))
    assert np.isnan(beside(told[1:], judged)["fits_orders_f1"])
