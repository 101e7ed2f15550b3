"""Drawing: the places in a source that can be changed, what each is changed to, and a sample of them that a seed decides."""

import ast
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import parso.python.tree  # noqa: F401 -- before cosmic_ray, whose own imports go in a circle
from areas import AREAS, ROOT, Area
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator

# of Cosmic Ray's operators those that make a slip: nobody writes >> for +, and what fails at once tests nothing
BINARY = "Add_Sub Sub_Add Mul_Div Div_Mul FloorDiv_Mul Mod_FloorDiv Pow_Mul BitOr_BitAnd BitAnd_BitOr BitXor_BitAnd"
COMPARED = "Eq_NotEq NotEq_Eq Lt_LtE LtE_Lt Gt_GtE GtE_Gt Lt_Gt Gt_Lt LtE_GtE GtE_LtE Is_IsNot IsNot_Is"
UNARY = "Delete_USub Delete_Not Delete_Invert"
PLAIN = (
    "AddNot ReplaceTrueWithFalse ReplaceFalseWithTrue ReplaceAndWithOr ReplaceOrWithAnd ReplaceBreakWithContinue "
    "ReplaceContinueWithBreak ExceptionReplacer NumberReplacer ZeroIterationForLoop"
)
OPERATORS = (
    *(f"ReplaceBinaryOperator_{name}" for name in BINARY.split()),
    *(f"ReplaceComparisonOperator_{name}" for name in COMPARED.split()),
    *(f"ReplaceUnaryOperator_{name}" for name in UNARY.split()),
    *PLAIN.split(),
)
SCRIPT = {  # of the page's scripts, which no Python tool reads: what stands there, and what it is changed to
    " + ": " - ", " - ": " + ", " * ": " / ", " / ": " * ", " += ": " -= ", " < ": " > ", " > ": " >= ", " === ": " !== ",
    "++": "--", "= 0": "= 1", "= 1": "= 2", "0.5": "1.5", ": 0": ": 1", "? ": "? !", "(n - ": "(n + ",
}  # fmt: skip
SILENT = {"require", "warn", "tell", "skip"}  # calls whose words are read by people
GUARDS = {"strict", "frozen"}  # arguments that only say what is believed
SPEED = {"AT_ONCE", "BATCH", "CHUNK", "TOGETHER"}  # constants that decide how much is held at once, and no number
Place = tuple[int, int]  # line and column


