"""A tiny model whose answers differ: random weights scaled up, float32, one byte a token."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM, PreTrainedModel

from agentrl.policies.transformers import TransformersPolicy
from agentrl.render import ByteTokenizer, Renderer

_SIZES: dict[str, Any] = {
    "vocab_size": ByteTokenizer.vocab_size,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "tie_word_embeddings": True,
}


@pytest.fixture(autouse=True)
def _one_thread(one_thread: None) -> None:
    """See `one_thread`."""


def _scaled(model: Any) -> PreTrainedModel:
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(8.0)
    evaluating: PreTrainedModel = model.eval()
    return evaluating


@pytest.fixture
def llama() -> PreTrainedModel:
    torch.manual_seed(0)
    return _scaled(LlamaForCausalLM(LlamaConfig(**_SIZES)))


@pytest.fixture
def mistral() -> PreTrainedModel:
    """Each layer sees the last 6 tokens only."""
    torch.manual_seed(1)
    return _scaled(MistralForCausalLM(MistralConfig(**_SIZES, sliding_window=6)))


@pytest.fixture
def open_tiny() -> Iterator[Callable[..., TransformersPolicy]]:
    """Opens policies over models; closes them after the test."""
    opened: list[TransformersPolicy] = []

    def make(model: PreTrainedModel, *, max_rows: int = 128) -> TransformersPolicy:
        opened.append(TransformersPolicy(model, Renderer(ByteTokenizer()), name="tiny", max_rows=max_rows))
        return opened[-1]

    yield make
    for policy in opened:
        policy.close()


@pytest.fixture
def tiny(llama: PreTrainedModel, open_tiny: Callable[..., TransformersPolicy]) -> TransformersPolicy:
    return open_tiny(llama)
