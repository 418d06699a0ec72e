"""Which language a text is in, by py3langid (naive Bayes over byte n-grams): no randomness, no state.

A text is read in chunks of about 200 characters, so that half a reply in another language shows. Chunks that hold at
least 80% of the letters must be in the language, each with a probability of at least 0.5. A text of under 20 letters
is in no language.
"""

from __future__ import annotations

import functools
from typing import Any

from agentrl.errors import MissingExtraError

__all__ = ["LANGUAGES", "identifier", "is_in"]

_CODES = """
af am an ar as az be bg bn br bs ca cs cy da de el en eo es et eu fa fi fo fr ga gl gu he hi hr ht hu hy id is it ja ka
kk km kn ko ku ky la lb lo lt lv mg mk ml mn mr ms mt ne nl nn no oc or pa pl ps pt qu ro ru rw se si sk sl sq sr sv sw
ta te th tl tr ug uk ur uz vi vo wa xh zh zu
"""
LANGUAGES = frozenset(_CODES.split())
"""ISO 639-1 codes that can be told apart."""

_VARIETIES = {"ar": ("ary", "arz"), "no": ("nn",), "nn": ("no",), "uz": ("uzs",), "zh": ("wuu", "yue")}
_MIN_LETTERS = 20
_CHUNK = 200
_MIN_SHARE = 0.8
_MIN_PROBABILITY = 0.5


def is_in(text: str, language: str) -> bool:
    """Whether a text is in a language.

    Raises:
        MissingExtraError: py3langid is not installed.
    """
    chunks = [(part, sum(c.isalpha() for c in part)) for part in _chunks(text)]
    letters = sum(count for _, count in chunks)
    if letters < _MIN_LETTERS:
        return False
    names = (language, *_VARIETIES.get(language, ()))
    return sum(count for part, count in chunks if _detect(part, names)) >= _MIN_SHARE * letters


def _chunks(text: str) -> list[str]:
    """Whole words up to about `_CHUNK` characters; what is left at the end joins the last one if it is short."""
    chunks, current = [], ""
    for word in text.split():
        for start in range(0, len(word), _CHUNK):  # scripts without spaces
            current = f"{current} {word[start : start + _CHUNK]}".strip()
            if len(current) >= _CHUNK:
                chunks.append(current)
                current = ""
    if chunks and len(current) < _CHUNK / 2:
        return [*chunks[:-1], f"{chunks[-1]} {current}".strip()]
    return [*chunks, current]


def _detect(text: str, names: tuple[str, ...]) -> bool:
    found, probability = identifier().classify(text.lower())
    return found in names and probability >= _MIN_PROBABILITY


@functools.cache
def identifier() -> Any:
    """The detector, loaded once.

    Raises:
        MissingExtraError: py3langid is not installed.
    """
    try:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier
    except ImportError as error:
        raise MissingExtraError("to detect languages: pip install 'agentrl[text]'") from error
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
