"""English sentences with one reading, and the formula of each, drawn from patterns in four levels.

Level 1 is about named individuals; level 2 has one quantifier over properties; level 3 has relations, two quantifiers,
counting and identity; level 4 puts conditions inside of conditions, or joins two sentences. `CONVENTIONS` says how a
sentence is to be read where English leaves a choice.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence

from agentrl.envs._logic.lexicon import Lexicon, Vocabulary, draw_lexicon
from agentrl.envs._logic_text.pairs import Pair
from agentrl.envs._logic_text.phrases import (
    AFTER_EVERY,
    PLAIN,
    PROPERTY,
    RELATION,
    RELATION_AFTER_EVERY,
    RELATION_PLAIN,
    Phrase,
    Writer,
    cond,
    conj,
    exists,
    forall,
    from_name,
    is_adjective,
    is_not,
    is_noun,
    kind_phrase,
    not_to_name,
    noun_phrase,
    of,
    to_name,
    with_article,
)
from agentrl.verifiers._fol.syntax import Equal, Formula, Joined, Not, Operator, Symbols, Term, symbols

__all__ = ["CONVENTIONS", "FAMILY", "LEVELS", "draw_pair"]

FAMILY = "fol_translate"
"""Whose problems these are: `generated` keeps a formula in one split for all environments that ask about it."""
LEVELS = (1, 2, 3, 4)
CONVENTIONS = (
    "Quantifiers reach as far as their order in the sentence says, the first one furthest. 'Or' leaves open that both "
    "are true unless the sentence says otherwise, 'if' leaves open whether the converse is true, and 'every' leaves "
    "open whether there is any. 'Only' does not say that there is any. = may be used."
)

# Sentences, without their full stop.

Said = tuple[str, Formula]
Phrases = tuple[Callable[[Writer], Phrase], ...]
About = Callable[[Writer, Phrases, Phrase], Said]


def _fact(w: Writer) -> Said:
    phrase = w.pick(*PROPERTY, to_name, from_name, not_to_name)
    called, constant = w.name()
    return f"{called} {phrase.singular}", phrase.says(constant)


def _two_facts(w: Writer) -> Said:
    plain = (is_adjective, is_noun, is_not, to_name, from_name, not_to_name)
    sides: list[Said] = []
    for _ in range(2):
        phrase, (called, constant) = w.pick(*plain), w.name()
        sides.append((f"{called} {phrase.singular}", phrase.says(constant)))
    patterns: Mapping[str, Operator] = {
        "if {}, then {}": "implies",
        "{} if and only if {}": "iff",
        "either {} or {}, but not both": "xor",
        "{} and {}": "and",
        "{} or {} or both": "or",
    }
    return _join(w, sides, patterns)


def _about_every(w: Writer, kinds: Phrases, phrase: Phrase) -> Said:
    (words, says), x = kind_phrase(w, *kinds), w.variable()
    start = w.random.choice(("every", "each"))
    return f"{start} {words} {phrase.singular}", forall(x, cond(says(x), phrase.says(x)))


def _about_no(w: Writer, kinds: Phrases, phrase: Phrase) -> Said:
    (words, says), x = kind_phrase(w, *kinds), w.variable()
    return f"no {words} {phrase.singular}", Not(exists(x, conj(says(x), phrase.says(x))))


def _about_some(w: Writer, kinds: Phrases, phrase: Phrase) -> Said:
    (words, says), x = kind_phrase(w, *kinds), w.variable()
    start = f"at least one {words}"
    if f" {w.who} " not in words and w.random.random() < 0.5:
        start = f"there is {with_article(words)} {w.who}"
    return f"{start} {phrase.singular}", exists(x, conj(says(x), phrase.says(x)))


def _about_not_every(w: Writer, kinds: Phrases, phrase: Phrase) -> Said:
    (words, says), x = kind_phrase(w, *kinds), w.variable()
    return f"not every {words} {phrase.singular}", Not(forall(x, cond(says(x), phrase.says(x))))


def _about_only(w: Writer, kinds: Phrases, phrase: Phrase) -> Said:
    noun, x = w.nouns.pop(), w.variable()
    return f"only {noun.plural} {phrase.plural}", forall(x, cond(phrase.says(x), of(noun, x)))


def _about_whoever(w: Writer, kinds: Phrases, phrase: Phrase) -> Said:
    clause, x = w.pick(*(kinds or PROPERTY)), w.variable()
    if w.random.random() < 0.5:
        words = f"{w.none} {w.who} {clause.singular} {phrase.singular}"
        return words, Not(exists(x, conj(clause.says(x), phrase.says(x))))
    words = f"{w.every} {w.who} {clause.singular} {phrase.singular}"
    return words, forall(x, cond(clause.says(x), phrase.says(x)))


_ABOUT = (_about_every, _about_every, _about_no, _about_some, _about_not_every, _about_only, _about_whoever)


def _about(w: Writer, about: About, kinds: Phrases, phrases: tuple[Phrases, Phrases, Phrases]) -> Said:
    """A sentence that says what is not only where that can be read in one way."""
    rank = 2 if about is _about_some else 1 if about is _about_every else 0
    return about(w, kinds, w.pick(*phrases[rank]))


def _quantified(w: Writer) -> Said:
    return _about(w, w.random.choice(_ABOUT), PROPERTY, (PLAIN, AFTER_EVERY, PROPERTY))


def _related(w: Writer) -> Said:
    return _about(w, w.random.choice(_ABOUT), PLAIN, (RELATION_PLAIN, RELATION_AFTER_EVERY, RELATION))


def _nested(w: Writer) -> Said:
    about = w.random.choice((_about_every, _about_no, _about_some, _about_whoever))
    return _about(w, about, RELATION_PLAIN, (RELATION_PLAIN, RELATION_AFTER_EVERY, RELATION))


def _named_related(w: Writer) -> Said:
    phrase, (called, constant) = w.pick(*(kind for kind in RELATION if kind not in (to_name, from_name))), w.name()
    return f"{called} {phrase.singular}", phrase.says(constant)


def _one_for_all(w: Writer) -> Said:
    """The second quantifier reaches further: there is one and the same."""
    verb, (one, says_one), (two, says_two) = w.verbs.pop(), noun_phrase(w), noun_phrase(w)
    x, y = w.variable(), w.variable()
    words = f"there is {with_article(one)} {w.whom} every {two} {verb.third}"
    return words, exists(x, conj(says_one(x), forall(y, cond(says_two(y), of(verb, y, x)))))


def _anybody(w: Writer) -> Said:
    verb, x, y = w.verbs.pop(), w.variable(), w.variable()
    some, every, none = w.one, w.every, w.none
    said = {
        f"{every} {verb.third} {some}": forall(x, exists(y, of(verb, x, y))),
        f"{some} {verb.third} {every}": exists(x, forall(y, of(verb, x, y))),
        f"there is {some} {w.whom} {every} {verb.third}": exists(x, forall(y, of(verb, y, x))),
        f"{none} {verb.third} {every}": Not(exists(x, forall(y, of(verb, x, y)))),
        f"{some} {verb.third} {none}": exists(x, Not(exists(y, of(verb, x, y)))),
    }
    return w.random.choice(list(said.items()))


def _counted(w: Writer) -> Said:
    noun, phrase, x, y = w.nouns.pop(), w.pick(*PLAIN[:3], to_name), w.variable(), w.variable()

    def meets(t: Term) -> Formula:
        return conj(of(noun, t), phrase.says(t))

    two = exists(x, exists(y, conj(conj(meets(x), meets(y)), Not(Equal(x, y)))))
    one = exists(x, conj(meets(x), forall(y, cond(meets(y), Equal(y, x)))))
    said = {
        f"exactly one {noun.base} {phrase.singular}": one,
        f"at most one {noun.base} {phrase.singular}": Not(two),
        f"at least two {noun.plural} {phrase.plural}": two,
    }
    return w.random.choice(list(said.items()))


def _identified(w: Writer) -> Said:
    (called, constant), noun, x = w.name(), w.nouns.pop(), w.variable()
    if w.random.random() < 0.5:
        return f"{called} is the only {noun.base}", forall(x, Joined("iff", of(noun, x), Equal(x, constant)))
    phrase = w.pick(*AFTER_EVERY)
    other = conj(of(noun, x), Not(Equal(x, constant)))
    return f"every {noun.base} other than {called} {phrase.singular}", forall(x, cond(other, phrase.says(x)))


def _exactly_those(w: Writer) -> Said:
    noun, one, two, x = (
        w.nouns.pop(),
        w.pick(is_adjective, to_name, from_name),
        w.pick(is_adjective, to_name),
        w.variable(),
    )
    words = f"among the {noun.plural}, exactly those {w.who} {one.plural} {two.plural}"
    return words, forall(x, cond(of(noun, x), Joined("iff", one.says(x), two.says(x))))


def _join(w: Writer, sides: Sequence[Said], patterns: Mapping[str, Operator]) -> Said:
    (one, left), (two, right) = sides
    pattern, op = w.random.choice(list(patterns.items()))
    return pattern.format(one, two), Joined(op, left, right)


def _joined(w: Writer) -> Said:
    """Two sentences; those with words for ∧ and ∨ in them are listed, so that no word can belong to either."""
    kinds = (_fact, _quantified, _quantified, _anybody)
    patterns: Mapping[str, Operator] = {
        "if {}, then {}": "implies",
        "these two are both true or both false: {}; {}": "iff",
        "exactly one of these two is true: {}; {}": "xor",
        "at least one of these two is true: {}; {}": "or",
    }
    return _join(w, [w.random.choice(kinds)(w) for _ in range(2)], patterns)


def _denied(w: Writer) -> Said:
    words, formula = w.random.choice((_quantified, _related, _anybody))(w)
    return f"it is not true that {words}", Not(formula)


_SENTENCES: Mapping[int, tuple[Callable[[Writer], Said], ...]] = {
    1: (_fact, _two_facts),
    2: (_quantified,),
    3: (_related, _related, _named_related, _one_for_all, _anybody, _counted, _identified, _exactly_those),
    4: (_nested, _nested, _joined, _joined, _denied),
}


def draw_pair(random: random.Random, level: int, vocabulary: Vocabulary, distractors: int) -> Pair:
    """A sentence of a level and its formula.

    Args:
        random: Chooses.
        level: 1 to 4.
        vocabulary: Which words.
        distractors: Predicates, and as many constants, that the sentence does not use.
    """
    writer = Writer(draw_lexicon(random, vocabulary), random)
    words, formula = random.choice(_SENTENCES[level])(writer)
    spare = (writer.adjectives, writer.nouns, writer.verbs)
    more = [random.choice(spare).pop() for _ in range(distractors)]
    names = symbols([formula]) | Symbols(
        {word.name: word.arity for word in more}, dict.fromkeys(writer.constants[:distractors], 0)
    )
    return Pair(f"{words[0].upper()}{words[1:]}.", formula, names, _glosses(writer.lexicon, names))


def _glosses(lexicon: Lexicon, names: Symbols) -> dict[str, str]:
    found = {name: lexicon.individuals[name] for name in names.functions}
    for name in names.predicates:
        word = lexicon[name]
        kinds = {
            "verb": f"x {word.third} y",
            "noun": f"x is {with_article(word.base)}",
            "adjective": f"x is {word.base}",
        }
        found[name] = kinds[word.kind]
    return found
