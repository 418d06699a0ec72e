"""The service desk: golds, floors, the world, the customer, forks, and attacks."""

from __future__ import annotations

import copy
import json
import random
import runpy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import agentrl
from agentrl.data import LazyTasks
from agentrl.envs._desk.desk import Desk
from agentrl.envs._desk.desks import DESKS
from agentrl.envs._desk.tools import run_tool
from agentrl.envs.service_desk import ServiceDesk
from agentrl.errors import ConfigError
from agentrl.types import Message, Task, ToolCall, Verdict
from agentrl.verifiers._tools.parse import Call

EXAMPLE = Path(__file__).parents[2] / "examples" / "own_desk.py"
NAMES = tuple(DESKS)
KINDS = [(desk, kind) for desk in DESKS for kind in DESKS[desk].templates]


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


def first(env: ServiceDesk, *, refused: bool = False, twist: bool = False) -> Task:
    """A task of a sort."""
    for task in env.all_tasks("train"):
        gold, customer = task.data["gold"], task.data["customer"]
        if (gold["close"]["outcome"] != "resolved") == refused and bool(customer["twist"]) == twist:
            return task
    raise AssertionError("there is none")


@pytest.fixture(params=NAMES)
def env(request: pytest.FixtureRequest) -> ServiceDesk:
    made = agentrl.make("service_desk", desk=request.param)
    assert isinstance(made, ServiceDesk)
    return made


@pytest.fixture
def retail() -> ServiceDesk:
    made = agentrl.make("service_desk")
    assert isinstance(made, ServiceDesk)
    made.reset(seed=0)
    return made


# Tasks.


@pytest.mark.parametrize(("desk", "kind"), KINDS)
def test_golds_solve_every_kind_and_idleness_solves_none(desk: str, kind: str) -> None:
    env = agentrl.make("service_desk", desk=desk, kinds=(kind,), count=2)
    assert isinstance(env, ServiceDesk)
    for task in (*env.all_tasks("train"), *env.all_tasks("test")):
        gold = list(env.gold(task))
        assert play(env, task, gold).status == "correct"
        assert len(gold) <= env.max_turns
        last = gold[-1]
        assert play(env, task, [last]).status == "incorrect"  # the right end, and nothing before it
        for outcome in DESKS[desk].by_name["close_case"].properties["outcome"]["enum"]:
            assert not play(env, task, [close(task, outcome=outcome, message="I cannot help.")]).success
        if task.answer["outputs"]:
            assert not play(env, task, [*gold[:-1], close(task, message="Goodbye.")]).success  # the fact is not told


def test_two_hundred_golds(env: ServiceDesk) -> None:
    kinds = set()
    for split in ("train", "test"):
        for task in env.all_tasks(split)[:35]:
            kinds.add(task.data["kind"])
            assert play(env, task, env.gold(task)).success
    assert len(kinds) > 8


def test_tasks_are_stable_and_worlds_are_in_one_split(env: ServiceDesk) -> None:
    train, test = (env.all_tasks(split)[:12] for split in ("train", "test"))
    assert train == agentrl.make("service_desk", desk=env.name).all_tasks("train")[:12]
    assert json.loads(json.dumps([task.answer for task in train])) == [task.answer for task in train]
    worlds = [{task.data["world"] for task in tasks} for tasks in (train, test)]
    assert not worlds[0] & worlds[1]
    assert len(worlds[0]) == 12


