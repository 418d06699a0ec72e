"""What terms look at: plain numbers, ids and texts of a stored rollout, on the path to its last node."""

from __future__ import annotations

from agentrl.errors import UsageError
from agentrl.types import Node, Rollout

__all__ = ["drawn_ids", "policy_nodes", "replies", "state_keys", "turn_scores"]


def policy_nodes(rollout: Rollout) -> list[tuple[int, Node]]:
    """The nodes that the policy wrote, with their indices."""
    return [(i, rollout.nodes[i]) for i in rollout.path() if rollout.nodes[i].is_policy]


def drawn_ids(rollout: Rollout) -> list[int]:
    """The token ids that the policy drew.

    Raises:
        UsageError: The rollout was collected from a text policy.
    """
    nodes = [rollout.nodes[i] for i in rollout.path()]
    if not any(node.token_ids for node in nodes):
        raise UsageError(f"rollout {rollout.id} holds no token ids: terms of length need those of a token policy")
    return [id for node in nodes for id, drawn in zip(node.token_ids, node.drawn, strict=True) if drawn]


def replies(rollout: Rollout) -> list[str]:
    """What the policy said, turn by turn."""
    return [node.message.content for _, node in policy_nodes(rollout)]


def state_keys(rollout: Rollout) -> list[str]:
    """The states that the policy's actions led to, those without a key left out."""
    return [node.state_key for _, node in policy_nodes(rollout) if node.state_key]


def turn_scores(rollout: Rollout) -> list[float]:
    """The score of each turn: its verdict's, or its reward where it has no verdict."""
    return [
        float(node.reward or 0.0) if node.verdict is None else node.verdict.score for _, node in policy_nodes(rollout)
    ]
