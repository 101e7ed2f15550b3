"""Studies: Python files that end in `STUDY = Study(...)`, found by path or by name."""

import importlib.util
import re
from pathlib import Path

from mixmnist.core import registry
from mixmnist.core.records import Study
from mixmnist.core.storage import PACKAGE


def study_files() -> dict[str, Path]:
    """Finds the studies that have a name: those in ./benchmarks, then those that come with the package; imports none."""
    found: dict[str, Path] = {}
    for path in (p for folder in (Path("benchmarks"), _shipped()) for p in sorted(folder.glob("*.py"))):
        if re.search(r"^STUDY\b", path.read_text(encoding="utf-8", errors="replace"), re.MULTILINE):
            found.setdefault(path.stem, path)
    return found


def load_study(name: str) -> tuple[str, Study]:
    """Loads a study from a Python file that ends in `STUDY = Study(...)`: a path, or the name of one in ./benchmarks or shipped.

    Raises:
        ValueError: If there is no such study or the file defines none.
    """
    path = Path(name) if name.endswith(".py") else study_files().get(name)
    if path is None or not path.is_file():
        error = registry.nearest("study", name, study_files())
        raise ValueError(f"{error} A study is the path of a .py file, or the name of one in ./benchmarks or shipped.")
    spec = importlib.util.spec_from_file_location(f"mixmnist_study_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # whatever a stranger's file may raise
        raise ValueError(f"a study's file must run, got {registry.raised(error, path)}. Mend the file.") from error
    study = getattr(module, "STUDY", None)
    if not isinstance(study, Study):
        raise ValueError(f"a study's file must end in STUDY = Study(...), got {path} without it. Add that line.")
    return path.stem, study


def _shipped() -> Path:
    """Gives the folder of the studies that come with the package: in its repository, or where a wheel was installed."""
    if (PACKAGE.parent / "pyproject.toml").is_file():
        return PACKAGE.parent / "benchmarks"
    import importlib.metadata  # takes long to load

    try:
        files = importlib.metadata.files("mixmnist") or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    homes = (Path(str(file.locate())).resolve().parent for file in files if file.match("share/mixmnist/benchmarks/*.py"))
    return next(homes, PACKAGE / "benchmarks")
