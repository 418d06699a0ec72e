"""Tasks that are made when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import overload

from agentrl.types import Task

__all__ = ["LazyTasks"]


class LazyTasks(Sequence[Task]):
    """`count` tasks, the i-th made by `make(i)` each time.

    >>> tasks = LazyTasks(3, lambda i: Task(str(i), ()))
    >>> tasks[-1].id, [task.id for task in tasks[:2]]
    ('2', ['0', '1'])
    """

    def __init__(self, count: int, make: Callable[[int], Task]) -> None:
        self._count = count
        self._make = make

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Task: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Task]: ...
    def __getitem__(self, index: int | slice) -> Task | Sequence[Task]:
        """One task, or for a slice fewer of them."""
        if isinstance(index, slice):
            return [self._make(i) for i in range(self._count)[index]]
        return self._make(range(self._count)[index])
