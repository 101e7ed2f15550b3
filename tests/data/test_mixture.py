"""Mixtures: pinned bytes, honest splits, and labels, boxes and masks that agree with the pixels."""

import hashlib
import warnings

import pytest
import torch

import mixmnist
from mixmnist.core.records import Canvas
from mixmnist.data.canvas import resize
from mixmnist.data.mixture import SPLITS, draw
from mixmnist.data.sources import load_glyphs

POLICIES = ("reject", "max", "clip", "wrap")
PINNED = {
    ("pairs", "reject"): "b087c7513483bc21e5ecac714dba1c26c3685d430d714bf4e2133204911eda55",
    ("pairs", "max"): "4f08662ff0f01b5ed4b971c09e052fe6c2cd35efcae096eb01c7d7fc5f612f95",
    ("pairs", "clip"): "4c44636fdc2e824e6c618eb64f8b53496e9841cdf25f0a08e1fc2a6bab57b0fe",
    ("pairs", "wrap"): "d0ab15c683c63e8139f9b810bb3627a89e4b6663e73ec363702eb395271cc4aa",
    ("redundant", "reject"): "cf36909c7f820e32c60eaa0eb52351784a748da8c11ca94125e9757142d4e58d",
    ("redundant", "max"): "3c7b137b5aa6aa17f2191462f2a49f8aa4a7dcee3a13d47377bfb4b9db4cd1ed",
    ("redundant", "clip"): "60338c2acd3d51bd81d1fa55753cac09d4372d5ec9cc5442ada10cdd9a24dcb3",
    ("redundant", "wrap"): "d0aa66fdab4a6e3cbccd22bc22987c1daa866fc30dbc7562788b97f3ecde3184",
}


def small(task="redundant", split="test", n=40, overlap="reject", seed=0, **settings):
    """A mixture of scikit-learn's digits on small canvases."""
    canvas = Canvas(size=21, glyph=6, overlap=overlap)
    return draw(task, "digits", split, n, canvas=canvas, settings=settings, seed=seed)


def digest(mixture):
    """SHA-256 over the canvases, the truth and the layout."""
    parts = (mixture.images, mixture.present, mixture.positions)
    return hashlib.sha256(b"".join(part.numpy().tobytes() for part in parts)).hexdigest()


@pytest.mark.parametrize(("task", "overlap"), PINNED)
def test_the_bytes_are_pinned(task, overlap):
    """A seed gives the same canvases, truth and layout, byte for byte, on every machine."""
    mixture = draw(task, "digits", "test", 50, canvas=Canvas(overlap=overlap), seed=7)
    assert digest(mixture) == PINNED[task, overlap]


@pytest.mark.parametrize("overlap", POLICIES)
def test_the_same_seed_gives_the_same_bytes(overlap):
    """Drawing twice with one seed gives the same bytes."""
    assert digest(small(overlap=overlap, seed=3)) == digest(small(overlap=overlap, seed=3))


@pytest.mark.parametrize("part", ["labels", "shown", "glyphs", "positions", "images"])
def test_different_seeds_differ(part):
    """Another seed gives other labels, concepts, glyphs, positions and canvases."""
    assert not torch.equal(getattr(small(seed=1), part), getattr(small(seed=2), part))


@pytest.mark.parametrize("part", ["labels", "shown", "glyphs", "positions"])
def test_every_split_has_random_numbers_of_its_own(part):
    """With one seed, "train", "rank" and "test" are three different draws."""
    parts = {split: getattr(small("pairs", split), part) for split in SPLITS}
    assert not torch.equal(parts["train"], parts["rank"])
    assert not torch.equal(parts["train"], parts["test"])
    assert not torch.equal(parts["rank"], parts["test"])


@pytest.mark.parametrize(("split", "pool"), [("train", "train"), ("rank", "train"), ("test", "test")])
def test_a_split_uses_its_own_pool_of_glyphs(split, pool):
    """Canvases of "train" and "rank" show training glyphs, those of "test" show test glyphs, pixel for pixel."""
    mixture = small(split=split)
    tiles = resize(load_glyphs("digits", None, pool).images, 6)
    assert mixture.glyphs.max() < len(tiles)
    for image, glyphs, boxes in zip(mixture.images, mixture.glyphs.tolist(), mixture.boxes.tolist(), strict=True):
        for glyph, (top, left, bottom, right) in zip(glyphs, boxes, strict=True):
            assert glyph < 0 or image[top:bottom, left:right].tolist() == tiles[glyph].tolist()


