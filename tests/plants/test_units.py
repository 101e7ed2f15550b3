"""Planted units: what their dials do, and that what is said to be true of them is."""

import math
from dataclasses import replace
from statistics import NormalDist

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mixmnist.plants.units import DECOY, DIALS, Faults, plant, truth
from mixmnist.scoring import Sheet

PERFECT_DROP = 0.2 * (1 - 1 / 9)  # the digit's images then tie among nine classes


def test_a_sound_unit_answers_exactly_its_digit():
    """Without faults every unit must give 1 where its digit is and 0 elsewhere, and the head must read every image."""
    readout = plant(Faults(), n=450)
    assert torch.equal(readout.response, readout.present[:, :10].float())
    assert torch.equal(readout.logits.argmax(dim=1), readout.labels)


@pytest.mark.parametrize("concept", ["0", "7", "9"])
def test_the_unit_of_the_concepts_number_is_planted(concept):
    """Only the unit of the named digit may have the faults."""
    readout = plant(Faults(misses=1), n=450, concept=concept)
    silent = (readout.response == 0).all(dim=0).nonzero()[:, 0].tolist()
    assert silent == [int(concept)]


@pytest.mark.parametrize("prevalence", [0.02, 0.1, 0.25, 0.6])
def test_prevalence_is_exact(prevalence):
    """The digit must be on exactly so many images as asked for."""
    readout = plant(Faults(), n=500, prevalence=prevalence, concept="4")
    assert int(readout.present[:, 4].sum()) == round(500 * prevalence)


def test_truth_by_hand():
    """Error rates and the share of images told apart must be those that the dials imply."""
    known = truth(Faults(misses=0.3, false_alarms=0.1))
    assert known.miss_rate == pytest.approx(0.3, abs=0.01)
    assert known.false_alarm_rate == pytest.approx(0.1, abs=0.01)
    assert known.quality == pytest.approx((0.7 + 0.9) / 2, abs=0.01)
    assert truth(Faults(silence=0.4)).quality == pytest.approx(0.8, abs=0.01)
    assert truth(Faults(confusion=1)).quality == pytest.approx(0.5, abs=0.01)  # though the decoy keeps the digit's company
    assert truth(Faults(blend=1)).quality == pytest.approx(0.5, abs=0.01)
    assert truth(Faults(either=1)).quality == pytest.approx((1 + 0.8) / 2, abs=0.01)  # the second digit is on .2 of the images
    assert truth(Faults(shift=0.5)).overlap == pytest.approx(0.5)


def test_truth_of_noise_is_that_of_two_normal_distributions():
    """With noise before the ReLU the unit tells apart as two normal distributions cut at 0 do."""
    spread = 2 * 0.1
    above = NormalDist(0, spread * math.sqrt(2)).cdf(1.0)  # hardly anything is cut where the digit is
    assert truth(Faults(noise=0.1)).quality == pytest.approx(above, abs=0.005)


def test_the_effect_of_a_perfect_unit_is_known():
    """Removing it must cost a fifth of the images but for the ninth part that a tie of nine classes leaves."""
    known = truth(Faults())
    assert known.effect == pytest.approx(PERFECT_DROP)
    assert known.group_effect == pytest.approx(PERFECT_DROP)
    shared = truth(Faults(duplicates=2 / 9))
    assert shared.effect == 0
    assert shared.group_effect == pytest.approx(PERFECT_DROP)


@pytest.mark.parametrize("dial", [d for d in DIALS if d not in ("rotation", "duplicates")])
def test_the_effect_is_what_ablation_measures(dial):
    """The accuracy lost without the unit must be the score drop's, which is computed in another way."""
    faults = Faults(**{dial: 0.4})
    sheet = Sheet(plant(faults, n=8_000, seed=3), sets=False)
    assert float(sheet["drop"][0]) == pytest.approx(truth(faults).effect, abs=0.012)


def test_a_rotation_leaves_the_network_alone():
    """Two units turned into each other, the head turned back, must give the same logits."""
    sound, turned = (plant(Faults(rotation=angle), n=450, seed=1) for angle in (0, 0.3))
    torch.testing.assert_close(turned.logits, sound.logits)
    assert not torch.allclose(turned.response[:, :2], sound.response[:, :2])
    assert torch.equal(turned.response[:, 2:], sound.response[:, 2:])


