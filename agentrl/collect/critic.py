"""Critics: what says which of several replies is the best before any of them was played to its end."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol, cast

from agentrl.episodes import Policy
from agentrl.players import TextPlayer, TokenPlayer, is_token_policy, renderer_of
from agentrl.protocols import TextPolicy
from agentrl.types import Message, SampleRequest

__all__ = ["Critic", "PolicyCritic", "rank_values"]

QUESTION = (
    "Above is a conversation; below are replies that could come next. Name the number of the best one, and nothing "
    "else.\n\n{candidates}"
)


class Critic(Protocol):
    """Gives each candidate reply to a conversation a value in [0, 1]."""

    async def __call__(self, messages: Sequence[Message], candidates: Sequence[Message], /) -> Sequence[float]:
        """One value for each candidate, in their order."""
        ...


def rank_values(order: Sequence[int]) -> list[float]:
    r"""The value of each candidate by its place: $1 - (\mathrm{rank} - 1) / (K - 1)$.

    Args:
        order: Candidates from the best to the worst.

    >>> rank_values([2, 0, 1])
    [0.5, 0.0, 1.0]
    >>> rank_values([0])
    [1.0]
    """
    last = max(len(order) - 1, 1)
    values = [0.0] * len(order)
    for place, candidate in enumerate(order):
        values[candidate] = 1 - place / last
    return values


class PolicyCritic:
    """A language model as the critic: asked for the best of the candidates, then for the best of the rest, and so on.

    An answer that names none of them counts as the first of those that are left, so that nonsense keeps the order in
    which the candidates were given.

    Args:
        policy: Answers the question. A token policy does so greedily, and what it draws for it is no part of a rollout.
        max_tokens: Most tokens that a token policy draws for an answer.

    Source: Agent Q, Putta et al. 2024 (arXiv 2408.07199), where it is the policy's own frozen base model.
    """

    def __init__(self, policy: Policy, *, max_tokens: int = 16) -> None:
        self._policy = policy
        self._request = SampleRequest((), max_tokens, temperature=0.0)

    async def __call__(self, messages: Sequence[Message], candidates: Sequence[Message], /) -> list[float]:
        """Values by rank."""
        left, order = list(range(len(candidates))), list[int]()
        while len(left) > 1:
            listed = "\n\n".join(f"{n}.\n{_shown(candidates[i])}" for n, i in enumerate(left, start=1))
            answer = await self._answer(_conversation(messages) + "\n\n" + QUESTION.format(candidates=listed))
            order.append(left.pop(_named(answer, len(left))))
        return rank_values([*order, *left])

    async def _answer(self, question: str) -> str:
        asked = Message("user", question)
        if not is_token_policy(self._policy):
            return (await TextPlayer(cast(TextPolicy, self._policy), [asked], ()).act(-1)).message.content
        player = TokenPlayer(self._policy, renderer_of(self._policy).start([asked]), self._request)
        return (await player.act(-1)).message.content if player.room > 0 else ""


def _named(answer: str, count: int) -> int:
    """Index of the candidate that an answer names by its number; 0 where it names none."""
    found = re.search(r"(?<![\w.-])[0-9]{1,6}(?![\w-]|\.[0-9])", answer)
    number = int(found[0]) if found else 0
    return number - 1 if 1 <= number <= count else 0


def _conversation(messages: Sequence[Message]) -> str:
    return "\n\n".join(f"{m.role}:\n{_shown(m)}" for m in messages)


def _shown(message: Message) -> str:
    calls = "".join(f"\n{call.name}({dict(call.arguments)})" for call in message.tool_calls)
    return message.content + calls
