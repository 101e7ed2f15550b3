"""Sources of glyphs: bundled, one's own, and read from IDX files; never with a network, and clear where they fail."""

import hashlib
import itertools
import os
import re
import socket
import sys
import urllib.request
from collections import Counter
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torchvision.datasets.mnist as torchvision_mnist
from sklearn.datasets import load_digits

from mixmnist.core import registry
from mixmnist.data import mixture as mixture_module
from mixmnist.data import sources
from mixmnist.data.mixture import draw
from mixmnist.data.sources import _torchvision, label, mnist

IDX = {"mnist": "MNIST", "fashion": "FashionMNIST", "kmnist": "KMNIST", "qmnist": "QMNIST"}
SIZES = {"train": 30, "test": 20}  # glyphs of 5 x 4 pixels
REAL_MNIST = os.environ.get("MIXMNIST_DATA")  # read before the tests hide it
every_idx_source = pytest.mark.parametrize("name", IDX)


@pytest.fixture(autouse=True)
def _offline(monkeypatch, tmp_path):
    """No network, no data folders of this machine, and nothing remembered from an earlier test."""

    def refuse(*args, **kwargs):
        raise URLError("no network in tests")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    monkeypatch.delenv("MIXMNIST_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    forget()
    yield
    forget()


def forget():
    """Clears what the sources and the mixtures drawn of them remember."""
    for remembering in (*vars(sources).values(), *vars(mixture_module).values()):
        getattr(remembering, "cache_clear", lambda: None)()


def idx(array, kind=8):
    """An array as the bytes of an IDX file; kind 8 is unsigned byte, 12 is 32-bit integer."""
    dtype = {8: ">u1", 12: ">i4"}[kind]
    return bytes([0, 0, kind, array.ndim]) + np.array(array.shape, dtype=">u4").tobytes() + array.astype(dtype).tobytes()


def paths(name, root):
    """Where the images and labels of each split of a source lie below a root."""
    folder = root / IDX[name] / "raw"
    if name == "qmnist":
        return {s: (folder / f"qmnist-{s}-images-idx3-ubyte", folder / f"qmnist-{s}-labels-idx2-int") for s in SIZES}
    short = {"train": "train", "test": "t10k"}
    return {s: (folder / f"{short[s]}-images-idx3-ubyte", folder / f"{short[s]}-labels-idx1-ubyte") for s in SIZES}


@pytest.fixture
def lay_out(tmp_path, monkeypatch):
    """Writes the tiny IDX files of a source below a root; gives the arrays of each split."""

    def write(name, root=tmp_path):
        random, arrays = np.random.default_rng(5), {}
        for split, (images_path, labels_path) in paths(name, root).items():
            images = random.integers(0, 256, (SIZES[split], 5, 4), dtype=np.uint8)
            labels = random.permutation(np.arange(SIZES[split]) % 10)
            arrays[split] = (images, labels)
            images_path.parent.mkdir(parents=True, exist_ok=True)
            images_path.write_bytes(idx(images))
            told = np.stack([labels, *(labels + 100 * k for k in range(1, 8))], axis=1)  # images 8
            labels_path.write_bytes(idx(told, 12) if name == "qmnist" else idx(labels))
        if name == "mnist":
            monkeypatch.setattr(mnist, "SHA256", sums(root))
        return arrays

    return write


def sums(root):
    """The SHA-256 sums of MNIST's files below a root."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (root / "MNIST" / "raw").iterdir()}


def load(name, root, split="train"):
    """The glyphs of one split of a source."""
    return sources.load_glyphs(name, str(root), split)


def save(path, images=None, labels=None, **more):
    """Writes an .npz of glyphs, good unless told otherwise: four glyphs of 3 x 2 pixels for each of ten digits."""
    good = {
        "images": np.arange(240, dtype=np.uint8).reshape(40, 3, 2) if images is None else images,
        "labels": np.arange(40) % 10 if labels is None else labels,
    }
    np.savez(path, **good, **more)
    return path


def contents(glyphs):
    """How often each labelled glyph occurs."""
    return Counter(zip(glyphs.labels.tolist(), (image.tobytes() for image in glyphs.images), strict=True))


def test_the_splits_of_the_digits_are_disjoint_and_complete():
    """Training and test glyphs together are the 1,797 bundled ones, each exactly once."""
    bundled = load_digits()
    grey = ((bundled.images.astype(int) * 255 + 8) // 16).astype(np.uint8)
    train, test = (sources.load_glyphs("digits", None, split) for split in ("train", "test"))
    assert len(train.labels) + len(test.labels) == 1797
    everything = Counter(zip(bundled.target.tolist(), (image.tobytes() for image in grey), strict=True))
    assert contents(train) + contents(test) == everything


def test_no_test_digit_is_a_training_digit():
    """No test glyph has the pixels of a training glyph."""
    train, test = (sources.load_glyphs("digits", None, split) for split in ("train", "test"))
    assert not contents(train) & contents(test)


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_digits_are_grey_images_of_all_ten_labels(split):
    """Glyphs are 8 x 8 bytes over the full range of grey, with 64-bit labels 0-9."""
    glyphs = sources.load_glyphs("digits", None, split)
    assert glyphs.images.dtype == np.uint8
    assert glyphs.labels.dtype == np.int64
    assert glyphs.images.shape == (len(glyphs.labels), 8, 8)
    assert (glyphs.images.min(), glyphs.images.max()) == (0, 255)
    assert np.unique(glyphs.labels).tolist() == list(range(10))


def test_the_last_quarter_of_each_digit_is_for_testing():
    """Of each digit the last quarter in file order, rounded down, is for testing."""
    bundled = load_digits()
    test = sources.load_glyphs("digits", None, "test")
    for digit in range(10):
        members = bundled.images[bundled.target == digit]
        last = members[len(members) - len(members) // 4 :]
        assert ((test.images[test.labels == digit] * 16.0 / 255).round() == last).all()


def test_the_digits_need_no_network(monkeypatch):
    """The digits are loaded where opening a socket fails."""

    def refuse(*args, **kwargs):
        raise OSError("no sockets in this test")

    monkeypatch.setattr(socket, "socket", refuse)
    assert draw("pairs", "digits", n=3).images.any()


def test_loaded_glyphs_cannot_be_changed():
    """Glyphs are shared between mixtures, so writing to them fails."""
    glyphs = sources.load_glyphs("digits", None, "test")
    with pytest.raises(ValueError, match="read-only"):
        glyphs.images[0] = 0


def test_an_own_file_is_split_by_class(tmp_path):
    """Of four glyphs of a class the first three are for training and the last is for testing."""
    path = save(tmp_path / "own.npz")
    images = np.arange(240, dtype=np.uint8).reshape(40, 3, 2)
    train, test = load("file", path), load("file", path, "test")
    assert train.labels.tolist() == [*range(10)] * 3
    assert train.images.tolist() == images[:30].tolist()
    assert test.labels.tolist() == [*range(10)]
    assert test.images.tolist() == images[30:].tolist()


def test_a_class_of_two_has_one_glyph_on_each_side(tmp_path):
    """Two or three glyphs of a class are enough: the last one is for testing."""
    images = np.arange(30, dtype=np.uint8).reshape(5, 3, 2)
    path = save(tmp_path / "own.npz", images, np.array([4, 1, 1, 4, 1]))
    assert load("file", path).images.tolist() == images[[0, 1, 2]].tolist()
    assert load("file", path, "test").images.tolist() == images[[3, 4]].tolist()


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.uint64])
def test_labels_of_any_whole_kind_are_taken(tmp_path, dtype):
    """Labels may be of any integer dtype and become 64-bit."""
    labels = load("file", save(tmp_path / "own.npz", labels=(np.arange(40) % 10).astype(dtype))).labels
    assert labels.dtype == np.int64
    assert labels.tolist() == [*range(10)] * 3


def test_a_path_is_a_source(tmp_path):
    """A path to an .npz, in place of a source's name, draws its glyphs."""
    path = save(tmp_path / "own.npz", more=np.zeros(3))
    assert sources.resolve_source(str(path), None) == ("file", str(path))
    assert draw("pairs", str(path), n=3).tiles.shape == (10, 12, 12)


def test_a_missing_file_is_named(tmp_path):
    """A path where there is no file is a FileNotFoundError with the path and how to write one."""
    with pytest.raises(FileNotFoundError, match=r"must exist, got .*none\.npz\. Save it with np\.savez"):
        draw("pairs", str(tmp_path / "none.npz"), n=3)


def test_a_source_file_without_a_path_is_refused():
    """The source `file` without a path is a ValueError that says how to name one."""
    with pytest.raises(ValueError, match=r"must be given a path, got none\. Name it: --source glyphs\.npz"):
        draw("pairs", "file", n=3)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"pictures": np.zeros(2)}, "must hold images and labels, got no images and no labels"),
        ({"images": np.zeros((2, 3, 4), np.uint8)}, "must hold images and labels, got no labels"),
        ({"labels": np.zeros(2, int)}, "must hold images and labels, got no images"),
    ],
)
def test_missing_arrays_are_named(tmp_path, arrays, message):
    """An .npz that lacks an array is a ValueError that names the array and the file."""
    np.savez(tmp_path / "own.npz", **arrays)
    with pytest.raises(ValueError, match=rf"own\.npz {message}\. Save it with"):
        load("file", tmp_path / "own.npz")


