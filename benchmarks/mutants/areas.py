"""Areas: which sources are changed on purpose, and the tests that must notice it."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Area:
    """Some sources and their tests."""

    sources: tuple[str, ...]
    """Files of the package, as patterns below it."""
    tests: tuple[str, ...]
    """Files or folders of tests."""
    quota: int
    """Mutants of the full sample."""
    left_out: tuple[str, ...] = ()
    """Tests that take too long, each a name as pytest has it."""

    def files(self) -> list[Path]:
        """Gives the sources."""
        return sorted({path for pattern in self.sources for path in (ROOT / "mixmnist").glob(pattern) if path.is_file()})

    def asked(self) -> list[str]:
        """Gives what pytest is told: the tests of the area that there are."""
        known = [str(path.relative_to(ROOT)) for pattern in self.tests for path in sorted(ROOT.glob(pattern))]
        assert known, f"no tests match {self.tests}"
        return known + [f"--deselect={name}" for name in self.left_out]


AREAS = {
    "metrics": Area(("metrics/*.py", "scoring.py"), ("tests/metrics", "tests/test_scoring.py"), 70),
    "probing": Area(("probing/**/*.py",), ("tests/probing",), 45),
    "stats": Area(("stats/**/*.py",), ("tests/stats",), 45),
    "claims": Area(("report/claims.py",), ("tests/report/test_claims*.py",), 12),
    "tables": Area(("report/tables.py",), ("tests/report", "tests/stats/test_seeds.py"), 25),
    "storage": Area(("core/storage.py",), ("tests/core/test_storage*.py",), 25),
    "block": Area(
        ("grid/block.py", "grid/verifying.py"),
        tuple(f"tests/grid/test_{name}*.py" for name in ("block", "record", "verifying", "layouts")),
        30,
    ),
    "training": Area(("training.py",), ("tests/test_training_*.py", "tests/test_training.py", "tests/objectives"), 30),
    "canvas": Area(("data/canvas.py", "data/mixture.py"), ("tests/data/test_canvas*.py", "tests/data/test_mixture*.py"), 30),
    "page": Area(
        ("page/exhibit.py", "page/packing.py", "page/matching.py", "page/annotations.py"),
        ("tests/page",),
        40,
    ),
    "script": Area(("page/assets/algebra.js",), ("tests/page/test_algebra*.py",), 25),
}
