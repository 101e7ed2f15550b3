"""The page of a brush for a generator that was dissected: digits painted into its layer and erased, a judge reading at once."""

from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from mixmnist.core.records import require
from mixmnist.data.mixture import draw
from mixmnist.dissect._encoder import fit_encoder
from mixmnist.dissect.inserting import mean_at
from mixmnist.dissect.inverting import invert
from mixmnist.dissect.judging import TrainedJudge
from mixmnist.dissect.reading import DIGITS
from mixmnist.guests.dissecting import Dissected
from mixmnist.page.brushing import Brush, Inverted, write_brush

CANVASES = 24  # generated ones on the page
INVERTED = 12  # test canvases on it, at most
NUMBERS = 200_000  # of their maps together, which take three bytes each on the page


def write_page(path: Path, found: Dissected, source: str, root: str | None) -> Path:
    """Writes the page.

    Args:
        path: The file, `.html`.
        found: The dissection; its judge must be a trained one, which the page takes along.
        source: Of the glyphs; of its test canvases some are inverted.
        root: Folder of the source's files.

    Raises:
        ValueError: If the judge is no net, or generator or judge do what the page cannot.
    """
    judge, subject = found.judge, found.test.subject
    way_out = "Name one: --readers, as mixmnist run generators --variants reader makes."
    require(isinstance(judge, TrainedJudge), f"readers must be a trained net for a page, got {judge.name}. {way_out}")
    assert isinstance(judge, TrainedJudge)
    brush = Brush(
        title=subject.name,
        net=subject.net,
        layer=subject.layer,
        judge=judge.net,
        canvas=subject.canvas,
        codes=found.test.codes[:CANVASES],
        rankings=found.rankings,
        values=_values(found),
        notes=(found.about, judge.card, *found.said[1:2]),
        faults=tuple(line for line in found.said if line.startswith("No verdict")),
        inverted=_inverted(found, source, root),
    )
    return write_brush(path, brush)


def _values(found: Dissected) -> Float[Tensor, "units digits"]:
    """Gives what painting a digit writes: the units' means where it lies; nan where it is never read."""
    return torch.stack([mean_at(found.rank, digit) for digit in range(DIGITS)], dim=1)


def _inverted(found: Dissected, source: str, root: str | None) -> Inverted:
    """Inverts some test canvases."""
    subject = found.test.subject
    most = NUMBERS // (subject.n_units * subject.cells[0] * subject.cells[1])
    images = draw("pairs", source, "test", max(1, min(INVERTED, most)), canvas=subject.canvas, root=root).images
    inverted = invert(subject, images[:, None].float() / 255, fit_encoder(subject))
    return Inverted(images, inverted.codes, inverted.maps)
