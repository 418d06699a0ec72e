"""Tools for a house, a calendar, lists, music and the kitchen."""

from __future__ import annotations

from agentrl.envs._tools.actions import Action
from agentrl.envs._tools.kinds import Choice, Clock, Day, Flag, Measure, Minutes, Name, Record, Several, Whole
from agentrl.envs._tools.names import DISH, FRIENDS, GOODS, MESSAGE, SUBJECT, WORDS, need, plain_choice, want

__all__ = ["HOME"]

ROOM = Choice(
    {
        "living_room": ("living room",),
        "kitchen": ("kitchen",),
        "bedroom": ("bedroom",),
        "hall": ("hall", "hallway"),
        "study": ("study",),
        "garage": ("garage",),
    }
)
LIST = Name(("weekend", "camping", "office party", "pantry", "moving day"))
SONG = Name(("Night Trains", "Amber Road", "Coastline", "Echo Park", "Winter Sun", "Little Engines", "Salt and Smoke"))
BAND = Name(("The Paper Kites", "Mona Vale", "Delta Choir", "Grey Harbour", "Juniper Lane", "Static Youth"))

HOUSE = (
    Action(
        "set_light_brightness",
        "Dim or brighten the lights of a room.",
        {**need(room=ROOM, percent=Whole(5, 100, 5)), "color": want(plain_choice("warm", "cold", "red", "blue"))},
        (
            "set the lights in the {room} to {percent} percent[, {color}]",
            "dim the {room} lights to {percent} percent[ in {color} light]",
        ),
        again="room",
    ),
    Action(
        "switch_lights",
        "Switch the lights of rooms on or off.",
        need(rooms=Several(ROOM, 1, 3), state=plain_choice("on", "off")),
        ("switch the lights in the {rooms} {state}", "turn {state} the lights in these rooms: {rooms}"),
    ),
    Action(
        "set_temperature",
        "Set the heating of a room, in degrees Celsius.",
        {**need(room=ROOM, degrees=Whole(15, 26)), "until": want(Clock(), "When it goes back to normal")},
        (
            "set the heating in the {room} to {degrees} degrees[, ending {until}]",
            "make it {degrees} degrees in the {room}[; back to normal {until}]",
        ),
        again="room",
    ),
    Action(
        "start_vacuum",
        "Send the vacuum robot into rooms.",
        {**need(rooms=Several(ROOM, 1, 3)), "mode": want(plain_choice("quiet", "normal", "strong"), "", "normal")},
        ("vacuum these rooms: {rooms}[, in {mode} mode]", "send the vacuum robot into the {rooms}[ in {mode} mode]"),
    ),
    Action(
        "lock_doors",
        "Lock doors of the house.",
        {
            **need(doors=Several(plain_choice("front", "back", "garage", "cellar"), 1, 3)),
            "alarm": want(
                Flag("and arm the alarm", "and leave the alarm off"), "Whether the alarm is armed", default=False
            ),
        },
        ("lock the following doors: {doors}[, {alarm}]",),
    ),
)
CALENDAR = (
    Action(
        "create_event",
        "Put an event into the calendar.",
        {
            **need(title=SUBJECT, date=Day(), start=Clock(), minutes=Minutes()),
            "guests": want(FRIENDS, "First names of those who are invited"),
        },
        (
            "put {title} into my calendar[ {date}][ {start}] for {minutes}[ with {guests}]",
            "create a calendar event {title}[ {date}][ {start}], lasting {minutes}[, and invite {guests}]",
        ),
    ),
    Action(
        "move_event",
        "Move an event of the calendar to another day and time.",
        need(title=SUBJECT, new_date=Day(""), new_start=Clock()),
        (
            "move the event {title} in my calendar to {new_date}[ {new_start}]",
            "shift {title} in my calendar to {new_date}[ {new_start}]",
        ),
    ),
    Action(
        "delete_event",
        "Delete an event from the calendar.",
        need(title=SUBJECT, date=Day()),
        (
            "delete the event {title}[ that is {date}] from my calendar",
            "take {title}[, which is {date},] off my calendar",
        ),
        again="title",
    ),
    Action(
        "find_free_slot",
        "Find a time on a day when all of some people are free.",
        {**need(people=FRIENDS, date=Day(), minutes=Minutes()), "after": want(Clock(), "Not before this time")},
        ("find a time when {people} are free[ {date}], {minutes} long[, starting {after} or later]",),
    ),
    Action(
        "list_events",
        "List the events of a day.",
        need(date=Day()),
        ("tell me what is in my calendar {date}", "list my calendar's events {date}"),
    ),
)
LISTS = (
    Action(
        "add_to_shopping_list",
        "Add things to a shopping list.",
        {**need(items=Several(GOODS, 1, 4)), "list_name": want(LIST, "Which list; left out for the usual one")},
        ("add {items} to my shopping list[ called {list_name}]", "put {items} on the[ {list_name}] shopping list"),
        again="items",
    ),
    Action(
        "remove_from_shopping_list",
        "Take one thing off a shopping list.",
        {**need(item=GOODS), "list_name": want(LIST, "Which list; left out for the usual one")},
        ("take {item} off my shopping list[ called {list_name}]", "strike {item} from the[ {list_name}] shopping list"),
        again="item",
    ),
    Action(
        "set_reminder",
        "Remind the user of something at a time.",
        {**need(text=WORDS, date=Day(), time=Clock()), "repeat": want(plain_choice("daily", "weekly", "monthly"))},
        (
            "remind me to {text}[ {date}][ {time}][, repeated {repeat}]",
            "set a reminder saying {text}[ {date}][ {time}][, {repeat}]",
        ),
    ),
    Action(
        "set_timer",
        "Start a timer.",
        {**need(minutes=Minutes()), "label": want(WORDS, "What the timer is for")},
        ("start a timer of {minutes}[ labelled {label}]", "set a timer for {minutes}[ with the label {label}]"),
        again="minutes",
    ),
    Action(
        "set_alarm",
        "Set an alarm clock.",
        {
            **need(
                time=Clock(), days=Several(plain_choice("monday", "tuesday", "thursday", "friday", "saturday"), 1, 3)
            ),
            "sound": want(plain_choice("bell", "birds", "radio"), "", "bell"),
        },
        ("set my alarm clock to go off {time} on {days}[ with the sound {sound}]",),
    ),
)
MUSIC = (
    Action(
        "play_song",
        "Play one song.",
        {**need(title=SONG), "artist": want(BAND), "room": want(ROOM, "Where it is played")},
        ("play the song {title}[ by {artist}][ in the {room}]", "put on {title}[ by {artist}][ in the {room}]"),
    ),
    Action(
        "create_playlist",
        "Make a playlist of songs, in the given order.",
        {
            **need(name=Name(("Run", "Dinner", "Focus", "Road Trip", "Sunday")), songs=Several(SONG, 2, 4, "kept")),
            "public": want(Flag("public", "private"), "Whether others can see it", default=False),
        },
        ("make a playlist named {name} with, in this order, {songs}[; it should be {public}]",),
    ),
    Action(
        "set_volume",
        "Set the volume of the speakers.",
        {**need(percent=Whole(0, 100, 5)), "room": want(ROOM, "Only this room")},
        (
            "set the speaker volume to {percent} percent[ in the {room}]",
            "turn the sound to {percent} percent[ in the {room}]",
        ),
    ),
    Action(
        "follow_artist",
        "Follow an artist, to hear of new songs.",
        {**need(artist=BAND), "notify": want(Flag("with notifications", "without notifications"), "", default=True)},
        ("follow the artist {artist}[ {notify}]", "add {artist} to the artists that I follow[, {notify}]"),
        again="artist",
    ),
)
KITCHEN = (
    Action(
        "find_recipe",
        "Find recipes of a dish.",
        {
            **need(dish=DISH),
            "max_minutes": want(Minutes(), "Longest time to cook"),
            "diet": want(plain_choice("vegan", "vegetarian", "gluten_free")),
        },
        (
            "find me a recipe for {dish}[ that takes at most {max_minutes}][, {diet}]",
            "look for a recipe for {dish}[, {diet}]",
        ),
        again="dish",
    ),
    Action(
        "scale_recipe",
        "Work out the ingredients of a recipe for a number of people.",
        need(dish=DISH, people=Whole(2, 30)),
        ("work out the ingredients of {dish} for {people} people", "scale the recipe of {dish} to {people} people"),
        again="dish",
    ),
    Action(
        "log_meal",
        "Note down a meal that was eaten, its weight in kilograms.",
        {
            **need(dish=DISH, weight=Measure("kg", 1, 15, "g", 1000)),
            "meal": want(plain_choice("breakfast", "lunch", "dinner")),
        },
        ("log that I ate {weight} of {dish}[ for {meal}]", "write down {weight} of {dish} that I had[ for {meal}]"),
    ),
    Action(
        "order_groceries",
        "Order groceries to an address.",
        {
            **need(
                items=Several(
                    Record({"item": GOODS, "packs": Whole(2, 9)}, "{packs} packs of {item}"), 1, 3, apart="item"
                ),
                address=Record(
                    {
                        "street": Name(("Oak Street", "Mill Lane", "Station Road", "Hill Avenue")),
                        "number": Whole(1, 99, said="digits"),
                    },
                    "{street} {number}",
                ),
            ),
            "note": want(MESSAGE, "For the driver"),
        },
        (
            "order groceries to {address}: {items}[, with the note {note}]",
            "have these groceries brought to {address}: {items}",
        ),
    ),
)
HOME = {"house": HOUSE, "calendar": CALENDAR, "lists": LISTS, "music": MUSIC, "kitchen": KITCHEN}