@dataclass(frozen=True)
class Mutant:
    """One change of one place."""

    area: str
    path: Path
    operator: str
    occurrence: int  # of the operator in the file
    line: int
    column: int
    text: str  # the line as it is
    version: str  # sum of the file that it was made of

    @property
    def key(self) -> str:
        """What it is known by: the same as long as its file is the same."""
        return _sum(self.name, self.operator, str(self.occurrence), self.version)

    @property
    def name(self) -> str:
        """The file, below the package."""
        return self.path.relative_to(ROOT / "mixmnist").as_posix()

    @property
    def kin(self) -> str:
        """What its reason is known by, if it survives: the same while its line is, wherever that stands."""
        return _sum(self.name, self.text, self.became)[:12]

    @property
    def became(self) -> str:
        """The line as it is with the change."""
        lines = (self.source() or "").splitlines()
        return lines[self.line - 1].strip() if len(lines) >= self.line else ""

    @property
    def function(self) -> tuple[str, int] | None:
        """The file, and the line at which the innermost function around the place begins; None outside of any."""
        if self.path.suffix != ".py":
            return None
        around = [0]
        for node in ast.walk(ast.parse(self.path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                first, last = node.body[0].lineno, node.end_lineno or 0
                if first <= self.line <= last:
                    around.append(min([node.lineno, *(one.lineno for one in node.decorator_list)]))
        return (str(self.path), max(around)) if max(around) else None

    def row(self) -> dict[str, str]:
        """Gives what a table says of it, whatever becomes of it."""
        known = {"key": self.key, "file": self.name, "line": str(self.line), "operator": self.operator, "area": self.area}
        return known | {"kin": self.kin, "text": self.text, "became": self.became}

    def source(self) -> str | None:
        """Gives the file's text with the change; None where it would not even compile."""
        text = self.path.read_text(encoding="utf-8")
        if self.path.suffix == ".js":
            lines = text.splitlines(keepends=True)
            line = lines[self.line - 1]
            lines[self.line - 1] = line[: self.column] + SCRIPT[self.operator] + line[self.column + len(self.operator) :]
            return "".join(lines)
        changed: str | None = mutate_code(text, get_operator(f"core/{self.operator}")(), self.occurrence)
        try:
            same = changed is None or ast.dump(ast.parse(changed)) == ast.dump(ast.parse(text))
        except SyntaxError:
            return None
        return None if same else changed


def draw(seed: int, share: float = 1.0) -> list[Mutant]:
    """Draws a sample, of each area its share of the quota; at most one mutant a place.

    A place keeps its rank while its line stays as it is, so that a sample changes little where the sources do.
    """
    return [mutant for name, area in AREAS.items() for mutant in _of_area(name, area, seed, max(1, round(area.quota * share)))]


def _of_area(name: str, area: Area, seed: int, number: int) -> list[Mutant]:
    every = [mutant for path in area.files() for mutant in _of_file(name, path)]
    ranked = sorted(every, key=lambda m: _sum(str(seed), m.name, m.text, str(m.column), m.operator, str(m.occurrence % 2)))
    chosen: dict[tuple[str, int, int], Mutant] = {}
    for mutant in ranked:
        place = (mutant.name, mutant.line, mutant.column)
        if len(chosen) < number and place not in chosen and mutant.source() is not None:
            chosen[place] = mutant
    return list(chosen.values())


def _of_file(area: str, path: Path) -> Iterator[Mutant]:
    text = path.read_text(encoding="utf-8")
    lines, version = text.splitlines(), _sum(text)
    found = _in_script(lines) if path.suffix == ".js" else _in_python(text)
    for operator, occurrence, line, column in found:
        yield Mutant(area, path, operator, occurrence, line, column, lines[line - 1].strip(), version)


def _in_script(lines: Sequence[str]) -> Iterator[tuple[str, int, int, int]]:
    for number, line in enumerate(lines, start=1):
        code = line.split("//")[0]
        for before in SCRIPT:
            for found in re.finditer(re.escape(before), code):
                yield before, 0, number, found.start()


@cache
def _in_python(text: str) -> list[tuple[str, int, int, int]]:
    tree, silent = get_ast(text), _silent(text)
    found = []
    for name in OPERATORS:
        operator = get_operator(f"core/{name}")()
        places = (place for node in ast_nodes(tree) for place in operator.mutation_positions(node))
        for occurrence, (start, _end) in enumerate(places):
            if not any(first <= start < last for first, last in silent):
                found.append((name, occurrence, *start))
    return found


def _silent(text: str) -> list[tuple[Place, Place]]:
    """Gives the stretches where a change alters no result: types, words for people, beliefs; and where it must fail at once."""
    found: list[ast.AST] = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found += [node.returns] if node.returns else []
        elif isinstance(node, ast.arg | ast.AnnAssign):
            found += [node.annotation] if node.annotation else []
        elif isinstance(node, ast.Raise | ast.Assert | ast.JoinedStr) or _is_speed(node):
            found.append(node)
        elif isinstance(node, ast.Call):
            called = getattr(node.func, "id", getattr(node.func, "attr", ""))
            found += node.args[1:] if called == "require" else node.args if called in SILENT else []
            found += node.args[1:] if called == "isinstance" else []
            found += [keyword for keyword in node.keywords if keyword.arg in GUARDS]
        elif isinstance(node, ast.BinOp) and any(_is_text(part) for part in (node.left, node.right)):
            found.append(_between(node))
    return [((node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)) for node in found]  # type: ignore[attr-defined]


def _is_speed(node: ast.AST) -> bool:
    """Says whether a constant is set that decides how much is held at once."""
    return isinstance(node, ast.Assign) and bool(SPEED & {getattr(target, "id", "") for target in node.targets})


def _is_text(node: ast.expr) -> bool:
    """Says whether something is a text or a list: with another sign beside it Python fails at once."""
    return isinstance(node, ast.JoinedStr | ast.List | ast.Tuple | ast.Dict | ast.Constant) and not isinstance(
        getattr(node, "value", None), int | float
    )


def _between(node: ast.BinOp) -> ast.AST:
    """Gives the stretch of the sign between two operands."""
    left, right = node.left, node.right
    assert left.end_lineno is not None
    assert left.end_col_offset is not None
    place = ast.Pass(lineno=left.end_lineno, col_offset=left.end_col_offset)
    place.end_lineno, place.end_col_offset = right.lineno, right.col_offset
    return place


def _sum(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
