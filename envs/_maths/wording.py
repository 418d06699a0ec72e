r"""The form that a problem's wording asks of its answer: factored, expanded, in lowest terms, and so on."""

from __future__ import annotations

import re
from typing import Any

from agentrl.golds import is_usable

__all__ = ["asked_form", "with_form"]

_FORMS = tuple(
    (form, re.compile(pattern, re.IGNORECASE))
    for form, pattern in (
        ("factored", r"\A\s*factor\b|completely factor|factor completely|in factored form"),
        ("expanded", r"\bexpand|multiply out"),
        ("simplest_fraction", r"common fraction|lowest terms|simplify:?\s*\$*\s*\\[dt]?frac\s*\{\s*-?\d+\s*\}"),
        ("simplest_radical", r"simplest radical|rationalize the denominator"),
        ("in_terms_of_pi", r"in terms of \$?\\pi"),
        ("evaluated", r"\b(?:evaluate|compute|calculate|simplify)\b"),
    )
)
"""The first that is found decides."""


def asked_form(problem: str) -> str | None:
    r"""The form that the words of a problem ask for.

    >>> asked_form("Factor $x^2-1$."), asked_form(r"Find its area in terms of $\pi$."), asked_form("How many?")
    ('factored', 'in_terms_of_pi', None)
    """
    return next((form for form, pattern in _FORMS if pattern.search(problem)), None)


def with_form(problem: str, gold: str) -> Any:
    r"""A gold for the verifier `math`: with the form that the problem asks for, where the gold itself has it.

    >>> with_form("Factor $x^2-1$.", "(x-1)(x+1)"), with_form("Factor $x^2-1$.", "x^2-1")
    ({'value': '(x-1)(x+1)', 'form': 'factored'}, 'x^2-1')
    """
    form = asked_form(problem)
    if form is None:
        return gold
    answer = {"value": gold, "form": form}
    return answer if is_usable("math", answer, {"extract": "boxed"}) else gold
