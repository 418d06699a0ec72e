"""What policies that know nothing earn is measured, shown, and bounded."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import ClassVar

import pytest

from agentrl import registry
from agentrl.conformance import CheckResult, Floor, check_env_plugin
from agentrl.conformance.floors import check_floor
from agentrl.conformance.result import run
from agentrl.conformance.subject import Subject
from agentrl.environment import Env, MultiTurnEnv, SingleTurnEnv
from agentrl.types import Message, Split, Task, ToolCall, Transcript, Verdict

Check = Callable[..., CheckResult]


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch) -> Check:
    """The result of the check `floor` on an environment's class, over 16 tasks unless told otherwise."""

    def checked(env: type[Env], tasks: int = 8) -> CheckResult:
        monkeypatch.setattr(registry, "_registered", {})
        registry.register("env", "tried", env)
        return run("floor", functools.partial(check_floor, Subject("tried", {}, tasks)))

    return checked


class Labels(SingleTurnEnv):
    """The i-th task of a split has the i-th label, over and over."""

    labels: ClassVar[Sequence[str]] = ("ant", "bee", "cow", "dog")

    def tasks(self, split: Split) -> Sequence[Task]:
        chosen = [self.labels[n % len(self.labels)] for n in range(100)]
        return [Task.ask(f"{split}/{n}", f"Which animal is {split} {n}?", label) for n, label in enumerate(chosen)]


def floor_of(result: CheckResult, policy: str) -> Floor:
    (found,) = (floor for floor in result.floors if floor.policy == policy)
    return found


def test_an_honest_environment_shows_its_commonest_label(check: Check) -> None:
    result = check(Labels)
    assert result.status == "passed"
    *rest, noise = result.floors
    assert [str(floor) for floor in rest[:2]] == ["empty 0", "echo 0"]
    assert floor_of(result, "constant") == Floor("constant", 0.25, 0.25, 16, "ant")
    assert [floor.policy for floor in rest[2:]] == ["constant", "random"]
    assert str(noise) == "noise 0"
    assert {floor.tasks for floor in check(Labels, 3).floors} == {6}


def test_the_library_gives_the_floors_with_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_registered", {})
    registry.register("env", "tried", Labels)
    found = {result.name: result.floors for result in check_env_plugin("tried", {}, episodes=2)}
    assert len(found.pop("floor")) == 5
    assert set(found.values()) == {()}


def partly(score: float) -> Verdict:
    return Verdict(score, "partial")


def prompt(task: Task) -> str:
    return task.prompt[-1].content


RIGHT = Verdict(1.0, "correct")
LEAKS: dict[str, tuple[Callable[[Task, str], Verdict | None], str]] = {  # what is paid, and what is said of it
    "silence": (lambda task, said: partly(0.1) if not said else None, "the policy 'empty' earns 0.1 on average"),
    "spaces": (lambda task, said: partly(0.1) if said.isspace() else None, "the policy 'empty' earns 0.1 on average"),
    "an echo solves one task": (
        lambda task, said: RIGHT if said == prompt(task) and task.id == "test/0" else None,
        "the policy 'echo' solves 0.062 on average over 16 tasks; at most 0 is allowed",
    ),
    "an echo earns": (
        lambda task, said: partly(0.6) if said == prompt(task) else None,
        "the policy 'echo' earns 0.6 on average over 16 tasks; at most 0.5 is allowed",
    ),
    "length": (lambda task, said: RIGHT if len(said) > 999 else None, "the policy 'noise' solves 1 on average"),
    "length in part": (lambda task, said: partly(0.7) if len(said) > 999 else None, "the policy 'noise' earns 0.7"),
    "any word of some": (
        lambda task, said: RIGHT if {*said.split()[:5]} & {"add", "no", "42", "numbers", "∀x", "the", "7"} else None,
        "the policy 'random' solves 0.62 on average over 16 tasks; at most 0.5 is allowed",
    ),
    "a constant": (
        lambda task, said: RIGHT if said == "yes" and int(task.id[-2:].strip("/")) < 60 else None,
        "the constant reply 'yes' solves 0.62 on average over 16 tasks; at most 0.5 is allowed",
    ),
    "a constant in part": (
        lambda task, said: partly(0.6) if said == "1" else None,
        "the constant reply '1' earns 0.6 on average over 16 tasks; at most 0.5 is allowed",
    ),
    "the gold of another task": (
        lambda task, said: RIGHT if said == "bee" else None,
        "the constant reply 'bee' solves 1 on average over 16 tasks; at most 0.75 is allowed",
    ),
    "the machine": (
        lambda task, said: Verdict(0.0, "infra_error") if said == prompt(task) else None,
        "the policy 'echo' gets the status 'infra_error' in task train/0",
    ),
}


