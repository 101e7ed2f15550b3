"""Readers and generators that are kept in files."""

import pytest

from mixmnist.core.records import Canvas
from mixmnist.data.mixture import draw
from mixmnist.visualize import _generating, keeping
from mixmnist.visualize._generating import Inverting
from mixmnist.visualize._generator import Encoder, digest
from mixmnist.visualize.keeping import kept_generator, kept_reader
from mixmnist.visualize.reader import Reading

SHORT = Inverting(epochs=1, batch=50, widths=(3, 3, 3))
QUICK = Reading(images=160, garbage=8, epochs=1, widths=(2, 2, 2), checked=40)


@pytest.fixture
def trained(monkeypatch):
    """What was trained, in order; few canvases are kept for the test."""
    monkeypatch.setattr(_generating, "CHECKED", 100)
    names = []
    for name in ("train_generator", "train_reader"):
        real = getattr(keeping, name)
        monkeypatch.setattr(keeping, name, lambda *a, name=name, real=real, **k: names.append(name) or real(*a, **k))
    return names


def test_a_generator_is_trained_once(trained, tiny, tmp_path):
    """The second time it is read from its file; another net, layer, seed or recipe is trained anew."""
    canvases, path = draw("pairs", "digits", "train", n=300, seed=0), tmp_path / "deep" / "generator.safetensors"
    first = kept_generator(path, Encoder(tiny(), "first"), canvases, how=SHORT)
    again = kept_generator(path, Encoder(tiny(), "first"), canvases, how=SHORT)
    assert digest(again.drawing) == digest(first.drawing)
    assert (again.report, dict(again.about), len(trained)) == (first.report, dict(first.about), 1)
    others = (
        (Encoder(tiny(1), "first"), 0, SHORT),
        (Encoder(tiny(1), "second"), 0, SHORT),
        (Encoder(tiny(1), "second", pool="max"), 0, SHORT),
        (Encoder(tiny(1), "second", pool="max"), 1, SHORT),
        (Encoder(tiny(1), "second", pool="max"), 1, Inverting(epochs=1, batch=50, widths=(3, 3, 3), feature=0.0)),
    )
    for n, (encoder, seed, how) in enumerate(others, start=2):
        kept_generator(path, encoder, canvases, seed, how)
        assert len(trained) == n
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_a_reader_is_trained_once(trained, tmp_path):
    """The second time it is read from its file; another recipe or canvas is trained anew."""
    path = tmp_path / "reader.safetensors"
    first = kept_reader(path, "digits", Canvas(), reading=QUICK)
    again = kept_reader(path, "digits", Canvas(), reading=QUICK)
    assert (again.report, again.threshold, len(trained)) == (first.report, first.threshold, 1)
    kept_reader(path, "digits", Canvas(size=40), reading=QUICK)
    kept_reader(path, "digits", Canvas(size=40), seed=1, reading=QUICK)
    assert len(trained) == 3


def test_what_is_no_generator_is_refused(tiny, canvases, tmp_path):
    """A file that holds something else is not written over."""
    path = tmp_path / "generator.safetensors"
    path.write_text("mine")
    with pytest.raises(ValueError, match="must hold a generator"):
        kept_generator(path, Encoder(tiny(), "first"), canvases)
    assert path.read_text() == "mine"
