"""What crosses between processes, how it is compared, and how test code is taken apart."""

from __future__ import annotations

import collections
import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentrl.errors import DataError, SandboxError
from agentrl.programs import ExecResult
from agentrl.sandboxes._drivers.functions import MAX_DEPTH, Refused, decode, encode
from agentrl.verifiers._code.asserts import constant_answers, split
from agentrl.verifiers._code.compare import Rule, equal, same_output
from agentrl.verifiers._code.wire import ended, loads

ATOMS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
KEYS = st.recursive(ATOMS, lambda inner: st.tuples(inner, inner) | st.frozensets(inner), max_leaves=4)
VALUES = st.recursive(
    ATOMS | KEYS,
    lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(KEYS, inner) | st.sets(KEYS),
    max_leaves=12,
)


def same(a: Any, b: Any) -> bool:
    return type(a) is type(b) and repr(a) == repr(b) if isinstance(a, (bool, int, float, str)) else bool(a == b)


@pytest.mark.parametrize(
    ("result", "status", "starved"),
    [
        (ExecResult("ok", exit_code=0), "incorrect", False),
        (ExecResult("nonzero", exit_code=1), "incorrect", False),
        (ExecResult("signalled", signal=11), "incorrect", False),
        (ExecResult("timeout_cpu", wall_s=9.0), "timeout", False),
        (ExecResult("timeout_wall", wall_s=10.0, cpu_s=1.9), "timeout", True),
        (ExecResult("timeout_wall", wall_s=10.0, cpu_s=2.1), "timeout", False),
        (ExecResult("oom"), "resource_limit", False),
        (ExecResult("output_limit"), "resource_limit", False),
    ],
)
def test_what_an_end_means(result: ExecResult, status: str, starved: bool) -> None:
    assert (ended(result).status, ended(result).starved) == (status, starved)


@pytest.mark.parametrize("status", ["setup_failed", "infra_error"])
def test_the_machine_is_to_blame(status: Any) -> None:
    with pytest.raises(SandboxError, match="why"):
        ended(ExecResult(status, detail="why"))


@given(VALUES)
@settings(max_examples=300, deadline=None)
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    back = decode(loads(encode(value).encode()))
    assert same(back, value)
    assert encode(back) == encode(value) or isinstance(value, (set, frozenset, dict, tuple, list))
    assert equal(back, value)


@given(VALUES, VALUES)
@settings(max_examples=200, deadline=None)
def test_equality_is_symmetric(a: Any, b: Any) -> None:
    assert equal(a, b) == equal(b, a)


@given(st.binary() | st.text().map(str.encode))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_a_message_or_refused(data: bytes) -> None:
    try:
        decode(loads(data))
    except Refused:
        return
    json.loads(data)


@pytest.mark.parametrize(
    "text",
    [
        "NaN",
        "Infinity",
        "-Infinity",
        "1e999",
        "9" * 4400,
        "[" * 10**5,
        "[" * (MAX_DEPTH + 3) + "]" * (MAX_DEPTH + 3),
        '{"tuple":[1],"tuple":[2]}',
        '{"tuple":[1],"set":[2]}',
        "{}",
        '{"Tuple":[1]}',
        '{"tuple":4}',
        '{"set":[[1]]}',
        '{"set":[1,1]}',
        '{"set":[1,true]}',
        '{"dict":[[1,2],[1,3]]}',
        '{"dict":[[1,2,3]]}',
        '{"dict":[1]}',
        '{"float":"1.5"}',
        '{"float":[]}',
        '{"bytes":"xy"}',
        '{"bytes":4}',
        '{"type":"object"}',
        '{"type":["int"]}',
        '{"complex":["1","2"]}',
        '{"ref":0}',
        "[1] 2",
        "",
    ],
)
def test_a_message_that_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        decode(loads(text.encode()))


class Text(str):
    __slots__ = ()


class Pair(collections.namedtuple("Pair", "a b")):
    __slots__ = ()


def test_a_value_that_is_refused() -> None:
    for value in (Text("a"), Pair(1, 2), object(), len, object, iter([1]), 10**5000, 10**4301, {1: Text("a")}):
        with pytest.raises(Refused):
            encode(value)
    assert decode(loads(encode(-(10**4298)).encode())) == -(10**4298)


def test_standard_collections_cross_as_plain_ones() -> None:
    assert decode(loads(encode(collections.Counter("aab")).encode())) == {"a": 2, "b": 1}
    assert decode(loads(encode(collections.deque([1, 2])).encode())) == [1, 2]
    assert decode(loads(encode([int, str]).encode())) == [int, str]
    nested: Any = 0
    for _ in range(MAX_DEPTH):
        nested = [nested]
    assert decode(loads(encode(nested).encode())) == nested


