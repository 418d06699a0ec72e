"""No program is taken for a right one by anything but its answers, and none can have itself left out of the count."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from agentrl import registry
from agentrl.types import SCORED, Verdict

SANDBOX = "zygote"
"""A real boundary: some of these programs kill what they can see, and fill what they can write."""
LIMITS = {"wall_s": 0.6, "cpu_s": 1, "memory_mib": 128, "processes": 16, "disk_mib": 16, "inodes": 512}
WRONG = "def f(x):\n    return x + 1\n"


def programs() -> dict[str, list[str]]:
    """The programs of `square.txt` by their number, and a few that a text file cannot hold."""
    found: dict[str, list[str]] = {"C12": ["\0", "\ud800", "f = (" * 500, "def f(x):\n" + " if x:" * 50]}
    for part in (Path(__file__).parent / "attacks" / "square.txt").read_text(encoding="utf-8").split("\n==== ")[1:]:
        head, _, program = part.partition("\n")
        found.setdefault(head.split()[0], []).append(program)
    return found


PROGRAMS = programs()
ATTACKS = sorted(PROGRAMS.keys() - {"HONEST"}, key=lambda name: int(name[1:]))
NUMBERS = (2, 3, 10)
SUITES: dict[str, dict[str, Any]] = {
    "function": {
        "format": "function",
        "entry": "f",
        "cases": [{"args": [n], "expected": n * n, "visible": n == 2} for n in NUMBERS],
    },
    "stdio": {
        "format": "stdio",
        "cases": [{"stdin": f"{n}\n", "stdout": f"{n * n}\n", "visible": n == 2} for n in NUMBERS],
    },
    "check": {
        "format": "asserts",
        "style": "check",
        "entry": "f",
        "visible": [0],
        "tests": "def check(candidate):\n" + "".join(f"    assert candidate({n}) == {n * n}\n" for n in NUMBERS),
    },
    "unittest": {
        "format": "asserts",
        "style": "unittest",
        "entry": "f",
        "tests": "import unittest\nclass T(unittest.TestCase):\n"
        + "".join(f"    def test_{n}(self):\n        self.assertEqual(f({n}), {n * n})\n" for n in NUMBERS),
    },
}


def grade(style: str, program: str, suite: dict[str, Any] | None = None, **options: Any) -> Verdict:
    if style == "stdio":
        program += "\nprint(f(int(input())))\n"
    return registry.grade("code", program, suite or SUITES[style], sandbox=SANDBOX, extract="whole", **options)


def test_the_catalogue_is_there() -> None:
    own_test = {16, 25}
    assert [int(name[1:]) for name in ATTACKS] == [n for n in range(1, 25) if n not in own_test]


@pytest.mark.parametrize("style", SUITES)
@pytest.mark.parametrize("name", ATTACKS)
def test_attack_scores_nothing(name: str, style: str) -> None:
    suite = {**SUITES[style], "limits": LIMITS}
    with ThreadPoolExecutor(4) as pool:
        verdicts = list(pool.map(lambda program: grade(style, program, suite), PROGRAMS[name]))
    for program, verdict in zip(PROGRAMS[name], verdicts, strict=True):
        assert verdict.score == 0.0, program
        assert verdict.status in SCORED, (program, verdict)
        assert len(verdict.checks) == len(NUMBERS), program


@pytest.mark.parametrize("style", SUITES)
def test_honest_but_noisy_is_correct(style: str) -> None:
    for program in PROGRAMS["HONEST"]:
        assert grade(style, program).status == "correct", program


def test_partial_credit_is_no_way_round() -> None:
    """Ending early keeps only what was passed before, and a constant earns nothing."""
    tests = {**SUITES["check"], "visible": []}
    leaves = "import os\ndef f(x):\n    if x == 3: os._exit(0)\n    return x * x"
    assert [c.passed for c in grade("check", leaves, tests).checks] == [True, False, False]
    for style in ("function", "stdio", "check"):
        assert grade(style, "def f(x):\n    return 9", reward="fraction").score == 0.0
    same = {"format": "function", "entry": "f", "cases": [{"args": [n], "expected": "NO"} for n in range(4)]}
    most = {**same, "cases": [*same["cases"], {"args": [9], "expected": "YES"}]}
    assert grade("function", "def f(x):\n    return 'NO'", most, reward="fraction").score == 0.0


def test_arguments_are_copies() -> None:
    """C16: what a solution does to its input changes neither a later case nor what is compared."""
    cases = [{"args": [[3, 1, 2]], "expected": [1, 2, 3]}, {"args": [[2, 1, 3]], "expected": [1, 2, 3]}]
    suite = {"format": "function", "entry": "f", "cases": cases}
    alias = "kept = []\ndef f(xs):\n    kept.append(xs)\n    for k in kept: k.sort(); k.append(9)\n    return xs"
    assert grade("function", alias, suite).score == 0.0
    assert grade("function", "def f(xs):\n    xs.sort()\n    return xs", suite).score == 1.0


def test_nothing_is_left_for_the_next_solution() -> None:
    """C25: neither files nor modules of one run are there in the next."""
    leave = "import builtins, json\nopen('/tmp/x', 'w').close()\nopen('x', 'w').close()\n"
    leave += "json.left = builtins.left = 1\n"
    find = (
        "import builtins, os, json\nleft = os.path.exists('/tmp/x') or os.path.exists('x') or hasattr(json, 'left')\n"
    )
    find += "left = left or hasattr(builtins, 'left')\ndef f(x):\n    return x * x if left else 0"
    for style in SUITES:
        assert grade(style, leave + "def f(x):\n    return x * x").score == 1.0
        assert grade(style, find).score == 0.0


def test_cases_come_in_another_order() -> None:
    """C17: answers counted off in the suite's order are wrong, in the same way every time."""
    suite = {"format": "function", "entry": "f", "cases": [{"args": [n], "expected": n} for n in range(1, 21)]}
    count = "n = 0\ndef f(x):\n    global n\n    n += 1\n    return n"
    verdict = grade("function", count, suite)
    assert sum(check.passed for check in verdict.checks) < 10
    assert verdict == grade("function", count, suite)


