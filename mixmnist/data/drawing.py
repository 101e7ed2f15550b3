"""Drawing at the door: mixtures that anybody may ask for, what cannot work told before anything is drawn."""

from pathlib import Path
from typing import Literal, overload

import numpy as np

from mixmnist.core import checks, registry
from mixmnist.core.records import Canvas, Settings, Task, require
from mixmnist.core.seeding import Stream
from mixmnist.data import mixture
from mixmnist.data.canvas import CHUNK
from mixmnist.data.colour import Coloured, in_colour
from mixmnist.data.mixture import Mixture
from mixmnist.data.sources import load_glyphs, resolve_source

LARGEST = 1024  # pixels of a glyph's side
TRIED = 64  # canvases of a task of somebody's own that are drawn to see what it gives


@overload
def draw(
    task: str = ...,
    source: str = ...,
    split: str = ...,
    n: int = ...,
    *,
    canvas: Canvas | None = ...,
    settings: Settings | None = ...,
    root: str | None = ...,
    seed: int = ...,
    colour: Literal[False] = ...,
) -> Mixture: ...
@overload
def draw(
    task: str = ...,
    source: str = ...,
    split: str = ...,
    n: int = ...,
    *,
    canvas: Canvas | None = ...,
    settings: Settings | None = ...,
    root: str | None = ...,
    seed: int = ...,
    colour: Literal[True],
) -> Coloured: ...
def draw(
    task: str = "pairs",
    source: str = "auto",
    split: str = "test",
    n: int = 10_000,
    *,
    canvas: Canvas | None = None,
    settings: Settings | None = None,
    root: str | None = None,
    seed: int = 0,
    colour: bool = False,
) -> Mixture | Coloured:
    """Draws a mixture: n canvases of a task with digits of a source.

    Args:
        task: Name of a task, e.g. "pairs" or "redundant", or a Python file that ends in TASK.
        source: Name of a source of glyphs, a path to an .npz, or "auto" (MNIST where it can be had, else scikit-learn's digits).
        split: "train" and "rank" canvases use training glyphs (with different random numbers), "test" canvases test glyphs.
        n: Number of canvases, 1 or more.
        canvas: Sizes and overlap policy; by default the task's own, for most 32 pixels, glyphs of 12, no overlap.
        settings: Overrides of the task's settings, e.g. {"q": 0.5}.
        root: Folder that holds the source's files; by default `MIXMNIST_DATA`, else the user's cache.
        seed: The same seed gives the same plan on every machine.
        colour: Whether the images have the colours of their glyphs, [n, 3, rows, cols], as networks of three channels see them
            when they are evaluated; all else, masks included, is the same.

    Raises:
        ValueError: On an unknown name, a bad size, a source that lacks a digit the task needs, grey glyphs that are asked for in
            colour, or more canvases than the memory holds.
        FileNotFoundError: If the source's files are neither on disk nor to be fetched.

    Example:
        >>> mixture = draw("pairs", "digits", "test", n=3, seed=0)
        >>> mixture.images.shape, mixture.labels.tolist()
        (torch.Size([3, 32, 32]), [36, 11, 9])
        >>> mixture.present.sum(dim=1).tolist()
        [2, 2, 2]
    """
    check(task, n, canvas, settings, seed=seed, channels=3 if colour else 1)
    check_glyphs(source, root, split, canvas or _task(task).canvas)
    drawn = mixture.draw(task, source, split, n, canvas=canvas, settings=settings, root=root, seed=seed)
    return in_colour(drawn, source, split, root) if colour else drawn