@pytest.mark.parametrize("split", SPLITS)
def test_glyphs_show_the_concept_of_their_slot(split):
    """The glyph in a slot has the slot's concept as its label, and empty slots have none."""
    mixture = small(split=split, n=300)
    labels = load_glyphs("digits", None, "test" if split == "test" else "train").labels
    filled = (mixture.shown >= 0).numpy()
    assert (labels[mixture.glyphs.numpy()[filled]] == mixture.shown.numpy()[filled]).all()
    assert (mixture.glyphs.numpy()[~filled] == -1).all()
    assert 0 < filled.mean() < 1


def test_glyphs_are_chosen_among_all_of_their_class():
    """Every glyph of the pool is used when many canvases are drawn."""
    mixture = draw("pairs", "digits", "test", 12_000, canvas=Canvas(9, 4, "max"))
    assert len(mixture.glyphs.unique()) == len(mixture.tiles)


@pytest.mark.parametrize("task", ["pairs", "redundant"])
def test_labels_agree_with_what_is_shown(task):
    """An image's class is named after the useful digits in its slots."""
    mixture = small(task, n=60)
    useful = 10 if task == "pairs" else 8
    for label, shown in zip(mixture.labels.tolist(), mixture.shown.tolist(), strict=True):
        assert mixture.classes[label] == "".join(str(digit) for digit in sorted(shown) if 0 <= digit < useful)


def test_presence_agrees_with_what_is_shown():
    """A concept is present exactly where one of the slots holds it."""
    mixture = small()
    assert mixture.present.shape == (40, 10)
    for present, shown in zip(mixture.present.tolist(), mixture.shown.tolist(), strict=True):
        assert {digit for digit, there in enumerate(present) if there} == set(shown) - {-1}


def test_boxes_span_the_glyphs():
    """A box is its glyph's position and the position plus the glyph's side."""
    mixture = small(n=5)
    assert mixture.boxes.shape == (5, 4, 4)
    for (top, left), box in zip(mixture.positions.flatten(0, 1).tolist(), mixture.boxes.flatten(0, 1).tolist(), strict=True):
        assert box == [top, left, top + 6, left + 6]


def test_masks_together_are_the_ink():
    """Without overlap the masks of all concepts together mark exactly the pixels that are not background."""
    mixture = small()
    assert torch.equal(mixture.masks(torch.arange(40)).any(dim=1), mixture.images > 0)


@pytest.mark.parametrize("overlap", POLICIES)
def test_a_mask_is_the_ink_of_its_concept_alone(overlap):
    """Whatever lies on top, a concept's mask marks the ink of its glyph at its position."""
    mixture = small(overlap=overlap, n=9)
    for concept in (0, 5, 8):
        expected = torch.zeros(9, 21, 21, dtype=torch.bool)
        for image, slot in (mixture.shown == concept).nonzero().tolist():
            top, left = mixture.positions[image, slot].tolist()
            expected[image, top : top + 6, left : left + 6] = mixture.tiles[mixture.glyphs[image, slot]] > 0
        assert torch.equal(mixture.mask(concept), expected)


def test_masks_of_absent_concepts_are_empty():
    """A concept's mask holds ink exactly on the images that show it."""
    mixture = small()
    for concept in range(10):
        assert torch.equal(mixture.mask(concept).flatten(1).any(dim=1), mixture.present[:, concept])


def test_masks_of_some_images_are_those_of_all():
    """Masks for chosen images, in any order, are the chosen ones of all masks, concept by concept."""
    mixture = small()
    indices = torch.tensor([7, 0, 31])
    masks = mixture.masks(indices)
    assert masks.shape == (3, 10, 21, 21)
    assert torch.equal(masks, torch.stack([mixture.mask(concept)[indices] for concept in range(10)], dim=1))


def test_moving_keeps_everything():
    """A mixture moved to the CPU has the same plan, canvases and names."""
    mixture = small()
    moved = mixture.to("cpu")
    for part in ("labels", "shown", "glyphs", "positions", "tiles", "images", "present", "boxes"):
        assert torch.equal(getattr(moved, part), getattr(mixture, part))
    assert (moved.concepts, moved.classes, moved.canvas) == (mixture.concepts, mixture.classes, mixture.canvas)