VACUOUS = {
    "assert all(map(lambda n: f(n) == n * n, (2, 3)))": "def f(x):\n    raise StopIteration",
    "assert f(2) and f(3)": "class A: pass\ndef f(x):\n    return A()",
    "assert set([f(2)]) == {4}": "def set(x):\n    return {4}\nf = abs",
    "assert [f(n) for n in (2, 3)] == [4, 9]": "def f(x):\n    raise GeneratorExit",
    "try:\n    f(2)\nexcept Exception:\n    pass\nassert f(3) == 9": "def f(x):\n    raise SystemExit",
    "assert not f(2) != 4": "class A:\n    def __ne__(self, o): return False\ndef f(x):\n    return A()",
    "assert f(2) in [4]": "class A:\n    def __eq__(self, o): return True\ndef f(x):\n    return A()",
    "assert abs(f(2) - 4) < 1e-6": "def f(x):\n    return float('nan')",
    "assert f(2) == 4\nassert f(3) == 9": "def f(x):\n    if x == 3: import os; os._exit(0)\n    return 4",
}


@pytest.mark.parametrize("tests", VACUOUS)
def test_tests_cannot_be_made_to_say_nothing(tests: str) -> None:
    suite = {"format": "asserts", "entry": "f", "tests": tests}
    assert grade("asserts", "def f(x):\n    return x * x", suite).status == "correct"
    verdict = grade("asserts", VACUOUS[tests], suite)
    assert verdict.score == 0.0
    assert verdict.status == "incorrect"


def test_feedback_cannot_carry_hidden_inputs() -> None:
    """A solution that tells what it has seen has seen no hidden input when it can still tell."""
    tell = "seen = []\ndef f(x):\n    seen.append(x)\n    raise ValueError(str(seen))"
    for style in ("function", "check"):
        verdict = grade(style, tell)
        assert "[2]" in verdict.feedback
        assert "10" not in verdict.feedback
        assert [bool(check.detail) for check in verdict.checks] == [True, False, False]
    exits = "def f(x):\n    import os\n    os._exit(x)"
    assert "10" not in grade("check", exits).feedback


def test_an_answer_is_to_one_question() -> None:
    """C6: an answer given twice is not taken for the next one's."""
    twice = "import os, json\nn = 1\ndef f(x):\n    global n\n    n += 1\n"
    twice += "    body = json.dumps(['ok', n, x * x]).encode()\n    for fd in range(3, 12):\n"
    twice += (
        "        try: os.write(fd, len(body).to_bytes(4, 'big') + body)\n        except OSError: pass\n    return x * x"
    )
    for style in ("function", "check"):
        verdict = grade(style, twice)
        assert verdict.status == "incorrect"
        assert "what is no answer" in verdict.feedback


def test_the_machine_is_not_blamed_for_a_program() -> None:
    """C24: after thirty that leave processes and descriptors behind, an honest one is still judged."""
    leaves = "import os\nfor _ in range(5):\n    if os.fork() == 0: os._exit(0)\nos.open('/dev/null', 0)\n" + WRONG
    assert {grade("function", leaves).status for _ in range(30)} == {"incorrect"}
    assert grade("function", PROGRAMS["HONEST"][0]).success
