"""The report card of a metric of one's own: `mixmnist grade`."""

import argparse
import textwrap
from pathlib import Path

from mixmnist.commands.answers import Answer, Say
from mixmnist.core import checks
from mixmnist.core.records import require

WIDTH = 100  # columns of the screen


def grade(args: argparse.Namespace, say: Say) -> Answer:
    """Grades the metric that a file ends in on planted units, and sets its grade beside those of the shelf."""
    require(args.metric.endswith(".py"), f"metric must be a Python file, got {args.metric!r}. End one in METRIC = Metric(...).")
    if args.out is not None:
        checks.check_writable(Path(args.out))
    from mixmnist.report.tables import as_markdown
    from mixmnist.trust import own
    from mixmnist.trust._grading import RULE

    found = own.grade_file(args.metric, tell=say)
    table, shelf = found.table, own.beside()
    say(f"\n{as_markdown(table.drop(columns=['fails']))}\n")
    for row in table.to_dict("records"):
        fails = row["fails"].split("; ") if row["fails"] else ["no test" if row["tests"] else "nothing could be tested"]
        say("\n  ".join([f"{row['score']} fails:", *fails]))
    say("\nThe shelf's scores of units, for comparison; docs/trust.md says why:")
    units = shelf[shelf["of"] == "units"]
    for letter, scores in sorted(units.groupby("grade")["score"], key=lambda found: (found[0] == "-", found[0])):
        say(textwrap.fill(f"  {letter}  {', '.join(scores)}", WIDTH, subsequent_indent=" " * 5))
    say(f"\n{textwrap.fill(RULE, WIDTH)}")
    if args.out is not None:
        own.write_card(found, Path(args.out))
        say(f"Card, every test and the response curves: {args.out}")
    tests = {one.column.name: [vars(cell) for cell in one.cells] for one in found.graded}
    return Answer({"card": table.to_dict("records"), "tests": tests, "shelf": shelf.to_dict("records"), "out": args.out})
