"""Dictionaries over the units of recorded nets, of a network of one's own, or of activations: `mixmnist features`."""

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from mixmnist.commands.answers import Answer, Say, at_work, warn_of_digits
from mixmnist.commands.atoms import atoms_page, check_page
from mixmnist.core import checks
from mixmnist.core.records import require

if TYPE_CHECKING:
    import pandas as pd

    from mixmnist.features.measuring import Plan
    from mixmnist.page.atoms import Seen

SHOWN = (
    "variant",
    "dictionary",
    "atoms",
    "n",
    "coverage",
    "unique_concepts",
    "gap_closed",
    "explained_variance",
    "l0",
    "seconds",
)
WAY_OUT = "Name a folder that `mixmnist run` made, pkg.module:factory with --layer NAME, or --arrays F.npz."


def features(args: argparse.Namespace, say: Say) -> Answer:
    """Fits dictionaries on a layer's cells, scores their atoms as units, and sets them beside a null and a ceiling."""
    require(
        bool(args.what) != bool(args.arrays), f"features must be given a folder, a factory or --arrays, one of them. {WAY_OUT}"
    )
    for number in ("seeds", "cells", "images"):
        require(getattr(args, number) >= 1, f"{number} must be 1 or more, got {number}={getattr(args, number)}.")
    check_page(args)
    if args.out is not None:
        checks.check_writable(Path(args.out))
    from mixmnist.features.measuring import Plan
    from mixmnist.report.tables import as_markdown
    from mixmnist.trust.features import of_variants, write_fits

    plan = Plan(
        dictionaries=tuple(name for name in args.dictionaries.split(",") if name),
        atoms=_numbers(args.atoms),
        seeds=tuple(range(args.seeds)),
        cells=args.cells,
        thorough=not args.fast,
        rotate=0 if args.rotate else None,
    )
    fits, about, home, layers = _of_arrays(args, plan) if args.arrays else _of_nets(args, plan, say)
    variants = of_variants(fits)
    say(f"\n{as_markdown(variants[[column for column in SHOWN if column in variants]])}\n")
    for name, said in dict.fromkeys(zip(fits["dictionary"], fits["said"], strict=True)):
        if said:
            say(f"{name}: {said}.")
    write_fits(fits, about, home)
    say(f"Every fit, and the table: {home}")
    paged = atoms_page(args, plan, layers, variants[[column for column in SHOWN if column in variants]], home, say)
    return Answer({"out": str(home), "variants": variants.to_dict("records"), "fits": fits.to_dict("records"), **paged})


def _numbers(text: str) -> tuple[int, ...]:
    """Reads numbers of atoms."""
    try:
        found = tuple(int(part) for part in text.split(",") if part)
    except ValueError:
        found = ()
    require(found and min(found) >= 1, f"atoms must be whole numbers from 1 on, as 10,20, got {text!r}.")
    return found


def _of_nets(args: argparse.Namespace, plan: "Plan", say: Say) -> tuple["pd.DataFrame", str, Path, "Iterable[Seen]"]:
    """Measures recorded nets, or a network that a factory gives."""
    if ":" in args.what and not Path(args.what).exists():
        return _of_factory(args, plan, say)
    from mixmnist.page.atoms import seen_of
    from mixmnist.trust._layers import about, counts, nets_of
    from mixmnist.trust.features import fits_by_plan

    folder = Path(args.what)
    require((folder / "runs").is_dir(), f"features must be given a folder with runs/, got {folder}. {WAY_OUT}")
    nets = nets_of(folder)
    wanted = [name for name in args.variants.split(",") if name]
    known = list(dict.fromkeys(net.variant for net in nets))
    unknown = [name for name in wanted if name not in known]
    require(not unknown, f"variants must be among those recorded, got {unknown[:1]}. Recorded: {', '.join(known)}.")
    nets = [net for net in nets if not wanted or net.variant in wanted]
    say(f"Fitting dictionaries on {len(nets)} nets of {folder} ...")
    fits = fits_by_plan([(net, plan, args.layer) for net in nets], args.data_root, args.images)
    said, home = f"{about(folder, nets)} {counts(nets)}", Path(args.out or folder / "features")
    return fits, said, home, seen_of(nets, args.layer, args.data_root)


def _of_factory(args: argparse.Namespace, plan: "Plan", say: Say) -> tuple["pd.DataFrame", str, Path, "Iterable[Seen]"]:
    """Measures a network of one's own."""
    require(args.layer, "a layer must be named. `mixmnist layers pkg.module:factory` lists them; then --layer NAME.")
    from mixmnist.data.mixture import draw
    from mixmnist.data.sources import resolve_source
    from mixmnist.features.measuring import read_layer
    from mixmnist.guests.factory import load_weights, make_net
    from mixmnist.page.atoms import Seen
    from mixmnist.trust.features import fits_of_layer

    source, root = resolve_source(args.source, args.data_root)
    warn_of_digits(args.source, source)
    net = make_net(args.what)
    net = net if args.weights is None else load_weights(net, args.weights)
    name = args.what.partition(":")[2]
    rank, test = (draw(args.task, source, split, args.images, root=root, seed=0) for split in ("rank", "test"))
    with at_work(f"Fitting dictionaries on {args.layer} of {name}", say):
        layer = read_layer(net, rank, test, args.layer, args.images, axis=args.axis)
        fits = fits_of_layer(layer, plan).assign(variant=name, net_seed=0)
    return (
        fits,
        f"Network {name}, layer {args.layer}, glyphs: {source}.",
        Path(args.out or f"results/local/{name}/{source}/features"),
        [Seen(name, f"Network: {name}.", net, args.layer, rank, test, args.task, source, axis=args.axis)],
    )


def _of_arrays(args: argparse.Namespace, plan: "Plan") -> tuple["pd.DataFrame", str, Path, "Iterable[Seen]"]:
    """Measures activations without a network."""
    import torch

    from mixmnist.core.npz import read_npz
    from mixmnist.features.measuring import layer_of_rows
    from mixmnist.trust.features import fits_of_layer

    way_out = "Write rows [n, units] and present [n, concepts] with numpy.savez."
    found = read_npz(Path(args.arrays), "activations", way_out)
    missing = [name for name in ("rows", "present") if name not in found]
    require(not missing, f"{args.arrays} must hold rows and present, got no {' and no '.join(missing)}. {way_out}")
    rows, present = torch.from_numpy(found["rows"]).float(), torch.from_numpy(found["present"]).bool()
    names = found["concepts"].tolist() if "concepts" in found else [str(number) for number in range(present.shape[1])]
    fits = fits_of_layer(layer_of_rows(rows, present, names), plan).assign(variant=Path(args.arrays).stem, net_seed=0)
    return fits, f"Activations of {args.arrays}.", Path(args.out or Path(args.arrays).with_suffix("").name + "-features"), []
