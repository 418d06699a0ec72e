"""Word problems about amounts: collections, fractions, seats, units, ages, journeys, machines."""

from __future__ import annotations

import math

from agentrl.envs._maths.stories import Operand, Story

__all__ = ["ages", "collection", "fractions", "journey", "machines", "seats", "units"]

COLLECTED = ("stamps", "shells", "comics", "stickers", "buttons", "postcards", "coins")
MADE = ("bottles", "toys", "bolts", "boxes", "bricks", "cables")
STUFF = (  # large unit, small unit, how many of these it has, what, pieces of it
    ("metres", "centimetres", 100, "ribbon", "strips"),
    ("kilograms", "grams", 1000, "flour", "bags"),
    ("litres", "millilitres", 1000, "juice", "bottles"),
)
TIMES = {2: "twice", 3: "three times", 4: "four times", 5: "five times"}


def collection(s: Story, level: int) -> int:
    """Things that come and go, one event a step."""
    name, things = s.name(), s.draw.choice(COLLECTED)
    count = s.number(10, 60)
    held: Operand = count
    s.say(f"{name} has {count} {things}.", f"{name} starts with {count} {things}.")
    for _ in range({4: s.number(4, 5), 5: s.number(5, 7)}.get(level, level)):
        kind, n = s.draw.choice(("more", "more", "fewer", "fewer", "times", "shared")), s.number(2, 30)
        divisors = [d for d in (2, 3, 4, 5) if count % d == 0]
        if kind == "times" and count < 150:
            n, word = s.draw.choice(((2, "doubles"), (3, "triples")))
            s.say(f"A present {word} the collection.", f"Within a month, {name} {word} the number.")
            held, count = s.step("Then there are", n, "*", held), count * n
        elif kind == "shared" and divisors:
            n = s.draw.choice(divisors)
            s.say(f"{name} puts the {things} into {n} equal piles and keeps only one pile.")
            held, count = s.step("One pile has", held, "/", n), count // n
        elif kind == "fewer" and count > n + 2:
            s.say(f"{name} gives {n} of the {things} to a friend.", f"Then {n} of the {things} get lost.")
            held, count = s.step("Left are", held, "-", n), count - n
        else:
            s.say(f"{name} finds {n} more {things}.", f"An aunt brings {n} new {things}.")
            held, count = s.step("Then there are", held, "+", n), count + n
    s.ask(f"How many {things} does {name} have now?", f"How many {things} are there in the end?")
    return count


