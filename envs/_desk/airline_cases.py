"""What customers of the airline want: seven kinds of requests that can be fulfilled, and five that must be refused."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentrl.envs._desk.airline_world import BAG_PRICE, CABINS, COMPENSATION, FREE_BAGS
from agentrl.envs._desk.desk import Case, Template, told
from agentrl.envs._desk.people import TODAY, YESTERDAY, customer_facts
from agentrl.envs._desk.user import fact
from agentrl.envs._desk.world import Row, Rows

__all__ = ["TEMPLATES"]

Asked = tuple[dict[str, Any], str]


@dataclass(frozen=True, slots=True)
class _Picked:
    """A booking with its customer and its flight."""

    tables: Rows
    who: Row
    booking: Row
    flight: Row

    @property
    def refundable(self) -> bool:
        """Whether the policy lets it be cancelled, if it was not flown."""
        recent = self.booking["booked"] in (TODAY, YESTERDAY)
        insured = self.booking["insured"] == "yes" or self.booking["cabin"] == "business"
        return bool(recent or insured or self.flight["status"] == "cancelled")

    @property
    def flown(self) -> bool:
        return bool(self.flight["status"] == "landed")

    @property
    def free_bags(self) -> int:
        return int(self.booking["passengers"] * FREE_BAGS[self.who["tier"]])

    @property
    def compensated(self) -> bool:
        """Whether the customer may get a certificate, if the flight was late or cancelled."""
        return bool(self.who["tier"] != "regular" or self.booking["insured"] == "yes")

    def others(self) -> list[Row]:
        """Other flights of the route, with seats."""
        route = self.flight["origin"], self.flight["destination"]
        found = [f for f in self.tables["flights"].values() if (f["origin"], f["destination"]) == route]
        seats = self.booking["passengers"]
        return [f for f in found if f["status"] == "scheduled" and f["seats"] >= seats and f["id"] != self.flight["id"]]

    def facts(self, *more: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """What the customer knows."""
        number = fact("booking reservation number", f"It is booking {self.booking['id']}.")
        return [*customer_facts(self.who), number, *more]

    def looks(self) -> list[tuple[str, dict[str, Any]]]:
        """Calls that find all this out."""
        return [
            ("find_customer", {"email": self.who["email"]}),
            ("get_customer", {"customer_id": self.who["id"]}),
            ("get_booking", {"booking_id": self.booking["id"]}),
        ]


def _pick(random: random.Random, tables: Rows, wanted: Callable[[_Picked], bool]) -> _Picked | None:
    """One of the bookings for which a test holds."""
    found = [
        _Picked(tables, tables["customers"][booking["customer"]], booking, tables["flights"][booking["flight"]])
        for booking in tables["bookings"].values()
    ]
    found = [picked for picked in found if wanted(picked)]
    return random.choice(found) if found else None


def _question(random: random.Random, picked: _Picked) -> tuple[str, Sequence[Asked]]:
    """Something that the customer wants to know besides, and how it is told."""
    which = random.randrange(3 if picked.booking["bags"] else 2)
    if which == 0:
        price = picked.booking["price"]
        return "what did I pay for that booking?", [told("number", price, f"You paid ${price}.")]
    if which == 1:
        day = picked.booking["booked"]
        return "on which day did I book it?", [told("date", day, f"You booked it on {day}.")]
    bags = picked.booking["bags"]
    return "how many bags had I booked?", [told("number", bags, f"You had booked {bags} bags.")]


def _payment(picked: _Picked, owed: int) -> str | None:
    """The customer's payment method that holds enough; that of the booking where it does."""
    own = [p for p in picked.tables["payments"].values() if p["customer"] == picked.who["id"]]
    enough = [p["id"] for p in own if p["kind"] != "voucher" or p["balance"] >= owed]
    return picked.booking["payment"] if picked.booking["payment"] in enough else next(iter(enough), None)


def _use(payment: str) -> dict[str, Any]:
    return fact("payment pay refund card method voucher", f"Use {payment}.")


def cancel(random: random.Random, tables: Rows) -> Case | None:
    """A booking that may be cancelled."""
    picked = _pick(random, tables, lambda one: one.refundable and not one.flown)
    return _cancelled(random, picked, [])


def _cancelled(random: random.Random, picked: _Picked | None, others: Sequence[Mapping[str, Any]]) -> Case | None:
    if picked is None:
        return None
    also, asks = _question(random, picked)
    return Case(
        wants=f"I want to cancel my flight to {picked.flight['destination']}. Also, {also}",
        facts=picked.facts(fact("reason why cause", "My plans have changed."), *others),
        subject=[picked.booking["id"]],
        looks=picked.looks(),
        writes=[("cancel_booking", {"booking_id": picked.booking["id"]})],
        asks=asks,
    )


def _moved(random: random.Random, picked: _Picked | None) -> tuple[Row, str] | None:
    """Another flight for a booking, and how it is paid for."""
    if picked is None or not picked.others():
        return None
    new = random.choice(picked.others())
    payment = _payment(picked, picked.booking["passengers"] * new[picked.booking["cabin"]] - picked.booking["price"])
    return None if payment is None else (new, payment)


