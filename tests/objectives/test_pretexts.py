"""Pretexts with a head of their own: what is shown, what is asked, and that copies keep to themselves."""

import itertools

import pytest
import torch
from torchvision.transforms.v2.functional import resized_crop

from mixmnist.core.records import Objective
from mixmnist.objectives import _decoding, autoencoder, inpainting, jigsaw, presence, simclr

SIZES = (2, 30, 12, 12)  # copies images rows cols


@pytest.fixture
def images():
    """Two copies of thirty canvases."""
    return torch.randint(256, SIZES, generator=torch.Generator().manual_seed(0), dtype=torch.uint8)


def test_a_jigsaw_can_be_laid_back(images):
    """Each tile must come from the place that the canvas's order names, and all orders be drawn."""
    moved, numbers = jigsaw.prepare(images, images, (3, 4), tiles=2)
    known = jigsaw.chosen_orders(4, 24)
    for copy, number in itertools.product(range(2), range(30)):
        order = known[numbers[copy, number]].tolist()
        for place, source in enumerate(order):
            here, there = (divmod(one, 2) for one in (place, source))
            got = moved[copy, number, 6 * here[0] : 6 * here[0] + 6, 6 * here[1] : 6 * here[1] + 6]
            assert torch.equal(got, images[copy, number, 6 * there[0] : 6 * there[0] + 6, 6 * there[1] : 6 * there[1] + 6])
    assert not torch.equal(numbers[0], numbers[1])
    assert numbers.unique().numel() > 15


def test_orders_are_far_from_each_other():
    """Of many tiles no two chosen orders may agree in more places than they must; of few, all are there once."""
    few = jigsaw.chosen_orders(4, 24)
    assert len({tuple(one) for one in few.tolist()}) == 24
    many = jigsaw.chosen_orders(9, 20)
    apart = [(one != other).sum().item() for one, other in itertools.combinations(many, 2)]
    assert min(apart) >= 7
    assert many.tolist() == jigsaw.chosen_orders(9, 20).tolist()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"tiles": 5}, "tiles must divide the canvas's sides and be 2 or more, got tiles=5 on a canvas of 12 x 12 pixels"),
        ({"tiles": 1}, "tiles must divide the canvas's sides and be 2 or more, got tiles=1"),
        ({"orders": 25}, "orders must be 2 to 24 of 4 tiles, got orders=25"),
    ],
)
def test_a_jigsaw_that_cannot_be_cut_is_refused(images, settings, message):
    """Tiles must divide the canvas, and no more orders be told apart than there are."""
    with pytest.raises(ValueError, match=message):
        jigsaw.prepare(images, images, (0, 1), **settings)


@pytest.mark.parametrize("share", [0.5, 0.25])
def test_a_square_is_blanked_and_nothing_else(images, share):
    """The square has the share's side, lies within the canvas at drawn places, and the target holds what was there."""
    blanked, targets = inpainting.prepare(images, images, (3, 4), share=share)
    wanted, where = targets.unbind(dim=2)
    assert torch.equal(wanted, images)
    assert (where.sum(dim=(2, 3)) == round(share * 12) ** 2).all()
    assert torch.equal(blanked, torch.where(where.bool(), 0, images))
    assert (where[0] != where[1]).any()
    assert where.float().mean(dim=(0, 1)).min() < 1  # no pixel is always hidden


def test_what_was_in_the_square_is_all_that_counts(images):
    """Errors outside of the square must change nothing; inside, the loss is their mean square."""
    _, targets = inpainting.prepare(images, images, (3, 4))
    y = targets.transpose(0, 1)
    right = y[:, :, 0].double() / 255
    outside = right + 0.5 * (1 - y[:, :, 1].double())
    loss, share = inpainting.losses(outside, y, 0.5)
    assert loss.tolist() == [0.0, 0.0]
    assert share.tolist() == [1.0, 1.0]
    inside = right + torch.tensor([0.1, 0.2]).double()[None, :, None, None] * y[:, :, 1]
    assert inpainting.losses(inside, y, 0.5)[0].tolist() == pytest.approx([0.01, 0.04])


@pytest.mark.parametrize("share", [0, 1, -0.5])
def test_a_square_of_another_size_is_refused(images, share):
    """A share that blanks nothing or everything must be refused."""
    with pytest.raises(ValueError, match=f"share must lie between 0 and 1, got share={share}"):
        inpainting.prepare(images, images, (0, 1), share=share)


def test_an_autoencoder_is_asked_for_the_canvas(images):
    """Its loss is the mean square over pixels; the mean of all pixels explains nothing."""
    shown, targets = autoencoder.prepare(images, images, (0, 1))
    assert torch.equal(shown, images)
    y = targets.transpose(0, 1)
    loss, share = autoencoder.losses(y.double() / 255 + 0.1, y)
    assert loss.tolist() == pytest.approx([0.01, 0.01])
    flat = (y.double() / 255).mean(dim=(0, 2, 3), keepdim=True).expand_as(y)
    assert autoencoder.losses(flat, y)[1].tolist() == pytest.approx([0, 0], abs=1e-9)
    assert (share > 0.8).all()


