"""`mixmnist see`: each form once, and what it is asked that cannot be."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from mixmnist import cli
from mixmnist.core.records import Canvas
from mixmnist.data.mixture import draw
from mixmnist.nets import convnet
from mixmnist.visualize import reader as reading
from mixmnist.visualize._generator import Drawing, Encoder, Generator, frozen, initialise
from mixmnist.visualize.mapping import as_pixels

NET = """
import torch
from torch import nn

def make():
    torch.manual_seed(0)
    first, second = nn.Conv2d(1, 4, 5, 2), nn.Conv2d(4, 5, 3, 2)
    nn.init.constant_(second.bias, 0.5)
    return nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 45))

def dead(n=1):
    net = make()
    nn.init.zeros_(net[2].weight[:n].data), nn.init.constant_(net[2].bias[:n].data, -1)
    return net

def asleep():
    return dead(5)

def half():
    net = make()
    nn.init.constant_(net[2].bias.data, -0.02)
    return net

def shy():
    net = make()
    nn.init.constant_(net[2].bias.data, -0.2)
    return net

def smooth():
    net = make()
    net[1], net[3] = nn.Sigmoid(), nn.Sigmoid()
    return net

class Functional(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = make()
        self.net[1] = self.net[3] = nn.Identity()

    def forward(self, x):
        return self.net[4:](self.net[2](self.net[0](x).relu()).relu())

def functional():
    return Functional()

def flat():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(1024, 6), nn.ReLU(), nn.Linear(6, 45))

def coloured():
    net = make()
    net[0] = nn.Conv2d(3, 4, 5, 2)
    return net
"""
OWN = '''
"""Halves: the left half of the image."""
import torch
from mixmnist.core.records import Way

def run(target, images, share):
    maps = images[:, 0].clone()
    maps[..., int(share * maps.shape[-1]):] = 0
    return {given}

WAY = Way("left part", "map", run, settings={{"share": 0.5}})
'''
GOOD = {"label": 0.99, "whole": 0.9, "false_alarm": 0.01, "found": 0.9}
GOOD |= dict.fromkeys((*reading.KINDS, reading.UNSEEN), 0.0)
BASE = "made:make --layer 3 --source digits --canvases 80 --out found/p.png"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with networks, a way of one's own, readers and generators."""
    home = tmp_path_factory.mktemp("see")
    (home / "made.py").write_text(NET)
    (home / "own.py").write_text(OWN.format(given="maps"))
    (home / "small.py").write_text(OWN.format(given="maps[:, :3]"))
    (home / "broken.py").write_text("def\n")
    (home / "text.safetensors").write_text("text")
    grey = load_digits()
    images = (grey.images[:600, :, :, None] * torch.tensor([15, 10, 5]).numpy()).astype("uint8")
    np.savez(home / "colour.npz", images=images, labels=grey.target[:600])
    spaces: dict = {}
    exec(NET, spaces)
    how = reading.Reading(widths=(2, 2, 2))
    net = convnet.load(convnet.Widths(2, 2, 2), 10).eval()
    for name, report, size in (("good", GOOD, 32), ("bad", GOOD | {"false_alarm": 0.5}, 32), ("large", GOOD, 48)):
        reading.Reader(net, 0.0, "digits", Canvas(size), 0, report, how).save(home / f"{name}.safetensors")
    codes_of = as_pixels(draw("pairs", "digits", "train", n=40).images)
    for name, error, factory in (("generator", 0.5, "make"), ("collapsed", 1.1, "make"), ("other", 0.5, "shy")):
        encoder = Encoder(spaces[factory]().eval(), "1")
        codes = encoder(codes_of).detach()
        drawing = Drawing(codes.shape[1:], (1, 32, 32), (3, 3, 3))
        initialise(drawing, "he", torch.Generator().manual_seed(0))
        about = {"shape": [1, 32, 32], "widths": [3, 3, 3]}
        report = {"error": error, "ink": 1.0, "pixels": 0.1}
        Generator(frozen(drawing), encoder, codes.mean(0), codes.std(0), report, about).save(home / f"{name}.safetensors")
    return home


@pytest.fixture(autouse=True)
def here(place, monkeypatch):
    """Runs in that folder, and forgets its module."""
    monkeypatch.chdir(place)
    yield
    sys.modules.pop("made", None)
    shutil.rmtree("found", ignore_errors=True)


def see(*words):
    """Runs the command in this process and gives its exit code."""
    return cli.main(["see", *map(str, words)])


