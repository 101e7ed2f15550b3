"""Workshop: where a reader and a generator come from: a named file, one that is there and fits; else trained once, and kept."""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch

from mixmnist.core import checks
from mixmnist.core.records import Canvas, Settings
from mixmnist.data.mixture import draw
from mixmnist.data.sources import label, resolve_source
from mixmnist.probing import find_layer
from mixmnist.visualize._generating import Inverting
from mixmnist.visualize._generator import Encoder, Generator, OtherNetError, load_generator
from mixmnist.visualize._geometry import layer_before
from mixmnist.visualize._targets import Target, unit_target
from mixmnist.visualize.keeping import kept_generator, kept_reader
from mixmnist.visualize.reader import Reader, load_reader
from mixmnist.visualize.seeing import Tools
from mixmnist.visualize.subjects import View

READER, GENERATOR = "reader.safetensors", "generator"  # files
CANVASES = 21_000  # that a generator is trained and tested on
HOW = Inverting(epochs=3)
WIDEST = 8  # cells along a side, above which a layer's maps are pooled before they are inverted
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Workshop:
    """What is needed to find tools, or to make them."""

    home: Path  # where they are kept
    name: str  # of the net, in the name of its generator's file
    source: str
    root: str | None
    task: str
    canvas: Canvas
    settings: Settings = field(default_factory=dict)  # of the task
    ready: Path | None = None  # folder with tools that a study made
    files: Mapping[str, Path] = field(default_factory=dict)  # reader, generator: those that are named
    tell: Tell = print

    def tools(self, view: View) -> Tools:
        """Gives tools for a net, each found or made when it is asked for."""
        return Tools(self.reader, lambda target: self.generator(target, view))

    def reader(self) -> Reader:
        """Finds or trains a reader of the canvases' glyphs and size.

        Raises:
            FileNotFoundError: If the file that is named is not there.
            ValueError: If it holds no reader, or a source cannot be read.
        """
        if "reader" in self.files:
            return load_reader(self.files["reader"])
        own = label(*resolve_source(self.source, self.root))
        kept = self.home / READER
        for path in (*([] if self.ready is None else [self.ready / READER]), kept):
            if path.is_file():
                found = load_reader(path)
                if (found.source, found.canvas) == (own, self.canvas):
                    return found
        checks.check_writable(self.home, "tools")
        self.tell(f"Training a reader of {own}, once: that takes about 2 minutes. It is kept in {kept}.")
        return kept_reader(kept, self.source, self.canvas, self.root)

    def generator(self, target: Target, view: View) -> Generator:
        """Finds or trains a generator that inverts a layer before the target.

        Raises:
            FileNotFoundError: If the file that is named is not there.
            ValueError: If it holds no generator, or one of another net; if there is no layer that could be inverted.
        """
        if "generator" in self.files:
            return load_generator(self.files["generator"], view.net, view.transform)
        ready = [] if self.ready is None else [self.ready / f"{GENERATOR}-{self.name}.safetensors"]
        for path in ready:
            if path.is_file():
                with contextlib.suppress(OtherNetError):
                    return load_generator(path, view.net, view.transform)
        encoder = encoder_of(target, view)
        kept = self.home / f"{GENERATOR}-{self.name}-{encoder.layer}.safetensors"
        checks.check_writable(self.home, "tools")
        if not kept.is_file():
            said = f"Training a generator that inverts {encoder.layer} of {self.name}, once: that takes about 2 minutes."
            self.tell(f"{said} It is kept in {kept}.")
        canvases = draw(
            self.task, self.source, "train", CANVASES, canvas=self.canvas, settings=self.settings, root=self.root, seed=0
        )
        return kept_generator(kept, encoder, canvases, how=HOW)


def encoder_of(target: Target, view: View) -> Encoder:
    """Gives the last layer with maps before a target as an encoder, its maps pooled where they are large.

    Raises:
        ValueError: If there is none.
    """
    x = view.pixels(torch.tensor([0, 1]))
    try:
        layer = layer_before(target, x)
    except ValueError as error:
        where = f"before {'the classes' if target.layer is None else f'layer={target.layer!r}'}"
        raise ValueError(f"a generator needs a layer with maps {where}, got none. Use the way maco.") from error
    find_layer(view.net, layer)
    cells = unit_target(view.net, layer, 0, transform=view.transform).output(x).shape[2:]
    return Encoder(view.net, layer, "max" if max(cells) > WIDEST else "none", view.transform)
