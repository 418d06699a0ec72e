"""Generated sentences are read by a grammar written for the test, in every way their words allow, and compared."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pytest

from agentrl.envs._logic_text.sentences import LEVELS, draw_pair
from agentrl.envs._logic_text.wrong import is_contingent
from agentrl.verifiers._fol.models import draw, truth
from agentrl.verifiers._fol.printer import show

World = Mapping[str, Any]
Says = Callable[[int], bool]
EVERYTHING = range(3)
ADJECTIVE, NOUN = "[a-z]+(?:ous|ish|ent)", "[a-z]+er"


@dataclass(frozen=True)
class English:
    """One world, in which words are predicates, and names individuals."""

    world: World

    def holds(self, word: str, *at: int) -> bool:
        return bool(self.world[word.capitalize()][at])

    def individual(self, name: str) -> int:
        return int(self.world[name.lower()])

    def phrases(self, text: str) -> Iterator[Says]:
        """What may follow a subject, in the singular."""
        patterns: tuple[tuple[str, Callable[..., Says]], ...] = (
            (rf"is ({ADJECTIVE})", lambda a: lambda x: self.holds(a, x)),
            (rf"is an? ({NOUN})", lambda n: lambda x: self.holds(n, x)),
            (rf"is not ({ADJECTIVE})", lambda a: lambda x: not self.holds(a, x)),
            (
                rf"is (?:both )?({ADJECTIVE}) and ({ADJECTIVE})",
                lambda a, b: lambda x: self.holds(a, x) and self.holds(b, x),
            ),
            (
                rf"is ({ADJECTIVE}) or ({ADJECTIVE})(?: or both)?",
                lambda a, b: lambda x: self.holds(a, x) or self.holds(b, x),
            ),
            (
                rf"is either ({ADJECTIVE}) or ({ADJECTIVE}) but not both",
                lambda a, b: lambda x: self.holds(a, x) != self.holds(b, x),
            ),
            (
                rf"is neither ({ADJECTIVE}) nor ({ADJECTIVE})",
                lambda a, b: lambda x: not self.holds(a, x) and not self.holds(b, x),
            ),
            (rf"is ({ADJECTIVE}) but not ({ADJECTIVE})", lambda a, b: lambda x: self.holds(a, x) > self.holds(b, x)),
            (r"is ([a-z]+ick)ed by ([A-Z][a-z]+)", lambda v, n: lambda x: self.holds(v + "s", self.individual(n), x)),
            (
                r"does not ([a-z]+ick) ([A-Z][a-z]+)",
                lambda v, n: lambda x: not self.holds(v + "s", x, self.individual(n)),
            ),
            (r"([a-z]+icks) ([A-Z][a-z]+)", lambda v, n: lambda x: self.holds(v, x, self.individual(n))),
            (
                rf"([a-z]+icks) only ({NOUN})s",
                lambda v, n: lambda x: all(self.holds(n, y) for y in EVERYTHING if self.holds(v, x, y)),
            ),
        )
        for pattern, says in patterns:
            if match := re.fullmatch(pattern, text):
                yield says(*match.groups())
        if match := re.fullmatch(r"([a-z]+icks) (at least one|every|no) (.+)", text):
            verb, quantifier, kind = match.groups()
            for says_kind in self.kinds(kind):
                yield self.related(verb, quantifier, says_kind)

    def related(self, verb: str, quantifier: str, kind: Says) -> Says:
        return lambda x: self.of(quantifier, kind, lambda y: self.holds(verb, x, y))

    def kinds(self, text: str) -> Iterator[Says]:
        """What may follow "every"."""
        if match := re.fullmatch(rf"(?:({ADJECTIVE}) )?({NOUN})(?: (?:who|that) (.+))?", text):
            adjective, noun, clause = match.groups()
            for says in self.phrases(clause) if clause else [lambda x: True]:
                yield self.narrowed([noun, adjective] if adjective else [noun], says)

    def narrowed(self, words: list[str], says: Says) -> Says:
        return lambda x: all(self.holds(word, x) for word in words) and says(x)

    def of(self, quantifier: str, kind: Says, says: Says) -> bool:
        true = [says(x) for x in EVERYTHING if kind(x)]
        counts = {
            "every": all(true),
            "each": all(true),
            "no": not any(true),
            "at least one": any(true),
            "not every": not all(true),
            "exactly one": sum(true) == 1,
            "at most one": sum(true) <= 1,
        }
        return counts[quantifier]

    def readings(self, text: str) -> set[bool]:
        """The truth values that a sentence may have."""
        return {
            *self.facts(text),
            *self.quantified(text),
            *self.anybody(text),
            *self.compared(text),
            *self.joined(text),
        }

    def facts(self, text: str) -> Iterator[bool]:
        if match := re.fullmatch(r"([A-Z][a-z]+) (.+)", text):
            yield from (says(self.individual(match[1])) for says in self.phrases(match[2]))

    def quantified(self, text: str) -> Iterator[bool]:
        text = re.sub("^there is an? (.*?) (?:who|that) ", r"at least one \1 ", text)
        if match := re.fullmatch("(every|each|no|at least one|not every|exactly one|at most one) (.+)", text):
            for kind, phrase in self.split(match[2]):
                for says_kind, says in product(self.kinds(kind), self.phrases(phrase)):
                    yield self.of(match[1], says_kind, says)
        if match := re.fullmatch("(everyone|everything|no one|nothing) (?:who|that) (.+)", text):
            for clause, phrase in self.split(match[2]):
                for says_kind, says in product(self.phrases(clause), self.phrases(phrase)):
                    yield self.of("every" if match[1].startswith("every") else "no", says_kind, says)
        if match := re.fullmatch(f"only ({NOUN})s (.+)", text):
            for says in self.phrases(singular(match[2])):
                yield all(self.holds(match[1], x) for x in EVERYTHING if says(x))

    def split(self, text: str) -> Iterator[tuple[str, str]]:
        words = text.split()
        yield from ((" ".join(words[:i]), " ".join(words[i:])) for i in range(1, len(words)))

    def anybody(self, text: str) -> Iterator[bool]:
        one, every, none = "(?:someone|something)", "(?:everyone|everything)", "(?:no one|nothing)"
        verb = "([a-z]+icks)"
        squares: dict[str, Callable[[Any], Any]] = {
            f"{every} {verb} {one}": lambda r: r.any(axis=1).all(),
            f"{one} {verb} {every}": lambda r: r.all(axis=1).any(),
            f"there is {one} (?:whom|that) {every} {verb}": lambda r: r.all(axis=0).any(),
            f"{none} {verb} {every}": lambda r: not r.all(axis=1).any(),
            f"{one} {verb} {none}": lambda r: (~r).all(axis=1).any(),
        }
        for pattern, says in squares.items():
            if match := re.fullmatch(pattern, text):
                yield bool(says(self.world[match[1].capitalize()]))

    def compared(self, text: str) -> Iterator[bool]:
        if match := re.fullmatch(f"([A-Z][a-z]+) is the only ({NOUN})", text):
            yield [x for x in EVERYTHING if self.holds(match[2], x)] == [self.individual(match[1])]
        if match := re.fullmatch(f"every ({NOUN}) other than ([A-Z][a-z]+) (.+)", text):
            others = [x for x in EVERYTHING if self.holds(match[1], x) and x != self.individual(match[2])]
            yield from (all(map(says, others)) for says in self.phrases(match[3]))
        if match := re.fullmatch(f"at least two ({NOUN})s (.+)", text):
            for says in self.phrases(singular(match[2])):
                yield sum(self.holds(match[1], x) and says(x) for x in EVERYTHING) >= 2
        if match := re.fullmatch(f"among the ({NOUN})s, exactly those (?:who|that) (.+)", text):
            for left, right in self.split(match[2]):
                for one_of, other in product(self.phrases(singular(left)), self.phrases(singular(right))):
                    yield all(one_of(x) == other(x) for x in EVERYTHING if self.holds(match[1], x))
        if match := re.fullmatch("there is an? (.+) (?:whom|that) every (.+) ([a-z]+icks)", text):
            for kind, other in product(self.kinds(match[1]), self.kinds(match[2])):
                yield any(
                    kind(x) and all(self.holds(match[3], y, x) for y in EVERYTHING if other(y)) for x in EVERYTHING
                )

    def joined(self, text: str) -> Iterator[bool]:
        patterns: tuple[tuple[str, Callable[[bool, bool], bool]], ...] = (
            ("if (.+), then (.+)", lambda a, b: b or not a),
            ("(.+) if and only if (.+)", lambda a, b: a == b),
            ("either (.+) or (.+), but not both", lambda a, b: a != b),
            ("([A-Z].+) and ([A-Z].+)", lambda a, b: a and b),
            ("([A-Z].+) or ([A-Z].+) or both", lambda a, b: a or b),
            ("these two are both true or both false: (.+); (.+)", lambda a, b: a == b),
            ("exactly one of these two is true: (.+); (.+)", lambda a, b: a != b),
            ("at least one of these two is true: (.+); (.+)", lambda a, b: a or b),
        )
        for pattern, joins in patterns:
            if match := re.fullmatch(pattern, text):
                yield from (joins(a, b) for a, b in product(self.readings(match[1]), self.readings(match[2])))
        if match := re.fullmatch("it is not true that (.+)", text):
            yield from (not value for value in self.readings(match[1]))


def singular(text: str) -> str:
    text = re.sub(f"^are ({NOUN})s$", r"is a \1", text)
    return re.sub("^([a-z]+ick) ", r"\1s ", re.sub("^are ", "is ", text))


@pytest.mark.parametrize("level", LEVELS)
def test_sentences_say_what_their_formulas_do_and_nothing_else(level: int) -> None:
    generator = np.random.default_rng(level)
    for seed in range(250):
        pair = draw_pair(random.Random(f"{level}/{seed}"), level, "nonsense", 1)
        assert is_contingent(pair.formula)
        words, called = pair.sentence[:-1], [pair.glosses[name] for name in pair.names.functions]
        if words.split()[0] not in called:
            words = words[0].lower() + words[1:]
        models = draw(pair.names, len(EVERYTHING), 8, generator)
        expected = truth(pair.formula, models)
        for index in range(models.count):
            world = {name: table[index] for name, table in models.tables.items()}
            assert English(world).readings(words) == {bool(expected[index])}, (pair.sentence, show(pair.formula))
