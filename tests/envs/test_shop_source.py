"""WebShop's files: rows in its format, its own thousand products, and its recorded sessions."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

import agentrl
from agentrl import golds
from agentrl.data import LazyTasks
from agentrl.envs._shop.actions import Action
from agentrl.envs._shop.plan import purchase
from agentrl.envs._shop.products import Catalogue, Product
from agentrl.envs._shop.session import Place, Session
from agentrl.envs.shop import Shop
from agentrl.errors import DataError
from agentrl.registry import grade
from agentrl.types import Split, Task, Transcript

SHIRT: dict[str, Any] = {
    "asin": "b000shirt1",
    "name": "Northwind Long Sleeve Cotton Shirt for Men",
    "category": "fashion",
    "query": "Men's Shirts ",
    "product_category": "Clothing › Men › Shirts",
    "full_description": None,
    "small_description": ["Soft cotton", "Machine wash"],
    "pricing": "$15.00$1,025.50",
    "images": ["x.jpg"],
    "customization_options": {
        "Color": [{"value": " Black/White ", "image": "b.jpg"}, {"value": "red", "image": None}],
        "size": [{"value": "m"}, {"value": "l"}, {"value": "xl"}],
        "style": None,
    },
}
MUG: dict[str, Any] = {
    **SHIRT,
    "asin": "B000MUG001",
    "name": "Blue Coffee Mug",
    "query": "mugs",
    "product_category": "Home › Kitchen › Mugs",
    "small_description": "Dishwasher safe",
    "pricing": "",
    "customization_options": "",
}
INS = {
    "b000shirt1": {
        "attributes": ["long sleeve", "machine wash"],
        "instruction": "Find me machine wash shirts",
        "instruction_attributes": ["machine wash"],
    },
    "B000MUG001": {"attributes": ["dishwasher safe"]},
}
HUMAN = {
    "b000shirt1": [
        {"instruction": "a red shirt.", "instruction_attributes": ["long sleeve"], "instruction_options": ["red"]},
        {"instruction": "a green one", "instruction_attributes": ["long sleeve"], "instruction_options": ["green"]},
        {"instruction": "any", "instruction_attributes": [], "instruction_options": []},
    ],
    "B000MUG001": [
        {"instruction": "a mug", "instruction_attributes": ["dishwasher safe"], "instruction_options": []},
        {"instruction": "a toy", "instruction_attributes": ["for children"], "instruction_options": []},
    ],
}
SPLITS: tuple[Split, Split] = ("train", "test")


def write(folder: Path, *rows: Mapping[str, Any], ins: Any = None, human: Any = None) -> str:
    (folder / "items_shuffle_1000.json").write_text(json.dumps(rows or (SHIRT, MUG)))
    (folder / "items_ins_v2_1000.json").write_text(json.dumps(INS if ins is None else ins))
    (folder / "items_human_ins.json").write_text(json.dumps(HUMAN if human is None else human))
    return str(folder)


def make(source: str, **options: object) -> Shop:
    env = agentrl.make("shop", source=source, **options)
    assert isinstance(env, Shop)
    return env


def everything(env: Shop) -> list[Task]:
    return [task for split in SPLITS for task in env.tasks(split)]  # where there are few, one split may be empty


def play(env: Shop, task: Task, replies: Sequence[Any]) -> float:
    env.reset(options={"task": task})
    return float([env.step(reply)[1] for reply in replies][-1])


def test_a_goal_named_by_its_id_is_made_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    env = make(write(tmp_path))
    tasks = env.all_tasks("train")
    made, task = [], Shop._task

    def counted(env: Shop, id: str, *more: Any) -> Task:
        made.append(id)
        return task(env, id, *more)

    monkeypatch.setattr(Shop, "_task", counted)
    env.reset(options={"task": "train/4"})
    assert made == ["train/4"]
    assert env.task == tasks[4]
    assert isinstance(tasks, LazyTasks)
    assert all(tasks.named(id) is None for id in ("train/5", "train/04", "train/-1", "test/0", "train/", "4"))


def test_a_goal_for_each_combination_of_options(tmp_path: Path) -> None:
    env = make(write(tmp_path))
    tasks = everything(env)
    assert [len(env.all_tasks(split)) for split in SPLITS] == [5, 1]  # a fifth is for testing, where there are few
    combinations = {tuple(task.answer["goal_options"].items()) for task in tasks}
    colors, sizes = ("black | white", "red"), ("m", "l", "xl")
    assert combinations == {(("color", c), ("size", s)) for c in colors for s in sizes}
    (limit,) = {task.answer["price_upper"] for task in tasks}
    task = next(t for t in tasks if t.answer["goal_options"] == {"color": "red", "size": "m"})
    text = f"Find me machine wash shirts with color: red, and size: m, and price lower than {limit:.2f} dollars"
    assert task.data["instruction"] == text or limit == 10**6
    assert task.answer["asin"] == "B000SHIRT1"
    assert task.answer["query"] == "men's shirts"
    assert task.answer["nouns"] == ["northwind", "long", "sleeve", "cotton", "shirt", "men"]
    assert all(play(env, task, env.gold(task)) == 1.0 for task in tasks)


def test_pages_of_a_row(tmp_path: Path) -> None:
    env = make(write(tmp_path))
    env.reset(seed=0)
    assert "B000SHIRT1 [SEP] Northwind Long Sleeve" in env.step("search[shirt]")[0][0].content
    page = env.step("click[b000shirt1]")[0][0].content
    assert "color [SEP] black | white [SEP] red [SEP] size [SEP] m [SEP] l [SEP] xl [SEP] Northwind" in page
    assert "Price: $15.0 to $1025.5 [SEP] Rating: N.A." in page
    env.step("search[mug]")
    assert "Price: $100.0" in env.step("click[B000MUG001]")[0][0].content
    assert "Dishwasher safe" in env.step("click[Features]")[0][0].content


def test_a_price_between_two_is_drawn_once(tmp_path: Path) -> None:
    products = make(write(tmp_path)).catalogue.by_asin
    price = products["B000SHIRT1"].price({})
    assert 15 <= price <= 1025.5
    assert price == make(write(tmp_path), reward="strict").catalogue.by_asin["B000SHIRT1"].price({})


def test_goals_that_people_wrote(tmp_path: Path) -> None:
    env = make(write(tmp_path), goals="human")
    tasks = everything(env)
    assert sorted(task.data["query"] for task in tasks) == ["a mug", "a red shirt"]
    assert sum(env.left_out.values()) == 2  # an option and an attribute that their products do not have
    mug = next(task for task in tasks if task.data["query"] == "a mug")
    assert mug.answer["price_upper"] in (120.0, 130.0, 140.0)
    assert mug.data["instruction"] == f"a mug, and price lower than {mug.answer['price_upper']:.2f} dollars"
    assert all(play(env, task, env.gold(task)) == 1.0 for task in tasks)


def test_an_option_in_other_words_is_alike_but_not_strictly_right(tmp_path: Path) -> None:
    row = {"instruction": "a shirt", "instruction_attributes": ["long sleeve"], "instruction_options": ["bright red"]}
    other = {"instruction": "a mug", "instruction_attributes": ["dishwasher safe"], "instruction_options": []}
    source = write(tmp_path, human={"b000shirt1": [row] * 4, "B000MUG001": [other] * 6})
    env = make(source, goals="human")
    task = next(task for task in everything(env) if task.answer["asin"] == "B000SHIRT1")
    assert "click[red]" in env.gold(task)
    assert play(env, task, env.gold(task)) == 1.0
    assert {task.answer["asin"] for task in everything(make(source, goals="human", reward="strict"))} == {"B000MUG001"}


def test_an_attribute_that_the_others_cover_does_not_stand_first(tmp_path: Path) -> None:
    """By the fuzzy match who has a rubber outsole has a rubber sole: a goal of these two alone is no usable gold."""
    alike = ["rubber outsole", "rubber sole"]
    entry = {"attributes": [*alike, "arch support"], "instruction": "Find me shoes", "instruction_attributes": alike}
    env = make(write(tmp_path, ins={"b000shirt1": entry}))
    assert (len(everything(env)), sum(env.left_out.values())) == (0, 6)
    strict = make(str(tmp_path), reward="strict")
    assert len(everything(strict)) == 6
    other = tmp_path / "other"
    other.mkdir()
    env = make(write(other, ins={"b000shirt1": {**entry, "instruction_attributes": entry["attributes"]}}))
    assert {tuple(task.answer["attributes"]) for task in everything(env)} == {("arch support", *alike)}


def test_rows_that_cannot_be_used_are_counted(tmp_path: Path) -> None:
    bad = (
        {**MUG, "asin": "nan"},
        {**MUG, "asin": "B000MUG00001"},
        {**MUG, "asin": "B000MUG002", "pricing": "$a lot"},
        {**MUG, "asin": "B000MUG003", "query": "mug " * 200},
    )
    env = make(write(tmp_path, SHIRT, MUG, SHIRT, *bad))
    assert len(everything(env)) == 6
    assert env.products_left_out == 5
    assert len(env.catalogue.products) == 2


def test_values_that_the_verifier_cannot_compare_are_left_out(tmp_path: Path) -> None:
    values = [{"value": text} for text in ("m", "\u4e2d", "")]
    env = make(write(tmp_path, {**SHIRT, "customization_options": {"size": values}}))
    assert {task.answer["goal_options"]["size"] for task in everything(env)} <= {"m", "\u4e2d"}
    assert all(play(env, task, env.gold(task)) == 1.0 for task in everything(env))
    assert sum(env.left_out.values()) >= 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: (folder / "items_ins_v2_1000.json").unlink(), "holds no items_ins"),
        (lambda folder: (folder / "items_shuffle_1000.json").unlink(), "holds no items_shuffle"),
        (lambda folder: (folder / "items_shuffle_1000.json").write_text("{}"), "must hold a list"),
        (lambda folder: (folder / "items_shuffle_1000.json").write_text("[}"), "cannot be read"),
        (lambda folder: (folder / "items_ins_v2_1000.json").write_text("[]"), "must hold an object"),
        (lambda folder: (folder / "items_ins_v2_1000.json").write_text("{}"), "holds no synthetic goal"),
        (lambda folder: write(folder, {**MUG, "asin": "nan"}), "holds no product"),
        (lambda folder: write(folder, SHIRT, {"asin": "B1"}), r"row 2: the field 'name' is missing; it has: asin"),
    ],
)
def test_files_that_cannot_be_read(change: Callable[[Path], Any], message: str, tmp_path: Path) -> None:
    source = write(tmp_path)
    change(tmp_path)
    with pytest.raises(DataError, match=message):
        make(source).reset()


def test_a_folder_that_is_not_there() -> None:
    with pytest.raises(DataError, match="is no folder"):
        make("/nowhere/at/all").reset()


def test_the_order_of_goals_is_webshops(data_dir: Callable[[str], Path]) -> None:
    """WebShop has 6,910 goals for these products, shuffles them with seed 233, and tests on the first 500."""
    env = make(str(data_dir("webshop")))
    total = 6910
    train, test = (env.all_tasks(split) for split in SPLITS)
    assert len(train) + env.left_out["train"] == total - 1500
    assert len(test) + env.left_out["test"] == 500
    assert sum(env.left_out.values()) < 100
    assert env.products_left_out == 0
    wishes = json.loads((data_dir("webshop") / "items_ins_v2_1000.json").read_text(encoding="utf-8"))
    listed = []
    for product in env.catalogue.products:
        if "instruction" in wishes[product.asin]:
            names = sorted(product.options)
            listed += [
                (product.asin, dict(zip(names, values, strict=True)))
                for values in itertools.product(*(product.options[name] for name in names))
            ]
    assert len(listed) == total
    random.Random(233).shuffle(listed)
    ours = [(task.answer["asin"], task.answer["goal_options"]) for task in test]
    assert [goal for goal in listed[:500] if goal in ours] == ours


@pytest.mark.parametrize("reward", ["webshop", "strict"])
def test_gold_on_webshops_products(reward: str, data_dir: Callable[[str], Path]) -> None:
    env = make(str(data_dir("webshop")), reward=reward)
    for split in SPLITS:
        for task in env.all_tasks(split)[:: 8 if split == "test" else 80]:
            assert play(env, task, env.gold(task)) == 1.0, task
            assert golds.gold_problem("shop", task.answer, {"reward": reward}) == ""


class Recorded(Catalogue):
    """The products that recorded sessions name; a search finds what it found then."""

    def __init__(self, products: Sequence[Product], results: Mapping[str, tuple[str, ...]]) -> None:
        super().__init__(products)
        self.results = results

    def find(self, words: str) -> tuple[str, ...]:
        return self.results[words]


def recorded(steps: Sequence[Mapping[str, Any]]) -> Recorded:
    """The catalogue of one session: what is not recorded of a product is left blank."""
    pages: dict[tuple[str, int], list[str]] = {}
    options: dict[str, dict[str, tuple[str, ...]]] = {}
    for step in steps:
        content = step.get("content", {})
        if step["page"] == "search_results":
            pages[" ".join(content["keywords"]), content["page"]] = content["search_result_asins"]
        elif "asin" in content:
            options.setdefault(content["asin"], {}).update({k: (v,) for k, v in content["options"].items()})
    results = {
        words: tuple(asin for page in (1, 2) for asin in pages.get((words, page), pages[words, 1][:0]))
        for words, _ in pages
    }
    asins = {asin for found in pages.values() for asin in found}
    price = steps[-1]["content"]["price"]
    made = [
        Product(asin, "", "", "", "", (), (), (), "", options.get(asin, {}), round(100 * price))
        for asin in sorted(asins)
    ]
    return Recorded(made, results)


PAGES = {"index": "search", "search_results": "results", "item_page": "item", "item_sub_page": "sub", "done": "done"}


def clicked(before: Mapping[str, Any], after: Mapping[str, Any]) -> Action:
    """What led from one recorded page to the next."""
    old, new = before.get("content", {}), after.get("content", {})
    match before["page"], after["page"]:
        case _, "index":
            return Action("click", "Back to Search")
        case "search_results", "search_results":
            assert new["page"] == old["page"] + 1
            return Action("click", "Next >")
        case "index", "search_results":
            return Action("search", " ".join(new["keywords"]))
        case "search_results", "item_page":
            return Action("click", new["asin"])
        case "item_page", "item_page":
            (value,) = set(new["options"].values()) - set(old["options"].values())
            return Action("click", value)
        case "item_page", "item_sub_page":
            return Action("click", "Description")
        case "item_page", "done":
            return Action("click", "Buy Now")
        case _:
            return Action("click", "< Prev")


def test_recorded_sessions_lead_where_they_led(data_dir: Callable[[str], Path]) -> None:
    """Nine people's ways through WebShop: every click leads to the page that it led to."""
    lines = (data_dir("webshop") / "human_trajs.jsonl").read_text(encoding="utf-8").splitlines()
    made = 0
    for steps in (json.loads(line)["steps"] for line in lines):
        steps = [step for i, step in enumerate(steps) if not i or [step["page"], steps[i - 1]["page"]] != ["index"] * 2]
        session, place = Session(recorded(steps), steps[0]["goal"]["instruction_text"]), Place()
        for before, after in itertools.pairwise(steps):
            found = session.go(place, clicked(before, after))
            assert found is not None, (before, after)
            place, made = found, made + 1
            content = after.get("content", {})
            assert place.page == PAGES[after["page"]]
            if place.page == "results":
                assert (place.words, place.number) == (" ".join(content["keywords"]), content["page"])
            elif content:
                assert (place.asin, dict(place.chosen)) == (content["asin"], content["options"])
        bought = purchase(session.product(place), dict(place.chosen))
        assert bought["options"] == content["options"]
        assert bought["price"] == pytest.approx(content["price"], abs=0.005)
        verdict = grade("shop", Transcript((), {"purchase": bought}), {**steps[-1]["goal"], "nouns": []})
        assert verdict.checks[-2].passed == steps[-1]["reward_info"]["r_price"]
    assert made == 51
