"""The reward functions of TRL as scorers: `trl:accuracy_reward`.

Source: huggingface/trl, `trl.rewards`. They are called as its trainers do, with a batch of one; golds are written
between dollars, where its parser of LaTeX looks for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from agentrl.audit.records import Domain
from agentrl.interop.callables import with_items
from agentrl.interop.foreign import Foreign, Target

__all__ = ["open_reward"]


def open_reward(
    name: str,
    *,
    rows: Iterable[Mapping[str, Any]] | None = None,
    domain: Domain | None = None,
    timeout_s: float = 10.0,
) -> Foreign:
    """A reward function with items.

    Args:
        name: Its name in `trl.rewards`.
        rows: Tasks with `answer` or `solution`; None for a few golds.
        domain: Which attacks; None: maths, or those that the rows' answers call for.
        timeout_s: Wall time of a call.

    Raises:
        MissingExtraError: TRL is not installed.
        UnknownIdError: It has no such function.
        UsageError: The rows are no tasks for it.
    """
    request = {"style": "trl", "module": "trl.rewards", "name": name}
    target = Target(f"trl:{name}", request, "warm_trl", "trl")
    return with_items(Foreign(target, timeout_s, domain or "maths", write_gold=_in_dollars), rows, domain)


def _in_dollars(gold: str) -> str:
    r"""The gold as TRL's parser finds it.

    >>> _in_dollars("5"), _in_dollars(r"\boxed{5}")
    ('$5$', '\\boxed{5}')
    """
    return gold if "$" in gold or "\\boxed" in gold else f"${gold}$"
