"""Targets: one number for each image, with a gradient: of a unit's map its peak, mean or one cell, a class's logit, a contrast.

A target says what it is of each image: one unit (class, cell) for all, or one for each, so that pictures of several units are
climbed side by side. `some` gives the target of some of the images.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from mixmnist.core.records import require
from mixmnist.probing import check_layers
from mixmnist.probing.axes import as_maps, checked
from mixmnist.probing.running import Transform, plainly, refuse_training

UNIT, CLASS = ("peak", "mean", "cell"), ("logit", "contrast")


class _Enough(Exception):  # noqa: N818 -- nothing went wrong
    """The layer has been reached; the rest of the network need not run."""


@dataclass(frozen=True, eq=False)
class Target:
    """What is to be explained, or climbed."""

    net: nn.Module
    of: str  # peak, mean, cell, logit, contrast
    index: Int[Tensor, " some"]  # of the unit or class; one for all images, or one for each
    layer: str | None = None  # of a unit
    cells: Int[Tensor, " some"] | None = None  # of a cell: its place in the map, row by row
    rivals: Bool[Tensor, "some classes"] | None = None  # of a contrast: the classes whose mean logit is taken off
    axis: int = 1  # of the units in the layer's output
    transform: Transform | None = None  # of the images, before the net sees them
    before: bool = False  # whether the layer's input is read and not its output

    def __call__(self, x: Float[Tensor, "n channels rows cols"]) -> Float[Tensor, " n"]:
        """Gives the number of each image, with values in [0, 1]; in a gradient's graph where one is kept.

        Raises:
            ValueError: If the layer has no such unit or cell, or the net gives no such logit.
        """
        if self.of in CLASS:
            return self._of_logits(self._run(x))
        maps = self.maps(x)  # n units places
        _check_index("unit", self.index, maps.shape[1], f"layer={self.layer!r}")
        own = maps[torch.arange(len(x), device=x.device), self.index.to(x.device)]  # n places
        if self.of == "peak":
            return own.amax(dim=1)
        if self.of == "mean":
            return own.mean(dim=1)
        assert self.cells is not None
        _check_index("cell", self.cells, own.shape[1], f"layer={self.layer!r}")
        return own.gather(1, self.cells.to(x.device).expand(len(x))[:, None])[:, 0]

    def maps(self, x: Float[Tensor, "n channels rows cols"]) -> Float[Tensor, "n units places"]:
        """Gives the maps of the target's layer; the net runs no further."""
        return as_maps(self.output(x), self.axis)

    def output(self, x: Float[Tensor, "n channels rows cols"]) -> Tensor:
        """Gives what the target's layer gives, or gets."""
        assert self.layer is not None
        found: list[Tensor] = []

        def take(_module: nn.Module, inputs: tuple[object, ...], output: object = None) -> None:
            found.append(checked(inputs[0] if self.before else output, str(self.layer), len(x)))
            raise _Enough

        module = self.net.get_submodule(self.layer)
        handle = (module.register_forward_pre_hook if self.before else module.register_forward_hook)(take)
        with contextlib.suppress(_Enough):
            try:
                self._run(x)
            finally:
                handle.remove()
        require(found, f"layer must run when the net runs, got no run of layer={self.layer!r}. Name another layer.")
        return found[0]

    def gradient(
        self, x: Float[Tensor, "n channels rows cols"]
    ) -> tuple[Float[Tensor, " n"], Float[Tensor, "n channels rows cols"]]:
        """Gives the number of each image and its gradient with respect to the pixels.

        Raises:
            ValueError: If no gradient leads from the number to the pixels.
        """
        with torch.enable_grad(), plainly(self.net, x.device):
            pixels = x.detach().clone().requires_grad_()
            values = self(pixels)
            if not values.requires_grad:
                raise ValueError(
                    f"a gradient must lead from {self.name} to the pixels, got none. Use a way without, as occlusion."
                )
            (found,) = torch.autograd.grad(values.sum(), pixels, allow_unused=True)
        return values.detach(), torch.zeros_like(x) if found is None else found

    def values(self, x: Float[Tensor, "n channels rows cols"]) -> Float[Tensor, " n"]:
        """Gives the number of each image, without a gradient."""
        with torch.no_grad(), plainly(self.net, x.device):
            return self(x)

    def some(self, rows: Int[Tensor, " rows"]) -> "Target":
        """Gives the target of some of the images."""

        def part(of: Tensor | None) -> Tensor | None:
            return of if of is None or len(of) == 1 else of[rows.to(of.device)]

        index = part(self.index)
        assert index is not None
        return replace(self, index=index, cells=part(self.cells), rivals=part(self.rivals))

    def before_relu(self) -> "Target":
        """Gives the same of what the layer's last ReLU gets, which has a gradient where the ReLU is silent.

        Raises:
            ValueError: If the layer has no module that is a ReLU.
        """
        name = self.last_relu
        if name is None:
            raise ValueError(
                f"the layer must end in a module that is a ReLU, got none in layer={self.layer!r}. Name the layer before it."
            )
        return replace(self, layer=name, before=True)

    @property
    def last_relu(self) -> str | None:
        """Names the ReLU that the layer ends in, if the last of its modules is one; what comes after a ReLU makes other units."""
        modules = [] if self.layer is None else list(self.net.get_submodule(self.layer).named_modules(prefix=self.layer))
        leaves = [(name, module) for name, module in modules if not list(module.children())]
        return leaves[-1][0] if leaves and isinstance(leaves[-1][1], nn.ReLU) else None

    @property
    def name(self) -> str:
        """Says what it is, as `the peak of unit 3 of conv3`."""
        which = str(int(self.index[0])) if len(self.index) == 1 else f"{len(self.index)} of them"
        return f"the {self.of} of class {which}" if self.layer is None else f"the {self.of} of unit {which} of {self.layer}"

    def _run(self, x: Tensor) -> object:
        copy = x.clone()  # a net may write into what it gets, and what gradients lead to cannot be written into
        return self.net(copy if self.transform is None else self.transform(copy))

    def _of_logits(self, output: object) -> Float[Tensor, " n"]:
        if not isinstance(output, Tensor) or output.ndim != 2:
            got = list(output.shape) if isinstance(output, Tensor) else type(output).__name__
            raise ValueError(f"the net must give logits [n, classes], got {got}. Name a layer and a unit instead.")
        _check_index("class", self.index, output.shape[1], "the net's logits")
        own = output[torch.arange(len(output), device=output.device), self.index.to(output.device)]
        if self.rivals is None:
            return own
        off = self.rivals.to(output)
        return own - (output * off).sum(dim=1) / off.sum(dim=1)


