"""Where a layer's maps lie on the image: which layer has any, and its maps scaled up by what its cells really see."""

import contextlib
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from mixmnist.core.records import require
from mixmnist.probing import check_layers
from mixmnist.probing.fields import as_grid, measure_field, spread
from mixmnist.probing.patches import Patches, find_patches
from mixmnist.probing.running import Images, Transform, plainly
from mixmnist.probing.tracing import trace
from mixmnist.visualize._targets import Target


class _Enough(Exception):  # noqa: N818 -- nothing went wrong
    """The target's layer begins; later layers cannot explain it."""


@dataclass(frozen=True, eq=False)
class Grid:
    """A layer's cells, and how their values spread over the image."""

    layer: str
    axis: int
    patches: Patches | None
    down: Float[Tensor, "rows high"]
    across: Float[Tensor, "cols wide"]

    def maps(self, output: Tensor) -> Float[Tensor, "n units high wide"]:
        """Gives the layer's output as maps."""
        return as_grid(output, self.axis, self.patches)

    def scaled(self, maps: Float[Tensor, "n high wide"]) -> Float[Tensor, "n rows cols"]:
        """Scales maps up to the image by the true geometry."""
        return self.down.to(maps) @ maps @ self.across.to(maps).T

    def stretched(self, maps: Float[Tensor, "n high wide"]) -> Float[Tensor, "n rows cols"]:
        """Scales maps up as if their cells were spread evenly over the image."""
        size = (len(self.down), len(self.across))
        return F.interpolate(maps[:, None], size=size, mode="bilinear", align_corners=False)[:, 0]


def grid_of(
    net: nn.Module, layer: str, x: Float[Tensor, "n channels rows cols"], transform: Transform | None, axis: int | None = None
) -> Grid:
    """Measures where a layer's cells lie on images like some.

    Args:
        net: In eval mode.
        layer: A module's name.
        x: Images of the size and kind.
        transform: Of the images, before the net sees them.
        axis: Of the layer's units; by default it is told by tracing.

    Raises:
        ValueError: If the layer has no maps, or it is not certain which axis counts its units.
    """
    module = check_layers(net, (layer,))[layer]
    pixels = torch.zeros(2, *x.shape[1:], dtype=torch.uint8, device=x.device)
    images = Images(pixels, x[:0], transform)
    ran = next((one for one in trace(net, next(iter(images)), (layer,)) if one.name == layer), None)
    shape = () if ran is None else ran.shape
    way_out = "Name a convolution's layer, or use the way gradient."
    require(
        ran is not None and ran.each and len(shape) > 2,
        f"layer must give maps, got {list(shape)} from layer={layer!r}. {way_out}",
    )
    assert ran is not None
    if axis is None and ran.axis is None:
        raise ran.refusal()
    units = axis if axis is not None else ran.axis
    assert units is not None
    patches = find_patches(net, module, images, units) if len(shape) == 3 else None
    require(patches or len(shape) == 4, f"layer must give maps, got tokens that are no patches from layer={layer!r}. {way_out}")
    field = measure_field(net, module, images, units, patches)
    cells = (patches.rows, patches.cols) if patches else [n for at, n in enumerate(shape) if at not in (0, units)]
    down, across = (
        spread(n, length, stride, first)
        for n, length, stride, first in zip(cells, x.shape[2:], field.stride, field.first, strict=True)
    )
    return Grid(layer, units, patches, down, across)


def layer_before(target: Target, x: Float[Tensor, "n channels rows cols"]) -> str:
    """Names the last layer with maps that has run when the target's layer begins; of a class, when the net is done.

    Raises:
        ValueError: If there is none.
    """
    found: list[str] = []

    def keep(name: str, output: object) -> None:
        if isinstance(output, Tensor) and output.ndim == 4 and output.shape[2] * output.shape[3] > 1:
            found.append(name)

    def stop(_module: nn.Module, _inputs: object) -> None:
        raise _Enough

    with contextlib.ExitStack() as hooks:
        for name, module in target.net.named_modules():
            handle = module.register_forward_hook(
                lambda _module, _inputs, output, name=name: keep(name, output) if name else None
            )
            hooks.callback(handle.remove)
        if target.layer is not None:
            hooks.callback(target.net.get_submodule(target.layer).register_forward_pre_hook(stop).remove)
        with contextlib.suppress(_Enough), plainly(target.net, x.device), torch.no_grad():
            target.net(x[:2].clone() if target.transform is None else target.transform(x[:2].clone()))
    before = "before the classes" if target.layer is None else f"before layer={target.layer!r}"
    require(found, f"the net must have a layer with maps {before}, got none. Use the way gradient.")
    return found[-1]


def maps_and_gradients(target: Target, layer: str, x: Float[Tensor, "n channels rows cols"]) -> tuple[Tensor, Tensor]:
    """Gives what a layer says of each image, and the target's gradient with respect to it.

    Raises:
        ValueError: If the layer does not run before the target is there, or no gradient leads back to it.
    """
    found: list[Tensor] = []

    def take(_module: nn.Module, _inputs: object, output: Tensor) -> Tensor:
        found.append(output)
        return output.clone()  # which may be written into

    handle = target.net.get_submodule(layer).register_forward_hook(take)
    try:
        with torch.enable_grad(), plainly(target.net, x.device):
            values = target(x.detach().clone().requires_grad_())
            require(found, f"layer must run before {target.name}, got layer={layer!r}. Name an earlier one.")
            (grad,) = torch.autograd.grad(values.sum(), found[0], allow_unused=True)
    finally:
        handle.remove()
    require(grad is not None, f"{target.name} must depend on layer={layer!r}, got no gradient. Name an earlier one.")
    assert grad is not None
    return found[0].detach(), grad
