"""From a batch's arrays and a micro-batch's scores to the tensors that an objective sees."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from agentrl.learn.batch import Batch, Pairs
from agentrl.learn.objectives import PairTerms, Terms
from agentrl.learn.pack import Packed
from agentrl.learn.scorer import Scored

__all__ = ["terms_of"]

Numbers = npt.NDArray[np.float64] | npt.NDArray[np.int64]


def terms_of(
    batch: Batch, packed: Packed, scored: Scored, *, old_BT: torch.Tensor | None, ref_BT: torch.Tensor | None
) -> Terms:
    """The micro-batch's rows of everything; pairs as indices of its rows.

    Args:
        batch: The whole batch.
        packed: The micro-batch.
        scored: What the model says of it.
        old_BT: The whole batch's log-probabilities before the update; None for "the same weights".
        ref_BT: The whole batch's log-probabilities under the reference, if they are needed.
    """
    logp_BT = scored.logp_BT
    width = logp_BT.shape[1]
    rows_B = torch.from_numpy(packed.rows).to(logp_BT.device)
    predicted_BT = torch.from_numpy(packed.slot_BT >= 0).to(logp_BT.device)

    def cut(array: npt.NDArray[np.float64]) -> torch.Tensor:
        return torch.from_numpy(array[packed.rows, :width]).to(logp_BT.device, logp_BT.dtype)

    def maybe(array: npt.NDArray[np.float64] | None) -> torch.Tensor | None:
        return None if array is None else cut(array)

    pairs = batch.pairs.among(packed.rows, len(batch.trajectories)) if batch.pairs is not None else None
    return Terms(
        logp_BT=logp_BT,
        weight_BT=cut(batch.weight_BT) * predicted_BT,
        adv_BT=cut(batch.adv_BT),
        old_BT=None if old_BT is None else old_BT[rows_B, :width],
        ref_BT=None if ref_BT is None else ref_BT[rows_B, :width],
        kl_BT=maybe(batch.kl_BT),
        entropy_BT=scored.entropy_BT,
        sampler_BT=maybe(batch.sampler_BT),
        value_BT=scored.value_BT,
        old_value_BT=maybe(batch.old_value_BT),
        return_BT=maybe(batch.return_BT),
        pairs=None if pairs is None else _pair_terms(pairs, logp_BT),
    )


def _pair_terms(pairs: Pairs, like: torch.Tensor) -> PairTerms:
    def tensor(array: Numbers, dtype: torch.dtype = like.dtype) -> torch.Tensor:
        return torch.from_numpy(array).to(like.device, dtype)

    return PairTerms(
        chosen_P=tensor(pairs.chosen_P, torch.int64),
        rejected_P=tensor(pairs.rejected_P, torch.int64),
        weight_P=tensor(pairs.weight_P),
        beta_P=tensor(pairs.beta_P),
        label_P=tensor(pairs.label_P),
        margin_P=tensor(pairs.margin_P),
    )
