"""An airline: customers with a status, flights, bookings, and the tools of its desk."""

from __future__ import annotations

import random
from typing import Any

from agentrl.envs._desk.people import TODAY, address, days, fresh_id, person
from agentrl.envs._desk.tools import Tool, amount, choice, one_of, text
from agentrl.envs._desk.world import Rows, ToolError, World

__all__ = ["BAG_PRICE", "CABINS", "COMPENSATION", "FREE_BAGS", "POLICY", "REFUSALS", "SCHEMA", "TOOLS", "rows"]

CABINS = ("basic", "economy", "business")
FREE_BAGS = {"regular": 1, "silver": 2, "gold": 3}
BAG_PRICE = 50
COMPENSATION = {"cancelled": 100, "delayed": 40}
MAX_PASSENGERS = 5
REFUSALS = (
    "refused: no refund",
    "refused: flown",
    "refused: fare",
    "refused: bags",
    "refused: no compensation",
)

POLICY = f"""
You are an agent of an airline. Today is {TODAY}. All prices are in whole dollars, and for one passenger.

## Policy

- Find the customer by email first. Help with this customer's own bookings only.
- Book only flights that are scheduled and have seats left in the cabin, for at most {MAX_PASSENGERS} passengers.
- A flight may be changed for another one of the same route and in the same cabin; bookings in the basic cabin may not:
  `refused: fare`. The difference in price is charged or refunded.
- The cabin may be changed to a better one, in the basic cabin too.
- A booking may be cancelled if it was booked today or yesterday, if the airline cancelled the flight, if it is in the
  business cabin, or if it is insured; otherwise it is `refused: no refund`.
- A booking whose flight has landed can be neither changed nor cancelled: `refused: flown`. This comes first.
- Free bags for each passenger: {", ".join(f"{tier} {count}" for tier, count in FREE_BAGS.items())}.
  Any further bag costs ${BAG_PRICE}. Bags may be added; a bag that is booked is never taken off again: `refused: bags`.
- A customer who complains and asks for it gets a certificate of ${COMPENSATION["cancelled"]} for each passenger of a
  cancelled flight, of ${COMPENSATION["delayed"]} of a delayed one, but only if they are silver or gold or the booking
  is insured; in all other cases it is `refused: no compensation`.
- What is charged or refunded goes to the payment method that the customer names, or else to that of the booking.
"""

SCHEMA = """
CREATE TABLE customers (id TEXT PRIMARY KEY, first_name TEXT, last_name TEXT, email TEXT, zip TEXT, tier TEXT);
CREATE TABLE payments (id TEXT PRIMARY KEY, customer TEXT REFERENCES customers, kind TEXT,
    balance INTEGER CHECK (balance >= 0));
CREATE TABLE flights (id TEXT PRIMARY KEY, origin TEXT, destination TEXT, date TEXT, departs TEXT, status TEXT,
    basic INTEGER, economy INTEGER, business INTEGER, seats INTEGER CHECK (seats >= 0));
CREATE TABLE bookings (id TEXT PRIMARY KEY, customer TEXT REFERENCES customers, flight TEXT REFERENCES flights,
    cabin TEXT, passengers INTEGER, bags INTEGER, paid_bags INTEGER, insured TEXT, status TEXT, booked TEXT,
    payment TEXT REFERENCES payments, price INTEGER);
CREATE TABLE charges (id TEXT PRIMARY KEY, booking TEXT REFERENCES bookings, payment TEXT REFERENCES payments,
    amount INTEGER);
CREATE TABLE certificates (id TEXT PRIMARY KEY, customer TEXT REFERENCES customers, booking TEXT, amount INTEGER);
"""

_CITIES = ("Aston", "Brookfield", "Clayton", "Dunmore", "Easton")


def rows(random: random.Random) -> Rows:
    """An airline with five customers, six routes and twelve bookings."""
    taken: set[str] = set()
    names = ("customers", "payments", "flights", "bookings", "charges", "certificates")
    tables: dict[str, dict[str, Any]] = {name: {} for name in names}
    for _ in range(5):
        who = {**person(random, taken), "zip": address(random)["zip"], "tier": random.choice(sorted(FREE_BAGS))}
        tables["customers"][who["id"]] = who
        for kind in ("card", random.choice(("voucher", "paypal"))):
            id = fresh_id(random, f"{kind}_", 5, taken)
            balance = random.randrange(200, 900) if kind == "voucher" else None
            tables["payments"][id] = {"id": id, "customer": who["id"], "kind": kind, "balance": balance}
    routes = random.sample([(a, b) for a in _CITIES for b in _CITIES if a != b], 6)
    for route in routes:
        day = days(random, -20, -2)
        for status in ("scheduled", "scheduled", "scheduled", "delayed", "cancelled", "landed"):
            flight: dict[str, Any] = {"id": fresh_id(random, "AX", 3, taken)}
            flight |= {"origin": route[0], "destination": route[1]}
            flight["date"] = {"landed": days(random, 1, 9), "scheduled": day}.get(status) or days(random, -20, -1)
            flight |= {"departs": f"{random.randrange(6, 22):02}:{random.choice((0, 15, 30, 45)):02}", "status": status}
            basic = random.randrange(50, 120)
            flight |= {"basic": basic, "economy": basic + random.randrange(20, 90)}
            flight |= {"business": flight["economy"] + random.randrange(100, 300), "seats": random.randrange(5, 40)}
            tables["flights"][flight["id"]] = flight
    for number in range(12):
        _booking(random, taken, tables, list(tables["customers"].values())[number % 5])
    return tables


