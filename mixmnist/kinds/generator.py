"""Generator: a net that draws canvases of codes, trained or planted; `net` names an entry of the shelves that hold them.

Not scored in the grid: what its units draw is for analyses to say.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from mixmnist.core import checks, registry
from mixmnist.core.dissecting import Generator
from mixmnist.core.entries import Number
from mixmnist.core.records import Kind, Variant, require
from mixmnist.kinds import Lesson
from mixmnist.training import Outcome

SHELVES = ("generators", "planted")
TASK = "pairs"  # what all of them draw
TASKS = (TASK, "rare")  # whose canvases they may be trained on
TRIED = 2  # codes of which a generator is tried
SAME = 1e-5  # difference of images that rounding may make


def shelf_of(net: str) -> str:
    """Names the shelf that holds a generator; a file of one's own counts as trained.

    Raises:
        ValueError: If none does; the nearest ones are named.

    Example:
        >>> shelf_of("mine.py")
        'generators'
    """
    if net.endswith(".py"):
        return SHELVES[0]
    found = [shelf for shelf in SHELVES if net in registry.names(shelf)]
    if not found:
        raise registry.nearest("generator", net, [name for shelf in SHELVES for name in registry.names(shelf)])
    return found[0]


def entry_of(variant: Variant) -> Generator:
    """Gives the entry that a variant's `net` names."""
    entry: Generator = registry.choose(shelf_of(variant.net), variant.net)
    return entry


def check(variant: Variant, source: str, root: str | None) -> None:
    """Finds what cannot work: names, settings, another source, task or objective, a canvas that it cannot draw.

    Raises:
        ValueError: If something cannot.
    """
    del root  # the grid sees to glyphs
    entry = entry_of(variant)
    check_usual(variant, "generator")
    said = f"task must be {' or '.join(TASKS)} for generators, got task={variant.task!r}. Leave task out of the variant."
    require(variant.task in TASKS, said)
    said = f"task must be {TASK} for planted generators, which learn nothing of canvases, got task={variant.task!r}"
    require(variant.task == TASK or entry.train is not None, f"{said}. Leave task out of the variant.")
    settings = _settings(entry, variant)
    if entry.source:
        said = f"the generator {variant.net} draws source={entry.source!r} alone"
        require(source == entry.source, f"{said}, got source={source!r}. Use --source {entry.source}.")
    one, other = (_tried(partial(entry.build, variant.canvas, seed, **settings), variant) for seed in (0, 1))
    _check_layers(one, entry, variant)
    codes = other.codes(TRIED, 0)
    images = _images(other, codes, variant)
    one.load_state_dict(other.state_dict())
    alike = (_images(one, codes, variant) - images).abs().max() < SAME
    hint = "Keep what depends on the seed in parameters or buffers."
    require(alike, f"the generator {variant.net} must draw by its weights alone, got other images by the same weights. {hint}")


def check_usual(variant: Variant, kind: str) -> None:
    """Makes sure that a variant of a kind that learns no labels asks for no objective.

    Raises:
        ValueError: If it does.
    """
    said = f"objective must be {Variant.objective} for the kind {kind}, which learns no labels of a task"
    got = f"got objective={variant.objective!r}. Leave objective out of the variant."
    require(variant.objective == Variant.objective, f"{said}, {got}")
    settings = dict(variant.objective_settings)
    require(not settings, f"objective_settings must be none for the kind {kind}, got {settings}. Leave them out of the variant.")


def _settings(entry: Generator, variant: Variant) -> dict[str, Number]:
    """Gives the settings of a variant's generator, each of the type that it usually has."""
    found = entry.with_settings(variant.net_settings)
    checks.check_settings("generator", variant.net_settings, entry.settings)
    return found


