"""Origins: nets with nothing learned, on shuffled labels, or planted are run, recorded, loaded and verified as trained ones."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from mixmnist import Canvas, Options, Study, Training, Variant, draw, load_net, sweep
from mixmnist.block import Block
from mixmnist.core import registry, storage
from mixmnist.origins import settle, shuffle
from mixmnist.plants import compare
from mixmnist.report.reading import read_study
from mixmnist.verifying import verify

TINY = Variant(
    task="single",
    training=Training(images=96, epochs=1, batch=16),
    probe_images=720,
    net_settings={"conv1": 3, "conv2": 4, "conv3": 4},
)
ORIGINS = ("trained", "untrained", "shuffled")
PLANTED = Variant(origin="planted:perfect", probe_images=720)
NET = registry.choose("nets", "convnet")


@pytest.fixture(scope="module")
def options(tmp_path_factory):
    """A small run on the stamps."""
    return Options(source="stamps", out=str(tmp_path_factory.mktemp("origins")), device="cpu", precision="float32")


@pytest.fixture(scope="module")
def folder(options):
    """A recorded study of a variant of each origin."""
    variants = {origin: replace(TINY, origin=origin) for origin in ORIGINS} | {"planted": PLANTED}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sweep, "_cores", lambda: 1)
        result = sweep.run(Study("origins", variants, seeds=1), options, lambda _: None)
    assert result.failures == ()
    return result.folder


def record(folder, variant, seed=0):
    """Reads a record."""
    return json.loads((folder / "runs" / variant / "s0-0" / f"s{seed}" / "record.json").read_text())


def initialised():
    """The tiny net as seed 0 starts."""
    return NET.split(NET.build(NET.settings(**TINY.net_settings), 10, (0,)))[0]


def block(variant):
    """A block of a variant on the stamps."""
    return Block("s", "v", variant, "stamps", None, (0,), "cpu", "float32", 1, Path("nowhere"))


def test_a_trained_variant_says_nothing_of_its_origin():
    """What is recorded of trained nets, and their fingerprints with it, must be what it was before there were origins."""
    assert "origin" not in Variant().as_dict()
    config = block(Variant()).config
    assert set(config) == {"variant", "source", "data", "seeds", "device", "precision", "threads", "code"}
    assert "origin" not in config["variant"]
    expected = "e331523d"
    assert storage.fingerprint(Variant().as_dict())[:8] == expected


@pytest.mark.parametrize("origin", [*ORIGINS, "planted:hidden"])
def test_a_variant_comes_back_from_its_record(origin):
    """The record of a variant, with or without an origin, must give the variant."""
    variant = Variant(origin=origin)
    assert Variant.from_dict(json.loads(json.dumps(variant.as_dict()))) == variant
    assert Variant.from_dict(variant.as_dict() | {"origin": origin}) == variant


@pytest.mark.parametrize(
    ("origin", "message"),
    [
        ("untrainde", "origin must be a known name, got origin='untrainde'. Did you mean untrained"),
        ("planted:perfekt", "got origin='planted:perfekt'. Did you mean planted:perfect"),
        ("planted:units", "origin must be a known name, got origin='planted:units'"),
    ],
)
def test_an_unknown_origin_is_refused(origin, message):
    """An unknown origin must be answered with the nearest ones."""
    with pytest.raises(ValueError, match=message):
        Variant(origin=origin)


def test_the_fingerprint_of_another_origin_holds_its_code(monkeypatch):
    """The code that plants, or that shuffles and settles, must be in the fingerprint of such variants and of no other."""
    variants = [Variant(), Variant(origin="shuffled"), Variant(origin="untrained"), PLANTED]
    before = [block(v).fingerprints["weights"] for v in variants]
    assert len(set(before)) == 4
    real = storage.code_version
    for changed, touched in ((("plants",), [3]), (("origins.py",), [1, 2])):
        assert all(list(storage.PACKAGE.glob(part)) for part in changed)
        monkeypatch.setattr(storage, "code_version", lambda parts, c=changed: "changed" if tuple(parts) == c else real(parts))
        after = [block(v).fingerprints["weights"] for v in variants]
        assert [i for i in range(4) if after[i] != before[i]] == touched


@pytest.mark.parametrize(
    ("source", "changes", "message"),
    [
        ("digits", {}, "made for source='stamps' and task='pairs' .* got source='digits'. Use --source stamps"),
        ("stamps", {"task": "redundant"}, "got task='redundant'. Leave task out of the variant"),
        ("stamps", {"canvas": Canvas(size=40)}, r"got canvas=Canvas\(size=40, .*Leave canvas out of the variant"),
        ("stamps", {"net_settings": {"conv3": 30}}, r"has no settings, got net_settings=\{'conv3': 30\}. Leave net_settings out"),
    ],
)
def test_a_plant_is_refused_where_it_is_not_exact(tmp_path, source, changes, message):
    """A planted network on another source, task or canvas, or with settings, must be refused before anything is written."""
    out = tmp_path / "out"
    study = Study("bad", {"plant": replace(PLANTED, **changes)}, seeds=1)
    with pytest.raises(ValueError, match=f"^planted:perfect is {message}|^planted:perfect .*{message}"):
        sweep.run(study, Options(source=source, out=str(out), device="cpu"), lambda _: None)
    assert not out.exists()


def test_shuffled_labels_are_a_permutation_of_each_seeds_own():
    """Each copy must keep its labels' counts in an order of its own, the same for the same seed; rows stay whole."""
    labels = torch.arange(12).repeat(3, 1)
    found = shuffle(labels, (0, 1, 0))
    assert torch.equal(found.sort(dim=1).values, labels)
    assert torch.equal(found[0], found[2])
    assert not torch.equal(found[0], found[1])
    assert not torch.equal(found[0], labels[0])
    rows = shuffle(labels[:1, :, None].repeat(1, 1, 2), (0,))
    assert torch.equal(rows[0, :, 0], found[0])
    assert torch.equal(rows[0, :, 0], rows[0, :, 1])


