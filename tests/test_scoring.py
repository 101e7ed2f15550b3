"""Scores of one layer as tables: which columns, whose values, and what is fitted on the rank readout."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import torch

from mixmnist.core.readout import Readout
from mixmnist.core.records import Metric
from mixmnist.metrics.average_precision import average_precision
from mixmnist.metrics.drop import class_drops
from mixmnist.probing import HeadAlgebra, probe
from mixmnist.scoring import score

PAIRS = tuple(combinations(range(5), 2))
PRECISIONS = [*(f"precision_at_{k}" for k in (100, 300, 500, 700)), *(f"precision_at_recall_{r}" for r in (25, 50, 75))]
ALIGNMENTS = ["alignment", "alignment_mean", *PRECISIONS]
DROPS = ["drop", "drop_mean", "max_class_drop", "max_class", "concept_drop", "damage_selectivity"]
UNITS = ["unit", "dead", "concept", "chance", "selectivity", "concept_selectivity", *ALIGNMENTS, *DROPS]
LAYER = ["layer", "accuracy", "n_units", "dead", "detectors", "unique_concepts", "coverage", "mean_alignment"]
LAYER += ["mean_alignment_mean", "chance", "mean_drop", "mean_drop_mean", "max_drop", "max_class_drop", "reliance"]
LAYER += ["n_images", "n_silenced", "reliance_area"]
DEAD = 4


def plant(n_images: int, seed: int, strength: tuple[float, ...] = (3, 2, 1, 0.5, 0, 0, 0)) -> Readout:
    """Builds 7 units, unit u showing concept u with a strength, unit 4 dead; 5 concepts, 10 pair classes, a fixed head."""
    g = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, 10, (n_images,), generator=g)
    slots = torch.tensor(PAIRS)[labels]
    present = torch.zeros(n_images, 5, dtype=torch.bool).scatter(1, slots, value=True)
    shown = torch.cat([present, present[:, :2]], dim=1).float()
    mean = torch.rand(n_images, 7, generator=g) + torch.tensor(strength) * shown
    mean[:, DEAD] = 0.5
    head = torch.tensor([[float(u % 5 in pair) for u in range(7)] for pair in PAIRS])
    without = HeadAlgebra(mean, head, torch.linspace(0, 0.1, 10))
    return Readout(
        layer="planted",
        concepts=tuple("abcde"),
        classes=tuple(f"{i}-{j}" for i, j in PAIRS),
        response=2 * mean,
        mean=mean,
        present=present,
        labels=labels,
        glyphs=slots,
        logits=mean @ head.T + torch.linspace(0, 0.1, 10),
        head=head,
        without=without,
    )


@pytest.fixture(scope="module")
def readout():
    """The images to be scored."""
    return plant(720, seed=1)


@pytest.fixture(scope="module")
def rank():
    """The images on which everything is fitted."""
    return plant(90, seed=2)


@pytest.fixture(scope="module")
def scores(readout, rank):
    """The tables of the planted layer."""
    return score(readout, rank=rank)


def test_units_table_has_the_promised_columns(scores):
    """A row a unit, with every column that others rely on."""
    assert set(UNITS) <= set(scores.units.columns)
    assert scores.units["unit"].tolist() == list(range(7))


def test_concepts_table_has_the_promised_columns(scores):
    """A row a concept in the readout's order, with its best unit and that unit's scores."""
    assert set(UNITS) <= set(scores.concepts.columns)
    assert scores.concepts["concept"].tolist() == list("abcde")


def test_layer_table_has_the_promised_columns(scores, readout):
    """One row, with every column of a run that the layer gives."""
    assert set(LAYER) <= set(scores.layer.columns)
    assert len(scores.layer) == 1
    assert scores.layer[["layer", "n_units", "dead"]].to_numpy().tolist() == [["planted", 7, 1]]


def test_curves_table_has_a_row_for_each_number_of_silenced_units(scores):
    """From none to all, in all ten orders, and with the best units of a class alone and without them."""
    assert scores.curves["n"].tolist() == list(range(8))
    orders = ["random", "alignment", "drop_first", "drop_last", "weight"]
    known = {"n", "curve_keep", "curve_remove"} | {f"curve_{o}{s}" for o in orders for s in ("", "_mean")}
    assert set(scores.curves.columns) == known


def test_no_table_names_a_column_twice(scores):
    """Columns of different metrics never collide within a table."""
    for table in (scores.units, scores.concepts, scores.layer, scores.curves):
        assert table.columns.is_unique


def test_unit_scores_are_those_of_its_best_concept(scores, readout):
    """A live unit's concept is the one with its largest alignment, and the alignment is given with it."""
    alignment = average_precision(readout.response, readout.present)
    for u in (0, 1, 2, 3, 5, 6):
        best = int(alignment[u].argmax())
        row = scores.units.loc[u]
        assert row["concept"] == "abcde"[best]
        assert row["alignment"] == pytest.approx(alignment[u, best].item())
        assert row["chance"] == pytest.approx(readout.present[:, best].float().mean().item())


