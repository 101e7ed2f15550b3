"""Networks that are not scored, as generators: blocks of them, what their runs record, and what of a record can be checked.

They are trained, recorded and resumed as all others are. A record names their weights, the layer that is looked at where nobody
names another, and no scores; what they do is for analyses to say.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import nn

from mixmnist.core import storage, sums
from mixmnist.core.records import Variant
from mixmnist.data.sources import fingerprint as data_fingerprint
from mixmnist.grid import digests, origins
from mixmnist.grid.block import WEIGHTS, Block
from mixmnist.grid.recording import record, stored_net
from mixmnist.kinds import Lesson, Trained

BLOCK = 5  # seeds that are trained side by side


class Unscored(Block):
    """A block of networks that are not scored.

    A class below another, against the habits of the house: all that a block can do it can, and a field more of `Block` itself
    would change what the analyses of other networks are made from.
    """

    @cached_property
    def config(self) -> dict[str, Any]:
        """Everything that decides the weights."""
        return {
            "variant": self.variant.as_dict(),
            "source": self.source,
            "data": data_fingerprint(self.source, self.root),
            "seeds": list(self.seeds),
            "device": self.device,
            "precision": self.precision,
            "threads": self.threads,
            "code": digests.of_unscored(self.variant),
        }

    @cached_property
    def fingerprints(self) -> dict[str, Any]:
        """What must be the same for recorded weights to be used again; there are no scores."""
        return {"weights": storage.fingerprint(self.config), "scores": {}}


def is_scored(variant: Variant) -> bool:
    """Says whether the networks of a variant are scored in the grid."""
    return variant.plant is not None or origins.kind_of(variant).read is not None


def block_type(variant: Variant) -> type[Block]:
    """Gives the class of a variant's blocks."""
    return Block if is_scored(variant) else Unscored


def groups(seeds: int) -> list[range]:
    """Cuts the seeds into 0-4, 5-9, ...; the last group may be narrower."""
    return [range(first, min(first + BLOCK, seeds)) for first in range(0, seeds, BLOCK)]


def in_blocks(group: range, variant: Variant) -> list[tuple[int, ...]]:
    """Gives the seeds of each block; nets that are not scored train one after another, so each is a block that can be resumed."""
    return [tuple(group)] if is_scored(variant) else [(seed,) for seed in group]


def record_any(
    block: Block, folder: Path, seed: int, trained: Trained, train_seconds: float, processor: float | None = None
) -> None:
    """Writes the record of one trained net, with scores where its kind is scored; arguments as of `record`."""
    if not isinstance(block, Unscored) or trained.net is None or trained.outcome.failure is not None:
        record(block, folder, seed, trained, train_seconds, processor)
        return
    record(block, folder, seed, replace(trained, net=None), train_seconds, processor)  # all that is known but the weights
    known = {name: value for name, value in sums.read_sealed(folder / "record.json").items() if name != sums.FILES}
    state = {name: tensor.detach().clone().contiguous().cpu() for name, tensor in trained.net.state_dict().items()}
    (folder / WEIGHTS).write_bytes(save(state))
    weights = sum(tensor.numel() for tensor in state.values())
    last = trained.outcome.history[-1][0] if trained.outcome.history else None
    row = {"layer": origins.layers_of(block.variant)[-1], "n_weights": weights, "last_loss": last}
    said = {"scored": False, "layers": [row], "weights_sha256": sums.sha256(folder / WEIGHTS)}
    sums.write_sealed(folder / "record.json", known | said)


def differences(block: Block, home: Path, record: dict[str, Any]) -> Iterator[str]:
    """Says what is wrong with recorded weights: that they cannot be loaded; or of what is built and not trained, that it differs.

    Raises:
        ValueError: If they are no weights of that net.
    """
    net = stored_net(home, record)
    if record["history"]:
        return  # to train it again would take as long as it took
    v, seed = block.variant, record["seed"]
    lesson = Lesson(v, (seed,), block.draw, block.device, block.precision, source=block.source, root=block.root)
    (built,) = origins.bring_about(lesson, lambda _line: None, lambda: None)
    if built.net is not None and not _alike(net, built.net):
        yield "the weights are not those that are built now"


def _alike(ours: nn.Module, other: nn.Module) -> bool:
    """Says whether two networks have the same weights, but for rounding."""
    one, two = ours.state_dict(), other.state_dict()
    close = (torch.allclose(one[name].double(), two[name].double(), atol=1e-6, equal_nan=True) for name in one)
    return set(one) == set(two) and all(close)
