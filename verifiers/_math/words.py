"""Words inside an answer: connectors, units, scales, names, and the phrases that lead up to the answer."""

from __future__ import annotations

import re
from fractions import Fraction

from agentrl.verifiers._math import units
from agentrl.verifiers._math.cursor import Grammar
from agentrl.verifiers._math.lexer import CONNECTORS, GREEK, Token
from agentrl.verifiers._math.tree import Apply, Constant, Node, Number, Quantity, SetOf, Symbol

__all__ = [
    "ANSWER_WORDS",
    "BARE_UNITS",
    "BASE_WORDS",
    "SCALES",
    "after_lead",
    "connector",
    "is_counted",
    "is_lead",
    "is_word",
    "name_before_colon",
    "name_before_equals",
    "named_value",
    "time_of_day",
    "unit_name",
]

SCALES = {
    "hundred": Fraction(100),
    "thousand": Fraction(1000),
    "million": Fraction(10**6),
    "billion": Fraction(10**9),
    "trillion": Fraction(10**12),
    "dozen": Fraction(12),
}
BASE_WORDS = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10}
ANSWER_WORDS = frozenset(
    (
        "yes", "no", "true", "false", "even", "odd", "all", "none", "both", "neither", "up", "down", "left",
        "right", "one", "two",
    )
)  # fmt: skip
BARE_UNITS = frozenset(
    (
        "mm", "cm", "dm", "km", "mg", "kg", "ml", "mL", "ft", "yd", "mi", "lb", "lbs", "oz", "hr", "hrs", "min",
        "sec", "mph", "kph", "rpm", "USD",
    )
)  # fmt: skip
"""Units that letters without a text wrapper may stand for: others are products of variables, such as ab."""
_NO_UNIT = re.compile(r"half|halves|third|quarter|percentage point")
_LEAD = re.compile(r"(?:so |thus |hence )?(?:the )?(?:final )?answer(?: is)?:?|(?:it|this|that) is:?")
_ALIASES = {"percent": "%", "per cent": "%", "dollar": "$", "dollars": "$", "usd": "$", "degrees": "degree"}


_VALUES: dict[str, Node] = {
    **dict.fromkeys(("empty set", "the empty set", "null set", "∅"), SetOf(())),
    **dict.fromkeys(("infinity", "∞"), Constant("infinity")),
    **dict.fromkeys(("pi", "π"), Constant("pi")),
}
_WRAPPED = re.compile(r"\\(?:text[a-z]*+|mathrm|mbox)\s*+(?=\{)|\\[,;:! ]|[{}~\s$]")
_TIME = re.compile(
    r"([01]?[0-9]|2[0-3])(?::([0-5][0-9])(?::([0-5][0-9]))?+)?+(?:([ap])(\.?+)(m)\.?+|(o'clock))?+", re.I
)


def named_value(text: str) -> Node | None:
    """The value that words name.

    >>> named_value("Infinity"), named_value("five")
    (Constant(name='infinity'), None)
    """
    return _VALUES.get(" ".join(text.split()).casefold())


def time_of_day(text: str) -> Quantity | None:
    r"""A time of day, in hours from midnight or noon; None where it may be a ratio or a quantity.

    It needs "a.m.", "p.m." or "o'clock", or minutes that begin with 0; after 12:59 it is in the afternoon.

    >>> time_of_day(r"5\!:\!30 \text{ p.m.}") == time_of_day("17:30 PM") == time_of_day("5:30pm")
    True
    >>> time_of_day("5:30"), time_of_day("17:05") == time_of_day("5:05 p.m."), time_of_day("7 pm")
    (None, True, None)
    """
    if text[:1] not in _STARTS_OF_TIMES or (match := _TIME.fullmatch(_WRAPPED.sub("", text))) is None:
        return None
    hours, minutes, seconds, half, dot, letter, whole = match.groups()
    if not (half or whole or (minutes and minutes[0] == "0")):
        return None
    if half and not minutes and not dot and letter == "m":  # 7 pm are picometres
        return None
    name = f"{half.lower()}.m." if half else "o'clock"
    count = int(hours)
    if count > 12 or count == 0:
        if half and half.lower() == ("p" if count == 0 else "a"):
            return None
        name, count = ("p.m.", count - 12) if count else ("a.m.", 12)
    return Quantity(Number(count + Fraction(int(minutes or 0), 60) + Fraction(int(seconds or 0), 3600)), name)


