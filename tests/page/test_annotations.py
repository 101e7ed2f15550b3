import json

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from mixmnist.page.annotations import agreement, judge_annotations, read_annotations, understood, write_annotations


def entry(exhibit, unit, concept, misfits=()):
    """What a page exports of one unit."""
    said = {"exhibit": exhibit.about.name, "layer": exhibit.layer, "fingerprint": exhibit.fingerprint, "unit": unit}
    return said | {"concept": concept, "category": "a concept", "misfits": list(misfits), "shown": 12}


@pytest.fixture
def exported(tmp_path):
    """Gives a function that writes an export of some units and reads it."""

    def export(*units, kind="mixmnist annotations"):
        path = tmp_path / "annotations.json"
        path.write_text(json.dumps({"kind": kind, "title": "t", "units": units}))
        return read_annotations(path)

    return export


def test_people_are_held_against_the_truth(exhibits, exported):
    """Fits must be the share not marked, true the share that shows the named concept, judged right where both agree."""
    first = exhibits[0]
    shows = first.top_present[1, :, first.concepts.index("7")]
    misfits = np.flatnonzero(~shows)[1:]  # one image that does not show it is overlooked
    row = judge_annotations(exported(entry(first, 1, "7", misfits.tolist())), exhibits).iloc[0]
    assert row["fits"] == pytest.approx((shows.sum() + 1) / 12)
    assert row["true"] == pytest.approx(shows.mean())
    assert row["judged_right"] == pytest.approx(11 / 12)
    assert row["alignment"] == first.units["alignment"][1]


def test_a_name_that_is_no_concept_has_no_truth(exhibits, exported):
    """Of a free description only what the person says can be told."""
    row = judge_annotations(exported(entry(exhibits[1], 2, "a thin stroke", [0, 5, 7])), exhibits).iloc[0]
    assert (row["fits"], row["same"], np.isnan(row["true"])) == (0.75, False, True)
    assert row["exhibit"] == "other, seed 1"


def test_the_own_concept_is_recognised(exhibits, exported):
    """Whether the name is the unit's concept must be said."""
    own = exhibits[0].units["concept"][3]
    assert judge_annotations(exported(entry(exhibits[0], 3, own)), exhibits)["same"].tolist() == [True]


def test_agreement_is_a_rank_correlation_with_its_interval():
    """It must be Spearman's, over units that have both numbers, with bounds over units; none below twenty units."""
    fits = np.random.default_rng(0).uniform(size=25)
    scores = {"alignment": fits + np.random.default_rng(1).uniform(size=25), "drop": [*fits[:19], *[np.nan] * 6]}
    found = agreement(pd.DataFrame({"fits": fits, **scores}))
    assert found["score"].tolist() == ["alignment", "drop"]
    assert found["units"].tolist() == [25, 19]
    expected = spearmanr(fits, scores["alignment"]).statistic
    assert found["rank_correlation"][0] == pytest.approx(expected)
    error = ((1 + expected**2 / 2) / 22) ** 0.5
    bounds = np.tanh(np.arctanh(expected) + np.array([-1, 1]) * 1.959964 * error)
    assert found.loc[0, ["lower", "upper"]].tolist() == pytest.approx(bounds.tolist())
    assert found.loc[1, ["rank_correlation", "lower", "upper"]].isna().all()


def test_a_score_of_two_values_has_an_agreement():
    """A score that tells units apart at all must have a rank correlation, one that is the same for all none."""
    fits = np.arange(20) / 20
    found = agreement(pd.DataFrame({"fits": fits, "true": [0.0] * 10 + [1.0] * 10, "alignment": [0.4] * 20}))
    assert found["rank_correlation"].tolist() == pytest.approx([0.867, np.nan], abs=1e-3, nan_ok=True)


def test_a_perfect_agreement_has_no_interval():
    """How sure a correlation of 1 is cannot be told by its formula, so no bounds may be given."""
    fits = np.arange(20) / 20
    assert agreement(pd.DataFrame({"fits": fits, "true": fits})).loc[0, ["lower", "upper"]].isna().all()


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        *[
            ("seven", "7"),
            ("a 7", "7"),
            ("7s", "7"),
            ("All 7's.", "7"),
            ("SIXES", "6"),
            ("the digit zero", "0"),
            ("it is 3", "3"),
        ],
        *[("4 or 9", ""), ("a stroke like 7", ""), ("", ""), ("the", ""), ("seventeen", ""), ("17", ""), ("not 7", "")],
    ],
)
def test_words_are_understood_as_digits(exhibits, exported, said, meant):
    """A digit must be understood in words, in the plural and with an article; and what names none or two must not be guessed."""
    row = judge_annotations(exported(entry(exhibits[0], 1, said)), exhibits).iloc[0]
    assert row["understood"] == meant
    assert row["named"] == said
    assert np.isnan(row["true"]) == (not meant)
    assert row["same"] == (meant == exhibits[0].units["concept"][1])


