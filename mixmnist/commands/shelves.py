"""What is on the shelves: `mixmnist list`."""

import argparse
import json
from typing import Any

from mixmnist.commands.answers import Answer, Say
from mixmnist.core import registry
from mixmnist.core.storage import COSTS


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
    """Gives what is known of an entry: its title, what its file says, and for a metric columns, chance, ceiling and cost."""
    known: dict[str, Any] = {"name": name, "title": entry.title, "text": registry.explain(shelf, name).strip()}
    if shelf == "metrics":
        known |= {"columns": list(entry.columns), "axes": entry.axes, "chance": entry.chance, "ceiling": entry.ceiling}
        costs = json.loads(COSTS.read_text(encoding="utf-8"))
        if name in costs["milliseconds"]:
            known |= {"milliseconds": costs["milliseconds"][name], "measured_on": costs["where"]}
    return known


def card(known: dict[str, Any]) -> list[str]:
    """Writes what `describe` gave as lines: definition, source, and for a metric axes, chance, ceiling and measured cost."""
    lines = [
        *known["text"].splitlines(),
        *(f"{fact}: {known[fact]}" for fact in ("axes", "chance", "ceiling") if known.get(fact)),
    ]
    if "milliseconds" in known:
        lines.append(f"measured cost: {known['milliseconds']} ms with all that it needs ({known['measured_on']})")
    return lines