def test_informed_units_are_named_by_their_concepts(scores):
    """The units that were planted on the first four concepts get these names."""
    assert scores.units["concept"].tolist()[:4] == list("abcd")


def test_dead_unit_has_no_concept_and_no_scores(scores):
    """It is marked, its concept is empty and all its scores are nan."""
    row = scores.units.loc[DEAD]
    assert scores.units["dead"].tolist() == [u == DEAD for u in range(7)]
    assert row["concept"] == ""
    numbers = [*ALIGNMENTS, "chance", "selectivity", "drop", "drop_mean", "max_class_drop", "concept_drop"]
    assert row[numbers].isna().all()


def test_concept_row_holds_its_best_unit(scores, readout):
    """The unit with the concept's largest alignment, dead units aside, with that unit's scores for this concept."""
    alignment = average_precision(readout.response, readout.present).nan_to_num(-1)
    assert scores.concepts["unit"].tolist() == alignment.argmax(dim=0).tolist()
    np.testing.assert_allclose(scores.concepts["alignment"], alignment.amax(dim=0).numpy())
    drops = scores.units["drop"].to_numpy()[scores.concepts["unit"]]
    np.testing.assert_array_equal(scores.concepts["drop"], drops)


def test_max_class_is_named_by_class(scores, readout):
    """The class that loses most stands there by its name, in the table of units and of concepts."""
    intact = scores.units.loc[scores.units["dead"] == 0, "max_class"]
    assert set(intact) <= set(readout.classes)
    from_units = scores.units["max_class"].to_numpy()[scores.concepts["unit"]]
    assert scores.concepts["max_class"].tolist() == from_units.tolist()


def test_max_class_is_the_one_that_loses_most(scores, readout):
    """The named class's accuracy, intact minus silenced, is the largest drop of a class."""
    none, first = torch.zeros(1, 7).bool(), torch.eye(7).bool()[:1]
    right = [(readout.without(s, torch.zeros(7))[0].argmax(1) == readout.labels).float()[None] for s in (none, first)]
    losses = class_drops(*right, readout.labels)[0]
    assert scores.units.loc[0, "max_class"] == readout.classes[int(losses.argmax())]
    assert scores.units.loc[0, "max_class_drop"] == pytest.approx(losses.max().item())


def test_accuracy_is_that_of_the_logits(scores, readout):
    """The layer's accuracy is the share of scored images that the intact net gets right."""
    right = (readout.logits.argmax(dim=1) == readout.labels).double().mean().item()
    assert scores.layer["accuracy"].item() == pytest.approx(right)
    assert scores.curves["curve_random"][0] == pytest.approx(right)


def test_layer_summarises_its_own_units(scores):
    """Means over the layer are those of the table of units: alignment without dead units, drops with them as 0."""
    units, layer = scores.units, scores.layer.loc[0]
    assert layer["mean_alignment"] == pytest.approx(units["alignment"].mean())
    for column in ("drop", "drop_mean"):
        assert layer[f"mean_{column}"] == pytest.approx(units[column].fillna(0).mean())
    assert layer["max_drop"] == pytest.approx(units["drop"].fillna(0).max())
    assert layer["max_class_drop"] == pytest.approx(units["max_class_drop"].fillna(0).max())
    assert layer["detectors"] == (units["alignment"] >= 0.8).sum()


def test_another_rank_changes_the_order_of_curves(readout, scores):
    """Orders come from rank: where other units are strong there, other units go first."""
    other = score(readout, rank=plant(90, seed=3, strength=(0, 0.5, 1, 3, 0, 0, 0)))
    assert not np.allclose(other.curves["curve_alignment"], scores.curves["curve_alignment"])
    np.testing.assert_array_equal(other.curves["curve_random"], scores.curves["curve_random"])


def test_level_of_mean_silencing_comes_from_rank(readout, rank, scores):
    """Where a unit's mean over rank is 0, silencing it to its mean is silencing it to zero; rank does not touch the latter."""
    silent = replace(rank, mean=rank.mean * torch.tensor([0.0, 1, 1, 1, 1, 1, 1]))
    other = score(readout, rank=silent)
    assert scores.units.loc[0, "drop_mean"] != pytest.approx(scores.units.loc[0, "drop"], abs=1e-3)
    assert other.units.loc[0, "drop_mean"] == scores.units.loc[0, "drop"]
    np.testing.assert_array_equal(other.units["drop"], scores.units["drop"])


def test_detection_does_not_ask_rank(readout, scores):
    """What needs no threshold and no order is the same with any rank."""
    other = score(readout, rank=plant(90, seed=3, strength=(0, 0.5, 1, 3, 0, 0, 0)))
    columns = [*ALIGNMENTS, "concept", "selectivity", "drop", "concept_drop"]
    assert other.units[columns].equals(scores.units[columns])


