"""Atoms on the page in a real Chromium: what they are called, a bench that switches them off, and units beside them."""

import pandas as pd
import pytest
import torch

from mixmnist.features.measuring import Plan
from mixmnist.metrics.correct import correct
from mixmnist.page.atoms import write_atoms_page

pytestmark = pytest.mark.browser
TABLE = pd.DataFrame({"dictionary": ["pca", "random"], "coverage": [0.5, 0.4]})


@pytest.fixture(scope="module")
def of_atoms(dissected, tmp_path_factory):
    """The address of a page of a small net's units and atoms, and its exhibits."""
    layer, found = dissected
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mixmnist.page.atoms.exhibits_of", lambda *_: iter(found))
        place = tmp_path_factory.mktemp("atoms") / "page"
        return write_atoms_page(place, "Units and atoms", TABLE, [layer], Plan(), 300, lambda _: None).as_uri(), found


def accuracy(bench, gone, to_mean=False):
    """Python's accuracy on the bench of atoms with some of them silenced."""
    means = torch.from_numpy(bench.means).double()
    means[:, gone] = torch.from_numpy(bench.rest).double()[gone] * to_mean
    logits = means @ torch.from_numpy(bench.weight).double().T + torch.from_numpy(bench.left).double()
    return float(correct(logits, torch.from_numpy(bench.labels)).mean())


def told(tab):
    """The accuracy that the bench shows, in full."""
    return float(tab.locator("#bench .big").get_attribute("data-accuracy"))


def test_atoms_are_switched_off_on_the_bench(visit, of_atoms):
    """Intact accuracy must be the network's; with atoms off, by hand, along an order or to their mean, it must be Python's."""
    address, (units, *others) = of_atoms
    tab = visit(place=address)
    for place, exhibit in enumerate(others, start=1):
        tab.locator("#network").select_option(str(place))
        assert told(tab) == pytest.approx(units.accuracy, abs=1e-9)
        for atom in (0, 4):
            tab.locator(f"#bench input[type=checkbox][value='{atom}']").uncheck()
        assert told(tab) == pytest.approx(accuracy(exhibit.bench, [0, 4]), abs=1e-9)
        assert "2 of 6 atoms off, 2 put by hand" in tab.locator("#bench .numbers").inner_text()
        tab.locator("#bench select[name=silenced]").select_option("mean")
        assert told(tab) == pytest.approx(accuracy(exhibit.bench, [0, 4], to_mean=True), abs=1e-9)
        tab.locator("#bench select[name=silenced]").select_option("zero")
        tab.get_by_role("button", name="All on").click()
        tab.locator("#off").fill("3")
        assert told(tab) == pytest.approx(accuracy(exhibit.bench, exhibit.bench.orders[0][:3]), abs=1e-9)
        assert "What the dictionary does not explain of an image stays" in tab.locator("#bench .lead").inner_text()


def test_logits_without_atoms_are_those_of_python(visit, of_atoms):
    """Every logit of the page's script must be Python's to 1e-5."""
    address, (_, _, sparse) = of_atoms
    tab, bench = visit(place=address), sparse.bench
    found = torch.tensor(tab.evaluate("[...mm.logits(mm.exhibits[2].bench, [1, 0, 0, 1, 0, 0], false)]")).reshape(-1, 45)
    means = bench.means.copy()
    means[:, [0, 3]] = 0
    torch.testing.assert_close(found, torch.from_numpy(means @ bench.weight.T + bench.left), rtol=0, atol=1e-5)


def test_atoms_are_called_atoms(visit, of_atoms):
    """Cards, dialog, bench and table of an atom must not call it a unit, and those of a unit no atom."""
    address, _ = of_atoms
    tab = visit(place=address)
    for place, word, other in ((0, "unit", "atom"), (1, "atom", "unit")):
        tab.locator("#network").select_option(str(place))
        cards = " ".join(tab.locator(".card").all_inner_texts())
        assert f"{word} 2" in cards
        assert f"{other} 2" not in cards
        chips = " ".join(tab.locator("#bench .ticks").all_inner_texts())
        assert f"{word} 2" in chips
        assert f"{other} 2" not in chips
        tab.locator("#units input[name=search]").fill(f"{word} 2")
        assert tab.locator(".card").count() == 1
        tab.locator(".card").click()
        assert tab.locator("#unit h2").inner_text().startswith(f"{word.capitalize()} 2 ")
        assert f"lost without the {word}" in tab.locator("#unit").inner_text()
        tab.locator("#unit .close").click()
        tab.locator("#units input[name=search]").fill("")
        assert f"All {word}s of small" in tab.locator("details.of-network:not([hidden]) summary").inner_text()


@pytest.mark.parametrize("width", [1280, 390])
def test_units_stand_beside_atoms(visit, of_atoms, width):
    """Fewer units than atoms must be matched each to one, those left over counted, and both sides have the same room."""
    tab = visit(width=width, place=of_atoms[0])
    said = tab.locator("#compare .lead").inner_text()
    assert "4 units are matched to as many atoms one to one" in said
    assert "Left over, without a partner: 2 atoms of small, seed 0, in atoms of pca." in said
    assert tab.locator("#compare tbody tr").count() == 4
    first, _, second = (head.bounding_box()["width"] for head in tab.locator("#compare thead th").all())
    assert width > 400 or first == pytest.approx(second, abs=2)
    assert tab.evaluate("document.documentElement.scrollWidth") == width
    word = "e => { const r = document.createRange(); r.selectNodeContents(e); return r.getClientRects().length; }"
    assert tab.locator("#compare thead th").nth(1).evaluate(word) == 1


def test_a_long_name_does_not_hide_headings_on_a_phone(visit, of_atoms):
    """Where an address leads to a part, its heading must stand below the bar at the top, however long the network's name is."""
    tab = visit(width=390, place=of_atoms[0] + "#net=small-0-in-atoms-of-sparse-steps-20&at=bench")
    tab.wait_for_timeout(300)
    bar, head = (tab.locator(name).bounding_box() for name in ("nav.parts", "#bench-title"))
    assert head["y"] >= bar["y"] + bar["height"] - 1
