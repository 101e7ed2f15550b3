"""Planted units: a layer of ten digit detectors, one of them with faults that are dialled in, and the truth about it.

The layer reads images of two digits (45 classes) that may also show a `decoy`, a concept that says nothing about the class but
keeps the planted digit's company. All units but the planted one answer exactly 1 where their digit is, else 0; the head adds up
(logit of the class ij = m_i + m_j), so a layer without faults reads every image. What is wrong with the planted unit, how often
it errs, what it is worth to the network: all is known before any score is computed.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cache

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from scipy.stats import rankdata
from torch import Tensor

from mixmnist.core.readout import Readout
from mixmnist.core.records import require
from mixmnist.core.seeding import derive
from mixmnist.plants._scene import DECOY, DIGITS, GLYPH, PAIRS, PREVALENCE, SIDE, Images, PlantedMaps, draw_images, generator_of
from mixmnist.probing import HeadAlgebra

Dial = float | int  # 0 to 1
MOST_COPIES = 10  # units that share the planted one's work when `duplicates` is 1
FAINTEST = 16.0  # times weaker an image's faintest response is when `gain` is 1
LEAK = 0.25  # response to images without the digit, of one with it, where gains differ
LOUDEST = 2.0  # standard deviation of the noise when `noise` is 1; a sound unit answers 1
MANY = 40_000  # images on which the truth is measured
FEW = 250  # images whose maps are compared with masks


@dataclass(frozen=True)
class Faults:
    """What is wrong with the planted unit. Every dial runs from 0, sound, to 1."""

    misses: Dial = 0.0
    """Share of the digit's images on which it stays silent."""
    false_alarms: Dial = 0.0
    """Share of the other images on which it fires."""
    either: Dial = 0.0
    """Share of the images of a second digit on which it fires too; at 1 it is an OR of both."""
    blend: Dial = 0.0
    """Weight of a second digit in a weighted sum; at 1 it is the second digit's unit."""
    rotation: Dial = 0.0
    """Angle by which it is turned into another digit's unit, in quarter turns; the head is turned back."""
    duplicates: Dial = 0.0
    """Further units with the same answer, in ninths, rounded; they share its weight in the head."""
    silence: Dial = 0.0
    """Share of all images on which it gives 0."""
    shift: Dial = 0.0
    """Displacement of its map, in sides of a glyph's box (12 pixels)."""
    gain: Dial = 0.0
    """Spread of a factor that differs from image to image, from 1 down to 1/16; images without the digit leak a quarter."""
    confusion: Dial = 0.0
    """Share of the images on which it answers to the decoy, which keeps the digit's company on 9 images of 10."""
    noise: Dial = 0.0
    """Standard deviation of noise before the ReLU, in twice the response to the digit."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            require(0 <= value <= 1, f"{field.name} must lie between 0 and 1, got {field.name}={value}. Dials end at 1.")

    @property
    def copies(self) -> int:
        """How many units give the planted one's answer."""
        return 1 + round((MOST_COPIES - 1) * self.duplicates)


DIALS = tuple(field.name for field in fields(Faults))


@dataclass(frozen=True)
class Truth:
    """What is known of a planted unit, whatever a score says.

    All but `effect` is about images on which the digit is put or not put, nothing else differing: what keeps its company by
    chance counts for nothing.
    """

    concept: str
    quality: float  # how often its answer tells an image with the digit from one without, in [0, 1], chance .5; ties count half
    miss_rate: float  # share of the digit's images on which it answers less than half of a sound unit
    false_alarm_rate: float  # share of the other images on which it answers half of a sound unit or more
    overlap: float  # share of its map that lies on the digit's box, where the digit is
    effect: float  # accuracy that its removal (set to 0) costs the network
    group_effect: float  # accuracy that the removal of all units with its answer costs


