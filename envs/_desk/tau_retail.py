"""The shop of tau-bench: its tools in code of our own, with the effects on the records that the source's have."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from agentrl.envs._desk.calculator import calculate
from agentrl.envs._desk.tau_docs import Doc, doc
from agentrl.envs._desk.world import ToolError, World

__all__ = ["RUNS", "SCHEMA"]

SCHEMA = """
CREATE TABLE users (id TEXT PRIMARY KEY, doc JSON);
CREATE TABLE orders (id TEXT PRIMARY KEY, doc JSON);
CREATE TABLE products (id TEXT PRIMARY KEY, doc JSON);
"""


def _only_user(found: Sequence[Mapping[str, Any]]) -> str:
    if not found:
        raise ToolError("user not found")
    return str(found[0]["id"])


def _by_email(world: World, email: str) -> str:
    return _only_user(world.scan("users", lambda row: row["doc"]["email"].lower() == email.lower()))


def _by_name(world: World, first_name: str, last_name: str, zip: str) -> str:
    def fits(row: Mapping[str, Any]) -> bool:
        name, address = row["doc"]["name"], row["doc"]["address"]
        wanted = (first_name.lower(), last_name.lower(), zip)
        return (name["first_name"].lower(), name["last_name"].lower(), address["zip"]) == wanted

    return _only_user(world.scan("users", fits))


def _types(world: World) -> Doc:
    return {row["doc"]["name"]: row["id"] for row in sorted(world.find("products"), key=lambda row: row["doc"]["name"])}


def _in_status(world: World, order_id: str, status: str) -> Doc:
    order = doc(world, "orders", order_id)
    if order["status"] != status:
        raise ToolError(f"the order is {order['status']}, not {status}")
    return order


def _method(user: Doc, id: str) -> Doc:
    if id not in user["payment_methods"]:
        raise ToolError("payment method not found")
    found: Doc = user["payment_methods"][id]
    return found


def _move_balance(method: Doc, owed: float) -> None:
    """Take what is owed from a gift card, or put it there where it is negative."""
    if method["source"] == "gift_card":
        method["balance"] = round(method["balance"] - owed, 2)


def _covers(method: Doc, owed: float) -> None:
    if method["source"] == "gift_card" and method["balance"] < owed:
        raise ToolError("the gift card does not hold enough")


def _cancel(world: World, order_id: str, reason: str) -> Doc:
    order = _in_status(world, order_id, "pending")
    user = doc(world, "users", order["user_id"])
    refunds = []
    for paid in order["payment_history"]:
        refunds.append({**paid, "transaction_type": "refund"})
        _move_balance(_method(user, paid["payment_method_id"]), -paid["amount"])
    order |= {"status": "cancelled", "cancel_reason": reason}
    order["payment_history"] += refunds
    return _saved(world, order, user)


def _saved(world: World, order: Doc, user: Doc | None = None) -> Doc:
    world.update("orders", order["order_id"], doc=order)
    if user is not None:
        world.update("users", order["user_id"], doc=user)
    return order


def _owned(order: Doc, item_ids: Sequence[str]) -> None:
    held = [item["item_id"] for item in order["items"]]
    for id in item_ids:
        if item_ids.count(id) > held.count(id):
            raise ToolError(f"the order has no such item: {id:.40}")


def _swaps(world: World, order: Doc, item_ids: Sequence[str], new_item_ids: Sequence[str]) -> list[tuple[Doc, Doc]]:
    """For each item of the order the variant that it becomes."""
    _owned(order, item_ids)
    if len(item_ids) != len(new_item_ids):
        raise ToolError("as many new items as old ones are needed")
    pairs = []
    for id, new_id in zip(item_ids, new_item_ids, strict=True):
        item = next(item for item in order["items"] if item["item_id"] == id)
        new = doc(world, "products", item["product_id"])["variants"].get(new_id)
        if new is None or not new["available"]:
            raise ToolError(f"no such variant, or not available: {new_id:.40}")
        pairs.append((item, new))
    return pairs


def _exchange(world: World, order_id: str, item_ids: list[str], new_item_ids: list[str], payment_method_id: str) -> Doc:
    order = _in_status(world, order_id, "delivered")
    pairs = _swaps(world, order, item_ids, new_item_ids)
    owed = round(sum(new["price"] - item["price"] for item, new in pairs), 2)
    _covers(_method(doc(world, "users", order["user_id"]), payment_method_id), owed)
    order |= {
        "status": "exchange requested",
        "exchange_items": sorted(item_ids),
        "exchange_new_items": sorted(new_item_ids),
        "exchange_payment_method_id": payment_method_id,
        "exchange_price_difference": owed,
    }
    return _saved(world, order)


def _modify_items(
    world: World, order_id: str, item_ids: list[str], new_item_ids: list[str], payment_method_id: str
) -> Doc:
    order = _in_status(world, order_id, "pending")
    user = doc(world, "users", order["user_id"])
    pairs = _swaps(world, order, item_ids, new_item_ids)
    owed = sum(new["price"] - item["price"] for item, new in pairs)
    method = _method(user, payment_method_id)
    _covers(method, owed)
    kind = "payment" if owed > 0 else "refund"
    order["payment_history"].append(
        {"transaction_type": kind, "amount": abs(owed), "payment_method_id": payment_method_id}
    )
    _move_balance(method, owed)
    for item, new in pairs:
        item |= {"item_id": new["item_id"], "price": new["price"], "options": new["options"]}
    order["status"] = "pending (item modified)"
    return _saved(world, order, user)


def _modify_payment(world: World, order_id: str, payment_method_id: str) -> Doc:
    order = _in_status(world, order_id, "pending")
    user = doc(world, "users", order["user_id"])
    method, history = _method(user, payment_method_id), order["payment_history"]
    if len(history) != 1 or history[0]["transaction_type"] != "payment":
        raise ToolError("the order must have exactly one payment")
    (paid,) = history
    if paid["payment_method_id"] == payment_method_id:
        raise ToolError("the order is paid in that way already")
    _covers(method, paid["amount"])
    order["payment_history"] = [
        paid,
        {**paid, "payment_method_id": payment_method_id},
        {**paid, "transaction_type": "refund"},
    ]
    _move_balance(method, paid["amount"])
    _move_balance(_method(user, paid["payment_method_id"]), -paid["amount"])
    return _saved(world, order, user)


def _order_address(world: World, order_id: str, **address: str) -> Doc:
    order = _in_status(world, order_id, "pending")
    order["address"] = address
    return _saved(world, order)


def _user_address(world: World, user_id: str, **address: str) -> Doc:
    user = doc(world, "users", user_id)
    user["address"] = address
    world.update("users", user_id, doc=user)
    return user


def _return(world: World, order_id: str, item_ids: list[str], payment_method_id: str) -> Doc:
    order = _in_status(world, order_id, "delivered")
    method = _method(doc(world, "users", order["user_id"]), payment_method_id)
    if method["source"] != "gift_card" and payment_method_id != order["payment_history"][0]["payment_method_id"]:
        raise ToolError("a refund goes to the original payment method or to a gift card")
    _owned(order, item_ids)
    order |= {
        "status": "return requested",
        "return_items": sorted(item_ids),
        "return_payment_method_id": payment_method_id,
    }
    return _saved(world, order)


RUNS: Mapping[str, Callable[..., Any]] = {
    "calculate": lambda world, expression: calculate(expression),
    "cancel_pending_order": _cancel,
    "exchange_delivered_order_items": _exchange,
    "find_user_id_by_email": _by_email,
    "find_user_id_by_name_zip": _by_name,
    "get_order_details": lambda world, order_id: doc(world, "orders", order_id),
    "get_product_details": lambda world, product_id: doc(world, "products", product_id),
    "get_user_details": lambda world, user_id: doc(world, "users", user_id),
    "list_all_product_types": _types,
    "modify_pending_order_address": _order_address,
    "modify_pending_order_items": _modify_items,
    "modify_pending_order_payment": _modify_payment,
    "modify_user_address": _user_address,
    "return_delivered_order_items": _return,
    "think": lambda world, thought: "",
    "transfer_to_human_agents": lambda world, summary: "transferred",
}
