"""Items of one side, each with its own item of the other."""

from __future__ import annotations

from collections.abc import Collection, Sequence

__all__ = ["perfect_matching"]


def perfect_matching(edges: Sequence[Collection[int]]) -> list[int] | None:
    """A right-hand index for each left-hand item, no two alike; None where there is none (Kuhn 1955).

    Overlapping choices are searched through, not taken greedily: below, the first item must give way.

    Args:
        edges: The right-hand indices that each left-hand item may have.

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

    if not all(edges) or not all(augment(left, set()) for left in range(len(edges))):
        return None
    found = [0] * len(edges)
    for right, left in owner.items():
        found[left] = right
    return found
