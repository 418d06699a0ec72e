"""Test code, taken apart before a solution is seen: which statements are tests, and which names they want of it."""

from __future__ import annotations

import ast
import builtins
import copy
import sys
import threading
import warnings
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from agentrl.errors import DataError

__all__ = ["Split", "Style", "constant_answers", "split"]

Style = Literal["asserts", "check", "unittest"]


@dataclass(frozen=True, slots=True)
class Split:
    """Test code with its tests counted.

    Attributes:
        body: The statements that hold the tests, each with the number of its test, or -1.
        check: The function that the body is of, if it is of one.
        around: The module's other statements.
        tests: The source of each test.
        units: For unittest, the class and the method of each test.
        names: Names that are used and nowhere bound.
        modules: Those of them that are used like modules of the standard library, as in `math.isclose`.
        setup_names: Names that the setup uses.
    """

    body: tuple[tuple[int, ast.stmt], ...]
    check: ast.FunctionDef | None
    around: tuple[ast.stmt, ...]
    tests: tuple[str, ...]
    units: tuple[tuple[str, str], ...]
    names: tuple[str, ...]
    modules: frozenset[str]
    setup_names: frozenset[str]

    def source(self, wanted: Sequence[int]) -> str:
        """The code with `with __test__(i):` around each wanted test, and without the other tests."""
        body = [_guarded(i, statement) for i, statement in self.body if i < 0 or i in wanted]
        if self.check is not None:
            function = copy.copy(self.check)
            function.body = body
            body = [*self.around, function, ast.parse("check(candidate)").body[0]]
        return ast.unparse(ast.fix_missing_locations(ast.Module(body, [])))


def split(tests: Any, style: Any, entry: str, setup: str) -> Split:
    """Take test code apart.

    A test is a top-level statement that asserts something (a constant is nothing), or calls a function of the tests
    that does; for "check", such a statement of `check`; for "unittest", a method.

    Raises:
        DataError: It cannot be read, or holds no test.
    """
    if style not in get_args(Style):
        raise DataError(f"the suite's style is {style!r:.40}; allowed: {', '.join(get_args(Style))}")
    if isinstance(tests, list) and all(isinstance(item, str) for item in tests):
        tests = "\n".join(tests)
    if not isinstance(tests, str):
        raise DataError(f"the suite's tests must be code or a list of code, got {tests!r:.40}")
    try:
        module, before = _parsed(tests), _parsed(setup)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise DataError(f"the suite's tests or setup are no Python: {error}") from None
    check, around = _check(module, entry) if style == "check" else (None, module.body)
    body = check.body if check else module.body
    units = tuple(_units(module)) if style == "unittest" else ()
    if style == "unittest":
        numbered = [(-1, statement) for statement in body]
        sources = [f"{case}.{method}" for case, method in units]
    else:
        asserting = {x.name for x in module.body if isinstance(x, ast.FunctionDef) and _asserts(x.body)}
        held = [_is_test(statement, asserting) for statement in body]
        numbered = [(sum(held[:i]) if is_test else -1, body[i]) for i, is_test in enumerate(held)]
        sources = [ast.unparse(statement) for number, statement in numbered if number >= 0]
    if not sources:
        raise DataError("the suite's tests assert nothing")
    names = _loads(module, before) - _bound(module, before) - _GIVEN
    return Split(
        body=tuple(numbered),
        check=check,
        around=tuple(around),
        tests=tuple(sources),
        units=units,
        names=tuple(sorted(names)),
        modules=frozenset(names & sys.stdlib_module_names - _called_names(module, before)),
        setup_names=frozenset(_loads(before)),
    )


def _parsed(code: str) -> ast.Module:
    with _parsing, warnings.catch_warnings():  # public test code is full of "\\d"
        warnings.simplefilter("ignore")
        return ast.parse(code)


def _guarded(number: int, statement: ast.stmt) -> ast.stmt:
    if number < 0:
        return statement
    call = ast.Call(ast.Name("__test__", ast.Load()), [ast.Constant(number)], [])
    return ast.With([ast.withitem(call)], [statement])


