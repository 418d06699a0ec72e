"""The arithmetic of a search: hand-worked values, and what holds on any tree."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentrl.collect.search import Branch, Settings, Tree, puct, ucb, uct
from agentrl.errors import ConfigError


def grown(settings: Settings, *rewards: float | None, prior: float = 1.0) -> Tree:
    """A root with children that end (with a reward) or go on (None)."""
    tree = Tree(settings, Branch(-1, 0, 0, 0, "root"))
    for n, reward in enumerate(rewards, start=1):
        tip = -1 if reward is not None else 10 * n
        tree.add(Branch(0, n, tip, 1, key=f"s{n}", reward=reward or 0.0, prior=prior))
    return tree


# Values by hand.


def test_the_formulas_give_the_published_examples() -> None:
    assert ucb(0.5, 1.0, 10, 3) == pytest.approx(1.258714, abs=1e-6)
    assert uct(0.5, 2.0, 10, 3) == pytest.approx(2.252174, abs=1e-6)
    assert puct(0.5, 2.0, 16, 3, 0.25) == pytest.approx(0.5 + 2 * 0.25 * 4 / 4)


@pytest.mark.parametrize("rule", [ucb, uct])
def test_a_rule_prefers_the_better_and_the_less_visited(rule: Callable[[float, float, float, float], float]) -> None:
    assert rule(0.6, 1.0, 20, 3) > rule(0.5, 1.0, 20, 3)
    assert rule(0.5, 1.0, 20, 2) > rule(0.5, 1.0, 20, 3)


def test_the_mean_is_the_running_mean() -> None:
    tree = grown(Settings(), None)
    for value in (0.5, 0.5, 1.0):
        tree.back_up(1, value)
    assert tree.q(1) == pytest.approx(0.666667, abs=1e-6)
    assert tree.branches[0].visits == 4  # its own expansion and three leaves


def test_backup_by_the_best_keeps_the_best() -> None:
    tree = grown(Settings(backup="max"), None)
    for value in (0.5, 1.0, 0.0):
        tree.back_up(1, value)
    assert tree.q(1) == 1.0


def test_a_value_counts_rewards_from_its_own_reply_on() -> None:
    tree = grown(Settings(), None)
    tree.branches[1].reward = 0.25
    deeper = tree.add(Branch(1, 5, -1, 2, reward=0.5))
    tree.back_up(deeper, 0.0)
    assert [tree.q(i) for i in (1, deeper)] == [0.75, 0.5]
    assert tree.branches[deeper].own == 0.75


def test_the_critic_is_blended_in() -> None:
    tree = grown(Settings(blend=0.25), 1.0)
    tree.branches[1].critic = 0.6
    tree.back_up(1, 0.0)
    assert tree.blended(1) == pytest.approx(0.25 * 1.0 + 0.75 * 0.6)


# Which comes next.


def test_unvisited_branches_come_first_the_critics_favourite_before_others() -> None:
    tree = grown(Settings(c=0.0), 1.0, 0.0, 0.0)
    tree.back_up(1, 0.0)
    tree.branches[3].critic = 1.0
    assert tree.select() == 3


def test_first_play_urgency_can_wait_for_a_disappointment() -> None:
    tree = grown(Settings(c=0.0, first_play=0.5), 1.0, 0.0)
    tree.back_up(1, 0.0)
    assert tree.select() == 1
    tree.branches[1].reward = 0.4
    assert tree.select() == 2


def test_the_prior_weighs_under_puct_only() -> None:
    for rule, expected in (("puct", 2), ("ucb", 1)):
        tree = grown(Settings(rule=rule), 0.5, 0.5)  # type: ignore[arg-type]
        tree.branches[1].prior, tree.branches[2].prior = 0.1, 0.9
        tree.back_up(1, 0.0)
        tree.back_up(2, 0.0)
        tree.branches[1].reward = 0.55
        assert tree.select() == expected


def test_virtual_loss_sends_the_next_leaf_elsewhere() -> None:
    for loss, expected in ((1.0, [1, 2]), (0.0, [1, 1])):
        tree = grown(Settings(c=0.0, virtual_loss=loss), 1.0, 0.9)
        tree.back_up(1, 0.0)
        tree.back_up(2, 0.0)
        assert [tree.select(), tree.select()] == expected


def test_a_busy_leaf_is_not_taken_twice() -> None:
    tree = grown(Settings(), None)
    assert tree.select() == 1
    assert tree.select() is None
    tree.release(1)
    assert tree.select() == 1


def test_states_with_one_key_share_their_value_but_not_their_counts() -> None:
    for merge, expected in (("state", [0.5, 0.75]), ("none", [1.0, 0.25])):
        tree = grown(Settings(merge=merge), None, None)  # type: ignore[arg-type]
        tree.branches[1].key = tree.branches[2].key = "same"
        tree.branches[2].reward = 0.25
        tree.back_up(1, 1.0)
        tree.back_up(2, 0.0)
        assert [tree.q(1), tree.q(2)] == expected
        assert [b.visits for b in tree.branches[1:]] == [1, 1]


def test_a_failed_branch_is_left_alone_and_takes_its_parent_along() -> None:
    tree = grown(Settings(), None, None)
    tree.bury(1)
    assert tree.select() == 2
    tree.release(2)
    tree.bury(2)
    assert tree.branches[0].dead
    assert tree.select() is None


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"rule": "best"}, "rule must be one of ucb, uct, puct, beam; got 'best'"),
        ({"expand": 0}, "expand must be a whole number, at least 1; got 0"),
        ({"c": math.inf}, "c must be finite and at least 0, got inf"),
        ({"blend": 1.5}, r"blend must be in \[0, 1\], got 1.5"),
        ({"first_play": math.nan}, "first_play must be a number or infinity, got nan"),
        ({"max_depth": 0}, "max_depth must be a whole number, at least 1; got 0"),
    ],
    ids=lambda x: str(x)[:20],
)
def test_a_setting_out_of_range_is_refused(setting: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Settings(**setting)  # type: ignore[arg-type]


# Any tree.


def play(settings: Settings, seed: int) -> Tree:
    """A search of a random tree, without policy or environment: some leaves end, at some the machine fails."""
    draw = random.Random(seed)
    tree = Tree(settings, Branch(-1, 0, 0, 0))
    done = 0
    while done < settings.iterations:
        chosen: list[int] = []
        while len(chosen) < min(settings.width, settings.iterations - done) and (leaf := tree.select()) is not None:
            chosen.append(leaf)
        if not chosen:
            break
        for leaf in chosen:
            tree.release(leaf)
            at: int | None = leaf
            if tree.may_grow(leaf):
                for _ in range(draw.randint(1, settings.expand)):
                    tip = draw.choice([-1, 7])
                    key, depth = str(draw.randrange(5)), tree.branches[leaf].depth + 1
                    tree.add(Branch(leaf, 1, tip, depth, key, reward=draw.random() if tip < 0 else 0.0))
                at = tree.first(leaf)
            if at is None:
                continue
            if draw.random() < 0.1:
                tree.bury(at)
                continue
            tree.back_up(at, 0.0 if tree.branches[at].over else draw.random())
            done += 1
    return tree


ANY = st.builds(
    Settings,
    rule=st.sampled_from(["ucb", "uct", "puct", "beam"]),
    backup=st.sampled_from(["mean", "max"]),
    merge=st.sampled_from(["none", "state"]),
    c=st.floats(0, 4),
    first_play=st.sampled_from([math.inf, 0.0, 0.5]),
    expand=st.integers(1, 4),
    iterations=st.integers(1, 40),
    width=st.integers(1, 8),
    beam=st.integers(1, 3),
    max_depth=st.one_of(st.none(), st.integers(1, 4)),
)


@given(ANY, st.integers(0, 2**16))
def test_counts_are_conserved_and_values_stay_in_range(settings: Settings, seed: int) -> None:
    tree = play(settings, seed)
    for index, branch in enumerate(tree.branches):
        below = sum(tree.branches[i].visits for i in branch.children)
        assert branch.waiting == 0
        if branch.children:
            assert below == branch.visits - 1
        if settings.max_depth is not None:
            assert branch.depth <= settings.max_depth
        assert 0 <= tree.q(index) <= 1
    done = tree.branches[0].visits - 1
    assert done <= settings.iterations
    if settings.rule != "beam":  # a beam ends where its last level does
        assert done == settings.iterations or tree.branches[0].dead


@given(ANY, st.integers(0, 2**16))
def test_a_stored_tree_goes_on_as_it_was(settings: Settings, seed: int) -> None:
    tree = play(settings, seed)
    bare = [Branch(**{f: getattr(b, f) for f in b.__slots__ if f != "children"}) for b in tree.branches]
    again = Tree.of(settings, bare)
    assert again.branches == tree.branches
    assert [again.q(i) for i in range(len(bare))] == pytest.approx([tree.q(i) for i in range(len(bare))])
    assert again.select() == tree.select()
