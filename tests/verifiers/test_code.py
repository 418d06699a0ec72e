"""The code verifier: extraction, rewards, what it tells, suites that it refuses, and faults of the machine."""

from __future__ import annotations

import time
from typing import Any

import pytest

from agentrl import registry, sandbox
from agentrl.errors import ConfigError, SandboxError, UnknownIdError
from agentrl.types import Verdict
from agentrl.verifiers._code.judge import judge
from agentrl.verifiers.code import _code

SQUARE: dict[str, Any] = {
    "format": "function",
    "entry": "f",
    "cases": [{"args": [n], "expected": n * n, "visible": n < 3} for n in (1, 2, 3, 4, 5)],
}
RIGHT = "def f(x):\n    return x * x"


def grade(program: str, suite: Any = SQUARE, **options: Any) -> Verdict:
    return registry.grade("code", program, suite, extract="whole", **options)


def function(cases: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {"format": "function", "entry": "f", "cases": cases, **more}


def asserts(tests: Any, **more: Any) -> dict[str, Any]:
    return {"format": "asserts", "entry": "f", "tests": tests, **more}


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        ("```python\na\n```", "a"),
        ("```\na\n```", "a"),
        ("```py\na\n```\n```PYTHON\nb\n\nc\n```\nbye", "b\n\nc"),
        ("```python\na\n```\n```text\nb\n```", "a"),
        ("```json\n{}\n```", None),
        ("  ```python\n  a\n  ```", "  a"),
        ("```python\na\nb", "a\nb"),
        ("```python\n\n```", None),
        ("a", None),
        ("<think>```python\na\n```</think>```python\nb\n```", "b"),
        ("<think>```python\na\n```</think> none", None),
        ("<think>```python\na\n```", None),
    ],
)
def test_extraction(reply: str, code: str | None) -> None:
    assert _code(reply, "block") == code


def test_the_whole_reply_only_where_there_is_no_block() -> None:
    assert _code("a = 1", "whole") == "a = 1"
    assert _code("x\n```python\nb\n```", "whole") == "b"
    assert _code("<think>a", "whole") is None


HALF = "def f(x):\n    return x * x if x in (1, 2, 3) else 0"


@pytest.mark.parametrize(
    ("reward", "score"),
    [
        ({}, 0.0),
        ({"reward": "fraction"}, 0.0),  # one of three hidden, as the constant 9 has
        ({"reward": "threshold", "threshold": 0.3}, 1 / 3),
        ({"reward": "threshold", "threshold": 0.4}, 0.0),
        ({"reward": "visible"}, 0.5),
    ],
)
def test_rewards(reward: dict[str, Any], score: float) -> None:
    verdict = grade(HALF, **reward)
    assert verdict.score == pytest.approx(score)
    assert verdict.status == ("partial" if score else "incorrect")
    assert [check.passed for check in verdict.checks] == [True, True, True, False, False]


def test_fraction_takes_the_best_constant_off() -> None:
    """Three of four "NO": the constant passes 3/4, so 4/4 - 1 test = 3/4 earns nothing, and no pass is negative."""
    suite = function([{"args": [n], "expected": "NO" if n else "YES"} for n in range(4)])
    two = "def f(x):\n    return 'YES' if x < 2 else 'NO'"
    assert grade(two, suite, reward="fraction").score == 0.0
    even = function([{"args": [n], "expected": n % 2} for n in range(4)])
    three = "def f(x):\n    return 1 if x == 0 else x % 2"
    assert grade(three, even, reward="fraction").score == pytest.approx((3 / 4 - 1 / 2) / (1 - 1 / 2))
    lines = asserts(["assert f(1) == 1", "assert f(2) == 2", "assert f(3) > 2"])
    assert grade("def f(x):\n    return x if x != 1 else 0", lines, reward="fraction").score == pytest.approx(1 / 2)


