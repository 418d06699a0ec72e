r"""Programs, judged by tests in a sandbox.

The task's `answer` is the suite, a JSON-able mapping in one of three formats:

    {"format": "function", "entry": "f" or "Solution.f", "cases": [{"args": [], "kwargs": {}, "expected": value}]}
        One call a case, one process a solution; a method is of a new instance every time. With "typed" values are
        typed JSON (`{"tuple": [1, 2]}`, see `sandboxes/_drivers/functions.py`). Also "seq_equiv" (true: a list is as
        good as a tuple), "rel_tol" and "abs_tol" (1e-6 and 1e-9, where either side is a float), "nan_ok", "iterable"
        (a generator is as good as a list), "fresh" (a process a case).
    {"format": "stdio", "cases": [{"stdin": text, "stdout": text}], "compare": "trim" | "exact" | "tokens" | "float"}
        One fresh run a case; it must end with exit code 0.
    {"format": "asserts", "tests": code or [code], "style": "asserts" | "check" | "unittest", "entry": name,
     "setup": code, "names": [names that the tests take from the solution], "visible": [numbers of tests]}
        Tests run unchanged in a second process, where the solution's names stand for calls into the first. They are
        counted before the solution is seen.

All: "limits" (fields of `agentrl.programs.Limits`: for "function" and "stdio" of one case, where all together may take
a minute or a second each, if that is more; for "asserts" of all tests) and "message_bytes" (65536, or twice the largest
expected value if that is more: the largest value that may be returned). Cases marked "visible" are told of in the
feedback. All tests must pass for a score of 1; where there are hidden ones, these alone count for less than 1.

Expected values never enter the solution's process. Values cross as text of exact types and are compared outside; no
exit code, printed line, or method of the solution's objects has a say. A solution that crashes, ends or runs out of
time fails that test and every later one; the number of tests is the suite's.

Covered: plain values (numbers, text, bytes, lists, tuples, sets, dicts), exceptions that tests expect, objects of the
solution that tests hold, call and take attributes of. Not covered: instances of the tests' classes given to the
solution, operators and equality on its objects, arguments that it changes in place, subclasses of plain types such as
named tuples, arrays, judges that are programs, other languages, integers over 4300 digits.

Source: the formats of HumanEval (arXiv:2107.03374), MBPP (arXiv:2108.07732), APPS (arXiv:2105.09938) and LiveCodeBench
(arXiv:2403.07974). Differs from the source: their harnesses run tests, expected values and solution in one process.
"""

from __future__ import annotations

import time
from typing import Any, Literal, get_args

from agentrl.errors import ConfigError, check_choice
from agentrl.types import Check, Task, Transcript, Verdict
from agentrl.verifiers._code.judge import SuiteResult, judge
from agentrl.verifiers._code.suite import parse
from agentrl.verifiers._reading.extract import after_thinking
from agentrl.verifiers._reading.fences import LABELS, blocks, last_code

Reward = Literal["binary", "fraction", "threshold", "visible"]
Extract = Literal["block", "whole"]

_SQUARE = {
    "format": "function",
    "entry": "f",
    "cases": [{"args": [n], "expected": n * n, "visible": n == 2} for n in (2, 3, -4, 0)],
}
_ADD = {"format": "stdio", "cases": [{"stdin": "1 2", "stdout": "3\n"}, {"stdin": "5 5", "stdout": "10\n"}]}
_CHECK = {
    "format": "asserts",
    "style": "check",
    "entry": "f",
    "tests": "def check(candidate):\n    assert candidate(2) == 4\n    assert candidate(-3) == 9\n",
}
_LINES = {"format": "asserts", "entry": "f", "tests": ["assert f(2) == 4", "assert f(3) == 9", "assert f(-1) == 1"]}


def _block(code: str) -> str:
    return f"```python\n{code}\n```"


