"""Reader of halves: is a picture a canvas as it is, a changed one, and how, or neither? Measured before it is believed.

It has an answer for each change and one for none of them, and sees pictures of nothing in training, changed ones, too: a reader
that can say no more than normal or changed says "normal" of everything. It asks for no digit of its own and reads none.

Source:
    Differs from judging by eye, as in A. Nguyen et al. (2016), arXiv:1605.09304.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from mixmnist.core.records import Canvas, Training, require
from mixmnist.core.seeding import derive
from mixmnist.data.mixture import Mixture, draw
from mixmnist.nets import convnet
from mixmnist.probing.running import BATCH, without_tf32
from mixmnist.training import Watch, train
from mixmnist.visualize._garbage import KINDS, UNSEEN, garbage
from mixmnist.visualize.halves import CHANGES, change
from mixmnist.visualize.mapping import as_pixels
from mixmnist.visualize.reader import TASK

ANSWERS = ("normal", *CHANGES, "neither")
RIGHT, GARBAGE = 0.90, 0.10  # the bar: canvases of every kind read rightly, at least; pictures of nothing read as one, at most
WIDTHS = convnet.Widths(16, 32, 64)
CHECKED = 2_000  # canvases of each kind that it is tested on, and as many pictures of nothing


@dataclass(frozen=True)
class HalvesReading:
    """How a reader of halves is trained."""

    images: int = 5_000
    """Canvases of each kind: as they are, and changed in each way."""
    garbage: int = 500
    """Pictures of nothing of each kind, as they are and changed in each way."""
    epochs: int = 6
    """Passes over all of them."""


@dataclass(frozen=True, eq=False)
class HalvesReader:
    """A net that says what a picture is, and what is known of it."""

    net: nn.Module
    report: Mapping[str, float]  # of canvases of each kind the share read rightly; nothing_KIND: of pictures read as canvases

    def read(self, images: Float[Tensor, "n channels rows cols"]) -> Int[Tensor, " n"]:
        """Gives the number of the answer of each picture, with values in [0, 1]: of `ANSWERS`."""
        with torch.no_grad(), without_tf32(images.device):
            return torch.cat([self.net(part).argmax(dim=1) for part in images.float().cpu().split(BATCH)])

    @property
    def faults(self) -> list[str]:
        """Says where it lies below its bar."""
        low = [f"{self.report[name]:.3f} of canvases {name} read as such" for name in ANSWERS[:-1] if self.report[name] < RIGHT]
        worst = {kind: self.report[f"nothing_{kind}"] for kind in KINDS}
        high = [f"{share:.3f} of pictures of {kind} read as canvases" for kind, share in worst.items() if share > GARBAGE]
        return low + high

    def check(self) -> None:
        """Refuses to be believed below the bar.

        Raises:
            ValueError: If it is.
        """
        asked = f"at least {RIGHT} of canvases and at most {GARBAGE} of pictures of nothing"
        require(
            not self.faults, f"the reader of halves must be above its bar, {asked}, got {'; '.join(self.faults)}. Train longer."
        )


def train_halves_reader(
    source: str = "auto",
    seed: int = 0,
    *,
    canvas: Canvas | None = None,
    root: str | None = None,
    reading: HalvesReading = HalvesReading(),
    checked: int = CHECKED,
) -> HalvesReader:
    """Trains a reader of halves on canvases of one to three digits and measures it on canvases of test glyphs.

    Args:
        source: Of the glyphs.
        seed: Of its weights, canvases and pictures of nothing.
        canvas: The layout.
        root: Folder of the source's files.
        reading: How it is trained.
        checked: Canvases of each kind that it is tested on, and as many pictures of each kind of nothing.

    Returns:
        A reader, whatever its report says; `check` refuses one below the bar.
    """
    own = derive(seed, "halves reader")

    def drawn(split: str, n: int) -> Tensor:
        found = draw(TASK, source, split, 2 * n, canvas=canvas, root=root, seed=derive(own, split))
        return _with_digits(found, n)

    canvases = drawn("train", reading.images)
    parts = [canvases, *(change(canvases, how) for how in CHANGES)]
    nothing = [garbage(kind, canvases[: reading.garbage], own) for kind in KINDS]
    nothing += [change(part, how) for part in nothing for how in CHANGES] + [_empty(canvases[: reading.garbage])]
    parts.append(torch.cat(nothing))
    images = torch.cat(parts)
    labels = torch.cat([torch.full((len(part),), answer) for answer, part in enumerate(parts)])
    stack = convnet.build(WIDTHS, len(ANSWERS), (own,))
    recipe = Training(images=len(images), epochs=reading.epochs)
    train(stack, images[None], labels[None], recipe, (own,), watch=Watch("reader of halves"))
    reader = HalvesReader(convnet.split(stack)[0], {})
    return HalvesReader(reader.net, _report(reader, drawn("test", checked), derive(own, "test")))


def _with_digits(mixture: Mixture, n: int) -> Tensor:
    """Gives the first canvases that show a digit or more."""
    return mixture.images[mixture.present.any(dim=1)][:n]


def _empty(canvases: Tensor) -> Tensor:
    """Gives pictures of one grey: an empty canvas of each change and all between."""
    levels = torch.linspace(0, 255, len(canvases)).round().to(torch.uint8)
    return levels[:, None, None].expand_as(canvases)


def _report(reader: HalvesReader, canvases: Tensor, seed: int) -> dict[str, float]:
    kinds = {"normal": canvases} | {how: change(canvases, how) for how in CHANGES}
    found = {
        name: float((reader.read(as_pixels(images)) == ANSWERS.index(name)).double().mean()) for name, images in kinds.items()
    }
    for kind in (*KINDS, UNSEEN):
        made = garbage(kind, canvases, seed)
        every = torch.cat([made, *(change(made, how) for how in CHANGES)])
        found[f"nothing_{kind}"] = float((reader.read(as_pixels(every)) != ANSWERS.index("neither")).double().mean())
    return found
