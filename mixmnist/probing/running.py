"""Running a network on images: in batches, without gradients and without TF32, with a function on a layer's output."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Int, UInt8
from torch import Tensor, nn
from tqdm import tqdm

BATCH = 250  # images per forward pass
ON_CARD = 2**21  # pixels per forward pass on a GPU, where passes take longer to start than to run

Edit = Callable[[Any], Any]  # of a layer's output, which is a tensor where units can be read
Transform = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Images:
    """The images as batches in [0, 1], on the device and in the precision of the net's parameters."""

    pixels: UInt8[Tensor, "images *channels rows cols"]
    like: Tensor
    transform: Transform | None
    batch: int = BATCH  # images per forward pass

    def __len__(self) -> int:
        return len(self.pixels)

    def __iter__(self) -> Iterator[Tensor]:
        return self.in_order(self.every())

    def every(self) -> Int[Tensor, " images"]:
        """Gives the indices of all images."""
        return torch.arange(len(self), device=self.pixels.device)

    def in_order(self, indices: Int[Tensor, " some"], batch: int | None = None) -> Iterator[Tensor]:
        """Gives some images in the order asked for."""
        for part in indices.split(batch or self.batch):
            pixels = self.pixels[part] if self.pixels.ndim == 4 else self.pixels[part][:, None]
            x = pixels.to(self.like.device, self.like.dtype) / 255
            yield x if self.transform is None else self.transform(x)

    def with_bar(self, title: str, batch: int | None = None) -> Iterator[Tensor]:
        """Gives all images, under a progress bar if they take more than two seconds."""
        batches = self.in_order(self.every(), batch)
        return iter(tqdm(batches, title, -(-len(self) // (batch or self.batch)), delay=2, leave=False, disable=None))

    def first(self, n: int) -> "Images":
        """Gives the first n images."""
        return replace(self, pixels=self.pixels[:n])

    def in_large_batches(self) -> "Images":
        """Gives the same images, more at a time where that is faster and each is answered whatever the others are."""
        return replace(self, batch=max(BATCH, ON_CARD // self.pixels[0].numel())) if self.like.is_cuda else self


def refuse_training(net: nn.Module) -> None:
    """Raises a ValueError unless the whole net is in eval mode."""
    training = next((name or "the net itself" for name, module in net.named_modules() if module.training), None)
    if training is not None:
        raise ValueError(f"the net must be in eval mode, got train mode in {training}. Call net.eval() first.")


def forward(net: nn.Module, x: Tensor) -> Any:  # noqa: ANN401 -- whatever the net gives
    """Runs the net without gradients, without TF32 and without what was compiled of it."""
    with torch.inference_mode(), plainly(net, x.device):
        output = net(x.clone())  # a net may write into what it gets, and a batch is run many times
        return output.clone() if isinstance(output, Tensor) else output


@contextlib.contextmanager
def plainly(net: nn.Module, device: torch.device) -> Iterator[None]:
    """Makes a net compute in full precision, and module by module where it was compiled, as hooks need it."""
    compiled = any(hasattr(m, "_orig_mod") or getattr(m, "_compiled_call_impl", None) is not None for m in net.modules())
    eager = torch.compiler.set_stance("force_eager") if compiled else contextlib.nullcontext()
    with eager, without_tf32(device):
        yield


@contextlib.contextmanager
def without_tf32(device: torch.device) -> Iterator[None]:
    """Makes a GPU compute float32 in full; torch has two ways to say so, and those who use one must not use the other."""
    if device.type != "cuda":
        yield
        return
    backends = (torch.backends.cuda.matmul, getattr(torch.backends.cudnn, "conv", torch.backends.cudnn))
    flags = [(b, "fp32_precision", "ieee") if hasattr(b, "fp32_precision") else (b, "allow_tf32", False) for b in backends]
    before = [getattr(backend, name) for backend, name, _ in flags]
    try:
        for backend, name, value in flags:
            setattr(backend, name, value)
        yield
    finally:
        for (backend, name, _), value in zip(flags, before, strict=True):
            setattr(backend, name, value)


@contextlib.contextmanager
def editing(module: nn.Module, edit: Edit) -> Iterator[list[int]]:
    """Passes a module's output through a function while the context lasts; counts how often it ran."""
    runs = [0]

    def hook(_module: nn.Module, _inputs: object, output: object) -> object:
        runs[0] += 1
        return edit(output)

    handle = module.register_forward_hook(hook)
    try:
        yield runs
    finally:
        handle.remove()


class _Enough(Exception):  # noqa: N818 -- nothing went wrong
    """The layer has been reached; the rest of the network need not run."""


def up_to(net: nn.Module, module: nn.Module, x: Tensor) -> Tensor:
    """Runs the net no further than a layer and gives the layer's output."""
    found: list[Tensor] = []

    def take(output: Tensor) -> Tensor:
        found.append(output.clone())
        raise _Enough

    with editing(module, take), contextlib.suppress(_Enough):
        forward(net, x)
    return found[0]