# Answer, response, options, expected status.
CASES = [
    (_SQUARE, _block("def f(x):\n    print('noise')\n    return x * x"), {}, "correct"),
    (_SQUARE, _block("def f(x):\n    return float(x * x)"), {}, "correct"),
    (_SQUARE, "first\n" + _block("junk(") + "\nthen\n" + _block("f = lambda x: x ** 2"), {}, "correct"),
    (_SQUARE, _block("def f(x):\n    return 4"), {}, "incorrect"),
    (_SQUARE, _block("def f(x):\n    return x * x if x else 1"), {"reward": "fraction"}, "partial"),
    (_SQUARE, _block("def f(x):\n    return 4"), {"reward": "fraction"}, "incorrect"),
    (_SQUARE, _block("def f(x):\n    return 4"), {"reward": "visible"}, "partial"),
    (_SQUARE, _block("def f(x) return x"), {}, "malformed"),
    (_SQUARE, _block("import sys\nsys.exit(0)"), {}, "incorrect"),
    ({**_SQUARE, "limits": {"wall_s": 0.3}}, _block("def f(x):\n    while True: pass"), {}, "timeout"),
    (_SQUARE, "def f(x):\n    return x * x", {}, "no_answer"),
    (_SQUARE, "def f(x):\n    return x * x", {"extract": "whole"}, "correct"),
    (_SQUARE, "```text\nf\n```", {}, "no_answer"),
    (_SQUARE, "", {}, "no_answer"),
    (_ADD, _block("print(sum(map(int, input().split())))"), {}, "correct"),
    (_ADD, _block("print(3)"), {}, "incorrect"),
    (_CHECK, _block("def f(x):\n    return x * x"), {}, "correct"),
    (_CHECK, _block("def f(x):\n    return x + x"), {}, "incorrect"),
    (_LINES, _block("def f(x):\n    return x * x"), {}, "correct"),
    (_LINES, _block("def f(x):\n    return abs(x)"), {"reward": "threshold", "threshold": 0.3}, "partial"),
    ({"format": "function", "entry": "f", "cases": []}, _block("def f(): pass"), {}, "task_invalid"),
    ("assert f(2) == 4", _block("def f(): pass"), {}, "task_invalid"),
]


def verify(
    task: Task,
    transcript: Transcript,
    *,
    sandbox: str = "zygote",
    reward: Reward = "binary",
    threshold: float = 0.5,
    extract: Extract = "block",
) -> Verdict:
    """Run the task's tests on the code of the reply.

    Args:
        task: Its `answer` is the suite; see the module.
        transcript: The code is in the last assistant message.
        sandbox: The back end.
        reward: What a reply scores that does not pass all deciding tests (one that does scores 1). "binary": 0.
            "fraction": of the deciding tests the share p, less what the best constant answer b passes,
            max(0, (p - b) / (1 - b)). "threshold": p, or 0 where it is below `threshold`. "visible": half the share
            of the visible tests.
        threshold: See `reward`.
        extract: "block": the last block fenced by three backticks, with the label python or none. "whole": the whole
            reply where there is no such block.

    Raises:
        ConfigError: An option has a value that does not exist; no reply raises.
        UnknownIdError: There is no such sandbox.
    """
    check_choice("reward", reward, get_args(Reward))
    check_choice("extract", extract, get_args(Extract))
    if isinstance(threshold, str) or not 0 <= threshold <= 1:
        raise ConfigError(f"threshold must be a number from 0 to 1, got {threshold!r}")
    began = time.monotonic()
    source = _code(transcript.reply, extract)
    if source is None:
        return Verdict(0.0, "no_answer", feedback="The reply holds no block of Python code.")
    result = judge(task.answer, source, sandbox=sandbox)
    checks = tuple(Check(r.name, r.passed, detail=r.detail) for r in result.results)
    score = _score(result, reward, threshold, task.answer)
    status = "partial" if 0 < score < 1 else result.status
    return Verdict(score, status, source[:2000], checks, result.feedback, time.monotonic() - began)


def _score(result: SuiteResult, reward: Reward, threshold: float, suite: Any) -> float:
    if result.status == "correct":
        return 1.0
    if reward == "binary" or not result.results:
        return 0.0
    if reward == "visible":
        shown = [r.passed for r in result.results if r.visible]
        return 0.5 * sum(shown) / max(1, len(shown))
    share = sum(result.results[i].passed for i in result.deciding) / len(result.deciding)
    if reward == "threshold":
        return share if share >= threshold else 0.0
    baseline = parse(suite).baseline(result.deciding)
    return max(0.0, (share - baseline) / (1 - baseline)) if baseline < 1 else 0.0


def _code(reply: str, extract: Extract) -> str | None:
    """The last code block after the thinking; one that is not closed goes to the end."""
    block = last_code(reply)
    if block is not None:
        return reply[block.start : block.end]
    said = reply[after_thinking(reply) :]
    has_code = any(found.label in LABELS for found in blocks(reply))
    return said if extract == "whole" and said.strip() and not has_code else None
