"""Pictures of what units of recorded nets, or of a network of one's own, want to see: `mixmnist see`."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mixmnist.commands.answers import Answer, Say, at_work, find_source, new_file
from mixmnist.commands.nets import find_transform
from mixmnist.core import registry
from mixmnist.core.records import require

if TYPE_CHECKING:
    from mixmnist.guests.seeing import Seen, Wish

WAY_OUT = "Name a folder that `mixmnist run` made, or pkg.module:factory."
OF_RECORDED = ("variant", "seed")  # options that only recorded nets have
OF_OWN = ("weights", "size", "transform", "axis")  # options that only a network of one's own has
TOOLS = "tools"  # folder of a reader and generators that were trained for pictures
MEANS = ("reads_own", "only_own", "relative", "own_box", "own_box_chance", "own_ink", "own_ink_chance")
SYNTHESIS = Path("analyses", "synthesis")  # where a study keeps those that it made


def see(args: argparse.Namespace, say: Say) -> Answer:
    """Makes pictures of what units or classes want, by several ways, each with what is known of it."""
    own = ":" in args.what and not Path(args.what).exists()
    wish = _wish(args, own)
    from mixmnist.guests.seeing import ENDINGS

    path = new_file(args.out, ENDINGS)
    seen = _of_factory(args, wish, path, say) if own else _of_folder(args, wish, say)
    with at_work(f"Drawing {path}", say):
        seen.save(path)
    say(f"{seen.about}\n\n{_summary(seen)}\n")
    for line in seen.said:
        say(line)
    say(f"{len(seen.table)} pictures: {path}")
    found = seen.table.astype(object).where(seen.table.notna(), None).to_dict("records")
    return Answer({"out": str(path), "about": seen.about, "said": list(seen.said), "pictures": found})


def _wish(args: argparse.Namespace, own: bool) -> "Wish":
    """Reads what is to be seen, and refuses what does not go together, before anything is drawn."""
    require(not (args.unit and args.classes), "see must be given units or classes, got both. Leave --unit or --class out.")
    given = [name for name in (OF_RECORDED if own else OF_OWN) if getattr(args, name) is not None]
    what = "networks of one's own" if own else "recorded nets"
    require(not given, f"options must be of {what}, got --{', --'.join(given)}. Leave that out.")
    named = bool(args.layer or args.classes) or not own
    require(named, "a layer must be named. `mixmnist layers pkg.module:factory` lists them; then --layer NAME.")
    require(args.canvases >= 1, f"canvases must be 1 or more, got canvases={args.canvases}.")
    from mixmnist.guests.seeing import WAYS, Wish

    units = args.unit or "detectors"
    return Wish(
        units=units if units in ("all", "detectors") else _numbers("unit", units, "3,7, all or detectors"),
        classes=_numbers("class", args.classes, "12 or 3,12") if args.classes else (),
        ways=tuple(part for text in args.way for part in text.split(",") if part) or WAYS,
        of=args.of,
        starts=args.starts,
        seed=args.seed_of_pictures,
    )


def _numbers(what: str, text: str, example: str) -> tuple[int, ...]:
    """Reads numbers of units or classes."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    good = bool(parts) and all(part.isdecimal() for part in parts)
    require(good, f"{what} must be whole numbers from 0 on, as {example}, got {text!r}.")
    return tuple(int(part) for part in parts)


def _files(args: argparse.Namespace) -> dict[str, Path]:
    """Gives the files of tools that were named, which must be there."""
    return {name: Path(getattr(args, name)) for name in ("reader", "generator") if getattr(args, name) is not None}


def _of_folder(args: argparse.Namespace, wish: "Wish", say: Say) -> "Seen":
    """Looks at a recorded net."""
    folder = Path(args.what)
    require((folder / "runs").is_dir(), f"see must be given a folder with runs/, got {folder}. {WAY_OUT}")
    from mixmnist.guests.seeing import look_at, view_of
    from mixmnist.trust._layers import first, nets_of
    from mixmnist.visualize.workshop import Workshop

    nets = nets_of(folder)
    variants = list(dict.fromkeys(net.variant for net in nets))
    if args.variant is not None and args.variant not in variants:
        raise registry.nearest("variant", args.variant, variants)
    nets = [net for net in nets if args.variant in (None, net.variant)]
    seeds = [net.seed for net in nets if net.variant == nets[0].variant]
    known = args.seed is None or args.seed in seeds
    require(known, f"seed must be one of {nets[0].variant}, {_some(seeds)}, got seed={args.seed}. Name another.")
    net = nets[0] if args.seed is None else nets[seeds.index(args.seed)]
    settings = net.settings
    with at_work(f"Drawing canvases of {settings.task}, glyphs: {net.source}", say):
        canvases = first(net.mixture("test", args.data_root), args.canvases)
    view = view_of(net.net(), None if wish.classes else args.layer or net.layer, canvases, None, None)
    shop = Workshop(
        home=Path(args.tools or folder / TOOLS),
        name=f"{net.variant}-{net.seed}",
        source=net.source,
        root=args.data_root,
        task=settings.task,
        canvas=settings.canvas,
        settings=settings.task_settings,
        ready=folder / SYNTHESIS,
        files=_files(args),
        tell=say,
    )
    return look_at(view, wish, shop.tools(view), f"{net.variant}, seed {net.seed}, task {settings.task}, glyphs: {net.source}")


def _of_factory(args: argparse.Namespace, wish: "Wish", path: Path, say: Say) -> "Seen":
    """Looks at a network of one's own."""
    source, root = find_source(args, say)
    from mixmnist.guests.evaluating import Setting, prepare
    from mixmnist.guests.factory import load_weights, make_net
    from mixmnist.guests.seeing import look_at, view_of
    from mixmnist.visualize.workshop import Workshop

    setting = Setting(args.task, source, root, args.size, args.channels, args.canvases, axis=args.axis)
    net = make_net(args.what)
    net = net if args.weights is None else load_weights(net, args.weights)
    layer = None if wish.classes else args.layer
    with at_work(f"Drawing canvases of {args.task}, glyphs: {source}", say):
        scene, seen = prepare(net, () if layer is None else (layer,), setting, find_transform(args.transform))
    view = view_of(net, layer, scene.test, seen, args.axis)
    name = args.what.partition(":")[2]
    home = Path(args.tools or path.parent / TOOLS)
    shop = Workshop(home, name, source, root, args.task, setting.canvas, files=_files(args), tell=say)
    return look_at(view, wish, shop.tools(view), f"Network {name}, task {args.task}, glyphs: {scene.source}")


def _some(seeds: list[int]) -> str:
    """Says which seeds there are."""
    return f"{min(seeds)} to {max(seeds)}" if seeds == list(range(min(seeds), max(seeds) + 1)) else ", ".join(map(str, seeds))


def _summary(seen: "Seen") -> str:
    """Gives a row a way: the means of what is known of its pictures, and of how many."""
    from mixmnist.report.tables import as_markdown

    table = seen.table
    shown = [name for name in MEANS if name in table and table[name].notna().any()]
    by_way = table.astype(dict.fromkeys(shown, float)).groupby("way", sort=False)
    return as_markdown(by_way[shown].mean().assign(pictures=by_way["response"].count()).reset_index())
