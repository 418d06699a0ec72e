"""The facts, rules and claims of a theory in English, each in one of several wordings.

"Or" is inclusive unless "but not both" stands behind it; "no A is B" and never "all A are not B", which can be read two
ways; where two individuals are meant by one rule they are called X and Y or tied by a relation ("whoever they like").
A formula of another shape is no sentence here.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from agentrl.envs._logic.lexicon import Lexicon, Word
from agentrl.verifiers._fol.syntax import Apply, Atom, Formula, Joined, Not, Quantified, Term, Variable

__all__ = ["gloss", "say"]

Number = Literal["one", "they", "many"]
_SILENT = ("honest",)
_VOWELS = "aeiou"


def say(formula: Formula, lexicon: Lexicon, rng: random.Random) -> str:
    """A sentence.

    Args:
        formula: A ground literal, "a likes some B", or a rule of one or two variables.
        lexicon: The words of its names.
        rng: Chooses the wording.

    Raises:
        ValueError: The formula has another shape.
    """
    speaker = _Speaker(lexicon, rng)
    text = speaker.rule(formula) if isinstance(formula, Quantified) and formula.kind == "forall" else ""
    text = text or speaker.fact(formula)
    return text[0].upper() + text[1:] + "."


def gloss(name: str, lexicon: Lexicon) -> str:
    """What a name stands for.

    >>> from agentrl.envs._logic.lexicon import draw_lexicon
    >>> lexicon = draw_lexicon(random.Random(0), "people")
    >>> gloss("Likes", lexicon), gloss("Teacher", lexicon), gloss("bob", lexicon)
    ('Likes(x, y): x likes y', 'Teacher(x): x is a teacher', 'bob: Bob')
    """
    if name in lexicon.individuals:
        return f"{name}: {lexicon.individuals[name]}"
    word = lexicon[name]
    if word.kind == "verb":
        return f"{name}(x, y): x {word.third} y"
    return f"{name}(x): x is {_with_article(word.base) if word.kind == 'noun' else word.base}"


def _with_article(text: str) -> str:
    return f"{'an' if text[0] in _VOWELS or text.startswith(_SILENT) else 'a'} {text}"


def _conditions(formula: Formula) -> list[Formula]:
    if isinstance(formula, Joined) and formula.op == "and":
        return [*_conditions(formula.left), *_conditions(formula.right)]
    return [formula]


def _atom(formula: Formula) -> Atom | None:
    found = formula.body if isinstance(formula, Not) else formula
    return found if isinstance(found, Atom) else None


def _variables(formula: Formula) -> set[Term]:
    atom = _atom(formula)
    return {arg for arg in atom.args if isinstance(arg, Variable)} if atom else set()


@dataclass(frozen=True, slots=True)
class _Parts:
    """A rule without its quantifiers."""

    variables: tuple[Variable, ...]
    conditions: list[Formula]
    conclusion: Formula


def _parts(formula: Formula) -> _Parts | None:
    variables: list[Variable] = []
    while isinstance(formula, Quantified) and formula.kind == "forall":
        variables.append(Variable(formula.name))
        formula = formula.body
    if not isinstance(formula, Joined) or formula.op != "implies":
        return None
    return _Parts(tuple(variables), _conditions(formula.left), formula.right)


class _Speaker:
    """The words, and the choice of the wording."""

    def __init__(self, lexicon: Lexicon, rng: random.Random) -> None:
        self._lexicon, self._rng = lexicon, rng
        people = lexicon.many == "people"
        self._one, self._every, self._none, self._who, self._whoever = (
            ("someone", "everyone", "no one", "who", "whoever")
            if people
            else ("something", "everything", "nothing", "that", "whatever")
        )
        self._they = "they" if people else "it"
        self._their_number: Number = "they" if people else "one"

    # Whole sentences.

    def fact(self, formula: Formula) -> str:
        """What is said of a named individual."""
        atom = _atom(formula)
        if atom is not None:
            subject = 1 if len(atom.args) == 2 and self._rng.random() < 0.2 else 0
            who = atom.args[subject]
            return f"{self._named(who)} {self._phrase(formula, who, 'one')}"
        match formula:
            case Quantified("exists", _, Joined("and", Atom(_, (Apply() as who, _)), _)):
                return f"{self._named(who)} {self._phrase(formula, who, 'one')}"
        raise ValueError("the formula has no wording")

    def rule(self, formula: Formula) -> str:
        """What is said of everyone."""
        parts = _parts(formula)
        if parts is None:
            raise ValueError("the formula has no wording")
        if len(parts.variables) == 1:
            return self._about_one(parts.variables[0], parts.conditions, parts.conclusion)
        tied = self._tied(parts)
        if tied is not None and self._rng.random() < 0.8:
            return tied
        if self._rng.random() < 0.6:
            return self._whoever_sentence(parts) or self._lettered(parts)
        return self._lettered(parts)

    def _about_one(self, x: Variable, conditions: Sequence[Formula], conclusion: Formula) -> str:
        grouped = self._grouped(x, conditions)
        if grouped is not None and self._rng.random() < 0.5:
            return self._of_group(x, conditions, conclusion)
        phrases = [self._phrase(condition, x, "one") for condition in conditions]
        if self._rng.random() < 0.4:
            then = self._phrase(conclusion, x, self._their_number)
            return f"if {self._one} {' and '.join(phrases)}, then {self._they} {then}"
        return self._general(phrases, x, conclusion)

    def _general(self, phrases: Sequence[str], x: Variable, conclusion: Formula) -> str:
        """Of everyone that all phrases fit; no "they", which could be either of two that are meant."""
        which = " and ".join(phrases)
        if isinstance(conclusion, Not):
            return f"{self._none} {self._who} {which} {self._phrase(conclusion.body, x, 'one')}"
        return f"{self._every} {self._who} {which} {self._phrase(conclusion, x, 'one')}"

    def _of_group(self, x: Variable, conditions: Sequence[Formula], conclusion: Formula) -> str:
        """All kind teachers, no kind teacher; the conditions are such a group."""
        if isinstance(conclusion, Not) and self._rng.random() < 0.7:
            return f"no {self._group(x, conditions, 'one')} {self._phrase(conclusion.body, x, 'one')}"
        many = self._group(x, conditions, "many")
        if isinstance(conclusion, Not):
            return f"{many} {self._phrase(conclusion, x, 'many')}"
        start = self._rng.choice(("all", "every", "each", ""))
        if start in ("every", "each"):
            return f"{start} {self._group(x, conditions, 'one')} {self._phrase(conclusion, x, 'one')}"
        return f"{start} {many} {self._phrase(conclusion, x, 'many')}".strip()

    def _tied(self, parts: _Parts) -> str | None:
        """A rule whose conclusion is about one, who is tied to the other by a relation; None for other rules."""
        about = _variables(parts.conclusion)
        ties = [c for c in parts.conditions if len(_variables(c)) == 2]
        if len(about) != 1 or len(ties) != 1 or isinstance(ties[0], Not):
            return None
        (x,) = about
        (y,) = set(parts.variables) - about
        assert isinstance(x, Variable)
        mine = [self._phrase(c, x, "one") for c in parts.conditions if _variables(c) == {x}]
        others = [c for c in parts.conditions if _variables(c) == {y}]
        tie = self._phrase(ties[0], x, "one", {y: self._some(y, others)})
        return self._general([*mine, tie], x, parts.conclusion)

    def _whoever_sentence(self, parts: _Parts) -> str | None:
        """Everyone that is A trusts whoever they like, or likes everyone that is B; None for other rules."""
        x, y = parts.variables
        conclusion = parts.conclusion
        if isinstance(conclusion, Not) or _variables(conclusion) != {x, y}:
            return None
        mine = [c for c in parts.conditions if _variables(c) == {x}]
        others = [c for c in parts.conditions if _variables(c) == {y}]
        ties = [c for c in parts.conditions if _variables(c) == {x, y}]
        if len(ties) > 1 or (ties and (others or isinstance(ties[0], Not))):
            return None
        if ties:
            whom = f"{self._whoever} {self._they} {self._phrase(ties[0], x, self._their_number, {y: ''})}".strip()
            if not isinstance(tie := ties[0], Atom) or tie.args[0] != x:
                return None
        else:
            whom = self._everyone(y, others)
        return f"{self._everyone(x, mine)} {self._phrase(conclusion, x, 'one', {y: whom})}"

    def _lettered(self, parts: _Parts) -> str:
        """With the letters X and Y for the individuals."""
        names: Mapping[Term, str] = {variable: variable.name.upper() for variable in parts.variables}

        def clause(formula: Formula) -> str:
            atom = _atom(formula)
            assert atom is not None
            return f"{names[atom.args[0]]} {self._phrase(formula, atom.args[0], 'one', names)}"

        conditions = " and ".join(map(clause, parts.conditions))
        letters = " and ".join(sorted(names.values()))
        return f"if {conditions}, then {clause(parts.conclusion)}, {self._whoever} {letters} are"

    # Parts of sentences.

    def _phrase(self, formula: Formula, who: Term, number: Number, names: Mapping[Term, str] | None = None) -> str:
        """What a formula says of one of its terms: "is kind", "do not like Bob", "is liked by a teacher"."""
        match formula:
            case Atom() | Not(Atom()):
                return self._literal(formula, who, number, names or {})
            case Joined("and", left, right):
                return f"{self._phrase(left, who, number)} and {self._phrase(right, who, number)}"
            case Joined("or" | "xor" as op, Atom(one), Atom(other)):
                words = f"{self._property(one, number)} or {self._property(other, number)}"
                be = "is" if number == "one" else "are"
                return f"{be} {words}" if op == "or" else f"{be} either {words}, but not both"
            case Quantified("exists", name, Joined("and", Atom() as tie, other)):
                y = Variable(name)
                return self._phrase(tie, who, number, {y: self._some(y, [other])})
        raise ValueError("the formula has no wording")

    def _literal(self, formula: Formula, who: Term, number: Number, names: Mapping[Term, str]) -> str:
        atom = _atom(formula)
        assert atom is not None
        word, negated = self._lexicon[atom.name], isinstance(formula, Not)
        be = ("is" if number == "one" else "are") + (" not" if negated else "")
        if word.kind != "verb":
            return f"{be} {self._property(atom.name, number)}"
        if atom.args[0] != who:
            return f"{be} {word.participle} by {self._named(atom.args[0], names)}"
        whom = self._named(atom.args[1], names)
        if negated:
            return f"{'does' if number == 'one' else 'do'} not {word.base} {whom}"
        return f"{word.third if number == 'one' else word.base} {whom}".strip()

    def _property(self, name: str, number: Number) -> str:
        word = self._lexicon[name]
        if word.kind == "adjective":
            return word.base
        return word.plural if number == "many" else _with_article(word.base)

    def _named(self, term: Term, names: Mapping[Term, str] | None = None) -> str:
        if names is not None and term in names:
            return names[term]
        return self._lexicon.individuals[term.name]

    def _some(self, y: Variable, conditions: Sequence[Formula]) -> str:
        """Someone, a kind teacher, someone who is not kind."""
        if not conditions:
            return self._one
        grouped = self._grouped(y, conditions)
        if grouped is not None and (grouped[-1].kind == "noun" or self._rng.random() < 0.5):
            words = " ".join(word.base for word in grouped)
            return _with_article(words) if grouped[-1].kind == "noun" else f"{self._one} {words}"
        return f"{self._one} {self._who} {' and '.join(self._phrase(c, y, 'one') for c in conditions)}"

    def _everyone(self, x: Variable, conditions: Sequence[Formula]) -> str:
        """Everyone, every kind teacher, everyone who is not kind."""
        if not conditions:
            return self._every
        grouped = self._grouped(x, conditions)
        if grouped is not None and grouped[-1].kind == "noun":
            return f"every {self._group(x, conditions, 'one')}"
        return f"{self._every} {self._who} {' and '.join(self._phrase(c, x, 'one') for c in conditions)}"

    def _grouped(self, x: Variable, conditions: Sequence[Formula]) -> list[Word] | None:
        """The words, adjectives first, where all are properties that it has, at most one a noun; else None."""
        words = [self._lexicon[c.name] for c in conditions if isinstance(c, Atom) and c.args == (x,)]
        words.sort(key=lambda word: word.kind == "noun")
        if len(words) < len(conditions) or sum(word.kind == "noun" for word in words) > 1:
            return None
        return words

    def _group(self, x: Variable, conditions: Sequence[Formula], number: Number) -> str:
        words = self._grouped(x, conditions)
        assert words
        has_noun = words[-1].kind == "noun"
        adjectives = [word.base for word in (words[:-1] if has_noun else words)]
        person = "person" if self._lexicon.many == "people" else "thing"
        noun = words[-1].base if has_noun else person
        if number == "many":
            noun = words[-1].plural if has_noun else self._lexicon.many
        return " ".join([*[", ".join(adjectives)][: bool(adjectives)], noun])