def _tried(build: Callable[[], Any], variant: Variant) -> Any:  # noqa: ANN401 -- a module with `codes`
    """Builds a generator, which may be a stranger's, and has it draw.

    Raises:
        ValueError: If it cannot, or draws something else than images of the canvas.
    """
    try:
        module = build()
        images = _images(module, module.codes(TRIED, 0), variant)
    except ValueError:
        raise  # a sentence of its own
    except Exception as error:
        got, way_out = f"{type(error).__name__}: {error}".rstrip("."), "Use another canvas, or mend its file."
        raise ValueError(f"the generator {variant.net} must draw codes that it gives, got {got}. {way_out}") from error
    size = variant.canvas.size
    wanted, shape = [TRIED, 1, size, size], list(images.shape)
    said = f"the generator {variant.net} must draw images"
    require(shape == wanted, f"{said} {wanted}, got {shape}. Use another canvas, or mend its file.")
    low, high = float(images.min()), float(images.max())
    require(low >= 0 and high <= 1, f"{said} in [0, 1], got {low:.3g} to {high:.3g}. End it in a sigmoid.")
    return module


def _images(module: nn.Module, codes: Tensor, variant: Variant) -> Tensor:
    with torch.no_grad():
        images = module.eval()(codes)
    said = f"the generator {variant.net} must give a tensor, got {type(images).__name__}. Mend its file."
    require(isinstance(images, Tensor), said)
    found: Tensor = images
    return found


def _check_layers(module: Any, entry: Generator, variant: Variant) -> None:  # noqa: ANN401 -- as above
    """Makes sure that each layer that may be looked at is there and gives maps.

    Raises:
        ValueError: If one does not.
    """
    shapes: dict[str, list[int]] = {}
    parts = dict(module.named_modules())

    def keep(name: str) -> Callable[..., None]:
        return lambda _part, _inputs, output: shapes.update({name: list(getattr(output, "shape", ()))})

    for name in entry.layers:
        if name not in parts:
            raise registry.nearest("layer", name, [part for part in parts if part])
    hooks = [parts[name].register_forward_hook(keep(name)) for name in entry.layers]
    try:
        _images(module, module.codes(TRIED, 0), variant)
    finally:
        for hook in hooks:
            hook.remove()
    for name in entry.layers:
        shape = shapes.get(name, [])
        fits = len(shape) == 4 and shape[0] == TRIED
        wanted = f"maps [{TRIED}, units, high, wide]"
        require(fits, f"the layer {name} of the generator {variant.net} must give {wanted}, got {shape}. Name another layer.")


def train_nets(lesson: Lesson) -> list[tuple[nn.Module, Outcome]]:
    """Trains a generator for each seed as its entry does; a planted one is built."""
    v, entry = lesson.variant, entry_of(lesson.variant)
    if entry.train is None:
        return initialise_nets(lesson)
    found: list[tuple[nn.Module, Outcome]] = entry.train(lesson, **entry.with_settings(v.net_settings))
    return found


def initialise_nets(lesson: Lesson) -> list[tuple[nn.Module, Outcome]]:
    """Builds a generator for each seed, nothing learned."""
    v, entry = lesson.variant, entry_of(lesson.variant)
    settings = entry.with_settings(v.net_settings)
    return [(entry.build(v.canvas, seed, **settings).to(lesson.device).eval(), Outcome((), None)) for seed in lesson.seeds]


def load(variant: Variant) -> nn.Module:
    """Gives one generator, to be filled with weights; these hold all that a seed decides."""
    entry = entry_of(variant)
    module: nn.Module = entry.build(variant.canvas, 0, **entry.with_settings(variant.net_settings))
    return module


def layers(variant: Variant) -> tuple[str, ...]:
    """Names the layers whose units may be looked at, the usual one last."""
    entry = entry_of(variant)
    return (*(name for name in entry.layers if name != entry.layer), entry.layer)


def made_of(variant: Variant) -> tuple[tuple[str, str], ...]:
    """Gives the shelf and the name of the generator, whose file decides its weights."""
    return ((shelf_of(variant.net), variant.net),)


def no_heads(lesson: Lesson, nets: list[nn.Module]) -> list[nn.Module]:
    """Gives the networks as they are: none has a head."""
    del lesson
    return nets


KIND = Kind(
    "Nets that draw canvases of codes, trained or planted; not scored in the grid",
    check=check,
    train=train_nets,
    initialise=initialise_nets,
    fit_head=no_heads,
    load=load,
    layers=layers,
    read=None,
    made_of=made_of,
)