@pytest.mark.parametrize("leak", LEAKS)
def test_a_leak_is_found_and_named(leak: str, check: Check) -> None:
    paid, said = LEAKS[leak]

    class Leaky(Labels):
        def verdict(self, task: Task, transcript: Transcript) -> Verdict:
            return paid(task, transcript.reply) or super().verdict(task, transcript)

    result = check(Leaky)
    assert result.status == "failed"
    assert result.detail.startswith(said)
    assert len(result.floors) == (0 if leak == "the machine" else 5)


def test_what_is_below_the_bounds_is_shown_and_passes(check: Check) -> None:
    class Graded(Labels):
        def verdict(self, task: Task, transcript: Transcript) -> Verdict:
            return partly(0.2) if transcript.reply == prompt(task) else super().verdict(task, transcript)

    result = check(Graded)
    assert result.status == "passed"
    assert str(floor_of(result, "echo")) == "echo 0.2 (solved 0)"


def three_in_five(check: Check, tasks: int) -> CheckResult:
    class Biased(Labels):
        labels = ("yes", "no", "yes", "no", "yes")

    return check(Biased, tasks)


def test_a_label_may_be_common_by_chance_only(check: Check) -> None:
    """0.6 of 200 tasks is above 0.5 + 1/sqrt(200), while 5 of 7 in each split are below 0.5 + 1/sqrt(14)."""
    few, many = three_in_five(check, 7), three_in_five(check, 100)
    assert few.status == "passed"
    assert floor_of(few, "constant") == Floor("constant", 10 / 14, 10 / 14, 14, "yes")
    assert many.status == "failed"
    assert many.detail == "the constant reply 'yes' solves 0.6 on average over 200 tasks; at most 0.57 is allowed"
    assert floor_of(many, "constant") == Floor("constant", 0.6, 0.6, 200, "yes")


def test_a_label_below_its_reasons_is_tried_alone(check: Check) -> None:
    class Reasoned(Labels):
        def gold(self, task: Task) -> Sequence[str]:
            return (f"It is {task.id}, so:\n{task.answer}",)

        def verdict(self, task: Task, transcript: Transcript) -> Verdict:
            return RIGHT if transcript.reply.endswith(task.answer) else Verdict(0.0, "incorrect")

    assert floor_of(check(Reasoned), "constant") == Floor("constant", 0.25, 0.25, 16, "ant")


class Rounds(MultiTurnEnv):
    """A word is said at each of three turns; who says it after is right."""

    words = ("pear", "plum", "fig")
    max_turns = 3

    def tasks(self, split: Split) -> Sequence[Task]:
        return [Task.ask(f"{split}/{n}", f"Round {split} {n}.", None) for n in range(4)]

    def turn(self, reply: str) -> str | Verdict:
        said = len(self.messages) // 2 - 1
        return RIGHT if said and reply == self.words[said - 1] else self.words[said]


def test_an_echo_repeats_what_it_was_shown_last(check: Check) -> None:
    result = check(Rounds)
    assert result.status == "failed"
    assert result.detail.startswith("the policy 'echo' solves 1 ")


class Calls(Labels):
    """The gold is a message with a call, the same for half of the tasks."""

    labels = ("ant", "ant", "bee", "cow")

    def gold(self, task: Task) -> Sequence[Message]:
        return (Message("assistant", "", (ToolCall("name", {"animal": task.answer}),)),)

    def verdict(self, task: Task, transcript: Transcript) -> Verdict:
        calls = transcript.messages[-1].tool_calls
        right = bool(calls) and calls[0].arguments["animal"] == task.answer
        return RIGHT if right else Verdict(0.0, "incorrect")


def test_a_constant_may_be_a_call(check: Check) -> None:
    result = check(Calls, 100)
    assert result.status == "passed"
    assert str(floor_of(result, "constant")) == "constant 0.5 (\"name({'animal': 'ant'})\")"


def test_random_replies_are_the_same_in_each_run(check: Check) -> None:
    class Words(Labels):
        def verdict(self, task: Task, transcript: Transcript) -> Verdict:
            return partly(len(transcript.reply.split()) / 20) if "the" in transcript.reply.split() else RIGHT

    first, again = (floor_of(check(Words), "random") for _ in range(2))
    assert first == again
    assert first.reward > 0


def test_rewards_of_all_turns_are_added_up(check: Check) -> None:
    class Paid(Rounds):
        def step(self, action: str | Message) -> tuple[object, float, bool, bool, dict[str, object]]:  # type: ignore[override]
            observation, _, terminated, truncated, info = super().step(action)
            return observation, 0.25 if action == "0" else 0.0, terminated, truncated, info

    result = check(Paid)
    assert floor_of(result, "constant") == Floor("constant", 0.75, 0.0, 8, "0")
    assert str(floor_of(result, "constant")) == "constant 0.75 ('0', solved 0)"
