"""The study of halves, from nets to tables and figures, on small settings."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from mixmnist.core.records import Canvas
from mixmnist.core.studies import load_study
from mixmnist.data.mixture import draw
from mixmnist.nets import convnet
from mixmnist.report.drawing import Album, Look, style
from mixmnist.trust import _halves_pictures, verification
from mixmnist.trust._halves_nets import Place, Sizes, class_cases, know, train_net, unit_cases, untrained_net
from mixmnist.trust._halves_pictures import Asked
from mixmnist.visualize._garbage import KINDS
from mixmnist.visualize._generator import Generator
from mixmnist.visualize.halves import draw_halves
from mixmnist.visualize.halves_reader import ANSWERS, HalvesReader
from mixmnist.visualize.judging_halves import Judges
from mixmnist.visualize.reader import Reader

SIZES = Sizes(images=256, epochs=1, conv3=8, inverted=64, passes=1, natural=60, classes=2, units=1)
SHORT = {"steps": 2}
FEW = {
    "natural images": Asked("top", canvases="both"),
    "MACO": Asked("maco", SHORT),
    "learned": Asked("dgn", SHORT, "normal"),
    "learned, untrained net": Asked("dgn", SHORT | {"prior": "any"}, "normal", untrained=True),
    "learned by another net": Asked("dgn", SHORT | {"prior": "any"}, "another"),
    "refused": Asked("dgn", SHORT | {"clip": -1.0}, "both"),
}
PLACE = Place("digits", Canvas(), None)


class Bright(nn.Module):
    """Says inverted of what is bright and normal of what is not, whatever the digits."""

    def forward(self, x):
        light = x.mean((1, 2, 3))
        return torch.stack([0.5 - light, light - 0.5, *[torch.full_like(light, -9)] * 3], dim=1)


@pytest.fixture(scope="module")
def judges():
    """A reader of digits that knows none yet, and one of brightness."""
    good = dict.fromkeys(("false_alarm", *KINDS), 0.0) | {"found": 0.9}
    sure = dict.fromkeys(ANSWERS[:-1], 1.0) | dict.fromkeys((f"nothing_{kind}" for kind in KINDS), 0.0)
    net = convnet.split(convnet.build(convnet.Widths(), 10, (0,)))[0].eval()
    return Judges(Reader(net, 0.0, "digits", Canvas(), 0, good), HalvesReader(Bright().eval(), sure))


@pytest.fixture(scope="module")
def made(recorded_nets, judges, tmp_path_factory):
    """What the analysis writes of two small nets, with few ways and one change."""
    mixture = draw("pairs", "digits", "test", n=60, seed=0)
    nets = recorded_nets(
        lambda: convnet.split(convnet.build(convnet.Widths(), 45, (0,)))[0].eval(), "conv3", mixture, {"baseline": "trained"}
    )
    out = tmp_path_factory.mktemp("verification")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verification, "nets_of", lambda folder: nets)
        patch.setattr(verification, "judges_of", lambda net, root: judges)
        patch.setattr(verification, "side_by_side", lambda calls, title, fewest: [call(*arguments) for call, arguments in calls])
        patch.setattr(verification, "SIZES", SIZES)
        patch.setattr(verification, "TRIED", ())
        patch.setattr(verification, "CHANGES", ("inverted",))
        patch.setattr(verification, "MORE", ("conv3",))
        patch.setattr(verification, "look_at_net", partial(verification.look_at_net, ways=FEW))
        patch.setattr(Generator, "faults", [])  # so little training inverts nothing
        verification.run(out / "study" / "digits", out, None)
    return out


@pytest.mark.slow
def test_every_table_is_there_and_the_figures_are_drawn(made, tmp_path):
    """From nets to figures nothing may be missing."""
    assert {"pictures", "ways", "nets", "readers", "runs"} <= {path.stem for path in made.glob("*.csv")}
    assert "natural images" in (made / "summary.md").read_text()
    with style(Look(("png",))):
        verification.draw(made, Album(tmp_path, Look(("png",)), ()))
    assert {path.stem for path in tmp_path.glob("*.png")} == {"read_as", "digits", "sheet"}
    drawn = pd.read_csv(tmp_path / "read_as.csv")
    assert set(drawn["way"]) == set(FEW) - {"refused"} | {"learned on conv3"}
    assert set(drawn["n"]) == {2}


@pytest.mark.slow
def test_natural_images_are_read_as_what_they_are(made):
    """By a reader of brightness an inverted canvas is inverted: what is read is of the picture, and not of its class."""
    pictures = pd.read_csv(made / "pictures.csv")
    natural = pictures[pictures["way"].eq("natural images")]
    assert set(natural["read"]) == {"normal", "inverted"}
    assert len(natural[natural["what"].eq("class")]) == 2 * 4
    np.testing.assert_allclose(natural["response"][natural["what"].eq("class")], 1, rtol=1e-3)


@pytest.mark.slow
def test_a_way_without_pictures_says_why(made):
    """It stands in the table of ways with its sentence, and in no mean."""
    ways = pd.read_csv(made / "ways.csv")
    refused = ways[ways["way"].eq("refused")]
    assert refused["said"].str.contains("clip must be 0 standard deviations or more").all()
    assert refused["n"].isna().all()
    assert set(ways[ways["what"].eq("unit")]["way"]) <= set(_halves_pictures.OF_UNITS)


@pytest.mark.slow
def test_runs_hold_what_claims_ask_for(made):
    """A row a recorded net, whose carried share is the difference of the halves."""
    runs = pd.read_csv(made / "runs.csv")
    assert runs["seed"].tolist() == [0, 1]
    for way in ("learned", "maco", "natural_images"):
        difference = runs[f"changed_changed_{way}_inverted"] - runs[f"changed_normal_{way}_inverted"]
        np.testing.assert_allclose(runs[f"carried_{way}_inverted"], difference, atol=1e-3)
    assert runs["accuracy_changed_inverted"].between(0, 1).all()


def test_every_claim_has_its_column():
    """What the study's claims are held against must be a column that the analysis can write."""
    for claim in load_study("verification")[1].claims:
        assert {claim.column, claim.minus} - {None} <= set(verification.ANALYSIS.bounds)


