"""How many slips would the tests let pass? Small changes of the sources, drawn by a seed, each against the tests of its area.

`make mutants` tries the whole sample and writes results/mutants/: mutants.csv, a row a mutant, and README.md, the share that was
noticed in each area and every survivor with its reason. It goes on where it stopped. Reasons are written by hand, into
results/mutants/reasons.csv. Cosmic Ray finds the places and makes the changes; no file of the package is touched.

    python benchmarks/mutants                          the whole sample, two at a time: under an hour of two cores
    python benchmarks/mutants --again                  survivors once more, after tests were written
    python benchmarks/mutants --area stats --seed 1    other mutants of one area, to write tests by
    python benchmarks/mutants --share 0.05 --passing   a twentieth, where the tests are known to pass
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest  # noqa: F401 -- before what it rewrites
from areas import AREAS, ROOT

RESULTS = ROOT / "results" / "mutants"
LOCAL = ROOT / "results" / "local" / "mutants"
COLUMNS = "key file line operator area outcome seconds by kin text became".split()
SEED = 0
TELL = 25  # mutants after which one that was noticed is told


def main() -> int:
    """Tries what is asked for; 1 where too few are noticed, or a survivor has no reason."""
    asked, began = _asked(), time.monotonic()
    from drawing import draw
    from reporting import read_rows, summary, write_rows
    from trying import UNKNOWN, baselines, load_libraries, try_all

    mutants = [m for m in draw(asked.seed, asked.share) if asked.area in (None, m.area)]
    whole = asked.area is None and asked.share == 1 and asked.seed == SEED
    out = asked.out or (RESULTS if whole else LOCAL)
    known = {row["key"]: row for row in read_rows(out / "mutants.csv")}
    todo = [m for m in mutants if m.key not in known or (asked.again and known[m.key]["outcome"] == "survived")]
    print(f"{len(mutants)} mutants, {len(mutants) - len(todo)} of them known already", flush=True)
    load_libraries()
    areas = list(dict.fromkeys(m.area for m in todo))
    calls = {area: (UNKNOWN, {}) for area in areas} if asked.passing else baselines(areas, asked.jobs)
    if todo and not asked.passing:
        print("tests of " + ", ".join(f"{area} {seconds:.0f} s" for area, (seconds, _) in calls.items()), flush=True)
    ordered = sorted(todo, key=lambda m: -calls[m.area][0])  # what takes longest first, so that no core waits at the end
    for number, (mutant, found) in enumerate(try_all(ordered, asked.jobs, calls), start=1):
        known[mutant.key] = mutant.row() | {"outcome": found.outcome, "seconds": str(found.seconds), "by": found.by}
        write_rows(out / "mutants.csv", [known[m.key] for m in mutants if m.key in known], COLUMNS)
        if found.outcome == "survived" or not number % TELL:
            said = f"{mutant.name}:{mutant.line}  {mutant.text}  ->  {mutant.became}"
            print(f"{number}/{len(todo)} {found.outcome} {said}", flush=True)
    rows = [known[m.key] for m in mutants]
    text, well = summary(rows, RESULTS / "reasons.csv", asked.seed, must_be_enough=whole)
    write_rows(out / "mutants.csv", rows, COLUMNS)
    (out / "README.md").write_text(text, encoding="utf-8")
    print(f"{text}\n{time.monotonic() - began:.0f} s")
    return 0 if well else 1


def _asked(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=SEED, help="of the sample")
    parser.add_argument("--share", type=float, default=1.0, help="of the whole sample that is tried")
    parser.add_argument("--area", choices=sorted(AREAS), help="only one area")
    parser.add_argument("--jobs", type=int, default=2, help="mutants at a time")
    parser.add_argument("--again", action="store_true", help="try survivors again")
    parser.add_argument("--passing", action="store_true", help="the tests are known to pass on the sources as they are")
    parser.add_argument("--out", type=Path, help="folder of the results; by default results/mutants for the whole sample")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
