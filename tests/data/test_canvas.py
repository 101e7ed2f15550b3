"""Layouts and rendering, against slow loops and another library's resizing."""

from itertools import combinations, product

import numpy as np
import pytest
import torch
from scipy import stats

from mixmnist.core.records import Canvas
from mixmnist.core.seeding import Stream
from mixmnist.data import canvas as canvas_module
from mixmnist.data.canvas import draw_layout, render, render_mask, resize

RARE = 1e-3  # p-value below which a seeded draw counts as not uniform
POLICIES = ("reject", "max", "clip", "wrap")


def overlap(first, second, side):
    """Whether two boxes of the given side share a pixel, by listing their pixels."""
    boxes = [set(product(range(r, r + side), range(c, c + side))) for r, c in (first, second)]
    return bool(boxes[0] & boxes[1])


def slow_render(tiles, glyphs, positions, canvas):
    """Renders image by image, slot by slot and pixel by pixel, in Python's integers."""
    images = np.zeros((len(glyphs), canvas.size, canvas.size), dtype=np.uint8)
    rules = {
        "reject": lambda old, new: new,
        "max": max,
        "clip": lambda old, new: min(old + new, 255),
        "wrap": lambda old, new: (old + new) % 256,
    }
    for image, (chosen, places) in enumerate(zip(glyphs.tolist(), positions.tolist(), strict=True)):
        for glyph, (top, left) in zip(chosen, places, strict=True):
            if glyph < 0:
                continue
            for row, col in product(range(canvas.glyph), repeat=2):
                old, new = int(images[image, top + row, left + col]), int(tiles[glyph, row, col])
                images[image, top + row, left + col] = rules[canvas.overlap](old, new)
    return images


def slow_mask(tiles, glyphs, positions, canvas):
    """Marks every pixel on which a glyph has ink."""
    mask = np.zeros((len(glyphs), canvas.size, canvas.size), dtype=bool)
    for image, slot in product(range(len(glyphs)), range(glyphs.shape[1])):
        glyph, (top, left) = int(glyphs[image, slot]), positions[image, slot].tolist()
        for row, col in product(range(canvas.glyph), repeat=2):
            if glyph >= 0 and tiles[glyph, row, col] > 0:
                mask[image, top + row, left + col] = True
    return mask


def scene(policy, slots=3):
    """Six glyphs of 4 x 4 on seven canvases of 11 x 11: the first slot always filled, the last never, others now and then."""
    canvas = Canvas(size=11, glyph=4, overlap=policy)
    random = np.random.default_rng(8)
    tiles = random.integers(0, 256, (6, 4, 4), dtype=np.uint8) * (random.random((6, 4, 4)) < 0.7)
    glyphs = random.integers(-2, 6, (7, slots)).clip(min=-1)
    glyphs[:, 0], glyphs[:, -1] = random.integers(0, 6, 7), -1
    positions = draw_layout(glyphs >= 0, canvas, Stream(8, "scene"))
    return torch.from_numpy(tiles), torch.from_numpy(glyphs), torch.from_numpy(positions), canvas


@pytest.mark.parametrize("shape", [(8, 8), (28, 28), (5, 9), (13, 4), (1, 6)])
@pytest.mark.parametrize("size", [1, 3, 7, 12, 20, 33])
def test_resizing_agrees_with_torch(shape, size):
    """Resized values are within half a grey level of torch's bilinear interpolation in float64, up and down."""
    glyphs = np.random.default_rng(size).integers(0, 256, (2, *shape), dtype=np.uint8)
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(glyphs).double()[:, None],
        size=(size, size),
        mode="bilinear",
        align_corners=False,
        antialias=False,
    )[:, 0].numpy()
    resized = resize(glyphs, size)
    assert resized.dtype == np.uint8
    assert resized.shape == (2, size, size)
    assert np.abs(resized - expected).max() <= 0.5 + 1e-6