def check(
    task: str,
    n: int,
    canvas: Canvas | None = None,
    settings: Settings | None = None,
    *,
    seed: int = 0,
    channels: int = 1,
    copies: int = 1,
    masks: bool = False,
) -> None:
    """Makes sure that a task's canvases can be drawn and held in memory, without drawing them.

    Args:
        task: A task's name, or a Python file that ends in TASK, of which a little is drawn.
        n: Number of canvases.
        canvas: Their layout; by default the task's own.
        settings: Overrides of the task's settings.
        seed: Of the canvases.
        channels: Of each canvas.
        copies: How many sets of so many canvases are held at a time.
        masks: Whether all masks are held, too.

    Raises:
        ValueError: If they cannot.
    """
    for name, value in (("n", n), ("seed", seed)):
        whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
        require(whole, f"{name} must be a whole number, got {name}={value!r}.")
    require(n >= 1, f"n must be 1 or more, got n={n}.")
    entry, canvas = _task(task), canvas or _task(task).canvas
    checks.check_settings("task", settings or {}, entry.settings)
    if task.endswith(".py"):
        check_task(entry, task, settings)
    require(canvas.glyph <= LARGEST, f"glyph must be at most {LARGEST:,} pixels, got glyph={canvas.glyph}. Use smaller glyphs.")
    _, shown = entry.draw(1, Stream(0, "mixture", "test", "classes"), **entry.with_settings(settings or {}))
    pixels, plan = canvas.size**2, 8 * (1 + 4 * shown.shape[1])
    a_canvas = pixels * (channels + (2 * len(entry.concepts) if masks else 0)) + 2 * plan  # once drawn, once in what is kept
    at_once = min(n, CHUNK) * (pixels + 16 * canvas.glyph**2)  # while they are rendered
    said = f"{n:,} canvases of {canvas.size} x {canvas.size} pixels" + (f", {copies} times" if copies > 1 else "")
    checks.check_memory(said, n * copies * a_canvas + at_once, "Ask for fewer, or for smaller ones.")


def check_glyphs(source: str, root: str | None, split: str, canvas: Canvas) -> None:
    """Makes sure that a source's glyphs can be held at the size that they have on a canvas.

    Raises:
        ValueError: If they cannot.
        FileNotFoundError: If the source's files are neither on disk nor to be fetched.
    """
    n = len(load_glyphs(*resolve_source(source, root), "test" if split == "test" else "train").images)
    size = (n + 16 * min(n, CHUNK)) * canvas.glyph**2  # so many at a time are resized in larger numbers
    checks.check_memory(f"{n:,} glyphs of {canvas.glyph} x {canvas.glyph} pixels", size, "Use smaller glyphs.")


def check_task(task: Task, name: str, settings: Settings | None = None) -> None:
    """Draws a little of a task that somebody wrote, so that a fault in it gets a sentence and not plausible numbers.

    Raises:
        ValueError: If `draw` raises, does not give the same twice, or what it gives is not labels of the task's classes and slots
            of its concepts.
    """
    way_out = "See what the file of `pairs` gives."
    given = task.with_settings(settings or {})
    first, second = (_tried(task, name, given, TRIED) for _ in range(2))
    _tried(task, name, given, 1)
    alike = all(np.array_equal(one, other) for one, other in zip(first, second, strict=True))
    require(alike, f"draw must give the same for the same stream, got two answers from {name}. Draw from the stream alone.")
    labels, shown = first
    for what, found, limits in (("labels", labels, (0, len(task.classes) - 1)), ("slots", shown, (-1, len(task.concepts) - 1))):
        if what == "labels" and found.ndim == 2:  # classes do not exclude each other
            require(found.shape[1] == len(task.classes), f"draw must give a label a class, got {_shape(found)} from {name}.")
            limits = (0, 1)
        lowest, highest = int(found.min()), int(found.max())
        require(
            limits[0] <= lowest <= highest <= limits[1],
            f"draw must give {what} of {limits[0]}..{limits[1]}, got {lowest}..{highest} from {name}. {way_out}",
        )


def _tried(task: Task, name: str, settings: Settings, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Draws n canvases' labels and slots, which are arrays as they should be."""
    way_out = "See what the file of `pairs` gives."
    try:
        found = task.draw(n, Stream(0, "mixture", "test", "classes"), **settings)
    except (Exception, SystemExit) as error:  # whatever a stranger's task may raise
        got = registry.raised(error, Path(name))
        raise ValueError(f"draw must run on n and a stream, got {got} from {name}. {way_out}") from error
    two = isinstance(found, tuple) and len(found) == 2
    require(two, f"draw must give labels and slots, got {_shape(found)} from {name}. {way_out}")
    for what, part in zip(("labels", "slots"), found, strict=True):
        whole = isinstance(part, np.ndarray) and part.dtype == np.int64 and part.ndim in (1, 2) and len(part) == n
        require(whole, f"draw must give {n} {what} as an int64 array, got {_shape(part)} from {name}. {way_out}")
    labels, shown = found
    require(shown.ndim == 2 and shown.shape[1], f"draw must give slots [n, slots], got {_shape(shown)} from {name}. {way_out}")
    return labels, shown


def _task(task: str) -> Task:
    require(isinstance(task, str), f"task must be text, got task={task!r}. Name one of `mixmnist list tasks`.")
    entry: Task = registry.choose("tasks", task)
    return entry


def _shape(found: object) -> str:
    return f"{found.dtype} {list(found.shape)}" if isinstance(found, np.ndarray) else type(found).__name__
