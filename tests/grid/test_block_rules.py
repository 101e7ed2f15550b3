"""What is said of a block: where it lies, which other study has its runs, what is out of date, and which runs failed."""

import json
import shutil
from dataclasses import replace

import pytest

from mixmnist import Options, Study, Training, Variant
from mixmnist.grid import digests, sweep
from mixmnist.grid.block import Block, newer, outdated

TINY = Variant(
    task="single",
    training=Training(images=64, epochs=1, batch=16),
    probe_images=720,
    net_settings={"conv1": 3, "conv2": 4, "conv3": 4},
)


def planned(out, title="First", name="baseline", variant=TINY, **settings):
    """The one block of a study of one variant, and what runs it."""
    options = Options(source="digits", out=str(out), device="cpu", precision="float32", **settings)
    study = Study(title, {name: variant}, seeds=2)
    (block,) = sweep.plan(study, options)
    return block, lambda: sweep.run(study, options, lambda _: None)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder of results that holds one study."""
    out = tmp_path_factory.mktemp("out")
    planned(out)[1]()
    return out


@pytest.fixture
def out(made, tmp_path):
    """A copy of it."""
    return shutil.copytree(made, tmp_path / "out")


@pytest.fixture
def recorded(monkeypatch):
    """Gives a function that makes one seed's record say something else, without a file being touched."""
    real = Block.record

    def tell(seed, **said):
        monkeypatch.setattr(Block, "record", lambda self, of: real(self, of) | (said if of == seed else {}))

    return tell


def test_a_block_lies_under_its_variant_and_seeds(tmp_path):
    """Its home, lock and name must tell study, source, variant, first and last seed."""
    block = planned(tmp_path)[0]
    assert block.home == tmp_path / "first" / "digits" / "runs" / "baseline" / "s0-1"
    assert block.lock == tmp_path / "first" / "digits" / ".locks" / "baseline-s0-1.lock"
    assert block.label == "first digits baseline s0-1"
    assert block.place == block.home
    later = replace(block, seeds=(5, 6, 7))
    assert later.home.name == "s5-7"


def test_the_same_runs_are_found_under_another_name(out):
    """A block with the same weights, of another study and another name, must be found there as what it is called there."""
    block, run = planned(out, "Second", "narrow")
    twin = block.twin()
    assert (twin.study, twin.name, twin.folder) == ("first", "baseline", out / "first" / "digits")
    assert twin.label == "first digits baseline s0-1"
    assert twin.is_done()
    run()
    assert block.place == twin.home
    assert block.is_done()
    assert json.loads((block.home / "same.json").read_text()) == {"as": "../../../../../first/digits/runs/baseline/s0-1"}


def test_runs_of_other_results_are_found_where_they_are_referred_to(out, tmp_path):
    """Elsewhere a twin must be looked for if it is asked for, and not otherwise."""
    here = tmp_path / "mine"
    assert planned(here, "Second")[0].twin() is None
    assert planned(here, "Second", refer=str(out))[0].twin().folder == out / "first" / "digits"


@pytest.mark.parametrize("change", ["weights", "damage", "variant", "itself"])
def test_what_is_no_twin(out, change, monkeypatch):
    """Other weights, lost ones, another variant and the block itself must not be taken for it."""
    block = planned(out, "Second", "narrow")[0]
    first = planned(out)[0]
    if change == "weights":
        monkeypatch.setattr(digests, "of_weights", lambda variant: "other code")
    elif change == "damage":
        (first.home / "s0" / "weights.safetensors").unlink()
    elif change == "variant":
        block = planned(out, "Second", "narrow", replace(TINY, net_settings={"conv1": 3, "conv2": 4, "conv3": 5}))[0]
    else:
        block = first
    assert block.twin() is None


def test_a_twin_with_the_same_scores_comes_first(out, monkeypatch):
    """Of two blocks with the same weights the one whose scores are up to date must be chosen, whatever they are called."""
    shutil.copytree(out / "first", out / "also")
    block = planned(out, "Second", "narrow")[0]
    real = Block.is_done
    for good in ("also", "first"):
        monkeypatch.setattr(Block, "is_done", lambda self, good=good: self.study == good and real(self))
        assert block.twin().study == good


def test_what_is_out_of_date_is_named():
    """Changed weights, changed scores, scores that are gone and newer ones must each be told as what they are."""
    old = {"weights": "w", "scores": {"a": "1", "b": "2", "c": "3"}}
    assert outdated(old, old) == []
    assert outdated(old, old | {"weights": "x"}) == ["what decides the weights has changed"]
    assert outdated(old, old | {"scores": {"a": "1", "b": "9", "c": "8"}}) == ["the code of the scores has changed (b, c)"]
    assert outdated(old, old | {"scores": {"a": "7", "b": "8", "c": "9"}}) == ["the code of the scores has changed"]
    assert outdated(old, old | {"scores": {"a": "1", "b": "2"}}) == ["the code of the scores has changed (c)"]
    more = old | {"scores": old["scores"] | {"e": "5", "d": "4"}}
    assert outdated(old, more) == []
    assert newer(old, more) == ["d", "e"]
    assert newer(more, old) == []


def test_why_it_is_run_again_is_said(out, monkeypatch):
    """Newer scores, changed scores and changed weights must give the reason and what becomes of what is there."""
    real = digests.of_scores(TINY)
    steps = (
        (real | {"fresh": "1"}, "newer than its record: fresh"),
        (real | {"curve": "1"}, "the code of the scores has changed (curve)"),
        (real | {"curve": "1", "fresh": "1"}, "the code of the scores has changed (curve); newer than its record: fresh"),
    )
    assert planned(out)[0].why_again() is None
    for scores, said in steps:
        monkeypatch.setattr(digests, "of_scores", lambda variant, scores=scores: scores)
        block = planned(out)[0]
        assert block.why_again() == f"{said}; its weights are scored anew"
        assert not block.is_done()
        assert block.has_weights()
    monkeypatch.setattr(digests, "of_weights", lambda variant: "other code")
    block = planned(out)[0]
    assert block.why_again().startswith("what decides the weights has changed since it was recorded; the block is run again")
    assert block.why_again().endswith(str(out / "first" / "digits" / "replaced"))
    assert not block.has_weights()


def test_failed_runs_are_listed_with_their_reason(out, recorded):
    """Each failed run must give a sentence with study, seed, reason and file; only a want of memory is tried again."""
    block = planned(out)[0]
    assert block.failures() == []
    recorded(1, failure="the loss was not a number")
    where = block.home / "s1" / "record.json"
    assert block.failures() == [f"first digits baseline seed 1: the loss was not a number (configuration: {where})"]
    recorded(1, failure="out of memory on cpu")
    assert "seed 1 ran out of memory the last time" in block.why_again()


@pytest.mark.parametrize("error", [OSError("gone"), KeyError("seed"), TypeError("text"), AttributeError("none")])
def test_a_record_that_cannot_be_used_is_named(out, monkeypatch, error):
    """Whatever goes wrong while a block's record is read, it must be said where it lies and what it was."""
    block = planned(out)[0]

    def fail(self, seed):
        raise error

    assert block.damage() is None
    monkeypatch.setattr(Block, "record", fail)
    assert block.damage() == f"the record in {block.home / 's0'} cannot be read ({type(error).__name__})"
