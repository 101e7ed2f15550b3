from dataclasses import replace

import pandas as pd
import pytest

from mixmnist.core.records import Claim, Variant
from mixmnist.core.studies import load_study
from mixmnist.page.findings import findings, plain_findings
from mixmnist.page.hero import hero, heroic, unit_table
from mixmnist.page.opening import _change, _flat, network_opening
from mixmnist.page.packing import pack
from mixmnist.page.words import COLUMNS, GLOSSARY, TERMS


def plain(text):
    """A text with plain spaces."""
    return text.replace("\N{NO-BREAK SPACE}", " ")


def runs(**columns):
    """Ten seeds of two variants, `wide` and `baseline`; of each column a number for either."""
    rows = []
    for place, variant in enumerate(("wide", "baseline")):
        for seed in range(10):
            wobble = 0.001 * (seed - 4.5) * (1 - place)
            rows.append({"variant": variant, "seed": seed, "task": "pairs", **{c: v[place] + wobble for c, v in columns.items()}})
    return pd.DataFrame(rows)


LESS = Claim("R", "It loses less", "max_drop", "wide", "below", against="baseline", words="It loses {mean points} {more/less}")


def test_a_claim_is_told_in_its_words():
    """Number, direction, interval and seeds must be those of the runs, the interval turned with the word."""
    (found,) = findings([LESS], runs(max_drop=(0.1, 0.25)))
    assert (found.words, found.kind, found.verdict, found.claimed) == ("It loses 15.0 points less", "holds", "holds", "")
    assert plain(found.evidence) == "[14.8, 15.2], 10 seeds"


def test_a_level_is_told_where_it_is_not_the_usual_one():
    """Where claims are judged together the level of their intervals must stand beside them."""
    claims = [replace(LESS, says=f"It loses less ({i})") for i in range(5)]
    found = findings(claims, runs(max_drop=(0.1, 0.25)))[0]
    assert plain(found.evidence) == "[14.7, 15.3] at 99 %, 10 seeds"


def test_seeds_that_agree_are_told_so():
    """A number that is the same in all seeds must be told so before the interval that so many can support."""
    table = runs(max_drop=(0.1, 0.1)).assign(max_drop=0.1)
    (found,) = findings([LESS], table)
    assert plain(found.evidence).startswith("the same in all 10 seeds; unseen ones may move it within [")


def test_a_claim_that_fails_reads_truly():
    """Where the number goes the other way the words must say so, and what was claimed must stand beside."""
    (found,) = findings([LESS], runs(max_drop=(0.25, 0.1)))
    assert (found.words, found.kind, found.verdict) == ("It loses 15.0 points more", "fails", "does not hold")
    assert found.claimed == "It loses less"


def test_an_accuracy_has_chance_beside_it():
    """An accuracy must be in percent, with chance; where it is a difference to the intact network, with that."""
    claims = [
        Claim("A", "It is right", "accuracy", "wide", "above", 0.5, words="It tells {mean %}"),
        Claim("B", "Little is lost", "class_accuracy_kept", "wide", "above", -0.1, minus="class_accuracy"),
    ]
    claims.append(replace(claims[1], id="C", column="class_accuracy_removed", minus=None))
    table = runs(
        accuracy=(0.9, 0.9), class_accuracy_kept=(0.7, 0.7), class_accuracy=(0.95, 0.95), class_accuracy_removed=(0.6, 0.6)
    )
    alone, kept, removed = findings(claims, table)
    assert plain(removed.evidence).endswith("intact 95.0 %, chance 50 %")
    assert (plain(alone.words), plain(alone.evidence)) == ("It tells 90.0 %", "[89.8, 90.2], 10 seeds, chance 2.2 %")
    assert plain(kept.evidence).endswith("intact 95.0 %, chance 50 %")


def test_a_claim_without_words_is_told_by_itself():
    """Of a claim that has no words the claim must be told where it holds, else its number first; never an identifier."""
    claims = [Claim("X9", "More is found", "unique_concepts", "wide", rule, against="baseline") for rule in ("above", "below")]
    holds, fails = findings(claims, runs(unique_concepts=(9.0, 7.0)))
    assert holds.words == "More is found"
    assert plain(holds.evidence) == "Unique concepts of wide beyond that of baseline: 2.0 [2.0, 2.0] at 97.5 %, 10 seeds"
    assert (fails.words, fails.claimed) == ("Unique concepts of wide beyond that of baseline: 2.0", "More is found")
    assert "X9" not in " ".join([holds.words, holds.evidence, fails.words])


def test_a_claim_without_a_number_is_told():
    """Where the records lack the column the claim must be told without one."""
    (found,) = findings([LESS], runs(accuracy=(0.9, 0.9)))
    assert (found.words, found.kind) == ("It loses less: no number", "open")


