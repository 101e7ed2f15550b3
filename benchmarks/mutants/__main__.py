"""How many slips would the tests let pass? Small changes of the sources, drawn by a seed, each against the tests of its area.

`make mutants` tries the whole sample and writes results/mutants/: mutants.csv, a row a mutant, and README.md, the share that was
noticed in each area and every survivor with the reason. It goes on where it stopped. Reasons are written by hand, into
results/mutants/reasons.csv. Cosmic Ray finds the places and makes the changes; no file of the package is touched.

    python benchmarks/mutants                     the whole sample, two at a time: under an hour of two cores
    python benchmarks/mutants --share 0.05        a twentieth of it
    python benchmarks/mutants --again             survivors once more, after tests were written
    python benchmarks/mutants --area stats        one area
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest  # noqa: F401 -- before what it rewrites

HOME = Path(__file__).resolve().parent
ROOT = HOME.parents[1]
RESULTS = ROOT / "results" / "mutants"
COLUMNS = "key file line operator area outcome seconds by kin text".split()
SEED = 0


def main() -> int:
    """Tries what is asked for; 1 where too few are noticed, or a survivor has no reason."""
    asked = _asked()
    from drawing import draw
    from reporting import read_rows, summary, write_rows
    from trying import baseline, load_libraries, try_all

    began = time.monotonic()
    mutants = [m for m in draw(asked.seed, asked.share) if asked.area in (None, m.area)]
    path = asked.out / "mutants.csv"
    known = {row["key"]: row for row in read_rows(path)}
    again = {"survived"} if asked.again else set()
    todo = [m for m in mutants if m.key not in known or known[m.key]["outcome"] in again]
    print(f"{len(mutants)} mutants, {len(mutants) - len(todo)} of them known already", flush=True)
    load_libraries()
    takes = {area: baseline(area) for area in dict.fromkeys(m.area for m in todo)}
    if takes:
        print("tests of " + ", ".join(f"{area} {seconds:.0f} s" for area, seconds in takes.items()), flush=True)
    ordered = sorted(todo, key=lambda m: -takes[m.area])  # what takes longest first, so that no core waits at the end
    for number, (mutant, found) in enumerate(try_all(ordered, asked.jobs, lambda m: _patience(takes.get(m.area, 0))), start=1):
        known[mutant.key] = {
            "key": mutant.key, "file": mutant.name, "line": str(mutant.line), "operator": mutant.operator, "area": mutant.area,
            "outcome": found.outcome, "seconds": str(found.seconds), "by": found.by, "kin": mutant.kin, "text": mutant.text,
        }  # fmt: skip
        write_rows(path, [known[m.key] for m in mutants if m.key in known], COLUMNS)
        if found.outcome == "survived" or not number % 25:
            print(f"{number}/{len(todo)} {found.outcome} {mutant.name}:{mutant.line} {mutant.operator}  {mutant.text}", flush=True)
    rows = [known[m.key] for m in mutants]
    write_rows(path, rows, COLUMNS)
    text, well = summary(rows, asked.out / "reasons.csv", asked.seed)
    if asked.area is None and asked.share == 1:
        (asked.out / "README.md").write_text(text, encoding="utf-8")
    print(text, f"\n{time.monotonic() - began:.0f} s", sep="")
    return 0 if well else 1


def _patience(seconds: float) -> float:
    from trying import LEAST, PATIENCE

    return max(LEAST, PATIENCE * seconds)


def _asked(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=SEED, help="of the sample")
    parser.add_argument("--share", type=float, default=1.0, help="of the whole sample that is tried")
    parser.add_argument("--area", help="only one area")
    parser.add_argument("--jobs", type=int, default=2, help="mutants at a time")
    parser.add_argument("--again", action="store_true", help="try survivors again")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the results")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
