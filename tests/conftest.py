"""What many tests share: small mixtures of the digits that come with scikit-learn, and single-threaded arithmetic."""

import pytest
import torch

from mixmnist.data.mixture import Mixture, draw


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def pairs_mixture() -> Mixture:
    """800 test canvases of the task `pairs`."""
    return draw("pairs", "digits", "test", n=800, seed=0)