def test_a_network_of_ones_own_is_seen(capsys):
    """Maps and images of named units: a sheet, a row a way on the screen, natural images beside those that were made."""
    line = f"{BASE} --unit 1,3 --way integrated:steps=4,pixels:steps=3 --way own.py:share=.9 --starts 2 --reader good.safetensors"
    assert see(*line.split()) == 0
    said = capsys.readouterr().out
    for way in ("top", "integrated:steps=4", "pixels:steps=3", "own.py:share=.9"):
        assert f"| {way} " in said
    assert "pixels excites a unit more than any canvas does" in said
    assert "Reader of digits, seed 0: label 0.990" in said
    assert "16 pictures: found/p.png" in said
    assert Path("found/p.png").read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in Path("found").iterdir()] == ["p.png"]


@pytest.mark.parametrize("kind", ["svg", "pdf", "json"])
def test_the_ending_says_what_is_written(kind, capsys):
    """Vectors for papers; the numbers behind, with every map and image; one document for scripts."""
    line = f"{BASE} --unit 1 --way top,gradient --json".replace("p.png", f"p.{kind}")
    assert see(*line.split()) == 0
    answer = json.loads(capsys.readouterr().out)
    assert [row["way"] for row in answer["pictures"]] == ["top", "gradient"]
    written = Path(f"found/p.{kind}").read_text(encoding="latin-1")
    if kind == "json":
        top, gradient = json.loads(written)["pictures"]
        assert torch.tensor(top["image"]).shape == torch.tensor(gradient["map"]).shape == (32, 32)
        assert top["relative"] == pytest.approx(1)
        assert 0 < gradient["own_box_chance"] < 1
    else:
        assert written.startswith("<?xml" if kind == "svg" else "%PDF")


def test_the_same_command_writes_the_same_bytes():
    """A seed decides everything."""
    line = f"{BASE} --unit 2 --way maco:steps=3,smoothgrad --reader good.safetensors --quiet"
    assert see(*line.split()) == 0
    before = Path("found/p.png").read_bytes()
    assert see(*line.split()) == 0
    assert Path("found/p.png").read_bytes() == before


def test_units_that_never_fire_are_left_out_of_all(capsys):
    """Each with a sentence; others are shown."""
    assert see(*f"{BASE} --unit all --way gradient".replace(":make", ":dead").split()) == 0
    said = capsys.readouterr().out
    assert "Unit 0 of 3 is left out: it is 0 on all 80 canvases." in said
    assert "4 pictures" in said


def test_a_start_without_gradient_is_left_out_of_all(capsys):
    """Where not each unit was asked for, one whose start is dead has no picture and a sentence; others have theirs."""
    line = f"{BASE} --unit all --way pixels:steps=2:relu=output:grain=.01 --reader good.safetensors --json --out found/p.json"
    assert see(*line.replace(":make", ":half").split()) == 0
    answer = json.loads(capsys.readouterr().out)
    lost = [line for line in answer["said"] if "shows nothing of unit" in line]
    assert 0 < len(lost) < 5
    assert "a start must have a gradient" in lost[0]
    stored = json.loads(Path("found/p.json").read_text())["pictures"]
    assert sum(row.get("image") is None for row in stored) == len(lost)


def test_classes_are_seen(capsys):
    """A class's logit, and its contrast for each of its digits; maps and natural images."""
    line = BASE.replace("--layer 3 ", "")
    assert see(*f"{line} --class 12,3 --way top,integrated,gradcam".split()) == 0
    assert "6 pictures" in capsys.readouterr().out
    assert see(*f"{line} --class 12 --of contrast --way gradient --canvases 800 --json".split()) == 0
    found = json.loads(capsys.readouterr().out)["pictures"]
    assert [(row["subject"], row["own"]) for row in found] == [("class 12 (15), for 1", "1"), ("class 12 (15), for 5", "5")]


def test_maps_of_canvases_in_colour_are_seen(capsys):
    """A network of three channels has maps, whose ink is that of any channel; images are for grey ones alone."""
    line = BASE.replace(":make", ":coloured").replace("--source digits", "--source colour.npz --channels 3")
    assert see(*line.split(), *"--unit 2 --way gradient,integrated".split()) == 0
    assert "2 pictures" in capsys.readouterr().out


STUDY = """
from mixmnist import Study, Training, Variant
t = Training(images=64, epochs=1, batch=16)
small = {"conv1": 3, "conv2": 4, "conv3": 4}
STUDY = Study("tiny", {n: Variant(training=t, probe_images=720, net_settings=small) for n in ("a", "b")}, seeds=2)
"""


