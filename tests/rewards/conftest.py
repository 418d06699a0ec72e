"""Stored rollouts, made by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from agentrl.types import Message, Node, Provenance, Rollout, Task, Verdict

MakeRollout = Callable[..., Rollout]


def rollout(
    scores: Sequence[float] = (1.0,),
    *,
    ids: Sequence[Sequence[int]] | None = None,
    replies: Sequence[str] | None = None,
    keys: Sequence[str] | None = None,
    id: str = "0/t/0",
) -> Rollout:
    """One observation and one policy node a turn; 3 prompt tokens a turn that the policy did not draw."""
    nodes: list[Node] = []
    for turn, score in enumerate(scores):
        nodes.append(
            Node(len(nodes) - 1, Message("user", "again"), token_ids=(1, 2, 3), drawn=(False,) * 3, logprobs=(0.0,) * 3)
        )
        drawn = tuple(ids[turn]) if ids else (9,)
        verdict = Verdict(score, "correct" if score == 1 else "partial" if score else "incorrect")
        nodes.append(
            Node(
                len(nodes) - 1,
                Message("assistant", replies[turn] if replies else "x"),
                token_ids=drawn,
                drawn=(True,) * len(drawn),
                logprobs=(-1.0,) * len(drawn),
                state_key=keys[turn] if keys else "",
                reward=score,
                verdict=verdict,
            )
        )
    return Rollout(id, Task.ask("t", "again", "x"), tuple(nodes), "done", Provenance("env"))


@pytest.fixture
def make_rollout() -> MakeRollout:
    return rollout
