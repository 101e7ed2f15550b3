"""The fixture `mixmnist_regression`, which holds a network's units against what they were. Torch is loaded when it is used.

    def test_units(mixmnist_regression):
        mixmnist_regression.check(net, layer="conv3", task="pairs", source="digits")

`pytest --mixmnist-update` records; without it the records, which belong under version control, are compared with.
"""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from mixmnist.guests.regression import Regression

FOLDER = "mixmnist_regression"  # beside the test's file, with a folder for each file of tests


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the option that records."""
    said = "record what mixmnist_regression.check finds instead of comparing with what is recorded"
    parser.getgroup("mixmnist").addoption("--mixmnist-update", action="store_true", help=said)


@pytest.fixture
def mixmnist_regression(request: pytest.FixtureRequest) -> "Regression":
    """Checks the units of networks against records of this test."""
    from mixmnist.guests.regression import Regression

    folder = request.path.parent / FOLDER / request.path.stem
    name = request.node.nodeid.partition("::")[2]  # with its class
    return Regression(folder, name, request.config.getoption("--mixmnist-update"))
