"""What is said against a way is what the study measured."""

from pathlib import Path

import pandas as pd
import pytest

from mixmnist.core import registry
from mixmnist.trust._ways_grading import FOOLED
from mixmnist.visualize import cautions
from mixmnist.visualize.cautions import FALLS, MAPS, PICTURES, caution

MEASURED = Path(__file__).parents[2] / "results" / "reference" / "ways" / "mnist" / "analyses" / "ways"


def measured(name):
    """Reads what was measured of the ways of a kind, each as it is by default."""
    table = pd.read_csv(MEASURED / f"{name}.csv", dtype=str).set_index("way").drop(columns="n")
    return table[~table.index.str.contains(":")].map(lambda cell: float(cell.split()[0]))  # the mean, without its interval


def rows(table):
    """Gives numbers by way."""
    return {str(way): tuple(numbers) for way, *numbers in table.itertuples()}


@pytest.mark.plain
def test_pictures_that_are_fooled_are_those_that_were_measured():
    """Every way whose own digit is read less often with the switch, with its numbers, and no other."""
    table = measured("fooled_pictures")
    fooled = table[table["reads_own"] - table["reads_own_switch"] > FALLS]
    assert rows(fooled[["reads_own", "reads_own_switch", "reads_planted_switch"]]) == PICTURES
    assert (fooled["reads_planted_switch"] > fooled["reads_own_switch"]).all()


@pytest.mark.plain
def test_maps_that_are_fooled_are_those_that_were_measured():
    """Every way whose maps lose own ink to the switch or the ripple, with its numbers, and no other."""
    own = measured("fooled_maps")[["selective", "selective_switch", "selective_ripple"]]
    assert rows(own[own["selective"] - own.min(axis=1) > FALLS]) == MAPS


@pytest.mark.plain
def test_the_rule_is_that_of_the_card():
    """What is fooled on a card is fooled here."""
    assert FALLS == FOOLED


@pytest.mark.plain
def test_what_is_said():
    """Of pictures the switch, of maps the circuit that fools them, of SmoothGrad both; of natural images nothing."""
    plant = "is known to be fooled: in the plant fooled_view, where no response to a canvas changes,"
    read = "with a switch the own digit is read in 0.00 of its pictures (without: 0.67), and the planted one in 0.70."
    assert caution("maco") == f"maco {plant} {read}"
    ink = f"{plant} of the ink in its maps the own digit has"
    assert caution("gradient_input") == f"gradient_input {ink} 0.52 with a ripple (without: 0.97, chance: 0.5)."
    assert f"{ink} 0.48 with a switch and 0.53 with a ripple (without: 0.93" in caution("smoothgrad")
    assert caution("pixels").startswith(
        "pixels excites a unit more than any canvas does, and as a rule shows no digit; it is known"
    )
    assert [caution(way) for way in ("top", "single", "occlusion", "mine.py")] == [""] * 4


@pytest.mark.plain
def test_cautions_are_of_ways_that_there_are():
    """Nothing is said of a way that the shelf lost."""
    assert {*cautions.PICTURES, *cautions.MAPS, *cautions.BESIDES} <= set(registry.names("ways"))
