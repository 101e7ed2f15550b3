"""Commands about units: the layers of a network, and a planted unit with its scores."""

import argparse
import sys
from dataclasses import asdict
from pathlib import Path

from mixmnist.commands.answers import Answer, Say, read_numbers
from mixmnist.core import registry
from mixmnist.core.records import require


def layers(args: argparse.Namespace, say: Say) -> Answer:
    """Lists the layers of a network with their shapes and numbers of units."""
    import importlib

    import torch

    from mixmnist.probing import describe_layers

    module, _, factory = args.factory.partition(":")
    require(bool(factory), f"factory must be written pkg.module:function, got {args.factory!r}. Add the function's name.")
    sys.path.insert(0, str(Path.cwd()))
    try:
        made = getattr(importlib.import_module(module), factory)()
    except (ImportError, AttributeError, TypeError) as error:
        raise ValueError(f"factory must be callable without arguments, got {args.factory!r} with {error}.") from error
    require(isinstance(made, torch.nn.Module), f"factory must give a torch.nn.Module, got {type(made).__name__}.")
    try:
        found = describe_layers(made.eval(), torch.zeros(1, args.channels, args.size, args.size))
    except RuntimeError as error:
        problem = str(error).splitlines()[0]
        raise ValueError(
            f"the net must take [1, {args.channels}, {args.size}, {args.size}], got {problem}. Try --size or --channels."
        ) from error
    for name, kind, shape in found:
        units = f"{shape[0]} units" if shape else ""
        say(f"{name:30} {kind:20} {'x'.join(map(str, shape)):>14}   {units}")
    return Answer([{"name": n, "kind": kind, "shape": s, "units": s[0] if s else None} for n, kind, s in found])


def plant(args: argparse.Namespace, say: Say) -> Answer:
    """Plants a unit with faults among perfect ones and prints what is true of it and what every score says."""
    from mixmnist.plants.units import DIALS, Faults, truth
    from mixmnist.report.tables import as_markdown
    from mixmnist.trust.planting import beside_sound

    dials = read_numbers(args.set)
    for name in dials:
        if name not in DIALS:
            raise registry.nearest("dial", name, DIALS)
    faults = Faults(**dials)
    known = truth(faults, args.concept, args.prevalence)
    scores = beside_sound(faults, args.n, args.seed, concept=args.concept, prevalence=args.prevalence, units=args.units)
    say(
        f"Truth: told apart {known.quality:.3f} (chance .5), misses {known.miss_rate:.3f}, false alarms "
        f"{known.false_alarm_rate:.3f}, map on the digit {known.overlap:.3f}, accuracy lost without it {known.effect:.3f}, "
        f"without all units with its answer {known.group_effect:.3f}.\n"
    )
    say(as_markdown(scores))
    return Answer({"truth": asdict(known), "scores": scores.to_dict("records")})
