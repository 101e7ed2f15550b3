"""Brushing: one page on which digits are painted into a generator's layer and erased, and a judge reads what becomes of it.

The page is one file of plain HTML, CSS and JavaScript: generator and judge are written down as plain operations
(`page.exporting`) and run in the browser.

Source:
    D. Bau et al. (2019), "GAN Dissection", arXiv:1811.10597, whose GANPaint runs on a server and leaves the judging to the eye.
    Differs: nothing is loaded from anywhere, a measured judge reads every stroke, and another ranking does the same beside it.
"""

import base64
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup
from PIL import Image
from torch import Tensor, nn

from mixmnist.core import storage
from mixmnist.core.records import Canvas, require
from mixmnist.dissect.editing import Edit, edited, silencing
from mixmnist.dissect.reading import DIGITS, SURE
from mixmnist.page.exporting import exported, exported_generator, packed, rounded
from mixmnist.page.words import BRUSH

MOST = 1_500_000  # bytes of the page
SCRIPTS = "base notes program convolve subject strokes panels trial controls brush".split()
STYLES = "page front brush".split()
DIGIT = 3  # that the brush begins with
ALIKE = 1e-5  # difference of images up to which they are the same


@dataclass(frozen=True, eq=False)
class Inverted:
    """Real canvases, and the codes that a generator draws them by."""

    images: UInt8[Tensor, "k rows cols"]
    codes: Float[Tensor, "k latent"]
    maps: Float[Tensor, "k units high wide"] | None = (
        None  # of the layer, where these were sought, too; else they follow from the codes
    )
    names: tuple[str, ...] = ()  # of each; without them what is read on it


@dataclass(frozen=True, eq=False)
class Brush:
    """Everything that the page shows."""

    title: str
    net: nn.Module  # codes [n, latent] -> images [n, 1, rows, cols] in [0, 1], in eval mode
    layer: str
    judge: (
        nn.Module
    )  # images -> anything with counts [n, 10, 3] and junk [n, 2], log probabilities, and pixels [n, 12, rows, cols], logits
    canvas: Canvas
    codes: Float[Tensor, "n latent"]  # of the generated canvases
    rankings: Mapping[str, Float[Tensor, "units digits"]]  # the larger, the earlier; by title
    values: Float[Tensor, "units digits"]  # k: what painting a digit writes; nan counts as 0
    notes: tuple[str, ...] = ()  # how far to believe it: the judge's card, the share of valid canvases beside its ceiling
    faults: tuple[str, ...] = ()  # what speaks against any verdict
    names: tuple[str, ...] = ()  # of the generated canvases; without them what is read on each
    inverted: Inverted | None = None
    patches: Float[Tensor, "digits units tall broad"] | None = None  # a donor's maps around each digit, for a stamp
    n_units: int = 4  # that the brush begins with
    cells: int | None = None  # across the brush, to begin with; None: those that a glyph covers

    def __post_init__(self) -> None:
        n_units = len(self.values)
        require(len(self.codes), "codes must be of at least one canvas, got none. Draw some.")
        require(self.rankings, "rankings must hold at least one, got none. Add the one called random.")
        for title, ranking in self.rankings.items():
            shape = tuple(ranking.shape)
            require(
                shape == (n_units, DIGITS),
                f"a ranking must be of {n_units} units and {DIGITS} digits, got {shape} of {title!r}. Compute it for this layer.",
            )
        require(
            not self.names or len(self.names) == len(self.codes),
            f"names must be one for each of {len(self.codes)} canvases, got {len(self.names)}. Leave them out.",
        )


