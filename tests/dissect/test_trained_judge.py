"""Trained judges: what they say, what they are refused for, what is kept of them."""

from dataclasses import replace
from threading import Event

import pytest
import torch
from safetensors.torch import save_file

from mixmnist.core.records import Canvas
from mixmnist.data.mixture import draw
from mixmnist.dissect._judge_card import NUMBERS
from mixmnist.dissect.exact import ExactJudge
from mixmnist.dissect.judging import Judging, agreement, build, fit_judge, judge_of, load_judge, train_judge
from mixmnist.dissect.reading import Judge, classes_of
from mixmnist.training import Stopped, Watch

TINY = Judging(steps=3, batch=8, checked=30)


@pytest.fixture(scope="module")
def tiny():
    """A judge that has hardly been trained."""
    return train_judge("stamps", seed=1, how=TINY)


@pytest.fixture(scope="module")
def images():
    """Soft pictures, values anywhere in [0, 1]."""
    return torch.rand(5, 1, 32, 32, generator=torch.Generator().manual_seed(0))


@pytest.mark.slow
def test_a_judge_of_stamps_agrees_with_the_exact_one():
    """After a quarter of the usual steps both read real canvases alike, and see the same in nearly all pixels."""
    judge = train_judge("stamps", how=Judging(steps=400))
    assert judge.report["pair"] >= 0.98
    real = draw("pairs", "stamps", n=500, seed=7).images[:, None] / 255
    same = agreement(judge, ExactJudge(Canvas()), real)
    assert same["all"] >= 0.98
    assert same["pixels"] >= 0.95


def test_it_is_a_judge(tiny, images):
    """It reads counts from 0 to 2, junk and a confidence, and has what every judge has."""
    said = tiny.read(images)
    assert isinstance(tiny, Judge)
    assert said.counts.shape == (5, 10)
    assert said.counts.min() >= 0
    assert said.counts.max() <= 2
    assert said.junk.shape == (5,)
    assert ((said.sure > 0) & (said.sure <= 1)).all()
    assert tiny.name == "judge of stamps, seed 1"


def test_the_confidence_is_joint(tiny, images):
    """It is the product over ten counts and junk of the probability of what is read."""
    counts, junk = (part.exp() for part in tiny.net(images)[2:])
    said = tiny.read(images)
    for row in range(5):
        product = junk[row, int(said.junk[row])]
        for digit in range(10):
            product = product * counts[row, digit, said.counts[row, digit]]
        assert said.sure[row].item() == pytest.approx(product.item(), rel=1e-4)


def test_shares_are_probabilities_that_pass_gradients(tiny, images):
    """Twelve classes sum to 1 in each pixel; what a digit gets depends on the picture."""
    asked = images.clone().requires_grad_()
    shares = tiny.shares(asked)
    assert shares.shape == (5, 12, 32, 32)
    assert torch.allclose(shares.sum(dim=1), torch.ones(5, 32, 32), atol=1e-5)
    shares[:, 3].sum().backward()
    assert (asked.grad.flatten(1).abs().sum(dim=1) > 0).all()


def test_one_picture_is_read_as_it_is_among_others(tiny, images):
    """A judge is in eval mode: the other pictures of a batch do not matter."""
    assert torch.allclose(tiny.shares(images[2:3]), tiny.shares(images)[2:3], atol=1e-5)


def test_pictures_of_another_size_get_a_sentence(tiny):
    """Both to be read and to be segmented."""
    for look in (tiny.read, tiny.shares):
        with pytest.raises(ValueError, match=r"images must be of the judge's size \[1, 32, 32\], got \[1, 28, 32\]\. Train"):
            look(torch.zeros(2, 1, 28, 32))


def test_the_same_seed_gives_the_same_judge(tiny, images):
    """Weights and card are the same; another seed gives others."""
    again = train_judge("stamps", seed=1, how=TINY)
    assert torch.equal(again.shares(images), tiny.shares(images))
    assert again.card == tiny.card
    assert not torch.equal(train_judge("stamps", seed=2, how=TINY).shares(images), tiny.shares(images))


def test_a_state_dict_is_the_whole_judge(tiny, images):
    """A net that is filled with it says the same, and knows its card."""
    net = build()
    assert len(judge_of(net).faults) == 2  # nothing is known of it yet
    net.load_state_dict(tiny.net.state_dict())
    again = judge_of(net, source="stamps", seed=1)
    assert torch.equal(again.shares(images), tiny.shares(images))
    assert again.card == tiny.card


