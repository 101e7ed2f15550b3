"""What the study of halves looks at: nets of 90 classes, what they say of either half, and the priors of their pictures."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from mixmnist.core.records import Canvas, Training
from mixmnist.core.registry import choose  # by name, so that a glimpse of this file can follow it
from mixmnist.core.seeding import Stream, derive
from mixmnist.data.mixture import Mixture, draw
from mixmnist.kinds.classifier import settle
from mixmnist.nets import convnet
from mixmnist.probing import probe
from mixmnist.training import Watch, train
from mixmnist.visualize._generating import CHECKED, Inverting, train_generator
from mixmnist.visualize._generator import Encoder, Generator
from mixmnist.visualize._targets import Target, logit_target, unit_target
from mixmnist.visualize.halves import Halves, draw_halves

PAIRS = 45  # classes of a half
LAYER = "conv3"  # whose units are looked at, besides classes
LIKING = 1.0  # standard deviations by which a unit's mean peaks on the halves differ, to be of one of them


@dataclass(frozen=True)
class Sizes:
    """How much is trained and shown."""

    images: int = 30_000
    """Training canvases of a net, half of them changed."""
    epochs: int = 6
    """Passes over them."""
    conv3: int = 20
    """Units of the net's last layer: twice as many classes, twice as many units."""
    inverted: int = 8_000
    """Canvases that a generator learns from."""
    passes: int = 3
    """Passes over these."""
    natural: int = 1_000
    """Test canvases, half of them changed, that pictures are held against."""
    classes: int = 12
    """Classes of each half that pictures are made of, one each."""
    units: int = 3
    """Units that answer to one half more than to the other, at most, two pictures each."""


@dataclass(frozen=True)
class Place:
    """Where canvases come from."""

    source: str
    canvas: Canvas
    root: str | None

    def pairs(self, split: str, n: int, source: str | None = None) -> Mixture:
        """Draws canvases as they are."""
        return draw("pairs", source or self.source, split, n, canvas=self.canvas, root=self.root, seed=derive(0, "halves", split))

    def halves(self, how: str, split: str, n: int, seed: int = 0) -> Halves:
        """Draws canvases of both halves."""
        return draw_halves(how, self.source, split, n, canvas=self.canvas, root=self.root, seed=derive(seed, "halves", split))


def build_net(seed: int, sizes: Sizes) -> convnet.ConvNetStack:
    """Makes a net of 90 classes with weights that are not trained yet."""
    return convnet.build(convnet.Widths(conv3=sizes.conv3), 2 * PAIRS, (seed,))


def train_net(how: str, place: Place, seed: int, sizes: Sizes) -> nn.Module:
    """Trains a net of 90 classes as the nets of studies are trained."""
    canvases = place.halves(how, "train", sizes.images, seed)
    stack = build_net(seed, sizes)
    train(
        stack,
        canvases.images[None],
        canvases.labels[None],
        Training(images=sizes.images, epochs=sizes.epochs),
        (seed,),
        watch=Watch(f"a net of halves, {how}"),
    )
    return convnet.split(stack)[0]


def untrained_net(place: Place, how: str, seed: int, sizes: Sizes) -> nn.Module:
    """Gives the same net before its training, its batch norms settled on canvases."""
    stack = build_net(seed, sizes)
    settle(stack, place.halves(how, "train", sizes.natural, seed).images[None], min(Training().batch, sizes.natural))
    return convnet.split(stack)[0]


@dataclass(frozen=True, eq=False)
class Known:
    """What a net says of canvases of either half."""

    normal: float  # share of the canvases as they are that it names rightly
    changed: float
    liking: Float[Tensor, " units"]  # mean peak on changed canvases less that on others, in standard deviations