def test_a_task_named_by_its_id_is_made_alone(env: ServiceDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    tasks, made, draw = env.all_tasks("train"), [], Desk.draw

    def drawn(desk: Desk, id: str, seed: int, kinds: Sequence[str]) -> Task | None:
        made.append(id)
        return draw(desk, id, seed, kinds)

    monkeypatch.setattr(Desk, "draw", drawn)
    id = f"service_desk/{env.name}/train/977"
    env.reset(options={"task": id})
    assert set(made) == {id}
    assert env.task == tasks[977]
    assert isinstance(tasks, LazyTasks)
    assert tasks.named(f"service_desk/{env.name}/train/{len(tasks)}") is None


def test_the_answer_stays_out_of_sight(env: ServiceDesk) -> None:
    for task in env.all_tasks("train")[:12]:
        observation, info = env.reset(options={"task": task})
        said = [observation[1].content, env.step("Could you give me your details, please?")[0][0].content]
        shown = repr((said, {**info, "tools": ()}))
        assert all(json.dumps(arguments) not in shown for _, arguments in task.data["gold"]["writes"])
        assert all(sentence not in shown for sentence in ("refused", task.data["gold"]["close"]["message"]))


@pytest.mark.parametrize(
    ("desk", "kinds"),
    [
        ("retail", ("cancel", "refuse_sent", "refuse_not_theirs")),
        ("retail", ("return", "refuse_late", "refuse_final_sale")),
        ("airline", ("cancel", "refuse_refund", "refuse_flown")),
        ("airline", ("change", "refuse_fare")),
        ("airline", ("compensate", "refuse_compensation")),
        ("bank", ("dispute", "refuse_old", "refuse_pending")),
        ("bank", ("limit", "refuse_limit")),
        ("bank", ("transfer_other", "refuse_transfer")),
    ],
)
def test_customers_who_are_refused_talk_like_the_others(desk: str, kinds: tuple[str, ...]) -> None:
    """Their requests begin alike, and an open question brings the same facts to light."""
    shapes = set()
    for kind in kinds:
        for task in ServiceDesk(desk=desk, kinds=(kind,), count=3).all_tasks("train"):
            customer = task.data["customer"]
            shapes.add((customer["wants"][:12], *(known["cues"][0] for known in customer["facts"])))
    assert len(shapes) == 1


@pytest.mark.parametrize("desk", NAMES)
def test_every_outcome_is_right_for_some_kind(desk: str) -> None:
    drawn = [ServiceDesk(desk=desk, kinds=(kind,), count=1) for kind in DESKS[desk].templates]
    outcomes = {env.all_tasks("train")[0].data["gold"]["close"]["outcome"] for env in drawn}
    assert outcomes == {"resolved", *DESKS[desk].refusals}


# What counts.


@pytest.mark.parametrize("refused", [True, False])
def test_customers_push_against_right_and_wrong_refusals(refused: bool, env: ServiceDesk) -> None:
    """So that a refusal on trial does not tell whether it is right."""
    task = first(env, refused=refused)
    env.reset(options={"task": task})
    said = [env.step("I am sorry, that is against our policy.")[0][0].content for _ in range(3)]
    assert [push in heard for push, heard in zip(task.data["customer"]["pushes"], said, strict=False)] in (
        [True],
        [True] * 2,
    )
    assert not any(push in said[2] for push in task.data["customer"]["pushes"])
    other = "resolved" if refused else env.desk.refusals[0]  # type: ignore[union-attr]
    assert not play(env, task, [*list(env.gold(task))[:-1], close(task, outcome=other)]).success


@pytest.mark.parametrize(("desk", "kind"), [pair for pair in KINDS if pair[1].startswith("refuse")])
def test_a_refusal_needs_every_look(desk: str, kind: str) -> None:
    """Without the record that forbids it, or without the customer's, it is a guess."""
    (task,) = (env := ServiceDesk(desk=desk, kinds=(kind,), count=1)).all_tasks("train")
    gold = env.gold(task)
    for table, key in (pattern["path"] for pattern in task.answer["events"]["required"] if "path" in pattern):
        shown = [reply for reply in gold if not _shows(env, task, reply, table, key)]
        assert len(shown) < len(gold)
        assert not play(env, task, shown).success


def _shows(env: ServiceDesk, task: Task, reply: str | Message, table: str, key: str) -> bool:
    """Whether a call looks at a row."""
    if isinstance(reply, str) or reply.tool_calls[0].name == "close_case":
        return False
    asked = reply.tool_calls[0]
    result = run_tool(env.desk.by_name, env.desk.store(task.data["world"]).open(), Call(asked.name, asked.arguments))
    return (table, key) in result.change.reads


def test_a_change_too_many_scores_zero(retail: ServiceDesk) -> None:
    task = first(retail)
    *gold, last = retail.gold(task)
    other = next(key for key in retail.desk.store(task.data["world"]).rows["customers"])
    place = {"street": "1 Oak Road", "city": "Aston", "zip": "12345"}
    verdict = play(retail, task, [*gold, call("change_customer_address", customer_id=other, **place), last])
    assert verdict.feedback == "Something was changed that should not be."


def test_what_is_undone_still_shows(retail: ServiceDesk) -> None:
    task = first(retail)
    *gold, last = retail.gold(task)
    row = next(iter(retail.desk.store(task.data["world"]).rows["customers"].values()))
    place = {"street": "1 Oak Road", "city": "Aston", "zip": "12345"}
    back = {name: row[name] for name in place}
    there_and_back = [call("change_customer_address", customer_id=row["id"], **where) for where in (place, back)]
    verdict = play(retail, task, [*gold, *there_and_back, last])
    assert [check.name for check in verdict.checks if not check.passed] == ["events"]


def test_every_possible_answer_is_no_answer(env: ServiceDesk) -> None:
    task = first(env)
    listed = ", ".join([*map(str, range(150)), *(f"2025-{m:02}-{d:02}" for m in (5, 6) for d in range(1, 29))])
    assert not play(env, task, [*list(env.gold(task))[:-1], close(task, message=listed)]).success


# Calls.


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (call("no_such_tool"), "there is no tool"),
        (call("get_order"), "missing: order_id"),
        (call("get_order", order_id="W1", extra=1), "unknown: 'extra'"),
        (call("get_order", order_id=7), "wrong argument of get_order, order_id: type"),
        (call("get_order", order_id="\ud800"), "cannot be stored"),
        (call("get_order", order_id="'; DROP TABLE orders; --"), "there is no"),
        (call("close_case", outcome="solved", message="Bye"), "outcome: enum"),
        ('<tool_call>{"name": "get_order"', "no call could be read"),
        ('<tool_call>{"name": "get_order", "name": "f", "arguments": {}}</tool_call>', "no call could be read"),
        ("<tool_call>[]</tool_call>", "no call could be read"),
        ('<tool_call>{"a\\"b": 1, "a\\"b": 2}</tool_call>', "no call could be read"),
        ('<tool_call>{"name": "list_products", "arguments": {}}</tool_call>' * 9, "at most 8 are allowed"),
    ],
)
def test_a_call_that_cannot_be_carried_out_says_why(reply: str | Message, error: str, retail: ServiceDesk) -> None:
    (observation,), reward, terminated, _, info = retail.step(reply)
    assert observation.role == "tool"
    assert error in json.loads(observation.content)["error"]
    assert (reward, terminated, info["verdict"]) == (0.0, False, None)


