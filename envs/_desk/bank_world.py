"""A bank: customers with a code word, accounts, cards and payments, and the tools of its desk."""

from __future__ import annotations

import random
from typing import Any

from agentrl.envs._desk.people import TODAY, address, days, fresh_id, person
from agentrl.envs._desk.tools import Tool, amount, one_of, text
from agentrl.envs._desk.world import Rows, ToolError, World

__all__ = ["CAUSES", "MAX_LIMIT", "MAX_TRANSFER", "POLICY", "REFUSALS", "SCHEMA", "TOOLS", "WINDOW_DAYS", "rows"]

MAX_TRANSFER, MAX_LIMIT, WINDOW_DAYS = 1000, 2000, 60
CAUSES = ("lost", "stolen")
WRONGS = ("not recognised", "wrong amount", "not delivered")
REFUSALS = (
    "refused: identity",
    "refused: over the limit",
    "refused: too late",
    "refused: pending",
    "refused: blocked for good",
)

POLICY = f"""
You are an agent of a bank. Today is {TODAY}. All amounts are in whole dollars.

## Policy

- Find the customer by name and zip code, ask for their code word, and compare it with the one on record. If it is
  another one, do nothing for them, and tell them nothing of the record: `refused: identity`. This comes first.
- Money may be moved between the customer's own accounts, as far as the balance goes. To another customer's account at
  most ${MAX_TRANSFER}; more than that, or a part of it, is `refused: over the limit`.
- A lost or stolen card is blocked at once, and a new one is ordered only if the customer asks for it. A blocked card is
  never unblocked: `refused: blocked for good`.
- The daily limit of a card may be set up to ${MAX_LIMIT}; more is `refused: over the limit`.
- A payment by card may be disputed up to {WINDOW_DAYS} days after its day; later it is `refused: too late`. One that is
  still pending cannot be disputed: `refused: pending`.
"""

SCHEMA = """
CREATE TABLE customers (id TEXT PRIMARY KEY, first_name TEXT, last_name TEXT, email TEXT, street TEXT, city TEXT,
    zip TEXT, code_word TEXT);
CREATE TABLE accounts (id TEXT PRIMARY KEY, customer TEXT REFERENCES customers, kind TEXT,
    balance INTEGER CHECK (balance >= 0));
CREATE TABLE cards (id TEXT PRIMARY KEY, customer TEXT REFERENCES customers, account TEXT REFERENCES accounts,
    status TEXT, cause TEXT, daily_limit INTEGER);
CREATE TABLE payments (id TEXT PRIMARY KEY, card TEXT REFERENCES cards, date TEXT, shop TEXT, amount INTEGER,
    status TEXT);
CREATE TABLE transfers (id TEXT PRIMARY KEY, sender TEXT REFERENCES accounts, receiver TEXT REFERENCES accounts,
    amount INTEGER);
CREATE TABLE disputes (id TEXT PRIMARY KEY, payment TEXT REFERENCES payments, wrong TEXT);
CREATE TABLE card_orders (id TEXT PRIMARY KEY, card TEXT REFERENCES cards);
"""

_CODE_WORDS = ("falcon", "tulip", "granite", "violin", "compass", "lantern", "pepper", "glacier", "saddle", "walnut")
_SHOPS = ("Corner Bakery", "Book Barn", "City Cinema", "Garden World", "Pet Palace", "Shoe Box", "Toy Town", "Zen Spa")


def rows(random: random.Random) -> Rows:
    """A bank with six customers, each with two accounts, one or two cards, and payments."""
    taken: set[str] = set()
    names = ("customers", "accounts", "cards", "payments", "transfers", "disputes", "card_orders")
    tables: dict[str, dict[str, Any]] = {name: {} for name in names}
    words = random.sample(_CODE_WORDS, 6)
    for word in words:
        who = {**person(random, taken), **address(random), "code_word": word}
        tables["customers"][who["id"]] = who
        for kind in ("checking", "savings"):
            id = fresh_id(random, "AC", 5, taken)
            account = {"id": id, "customer": who["id"], "kind": kind, "balance": random.randrange(300, 5000)}
            tables["accounts"][id] = account
        checking = next(a["id"] for a in tables["accounts"].values() if a["customer"] == who["id"])
        for number in range(random.randrange(1, 3)):
            card = {"id": fresh_id(random, "CD", 4, taken), "customer": who["id"], "account": checking}
            card |= {"status": "blocked" if number else "active", "cause": random.choice(CAUSES) if number else None}
            tables["cards"][card["id"]] = {**card, "daily_limit": random.randrange(3, 12) * 100}
            _payments(random, taken, tables, card["id"])
    return tables


def _payments(random: random.Random, taken: set[str], tables: dict[str, Any], card: str) -> None:
    """Payments with a card, each in another shop."""
    for shop, status in zip(random.sample(_SHOPS, 4), ("pending", "posted", "posted", "posted"), strict=True):
        day = days(random, 0, 1) if status == "pending" else days(random, 3, 120)
        payment = {"id": fresh_id(random, "PM", 5, taken), "card": card, "date": day, "shop": shop}
        tables["payments"][payment["id"]] = {**payment, "amount": random.randrange(8, 250), "status": status}