def unit_target(
    net: nn.Module,
    layer: str,
    unit: int | Int[Tensor, " some"],
    of: str = "peak",
    cells: Int[Tensor, " some"] | None = None,
    axis: int = 1,
    transform: Transform | None = None,
) -> Target:
    """Gives a number of a unit's map.

    Args:
        net: In eval mode.
        layer: A module's name.
        unit: One for all images, or one for each.
        of: peak, mean, or cell.
        cells: For `cell`, its place in the map, row by row; one for all images, or one for each.
        axis: Of the units in the layer's output.
        transform: Of the images, before the net sees them.

    Raises:
        ValueError: If there is no such layer or kind of target.

    Example:
        >>> net = nn.Sequential(nn.Conv2d(1, 2, 5), nn.ReLU()).eval()
        >>> unit_target(net, "1", 1)(torch.zeros(3, 1, 8, 8)).shape
        torch.Size([3])
    """
    check_layers(net, (layer,))
    require(of in UNIT, f"of must be one of {', '.join(UNIT)}, got of={of!r}.")
    require((cells is not None) == (of == "cell"), f"cells must be named for of='cell' and for nothing else, got of={of!r}.")
    return Target(net, of, _several(unit), layer, cells, axis=axis, transform=transform)


def logit_target(net: nn.Module, label: int | Int[Tensor, " some"], transform: Transform | None = None) -> Target:
    """Gives a class's logit, of one class for all images or of one for each.

    Example:
        >>> net = nn.Sequential(nn.Flatten(), nn.Linear(4, 3)).eval()
        >>> logit_target(net, torch.tensor([2, 0]))(torch.zeros(2, 1, 2, 2)).shape
        torch.Size([2])
    """
    refuse_training(net)
    return Target(net, "logit", _several(label), transform=transform)