@pytest.mark.parametrize(
    ("images", "told"),
    [
        (np.zeros((40, 3, 2)), r"float64 \[40, 3, 2\]"),
        (np.zeros((40, 3, 2), np.int16), r"int16 \[40, 3, 2\]"),
        (np.zeros((40, 6), np.uint8), r"uint8 \[40, 6\]"),
        (np.zeros((40, 1, 3, 2), np.uint8), r"uint8 \[40, 1, 3, 2\]"),
        (np.zeros((0, 3, 2), np.uint8), r"uint8 \[0, 3, 2\]"),
        (np.zeros((40, 0, 2), np.uint8), r"uint8 \[40, 0, 2\]"),
    ],
)
def test_images_of_a_wrong_kind_are_refused(tmp_path, images, told):
    """Images of another dtype or shape are a ValueError that tells both."""
    path = save(tmp_path / "own.npz", images)
    with pytest.raises(
        ValueError, match=rf"images must be uint8 \[n, rows, cols\] or \[n, rows, cols, 3\], got {told} in .*own\.npz"
    ):
        load("file", path)


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        (np.arange(40) % 10 + 0.0, r"float64 \[40\]"),
        (np.arange(40) % 2 == 0, r"bool \[40\]"),
        (np.arange(39) % 10, r"int64 \[39\]"),
        (np.arange(40).reshape(40, 1), r"int64 \[40, 1\]"),
        (np.arange(40) % 10 - 1, r"int64 \[40\]"),
        (np.array([str(k % 10) for k in range(40)]), r"<U1 \[40\]"),
    ],
)
def test_labels_of_a_wrong_kind_are_refused(tmp_path, labels, told):
    """Labels that are no whole numbers of 0..999, one an image, are a ValueError that tells dtype and shape."""
    path = save(tmp_path / "own.npz", labels=labels)
    with pytest.raises(ValueError, match=f"labels must be 40 whole numbers of 0..999, one an image, got {told}"):
        load("file", path)


