"""What a sentence says of an individual, and which individuals it is about."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from agentrl.envs._logic.lexicon import Lexicon, Word
from agentrl.verifiers._fol.syntax import Apply, Atom, Formula, Joined, Not, Quantified, Term, Variable

__all__ = [
    "AFTER_EVERY",
    "PLAIN",
    "PROPERTY",
    "RELATION",
    "RELATION_AFTER_EVERY",
    "RELATION_PLAIN",
    "Phrase",
    "Writer",
    "cond",
    "conj",
    "exists",
    "forall",
    "from_name",
    "is_adjective",
    "is_not",
    "is_noun",
    "kind_phrase",
    "not_to_name",
    "noun_phrase",
    "of",
    "to_name",
    "with_article",
]


@dataclass(frozen=True, slots=True)
class Phrase:
    """What a sentence says of an individual: in the singular, in the plural, and as a formula of a term."""

    singular: str
    plural: str
    says: Callable[[Term], Formula]


@dataclass(slots=True)
class Writer:
    """Words that one sentence has not used yet, and its variables."""

    lexicon: Lexicon
    random: random.Random
    adjectives: list[Word] = field(init=False)
    nouns: list[Word] = field(init=False)
    verbs: list[Word] = field(init=False)
    constants: list[str] = field(init=False)
    variables: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.adjectives = [word for word in self.lexicon.properties if word.kind == "adjective"]
        self.nouns = [word for word in self.lexicon.properties if word.kind == "noun"]
        self.verbs = list(self.lexicon.relations)
        self.constants = list(self.lexicon.individuals)
        self.variables = list("wvuzyx")

    @property
    def one(self) -> str:
        """Whoever there is."""
        return "someone" if self.lexicon.many == "people" else "something"

    @property
    def every(self) -> str:
        """All there are."""
        return "everyone" if self.lexicon.many == "people" else "everything"

    @property
    def none(self) -> str:
        """Of all there are, none."""
        return "no one" if self.lexicon.many == "people" else "nothing"

    @property
    def who(self) -> str:
        """The relative pronoun."""
        return "who" if self.lexicon.many == "people" else "that"

    @property
    def whom(self) -> str:
        """The relative pronoun as an object."""
        return "whom" if self.lexicon.many == "people" else "that"

    def variable(self) -> Variable:
        """One that is not in use."""
        return Variable(self.variables.pop())

    def name(self) -> tuple[str, Term]:
        """An individual, as it is called and as a constant."""
        constant = self.constants.pop()
        return self.lexicon.individuals[constant], Apply(constant)

    def pick(self, *choices: Callable[[Writer], Phrase]) -> Phrase:
        """One of several kinds of phrase."""
        return self.random.choice(choices)(self)


def of(word: Word, *terms: Term) -> Formula:
    """An atom."""
    return Atom(word.name, terms)


def conj(left: Formula, right: Formula) -> Formula:
    """Both."""
    return Joined("and", left, right)


def cond(left: Formula, right: Formula) -> Formula:
    """The second, if the first."""
    return Joined("implies", left, right)


def forall(variable: Variable, body: Formula) -> Formula:
    """Of all."""
    return Quantified("forall", variable.name, body)


def exists(variable: Variable, body: Formula) -> Formula:
    """Of at least one."""
    return Quantified("exists", variable.name, body)


def with_article(words: str) -> str:
    """Words after "a" or "an".

    >>> with_article("honest owl"), with_article("tall ant")
    ('an honest owl', 'a tall ant')
    """
    vowel = words[0].lower() in "aeiou" or words.startswith("honest")
    return f"an {words}" if vowel and not words.startswith(("uni", "eu", "one")) else f"a {words}"


# Phrases about one property or two.


def is_adjective(w: Writer) -> Phrase:
    """As in "is kind"."""
    word = w.adjectives.pop()
    return Phrase(f"is {word.base}", f"are {word.base}", lambda t: of(word, t))


def is_noun(w: Writer) -> Phrase:
    """As in "is a teacher"."""
    word = w.nouns.pop()
    return Phrase(f"is {with_article(word.base)}", f"are {word.plural}", lambda t: of(word, t))


def is_not(w: Writer) -> Phrase:
    """As in "is not kind"."""
    word = w.adjectives.pop()
    return Phrase(f"is not {word.base}", f"are not {word.base}", lambda t: Not(of(word, t)))


def _two(w: Writer, pattern: str, joined: Callable[[Formula, Formula], Formula]) -> Phrase:
    one, two = w.adjectives.pop(), w.adjectives.pop()
    words = pattern.format(one.base, two.base)
    return Phrase(f"is {words}", f"are {words}", lambda t: joined(of(one, t), of(two, t)))


def is_both(w: Writer) -> Phrase:
    """As in "is kind and tall"."""
    return _two(w, w.random.choice(("{} and {}", "both {} and {}")), conj)


def is_either(w: Writer) -> Phrase:
    """As in "is kind or tall"."""
    return _two(w, w.random.choice(("{} or {}", "{} or {} or both")), lambda a, b: Joined("or", a, b))


def _one_of(w: Writer) -> Phrase:
    return _two(w, "either {} or {} but not both", lambda a, b: Joined("xor", a, b))


def _neither(w: Writer) -> Phrase:
    return _two(w, "neither {} nor {}", lambda a, b: conj(Not(a), Not(b)))


def _but_not(w: Writer) -> Phrase:
    return _two(w, "{} but not {}", lambda a, b: conj(a, Not(b)))


PLAIN = (is_adjective, is_adjective, is_noun, is_both, is_either)
AFTER_EVERY = (*PLAIN, _one_of, _neither, _but_not)
"""Without "every ... is not", which can be read as "not every"."""
PROPERTY = (*AFTER_EVERY, is_not)


# Phrases about a relation.


def to_name(w: Writer) -> Phrase:
    """As in "likes Ann"."""
    verb, (called, constant) = w.verbs.pop(), w.name()
    return Phrase(f"{verb.third} {called}", f"{verb.base} {called}", lambda t: of(verb, t, constant))


def from_name(w: Writer) -> Phrase:
    """As in "is liked by Ann"."""
    verb, (called, constant) = w.verbs.pop(), w.name()
    words = f"{verb.participle} by {called}"
    return Phrase(f"is {words}", f"are {words}", lambda t: of(verb, constant, t))


def not_to_name(w: Writer) -> Phrase:
    """As in "does not like Ann"."""
    verb, (called, constant) = w.verbs.pop(), w.name()
    words = f"not {verb.base} {called}"
    return Phrase(f"does {words}", f"do {words}", lambda t: Not(of(verb, t, constant)))


def _to_some(w: Writer) -> Phrase:
    verb, (words, says), y = w.verbs.pop(), noun_phrase(w), w.variable()
    some = f"at least one {words}"
    return Phrase(f"{verb.third} {some}", f"{verb.base} {some}", lambda t: exists(y, conj(says(y), of(verb, t, y))))


def _to_every(w: Writer) -> Phrase:
    verb, (words, says), y = w.verbs.pop(), noun_phrase(w), w.variable()
    return Phrase(
        f"{verb.third} every {words}", f"{verb.base} every {words}", lambda t: forall(y, cond(says(y), of(verb, t, y)))
    )


def _to_no(w: Writer) -> Phrase:
    verb, (words, says), y = w.verbs.pop(), noun_phrase(w), w.variable()
    return Phrase(
        f"{verb.third} no {words}", f"{verb.base} no {words}", lambda t: Not(exists(y, conj(says(y), of(verb, t, y))))
    )


def _to_only(w: Writer) -> Phrase:
    verb, noun, y = w.verbs.pop(), w.nouns.pop(), w.variable()
    only = f"only {noun.plural}"
    return Phrase(f"{verb.third} {only}", f"{verb.base} {only}", lambda t: forall(y, cond(of(verb, t, y), of(noun, y))))


RELATION_PLAIN = (to_name, from_name, _to_some, _to_every)
RELATION_AFTER_EVERY = (*RELATION_PLAIN, _to_no, _to_only)
RELATION = (*RELATION_AFTER_EVERY, not_to_name)


# Kinds of individuals.


def noun_phrase(w: Writer) -> tuple[str, Callable[[Term], Formula]]:
    """A noun, sometimes with an adjective."""
    noun = w.nouns.pop()
    if w.random.random() < 0.6:
        return noun.base, lambda t: of(noun, t)
    adjective = w.adjectives.pop()
    return f"{adjective.base} {noun.base}", lambda t: conj(of(adjective, t), of(noun, t))


def kind_phrase(w: Writer, *phrases: Callable[[Writer], Phrase]) -> tuple[str, Callable[[Term], Formula]]:
    """A noun, sometimes with an adjective or a clause."""
    if not phrases or w.random.random() < 0.5:
        return noun_phrase(w)
    noun, clause = w.nouns.pop(), w.pick(*phrases)
    return f"{noun.base} {w.who} {clause.singular}", lambda t: conj(of(noun, t), clause.says(t))
