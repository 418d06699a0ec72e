"""What plug-ins look like from outside: a verifier, and the two kinds of policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from agentrl.types import Message, Sample, SampleRequest, Task, Transcript, Verdict

__all__ = ["TextPolicy", "TokenPolicy", "Verifier"]


class Verifier(Protocol):
    """A pure function of task and transcript, bounded in time, callable from any thread."""

    def __call__(self, task: Task, transcript: Transcript, /) -> Verdict:
        """Decide; a failure the policy causes is a status with score 0, never an exception."""
        ...


class TokenPolicy(Protocol):
    """Ids in, ids and log-probabilities out; cancellable; its rollouts can be trained on."""

    version: int

    async def sample(self, request: SampleRequest, /) -> Sample:
        """Draw one continuation; cancelling the task frees its row."""
        ...

    def close(self) -> None:
        """Free what the policy holds; idempotent."""
        ...


class TextPolicy(Protocol):
    """Messages in, message out (endpoints, scripts): no ids, so the learner refuses its rollouts."""

    version: int

    async def reply(self, messages: Sequence[Message], tools: Sequence[Mapping[str, Any]], /) -> Message:
        """Answer the conversation so far."""
        ...

    def close(self) -> None:
        """Free what the policy holds; idempotent."""
        ...
