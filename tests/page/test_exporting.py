"""Networks as plain operations, run by the page's script in Node, against torch."""

import json
import shutil
import subprocess
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mixmnist.page.exporting import exported, exported_generator, packed, rounded

ASSETS = Path(str(files("mixmnist.page"))) / "assets"


def node():
    """Where Node is: on the machine, or inside Playwright; None if it is not."""
    spec = find_spec("playwright")
    inside = Path(spec.origin).parent / "driver" / "node" if spec and spec.origin else None
    return shutil.which("node") or (str(inside) if inside and inside.is_file() else None)


needs_node = pytest.mark.skipif(node() is None, reason="needs Node, which comes with Playwright too")


def asked(question):
    """What the scripts answer, as JSON would have it."""
    names = ("base", "program", "convolve")
    scripts = [(ASSETS / f"{name}.js").read_text(encoding="utf-8").replace('"use strict";', "") for name in names]
    text = "\n".join(["const window = {mixmnist: {exhibits: []}};", *scripts, f"console.log(JSON.stringify({question}));"])
    answer = subprocess.run([node(), "-"], input=text, capture_output=True, text=True, timeout=60, check=False)
    assert answer.returncode == 0, answer.stderr[-2000:]
    return json.loads(answer.stdout)


def ran(pairs):
    """What the script gives for programs and their samples, in one go."""
    told = json.dumps([{"program": program.packed, "sample": sample.flatten().tolist()} for program, sample in pairs])
    run = """({ program, sample }) => {
      const found = mm.program(program);
      found.values[found.input] = Float32Array.from(sample);
      mm.run(found);
      mm.run(found); // a second time as the first
      return mm.outputs(found).map((one) => Array.from(one));
    }"""
    return asked(f"{told}.map({run})")


def drawn(*shape, seed=0):
    """Numbers of both signs."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def seeded(make):
    """A module with weights of a seed, in eval mode."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        found = make().eval()
        for module in found.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_()
                module.running_var.uniform_(0.5, 2)
                for tensor in module.parameters():
                    nn.init.normal_(tensor)
    return found


