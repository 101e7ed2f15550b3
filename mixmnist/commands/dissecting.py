"""Generators dissected, `mixmnist dissect`, and canvases inverted into their codes, `mixmnist invert`."""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mixmnist.commands.answers import Answer, Say, at_work, find_source, new_file
from mixmnist.core import checks, registry, storage
from mixmnist.core.records import Canvas, require

if TYPE_CHECKING:
    import pandas as pd

    from mixmnist.dissect.reading import Judge
    from mixmnist.dissect.subject import Subject
    from mixmnist.guests.inverting import Found
    from mixmnist.trust._networks import Recorded

WAY_OUT = "Name a folder that `mixmnist run generators` made, or pkg.module:factory."
OF_RECORDED = ("variant", "seed")  # options that only recorded generators have
OF_OWN = ("latent", "weights", "source", "size", "glyph")  # options that only one of one's own has
MARK = "asked.json"  # what was asked for; a folder that holds it was written here, and may be written anew
MOST = 2_000  # canvases that are inverted at once


@dataclass(frozen=True)
class Given:
    """What a command works on."""

    subject: "Subject"
    judge: "Judge"
    source: str
    root: str | None
    about: str


def dissect(args: argparse.Namespace, say: Say) -> Answer:
    """Dissects a generator's layer and says what its units draw, beside what they must beat."""
    require(args.samples >= 2, f"samples must be 2 or more, got samples={args.samples}.")
    require(args.edited >= 1, f"edited must be 1 or more, got edited={args.edited}.")
    rankings = tuple(name for name in args.rankings.split(",") if name)
    for name in rankings:
        registry.choose("rankings", name)
    home = None if args.out is None else _home(args.out)
    page = None if args.page is None else new_file(args.page, (".html",))
    given = _given(args, say)
    from mixmnist.guests.dissecting import Asked, over_digits
    from mixmnist.guests.dissecting import dissect as run

    say(f"Dissecting {given.about} on {args.samples:,} samples; read by: {given.judge.name} ...")
    found = run(given.subject, given.judge, Asked(args.samples, args.edited, rankings), given.source, given.root)
    from mixmnist.report.tables import as_markdown

    say(f"\n{found.about}\n\n{as_markdown(found.digits)}\n\n{as_markdown(over_digits(found.removals))}\n")
    for line in found.said:
        say(line)
    if home is not None:
        from mixmnist.guests._dissected_drawn import draw_all, write_tables

        def fill(partial: Path) -> None:
            write_tables(found, partial)
            draw_all(found, partial)
            storage.write_json(partial / MARK, _asked(args))

        storage.publish(home, fill)
        say(f"Tables and figures: {home}")
    if page is not None:
        from mixmnist.guests._brushing import write_page

        write_page(page, found, given.source, given.root)
        say(f"Page, to be opened in a browser: {page}")
    tables = {name: _records(getattr(found, name)) for name in ("units", "digits", "removals")}
    return Answer({"about": found.about, "said": list(found.said), "quality": dict(found.quality), "out": args.out, **tables})


def invert(args: argparse.Namespace, say: Say) -> Answer:
    """Finds codes and maps for given canvases, and says what is kept: digits, places, and edits."""
    require(1 <= args.n <= MOST, f"n must be 1 to {MOST:,}, got n={args.n}.")
    require(args.steps >= 1, f"steps must be 1 or more, got steps={args.steps}.")
    registry.choose("rankings", args.ranking)
    home = None if args.out is None else _home(args.out)
    from mixmnist.guests.inverting import Wanted, read_canvases

    images = read_canvases(args.images, args.n)  # before anything takes time
    given = _given(args, say)
    from mixmnist.dissect.inverting import check_canvases
    from mixmnist.guests.inverting import invert as run
    from mixmnist.report.tables import as_markdown

    check_canvases(given.subject, images)
    say(f"Inverting {len(images):,} canvases into {given.about}; read by: {given.judge.name} ...")
    found = run(given.subject, given.judge, images, Wanted(args.steps, args.one_hot, args.ranking))
    say(f"\n{as_markdown(found.table)}\n")
    for line in found.said:
        say(line)
    if home is not None:
        _write_inverted(home, found, args)
        say(f"Codes, maps, table of canvases and figure: {home}")
    rows = {"table": _records(found.table), "canvases": _records(found.canvases)}
    return Answer({"about": given.about, "said": list(found.said), "out": args.out, **rows})


