"""Equality of plain values and of printed output, decided here and never by a solution's own methods."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["Compare", "Rule", "equal", "same_output"]

Compare = Literal["exact", "trim", "tokens", "float"]


@dataclass(frozen=True, slots=True)
class Rule:
    """How values are compared: see `equal`."""

    seq_equiv: bool = True
    rel_tol: float = 1e-6
    abs_tol: float = 1e-9
    nan_ok: bool = False


def equal(got: Any, want: Any, rule: Rule = Rule()) -> bool:
    """Whether two plain values are one answer.

    A bool equals only a bool. Where an int is wanted, only it or the float of that value will do; where a float is
    wanted, |got - want| <= max(rel_tol * max(|got|, |want|), abs_tol) as in PEP 485. NaN equals nothing, unless
    `nan_ok`. Lists and tuples are interchangeable under `seq_equiv`; sets are unordered; members of sets and keys of
    dicts are equal exactly.

    >>> equal(True, 1), equal(1.0, 1), equal((1, 2), [1, 2]), equal(float("nan"), float("nan"))
    (False, True, True, False)
    """
    if isinstance(got, bool) or isinstance(want, bool):
        return got is want
    if isinstance(got, (int, float, complex)) and isinstance(want, (int, float, complex)):
        return _close(got, want, rule)
    if isinstance(want, (list, tuple)):
        if not isinstance(got, (list, tuple) if rule.seq_equiv else type(want)):
            return False
        return len(got) == len(want) and all(equal(g, w, rule) for g, w in zip(got, want, strict=True))
    if isinstance(want, (set, frozenset)):
        return isinstance(got, (set, frozenset)) and {_key(x) for x in got} == {_key(x) for x in want}
    if isinstance(want, dict):
        return isinstance(got, dict) and _same_dict(got, want, rule)
    return type(got) is type(want) and bool(got == want)


def _close(got: complex, want: complex, rule: Rule) -> bool:
    if isinstance(want, int):
        return got == want
    try:
        if isinstance(got, complex) or isinstance(want, complex):
            got, want = complex(got), complex(want)
            return _close(got.real, want.real, rule) and _close(got.imag, want.imag, rule)
        if math.isnan(got) or math.isnan(want):
            return rule.nan_ok and math.isnan(got) and math.isnan(want)
        return math.isclose(got, want, rel_tol=rule.rel_tol, abs_tol=rule.abs_tol)
    except OverflowError:  # an integer beyond every float
        return False


def _same_dict(got: dict[Any, Any], want: dict[Any, Any], rule: Rule) -> bool:
    keyed = {_key(key): value for key, value in got.items()}
    return len(got) == len(want) and all(
        _key(key) in keyed and equal(keyed[_key(key)], value, rule) for key, value in want.items()
    )


def _key(value: Any) -> Any:
    """Tells True from 1, which a set would not."""
    if isinstance(value, (tuple, frozenset)):
        return type(value), type(value)(_key(item) for item in value)
    return isinstance(value, bool), value


def same_output(got: str, want: str, compare: Compare = "trim", rule: Rule = Rule()) -> bool:
    r"""Whether printed text is the expected one.

    "exact" compares all of it; "trim" without white space at the ends of lines and of the whole; "tokens" what stands
    between white space; "float" the same, where a decimal fraction may be close to the expected one.

    >>> same_output("1 \n\n", "1"), same_output("YES", "yes"), same_output("0.3333333", "0.33333334", "float")
    (True, False, True)
    """
    if compare == "exact":
        return got == want
    if compare == "trim":
        return _trimmed(got) == _trimmed(want)
    words, wanted = got.split(), want.split()
    if compare == "tokens" or len(words) != len(wanted):
        return words == wanted
    return all(a == b or (_fraction(b) and _number_close(a, b, rule)) for a, b in zip(words, wanted, strict=True))


def _trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.split("\n")).strip()


def _fraction(token: str) -> bool:
    """A decimal fraction, not an integer: `12` is to be matched exactly."""
    return any(mark in token for mark in ".eE") and _number(token) is not None


def _number(token: str) -> float | None:
    if len(token) > 64 or not set(token) <= set("0123456789.eE+-"):  # neither nan, inf, nor 1_000
        return None
    try:
        return float(token)
    except ValueError:
        return None


def _number_close(got: str, want: str, rule: Rule) -> bool:
    a, b = _number(got), _number(want)
    return a is not None and b is not None and _close(a, b, rule)
