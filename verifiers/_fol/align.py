"""Which name of a reply stands for which name of the gold, chosen by how alike the names are, never by the meaning.

Predicates match predicates, functions functions, of equal numbers of arguments, whose order stays. Every name needs its
partner; a pair is allowed whose names, split at capitals and underscores, share at least half their characters
(Levenshtein) and say nothing that is opposed (see `opposed`), or are listed as synonyms. Of all complete matchings the
cheapest count; where several are equally cheap, at most 24 of them.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from agentrl.verifiers._fol.syntax import Symbols
from agentrl.verifiers._reading.matching import perfect_matching

__all__ = ["MAX_TIES", "alignments", "levenshtein", "name_distance"]

MAX_TIES = 24
_UNIT = 1_000_000
_FORBIDDEN = _UNIT * 10_000
_DIGITS = re.compile(r"[0-9]++")
_NEGATING = frozenset(("not", "non", "no", "never", "without", "cannot"))
_CONTRARY = [
    frozenset(pair.split()) for pair in ("from to", "in out", "on off", "up down", "max min", "maximum minimum")
]
_PREFIXES = ("un", "non", "not", "no", "dis", "in", "im", "il", "ir", "anti", "mis")
_ENDINGS = frozenset(map(frozenset, (("r", "e"), ("", "less"), ("or", "ress"), ("er", "ress"), ("", "ess"))))
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|[0-9]+|[^\W\d_]+")


def levenshtein(one: str, two: str) -> int:
    """The least number of characters to insert, delete or replace (Myers 1999, in bit vectors).

    >>> levenshtein("kitten", "sitting"), levenshtein("", "abc")
    (3, 3)
    """
    if not one or not two:
        return len(one) or len(two)
    where: dict[str, int] = {}
    for index, character in enumerate(one):
        where[character] = where.get(character, 0) | 1 << index
    mask, last, distance = (1 << len(one)) - 1, 1 << (len(one) - 1), len(one)
    up, down = mask, 0
    for character in two:
        equal = where.get(character, 0)
        vertical = equal | down
        horizontal = (((equal & up) + up) ^ up) | equal
        plus, minus = down | ~(horizontal | up), up & horizontal
        distance += bool(plus & last) - bool(minus & last)
        plus, minus = (plus << 1) | 1, minus << 1
        up, down = (minus | ~(vertical | plus)) & mask, plus & vertical & mask
    return distance


def name_distance(one: str, two: str) -> float:
    """0 for names of the same words, 1 for names without anything in common.

    >>> name_distance("hotDog", "hot_dog"), name_distance("Dog", "Dig")
    (0.0, 0.3333333333333333)
    """
    left, right = _split(one), _split(two)
    return levenshtein(left, right) / max(len(left), len(right), 1)


def _split(name: str) -> str:
    return " ".join(_WORDS.findall(name)).lower() or name


def alignments(gold: Symbols, other: Symbols, synonyms: Mapping[str, Sequence[str]]) -> list[dict[str, str]]:
    """The ways to rename the other's names into the gold's, cheapest first; none where a name has no partner.

    >>> one, two = Symbols({"Dog": 1, "Cat": 1}), Symbols({"cats": 1, "dogs": 1})
    >>> alignments(one, two, {})
    [{'cats': 'Cat', 'dogs': 'Dog'}]
    """
    if gold in other and other in gold:
        return [{name: name for name in gold.names}]
    groups = []
    for mine, theirs in ((gold.predicates, other.predicates), (gold.functions, other.functions)):
        if sorted(mine.values()) != sorted(theirs.values()):
            return []
        for arity in sorted(set(mine.values())):
            rows = [name for name, count in theirs.items() if count == arity]
            columns = [name for name, count in mine.items() if count == arity]
            groups.append(list(_cheapest(rows, columns, synonyms)))
    combined = itertools.islice(itertools.product(*groups), MAX_TIES)
    return [{name: to for part in parts for name, to in part.items()} for parts in combined]


def _cheapest(
    rows: Sequence[str], columns: Sequence[str], synonyms: Mapping[str, Sequence[str]]
) -> Iterator[dict[str, str]]:
    costs = [[_cost(row, column, synonyms) for column in columns] for row in rows]
    row_price, column_price = _prices(costs)
    tight = [
        [j for j, cost in enumerate(line) if cost < _FORBIDDEN and cost == row_price[i] + column_price[j]]
        for i, line in enumerate(costs)
    ]
    for matching in itertools.islice(_matchings(tight), MAX_TIES):
        yield {row: columns[j] for row, j in zip(rows, matching, strict=True)}


def _cost(other: str, gold: str, synonyms: Mapping[str, Sequence[str]]) -> int:
    if other == gold:
        return 0
    if other in synonyms.get(gold, ()):
        return 1
    if opposed(other, gold):
        return _FORBIDDEN
    distance = name_distance(other, gold)
    return 2 + round(_UNIT * distance) if distance <= 0.5 else _FORBIDDEN


def opposed(one: str, other: str) -> bool:
    """Whether names that look alike say different things.

    They do where their numbers or primes differ, where one is negated, and where each has a word of three letters or
    more that is no form of a word of the other: forms of a word begin alike, and if their ends differ much, not even
    half alike.

    >>> opposed("before1990", "before1991"), opposed("Unhappy", "Happy"), opposed("Increase", "Decrease")
    (True, True, True)
    >>> opposed("Dogs", "Dog"), opposed("point_10", "Points10"), opposed("LivesIn", "LivedAt")
    (False, False, False)
    """
    left, right = _split(one), _split(other)
    if _DIGITS.findall(left) != _DIGITS.findall(right) or one.count("'") != other.count("'"):
        return True
    words, others = set(left.split()), set(right.split())
    changed = words ^ others
    if changed & _NEGATING or any(pair <= changed for pair in _CONTRARY):
        return True
    pairs = [(a, b) for a in words for b in others] + [(b, a) for a in words for b in others]
    if any(a == prefix + b for a, b in pairs for prefix in _PREFIXES):
        return True
    return _has_other(words - others, others) and _has_other(others - words, words)


def _has_other(words: Iterable[str], others: Iterable[str]) -> bool:
    """Whether one of the words is no form of any of the others."""
    return any(len(word) > 2 and not any(_one_stem(word, other) for other in others) for word in words)


def _one_stem(one: str, other: str) -> bool:
    if one[0] != other[0]:
        return False
    start = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    ends = one[start:], other[start:]
    return frozenset(ends) not in _ENDINGS and (start < 3 or min(map(len, ends)) < 3)


def _prices(costs: Sequence[Sequence[int]]) -> tuple[list[int], list[int]]:
    """The dual solution of the assignment problem (Kuhn 1955, Munkres 1957): cost >= row price + column price.

    Every cheapest assignment uses only pairs where this holds with equality, and every complete one that does is
    cheapest.
    """
    n = len(costs)
    row_price, column_price, partner = [0] * (n + 1), [0] * (n + 1), [n] * (n + 1)
    for row in range(n):  # the column n is the start of every search
        partner[n], column = row, n
        slack, came_from, waiting = [_FORBIDDEN * (n + 1)] * n, [n] * n, list(range(n))
        done: list[int] = []
        while partner[column] != n:
            done.append(column)
            owner = partner[column]
            for j in waiting:
                reduced = costs[owner][j] - row_price[owner] - column_price[j]
                if reduced < slack[j]:
                    slack[j], came_from[j] = reduced, column
            column = min(waiting, key=slack.__getitem__)
            step = slack[column]
            waiting.remove(column)
            for j in done:
                row_price[partner[j]] += step
                column_price[j] -= step
            for j in waiting:
                slack[j] -= step
        while column != n:
            partner[column] = partner[came_from[column]]
            column = came_from[column]
        partner[n] = n
    return row_price[:n], column_price[:n]


def _matchings(tight: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Every complete matching of rows with columns; a branch that cannot be completed is not entered."""
    chosen: list[int] = []

    def extend(row: int) -> Iterator[list[int]]:
        if row == len(tight):
            yield list(chosen)
            return
        for column in tight[row]:
            if column not in chosen:
                chosen.append(column)
                if perfect_matching([set(rest).difference(chosen) for rest in tight[row + 1 :]]) is not None:
                    yield from extend(row + 1)
                chosen.pop()

    yield from extend(0)
