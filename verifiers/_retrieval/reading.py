"""A list of ids in a reply, alone or with the answer that they support."""

from __future__ import annotations

import re
from collections.abc import Container
from typing import Any

from agentrl.verifiers._reading.fences import FenceError, whole_or_block
from agentrl.verifiers._reading.strict_json import JsonError, parse_json
from agentrl.verifiers._reading.text import fold

__all__ = ["MAX_ID", "entries", "folded", "hops"]

MAX_CHARS = 100_000
MAX_ID = 500
_MARK = re.compile(r"(?:[-*+•]|\(?\d{1,4}[.)]|\[\d{1,4}\])[^\S\n]+(?=\S)")
_WRAPPED = re.compile(r"(\*\*|[`\"'*])(.+)\1")
_ARTICLE = re.compile(r"\A(?:an?|the) (?=.)")


def entries(reply: str, known: Container[str]) -> list[str]:
    """The ids, in order, repeats included; a line that is a known id is not taken apart.

    Raises:
        JsonError: The JSON is broken, an id is no text or integer, or a limit is passed.
    """
    text = _payload(reply)
    if text.lstrip().startswith("[") and not _MARK.match(text.lstrip()):
        return _listed(parse_json(text))
    return _short([_bare(line.strip(), known) for line in text.split("\n") if line.strip()])


def hops(reply: str) -> tuple[str, list[str]]:
    """The answer, and the ids of its evidence.

    Raises:
        JsonError: It is no such object, or a limit is passed.
    """
    text = _payload(reply)
    if not text.strip():
        return "", []
    found = parse_json(text)
    if not isinstance(found, dict) or set(found) != {"answer", "evidence"} or not isinstance(found["answer"], str):
        raise JsonError('it must be {"answer": text, "evidence": [ids]}')
    return found["answer"], _listed(found["evidence"])


def _payload(reply: str) -> str:
    try:
        text = whole_or_block(reply)
    except FenceError as error:
        raise JsonError(str(error)) from None
    if len(text) > MAX_CHARS:
        raise JsonError(f"{len(text)} characters are over the limit of {MAX_CHARS}")
    return text


def _listed(found: Any) -> list[str]:
    if not isinstance(found, list) or any(isinstance(id, bool) or not isinstance(id, (str, int)) for id in found):
        raise JsonError("an id must be text or an integer, in a list")
    return _short([str(id).strip() for id in found])


def _short(ids: list[str]) -> list[str]:
    if any(len(id) > MAX_ID for id in ids):
        raise JsonError(f"an id is over the limit of {MAX_ID} characters")
    return ids


def _bare(line: str, known: Container[str]) -> str:
    """A line's id: without the mark of a list, then without what marks it as a name."""
    if line not in known:
        line = line[found.end() :] if (found := _MARK.match(line)) else line
    if line not in known:
        line = found[2].strip() if (found := _WRAPPED.fullmatch(line)) else line
    return line


def folded(answer: str) -> str:
    """An answer in one spelling.

    >>> folded(' "The  Seine." '), folded("-5"), folded("A")
    ('seine', '-5', 'a')
    """
    return _ARTICLE.sub("", fold(answer).strip("\"' ").removesuffix(".").strip("\"' "))
