"""The memo: pure decisions are made once, the least used go first, threads and forks do not harm it."""

from __future__ import annotations

import gc
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentrl.memo import Memo, MemoCount, memo_counts


def counting() -> tuple[list[int], Callable[[int], Callable[[], int]]]:
    """The questions that were decided, and a maker of decisions."""
    decided: list[int] = []

    def of(number: int) -> Callable[[], int]:
        def decide() -> int:
            decided.append(number)
            return number * 10

        return decide

    return decided, of


def test_a_decision_is_made_once() -> None:
    memo: Memo[int] = Memo("test-once")
    decided, of = counting()
    assert [memo.decide(n, of(n)) for n in (1, 2, 1, 1)] == [10, 20, 10, 10]
    assert decided == [1, 2]
    assert memo.count == MemoCount(hits=2, lookups=4)


@given(st.integers(1, 4), st.lists(st.integers(0, 6), max_size=40))
def test_the_least_recently_used_goes_first(size: int, asked: list[int]) -> None:
    memo: Memo[int] = Memo("test-lru", size)
    decided, of = counting()
    known: list[int] = []  # most recent last
    expected: list[int] = []
    for n in asked:
        assert memo.decide(n, of(n)) == n * 10
        if n not in known:
            expected.append(n)
        known = [*(k for k in known if k != n), n][-size:]
    assert decided == expected
    assert len(memo._known) <= size


def test_what_depends_on_the_machine_is_not_kept() -> None:
    memo: Memo[str] = Memo("test-keep")
    answers = iter(["timeout", "same", "different"])
    found = [memo.decide("k", lambda: next(answers), keep=lambda a: a != "timeout") for _ in range(3)]
    assert found == ["timeout", "same", "same"]


def test_a_decision_that_fails_is_made_again() -> None:
    memo: Memo[int] = Memo("test-fail")
    with pytest.raises(ZeroDivisionError):
        memo.decide("k", lambda: 1 // 0)
    assert memo.decide("k", lambda: 7) == 7


def test_none_is_a_decision() -> None:
    memo: Memo[None] = Memo("test-none")
    decided: list[int] = []
    for _ in range(3):
        memo.decide("k", lambda: decided.append(1))
    assert decided == [1]


def test_a_decision_may_ask_the_same_memo() -> None:
    memo: Memo[int] = Memo("test-nested")
    assert memo.decide("a", lambda: memo.decide("b", lambda: 1) + 1) == 2


def test_clear_forgets_the_decisions_and_keeps_the_counts() -> None:
    memo: Memo[int] = Memo("test-clear")
    decided, of = counting()
    memo.decide(1, of(1))
    memo.clear()
    memo.decide(1, of(1))
    assert decided == [1, 1]
    assert memo.count == MemoCount(hits=0, lookups=2)


def test_counts_name_the_memos_that_were_asked() -> None:
    asked: Memo[int] = Memo("test-asked")
    silent: Memo[int] = Memo("test-silent")
    asked.decide(1, lambda: 1)
    assert memo_counts()["test-asked"] == MemoCount(0, 1)
    assert "test-silent" not in memo_counts()
    assert silent.count == MemoCount(0, 0)
    del asked
    gc.collect()
    assert "test-asked" not in memo_counts()


def test_threads_agree_and_every_lookup_is_counted() -> None:
    memo: Memo[int] = Memo("test-threads", 8)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: memo.decide(n % 12, lambda: (n % 12) * 10), range(4000)))
    assert found == [(n % 12) * 10 for n in range(4000)]
    assert memo.count.lookups == 4000
    assert len(memo._known) == 8


def test_a_slow_decision_holds_up_no_other() -> None:
    memo: Memo[int] = Memo("test-slow")
    go, begun = threading.Event(), threading.Event()

    def slow() -> int:
        begun.set()
        go.wait(30)
        return 1

    thread = threading.Thread(target=lambda: memo.decide("slow", slow))
    thread.start()
    begun.wait(30)
    assert memo.decide("fast", lambda: 2) == 2
    go.set()
    thread.join()


def test_a_lock_held_while_another_thread_forks_does_not_block_the_child() -> None:
    memo: Memo[int] = Memo("test-fork")
    memo.decide("k", lambda: 3)
    with memo._lock:
        child = os.fork()
        if child == 0:
            signal.alarm(10)  # one that waits for the lock would wait for ever
            os._exit(memo.decide("k", lambda: 4))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
