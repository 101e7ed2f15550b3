"""Planted generators: what is planted is there, and each number that their files say holds."""

import pytest
import torch
import torch.nn.functional as F

from mixmnist.core import registry
from mixmnist.core.records import Canvas
from mixmnist.dissect.editing import Edit, silencing
from mixmnist.dissect.exact import ExactJudge
from mixmnist.dissect.planted._painting import cut, eroded, points, stamped
from mixmnist.dissect.sampling import take
from mixmnist.dissect.subject import Subject, images_of, subject_of
from mixmnist.metrics._pixels import KINDS, count_steps, fit
from mixmnist.metrics.iou import iou

N = 150
CANVAS = Canvas()
JUDGE = ExactJudge(CANVAS)
NAMES = registry.names("planted")
GATE, BYSTANDER, FURTHER = "gate", "bystander", 10


class Maps:
    """A layer's maps, scaled up linearly, beside the classes of pixels."""

    n_concepts = 10

    def __init__(self, sample, turn=0):
        self.sample, self.turn = sample, turn  # masks of another canvas, where turn is not 0

    @property
    def n_images(self):
        """All of them."""
        return len(self.sample)

    def __iter__(self):
        """Gives 50 samples at a time."""
        for some in torch.arange(len(self.sample)).split(50):
            yield some, F.interpolate(self.sample.maps[some], size=(32, 32), mode="bilinear", align_corners=False)

    def mask(self, kind, concept, indices):
        """The ink of a digit, whatever kind is asked for."""
        return self.sample.classes.roll(self.turn, 0)[indices] == concept


def iou_of(samples, threshold, turn=0):
    """Gives IoU [units, digits], its threshold fitted on the rank sample."""
    test, rank = samples
    cuts = fit(Maps(rank))
    every, inside, areas = (part.double() for part in count_steps(Maps(test, turn), cuts.step, cuts.n_steps))
    cut = cuts.matched if threshold == "matched" else cuts.informative
    return iou(every, inside[KINDS.index("ink")], areas[0], cut[0])


@pytest.fixture(scope="module")
def planted():
    """Every planted generator with its test and its rank sample."""
    found = {}
    for name in NAMES:
        entry = registry.choose("planted", name)
        subject = Subject(entry.build(CANVAS, 0), entry.layer, CANVAS, name, entry.truth(0))
        found[name] = (take(subject, JUDGE, N, 0), take(subject, JUDGE, N, 1))
    return found


def without(sample, *units):
    """Gives what is read without some units, and the images."""
    silent = torch.zeros(sample.maps.shape[1], dtype=torch.bool)
    silent[list(units)] = True
    images = images_of(sample.subject, sample.codes, silencing(silent))
    return JUDGE.read(images), images


def clean(sample, digit, *units):
    """Gives the share of a digit's samples on which it is gone and all else is as it was, without some units."""
    return clean_of(sample, without(sample, *units)[0], digit)


def clean_of(sample, said, digit):
    """The same of what is read."""
    has = sample.said.counts[:, digit] == 1
    wanted = sample.said.counts.clone()
    wanted[:, digit] = 0
    return ((said.counts == wanted).all(dim=1) & ~said.junk)[has].float().mean()


@pytest.mark.parametrize("name", NAMES)
def test_every_canvas_is_read_as_its_code_says(planted, name):
    """Two different digits at two places are drawn as the code has them, and nothing else."""
    test, _ = planted[name]
    named = points(test.codes, 32, 1)
    assert test.said.valid.all()
    assert torch.equal(test.said.counts, named.sum(dim=(2, 3)).long())
    image, digit, row, col = named.nonzero().T
    assert torch.equal(test.places[image, digit], torch.stack([row, col], dim=1))


@pytest.mark.parametrize("name", NAMES)
def test_strangers_checks_pass_and_codes_are_the_seeds(name):
    """A planted generator is one that any check lets pass; its codes are those of the seed, its weights fit a page."""
    entry = registry.choose("planted", name)
    net = entry.build(CANVAS, 0)
    assert subject_of(net, entry.layer, CANVAS).cells == ((8, 8) if name == "pixels" else (16, 16))
    assert torch.equal(net.codes(7, 3), net.codes(7, 3))
    assert not torch.equal(net.codes(7, 3), net.codes(7, 4))
    assert sum(buffer.numel() for buffer in net.buffers()) <= 150_000
    assert set(entry.truth(0)) == set(range(10))
    assert entry.source == "stamps"


