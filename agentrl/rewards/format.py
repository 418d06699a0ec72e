"""The format gate: exactly one thinking block, at the start, closed, and an answer behind it.

Form is cheap: paid for alone, it crowds out content. The term may weigh at most 0.1, or must be gated by the verdict.
"""

from __future__ import annotations

from typing import Literal

from agentrl.errors import ConfigError
from agentrl.rewards.terms import Term
from agentrl.rewards.views import replies
from agentrl.types import Rollout

__all__ = ["UNGATED_LIMIT", "format_problem", "format_term"]

UNGATED_LIMIT = 0.1
_OPEN, _CLOSE = "<think>", "</think>"

Opened = Literal["reply", "prompt"]


def format_problem(reply: str, *, opened: Opened = "reply") -> str:
    """What is wrong with the form of a reply; the empty string where nothing is.

    Args:
        reply: What the policy said.
        opened: Where the thinking begins: in the reply, or already in the prompt, as some templates have it.

    >>> format_problem("<think>2+2</think>4"), format_problem("2+2</think>4", opened="prompt")
    ('', '')
    >>> format_problem("<think>2+2</think></think>4"), format_problem("<think>2+2</think>  ")
    ('there is more than one thinking block', 'there is no answer after the thinking')
    """
    if opened not in ("reply", "prompt"):
        raise ConfigError(f"opened must be reply or prompt, got {opened!r}")
    opens, closes = reply.count(_OPEN), reply.count(_CLOSE)
    if opened == "reply" and not reply.lstrip().startswith(_OPEN):
        return "it does not begin with thinking"
    if closes == 0:
        return "the thinking is not closed"
    if closes > 1 or opens != (opened == "reply"):
        return "there is more than one thinking block"
    return "" if reply.partition(_CLOSE)[2].strip() else "there is no answer after the thinking"


def format_term(*, opened: Opened = "reply", gate: Literal["none", "verdict"] = "none") -> Term:
    """The share of well-formed replies; in [0, 1]."""
    format_problem("", opened=opened)

    def value(rollout: Rollout) -> float:
        said = replies(rollout)
        return sum(not format_problem(reply, opened=opened) for reply in said) / max(1, len(said))

    return Term("format", 0.0, 1.0, value, gate=gate, ungated_limit=UNGATED_LIMIT)
