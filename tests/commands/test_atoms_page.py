"""`mixmnist features --page`: a page of atoms beside the results, or one sentence on why there is none."""

import json

import pytest

from mixmnist.cli import main

NET = """
import torch
from torch import nn

class Small(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Sequential(nn.Conv2d(1, 3, 9, stride=3), nn.ReLU())
        self.head = nn.Linear(3, 45)

    def forward(self, x):
        return self.head(self.conv(x).mean((2, 3)))
"""
ASKED = "--layer conv --source digits --images 200 --cells 1000 --fast --dictionaries pca --atoms 4"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["--arrays", "rows.npz"], "mixmnist: a page needs a network and its images, got --arrays. Leave --page out.\n"),
        (
            ["a.b:Net", "--layer", "conv", "--rotate"],
            "mixmnist: a page shows the layer as it is, got --rotate. Leave one of them out.\n",
        ),
    ],
)
def test_a_page_of_what_cannot_be_shown_is_one_sentence(asked, said, capsys):
    """Arrays have no images, and a rotated layer is no layer of the network: that is said before any work, with code 2."""
    assert main(["features", *asked, "--page"]) == 2
    assert capsys.readouterr().err == said


def test_the_page_lies_beside_the_results(tmp_path, monkeypatch, capsys):
    """Of a network of one's own the page must show its units and the atoms of the dictionary that is named."""
    (tmp_path / "brought_for_its_page.py").write_text(NET)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert main(["features", "brought_for_its_page:Small", *ASKED.split(), "--page", "--json", "--out", "found"]) == 0
    answer = json.loads(capsys.readouterr().out)
    page = tmp_path / "found" / "page"
    assert answer["page"] == str(page / "index.html")
    assert (tmp_path / "found" / "fits.csv").is_file()
    data = json.loads((page / "data.js").read_text().partition(" = ")[2].rstrip(";\n"))
    assert [one["name"] for one in data["exhibits"]] == ["Small", "Small, in atoms of pca"]
    assert [one["word"] for one in data["exhibits"]] == ["unit", "atom"]
    assert "random" in (page / "index.html").read_text()
