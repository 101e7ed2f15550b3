"""Glimpses: what the file of a shelf's entry says of it, without importing what that file imports.

Torch takes seconds and hundreds of megabytes, and a title needs none of it. So only the statement that gives the entry is run,
and those that give what it names. Stand-ins take the place of functions that it does not call, of classes, and of whatever comes
from outside of the package; names from Python's own library and from the records, which are free of torch, are the real ones.
"""

import ast
import importlib
import importlib.util
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

PACKAGE = "mixmnist"
PLAIN = ("dissecting", "entries", "records", "showing", "thresholds")
LIGHT = tuple(f"mixmnist.core.{name}" for name in PLAIN)  # modules whose names are real


class _StandIn:
    """Stands for what was not imported: whatever is asked of it, it gives itself."""

    def __getattr__(self, name: str) -> "_StandIn":
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *_args: object, **_named: object) -> "_StandIn":
        return self

    def __getitem__(self, _key: object) -> "_StandIn":
        return self

    __iter__ = None  # or it would be gone through without an end


class _Bare(ast.NodeTransformer):
    """Takes decorators and types off functions: nothing of them can be run."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        """Bares a function and those inside it."""
        node.decorator_list, node.returns = [], None
        self.generic_visit(node)
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        """Bares a parameter."""
        return ast.copy_location(ast.arg(node.arg), node)


def glimpse(module: str, constant: str) -> Any:  # noqa: ANN401 -- each shelf has its own type
    """Gives the constant of a module; functions and whatever else came from elsewhere are stand-ins in it.

    Raises:
        LookupError: If it cannot be had without an import.
    """
    found = _value(module, constant)
    if isinstance(found, _StandIn):
        raise LookupError(f"{module} must set {constant} in a way that can be read without imports, got another.")
    return found


def docstring(module: str) -> str:
    """Gives what a module says of itself, its lines as they stand."""
    return ast.get_docstring(_tree(module), clean=False) or ""


@cache
def _tree(module: str) -> ast.Module:
    top, *rest = module.split(".")
    spec = importlib.util.find_spec(top)  # of the top alone: looking for what lies deeper imports what it lies in
    assert spec is not None
    place = Path(next(iter(spec.submodule_search_locations or ())), *rest)
    return ast.parse((place / "__init__.py" if place.is_dir() else place.with_suffix(".py")).read_text(encoding="utf-8"))


@cache
def _given(module: str) -> dict[str, ast.stmt]:
    """Gives the statement at the top of a module that gives each name, the last one of several."""
    found: dict[str, ast.stmt] = {}
    for statement in _tree(module).body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            names = [alias.asname or alias.name.partition(".")[0] for alias in statement.names]
        elif isinstance(statement, ast.FunctionDef | ast.ClassDef):
            names = [statement.name]
        elif isinstance(statement, ast.Assign | ast.AnnAssign):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            names = [part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)]
        else:
            names = []
        found |= dict.fromkeys(names, statement)
    return found


@cache
def _value(module: str, name: str, called: bool = False) -> Any:  # noqa: ANN401 -- whatever it names
    """Gives what a name stands for at the top of a module; a function only where it is called."""
    statement = _given(module).get(name)
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return _imported(statement, name, called)
    if isinstance(statement, ast.FunctionDef) and called:
        statement = _Bare().visit(statement)
    elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
        statement = ast.copy_location(ast.Assign([statement.target], statement.value), statement)
    elif not isinstance(statement, ast.Assign):
        return _StandIn()
    needs = {need: asked for need, asked in _needs(statement) if need in _given(module) and need != name}
    known = {need: _value(module, need, asked) for need, asked in needs.items()}
    whole = ast.fix_missing_locations(ast.Module([statement], []))
    try:
        exec(compile(whole, module, "exec"), known)  # noqa: S102 -- a file of the shelf, which importing it would run as well
    except Exception:  # of a stand-in that cannot do what is asked of it
        return _StandIn()
    return known[name]


def _needs(statement: ast.AST) -> Iterator[tuple[str, bool]]:
    """Names what a statement uses, and whether it calls that; what is called comes last."""
    called = {part.func.id for part in ast.walk(statement) if isinstance(part, ast.Call) and isinstance(part.func, ast.Name)}
    names = (part for part in ast.walk(statement) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load))
    yield from ((part.id, part.id in called) for part in names)  # those that it gives, as others of one line, it does not use


def _imported(statement: ast.Import | ast.ImportFrom, name: str, called: bool) -> Any:  # noqa: ANN401 -- whatever it names
    """Gives what an import calls by a name: the real thing where that costs nothing, else a glimpse or a stand-in."""
    alias = next(one for one in statement.names if name in (one.asname, one.name.partition(".")[0]))
    if isinstance(statement, ast.Import):
        return importlib.import_module(alias.name if alias.asname else name) if _is_light(alias.name) else _StandIn()
    home = statement.module or ""
    if _is_light(home):
        return getattr(importlib.import_module(home), alias.name)
    inside = home.startswith(f"{PACKAGE}.")
    return _value(home, alias.name, called) if inside else _StandIn()


def _is_light(module: str) -> bool:
    return module in LIGHT or module.partition(".")[0] in sys.stdlib_module_names
