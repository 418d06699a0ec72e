"""Actions, pages and ways through the shop; the pages of WebShop's text modes by hand."""

from __future__ import annotations

import random
import sys
from typing import Any

import pytest

from agentrl.envs._shop.actions import Action, parse_action
from agentrl.envs._shop.goals import draw_wish, goal_of, meets
from agentrl.envs._shop.pages import Part, write
from agentrl.envs._shop.products import Catalogue, Product, Review
from agentrl.envs._shop.search import MAX_TOKENS, RESULTS, Search
from agentrl.envs._shop.session import Place, Session
from agentrl.envs._shop.stocking import own_catalogue
from agentrl.errors import MissingExtraError

LAMP = Product(
    asin="B0LAMP0001",
    title="Lumo Desk Lamp",
    category="garden",
    query="desk lamps",
    path="Home › Lamps",
    nouns=("desk", "lamp"),
    attributes=("dimmable",),
    bullets=("Warm light", "Small foot"),
    description="A lamp for desks.",
    options={"color": ("black", "red"), "size": ("s", "xl")},
    cents=1000,
    extra={"xl": 250},
    reviews=(Review("Bright", 4, "I can read."), Review("Ok", 3, "It is a lamp.")),
)
OTHERS = [
    Product(f"B0RUG{i:05}", f"Rug {i}", "garden", "rugs", "Home › Rugs", ("rug",), (), (), "", {}, 500)
    for i in range(23)
]
SHOP = Session(Catalogue([LAMP, *OTHERS]), "find me a lamp")


@pytest.mark.parametrize(
    ("reply", "name", "what"),
    [
        ("search[red lamp]", "search", "red lamp"),
        ("Search [Red Lamp]", "search", "Red Lamp"),
        ("Thought: the lamp is cheap.\nAction: click[Buy Now]", "click", "Buy Now"),
        ("Thought:\nI look.\n\nAction: \nclick[B0LAMP0001]", "click", "B0LAMP0001"),
        ("Thought: I look. Action: click[B0LAMP0001].", "click", "B0LAMP0001"),
        ("Action 3: click[< Prev]", "click", "< Prev"),
        ("**Action:** `click[Next >]`", "click", "Next >"),
        ("<think>click[a]</think>\n<action>click[buy now]</action>", "click", "buy now"),
        ("> click[red]", "click", "red"),
        ("1. search[lamp]\n2. click[red]", "click", "red"),
        ('"click[red]"', "click", "red"),
        ("click[size [large]]", "click", "size [large]"),
        ("click[red]\nThen I will see the price.", "click", "red"),
        ("It would hurt people. Action: Decline[ Mockery ]", "decline", "Mockery"),
        ("decline[mockery]\nclick[red]", "click", "red"),
        ("  search[ lamp\u00a0 shade ]  ", "search", "lamp shade"),
    ],
)
def test_actions_as_they_are_written(reply: str, name: str, what: str) -> None:
    found = parse_action(reply)
    assert found is not None
    assert (found.name, found.what) == (name, what)


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "Buy Now",
        "search lamp",
        "search[lamp",
        "search[red\nlamp]",
        "say[I cannot buy this]",
        "decline[mock\nery]",
        "I could click[Buy Now] here, but I wait",
        "<think>\nclick[Buy Now]",
        "<think>\nclick[Buy Now]\n</think>\nI wait.",
        "click(Buy Now)",
        "doubleclick[red]",
        "buy[red]",
        "search[" + "x" * 5000 + "]",
        "Reaction: click[red] is what I think of",
    ],
)
def test_what_is_no_action(reply: str) -> None:
    assert parse_action(reply) is None


def test_a_long_reply_is_read_quickly() -> None:
    assert parse_action("action: " * 20_000 + "click[") is None
    assert parse_action(("action: " * 200 + "search[\n") * 500) is None
    assert parse_action("click[" * 100_000) is None


def through(*actions: str) -> Place:
    place = Place()
    for text in actions:
        action = parse_action(text)
        assert action is not None
        moved = SHOP.go(place, action)
        assert moved is not None, text
        place = moved
    return place


def shown(*actions: str) -> str:
    return write(SHOP.page(through(*actions)), "text")


HEAD = "Instruction: [SEP] find me a lamp [SEP] Back to Search"
ITEM = (
    f"{HEAD} [SEP] < Prev [SEP] color [SEP] black [SEP] red [SEP] size [SEP] s [SEP] xl [SEP] Lumo Desk Lamp [SEP] "
    "Price: {} [SEP] Rating: 3.5 [SEP] Description [SEP] Features [SEP] Reviews [SEP] Attributes [SEP] Buy Now"
)


