"""The judge of labels: firing, names and what is rendered, by hand and against scikit-learn."""

import itertools
import math

import pytest
import torch
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from mixmnist.labellers import firing
from mixmnist.labellers.judging import judge_labels, of_kinds, said_nothing, scene_of
from mixmnist.labellers.labelling import label_units
from mixmnist.labellers.true_names import names_of


def random(shape, seed, share=0.4):
    """Draws Yes and No."""
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < share


def label(n_units, **names):
    """Weights of labels by unit, as u0={3: 1.0}."""
    weights = torch.zeros(n_units, 10)
    for unit, said in names.items():
        for concept, weight in said.items():
            weights[int(unit[1:]), concept] = weight
    return weights


def test_the_threshold_parts_responses_as_well_as_any():
    """No other cut has a larger variance between the two groups (Otsu); ties are never parted."""
    response = torch.rand(60, 3, generator=torch.Generator().manual_seed(0)).mul(9).round()
    for unit, found in enumerate(firing.firing_threshold(response).tolist()):
        values = response[:, unit]
        parted = {}
        for cut in values.unique().tolist()[:-1]:
            low, high = values[values <= cut], values[values > cut]
            parted[cut] = len(low) * len(high) * float(low.mean() - high.mean()) ** 2
        best = max(parted, key=parted.get)
        assert best < found < float(values[values > best].min())


def test_a_unit_that_says_the_same_of_every_image_never_fires():
    """Its threshold is infinite, and so are those of layers of one image."""
    assert firing.firing_threshold(torch.full((9, 2), 4.0)).tolist() == [math.inf] * 2
    assert firing.firing_threshold(torch.ones(1, 2)).tolist() == [math.inf] * 2


def test_f1_and_auc_are_scikit_learns():
    """Both agree with independent implementations, ties included; a unit that never fires has no F1."""
    said, fired = random((50, 4), 0), random((50, 4), 1)
    value = torch.rand(50, 4, generator=torch.Generator().manual_seed(2)).mul(6).round()
    expected = [f1_score(fired[:, u], said[:, u]) for u in range(4)]
    assert firing.f1(said, fired).tolist() == pytest.approx(expected)
    assert firing.auc(value, fired).tolist() == pytest.approx([roc_auc_score(fired[:, u], value[:, u]) for u in range(4)])
    assert firing.f1(said, torch.zeros_like(fired)).isnan().all()
    assert firing.auc(value, torch.ones_like(fired)).isnan().all()


def test_chance_is_the_f1_of_as_many_answers_drawn_at_random():
    """Its formula agrees with drawing."""
    fired, said = random((200_000, 1), 3, 0.2), random((200_000, 1), 4, 0.6)
    assert float(firing.chance_f1(said, fired)) == pytest.approx(float(firing.f1(said, fired)), abs=0.005)


def test_no_set_of_digits_is_better_than_the_best():
    """Over all sets of four digits none has a higher F1; of equals the smallest is taken; who never fires has none."""
    present, fired = random((80, 4), 5), random((80, 3), 6)
    fired[:, 1] = present[:, 0] | present[:, 2]
    fired[:, 2] = False
    best = firing.best_sets(fired, present)
    for unit in range(2):
        sets = [s for size in range(1, 5) for s in itertools.combinations(range(4), size)]
        scores = [f1_score(fired[:, unit], present[:, list(s)].any(dim=1)) for s in sets]
        own = present[:, best[unit]].any(dim=1)
        assert f1_score(fired[:, unit], own) == pytest.approx(max(scores))
    assert best[1:].tolist() == [[True, False, True, False], [False] * 4]


def test_of_many_concepts_small_sets_are_tried():
    """Eleven concepts have sets of up to three."""
    present = random((60, 11), 7, 0.2)
    fired = (present[:, 0] | present[:, 5] | present[:, 10])[:, None]
    assert firing.best_sets(fired, present)[0].nonzero()[:, 0].tolist() == [0, 5, 10]


def test_true_names_are_those_that_alignment_shows(scene):
    """A detector has one, a unit of two digits both, noise and a dead unit none; the kinds say so."""
    assert [row.nonzero()[:, 0].tolist() for row in scene.true.names] == [[3], [4, 9], [], [], [7]]
    assert scene.true.kinds == ("detector", "mixed", "nothing", "nothing", "detector")


@pytest.mark.parametrize(("digits", "kept"), [(1, True), (4, True), (5, False)])
def test_a_unit_of_up_to_four_digits_has_them_all(digits, kept):
    """The rule that docs give: of five digits or more, none goes a tenth of the way from chance to 1."""
    both = list(itertools.combinations(range(10), 2)) * 4
    present = torch.zeros(len(both), 10, dtype=torch.bool).scatter(1, torch.tensor(both), True)
    response = present[:, :digits].any(dim=1).float()[:, None]
    found = names_of(response, present).names[0]
    assert found.tolist() == [kept and digit < digits for digit in range(10)]


