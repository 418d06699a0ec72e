r"""Answers of mathematics: read into a tree, and compared as what the gold's type says they are.

The text after the last `</think>` is read in one declared way (`extract`). Limits on size come before any parser; a
hand-written reader turns LaTeX and plain text into a tree. The gold's type then chooses the comparison, and the first
step that can tell decides: canonical text, exact fractions, structure (tuples, sets by a matching, unions of
intervals, equations up to a factor, units), random points, and only then computer algebra, in processes that are
killed at their deadline. Nothing is evaluated on the way.

A gold is a text, a number, or a mapping with `value` and what holds for it alone: `kind`, `unit`, `places`,
`figures`, `form`, `aliases`. Where it is a number that is written out, a reply must be one too: 2+3 and 2^{10} leave
the work to the grader, and so do a sum, an integral or a limit wherever the gold has none.

Covered: integers, digit groups (1,000), fractions, mixed numbers, decimals, scientific notation, percent, money, units
and their conversion, complex numbers, expressions, equations, inequalities, intervals, sets, tuples, matrices, bases,
ratios, choice letters, words, tolerances that the task states, the form of an answer.
Not covered: proofs, determinants in bars, piecewise functions, an ellipsis, dates; what the reader does not know is
compared as text.

Source: the answer formats of GSM8K (arXiv:2110.14168) and MATH (arXiv:2103.03874); the last step asks sympy and
Math-Verify (https://github.com/huggingface/Math-Verify). Differs from the sources: the graders of the papers compare
strings; Math-Verify solves what it is given, rounds to six places, drops units and takes the end of any chain.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, get_args

from agentrl.errors import ConfigError, DataError, check_choice
from agentrl.types import Task, Transcript, Verdict
from agentrl.verifiers._math import spellings
from agentrl.verifiers._math.algebra import Budget, Outcome
from agentrl.verifiers._math.answers import Answer, answer
from agentrl.verifiers._math.cases import CASES
from agentrl.verifiers._math.compare import Allowance
from agentrl.verifiers._math.decide import decided, has_form, same_reading, together
from agentrl.verifiers._math.forms import Form
from agentrl.verifiers._math.golds import FORMS, Gold, Stated, UnusableGoldError, gold_of, stated_as
from agentrl.verifiers._math.kinds import KINDS, Kind
from agentrl.verifiers._reading.extract import PLACES, Extract, candidates, placed

__all__ = ["CASES", "gold", "mutations", "rewrites", "verify"]

Several = Literal["last", "reject_if_distinct", "as_set"]
_ALLOWANCES = get_args(Allowance)
_ALLOWED: tuple[Allowance, ...] = ("missing_unit", "name")
_MAX_DISTINCT = 16


def verify(
    task: Task,
    transcript: Transcript,
    *,
    extract: Extract = "boxed",
    several: Several = "last",
    kind: Kind | Literal["auto"] = "auto",
    form: Form | Literal["any"] = "any",
    rounding: Mapping[str, int] | None = None,
    allow: Sequence[Allowance] = _ALLOWED,
) -> Verdict:
    r"""Compare the reply's answer with the gold.

    Args:
        task: Its `answer` is the gold: a number, LaTeX without its box, or a mapping (see the card).
        transcript: The last assistant message is the reply.
        extract: The last `\boxed{}`, what follows the last `####`, the last `Answer:` line, the only `<answer>`
            tag, or the whole reply.
        several: With more than one answer, take the last, refuse answers that differ, or take them together as a set
            where the gold is one (and refuse answers that differ where it is not).
        kind: The type of every gold; "auto" finds it from how a gold is written.
        form: The form that a reply must have, beside the right value.
        rounding: `{"places": 2}` or `{"figures": 3}`: numbers need to be no more exact than that.
        allow: What a reply may do: leave out the unit ("missing_unit"), name the value as in `x = 5` ("name"), give an
            inequality for intervals ("inequality"), a column for a tuple and back ("vector"), or the value of a number
            in another base ("base_value").

    Raises:
        ConfigError: An option has a value that does not exist; no text raises.
        MissingExtraError: Two expressions need computer algebra, and it is not installed.
    """
    stated, allowed = _options(extract, several, kind, form, _pairs(rounding), _words(allow))
    try:
        right = gold_of(task.answer, stated)
    except UnusableGoldError as error:
        return Verdict(0.0, "task_invalid", feedback=f"The task has no usable answer: {error}.")
    found = candidates(transcript.reply, extract)
    if not found:
        return Verdict(0.0, "no_answer", feedback=f"No answer was found; it is read from: {PLACES[extract]}.")
    budget = Budget()
    said = _said(found, right, several, budget)
    if said is None:
        return Verdict(0.0, "malformed", feedback=f"The answer cannot be read from: {PLACES[extract]}.")
    if isinstance(said, str):
        return Verdict(0.0, "malformed", feedback=said)
    outcome = decided(right, said, allowed, budget)
    if outcome == "same" and not has_form(right, said, budget):
        return Verdict(0.0, "incorrect", answer=said.shown, feedback="The answer does not have the form asked for.")
    return _verdict(said, outcome)


def _verdict(said: Answer, outcome: Outcome) -> Verdict:
    if outcome == "same":
        return Verdict(1.0, "correct", answer=said.shown)
    if outcome == "timeout" or outcome == "resource_limit":
        feedback = "The answer takes too long to compare: give it in a simpler form."
        return Verdict(0.0, outcome, answer=said.shown, feedback=feedback)
    return Verdict(0.0, "incorrect", answer=said.shown, feedback="The answer is not right.")


def _said(found: Sequence[str | None], right: Gold, several: Several, budget: Budget) -> Answer | str | None:
    """The answer of a reply; a text for one that is refused, None for one that cannot be read."""
    last = None if found[-1] is None else answer(found[-1])
    if last is None or several == "last" or len(found) == 1:
        return last
    distinct = list(dict.fromkeys(found))
    if len(distinct) > _MAX_DISTINCT:
        return "The reply gives different answers."
    read = [None if raw is None else answer(raw) for raw in distinct]
    others = [one for one in read if one is not None]
    if len(others) < len(read):
        return "The reply gives an answer that cannot be read."
    if several == "as_set" and right.kind in ("set", "multiset"):
        return together(others)
    if all(same_reading(last, other, budget) for other in others):
        return last
    return "The reply gives different answers."


# Options.


def _pairs(rounding: Any) -> tuple[Any, ...]:
    if rounding is None:
        return ()
    if not isinstance(rounding, Mapping) or len(rounding) != 1:
        raise ConfigError(f'rounding takes {{"places": 2}} or {{"figures": 3}}, got {rounding!r}')
    return next(iter(rounding.items()))


def _words(allow: Any) -> tuple[Any, ...]:
    if isinstance(allow, str) or not isinstance(allow, Sequence):
        raise ConfigError(f"allow takes a list of {', '.join(_ALLOWANCES)}, got {allow!r}")
    return tuple(allow)


def _options(
    extract: Any, several: Any, kind: Any, form: Any, rounding: tuple[Any, ...], allow: tuple[Any, ...]
) -> tuple[Stated, frozenset[str]]:
    try:
        return _checked(extract, several, kind, form, rounding, allow)
    except TypeError as error:  # a value that cannot be hashed
        raise ConfigError(f"the options of math are texts, and rounding a whole number: {error}") from error


@functools.lru_cache(maxsize=256, typed=True)
def _checked(
    extract: Any, several: Any, kind: Any, form: Any, rounding: tuple[Any, ...], allow: tuple[Any, ...]
) -> tuple[Stated, frozenset[str]]:
    check_choice("extract", extract, tuple(PLACES))
    check_choice("several", several, get_args(Several))
    check_choice("kind", kind, ("auto", *KINDS))
    check_choice("form", form, ("any", *FORMS))
    for word in allow:
        check_choice("a word of allow", word, _ALLOWANCES)
    try:
        stated = stated_as(kind, form, rounding)
    except UnusableGoldError as error:
        raise ConfigError(f'rounding takes {{"places": 2}} or {{"figures": 3}}; {error}') from error
    return stated, frozenset(allow)


# Golds.


def gold(answer: Any, options: Mapping[str, Any]) -> str:
    """The answer itself, where `extract` looks for it.

    Raises:
        DataError: It cannot be used.
    """
    try:
        spellings.gold_under(answer, options)
    except UnusableGoldError as error:
        raise DataError(f"no usable answer: {error}") from error
    return placed(spellings.text_of(answer), options.get("extract", "boxed"))


def rewrites(answer: Any, options: Mapping[str, Any]) -> Iterator[str]:
    """Other spellings of it: white space, sizes of brackets, fractions, items in another order."""
    for text in spellings.rewritten(answer, options):
        yield placed(text, options.get("extract", "boxed"))


def mutations(answer: Any, options: Mapping[str, Any]) -> Iterator[Any]:
    """Answers that are not it: another digit, sign, order, bracket or letter."""
    yield from spellings.mutated(answer, options)
