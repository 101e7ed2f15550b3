import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mixmnist import Canvas, Options, Study, Training, Variant, draw, load_net
from mixmnist.grid import digests, sweep, workers
from mixmnist.kinds import classifier
from mixmnist.report.reading import read_study

TINY = Variant(
    task="single",
    training=Training(images=64, epochs=1, batch=16),
    probe_images=720,
    net_settings={"conv1": 3, "conv2": 4, "conv3": 4},
)
STUDY = Study("tiny", {"baseline": TINY, "wide": replace(TINY, net_settings={"conv1": 3, "conv2": 4, "conv3": 6})}, seeds=2)
FILES = {"record.json", "units.csv", "concepts.csv", "curves.csv", "top.npz", "weights.safetensors"}


@pytest.fixture
def options(tmp_path):
    """A small run on the digits that come with scikit-learn."""
    return Options(source="digits", out=str(tmp_path), device="cpu", precision="float32")


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A folder of results that holds the tiny study."""
    folder = tmp_path_factory.mktemp("recorded")
    sweep.run(STUDY, Options(source="digits", out=str(folder), device="cpu", precision="float32"), lambda _: None)
    return folder


@pytest.fixture
def known(recorded, options):
    """Puts what is recorded of the tiny study where `options` writes, so that a sweep finds it there."""
    shutil.copytree(recorded, options.out, dirs_exist_ok=True)


def record(folder, variant="baseline", block="s0-1", seed=0):
    """Reads a record."""
    return json.loads((folder / "runs" / variant / block / f"s{seed}" / "record.json").read_text())


def test_every_run_has_a_whole_record(options):
    """Each variant and seed must have its record, tables, pictures and weights, and nothing else may be left."""
    lines = []
    result = sweep.run(STUDY, options, lines.append)
    assert result.failures == ()
    homes = sorted(p.parent.relative_to(result.folder).as_posix() for p in result.folder.glob("runs/*/*/*/record.json"))
    assert homes == [f"runs/{v}/s0-1/s{s}" for v in ("baseline", "wide") for s in (0, 1)]
    assert {p.name for p in (result.folder / homes[0]).iterdir()} == FILES
    lines = [line for line in lines if not line.endswith(" left")]  # told where a block takes over five seconds
    assert len(lines) == 2
    assert [p.name for p in result.folder.rglob(".*")] == [".locks"]


@pytest.mark.usefixtures("known")
def test_a_record_says_what_it_depends_on(options):
    """A record must hold configuration, seed, data fingerprint, code, versions, hardware, history and scores."""
    found = record(sweep.run(STUDY, options, lambda _: None).folder, "wide", seed=1)
    assert (found["variant"], found["seed"], found["block"], found["failure"]) == ("wide", 1, "s0-1", None)
    config = found["config"]
    assert (config["threads"], config["precision"], config["device"], config["seeds"]) == (1, "float32", "cpu", [0, 1])
    assert config["variant"]["net_settings"] == {"conv1": 3, "conv2": 4, "conv3": 6}
    assert len(config["data"]) == len(config["code"]) == len(found["weights_sha256"]) == 64
    assert set(found["versions"]) >= {"torch", "python", "mixmnist"}
    assert found["layers"][-1]["n_units"] == 6
    assert len(found["history"]) == 1


@pytest.mark.usefixtures("known")
def test_the_same_configuration_gives_the_same_bytes(options, tmp_path, contents):
    """Two sweeps with one configuration must give identical weights and identical records but for times."""
    first = sweep.run(STUDY, options, lambda _: None)
    second = sweep.run(STUDY, replace(options, out=str(tmp_path / "again")), lambda _: None)
    assert contents(first.folder) == contents(second.folder)


@pytest.mark.usefixtures("known")
def test_what_is_recorded_is_not_run_again(options, monkeypatch):
    """A second call must train nothing and change no byte."""
    folder = sweep.run(STUDY, options, lambda _: None).folder
    before = {p: p.stat().st_mtime_ns for p in folder.rglob("*")}
    monkeypatch.setattr(workers, "run_block", None)
    lines = []
    sweep.run(STUDY, options, lines.append)
    assert all("already recorded" in line for line in lines)
    assert {p: p.stat().st_mtime_ns for p in folder.rglob("*")} == before


@pytest.mark.usefixtures("known")
def test_another_configuration_is_another_run_and_loses_nothing(options):
    """A record of another configuration must not be used, and must be kept aside."""
    folder = sweep.run(STUDY, options, lambda _: None).folder
    old = record(folder)["weights_sha256"]
    study = Study("tiny", {"baseline": replace(TINY, training=replace(TINY.training, peak=0.1))}, seeds=2)
    sweep.run(study, options, lambda _: None)
    assert record(folder)["weights_sha256"] != old
    kept = list((folder / "replaced").glob("baseline-s0-1-*/s0/record.json"))
    assert [json.loads(p.read_text())["weights_sha256"] for p in kept] == [old]


@pytest.mark.usefixtures("known")
def test_new_scoring_code_scores_recorded_weights_anew(options, monkeypatch):
    """When only the code of the scores changed, weights must be used again and scores made anew."""
    folder = sweep.run(STUDY, options, lambda _: None).folder
    before = record(folder)
    real = digests.of_scores
    monkeypatch.setattr(digests, "of_scores", lambda variant: dict.fromkeys(real(variant), "changed"))
    monkeypatch.setattr(classifier, "train", None)
    sweep.run(STUDY, options, lambda _: None)
    after = record(folder)
    assert after["weights_sha256"] == before["weights_sha256"]
    assert after["layers"] == before["layers"]
    assert after["fingerprints"]["scores"] != before["fingerprints"]["scores"]


@pytest.mark.usefixtures("known")
def test_recorded_scores_follow_from_recorded_weights(options):
    """The weights on disk must give the accuracy that the record says."""
    folder = sweep.run(STUDY, options, lambda _: None).folder
    net = load_net(folder / "runs/baseline/s0-1/s1")
    mixture = draw("single", "digits", "test", 720, seed=0)
    guess = net(mixture.images[:, None] / 255).argmax(dim=1)
    assert record(folder, seed=1)["layers"][-1]["accuracy"] == pytest.approx((guess == mixture.labels).float().mean().item())


@pytest.mark.usefixtures("known")
def test_top_images_are_stored_for_pictures(options):
    """Each unit's top images and their truth must be stored without pickle, highest response first."""
    folder = sweep.run(STUDY, options, lambda _: None).folder
    with np.load(folder / "runs/baseline/s0-1/s0/top.npz", allow_pickle=False) as stored:
        assert stored["images"].shape == (4, 12, 32, 32)
        assert stored["present"].shape == (4, 12, 10)
        assert (stored["present"].sum(axis=2) == 1).all()
        assert len(stored["first"]) == len(stored["first_classes"]) == 32