@pytest.mark.parametrize("study", ["sanity", "usefulness", "trust"])
def test_every_claim_of_the_benchmarks_has_words(study):
    """The claims of the talk must be told in words, and whose question it is."""
    found = load_study(study)[1]
    assert all("{mean" in claim.words for claim in found.claims)
    assert found.about.endswith((".", "?"))


@pytest.mark.parametrize("words", ["No number", "{mean} and {mean}", "{mean} {less}", "{mean", "{means}"])
def test_words_without_a_place_for_the_number_are_refused(words):
    """A claim whose words have no place, or more than one, for its number must be refused in a sentence."""
    with pytest.raises(ValueError, match=r"words must hold {mean}, {mean %} or {mean points} once, got .* in claim R"):
        Claim("R", "It is so", "accuracy", "wide", "above", words=words)


def test_every_layer_of_a_network_is_told():
    """Without claims each layer must have a sentence of its own, with chance beside the alignment."""
    known = {"variant": "mine", "task": "pairs", "n_units": 10, "chance": 0.2, "accuracy": 0.9, "mean_alignment_n": 1}
    table = pd.DataFrame([{**known, "layer": f"conv{i}", "unique_concepts": i, "mean_alignment": i / 10} for i in (1, 2)])
    first, second = plain_findings(table)
    assert first.words == "conv1: 1 of 10 concepts has a detector; the mean alignment of its 10 units is .10, chance .20"
    assert second.words.startswith("conv2: 2 of 10 concepts have a detector")
    assert plain(first.evidence) == "1 seed"


def test_variants_are_told_by_what_differs():
    """What a variant changes must be said in words."""
    usual, other = _flat(Variant()), _flat(Variant(net_settings={"conv3": 30}, origin="untrained"))
    assert [_change(k, v) for k, v in other.items() if v != usual.get(k)] == ["never trained", "30 units in conv3"]


def test_a_network_is_told_as_far_as_it_is_known(exhibits):
    """An evaluated network must be told by its layers and what it saw; one that gives no classes must not be said to answer."""
    about = {"task": "pairs", "source": "digits", "n": 700, "layers": ["conv"], "classifies": False}
    said = " ".join(network_opening(about, exhibits[:1]))
    assert "looked at in layer conv (4 units)" in said
    assert "It saw 700 images with scikit-learn's 8x8 digits" in said
    assert "which it does not answer" in said
    assert "silenced" in said
    unsilenced = replace(exhibits[0], units=exhibits[0].units.drop(columns="drop"))
    assert "silenced" not in " ".join(network_opening(about, [unsilenced]))
    assert network_opening({}, ()) == ()


def test_the_hero_is_of_the_layer_that_detects_most(exhibits):
    """Of one network's layers that with the most detected concepts must open the page, another network's never."""
    one = exhibits[0]
    layers = [
        replace(one, layer=str(i), units=one.units.assign(alignment=[0.9] * n + [0.1] * (4 - n), concept=list("0123")))
        for i, n in enumerate((0, 3, 2))
    ]
    assert heroic([*layers, replace(exhibits[1], units=exhibits[1].units.assign(alignment=0.99))]) == 1


def test_the_hero_is_of_the_best_detectors(exhibits, tmp_path):
    """One unit a concept, those above the threshold, in the concepts' order, each at its own place on the sheet."""
    exhibit = exhibits[0]
    units = exhibit.units.assign(alignment=[0.9, 0.95, 0.85, 0.3], concept=["7", "7", "2", "0"])
    known = replace(exhibit, units=units)
    (packed,) = pack([known], tmp_path)
    tiles = hero(known, packed)
    assert [(tile["concept"], tile["unit"], tile["alignment"]) for tile in tiles] == [("2", 2, ".85"), ("7", 1, ".95")]
    across = exhibit.top.shape[1]
    assert tiles[1]["images"][2]["style"].endswith(f"background-position: {200 / (across - 1):.4g}% {100 / 3:.4g}%")


def test_the_table_of_units_has_what_may_be_quoted(exhibits, tmp_path):
    """Alignment, IoU and drops must be columns in sight, precision@100 and selectivity behind the box."""
    (packed, _) = pack(exhibits, tmp_path)
    table = unit_table(exhibits[0], packed)
    more = {column["column"]: column["more"] for column in table["columns"]}
    assert not any(more[name] for name in ("alignment", "chance", "iou_box_matched", "drop"))
    assert all(more[name] for name in ("precision_at_100", "selectivity"))
    assert [row[0]["value"] for row in table["rows"]] == [0, 1, 2, 3]


def test_every_term_is_in_the_glossary():
    """A column's term must be there to be told, each sentence be one, and no column be explained by nothing."""
    assert set(TERMS.values()) <= set(GLOSSARY)
    assert all(sentence.endswith(".") and sentence[0].isupper() for sentence in GLOSSARY.values())
    assert all(meaning for _, meaning in COLUMNS.values())