def test_a_class_of_one_glyph_is_refused(tmp_path):
    """A class with one glyph cannot be split, and is named with its count."""
    path = save(tmp_path / "own.npz", labels=np.array([7, *[3] * 39]))
    with pytest.raises(ValueError, match=r"every class must have 2 glyphs or more .* got 1 of label 7"):
        load("file", path)


@pytest.mark.parametrize("array", ["images", "labels"])
def test_a_pickled_array_is_refused(tmp_path, array):
    """An array of Python objects is never unpickled: it is a ValueError that names the file and how to write one."""
    path = save(tmp_path / "own.npz")
    with np.load(path) as good:
        arrays = dict(good)
    np.savez(path, **{**arrays, array: arrays[array].astype(object)})
    with pytest.raises(ValueError, match=r"own\.npz must .*Save it with np\.savez"):
        load("file", path)


@pytest.mark.parametrize("kept", [0, 10, 300, -30])
def test_a_truncated_file_is_refused(tmp_path, kept):
    """An .npz that was cut short anywhere is a ValueError that names it."""
    path = save(tmp_path / "own.npz")
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ValueError, match=r"own\.npz must be a whole \.npz file, got .*Save it with np\.savez"):
        load("file", path)


def test_an_altered_file_is_refused(tmp_path):
    """An .npz with a flipped byte among its images is a ValueError that names it."""
    path = save(tmp_path / "own.npz")
    stored = bytearray(path.read_bytes())
    stored[stored.index(bytes(range(100, 120)))] ^= 255
    path.write_bytes(stored)
    with pytest.raises(ValueError, match=r"own\.npz must be a whole \.npz file, got Bad CRC"):
        load("file", path)


