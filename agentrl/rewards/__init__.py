"""Shaping terms: small bounded numbers that are added to a verdict's score, after it, and never in its place.

Each file is one idea: pure functions of numbers, ids or text, and a function that makes a `Term` of a stored rollout.
A term never changes a rollout, so that it can run again on a run folder; `Shaping` checks, weighs, gates and clamps.

    shaping = Shaping((overlong_term(limit=4096, cache=512), format_term()), {"format": 0.1})
    shaping.of(rollout)             # Shaped(total=0.6, parts={"verdict": 1.0, "overlong": -0.5, "format": 0.1})
    variance_shares({...})          # how much of a group's signal each part makes
"""

from __future__ import annotations

from agentrl.rewards.combine import gated, harmonic, product
from agentrl.rewards.exploration import exploration_term, group_novelty, visit_bonuses
from agentrl.rewards.format import format_problem, format_term
from agentrl.rewards.length import Cosine, cosine, cosine_term, length_cost, length_cost_term, overlong, overlong_term
from agentrl.rewards.repetition import compression_ratio, loop_penalty, loop_term, repeated_mask, repetition_term
from agentrl.rewards.spec import ShapingSpec, shaped_rewards
from agentrl.rewards.terms import Shaped, Shaping, Term
from agentrl.rewards.turns import potential_deltas, turn_delta_scores, turn_delta_term, turn_deltas
from agentrl.rewards.variance import VarianceShares, variance_shares

__all__ = [
    "Cosine",
    "Shaped",
    "Shaping",
    "ShapingSpec",
    "Term",
    "VarianceShares",
    "compression_ratio",
    "cosine",
    "cosine_term",
    "exploration_term",
    "format_problem",
    "format_term",
    "gated",
    "group_novelty",
    "harmonic",
    "length_cost",
    "length_cost_term",
    "loop_penalty",
    "loop_term",
    "overlong",
    "overlong_term",
    "potential_deltas",
    "product",
    "repeated_mask",
    "repetition_term",
    "shaped_rewards",
    "turn_delta_scores",
    "turn_delta_term",
    "turn_deltas",
    "variance_shares",
    "visit_bonuses",
]