def plant(
    faults: Faults,
    n: int = 2_000,
    seed: int = 0,
    *,
    concept: str = "0",
    prevalence: float = PREVALENCE,
    units: int = 10,
    few: int = FEW,
    everyone: bool = False,
) -> Readout:
    """Plants a unit with faults into a layer of perfect ones, and reads it on n images.

    Args:
        faults: What is wrong with it.
        n: Number of images.
        seed: Of the images and of every fault's chance.
        concept: The digit that the planted unit is for; it is the unit of that number.
        prevalence: Share of the images that show the digit, exactly (rounded to images).
        units: Units of the layer before it is duplicated, 10 or more; those beyond ten answer at random.
        few: Images, the first ones, that have maps and masks.
        everyone: Whether all ten detectors have the faults, each by its own chance, not the planted one alone.

    Returns:
        Readout of `units` units and the duplicates behind them; concepts are ten digits and the decoy.

    Raises:
        ValueError: If there is no such digit, a number is out of range, or there are fewer units than digits.

    Example:
        >>> readout = plant(Faults(misses=0.5), n=1_000, concept="3")
        >>> seen = readout.present[:, 3]
        >>> int(seen.sum()), 0.4 < float(readout.response[seen, 3].mean()) < 0.6
        (200, True)
    """
    _check(concept, prevalence)
    require(n >= len(PAIRS), f"n must be {len(PAIRS)} or more, one image a class, got n={n}.")
    require(units >= len(DIGITS), f"units must not be fewer than the 10 digits, got units={units}. Plant 10 or more.")
    own = int(concept)
    images = draw_images(n, own, prevalence, generator_of(seed, "images"))
    response, head, places = _layer(images, own, faults, units, everyone, seed)
    some = slice(0, few)
    return Readout(
        layer="planted",
        concepts=(*DIGITS, "decoy"),
        classes=tuple(f"{i}{j}" for i, j in PAIRS.tolist()),
        response=response,
        mean=response,
        present=images.shown,
        labels=images.labels,
        glyphs=torch.where(images.shown, torch.arange(11), -1),
        logits=response @ head.T,
        head=head,
        without=HeadAlgebra(response, head, torch.zeros(len(PAIRS))),
        pixels=PlantedMaps(response[some], places[some], images.shown[some], images.places[some]),
    )


def _layer(
    images: Images, own: int, faults: Faults, units: int, everyone: bool, seed: int
) -> tuple[Float[Tensor, "images units"], Float[Tensor, "classes units"], Int[Tensor, "images units 2"]]:
    """Gives the units' answers, the head that reads them, and the boxes on which they answer."""
    response, places = images.shown[:, :10].float(), images.places[:, :10].clone()
    head = (PAIRS[:, :, None] == torch.arange(10)).any(dim=1).float()  # classes units
    faulty = [own, *(u for u in range(10) if everyone and u != own)]
    for unit in faulty:
        response[:, unit], places[:, unit] = _answers(images, unit, faults, generator_of(seed, f"faults of {unit}"))
    if faults.rotation:
        turn = _turn([(u, _other(u)) for u in (range(0, 10, 2) if everyone else [own])], faults.rotation)
        response, head = response @ turn.T, head @ turn.T
    response, head, places = _widen(response, head, places, units, generator_of(seed, "width"))
    if faults.copies > 1:
        head[:, faulty] /= faults.copies
        again = torch.tensor(faulty).repeat(faults.copies - 1)
        response, head, places = (torch.cat([x, x[:, again]], dim=1) for x in (response, head, places))
    return response, head, places


@cache
def truth(faults: Faults, concept: str = "0", prevalence: float = PREVALENCE) -> Truth:
    """Gives the truth about a planted unit, measured on 40,000 images by plain counting.

    Example:
        >>> known = truth(Faults(misses=0.5))
        >>> round(known.quality, 2), round(known.miss_rate, 1), known.false_alarm_rate
        (0.75, 0.5, 0.0)
    """
    _check(concept, prevalence)
    own, other = int(concept), _other(int(concept))
    generator = generator_of(0, "truth")
    drawn = draw_images(MANY, own, prevalence, generator)
    put = torch.rand(MANY, generator=generator) < 0.5
    shown = drawn.shown.clone()
    shown[:, own] = put
    shown[:, other] = torch.rand(MANY, generator=generator) < PREVALENCE
    shown[:, DECOY] = torch.rand(MANY, generator=generator) < prevalence
    answers, at = _answers(Images(drawn.labels, shown, drawn.places), own, faults, generator)
    angle = faults.rotation * math.pi / 2
    if faults.rotation:
        answers = math.cos(angle) * answers + math.sin(angle) * shown[:, other]
    apart = (at - drawn.places[:, own]).abs()[put & (answers > 0)]
    effect, group_effect = _effects(faults, concept, prevalence)
    return Truth(
        concept=concept,
        quality=_told_apart(answers.double().numpy().round(6), put.numpy()),
        miss_rate=float((answers[put] < 0.5).float().mean()),
        false_alarm_rate=float((answers[~put] >= 0.5).float().mean()),
        overlap=float(((GLYPH - apart).clamp_min(0).prod(dim=1) / GLYPH**2).mean()) if len(apart) else 0.0,
        effect=effect,
        group_effect=group_effect,
    )


