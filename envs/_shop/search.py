"""The shop's search: BM25 with the parameters that WebShop's Lucene has (k1 = 0.9, b = 0.4)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agentrl.envs._search.bm25 import BM25, STOP_WORDS

__all__ = ["RESULTS", "Search", "tokens"]

RESULTS = 50
"""Most results of a search, as in WebShop."""
MAX_TOKENS = 64
"""Different words of a search that count, the first ones."""
_WORD = re.compile(r"[a-z0-9]+")


def tokens(text: str) -> list[str]:
    """The words that count, in lower case, without a plural s.

    >>> tokens("Women's Dresses with the USB-C glass")
    ['women', 's', 'dresse', 'usb', 'c', 'glass']
    """
    return [_singular(word) for word in _WORD.findall(text.lower()) if word not in STOP_WORDS]


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


class Search:
    """An index of texts.

    Raises:
        MissingExtraError: bm25s is not installed.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self._index = BM25(texts, tokens, k1=0.9, b=0.4, max_words=MAX_TOKENS)

    def best(self, text: str) -> list[int]:
        """The positions of the texts that share a word with the searched one, best first, equal ones in order."""
        return self._index.best(text, RESULTS)
