"""The learner: packs a batch, computes a loss over it, and takes optimiser steps.

The model may compute in bf16 while the optimiser keeps float32 master weights: small steps would be lost otherwise.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt
import torch

from agentrl.errors import ConfigError
from agentrl.learn.objectives import LossOutput, Terms
from agentrl.learn.pack import Layout, Packed, pack, padded_slots
from agentrl.learn.scorer import Scored, score
from agentrl.models import attention_kind
from agentrl.types import Trajectory

__all__ = ["Batch", "Learner", "Lora", "Objective", "Optim", "Packing", "learning_rate"]

Floats = npt.NDArray[np.float64]
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Optim:
    """AdamW and its schedule."""

    lr: float = 1e-6
    """Peak learning rate."""
    schedule: Literal["constant", "linear", "cosine"] = "constant"
    """What follows the warm-up; linear and cosine end at 0."""
    warmup_steps: int = 0
    """Steps of linear warm-up."""
    beta1: float = 0.9
    beta2: float = 0.999
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0
    """Gradients are scaled down to this norm."""

    def __post_init__(self) -> None:
        if not self.lr > 0:
            raise ConfigError(f"optim.lr must be positive, got {self.lr}")
        if not self.max_grad_norm > 0:
            raise ConfigError(f"optim.max_grad_norm must be positive, got {self.max_grad_norm}")


@dataclass(frozen=True, slots=True)
class Packing:
    """How trajectories are laid out."""

    layout: Layout = "tree"
    """"tree" computes shared tokens once; "padded" is the plain way, kept for comparison."""
    row_tokens: int = 512
    """Longest packed row that is still extended."""
    batch_tokens: int = 8192
    """Most slots in a micro-batch."""


@dataclass(frozen=True, slots=True)
class Lora:
    """Train low-rank adapters (peft) instead of all weights."""

    rank: int = 16
    alpha: int = 32
    dropout: float = 0.0
    target_modules: str = "all-linear"
    """What peft takes: "all-linear", or a comma-separated list of module names."""


class Objective(Protocol):
    """A loss over a micro-batch (see `objectives`)."""

    @property
    def entropy_bonus(self) -> float:
        """Coefficient of the entropy; 0 spares its gradient."""
        ...

    def loss(self, terms: Terms) -> LossOutput:
        """The micro-batch's part of the loss."""
        ...


@dataclass(frozen=True, slots=True)
class Batch:
    """What one update learns from; arrays are (B, T) over whole trajectories.

    Attributes:
        trajectories: B of them.
        weight_BT: Normalised weights; 0 where not trained (see `objectives.aggregate`).
        adv_BT: Advantages, or likelihood weights.
        kl_BT: Coefficients of the divergence from the reference; None for none.
        temperature: What the tokens were drawn at.
    """

    trajectories: tuple[Trajectory, ...]
    weight_BT: Floats
    adv_BT: Floats
    kl_BT: Floats | None = None
    temperature: float = 1.0


def learning_rate(optim: Optim, step: int, total: int) -> float:
    """Learning rate of a step (from 0) of `total`.

    >>> [learning_rate(Optim(lr=1.0, schedule="linear", warmup_steps=2), s, 6) for s in range(6)]
    [0.5, 1.0, 1.0, 0.75, 0.5, 0.25]
    """
    if step < optim.warmup_steps:
        return optim.lr * (step + 1) / optim.warmup_steps
    if optim.schedule == "constant":
        return optim.lr
    share = (step - optim.warmup_steps) / max(1, total - optim.warmup_steps)
    return optim.lr * (1 - share if optim.schedule == "linear" else 0.5 * (1 + math.cos(math.pi * share)))