def contrast_target(
    net: nn.Module, label: Int[Tensor, " some"], rivals: Bool[Tensor, "some classes"], transform: Transform | None = None
) -> Target:
    """Gives a class's logit minus the mean logit of others: those of the same other digit, so that the own digit is asked for.

    Args:
        net: In eval mode; it gives [n, classes].
        label: The class of each image.
        rivals: The classes that are taken off, one or more an image; `rivals_of` gives them.
        transform: Of the images, before the net sees them.

    Raises:
        ValueError: If an image has no rivals.
    """
    refuse_training(net)
    require(rivals.any(dim=1).all(), "rivals must be one class or more for each image, got none. Use a class's logit instead.")
    return Target(net, "contrast", label, rivals=rivals, transform=transform)


def rivals_of(
    labels: Int[Tensor, " images"],
    present: Bool[Tensor, "images concepts"],
    n_classes: int,
    indices: Int[Tensor, " some"],
    own: Int[Tensor, " some"],
) -> Bool[Tensor, "some classes"]:
    """Finds the classes that share with an image all but its own digit: of a pair the eight other pairs of the other digit.

    Args:
        labels: Class of each image.
        present: What each image shows; every class has an image.
        n_classes: Classes there are.
        indices: The images that are asked for.
        own: The concept of each of them that is asked for.

    Raises:
        ValueError: If images have several classes, or a class has no image.

    Example:
        >>> present = torch.tensor([[1, 1, 0], [1, 0, 1], [0, 1, 1]]).bool()  # pairs 01, 02, 12
        >>> rivals_of(torch.arange(3), present, 3, torch.tensor([0, 2]), own=torch.tensor([0, 1]))
        tensor([[False, False,  True],
                [False,  True, False]])
    """
    require(labels.ndim == 1, "labels must be one class an image, got several. Ask for a class's logit instead.")
    counts = torch.bincount(labels, minlength=n_classes)
    require(
        (counts > 0).all(),
        f"every class must have a canvas, got {int((counts == 0).sum())} classes without one. Draw more canvases.",
    )
    shows = torch.zeros(n_classes, present.shape[1], device=labels.device).index_add(0, labels, present.float())
    shows = shows == counts[:, None]  # classes concepts: in every image of the class
    others = present[indices].clone()
    others[torch.arange(len(own)), own] = False
    missing = others.float() @ (~shows).float().T  # some classes: other digits that the class lacks
    rivals: Tensor = (missing == 0) & ~shows[:, own].T & others.any(dim=1, keepdim=True)
    return rivals


def at_peak(target: Target, x: Float[Tensor, "n channels rows cols"]) -> Target:
    """Gives the one cell of the unit's map in which it peaks on each image."""
    with torch.no_grad(), plainly(target.net, x.device):
        maps = target.maps(x)
    own = maps[torch.arange(len(x), device=x.device), target.index.to(x.device)]
    return replace(target, of="cell", cells=own.argmax(dim=1))


@contextlib.contextmanager
def through_relus(net: nn.Module, rule: type[torch.autograd.Function]) -> Iterator[None]:
    """Puts a rule with a backward pass of its own in place of every module of a net that is a ReLU, while the context lasts."""
    relus = [module for module in net.modules() if isinstance(module, nn.ReLU)]
    before = [vars(module).get("forward") for module in relus]
    try:
        for module in relus:
            vars(module)["forward"] = rule.apply
        yield
    finally:
        for module, own in zip(relus, before, strict=True):
            del vars(module)["forward"]
            if own is not None:
                vars(module)["forward"] = own


def _several(index: int | Tensor) -> Int[Tensor, " some"]:
    return torch.tensor([index]) if isinstance(index, int) else index


def _check_index(what: str, index: Tensor, n: int, where: str) -> None:
    wrong = index[(index < 0) | (index >= n)]
    require(not len(wrong), f"{what} must lie between 0 and {n - 1}, got {int(wrong[0]) if len(wrong) else None} of {where}.")
