"""The terminal: goals, commands, forks, and boxes that break."""

from __future__ import annotations

import copy
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

import agentrl
from agentrl.data import LazyTasks
from agentrl.envs._code.goals import KINDS, Goal, draw_goal, unmet
from agentrl.envs.terminal import TAIL, Terminal
from agentrl.errors import ConfigError, UnknownIdError
from agentrl.policies.script import Script
from agentrl.types import Message, Verdict

BACKEND = """
from agentrl.sandbox import Sandbox, Session
from agentrl.sandboxes.subprocess import Subprocess
from agentrl import errors

LOG = []
FAIL = []

class Fake(Subprocess):
    def session(self, *, files=None, limits=None):
        LOG.append("open")
        inner = super().session(files=files, limits=limits)
        end, look, begin = inner.close, inner.snapshot, inner.start
        def close():
            LOG.append("close")
            end()
        def snapshot():
            if FAIL and FAIL[-1] != "start":
                raise getattr(errors, FAIL.pop())("as the test wants it")
            return look()
        def start(program, *, limits=None):
            if FAIL and FAIL[-1] == "start":
                FAIL.pop()
                raise errors.SandboxError("no more processes")
            return begin(program, limits=limits)
        inner.close, inner.snapshot, inner.start = close, snapshot, start
        return inner

def open():
    return Fake()
"""


def sh(script: str) -> str:
    return f"```sh\n{script}\n```"


def play(env: Terminal, replies: Sequence[str | Message]) -> Verdict:
    for reply in replies:
        *_, info = env.step(reply)
    found = info["verdict"]
    assert isinstance(found, Verdict)
    return found


@pytest.fixture
def env() -> Terminal:
    made = agentrl.make("terminal", kinds=("sort",))
    assert isinstance(made, Terminal)
    made.reset(seed=1)
    return made


@pytest.fixture
def fake(tmp_path: Path) -> tuple[Terminal, list[str], list[str]]:
    """An environment over a back end of files that counts its boxes, and can be told to break."""
    from agentrl.registry import load_module

    path = tmp_path / f"backend_{tmp_path.name.replace('-', '_')}.py"
    path.write_text(BACKEND)
    made = agentrl.make("terminal", kinds=("sort",), sandbox=str(path))
    assert isinstance(made, Terminal)
    made.reset(seed=1)
    module = load_module("sandbox", str(path))
    return made, module.LOG, module.FAIL


@pytest.mark.parametrize("kind", KINDS)
def test_gold_reaches_every_kind_of_goal_and_doing_nothing_does_not(kind: str) -> None:
    env = agentrl.make("terminal", kinds=(kind,))
    for task in env.all_tasks("test")[:4]:
        env.reset(options={"task": task})
        assert play(env, env.gold(task)).status == "correct"  # type: ignore[arg-type]
        env.reset(options={"task": task})
        assert play(env, ["done"]).status == "incorrect"  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", KINDS)
def test_goals_are_drawn_from_their_generator_alone_and_never_met_at_first(kind: str) -> None:
    goals = [draw_goal(random.Random(seed), kind) for seed in range(100)]
    assert goals == [draw_goal(random.Random(seed), kind) for seed in range(100)]
    assert len({repr(goal) for goal in goals}) > 50
    for goal in goals:
        assert unmet(goal.files, goal.expected, goal.absent, {p: t.encode() for p, t in goal.files.items()})
        assert set(goal.absent) <= set(goal.files)


def test_splits_and_ids() -> None:
    env = agentrl.make("terminal", count=50 * len(KINDS))
    train, test = env.all_tasks("train"), env.all_tasks("test")
    assert len(train) == len(test) == 50 * len(KINDS)
    assert train[0].id == "train/create/0"
    assert train[-1] == train[len(train) - 1]
    shown = [{(t.prompt[1].content, repr(t.data["files"])) for t in tasks} for tasks in (train, test)]
    assert len(shown[0] & shown[1]) <= 5  # drawn apart; a few small goals may meet
    assert env.reset(options={"task": "test/find/7", "split": "test"})[1]["task"] == "test/find/7"
    with pytest.raises(UnknownIdError):
        env.reset(options={"task": "test/find/50", "split": "test"})


def test_no_goal_is_in_both_splits() -> None:
    env = Terminal(kinds=("count", "total"))  # those with the fewest
    train, test = ({(t.prompt, repr(t.answer)) for t in env.all_tasks(split)[:400]} for split in ("train", "test"))
    assert not train & test


