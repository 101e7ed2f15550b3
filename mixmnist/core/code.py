"""The digest of code: what an entry really uses, followed name by name through the package; by content, not by place.

A piece is a function, a class or a constant at the top of a module, or a method, as bare code: without docstrings, comments,
blank lines and imports. From a root the digest goes to every piece of the package that its code names, and on from there. No path
and no module's name gets in. So a move, a helper beside it or a new entry of a shelf changes nothing, and a changed line changes
the digest of exactly what reaches it. Four rules besides:

* A method counts if something that is reached takes an attribute of its name, or holds its name as text.
* Of the nouns of the bench (`PLAIN`) only methods count: the values of their fields are in the configuration or in the entry.
* Entries of a shelf are found by name while the program runs, which no reading of code can follow: they are roots themselves.
* `CUT` names what is not followed, since it decides no number.
"""

import ast
import hashlib
import io
import tokenize
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from mixmnist.core.registry import SHELVES

PACKAGE = "mixmnist"
HOME = Path(__file__).resolve().parents[1]  # of the package
CUT = (
    "mixmnist.core.registry",  # finds entries, which count themselves
    "mixmnist.core.storage",  # puts results away
    "mixmnist.data.sources",  # reads glyphs, which have a sum of their own
)


FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef
PLAIN = ("mixmnist.core.entries", "mixmnist.core.records")


@dataclass(frozen=True)
class Root:
    """Where a digest begins."""

    module: str  # its full name, or the path of a file outside of the package
    name: str | None = None  # at its top; None for all of it


@dataclass(frozen=True)
class _Use:
    """A name that a piece uses."""

    name: str
    attribute: str | None  # what is taken of it at that place, if anything


@dataclass(frozen=True, eq=False)
class _Piece:
    """Bare code, and what it uses."""

    text: str
    uses: frozenset[_Use]
    mentions: frozenset[str]  # attributes that it takes of anything, and words that it holds as text
    imports: Mapping[str, Root]  # made inside it
    methods: "Mapping[str, _Piece]"  # of a class: those that count only where they are mentioned

    @property
    def sum(self) -> str:
        """SHA-256 of its text."""
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True, eq=False)
class _Module:
    """The pieces of a module."""

    named: Mapping[str, list[_Piece]]  # several where a name is given more than once
    always: list[_Piece]  # statements that run on import and give no name
    imports: Mapping[str, Root]


Found = tuple[_Module, _Piece]


def entry(shelf: str, name: str) -> Root:
    """Gives the root of a shelf's entry, or of the file that ends in one."""
    package, constant = SHELVES[shelf]
    return Root(str(Path(name).resolve())) if name.endswith(".py") else Root(f"{package}.{name}", constant)


def function(what: Callable[..., Any]) -> Root:
    """Gives the root of a function that stands at the top of its module."""
    return Root(what.__module__, what.__name__)


def digest(roots: Iterable[Root]) -> str:
    """Gives the SHA-256 of all code that the roots reach; their order does not matter.

    Raises:
        LookupError: If a root, or a name that is imported from the package, is not there.
    """
    return _digest(frozenset(roots))


@cache
def _digest(roots: frozenset[Root]) -> str:
    left = [found for root in roots for found in _pieces(root)]
    seen: set[_Piece] = set()
    lines: set[str] = set()
    mentioned: set[str] = set()
    waiting: list[tuple[str, Found]] = []  # methods that nothing has mentioned
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
        waiting += [(name, (module, method)) for name, method in piece.methods.items()]
        left += [found for name, found in waiting if name in mentioned]
        waiting = [(name, found) for name, found in waiting if name not in mentioned]
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


def _target(use: _Use, piece: _Piece, module: _Module) -> list[Found] | str:
    """Gives the pieces that a used name stands for; of what lies outside of the package, its name."""
    imported = piece.imports.get(use.name)
    if imported is None and use.name in module.named:
        return [(module, other) for other in module.named[use.name]]
    imported = imported or module.imports.get(use.name)
    if imported is None:
        return []  # built in, or its own
    if imported.module.partition(".")[0] != PACKAGE:
        return f"{imported.module} {imported.name or ''}"
    whole = imported.module if imported.name is None else f"{imported.module}.{imported.name}"
    if use.attribute is not None and _read(whole) is not None:
        imported = Root(whole, use.attribute)
    return list(_pieces(imported))


def _pieces(root: Root) -> Iterator[Found]:
    """Gives the pieces that a root stands for, each with its module."""
    if root.module in CUT or (root.name and f"{root.module}.{root.name}" in CUT):
        return
    module = _read(root.module)
    if module is None:
        raise LookupError(f"code must be there to be summed up, got no {root.module}.")
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
        raise LookupError(f"code must be there to be summed up, got no {root.name} in {root.module}.")
    yield from ((module, piece) for piece in [*chosen, *module.always])