def test_moving_moves_every_tensor():
    """After a move every tensor lies on the asked device, and the mixture moved from stays where it was."""
    mixture = small()
    moved = mixture.to("meta")
    parts = ("labels", "shown", "glyphs", "positions", "tiles", "present", "boxes")
    assert {getattr(moved, part).device.type for part in parts} == {"meta"}
    assert {getattr(mixture, part).device.type for part in parts} == {"cpu"}


def test_a_mixture_has_as_many_canvases_as_asked():
    """The length is n, one canvas included."""
    assert [len(small(n=n)) for n in (1, 13)] == [1, 13]


def test_the_default_canvas_is_that_of_the_records():
    """Without a canvas there are 32 pixels a side, glyphs of 12 and no overlap."""
    mixture = draw("pairs", "digits", n=2)
    assert mixture.canvas == Canvas(32, 12, "reject")
    assert mixture.images.shape == (2, 32, 32)


def test_settings_reach_the_task():
    """A setting given to a draw overrides the task's own."""
    assert small(q=1.0).present[:, 8:].all()
    assert not small(q=0.0).present[:, 8:].any()


def test_glyphs_of_the_sources_own_size_are_taken_as_they_are():
    """Glyphs that need no resizing are drawn without a warning, and are the source's own."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mixture = draw("pairs", "digits", n=3, canvas=Canvas(size=20, glyph=8))
    assert (mixture.tiles.numpy() == load_glyphs("digits", None, "test").images).all()


def test_the_public_function_gives_what_studies_draw():
    """`mixmnist.draw` must draw what training and probing draw, whatever it checks beforehand."""
    ours, theirs = (
        function("redundant", "digits", "rank", n=30, seed=4, settings={"q": 0.25}) for function in (mixmnist.draw, draw)
    )
    for name in ("labels", "shown", "glyphs", "positions", "images"):
        assert torch.equal(getattr(ours, name), getattr(theirs, name))


@pytest.mark.parametrize("function", [mixmnist.draw, draw])
def test_unless_told_ten_thousand_canvases_are_drawn(function):
    """Without a number of canvases there must be 10,000."""
    assert len(function("pairs", "digits", canvas=Canvas(9, 4, "max"))) == 10_000


@pytest.mark.parametrize("n", [0, -3])
def test_fewer_than_one_canvas_is_refused(n):
    """Zero or fewer canvases are refused with their number."""
    with pytest.raises(ValueError, match=f"n must be 1 or more, got n={n}"):
        small(n=n)


def test_an_unknown_split_is_refused():
    """An unknown split is refused with the known ones."""
    with pytest.raises(ValueError, match="split must be one of train, test, rank, got split='valid'"):
        small(split="valid")


def test_an_unknown_task_is_answered_with_the_nearest():
    """An unknown task is refused and the nearest name is offered."""
    with pytest.raises(ValueError, match=r"got task='redundent'\. Did you mean redundant"):
        small("redundent")


def test_an_unknown_source_is_answered_with_the_nearest():
    """An unknown source is refused and the nearest name is offered."""
    with pytest.raises(ValueError, match=r"got source='digit'\. Did you mean digits"):
        draw("pairs", "digit", n=1)


@pytest.mark.parametrize("task", ["pairs", "redundant"])
def test_unknown_settings_of_a_task_are_refused(task):
    """A setting the task does not have is refused with its name."""
    with pytest.raises(ValueError, match=r"task settings must be among .* got 'share'"):
        small(task, share=0.5)


@pytest.mark.parametrize("q", [-0.1, 1.1])
def test_a_setting_outside_its_range_is_refused(q):
    """A setting's value outside its range is refused with the value."""
    with pytest.raises(ValueError, match=f"q must lie between 0 and 1, got q={q}"):
        small(q=q)


def test_glyphs_too_many_for_the_canvas_are_refused():
    """Glyphs that cannot lie side by side on the canvas are refused with the way out."""
    with pytest.raises(ValueError, match=r"room for 1\. Use a larger canvas"):
        draw("pairs", "digits", n=4, canvas=Canvas(size=16, glyph=8))
