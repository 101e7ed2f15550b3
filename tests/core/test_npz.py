"""Arrays of strangers: what claims more than it has, or more than there is room for, is refused before it is unpacked."""

import zipfile

import numpy as np
import pytest

from mixmnist.core import npz


def claiming(path, shape, content=b"12345678"):
    """Writes an .npz with one array whose header claims a shape."""
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (118 - len(header) - 1) + b"\n"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("units.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + content)


def test_plain_arrays_are_read(tmp_path):
    """Arrays of any shape, empty and single ones too, must come back."""
    arrays = {"a": np.arange(6.0).reshape(2, 3), "b": np.zeros((0, 4)), "c": np.array("text"), "d": np.asfortranarray(np.eye(3))}
    np.savez_compressed(tmp_path / "a.npz", **arrays)
    found = npz.read_npz(tmp_path / "a.npz", "tests", "")
    assert all((found[name] == array).all() and found[name].shape == array.shape for name, array in arrays.items())


@pytest.mark.parametrize("shape", [(10**12,), (10**6, 10**6), (2,), (0,)])
def test_an_array_is_as_large_as_it_claims(tmp_path, shape):
    """A header that claims other numbers than there are, be it 10^12, must be one sentence."""
    claiming(tmp_path / "a.npz", shape)
    with pytest.raises(ValueError, match=r"a\.npz must be a whole \.npz file, got units\.npy that claims"):
        npz.read_npz(tmp_path / "a.npz", "tests", "Make one.")


def test_arrays_that_do_not_fit_into_memory_are_refused(tmp_path, monkeypatch):
    """Arrays that would unpack to more than the machine has must be refused before they do."""
    np.savez_compressed(tmp_path / "a.npz", a=np.zeros(100_000))
    monkeypatch.setattr(npz.os, "sysconf", lambda name: {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 100}[name])
    with pytest.raises(ValueError, match=r"got arrays that are larger than this machine's memory\. Make one\."):
        npz.read_npz(tmp_path / "a.npz", "tests", "Make one.")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no zip"])
def test_what_is_no_npz_is_one_sentence(tmp_path, content):
    """Anything else must be one sentence."""
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"must be a whole \.npz file"):
        npz.read_npz(tmp_path / "a.npz", "tests", "Make one.")
