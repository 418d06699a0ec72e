"""What customers of the shop want: seven kinds of requests that can be fulfilled, and four that must be refused."""

from __future__ import annotations

import datetime
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from agentrl.envs._desk.desk import Case, Template, told
from agentrl.envs._desk.people import TODAY, address, customer_facts
from agentrl.envs._desk.retail_world import REASONS, WINDOW_DAYS, same_product
from agentrl.envs._desk.user import fact
from agentrl.envs._desk.world import Row, Rows

__all__ = ["TEMPLATES"]

Asked = tuple[dict[str, Any], str]


@dataclass(frozen=True, slots=True)
class _Picked:
    """An order with its customer, its lines, and the line that the request is about."""

    tables: Rows
    who: Row
    order: Row
    lines: Sequence[Row]
    line: Row

    @property
    def product(self) -> Row:
        return self.product_of(self.line)

    @property
    def total(self) -> int:
        return sum(line["price"] for line in self.lines)

    def product_of(self, line: Row) -> Row:
        """The product of a line."""
        return self.tables["products"][self.tables["items"][line["item"]]["product"]]

    def facts(self, *more: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """What the customer knows."""
        number = fact("order number", f"It is order {self.order['id']}, the one with the {self.product['name']}.")
        return [*customer_facts(self.who), number, *more]

    def looks(self) -> list[tuple[str, dict[str, Any]]]:
        """Calls that find all this out."""
        who = {key: self.who[key] for key in ("first_name", "last_name", "zip")}
        return [
            ("find_customer_by_name", who),
            ("get_customer", {"customer_id": self.who["id"]}),
            ("get_order", {"order_id": self.order["id"]}),
        ]


def _pick(random: random.Random, tables: Rows, wanted: Callable[[_Picked], bool]) -> _Picked | None:
    """One of the orders with a line for which a test holds."""
    found = []
    for order in tables["orders"].values():
        lines = [line for line in tables["lines"].values() if line["order_id"] == order["id"]]
        picked = [_Picked(tables, tables["customers"][order["customer"]], order, lines, line) for line in lines]
        found += [one for one in picked if wanted(one)]
    return random.choice(found) if found else None


def _age(picked: _Picked) -> int:
    """Days since the delivery; none count where there was none."""
    day = picked.order["delivered"]
    return (datetime.date.fromisoformat(TODAY) - datetime.date.fromisoformat(day)).days if day else -1


def _pending(picked: _Picked) -> bool:
    return bool(picked.order["status"] == "pending")


def _returnable(picked: _Picked) -> bool:
    return 0 <= _age(picked) <= WINDOW_DAYS and picked.product["final_sale"] == "no"


def _question(random: random.Random, picked: _Picked, who: Row | None = None) -> tuple[str, Sequence[Asked]]:
    """Something that the customer wants to know besides, and how it is told; `who` asks if given."""
    orders = sum(order["customer"] == (who or picked.who)["id"] for order in picked.tables["orders"].values())
    which = 3 if who else random.randrange(4)
    if which == 0:
        return "what was the total of that order?", [told("number", picked.total, f"The total is ${picked.total}.")]
    if which == 1:
        day = picked.order["placed"]
        return "on which day did I place that order?", [told("date", day, f"You placed the order on {day}.")]
    if which == 2:
        price = picked.line["price"]
        says = f"The {picked.product['name']} cost ${price}."
        return f"what did I pay for the {picked.product['name']}?", [told("number", price, says)]
    return "how many orders have I placed so far?", [told("number", orders, f"You have placed {orders} orders.")]


def _gift_cards(picked: _Picked, owed: int) -> list[str]:
    payments = [p for p in picked.tables["payments"].values() if p["customer"] == picked.who["id"]]
    return [p["id"] for p in payments if p["kind"] == "gift_card" and p["balance"] >= owed]


def _payment(random: random.Random, picked: _Picked, owed: int) -> tuple[str, dict[str, Any]] | None:
    """Where a difference or a refund goes, and how the customer says so; None where there is not enough."""
    cards, own = _gift_cards(picked, owed), picked.order["payment"]
    if cards and random.random() < 0.4:
        return cards[0], fact("payment pay refund gift card method", f"Use my gift card {cards[0]}.")
    if picked.tables["payments"][own]["kind"] == "gift_card" and own not in cards:
        return None
    return own, fact("payment pay refund card method", "Use the payment method of the order.")


def _reason(random: random.Random) -> tuple[str, dict[str, Any]]:
    """Why an order is cancelled, and how the customer says so."""
    reason = random.choice(REASONS)
    says = "I do not need it any more." if reason == REASONS[0] else "I ordered it by mistake."
    return reason, fact("reason why cause", says)


def cancel(random: random.Random, tables: Rows) -> Case | None:
    """A pending order is cancelled."""
    picked = _pick(random, tables, _pending)
    if picked is None:
        return None
    reason, why = _reason(random)
    also, asks = _question(random, picked)
    return Case(
        wants=f"I want to cancel my order with the {picked.product['name']}. Also, {also}",
        facts=picked.facts(why),
        subject=[picked.order["id"]],
        looks=picked.looks(),
        writes=[("cancel_order", {"order_id": picked.order["id"], "reason": reason})],
        asks=asks,
    )


def _new_address(random: random.Random) -> tuple[dict[str, Any], dict[str, Any]]:
    new = address(random)
    says = f"The new address is {new['street']}, {new['city']}, {new['zip']}."
    return new, fact("address street city ship shipping send new", says)


def move_order(random: random.Random, tables: Rows) -> Case | None:
    """A pending order goes to another address."""
    picked = _pick(random, tables, _pending)
    if picked is None:
        return None
    new, known = _new_address(random)
    also, asks = _question(random, picked)
    return Case(
        wants=f"My order with the {picked.product['name']} must go to another address. Also, {also}",
        facts=picked.facts(known),
        subject=[picked.order["id"]],
        looks=picked.looks(),
        writes=[("change_order_address", {"order_id": picked.order["id"], **new})],
        asks=asks,
    )


def move_all(random: random.Random, tables: Rows) -> Case | None:
    """The customer moved: their own address and that of a pending order."""
    case = move_order(random, tables)
    if case is None:
        return None
    ((_, moved),) = case.writes
    who = tables["orders"][moved["order_id"]]["customer"]
    new = {key: moved[key] for key in ("street", "city", "zip")}
    return Case(
        wants=f"I have moved! Please change my own address. {case.wants}",
        facts=case.facts,
        subject=[*case.subject, who],
        looks=case.looks,
        writes=[*case.writes, ("change_customer_address", {"customer_id": who, **new})],
        asks=case.asks,
    )


def give_back(random: random.Random, tables: Rows) -> Case | None:
    """Some items of a delivered order are returned."""
    picked = _pick(random, tables, _returnable)
    if picked is None:
        return None
    lines = [line for line in picked.lines if picked.product_of(line)["final_sale"] == "no"]
    chosen = sorted(random.sample(lines, random.randrange(1, len(lines) + 1)), key=lambda line: str(line["id"]))
    names = " and the ".join(picked.product_of(line)["name"] for line in chosen)
    refund = sum(line["price"] for line in chosen)
    also, asks = _question(random, picked)
    paid = _payment(random, picked, -refund)
    if paid is None:
        return None
    arguments = {"order_id": picked.order["id"], "line_ids": [line["id"] for line in chosen], "payment_id": paid[0]}
    return Case(
        wants=f"I want to return the {names}. Also, {also}",
        facts=picked.facts(paid[1]),
        subject=[picked.order["id"]],
        looks=picked.looks(),
        writes=[("return_lines", arguments)],
        asks=asks,
    )


def _swap(random: random.Random, tables: Rows, tool: str, wanted: Callable[[_Picked], bool]) -> Case | None:
    picked = _pick(random, tables, lambda one: wanted(one) and bool(same_product(tables, one.line["item"])))
    if picked is None:
        return None
    new = random.choice(same_product(tables, picked.line["item"]))
    difference = new["price"] - picked.line["price"]
    paid = _payment(random, picked, difference)
    if paid is None:
        return None
    arguments = {"order_id": picked.order["id"], "line_id": picked.line["id"], "new_item_id": new["id"]}
    option, _, value = new["options"].partition(": ")
    wish = fact(f"{option} variant option which item instead want", f"I want the one with {option} {value}.")
    product = picked.product
    return Case(
        wants=f"I would like another variant of the {product['name']} I bought. What does the new one cost?",
        facts=picked.facts(wish, paid[1]),
        subject=[picked.order["id"]],
        looks=[*picked.looks(), ("get_product", {"product_id": product["id"]})],
        writes=[(tool, {**arguments, "payment_id": paid[0]})],
        asks=[told("number", new["price"], f"The new one costs ${new['price']}.")],
    )


def modify(random: random.Random, tables: Rows) -> Case | None:
    """An item of a pending order becomes another variant."""
    return _swap(random, tables, "modify_line", _pending)


def exchange(random: random.Random, tables: Rows) -> Case | None:
    """An item of a delivered order is exchanged."""
    return _swap(random, tables, "exchange_line", _returnable)


def rethink(random: random.Random, tables: Rows) -> Case | None:
    """The customer wants to cancel, and when asked to confirm, would rather have the order sent elsewhere."""
    first = cancel(random, tables)
    if first is None:
        return None
    new = address(random)
    place = f"{new['street']}, {new['city']}, {new['zip']}"
    return Case(
        wants=first.wants,
        facts=first.facts,
        subject=first.subject,
        looks=first.looks,
        writes=[("change_order_address", {"order_id": first.subject[0], **new})],
        asks=first.asks,
        twist=f"Wait, I have changed my mind. Do not cancel it, but send it to {place} instead.",
    )


def _refusal(
    random: random.Random, picked: _Picked | None, what: Literal["cancel", "return"], outcome: str
) -> Case | None:
    """A request in the words of those that are fulfilled, with the same facts."""
    if picked is None:
        return None
    also, asks = _question(random, picked)
    paid = _payment(random, picked, 0)
    assert paid is not None
    name = picked.product["name"]
    wants = f"I want to cancel my order with the {name}." if what == "cancel" else f"I want to return the {name}."
    return Case(
        wants=f"{wants} Also, {also}",
        facts=picked.facts(_reason(random)[1] if what == "cancel" else paid[1]),
        subject=[picked.order["id"]],
        looks=picked.looks(),
        outcome=f"refused: {outcome}",
        asks=asks,
        must_see=[("customers", picked.who["id"]), ("orders", picked.order["id"])],
    )


def cancel_sent(random: random.Random, tables: Rows) -> Case | None:
    """The order is on its way or there already: it cannot be cancelled."""
    picked = _pick(random, tables, lambda one: one.order["status"] in ("processed", "delivered"))
    return _refusal(random, picked, "cancel", "wrong status")


def late(random: random.Random, tables: Rows) -> Case | None:
    """The time for returns is over; of products that are taken back, so that one reason applies."""
    picked = _pick(random, tables, lambda one: _age(one) > WINDOW_DAYS and one.product["final_sale"] == "no")
    return _refusal(random, picked, "return", "too late")


def final_sale(random: random.Random, tables: Rows) -> Case | None:
    """A product that is never taken back, within the time."""
    picked = _pick(random, tables, lambda one: 0 <= _age(one) <= WINDOW_DAYS and one.product["final_sale"] == "yes")
    return _refusal(random, picked, "return", "final sale")


def not_theirs(random: random.Random, tables: Rows) -> Case | None:
    """Another customer's order, which could be cancelled if it were theirs."""
    picked = _pick(random, tables, _pending)
    if picked is None:
        return None
    who = random.choice([row for row in tables["customers"].values() if row["id"] != picked.who["id"]])
    also, asks = _question(random, picked, who)
    number = fact("order number", f"It is order {picked.order['id']}, the one with the {picked.product['name']}.")
    looks = [
        ("find_customer_by_email", {"email": who["email"]}),
        ("get_customer", {"customer_id": who["id"]}),
        ("get_order", {"order_id": picked.order["id"]}),
    ]
    return Case(
        wants=f"I want to cancel my order with the {picked.product['name']}. Also, {also}",
        facts=[*customer_facts(who), number, _reason(random)[1]],
        subject=[picked.order["id"]],
        looks=looks,
        outcome="refused: not their order",
        asks=asks,
        must_see=[("customers", who["id"]), ("orders", picked.order["id"])],
    )


TEMPLATES: Mapping[str, Template] = {
    "cancel": cancel,
    "move_order": move_order,
    "move_all": move_all,
    "return": give_back,
    "modify": modify,
    "exchange": exchange,
    "rethink": rethink,
    "refuse_sent": cancel_sent,
    "refuse_late": late,
    "refuse_final_sale": final_sale,
    "refuse_not_theirs": not_theirs,
}
