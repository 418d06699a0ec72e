"""Rollouts become attempts, and `evaluate` makes environments give several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

import agentrl
from agentrl.environment import MultiTurnEnv, SingleTurnEnv
from agentrl.episodes import choose_tasks
from agentrl.errors import UnscorableError, UsageError
from agentrl.evaluation.attempts import attempts_of, correction, correction_change, retried
from agentrl.evaluation.correction import Attempt
from agentrl.evaluation.run import evaluate
from agentrl.policies.script import Script
from agentrl.types import Message, Node, Provenance, Rollout, Split, Task, Verdict

RIGHT, WRONG = Verdict(1.0, "correct", answer="R"), Verdict(0.0, "incorrect", answer="x")
BROKEN = Verdict(0.0, "infra_error")


def episode(task: str, *verdicts: Verdict | None, sample: int = 0, text: str = " said ") -> Rollout:
    nodes = [Node(-1, Message("user", "asked"))]
    for verdict in verdicts:
        nodes.append(Node(len(nodes) - 1, Message("assistant", text), reward=0.0, verdict=verdict))
        nodes.append(Node(len(nodes) - 1, Message("user", "again")))
    return Rollout(f"0/{task}/{sample}", Task.ask(task, "asked"), tuple(nodes[:-1]), "done", Provenance("Made"))


def test_attempts_are_the_replies_with_their_verdicts() -> None:
    assert attempts_of(episode("a", WRONG, RIGHT)) == [Attempt(False, "x", " said "), Attempt(True, "R", " said ")]


@pytest.mark.parametrize(
    ("verdict", "answer"),
    [
        (Verdict(0.0, "incorrect"), "said"),  # a verifier without normalised answers: the text
        (Verdict(1.0, "correct"), "said"),
        (Verdict(0.0, "no_answer"), None),  # no answer, no vote
        (Verdict(0.0, "malformed"), None),
        (Verdict(0.0, "malformed", answer="7"), "7"),
    ],
)
def test_what_counts_as_the_answer(verdict: Verdict, answer: str | None) -> None:
    assert attempts_of(episode("a", verdict))[0].answer == answer


def test_an_attempt_not_made_counts_as_the_last_one_made() -> None:
    """As in `code_repair`, which ends with success: the first episode is right from attempt 2 on."""
    found = correction([episode("a", WRONG, RIGHT), episode("b", WRONG, WRONG, WRONG), episode("c", RIGHT)])
    mean = {name: value.mean for name, value in found.figures.items()}
    assert [mean[f"acc@t{j}"] for j in (1, 2, 3)] == pytest.approx([1 / 3, 2 / 3, 2 / 3])
    assert mean["m1@t3"] == pytest.approx(2 / 3)  # x R and once more R
    assert mean["answer changed(t1,t3)"] == pytest.approx(1 / 3)
    assert (found.short, found.episodes) == (2, 3)
    assert "2 of 3 episodes ended early: an attempt not made counts as the last one made" in str(found)


def test_attempts_past_the_ones_asked_for_are_not_looked_at() -> None:
    found = correction([episode("a", WRONG, WRONG, RIGHT)], turns=2)
    assert found.figures["p1@t2"].mean == 0
    assert found.short == 0


@pytest.mark.parametrize("verdicts", [(WRONG, BROKEN), (BROKEN, RIGHT), (Verdict(0.0, "task_invalid"), RIGHT)])
def test_an_attempt_without_a_score_takes_its_task_out_and_is_counted(verdicts: tuple[Verdict, ...]) -> None:
    kept = [episode("a", WRONG, RIGHT), episode("a", WRONG, WRONG, sample=1)]
    found = correction([*kept, episode("b", RIGHT, RIGHT), episode("b", *verdicts, sample=1)], dropped=2)
    assert (found.tasks, found.episodes, found.dropped) == (1, 2, 3)
    assert found.figures["acc@t2"].mean == 0.5
    assert "3 more tasks could not be scored" in str(found)


def test_an_episode_that_the_machine_ended_is_not_scored() -> None:
    """Its attempts so far have their verdicts: they do not count either."""
    ended = replace(episode("b", WRONG, RIGHT), stop="infra_error")
    found = correction([episode("a", WRONG, RIGHT), ended, replace(ended, id="0/b/1", nodes=())])
    assert (found.tasks, found.dropped) == (1, 1)


def test_order_of_tasks_does_not_count_at_all() -> None:
    """Not for intervals either: with continuous values the resamples would tell."""
    rollouts = [_of_text(task, "x" * ord(task)) for task in "abcdefg"]
    found = correction(rollouts).figures["edit distance(t1,t2)"]
    assert found.low < found.mean < found.high
    assert found == correction(rollouts[::-1]).figures["edit distance(t1,t2)"]


def _of_text(task: str, second: str) -> Rollout:
    asked, first, again, last = episode(task, WRONG, RIGHT).nodes
    nodes = (asked, first, again, replace(last, message=Message("assistant", second + first.message.content)))
    return replace(episode(task, WRONG), nodes=nodes)


def test_a_change_is_paired_by_task() -> None:
    before = [episode("a", WRONG, WRONG), episode("b", WRONG, RIGHT), episode("x", RIGHT, RIGHT)]
    after = [episode("b", WRONG, RIGHT), episode("a", WRONG, RIGHT), episode("y", WRONG, WRONG)]
    found = correction_change(before, after, turns=2)
    assert (found.tasks, found.left_out) == (2, 2)
    assert found.figures["acc@t2"].difference.mean == 0.5
    assert found.figures["fix rate(t1,t2)"].difference.mean == 0.5
    with pytest.raises(UsageError, match="share no scored task"):
        correction_change(before[:1], after[:1], turns=2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: correction([]), "needs at least 2 attempts an episode, got 0"),
        (lambda: correction([episode("a", RIGHT)]), "needs at least 2 attempts an episode, got 1"),
        (lambda: correction([episode("a", WRONG, BROKEN)]), "no task could be scored"),
        (lambda: correction([episode("a", None, RIGHT)]), "Made gives no verdict on each reply .task 'a'."),
    ],
)
def test_what_cannot_be_counted_is_one_line(call: Callable[[], object], message: str) -> None:
    with pytest.raises((UsageError, UnscorableError), match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


# Collected.


class Letters(SingleTurnEnv):
    """Say the letter."""

    def tasks(self, split: Split) -> Sequence[Task]:
        return [Task.ask(c, c, c) for c in "abcd"]


class Steps(MultiTurnEnv):
    """Several steps, a verdict at the end."""

    max_turns = 3

    def tasks(self, split: Split) -> Sequence[Task]:
        return [Task.ask("t", "Go.", "t")]

    def turn(self, reply: str) -> str | Verdict:
        return "Go on."


@pytest.fixture(autouse=True)
def registered() -> None:
    agentrl.register("env", "letters_of_this_test", Letters)


def says(plan: dict[str, str]) -> Script:
    """By letter, the replies in turn; the last one goes on."""

    def say(messages: Sequence[Message]) -> str:
        turn = sum(m.role == "assistant" for m in messages)
        replies = plan[messages[0].content]
        return replies[min(turn, len(replies) - 1)]

    return Script(say)


MIXED = {"a": "aa", "b": "xb", "c": "cx", "d": "xy"}


def test_a_single_turn_is_tried_several_times() -> None:
    found = evaluate("letters_of_this_test", says(MIXED), n=None, turns=2)
    assert found.turns == 2
    assert found.correction is not None
    mean = {name: value.mean for name, value in found.correction.figures.items()}
    assert (mean["acc@t1"], mean["acc@t2"]) == (0.5, 0.5)
    assert (mean["i->c(t1,t2)"], mean["c->i(t1,t2)"]) == (0.25, 0.25)
    assert (mean["fix rate(t1,t2)"], mean["break rate(t1,t2)"]) == (0.5, 0.5)
    assert mean["answer changed(t1,t2)"] == 0.75
    assert found.correction == correction(found.rollouts)
    assert str(found) == f"{found.summary}\n\n{found.correction}"


@pytest.mark.parametrize(("feedback", "told"), [("none", False), ("binary", True)])
def test_feedback_reaches_the_policy(feedback: Any, told: bool) -> None:
    heard: list[str] = []

    def say(messages: Sequence[Message]) -> str:
        heard.append(messages[-1].content)
        return "x"

    evaluate("letters_of_this_test", Script(say), n=1, turns=2, feedback=feedback)
    assert ("Your answer is not right." in heard[1]) is told


def test_an_environment_with_attempts_of_its_own_is_read_as_it_is() -> None:
    env = agentrl.make("self_correction", env="letters_of_this_test", attempts=3, feedback="binary", until="correct")
    found = evaluate(env, says(MIXED), n=None, turns=3)
    assert found.correction is not None
    assert found.correction.short == 3  # a and c at once, b at the second attempt; d makes all three
    assert found.correction.figures["acc@t3"].mean == 0.75
    fewer = evaluate(env, says(MIXED), n=None, turns=2)
    assert fewer.correction is not None
    assert fewer.correction.short == 2


def test_code_repair_is_read_with_its_own_attempts() -> None:
    """The gold at the second reply: what the first attempt's program does not pass, the second mends."""
    env = agentrl.make("code_repair", sandbox="subprocess", max_turns=3)
    golds = {task.prompt[-1].content: str(env.gold(task)[0]) for task in choose_tasks(env, "test", 2, 0)}

    def say(messages: Sequence[Message]) -> str:
        if messages[-1].content.startswith("The program is still wrong"):
            return next(gold for asked, gold in golds.items() if messages[1].content.startswith(asked))
        return "```python\ndef nothing():\n    pass\n```"

    found = evaluate(env, Script(say), n=2, turns=3)
    assert found.correction is not None
    assert [found.correction.figures[f"acc@t{j}"].mean for j in (1, 2, 3)] == [0, 1, 1]
    assert found.correction.short == 2


