"""Training of two checkouts of this repository in turns: is a change as fast as what was there before?

Usage: MIXMNIST_DATA=DIR python benchmarks/speed/against.py PATH_OF_THE_OTHER_CHECKOUT. Each trains five seeds of the baseline on
6,400 canvases of MNIST, one epoch a turn, in a process of its own with one thread. Writes results/speed/against-<commit of the
other>.md. Cost: 90 seconds.
"""

import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from _timing import in_turns

from mixmnist.grid.machine import hardware

PAIRS = 12
HERE = Path(__file__).resolve().parents[2]
TURN = """
import sys, torch
from mixmnist.core.records import Training
from mixmnist.data.mixture import draw
from mixmnist.nets import convnet
from mixmnist.training import train
torch.set_num_threads(1)
seeds, recipe = (0, 1, 2, 3, 4), Training(images=6_400, epochs=1)
drawn = [draw("pairs", "mnist", "train", recipe.images, seed=seed) for seed in seeds]
images, labels = torch.stack([d.images for d in drawn]), torch.stack([d.labels for d in drawn])
while True:
    module = convnet.build(convnet.Widths(), 45, seeds)
    train(module, images, labels, recipe, seeds)
    print("done", flush=True)
    sys.stdin.readline() or sys.exit()
"""


def trainer(checkout: Path) -> Callable[[], None]:
    """Starts a process that trains by the code of a checkout; gives a function that takes one turn."""
    environment = {**os.environ, "PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"}
    pipe = subprocess.PIPE
    process = subprocess.Popen([sys.executable, "-c", TURN], stdin=pipe, stdout=pipe, text=True, env=environment, cwd=checkout)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdout.readline()  # loops are compiled, canvases drawn

    def turn() -> None:
        process.stdin.write("\n")
        process.stdin.flush()
        if not process.stdout.readline():
            raise RuntimeError(f"training by {checkout} must run, got an end of its process. Look above.")

    return turn


def commit(checkout: Path) -> str:
    """Names the commit of a checkout."""
    git = shutil.which("git") or "git"
    return subprocess.run(
        [git, "rev-parse", "--short=7", "HEAD"], cwd=checkout, capture_output=True, text=True, check=True
    ).stdout.strip()


def main() -> None:
    """Takes turns, writes and prints."""
    if len(sys.argv) != 2 or not (Path(sys.argv[1]) / "mixmnist").is_dir():
        sys.exit(f"against.py needs the path of another checkout of this repository, got {sys.argv[1:]}. Name one.")
    other = Path(sys.argv[1]).resolve()
    ours, theirs = in_turns(trainer(HERE), trainer(other), PAIRS)
    ratios = sorted(t / o for o, t in zip(ours, theirs, strict=True))
    text = (
        f"Training of {commit(HERE)} against {commit(other)}, in turns on {hardware('cpu')}: five seeds of the baseline, "
        f"6,400 canvases of MNIST, one epoch, one thread, float32.\n\n| | seconds, median of {PAIRS} |\n|---|---|\n"
        f"| {commit(HERE)} | {statistics.median(ours):.2f} |\n| {commit(other)} | {statistics.median(theirs):.2f} |\n\n"
        f"How many times as fast: {statistics.median(ratios):.2f} "
        f"(median of {PAIRS} pairs; {ratios[0]:.2f} to {ratios[-1]:.2f}).\n"
    )
    (HERE / "results" / "speed" / f"against-{commit(other)}.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