def test_a_failed_run_is_recorded_and_the_others_go_on(options, monkeypatch):
    """A run whose loss is not a number must leave a record of its failure; the others and other blocks are whole."""
    real = classifier.train

    def failing(module, *args, **kwargs):
        outcomes = real(module, *args, **kwargs)
        return [replace(outcomes[0], failure="the training loss was not a number in epoch 1 of 1"), *outcomes[1:]]

    monkeypatch.setattr(classifier, "train", failing)
    result = sweep.run(STUDY, options, lambda _: None)
    assert [f.split(":")[0] for f in sorted(result.failures)] == ["tiny digits baseline seed 0", "tiny digits wide seed 0"]
    assert record(result.folder)["failure"] == "the training loss was not a number in epoch 1 of 1"
    assert record(result.folder, seed=1)["failure"] is None
    assert {p.name for p in (result.folder / "runs/baseline/s0-1/s0").iterdir()} == {"record.json"}


def test_an_error_in_one_block_does_not_stop_the_others(options, monkeypatch):
    """A block that raises must be listed as a failure while the other blocks are recorded."""
    real = classifier.train

    def breaking(module, *args, **kwargs):
        if module.widths.conv3 == 6:
            raise RuntimeError("out of memory, say")
        return real(module, *args, **kwargs)

    monkeypatch.setattr(classifier, "train", breaking)
    result = sweep.run(STUDY, options, lambda _: None)
    assert len(result.failures) == 1
    assert "wide s0-1: RuntimeError('out of memory, say')" in result.failures[0]
    assert (result.folder / "runs/baseline/s0-1/s0/record.json").is_file()
    assert not (result.folder / "runs/wide/s0-1").exists()


