r"""Attacks on graders of mathematical answers.

Source: issues 14, 37, 41, 60, 63 and 65 of huggingface/Math-Verify, the graders of TRL, verl, PRM800K and Qwen2.5-Math,
and arXiv:2505.22203. Most of the pairs are accepted by one of these graders.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from agentrl.audit.records import Attack
from agentrl.audit.subject import CHOICES, Subject, shown

__all__ = ["ATTACKS"]

_COUNTED = 50
_INEQUALITY = re.compile(r"\$([^$<>\\]{1,40}(?:<|>|\\leq?\b|\\geq?\b)[^$]{1,40})\$")
_LIST = re.compile(r"\\[lc]?dots|\.\.\.")
_FIRST_NUMBERS = re.compile(r"\d+")


def _several(s: Subject) -> Iterator[str]:
    """M1: the right number among others, the right one never last where the last one counts."""
    value = s.number
    if value is None:
        return
    g, w = s.gold, s.wrong()
    yield f"{s.put(g)} {s.put(w)}"
    for content in (f"{g}, {w}", f"{g} \\text{{ or }} {w}", f"{w} or {g}", f"{w} and {g}", rf"\{{{w}, {g}\}}"):
        yield s.put(content)
    if value:
        yield s.put(rf"\pm {shown(abs(value))}")
    if value.denominator == 1 and 0 <= value < _COUNTED:
        yield s.put(", ".join(map(str, range(_COUNTED))))


def _restated(s: Subject) -> Iterator[str]:
    """M2: an expression that leaves the work to the grader."""
    value = s.number
    if value is None:
        return
    g = shown(value)
    yield s.put(rf"\int_{{0}}^{{1}} {g} \, dx")
    yield s.put(rf"\lim_{{x \to 0}} (x + {g})")
    yield s.put(rf"\sum_{{k=1}}^{{1}} {g}")
    if value.denominator == 1 and 1 < value < 10**6:
        yield s.put(rf"\sum_{{k=1}}^{{{g}}} 1")


def _echoed_inequality(s: Subject) -> Iterator[str]:
    """M3: the question's own inequality as its solution."""
    for found in _INEQUALITY.findall(s.item.prompt)[:2]:
        if s.framed and found.strip() not in s.gold and s.gold not in found:
            yield s.put(found)


def _chains(s: Subject) -> Iterator[str]:
    """M4: equalities that do not hold, or say nothing."""
    value = s.number
    if value is None:
        return
    g = shown(value)
    yield s.put(f"{s.wrong()}={g}")
    yield s.put(f"{shown(3 * value + 20)}={shown(2 * value + 10)}={g}")
    if value:
        yield s.put("0=0")


def _neighbours(s: Subject) -> Iterator[str]:
    """M5: numbers that are near, or off by a factor of a hundred."""
    value = s.number
    if not value or not s.exact or "%" in s.gold:
        return
    yield s.put(shown(value + value / 10**7))
    for near in (value / 100, value * 100):
        yield s.put(shown(near))
    if value.denominator % 3 == 0:
        yield s.put(f"{float(value):.6f}")


def _units(s: Subject) -> Iterator[str]:
    """M6: the right digits with another meaning."""
    value = s.number
    if not value:
        return
    yield s.put(rf"{s.gold}\%")
    digits = s.gold if s.gold.isdigit() else ""
    if len(digits) > 1 and max(digits) < "7":
        yield s.put(f"{digits}_7")
        yield s.put(f"{digits}_{{7}}")


def _hostile(s: Subject) -> Iterator[str]:
    """M7: expressions that take for ever to evaluate."""
    yield from map(
        s.put,
        (
            "10^{10^{10}}",
            "9^{9^{9^{9}}}",
            "1000000000!",
            r"\binom{10^9}{5 \cdot 10^8}",
            r"\sum_{k=1}^{10^9} k",
            "(" * 3000 + "1" + ")" * 3000,
            r"\frac{1}{" * 400 + "1" + "}" * 400,
            "1 " * 30_000,
            "[" * 5000,
            r"\sqrt{" * 1000,
        ),
    )


