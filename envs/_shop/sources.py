"""WebShop's own files: products, their qualities, and goals that were made from them or written by people."""

from __future__ import annotations

import functools
import itertools
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from agentrl.data import read_json, read_jsonl
from agentrl.envs._shop.goals import draw_limit, goal_of, limit_text
from agentrl.envs._shop.plan import chosen_for, purchase
from agentrl.envs._shop.products import Catalogue, Product
from agentrl.envs._shop.rows import FIELDS, read_product
from agentrl.errors import DataError
from agentrl.types import Split
from agentrl.verifiers._shop.colours import colour_or_text
from agentrl.verifiers._shop.records import ShapeError, read_goal, read_purchase
from agentrl.verifiers._shop.reward import alike, judge, strict
from agentrl.verifiers.shop import Reward

__all__ = ["Goals", "Source", "read_source"]

Goals = Literal["synthetic", "human"]
_ORDER = 233
"""WebShop shuffles its goals with this seed."""
_TEST, _TRAIN = 500, 1500
"""WebShop's first goals are for testing; those up to the second number for development, the rest for training."""
_ENOUGH = 2000


@dataclass(frozen=True, slots=True)
class Ask:
    """A product that is asked for: one goal for each combination of its options, or one goal that a person wrote.

    Attributes:
        product: What is asked for.
        text: The instruction without options and price.
        attributes: Wanted.
        options: What people wrote; None for a goal that is made for each combination.
        chance: Decides the limit, from 0 to 1.
    """

    product: Product
    text: str
    attributes: tuple[str, ...]
    options: tuple[str, ...] | None
    chance: float

    def __len__(self) -> int:
        return 1 if self.options is not None else math.prod(len(v) for v in self.product.options.values())

    def goal(self, index: int) -> tuple[str, str, dict[str, Any]]:
        """Instruction, words to search for, and the goal."""
        options = self._combination(index) if self.options is None else self.options
        limit = draw_limit(self.chance, self.product.price({}))
        goal = goal_of(self.product, self.attributes, options, limit)
        text = self.text
        if isinstance(options, dict) and options:
            text += " with " + ", and ".join(f"{name}: {value}" for name, value in options.items())
        return text + limit_text(limit), text, goal

    def _combination(self, index: int) -> dict[str, str]:
        """The index-th in the order of `itertools.product` over the options' names in order."""
        chosen = {}
        for name in sorted(self.product.options, reverse=True):
            index, place = divmod(index, len(self.product.options[name]))
            chosen[name] = self.product.options[name][place]
        return dict(sorted(chosen.items()))


