"""Who belongs to whom: matchings that keep an order, and the best assignment.

`edges[i]` are the right-hand indices that left-hand item i may have.
"""

from __future__ import annotations

import graphlib
from collections.abc import Collection, Sequence

from agentrl.verifiers._reading.matching import perfect_matching

__all__ = ["SearchLimit", "assignment", "ordered_matching", "topological"]

Pairs = Collection[tuple[int, int]]
MAX_STEPS = 9_000_000  # about a second; all sets of 16 items at 16 places need fewer


class SearchLimit(Exception):
    """A search took more steps than it may."""


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

    The right-hand side is walked through once, with all sets of items that may have been placed so far. A place is left
    empty only if nothing fits it: what more items are placed can do as much. Of two items that fit, the one that
    can do no more than the other goes first. So sets multiply only where choices overlap; 16 items are always decided.

    Raises:
        SearchLimit: That took more than `MAX_STEPS` comparisons of items.

    >>> ordered_matching([[0, 1], [0, 1]], [(1, 0)]), ordered_matching([[0], [1]], [(1, 0)])
    ([1, 0], None)
    """
    simple = perfect_matching(edges)
    if simple is None or all(simple[a] < simple[b] for a, b in before):
        return simple
    order = _Order(edges, before)
    steps, layers = 0, [{0: (0, -1)}]  # by set of placed items: the set before it, and the item placed last
    for place in range(1 + max(right for rights in edges for right in rights)):
        reached: dict[int, tuple[int, int]] = {}
        for placed in layers[-1]:
            steps += order.work[place]
            if steps > MAX_STEPS:
                raise SearchLimit(f"over {MAX_STEPS} steps")
            if not order.closed[place] & ~placed:  # all that fit no later place are placed
                for item in order.choices(place, placed):
                    reached.setdefault(placed | 1 << item if item >= 0 else placed, (placed, item))
        layers.append(reached)
    placed = (1 << len(edges)) - 1
    if placed not in layers[-1]:
        return None
    found = [0] * len(edges)
    for place in range(len(layers) - 1, 0, -1):
        placed, item = layers[place][placed]
        if item >= 0:
            found[item] = place - 1
    return found


class _Order:
    """Items by the places that they fit, as sets of bits."""

    def __init__(self, edges: Sequence[Collection[int]], before: Pairs) -> None:
        places = 1 + max(right for rights in edges for right in rights)
        self._fits = [sum(1 << right for right in set(rights)) for rights in edges]
        self._earlier, self._later = ([0] * len(edges) for _ in "el")
        for earlier in topological(len(edges), before)[::-1]:
            for a, b in before:
                if a == earlier:
                    self._later[a] |= 1 << b | self._later[b]
        for item, later in enumerate(self._later):
            for other in range(len(edges)):
                if later >> other & 1:
                    self._earlier[other] |= 1 << item
        self._at = [[i for i, fits in enumerate(self._fits) if fits >> place & 1] for place in range(places)]
        self.work = [1 + len(items) ** 2 // 2 for items in self._at]
        self.closed = [sum(1 << i for i, fits in enumerate(self._fits) if not fits >> p) for p in range(places)]

    def choices(self, place: int, placed: int) -> list[int]:
        """The items that may come to a place; -1, which is none, where nothing fits."""
        free = [i for i in self._at[place] if not placed >> i & 1 and not self._earlier[i] & ~placed]
        if len(free) < 2:
            return free or [-1]
        # One item goes before another where it fits no other place and more items wait for it.
        kinds = {(self._fits[i] >> place, self._later[i] & ~placed): i for i in reversed(free)}
        return [
            item
            for (fits, later), item in kinds.items()
            if not any(item != j and not f & ~fits and not later & ~w for (f, w), j in kinds.items())
        ]


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
