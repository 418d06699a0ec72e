"""The words and marks of formulas, in all their spellings."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["ReadError", "Token", "tokenize"]

_SPELLINGS = {
    "forall": r"forall all FORALL ALL ∀ \forall",
    "exists": r"exists some EXISTS SOME ∃ \exists",
    "and": r"and AND & && ∧ ⋀ /\ \land \wedge",
    "or": r"or OR | || ∨ ⋁ \/ \lor \vee",
    "xor": r"xor XOR ^ ⊕ ⊻ <~> \oplus",
    "implies": r"implies -> => → ⇒ ⟶ ⟹ ⊃ \to \rightarrow \Rightarrow \implies",
    "iff": r"iff <-> <=> ↔ ⇔ ⟷ ⟺ ≡ \leftrightarrow \Leftrightarrow \iff",
    "not": r"not NOT ~ - − ¬ ∼ \neg \lnot",
    "!": "!",
    "?": "?",
    "=": "=",
    "≠": r"!= ≠ \neq \ne",
    "(": "(",
    ")": ")",
    "[": "[",
    "]": "]",
    ",": ",",
    ".": ".",
    ":": ":",
}
_KINDS = {spelling: kind for kind, spellings in _SPELLINGS.items() for spelling in spellings.split()}
_TOKEN = re.compile(
    r"(?P<gap>\s++)|(?P<name>\w++(?:-\w++)*+'*+)|<->|<=>|<~>|->|=>|!=|&&|\|\||/\\|\\/|\\[A-Za-z]++|.", re.DOTALL
)
_MAX_NAME = 100


class ReadError(ValueError):
    """The text is no formula, or not one that is accepted; the message names the place."""

    def __init__(self, text: str, at: int, problem: str) -> None:
        line = text.count("\n", 0, at) + 1
        super().__init__(f"line {line}, column {at - text.rfind(chr(10), 0, at)}: {problem}")


@dataclass(frozen=True, slots=True)
class Token:
    """A name, or a mark under the name of its kind; `end` is where the next character stands."""

    kind: str
    text: str
    at: int
    end: int


def tokenize(text: str) -> list[Token]:
    """The tokens of a text, and one that says it ends.

    Raises:
        ReadError: A character belongs to no token, or a name is too long.

    >>> [token.kind for token in tokenize("all x. P(x) -> ~Q")]
    ['forall', 'name', '.', 'name', '(', 'name', ')', 'implies', 'not', 'name', 'end']
    """
    found = []
    for match in _TOKEN.finditer(text):
        group = match.lastgroup
        if group == "gap":
            continue
        spelling = match.group()
        kind = _KINDS.get(spelling, "name" if group == "name" else "")
        if not kind:
            raise ReadError(text, match.start(), f"cannot read {spelling[:20]!r}")
        if len(spelling) > _MAX_NAME:
            raise ReadError(text, match.start(), f"a name of {len(spelling)} characters is over {_MAX_NAME}")
        found.append(Token(kind, spelling, match.start(), match.end()))
    return [*found, Token("end", "", len(text), len(text))]