MAPS = drawn(1, 6, 5, 8)
VECTOR = drawn(1, 7)
STEPS = {  # what a network may do: a function, and its sample
    "linear": (seeded(lambda: nn.Linear(7, 3)), VECTOR),
    "linear without bias": (seeded(lambda: nn.Linear(7, 9, bias=False)), VECTOR),
    "product of two": (lambda x: x[0] @ x[0].transpose(1, 2), MAPS),
    "conv": (seeded(lambda: nn.Conv2d(6, 5, 3, padding=1)), MAPS),
    "conv, strides": (seeded(lambda: nn.Conv2d(6, 9, (2, 3), stride=(2, 1), padding=(0, 2))), MAPS),
    "conv, groups and dilation": (seeded(lambda: nn.Conv2d(6, 4, 2, groups=2, dilation=(1, 2), bias=False)), MAPS),
    "conv, last windows left over": (seeded(lambda: nn.Conv2d(6, 2, 2, stride=3)), MAPS),
    "transposed conv": (seeded(lambda: nn.ConvTranspose2d(6, 5, 4, stride=2, padding=1)), MAPS),
    "transposed conv, groups": (
        seeded(lambda: nn.ConvTranspose2d(6, 4, (3, 2), stride=(1, 2), output_padding=(0, 1), groups=2)),
        MAPS,
    ),
    "batch norm": (seeded(lambda: nn.BatchNorm2d(6)), MAPS),
    "batch norm without weights": (seeded(lambda: nn.BatchNorm2d(6, affine=False)), MAPS),
    "nearest upsampling": (lambda x: F.interpolate(x, scale_factor=(2, 3), mode="nearest"), MAPS),
    "nearest, other sizes": (lambda x: F.interpolate(x, size=(7, 4), mode="nearest"), MAPS),
    "bilinear": (lambda x: F.interpolate(x, size=(9, 13), mode="bilinear"), MAPS),
    "bilinear, corners": (lambda x: F.interpolate(x, size=(9, 13), mode="bilinear", align_corners=True), MAPS),
    "relu in place": (lambda x: F.relu_(x + 0) + 1, MAPS),
    "leaky relu": (lambda x: F.leaky_relu(F.leaky_relu(x, 0.2) - 0.5), MAPS),
    "sigmoid": (lambda x: torch.sigmoid(30 * x), MAPS),
    "tanh": (torch.tanh, MAPS),
    "softplus": (lambda x: F.softplus(x) + F.softplus(x, beta=2, threshold=1), MAPS),
    "other activations": (lambda x: F.gelu(3 * x) + F.silu(x) + F.elu(x, 0.7) + F.hardtanh(x), MAPS),
    "plain functions": (
        lambda x: (x.abs() + 1).log() + (x.abs() + 0.1).rsqrt() - (-x).exp() + x.square().sqrt() + 1 / (3 + x.sin()),
        MAPS,
    ),
    "clamp": (lambda x: x.clamp(-0.5, 0.25) + x.clamp(min=0.1) + x.clamp(max=0.3) + x.clamp_min(0.2), MAPS),
    "sums and products": (lambda x: (x + x[:, :1] * 2 - x[..., :1]) / (2 + x.mean() ** 2) - (1 - x), MAPS),
    "extremes of two": (lambda x: torch.maximum(x, x[:, 2:3]) - torch.minimum(x, torch.tensor(0.1)), MAPS),
    "reductions": (
        lambda x: x.sum((1, 3)) + x.mean(1).sum(-1) + x.amax((1, 3)) - x.amin(dim=(1, 3)) + x.max(1).values.max(-1).values,
        MAPS,
    ),
    "softmax": (lambda x: x.softmax(1) + x.log_softmax(-1) + x.softmax(2), MAPS),
    "joined": (lambda x: torch.cat([x, x[:, :2] + 1, torch.ones(1, 1, 5, 8)], 1), MAPS),
    "joined across": (lambda x: torch.cat([x[..., 3:], x[..., :3]], -1), MAPS),
    "stacked": (lambda x: torch.stack(x.unbind(1), dim=2), MAPS),
    "views": (lambda x: x.permute(0, 3, 1, 2).reshape(1, -1)[:, 3:-4:2], MAPS),
    "parts": (lambda x: (lambda a, b: a.squeeze(0).flatten() * b.unsqueeze(-1).reshape(-1))(*x.chunk(2, 1)), MAPS),
    "pixel shuffle": (lambda x: F.pixel_shuffle(x[:, :4], 2), MAPS),
    "norms of groups": (seeded(lambda: nn.Sequential(nn.GroupNorm(3, 6), nn.LayerNorm(8))), MAPS),
    "padding": (lambda x: F.pad(x, (1, 2, 0, 3), value=0.5), MAPS),
    "pixel unshuffle": (lambda x: F.pixel_unshuffle(x[:, :, :4], 2), MAPS),
    "log sigmoid": (lambda x: F.logsigmoid(9 * x) + x / (x.abs() + 0.02), MAPS),
    "max pooling": (lambda x: F.max_pool2d(x, 3, stride=2, padding=1), MAPS),
    "max pooling, plain": (lambda x: F.max_pool2d(x, 2), MAPS),
    "mean pooling": (lambda x: F.avg_pool2d(x, 2) + F.adaptive_avg_pool2d(x, (2, 4)) + F.adaptive_avg_pool2d(x, 1), MAPS),
    "one of two": (lambda x: torch.where(x > 0.2, x[:, :1], torch.tensor(-1.0)) * (x <= 1), MAPS),
    "planes of coordinates": (
        lambda x: torch.cat([x, torch.linspace(-1, 1, 5).view(1, 1, 5, 1).expand(len(x), 1, 5, 8)], 1),
        MAPS,
    ),
}


@needs_node
def test_every_step_is_as_in_torch():
    """Whatever the script can do must give torch's shape, and its numbers to 1e-5."""
    programs = [exported(lambda x, step=step: (step(x),), sample) for step, sample in STEPS.values()]
    found = ran([(program, sample) for program, (_, sample) in zip(programs, STEPS.values(), strict=True)])
    for name, program, ((step, sample), (numbers,)) in zip(STEPS, programs, zip(STEPS.values(), found, strict=True), strict=True):
        with torch.no_grad():
            right = step(sample)
        assert program.shapes[program.outputs[0]] == tuple(right.shape), name
        assert torch.tensor(numbers).reshape(right.shape).sub(right).abs().max() < 1e-5, name


class Skipping(nn.Module):
    """A generator whose image depends on what comes before the layer, too."""

    def __init__(self, head=nn.Identity):
        super().__init__()
        self.first, self.head = nn.Linear(3, 2 * 4 * 5), head()
        self.layer = nn.ReLU(inplace=True)
        self.last = nn.Conv2d(4, 1, 3, padding=1)

    def forward(self, codes):
        plain = self.head(self.first(codes)).view(-1, 2, 4, 5)
        return torch.sigmoid(self.last(torch.cat([self.layer(plain + 0), plain], dim=1)))


class Counting(nn.Module):
    """Does what no page can: it looks at the numbers."""

    def forward(self, x):
        return x * float(x.max().item() > -100)


