"""The algebra of the page's own script, run by Node without a browser, against Python and numbers worked out by hand."""

import base64
import json
import shutil
import subprocess
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import balanced_accuracy_score

from mixmnist.metrics.correct import correct
from mixmnist.metrics.drop import class_drops

ASSETS = Path(str(files("mixmnist.page"))) / "assets"


def node():
    """Where Node is: on the machine, or inside Playwright; None if it is not."""
    spec = find_spec("playwright")
    inside = Path(spec.origin).parent / "driver" / "node" if spec and spec.origin else None
    return shutil.which("node") or (str(inside) if inside and inside.is_file() else None)


pytestmark = pytest.mark.skipif(node() is None, reason="needs Node, which comes with Playwright too")


def floats(values):
    """Numbers as the page gets them."""
    return base64.b64encode(np.asarray(values, "<f4").tobytes()).decode()


def shares(values):
    """Whole numbers of two bytes, as the page gets shares."""
    return base64.b64encode(np.asarray(values, "<u2").tobytes()).decode()


def asked(question, exhibits=(), threshold=0.8):
    """What the scripts answer, as JSON would have it."""
    data = {"exhibits": list(exhibits), "threshold": threshold}
    scripts = [(ASSETS / f"{name}.js").read_text(encoding="utf-8").replace('"use strict";', "") for name in ("base", "algebra")]
    ask = f"console.log(JSON.stringify({question}, (_, v) => ArrayBuffer.isView(v) ? Array.from(v) : v))"
    text = "\n".join([f"const window = {{mixmnist: {json.dumps(data)}}};", *scripts, f"{ask};"])
    answer = subprocess.run([node(), "-"], input=text, capture_output=True, text=True, timeout=60, check=True)
    return json.loads(answer.stdout)


G = np.random.default_rng(3)
N, UNITS, CLASSES = 11, 3, 4
MEANS = G.integers(-4, 5, (N, UNITS)) / 4  # few values, exact in binary: ties are frequent and stay ties
WEIGHT, BIAS, REST = G.integers(-2, 3, (CLASSES, UNITS)) / 2, G.integers(-1, 2, CLASSES) / 4, np.array([0.25, -0.5, 0.75])
ONE = np.array([0, 0, 1, 1, 1, 2, 2, 0, 1, 0, 2])  # no image of class 3
MANY = np.stack([ONE == 0, ONE > 0, np.ones(N, bool), np.zeros(N, bool)], axis=1).astype(int)  # the last two are constant


def exhibit(labels):
    """An exhibit with a bench and nothing else."""
    bench = {"n": N, "means": floats(MEANS), "weight": floats(WEIGHT), "bias": floats(BIAS), "rest": floats(REST)}
    bench |= {"labels": labels.tolist()}
    packed = {"units": [], "classes": list("abcd"), "n_units": UNITS, "drops": None, "bench": bench}
    return packed | dict.fromkeys(("alignment", "precision_at_k", "precision_at_recall"), "")


def logits(gone, to_mean):
    """Logits with units silenced, by Python."""
    means = MEANS.copy()
    means[:, gone] = REST[gone] if to_mean else 0
    return torch.from_numpy(means @ WEIGHT.T + BIAS)


def bits(gone):
    """The units that are gone, as the page marks them."""
    return [int(unit in gone) for unit in range(UNITS)]


@pytest.mark.parametrize("to_mean", [False, True])
@pytest.mark.parametrize("gone", [[], [1], [0, 2], [0, 1, 2]])
def test_logits_are_those_of_python(gone, to_mean):
    """With any units silenced, to zero or each to its own mean, every logit must be Python's."""
    found = asked(f"mm.logits(mm.exhibits[0].bench, {bits(gone)}, {json.dumps(to_mean)})", [exhibit(ONE)])
    assert found == logits(gone, to_mean).flatten().tolist()


@pytest.mark.parametrize("gone", [[], [1], [0, 1, 2]])
def test_what_atoms_leave_takes_the_place_of_the_bias(gone):
    """On a bench of atoms each image's own rest must be added, not the bias, and stay along an order, too."""
    left = G.integers(-8, 9, (N, CLASSES)) / 8
    packed = exhibit(ONE)
    packed["bench"]["left"] = floats(left)
    bench = "mm.exhibits[0].bench"
    found, curve = asked(f"[mm.logits({bench}, {bits(gone)}, false), mm.alongOrder({bench}, [2, 0, 1], false)]", [packed])
    assert found == (logits(gone, False) - torch.from_numpy(BIAS) + torch.from_numpy(left)).flatten().tolist()
    without = [logits([2, 0, 1][:n], False) - torch.from_numpy(BIAS - left) for n in range(UNITS + 1)]
    assert curve == pytest.approx([correct(one, torch.from_numpy(ONE)).mean().item() for one in without])