def test_a_decoder_draws_any_canvas_from_any_maps():
    """It must have the canvas's size, whatever that of the maps, and a place of the canvas hang on those near it alone."""
    maps = torch.randn(2, 3, 12, 10, generator=torch.Generator().manual_seed(0))
    decoder = _decoding.decoder(3, 31)
    drawn = decoder(maps)
    assert drawn.shape == (2, 31, 31)
    maps[:, :, -1, -1] += 1
    moved = (decoder(maps) != drawn).any(dim=0)
    assert moved[-1, -1]
    assert not moved[:15, :15].any()


def test_two_views_of_a_canvas_are_its_own(images):
    """Views are as many again, differ, keep the canvas's form, and depend on their copy's generator alone."""
    x = images.transpose(0, 1).double() / 255
    settings = {"temperature": 0.5, "smallest": 0.5, "codes": 8}

    def seen(seeds, x):
        return simclr.view(x, x, torch.nn.Identity(), [torch.Generator().manual_seed(seed) for seed in seeds], **settings)

    both = seen((5, 6), x)
    assert both.shape == (60, 2, 12, 12)
    assert not torch.equal(both[:30], both[30:])
    assert 0 <= both.min() <= both.max() <= 1
    assert torch.equal(seen((6,), x[:, 1:])[:, 0], both[:, 1])
    before = torch.get_rng_state()
    seen((5, 6), x)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_crop_is_that_of_torchvision():
    """Whatever piece is enlarged, all pixels must be those of `v2.functional.resized_crop`."""
    generator = torch.Generator().manual_seed(1)
    images = torch.rand((40, 9, 14), generator=generator, dtype=torch.float64)
    high, wide = (torch.randint(1, n + 1, (40,), generator=generator) for n in (9, 14))
    high[0], wide[0] = 9, 14
    top, left = ((torch.rand(40, generator=generator) * (n - of + 1)).long() for n, of in ((9, high), (14, wide)))
    found = simclr.cropped(images, *(each.double() for each in (top, left, high, wide)))
    places = torch.stack([top, left, high, wide], dim=1).tolist()
    wanted = [resized_crop(image[None], *place, [9, 14])[0] for image, place in zip(images, places, strict=True)]
    torch.testing.assert_close(found, torch.stack(wanted))
    assert torch.equal(found[0], images[0])


def test_a_view_keeps_at_least_its_share():
    """With the whole canvas as smallest crop nothing but the brightness may change."""
    x = torch.ones(4, 1, 6, 6)
    x[:, :, 0, 0] = 0.5
    found = simclr.view(x, x, torch.nn.Identity(), [torch.Generator().manual_seed(0)], 0.5, 1.0, 8)
    bright = found[:, :, 1:2, 1:2]
    torch.testing.assert_close(found, x.repeat(2, 1, 1, 1) * bright)
    assert bright.min() >= simclr.DARKEST
    assert bright.std() > 0.05


def test_nearest_codes_of_twins_cost_least():
    """The loss must be the cross-entropy over all other views of a slow double loop, and least where twins are alike."""
    outputs = torch.randn(10, 2, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    loss, share = simclr.losses(outputs, torch.zeros(5, 2), 0.5, 0.5, 3)
    for copy in range(2):
        unit = outputs[:, copy] / outputs[:, copy].norm(dim=1, keepdim=True)
        total, found = 0.0, 0
        for one in range(10):
            others = [k for k in range(10) if k != one]
            alike = torch.stack([unit[one] @ unit[k] / 0.5 for k in others])
            twin = others.index((one + 5) % 10)
            total -= alike.log_softmax(dim=0)[twin].item()
            found += int(alike.argmax() == twin)
        assert loss[copy].item() == pytest.approx(total / 10)
        assert share[copy].item() == pytest.approx(found / 10)
    twins = outputs[:5].repeat(2, 1, 1)
    assert (simclr.losses(twins, torch.zeros(5, 2), 0.5, 0.5, 3)[0] < loss).all()


@pytest.mark.parametrize(("name", "value"), [("temperature", 0), ("smallest", 0), ("smallest", 1.5), ("codes", 0)])
def test_impossible_settings_of_views_are_refused(images, name, value):
    """What cannot be must be named."""
    with pytest.raises(ValueError, match=f"{name} must be .*, got {name}={value}"):
        simclr.prepare(images, images, (0, 1), **{name: value})


def test_presence_asks_for_ten_digits_whatever_the_task_has(images):
    """Concepts that a task does not draw are absent; of more than ten it cannot be asked."""
    few = torch.tensor([[[1, 0], [0, 1], [1, 1]]])
    shown, targets = presence.prepare(images[:1, :3], few, (0,))
    assert torch.equal(shown, images[:1, :3])
    assert torch.equal(targets[:, :, :2], few)
    assert targets.shape == (1, 3, 10)
    assert targets[:, :, 2:].sum() == 0
    with pytest.raises(ValueError, match="concepts must be at most the 10 digits for the objective presence, got 11"):
        presence.prepare(images[:1, :3], torch.ones(1, 3, 11).long(), (0,))


def test_an_objective_with_a_head_and_no_pretext_is_refused():
    """Its head would be thrown away and none for the task fitted; a truth that is not known is refused as well."""
    with pytest.raises(ValueError, match="outputs must be a number where an objective has a head"):
        Objective("Broken", autoencoder.prepare, head=autoencoder.head)
    with pytest.raises(ValueError, match="truth must be one of labels, present, got truth='shown'"):
        Objective("Broken", autoencoder.prepare, truth="shown")