def _booking(random: random.Random, taken: set[str], tables: dict[str, Any], who: dict[str, Any]) -> None:
    """One more booking of a customer, for a flight that they have no other booking for."""
    own = {b["flight"] for b in tables["bookings"].values() if b["customer"] == who["id"]}
    flight = random.choice([f for f in tables["flights"].values() if f["id"] not in own])
    cabin, passengers = random.choice(CABINS), random.randrange(1, 4)
    bags = random.randrange(passengers * FREE_BAGS[who["tier"]] + 1)
    payment = random.choice([p["id"] for p in tables["payments"].values() if p["customer"] == who["id"]])
    booked = days(random, 10, 40) if flight["status"] == "landed" or random.random() < 0.7 else days(random, 0, 1)
    booking = {"id": fresh_id(random, "BK", 4, taken), "customer": who["id"], "flight": flight["id"], "cabin": cabin}
    booking |= {"passengers": passengers, "bags": bags, "paid_bags": 0, "insured": random.choice(("yes", "no", "no"))}
    booking |= {"status": "booked", "booked": booked, "payment": payment, "price": passengers * flight[cabin]}
    tables["bookings"][booking["id"]] = booking


# What the tools do.


def _find(world: World, email: str) -> Any:
    found = world.scan("customers", lambda row: row["email"].casefold() == email.strip().casefold())
    if not found:
        raise ToolError("there is no such customer")
    return {"customer_id": found[0]["id"]}


def _customer(world: World, customer_id: str) -> Any:
    customer = world.get("customers", customer_id)
    bookings = world.keys("bookings", customer=customer_id)
    return {**customer, "payments": world.find("payments", customer=customer_id), "bookings": bookings}


def _booked(world: World, booking_id: str) -> Any:
    booking = world.get("bookings", booking_id)
    return {**booking, "flight": world.get("flights", booking["flight"])}


def _search(world: World, origin: str, destination: str, date: str) -> Any:
    found = world.find("flights", origin=origin.strip(), destination=destination.strip(), date=date.strip())
    return [flight for flight in found if flight["status"] == "scheduled"]


def _pay(world: World, booking: dict[str, Any], payment_id: str, owed: int) -> None:
    """Charge an amount, or refund a negative one."""
    payments = world.find("payments", customer=booking["customer"])
    payment = choice(payment_id, payments, "payment method of the customer")
    if payment["kind"] == "voucher":
        if payment["balance"] < owed:
            raise ToolError(f"the voucher holds {payment['balance']} dollars only")
        world.update("payments", payment_id, balance=payment["balance"] - owed)
    id = f"{booking['id']} {payment_id}"  # one row for both, so that the order of calls does not show
    before = next((row["amount"] for row in world.find("charges", id=id)), None)
    if before is None:
        world.insert("charges", {"id": id, "booking": booking["id"], "payment": payment_id, "amount": owed})
    else:
        world.update("charges", id, amount=before + owed)


def _seats(world: World, flight_id: str, taken: int) -> dict[str, Any]:
    """Take seats of a scheduled flight."""
    flight = world.get("flights", flight_id)
    if flight["status"] != "scheduled" or flight["seats"] < taken:
        raise ToolError(f"the flight is {flight['status']} and has {flight['seats']} seats left")
    world.update("flights", flight_id, seats=flight["seats"] - taken)
    return flight


def _open_booking(world: World, booking_id: str) -> dict[str, Any]:
    booking = world.get("bookings", booking_id)
    if booking["status"] != "booked":
        raise ToolError(f"the booking is {booking['status']}")
    return booking


def _book(world: World, customer_id: str, flight_id: str, cabin: str, passengers: int, payment_id: str) -> Any:
    world.get("customers", customer_id)
    flight = _seats(world, flight_id, passengers)
    booking: dict[str, Any] = {"id": f"NEW{len(world.keys('bookings')) + 1}", "customer": customer_id}
    booking |= {
        "flight": flight_id,
        "cabin": cabin,
        "passengers": passengers,
        "bags": 0,
        "paid_bags": 0,
        "insured": "no",
    }
    booking |= {"status": "booked", "booked": TODAY, "payment": payment_id, "price": passengers * flight[cabin]}
    choice(payment_id, world.find("payments", customer=customer_id), "payment method of the customer")
    world.insert("bookings", booking)
    _pay(world, booking, payment_id, booking["price"])
    return booking