def test_a_task_is_found_by_its_id_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def draw(source: random.Random, kind: str) -> Goal:
        made.append(kind)
        return draw_goal(source, kind)

    monkeypatch.setattr("agentrl.envs.terminal.draw_goal", draw)
    tasks = Terminal(count=30, kinds=("sort", "find", "sort")).all_tasks("train")
    assert isinstance(tasks, LazyTasks)
    found = tasks.named("train/find/14")
    assert set(made) == {"find"}  # drawn until it is of this split
    assert found == tasks[29]
    for id in ("train/find/15", "train/find/07", "train/count/0", "test/find/0", "train/find/", "find"):
        assert tasks.named(id) is None


def test_files_last_and_the_shell_does_not(env: Terminal) -> None:
    observation, reward, terminated, truncated, info = env.step(sh("mkdir -p d && cd d && x=1 && echo hi > f && pwd"))
    assert (reward, terminated, truncated, info["verdict"]) == (0.0, False, False, None)
    assert observation[0].content.startswith("exit code 0\nstdout:\n")
    assert env.step(sh('cat d/f; echo "[$x]"'))[0][0].content == "exit code 0\nstdout:\nhi\n[]"


def test_what_is_shown_of_a_run(env: Terminal) -> None:
    assert env.step(sh("exit 3"))[0][0].content == "exit code 3"
    assert env.step(sh("echo oops >&2; false"))[0][0].content == "exit code 1\nstderr:\noops"
    long = env.step(sh("seq 1 5000; echo end"))[0][0].content
    assert long.startswith("exit code 0\nstdout:\n[...]")
    assert long.endswith("5000\nend")
    assert len(long) < TAIL + 50
    assert env.step(sh("printf '\\377\\n'"))[0][0].content == "exit code 0\nstdout:\n\ufffd"
    assert env.step(sh("kill -9 $$"))[0][0].content == "ended by signal 9"
    assert env.step(sh("yes"))[0][0].content.startswith("ended: over the limit output_bytes\nstdout:\n[...]y\ny")


@pytest.mark.parametrize(
    "reply", ["ls", "```python\nprint(1)\n```", sh("ls") + "\n" + sh("ls"), "", "I am done now, bye"]
)
def test_a_reply_of_another_form_runs_nothing(reply: str, env: Terminal) -> None:
    before = env.state_key()
    observation, _, terminated, _, info = env.step(reply)
    assert "Send one ```sh block" in observation[0].content
    assert not terminated
    assert info["verdict"] is None
    assert env.state_key() == before


@pytest.mark.parametrize("reply", ["done", "Done.", "All files are sorted.\n`done`"])
def test_ways_to_say_done(reply: str, env: Terminal) -> None:
    assert env.task is not None
    assert play(env, [env.gold(env.task)[0], reply]).success


def test_other_files_must_stay_as_they_were(env: Terminal) -> None:
    assert env.task is not None
    gold = env.gold(env.task)[0]
    verdict = play(env, [gold, sh("echo 1 >> numbers.txt"), "done"])
    assert verdict.status == "incorrect"
    assert [(check.name, check.passed) for check in verdict.checks] == [("numbers.txt", False), ("sorted.txt", True)]
    env.reset(options={"task": env.task})
    assert play(env, [gold, sh("touch junk"), "done"]).success


def test_a_link_is_not_a_file(env: Terminal) -> None:
    assert env.task is not None
    right = env.task.answer["files"]["sorted.txt"]
    assert play(env, [sh(f"printf '{right}' > /tmp/x; ln -s /tmp/x sorted.txt"), "done"]).status == "incorrect"


def test_the_goal_is_not_in_the_box(env: Terminal) -> None:
    (observation,) = env.step(sh("find . -type f; env; ls -a /box /tmp"))[0]
    assert "numbers.txt" in observation.content
    assert "sorted" not in observation.content


def test_the_turn_limit() -> None:
    env = agentrl.make("terminal", max_turns=2)
    env.reset(seed=0)
    env.step(sh("ls"))
    *_, truncated, info = env.step(sh("ls"))
    assert truncated
    assert info["verdict"].status == "no_answer"


