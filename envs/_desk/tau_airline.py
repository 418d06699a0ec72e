"""The airline of tau-bench: its tools in code of our own, with the effects on the records that the source's have."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from typing import Any

from agentrl.envs._desk.calculator import calculate
from agentrl.envs._desk.tau_docs import Doc, doc
from agentrl.envs._desk.world import ToolError, World

__all__ = ["RUNS", "SCHEMA"]

SCHEMA = """
CREATE TABLE users (id TEXT PRIMARY KEY, doc JSON);
CREATE TABLE reservations (id TEXT PRIMARY KEY, doc JSON);
CREATE TABLE flights (id TEXT PRIMARY KEY, origin TEXT, destination TEXT, doc JSON);
"""
NOW = "2024-05-15T15:00:00"
BAG, INSURANCE = 50, 30
_NEW_RESERVATIONS = ("HATHAT", "HATHAU", "HATHAV")
_NEW_CERTIFICATES = tuple(f"certificate_{number}" for number in (3221322, 3221323, 3221324))
_AIRPORTS = {
    "ATL": "Atlanta", "BOS": "Boston", "CLT": "Charlotte", "DEN": "Denver", "DFW": "Dallas", "DTW": "Detroit",
    "EWR": "Newark", "IAH": "Houston", "JFK": "New York", "LAS": "Las Vegas", "LAX": "Los Angeles", "LGA": "New York",
    "MCO": "Orlando", "MIA": "Miami", "MSP": "Minneapolis", "ORD": "Chicago", "PHL": "Philadelphia", "PHX": "Phoenix",
    "SEA": "Seattle", "SFO": "San Francisco",
}  # fmt: skip


def _seated(world: World, wanted: Mapping[str, Any], cabin: str, seats: int) -> Doc:
    """A flight on its day, at today's price.

    Raises:
        ToolError: It cannot be booked.
    """
    number, date = wanted["flight_number"], wanted["date"]
    flight = doc(world, "flights", number)
    day = flight["dates"].get(date)
    if day is None or day["status"] != "available":
        raise ToolError(f"flight {number} is not available on {date:.20}")
    if day["available_seats"][cabin] < seats:
        raise ToolError(f"flight {number} has not enough seats")
    places = {"origin": flight["origin"], "destination": flight["destination"]}
    return {"flight_number": number, "date": date, "price": day["prices"][cabin], **places}


def _method(user: Doc, id: str) -> Doc:
    if id not in user["payment_methods"]:
        raise ToolError(f"payment method {id:.40} not found")
    found: Doc = user["payment_methods"][id]
    return found


def _unused(ids: tuple[str, ...], taken: Callable[[str], bool]) -> str:
    free = next((id for id in ids if not taken(id)), None)
    if free is None:
        raise ToolError("no more than three in one conversation")
    return free


def _book(  # noqa: PLR0913  # the tool's own arguments
    world: World,
    *,
    user_id: str,
    flights: list[Doc],
    passengers: list[Doc],
    payment_methods: list[Doc],
    cabin: str,
    total_baggages: int,
    nonfree_baggages: int,
    insurance: str,
    **trip: str,
) -> Doc:
    user = doc(world, "users", user_id)
    seated = [_seated(world, flight, cabin, len(passengers)) for flight in flights]
    total = sum(flight["price"] for flight in seated) * len(passengers)
    total += INSURANCE * len(passengers) * (insurance == "yes") + BAG * nonfree_baggages
    for payment in payment_methods:
        method = _method(user, payment["payment_id"])
        if method["source"] != "credit_card" and method["amount"] < payment["amount"]:
            raise ToolError(f"{payment['payment_id']} does not hold enough")
    paid = sum(payment["amount"] for payment in payment_methods)
    if paid != total:
        raise ToolError(f"the price is {total}, the payments are {paid}")
    for payment in payment_methods:
        method = _method(user, payment["payment_id"])
        if method["source"] == "gift_card":
            method["amount"] -= payment["amount"]
        elif method["source"] == "certificate":
            del user["payment_methods"][payment["payment_id"]]
    id = _unused(_NEW_RESERVATIONS, lambda id: world.now("reservations", id) is not None)
    reservation = {
        "reservation_id": id,
        "user_id": user_id,
        **trip,
        "cabin": cabin,
        "flights": seated,
        "passengers": passengers,
        "payment_history": payment_methods,
        "created_at": NOW,
        "total_baggages": total_baggages,
        "nonfree_baggages": nonfree_baggages,
        "insurance": insurance,
    }
    user["reservations"].append(id)
    world.insert("reservations", {"id": id, "doc": reservation})
    world.update("users", user_id, doc=user)
    return reservation


def _cancel(world: World, reservation_id: str) -> Doc:
    reservation = doc(world, "reservations", reservation_id)
    reservation["payment_history"] += [
        {"payment_id": paid["payment_id"], "amount": -paid["amount"]} for paid in reservation["payment_history"]
    ]
    reservation["status"] = "cancelled"
    world.update("reservations", reservation_id, doc=reservation)
    return reservation


def _charge(world: World, reservation: Doc, payment_id: str, owed: float) -> None:
    """Pay for a change, or refund a negative amount; neither by certificate."""
    user = doc(world, "users", reservation["user_id"])
    method = _method(user, payment_id)
    if method["source"] == "certificate":
        raise ToolError("a certificate does not pay for changes")
    if method["source"] == "gift_card":
        if method["amount"] < owed:
            raise ToolError("the gift card does not hold enough")
        method["amount"] -= owed
        world.update("users", reservation["user_id"], doc=user)
    if owed:
        reservation["payment_history"].append({"payment_id": payment_id, "amount": owed})


def _flights(world: World, reservation_id: str, cabin: str, flights: list[Doc], payment_id: str) -> Doc:
    reservation = doc(world, "reservations", reservation_id)
    seats, held = len(reservation["passengers"]), reservation["flights"]
    new = []
    for wanted in flights:
        kept = [f for f in held if (f["flight_number"], f["date"]) == (wanted["flight_number"], wanted["date"])]
        if kept and cabin == reservation["cabin"]:  # at the price that was paid
            new.append(kept[0])
        else:
            new.append(_seated(world, wanted, cabin, seats))
    owed = seats * (sum(flight["price"] for flight in new) - sum(flight["price"] for flight in held))
    _charge(world, reservation, payment_id, owed)
    reservation |= {"flights": new, "cabin": cabin}
    world.update("reservations", reservation_id, doc=reservation)
    return reservation


def _baggages(world: World, reservation_id: str, total_baggages: int, nonfree_baggages: int, payment_id: str) -> Doc:
    reservation = doc(world, "reservations", reservation_id)
    _charge(world, reservation, payment_id, BAG * max(0, nonfree_baggages - reservation["nonfree_baggages"]))
    reservation |= {"total_baggages": total_baggages, "nonfree_baggages": nonfree_baggages}
    world.update("reservations", reservation_id, doc=reservation)
    return reservation


def _passengers(world: World, reservation_id: str, passengers: list[Doc]) -> Doc:
    reservation = doc(world, "reservations", reservation_id)
    if len(passengers) != len(reservation["passengers"]):
        raise ToolError("the number of passengers cannot change")
    reservation["passengers"] = passengers
    world.update("reservations", reservation_id, doc=reservation)
    return reservation


def _certificate(world: World, user_id: str, amount: float) -> str:
    user = doc(world, "users", user_id)
    id = _unused(_NEW_CERTIFICATES, lambda id: id in user["payment_methods"])
    user["payment_methods"][id] = {"source": "certificate", "amount": amount, "id": id}
    world.update("users", user_id, doc=user)
    return f"{id} of {amount} was added to {user_id}"


def _leg(flight: Doc, date: str) -> Doc | None:
    """What a search shows of a flight on a day; None where it cannot be booked."""
    day = flight["dates"].get(date)
    if day is None or day["status"] != "available":
        return None
    return {**{key: value for key, value in flight.items() if key != "dates"}, **day, "date": date}


def _direct(world: World, origin: str, destination: str, date: str) -> list[Doc]:
    found = [_leg(row["doc"], date) for row in world.find("flights", origin=origin, destination=destination)]
    return [leg for leg in found if leg is not None]


def _onestop(world: World, origin: str, destination: str, date: str) -> list[list[Doc]]:
    pairs = []
    for first in world.find("flights", origin=origin):
        arrival = first["doc"]["scheduled_arrival_time_est"]
        for second in world.find("flights", origin=first["destination"], destination=destination):
            day = _after(date) if "+1" in arrival else date
            legs = [_leg(first["doc"], date), _leg(second["doc"], day)]
            if arrival.removesuffix("+1") <= second["doc"]["scheduled_departure_time_est"]:
                pairs.append([leg for leg in legs if leg is not None])
    return [pair for pair in pairs if len(pair) == 2]


def _after(date: str) -> str:
    try:
        return (datetime.date.fromisoformat(date) + datetime.timedelta(1)).isoformat()
    except (ValueError, OverflowError):
        raise ToolError(f"{date!r:.20} is no date") from None


RUNS: Mapping[str, Callable[..., Any]] = {
    "book_reservation": _book,
    "calculate": lambda world, expression: calculate(expression),
    "cancel_reservation": _cancel,
    "get_reservation_details": lambda world, reservation_id: doc(world, "reservations", reservation_id),
    "get_user_details": lambda world, user_id: doc(world, "users", user_id),
    "list_all_airports": lambda world: _AIRPORTS,
    "search_direct_flight": _direct,
    "search_onestop_flight": _onestop,
    "send_certificate": _certificate,
    "think": lambda world, thought: "",
    "transfer_to_human_agents": lambda world, summary: "transferred",
    "update_reservation_baggages": _baggages,
    "update_reservation_flights": _flights,
    "update_reservation_passengers": _passengers,
}
