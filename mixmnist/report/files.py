"""Figures as files: the same bytes at every hour, and as few as there need be."""

import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from PIL import Image

FIXED: dict[str, dict[str, Any]] = {"pdf": {"CreationDate": None}, "svg": {"Date": None}, "png": {"Software": None}}


def write_figure(figure: Figure, path: Path) -> None:
    """Writes a figure in the format that the file's ending names; a png in few bytes, its pixels as drawn."""
    kind = path.suffix[1:]
    if kind != "png":
        figure.savefig(path, metadata=FIXED[kind], transparent=kind == "svg")  # it lies on pages, which may be dark
        return
    drawn = BytesIO()
    figure.savefig(drawn, format=kind, metadata=FIXED[kind], pil_kwargs={"compress_level": 1})
    with Image.open(drawn) as image:
        small = smaller(image)
        small.save(path, dpi=image.info["dpi"], optimize=True, compress_type=zlib.Z_DEFAULT_STRATEGY)


def smaller(image: Image.Image) -> Image.Image:
    """Gives a picture with the same pixels in fewer bytes each: one where it has up to 256 colours, else three.

    Figures come with four, the last of which says that every pixel is opaque; one with transparent pixels stays as it is.
    """
    if image.mode == "RGBA" and image.getchannel("A").getextrema() != (255, 255):
        return image
    opaque = image.convert("RGB")
    colours = opaque.getcolors(256)  # None if there are more
    return opaque if colours is None else opaque.quantize(len(colours), dither=Image.Dither.NONE)