def test_shares_are_of_the_own_change():
    """Another change is other; a row without a picture is left out."""
    table = pd.DataFrame({"read": ["normal", "tiles", "blurred", "neither", None], "how": ["tiles"] * 5})
    shares = verification.with_shares(table)[["normal", "changed", "other", "neither"]]
    assert shares.to_numpy().tolist() == np.eye(4).tolist()


def test_what_a_net_knows_by_hand():
    """Accuracy is of each half; liking is the difference of mean peaks in standard deviations."""

    class Light(nn.Module):
        """Calls everything class 46, and has a unit that is bright and one that is dark."""

        def __init__(self):
            super().__init__()
            self.conv3 = nn.Conv2d(1, 2, 1)
            self.head = nn.Linear(2, 90)
            with torch.no_grad():
                self.conv3.weight[:] = torch.tensor([1.0, -1.0]).view(2, 1, 1, 1)
                self.conv3.bias[:] = 0
                self.head.weight.zero_()
                self.head.bias[:] = (torch.arange(90) == 46).float()

        def forward(self, x):
            return self.head(self.conv3(x).mean((2, 3)))

    both = draw_halves("inverted", "digits", n=900, seed=0)
    known = know(Light().eval(), both)
    assert known.normal == 0
    assert known.changed == float((both.labels[both.changed] == 46).double().mean()) > 0
    peaks = torch.stack([both.images.amax((1, 2)), -both.images.amin((1, 2)).float()], dim=1).double() / 255
    light, dark = peaks[both.changed], peaks[~both.changed]
    wanted = (light.mean(0) - dark.mean(0)) / ((light.var(0) + dark.var(0)) / 2).sqrt().clamp_min(1e-9)
    torch.testing.assert_close(known.liking.double(), wanted, rtol=1e-3, atol=1e-3)


def test_classes_are_the_same_pairs_of_either_half():
    """Each half's classes have the same digits; other nets have other pairs."""
    cases = class_cases(0, Sizes(classes=5))
    assert torch.equal(cases.index[:5] + 45, cases.index[5:])
    assert torch.equal(cases.own[:5], cases.own[5:])
    assert cases.changed.tolist() == [False] * 5 + [True] * 5
    names = draw_halves("tiles", "digits", n=1, seed=0).classes
    assert [names[index][:2] for index in cases.index.tolist()] == [f"{a}{b}" for a, b in cases.own.tolist()]
    assert class_cases(1, Sizes(classes=5)).index.tolist() != cases.index.tolist()


def test_units_answer_to_one_half():
    """The least and the most, two pictures each, if they differ enough."""
    cases = unit_cases(torch.tensor([0.2, -3.0, 2.0, 1.5, -0.5]), 0, Sizes(units=2))
    assert cases.index.tolist() == [1, 1, 2, 2, 3, 3]
    assert cases.changed.tolist() == [False, False, True, True, True, True]
    assert unit_cases(torch.tensor([0.2, -0.9]), 0, Sizes()) is None


@pytest.mark.slow
def test_a_net_is_trained_by_its_seed():
    """The same seed gives the same net; training moves what is untrained, which has settled batch norms."""
    first, second, other = (train_net("tiles", PLACE, seed, SIZES) for seed in (0, 0, 1))
    naive = untrained_net(PLACE, "tiles", 0, SIZES)
    one, two, three, four = (net.head.weight for net in (first, second, other, naive))
    assert torch.equal(one, two)
    assert not torch.equal(one, three)
    assert not torch.equal(one, four)
    assert one.shape == (90, 8)
    assert float(naive.conv1.norm.running_mean.abs().max()) > 0