def test_text_is_no_file_of_glyphs(tmp_path):
    """A text file under an .npz name is a ValueError that names it, with no advice to unpickle."""
    path = tmp_path / "own.npz"
    path.write_text("images, labels\n")
    with pytest.raises(ValueError, match=r"own\.npz must be a whole \.npz file, got .*Save it with np\.savez") as caught:
        load("file", path)
    assert "allow_pickle" not in str(caught.value)


def test_a_single_array_is_no_file_of_glyphs(tmp_path):
    """An .npy under an .npz name is a ValueError that names it."""
    path = tmp_path / "own.npz"
    with path.open("wb") as file:
        np.save(file, np.zeros((4, 3, 2), np.uint8))
    with pytest.raises(ValueError, match=r"own\.npz must .*Save it with np\.savez"):
        load("file", path)


def test_a_digit_the_task_needs_must_be_there(tmp_path):
    """A file without sevens cannot make pairs of digits, and the seven is named."""
    labels = np.arange(40) % 10
    path = save(tmp_path / "own.npz", labels=np.where(labels == 7, 8, labels))
    with pytest.raises(ValueError, match="the source must have glyphs of every digit the task shows, got none of '7'"):
        draw("pairs", str(path), n=500)


def test_a_digit_the_task_does_not_show_may_lack(tmp_path):
    """A file without eights and nines is enough for a task whose canvases show neither."""
    path = save(tmp_path / "own.npz", labels=np.arange(40) % 8)
    assert draw("redundant", str(path), n=50, settings={"q": 0.0}).images.any()


def test_labels_beyond_the_tasks_concepts_are_never_shown(tmp_path):
    """Glyphs with labels the task does not know stay unused."""
    path = save(tmp_path / "own.npz", labels=np.arange(40) % 20)
    mixture = draw("pairs", str(path), n=200)
    assert set(load("file", path, "test").labels[mixture.glyphs.numpy().ravel()].tolist()) == set(range(10))


@every_idx_source
@pytest.mark.parametrize("split", ["train", "test"])
def test_idx_files_are_read(name, split, lay_out, tmp_path):
    """Local IDX files give each split's images and labels as they were written, without a network."""
    images, labels = lay_out(name)[split]
    glyphs = load(name, tmp_path, split)
    assert (glyphs.images.dtype, glyphs.labels.dtype) == (np.uint8, np.int64)
    assert glyphs.images.tolist() == images.tolist()
    assert glyphs.labels.tolist() == labels.tolist()


