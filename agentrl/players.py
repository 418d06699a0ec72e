"""A policy's side of an episode: what it sees and says, as nodes of a rollout.

`TokenPlayer` keeps ids and log-probabilities; `TextPlayer` keeps messages only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeGuard, cast

from agentrl.errors import RenderError, UsageError
from agentrl.protocols import TextPolicy, TokenPolicy
from agentrl.render import Conversation, Renderer
from agentrl.types import Message, Node, SampleRequest, Verdict

__all__ = ["TextPlayer", "TokenPlayer", "is_token_policy", "renderer_of"]

Segments = Callable[[str], Sequence[tuple[str, int, int]]]
CONTEXT_FULL = Verdict(0.0, "resource_limit", feedback="The conversation no longer fits the policy's context.")


def is_token_policy(policy: TokenPolicy | TextPolicy) -> TypeGuard[TokenPolicy]:
    """Whether a policy takes and gives token ids."""
    return hasattr(policy, "sample")


def renderer_of(policy: TokenPolicy) -> Renderer:
    """The renderer of a token policy.

    Raises:
        RenderError: The policy has none.
    """
    renderer = getattr(policy, "renderer", None)
    if not isinstance(renderer, Renderer):
        raise RenderError(f"{type(policy).__name__} samples token ids but has no `renderer` to make them with")
    return renderer


class TokenPlayer:
    """Plays one episode through a token policy.

    Args:
        policy: Draws the ids.
        conversation: Holds everything said so far as ids.
        request: How to draw; its `prompt_ids` and `key` are set anew each turn.
    """

    def __init__(self, policy: TokenPolicy, conversation: Conversation, request: SampleRequest) -> None:
        self._policy = policy
        self._conversation = conversation
        self._request = request
        self._limit = cast("int | None", getattr(policy, "max_length", None))
        self._turn = 0

    @property
    def room(self) -> int:
        """Tokens the policy may still draw this turn."""
        if self._limit is None:
            return self._request.max_tokens
        return min(self._request.max_tokens, self._limit - len(self._conversation.ids))

    def opening(self, messages: Sequence[Message], state_key: str) -> Node:
        """The first observation."""
        return _observation(-1, messages, self._conversation.ids, state_key)

    async def act(self, parent: int) -> Node:
        """Draw the next turn."""
        request = replace(
            self._request,
            prompt_ids=self._conversation.ids,
            max_tokens=self.room,
            key=(*self._request.key, self._turn),
        )
        self._turn += 1
        sample = await self._policy.sample(request)
        return Node(
            parent=parent,
            message=self._conversation.reply(sample.token_ids),
            token_ids=sample.token_ids,
            drawn=(True,) * len(sample.token_ids),
            logprobs=sample.logprobs,
            sampler_logprobs=() if sample.sampler_logprobs == sample.logprobs else sample.sampler_logprobs,
            version=sample.version,
            ended=sample.stop,
        )

    def tagged(self, node: Node, segments: Segments) -> Node:
        """The turn with the environment's segments of its text as spans of its tokens."""
        found = segments(node.message.content)
        return replace(node, spans=self._conversation.spans(node.token_ids, found)) if found else node

    def observed(self, parent: int, messages: Sequence[Message], state_key: str) -> Node:
        """A later observation."""
        return _observation(parent, messages, self._conversation.observe(messages), state_key)


class TextPlayer:
    """Plays one episode through a text policy: no ids."""

    room = 1

    def __init__(self, policy: TextPolicy, messages: Sequence[Message], tools: Sequence[Mapping[str, Any]]) -> None:
        self._policy = policy
        self._messages = list(messages)
        self._tools = tools

    def opening(self, messages: Sequence[Message], state_key: str) -> Node:
        """The first observation."""
        return _observation(-1, messages, (), state_key)

    async def act(self, parent: int) -> Node:
        """Ask for the next turn."""
        message = await self._policy.reply(tuple(self._messages), self._tools)
        self._messages.append(message)
        return Node(parent, message, version=self._policy.version)

    def tagged(self, node: Node, segments: Segments) -> Node:
        """The turn as it is: there are no tokens to tag."""
        return node

    def observed(self, parent: int, messages: Sequence[Message], state_key: str) -> Node:
        """A later observation."""
        self._messages.extend(messages)
        return _observation(parent, messages, (), state_key)


def _observation(parent: int, messages: Sequence[Message], ids: tuple[int, ...], state_key: str) -> Node:
    if not messages:
        raise UsageError("the environment gave no message though the episode goes on; `respond` must say something")
    return Node(
        parent=parent,
        message=messages[-1],
        token_ids=ids,
        drawn=(False,) * len(ids),
        logprobs=(0.0,) * len(ids),
        state_key=state_key,
        earlier=tuple(messages[:-1]),
    )
