"""Inversion: the code and the layer's maps by which a generator draws a given canvas, so that its edits can be made on it.

An encoder guesses the code. Then the code is optimised, and after that code and layer together: the canvas is drawn as
f(h(z) + d), with h(z) the layer's maps and d what is added to them. Each canvas is on its own: no loss mixes them.

Source:
    D. Bau et al. (2019), "Seeing What a GAN Cannot Generate", ICCV: an encoder, then residuals at layers, by pixels and features.
    J. Zhu et al. (2020), arXiv:2004.00049: stay near what the encoder knows. Differs: the residual is at the one layer that is
    dissected, so that its units can be edited; the features are the encoder's, as no network of labels is needed; and controls
    stand beside it: the encoder alone, optimisation alone, a random code, the nearest of the generator's own samples.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor
from tqdm import tqdm

from mixmnist.core.records import require
from mixmnist.core.seeding import derive
from mixmnist.dissect._encoder import Encoder, moments
from mixmnist.dissect._parts import Part, columns_of, nearest_one_hot, parts_of, swap_of
from mixmnist.dissect.editing import Edit
from mixmnist.dissect.subject import LOOKED_AT, Subject, images_of, look
from mixmnist.probing import find_layer
from mixmnist.probing.running import editing, plainly

TRIED = 1_000  # codes from which mean, spread and one-hot parts of a code are known, and of which the nearest is looked for
BATCH = 100  # canvases that are optimised side by side
WAYS = ("inverted", "code", "encoder", "optimised", "nearest", "random")
LOSSES = {"l1": F.l1_loss, "mse": F.mse_loss}


@dataclass(frozen=True)
class Descent:
    """How code and layer are optimised."""

    steps: int = 150
    """Steps on the code alone."""
    layer_steps: int = 100
    """Steps on the code and on what is added to the layer."""
    rate: float = 0.05
    """Learning rate of the code, in standard deviations of its numbers."""
    layer_rate: float = 0.05
    """Learning rate of what is added to the layer, in root mean squares of its maps."""
    pixels: str = "l1"
    """How pixels are compared: l1 or mse."""
    features: float = 0.02
    """Weight of the encoder's features; nothing without an encoder."""
    stay: float = 0.001
    """Weight of staying near the code that the encoder guessed, or near the mean code."""
    residual: float = 0.02
    """Weight of adding little to the layer."""
    project: bool = False
    """Whether one-hot parts of the code are put to the nearest digit halfway, and stay there."""

    def __post_init__(self) -> None:
        require(self.pixels in LOSSES, f"pixels must be one of {', '.join(LOSSES)}, got pixels={self.pixels!r}.")
        for name in ("steps", "layer_steps", "features", "stay", "residual"):
            value = getattr(self, name)
            require(value >= 0, f"{name} must be 0 or more, got {name}={value}.")


@dataclass(frozen=True, eq=False)
class Inverted:
    """Canvases as a generator draws them."""

    subject: Subject
    codes: Float[Tensor, "n latent"]
    maps: Float[Tensor, "n units high wide"]  # of the layer, with what was added to them
    images: Float[Tensor, "n 1 rows cols"]

    def __len__(self) -> int:
        return len(self.codes)

    def edited(self, edit: Edit) -> Float[Tensor, "n 1 rows cols"]:
        """Draws the canvases anew, with the layer's maps edited."""
        share = edit.units.to(self.maps)[:, None, None]
        share = share if edit.cells is None else share * edit.cells.to(self.maps)[:, None]  # n units high wide
        return drawn(self.subject, self.codes, self.maps * (1 - share) + edit.value.to(self.maps) * share)

    def some(self, samples: Tensor) -> "Inverted":
        """Gives some of the canvases, by their indices or a mask."""
        return Inverted(self.subject, self.codes[samples], self.maps[samples], self.images[samples])


