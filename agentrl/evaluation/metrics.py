"""Metrics of one task's samples: pass@k, pass^k and majority vote.

Each takes the outcome of n samples of one task; a mean over tasks is `stats.interval`'s work. An episode
without a score never gets here: `summary.summarise` drops its group and counts it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from agentrl.errors import UsageError

__all__ = ["maj_at_k", "pass_at_k", "pass_hat_k"]


def pass_at_k(n: int, c: int, k: int) -> float:
    """Chance that at least one of k samples, drawn from n without replacement, is among the c correct ones.

    pass@k = 1 - C(n-c, k) / C(n, k) = 1 - prod_{i=n-c+1..n} (1 - k/i), the unbiased estimate from n samples
    (Chen et al. 2021, arXiv 2107.03374, eq. 1 and its stable form).

    Raises:
        UsageError: Not 1 <= k <= n, or c is not among 0..n.

    Two of four are correct: C(2, 2) / C(4, 2) = 1/6 of the pairs have none.

    >>> round(pass_at_k(4, 2, 2), 6)
    0.833333
    """
    _check(n, c, k)
    if n - c < k:
        return 1.0
    return 1.0 - float(np.prod(1.0 - k / np.arange(n - c + 1, n + 1)))


def pass_hat_k(n: int, c: int, k: int) -> float:
    """Chance that all of k samples, drawn from n without replacement, are correct: reliability.

    pass^k = C(c, k) / C(n, k) = prod_{i=0..k-1} (c - i) / (n - i)  (tau-bench, arXiv 2406.12045).

    Raises:
        UsageError: Not 1 <= k <= n, or c is not among 0..n.

    Three of four are correct: C(3, 2) / C(4, 2) = 3/6.

    >>> pass_hat_k(4, 3, 2)
    0.5
    """
    _check(n, c, k)
    if c < k:
        return 0.0
    return float(np.prod((c - np.arange(k)) / (n - np.arange(k))))


def maj_at_k(answers: Sequence[str | None], correct: Sequence[bool], k: int) -> float:
    """Share of the disjoint runs of k samples whose most frequent answer is correct.

    A sample without an answer has no vote; the answer seen first wins a tie;
    samples past the last whole run are left out.

    Raises:
        UsageError: Not 1 <= k <= number of samples.

    Two runs of three: "7" wins the first, "8" the second by being seen first.

    >>> maj_at_k(["7", "8", "7", "8", "7", None], [True, False, True, False, True, False], 3)
    0.5
    """
    _check(len(answers), sum(correct), k)
    starts = range(0, len(answers) - k + 1, k)
    return sum(_vote(answers[i : i + k], correct[i : i + k]) for i in starts) / len(starts)


def _vote(answers: Sequence[str | None], correct: Sequence[bool]) -> bool:
    given = [a for a in answers if a is not None]
    if not given:
        return False
    winner = max(given, key=given.count)  # max keeps the first of equals
    return correct[answers.index(winner)]


def _check(n: int, c: int, k: int) -> None:
    if not 1 <= k <= n:
        raise UsageError(f"k must be in 1..{n} (the samples a task), got {k}; draw more samples or lower k")
    if not 0 <= c <= n:
        raise UsageError(f"the correct samples must be in 0..{n}, got {c}")
