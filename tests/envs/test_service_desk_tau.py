"""tau-bench's tasks at the service desk: a small source written for the test, and the public one."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

import agentrl
from agentrl.envs._desk import tau_airline, tau_retail
from agentrl.envs.service_desk import ServiceDesk
from agentrl.errors import DataError
from agentrl.types import Message, Split, Task, ToolCall, Verdict

DataDir = Callable[[str], Path]
Action = tuple[str, dict[str, Any]]


def call(name: str, **arguments: Any) -> Message:
    return Message("assistant", "", (ToolCall(name, arguments),))


def play(env: ServiceDesk, task: Task, replies: Sequence[str | Message]) -> Verdict:
    env.reset(options={"task": task})
    for reply in replies:
        *_, info = env.step(reply)
    found = info["verdict"]
    assert isinstance(found, Verdict)
    return found


NAME = {"first_name": "Ann", "last_name": "Lee"}
HOME = {"address1": "1 Oak Road", "address2": "", "city": "Aston", "country": "USA", "state": "TX", "zip": "12345"}
AWAY = {**HOME, "address1": "2 Elm Road"}
METHODS = {
    "gift_card_1": {"source": "gift_card", "id": "gift_card_1", "balance": 5.0, "amount": 300},
    "credit_card_2": {"source": "credit_card", "id": "credit_card_2", "brand": "visa", "last_four": "1234"},
    "certificate_3": {"source": "certificate", "id": "certificate_3", "amount": 100},
}
PRODUCT = {
    "name": "Mug",
    "product_id": "9",
    "variants": {
        "91": {"item_id": "91", "options": {"color": "red"}, "available": True, "price": 10.1},
        "92": {"item_id": "92", "options": {"color": "blue"}, "available": True, "price": 12.35},
        "93": {"item_id": "93", "options": {"color": "gold"}, "available": False, "price": 11.0},
    },
}


def order(id: str, status: str) -> dict[str, Any]:
    item = {"name": "Mug", "product_id": "9", "item_id": "91", "price": 10.1, "options": {"color": "red"}}
    paid = {"transaction_type": "payment", "amount": 10.1, "payment_method_id": "gift_card_1"}
    return {
        "order_id": id,
        "user_id": "ann_lee_1",
        "address": HOME,
        "items": [item],
        "status": status,
        "payment_history": [paid],
    }


DAY = {
    "status": "available",
    "available_seats": {"economy": 2, "business": 1},
    "prices": {"economy": 50, "business": 90},
}
LEG = {"origin": "JFK", "destination": "SEA", "flight_number": "HAT1", "date": "2024-05-20", "price": 40}
TABLES: dict[str, dict[str, Any]] = {
    "retail": {
        "users": {
            "ann_lee_1": {
                "name": NAME,
                "address": HOME,
                "email": "ann@example.com",
                "payment_methods": METHODS,
                "orders": ["#W1", "#W2"],
            }
        },
        "orders": {"#W1": order("#W1", "pending"), "#W2": order("#W2", "delivered")},
        "products": {"9": PRODUCT},
    },
    "airline": {
        "users": {"ann_lee_1": {"name": NAME, "payment_methods": METHODS, "reservations": ["R1"]}},
        "reservations": {
            "R1": {
                "reservation_id": "R1",
                "user_id": "ann_lee_1",
                "cabin": "economy",
                "flights": [LEG],
                "passengers": [{**NAME, "dob": "1990-01-01"}],
                "payment_history": [{"payment_id": "credit_card_2", "amount": 40}],
                "total_baggages": 1,
                "nonfree_baggages": 0,
            }
        },
        "flights": {
            number: {
                "flight_number": number,
                "origin": ends[0],
                "destination": ends[1],
                "scheduled_departure_time_est": times[0],
                "scheduled_arrival_time_est": times[1],
                "dates": {"2024-05-20": DAY, "2024-05-21": {**DAY, "status": "delayed"}},
            }
            for number, ends, times in (
                ("HAT1", ("JFK", "SEA"), ("08:00:00", "11:00:00")),
                ("HAT2", ("JFK", "SEA"), ("12:00:00", "15:00:00")),
                ("HAT3", ("SEA", "LAX"), ("11:30:00", "13:00:00")),
            )
        },
    },
}
SHAPES = {"amount": "number", "total_baggages": "integer", "nonfree_baggages": "integer"}
LISTS = ("item_ids", "new_item_ids", "flights", "passengers", "payment_methods")


def declared(desk: str, actions: Sequence[Action]) -> list[dict[str, Any]]:
    """Declarations of the tools that actions use, and of some more."""
    names = {name: list(arguments) for name, arguments in actions}
    names |= {"get_user_details": ["user_id"], "transfer_to_human_agents": ["summary"]}
    names |= {"find_user_id_by_email": ["email"]} if desk == "retail" else {}
    return [
        {
            "type": "function",
            "function": {
                "name": name,
                "description": "",
                "parameters": {
                    "type": "object",
                    "properties": {a: {"type": "array" if a in LISTS else SHAPES.get(a, "string")} for a in arguments},
                },
            },
        }
        for name, arguments in names.items()
    ]


def write(root: Path, desk: str, tasks: Sequence[tuple[list[Action], list[str]]]) -> ServiceDesk:
    """An environment over a source with these tasks: actions and outputs."""
    folder = root / desk
    folder.mkdir(parents=True)
    for table, rows in TABLES[desk].items():
        with gzip.open(folder / f"{table}.json.gz", "wt") as file:
            json.dump(rows, file)
    lines = declared(desk, [action for actions, _ in tasks for action in actions])
    (folder / "tools.jsonl").write_text("\n".join(map(json.dumps, lines)))
    (folder / "wiki.md").write_text("# Policy")
    rows = [
        {
            "user_id": "ann_lee_1",
            "instruction": "You are Ann Lee in 12345. You want to cancel your order. If not, you want it sent.",
            "actions": [{"name": name, "kwargs": arguments} for name, arguments in actions],
            "outputs": outputs,
        }
        for actions, outputs in tasks
    ]
    (folder / "tasks_train.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return ServiceDesk(desk=desk, source=str(root))


SWAP = {"item_ids": ["91"], "new_item_ids": ["92"], "payment_method_id": "gift_card_1"}
FLIGHT = {"flight_number": "HAT1", "date": "2024-05-20"}
BOOKING = {
    "user_id": "ann_lee_1",
    "origin": "JFK",
    "destination": "SEA",
    "flight_type": "one_way",
    "cabin": "economy",
    "flights": [FLIGHT],
    "passengers": [{**NAME, "dob": "1990-01-01"}],
    "payment_methods": [
        {"payment_id": "certificate_3", "amount": 100},
        {"payment_id": "gift_card_1", "amount": 30},
    ],
    "total_baggages": 1,
    "nonfree_baggages": 1,
    "insurance": "yes",
}
R1 = {"reservation_id": "R1"}
TO_HAT2 = {"cabin": "business", "flights": [{**FLIGHT, "flight_number": "HAT2"}], "payment_id": "gift_card_1"}


@pytest.mark.parametrize(
    ("desk", "action", "path", "value"),
    [
        ("retail", ("cancel_pending_order", {"order_id": "#W1", "reason": "mistake"}), "users/ann_lee_1/balance", 15.1),
        (
            "retail",
            ("cancel_pending_order", {"order_id": "#W1", "reason": "mistake"}),
            "orders/#W1/status",
            "cancelled",
        ),
        ("retail", ("modify_pending_order_items", {"order_id": "#W1", **SWAP}), "users/ann_lee_1/balance", 2.75),
        ("retail", ("modify_pending_order_items", {"order_id": "#W1", **SWAP}), "orders/#W1/items/0/price", 12.35),
        (
            "retail",
            ("modify_pending_order_payment", {"order_id": "#W1", "payment_method_id": "credit_card_2"}),
            "users/ann_lee_1/balance",
            15.1,
        ),
        ("retail", ("modify_pending_order_address", {"order_id": "#W1", **AWAY}), "orders/#W1/address", AWAY),
        ("retail", ("modify_user_address", {"user_id": "ann_lee_1", **AWAY}), "users/ann_lee_1/address", AWAY),
        (
            "retail",
            ("exchange_delivered_order_items", {"order_id": "#W2", **SWAP}),
            "orders/#W2/exchange_price_difference",
            2.25,
        ),
        (
            "retail",
            (
                "return_delivered_order_items",
                {"order_id": "#W2", "item_ids": ["91"], "payment_method_id": "gift_card_1"},
            ),
            "orders/#W2/return_items",
            ["91"],
        ),
        ("airline", ("cancel_reservation", R1), "reservations/R1/payment_history/1/amount", -40),
        ("airline", ("book_reservation", BOOKING), "reservations/HATHAT/flights/0/price", 50),
        ("airline", ("book_reservation", BOOKING), "users/ann_lee_1/reservations", ["R1", "HATHAT"]),
        ("airline", ("book_reservation", BOOKING), "users/ann_lee_1/amount", 270),
        ("airline", ("update_reservation_flights", {**R1, **TO_HAT2}), "users/ann_lee_1/amount", 250),
        ("airline", ("update_reservation_flights", {**R1, **TO_HAT2}), "reservations/R1/cabin", "business"),
        (
            "airline",
            (
                "update_reservation_baggages",
                {**R1, "total_baggages": 3, "nonfree_baggages": 2, "payment_id": "credit_card_2"},
            ),
            "reservations/R1/payment_history/1/amount",
            100,
        ),
        (
            "airline",
            ("update_reservation_passengers", {**R1, "passengers": [{"first_name": "Bo"}]}),
            "reservations/R1/passengers",
            [{"first_name": "Bo"}],
        ),
        (
            "airline",
            ("send_certificate", {"user_id": "ann_lee_1", "amount": 50}),
            "users/ann_lee_1/payment_methods/certificate_3221322/amount",
            50,
        ),
    ],
)
def test_what_the_tools_change(tmp_path: Path, desk: str, action: Action, path: str, value: Any) -> None:
    """By hand: 10.10 paid by a gift card of 5.00; 12.35 - 10.10 = 2.25; 50 + 30 + 50 = 100 + 30; 90 - 40 = 50."""
    env = write(tmp_path, desk, [([action], [])])
    (task,) = env.all_tasks("train")
    table, key, *rest = path.split("/")
    found = task.answer["final"][table][key]["doc"]
    if rest in (["balance"], ["amount"]) and table == "users":
        rest = ["payment_methods", "gift_card_1", *rest]
    for part in rest:
        found = found[int(part)] if isinstance(found, list) else found[part]
    assert found == value
    assert play(env, task, env.gold(task)).success


REFUSED: list[tuple[str, Action]] = [
    ("retail", ("cancel_pending_order", {"order_id": "#W2", "reason": "mistake"})),
    ("retail", ("cancel_pending_order", {"order_id": "#W3", "reason": "mistake"})),
    ("retail", ("modify_pending_order_items", {"order_id": "#W1", **SWAP, "new_item_ids": ["93"]})),
    ("retail", ("modify_pending_order_items", {"order_id": "#W1", **SWAP, "item_ids": ["91", "91"]})),
    ("retail", ("modify_pending_order_payment", {"order_id": "#W1", "payment_method_id": "gift_card_1"})),
    (
        "retail",
        ("return_delivered_order_items", {"order_id": "#W2", "item_ids": ["91"], "payment_method_id": "credit_card_2"}),
    ),
    ("airline", ("book_reservation", {**BOOKING, "nonfree_baggages": 0})),
    ("airline", ("book_reservation", {**BOOKING, "flights": [{**FLIGHT, "date": "2024-05-21"}]})),
    ("airline", ("update_reservation_flights", {**R1, **TO_HAT2, "payment_id": "certificate_3"})),
    ("airline", ("update_reservation_passengers", {**R1, "passengers": []})),
]


@pytest.mark.parametrize(("desk", "action"), REFUSED)
def test_a_task_with_a_refused_action_is_left_out(tmp_path: Path, desk: str, action: Action) -> None:
    env = write(tmp_path, desk, [([action], []), ([], [])])
    assert [task.id for task in env.all_tasks("train")] == [f"tau-{desk}/train/1"]
    ((id, reason),) = env.reasons_left_out["train"].items()
    assert id == f"tau-{desk}/train/0"
    assert action[0] in reason
    assert env.left_out == {"train": 1}


def test_a_lookup_that_finds_nothing_is_no_reason(tmp_path: Path) -> None:
    lost: Action = ("find_user_id_by_email", {"email": "no@example.com"})
    env = write(tmp_path, "retail", [([lost, ("cancel_pending_order", {"order_id": "#W1", "reason": "mistake"})], [])])
    (task,) = env.all_tasks("train")
    assert play(env, task, env.gold(task)).success


def test_a_task_without_changes_needs_a_look_and_a_refusal(tmp_path: Path) -> None:
    (task,) = (env := write(tmp_path, "retail", [([], [])])).all_tasks("train")
    look, other = call("get_user_details", user_id="ann_lee_1"), call("find_user_id_by_email", email="ann@example.com")
    end = call("close_case", outcome="refused", message="Sorry.")
    transfer = call("transfer_to_human_agents", summary="Sorry.")
    assert all(play(env, task, [one, two]).success for one in (look, other) for two in (end, transfer))
    assert not any(play(env, task, [two]).success for two in (end, transfer))
    assert not play(env, task, [look, call("close_case", outcome="resolved", message="Sorry.")]).success


def test_what_is_written_and_undone_by_the_gold_itself_is_allowed(tmp_path: Path) -> None:
    there, back = (("modify_user_address", {"user_id": "ann_lee_1", **place}) for place in (AWAY, HOME))
    cancel: Action = ("cancel_pending_order", {"order_id": "#W1", "reason": "mistake"})
    env = write(tmp_path, "retail", [([there, back], ["54.04"]), ([cancel], ["54.04", "blue", "123456789012"])])
    one, two = env.all_tasks("train")
    assert play(env, one, env.gold(one)).success
    assert play(env, two, env.gold(two)).success
    last = "It is 54.05, blue, 123456789012."
    assert not play(env, two, [*env.gold(two)[:-1], call("close_case", outcome="resolved", message=last)]).success


def test_searches(tmp_path: Path) -> None:
    route = {"origin": "JFK", "destination": "SEA", "date": "2024-05-20"}
    actions: list[Action] = [
        ("search_direct_flight", route),
        ("search_onestop_flight", {**route, "destination": "LAX"}),
    ]
    env = write(tmp_path, "airline", [(actions, [])])
    env.reset(seed=0)
    direct, onestop = (json.loads(env.step(call(name, **a))[0][0].content) for name, a in actions)
    assert [flight["flight_number"] for flight in direct] == ["HAT1", "HAT2"]
    assert [[leg["flight_number"] for leg in legs] for legs in onestop] == [["HAT1", "HAT3"]]


@pytest.mark.parametrize(
    ("file", "text", "error"),
    [
        ("tools.jsonl", '{"function": {"name": "fly"}}', "the tool 'fly' is not known"),
        ("users.json", "[]", "must hold a JSON object of objects"),
        ("users.json", "{", "cannot be read"),
        (
            "tasks_train.jsonl",
            '{"user_id": "x", "instruction": "y", "actions": ["z"]}',
            "row 1: actions must be a list",
        ),
        ("tasks_train.jsonl", "", "holds no rows"),
        ("wiki.md", None, "holds neither wiki.md nor wiki.md.gz"),
    ],
)
def test_a_source_that_is_not_what_it_should_be(tmp_path: Path, file: str, text: str | None, error: str) -> None:
    env = write(tmp_path, "retail", [([], [])])
    path = tmp_path / "retail" / file
    if text is None:
        path.unlink()
    else:
        path.write_text(text)
    with pytest.raises(DataError, match=error):
        env.all_tasks("train")


def test_every_tool_of_the_source_is_known(data_dir: DataDir) -> None:
    for desk, runs in (("retail", tau_retail.RUNS), ("airline", tau_airline.RUNS)):
        lines = (data_dir("tau_bench") / desk / "tools.jsonl").read_text().splitlines()
        assert {json.loads(line)["function"]["name"] for line in lines} == {*runs}


LEFT_OUT = {
    ("retail", "train"): "24 27 81 148 161 214 229 252 253 288 314 349 351 369 376 427 431 441 469",
    ("retail", "test"): "12 13 64 106",
    ("airline", "test"): "",
}


@pytest.mark.parametrize(
    ("desk", "split", "count", "to_refuse"),
    [("retail", "train", 481, 0), ("retail", "test", 111, 5), ("airline", "test", 50, 19)],
)
def test_the_public_golds(desk: str, split: Split, count: int, to_refuse: int, data_dir: DataDir) -> None:
    env = agentrl.make("service_desk", desk=desk, source=str(data_dir("tau_bench")))
    assert isinstance(env, ServiceDesk)
    tasks = env.all_tasks(split)
    assert len(tasks) == count
    assert sum(task.answer["events"].get("required") is not None for task in tasks) == to_refuse
    assert [id.rpartition("/")[2] for id in env.reasons_left_out[split]] == LEFT_OUT[desk, split].split()
    assert env.left_out[split] == len(env.reasons_left_out[split])
    assert max(len(env.gold(task)) for task in tasks) <= env.max_turns
    idle = [call("close_case", outcome=outcome, message="I cannot help you.") for outcome in ("resolved", "refused")]
    for task in tasks[:: 8 if split == "train" else 1]:
        assert play(env, task, env.gold(task)).success
        assert not any(play(env, task, [reply]).success for reply in idle)
