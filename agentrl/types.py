"""The records that everything else passes around (stdlib and numpy only).

A `Task` is one problem. An environment turns it into messages; a policy answers with a `Sample`; each arrow of that
flow appends a `Node` to a `Rollout`, which is a tree. A `Trajectory` is one root-to-leaf path as parallel per-token
arrays. A verifier turns what happened into a `Verdict`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

__all__ = [
    "SCORED",
    "Check",
    "Message",
    "Node",
    "Provenance",
    "Role",
    "Rollout",
    "Sample",
    "SampleRequest",
    "Score",
    "Span",
    "Split",
    "Status",
    "Stop",
    "Task",
    "ToolCall",
    "Trajectory",
    "Transcript",
    "Verdict",
]

Role = Literal["system", "user", "assistant", "tool"]
Split = Literal["train", "test"]
Status = Literal[
    "correct",
    "partial",
    "incorrect",
    "no_answer",
    "malformed",
    "timeout",
    "resource_limit",
    "task_invalid",
    "infra_error",
]
Stop = Literal["done", "turn_limit", "token_limit", "infra_error", "task_invalid"]

_STATUSES = frozenset(get_args(Status))
SCORED = _STATUSES - {"task_invalid", "infra_error"}
"""Statuses that a policy can cause: their score counts. The other two drop the whole group."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call of a tool, as the policy asked for it."""

    name: str
    arguments: Mapping[str, Any]
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One chat message; text only."""

    role: Role
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """One problem. JSON-able; `answer` is the gold and never reaches an observation or an info dict."""

    id: str
    prompt: tuple[Message, ...]
    answer: Any = None
    data: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def ask(cls, id: str, question: str, answer: Any = None, *, system: str | None = None) -> Task:
        """Make a task whose prompt is one user message, after a system message if given."""
        prompt = (Message("user", question),)
        return cls(id, prompt if system is None else (Message("system", system), *prompt), answer)


@dataclass(frozen=True, slots=True)
class Check:
    """One part of a verdict: its name, whether it passed, its weight, and a word on why."""

    name: str
    passed: bool
    weight: float = 1.0
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verifier decided.

    Attributes:
        score: In [0, 1], finite.
        status: Why; `success` (for pass@k) is `status == "correct"`, which needs a score of 1.
        answer: The extracted answer in canonical form, if there was one.
        checks: The parts, in order.
        feedback: Text that may be shown to the policy; never the gold answer.
        seconds: Wall time of the verifier; not compared.

    Raises:
        ValueError: The score is outside [0, 1] or does not fit the status.
    """

    score: float
    status: Status
    answer: str | None = None
    checks: tuple[Check, ...] = ()
    feedback: str = ""
    seconds: float = field(default=0.0, compare=False)

    def __post_init__(self) -> None:
        if self.status not in _STATUSES:
            raise ValueError(f"status must be one of {sorted(_STATUSES)}, got {self.status!r}")
        if not (math.isfinite(self.score) and 0.0 <= self.score <= 1.0):
            raise ValueError(f"score must be finite and in [0, 1], got {self.score!r}")
        if self.status == "correct" and self.score != 1.0:
            raise ValueError(f"a correct verdict has score 1, got {self.score!r}")
        if self.status not in SCORED and self.score != 0.0:
            raise ValueError(f"an unscored verdict ({self.status}) has score 0, got {self.score!r}")

    @property
    def success(self) -> bool:
        """Whether this counts as solved for pass@k and success rates."""
        return self.status == "correct"

    @property
    def scored(self) -> bool:
        """False where the task or the machine is at fault, so that the score must not be used."""
        return self.status in SCORED


@dataclass(frozen=True, slots=True)
class Transcript:
    """What a verifier sees: the messages, the environment's final state, and files or other artefacts. JSON-able."""

    messages: tuple[Message, ...]
    final_state: Mapping[str, Any] = field(default_factory=dict)
    artefacts: Mapping[str, str] = field(default_factory=dict)

    @property
    def reply(self) -> str:
        """The text of the last assistant message, or the empty string."""
        for message in reversed(self.messages):
            if message.role == "assistant":
                return message.content
        return ""


