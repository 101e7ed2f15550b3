"""Networks of many families: the right number of units at each layer, or one sentence; never a traceback.

torchvision's are there; timm's are tried where it is installed (the extra `zoo`). Weights are random: it is the plumbing that is
tried, on few and small images.
"""

import warnings
from functools import partial

import pytest
import torch
import torchvision.models as zoo
from torch import nn
from torchvision.models.convnext import CNBlockConfig, ConvNeXt
from torchvision.models.maxvit import MaxVit
from torchvision.models.swin_transformer import SwinTransformer, SwinTransformerBlockV2
from torchvision.models.vision_transformer import VisionTransformer

from mixmnist.core.records import Canvas
from mixmnist.data.mixture import draw
from mixmnist.probing import Caution, HeadAlgebra, probe_layers

pytestmark = pytest.mark.slow
SIZE, CLASSES = 64, 45


@pytest.fixture(scope="module")
def few():
    """Twelve canvases of 64 x 64."""
    return draw("pairs", "digits", "test", n=12, canvas=Canvas(SIZE, 24), seed=0)


def read(net, mixture, layers, axis=None):
    """Reads layers of a network, silences a unit of each and looks at a map; gives units and whether there are maps."""
    torch.manual_seed(0)
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Caution)
        readouts = probe_layers(net.eval(), mixture, layers, lambda x: x.expand(-1, 3, -1, -1), 4, axis)
    for readout in readouts:
        units = readout.n_units
        if readout.without is not None:
            logits = readout.without(torch.eye(units).bool()[:2], torch.zeros(units))
            assert logits.shape == (2, 12 if isinstance(readout.without, HeadAlgebra) else 4, CLASSES)
        if readout.pixels is not None:
            assert next(iter(readout.pixels))[1].shape[1:] == (units, SIZE, SIZE)
        found[readout.layer] = (units, readout.pixels is not None)
    return found


def torchvision(name, **settings):
    """Makes one of torchvision's networks."""
    return getattr(zoo, name)(weights=None, num_classes=CLASSES, **settings)


