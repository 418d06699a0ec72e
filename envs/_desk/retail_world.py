"""A shop: customers, products in several variants, orders, and the tools of its desk."""

from __future__ import annotations

import random
from typing import Any

from agentrl.envs._desk.people import TODAY, address, days, fresh_id, person
from agentrl.envs._desk.tools import Tool, choice, ids, one_of, text
from agentrl.envs._desk.world import Rows, ToolError, World

__all__ = ["POLICY", "REASONS", "REFUSALS", "SCHEMA", "TOOLS", "rows", "same_product"]

REASONS = ("no longer needed", "ordered by mistake")
REFUSALS = ("refused: wrong status", "refused: too late", "refused: final sale", "refused: not their order")
WINDOW_DAYS = 30

POLICY = f"""
You are an agent of an online shop. Today is {TODAY}. All amounts are in whole dollars.

## Policy

- Find the customer first, by email, or by name and zip code. Help with this customer's own orders only; a request about
  another customer's order ends as `refused: not their order`.
- A pending order may be cancelled, its address changed, and its items swapped for other variants of the same product.
  An order in another status may not: `refused: wrong status`.
- Items of a delivered order may be returned, or exchanged for other variants of the same product, up to {WINDOW_DAYS}
  days after the delivery; later it is `refused: too late`.
- Products that are marked as final sale are never taken back: `refused: final sale`.
- A refund goes to the payment method of the order, unless the customer asks for one of their gift cards. A price
  difference is charged or refunded in the same way.
- A change of the customer's own address does not change any order.
"""

SCHEMA = """
CREATE TABLE customers (id TEXT PRIMARY KEY, first_name TEXT, last_name TEXT, email TEXT, street TEXT, city TEXT,
    zip TEXT);
CREATE TABLE payments (id TEXT PRIMARY KEY, customer TEXT REFERENCES customers, kind TEXT,
    balance INTEGER CHECK (balance >= 0));
CREATE TABLE products (id TEXT PRIMARY KEY, name TEXT, final_sale TEXT);
CREATE TABLE items (id TEXT PRIMARY KEY, product TEXT REFERENCES products, options TEXT, price INTEGER,
    stock INTEGER CHECK (stock >= 0));
CREATE TABLE orders (id TEXT PRIMARY KEY, customer TEXT REFERENCES customers, status TEXT, placed TEXT, delivered TEXT,
    payment TEXT REFERENCES payments, street TEXT, city TEXT, zip TEXT, reason TEXT);
CREATE TABLE lines (id TEXT PRIMARY KEY, order_id TEXT REFERENCES orders, item TEXT REFERENCES items, price INTEGER,
    status TEXT, exchanged_for TEXT REFERENCES items);
CREATE TABLE charges (id TEXT PRIMARY KEY, order_id TEXT REFERENCES orders, payment TEXT REFERENCES payments,
    amount INTEGER);
"""

_PRODUCTS = {
    "backpack": ("color", ("black", "green", "grey", "blue")),
    "desk lamp": ("light", ("warm white", "cold white", "dimmable", "colored")),
    "water bottle": ("capacity", ("500 ml", "750 ml", "1 litre", "2 litres")),
    "running shoes": ("size", ("39", "41", "43", "45")),
    "office chair": ("armrest", ("fixed", "adjustable", "padded", "none")),
    "keyboard": ("switches", ("clicky", "linear", "tactile", "silent")),
    "headphones": ("color", ("white", "red", "silver", "navy")),
    "yoga mat": ("thickness", ("4 mm", "5 mm", "6 mm", "8 mm")),
    "teapot": ("material", ("glass", "steel", "ceramic", "iron")),
    "tent": ("persons", ("two", "three", "four", "six")),
}


def rows(random: random.Random) -> Rows:
    """A shop with six customers and fourteen orders."""
    taken: set[str] = set()
    tables: dict[str, dict[str, Any]] = {name: {} for name in ("customers", "payments", "products", "items", "orders")}
    tables |= {"lines": {}, "charges": {}}

    def add(table: str, row: dict[str, Any]) -> dict[str, Any]:
        tables[table][row["id"]] = row
        return row

    for _ in range(6):
        who = add("customers", {**person(random, taken), **address(random)})
        kinds = ["card", *random.sample(["card", "gift_card", "paypal"], random.randrange(1, 3))]
        for kind in kinds:
            balance = random.randrange(100, 400) if kind == "gift_card" else None
            add("payments", {"id": fresh_id(random, f"{kind}_", 5, taken), "customer": who["id"], "kind": kind}).update(
                balance=balance
            )
    sale = random.sample(sorted(_PRODUCTS), 2)
    for name, (option, values) in _PRODUCTS.items():
        product = add("products", {"id": fresh_id(random, "P", 4, taken), "name": name})
        product["final_sale"] = "yes" if name in sale else "no"
        price = random.randrange(15, 120)
        for value in values:
            item = {"id": fresh_id(random, "I", 5, taken), "product": product["id"], "options": f"{option}: {value}"}
            add("items", {**item, "price": price + random.randrange(0, 30), "stock": random.choice((0, 3, 8, 20))})
    for number in range(14):
        _order(random, taken, tables, list(tables["customers"].values())[number % 6])
    return tables