def _move(world: World, booking_id: str, flight_id: str, payment_id: str) -> Any:
    booking = _open_booking(world, booking_id)
    old = world.get("flights", booking["flight"])
    flight = _seats(world, flight_id, booking["passengers"])
    if (flight["origin"], flight["destination"]) != (old["origin"], old["destination"]) or flight_id == old["id"]:
        raise ToolError("the new flight must be another one of the same route")
    if old["status"] == "scheduled":
        world.update("flights", old["id"], seats=old["seats"] + booking["passengers"])
    return _repriced(world, booking, flight, booking["cabin"], payment_id)


def _cabin(world: World, booking_id: str, cabin: str, payment_id: str) -> Any:
    booking = _open_booking(world, booking_id)
    if CABINS.index(cabin) <= CABINS.index(booking["cabin"]):
        raise ToolError("the new cabin must be a better one")
    return _repriced(world, booking, world.get("flights", booking["flight"]), cabin, payment_id)


def _repriced(world: World, booking: dict[str, Any], flight: dict[str, Any], cabin: str, payment_id: str) -> Any:
    price = booking["passengers"] * flight[cabin]
    world.update("bookings", booking["id"], flight=flight["id"], cabin=cabin, price=price)
    _pay(world, booking, payment_id, price - booking["price"])
    return {**world.get("bookings", booking["id"]), "price_difference": price - booking["price"]}


def _bags(world: World, booking_id: str, bags: int, paid_bags: int, payment_id: str) -> Any:
    booking = _open_booking(world, booking_id)
    if paid_bags < booking["paid_bags"] or paid_bags > bags:
        raise ToolError("paid bags cannot become fewer, and are some of all bags")
    world.update("bookings", booking_id, bags=bags, paid_bags=paid_bags)
    _pay(world, booking, payment_id, BAG_PRICE * (paid_bags - booking["paid_bags"]))
    return world.get("bookings", booking_id)


def _cancel(world: World, booking_id: str) -> Any:
    booking = _open_booking(world, booking_id)
    world.update("bookings", booking_id, status="cancelled")
    flight = world.get("flights", booking["flight"])
    if flight["status"] == "scheduled":
        world.update("flights", flight["id"], seats=flight["seats"] + booking["passengers"])
    _pay(world, booking, booking["payment"], -booking["price"])
    return {"booking_id": booking_id, "refund": booking["price"], "to": booking["payment"]}


def _certificate(world: World, booking_id: str, amount: int) -> Any:
    booking = world.get("bookings", booking_id)
    if world.keys("certificates", booking=booking_id):
        raise ToolError("there is a certificate for this booking already")
    row = {"id": f"C-{booking_id}", "customer": booking["customer"], "booking": booking_id, "amount": amount}
    world.insert("certificates", row)
    return row


_BOOKING, _FLIGHT, _WHO = text("Such as BK1234."), text("Such as AX123."), text("Such as ana_silva_42.")
_PAYMENT = text("Of the customer's, such as card_12345.")
_CABIN = one_of("The cabin.", CABINS)
_FROM_TO = {"origin": text("City."), "destination": text("City."), "date": text("As YYYY-MM-DD.")}
_PASSENGERS = {**amount("How many.", 1), "maximum": MAX_PASSENGERS}

TOOLS = (
    Tool("find_customer", "Find a customer's id.", {"email": text("Email address.")}, _find),
    Tool("get_customer", "A customer with payment methods and bookings.", {"customer_id": _WHO}, _customer),
    Tool("get_booking", "A booking with its flight.", {"booking_id": _BOOKING}, _booked),
    Tool("search_flights", "Scheduled flights of a route on a day.", _FROM_TO, _search),
    Tool(
        "book_flight",
        "Make a new booking.",
        {"customer_id": _WHO, "flight_id": _FLIGHT, "cabin": _CABIN, "passengers": _PASSENGERS, "payment_id": _PAYMENT},
        _book,
    ),
    Tool(
        "change_flight",
        "Move a booking to another flight.",
        {"booking_id": _BOOKING, "flight_id": _FLIGHT, "payment_id": _PAYMENT},
        _move,
    ),
    Tool(
        "change_cabin",
        "Move a booking to a better cabin.",
        {"booking_id": _BOOKING, "cabin": _CABIN, "payment_id": _PAYMENT},
        _cabin,
    ),
    Tool(
        "set_bags",
        "Set how many bags a booking has, and how many of them are paid for.",
        {
            "booking_id": _BOOKING,
            "bags": amount("All bags."),
            "paid_bags": amount("Bags beyond the free ones."),
            "payment_id": _PAYMENT,
        },
        _bags,
    ),
    Tool("cancel_booking", "Cancel a booking and refund its price.", {"booking_id": _BOOKING}, _cancel),
    Tool(
        "give_certificate",
        "Compensate a customer.",
        {"booking_id": _BOOKING, "amount": amount("In dollars.", 1)},
        _certificate,
    ),
)
