"""captum says what our ways say, where both say the same thing."""

import pytest
import torch
from torch import nn

from mixmnist.visualize._targets import logit_target, unit_target
from mixmnist.visualize.mapping import make_maps

attr = pytest.importorskip("captum.attr")
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # captum warns of its own hooks


class Net(nn.Module):
    """Two convolutions with norms, ReLUs as modules, and a head."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
        self.second = nn.Sequential(nn.Conv2d(4, 5, 3), nn.ReLU())
        self.head = nn.Linear(5, 3)

    def forward(self, x):
        return self.head(self.second(self.first(x)).mean((2, 3)))


class Peak(nn.Module):
    """The peaks of the second layer as outputs, for captum, which knows no units' numbers."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        return self.net.second(self.net.first(x)).amax((2, 3))


@pytest.fixture(scope="module")
def net():
    """The net."""
    return Net().eval()


@pytest.fixture(scope="module")
def x():
    """Some noise."""
    return torch.rand(3, 1, 12, 11, generator=torch.Generator().manual_seed(0))


THEIRS = {
    "gradient": lambda model, x, unit: attr.Saliency(model).attribute(x, target=unit, abs=False),
    "gradient_input": lambda model, x, unit: attr.InputXGradient(model).attribute(x, target=unit),
    "guided": lambda model, x, unit: attr.GuidedBackprop(model).attribute(x, target=unit),
    "deconvolution": lambda model, x, unit: attr.Deconvolution(model).attribute(x, target=unit),
    "integrated": lambda model, x, unit: attr.IntegratedGradients(model).attribute(
        x, target=unit, n_steps=32, method="riemann_middle"
    ),
    "occlusion": lambda model, x, unit: attr.Occlusion(model).attribute(
        x, sliding_window_shapes=(1, 4, 4), strides=(1, 1, 1), target=unit
    ),
}


@pytest.mark.parametrize("way", THEIRS)
@pytest.mark.parametrize("of", ["peak", "logit"])
def test_maps_are_those_of_captum(way, of, net, x):
    """Each way gives captum's numbers to 1e-5, of a unit's peak and of a logit."""
    target = unit_target(net, "second", 2) if of == "peak" else logit_target(net, 2)
    theirs = THEIRS[way](Peak(net) if of == "peak" else net, x.clone().requires_grad_(), 2).detach()[:, 0]
    own = make_maps(way, target, x, {"stride": 1} if way == "occlusion" else {})
    torch.testing.assert_close(own, theirs, rtol=0, atol=1e-5)


def test_grad_cam_is_captums_before_it_is_scaled_up(net, x):
    """Where a layer's cells are pixels less a border, the maps inside the border are captum's."""
    theirs = attr.LayerGradCam(net, net.first).attribute(x.clone().requires_grad_(), target=1, relu_attributions=True)
    own = make_maps("gradcam", logit_target(net, 1), x, {"layer": "first"})
    torch.testing.assert_close(own[:, 1:-1, 1:-1], theirs.detach()[:, 0], rtol=0, atol=1e-5)


def test_hirescam_is_captums_gradient_times_activation(net, x):
    """The same layer's cells times their gradients, summed over units, are captum's inside the border."""
    theirs = attr.LayerGradientXActivation(net, net.first).attribute(x.clone().requires_grad_(), target=1)
    own = make_maps("hirescam", logit_target(net, 1), x, {"layer": "first"})
    torch.testing.assert_close(own[:, 1:-1, 1:-1], theirs.detach().sum(dim=1), rtol=0, atol=1e-5)
