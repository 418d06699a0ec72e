r"""Whose signal a group's rewards carry.

Group-normalised advantages see differences only: where all samples have the same verdict, whatever varies beside it is
the whole signal, blown up to full size. That is how a small term of length takes over a run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from agentrl.rewards.terms import VERDICT

__all__ = ["VarianceShares", "variance_shares"]


@dataclass(frozen=True, slots=True)
class VarianceShares:
    """What each part contributes to the variance of a group's totals.

    Attributes:
        shares: By part; they sum to 1, or are all 0 where the totals do not vary. One below 0 works against the others.
        variance: Of the totals (population).
        warning: What is wrong with this signal; the empty string where nothing is.
    """

    shares: Mapping[str, float]
    variance: float
    warning: str


def variance_shares(parts_G: Mapping[str, Sequence[float]]) -> VarianceShares:
    r"""Split the variance of $t = \sum_i x_i$ over its parts: $\mathrm{cov}(x_i, t) / \mathrm{var}(t)$.

    Args:
        parts_G: For each part (see `Shaped.parts`) its value in each sample of one group.

    >>> variance_shares({"verdict": [0, 1, 0, 1], "length": [0, 0, -0.5, -0.5]}).shares
    {'verdict': 0.8, 'length': 0.2}
    >>> variance_shares({"verdict": [1, 1], "overlong": [0.0, -0.5]}).warning
    'the verdict is the same for all 2 samples: only overlong tells them apart'
    """
    lengths = {len(values) for values in parts_G.values()}
    if len(lengths) != 1 or 0 in lengths:
        raise ValueError(f"every part needs one value a sample, got lengths {sorted(lengths)}")
    names = list(parts_G)
    parts_PG = np.array([parts_G[name] for name in names], dtype=np.float64)
    if not np.isfinite(parts_PG).all():
        raise ValueError("parts must be finite")
    parts_PG = np.where(np.ptp(parts_PG, axis=1, keepdims=True) == 0, 0.0, parts_PG)  # constant to the last digit
    centred_PG = parts_PG - parts_PG.mean(axis=1, keepdims=True)
    total_G = centred_PG.sum(axis=0)
    variance = float(np.mean(total_G**2))
    cov_P = (centred_PG * total_G).mean(axis=1)
    share_P = cov_P / variance if variance > 0 else np.zeros(len(names))
    shares = dict(zip(names, share_P.tolist(), strict=True))
    varying = [name for name, row_G in zip(names, centred_PG, strict=True) if row_G.any()]
    return VarianceShares(shares, variance, _warning(varying, parts_PG.shape[1]) if VERDICT in names else "")


def _warning(varying: Sequence[str], count: int) -> str:
    if VERDICT in varying or not varying:
        return ""
    verb = "tells" if len(varying) == 1 else "tell"
    return f"the verdict is the same for all {count} samples: only {', '.join(varying)} {verb} them apart"