def test_concepts_that_are_no_digits_are_understood():
    """A concept of several words must be known by its name alone, one of a single word in the plural too."""
    names = ("T-shirt/top", "bag", "dress")
    assert [understood(said, names) for said in ("t-shirt/top", "bags", "a dress", "dresses", "shirt")] == [0, 1, 2, 2, None]


def test_from_twenty_units_on_people_are_compared(exhibited, exported, tmp_path):
    """Of fewer units the tables must say so in a sentence, of as many the share of right names must have its interval."""
    wide = exhibited("wide, seed 0", units=20)
    for n in (19, 20):
        judged = judge_annotations(exported(*(entry(wide, unit, "7", range(unit % 5)) for unit in range(n))), [wide])
        write_annotations(judged, tmp_path / str(n))
        text = (tmp_path / str(n) / "agreement.md").read_text()
        assert ("Agreement with people is told from 20 labelled units on; labelled: 19." in text) == (n == 19)
        assert ("95 % between" in text) == (n == 20)


@pytest.mark.parametrize(
    "content", ["not json", "[" * 100_000, "[]", '{"kind": "other", "units": []}', '{"kind": "mixmnist annotations"}']
)
def test_a_file_that_no_page_exported_is_refused(content, tmp_path):
    """Any other file must be refused in one sentence with the way out."""
    path = tmp_path / "other.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"annotations must be a file that a page exported, got .*other\.json\. Export one"):
        read_annotations(path)


def test_annotations_of_another_study_are_refused(exhibits, exported):
    """Units that are not on the page must be refused, with the way out."""
    with pytest.raises(ValueError, match=r"units on this page \(small, seed 0 conv\), got unit 1 of other.*Name the folder"):
        judge_annotations(exported(entry(exhibits[1], 1, "7")), exhibits[:1])


def test_an_empty_export_is_refused(exhibits, exported):
    """An export without units says nothing and must be refused."""
    with pytest.raises(ValueError, match="annotations must say something of one unit or more, got none"):
        judge_annotations(exported(), exhibits)


def test_tables_say_what_they_show(exhibits, exported, tmp_path):
    """The tables must be written in three formats, with the means of people and truth."""
    judged = judge_annotations(exported(*(entry(exhibits[0], unit, "7") for unit in range(4))), exhibits)
    write_annotations(judged, tmp_path / "annotations")
    assert {path.name for path in (tmp_path / "annotations").iterdir()} == {"sums.json"} | {
        f"{name}.{kind}" for name in ("units", "agreement") for kind in ("csv", "md", "tex")
    }
    assert "4 labelled units; 4 named a concept" in (tmp_path / "annotations/units.md").read_text()


@pytest.mark.parametrize("edit", [{"unit": 0.7}, {"misfits": [1.9]}, {"concept": None}, {"shown": True}])
def test_numbers_and_texts_of_an_export_are_not_guessed(exhibits, exported, edit):
    """A file that no page exported must be refused rather than rounded."""
    with pytest.raises(ValueError, match="annotations must be a file that a page exported"):
        exported(entry(exhibits[0], 0, "3") | edit)


def test_a_unit_counts_once(exhibits, exported):
    """The same unit twice must be refused."""
    with pytest.raises(ValueError, match="annotations must be a file that a page exported"):
        exported(entry(exhibits[0], 0, "3"), entry(exhibits[0], 0, "4"))


@pytest.mark.parametrize("slope", [0.0, 0.5, 0.8])
def test_the_interval_of_agreement_holds_the_truth(slope):
    """Of pairs whose rank correlation is known, its interval must hold it in about 95 of 100 draws of 20 to 60 units."""
    rng, known, held = np.random.default_rng(0), 6 / np.pi * np.arcsin(slope / 2), []
    for n in np.tile([20, 60], 200):
        one, noise = rng.standard_normal((2, n))
        judged = pd.DataFrame({"fits": one, "true": slope * one + (1 - slope**2) ** 0.5 * noise})
        lower, upper = agreement(judged).loc[0, ["lower", "upper"]]
        held.append(lower <= known <= upper)
    assert 0.91 <= np.mean(held) <= 0.985
