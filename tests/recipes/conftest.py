"""A tiny llama that was taught how often to say which letter."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from agentrl.learn.learner import Batch, Learner, Optim
from agentrl.learn.objectives import WeightedLikelihood
from agentrl.render import ByteTokenizer, Renderer
from agentrl.types import Message, Trajectory

Teach = Callable[[Iterable[tuple[str, str, float]], int], Any]


@pytest.fixture(autouse=True)
def _one_thread(one_thread: None) -> None:
    """See `one_thread`."""


@pytest.fixture(scope="session")
def taught() -> Teach:
    """`taught(rows, steps)`: a model trained on rows of (prompt, reply of one byte, weight) as often."""

    def teach(rows: Iterable[tuple[str, str, float]], steps: int) -> Any:
        torch.manual_seed(0)
        config = LlamaConfig(
            vocab_size=ByteTokenizer.vocab_size,
            hidden_size=32,
            intermediate_size=48,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=64,
            initializer_range=0.2,  # wide enough that prompts look different from the start
        )
        model: Any = LlamaForCausalLM(config)
        renderer = Renderer(ByteTokenizer())
        trajectories, weights = [], []
        for asked, said, weight in rows:
            opening = renderer.start((Message("user", asked),)).ids
            trajectories.append(_trajectory([*opening, ord(said), 257], len(opening)))
            weights.append(weight)
        weight_BT = np.array([t.mask for t in trajectories]) * np.array(weights)[:, None] / len(weights)
        learner = Learner(model.eval(), Optim(lr=1e-2), total_steps=steps)
        for _ in range(steps):
            learner.update(Batch(tuple(trajectories), weight_BT, np.ones_like(weight_BT)), WeightedLikelihood())
        return model

    return teach


def _trajectory(ids: list[int], prompt: int) -> Trajectory:
    n, mask = len(ids), np.arange(len(ids)) >= prompt
    numbers = np.zeros(n, np.int32)
    return Trajectory(np.array(ids, np.int64), mask, np.zeros(n, np.float32), ("",) * n, numbers, numbers)