def test_order_of_scored_images_changes_no_curve(readout, rank, scores):
    """The scored images in another order give the same curves: their order is no one's order of units."""
    back = torch.arange(719, -1, -1)
    turned = replace(
        readout,
        response=readout.response[back],
        mean=readout.mean[back],
        present=readout.present[back],
        labels=readout.labels[back],
        glyphs=readout.glyphs[back],
        logits=readout.logits[back],
        without=HeadAlgebra(readout.mean[back], readout.head, readout.without.bias),
    )
    np.testing.assert_allclose(score(turned, rank=rank).curves, scores.curves, rtol=0, atol=1e-6)


def test_curve_follows_ranks_order_and_not_the_scored_images(readout, scores):
    """The first step of the curve by drop costs the drop of the unit that rank, not the scored images, holds for best."""
    misled = plant(90, seed=3, strength=(0, 0, 0, 0, 0, 0, 3))
    best = int(score(plant(720, seed=3, strength=(0, 0, 0, 0, 0, 0, 3)), rank=misled).units["drop"].argmax())
    other = score(readout, rank=misled)
    first = other.curves["curve_drop_first"]
    assert best == 6 != other.units["drop"].argmax()
    assert first[0] - first[1] == pytest.approx(other.units.loc[6, "drop"], abs=1e-6)


def test_readout_without_logits_leaves_out_ablation(readout, rank, scores):
    """Where the network does not classify, drops, curves and accuracy are absent and everything else is the same."""
    missing = {"logits": None, "head": None, "without": None}
    bare = score(replace(readout, **missing), rank=replace(rank, **missing))
    assert not {*DROPS} & {*bare.units.columns, *bare.concepts.columns}
    assert bare.units.equals(scores.units[bare.units.columns])
    assert bare.curves.columns.tolist() == ["n"]
    assert {"alignment", "selectivity", "chance"} <= set(bare.units.columns)
    assert set(LAYER) - set(bare.layer.columns) == {
        "accuracy",
        "mean_drop",
        "mean_drop_mean",
        "max_drop",
        "max_class_drop",
        "n_silenced",
        "reliance",
        "reliance_area",
    }


def test_readout_without_a_head_leaves_out_what_needs_it(readout, rank, scores):
    """Where no linear head follows the layer, only the curve by weight and the weights' norm are absent."""
    bare = score(replace(readout, head=None), rank=replace(rank, head=None))
    assert set(scores.curves.columns) - set(bare.curves.columns) == {"curve_weight", "curve_weight_mean"}
    assert bare.units.equals(scores.units.drop(columns="weight_norm"))


@pytest.mark.parametrize(
    "change",
    [
        {"layer": "another"},
        {"concepts": tuple("abcdf")},
        {"classes": tuple("0123456789")},
        {"response": torch.ones(90, 6), "mean": torch.ones(90, 6), "head": None, "without": None},
    ],
    ids=["layer", "concepts", "classes", "units"],
)
def test_readouts_that_do_not_match_are_refused(readout, rank, change):
    """Another layer, other concepts, classes or units are an error that says so."""
    with pytest.raises(ValueError, match="must be of the same layer, units, concepts and classes"):
        score(readout, rank=replace(rank, **change))


def test_concept_that_never_occurs_has_a_row_without_scores(readout, rank):
    """It keeps its row, with chance 0, no unit and nan for scores; no unit is named by it."""
    absent = readout.present & torch.tensor([True, True, False, True, True])
    with pytest.warns(UserWarning, match="concepts 2 never or always occur"):
        found = score(replace(readout, present=absent), rank=rank)
    row = found.concepts.loc[2]
    assert (row["concept"], row["unit"], row["chance"]) == ("c", -1, 0)
    assert row[["alignment", "precision_at_100", "concept_drop"]].isna().all()
    assert "c" not in set(found.units["concept"])


def test_scores_do_not_change_the_readouts(readout, rank):
    """Scoring leaves both readouts as they were."""
    names = ("response", "mean", "present", "labels", "glyphs", "logits", "head")
    before = [getattr(r, name).clone() for r in (readout, rank) for name in names]
    score(readout, rank=rank)
    after = [getattr(r, name) for r in (readout, rank) for name in names]
    assert all(torch.equal(a, b) for a, b in zip(after, before, strict=True))


def _share(response, present):
    return response.mean() + present.shape[1]


def test_a_metric_from_elsewhere_gets_its_column(pairs_mixture):
    """A metric that is not on the shelf must be scored beside the others, and may not take their names."""
    net = torch.nn.Sequential(torch.nn.Conv2d(1, 3, 5), torch.nn.ReLU()).eval()
    readout = probe(net, pairs_mixture, "1")
    mine = Metric("Mine", axes=(), columns={"my_share": _share})
    scores = score(readout, rank=readout, more={"mine": mine})
    assert scores.layer["my_share"].item() == pytest.approx(readout.response.mean().item() + 10)
    taken = Metric("Taken", axes=(), columns={"alignment": _share})
    with pytest.raises(ValueError, match="metrics must have columns of their own, got alignment again in mine"):
        score(readout, rank=readout, more={"mine": taken})
    with pytest.raises(ValueError, match="metrics must have names of their own, got 'drop'"):
        score(readout, rank=readout, more={"drop": mine})
