import gc
import json
import subprocess
import sys
import threading
from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mixmnist import cli
from mixmnist.commands import parsing
from mixmnist.commands.answers import Answer, at_work
from mixmnist.core.records import Canvas, Options
from mixmnist.data.sources import _torchvision, load_glyphs
from mixmnist.grid.verifying import Verdict

STUDY = """
from mixmnist import Study, Training, Variant
tiny = Training(images=64, epochs=1, batch=16)
small = {"conv1": 3, "conv2": 4}
STUDY = Study("tiny", {"baseline": Variant(training=tiny, probe_images=720, net_settings=small | {"conv3": 4}),
                       "redundant": Variant(task="redundant", training=tiny, probe_images=720, net_settings=small)}, seeds=1)
"""


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A tiny study's file, in a working folder of its own."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "tiny.py"
    path.write_text(STUDY)
    return str(path)


@pytest.fixture(autouse=True)
def _no_figures(monkeypatch):
    """Figures and pages take seconds and have tests of their own."""
    monkeypatch.setattr("mixmnist.report.draw_figures", lambda *_: None)
    monkeypatch.setattr("mixmnist.page.making.make_page", lambda folders, out, *rest: out / "index.html")


def run(*args):
    """Runs the command in this process and gives its exit code."""
    return cli.main([str(a) for a in args])


HEAVY = {"torch", "numba", "matplotlib", "scipy", "pandas"}


@pytest.mark.parametrize("words", [[], ["--help"], ["--version"], ["run", "--help"], ["list"], ["list", "--long", "--quiet"]])
def test_what_needs_no_torch_imports_none(words):
    """Help, the version and the shelves' lists must answer at once: none of the large packages may be imported."""
    code = f"import sys\nfrom mixmnist import cli\ntry: cli.main({words})\nexcept SystemExit: pass\n"
    code += f"sys.exit(str({HEAVY} & set(sys.modules)) if {HEAVY} & set(sys.modules) else 0)"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_the_package_imports_no_torch():
    """Importing the package must not import torch."""
    subprocess.run([sys.executable, "-c", f"import sys, mixmnist\nassert not {HEAVY} & set(sys.modules)"], check=True)


def test_without_a_command_it_says_how_to_begin(capsys):
    """Asked for nothing it must say what it is and how to begin; that is no mistake: exit code 0."""
    assert run() == 0
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert captured.err == ""
    assert lines[0].startswith("mixmnist 0.1.0: ")
    assert sum(line.startswith("  mixmnist ") for line in lines) == 3
    assert "mixmnist --help" in lines[-1]
    assert len(lines) < 12


def test_the_version_is_told(capsys):
    """The version must name mixmnist's and Python's."""
    with pytest.raises(SystemExit) as stop:
        run("--version")
    assert stop.value.code == 0
    assert capsys.readouterr().out == f"mixmnist 0.1.0, Python {sys.version.split()[0]}\n"


def test_an_unknown_command_is_answered_with_the_nearest(capsys):
    """A slip in a command's name must be answered in one line with what is near."""
    with pytest.raises(SystemExit) as stop:
        run("evalute", "x:y")
    assert stop.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("mixmnist: command must be a known name, got command='evalute'. Did you mean evaluate")
    assert said.count("\n") == 1


