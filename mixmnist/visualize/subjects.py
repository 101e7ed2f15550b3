"""Subjects: units or classes that are looked at side by side, each with the digit that it is known to be for."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from mixmnist.core.records import require
from mixmnist.core.thresholds import THRESHOLD
from mixmnist.metrics.average_precision import average_precision
from mixmnist.probing import check_layers
from mixmnist.probing.running import BATCH, Transform, plainly
from mixmnist.visualize._targets import CLASS, UNIT, Target, at_peak, contrast_target, logit_target, rivals_of, unit_target
from mixmnist.visualize.mapping import as_pixels
from mixmnist.visualize.natural import device_of
from mixmnist.visualize.worth import Canvases

ALL, DETECTORS = "all", "detectors"
KINDS = (*UNIT, *CLASS)


@dataclass(frozen=True, eq=False)
class View:
    """A net, and the natural canvases that it is looked at on."""

    net: nn.Module  # in eval mode
    canvases: Canvases
    layer: str | None = None  # of units
    transform: Transform | None = None  # of the images, before the net sees them
    axis: int = 1  # of the units in the layer's output

    def pixels(self, rows: Int[Tensor, " some"]) -> Float[Tensor, "some channels rows cols"]:
        """Gives some canvases as the net sees them, on its device."""
        device = device_of(Target(self.net, "logit", torch.tensor([0])))
        return as_pixels(self.canvases.images[rows]).to(device)


@dataclass(frozen=True, eq=False)
class Subjects:
    """What is looked at, and what is known of it."""

    target: Target  # one index for each
    names: tuple[str, ...]
    wanted: Bool[Tensor, "subjects concepts"]  # its own digits: of a unit one, of a class all that it shows, or none
    alignment: Float[Tensor, " subjects"]  # average precision for the own digit; nan of a class
    scene: Bool[Tensor, "subjects concepts"]  # digits that canvases for its maps show: its own, of a class all of them
    found: Float[Tensor, "subjects images"]  # its number on each canvas
    strict: bool = True  # whether each was asked for by its number
    left_out: tuple[str, ...] = ()  # a sentence on each that was not, and of which nothing can be shown

    def __len__(self) -> int:
        return len(self.names)

    def examples(self, canvases: Canvases, n: int) -> Int[Tensor, "subjects n"]:
        """Chooses canvases for maps: of each subject the first that show its digits, and on which a unit fires.

        Raises:
            ValueError: If there are too few; where none shows the digits and the unit fires, those on which it fires are taken.
        """
        rows = []
        for number, (scene, found) in enumerate(zip(self.scene, self.found, strict=True)):
            fires = found != 0 if self.target.layer is not None else torch.ones_like(found, dtype=torch.bool)
            shows = canvases.present[:, scene].all(dim=1) & fires
            chosen = (shows if shows.any() else fires).nonzero()[:n, 0]
            got = f"{len(chosen)} for {self.names[number]}"
            require(len(chosen) == n, f"canvases for maps must be {n} or more, got {got}. Ask for fewer --starts.")
            rows.append(chosen)
        return torch.stack(rows)


def units_of(view: View, units: Sequence[int] | str, of: str = "peak") -> Subjects:
    """Gives units of a layer, the digit of each being the one that it detects best.

    Args:
        view: With a layer.
        units: Their numbers; all; or detectors, those with an alignment of .8 or more.
        of: peak, mean or cell: that in which the unit peaks on its best canvas.

    Raises:
        ValueError: If there is no such unit; if one that is named never fires, or none of all does; if none is a detector.
    """
    require(of in UNIT, f"of must be one of {', '.join(UNIT)} for units, got of={of!r}.")
    require(view.layer is not None, "a layer must be named for its units, got none. Name one, or ask for classes.")
    assert view.layer is not None
    check_layers(view.net, (view.layer,))
    every = _responses(view, "mean" if of == "mean" else "peak")
    alignment, concept = average_precision(every.T, view.canvases.present).nan_to_num(0).max(dim=1)
    strict = not isinstance(units, str)
    require(strict or units in (ALL, DETECTORS), f"units must be numbers, {ALL} or {DETECTORS}, got {units!r}.")
    chosen = list(range(len(every))) if isinstance(units, str) else list(dict.fromkeys(units))
    require(chosen, "units must be one or more, got none. Name one.")
    wrong = [unit for unit in chosen if not 0 <= unit < len(every)]
    where = f"layer={view.layer!r}"
    require(not wrong, f"unit must lie between 0 and {len(every) - 1}, got {_one(wrong)} of {where}. Name another.")
    silent = [unit for unit in chosen if not every[unit].any()]
    images = f"it is 0 on all {every.shape[1]:,} canvases"
    if strict or len(silent) == len(chosen):
        got = f"unit {_one(silent)} of {where}: {images}"
        require(not silent, f"a unit must fire on one canvas or more, got {got}. Name another.")
    left = tuple(f"Unit {unit} of {view.layer} is left out: {images}." for unit in silent)
    kept = [unit for unit in chosen if unit not in silent]
    if units == DETECTORS:
        kept = [unit for unit in kept if alignment[unit] >= THRESHOLD]
        require(kept, f"a unit must be a detector, got none with an alignment of {THRESHOLD} in {where}. Ask for --unit all.")
    index = torch.tensor(kept)
    wanted = torch.nn.functional.one_hot(concept[index], len(view.canvases.concepts)).bool()
    target = unit_target(
        view.net, view.layer, index, "mean" if of == "mean" else "peak", axis=view.axis, transform=view.transform
    )
    target = at_peak(target, view.pixels(every[index].argmax(dim=1))) if of == "cell" else target
    names = tuple(f"unit {unit}" for unit in kept)
    return Subjects(target, names, wanted, alignment[index], wanted, every[index], strict, left)


def _responses(view: View, of: str) -> Float[Tensor, "units images"]:
    """Gives the peak or the mean of every unit's map on every canvas."""
    assert view.layer is not None
    target = unit_target(view.net, view.layer, 0, of, axis=view.axis, transform=view.transform)
    parts = []
    with torch.no_grad(), plainly(view.net, device_of(target)):
        for rows in torch.arange(len(view.canvases)).split(BATCH):
            maps = target.maps(view.pixels(rows))  # images units places
            parts.append((maps.amax(dim=2) if of == "peak" else maps.mean(dim=2)).cpu())
    return torch.cat(parts).T