def _check(concept: str, prevalence: float) -> None:
    known = ", ".join(DIGITS)
    require(concept in DIGITS, f"concept must be one that the task has, got concept={concept!r}. Known: {known}.")
    require(0 < prevalence < 1, f"prevalence must lie between 0 and 1, got prevalence={prevalence}.")


def _told_apart(answers: NDArray[np.float64], put: NDArray[np.bool_]) -> float:
    """Gives the share of pairs of an image with and one without the digit that the answers put in the right order."""
    ranks, positive = rankdata(answers), int(put.sum())
    return float((ranks[put].sum() - positive * (positive + 1) / 2) / (positive * (len(put) - positive)))


def _effects(faults: Faults, concept: str, prevalence: float) -> tuple[float, float]:
    """Counts what the removal of the unit, and of all with its answer, costs on other images: places shared where sums tie."""
    readout = plant(faults, MANY, seed=derive(0, "plant", "effect"), concept=concept, prevalence=prevalence)
    assert readout.head is not None
    head, own, labels = readout.head.double().numpy(), int(concept), readout.labels.numpy()
    sound = readout.response.double().numpy()
    accuracy = []
    for gone in ([], [own], [own, *range(10, readout.n_units)]):
        answers = sound.copy()
        answers[:, gone] = 0
        sums = np.round(answers @ head.T, 5)
        best = sums == sums.max(axis=1, keepdims=True)
        accuracy.append(float((best[np.arange(MANY), labels] / best.sum(axis=1)).mean()))
    return accuracy[0] - accuracy[1], accuracy[0] - accuracy[2]


def _other(own: int) -> int:
    """Names the second digit of the faults that need one."""
    return (own + 1) % 10


def _answers(
    images: Images, own: int, faults: Faults, g: torch.Generator
) -> tuple[Float[Tensor, " images"], Int[Tensor, "images 2"]]:
    """Gives a unit's answers and the box on which it gives them (its rotation apart)."""
    n, other = len(images.shown), _other(own)

    def chance(share: Dial) -> Tensor:
        return torch.rand(n, generator=g) < share

    digit, second, decoy = (images.shown[:, c] for c in (own, other, DECOY))
    deceived = chance(faults.confusion)
    sees = torch.where(deceived, decoy, digit)
    also = second & chance(faults.either)
    fires = (sees & ~chance(faults.misses)) | (~sees & chance(faults.false_alarms)) | also
    answers = (1 - faults.blend) * fires.float() + faults.blend * second.float()
    if faults.gain:
        answers = answers + LEAK * (1 - answers)
        answers = answers * FAINTEST ** (-faults.gain * torch.rand(n, generator=g))
    if faults.noise:
        answers = (answers + LOUDEST * faults.noise * torch.randn(n, generator=g)).relu()
    answers = answers.masked_fill(chance(faults.silence), 0)
    where = torch.where(deceived & decoy, DECOY, torch.where(~digit & second, other, own))
    at = images.places[torch.arange(n), where]
    away = torch.where(at[:, 0] < SIDE // 2, 1, -1) * round(faults.shift * GLYPH)  # along the rows, towards the other half
    return answers, torch.stack([at[:, 0] + away, at[:, 1]], dim=1)


def _turn(pairs: Sequence[tuple[int, int]], quarter_turns: Dial) -> Float[Tensor, "units units"]:
    """Gives the rotation of pairs of the ten units into each other."""
    angle, turn = quarter_turns * math.pi / 2, torch.eye(10)
    for own, other in pairs:
        turn[own, own] = turn[other, other] = math.cos(angle)
        turn[own, other], turn[other, own] = math.sin(angle), -math.sin(angle)
    return turn


def _widen(
    response: Float[Tensor, "images units"],
    head: Float[Tensor, "classes units"],
    places: Int[Tensor, "images units 2"],
    units: int,
    g: torch.Generator,
) -> tuple[Tensor, Tensor, Tensor]:
    """Adds units that answer at random, anywhere, and that the head does not read."""
    n, more = len(response), units - response.shape[1]
    noise = torch.rand(n, more, generator=g)
    spots = torch.randint(SIDE - GLYPH + 1, (n, more, 2), generator=g)
    return torch.cat([response, noise], 1), torch.cat([head, torch.zeros(len(head), more)], 1), torch.cat([places, spots], 1)
