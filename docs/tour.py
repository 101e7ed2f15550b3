"""Runs the tour and keeps its outputs in it: `make tour`. A test runs it again and compares."""

import os
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

TOUR = Path(__file__).resolve().parents[1] / "examples" / "tour.ipynb"
SAME = {  # instructions that nearly every x86 processor has, so that numbers are the same on all, as in `make reference`
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "NUMBA_CPU_NAME": "haswell",
    "NUMBA_CPU_FEATURES": "+avx2,+fma",
}


def run(folder: Path) -> NotebookNode:
    """Gives the tour as it is after a run in `folder`: with outputs, without times, progress and whatever else is of one run."""
    tour = nbformat.read(TOUR, as_version=4)
    about = dict(tour.metadata)
    client = NotebookClient(tour, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
    client.execute(env={**os.environ, **SAME})
    tour.metadata = nbformat.from_dict({"kernelspec": about["kernelspec"], "language_info": {"name": "python"}})
    for cell in tour.cells:
        cell.metadata = nbformat.from_dict({})
        if cell.cell_type == "code":
            told = [output for output in cell.outputs if output.output_type == "stream"]  # how far training is, in what time
            if any("Warning" in output.text for output in told):
                raise ValueError(f"the tour must run without warnings, got {told[0].text.strip()}. Mend what it shows.")
            cell.outputs = [output for output in cell.outputs if output not in told]
    return tour


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        nbformat.write(run(Path(place)), TOUR)
