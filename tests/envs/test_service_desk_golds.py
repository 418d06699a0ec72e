"""The golds of the generated desks, worked out again from the world's first rows without their tools."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from agentrl.envs._desk.desks import DESKS
from agentrl.envs._desk.world import Rows
from agentrl.envs.service_desk import ServiceDesk
from agentrl.types import Task

TODAY = datetime.date(2025, 6, 15)


def drawn(desk: str, kind: str) -> list[tuple[Task, Rows]]:
    env = ServiceDesk(desk=desk, kinds=(kind,), count=5)
    return [(task, env.desk.store(task.data["world"]).rows) for task in env.all_tasks("train")]


def last_write(task: Task) -> Mapping[str, Any]:
    found: Mapping[str, Any] = task.data["gold"]["writes"][-1][1]
    return found


def changes(task: Task) -> dict[tuple[str, str, str], tuple[Any, Any]]:
    """Table, key and column to the values before and after."""
    before, after = task.answer["initial"], task.answer["final"]
    rows = {(table, key) for state in (before, after) for table in state for key in state[table]}
    found: dict[tuple[str, str, str], tuple[Any, Any]] = {}
    for table, key in rows:
        old, new = before[table].get(key, {}), after[table].get(key, {})
        found |= {
            (table, key, c): (old.get(c), new.get(c)) for c in old.keys() | new.keys() if old.get(c) != new.get(c)
        }
    return found


def days_ago(day: str) -> int:
    return (TODAY - datetime.date.fromisoformat(day)).days


def order_of(task: Task, rows: Rows) -> tuple[Mapping[str, Any], list[Mapping[str, Any]]]:
    order = rows["orders"][task.data["customer"]["subject"][0]]
    return order, [line for line in rows["lines"].values() if line["order_id"] == order["id"]]


def charged(task: Task, rows: Rows, payment: str, amount: int) -> None:
    """The payment was charged this, and a card with a balance holds that much less."""
    amounts = [row["amount"] for row in task.answer["final"]["charges"].values() if row["payment"] == payment]
    assert amounts == [amount]
    balance = rows["payments"][payment]["balance"]
    moved = changes(task).get(("payments", payment, "balance"))
    assert moved == (None if balance is None or not amount else (balance, balance - amount))


def cancel_order(task: Task, rows: Rows) -> None:
    order, lines = order_of(task, rows)
    assert order["status"] == "pending"
    assert changes(task)["orders", order["id"], "status"] == ("pending", "cancelled")
    charged(task, rows, order["payment"], -sum(line["price"] for line in lines))


def return_lines(task: Task, rows: Rows) -> None:
    order, lines = order_of(task, rows)
    back = [line for line in lines if line["id"] in last_write(task)["line_ids"]]
    products = [rows["products"][rows["items"][line["item"]]["product"]] for line in back]
    assert back
    assert all(product["name"] in task.data["customer"]["wants"] for product in products)
    assert {product["final_sale"] for product in products} == {"no"}
    assert days_ago(order["delivered"]) <= 30
    charged(task, rows, last_write(task)["payment_id"], -sum(line["price"] for line in back))


def swap_line(task: Task, rows: Rows) -> None:
    write = last_write(task)
    line, new = rows["lines"][write["line_id"]], rows["items"][write["new_item_id"]]
    assert rows["items"][line["item"]]["product"] == new["product"]
    assert new["stock"] > 0
    assert any(new["options"].partition(": ")[2] in known["says"] for known in task.data["customer"]["facts"])
    charged(task, rows, write["payment_id"], new["price"] - line["price"])


def refuse_late(task: Task, rows: Rows) -> None:
    assert days_ago(order_of(task, rows)[0]["delivered"]) > 30


def refuse_not_theirs(task: Task, rows: Rows) -> None:
    asker = task.data["gold"]["looks"][0][1]["email"]
    assert rows["customers"][order_of(task, rows)[0]["customer"]]["email"] != asker


def booking_of(task: Task, rows: Rows) -> tuple[Mapping[str, Any], Mapping[str, Any], Mapping[str, Any]]:
    booking = rows["bookings"][task.data["customer"]["subject"][0]]
    return booking, rows["flights"][booking["flight"]], rows["customers"][booking["customer"]]


def may_cancel(booking: Mapping[str, Any], flight: Mapping[str, Any]) -> bool:
    fresh = days_ago(booking["booked"]) <= 1
    return fresh or booking["cabin"] == "business" or booking["insured"] == "yes" or flight["status"] == "cancelled"


def cancel_booking(task: Task, rows: Rows) -> None:
    booking, flight, _ = booking_of(task, rows)
    assert may_cancel(booking, flight)
    assert flight["status"] != "landed"
    charged(task, rows, booking["payment"], -booking["price"])


def refuse_refund(task: Task, rows: Rows) -> None:
    booking, flight, _ = booking_of(task, rows)
    assert not may_cancel(booking, flight)
    assert flight["status"] != "landed"


def change_flight(task: Task, rows: Rows) -> None:
    booking, old, _ = booking_of(task, rows)
    new = rows["flights"][last_write(task)["flight_id"]]
    assert (new["origin"], new["destination"], new["status"]) == (old["origin"], old["destination"], "scheduled")
    assert booking["cabin"] != "basic"
    price = booking["passengers"] * new[booking["cabin"]]
    charged(task, rows, last_write(task)["payment_id"], price - booking["price"])
    assert changes(task)["flights", new["id"], "seats"] == (new["seats"], new["seats"] - booking["passengers"])


def add_bags(task: Task, rows: Rows) -> None:
    booking, _, who = booking_of(task, rows)
    free = booking["passengers"] * {"regular": 1, "silver": 2, "gold": 3}[who["tier"]]
    beyond = max(0, last_write(task)["bags"] - free)
    charged(task, rows, last_write(task)["payment_id"], 50 * beyond)
    assert changes(task)["bookings", booking["id"], "bags"][1] > booking["bags"]


def compensate(task: Task, rows: Rows) -> None:
    booking, flight, who = booking_of(task, rows)
    each = {"cancelled": 100, "delayed": 40}[flight["status"]]
    assert who["tier"] != "regular" or booking["insured"] == "yes"
    assert last_write(task)["amount"] == each * booking["passengers"]


def refuse_compensation(task: Task, rows: Rows) -> None:
    booking, flight, who = booking_of(task, rows)
    entitled = who["tier"] != "regular" or booking["insured"] == "yes"
    assert not (entitled and flight["status"] in ("cancelled", "delayed"))


def transfer(task: Task, rows: Rows) -> None:
    write, moved = last_write(task), changes(task)
    sender, receiver = (rows["accounts"][write[key]] for key in ("from_account", "to_account"))
    assert moved["accounts", sender["id"], "balance"] == (sender["balance"], sender["balance"] - write["amount"])
    assert moved["accounts", receiver["id"], "balance"] == (receiver["balance"], receiver["balance"] + write["amount"])
    assert write["amount"] <= 1000 or sender["customer"] == receiver["customer"]
    assert task.answer["outputs"] == [{"type": "number", "value": sender["balance"]}]


def refuse_transfer(task: Task, rows: Rows) -> None:
    sender, receiver = (rows["accounts"][id] for id in task.data["customer"]["subject"])
    assert sender["customer"] != receiver["customer"]
    (amount,) = (int(w.lstrip("$")) for f in task.data["customer"]["facts"] for w in f["says"].split() if w[0] == "$")
    assert 1000 < amount <= sender["balance"]


def refuse_identity(task: Task, rows: Rows) -> None:
    (id,) = (arguments["customer_id"] for name, arguments in task.data["gold"]["looks"] if name == "get_customer")
    says = " ".join(known["says"] for known in task.data["customer"]["facts"])
    assert "My code word is" in says
    assert rows["customers"][id]["code_word"] not in says


def dispute(task: Task, rows: Rows) -> None:
    payment = rows["payments"][task.data["customer"]["subject"][0]]
    outcome = task.data["gold"]["close"]["outcome"]
    pending, old = payment["status"] == "pending", days_ago(payment["date"]) > 60
    assert outcome == ("refused: pending" if pending else "refused: too late" if old else "resolved")
    assert payment["shop"] in task.data["customer"]["wants"]


def set_limit(task: Task, rows: Rows) -> None:
    (known,) = (known["says"] for known in task.data["customer"]["facts"] if "limit" in known["cues"])
    value = int(known.partition("$")[2].split()[0])
    assert (task.data["gold"]["close"]["outcome"] == "resolved") == (value <= 2000)
    assert changes(task) == {} or next(iter(changes(task).values()))[1] == value


CHECKS: Mapping[tuple[str, str], Callable[[Task, Rows], None]] = {
    ("retail", "cancel"): cancel_order,
    ("retail", "return"): return_lines,
    ("retail", "modify"): swap_line,
    ("retail", "exchange"): swap_line,
    ("retail", "refuse_late"): refuse_late,
    ("retail", "refuse_not_theirs"): refuse_not_theirs,
    ("airline", "cancel"): cancel_booking,
    ("airline", "refuse_refund"): refuse_refund,
    ("airline", "change"): change_flight,
    ("airline", "rethink"): change_flight,
    ("airline", "bags"): add_bags,
    ("airline", "compensate"): compensate,
    ("airline", "refuse_compensation"): refuse_compensation,
    ("bank", "transfer_own"): transfer,
    ("bank", "transfer_other"): transfer,
    ("bank", "refuse_transfer"): refuse_transfer,
    ("bank", "refuse_identity"): refuse_identity,
    ("bank", "dispute"): dispute,
    ("bank", "refuse_old"): dispute,
    ("bank", "refuse_pending"): dispute,
    ("bank", "limit"): set_limit,
    ("bank", "refuse_limit"): set_limit,
}


@pytest.mark.parametrize(("desk", "kind"), CHECKS)
def test_golds_follow_from_the_policy(desk: str, kind: str) -> None:
    for task, rows in drawn(desk, kind):
        CHECKS[desk, kind](task, rows)
        if kind.startswith("refuse"):
            assert task.answer["initial"] == task.answer["final"]
            assert task.data["gold"]["close"]["outcome"].startswith("refused")
        else:
            assert task.data["gold"]["close"]["outcome"] == "resolved"


@pytest.mark.parametrize(("desk", "kind"), [(desk, kind) for desk in DESKS for kind in DESKS[desk].templates])
def test_what_the_gold_needs_is_said_or_found_out(desk: str, kind: str) -> None:
    env = ServiceDesk(desk=desk, kinds=(kind,), count=3)
    for task in env.all_tasks("test"):
        env.reset(options={"task": task})
        for reply in env.gold(task)[: -1 - len(task.data["gold"]["writes"])]:
            env.step(reply)
        known = "\n".join(message.content for message in env.messages if message.role in ("user", "tool"))
        for name, arguments in task.data["gold"]["writes"]:
            schema = env.desk.by_name[name].properties
            for argument, value in arguments.items():
                for one in value if isinstance(value, list) else [value]:
                    derived = argument in ("bags", "paid_bags", "amount")
                    assert derived or "enum" in schema[argument] or str(one) in known, (argument, one)
        for fact in task.answer["outputs"]:
            assert str(fact["value"]) in known or fact["type"] == "number"