@pytest.mark.parametrize("labels", [ONE, MANY], ids=["one", "many"])
@pytest.mark.parametrize("gone", [[], [1], [0, 2], [0, 1, 2]])
def test_decisions_are_those_of_python(gone, labels):
    """Every decision's worth, ties and constant classes included, and their mean must be Python's."""
    bench = "mm.exhibits[0].bench"
    ask = f"(d => [d.right, mm.accuracy(d)])(mm.decisions({bench}, mm.logits({bench}, {bits(gone)}, false)))"
    right, accuracy = asked(ask, [exhibit(labels)])
    expected = correct(logits(gone, False), torch.from_numpy(labels))
    assert right == pytest.approx(expected.tolist(), abs=1e-6)
    assert accuracy == pytest.approx(expected.mean().item(), abs=1e-6)


def test_ties_share_their_point():
    """The right class counts 1 alone at the top, 1/t in a tie of t, 0 below; of classes that tie the first is predicted."""
    values = [[2, 1, 0, 0], [1, 2, 0, 2], [3, 3, 3, 0], [5, 0, 0, 0], [1, 1, 1, 1], [0, 0, 1, 1]]
    labels = [0, 3, 1, 2, 0, 2]
    bench = f"{{n: 6, classes: 4, labels: {labels}}}"
    ask = f"(d => [d.right, [0, 1, 2, 3, 4, 5].map(d.predicted), d.about])(mm.decisions({bench}, {np.ravel(values).tolist()}))"
    right, predicted, about = asked(ask)
    assert right == pytest.approx([1, 1 / 2, 1 / 3, 0, 1 / 4, 1 / 2])
    assert predicted == [[0], [1], [0], [0], [0], [2]]
    assert about == labels


def test_yes_or_no_is_balanced_accuracy():
    """A logit of 0 is a no; a class's mean must be scikit-learn's balanced accuracy, of a class without contrast its accuracy."""
    said = G.integers(-1, 2, (N, CLASSES))
    bench = f"{{n: {N}, classes: {CLASSES}, labels: {MANY.tolist()}}}"
    ask = f"(d => [mm.byClass(d, {CLASSES}), d.predicted(0), d.predicted(5)])(mm.decisions({bench}, {said.ravel().tolist()}))"
    found, *predicted = asked(ask)
    for label in (0, 1):
        assert found[label] == pytest.approx(balanced_accuracy_score(MANY[:, label], said[:, label] > 0))
    assert found[2:] == pytest.approx([(said[:, 2] > 0).mean(), (said[:, 3] <= 0).mean()])
    assert predicted == [np.flatnonzero(said[image] > 0).tolist() for image in (0, 5)]


def test_accuracy_by_class_is_that_of_python():
    """Each class's accuracy must be over its own images, and none for a class without images."""
    bench = "mm.exhibits[0].bench"
    ask = f"[[0, 0, 0], [0, 1, 0]].map((gone) => mm.byClass(mm.decisions({bench}, mm.logits({bench}, gone, false)), {CLASSES}))"
    intact, without = asked(ask, [exhibit(ONE)])
    assert intact[3] is None  # nan
    assert without[3] is None
    labels, (one, other) = torch.from_numpy(ONE), (correct(logits(gone, False), torch.from_numpy(ONE)) for gone in ([], [1]))
    assert intact[:3] == pytest.approx([one[labels == c].mean().item() for c in range(3)])
    drops = class_drops(one.repeat(30)[None], other.repeat(30)[None], labels.repeat(30))[0, :3]
    assert np.subtract(intact[:3], without[:3]) == pytest.approx(drops.numpy())


@pytest.mark.parametrize("to_mean", [False, True])
def test_a_curve_silences_the_first_units_first(to_mean):
    """Accuracy after none, one, ... of an order are silenced must be what silencing them at once gives, from intact to none."""
    order = [2, 0, 1]
    found = asked(f"mm.alongOrder(mm.exhibits[0].bench, {order}, {json.dumps(to_mean)})", [exhibit(ONE)])
    labels = torch.from_numpy(ONE)
    assert found == pytest.approx([correct(logits(order[:n], to_mean), labels).mean().item() for n in range(UNITS + 1)])


def test_numbers_are_unpacked():
    """Floats must be exact, shares 65,534ths, and the largest number none at all."""
    assert asked(f"mm.floats('{floats([0.5, -2, 1e-3])}')") == [0.5, -2, float(np.float32(1e-3))]
    assert asked(f"mm.shares('{shares([0, 65_534, 32_767, 65_535])}')") == [0, 1, 0.5, None]


def test_shares_are_written_as_elsewhere():
    """A share must lose its leading zero, keep its sign, and be a dash where there is none."""
    written = asked("[0.8, -0.25, 1, 0.1234, null, NaN, undefined].map((v) => mm.share(v, 2))")
    assert written == [".80", "\N{MINUS SIGN}.25", "1.00", ".12", "\N{EN DASH}", "\N{EN DASH}", "\N{EN DASH}"]


def test_a_detector_is_one_from_the_threshold_on():
    """A unit at exactly the threshold must be marked as a detector, one below or without alignment not."""
    units = [{"alignment": 0.8}, {"alignment": 0.7999}, {"alignment": None}]
    assert asked(f"{json.dumps(units)}.map(mm.isDetector)") == [True, False, False]