class Learner:
    """Updates a model in place.

    Args:
        model: A causal language model in the dtype it computes in.
        optim: AdamW and schedule.
        total_steps: Length of the schedule.
        packing: How batches are laid out.
        reference: A frozen model to stay near; `model` itself stands for it with its adapters switched off.

    Attributes:
        steps: Optimiser steps taken.
    """

    def __init__(
        self,
        model: Any,
        optim: Optim,
        *,
        total_steps: int,
        packing: Packing | None = None,
        reference: Any | None = None,
    ) -> None:
        self.model = model
        self.optim = optim
        self.total_steps = total_steps
        self.packing = _supported(packing or Packing(), model.config)
        self.reference = reference
        self.steps = 0
        self.parameters = {n: p for n, p in model.named_parameters() if p.requires_grad}
        if not self.parameters:
            raise ConfigError("the model has no trainable parameter")
        self.masters = {
            n: p if p.dtype in (torch.float32, torch.float64) else p.detach().float().requires_grad_()
            for n, p in self.parameters.items()
        }
        self.optimizer = torch.optim.AdamW(
            list(self.masters.values()),
            lr=optim.lr,
            betas=(optim.beta1, optim.beta2),
            weight_decay=optim.weight_decay,
            fused=True,
        )

    def update(self, batch: Batch, objective: Objective, *, epochs: int = 1, splits: int = 1) -> dict[str, float]:
        """Learn from a batch.

        Args:
            batch: Its weights are normalised over the whole batch.
            objective: The loss.
            epochs: Passes over the batch.
            splits: Optimiser steps a pass; the batch is cut in as many parts of equal size, and each part's weights
                are scaled up to stand for the whole.

        Returns:
            Statistics, averaged over trained tokens where they are per token.
        """
        parts = _split(batch, splits)
        reused = epochs * splits > 1
        old = [self._frozen(part, self.model) if reused else None for part in parts]
        reference = [self._reference(part) for part in parts]
        records = [
            self._step(part, objective, old[i], reference[i]) for _ in range(epochs) for i, part in enumerate(parts)
        ]
        # A part without a trained token says nothing of what only a loss knows.
        keys = dict.fromkeys(key for record in records for key in record)
        return {key: float(np.mean([r[key] for r in records if key in r])) for key in keys}

    def micro_batches(self, trajectories: Sequence[Trajectory]) -> list[Packed]:
        """Lay trajectories out as this learner is set to."""
        p = self.packing
        return pack(trajectories, layout=p.layout, row_tokens=p.row_tokens, batch_tokens=p.batch_tokens)

    def _step(
        self, batch: Batch, objective: Objective, old_BT: torch.Tensor | None, ref_BT: torch.Tensor | None
    ) -> dict[str, float]:
        sums: dict[str, float] = {"loss": 0.0, "entropy": 0.0, "tokens": 0.0, "slots": 0.0}
        entropy: Literal["value", "gradient"] = "gradient" if objective.entropy_bonus else "value"
        for packed in self.micro_batches(batch.trajectories):
            with _adapter_dropout(self.model):
                scored = score(self.model, packed, temperature=batch.temperature, entropy=entropy)
            terms = self._terms(batch, packed, scored, old_BT, ref_BT)
            out = objective.loss(terms)
            out.loss.backward()  # type: ignore[no-untyped-call]
            self._collect_gradients()
            sums["loss"] += float(out.loss.detach())
            sums["entropy"] += float((scored.entropy_BT.detach() * (terms.weight_BT > 0)).sum())
            sums["tokens"] += float((terms.weight_BT > 0).sum())
            sums["slots"] += packed.tokens
            for key, value in out.sums.items():
                sums[key] = sums.get(key, 0.0) + value
        norm, rate = self._apply()
        tokens = max(sums.pop("tokens"), 1.0)
        record = {k: v if k in ("loss", "slots") else v / tokens for k, v in sums.items()}
        padded = padded_slots(batch.trajectories)
        return {**record, "grad_norm": norm, "lr": rate, "sharing": padded / max(sums["slots"], 1.0)}

    def _terms(
        self,
        batch: Batch,
        packed: Packed,
        scored: Scored,
        old_BT: torch.Tensor | None,
        ref_BT: torch.Tensor | None,
    ) -> Terms:
        logp_BT = scored.logp_BT
        rows, width = packed.rows, logp_BT.shape[1]

        def cut(array: Floats) -> torch.Tensor:
            return torch.from_numpy(array[rows, :width]).to(logp_BT.device, logp_BT.dtype)

        index = torch.from_numpy(rows).to(logp_BT.device)
        predicted_BT = torch.from_numpy(packed.slot_BT >= 0).to(logp_BT.device)
        return Terms(
            logp_BT=logp_BT,
            weight_BT=cut(batch.weight_BT) * predicted_BT,
            adv_BT=cut(batch.adv_BT),
            old_BT=None if old_BT is None else old_BT[index, :width],
            ref_BT=None if ref_BT is None else ref_BT[index, :width],
            kl_BT=None if batch.kl_BT is None else cut(batch.kl_BT),
            entropy_BT=scored.entropy_BT,
        )

    @torch.no_grad()
    def _frozen(self, batch: Batch, model: Any) -> torch.Tensor:
        """Log-probabilities of a batch, shape (B, T), without gradient."""
        wide = torch.promote_types(model.dtype, torch.float32)
        out = torch.zeros(batch.weight_BT.shape, dtype=wide, device=model.device)
        for packed in self.micro_batches(batch.trajectories):
            logp_BT = score(model, packed, temperature=batch.temperature).logp_BT
            out[torch.from_numpy(packed.rows).to(out.device), : logp_BT.shape[1]] = logp_BT
        return out

    def _reference(self, batch: Batch) -> torch.Tensor | None:
        if self.reference is None or batch.kl_BT is None:
            return None
        if self.reference is not self.model:
            return self._frozen(batch, self.reference)
        with self.model.disable_adapter():
            return self._frozen(batch, self.model)

    def _collect_gradients(self) -> None:
        """Add a half-precision model's gradients to the master weights', in float32."""
        for name, parameter in self.parameters.items():
            master = self.masters[name]
            if master is parameter or parameter.grad is None:
                continue
            wide = parameter.grad.float()
            master.grad = wide if master.grad is None else master.grad.add_(wide)
            parameter.grad = None

    def _apply(self) -> tuple[float, float]:
        """One optimiser step; returns the gradient's norm before clipping, and the learning rate."""
        rate = learning_rate(self.optim, self.steps, self.total_steps)
        self.optimizer.param_groups[0]["lr"] = rate
        norm = float(torch.nn.utils.clip_grad_norm_(list(self.masters.values()), self.optim.max_grad_norm))
        if math.isfinite(norm):
            self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        with torch.no_grad():
            for name, parameter in self.parameters.items():
                if self.masters[name] is not parameter:
                    parameter.copy_(self.masters[name])
        self.steps += 1
        return norm, rate


