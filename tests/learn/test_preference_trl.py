"""Our losses over pairs and TRL's on the same tokens, masks and reference log-probabilities."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from agentrl.learn.batch import Batch
from agentrl.learn.learner import Learner, Optim, Packing
from agentrl.learn.pairs import Pair, batched, with_label
from agentrl.learn.preference import PairContrast
from agentrl.types import Trajectory

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("trl") is None, reason="needs TRL: pip install 'agentrl[trl]'"),
    # TRL's own doing.
    pytest.mark.filterwarnings("ignore:.(is_)?gradient_checkpointing(_disable|_enable)?. is deprecated:FutureWarning"),
]

BETA = 0.3


@pytest.fixture
def rows(trajectory: Any) -> list[Trajectory]:
    """Chosen answers of two prompts, then the rejected ones, of different lengths."""
    prompts = [5, 6, 7, 8], [9, 4]
    replies = [11, 12, 13, 257], [21, 257], [31, 32, 33, 34, 35, 36], [41, 42, 257]
    return [
        trajectory(prompts[i % 2] + reply, [False] * len(prompts[i % 2]) + [True] * len(reply))
        for i, reply in enumerate(replies)
    ]


@pytest.fixture
def trainer(tiny: Any, tmp_path: Path) -> Any:
    """`trainer(loss_type=...)`: TRL's DPO trainer around the tiny model, reference log-probabilities as data."""
    from datasets import Dataset
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    trl: Any = importlib.import_module("trl")
    words = Tokenizer(models.WordLevel({"<pad>": 0, "a": 1, "<end>": 257}, unk_token="<pad>"))
    tokenizer: Any = PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", eos_token="<end>")  # type: ignore[no-untyped-call]

    def make(**settings: Any) -> Any:
        config = trl.DPOConfig(
            output_dir=str(tmp_path), report_to="none", use_cpu=True, bf16=False, beta=BETA, **settings
        )
        made = trl.DPOTrainer(
            tiny(scale=0.2),
            ref_model=tiny(seed=3, scale=0.2),
            args=config,
            train_dataset=Dataset.from_dict({"prompt": ["a"], "chosen": ["a"], "rejected": ["a"]}),
            processing_class=tokenizer,
        )
        return made

    return make


def _inputs(rows: list[Trajectory]) -> dict[str, torch.Tensor]:
    """TRL's layout: chosen rows, then rejected ones, padded on the right."""
    width = max(len(t) for t in rows)
    ids, attention, completion = (torch.zeros(len(rows), width, dtype=torch.long) for _ in range(3))
    for b, t in enumerate(rows):
        ids[b, : len(t)] = torch.from_numpy(t.token_ids)
        attention[b, : len(t)] = 1
        completion[b, : len(t)] = torch.from_numpy(t.mask)
    return {"input_ids": ids, "attention_mask": attention, "completion_mask": completion}


def _ours(theirs: Any, rows: list[Trajectory], objective: Any, gradients: Any, *, label: float = 1.0) -> Any:
    mask_BT = np.zeros((len(rows), max(len(t) for t in rows)))
    for b, t in enumerate(rows):
        mask_BT[b, : len(t)] = t.mask
    pairs = with_label([Pair(0, 2, beta=BETA), Pair(1, 3, beta=BETA)], label)
    batch = Batch(tuple(rows), mask_BT, mask_BT, pairs=batched(pairs))
    learner = Learner(theirs.model, Optim(), total_steps=1, packing=Packing(), reference=theirs.ref_model)
    return gradients(learner, batch, objective, None, learner._under_reference(batch))


@pytest.mark.parametrize(
    ("loss_type", "objective"),
    [
        ("sigmoid", PairContrast()),
        ("hinge", PairContrast("hinge")),
        ("ipo", PairContrast("ipo", length="mean")),  # TRL's is per token, as IPO's authors told it to be
        ("sigmoid_norm", PairContrast(length="mean")),
    ],
)
def test_dpo(trainer: Any, rows: Any, gradients: Any, loss_type: str, objective: PairContrast) -> None:
    theirs = trainer(loss_type=[loss_type])
    theirs.model.zero_grad()
    loss = theirs._compute_loss(theirs.model, _inputs(rows), return_outputs=False)
    loss.backward()
    expected = {name: p.grad.clone() for name, p in theirs.model.named_parameters()}
    found, gradient = _ours(theirs, rows, objective, gradients)
    assert found == pytest.approx(loss.item(), rel=1e-5)
    for name, grad in expected.items():
        assert torch.allclose(gradient[name], grad, rtol=1e-3, atol=2e-6), name
    assert sum(float(g.abs().sum()) for g in gradient.values()) > 0.1


def test_a_noisy_label_is_another_loss_in_trl(trainer: Any, rows: Any, gradients: Any) -> None:
    """TRL's "robust" undoes the noise, ours keeps the doubt; ours follows from it: (1 - 2e)(robust) + 2e(turned)."""
    noise = 0.25
    theirs = trainer(loss_type=["robust"], label_smoothing=noise)
    robust = theirs._compute_loss(theirs.model, _inputs(rows), return_outputs=False).item()
    ours = _ours(theirs, rows, PairContrast(), gradients, label=1 - noise)[0]
    turned = _ours(theirs, rows, PairContrast(), gradients, label=0.0)[0]
    assert ours == pytest.approx((1 - 2 * noise) * robust + 2 * noise * turned, rel=1e-5)
    assert abs(ours - robust) > 1e-2


@pytest.mark.parametrize("label", [1.0, 0.8])
def test_simpo(rows: Any, tiny: Any, gradients: Any, label: float) -> None:
    """The loss that TRL's CPO trainer makes of mean log-probabilities."""
    cpo = pytest.importorskip("trl.experimental.cpo")
    gamma = 0.5
    settings = SimpleNamespace(
        loss_type="simpo",
        simpo_gamma=gamma,
        beta=BETA,
        alpha=0.0,
        label_smoothing=1 - label,
        accelerator=SimpleNamespace(device="cpu"),
    )
    model = tiny(scale=0.2)
    mask_BT = np.zeros((4, max(len(t) for t in rows)))
    for b, t in enumerate(rows):
        mask_BT[b, : len(t)] = t.mask
    learner = Learner(model, Optim(), total_steps=1)
    mean_B = torch.from_numpy(learner.logprobs(rows).sum(axis=1) / mask_BT.sum(axis=1))
    expected = cpo.CPOTrainer.cpo_loss(settings, mean_B[:2], mean_B[2:])[0].mean()
    pairs = with_label([Pair(0, 2, gap=gamma, beta=BETA), Pair(1, 3, gap=gamma, beta=BETA)], label)
    batch = Batch(tuple(rows), mask_BT, mask_BT, pairs=batched(pairs, margin="gap"))
    found = gradients(learner, batch, PairContrast(reference="none", length="mean"))[0]
    assert found == pytest.approx(float(expected), rel=1e-5)
