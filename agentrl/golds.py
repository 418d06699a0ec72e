"""Golds, checked before anything is trained on them: the right reply is correct, a wrong one is not.

Beside `verify` and `CASES`, a verifier's module may define three functions. `options` are those of `verify`.

    gold(answer, options) -> reply            a reply that must be correct
    rewrites(answer, options) -> replies      other spellings of it, which must be correct as well
    mutations(answer, options) -> answers     other answers: their gold replies must not be correct

A reply is text, or a `Transcript` where the verifier looks at more than the last message. For an answer that is no
usable gold, `gold` raises `DataError` with one line that says why. The audit and `agentrl check` use all three.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from agentrl import registry
from agentrl.errors import DataError
from agentrl.types import Transcript

if TYPE_CHECKING:
    from agentrl.environment import Env

__all__ = [
    "gold_problem",
    "gold_reply",
    "is_usable",
    "mutated_golds",
    "other_answers",
    "rewritten_golds",
    "verifier_of",
]

_MUTATIONS = 4


def gold_reply(verifier: str, answer: Any, options: Mapping[str, Any] | None = None) -> str | Transcript | None:
    """A reply that the verifier must find correct; None where the verifier names none.

    Raises:
        DataError: The answer is no usable gold.
    """
    gold = getattr(registry.load_module("verifier", verifier), "gold", None)
    return None if gold is None else gold(answer, options or {})


def is_usable(verifier: str, answer: Any, options: Mapping[str, Any] | None = None) -> bool:
    """Whether an answer is a gold that the verifier can read; `gold_problem` also looks at what its reply earns.

    >>> is_usable("exact", "Paris"), is_usable("exact", "")
    (True, False)
    """
    try:
        gold_reply(verifier, answer, options)
    except DataError:
        return False
    return True


def rewritten_golds(verifier: str, answer: Any, options: Mapping[str, Any] | None = None) -> Iterator[str | Transcript]:
    """Replies that spell the gold another way and must be correct too; none where the verifier names none."""
    rewrites = getattr(registry.load_module("verifier", verifier), "rewrites", None)
    yield from () if rewrites is None else rewrites(answer, options or {})


def mutated_golds(verifier: str, answer: Any, options: Mapping[str, Any] | None = None) -> Iterator[str | Transcript]:
    """Gold replies to other answers, which must not be correct here; none where the verifier names none."""
    for other in other_answers(verifier, answer, options):
        reply = gold_reply(verifier, other, options)
        if reply is not None:
            yield reply


def gold_problem(verifier: str, answer: Any, options: Mapping[str, Any] | None = None) -> str:
    """Why an answer cannot be used as a gold; the empty string where it can.

    It must be one that the verifier can read, its own reply must be correct, and those of a few mutated answers must
    not be.

    >>> gold_problem("exact", "Paris"), gold_problem("exact", "")
    ('', 'the answer is empty')
    """
    options = options or {}
    try:
        reply = gold_reply(verifier, answer, options)
    except DataError as error:
        return str(error)
    if reply is None:
        return ""
    verdict = registry.grade(verifier, reply, answer, **options)
    if not verdict.success:
        return f"its own reply is {verdict.status}: {verdict.feedback}".rstrip(": ")
    try:
        others = list(itertools.islice(mutated_golds(verifier, answer, options), _MUTATIONS))
    except DataError as error:
        return f"one of its mutations is no usable answer: {error}"
    for other in others:
        if registry.grade(verifier, other, answer, **options).success:
            return f"a reply that gives another answer is correct as well: {other!s:.80}"
    return ""


def verifier_of(env: Env) -> tuple[str | None, Mapping[str, Any]]:
    """The id of an environment's verifier, and its options; no id where its verifier is its own."""
    return (env.verifier if isinstance(env.verifier, str) else None), env.verifier_options


def other_answers(verifier: str, answer: Any, options: Mapping[str, Any] | None = None) -> Iterator[Any]:
    """Answers that the gold's reply must not reach; none where the verifier names none.

    Raises:
        DataError: The answer is no usable gold.
    """
    mutations = getattr(registry.load_module("verifier", verifier), "mutations", None)
    yield from () if mutations is None else mutations(answer, options or {})
