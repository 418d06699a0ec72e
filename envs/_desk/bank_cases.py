"""What customers of the bank want: six kinds of requests that can be fulfilled, and six that must be refused."""

from __future__ import annotations

import datetime
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from agentrl.envs._desk.bank_world import CAUSES, MAX_LIMIT, MAX_TRANSFER, WINDOW_DAYS, WRONGS
from agentrl.envs._desk.desk import Case, Template, told
from agentrl.envs._desk.people import TODAY, customer_facts
from agentrl.envs._desk.user import fact
from agentrl.envs._desk.world import Row, Rows

__all__ = ["TEMPLATES"]

Asked = tuple[dict[str, Any], str]


@dataclass(frozen=True, slots=True)
class _Picked:
    """A customer with a card, one of its payments, and their accounts."""

    tables: Rows
    who: Row
    card: Row
    payment: Row

    @property
    def accounts(self) -> tuple[Row, Row]:
        """Checking and savings."""
        checking, savings = (a for a in self.tables["accounts"].values() if a["customer"] == self.who["id"])
        return checking, savings

    @property
    def age(self) -> int:
        """Days since the payment."""
        return (datetime.date.fromisoformat(TODAY) - datetime.date.fromisoformat(self.payment["date"])).days

    def facts(self, *more: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """What the customer knows."""
        word = fact("code codeword password secret security", f"My code word is {self.who['code_word']}.")
        return [*customer_facts(self.who), word, *more]

    def looks(self) -> list[tuple[str, dict[str, Any]]]:
        """Calls that find the customer."""
        who = {key: self.who[key] for key in ("first_name", "last_name", "zip")}
        return [("find_customer", who), ("get_customer", {"customer_id": self.who["id"]})]


def _pick(random: random.Random, tables: Rows, wanted: Callable[[_Picked], bool]) -> _Picked | None:
    """One of the payments with its card and customer, for which a test holds."""
    found = []
    for payment in tables["payments"].values():
        card = tables["cards"][payment["card"]]
        found.append(_Picked(tables, tables["customers"][card["customer"]], card, payment))
    found = [picked for picked in found if wanted(picked)]
    return random.choice(found) if found else None


def _active(picked: _Picked) -> bool:
    return bool(picked.card["status"] == "active")


def _about_card(random: random.Random, picked: _Picked) -> tuple[str, Sequence[Asked]]:
    """Something that the customer wants to know of a card, and how it is told."""
    limit, payment = picked.card["daily_limit"], picked.payment
    if random.random() < 0.5:
        return f"what is the daily limit of card {picked.card['id']}?", [told("number", limit, f"It is ${limit}.")]
    says = f"You paid there on {payment['date']}."
    return f"on which day did I pay at {payment['shop']} with it?", [told("date", payment["date"], says)]


def _by_card(random: random.Random, picked: _Picked | None, wants: str, *facts: Mapping[str, Any]) -> Case | None:
    """A request about a card; `{}` is the card's id."""
    if picked is None:
        return None
    also, asks = _about_card(random, picked)
    return Case(
        wants=f"{wants.format(picked.card['id'])} Also, {also}",
        facts=picked.facts(fact("card number", f"It is card {picked.card['id']}."), *facts),
        subject=[picked.card["id"]],
        looks=[*picked.looks(), ("get_card", {"card_id": picked.card["id"]})],
        asks=asks,
        must_see=[("customers", picked.who["id"]), ("cards", picked.card["id"])],
        must_hear=["code"],
    )


def _done(case: Case | None, *writes: tuple[str, dict[str, Any]]) -> Case | None:
    """The case, done by these calls; of the looks, only that at the code word counts."""
    return None if case is None else replace(case, writes=list(writes), must_see=case.must_see[:1])


def _refused(case: Case | None, outcome: str) -> Case | None:
    """The case, refused."""
    if case is None:
        return None
    return replace(case, outcome=f"refused: {outcome}")


def _move(picked: _Picked, receiver: str, amount: int) -> tuple[Case, dict[str, Any]]:
    """A transfer from the checking account."""
    sender = picked.accounts[0]
    balance = sender["balance"]
    wish = fact(
        "account amount much money transfer receiver where to", f"Send ${amount} from {sender['id']} to {receiver}."
    )
    case = Case(
        wants="I want to transfer some money. Also, what is the balance of my checking account before that?",
        facts=picked.facts(wish),
        subject=[sender["id"], receiver],
        looks=[*picked.looks(), ("get_account", {"account_id": sender["id"]})],
        asks=[told("number", balance, f"It was ${balance}.")],
        must_see=[("customers", picked.who["id"]), ("accounts", sender["id"])],
        must_hear=["code"],
    )
    return case, {"from_account": sender["id"], "to_account": receiver, "amount": amount}


def _stranger(random: random.Random, picked: _Picked) -> str:
    """Another customer's account."""
    others = [a["id"] for a in picked.tables["accounts"].values() if a["customer"] != picked.who["id"]]
    return str(random.choice(others))


def transfer_own(random: random.Random, tables: Rows) -> Case | None:
    """Money goes to the customer's savings."""
    picked = _pick(random, tables, _active)
    if picked is None:
        return None
    case, arguments = _move(picked, picked.accounts[1]["id"], random.randrange(20, picked.accounts[0]["balance"]))
    return _done(case, ("transfer", arguments))


def transfer_other(random: random.Random, tables: Rows) -> Case | None:
    """Money goes to another customer, within the limit."""
    picked = _pick(random, tables, _active)
    if picked is None:
        return None
    most = min(MAX_TRANSFER, picked.accounts[0]["balance"])
    case, arguments = _move(picked, _stranger(random, picked), random.randrange(20, most + 1))
    return _done(case, ("transfer", arguments))


def block(random: random.Random, tables: Rows) -> Case | None:
    """A card was lost or stolen; some customers want a new one."""
    picked, cause = _pick(random, tables, _active), random.choice(CAUSES)
    anew = random.random() < 0.5
    wish = fact("new replace replacement order another", "Yes, order me a new card." if anew else "I need no new card.")
    case = _by_card(
        random, picked, "My card {} is gone, please block it.", fact("lost stolen why", f"It was {cause}."), wish
    )
    if picked is None:
        return None
    card = {"card_id": picked.card["id"]}
    return _done(case, ("block_card", {**card, "cause": cause}), *([("order_new_card", card)] if anew else []))


def limit(random: random.Random, tables: Rows) -> Case | None:
    """Another daily limit, as far as that is allowed."""
    picked = _pick(random, tables, _active)
    if picked is None:
        return None
    values = [value for value in range(100, MAX_LIMIT + 1, 50) if value != picked.card["daily_limit"]]
    return _limited(picked, random.choice(values))


def _limited(picked: _Picked, value: int) -> Case | None:
    wish = fact("limit much amount high", f"Set the limit to ${value} a day.")
    also = f"what did I pay at {picked.payment['shop']} with it?"
    price = picked.payment["amount"]
    return Case(
        wants=f"I want another daily limit for my card. Also, {also}",
        facts=picked.facts(fact("card number", f"It is card {picked.card['id']}."), wish),
        subject=[picked.card["id"]],
        looks=[*picked.looks(), ("get_card", {"card_id": picked.card["id"]})],
        writes=[("set_limit", {"card_id": picked.card["id"], "daily_limit": value})],
        asks=[told("number", price, f"You paid ${price} there.")],
        must_see=[("customers", picked.who["id"]), ("cards", picked.card["id"])],
        must_hear=["code"],
    )


def _disputed(random: random.Random, picked: _Picked | None) -> Case | None:
    """A payment that something is wrong with."""
    if picked is None:
        return None
    wrong = random.choice(WRONGS)
    says = {WRONGS[0]: "I do not recognise it.", WRONGS[1]: "The amount is wrong.", WRONGS[2]: "I never got the goods."}
    shop, price = picked.payment["shop"], picked.payment["amount"]
    return Case(
        wants=f"Something is wrong with my payment at {shop}, and I dispute it. Also, how much was it?",
        facts=picked.facts(
            fact("card number", f"I paid with card {picked.card['id']}."),
            fact("wrong why reason happened", says[wrong]),
        ),
        subject=[picked.payment["id"], picked.card["id"]],
        looks=[*picked.looks(), ("get_card", {"card_id": picked.card["id"]})],
        writes=[("dispute_payment", {"payment_id": picked.payment["id"], "wrong": wrong})],
        asks=[told("number", price, f"It was ${price}.")],
        must_see=[("customers", picked.who["id"]), ("payments", picked.payment["id"])],
        must_hear=["code"],
    )


def dispute(random: random.Random, tables: Rows) -> Case | None:
    """A payment is disputed in time."""
    return _disputed(
        random, _pick(random, tables, lambda one: one.payment["status"] == "posted" and one.age <= WINDOW_DAYS)
    )


def rethink(random: random.Random, tables: Rows) -> Case | None:
    """The customer wants a card blocked, and when asked to confirm, finds it: a lower limit will do."""
    picked = _pick(random, tables, lambda one: _active(one) and one.card["daily_limit"] > 200)
    lost = fact("lost stolen why", "It was lost.")
    case = _by_card(random, picked, "My card {} is gone, please block it.", lost, fact("new replace", "No new card."))
    if picked is None or case is None:
        return None
    case = replace(case, twist="Oh, here it is! Do not block it. But set its daily limit to $150, please.")
    return _done(case, ("set_limit", {"card_id": picked.card["id"], "daily_limit": 150}))


def refuse_identity(random: random.Random, tables: Rows) -> Case | None:
    """Someone who does not know the code word, with a request that would be fine; they are told nothing."""
    case = random.choice((transfer_own, transfer_other, block, limit, dispute))(random, tables)
    if case is None:
        return None
    id = next(arguments["customer_id"] for name, arguments in case.looks if name == "get_customer")
    who = tables["customers"][id]
    wrong = random.choice([row["code_word"] for row in tables["customers"].values() if row["id"] != id])
    facts = [
        {**known, "says": f"My code word is {wrong}."} if who["code_word"] in known["says"] else known
        for known in case.facts
    ]
    private = [who["code_word"], *(str(asked["value"]) for asked, _ in case.asks)]
    return _refused(
        replace(case, facts=facts, writes=(), asks=(), must_see=[("customers", id)], private=private),
        "identity",
    )


def refuse_transfer(random: random.Random, tables: Rows) -> Case | None:
    """More than the limit to another customer, though the balance would do."""
    picked = _pick(random, tables, lambda one: _active(one) and one.accounts[0]["balance"] > MAX_TRANSFER)
    if picked is None:
        return None
    amount = random.randrange(MAX_TRANSFER + 1, picked.accounts[0]["balance"] + 1)
    case, _ = _move(picked, _stranger(random, picked), amount)
    return _refused(case, "over the limit")


def refuse_limit(random: random.Random, tables: Rows) -> Case | None:
    """A daily limit that is too high."""
    picked = _pick(random, tables, _active)
    case = None if picked is None else _limited(picked, random.randrange(MAX_LIMIT // 50 + 1, 100) * 50)
    if picked is None or case is None:
        return None
    return _refused(replace(case, writes=()), "over the limit")


def refuse_old(random: random.Random, tables: Rows) -> Case | None:
    """A dispute that comes too late."""
    case = _disputed(random, _pick(random, tables, lambda one: one.age > WINDOW_DAYS))
    return None if case is None else _refused(replace(case, writes=()), "too late")


def refuse_pending(random: random.Random, tables: Rows) -> Case | None:
    """A dispute of a payment that is pending."""
    case = _disputed(random, _pick(random, tables, lambda one: one.payment["status"] == "pending"))
    return None if case is None else _refused(replace(case, writes=()), "pending")


def refuse_unblock(random: random.Random, tables: Rows) -> Case | None:
    """A blocked card is to work again."""
    picked = _pick(random, tables, lambda one: not _active(one))
    found = fact("why reason found", "I have found it again.")
    return _refused(_by_card(random, picked, "Please unblock my card {}.", found), "blocked for good")


TEMPLATES: Mapping[str, Template] = {
    "transfer_own": transfer_own,
    "transfer_other": transfer_other,
    "block": block,
    "limit": limit,
    "dispute": dispute,
    "rethink": rethink,
    "refuse_identity": refuse_identity,
    "refuse_transfer": refuse_transfer,
    "refuse_limit": refuse_limit,
    "refuse_old": refuse_old,
    "refuse_pending": refuse_pending,
    "refuse_unblock": refuse_unblock,
}
