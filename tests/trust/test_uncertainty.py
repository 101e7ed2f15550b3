"""Three sources of chance: that the table has each, from the numbers that belong to it."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from mixmnist.data.mixture import draw
from mixmnist.trust import uncertainty


class Net(nn.Module):
    """Four units with a head."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.units = nn.Sequential(nn.Conv2d(1, 4, 9, stride=4), nn.ReLU())
        self.head = nn.Linear(4, 45)

    def forward(self, x):
        return self.head(self.units(x).mean((2, 3)))


@pytest.fixture(scope="module")
def tables(tmp_path_factory, recorded_nets):
    """What the analysis writes of six seeds of one variant and two of another."""
    mixture = draw("pairs", "digits", "test", n=500, seed=0)
    six = recorded_nets(lambda: Net().eval(), "units", mixture, {"baseline": "trained"}, seeds=6)
    two = recorded_nets(lambda: Net().eval(), "units", mixture, {"untrained": "untrained"}, seeds=2)
    out = tmp_path_factory.mktemp("uncertainty")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(uncertainty, "nets_of", lambda _: six + two)
        uncertainty.run(out / "study" / "digits", out, None)
    return {name: pd.read_csv(out / f"{name}.csv") for name in ("intervals", "units", "variance")}


def test_each_source_of_chance_has_its_row(tables):
    """Accuracy over seeds and images, mean alignment over seeds and units; below 5 seeds no interval over them."""
    found = tables["intervals"].set_index(["variant", "score", "over"])
    assert found.loc["baseline"].index.tolist() == [
        ("accuracy", "seeds"),
        ("accuracy", "images"),
        ("mean_alignment", "seeds"),
        ("mean_alignment", "units"),
    ]
    assert found.loc["baseline"]["n"].tolist() == [6, 500, 6, 4]
    assert np.isnan(found.loc[("untrained", "accuracy", "seeds"), "lower"])
    assert found.loc[("untrained", "accuracy", "images"), "lower"] >= 0


def test_each_unit_has_its_interval_over_images(tables):
    """Alignments of the first seed's units must lie inside their intervals, which have some width."""
    units = tables["units"]
    assert units.groupby("variant")["unit"].agg(list).to_dict() == {"baseline": [0, 1, 2, 3], "untrained": [0, 1, 2, 3]}
    assert (units["lower"] < units["alignment"]).all()
    assert (units["alignment"] < units["upper"]).all()


def test_shares_of_the_variance_add_up(tables):
    """The components must be shares of one whole."""
    parts = tables["variance"][["seeds", "units", "images", "seeds_images", "rest"]]
    np.testing.assert_allclose(parts.sum(axis=1), 1)
    assert (parts >= 0).all(axis=None)