def test_visible_and_hidden_tests_must_pass() -> None:
    assert grade("def f(x):\n    return {1: 1, 2: 4}.get(x, 0)").status == "incorrect"
    assert grade("def f(x):\n    return x * x if x > 2 else 0").status == "incorrect"
    assert grade("def f(x):\n    return x * x").status == "correct"
    shown = function([{"args": [1], "expected": 1, "visible": True}, {"args": [2], "expected": 4, "visible": True}])
    assert grade("def f(x):\n    return 1", shown).status == "incorrect"


@pytest.mark.parametrize("option", [{"reward": "fractoin"}, {"extract": "all"}, {"threshold": 7.0}])
def test_an_option_that_does_not_exist_is_no_other_one(option: dict[str, Any]) -> None:
    (name,) = option
    with pytest.raises(ConfigError, match=f"{name} must be"):
        registry.grade("code", "f", {}, **option)


def test_feedback_shows_visible_tests_alone() -> None:
    verdict = grade("def f(x):\n    return x + 1")
    assert verdict.feedback.splitlines() == [
        "test 1: f(1) should be 1, but it is 2",
        "test 2: f(2) should be 4, but it is 3",
        "0 of 2 visible tests pass.",
        "0 of 3 hidden tests pass.",
    ]
    raised = grade("def g(x):\n    return [][x]\n\ndef f(x):\n    return g(x)").feedback
    assert 'File "solution.py", line 5, in f' in raised
    assert "return [][x]" in raised
    assert "IndexError: list index out of range" in raised
    assert "functions.py" not in raised


def test_feedback_of_asserts_shows_the_test_and_what_was_given() -> None:
    suite = asserts("assert f(2) == 4\nassert f(3) == 9, 'no'\nassert f(4) == 16", visible=[1])
    verdict = grade("def f(x):\n    return x + x", suite)
    assert [check.passed for check in verdict.checks] == [True, False, False]
    assert verdict.feedback.splitlines() == [
        "test 2: assert f(3) == 9, 'no'",
        "the last call: it is 6",
        "0 of 1 visible tests pass.",
        "1 of 2 hidden tests pass.",
    ]


def test_feedback_of_programs_names_no_path() -> None:
    suite = {"format": "stdio", "cases": [{"stdin": "7\n", "stdout": "8\n", "visible": True}]}
    raised = grade("def g():\n    return 1 // 0\n\ng()", suite).feedback
    assert '  File "solution.py", line 4, in <module>' in raised
    assert '  File "solution.py", line 2, in g' in raised
    assert raised.count("File ") == 2
    assert "ZeroDivisionError" in raised
    assert "with the input '7\\n' it should print '8\\n', but it printed '9\\n'" in grade("print(9)", suite).feedback
    assert grade("print(8)\nraise SystemExit(1)", suite).status == "incorrect"
    assert grade("print((", suite).status == "malformed"


def test_visible_tests_alone() -> None:
    """What an environment shows between attempts: no hidden test runs, so none can be told of."""
    source = "def f(x):\n    if x > 2: raise SystemExit\n    return x * x"
    shown = judge(SQUARE, source, which="visible")
    assert [(r.name, r.passed, r.visible) for r in shown.results] == [("test 1", True, True), ("test 2", True, True)]
    assert shown.status == "correct"
    assert judge(SQUARE, source).status == "incorrect"
    mixed = asserts("assert f(1) == 1\nassert f(3) == 9", visible=[0])
    assert [r.name for r in judge(mixed, source, which="visible").results] == ["test 1"]
    assert judge(asserts("assert f(3) == 9"), source, which="visible").status == "task_invalid"


