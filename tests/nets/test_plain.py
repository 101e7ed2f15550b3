"""The plain net: at the convnet's widths, and with norm, it is the convnet."""

import pytest
import torch

from mixmnist.core.records import Training
from mixmnist.data.mixture import draw
from mixmnist.nets import convnet, plain
from mixmnist.training import train

SEEDS = (0, 1, 2, 3)
MARGIN = 0.02  # of mean accuracy over four seeds; measured, they differ by .0008, and single seeds by .004


def test_with_the_convnets_weights_it_gives_the_convnets_logits():
    """Filled with a trained state of the convnet, layer by layer, it must be the same function, also in training."""
    theirs = convnet.load(convnet.Widths(conv1=3, conv2=5, conv3=4), 7)
    ours = plain.load(plain.Widths(conv1=3, conv2=5, units=4), 7)
    x = torch.rand(6, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    for parameter in theirs.parameters():
        torch.nn.init.normal_(parameter, 0.1, 0.5, generator=torch.Generator().manual_seed(parameter.numel()))
    theirs(x)  # gives the norms something to remember
    ours.load_state_dict({key.replace("conv2.", "conv2.0."): value for key, value in theirs.state_dict().items()})
    for training in (False, True):
        logits = theirs.train(training)(x)
        assert logits.std(0).min() > 1e-3
        torch.testing.assert_close(ours.train(training)(x), logits, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("depth", [3, 4, 6])
def test_depth_counts_convolutions(depth):
    """As many convolutions must stand there, and the maps of the three layers keep their sizes."""
    net = plain.load(plain.Widths(depth=depth), 7).eval()
    assert sum(isinstance(module, torch.nn.Conv2d) for module in net.modules()) == depth
    x = torch.zeros(1, 1, 32, 32)
    assert [net[: end + 1](x).shape[1:] for end in (0, 2, 4)] == [(10, 28, 28), (20, 13, 13), (30, 6, 6)]


@pytest.mark.slow
def test_it_learns_what_the_convnet_learns():
    """Built by itself and trained by the same short recipe, it must have the convnet's mean accuracy within the margin."""
    drawn, test = draw("single", "digits", "train", 1_920), draw("single", "digits", "test", 1_000)
    images, labels = drawn.images.expand(len(SEEDS), -1, -1, -1), drawn.labels.expand(len(SEEDS), -1)
    means = []
    for net, widths in ((convnet, convnet.Widths(conv3=30)), (plain, plain.Widths())):
        stack = net.build(widths, 10, SEEDS)
        train(stack, images.contiguous(), labels.contiguous(), Training(images=1_920, epochs=4, batch=64), SEEDS)
        with torch.no_grad():
            right = [one(test.images[:, None] / 255).argmax(1) == test.labels for one in net.split(stack)]
        means.append(torch.stack(right).float().mean().item())
    assert min(means) > 0.5
    assert means[0] == pytest.approx(means[1], abs=MARGIN)