def write_brush(path: Path, brush: Brush) -> Path:
    """Writes the page, one file, whole or not at all.

    Args:
        path: The file, `.html`.
        brush: What it shows.

    Returns:
        The path.

    Raises:
        ValueError: If generator or judge do what the page cannot, or the page gets larger than 1.5 MB.
    """
    data = _data(brush)
    moved, reread = data.pop("moved"), data.pop("reread")
    assets = files("mixmnist.page") / "assets"

    def texts(names: list[str], end: str) -> Markup:
        return Markup("\n".join((assets / f"{name}.{end}").read_text(encoding="utf-8") for name in names))  # noqa: S704 -- our own

    loader = FunctionLoader(lambda name: (assets / name).read_text(encoding="utf-8"))
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.globals["glossary"] = BRUSH
    _, units, high, wide = data["generator"]["shapes"][data["generator"]["outputs"][0]]
    said = {"exhibits": [], "glossary": BRUSH, "grades": {}, "brush": data}
    text = environment.get_template("brush.html.jinja").render(
        brush=brush,
        units=units,
        high=high,
        wide=wide,
        stamp=brush.patches is not None,
        n=len(brush.codes),
        moved=f"{moved:.4f}".replace("0.", ".", 1),
        reread=reread,
        style=texts(STYLES, "css"),
        script=texts(SCRIPTS, "js"),
        data=Markup(_as_json(said)),  # noqa: S704 -- what could end the script is written otherwise
        version=version("mixmnist"),
    )
    size = len(text.encode())
    require(
        size <= MOST, f"the page must be of {MOST:,} bytes at most, got {size:,}. Show fewer canvases or a smaller generator."
    )
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".partial-{path.name}")
    partial.write_text(text, encoding="utf-8")
    partial.rename(path)
    return path