FAMILIES = {
    "resnet18": (partial(torchvision, "resnet18"), {"conv1": 64, "layer1": 64, "layer3.1.conv1": 256, "layer4": 512}),
    "resnet50": (partial(torchvision, "resnet50"), {"layer1": 256, "layer2.0.downsample": 512}),
    "densenet121": (partial(torchvision, "densenet121"), {"features.denseblock1": 256, "features.transition1": 128}),
    "mobilenet_v2": (partial(torchvision, "mobilenet_v2"), {"features.3": 24, "features.18": 1280}),
    "mobilenet_v3": (partial(torchvision, "mobilenet_v3_small"), {"features.4": 40, "features.4.block.2.scale_activation": 96}),
    "shufflenet": (partial(torchvision, "shufflenet_v2_x0_5"), {"stage2": 48, "stage3": 96, "conv5": 1024}),
    "squeezenet": (partial(torchvision, "squeezenet1_1"), {"features.3": 128, "features.12.squeeze": 64}),
    "efficientnet": (partial(torchvision, "efficientnet_b0"), {"features.3": 40, "features.8": 1280}),
    "mnasnet": (partial(torchvision, "mnasnet0_5"), {"layers.8": 16, "layers.16": 1280}),
    "regnet": (partial(torchvision, "regnet_y_400mf"), {"stem": 32, "trunk_output.block1": 48}),
    "googlenet": (
        partial(torchvision, "googlenet", aux_logits=False, init_weights=False),
        {"inception3a": 256, "inception3a.branch2": 128},
    ),
    "convnext": (
        partial(ConvNeXt, [CNBlockConfig(24, 40, 2), CNBlockConfig(40, None, 1)], num_classes=CLASSES),
        {"features.0.1": 24, "features.1": 24, "features.1.0.block.2": 24, "features.1.0.block.3": 96, "features.3": 40},
    ),
    "swin": (
        partial(SwinTransformer, [4, 4], 24, [2, 2], [2, 4], [4, 4], num_classes=CLASSES),
        {"features.0": 24, "features.1": 24, "features.1.1.mlp": 24, "features.2": 48, "features.3": 48, "norm": 48},
    ),
    "swin_v2": (
        partial(SwinTransformer, [4, 4], 24, [2, 2], [2, 4], [4, 4], num_classes=CLASSES, block=SwinTransformerBlockV2),
        {"features.1": 24, "features.1.0.norm1": 24},
    ),
    "vit": (
        partial(VisionTransformer, SIZE, 8, 2, 2, 32, 48, num_classes=CLASSES),
        {
            "conv_proj": 32,
            "encoder.dropout": 32,
            "encoder.layers.encoder_layer_0": 32,
            "encoder.layers.encoder_layer_0.mlp.0": 48,
            "encoder.layers.encoder_layer_0.dropout": 32,
            "encoder.ln": 32,
        },
    ),
    "maxvit": (
        partial(MaxVit, (SIZE, SIZE), 16, 4, [24, 48], [1, 1], 8, 0.0, num_classes=CLASSES),
        {"stem": 16, "blocks.0": 24, "blocks.1": 48},
    ),
    "vgg": (
        lambda: nn.Sequential(
            zoo.vgg.make_layers([16, "M", 24, "M"], batch_norm=True),
            nn.AdaptiveAvgPool2d((3, 5)),
            nn.Flatten(),
            nn.Linear(360, 30),
            nn.ReLU(inplace=True),
            nn.Linear(30, CLASSES),
        ),
        {"0": 24, "0.2": 16, "1": 24, "2": 360, "4": 30},
    ),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_layers_of_torchvisions_families_have_their_units(family, few):
    """Units must be those of the family's design, channels first or last, at convolutions, blocks, norms and activations."""
    make, expected = FAMILIES[family]
    torch.manual_seed(0)
    found = read(make(), few, list(expected))
    assert {layer: units for layer, (units, _) in found.items()} == expected


@pytest.mark.parametrize(
    ("family", "layer"), [("vit", "encoder.layers.encoder_layer_1"), ("vit", "encoder.ln"), ("swin", "features.3")]
)
def test_transformers_have_places(family, layer, few):
    """Patches behind a class token, and windows channels last, must have places by their gradients."""
    torch.manual_seed(0)
    assert read(FAMILIES[family][0](), few, [layer])[layer][1]


TIMM = {
    "vit_tiny_patch16_224": ({"img_size": SIZE, "patch_size": 8}, {"patch_embed": 192, "blocks.3": 192, "norm": 192}),
    "vit_small_patch14_reg4_dinov2": ({"img_size": SIZE, "patch_size": 16, "depth": 2}, {"blocks.0": 384, "blocks.1.mlp": 384}),
    "mixer_s32_224": ({"img_size": SIZE}, {"blocks.0": 512, "blocks.1.mlp_channels.fc1": 2048}),
    "pvt_v2_b0": ({}, {"stages.0": 32, "stages.1": 64}),
    "convnextv2_atto": ({}, {"stem": 40, "stages.1": 80}),
    "poolformer_s12": ({}, {"stages.0": 64, "stages.1": 128}),
    "swin_tiny_patch4_window7_224": ({"img_size": SIZE, "window_size": 4, "depths": (1, 1)}, {"layers.0": 96, "layers.1": 192}),
    "ghostnet_050": ({}, {"blocks.2": 12}),
    "mobilevit_xxs": ({}, {"stages.1": 24, "stages.2": 48}),
}


@pytest.mark.parametrize("family", TIMM)
def test_layers_of_timms_families_have_their_units(family, few):
    """The same must hold of timm's families."""
    timm = pytest.importorskip("timm")
    settings, expected = TIMM[family]
    torch.manual_seed(0)
    net = timm.create_model(family, pretrained=False, num_classes=CLASSES, **settings)
    found = read(net, few, list(expected))
    assert {layer: units for layer, (units, _) in found.items()} == expected


def test_a_mixer_of_tokens_and_units_is_asked_about(few):
    """Where linear layers run over tokens and over units, and the size is fixed, the axis must be named, and then holds."""
    timm = pytest.importorskip("timm")
    net = timm.create_model("resmlp_12_224", pretrained=False, num_classes=CLASSES, img_size=SIZE)
    with pytest.raises(ValueError, match="--axis 1: 16 units of 384 places; --axis 2: 384 units of 16 places"):
        read(net, few, ["blocks.0"])
    assert read(net, few, ["blocks.0"], axis=-1) == {"blocks.0": (384, True)}


class Steps(nn.Module):
    """Reads an image row by row with a recurrent layer, whose steps are classified together."""

    def __init__(self, kind=nn.GRU) -> None:
        super().__init__()
        self.rnn = kind(SIZE, 12, batch_first=True)
        self.steps, self.norm, self.head = nn.Identity(), nn.LayerNorm(12), nn.Linear(12, CLASSES)

    def forward(self, x):
        return self.head(self.norm(self.steps(self.rnn(x[:, 0])[0])).mean(1))


class Sequence(nn.Module):
    """Reads an image row by row with convolutions in one dimension and a transformer."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Sequential(nn.Conv1d(SIZE, 12, 3), nn.ReLU())
        self.mix = nn.TransformerEncoder(nn.TransformerEncoderLayer(12, 2, 20, batch_first=True), 2)
        self.head = nn.Linear(12, CLASSES)

    def forward(self, x):
        return self.head(self.mix(self.conv(x[:, 0]).transpose(1, 2)).mean(1))


class Auto(nn.Module):
    """An encoder and a decoder: nothing is classified."""

    def __init__(self) -> None:
        super().__init__()
        self.encode = nn.Sequential(nn.Conv2d(3, 5, 4, stride=4), nn.ReLU())
        self.decode = nn.ConvTranspose2d(5, 3, 4, stride=4)

    def forward(self, x):
        return self.decode(self.encode(x))


class Spectral(nn.Module):
    """Classifies by the size of Fourier coefficients, which are complex numbers at the layer `fourier`."""

    def __init__(self) -> None:
        super().__init__()
        self.fourier, self.size, self.head = nn.Identity(), nn.Identity(), nn.Linear(8, CLASSES)

    def forward(self, x):
        return self.head(self.size(self.fourier(torch.fft.rfft2(x))[:, 0, :8, 0].abs()))


def tied():
    """Two convolutions that share their weights."""
    net = nn.Sequential(
        nn.Conv2d(3, 3, 3), nn.ReLU(), nn.Conv2d(3, 3, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 45)
    )
    net[2].weight = net[0].weight
    return net


OWN = {
    "rnn": (Steps, {"steps": (12, False), "norm": (12, False)}),
    "lstm": (partial(Steps, nn.LSTM), {"steps": (12, False)}),
    "sequence": (Sequence, {"conv": (12, False), "mix": (12, False), "mix.layers.0": (12, False)}),
    "detection only": (Auto, {"encode": (5, True), "decode": (3, True)}),
    "segmentation": (
        lambda: zoo.segmentation.lraspp_mobilenet_v3_large(weights=None, weights_backbone=None),
        {"backbone.4": (40, True), "classifier.cbr": (128, True)},
    ),
    "spectral": (Spectral, {"size": (8, False)}),
    "tied": (tied, {"0": (3, True), "2": (3, True)}),
    "compiled": (lambda: torch.compile(tied()), {"_orig_mod.1": (3, True)}),
    "wrapped": (lambda: nn.DataParallel(tied()), {"module.2": (3, True)}),
    "memory channels last": (lambda: tied().to(memory_format=torch.channels_last), {"1": (3, True)}),
    "double": (lambda: tied().double(), {"1": (3, True)}),
}


@pytest.mark.parametrize("kind", OWN)
def test_networks_of_other_kinds_have_their_units(kind, few):
    """Recurrent, sequence, wrapped, compiled, tied and detecting networks must have their units, and places if there are any."""
    make, expected = OWN[kind]
    torch.manual_seed(0)
    assert read(make(), few, list(expected)) == expected


def _quiet(function, *given):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*given)


@pytest.mark.parametrize(
    ("make", "layer", "said"),
    [
        (Steps, "rnn", "got tuple from layer='rnn'"),
        (Spectral, "fourier", "got complex64 numbers from layer='fourier'"),
        (lambda: zoo.segmentation.lraspp_mobilenet_v3_large(weights=None, weights_backbone=None), "backbone", "got OrderedDict"),
        (lambda: _quiet(torch.jit.script, tied().eval()), "0", "got a scripted or traced module at its top"),
        (lambda: tied().to("meta"), "0", "the net must have weights"),
        (lambda: nn.Sequential(tied(), nn.RReLU(), nn.Sequential()), "3", "layer must be a known name"),
        (lambda: zoo.googlenet(weights=None, init_weights=False, aux_logits=True), "aux1", "got 0 runs of layer='aux1'"),
    ],
)
def test_what_cannot_be_read_gets_a_sentence(make, layer, said, few):
    """Whatever a network is, a layer that holds no units must end in one sentence."""
    with pytest.raises(ValueError, match=said) as caught:
        read(make(), few, [layer])
    assert len(str(caught.value).splitlines()) == 1
