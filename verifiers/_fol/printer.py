"""Formulas as text that reads back to the same tree, whichever scope the reader gives to quantifiers."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Literal

from agentrl.verifiers._fol.syntax import Apply, Atom, Equal, Formula, Joined, Not, Quantified, Term, with_bound

__all__ = ["Style", "canonical", "show"]

Style = Literal["unicode", "ascii", "tptp"]

_MARKS: Mapping[Style, Mapping[str, str]] = {
    "unicode": {"and": "∧", "or": "∨", "xor": "⊕", "implies": "→", "iff": "↔", "not": "¬", "≠": "≠"},
    "ascii": {"and": "&", "or": "|", "xor": "^", "implies": "->", "iff": "<->", "not": "~", "≠": "!="},
    "tptp": {"and": "&", "or": "|", "xor": "<~>", "implies": "=>", "iff": "<=>", "not": "~", "≠": "!="},
}
_QUANTIFIERS: Mapping[Style, Mapping[str, str]] = {
    "unicode": {"forall": "∀{} ", "exists": "∃{} "},
    "ascii": {"forall": "forall {} ", "exists": "exists {} "},
    "tptp": {"forall": "! [{}] : ", "exists": "? [{}] : "},
}
_LEFT = ("and", "or", "xor", "iff")


def show(formula: Formula, style: Style = "unicode") -> str:
    """A formula as text.

    >>> body = Joined("and", Atom("P", (Apply("a"),)), Not(Atom("Q")))
    >>> show(Quantified("exists", "x", body)), show(body, "ascii")
    ('∃x (P(a) ∧ ¬Q)', 'P(a) & ~Q')
    """
    marks, quantifiers = _MARKS[style], _QUANTIFIERS[style]

    def visit(node: Formula) -> str:
        match node:
            case Atom(name, args):
                return _applied(name, args)
            case Equal(left, right):
                return f"{_term(left)} = {_term(right)}"
            case Not(Equal(left, right)):
                return f"{_term(left)} {marks['≠']} {_term(right)}"
            case Not(body):
                return marks["not"] + (visit(body) if isinstance(body, Atom | Not) else f"({visit(body)})")
            case Quantified(kind, name, body):
                inner = visit(body)
                return quantifiers[kind].format(name) + (inner if isinstance(body, Quantified) else f"({inner})")
            case Joined(op, left, right):
                return f"{side(left, op, 'left')} {marks[op]} {side(right, op, 'right')}"

    def side(node: Formula, op: str, where: Literal["left", "right"]) -> str:
        chained = isinstance(node, Joined) and node.op == op and (op in _LEFT) == (where == "left")
        text = visit(node)
        return f"({text})" if isinstance(node, Joined) and not chained else text

    return visit(formula)


def _term(term: Term) -> str:
    return _applied(term.name, term.args) if isinstance(term, Apply) else term.name


def _applied(name: str, args: tuple[Term, ...]) -> str:
    return f"{name}({', '.join(map(_term, args))})" if args else name


@functools.lru_cache(4096)
def canonical(formula: Formula) -> str:
    """One spelling for all formulas that differ only in spelling, brackets and names of bound variables.

    The last ones are kept: each question to the solvers names the same premises again.

    >>> from agentrl.verifiers._fol.reader import read
    >>> canonical(read("forall who (P(who))").formula)
    '∀_1 (P(_1))'
    """
    return show(with_bound(formula))