def test_a_reader_that_has_had_enough_is_no_error():
    """Where the lines go into a pipe that is closed early, as by `head`, nothing may be complained of."""
    code = "import sys; from mixmnist import cli; sys.exit(cli.main(['list', 'metrics', '--long'] ))"
    process = subprocess.Popen([sys.executable, "-uc", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


@pytest.mark.parametrize("command", [*"run report page list preview export audit verify index layers features grade".split()])
def test_every_command_has_help_with_an_example(command, capsys):
    """Each command must explain itself and show an example."""
    with pytest.raises(SystemExit) as stop:
        run(command, "--help")
    assert stop.value.code == 0
    text = capsys.readouterr().out
    assert f"example: mixmnist {command}" in text
    assert "--quiet" in text
    assert "--debug" in text


@pytest.mark.parametrize("configuration", [Options, Canvas])
def test_every_field_explains_itself(configuration):
    """Each field of a configuration must have a string under it, since that is the option's help."""
    assert set(parsing.help_of(configuration)) == {field.name for field in fields(configuration)}


def test_run_prints_the_table_and_the_places_of_everything(study, capsys):
    """A run must print its variants table, and end in one screen with a word on the reference and the places of everything."""
    assert run("run", study, "--source", "digits", "--out", "out") == 0
    text = capsys.readouterr().out
    assert "| score               | baseline | redundant |" in text
    screen = text[text.index("== tiny digits: layer conv3, means over 1 seed") :].splitlines()
    assert len(screen) < 24
    assert screen[1].startswith("There is no reference at results/reference/tiny/digits/tables/variants.csv.")
    assert screen[-2:] == [
        "Tables, figures and records: out/tiny/digits/ (tables, figures, runs)",
        "Page, to be opened in a browser: out/tiny/digits/report/index.html",
    ]
    assert all(Path("out/tiny/digits", folder).is_dir() for folder in ("tables", "figures", "runs"))


def test_run_compares_with_a_reference(study, capsys):
    """Where there is a reference, yours must be printed beside its interval, and every number's difference written to a csv."""
    run("run", study, "--source", "digits", "--out", "out", "--quiet")
    tables = Path("ref/tiny/digits/tables")
    tables.mkdir(parents=True)
    reference = pd.read_csv("out/tiny/digits/tables/variants.csv")
    reference["accuracy"] -= 0.125
    reference["accuracy_lower"], reference["accuracy_upper"] = 0.5, 0.75
    reference.to_csv(tables / "variants.csv", index=False)
    capsys.readouterr()
    assert run("run", study, "--source", "digits", "--out", "out", "--reference", "ref") == 0
    screen = capsys.readouterr().out.partition("== tiny digits")[2]
    assert "[0.500, 0.750]" in next(line for line in screen.splitlines() if line.startswith("baseline "))
    table = pd.read_csv("out/tiny/digits/against_reference.csv").set_index(["variant", "layer", "score"])
    assert table.loc[("baseline", "conv3", "accuracy"), "difference"] == pytest.approx(0.125)


def test_the_page_can_be_left_out(study, capsys):
    """A run names its page; with --no-page it makes none."""
    assert run("run", study, "--source", "digits", "--variants", "baseline") == 0
    assert "Page: " in capsys.readouterr().out
    assert run("run", study, "--source", "digits", "--variants", "baseline", "--no-page") == 0
    assert "Page: " not in capsys.readouterr().out


def test_the_demo_says_what_to_type_next(tmp_path, monkeypatch, capsys):
    """The demo must end in its screen and what to type next, of which every command must be one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("mixmnist.commands.studies._run", lambda *_args, **_named: Answer({}))
    assert run("demo") == 0
    *_, intro, first, second = capsys.readouterr().out.splitlines()
    assert intro == "Open the page above in a browser, then type next:"
    for line in (first, second):
        parsing.make_parser().parse_known_args(line.split("   ")[0].replace(" --help", " x").split()[1:])


SLOW = {  # commands with steps that may take more than five seconds, and what these must say
    "audit --source digits --n 200": "Checking 200 canvases of pairs",
    "export --source digits --n 20 --out m.npz": "Compressing 20 canvases into m.npz ...",
    "preview --source digits --n 4": "Drawing 4 canvases of pairs, glyphs: digits ...",
    "plant --n 800": "Scoring a sound unit and the planted one on 800 images",
    "run {study} --source digits --dry-run": "Looking for the glyphs of digits",
}


@pytest.mark.parametrize("line", SLOW)
def test_a_step_that_takes_long_says_what_it_does(study, line, capsys, monkeypatch):
    """Off a terminal, too, a step must say in a line what it does once it takes long; here everything does."""
    monkeypatch.setattr("mixmnist.grid.estimating.TRIAL_SECONDS", 0.01)
    monkeypatch.setattr("mixmnist.commands.answers.SILENCE", 0.0)
    assert run(*line.format(study=study).split()) in (0, 1)
    assert SLOW[line] in capsys.readouterr().out


def test_a_step_that_is_soon_done_says_nothing():
    """A step must be silent if it takes less than that, and speak once if it takes more."""
    said = []
    with at_work("Blinking", said.append):
        pass
    assert said == []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mixmnist.commands.answers.SILENCE", 0.01)
        with at_work("Sleeping", said.append):
            threading.Event().wait(0.2)
    assert said == ["Sleeping ..."]


def test_quiet_prints_nothing(study, capsys):
    """With --quiet a run that goes well must print nothing."""
    assert run("run", study, "--source", "digits", "--out", "out", "--quiet") == 0
    assert capsys.readouterr().out == ""


def test_dry_run_writes_nothing(study, monkeypatch, capsys):
    """A dry run must list the blocks, say how they are run, and leave no trace."""
    monkeypatch.setattr("mixmnist.grid.estimating.TRIAL_SECONDS", 0.01)
    assert run("run", study, "--source", "digits", "--out", "out", "--seeds", 7, "--dry-run") == 0
    assert not Path("out").exists()
    assert capsys.readouterr().out.splitlines()[-1].startswith("Without --dry-run the same command runs them")


def test_failed_runs_give_exit_code_1_and_are_listed(study, capsys, monkeypatch):
    """When some runs fail, the others must be reported and the exit code must be 1."""
    from mixmnist.kinds import classifier

    real = classifier.train

    def breaking(module, *args, **kwargs):
        if module.n_classes == 28:
            raise RuntimeError("on purpose")
        return real(module, *args, **kwargs)

    monkeypatch.setattr(classifier, "train", breaking)
    assert run("run", study, "--source", "digits", "--out", "out") == 1
    captured = capsys.readouterr()
    assert "failed: tiny digits redundant s0-0: RuntimeError('on purpose')" in captured.err
    assert "| score               | baseline |" in captured.out


@pytest.mark.slow
def test_quick_is_stamped_on_every_table_and_warns_of_digits(study, monkeypatch):
    """Every table for people must say that the run was quick, and that glyphs are not MNIST."""
    from mixmnist.grid import sweep

    monkeypatch.setattr(sweep, "QUICK", {"epochs": 1, "images": 720})
    assert run("run", study, "--source", "digits", "--out", "out", "--quick", "--quiet") == 0
    tables = list(Path("out/tiny/digits-quick/tables").glob("*.[mt][de]*"))
    assert len(tables) == 10
    for table in tables:
        assert "QUICK: 2 epochs on 4,000 images" in table.read_text()
        assert "WARNING: glyphs are scikit-learn's 8x8 digits, not MNIST" in table.read_text()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["run", "sanit"], "study must be a known name, got study='sanit'"),
        (["run", "{study}", "--source", "digit"], "source must be a known name, got source='digit'. Did you mean digits"),
        (["run", "{study}", "--source", "digits", "--variants", "base"], "variant must be a known name, got variant='base'"),
        (["run", "{study}", "--source", "digits", "--seeds", "0"], "seeds must be 1 or more, got seeds=0"),
        (["run", "{study}", "--source", "digits", "--device", "tpu"], "device must be a known name, got device='tpu'"),
        (["run", "{study}", "--source", "none.npz"], "the .npz of glyphs must exist, got none.npz"),
        (["report", "nowhere"], "a study's folder must hold runs/, got none in nowhere"),
        (["preview", "--source", "digits", "--task", "pair"], "task must be a known name, got task='pair'"),
        (["preview", "--source", "digits", "--glyph", "40"], "size must be larger than glyph"),
        (["preview", "--source", "digits", "--glyph", "20"], "glyphs must fit without overlap, got 2 glyphs of 20 pixels"),
        (["preview", "--source", "digits", "--out", "p.gif"], "out must end in .png or .pdf or .svg, got 'p.gif'"),
        (["export", "--source", "digits", "--overlap", "sum"], "overlap must be one of clip, max, reject, wrap"),
        (["export", "--source", "digits", "--n", "0"], "n must be 1 or more, got n=0"),
        (["export", "--source", "digits", "--task", "redundant", "--set", "q=2"], "q must lie between 0 and 1, got q=2.0"),
        (["export", "--source", "digits", "--set", "q"], "set must be written name=number, got 'q'"),
        (["layers", "torch.nn"], "factory must be written pkg.module:function"),
        (["layers", "no_such_package:net"], "factory must lie in a module that can be imported"),
        (["layers", "collections:OrderedDict"], "factory must give a torch.nn.Module, got OrderedDict"),
    ],
)
def test_bad_input_gives_one_sentence_and_exit_code_2(study, capsys, args, message):
    """Bad input must give one line that names the rule and what was got, exit code 2, and no file."""
    before = set(Path().rglob("*"))
    assert run(*(a.format(study=study) for a in args)) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith(f"mixmnist: {message}")
    assert captured.err.count("\n") == 1
    assert {path for path in set(Path().rglob("*")) - before if "__pycache__" not in path.parts} == set()


def test_no_mnist_and_no_network_names_files_and_the_way_out(study, capsys, monkeypatch):
    """Where MNIST is not on disk and cannot be fetched, the files, their layout and the one line to fetch them must be named."""
    import urllib.error

    def no_network(*_args, **_kwargs):
        raise urllib.error.URLError("no network")

    monkeypatch.setattr("torchvision.datasets.mnist.download_and_extract_archive", no_network)
    monkeypatch.setattr(_torchvision, "data_root", lambda _root: Path("empty"))
    load_glyphs.cache_clear()
    assert run("run", study, "--source", "mnist") == 2
    text = capsys.readouterr().err
    assert "empty/MNIST/raw/{train,t10k}-{images-idx3,labels-idx1}-ubyte" in text
    assert (
        "python -c \"from torchvision.datasets import MNIST; [MNIST('empty', train=t, download=True) for t in (1, 0)]\"" in text
    )
    load_glyphs.cache_clear()


def test_an_output_that_cannot_be_written_is_refused(study, capsys):
    """An output path that is a file must be refused with exit code 2 and stay as it is."""
    Path("taken").write_text("mine")
    assert run("run", study, "--source", "digits", "--out", "taken") == 2
    assert "out must be a folder, got the file" in capsys.readouterr().err
    assert Path("taken").read_text() == "mine"


def test_a_full_disk_is_said_in_one_line(study, capsys, monkeypatch):
    """A full disk must end the run with exit code 2 and say that what was finished is recorded."""

    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    assert run("run", study, "--source", "digits", "--out", "out") == 2
    assert "No space left on device. What was finished before is kept; mend that" in capsys.readouterr().err


def test_ctrl_c_is_said_in_one_line(study, capsys, monkeypatch):
    """Ctrl-C must end with exit code 130 and say that the same command goes on."""
    from mixmnist.kinds import classifier

    def interrupted(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(classifier, "train", interrupted)
    assert run("run", study, "--source", "digits", "--out", "out") == 130
    assert "the same command goes on from there" in capsys.readouterr().err


def test_debug_shows_where_an_error_was_raised():
    """With --debug the error itself must come through."""
    with pytest.raises(FileNotFoundError, match="a study's folder must hold runs/"):
        run("report", "nowhere", "--debug")


def test_list_shows_every_shelf(capsys):
    """Listing must name each shelf's entries, and a metric's columns."""
    assert run("list") == 0
    text = capsys.readouterr().out
    for name in ("pairs", "redundant", "mnist", "digits", "convnet", "average_precision", "precision_at_recall_75"):
        assert name in text
    assert "dictionaries:\n  batchtopk " in text
    assert "scores:\n  absorption " in text
    assert "(absorption, absorption_joint, absorption_rate)" in text


@pytest.mark.parametrize("shelf", ["dictionaries", "scores"])
def test_every_dictionary_and_score_has_a_card(shelf, capsys):
    """Each file says in a sentence what it is, then formula, what it assumes and costs or its bias, and its source."""
    assert run("list", shelf, "--long", "--json") == 0
    (cards,) = json.loads(capsys.readouterr().out).values()
    wanted = ("Formula", "Assumes", "Cost", "Source") if shelf == "dictionaries" else ("Formula", "Known bias", "Source")
    assert len(cards) >= 9
    for known in cards:
        first, _, body = known["text"].partition("\n\n")
        assert first.endswith("."), known["name"]
        assert [field for field in wanted if f"\n{field}:" not in f"\n{body}"] == [], known["name"]
    assert run("list", shelf, "--long") == 0
    printed = capsys.readouterr().out
    assert ("      codes: signed\n" if shelf == "dictionaries" else "      chance: ") in printed


def test_every_way_has_a_card(capsys):
    """Each file says in a sentence what it is, formula, settings, needs and source; what it makes is told."""
    assert run("list", "ways", "--long", "--json") == 0
    (cards,) = json.loads(capsys.readouterr().out).values()
    assert {known["name"]: known["makes"] for known in cards}.items() >= {"occlusion": "maps", "maco": "images"}.items()
    for known in cards:
        assert [field for field in ("Formula", "Settings", "Needs", "Source") if f"\n{field}:" not in known["text"]] == []
    assert {known["name"]: known["settings"] for known in cards}["gradcam"] == "layer=''"


def test_preview_draws_a_picture(tmp_path, monkeypatch):
    """A preview must be a picture of the asked-for kind."""
    monkeypatch.chdir(tmp_path)
    assert run("preview", "--source", "digits", "--task", "redundant", "--n", 9, "--out", "deep/p.png", "--quiet") == 0
    assert Path("deep/p.png").read_bytes().startswith(b"\x89PNG")


def test_export_holds_the_mixture_and_its_truth(tmp_path, monkeypatch):
    """An exported mixture must equal the drawn one, with masks if asked for, and load without pickle."""
    from mixmnist import draw

    monkeypatch.chdir(tmp_path)
    assert run("export", "--source", "digits", "--n", 11, "--seed", 3, "--masks", "--out", "m.npz", "--quiet") == 0
    mixture = draw("pairs", "digits", "test", n=11, seed=3)
    with np.load("m.npz", allow_pickle=False) as stored:
        assert (stored["images"] == mixture.images.numpy()).all()
        assert (stored["labels"] == mixture.labels.numpy()).all()
        assert (stored["present"] == mixture.present.numpy()).all()
        assert stored["masks"].shape == (11, 10, 32, 32)
        assert (stored["masks"].any(axis=1) == (stored["images"] > 0)).all()
        assert stored["classes"][0] == "01"


def test_layers_lists_names_shapes_and_units(tmp_path, monkeypatch, capsys):
    """A network's layers must be listed with shapes, numbers of units and the axis of those, in running order."""
    monkeypatch.chdir(tmp_path)
    Path("my_net_module.py").write_text(
        "import torch\ndef make():\n    return torch.nn.Sequential(torch.nn.Conv2d(1, 7, 5), torch.nn.ReLU())\n"
    )
    assert run("layers", "my_net_module:make") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["0", "Conv2d", "7x28x28", "7", "units", "(axis", "1)"]


def test_a_net_of_another_size_is_said(capsys, tmp_path, monkeypatch):
    """A net that does not take the size must be answered with the option to change it."""
    monkeypatch.chdir(tmp_path)
    Path("my_flat_module.py").write_text(
        "import torch\ndef make():\n    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(9, 2))\n"
    )
    assert run("layers", "my_flat_module:make") == 2
    assert "Try --size" in capsys.readouterr().err


def test_audit_prints_every_check(capsys):
    """Each check must be printed with what was found, and a mixture as promised must end with code 0."""
    assert run("audit", "--task", "xor", "--source", "digits", "--n", 500) == 0
    text = capsys.readouterr().out
    for name in ("classes", "positions, rows", "glyphs in both splits", "masks against ink"):
        assert f"| {name}" in text
    assert "NO" not in text
    assert text.endswith("\nAll 9 checks are good.\n")


OWN_TASK = """
import numpy as np
from mixmnist.core.records import Task

def draw(n, stream, share):
    first, other = stream.below(np.full(n, 10)), stream.below(np.full(n, 9))
    same = stream.below(np.full(n, 1000)) < 1000 * share
    return same.astype(np.int64), np.stack([first, np.where(same, first, (first + 1 + other) % 10)], axis=1)

TASK = Task("same or not", tuple("0123456789"), ("different", "same"), draw, settings={"share": 0.5})
"""


def test_a_task_of_ones_own_is_previewed_and_audited(tmp_path, monkeypatch, capsys):
    """A task in a file must be looked at and checked like the shelf's, its settings too; one that lies must not pass."""
    monkeypatch.chdir(tmp_path)
    Path("same.py").write_text(OWN_TASK)
    assert run("preview", "--task", "same.py", "--source", "digits", "--n", 6, "--out", "p.png") == 0
    assert run("audit", "--task", "same.py", "--source", "digits", "--n", 400, "--set", "share=.9") == 0
    assert "All 9 checks are good." in capsys.readouterr().out
    assert run("audit", "--task", "same.py", "--source", "digits", "--n", 400, "--set", "q=.9") == 2
    assert capsys.readouterr().err == "mixmnist: a setting of the task same.py must be one of share, got 'q'. Mend the name.\n"
    failing = pd.DataFrame({"check": ["classes", "positions"], "found": "", "expected": "", "good": [True, False]})
    monkeypatch.setattr("mixmnist.data.audit.audit", lambda *_args, **_named: failing)
    assert run("audit", "--task", "same.py", "--source", "digits", "--n", 400) == 1
    assert "\nNot good: positions. The canvases are not what they should be.\n" in capsys.readouterr().out


@pytest.mark.slow
def test_verify_says_what_differs(study, capsys):
    """A record that stands must end with code 0, one that differs with 1, one that cannot be read with 2."""
    run("run", study, "--source", "digits", "--out", "out", "--variants", "baseline", "--quiet")
    assert run("verify", "out/tiny/digits") == 0
    assert "baseline s0-0 s0: as recorded" in capsys.readouterr().out
    record = Path("out/tiny/digits/runs/baseline/s0-0/s0/record.json")
    whole = record.read_text()
    record.write_text(whole.replace('"dead": 0.0', '"dead": 1.0'))
    assert run("verify", "out/tiny/digits") == 1
    assert "layers.dead moved by up to 1" in capsys.readouterr().out
    record.write_text(whole[:100])
    assert run("verify", "out/tiny/digits") == 2


@pytest.mark.slow
def test_the_index_lists_studies(study, capsys):
    """The page must name each study with its variants and seeds."""
    run("run", study, "--source", "digits", "--out", "out", "--quiet")
    assert run("index", "out", "--out", "index.md") == 0
    assert run("index", "out") == 0
    text = Path("index.md").read_text()
    assert Path("out/README.md").read_text() == text
    Path("out/README.md").write_text("a person's own")
    assert run("index", "out") == 2
    assert "an index must not take the place of something else, got out/README.md" in capsys.readouterr().err
    assert Path("out/README.md").read_text() == "a person's own"
    assert "## tiny/digits" in text
    assert "| redundant | 1 " in text


def test_cards_of_metrics_explain_them(capsys):
    """The long list must give definition, source and chance of each metric."""
    assert run("list", "metrics", "--long") == 0
    text = capsys.readouterr().out
    assert "share that shows the concept" in text
    assert "arXiv:1704.05796" in text
    assert "chance: prevalence" in text


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("index nowhere", "results must hold <study>/<source>/runs, got none in nowhere"),
        ("index nowhere --out deep/er/page.md", "results must hold <study>/<source>/runs, got none in nowhere"),
        ("export --source digits --n 0 --out deep/m.npz", "n must be 1 or more"),
        ("preview --source digits --task pair --out deep/p.png", "task must be a known name"),
        ("preview --source digits --out taken/p.png", "out must be a folder, got the file taken"),
        ("export --source digits --out taken/m.npz", "out must be a folder, got the file taken"),
        ("report nowhere", "a study's folder must hold runs/"),
        ("verify nowhere", "a study's folder must hold runs/"),
    ],
)
def test_a_command_that_refuses_makes_no_folder(tmp_path, monkeypatch, capsys, line, said):
    """What is refused must leave the working folder as it was."""
    monkeypatch.chdir(tmp_path)
    Path("taken").write_text("mine")
    assert run(*line.split()) == 2
    assert said in capsys.readouterr().err
    assert [path.name for path in Path().rglob("*")] == ["taken"]


