"""A shell completes commands, options and names, without waiting for torch."""

import os
import subprocess
import sys

import pytest

from mixmnist import cli

STUDY = """
from mixmnist import Study, Variant
STUDY = Study("mine", {"baseline": Variant(), "wide": Variant(net_settings={"conv3": 30}), "wider": Variant()})
"""


@pytest.fixture
def offered(tmp_path, monkeypatch):
    """Gives a function from what is typed to what a shell is offered, in a folder with a study and records."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(STUDY)
    (tmp_path / "r" / "tables").mkdir(parents=True)
    (tmp_path / "r" / "tables" / "runs.csv").write_text("variant,accuracy,coverage\nwide,.9,.8\nthin,.8,.7\n")

    def ask(line):
        code = "import sys; from mixmnist import cli; cli.main([])"
        asked = {"_ARGCOMPLETE": "1", "COMP_LINE": line, "COMP_POINT": str(len(line)), "_ARGCOMPLETE_IFS": "\n"}
        to = tmp_path / "offered.txt"
        settings = os.environ | asked | {"_ARGCOMPLETE_STDOUT_FILENAME": str(to), "_ARGCOMPLETE_SUPPRESS_SPACE": "1"}
        subprocess.run([sys.executable, "-c", code], env=settings, check=True)
        return to.read_text().split("\n")

    return ask


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("mixmnist pre", ["preview"]),
        ("mixmnist run --see", ["--seeds"]),
        ("mixmnist run san", ["sanity"]),
        ("mixmnist run min", ["mine.py"]),
        ("mixmnist run sanity --source d", ["digits"]),
        ("mixmnist run mine.py --variants wide,b", ["wide,baseline"]),
        ("mixmnist run mine.py --variants wi", ["wide", "wider"]),
        ("mixmnist run mine.py --variants wide,wi", ["wide,wider"]),
        ("mixmnist run sanity --device ", ["auto", "cpu", "cuda"]),
        ("mixmnist preview --task gr", ["greater"]),
        ("mixmnist export --overlap c", ["clip"]),
        ("mixmnist list me", ["metrics"]),
        ("mixmnist plan r --score c", ["coverage"]),
        ("mixmnist plan r --variant ", ["thin", "wide"]),
        ("mixmnist plan nowhere --variant ", [""]),
        ("mixmnist run nowhere.py --variants ", [""]),
        ("mixmnist completion z", ["zsh"]),
        ("mixmnist see r --way inte", ["integrated"]),
        ("mixmnist see r --way top,mac", ["top,maco"]),
        ("mixmnist see r --unit de", ["detectors"]),
        ("mixmnist see r --of con", ["contrast"]),
        ("mixmnist see r --variant w", ["wide"]),
        ("mixmnist list wa", ["ways"]),
    ],
)
def test_what_is_typed_is_completed(offered, line, names):
    """Commands, options, studies, variants, names on shelves and columns of recorded tables must be offered."""
    assert [name.strip() for name in offered(line)] == names


def test_completing_imports_no_torch(tmp_path):
    """Variants, the dearest completion, must be found without torch and pandas."""
    code = (
        "import sys\nfrom mixmnist.commands import completion\nfrom argparse import Namespace\n"
        "assert 'wide' in completion.variants('', Namespace(studies=['sanity']))\n"
        "assert 'torch' not in sys.modules and 'pandas' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_lines(shell, capsys):
    """The lines for each shell must hand completion of `mixmnist` back to the command."""
    assert cli.main(["completion", shell]) == 0
    lines = capsys.readouterr().out
    assert "_ARGCOMPLETE" in lines
    assert "mixmnist" in lines


def test_bash_takes_its_lines():
    """Bash must complete `mixmnist` by the function that the lines define."""
    lines = subprocess.run(
        [sys.executable, "-m", "mixmnist.cli", "completion", "bash"], check=True, capture_output=True, text=True
    )
    shown = subprocess.run(["bash", "-c", f"{lines.stdout}\ncomplete -p mixmnist"], check=True, capture_output=True, text=True)
    assert "-F _python_argcomplete mixmnist" in shown.stdout
