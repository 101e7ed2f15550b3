"""The training step's own kernels on a GPU: whether they are right, whether they repeat, and how fast; takes under a minute.

Checks the layers, forward and backward, against float64 on the processor, and that two trainings give the same bytes. Times a
captured step by the kernels and by the library's operations in turns, then names the kernels of a step by their time. Needs no
glyphs; prints as it goes; exit code 1 if a check fails, 2 without a GPU.
"""

import statistics
import sys
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from mixmnist import training
from mixmnist.core.records import Training
from mixmnist.core.repeating import repeatable
from mixmnist.nets import convnet
from mixmnist.nets.convnet import Widths

EPS, CLOSE = 1e-5, 1e-5
SHAPES = {  # copies, images, rows and columns, widths, places that dropout tells apart
    "five of the published net": (5, 128, (32, 32), (10, 20, 10), 0),
    "wide, dropout by channel": (2, 64, (32, 32), (64, 64, 64), 1),
    "single units, dropout by element": (3, 33, (21, 24), (1, 9, 2), 36),
    "twenty copies": (20, 16, (32, 32), (10, 20, 10), 0),
}
COPIES, BATCH, CLASSES, IMAGES = (5, 10, 20), 128, 45, 20_000
ROUNDS, ROWS = 20, 25


def plain(x: Tensor, kept: Tensor | None, eps: float, *parameters: Tensor) -> Tensor:
    """Gives the sums of the last layer's maps by torch's own functions."""
    copies, x = len(x), x.transpose(0, 1)
    for layer, padding in enumerate((0, 1, 1)):
        weight, bias, gamma, beta = parameters[4 * layer : 4 * layer + 4]
        z = F.conv2d(x, weight, bias, padding=padding, groups=copies)
        x = F.relu(F.batch_norm(z, None, None, gamma, beta, training=True, eps=eps))
        x = F.max_pool2d(x, 3, 2) if layer < 2 else x.flatten(2).transpose(1, 2)
    return (x if kept is None else x * kept).sum(1)


def largest_error(copies: int, n: int, size: tuple[int, int], widths: tuple[int, int, int], places: int) -> float:
    """Gives the largest relative error of the sums and of any parameter's gradient, against float64."""
    from mixmnist.nets._fused import Layers, n_places

    g = torch.Generator().manual_seed(0)
    x = torch.rand((copies, n, *size), generator=g)
    x[:, :, : size[0] // 3] = 0
    shape = (n, 1 if places == 1 else n_places(*size), copies * widths[2])
    kept = (torch.rand(shape, generator=g) > 0.3).float() / 0.7 if places else None
    given, fan_in = [], 1
    for side, units in zip((5, 3, 3), widths, strict=True):
        weight = torch.randn((copies * units, fan_in, side, side), generator=g) / (fan_in * side * side) ** 0.5
        given += [weight.contiguous(memory_format=torch.channels_last)]
        given += [torch.randn(copies * units, generator=g) for _ in range(3)]
        fan_in = units
    weights, found = torch.randn((n, copies * widths[2]), generator=g), []
    for function, where in ((Layers.apply, {"device": "cuda"}), (plain, {"dtype": torch.float64})):
        parameters = [p.to(**where, copy=True).requires_grad_() for p in given]
        sums = function(x.to(**where), None if kept is None else kept.to(**where), EPS, *parameters)
        sums = sums[0] if isinstance(sums, tuple) else sums
        (sums * weights.to(**where)).sum().backward()
        found.append([t.detach().double().cpu() for t in (sums, *(p.grad for i, p in enumerate(parameters) if i % 4 != 1))])
    return max(float((a - b).norm() / b.norm()) for a, b in zip(*found, strict=True))  # a bias's gradient is zero


def canvases(copies: int, n: int) -> tuple[Tensor, Tensor]:
    """Gives random canvases, a third of them black, and classes."""
    g = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (copies, n, 32, 32), generator=g, dtype=torch.uint8)
    images[:, :, :11] = 0
    return images.cuda(), torch.randint(0, CLASSES, (copies, n), generator=g).cuda()


def net(copies: int, kernels: bool, **settings: object) -> convnet.ConvNetStack:
    """Builds a stack on the card that takes one way or the other."""
    stack = convnet.build(Widths(**settings), CLASSES, range(copies)).cuda()
    if not kernels:
        stack._fits_kernels = lambda _x: False
    return stack