def test_right_labels_are_right_in_everything(scene):
    """The true label has full agreement, the F1 of the best label, an AUC of 1 and a difference that is large."""
    rows = judge_labels(label(5, u0={3: 1.0}, u1={4: 0.9, 9: 0.8}, u4={7: 1.0}), scene).set_index("unit")
    for unit in (0, 1, 4):
        row = rows.loc[unit]
        assert (row["precision"], row["recall"], row["empty"], row["first_true"]) == (1, 1, 0, 1)
        assert row["f1"] == row["f1_best"] > 0.99
        assert row["rendered_auc"] == 1
        assert row["rendered_difference"] > 3
        assert row["ap"] > 0.9
    assert rows.loc[1, ["label", "truth"]].str.split(" or ").map(set).tolist() == [{"4", "9"}] * 2


def test_half_a_label_is_half_right(scene):
    """One of two names: right, half of them found, an F1 between chance and the best; another digit is wrong in everything."""
    half = judge_labels(label(5, u0={3: 1.0}, u1={4: 1.0}), scene).set_index("unit").loc[1]
    assert (half["first_true"], half["precision"], half["recall"]) == (1, 1, 0.5)
    assert half["f1_chance"] + 0.2 < half["f1"] < half["f1_best"] - 0.2
    wrong = judge_labels(label(5, u0={8: 1.0}), scene).set_index("unit").loc[0]
    assert (wrong["first"], wrong["precision"], wrong["recall"]) == (0, 0, 0)
    assert wrong["f1"] < wrong["f1_chance"]
    assert wrong["rendered_auc"] < 0.6


def test_the_heaviest_name_is_the_first(scene):
    """Of two names the heavier one counts; of equals each half."""
    firsts = [judge_labels(label(5, u0={3: mine, 8: 0.5}), scene).set_index("unit").loc[0, "first"] for mine in (0.9, 0.5, 0.1)]
    assert firsts == [1, 0.5, 0]


def test_nothing_said_has_chance_in_what_is_rendered_and_ordered(scene):
    """An empty label has F1 0, AUC .5, difference 0, the firing rate as AP, and no precision."""
    row = judge_labels(torch.zeros(5, 10), scene).set_index("unit").loc[0]
    assert (row["f1"], row["rendered_auc"], row["rendered_difference"], row["empty"], row["recall"]) == (0, 0.5, 0, 1, 0)
    assert row["ap"] == row["ap_chance"] == pytest.approx(float(scene.fired[:, 0].float().mean()))
    assert math.isnan(row["precision"])


def test_a_dead_unit_has_no_scores_of_firing(scene):
    """F1, AP and what is rendered are nan, and saying nothing of it is right."""
    row = judge_labels(label(5, u0={3: 1.0}), scene).set_index("unit").loc[3]
    assert row[["f1", "f1_best", "ap", "ap_chance", "rendered_auc", "rendered_difference", "first"]].isna().all()
    assert row["empty"] == 1


def test_units_without_a_label_are_left_out(scene):
    """A row of nan is no empty label."""
    weights = label(5, u0={3: 1.0})
    weights[2:] = torch.nan
    assert judge_labels(weights, scene)["unit"].tolist() == [0, 1]


def test_weights_order_images_by_their_sum(scene):
    """AP is scikit-learn's of the sum of the weights of the shown names; it is left out where it is not asked for."""
    weights = label(5, u1={4: 0.9, 9: 0.2})
    score = scene.present.float() @ weights[1]
    expected = average_precision_score(scene.fired[:, 1], score)
    assert judge_labels(weights, scene)["ap"][1] == pytest.approx(expected)
    assert judge_labels(weights, scene, ordering=False)["ap"].isna().all()


def test_the_difference_is_in_standard_deviations_of_the_others():
    """By hand: named canvases have 5 and 7, others 1 and 3, whose spread is 1."""
    alone, shows = torch.tensor([[5.0], [7.0], [1.0], [3.0]]), torch.tensor([[1, 0], [1, 0], [0, 1], [0, 1]]).bool()
    present = torch.tensor([[1, 0], [0, 1]]).bool().repeat(5, 1)
    response = present[:, :1].float()
    scene = scene_of(response, present, response, present, alone, shows, ("0", "1"))
    row = judge_labels(torch.tensor([[1.0, 0.0]]), scene).iloc[0]
    assert row["rendered_difference"] == pytest.approx(4)
    assert row["rendered_auc"] == 1
    assert judge_labels(torch.tensor([[1.0, 1.0]]), scene)["rendered_auc"].tolist() == [0.5]


def test_means_are_of_kinds(scene, sight):
    """A row a kind and one for all; who says nothing of what detects nothing is calibrated."""
    rows = judge_labels(label_units("top_images", sight), scene)
    means = of_kinds(rows).set_index("kind")
    assert means["units"].to_dict() == {"detector": 2, "mixed": 1, "nothing": 2, "all": 5}
    assert means.loc["detector", "first"] == 1
    assert said_nothing(rows) == (1, 0)
