"""Search by BM25 through `bm25s`, with the parameters that WebShop's Lucene has (k1 = 0.9, b = 0.4).

`bm25s` needs numpy alone and scores all documents at once; `tantivy` was the other candidate: it is as fast to build,
slower to ask for fifty results of ten thousand, and a binary of five megabytes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from agentrl.errors import MissingExtraError

__all__ = ["RESULTS", "Search", "tokens"]

RESULTS = 50
"""Most results of a search, as in WebShop."""
MAX_TOKENS = 64
"""Different words of a search that count, the first ones."""
_WORD = re.compile(r"[a-z0-9]+")
_STOP_WORDS = (
    "a an and are as at be but by for if in into is it no not of on or such that the their then there these they "
    "this to was will with"
)
"""Lucene's for English."""
_STOP = frozenset(_STOP_WORDS.split())


def tokens(text: str) -> list[str]:
    """The words that count, in lower case, without a plural s.

    >>> tokens("Women's Dresses with the USB-C glass")
    ['women', 's', 'dresse', 'usb', 'c', 'glass']
    """
    return [_singular(word) for word in _WORD.findall(text.lower()) if word not in _STOP]


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


class Search:
    """An index of texts.

    Raises:
        MissingExtraError: bm25s is not installed.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        try:
            from bm25s import BM25  # type: ignore[import-untyped,import-not-found,unused-ignore]
        except ImportError:
            raise MissingExtraError("the shop's search needs bm25s: pip install 'agentrl[shop]'") from None
        listed = [tokens(text) for text in texts]
        self._known = {word for words in listed for word in words}
        self._index = BM25(method="lucene", k1=0.9, b=0.4)
        if self._known:
            self._index.index(listed, show_progress=False)

    def best(self, text: str) -> list[int]:
        """The positions of the texts that share a word with the searched one, best first, equal ones in order."""
        words = [word for word in dict.fromkeys(tokens(text)) if word in self._known][:MAX_TOKENS]
        if not words:
            return []
        scores = self._index.get_scores(words)
        least = np.partition(scores, -RESULTS)[-RESULTS] if len(scores) > RESULTS else 0.0
        hits = np.flatnonzero((scores >= least) & (scores > 0))
        order = hits[np.argsort(-scores[hits], kind="stable")][:RESULTS]
        return [int(index) for index in order]
