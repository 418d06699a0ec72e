"""Recorded episodes played again: what the environment answers now, beside what it answered then.

A rollout holds its task, its seed and every action, so its episode can be replayed without the policy. Where the
environment, its tools and its verifier are the same, everything comes out as recorded, bit for bit; where a new
version changes a page, a tool's answer or a score, the differences say which.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from agentrl.environment import Env
from agentrl.episodes import env_seed
from agentrl.errors import ConfigError
from agentrl.players import CONTEXT_FULL
from agentrl.types import Node, Rollout, Verdict

__all__ = ["Difference", "differences", "env_of"]

What = Literal["observation", "reward", "verdict", "state", "end"]


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that came out otherwise.

    Attributes:
        rollout: The rollout's id.
        turn: The policy's turn that led to it, from 1 on; 0 is the beginning.
        what: Which part: messages, the turn's reward, its verdict, the state's key, or whether the episode went on.
        recorded: As it was.
        replayed: As it is now.
    """

    rollout: str
    turn: int
    what: What
    recorded: Any
    replayed: Any

    def __str__(self) -> str:
        was, now = map(_shown, (self.recorded, self.replayed))
        return f"{self.rollout}, turn {self.turn}: {self.what} was {was}, is {now}"


def _shown(value: Any) -> str:
    if isinstance(value, Verdict):
        parts = (f"answer {value.answer!r:.60}" if value.answer is not None else "", value.feedback)
        return f"{value.score:g} {value.status}" + "".join(f" ({part})" for part in parts if part)
    if isinstance(value, tuple):
        return " | ".join(f"{message.role}: {message.content}" for message in value)
    return str(value)


def differences(rollout: Rollout, env: Env) -> list[Difference]:
    """Replay a rollout, every branch of it; the list is empty where all is as recorded.

    Args:
        rollout: One that was collected with `collect`; one that the machine ended before it began has no differences.
        env: A bare environment with the options that it was collected with.
    """
    found: dict[str, Difference] = {}  # branches share their trunk
    for leaf in rollout.leaves():
        nodes = [rollout.nodes[index] for index in rollout.path(leaf)]
        found.update((str(difference), difference) for difference in _along(rollout, nodes, env))
    return list(found.values())


def _along(rollout: Rollout, nodes: Sequence[Node], env: Env) -> Iterator[Difference]:
    """The differences on one path, up to an end that was not recorded or one that is missing."""
    at = rollout.provenance
    seed = env_seed(at.seed, at.step, at.task_index)
    shown, _ = env.reset(seed=seed, options={"task": rollout.task})
    turn, key = 0, env.state_key()
    for index, node in enumerate(nodes):
        if node.is_policy:
            if node.verdict == CONTEXT_FULL:  # the policy had no room for a reply: the environment never saw one
                return
            turn += 1
            shown, reward, terminated, truncated, info = env.step(node.message)
            key = env.state_key()
            compared: list[tuple[What, Any, Any]] = [
                ("reward", node.reward, reward),
                ("verdict", node.verdict, info["verdict"]),
                ("state", node.state_key, key),
                ("end", index == len(nodes) - 1, terminated or truncated),
            ]
        else:
            compared = [("observation", node.messages, tuple(shown)), ("state", node.state_key, key)]
        found = [Difference(rollout.id, turn, what, was, now) for what, was, now in compared if was != now]
        yield from found
        if any(difference.what == "end" for difference in found):
            return


def env_of(config: dict[str, Any]) -> tuple[str, dict[str, Any] | list[str]]:
    """The environment of a run: its id, and its options as a mapping or as words KEY=VALUE.

    Raises:
        ConfigError: The run's configuration names none.
    """
    config = config.get("canaries_of", config)
    if isinstance(config.get("env_id"), str):
        return config["env_id"], list(config.get("env", ()))
    spec = config.get("config", {}).get("env") if isinstance(config.get("config"), dict) else config.get("env")
    if isinstance(spec, dict) and isinstance(spec.get("id"), str):
        return spec["id"], dict(spec.get("options", {}))
    raise ConfigError("the run's config.json names no environment: give one with --env-id")
