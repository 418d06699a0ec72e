"""Suites for the `code` verifier, and tasks that ask for a program."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from agentrl.envs._code.replies import fenced
from agentrl.errors import DataError
from agentrl.types import Message, Task, Transcript
from agentrl.verifiers._reading.fences import last_code

__all__ = [
    "LEETCODE",
    "READS",
    "SYSTEM",
    "before",
    "code_task",
    "completed",
    "functional",
    "gold_reply",
    "lines_of_json",
    "stdio",
]

Suite = dict[str, Any]
Case = tuple[Any, Any, bool]
"""Input, expected output, and whether the policy may see it."""

SYSTEM = "You write Python programs. Reply with the whole program in one ```python block."
READS = "Read the input from standard input and write the answer to standard output."
LEETCODE = "; ".join(  # one line, so that the lines of a traceback are off by one only
    [
        "import bisect, collections, copy, functools, heapq, itertools, math, operator, random, re, string, sys",
        *(f"from {name} import *" for name in ("math", "bisect", "collections", "functools", "heapq", "itertools")),
        "from operator import add, and_, itemgetter, mul, or_, sub, xor",
        "from random import choice, randint, randrange, shuffle",
        "from statistics import mean, median",
        "from typing import *",
        "from builtins import *",  # math has a pow of its own
    ]
)
"""What solutions written for LeetCode take for granted."""
_DECIMAL = re.compile(r"-?\d+\.\d+")


def stdio(cases: Iterable[Case]) -> Suite:
    r"""Programs that read stdin and write stdout; outputs with decimals are compared as numbers.

    >>> stdio([("1\n", "0.50\n", True)])["compare"]
    'float'
    """
    made: list[dict[str, Any]] = [
        {"stdin": _text(given), "stdout": _text(out), "visible": visible} for given, out, visible in cases
    ]
    decimals = any(_DECIMAL.fullmatch(token) for case in made for token in case["stdout"].split())
    return {"format": "stdio", "cases": made, "compare": "float" if decimals else "trim"}


def functional(entry: str, cases: Iterable[Case]) -> Suite:
    """A function, or `Solution.method`, called with arguments."""
    made = [{"args": list(args), "expected": expected, "visible": visible} for args, expected, visible in cases]
    return {"format": "function", "entry": entry, "cases": made}


def lines_of_json(text: str, where: str) -> list[Any]:
    r"""Arguments as LiveCodeBench writes them, one a line.

    >>> lines_of_json('[1, 2]\n"a"', "")
    [[1, 2], 'a']

    Raises:
        DataError: A line is not JSON.
    """
    try:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    except ValueError as error:
        raise DataError(f"{where}: an argument is not JSON: {error}") from error


def code_task(
    id: str,
    statement: str,
    suite: Suite,
    *,
    solution: str = "",
    preamble: str = "",
    extra: Mapping[str, Any] | None = None,
) -> Task:
    """A task that asks for a program in one turn.

    Args:
        id: The task's id.
        statement: What the program must do.
        suite: Its tests.
        solution: A program that passes them, where one is known.
        preamble: Put before what the policy writes.
        extra: More for the task's data.
    """
    prompt = (Message("system", SYSTEM), Message("user", statement.strip()))
    return Task(id, prompt, suite, {**(extra or {}), "solution": solution, "preamble": preamble})


def completed(task: Task, transcript: Transcript) -> Transcript:
    """The transcript with the task's preamble before the last reply's program."""
    reply, preamble = transcript.reply, task.data.get("preamble", "")
    code = last_code(reply)
    if not preamble or code is None:
        return transcript
    text = reply[code.start : code.end]
    if "from __future__" in text:  # must stay the first statement
        return transcript
    return Transcript((*transcript.messages[:-1], Message("assistant", fenced(f"{preamble}\n{text}"))))


def gold_reply(task: Task) -> Sequence[str]:
    """The task's solution as a reply, where it has one."""
    solution = task.data.get("solution", "")
    return (fenced(solution),) if solution else ()


def _text(value: Any) -> str:
    """Standard input or output; some copies hold it as a list of lines."""
    return "\n".join(map(str, value)) if isinstance(value, list) else str(value)


def before(prompt: str, entry: str) -> str:
    r"""What a prompt holds before the function that is asked for.

    >>> before("import re\n\ndef f(x):\n    '''Double it.'''\n", "f")
    'import re\n'

    Raises:
        DataError: The prompt is no Python, or does not define the function.
    """
    try:
        tree = ast.parse(prompt)
    except SyntaxError as error:
        raise DataError(f"the prompt of {entry!r} is no Python: {error}") from error
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == entry:
            return "\n".join(prompt.splitlines()[: node.lineno - 1])
    raise DataError(f"the prompt does not define {entry!r}")