@dataclass(frozen=True, slots=True)
class SampleRequest:
    """Ask a token policy for one continuation.

    Attributes:
        prompt_ids: Everything so far, as token ids.
        max_tokens: Most tokens to draw.
        temperature: 0 means greedy.
        top_p: Nucleus truncation; 1 for training.
        stop: Strings that end the continuation; they stay in the ids that were drawn.
        key: Names the random stream, e.g. (run seed, step, task, sample, turn); equal keys draw equal uniforms.
    """

    prompt_ids: tuple[int, ...]
    max_tokens: int
    temperature: float = 1.0
    top_p: float = 1.0
    stop: tuple[str, ...] = ()
    key: tuple[int, ...] = (0,)


@dataclass(frozen=True, slots=True)
class Sample:
    """What a token policy drew.

    Attributes:
        token_ids: The drawn ids, the end-of-turn token included where it was drawn.
        logprobs: Temperature-scaled log-probabilities over the full vocabulary: what the learner recomputes.
        sampler_logprobs: After truncation (top-p): what the ids were really drawn from.
        stop: Why it ended: the end-of-turn token, a stop string, or the token limit.
        version: Version of the weights that drew it.
    """

    token_ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    sampler_logprobs: tuple[float, ...]
    stop: Literal["eos", "stop", "length"]
    version: int


