"""What `mixmnist evaluate` looks at before it begins."""

import torch
from safetensors.torch import save_file

from mixmnist import cli

NET = "import torch\ndef make():\n    return torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.ReLU())\n"
METRIC = (
    "from mixmnist.core.records import Metric\n"
    "METRIC = Metric('m', ('units',), {'mine': lambda response: response.mean(dim=0)})\n"
)


def test_all_weights_are_looked_at_before_the_first_are_scored(tmp_path, monkeypatch, capsys):
    """A fault in the last file of weights must be told before minutes are spent on the first, and nothing be written."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weighed.py").write_text(NET)
    save_file(torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3)).state_dict(), "good.safetensors")
    (tmp_path / "bad.safetensors").write_text("x")
    line = "evaluate weighed:make --layer 0 --source digits --n 200 --out out --weights good.safetensors bad.safetensors"
    assert cli.main(line.split()) == 2
    assert "weights must be a safetensors file" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_two_metrics_of_one_name_are_refused(tmp_path, monkeypatch, capsys):
    """One would be scored in place of the other, unsaid."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weighed.py").write_text(NET)
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.py").write_text(METRIC)
    line = "evaluate weighed:make --layer 0 --source digits --n 200 --metric a/mine.py --metric b/mine.py"
    assert cli.main(line.split()) == 2
    assert "names of metrics' files must differ, got 'mine' more than once" in capsys.readouterr().err