def test_duplicates_share_the_weight():
    """Copies must answer alike, and the network must stay the same."""
    sound, copied = (plant(Faults(duplicates=share), n=450, seed=1) for share in (0, 3 / 9))
    assert copied.n_units == 13
    assert torch.equal(copied.response[:, 10:], copied.response[:, :1].expand(-1, 3))
    torch.testing.assert_close(copied.logits, sound.logits)


def test_further_units_answer_at_random_and_are_not_read():
    """A wider layer must have the same planted unit, and a head that is blind to the new ones."""
    narrow, wide = (plant(Faults(noise=0.2), n=450, seed=2, units=units) for units in (10, 17))
    assert torch.equal(wide.response[:, :10], narrow.response)
    assert not wide.head[:, 10:].any()


def test_everyone_has_faults_of_their_own():
    """With the faults in every unit each must miss about as often, on other images."""
    readout = plant(Faults(misses=0.5), n=4_500, everyone=True)
    shown = readout.present[:, :10]
    found = 1 - readout.response.sum(dim=0) / shown.sum(dim=0)
    torch.testing.assert_close(found, torch.full((10,), 0.5), rtol=0, atol=0.06)


def test_maps_lie_where_the_digit_is_and_shift():
    """A sound unit's map must be its digit's box; a shifted one must cover as much less of it as it is shifted."""
    for shift, share in ((0.0, 1.0), (0.25, 0.75), (1.0, 0.0)):
        pixels = plant(Faults(shift=shift), n=450, few=60).pixels
        covered, area = 0, 0
        for some, maps in pixels:
            box = pixels.mask("box", 0, some)
            covered += int((box & (maps[:, 0] > 0)).sum())
            area += int(box.sum())
        assert covered / area == pytest.approx(share)


def test_boxes_that_are_shown_do_not_overlap():
    """Ink of two concepts on one image must lie apart."""
    pixels = plant(Faults(), n=450, few=100).pixels
    every = torch.arange(100)
    assert sum(pixels.mask("box", c, every).int() for c in range(11)).max() == 1


def test_the_decoy_keeps_company():
    """The decoy must do as the digit does on nine images of ten, and as its own prevalence says on the rest."""
    readout = plant(Faults(), n=9_000)
    agree = (readout.present[:, DECOY] == readout.present[:, 0]).float().mean()
    assert float(agree) == pytest.approx(0.9 + 0.1 * (0.2**2 + 0.8**2), abs=0.01)


@settings(deadline=None, max_examples=25)
@given(st.sampled_from(DIALS), st.floats(0, 1), st.integers(0, 5))
def test_every_dial_gives_a_readout_without_gaps(dial, level, seed):
    """At any level of any dial all numbers must be finite and the same seed must give the same readout."""
    first, again = (plant(Faults(**{dial: level}), n=60, seed=seed) for _ in range(2))
    assert first.response.isfinite().all()
    assert torch.equal(first.response, again.response)
    assert first.n_units == 9 + Faults(**{dial: level}).copies


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"misses": 1.5}, "misses must lie between 0 and 1, got misses=1.5"),
        ({"noise": -0.1}, "noise must lie between 0 and 1, got noise=-0.1"),
        ({"gain": math.nan}, "gain must lie between 0 and 1, got gain=nan"),
    ],
)
def test_dials_end_at_one(change, sentence):
    """A dial outside its range must be refused with its name."""
    with pytest.raises(ValueError, match=sentence):
        replace(Faults(), **change)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"concept": "x"}, "concept must be one that the task has, got concept='x'"),
        ({"units": 9}, "units must not be fewer than the 10 digits, got units=9"),
        ({"prevalence": 0.0}, "prevalence must lie between 0 and 1, got prevalence=0.0"),
        ({"n": 44}, "n must be 45 or more, one image a class, got n=44"),
    ],
)
def test_what_cannot_be_planted_is_refused(change, sentence):
    """A digit that is none, too few units, a share that is none and too few images must be refused in a sentence."""
    with pytest.raises(ValueError, match=sentence):
        plant(Faults(), **{"n": 450, **change})