INVALID: list[tuple[Any, str]] = [
    (None, "a mapping"),
    ({}, "allowed: function, stdio, asserts"),
    ({"format": "function", "entry": "f", "cases": []}, "at least one case"),
    ({"format": "stdio", "cases": []}, "at least one case"),
    (asserts([]), "assert nothing"),
    (asserts("assert True"), "assert nothing"),
    (asserts("def test():\n    assert f(1) == 1"), "assert nothing"),
    (asserts("assert f("), "no Python"),
    (asserts("assert f(1) == 1", style="pytest"), "allowed: asserts, check, unittest"),
    (asserts("assert f(1) == 1", style="check"), "one function check"),
    (asserts("assert f(1) == 1", visible=[1]), "from 0 to 0"),
    (asserts("assert f(1) == 1", setup="1 / 0"), "setup fails: ZeroDivisionError"),
    ({"format": "asserts", "tests": "assert abs(-1) == 1"}, "use no name of the solution"),
    (function([{"args": [1], "expected": 1}], entry="f()"), "must be a name"),
    (function([{"args": [1]}]), "'expected'"),
    (function([{"args": 1, "expected": 1}]), "args must be a list"),
    (function([{"args": [object()], "expected": 1}]), "type object"),
    (function([{"args": [], "expected": {"tuple": 1}}], typed=True), "unknown tag 'tuple'"),
    (function([{"args": [1], "expected": 1}], itrable=True), "did you mean 'iterable'"),
    (function([{"args": [1], "expected": 1}], rel_tol=-1), "not below 0"),
    (function([{"args": [1], "expected": 1}], limits={"wall": 1}), "did you mean 'wall_s'"),
    (function([{"args": [1], "expected": 1}], limits={"wall_s": 0}), "above 0"),
    (function([{"args": [1], "expected": 1}], message_bytes=0), "above 0"),
    ({"format": "stdio", "cases": [{"stdin": "1"}]}, "stdout must be a str"),
    ({"format": "stdio", "cases": [{"stdout": "1"}], "compare": "set"}, "exact, trim, tokens, float"),
]


@pytest.mark.parametrize(("suite", "words"), INVALID)
def test_a_suite_that_cannot_be_used(suite: Any, words: str) -> None:
    verdict = grade(RIGHT, suite)
    assert verdict.status == "task_invalid"
    assert words in verdict.feedback


def test_a_setup_that_fails_on_the_solution_is_the_solutions_fault() -> None:
    suite = asserts("assert f(n) == 4", setup="n = f(1) + 1")
    assert grade("def f(x):\n    return 'a' if x == 1 else 4", suite).status == "incorrect"
    assert grade("f = 7", suite).status == "incorrect"
    assert grade("def f(x):\n    return x * x", suite).status == "correct"


def test_exceptions_that_tests_expect() -> None:
    tests = "try:\n    f(-1)\nexcept ValueError as error:\n    assert str(error) == 'low'\nelse:\n    assert False, f"
    assert grade("def f(x):\n    raise ValueError('low')", asserts(tests)).status == "correct"
    for raised in ("TypeError('low')", "ValueError('high')", "type('ValueError', (BaseException,), {})('low')"):
        assert grade(f"def f(x):\n    raise {raised}", asserts(tests)).status == "incorrect"
    unit = "import unittest\nclass T(unittest.TestCase):\n    def test_a(self):\n"
    unit += "        with self.assertRaises(KeyError):\n            f(1)\n"
    assert grade("def f(x):\n    return {}[x]", asserts(unit, style="unittest")).status == "correct"
    assert grade("def f(x):\n    return x", asserts(unit, style="unittest")).status == "incorrect"


def test_objects_of_the_solution_stay_there() -> None:
    source = "class Pair:\n    def __init__(self, a, b):\n        self.a, self.b = a, b\n"
    source += "    def total(self):\n        return self.a + self.b\ndef longest(pairs):\n    return pairs[0]\n"
    tests = "p, q = Pair(1, 2), Pair(3, 4)\nassert p.total() == 3\np.b = 9\nassert p.total() == 10\n"
    tests += "assert longest([p, q]) is p\nassert longest([q]) is q\nassert p.a == 1"
    suite = {"format": "asserts", "tests": tests}
    verdict = grade(source, suite)
    assert [check.passed for check in verdict.checks] == [True] * 5
    assert grade(source.replace("pairs[0]", "pairs[-1]"), suite).status == "incorrect"
    agreeable = "class P:\n    __eq__ = __ne__ = lambda a, b: True\ndef f(x):\n    return P()"
    for test in (
        "assert f(1) == f(2)",
        "assert f(1) != f(2)",
        "assert f(1) in [f(2)]",
        "assert len({f(1), f(2)}) == 2",
    ):
        assert grade(agreeable, asserts(test)).status == "incorrect", test


