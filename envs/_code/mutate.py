"""Small wrong edits of working programs: mutation operators on the syntax tree.

An operator says what a node may be replaced by; an edit is one such replacement at one place. The operators imitate
mistakes that people make (Just et al. 2014, "Are mutants a valid substitute for real faults?", FSE; the bug types of
HumanEvalFix, arXiv:2308.07124). That an edit changes what a program does is for its tests to show.
"""

from __future__ import annotations

import ast
import copy
import functools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

__all__ = ["OPERATORS", "Edit", "Mutant", "edits", "mutants"]

Body = list[ast.stmt]
Operator = Callable[[ast.AST, frozenset[str]], Iterator["ast.AST | Body"]]
"""From a node and the program's own variables to what the node may become; a list replaces a statement."""

_FLIP: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.Gt,
    ast.Gt: ast.Lt,
    ast.LtE: ast.GtE,
    ast.GtE: ast.LtE,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_BOUNDARY: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
}
_OTHER: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Pow: ast.Mult,
    ast.Div: ast.FloorDiv,
    ast.FloorDiv: ast.Mod,
    ast.Mod: ast.FloorDiv,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitAnd,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
_ORDERED = (ast.Sub, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow)
_PAIRS = (
    ("min", "max"),
    ("any", "all"),
    ("lower", "upper"),
    ("append", "extend"),
    ("startswith", "endswith"),
    ("lstrip", "rstrip"),
)
_LIKE = dict(_PAIRS) | {b: a for a, b in _PAIRS}


@dataclass(frozen=True, slots=True)
class Edit:
    """One replacement: by which operator, in which line of the program, and what comes of the program."""

    operator: str
    line: int
    source: str


@dataclass(frozen=True, slots=True)
class Mutant:
    """A program after one or more edits."""

    source: str
    edits: tuple[Edit, ...]


def _compare(table: dict[type[ast.cmpop], type[ast.cmpop]], node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Compare):
        for i, op in enumerate(node.ops):
            if type(op) in table:
                ops = [*node.ops[:i], table[type(op)](), *node.ops[i + 1 :]]
                yield ast.Compare(node.left, ops, node.comparators)


def _flipped_comparison(node: ast.AST, names: frozenset[str]) -> Iterator[ast.AST]:
    """`a < b` -> `a > b`, `a == b` -> `a != b`."""
    yield from _compare(_FLIP, node)


def _comparison_boundary(node: ast.AST, names: frozenset[str]) -> Iterator[ast.AST]:
    """`a < b` -> `a <= b`."""
    yield from _compare(_BOUNDARY, node)


def _constant_off_by_one(node: ast.AST, names: frozenset[str]) -> Iterator[ast.AST]:
    """`1` -> `2`, `0`."""
    if isinstance(node, ast.Constant) and type(node.value) is int:
        yield ast.Constant(node.value + 1)
        yield ast.Constant(node.value - 1)


def _wrong_operator(node: ast.AST, names: frozenset[str]) -> Iterator[ast.AST]:
    """`a + b` -> `a - b`, also in `a += b`."""
    if isinstance(node, ast.BinOp) and type(node.op) in _OTHER:
        yield ast.BinOp(node.left, _OTHER[type(node.op)](), node.right)
    if isinstance(node, ast.AugAssign) and type(node.op) in _OTHER:
        yield ast.AugAssign(node.target, _OTHER[type(node.op)](), node.value)


