"""Our losses and TRL's on the same tokens, masks, advantages, old and reference log-probabilities."""

from __future__ import annotations

import importlib.util
import inspect
import math
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from agentrl.learn.learner import Batch, Learner, Optim, Packing
from agentrl.learn.mismatch import Mismatch
from agentrl.learn.objectives import PolicyGradient, aggregate
from agentrl.types import Trajectory

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("trl") is None, reason="needs TRL: pip install 'agentrl[trl]'"),
    pytest.mark.filterwarnings("ignore:.gradient_checkpointing. is deprecated:FutureWarning"),  # TRL's own default
]

MOST = 6
"""Longest completion, TRL's max_completion_length."""
ADVANTAGES = np.array([1.5, -0.5, 0.25, -1.25])


@pytest.fixture
def rows(trajectory: Any) -> list[Trajectory]:
    """Two prompts with two completions each, of different lengths."""
    prompts, replies = ([5, 6, 7, 8], [9, 4]), ([11, 12, 13, 257], [21, 257], [31, 32, 33, 34, 35, 36], [41, 42, 257])
    return [
        trajectory(prompts[i // 2] + reply, [False] * len(prompts[i // 2]) + [True] * len(reply))
        for i, reply in enumerate(replies)
    ]


@pytest.fixture
def trainer(tiny: Any, tmp_path: Path) -> Any:
    """A trainer of TRL's around the tiny model: `trainer("GRPO", beta, loss_type=...)`."""
    import trl
    from datasets import Dataset
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel({"<pad>": 0, "<end>": 257}, unk_token="<pad>"))
    tokenizer: Any = PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", eos_token="<end>")  # type: ignore[no-untyped-call]

    def make(kind: str, beta: float, **settings: Any) -> Any:
        config = getattr(trl, f"{kind}Config")(
            output_dir=str(tmp_path),
            report_to="none",
            use_cpu=True,
            bf16=False,
            per_device_train_batch_size=4,
            num_generations=2,
            max_completion_length=MOST,
            beta=0.0,  # above 0 it would load a reference of its own from a hub
            **settings,
        )
        made = getattr(trl, f"{kind}Trainer")(
            tiny(scale=0.2),
            reward_funcs=lambda completions, **_: [0.0] * len(completions),
            args=config,
            train_dataset=Dataset.from_dict({"prompt": ["a"] * 4}),
            processing_class=tokenizer,
        )
        made.beta = beta
        return made

    return make


def _padded(rows: list[Trajectory], values_BT: torch.Tensor) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """TRL's layout: prompts padded on the left, completions on the right; and `values_BT` cut to completions."""
    prompts = max(int((~t.mask).sum()) for t in rows)
    ids, mask, cut = (
        torch.zeros(4, prompts + MOST, dtype=torch.long),
        torch.zeros(4, prompts + MOST),
        torch.zeros(4, MOST),
    )
    for b, t in enumerate(rows):
        first = int((~t.mask).sum())
        start = prompts - first
        ids[b, start : start + len(t)] = torch.from_numpy(t.token_ids)
        mask[b, start : start + len(t)] = 1
        cut[b, : len(t) - first] = values_BT[b, first : len(t)]
    inputs = {
        "prompt_ids": ids[:, :prompts],
        "prompt_mask": mask[:, :prompts].long(),
        "completion_ids": ids[:, prompts:],
        "completion_mask": mask[:, prompts:].long(),
        "advantages": torch.from_numpy(ADVANTAGES).float(),
        "num_items_in_batch": mask[:, prompts:].sum(),
    }
    return inputs, cut


def _ours(
    model: Any,
    rows: list[Trajectory],
    aggregation: Any,
    objective: Any,
    kl: float,
    values: Any,
    gradients: Any,
    sampler_BT: Any = None,
) -> tuple[float, dict[str, torch.Tensor]]:
    mask_BT = np.zeros((4, max(len(t) for t in rows)), np.bool_)
    for b, t in enumerate(rows):
        mask_BT[b, : len(t)] = t.mask
    weight_BT = aggregate(mask_BT, aggregation, max_tokens=MOST)
    kl_BT = np.full(mask_BT.shape, kl) if kl else None
    adv_BT = np.broadcast_to(ADVANTAGES[:, None], mask_BT.shape)
    batch = Batch(tuple(rows), weight_BT, adv_BT, kl_BT, sampler_BT=sampler_BT)
    learner = Learner(model, Optim(), total_steps=1, packing=Packing())
    found: tuple[float, dict[str, torch.Tensor]] = gradients(learner, batch, objective, *values)
    return found


def _frozen(model: Any, rows: list[Trajectory]) -> torch.Tensor:
    weight_BT = np.zeros((4, max(len(t) for t in rows)))
    return Learner(model, Optim(), total_steps=1)._frozen(Batch(tuple(rows), weight_BT, weight_BT), model)


def _compare(theirs: Any, inputs: dict[str, Any], ours: tuple[float, dict[str, torch.Tensor]]) -> None:
    theirs.model.zero_grad()
    loss = theirs._compute_loss(theirs.model, inputs)
    loss.backward()
    assert ours[0] == pytest.approx(loss.item(), rel=1e-5, abs=1e-6)
    for name, parameter in theirs.model.named_parameters():
        assert parameter.grad is not None
        assert torch.allclose(ours[1][name], parameter.grad, rtol=1e-3, atol=2e-6), name
    assert sum(float(g.abs().sum()) for g in ours[1].values()) > 0.1


@pytest.mark.parametrize(
    ("loss_type", "aggregation", "beta", "high", "bonus"),
    [
        ("grpo", "sequence_mean", 0.0, 0.2, 0.0),
        ("grpo", "sequence_mean", 0.04, 0.2, 0.0),
        ("dr_grpo", "constant", 0.0, 0.2, 0.0),
        ("dapo", "token_mean", 0.0, 0.28, 0.0),
        ("dapo", "token_mean", 0.3, 0.28, 0.5),  # TRL's bonus is a mean over tokens under every loss type
    ],
)
def test_grpo(
    trainer: Any,
    tiny: Any,
    rows: Any,
    gradients: Any,
    loss_type: Any,
    aggregation: Any,
    beta: float,
    high: float,
    bonus: float,
) -> None:
    # TRL multiplies the divergence by the ratio by default; the papers, and we, do not.
    theirs = trainer(
        "GRPO", beta, loss_type=loss_type, epsilon_high=high, use_bias_correction_kl=False, entropy_coef=bonus
    )
    old_BT, ref_BT = (_frozen(tiny(seed=seed, scale=0.2), rows) for seed in (0, 3))
    old_BT = old_BT + 0.4 * torch.randn(old_BT.shape, generator=torch.Generator().manual_seed(1))
    inputs, old = _padded(rows, old_BT)
    _, ref = _padded(rows, ref_BT)
    inputs |= {"old_per_token_logps": old, "ref_per_token_logps": ref}
    objective = PolicyGradient(clip_low=0.2, clip_high=high, kl_estimator="k3", entropy_bonus=bonus)
    ours = _ours(theirs.model, rows, aggregation, objective, beta, (old_BT, ref_BT), gradients)
    _compare(theirs, inputs, ours)
    assert 0 < theirs._metrics["eval"]["clip_ratio/region_mean"][-1] < 1  # or the test would not see the clipping


@pytest.mark.parametrize(
    ("settings", "aggregation", "objective"),
    [
        (
            {"loss_type": "grpo", "importance_sampling_level": "sequence", "epsilon": 0.1, "epsilon_high": 0.12},
            "sequence_mean",
            PolicyGradient(ratio="sequence_mean", clip_low=0.1, clip_high=0.12),
        ),
        (
            {"loss_type": "dapo", "importance_sampling_level": "sequence", "epsilon": 0.1, "epsilon_high": 0.12},
            "token_mean",
            PolicyGradient(ratio="sequence_mean", clip_low=0.1, clip_high=0.12),
        ),
        ({"loss_type": "grpo", "delta": 1.5}, "sequence_mean", PolicyGradient(dual_clip=1.5)),
        ({"loss_type": "bnpo", "delta": 1.5}, "token_mean", PolicyGradient(dual_clip=1.5)),
        ({"loss_type": "cispo", "epsilon_high": 1.3}, "token_mean", PolicyGradient("cispo", clip_high=0.3)),
        (
            {"loss_type": "dapo", "use_bias_correction_kl": True},
            "token_mean",
            PolicyGradient(kl_weight="ratio"),
        ),
        (
            {"loss_type": "grpo", "use_bias_correction_kl": True, "importance_sampling_level": "sequence"},
            "sequence_mean",
            PolicyGradient(ratio="sequence_mean", kl_weight="ratio"),
        ),
    ],
    ids=["gspo", "gspo-dapo", "delta-grpo", "delta-bnpo", "cispo", "kl-token", "kl-sequence"],
)
@pytest.mark.filterwarnings("ignore:.*importance_sampling_level:UserWarning")
def test_surrogates(
    trainer: Any, tiny: Any, rows: Any, gradients: Any, settings: Any, aggregation: Any, objective: PolicyGradient
) -> None:
    beta = 0.3 if objective.kl_weight == "ratio" else 0.0
    theirs = trainer("GRPO", beta, **{"use_bias_correction_kl": False} | settings)
    old_BT, ref_BT = (_frozen(tiny(seed=seed, scale=0.2), rows) for seed in (0, 3))
    old_BT = old_BT + 0.5 * torch.randn(old_BT.shape, generator=torch.Generator().manual_seed(4))
    inputs, old = _padded(rows, old_BT)
    _, ref = _padded(rows, ref_BT)
    inputs |= {"old_per_token_logps": old, "ref_per_token_logps": ref}
    ours = _ours(theirs.model, rows, aggregation, objective, beta, (old_BT, ref_BT), gradients)
    _compare(theirs, inputs, ours)
    name = "cispo_clip_ratio" if objective.surrogate == "cispo" else "clip_ratio/region_mean"
    assert 0 < theirs._metrics["eval"][name][-1] < 1
    if objective.dual_clip is not None:  # the bound itself acts, or the loss without it would be the same
        loose = PolicyGradient()
        assert _ours(theirs.model, rows, aggregation, loose, beta, (old_BT, ref_BT), gradients)[0] != ours[0]


@pytest.mark.parametrize(
    ("mode", "low", "high", "kind"),
    [
        ("token_truncate", None, 1.3, "token_truncate"),
        ("token_truncate", 0.8, 1.3, "token_truncate"),
        ("token_mask", 0.6, 1.5, "token_mask"),
        ("sequence_truncate", None, 1.2, "sequence_truncate"),
        ("sequence_mask", None, 1.2, "sequence_mask"),
    ],
)
def test_corrections(
    trainer: Any,
    tiny: Any,
    rows: Any,
    gradients: Any,
    mode: Any,
    low: Any,
    high: Any,
    kind: Any,
) -> None:
    """TRL's own weights, from the code that makes them, against ours; in the loss beside clipping."""
    theirs = trainer(
        "GRPO",
        0.0,
        loss_type="grpo",
        vllm_importance_sampling_mode=mode,
        vllm_importance_sampling_clip_min=low,
        vllm_importance_sampling_clip_max=high,
    )
    theirs.use_vllm = True
    old_BT = _frozen(tiny(seed=0, scale=0.2), rows)
    noise = torch.Generator().manual_seed(4)
    old_BT = old_BT + 0.4 * torch.randn(old_BT.shape, generator=noise)
    sampler_BT = old_BT + 0.3 * torch.randn(old_BT.shape, generator=noise)
    sampler_BT[1, 3] = float("nan")
    inputs, old = _padded(rows, old_BT)
    _, sampler = _padded(rows, sampler_BT)
    inputs["old_per_token_logps"] = old
    inputs["importance_sampling_ratio"] = _their_weights(theirs, old, sampler, inputs["completion_mask"])
    objective = PolicyGradient(mismatch=Mismatch(kind, low=low, high=high))
    ours = _ours(
        theirs.model, rows, "sequence_mean", objective, 0.0, (old_BT, None), gradients, sampler_BT.double().numpy()
    )
    _compare(theirs, inputs, ours)
    plain = _ours(theirs.model, rows, "sequence_mean", PolicyGradient(), 0.0, (old_BT, None), gradients)
    assert abs(plain[0] - ours[0]) > 1e-3


def _their_weights(theirs: Any, old: torch.Tensor, sampler: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Runs the very statements of TRL's `_generate_and_score_completions` that make the weights."""
    lines = textwrap.dedent(inspect.getsource(type(theirs)._generate_and_score_completions)).splitlines()
    start = next(i for i, x in enumerate(lines) if x.strip().startswith("mask = completion_mask if tool_mask"))
    end = next(i for i, x in enumerate(lines) if i > start and x.strip().startswith("# Compute the per-token log"))
    names: dict[str, Any] = {
        "self": theirs,
        "torch": torch,
        "math": math,
        "tool_mask": None,
        "completion_mask": mask,
        "old_per_token_logps": old,
        "sampling_per_token_logps": sampler,
    }
    exec(textwrap.dedent("\n".join(lines[start:end])), names)
    found: torch.Tensor = names["vllm_importance_sampling_ratio"]
    return found


def test_rloo(trainer: Any, tiny: Any, rows: Any, gradients: Any) -> None:
    """The clipped ratio of whole sequences; TRL has its divergence in the reward, so there is none here."""
    theirs = trainer("RLOO", 0.0, epsilon=0.2)
    old_BT = _frozen(theirs.model, rows)
    shift = torch.tensor([0.3, -0.3, -0.02, 0.3])[:, None] / torch.tensor([4.0, 2.0, 6.0, 3.0])[:, None]
    mask_BT = torch.zeros_like(old_BT)
    for b, t in enumerate(rows):
        mask_BT[b, : len(t)] = torch.from_numpy(t.mask)
    old_BT = old_BT - shift * mask_BT
    inputs, old = _padded(rows, old_BT)
    inputs["old_logps"] = old.sum(dim=1)
    objective = PolicyGradient(clip_low=0.2, clip_high=0.2, ratio="sequence")
    ours = _ours(theirs.model, rows, "sequence_sum", objective, 0.0, (old_BT, None), gradients)
    _compare(theirs, inputs, ours)
    assert 0 < theirs._metrics["eval"]["clip_ratio/region_mean"][-1] < 1
