r"""An answer's text as tokens: LaTeX and plain spellings become the same tokens.

A comma between groups of three digits belongs to the number outside brackets; inside them it separates items, unless
a group begins with 0. White space and what only changes the look (`\left`, `\displaystyle`, `$`) become a gap.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from agentrl.verifiers._math.canonical import TEXT_COMMANDS
from agentrl.verifiers._math.limits import MAX_DEPTH, MAX_OPERATORS, OverLimitError

__all__ = ["CONNECTORS", "FUNCTIONS", "GREEK", "Kind", "Token", "tokens"]

Kind = Literal["number", "letters", "command", "text", "mark", "end"]


@dataclass(frozen=True, slots=True)
class Token:
    r"""A piece of an answer.

    Attributes:
        kind: "number" (groups joined), "letters" (one variable, or a known word), "command" (`\frac`), "text" (the
            content of `\text{..}`), "mark" (one character), or "end".
        text: Its text in one spelling.
        gap: Whether white space stands before it.
    """

    kind: Kind
    text: str
    gap: bool = False


FUNCTIONS = frozenset(
    (
        "sin", "cos", "tan", "sec", "csc", "cot", "arcsin", "arccos", "arctan", "arccot", "arcsec", "arccsc",
        "sinh", "cosh", "tanh", "coth", "exp", "log", "ln", "lg", "gcd", "lcm", "max", "min", "det", "dim", "arg",
        "deg",
    )
)  # fmt: skip
CONNECTORS = frozenset(("and", "or"))
GREEK = frozenset(
    (
        "alpha", "beta", "gamma", "delta", "epsilon", "varepsilon", "zeta", "eta", "theta", "vartheta", "iota",
        "kappa", "lambda", "mu", "nu", "xi", "rho", "sigma", "tau", "upsilon", "phi", "varphi", "chi", "psi",
        "omega", "Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Upsilon", "Phi", "Psi", "Omega", "ell",
    )
)  # fmt: skip
_WORDS = FUNCTIONS | CONNECTORS | GREEK | {"pi", "sqrt", "infinity", "infty", "inf", "oo", "in", "union"}
_LETTERS_AS_FUNCTION = tuple(sorted(FUNCTIONS | {"sqrt"}, key=len, reverse=True))

_CHARACTERS = {
    "−": "-", "–": "-", "—": "-", "⁄": "/", "×": r"\times ", "·": r"\cdot ", "⋅": r"\cdot ", "∙": r"\cdot ",
    "÷": r"\div ", "π": r"\pi ", "√": " sqrt ", "∞": r"\infty ", "≤": r"\le ", "≥": r"\ge ", "≠": r"\ne ",
    "∈": r"\in ", "∪": r"\cup ", "∩": r"\cap ", "∅": r"\emptyset ", "±": r"\pm ", "°": r"^\circ ", "²": "^2",
    "³": "^3", "½": r"\frac12 ", "¼": r"\frac14 ", "¾": r"\frac34 ", "≈": r"\approx ", "≡": r"\equiv ", "→": r"\to ",
    "θ": r"\theta ", "α": r"\alpha ", "β": r"\beta ", "γ": r"\gamma ", "λ": r"\lambda ", "μ": r"\mu ", "φ": r"\phi ",
    "ω": r"\omega ", "ℝ": r"\R ", "⟨": r"\langle ", "⟩": r"\rangle ", "€": r"\euro ", "£": r"\pound ",
    "∖": r"\setminus ", "¢": r"\text{cent}", "′": "'", "∣": "|", "\u00a0": " ", "\u2009": r"\,", "\u202f": r"\,",
}  # fmt: skip
_TABLE = str.maketrans(_CHARACTERS)

_COMMANDS = {
    **dict.fromkeys((r"\dfrac", r"\tfrac", r"\cfrac"), r"\frac"),
    **dict.fromkeys((r"\dbinom", r"\tbinom"), r"\binom"),
    **dict.fromkeys((r"\leq", r"\leqslant", r"\leqq"), r"\le"),
    **dict.fromkeys((r"\geq", r"\geqslant", r"\geqq"), r"\ge"),
    **dict.fromkeys((r"\neq", r"\not="), r"\ne"),
    **dict.fromkeys((r"\times", r"\cdot", r"\ast", r"\*"), "*"),
    **dict.fromkeys((r"\lt", r"\gt"), "<"),
    r"\gt": ">",
    r"\div": "/",
    r"\%": "%",
    **dict.fromkeys((r"\varnothing", r"\O"), r"\emptyset"),
    **dict.fromkeys((r"\lbrace",), r"\{"),
    **dict.fromkeys((r"\rbrace",), r"\}"),
    **dict.fromkeys((r"\lbrack",), "["),
    **dict.fromkeys((r"\rbrack",), "]"),
    **dict.fromkeys((r"\lvert", r"\rvert", r"\vert"), "|"),
    **dict.fromkeys((r"\colon",), ":"),
    **dict.fromkeys((r"\backslash", r"\smallsetminus"), r"\setminus"),
    **dict.fromkeys((r"\degree",), r"\degree"),
    **dict.fromkeys((r"\land", r"\wedge"), r"\and"),
    **dict.fromkeys((r"\lor", r"\vee"), r"\or"),
    **dict.fromkeys((r"\operatorname",), r"\operatorname"),
}
_LOOK = re.compile(
    r"\\(?:left|right|[bB]igg?[lr]?|displaystyle|textstyle|limits|nolimits|q?quad|thinspace|[,;:! \n()\[\]>])\Z"
)

_WRAPPERS = "|".join([*(command[1:] for command in TEXT_COMMANDS), "textsf", r"operatorname\*?"])
_PIECE = re.compile(
    rf"""(?P<text>\\(?:{_WRAPPERS})\s*+\{{(?P<inside>[^{{}}]*+)\}})
    |(?P<repeating>[0-9]*+\.[0-9]*+\\(?:overline|bar)\s*+\{{[0-9]++\}})
    |(?P<command>\\[A-Za-z]++|\\.)
    |(?P<number>(?:[0-9]++(?:\.[0-9]++)?+|\.[0-9]++)(?:[eE][+-]?+[0-9]++(?![A-Za-z0-9]|\.[0-9]))?+)
    |(?P<letters>[A-Za-z]++)
    |(?P<gap>\s++|[~$])
    |(?P<mark>.)""",
    re.VERBOSE | re.DOTALL,
)
_GROUPED = re.compile(
    r"[0-9]{1,3}(?:(?:(?:,\\!|\{,\}|\\,)[0-9]{3}(?![0-9]))++|(?:,[0-9]{3}(?![0-9]))++)(?:\.[0-9]++)?+"
)
_REPEATED = re.compile(r"\\[a-z]++\s*+\{")
_NOT_DIGITS = re.compile(r"[^0-9.]++")
_OPERATORS = frozenset(("+", "-", "*", "/", "^", "!", "<", ">", "=", r"\pm", r"\frac", r"\sqrt", r"\binom", r"\cup"))
_OPENING = frozenset(("(", "[", r"\{", r"\langle"))
_CLOSING = frozenset((")", "]", r"\}", r"\rangle"))


def tokens(text: str, groups: Literal["join", "split"] = "join") -> list[Token]:
    r"""The tokens of an answer, with an "end" after the last.

    Args:
        text: An answer within the limits on characters and digits.
        groups: Whether `1,234` outside brackets is one number ("join") or two ("split").

    Raises:
        OverLimitError: Too deep, or too many operators.

    >>> [token.text for token in tokens(r"\dfrac{1}{2}x + 1,000")]
    ['\\frac', '{', '1', '}', '{', '2', '}', 'x', '+', '1000', '']
    """
    text = text.translate(_TABLE).replace(">=", r"\ge ").replace("<=", r"\le ")
    found: list[Token] = []
    start = depth = braces = operators = 0
    gap = False
    while start < len(text):
        match = _piece(text, start, joined=groups == "join" and depth == 0)
        start = match.end()
        pieces = _tokens_of(match)
        if not pieces:
            gap = True
            continue
        for kind, piece in pieces:
            found.append(Token(kind, piece, gap))
            gap = False
            depth += (piece in _OPENING) - (piece in _CLOSING)
            braces += (piece == "{") - (piece == "}")
            operators += piece in _OPERATORS
        if depth + braces > MAX_DEPTH or operators > MAX_OPERATORS:
            raise OverLimitError("too many operators or brackets")
    found.append(Token("end", ""))
    return found


def _piece(text: str, start: int, *, joined: bool) -> re.Match[str]:
    if text[start] in "123456789":
        grouped = _GROUPED.match(text, start)
        if grouped is not None and (joined or "," not in grouped.group() or ",0" in grouped.group()):
            return grouped
        if grouped is not None and ("{" in grouped.group() or "\\" in grouped.group()):
            return grouped
    match = _PIECE.match(text, start)
    assert match is not None  # its last alternative takes any character
    return match


def _tokens_of(match: re.Match[str]) -> list[tuple[Kind, str]]:
    if match.re is _GROUPED:
        return [("number", _NOT_DIGITS.sub("", match.group()))]
    match match.lastgroup:
        case "text" | "inside":
            return _text(match.group(), match["inside"].strip())
        case "command":
            name = _COMMANDS.get(match.group(), match.group())
            if _LOOK.match(name):
                return []
            return [("command" if name.startswith("\\") and name not in (r"\{", r"\}") else "mark", name)]
        case "letters":
            return [("letters", word) for word in _words(match.group())]
        case "gap":
            return []
        case "repeating":
            return [("number", _REPEATED.sub("(", match.group())[:-1])]
        case kind:
            return [("number" if kind == "number" else "mark", match.group())]


def _text(whole: str, inside: str) -> list[tuple[Kind, str]]:
    if whole.startswith(r"\operatorname"):
        return [("letters", inside)]
    if len(inside) == 1 and inside.isalpha() and not whole.startswith(r"\text{"):
        return [("letters", inside)] if whole.startswith((r"\mathrm", r"\mathbf")) else [("text", inside)]
    if inside and all(character in "0123456789.,-+ " for character in inside):
        return [(token.kind, token.text) for token in tokens(inside)[:-1]]
    return [("text", inside)]


def _words(run: str) -> list[str]:
    """Letters that stand together: one known word, a function and its argument, or the run as it is."""
    if run in _WORDS or len(run) == 1:
        return [run]
    for name in _LETTERS_AS_FUNCTION:
        if run.startswith(name) and len(run) <= len(name) + 2:
            return [name, *run[len(name) :]]
    return [run]
