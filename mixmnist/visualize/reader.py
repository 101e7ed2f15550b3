"""Reader: an independent judge that says which digits a picture shows, none included; measured before it is believed.

It is a wide convnet of its own with ten answers, trained on canvases of none to three digits and on pictures of nothing. One
threshold for all ten is fitted on canvases that it has not seen, and its report is made on canvases of test glyphs. A reader
below its bar is refused, and no table is made with it.

Source:
    Differs from judging by eye, as in A. Nguyen et al. (2016), arXiv:1605.09304; and from asking the net that was climbed.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from jaxtyping import Bool, Float
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from mixmnist.core.records import Canvas, Training, require
from mixmnist.core.seeding import derive
from mixmnist.data.mixture import Mixture, draw
from mixmnist.data.sources import label, resolve_source
from mixmnist.nets import convnet
from mixmnist.probing.running import BATCH, without_tf32
from mixmnist.training import Watch, train
from mixmnist.visualize._garbage import KINDS, UNSEEN, garbage
from mixmnist.visualize.mapping import as_pixels

FALSE_ALARM, GARBAGE, FOUND = 0.02, 0.10, 0.80  # the bar: at most, at most, at least
TASK = str(Path(__file__).with_name("_few.py"))
SHARES = ("label", "whole", "false_alarm", "found")  # of a report, besides those of garbage
THRESHOLDS = [step / 10 for step in range(-40, 41)]  # of logits
BAR = Watch("reader")
WAY_OUT = "Train one on more canvases or for longer."


@dataclass(frozen=True)
class Reading:
    """How a reader is trained."""

    images: int = 20_000
    """Training canvases of none to three digits."""
    garbage: int = 1_600
    """Pictures of nothing of each kind besides."""
    epochs: int = 12
    """Passes over both."""
    widths: tuple[int, ...] = (16, 32, 96)
    """Units of its three convolutions."""
    checked: int = 4_000
    """Canvases that the threshold is fitted on, and as many that it is tested on; a quarter of them as pictures of each kind."""


@dataclass(frozen=True, eq=False)
class Reader:
    """A net that says which digits it sees, and what is known of it."""

    net: nn.Module
    threshold: float  # of a digit's logit, above which it is read
    source: str
    canvas: Canvas
    seed: int
    report: Mapping[
        str, float
    ]  # label, whole, false_alarm, found, and of each kind of garbage the share in which a digit is read
    reading: Reading = field(default_factory=Reading)

    def logits(self, images: Float[Tensor, "n channels rows cols"]) -> Float[Tensor, "n digits"]:
        """Gives ten numbers for each picture, with values in [0, 1], on the processor.

        Raises:
            ValueError: If pictures are in colour, or not of the size that it was trained on.
        """
        size = self.canvas.size
        require(images.shape[1] == 1, f"pictures must be grey for a reader, got {images.shape[1]} channels. Use a grey source.")
        require(
            tuple(images.shape[2:]) == (size, size),
            f"pictures must be of the reader's size, {size} x {size}, got {images.shape[2]} x {images.shape[3]}. Train another.",
        )
        with torch.no_grad(), without_tf32(images.device):
            return torch.cat([self.net(part) for part in images.float().cpu().split(BATCH)])

    def read(self, images: Float[Tensor, "n channels rows cols"]) -> Bool[Tensor, "n digits"]:
        """Says which digits each picture shows; none is an answer, too."""
        return self.logits(images) > self.threshold

    @property
    def faults(self) -> list[str]:
        """Says where it lies below its bar."""
        worst = max(KINDS, key=lambda kind: self.report[kind])
        rules = (
            ("a false alarm rate", self.report["false_alarm"], FALSE_ALARM, True),
            (f"a digit read in pictures of {worst}", self.report[worst], GARBAGE, True),
            ("a share of shown digits found", self.report["found"], FOUND, False),
        )
        return [
            f"{what} of {value:.3f}, where {'at most' if most else 'at least'} {bar:.2f} is asked"
            for what, value, bar, most in rules
            if not (value <= bar if most else value >= bar)
        ]

    def check(self) -> None:
        """Refuses to be believed below the bar.

        Raises:
            ValueError: If it is.
        """
        require(not self.faults, f"the reader must be above its bar, got {'; '.join(self.faults)}. {WAY_OUT}")

    @property
    def card(self) -> str:
        """Says in a line how good it is; it stands on every table that it made."""
        report, kinds = self.report, (*KINDS, UNSEEN)
        nothing = ", ".join(f"{kind} {report[kind]:.3f}" for kind in kinds)
        return (
            f"Reader of {self.source}, seed {self.seed}: label {report['label']:.3f}, whole set {report['whole']:.3f}, found "
            f"{report['found']:.3f}, false alarm {report['false_alarm']:.4f}; a digit read in {nothing} (never trained on)."
        )

    def save(self, path: str | Path) -> None:
        """Writes weights and all that is known of it into one safetensors file."""
        known = {name: getattr(self, name) for name in ("threshold", "source", "seed", "report")}
        known |= {"canvas": asdict(self.canvas), "reading": asdict(self.reading)}
        state = {name: tensor.contiguous() for name, tensor in self.net.state_dict().items()}
        save_file(state, path, metadata={"reader": json.dumps(known, sort_keys=True)})


def train_reader(
    source: str = "auto",
    seed: int = 0,
    *,
    canvas: Canvas | None = None,
    root: str | None = None,
    reading: Reading = Reading(),
    watch: Watch = BAR,
) -> Reader:
    """Trains a reader, fits its threshold and measures it.

    Args:
        source: Of the glyphs: those of the nets that are looked at.
        seed: Of its weights, canvases and garbage.
        canvas: The layout; by default 32 pixels, glyphs of 12.
        root: Folder of the source's files.
        reading: How it is trained.
        watch: Progress bar and stop signal.

    Returns:
        A reader, whatever its report says; `check` refuses one below the bar.

    Raises:
        ValueError: If the source is unknown or in want of a digit, or three glyphs do not fit the canvas.
    """
    name, place = resolve_source(source, root)
    layout = canvas or Canvas()

    def drawn(split: str, n: int, what: str) -> Mixture:
        return draw(TASK, name, split, n, canvas=layout, root=place, seed=derive(seed, "reader", what))

    own = derive(seed, "reader")
    canvases = drawn("train", reading.images, "train")
    nothing = [garbage(kind, canvases.images[: reading.garbage], own) for kind in KINDS]
    images = torch.cat([canvases.images, *nothing])
    labels = torch.cat([canvases.labels, canvases.labels.new_zeros(len(images) - len(canvases), 10)])
    stack = convnet.build(_widths(reading), 10, (own,))
    recipe = Training(images=len(images), epochs=reading.epochs)
    train(stack, images[None], labels[None], recipe, (own,), watch=watch)
    net = convnet.split(stack)[0]
    reader = Reader(net, 0.0, label(name, place), layout, seed, {}, reading)
    fitted, tested = (drawn(split, reading.checked, split) for split in ("rank", "test"))
    threshold = _fit(*_answers(reader, fitted, derive(own, "rank")))
    report = _report(threshold, *_answers(reader, tested, derive(own, "test")))
    return Reader(net, threshold, reader.source, layout, seed, report, reading)


def load_reader(path: str | Path) -> Reader:
    """Reads a reader that `save` wrote.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it holds no reader, or one whose report lacks a share.
    """
    path, way_out = Path(path), "Write one by train_reader(...).save(path)."
    if not path.is_file():
        raise FileNotFoundError(f"the file of a reader must exist, got {path}. {way_out}")
    try:
        with safe_open(path, "pt") as stored:
            known = json.loads((stored.metadata() or {})["reader"])
            state = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 -- it is no dictionary
        known["reading"] = Reading(**known["reading"] | {"widths": tuple(known["reading"]["widths"])})
        known["canvas"] = Canvas(**known["canvas"])
        net = convnet.load(_widths(known["reading"]), 10)
        net.load_state_dict(state)
        missing = [name for name in (*SHARES, *KINDS, UNSEEN) if name not in known["report"]]
    except (SafetensorError, KeyError, TypeError, RuntimeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} must hold a reader, got {type(error).__name__}: {error}. {way_out}") from error
    require(not missing, f"the report of a reader must hold all of its shares, got no {', '.join(missing)} in {path}. {way_out}")
    return Reader(net.eval(), **known)


def _widths(reading: Reading) -> convnet.Widths:
    conv1, conv2, conv3 = reading.widths
    return convnet.Widths(conv1, conv2, conv3)


def _answers(reader: Reader, canvases: Mixture, seed: int) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """Gives logits of canvases, what these show, and logits of pictures of nothing of each kind."""
    few = canvases.images[: max(1, len(canvases) // 4)]
    nothing = {kind: reader.logits(as_pixels(garbage(kind, few, seed))) for kind in (*KINDS, UNSEEN)}
    return reader.logits(as_pixels(canvases.images)), canvases.present, nothing


def _report(threshold: float, logits: Tensor, present: Tensor, nothing: Mapping[str, Tensor]) -> dict[str, float]:
    """Says how good a threshold is."""
    read = logits > threshold
    return {
        "label": float((read == present).double().mean()),
        "whole": float((read == present).all(dim=1).double().mean()),
        "false_alarm": float(read[~present].double().mean()),
        "found": float(read[present].double().mean()),
        **{kind: float((other > threshold).any(dim=1).double().mean()) for kind, other in nothing.items()},
    }


def _fit(logits: Tensor, present: Tensor, nothing: Mapping[str, Tensor]) -> float:
    """Finds the threshold with most canvases read whole, of those at half the bar's errors or, where none is, with fewest."""
    reports = {threshold: _report(threshold, logits, present, nothing) for threshold in THRESHOLDS}

    def excess(threshold: float) -> float:
        report = reports[threshold]
        worst = max(report[kind] for kind in KINDS)
        return max(report["false_alarm"] / (FALSE_ALARM / 2), worst / (GARBAGE / 2), 1.0)

    return min(THRESHOLDS, key=lambda threshold: (excess(threshold), -reports[threshold]["whole"]))
