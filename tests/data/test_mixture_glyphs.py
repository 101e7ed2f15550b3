"""Which glyphs a mixture takes: of the concept that is shown, each as often as another, and none where there is none."""

import numpy as np
import pytest
import torch

from mixmnist.core.seeding import Stream
from mixmnist.data.mixture import _choose_glyphs, draw

LABELS = np.array([2, 0, 1, 2, 0, 2, 1, 0, 0])
CONCEPTS = ("a", "b", "c")


def test_glyphs_are_of_the_concept_shown():
    """Every slot must hold a glyph of its concept, any of them, and an empty slot none."""
    shown = np.random.default_rng(0).integers(-1, 3, (600, 2))
    found = _choose_glyphs(shown, LABELS, CONCEPTS, Stream(0, "test"))
    assert (found[shown < 0] == -1).all()
    assert (LABELS[found[shown >= 0]] == shown[shown >= 0]).all()
    counts = np.bincount(found[found >= 0], minlength=len(LABELS))
    for concept in range(3):
        own = counts[concept == LABELS]
        assert own.min() > 0.6 * own.mean()
        assert own.max() < 1.4 * own.mean()


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_a_digit_without_glyphs_is_refused_by_name(missing):
    """A concept that is shown and has no glyph must be named, whichever it is; one that is not shown may be missing."""
    labels = LABELS[missing != LABELS]
    shown = np.array([[0, 1], [2, -1]])
    with pytest.raises(ValueError, match=f"got none of '{CONCEPTS[missing]}'"):
        _choose_glyphs(shown, labels, CONCEPTS, Stream(0, "test"))
    others = np.where(shown == missing, -1, shown)
    assert (_choose_glyphs(others, labels, CONCEPTS, Stream(0, "test")) >= 0).sum() == 2


def test_boxes_are_where_ink_is():
    """A box must begin at the glyph's position and end one glyph further, along rows and columns; ink lies inside."""
    mixture = draw("pairs", "digits", "test", n=40, seed=2)
    side = mixture.canvas.glyph
    assert torch.equal(mixture.boxes[..., :2], mixture.positions)
    assert torch.equal(mixture.boxes[..., 2:], mixture.positions + side)
    for image in range(40):
        for slot, concept in enumerate(mixture.shown[image].tolist()):
            rows, cols = mixture.mask(concept, torch.tensor([image]))[0].nonzero().T
            top, left, bottom, right = mixture.boxes[image, slot].tolist()
            assert top <= rows.min() <= rows.max() < bottom
            assert left <= cols.min() <= cols.max() < right


def test_titles_name_the_class_or_the_classes():
    """A title must be the class, or all classes that hold, of the first images."""
    one, many = draw("pairs", "digits", n=5, seed=0), draw("presence", "digits", n=5, seed=0)
    assert one.titles(3) == [one.classes[label] for label in one.labels[:3].tolist()]
    held = [[c for c, yes in zip(many.classes, row, strict=True) if yes] for row in many.labels[:3].tolist()]
    assert [title.split() for title in many.titles(3)] == [" ".join(names).split() for names in held]