def test_a_box_opens_with_the_first_command_and_closes_with_the_episode(
    fake: tuple[Terminal, list[str], list[str]],
) -> None:
    env, log, _ = fake
    assert log == []
    env.step(sh("ls"))
    env.step(sh("ls"))
    assert log == ["open"]
    env.step("done")
    assert log == ["open", "close"]
    env.reset(seed=2)
    env.step(sh("ls"))
    env.reset(seed=3)
    assert log == ["open", "close"] * 2
    env.step(sh("ls"))
    env.close()
    env.close()
    assert log == ["open", "close"] * 3


@pytest.mark.parametrize("how", ["start", "SandboxError"])
def test_a_box_that_breaks_once_is_made_again(how: str, fake: tuple[Terminal, list[str], list[str]]) -> None:
    env, log, fail = fake
    env.step(sh("echo 1 > a"))
    fail.append(how)
    assert env.step(sh("cat a"))[0][0].content == "exit code 0\nstdout:\n1"
    assert log == ["open", "close", "open"]


@pytest.mark.parametrize("how", ["start", "SandboxError"])
def test_a_box_that_breaks_again_is_the_commands_doing(how: str, fake: tuple[Terminal, list[str], list[str]]) -> None:
    env, log, fail = fake
    fail.extend([how, how])
    _, reward, terminated, _, info = env.step(sh("ls"))
    assert (reward, terminated, info["verdict"].status) == (0.0, True, "resource_limit")
    assert log == ["open", "close"] * 2


def test_a_box_that_is_too_full_is_the_commands_doing(fake: tuple[Terminal, list[str], list[str]]) -> None:
    env, log, fail = fake
    fail.append("BoxError")
    assert play(env, [sh("ls")]).status == "resource_limit"
    assert log == ["open", "close"]


def test_files_beyond_the_limit_score_zero(env: Terminal) -> None:
    """Sparse files take no room, but would fill the memory of who reads them."""
    *_, info = env.step(sh("for i in 1 2 3; do truncate -s 12M big$i; done"))
    if info["verdict"] is None:  # a back end may refuse the third
        assert play(env, ["done"]).status == "incorrect"
    else:
        assert info["verdict"].status == "resource_limit"


def test_a_process_left_behind_does_not_stop_the_next_command(env: Terminal) -> None:
    env.step(sh("sleep 1000 & echo started"))
    assert env.step(sh("echo still here"))[0][0].content == "exit code 0\nstdout:\nstill here"


def test_a_fork_is_a_replay_and_goes_its_own_way(env: Terminal) -> None:
    env.step(sh("echo 1 > a"))
    env.step("what?")
    env.step(sh("mkdir d && cp a d/b"))
    fork = agentrl.make("terminal", kinds=("sort",))
    fork.restore(env.snapshot())
    assert fork.state_key() == env.state_key()
    assert fork.messages == env.messages
    fork.step(sh("rm -r a d"))
    assert fork.state_key() != env.state_key()
    assert env.step(sh("cat a d/b"))[0][0].content == "exit code 0\nstdout:\n1\n1"


def test_the_state_is_the_files_not_the_way(env: Terminal) -> None:
    start = env.state_key()
    env.step(sh("echo 1 > a"))
    changed = env.state_key()
    env.step(sh("rm a"))
    assert env.state_key() == start != changed
    env.step(sh("printf '1\\n' > a"))
    assert env.state_key() == changed


def test_a_copy_opens_a_box_of_its_own(env: Terminal) -> None:
    env.step(sh("echo 1 > a"))
    twin = copy.deepcopy(env)
    twin.step(sh("echo 2 >> a"))
    assert env.step(sh("cat a"))[0][0].content == "exit code 0\nstdout:\n1"
    assert twin.step(sh("cat a"))[0][0].content == "exit code 0\nstdout:\n1\n2"


def test_rollouts_run_side_by_side() -> None:
    def say(messages: Sequence[Message]) -> str:
        return "done" if len(messages) > 2 else sh("sort -rn numbers.txt > sorted.txt")

    found = agentrl.rollout(agentrl.make("terminal", kinds=("sort",)), Script(say), n=4, samples=2)
    assert [rollout.reward for rollout in found] == [1.0] * 8


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kinds": ("sorting",)}, "did you mean 'sort'"),
        ({"count": 0}, "count must be a whole number, at least 1; got 0"),
    ],
)
def test_wrong_options(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        agentrl.make("terminal", **options)


def test_every_kind_is_drawn_in_turn() -> None:
    env = agentrl.make("terminal")
    tasks = env.all_tasks("train")
    assert [tasks[i].data["kind"] for i in range(len(KINDS))] == list(KINDS)
