"""A tiny llama over bytes, trajectories made of token lists, and gradients by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.models.llama.modeling_llama import LlamaRMSNorm

from agentrl.learn.learner import Batch, Learner, Optim, Packing
from agentrl.learn.objectives import aggregate
from agentrl.learn.terms import terms_of
from agentrl.render import ByteTokenizer
from agentrl.types import Trajectory

MakeModel = Callable[..., LlamaForCausalLM]
MakeTrajectory = Callable[..., Trajectory]
MakeBatch = Callable[..., Batch]
MakeLearner = Callable[..., Learner]
Gradients = Callable[..., tuple[float, dict[str, torch.Tensor]]]


@pytest.fixture(autouse=True)
def _one_thread(one_thread: None) -> None:
    """See `one_thread`."""


@pytest.fixture(scope="session")
def tiny() -> MakeModel:
    """`tiny(dtype=..., seed=..., **config)`: a seeded llama of two layers over the byte tokenizer's vocabulary."""

    def make(*, dtype: torch.dtype = torch.float32, seed: int = 0, scale: float = 0.2, **config: Any) -> Any:
        settings: dict[str, Any] = {
            "vocab_size": ByteTokenizer.vocab_size,
            "hidden_size": 32,
            "intermediate_size": 48,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "max_position_embeddings": 512,
            "initializer_range": scale,  # wide enough that the distributions are far from uniform
        }
        torch.manual_seed(seed)
        model: Any = LlamaForCausalLM(LlamaConfig(**settings | config))
        model.to(dtype).eval()
        return _all_double(model) if dtype == torch.float64 else model

    return make


class _Rotary64(torch.nn.Module):
    """Rotary angles in float64."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.rate_D = 10000.0 ** -(torch.arange(0, size, 2, dtype=torch.float64) / size)

    def forward(self, x: torch.Tensor, position_ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        angle = position_ids[..., None].double() * self.rate_D
        angle = torch.cat([angle, angle], dim=-1)
        return angle.cos(), angle.sin()


def _all_double(model: Any) -> Any:
    """Replace the two modules that transformers computes in float32 whatever the weights' dtype."""
    for name, module in list(model.named_modules()):
        if isinstance(module, LlamaRMSNorm):
            norm = torch.nn.RMSNorm(len(module.weight), eps=module.variance_epsilon, dtype=torch.float64)
            model.set_submodule(name, norm)
    model.model.rotary_emb = _Rotary64(model.config.hidden_size // model.config.num_attention_heads)
    return model


@pytest.fixture(scope="session")
def trajectory() -> MakeTrajectory:
    """`trajectory(ids, mask)`: the mask as a string, one character a token, "x" where it was drawn."""

    def make(ids: Sequence[int], mask: str | Sequence[bool]) -> Trajectory:
        n = len(ids)
        drawn = np.array([m == "x" if isinstance(mask, str) else bool(m) for m in mask], dtype=np.bool_)
        return Trajectory(
            token_ids=np.array(ids, dtype=np.int64),
            mask=drawn,
            logprobs=np.zeros(n, np.float32),
            tags=("",) * n,
            turn=np.zeros(n, np.int32),
            version=np.where(drawn, 0, -1).astype(np.int32),
        )

    return make


@pytest.fixture(scope="session")
def group(trajectory: MakeTrajectory) -> Callable[..., list[Trajectory]]:
    """`group(prompts, samples)`: a few prompts, each with samples of several lengths."""

    def make(prompts: int = 2, samples: int = 4, seed: int = 0) -> list[Trajectory]:
        rng = np.random.default_rng(seed)
        out = []
        for _ in range(prompts):
            prompt = rng.integers(0, 256, size=int(rng.integers(3, 9))).tolist()
            for _ in range(samples):
                reply = [*rng.integers(0, 256, size=int(rng.integers(1, 7))).tolist(), 257]
                out.append(trajectory(prompt + reply, [False] * len(prompt) + [True] * len(reply)))
        return out

    return make


@pytest.fixture(scope="session")
def batch_of() -> MakeBatch:
    """`batch_of(trajectories)`: seeded per-token advantages and divergence coefficients, DAPO's weights."""

    def make(trajectories: Sequence[Trajectory], *, seed: int = 0, kl: bool = False, **fields: Any) -> Batch:
        width = max(len(t) for t in trajectories)
        mask_BT = np.zeros((len(trajectories), width), np.bool_)
        for b, t in enumerate(trajectories):
            mask_BT[b, : len(t)] = t.mask
        rng = np.random.default_rng(seed)
        values: dict[str, Any] = {
            "weight_BT": aggregate(mask_BT, "token_mean"),
            "adv_BT": rng.normal(size=mask_BT.shape),
            "kl_BT": rng.uniform(0.1, 0.5, size=mask_BT.shape) if kl else None,
        }
        return Batch(tuple(trajectories), **values | fields)

    return make


@pytest.fixture(scope="session")
def learner_of() -> MakeLearner:
    """`learner_of(model)`: a learner whose optimiser can be varied by keyword."""

    def make(
        model: Any,
        *,
        reference: Any = None,
        critic: Any = None,
        total: int = 10,
        packing: Packing | None = None,
        **optim: Any,
    ) -> Learner:
        settings = Optim(**{"lr": 1e-3} | optim)
        return Learner(model, settings, total_steps=total, packing=packing, reference=reference, critic=critic)

    return make


@pytest.fixture(scope="session")
def gradients() -> Gradients:
    """`gradients(learner, batch, objective, old, ref)`: loss and gradient by name, without an optimiser step."""

    def find(
        learner: Learner, batch: Batch, objective: Any, old: torch.Tensor | None = None, ref: torch.Tensor | None = None
    ) -> tuple[float, dict[str, torch.Tensor]]:
        for parameter in learner.parameters.values():
            parameter.grad = None
        loss = 0.0
        together = None if batch.pairs is None else batch.together()
        for packed in learner.micro_batches(batch.trajectories, together):
            entropy: Any = "gradient" if objective.entropy_bonus else "value"
            scored = learner._score(packed, batch.temperature, entropy)
            part = objective.loss(terms_of(batch, packed, scored, old_BT=old, ref_BT=ref)).loss
            part.backward()
            loss += float(part.detach())
        return loss, {n: p.grad.clone() for n, p in learner.parameters.items() if p.grad is not None}

    return find
