"""Calls of tools: the right ones, with the right arguments, in an order that works, and no others.

The task's `answer` declares the tools and says which calls must be made; how is written at the top of
`_tools/gold.py`, and how values are compared at the top of `_tools/values.py`:

    {"tools": [{"name": "ride", "parameters": {"type": "object", "properties": {"to": {"type": "string"}}}}],
     "calls": [{"name": "ride", "arguments": {"to": {"one_of": ["Bern", "Berne"]}}}]}

or {"tools": [...], "irrelevant": true} where no tool fits, and a reply in words is asked for.

Five things are looked at: that the reply can be read in its dialect (`_tools/parse.py`); that each call keeps to the
schema of its tool, where true is no integer and a text no number; that each call of the gold has one of the reply's as
its own, by a maximum matching; that their order is kept; and that nothing else is called, but for tools that only read,
which have a budget. With "dense", a reply that is not correct gets nine tenths of the mean of three shares: names (the
Jaccard index of the two sets), keys (the Jaccard index of each matched pair) and values (equal ones among all keys of
each pair), the last two summed over the best matching and divided by the larger number of calls, so that adding calls
never pays.

Where no tool fits, every try to call one fails, well written or not, and so do an empty reply, noise, the prompt itself
and a few words that neither decline nor ask.

Source: the abstract-syntax rules of the Berkeley function-calling leaderboard (ShishirPatil/gorilla at 6ea5797,
arXiv:2305.15334) and the reward of ToolRL (arXiv:2504.13958). Differs from the source: texts keep their punctuation
("1.5" is not "15"), types are checked at every depth, overlapping choices are matched instead of taken greedily, a
broken call is no refusal, extra calls count, and the dense score is in [0, 1] and below 1 unless the reply is correct.

Covered: one message's calls, or those of a whole conversation. Not covered: what calls do (see `state`), programs that
call tools, calls as text in dialects that are not named, whether a refusal makes sense.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, get_args

from agentrl.errors import ConfigError, DataError, check_choice
from agentrl.types import Check, Message, Status, Task, Transcript, Verdict
from agentrl.verifiers._reading.extract import final_segment
from agentrl.verifiers._tools.cases import CASES
from agentrl.verifiers._tools.gold import Gold, read_gold
from agentrl.verifiers._tools.irrelevance import attempts, is_natural
from agentrl.verifiers._tools.matching import SearchLimit
from agentrl.verifiers._tools.parse import Call, Dialect, Limits, Outside, Unreadable, parse_message
from agentrl.verifiers._tools.patterns import PatternTimeout, bounded
from agentrl.verifiers._tools.plain import canonical
from agentrl.verifiers._tools.scoring import Reward, judge, prepared
from agentrl.verifiers._tools.variants import mutated, rewritten, right_reply

__all__ = ["CASES", "gold", "mutations", "rewrites", "verify"]

Scope = Literal["last", "all"]
Coerce = Literal["none", "lenient"]
MAX_CHARS = 32_768
MAX_CALLS = 256
_CHOICES: Mapping[str, Any] = {
    "dialect": Dialect,
    "reward": Reward,
    "outside": Outside,
    "scope": Scope,
    "coerce": Coerce,
}


def verify(
    task: Task,
    transcript: Transcript,
    *,
    dialect: Dialect = "auto",
    reward: Reward = "binary",
    outside: Outside = "ignore",
    scope: Scope = "last",
    coerce: Coerce = "none",
    max_calls: int = 64,
) -> Verdict:
    """Compare the calls of the reply with those of the gold.

    Args:
        task: Its `answer` is the gold; see the module.
        transcript: Calls are the `tool_calls` of the last assistant message where it has any, else in its text.
        dialect: How calls in the text are written; see `_tools/parse.py`.
        reward: What a reply scores that is not correct: 0, or the share that is right. Extra calls of reading tools
            cost what the gold says under either.
        outside: Whether text outside of call tags is ignored, or makes the reply malformed.
        scope: "last": the last assistant message. "all": the calls of all of them; one that holds none is passed over.
        coerce: "lenient": the text of a number or truth value, and 5.0, are read as the schema asks for.
        max_calls: More calls than that are malformed, 1 to 256.

    Raises:
        ConfigError: An option has a value that does not exist; no reply raises.
    """
    given = {"dialect": dialect, "reward": reward, "outside": outside, "scope": scope, "coerce": coerce}
    _check_options(given, max_calls)
    try:
        gold = read_gold(task.answer)
    except DataError as error:
        return Verdict(0.0, "task_invalid", feedback=str(error))
    messages = _messages(transcript, scope)
    if not any(message.content.strip() or message.tool_calls for message in messages):
        return Verdict(0.0, "no_answer", feedback="The reply is empty.")
    if gold.irrelevant:
        return _judge_words(gold, messages, task)
    try:
        calls = _calls(messages, gold, dialect, outside, Limits(max_calls, MAX_CHARS))
        if not calls:
            return Verdict(0.0, "no_answer", feedback="The reply holds no call.")
        with bounded():
            judged = judge(gold, prepared(gold, calls, coerce), reward)
    except Unreadable as error:
        checks = (Check("format", passed=False),)
        return Verdict(0.0, "malformed", checks=checks, feedback=f"The calls cannot be read: {error}")
    except PatternTimeout:
        return Verdict(0.0, "timeout", feedback="An argument took too long to compare.")
    except SearchLimit:
        return Verdict(
            0.0, "resource_limit", feedback="The order of so many calls that fit each other was not decided."
        )
    status: Status = "correct" if judged.score == 1.0 else "partial" if judged.score > 0 else "incorrect"
    answer = canonical([[call.name, dict(call.arguments)] for call in calls])[:2000]
    return Verdict(judged.score, status, answer, judged.checks, judged.feedback)


def _check_options(given: Mapping[str, Any], max_calls: Any) -> None:
    for name, value in given.items():
        check_choice(name, value, get_args(_CHOICES[name]))
    if type(max_calls) is not int or not 1 <= max_calls <= MAX_CALLS:
        raise ConfigError(f"max_calls must be a whole number from 1 to {MAX_CALLS}, got {max_calls!r}")


def _messages(transcript: Transcript, scope: Scope) -> list[Message]:
    said = [message for message in transcript.messages if message.role == "assistant"]
    return said if scope == "all" else said[-1:]


def _calls(messages: Sequence[Message], gold: Gold, dialect: Dialect, outside: Outside, limits: Limits) -> list[Call]:
    """All calls; a text that does not even try to call is passed over."""
    found: list[Call] = []
    for message in messages:
        if message.tool_calls or _tries(message.content, gold):
            found += parse_message(message, dialect, outside, limits)
        if len(found) > limits.calls:
            raise Unreadable(f"there are more than {limits.calls} calls")
    return found


def _tries(content: str, gold: Gold) -> bool:
    """Whether a text could hold calls: of a declared tool, or in some form of any."""
    text = final_segment(content)
    if len(text) > MAX_CHARS:
        return True
    return attempts(text, gold.tools) or text.strip().startswith("[")


def _judge_words(gold: Gold, messages: Sequence[Message], task: Task) -> Verdict:
    """Where no tool fits: no try in any message, and at the end a reply in words."""
    tried = any(message.tool_calls or attempts(final_segment(message.content), gold.tools) for message in messages)
    reply = final_segment(messages[-1].content)
    if not tried and not reply.strip():
        return Verdict(0.0, "no_answer", feedback="The reply is empty after its thinking.")
    asked = "\n".join(message.content for message in task.prompt if message.role == "user")
    natural = is_natural(reply, asked)
    checks = Check("no call", not tried), Check("words", natural)
    if tried:
        return Verdict(0.0, "incorrect", reply[:2000], checks, "The reply calls a tool, and none fits.")
    if not natural:
        return Verdict(0.0, "incorrect", reply[:2000], checks, "The reply is no sentence.")
    return Verdict(1.0, "correct", reply[:2000], checks)


def gold(answer: Any, options: Mapping[str, Any]) -> str:
    """The calls that each comparator names first; where no tool fits, a sentence.

    Raises:
        DataError: The answer is no usable gold.
    """
    return right_reply(read_gold(answer), options.get("dialect", "auto"))


def rewrites(answer: Any, options: Mapping[str, Any]) -> Iterator[str | Transcript]:
    """Other values that the comparators allow, another order of arguments or calls, other white space and dialects."""
    for reply in rewritten(read_gold(answer), options.get("dialect", "auto")):
        if options.get("outside") != "reject" or isinstance(reply, Transcript) or not reply.startswith("Let"):
            yield reply


def mutations(answer: Any, options: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """A value changed, a call repeated, a call left out."""
    yield from mutated(answer)