class Source:
    """A catalogue with its goals.

    Attributes:
        catalogue: The products that can be used.
        products_left_out: How many rows of products cannot.
        left_out: How many goals of each split cannot.
    """

    def __init__(self, catalogue: Catalogue, asks: Sequence[Ask], products_left_out: int, reward: Reward) -> None:
        self.catalogue = catalogue
        self.products_left_out = products_left_out
        self._asks = asks
        self._starts = list(itertools.accumulate((len(ask) for ask in asks), initial=0))
        order = list(range(self._starts[-1]))
        random.Random(_ORDER).shuffle(order)
        bad = [_unusable(ask, reward) for ask in asks]
        self._owner = [number for number, ask in enumerate(asks) for _ in range(len(ask))]
        test, train = (_TEST, _TRAIN) if len(order) >= _ENOUGH else (len(order) // 5, len(order) // 5)
        parts: dict[Split, list[int]] = {"test": order[:test], "train": order[train:]}
        self._splits: dict[Split, list[int]] = {
            split: [index for index in part if self._is_usable(index, bad[self._owner[index]])]
            for split, part in parts.items()
        }
        self.left_out = {split: len(part) - len(self._splits[split]) for split, part in parts.items()}

    def __len__(self) -> int:
        return self._starts[-1]

    def split(self, split: Split) -> Sequence[int]:
        """Indices of the goals of a split that can be used."""
        return self._splits[split]

    def goal(self, index: int) -> tuple[str, str, dict[str, Any]]:
        """Instruction, words to search for, and the goal."""
        number = self._owner[index]
        return self._asks[number].goal(index - self._starts[number])

    def _is_usable(self, index: int, bad: frozenset[str] | None) -> bool:
        if not bad:
            return bad is not None
        options = self.goal(index)[2]["goal_options"]
        return not bad & set(options.values())


@functools.lru_cache(maxsize=2)
def read_source(folder: str, goals: Goals, reward: Reward) -> Source:
    """Read a folder with WebShop's files, once a process.

    Raises:
        DataError: A file is absent, cannot be read, or is not what it should be.
    """
    path = Path(folder).expanduser()
    if not path.is_dir():
        raise DataError(f"{folder} is no folder; give the one with items_shuffle*.json and items_ins*.json")
    listed = _the(path, "items_shuffle*.json", "products*.jsonl", "products*.jsonl.gz")
    qualities = _object(_the(path, "items_ins*.json"))
    written = _object(_the(path, "items_human_ins*.json")) if goals == "human" else {}
    products: dict[str, Product] = {}
    taken: set[str] = set()
    left_out = 0
    for number, row in enumerate(_rows(listed), 1):
        where = f"{listed}, row {number}"
        for field in FIELDS:
            if field not in row:
                raise DataError(f"{where}: the field {field!r} is missing; it has: {', '.join(map(str, row))}")
        asin = str(row["asin"])
        product = read_product(row, _texts(_entry(qualities, asin).get("attributes")))
        if product is None or product.asin in taken:
            left_out += 1
        else:
            taken.add(product.asin)
            products[asin] = product
    if not products:
        raise DataError(f"{listed} holds no product that can be used")
    asks = list(_asks(products, qualities) if goals == "synthetic" else _written(products, written))
    if not asks:
        raise DataError(f"{path} holds no {goals} goal for its products")
    return Source(Catalogue(list(products.values())), asks, left_out, reward)


def _asks(products: Mapping[str, Product], qualities: Mapping[str, Any]) -> Iterator[Ask]:
    for asin, product in products.items():
        text = _entry(qualities, asin).get("instruction")
        attributes = _wanted(_entry(qualities, asin).get("instruction_attributes"))
        if isinstance(text, str) and attributes:
            yield Ask(product, text, attributes, None, random.Random(f"shop/limit/{asin}").random())


def _written(products: Mapping[str, Product], written: Mapping[str, Any]) -> Iterator[Ask]:
    for asin, product in products.items():
        rows = written.get(asin)
        for number, row in enumerate(rows if isinstance(rows, list) else ()):
            if not isinstance(row, dict):
                raise DataError(f"the goals that people wrote for {asin} must be objects, got {row!r:.40}")
            text, attributes = row.get("instruction"), _wanted(row.get("instruction_attributes"))
            if isinstance(text, str) and attributes:
                chance = random.Random(f"shop/limit/{asin}/{number}").random()
                yield Ask(product, text.strip("."), attributes, _texts(row.get("instruction_options")), chance)


def _unusable(ask: Ask, reward: Reward) -> frozenset[str] | None:
    """Values that no goal may ask for, since not even the product's own purchase would earn 1; None for all goals.

    Nor may each of its attributes be alike another: the formula would pay for one that is not there.
    """
    product = ask.product
    wanted: Mapping[str, str] | Sequence[str] = {} if ask.options is None else ask.options
    chosen = chosen_for(product, wanted)
    if chosen is None:
        return None
    try:
        goal = read_goal(goal_of(product, ask.attributes, wanted, 10.0**6))
        bought = read_purchase(purchase(product, chosen))
        read_goal(goal_of(product, ask.attributes, {name: v[0] for name, v in product.options.items()}, 1.0))
    except ShapeError:
        return None
    if judge(goal, bought).score < 1 or (reward == "strict" and not strict(goal, bought).passed):
        return None
    if reward == "webshop" and _is_covered(ask.attributes[0], ask.attributes):
        return None
    if ask.options is not None:
        return frozenset()
    values = [value for offered in product.options.values() for value in offered]
    twice = {value for value in values if reward == "strict" and values.count(value) > 1}
    return frozenset(twice | {v for v in values if not alike(colour_or_text(v), [colour_or_text(v)])})


def _is_covered(attribute: str, attributes: Sequence[str]) -> bool:
    """Whether a product that has the others would be taken to have it as well."""
    return alike(attribute, [other for other in attributes if other != attribute])


def _wanted(found: Any) -> tuple[str, ...]:
    """Wanted attributes; one that the others do not cover stands first, where there is one."""
    attributes = _texts(found)
    return tuple(sorted(attributes, key=lambda attribute: _is_covered(attribute, attributes)))


def _the(folder: Path, *patterns: str) -> Path:
    """The one file of a name; the shortest name where there are several, as items_shuffle.json is."""
    found = sorted((path for pattern in patterns for path in folder.glob(pattern)), key=lambda p: (len(p.name), p.name))
    if not found:
        raise DataError(f"{folder} holds no {patterns[0]}")
    return found[0]


def _rows(path: Path) -> Iterator[Mapping[str, Any]]:
    if ".jsonl" in path.name:
        yield from read_jsonl(path)
        return
    rows = read_json(path)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise DataError(f"{path} must hold a list of objects")
    yield from rows


def _object(path: Path) -> Mapping[str, Any]:
    found = read_json(path)
    if not isinstance(found, dict):
        raise DataError(f"{path} must hold an object with products' numbers as its keys")
    return found


def _entry(found: Mapping[str, Any], asin: str) -> Mapping[str, Any]:
    entry = found.get(asin)
    return entry if isinstance(entry, dict) else {}


def _texts(found: Any) -> tuple[str, ...]:
    return tuple(text for text in found if isinstance(text, str)) if isinstance(found, list) else ()
