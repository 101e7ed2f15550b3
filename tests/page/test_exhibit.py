import warnings
from dataclasses import fields, replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from mixmnist.metrics.curve import curve
from mixmnist.metrics.precision_at_k import precision_at_k
from mixmnist.metrics.precision_at_recall import precision_at_recall
from mixmnist.page.exhibit import BENCH_BYTES, ORDERS, SAMPLES, About, load, make_exhibit, save
from mixmnist.report.curves import precision_curves


@pytest.fixture(scope="module")
def one(seen):
    """A small net's layer and its exhibit."""
    mixture, readout, rank, scores = seen()
    return mixture, readout, rank, scores, make_exhibit(readout, rank, scores.units, mixture, About("a", "b", "pairs", "digits"))


def test_precision_curves_are_the_metrics_at_many_points():
    """At every k and recall the curves must be what the metrics give, ties, dead units and empty concepts included."""
    generator = torch.Generator().manual_seed(0)
    response = torch.randint(0, 6, (60, 4), generator=generator).float()
    response[:, 2] = 1.0
    present = torch.rand(60, 3, generator=generator) < 0.4
    present[:, 1] = False
    ks, recalls = (1, 7, 30, 60), (0.1, 0.5, 1.0)
    by_k, by_recall = precision_curves(response, present, ks, recalls)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the concept that never occurs
        for i, k in enumerate(ks):
            torch.testing.assert_close(by_k[:, :, i], precision_at_k(response, present, k), equal_nan=True)
        for i, recall in enumerate(recalls):
            torch.testing.assert_close(by_recall[:, :, i], precision_at_recall(response, present, recall), equal_nan=True)


def test_an_exhibit_repeats_the_scores(one):
    """Alignment with the own concept and the largest drop of a class must be those of the table of units."""
    _, _, _, scores, exhibit = one
    live = ~scores.units["dead"].to_numpy()
    np.testing.assert_allclose(exhibit.alignment.max(axis=1)[live], scores.units["alignment"][live], rtol=1e-5)
    largest = pd.DataFrame(exhibit.drops).max(axis=1)  # none: of 700 images no class has thirty
    np.testing.assert_allclose(largest[live], scores.units["max_class_drop"][live], atol=1e-6)
    assert exhibit.dropped_on == exhibit.n_images == 700


def test_images_are_those_at_the_ends_of_the_responses(one):
    """Top images must be the highest responses in falling order, bottom ones the lowest in rising order, with what they show."""
    mixture, readout, _, _, exhibit = one
    for unit in range(4):
        falling = readout.response[:, unit].argsort(descending=True, stable=True)[:12]
        assert np.array_equal(exhibit.top[unit], mixture.images[falling].numpy())
        assert np.array_equal(exhibit.top_present[unit], mixture.present[falling].numpy())
        assert np.allclose(exhibit.top_response[unit], readout.response[falling, unit])
        assert np.allclose(exhibit.bottom_response[unit], readout.response[:, unit].sort().values[:12])


def test_the_place_where_a_unit_fired_is_asked_of_the_readout(one):
    """The fields must be those of the top images, and missing where the layer gives vectors."""
    mixture, readout, rank, scores, _ = one

    class Pixels:
        n_concepts = 10
        n_images = 700

        def __iter__(self):
            return iter(())

        def mask(self, kind, concept, indices):
            return indices

        def where(self, indices):
            return torch.stack([indices, indices + 1, indices + 2, indices + 3], dim=-1)

    about = About("a", "b", "pairs", "digits")
    found = make_exhibit(replace(readout, pixels=Pixels()), rank, scores.units, mixture, about).fields
    top = readout.response.argsort(dim=0, descending=True, stable=True)[:12].T
    assert np.array_equal(found[..., 2], (top + 2).numpy())
    assert make_exhibit(replace(readout, pixels=None), rank, scores.units, mixture, about).fields is None


def test_maps_lie_on_the_top_images(one):
    """Each unit's maps must be those of its top images, scaled up, in steps from zero to its highest value on them."""
    _, readout, _, _, exhibit = one
    every = torch.cat([maps for _, maps in readout.pixels])  # images units rows cols
    top = readout.response.argsort(dim=0, descending=True, stable=True)[:12].T
    assert exhibit.maps.shape == (4, 12, 32, 32)
    for unit in range(4):
        expected = every[top[unit], unit]
        assert expected.max() > 0
        np.testing.assert_allclose(exhibit.maps[unit], 255 * expected / expected.max(), atol=0.51)


def test_a_layer_without_places_has_no_maps(one):
    """Of vectors, and of arrays that another program read, there must be no maps."""
    mixture, readout, rank, scores, _ = one
    assert (
        make_exhibit(replace(readout, pixels=None), rank, scores.units, mixture, About("a", "b", "pairs", "digits")).maps is None
    )


