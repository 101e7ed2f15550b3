"""Dictionaries over the units of recorded nets, of a network of one's own, or of activations: `mixmnist features`."""

import argparse
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mixmnist.commands.answers import Answer, Say, at_work, find_source
from mixmnist.commands.atoms import atoms_page, check_page, of_own
from mixmnist.commands.nets import find_transform
from mixmnist.core import checks, registry
from mixmnist.core.records import require

if TYPE_CHECKING:
    import pandas as pd

    from mixmnist.features.measuring import Layer, Plan
    from mixmnist.page.atoms import Seen

WAY_OUT = "Name a folder that `mixmnist run` made, pkg.module:factory with --layer NAME, or --arrays F.npz."
OF_NETS = ("weights", "size", "transform", "axis")  # options that only a network of one's own has


@dataclass(frozen=True)
class Job:
    """What dictionaries are fitted on."""

    layer: "Layer"  # on which the plan is tried; of recorded nets the first one's
    fit: "Callable[[Plan], pd.DataFrame]"
    what: str  # in a few words
    about: str  # in sentences, under every table
    home: Path
    shown: "Iterable[Seen]" = ()  # what a page of atoms shows


def features(args: argparse.Namespace, say: Say) -> Answer:
    """Fits dictionaries on a layer's cells, scores their atoms as units, and sets them beside a null and a ceiling."""
    _check(args)
    from mixmnist.features.measuring import Plan
    from mixmnist.features.trying import tried
    from mixmnist.trust import _features_told as told

    plan = Plan(
        dictionaries=(*_names(args.dictionaries), *args.dictionary),
        atoms=_numbers(args.atoms),
        seeds=tuple(range(args.seeds)),
        cells=args.cells,
        thorough=not args.fast,
        rotate=0 if args.rotate else None,
    )
    for spec in plan.dictionaries:
        _check_dictionary(spec)
    job = _of_arrays(args) if args.arrays else _of_factory(args, say) if _is_factory(args.what) else _of_folder(args)
    told.check_home(job.home)
    checks.check_writable(job.home)
    with at_work("Trying each dictionary on a few cells", say):
        shown, (plan, left_out) = plan, tried(job.layer, plan)
    for line in left_out:
        say(line)
    say(f"Fitting dictionaries on {job.what} ...")
    fits = job.fit(plan)
    say(f"\n{job.about}\n\n{told.screen(fits)}\n")
    stopped = told.not_converged(fits)
    for line in stopped:
        say(line)
    asked = {name: value for name, value in vars(args).items() if name not in ("command", "out", "quiet", "json", "debug")}
    told.write(fits, f"{job.about}{''.join(f' {line}' for line in left_out)}", asked, job.home)
    say(f"Every fit: {job.home / 'fits.csv'}   table: {job.home / 'variants.md'}   times: {job.home / 'seconds.csv'}")
    paged = atoms_page(args, shown, job.shown, told.beside(fits), job.home, say) if args.page else {}
    return Answer({"out": str(job.home), "left_out": left_out, "not_converged": stopped, **told.tables_of(fits), **paged})


def _check(args: argparse.Namespace) -> None:
    """Refuses what does not go together, before anything is imported."""
    require(
        bool(args.what) != bool(args.arrays), f"features must be given a folder, a factory or --arrays, one of them. {WAY_OUT}"
    )
    for number in ("seeds", "cells", "images"):
        require(getattr(args, number) >= 1, f"{number} must be 1 or more, got {number}={getattr(args, number)}.")
    own = not args.arrays and _is_factory(args.what)
    other = [*(() if own else OF_NETS), *(("layer",) if args.arrays else ()), *(("variants",) if args.arrays or own else ())]
    given = [name for name in other if getattr(args, name)]
    what = "activations" if args.arrays else "networks of one's own" if own else "recorded nets"
    require(not given, f"options must be of {what}, got --{', --'.join(given)}. Leave that out.")
    check_page(args)
    require(args.layer or not own, "a layer must be named. `mixmnist layers pkg.module:factory` lists them; then --layer NAME.")


def _check_dictionary(spec: str) -> None:
    """Refuses dictionaries and settings that there are not."""
    from mixmnist.features.fitting import named

    name, settings = named(spec)
    registry.choose("dictionaries", name).with_settings(settings)


