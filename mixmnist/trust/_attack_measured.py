"""What the analysis of attacks measures on one net: accuracy, detectors, and what an attack does to them."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from torch import Tensor, nn

from mixmnist.core.records import require
from mixmnist.core.seeding import derive
from mixmnist.metrics.average_precision import average_precision
from mixmnist.metrics.detectors import coverage, detectors, unique_concepts
from mixmnist.objectives._attacks import Ball, fgsm, pgd, sign_noise
from mixmnist.probing import Drawn
from mixmnist.trust._answers import accuracy, concepts_of_classes
from mixmnist.trust._bases import RANK, Basis, Detectors, fit_bases, logits_of, maps_of, pixels
from mixmnist.trust._layers import first
from mixmnist.trust._networks import Recorded

CANVASES = 1_000  # of the test mixture, the first ones
SIZES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3)  # largest change of a pixel
READ = (0.01, 0.02, 0.05, 0.1)  # sizes at which detectors are looked at
STEPS, RELATIVE_STEP = 10, 0.25
CLEAN, FGSM, PGD, MOVED, NOISE = "clean", "fgsm", "pgd", "moved", "noise"
ATTACKS, NULLS = (PGD, FGSM), (MOVED, NOISE)
SHOWN_AT, SHOWN = 0.05, 5  # size and number of the canvases that are shown


@dataclass(frozen=True, eq=False)
class Measured:
    """What was measured on one net or on several."""

    accuracy: pd.DataFrame  # a row a size and way of changing canvases
    detecting: pd.DataFrame  # a row a size, way and basis
    inside: pd.DataFrame  # a row a size, way and basis
    shown: pd.DataFrame  # a row a canvas that is shown
    images: NDArray[np.uint8]  # [canvases, 2, rows, cols], clean and attacked


def measured(net: Recorded, root: str | None) -> Measured:
    """Measures one net.

    Raises:
        ValueError: If its classes do not exclude each other: an answer has no digits of its own then.
    """
    rank, test = first(net.mixture("rank", root), RANK), first(net.mixture("test", root), CANVASES)
    way_out = "Use a task with one class an image."
    require(test.labels.ndim == 1, f"attack needs classes that exclude each other, got the task {net.settings.task}. {way_out}")
    module = net.net()
    bases = fit_bases(maps_of(module, net.layer, pixels(rank)), rank.present)
    digits = concepts_of_classes(rank.present, rank.labels, len(rank.classes))
    return _Attacked(net, module, bases, test, digits).measured()


@dataclass(frozen=True, eq=False)
class Answers:
    """A net's answers to clean and to changed canvases, and the digits that go with them."""

    shown: Bool[Tensor, "images concepts"]
    answered: Bool[Tensor, "images concepts"]  # that belong to the new answer
    changed: Bool[Tensor, " images"]  # right before, wrong now


def inside(
    answers: Answers,
    there: Bool[Tensor, " concepts"],
    before: Bool[Tensor, "images concepts"],
    now: Bool[Tensor, "images concepts"],
) -> dict[str, float | int]:
    """Says what became of the detectors behind an answer that changed.

    Looked at are canvases on which both can be told: a digit that is shown and is not in the new answer has a detector that
    fired, and a digit of the new answer that is not shown has one that did not.

    Args:
        answers: And which of them changed.
        there: Of which concepts there is a detector.
        before: Of which concepts the detector fires on the clean canvas.
        now: The same on the changed one.

    Returns:
        `changed`: number of answers that changed; `n`: of these, canvases that can be told; shares of these: `off`, a right
        detector no longer fires; `on`, a wrong one now does; `off_only`, `on_only`, `both`, `neither`, which are 1 together.
        `off_other` and `on_other`: shares of detectors of digits that stay in the answer, and of those in neither, that turn.

    Example:
        >>> yes = torch.tensor
        >>> shown, answered = yes([[1, 1, 0, 0]]).bool(), yes([[1, 0, 1, 0]]).bool()
        >>> before, now = yes([[1, 1, 0, 0]]).bool(), yes([[1, 0, 0, 0]]).bool()
        >>> found = inside(Answers(shown, answered, yes([True])), torch.ones(4).bool(), before, now)
        >>> [found[name] for name in ("changed", "n", "off", "on", "neither")]
        [1, 1, 1.0, 0.0, 0.0]
    """
    left, entered = answers.shown & ~answers.answered & there, answers.answered & ~answers.shown & there
    told = answers.changed & (left & before).any(dim=1) & (entered & ~before).any(dim=1)
    off, on = (left & before & ~now).any(dim=1)[told], (entered & ~before & now).any(dim=1)[told]
    stays = (answers.shown & answers.answered & there & before)[told]
    neither = (~answers.shown & ~answers.answered & there & ~before)[told]
    return {
        "changed": int(answers.changed.sum()),
        "n": int(told.sum()),
        "off": _share(off),
        "on": _share(on),
        "off_only": _share(off & ~on),
        "on_only": _share(on & ~off),
        "both": _share(on & off),
        "neither": _share(~on & ~off),
        "off_other": _share(~now[told][stays]),
        "on_other": _share(now[told][neither]),
    }


def _share(yes: Bool[Tensor, " some"]) -> float:
    return float(yes.double().mean()) if len(yes) else float("nan")


