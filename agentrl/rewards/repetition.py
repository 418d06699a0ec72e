"""Terms against loops: n-grams of token ids, and how far a text compresses."""

from __future__ import annotations

import zlib
from collections.abc import Hashable, Sequence

from agentrl.errors import ConfigError
from agentrl.rewards.terms import Term
from agentrl.rewards.views import drawn_ids, replies
from agentrl.verifiers._reading.repetition import repeated_share

__all__ = ["compression_ratio", "loop_penalty", "loop_term", "repeated_mask", "repeated_share", "repetition_term"]


def repetition_term(*, n: int = 40) -> Term:
    """Minus the share of repeated n-grams (`repeated_share`) among the ids drawn; in [-1, 0].

    Source: Yeo et al. 2025 (arXiv 2502.03373), the sequence-level variant.
    """
    if n < 1:
        raise ConfigError(f"n must be at least 1, got {n}")
    return Term("repetition", -1.0, 0.0, lambda rollout: -repeated_share(drawn_ids(rollout), n))


def repeated_mask(items: Sequence[Hashable], n: int = 40) -> list[bool]:
    """Whether each item lies inside an n-gram that has occurred before: where a penalty a token goes.

    Source: Yeo et al. 2025 (arXiv 2502.03373), who take 0.05 a token, with a discount of its own.

    >>> repeated_mask("abcabx", 2)
    [False, False, False, True, True, False]
    """
    if n < 1:
        raise ConfigError(f"n must be at least 1, got {n}")
    mask, seen, marked = [False] * len(items), set(), 0
    for start in range(len(items) - n + 1):
        gram = tuple(items[start : start + n])
        if gram in seen:
            for i in range(max(start, marked), start + n):
                mask[i] = True
            marked = start + n
        seen.add(gram)
    return mask


def compression_ratio(text: str) -> float:
    """Compressed over plain size by zlib, at most 1; prose is near 0.5, a loop near 0.

    It sees loops with a period of up to 32 kB, whose turns may differ a little.

    >>> compression_ratio(""), compression_ratio("again and again " * 200) < 0.02
    (1.0, True)
    """
    plain = text.encode("utf-8", "surrogatepass")
    return min(1.0, len(zlib.compress(plain, 6)) / len(plain)) if plain else 1.0


def loop_penalty(text: str, *, threshold: float = 0.2, min_bytes: int = 512) -> float:
    r"""$\min(0, r / t - 1)$ with the compression ratio $r$ and the threshold $t$; 0 for short texts. In [-1, 0].

    >>> loop_penalty("short"), loop_penalty("again and again " * 200) < -0.9
    (0.0, True)
    """
    if not 0 < threshold <= 1:
        raise ConfigError(f"threshold must be over 0 and at most 1, got {threshold!r}")
    if len(text.encode("utf-8", "surrogatepass")) < min_bytes:
        return 0.0
    return min(0.0, compression_ratio(text) / threshold - 1.0)


def loop_term(*, threshold: float = 0.2, min_bytes: int = 512) -> Term:
    """`loop_penalty` of all that the policy said."""
    loop_penalty("", threshold=threshold)
    return Term(
        "loop",
        -1.0,
        0.0,
        lambda rollout: loop_penalty("\n".join(replies(rollout)), threshold=threshold, min_bytes=min_bytes),
    )
