"""Decisions kept for a while: the replies of a group, and of the next steps, repeat the same answers again and again.

A key is everything that a decision depends on: the verifier and its version, the gold, the normalised answer.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

__all__ = ["Memo", "MemoCount", "memo_counts", "memo_total"]

T = TypeVar("T")
_named: weakref.WeakValueDictionary[str, Memo[object]] = weakref.WeakValueDictionary()


@dataclass(frozen=True, slots=True)
class MemoCount:
    """How often a memo was asked, and how often it knew."""

    hits: int
    lookups: int


class Memo(Generic[T]):
    """A bounded, thread-safe memory of decisions; the least recently used go first.

    Args:
        name: Under which `memo_counts` reports it.
        size: Most decisions kept.

    >>> memo = Memo("doctest", 2)
    >>> [memo.decide(key, lambda: key * 10) for key in (1, 1, 2)], memo.count
    ([10, 10, 20], MemoCount(hits=1, lookups=3))
    """

    def __init__(self, name: str, size: int = 65536) -> None:
        self._size = size
        self._known: OrderedDict[Hashable, T] = OrderedDict()
        self._lock = threading.Lock()
        self._hits = self._lookups = 0
        _named[name] = self  # type: ignore[assignment]  # the names hold memos of every type

    def decide(self, key: Hashable, decision: Callable[[], T], *, keep: Callable[[T], bool] = lambda _: True) -> T:
        """What is known under a key, else what `decision` returns.

        Args:
            key: Everything the decision depends on. Keys that compare equal are one: 1, 1.0 and True, so put the text
                or the type of a gold in it, not a bare value.
            decision: Called without the lock, so that two threads may both decide: decisions must be pure.
            keep: Whether a decision holds for good; one that depends on the machine (a timeout) does not.
        """
        with self._lock:
            self._lookups += 1
            if key in self._known:
                self._hits += 1
                self._known.move_to_end(key)
                return self._known[key]
        found = decision()
        if keep(found):
            with self._lock:
                self._known[key] = found
                if len(self._known) > self._size:
                    self._known.popitem(last=False)
        return found

    @property
    def count(self) -> MemoCount:
        """Hits and lookups since the process began."""
        return MemoCount(self._hits, self._lookups)

    def clear(self) -> None:
        """Forget the decisions; the counts stay."""
        with self._lock:
            self._known.clear()

    def _renew_lock(self) -> None:
        self._lock = threading.Lock()


def memo_counts() -> dict[str, MemoCount]:
    """The counts of every memo in this process that was asked at least once."""
    return {name: memo.count for name, memo in sorted(_named.items()) if memo.count.lookups}


def memo_total() -> MemoCount:
    """The counts of all memos of this process, added up."""
    counts = memo_counts().values()
    return MemoCount(sum(count.hits for count in counts), sum(count.lookups for count in counts))


def _after_fork() -> None:
    for memo in list(_named.values()):
        memo._renew_lock()  # another thread of the parent may have held it


os.register_at_fork(after_in_child=_after_fork)