def test_calls_come_as_tags_or_apart_and_are_answered_in_order(retail: ServiceDesk) -> None:
    one = '<tool_call>{"name": "list_products", "arguments": {}}</tool_call>'
    tagged = retail.step(f"<think><tool_call></think>Let me look.\n{one}\n{one}")[0]
    assert [message.name for message in tagged] == ["list_products"] * 2
    apart = retail.step(Message("assistant", "", (ToolCall("list_products", {}, "a1"),)))[0]
    assert apart[0].tool_call_id == "a1"
    assert apart[0].content == tagged[0].content


def test_thoughts_are_not_heard(retail: ServiceDesk) -> None:
    (heard,) = retail.step("<think>Their email? <tool_call>{}</tool_call></think>What is your zip code?")[0]
    assert heard.role == "user"
    assert heard.content.startswith("My zip code is")
    assert "email" not in heard.content


def test_what_follows_the_end_is_not_carried_out(retail: ServiceDesk) -> None:
    task = first(retail)
    *gold, last = retail.gold(task)
    assert isinstance(last, Message)
    both = Message("assistant", "", (*last.tool_calls, ToolCall("no_such_tool", {})))
    assert play(retail, task, [*gold, both]).success


def test_the_turn_limit() -> None:
    env = agentrl.make("service_desk", max_turns=2)
    env.reset(seed=0)
    env.step("Hello")
    *_, truncated, info = env.step("Hello")
    assert truncated
    assert info["verdict"].status == "no_answer"


# Forks.


def test_a_fork_is_a_replay_and_goes_its_own_way(env: ServiceDesk) -> None:
    draw = random.Random(0)
    fork = agentrl.make("service_desk", desk=env.name)
    for task in env.all_tasks("train")[:17]:
        gold = list(env.gold(task))
        noise: list[str | Message] = [
            "What is your name?",
            "<tool_call>{}</tool_call>",
            call("get_order", order_id="W1"),
            "",
        ]
        replies = [draw.choice(noise) if draw.random() < 0.3 else reply for reply in gold[:-1]] + gold[-1:]
        env.reset(options={"task": task})
        whole = [env.step(reply) for reply in replies]
        turn = draw.randrange(len(replies))
        env.reset(options={"task": task})
        for reply in replies[:turn]:
            env.step(reply)
        fork.restore(env.snapshot())
        twin = copy.deepcopy(env)
        assert [fork.step(reply) for reply in replies[turn:]] == whole[turn:]
        assert [twin.step(reply) for reply in replies[turn:]] == whole[turn:]


# Options, and a desk of one's own.


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"desk": "pets"}, "desk must be one of"),
        ({"kinds": ("cancle",)}, "did you mean 'cancel'"),
        ({"count": 0}, "count must be a whole number, at least 1; got 0"),
        ({"source": "x", "kinds": ("cancel",)}, "kinds choose among generated tasks"),
        ({"source": "x", "desk": "bank"}, "desk of a source must be one of retail, airline"),
    ],
)
def test_wrong_options(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        agentrl.make("service_desk", **options)


def test_a_desk_of_ones_own() -> None:
    module = runpy.run_path(str(EXAMPLE))
    env = ServiceDesk(desk=module["LIBRARY"], count=12)
    for task in env.all_tasks("train"):
        first, look, *rest = env.gold(task)
        assert play(env, task, [first, look, *rest]).success
        resolved = task.data["gold"]["close"]["outcome"] == "resolved"
        assert play(env, task, [first, *rest]).success == resolved  # a refusal needs a look


def test_a_refused_call_is_a_look() -> None:
    env = ServiceDesk(kinds=("refuse_sent",), count=1)
    (task,) = env.all_tasks("train")
    first, find, get_customer, _, *rest = env.gold(task)
    tried = call("cancel_order", order_id=task.data["customer"]["subject"][0], reason="no longer needed")
    assert play(env, task, [first, find, get_customer, tried, *rest]).success
    assert not play(env, task, [first, find, get_customer, *rest]).success