def test_an_interrupt_keeps_what_is_finished(options, monkeypatch):
    """Ctrl-C must leave finished blocks, nothing half-written, and the same call must go on from there."""
    real = classifier.train

    def interrupted(module, *args, **kwargs):
        if module.widths.conv3 == 6:
            raise KeyboardInterrupt
        return real(module, *args, **kwargs)

    monkeypatch.setattr(classifier, "train", interrupted)
    monkeypatch.setattr(sweep, "_cores", lambda: 1)
    with pytest.raises(KeyboardInterrupt):
        sweep.run(STUDY, options, lambda _: None)
    folder = Path(options.out) / "tiny" / "digits"
    assert (folder / "runs/baseline/s0-1/s1/record.json").is_file()
    assert not (folder / "runs/wide/s0-1").exists()
    assert not list(folder.rglob(".*partial*"))
    monkeypatch.setattr(classifier, "train", real)
    lines = []
    sweep.run(STUDY, options, lines.append)
    assert lines[0].endswith("baseline s0-1: already recorded")
    assert (folder / "runs/wide/s0-1/s1/record.json").is_file()


def test_a_full_disk_ends_the_sweep_and_leaves_no_half_record(options, monkeypatch):
    """An error of the disk must end the sweep with that error, and no block may be half-written."""

    def full(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left on device"):
        sweep.run(STUDY, options, lambda _: None)
    assert not list(Path(options.out).rglob("s0*"))
    assert not list(Path(options.out).rglob(".*partial*"))


def test_seeds_fill_blocks_of_five(options):
    """Seven seeds must make the blocks 0-4 and 5-6."""
    blocks = sweep.plan(STUDY, replace(options, seeds=7, variants=("wide",)))
    assert [b.home.name for b in blocks] == ["s0-4", "s5-6"]
    assert blocks[0].seeds == (0, 1, 2, 3, 4)


def test_quick_goes_elsewhere_and_says_so(options):
    """A quick run must have its own folder and recipe, so that it never stands in for a full one."""
    block = sweep.plan(STUDY, replace(options, quick=True))[0]
    assert block.folder.name == "digits-quick"
    assert (block.variant.training.epochs, block.variant.training.images, block.quick) == (2, 4000, True)


@pytest.mark.parametrize("setting", [{"threads": 2}, {"precision": "bf16"}, {"seeds": 3}])
def test_what_rounding_depends_on_is_part_of_the_fingerprint(options, setting):
    """Threads, precision and the width of the block must change the fingerprint."""
    blocks = [sweep.plan(STUDY, o)[0] for o in (options, replace(options, **setting))]
    assert blocks[0].fingerprints["weights"] != blocks[1].fingerprints["weights"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seeds": 0}, r"seeds must be 1 or more, got seeds=0"),
        ({"threads": 0}, r"threads must be 1 or more, got threads=0"),
        ({"variants": ("wid",)}, r"variant must be a known name, got variant='wid'\. Did you mean wide\?"),
        ({"device": "gpu"}, r"device must be a known name, got device='gpu'"),
        ({"device": "cpu:7"}, r"device must be a known name, got device='cpu:7'"),
        ({"source": "digit"}, r"source must be a known name, got source='digit'\. Did you mean digits"),
        ({"precision": "fp16"}, r"precision must be one of auto, float32, bf16, got precision='fp16'"),
    ],
)
def test_bad_options_are_refused_before_anything_is_written(options, change, message):
    """An unknown or impossible option must be refused with its rule, and no folder may appear."""
    options = replace(options, out=str(Path(options.out) / "new"), **change)
    with pytest.raises(ValueError, match=message):
        sweep.run(STUDY, options, lambda _: None)
    assert not Path(options.out).exists()


@pytest.mark.parametrize(
    ("variant", "message"),
    [
        (Variant(task="pair"), r"task must be a known name, got task='pair'\. Did you mean pairs\?"),
        (Variant(net="convne"), r"net must be a known name, got net='convne'\. Did you mean convnet or googlenet\?"),
        (Variant(net_settings={"conv4": 3}), r"net setting must be a known name, got net setting='conv4'"),
        (Variant(net_settings={"conv3": 0}), r"conv3 must be 1 unit or more, got conv3=0"),
        (Variant(canvas=Canvas(size=10, glyph=3)), r"the canvas must suit the net, got size=10"),
        (Variant(task_settings={"p": 1}), "the task pairs has no settings, got 'p'"),
    ],
)
def test_bad_variants_are_refused_before_anything_is_written(options, variant, message):
    """A variant that cannot work must be refused with its rule, and no folder may appear."""
    options = replace(options, out=str(Path(options.out) / "new"))
    with pytest.raises(ValueError, match=message):
        sweep.run(Study("bad", {"baseline": variant}), options, lambda _: None)
    assert not Path(options.out).exists()


def test_a_missing_gpu_is_refused(options, monkeypatch):
    """Asking for a GPU where there is none must be refused with the way out."""
    monkeypatch.setattr(sweep.torch.cuda, "device_count", lambda: 0)
    with pytest.raises(ValueError, match=r"torch finds no such GPU\. Use --device cpu"):
        sweep.run(STUDY, replace(options, device="cuda"), lambda _: None)


