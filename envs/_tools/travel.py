"""Tools for journeys, rooms, tables, the weather and tickets."""

from __future__ import annotations

from agentrl.envs._tools.actions import Action, Parameter
from agentrl.envs._tools.kinds import Choice, Clock, Code, Day, Flag, Money, Name, Record, Several, Whole
from agentrl.envs._tools.names import CITY, FILM, PERSON, need, plain_choice, want

__all__ = ["TRAVEL"]

CABIN = Choice(
    {"economy": ("economy class", "economy"), "business": ("business class", "business"), "first": ("first class",)}
)
BOOKING = Code("B", 6)
PAST = Name(("2021-03-14", "2019-07-02", "2022-12-24", "2020-02-29", "2018-10-05"))
PLACE = Name(("Blue Door", "Casa Luna", "The Copper Pot", "Olive & Thyme", "Sakura House", "Old Mill", "Chez Margot"))
HOTEL = Name(("Hotel Astoria", "Park Inn", "Harbour Lodge", "Grand Central", "Villa Flora", "Station Hotel"))

FLIGHTS = (
    Action(
        "search_flights",
        "List flights between two cities on one day. Books nothing.",
        {
            **need(origin=CITY, destination=CITY, date=Day()),
            "cabin": want(CABIN, "Class of travel", "economy"),
            "max_price": want(Money(90, 900), "Highest price in euros"),
        },
        (
            "look up flights from {origin} to {destination}[ {date}][ in {cabin}][ for at most {max_price} euros]",
            "show me which flights go from {origin} to {destination}[ {date}][, {cabin}][, up to {max_price} euros]",
        ),
        again="destination",
    ),
    Action(
        "book_flight",
        "Book seats on a flight whose number is known.",
        {
            **need(flight=Code("LX", 4), date=Day(), passengers=Several(PERSON, 1, 3)),
            "cabin": want(CABIN, "Class of travel", "economy"),
        },
        (
            "book flight {flight}[ {date}] for {passengers}[ in {cabin}]",
            "get {passengers} onto flight {flight}[ {date}][, {cabin}]",
        ),
    ),
    Action(
        "change_flight_date",
        "Move an existing flight booking to another day.",
        need(booking=BOOKING, new_date=Day()),
        (
            "move my flight booking {booking} so that I fly {new_date}",
            "change flight booking {booking}: I want to fly {new_date}",
        ),
    ),
    Action(
        "cancel_flight_booking",
        "Cancel an existing flight booking.",
        {
            **need(booking=BOOKING),
            "refund_to": want(
                Choice({"card": ("to my card",), "voucher": ("as a voucher",)}), "How the money comes back", "card"
            ),
        },
        ("cancel my flight booking {booking}[, with the refund {refund_to}]", "call off flight booking {booking}"),
        again="booking",
    ),
    Action(
        "get_flight_status",
        "Whether a flight is on time, delayed or cancelled.",
        need(flight=Code("LX", 4), date=Day()),
        ("check whether flight {flight} is on time[ {date}]", "find out if flight {flight} is delayed[ {date}]"),
        again="flight",
    ),
)
ROOMS = (
    Action(
        "search_hotels",
        "List hotels in a city for a stay. Books nothing.",
        {
            **need(city=CITY, check_in=Day("from "), nights=Whole(2, 14)),
            "min_stars": want(Whole(2, 5), "Fewest stars"),
        },
        (
            "list hotels in {city}[ {check_in}] for {nights} nights[ with at least {min_stars} stars]",
            "see what hotels there are in {city}[ {check_in}], {nights} nights[, {min_stars} stars or more]",
        ),
        again="city",
    ),
    Action(
        "book_hotel_room",
        "Book a room in a hotel that is known by name.",
        {
            "hotel": Parameter(HOTEL, "Name of the hotel"),
            "guest": Parameter(
                Record({"name": PERSON, "age": Whole(18, 90, said="digits")}, "{name} (age {age})"),
                "Who stays, with age in years",
            ),
            "check_in": Parameter(Day("from ")),
            "nights": Parameter(Whole(2, 14)),
            "breakfast": want(Flag("with breakfast", "without breakfast"), "", default=False),
        },
        (
            "book a room at {hotel} for {guest}[ {check_in}], {nights} nights[, {breakfast}]",
            "reserve a room for {guest} at {hotel}[ {check_in}] for {nights} nights[, {breakfast}]",
        ),
        again="hotel",
    ),
    Action(
        "request_late_checkout",
        "Ask a hotel to let a booked guest leave later.",
        need(booking=BOOKING, time=Clock()),
        (
            "ask for a late checkout on hotel booking {booking}[ {time}]",
            "have the hotel let booking {booking} check out[ {time}]",
        ),
    ),
)
TABLES = (
    Action(
        "find_restaurants",
        "List restaurants in a city by cuisine. Reserves nothing.",
        {
            **need(city=CITY, cuisine=plain_choice("italian", "japanese", "indian", "mexican", "greek", "thai")),
            "price_level": want(Choice({"low": ("cheap",), "medium": ("mid-priced",), "high": ("expensive",)})),
        },
        (
            "find {cuisine} restaurants in {city}[, only {price_level} ones]",
            "search {city} for {cuisine} places to eat",
        ),
        again="city",
    ),
    Action(
        "reserve_table",
        "Reserve a table at a restaurant that is known by name.",
        {
            **need(restaurant=PLACE, date=Day(), time=Clock(), people=Whole(2, 12)),
            "seating": want(Choice({"indoor": ("inside",), "outdoor": ("outside", "in the garden")}), "", "indoor"),
        },
        (
            "reserve a table at {restaurant} for {people} people[ {date}][ {time}][, {seating}]",
            "book us a table for {people} at {restaurant}[ {date}][ {time}][, {seating}]",
        ),
    ),
    Action(
        "cancel_table_reservation",
        "Cancel a reservation at a restaurant.",
        need(restaurant=PLACE, date=Day(), name=PERSON),
        (
            "cancel the table that {name} has at {restaurant}[ {date}]",
            "call {restaurant} off[ {date}], in the name of {name}",
        ),
    ),
)
WEATHER = (
    Action(
        "get_current_weather",
        "The weather in a city now.",
        {
            **need(city=CITY),
            "unit": want(Choice({"celsius": ("Celsius",), "fahrenheit": ("Fahrenheit",)}), "", "celsius"),
        },
        (
            "tell me what the weather is like in {city} right now[, in {unit}]",
            "check the current weather in {city}[ in {unit}]",
        ),
        again="city",
    ),
    Action(
        "get_weather_forecast",
        "The forecast for a city over the coming days.",
        {
            **need(city=CITY, days=Whole(2, 10)),
            "hourly": want(Flag("hour by hour", "not hour by hour"), "", default=False),
        },
        (
            "get the weather forecast for {city} for the next {days} days[, {hourly}]",
            "forecast the weather in {city}[ over {days} days]",
        ),
        again="city",
    ),
    Action(
        "get_past_weather",
        "The weather that a city had on a day.",
        {**need(city=CITY), "date": Parameter(PAST, "YYYY-MM-DD")},
        ("look up what the weather was in {city}[ on {date}]", "find out how the weather was in {city}[ on {date}]"),
        again="city",
    ),
    Action(
        "create_weather_alert",
        "Send a notice when the temperature in a city falls below a limit in degrees Celsius.",
        {**need(city=CITY, below=Whole(0, 15)), "channel": want(plain_choice("sms", "email", "push"), "", "push")},
        ("alert me when it gets colder than {below} degrees in {city}[, by {channel}]",),
        again="city",
    ),
)
TICKETS = (
    Action(
        "find_showtimes",
        "When a film is on in a city. Buys nothing.",
        need(film=FILM, city=CITY, date=Day()),
        ("find out when {film} is on in {city}[ {date}]", "look up showings of {film} in {city}[ {date}]"),
        again="film",
    ),
    Action(
        "buy_cinema_tickets",
        "Buy tickets for a showing.",
        {
            **need(film=FILM, city=CITY, date=Day(), time=Clock(), seats=Whole(2, 9)),
            "row": want(plain_choice("front", "middle", "back"), "Where to sit"),
        },
        (
            "buy {seats} tickets for {film} in {city}[ {date}][ {time}][, in the {row}]",
            "get us tickets to {film} in {city}, {seats} of them[, {date}][ {time}][, {row} rows]",
        ),
    ),
    Action(
        "get_train_connections",
        "List trains between two cities.",
        {
            **need(origin=CITY, destination=CITY, date=Day(), leave_after=Clock()),
            "direct_only": want(Flag("direct trains only", "changes allowed"), "", default=False),
        },
        (
            "list trains from {origin} to {destination}[ {date}], leaving {leave_after} or later[, {direct_only}]",
            "find a train from {origin} to {destination}[ {date}] that leaves {leave_after} or after[, {direct_only}]",
        ),
        again="destination",
    ),
)
TRAVEL = {"flights": FLIGHTS, "rooms": ROOMS, "tables": TABLES, "weather": WEATHER, "tickets": TICKETS}
