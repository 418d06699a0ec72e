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
from agentrl.learn.batch import Batch, split
from agentrl.learn.mismatch import statistics
from agentrl.learn.objectives import LossOutput, Terms
from agentrl.learn.pack import Layout, Packed, pack, padded_slots
from agentrl.learn.scorer import Scored, score, score_values, score_with_values
from agentrl.learn.terms import terms_of
from agentrl.learn.value import Critic, explained_variance
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
        critic: Gives values, and learns with the model.

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
        critic: Critic | None = None,
    ) -> None:
        self.model = model
        self.optim = optim
        self.total_steps = total_steps
        self.packing = _supported(packing or Packing(), model.config)
        self.reference = reference
        self.critic = critic
        self.steps = 0
        self.parameters = {n: p for n, p in model.named_parameters() if p.requires_grad}
        if not self.parameters:
            raise ConfigError("the model has no trainable parameter")
        own = dict(critic.named_parameters()) if critic is not None else {}
        self.parameters |= own
        self.masters = {
            n: p if p.dtype in (torch.float32, torch.float64) else p.detach().float().requires_grad_()
            for n, p in self.parameters.items()
        }
        groups = [[m for n, m in self.masters.items() if n not in own], [self.masters[n] for n in own]]
        self.optimizer = torch.optim.AdamW(
            [{"params": group} for group in groups if group],
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
        parts = split(batch, splits)
        reused = epochs * splits > 1 or batch.sampler_BT is not None
        old = [self._frozen(part, self.model) if reused else None for part in parts]
        reference = [self._reference(part) for part in parts]
        records = [
            self._step(part, objective, old[i], reference[i]) for _ in range(epochs) for i, part in enumerate(parts)
        ]
        # A part without a trained token says nothing of what only a loss knows.
        keys = dict.fromkeys(key for record in records for key in record)
        record = {key: float(np.mean([r[key] for r in records if key in r])) for key in keys}
        return record | _before(batch, parts, old)

    def logprobs(
        self,
        trajectories: Sequence[Trajectory],
        *,
        of: Literal["policy", "reference"] = "policy",
        temperature: float = 1.0,
    ) -> Floats:
        """Log-probabilities of the trained tokens, shape (B, T), 0 elsewhere: what credit may need before an update.

        Raises:
            ValueError: The learner has no reference.
        """
        batch = _unweighted(trajectories, temperature)
        found = self._frozen(batch, self.model) if of == "policy" else self._under_reference(batch)
        if found is None:
            raise ValueError("log-probabilities under a reference need a learner with a reference")
        return np.asarray(found.double().cpu().numpy())

    @torch.no_grad()
    def values(self, trajectories: Sequence[Trajectory]) -> tuple[Floats, Floats]:
        """The critic's values: of the state before each trained token, shape (B, T), and of that at the end, (B,).

        An episode that was cut off is worth its last state's value; one that came to its end is worth nothing more.

        Raises:
            ValueError: The learner has no critic.
        """
        if self.critic is None:
            raise ValueError("values need a learner with a critic")
        longer = [_longer(t) for t in trajectories]
        value_BT = np.zeros((len(longer), max((len(t) for t in longer), default=1)))
        for packed in self.micro_batches(longer):
            part_BT = score_values(self.model, self.critic, packed)
            value_BT[packed.rows, : part_BT.shape[1]] = part_BT.double().cpu().numpy()
        ends = np.array([len(t) for t in trajectories], dtype=np.int64)
        last_B = value_BT[np.arange(len(longer)), ends]
        value_BT[np.arange(len(longer)), ends] = 0
        return value_BT[:, :-1], last_B

    def micro_batches(
        self, trajectories: Sequence[Trajectory], together: Sequence[Sequence[int]] | None = None
    ) -> list[Packed]:
        """Lay trajectories out as this learner is set to; no group of `together` is parted."""
        p = self.packing
        return pack(
            trajectories,
            layout=p.layout,
            row_tokens=p.row_tokens,
            batch_tokens=p.batch_tokens,
            together=together,
        )

    def _step(
        self, batch: Batch, objective: Objective, old_BT: torch.Tensor | None, ref_BT: torch.Tensor | None
    ) -> dict[str, float]:
        sums: dict[str, float] = {"loss": 0.0, "entropy": 0.0, "tokens": 0.0, "slots": 0.0}
        entropy: Literal["value", "gradient"] = "gradient" if objective.entropy_bonus else "value"
        pair_sums: dict[str, float] = {}
        together = None if batch.pairs is None else batch.together()
        for packed in self.micro_batches(batch.trajectories, together):
            with _adapter_dropout(self.model):
                scored = self._score(packed, batch.temperature, entropy)
            terms = terms_of(batch, packed, scored, old_BT=old_BT, ref_BT=ref_BT)
            out = objective.loss(terms)
            out.loss.backward()  # type: ignore[no-untyped-call]
            self._collect_gradients()
            sums["loss"] += float(out.loss.detach())
            sums["entropy"] += float((scored.entropy_BT.detach() * (terms.weight_BT > 0)).sum())
            sums["tokens"] += float((terms.weight_BT > 0).sum())
            sums["slots"] += packed.tokens
            _add(sums, out.sums)
            _add(pair_sums, out.pair_sums)
        applied = self._apply()
        tokens = max(sums.pop("tokens"), 1.0)
        record = {k: v if k in ("loss", "slots") else v / tokens for k, v in sums.items()}
        if batch.pairs is not None and len(batch.pairs):
            record |= {k: v / len(batch.pairs) for k, v in pair_sums.items()}
        padded = padded_slots(batch.trajectories)
        return {**record, **applied, "sharing": padded / max(sums["slots"], 1.0)}

    def _score(self, packed: Packed, temperature: float, entropy: Literal["value", "gradient"]) -> Scored:
        if self.critic is None:
            return score(self.model, packed, temperature=temperature, entropy=entropy)
        return score_with_values(self.model, self.critic, packed, temperature=temperature, entropy=entropy)

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
        if batch.ref_BT is not None:
            wide = torch.promote_types(self.model.dtype, torch.float32)
            return torch.from_numpy(batch.ref_BT).to(self.model.device, wide)
        return None if batch.kl_BT is None and batch.pairs is None else self._under_reference(batch)

    def _under_reference(self, batch: Batch) -> torch.Tensor | None:
        if self.reference is None:
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

    def _apply(self) -> dict[str, float]:
        """One optimiser step; gradients' norms before clipping, policy and critic apart, and the learning rate."""
        rate = learning_rate(self.optim, self.steps, self.total_steps)
        scales = (1.0, self.critic.lr_scale if self.critic is not None else 1.0)
        norms = []
        for group, scale in zip(self.optimizer.param_groups, scales, strict=False):
            group["lr"] = rate * scale
            norms.append(float(torch.nn.utils.clip_grad_norm_(group["params"], self.optim.max_grad_norm)))
        if all(math.isfinite(norm) for norm in norms):
            self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        with torch.no_grad():
            for name, parameter in self.parameters.items():
                if self.masters[name] is not parameter:
                    parameter.copy_(self.masters[name])
        self.steps += 1
        return {**dict(zip(("grad_norm", "critic_grad_norm"), norms, strict=False)), "lr": rate}


def _add(sums: dict[str, float], more: dict[str, float]) -> None:
    for key, value in more.items():
        sums[key] = sums.get(key, 0.0) + value


def _before(batch: Batch, parts: Sequence[Batch], old: Sequence[torch.Tensor | None]) -> dict[str, float]:
    """What a batch says before it is learnt from: how far the sampler was off, how much the values foretold."""
    found: dict[str, float] = {}
    if batch.sampler_BT is not None:
        old_N, sampler_N = [], []
        for part, old_BT in zip(parts, old, strict=True):
            if old_BT is not None and part.sampler_BT is not None:
                trained_BT = torch.from_numpy(part.weight_BT > 0).to(old_BT.device)
                old_N.append(old_BT[trained_BT])
                sampler_N.append(torch.from_numpy(part.sampler_BT).to(old_BT)[trained_BT])
        found |= statistics(torch.cat(old_N), torch.cat(sampler_N))
    if batch.old_value_BT is not None and batch.return_BT is not None:
        found["explained_variance"] = explained_variance(batch.old_value_BT, batch.return_BT, batch.weight_BT > 0)
    return found


def _unweighted(trajectories: Sequence[Trajectory], temperature: float) -> Batch:
    nothing_BT = np.zeros((len(trajectories), max((len(t) for t in trajectories), default=0)))
    return Batch(tuple(trajectories), nothing_BT, nothing_BT, temperature=temperature)


def _longer(t: Trajectory) -> Trajectory:
    """A trajectory with a drawn token more, whose prediction stands for the state at the end."""
    return Trajectory(
        token_ids=np.append(t.token_ids, 0),
        mask=np.append(t.mask, True),
        logprobs=np.append(t.logprobs, np.float32(0)),
        tags=(*t.tags, ""),
        turn=np.append(t.turn, np.int32(0)),
        version=np.append(t.version, np.int32(-1)),
    )


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
