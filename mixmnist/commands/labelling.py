"""Labels of the units of recorded nets, by machines or from a file, judged: `mixmnist labels`."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mixmnist.commands import completion
from mixmnist.commands.answers import Answer, Say, at_work
from mixmnist.commands.completion import completed
from mixmnist.core import checks, registry, storage
from mixmnist.core.records import require

if TYPE_CHECKING:
    import pandas as pd

    from mixmnist.labellers.annotations import Annotation
    from mixmnist.trust._networks import Recorded
    from mixmnist.visualize.reader import Reader

WAY_OUT = "Name a folder that `mixmnist run` made."
ASKED = "asked.json"  # what was asked for; a folder that holds it was written here, and may be written anew
READER = "reader.safetensors"
FROM_FILE = "file"
BESIDE = ("truth", "top_images", "random", "constant")  # what a file's labels stand beside
SHOWN = "first precision recall empty f1 f1_chance ap rendered_auc".split()


@dataclass(frozen=True)
class Asked:
    """What is labelled, and by whom."""

    nets: "list[tuple[Recorded, str]]"  # with the fingerprint by which a file knows each
    labellers: tuple[str, ...]
    home: Path
    path: Path | None  # of a file with labels


def label_options(command: argparse.ArgumentParser) -> None:
    """Adds what the command takes."""
    command.add_argument("folder", metavar="DIR", help="folder of a study and source, e.g. results/local/sanity/mnist")
    named = "names of `mixmnist list labellers`, with settings as top_images:images=12; by default the whole shelf"
    completed(command.add_argument("--labellers", default="", metavar="A,B", help=named), completion.listed("labellers"))
    own = command.add_argument("--labeller", action="append", default=[], metavar="F.py", help="one of your own, or a name")
    completed(own, completion.shelf("labellers", files=".py"))
    command.add_argument("--file", metavar="F.json", help="labels of a person or a language model, as a page exports them")
    variants = command.add_argument("--variants", default="", metavar="A,B", help="by default all")
    completed(variants, completion.recorded("variant", "folder"))
    command.add_argument("--nets", type=int, default=1, metavar="N", help="of each variant, the first ones (default 1)")
    command.add_argument("--reader", metavar="F", help="a reader that is kept; by default the one in DIR, or a new one")
    command.add_argument("--out", metavar="DIR", help="where to write, whole or not at all (default DIR/labels)")
    command.add_argument("--data-root", metavar="DIR", help="folder that holds the source's files")


def labels(args: argparse.Namespace, say: Say) -> Answer:
    """Labels the units of recorded nets by each labeller, or takes labels from a file, and judges them."""
    asked = _asked(args)
    reader = _reader(args, asked, say)
    units, means = _measured(asked, reader, args.data_root, say)
    from mixmnist.report.tables import as_markdown

    table = _over_nets(means)
    note = f"Reader: {reader.card} {_about(asked)}"
    say(f"\n{as_markdown(table)}\n\n{note}\n")
    given = {name: value for name, value in vars(args).items() if name not in ("command", "out", "quiet", "json", "debug")}
    _write(asked.home, {"units": units, "nets": means}, table, note, given, reader)
    say(f"Every label: {asked.home / 'units.csv'}   table: {asked.home / 'labellers.md'}")
    return Answer({"out": str(asked.home), "labellers": table.to_dict("records"), "units": units.to_dict("records")})


def _asked(args: argparse.Namespace) -> Asked:
    """Refuses what does not go together, before anything takes time."""
    folder = Path(args.folder)
    require((folder / "runs").is_dir(), f"labels must be given a folder with runs/, got {folder}. {WAY_OUT}")
    require(args.nets >= 1, f"nets must be 1 or more, got nets={args.nets}.")
    named = (*(name for name in args.labellers.split(",") if name), *args.labeller)
    home, path = Path(args.out or folder / "labels"), None if args.file is None else Path(args.file)
    known = tuple(name for name in registry.names("labellers") if name != FROM_FILE)
    chosen = named or (known if path is None else BESIDE)
    require(FROM_FILE not in chosen, "labels from a file must be named by their path, got none. Add --file annotations.json.")
    _check_labellers(chosen)
    ours = not home.is_dir() or (home / ASKED).is_file() or not any(home.iterdir())
    require(ours, f"out must be a new folder or one that `mixmnist labels` wrote, got {home} with other files. Name another.")
    checks.check_writable(home)
    if path is not None:
        from mixmnist.labellers.annotations import read_annotations

        said = read_annotations(path)
        require(said, f"annotations must say something of one unit or more, got none in {path}. Label some units first.")
        return Asked(_annotated(folder, args, said), (FROM_FILE, *chosen), home, path)
    nets = _chosen(folder, args)
    return Asked([(net, net.fingerprint) for net in nets], chosen, home, None)


def _check_labellers(specs: Sequence[str]) -> None:
    """Refuses labellers and settings that there are not."""
    from mixmnist.visualize.mapping import named

    for spec in specs:
        name, settings = named(spec)
        registry.choose("labellers", name).with_settings(settings)


def _chosen(folder: Path, args: argparse.Namespace) -> "list[Recorded]":
    """Gives the first nets of each variant that is asked for."""
    from mixmnist.trust._layers import nets_of

    nets = nets_of(folder)
    known, wanted = list(dict.fromkeys(net.variant for net in nets)), [name for name in args.variants.split(",") if name]
    for name in wanted:
        if name not in known:
            raise registry.nearest("variant", name, known)
    by_variant = ([net for net in nets if net.variant == variant] for variant in wanted or known)
    return [net for own in by_variant for net in own[: args.nets]]


def _annotated(folder: Path, args: argparse.Namespace, said: "Sequence[Annotation]") -> "list[tuple[Recorded, str]]":
    """Finds the nets that a file speaks of: by what the page showed of them, or by the fingerprint of their records.

    Raises:
        ValueError: If it speaks of none, or of one that is not here.
    """
    from mixmnist.page.exhibit import load
    from mixmnist.trust._layers import nets_of

    nets = {f"{net.variant}, seed {net.seed}": net for net in nets_of(folder)}
    known = {net.fingerprint: net for net in nets.values()}
    for path in sorted((folder / "exhibits").glob("*.npz")):
        shown = load(path)
        if shown.about.name in nets:
            known[shown.fingerprint] = nets[shown.about.name]
    strange = [one for one in said if one.fingerprint not in known or known[one.fingerprint].layer != one.layer]
    if strange:
        raise ValueError(
            f"annotations must be of units of nets in {folder}, got unit {strange[0].unit} of {strange[0].exhibit} "
            f"{strange[0].layer}, which is of another study or of earlier scores. Make its page: mixmnist page {folder}."
        )
    wanted = [name for name in args.variants.split(",") if name]
    found = [(known[one], one) for one in dict.fromkeys(one.fingerprint for one in said)]
    found = [(net, one) for net, one in found if not wanted or net.variant in wanted]
    require(found, f"annotations must be of the variants {', '.join(wanted)}, got none of them. Leave --variants out.")
    return found


def _reader(args: argparse.Namespace, asked: Asked, say: Say) -> "Reader":
    """Reads a reader that is kept, or trains one; either is above its bar.

    Raises:
        ValueError: If it is not, or is of other glyphs.
    """
    from mixmnist.visualize.keeping import fits
    from mixmnist.visualize.reader import load_reader, train_reader

    first = asked.nets[0][0]
    source, canvas = first.source, first.settings.canvas
    if args.reader is not None:
        reader = load_reader(args.reader)
        way_out = "Leave --reader out, and one is trained."
        require(
            fits(reader, source, canvas, args.data_root),
            f"the reader must know glyphs of {source} on canvases of {canvas.size} pixels, got {reader.source}, "
            f"{reader.canvas.size} pixels. {way_out}",
        )
        reader.check()
        return reader
    for path in (asked.home / READER, Path(args.folder) / "analyses" / "labels" / READER):
        if path.is_file() and fits(load_reader(path), source, canvas, args.data_root):
            return load_reader(path)
    say("Training a reader of digits, which takes about two minutes of a core; it is kept ...")
    reader = train_reader(source, canvas=canvas, root=args.data_root)
    reader.check()
    return reader


def _measured(asked: Asked, reader: "Reader", root: str | None, say: Say) -> "tuple[pd.DataFrame, pd.DataFrame]":
    """Labels and judges every net."""
    import pandas as pd

    from mixmnist.labellers.measuring import canvases_of, labelled, measure_labellers

    given = {} if asked.path is None else {FROM_FILE: {"path": str(asked.path)}}
    units: list[pd.DataFrame] = []
    means: list[pd.DataFrame] = []
    canvases, before = None, None
    for net, fingerprint in asked.nets:
        rank, test = net.mixture("rank", root), net.mixture("test", root)
        if canvases is None or before is not rank:
            canvases, before = canvases_of(rank, test, reader), rank
        with at_work(f"Labelling the units of {net.variant}, seed {net.seed}", say):
            one = labelled(net.net(), net.layer, canvases, fingerprint, net.seed)
            mean, unit = measure_labellers(one, asked.labellers, given)
        units.append(unit.assign(variant=net.variant, seed=net.seed))
        means.append(mean.assign(variant=net.variant, seed=net.seed))
    first = ["variant", "seed", "labeller"]
    every, by_kind = (pd.concat(some, ignore_index=True) for some in (units, means))
    return every[[*first, *every.columns.drop(first)]], by_kind[[*first, *by_kind.columns.drop(first)]]


def _over_nets(means: "pd.DataFrame") -> "pd.DataFrame":
    """Gives a row a variant, labeller and kind of unit: means over nets with their interval."""
    import pandas as pd

    from mixmnist.trust._layers import with_interval

    rows = []
    for keys, group in means.groupby(["variant", "labeller", "kind"], sort=False):
        row: dict[str, object] = dict(zip(("variant", "labeller", "kind"), keys, strict=True))
        row |= {"nets": group["seed"].nunique(), "units": int(group["units"].sum())}
        rows.append(row | {name: with_interval(group[name].dropna().tolist(), (0, 1)) for name in SHOWN})
    return pd.DataFrame(rows)


def _about(asked: Asked) -> str:
    nets = ", ".join(f"{net.variant} seed {net.seed}" for net, _ in asked.nets)
    return f"Nets: {nets}. A row a kind of unit: detector (alignment at least .80), mixed (another true name), nothing, all."


def _write(
    home: Path, every: "dict[str, pd.DataFrame]", table: "pd.DataFrame", note: str, given: dict[str, object], reader: "Reader"
) -> None:
    """Writes labels, means, the table, what was asked for and the reader, whole or not at all."""
    from mixmnist.report.tables import write_table

    def fill(partial: Path) -> None:
        for name, rows in every.items():
            rows.to_csv(partial / f"{name}.csv", index=False, float_format="%.5g")
        write_table(partial, "labellers", table, [note])
        (partial / ASKED).write_text(json.dumps(given, indent=1) + "\n", encoding="utf-8")
        reader.save(partial / READER)

    storage.publish(home, fill)
