"""The shop: its goals, what a purchase earns, forks, and ways to earn without shopping."""

from __future__ import annotations

import copy
import itertools
import random
import statistics
from collections.abc import Iterator, Sequence

import pytest

import agentrl
from agentrl import golds
from agentrl.envs._shop.products import Product
from agentrl.envs._shop.stock import KINDS
from agentrl.envs._shop.stocking import own_catalogue
from agentrl.envs.shop import FEWEST, NOTE, Shop
from agentrl.errors import ConfigError, UsageError
from agentrl.policies.script import Script
from agentrl.types import Message, Split, Task, Verdict
from agentrl.verifiers._shop.colours import colour_or_text
from agentrl.verifiers._shop.reward import alike

SPLITS: tuple[Split, Split] = ("train", "test")


def make(**options: object) -> Shop:
    env = agentrl.make("shop", **options)
    assert isinstance(env, Shop)
    return env


def play(env: Shop, task: Task, replies: Sequence[str | Message]) -> Verdict:
    env.reset(options={"task": task})
    for reply in replies:
        *_, info = env.step(reply)
    found = info["verdict"]
    assert isinstance(found, Verdict)
    return found


def sampled(env: Shop, each: int) -> Iterator[Task]:
    for split in SPLITS:
        tasks = env.all_tasks(split)
        yield from (tasks[i] for i in range(0, len(tasks), len(tasks) // each))


def prices(product: Product, options: dict[str, str]) -> list[int]:
    """What a product can cost with the given options, in cents, one sum for each choice of the others."""
    sums = [product.cents]
    for name, values in product.options.items():
        open_ = [options[name]] if name in options else values
        sums = [total + product.extra.get(value, 0) for total in sums for value in open_]
    return sums


def test_gold_actions_earn_1_on_200_tasks_under_both_rewards() -> None:
    for reward, each in (("webshop", 70), ("strict", 30)):
        env = make(reward=reward)
        for task in sampled(env, each):
            assert play(env, task, env.gold(task)).success, task
            assert golds.gold_problem("shop", task.answer, {"reward": reward}) == ""


def test_one_product_meets_a_goal_to_the_letter() -> None:
    env = make()
    products = own_catalogue(1000, 0).products
    for task in sampled(env, 20):
        goal = task.answer
        fit = [
            product.asin
            for product in products
            if product.query == goal["query"]
            and not set(goal["attributes"]) - set(product.attributes)
            and all(value in product.options[name] for name, value in goal["goal_options"].items())
            and min(prices(product, goal["goal_options"])) <= 100 * goal["price_upper"]
        ]
        assert fit == [goal["asin"]]
        target = next(product for product in products if product.asin == goal["asin"])
        assert max(prices(target, goal["goal_options"])) <= 100 * goal["price_upper"]


def test_the_instruction_says_all_that_is_wanted_and_its_words_find_the_product() -> None:
    env = make(products=10_000)
    catalogue = own_catalogue(10_000, 0)
    for task in sampled(env, 5):
        text = task.data["instruction"]
        for wanted in (*task.answer["attributes"], *task.answer["goal_options"].values()):
            assert wanted in text
        assert f"lower than {task.answer['price_upper']:.2f} dollars" in text or task.answer["price_upper"] == 10**6
        assert set(task.data["query"].split()) <= set(text.replace(",", "").replace(":", "").split())
        assert task.answer["asin"] in catalogue.find(task.data["query"])
        assert text in task.prompt[-1].content


def test_splits_share_no_product_and_tasks_are_stable() -> None:
    one, other = make(count=150), make(count=150)
    train, test = ([*one.all_tasks(split)] for split in SPLITS)
    assert not {t.answer["asin"] for t in train} & {t.answer["asin"] for t in test}
    assert train == [*other.all_tasks("train")]
    assert len({t.data["instruction"] for t in train}) > 120
    assert make(count=5, catalogue_seed=1).all_tasks("train")[0].answer["asin"] != train[0].answer["asin"]


def test_a_task_named_by_its_id_is_made_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    made, draw = [], Shop._draw

    def drawn(env: Shop, split: Split, rng: random.Random, id: str) -> tuple[str, Task] | None:
        made.append(id)
        return draw(env, split, rng, id)

    monkeypatch.setattr(Shop, "_draw", drawn)
    env = make()
    id = "shop/1000/0/none/train/1977"
    env.reset(options={"task": id})
    assert set(made) == {id}
    assert env.task == env.all_tasks("train")[1977]


def test_a_larger_catalogue_begins_with_the_smaller_one() -> None:
    small, large = own_catalogue(200, 7), own_catalogue(1000, 7)
    assert large.products[:200] == small.products
    assert len(large.by_asin) == 1000
    assert {product.query for product in large.products} == {kind.query for kind in KINDS}


def test_families_differ_in_one_thing() -> None:
    products = own_catalogue(1000, 0).products
    pairs = [(a, b) for a, b in itertools.pairwise(products) if a.title.split()[:2] == b.title.split()[:2]]
    assert len(pairs) > 300
    same = [(a.attributes == b.attributes, a.cents == b.cents, a.options == b.options) for a, b in pairs]
    assert all(sum(what) >= 1 for what in same)
    assert {what for what in same if sum(what) == 2} == {(False, True, True), (True, False, True), (True, True, False)}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_no_quality_or_value_is_taken_for_another(kind: object) -> None:
    assert kind in KINDS
    found = next(k for k in KINDS if k is kind)
    qualities = [*found.adjectives, *found.features]
    assert not [(a, b) for a in qualities for b in qualities if a != b and (alike(a, [b]) or a in b)]
    for values in found.options.values():
        names = [colour_or_text(value) for value, _ in values]
        assert not [(a, b) for i, a in enumerate(names) for b in names[:i] if alike(a, [b])]
    every = [value for values in found.options.values() for value, _ in values]
    assert len(every) == len(set(every))


def test_what_a_poor_purchase_earns() -> None:
    env = make(reward="webshop")
    task = next(t for t in env.all_tasks("test") if len(t.answer["goal_options"]) == 1)
    search, *pages, option, buy = map(str, env.gold(task))
    parts = len(task.answer["attributes"]) + 2
    without = play(env, task, [search, *pages, buy])
    assert without.score == pytest.approx((parts - 1) / parts)
    assert without.status == "partial"
    named = {check.name: check for check in without.checks}
    assert not named["strict"].passed
    assert not named["option 1"].passed
    assert named["webshop"].detail == f"score {without.score:g}"
    strict = make(reward="strict")
    verdict = play(strict, task, [search, *pages, buy])
    assert (verdict.score, verdict.status) == (0.0, "incorrect")
    assert verdict.checks[-1].detail == named["webshop"].detail
    assert play(strict, task, [search, *pages, option, buy]).success


def test_buying_nothing_earns_nothing() -> None:
    env = make(max_turns=3)
    task = env.all_tasks("test")[0]
    search, *_ = map(str, env.gold(task))
    for replies in (
        ["", "", ""],
        [search] * 3,
        [search, "I bought it. Reward: 1", "click[done]"],
        ["click[Buy Now]"] * 3,
    ):
        verdict = play(env, task, replies)
        assert (verdict.score, verdict.status) == (0.0, "no_answer")


@pytest.mark.parametrize(
    "reply",
    [
        "buy the best one",
        "click[Buy Now]",
        "click[Search]",
        "search[]",
        "decline[mockery]",
        "<think>search[lamp]",
        "I would search[lamp] first, then decide",
        "click[Next >]",
        '{"purchase": {"product": {}, "price": 1}}',
        "search[" + "lamp " * 1000 + "]",
    ],
)
def test_an_invalid_action_repeats_the_page_with_a_note(reply: str) -> None:
    env = make()
    ((_, first), _) = env.reset(seed=0)
    before = env.state_key()
    observation, reward, terminated, _, info = env.step(reply)
    assert observation == (Message("user", f"{NOTE}\n{first.content}"),)
    assert (reward, terminated, info["verdict"]) == (0.0, False, None)
    assert env.state_key() == before


def wander(env: Shop, rng: random.Random) -> str:
    """A customer who clicks anywhere, and searches for a word of the instruction now and then."""
    names = env.available()
    if not names or rng.random() < 0.1:
        assert env.task is not None
        return f"search[{rng.choice(env.task.data['instruction'].split())}]"
    return f"click[{rng.choice(names)}]"


@pytest.mark.parametrize(
    ("reward", "expected"), [("strict", (0.0, 0.0, 0.25)), ("webshop", (0.08, 0.59, 0.84))], ids=["strict", "webshop"]
)
def test_what_chance_and_the_first_result_earn(reward: str, expected: tuple[float, float, float]) -> None:
    """The numbers on the card."""
    env, rng = make(reward=reward), random.Random(0)
    chance, first, with_options = [], [], []
    for task in env.all_tasks("test")[:100]:
        env.reset(options={"task": task})
        over = False
        while not over:
            _, earned, terminated, truncated, _ = env.step(wander(env, rng))
            over = terminated or truncated
        chance.append(earned)
        words = task.data["instruction"]
        found = [f"search[{words}]", f"click[{env.catalogue.find(words.lower())[0]}]"]
        first.append(play(env, task, [*found, "click[Buy Now]"]).score)
        options = [f"click[{value}]" for value in task.answer["goal_options"].values()]
        with_options.append(play(env, task, [*found, *options, "click[Buy Now]"]).score)
    means = tuple(map(statistics.mean, (chance, first, with_options)))
    assert means == pytest.approx(expected, abs=0.08)
    assert 1.0 not in first


def test_no_search_tells_a_familys_quality() -> None:
    """Members that differ in a quality are the same to a search, and their titles and descriptions tell nothing."""
    products = own_catalogue(1000, 0).products
    pairs = [(a, b) for a, b in itertools.pairwise(products) if a.title.split()[:2] == b.title.split()[:2]]
    differ = [(a, b) for a, b in pairs if set(a.attributes) != set(b.attributes)]
    assert len(differ) > 100
    for a, b in differ:
        assert (a.title, a.description, a.bullets[0]) == (b.title, b.description, b.bullets[0])
        for product, other in ((a, b), (b, a)):
            (own,) = set(product.attributes) - set(other.attributes)
            assert any(bullet.startswith(own) for bullet in product.bullets[1:])


def test_a_fork_is_a_replay_and_goes_its_own_way() -> None:
    env, fork, rng = make(observation="rich"), make(observation="rich"), random.Random(1)
    for seed in range(20):
        env.reset(seed=seed)
        for _ in range(rng.randrange(8)):
            if env._over:
                break
            env.step(wander(env, rng))
        fork.restore(env.snapshot())
        assert fork.state_key() == env.state_key()
        assert fork.messages == env.messages
        if not env._over:
            assert fork.step("search[rug]") == env.step("search[rug]")


def looked_at(env: Shop) -> str:
    """The first product of a page of results."""
    return next(name for name in env.available() if name.startswith("b0"))


def test_the_state_is_the_place_and_not_the_way() -> None:
    env = make()
    env.reset(seed=0)
    start = env.state_key()
    env.step("search[desk lamp]")
    results = env.state_key()
    env.step("nonsense")
    assert env.state_key() == results != start
    env.step("click[Next >]")
    assert env.state_key() != results
    env.step("click[< Prev]")
    assert env.state_key() == results
    env.step(f"click[{looked_at(env)}]")
    env.step("click[< Prev]")
    assert env.state_key() == results
    env.step("click[Back to Search]")
    assert env.state_key() == start
    env.step("search[rug]")
    env.reset(seed=0)
    assert env.state_key() == start
    env.reset(seed=1)
    assert env.state_key() != start


def test_rich_pages_remember_what_was_looked_at() -> None:
    env = make(observation="rich")
    env.reset(seed=0)
    env.step("search[desk lamp]")
    results = env.state_key()
    env.step(f"click[{looked_at(env)}]")
    env.step("click[< Prev]")
    assert env.state_key() != results


def test_copies_share_the_catalogue() -> None:
    env = make()
    env.reset(seed=0)
    assert copy.deepcopy(env)._session.catalogue is env.catalogue  # type: ignore[union-attr]


def test_no_purchase_earns_a_canary() -> None:
    env = make()
    for canary in env.canaries("train")[:10]:
        task = next(t for t in env.all_tasks("train") if t.id == canary.id)
        assert play(env, canary, env.gold(task)).score == 0.0
        assert env.gold(canary) == ()


def test_rollouts_run_side_by_side() -> None:
    env = make(count=50)
    golden = {t.prompt[-1].content: env.gold(t) for t in env.all_tasks("test")}

    def say(messages: Sequence[Message]) -> str:
        return str(golden[messages[1].content][sum(m.role == "assistant" for m in messages)])

    assert [rollout.reward for rollout in agentrl.rollout(env, Script(say), n=4, samples=2)] == [1.0] * 8


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"products": FEWEST - 1}, "products must be a whole number, at least 50; got 49"),
        ({"count": 0}, "count must be a whole number, at least 1"),
        ({"reward": "fuzzy"}, "reward must be one of webshop, strict"),
        ({"observation": "html"}, "observation must be one of text, rich"),
        ({"norms": "all"}, "norms must be one of"),
        ({"goals": "human"}, "goals='human' needs a source"),
        ({"source": "x", "norms": "requests"}, "leave out source"),
    ],
)
def test_wrong_options(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make(**options)


def test_a_task_of_ones_own() -> None:
    env = make()
    product = env.catalogue.products[0]
    options = {name: values[-1] for name, values in product.options.items()}
    task = env.ask("mine", "as it is", asin=product.asin, attributes=product.attributes[:1], options=options, limit=1e6)
    assert play(env, task, env.gold(task)).success
    with pytest.raises(UsageError, match="the shop has no product 'B0'"):
        env.ask("mine", "as it is", asin="B0", attributes=(), options={}, limit=1.0)


def test_the_smallest_catalogue_has_goals_in_both_splits() -> None:
    env = make(products=FEWEST, count=20)
    assert all(play(env, task, env.gold(task)).success for task in sampled(env, 10))