# What the tools do.


def _find(world: World, first_name: str, last_name: str, zip: str) -> Any:
    wanted = first_name.strip().casefold(), last_name.strip().casefold()
    for key in world.keys("customers", zip=zip.strip()):
        row = world.now("customers", key)  # no look: the code word is not shown
        if row is not None and (row["first_name"].casefold(), row["last_name"].casefold()) == wanted:
            return {"customer_id": key}
    raise ToolError("there is no such customer")


def _customer(world: World, customer_id: str) -> Any:
    customer = world.get("customers", customer_id)
    held = {table: world.keys(table, customer=customer_id) for table in ("accounts", "cards")}
    return {**customer, **held}


def _account(world: World, account_id: str) -> Any:
    return world.get("accounts", account_id)


def _card(world: World, card_id: str) -> Any:
    return {**world.get("cards", card_id), "payments": world.find("payments", card=card_id)}


def _transfer(world: World, from_account: str, to_account: str, amount: int) -> Any:
    sender, receiver = world.get("accounts", from_account), world.get("accounts", to_account)
    if sender["id"] == receiver["id"]:
        raise ToolError("the accounts must be two")
    if sender["balance"] < amount:
        raise ToolError(f"the account holds {sender['balance']} dollars only")
    world.update("accounts", sender["id"], balance=sender["balance"] - amount)
    world.update("accounts", receiver["id"], balance=receiver["balance"] + amount)
    row = {"id": f"T{len(world.keys('transfers')) + 1}", "sender": sender["id"], "receiver": receiver["id"]}
    world.insert("transfers", {**row, "amount": amount})
    return {"amount": amount, "balance_after": sender["balance"] - amount}


def _block(world: World, card_id: str, cause: str) -> Any:
    if world.get("cards", card_id)["status"] == "blocked":
        raise ToolError("the card is blocked already")
    world.update("cards", card_id, status="blocked", cause=cause)
    return world.get("cards", card_id)


def _unblock(world: World, card_id: str) -> Any:
    if world.get("cards", card_id)["status"] != "blocked":
        raise ToolError("the card is not blocked")
    world.update("cards", card_id, status="active", cause=None)
    return world.get("cards", card_id)


def _new_card(world: World, card_id: str) -> Any:
    if world.get("cards", card_id)["status"] != "blocked":
        raise ToolError("only a blocked card is replaced")
    if world.keys("card_orders", card=card_id):
        raise ToolError("a new card is on its way already")
    world.insert("card_orders", {"id": f"N-{card_id}", "card": card_id})
    return {"ordered": True}


def _limit(world: World, card_id: str, daily_limit: int) -> Any:
    if world.get("cards", card_id)["status"] == "blocked":
        raise ToolError("the card is blocked")
    world.update("cards", card_id, daily_limit=daily_limit)
    return world.get("cards", card_id)


def _dispute(world: World, payment_id: str, wrong: str) -> Any:
    payment = world.get("payments", payment_id)
    if payment["status"] == "disputed":
        raise ToolError("the payment is disputed already")
    world.update("payments", payment_id, status="disputed")
    world.insert("disputes", {"id": f"D-{payment_id}", "payment": payment_id, "wrong": wrong})
    return {"dispute_id": f"D-{payment_id}", "amount": payment["amount"]}


_CARD, _ACCOUNT = text("Such as CD1234."), text("Such as AC12345.")
_NAME = {"first_name": text("First name."), "last_name": text("Last name."), "zip": text("Zip code.")}

TOOLS = (
    Tool("find_customer", "Find a customer's id.", _NAME, _find),
    Tool(
        "get_customer",
        "A customer's record, with their accounts and cards.",
        {"customer_id": text("Such as ana_silva_42.")},
        _customer,
    ),
    Tool("get_account", "An account with its balance.", {"account_id": _ACCOUNT}, _account),
    Tool("get_card", "A card with its payments.", {"card_id": _CARD}, _card),
    Tool(
        "transfer",
        "Move money from one account to another.",
        {"from_account": _ACCOUNT, "to_account": _ACCOUNT, "amount": amount("In dollars.", 1)},
        _transfer,
    ),
    Tool("block_card", "Block a card.", {"card_id": _CARD, "cause": one_of("Why.", CAUSES)}, _block),
    Tool("unblock_card", "Unblock a card.", {"card_id": _CARD}, _unblock),
    Tool("order_new_card", "Order a new card in place of a blocked one.", {"card_id": _CARD}, _new_card),
    Tool("set_limit", "Set a card's daily limit.", {"card_id": _CARD, "daily_limit": amount("In dollars.")}, _limit),
    Tool(
        "dispute_payment",
        "Dispute a payment by card.",
        {"payment_id": text("Such as PM12345."), "wrong": one_of("What is wrong with it.", WRONGS)},
        _dispute,
    ),
)