@pytest.mark.parametrize("name", ["painter", "echo", "twins", GATE, BYSTANDER])
def test_painters_have_iou_1_and_are_removed_cleanly(planted, name):
    """A painter's IoU is 1 at either threshold; without what draws a digit, it alone is gone from every canvas."""
    test, _ = planted[name]
    for threshold in ("matched", "information"):
        assert torch.equal(iou_of(planted[name], threshold)[:10].diagonal(), torch.ones(10, dtype=torch.float64))
    for digit, units in test.subject.truth.items():
        assert clean(test, digit, *units) == 1


def test_masks_of_another_canvas_say_nothing(planted):
    """Beside the masks of another canvas a painter's IoU is at most .05 on so few; .023 on 1,000."""
    assert iou_of(planted["painter"], "matched", turn=1).max() < 0.05


def test_echo_looks_perfect_and_does_nothing(planted):
    """The echo of 3 has IoU 1, and without it nothing changes."""
    test, _ = planted["echo"]
    assert iou_of(planted["echo"], "matched")[FURTHER, 3] == 1
    assert torch.equal(without(test, FURTHER)[1], test.images)


def test_each_twin_is_enough(planted):
    """Without one of the twins 7 stays, without both it is gone."""
    test, _ = planted["twins"]
    assert iou_of(planted["twins"], "matched")[FURTHER, 7] == 1
    assert torch.equal(without(test, 7)[1], test.images)
    assert torch.equal(without(test, FURTHER)[1], test.images)
    assert clean(test, 7, 7, FURTHER) == 1


def test_gate_is_needed_and_says_nothing(planted):
    """A constant map scores what chance does, yet without it every 5 is gone; at its mean nothing changes."""
    test, _ = planted[GATE]
    assert (test.maps[:, FURTHER] == 1).all()
    assert iou_of(planted[GATE], "matched")[FURTHER, 5] == pytest.approx(0.008, abs=0.002)
    assert iou_of(planted[GATE], "information")[FURTHER, 5] < 0.03
    assert clean(test, 5, FURTHER) == 1
    units = torch.arange(11) == FURTHER
    mean = Edit(units.float(), test.maps.mean(dim=(0, 2, 3), keepdim=True))
    assert torch.equal(images_of(test.subject, test.codes, mean), test.images)


def test_bystander_looks_half_and_does_nothing(planted):
    """A unit for two digits has a third or half of the IoU, by threshold, and without it nothing changes."""
    test, _ = planted[BYSTANDER]
    matched, informative = (iou_of(planted[BYSTANDER], threshold)[FURTHER, [1, 4]] for threshold in ("matched", "information"))
    assert matched.tolist() == pytest.approx([0.31, 0.36], abs=0.07)
    assert informative.tolist() == pytest.approx([0.48, 0.52], abs=0.08)
    assert torch.equal(without(test, FURTHER)[1], test.images)


@pytest.mark.parametrize(("name", "close", "most", "fewest_lost"), [("rotated", 1e-6, 0, 10), ("superposed", 1e-5, 0.75, 3)])
def test_mixed_units_draw_the_same_and_none_draws_a_digit(planted, name, close, most, fewest_lost):
    """The canvases are the painters', yet without any one unit several digits are lost, and no digit alone."""
    test, (painted, _) = planted[name][0], planted["painter"]
    assert (test.images - painted.images).abs().max() <= close
    for unit in range(test.maps.shape[1]):
        said, _ = without(test, unit)
        lost = [(said.counts[:, d] == 0)[test.said.counts[:, d] == 1].float().mean() for d in range(10)]
        assert sum(share > 0.5 for share in lost) >= fewest_lost
        assert max(clean_of(test, said, d) for d in range(10)) <= most


@pytest.mark.parametrize("name", ["rotated", "superposed"])
def test_iou_does_not_see_superposition(planted, name):
    """Most digits have a unit whose IoU is above the literature's .05, though no unit draws one."""
    best = iou_of(planted[name], "information").amax(dim=0)
    assert (best > 0.2).all()
    assert (best > 0.7).sum() >= 4