def _check(module: ast.Module, entry: str) -> tuple[ast.FunctionDef, list[ast.stmt]]:
    if not entry:
        raise DataError("a suite in the style 'check' needs an 'entry'")
    found = [x for x in module.body if isinstance(x, ast.FunctionDef) and x.name == "check"]
    if len(found) != 1 or len(found[0].args.args) != 1:
        raise DataError("tests in the style 'check' define one function check(candidate)")
    return found[0], [x for x in module.body if x is not found[0] and _called(x) != "check"]


def _units(module: ast.Module) -> Iterator[tuple[str, str]]:
    """Every test method of every test case, those that it inherits from another one here included."""
    methods: dict[str, list[str]] = {}
    for case in (x for x in module.body if isinstance(x, ast.ClassDef)):
        bases = [ast.unparse(base) for base in case.bases]
        if not any(base in methods or "TestCase" in base for base in bases):
            continue
        found = [name for base in bases for name in methods.get(base, [])]
        for method in case.body:
            if isinstance(method, ast.AsyncFunctionDef) and method.name.startswith("test"):
                raise DataError(f"the suite's test {case.name}.{method.name} is asynchronous; that is not supported")
            if isinstance(method, ast.FunctionDef) and method.name.startswith("test") and method.name not in found:
                found.append(method.name)
        methods[case.name] = found
        yield from ((case.name, name) for name in found)


def _called(statement: ast.stmt) -> str:
    """The name of the function that a bare call is of."""
    match statement:
        case ast.Expr(ast.Call(ast.Name(name))):
            return name
    return ""


def _is_test(statement: ast.stmt, asserting: set[str]) -> bool:
    if isinstance(statement, _DEFINITIONS):
        return False
    calls = {x.func.id for x in ast.walk(statement) if isinstance(x, ast.Call) and isinstance(x.func, ast.Name)}
    return _asserts([statement]) or bool(calls & asserting)


def _asserts(body: Sequence[ast.AST]) -> bool:
    """Whether statements assert something when they run; definitions in them do not run."""
    for node in body:
        if isinstance(node, ast.Raise) or (isinstance(node, ast.Assert) and not isinstance(node.test, ast.Constant)):
            return True
        if not isinstance(node, _DEFINITIONS) and _asserts(list(ast.iter_child_nodes(node))):
            return True
    return False


def _loads(*trees: ast.AST) -> set[str]:
    names = (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Name))
    return {name.id for name in names if isinstance(name.ctx, ast.Load)}


def _called_names(*trees: ast.AST) -> set[str]:
    calls = (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call))
    return {call.func.id for call in calls if isinstance(call.func, ast.Name)}


def _bound(*trees: ast.AST) -> set[str]:
    found = set()
    for node in (node for tree in trees for node in ast.walk(tree)):
        match node:
            case ast.Name(name, ast.Store() | ast.Del()) | ast.arg(name) | ast.ExceptHandler(name=str(name)):
                found.add(name)
            case ast.FunctionDef(name) | ast.AsyncFunctionDef(name) | ast.ClassDef(name):
                found.add(name)
            case ast.alias(name, asname):
                found.add((asname or name).partition(".")[0])
    return found


def constant_answers(test: str, names: Container[str]) -> list[Any]:
    """The one answer that a test asks for, if it can be seen: `f(...) == literal`, `f(...)`, `not f(...)`.

    >>> constant_answers("assert f(2) == [4]", ["f"]), constant_answers("assert not f(2)", ["f"])
    ([[4]], [False])
    >>> constant_answers("assert f(2) < 5", ["f"]), constant_answers("assert isclose(f(2), 5)", ["f"])
    ([], [])
    """
    match ast.parse(test).body:
        case [ast.Assert(ast.Compare(left, [ast.Eq() | ast.Is()], [right]))]:
            literals = [side for side in (left, right) if not isinstance(side, (ast.Call, ast.Name))]
        case [ast.Assert(ast.Call(ast.Name(name)))] if name in names:
            return [True]
        case [ast.Assert(ast.UnaryOp(ast.Not(), ast.Call(ast.Name(name))))] if name in names:
            return [False]
        case _:
            return []
    try:
        return [ast.literal_eval(side) for side in literals][:1]
    except (ValueError, TypeError, RecursionError, MemoryError):
        return []


_parsing = threading.Lock()  # the filters of warnings are one for all threads
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
_GIVEN = {*dir(builtins), "candidate", "check", "__file__"}
