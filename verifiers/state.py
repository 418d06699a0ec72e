"""The state that an episode leaves behind: what was asked for is done, nothing else is, and the facts are told.

The task's `answer` says how the state begins and how it must end, which facts the answer must state, and what must and
must not have happened on the way; how is written at the top of `_tools/goal.py`:

    {"initial": {"orders": {"7": {"status": "open"}}}, "final": {"orders": {"7": {"status": "cancelled"}}},
     "outputs": [{"type": "number", "value": 54.04}]}

The transcript's `final_state` holds the state as "db" and, where the environment keeps one, the log as "events".

Four things must hold. The rows that the gold changes are as in its final state, floats rounded and volatile fields
masked; or assertions on paths hold. Every other row is as it was, to the last field. The log keeps to its invariants,
so that writing and undoing, and junk where it does not show, are seen. And each fact stands in the final message as a
value of its type, and not as one of several ("3, 4 or 5"), unless the gold allows for more candidates. A task that an
agent solves by doing nothing is refused, unless it asks for a fact or an event.

Source: the final database and the outputs of tau-bench (sierra-research/tau-bench at 59a200c, arXiv:2406.12045), and
what arXiv:2507.02825 found about both. Differs from the source: values in place of substrings, lists of every possible
answer fail, only the final message counts, the log is looked at, the initial state counts, and no state is reached by
running the gold's own calls.

Covered: states that are JSON values, with texts as keys, of at most a million values in 32 levels. Not covered: partial
credit, facts in words ("seven"), whether a fact is denied ("it is not 7"), what a number is said to be the number of,
rows whose keys are not known beforehand. A task whose right answers go on to name other values of the same unit needs
"max_candidates".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from agentrl.errors import DataError
from agentrl.types import Check, Task, Transcript, Verdict
from agentrl.verifiers._reading.extract import final_segment
from agentrl.verifiers._tools.cases_state import CASES
from agentrl.verifiers._tools.goal import MAX_NODES, Goal, compare, read_goal
from agentrl.verifiers._tools.patterns import PatternTimeout, bounded
from agentrl.verifiers._tools.plain import PlainError, plain
from agentrl.verifiers._tools.worlds import changed_goals, other_ends, right_end

__all__ = ["CASES", "gold", "mutations", "rewrites", "verify"]

MAX_CHARS = 32_768


def verify(task: Task, transcript: Transcript) -> Verdict:
    """Compare the end of an episode with the gold.

    Args:
        task: Its `answer` is the gold; see the module.
        transcript: With "db", and "events" where there is a log, in its `final_state`.
    """
    try:
        goal = read_goal(task.answer)
    except DataError as error:
        return Verdict(0.0, "task_invalid", feedback=str(error))
    state = transcript.final_state.get("db")
    if not isinstance(state, Mapping):
        return Verdict(0.0, "no_answer", feedback="The episode left no state behind.")
    said = _said(goal, transcript)
    if len(said) > MAX_CHARS:
        return Verdict(0.0, "malformed", feedback=f"The answer has over {MAX_CHARS} characters.")
    try:
        left = plain(state, max_nodes=MAX_NODES)
        with bounded():
            compared = compare(goal, left)
            problem = goal.invariants.problem(transcript.final_state.get("events"), goal.row_of)
    except PatternTimeout:
        return Verdict(0.0, "timeout", feedback="A value took too long to compare.")
    except PlainError:
        return Verdict(0.0, "malformed", feedback="The state that the episode left behind is no JSON value.")
    told = tuple(Check(f"output {number}", fact.stated(said)) for number, fact in enumerate(goal.outputs, 1))
    checks = (*compared.checks, Check("events", not problem, detail=problem), *told)
    if all(check.passed for check in checks):
        return Verdict(1.0, "correct", compared.name, checks)
    return Verdict(0.0, "incorrect", compared.name, checks, _feedback(checks))


def _said(goal: Goal, transcript: Transcript) -> str:
    texts = [final_segment(m.content) for m in transcript.messages if m.role == "assistant"]
    return "\n".join(texts if goal.outputs_from == "all" else texts[-1:])


def _feedback(checks: tuple[Check, ...]) -> str:
    failed = {check.name for check in checks if not check.passed}
    if "state" in failed:
        return "The state is not as it was asked for."
    if "untouched" in failed:
        return "Something was changed that should not be."
    return (
        "Something was done on the way that should not be, or left out." if "events" in failed else "A fact is missing."
    )


def gold(answer: Any, options: Mapping[str, Any]) -> Transcript:
    """The final state, a log that fits it, and a message with the facts.

    Raises:
        DataError: The answer is no usable gold.
    """
    return right_end(answer)


def rewrites(answer: Any, options: Mapping[str, Any]) -> Iterator[Transcript]:
    """Keys in another order, floats with noise, other values in volatile fields, thoughts before the message."""
    yield from other_ends(answer)


def mutations(answer: Any, options: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Another value in a row that changes, in an assertion, or in an output."""
    yield from changed_goals(answer)
