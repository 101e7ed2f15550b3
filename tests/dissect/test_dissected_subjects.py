"""Subjects: what is refused of a stranger's generator, and that a pass over codes is exact."""

import pytest
import torch
from torch import nn

from mixmnist.core.records import Canvas
from mixmnist.dissect.subject import Subject, images_of, maps_of, subject_of

CANVAS = Canvas(size=6, glyph=3)


class Shaped(nn.Module):
    """Gives what a function makes of a layer's maps [n, 2, 6, 6]."""

    def __init__(self, function=lambda maps: maps[:, :1].sigmoid(), layer=None) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Linear(4, 72), nn.Unflatten(1, (2, 6, 6)))
        self.layer = layer or nn.ReLU()
        self.function = function

    def forward(self, codes):
        return self.function(self.layer(self.first(codes)))


def test_a_sound_module_becomes_a_subject():
    """Its codes are normal, the same for the same seed; its layer's size is known."""
    subject = subject_of(Shaped().eval(), "layer", CANVAS, latent=4, name="mine")
    assert (subject.name, subject.n_units, subject.cells, subject.stride) == ("mine", 2, (6, 6), (1, 1))
    assert subject.codes(5, seed=3).shape == (5, 4)
    assert (subject.codes(5, seed=3) == subject.codes(5, seed=3)).all()
    assert (subject.codes(5, seed=3) != subject.codes(5, seed=4)).any()


def test_maps_and_images_come_in_the_order_of_the_codes(painter):
    """A pass in batches gives what one pass gives."""
    codes = painter.codes(260, seed=0)
    maps = maps_of(painter, codes)
    assert maps.shape == (260, 12, 32, 32)
    assert (maps[251:253].sum(dim=1, keepdim=True) == painter.net(codes[251:253])).all()
    assert (images_of(painter, codes)[251:253] == painter.net(codes[251:253])).all()


def test_its_own_codes_are_preferred(painter):
    """A module that draws codes is asked for them."""
    assert (painter.codes(7, seed=1) == painter.net.codes(7, 1)).all()


def test_an_empty_map_of_a_painter_is_its_background(painter):
    """Maps are those before an edit, and are no view of what is edited later."""
    assert maps_of(painter, painter.codes(3, seed=0))[:, 10:].max() == 0


@pytest.mark.parametrize(
    ("net", "layer", "words"),
    [
        (
            Shaped(lambda maps: maps[:, :1, :5].sigmoid()),
            "layer",
            r"images must be \[16, 1, 6, 6\], got images=\[16, 1, 5, 6\]",
        ),
        (Shaped(lambda maps: maps[:, 0].sigmoid()), "layer", r"images must be \[16, 1, 6, 6\], got images=\[16, 6, 6\]\."),
        (Shaped(lambda maps: 300 * maps[:, :1]), "layer", r"images must lie in \[0, 1\], got 0 to"),
        (Shaped(lambda maps: maps[:, :1].sigmoid() * torch.nan), "layer", r"images must lie in \[0, 1\], got nan"),
        (Shaped(), "first.0", r"layer must give maps \[n, units, high, wide\], got \[16, 72\] from layer='first.0'\."),
        (Shaped(), "lair", "layer must be a known name, got layer='lair'. Did you mean layer"),
        (Shaped(lambda maps: maps[:, :1] * 0 + 0.5), "layer", "the generator must draw different images, got 16 samples that"),
        (Shaped(lambda maps: (maps[:, :1] - maps[0, :1]).sigmoid()), "layer", "images must not depend on their company"),
    ],
)
def test_what_cannot_be_dissected_is_refused(net, layer, words):
    """One sentence says what is wrong."""
    with pytest.raises(ValueError, match=words):
        subject_of(net.eval(), layer, CANVAS, latent=4)


def test_a_layer_that_runs_twice_is_refused():
    """Which of its runs would be read?"""
    relu = nn.ReLU()
    net = Shaped(lambda maps: relu(maps)[:, :1].sigmoid(), relu).eval()
    with pytest.raises(ValueError, match="layer must run once in a pass, got 2 runs of layer='layer'"):
        subject_of(net, "layer", CANVAS, latent=4)


def test_the_size_of_a_code_must_be_known():
    """It is named or the module's own."""
    with pytest.raises(ValueError, match=r"latent must be 1 or more, got latent=None\. Give latent=, or set it on the module\."):
        subject_of(Shaped().eval(), "layer", CANVAS)


def test_train_mode_is_refused():
    """Batch norm would mix the samples."""
    with pytest.raises(ValueError, match="eval mode"):
        subject_of(Shaped(), "layer", CANVAS, latent=4)


def test_a_subject_names_its_truth(painter):
    """Planted ones know which units draw a digit."""
    assert isinstance(painter, Subject)
    assert painter.truth[7] == (7,)
