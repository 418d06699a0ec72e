"""What every plug-in must do, as checks behind `agentrl check` and `tests/conformance`.

A check is a function that raises `Failed` or `Skipped` with the reason; `result.run` is the one place where an
exception of a plug-in becomes a result.
"""

from __future__ import annotations

from agentrl.conformance.environments import check_env_plugin
from agentrl.conformance.result import CheckResult, Floor
from agentrl.conformance.verifiers import check_verifier_plugin

__all__ = ["CheckResult", "Floor", "check_env_plugin", "check_verifier_plugin"]
