"""Ten small programs on lists, written for agentrl."""

from __future__ import annotations

from agentrl.envs._code.program import Program

__all__ = ["PROGRAMS"]


def binary_search(numbers: list[int], target: int) -> int:
    """The index of a target in a rising list without repetitions, or -1 where it is not there.

    >>> binary_search([1, 3, 5, 7], 5), binary_search([1, 3], 2)
    (2, -1)
    """
    low, high = 0, len(numbers) - 1
    while low <= high:
        middle = (low + high) // 2
        if numbers[middle] == target:
            return middle
        if numbers[middle] < target:
            low = middle + 1
        else:
            high = middle - 1
    return -1


def insertion_sort(values: list[int]) -> list[int]:
    """The values in rising order, as a new list.

    >>> insertion_sort([3, 1, 2, 1])
    [1, 1, 2, 3]
    """
    result = list(values)
    for i in range(1, len(result)):
        value = result[i]
        j = i
        while j > 0 and result[j - 1] > value:
            result[j] = result[j - 1]
            j -= 1
        result[j] = value
    return result


def merge_sorted(left: list[int], right: list[int]) -> list[int]:
    """Two rising lists merged into one rising list.

    >>> merge_sorted([1, 4], [2, 3, 9])
    [1, 2, 3, 4, 9]
    """
    merged = []
    i, j = 0, 0
    while i < len(left) and j < len(right):
        if left[i] <= right[j]:
            merged.append(left[i])
            i += 1
        else:
            merged.append(right[j])
            j += 1
    return merged + left[i:] + right[j:]


def best_sum(values: list[int]) -> int:
    """The largest sum of a run of neighbours in a list; 0 for the empty run.

    >>> best_sum([2, -5, 3, 4, -1, 2])
    8
    """
    best, current = 0, 0
    for value in values:
        current = max(0, current + value)
        best = max(best, current)
    return best


def rotate(values: list[int], k: int) -> list[int]:
    """The list with its last k elements moved to the front; k may be larger than its length.

    >>> rotate([1, 2, 3, 4], 1), rotate([1, 2, 3], 4)
    ([4, 1, 2, 3], [3, 1, 2])
    """
    if not values:
        return []
    k = k % len(values)
    return values[len(values) - k :] + values[: len(values) - k]


def chunks(values: list[int], size: int) -> list[list[int]]:
    """The list cut into pieces of a size, the last one shorter where need be.

    >>> chunks([1, 2, 3, 4, 5], 2)
    [[1, 2], [3, 4], [5]]
    """
    pieces = []
    start = 0
    while start < len(values):
        pieces.append(values[start : start + size])
        start += size
    return pieces


def second_largest(values: list[int]) -> int | None:
    """The second largest of the different values, or None where there is no second one.

    >>> second_largest([4, 9, 9, 7]), second_largest([5, 5])
    (7, None)
    """
    first = second = None
    for value in values:
        if first is None or value > first:
            first, second = value, first
        elif value < first and (second is None or value > second):
            second = value
    return second


def flatten(nested: list) -> list[int]:  # type: ignore[type-arg]
    """The numbers of lists within lists, in order.

    >>> flatten([1, [2, [3, []]], 4])
    [1, 2, 3, 4]
    """
    flat = []
    for item in nested:
        if isinstance(item, list):
            flat.extend(flatten(item))
        else:
            flat.append(item)
    return flat


def longest_run(values: list[int]) -> int:
    """The length of the longest run of neighbours that rise strictly; 0 for an empty list.

    >>> longest_run([1, 2, 2, 3, 4, 1])
    3
    """
    if not values:
        return 0
    best = current = 1
    for i in range(1, len(values)):
        if values[i] > values[i - 1]:
            current += 1
        else:
            current = 1
        best = max(best, current)
    return best


def spiral(grid: list[list[int]]) -> list[int]:
    """The numbers of a rectangular grid in a spiral from the top left corner, clockwise and inwards.

    >>> spiral([[1, 2, 3], [4, 5, 6], [7, 8, 9]])
    [1, 2, 3, 6, 9, 8, 7, 4, 5]
    """
    order = []
    rows = [list(row) for row in grid]
    while rows and rows[0]:
        order.extend(rows.pop(0))
        rows = [[row[i] for row in rows] for i in range(len(rows[0]) - 1, -1, -1)] if rows else []
    return order


PROGRAMS = (
    Program(
        binary_search,
        (([1, 3, 5, 7], 5), ([1, 3, 5, 7], 4), ([2, 4], 2)),
        (
            ([], 1),
            ([7], 7),
            ([1, 2, 3], 3),
            ([1, 2, 3, 8, 9], 10),
            ([1, 4, 6, 8, 9, 12], 4),
            ([5, 6, 7], 1),
            ([2, 4, 6, 8, 10], 6),
        ),
    ),
    Program(
        insertion_sort,
        (([3, 1, 2],), ([],), ([2, 1],)),
        (([5, 4, 3, 2, 1],), ([1, 1, 0],), ([7],), ([0, -3, 8, -3],), ([1, 2, 3],)),
    ),
    Program(
        merge_sorted,
        (([1, 4], [2, 3, 9]), ([], [1]), ([1, 1], [1])),
        (([5], []), ([], []), ([1, 2], [3, 4]), ([6, 7], [1, 8]), ([2, 2, 5], [2, 3])),
    ),
    Program(
        best_sum,
        (([2, -5, 3, 4, -1, 2],), ([-1, -2],), ([5],)),
        (([],), ([1, 2, 3],), ([-2, 4, -1, 4, -9, 6],), ([3, -2, 5, -1],), ([-1, 6, -5, 2],)),
    ),
    Program(
        rotate,
        (([1, 2, 3, 4], 1), ([1, 2, 3], 4), ([], 2)),
        (([1, 2, 3], 0), ([1, 2, 3], 3), ([5], 9), ([1, 2, 3, 4, 5], 2), ([1, 2], 1)),
    ),
    Program(
        chunks,
        (([1, 2, 3, 4, 5], 2), ([1, 2], 3)),
        (([], 2), ([1, 2, 3, 4], 2), ([1, 2, 3], 1), ([1, 2, 3, 4, 5, 6, 7], 3)),
    ),
    Program(
        second_largest,
        (([4, 9, 9, 7],), ([5, 5],), ([1, 2],)),
        (([],), ([3],), ([2, 1],), ([7, 8, 6],), ([1, 5, 3, 4],), ([-1, -2, -3],)),
    ),
    Program(
        flatten,
        (([1, [2, [3, []]], 4],), ([],)),
        (([[1], [2]],), ([[[[5]]]],), ([1, 2],), ([[], [1, [2]], [[]], 3],)),
    ),
    Program(
        longest_run,
        (([1, 2, 2, 3, 4, 1],), ([],), ([3],)),
        (([1, 2, 3],), ([3, 2, 1],), ([1, 1],), ([5, 1, 2, 3, 0, 1],), ([0, 9, 8, 9, 10, 11],)),
    ),
    Program(
        spiral,
        (([[1, 2, 3], [4, 5, 6], [7, 8, 9]],), ([[1, 2]],)),
        (([],), ([[1], [2], [3]],), ([[1, 2], [3, 4]],), ([[1, 2, 3, 4], [5, 6, 7, 8]],), ([[7]],)),
    ),
)
