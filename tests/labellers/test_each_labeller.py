"""Each labeller by itself: hand numbers, and what it must not say."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from mixmnist.labellers._sharing import shared
from mixmnist.labellers.annotations import Annotation, write_annotations_file
from mixmnist.labellers.labelling import label_units, words
from mixmnist.labellers.sight import Sight, digits_of, shuffled


def names(weights):
    """The concepts that are named, by place."""
    return [row.nonzero()[:, 0].tolist() for row in weights]


def test_a_unit_of_two_digits_gets_both_names(sight):
    """Of a unit that fires for 4 or 9 top images, regression and both truths name both; SoftWPMI names one, as it always does."""
    for labeller in ("top_images", "ridge", "truth", "truth:by=alignment"):
        assert names(label_units(labeller, sight))[1] == [4, 9]
    assert len(names(label_units("softwpmi", sight))[1]) == 1
    assert names(label_units("softwpmi", sight))[1][0] in (4, 9)


def test_of_noise_nothing_is_said(sight):
    """A unit that answers by chance gets the empty label from whoever can say so, and a name from SoftWPMI."""
    for labeller in ("top_images", "ridge", "truth:by=alignment"):
        assert names(label_units(labeller, sight))[2] == []
    assert len(names(label_units("softwpmi", sight))[2]) == 1


def test_the_null_is_named_as_often_as_alpha_says():
    """Of units whose responses have nothing to do with the images at most alpha get a name, and more where alpha is larger."""
    generator = torch.Generator().manual_seed(0)
    seen = torch.rand(4000, 24, 10, generator=generator) < 0.2
    rate = torch.full((10,), 0.2)
    shares = [float((shared(seen, rate, alpha) > 0).any(dim=1).float().mean()) for alpha in (0.01, 0.05, 0.5)]
    assert shares[0] < 0.012 < shares[1] < 0.055 < shares[2] < 0.5


def test_who_always_names_something_names_what_most_show():
    """With `always` the most frequent concept is named even where chance has it; of nothing seen nothing is named."""
    seen = torch.zeros(2, 12, 3).bool()
    seen[0, :3, 1], seen[0, :2, 2] = True, True
    rate = torch.tensor([0.2, 0.2, 0.2])
    assert not shared(seen, rate).any()
    assert shared(seen, rate, always=True).tolist() == [[0, 0.25, 0], [0, 0, 0]]


def test_a_share_is_of_all_shown_images_and_each_image_counts_once():
    """The second name has the share of the images that the first does not explain."""
    seen = torch.zeros(1, 12, 3).bool()
    seen[0, :8, 0], seen[0, 6:, 1] = True, True
    assert shared(seen, torch.tensor([0.2, 0.2, 0.2]))[0].tolist() == pytest.approx([8 / 12, 4 / 12, 0])
    assert shared(seen, torch.tensor([0.2, 0.2, 0.2]), most=1)[0].tolist() == pytest.approx([8 / 12, 0, 0])


def test_softwpmi_by_hand():
    """With sure weights the digit with the largest product over the top images, less what all units see, is named."""
    likely = torch.tensor([[0.9, 0.8, 0.1], [0.9, 0.7, 0.2], [0.9, 0.1, 0.8], [0.9, 0.2, 0.9]])
    response = torch.tensor([[4.0, 1.0], [3.0, 2.0], [2.0, 3.0], [1.0, 4.0]])
    sight = Sight(response, likely, likely > 0.5, likely > 0.5, ("0", "1", "2"))
    assert names(label_units("softwpmi:images=2:start=.999:end=.999", sight)) == [[1], [2]]
    assert names(label_units("softwpmi:images=2:start=.999:end=.999:lam=0", sight)) == [[0], [0]]


def test_ridge_is_scikit_learns(sight):
    """Its weights are those of an independent implementation, as shares of the largest."""
    shows, said = sight.read.double().numpy(), sight.response.double().numpy()[:, [0, 1, 4]]
    said = (said - said.mean(axis=0)) / said.std(axis=0)
    oracle = Ridge(alpha=1e-3 * len(shows)).fit(shows, said).coef_
    found = label_units("ridge:share=0:least=0", sight)[[0, 1, 4]].double().numpy()
    expected = oracle / oracle.max(axis=1, keepdims=True)
    np.testing.assert_allclose(found, np.where(expected > 0, expected, 0), atol=1e-4)


def test_ridge_with_the_truth_is_a_ceiling(sight):
    """What the reader gets wrong does not move it."""
    blind = Sight(sight.response, sight.likely, ~sight.read, sight.present, sight.concepts)
    assert names(label_units("ridge:known=1", blind))[0] == [3]
    assert names(label_units("ridge", blind))[0] != [3]


def test_constant_names_the_digits_that_most_images_show():
    """One name, two, or none: the same for every unit."""
    read = torch.tensor([[0, 1, 1], [0, 1, 0], [1, 1, 1]]).bool()
    sight = Sight(torch.rand(3, 2), read.float(), read, read, ("0", "1", "2"))
    assert label_units("constant", sight).tolist() == [[0, 1, 0]] * 2
    assert label_units("constant:names=2", sight).tolist() == [[0, 1, 1]] * 2
    assert label_units("constant:names=0", sight).tolist() == [[0, 0, 0]] * 2
    with pytest.raises(ValueError, match="names must lie between 0 and 3"):
        label_units("constant:names=4", sight)


def test_shuffled_responses_are_the_same_numbers_elsewhere(sight):
    """The null has each unit's responses, in an order of its own."""
    mixed = shuffled(sight)
    assert torch.equal(mixed.response.sort(dim=0).values, sight.response.sort(dim=0).values)
    assert not torch.equal(mixed.response[:, 0].argsort(), mixed.response[:, 1].argsort())
    assert names(label_units("top_images", mixed))[0] == []


def annotation(unit, concept, category="a concept", **other):
    """What a person said of a unit of the planted layer."""
    known = {"exhibit": "e", "layer": "conv3", "fingerprint": "abc", "misfits": (), "shown": 12}
    return Annotation(**known | other, unit=unit, concept=concept, category=category)


def test_a_file_is_read_as_it_is_meant(tmp_path, sight):
    """Two names are two, the first the heavier; nothing is nothing; other layers' units and those not there have no label."""
    path = tmp_path / "a.json"
    said = [annotation(0, "threes"), annotation(1, "9 or 4"), annotation(2, "8", "nothing in common"), annotation(4, "a loop")]
    write_annotations_file([*said, annotation(3, "1", layer="conv2")], path)
    found = label_units("file", sight, {"path": str(path)})
    assert names(found[[0, 1, 2, 4]]) == [[3], [4, 9], [], []]
    assert words(found[1], sight.concepts) == "9 or 4"
    assert found[3].isnan().all()


def test_a_file_of_units_that_are_not_there_is_refused(tmp_path, sight):
    """A unit beyond the layer's last, and no path, get a sentence."""
    path = tmp_path / "a.json"
    write_annotations_file([annotation(5, "3")], path)
    with pytest.raises(ValueError, match="units 0 to 4 of conv3, got unit 5"):
        label_units("file", sight, {"path": str(path)})
    with pytest.raises(ValueError, match="needs a path"):
        label_units("file", sight)


def test_concepts_that_are_no_digits_are_refused():
    """A reader of digits cannot know a bag."""
    assert digits_of(("7", "0")) == [7, 0]
    with pytest.raises(ValueError, match="concepts must be digits, which a reader knows, got \\['bag'\\]"):
        digits_of(("7", "bag"))
