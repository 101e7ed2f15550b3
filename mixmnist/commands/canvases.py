"""Commands about canvases: look at some, write them to a file, check them against what is promised."""

import argparse
from typing import TYPE_CHECKING

from mixmnist.commands.answers import Answer, Say, at_work, find_source, new_file, read_numbers
from mixmnist.core import registry
from mixmnist.core.records import Canvas, Task, require

if TYPE_CHECKING:
    from mixmnist.data.mixture import Mixture


def preview(args: argparse.Namespace, say: Say) -> Answer:
    """Draws the first canvases of a mixture with their classes."""
    require(args.n <= 400, f"n must be at most 400 in a preview, got n={args.n}. Use mixmnist export for more.")
    path = new_file(args.out, (".png", ".pdf", ".svg"))
    mixture, source = _draw(args, say)
    from mixmnist.report.drawing import save_preview

    classes = mixture.titles(len(mixture))
    caption = f"{args.task}, {source} glyphs, {args.split}, seed {args.seed}; above each canvas, its class."
    path.parent.mkdir(parents=True, exist_ok=True)
    with at_work(f"Drawing the picture of {args.n:,} canvases", say):
        save_preview(mixture.images.numpy(), classes, caption, path)
    say(f"{len(mixture)} canvases: {path}")
    return Answer({"file": str(path), "canvases": len(mixture), "source": source})


def export(args: argparse.Namespace, say: Say) -> Answer:
    """Writes a mixture and everything that is known about it to an .npz."""
    path = new_file(args.out, (".npz",))
    mixture, source = _draw(args, say)
    import numpy as np

    path.parent.mkdir(parents=True, exist_ok=True)
    stored = mixture.as_arrays(masks=args.masks)
    partial = path.with_name(f".{path.name}.partial.npz")
    try:
        with at_work(f"Compressing {args.n:,} canvases into {path}", say):
            np.savez_compressed(partial, **stored)  # type: ignore[arg-type]  # its stubs take only named arrays
        partial.rename(path)
    finally:
        partial.unlink(missing_ok=True)
    say(f"{len(mixture)} canvases: {path} ({', '.join(stored)})")
    return Answer({"file": str(path), "canvases": len(mixture), "source": source, "arrays": list(stored)})


def audit(args: argparse.Namespace, say: Say) -> Answer:
    """Checks a mixture against what is promised of it."""
    from mixmnist.data.audit import audit as check
    from mixmnist.report.tables import as_markdown

    canvas, settings = _canvas(args), _settings(args)
    find_source(args, say)
    more = {"canvas": canvas, "settings": settings, "root": args.data_root, "seed": args.seed}
    with at_work(f"Checking {args.n:,} canvases of {args.task}, and drawing others to hold them against", say):
        found = check(args.task, args.source, args.split, args.n, **more)
    say(as_markdown(found.assign(good=found["good"].map({True: "yes", False: "NO"}))))
    good = bool(found["good"].all())
    wrong = ", ".join(found.loc[~found["good"].astype(bool), "check"])
    say(f"\nAll {len(found)} checks are good." if good else f"\nNot good: {wrong}. The canvases are not what they should be.")
    return Answer({"good": good, "checks": found.to_dict("records")}, 0 if good else 1)


def _canvas(args: argparse.Namespace) -> Canvas:
    """Gives the layout that the options ask for."""
    entry: Task = registry.choose("tasks", args.task)
    return Canvas(entry.canvas.size if args.size is None else args.size, args.glyph, args.overlap)


def _settings(args: argparse.Namespace) -> dict[str, float]:
    """Gives the task's settings that the options ask for."""
    settings = read_numbers(args.set)
    registry.check_settings("tasks", args.task, settings)
    return settings


def _draw(args: argparse.Namespace, say: Say) -> "tuple[Mixture, str]":
    """Draws the mixture that the options ask for; gives it and the name of its source."""
    from mixmnist.data import drawing

    canvas, settings = _canvas(args), _settings(args)
    drawing.check(args.task, args.n, canvas, settings, seed=args.seed, copies=2, masks=getattr(args, "masks", False))
    source, root = find_source(args, say)
    with at_work(f"Drawing {args.n:,} canvases of {args.task}, glyphs: {source}", say):
        mixture = drawing.draw(args.task, source, args.split, args.n, canvas=canvas, settings=settings, root=root, seed=args.seed)
    return mixture, source
