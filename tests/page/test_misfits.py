"""What people say of images: only of those that were shown."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mixmnist.page.annotations import agreement, judge_annotations, read_annotations


@pytest.fixture
def read(exhibits, tmp_path):
    """Gives a function that writes what a page exports of one unit, with changes, and reads it."""

    def export(*edits):
        first = exhibits[0]
        said = {"exhibit": first.about.name, "layer": first.layer, "fingerprint": first.fingerprint}
        said |= {"concept": first.concepts[7], "category": "a concept", "misfits": [], "shown": 12}
        units = [said | {"unit": number} | edit for number, edit in enumerate(edits)]
        path = tmp_path / "annotations.json"
        path.write_text(json.dumps({"kind": "mixmnist annotations", "title": "t", "units": units}))
        return read_annotations(path)

    return export


@pytest.mark.parametrize(
    "edit", [{"misfits": [12]}, {"misfits": [-1]}, {"misfits": [3], "shown": 3}, {"shown": 0}, {"shown": -1}]
)
def test_misfits_that_were_not_shown_are_refused(read, edit):
    """The place of an image that was not shown, before the first or after the last, must be refused, and nothing shown too."""
    with pytest.raises(ValueError, match="annotations must be a file that a page exported"):
        read(edit)


def test_the_first_and_the_last_image_may_be_misfits(read, exhibits):
    """The first and the last of the shown images must be counted, and one image alone be enough."""
    ends, one = read({"misfits": [0, 11]}, {"misfits": [0], "shown": 1})
    assert (ends.misfits, one.shown) == ((0, 11), 1)
    judged = judge_annotations([ends, one], exhibits)
    assert judged["fits"].tolist() == pytest.approx([10 / 12, 0])
    shows = exhibits[0].top_present[:2, :, 7]
    fits = np.array([place not in (0, 11) for place in range(12)])
    assert judged["judged_right"].tolist() == pytest.approx([(shows[0] == fits).mean(), float(not shows[1, 0])])
    assert judged["true"].tolist() == pytest.approx([shows[0].mean(), float(shows[1, 0])])


def test_fewer_images_than_there_are_may_have_been_shown(read, exhibits):
    """Shares must be over the images that were shown, of which there may be fewer than the exhibit holds, and not more."""
    (few,) = read({"shown": 5, "misfits": [4]})
    row = judge_annotations([few], exhibits).iloc[0]
    assert row["fits"] == pytest.approx(4 / 5)
    assert row["true"] == pytest.approx(exhibits[0].top_present[0, :5, 7].mean())
    with pytest.raises(ValueError, match="got unit 0"):
        judge_annotations([replace(few, shown=13)], exhibits)
    with pytest.raises(ValueError, match="got unit 9"):
        judge_annotations([replace(few, unit=9)], exhibits)


def test_a_name_counts_whatever_its_case(read, exhibits):
    """The unit's own concept must be recognised in capitals too, and the scores be those of the unit."""
    own = exhibits[0].units["concept"].tolist()
    judged = judge_annotations(read(*({"concept": name.upper()} for name in own)), exhibits)
    assert judged["same"].all()
    assert judged["alignment"].tolist() == exhibits[0].units["alignment"].tolist()
    assert judged["drop"].tolist() == exhibits[0].units["drop"].tolist()


def test_agreement_is_none_where_all_is_alike():
    """Where every unit fits alike, or has the same score, there is no rank correlation."""
    alike, other = [0.5] * 20, [number / 20 for number in range(20)]
    for fits, scores in ((alike, other), (other, alike)):
        assert agreement(pd.DataFrame({"fits": fits, "alignment": scores}))["rank_correlation"].isna().all()