@pytest.mark.parametrize(
    ("glyph", "size", "expected"),
    [
        ([[0, 100], [100, 200]], 3, [[0, 50, 100], [50, 100, 150], [100, 150, 200]]),
        ([[0, 8]], 4, [[0, 2, 6, 8]] * 4),
        ([[10, 20, 60, 90]], 2, [[15, 75]] * 2),
        ([[0, 3, 6], [9, 12, 15], [18, 21, 24]], 1, [[12]]),
        ([[2, 3]], 1, [[3]]),
        ([[1], [4]], 1, [[3]]),
        ([[255, 254], [254, 254]], 1, [[254]]),
    ],
)
def test_resizing_by_hand(glyph, size, expected):
    """Resizing gives the numbers worked out by hand, halves rounded up."""
    assert resize(np.array([glyph], dtype=np.uint8), size).tolist() == [expected]


@pytest.mark.parametrize("size", [5, 12, 1024])
def test_resizing_keeps_an_even_grey(size):
    """A glyph of one grey level keeps it at every size, the brightest and the largest included."""
    assert (resize(np.full((1, 7, 28), 255, dtype=np.uint8), size) == 255).all()


def test_resizing_to_the_same_size_changes_nothing():
    """A glyph that has the size already keeps every value."""
    glyphs = np.random.default_rng(0).integers(0, 256, (3, 5, 5), dtype=np.uint8)
    assert resize(glyphs, 5).tolist() == glyphs.tolist()


def test_resizing_leaves_its_input_unchanged():
    """The glyphs given are as they were."""
    glyphs = np.random.default_rng(0).integers(0, 256, (3, 5, 6), dtype=np.uint8)
    before = glyphs.copy()
    resize(glyphs, 4)
    assert (glyphs == before).all()


def test_resizing_in_chunks_changes_nothing(monkeypatch):
    """More glyphs than fit a chunk are all resized, as if they were resized at once."""
    glyphs = np.random.default_rng(1).integers(0, 256, (7, 5, 6), dtype=np.uint8)
    at_once = resize(glyphs, 4)
    monkeypatch.setattr(canvas_module, "CHUNK", 3)
    assert (resize(glyphs, 4) == at_once).all()


@pytest.mark.parametrize("size", [0, 1025])
def test_resizing_refuses_a_size_beyond_its_range(size):
    """A size that would overflow or vanish is refused with the range."""
    with pytest.raises(ValueError, match=f"size must be between 1 and 1024 pixels, got size={size}"):
        resize(np.zeros((1, 2, 3), dtype=np.uint8), size)


@pytest.mark.parametrize("policy", POLICIES)
def test_offsets_reach_both_ends(policy):
    """On both axes offsets take every value of 1..size-glyph and no other."""
    positions = draw_layout(np.ones((400, 1), dtype=bool), Canvas(9, 4, policy), Stream(0, "ends"))
    assert positions.shape == (400, 1, 2)
    for axis in (0, 1):
        assert np.unique(positions[..., axis]).tolist() == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("policy", ["max", "clip", "wrap"])
def test_offsets_are_uniform_where_boxes_may_overlap(policy):
    """Without `reject` all layouts of two glyphs come equally often."""
    drawn = draw_layout(np.ones((4050, 2), dtype=bool), Canvas(5, 2, policy), Stream(1, "free")).reshape(-1, 4)
    layouts, counts = np.unique(drawn, axis=0, return_counts=True)
    assert len(layouts) == 3**4
    assert stats.chisquare(counts).pvalue > RARE


@pytest.mark.parametrize("slots", [2, 4])
def test_no_two_boxes_overlap_under_reject(slots):
    """Under `reject` no two shown boxes share a pixel, and boxes side by side do occur."""
    positions = draw_layout(np.ones((150, slots), dtype=bool), Canvas(32, 12), Stream(2, "apart")).tolist()
    pairs = [pair for places in positions for pair in combinations(places, 2)]
    assert not any(overlap(first, second, 12) for first, second in pairs)
    assert min(max(abs(a - c), abs(b - d)) for (a, b), (c, d) in pairs) == 12


