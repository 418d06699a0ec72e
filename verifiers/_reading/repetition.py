"""How much of a sequence repeats itself: of words, of token ids."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

__all__ = ["repeated_share"]


def repeated_share(items: Sequence[Hashable], n: int) -> float:
    r"""$1 - u / t$ with $u$ different n-grams among all $t$; 0 where the sequence is shorter than $n$.

    A loop of any period that runs $k$ times gives about $1 - 1/k$.

    >>> repeated_share([5, 5, 5, 5, 5], 2), repeated_share("abcabc", 3), repeated_share([5], 2)
    (0.75, 0.25, 0.0)
    """
    if n < 1:
        raise ValueError(f"n must be at least 1, got {n}")
    total = len(items) - n + 1
    if total < 1:
        return 0.0
    return 1.0 - len({tuple(items[i : i + n]) for i in range(total)}) / total