@every_idx_source
@pytest.mark.parametrize("split", ["train", "test"])
def test_whole_files_are_read_without_torchvision(name, split, lay_out, tmp_path, monkeypatch):
    """Where the files lie whole on disk nobody waits for torchvision, which takes seconds to import; the arrays are the same."""
    lay_out(name)
    slowly = load(name, tmp_path, split)
    forget()
    monkeypatch.setitem(sys.modules, "torchvision.datasets", None)
    quickly = load(name, tmp_path, split)
    for one, other in ((slowly.images, quickly.images), (slowly.labels, quickly.labels)):
        assert (one.dtype, one.flags.writeable) == (other.dtype, other.flags.writeable)
        assert one.tolist() == other.tolist()


@every_idx_source
def test_idx_glyphs_make_mixtures(name, lay_out, tmp_path):
    """A mixture can be drawn of every source that is read from IDX files."""
    lay_out(name)
    assert draw("redundant", name, "train", n=6, root=str(tmp_path)).tiles.shape == (30, 12, 12)


def test_the_data_folder_of_the_environment_is_used(lay_out, tmp_path, monkeypatch):
    """Without a root the files lie in the folder that MIXMNIST_DATA names."""
    lay_out("kmnist", tmp_path / "named")
    monkeypatch.setenv("MIXMNIST_DATA", str(tmp_path / "named"))
    assert len(sources.load_glyphs("kmnist", None, "train").labels) == 30


def test_the_users_cache_is_used_without_a_data_folder(lay_out, tmp_path):
    """Without a root and without MIXMNIST_DATA the files lie in the user's cache."""
    lay_out("kmnist", tmp_path / "cache" / "mixmnist")
    assert len(sources.load_glyphs("kmnist", None, "test").labels) == 20


@every_idx_source
@pytest.mark.parametrize("which", [0, 1], ids=["images", "labels"])
@pytest.mark.parametrize("kept", [0, 3, 9, -7])
def test_a_truncated_idx_file_is_refused(name, which, kept, lay_out, tmp_path):
    """An IDX file cut short, in its header or its content, is a ValueError that names the files and the way out."""
    lay_out(name)
    path = paths(name, tmp_path)["train"][which]
    path.write_bytes(path.read_bytes()[:kept])
    mnist.SHA256.update(sums(tmp_path) if name == "mnist" else {})
    with pytest.raises(ValueError, match=rf"the files of {IDX[name]} must be whole IDX files, got .*fetch it again"):
        load(name, tmp_path)


@every_idx_source
@pytest.mark.parametrize("header", [b"\0\0\x08\x09", b"\0\0\x0a\x03", b"\0\0\x0d\x03", b"PK\3\4"])
def test_a_corrupted_idx_header_is_refused(name, header, lay_out, tmp_path):
    """An IDX file whose header tells another kind or another number of axes is a ValueError that names the files."""
    lay_out(name)
    path = paths(name, tmp_path)["train"][0]
    path.write_bytes(header + path.read_bytes()[4:])
    mnist.SHA256.update(sums(tmp_path) if name == "mnist" else {})
    with pytest.raises(ValueError, match=f"the files of {IDX[name]} must be whole IDX files"):
        load(name, tmp_path)


@every_idx_source
def test_as_many_labels_as_images_are_needed(name, lay_out, tmp_path):
    """IDX files that are whole but of different lengths are a ValueError."""
    lay_out(name)
    every = paths(name, tmp_path)
    every["train"][1].write_bytes(every["test"][1].read_bytes())
    mnist.SHA256.update(sums(tmp_path) if name == "mnist" else {})
    with pytest.raises(ValueError, match=IDX[name]):
        load(name, tmp_path)


@pytest.mark.parametrize("file", sorted(mnist.SHA256))
def test_an_altered_file_of_mnist_is_refused(file, lay_out, tmp_path):
    """A file of MNIST with one flipped bit has another SHA-256 sum, and is a ValueError that names it."""
    lay_out("mnist")
    path = tmp_path / "MNIST" / "raw" / file
    stored = bytearray(path.read_bytes())
    stored[-1] ^= 1
    path.write_bytes(stored)
    with pytest.raises(ValueError, match=f"the files of MNIST must be whole IDX files, got {file} with SHA-256"):
        load("mnist", tmp_path)


