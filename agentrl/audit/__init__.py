"""Attack a scorer: fixed policies, changed golds, and a catalogue of known ways to be paid without the right answer.

    card = audit(VerifierScorer("exact"))
    card.findings                                # () where nothing was found

A scorer is anything with the methods of `Scorer`: a verifier, an environment, or someone else's reward function.
"""

from __future__ import annotations

from agentrl.audit.card import Card, Example, Row
from agentrl.audit.own import EnvScorer, VerifierScorer
from agentrl.audit.records import DOMAINS, Domain, Item, Outcome, Reply, Scorer
from agentrl.audit.run import audit, check_ids

__all__ = [
    "DOMAINS",
    "Card",
    "Domain",
    "EnvScorer",
    "Example",
    "Item",
    "Outcome",
    "Reply",
    "Row",
    "Scorer",
    "VerifierScorer",
    "audit",
    "check_ids",
]
