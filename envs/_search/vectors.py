"""Search by the cosine between the vector of a query and those of all texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agentrl.envs._search.scores import best_positions
from agentrl.errors import ConfigError

__all__ = ["Embed", "Vectors"]

Embed = Callable[[list[str]], Any]
"""From texts to an array with one row for each."""
_DECIMALS = 6
"""Cosines that agree so far are equal: how a product is rounded depends on the machine and on a text's place."""


class Vectors:
    """Texts, searched by their vectors; every text is compared.

    Args:
        texts: What is searched.
        embed: Gives their vectors, at once and only here, and that of each query.
        name: What errors call `embed`.

    Raises:
        ConfigError: `embed` gives no vectors.

    >>> letters = lambda texts: [[text.count("a"), text.count("b")] for text in texts]
    >>> Vectors(["a", "b", "aab", "aabaab"], letters, name="letters").best("aaab", 3)  # cosines 0.95, 0.32, 0.99, 0.99
    [2, 3, 0]
    """

    def __init__(self, texts: Sequence[str], embed: Embed, *, name: str) -> None:
        self._embed, self._name = embed, name
        self._rows = self._directions([_encodable(text) for text in texts])

    def best(self, query: str, k: int) -> list[int]:
        """The positions of the nearest texts whose cosine is above zero, nearest first, equal ones in order.

        Raises:
            ConfigError: The query's vector is not like those of the texts.
        """
        if not query.strip():
            return []
        (direction,) = self._directions([_encodable(query)])
        if len(direction) != self._rows.shape[1]:
            raise ConfigError(f"{self._must()}: {self._rows.shape[1]} numbers for a text, {len(direction)} for a query")
        # Not `@`: so small a product in several threads waits for all of them, long where other processes run.
        cosines = np.einsum("ij,j->i", self._rows, direction)
        return best_positions(np.round(cosines, _DECIMALS), k)

    def _directions(self, texts: list[str]) -> NDArray[np.float64]:
        """Vectors of length 1; one without a direction stays zero, and is near to nothing."""
        given = self._embed(texts)
        try:
            rows = np.asarray(given, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise ConfigError(
                f"{self._must()}; got {type(given).__name__}: {str(error).partition(chr(10))[0]}"
            ) from error
        if rows.ndim != 2 or len(rows) != len(texts) or not rows.shape[1]:
            raise ConfigError(f"{self._must()}; got the shape {rows.shape} for {len(texts)} texts")
        if not np.isfinite(rows).all():
            row = int(np.flatnonzero(~np.isfinite(rows).all(axis=1))[0])
            raise ConfigError(f"{self._must()}; got nan or infinity for {texts[row][:60]!r}")
        length = np.linalg.norm(rows, axis=1, keepdims=True)
        directions: NDArray[np.float64] = np.divide(rows, length, out=np.zeros_like(rows), where=length > 0)
        return directions

    def _must(self) -> str:
        return f"the embedder {self._name!r} must give one row of finite numbers a text, all rows of one length"


def _encodable(text: str) -> str:
    """A text that every tokenizer takes: half a surrogate pair, which a reply may hold, becomes a question mark."""
    return text.encode("utf-8", "replace").decode()