def classes_of(view: View, classes: Sequence[int], of: str = "logit") -> Subjects:
    """Gives classes; of a contrast one subject for each digit of a class, against the classes that share all but this digit.

    Args:
        view: Of a net that gives logits.
        classes: Their numbers.
        of: logit or contrast.

    Raises:
        ValueError: If there is no such class, the net gives no logits, or a contrast is asked for where there is none.
    """
    require(of in CLASS, f"of must be one of {', '.join(CLASS)} for classes, got of={of!r}.")
    require(classes, "classes must be one or more, got none. Name one.")
    canvases, known = view.canvases, len(view.canvases.classes)
    logits = _logits(view)
    wrong = [number for number in classes if not 0 <= number < logits.shape[1]]
    require(not wrong, f"class must lie between 0 and {logits.shape[1] - 1}, got {_one(wrong)}. Name another.")
    own = logits.shape[1] == known  # else the net tells other things apart
    require(own or of == "logit", f"a contrast needs a net of the task's {known} classes, got {logits.shape[1]}. Use of=logit.")
    names: list[str] = []
    index: list[int] = []
    wanted: list[Tensor] = []
    scene: list[Tensor] = []
    rivals: list[Tensor] = []
    for number in dict.fromkeys(classes):
        called = f"class {number} ({canvases.classes[number]})" if own else f"class {number}"
        shows = _shown_by(canvases, number) if own else torch.zeros(len(canvases.concepts), dtype=torch.bool)
        if of == "logit":
            names, wanted, scene, index = [*names, called], [*wanted, shows], [*scene, shows], [*index, number]
            continue
        require(shows.any(), f"a contrast needs a class with digits of its own, got {called}. Use of=logit.")
        first = (canvases.labels == number).nonzero()[:1, 0]
        for digit in shows.nonzero()[:, 0]:
            names, scene, index = [*names, f"{called}, for {canvases.concepts[digit]}"], [*scene, shows], [*index, number]
            wanted.append(torch.nn.functional.one_hot(digit, len(shows)).bool())
            rivals.append(rivals_of(canvases.labels, canvases.present, known, first, digit[None])[0])
    labels = torch.tensor(index)
    target = contrast_target(view.net, labels, torch.stack(rivals), view.transform) if rivals else None
    found = logits[:, labels]
    if target is not None:
        off = torch.stack(rivals).float()
        found = found - logits @ off.T / off.sum(dim=1)
    nothing = torch.full((len(index),), float("nan"))
    chosen = logit_target(view.net, labels, view.transform) if target is None else target
    return Subjects(chosen, tuple(names), torch.stack(wanted), nothing, torch.stack(scene), found.T)


def _logits(view: View) -> Float[Tensor, "images classes"]:
    """Gives the net's logits of every canvas."""
    target, parts = logit_target(view.net, 0, view.transform), []
    target.values(view.pixels(torch.tensor([0])))  # refuses what are no logits
    with torch.no_grad(), plainly(view.net, device_of(target)):
        for rows in torch.arange(len(view.canvases)).split(BATCH):
            x = view.pixels(rows)
            parts.append(view.net(x if view.transform is None else view.transform(x)).cpu())
    return torch.cat(parts)


def _shown_by(canvases: Canvases, number: int) -> Bool[Tensor, " concepts"]:
    """Says which digits every canvas of a class shows."""
    rows = canvases.labels == number if canvases.labels.ndim == 1 else canvases.labels[:, number] == 1
    return canvases.present[rows].all(dim=0) if rows.any() else torch.zeros(len(canvases.concepts), dtype=torch.bool)


def _one(numbers: Sequence[int]) -> int | None:
    """Gives the first number, if there is one."""
    return next(iter(numbers), None)
