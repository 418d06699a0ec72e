"""The words and marks of formulas, in all their spellings."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["COMMANDS", "STYLED", "ReadError", "Token", "tokenize"]

_SPELLINGS = {
    "forall": r"forall Forall ForAll FORALL all ALL ∀ \forall",
    "exists": r"exists Exists EXISTS some SOME ∃ \exists",
    "none": r"∄ \nexists",
    "and": r"and And AND & ＆ && ∧ ⋀ /\ \& \land \wedge",
    "or": r"or Or OR | ｜ || ∨ ⋁ \/ \lor \vee",
    "xor": r"xor Xor XOR ^ ⊕ ⊻ <~> \oplus \veebar",
    "implies": r"""implies Implies -> --> => ==> → ⇒ ⟶ ⟹ ⊃ \to \rightarrow \Rightarrow \implies \longrightarrow
        \Longrightarrow \supset""",
    "iff": r"""iff Iff IFF <-> <--> <=> <==> ↔ ⇔ ⟷ ⟺ ≡ \leftrightarrow \Leftrightarrow \iff \longleftrightarrow
        \Longleftrightarrow \equiv""",
    "not": r"not Not NOT ~ ～ - − ¬ ∼ \neg \lnot \sim",
    "!": "! ！",
    "?": "? ？",
    "=": "= == ＝",
    "≠": r"!= ≠ \neq \ne \not=",
    "(": r"( （ \lparen",
    ")": r") ） \rparen",
    "[": r"[ ［ \lbrack",
    "]": r"] ］ \rbrack",
    "{": r"{ ｛ \{ \lbrace",
    "}": r"} ｝ \} \rbrace",
    ",": ", ，",
    ".": ". ．",
    ";": "; ；",
    ":": r": ： · ⋅ \colon \cdot",
}
_KINDS = {spelling: kind for kind, spellings in _SPELLINGS.items() for spelling in spellings.split()}
COMMANDS = tuple(spelling[1:] for spelling in _KINDS if re.fullmatch(r"\\[A-Za-z]+", spelling))
"""The commands of LaTeX that are marks."""
_SYMBOLS = r"<--?>|<==?>|<~>|--?>|==?>|==|!=|&&|\|\||/\\|\\/"
_DOLLAR = r"\$(?!(?:true|false)\b)"  # $true and $false are constants of TPTP
_TOKEN = re.compile(rf"(?P<gap>\s++|{_DOLLAR})|(?P<name>\w++(?:-\w++)*+'*+)|{_SYMBOLS}|.", re.DOTALL)
STYLED = (
    r"\\(?:text(?:rm|it|bf|sf|tt|sc|normal)?|math(?:rm|it|bf|sf|tt|normal)|operatorname|emph|mbox)\*?+\s*+\{\s*+"
    r"(?:\w|\\_)(?:\w|-(?=\w)|\\_)*+\s*+\}"
)
"""A word in another font."""
_LATEX_GAPS = (
    rf"\s++|{_DOLLAR}|\\\\(?![A-Za-z])|\\[,;:>\s()\[\]]|\\!(?!=)"
    r"|\\(?:q?quad|left|right|[bB]igg?[lrm]?|displaystyle)(?![A-Za-z])"
)
_LATEX_NAME = (
    rf"(?:\w++(?:(?:-|\\_)\w++|(?<=_)\{{\w++\}})*+|{STYLED}(?:_\w|_\{{\w++\}})?+)(?:\^\\prime|\^\{{\\prime\}})?+'*+"
)
_LATEX_TOKEN = re.compile(
    rf"(?P<gap>{_LATEX_GAPS})|(?P<name>{_LATEX_NAME})|{_SYMBOLS}|\\not\s*+=|\\\\?[A-Za-z]++|\\[{{}}&]|.", re.DOTALL
)
_STYLE = re.compile(r"\\[A-Za-z]++\*?+|[\\{}\s]")
_PRIME = re.compile(r"\^\\prime|\^\{\\prime\}")
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
    text = text.replace("′", "'").replace("’", "'")
    latex = "\\" in text or "{" in text
    for match in (_LATEX_TOKEN if latex else _TOKEN).finditer(text):
        group = match.lastgroup
        if group == "gap":
            continue
        spelling = match.group()
        if latex:
            spelling = _name(spelling) if group == "name" else _command(spelling)
        kind = _KINDS.get(spelling, "name" if group == "name" else "")
        if not kind:
            raise ReadError(text, match.start(), f"cannot read {spelling[:20]!r}")
        if len(spelling) > _MAX_NAME:
            raise ReadError(text, match.start(), f"a name of {len(spelling)} characters is over {_MAX_NAME}")
        found.append(Token(kind, spelling, match.start(), match.end()))
    return [*found, Token("end", "", len(text), len(text))]


def _name(spelling: str) -> str:
    """A name without its font, braces and blanks."""
    return _STYLE.sub("", _PRIME.sub("'", spelling))


def _command(spelling: str) -> str:
    """A command with one backslash and without blanks."""
    return "\\" + spelling[2:] if spelling.startswith("\\\\") else "".join(spelling.split())