def test_iterators_only_where_the_task_says() -> None:
    cases = [{"args": [3], "expected": [0, 1, 2]}]
    lazy = "def f(n):\n    yield from range(n)"
    assert grade(lazy, function(cases)).status == "incorrect"
    assert grade(lazy, function(cases, iterable=True)).status == "correct"
    assert grade(lazy, asserts("assert list(f(3)) == [0, 1, 2]")).status == "correct"


def test_typed_values_and_methods() -> None:
    cases = [{"args": [{"dict": [[1, "a"]]}], "kwargs": {"k": {"set": [1]}}, "expected": {"tuple": [{"bytes": "61"}]}}]
    suite = function(cases, typed=True, seq_equiv=False, entry="Solution.f")
    method = "class Solution:\n    def f(self, d, k):\n        return MADE if d == {1: 'a'} and k == {1} else None"
    assert grade(method.replace("MADE", "(b'a',)"), suite).status == "correct"
    assert grade(method.replace("MADE", "[b'a']"), suite).status == "incorrect"


def test_a_process_a_case() -> None:
    cases = [{"args": [n], "expected": 1} for n in range(3)]
    counts = "n = 0\ndef f(x):\n    global n\n    n += 1\n    return n"
    assert grade(counts, function(cases)).status == "incorrect"
    assert grade(counts, function(cases, fresh=True)).status == "correct"


def test_limits_are_the_suites() -> None:
    long = function([{"args": [], "expected": "x" * 100000}])
    assert grade("def f():\n    return 'x' * 100000", long).status == "correct"
    short = function([{"args": [], "expected": "x"}])
    assert grade("def f():\n    return 'x' * 100000", short).status == "incorrect"
    noisy = "def f(x):\n    print('x' * 5000)\n    return x * x"
    assert grade(noisy).status == "correct"
    assert grade(noisy, {**SQUARE, "limits": {"output_bytes": 1000}}).status == "resource_limit"


def test_faults_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(sandbox.Sandbox):
        def session(self, **_options: Any) -> sandbox.Session:
            raise SandboxError("no room")

        def close(self) -> None: ...

    broken = Broken(sandbox.shared("zygote").capabilities)
    monkeypatch.setattr("agentrl.verifiers._code.judge.shared", lambda _backend: broken)
    for suite in (SQUARE, asserts("assert f(1) == 1"), {"format": "stdio", "cases": [{"stdout": "1"}]}):
        verdict = grade(RIGHT, suite)
        assert (verdict.status, verdict.score) == ("infra_error", 0.0)


def test_unknown_sandbox_is_the_callers_fault() -> None:
    with pytest.raises(UnknownIdError, match="zygote"):
        grade(RIGHT, sandbox="zygot")


def test_a_method_is_of_a_new_instance_every_time() -> None:
    cases = [{"args": [n], "expected": 1} for n in range(3)]
    counting = "class Solution:\n    n = 0\n    def f(self, x):\n        self.n += 1\n        return self.n"
    suite = {"format": "function", "entry": "Solution.f", "cases": cases}
    assert registry.grade("code", f"```python\n{counting}\n```", suite).status == "correct"


def test_what_a_solution_says_can_always_be_written_down() -> None:
    blank = (
        "import traceback\ntraceback.TracebackException.format = lambda *a, **k: iter(['\\n'])\nraise ValueError('x')"
    )
    assert grade(blank).status == "incorrect"
    assert grade(blank, asserts("assert f(1) == 1")).status == "incorrect"
    half = grade("def f(x):\n    raise ValueError(chr(0xd800))")
    assert half.status == "incorrect"
    half.feedback.encode()


def test_feedback_holds_no_input_of_a_hidden_case() -> None:
    leak = """seen = []
class Solution:
    def __init__(self):
        if len(seen) > 1: raise ValueError("LEAK %r" % seen)
    def f(self, x):
        seen.append(x)
        return 1"""
    cases = [{"args": [31337 + n], "expected": 1, "visible": n == 0} for n in range(4)]
    verdict = grade(leak, function(cases, entry="Solution.f"))
    assert verdict.status == "incorrect"
    assert "LEAK" not in verdict.feedback