def _is_factory(what: str) -> bool:
    return ":" in what and not Path(what).exists()


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in text.split(",") if name)


def _numbers(text: str) -> tuple[int, ...]:
    """Reads numbers of atoms."""
    try:
        found = tuple(int(part) for part in text.split(",") if part)
    except ValueError:
        found = ()
    require(found and min(found) >= 1, f"atoms must be whole numbers from 1 on, as 10,20, got {text!r}.")
    return tuple(dict.fromkeys(found))


def _of_folder(args: argparse.Namespace) -> Job:
    """Finds recorded nets."""
    from mixmnist.features.measuring import read_layer
    from mixmnist.page.atoms import seen_of
    from mixmnist.trust._layers import about, counts, nets_of
    from mixmnist.trust.features import fits_by_plan

    folder = Path(args.what)
    require((folder / "runs").is_dir(), f"features must be given a folder with runs/, got {folder}. {WAY_OUT}")
    nets = nets_of(folder)
    known = list(dict.fromkeys(net.variant for net in nets))
    wanted = _names(args.variants)
    for name in wanted:
        if name not in known:
            raise registry.nearest("variant", name, known)
    nets = [net for net in nets if not wanted or net.variant in wanted]
    rank, test = (nets[0].mixture(split, args.data_root) for split in ("rank", "test"))
    first = read_layer(nets[0].net(), rank, test, args.layer or nets[0].layer, args.images)

    def fit(plan: "Plan") -> "pd.DataFrame":
        return fits_by_plan([(net, plan, args.layer) for net in nets], args.data_root, args.images)

    where = f"layer {args.layer}" if args.layer else "the layer that feeds the head"
    what = f"{where} of {len(nets)} net{'s' * (len(nets) > 1)} of {folder}"
    said = f"{about(folder.resolve(), nets)} {counts(nets)} {where[0].upper()}{where[1:]}.{_rotated(args)}"
    shown = seen_of(nets, args.layer, args.data_root)
    return Job(first, fit, what, said, Path(args.out or folder / "features"), shown)


def _of_factory(args: argparse.Namespace, say: Say) -> Job:
    """Makes a network of one's own."""
    source, root = find_source(args, say)
    from mixmnist.guests.dictionaries import layer_of_net
    from mixmnist.guests.evaluating import Setting
    from mixmnist.guests.factory import load_weights, make_net

    given = {name: getattr(args, name) for name in ("task", "size", "channels", "axis")}
    setting = Setting(**given, source=source, root=root, n=args.images)
    net = make_net(args.what)
    net = net if args.weights is None else load_weights(net, args.weights)
    name = args.what.partition(":")[2]
    with at_work(f"Reading {args.layer} of {name} on {args.images:,} canvases, twice", say):
        transform = find_transform(args.transform)
        layer, label = layer_of_net(net, args.layer, setting, transform)
    home = Path(args.out or f"results/local/{name}/{label}/features")
    about = f"Network {name}, layer {args.layer}, task {args.task}, glyphs: {label}.{_rotated(args)}"
    shown = of_own(net, name, args.layer, setting, transform)
    return Job(layer, _fitting(layer, name), f"{args.layer} of {name}", about, home, shown)


def _of_arrays(args: argparse.Namespace) -> Job:
    """Takes activations without a network."""
    from mixmnist.guests.dictionaries import read_rows

    path, layer = Path(args.arrays), read_rows(args.arrays)
    about = f"Activations of {path.name}: {len(layer.rank):,} rows to fit on, {len(layer.test):,} to score.{_rotated(args)}"
    home = Path(args.out or path.with_suffix("").name + "-features")
    return Job(layer, _fitting(layer, path.stem), str(path), about, home)


def _fitting(layer: "Layer", name: str) -> "Callable[[Plan], pd.DataFrame]":
    from mixmnist.trust.features import fits_of_layer

    return lambda plan: fits_of_layer(layer, plan).assign(variant=name, net_seed=0)


def _rotated(args: argparse.Namespace) -> str:
    return " Units rotated at random before all else." if args.rotate else ""
