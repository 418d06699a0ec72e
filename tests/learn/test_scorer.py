"""Log-probabilities and entropies of a packed batch against a plain forward pass of each trajectory."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import (
    Cohere2Config,
    Cohere2ForCausalLM,
    Gemma2Config,
    Gemma2ForCausalLM,
    GraniteConfig,
    GraniteForCausalLM,
)

from agentrl.learn import scorer
from agentrl.learn.pack import pack
from agentrl.learn.scorer import score

SMALL: dict[str, Any] = {
    "vocab_size": 258,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 64,
    "initializer_range": 0.3,
}
FAMILIES: dict[str, Any] = {
    # Every family does something else to the logits, each with a factor that would be seen if it were forgotten.
    "gemma2": lambda: Gemma2ForCausalLM(
        Gemma2Config(**SMALL, final_logit_softcapping=2.0, attn_logit_softcapping=None)
    ),
    "granite": lambda: GraniteForCausalLM(GraniteConfig(**SMALL, logits_scaling=4.0)),
    "cohere": lambda: Cohere2ForCausalLM(
        Cohere2Config(**SMALL, logit_scale=0.25, pad_token_id=0, bos_token_id=256, eos_token_id=257)
    ),
}


def _plain(model: Any, trajectories: Any, temperature: float) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Per trajectory: log-probability and entropy of every token after the first, from the model's own logits."""
    out = []
    for t in trajectories:
        ids = torch.from_numpy(t.token_ids)
        logp_TV = (model(ids[None]).logits[0, :-1] / temperature).log_softmax(-1)
        out.append((logp_TV.gather(1, ids[1:, None]).squeeze(1), -(logp_TV.exp() * logp_TV).sum(-1)))
    return out


def _check(model: Any, trajectories: Any, layout: Any, temperature: float = 1.0, tolerance: float = 1e-10) -> None:
    expected = _plain(model, trajectories, temperature)
    for packed in pack(trajectories, layout=layout, row_tokens=20, batch_tokens=60):
        scored = score(model, packed, temperature=temperature)
        for b, index in enumerate(packed.rows):
            mask = torch.from_numpy(trajectories[index].mask)
            logp, entropy = expected[index]
            for found, plain in ((scored.logp_BT, logp), (scored.entropy_BT, entropy)):
                row = found[b, : len(mask)]
                assert torch.allclose(row[1:][mask[1:]], plain[mask[1:]], rtol=0, atol=tolerance)
                assert (row[~mask] == 0).all()
        assert not scored.entropy_BT.requires_grad


@pytest.mark.parametrize("temperature", [1.0, 0.7])
@pytest.mark.parametrize("layout", ["tree", "padded"])
def test_scores_are_those_of_a_plain_forward(tiny: Any, group: Any, layout: Any, temperature: float) -> None:
    _check(tiny(dtype=torch.float64), group(3, 3), layout, temperature)


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_what_families_do_to_logits(group: Any, family: str) -> None:
    torch.manual_seed(0)
    layout = "padded" if family in ("gemma2", "cohere") else "tree"  # those two have sliding windows
    model: Any = FAMILIES[family]()
    _check(model.double().eval(), group(2, 2), layout, tolerance=1e-5)  # their norms are float32


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_chunks_change_nothing(tiny: Any, group: Any, monkeypatch: Any, dtype: Any) -> None:
    model = tiny(dtype=dtype)
    (packed,) = pack(group(2, 4))
    found = []
    for elements in (1 << 27, 3 * 258, 1):
        monkeypatch.setattr(scorer, "_CHUNK_ELEMENTS", elements)
        model.zero_grad()
        scored = score(model, packed, temperature=0.7)
        weight = torch.arange(scored.logp_BT.numel(), dtype=dtype).view(scored.logp_BT.shape)
        (scored.logp_BT * weight).sum().backward()  # type: ignore[no-untyped-call]
        grads = [p.grad.clone() for p in model.parameters()]
        found.append((scored.logp_BT.detach(), scored.entropy_BT, *grads))
    for chunked in found[1:]:
        for whole, part in zip(found[0], chunked, strict=True):
            assert part.dtype == dtype
            assert torch.allclose(whole, part, rtol=1e-4, atol=1e-9 if dtype == torch.float64 else 1e-3)


def test_chunks_bound_the_logits(tiny: Any, group: Any, monkeypatch: Any) -> None:
    model, widths = tiny(), []
    model.lm_head.register_forward_hook(lambda module, args, out: widths.append(len(out)))
    (packed,) = pack(group(2, 4))
    score(model, packed)
    (whole,) = widths
    widths.clear()
    monkeypatch.setattr(scorer, "_CHUNK_ELEMENTS", 3 * 258)
    score(model, packed)
    assert max(widths) == 3
    assert sum(widths) == whole


def test_the_output_layer_runs_on_predicting_slots_only(tiny: Any, trajectory: Any) -> None:
    """A prompt of 5 and two drawn tokens each, the first the same: 2 slots predict, out of 7."""
    model, widths = tiny(), []
    model.lm_head.register_forward_hook(lambda module, args, out: widths.append(len(out)))
    pair = [trajectory([1, 2, 3, 4, 5, 6, 7], "-----xx"), trajectory([1, 2, 3, 4, 5, 6, 8], "-----xx")]
    (packed,) = pack(pair)
    score(model, packed)
    assert widths == [2]


def test_half_precision_is_widened_before_the_softmax(tiny: Any, group: Any) -> None:
    (packed,) = pack(group(1, 2))
    scored = score(tiny(dtype=torch.bfloat16), packed)
    assert scored.logp_BT.dtype == scored.entropy_BT.dtype == torch.float32
    exact = score(tiny(), packed)
    assert torch.allclose(scored.logp_BT, exact.logp_BT, atol=0.5)