def expand(layout):
    """The paths that a layout with alternatives in braces stands for."""
    parts = re.split(r"\{(.*?)\}", layout)
    return {"".join(choice) for choice in itertools.product(*(part.split(",") for part in parts))}


@every_idx_source
@pytest.mark.parametrize("split", ["train", "test"])
def test_without_files_and_network_the_way_out_is_named(name, split, tmp_path):
    """Without files and network there is a FileNotFoundError of one line with the other ways."""
    with pytest.raises(FileNotFoundError, match=f"{IDX[name]} must lie at .* or be downloadable, got neither") as caught:
        load(name, tmp_path, split)
    assert "--source digits" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@every_idx_source
def test_the_named_layout_is_where_the_files_are_read(name, tmp_path):
    """The layout in the message stands for exactly the files that are read."""
    with pytest.raises(FileNotFoundError) as caught:
        load(name, tmp_path)
    layout = re.search(r"must lie at (\S+) or be", str(caught.value))[1]
    assert {Path(path) for path in expand(layout)} == {path for pair in paths(name, tmp_path).values() for path in pair}


@every_idx_source
def test_the_named_command_fetches_every_file(name, tmp_path, monkeypatch):
    """The one-line command in the message, run with a network, fetches the files of both splits."""
    with pytest.raises(FileNotFoundError) as caught:
        load(name, tmp_path)
    fetched = set()

    def pretend(url, download_root, filename=None, md5=None):
        path = Path(download_root) / (filename or url.rsplit("/", 1)[1]).removesuffix(".gz")
        path.write_bytes(idx(np.zeros((2, 8), int), 12) if "labels-idx2" in path.name else idx(np.zeros((2, 5, 4), int)))
        if "labels-idx1" in path.name:
            path.write_bytes(idx(np.zeros(2, int)))
        fetched.add(path)

    monkeypatch.setattr(torchvision_mnist, "download_and_extract_archive", pretend)
    exec(re.search(r'python -c "(.*?)";', str(caught.value))[1], {})
    assert fetched == {path for pair in paths(name, tmp_path).values() for path in pair}


@every_idx_source
@pytest.mark.parametrize("error", [ConnectionResetError("reset by peer"), TimeoutError("timed out")])
def test_a_download_that_breaks_off_is_no_corrupted_file(name, error, tmp_path, monkeypatch):
    """A connection that breaks off is a FileNotFoundError, since nothing on disk is wrong."""

    def break_off(*args, **kwargs):
        raise error

    monkeypatch.setattr(urllib.request, "urlopen", break_off)
    with pytest.raises(FileNotFoundError, match="must lie at"):
        load(name, tmp_path)


def test_downloads_print_nothing(tmp_path, capsys):
    """What a dataset prints while it downloads stays off the standard output."""

    def make(folder):
        sys.stdout.write(f"Downloading to {folder}\n")
        raise URLError("no network in tests")

    with pytest.raises(FileNotFoundError):
        _torchvision.load("MNIST", "MNIST/raw", make, str(tmp_path))
    assert capsys.readouterr().out == ""


def test_the_timeout_of_sockets_is_restored(lay_out, tmp_path):
    """Loading leaves the process's socket timeout as it was, whether it succeeds or fails."""
    lay_out("kmnist")
    before = socket.getdefaulttimeout()
    try:
        socket.setdefaulttimeout(7.5)
        load("kmnist", tmp_path)
        after_success = socket.getdefaulttimeout()
        with pytest.raises(FileNotFoundError):
            load("fashion", tmp_path)
        assert (after_success, socket.getdefaulttimeout()) == (7.5, 7.5)
    finally:
        socket.setdefaulttimeout(before)