@needs_node
def test_an_edited_layer_is_drawn_on_from():
    """Maps that are written into the layer's value must give torch's image, and what goes around the layer stay as it is."""
    net, code = seeded(Skipping), drawn(1, 3)
    program = exported_generator(net, "layer", code)
    maps = drawn(1, 2, 4, 5, seed=1)
    text = f"""(() => {{
      const found = mm.program({json.dumps(program.packed)}), [layer, image] = found.outputs;
      const {{ before, after }} = mm.split(found, layer);
      found.values[found.input] = Float32Array.from({code.flatten().tolist()});
      mm.run(found, before);
      const was = Array.from(found.values[layer]);
      found.values[layer] = Float32Array.from({maps.flatten().tolist()});
      mm.run(found, after);
      return [was, Array.from(found.values[image])];
    }})()"""
    was, image = asked(text)
    seen = []
    handle = net.layer.register_forward_hook(lambda _, __, output: seen.append(output.clone()) or maps)
    with torch.no_grad():
        right = net(code)
    handle.remove()
    torch.testing.assert_close(torch.tensor(was), seen[0].flatten(), rtol=0, atol=1e-5)
    torch.testing.assert_close(torch.tensor(image), right.flatten(), rtol=0, atol=1e-5)


def test_a_program_begins_with_the_layer_where_it_must():
    """Where what leads to the layer looks at values, the layer's maps must be the input."""
    program = exported_generator(seeded(lambda: Skipping(Counting)), "layer", drawn(1, 3))
    assert program.input == program.outputs[0]
    assert program.shapes[program.input] == (1, 2, 4, 5)


def test_what_the_page_cannot_do_is_refused():
    """An operation that is not known, a look at values, and a layer that is run twice, never or has no maps: a sentence each."""
    cases = [
        (lambda: exported(lambda x: (torch.linalg.inv(x[0, :, :5, :5]),), MAPS), "got the operation aten.linalg_inv_ex"),
        (lambda: exported(lambda x: (Counting()(x),), MAPS), "got a step that looks at values. Leave it out."),
        (lambda: exported(lambda x: (x.max(1).indices * x,), MAPS), "must not use where a maximum lies"),
        (lambda: exported(lambda x: (nn.BatchNorm2d(6)(x),), MAPS), "network must be in eval mode"),
        (lambda: exported_generator(seeded(Skipping), "none", drawn(1, 3)), "got layer='none'"),
        (lambda: exported_generator(seeded(Skipping), "first", drawn(1, 3)), r"layer must give maps, got \[1, 40\]"),
        (
            lambda: exported_generator(nn.Sequential(nn.Linear(3, 4), *[nn.ReLU()] * 2), "1", drawn(1, 3)),
            "got 2 times of layer='1'",
        ),
    ]
    for call, said in cases:
        with pytest.raises(ValueError, match=said):
            call()


def test_a_view_that_was_changed_in_place_is_refused():
    """Where a step changes numbers that another tensor looks at, that tensor must not be used as it was."""

    def changing(x):
        y = x + 0
        part = y[:, :2]
        part.mul_(2)
        return (y,)

    with pytest.raises(ValueError, match="nor change views in place"):
        exported(changing, MAPS)


def test_nothing_is_written_that_no_output_needs():
    """Steps and weights without use must be left out, and equal constants be written once."""
    unused, used = seeded(lambda: nn.Linear(7, 500)), seeded(lambda: nn.Linear(7, 3))

    def function(x):
        unused(x)
        return (used(x) + used(x),)

    program = exported(function, VECTOR)
    assert [tuple(one.shape) for one in program.constants.values()] == [(3,), (7, 3)]


def test_numbers_are_packed_exactly():
    """Numbers must come in the fewest bytes that hold them exactly; rounded weights take two, small tensors stay whole."""
    assert [packed(torch.tensor(v))["size"] for v in ([0.0, 255.0], [-1.0], [256.0], [0.1], [1e9])] == [1, 2, 2, 4, 4]
    net = rounded(seeded(lambda: nn.Linear(40, 8)))
    assert [packed(one)["size"] for one in (net.weight, net.bias)] == [2, 4]


@needs_node
def test_packed_numbers_are_read():
    """Every size must be read as it was, subnormal half precision included."""
    values = torch.tensor([0.1, -2.5, 3e-8 * 2, 65504.0, 6.1e-5, 0.0])
    for one in (values, values.half().float(), torch.tensor([0.0, 7.0, 255.0])):
        found = asked(f"Array.from(mm.decoded({json.dumps(packed(one))}))")
        assert torch.equal(torch.tensor(found), one)
