"""Formulas from text: Unicode, ASCII, LaTeX and TPTP spellings, by recursive descent.

From tight to loose: quantifier and ¬ (of the next unary formula), ∧, ∨, ⊕, → (to the right), ↔. Quantifiers may stand
in brackets of their own: (∀x)(∃y) R(x, y). Names that a quantifier binds are variables, every other name is a constant,
a function or a predicate by where it stands. A variable that is bound twice on one path is renamed. Every limit is
checked while reading.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from agentrl.verifiers._fol.syntax import (
    Apply,
    Atom,
    Equal,
    Formula,
    Joined,
    Not,
    Operator,
    Quantified,
    Term,
    Variable,
    alternations,
)
from agentrl.verifiers._fol.tokens import ReadError, Token, tokenize

__all__ = ["ANY_NAME", "MAX_CHARS", "Precedence", "ReadError", "Reading", "Scope", "read"]

Scope = Literal["tight", "wide"]
Precedence = Literal["standard", "flat"]

MAX_CHARS = 10_000
MAX_NODES = 200
MAX_DEPTH = 64
MAX_ARITY = 8
MAX_ALTERNATIONS = 6
ANY_NAME = "*"
"""Among the constants: every name that is not bound is one."""

_LEVELS: Mapping[Precedence, Mapping[str, tuple[int, int]]] = {  # how tight, and the least level of a right side
    "standard": {"and": (5, 6), "or": (4, 5), "xor": (3, 4), "implies": (2, 2), "iff": (1, 2)},
    "flat": dict.fromkeys(("and", "or", "xor", "implies", "iff"), (1, 2)),
}
_OPERATORS: Mapping[str, Operator] = {"and": "and", "or": "or", "xor": "xor", "implies": "implies", "iff": "iff"}
_QUANTIFIERS: Mapping[str, Literal["forall", "exists"]] = {
    "forall": "forall",
    "exists": "exists",
    "!": "forall",
    "?": "exists",
    "none": "exists",
}
_SHORT = re.compile(r"[a-z](?:_?[0-9]++|[₀-₉]++)?+'*+")
_GLUED = re.compile(r"[a-z][0-9]*+[A-Z-]")
_LIKE_A_VARIABLE = re.compile(r"(?:[u-z]|[XYZ])(?:_?[0-9]|[₀-₉])?+'*+")
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_STARTS = frozenset(("name", "not", "!", "?", "forall", "exists", "none", *_CLOSING))
"""What a formula begins with."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A formula, and what a careful reader would ask about."""

    formula: Formula
    warnings: tuple[str, ...] = ()


def read(
    text: str,
    *,
    scope: Scope = "tight",
    constants: Collection[str] = (),
    precedence: Precedence = "standard",
) -> Reading:
    """Read exactly one formula.

    Args:
        text: The formula.
        scope: How far a quantifier reaches that no bracket follows: "tight" over the next unary formula, "wide" to
            the end of the brackets around it. Where "tight" leaves a variable outside, a dot, colon or comma after
            the variable makes it "wide".
        constants: Names such as x or Y that are constants although they look like variables.
        precedence: "flat" gives all operators one level, grouped to the left.

    Raises:
        ReadError: It cannot be read, or passes a limit; the message names line and column.

    >>> read("∀x (P(x) → Q(a))") == read("forall x. (P(x) -> Q(a))") == read("! [x] : (P(x) => Q(a))")
    True
    >>> read("∀x (P(x) → Q())")
    Traceback (most recent call last):
    agentrl.verifiers._fol.tokens.ReadError: line 1, column 14: expected a term after '(', got ')'
    """
    if len(text) > MAX_CHARS:
        raise ReadError("", 0, f"{len(text)} characters are over the limit of {MAX_CHARS}")
    text = unicodedata.normalize("NFC", text)
    tokens = tokenize(text)
    try:
        return _Reader(text, tokens, scope, precedence).whole(constants)
    except _EscapedError as escaped:
        if scope == "wide":
            raise
        try:
            return _Reader(text, tokens, "dotted", precedence).whole(constants)
        except ReadError:
            raise escaped from None


class _EscapedError(ReadError):
    """A variable stands outside of the reach of its quantifier."""


