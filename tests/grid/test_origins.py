"""Origins: nets with nothing learned, on shuffled labels, or planted are run, recorded, loaded and verified as trained ones."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from mixmnist import Canvas, Options, Study, Training, Variant, load_net
from mixmnist.core import registry, storage
from mixmnist.grid import sweep
from mixmnist.grid.block import Block
from mixmnist.grid.verifying import verify
from mixmnist.plants import compare
from mixmnist.report.reading import read_study

TINY = Variant(
    task="single",
    training=Training(images=96, epochs=1, batch=16),
    probe_images=720,
    net_settings={"conv1": 3, "conv2": 4, "conv3": 4},
)
ORIGINS = ("trained", "untrained", "shuffled")
PLANTED = Variant(origin="planted:perfect", probe_images=2_200)
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


def test_the_former_spelling_of_shuffled_is_understood():
    """What was an origin must be the objective, in a study and in a record."""
    variant = Variant(origin="shuffled")
    assert variant == Variant(objective="shuffled")
    assert variant.as_dict() == {**Variant().as_dict(), "objective": "shuffled"}
    with pytest.raises(ValueError, match=r"origin shuffled is the objective of that name, got objective='noisy' too\. Name one"):
        Variant(origin="shuffled", objective="noisy")
    assert [v.provenance for v in (variant, Variant(), Variant(origin="untrained"))] == ["shuffled", "trained", "untrained"]


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
    found, run = record(folder, "planted"), read_study(folder).of_last_layer().of_variants(["planted"])
    assert (found["history"], found["failure"], found["together"]) == ([], None, [0])
    tables = {name: getattr(run, name) for name in ("units", "concepts")} | {"layer": run.runs}
    verdicts = compare(registry.choose("plants", "perfect").expected(0), tables, 2_200)
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