def _supported(packing: Packing, config: Any) -> Packing:
    """Fall back to padded rows, saying so, where the model would not take a tree's mask."""
    attention, how = attention_kind(config.get_text_config()), config._attn_implementation
    if packing.layout == "padded" or (attention == "full" and how == "sdpa"):
        return packing
    _LOG.warning(
        "packing.layout: padded rows instead of trees, which need full attention under 'sdpa'; this %s has %s "
        "attention under %r",
        config.model_type,
        attention,
        how,
    )
    return replace(packing, layout="padded")


@contextmanager
def _adapter_dropout(model: Any) -> Iterator[None]:
    """Adapters' dropout is on while learning; everything else, and all of sampling, stays in evaluation mode."""
    layers = [module for name, module in model.named_modules() if ".lora_dropout." in name]
    for layer in layers:
        layer.train()
    try:
        yield
    finally:
        for layer in layers:
            layer.eval()


def _split(batch: Batch, splits: int) -> list[Batch]:
    if splits == 1:
        return [batch]
    parts = np.array_split(np.arange(len(batch.trajectories)), splits)
    return [
        Batch(
            tuple(batch.trajectories[i] for i in part),
            batch.weight_BT[part] * (len(batch.trajectories) / len(part)),
            batch.adv_BT[part],
            None if batch.kl_BT is None else batch.kl_BT[part],
            batch.temperature,
        )
        for part in parts
        if len(part)
    ]
