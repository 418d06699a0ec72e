import os
from collections.abc import Iterator

import pytest

from agentrl.sandboxes import _count


def never() -> bool:
    return False


@pytest.fixture
def zombie() -> Iterator[int]:
    """A process that ended and was not waited for."""
    pid = os.fork()
    if not pid:
        os._exit(0)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    yield pid
    os.waitpid(pid, 0)


def test_a_process_that_ended_during_the_close_look_holds_nothing(zombie: int) -> None:
    assert _count._proportional(os.getpid()) > 1 << 20
    assert _count._proportional(zombie) == 0


@pytest.mark.parametrize(
    ("shares", "over"), [([40, 20, 9, 9], False), ([40, 20, 40, 20], True), ([9, 9], False)], ids=str
)
def test_one_close_look_over_the_limit_is_not_enough(
    shares: list[int], over: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes that share: the first ends after the look at it, the second's share is then larger."""
    looked = iter(shares)
    monkeypatch.setattr(_count, "FOLDERS", ())
    monkeypatch.setattr(_count, "others", lambda: [2, 3])
    monkeypatch.setattr(_count, "_resident", lambda pid: 60)
    monkeypatch.setattr(_count, "_proportional", lambda pid: next(looked))
    assert _count.memory_over(48, never) is over