def fractions(s: Story, level: int) -> int:
    """A fraction of the things, then one of the rest."""
    things = s.draw.choice(("balloons", "cars", "books", "tiles", "tickets", "roses"))
    b = s.number(3, 8)
    a = 1 if level == 1 else s.draw.choice([a for a in range(2, b) if math.gcd(a, b) == 1])
    c, pack, unit = s.number(2, 5), s.number(2, 6), s.number(2, 30)
    n = b * unit
    s.say(f"There are {n} {things}, and {a}/{b} of them are red.", f"Of {n} {things}, {a}/{b} are red.")
    red = s.step(f"1/{b} of them is", n, "/", b)
    if level > 1:
        red = s.step("The red ones are", red, "*", a)
    if level <= 2:
        s.ask(f"How many {things} are red?", f"How many red {things} are there?")
        return a * unit
    rest = s.step("The others are", n, "-", red)
    count = (b - a) * unit
    if level == 3:
        s.ask(f"How many {things} are not red?", f"How many of the {things} have another colour?")
        return count
    s.say(f"Of the {things} that are not red, 1/{c} are blue.", f"Blue are 1/{c} of the {things} that are not red.")
    blue = s.step("The blue ones are", rest, "/", c)
    if level == 4:
        s.ask(f"How many {things} are blue?", f"How many blue {things} are there?")
        return count // c
    s.say(f"The {things} that are neither red nor blue are put into packs of {pack}.")
    s.step("The packs are", s.step("Neither red nor blue are", rest, "-", blue), "/", pack)
    s.ask("How many packs are there?", "How many packs are filled?")
    return (count - count // c) // pack


def seats(s: Story, level: int) -> int:
    """Rows of seats, two parts of a hall, tickets."""
    place = s.draw.choice(("theatre", "cinema", "concert hall", "circus"))
    r, k, r2, k2 = s.number(5, 30), s.number(6, 30), s.number(2, 12), s.number(4, 20)
    free, price = s.number(3, 25), s.number(4, 40)
    s.say(f"A {place} has {r} rows of {k} seats.", f"In a {place} there are {r} rows with {k} seats each.")
    all_seats = s.step("The seats are", r, "*", k)
    count = r * k
    if level >= 3:
        s.say(f"The balcony has {r2} more rows with {k2} seats each.", f"Upstairs are another {r2} rows of {k2} seats.")
        all_seats = s.step("All seats are", all_seats, "+", s.step("Above there are", r2, "*", k2))
        count += r2 * k2
    if level in (1, 3):
        s.ask(f"How many seats does the {place} have?", f"How many people can sit in the {place}?")
        return count
    s.say(f"Tonight {free} seats stay empty.", f"At the show, all but {free} seats are taken.")
    taken = s.step("Taken are", all_seats, "-", free)
    if level < 5:
        s.ask("How many seats are taken?", f"How many people are sitting in the {place}?")
        return count - free
    s.say(f"Everyone in the audience paid ${price} for a ticket.", f"A ticket costs ${price}.")
    s.step("The tickets bring", taken, "*", price)
    s.ask("How many dollars did the tickets bring in?", "What are the takings in dollars?")
    return (count - free) * price


def units(s: Story, level: int) -> int:
    """A large unit in small ones, cut into pieces that are sold."""
    large, small, factor, stuff, pieces = s.draw.choice(STUFF)
    x, size, price = s.number(2, 20), s.number(factor // 20, factor // 2, 5), s.number(2, 12)
    lost = s.number(factor // 50, factor - 1)
    s.say(f"A shop has {x} {large} of {stuff}.", f"There are {x} {large} of {stuff} in store.")
    amount = s.step(f"In {small} that is", x, "*", factor)
    if level == 1:
        s.ask(f"How many {small} is that?", f"How many {small} of {stuff} are there?")
        return x * factor
    if level >= 3:  # so that the pieces come out even
        lost = (x * factor) % size or size
    s.say(f"Of the {stuff}, {lost} {small} are spoilt.", f"First {lost} {small} are used up in the shop.")
    amount = s.step("What is left is", amount, "-", lost)
    left = x * factor - lost
    if level == 2:
        s.ask(f"How many {small} of {stuff} are left?", f"How much {stuff} is left, in {small}?")
        return left
    s.say(
        f"The rest of the {stuff} goes into {pieces} of {size} {small} each.",
        f"From the rest of the {stuff} come {pieces} of {size} {small} each.",
    )
    made = s.step(f"The {pieces} are", amount, "/", size)
    if level == 3:
        s.ask(f"How many {pieces} are there?", f"How many {pieces} can be sold?")
        return left // size
    s.say(f"The {pieces} are sold at ${price} each.", f"Each of the {pieces} is sold for ${price}.")
    taken = s.step("They bring", made, "*", price)
    if level == 4:
        s.ask(f"How many dollars do all {pieces} bring?", "What are the takings in dollars?")
        return left // size * price
    cost = s.number(2, 9)
    s.say(f"Bought in, all the {stuff} had cost ${cost} for each of the {x} {large}.")
    s.step("The profit is", taken, "-", s.step("The shop paid", x, "*", cost))
    s.ask("How many dollars is the profit?", "What is the profit in dollars?")
    return left // size * price - x * cost


def ages(s: Story, level: int) -> int:
    """Ages of up to three people, now and in some years."""
    one, two, three = s.name(), s.name(), s.name()
    b, k, n = s.number(4, 16), s.draw.choice(list(TIMES)), s.number(2, 15)
    d = s.number(2, k * b - 1)
    if level == 1:
        s.say(f"{two} is {b} years old.", f"The age of {two} is {b} years.")
        s.say(f"{one} is {n} years older than {two}.", f"{one} was born {n} years before {two}.")
        s.step(f"{one} is", b, "+", n)
        s.ask(f"How old is {one}?", f"What is the age of {one} in years?")
        return b + n
    s.say(
        f"{two} is {b} years old, and {one} is {TIMES[k]} as old.", f"{one} is {TIMES[k]} as old as {two}, who is {b}."
    )
    first = s.step(f"{one} is", k, "*", b)
    if level == 2:
        s.step("Then the age is", first, "+", n)
        s.ask(f"How old will {one} be in {n} years?", f"What will be the age of {one} in {n} years?")
        return k * b + n
    s.say(f"{three} is {d} years younger than {one}.", f"{one} is {d} years older than {three}.")
    third = s.step(f"{three} is", first, "-", d)
    if level == 3:
        s.step("Then the age is", third, "+", n)
        s.ask(f"How old will {three} be in {n} years?")
        return k * b - d + n
    total = s.step("All three are", s.step(f"{one} and {two} are", first, "+", b), "+", third)
    if level == 4:
        s.ask("How many years are the three old together?", "What is the sum of the three ages?")
        return k * b + b + k * b - d
    s.step("Then all are", total, "+", s.step("Together they grow older by", 3, "*", n))
    s.ask(f"What will be the sum of the three ages in {n} years?", f"How old will the three be together in {n} years?")
    return k * b + b + k * b - d + 3 * n


def journey(s: Story, level: int) -> int:
    """Speeds, hours and distances."""
    name, how = s.name(), s.draw.choice(("drives", "goes by train", "rides"))
    v, t, w, u, x, y = (s.number(20, 110, 5), s.number(2, 6), s.number(20, 110, 5), s.number(2, 6), 0, 0)
    s.say(f"{name} {how} for {t} hours at {v} km an hour.", f"For {t} hours, {name} {how} at a speed of {v} km/h.")
    way = s.step("The first part is", v, "*", t)
    if level == 1:
        s.ask("How many kilometres is that?", f"How far does {name} get, in kilometres?")
        return v * t
    if level == 2:
        x = s.number(5, 90)
        s.say(
            f"Then come another {x} km on foot and by bus.", f"After that, {name} has {x} km more to go, and goes them."
        )
        s.step("The whole way is", way, "+", x)
        s.ask("How many kilometres is the whole way?", "How long is the way in all, in kilometres?")
        return v * t + x
    s.say(f"The next {u} hours the speed is {w} km an hour.", f"After a rest, it is {u} hours at {w} km/h.")
    way = s.step("Both parts are", way, "+", s.step("The second part is", w, "*", u))
    if level == 3:
        s.ask("How many kilometres are both parts together?", f"How far does {name} get in all, in kilometres?")
        return v * t + w * u
    x, y = s.number(20, 80, 5), s.number(2, 5)
    s.say(f"The whole way is {v * t + w * u + x * y} km.", f"The goal is {v * t + w * u + x * y} km from the start.")
    rest = s.step("The rest is", v * t + w * u + x * y, "-", way)
    if level == 4:
        s.ask("How many kilometres are left?", f"How far does {name} still have to go, in kilometres?")
        return x * y
    s.say(f"The rest is done at {x} km an hour.", f"From there on, the speed is {x} km/h.")
    s.step("For the rest it takes", rest, "/", x)
    s.ask("How many hours does the last part take?", "How many hours pass on the last part of the way?")
    return y


def machines(s: Story, level: int) -> int:
    """What one machine makes an hour, and what others make of it."""
    things = s.draw.choice(MADE)
    n, m, rate, hours = s.number(2, 9), s.number(2, 15), s.number(5, 40), s.number(2, 12)
    off = s.number(5, 40, 5)
    if level == 1:
        s.say(
            f"A machine makes {n * rate} {things} in {n} hours.", f"In {n} hours, {n * rate} {things} leave a machine."
        )
        s.step("In an hour it makes", n * rate, "/", n)
        s.ask(f"How many {things} does it make in one hour?", "How many is that an hour?")
        return rate
    s.say(f"In one hour, {n} machines make {n * rate} {things}.", f"{n} machines make {n * rate} {things} an hour.")
    each = s.step("One machine makes", n * rate, "/", n)
    s.say(f"All machines are alike, and there are {m} of them now.", f"Now {m} machines of the same kind are at work.")
    made = s.step("All now make", each, "*", m)
    count = rate * m
    if level >= 3:
        s.say(f"The machines run for {hours} hours.", f"Today the machines are on for {hours} hours.")
        made = s.step("In that time they make", made, "*", hours)
        count *= hours
    if level == 4:
        broken = s.number(2, 30)
        s.say(
            f"Of what the machines make, {broken} {things} are broken.",
            f"At the end, {broken} of the {things} do not work.",
        )
        s.step("Good ones are", made, "-", broken)
        count -= broken
    if level == 5:
        s.say(f"Of what the machines make, {off}% have a flaw.", f"Of the {things}, {off}% are flawed.")
        s.step("Without a flaw are", made, "-", s.step("Flawed are", off, "%", made))
        count = count * (100 - off) // 100
    end = {2: "in an hour", 3: "in that time"}.get(level, "without a flaw" if level == 5 else "that are good")
    s.ask(f"How many {things} are made {end}?", f"How many {things} do the machines make {end}?")
    return count
