"""Batches and their pairs: no part and no micro-batch parts a pair, and the loss does not depend on the cuts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch

from agentrl.learn.batch import Batch, Pairs, split
from agentrl.learn.learner import Learner, Optim, Packing
from agentrl.learn.objectives import LossOutput, Terms


def pairs_of(chosen: list[int], rejected: list[int], seed: int = 0) -> Pairs:
    """Pairs whose other numbers are all different."""
    rng = np.random.default_rng(seed)
    numbers = rng.uniform(0.1, 1.0, size=(4, len(chosen)))
    return Pairs(np.array(chosen, np.int64), np.array(rejected, np.int64), *numbers)


@dataclass(frozen=True)
class Contrast:
    """A stand-in that looks at everything of a pair."""

    entropy_bonus: float = 0.0

    def loss(self, terms: Terms) -> LossOutput:
        assert terms.pairs is not None
        p, ref_BT = terms.pairs, terms.ref_BT if terms.ref_BT is not None else torch.zeros_like(terms.logp_BT)
        gain_B = ((terms.logp_BT - ref_BT) * (terms.weight_BT > 0)).sum(dim=1)
        x_P = p.beta_P * (gain_B[p.chosen_P] - gain_B[p.rejected_P]) - p.margin_P
        loss_P = -p.label_P * torch.nn.functional.logsigmoid(x_P)
        return LossOutput((p.weight_P * loss_P).sum(), {}, {"won": float((x_P > 0).sum())})


def test_rows_that_pairs_join_are_together(group: Any, batch_of: Any) -> None:
    batch = batch_of(group(2, 4), pairs=pairs_of([0, 5, 0], [2, 7, 3]))
    assert batch.together() == [[0, 2, 3], [1], [4], [5, 7], [6]]
    assert batch_of(group(1, 3)).together() == [[0], [1], [2]]


def test_the_pairs_among_some_rows() -> None:
    pairs = pairs_of([0, 5, 0], [2, 7, 3])
    some = pairs.among(np.array([3, 2, 0]), 8)
    assert (some.chosen_P.tolist(), some.rejected_P.tolist()) == ([2, 2], [1, 0])
    for name in ("weight_P", "beta_P", "label_P", "margin_P"):
        assert getattr(some, name).tolist() == getattr(pairs, name)[[0, 2]].tolist()
    assert len(pairs.among(np.array([1, 4]), 8)) == 0


def test_parts_keep_pairs_whole(group: Any, batch_of: Any) -> None:
    """Every array of a part is of its rows, and weights stand for the whole batch."""
    plain = batch_of(group(2, 4), kl=True)
    fields = {name: plain.adv_BT + n for n, name in enumerate(("ref_BT", "sampler_BT", "return_BT", "old_value_BT"))}
    batch = batch_of(group(2, 4), kl=True, pairs=pairs_of([7, 1, 4, 5], [0, 2, 3, 6]), temperature=0.5, **fields)
    parts = split(batch, 2)
    seen = []
    for part in parts:
        assert part.pairs is not None
        assert part.temperature == 0.5
        rows = [next(i for i, t in enumerate(batch.trajectories) if t is one) for one in part.trajectories]
        assert rows == sorted(rows)
        for name in ("adv_BT", "kl_BT", *fields):
            np.testing.assert_array_equal(getattr(part, name), getattr(batch, name)[rows])
        np.testing.assert_allclose(part.weight_BT, batch.weight_BT[rows] * 8 / len(rows))
        assert batch.pairs is not None
        named = [(rows[c], rows[r]) for c, r in zip(part.pairs.chosen_P, part.pairs.rejected_P, strict=True)]
        of = [[(7, 0), (1, 2), (4, 3), (5, 6)].index(pair) for pair in named]
        np.testing.assert_allclose(part.pairs.weight_P, batch.pairs.weight_P[of] * 4 / len(of))
        np.testing.assert_array_equal(part.pairs.beta_P, batch.pairs.beta_P[of])
        seen += named
    assert sorted(seen) == [(1, 2), (4, 3), (5, 6), (7, 0)]
    assert len(parts) == 2


def test_the_loss_of_pairs_does_not_depend_on_the_cuts(
    tiny: Any, group: Any, batch_of: Any, learner_of: Any, gradients: Any
) -> None:
    """Pairs across prompts, in one micro-batch or in as many as pairs allow, padded or not."""
    trajectories = group(2, 4)
    batch = batch_of(trajectories, pairs=pairs_of([7, 1, 4, 1], [0, 2, 3, 5]))
    model, other = tiny(dtype=torch.float64), tiny(dtype=torch.float64, seed=1)
    found = []
    for packing in (Packing(), Packing("padded", batch_tokens=1), Packing("tree", row_tokens=1, batch_tokens=1)):
        learner = learner_of(model, packing=packing, reference=other)
        cut = len(learner.micro_batches(trajectories, batch.together()))
        found.append((cut, *gradients(learner, batch, Contrast(), None, learner._reference(batch))))
    assert [cut for cut, *_ in found] == [1, 4, 4]  # 0 with 7, 3 with 4, 1 with 2 and 5, and 6
    (_, loss, whole), *rest = found
    for _, value, gradient in rest:
        assert value == pytest.approx(loss, rel=1e-12)
        assert all(torch.allclose(gradient[n], g, rtol=1e-8, atol=1e-11) for n, g in whole.items())
    assert loss > 0


def test_a_reference_that_is_data_needs_no_model(tiny: Any, group: Any, batch_of: Any, learner_of: Any) -> None:
    """Stored log-probabilities do what the model that they are from would do, and come before a model."""
    trajectories = group(2, 2)
    other = tiny(seed=1)
    stored_BT = learner_of(tiny(), reference=other).logprobs(trajectories, of="reference")
    pairs = pairs_of([0, 2], [1, 3])
    records = []
    for reference, ref_BT in ((other, None), (None, stored_BT), (tiny(seed=2), stored_BT), (None, None)):
        learner = learner_of(tiny(), reference=reference)
        records.append(learner.update(batch_of(trajectories, pairs=pairs, ref_BT=ref_BT), Contrast()))
    assert records[0] == records[1] == records[2]
    assert records[3]["loss"] != records[0]["loss"]


def test_learning_widens_the_gap_and_counts_pairs(tiny: Any, group: Any, batch_of: Any) -> None:
    """Whoever is chosen becomes likelier than who is rejected; statistics of pairs are means over pairs."""
    trajectories = group(2, 4)
    batch = batch_of(trajectories, pairs=pairs_of([0, 2, 4, 6], [1, 3, 5, 7]))
    learner = Learner(tiny(), Optim(lr=3e-3), total_steps=40)
    records = [learner.update(batch, Contrast(), splits=2) for _ in range(20)]
    assert records[-1]["won"] == 1.0
    assert records[-1]["loss"] < 0.5 * records[0]["loss"]
    assert records[0]["won"] in (0.0, 0.25, 0.5, 0.75)


def test_log_probabilities_for_credit(tiny: Any, group: Any, learner_of: Any) -> None:
    """Of the policy, of the reference, at a temperature; of trained tokens only."""
    trajectories = group(1, 3)
    learner = learner_of(tiny(), reference=tiny(seed=1))
    for of, seed in (("policy", 0), ("reference", 1)):
        found_BT = learner.logprobs(trajectories, of=of, temperature=0.7)
        for b, t in enumerate(trajectories):
            ids = torch.from_numpy(t.token_ids)
            with torch.no_grad():
                logp_TV = (tiny(seed=seed)(ids[None]).logits[0, :-1] / 0.7).log_softmax(-1)
            plain = logp_TV.gather(1, ids[1:, None]).squeeze(1).numpy()
            assert found_BT[b, 1 : len(t)][t.mask[1:]] == pytest.approx(plain[t.mask[1:]], abs=1e-5)
            assert (found_BT[b, : len(t)][~t.mask] == 0).all()
    with pytest.raises(ValueError, match="need a learner with a reference"):
        learner_of(tiny()).logprobs(trajectories, of="reference")


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        (([0], [3]), "row 3 of 3 trajectories"),
        (([-1], [0]), "row -1 of 3"),
        (([0], [2]), "row 2, a trajectory without a trained token"),
    ],
)
def test_pairs_of_what_is_not_there_are_refused(trajectory: Any, pairs: Any, message: str) -> None:
    rows = tuple(trajectory([1, 2, 3], mask) for mask in ("-xx", "-xx", "x--"))
    nothing_BT = np.zeros((3, 3))
    with pytest.raises(ValueError, match=message):
        Batch(rows, nothing_BT, nothing_BT, pairs=pairs_of(*pairs))


def test_arrays_of_pairs_have_one_length() -> None:
    one, two = np.zeros(1), np.zeros(2)
    rows = np.zeros(1, np.int64)
    with pytest.raises(ValueError, match="one shape"):
        Pairs(rows, rows, one, one, two, one)