def change(random: random.Random, tables: Rows) -> Case | None:
    """A booking is moved to another flight."""
    picked = _pick(random, tables, lambda one: one.booking["cabin"] != "basic" and not one.flown and bool(one.others()))
    found = _moved(random, picked)
    if picked is None or found is None:
        return None
    new, payment = found
    also, asks = _question(random, picked)
    route = {key: new[key] for key in ("origin", "destination", "date")}
    arguments = {"booking_id": picked.booking["id"], "flight_id": new["id"], "payment_id": payment}
    wish = fact("flight when which date day time new", f"I want flight {new['id']} on {new['date']}.")
    return Case(
        wants=f"I want to take another flight to {picked.flight['destination']}. Also, {also}",
        facts=picked.facts(wish, _use(payment)),
        subject=[picked.booking["id"]],
        looks=[*picked.looks(), ("search_flights", route)],
        writes=[("change_flight", arguments)],
        asks=asks,
    )


def rethink(random: random.Random, tables: Rows) -> Case | None:
    """The customer wants to cancel, and when asked to confirm, would rather take another flight."""
    picked = _pick(
        random,
        tables,
        lambda one: one.refundable and not one.flown and one.booking["cabin"] != "basic" and bool(one.others()),
    )
    found = _moved(random, picked)
    if picked is None or found is None:
        return None
    new, payment = found
    first = _cancelled(random, picked, [_use(payment)])
    assert first is not None
    arguments = {"booking_id": picked.booking["id"], "flight_id": new["id"], "payment_id": payment}
    return Case(
        wants=first.wants,
        facts=first.facts,
        subject=first.subject,
        looks=first.looks,
        writes=[("change_flight", arguments)],
        asks=first.asks,
        twist=f"Hold on. Do not cancel it, move it to flight {new['id']} on {new['date']} instead. Use {payment}.",
    )


def upgrade(random: random.Random, tables: Rows) -> Case | None:
    """A better cabin."""
    picked = _pick(random, tables, lambda one: one.booking["cabin"] != "business" and not one.flown)
    if picked is None:
        return None
    cabin = random.choice(CABINS[CABINS.index(picked.booking["cabin"]) + 1 :])
    owed = picked.booking["passengers"] * picked.flight[cabin] - picked.booking["price"]
    payment = _payment(picked, owed)
    if payment is None:
        return None
    return Case(
        wants=f"I want {cabin} for my flight to {picked.flight['destination']}. How much more is that for all of us?",
        facts=picked.facts(_use(payment)),
        subject=[picked.booking["id"]],
        looks=picked.looks(),
        writes=[("change_cabin", {"booking_id": picked.booking["id"], "cabin": cabin, "payment_id": payment})],
        asks=[told("number", owed, f"The difference is ${owed}.")],
    )


def bags(random: random.Random, tables: Rows) -> Case | None:
    """More bags, of which some may be free."""
    picked = _pick(random, tables, lambda one: not one.flown)
    if picked is None:
        return None
    more = random.randrange(1, 4)
    total = picked.booking["bags"] + more
    paid = max(picked.booking["paid_bags"], total - picked.free_bags)
    owed = BAG_PRICE * (paid - picked.booking["paid_bags"])
    payment = _payment(picked, owed)
    if payment is None:
        return None
    arguments = {"booking_id": picked.booking["id"], "bags": total, "paid_bags": paid, "payment_id": payment}
    also, asks = _question(random, picked)
    if owed:
        also, asks = "how much will they cost?", [told("number", owed, f"You pay ${owed} for them.")]
    return Case(
        wants=f"Please add bags to my flight to {picked.flight['destination']}. Also, {also}",
        facts=picked.facts(fact("bag many number luggage suitcase", f"I want to add {more}."), _use(payment)),
        subject=[picked.booking["id"]],
        looks=picked.looks(),
        writes=[("set_bags", arguments)],
        asks=asks,
    )


def book(random: random.Random, tables: Rows) -> Case | None:
    """A new booking."""
    picked = _pick(random, tables, lambda one: bool(one.others()))
    if picked is None:
        return None
    new, cabin = random.choice(picked.others()), random.choice(CABINS)
    passengers = random.randrange(1, 5)
    price = passengers * new[cabin]
    payment = _payment(picked, price)
    if payment is None or new["seats"] < passengers:
        return None
    route = {key: new[key] for key in ("origin", "destination", "date")}
    arguments = {"customer_id": picked.who["id"], "flight_id": new["id"], "cabin": cabin, "passengers": passengers}
    wishes = (
        fact("from origin city where depart", f"I fly from {new['origin']} to {new['destination']}."),
        fact("day date when", f"I fly on {new['date']}, on the flight at {new['departs']}."),
        fact("cabin class", f"I want to fly {cabin}."),
        fact("passenger many people traveller", f"There are {passengers} of us."),
    )
    named = [new[key] for key in ("origin", "destination", "date", "departs")]
    same = [
        f for f in tables["flights"].values() if [f[k] for k in ("origin", "destination", "date", "departs")] == named
    ]
    if len(same) > 1:
        return None
    return Case(
        wants=f"I want to book a flight to {new['destination']}. What does it cost for all of us together?",
        facts=[*customer_facts(picked.who), *wishes, _use(payment)],
        subject=[new["id"]],
        looks=[*picked.looks()[:2], ("search_flights", route)],
        writes=[("book_flight", {**arguments, "payment_id": payment})],
        asks=[told("number", price, f"It costs ${price}.")],
    )


