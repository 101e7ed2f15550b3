"""What makes a record old: exactly a change of code that its result depends on. Tried on a copy of the package's sources."""

import shutil

import pytest

from mixmnist import Variant
from mixmnist.core import code
from mixmnist.grid import digests

VARIANTS = {
    "trained": Variant(),
    "redundant": Variant(task="redundant"),
    "untrained": Variant(origin="untrained"),
    "shuffled": Variant(objective="shuffled"),
    "rotation": Variant(objective="rotation"),
    "planted": Variant(origin="planted:perfect"),
}
DRAWN = {"trained", "redundant", "untrained", "shuffled", "rotation"}  # all but the planted
TRAINED = DRAWN - {"untrained"}


@pytest.fixture
def changed(tmp_path, monkeypatch):
    """A function that changes a copy of the sources and says which variants' weights are old then."""
    home = shutil.copytree(code.HOME, tmp_path / "mixmnist", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(code, "HOME", home)

    def weights():
        code._read.cache_clear()
        code._digest.cache_clear()
        return {name: digests.of_weights(variant) for name, variant in VARIANTS.items()}

    before = weights()

    def old(change):
        change(home)
        after = weights()
        return {name for name in VARIANTS if after[name] != before[name]}

    yield old
    code._read.cache_clear()
    code._digest.cache_clear()
    digests._of_scores.cache_clear()


def replaced(name, old, new):
    """A change of a line."""

    def change(home):
        text = (home / name).read_text()
        assert text.count(old) == 1, (name, old)
        (home / name).write_text(text.replace(old, new))

    return change


def added(name, text):
    """A new file."""
    return lambda home: (home / name).write_text(text)


def moved(home):
    """Moves a helper of the nets, and lets the imports follow."""
    (home / "shapes").mkdir()
    (home / "nets" / "_planes.py").rename(home / "shapes" / "flat.py")
    for path in home.rglob("*.py"):
        path.write_text(path.read_text().replace("mixmnist.nets._planes", "mixmnist.shapes.flat"))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (moved, set()),
        (added("nets/_helper.py", "HELP = 1\n"), set()),
        (added("nets/other.py", "NET = 1\n"), set()),
        (added("data/tasks/_helper.py", "HELP = 1\n"), set()),
        (added("metrics/other.py", "METRIC = 1\n"), set()),
        (replaced("metrics/drop.py", "def class_drops(", "def class_drops2("), set()),
        (
            replaced("core/records.py", "    probe_images: int = 10_000", "    more: int = 1\n    probe_images: int = 10_000"),
            set(),
        ),
        (replaced("training.py", "aim or Aim()", "Aim()"), TRAINED),
        (replaced("nets/_loops.py", "INNER = ", "INNER = 0 + "), DRAWN),
        (replaced("data/tasks/redundant.py", "TASK = Task(", "TASK = Task(*(), "), {"redundant"}),
        (replaced("data/canvas.py", "MOST_TRIES = ", "MOST_TRIES = 1 + "), DRAWN),
        (replaced("objectives/shuffled.py", 'derive(seed, "shuffle")', 'derive(seed, "other")'), {"shuffled"}),
        (replaced("objectives/rotation.py", "TURNS = 4", "TURNS = 2"), {"rotation"}),
        (replaced("kinds/_heads.py", "MOST_STEPS = 1_000", "MOST_STEPS = 10"), {"rotation"}),
        (replaced("kinds/classifier.py", "norm.momentum = 1 / number", "norm.momentum = 1"), {"untrained"}),
        (replaced("grid/canvases.py", "root=root, seed=seed", "root=root, seed=seed + 1"), DRAWN),
        (replaced("grid/origins.py", "entry.build(seed)", "entry.build(seed + 1)"), {"planted", *DRAWN}),
        (replaced("grid/origins.py", 'v.origin == "untrained"', 'v.origin == "trained"'), DRAWN),
        (replaced("training.py", "loss {loss:.3f}", "loss {loss:.2f}"), set()),
        (replaced("kinds/__init__.py", "    device: str\n", "    device: str\n    more: int = 0\n"), set()),
        (replaced("plants/perfect.py", "PLANT = Plant(", "PLANT = Plant(*(), "), {"planted"}),
    ],
)
def test_a_change_makes_exactly_those_weights_old_that_it_decides(changed, change, expected):
    """A move, a helper, a new entry and new fields must make nothing old; a changed line exactly the runs that reach it."""
    assert changed(change) == expected


def rounding(home):
    """Writes tables with two places."""
    text = (home / "grid" / "layers.py").read_text()
    assert text.count(", index=False)") == 1
    (home / "grid" / "layers.py").write_text(text.replace(", index=False)", ", index=False, float_format='%.2f')"))


def resampling(home):
    """Changes a method that only what resamples maps asks for."""
    text = (home / "probing" / "silencing.py").read_text()
    assert "self.mean[others]" in text
    (home / "probing" / "silencing.py").write_text(text.replace("self.mean[others]", "self.mean"))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (added("metrics/other.py", "METRIC = 1\n"), set()),
        (replaced("training.py", "EAGER_STEPS = 3", "EAGER_STEPS = 4"), set()),
        (replaced("metrics/weight_norm.py", "METRIC = Metric(", "METRIC = Metric(*(), "), {"weight_norm", "spearman"}),
        (replaced("metrics/sharp.py", "METRIC = Metric(", "METRIC = Metric(*(), "), {"sharp"}),
        (replaced("metrics/average_precision.py", "METRIC = Metric(", "METRIC = Metric(*(), "), "all"),
        (resampling, {"concept_drop", "correct", "curve", "drop", "group_drop", "reliance", "spearman", "used"}),
        (replaced("probing/patches.py", "NOISE = ", "NOISE = 0 + "), "all"),
        (replaced("grid/layers.py", "draw(split, n, 0)", "draw(split, n, 1)"), "all"),
        (replaced("grid/layers.py", "    last = scored[-1]", "    last = scored[0]"), "all"),
        (
            replaced("grid/layers.py", 'folder / f"{table}.csv", index=False', "folder / f\"{table}.csv\", float_format='%.2f'"),
            "all",
        ),
        (replaced("kinds/classifier.py", "return net.layers", "return net.layers[::-1]"), "all"),
        (replaced("grid/layers.py", "LEAST = 40, 50", "LEAST = 40, 60"), "all"),
    ],
)
def test_a_change_makes_exactly_those_scores_old_that_it_decides(changed, change, expected):
    """A metric's code must make old what takes its columns; what reads layers must make every score old."""
    before = digests.of_scores(Variant())
    digests._of_scores.cache_clear()
    try:
        changed(change)
        after = digests.of_scores(Variant())
    finally:
        digests._of_scores.cache_clear()
    old = {name for name in before if after[name] != before[name]}
    assert old == (set(before) if expected == "all" else expected)