def _write_inverted(home: Path, found: "Found", args: argparse.Namespace) -> None:
    def fill(partial: Path) -> None:
        found.write(partial)
        storage.write_json(partial / MARK, _asked(args))

    storage.publish(home, fill)


def _records(table: "pd.DataFrame") -> list[dict[str, object]]:
    """Gives the rows of a table, nothing where there is no number."""
    rows = table.astype(object).where(table.notna(), None).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]


def _asked(args: argparse.Namespace) -> dict[str, object]:
    """Gives what was asked for."""
    return {name: value for name, value in vars(args).items() if name not in ("command", "out", "quiet", "json", "debug")}


def _home(out: str) -> Path:
    """Gives a folder that may be written as a whole.

    Raises:
        ValueError: If it holds other files, or may not be written.
    """
    home = Path(out)
    ours = not home.exists() or (home.is_dir() and ((home / MARK).is_file() or not any(home.iterdir())))
    require(ours, f"out must be a new folder or one that the same command wrote, got {home} with other files. Name another.")
    checks.check_writable(home)
    return home


def _given(args: argparse.Namespace, say: Say) -> Given:
    """Finds the generator and who reads it; whatever does not fit is refused here, in a sentence."""
    own = ":" in args.what and not Path(args.what).exists()
    given = [name for name in (OF_RECORDED if own else OF_OWN) if getattr(args, name) is not None]
    of = "recorded generators" if own else "a generator of one's own"
    require(not given, f"options of {of} must be left out here, got --{', --'.join(given)}. Leave that out.")
    readers = None if args.readers is None else Path(args.readers)
    if readers is not None and not readers.exists():
        raise FileNotFoundError(f"readers must be a file or a study's folder, got {readers}. Mend the path.")
    return _of_factory(args, readers, say) if own else _of_folder(args, readers, say)


def _of_factory(args: argparse.Namespace, readers: Path | None, say: Say) -> Given:
    """Takes a generator of anyone's."""
    require(args.layer, "a layer must be named. --layer NAME, as in net.named_modules().")
    for name in ("latent", "size", "glyph"):
        value = getattr(args, name)
        require(value is None or value >= 1, f"{name} must be 1 or more, got {name}={value}.")
    from mixmnist.dissect.subject import subject_of
    from mixmnist.guests.factory import load_weights, make_net
    from mixmnist.trust._judging import judge_for

    usual = Canvas()
    canvas = Canvas(args.size or usual.size, args.glyph or usual.glyph)
    net = make_net(args.what)
    net = net if args.weights is None else load_weights(net, args.weights)
    args.source = args.source or "auto"
    name = args.what.partition(":")[2]
    with at_work(f"Looking at {args.what}", say):
        subject = subject_of(net, args.layer, canvas, args.latent, name)
    source, root = find_source(args, say)
    judge = judge_for(source, canvas, readers)
    return Given(subject, judge, source, root, f"{name}, layer {args.layer}, glyphs: {source}")


def _of_folder(args: argparse.Namespace, readers: Path | None, say: Say) -> Given:
    """Takes a recorded generator."""
    folder = Path(args.what)
    require((folder / "runs").is_dir(), f"a generator must be recorded in a folder with runs/, got {folder}. {WAY_OUT}")
    from mixmnist.trust._generators import generators_of, subject_of_net
    from mixmnist.trust._judging import judge_for

    net = _chosen(generators_of(folder), args)
    with at_work(f"Loading {net.variant}, seed {net.seed}", say):
        subject = subject_of_net(net, args.layer)
    judge = judge_for(net.source, net.settings.canvas, readers, folder)
    about = f"{net.variant}, seed {net.seed}, layer {subject.layer}, glyphs: {net.source}"
    return Given(subject, judge, net.source, args.data_root, about)


def _chosen(nets: "list[Recorded]", args: argparse.Namespace) -> "Recorded":
    """Gives the generator of a variant and seed; by default the first."""
    variants = list(dict.fromkeys(net.variant for net in nets))
    if args.variant is not None and args.variant not in variants:
        raise registry.nearest("variant", args.variant, variants)
    own = [net for net in nets if args.variant in (None, net.variant)]
    own = [net for net in own if net.variant == own[0].variant]
    seeds = [net.seed for net in own]
    known = args.seed is None or args.seed in seeds
    require(known, f"seed must be one of {', '.join(map(str, seeds))} of {own[0].variant}, got seed={args.seed}. Name another.")
    return own[0] if args.seed is None else own[seeds.index(args.seed)]
