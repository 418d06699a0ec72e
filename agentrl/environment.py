"""The base of every environment, and two short bases: one turn, and several turns.

An environment is a true `gymnasium.Env`: the observation is the tuple of *new* messages, the action is the reply. A
subclass of `Env` names its tasks and answers each action with an `Outcome`; `SingleTurnEnv` needs tasks and a
verifier, `MultiTurnEnv` a function from reply to the next message or a `Verdict`.

Every environment forks: `snapshot` and `restore` replay the recorded actions by default, so an environment whose
behaviour follows from (task, generator, actions) needs no code for it.
"""

from __future__ import annotations

import functools
import hashlib
import json
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Literal

import gymnasium
import numpy as np

from agentrl import registry
from agentrl.codec import message_from_json, message_to_json, task_from_json, task_to_json
from agentrl.data import LazyTasks
from agentrl.errors import ConfigError, DataError, UnknownIdError, UsageError, suggest
from agentrl.protocols import Verifier
from agentrl.spaces import ChatSpace, TextSpace
from agentrl.types import Message, Split, Task, Transcript, Verdict

__all__ = ["Env", "MultiTurnEnv", "Outcome", "SingleTurnEnv"]

Observation = tuple[Message, ...]
TURN_LIMIT_VERDICT = Verdict(0.0, "no_answer", feedback="The turn limit was reached without an answer.")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an action led to.

    Attributes:
        messages: New messages for the policy.
        reward: This turn's reward.
        verdict: The verifier's decision, once there is one.
        terminated: Whether the episode is over.
    """

    messages: Observation = ()
    reward: float = 0.0
    verdict: Verdict | None = None
    terminated: bool = False


class Env(gymnasium.Env[Observation, "str | Message"]):
    """A `gymnasium.Env` over messages, with tasks, a turn limit, and forks.

    A subclass defines `tasks` and `respond`, and `begin` where an episode has state of its own. Randomness comes from
    `self.np_random` only; state lives in attributes that `begin` sets.

    Args:
        split: Which tasks `reset` draws from.
        max_turns: Turns until the episode is truncated; None keeps the class's own.
        render_mode: "ansi" lets `render` return the conversation as text.
    """

    metadata = {"render_modes": ["ansi"]}  # noqa: RUF012  # Gymnasium declares it so
    observation_space = ChatSpace()
    action_space = TextSpace()
    max_turns: int = 1
    execution: ClassVar[Literal["inline", "thread"]] = "inline"
    """Where `step` runs under concurrent episodes: "thread" for one that waits on something outside Python."""
    verifier: str | Verifier | None = None
    """What decides: a verifier's id, or a callable `(task, transcript) -> Verdict`; None where `respond` does."""
    verifier_options: Mapping[str, Any] = MappingProxyType({})
    """Options of the verifier, where it is named by its id."""

    def __init__(self, *, split: Split = "train", max_turns: int | None = None, render_mode: str | None = None) -> None:
        if split not in ("train", "test"):
            raise ConfigError(f"split must be 'train' or 'test', got {split!r}")
        self.split: Split = split
        self.render_mode = render_mode
        if max_turns is not None:
            if max_turns < 1:
                raise ConfigError(f"max_turns must be at least 1, got {max_turns}")
            self.max_turns = max_turns
        self.observation_space = ChatSpace()
        self.action_space = TextSpace()
        self.task: Task | None = None
        self.messages: list[Message] = []
        self._actions: list[Message] = []
        self._over = True
        self._rng_state: dict[str, Any] = {}
        self._by_split: dict[Split, Sequence[Task]] = {}

    # What a subclass says.

    @abstractmethod
    def tasks(self, split: Split) -> Sequence[Task]:
        """The tasks of a split; a lazy sequence is fine. Called once a split."""

    @abstractmethod
    def respond(self, action: Message) -> Outcome:
        """Carry out the policy's reply."""

    def begin(self, task: Task) -> Observation:
        """Set up the episode's state; return the first messages."""
        return task.prompt

    def tools(self, task: Task) -> Sequence[Mapping[str, Any]]:
        """JSON Schemas of the tools that the policy may call in this task."""
        return ()

    def gold(self, task: Task) -> Sequence[str | Message]:
        """Replies that solve the task, for `check`; empty where none is known."""
        return ()

    def canaries(self, split: Split) -> Sequence[Task]:
        """Tasks that no honest reply solves, for training to mix in; by default the verifier's mutations serve."""
        return ()

    def segments(self, reply: str) -> Sequence[tuple[str, int, int]]:
        """Parts of a reply that credit may tell apart: each a tag, its first character and its end; none overlaps.

        In a rollout they become `Node.spans`.
        """
        return ()

    # Gymnasium's side.

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start an episode.

        Args:
            seed: Seeds `np_random`, as in Gymnasium.
            options: `task` (an id or a `Task`) and `split` choose the task; otherwise one is drawn.
        """
        super().reset(seed=seed)
        self.task = self._choose(options or {})
        self._rng_state = dict(self.np_random.bit_generator.state)
        observation = self._begin(self.task)
        return observation, {"task": self.task.id, "tools": tuple(self.tools(self.task)), "verdict": None}

    def step(self, action: str | Message) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Carry out a reply; `info["verdict"]` holds the verifier's decision once there is one."""
        if self._over:
            raise UsageError("step() was called on an episode that is over or never began; call reset() first")
        message = action if isinstance(action, Message) else Message("assistant", action)
        self._actions.append(message)
        self.messages.append(message)
        outcome = self.respond(message)
        self.messages.extend(outcome.messages)
        verdict = outcome.verdict
        truncated = not outcome.terminated and len(self._actions) >= self.max_turns
        if truncated and verdict is None:
            verdict = TURN_LIMIT_VERDICT
        self._over = outcome.terminated or truncated
        return outcome.messages, float(outcome.reward), outcome.terminated, truncated, {"verdict": verdict}

    def render(self) -> str | None:
        """The conversation so far under render mode "ansi"."""
        if self.render_mode != "ansi":
            return None
        return "\n".join(f"{m.role}: {m.content}" for m in self.messages)

    # Forks.

    def snapshot(self) -> bytes:
        """This episode as JSON bytes: `restore` on any instance of the same environment continues it exactly."""
        if self.task is None:
            raise UsageError("there is no episode to snapshot; call reset() first")
        state = {
            "env": _identity(self),
            "task": task_to_json(self.task),
            "rng": self._rng_state,
            "actions": [message_to_json(a) for a in self._actions],
        }
        text = json.dumps(state, separators=(",", ":"), default=_plain, ensure_ascii=False)
        return text.encode("utf-8", "surrogatepass")

    def restore(self, snapshot: bytes) -> None:
        """Continue a snapshot's episode; by default the recorded actions are replayed.

        Raises:
            UsageError: The snapshot is not one of this environment's.
        """
        try:
            state = json.loads(snapshot)
            env, task, rng, actions = (
                state["env"],
                task_from_json(state["task"]),
                state["rng"],
                state["actions"],
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UsageError(f"not a snapshot of an agentrl environment: {error}") from error
        if env != _identity(self):
            raise UsageError(f"a snapshot of {env} cannot be restored into {_identity(self)}")
        self.task = task
        generator = np.random.Generator(getattr(np.random, rng["bit_generator"])())
        generator.bit_generator.state = rng
        self.np_random = generator
        self._rng_state = dict(generator.bit_generator.state)
        self._begin(task)
        for action in actions:
            self.step(message_from_json(action))

    def state_key(self) -> str:
        """A digest of the state: equal states have equal keys. Default: the task and the conversation."""
        if self.task is None:
            raise UsageError("there is no state before reset()")
        digest = hashlib.blake2b(self.task.id.encode(), digest_size=12)
        for m in self.messages:
            # Lengths first: no text may imitate the border between two messages.
            parts = [m.role, m.content]
            for call in m.tool_calls:
                parts += [call.name, json.dumps(call.arguments, sort_keys=True, default=str)]
            text = "".join(f"{len(p)}:{p}" for p in (str(len(parts)), *parts))
            digest.update(text.encode("utf-8", "surrogatepass"))
        return digest.hexdigest()

    # Inside.

    @functools.cached_property
    def _verify(self) -> Verifier:
        """The verifier with its options."""
        verifier = self.verifier if isinstance(self.verifier, str) else type(self).verifier  # not bound as a method
        if verifier is None:
            raise ConfigError(f"{_identity(self)} names no verifier")
        return registry.load_verifier(verifier, **self.verifier_options) if isinstance(verifier, str) else verifier

    def all_tasks(self, split: Split) -> Sequence[Task]:
        """The tasks of a split, loaded once.

        Raises:
            DataError: The split is empty.
        """
        if split not in self._by_split:
            tasks = self.tasks(split)
            if not len(tasks):
                raise DataError(f"{_identity(self)} has no tasks in split {split!r}")
            self._by_split[split] = tasks
        return self._by_split[split]

    def _choose(self, options: Mapping[str, Any]) -> Task:
        unknown = set(options) - {"task", "split"}
        if unknown:
            raise UsageError(f"reset() takes the options 'task' and 'split', got {sorted(unknown)}")
        wanted = options.get("task")
        if isinstance(wanted, Task):
            return wanted
        tasks = self.all_tasks(options.get("split", self.split))
        if wanted is None:
            return tasks[int(self.np_random.integers(len(tasks)))]
        if isinstance(tasks, LazyTasks):
            found = tasks.named(wanted)
        else:
            found = next((task for task in tasks if task.id == wanted), None)
        if found is not None:
            return found
        shown = range(1 if isinstance(tasks, LazyTasks) else 200)  # making one may be slow
        raise UnknownIdError(
            f"no task {wanted!r}: {suggest(str(wanted), [t.id for t, _ in zip(tasks, shown, strict=False)])}"
        )

    def _begin(self, task: Task) -> Observation:
        self._actions = []
        self._over = False
        self.messages = []
        observation = self.begin(task)
        self.messages.extend(observation)
        return observation


class SingleTurnEnv(Env):
    """One question, one answer: name the tasks and a verifier."""

    verifier: str | Verifier | None = "exact"

    def gold(self, task: Task) -> Sequence[str | Message]:
        """The gold answer as it stands."""
        return (str(task.answer),)

    def verdict(self, task: Task, transcript: Transcript) -> Verdict:
        """Verify the reply; override to complete what the verifier sees."""
        return self._verify(task, transcript)

    def respond(self, action: Message) -> Outcome:
        """Verify the reply and end the episode."""
        assert self.task is not None
        verdict = self.verdict(self.task, Transcript(tuple(self.messages)))
        return Outcome(reward=verdict.score, verdict=verdict, terminated=True)


class MultiTurnEnv(Env):
    """A conversation: `turn` maps each reply to the next user message, or to a `Verdict` that ends it."""

    max_turns = 8

    @abstractmethod
    def turn(self, reply: str) -> str | Verdict:
        """Answer the policy's reply; a `Verdict` ends the episode with its score as the reward."""

    def respond(self, action: Message) -> Outcome:
        """Turn the reply into the next message, or the end."""
        result = self.turn(action.content)
        if isinstance(result, Verdict):
            return Outcome(reward=result.score, verdict=result, terminated=True)
        return Outcome(messages=(Message("user", result),))


def _identity(env: Env) -> str:
    return type(env).__qualname__


def _plain(value: Any) -> Any:
    """NumPy scalars in a generator's state or a task's data, as JSON."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"a snapshot must be JSON-able, got {type(value).__name__}")
