"""Trained judges: small nets that read and segment generated canvases of any source, measured before they are believed.

A judge says how often each digit is there (0, 1, 2 or more), whether there is junk, and of which class each pixel is. It is
trained on odd canvases (see `_odd.py`, which says what counts as a digit and what as junk), drawn anew at each step. Its glyphs
are test glyphs, which generators never see: those of an even index teach it, the others make its card. Of a source of fixed
glyphs, such as `stamps`, there are no others, and its card says so.

Source:
    D. Bau et al. (2019), "GAN Dissection", arXiv:1811.10597, whose segmenter was trained on other pictures and never measured on
    generated ones. Differs: counts and junk besides; a card, a bar, and two seeds whose agreement on generated canvases is told.
"""

import json
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from mixmnist.core import registry
from mixmnist.core.records import Canvas, require
from mixmnist.core.seeding import derive
from mixmnist.data.sources import label, load_glyphs, resolve_source
from mixmnist.dissect._judge_card import NUMBERS, agreement_of, card_of, faults_of, measure
from mixmnist.dissect._judge_fit import Judging as Judging
from mixmnist.dissect._judge_fit import calibrate, fit
from mixmnist.dissect._judge_net import STEP, JudgeNet
from mixmnist.dissect._odd import ODD, PROPER, Pool, odd_canvases, pool_of
from mixmnist.dissect.reading import BATCH, Judge, Said, classes_of
from mixmnist.training import Outcome, Watch

WAY_OUT = "Train one for more steps, or take an easier source."
LAYOUT, BAR, USUAL = Canvas(), Watch("judge"), Judging()


@dataclass(frozen=True, eq=False)
class TrainedJudge:
    """A judge: its net, and what it was trained for. Its card lies in the net."""

    net: JudgeNet
    canvas: Canvas = LAYOUT
    source: str = ""
    seed: int = 0

    @property
    def name(self) -> str:
        """What tables call it."""
        return f"judge of {self.source}, seed {self.seed}"

    @cached_property
    def report(self) -> dict[str, float]:
        """The numbers of its card; `_judge_card.NUMBERS` says what each is."""
        return dict(zip(NUMBERS, self.net.report.tolist(), strict=True))

    @property
    def card(self) -> str:
        """How well it reads, in a sentence that stands on every table."""
        return f"{self.name}, {card_of(self.report)}"

    @property
    def faults(self) -> list[str]:
        """Says where it lies below the bar: pairs read exactly .98, mean IoU .90."""
        return faults_of(self.report)

    def check(self) -> None:
        """Refuses to be believed below the bar.

        Raises:
            ValueError: If it is.
        """
        require(not self.faults, f"the {self.name} must be above its bar, got {'; '.join(self.faults)}. {WAY_OUT}")

    def read(self, images: Float[Tensor, "n 1 rows cols"]) -> Said:
        """Reads canvases.

        Args:
            images: In [0, 1], soft ones too.

        Returns:
            The likeliest count of each digit and the likelier answer to junk; `sure` is the product of their probabilities.

        Raises:
            ValueError: If images are not of its size.
        """
        self._check_size(images)
        with torch.no_grad():
            parts = [self.net(part) for part in images.split(BATCH)]
        counts, junk = (torch.cat([getattr(part, name) for part in parts]) for name in ("counts", "junk"))
        sure = (counts.amax(dim=2).sum(dim=1) + junk.amax(dim=1)).exp()
        return Said(counts.argmax(dim=2), junk.argmax(dim=1).bool(), sure)

    def shares(self, images: Float[Tensor, "n 1 rows cols"]) -> Float[Tensor, "n classes rows cols"]:
        """Gives the probability of each of the twelve classes for each pixel; differentiable in the images.

        Raises:
            ValueError: If images are not of its size.
        """
        self._check_size(images)
        return torch.cat([self.net(part).pixels.softmax(dim=1) for part in images.split(BATCH)])

    def save(self, path: str | Path) -> None:
        """Writes it into one safetensors file: weights and card, and in the header what it was trained for."""
        known = {"canvas": asdict(self.canvas), "source": self.source, "seed": self.seed}
        state = {name: tensor.contiguous() for name, tensor in self.net.state_dict().items()}
        save_file(state, path, metadata={"judge": json.dumps(known, sort_keys=True)})

    def _check_size(self, images: Tensor) -> None:
        size, got = self.canvas.size, tuple(images.shape[1:])
        asked = (1, size, size)
        require(got == asked, f"images must be of the judge's size {list(asked)}, got {list(got)}. Train another judge.")


def build(canvas: Canvas = LAYOUT) -> JudgeNet:
    """Gives the net of a judge, to be filled with weights; its card is a part of its state dict.

    Raises:
        ValueError: If the canvas does not suit it.
    """
    _check_canvas(canvas)
    return JudgeNet(len(NUMBERS))


def judge_of(net: JudgeNet, canvas: Canvas = LAYOUT, source: str = "", seed: int = 0) -> TrainedJudge:
    """Makes a judge of a net that is filled with weights; its card is read from them. The net is frozen, in place."""
    return TrainedJudge(net.eval().requires_grad_(False), canvas, source, seed)


