"""What units want, on a page: pictures of recorded nets, packed beside what is read in them."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from mixmnist import cli
from mixmnist.core.records import Canvas
from mixmnist.nets import convnet
from mixmnist.page import wanting
from mixmnist.page.wanting import EACH, GREYS, WAYS, pack_wanted, room_for
from mixmnist.visualize.reader import KINDS, UNSEEN, Reader, Reading

REPORT = {"label": 0.99, "whole": 0.9, "false_alarm": 0.01, "found": 0.9, **dict.fromkeys((*KINDS, UNSEEN), 0.0)}
STUDY = """
from mixmnist import Study, Training, Variant
t = Training(images=64, epochs=1, batch=16)
small = {"conv1": 3, "conv2": 4, "conv3": 4}
STUDY = Study("tiny", {"a": Variant(training=t, probe_images=720, net_settings=small)}, seeds=1)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A study of one small net, with its page, and a reader among its tools."""
    place = tmp_path_factory.mktemp("wants")
    net = convnet.load(convnet.Widths(2, 2, 2), 10).eval()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.setattr("mixmnist.report.draw_figures", lambda *_: None)
        patch.setattr(wanting, "WAYS", ("top", "single", "pixels:steps=2", "maco:steps=2"))
        patch.setattr(wanting, "CANVASES", 60)
        Path("tiny.py").write_text(STUDY)
        assert cli.main("run tiny.py --source digits --out out --no-page --quiet".split()) == 0
        home = place / "out" / "tiny" / "digits"
        (home / "tools").mkdir()
        Reader(net, 0.0, "digits", Canvas(), 0, REPORT, Reading(widths=(2, 2, 2))).save(home / "tools" / "reader.safetensors")
        assert cli.main(f"page {home} --pictures --quiet".split()) == 0
    return home


def data(home):
    """Reads what the page's script reads."""
    text = (home / "report" / "data.js").read_text(encoding="utf-8")
    return json.loads(text.removeprefix("window.mixmnist = ").removesuffix(";\n"))


def test_a_page_with_pictures_has_them_of_each_unit(folder):
    """Four a way, with what is read and the response against the best natural image; top images begin with 1."""
    wants = data(folder)["exhibits"][0]["wants"]
    assert [way["name"] for way in wants["ways"]] == ["top", "single", "pixels:steps=2", "maco:steps=2"]
    assert "in the plant fooled_view" in wants["ways"][3]["caution"]
    assert wants["ways"][0]["caution"] == ""
    n, across = len(wants["units"]), 4 * EACH
    for name in ("reads", "own", "relative"):
        assert [len(row) for row in wants[name]] == [across] * n
    assert [row[0] for row in wants["relative"]] == [1.0] * n
    with Image.open(folder / "report" / "e0-wants.png") as sheet:
        assert sheet.size == (32 * across, 32 * n)
        assert len(sheet.getcolors()) <= GREYS
    assert wants["said"][-1].startswith("Reader of digits")


def test_a_page_without_them_has_none(folder):
    """Nothing is made where it is not asked for."""
    assert cli.main(f"page {folder} --out {folder / 'plain'} --quiet".split()) == 0
    text = (folder / "plain" / "data.js").read_text(encoding="utf-8")
    assert '"wants"' not in text
    assert not list((folder / "plain").glob("*wants.png"))


def test_pictures_are_of_one_study(folder, tmp_path, capsys):
    """Several folders, or an evaluated network, are refused in one sentence."""
    line = f"page {folder} {folder} --out {tmp_path / 'p'} --pictures"
    assert cli.main(line.split()) == 2
    assert "pictures must be of the nets of one study, got another folder." in capsys.readouterr().err
    assert not (tmp_path / "p").exists()


def test_units_without_pictures_are_said(folder, monkeypatch, capsys):
    """A reader below its bar costs the pictures and not the page, which says why."""
    from mixmnist.page.making import make_page

    monkeypatch.setattr(wanting.Workshop, "reader", lambda _: SimpleNamespace(check=lambda: _refuse()))
    page = make_page([folder], folder / "without", None, lambda _: None, drawn=False, pictures=True)
    assert "There are no pictures of a, seed 0: the reader must be above its bar, got 0." in page.read_text(encoding="utf-8")


def _refuse():
    raise ValueError("the reader must be above its bar, got 0.")


def test_the_room_is_shared():
    """However many exhibits there are, some units of each have pictures, and few exhibits have more."""
    assert room_for(1) == 100
    assert room_for(4) == 25
    assert room_for(50) == 10


def test_pictures_are_of_the_units_that_the_page_shows(tmp_path):
    """Those that it leaves out have none, and rows stay with their units."""
    pictures = np.arange(3, dtype=np.uint8)[:, None, None, None] * 17 + np.zeros((3, 2, 4, 4), np.uint8)
    rows = [[["a"], ["b"], ["c"]], [[True], [False], [None]], [[1.0], [2.0], [None]]]
    wanted = wanting.Wanted((1, 4, 5), ("top",), ("top images",), pictures, *rows, ("",), ())
    packed = pack_wanted(wanted, {"key": "e0", "units": [{"unit": 5}, {"unit": 1}]}, tmp_path)
    assert packed["units"] == [1, 5]
    assert packed["reads"] == [["a"], ["c"]]
    with Image.open(tmp_path / "e0-wants.png") as sheet:
        assert np.asarray(sheet)[::4, 0].tolist() == [0, 34]
    assert pack_wanted(wanted, {"key": "e0", "units": [{"unit": 9}]}, tmp_path) == {}


def test_natural_images_come_first():
    """Top images stand before all that is made."""
    assert WAYS[:2] == ("top", "single")