def test_out_that_is_a_file_is_refused(options, tmp_path):
    """An output path that is a file must be refused and stay as it is."""
    file = tmp_path / "taken"
    file.write_text("mine")
    with pytest.raises(ValueError, match="out must be a folder, got the file"):
        sweep.run(STUDY, replace(options, out=str(file)), lambda _: None)
    assert file.read_text() == "mine"


def test_thread_count_is_given_back(options):
    """A sweep sets torch's threads for its own work and must give the old number back."""
    import torch

    torch.set_num_threads(2)
    try:
        sweep.run(replace(STUDY, variants={"baseline": TINY}), options, lambda _: None)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)


@pytest.mark.usefixtures("known")
def test_units_table_is_the_one_on_disk(options):
    """The units of a record must be as many as the layer has, each with its own row."""
    folder = sweep.run(STUDY, options, lambda _: None).folder
    units = pd.read_csv(folder / "runs/wide/s0-1/s0/units.csv")
    assert units.groupby("layer")["unit"].agg(list).tolist() == [list(range(n)) for n in (3, 4, 6)]


def test_recorded_failures_are_told_again(options, monkeypatch):
    """A second call finds the failed runs recorded; it must list them again, not pass over them in silence."""
    real = classifier.train
    monkeypatch.setattr(classifier, "train", lambda *a, **k: [replace(o, failure="not a number") for o in real(*a, **k)])
    first = sweep.run(STUDY, options, lambda _: None)
    monkeypatch.setattr(workers, "run_block", None)
    assert sweep.run(STUDY, options, lambda _: None).failures == first.failures != ()


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(path.read_bytes()[:-1] + b"x")])
@pytest.mark.usefixtures("known")
def test_a_block_with_damaged_weights_is_run_again(options, damage):
    """A block whose weights are missing or altered must not count as recorded."""
    folder = sweep.run(STUDY, options, lambda _: None).folder
    before = record(folder)["weights_sha256"]
    damage(folder / "runs/baseline/s0-1/s0/weights.safetensors")
    lines = []
    sweep.run(STUDY, options, lines.append)
    assert sum("already recorded" in line for line in lines) == 1
    assert record(folder)["weights_sha256"] == before


def test_studies_and_files_of_other_names_do_not_share_a_folder(options, tmp_path):
    """A study's title and an .npz's name must be part of the path of the results."""
    assert sweep.plan(replace(STUDY, title="My 2nd study!"), options)[0].folder.name == "digits"
    assert sweep.plan(replace(STUDY, title="My 2nd study!"), options)[0].folder.parent.name == "my-2nd-study"
    glyphs = np.full((40, 8, 8), 200, dtype=np.uint8)
    np.savez(tmp_path / "mine.npz", images=glyphs, labels=np.arange(40) % 10)
    assert sweep.plan(STUDY, replace(options, source=str(tmp_path / "mine.npz")))[0].folder.name == "file-mine"


@pytest.mark.usefixtures("known")
def test_a_run_of_another_study_is_referred_to(options, tmp_path, monkeypatch):
    """A configuration that another study has recorded must not be trained again, and its report must be the study's own."""
    sweep.run(STUDY, options, lambda _: None)
    monkeypatch.setattr(classifier, "train", None)  # nothing may be trained
    width, lines = Study("width", {"w4": TINY, "w6": STUDY.variants["wide"]}, seeds=2), []
    folder = sweep.run(width, options, lines.append).folder
    assert lines == [f"width digits w{n} s0-1: the same runs as tiny digits {v} s0-1" for n, v in ((4, "baseline"), (6, "wide"))]
    assert [p.name for p in folder.glob("runs/*/*/*")] == ["same.json"] * 2
    records = read_study(folder)
    assert records.variants == ["w4", "w6"]
    assert set(records.runs["study"]) == {"width"}
    assert records.damaged == ()
    lines.clear()
    assert sweep.run(width, options, lines.append).failures == ()
    assert all(line.endswith("already recorded") for line in lines)


def test_a_lost_run_of_another_study_is_run_again(options):
    """Where the runs that are referred to are gone the study must say so and run them itself."""
    other = Study("other", {"same": TINY}, seeds=2)
    first = sweep.run(replace(STUDY, variants={"baseline": TINY}), options, lambda _: None).folder
    folder = sweep.run(other, options, lambda _: None).folder
    shutil.rmtree(first / "runs")
    assert "where there are no runs; `mixmnist run` makes it again." in read_study_or_error(folder)
    lines = []
    assert sweep.run(other, options, lines.append).failures == ()
    assert "where there are no runs; the block is run again" in lines[0]
    assert (folder / "runs/same/s0-1/s1/weights.safetensors").is_file()


