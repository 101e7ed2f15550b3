"""What is looked at: units with their digits, those that never fire, classes with theirs, and canvases that show them."""

import pytest
import torch
from torch import nn

from mixmnist.data.mixture import draw
from mixmnist.visualize.subjects import View, classes_of, units_of


class Digits(nn.Module):
    """Fires for digits by looking them up: unit k is for digit k, unit 10 is silent, unit 11 is for nothing."""

    def __init__(self, canvases):
        super().__init__()
        self.known = {canvases.images[k].numpy().tobytes(): canvases.present[k] for k in range(len(canvases))}
        self.layer = nn.Identity()
        self.pairs = canvases.classes

    def forward(self, x):
        shows = torch.stack([self.known[one.numpy().tobytes()] for one in (x[:, 0] * 255).round().byte()]).float()
        units = torch.cat([shows, torch.zeros(len(x), 1), torch.ones(len(x), 1)], dim=1)
        units = self.layer(units[:, :, None, None].expand(-1, -1, 2, 2) * torch.tensor([[1.0, 0.5], [0.0, 0.0]]))
        peaks = units.amax((2, 3))
        return torch.stack([peaks[:, int(name[0])] + 2 * peaks[:, int(name[1])] for name in self.pairs], dim=1)


@pytest.fixture(scope="module")
def view():
    """Canvases on which it is all known."""
    canvases = draw("pairs", "digits", "test", n=500, seed=0)
    return View(Digits(canvases).eval(), canvases, "layer")


@pytest.mark.parametrize(("of", "high"), [("peak", 1.0), ("mean", 0.375), ("cell", 1.0)])
def test_units_have_the_digit_that_they_detect(view, of, high):
    """Of a unit that looks a digit up it is that, with an alignment of 1."""
    found = units_of(view, [3, 7], of)
    assert found.names == ("unit 3", "unit 7")
    assert found.wanted.nonzero().tolist() == [[0, 3], [1, 7]]
    torch.testing.assert_close(found.alignment, torch.ones(2))
    assert found.found.amax(dim=1).tolist() == [high] * 2
    assert (found.target.of, found.target.index.tolist()) == (of, [3, 7])


def test_units_that_never_fire_are_refused_where_they_are_named_and_else_left_out(view):
    """Each of the latter has a sentence."""
    with pytest.raises(ValueError, match=r"a unit must fire on one canvas or more, got unit 10 of layer='layer': it is 0 on all"):
        units_of(view, [3, 10])
    found = units_of(view, "all")
    assert found.names == tuple(f"unit {unit}" for unit in (*range(10), 11))
    assert found.left_out == ("Unit 10 of layer is left out: it is 0 on all 500 canvases.",)
    assert not found.strict


def test_detectors_alone_are_seen(view):
    """A unit that fires everywhere is none."""
    assert units_of(view, "detectors").names == tuple(f"unit {unit}" for unit in range(10))


def test_classes_have_all_their_digits_and_contrasts_one(view):
    """Numbers of a contrast are the class's logit less the mean of those that share all but one digit."""
    logit, contrast = (classes_of(view, [12], of) for of in ("logit", "contrast"))
    assert logit.wanted.nonzero()[:, 1].tolist() == [1, 5]
    assert contrast.names == ("class 12 (15), for 1", "class 12 (15), for 5")
    assert contrast.wanted.nonzero().tolist() == [[0, 1], [1, 5]]
    assert contrast.scene.nonzero().tolist() == [[0, 1], [0, 5], [1, 1], [1, 5]]
    for subjects in (logit, contrast):
        for row in range(len(subjects)):
            own = subjects.target.some(torch.tensor([row]))
            values = own.values(view.pixels(torch.arange(40)))
            torch.testing.assert_close(values, subjects.found[row, :40])


def test_canvases_for_maps_show_the_digits_and_fire(view):
    """The first ones that do; more than there are is refused."""
    subjects = units_of(view, [4, 11])
    rows = subjects.examples(view.canvases, 5)
    assert rows.shape == (2, 5)
    assert view.canvases.present[rows[0], 4].all()
    assert rows[0, 0] == view.canvases.present[:, 4].nonzero()[0, 0]
    assert view.canvases.present[classes_of(view, [12], "contrast").examples(view.canvases, 3)][:, :, [1, 5]].all()
    with pytest.raises(ValueError, match=r"canvases for maps must be 500 or more, got \d+ for unit 4\. Ask for fewer --starts"):
        subjects.examples(view.canvases, 500)


@pytest.mark.parametrize(
    ("units", "of", "message"),
    [
        ([12], "peak", "unit must lie between 0 and 11, got 12 of layer='layer'"),
        ([], "peak", "units must be one or more, got none"),
        ("some", "peak", "units must be numbers, all or detectors, got 'some'"),
        ([1], "logit", "of must be one of peak, mean, cell for units, got of='logit'"),
    ],
)
def test_units_that_cannot_be_are_one_sentence(view, units, of, message):
    """The rule and what was got."""
    with pytest.raises(ValueError, match=message):
        units_of(view, units, of)


@pytest.mark.parametrize(
    ("classes", "of", "message"),
    [
        ([45], "logit", "class must lie between 0 and 44, got 45"),
        ([], "logit", "classes must be one or more, got none"),
        ([1], "mean", "of must be one of logit, contrast for classes, got of='mean'"),
    ],
)
def test_classes_that_cannot_be_are_one_sentence(view, classes, of, message):
    """The rule and what was got."""
    with pytest.raises(ValueError, match=message):
        classes_of(view, classes, of)