@dataclass(frozen=True, eq=False)
class Known:
    """What is known of a generator's codes and of its layer before anything is inverted."""

    mean: Float[Tensor, " latent"]
    spread: Float[Tensor, " latent"]
    parts: tuple[Part, ...]
    swap: Int[Tensor, " latent"] | None  # the order of a code's numbers with its two glyphs exchanged
    level: float  # root mean square of the layer's maps
    positive: bool  # whether none of them is below 0

    @classmethod
    def of(cls, subject: Subject) -> "Known":
        """Draws codes and maps, and looks at them."""
        codes = subject.codes(TRIED, derive(0, "inversion"))
        maps = look(subject, codes[:BATCH])[1]
        mean, spread = moments(codes.to(maps))
        swap = swap_of(codes[:LOOKED_AT], lambda some: images_of(subject, some))
        level = float(maps.square().mean().sqrt()) or 1.0
        return cls(mean, spread, parts_of(codes), swap, level, bool((maps >= 0).all()))


def drawn(
    subject: Subject, codes: Float[Tensor, "n latent"], maps: Float[Tensor, "n units high wide"]
) -> Float[Tensor, "n 1 rows cols"]:
    """Draws canvases of codes with the layer's maps replaced."""
    return images_of(subject, codes, Edit(torch.ones(maps.shape[1]), maps))


def invert(
    subject: Subject,
    images: Float[Tensor, "n 1 rows cols"],
    encoder: Encoder | None,
    how: Descent = Descent(),
) -> Inverted:
    """Finds codes, and layer's maps, by which a generator draws given canvases.

    Args:
        subject: The generator, and the layer that may be added to.
        images: The canvases, in [0, 1].
        encoder: Where the codes begin, and whose features count; None: at the mean code, without features.
        how: Steps and weights of the losses.

    Returns:
        Codes, maps and images; the images are drawn anew of the other two.

    Raises:
        ValueError: If the canvases are of another size or range, or nothing of the layer depends on the code.
    """
    check_canvases(subject, images)
    known = Known.of(subject)
    parts = images.split(BATCH)
    found = [_descend(subject, part.to(known.mean), encoder, how, known) for part in parts]
    codes, maps = (torch.cat(some) for some in zip(*found, strict=True))
    return Inverted(subject, codes, maps, drawn(subject, codes, maps))


def invert_by(
    way: str,
    subject: Subject,
    images: Float[Tensor, "n 1 rows cols"],
    encoder: Encoder,
    how: Descent = Descent(),
) -> Inverted:
    """Inverts canvases, or does one of the things that inversion must be better than.

    Args:
        way: inverted: encoder, then code, then code and layer; code: without the layer; encoder: its guess alone; optimised:
            code and layer from the mean code, without the encoder; nearest: of 1,000 of the generator's own samples the one with
            the least difference in pixels; random: a code as the generator draws them.
        subject: The generator.
        images: The canvases, in [0, 1].
        encoder: From `fit_encoder`.
        how: As of `invert`.

    Raises:
        ValueError: If there is no such way, or the canvases are of another size or range.
    """
    require(way in WAYS, f"way must be one of {', '.join(WAYS)}, got way={way!r}.")
    check_canvases(subject, images)
    if way == "inverted":
        return invert(subject, images, encoder, how)
    if way == "optimised":
        return invert(subject, images, None, how)
    if way == "code":
        return invert(subject, images, encoder, _without_layer(how))
    if way == "encoder":
        with torch.no_grad():
            return plain(subject, torch.cat([encoder(part) for part in images.to(encoder.mean).split(BATCH)]))
    if way == "random":
        return plain(subject, subject.codes(len(images), derive(0, "inversion", "random")))
    codes = subject.codes(TRIED, derive(0, "inversion", "nearest"))
    own = images_of(subject, codes).flatten(1)
    apart = torch.cat([torch.cdist(part.to(own).flatten(1), own, p=1) for part in images.split(BATCH)])
    return plain(subject, codes[apart.argmin(dim=1).to(codes.device)])


def check_canvases(subject: Subject, images: Float[Tensor, "n 1 rows cols"]) -> None:
    """Raises a ValueError where canvases are of another size than the generator's, or out of range."""
    size, shape = subject.canvas.size, tuple(images.shape[2:])
    way = "Give canvases of that size, as `mixmnist export` writes them."
    require(shape == (size, size), f"images must be {size} x {size} as the generator draws, got {shape[0]} x {shape[1]}. {way}")
    require(len(images) >= 1, f"images must be 1 or more, got {len(images)}. {way}")
    low, high = (float(end) for end in images.aminmax())
    require(low >= 0 and high <= 1, f"images must lie in [0, 1], got {low:.3g} to {high:.3g}. Scale them.")


