"""Word problems about money: shopping, saving, prices that change, fences, shares."""

from __future__ import annotations

import math

from agentrl.envs._maths.stories import Story

__all__ = ["fence", "prices", "saving", "sharing", "shopping"]

GOODS = ("notebooks", "pens", "mugs", "apples", "candles", "postcards", "plants", "puzzles", "scarves", "lamps", "caps")
DEAR = ("jacket", "bicycle", "camera", "tent", "guitar", "desk", "telescope")
SHARED = ("stickers", "marbles", "coins", "cards", "beads", "shells")


def shopping(s: Story, level: int) -> int:
    """One or two kinds of goods, a discount, a note, the change."""
    name, (one, two) = s.name(), s.draw.sample(GOODS, 2)
    q, p, r, t = s.number(2, 12), s.number(2, 25), s.number(2, 12), s.number(2, 25)
    s.say(f"{name} buys {q} {one} for ${p} each.", f"At the market, {name} picks {q} {one} that cost ${p} each.")
    cost = s.step(f"The {one} cost", q, "*", p)
    total = q * p
    if level >= 3:
        s.say(f"{name} also takes {r} {two} at ${t} each.", f"Then {name} adds {r} {two}, ${t} a piece.")
        cost = s.step("All together cost", cost, "+", s.step(f"The {two} cost", r, "*", t))
        total += r * t
    if level == 5:
        off = s.number(5, 50, 5)
        s.say(f"There is a discount of {off}% on everything.", f"The shop takes {off}% off the whole bill.")
        cost = s.step("The bill is then", cost, "-", s.step("The discount is", off, "%", cost))
        total = total * (100 - off) // 100
    if level in (1, 3):
        s.ask(f"How many dollars does {name} pay?", f"How much does {name} spend in dollars?")
        return total
    note = (total // 50 + s.number(1, 3)) * 50
    s.say(f"{name} pays with ${note}.", f"{name} hands over ${note}.")
    s.step("The change is", note, "-", cost)
    s.ask(f"How many dollars of change does {name} get?", f"How much change, in dollars, does {name} get back?")
    return note - total


def saving(s: Story, level: int) -> int:
    """Weekly savings of one or two people, and what a thing costs."""
    name, other, thing = s.name(), s.name(), s.draw.choice(DEAR)
    w, k, start, more = s.number(5, 30), s.number(3, 20), s.number(10, 90), s.number(2, 15)
    s.say(f"{name} saves ${w} every week for {k} weeks.", f"For {k} weeks, {name} puts ${w} a week into a jar.")
    saved = s.step(f"{name} saves", w, "*", k)
    total = w * k
    if level >= 4:
        s.say(f"{other} saves ${more} a week more than {name}, over the same weeks.")
        hers = s.step(f"{other} saves", s.step(f"In a week {other} saves", w, "+", more), "*", k)
        saved = s.step("Both save", saved, "+", hers)
        total += (w + more) * k
        if level == 4:
            s.ask(
                f"How many dollars do {name} and {other} have together at the end?",
                f"How much do {name} and {other} save in all, in dollars?",
            )
            return total
        price = total + s.number(10, 200)
        s.say(
            f"{name} and {other} want to buy a {thing} for ${price} together.",
            f"The {thing} that both want to buy together costs ${price}.",
        )
        s.step("They lack", price, "-", saved)
        s.ask(f"How many dollars do {name} and {other} still need?", "How much money, in dollars, is missing?")
        return price - total
    if level >= 2:
        s.say(f"Before that, the jar held ${start}.", f"{name} had ${start} at the beginning.")
        saved = s.step(f"{name} then has", start, "+", saved)
        total += start
    if level == 3:
        spent = s.number(5, total - 1)
        s.say(f"Afterwards {name} buys a {thing} for ${spent}.", f"Then ${spent} go for a used {thing}.")
        s.step("What is left is", saved, "-", spent)
        total -= spent
    s.ask(f"How many dollars does {name} have in the end?", f"How much money does {name} have now, in dollars?")
    return total


def prices(s: Story, level: int) -> int:
    """Percentages of a number, a price that rises and falls."""
    thing, p, q, n = s.draw.choice(DEAR), s.number(5, 60, 5), s.number(5, 50, 5), s.number(40, 800, 20)
    if level == 1:
        s.say(f"Of {n} visitors, {p}% come by train.", f"A club has {n} members, and {p}% of them play chess.")
        s.step("They are", p, "%", n)
        s.ask("How many people is that?", "How many are they?")
        return n * p // 100
    s.say(f"A {thing} costs ${n}.", f"The price of a {thing} is ${n}.")
    s.say(f"The price rises by {p}%.", f"In spring the shop raises the price by {p}%.")
    price = s.step("The new price is", n, "+", s.step("The rise is", p, "%", n))
    total = n * (100 + p) // 100
    if level >= 4:
        s.say(f"Later the price falls by {q}%.", f"In autumn the new price is cut by {q}%.")
        price = s.step("The price is then", price, "-", s.step("The fall is", q, "%", price))
        total = n * (100 + p) * (100 - q) // 10_000
    if level in (2, 4):
        s.ask("What is the price now, in dollars?", f"How many dollars does the {thing} cost in the end?")
        return total
    k = s.number(2, 9)
    s.say(f"A school buys {k} {thing}s at the last price.", f"At the last price, {k} {thing}s are sold to a hotel.")
    cost = s.step("All of them cost", k, "*", price)
    total *= k
    if level == 5:
        coupon = s.number(10, 40)
        s.say(f"A coupon takes ${coupon} off the bill.", f"The buyer has a voucher for ${coupon}.")
        s.step("The bill is", cost, "-", coupon)
        total -= coupon
    s.ask("How many dollars is the bill?", "What is to be paid, in dollars?")
    return total


def fence(s: Story, level: int) -> int:
    """The way around a field, what a fence and seed for it cost."""
    name, a, b, gate, c, d = s.name(), s.number(5, 40), s.number(5, 40), s.number(1, 4), s.number(3, 20), s.number(2, 9)
    if level == 1:
        s.say(f"{name} has a square field with sides of {a} m.", f"A square garden has sides that are {a} m long.")
        s.step("The way around is", 4, "*", a)
        s.ask("How many metres is the way around it?", "What is its perimeter in metres?")
        return 4 * a
    s.say(f"{name} has a field that is {a} m long and {b} m wide.", f"A field of {name} measures {a} m by {b} m.")
    around = s.step("The way around is", s.step("Two sides are", a, "+", b), "*", 2)
    length = 2 * (a + b)
    if level == 2:
        s.ask("How many metres of fence go around it?", "How long is a fence all around, in metres?")
        return length
    s.say(
        f"A fence all around the field costs ${c} a metre.", f"The field gets a fence at ${c} per metre on all sides."
    )
    if level == 4:
        s.say(f"Only the gate, {gate} m wide, has no fence.", f"A gap of {gate} m for the gate stays open.")
        around = s.step("The fence is as long as", around, "-", gate)
        length -= gate
    cost = s.step("The fence costs", around, "*", c)
    if level < 5:
        s.ask("How many dollars does the fence cost?", "What does the fence cost, in dollars?")
        return length * c
    s.say(f"Seed for the whole field costs ${d} for each square metre.", f"Sowing costs ${d} per square metre.")
    seed = s.step("The seed costs", s.step("The area is", a, "*", b), "*", d)
    s.step("Both cost", cost, "+", seed)
    s.ask("How many dollars do the fence and the sowing cost together?")
    return length * c + a * b * d


def sharing(s: Story, level: int) -> int:
    """Equal shares, and shares in a ratio."""
    name, other, things = s.name(), s.name(), s.draw.choice(SHARED)
    k, each, kept = s.number(3, 12), s.number(4, 30), s.number(2, 20)
    if level <= 2:
        n = k * each + (kept if level == 2 else 0)
        s.say(f"{name} has {n} {things}.", f"In a box of {name} there are {n} {things}.")
        if level == 2:
            s.say(f"{name} keeps {kept} of them.", f"First {kept} of them are put aside.")
            s.say(f"The others are divided equally among {k} friends.", f"{k} friends share the rest equally.")
            s.step("Each gets", s.step("What is left is", n, "-", kept), "/", k)
        else:
            s.say(f"{k} friends share them equally.", f"They are divided equally among {k} friends.")
            s.step("Each gets", n, "/", k)
        s.ask(f"How many {things} does each friend get?")
        return each
    a, b = s.draw.choice([(a, b) for a in range(2, 11) for b in range(1, a) if math.gcd(a, b) == 1])
    n = (a + b) * each
    s.say(
        f"{name} and {other} share {n} {things} in the ratio {a} to {b}, the larger share for {name}.",
        f"Of {n} {things}, {name} gets {a} parts and {other} gets {b} parts of the same size.",
    )
    part = s.step("One part is", n, "/", s.step("The parts are", a, "+", b))
    larger = s.step(f"{name} gets", a, "*", part)
    if level == 3:
        s.ask(f"How many {things} does {name} get?")
        return a * each
    if level == 4:
        given = s.number(1, a * each - 1)
        s.say(f"Then {name} gives {given} of the {things} away.", f"Later {name} loses {given} {things}.")
        s.step("What is left is", larger, "-", given)
        s.ask(f"How many {things} has {name} now?", f"How many of the {things} are left to {name}?")
        return a * each - given
    s.step("The difference is", larger, "-", s.step(f"{other} gets", b, "*", part))
    s.ask(f"How many more {things} than {other} does {name} get?")
    return (a - b) * each
