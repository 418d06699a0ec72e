"""The data sets of reasoning-gym as scorers: `reasoning_gym:gcd`.

Source: open-thought/reasoning-gym. Items are generated from a seed; the right reply is the item's own answer, which
some data sets keep to themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentrl.audit.records import Domain, Item
from agentrl.errors import UsageError
from agentrl.interop.foreign import Foreign, Target

__all__ = ["open_data_set"]


def open_data_set(
    name: str,
    *,
    options: Mapping[str, Any] | None = None,
    size: int = 20,
    seed: int = 0,
    domain: Domain | None = None,
    timeout_s: float = 10.0,
) -> Foreign:
    """A data set with its items.

    Args:
        name: Its name in reasoning-gym.
        options: Settings of the data set; `size` and `seed` among them win over the two below.
        size: How many items.
        seed: Draws them.
        domain: Which attacks; None: maths.
        timeout_s: Wall time of a call.

    Raises:
        MissingExtraError: reasoning-gym is not installed.
        UnknownIdError: It has no such data set.
        UsageError: The data set refuses its settings, or judges programs.
    """
    request = {"style": "reasoning_gym", "name": name, "options": {"size": size, "seed": seed, **(options or {})}}
    target = Target(f"reasoning_gym:{name}", request, "warm_reasoning_gym", "reasoning_gym")
    scorer = Foreign(target, timeout_s, domain or "maths")
    scorer.refuse_programs()
    scorer.open()
    listed = scorer.ask("items", request)
    if listed.status != "done":
        scorer.close()
        raise UsageError(f"the items of {target.name} cannot be made: {listed.detail}")
    scorer.take(Item(str(i), row["prompt"], row["answer"], row["answer"]) for i, row in enumerate(listed.value))
    return scorer
