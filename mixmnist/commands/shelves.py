"""What is on the shelves: `mixmnist list`."""

import argparse
import json
from typing import Any

from mixmnist.commands.answers import Answer, Say
from mixmnist.core import registry
from mixmnist.core.storage import COSTS

FACTS = tuple("axes layers draws chance ceiling makes sees settings codes needs most".split())  # below what a file says


def list_entries(args: argparse.Namespace, say: Say) -> Answer:
    """Lists what is on the shelves."""
    found = {}
    for shelf in [args.shelf] if args.shelf else registry.SHELVES:
        say(f"{shelf}:")
        found[shelf] = [describe(shelf, name, entry) for name, entry in registry.glimpsed(shelf).items()]
        for entry in found[shelf]:
            columns = f" ({', '.join(entry['columns'])})" if "columns" in entry else ""
            say(f"  {entry['name']:22} {entry['title']}{columns}")
            for line in [*card(entry), ""] if args.long else []:
                say(f"      {line}")
    return Answer(found)


def describe(shelf: str, name: str, entry: Any) -> dict[str, Any]:  # noqa: ANN401 -- each shelf has its own type
    """Gives what is known of an entry: its title, what its file says, and what else its shelf knows: columns, cost, settings."""
    known: dict[str, Any] = {"name": name, "title": entry.title, "text": registry.explain(shelf, name).strip()}
    if shelf in ("metrics", "scores"):
        known |= {"columns": list(entry.columns), "chance": entry.chance, "ceiling": entry.ceiling}
    if shelf == "ways":
        known |= {"makes": f"{entry.kind}s", "needs": ", ".join(entry.needs), "settings": _defaults(entry)}
    if shelf == "dictionaries":
        most = "as many as independent units" if entry.most == "units" else "any number"
        kind = "a ceiling: it sees the truth" if entry.supervised else "no labels"
        known |= {"sees": kind, "settings": _defaults(entry), "codes": entry.codes, "needs": entry.needs, "most": most}
    if shelf == "labellers":
        sees = {"truth": "the truth: a ceiling", "nothing": "nothing of the images"}.get(
            entry.sees, f"responses and a {entry.sees}"
        )
        known |= {"sees": sees, "settings": _defaults(entry)}
    if shelf in ("generators", "planted"):
        others = [layer for layer in entry.layers if layer != entry.layer]
        layers = f"{entry.layer}; besides: {', '.join(others)}" if others else entry.layer
        known |= {"layers": layers, "draws": entry.source or "any source", "settings": _defaults(entry)}
    if shelf == "rankings":
        sees = {"truth": "the truth: a ceiling"}.get(entry.sees, entry.sees)
        known |= {"sees": sees, "settings": _defaults(entry)}
    if shelf == "metrics":
        known |= {"axes": entry.axes}
        costs = json.loads(COSTS.read_text(encoding="utf-8"))
        if name in costs["milliseconds"]:
            known |= {"milliseconds": costs["milliseconds"][name], "measured_on": costs["where"]}
    return known


def _defaults(entry: Any) -> str:  # noqa: ANN401 -- as above
    """Writes an entry's settings and their defaults; one that is empty by default, as it is."""
    return ", ".join(f"{setting}={value if value != '' else repr(value)}" for setting, value in entry.settings.items())


def card(known: dict[str, Any]) -> list[str]:
    """Writes what `describe` gave as lines: definition, source, and what else is known, with a metric's measured cost."""
    lines = [
        *known["text"].splitlines(),
        *(f"{fact}: {known[fact]}" for fact in FACTS if known.get(fact)),
    ]
    if "milliseconds" in known:
        lines.append(f"measured cost: {known['milliseconds']} ms with all that it needs ({known['measured_on']})")
    return lines