def _swapped_operands(node: ast.AST, names: frozenset[str]) -> Iterator[ast.AST]:
    """`a - b` -> `b - a`."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, _ORDERED):
        yield ast.BinOp(node.right, node.op, node.left)


def _swapped_arguments(node: ast.AST, names: frozenset[str]) -> Iterator[ast.AST]:
    """`f(a, b)` -> `f(b, a)`."""
    if isinstance(node, ast.Call):
        for i in range(len(node.args) - 1):
            args = [*node.args[:i], node.args[i + 1], node.args[i], *node.args[i + 2 :]]
            yield ast.Call(node.func, args, node.keywords)


def _similar_function(node: ast.AST, names: frozenset[str]) -> Iterator[ast.AST]:
    """`min(x)` -> `max(x)`, `x.lower()` -> `x.upper()`."""
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Name) and node.func.id in _LIKE:
            yield ast.Call(ast.Name(_LIKE[node.func.id], ast.Load()), node.args, node.keywords)
        if isinstance(node.func, ast.Attribute) and node.func.attr in _LIKE:
            yield ast.Call(ast.Attribute(node.func.value, _LIKE[node.func.attr], ast.Load()), node.args, node.keywords)


def _dropped_statement(node: ast.AST, names: frozenset[str]) -> Iterator[Body]:
    """An assignment in place, a call, a `continue` or a `break` that is not there."""
    if isinstance(node, ast.AugAssign | ast.Continue | ast.Break):
        yield []
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield []


def _plain_assignment(node: ast.AST, names: frozenset[str]) -> Iterator[ast.AST]:
    """`a += b` -> `a = b`."""
    if isinstance(node, ast.AugAssign):
        yield ast.Assign([node.target], node.value)


def _negated_condition(node: ast.AST, names: frozenset[str]) -> Iterator[ast.AST]:
    """`if a:` -> `if not a:`, and back."""
    if isinstance(node, ast.If | ast.While | ast.IfExp):
        changed = copy.copy(node)
        bare = isinstance(node.test, ast.UnaryOp) and isinstance(node.test.op, ast.Not)
        changed.test = node.test.operand if bare else ast.UnaryOp(ast.Not(), node.test)  # type: ignore[attr-defined]
        yield changed


def _other_connective(node: ast.AST, names: frozenset[str]) -> Iterator[ast.AST]:
    """`a and b` -> `a or b`."""
    if isinstance(node, ast.BoolOp):
        yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)


def _dropped_condition(node: ast.AST, names: frozenset[str]) -> Iterator[ast.AST]:
    """`a and b` -> `b`."""
    if isinstance(node, ast.BoolOp) and len(node.values) == 2:
        yield from reversed(node.values)


def _missing_guard(node: ast.AST, names: frozenset[str]) -> Iterator[Body]:
    """`if edge: return x` that is not there."""
    if isinstance(node, ast.If) and not node.orelse and isinstance(node.body[-1], ast.Return):
        yield []


def _wrong_return(node: ast.AST, names: frozenset[str]) -> Iterator[ast.AST]:
    """`return True` -> `return False`, `return a` -> `return b`, a variable of the program."""
    if not isinstance(node, ast.Return) or node.value is None:
        return
    if isinstance(node.value, ast.Constant) and isinstance(node.value.value, bool):
        yield ast.Return(ast.Constant(not node.value.value))
    elif not isinstance(node.value, ast.Constant):
        for name in sorted(names - {ast.unparse(node.value)}):
            yield ast.Return(ast.Name(name, ast.Load()))


def _early_return(node: ast.AST, names: frozenset[str]) -> Iterator[ast.AST]:
    """`return x` after a loop that also stands at the loop's end, as if indented too far."""
    if isinstance(node, ast.FunctionDef):
        for i, (loop, after) in enumerate(zip(node.body, node.body[1:], strict=False)):
            if isinstance(loop, ast.For | ast.While) and isinstance(after, ast.Return):
                inner = copy.copy(loop)
                inner.body = [*loop.body, after]
                changed = copy.copy(node)
                changed.body = [*node.body[:i], inner, *node.body[i + 1 :]]
                yield changed


def _variable_misuse(node: ast.AST, names: frozenset[str]) -> Iterator[ast.AST]:
    """`a` -> `b`, another variable of the program."""
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in names:
        for name in sorted(names - {node.id}):
            yield ast.Name(name, ast.Load())


