r"""An answer's text as tokens: LaTeX and plain spellings become the same tokens.

A comma between groups of three digits belongs to the number outside brackets; inside them it separates items, unless
a group begins with 0. White space and what only changes the look (`\left`, `\displaystyle`, `$`) become a gap; fonts,
colours, boxes and other marks are taken away by `plain`, before an answer is read.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from agentrl.verifiers._math.canonical import TEXT_COMMANDS
from agentrl.verifiers._math.limits import MAX_DEPTH, MAX_OPERATORS, OverLimitError

__all__ = ["CONNECTORS", "FUNCTIONS", "GREEK", "Kind", "Token", "plain", "tokens"]

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
    r"\lparen": "(",
    r"\rparen": ")",
    r"\bigcup": r"\cup",
    r"\bigcap": r"\cap",
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
    r"[0-9]{1,3}(?:(?:(?:(?:\\!)?+,\\!|\{,\}|\{?\\[,;: ]\}?|~)[0-9]{3}(?![0-9]))++|(?:,[0-9]{3}(?![0-9]))++)"
    r"(?:\.[0-9]++)?+"
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
            gap = gap or match.group() != r"\left"  # f\left(x\right) is a call
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
        if grouped is not None and any(mark in grouped.group() for mark in "{\\~"):
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


# What only changes the look of an answer is taken away first. Nothing that could be part of a value is removed, and
# what a space replaces still parts the digits beside it.

_Rule = tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]

# Characters.

_ALPHABETS = re.compile("[\uff01-\uff5e\U0001d400-\U0001d7ff]+")
_ONE_FOR_ONE = str.maketrans(
    {
        **dict.fromkeys("\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad"),
        **dict.fromkeys("\u2002\u2003\u2004\u2005\u2007\u2008\u200a\u205f\u3000", " "),
        **dict.fromkeys("\u2010\u2011\u2012\ufe63", "-"),
        **dict.fromkeys("✕✖", "×"),
        **dict.fromkeys("º˚", "°"),
        **dict.fromkeys("〈\u2329", "⟨"),
        **dict.fromkeys("〉\u232a", "⟩"),
        "∗": "*", "∕": "/", "∶": ":", "。": ".", "、": ",", "’": "'", "≦": "≤", "⩽": "≤", "≧": "≥", "⩾": "≥",
        "≃": "≈", "⋃": "∪", "⋂": "∩", "…": r"\ldots ", "∛": r"\sqrt[3]", "∜": r"\sqrt[4]", "∴": r"\therefore ",
        "⅓": r"\frac13 ", "⅔": r"\frac23 ", "⅕": r"\frac15 ", "⅖": r"\frac25 ", "⅗": r"\frac35 ", "⅘": r"\frac45 ",
        "⅙": r"\frac16 ", "⅚": r"\frac56 ", "⅐": r"\frac17 ", "⅛": r"\frac18 ", "⅜": r"\frac38 ", "⅝": r"\frac58 ",
        "⅞": r"\frac78 ", "⅑": r"\frac19 ", "⅒": r"\frac1{10}", "⇒": r"\Rightarrow ", "✓": r"\checkmark ",
    }
)  # fmt: skip
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ", "0123456789+-n")
_LOWERED = str.maketrans("₀₁₂₃₄₅₆₇₈₉ₙ", "0123456789n")
_WORDS_KEPT = r"(?P<words>\\(?:text[a-z]*|mathrm|mbox)\s*+\{[^{}]*+\})"
_SCRIPTS = re.compile(rf"{_WORDS_KEPT}|(?P<up>[⁺⁻]?+[⁰¹²³⁴-⁹ⁿ]++)|(?P<down>[₀-₉ₙ]++)")

_COLOUR = r"\s*+(?:\[[A-Za-z]*+\]\s*+)?+\{[\w!,.# ]*+\}"
_FONTS = "bm|bold|boldsymbol|mathnormal|underline|uline|emph|mathtt|mathsf|mathcal|mathop|mathord|smash|ensuremath"
_SIZES = "tiny|scriptsize|footnotesize|small|normalsize|large|Large|LARGE|huge|Huge|strut|displaystyle|textstyle"
_SPACES = "mathstrut|enspace|medspace|thickspace|negthinspace|hfill|hfil|null|newline|noindent|qquad|quad|allowbreak"
_OLD_FONTS = "rm|bf|it|sf|tt|sc|sl|cal"
_TEXTS = "text|textbf|textit|textrm|textnormal|textup|textsf|texttt|mbox|hbox|mathrm|mathbf|mathit|mathnormal"
_FUNCTIONS = "sin|cos|tan|cot|csc|arcsin|arccos|arctan|ln|log|exp|gcd|lcm|det"
_UNIT = r"\\(?:text|mathrm)\s*+\{[^{}]++\}(?:\^(?:[23]|\{[23]\}))?+"
_BASE = r"(?:[0-9]{1,2}|two|three|four|five|six|seven|eight|nine|ten)"
_DOTS = r"(?:\.\.\.|\\(?:l|c)?dots)(?![A-Za-z])"


def _rules(*rules: tuple[str, str | Callable[[re.Match[str]], str]]) -> tuple[_Rule, ...]:
    return tuple((re.compile(pattern), replacement) for pattern, replacement in rules)


def _tidy(match: re.Match[str]) -> str:
    """Words without the spaces of LaTeX inside them."""
    inside = re.sub(r"\\(?:[,;:! ]|quad(?![A-Za-z]))|~", " ", match["inside"])
    return f"{match['open']}{{{inside}}}" if inside.strip() else " "


def _rows(match: re.Match[str]) -> str:
    """A system, one equation a row; not a function that is given by cases."""
    if match[1] == "cases" and "&" in match[2]:
        return match[0]
    rows = match[2].replace("&", "").split("\\\\")
    return ", ".join(row.strip(" ,") for row in rows if row.strip())


_LATEX = _rules(
    (rf"\\(?:textcolor|color|colorbox|pagecolor)(?![A-Za-z]){_COLOUR}", " "),
    (rf"\\fcolorbox{_COLOUR}{_COLOUR}", " "),
    (r"\\(?:[hv]space\*?|[hv]?phantom|label|tag\*?|kern|vskip)\s*+\{[^{}]*+\}", " "),
    (r"\\[hv]?phantom\s*+[^\\{}\s]", " "),
    (rf"\{{\s*+\\(?:{_OLD_FONTS})\s++([^{{}}\\]*+)\}}", r"\\mathrm{\1}"),
    (rf"\\(?:{_OLD_FONTS})\s*+(?=\{{)", r"\\mathrm"),
    (r"\\rm\s++([A-Za-z]++)", r"\\mathrm{\1}"),
    (rf"\\(?:{_FONTS}|{_SIZES}|{_SPACES}|{_OLD_FONTS})(?![A-Za-z])", " "),
    (r"\\(?:text(?:up|sf|tt|md)|hbox)(?=\s*+\{)", r"\\text"),
    (r"\\text(?:superscript)\s*+(?=\{)", "^"),
    (r"\\(?:text|math)dollar(?![A-Za-z])", r"\\$"),
    (r"\\textdegree(?![A-Za-z])|\^\s*+\\textdegree(?![A-Za-z])", r"^\\circ "),
    (r"(?<=[0-9])\s*+\^\s*+(?:\\(?:text|mathrm)\s*+\{o\}|\{\s*+(?:o|\\(?:text|mathrm)\s*+\{o\})\s*+\})", r"^\\circ "),
    (rf"\\(?:text|mathrm|mbox)\s*+\{{\s*+({_FUNCTIONS})\s*+\}}", r"\\\1 "),
    (r"(\\(?:text|mathrm)\s*+\{[^{}^]*+)\^\s*+\{(-?[0-9])\}(?=[^{}]*+\})", r"\1^\2"),
    (rf"\\[dt]?frac\s*+\{{\s*+({_UNIT})\s*+\}}\s*+\{{\s*+({_UNIT})\s*+\}}", r" \1/\2"),
    (rf"(?P<open>\\(?:{_TEXTS})\s*+)\{{(?P<inside>[^{{}}]*+)\}}", _tidy),
    (rf"\\(?:{_TEXTS})\s*+(?=\{{\s*+\\(?:{_TEXTS}|\$[0-9]|[dt]?frac|sqrt)(?![A-Za-z]))", ""),
    (rf"\\(?:{_TEXTS})\s*+(?=\{{[^{{}}=]++=[^{{}}=]++\}})", ""),
    (r"(?:[\^_]\s*+)?(?<!\\)\{\s*+\}", " "),
    (r"\\(?:sfrac|nicefrac|flatfrac)(?![A-Za-z])", r"\\frac"),
    (r"\{\s*+([0-9]++)\s*+\\over\s*+([0-9]++)\s*+\}", r"\\frac{\1}{\2}"),
    (r"(?<=[0-9])\s*+\{(\\[dt]?frac\s*+\{[0-9]++\}\s*+\{[0-9]++\})\}", r"\1"),
    (r"\\not\s*+=", r"\\ne "),
    (r"\\not\s*+\\in(?![A-Za-z])", r"\\notin "),
    (r"\\left\s*+<", r"\\langle "),
    (r"\\right\s*+>", r"\\rangle "),
    (r"\\(?:simeq|thickapprox|approxeq)(?![A-Za-z])", r"\\approx "),
    (r"\\cr(?![A-Za-z])|\\\\\s*+\[[0-9.]++\s*+(?:pt|em|ex|mm|cm)\]", r"\\\\"),
    (r"(?<=[A-Za-z])_\{([0-9]),\s*+([0-9])\}", r"_{\1\2}"),
    (r"\A([^\\]*+(?:\\(?!pm|mp)[^\\]*+)*+)\\mp(?![A-Za-z])(?!.*\\[mp][mp])", r"\1\\pm"),
    (r"\A\s*+\\begin\{(cases|aligned|gathered)\}((?:(?!\\begin|\\end).)*+)\\end\{\1\}\s*+\Z", _rows),
    (rf"(?<=[0-9}}])(?:\s|\\[ ,;])*+\(\s*+({_UNIT})\s*+\)\Z", r" \1"),
)
_BASES = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10}


def _base(match: re.Match[str]) -> str:
    return f"_{{{_BASES.get(match[1], match[1])}}}"


def _based(match: re.Match[str]) -> str:
    base = match[2] or match[3]
    return f"{match[1]}_{{{_BASES.get(base, base)}}}"


_ANY = _rules(
    (rf"([0-9A-Z]++)\s*+\\text\s*+\{{\s*+\(?(?:in )?base(?:\s*+\}}\s*+({_BASE})|\s*+({_BASE})\)?\s*+\}})\Z", _based),
    (rf"\A(?:\\text\{{)?([0-9A-Z]++)\s++\(?(?:in )?base\s++({_BASE})()\)?\}}?\Z", _based),
    (r"(?<![\w'}])(?:\\left\s*+)?+\(\s*+([0-9]++)\s*+(?:\\right\s*+)?+\)\s*+(?=_)", r"\1"),
    (r"(?<![\w'}^])\{\s*+([0-9]++)\s*+\}\s*+(?=_)", r"\1"),
    (rf"_\s*+\{{\s*+\\(?:text|mathrm)\s*+\{{\s*+(?:base\s*+)?({_BASE})\s*+\}}\s*+\}}\Z", _base),
    (rf"_\s*+\{{\s*+(?:base\s*+)?({_BASE})\s*+\}}\Z", _base),
    (r"\A([0-9]++)(?:\s*+\\text\s*+\{\s*+to\s*+\}|\s++to\s)\s*+([0-9]++)\Z", r"\1:\2"),
    (r"\A(?:\\text\s*+\{\s*+)?(?:USD|US(?=\s*+\\?\$))\s*+\}?\s*+(?:\\?\$)?(?=[0-9])", r"\\$"),
    (r"\A(?:\\text[a-z]*+\s*+\{)?\s*+(?:[Oo]ption|[Cc]hoice)\s*+:?\s*+\}?\s*+(\(?[A-Z]\)?)\.?\s*+\}?\Z", r"\1"),
    (r"\^\s*+\{?+([0-9]++)\}?+\s*+/\s*+_\s*+\{?+([0-9]++)\}?+", r"\\frac{\1}{\2}"),
    (r"\\sqrt(\[[34]\])\s*+([0-9]++)", r"\\sqrt\1{\2}"),
    (r"(?<=\s)!=", r"\\ne "),
    (r"(?<=[\w)}\]])\s*+\*\*\s*+(?=[\w({-])", "^"),
    (r"(?<=[)\]}])\s*+(?:U|\\text\s*+\{\s*+U\s*+\}|\\bigcup)\s*+(?=[(\[\\{])", r" \\cup "),
    (r"(?<![0-9])([0-9]++\.[0-9]*+)\\(?:overline|bar|dot)\s*+([0-9])", r"\1\\overline{\2}"),
    (r"(?<![0-9])([0-9]++\.[0-9]*+)\\dot\s*+\{([0-9])\}([0-9]*+)\\dot\s*+\{([0-9])\}", r"\1\\overline{\2\3\4}"),
    (r"(?<![0-9])([0-9]++\.[0-9]*+)\\dot\s*+\{([0-9])\}(?!\s*+[0-9])", r"\1\\overline{\2}"),
    (r"(?<![0-9])([0-9]++\.)\(([0-9]++)\)", r"\1\\overline{\2}"),
    (rf"(?<![0-9])([0-9]*+\.[0-9]*?)([0-9])\2\2++\s*+{_DOTS}(?=(?:\s|\\?%)*+\Z)", r"\1\\overline{\2}"),
    (r"\A\s*+<([^<>=,]*+,[^<>=]*+)>\s*+\Z", r"\\langle \1\\rangle "),
)
_FREQUENT = "[dt]?frac|sqrt|pi|cdot|times|leq?|geq?|infty|cup|pm|left|right|sin|cos|tan|log|ln"
_MAY_BE_LATEX = re.compile(
    rf"\\(?!(?:{_FREQUENT})(?![A-Za-z]))|\\(?:left|right)\s*+[<>]|\{{\s*+\}}|[0-9]\s*+\{{\\|_\{{[0-9],|\^\s*+\{{\s*+o|\\over"
)
_MAY_BE_ANY = re.compile(r"base|_|to|US|ption|hoice|\\sqrt\[|\s!=|\*\*|U|\\bigcup|\.[0-9]*+\\|[0-9]\.\(|dots|\.\.\.|<")
_BEFORE = re.compile(
    r"(?:\s++|[=:](?!\s*+[=:])|\\(?:Rightarrow|Longrightarrow|implies|therefore|rightarrow|approx|quad)(?![A-Za-z])|≈|→)++"
)
_QUOTED = re.compile(
    r"`(?P<code>[^`]++)`|(?P<mark>\$\$?+)(?P<math>(?:[^\\$]|\\.)++)(?P=mark)|\\[(\[](?P<inline>(?:[^\\]|\\[^()\[\]])++)\\[)\]]",
    re.DOTALL,
)
_AFTER = re.compile(r"(?:\s|\\\\|\\(?:checkmark|blacksquare|qed)(?![A-Za-z]))++\Z")


def plain(text: str) -> str:
    r"""An answer without what only changes its look.

    >>> plain(r"\textcolor{red}{\mathbf{5}}"), plain("x⁻³"), plain(r"{\rm 5~cm} \checkmark")
    ('\\mathbf{5}', 'x^{-3}', '\\mathrm{5 cm}')
    """
    if not text.isascii():
        text = _ALPHABETS.sub(lambda match: unicodedata.normalize("NFKC", match[0]), text).translate(_ONE_FOR_ONE)
        text = _SCRIPTS.sub(_script, text)
    for may_be, rules in ((_MAY_BE_LATEX, _LATEX), (_MAY_BE_ANY, _ANY)):
        for pattern, replacement in rules if may_be.search(text) else ():
            text = pattern.sub(replacement, text)
    return _outer(text)


def _script(match: re.Match[str]) -> str:
    if match["words"]:
        return match["words"]
    if match["down"]:
        return f"_{{{match['down'].translate(_LOWERED)}}}"
    raised = match["up"].translate(_RAISED)
    return f"^{raised}" if len(raised) == 1 else f"^{{{raised}}}"


def _outer(text: str) -> str:
    """Without marks before and after, and without the quotes, dollar signs or braces around the whole."""
    before = None
    while text != before:
        before = text
        lead = _BEFORE.match(text)
        text = _AFTER.sub("", text[lead.end() :] if lead else text)
        if (quoted := _QUOTED.fullmatch(text)) is not None:
            text = quoted["code"] or quoted["math"] or quoted["inline"]
        if text.startswith("{") and _closes_last(text):
            text = text[1:-1]
    return text


def _closes_last(text: str) -> bool:
    """Whether the first brace closes with the last character."""
    depth = 0
    for match in re.finditer(r"\\.|[{}]", text, re.DOTALL):
        depth += {"{": 1, "}": -1}.get(match[0], 0)
        if depth == 0:
            return match.end() == len(text)
    return False
