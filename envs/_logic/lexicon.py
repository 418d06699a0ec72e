"""Words for theories: names of individuals, properties and relations, of people, of animals, or made up.

No two words of a lexicon exclude or imply each other in everyday use, as hot and cold would: what follows is what the
premises say. The made-up words are spelled anew for each theory, so that nothing about them can be remembered.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["INDIVIDUALS", "Kind", "Lexicon", "Vocabulary", "Word", "draw_lexicon"]

Vocabulary = Literal["people", "animals", "nonsense", "mixed"]
Kind = Literal["adjective", "noun", "verb"]

INDIVIDUALS = 6
"""How many individuals a lexicon names."""
_MANY: Mapping[str, Literal["people", "things"]] = {"people": "people", "animals": "things"}

_PEOPLE_NAMES = (
    "Ann Bob Carla Dev Elif Farid Greta Hugo Ines Jonas Kofi Lena Mira Nils Olga Pavel Quinn Rosa Sven Tariq Uma "
    "Viktor Wanda Yusuf Zoe"
)
_PEOPLE_ADJECTIVES = (
    "kind tall patient musical athletic famous curious punctual honest cheerful stubborn wealthy brave generous hungry "
    "polite left-handed bilingual talkative careful modest creative organized forgetful thrifty ambitious witty "
    "nearsighted superstitious vegetarian adventurous sleepy tidy freckled homesick sociable"
)
_PEOPLE_NOUNS = (
    "teacher baker swimmer pilot gardener librarian singer cyclist poet nurse painter carpenter collector engineer "
    "volunteer hiker dancer photographer farmer judge tourist juggler drummer lawyer sailor"
)
_PEOPLE_VERBS = (
    "like:liked trust:trusted admire:admired help:helped know:known envy:envied visit:visited follow:followed "
    "respect:respected teach:taught call:called invite:invited remember:remembered thank:thanked praise:praised "
    "imitate:imitated"
)
_ANIMAL_NAMES = (
    "cat dog lion tiger mouse rabbit squirrel cow bear eagle horse goat fox otter owl camel zebra panda badger heron"
)
_ANIMAL_ADJECTIVES = (
    "furry quiet spotted young gentle fast nocturnal playful strong shy hungry striped clever sleepy thirsty tame "
    "noisy fluffy agile lonely watchful muddy lucky nimble bold grumpy friendly plump curious wet"
)
_ANIMAL_NOUNS = (
    "pet hunter swimmer climber runner digger jumper guard wanderer forager champion traveler helper survivor leader "
    "scout dreamer performer explorer"
)
_ANIMAL_VERBS = (
    "chase:chased see:seen visit:visited like:liked need:needed follow:followed fear:feared watch:watched "
    "trust:trusted avoid:avoided hear:heard protect:protected feed:fed greet:greeted"
)
_ONSETS = "b bl br d dr f fl fr g gl gr j k kl kr l m n p pl pr r sk sl sn st t tr v w y z"
_VOWELS = "aeiou"
_CODAS = "b d g l m n p r x z mb nd lt rk mp"


@dataclass(frozen=True, slots=True)
class Word:
    """A predicate and how it is said.

    Attributes:
        name: In formulas: Kind, Teacher, Likes.
        kind: What sort of word it is; verbs are relations of two, the others properties of one.
        base: "kind", "teacher", "like".
        plural: Of a noun, "teachers".
        third: Of a verb, "likes".
        participle: Of a verb, "liked".
    """

    name: str
    kind: Kind
    base: str
    plural: str = ""
    third: str = ""
    participle: str = ""

    @property
    def arity(self) -> int:
        """How many arguments the predicate has."""
        return 2 if self.kind == "verb" else 1


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The words of one theory, shuffled.

    Attributes:
        individuals: From a constant to its name in a sentence: {"ann": "Ann"} or {"cat": "the cat"}.
        properties: Adjectives and nouns.
        relations: Verbs.
        many: What all individuals are called, "people" or "things".
    """

    individuals: Mapping[str, str]
    properties: tuple[Word, ...]
    relations: tuple[Word, ...]
    many: Literal["people", "things"]
    _by_name: dict[str, Word] = field(default_factory=dict, compare=False, repr=False)

    def __getitem__(self, predicate: str) -> Word:
        """The word of a predicate."""
        if not self._by_name:
            self._by_name.update({word.name: word for word in (*self.properties, *self.relations)})
        return self._by_name[predicate]


def draw_lexicon(rng: random.Random, vocabulary: Vocabulary) -> Lexicon:
    """Words for one theory; "mixed" draws one of the others.

    >>> lexicon = draw_lexicon(random.Random(0), "people")
    >>> lexicon["Likes"].participle, lexicon["Teacher"].plural
    ('liked', 'teachers')
    """
    if vocabulary == "mixed":
        vocabulary = rng.choice(("people", "animals", "nonsense"))
    if vocabulary == "nonsense":
        return _nonsense(rng)
    if vocabulary == "people":
        names, adjectives, nouns, verbs = _PEOPLE_NAMES, _PEOPLE_ADJECTIVES, _PEOPLE_NOUNS, _PEOPLE_VERBS
        individuals = {name.lower(): name for name in rng.sample(names.split(), INDIVIDUALS)}
    else:
        names, adjectives, nouns, verbs = _ANIMAL_NAMES, _ANIMAL_ADJECTIVES, _ANIMAL_NOUNS, _ANIMAL_VERBS
        individuals = {name: f"the {name}" for name in rng.sample(names.split(), INDIVIDUALS)}
    properties = [*map(_adjective, adjectives.split()), *map(_noun, nouns.split())]
    relations = [_verb(*entry.split(":")) for entry in verbs.split()]
    return _lexicon(rng, individuals, properties, relations, _MANY[vocabulary])


def _nonsense(rng: random.Random) -> Lexicon:
    parts = (_ONSETS.split(), _VOWELS, _CODAS.split())
    stems: list[str] = []
    while len(stems) < 60:
        stem = "".join(map(rng.choice, parts))
        if stem not in stems:
            stems.append(stem)
    properties = [_adjective(stem + rng.choice(("ous", "ish", "ent"))) for stem in stems[:20]]
    properties += [_noun(stem + "er") for stem in stems[20:40]]
    relations = [_verb(stem + "ick", stem + "icked") for stem in stems[40:52]]
    names = [stem.capitalize() + rng.choice(("o", "a", "in", "us")) for stem in stems[52:]]
    return _lexicon(
        rng,
        {name.lower(): name for name in names[:INDIVIDUALS]},
        properties,
        relations,
        rng.choice(("people", "things")),
    )


def _lexicon(
    rng: random.Random,
    individuals: Mapping[str, str],
    properties: list[Word],
    relations: list[Word],
    many: Literal["people", "things"],
) -> Lexicon:
    rng.shuffle(properties)
    rng.shuffle(relations)
    return Lexicon(individuals, tuple(properties), tuple(relations), many)


def _adjective(base: str) -> Word:
    return Word(_camel(base), "adjective", base)


def _noun(base: str) -> Word:
    return Word(_camel(base), "noun", base, plural=base + "s")


def _verb(base: str, participle: str) -> Word:
    third = base[:-1] + "ies" if base.endswith("y") else base + ("es" if base.endswith("ch") else "s")
    return Word(_camel(third), "verb", base, third=third, participle=participle)


def _camel(text: str) -> str:
    return "".join(part.capitalize() for part in text.split("-"))