def _range_end(node: ast.AST, names: frozenset[str]) -> Iterator[ast.AST]:
    """`range(n)` -> `range(n - 1)`, `range(n + 1)`, `range(1, n)`."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range":
        end = 0 if len(node.args) == 1 else 1
        for step in (ast.Add(), ast.Sub()):
            args = [*node.args[:end], ast.BinOp(node.args[end], step, ast.Constant(1)), *node.args[end + 1 :]]
            yield ast.Call(node.func, args, [])
        if len(node.args) == 1:
            yield ast.Call(node.func, [ast.Constant(1), *node.args], [])


def _shifted_index(node: ast.AST, names: frozenset[str]) -> Iterator[ast.AST]:
    """`a[i]` -> `a[i + 1]`, `a[i - 1]`, also for the ends of `a[i:j]`."""
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        for step in (ast.Add(), ast.Sub()):
            if not isinstance(node.slice, ast.Slice | ast.Tuple | ast.Constant):
                yield ast.Subscript(node.value, ast.BinOp(node.slice, step, ast.Constant(1)), node.ctx)
            for end in ("lower", "upper"):
                bound = getattr(node.slice, end, None)
                if bound is not None:
                    cut = copy.copy(node.slice)
                    setattr(cut, end, ast.BinOp(bound, step, ast.Constant(1)))
                    yield ast.Subscript(node.value, cut, node.ctx)


OPERATORS: dict[str, Operator] = {
    operator.__name__.removeprefix("_"): operator
    for operator in (
        _flipped_comparison,
        _comparison_boundary,
        _constant_off_by_one,
        _wrong_operator,
        _swapped_operands,
        _swapped_arguments,
        _similar_function,
        _dropped_statement,
        _plain_assignment,
        _negated_condition,
        _other_connective,
        _dropped_condition,
        _missing_guard,
        _wrong_return,
        _early_return,
        _variable_misuse,
        _range_end,
        _shifted_index,
    )
}


def _hints(tree: ast.AST) -> Iterator[ast.AST]:
    """Every annotation of an argument, a result or a variable."""
    for node in ast.walk(tree):
        for hint in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            if isinstance(hint, ast.AST):
                yield hint


@functools.lru_cache(maxsize=64)
def edits(source: str) -> tuple[Edit, ...]:
    r"""Every edit of a program by every operator, each once, none that leaves it as it is.

    >>> [(e.operator, e.source.split("return ")[1]) for e in edits("def f(n):\n    return n > 0")]
    ... # doctest: +NORMALIZE_WHITESPACE
    [('wrong_return', 'n'), ('flipped_comparison', 'n < 0'), ('comparison_boundary', 'n >= 0'),
     ('constant_off_by_one', 'n > 1'), ('constant_off_by_one', 'n > -1')]

    Raises:
        SyntaxError: It is no program.
    """
    tree = ast.parse(source)
    names = _variables(tree)
    found = {ast.unparse(tree): Edit("", 0, "")}
    hints = {id(part) for hint in _hints(tree) for part in ast.walk(hint)}  # an edit there changes nothing that runs
    for index, node in enumerate(ast.walk(tree)):
        for name, operator in OPERATORS.items() if id(node) not in hints else ():
            for new in operator(node, names):
                changed = _replaced(tree, index, new)
                found.setdefault(changed, Edit(name, getattr(node, "lineno", 0), changed))
    return tuple(found.values())[1:]


def mutants(source: str, seed: str, *, count: int = 1) -> Iterator[Mutant]:
    """Mutants of `count` edits each in a seeded order; those of one edit end when each was given once.

    Each operator that applies has the same chance, however many places it applies at.

    Raises:
        SyntaxError: It is no program.
    """
    draw = random.Random(seed)
    seen = {ast.unparse(ast.parse(source))}
    for _ in range(1000):  # more is not worth the wait: few programs have as many edits
        mutant = Mutant(source, ())
        for _ in range(count):
            by_operator: dict[str, list[Edit]] = {}
            for edit in edits(mutant.source):
                if edit.source not in seen:
                    by_operator.setdefault(edit.operator, []).append(edit)
            if not by_operator:
                return
            edit = draw.choice(by_operator[draw.choice(sorted(by_operator))])
            mutant = Mutant(edit.source, (*mutant.edits, edit))
        seen.add(mutant.source)
        yield mutant


def _variables(tree: ast.AST) -> frozenset[str]:
    """Names that the program binds: parameters, targets; not its functions."""
    nodes = list(ast.walk(tree))
    stored = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return frozenset(stored | {node.arg for node in nodes if isinstance(node, ast.arg)}) - {"_", "self"}


def _replaced(tree: ast.AST, index: int, new: ast.AST | Body) -> str:
    """The program with the node at a place of `ast.walk` replaced."""
    changed = copy.deepcopy(tree)
    target = next(node for i, node in enumerate(ast.walk(changed)) if i == index)
    for parent in ast.walk(changed):
        for field, value in ast.iter_fields(parent):
            if value is target:
                setattr(parent, field, new)
            elif isinstance(value, list) and any(item is target for item in value):
                at = next(i for i, item in enumerate(value) if item is target)
                value[at : at + 1] = new if isinstance(new, list) else [new]
                if not value and field == "body":
                    value.append(ast.Pass())
    return ast.unparse(ast.fix_missing_locations(changed))
