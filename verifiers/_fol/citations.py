"""What a step of a proof says it follows from, in the ways that people cite.

In brackets or behind a word, with or without the name of a rule: `[from P1, 2]`, `(1, 2)`, `by modus ponens from 1 and
2`, `(MP, premises 1 and 2)`, `; P1-P3`.
"""

from __future__ import annotations

import re

__all__ = ["cited_labels", "says_premise", "without_reason"]

_MOST_IN_RANGE = 64
_TAIL = 300
_DASHES = " \t,;:.–—-/"
_OPENING = {")": "(", "]": "[", "}": "{"}
_WORD = re.compile(r"\b(?:from|by|using|via|since|because|follows)\b(?=[\s:])", re.IGNORECASE)
_RULE = re.compile(
    r"(?:[,;:—–]\s[A-Za-z ]{2,40}|\s[\[(](?:[A-Z]{2,4}|[A-Za-z]++(?: [A-Za-z]++){1,4})[\])])[\s,;:—–-]*\Z"
)
_LABEL = r"(?:p|(?:premises?|steps?|lines?)\s)?\s?[0-9]{1,4}"
_LABELS = rf"{_LABEL}(?:\s?(?:,\s?and|,|and|&|-|–|to)\s?{_LABEL})*+"
_BEHIND = re.compile(
    rf"(?:\s\s|\t|[;:–—]|,\s|--|//)\s*+(?P<reason>(?:[^\W\d]++[.:,]?\s){{0,4}}{_LABELS}(?:\s[^\W\d]++){{0,4}})\Z",
    re.IGNORECASE,
)
_REASON = re.compile(r"(?:[\w\s,;.&:'–-]|[→⇒⊃∧∨¬↔∀∃=](?=-?\s?(?:[EI]\b|elim|intro)))++")
_PREMISE = re.compile(
    r"(?:(?:by|from|as)\s)?(?:an?\s|the\s)?(?:premises?|given|assumptions?|hypothes[ie]s)", re.IGNORECASE
)
_PART = re.compile(r"(?P<word>[^\W\d_]++)|(?P<number>[0-9]{1,6})|(?P<dash>[-–])|\S")
_KINDS = {"p": "P", "premise": "P", "step": "", "line": ""}


def without_reason(line: str) -> tuple[str, str | None]:
    """The formula of a line, and what stands behind it as its reason; None where there is none.

    >>> without_reason("B [from P1, 2]"), without_reason("R(1, 2)"), without_reason("B by modus ponens, 1 and 2.")
    (('B', 'from P1, 2'), ('R(1, 2)', None), ('B', 'by modus ponens, 1 and 2'))
    """
    line = line.strip().rstrip(".;")
    word = next((found for found in _WORD.finditer(line) if found.start()), None)
    if word is not None:
        return _without_rule(line[: word.start()].rstrip(_DASHES + "[({")), line[word.start() :].rstrip(" \t.])}")
    bracketed = _bracketed(line)
    if bracketed is not None and not _says_where(bracketed[1]):  # a rule behind the labels, or another formula
        bracketed = _bracketed(bracketed[0])
    if bracketed is not None and _says_where(bracketed[1]):
        return _without_rule(bracketed[0]), bracketed[1]
    behind = _BEHIND.search(line, max(0, len(line) - _TAIL))
    if behind is not None and behind.start():
        return line[: behind.start()].rstrip(_DASHES), behind["reason"]
    return line, None


def _without_rule(body: str) -> str:
    rule = _RULE.search(body, max(0, len(body) - _TAIL))
    return body[: rule.start()] if rule else body


def _bracketed(line: str) -> tuple[str, str] | None:
    """What stands before the last bracket, and in it, where that can be a reason and is no list of arguments."""
    if line[-1:] not in _OPENING:
        return None
    body, bracket, rest = line.rpartition(_OPENING[line[-1]])
    glued = line[-1] == ")" and re.search(r"[\w'′’]\Z", body)
    if not bracket or not body.strip() or glued or not _REASON.fullmatch(rest[:-1]):
        return None
    return body.rstrip(_DASHES), rest[:-1].strip()


def _says_where(reason: str) -> bool:
    return bool(cited_labels(reason)) or says_premise(reason)


def says_premise(reason: str) -> bool:
    """Whether it says that the step is a premise, and not which."""
    return _PREMISE.fullmatch(reason.strip()) is not None


def cited_labels(reason: str) -> tuple[str, ...]:
    """The labels in a reason; those of premises begin with P, and other letters before a number stay.

    >>> cited_labels("from premises 1 and 3, step 2"), cited_labels("MP, P1-p3"), cited_labels("from A1")
    (('P1', 'P3', '2'), ('P1', 'P2', 'P3'), ('A1',))
    """
    found: list[str] = []
    kind, holds, word, dash, since = "", False, "", False, 0
    for part in _PART.finditer(reason):
        text = part.group()
        if part.lastgroup == "word":
            word, since = text.casefold(), part.end()
            if word.removesuffix("s") in _KINDS:
                kind, holds = _KINDS[word.removesuffix("s")], word.endswith("s")
            else:
                dash = word in ("to", "through")
        elif part.lastgroup == "number":
            glued = since == part.start() and word.removesuffix("s") not in _KINDS
            label = f"{word.upper()}{text}" if glued else f"{kind}{int(text)}"
            found += _range(found[-1], label) if dash and found else [label]
            kind, dash = kind if holds else "", False
        else:
            dash = part.lastgroup == "dash"
    return tuple(found)


def _range(first: str, last: str) -> list[str]:
    """The labels after the first up to the last, where both are of one kind."""
    kind = first.rstrip("0123456789")
    low, high = first[len(kind) :], last.removeprefix(kind)
    if not high.isdecimal() or not 0 < int(high) - int(low) <= _MOST_IN_RANGE:
        return [last]
    return [f"{kind}{number}" for number in range(int(low) + 1, int(high) + 1)]
