"""Other libraries say what we say: captum of ablation, torchmetrics of average precision."""

import pytest
import torch
from torch import nn

from mixmnist import draw, evaluate, probe, score_arrays
from mixmnist.guests.evaluating import Setting
from mixmnist.metrics.average_precision import average_precision

attr = pytest.importorskip("captum.attr")
classification = pytest.importorskip("torchmetrics.functional.classification")


@pytest.fixture(scope="module")
def net():
    """A convnet whose middle layer feeds a head through its mean."""
    torch.manual_seed(0)
    layers = [nn.Conv2d(1, 5, 5, stride=2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 45)]
    return nn.Sequential(*layers).eval()


def test_captums_ablation_of_a_unit_changes_the_logits_as_ours_does(net, pairs_mixture):
    """The difference that captum attributes to a silenced unit must be the difference of our logits."""
    readout = probe(net, pairs_mixture, "1")
    x, labels = pairs_mixture.images[:64, None] / 255, pairs_mixture.labels[:64]
    units = torch.arange(5)[None, :, None, None]  # one feature a unit, all its places together
    shape = net[:2](x[:1]).shape
    found = attr.LayerFeatureAblation(net, net[1]).attribute(x, target=labels, layer_mask=units.expand(shape))
    theirs = found[:, :, 0, 0].detach()
    silenced = readout.without(torch.eye(5).bool(), torch.zeros(5))[:, :64]  # units images classes
    own = readout.logits[:64].gather(1, labels[:, None]) - silenced.gather(2, labels[None, :, None].expand(5, -1, 1))[..., 0].T
    torch.testing.assert_close(theirs, own, rtol=1e-4, atol=1e-5)


def test_torchmetrics_average_precision_is_ours(net, pairs_mixture):
    """Average precision of every unit and digit must agree, ties apart: responses here are all different."""
    readout = probe(net, pairs_mixture, "0")
    response = readout.response + torch.rand(readout.response.shape, generator=torch.Generator().manual_seed(0)) * 1e-3
    own = average_precision(response, readout.present)
    for unit in range(5):
        scaled = (response[:, unit] - response[:, unit].min()) / (response[:, unit].max() - response[:, unit].min())
        for digit in range(10):
            theirs = classification.binary_average_precision(scaled.double(), readout.present[:, digit].long())
            assert own[unit, digit].item() == pytest.approx(theirs.item(), abs=1e-6)


def test_a_layer_that_captum_reads_scores_as_one_that_we_read(net):
    """Activations from captum, as arrays, must get the scores of an evaluation of the same layer."""
    test, rank = (draw("pairs", "digits", split, n=800) for split in ("test", "rank"))
    peaks = [attr.LayerActivation(net, net[1]).attribute(m.images[:, None] / 255).detach().amax((2, 3)) for m in (test, rank)]
    found = score_arrays(peaks[0], test.present, concepts=test.concepts, permutations=9)
    own = evaluate(net, "1", source="digits", setting=Setting(n=800, few=20, permutations=9))
    assert found.units["concept"].tolist() == own.units["concept"].tolist()
    torch.testing.assert_close(torch.tensor(found.units["alignment"]), torch.tensor(own.units["alignment"]), rtol=1e-4, atol=1e-5)