def test_a_judge_outlives_its_process(tiny, images, tmp_path):
    """What `save` writes, `load_judge` reads, in at most a megabyte."""
    tiny.save(tmp_path / "judge.safetensors")
    again = load_judge(tmp_path / "judge.safetensors")
    assert torch.equal(again.shares(images), tiny.shares(images))
    assert (again.card, again.name, again.canvas) == (tiny.card, tiny.name, tiny.canvas)
    assert (tmp_path / "judge.safetensors").stat().st_size <= 1e6


def test_files_without_a_judge_get_a_sentence(tmp_path):
    """A missing file, one of something else, and one that is no safetensors file."""
    with pytest.raises(FileNotFoundError, match="the file of a judge must exist"):
        load_judge(tmp_path / "none")
    save_file({"weight": torch.zeros(2)}, tmp_path / "other", metadata={"judge": '{"canvas": {}, "source": "", "seed": 0}'})
    (tmp_path / "text").write_text("a judge")
    for name in ("other", "text"):
        with pytest.raises(ValueError, match="must hold a judge, got "):
            load_judge(tmp_path / name)


def test_a_judge_below_the_bar_is_refused(tiny):
    """Its faults name the numbers; above the bar there are none; what is not known is a fault."""

    def with_report(**numbers):
        net = build()
        net.load_state_dict(tiny.net.state_dict())
        net.report.copy_(torch.tensor([{**tiny.report, **numbers}[name] for name in NUMBERS], dtype=torch.float64))
        return judge_of(net, source="stamps")

    assert with_report(pair=0.98, iou=0.90).faults == []
    with_report(pair=0.98, iou=0.90).check()
    low = with_report(pair=0.9794, iou=float("nan"))
    assert low.faults[0] == "a share of pairs read exactly of 0.979, where at least 0.98 is asked"
    assert low.faults[1] == "a mean IoU of pixels of nan, where at least 0.90 is asked"
    with pytest.raises(ValueError, match=r"the judge of stamps, seed 0 must be above its bar, got a share .* Train one for more"):
        low.check()


def test_the_card_says_whether_its_glyphs_were_seen(tiny):
    """Of stamps there are only ten; of digits half of the test glyphs are kept from the training."""
    assert "of 10 the same glyphs" in tiny.card
    digits = train_judge("digits", how=Judging(steps=2, batch=4, checked=10))
    assert "of 222 unseen glyphs" in digits.card


def test_canvases_that_do_not_suit_get_a_sentence():
    """The net halves a canvas thrice, and a pair must have room."""
    with pytest.raises(ValueError, match="size must be a multiple of 8 pixels for a judge, got size=30"):
        train_judge("stamps", canvas=Canvas(size=30))
    with pytest.raises(ValueError, match="size must be two glyphs or more for a judge, got size=16 and glyph=12"):
        build(Canvas(size=16))
    with pytest.raises(ValueError, match="steps must be 2 or more, got steps=0"):
        Judging(steps=0)


def test_other_canvases_are_judged_too():
    """Size and glyphs are those of the canvas."""
    judge = train_judge("stamps", canvas=Canvas(size=24, glyph=8), how=TINY)
    assert judge.shares(torch.zeros(2, 1, 24, 24)).shape == (2, 12, 24, 24)


def test_training_is_watched():
    """The watch is told of the work that is done, the outcome keeps it, and a stop signal stops it."""
    told = []
    _, outcome = fit_judge(
        "stamps", 0, how=replace(TINY, steps=4), watch=Watch(tell=lambda share, said: told.append((share, said)))
    )
    assert [share for share, _ in told] == [0.25, 0.5, 0.75, 1.0]
    assert len(outcome.history) == 4
    assert outcome.failure is None
    assert told[-1][1] == f"trained, loss {outcome.history[-1][0]:.3f}, counts {outcome.history[-1][1]:.3f}"
    stop = Event()
    stop.set()
    with pytest.raises(Stopped):
        fit_judge("stamps", 0, how=TINY, watch=Watch(stop=stop))


def test_agreement_of_a_judge_with_itself_and_with_another(tiny):
    """With itself it is whole; with the exact one it is as two loops find it."""
    real = draw("pairs", "stamps", n=6, seed=2).images[:, None] / 255
    assert set(agreement(tiny, tiny, real).values()) == {1.0}
    exact = ExactJudge(Canvas())
    found = agreement(tiny, exact, real)
    same = ink = both = 0
    for one, two in zip(classes_of(tiny, real).flatten().tolist(), classes_of(exact, real).flatten().tolist(), strict=True):
        same += one == two
        ink += one != 10 or two != 10
        both += one == two != 10
    assert found["pixels"] == pytest.approx(same / (6 * 1024))
    assert found["ink"] == pytest.approx(both / ink)
    assert found["valid"] == float((tiny.read(real).valid == exact.read(real).valid).double().mean())
