"""agentrl trains and evaluates language-model agents that improve themselves, on rewards that can be trusted.

The names below are the public surface; each is imported when first used, so `import agentrl` is fast and imports no
torch. Environments are Gymnasium ids as well: `gymnasium.make("agentrl:agentrl/Arithmetic-v0")`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from agentrl.registry import register_gymnasium

if TYPE_CHECKING:
    from agentrl.environment import Env, MultiTurnEnv, Outcome, SingleTurnEnv
    from agentrl.episodes import rollout
    from agentrl.evaluation.run import evaluate
    from agentrl.recipes import train
    from agentrl.registry import grade, make, register
    from agentrl.types import Message, Rollout, Task, Transcript, Verdict

__all__ = [
    "Env",
    "Message",
    "MultiTurnEnv",
    "Outcome",
    "Rollout",
    "SingleTurnEnv",
    "Task",
    "Transcript",
    "Verdict",
    "evaluate",
    "grade",
    "make",
    "register",
    "rollout",
    "train",
]

_HOMES = {
    **dict.fromkeys(("Env", "MultiTurnEnv", "Outcome", "SingleTurnEnv"), "agentrl.environment"),
    **dict.fromkeys(("Message", "Rollout", "Task", "Transcript", "Verdict"), "agentrl.types"),
    **dict.fromkeys(("grade", "make", "register"), "agentrl.registry"),
    "evaluate": "agentrl.evaluation.run",
    "rollout": "agentrl.episodes",
    "train": "agentrl.recipes",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'agentrl' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


register_gymnasium()
