"""Whether one answer of a reply is the gold: the cheapest comparison that can tell comes first."""

from __future__ import annotations

import re

from agentrl.memo import Memo
from agentrl.verifiers._math import algebra
from agentrl.verifiers._math.algebra import Budget, Outcome, is_lasting
from agentrl.verifiers._math.answers import Answer
from agentrl.verifiers._math.canonical import folded
from agentrl.verifiers._math.compare import Comparison
from agentrl.verifiers._math.forms import holds, last_side, no_less_finished
from agentrl.verifiers._math.golds import Gold
from agentrl.verifiers._math.kinds import letter_of, truth_of
from agentrl.verifiers._math.parts import items_of
from agentrl.verifiers._math.tree import Bracketed, Listing, Matrix, Node, Relation, SetOf, Union

__all__ = ["decided", "has_form", "same_reading", "together"]

_COLLECTIONS = (SetOf, Listing, Bracketed, Union, Matrix)


def decided(gold: Gold, reply: Answer, allow: frozenset[str], budget: Budget) -> Outcome:
    """Compare: canonical text, words, exact numbers, structure, random points, computer algebra."""
    if gold.is_plain and reply.value is not None:
        return "same" if gold.answer.value == reply.value else "different"
    if gold.kind == "choice":
        return _choice(gold, reply)
    if gold.kind == "boolean":
        said = truth_of(reply.text)
        return "same" if said is not None and said == truth_of(gold.answer.text) else "different"
    numbers = (reply.value is None) is (gold.answer.value is None)  # 1,234 is one, and 1, 234 is none
    if numbers and reply.text in _texts(gold)[not gold.as_written :]:
        return "same"
    if gold.kind == "text":
        said_folded = folded(reply.text)
        return "same" if said_folded in map(folded, _texts(gold)) else "different"
    return _decisions.decide((gold, reply, allow), lambda: _by_tree(gold, reply, allow, budget), keep=is_lasting)


_GARBLED = re.compile(r"[-+*/^!|]\s*+[-+*/^!|]|\^\s*+(?:[A-Za-z0-9]|\\[A-Za-z]++)\s*+\^")
"""Signs side by side and powers without braces: no reader makes sense of them, and some take long to try."""
_decisions: Memo[Outcome] = Memo("math.decisions", 4096)


def _texts(gold: Gold) -> tuple[str, ...]:
    return (gold.answer.text, *(alias.text for alias in gold.aliases))


def _choice(gold: Gold, reply: Answer) -> Outcome:
    """One letter; in lower case only where the task says that it is a choice."""
    letter, wanted = letter_of(reply.text), letter_of(gold.answer.text)
    if letter is None or wanted is None:
        return "different"
    if gold.letter_case == "ignored":
        letter, wanted = letter.upper(), wanted.upper()
    return "same" if letter == wanted else "different"


def _by_tree(gold: Gold, reply: Answer, allow: frozenset[str], budget: Budget) -> Outcome:
    if gold.tree is None:
        return "different"
    comparison = Comparison(gold.rounding, allow, "counted" if gold.kind == "multiset" else "ignored", budget=budget)
    if reply.tree is None:
        if gold.kind in ("expression", "complex") and reply.unread:
            return _unread(gold.tree, reply, budget)
        return "different"
    found = comparison.outcome(gold.tree, reply.tree)
    if found == "different" and reply.split is not None and isinstance(gold.tree, _COLLECTIONS):
        found = comparison.outcome(gold.tree, reply.split)
    for alias in gold.aliases:
        if found != "same" and alias.tree is not None:
            found = Comparison(gold.rounding, allow, budget=budget).outcome(alias.tree, reply.tree)
    return found


def _unread(gold: Node, reply: Answer, budget: Budget) -> Outcome:
    """A reply that our grammar does not read: a second reader tries, in a worker."""
    if _GARBLED.search(reply.unread):
        return "different"
    return algebra.compare(gold, None, budget, unread=reply.unread)


def has_form(gold: Gold, reply: Answer, budget: Budget) -> bool:
    """Whether a reply has the form that the task asks for; of a chain of equalities its end has it."""
    if gold.form is None or reply.tree is None:
        return gold.form is None
    said = reply.tree
    if isinstance(said, Relation) and set(said.ops) <= {"=", "approx"} and not isinstance(gold.tree, Relation):
        said = last_side(said)
    golds = [tree for tree in (gold.tree, *(alias.tree for alias in gold.aliases)) if tree is not None]
    finished = gold.form not in ("evaluated", "in_terms_of_pi") or no_less_finished(golds, said)
    return finished and holds(gold.form, said, budget)


def same_reading(a: Answer, b: Answer, budget: Budget) -> bool:
    """Whether two answers of one reply say the same."""
    if a.text == b.text:
        return True
    if a.tree is None or b.tree is None:
        return False
    return any(Comparison(budget=budget).same(x.tree, y.tree) for x, y in ((a, b), (b, a)) if x.tree and y.tree)


def together(answers: list[Answer]) -> Answer | None:
    """The answers of several boxes as one set."""
    items: list[Node] = []
    for one in answers:
        inside = None if one.tree is None else items_of(one.tree)
        if inside is None:
            return None
        items += inside
    return Answer(", ".join(one.text for one in answers)[:2000], Listing(tuple(items)))
