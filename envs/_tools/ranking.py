"""BM25 over the words of documents, and the ranking that a few queries make together."""

from __future__ import annotations

import importlib
import itertools
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from agentrl.errors import MissingExtraError

__all__ = ["Index", "read_queries"]

MAX_QUERIES = 4
MAX_CHARS = 300
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_WORD = re.compile(r"[^\W_]+")


class Index:
    """Documents by id, searched by their words (BM25 as in Lucene; k1 1.5, b 0.75).

    Args:
        documents: Texts by id.

    Raises:
        MissingExtraError: `bm25s` is not installed.
    """

    def __init__(self, documents: Mapping[str, str]) -> None:
        try:
            bm25s: Any = importlib.import_module("bm25s")
            stopwords: Any = importlib.import_module("bm25s.stopwords")
        except ImportError as error:
            raise MissingExtraError("searching tools needs `bm25s`: pip install 'agentrl[shop]'") from error
        self._stopwords = frozenset(stopwords.STOPWORDS_EN)
        self.ids = tuple(documents)
        words = [self._words(text) for text in documents.values()]
        self._known = frozenset(itertools.chain.from_iterable(words))
        self._scorer = bm25s.BM25(method="lucene")
        self._scorer.index(words, show_progress=False)

    def search(self, query: str, k: int) -> list[str]:
        """The ids of the best documents that share a word with the query, ties in the order of the documents."""
        words = [word for word in self._words(query) if word in self._known]
        if not words:
            return []
        scores = np.asarray(self._scorer.get_scores(words))
        best = np.argsort(-scores, kind="stable")[:k]
        return [self.ids[i] for i in best if scores[i] > 0]

    def rank(self, queries: Sequence[str], k: int) -> list[str]:
        """The best of each query in turn, each document once."""
        rounds = itertools.zip_longest(*(self.search(query, k) for query in queries))
        return list(dict.fromkeys(id for ids in rounds for id in ids if id is not None))[:k]

    def _words(self, text: str) -> list[str]:
        return [word for word in _WORD.findall(_CAMEL.sub(" ", text).lower()) if word not in self._stopwords]


def read_queries(text: str) -> list[str] | None:
    r"""The queries of a reply, one a line; None where they are too many or too long.

    >>> read_queries("fleet invoice\n\n hotel shift "), read_queries("a\n" * 5)
    (['fleet invoice', 'hotel shift'], None)
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) > MAX_QUERIES or any(len(line) > MAX_CHARS for line in lines):
        return None
    return lines