@dataclass(frozen=True, eq=False)
class _Attacked:
    """A net, and what it is attacked on."""

    net: Recorded
    module: nn.Module
    bases: list[Basis]
    test: Drawn
    digits: Bool[Tensor, "classes concepts"]

    def measured(self) -> Measured:
        """Changes the canvases by every size in every way."""
        clean = pixels(self.test)
        logits, maps = logits_of(self.module, clean), maps_of(self.module, self.net.layer, clean)
        before = {basis.name: basis.read(maps) for basis in self.bases}
        rows = [{"eps": 0.0, "way": CLEAN, "accuracy": accuracy(logits, self.test.labels), "moved_by": 0.0}]
        detecting = [{"eps": 0.0, "way": CLEAN, "basis": name} | self._detecting(read) for name, read in before.items()]
        within: list[dict[str, object]] = []
        shown, images = pd.DataFrame(), np.zeros((0, 2, *clean.shape[2:]), np.uint8)
        for size in SIZES:
            changed = self._changed(clean, size)
            answers: dict[str, Answers] = {}
            for way, x in changed.items():
                found = logits_of(self.module, x)
                key: dict[str, object] = {"eps": size, "way": way}
                rows.append(key | {"accuracy": accuracy(found, self.test.labels), "moved_by": float((x - clean).abs().mean())})
                answers[way] = self._answers(logits, found) if way in ATTACKS else answers[PGD]
                if size not in READ:
                    continue
                maps = maps_of(self.module, self.net.layer, x)
                for basis in self.bases:
                    read = basis.read(maps)
                    detecting.append(key | {"basis": basis.name} | self._detecting(read))
                    fire: Detectors = basis.detectors
                    fired = [fire.fire(one) for one in (before[basis.name], read)]
                    within.append(key | {"basis": basis.name} | inside(answers[way], fire.there, *fired))
                if way == PGD and size == SHOWN_AT:
                    shown, images = self._shown(x, logits, found, before[self.bases[0].name], maps)
        tables = [pd.DataFrame(part) for part in (rows, detecting, within)]
        for table in (*tables, shown):
            table.insert(0, "variant", self.net.variant)
            table.insert(1, "seed", self.net.seed)
        return Measured(tables[0], tables[1], tables[2], shown, images)

    def _changed(self, clean: Tensor, size: float) -> dict[str, Tensor]:
        """Gives the canvases changed in each way, PGD before its nulls."""
        labels = self.test.labels
        ball = Ball(size, STEPS, RELATIVE_STEP)
        parts = zip(clean.split(250), labels.split(250), strict=True)
        attacked = torch.cat([pgd(self.module, x, y, ball) for x, y in parts])
        noise = torch.Generator().manual_seed(derive(self.net.seed, "attack", "noise"))
        return {
            PGD: attacked,
            FGSM: fgsm(self.module, clean, labels, size),
            MOVED: (clean + (attacked - clean).roll(1, dims=0)).clamp(0, 1),
            NOISE: sign_noise(clean, size, noise),
        }

    def _answers(self, clean: Tensor, logits: Tensor) -> Answers:
        right, wrong = clean.argmax(dim=1) == self.test.labels, logits.argmax(dim=1) != self.test.labels
        return Answers(self.test.present, self.digits[logits.argmax(dim=1)], right & wrong)

    def _detecting(self, response: Float[Tensor, "images units"]) -> dict[str, object]:
        """Scores a basis on canvases, whatever was done to them."""
        alignment = average_precision(response, self.test.present)
        scores = {"coverage": coverage, "unique": unique_concepts, "detectors": detectors}
        found: dict[str, object] = {name: float(score(alignment)) for name, score in scores.items()}
        return found | {"chance": float(self.test.present.double().mean())}

    def _shown(
        self, attacked: Tensor, logits: Tensor, now: Tensor, before: Tensor, maps: Tensor
    ) -> tuple[pd.DataFrame, NDArray[np.uint8]]:
        """Chooses the first canvases whose answer changed, and says which units' digits fire on them."""
        units, rows = self.bases[0], []
        changed = self._answers(logits, now).changed.nonzero()[:SHOWN, 0]
        fired = [units.detectors.fire(one) for one in (before, units.read(maps))]
        for place in changed.tolist():
            said = [self.test.classes[int(one[place].argmax())] for one in (logits, now)]
            active = [_named(self.test.concepts, one[place]) for one in fired]
            row: dict[str, object] = {"canvas": place, "eps": SHOWN_AT, "answer": said[0], "attacked": said[1]}
            rows.append(row | {"fire": active[0], "fire_attacked": active[1]})
        pictures = torch.stack([pixels(self.test)[changed, 0], attacked[changed, 0]], dim=1)
        return pd.DataFrame(rows), (pictures * 255).round().to(torch.uint8).numpy()


def _named(concepts: tuple[str, ...], yes: Bool[Tensor, " concepts"]) -> str:
    """Names the concepts that are meant, or a dash."""
    return " ".join(name for name, one in zip(concepts, yes.tolist(), strict=True) if one) or "-"


def joined(found: list[Measured]) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Puts the tables of accuracy, detectors and insides of nets into one each."""
    names = ("accuracy", "detecting", "inside")
    one, two, three = (pd.concat([getattr(net, name) for net in found], ignore_index=True) for name in names)
    return one, two, three