_STARTS_OF_TIMES = frozenset("0123456789\\")


def connector(text: str) -> str:
    r"""The connector that words stand for: "and", "or", or nothing.

    >>> connector(", and "), connector(" or"), connector("cm")
    ('and', 'or', '')
    """
    word = text.strip(" ,;").casefold()
    return word if word in CONNECTORS else ""


def after_lead(text: str) -> str:
    """Words without those that only lead up to the answer."""
    match = _LEAD.match(text.casefold())
    return text[match.end() :].strip() if match and not text[match.end() :][:1].isalnum() else text


def is_lead(text: str) -> bool:
    """Whether words only lead up to the answer."""
    return _LEAD.fullmatch(" ".join(text.split()).casefold()) is not None


def is_word(run: str) -> bool:
    """Whether letters without a space are a word, not a product of variables.

    >>> is_word("even"), is_word("CD"), is_word("xy")
    (True, True, False)
    """
    if run.casefold() in ANSWER_WORDS:
        return True
    return len(run) >= 4 or len(set(run)) < len(run) or (len(run) > 1 and not run.islower())


_NOUNS = re.compile(r"[a-z]{3,}+(?:[ -][a-z]++){0,3}+", re.IGNORECASE)
_NO_NOUN = re.compile(
    r"(?:hundred|thousand|million|billion|trillion|lakh|crore|dozen|score|ten|half|halve|quarter|percent|square|cube)s?+"
    r"|.*(?<!mon)ths?|.*fold|not?|and|or|less|fewer|least|most|minus|negative|below|above|under|over|per|point|squared"
    r"|cubed|mod|to|than|in|base|basis|about|approximately|roughly|almost|nearly"
)


def is_counted(name: str) -> bool:
    """Whether words are things that are counted, none of which changes the number before them.

    >>> is_counted("chairs"), is_counted("pieces of candy"), is_counted("tenths"), is_counted("fewer chairs")
    (True, True, False, False)
    """
    words = name.casefold().replace("-", " ").split()
    plural = any(word.endswith("s") and not word.endswith("ss") and len(word) > 3 for word in words)
    return plural and _NOUNS.fullmatch(name) is not None and not any(map(_NO_NOUN.fullmatch, words))


def unit_name(text: str) -> str:
    """The name of a unit in one spelling; empty for words that are no unit.

    >>> unit_name(" cm "), unit_name("percent"), unit_name("half")
    ('cm', '%', '')
    """
    name = " ".join(text.strip(" .,").replace("sq.", "sq").replace("cu.", "cu").split())
    if not name or _NO_UNIT.search(name.casefold()) or len(name) > 40:
        return ""
    name = _ALIASES.get(name.casefold(), name)
    if units.lookup(name) is None and units.lookup(name.casefold()) is not None and len(name) > 3:
        return name.casefold()  # Mg is not mg
    return name


# Names before an equals sign. Nothing but a letter, a word or the name of a figure stands in one: a left side that
# could be computed or solved, such as x^2 + 1, 2x or |x|, is no name.

