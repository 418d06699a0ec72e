"""What the service desk asks of an agent before it acts: the customer's yes, to just that, and who they are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest

from agentrl.envs._desk.desks import DESKS
from agentrl.envs.service_desk import ServiceDesk
from agentrl.types import Message, Task, ToolCall, Verdict


def call(name: str, **arguments: Any) -> Message:
    return Message("assistant", "", (ToolCall(name, arguments),))


def play(env: ServiceDesk, task: Task, replies: Sequence[str | Message]) -> Verdict:
    env.reset(options={"task": task})
    for reply in replies:
        *_, info = env.step(reply)
    found = info["verdict"]
    assert isinstance(found, Verdict)
    return found


def close(task: Task, **changes: str) -> Message:
    return call("close_case", **{**task.data["gold"]["close"], **changes})


def first(env: ServiceDesk, *, twist: bool = False) -> Task:
    """A task that changes something."""
    for task in env.all_tasks("train"):
        if task.data["gold"]["writes"] and bool(task.data["customer"]["twist"]) == twist:
            return task
    raise AssertionError("there is none")


@pytest.fixture(params=tuple(DESKS))
def env(request: pytest.FixtureRequest) -> ServiceDesk:
    return ServiceDesk(desk=request.param)


def test_a_change_without_leave_scores_zero(env: ServiceDesk) -> None:
    task = first(env)
    gold = env.gold(task)
    silent = [reply for reply in gold if isinstance(reply, Message) or reply == gold[0]]
    assert play(env, task, gold).success
    verdict = play(env, task, silent)
    assert verdict.feedback == "Something was done on the way that should not be, or left out."


def test_leave_needs_the_tool_and_the_ids_of_what_it_is_for(env: ServiceDesk) -> None:
    task = first(env)
    gold = env.gold(task)
    (ask,) = (reply for reply in gold if isinstance(reply, str) and "confirm" in reply)
    ids = [word for word in re.findall(r"\w+", ask) if any(c.isdigit() for c in word)]
    tool = task.data["gold"]["writes"][0][0]
    for vague in ("Shall I go ahead?", ask.replace(tool, "see to it"), *(ask.replace(id, "it") for id in ids[:1])):
        assert not play(env, task, [vague if reply == ask else reply for reply in gold]).success


def test_a_yes_is_for_no_other_tool_and_no_other_row() -> None:
    """The customer said yes to both of two changes, then to one of them alone."""
    (task,) = (env := ServiceDesk(kinds=("move_all",), count=1)).all_tasks("train")
    gold = list(env.gold(task))
    (at,) = (i for i, reply in enumerate(gold) if isinstance(reply, str) and "confirm" in reply)
    order, who = task.data["customer"]["subject"]
    asks = [f"I will change_order_address {order}. OK?", f"I will change_customer_address {who}. OK?"]
    *rest, one, two, last = gold[:at] + gold[at + 1 :]
    assert play(env, task, [*rest, asks[0], one, asks[1], two, last]).success
    for order_of in ([asks[0], one, two], [asks[1], two, one], [asks[0], asks[1], one, two]):
        assert play(env, task, [*rest, *order_of, last]).feedback.startswith("Something was done on the way")


def test_a_change_of_mind_counts(env: ServiceDesk) -> None:
    task = first(env, twist=True)
    *_, one, two = (reply for reply in env.gold(task) if isinstance(reply, str))
    assert one == two
    env.reset(options={"task": task})
    assert task.data["customer"]["twist"] in env.step(one)[0][0].content
    assert "Yes, please go ahead: " in env.step(two)[0][0].content
    once = [reply for i, reply in enumerate(env.gold(task)) if reply != one or i == env.gold(task).index(one)]
    assert not play(env, task, once).success  # the first yes was never given


@pytest.mark.parametrize("kind", DESKS["bank"].templates)
def test_the_bank_serves_nobody_whose_code_word_was_not_compared(kind: str) -> None:
    (task,) = (env := ServiceDesk(desk="bank", kinds=(kind,), count=1)).all_tasks("train")
    gold = env.gold(task)
    assert gold[0] == "Could you give me your details, please?"
    assert play(env, task, ["What is your code word?", *gold[1:]]).success
    assert not play(env, task, ["What is your name?", *gold[1:]]).success
    unseen = [reply for reply in gold if isinstance(reply, str) or reply.tool_calls[0].name != "get_customer"]
    assert not play(env, task, unseen).success


def test_who_is_not_identified_is_told_nothing() -> None:
    env = ServiceDesk(desk="bank", kinds=("refuse_identity",), count=1)
    (task,) = env.all_tasks("train")
    *gold, last = env.gold(task)
    word, fact = task.data["private"]
    id = next(arguments["customer_id"] for name, arguments in task.data["gold"]["looks"] if name == "get_customer")
    assert word == env.desk.store(task.data["world"]).rows["customers"][id]["code_word"]
    assert play(env, task, [*gold, "Sorry, that is not your code word.", last]).success
    for leak in (f"It should be {word.upper()}.", f"It is ${fact}."):
        assert not play(env, task, [*gold, leak, last]).success
        assert not play(env, task, [*gold, close(task, message=leak)]).success