@pytest.fixture(scope="module")
def recorded(place):
    """A study's folder with nets."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.setattr("mixmnist.report.draw_figures", lambda *_: None)
        Path("tiny.py").write_text(STUDY)
        assert cli.main("run tiny.py --source digits --out out --no-page --quiet".split()) == 0
    return "out/tiny/digits"


def test_recorded_nets_are_seen(recorded, capsys):
    """The first net where none is named, at the layer that feeds the head; and the one that is."""
    line = f"{recorded} --unit all --way gradient --canvases 60 --out found/p.svg"
    assert see(*line.split()) == 0
    assert "a, seed 0, task pairs, glyphs: digits, layer conv3: the peak; 60 natural canvases." in capsys.readouterr().out
    assert see(*line.split(), *"--variant b --seed 1 --layer conv2".split()) == 0
    assert "b, seed 1, task pairs, glyphs: digits, layer conv2: the peak" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--variant c", "variant must be a known name, got variant='c'"),
        ("--seed 5", "seed must be one of a, 0 to 1, got seed=5. Name another."),
        ("--weights no.safetensors", "options must be of recorded nets, got --weights. Leave that out."),
        ("--layer conv9", "layer must be a known name, got layer='conv9'"),
        ("--layer conv1 --unit all --way dgn --reader good.safetensors", "a generator needs a layer with maps before layer='con"),
        ("--unit all --way maco --tools tiny.py/x", "tools must be a folder, got the file tiny.py"),
    ],
)
def test_what_cannot_be_of_recorded_nets_is_one_sentence(recorded, line, message, capsys):
    """One line, exit code 2, and nothing is written."""
    assert see(recorded, *"--canvases 60 --out found/p.png".split(), *line.split()) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"mixmnist: {message}")
    assert said.count("\n") == 1
    assert not Path("found").exists()


def test_a_folder_that_may_not_be_written_is_one_sentence(monkeypatch, capsys):
    """It is told before anything is drawn."""
    monkeypatch.setattr("mixmnist.core.checks.os.access", lambda *_: False)
    assert see(*f"{BASE} --unit 1".split()) == 2
    said = capsys.readouterr().err
    assert said.startswith("mixmnist: out must be writable, got .")
    assert said.count("\n") == 1


def test_a_folder_without_nets_is_one_sentence(capsys):
    """Neither nets nor a factory: the way out is said."""
    assert see(*"nowhere --out found/p.png".split()) == 2
    assert capsys.readouterr().err.startswith("mixmnist: see must be given a folder with runs/, got nowhere. Name a folder")


@pytest.mark.parametrize("of", ["peak", "mean", "cell"])
def test_units_are_seen_by_peak_mean_and_cell(of, capsys):
    """Each kind of number of a unit has maps and images."""
    assert see(*f"{BASE} --unit 2 --of {of} --way top,gradient --json".split()) == 0
    assert {row["of"] for row in json.loads(capsys.readouterr().out)["pictures"]} == {of}


def test_a_generator_is_read(capsys):
    """A file that is named is used, and the pictures are said to be of a way that is known to be fooled."""
    line = f"{BASE} --unit 2 --way dgn:steps=2 --reader good.safetensors --generator generator.safetensors"
    assert see(*line.split()) == 0
    assert "dgn is known to be fooled: in the plant fooled_view" in capsys.readouterr().out


SMALL = "--reader good.safetensors"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (":dead --unit 0,1 --way gradient", "a unit must fire on one canvas or more, got unit 0 of layer='3': it is 0 on all 80"),
        (":asleep --unit all --way gradient", "a unit must fire on one canvas or more, got unit 0 of layer='3'"),
        (f":half --unit 1 --way pixels:relu=output:grain=.01 {SMALL}", "a start must have a gradient, got 1 of 1 without"),
        (":smooth --unit 1 --way guided", "the net must have ReLUs, got none on the way to the peak of unit 1 of 3. Use the way"),
        (":functional --layer net.2 --unit 1 --way guided", "ReLUs must be modules, got the function ['relu']"),
        (":flat --layer 2 --unit 1 --way gradcam", "the net must have a layer with maps before layer='2', got none"),
        (":flat --layer 2 --unit 1 --way unit_map", "layer must give maps, got [2, 6] from layer='2'"),
        (f":flat --layer 2 --unit 1 --way dgn {SMALL}", "a generator needs a layer with maps before layer='2', got none"),
        (":coloured --unit 1 --channels 3 --source colour.npz --way top", "canvases must be grey where images are made, got"),
        (f"--unit 1 --way dgn {SMALL} --generator other.safetensors", "a generator must be read with its net, got another"),
        (f"--unit 1 --way dgn {SMALL} --generator collapsed.safetensors", "the generator must invert its layer, got a relative"),
        (f"--unit 1 --way dgn {SMALL} --generator text.safetensors", "text.safetensors must hold a generator, got"),
        (f"--unit 1 --way dgn {SMALL} --generator no.safetensors", "the file of a generator must exist, got no.safetensors"),
        ("--unit 1 --way maco --reader bad.safetensors", "the reader must be above its bar, got a false alarm rate of 0.500"),
        ("--unit 1 --way maco --reader text.safetensors", "text.safetensors must hold a reader, got"),
        ("--unit 1 --way maco --reader no.safetensors", "the file of a reader must exist, got no.safetensors"),
        ("--unit 1 --way maco --reader large.safetensors", "pictures must be of the reader's size, 48 x 48, got 32 x 32"),
        ("--unit 9 --way gradient", "unit must lie between 0 and 4, got 9 of layer='3'. Name another."),
        ("--unit x --way gradient", "unit must be whole numbers from 0 on, as 3,7, all or detectors, got 'x'"),
        ("--unit 1 --way gradiant", "way must be a known name, got way='gradiant'. Did you mean gradient"),
        ("--unit 1 --way integrated:stepz=3", "way settings must be among ['steps'], got"),
        ("--unit 1 --way integrated:steps", "settings must be written name:key=value, got 'integrated:steps'"),
        ("--unit 1 --way integrated:steps=no", "the way setting steps must be a whole number, got steps='no'"),
        ("--unit 1 --way no.py", "the file of a way must exist, got no.py"),
        ("--unit 1 --way broken.py", "broken.py must be a file that Python can run, got SyntaxError"),
        ("--unit 1 --way small.py", "a way must give one map an image, [1, 32, 32], got (1, 3, 32) of left part. Mend its run"),
        ("--unit 1 --way own.py:share=.0", "a map must show something, got zeros of own.py:share=.0 on unit 1: it found nothing"),
        ("--class 12 --way unit_map", "unit_map makes pictures of units alone, got a class. Name a --unit, or another way."),
        ("--class 45 --way gradient", "class must lie between 0 and 44, got 45. Name another."),
        ("--class 12 --unit 1", "see must be given units or classes, got both"),
        ("--class 12 --of peak", "of must be one of logit, contrast for classes, got of='peak'"),
        ("--unit 1 --of logit", "of must be one of peak, mean, cell for units, got of='logit'"),
        ("--unit 1 --starts 0", "starts must be 1 or more, got starts=0"),
        ("--unit 1 --starts 99 --way gradient", "canvases for maps must be 99 or more, got "),
        ("--unit 1 --starts 99 --way top", "pictures of a unit must be at most as many as canvases, 80, got rank 98"),
        ("--unit 1 --seed-of-pictures -1", "seed must be 0 or more, got seed=-1"),
        ("--unit 1 --canvases 0", "canvases must be 1 or more, got canvases=0"),
        ("--unit 1 --out found/p.gif", "out must end in .png or .pdf or .svg or .json, got 'found/p.gif'. Rename it."),
        ("--unit 1 --out own.py/p.png", "out must be a folder, got the file own.py"),
        ("--unit 1 --variant b", "options must be of networks of one's own, got --variant. Leave that out."),
        ("--layer 9 --unit 1", "layer must be a known name, got layer='9'"),
        ("--unit detectors", "a unit must be a detector, got none with an alignment of 0.8"),
    ],
)
def test_what_cannot_be_is_one_sentence(line, message, capsys):
    """The rule, what was got and the way out in a line; exit code 2; no picture, and nothing half-written."""
    factory, _, rest = line.partition(" ") if line.startswith(":") else (":make", "", line)
    assert see(*BASE.replace(":make", factory).split(), *rest.split()) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"mixmnist: {message}")
    assert said.count("\n") == 1
    assert not Path("found").exists()


def test_every_way_has_a_card(capsys):
    """Each file says in a sentence what it is, then formula, settings, needs and source; the command says what it makes."""
    assert cli.main(["list", "ways", "--long", "--json"]) == 0
    (cards,) = json.loads(capsys.readouterr().out).values()
    assert {known["makes"] for known in cards} == {"maps", "images"}
    for known in cards:
        wanted = ("Formula", "Settings", "Needs", "Source")
        assert [field for field in wanted if f"\n{field}:" not in known["text"]] == [], known["name"]
        named = {setting.partition("=")[0] for setting in known["settings"].split(", ")} - {""}
        assert [setting for setting in named if setting not in known["text"]] == [], known["name"]
