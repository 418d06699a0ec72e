"""The result of a check, and what the checks of environments and verifiers share."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from agentrl import registry
from agentrl.errors import DataError, MissingExtraError

__all__ = ["CONSTANTS", "NEVER", "CheckResult", "Failed", "Floor", "Skipped", "light_import", "needs_file", "run"]

NEVER = ("", "   ", "lorem ipsum 7 dolor " * 500)
"""Replies that solve nothing."""
CONSTANTS = ("0", "1", "yes", "#### 0", r"\boxed{0}", "<answer>0</answer>", "Answer: 0")
"""Replies that may be right by chance, but not for most tasks."""


@dataclass(frozen=True, slots=True)
class Floor:
    """What a policy that knows nothing earns in an environment.

    Attributes:
        policy: "empty", "echo", "constant", "random" or "noise".
        reward: The mean over the tasks of an episode's rewards, added up.
        solved: The share of tasks that it solves.
        tasks: How many tasks it played, one episode each.
        reply: What it says, where it says the same at every turn.

    >>> print(Floor("empty", 0, 0, 16), Floor("echo", 0.2099, 0, 16), Floor("constant", 0.34, 0.34, 16, "no"), sep=", ")
    empty 0, echo 0.21 (solved 0), constant 0.34 ('no')
    """

    policy: Literal["empty", "echo", "constant", "random", "noise"]
    reward: float
    solved: float
    tasks: int
    reply: str = ""

    def __str__(self) -> str:
        earned, solved = f"{self.reward:.2g}", f"{self.solved:.2g}"
        words = self.policy == "constant" and (self.reward or self.solved)
        notes = [f"{self.reply!r:.40}"] if words else []
        notes += [f"solved {solved}"] if solved != earned else []
        return f"{self.policy} {earned}" + (f" ({', '.join(notes)})" if notes else "")


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check of one plug-in.

    Attributes:
        name: Which check.
        status: How it ended.
        detail: Why it failed or was skipped.
        floors: For the check `floor` of an environment, passed or failed: what policies that know nothing earn.
    """

    name: str
    status: Literal["passed", "failed", "skipped"]
    detail: str = ""
    floors: tuple[Floor, ...] = ()


class Failed(Exception):
    """The plug-in does not do what the check asks."""

    def __init__(self, why: str, floors: tuple[Floor, ...] = ()) -> None:
        super().__init__(why)
        self.floors = floors


class Skipped(Exception):
    """The check does not apply, or its data is absent."""


def run(name: str, check: Callable[[], tuple[Floor, ...] | None]) -> CheckResult:
    """Run one check; whatever it raises is its result."""
    try:
        floors = check()
    except (Skipped, DataError, MissingExtraError) as reason:
        return CheckResult(name, "skipped", str(reason))
    except Failed as reason:
        return CheckResult(name, "failed", str(reason), reason.floors)
    except Exception as error:  # noqa: BLE001  # the boundary: whatever a plug-in raises is a finding
        return CheckResult(name, "failed", f"{type(error).__name__}: {error}")
    return CheckResult(name, "passed", floors=floors or ())


def light_import(kind: registry.Kind, id: str) -> None:
    """Importing a plug-in, in a process of its own, must not import torch."""
    needs_file(kind, id)
    code = "import sys; from agentrl import registry; registry.load_module(*sys.argv[1:]); "
    code += "sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, kind, id], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed((done.stderr.strip().splitlines() or ["importing it imports torch"])[-1])


def needs_file(kind: registry.Kind, id: str) -> None:
    """Skip a check that a fresh process cannot make."""
    if (kind, id) in registry._registered:
        raise Skipped("it was registered as an object, which a fresh process does not know")
