r"""One arithmetic expression that makes a target from given numbers.

The task's `answer` is {"numbers": [3, 7, 25], "target": 96}, with a "solution" where one is known. Every number is used
exactly once, or at most once (`uses="at_most"`); nothing else is. The reply's expression, or `expression = target`, is
read by hand and computed in exact fractions; nothing is evaluated.

Covered: whole numbers, + - * / with the usual precedence, round and square brackets, × ÷ · and their LaTeX, \frac.
Not covered: a product without a sign (`2(3+4)`), a sign before a number, exponents, factorials, roots, floor division,
numbers put together (12 from 1 and 2), leading zeros, steps on several lines; all of these are refused.

Source: the Countdown task of Gandhi et al. 2024, "Stream of Search", arXiv:2404.03683, in the form of TinyZero
(https://github.com/Jiayi-Pan/TinyZero), and the Game of 24. Differs from the source: TinyZero's grader evaluates the
text in Python and compares within 1e-5; here no text is run, and 24.000001 is not 24.
"""

from __future__ import annotations

import functools
import itertools
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from agentrl.errors import DataError, check_choice
from agentrl.types import Task, Transcript, Verdict
from agentrl.verifiers._countdown.expression import Expression, NotAnExpressionError, read, tokens_of
from agentrl.verifiers._countdown.search import MAX_NUMBERS, solved
from agentrl.verifiers._reading.content import Content, content_of
from agentrl.verifiers._reading.extract import PLACES, Extract, candidates, placed

Uses = Literal["all", "at_most"]

_MOST_NUMBERS = 10
_LARGEST_NUMBER = 10**6
_LARGEST_TARGET = 10**9
_MOST_ANSWERS = 16
_CARDS = {"numbers": [3, 3, 8, 8], "target": 24}
_THREE = {"numbers": [1, 2, 12], "target": 24, "solution": "12 * 2 * 1"}
_WITH_SPARE = {"numbers": [2, 12, 5], "target": 24, "solution": "12 * 2"}
_AT_MOST = {"uses": "at_most"}

# Answer, response, options, expected status.
CASES = [
    (_CARDS, "<answer>8 / (3 - 8/3)</answer>", {}, "correct"),
    (_CARDS, "<answer>8 / (3 - 8/3) = 24</answer>", {}, "correct"),
    (_CARDS, r"<answer>$\frac{8}{3 - \frac{8}{3}}$</answer>", {}, "correct"),
    (_CARDS, "<answer>8 ÷ [3 − (8 ÷ 3)]</answer>", {}, "correct"),
    (_CARDS, "<answer>8 // (3 - 8/3)</answer>", {}, "malformed"),
    (_CARDS, "<answer>8 * 3</answer>", {}, "incorrect"),
    (_CARDS, "<answer>3 * 8 + 8 - 8</answer>", {}, "incorrect"),
    (_CARDS, "<answer>3 * 8 * (8 - 8 + 1)</answer>", {}, "incorrect"),
    (_CARDS, "<answer>3 * 8 + (8 - 8) / (3 - 3)</answer>", {}, "incorrect"),
    (_THREE, "<answer>1 * 2 * 12</answer>", {}, "correct"),
    (_THREE, r"<answer>\(1 \times 2 \cdot 12\)</answer>", {}, "correct"),
    (_THREE, "<answer>12 x 2 x 1.</answer>", {}, "correct"),
    (_THREE, "<answer>`12*2*1`</answer>", {}, "correct"),
    (_THREE, "<answer>12 * 2</answer>", {}, "incorrect"),
    (_THREE, "<answer>12 + 12</answer>", {}, "incorrect"),
    (_THREE, "<answer>24</answer>", {}, "incorrect"),
    (_THREE, "<answer>12 * 2 * 1 = 25</answer>", {}, "incorrect"),
    (_THREE, "<answer>12 + 2 + 1 = 24</answer>", {}, "incorrect"),
    (_THREE, "<answer>12 * 2 * 1 = 24 = 24</answer>", {}, "malformed"),
    (_THREE, "<answer>24 = 12 * 2 * 1</answer>", {}, "malformed"),
    (_THREE, "<answer>12 * 2 ** 1</answer>", {}, "malformed"),
    (_THREE, "<answer>12 * 2 ^ 1</answer>", {}, "malformed"),
    (_THREE, "<answer>12 * 2(1)</answer>", {}, "malformed"),
    (_THREE, "<answer>12 * 2 - -1 - 1</answer>", {}, "malformed"),
    (_THREE, "<answer>-1 * 2 * -12</answer>", {}, "malformed"),
    (_THREE, "<answer>012 * 2 * 1</answer>", {}, "malformed"),
    (_THREE, "<answer>12.0 * 2 * 1</answer>", {}, "malformed"),
    (_THREE, "<answer>(12 * 2 * 1</answer>", {}, "malformed"),
    (_THREE, "<answer>[12 * 2) * 1</answer>", {}, "malformed"),
    (_THREE, "<answer>12 * 2 = 24, 24 * 1 = 24</answer>", {}, "malformed"),
    (_THREE, "<answer>__import__('os')</answer>", {}, "malformed"),
    (_THREE, "<answer></answer>", {}, "malformed"),
    (_THREE, "<answer>1*2*12</answer> or <answer>12*2*1</answer>", {}, "malformed"),
    (_THREE, "<think><answer>1*2*12</answer></think>", {}, "no_answer"),
    (_THREE, "1 * 2 * 12", {}, "no_answer"),
    (_THREE, "", {}, "no_answer"),
    (_THREE, r"\boxed{1*2*12}", {"extract": "boxed"}, "correct"),
    (_THREE, r"\boxed{1*2} so \boxed{1*2*12}", {"extract": "boxed"}, "malformed"),
    (_THREE, "Answer: 1 * 2 * 12 = 24", {"extract": "answer_line"}, "correct"),
    (_WITH_SPARE, "<answer>12 * 2</answer>", _AT_MOST, "correct"),
    (_WITH_SPARE, "<answer>12 * 2 * 2 / 2</answer>", _AT_MOST, "incorrect"),
    (_WITH_SPARE, "<answer>12 + 12</answer>", _AT_MOST, "incorrect"),
    (_WITH_SPARE, "<answer>24</answer>", _AT_MOST, "incorrect"),
    ({"numbers": [3, 5], "target": -2}, "<answer>3 - 5 = -2</answer>", {}, "correct"),
    ({"numbers": [], "target": 24}, "<answer>24</answer>", {}, "task_invalid"),
    ({"numbers": [24, 1.0], "target": 24}, "<answer>24</answer>", {}, "task_invalid"),
    ({"numbers": [24]}, "<answer>24</answer>", {}, "task_invalid"),
    ("24", "<answer>24</answer>", {}, "task_invalid"),
    (None, "<answer>24</answer>", {}, "task_invalid"),
]


