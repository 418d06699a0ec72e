"""Replies where no tool fits: whether a reply tries to call one all the same, and whether it says something instead."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

from agentrl.verifiers._tools.values import fold

__all__ = ["attempts", "is_natural"]

_MARKS = ("<tool_call", "</tool_call", "<|python_tag|>", "[tool_calls]", "<function", "<invoke", "<tool_use", "<|tool")
_NAME_KEY = re.compile(r"""["'](?:name|function|tool)["']\s{0,20}+:""", re.IGNORECASE)
_ARGUMENTS_KEY = re.compile(r"""["'](?:arguments|parameters|args|kwargs|inputs?)["']\s{0,20}+:""", re.IGNORECASE)
_CALL = re.compile(r"\s*+\[?\s*+[A-Za-z_][\w.]*+\((?:\s*+[A-Za-z_]\w*+\s*+=|\s*+\)\s*+[\],]?\s*+\Z)")
_ACTION = re.compile(r"^[ \t]{0,20}+action(?:[ _]input)?[ \t]{0,20}+:", re.IGNORECASE | re.MULTILINE)  # ReAct
_WORD = re.compile(r"[^\W\d_]++")
_CLOSE = frozenset(("CJK", "HIRAGANA", "KATAKANA", "HANGUL"))
MIN_WORDS = 4
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
    lowered = text.lower()
    if any(mark in lowered for mark in _MARKS) or lowered.strip().startswith(("[]", "{", "[{")):
        return True
    if (_NAME_KEY.search(text) and _ARGUMENTS_KEY.search(text)) or _CALL.match(text):
        return True
    if _ACTION.search(text):
        return True
    return _calls(tuple(tools)).search(text) is not None


@functools.lru_cache(1024)
def _calls(tools: tuple[str, ...]) -> re.Pattern[str]:
    """A tool's name with a bracket after it, as a tag, or under a key.

    One that is no English word may have a space before the bracket, and also arguments without one after it.
    """
    spellings = sorted({spelling for name in tools for spelling in (name, name.replace(".", "_"))})
    names = [re.escape(name) for name in spellings]
    odd = [re.escape(name) for name in spellings if "_" in name or "." in name]
    forms = [rf"(?<!\w)(?:{'|'.join(names)})\(", rf"<(?:{'|'.join(names)})[\s/>]"]
    forms += [
        rf"""(?<!\w)(?:tool|tool_name|action|function|name)["']?\s{{0,8}}+[:=]\s{{0,8}}+["']?(?:{"|".join(names)})(?!\w)"""
    ]
    if odd:
        forms += [rf"(?<!\w)(?:{'|'.join(odd)})[`\s:]{{0,8}}+(?:[({{]|\w++=)"]
    return re.compile("|".join(forms), re.IGNORECASE)


def is_natural(reply: str, prompt: str) -> bool:
    """Whether a reply reads like a sentence in some language, and is not the prompt.

    It has a few different words that are not repeated without end, most of its characters are letters, and most letters
    are of one script. Whether it makes sense cannot be told here.

    >>> is_natural("Sorry, none of the tools can do that.", ""), is_natural("abc", ""), is_natural("a b a b a b", "")
    (True, False, False)
    """
    said, asked = fold(reply[:MAX_CHARS]), fold(prompt)
    if not said or len(reply) > MAX_CHARS or said in asked or (asked and asked in said and len(said) < len(asked) + 20):
        return False
    letters = Counter(_script(c) for c in said if c.isalpha())
    total = sum(letters.values())
    if total < MIN_LETTERS * sum(not c.isspace() for c in said):
        return False
    if max(letters.values()) < MIN_SCRIPT * total:
        return False
    if "close" in letters and letters["close"] >= total / 2:
        return len({c for c in said if c.isalpha()}) >= MIN_CLOSE_LETTERS
    words = [word for word in _WORD.findall(said) if len(word) > 1]
    return len(set(words)) >= MIN_WORDS and len(words) <= MAX_REPEATS * len(set(words))


def _script(character: str) -> str:
    """The script of a letter by its Unicode name; those written without spaces count as one."""
    name = unicodedata.name(character, "?").partition(" ")[0]
    return "close" if name in _CLOSE else name
