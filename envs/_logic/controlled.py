"""The English of ProofWriter, PrOntoQA and ProsQA as formulas.

    "Anne is not kind.", "The lion sees the bald eagle.", "Max is a yumpus."            facts
    "All kind, blue people are green.", "Each yumpus is not sour.", "Vumpuses are zumpuses."
    "If something is cold and it sees the cow then the cow is not nice."                rules

"They" and "it" are who the rule is about. "Every A is not B" is read as no A is B, as PrOntoQA means it. Predicates
have the name of their word, Kind(x) and See(x, y), and individuals theirs, anne and bald_eagle.
"""

from __future__ import annotations

import re

from agentrl.envs._logic.moves import rule
from agentrl.verifiers._fol.syntax import Apply, Atom, Formula, Not, Term, Variable

__all__ = ["formula_of", "sentences_of"]

_X = Variable("x")
_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_GENERAL = re.compile(r"(?:(all|every|each)\s)?(.+?)\s(is|are)\s(not\s)?(?:an?\s)?([a-z-]+)", re.IGNORECASE)
_IF = re.compile(r"if\s(.+?),?\sthen\s(.+)", re.IGNORECASE)
_CLAUSES = (re.compile(r"(the\s[a-z]+\s[a-z]+)\s(.+)", re.I), re.compile(r"(the\s[a-z]+|\w+)\s(.+)", re.I))
_IS = re.compile(r"(?:is|are)\s(?P<no>not\s)?(?:an?\s)?(?P<what>[a-z-]+)")
_VERB = re.compile(r"(?:(?P<no>do(?:es)?\snot)\s)?(?P<verb>[a-z]+)\s(?P<whom>the\s[a-z]+(?:\s[a-z]+)?|[A-Z][a-z]+)")
_BARE = re.compile(r"(?P<no>not\s)?(?P<what>[a-z-]+)")
_PRONOUNS = ("someone", "something", "they", "it")
_ALL = ("people", "things")


def sentences_of(text: str) -> list[str]:
    """The sentences of a text."""
    return [part for part in _SENTENCE.split(text.strip()) if part]


def formula_of(sentence: str) -> Formula | None:
    """What a sentence says; None where it fits no pattern.

    >>> from agentrl.verifiers._fol.printer import show
    >>> show(formula_of("If something is cold and it sees the cow then the cow is not nice."))
    '∀x ((Cold(x) ∧ See(x, cow)) → ¬Nice(cow))'
    >>> show(formula_of("Every yumpus is not sour.")), show(formula_of("Anne is quiet."))
    ('∀x (Yumpus(x) → ¬Sour(x))', 'Quiet(anne)')
    """
    text = sentence.strip().rstrip(".").strip()
    conditional = _IF.fullmatch(text)
    if conditional is not None:
        conditions, conclusion = _clauses(conditional[1]), _clauses(conditional[2])
        if conditions is None or conclusion is None or len(conclusion) != 1:
            return None
        variables = (_X,) if any(_X in _args(part) for part in (*conditions, *conclusion)) else ()
        return rule(conditions, conclusion[0], variables)
    general = _general(text)
    if general is not None:
        return general
    fact = _clauses(text)
    return fact[0] if fact is not None and len(fact) == 1 and _X not in _args(fact[0]) else None


def _args(formula: Formula) -> tuple[Term, ...]:
    atom = formula.body if isinstance(formula, Not) else formula
    return atom.args if isinstance(atom, Atom) else ()


def _general(text: str) -> Formula | None:
    """All kind, blue people are green; each yumpus is a dumpus; vumpuses are earthy."""
    found = _GENERAL.fullmatch(text)
    if found is None:
        return None
    quantifier, group, be, negation, property_ = found.groups()
    words = group.replace(",", " ").split()
    if not quantifier and be == "is":  # of one individual
        return None
    if be == "are" and words[-1].lower() in _ALL:
        names = words[:-1]
    elif be == "are" or len(words) == 1:
        names = [*words[:-1], _singular(words[-1]) if be == "are" else words[-1]]
    else:
        return None
    conclusion = _signed(Atom(_name(_singular(property_) if be == "are" else property_), (_X,)), negation)
    return rule([Atom(_name(name), (_X,)) for name in names], conclusion) if names else None


def _clauses(text: str) -> list[Formula] | None:
    """Literals joined by "and"; one without a subject has the last one's, one without a verb is what that one is."""
    found: list[Formula] = []
    who: Term | None = None
    for part in re.split(r"\sand\s", text):
        literal = _clause(part)
        bare = _BARE.fullmatch(part)
        if literal is None and who is not None and bare is not None:
            literal = _signed(Atom(_name(bare["what"]), (who,)), bare["no"])
        if literal is None:
            return None
        who = _args(literal)[0]
        found.append(literal)
    return found


def _clause(text: str) -> Formula | None:
    for pattern in _CLAUSES:
        clause = pattern.fullmatch(text)
        literal = _literal(_term(clause[1]), clause[2]) if clause else None
        if literal is not None:
            return literal
    return None


def _literal(who: Term, rest: str) -> Formula | None:
    is_ = _IS.fullmatch(rest)
    if is_ is not None:
        return _signed(Atom(_name(is_["what"]), (who,)), is_["no"])
    verb = _VERB.fullmatch(rest)
    if verb is None:
        return None
    return _signed(Atom(_name(verb["verb"].removesuffix("s")), (who, _term(verb["whom"]))), verb["no"])


def _signed(atom: Atom, negation: str | None) -> Formula:
    return Not(atom) if negation else atom


def _term(text: str) -> Term:
    words = text.lower().split()
    if words[0] in _PRONOUNS:
        return _X
    return Apply("_".join(words[1:] if words[0] == "the" else words))


def _name(word: str) -> str:
    return word.lower().capitalize()


def _singular(word: str) -> str:
    """A made-up noun without its plural; other words stay."""
    return word[:-2] if word.endswith("puses") else word