def test_a_solution_is_compiled_on_its_own() -> None:
    assert grade("def f(x: List[int]) -> Undefined:\n    return x * x").status == "incorrect"
    assert grade("def f(x: int):\n    return x * x if f.__annotations__['x'] is int else 0").status == "correct"


def test_a_float_near_an_integer_is_not_it() -> None:
    suite = function([{"args": [n], "expected": n + 500} for n in (10**9, 10**12)])
    assert grade("def f(n):\n    return float(n)", suite).status == "incorrect"
    assert grade("def f(n):\n    return float(n + 500)", suite).status == "correct"


def test_modules_that_tests_forgot_to_import_are_the_librarys() -> None:
    suite = asserts("assert math.isclose(f(2), 4)")
    hack = "class math:\n    isclose = lambda *a: True\ndef f(x):\n    return 0"
    assert grade(hack, suite).status == "incorrect"
    assert grade("def f(x):\n    return x * x", suite).status == "correct"


@pytest.mark.parametrize(
    ("tests", "style"),
    [
        ("assert f(2) == 4\ndef t():\n    assert f(3) == 9\nfor k in (t,): k()", "asserts"),
        ("def t(n):\n    assert f(n) == n * n\nassert f(2) == 4\nx = t(3)", "asserts"),
        ("def same(a, b):\n    assert a == b\ndef check(candidate):\n    assert candidate(2) == 4\n"
         "    [same(candidate(i), i * i) for i in (3, 4)]", "check"),
        (
            "def check(candidate):\n    assert candidate(2) == 4\n    if candidate(3) != 9: raise AssertionError",
            "check",
        ),
        ("import unittest\nclass Base(unittest.TestCase):\n    def test_a(self): self.assertEqual(f(2), 4)\n"
         "class T(Base):\n    def test_b(self): self.assertEqual(f(3), 9)", "unittest"),
        ("import unittest\nclass T(unittest.TestCase):\n    @classmethod\n    def setUpClass(cls): cls.n = 3\n"
         "    def test_b(self): self.assertEqual(f(self.n), 9)", "unittest"),
    ],
)  # fmt: skip
def test_whatever_asserts_counts(tests: str, style: str) -> None:
    suite = asserts(tests, style=style)
    assert grade("def f(x):\n    return x * x", suite).status == "correct"
    assert grade("def f(x):\n    return 4", suite).status == "incorrect"


def test_tests_of_a_kind_that_would_be_dropped_are_refused() -> None:
    tests = "import unittest\nclass T(unittest.TestCase):\n    async def test_a(self): self.assertEqual(f(2), 4)"
    assert grade("f = abs", asserts(tests, style="unittest")).status == "task_invalid"


def test_a_subclass_of_the_error_that_a_test_expects() -> None:
    tests = "try:\n    f(1)\nexcept ValueError:\n    pass\nelse:\n    assert False, f"
    source = "class Low(ValueError): pass\ndef f(x):\n    raise Low(x)"
    assert grade(source, asserts([tests + "\nassert g() == 1"])).status == "incorrect"
    assert grade(source + "\ndef g():\n    return 1", asserts([tests + "\nassert g() == 1"])).status == "correct"


def test_each_case_has_its_own_time() -> None:
    limits = {"wall_s": 0.6, "cpu_s": 0.5}
    suite = function([{"args": [n], "expected": n} for n in range(6)], limits=limits)
    steady = "import time\ndef f(n):\n    time.sleep(0.2)\n    return n"
    assert grade(steady, suite).status == "correct"
    stuck = "import time\ndef f(n):\n    time.sleep(0.2 if n != 3 else 9)\n    return n"
    assert grade(stuck, suite).status == "timeout"


def test_a_process_a_case_ends_with_the_first_that_hangs() -> None:
    suite = function([{"args": [n], "expected": n} for n in range(8)], fresh=True, limits={"wall_s": 0.3})
    began = time.monotonic()
    assert grade("import time\ndef f(n):\n    time.sleep(9)", suite).status == "timeout"
    assert time.monotonic() - began < 2.0
