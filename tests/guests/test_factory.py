"""Weights that somebody saved, and networks as the command line meets them."""

import json
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import save_file, save_model
from torch import nn

from mixmnist import Setting, cli, evaluate
from mixmnist.guests.factory import load_weights
from mixmnist.probing import Caution


class Tied(nn.Module):
    """Two layers that share a weight, and a third tensor tied to a bias of another name."""

    def __init__(self, seed=0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.first, self.second, self.head = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 45)
        self.second.weight = self.first.weight

    def forward(self, x):
        pooled = nn.functional.adaptive_avg_pool2d(x, 2).flatten(1)
        return self.head(self.second(self.first(pooled).relu()).relu())


def same(net, other):
    """Says whether two networks hold the same weights."""
    return all(torch.equal(tensor, other.state_dict()[name]) for name, tensor in net.state_dict().items())


def test_tied_weights_load(tmp_path):
    """A file of save_model, which keeps one of the names of a tied tensor, must fill them all."""
    save_model(Tied(1), tmp_path / "tied.safetensors")
    net = load_weights(Tied(), tmp_path / "tied.safetensors")
    assert same(net, Tied(1))
    assert net.second.weight is net.first.weight


def test_tied_weights_that_differ_are_refused(tmp_path):
    """A file with two values for what is one tensor in the network must be refused, not taken by its last name."""
    state = {name: tensor.clone() for name, tensor in Tied(1).state_dict().items()}
    save_file(state, tmp_path / "whole.safetensors")
    assert same(load_weights(Tied(), tmp_path / "whole.safetensors"), Tied(1))
    save_file({**state, "second.weight": torch.zeros(4, 4)}, tmp_path / "differs.safetensors")
    with pytest.raises(ValueError, match=r"different, but tied in the network: first\.weight and second\.weight"):
        load_weights(Tied(), tmp_path / "differs.safetensors")


@pytest.mark.parametrize("wrapper", ["module.", "_orig_mod."])
def test_names_of_a_wrapper_are_taken_without_it(tmp_path, wrapper):
    """Weights of a wrapped network must fill the bare one where they then fit, and that must be said."""
    bare = nn.Sequential(nn.Conv2d(1, 3, 5))
    save_file({wrapper + name: tensor for name, tensor in bare.state_dict().items()}, tmp_path / "w.safetensors")
    with pytest.warns(Caution, match=f"begin with '{wrapper}', put there by a wrapper"):
        assert same(load_weights(nn.Sequential(nn.Conv2d(1, 3, 5)), tmp_path / "w.safetensors"), bare)


def test_names_of_a_wrapper_that_do_not_fit_get_a_hint(tmp_path):
    """Where they do not fit without the prefix either, nothing may be loaded, and how to strip it must be said."""
    save_file({"module.0.weight": torch.zeros(4, 1, 5, 5)}, tmp_path / "w.safetensors")
    with pytest.raises(ValueError, match=r"missing: 0\.bias, 0\.weight; unknown: module\.0\.weight.*removeprefix\('module\.'\)"):
        load_weights(nn.Sequential(nn.Conv2d(1, 3, 5)), tmp_path / "w.safetensors")


OWN = """
import torch
from torch import nn
class Last(nn.Module):
    def __init__(self, keep=True):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.odd, self.head = nn.Conv2d(1, 6, 8, stride=8), nn.Identity(), nn.Linear(6, 45)
        self.norm = nn.BatchNorm1d(6, track_running_stats=keep)
    def forward(self, x):
        maps = self.odd(self.conv(x).permute(0, 2, 3, 1) @ torch.eye(6))
        return self.head(self.norm(maps.mean((1, 2))).relu())
def last():
    return Last()
def company():
    return Last(False)
class Random(Last):
    def forward(self, x):
        return nn.functional.dropout(super().forward(x), 0.5)
class Fixed(Last):
    def forward(self, x):
        assert x.shape[-1] == 32
        return super().forward(x)
"""


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    """Puts a module of networks into the working folder."""
    (tmp_path / "axisnets.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


@pytest.fixture
def no_report(monkeypatch):
    """Leaves tables and figures out where a test does not look at them."""
    monkeypatch.setattr("mixmnist.guests.evaluated.write_report", lambda _folder, _look, **_: SimpleNamespace(left_out=()))
    monkeypatch.setattr("mixmnist.guests.evaluated.make_page", lambda *_: None)


LINE = "--source digits --n 700 --few 50 --permutations 19 --out out"


def test_layers_shows_units_and_axis(own_module, capsys):
    """Each layer must stand with its units and their axis, or with what each axis would mean."""
    assert cli.main(["layers", "axisnets:last"]) == 0
    said = capsys.readouterr().out
    assert "6 units (axis 1)" in said
    assert "6 units (axis 3)" in said
    assert cli.main(["layers", "axisnets:Fixed", "--json"]) == 0
    told = {row["name"]: (row["units"], row["axis"]) for row in json.loads(capsys.readouterr().out)}
    assert told == {"conv": (6, 1), "odd": (None, None), "norm": (6, 1), "head": (45, 1)}
    assert cli.main(["layers", "axisnets:Fixed"]) == 0
    choice = "? --axis 1: 4 units of 4 x 6 places; --axis 2: 4 units of 4 x 6 places; --axis 3: 6 units of 4 x 4 places"
    assert choice in capsys.readouterr().out


def test_the_command_takes_an_axis(own_module, capsys, no_report):
    """Where the axis is not certain the command must say what may be chosen, and score the units of the choice."""
    assert cli.main(["evaluate", "axisnets:Fixed", "--layer", "odd", *LINE.split()]) == 2
    told = capsys.readouterr().err
    assert len(told.splitlines()) == 1
    assert "--axis 3: 6 units of 4 x 4 places" in told
    assert not (own_module / "out").exists()
    assert cli.main(["evaluate", "axisnets:Fixed", "--layer", "odd", "--axis", "3", *LINE.split()]) == 0
    assert "The best units of 6" in capsys.readouterr().out


def test_what_was_done_with_company_is_said_and_written(own_module, capsys, no_report):
    """That sets were silenced apart must stand on the screen and in the evaluation's notes."""
    assert cli.main(["evaluate", "axisnets:company", "--layer", "conv", *LINE.split()]) == 0
    assert capsys.readouterr().out.count("Note: an image's answer depends on the others of its batch") == 1
    notes = json.loads((own_module / "out/company/digits/evaluation.json").read_text())["notes"]
    assert sum("An image's answer depends on the others of its batch" in note for note in notes) == 1


def test_a_random_network_is_refused(own_module, capsys):
    """A network that throws dice must get one sentence, and nothing may be written."""
    assert cli.main(["evaluate", "axisnets:Random", "--layer", "conv", *LINE.split()]) == 2
    assert "the net must give the same answer twice" in capsys.readouterr().err
    assert not (own_module / "out").exists()


def test_an_evaluation_takes_an_axis():
    """The setting's axis must be that of the scored units."""
    net = nn.Sequential(nn.Conv2d(1, 3, 16, stride=8), nn.Flatten(2)).eval()
    with pytest.warns(Caution, match="no grid of patches"), pytest.warns(Caution, match="along axis 2, as named"):
        found = evaluate(net, "1", source="digits", setting=Setting(n=700, permutations=9, axis=-1))
    assert found.layers["n_units"].tolist() == [9]
