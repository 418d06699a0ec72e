"""Which catalogue fits a scorer: told by the shape of its golds."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from agentrl.audit.records import Domain
from agentrl.audit.subject import FORMULA, gold_text, number_of

__all__ = ["domain_of"]

_MATHS = re.compile(r"\\[A-Za-z]|[\^=]|^[\d\W_]+$")
_KEYS: Mapping[str, Domain] = {
    "format": "code",
    "formula": "logic",
    "premises": "logic",
    "conclusion": "logic",
    "calls": "tools",
    "tools": "tools",
    "irrelevant": "tools",
    "initial": "tools",
}


def domain_of(answers: Sequence[Any]) -> Domain:
    r"""The domain that more than half of the golds look like; text where none is.

    >>> domain_of(["7", r"\frac12", "x"]), domain_of(["Paris", "7"]), domain_of(["∀x P(x)"])
    ('maths', 'text', 'logic')
    >>> domain_of([{"format": "stdio"}])
    'code'
    """
    votes = Counter(_domain(answer) for answer in answers)
    for domain, count in votes.most_common():
        if domain != "text" and 2 * count > len(answers):
            return domain
    return "text"


def _domain(answer: Any) -> Domain:
    if isinstance(answer, Mapping):
        found = next((domain for key, domain in _KEYS.items() if key in answer), None)
        if found is not None:
            return found
    text = gold_text(answer)
    if FORMULA.search(text):
        return "logic"
    return "maths" if number_of(text) is not None or (text and _MATHS.search(text)) else "text"