_MAX_TOKENS = 24
_GREEK = "|".join(sorted(GREEK))
_LETTER = rf"(?:[A-Za-z]|\\(?:{_GREEK}))"
_ANGLE = rf"(?:m )?\\(?:angle|measuredangle|sphericalangle) (?:[A-Z]{{1,3}}|[a-z]|[0-9]|\\(?:{_GREEK}))"
_ARGUMENTS = rf"(?:{_LETTER}|-|[0-9.]+|\\pi)(?: (?:{_LETTER}|-|,|[0-9.]+|\\pi))*"
_CAPITALS = r"(?P<capitals>[A-Z]{2,5})"
_THING = (
    "answer area perimeter circumference volume probability sum product total difference quotient remainder distance "
    "length width height radius diameter slope speed time cost price profit mean median mode average maximum minimum"
)
_WORDS = re.compile(r"[A-Za-z]{3,}+(?: [A-Za-z]++)*+")
_MATRIX = re.compile(r"[A-Z](?: \^ (?:- 1|T|\\top|[0-9]))?(?: [A-Z](?: \^ (?:- 1|T|\\top|[0-9]))?)*")
_NAMES = tuple(
    re.compile(pattern)
    for pattern in (
        _ANGLE,
        rf"(?:\| )?\\overline {_CAPITALS}(?: \|)?",
        rf"\| {_CAPITALS} \|",
        rf"\[ \\triangle {_CAPITALS} \]",
        r"\\(?:\||Vert) (?:\\vec )?[A-Za-z](?: - (?:\\vec )?[A-Za-z])? \\(?:\||Vert)",
        rf"\\(?:vec|overrightarrow|hat) (?:{_LETTER}|[A-Z]{{2}})",
        r"[A-Z] _ \\triangle [A-Z]{3}",
        # Probabilities, expectations, functions.
        r'(?:P|E|Pr|Var|\\Pr|\\mathbb [PE]|"(?:P|E|Pr|Var)") [(\[] [^()\[\]]+ [)\]]',
        rf"(?:[pqrsuvwyA-Z](?: _ [A-Za-z0-9]+)?|[fgh] _ [A-Za-z0-9]+)(?: ')* \( {_ARGUMENTS} \)",
        rf"\\(?:{_GREEK}) \( {_ARGUMENTS} \)",
        r"[A-Za-z] \( [nt] \)",
        rf"[fghFGHT] \^ (?:- 1|\( [0-9]+ \)) \( {_ARGUMENTS} \)",
        rf"\( [fgh](?: \\circ [fgh])+ \) \( {_ARGUMENTS} \)",
        r"\\frac d(?: \^ [0-9])? ?[A-Za-z] d ?[a-z](?: \^ [0-9])?",
        r"\\frac \\partial(?: \^ [0-9])? [A-Za-z] \\partial [a-z](?: \^ [0-9])?",
        r"d[a-z] / d[a-z]",
        # Functions of an angle, which has a capital or a Greek letter.
        rf"\\?(?:sin|cos|tan|cot|sec|csc) (?:\( )?(?:[A-Z]{{1,3}}|\\(?:{_GREEK})|{_ANGLE})(?: \))?",
        r"\\?det (?:\( )?[A-Z](?: \))?",
        # Words.
        rf"(?:(?:{_THING.replace(' ', '|')})|[A-Z][a-z]{{2,}})(?: [A-Za-z][a-z]+)*",
        r'"[A-Za-z][^"]+"(?: _)?(?: \()?(?: \\triangle)?(?: [A-Z]+)?(?: \))?',
    )
)


def name_before_equals(at: Grammar) -> Node | None:
    """Read the name, where what stands before the next equals sign is only that; else read nothing."""
    found: list[Token] = []
    depth = 0
    while len(found) <= _MAX_TOKENS:
        token = at.ahead(len(found))
        if token.kind == "end":
            return None
        if depth == 0 and token.kind != "text" and token.text in ("=", r"\approx"):
            break
        depth += (token.text in "([") - (token.text in ")]")
        found.append(token)
    else:
        return None
    if len(found) == 1 and len(found[0].text) < 3:  # x = 5
        return None
    spelling = " ".join(map(_spelling, (token for token in found if token.text not in ("{", "}"))))
    of_matrix = at.ahead(len(found) + 1).text == r"\begin" and _MATRIX.fullmatch(spelling) is not None
    name = Symbol(spelling) if of_matrix else _name(spelling)
    if name is not None:
        for _ in found:
            at.take()
    return name


def name_before_colon(at: Grammar) -> Symbol | None:
    r"""Read the words of `\text{Total: } 5` and `\text{Total}: 5`."""
    words, after = at.token, at.ahead(1)
    if words.kind != "text" or not _WORDS.fullmatch(words.text.rstrip(" :")) or at.ahead(2).kind == "text":
        return None
    if after.kind == "end" or (words.text.endswith(":") == (after.text == ":")):
        return None
    at.take()
    at.accept(":")
    return Symbol(words.text.rstrip(" :"))


def _spelling(token: Token) -> str:
    return f'"{token.text.strip()}"' if token.kind == "text" else token.text


def _name(spelling: str) -> Node | None:
    for pattern in _NAMES:
        match = pattern.fullmatch(spelling)
        if match is None:
            continue
        capitals = match.groupdict().get("capitals")
        if capitals:  # the segment AB, however it is marked
            return Apply("mul", tuple(map(Symbol, capitals)))
        return Symbol(spelling.removeprefix("m ").replace(" ", "").replace('"', ""))
    return None
