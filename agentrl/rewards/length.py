r"""Terms of length: n is the number of tokens that the policy drew.

`overlong` takes from replies near the window's end. `cosine` pays right answers for being short. `length_cost` takes
from short ones, so that thinking longer pays; it and `cosine` are not to be used together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from agentrl.errors import ConfigError
from agentrl.rewards.terms import Term
from agentrl.rewards.views import drawn_ids
from agentrl.types import Rollout

__all__ = ["Cosine", "cosine", "cosine_term", "length_cost", "length_cost_term", "overlong", "overlong_term"]


def overlong(n: int, *, limit: int, cache: int) -> float:
    r"""Soft punishment of length, in [-1, 0].

    0 up to $L - C$, then $(L - C - n) / C$ down to -1 at $L$, and -1 beyond; $L$ is `limit`, $C$ is `cache`.

    Source: DAPO, Yu et al. 2025 (arXiv 2503.14476).

    >>> [overlong(n, limit=100, cache=20) for n in (80, 90, 100, 101)]
    [0.0, -0.5, -1.0, -1.0]
    >>> [overlong(n, limit=100, cache=0) for n in (100, 101)]
    [0.0, -1.0]
    """
    _check_window(limit, cache)
    if n <= limit - cache:
        return 0.0
    return -1.0 if n > limit else (limit - cache - n) / cache


def overlong_term(*, limit: int, cache: int) -> Term:
    """`overlong` of the tokens drawn."""
    _check_window(limit, cache)
    return Term("overlong", -1.0, 0.0, lambda rollout: overlong(len(drawn_ids(rollout)), limit=limit, cache=cache))


def _check_window(limit: int, cache: int) -> None:
    if not 0 <= cache <= limit or limit < 1:
        raise ConfigError(f"overlong needs 0 <= cache <= limit and limit >= 1; got cache {cache}, limit {limit}")


def cosine(n: int, limit: int, *, at_zero: float, at_limit: float) -> float:
    r"""Half a cosine from one value to another: $b + (a - b)(1 + \cos(\pi \min(n/L, 1))) / 2$.

    Source: Yeo et al. 2025 (arXiv 2502.03373).

    >>> [round(cosine(n, 100, at_zero=2, at_limit=1), 6) for n in (0, 25, 50, 75, 100, 200)]
    [2.0, 1.853553, 1.5, 1.146447, 1.0, 1.0]
    """
    if limit < 1:
        raise ConfigError(f"limit must be at least 1, got {limit}")
    return at_limit + (at_zero - at_limit) * (1 + math.cos(math.pi * min(max(n, 0) / limit, 1.0))) / 2


@dataclass(frozen=True, slots=True)
class Cosine:
    """The cosine of length for right and wrong answers.

    Differs from the source: no penalty at the window's end unless `exceeded` is given, and values of at most 1.

    Attributes:
        limit: Length at which the values end.
        correct: A right answer's values at length 0 and at the limit: shorter is better.
        wrong: A wrong answer's: longer is less bad, *which pays for padding*: use it with `overlong`.
        exceeded: The value within `margin` tokens of the limit and beyond, whatever the answer.
        margin: See `exceeded`.

    >>> Cosine(100).value(50, "correct"), Cosine(100).value(50, "wrong"), Cosine(100, exceeded=-1).value(84, "correct")
    (0.75, -0.75, -1.0)
    """

    limit: int
    correct: tuple[float, float] = (1.0, 0.5)
    wrong: tuple[float, float] = (-1.0, -0.5)
    exceeded: float | None = None
    margin: int = 16

    def value(self, n: int, outcome: Literal["correct", "wrong"]) -> float:
        """The value at a length."""
        if self.exceeded is not None and n >= self.limit - self.margin:
            return float(self.exceeded)
        at_zero, at_limit = self.correct if outcome == "correct" else self.wrong
        return cosine(n, self.limit, at_zero=at_zero, at_limit=at_limit)


def cosine_term(values: Cosine) -> Term:
    """`Cosine` of the tokens drawn.

    Where long wrong answers are less bad than short ones and nothing ends that, it needs the term `overlong`.
    """
    if values.limit < 1:
        raise ConfigError(f"limit must be at least 1, got {values.limit}")

    def value(rollout: Rollout) -> float:
        verdict = rollout.verdict
        right = verdict is not None and verdict.success
        return values.value(len(drawn_ids(rollout)), "correct" if right else "wrong")

    ends = [*values.correct, *values.wrong, *(() if values.exceeded is None else (values.exceeded,))]
    pays_padding = values.wrong[1] > values.wrong[0] and values.exceeded is None
    needs = ("overlong",) if pays_padding else ()
    return Term("cosine", min(ends), max(ends), value, needs=needs, excludes=("length_cost",))


def length_cost(n: int, *, cost: float, floor: float = -2.0) -> float:
    r"""$\max(f, -c / n)$: a cost that longer replies bring towards 0. In [floor, 0].

    Source: RLSP, Ye et al. 2025 (arXiv 2502.06773). Differs from the source: the floor; theirs has no bound as $n$
    falls, and they count characters divided by four.

    >>> [1 + length_cost(n, cost=1000) for n in (500, 1000, 2000, 4000)], length_cost(100, cost=1000)
    ([-1.0, 0.0, 0.5, 0.75], -2.0)
    """
    if cost < 0 or floor > 0:
        raise ConfigError(f"length_cost needs cost >= 0 and floor <= 0; got cost {cost}, floor {floor}")
    return max(floor, -cost / n) if n > 0 else floor


def length_cost_term(*, cost: float, floor: float = -1.0) -> Term:
    """`length_cost` of the tokens drawn."""
    length_cost(1, cost=cost, floor=floor)
    return Term(
        "length_cost",
        floor,
        0.0,
        lambda rollout: length_cost(len(drawn_ids(rollout)), cost=cost, floor=floor),
        excludes=("cosine",),
    )
