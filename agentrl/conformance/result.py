"""The result of a check, and what the checks of environments and verifiers share."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from agentrl import registry
from agentrl.errors import DataError, MissingExtraError

__all__ = ["CONSTANTS", "NEVER", "CheckResult", "Failed", "Skipped", "light_import", "needs_file", "run"]

NEVER = ("", "   ", "lorem ipsum 7 dolor " * 500)
"""Replies that solve nothing."""
CONSTANTS = ("0", "1", "yes", "#### 0", r"\boxed{0}", "<answer>0</answer>", "Answer: 0")
"""Replies that may be right by chance, but not for most tasks."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check of one plug-in; `detail` says why it failed or was skipped."""

    name: str
    status: Literal["passed", "failed", "skipped"]
    detail: str = ""


class Failed(Exception):
    """The plug-in does not do what the check asks."""


class Skipped(Exception):
    """The check does not apply, or its data is absent."""


def run(name: str, check: Callable[[], None]) -> CheckResult:
    """Run one check; whatever it raises is its result."""
    try:
        check()
    except (Skipped, DataError, MissingExtraError) as reason:
        return CheckResult(name, "skipped", str(reason))
    except Failed as reason:
        return CheckResult(name, "failed", str(reason))
    except Exception as error:  # noqa: BLE001  # the boundary: whatever a plug-in raises is a finding
        return CheckResult(name, "failed", f"{type(error).__name__}: {error}")
    return CheckResult(name, "passed")


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
