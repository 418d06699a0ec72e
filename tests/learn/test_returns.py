"""Returns by token: the golden numbers by hand, tokens of the environment, ends and cuts, and where scores land."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentrl.learn.returns import Discounts, Stream, bilevel_gae, gae, returns, token_rewards, whiten
from agentrl.types import Message, Node, Provenance, Rollout, Score, Task

ENDED = {"last_B": np.zeros(1), "truncated_B": np.zeros(1, bool)}
KEEP_ALL = Discounts(gamma=1, lam=1, turn_gamma=1)


@st.composite
def episodes(draw: Any) -> Any:
    """Rewards at drawn tokens, values, turns and a mask of one episode with a turn or more."""
    turns = draw(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 3)), min_size=1, max_size=4))
    mask = np.array([[drawn for seen, said in turns for drawn in [False] * seen + [True] * said]])
    turn = np.array([[k for k, (seen, said) in enumerate(turns) for _ in range(seen + said)]])
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    return rng.normal(size=mask.shape) * mask, rng.normal(size=mask.shape), turn, mask


def test_gae_by_hand() -> None:
    reward, value, mask = np.array([[0.0, 0, 1]]), np.array([[0.5, 0.4, 0.6]]), np.ones((1, 3), bool)
    found = gae(reward, value, mask, **ENDED, discounts=Discounts(1.0, 0.95))
    assert found.adv_BT == pytest.approx(np.array([[0.451, 0.58, 0.4]]))
    assert found.return_BT == pytest.approx(np.array([[0.951, 0.98, 1.0]]))


def test_gae_tells_a_cut_from_an_end() -> None:
    reward, value, mask = np.zeros((2, 1)), np.full((2, 1), 0.5), np.ones((2, 1), bool)
    last_B, truncated_B = np.array([0.8, 0.8]), np.array([False, True])
    found = gae(reward, value, mask, last_B=last_B, truncated_B=truncated_B, discounts=Discounts(gamma=0.5))
    assert found.adv_BT.tolist() == pytest.approx(np.array([[-0.5], [0.5 * 0.8 - 0.5]]))


def test_gae_passes_over_tokens_of_the_environment() -> None:
    """The golden episode with observations before, between and behind, whose values are nonsense."""
    mask = np.array([[False, True, False, False, True, True, False]])
    reward, value = np.zeros((1, 7)), np.full((1, 7), 1e6)
    value[mask], reward[0, 5] = [0.5, 0.4, 0.6], 1
    found = gae(reward, value, mask, **ENDED, discounts=Discounts(1.0, 0.95))
    assert found.adv_BT[mask] == pytest.approx([0.451, 0.58, 0.4])
    assert not found.adv_BT[~mask].any()
    assert not found.return_BT[~mask].any()


@given(episodes(), st.floats(0, 1))
def test_gae_with_lambda_1_is_the_return(episode: Any, gamma: float) -> None:
    reward, value, _, mask = episode
    found = gae(reward, value, mask, **ENDED, discounts=Discounts(gamma, 1.0))
    assert found.return_BT == pytest.approx(returns([Stream(reward, gamma)], mask), abs=1e-9)


@given(episodes(), st.floats(0, 1), st.floats(0, 1), st.floats(-1, 1), st.booleans())
def test_one_turn_has_one_level(episode: Any, gamma: float, lam: float, last: float, cut: bool) -> None:
    """In one turn, the return at its end is the last reward, and what a cut leaves."""
    reward, value, turn, mask = episode
    end: Any = {"last_B": np.array([last]), "truncated_B": np.array([cut])}
    both = Discounts(gamma, lam, turn_gamma=gamma)
    found = bilevel_gae(reward, value, 0 * turn, mask, **end, discounts=both)
    plain = gae(reward, value, mask, **end, discounts=both)
    assert found.adv_BT == pytest.approx(plain.adv_BT, abs=1e-9)
    assert not found.adv_BT[~mask].any()


def test_bilevel_gae_by_hand() -> None:
    """Two turns of two tokens; upper level first, then each turn against its own return."""
    reward, value = np.array([[0, 0.2, 0, 1]]), np.array([[0.1, 0.3, 0.5, 0.6]])
    turn, mask = np.array([[0, 0, 1, 1]]), np.ones((1, 4), bool)
    found = bilevel_gae(reward, value, turn, mask, **ENDED, discounts=Discounts(gamma=1, lam=0.5, turn_gamma=0.9))
    second = 1 - 0.6  # advantage at the end of turn 2
    first = 0.2 + 0.9 * 0.6 - 0.3 + 0.9 * 0.5 * second  # at the end of turn 1: 0.62
    expected = [0.3 - 0.1 + 0.5 * first, first, 0.6 - 0.5 + 0.5 * second, second]
    assert found.adv_BT[0] == pytest.approx(expected)


def test_a_silent_turn_is_still_a_turn() -> None:
    """A turn without a reward is a step that discounts; only gamma between turns does here."""
    mask, turn = np.ones((1, 3), bool), np.array([[0, 1, 2]])
    found = bilevel_gae(np.array([[0.0, 0, 1]]), np.zeros((1, 3)), turn, mask, **ENDED, discounts=Discounts(1, 1, 0.5))
    assert found.return_BT.tolist() == [[0.25, 0.5, 1.0]]


@given(episodes())
def test_without_discounts_every_level_agrees_at_the_ends(episode: Any) -> None:
    reward, value, turn, mask = episode
    end = mask & np.array([[k != n for k, n in zip(turn[0], [*turn[0][1:], -1], strict=True)]])
    found = bilevel_gae(reward * end, value, turn, mask, **ENDED, discounts=KEEP_ALL)
    assert found.return_BT == pytest.approx(returns([Stream(reward * end)], mask), abs=1e-9)


def test_streams_have_discounts_of_their_own() -> None:
    """2 at the end undiscounted; -0.05 at tokens 1 and 2, discounted by 0.99: 2 - 0.05 (0.99 + 0.99^2)."""
    answer, penalty = np.array([[0.0, 0, 0, 2]]), np.array([[0, -0.05, -0.05, 0]])
    mask = np.ones((1, 4), bool)
    found = returns([Stream(answer), Stream(penalty, 0.99)], mask)
    assert found == pytest.approx(np.array([[1.901495, 1.9005, 1.95, 2.0]]))
    apart = returns([Stream(answer)], mask) + returns([Stream(penalty, 0.99)], mask)
    assert found == pytest.approx(apart)


@given(episodes(), st.floats(0, 1))
def test_observations_do_not_discount(episode: Any, gamma: float) -> None:
    reward, _, _, mask = episode
    dense = returns([Stream(reward[mask][None], gamma)], mask[mask][None])
    found = returns([Stream(reward, gamma)], mask)
    assert found[mask] == pytest.approx(dense[0], abs=1e-12)
    assert not found[~mask].any()


@given(episodes())
def test_whitening_sees_drawn_tokens_only(episode: Any) -> None:
    _, value, _, mask = episode
    found = whiten(value, mask)
    assert not found[~mask].any()
    assert found[mask].mean() == pytest.approx(0, abs=1e-9)
    if mask.sum() > 1:
        assert found[mask].std(ddof=1) == pytest.approx(1, abs=0.05)
    assert whiten(np.where(mask, value, 1e9), mask).tolist() == found.tolist()


@pytest.mark.parametrize(
    ("reward", "gamma", "said"),
    [
        ([[1.0, 0.0]], 1.0, "0 at tokens"),
        ([[0.0, np.nan]], 1.0, "finite"),
        ([[0.0]], 1.0, "shape"),
        ([[0, 0]], 1.5, "gamma"),
    ],
)
def test_wrong_input_is_refused(reward: Any, gamma: float, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        returns([Stream(np.array(reward), gamma)], np.array([[False, True]]))


def _node(parent: int, drawn: str, reward: float | None = None) -> Node:
    """A node of a token a character, "x" where the policy drew it."""
    ids = tuple(range(len(drawn)))
    message = Message("user" if reward is None else "assistant", "")
    return Node(parent, message, ids, tuple(c == "x" for c in drawn), (0.0,) * len(ids), reward=reward)


@pytest.fixture
def rollout() -> Rollout:
    """Two turns, the second of which was cut off; and a second branch from the first observation."""
    nodes = (_node(-1, ".."), _node(0, "xx", 0), _node(1, "..."), _node(2, "xx.", 0), _node(0, "xxxx", 0))
    return Rollout("0/0/0", Task.ask("a", "?"), nodes, "done", Provenance("e"))


def test_scores_land_on_the_tokens_that_answer_for_them(rollout: Rollout) -> None:
    def score(node: int, position: Any, value: float) -> Score:
        return Score(rollout.id, node, position, "t", value)

    scores = [score(1, "whole", 1), score(3, "whole", 2), score(3, 0, 4), score(3, 1, 8), score(4, "whole", 16)]
    elsewhere = Score("0/0/1", 1, "whole", "t", 99)
    trajectory = rollout.trajectory(3)
    found = token_rewards([*scores, elsewhere], rollout, 3)
    assert found.tolist() == [0, 0, 0, 1, 0, 0, 0, 4, 10, 0]
    assert found.shape == trajectory.mask.shape
    assert not found[~trajectory.mask].any()
    assert token_rewards(scores, rollout).tolist() == [0, 0, 0, 0, 0, 16]  # the other branch
    # An observation's score is owed to what the policy said before it, a prompt's to the first thing it says.
    owed = token_rewards([score(2, "whole", 1), score(0, "whole", 2)], rollout, 3)
    assert owed.tolist() == [0, 0, 2, 1, 0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize(("node", "position"), [(3, 2), (3, 3), (3, -1), (2, 0)])
def test_a_position_that_was_not_drawn_is_refused(rollout: Rollout, node: int, position: int) -> None:
    with pytest.raises(ValueError, match="must be one that the policy drew"):
        token_rewards([Score(rollout.id, node, position, "t", 1.0)], rollout, 3)


def test_a_path_without_drawn_tokens_has_no_rewards(rollout: Rollout) -> None:
    assert token_rewards([Score(rollout.id, 0, "whole", "t", 1.0)], rollout, 0).tolist() == [0, 0]
