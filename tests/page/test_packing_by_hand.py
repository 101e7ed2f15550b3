"""What a page is given: oblong images, units that have room, numbers, and which networks can be matched."""

import base64
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from mixmnist.page import packing
from mixmnist.page.matching import matchings
from mixmnist.page.packing import numbers, pack, pairs_of, shares, write_sheet


def oblong(exhibit, cols=20, colour=False):
    """The exhibit with images that have more rows than columns."""
    found = {name: getattr(exhibit, name)[:, :, :, :cols] for name in ("top", "bottom")}
    if colour:
        found = {name: np.stack([values] * 3, axis=-1) for name, values in found.items()}
    return replace(exhibit, **found)


@pytest.mark.parametrize("colour", [False, True])
def test_the_size_of_images_is_rows_and_columns(exhibits, tmp_path, colour):
    """A page must be told rows before columns, and nothing of colour; a sheet has a row of images a unit."""
    (packed,) = pack([oblong(exhibits[0], colour=colour)], tmp_path)
    assert packed["size"] == [32, 20]
    with Image.open(tmp_path / "e0-top.png") as sheet:
        assert sheet.size == (12 * 20, 4 * 32)  # columns before rows, as PIL has it


def test_a_sheet_has_each_image_in_its_place(tmp_path):
    """Images must stand row by row and column by column, pixel for pixel."""
    images = np.random.default_rng(0).integers(0, 256, (2, 3, 5, 7)).astype(np.uint8)
    write_sheet(images, tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as opened:
        sheet = np.array(opened)
    assert sheet.shape == (10, 21)
    for row in range(2):
        for col in range(3):
            assert (sheet[5 * row : 5 * row + 5, 7 * col : 7 * col + 7] == images[row, col]).all()


def test_maps_are_a_sheet_that_images_shine_through(exhibits, tmp_path):
    """Of maps there must be a sheet like that of the images: clear where nothing is, and the denser the higher the value."""
    maps = np.zeros((4, 12, 32, 32), np.uint8)
    maps[2, 3, 5, 7], maps[2, 3, 5, 8] = 255, 128
    packed = pack([replace(exhibits[0], maps=maps), replace(exhibits[1], maps=None)], tmp_path)
    assert [one["maps"] for one in packed] == [True, False]
    assert not (tmp_path / "e1-maps.png").exists()
    with Image.open(tmp_path / "e0-maps.png") as opened:
        sheet = np.array(opened.convert("RGBA"))
    assert sheet.shape == (4 * 32, 12 * 32, 4)
    dense = sheet[..., 3].astype(int)
    assert (dense[2 * 32 + 5, 3 * 32 + 7], dense[2 * 32 + 5, 3 * 32 + 8]) == (204, pytest.approx(102, abs=8))
    assert np.count_nonzero(dense) == 2


def test_a_histogram_has_counts_and_shares(exhibits, tmp_path):
    """Of each step there must be how many images it holds and which share shows each concept; none of an older exhibit."""
    packed = pack([exhibits[0], replace(exhibits[1], counts=None)], tmp_path)
    assert packed[1]["histogram"] is None
    found = packed[0]["histogram"]
    assert found["counts"] == exhibits[0].counts.tolist()
    steps = np.frombuffer(base64.b64decode(found["shares"]), "<u2").reshape(4, 10, 24)
    full = exhibits[0].counts > 0
    assert (steps[np.broadcast_to(~full[:, None], steps.shape)] == 65_535).all()
    counts_of = (steps / 65_534 * exhibits[0].counts[:, None])[np.broadcast_to(full[:, None], steps.shape)]
    np.testing.assert_allclose(counts_of, exhibits[0].counts_of[np.broadcast_to(full[:, None], steps.shape)], atol=0.02)


def test_units_have_room_by_their_alignment(exhibits, tmp_path, monkeypatch):
    """Where there is no room for all, the best units must be shown in their order, of each layer as many, and never too few."""
    first, second = exhibits
    monkeypatch.setattr(packing, "UNITS", 4)
    monkeypatch.setattr(packing, "FEWEST_UNITS", 1)
    packed = pack([first, second], tmp_path)
    for exhibit, found in zip(exhibits, packed, strict=True):
        best = np.sort(np.argsort(-exhibit.units["alignment"].to_numpy())[:2])
        assert [unit["unit"] for unit in found["units"]] == best.tolist()
        assert len(found["every"]) == found["n_units"] == exhibit.n_units
        assert found["alignment"] == numbers(exhibit.alignment[best])
        assert found["top_response"] == np.round(exhibit.top_response[best].astype(float), 3).tolist()
    monkeypatch.setattr(packing, "FEWEST_UNITS", 3)
    assert [len(found["units"]) for found in pack([first, second], tmp_path)] == [3, 3]
    assert [found["key"] for found in packed] == ["e0", "e1"]


def test_a_unit_without_alignment_comes_last(exhibits, tmp_path, monkeypatch):
    """A dead unit must be the first to be left out, and its missing numbers be none."""
    first = exhibits[0]
    units = first.units.copy()
    units.loc[1, ["alignment", "drop"]] = np.nan
    monkeypatch.setattr(packing, "FEWEST_UNITS", 3)
    monkeypatch.setattr(packing, "UNITS", 3)
    (packed,) = pack([replace(first, units=units)], tmp_path)
    assert [unit["unit"] for unit in packed["units"]] == [0, 2, 3]
    monkeypatch.undo()
    (packed,) = pack([replace(first, units=units)], tmp_path)
    assert packed["units"][1]["alignment"] is None
    assert packed["units"][1]["drop"] is None
    assert packed["every"][1]["alignment"] is None
    assert packed["every"][0]["alignment"] == units["alignment"][0]  # as on its card, so that both round alike


def test_benches_share_their_room_by_images(exhibits, tmp_path, monkeypatch):
    """Each bench must hold as many of the first images as there are bytes for all units together, and one at least."""
    monkeypatch.setattr(packing, "BENCHES", 4 * (4 + 3) * 50)  # fifty images of 4 and of 3 units, four bytes each
    for exhibit, found in zip(exhibits, pack(exhibits, tmp_path), strict=True):
        bench = found["bench"]
        assert bench["n"] == 50
        assert bench["means"] == numbers(exhibit.bench.means[:50])
        assert bench["labels"] == exhibit.bench.labels[:50].tolist()
        assert bench["samples"] == bench["samples_kept"] == 16
    monkeypatch.setattr(packing, "BENCHES", 1)
    (found, _) = pack(exhibits, tmp_path)
    assert (found["bench"]["n"], found["bench"]["samples"], found["bench"]["samples_kept"]) == (1, 1, 16)


def test_what_images_show_is_told_by_concept(exhibits, tmp_path):
    """Each image's concepts must be told by their numbers, at both ends."""
    (packed,) = pack(exhibits[:1], tmp_path)
    for end in ("top", "bottom"):
        present = getattr(exhibits[0], f"{end}_present")
        assert packed[f"{end}_shows"][2][5] == np.flatnonzero(present[2, 5]).tolist()
        assert all(len(shows) == 2 for shows in packed[f"{end}_shows"][1])
    assert packed["fields"] == exhibits[0].fields.tolist()
    assert packed["drops"] == numbers(exhibits[0].drops)


def test_numbers_are_packed_to_the_last_bit():
    """Floats must be little-endian and exact, shares the nearest 65,534th, and nan the largest number."""
    assert base64.b64decode(numbers(np.float32([1, -0.5]))) == np.array([1, -0.5], "<f4").tobytes()
    found = np.frombuffer(base64.b64decode(shares(np.float32([0, 1, 0.5, np.nan, 0.25]))), "<u2")
    assert found.tolist() == [0, 65_534, 32_767, 65_535, 16_384]


def test_pairs_are_recognised_in_their_order():
    """A class must be two different concepts in the order of the concepts; one class that is none of these spoils all."""
    assert pairs_of(("ac", "bc"), ("a", "b", "c")) == [[0, 2], [1, 2]]
    for other in ("ca", "aa", "abc"):
        assert pairs_of(("ab", other), ("a", "b", "c")) is None


def test_networks_that_saw_the_same_images_are_matched(exhibits):
    """Units must be matched one to one where images are the same; where not, what differs must be said, sizes included."""
    first, second = exhibits
    (found,) = matchings(exhibits)
    assert found.why_not == ""
    assert len(found.ours) == len(found.theirs) == 3
    same = np.corrcoef(first.response[:, found.ours[0]], second.response[:, found.theirs[0]])[0, 1]
    assert found.correlation[0] == pytest.approx(same, abs=1e-4)
    other = replace(oblong(second), images="others")
    (found,) = matchings([first, other])
    assert found.why_not == "They saw images with other sizes of images: 32x32 and 32x20."
    assert len(found.ours) == 0
    for changes, said in (
        ({"concepts": ("x", *first.concepts[1:])}, "concepts: "),
        ({"about": replace(second.about, task="sum")}, "tasks: pairs and sum."),
        ({"about": replace(second.about, source="mnist")}, "glyphs: digits and mnist."),
    ):
        (found,) = matchings([first, replace(second, images="others", **changes)])
        assert said in found.why_not
    (found,) = matchings([first, replace(second, images="others")])
    assert found.why_not == "They saw other images."


def test_every_two_networks_are_matched_once(exhibits):
    """Of three networks there are three pairs, each with the earlier one first."""
    assert [(one.first, one.second) for one in matchings([*exhibits, exhibits[0]])] == [(0, 1), (0, 2), (1, 2)]
