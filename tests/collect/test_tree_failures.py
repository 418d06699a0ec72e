"""Tree search where the policy, the machine or the environment fails, and after it was killed."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest

from agentrl.collect.forks import Forks
from agentrl.collect.search import Settings
from agentrl.collect.tree import search
from agentrl.episodes import Plan, Sampling
from agentrl.errors import CheckpointError, ConfigError, InfraError, UnscorableError, UsageError
from agentrl.policies.script import Script
from agentrl.render import ByteTokenizer, Renderer
from agentrl.types import Message, Sample, SampleRequest, Task, Verdict
from tests.collect.conftest import Game, Letters, grow, one, table

# What the policy causes.


@pytest.mark.parametrize("reply", ["", "?", "a" * 3000, "\ud800<|end|>\x00"], ids=["empty", "other", "long", "strange"])
def test_a_policy_of_nonsense_earns_nothing_and_breaks_nothing(reply: str) -> None:
    found = one(Game, Script([reply]), settings=Settings(iterations=12, width=3))
    assert found.effort.iterations == 12
    assert found.rollout.reward == 0.0
    assert found.rollout.scored


def test_a_full_context_is_an_end_without_a_score() -> None:
    opening = len(Renderer(ByteTokenizer()).start((Message("user", "play"),)).ids)
    found = one(Game, Letters(max_length=opening + 10), settings=Settings(expand=3, iterations=9))
    assert {n.verdict.status for n in found.rollout.nodes if n.verdict} == {"resource_limit"}
    assert found.effort.iterations == 9


# What the machine and the environment cause.


def failing(*, times: int, at: str, how: Literal["raise", "verdict"] = "raise") -> type[Game]:
    """A game whose machine fails the first few times that something is said."""

    class Failing(Game):
        failed = 0

        def turn(self, reply: str) -> str | Verdict:
            if self.said + reply == at and type(self).failed < times:
                type(self).failed += 1
                if how == "verdict":
                    return Verdict(0.0, "infra_error")
                raise InfraError("the machine failed")
            return super().turn(reply)

    return Failing


@pytest.mark.parametrize("how", ["raise", "verdict"])
def test_a_failure_of_the_machine_is_tried_again_on_a_fresh_environment(how: Literal["raise", "verdict"]) -> None:
    settings = Settings(expand=3, iterations=20)
    for at in ("c", "ca", "caa"):  # a proposal, a proposal below it, a leaf's way to the end
        game = failing(times=2, at=at, how=how)
        found, calm = one(game, Letters(), settings=settings), one(Game, Letters(), settings=settings)
        assert found.rollout.nodes == calm.rollout.nodes
        assert game.failed == 2  # type: ignore[attr-defined]


def test_a_branch_at_which_the_machine_keeps_failing_has_no_score() -> None:
    found = one(failing(times=10**9, at="b"), Letters(), settings=Settings(expand=3, iterations=20))
    assert table(found, "visits")["b"] == 0
    assert "b" not in table(found, "q")
    assert found.effort.unscored == 1
    assert found.effort.iterations == 20
    assert found.rollout.scored


def test_tasks_without_any_score_are_dropped_and_too_many_end_the_search() -> None:
    class Broken(Game):
        def turn(self, reply: str) -> str | Verdict:
            assert self.task is not None
            if self.task.id in broken:
                return Verdict(0.0, "task_invalid")
            return super().turn(reply)

    broken = {"test/1"}
    forest = grow(Broken, Letters(), n=3, settings=Settings(iterations=4))
    assert (len(forest.trees), forest.dropped) == (2, 1)
    broken |= {"test/2"}
    with pytest.raises(UnscorableError, match=r"2 of 3 tasks could not be scored \(the limit is 50%\); first: .*1'"):
        grow(Broken, Letters(), n=3, settings=Settings(iterations=4))


def test_a_task_that_turns_out_to_be_invalid_ends_its_search() -> None:
    class Invalid(Game):
        def turn(self, reply: str) -> str | Verdict:
            answer = super().turn(reply)
            return Verdict(0.0, "task_invalid") if isinstance(answer, Verdict) else answer

    letters = Letters()
    with pytest.raises(UnscorableError, match=r"1 of 1 tasks .* task 'test/0', task_invalid"):
        grow(Invalid, letters, settings=Settings(expand=3, iterations=20))
    assert len(letters.requests) == 3 + 2  # the replies at the root, and one of them played on


class Unstartable(Game):
    def begin(self, task: Task) -> tuple[Message, ...]:
        raise InfraError("no machine")


class Unreachable(Letters):
    async def sample(self, request: SampleRequest, /) -> Sample:
        raise InfraError("no server")


@pytest.mark.parametrize(("game", "letters"), [(Unstartable, Letters), (Game, Unreachable)])
def test_a_machine_that_never_works_leaves_nothing_to_score(game: type[Game], letters: type[Letters]) -> None:
    with pytest.raises(UnscorableError, match=r"1 of 1 tasks .* task 'test/0', infra_error"):
        grow(game, letters())


class Unforkable(Game):
    def snapshot(self) -> bytes:
        raise NotImplementedError("a browser has no snapshot")


class Forgetful(Game):
    counted = itertools.count()

    def begin(self, task: Task) -> tuple[Message, ...]:
        return (*super().begin(task), Message("user", f"visitor {next(self.counted)}"))


@pytest.mark.parametrize(
    ("game", "message"),
    [
        (Unforkable, r"^Unforkable cannot be forked: snapshot\(\) raised NotImplementedError: a browser"),
        (Forgetful, "^Forgetful cannot be forked: brought back to a state it had the key"),
    ],
)
def test_an_environment_that_cannot_be_forked_is_refused_in_one_line(game: type[Game], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        one(game, Letters())
    assert "\n" not in str(caught.value)


def test_states_are_restored_from_snapshots_which_are_kept_until_expanded(monkeypatch: pytest.MonkeyPatch) -> None:
    class Restored(Game):
        def reset(self, **options: Any) -> Any:
            resets.append(0)
            return super().reset(**options)

    resets, kept, forgotten = list[int](), set[int](), set[int]()
    keep, forget = Forks.keep, Forks.forget

    def kept_too(self: Forks, tip: int, snapshot: bytes) -> None:
        kept.add(tip)
        keep(self, tip, snapshot)

    def forgotten_too(self: Forks, tip: int) -> None:
        forgotten.add(tip)
        forget(self, tip)

    monkeypatch.setattr(Forks, "keep", kept_too)
    monkeypatch.setattr(Forks, "forget", forgotten_too)
    letters = Letters()
    one(Restored, letters, settings=Settings(expand=3, iterations=20))
    assert len(resets) == 1 + 3  # the beginning, and each reply at the root
    grown = {request.key[3] for request in letters.requests if request.key[4] == 0}
    assert forgotten == grown
    assert grown - {0} < kept


async def lazy(messages: Sequence[Message], candidates: Sequence[Message]) -> list[float]:
    return [1.0]


class Counted(Game):
    """Knows how many of it are open, and where they run."""

    opened: ClassVar[list[Game]] = []
    closed: ClassVar[list[Game]] = []
    threads: ClassVar[set[int]] = set()

    def __init__(self) -> None:
        super().__init__()
        self.opened.append(self)

    def turn(self, reply: str) -> str | Verdict:
        self.threads.add(threading.get_ident())
        return super().turn(reply)

    def close(self) -> None:
        self.closed.append(self)


@pytest.mark.parametrize("dies_after", [None, 30])
@pytest.mark.parametrize("execution", ["inline", "thread"])
def test_every_environment_is_closed_once_and_runs_where_it_should(
    monkeypatch: pytest.MonkeyPatch, execution: str, dies_after: int | None
) -> None:
    monkeypatch.setattr(Counted, "execution", execution)
    for name in ("opened", "closed"):
        monkeypatch.setattr(Counted, name, [])
    monkeypatch.setattr(Counted, "threads", set())
    options: dict[str, Any] = {"n": 5, "settings": Settings(expand=3, iterations=20, width=4), "concurrency": 2}
    if dies_after is None:
        found = grow(Counted, Letters(), **options).trees
        assert [t.scores for t in found] == [t.scores for t in grow(Game, Letters(), **options).trees]
    else:
        with pytest.raises(RuntimeError, match="killed"):
            grow(Counted, Letters(dies_after=dies_after), **options)
    assert sorted(map(id, Counted.opened)) == sorted(map(id, Counted.closed))
    assert 2 <= len(Counted.opened) <= 2 * 4
    assert (threading.get_ident() in Counted.threads) == (execution == "inline")


async def eager(messages: Sequence[Message], candidates: Sequence[Message]) -> list[float]:
    return [0.0, 1.0, 1.5]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"settings": Settings(leaf="critic")}, ConfigError, "leaf='critic' needs a critic"),
        ({"concurrency": 0}, ConfigError, "one sample a task and concurrency from 1 on, got 1 and 0"),
        ({"critic": lazy}, UsageError, r"each of 3 candidates a value in \[0, 1\]; got \[1.0\]"),
        ({"critic": eager, "settings": Settings(expand=3)}, UsageError, r"in \[0, 1\]; got \[0.0, 1.0, 1.5\]"),
    ],
    ids=["no critic", "no concurrency", "lazy critic", "eager critic"],
)
def test_what_cannot_be_is_refused(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        one(Game, Letters(), **options)
    with pytest.raises(ConfigError, match="token_budget needs a token policy"):
        one(Game, Script(["a"]), settings=Settings(token_budget=5))


def test_a_programming_error_names_the_task_and_leaves_nothing_running() -> None:
    async def scene() -> str:
        plan = Plan(tuple(Game().all_tasks("test"))[:4])
        with pytest.raises(RuntimeError, match="killed") as caught:
            await search(Game, Letters(dies_after=7), plan, settings=Settings(width=3))
        assert asyncio.all_tasks() == {asyncio.current_task()}
        (note,) = caught.value.__notes__
        return note

    assert asyncio.run(scene()).startswith("in a search of Game, task 'test/")


# Going on.


@pytest.mark.parametrize("dies_after", [0, 3, 17, 40, 75])
def test_a_killed_search_goes_on_to_the_same_tree(tmp_path: Path, dies_after: int) -> None:
    options: dict[str, Any] = {"settings": Settings(expand=3, iterations=40, width=2), "n": 2}
    whole = grow(Game, Letters(), **options).trees
    with pytest.raises(RuntimeError, match="killed"):
        grow(Game, Letters(dies_after=dies_after), folder=tmp_path, **options)
    letters = Letters()
    assert grow(Game, letters, folder=tmp_path, **options).trees == whole
    done = len(letters.requests)
    again = Letters()
    assert grow(Game, again, folder=tmp_path, **options).trees == whole
    assert (len(again.requests), done > 0) == (0, True)


def test_a_stored_search_can_go_on_for_longer_but_not_otherwise(tmp_path: Path) -> None:
    short, long = (Settings(expand=3, iterations=n) for n in (10, 25))
    one(Game, Letters(), settings=short, folder=tmp_path)
    assert one(Game, Letters(), settings=long, folder=tmp_path) == one(Game, Letters(), settings=long)
    with pytest.raises(CheckpointError, match=r"is of another search \(sampling, settings\)"):
        one(Game, Letters(), settings=Settings(expand=3, c=2.0), sampling=Sampling(8), folder=tmp_path)
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(CheckpointError, match="not a search that can be resumed"):
        one(Game, Letters(), settings=long, folder=tmp_path)