def test_pages_as_text() -> None:
    assert shown() == "WebShop [SEP] Instruction: [SEP] find me a lamp [SEP] Search"
    lamp = "B0LAMP0001 [SEP] Lumo Desk Lamp [SEP] $10.0 to $12.5"
    assert shown("search[LAMPS]") == f"{HEAD} [SEP] Page 1 (Total results: 1) [SEP] {lamp}"
    opened = ("search[lamp]", "click[b0lamp0001]")
    assert shown(*opened) == ITEM.format("$10.0 to $12.5")
    assert shown(*opened, "click[red]") == ITEM.format("$10.0 to $12.5")
    assert shown(*opened, "click[XL]") == ITEM.format("$12.5")
    assert shown(*opened, "click[xl]", "click[s]") == ITEM.format("$10.0")
    back = f"{HEAD} [SEP] < Prev"
    assert shown(*opened, "click[Description]") == f"{back} [SEP] A lamp for desks."
    assert shown(*opened, "click[features]") == f"{back} [SEP] Warm light [SEP] Small foot"
    reviews = '"Bright" [SEP] 4 [SEP] I can read. [SEP] "Ok" [SEP] 3 [SEP] It is a lamp.'
    assert shown(*opened, "click[Reviews]") == f"{back} [SEP] {reviews}"
    listed = "dimmable [SEP] garden [SEP] desk lamps [SEP] Home › Lamps"
    assert shown(*opened, "click[Attributes]") == f"{back} [SEP] {listed}"


def test_pages_with_marks() -> None:
    place = through("search[lamp]", "click[B0LAMP0001]", "click[red]", "click[xl]")
    assert write(SHOP.page(place), "rich").splitlines() == [
        "You have clicked red.",
        "You have clicked xl.",
        "Instruction:",
        "find me a lamp",
        "[button] Back to Search [button_]",
        "[button] < Prev [button_]",
        "color",
        "  [button] black [button_]",
        "  [clicked button] red [clicked button_]",
        "size",
        "  [button] s [button_]",
        "  [clicked button] xl [clicked button_]",
        "Lumo Desk Lamp",
        "Price: $12.5",
        "Rating: 3.5",
        *(f"[button] {name} [button_]" for name in ("Description", "Features", "Reviews", "Attributes", "Buy Now")),
    ]
    results = write(SHOP.page(through("search[lamp]", "click[B0LAMP0001]", "click[< Prev]")), "rich")
    assert "\n\n[clicked button] B0LAMP0001 [clicked button_]\nLumo Desk Lamp\n" in results


def test_ten_results_a_page() -> None:
    asins = [product.asin for product in OTHERS]
    for pages, first, last, buttons in (
        (0, 0, 10, ["Next >"]),
        (1, 10, 20, ["< Prev", "Next >"]),
        (2, 20, 23, ["< Prev"]),
    ):
        parts = SHOP.page(through("search[rug]", *["click[next >]"] * pages))
        assert [part.text for part in parts if part.kind == "link"] == asins[first:last]
        assert [part.text for part in parts if part.kind == "button"] == ["Back to Search", *buttons]
        assert f"Page {pages + 1} (Total results: 23)" in [part.text for part in parts]


def test_ways_back() -> None:
    second = through("search[rug]", "click[Next >]")
    item = through("search[rug]", "click[Next >]", "click[B0RUG00012]")
    assert SHOP.go(item, Action("click", "< Prev")) == Place("results", "rug", 2, seen=frozenset({"B0RUG00012"}))
    assert SHOP.go(second, Action("click", "< Prev")) == through("search[rug]")
    lamp = through("search[lamp]", "click[B0LAMP0001]", "click[red]")
    sub = SHOP.go(lamp, Action("click", "Features"))
    assert sub is not None
    assert SHOP.go(sub, Action("click", "< prev")) == lamp
    assert SHOP.go(sub, Action("click", "Back to Search")) == Place()
    back = SHOP.go(lamp, Action("click", "< Prev"))
    assert back is not None
    again = SHOP.go(back, Action("click", "B0LAMP0001"))
    assert again is not None
    assert again.chosen == ()  # as in WebShop, who looks again chooses again
    assert SHOP.go(lamp, Action("search", "rug")) == Place("results", "rug", seen=frozenset({"B0LAMP0001"}))