def _as_json(data: Any) -> str:  # noqa: ANN401 -- anything that JSON can hold
    """Writes JSON that may stand inside of a script."""
    return json.dumps(storage.without_nan(data), separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def _data(brush: Brush) -> dict[str, Any]:
    """Gives what the script gets."""
    net, judge = rounded(brush.net), rounded(brush.judge)
    codes = brush.codes.half().float()
    generator = exported_generator(net, brush.layer, codes[:1])
    _, n_units, high, _ = generator.shapes[generator.outputs[0]]
    require(
        n_units == len(brush.values),
        f"values must be of the layer's {n_units} units, got {len(brush.values)}. Fit them on this layer.",
    )
    begins = generator.input == generator.outputs[0]  # with the maps
    maps = _maps(net, brush.layer, codes) if begins else None
    with torch.no_grad():
        images, plain = net(codes), brush.net(brush.codes)
    size = brush.canvas.size
    require(
        tuple(images.shape[1:]) == (1, size, size),
        f"images must be 1 x {size} x {size}, got {list(images.shape[1:])}. Name the canvas that it draws.",
    )
    reads, unrounded = _reads(judge, images), _reads(brush.judge, plain)
    return {
        "bar": SURE,
        "start": {
            "digit": DIGIT,
            "units": brush.n_units,
            "cells": brush.cells or max(1, round(brush.canvas.glyph * high / size)),
        },
        "generator": generator.packed,
        "judge": exported(lambda x: _answers(judge(x)), images[:1], "judge").packed,
        "generated": {"names": list(brush.names or reads), "sheet": _sheet(images), **_begun(codes, maps)},
        "inverted": None if brush.inverted is None else _inverted(brush, net, judge, begins),
        "rankings": [_ranking(title, ranking) for title, ranking in brush.rankings.items()],
        "values": brush.values.nan_to_num(0).half().float().tolist(),
        "patches": _patches(brush.patches),
        "check": _check(brush, net, judge, codes[:1]),
        "moved": float((images - plain).abs().max()),
        "reread": sum(one != two for one, two in zip(reads, unrounded, strict=True)),
    }


def _begun(codes: Float[Tensor, "n latent"], maps: Tensor | None) -> dict[str, Any]:
    """Gives what canvases begin with: their codes, and maps where these are not what follows from the codes."""
    return {"codes": packed(codes)} | ({} if maps is None else {"maps": packed(maps)})


def _maps(net: nn.Module, layer: str, codes: Float[Tensor, "n latent"]) -> Float[Tensor, "n units high wide"]:
    """Gives the layer's maps in half precision, where the page cannot work them out.

    Raises:
        ValueError: If the image does not follow from them alone.
    """
    seen: list[Tensor] = []
    handle = dict(net.named_modules())[layer].register_forward_hook(lambda _, __, output: seen.append(output.half().float()))
    try:
        with torch.no_grad():
            net(codes)
    finally:
        handle.remove()
    (maps,) = seen
    first = [_drawn(net, layer, code, maps[:1]) for code in (codes[:1], codes[-1:])]
    alone = bool((first[0] - first[1]).abs().max() < ALIKE)
    require(
        alone,
        f"images must follow from layer={layer!r} alone where the page cannot do what leads to it, got others. Name another.",
    )
    return maps


def _drawn(net: nn.Module, layer: str, codes: Tensor, maps: Tensor) -> Float[Tensor, "n 1 rows cols"]:
    """Draws images of maps that are written into the layer."""
    with torch.no_grad(), edited(net, layer, Edit(torch.ones(maps.shape[1]), maps)):
        found: Tensor = net(codes)
    return found


def _patches(patches: Tensor | None) -> dict[str, Any] | None:
    return None if patches is None else {"shape": list(patches.shape[2:]), **packed(patches.half().float())}


def _answers(found: Any) -> tuple[Tensor, Tensor, Tensor]:  # noqa: ANN401 -- whatever a judge's net gives
    """Gives what the page needs of a judge, in its order."""
    return found.counts, found.junk, found.pixels


def _reads(judge: nn.Module, images: Float[Tensor, "n 1 rows cols"]) -> list[str]:
    """Says of each canvas what is read."""
    with torch.no_grad():
        found = [_answers(judge(part)) for part in images.split(100)]
    counts, junk = (torch.cat([one[place] for one in found]) for place in (0, 1))
    return [_words(count, some) for count, some in zip(counts.argmax(dim=2).tolist(), junk.argmax(dim=1).tolist(), strict=True)]


def _words(counts: list[int], junk: int) -> str:
    """Says what is read, as the script does.

    Example:
        >>> _words([0, 1, 0, 2, 0, 0, 0, 0, 0, 0], 1), _words([0] * 10, 0)
        ('reads 1, 3 twice or more and junk', 'reads nothing')
    """
    words = [f"{digit} twice or more" if n > 1 else str(digit) for digit, n in enumerate(counts) if n] + ["junk"] * bool(junk)
    listed = f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else "".join(words)
    return f"reads {listed or 'nothing'}"


def _ranking(title: str, ranking: Float[Tensor, "units digits"]) -> dict[str, Any]:
    """Gives a ranking's order of the units for each digit, and its scores in that order; what is no number comes last."""
    order = ranking.nan_to_num(float("-inf")).argsort(dim=0, descending=True, stable=True)
    scores = [[float(f"{score:.3g}") for score in row] for row in ranking.gather(0, order).T.tolist()]
    return {"title": title, "order": order.T.tolist(), "scores": scores}


def _inverted(brush: Brush, net: nn.Module, judge: nn.Module, begins: bool) -> dict[str, Any]:
    """Gives real canvases, what is read on them, and what their inversions begin with."""
    assert brush.inverted is not None  # asked before
    images, codes, maps = brush.inverted.images, brush.inverted.codes.half().float(), brush.inverted.maps
    if begins and maps is None:
        maps = _maps(net, brush.layer, codes)
    names = brush.inverted.names or _reads(judge, images[:, None].float() / 255)
    return {"names": list(names), "real": packed(images.float()), **_begun(codes, None if maps is None else maps.half().float())}


def _sheet(images: Float[Tensor, "n 1 rows cols"]) -> str:
    """Gives small pictures side by side, in 16 greys, as an address that holds them."""
    steps = (images[:, 0].clamp(0, 1) * 15).round().mul(17).byte()  # n rows cols
    found = io.BytesIO()
    Image.fromarray(np.concatenate(list(steps.cpu().numpy()), axis=1)).quantize(16).save(found, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(found.getvalue()).decode()


def _check(brush: Brush, net: nn.Module, judge: nn.Module, code: Float[Tensor, "1 latent"]) -> dict[str, Any]:
    """Gives what torch makes of one edit, for the page to hold its own against: the first ranking's units of a digit silenced."""
    ranking = next(iter(brush.rankings.values()))
    gone = torch.zeros(len(ranking), dtype=torch.bool)
    gone[ranking.nan_to_num(float("-inf"))[:, DIGIT].argsort(descending=True, stable=True)[: brush.n_units]] = True
    with torch.no_grad(), edited(net, brush.layer, silencing(gone)):
        image = net(code)
        counts = judge(image).counts.exp()
    return {"digit": DIGIT, "units": brush.n_units, "image": packed(image.flatten()), "counts": packed(counts.flatten())}