def test_auto_falls_back_to_the_digits(tmp_path):
    """Where MNIST is neither on disk nor to be fetched, "auto" means the bundled digits."""
    assert sources.resolve_source("auto", str(tmp_path)) == ("digits", str(tmp_path))
    assert draw("pairs", n=2, root=str(tmp_path)).tiles.shape == (445, 12, 12)


def test_auto_picks_mnist_on_disk(lay_out, tmp_path):
    """Where MNIST is on disk, "auto" means MNIST."""
    lay_out("mnist")
    assert sources.resolve_source("auto", str(tmp_path)) == ("mnist", str(tmp_path))
    assert draw("pairs", n=2, root=str(tmp_path)).tiles.shape == (20, 12, 12)


def test_auto_does_not_hide_altered_files(lay_out, tmp_path):
    """Where MNIST is on disk but altered, "auto" fails instead of falling back unseen."""
    lay_out("mnist")
    mnist.SHA256["t10k-labels-idx1-ubyte"] = "0" * 64
    with pytest.raises(ValueError, match="t10k-labels-idx1-ubyte with SHA-256"):
        sources.resolve_source("auto", str(tmp_path))


@pytest.mark.parametrize("name", registry.names("sources"))
def test_every_source_resolves_to_itself(name):
    """The name of a source on the shelf stays that name, and the root stays the root."""
    assert sources.resolve_source(name, "somewhere") == (name, "somewhere")


def test_an_unknown_source_is_refused():
    """A name that is on no shelf is refused with the nearest one."""
    with pytest.raises(ValueError, match=r"source must be a known name, got source='kmnst'\. Did you mean kmnist"):
        sources.resolve_source("kmnst", None)


def test_a_fingerprint_is_of_the_content(tmp_path):
    """The same glyphs under another path have the same fingerprint."""
    first, second = save(tmp_path / "a.npz"), save(tmp_path / "b.npz", labels=(np.arange(40) % 10).astype(np.uint8))
    assert sources.fingerprint("file", str(first)) == sources.fingerprint("file", str(second))


@pytest.mark.parametrize("index", [0, 39], ids=["train", "test"])
@pytest.mark.parametrize("array", ["images", "labels"])
def test_a_fingerprint_changes_with_the_content(tmp_path, array, index):
    """One changed pixel or label, of training or of test glyphs, changes the fingerprint."""
    first = save(tmp_path / "a.npz")
    with np.load(first) as good:
        arrays = dict(good)
    arrays[array][index] ^= 1
    second = save(tmp_path / "b.npz", **arrays)
    assert sources.fingerprint("file", str(first)) != sources.fingerprint("file", str(second))


def test_the_fingerprint_of_the_digits_is_pinned():
    """The bundled digits are the same on every machine."""
    assert sources.fingerprint("digits", None) == "34ae4a84ac2bbde581f97ceafe5a5739ec5f0a83f9f29a38733e1506834f9401"


@pytest.mark.parametrize(
    ("split", "counts"),
    [
        ("train", [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]),
        ("test", [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]),
    ],
)
def test_the_real_mnist_is_mnist(split, counts):
    """The real files have the pinned sums and MNIST's 60,000 and 10,000 digits of 28 x 28 pixels."""
    if not REAL_MNIST:
        pytest.skip("the environment variable MIXMNIST_DATA names no folder with MNIST")
    glyphs = load("mnist", REAL_MNIST, split)
    assert glyphs.images.shape == ({"train": 60_000, "test": 10_000}[split], 28, 28)
    assert np.bincount(glyphs.labels).tolist() == counts


@pytest.mark.parametrize(
    ("name", "root", "said"),
    [
        ("digits", None, "digits"),
        ("file", "/a/my glyphs, (1).npz", "file-my-glyphs-1"),
        ("file", "..npz", "file-"),
        ("elsewhere/own.py", None, "source-own"),
    ],
)
def test_what_folders_call_a_source_stays_in_its_place(name, root, said):
    """A file's name becomes part of a path: whatever it is, it must be one folder of ordinary letters."""
    assert label(name, root) == said