@dataclass(frozen=True, slots=True)
class _Puzzle:
    """Numbers and a target, with an expression that is said to make it."""

    numbers: tuple[int, ...]
    target: int
    solution: str | None


def verify(task: Task, transcript: Transcript, *, extract: Extract = "answer_tag", uses: Uses = "all") -> Verdict:
    """See whether the reply's expression makes the target from the numbers.

    Args:
        task: Its `answer` holds the numbers and the target; see the card.
        transcript: The last assistant message is the reply.
        extract: Where the answer stands: "boxed", "hash", "answer_line", "answer_tag" or "final" (the whole reply);
            several answers must be the same.
        uses: Whether all numbers are used, each once, or at most all.

    Raises:
        ConfigError: An option has a value that does not exist; no reply raises.
    """
    check_choice("extract", extract, get_args(Extract))
    check_choice("uses", uses, get_args(Uses))
    try:
        puzzle = _puzzle(task.answer)
    except DataError as error:
        return Verdict(0.0, "task_invalid", feedback=f"The task's answer cannot be used: {error}")
    found = candidates(transcript.reply, extract)
    if not found:
        return Verdict(0.0, "no_answer", feedback=f"There is no answer: it is {PLACES[extract]}.")
    distinct = dict.fromkeys(found)
    if len(distinct) > _MOST_ANSWERS:
        return Verdict(0.0, "malformed", feedback="The reply gives several answers.")
    try:
        said = {read(text or "") for text in distinct}
    except NotAnExpressionError as error:
        return Verdict(0.0, "malformed", feedback=f"The answer is not an arithmetic expression: {error}.")
    if len(said) > 1:
        return Verdict(0.0, "malformed", feedback="The reply gives several answers.")
    expression = said.pop()
    problem = _problem(expression, puzzle, uses)
    if problem:
        return Verdict(0.0, "incorrect", answer=expression.text, feedback=problem)
    return Verdict(1.0, "correct", answer=expression.text)


def _problem(expression: Expression, puzzle: _Puzzle, uses: Uses) -> str:
    """What is wrong with an expression; the empty string where it solves the puzzle."""
    if sorted(expression.numbers) != sorted(puzzle.numbers):
        if not Counter(expression.numbers) <= Counter(puzzle.numbers):
            return "The expression uses a number that is not given, or one too often."
        if uses == "all":
            return "The expression does not use every number."
    if expression.value is None:
        return "The expression divides by zero."
    if expression.value != puzzle.target:
        return "The expression does not make the target."
    if expression.claim not in (None, puzzle.target):
        return "The number behind the equals sign is not the target."
    return ""