def test_the_bench_gives_the_logits_and_the_curves(one):
    """From the shipped numbers alone the logits must follow, and along each order the accuracies of the ablation curves."""
    _, readout, rank, scores, exhibit = one
    bench = exhibit.bench
    np.testing.assert_allclose(bench.means @ bench.weight.T + bench.bias, readout.logits.numpy(), atol=1e-5)
    np.testing.assert_allclose(bench.rest, rank.mean.mean(dim=0))
    columns = ("curve_alignment", "curve_drop_first", "curve_drop_last", "curve_weight")
    for order, column in zip(bench.orders, columns, strict=False):
        found = curve(readout.without, readout.logits, readout.labels, torch.from_numpy(order)[None], torch.zeros(4))
        np.testing.assert_allclose(found, scores.curves[column], atol=1e-6)
    assert bench.orders.shape == (len(ORDERS), 4)
    assert len(bench.samples) == SAMPLES


def test_a_wide_bench_keeps_fewer_images(seen, monkeypatch):
    """The means kept must not take more room than allowed, whatever the number of units."""
    monkeypatch.setattr("mixmnist.page.exhibit.BENCH_BYTES", 4 * 4 * 100)
    mixture, readout, rank, scores = seen()
    exhibit = make_exhibit(readout, rank, scores.units, mixture, About("a", "b", "pairs", "digits"))
    assert exhibit.bench.means.shape == (100, 4)
    assert BENCH_BYTES == 1_000_000


def test_an_exhibit_comes_back_as_it_was_saved(exhibits, tmp_path):
    """Every field must survive being written and read; what is missing must stay missing."""
    for number, exhibit in enumerate(exhibits):
        save(exhibit, tmp_path / f"{number}.npz")
        back = load(tmp_path / f"{number}.npz")
        assert back.fingerprint == exhibit.fingerprint
        for field in fields(exhibit):
            ours, theirs = getattr(exhibit, field.name), getattr(back, field.name)
            if field.name == "units":
                pd.testing.assert_frame_equal(ours, theirs, check_dtype=False)
            elif field.name == "bench":
                assert all(np.array_equal(getattr(ours, f.name), getattr(theirs, f.name)) for f in fields(ours))
            else:
                assert np.array_equal(ours, theirs, equal_nan=isinstance(ours, np.ndarray) and ours.dtype.kind == "f")


def test_a_file_that_is_no_exhibit_is_refused(tmp_path):
    """Another .npz must be refused in a sentence with the way out."""
    np.savez(tmp_path / "other.npz", images=np.zeros(3))
    with pytest.raises(ValueError, match=r"an exhibit must be a file as mixmnist wrote it, got .*other\.npz\. Delete it"):
        load(tmp_path / "other.npz")


def test_an_exhibit_that_was_changed_is_refused(one, tmp_path):
    """A number that was changed in the file, or half of the file, must be refused; the file as it was written must load."""
    path = tmp_path / "one.npz"
    save(one[-1], path)
    load(path)
    whole = path.read_bytes()
    with np.load(path) as stored:
        arrays = dict(stored)
    arrays["alignment"] = arrays["alignment"] + np.float32(0.01)
    np.savez_compressed(path, **arrays)
    with pytest.raises(ValueError, match="an exhibit must be a file as mixmnist wrote it"):
        load(path)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"one\.npz must be a whole \.npz file"):
        load(path)


def test_a_table_of_other_units_is_refused(one):
    """A table without a row a unit must be refused."""
    mixture, readout, rank, scores, _ = one
    with pytest.raises(ValueError, match=r"units must have a row a unit \(4\), got 3 rows"):
        make_exhibit(readout, rank, scores.units[:3], mixture, About("a", "b", "pairs", "digits"))


def test_a_layer_below_the_head_has_no_bench(seen):
    """Without a head on the layer's mean there is nothing to compute in a page; the drops stay."""
    mixture, readout, rank, scores = seen()
    blind = replace(readout, without=None, head=None, logits=None)
    exhibit = make_exhibit(blind, rank, scores.units, mixture, About("a", "b", "pairs", "digits"))
    assert exhibit.bench is None
    assert exhibit.drops is None


def test_images_in_colour_have_their_channels_last(one):
    """Of images [n, 3, rows, cols] the pictures must be kept as a sheet of PNG takes them."""
    mixture, readout, rank, scores, exhibit = one

    names = ("concepts", "classes", "labels", "present", "glyphs")
    colours = torch.stack([mixture.images, mixture.images // 2, 255 - mixture.images], dim=1)
    coloured = SimpleNamespace(images=colours, **{name: getattr(mixture, name) for name in names})
    found = make_exhibit(readout, rank, scores.units, coloured, About("a", "b", "pairs", "digits"))
    assert found.top.shape == (4, 12, 32, 32, 3)
    assert np.array_equal(found.top[..., 0], exhibit.top)
    assert np.array_equal(found.bench.samples[..., 2], 255 - exhibit.bench.samples)