def know(net: nn.Module, canvases: Halves) -> Known:
    """Measures a net."""
    readout = probe(net, canvases, LAYER)
    assert readout.logits is not None
    right, changed = (readout.logits.argmax(dim=1) == canvases.labels).double(), canvases.changed
    peaks = readout.response.double()
    spread = (peaks[changed].var(dim=0) + peaks[~changed].var(dim=0)).div(2).sqrt().clamp_min(1e-9)
    liking = (peaks[changed].mean(dim=0) - peaks[~changed].mean(dim=0)) / spread
    return Known(float(right[~changed].mean()), float(right[changed].mean()), liking.float())


@dataclass(frozen=True, eq=False)
class Cases:
    """Of what pictures are made: a picture a row."""

    what: str  # class, or unit
    index: Int[Tensor, " n"]
    changed: Tensor  # bool [n]: whether the class is of the changed half, or the unit answers to it
    own: Int[Tensor, "n 2"] | None
    seeds: tuple[int, ...]

    def target(self, net: nn.Module) -> Target:
        """Gives what is climbed."""
        return logit_target(net, self.index) if self.what == "class" else unit_target(net, LAYER, self.index)


def class_cases(seed: int, sizes: Sizes) -> Cases:
    """Chooses pairs by chance, the same of either half."""
    names = choose("tasks", "pairs").classes
    chosen = torch.from_numpy(Stream(seed, "halves", "classes").integers(0, 2**31, (PAIRS,)).argsort(kind="stable"))
    chosen = chosen[: sizes.classes]
    own = torch.tensor([[int(digit) for digit in names[pair]] for pair in chosen.tolist()])
    changed = torch.arange(2 * len(chosen)) >= len(chosen)
    return Cases("class", torch.cat([chosen, chosen + PAIRS]), changed, own.repeat(2, 1), _seeds(seed, len(changed)))


def unit_cases(liking: Float[Tensor, " units"], seed: int, sizes: Sizes) -> Cases | None:
    """Chooses the units that answer to one half most, two pictures each; None where no unit does."""
    order = liking.argsort(stable=True)
    least = [unit for unit in order[: sizes.units].tolist() if liking[unit] <= -LIKING]
    most = [unit for unit in order.flip(0)[: sizes.units].tolist() if liking[unit] >= LIKING]
    units = torch.tensor([*least, *most]).repeat_interleave(2)
    if not len(units):
        return None
    return Cases("unit", units, liking[units] > 0, None, _seeds(seed, len(units)))


def _seeds(seed: int, n: int) -> tuple[int, ...]:
    """Gives each picture of a net a seed of its own."""
    return tuple(range(1_000 * seed, 1_000 * seed + n))


def priors_of(net: nn.Module, how: str, place: Place, seed: int, sizes: Sizes, more: Sequence[str] = ()) -> dict[str, Generator]:
    """Trains the generators of a net.

    Args:
        net: Of 90 classes.
        how: The change that it has learnt.
        place: Where canvases come from.
        seed: Of the generators.
        sizes: How much.
        more: `conv3`, to invert that layer; or sources of glyphs, to learn from their canvases.

    Returns:
        `normal` has learnt canvases as they are, `both` those of both halves, each from pool2; and those of `more`.
    """
    n, way = sizes.inverted + CHECKED, Inverting(epochs=sizes.passes)
    pool2 = Encoder(net, "conv2", "max")
    found = {"normal": train_generator(pool2, place.pairs("train", n), seed, way)}
    found["both"] = train_generator(pool2, place.halves(how, "train", n), seed, way)
    for name in more:
        encoder, source = (Encoder(net, LAYER), None) if name == LAYER else (pool2, name)
        found[name] = train_generator(encoder, place.pairs("train", n, source), seed, way)
    return found


def prior_of_another(net: nn.Module, place: Place, seed: int, sizes: Sizes) -> Generator:
    """Trains a generator of a net that has never seen a changed canvas, on canvases as they are."""
    canvases = place.pairs("train", sizes.inverted + CHECKED)
    return train_generator(Encoder(net, "conv2", "max"), canvases, seed, Inverting(epochs=sizes.passes))
