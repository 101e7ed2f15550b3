"""Nets that go from one task to another: frozen with a fitted head, fine-tuned, trained from the beginning, never trained.

Source:
    J. Yosinski et al. (2014), "How transferable are features in deep neural networks?", arXiv:1411.1792: frozen and fine-tuned.
    A. Kumar et al. (2022), arXiv:2202.10054: the head is fitted before all weights are tuned, so that it distorts none.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mixmnist.core.records import Net, Training
from mixmnist.core.registry import choose  # by name, so that a glimpse of this file can follow it
from mixmnist.core.seeding import derive
from mixmnist.data.mixture import Mixture, draw
from mixmnist.kinds._heads import fit_linear, with_head
from mixmnist.kinds.classifier import load, settle
from mixmnist.nets import convnet
from mixmnist.probing import probe
from mixmnist.training import Watch, train
from mixmnist.trust._layers import first
from mixmnist.trust._moments import told
from mixmnist.trust._networks import Recorded

NUMBERS = (500, 2_000, 20_000)  # training canvases of the new task
STEPS = 468  # of fine-tuning and of training from the beginning, whatever the number of canvases: 3 epochs of 20,000
SLOWER = 3.0  # times lower than usual is the peak rate of fine-tuning


class Alone(nn.Module):
    """One ordinary net as a stack of one copy, which any net can be; the convnet's own stack takes two thirds of the time."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Float[Tensor, "images 1 rows cols"]) -> Float[Tensor, "images 1 classes"]:
        """Gives the net's logits."""
        logits: Tensor = self.net(x)
        return logits[:, None]


def stacked(net: nn.Module, seed: int) -> nn.Module:
    """Gives a net's weights to what `train` can train: of the convnet a stack of one copy, of another net itself.

    Args:
        net: An ordinary net; a stack gets copies of its weights.
        seed: Of what the stack draws at random in its training.

    Example:
        >>> net = convnet.ConvNet(convnet.Widths(), 28).eval()
        >>> (same,) = convnet.split(stacked(net, seed=0))
        >>> all(torch.equal(tensor, same.state_dict()[name]) for name, tensor in net.state_dict().items())
        True
    """
    if not isinstance(net, convnet.ConvNet):
        return Alone(net)
    sizes = {name: getattr(net, name).conv.out_channels for name in convnet.LAYERS}
    dropout = net.dropout.p, "channel" if isinstance(net.dropout, nn.Dropout2d) else "element"
    stack = convnet.build(convnet.Widths(**sizes, dropout=dropout[0], dropout_kind=dropout[1]), net.head.out_features, (seed,))
    own = net.state_dict()
    stack.load_state_dict({name: own[_of_net(name)].reshape(like.shape) for name, like in stack.state_dict().items()})
    return stack.to(net.head.weight)


def _of_net(name: str) -> str:
    """Gives what a tensor of a stack is called in an ordinary net.

    Example:
        >>> [_of_net(name) for name in ("conv1_weight", "conv2_norm.running_mean", "head_bias")]
        ['conv1.conv.weight', 'conv2.norm.running_mean', 'head.bias']
    """
    return re.sub(r"^(conv\d)_(weight|bias)$", r"\1.conv.\2", name).replace("_norm.", ".norm.").replace("head_", "head.")


@dataclass(frozen=True, eq=False)
class Move:
    """A net on its way to another task."""

    source: Recorded
    target: Recorded  # a net of the new task, of the same seed: what training from the beginning makes in full
    root: str | None

    @cached_property
    def canvases(self) -> Mixture:
        """The training canvases of the new task that the target's net was trained on."""
        v, settings = self.target.settings, dict(self.target.settings.task_settings)
        n, seed = v.training.images, self.target.seed
        return draw(v.task, self.target.source, "train", n, canvas=v.canvas, settings=settings, root=self.root, seed=seed)

    @property
    def numbers(self) -> tuple[int, ...]:
        """How many of the canvases are used: some, and all."""
        most = self.target.settings.training.images
        return (*(n for n in NUMBERS if n < most), most)

    @property
    def entry(self) -> Net:
        """The architecture."""
        net: Net = choose("nets", self.target.settings.net)
        return net

    def recipe(self, n: int, slower: float = 1.0) -> Training:
        """Gives the usual recipe for few canvases: as many epochs as come nearest to the steps."""
        usual = self.target.settings.training
        batch = min(usual.batch, n)
        return replace(usual, images=n, batch=batch, epochs=max(1, round(STEPS / (n // batch))), peak=usual.peak / slower)

    def headed(self, net: nn.Module, means: Float[Tensor, "images units"], n: int) -> nn.Module:
        """Gives a net with a linear head for the new task, fitted on the first n canvases; all else stays as it is."""
        labels = self.canvases.labels[:n]
        head = fit_linear(means[:n], labels, len(self.canvases.classes))
        return with_head(net, load(self.target.settings), self.entry.head, head)

    def means(self, net: nn.Module) -> Float[Tensor, "images units"]:
        """Gives what a head reads of each training canvas."""
        return probe(net, self.canvases, self.target.layer).mean

    def trained(self, module: nn.Module, n: int, slower: float, watch: Watch) -> nn.Module:
        """Trains a module of one copy on the first n canvases and gives its net."""
        few = first(self.canvases, n)
        with torch.random.fork_rng(devices=[]):  # from which an ordinary net draws its dropout
            torch.manual_seed(derive(self.target.seed, "dropout"))
            train(module, few.images[None], few.labels[None], self.recipe(n, slower), (self.target.seed,), watch=watch)
        net: nn.Module = module.net if isinstance(module, Alone) else self.entry.split(module)[0]
        return net.eval()

    def built(self) -> nn.Module:
        """Gives an initialised stack of one copy for the new task."""
        v = self.target.settings
        stack: nn.Module = self.entry.build(
            self.entry.settings(**v.net_settings), len(self.canvases.classes), (self.target.seed,)
        )
        return stack

    def untrained(self) -> nn.Module:
        """Gives an initialised net, its batch norm's statistics estimated on the training canvases of the new task."""
        stack = self.built()
        settle(stack, self.canvases.images[None], self.target.settings.training.batch)
        net: nn.Module = self.entry.split(stack)[0]
        return net


def made(move: Move) -> Mapping[tuple[str, int], nn.Module]:
    """Makes all nets of a move.

    Returns:
        By way and number of canvases: `frozen` (the source's trunk with a fitted head), `tuned` (from there on all weights are
        trained), `scratch` (as many steps from the beginning, at the usual rate), `untrained` (never trained, a fitted head);
        and the recorded net of the new task as `recorded`.
    """
    source, untrained = move.source.net(), move.untrained()
    means = {"frozen": (source, move.means(source)), "untrained": (untrained, move.means(untrained))}
    label = f"transfer {move.source.variant} to {move.target.variant} s{move.source.seed}"
    found: dict[tuple[str, int], nn.Module] = {}
    for n in move.numbers:
        found |= {(way, n): move.headed(net, read, n) for way, (net, read) in means.items()}
        start = stacked(found["frozen", n], move.target.seed)
        found["tuned", n] = move.trained(start, n, SLOWER, told(f"{label}, tuned on {n:,}"))
        found["scratch", n] = move.trained(move.built(), n, 1.0, told(f"{label}, from the beginning on {n:,}"))
    return found | {("recorded", move.numbers[-1]): move.target.net()}