def _without_layer(how: Descent) -> Descent:
    """Gives all steps to the code."""
    return Descent(how.steps + how.layer_steps, 0, how.rate, how.layer_rate, how.pixels, how.features, how.stay, 0.0, how.project)


def plain(subject: Subject, codes: Float[Tensor, "n latent"]) -> Inverted:
    """Draws codes as they are."""
    images, maps = look(subject, codes)
    return Inverted(subject, codes.to(images), maps, images)


def _descend(
    subject: Subject, images: Tensor, encoder: Encoder | None, how: Descent, known: Known
) -> tuple[Float[Tensor, "n latent"], Float[Tensor, "n units high wide"]]:
    """Optimises the codes of some canvases, then codes and maps; gives both."""
    with torch.no_grad():
        wanted = [] if encoder is None else encoder.features(images)
        start = known.mean.expand(len(images), -1) if encoder is None else encoder(images)
    moved = torch.zeros_like(start).requires_grad_()  # in spreads
    added = images.new_zeros(len(images), subject.n_units, *subject.cells).requires_grad_()  # in levels
    held, fixed = torch.zeros(start.shape[1], dtype=torch.bool, device=start.device), moved.detach()
    optimiser = torch.optim.Adam([{"params": [moved], "lr": how.rate}, {"params": [added], "lr": how.layer_rate}])
    rates, total = [group["lr"] for group in optimiser.param_groups], how.steps + how.layer_steps
    for step in tqdm(range(total), "inverting", delay=2, leave=False, disable=None):
        if how.project and step == total // 2:
            held = columns_of(known.parts, start.shape[1]).to(start.device)
            code = start + known.spread * moved.detach()
            fixed = (nearest_one_hot(code, known.parts) - start) / known.spread
            moved.data = torch.where(held, fixed, moved.data)
        late = step >= how.steps
        for group, rate in zip(optimiser.param_groups, rates, strict=True):
            group["lr"] = rate * _share(step - how.steps if late else step, how.layer_steps if late else how.steps)
        image = _draw(subject, start + known.spread * moved, added * known.level if late else None, known.positive)
        loss = LOSSES[how.pixels](image, images, reduction="none").mean(dim=(1, 2, 3)).sum() + how.stay * _squares(moved)
        if encoder is not None and how.features:
            ours = encoder.features(image)
            loss = loss + how.features * sum(_squares(one - other) for one, other in zip(ours, wanted, strict=True))
        loss = loss + how.residual * _squares(added) if late else loss
        moved.grad, added.grad = torch.autograd.grad(loss, (moved, added), allow_unused=True, materialize_grads=True)
        if not late:
            added.grad = None
        optimiser.step()
        moved.data = torch.where(held, fixed, moved.data)  # steps go on for a while after the last gradient
    with torch.no_grad():
        codes = start + known.spread * moved
        maps = look(subject, codes)[1] + added * known.level
    return codes.detach(), (maps.clamp_min(0) if known.positive else maps).detach()


def _share(step: int, steps: int) -> float:
    """Gives the share of the highest learning rate at a step: it falls to nothing along a quarter of a sine."""
    return max(0.02, (1 - step / steps) ** 0.5) if steps else 1.0


def _squares(numbers: Tensor) -> Tensor:
    """Sums the mean square of each sample."""
    return numbers.flatten(1).square().mean(dim=1).sum()


def _draw(subject: Subject, codes: Tensor, added: Tensor | None, positive: bool) -> Tensor:
    """Draws codes with gradients, with something added to the layer's maps."""

    def write(maps: Tensor) -> Tensor:
        more = maps if added is None else maps + added
        return more.clamp_min(0) if positive else more

    with plainly(subject.net, codes.device), editing(find_layer(subject.net, subject.layer), write):
        drawn: Tensor = subject.net(codes)
    return drawn