def _puzzle(answer: Any) -> _Puzzle:
    """Read a task's answer, or find it among the last ones that were read.

    Raises:
        DataError: It cannot be used.
    """
    content = content_of(answer)
    return _read_puzzle(answer) if content is None else _puzzle_once(content)


@functools.lru_cache(1024)
def _puzzle_once(content: Content) -> _Puzzle:
    return _read_puzzle(content.answer)


def _read_puzzle(answer: Any) -> _Puzzle:
    if not isinstance(answer, Mapping) or not {"numbers", "target"} <= set(answer) <= {"numbers", "target", "solution"}:
        raise DataError(f'it must be {{"numbers": [...], "target": ...}}, perhaps with "solution", got {answer!r:.60}')
    numbers, target, solution = answer["numbers"], answer["target"], answer.get("solution")
    if not isinstance(numbers, list | tuple) or not 1 <= len(numbers) <= _MOST_NUMBERS:
        raise DataError(f"numbers must be a list of 1 to {_MOST_NUMBERS}, got {numbers!r:.60}")
    if not all(_is_whole(n) and 0 <= n <= _LARGEST_NUMBER for n in numbers):
        raise DataError(f"numbers must be whole, from 0 to {_LARGEST_NUMBER}, got {numbers!r:.60}")
    if not _is_whole(target) or abs(target) > _LARGEST_TARGET:
        raise DataError(f"the target must be whole, at most {_LARGEST_TARGET}, got {target!r:.60}")
    if solution is not None and not isinstance(solution, str):
        raise DataError(f"the solution must be text, got {solution!r:.60}")
    return _Puzzle(tuple(numbers), target, solution)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _solution(answer: Any, uses: Uses) -> str:
    """The solution that is stated, or one that is found.

    Raises:
        DataError: There is none.
    """
    puzzle = _puzzle(answer)
    if puzzle.solution is not None:
        return puzzle.solution
    if len(puzzle.numbers) > MAX_NUMBERS:
        raise DataError(f"more than {MAX_NUMBERS} numbers need a solution beside them")
    found = solved(puzzle.numbers, puzzle.target, least=1 if uses == "at_most" else len(puzzle.numbers))
    if found is None:
        raise DataError("the numbers do not make the target")
    return found[1:-1] if found.startswith("(") else found


def gold(answer: Any, options: Mapping[str, Any]) -> str:
    """The solution in its place; one is searched where none is stated.

    Raises:
        DataError: The answer is no usable gold.
    """
    return placed(_solution(answer, options.get("uses", "all")), options.get("extract", "answer_tag"))


def rewrites(answer: Any, options: Mapping[str, Any]) -> Iterator[str]:
    """The solution without spaces, as an equation, in brackets, with × and ÷, and in LaTeX."""
    tokens = tokens_of(_solution(answer, options.get("uses", "all")))
    if "=" in tokens or r"\frac" in tokens:
        return
    target = _puzzle(answer).target
    plain, spaced = "".join(tokens), " ".join(tokens)
    latex = spaced.replace("*", r"\times").replace("/", r"\div")
    forms = (plain, f"{spaced} = {target}", f"({spaced})", spaced.replace("*", "×").replace("/", "÷"), f"${latex}$")
    for form in forms:
        yield placed(form, options.get("extract", "answer_tag"))


def mutations(answer: Any, options: Mapping[str, Any]) -> Iterator[Any]:
    """Puzzles with another target, one number more, or another number, each with its solution."""
    uses: Uses = options.get("uses", "all")
    puzzle, text = _puzzle(answer), _solution(answer, uses)
    more = [*puzzle.numbers, 1]
    yield {"numbers": more, "target": puzzle.target + 1, "solution": f"({text}) + 1"}
    if uses == "all":
        yield {"numbers": more, "target": puzzle.target, "solution": f"({text}) * 1"}
    tokens = tokens_of(text)
    for place, other in itertools.product(range(len(tokens)), "+-*/"):
        if tokens[place] in "+-*/" and tokens[place] != other:
            changed = "".join((*tokens[:place], other, *tokens[place + 1 :]))
            value = read(changed).value
            if value is not None and value.denominator == 1 and value != puzzle.target:
                yield {"numbers": list(puzzle.numbers), "target": int(value), "solution": changed}
