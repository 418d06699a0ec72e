"""Log-probabilities of trained tokens under a model, from a packed micro-batch.

The body of the model runs once over the packed slots; the output layer, for small models a large part of the work,
runs on the slots that predict a trained token and on no other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from torch.utils.checkpoint import checkpoint

from agentrl.learn.pack import Packed
from agentrl.learn.value import Critic

__all__ = ["Scored", "score", "score_values", "score_with_values"]

_CHUNK_ELEMENTS = 1 << 27
"""Logits held at a time (0.5 GB in float32); past one chunk they are computed again in the backward pass."""


@dataclass(frozen=True, slots=True)
class Scored:
    """Per-token results of shape (B, T), 0 where no prediction was needed.

    Attributes:
        logp_BT: Temperature-scaled log-probability of each trained token; carries the gradient.
        entropy_BT: Entropy in nats of the distribution it was drawn from; carries a gradient only if asked to.
        value_BT: A critic's value of the state before it; carries the gradient. None without a critic.
    """

    logp_BT: torch.Tensor
    entropy_BT: torch.Tensor
    value_BT: torch.Tensor | None = None


def score(
    model: Any, packed: Packed, *, temperature: float = 1.0, entropy: Literal["value", "gradient"] = "value"
) -> Scored:
    """Run a micro-batch through a model.

    Args:
        model: A transformers causal language model (or its peft wrapping).
        packed: From `pack`.
        temperature: What the tokens were drawn at.
        entropy: Whether the entropy is only reported, or part of the loss (which costs memory).
    """
    hidden_ND = _hidden(model, packed, model.device).flatten(0, 1)
    return _scored(model, packed, hidden_ND, _Draw(temperature, entropy))


def score_with_values(
    model: Any,
    critic: Critic,
    packed: Packed,
    *,
    temperature: float = 1.0,
    entropy: Literal["value", "gradient"] = "value",
) -> Scored:
    """As `score`, and a critic's values from the same pass over the trunk where the two share it."""
    hidden_ND = _hidden(model, packed, model.device).flatten(0, 1)
    scored = _scored(model, packed, hidden_ND, _Draw(temperature, entropy))
    if critic.trunk is not None:
        hidden_ND = _decode(critic.trunk, packed, model.device).flatten(0, 1)
    return replace(scored, value_BT=_values(critic, packed, hidden_ND))


def score_values(model: Any, critic: Critic, packed: Packed) -> torch.Tensor:
    """A critic's values alone, shape (B, T)."""
    shared = critic.trunk is None
    hidden_NSD = _hidden(model, packed, model.device) if shared else _decode(critic.trunk, packed, model.device)
    return _values(critic, packed, hidden_NSD.flatten(0, 1))


def _scored(model: Any, packed: Packed, hidden_ND: torch.Tensor, draw: _Draw) -> Scored:
    device = hidden_ND.device
    needed = packed.slot_BT >= 0
    slots, which = np.unique(packed.slot_BT[needed], return_inverse=True)
    hidden_MD = hidden_ND[torch.from_numpy(slots).to(device)]
    which_P = torch.from_numpy(which).to(device)
    target_P = torch.from_numpy(packed.target_BT[needed]).to(device)
    logp_P, entropy_P = _predict(model, hidden_MD, which_P, target_P, draw)
    return Scored(logp_BT=_placed(packed, logp_P), entropy_BT=_placed(packed, entropy_P))


def _values(critic: Critic, packed: Packed, hidden_ND: torch.Tensor) -> torch.Tensor:
    slots_P = torch.from_numpy(packed.slot_BT[packed.slot_BT >= 0]).to(hidden_ND.device)
    return _placed(packed, critic.values(hidden_ND[slots_P]))


def _placed(packed: Packed, found_P: torch.Tensor) -> torch.Tensor:
    """What was found for each needed token at its place in (B, T), 0 elsewhere."""
    shape = packed.slot_BT.shape
    place_P = torch.from_numpy(np.flatnonzero(packed.slot_BT >= 0)).to(found_P.device)
    zeros = torch.zeros(shape[0] * shape[1], dtype=found_P.dtype, device=found_P.device)
    return zeros.index_put((place_P,), found_P).view(shape)


@dataclass(frozen=True, slots=True)
class _Draw:
    temperature: float
    entropy: Literal["value", "gradient"]


def _hidden(model: Any, packed: Packed, device: torch.device) -> torch.Tensor:
    """A model's last hidden states, shape (N, S, D)."""
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    return _decode(base.get_decoder(), packed, device)


def _decode(decoder: Any, packed: Packed, device: torch.device) -> torch.Tensor:
    mask = None if packed.visible is None else torch.from_numpy(packed.visible)[:, None].to(device)
    out = decoder(
        input_ids=torch.from_numpy(packed.input_ids).to(device),
        attention_mask=mask,
        position_ids=torch.from_numpy(packed.position_ids).to(device),
        use_cache=False,
    )
    hidden: torch.Tensor = out.last_hidden_state
    return hidden


def _predict(
    model: Any, hidden_MD: torch.Tensor, which_P: torch.Tensor, target_P: torch.Tensor, draw: _Draw
) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probability and entropy of P (slot, target) pairs over M slots, in chunks of slots."""
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    vocabulary = base.get_output_embeddings().weight.shape[0]
    width = max(1, _CHUNK_ELEMENTS // vocabulary)
    if len(hidden_MD) <= width:
        return _predict_chunk(base, hidden_MD, which_P, target_P, draw)
    wide = torch.promote_types(hidden_MD.dtype, torch.float32)
    logp_P = hidden_MD.new_zeros(len(which_P), dtype=wide)
    entropy_P = torch.zeros_like(logp_P)
    for start in range(0, len(hidden_MD), width):
        pairs = torch.nonzero((which_P >= start) & (which_P < start + width)).squeeze(1)
        chunk = hidden_MD[start : start + width]
        part, entropy = checkpoint(
            _predict_chunk,
            base,
            chunk,
            which_P[pairs] - start,
            target_P[pairs],
            draw,
            use_reentrant=False,
        )
        logp_P = logp_P.index_put((pairs,), part)
        entropy_P = entropy_P.index_put((pairs,), entropy)
    return logp_P, entropy_P


def _predict_chunk(
    base: Any, hidden_MD: torch.Tensor, which_P: torch.Tensor, target_P: torch.Tensor, draw: _Draw
) -> tuple[torch.Tensor, torch.Tensor]:
    logits_MV = _adjust(base.config, base.get_output_embeddings()(hidden_MD))
    # float32 at least: half precision loses the tail; float64 stays as it is for exact comparisons.
    wide_MV = logits_MV.to(torch.promote_types(logits_MV.dtype, torch.float32))
    logp_MV = torch.log_softmax(wide_MV / draw.temperature, dim=-1)
    with torch.set_grad_enabled(torch.is_grad_enabled() and draw.entropy == "gradient"):
        entropy_M = -(logp_MV.exp() * logp_MV).sum(dim=-1)
    return logp_MV[which_P, target_P], entropy_M[which_P]


def _adjust(config: Any, logits: torch.Tensor) -> torch.Tensor:
    """What some families do to logits after the output layer (Gemma caps, Granite divides, Cohere multiplies)."""
    if getattr(config, "logits_scaling", None):
        logits = logits / config.logits_scaling
    if getattr(config, "logit_scale", None):
        logits = logits * config.logit_scale
    cap = getattr(config, "final_logit_softcapping", None)
    return torch.tanh(logits / cap) * cap if cap else logits
