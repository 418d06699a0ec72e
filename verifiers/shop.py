r"""What an agent bought in a web shop, against what the user asked for.

The purchase is read from the environment's final state, never from the agent's words:

    final_state["purchase"] = {"product": {...}, "options": {"color": "black"}, "price": 30.0}

and nothing bought is `no_answer`. A product has the fields of WebShop's catalogue `asin`, `query`, `product_category`
(names joined by ›), `Attributes`, `Title`, `BulletPoints`, `Description`, and `nouns`: the nouns of its name in lower
case, found once when the catalogue is built. The task's `answer` is a goal, with `asin`, `query`, `product_category`,
`nouns` (as the tagger lists them, repeats included), `attributes`, `goal_options` (values, or names to values) and
`price_upper` (a number above 0; left out or null for none).

    score = r_type (attributes met + options met + 1[price <= limit]) / (attributes + options + 1)

An attribute is met by one of the product's that is alike (token set ratio over 85), or where it occurs in the title,
bullet points or description; an option by a chosen one that is alike after each is replaced by the first colour in it.
r_type is 1 where the catalogue's query is the same, two category names are, or more than 1/5 of the goal's nouns are in
the product's name; else 1/2; but 1/10 where less than 1/10 of the nouns are, and 0 where none is.

Words of one text among those of the other make it alike: "black white leopard" meets "black". So a strict result stands
beside the score as the last check, and is the score under `reward="strict"`: the same `asin`, exactly the wanted
options (case and white space aside), and a price within the limit. A purchase that names an option twice never passes.

Source: WebShop (arXiv:2207.01206), github.com/princeton-nlp/WebShop at 64fa2a5; its list of colours is under the MIT
licence. Differs from the source: exact fractions; no tagger runs, nouns come with the records; a limit of 0 or less
(there it raises), a blank attribute or option, and an option named twice are faults of the task; a goal without
attributes is scored (there it divides by zero); options given by name are compared by their values.

Some goals not even their own product meets: an option or a capital attribute without a letter or digit that is
compared (none of Latin-1's upper half is), and nouns of which over nine tenths are repeats. They are scored as in the
source, but are no usable golds under `reward="webshop"`.

Covered: one purchase. Not covered: baskets, quantities, finding the nouns, what buying at random would score.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args

from agentrl.errors import DataError, check_choice
from agentrl.types import Check, Message, Task, Transcript, Verdict
from agentrl.verifiers._shop.cases import CASES
from agentrl.verifiers._shop.records import ShapeError, read_goal, read_purchase
from agentrl.verifiers._shop.reward import Parts, Strict, judge, strict

__all__ = ["CASES", "gold", "mutations", "rewrites", "verify"]

Reward = Literal["webshop", "strict"]


def verify(task: Task, transcript: Transcript, *, reward: Reward = "webshop") -> Verdict:
    """Compare the purchase with the goal.

    Args:
        task: Its `answer` is the goal; see the module.
        transcript: Its `final_state["purchase"]` is what was bought; messages are not read.
        reward: "webshop": the formula, with partial credit. "strict": 1 for exactly the wanted thing, else 0.

    Raises:
        ConfigError: There is no such reward.
        MissingExtraError: rapidfuzz is not installed.
    """
    check_choice("reward", reward, get_args(Reward))
    try:
        goal = read_goal(task.answer)
    except ShapeError as error:
        return Verdict(0.0, "task_invalid", feedback=f"The task cannot be scored: {error}.")
    found = transcript.final_state.get("purchase")
    if found is None:
        return Verdict(0.0, "no_answer", feedback="Nothing was bought.")
    try:
        bought = read_purchase(found)
    except ShapeError as error:
        return Verdict(0.0, "malformed", feedback=f"The purchase cannot be read: {error}.")
    parts, exact = judge(goal, bought), strict(goal, bought)
    score = float(parts.score) if reward == "webshop" else float(exact.passed)
    status: Literal["correct", "partial", "incorrect"]
    status = "correct" if score == 1 else "partial" if score else "incorrect"
    feedback = "" if score == 1 else "The purchase does not meet all that was asked for."
    return Verdict(score, status, bought.asin, _checks(parts, exact, reward), feedback)


def _checks(parts: Parts, exact: Strict, reward: Reward) -> tuple[Check, ...]:
    """The kind of product, attributes and options by position, the price, and the strict result last."""
    weight = float(reward == "webshop")
    return (
        Check("type", parts.type_factor == 1, 0.0, f"factor {float(parts.type_factor):g}"),
        *(Check(f"attribute {i}", met, weight) for i, met in enumerate(parts.attributes, 1)),
        *(Check(f"option {i}", met, weight) for i, met in enumerate(parts.options, 1)),
        Check("price", parts.price, weight),
        Check("strict", exact.passed, 1.0 - weight),
    )


def gold(answer: Any, options: Mapping[str, Any]) -> Transcript:
    """A purchase of the product that the goal describes, at its limit.

    Raises:
        DataError: The answer is no goal, or no purchase can score 1.
        MissingExtraError: rapidfuzz is not installed.
    """
    try:
        goal = read_goal(answer)
    except ShapeError as error:
        raise DataError(str(error)) from None
    product = {
        "asin": goal.asin,
        "query": goal.query,
        "product_category": answer["product_category"],
        "nouns": list(goal.nouns),
        "Attributes": list(goal.attributes),
        "Description": ". ".join(goal.attributes),
    }
    chosen = {name or f"option {i}": value for i, (name, value) in enumerate(goal.options)}
    purchase = {"product": product, "options": chosen, "price": float(goal.limit)}
    if options.get("reward", "webshop") == "webshop":
        _check_reachable(judge(goal, read_purchase(purchase)))
    return Transcript((Message("assistant", "Bought."),), {"purchase": purchase})


def _check_reachable(own: Parts) -> None:
    """Refuse a goal by the parts that even the purchase of its own product does not meet."""
    wrong = "no purchase can score 1"
    if own.type_factor < 1:
        raise DataError(f"{wrong}: over nine tenths of its nouns are repeats, so that its own title shares too few")
    for what, met in (("attribute", own.attributes), ("option", own.options)):
        if not all(met):
            raise DataError(f"{wrong}: {what} {met.index(False) + 1} has no letter or digit that is compared")


def rewrites(answer: Any, options: Mapping[str, Any]) -> Iterator[Transcript]:
    """Attributes told in the description; another option chosen as well; and the same said in other words."""
    purchase = gold(answer, options).final_state["purchase"]
    product = purchase["product"]
    told = {**product, "Attributes": [], "Description": ". ".join(product["Attributes"]).upper()}
    if told["Description"].lower() == ". ".join(product["Attributes"]):
        yield Transcript((), {"purchase": {**purchase, "product": told}})
    yield Transcript((), {"purchase": {**purchase, "options": {**purchase["options"], "gift wrap": "none"}}})
    yield Transcript((Message("assistant", "I bought nothing."),), {"purchase": purchase, "page": "done"})


def mutations(answer: Any, options: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Another kind of product; one attribute or option that is not there; a price over the limit."""
    goal = read_goal(answer)
    yield {**answer, "nouns": ["qqzx"], "query": "qqzx", "product_category": "qqzx", "asin": goal.asin + "x"}
    if options.get("reward") == "strict":
        yield {**answer, "asin": goal.asin + "x"}
    elif goal.attributes:
        yield {**answer, "attributes": ["qqzx", *list(goal.attributes)[1:]]}
    if goal.options:
        yield {**answer, "goal_options": {"option": "qqzx"}}
    yield {**answer, "price_upper": float(goal.limit) + 1}
