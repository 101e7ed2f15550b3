"""Recording: what a run leaves in its folder, and how its network and its scores come back from there."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import nn

from mixmnist.core import registry, sums
from mixmnist.core.readout import Readout
from mixmnist.core.records import Variant
from mixmnist.data.colour import Coloured
from mixmnist.data.mixture import Mixture
from mixmnist.grid import origins
from mixmnist.grid.block import WEIGHTS, Block
from mixmnist.grid.layers import join, score_variant, write_scores
from mixmnist.grid.machine import circumstances, stopwatch
from mixmnist.kinds import Trained
from mixmnist.scoring import Scores
from mixmnist.training import Outcome

TOP = 12  # images kept of each unit, for pictures
FIRST = 32  # canvases kept of the test mixture, for pictures


def record(block: Block, folder: Path, seed: int, trained: Trained, train_seconds: float, processor: float | None = None) -> None:
    """Probes and scores one trained net and writes its record; of a failed run only the failure.

    Args:
        block: What the net belongs to.
        folder: Where the record goes; it is there, and empty.
        seed: The net's.
        trained: It, and what became of its training.
        train_seconds: That its training took, by the hour.
        processor: And by the processor's own time; None where that is not known.
    """
    started, spent = time.perf_counter(), stopwatch(block.device, block.threads)
    net, outcome = trained.net, trained.outcome
    known: dict[str, Any] = {
        "study": block.study,
        "source": block.source,
        "task": block.variant.task,
        "variant": block.name,
        "seed": seed,
        "block": block.home.name,
        "together": list(trained.together),
        "quick": block.quick,
        "useless": list(registry.choose("tasks", block.variant.task).useless),
        **({"head": "fitted"} if origins.has_fitted_head(block.variant) else {}),
        "failure": outcome.failure,
        "history": [list(epoch) for epoch in outcome.history],
        "config": block.config,
        "fingerprints": block.fingerprints,
        **circumstances(block.device),
    }
    if net is not None and outcome.failure is None:
        scores, known["layers"], readout = score_net(block, net)
        write_scores(folder, scores)
        save_pictures(readout, block.draw("test", block.variant.probe_images, 0), folder / "top.npz")
        state = {name: tensor.contiguous().cpu() for name, tensor in net.state_dict().items()}
        (folder / WEIGHTS).write_bytes(save(state))
        known["weights_sha256"] = sums.sha256(folder / WEIGHTS)
    known["processor"] = {"train": processor and round(processor, 2), "score": round(spent(), 2)}
    known["seconds"] = {"train": round(train_seconds, 2), "score": round(time.perf_counter() - started, 2)}
    sums.write_sealed(folder / "record.json", known)


def score_net(block: Block, net: nn.Module) -> tuple[Scores, list[dict[str, Any]], Readout]:
    """Scores every layer of a trained net on the block's test mixture.

    Returns:
        Tables of all layers, the layer told by a column (curves of the layer that feeds the head); a row of scores a layer; and
        the readout of the layer that feeds the head.
    """
    scored = score_variant(block.variant, net, block.draw)
    return *join(scored), scored[-1].readout


def save_pictures(readout: Readout, test: Mixture | Coloured, path: Path) -> None:
    """Keeps each unit's top images and the mixture's first ones."""
    top = readout.response.argsort(dim=0, descending=True, stable=True)[:TOP].T.cpu()  # units top
    images, present = test.images.cpu(), test.present.cpu()
    np.savez_compressed(
        path,
        images=images[top].numpy(),  # units top rows cols
        present=present[top].numpy(),  # units top concepts
        first=images[:FIRST].numpy(),  # the mixture's first canvases
        first_classes=np.array(test.titles(FIRST)),
    )


def load_net(folder: str | Path) -> nn.Module:
    """Loads the trained net of a recorded run, on the CPU and in eval mode.

    Args:
        folder: The run's, e.g. results/local/sanity/mnist/runs/baseline/s0-4/s0.

    Raises:
        FileNotFoundError: If the folder holds no weights, as that of a failed run.
        ValueError: If record or weights are not as they were written.
    """
    folder = Path(folder)
    record = sums.read_sealed(folder / "record.json")
    if not (folder / WEIGHTS).is_file():
        raise FileNotFoundError(f"a run's folder must hold {WEIGHTS}, got none in {folder}. Run its study again.")
    if sums.sha256(folder / WEIGHTS) != record.get("weights_sha256"):
        raise ValueError(f"weights must be those of their record, got others in {folder / WEIGHTS}. Run its study again.")
    return stored_net(folder, record)


def stored_net(folder: Path, record: Mapping[str, Any]) -> nn.Module:
    """Loads the weights that lie in a run's folder, whatever their sum, into the net of its record.

    Raises:
        ValueError: If they are no weights, or those of another net.
    """
    copy = origins.load(Variant.from_dict(record["config"]["variant"]), record["seed"])
    try:
        copy.load_state_dict(load_file(folder / WEIGHTS))
    except (SafetensorError, RuntimeError) as error:
        raise ValueError(
            f"weights must be those of their record, got others in {folder / WEIGHTS}. Run its study again."
        ) from error
    return copy.eval()


def load_block(block: Block) -> tuple[list[Trained], float, float | None]:
    """Loads recorded weights, for scores to be computed anew; and the seconds that they took, by the hour and the processor."""
    trained, seconds, processor = [], 0.0, list[float | None]()
    for seed in block.seeds:
        record = block.record(seed)
        net = None if record["failure"] else load_net(block.place / f"s{seed}").to(block.device)
        history = tuple((float(loss), float("nan" if accuracy is None else accuracy)) for loss, accuracy in record["history"])
        outcome = Outcome(history, record["failure"])
        trained.append(Trained(net, outcome, tuple(record.get("together", block.seeds))))
        seconds += record["seconds"]["train"]
        processor.append(record.get("processor", {}).get("train"))
    return trained, seconds, None if None in processor else sum(filter(None, processor))


def summary(block: Block, seconds: float) -> str:
    """Says in a line what a block gave."""
    rows = []
    for seed in block.seeds:
        record = block.record(seed)
        rows += [record["layers"][-1]] if record["failure"] is None else []
    if not rows:
        return f"{block.label}: every run failed"
    if "accuracy" not in rows[0]:  # of a kind that is not scored
        return f"{block.label}: networks made, not scored ({len(rows)} of {len(block.seeds)} runs, {seconds:.0f} s)"
    means = {column: np.mean([row[column] for row in rows]) for column in ("accuracy", "unique_concepts", "mean_drop")}
    return (
        f"{block.label}: accuracy {means['accuracy']:.3f}, {means['unique_concepts']:.1f} unique concepts, "
        f"mean drop {means['mean_drop']:.3f} ({len(rows)} of {len(block.seeds)} runs, {seconds:.0f} s)"
    )
