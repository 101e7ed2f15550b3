"""Generators: nets that draw an image of a layer's code, so that codes can be climbed in place of pixels; measured before use.

Source:
    A. Dosovitskiy & T. Brox (2016), "Generating Images with Perceptual Similarity Metrics based on Deep Networks",
    arXiv:1602.02644; A. Nguyen et al. (2016), arXiv:1605.09304. Differs: a few ten thousand weights; upsampling and plain
    convolutions; the code is brought to mean 0 and standard deviation 1 before it is drawn.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from mixmnist.core.records import require
from mixmnist.probing import check_layers
from mixmnist.probing.running import Transform, plainly
from mixmnist.visualize._targets import Target

ERROR, INK = 0.8, 2.0  # a generator's relative error and its ink are refused from there on
POOLS = ("none", "max", "mean")
SEEDED = 4  # pixels that the cells of the first map lie apart, where a code has no places
SMALLEST = 1e-3  # standard deviation of a number of a code, as a share of the mean one

Codes = Float[Tensor, "n units high wide"]
Pixels = Float[Tensor, "n channels rows cols"]


class OtherNetError(ValueError):
    """A generator is of another net."""


@dataclass(frozen=True, eq=False)
class Encoder:
    """A layer of a net, as what makes codes of images."""

    net: nn.Module
    layer: str
    pool: str = "none"  # none; max of 3 by 3 cells, 2 apart; mean over all places
    transform: Transform | None = None

    def __post_init__(self) -> None:
        check_layers(self.net, (self.layer,))
        require(self.pool in POOLS, f"pool must be one of {', '.join(POOLS)}, got pool={self.pool!r}.")

    def __call__(self, images: Pixels) -> Codes:
        """Gives the code of each image; in a gradient's graph where one is kept.

        Raises:
            ValueError: If the layer gives no maps and no vectors.
        """
        target = Target(self.net, "peak", torch.tensor([0]), self.layer, transform=self.transform)
        maps = target.output(images)
        maps = maps[:, :, None, None] if maps.ndim == 2 else maps
        require(maps.ndim == 4, f"layer must give maps or vectors, got {list(maps.shape)} of layer={self.layer!r}. Name another.")
        if self.pool == "mean":
            return maps.mean((2, 3), keepdim=True)
        return F.max_pool2d(maps, 3, 2) if self.pool == "max" else maps

    @property
    def digest(self) -> str:
        """Gives the SHA-256 of the net's weights."""
        return digest(self.net)


def digest(net: nn.Module) -> str:
    """Gives the SHA-256 of a net's weights and their names."""
    found = hashlib.sha256()
    for name, tensor in net.state_dict().items():
        found.update(f"{name} {list(tensor.shape)} {tensor.dtype}".encode())
        found.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return found.hexdigest()


