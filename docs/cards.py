"""The pages of cards: what `mixmnist list metrics --long` says, and of others, with formulas typeset as MathML for browsers."""

import html
import re
import tomllib
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert

from mixmnist.commands.shelves import describe
from mixmnist.core import registry

FORMULAS = tomllib.loads((Path(__file__).parent / "formulas.toml").read_text(encoding="utf-8"))
FIELD = re.compile(r"^([A-Z][\w ]*):[ \n]", re.MULTILINE)  # what begins a line of a metric's file: Formula, Ties, Source, ...
FACTS = {
    "axes": "Axes",
    "chance": "Chance",
    "ceiling": "Ceiling",
    "settings": "Settings and their defaults",
    "makes": "Makes",
    "sees": "Sees",
    "layers": "Layers whose units may be looked at",
    "draws": "Draws",
    "codes": "Codes",
    "needs": "Cells that it takes",
    "most": "Most directions",
}
PAGES = {
    "metrics": ("Metric cards", "metric"),
    "dictionaries": ("Cards of dictionaries", "dictionary"),
    "scores": ("Cards of dictionaries' scores", "score of a dictionary"),
    "ways": ("Cards of ways to show what a unit wants", "way"),
    "generators": ("Cards of generators", "generator"),
    "planted": ("Cards of planted generators", "planted generator"),
    "rankings": ("Cards of rankings of units", "ranking"),
    "labellers": ("Cards of labellers", "labeller"),
}


def fields(text: str) -> dict[str, str]:
    """Splits what a metric's file says: what stands before the first field is under the empty name."""
    start, _, body = text.partition("\n\n")
    _, *rest = FIELD.split(body)
    pairs = {"": start} | dict(zip(rest[::2], rest[1::2], strict=True))
    return {name: " ".join(said.split()) for name, said in pairs.items()}


def typeset(tex: str) -> str:
    """Gives a formula as MathML.

    Raises:
        ValueError: If a part of it is not known, which would be shown as it is written.
    """
    found = convert(tex, display="block")
    if "\\" in found:
        raise ValueError(f"a formula must be of LaTeX that latex2mathml knows, got {tex}. Write it in plainer signs.")
    return found


def card(known: dict[str, Any]) -> list[str]:
    """Writes what is known of a metric as lines of markdown."""
    said = fields(known["text"])
    lines = [f"## {known['title']}", "", html.escape(said.pop("")), ""]
    formula, typed = said.pop("Formula", ""), FORMULAS.get(known["name"])
    lines += [f'<div class="formula">{typeset(typed["tex"])}</div>', "", typed["where"]] if typed else [html.escape(formula)]
    columns = (
        f"**Columns**: {', '.join(f'`{column}`' for column in known['columns'])}; file" if "columns" in known else "**File**:"
    )
    facts = [f"{columns} `{known['name']}.py`"]
    axes = {"Axes": " x ".join(known["axes"]) or "one number a layer"} if "axes" in known else {}
    told = axes | {name: known[fact] for fact, name in FACTS.items() if fact != "axes" and known.get(fact)}
    facts += [f"**{name}**: {html.escape(what)}" for name, what in (told | said).items()]
    if "milliseconds" in known:
        facts.append(f"**Measured cost**: {known['milliseconds']} ms with all that it needs ({known['measured_on']})")
    return [*lines, "", *(f"* {fact}" for fact in facts), ""]


def page(shelf: str = "metrics") -> str:
    """Gives the whole page of a shelf."""
    title, what = PAGES[shelf]
    lines = [f"# {title}", "", f"A card a {what}. `mixmnist list {shelf} --long` prints the same in plain text.", ""]
    for name, entry in registry.collect(shelf).items():
        lines += card(describe(shelf, name, entry))
    return "\n".join(lines)


if __name__ == "<run_path>":  # mkdocs runs it
    import mkdocs_gen_files

    for shelf in PAGES:
        with mkdocs_gen_files.open(f"{shelf}.md", "w") as made:
            made.write(page(shelf))
