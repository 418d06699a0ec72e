"""Who belongs to whom: perfect matchings, matchings that keep an order, and the best assignment.

`edges[i]` are the right-hand indices that left-hand item i may have. Overlapping choices are searched through, not
taken greedily: of `[[0, 1], [0]]` the first item must give way.
"""

from __future__ import annotations

import graphlib
from collections.abc import Collection, Sequence

__all__ = ["assignment", "ordered_matching", "perfect_matching", "topological"]

Pairs = Collection[tuple[int, int]]
MAX_STEPS = 20_000


def perfect_matching(edges: Sequence[Collection[int]]) -> list[int] | None:
    """A right-hand index for each left-hand item, no two alike; None where there is none (Kuhn 1955).

    >>> perfect_matching([[0, 1], [0]]), perfect_matching([[0], [0]])
    ([1, 0], None)
    """
    owner: dict[int, int] = {}

    def augment(left: int, seen: set[int]) -> bool:
        for right in edges[left]:
            if right not in seen:
                seen.add(right)
                if right not in owner or augment(owner[right], seen):
                    owner[right] = left
                    return True
        return False

    if not all(augment(left, set()) for left in range(len(edges))):
        return None
    found = [0] * len(edges)
    for right, left in owner.items():
        found[left] = right
    return found


def topological(count: int, before: Pairs) -> list[int]:
    """The items 0 to count - 1 in an order that keeps every pair (earlier, later).

    Raises:
        graphlib.CycleError: There is none.
    """
    graph: dict[int, set[int]] = {item: set() for item in range(count)}
    for earlier, later in before:
        graph[later].add(earlier)
    return list(graphlib.TopologicalSorter(graph).static_order())


def ordered_matching(edges: Sequence[Collection[int]], before: Pairs) -> list[int] | None:
    """A perfect matching where each pair (earlier, later) of left-hand items keeps its order on the right.

    The search takes a bounded number of steps; where that is not enough, there is none.

    >>> ordered_matching([[0, 1], [0, 1]], [(1, 0)]), ordered_matching([[0], [1]], [(1, 0)])
    ([1, 0], None)
    """
    if not before:
        return perfect_matching(edges)
    if perfect_matching(edges) is None:
        return None
    order = topological(len(edges), before)
    earlier = [[a for a, b in before if b == item] for item in range(len(edges))]
    found: dict[int, int] = {}
    left = MAX_STEPS

    def place(depth: int) -> bool:
        nonlocal left
        if depth == len(order):
            return True
        item = order[depth]
        after = max((found[a] for a in earlier[item]), default=-1)
        for right in sorted(edges[item]):
            left -= 1
            if left < 0:
                return False
            if right > after and right not in found.values():
                found[item] = right
                if place(depth + 1):
                    return True
                del found[item]
        return False

    return [found[item] for item in range(len(edges))] if place(0) else None


def assignment(gain: Sequence[Sequence[float]]) -> list[tuple[int, int]]:
    """Pairs (row, column), no index twice, with the largest sum of gains (the Hungarian method in O(n^3)).

    >>> assignment([[3.0, 2.0], [2.0, 0.0]])
    [(0, 1), (1, 0)]
    """
    rows, columns = len(gain), len(gain[0]) if gain else 0
    if rows > columns:
        return sorted((row, column) for column, row in assignment([list(line) for line in zip(*gain, strict=True)]))
    row_of = [-1] * (columns + 1)  # the last column is where a search begins
    by_row, by_column = [0.0] * rows, [0.0] * (columns + 1)
    for row in range(rows):
        _add_row(row, gain, row_of, by_row, by_column)
    return sorted((row_of[column], column) for column in range(columns) if row_of[column] >= 0)


def _add_row(
    row: int, gain: Sequence[Sequence[float]], row_of: list[int], by_row: list[float], by_column: list[float]
) -> None:
    """Give one more row its column: a shortest path over reduced costs, along which others move on."""
    columns = len(by_column) - 1
    row_of[columns] = row
    at, slack, came, done = columns, [float("inf")] * columns, [columns] * columns, [False] * (columns + 1)
    while row_of[at] >= 0:
        done[at] = True
        here, best, step = row_of[at], -1, float("inf")
        for column in range(columns):
            if done[column]:
                continue
            cost = -gain[here][column] - by_row[here] - by_column[column]
            if cost < slack[column]:
                slack[column], came[column] = cost, at
            if slack[column] < step:
                best, step = column, slack[column]
        for column in range(columns + 1):
            if done[column]:
                by_row[row_of[column]] += step
                by_column[column] -= step
            elif column < columns:
                slack[column] -= step
        at = best
    while at != columns:
        row_of[at] = row_of[came[at]]
        at = came[at]
    row_of[columns] = -1
