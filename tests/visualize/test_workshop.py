"""Tools for pictures are read where they are and fit, and trained once where they are not."""

from dataclasses import replace

import pytest
import torch

from mixmnist.core.records import Canvas
from mixmnist.nets import convnet
from mixmnist.visualize import workshop
from mixmnist.visualize._generator import OtherNetError
from mixmnist.visualize._targets import logit_target, unit_target
from mixmnist.visualize.reader import KINDS, UNSEEN, Reader, Reading
from mixmnist.visualize.subjects import View
from mixmnist.visualize.workshop import Workshop, encoder_of

REPORT = {"label": 0.99, "whole": 0.9, "false_alarm": 0.01, "found": 0.9, **dict.fromkeys((*KINDS, UNSEEN), 0.0)}


def a_reader(source="digits", seed=0):
    """Makes a small reader."""
    net = convnet.load(convnet.Widths(2, 2, 2), 10).eval()
    return Reader(net, 0.0, source, Canvas(), seed, REPORT, Reading(widths=(2, 2, 2)))


@pytest.fixture
def shop(tmp_path):
    """A workshop that has nothing yet, and what it says."""
    said = []
    known = Workshop(tmp_path / "tools", "a-0", "digits", None, "pairs", Canvas(), ready=tmp_path / "ready", tell=said.append)
    return known, said


@pytest.fixture
def trained(monkeypatch, supplies):
    """What was trained, in place of training."""
    found = []

    def keep(path, made):
        found.append(path)
        return made

    monkeypatch.setattr(workshop, "kept_reader", lambda path, *_rest: keep(path, a_reader()))
    monkeypatch.setattr(workshop, "kept_generator", lambda path, *_rest, **_more: keep(path, supplies.generator))
    return found


def test_a_reader_that_is_nowhere_is_trained_into_the_folder_and_that_is_said(shop, trained):
    """The sentence names minutes and the file."""
    own, said = shop
    own.reader()
    assert trained == [own.home / "reader.safetensors"]
    assert said == [
        f"Training a reader of digits, once: that takes about 2 minutes. It is kept in {own.home}/reader.safetensors."
    ]


@pytest.mark.parametrize("folder", ["ready", "tools"])
def test_a_reader_that_is_there_and_fits_is_read(shop, trained, folder, tmp_path):
    """From the study's folder or from that of the tools, if it is of the same glyphs."""
    own, said = shop
    (tmp_path / folder).mkdir()
    a_reader("mnist", seed=1).save(tmp_path / folder / "reader.safetensors")
    own.reader()
    assert len(trained) == 1
    a_reader(seed=2).save(tmp_path / folder / "reader.safetensors")
    assert own.reader().seed == 2
    assert len(trained) == len(said) == 1


def test_a_named_file_is_read_whatever_else_there_is(shop, trained, tmp_path):
    """And if it is not there, nothing is trained in its place."""
    own, _ = shop
    a_reader(seed=3).save(tmp_path / "named.safetensors")
    assert replace(own, files={"reader": tmp_path / "named.safetensors"}).reader().seed == 3
    with pytest.raises(FileNotFoundError, match="the file of a reader must exist"):
        replace(own, files={"reader": tmp_path / "no.safetensors"}).reader()
    assert trained == []


def test_a_folder_that_cannot_be_is_told_before_anything_is_trained(shop, trained, tmp_path):
    """Minutes are not spent on what cannot be kept."""
    own, _ = shop
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="tools must be a folder, got the file"):
        replace(own, home=tmp_path / "file" / "tools").reader()
    assert trained == []


def test_a_generator_is_read_only_with_its_net(shop, trained, tiny, canvases, supplies, tmp_path):
    """The study's is used if it is of this net; another is passed over, and refused where it was named."""
    own, said = shop
    place = tmp_path / "ready"
    place.mkdir(parents=True)
    supplies.generator.save(place / "generator-a-0.safetensors")
    views = [View(tiny(seed), canvases, "second") for seed in (0, 1)]
    targets = [unit_target(view.net, "second", 0) for view in views]
    assert own.generator(targets[0], views[0]).encoder.layer == "first"
    assert (trained, said) == ([], [])
    own.generator(targets[1], views[1])
    assert trained == [own.home / "generator-a-0-first.safetensors"]
    assert said[0].startswith("Training a generator that inverts first of a-0, once: that takes about 2 minutes.")
    with pytest.raises(OtherNetError, match="a generator must be read with its net"):
        replace(own, files={"generator": place / "generator-a-0.safetensors"}).generator(targets[1], views[1])


def test_the_layer_before_is_inverted(tiny, canvases):
    """Of a unit the layer before its own, its large maps pooled; of a class the last one; of the first layer there is none."""
    view = View(tiny(), canvases, "second")
    found = encoder_of(unit_target(view.net, "second", 0), view)
    assert (found.layer, found.pool) == ("first", "max")
    found = encoder_of(logit_target(view.net, torch.tensor([0])), view)
    assert (found.layer, found.pool) == ("second", "none")
    with pytest.raises(ValueError, match="a generator needs a layer with maps before layer='first', got none"):
        encoder_of(unit_target(view.net, "first", 0), view)
