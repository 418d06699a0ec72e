"""Search by BM25 in Lucene's form through `bm25s`.

`bm25s` needs numpy alone and scores all documents at once; `tantivy` was the other candidate: it is as fast to build,
slower to ask for fifty results of ten thousand, and a binary of five megabytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from agentrl.envs._search.scores import best_positions
from agentrl.errors import MissingExtraError

__all__ = ["BM25", "STOP_WORDS"]

_STOP_WORDS = (
    "a an and are as at be but by for if in into is it no not of on or such that the their then there these they "
    "this to was will with"
)
STOP_WORDS = frozenset(_STOP_WORDS.split())
"""Lucene's for English."""


class BM25:
    """Texts, searched by their words.

    Args:
        texts: What is searched.
        words: From a text or a query to the words that count.
        k1: How much a word counts for that a text repeats.
        b: How much longer texts lose, 0 to 1.
        max_words: Different words of a query that count, the first ones that a text has; None counts every word, as
            often as it stands.

    Raises:
        MissingExtraError: `bm25s` is not installed.
    """

    def __init__(
        self,
        texts: Sequence[str],
        words: Callable[[str], list[str]],
        *,
        k1: float,
        b: float,
        max_words: int | None = None,
    ) -> None:
        try:
            import bm25s  # type: ignore[import-untyped,import-not-found,unused-ignore]
        except ImportError:
            raise MissingExtraError("searching by words needs bm25s: pip install 'agentrl[shop]'") from None
        self._words, self._max_words = words, max_words
        listed = [words(text) for text in texts]
        self._known = frozenset(word for found in listed for word in found)
        self._index = bm25s.BM25(method="lucene", k1=k1, b=b)
        if self._known:
            self._index.index(listed, show_progress=False)

    def best(self, query: str, k: int) -> list[int]:
        """The positions of the best texts that share a word with the query, best first, equal ones in order."""
        words = [word for word in self._words(query) if word in self._known]
        if self._max_words is not None:
            words = list(dict.fromkeys(words))[: self._max_words]
        return best_positions(self._index.get_scores(words), k) if words else []