class _Reader:
    """One text, and how far it is read."""

    def __init__(
        self, text: str, tokens: list[Token], scope: Scope | Literal["dotted"], precedence: Precedence
    ) -> None:
        self._text, self._tokens, self._scope = text, tokens, scope
        self._levels = _LEVELS[precedence]
        self._at = self._nodes = self._depth = 0
        self._token = tokens[0]
        self._bound: dict[str, str] = {}  # in scope: as written, and as renamed
        self._ever_bound: set[str] = set()
        self._renamed: set[str] = set()
        self._uses: dict[str, tuple[str, int, Token]] = {}
        self._operators: list[set[str]] = [set()]  # for every open bracket
        self._warnings: list[str] = []

    def whole(self, constants: Collection[str]) -> Reading:
        formula = self._joined(1)
        if self._token.kind in (".", ",", ";"):
            self._take()
        if self._token.kind != "end":
            raise self._expected("an operator or the end")
        self._close()
        for name, (kind, arity, token) in self._uses.items():
            if name in self._ever_bound:
                raise _EscapedError(self._text, token.at, f"{name!r} is bound by a quantifier elsewhere, but not here")
            free = kind == "function" and not arity and _LIKE_A_VARIABLE.fullmatch(name)
            if free and name not in constants and ANY_NAME not in constants:
                raise self._error(token, f"no quantifier binds the variable {name!r}")
        if (found := alternations(formula)) > MAX_ALTERNATIONS:
            raise self._error(self._tokens[0], f"{found} alternations of quantifiers are over {MAX_ALTERNATIONS}")
        return Reading(formula, tuple(self._warnings))

    # Formulas.

    def _joined(self, least: int) -> Formula:
        left = self._unary()
        while (level := self._levels.get(self._token.kind)) is not None and level[0] >= least:
            kind = self._take().kind
            self._operators[-1].add(kind)
            self._enter()
            left = self._counted(Joined(_OPERATORS[kind], left, self._joined(level[1])))
            self._depth -= 1
        return left

    def _unary(self) -> Formula:
        self._enter()
        token = self._token
        is_list = token.kind in ("!", "?") and self._tokens[self._at + 1].kind == "["
        if token.kind in ("forall", "exists") or is_list:
            formula = self._quantified()
        elif token.kind == "none":
            formula = self._counted(Not(self._quantified()))
        elif token.kind in ("not", "!"):
            self._take()
            formula = self._counted(Not(self._unary()))
        elif token.kind == "(" and self._is_prefix():
            formula = self._prefixed()
        elif token.kind in _CLOSING:
            formula = self._bracketed()
        elif token.kind == "name":
            formula = self._named()
        else:
            raise self._expected("a formula")
        self._depth -= 1
        return formula

    def _bracketed(self) -> Formula:
        closing = _CLOSING[self._take().kind]
        self._operators.append(set())
        formula = self._joined(1)
        if self._token.kind != closing:
            raise self._expected(f"an operator or {closing!r}")
        self._take()
        self._close()
        return formula

    def _close(self) -> None:
        if self._operators.pop() >= {"and", "or"}:
            self._warnings.append("∧ and ∨ stand side by side without brackets; ∧ binds first")

    def _named(self) -> Formula:
        token = self._take()
        args = self._arguments() if self._token.kind == "(" else ()
        if self._token.kind in ("=", "≠"):
            sign = self._take().kind
            equation = self._counted(Equal(self._as_term(token, args), self._term()))
            return equation if sign == "=" else self._counted(Not(equation))
        if token.text in self._bound:
            raise self._error(token, f"the variable {token.text!r} stands where a formula should")
        self._use(token, "predicate", len(args))
        return self._counted(Atom(token.text, args))

    def _quantified(self) -> Formula:
        kind = _QUANTIFIERS[self._take().kind]
        before = dict(self._bound)
        bound = [(kind, self._bind(token)) for token in self._variables()]
        return self._over(bound, before)

    def _over(self, bound: Sequence[tuple[Literal["forall", "exists"], str]], before: dict[str, str]) -> Formula:
        """What follows the quantifiers, under them."""
        wide = self._scope == "wide"
        if self._token.kind in (".", ":", ","):
            self._take()
            wide = wide or self._scope == "dotted"
        following = self._token.kind in ("forall", "exists", "none", *_CLOSING) or (
            self._token.kind in ("!", "?") and self._tokens[self._at + 1].kind == "["
        )
        formula = self._joined(1) if wide and not following else self._unary()
        self._bound = before
        for kind, name in reversed(bound):
            formula = Quantified(kind, name, formula)
        return formula

    def _is_prefix(self) -> bool:
        """Whether the bracket holds quantifiers alone, as in (∀x)(∃y) R(x, y)."""
        if self._tokens[self._at + 1].kind not in ("forall", "exists"):
            return False
        at, last = self._at + 2, ""
        while (token := self._tokens[at]).kind != ")":
            listed = token.kind == "name" and (last != "name" or _SHORT.fullmatch(token.text))
            if not listed and not (last == "name" and token.kind in (",", "forall", "exists")):
                return False
            at, last = at + 1, token.kind
        return last == "name" and self._tokens[at + 1].kind in _STARTS

    def _prefixed(self) -> Formula:
        self._take()
        before = dict(self._bound)
        kind = _QUANTIFIERS[self._take().kind]
        bound: list[tuple[Literal["forall", "exists"], str]] = []
        while self._token.kind != ")":
            token = self._take()
            if token.kind == "name":
                bound.append((kind, self._bind(token)))
            elif token.kind != ",":
                kind = _QUANTIFIERS[token.kind]
        self._take()
        return self._over(bound, before)

    # Variables and terms.

    def _variables(self) -> list[Token]:
        closing = _CLOSING.get(self._token.kind, "")
        if closing == "]" or (closing and self._lists_names(self._at + 1, closing)):
            self._take()
            found = [self._variable()]
            while self._token.kind == ",":
                self._take()
                found.append(self._variable())
            if self._token.kind != closing:
                raise self._expected(f"',' or {closing!r}")
            self._take()
            return found
        found = [self._variable()]
        if self._token.kind == "(" and found[0].end == self._token.at and _GLUED.match(found[0].text):
            raise self._error(found[0], f"a space is missing after the variable in {found[0].text!r}")
        while self._goes_on():
            if self._token.kind == ",":
                self._take()
            found.append(self._variable())
        return found

    def _goes_on(self) -> bool:
        """Whether another variable follows, after a comma or without one."""
        comma = self._token.kind == ","
        at = self._at + comma
        name = self._tokens[at]
        if name.kind != "name":
            return False
        after = self._tokens[at + 1]
        if comma and after.kind != "(":
            return True
        if not _SHORT.fullmatch(name.text):
            return False
        apart = any(map(str.isspace, self._text[name.end : after.at]))
        if comma:
            return apart or not self._lists_names(at + 2, ")")
        bracket = apart and after.kind in _CLOSING
        return bracket or after.kind in ("name", ",", ".", ":", "forall", "exists", "none", "not")

    def _lists_names(self, at: int, closing: str) -> bool:
        """Whether there are only names up to the closing bracket."""
        while self._tokens[at].kind in ("name", ","):
            at += 1
        return self._tokens[at].kind == closing

    def _variable(self) -> Token:
        if self._token.kind != "name":
            raise self._expected("a variable")
        return self._take()

    def _bind(self, token: Token) -> str:
        self._count()  # for the quantifier, before what may be many are renamed
        name = token.text
        self._ever_bound.add(name)
        if name in self._bound:
            taken = {other.text for other in self._tokens} | self._renamed
            name = next(fresh for i in range(1, len(taken) + 2) if (fresh := f"{token.text}{i}") not in taken)
            self._renamed.add(name)
        self._bound[token.text] = name
        return name

    def _arguments(self) -> tuple[Term, ...]:
        self._take()
        found = [self._term()]
        while self._token.kind == ",":
            self._take()
            found.append(self._term())
        if self._token.kind != ")":
            raise self._expected("',' or ')'")
        self._take()
        return tuple(found)

    def _term(self) -> Term:
        if self._token.kind != "name":
            raise self._expected("a term")
        self._enter()
        token = self._take()
        found = self._as_term(token, self._arguments() if self._token.kind == "(" else ())
        self._depth -= 1
        return found

    def _as_term(self, token: Token, args: tuple[Term, ...]) -> Term:
        self._count()
        if token.text not in self._bound:
            self._use(token, "function", len(args))
            return Apply(token.text, args)
        if args:
            raise self._error(token, f"the variable {token.text!r} is used as a function")
        return Variable(self._bound[token.text])

    def _use(self, token: Token, kind: str, arity: int) -> None:
        known, count, _ = self._uses.setdefault(token.text, (kind, arity, token))
        if known != kind:
            raise self._error(token, f"{token.text!r} is both a predicate and a function or constant")
        if count != arity:
            raise self._error(token, f"{token.text!r} is used with {count} and with {arity} arguments")
        if arity > MAX_ARITY:
            raise self._error(token, f"{arity} arguments are over the limit of {MAX_ARITY}")

    # Tokens and limits.

    def _take(self) -> Token:
        token = self._token
        self._at += 1
        self._token = self._tokens[self._at]
        return token

    def _enter(self) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._error(self._token, f"it is nested deeper than {MAX_DEPTH}")

    def _counted(self, formula: Formula) -> Formula:
        self._count()
        return formula

    def _count(self) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise self._error(self._token, f"it has more than {MAX_NODES} parts")

    def _expected(self, what: str) -> ReadError:
        after = f" after {self._tokens[self._at - 1].text!r}" if self._at else ""
        got = repr(self._token.text) if self._token.text else "the end"
        return self._error(self._token, f"expected {what}{after}, got {got}")

    def _error(self, token: Token, problem: str) -> ReadError:
        return ReadError(self._text, token.at, problem)
