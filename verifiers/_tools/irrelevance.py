"""Replies where no tool fits: whether a reply tries to call one all the same, and whether it says something instead."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

from agentrl.verifiers._tools.values import fold
from agentrl.verifiers._tools.words import ASKING, CLOSE_DECLINING, CLOSE_SMALL, DECLINING, KNOWN_SCRIPTS, SMALL

__all__ = ["attempts", "is_natural"]

_MARKS = (
    *("<tool", "</tool", "<function", "<invoke", "<|python_tag|>", "<|tool", "<|call", "[tool_", "[function_call"),
    *("```tool", "to=functions."),
)
_NAME_KEY = re.compile(r"""["'](?:name|function|tool)["']\s{0,20}+:""", re.IGNORECASE)
_ARGUMENTS_KEY = re.compile(r"""["'](?:arguments|parameters|args|kwargs|inputs?)["']\s{0,20}+:""", re.IGNORECASE)
_CALL = re.compile(r"\s*+\[?\s*+[A-Za-z_][\w.]*+\((?:\s*+[A-Za-z_]\w*+\s*+=|\s*+\)\s*+[\],]?\s*+\Z)")
_KEYWORD_CALL = re.compile(r"(?<![\w.])[A-Za-z_][\w.]{2,80}+\(\s{0,20}+[A-Za-z_]\w{0,80}+\s{0,20}+=(?!=)")
_ACTION = re.compile(r"^[ \t]{0,20}+action(?:[ _]input)?[ \t]{0,20}+:", re.IGNORECASE | re.MULTILINE)  # ReAct
_CLOSE = frozenset(("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "THAI", "LAO", "KHMER", "MYANMAR"))
_AFTER = re.compile(r"""`?[({]|[`\s:]{1,8}+(?:\{\s{0,8}+["']|\(\s{0,8}+(?:\w++\s{0,8}+=|\)))""")
_AFTER_KEY = re.compile(r"""["']\s{0,8}+:\s{0,8}+[{\[]""")
_AFTER_ODD = re.compile(
    r"""\[|[`\s:|,?]{0,8}+(?:\(\s{0,8}+["']|\{|\w++\s?=)|:?\s{1,8}+(?:--?\w|:\w|\w++:\s)"""
    r"""|[^{}\n]{0,40}+\{\s{0,8}+["']\w"""
)
_BEFORE = re.compile(
    r"""(?:(?<!\w)(?:tool|tool_name|action|function|name)["']?\s{0,8}+[:=]\s{0,8}+["']?|functions\.)\Z""", re.IGNORECASE
)
MIN_WORDS = 4
MAX_SHORT = 10
MAX_CLOSE = 15
MIN_SMALL = 2
MIN_SHARE = 1 / 7
MIN_CLOSE_LETTERS = 6
MIN_LETTERS = 0.6
MIN_SCRIPT = 0.7
MAX_REPEATS = 12
MAX_CHARS = 20_000


def attempts(text: str, tools: Iterable[str]) -> bool:
    """Whether a text tries to call a tool, well or badly.

    >>> [attempts(text, ["get_fare"]) for text in ("get_fare(to=", '{"name": "x", "args": ', "Is get_fare meant?")]
    [True, True, False]
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
        text = "".join(c for c in text if unicodedata.category(c) != "Cf")  # none that is unseen
    text = text.replace("*", "")  # nor bold
    lowered = text.lower()
    if any(mark in lowered for mark in _MARKS) or lowered.strip().startswith(("[]", "{", "[{")):
        return True
    if (_NAME_KEY.search(text) and _ARGUMENTS_KEY.search(text)) or _CALL.match(text) or _KEYWORD_CALL.search(text):
        return True
    if _ACTION.search(text):
        return True
    names, odd = _names(tuple(tools))
    return any(_is_called(text, *name.span(), odd=_key(name.group()) in odd) for name in names.finditer(text))


@functools.lru_cache(1024)
def _names(tools: tuple[str, ...]) -> tuple[re.Pattern[str], frozenset[str]]:
    """A pattern of the tools' names, whose parts may be joined in other ways, and which of them are no plain words."""
    names = "|".join(_joined(name) for name in sorted(tools, key=len, reverse=True))
    odd = frozenset(_key(name) for name in tools if re.search(r"[\W_]|[a-z][A-Z]", name))
    return re.compile(rf"(?<!\w)(?:{names})(?!\w)", re.IGNORECASE), odd


def _key(name: str) -> str:
    return "".join(c for c in name.lower() if c.isalnum())


def _joined(name: str) -> str:
    """A pattern of a name, in which any mark or none may stand for one: get_fare, get.fare, getFare."""
    parts = [re.escape(part) for part in re.split(r"[\W_]+|(?<=[a-z])(?=[A-Z])", name) if part]
    return r"[_.\-/]?".join(parts) or re.escape(name)


def _is_called(text: str, start: int, end: int, *, odd: bool) -> bool:
    """Whether a tool's name stands as a call: brackets after it, a tag, a key or under one; an odd one as a command."""
    before, after = text[max(0, start - 40) : start], text[end : end + 200]
    if _AFTER.match(after) or _BEFORE.search(before) or (before.endswith("<") and re.match(r"[\s/>]", after)):
        return True
    if before.endswith(('"', "'")) and _AFTER_KEY.match(after):
        return True
    return odd and bool(_AFTER_ODD.match(after) or re.search(r"(?<!\S)/\Z", before))


def is_natural(reply: str, prompt: str) -> bool:
    """Whether a reply reads like a sentence in some language, and is not the prompt.

    It has a few different words that are not repeated without end, some of them the small words that hold the sentences
    of its language together; most of its characters are letters, and most letters are of one script. A shorter reply
    must say no or ask, such as "I cannot." or "Which day?". Whether it makes sense cannot be told here.

    >>> is_natural("Sorry, none of the tools can do that.", ""), is_natural("No.", ""), is_natural("aa bb cc dd", "")
    (True, True, False)
    """
    said, asked = fold(reply[:MAX_CHARS]).replace("’", "'"), fold(prompt).replace("’", "'")
    if not said or len(reply) > MAX_CHARS or (asked and asked in said and len(said) < len(asked) + 20):
        return False
    letters = Counter(_script(c) for c in said if c.isalpha())
    total = sum(letters.values())
    if not total or total < MIN_LETTERS * sum(unicodedata.category(c)[0] not in "ZM" for c in said):
        return False
    if max(letters.values()) < MIN_SCRIPT * total:
        return False
    if "close" in letters and letters["close"] >= total / 2:
        return _is_close(said, asked)
    words = _words(said)
    if len({word for word in words if len(word) > 1}) < MIN_WORDS:
        return _is_short_answer(words, asks="?" in said)
    return said not in asked and _holds_together(words, max(letters, key=letters.__getitem__))


def _words(text: str) -> list[str]:
    """Runs of letters and their marks, with apostrophes inside."""
    parts = "".join(c if c == "'" or unicodedata.category(c)[0] in "LM" else " " for c in text).split()
    return [word for part in parts if (word := part.strip("'"))]


def _is_short_answer(words: list[str], *, asks: bool) -> bool:
    small = [word for word in words if word in SMALL]
    says = DECLINING.intersection(small) or (asks and ASKING.intersection(small))
    return bool(says) and len(words) <= MAX_SHORT and 2 * len(small) >= len(words)


def _is_close(said: str, asked: str) -> bool:
    """Of a text in a script without spaces: whether it has enough different letters, one of them of a small word."""
    declines = any(mark in said for mark in CLOSE_DECLINING)
    letters = {c for c in said if c.isalpha()}
    if len(letters) < MIN_CLOSE_LETTERS:
        return declines and len(said) <= MAX_CLOSE
    return said not in asked and (declines or bool(CLOSE_SMALL & letters))


def _holds_together(words: list[str], script: str) -> bool:
    long = [word for word in words if len(word) > 1]
    if len(long) > MAX_REPEATS * len(set(long)):
        return False
    small = [word for word in words if word in SMALL]
    enough = len(set(small)) >= MIN_SMALL or not DECLINING.isdisjoint(small)
    return script not in KNOWN_SCRIPTS or (enough and len(small) >= MIN_SHARE * len(words))


def _script(character: str) -> str:
    """The script of a letter by its Unicode name; those written without spaces count as one."""
    name = unicodedata.name(character, "?").partition(" ")[0]
    return "close" if name in _CLOSE else name
