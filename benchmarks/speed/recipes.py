"""Time to accuracy: the cheapest recipe that keeps the baseline's mean test accuracy at .924 or more over 10 seeds.

A cheaper recipe would be adopted only if it is at least 1.3 times as fast and moves no finding: the paired 95 % interval of the
change must lie within 1 unique concept and .05 of coverage. Cost: 10 seeds of each recipe, about 40 minutes of two cores;
what is recorded is not run again. Writes results/speed/recipes-<hardware>.json and .md.
"""

import json
import os
import re
import statistics
import time
from pathlib import Path

import pandas as pd
import torch

from mixmnist import Options, Study, Training, Variant, draw
from mixmnist.grid import sweep
from mixmnist.grid.machine import hardware
from mixmnist.nets import convnet
from mixmnist.report.reading import read_study
from mixmnist.stats import t_interval
from mixmnist.training import train

OUT = Path("results/speed")
ENOUGH, FASTER, CONCEPTS, COVERAGE = 0.924, 1.3, 1.0, 0.05  # accuracy; times as fast; what the findings may move
PRESENT = "30-epochs"
RECIPES = {
    PRESENT: Training(),
    "20-epochs": Training(epochs=20),
    "15-epochs": Training(epochs=15),
    "10-epochs": Training(epochs=10),
    "20-epochs-batch-256": Training(epochs=20, batch=256, peak=0.6),
    "15-epochs-peak-1": Training(epochs=15, peak=1.0),
    "15-epochs-nesterov": Training(epochs=15, optimiser="nesterov"),
    "15-epochs-adamw": Training(epochs=15, peak=0.02, optimiser="adamw"),
}
STUDY = Study("Recipes for the baseline", {name: Variant(training=recipe) for name, recipe in RECIPES.items()}, seeds=10)
ROUNDS, SHORT = 5, 6_400  # timings in turns, each of one epoch over so many images


def seconds() -> dict[str, float]:
    """Times an epoch of a block of five under each recipe, in turns; gives the seconds of its whole training on 20,000 images."""
    drawn = draw("pairs", "auto", "train", SHORT)
    images, labels = drawn.images.expand(5, -1, -1, -1).contiguous(), drawn.labels.expand(5, -1).contiguous()
    times: dict[str, list[float]] = {name: [] for name in RECIPES}
    torch.set_num_threads(1)
    for turn in range(ROUNDS + 1):
        for name, recipe in RECIPES.items():
            short = Training(images=SHORT, epochs=1, batch=recipe.batch, peak=recipe.peak, optimiser=recipe.optimiser)
            stack = convnet.build(convnet.Widths(), len(drawn.classes), range(5))
            start = time.perf_counter()
            train(stack, images, labels, short, range(5))
            times[name] += [time.perf_counter() - start] if turn else []
    return {n: statistics.median(t) * RECIPES[n].epochs * RECIPES[n].images / SHORT for n, t in times.items()}


def compare(runs: pd.DataFrame, cost: dict[str, float]) -> list[dict[str, object]]:
    """Sets each recipe's accuracy, cost and change of the findings, paired by seed, against the present one."""
    present = runs[runs["variant"] == PRESENT].set_index("seed")
    rows: list[dict[str, object]] = []
    for name, group in runs.groupby("variant", sort=False):
        own = group.set_index("seed")
        row: dict[str, object] = {"recipe": name, "times_as_fast": cost[PRESENT] / cost[name], "seconds": cost[name]}
        for column in ("accuracy", "unique_concepts", "coverage"):
            row[column] = t_interval(own[column].tolist())._asdict()
            row[f"{column}_change"] = t_interval((own[column] - present[column]).tolist())._asdict()
        still = all(
            -limit <= row[f"{column}_change"][end] <= limit  # type: ignore[index]
            for column, limit in (("unique_concepts", CONCEPTS), ("coverage", COVERAGE))
            for end in ("lower", "upper")
        )
        row["accurate"] = bool(own["accuracy"].mean() >= ENOUGH)
        row["adopted"] = bool(row["accurate"] and still and row["times_as_fast"] >= FASTER)  # type: ignore[operator]
        rows.append(row)
    return sorted(rows, key=lambda r: -r["times_as_fast"])  # type: ignore[operator]


def table(where: str, rows: list[dict[str, object]]) -> str:
    """Writes the rows for people."""

    def cell(interval: dict[str, float], digits: int, sign: str = "") -> str:
        mean, lower, upper = (f"{interval[key]:{sign}.{digits}f}" for key in ("mean", "lower", "upper"))
        return f"{mean} [{lower}, {upper}]"

    lines = [
        f"{where}; 10 seeds a recipe, means with 95 % t intervals over seeds; changes are paired by seed, against {PRESENT}.",
        f"Times: an epoch of a block of five on one core, median of {ROUNDS} in turns, times the epochs.",
        "",
        "| recipe | times as fast | accuracy | unique concepts | change | coverage | change | adopted |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        found = [cell(row["accuracy"], 4)]  # type: ignore[arg-type]
        for column, digits in (("unique_concepts", 1), ("coverage", 3)):
            found += [cell(row[column], digits), cell(row[f"{column}_change"], digits, "+")]  # type: ignore[arg-type]
        said = "the present one" if row["recipe"] == PRESENT else "yes" if row["adopted"] else "no"
        lines.append(f"| {row['recipe']} | {row['times_as_fast']:.2f} | {' | '.join(found)} | {said} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Runs the recipes, times them and writes the table."""
    result = sweep.run(str(Path(__file__)), Options())
    records = read_study(result.folder)
    rows, where = compare(records.runs, seconds()), hardware("cpu")
    OUT.mkdir(parents=True, exist_ok=True)
    name = "recipes-" + re.sub(r"[^a-z0-9]+", "-", where.lower()).strip("-")
    content = {"hardware": where, "cores": os.cpu_count(), "torch": torch.__version__, "rows": rows}
    (OUT / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    (OUT / f"{name}.md").write_text(table(where, rows), encoding="utf-8")
    print(table(where, rows))


if __name__ == "__main__":
    main()