@pytest.mark.parametrize(
    ("way", "action"),
    [
        ((), "click[Buy Now]"),
        ((), "click[Search]"),
        ((), "click[B0LAMP0001]"),
        (("search[lamp]",), "click[Next >]"),
        (("search[lamp]",), "click[< Prev]"),
        (("search[lamp]",), "click[red]"),
        (("search[lamp]",), "click[Buy Now]"),
        (("search[lamp]", "click[B0LAMP0001]"), "click[color]"),
        (("search[lamp]", "click[B0LAMP0001]"), "click[Lumo Desk Lamp]"),
        (("search[lamp]", "click[B0LAMP0001]"), "click[B0RUG00001]"),
        (("search[lamp]", "click[B0LAMP0001]", "click[Features]"), "click[Buy Now]"),
        (("search[lamp]", "click[B0LAMP0001]"), "decline[mockery]"),
    ],
)
def test_what_a_page_does_not_have_leads_nowhere(way: tuple[str, ...], action: str) -> None:
    found = parse_action(action)
    assert found is not None
    assert SHOP.go(through(*way), found) is None


def test_prices_of_options() -> None:
    assert LAMP.price({"color": "red", "size": "s"}) == 10.0
    assert LAMP.price({"size": "xl"}) == 12.5
    assert LAMP.price({}) == 12.5  # what is not chosen costs as much as its dearest value
    assert LAMP.lowest_price({}) == 10.0


@pytest.mark.parametrize(
    ("change", "met"),
    [
        ({}, True),
        ({"attributes": ["dimmable", "foldable"]}, False),
        ({"goal_options": {"color": "blue"}}, False),
        ({"goal_options": {"finish": "oak"}}, False),
        ({"query": "rugs"}, False),
        ({"price_upper": 9.99}, False),
        ({"price_upper": 10.0}, True),  # for its smaller size
        ({"price_upper": 10.0, "goal_options": {"size": "xl"}}, False),
    ],
)
def test_what_meets_a_goal(change: dict[str, Any], met: bool) -> None:
    assert meets(LAMP, {**goal_of(LAMP, ["dimmable"], {"color": "red"}, 20.0), **change}) == met


def test_a_goal_that_no_search_finds_is_not_drawn() -> None:
    class Lost(Catalogue):
        def find(self, words: str) -> tuple[str, ...]:
            return ()

    products = own_catalogue(100, 0).products
    drawn = [draw_wish(random.Random(seed), Catalogue(products)) for seed in range(20)]
    assert any(drawn)
    assert not any(draw_wish(random.Random(seed), Lost(products)) for seed in range(20))


def test_search_ranks_by_bm25() -> None:
    """Scores by hand: idf ln(1 + (N - n + 0.5) / (n + 0.5)), and shorter texts first."""
    index = Search(["red lamp", "red rug of wool", "blue rug", "lamp lamp red"])
    assert index.best("blue") == [2]
    assert index.best("lamp") == [3, 0]
    assert index.best("the of and") == []
    assert index.best("") == index.best("qqzx ?!") == []
    assert index.best("wool rug") == [1, 2]
    assert index.best("Rugs") == [2, 1]
    assert Search([]).best("red") == Search([""]).best("red") == []


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bm25s", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'agentrl\[shop\]'"):
        Search(["lamp"])


def test_equal_results_come_in_the_catalogues_order_and_are_limited() -> None:
    index = Search(["red lamp"] * (RESULTS + 10))
    assert index.best("lamp") == list(range(RESULTS))
    words = " ".join(f"word{i}" for i in range(MAX_TOKENS))
    assert Search([words, "last"]).best(f"{words} last") == [0]


def test_a_page_is_made_and_a_search_is_run_once(monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[str] = []
    catalogue = Catalogue([LAMP, *OTHERS])
    find = catalogue.find

    def counted(words: str) -> tuple[str, ...]:
        searched.append(words)
        return find(words)

    monkeypatch.setattr(catalogue, "find", counted)
    session = Session(catalogue, "find me a lamp")
    place = Place("results", "rug")
    assert session.page(place) is session.page(Place("results", "rug"))
    second = session.go(place, Action("click", "Next >"))
    assert second == Place("results", "rug", 2)
    assert session.page(second) != session.page(place)
    assert searched == ["rug"]
    assert session.page(Place("results", "lamp"))[-2:] == [Part(LAMP.title), Part("$10.0 to $12.5")]
    assert searched == ["rug", "lamp"]


def test_every_place_shows_its_own_page() -> None:
    places = [
        Place(),
        Place("results", "rug"),
        Place("results", "rug", seen=frozenset({OTHERS[0].asin})),
        Place("item", asin=LAMP.asin),
        Place("item", asin=LAMP.asin, chosen=(("size", "xl"),)),
        Place("item", asin=OTHERS[0].asin),
        Place("sub", asin=LAMP.asin, sub="Reviews"),
        Place("sub", asin=LAMP.asin, sub="Features"),
        Place("done", asin=LAMP.asin),
    ]
    kept = Session(SHOP.catalogue, "find me a lamp")
    for place in (*places, *reversed(places)):
        assert kept.page(place) == Session(SHOP.catalogue, "find me a lamp").page(place)
