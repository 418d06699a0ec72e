"""The suites of tests that a code task may carry, checked before any solution is seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, get_args

from agentrl.errors import DataError, UsageError, suggest
from agentrl.programs import Limits
from agentrl.sandboxes._drivers.functions import Refused, decode, encode
from agentrl.verifiers._code.asserts import Split, constant_answers, split
from agentrl.verifiers._code.compare import Compare, Rule, equal, same_output

__all__ = ["AssertSuite", "Case", "FunctionSuite", "Printed", "StdioSuite", "Suite", "parse"]

_CONSTANTS: tuple[Any, ...] = (0, 1, -1, 0.0, "", True, False, None, [], {}, "YES", "NO", "Yes", "No", "0", "1", "-1")
_COMMON = ("format", "limits", "message_bytes")
_KEYS = {
    "function": (*_COMMON, "entry", "cases", "seq_equiv", "rel_tol", "abs_tol", "nan_ok", "iterable", "typed", "fresh"),
    "stdio": (*_COMMON, "cases", "compare", "rel_tol", "abs_tol"),
    "asserts": (*_COMMON, "setup", "tests", "style", "entry", "names", "visible"),
}


@dataclass(frozen=True, slots=True)
class Case:
    """One call: arguments as typed JSON, and the value that it must give."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    expected: Any
    visible: bool
    shown: str


@dataclass(frozen=True, slots=True)
class Printed:
    """One run: what it reads, and what it must print."""

    stdin: str
    stdout: str
    visible: bool


@dataclass(frozen=True, slots=True)
class FunctionSuite:
    """Calls of one function. `fresh` gives every case a process of its own."""

    entry: str
    cases: tuple[Case, ...]
    rule: Rule
    iterable: bool
    fresh: bool
    limits: Limits
    cap: int

    def visible(self) -> list[bool]:
        """Per test."""
        return [case.visible for case in self.cases]

    def baseline(self, deciding: Sequence[int]) -> float:
        """The largest share of these tests that one constant passes."""
        wanted = [self.cases[i].expected for i in deciding]
        return _share([*_CONSTANTS, *_common(wanted)], wanted, lambda g, w: equal(g, w, self.rule))


@dataclass(frozen=True, slots=True)
class StdioSuite:
    """Runs of a program, each in a box of its own."""

    cases: tuple[Printed, ...]
    compare: Compare
    rule: Rule
    limits: Limits
    cap: int = 0

    def visible(self) -> list[bool]:
        """Per test."""
        return [case.visible for case in self.cases]

    def baseline(self, deciding: Sequence[int]) -> float:
        """The largest share of these tests that one constant passes."""
        wanted = [self.cases[i].stdout for i in deciding]
        constants = [*(str(c) for c in _CONSTANTS), *_common(wanted)]
        return _share(constants, wanted, lambda g, w: same_output(g, w, self.compare, self.rule))


@dataclass(frozen=True, slots=True)
class AssertSuite:
    """Statements that use the solution's names; `names` maps each to the solution's path for it."""

    setup: str
    split: Split
    names: Mapping[str, str]
    shown: frozenset[int]
    limits: Limits
    cap: int

    def visible(self) -> list[bool]:
        """Per test."""
        return [i in self.shown for i in range(len(self.split.tests))]

    def baseline(self, deciding: Sequence[int]) -> float:
        """The largest share of these tests that one constant passes, as far as they are `f(...) == literal`."""
        wanted = [answer for i in deciding for answer in constant_answers(self.split.tests[i], self.names)]
        found = _share([*_CONSTANTS, *_common(wanted)], wanted, lambda g, w: equal(g, w, Rule()))
        return found * len(wanted) / len(deciding)


Suite = FunctionSuite | StdioSuite | AssertSuite


def _common(wanted: Sequence[Any]) -> list[Any]:
    """The values that are wanted most often: 50 are enough to hold the best of them."""
    spelled = {encode(value): value for value in wanted}
    counts = Counter(encode(value) for value in wanted)
    return [spelled[text] for text, _ in counts.most_common(50)]


def _share(constants: Sequence[Any], wanted: Sequence[Any], same: Callable[[Any, Any], bool]) -> float:
    return max((sum(same(c, w) for w in wanted) for c in constants), default=0) / max(1, len(wanted))


def parse(suite: Any) -> Suite:
    """Read a suite.

    Raises:
        DataError: It has no test, or something in it is not what it should be.
    """
    if not isinstance(suite, Mapping):
        raise DataError(f"a suite of tests is a mapping, got {type(suite).__name__}")
    kind = suite.get("format")
    if kind not in _KEYS:
        raise DataError(f"the suite's format is {kind!r:.40}; allowed: {', '.join(_KEYS)}")
    for key in suite:
        if key not in _KEYS[kind]:
            raise DataError(f"a {kind} suite has no key {key!r:.40}: {suggest(str(key), _KEYS[kind])}")
    try:
        return {"function": _function, "stdio": _stdio, "asserts": _asserts}[kind](suite)
    except Refused as why:
        raise DataError(f"a value of the suite cannot be used: {why}") from None