def test_reject_is_uniform_over_the_legal_layouts():
    """Under `reject` every legal layout of two glyphs comes, and all come equally often."""
    places = list(product(range(1, 5), repeat=2))
    legal = {(*first, *second) for first, second in product(places, repeat=2) if not overlap(first, second, 2)}
    assert len(legal) == 156
    drawn = draw_layout(np.ones((9360, 2), dtype=bool), Canvas(6, 2), Stream(3, "legal")).reshape(-1, 4)
    layouts, counts = np.unique(drawn, axis=0, return_counts=True)
    assert {tuple(layout) for layout in layouts.tolist()} == legal
    assert stats.chisquare(counts).pvalue > RARE


def test_empty_slots_do_not_restrict():
    """Under `reject` a box that is not shown may lie anywhere: the shown one is uniform and the two do overlap."""
    shown = np.tile([False, True], (3200, 1))
    positions = draw_layout(shown, Canvas(6, 2), Stream(4, "empty"))
    _, counts = np.unique(positions[:, 1], axis=0, return_counts=True)
    assert len(counts) == 16
    assert stats.chisquare(counts).pvalue > RARE
    assert any(overlap(first, second, 2) for first, second in positions.tolist())


def test_empty_slots_need_no_room():
    """Only shown glyphs count when room is checked, image by image."""
    shown = np.array([[True, False, False], [False, False, True]])
    assert draw_layout(shown, Canvas(3, 2), Stream(5)).tolist() == [[[1, 1]] * 3] * 2


def test_images_with_few_and_many_glyphs_are_drawn_together():
    """Under `reject` each image is restricted by its own shown slots only."""
    shown = np.array([[True, True, True, True, False], [False, False, False, False, False], [True, False, False, False, True]])
    positions = draw_layout(shown, Canvas(13, 4), Stream(6, "mixed")).tolist()
    for chosen, places in zip(shown, positions, strict=True):
        there = [place for is_shown, place in zip(chosen, places, strict=True) if is_shown]
        assert not any(overlap(first, second, 4) for first, second in combinations(there, 2))


def test_an_impossible_layout_is_refused():
    """More glyphs than can ever lie side by side are refused with the room there is."""
    message = "glyphs must fit without overlap, got 5 glyphs of 12 pixels where size=32 leaves room for 4"
    with pytest.raises(ValueError, match=message):
        draw_layout(np.ones((2, 5), dtype=bool), Canvas(32, 12), Stream(0))


@pytest.mark.parametrize("policy", ["max", "clip", "wrap"])
def test_crowded_layouts_are_legal_where_boxes_may_overlap(policy):
    """Without `reject` any number of glyphs can be laid out."""
    assert draw_layout(np.ones((2, 5), dtype=bool), Canvas(4, 3, policy), Stream(0)).tolist() == [[[1, 1]] * 5] * 2


def test_a_hopeless_layout_is_refused(monkeypatch):
    """A layout that is possible but practically never drawn is refused instead of searched for ever."""
    monkeypatch.setattr(canvas_module, "MOST_TRIES", 1000)
    message = "must not be rarer than one in 1000, got 4 glyphs of 12 pixels on size=25. Use a larger canvas"
    with pytest.raises(ValueError, match=message):
        draw_layout(np.ones((100, 4), dtype=bool), Canvas(25, 12), Stream(0))


def test_a_hopeless_layout_is_refused_as_soon_for_many_images(monkeypatch):
    """How many layouts are tried before giving up does not grow with the number of images."""
    monkeypatch.setattr(canvas_module, "MOST_TRIES", 1000)
    stream, tried = Stream(0), []
    draw = stream.integers
    monkeypatch.setattr(stream, "integers", lambda *call: tried.append(call[2][0] * call[2][1]) or draw(*call))
    with pytest.raises(ValueError, match="must not be rarer"):
        draw_layout(np.ones((1000, 4), dtype=bool), Canvas(25, 12), stream)
    assert sum(tried) <= 2**17


@pytest.mark.parametrize("policy", POLICIES)
def test_rendering_agrees_with_a_slow_loop(policy):
    """Canvases equal those of a loop over images, slots and pixels, under every policy and with empty slots."""
    tiles, glyphs, positions, canvas = scene(policy)
    images = render(tiles, glyphs, positions, canvas)
    assert images.shape == (7, 11, 11)
    assert (images.numpy() == slow_render(tiles, glyphs, positions, canvas)).all()