def test_steps_are_refused_after_the_first_episode() -> None:
    told: list[Rollout] = []
    with pytest.raises(UsageError, match="gives no verdict on each reply"):
        evaluate(Steps(), Script(["x"]), n=None, samples=5, turns=2, progress=told.append)
    assert told == []


def test_one_turn_has_no_correction() -> None:
    found = evaluate("letters_of_this_test", says(MIXED), n=1)
    assert (found.turns, found.correction) == (1, None)


@pytest.mark.parametrize(
    ("env", "settings", "message"),
    [
        (Letters(), {"turns": 2}, "Letters makes 1 attempt, not 2: name it by its id"),
        (Steps(), {"turns": 4}, "Steps makes at most 3 attempts, not 4: ask for fewer turns"),
        (Steps(), {"turns": 2}, "Steps gives no verdict on each reply .task 't'.: its turns are steps"),
        (Letters(), {"turns": 0}, "turns must be at least 1 attempt, got 0"),
        (Letters(), {"feedback": "binary"}, "feedback goes with an environment given by its id"),
        ("letters_of_this_test", {"feedback": "binary"}, "ask for at least 2 turns"),
        ("letters_of_this_test", {"turns": 2, "feedback": "loud"}, "feedback must be one of none, binary, detailed"),
        ("self_correction", {"turns": 2, "feedback": "binary"}, "self_correction has feedback of its own"),
    ],
)
def test_what_cannot_be_tried_again_is_one_line(env: Any, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        evaluate(env, Script(["x"]), n=1, **settings)
    assert "\n" not in str(caught.value)


def test_the_split_is_that_of_the_outer_environment() -> None:
    _, options = retried("letters_of_this_test", {"split": "train"}, turns=2)
    assert options["split"] == "train"
    assert options["options"] == {}