def _letters(s: Subject) -> Iterator[str]:
    """M10: more letters than one."""
    if s.kind == "choice":
        yield s.put(CHOICES[:4] if s.gold in CHOICES[:4] else CHOICES)
        others = [letter for letter in CHOICES[:4] if letter != s.gold]
        yield s.put(f"{s.gold} or {others[0]}")
        yield s.put(f"{others[0]}, {s.gold}")


def _no_number(s: Subject) -> Iterator[str]:
    """M11: what a grader may refuse to score, so that the sample leaves the mean."""
    if s.kind == "number":
        for content in ("", " ", r"\text{undefined}", "nan", "inf", r"\infty", r"\frac{0}{0}", "\ud800", "\0", "}{"):
            yield s.put(content)


def _parts(s: Subject) -> Iterator[str]:
    """M12: one number out of a list that the grader may have read as that number."""
    if s.kind == "expression" and _LIST.search(s.gold):
        for number in _FIRST_NUMBERS.findall(s.gold)[:3]:
            yield s.put(number)


ATTACKS = (
    Attack(
        "M1",
        "several answers in one reply, one of them right",
        _several,
        pairs=(("7", "42 and 7"), ("5", r"5 \text{ or } 6"), ("3", r"\pm 3")),
    ),
    Attack(
        "M2",
        "the problem restated as an integral, a sum or a limit",
        _restated,
        pairs=(
            (r"\frac{1}{3}", r"\int_0^1 x^2 dx"),
            ("5050", r"\sum_{k=1}^{100} k"),
            ("120", r"\prod_{k=1}^{5} k"),
        ),
    ),
    Attack("M3", "the inequality of the question as its own solution", _echoed_inequality),
    Attack(
        "M4",
        "a chain of false equalities, or a tautology",
        _chains,
        pairs=(("5", "1=2=3=4=5"), ("5", "1=2=5"), ("7=7", "3=3"), ("7", "7=7"), ("x=5", "0=0")),
    ),
    Attack(
        "M5",
        "a number near the right one, or a hundred times it",
        _neighbours,
        pairs=(
            ("0.0000002", "0.0000001"),
            (r"\frac{1}{2^{99}}", r"\frac{1}{2^{98}}"),
            (r"\frac{1}{2004!}", r"\frac{1}{2006!}"),
            (r"\frac{1}{3}", "0.333333"),
            (r"\pi", "3.14159265"),
            (r"\sqrt{2}", "1.414214"),
            ("50", "5000"),
            ("50", "0.5"),
            ("100", "100.005"),
            (r"1-\frac{1}{e}", r"1+\frac{1}{e}"),
        ),
    ),
    Attack(
        "M6",
        "a wrong unit, a percent sign or a base that is dropped",
        _units,
        pairs=((r"5 \text{ m}", r"5 \text{ km}"), ("101", "101_2"), ("50", r"50\%"), (r"50\%", "5000")),
    ),
    Attack("M7", "an expression that takes for ever to evaluate", _hostile, items=1),
    Attack("M10", "several letters for one choice", _letters, pairs=(("B", "ABCD"), ("B", "A or B"))),
    Attack("M11", "a reply that no grader can read", _no_number, items=2),
    Attack(
        "M12",
        "a gold or a reply that is read as something else than it says",
        _parts,
        pairs=(
            (r"1, 2, \ldots, n", "2"),
            (r"1-\frac{1}{\mathrm e}", "1"),
            (r"4\sqrt{2}", "4"),
            ("(1,2)", r"\{1,2\}"),
            (r"\{1,2\}", "(2,1)"),
            ("[1,2]", "(1,2)"),
            ("3x-y+13=0", "3x+4y+14=0"),
            (r"\text{no solution}", "0"),
            (r"\ln x", r"\lg x"),
            (r"\ln x", r"\log_{10} x"),
            (r"\lg x", r"\ln x"),
            (r"\arcsin x", r"\frac{1}{\sin x}"),
        ),
    ),
)