@pytest.mark.parametrize("policy", ["max", "clip", "wrap"])
def test_crowded_rendering_agrees_with_a_slow_loop(policy):
    """Where up to five glyphs lie on one pixel canvases still equal those of the loop."""
    tiles, glyphs, positions, canvas = scene(policy, slots=6)
    assert (render(tiles, glyphs, positions, canvas).numpy() == slow_render(tiles, glyphs, positions, canvas)).all()


@pytest.mark.parametrize(("policy", "expected"), [("max", 200), ("clip", 255), ("wrap", 44)])
def test_overlapping_ink_by_hand(policy, expected):
    """Where 200 lies on 100 there is 200 under max, 255 under clip and 300 - 256 under wrap."""
    tiles = torch.tensor([100, 200], dtype=torch.uint8)[:, None, None].expand(2, 2, 2)
    positions = torch.tensor([[[1, 1], [2, 1]]])
    images = render(tiles, torch.tensor([[0, 1]]), positions, Canvas(4, 2, policy))
    column = [0, 100, expected, 200]
    assert images.tolist() == [[[0, ink, ink, 0] for ink in column]]


@pytest.mark.parametrize("policy", POLICIES)
def test_rendering_in_chunks_changes_nothing(policy, monkeypatch):
    """More images than fit a chunk are all rendered, as if they were rendered at once."""
    tiles, glyphs, positions, canvas = scene(policy)
    monkeypatch.setattr(canvas_module, "CHUNK", 3)
    assert (render(tiles, glyphs, positions, canvas).numpy() == slow_render(tiles, glyphs, positions, canvas)).all()


@pytest.mark.parametrize("policy", POLICIES)
def test_canvases_without_glyphs_are_background(policy):
    """Where every slot is empty the canvas is 0 and the mask is empty."""
    tiles, glyphs, positions, canvas = scene(policy)
    empty = torch.full_like(glyphs, -1)
    assert not render(tiles, empty, positions, canvas).any()
    assert not render_mask(tiles, empty, positions, canvas).any()


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("slots", [3, 6])
def test_masks_agree_with_a_slow_loop(policy, slots):
    """Masks equal those of a loop over images, slots and pixels, whatever the policy."""
    if policy == "reject" and slots == 6:
        slots = 2  # five glyphs of 4 pixels rarely fit on 11
    tiles, glyphs, positions, canvas = scene(policy, slots)
    mask = render_mask(tiles, glyphs, positions, canvas)
    assert mask.dtype == torch.bool
    assert (mask.numpy() == slow_mask(tiles, glyphs, positions, canvas)).all()


def test_masks_in_chunks_change_nothing(monkeypatch):
    """More masks than fit a chunk are all rendered, as if they were rendered at once."""
    tiles, glyphs, positions, canvas = scene("max", slots=4)
    monkeypatch.setattr(canvas_module, "CHUNK", 3)
    assert (render_mask(tiles, glyphs, positions, canvas).numpy() == slow_mask(tiles, glyphs, positions, canvas)).all()


def test_a_mask_marks_the_faintest_ink():
    """Ink of value 1 is in the mask and background is not."""
    tiles = torch.tensor([[[0, 1], [255, 0]]], dtype=torch.uint8)
    mask = render_mask(tiles, torch.tensor([[0]]), torch.tensor([[[1, 2]]]), Canvas(5, 2))
    assert mask.nonzero().tolist() == [[0, 1, 3], [0, 2, 2]]


def test_rendering_leaves_its_input_unchanged():
    """Rendering changes neither tiles nor glyphs nor positions."""
    tiles, glyphs, positions, canvas = scene("wrap")
    before = [tensor.clone() for tensor in (tiles, glyphs, positions)]
    render(tiles, glyphs, positions, canvas)
    render_mask(tiles, glyphs, positions, canvas)
    assert all(torch.equal(old, new) for old, new in zip(before, (tiles, glyphs, positions), strict=True))
