"""WebShop's reward as exact fractions, part by part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from agentrl.errors import MissingExtraError
from agentrl.verifiers._shop.colours import colour_or_text
from agentrl.verifiers._shop.records import Goal, Purchase, plain

__all__ = ["Parts", "Strict", "alike", "judge", "strict", "title_overlap", "type_factor"]

_MORE_THAN = 85
_LATIN_1 = dict.fromkeys(range(128, 256))


@dataclass(frozen=True, slots=True)
class Parts:
    """What of the goal a purchase meets.

    Attributes:
        type_factor: 1, 1/2, 1/10 or 0: whether it is that kind of product at all.
        attributes: One a wanted attribute.
        options: One a wanted option.
        price: Whether it is within the limit.
    """

    type_factor: Fraction
    attributes: tuple[bool, ...]
    options: tuple[bool, ...]
    price: bool

    @property
    def score(self) -> Fraction:
        """The score r = r_type (attributes met + options met + price met) / (attributes + options + 1).

        >>> Parts(Fraction(1, 2), (True, True, True), (True,), False).score
        Fraction(2, 5)
        """
        met = sum(self.attributes) + sum(self.options) + self.price
        return self.type_factor * Fraction(met, len(self.attributes) + len(self.options) + 1)


@dataclass(frozen=True, slots=True)
class Strict:
    """The same product, exactly the wanted options, and within the limit."""

    product: bool
    options: bool
    price: bool

    @property
    def passed(self) -> bool:
        """All three."""
        return self.product and self.options and self.price


def judge(goal: Goal, bought: Purchase) -> Parts:
    """Every part of the reward.

    Raises:
        MissingExtraError: rapidfuzz is not installed.
    """
    chosen = [colour_or_text(value) for value in bought.options.values()]
    return Parts(
        type_factor=type_factor(goal, bought),
        attributes=tuple(_has(attribute, bought) for attribute in goal.attributes),
        options=tuple(alike(colour_or_text(value), chosen) for _, value in goal.options),
        price=bought.price <= goal.limit,
    )


def strict(goal: Goal, bought: Purchase) -> Strict:
    """Where the fuzzy reward can be played, exactness: case and white space are all that does not matter.

    A purchase that names one option twice has chosen none: which of the two was bought is not known.
    """
    named = {plain(name): plain(value) for name, value in bought.options.items()}
    wanted = Counter(plain(value) for name, value in goal.options if not name)
    options = len(named) == len(bought.options)
    options = options and all(named.get(plain(name)) == plain(value) for name, value in goal.options if name)
    return Strict(
        product=bought.asin == goal.asin,
        options=options and wanted <= Counter(named.values()),
        price=bought.price <= goal.limit,
    )


def title_overlap(goal: Goal, bought: Purchase) -> Fraction:
    """The share of the nouns of the goal's title that the bought one has as well; 1/5 where the goal's has none.

    A noun that the goal's title repeats counts each time below the line and once above it, so that even the same
    title may score less than 1.
    """
    if not goal.nouns:
        return Fraction(1, 5)
    return Fraction(len(bought.nouns & set(goal.nouns)), len(goal.nouns))


def type_factor(goal: Goal, bought: Purchase) -> Fraction:
    """Whether it is the kind of product that was wanted.

    1 where the catalogue's query is the same, two names of the category are, or more than a fifth of the title's nouns;
    else 1/2. Whatever else holds, 1/10 where the nouns share less than a tenth, and 0 where they share nothing.
    """
    overlap = title_overlap(goal, bought)
    if overlap == 0:
        return Fraction(0)
    if overlap < Fraction(1, 10):
        return Fraction(1, 10)
    same_query = goal.query == bought.query
    same_category = len(goal.categories & bought.categories) >= 2
    return Fraction(1) if same_query or same_category or overlap > Fraction(1, 5) else Fraction(1, 2)


def alike(wanted: str, found: Iterable[str]) -> bool:
    """Whether any text is like the wanted one: a token set ratio, rounded, over 85 of 100.

    The ratio is 100 where the words of one are among those of the other: that "black" is like "black white leopard" is
    WebShop's rule, and why `strict` stands beside it.

    >>> [alike(*x) for x in (("black", ["black white leopard"]), ("tea tree", ["tea bag"]), ("oils", ["bag", "oil"]))]
    [True, False, True]
    """
    try:
        from rapidfuzz import fuzz, utils
    except ImportError:
        raise MissingExtraError("the verifier shop needs rapidfuzz: pip install 'agentrl[shop]'") from None
    want = utils.default_process(wanted.translate(_LATIN_1))
    others = (utils.default_process(text.translate(_LATIN_1)) for text in found)
    return any(round(fuzz.token_set_ratio(other, want)) > _MORE_THAN for other in others)


def _has(attribute: str, bought: Purchase) -> bool:
    return alike(attribute, bought.attributes) or any(attribute in text for text in bought.texts)