def read_study_or_error(folder):
    """Reads a study, or gives the sentence that says why not."""
    try:
        return " ".join(read_study(folder).damaged)
    except ValueError as error:
        return str(error)


@pytest.mark.usefixtures("known")
def test_scores_out_of_date_are_made_anew_from_the_weights_of_another_study(options, monkeypatch):
    """With new scoring code a study must score the weights that another has, and keep the records itself."""
    sweep.run(STUDY, options, lambda _: None)
    real = digests.of_scores
    monkeypatch.setattr(digests, "of_scores", lambda variant: dict.fromkeys(real(variant), "changed"))
    monkeypatch.setattr(classifier, "train", None)
    folder = sweep.run(Study("width", {"w4": TINY}, seeds=2), options, lambda _: None).folder
    assert (folder / "runs/w4/s0-1/s0/weights.safetensors").is_file()


def test_classes_that_do_not_exclude_each_other_go_the_whole_way(options):
    """A task of yes or no for each class must be trained, scored by balanced accuracy and reported."""
    variant = replace(TINY, task="presence", canvas=Canvas(size=56), probe_images=720)
    folder = sweep.run(Study("multi", {"baseline": variant}, seeds=1), options, lambda _: None).folder
    found = record(folder, block="s0-0")["layers"][-1]
    assert 0.4 < found["accuracy"] < 0.7
    units = pd.read_csv(folder / "runs/baseline/s0-0/s0/units.csv", dtype={"max_class": str})
    assert set(units["max_class"].dropna()) <= set("0123456789")  # none for a dead unit
    with np.load(folder / "runs/baseline/s0-0/s0/top.npz", allow_pickle=False) as stored:
        assert all(set(title) <= set("0123456789 ") for title in stored["first_classes"].tolist())


def test_what_needs_least_training_comes_first(options):
    """Of each five seeds the cheapest variants must come first, an untrained one before all; equal ones keep their order."""
    wide, long = (
        replace(TINY, **more) for more in ({"net_settings": {"conv3": 9}}, {"training": Training(images=640, epochs=1)})
    )
    variants = {"long": long, "wide": wide, "baseline": TINY, "same": TINY, "untrained": replace(TINY, origin="untrained")}
    blocks = sweep.plan(Study("ordered", variants, seeds=6), options)
    order = ["untrained", "baseline", "same", "wide", "long"]
    assert [(b.name, b.home.name) for b in blocks] == [(name, group) for group in ("s0-4", "s5-5") for name in order]


@pytest.mark.usefixtures("known")
def test_weights_that_are_there_are_scored_before_others_are_trained(options, monkeypatch):
    """Where some weights are recorded their new scores must be told first, as they are there in seconds."""
    real = digests.of_scores
    monkeypatch.setattr(digests, "of_scores", lambda variant: dict.fromkeys(real(variant), "changed"))
    monkeypatch.setattr(sweep, "_cores", lambda: 1)
    first = replace(TINY, net_settings={"conv1": 2, "conv2": 2, "conv3": 2})
    lines = []
    sweep.run(replace(STUDY, variants={"small": first, **STUDY.variants}), options, lines.append)
    told = [line.split(" s0-1: ")[0].split()[-1] for line in lines if "accuracy" in line]
    assert told == ["baseline", "wide", "small"]


@pytest.mark.parametrize(
    ("device", "cores", "threads", "blocks", "expected"),
    [
        ("cpu", 8, 1, 20, 8),
        ("cpu", 8, 3, 20, 2),
        ("cpu", 1, 4, 20, 1),
        ("cpu", 8, 1, 3, 3),
        ("cuda", 8, 1, 20, 2),
        ("cuda:1", 8, 1, 20, 2),
        ("cuda", 1, 1, 20, 1),
        ("cuda", 8, 1, 1, 1),
        ("cpu", 8, 1, 0, 1),
    ],
)
def test_as_many_blocks_run_at_a_time_as_there_is_room_for(options, monkeypatch, device, cores, threads, blocks, expected):
    """Blocks must share the cores, and a GPU's two halves; there is never room for none."""
    monkeypatch.setattr(sweep, "_cores", lambda: cores)
    one = replace(sweep.plan(STUDY, options)[0], device=device)
    assert sweep.blocks_at_a_time([one] * blocks, threads) == expected
