"""From the scores of texts to the best of them, whatever engine gave the scores."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Engine", "best_positions"]


class Engine(Protocol):
    """Texts that can be searched."""

    def best(self, query: str, k: int) -> list[int]:
        """The positions of at most `k` texts, best first."""
        ...


def best_positions(scores: NDArray[Any], k: int) -> list[int]:
    """The positions of the `k` highest scores above zero, highest first, equal ones in order.

    >>> best_positions(np.array([1.0, 0.0, 2.0, 1.0]), 2), best_positions(np.array([1.0, 0.0, 2.0, 1.0]), 9)
    ([2, 0], [2, 0, 3])
    """
    least = np.partition(scores, -k)[-k] if len(scores) > k else 0.0  # sorting a few is quicker than sorting all
    hits = np.flatnonzero((scores >= least) & (scores > 0))
    order = hits[np.argsort(-scores[hits], kind="stable")][:k]
    return [int(index) for index in order]