def _order(random: random.Random, taken: set[str], tables: dict[str, Any], who: dict[str, Any]) -> None:
    """One more order of a customer."""
    status = random.choice(("pending", "pending", "processed", "delivered", "delivered", "delivered"))
    delivered = days(random, 1, 75) if status == "delivered" else None
    payment = random.choice([p for p in tables["payments"].values() if p["customer"] == who["id"]])
    order = {"id": fresh_id(random, "W", 4, taken), "customer": who["id"], "status": status}
    order |= {"placed": days(random, 76, 90) if delivered else days(random, 1, 6), "delivered": delivered}
    order |= {"payment": payment["id"], "street": who["street"], "city": who["city"], "zip": who["zip"], "reason": None}
    tables["orders"][order["id"]] = order
    products = random.sample(list(tables["products"].values()), random.randrange(1, 4))
    for number, product in enumerate(products, 1):
        item = random.choice([i for i in tables["items"].values() if i["product"] == product["id"]])
        line = {"id": f"{order['id']}-{number}", "order_id": order["id"], "item": item["id"], "price": item["price"]}
        tables["lines"][line["id"]] = {**line, "status": "bought", "exchanged_for": None}


def same_product(tables: Rows, item: str) -> list[dict[str, Any]]:
    """The other variants of an item's product, in stock."""
    product = tables["items"][item]["product"]
    return [dict(i) for i in tables["items"].values() if i["product"] == product and i["id"] != item and i["stock"]]


# What the tools do.


def _by_email(world: World, email: str) -> Any:
    found = world.scan("customers", lambda row: row["email"].casefold() == email.strip().casefold())
    return _one_customer(found)


def _by_name(world: World, first_name: str, last_name: str, zip: str) -> Any:
    wanted = tuple(part.strip().casefold() for part in (first_name, last_name, zip))
    found = world.scan(
        "customers", lambda row: (row["first_name"].casefold(), row["last_name"].casefold(), row["zip"]) == wanted
    )
    return _one_customer(found)


def _one_customer(found: list[dict[str, Any]]) -> Any:
    if not found:
        raise ToolError("there is no such customer")
    return {"customer_id": found[0]["id"]}


def _customer(world: World, customer_id: str) -> Any:
    customer = world.get("customers", customer_id)
    orders = world.keys("orders", customer=customer_id)
    return {**customer, "payments": world.find("payments", customer=customer_id), "orders": orders}


def _get_order(world: World, order_id: str) -> Any:
    order = world.get("orders", order_id)
    lines = []
    for line in world.find("lines", order_id=order_id):
        item = world.get("items", line["item"])
        product = world.get("products", item["product"])
        lines.append({**line, "product": product["name"], "product_id": product["id"], "options": item["options"]})
    total = sum(line["price"] for line in lines)
    return {**order, "lines": lines, "total": total, "charges": world.find("charges", order_id=order_id)}


def _products(world: World) -> Any:
    return {row["name"]: row["id"] for row in world.find("products")}


def _product(world: World, product_id: str) -> Any:
    return {**world.get("products", product_id), "items": world.find("items", product=product_id)}


def _in_status(world: World, order_id: str, status: str) -> dict[str, Any]:
    order = world.get("orders", order_id)
    if order["status"] != status:
        raise ToolError(f"the order is {order['status']}, not {status}")
    return order


def _pay(world: World, order: dict[str, Any], payment_id: str, owed: int) -> None:
    """Charge an amount, or refund a negative one."""
    payment = choice(payment_id, world.find("payments", customer=order["customer"]), "payment method of the customer")
    if payment["kind"] == "gift_card":
        if payment["balance"] < owed:
            raise ToolError(f"the gift card holds {payment['balance']} dollars only")
        world.update("payments", payment_id, balance=payment["balance"] - owed)
    id = f"{order['id']} {payment_id}"  # one row for both, so that the order of calls does not show
    before = next((row["amount"] for row in world.find("charges", id=id)), None)
    if before is None:
        world.insert("charges", {"id": id, "order_id": order["id"], "payment": payment_id, "amount": owed})
    else:
        world.update("charges", id, amount=before + owed)


def _cancel(world: World, order_id: str, reason: str) -> Any:
    order = _in_status(world, order_id, "pending")
    lines = world.find("lines", order_id=order_id)
    total = sum(line["price"] for line in lines)
    world.update("orders", order_id, status="cancelled", reason=reason)
    _pay(world, order, order["payment"], -total)
    return {"order_id": order_id, "status": "cancelled", "refund": total, "to": order["payment"]}


