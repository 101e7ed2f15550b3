"""What every dictionary of the shelf costs on one net, several seeds beside one, and a large autoencoder.

Twenty atoms on 40,000 cells of a recorded net of 30 units; then 512 atoms on 200,000 cells. Writes
results/speed/dictionaries-<hardware>.json and .md. Cost: about six minutes.
"""

import json
import re
import resource
import statistics
from pathlib import Path

import torch
from _timing import timed

from mixmnist.core import registry
from mixmnist.core.records import Dictionary
from mixmnist.features.cells import Cells, read_cells
from mixmnist.features.fitting import fit_dictionary, most_atoms
from mixmnist.grid.machine import hardware
from mixmnist.trust._layers import nets_of

OUT = Path("results/speed")
RECORDS, VARIANT = Path("results/reference/sanity/mnist"), "wide"
ATOMS, SEEDS, ROUNDS = 20, 3, 3
LARGE_ATOMS, LARGE_CELLS = 512, 200_000
LARGE = ("topk", "batchtopk", "jumprelu", "l1", "matryoshka")


def costs(cells: Cells) -> list[dict[str, object]]:
    """Times each dictionary with one seed and with several, in turns; medians of the rounds."""
    rows = []
    for name, dictionary in registry.collect("dictionaries").items():
        found: Dictionary = dictionary
        own = cells if found.supervised else cells.some(40_000, seed=0)
        atoms = most_atoms(name, own, ATOMS)
        one, several = [], []
        for _ in range(ROUNDS):
            one.append(timed(lambda n=name, c=own, a=atoms: fit_dictionary(n, c, a, (0,))))
            several.append(timed(lambda n=name, c=own, a=atoms: fit_dictionary(n, c, a, range(SEEDS))))
        row = {"dictionary": name, "seconds": statistics.median(one), "seconds_three_seeds": statistics.median(several)}
        rows.append(row | {"supervised": found.supervised})
        print(row, flush=True)
    return rows


def large(cells: Cells) -> dict[str, float]:
    """Times autoencoders of many atoms on many cells, once each."""
    times = -(-LARGE_CELLS // len(cells))
    generator = torch.Generator().manual_seed(0)
    values = cells.values.repeat(times, 1)[:LARGE_CELLS]
    values = (values + 0.01 * torch.randn(values.shape, generator=generator)).relu()  # no cell is there twice
    many = Cells(values, torch.arange(len(values)))
    return {name: timed(lambda n=name: fit_dictionary(n, many, LARGE_ATOMS)) for name in LARGE}


def table(where: str, rows: list[dict[str, object]], many: dict[str, float], memory: float) -> str:
    """Writes the seconds for people."""
    total = sum(float(str(row["seconds"])) for row in rows)
    lines = [
        f"{where}, {torch.get_num_threads()} threads, torch {torch.__version__}; seconds, medians of {ROUNDS} rounds in turns. "
        f"A recorded net of 30 units, {ATOMS} atoms, 40,000 cells; ceilings on all cells of 2,500 canvases.",
        "",
        f"| dictionary | one seed | {SEEDS} seeds side by side |",
        "|---|---|---|",
        *(f"| {row['dictionary']} | {row['seconds']:.2f} | {row['seconds_three_seeds']:.2f} |" for row in rows),
        f"| all together | {total:.1f} | |",
        "",
        f"{LARGE_ATOMS} atoms on {LARGE_CELLS:,} cells, one round: "
        + ", ".join(f"{name} {seconds:.0f} s" for name, seconds in many.items())
        + f". Peak memory of it all: {memory:.1f} GB.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Times everything and writes the table."""
    net = next(net for net in nets_of(RECORDS) if net.variant == VARIANT)
    cells = read_cells(net.net(), net.mixture("rank", None), net.layer)
    where, rows, many = hardware("cpu"), costs(cells), large(cells)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    OUT.mkdir(parents=True, exist_ok=True)
    name = "dictionaries-" + re.sub(r"[^a-z0-9]+", "-", where.lower()).strip("-")
    content = {"hardware": where, "torch": torch.__version__, "rows": rows, "large": many, "memory_gb": memory}
    (OUT / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    (OUT / f"{name}.md").write_text(table(where, rows, many, memory), encoding="utf-8")
    print(table(where, rows, many, memory))


if __name__ == "__main__":
    main()
