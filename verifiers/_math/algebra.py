"""Computer algebra for what points cannot decide, in processes that are killed at a deadline.

The workers build sympy expressions from our trees and never from text (`sympy_worker`). A decision is kept, because
the replies of a group repeat the same answers; one that depends on the machine (a timeout) is not.
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal

from agentrl.errors import MissingExtraError
from agentrl.memo import Memo
from agentrl.verifiers._math import exact
from agentrl.verifiers._math.encode import text_of, to_json
from agentrl.verifiers._math.tree import Node
from agentrl.workers import Answer, Workers

__all__ = ["Budget", "Outcome", "compare", "coprime", "irreducible", "is_lasting"]

Outcome = Literal["same", "different", "unknown", "timeout", "resource_limit"]

TIMEOUT_S = 3.0
MAX_CALLS = 6
MAX_TEXT = 2_000
_PACKAGES = ("sympy", "mpmath", "math_verify", "latex2sympy2_extended")

# They start at the first call.
workers = Workers("agentrl.verifiers._math.sympy_worker", timeout_s=TIMEOUT_S, memory_mib=2048, warm="warm")


@dataclass(slots=True)
class Budget:
    """The algebra that one reply may ask for; an answer that is kept already costs nothing.

    Attributes:
        calls: Calls left.
        seconds: Wall time left, over all calls.
    """

    calls: int = MAX_CALLS
    seconds: float = TIMEOUT_S

    def call(self, function: str, argument: object) -> Answer:
        """Ask a worker within what is left."""
        if self.calls <= 0 or self.seconds <= 0:
            return Answer("resource_limit", detail="no algebra is left for this reply")
        answer = workers.call(function, argument, timeout_s=self.seconds)
        self.calls -= 1
        self.seconds -= answer.seconds
        return answer


_memo: Memo[Outcome] = Memo("math.algebra")
_forms: Memo[bool | None] = Memo("math.forms")


def compare(gold: Node, reply: Node | None, budget: Budget, *, unread: str = "") -> Outcome:
    """Compare two answers of one type: expressions, equations, inequalities, matrices, tuples or sets of them.

    Args:
        gold: The gold's tree.
        reply: The reply's tree; None where it could not be read: then Math-Verify tries to.
        budget: What may still be asked.
        unread: The reply as it was written, for one without a tree.

    Raises:
        MissingExtraError: sympy or Math-Verify is not installed.
        InfraError: Worker processes cannot be started.
    """
    if len(unread) > MAX_TEXT:
        return "unknown"
    if not all(tree is None or exact.small_enough(tree) for tree in (gold, reply)):
        return "resource_limit"
    _check_installed()
    argument = [to_json(gold), None if reply is None else to_json(reply), unread]
    key = _digest(text_of(gold)), _digest("" if reply is None else text_of(reply)), unread
    return _memo.decide(key, lambda: _asked(argument, budget), keep=is_lasting)


def is_lasting(outcome: Outcome) -> bool:
    """Whether an outcome depends neither on the machine nor on what was asked before, so that it may be kept."""
    return outcome not in ("timeout", "resource_limit")


def irreducible(tree: Node, budget: Budget) -> bool:
    """Whether a polynomial has no factors over the rationals; False where that takes too long.

    Raises:
        MissingExtraError: sympy is not installed.
    """
    return _decided("irreducible", to_json(tree), text_of(tree), budget)


def coprime(above: Node, below: Node, budget: Budget) -> bool:
    """Whether two polynomials share no factor; False where that takes too long.

    Raises:
        MissingExtraError: sympy is not installed.
    """
    return _decided("coprime", [to_json(above), to_json(below)], text_of(above) + text_of(below), budget)


def _asked(argument: object, budget: Budget) -> Outcome:
    answer = budget.call("compare", argument)
    if answer.status == "done":
        found: Outcome = answer.value
        return found
    return "unknown" if answer.status == "error" else answer.status


def _decided(function: str, argument: object, text: str, budget: Budget) -> bool:
    _check_installed()

    def ask() -> bool | None:
        answer = budget.call(function, argument)
        return answer.value if answer.status == "done" else None

    return bool(_forms.decide((function, _digest(text)), ask, keep=lambda found: found is not None))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@functools.lru_cache(maxsize=1)
def _missing() -> str:
    return ", ".join(name for name in _PACKAGES if find_spec(name) is None)


def _check_installed() -> None:
    if _missing():
        raise MissingExtraError(
            f"comparing these two answers needs {_missing()}, which is not installed: pip install 'agentrl[math]'"
        )