def train_judge(
    source: str = "auto",
    seed: int = 0,
    *,
    canvas: Canvas = LAYOUT,
    root: str | None = None,
    how: Judging = USUAL,
    watch: Watch = BAR,
) -> TrainedJudge:
    """Trains a judge and makes its card.

    Args:
        source: Of the glyphs: that of the generators that are judged.
        seed: Of its weights and canvases.
        canvas: Sizes.
        root: Folder of the source's files.
        how: How it is trained.
        watch: Progress bar and stop signal.

    Returns:
        A judge, whatever its card says; `check` refuses one below the bar.

    Raises:
        ValueError: If the source is unknown or lacks a digit, or the canvas does not suit the net.
        Stopped: If the watch's stop signal was set.

    Example:
        >>> judge = train_judge("stamps", how=Judging(steps=2, batch=8, checked=20))
        >>> judge.read(torch.zeros(3, 1, 32, 32)).counts.shape, len(judge.faults)
        (torch.Size([3, 10]), 2)
    """
    net, _ = fit_judge(source, seed, canvas=canvas, root=root, how=how, watch=watch)
    return judge_of(net, canvas, label(*resolve_source(source, root)), seed)


def fit_judge(
    source: str,
    seed: int,
    *,
    canvas: Canvas = LAYOUT,
    root: str | None = None,
    how: Judging = USUAL,
    watch: Watch = BAR,
) -> tuple[JudgeNet, Outcome]:
    """Trains the net of a judge, its card within, and says what became of its training; see `train_judge`.

    The outcome's history holds the loss and the share of right counts over each twentieth of the training.
    """
    _check_canvas(canvas)
    taught, unseen, fixed = _pools(source, root, canvas)
    net = JudgeNet(len(NUMBERS), torch.Generator().manual_seed(derive(seed, "judge", "initialisation")))
    outcome = fit(net, taught, canvas, derive(seed, "judge", "canvases"), how, watch)
    fresh = torch.Generator().manual_seed(derive(seed, "judge", "confidence"))
    calibrate(net, odd_canvases(taught, how.checked, canvas, fresh))
    _write_card(net, unseen, fixed, canvas, derive(seed, "judge", "card"), how.checked)
    return net, outcome


def _write_card(net: JudgeNet, unseen: Pool, fixed: bool, canvas: Canvas, seed: int, n: int) -> None:
    """Measures a net on canvases of unseen glyphs and writes the numbers into it."""
    generator = torch.Generator().manual_seed(seed)
    proper, odd = (odd_canvases(unseen, n, canvas, generator, mix) for mix in (PROPER, ODD))
    report = measure(judge_of(net, canvas), proper, odd) | {"glyphs": float(len(unseen.labels)), "unseen": float(not fixed)}
    net.report.copy_(torch.tensor([report[name] for name in NUMBERS], dtype=torch.float64))


def load_judge(path: str | Path) -> TrainedJudge:
    """Reads a judge that `save` wrote.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it holds no judge.
    """
    path, way_out = Path(path), "Write one by train_judge(...).save(path)."
    if not path.is_file():
        raise FileNotFoundError(f"the file of a judge must exist, got {path}. {way_out}")
    try:
        with safe_open(path, "pt") as stored:
            known = json.loads((stored.metadata() or {})["judge"])
            state = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 -- it is no dictionary
        canvas = Canvas(**known["canvas"])
        net = build(canvas)
        net.load_state_dict(state)
        return judge_of(net, canvas, known["source"], known["seed"])
    except (SafetensorError, KeyError, TypeError, RuntimeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} must hold a judge, got {type(error).__name__}: {error}. {way_out}") from error


def agreement(one: Judge, two: Judge, images: Float[Tensor, "n 1 rows cols"]) -> dict[str, float]:
    """Says in which share of canvases and of pixels two judges say the same, whether right or wrong.

    Returns:
        counts: Canvases with the same counts of all digits; all: and the same answer to junk; junk: that alone; valid: canvases
        that are valid, or not, to both. pixels: pixels of the same class; ink: of those that are background to neither or one.

    Example:
        >>> from mixmnist import draw
        >>> from mixmnist.dissect.exact import ExactJudge
        >>> images = draw(source="stamps", n=5).images[:, None] / 255
        >>> agreement(ExactJudge(Canvas()), ExactJudge(Canvas()), images)["pixels"]
        1.0
    """
    return agreement_of(one.read(images), two.read(images), classes_of(one, images), classes_of(two, images))


def _check_canvas(canvas: Canvas) -> None:
    size, glyph = canvas.size, canvas.glyph
    require(size % (2 * STEP) == 0, f"size must be a multiple of {2 * STEP} pixels for a judge, got size={size}. Take 32.")
    require(size >= 2 * glyph, f"size must be two glyphs or more for a judge, got size={size} and glyph={glyph}. Take 32 and 12.")


def _pools(source: str, root: str | None, canvas: Canvas) -> tuple[Pool, Pool, bool]:
    """Gives the glyphs that teach, those that the card is made on, and whether they are the same."""
    name, place = resolve_source(source, root)
    glyphs, fixed = load_glyphs(name, place, "test"), registry.choose("sources", name).fixed
    rows = torch.arange(len(glyphs.labels))
    return (*(pool_of(glyphs, rows if fixed else rows[k::2], canvas.glyph) for k in (0, 1)), fixed)
