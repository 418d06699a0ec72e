r"""Other spellings of a gold, which must be right as well, and other golds, which must not.

Both work on the text and ask the reader what they made: a change that the reader does not see is not yielded.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from agentrl.verifiers._math.answers import Answer, answer
from agentrl.verifiers._math.golds import Gold, UnusableGoldError, gold_of, stated_as
from agentrl.verifiers._math.tree import Bracketed, Listing, Number, SetOf

__all__ = ["gold_under", "mutated", "rewritten", "text_of"]


def text_of(raw: Any) -> str:
    r"""The text of a gold, with its unit.

    >>> text_of({"value": 36, "unit": "km/h"}), text_of(True)
    ('36\\text{ km/h}', 'true')
    """
    if isinstance(raw, Mapping) and "unit" in raw:
        return rf"{_value_of(raw)}\text{{ {raw['unit']}}}"
    return _value_of(raw)


def _value_of(raw: Any) -> str:
    value = raw.get("value") if isinstance(raw, Mapping) else raw
    return str(value).lower() if isinstance(value, bool) else str(value)


def gold_under(raw: Any, options: Mapping[str, Any]) -> Gold:
    """The gold as `verify` reads it under some options.

    Raises:
        UnusableGoldError: It cannot be used.
    """
    rounding = next(iter((options.get("rounding") or {}).items()), ())
    return gold_of(raw, stated_as(options.get("kind", "auto"), options.get("form", "any"), rounding))


# Rewrites.

_SIMPLE_FRACTION = re.compile(r"\\frac\{([0-9]++)\}\{([0-9]++)\}")


def rewritten(raw: Any, options: Mapping[str, Any]) -> Iterator[str]:
    r"""Texts that say the same.

    >>> list(rewritten(r"\frac{1}{2}", {}))[:3]
    ['  \\frac{1}{2}\t', '$\\frac{1}{2}$', '\\dfrac{1}{2}']
    """
    text = text_of(raw)
    found = gold_under(raw, options)
    yield f"  {text}\t"
    if "$" in text or "\\(" in text:
        return
    yield f"${text}$"
    if r"\frac" in text:
        yield text.replace(r"\frac", r"\dfrac")
    if "(" in text and r"\left" not in text and text.count("(") == text.count(")") and "[" not in text:
        yield text.replace("(", r"\left( ").replace(")", r" \right)")
    if options.get("form", "any") == "any" and found.form is None:
        yield from _other_notation(text, found)


def _other_notation(text: str, found: Gold) -> Iterator[str]:
    match = _SIMPLE_FRACTION.fullmatch(text)
    if match:
        yield f"{match[1]}/{match[2]}"
    value = found.answer.value
    if found.is_plain and value is not None:
        yield from _number_spellings(value)
    if found.kind in ("set", "multiset") and isinstance(found.answer.tree, Listing | SetOf):
        yield from _another_order(text, found.answer)


def _number_spellings(value: Fraction) -> Iterator[str]:
    if value.denominator == 1:
        yield f"{value.numerator}.0"
        if abs(value) >= 1000:
            yield f"{value.numerator:,}"
    elif 10**12 % value.denominator == 0 and abs(value) < 10**6:
        yield f"{value.numerator * (10**12 // value.denominator)}e-12"


def _another_order(text: str, found: Answer) -> Iterator[str]:
    """The items from the last to the first, where the commas of the text are what separates them."""
    inner = text.strip()
    braces = inner.startswith(r"\{") and inner.endswith(r"\}")
    items = (inner[2:-2] if braces else inner).split(",")
    tree = found.tree
    whole = isinstance(tree, Listing | SetOf) and len(items) == len(tree.items) and not re.search("and|or|text", inner)
    if whole and all(answer(item) is not None for item in items):
        turned = ", ".join(item.strip() for item in reversed(items))
        yield rf"\{{{turned}\}}" if braces else turned


# Mutations.


def mutated(raw: Any, options: Mapping[str, Any]) -> Iterator[Any]:
    """Other golds of the same shape.

    >>> list(mutated("(1,2)", {}))
    ['(2,2)', '[1,2)', '(1,2]', '(2,1)']
    """
    text = _value_of(raw)
    original = gold_under(raw, options)
    seen = {original.answer.text}
    for other in _texts(text, original):
        read = answer(other)
        if read is None or read.text in seen or (read.tree is not None and read.tree == original.answer.tree):
            continue
        seen.add(read.text)
        answer_ = {**raw, "value": other, "aliases": []} if isinstance(raw, Mapping) else other
        with contextlib.suppress(UnusableGoldError):
            gold_under(answer_, options)
            yield answer_


def _texts(text: str, original: Gold) -> Iterator[str]:
    if original.kind == "boolean":
        yield "false" if text.strip().casefold() in ("true", "yes") else "true"
        return
    if original.kind == "choice":
        yield re.sub("[A-Za-z](?=[^A-Za-z]*$)", lambda m: "B" if m[0] in "Aa" else "A", text)
        return
    yield from _another_digit(text)
    tree = original.answer.tree
    if isinstance(original.answer.value, Fraction) and original.answer.value:
        yield str(-original.answer.value) if isinstance(tree, Number) else f"-{text}"
    if isinstance(tree, Bracketed):
        yield from _other_brackets(text, tree)
    if original.kind == "text" and text.strip().isalpha():
        yield text.strip()[::-1] + "q"


_FIRST_DIGIT = re.compile(r"[0-9]")


def _another_digit(text: str) -> Iterator[str]:
    """The first digit one higher; 9 becomes 8."""
    match = _FIRST_DIGIT.search(text)
    if match:
        digit = 8 if match[0] == "9" else int(match[0]) + 1
        yield text[: match.start()] + str(digit) + text[match.end() :]


def _other_brackets(text: str, tree: Bracketed) -> Iterator[str]:
    """A bracket opened or closed, and two items that change places."""
    inner = text.strip()
    if len(inner) < 3 or inner[0] not in "([" or inner[-1] not in ")]":
        return
    items = inner[1:-1].split(",")
    yield ("[" if inner[0] == "(" else "(") + inner[1:]
    yield inner[:-1] + ("]" if inner[-1] == ")" else ")")
    if len(items) == len(tree.items) == 2 and tree.items[0] != tree.items[1]:
        yield f"{inner[0]}{items[1]},{items[0]}{inner[-1]}"