def repeats(kernels: bool, **settings: object) -> bool:
    """Trains twice and compares the bytes."""
    recipe, states = Training(images=2_560, epochs=2), []
    images, labels = canvases(3, recipe.images)
    for _ in range(2):
        stack = net(3, kernels, **settings)
        training.train(stack, images, labels, recipe, range(3))
        states.append(stack.state_dict())
    return all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def captured(copies: int, kernels: bool) -> Callable[[], None]:
    """Gives a replay of several captured steps."""
    images, labels = canvases(copies, 40 * BATCH)
    recipe, stack = Training(images=40 * BATCH, epochs=1, batch=BATCH), net(copies, kernels).train()
    steps = training._Steps(stack, recipe, images, labels, "float32", True, training.Aim(), ())
    steps.begin(torch.randperm(40 * BATCH).expand(copies, -1), torch.full((40,), 0.01))
    while steps.taken < 20:
        steps.advance()

    def replay() -> None:
        steps.step.zero_()
        steps.graphs[training.SPAN].replay()

    return replay


def milliseconds(replay: Callable[[], None]) -> float:
    """Times one replay and gives milliseconds a step."""
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    replay()
    end.record()
    end.synchronize()
    return start.elapsed_time(end) / training.SPAN


def time_steps(copies: int) -> None:
    """Times both ways in turns and prints the medians."""
    ways = [captured(copies, kernels) for kernels in (True, False)]
    for replay in ways:
        replay()
    ours, theirs = zip(*[[milliseconds(replay) for replay in ways] for _ in range(ROUNDS)], strict=True)
    for name, times in (("kernels", ours), ("library", theirs)):
        median = statistics.median(times)
        print(
            f"  {copies} x {BATCH} {name}: {median:.4f} ms a step ({min(times):.4f} to {max(times):.4f}), "
            f"{copies * BATCH / median * 1e3:,.0f} images/s",
            flush=True,
        )


def time_training(copies: int) -> None:
    """Times two epochs as a user has them, after two that warm up."""
    images, labels = canvases(copies, IMAGES)
    for turn in range(2):
        stack = net(copies, True)
        torch.cuda.synchronize()
        start = time.perf_counter()
        training.train(stack, images, labels, Training(images=IMAGES, epochs=2), range(copies))
        torch.cuda.synchronize()
        seconds = time.perf_counter() - start
        print(
            f"  training {copies} x 2 epochs, turn {turn + 1}: {seconds:.3f} s, {2 * copies * IMAGES / seconds:,.0f} images/s",
            flush=True,
        )


def name_kernels(copies: int) -> None:
    """Prints the kernels of a step by their time."""
    replay = captured(copies, True)
    replay()
    torch.cuda.synchronize()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
        for _ in range(3):
            replay()
        torch.cuda.synchronize()
    steps = 3 * training.SPAN
    rows = [(getattr(row, "self_device_time_total", 0) / steps, row.count / steps, row.key) for row in profile.key_averages()]
    rows = sorted((row for row in rows if row[0] > 0), reverse=True)
    print(f"  {sum(r[0] for r in rows):.1f} us of kernels a step, {sum(r[1] for r in rows):.1f} kernels; the first {ROWS}:")
    for microseconds, count, name in rows[:ROWS]:
        print(f"  {microseconds:8.2f} us {count:5.1f} x  {name[:100]}", flush=True)


def main() -> int:
    """Runs every check and timing."""
    if not torch.cuda.is_available():
        print("gpu_step needs a GPU that torch can use, got none. Run it on such a machine.", file=sys.stderr)
        return 2
    began = time.perf_counter()

    def say(what: str) -> None:
        print(f"[{time.perf_counter() - began:5.1f} s] {what}", flush=True)

    say(f"{torch.cuda.get_device_name()}, torch {torch.__version__}")
    good = True
    for name, shape in SHAPES.items():
        error = largest_error(*shape)
        good &= error <= CLOSE
        say(f"largest relative error against float64, {name}: {error:.1e} {'good' if error <= CLOSE else 'BAD'}")
    for name, kernels, settings in (
        ("kernels", True, {}),
        ("kernels, dropout", True, {"dropout": 0.25}),
        ("library", False, {}),
    ):
        same = repeats(kernels, **settings)
        good &= same
        say(f"the same bytes twice, {name}: {'yes' if same else 'NO'}")
    with repeatable(torch.device("cuda")):
        for copies in COPIES:
            time_steps(copies)
        say("timed")
        time_training(COPIES[0])
        name_kernels(COPIES[0])
    say("good" if good else "BAD")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
