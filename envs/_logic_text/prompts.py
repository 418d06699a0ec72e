"""What the environments of sentences and formulas have in common: what is asked, and the gold."""

from __future__ import annotations

from typing import Any, Literal

from agentrl.envs._logic_text.pairs import Pair, as_signature, described
from agentrl.envs._logic_text.sentences import CONVENTIONS
from agentrl.verifiers._fol.printer import show

__all__ = ["FORM", "NAMING", "READING", "Signature", "answer", "told"]

Signature = Literal["given", "free"]

FORM = (
    "Write ∀x, ∃x, ¬, ∧, ∨, ⊕ (exactly one of the two), →, ↔, = and brackets, and put the formula alone between "
    "<answer> and </answer>."
)
NAMING = (
    "Name predicates by the words of the sentence, Teacher(x), Kind(x), Likes(x, y), with the subject first, also of a "
    "passive sentence; and individuals in lower case: ann for Ann, cat for the cat."
)
READING = f"How to read the sentence: {CONVENTIONS}"


def answer(pair: Pair, signature: Signature) -> Any:
    """The gold as the verifier takes it."""
    text = show(pair.formula)
    return {"formula": text, "signature": as_signature(pair.names)} if signature == "given" else text


def told(pair: Pair, signature: Signature) -> str:
    """The names to use, or how to choose them."""
    return f"Use these names, not necessarily all:\n{described(pair)}" if signature == "given" else NAMING
