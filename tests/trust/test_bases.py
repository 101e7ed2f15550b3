"""Bases of a layer: directions that are fitted on its cells, or nothing where none fires."""

import pytest
import torch

from mixmnist.trust._bases import BASES, fit_bases


@pytest.mark.parametrize("at", [0.0, 1.0])
def test_a_layer_that_never_fires_has_no_detector_in_any_basis(at):
    """Where all units are dead, or the same everywhere, no basis may have a detector, and none may be refused."""
    present = torch.arange(20)[:, None] % 2 == torch.arange(2)
    bases = fit_bases(torch.full((20, 3, 4), at), present)
    assert [basis.name for basis in bases] == list(BASES)
    assert not any(basis.detectors.there.any() for basis in bases)
    assert not any(basis.detectors.fire(basis.read(torch.ones(5, 3, 4))).any() for basis in bases)