def _move_order(world: World, order_id: str, street: str, city: str, zip: str) -> Any:
    _in_status(world, order_id, "pending")
    world.update("orders", order_id, street=street.strip(), city=city.strip(), zip=zip.strip())
    return world.get("orders", order_id)


def _move_customer(world: World, customer_id: str, street: str, city: str, zip: str) -> Any:
    world.get("customers", customer_id)
    world.update("customers", customer_id, street=street.strip(), city=city.strip(), zip=zip.strip())
    return world.get("customers", customer_id)


def _variant(world: World, line: dict[str, Any], new_item_id: str) -> dict[str, Any]:
    """Another variant of a line's product, in stock."""
    new, old = world.get("items", new_item_id), world.get("items", line["item"])
    if new["product"] != old["product"] or new["id"] == old["id"]:
        raise ToolError("the new item must be another variant of the same product")
    if not new["stock"]:
        raise ToolError("the new item is out of stock")
    return new


def _line(world: World, order_id: str, line_id: str) -> dict[str, Any]:
    line = dict(choice(line_id, world.find("lines", order_id=order_id), "line of this order"))
    if line["status"] != "bought":
        raise ToolError(f"the line {line_id} has the status {line['status']!r}")
    return line


def _modify(world: World, order_id: str, line_id: str, new_item_id: str, payment_id: str) -> Any:
    order = _in_status(world, order_id, "pending")
    line = _line(world, order_id, line_id)
    new = _variant(world, line, new_item_id)
    world.update("lines", line_id, item=new["id"], price=new["price"])
    _pay(world, order, payment_id, new["price"] - line["price"])
    return {"line_id": line_id, "item": new["id"], "price_difference": new["price"] - line["price"]}


def _return(world: World, order_id: str, line_ids: list[str], payment_id: str) -> Any:
    order = _in_status(world, order_id, "delivered")
    lines = [_line(world, order_id, line_id) for line_id in line_ids]
    for line in lines:
        world.update("lines", line["id"], status="return requested")
    total = sum(line["price"] for line in lines)
    _pay(world, order, payment_id, -total)
    return {"order_id": order_id, "returned": line_ids, "refund": total, "to": payment_id}


def _exchange(world: World, order_id: str, line_id: str, new_item_id: str, payment_id: str) -> Any:
    order = _in_status(world, order_id, "delivered")
    line = _line(world, order_id, line_id)
    new = _variant(world, line, new_item_id)
    world.update("lines", line_id, status="exchange requested", exchanged_for=new["id"])
    _pay(world, order, payment_id, new["price"] - line["price"])
    return {"line_id": line_id, "exchanged_for": new["id"], "price_difference": new["price"] - line["price"]}


_ORDER, _LINE = text("Such as W1234."), text("Such as W1234-1.")
_PAYMENT = text("Of the customer's, such as card_12345.")
_NEW = text("The item to get instead, such as I12345.")
_PLACE = {"street": text("House number and street."), "city": text("City."), "zip": text("Five digits.")}
_WHO = text("Such as ana_silva_42.")

TOOLS = (
    Tool("find_customer_by_email", "Find a customer's id.", {"email": text("Email address.")}, _by_email),
    Tool(
        "find_customer_by_name",
        "Find a customer's id.",
        {"first_name": text("First name."), "last_name": text("Last name."), "zip": text("Zip code.")},
        _by_name,
    ),
    Tool("get_customer", "A customer with payment methods and orders.", {"customer_id": _WHO}, _customer),
    Tool("get_order", "An order with its lines and total.", {"order_id": _ORDER}, _get_order),
    Tool("list_products", "Names and ids of all products.", {}, _products),
    Tool("get_product", "A product with its variants.", {"product_id": text("Such as P1234.")}, _product),
    Tool(
        "cancel_order",
        "Cancel a pending order; the total is refunded to its payment method.",
        {"order_id": _ORDER, "reason": one_of("The customer's reason.", REASONS)},
        _cancel,
    ),
    Tool("change_order_address", "Send a pending order elsewhere.", {"order_id": _ORDER, **_PLACE}, _move_order),
    Tool(
        "change_customer_address", "Change a customer's own address.", {"customer_id": _WHO, **_PLACE}, _move_customer
    ),
    Tool(
        "modify_line",
        "Swap an item of a pending order for another variant.",
        {"order_id": _ORDER, "line_id": _LINE, "new_item_id": _NEW, "payment_id": _PAYMENT},
        _modify,
    ),
    Tool(
        "return_lines",
        "Take back items of a delivered order.",
        {"order_id": _ORDER, "line_ids": ids("Such as W1234-1."), "payment_id": _PAYMENT},
        _return,
    ),
    Tool(
        "exchange_line",
        "Exchange an item of a delivered order for another variant.",
        {"order_id": _ORDER, "line_id": _LINE, "new_item_id": _NEW, "payment_id": _PAYMENT},
        _exchange,
    ),
)