def _function(suite: Mapping[str, Any]) -> Suite:
    entry = _typed(suite, "entry", str)
    if not entry or not all(part.isidentifier() for part in entry.split(".")):
        raise DataError(f"the suite's entry must be a name or Class.method, got {entry!r:.80}")
    typed = _typed(suite, "typed", bool, default=False)
    cases = tuple(_case(case, entry, decode if typed else _plain) for case in _cases(suite))
    largest = max(len(encode(case.expected)) for case in cases)
    return FunctionSuite(
        entry,
        cases,
        _rule(suite),
        _typed(suite, "iterable", bool, default=False),
        _typed(suite, "fresh", bool, default=False),
        _limits(suite),
        max(_cap(suite), 2 * largest),
    )


def _plain(value: Any) -> Any:
    encode(value)
    return value


def _case(case: Mapping[str, Any], entry: str, read: Callable[[Any], Any]) -> Case:
    if "expected" not in case:
        raise DataError("a case of a function suite needs the key 'expected'")
    args = [read(value) for value in _typed(case, "args", list, default=[])]
    kwargs = {str(name): read(value) for name, value in _typed(case, "kwargs", dict, default={}).items()}
    shown = ", ".join([*(repr(value) for value in args), *(f"{name}={value!r}" for name, value in kwargs.items())])
    return Case(
        args=tuple(_tree(value) for value in args),
        kwargs={name: _tree(value) for name, value in kwargs.items()},
        expected=read(case["expected"]),
        visible=_typed(case, "visible", bool, default=False),
        shown=f"{entry}({shown})",
    )


def _tree(value: Any) -> Any:
    import json

    return json.loads(encode(value))


def _stdio(suite: Mapping[str, Any]) -> Suite:
    compare = suite.get("compare", "trim")
    if compare not in get_args(Compare):
        raise DataError(f"the suite's compare is {compare!r:.40}; allowed: {', '.join(get_args(Compare))}")
    cases = tuple(
        Printed(
            _typed(case, "stdin", str, default=""),
            _typed(case, "stdout", str),
            _typed(case, "visible", bool, default=False),
        )
        for case in _cases(suite)
    )
    limits = _limits(suite)
    largest = max(len(case.stdout.encode("utf-8", "surrogatepass")) for case in cases)
    limits = replace(limits, output_bytes=max(limits.output_bytes, 2 * largest))
    return StdioSuite(cases, compare, _rule(suite), limits)


def _asserts(suite: Mapping[str, Any]) -> Suite:
    entry = _typed(suite, "entry", str, default="")
    setup = _typed(suite, "setup", str, default="")
    found = split(suite.get("tests"), suite.get("style", "asserts"), entry, setup)
    given = _typed(suite, "names", list, default=[])
    modules = sorted(found.modules - set(given))  # imported for the tests, which forgot to
    setup = "\n".join([setup, *(f"import {name}" for name in modules)]).strip()
    names = {name: name for name in (*found.names, *given) if name not in modules}
    if entry:
        names |= {"candidate": entry, entry.rpartition(".")[2]: entry}
    shown = _typed(suite, "visible", list, default=[])
    if any(type(i) is not int or not 0 <= i < len(found.tests) for i in shown):
        raise DataError(f"the suite's visible tests are numbers from 0 to {len(found.tests) - 1}, got {shown!r:.80}")
    if not names:
        raise DataError("the tests use no name of the solution; give the suite an 'entry' or 'names'")
    return AssertSuite(setup, found, names, frozenset(shown), _limits(suite), _cap(suite))


def _cases(suite: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    cases: list[Mapping[str, Any]] = _typed(suite, "cases", list)
    if not cases or not all(isinstance(case, Mapping) for case in cases):
        raise DataError("a suite needs at least one case, and each is a mapping")
    return cases


def _rule(suite: Mapping[str, Any]) -> Rule:
    given = {field.name: suite[field.name] for field in fields(Rule) if field.name in suite}
    for name, value in given.items():
        wanted = bool if name in ("seq_equiv", "nan_ok") else float
        if not isinstance(value, (wanted, int)) or not value >= 0:
            raise DataError(f"the suite's {name} is {value!r:.40}; it must be a {wanted.__name__}, not below 0")
    return Rule(**given)


def _limits(suite: Mapping[str, Any]) -> Limits:
    given = _typed(suite, "limits", dict, default={})
    known = [field.name for field in fields(Limits)]
    for name, value in given.items():
        if name not in known or not isinstance(value, (int, float)):
            raise DataError(f"no limit {name!r:.40} of {value!r:.40}: {suggest(str(name), known)}")
    try:
        return Limits(**given)
    except UsageError as error:
        raise DataError(str(error)) from None


def _cap(suite: Mapping[str, Any]) -> int:
    cap = _typed(suite, "message_bytes", int, default=65536)
    if not 0 < cap <= 2**26:
        raise DataError(f"the suite's message_bytes is {cap}; it must be above 0 and at most {2**26}")
    return int(cap)


_MISSING = object()


def _typed(mapping: Mapping[str, Any], key: str, kind: type, *, default: Any = _MISSING) -> Any:
    value = mapping.get(key, default)
    if value is _MISSING or type(value) is not kind:
        got = "nothing" if value is _MISSING else f"{value!r:.40}"
        raise DataError(f"the suite's {key} must be a {kind.__name__}, got {got}")
    return value
