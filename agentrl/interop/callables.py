"""Python functions as scorers: `(response, answer) -> float`, or a reward function in TRL's style."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, get_args

from agentrl.audit.domains import domain_of
from agentrl.audit.records import Domain, Item
from agentrl.errors import UsageError
from agentrl.interop.defaults import GOLDS
from agentrl.interop.foreign import Foreign, Target, items_from_rows

__all__ = ["Style", "open_callable", "with_items"]

Style = Literal["plain", "trl", "trl_text"]


def open_callable(
    id: str,
    *,
    style: Style = "plain",
    rows: Iterable[Mapping[str, Any]] | None = None,
    domain: Domain | None = None,
    timeout_s: float = 10.0,
) -> Foreign:
    """A function with items.

    Args:
        id: `package.module:function` or `path/file.py:function`.
        style: "plain": called with a response and an answer, it gives a number. "trl": called with batches of one by
            keyword (`completions`, `prompts`, `answer`, `solution`, `ground_truth` and the rows' other columns), it
            gives a list; completions are chats. "trl_text": completions are texts.
        rows: Tasks with `answer`, and optionally `prompt`, `response` (a right reply) and more; None for a few golds of
            the domain.
        domain: Which attacks; None: those that the rows' answers call for, and maths without rows.
        timeout_s: Wall time of a call.

    Raises:
        UnknownIdError: The module has no such function.
        UsageError: The id cannot be read or imported, there are no tasks for its domain, or it judges programs.
    """
    if style not in get_args(Style):
        raise UsageError(f"style must be one of {', '.join(get_args(Style))}; got {style!r}")
    module, colon, name = id.rpartition(":")
    if not colon or not module or not name.isidentifier():
        raise UsageError(f"a function is named as package.module:function or path/file.py:function, got {id!r}")
    if module.endswith(".py") and not Path(module).is_file():
        raise UsageError(f"no file {module}")
    target = Target(id, {"style": style, "module": module, "name": name})
    return with_items(Foreign(target, timeout_s, domain or "maths", write_gold=str), rows, domain)


def with_items(scorer: Foreign, rows: Iterable[Mapping[str, Any]] | None, domain: Domain | None) -> Foreign:
    """The scorer, ready, with items from rows or from the golds of its domain.

    Raises:
        UsageError: It cannot be loaded, there are no tasks for its domain, or it judges programs.
    """
    if domain == "code" or rows is not None:
        items, kept = items_from_rows(rows or ())
        scorer.domain = domain or domain_of([item.answer for item in items])
        scorer.refuse_programs()
        if not items:
            raise UsageError(f"{scorer.name} has nothing to try: the tasks are empty")
        scorer.open()
        scorer.take(items, kept)
        return scorer
    golds = GOLDS[scorer.domain]
    if not golds:
        raise UsageError(
            f"{scorer.name} needs tasks: in the domain {scorer.domain!r} every scorer has golds of its own "
            "shape; give --tasks FILE.jsonl, one object with `answer` and `response` a line"
        )
    scorer.basis = "table"
    scorer.open()
    write = scorer.write_gold or str
    scorer.take(Item(str(i), question, write(gold), None) for i, (question, gold) in enumerate(golds))
    return scorer
