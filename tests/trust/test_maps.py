"""The study of maps, from nets to tables and figures."""

from functools import partial

import pandas as pd
import pytest

from mixmnist.core import registry
from mixmnist.core.studies import load_study
from mixmnist.data.mixture import draw
from mixmnist.plants import perfect
from mixmnist.report.drawing import Album, Look, style
from mixmnist.trust import maps

FEW = ("gradient", "gradient_input", "constant", "unit_map", maps.STRETCHED, "gradcam")


@pytest.fixture(scope="module")
def made(recorded_nets, tmp_path_factory):
    """What the analysis writes of two nearly perfect nets, with few ways."""
    mixture = draw("pairs", "stamps", "test", n=700, seed=0)
    nets = recorded_nets(partial(perfect.build, 0), "units", mixture, {"baseline": "planted:perfect"})
    out = tmp_path_factory.mktemp("maps")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(maps, "nets_of", lambda folder: nets)
        patch.setattr(maps, "maps_of", partial(maps.maps_of, ways=FEW))
        patch.setattr(maps, "side_by_side", lambda calls, title, fewest: [call(*arguments) for call, arguments in calls])
        patch.setattr(maps, "EACH", 1)
        maps.run(out / "study" / "stamps", out, None)
    return out


@pytest.mark.slow
def test_every_table_is_there_and_the_figures_are_drawn(made, tmp_path):
    """From nets to the figures nothing may be missing."""
    assert {"maps", "ways", "layers", "geometry", "runs"} <= {path.stem for path in made.glob("*.csv")}
    assert "points_at_box" in (made / "summary.md").read_text()
    with style(Look(("png",))):
        maps.draw(made, Album(tmp_path, Look(("png",)), ()))
    assert {path.stem for path in tmp_path.glob("*.png")} == {"where_and_what", "place_against_worth"}


@pytest.mark.slow
def test_runs_hold_what_claims_ask_for(made):
    """A row a net: of a nearly perfect detector gradient x input is on own ink, and a constant map points by area."""
    runs = pd.read_csv(made / "runs.csv")
    assert runs["seed"].tolist() == [0, 1]
    assert (runs["selective_gradient_input"] > 0.95).all()
    assert (runs["contrast_selective_gradient"] > 0.45).all()
    assert runs["points_at_box_constant"].tolist() == pytest.approx([144 / 1024] * 2, abs=1e-4)
    assert {"points_at_box_unit_map", "points_at_box_unit_map_stretched", "furthest_shuffled", "exact"} <= set(runs)
    assert (runs["exact"] > 0.8).all()


@pytest.mark.slow
def test_a_way_that_cannot_says_why(made):
    """A way that makes no map of a target stands in the table with its sentence, and in no mean."""
    rows = pd.read_csv(made / "maps.csv")
    refused = rows[rows["way"].eq("gradcam") & rows["target"].eq("peak")]
    assert refused["said"].str.contains("must have a layer with maps").all()
    assert refused["selective"].isna().all()
    assert "gradcam" not in set(pd.read_csv(made / "ways.csv").query("target == 'peak'")["way"])


def test_every_claim_has_its_column():
    """What the study's claims are held against must be a column that the analysis can write."""
    ways = {maps.column_of(way) for way in (*registry.names("ways"), maps.STRETCHED)}
    known = {f"{prefix}{measure}_{way}" for prefix, measures in maps.OF_RUNS.values() for measure in measures for way in ways}
    for claim in load_study("maps")[1].claims:
        assert {claim.column, claim.minus} - {None} <= known | {"furthest_shuffled"}
