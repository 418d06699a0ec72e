"""Instructions on what is said: keywords, lengths, language, case, beginnings and ends.

Each check returns what is wrong, or the empty string.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentrl.verifiers._instructions import language
from agentrl.verifiers._instructions.parameters import compare
from agentrl.verifiers._reading import text

__all__ = [
    "capital_words",
    "end_phrase",
    "first_word",
    "forbidden",
    "keyword_count",
    "keywords",
    "letter_count",
    "lowercase",
    "no_comma",
    "quotation",
    "response_language",
    "sentence_count",
    "uppercase",
    "word_count",
]

Args = Mapping[str, Any]

_COMMAS = frozenset(",，、،﹐﹑︐︑､⸲⹁‚")
_CLOSING = "\"'”’»*_ \t\n\r"
_QUOTES = {'"': '"', "“": "”"}


def keywords(reply: str, args: Args) -> str:
    """Every keyword occurs."""
    missing = sum(not text.occurrences(reply, keyword) for keyword in args["keywords"])
    return f"{missing} of {len(args['keywords'])} keywords do not occur" if missing else ""


def keyword_count(reply: str, args: Args) -> str:
    """A keyword occurs so often."""
    return _counted(text.occurrences(reply, args["keyword"]), args["relation"], args["frequency"], "occurrences")


def forbidden(reply: str, args: Args) -> str:
    """No forbidden word occurs."""
    found = sum(text.occurrences(reply, word) > 0 for word in args["forbidden_words"])
    return f"{found} forbidden words occur" if found else ""


def letter_count(reply: str, args: Args) -> str:
    """A character occurs so often, in either case."""
    found = text.plain(reply).lower().count(args["letter"].lower())
    return _counted(found, args["let_relation"], args["let_frequency"], "occurrences")


def word_count(reply: str, args: Args) -> str:
    """There are so many words."""
    return _counted(len(text.words(reply)), args["relation"], args["num_words"], "words")


def sentence_count(reply: str, args: Args) -> str:
    """There are so many sentences."""
    return _counted(len(text.sentences(reply)), args["relation"], args["num_sentences"], "sentences")


def first_word(reply: str, args: Args) -> str:
    """There are so many paragraphs, and one of them begins with a word."""
    found = text.paragraphs(reply)
    if len(found) != args["num_paragraphs"]:
        return f"there are {len(found)} paragraphs"
    wanted = [word.casefold() for word in text.words(args["first_word"])]
    begins = [word.casefold() for word in text.words(found[args["nth_paragraph"] - 1])[: len(wanted)]]
    return "" if begins == wanted else f"paragraph {args['nth_paragraph']} begins with another word"


def response_language(reply: str, args: Args) -> str:
    """All of it is in a language."""
    return "" if language.is_in(reply, args["language"]) else "it is too short, or not in the language"


def uppercase(reply: str, args: Args) -> str:
    """English without a small letter."""
    if any(c.islower() or c != c.upper() for c in reply):
        return "there are small letters"
    return "" if language.is_in(reply, "en") else "it is too short, or not in English"


def lowercase(reply: str, args: Args) -> str:
    """English without a capital letter."""
    if any(c.isupper() or c != c.lower() for c in reply):
        return "there are capital letters"
    return "" if language.is_in(reply, "en") else "it is too short, or not in English"


def capital_words(reply: str, args: Args) -> str:
    """There are so many words of at least two letters, all capital."""
    found = sum(word.isupper() and sum(c.isalpha() for c in word) > 1 for word in text.words(reply))
    return _counted(found, args["capital_relation"], args["capital_frequency"], "words in capital letters")


def no_comma(reply: str, args: Args) -> str:
    """No comma of any script, nor the low quotation mark that looks like one."""
    found = sum(c in _COMMAS for c in reply)
    return f"there are {found} commas" if found else ""


def end_phrase(reply: str, args: Args) -> str:
    """Nothing follows the phrase but closing quotes and emphasis; it is whole words."""
    said, phrase = (
        text.fold(reply.rstrip(_CLOSING)),
        text.fold(args["end_phrase"].strip(_CLOSING) or args["end_phrase"]),
    )
    before = said[: -len(phrase)][-1:]
    if said.endswith(phrase) and not (before.isalnum() and phrase[0].isalnum()):
        return ""
    return "it does not end with the phrase"


def quotation(reply: str, args: Args) -> str:
    """One pair of double quotation marks holds everything."""
    said = reply.strip()
    if len(said) > 1 and _QUOTES.get(said[0]) == said[-1] and text.has_word(said):
        return ""
    return "it is not inside double quotation marks"


def _counted(found: int, relation: str, wanted: int, what: str) -> str:
    return "" if compare(found, relation, wanted) else f"there are {found} {what}"
