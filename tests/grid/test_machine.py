"""What a block of runs asks of the machine: the same numbers twice, and everything as it was afterwards."""

from dataclasses import replace

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from mixmnist import Options, Study, Training, Variant
from mixmnist.grid import pipeline, sweep
from mixmnist.grid.layers import few_of, score_layers
from mixmnist.kinds import Trained
from mixmnist.metrics import _pixels
from mixmnist.training import Outcome

TINY = Variant(
    task="single",
    training=Training(images=64, epochs=1, batch=16),
    probe_images=720,
    net_settings={"conv1": 3, "conv2": 4, "conv3": 4},
)
WITHOUT_ORDER = {  # what torch 2.11 has no repeatable way for on a GPU, as its `use_deterministic_algorithms` lists it
    "adaptive_max_pool2d_backward",
    "_adaptive_avg_pool2d_backward",
    "put_",
    "histc",
    "kthvalue",
    "median",
    "nanmedian",
    "grid_sampler_2d_backward",
    "reflection_pad2d_backward",
    "replication_pad2d_backward",
    "upsample_bilinear2d_backward",
    "upsample_bicubic2d_backward",
    "nll_loss2d_forward",
}


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_block_trains_and_scores_repeatably(device, tmp_path, monkeypatch):
    """Both training and recording must happen within the scope, on a GPU; outside of it all must be as it was."""
    (block,) = sweep.plan(Study("tiny", {"baseline": TINY}, seeds=2), Options(source="digits", out=str(tmp_path), device="cpu"))
    seen = []

    def bring_about(lesson, *_):
        seen.append(torch.are_deterministic_algorithms_enabled())
        return [Trained(None, Outcome((), "made up"), lesson.seeds) for _ in lesson.seeds]

    monkeypatch.setattr(pipeline, "bring_about", bring_about)
    monkeypatch.setattr(pipeline, "record_any", lambda *_: seen.append(torch.are_deterministic_algorithms_enabled()))
    pipeline.fill(replace(block, device=device), tmp_path, print)
    assert seen == [device == "cuda"] * 3
    assert not torch.are_deterministic_algorithms_enabled()


class Watched(TorchDispatchMode):
    """Notes each operation whose sums may come out in any order on a GPU."""

    def __init__(self) -> None:
        super().__init__()
        self.found, self.seen = set(), set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        name = func.overloadpacket.__name__
        self.seen.add(name)
        broken = kwargs.get("dtype") is not None or args[0].is_floating_point() if name in ("cumsum", "cumsum_") else False
        if broken and not torch.equal(result, result.round()):  # whole numbers have one sum in any order
            self.found.add(name)
        weighed = name == "bincount" and (len(args) > 1 and args[1] is not None)
        added = name in ("scatter_add", "scatter_add_", "index_add", "index_add_", "scatter_reduce", "scatter_reduce_")
        if name in WITHOUT_ORDER or weighed or (added and args[0].is_floating_point()):
            self.found.add(name)
        return result


@pytest.mark.parametrize("task", ["pairs", "presence"])
def test_scoring_uses_nothing_that_has_no_order_on_a_gpu(task, monkeypatch):
    """No score may use an operation that gives other sums each time on a GPU; pixels are counted here as there."""
    from mixmnist.data.mixture import draw
    from mixmnist.nets import convnet

    for name in ("_add_levels", "_add_steps"):
        monkeypatch.setattr(_pixels, name, getattr(_pixels, f"{name}_at_once"))
    test, rank = (draw(task, "digits", split, n=720) for split in ("test", "rank"))
    net = convnet.load(convnet.Widths(conv1=3, conv2=4, conv3=4), len(test.classes)).eval()
    with Watched() as watched:
        score_layers(net, (test, rank), ("conv1", "conv3"), few=few_of(720))
    assert {"sort", "cumsum", "bincount"} <= watched.seen
    assert watched.found == set()