def compensate(random: random.Random, tables: Rows) -> Case | None:
    """A certificate for a flight that is late or was cancelled."""
    picked = _pick(random, tables, lambda one: one.compensated and one.flight["status"] in COMPENSATION)
    case = _complaint(random, picked)
    if picked is None or case is None:
        return None
    amount = COMPENSATION[picked.flight["status"]] * picked.booking["passengers"]
    return Case(
        wants=case.wants,
        facts=case.facts,
        subject=case.subject,
        looks=case.looks,
        writes=[("give_certificate", {"booking_id": picked.booking["id"], "amount": amount})],
        asks=case.asks,
    )


def _complaint(random: random.Random, picked: _Picked | None) -> Case | None:
    if picked is None:
        return None
    also, asks = _question(random, picked)
    place = picked.flight["destination"]
    return Case(
        wants=f"There is trouble with my flight to {place}, and I want to be compensated. Also, {also}",
        facts=picked.facts(fact("reason why happened trouble", "Look it up, you should know.")),
        subject=[picked.booking["id"]],
        looks=picked.looks(),
        asks=asks,
    )


def _refused(picked: _Picked, case: Case, outcome: str) -> Case:
    """The same request, where the policy forbids it."""
    return Case(
        wants=case.wants,
        facts=case.facts,
        subject=case.subject,
        looks=picked.looks(),
        outcome=f"refused: {outcome}",
        asks=case.asks,
        must_see=[("customers", picked.who["id"]), ("bookings", picked.booking["id"])],
    )


def refuse_refund(random: random.Random, tables: Rows) -> Case | None:
    """A booking that may not be cancelled."""
    picked = _pick(random, tables, lambda one: not one.refundable and not one.flown)
    case = _cancelled(random, picked, [])
    return None if picked is None or case is None else _refused(picked, case, "no refund")


def refuse_flown(random: random.Random, tables: Rows) -> Case | None:
    """A booking whose flight has landed."""
    picked = _pick(random, tables, lambda one: one.flown)
    case = _cancelled(random, picked, [])
    return None if picked is None or case is None else _refused(picked, case, "flown")


def refuse_fare(random: random.Random, tables: Rows) -> Case | None:
    """A change of a booking in the basic cabin."""
    picked = _pick(random, tables, lambda one: one.booking["cabin"] == "basic" and not one.flown and bool(one.others()))
    if picked is None:
        return None
    new = random.choice(picked.others())
    also, asks = _question(random, picked)
    wish = fact("flight when which date day time new", f"I want flight {new['id']} on {new['date']}.")
    case = Case(
        wants=f"I want to take another flight to {picked.flight['destination']}. Also, {also}",
        facts=picked.facts(wish, _use(picked.booking["payment"])),
        subject=[picked.booking["id"]],
        asks=asks,
    )
    return _refused(picked, case, "fare")


def refuse_bags(random: random.Random, tables: Rows) -> Case | None:
    """A bag is to be taken off."""
    picked = _pick(random, tables, lambda one: one.booking["bags"] > 0 and not one.flown)
    if picked is None:
        return None
    also, asks = _question(random, picked)
    case = Case(
        wants=f"I have a bag too many on my flight to {picked.flight['destination']}. Take it off. Also, {also}",
        facts=picked.facts(fact("bag many luggage suitcase", "Take off one bag."), _use(picked.booking["payment"])),
        subject=[picked.booking["id"]],
        asks=asks,
    )
    return _refused(picked, case, "bags")


def refuse_compensation(random: random.Random, tables: Rows) -> Case | None:
    """No certificate: the customer is not entitled to one, or the flight is as planned."""
    picked = _pick(
        random,
        tables,
        lambda one: not one.flown and not (one.compensated and one.flight["status"] in COMPENSATION),
    )
    case = _complaint(random, picked)
    return None if picked is None or case is None else _refused(picked, case, "no compensation")


TEMPLATES: Mapping[str, Template] = {
    "cancel": cancel,
    "change": change,
    "rethink": rethink,
    "upgrade": upgrade,
    "bags": bags,
    "book": book,
    "compensate": compensate,
    "refuse_refund": refuse_refund,
    "refuse_flown": refuse_flown,
    "refuse_fare": refuse_fare,
    "refuse_bags": refuse_bags,
    "refuse_compensation": refuse_compensation,
}