@dataclass(frozen=True, slots=True)
class Span:
    """A tagged run of a node's tokens, `start` included, `end` excluded."""

    tag: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Node:
    """What one message adds to a rollout, and nothing else.

    Attributes:
        parent: Index of the node before it, -1 at the root.
        message: The message; for an observation of several messages, the last of them.
        token_ids: The ids this node adds; empty under a text policy.
        drawn: Per token, whether the policy drew it; True is what may be trained on.
        logprobs: Per token, 0 where not drawn (see `Sample.logprobs`).
        sampler_logprobs: Likewise (see `Sample.sampler_logprobs`); empty where equal to `logprobs`.
        spans: Tagged parts of the node's tokens.
        state_key: Digest of the environment's state after this node; the same state has the same key.
        version: Version of the weights that drew it, -1 for an observation.
        earlier: The observation's messages before the last one.
        reward: What the environment returned for this action; None for an observation.
        verdict: The environment's verdict on this action, if it gave one.
        ended: Why the policy stopped drawing (see `Sample.stop`); "" where it is not known.
    """

    parent: int
    message: Message
    token_ids: tuple[int, ...] = ()
    drawn: tuple[bool, ...] = ()
    logprobs: tuple[float, ...] = ()
    sampler_logprobs: tuple[float, ...] = ()
    spans: tuple[Span, ...] = ()
    state_key: str = ""
    version: int = -1
    earlier: tuple[Message, ...] = ()
    reward: float | None = None
    verdict: Verdict | None = None
    ended: Literal["", "eos", "stop", "length"] = ""

    def __post_init__(self) -> None:
        n = len(self.token_ids)
        lengths = len(self.drawn), len(self.logprobs), len(self.sampler_logprobs)
        if lengths[:2] != (n, n) or lengths[2] not in (0, n):
            raise ValueError(f"{n} token ids need as many drawn, logprobs, sampler_logprobs; got {lengths}")

    @property
    def messages(self) -> tuple[Message, ...]:
        """All messages this node adds, in order."""
        return (*self.earlier, self.message)

    @property
    def is_policy(self) -> bool:
        """Whether the policy wrote this node."""
        return self.reward is not None


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a rollout comes from: enough to replay its episode. `tries` counts its beginnings after infra errors."""

    env: str
    seed: int = 0
    step: int = 0
    task_index: int = 0
    sample: int = 0
    policy: str = ""
    temperature: float = 1.0
    top_p: float = 1.0
    renderer: str = ""
    tries: int = field(default=1, compare=False)
    seconds: float = field(default=0.0, compare=False)


@dataclass(frozen=True, slots=True)
class Trajectory:
    """One root-to-leaf path as parallel arrays of length T (tokens).

    Attributes:
        token_ids: int64, shape (T,).
        mask: bool, shape (T,); True only where the policy drew the token.
        logprobs: float32, shape (T,); of the drawn tokens, 0 elsewhere.
        tags: One tag a token, "" where none.
        turn: int32, shape (T,); index of the policy turn a token belongs to or leads up to.
        version: int32, shape (T,); weights version per drawn token, -1 elsewhere.
    """

    token_ids: npt.NDArray[np.int64]
    mask: npt.NDArray[np.bool_]
    logprobs: npt.NDArray[np.float32]
    tags: tuple[str, ...]
    turn: npt.NDArray[np.int32]
    version: npt.NDArray[np.int32]

    def __post_init__(self) -> None:
        n = len(self.token_ids)
        if any(len(x) != n for x in (self.mask, self.logprobs, self.tags, self.turn, self.version)):
            raise ValueError("the fields of a trajectory must have one length")

    def __len__(self) -> int:
        return len(self.token_ids)


@dataclass(frozen=True, slots=True)
class Rollout:
    """One episode as a tree of nodes; parents come before children.

    Attributes:
        id: "step/task/sample", unique within a run.
        stop: Why the episode ended.
    """

    id: str
    task: Task
    nodes: tuple[Node, ...]
    stop: Stop
    provenance: Provenance

    def leaves(self) -> list[int]:
        """Indices of the nodes without children, in order."""
        parents = {node.parent for node in self.nodes}
        return [i for i in range(len(self.nodes)) if i not in parents]

    def path(self, leaf: int | None = None) -> list[int]:
        """Indices from the root to `leaf` (default: the last node)."""
        if not self.nodes:  # the machine failed before the episode began
            return []
        found = [len(self.nodes) - 1 if leaf is None else leaf]
        while (parent := self.nodes[found[-1]].parent) >= 0:
            found.append(parent)
        return found[::-1]

    @property
    def verdict(self) -> Verdict | None:
        """The last verdict on the last node's path, or None if the environment gave none."""
        given = (self.nodes[index].verdict for index in reversed(self.path()))
        return next((verdict for verdict in given if verdict is not None), None)

    @property
    def reward(self) -> float:
        """Sum of the environment's rewards on the last node's path."""
        return float(sum(self.nodes[i].reward or 0.0 for i in self.path()))

    @property
    def scored(self) -> bool:
        """Whether the episode ended with a score that may be used."""
        verdict = self.verdict
        return self.stop not in ("infra_error", "task_invalid") and (verdict is None or verdict.scored)

    def transcript(self, leaf: int | None = None) -> tuple[Message, ...]:
        """The messages on a path, in order."""
        return tuple(m for i in self.path(leaf) for m in self.nodes[i].messages)

    def trajectory(self, leaf: int | None = None) -> Trajectory:
        """The path to `leaf` as per-token arrays.

        Raises:
            ValueError: The rollout has no token ids (it was collected from a text policy).
        """
        nodes = [self.nodes[i] for i in self.path(leaf)]
        if not any(node.token_ids for node in nodes):
            raise ValueError(f"rollout {self.id} holds no token ids: only a token policy's rollouts can be trained on")
        lengths = [len(node.token_ids) for node in nodes]
        turn_N = np.cumsum([0, *(node.is_policy for node in nodes[:-1])])
        mask = np.concatenate([np.asarray(node.drawn, dtype=np.bool_) for node in nodes])
        return Trajectory(
            token_ids=np.concatenate([np.asarray(node.token_ids, dtype=np.int64) for node in nodes]),
            mask=mask,
            logprobs=np.concatenate([np.asarray(node.logprobs, dtype=np.float32) for node in nodes]),
            tags=tuple(tag for node in nodes for tag in _tags(node)),
            turn=np.repeat(turn_N, lengths).astype(np.int32),
            version=np.where(mask, np.repeat([node.version for node in nodes], lengths), -1).astype(np.int32),
        )


def _tags(node: Node) -> list[str]:
    tags = [""] * len(node.token_ids)
    for span in node.spans:
        tags[span.start : span.end] = [span.tag] * (span.end - span.start)
    return tags


@dataclass(frozen=True, slots=True)
class Score:
    """One value of one reward term: a side table, so that terms re-run on stored rollouts."""

    rollout: str
    node: int
    position: int | Literal["whole"]
    term: str
    value: float
