"""Advantages by turn and by node: the golden numbers by hand, and what holds whatever the rewards are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentrl.learn.credit import group
from agentrl.learn.turns import (
    anchor_keys,
    anchors,
    backup,
    by_turn,
    leaf_rewards,
    padded,
    same_turn,
    siblings,
    turn_groups,
    turn_returns,
)
from agentrl.rewards.turns import turn_deltas
from agentrl.types import Message, Node, Provenance, Rollout, Task, Trajectory, Verdict


@st.composite
def batches(draw: Any) -> Any:
    """Rewards of turns, which of them are there, groups, and states from a small set."""
    rows = draw(
        st.lists(
            st.tuples(st.lists(st.sampled_from([0.0, 0.1, 1.0]), min_size=1, max_size=4), st.integers(0, 2)),
            min_size=1,
            max_size=10,
        )
    )
    reward_BK, present_BK = padded([rewards for rewards, _ in rows])
    keys = [[draw(st.sampled_from(["", "a", "b"])) for _ in rewards] for rewards, _ in rows]
    return reward_BK, present_BK, np.array([g for _, g in rows]), keys


def test_anchors_by_hand() -> None:
    reward, keys = np.array([[0.0, 0, 10], [0, 0, 0]]), [["s", "a", "b"], ["s", "c", "d"]]
    found = anchors(reward, keys, np.zeros(2, int))
    # 10 - 5 of the episode, and 9.025 - 4.5125 of the state that both began in.
    assert found == pytest.approx(np.array([[9.5125, 5, 5], [-9.5125, -5, -5]]))
    assert anchors(reward, keys, np.array([0, 1])).tolist() == np.zeros((2, 3)).tolist()  # the state of another task
    assert anchors(reward, keys, np.zeros(2, int), omega=2)[0, 0] == pytest.approx(5 + 2 * 4.5125)
    unknown = [["", "a", "b"], ["", "c", "d"]]
    assert anchors(reward, unknown, np.zeros(2, int))[0].tolist() == [5, 5, 5]


def test_a_circle_counts_each_time() -> None:
    """One state three times over two episodes: returns 0.25, 0.5 and 0 about their mean, 0.25."""
    reward = np.array([[0.0, 0, 1], [0, 0, 0]])
    found = anchors(reward, [["s", "s", "a"], ["s", "b", "c"]], np.zeros(2, int), gamma=0.5)
    assert found == pytest.approx(np.array([[0.5, 0.75, 0.5], [-0.75, -0.5, -0.5]]))


@pytest.mark.parametrize("scale", ["none", "group", "batch"])
@given(batches())
def test_without_a_shared_state_anchors_are_groups(scale: Any, batch: Any) -> None:
    reward_BK, present_BK, group_B, keys = batch
    alone = [[f"{b}/{k}" for k in range(len(row))] for b, row in enumerate(keys)]
    plain_B1 = group(reward_BK.sum(axis=1), group_B, scale=scale)[:, None]
    assert anchors(reward_BK, alone, group_B, scale=scale) == pytest.approx(np.where(present_BK, plain_B1, 0))


@given(batches(), st.randoms(use_true_random=False))
def test_anchors_of_a_state_sum_to_zero_in_any_order(batch: Any, random: Any) -> None:
    reward_BK, present_BK, group_B, keys = batch
    found = anchors(reward_BK, keys, group_B)
    assert not found[~present_BK].any()
    states = found - np.where(present_BK, group(reward_BK.sum(axis=1), group_B, scale="none")[:, None], 0)
    for g in set(group_B.tolist()):
        for key in ("a", "b"):
            at = [(b, k) for b, row in enumerate(keys) for k, at in enumerate(row) if at == key and group_B[b] == g]
            assert sum(states[b, k] for b, k in at) == pytest.approx(0, abs=1e-9)
    order = list(range(len(keys)))
    random.shuffle(order)
    shuffled = anchors(reward_BK[order], [keys[b] for b in order], group_B[order])
    assert shuffled == pytest.approx(found[order])


def test_turn_groups_by_hand() -> None:
    """Turn 1 earns its own reward besides the outcome, the last turn the outcome alone; an early end has one turn."""
    reward, present = padded([[1, 7], [0, 7], [5]])
    outcome, groups = np.array([0.0, 1, 2]), np.zeros(3, int)
    found = turn_groups(reward, present, outcome, groups, weight=0.5, scale="none")
    assert found.tolist() == [[0.5 - 0.5, -1], [-0.5 + 0, 0], [1, 0]]
    scaled = turn_groups(reward, present, outcome, groups)
    assert scaled[0] == pytest.approx([0.7071 - 1, -1], abs=2e-4)


@given(batches())
def test_turn_groups_sum_to_zero(batch: Any) -> None:
    reward_BK, present_BK, group_B, _ = batch
    outcome_B = reward_BK.sum(axis=1)
    found = turn_groups(reward_BK, present_BK, outcome_B, group_B, weight=0, scale="none")
    last = present_BK.sum(axis=1) - 1
    assert not found[~present_BK].any()
    assert found[np.arange(len(last)), last] == pytest.approx(group(outcome_B, group_B, scale="none"))
    found[np.arange(len(last)), last] = 0
    for g in set(group_B.tolist()):
        assert found[group_B == g].sum(axis=0) == pytest.approx(0, abs=1e-9)


def test_second_attempts_are_compared_with_second_attempts() -> None:
    """SCoRe's rewards with alpha 10 as returns from each attempt on, less the mean of the others'."""
    attempts = [(0, 0), (0, 1), (1, 0), (1, 1)]
    reward, present = padded([[r1, r2 + turn_deltas([r1, r2], alpha=10)[1]] for r1, r2 in attempts])
    assert turn_returns(reward).tolist() == [[0, 0], [11, 11], [-9, -10], [2, 1]]
    found = same_turn(turn_returns(reward), present, np.zeros(4, int))
    assert found[:, 1] == pytest.approx([0 - 2 / 3, 11 + 9 / 3, -10 - 12 / 3, 1 - 1 / 3])
    assert found[:, 0] == pytest.approx([0 - 4 / 3, 11 + 7 / 3, -9 - 13 / 3, 2 - 2 / 3])


def test_turns_are_spread_over_their_drawn_tokens() -> None:
    def path(mask: str, turn: str) -> Trajectory:
        n = len(mask)
        drawn, turns = np.array([c == "x" for c in mask]), np.array([int(c) for c in turn], dtype=np.int32)
        return Trajectory(np.zeros(n, np.int64), drawn, np.zeros(n, np.float32), ("",) * n, turns, turns)

    found = by_turn(np.array([[1.0, 2], [3, 0]]), [path("..xx.x.", "0000111"), path(".x", "00")])
    assert found.tolist() == [[0, 0, 1, 1, 0, 2, 0], [0, 3, 0, 0, 0, 0, 0]]
    with pytest.raises(ValueError, match="has 2 turns, the advantages only 1"):
        by_turn(np.ones((1, 1)), [path(".x.x", "0011")])


def _node(parent: int, reward: float | None = None, *, key: str = "", verdict: Verdict | None = None) -> Node:
    return Node(
        parent, Message("user" if reward is None else "assistant", ""), reward=reward, state_key=key, verdict=verdict
    )


@pytest.fixture
def tree() -> Rollout:
    """Two actions from the root; the second leads to two leaves more, one of which could not be scored."""
    right, wrong, lost = Verdict(1, "correct"), Verdict(0, "incorrect"), Verdict(0, "infra_error")
    nodes = (
        _node(-1, key="start"),
        _node(0, 1.0, key="won", verdict=right),
        _node(0, 0.0, key="x"),
        _node(2, key="x, seen"),
        _node(3, 0.0, key="end", verdict=wrong),
        _node(3, 0.0, key="end", verdict=lost),
        _node(3, 0.25, key="end", verdict=Verdict(0.25, "partial")),
    )
    return Rollout("0/0/0", Task.ask("a", "?"), nodes, "done", Provenance("e"))


def test_a_tree_is_valued_from_its_leaves(tree: Rollout) -> None:
    rewards = leaf_rewards(tree)
    assert rewards == {1: 1.0, 4: 0.0, 6: 0.25}
    parents = [node.parent for node in tree.nodes]
    found = backup(parents, rewards)
    nan = float("nan")
    assert found.value_N.tolist() == pytest.approx([1.25 / 3, 1, 0.125, 0.125, 0, nan, 0.25], nan_ok=True)
    assert found.visits_N.tolist() == [3, 1, 2, 2, 1, 0, 1]
    best = backup(parents, rewards, how="max")
    assert best.value_N.tolist() == pytest.approx([1, 1, 0.25, 0.25, 0, nan, 0.25], nan_ok=True)
    assert siblings(found.value_N, parents).tolist() == pytest.approx([0, 0.4375, -0.4375, 0, -0.125, 0, 0.125])


@given(st.lists(st.integers(0, 5), min_size=1, max_size=12), st.data())
def test_siblings_sum_to_zero_and_visits_add_up(links: list[int], data: Any) -> None:
    parents = [-1, *(min(link, n) for n, link in enumerate(links))]
    leaves = [n for n in range(len(parents)) if n not in parents]
    rewards = {leaf: data.draw(st.floats(0, 1)) for leaf in leaves}
    found = backup(parents, rewards)
    adv_N = siblings(found.value_N, parents)
    assert found.visits_N[0] == len(leaves)
    assert found.value_N[0] == pytest.approx(np.mean(list(rewards.values())))
    for node in set(parents) - {-1}:
        children = [n for n, parent in enumerate(parents) if parent == node]
        assert found.visits_N[children].sum() == found.visits_N[node]
        assert adv_N[children].sum() == pytest.approx(0, abs=1e-9)


def test_a_turn_begins_in_the_state_of_its_observation(tree: Rollout) -> None:
    assert anchor_keys(tree) == ["start", "x, seen"]
    assert anchor_keys(tree, 1) == ["start"]