@pytest.mark.parametrize("line", ["export --source digits --out taken/m.npz", "preview --source digits --out taken/p.png"])
def test_a_place_is_checked_before_canvases_are_drawn(tmp_path, monkeypatch, line):
    """Whoever waits for canvases must not learn afterwards that there is no place for them."""
    monkeypatch.chdir(tmp_path)
    Path("taken").write_text("mine")
    monkeypatch.setattr("mixmnist.data.drawing.draw", None)
    assert run(*line.split()) == 2


def test_verify_says_how_far_it_is(monkeypatch, capsys):
    """Each verdict must be said with its number, how many there are, and from the second on about how long the rest takes."""
    found = [Verdict(f"baseline s0-4 s{seed}", (), place=seed + 1, of=3) for seed in range(3)]
    monkeypatch.setattr("mixmnist.grid.verifying.verify", lambda *_: iter(found))
    monkeypatch.setattr("mixmnist.commands.studies.time.monotonic", iter([0.0, 40.0, 80.0, 120.0]).__next__)
    assert run("verify", "somewhere") == 0
    assert capsys.readouterr().out.splitlines() == [
        "Recomputing the scores in somewhere from its weights, a line a run ...",
        "somewhere baseline s0-4 s0: as recorded (1 of 3, about 80 s left)",
        "somewhere baseline s0-4 s1: as recorded (2 of 3, about 40 s left)",
        "somewhere baseline s0-4 s2: as recorded (3 of 3)",
        "somewhere: all 3 are as recorded.",
    ]


def test_a_process_of_our_own_does_not_search_for_garbage_as_it_starts_and_ends(monkeypatch, capsys):
    """The command may set what belongs to the whole process; called as a function it must leave all that alone."""
    left, limits = [], gc.get_threshold()
    monkeypatch.setattr(cli.atexit, "register", left.append)
    monkeypatch.setattr(sys, "argv", ["mixmnist", "list", "tasks"])
    try:
        assert cli.main(["list", "tasks"]) == 0
        assert (left, gc.get_threshold()) == ([], limits)
        assert cli.main() == 0
        assert left == [gc.freeze]
        assert gc.get_threshold()[0] == cli.GARBAGE
    finally:
        gc.set_threshold(*limits)
    assert "pairs" in capsys.readouterr().out
