"""The digest of code: what an entry really uses, followed name by name through the package; by content, not by place.

A piece is a function, a class or a constant at the top of a module, or a method, as bare code: without docstrings, comments,
blank lines and imports. From a root the digest goes to every piece of the package that its code names, and on from there. No path
and no module's name gets in. So a move, a helper beside it or a new entry of a shelf changes nothing, and a changed line changes
the digest of exactly what reaches it. Five rules besides:

* A method counts if something that is reached takes an attribute of its name, or holds its name as text.
* Of the nouns of the bench (`PLAIN`) only methods count: the values of their fields are in the configuration or in the entry. A
  default in `entries` is in neither, and must not be changed in place; a test holds them.
* Entries of a shelf are found by name while the program runs, which no reading of code can follow: they are roots themselves.
* `CUT` names what is not followed, since it decides no number.
* A file of one's own counts whole, as it is on disk now, and so does what it imports from a file beside it.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from mixmnist.core.former import FORMER
from mixmnist.core.pieces import PACKAGE, Module, Piece, Root, Use, parse
from mixmnist.core.registry import SHELVES

HOME = Path(__file__).resolve().parents[1]  # of the package
CUT = (
    "mixmnist.core.registry",  # finds entries, which count themselves
    "mixmnist.core.storage",  # puts results away
    "mixmnist.data.sources",  # reads glyphs, which have a sum of their own
    "mixmnist.report.tables.write_table",  # lays out tables whose numbers are there
    "mixmnist.report.tables.as_markdown",
    "mixmnist.training.Watch",  # watches
    "mixmnist.training._bar",
    "mixmnist.training._summary",
    "mixmnist.trust._atoms",  # draw, from tables
    "mixmnist.trust._plots",
    "mixmnist.trust._squares",
)
PLAIN = ("mixmnist.core.entries", "mixmnist.core.records", "mixmnist.kinds")  # modules whose classes are the nouns of the bench
Found = tuple[Module, Piece]


def entry(shelf: str, name: str) -> Root:
    """Gives the root of a shelf's entry, or of the file that ends in one."""
    package, constant = SHELVES[shelf]
    return _file(Path(name).resolve()) if name.endswith(".py") else Root(f"{package}.{name}", constant)


def function(what: Callable[..., Any]) -> Root:
    """Gives the root of a function that stands at the top of its module."""
    return Root(what.__module__, what.__name__)


def _file(path: Path, name: str | None = None) -> Root:
    return Root(str(path), name, path.read_text(encoding="utf-8"))


def digest(roots: Iterable[Root]) -> str:
    """Gives the SHA-256 of all code that the roots reach; their order does not matter.

    Raises:
        ValueError: If a root, or a name that is imported from the package, is not there, or names are imported by a star.
    """
    return _digest(frozenset(roots))


@cache
def _digest(roots: frozenset[Root]) -> str:
    left = [found for root in roots for found in _pieces(root)]
    seen: set[Piece] = set()
    lines: set[str] = set()
    mentioned: set[str] = set()
    waiting: list[tuple[str, Found, str]] = []  # methods that nothing has mentioned, and the sum of their class
    while left:
        module, piece = left.pop()
        if piece in seen:
            continue
        seen.add(piece)
        lines.add(piece.sum)
        for use in piece.uses:
            target = _target(use, piece, module)
            if isinstance(target, str):
                lines.add(f"{piece.sum} {use.name} is {target}")
            else:
                lines.update(f"{piece.sum} {use.name} is {other.sum}" for _, other in target)
                left += target
        mentioned |= piece.mentions
        waiting += [(name, (module, method), piece.sum) for name, method in piece.methods.items()]
        for name, found, of in [each for each in waiting if each[0] in mentioned]:
            lines.add(f"{of} has {name} {found[1].sum}")
            left.append(found)
        waiting = [each for each in waiting if each[0] not in mentioned]
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


def _target(use: Use, piece: Piece, module: Module) -> list[Found] | str:
    """Gives the pieces that a used name stands for; of what lies outside of the package, its name."""
    if use.name.startswith(f"{PACKAGE}."):
        return list(_pieces(_longest(use.name)))
    imported = piece.imports.get(use.name)
    if imported is None and use.name in module.named:
        return [(module, other) for other in module.named[use.name]]
    imported = imported or module.imports.get(use.name)
    if imported is None:
        return []  # built in, or its own
    if imported.module.partition(".")[0] != PACKAGE:
        beside = module.folder / f"{imported.module.replace('.', '/')}.py" if module.folder else None
        if beside is None or not beside.is_file():
            return f"{imported.module} {imported.name or ''}"
        return list(_pieces(_file(beside, imported.name or use.attribute)))
    whole = imported.module if imported.name is None else f"{imported.module}.{imported.name}"
    if use.attribute is not None and _read(whole) is not None:
        imported = Root(whole, use.attribute)
    return list(_pieces(imported))


def _longest(dotted: str) -> Root:
    """Finds the module that a dotted name begins with, and what is taken of it."""
    parts = dotted.split(".")
    last = max(n for n in range(1, len(parts) + 1) if _read(".".join(parts[:n])) is not None)
    return Root(".".join(parts[:last]), parts[last] if last < len(parts) else None)


def _pieces(root: Root) -> Iterator[Found]:
    """Gives the pieces that a root stands for, each with its module."""
    if root.module in CUT or f"{root.module}.{root.name}" in CUT:
        return
    module = _read(root.module) if root.text is None else parse(root.text, folder=Path(root.module).parent)
    if module is None:
        raise ValueError(f"code must be there to be summed up, got no {root.module}. Mend the import.")
    if root.name is None:
        chosen = [piece for pieces in module.named.values() for piece in pieces]
    elif root.name in module.named:
        chosen = module.named[root.name]
    elif root.name in module.imports:  # handed on
        yield from _pieces(module.imports[root.name])
        return
    elif _read(f"{root.module}.{root.name}") is not None:
        yield from _pieces(Root(f"{root.module}.{root.name}"))
        return
    else:
        raise ValueError(f"code must be there to be summed up, got no {root.name} in {root.module}. Mend the import.")
    yield from ((module, piece) for piece in [*chosen, *module.always])
    if root.text is None:
        yield from _around(root.module)


def _around(module: str) -> Iterator[Found]:
    """Gives the statements that run when the packages around a module are imported, the outermost apart."""
    parts = module.split(".")
    for package in filter(None, (_read(".".join(parts[:depth])) for depth in range(2, len(parts)))):
        yield from ((package, piece) for piece in package.always)


@cache
def _read(module: str) -> Module | None:
    """Reads a module of the package; None if it has none by that name."""
    stem = HOME.joinpath(*FORMER.get(module, module).split(".")[1:])
    path = next((p for p in (stem.with_suffix(".py"), stem / "__init__.py") if p.is_file()), None)
    if path is None:
        return None
    whole = parse(path.read_text(encoding="utf-8"), plain=module in PLAIN)
    return replace(whole, named={name: pieces for name, pieces in whole.named.items() if f"{module}.{name}" not in CUT})
