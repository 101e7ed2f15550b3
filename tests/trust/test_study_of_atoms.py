"""The study of dictionaries on trained nets, from nets to tables and figures."""

from functools import partial

import pandas as pd
import pytest
from torch import nn

from mixmnist.report.drawing import Album, Look, style
from mixmnist.trust import features

FEW = ("ica", "kmeans", "pca", "sparse", "topk:steps=20")


def build():
    """A net of five units with a linear head on their means."""
    pooled = (nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return nn.Sequential(nn.Conv2d(1, 5, 7, stride=5), nn.ReLU(), *pooled, nn.Linear(5, 45)).eval()


@pytest.fixture(scope="module")
def made(recorded_nets, pairs_mixture, tmp_path_factory):
    """What the analysis writes of two nets of three variants, with few dictionaries."""
    nets = recorded_nets(build, "1", pairs_mixture, {"baseline": "untrained", "width-5": "untrained"})
    out = tmp_path_factory.mktemp("features")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(features, "nets_of", lambda folder: nets)
        patch.setattr(features, "fits_of", partial(features.fits_of, only=FEW))
        patch.setattr(features, "side_by_side", lambda calls, title, fewest: [call(*arguments) for call, arguments in calls])
        patch.setattr(features, "fits_by_plan", partial(features.fits_by_plan, images=200))
        patch.setattr(features, "MORE_SEEDS", (0, 1))
        patch.setattr(features, "WHOLE", 1)
        features.run(out / "study" / "digits", out, None)
    return out


@pytest.mark.slow
def test_every_table_is_there_and_every_figure_is_drawn(made, tmp_path):
    """From nets to the last figure nothing may be missing."""
    tables = {"fits", "variants", "scores", "orders", "runs", "best_atoms"}
    assert tables <= {path.stem for path in made.glob("*.csv")}
    with style(Look(("png",))):
        features.draw(made, Album(tmp_path, Look(("png",)), ()))
    names = {"units_against_atoms", "coverage_by_atoms", "variance_against_coverage", "best_atoms_width-5"}
    assert {path.stem for path in tmp_path.glob("*.png")} == names


@pytest.mark.slow
def test_each_net_stands_beside_its_null_and_ceiling(made):
    """Random directions as many as atoms, the ceilings and the units are in the table of every net; nothing is there twice."""
    fits = pd.read_csv(made / "fits.csv")
    for _, net in fits[~fits["rotated"]].groupby(["variant", "net_seed"]):
        assert set(net["atoms"][net["dictionary"] == "random"]) >= set(net["atoms"][~net["supervised"]])
        assert {"units", "probe_max"} <= set(net["dictionary"])
    assert not fits.duplicated(["variant", "net_seed", "dictionary", "atoms", "seed", "rotated"]).any()


@pytest.mark.slow
def test_the_variant_that_is_rotated_says_what_that_changes(made):
    """The change by a rotation is told of one variant; what is fitted by lengths and angles alone hardly changes."""
    runs = pd.read_csv(made / "runs.csv").set_index("variant")
    assert runs["rotation_change"].drop("baseline").isna().all()
    assert (runs["rotation_change"]["baseline"] < 0.05).all()
    assert (runs["coverage_random"] > 0).all()