@pytest.mark.parametrize(
    ("got", "want", "rule", "verdict"),
    [
        (1, 1, {}, True),
        (True, 1, {}, False),
        (1, True, {}, False),
        (True, True, {}, True),
        (1.0, 1, {}, True),
        (2**53 + 1, 2**53, {}, False),
        (float(2**53), 2**53 + 1, {}, False),
        (0.1 + 0.2, 0.3, {}, True),
        (1.000002, 1.0, {}, False),
        (1.000002, 1.0, {"rel_tol": 1e-5}, True),
        (0.001, 0.0, {"abs_tol": 0.01}, True),
        (-0.0, 0.0, {}, True),
        (math.nan, math.nan, {}, False),
        (math.nan, math.nan, {"nan_ok": True}, True),
        (math.nan, 1.0, {"nan_ok": True}, False),
        (math.inf, math.inf, {}, True),
        (-math.inf, math.inf, {}, False),
        (1e308, math.inf, {}, False),
        (10**400, 1.0, {}, False),
        (1j, 10**400, {}, False),
        (1 + 0j, 1, {}, True),
        (1 + 1e-3j, 1, {}, False),
        ("1", 1, {}, False),
        ("a", "A", {}, False),
        (b"a", "a", {}, False),
        (None, 0, {}, False),
        ((1, [2]), [1, (2,)], {}, True),
        ((1, 2), [1, 2], {"seq_equiv": False}, False),
        ([1, 2], [2, 1], {}, False),
        ([1, 2], [1, 2, 3], {}, False),
        ({1, 2}, frozenset((2, 1)), {}, True),
        ({1}, {True}, {}, False),
        ({(1, 2)}, {(True, 2)}, {}, False),
        ([1, 2], {1, 2}, {}, False),
        ({"a": 0.1 + 0.2}, {"a": 0.3}, {}, True),
        ({1: "a"}, {"1": "a"}, {}, False),
        ({1: "a"}, {True: "a"}, {}, False),
        ({"a": 1}, {"a": 1, "b": 2}, {}, False),
        ([("a", 1)], {"a": 1}, {}, False),
    ],
)
def test_equality(got: Any, want: Any, rule: dict[str, Any], verdict: bool) -> None:
    assert equal(got, want, Rule(**rule)) is verdict


@pytest.mark.parametrize(
    ("got", "want", "compare", "verdict"),
    [
        ("1\n", "1\n", "exact", True),
        ("1", "1\n", "exact", False),
        ("1  \n2\n\n", "1\n2", "trim", True),
        (" 1", "1", "trim", True),
        ("1\n\n2", "1\n2", "trim", False),
        ("yes", "YES", "trim", False),
        ("1\r\n2\r\n", "1\n2\n", "trim", True),
        ("1\n2", "1 2", "tokens", True),
        ("2 1", "1 2", "tokens", False),
        ("1 2 2", "1 2", "tokens", False),
        ("0.3333333 a", "0.33333334 a", "float", True),
        ("0.3334", "0.3333", "float", False),
        ("1000001", "1000000", "float", False),
        ("1", "1.0", "float", True),
        ("nan", "1.0", "float", False),
        ("inf", "1e400", "float", False),
        ("1_0.0", "10.0", "float", False),
        ("0.5 0.5", "0.5", "float", False),
    ],
)
def test_printed_output(got: str, want: str, compare: Any, verdict: bool) -> None:
    assert same_output(got, want, compare) is verdict


CHECK = """
META = {}

def check(candidate):
    import math
    assert True, "not counted"
    assert candidate(1) == 1
    for i in range(3):
        assert helper(candidate(i))
    x = candidate(2)
    assert x == 4

check(f)
"""


def test_tests_are_counted_before_a_solution_is_seen() -> None:
    found = split(CHECK, "check", "f", "def helper(x): return x")
    assert [test.partition("\n")[0] for test in found.tests] == [
        "assert candidate(1) == 1",
        "for i in range(3):",
        "assert x == 4",
    ]
    assert found.names == ("f",)
    only = found.source([2])
    assert "with __test__(2):" in only
    assert "x = candidate(2)" in only
    assert "candidate(1)" not in only
    assert only.endswith("check(candidate)")
    assert "check(f)" not in only


def test_functions_of_tests_count_where_they_are_called() -> None:
    code = "def test1():\n    assert g(1) == h\n\ndef helper():\n    pass\n\nhelper()\ntest1()\ntest1()\nassert g(2)"
    found = split(["import sys", code], "asserts", "", "h = k")
    assert found.tests == ("test1()", "test1()", "assert g(2)")
    assert found.names == ("g", "k")
    assert found.setup_names == {"k"}


def test_methods_of_a_test_case_are_tests() -> None:
    code = "from unittest import TestCase\nclass T(TestCase):\n    def setUp(self): pass\n    def test_a(self): f(1)\n"
    assert split(code, "unittest", "f", "").units == (("T", "test_a"),)
    with pytest.raises(DataError, match="assert nothing"):
        split(code.replace("test_a", "a"), "unittest", "f", "")


@pytest.mark.parametrize(
    ("test", "answers"),
    [
        ("assert f(1) == 4", [4]),
        ("assert [1, 2] == f(1)", [[1, 2]]),
        ("assert f(1) is None", [None]),
        ("assert f(1)", [True]),
        ("assert not f(1)", [False]),
        ("assert f(1) == g(2)", []),
        ("assert abs(f(1) - 2) < 1", []),
        ("assert isclose(f(1), 2)", []),
        ("for i in x:\n    assert f(i) == 1", []),
    ],
)
def test_the_answer_that_a_test_asks_for(test: str, answers: list[Any]) -> None:
    assert constant_answers(test, ("f", "g")) == answers