def test_pixels_pass_the_literatures_threshold(planted):
    """Each of the units that hold pixels of a canvas has IoU above .05 with some digit."""
    best = iou_of(planted["pixels"], "information").amax(dim=1)
    assert best.shape == (16,)
    assert (best > 0.05).sum() >= 12
    assert best.max() < 0.1


def test_a_full_box_becomes_a_stamp(planted):
    """A unit set to 1 in a whole box draws its digit there and nothing else; half as high, half as dark."""
    test, _ = planted["painter"]
    units = (torch.arange(10) == 4).float()
    cells = torch.zeros(1, 16, 16, dtype=torch.bool)
    cells[0, 3:9, 5:11] = True
    code = torch.tensor([[1.0, 20, 2, 2, 20, 20]])
    for value in (1.0, 0.5):
        edit = Edit(units, torch.full((1, 10, 1, 1), value), cells)
        added = images_of(test.subject, code, edit) - images_of(test.subject, code)
        expected = torch.zeros(32, 32)
        expected[6:18, 10:22] = value * stamped()[4]
        assert torch.equal(added[0, 0], expected)


@pytest.mark.parametrize(("name", "reaches"), [("painter", True), ("gate", True), ("twins", False)])
def test_gradients_reach_painters_and_no_twin(name, reaches):
    """A painter's ink, and a gate, has a gradient at 1; twins, which are cut at 1, have none."""
    net = registry.choose("planted", name).build(CANVAS, 0)
    kept = []

    def hold(_, __, maps):
        kept.append(maps.detach().requires_grad_())
        return kept[0]

    net.units.register_forward_hook(hold)
    digit = 7 if name == "twins" else 5
    net(torch.tensor([[float(digit), 2, 2, 1, 18, 18]])).sum().backward()
    units = (digit,) if name == "painter" else (digit, FURTHER)
    through = kept[0].grad * kept[0].detach()
    assert [bool((through[0, unit] > 0).any()) for unit in units] == [reaches] * len(units)


def test_cut_is_clamp_with_the_gradient_of_a_step_down():
    """Values are cut to 0..1; the gradient is 1 at 1, where a step down changes something, and 0 at 0, where none does."""
    values = torch.tensor([-0.5, 0.0, 0.3, 1.0, 1.5], requires_grad=True)
    assert torch.equal(cut(values), values.clamp(0, 1))
    cut(values).sum().backward()
    assert values.grad.tolist() == [0, 0, 1, 1, 0]


def test_erosion_is_the_least_under_the_stamp():
    """A place has the least value of the map under the stamp's ink, and what lies beside the ink does not count."""
    maps = torch.rand(2, 1, 5, 4, generator=torch.Generator().manual_seed(0))
    marks = torch.tensor([[[1.0, 0, 1], [0, 1, 0]]])
    found = eroded(maps, marks)
    for sample in range(2):
        for row in range(4):
            for col in range(2):
                under = [maps[sample, 0, row, col], maps[sample, 0, row, col + 2], maps[sample, 0, row + 1, col + 1]]
                assert found[sample, 0, row, col] == min(under)


@pytest.mark.parametrize(
    ("canvas", "said"),
    [
        (Canvas(glyph=10), "glyph must be 12 pixels, got glyph=10"),
        (Canvas(overlap="max"), "overlap must be reject, got overlap='max'"),
        (Canvas(size=30), "size must be a multiple of 4 pixels, got size=30"),
    ],
)
def test_other_canvases_are_refused(canvas, said):
    """A canvas on which stamps would not be exact gets one sentence."""
    for name in ("painter", "pixels"):
        with pytest.raises(ValueError, match=said):
            registry.choose("planted", name).build(canvas, 0)


def test_the_seed_turns_units_and_nothing_else():
    """Another seed gives other units and the same canvases."""
    for name in ("rotated", "superposed"):
        build = registry.choose("planted", name).build
        first, second = build(CANVAS, 0), build(CANVAS, 1)
        codes = first.codes(20, 0)
        assert not torch.allclose(first.units.mixing, second.units.mixing)
        assert torch.allclose(first(codes), second(codes), atol=1e-5)
