"""Pieces of code: a module taken apart into its functions, classes, methods and constants, as bare code, and what each uses."""

import ast
import hashlib
import io
import tokenize
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

PACKAGE = "mixmnist"
FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Root:
    """Where a digest begins."""

    module: str  # its full name, or the path of a file outside of the package
    name: str | None = None  # at its top; None for all of it
    text: str | None = None  # of such a file, as it is now


@dataclass(frozen=True)
class Use:
    """A name that a piece uses."""

    name: str  # or, where it begins with the package's, several with dots between
    attribute: str | None  # what is taken of it at that place, if anything


@dataclass(frozen=True, eq=False)
class Piece:
    """Bare code, and what it uses."""

    text: str
    uses: frozenset[Use]
    mentions: frozenset[str]  # attributes that it takes of anything, and words that it holds as text
    imports: Mapping[str, Root]  # made inside it
    methods: "Mapping[str, Piece]"  # of a class: those that count only where they are mentioned

    @property
    def sum(self) -> str:
        """SHA-256 of its text."""
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True, eq=False)
class Module:
    """The pieces of a module."""

    named: Mapping[str, list[Piece]]  # several where a name is given more than once
    always: list[Piece]  # statements that run on import and give no name
    imports: Mapping[str, Root]
    folder: Path | None  # of a file outside of the package


@cache
def parse(source: str, plain: bool = False, folder: Path | None = None) -> Module:
    """Takes a module apart; of plain data only methods count, and of those not what checks the fields.

    Args:
        source: Its text.
        plain: Whether its classes are plain data.
        folder: Where it lies, if outside of the package; its classes then count whole.
    """
    tree, lines = ast.parse(source), _bare_lines(source)
    named: dict[str, list[Piece]] = {}
    always: list[Piece] = []
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom) or _is_text(node) or _is_for_types(node):
            continue
        piece = _class(node, lines, plain) if isinstance(node, ast.ClassDef) and folder is None else _piece([node], lines)
        names = _given(node)
        for name in names:
            named.setdefault(name, []).append(piece)
        if not names or not isinstance(node, FUNCTION | ast.ClassDef | ast.Assign | ast.AnnAssign | ast.AugAssign):
            always.append(piece)
    inside = [node for node in tree.body if not isinstance(node, FUNCTION | ast.ClassDef)]
    return Module(named, always, _imports(inside), folder)


def _bare_lines(source: str) -> list[str]:
    """Gives the lines of a source, comments, docstrings and imports taken out."""
    lines = source.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    statements = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.stmt)]
    for node in sorted(statements, key=lambda node: (node.lineno, node.col_offset), reverse=True):  # so that columns stay true
        if _is_text(node) or isinstance(node, ast.Import | ast.ImportFrom):
            _blank(node, lines)
    return [line.rstrip() for line in lines]


def _blank(node: ast.stmt, lines: list[str]) -> None:
    """Takes a statement out of its lines, and leaves what shares them."""
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    before = lines[node.lineno - 1].encode()[: node.col_offset].decode()  # columns are counted in bytes
    after = lines[node.end_lineno - 1].encode()[node.end_col_offset :].decode()
    shared = [before + after] if (before + after).strip() else [""]
    lines[node.lineno - 1 : node.end_lineno] = shared + [""] * (node.end_lineno - node.lineno)


def _piece(nodes: Sequence[ast.AST], lines: Sequence[str], methods: Mapping[str, Piece] | None = None) -> Piece:
    """Makes a piece of statements and decorators."""
    text = [line for node in nodes for line in lines[_first(node) - 1 : node.end_lineno] if line]  # type: ignore[attr-defined]
    inner = [part for node in nodes for part in ast.walk(node)]
    attributes = [part for part in inner if isinstance(part, ast.Attribute)]
    taken = {part.value: part.attr for part in attributes if isinstance(part.value, ast.Name)}
    names = [(part.id, taken.get(part)) for part in inner if isinstance(part, ast.Name)]
    dotted = [(ast.unparse(part), None) for part in attributes if _leftmost(part) == PACKAGE]
    uses = frozenset(Use(name, attribute) for name, attribute in [*names, *dotted])
    words = {part.value for part in inner if isinstance(part, ast.Constant) and isinstance(part.value, str)}
    return Piece("\n".join(text), uses, frozenset({part.attr for part in attributes} | words), _imports(nodes), methods or {})


def _class(node: ast.ClassDef, lines: Sequence[str], plain: bool) -> Piece:
    """Makes a piece of a class. Its methods are pieces of their own, unless something outside of the package may call them."""
    bases = {base.id for base in node.bases if isinstance(base, ast.Name)}
    if node.bases and not plain and bases != {"Exception"}:
        return _piece([node], lines)
    functions = [part for part in node.body if isinstance(part, FUNCTION)]
    own = [part for part in functions if not part.name.startswith("__")]
    checks = [part for part in functions if part.name in ("__init__", "__post_init__")] if plain else []
    fields = [part for part in node.body if not isinstance(part, FUNCTION)] if not plain else []
    kept = [part for part in functions if part not in own and part not in checks]
    methods = {part.name: _piece([part], lines) for part in own}
    whole = _piece([*node.decorator_list, *node.bases, *fields, *kept], lines, methods)
    return replace(whole, text=f"class {node.name}\n{whole.text}")


def _first(node: ast.AST) -> int:
    """Gives the number of a node's first line, decorators included."""
    return int(min(part.lineno for part in [node, *getattr(node, "decorator_list", [])]))


def _imports(nodes: Iterable[ast.AST]) -> dict[str, Root]:
    """Gives what each name stands for that is imported below some nodes."""
    found = {}
    for node in (inner for outer in nodes for inner in ast.walk(outer)):
        for alias in node.names if isinstance(node, ast.Import | ast.ImportFrom) else ():
            if isinstance(node, ast.ImportFrom):
                ours = node.level or (node.module or "").partition(".")[0] == PACKAGE
                if ours and (node.level or alias.name == "*"):
                    raise ValueError(
                        f"code must import from {PACKAGE} by name, got a dot or a star in line {node.lineno}. Name them."
                    )
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


def _leftmost(node: ast.Attribute) -> str | None:
    """Gives the name that a chain of attributes begins with."""
    value = node.value
    while isinstance(value, ast.Attribute):
        value = value.value
    return value.id if isinstance(value, ast.Name) else None