def test_settling_estimates_the_statistics_and_nothing_else():
    """Means and variances must be the mean over whole batches; weights and the norms' own settings stay, in eval mode."""
    images = draw("pairs", "stamps", "train", n=40).images
    module = NET.build(NET.settings(**TINY.net_settings), 45, (0,))
    before = {name: tensor.clone() for name, tensor in module.state_dict().items() if "running" not in name}
    settle(module, images[None], batch=16)
    (net,) = NET.split(module)
    maps = [net.conv1[0](part[:, None] / 255) for part in images[:32].split(16)]
    expected = torch.stack([part.mean(dim=(0, 2, 3)) for part in maps]).mean(dim=0)
    assert net.conv1.norm.running_mean.tolist() == pytest.approx(expected.tolist(), abs=1e-5)
    variances = torch.stack([part.var(dim=(0, 2, 3)) for part in maps]).mean(dim=0)
    assert net.conv1.norm.running_var.tolist() == pytest.approx(variances.tolist(), rel=1e-3)
    after = module.state_dict()
    assert [name for name in before if "tracked" not in name and not torch.equal(before[name], after[name])] == []
    assert not module.training
    assert {norm.momentum for norm in module.modules() if isinstance(norm, torch.nn.BatchNorm2d)} == {0.1}


@pytest.mark.slow
def test_an_untrained_net_is_the_initialised_one(folder):
    """Its weights must be those that the seed starts with, its history empty, its units alive."""
    net, start = load_net(folder / "runs/untrained/s0-0/s0"), initialised()
    for name, weight in start.named_parameters():
        assert torch.equal(net.get_parameter(name), weight)
    assert not torch.equal(net.conv3.norm.running_mean, start.conv3.norm.running_mean)
    found = record(folder, "untrained")
    assert found["history"] == []
    assert found["layers"][-1]["dead"] == 0
    assert len(record(folder, "trained")["history"]) == 1


@pytest.mark.slow
def test_shuffled_labels_give_another_net_from_the_same_start(folder):
    """On permuted labels the net must be trained, and become another one than on the right ones."""
    shuffled, trained = (load_net(folder / f"runs/{origin}/s0-0/s0") for origin in ("shuffled", "trained"))
    assert not torch.equal(shuffled.head.weight, trained.head.weight)
    assert not torch.equal(shuffled.head.weight, initialised().head.weight)
    assert len(record(folder, "shuffled")["history"]) == 1


@pytest.mark.slow
def test_a_planted_net_is_recorded_and_loaded(folder):
    """What is recorded of a plant must be what was written down, and its weights must give the network."""
    found, run = record(folder, "planted"), read_study(folder).of_layer("units")
    assert (found["history"], found["failure"], found["together"]) == ([], None, [0])
    tables = {name: getattr(run, name) for name in ("units", "concepts")} | {"layer": run.runs}
    verdicts = compare(registry.choose("plants", "perfect").expected(0), tables, 720)
    assert verdicts[~verdicts["right"]].to_dict("records") == []
    net, plant = load_net(folder / "runs/planted/s0-0/s0"), registry.choose("plants", "perfect").build(0)
    assert {name: t.tolist() for name, t in net.state_dict().items()} == {n: t.tolist() for n, t in plant.state_dict().items()}


@pytest.mark.slow
def test_all_origins_stand_up_to_verification(folder):
    """Every record must follow from its weights, its data and the code."""
    verdicts = list(verify(folder))
    assert len(verdicts) == 4
    assert [(verdict.run, verdict.differences) for verdict in verdicts if verdict.differences] == []


@pytest.mark.slow
def test_recorded_origins_are_not_run_again(folder, options):
    """A second sweep must find every variant recorded."""
    lines = []
    variants = {origin: replace(TINY, origin=origin) for origin in ORIGINS} | {"planted": PLANTED}
    sweep.run(Study("origins", variants, seeds=1), options, lines.append)
    assert folder.is_dir()
    assert all("already recorded" in line for line in lines)
    assert len(lines) == 4
