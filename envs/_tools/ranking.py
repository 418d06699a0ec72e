"""Tools by id in a search engine, and the ranking that a few queries make together."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agentrl.envs._search.bm25 import BM25, STOP_WORDS
from agentrl.envs._search.embedders import find_embedder
from agentrl.envs._search.scores import Engine
from agentrl.envs._search.vectors import Vectors

__all__ = ["Index", "by_vectors", "by_words", "read_queries"]

MAX_QUERIES = 4
MAX_CHARS = 300
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Index:
    """Documents by id, in an engine that has them in the order of the ids."""

    ids: tuple[str, ...]
    engine: Engine

    def search(self, query: str, k: int) -> list[str]:
        """The ids of the best documents, ties in the order of the documents."""
        return [self.ids[position] for position in self.engine.best(query, k)]

    def rank(self, queries: Sequence[str], k: int) -> list[str]:
        """The best of each query in turn, each document once."""
        rounds = itertools.zip_longest(*(self.search(query, k) for query in queries))
        return list(dict.fromkeys(id for ids in rounds for id in ids if id is not None))[:k]


def by_words(documents: Mapping[str, str]) -> Index:
    """Documents, searched by BM25 (k1 1.5, b 0.75).

    Raises:
        MissingExtraError: `bm25s` is not installed.
    """
    return Index(tuple(documents), BM25(list(documents.values()), _words, k1=1.5, b=0.75))


def by_vectors(documents: Mapping[str, str], embedder: str) -> Index:
    """Documents, searched by the cosine of an embedder's vectors.

    Raises:
        ConfigError: There is no such embedder, or it gives no vectors.
        MissingExtraError: What it needs is not installed.
    """
    return Index(tuple(documents), Vectors(list(documents.values()), find_embedder(embedder), name=embedder))


def _words(text: str) -> list[str]:
    return [word for word in _WORD.findall(_CAMEL.sub(" ", text).lower()) if word not in STOP_WORDS]


def read_queries(text: str) -> list[str] | None:
    r"""The queries of a reply, one a line; None where they are too many or too long.

    >>> read_queries("fleet invoice\n\n hotel shift "), read_queries("a\n" * 5)
    (['fleet invoice', 'hotel shift'], None)
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) > MAX_QUERIES or any(len(line) > MAX_CHARS for line in lines):
        return None
    return lines
