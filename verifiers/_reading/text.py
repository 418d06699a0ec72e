"""Words, sentences and paragraphs of a text, by fixed rules, so that every machine counts the same.

A word is a run of letters and digits; up to two apostrophes inside belong to it (don't), while hyphens, dots and
underscores divide. Invisible characters and combining marks neither divide nor count.

A sentence ends at `.`, `!`, `?`, `…` or their like in other scripts, closing quotes included, before white space or the
end of the text, and at the end of a block: a blank line, or before a list item or a heading. A dot does not end one
after a title (Dr.), a single letter (J.), a number that begins a block (1.), nor, before a lower-case word, after
another common abbreviation (e.g.). A sentence holds a word.

Every scan is linear.
"""

from __future__ import annotations

import functools
import re
import unicodedata

__all__ = ["fold", "has_word", "is_copied", "occurrences", "paragraphs", "plain", "sentences", "words"]

_WORD = re.compile(r"[^\W_]++(?:['’][^\W_]++){0,2}+")
_END = re.compile(r"(?<![.!?…؟।॥])[.!?…؟।॥]++[\"'”’»)\]*_]*+(?=\s|\Z)|[。！？]++[\"'”’」』）]*+")
_BLOCK = re.compile(r"\n[^\S\n]*+(?=\n|[*+•-]\s|\d{1,3}[.)]\s|#{1,6}\s)")
_NUMBER = re.compile(r"\s*+(?:[*+•#-]++\s++)?\d{1,3}+\Z")
_TITLES = frozenset(("mr", "mrs", "ms", "dr", "prof", "st", "jr", "sr", "rev", "gen", "col", "sgt", "capt", "vs", "no"))
_MIN_COPIED = 5
_SHORT = frozenset(("e.g", "i.e", "etc", "a.m", "p.m", "u.s", "u.k", "inc", "ltd", "co", "fig", "approx", "al", "cf"))


def plain(text: str) -> str:
    """Composed characters, straight apostrophes, and nothing invisible.

    >>> plain("it\u2019s se\u200bcret")
    "it's secret"
    """
    text = unicodedata.normalize("NFC", text).replace("’", "'")
    return _without(text, ("Cf",))


@functools.lru_cache(maxsize=16)  # the checks of one reply all fold it
def fold(text: str) -> str:
    r"""`plain`, without case, width variants and runs of white space.

    >>> fold(" Ｈello\n  WORLD ")
    'hello world'
    """
    return " ".join(plain(unicodedata.normalize("NFKC", text)).casefold().split())


def words(text: str) -> list[str]:
    """The words, as written.

    >>> words("Don't re-use snake_case, 2.5 times.")
    ["Don't", 're', 'use', 'snake', 'case', '2', '5', 'times']
    """
    return _WORD.findall(_without(plain(text), ("Mn", "Mc", "Me")))


def has_word(text: str) -> bool:
    """Whether there is at least one letter or digit."""
    return _WORD.search(text) is not None


def sentences(text: str) -> list[str]:
    r"""The sentences, as written.

    >>> sentences("Dr. No met J. Bond at 5 p.m. in 3.5 cars. Really?! Yes, e.g. here.")
    ['Dr. No met J. Bond at 5 p.m. in 3.5 cars.', 'Really?!', 'Yes, e.g. here.']
    >>> sentences("# A title\n1. One thing\n2. Two things. Three")
    ['# A title', '1. One thing', '2. Two things.', 'Three']
    """
    return [said.strip() for block in _BLOCK.split(plain(text)) for said in _split(block) if has_word(said)]


def _split(block: str) -> list[str]:
    found, start = [], 0
    for match in _END.finditer(block):
        if not _goes_on(block, start, match):
            found.append(block[start : match.end()])
            start = match.end()
    return [*found, block[start:]]


def _goes_on(block: str, start: int, match: re.Match[str]) -> bool:
    """Whether a dot belongs to the word before it."""
    if match.group() != ".":
        return False
    before = block[max(start, match.start() - 12) : match.start()]
    last = (before.split() or [""])[-1].lstrip("(\"'“*_[")
    if start == 0 and match.start() <= len(before) and _NUMBER.fullmatch(before):
        return True
    if last.casefold() in _TITLES or (len(last) == 1 and last.isalpha() and last != "I"):
        return True
    return last.casefold() in _SHORT and block[match.end() : match.end() + 2].strip()[:1].islower()


def paragraphs(text: str) -> list[str]:
    r"""What blank lines divide, blocks without a word left out.

    >>> paragraphs("one\nline\n \n\ntwo")
    ['one\nline', 'two']
    """
    blocks, lines = [], list[str]()
    for line in [*text.splitlines(), ""]:
        if line.strip():
            lines.append(line)
        elif lines:
            blocks.append("\n".join(lines))
            lines = []
    return [block for block in blocks if has_word(block)]


def occurrences(text: str, phrase: str) -> int:
    r"""How often a phrase stands in a text as whole words, whatever the case.

    >>> occurrences("War and warfare: WAR, post-war, _war_.", "war"), occurrences("New\nYork", "new york")
    (4, 1)
    """
    return len(_phrase(fold(phrase)).findall(fold(text)))


@functools.lru_cache(maxsize=1024)
def _phrase(folded: str) -> re.Pattern[str]:
    """Ends of the phrase that are letters or digits must be ends of words."""
    before = r"(?<![^\W_])" if folded[:1].isalnum() else ""
    after = r"(?![^\W_])" if folded[-1:].isalnum() else ""
    return re.compile(before + re.escape(folded) + after)


def is_copied(said: str, source: str) -> bool:
    """Whether a text is the source, or five or more words of it in a row and nothing else.

    >>> source = "Say in five words or more what a cow is."
    >>> is_copied("say in five words  or more", source), is_copied("a cow", source), is_copied("a cow moos", source)
    (True, False, False)
    """
    said, source = fold(said), fold(source)
    return bool(said) and (said == source or (len(words(said)) >= _MIN_COPIED and said in source))


def _without(text: str, categories: tuple[str, ...]) -> str:
    if text.isascii():
        return text
    return text.translate({ord(c): None for c in set(text) if unicodedata.category(c) in categories})