class Drawing(nn.Module):
    """Draws images of codes: convolutions with leaky ReLUs, maps doubled between them; it gives logits of pixels.

    Cells stay where they lie: by powers of two apart, in the middle of the image, as a net's pools and strides leave them.
    """

    def __init__(self, code: Sequence[int], image: Sequence[int], widths: Sequence[int]) -> None:
        super().__init__()
        (units, *cells), (channels, *self.size), (first, second, third) = code, image, widths
        apart = SEEDED if max(cells) == 1 else min(_power(a // b) for a, b in zip(self.size, cells, strict=True))
        self.sides = [-(-side // apart) for side in self.size]  # of the first map
        self.times = (1, apart // min(apart, 2), min(apart, 2), 1)
        self.seed = nn.Linear(units, first * math.prod(self.sides)) if max(cells) == 1 else None
        self.convs = nn.ModuleList(
            nn.Conv2d(a, b, 3, padding=1)
            for a, b in ((first if self.seed else units, first), (first, second), (second, third), (third, channels))
        )

    def forward(self, code: Codes) -> Pixels:
        """Gives logits of pixels."""
        x = _fit(code, self.sides) if self.seed is None else self.seed(code.flatten(1)).view(len(code), -1, *self.sides)
        for number, (conv, times) in enumerate(zip(self.convs, self.times, strict=True)):
            x = x if times == 1 else F.interpolate(x, scale_factor=times, mode="nearest")
            x = conv(F.leaky_relu(x, 0.2) if number else x)
        return _fit(x, self.size)


def _power(ratio: int) -> int:
    """Gives the largest power of two that is no larger, at least 1."""
    return 1 << max(ratio.bit_length() - 1, 0)


def _fit(maps: Tensor, sides: Sequence[int]) -> Tensor:
    """Brings maps to a size: zeros around them, or their border off, as much on either side."""
    (high, wide), (rows, cols) = maps.shape[2:], sides
    left, top = (cols - wide) // 2, (rows - high) // 2
    return F.pad(maps, (left, cols - wide - left, top, rows - high - top))


@dataclass(frozen=True, eq=False)
class Generator:
    """A net that draws images of a layer's codes, and what is known of it."""

    drawing: Drawing
    encoder: Encoder
    mean: Float[Tensor, "units high wide"]  # of the codes of natural canvases
    sd: Float[Tensor, "units high wide"]
    report: Mapping[str, float]  # error: of the code, relative; ink: drawn over real; pixels: root mean square difference
    about: Mapping[str, object]  # how it was trained

    def __call__(self, code: Codes) -> Pixels:
        """Draws an image in [0, 1] of each code."""
        return torch.sigmoid(self.logits(code))

    def logits(self, code: Codes) -> Pixels:
        """Gives logits of pixels."""
        least = SMALLEST * self.sd.mean()
        found: Tensor = self.drawing((code - self.mean) / self.sd.clamp_min(least))
        return found

    def encode(self, images: Pixels) -> Codes:
        """Gives the codes of images, without a gradient."""
        with torch.no_grad(), plainly(self.encoder.net, images.device):
            return self.encoder(images)

    @property
    def faults(self) -> list[str]:
        """Says what is wrong with it."""
        error, ink, faults = self.report["error"], self.report["ink"], []
        if not error <= ERROR:
            faults.append(f"a relative error of {error:.2f}, where at most {ERROR} is asked")
        if not 1 / INK <= ink <= INK:
            faults.append(f"{ink:.2f} times the ink, where {1 / INK} to {INK:g} times is asked")
        return faults

    def check(self, target: Target, prior: str = "own") -> None:
        """Refuses a generator that does not invert its layer, or that inverts another net's.

        Args:
            target: What is to be climbed.
            prior: own: of the target's net alone; any: of any net, as a prior from elsewhere.

        Raises:
            ValueError: If it is to be refused.
        """
        way_out = "Train it for longer, with He initialisation and cross-entropy."
        require(not self.faults, f"the generator must invert its layer, got {'; '.join(self.faults)}. {way_out}")
        require(prior in ("own", "any"), f"prior must be own or any, got prior={prior!r}.")
        own = prior == "any" or digest(target.net) == self.encoder.digest
        hint = "Train one for this net, or set prior=any."
        require(own, f"the generator must be of the target's net, got one for layer={self.encoder.layer!r} of another. {hint}")

    def save(self, path: str | Path) -> None:
        """Writes it into one safetensors file; the encoder is named by the sum of its weights and not written."""
        state = {f"drawing.{name}": tensor.contiguous() for name, tensor in self.drawing.state_dict().items()}
        known = {"report": dict(self.report), "about": dict(self.about), "layer": self.encoder.layer}
        known |= {"pool": self.encoder.pool, "encoder": self.encoder.digest}
        metadata = {"generator": json.dumps(known, sort_keys=True)}
        save_file(state | {"mean": self.mean.contiguous(), "sd": self.sd.contiguous()}, path, metadata=metadata)


def load_generator(path: str | Path, net: nn.Module, transform: Transform | None = None) -> Generator:
    """Reads a generator that `save` wrote.

    Args:
        path: The file.
        net: Whose layer it inverts, in eval mode.
        transform: Of the images, before the net sees them.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it holds no generator.
        OtherNetError: If it holds one for another net's layer.
    """
    path, way_out = Path(path), "Write one by train_generator(...).save(path)."
    if not path.is_file():
        raise FileNotFoundError(f"the file of a generator must exist, got {path}. {way_out}")
    try:
        with safe_open(path, "pt") as stored:
            known = json.loads((stored.metadata() or {})["generator"])
            state = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 -- it is no dictionary
        mean, sd, about = state.pop("mean"), state.pop("sd"), known["about"]
        layer, pool, report, own = (known[name] for name in ("layer", "pool", "report", "encoder"))
        drawing = Drawing(mean.shape, about["shape"], about["widths"])
        drawing.load_state_dict({name.removeprefix("drawing."): tensor for name, tensor in state.items()})
    except (SafetensorError, KeyError, TypeError, RuntimeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} must hold a generator, got {type(error).__name__}: {error}. {way_out}") from error
    if digest(net) != own:
        raise OtherNetError(
            f"a generator must be read with its net, got another than that of layer={layer!r} in {path}. Name it."
        )
    encoder, device = Encoder(net, layer, pool, transform), next((p.device for p in net.parameters()), mean.device)
    return Generator(frozen(drawing.to(device)), encoder, mean.to(device), sd.to(device), report, about)


def frozen(drawing: Drawing) -> Drawing:
    """Puts a net into eval mode, its weights without gradients."""
    return drawing.eval().requires_grad_(False)


def initialise(module: nn.Module, how: str, generator: torch.Generator) -> None:
    """Draws the weights of convolutions and linear layers anew, on the processor.

    Args:
        module: Whose weights are written.
        how: he (normal, for leaky ReLUs; no offsets), or default (torch's own).
        generator: Of the random numbers.

    Raises:
        ValueError: If it is another word.
    """
    require(how in ("he", "default"), f"initialisation must be he or default, got {how!r}.")
    for part in module.modules():
        if isinstance(part, nn.Conv2d | nn.Linear):
            bound = 1 / math.sqrt(part.weight[0].numel())
            assert part.bias is not None
            with torch.no_grad():
                if how == "he":
                    nn.init.kaiming_normal_(part.weight, 0.2, generator=generator)
                    part.bias.zero_()
                else:
                    part.weight.uniform_(-bound, bound, generator=generator)
                    part.bias.uniform_(-bound, bound, generator=generator)