@cache
def _read(module: str) -> _Module | None:
    """Reads a module of the package, or a file; None if the package has none by that name."""
    if module.endswith(".py"):
        return _parse(Path(module).read_text(encoding="utf-8"))
    stem = HOME.joinpath(*module.split(".")[1:])
    path = next((p for p in (stem.with_suffix(".py"), stem / "__init__.py") if p.is_file()), None)
    return None if path is None else _parse(path.read_text(encoding="utf-8"), plain=module in PLAIN)


def _parse(source: str, plain: bool = False) -> _Module:
    """Takes a module apart; of plain data only methods count, and of those not what checks the fields."""
    tree, lines = ast.parse(source), _bare_lines(source)
    named: dict[str, list[_Piece]] = {}
    always: list[_Piece] = []
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom) or _is_text(node) or _is_for_types(node):
            continue
        piece = _class(node, lines, plain) if isinstance(node, ast.ClassDef) else _piece([node], lines)
        names = _given(node)
        for name in names:
            named.setdefault(name, []).append(piece)
        if not names or not isinstance(node, FUNCTION | ast.ClassDef | ast.Assign | ast.AnnAssign | ast.AugAssign):
            always.append(piece)
    inside = [node for node in tree.body if not isinstance(node, FUNCTION | ast.ClassDef)]
    return _Module(named, always, _imports(inside))


def _bare_lines(source: str) -> list[str]:
    """Gives the lines of a source, those of comments, docstrings and imports from the package empty."""
    lines = source.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    for node in ast.walk(ast.parse(source)):
        if _is_text(node) or isinstance(node, ast.Import | ast.ImportFrom):
            assert isinstance(node, ast.stmt)
            assert node.end_lineno is not None
            lines[node.lineno - 1 : node.end_lineno] = [""] * (node.end_lineno - node.lineno + 1)
    return [line.rstrip() for line in lines]


def _piece(nodes: Sequence[ast.AST], lines: Sequence[str], methods: Mapping[str, _Piece] | None = None) -> _Piece:
    """Makes a piece of statements and decorators."""
    text = [line for node in nodes for line in lines[_first(node) - 1 : node.end_lineno] if line]  # type: ignore[attr-defined]
    inner = [part for node in nodes for part in ast.walk(node)]
    attributes = [part for part in inner if isinstance(part, ast.Attribute)]
    taken = {part.value: part.attr for part in attributes if isinstance(part.value, ast.Name)}
    uses = frozenset(_Use(part.id, taken.get(part)) for part in inner if isinstance(part, ast.Name))
    words = {part.value for part in inner if isinstance(part, ast.Constant) and isinstance(part.value, str)}
    return _Piece("\n".join(text), uses, frozenset({part.attr for part in attributes} | words), _imports(nodes), methods or {})


def _class(node: ast.ClassDef, lines: Sequence[str], plain: bool) -> _Piece:
    """Makes a piece of a class. Its methods are pieces of their own, unless something outside of the package may call them."""
    bases = {base.id for base in node.bases if isinstance(base, ast.Name)}
    if node.bases and not plain and bases != {"Exception"}:
        return _piece([node], lines)
    functions = [part for part in node.body if isinstance(part, FUNCTION)]
    own = [part for part in functions if not part.name.startswith("__")]
    checks = [part for part in functions if part.name in ("__init__", "__post_init__")] if plain else []
    fields = [part for part in node.body if not isinstance(part, FUNCTION)] if not plain else []
    kept = [part for part in functions if part not in own and part not in checks]
    return _piece([*node.decorator_list, *node.bases, *fields, *kept], lines, {part.name: _piece([part], lines) for part in own})


def _first(node: ast.AST) -> int:
    """Gives the number of a node's first line, decorators included."""
    return int(min(part.lineno for part in [node, *getattr(node, "decorator_list", [])]))


def _imports(nodes: Iterable[ast.AST]) -> dict[str, Root]:
    """Gives what each name stands for that is imported below some nodes."""
    found = {}
    for node in (inner for outer in nodes for inner in ast.walk(outer)):
        for alias in node.names if isinstance(node, ast.Import | ast.ImportFrom) else ():
            if isinstance(node, ast.ImportFrom):
                found[alias.asname or alias.name] = Root(node.module or "", alias.name)
            elif alias.asname:
                found[alias.asname] = Root(alias.name)
            else:
                found[alias.name.partition(".")[0]] = Root(alias.name.partition(".")[0])
    return found


def _given(node: ast.stmt) -> list[str]:
    """Names what a statement at the top of a module gives a name to."""
    if isinstance(node, FUNCTION | ast.ClassDef):
        return [node.name]
    places: list[ast.AST] = [node]
    if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
        places = [*node.targets] if isinstance(node, ast.Assign) else [node.target]
    inner = [part for place in places for part in ast.walk(place)]
    if any(isinstance(part, ast.Attribute | ast.Subscript) for part in inner) and places != [node]:
        return []  # it changes what has a name
    stored = (part for part in inner if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store))
    return list(dict.fromkeys(part.id for part in stored))


def _is_text(node: ast.AST) -> bool:
    """Says whether a node is a statement of nothing but text: a docstring."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _is_for_types(node: ast.AST) -> bool:
    """Says whether a node is `if TYPE_CHECKING`."""
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
