"""The exact judge: every canvas of stamps is read without a fault, and what is no stamp is not read."""

import pytest
import torch

from mixmnist.core.records import Canvas
from mixmnist.data.mixture import draw
from mixmnist.dissect.exact import TOLERANCE, ExactJudge
from mixmnist.dissect.reading import BACKGROUND, JUNK, Judge, classes_of, places_of


@pytest.fixture(scope="module")
def mixture():
    """Gives canvases of stamps."""
    return draw(source="stamps", n=60)


@pytest.fixture(scope="module")
def images(mixture):
    """Gives them as a generator would."""
    return mixture.images[:, None] / 255


def lone(judge, digit, row=4, col=9):
    """Gives a canvas with one stamp."""
    image = torch.zeros(1, 1, 32, 32)
    image[0, 0, row : row + 12, col : col + 12] = judge._stamps[digit, 0]
    return image


def test_it_is_a_judge_without_faults(judge):
    """It offers what every judge offers."""
    assert isinstance(judge, Judge)
    assert judge.faults == []


def test_every_canvas_of_stamps_is_read(judge, mixture, images):
    """Counts are the truth, nothing is junk and confidence is full."""
    said = judge.read(images)
    assert (said.counts == mixture.present).all()
    assert not said.junk.any()
    assert said.sure.min() == pytest.approx(1, abs=1e-5)
    assert said.valid.all()


def test_segments_are_the_masks(judge, mixture, images):
    """Each pixel of ink is of its digit, the others are background."""
    truth = torch.full((60, 32, 32), BACKGROUND)
    for digit in range(10):
        truth[mixture.mask(digit)] = digit
    assert (classes_of(judge, images) == truth).all()


def test_places_are_those_of_the_boxes(judge, mixture, images):
    """The top left pixel of each digit's box is found; -1 where it is not shown."""
    truth = torch.full((60, 10, 2), -1)
    for slot in range(2):
        truth[torch.arange(60), mixture.shown[:, slot]] = mixture.positions[:, slot]
    assert (places_of(classes_of(judge, images), judge.read(images).counts, 12) == truth).all()


def test_repeats_are_counted_as_two(judge):
    """Two or three glyphs of a digit count as 2."""
    twice = lone(judge, 4, 2, 3) + lone(judge, 4, 18, 17)
    thrice = twice + lone(judge, 4, 2, 18)
    said = judge.read(torch.cat([twice, thrice]))
    assert said.counts.tolist() == [[0, 0, 0, 0, 2, 0, 0, 0, 0, 0]] * 2
    assert not said.shown.any()
    assert not said.valid.any()


def test_half_a_glyph_is_junk_and_none_is_read(judge):
    """What is left of a stamp whose lower half is gone is no digit."""
    half = lone(judge, 3)
    half[:, :, 10:] = 0
    said = judge.read(half)
    assert said.counts.sum() == 0
    assert said.junk.all()
    assert (classes_of(judge, half)[half[:, 0] > 0] == JUNK).all()


def test_a_blend_halfway_between_two_digits_is_none(judge):
    """The mean of 0 and 8, the two nearest stamps, is neither."""
    assert judge.read((lone(judge, 0) + lone(judge, 8)) / 2).counts.sum() == 0


def test_a_stray_pixel_beside_a_glyph_is_no_junk_but_many_are(judge):
    """Junk begins where more than .02 of the ink is unexplained."""
    one, many = lone(judge, 8), lone(judge, 8)
    one[0, 0, 30, 2] = 1
    many[0, 0, 30, 2:6] = 1
    assert judge.read(torch.cat([one, many])).junk.tolist() == [False, True]


@pytest.mark.parametrize(("share", "read"), [(0.9, 1), (1.1, 0)])
def test_a_glyph_is_read_up_to_the_tolerance(judge, share, read):
    """A stamp that is paler by less than the tolerance is read, one that is paler by more is not."""
    pale = lone(judge, 6)
    pale *= 1 - share * TOLERANCE * 144 / pale.sum()
    said = judge.read(pale)
    assert said.counts[0, 6] == read
    assert said.sure[0] == pytest.approx(1 - 0.2 * share if read else 1, abs=1e-4)


def test_read_boxes_do_not_overlap(judge):
    """Of two stamps over each other at most one is read."""
    both = torch.maximum(lone(judge, 1, 4, 9), lone(judge, 1, 5, 9))
    assert judge.read(both).counts.sum() <= 1


def test_shares_are_probabilities(judge):
    """They lie in [0, 1] and sum to 1 on any image."""
    noise = torch.rand(3, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    shares = judge.shares(noise)
    assert shares.shape == (3, 12, 32, 32)
    assert shares.min() >= 0
    assert torch.allclose(shares.sum(dim=1), torch.ones(3, 32, 32), atol=1e-5)


def test_shares_have_gradients_where_a_glyph_is_pale(judge):
    """A pale glyph's evidence rises with its ink."""
    pale = (lone(judge, 2) * 0.7).requires_grad_()
    (grad,) = torch.autograd.grad(judge.shares(pale)[:, 2].sum(), pale)
    assert grad[lone(judge, 2) > 0].min() > 0


def test_an_empty_canvas_is_all_background(judge):
    """Nothing is read, nothing is junk."""
    blank = torch.zeros(1, 1, 32, 32)
    said = judge.read(blank)
    assert (int(said.counts.sum()), bool(said.junk[0]), float(said.sure[0])) == (0, False, 1.0)
    assert (classes_of(judge, blank) == BACKGROUND).all()


def test_no_canvases_no_answers(judge):
    """Nothing is asked, nothing is said."""
    none = torch.zeros(0, 1, 32, 32)
    assert judge.read(none).counts.shape == (0, 10)
    assert classes_of(judge, none).shape == (0, 32, 32)


def test_other_glyph_sizes_are_refused():
    """Stamps of another size are not black and white."""
    with pytest.raises(ValueError, match=r"glyph must be 12 pixels for stamps to be read exactly, got glyph=10\."):
        ExactJudge(Canvas(glyph=10))
