"""Instructions on how it is laid out: dividers, bullets, headings, marks, JSON, and two parts in one reply.

Each check returns what is wrong, or the empty string. Patterns never try a text twice: their repeats are possessive.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from agentrl.verifiers._reading import text
from agentrl.verifiers._reading.strict_json import JsonError, parse_json

__all__ = [
    "bullets",
    "constrained",
    "divided_paragraphs",
    "highlights",
    "json_format",
    "placeholders",
    "postscript",
    "repeat_prompt",
    "sections",
    "title",
    "two_responses",
]

Args = Mapping[str, Any]

CHOICES = ("My answer is yes.", "My answer is no.", "My answer is maybe.")

_DIVIDER = re.compile(r"^[^\S\n]*+\*\*\*[^\S\n]*+$", re.MULTILINE)
_SIX_STARS = re.compile(r"(?<!\*)\*{6}(?!\*)")
_BULLET = re.compile(r"^[^\S\n]*+[*+-][^\S\n]++(.*+)$", re.MULTILINE)
_HIGHLIGHT = re.compile(r"(?<!\*)(\*{1,3}+)(?![\s*])([^*\n]++)(?<!\s)\1(?!\*)")
_PLACEHOLDER = re.compile(r"\[([^\[\]\n]++)\](?!\()")
_TITLE = re.compile(r"<<([^<>\n]++)>>")
_FENCE = re.compile(r"```[A-Za-z]*+[^\S\n]*+\n?(.*)```\Z", re.DOTALL)
_MARKUP = "*_#>~` \t"


def divided_paragraphs(reply: str, args: Args) -> str:
    """Exactly so many paragraphs, a line `***` between them; one at the beginning or end divides nothing."""
    parts = [part.strip() for part in _DIVIDER.split(reply)]
    parts = parts[not parts[0] : len(parts) - (len(parts) > 1 and not parts[-1])]
    if not all(text.has_word(part) for part in parts):
        return "a paragraph is empty"
    return "" if len(parts) == args["num_paragraphs"] else f"there are {len(parts)} paragraphs"


def placeholders(reply: str, args: Args) -> str:
    """At least so many words in square brackets, links left out."""
    found = sum(map(text.has_word, _PLACEHOLDER.findall(reply)))
    return "" if found >= args["num_placeholders"] else f"there are {found} placeholders"


def postscript(reply: str, args: Args) -> str:
    """A line begins with the mark and goes on, or the next one does; something stands before it."""
    mark = _close(args["postscript_marker"])
    lines = [line.lstrip(_MARKUP) for line in text.plain(reply).splitlines()]
    for index, line in enumerate(lines):
        rest = _after(line, mark)
        if rest is None or not text.has_word("\n".join(lines[:index])):
            continue
        return "" if text.has_word("\n".join([rest, *lines[index + 1 :]])) else "the postscript is empty"
    return "there is no postscript"


def _close(said: str) -> str:
    return "".join(said.split()).casefold()


def _after(line: str, mark: str) -> str | None:
    """What follows a mark at the beginning of a line, white space inside the mark not counted."""
    taken = 0
    for index, c in enumerate(line):
        if taken == len(mark):
            rest = line[index:]
            return None if mark[-1].isalnum() and rest[:1].isalnum() else rest
        if not c.isspace():
            if c.casefold() != mark[taken]:
                return None
            taken += 1
    return "" if taken == len(mark) else None


def bullets(reply: str, args: Args) -> str:
    """Exactly so many lines that begin with `*`, `-` or `+` and a space, and hold a word."""
    found = sum(map(text.has_word, _BULLET.findall(reply)))
    return "" if found == args["num_bullets"] else f"there are {found} bullet points"


def constrained(reply: str, args: Args) -> str:
    """Exactly one of the three answers."""
    found = sum(choice in reply for choice in CHOICES)
    return "" if found == 1 else f"{found} of the three answers are given"


def highlights(reply: str, args: Args) -> str:
    """At least so many texts between asterisks in one line."""
    found = sum(text.has_word(match[1]) for match in _HIGHLIGHT.findall(reply))
    return "" if found >= args["num_highlights"] else f"there are {found} highlighted sections"


def sections(reply: str, args: Args) -> str:
    """At least so many lines that begin with the mark and a number, each another one, with words before the next."""
    mark = re.escape(args["section_spliter"])
    parts = re.split(rf"^[*_#>~` \t]*+{mark}[^\S\n]?(\d{{1,4}}+)", reply, flags=re.MULTILINE)
    numbers = {number for number, body in zip(parts[1::2], parts[2::2], strict=True) if text.has_word(body)}
    return "" if len(numbers) >= args["num_sections"] else f"there are {len(numbers)} sections"


def json_format(reply: str, args: Args) -> str:
    """One JSON object or array, not empty, alone or in one fence."""
    said = reply.strip()
    fenced = _FENCE.match(said)
    try:
        value = parse_json(fenced.group(1) if fenced else said)
    except JsonError as error:
        return f"it is not JSON: {error}"
    return "" if isinstance(value, dict | list) and value else "it is no JSON object with content"


def title(reply: str, args: Args) -> str:
    """Words in double angular brackets."""
    return "" if any(map(text.has_word, _TITLE.findall(reply))) else "there is no title"


def two_responses(reply: str, args: Args) -> str:
    """Two different texts, six asterisks between them; more at the beginning or end divide nothing."""
    parts = [text.fold(part) for part in _SIX_STARS.split(reply)]
    parts = parts[not parts[0] : len(parts) - (len(parts) > 1 and not parts[-1])]
    if len(parts) != 2 or not all(map(text.has_word, parts)):
        return f"there are {len(parts)} responses"
    return "" if text.words(parts[0]) != text.words(parts[1]) else "the two responses are the same"


def repeat_prompt(reply: str, args: Args) -> str:
    """The request comes first, word for word; then an answer that is not more of the prompt."""
    said, wanted = text.fold(reply), text.fold(args["prompt_to_repeat"])
    if not said.startswith(wanted):
        return "it does not begin with the request"
    rest = said[len(wanted) :].strip()
    if not text.has_word(rest) or text.is_copied(rest, args["prompt"]):
        return "no answer follows the request"
    return ""
