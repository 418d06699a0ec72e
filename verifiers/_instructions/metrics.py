"""The figures that IFEval reports: strict and loose, by prompt and by instruction. For reports; never a reward.

Source: Zhou et al. 2023 (arXiv:2311.07911), section 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agentrl.verifiers._instructions.registry import instructions, problems
from agentrl.verifiers._reading.extract import final_segment

__all__ = ["Accuracy", "accuracy", "followed_loosely", "followed_strictly", "variants"]


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Shares: of prompts with every instruction followed, and of all instructions."""

    prompt: float
    instruction: float


def followed_strictly(answer: Any, reply: str) -> list[bool]:
    """Which instructions the reply follows, by position.

    Raises:
        DataError: The answer is no list of instructions that exist.
    """
    return _followed(answer, final_segment(reply))


def followed_loosely(answer: Any, reply: str) -> list[bool]:
    """Which instructions any of eight variants of the reply follows, by position.

    Raises:
        DataError: The answer is no list of instructions that exist.
    """
    each = [_followed(answer, variant) for variant in variants(final_segment(reply))]
    return [any(column) for column in zip(*each, strict=True)]


def variants(reply: str) -> list[str]:
    r"""The reply, without its first line, its last, both; and each of these without asterisks.

    >>> variants("Sure:\n*hi*\nBye")
    ['Sure:\n*hi*\nBye', '*hi*\nBye', 'Sure:\n*hi*', '*hi*', 'Sure:\nhi\nBye', 'hi\nBye', 'Sure:\nhi', 'hi']
    """
    lines = reply.split("\n")
    cut = ["\n".join(part).strip() for part in (lines[1:], lines[:-1], lines[1:-1])]
    return [*(kept := [reply, *cut]), *(part.replace("*", "") for part in kept)]


def accuracy(followed: Sequence[Sequence[bool]]) -> Accuracy:
    """Both shares over the replies to several prompts.

    >>> accuracy([[True, True], [True, False, False]])
    Accuracy(prompt=0.5, instruction=0.6)
    """
    flat = [one for row in followed for one in row]
    if not flat:
        raise ValueError("there are no replies to average over")
    return Accuracy(sum(map(all, followed)) / len(followed), sum(flat) / len(flat))


def _followed(answer: Any, reply: str) -> list[bool]:
    prompt = answer.get("prompt", "") if isinstance(answer, dict) else ""
    rows = answer.get("instructions") if isinstance(answer, dict) else answer
    return [not problem for problem in problems(reply, instructions(rows), prompt)]
