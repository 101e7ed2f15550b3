"""The report card of a metric, a dictionary or a way of one's own: `mixmnist grade`."""

import argparse
import re
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from mixmnist.commands.answers import Answer, Say
from mixmnist.core import checks
from mixmnist.core.records import require

if TYPE_CHECKING:
    import pandas as pd

WIDTH = 100  # columns of the screen
ENDS = re.compile(r"^(DICTIONARY|WAY)\b", re.MULTILINE)


def grade(args: argparse.Namespace, say: Say) -> Answer:
    """Grades what a file ends in on what is planted, and sets its grade beside those of the shelf."""
    way_out = "End one in METRIC = Metric(...), DICTIONARY = Dictionary(...) or WAY = Way(...)."
    require(args.file.endswith(".py"), f"what is graded must be a Python file, got {args.file!r}. {way_out}")
    if args.out is not None:
        checks.check_writable(Path(args.out))
    path = Path(args.file)
    ends = ENDS.search(path.read_text(encoding="utf-8", errors="replace")) if path.is_file() else None
    graders = {"DICTIONARY": _grade_dictionary, "WAY": _grade_way}
    return (graders[ends[1]] if ends else _grade_metric)(args, say)


def _grade_metric(args: argparse.Namespace, say: Say) -> Answer:
    from mixmnist.report.tables import as_markdown
    from mixmnist.trust import own
    from mixmnist.trust._grading import RULE

    found = own.grade_file(args.file, tell=say)
    table, shelf = found.table, own.beside()
    say(f"\n{as_markdown(table.drop(columns=['fails']))}\n")
    for row in table.to_dict("records"):
        fails = row["fails"].split("; ") if row["fails"] else ["no test" if row["tests"] else "nothing could be tested"]
        say("\n  ".join([f"{row['score']} fails:", *fails]))
    say("\nThe shelf's scores of units, for comparison; docs/trust.md says why:")
    _tell_shelf(shelf[shelf["of"] == "units"], "score", say)
    say(f"\n{textwrap.fill(RULE, WIDTH)}")
    if args.out is not None:
        own.write_card(found, Path(args.out))
        say(f"Card, every test and the response curves: {args.out}")
    tests = {one.column.name: [vars(cell) for cell in one.cells] for one in found.graded}
    return Answer({"card": table.to_dict("records"), "tests": tests, "shelf": shelf.to_dict("records"), "out": args.out})


def _grade_dictionary(args: argparse.Namespace, say: Say) -> Answer:
    from mixmnist.report.tables import as_markdown
    from mixmnist.trust import _own_dictionary as own
    from mixmnist.trust._dictionaries_grading import RULE
    from mixmnist.trust.dictionaries import card

    found = own.grade_dictionary_file(args.file, tell=say)
    table, shelf = card([found]), own.shelf_beside()
    say(f"\n{as_markdown(table.drop(columns=['fails']))}\n")
    say("\n  ".join([f"{found.name} fails:", *([cell.why for cell in found.failed] or ["no test"])]))
    if len(shelf):
        say("\nThe shelf's dictionaries, for comparison:")
        _tell_shelf(shelf, "dictionary", say)
    say(f"\n{textwrap.fill(RULE, WIDTH)}")
    if args.out is not None:
        own.write_own_card(found, Path(args.out))
        say(f"Card, every test and the response curves: {args.out}")
    tests = {found.name: own.outcomes(found).to_dict("records")}
    return Answer({"card": table.to_dict("records"), "tests": tests, "shelf": shelf.to_dict("records"), "out": args.out})


def _grade_way(args: argparse.Namespace, say: Say) -> Answer:
    from mixmnist.report.tables import as_markdown
    from mixmnist.trust import _own_way as own
    from mixmnist.trust._ways_grading import RULE
    from mixmnist.trust._ways_tables import card

    found = own.grade_way_file(args.file, tell=say)
    table, shelf = card([found]), own.shelf_beside(found.kind)
    say(f"\n{as_markdown(table.drop(columns=['fails']))}\n")
    say("\n  ".join([f"{found.name} fails:", *([cell.why for cell in found.failed] or ["no test"])]))
    if len(shelf):
        say("\nThe shelf's ways of this kind, for comparison:")
        _tell_shelf(shelf, "way", say)
    say(f"\n{textwrap.fill(RULE, WIDTH)}")
    if args.out is not None:
        own.write_own_card(found, Path(args.out))
        say(f"Card, every test and what was measured: {args.out}")
    tests = {found.name: own.outcomes(found).to_dict("records")}
    return Answer({"card": table.to_dict("records"), "tests": tests, "shelf": shelf.to_dict("records"), "out": args.out})


def _tell_shelf(shelf: "pd.DataFrame", column: str, say: Say) -> None:
    """Lists the shelf's entries by grade, those that could not be tested last."""
    for letter, names in sorted(shelf.groupby("grade")[column], key=lambda found: (found[0] == "-", found[0])):
        say(textwrap.fill(f"  {letter}  {', '.join(names)}", WIDTH, subsequent_indent=" " * 5))
