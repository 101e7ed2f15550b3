"""The reader: what it says, what it is refused for, what is kept of it."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file

from mixmnist.core.records import Canvas
from mixmnist.data.mixture import draw
from mixmnist.visualize.reader import TASK, UNSEEN, Reading, load_reader, train_reader

SMALL = Reading(images=640, garbage=64, epochs=1, widths=(3, 4, 5), checked=80)


@pytest.fixture(scope="module")
def small():
    """A reader that has hardly been trained."""
    return train_reader("digits", seed=1, reading=SMALL)


@pytest.fixture(scope="module")
def images():
    """Twelve canvases of pairs, as a net sees them."""
    return draw("pairs", "digits", "test", n=12, seed=3).images[:, None].float() / 255


@pytest.mark.slow
def test_the_reader_of_digits_is_above_its_bar():
    """As trained by default it reads digits and hardly ever one that is not there, nor one in pictures of nothing."""
    reader = train_reader("digits")
    reader.check()
    report = reader.report
    assert report["false_alarm"] <= 0.02
    assert max(report[kind] for kind in ("noise", "scrambled", "strokes", "tiles", "waves")) <= 0.10
    assert report["label"] >= 0.95
    assert report["whole"] >= 0.70


def test_canvases_of_none_to_three_digits():
    """Each number of digits is drawn as often as any other, all digits of a canvas differ, and labels say which are shown."""
    canvases = draw(TASK, "digits", n=2000, seed=0)
    counts = (canvases.shown >= 0).sum(dim=1)
    assert ((counts.bincount(minlength=4) / 2000 - 0.25).abs() < 0.04).all()
    assert torch.equal(canvases.labels.bool(), canvases.present)
    assert torch.equal(canvases.labels.sum(dim=1), counts)
    assert ((canvases.labels.sum(dim=0) / 2000 - 0.15).abs() < 0.03).all()


def test_more_digits_than_there_are_get_a_sentence():
    """The setting of the task has its range."""
    with pytest.raises(ValueError, match="most must lie between 1 and 10, got most=11"):
        draw(TASK, "digits", n=5, settings={"most": 11})


def test_a_reader_below_its_bar_is_refused(small):
    """One that has learnt nothing is refused by what it cannot do, and so is one that reads digits in everything."""
    with pytest.raises(ValueError, match=r"the reader must be above its bar, got a share of shown digits found of 0\.\d+, where"):
        small.check()
    good = dict.fromkeys(small.report, 0.0) | {"found": 0.9}
    replace(small, report=good).check()
    for name, value, said in (
        ("false_alarm", 0.03, "a false alarm rate of 0.030, where at most 0.02 is asked"),
        ("scrambled", 0.2, "a digit read in pictures of scrambled of 0.200, where at most 0.10 is asked"),
        ("noise", float("nan"), "a digit read in pictures of noise of nan"),
    ):
        broken = replace(small, report=good | {name: value})
        if value == value:  # a share that is not known is worse than any other, whichever comes first
            with pytest.raises(ValueError, match=said):
                broken.check()


def test_the_same_seed_gives_the_same_reader(small, images):
    """Weights, threshold and report are the same; another seed gives others."""
    again = train_reader("digits", seed=1, reading=SMALL)
    assert torch.equal(again.logits(images), small.logits(images))
    assert (again.threshold, again.report) == (small.threshold, small.report)
    assert not torch.equal(train_reader("digits", seed=2, reading=SMALL).logits(images), small.logits(images))


def test_a_reader_is_written_and_read(small, images, tmp_path):
    """All of it comes back to the last bit, from a file without code."""
    path = tmp_path / "reader.safetensors"
    small.save(path)
    back = load_reader(path)
    assert torch.equal(back.logits(images), small.logits(images))
    for name in ("threshold", "source", "canvas", "seed", "report", "reading"):
        assert getattr(back, name) == getattr(small, name)
    assert back.card == small.card


def test_a_file_without_a_reader_gets_a_sentence(tmp_path):
    """None, something else, and weights without words."""
    with pytest.raises(FileNotFoundError, match="the file of a reader must exist"):
        load_reader(tmp_path / "none.safetensors")
    (tmp_path / "text.safetensors").write_text("no weights")
    save_file({"a": torch.zeros(1)}, tmp_path / "bare.safetensors")
    for name in ("text", "bare"):
        with pytest.raises(ValueError, match=f"{name}.safetensors must hold a reader, got"):
            load_reader(tmp_path / f"{name}.safetensors")


@pytest.mark.parametrize("name", ["waves", UNSEEN, "found"])
def test_a_report_that_lacks_a_share_gets_a_sentence(small, name, tmp_path):
    """On loading, and not where the reader's card is asked for."""
    path = tmp_path / "old.safetensors"
    replace(small, report={key: share for key, share in small.report.items() if key != name}).save(path)
    with pytest.raises(
        ValueError, match=rf"the report of a reader must hold all of its shares, got no {name} in .*old.safe.*Write"
    ):
        load_reader(path)


def test_what_it_cannot_read_gets_a_sentence(small):
    """Pictures in colour, and of another size."""
    with pytest.raises(ValueError, match="pictures must be grey for a reader, got 3 channels"):
        small.read(torch.zeros(1, 3, 32, 32))
    with pytest.raises(ValueError, match="must be of the reader's size, 32 x 32, got 28 x 32"):
        small.read(torch.zeros(1, 1, 28, 32))


def test_it_reads_above_its_threshold(small, images):
    """Ten yes or no, none being an answer."""
    logits = small.logits(images)
    assert torch.equal(replace(small, threshold=float(logits.median())).read(images), logits > logits.median())
    assert not replace(small, threshold=float(logits.max())).read(images).any()


def test_another_canvas(images):
    """A reader of smaller canvases is trained on these, and refuses others."""
    reader = train_reader("digits", canvas=Canvas(size=26, glyph=8), reading=SMALL)
    assert reader.read(images[:, :, :26, :26]).shape == (12, 10)
    with pytest.raises(ValueError, match="26 x 26, got 32 x 32"):
        reader.read(images)
