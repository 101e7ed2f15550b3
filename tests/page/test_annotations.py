import json

import numpy as np
import pandas as pd
import pytest

from mixmnist.page.annotations import agreement, judge_annotations, read_annotations, write_annotations


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


def test_agreement_is_a_rank_correlation():
    """It must be Spearman's, over units that have both numbers, and none below three units."""
    fits = [1.0, 0.9, 0.5, 0.1]
    found = agreement(pd.DataFrame({"fits": fits, "alignment": [0.9, 0.95, 0.3, np.nan], "drop": [0.1, 0.2, np.nan, np.nan]}))
    assert found["score"].tolist() == ["alignment", "drop"]
    assert found["units"].tolist() == [3, 2]
    assert found["rank_correlation"][0] == pytest.approx(0.5)
    assert np.isnan(found["rank_correlation"][1])


def test_a_score_of_two_values_has_an_agreement():
    """A score that tells units apart at all must have a rank correlation, one that is the same for all none."""
    found = agreement(pd.DataFrame({"fits": [1.0, 0.5, 0.75], "true": [1.0, 0.5, 0.5], "alignment": [0.4, 0.4, 0.4]}))
    assert found["rank_correlation"].tolist() == pytest.approx([0.75**0.5, np.nan], nan_ok=True)


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
