"""Trees of trajectories: packed and padded give one loss and one gradient, and shared tokens are computed once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentrl.learn.learner import Learner, Optim, Packing
from agentrl.learn.objectives import PolicyGradient
from agentrl.learn.pack import pack, padded_slots

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-10}
FLOOR = {torch.float32: 1e-1, torch.float64: 1e-3}
"""Where a query sees one key its gradient is 0, and what is left is rounding (2e-7 where the largest parameter's is 3):
no share of itself can bound that. A parameter is measured by its own norm, or by this share of the largest one's where
that is more; times the tolerance, the share is about 8 roundings of the largest norm in float32."""
Tokens = list[tuple[int, bool]]


@st.composite
def forests(draw: st.DrawFn) -> list[Tokens]:
    """Trajectories as (token, drawn) pairs: each grows out of a beginning of an earlier one, or is a copy of it."""
    piece = st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1, max_size=5)
    found: list[Tokens] = [draw(piece)]
    for _ in range(draw(st.integers(0, 6))):
        kind = draw(st.sampled_from(["branch", "copy", "new"]))
        parent = draw(st.sampled_from(found))
        cut = draw(st.integers(0, len(parent)))
        found.append({"branch": parent[:cut] + draw(piece), "copy": list(parent), "new": draw(piece)}[kind])
    return found


packings = st.builds(
    Packing,
    row_tokens=st.sampled_from([1, 4, 7, 512]),
    batch_tokens=st.sampled_from([1, 16, 8192]),
)
objectives = st.builds(
    PolicyGradient,
    ratio=st.sampled_from(["token", "sequence"]),
    kl_estimator=st.sampled_from(["k1", "k2", "k3"]),
    entropy_bonus=st.sampled_from([0.0, 0.3]),
)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@given(forest=forests(), packing=packings, objective=objectives, seed=st.integers(0, 99))
@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,  # float32 leaves rounding no guarantee for every example there is
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_packed_equals_padded(
    tiny: Any,
    trajectory: Any,
    batch_of: Any,
    gradients: Any,
    dtype: Any,
    forest: Any,
    packing: Any,
    objective: Any,
    seed: Any,
) -> None:
    trajectories = [trajectory([t for t, _ in f], [d for _, d in f]) for f in forest]
    batch = batch_of(trajectories, seed=seed, kl=True)
    model, other = tiny(dtype=dtype), tiny(dtype=dtype, seed=1)
    found = []
    for layout in (packing, Packing("padded", batch_tokens=16)):
        learner = Learner(model, Optim(), total_steps=1, packing=layout, reference=other)
        old, ref = learner._frozen(batch, tiny(dtype=dtype, seed=2, scale=0.15)), learner._reference(batch)
        found.append(gradients(learner, batch, objective, old, ref))
    (loss, packed), (expected, padded) = found
    assert loss == pytest.approx(expected, rel=TOLERANCE[dtype], abs=TOLERANCE[dtype])
    assert packed.keys() == padded.keys()
    norms = {name: float(torch.linalg.vector_norm(gradient)) for name, gradient in padded.items()}
    floor = FLOOR[dtype] * max(norms.values(), default=0.0)
    for name, gradient in padded.items():
        difference = float(torch.linalg.vector_norm(packed[name] - gradient))
        assert difference <= TOLERANCE[dtype] * max(norms[name], floor), name


@given(forest=forests(), packing=packings)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_needed_token_has_one_slot_a_row(trajectory: Any, forest: Any, packing: Any) -> None:
    """The forest's own prefixes are the yardstick: what a slot sees spells the prefix it stands for."""
    trajectories = [trajectory([t for t, _ in f], [d for _, d in f]) for f in forest]
    packs = pack(trajectories, row_tokens=packing.row_tokens, batch_tokens=packing.batch_tokens)
    seen: list[int] = []
    for packed in packs:
        size = packed.input_ids.shape[1]
        assert packed.visible is not None
        assert packed.input_ids.size <= packing.batch_tokens or len(packed.input_ids) == 1
        prefixes: set[tuple[int, tuple[int, ...]]] = set()
        for b, index in enumerate(packed.rows):
            ids, mask = trajectories[index].token_ids.tolist(), trajectories[index].mask
            trained = {t for t in range(1, len(ids)) if mask[t]}
            assert {t for t in range(packed.slot_BT.shape[1]) if packed.slot_BT[b, t] >= 0} == trained
            assert packed.target_BT[b, : len(ids)].tolist() == ids
            for t in trained:
                row, column = divmod(int(packed.slot_BT[b, t]), size)
                visible = np.flatnonzero(packed.visible[row, column])
                assert packed.input_ids[row, visible].tolist() == ids[:t]
                assert packed.position_ids[row, visible].tolist() == list(range(t))
            # Every token before the last trained one needs a slot; the last token of a trajectory needs none.
            row = int(packed.slot_BT[b, max(trained)]) // size
            prefixes |= {(row, tuple(ids[: t + 1])) for t in range(max(trained))}
        assert packed.tokens == len(prefixes)
        seen += packed.rows.tolist()
    assert sorted(seen) == [i for i, t in enumerate(trajectories) if t.mask[1:].any()]


def test_a_group_shares_its_prompt(trajectory: Any) -> None:
    """A prompt of 3 and two replies of 2: 3 + 1 + 1 slots, for the last token of each reply predicts nothing."""
    pair = [trajectory([1, 2, 3, 4, 5], "---xx"), trajectory([1, 2, 3, 6, 7], "---xx")]
    (packed,) = pack(pair)
    assert packed.input_ids.tolist() == [[1, 2, 3, 4, 6]]
    assert packed.position_ids.tolist() == [[0, 1, 2, 3, 3]]
    assert packed.visible is not None
    assert packed.visible[0].astype(int).tolist() == [
        [1, 0, 0, 0, 0],
        [1, 1, 0, 0, 0],
        [1, 1, 1, 0, 0],
        [1, 1, 1, 1, 0],
        [1, 1, 1, 0, 1],
    ]
    assert packed.slot_BT.tolist() == [[-1, -1, -1, 2, 3], [-1, -1, -1, 2, 4]]
    assert (packed.tokens, padded_slots(pair)) == (5, 10)


def test_rows_and_micro_batches_are_bounded(group: Any) -> None:
    trajectories = group(6, 4)
    rows = pack(trajectories, row_tokens=24, batch_tokens=60)
    assert len(rows) > 2
    assert sum(len(p.rows) for p in rows) == len(trajectories)
    assert all(p.input_ids.shape[1] <= 24 and p.input_ids.size <= 60 for p in rows)


def test_a_trajectory_longer_than_a_row_is_kept_whole(trajectory: Any) -> None:
    (packed,) = pack([trajectory(list(range(40)), "-" * 20 + "x" * 20)], row_tokens=8, batch_tokens=8)
    assert packed.input_ids.tolist() == [list(range(39))]


@pytest.mark.parametrize("layout", ["tree", "padded"])
def test_without_trained_tokens_there_is_nothing_to_compute(trajectory: Any, layout: Any) -> None:
    # A drawn first token has nothing before it that could predict it.
    idle = [trajectory([1, 2], "--"), trajectory([3], "x"), trajectory([3, 4], "x-")]
    assert pack(idle, layout=layout) == []
    (packed,) = pack([*idle, trajectory([1, 2], "-x")], layout=layout)
    assert packed.rows.tolist() == [3]


def test_padded_rows_are_plain_causal_sequences(group: Any) -> None:
    (packed,) = pack(group(), layout="padded")
    assert packed.visible is None
    assert (np.diff(packed.position_ids, axis=1) == 1).all()
    assert len(packed.input_ids) == len(packed.rows)


def test_tokens_of_the_environment_get_no_loss(tiny: Any, trajectory: Any, batch_of: Any, gradients: Any) -> None:
    """Two policy turns around an observation: what is claimed about the observation's tokens changes nothing."""
    found = []
    turns = [trajectory([1, 2, 3, 4, 5, 6, 7], "--xx-xx"), trajectory([1, 2, 3, 9, 5, 8], "--xx-x")]
    batch = batch_of(turns)
    env_BT = np.stack([np.pad(~t.mask, (0, 7 - len(t)), constant_values=True) for t in turns])
    for adv_BT, weight_BT in (
        (batch.adv_BT, batch.weight_BT),
        (np.where(env_BT, 1e6, batch.adv_BT), batch.weight_BT),
        (batch.adv_BT, np.where(env_BT, 1.0, batch.weight_BT)),  # a weight without a prediction has no loss either
    ):
        changed = batch_of(turns, adv_BT=adv_BT, weight_BT=weight_BT)
        learner = Learner(tiny(), Optim(), total_steps=1)
        found.append(gradients(learner, changed, PolicyGradient()))
    for loss, gradient in found[1:]:
        assert loss == found[0][0]
        assert all(torch.equal(gradient[n], g) for n, g in found[0][1].items())
    drawn = np.where(env_BT, batch.adv_BT, batch.adv_BT + 1)
    other, _ = gradients(Learner(tiny(), Optim(), total_steps=1), batch_of(turns, adv_BT=drawn), PolicyGradient())
    assert other != found[0][0]


@given(forest=forests(), packing=packings, layout=st.sampled_from(["tree", "padded"]), data=st.data())
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_belongs_together_stays_together(
    trajectory: Any, forest: Any, packing: Any, layout: Any, data: Any
) -> None:
    """In one micro-batch, whatever its size; beyond the limit there is nothing that could have been left out."""
    trajectories = [trajectory([t for t, _ in f], [d for _, d in f]) for f in forest]
    owner = data.draw(st.lists(st.integers(0, 3), min_size=len(forest), max_size=len(forest)))
    groups = [[i for i, o in enumerate(owner) if o == k] for k in range(4)]
    sizes = {"layout": layout, "row_tokens": packing.row_tokens, "batch_tokens": packing.batch_tokens}
    packs = pack(trajectories, together=groups, **sizes)
    needed = {i for i, t in enumerate(trajectories) if t.mask[1:].any()}
    assert sorted(i for p in packs for i in p.rows.tolist()) == sorted(needed)
    where = {i: n for n, p in enumerate(packs) for i in p.rows.tolist()}
    for group in groups:
        assert len({where[i] for i in group if i in needed}) <= 1
    for p in packs:
        row = p.slot_BT.max(axis=1) // p.input_ids.shape[1]
        rows_of = [{int(r) for i, r in zip(p.rows, row, strict=True) if owner[i] == k} for k in range(4)]
        whole = len(p.input_ids) in (1, *map(len, rows_of))  # one row, or the rows of one group
        assert p.input_ids.size <= packing.batch_tokens or whole


def test_a_group_that_fits_no_row_does_not_drag_others_along(trajectory: Any) -> None:
    """Rows of 4: two long answers take a row each and stay together; what comes next opens a row of its own."""
    rows = [trajectory([n, 1, 2, 3, 4], "-xxxx") for n in (1, 2, 3, 4)]
    packs = pack(rows, row_tokens=4, batch_tokens=4, together=[[0, 1], [2], [3]])
    assert sorted(p.rows.tolist() for p in packs) == [[0, 1], [2], [3]]


def test_a_group_shares_a_row_only_as_a_whole(trajectory: Any) -> None:
    """Rows of 6 after one of 2: the first of two answers would fit there, both do not, so that they open their own."""
    rows = [trajectory([1, 2, 3], "--x"), *(trajectory([2, n, 2, 3, 4], "-xxxx") for n in (1, 2))]
    packs = pack(rows, row_tokens=6, batch_tokens=6, together=[[0], [1, 2]])
    assert [p.rows.tolist() for p in packs] == [[0], [1, 2]]
    # Rows of 9 take all three: the two share their first token, and 2 + 4 + 3 slots are enough.
    (packed,) = pack(rows, row_tokens=9, batch_tokens=9, together=[[0], [1, 2]])
    assert packed.input_ids.shape == (1, 9)
