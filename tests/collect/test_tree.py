"""Tree search over a game whose every value is known."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path

import numpy as np
import pytest

from agentrl.collect.search import Rule, Settings
from agentrl.collect.searched import best, values
from agentrl.episodes import Plan, collect, run_sync
from agentrl.learn import pairs, turns
from agentrl.learn.batch import Pairs
from agentrl.policies.script import Script
from agentrl.replay import differences
from agentrl.store import Run
from agentrl.types import Message, Score
from tests.collect.conftest import LETTERS, TRAP, Chances, Cycling, Game, Letters, grow, one, said, table, worth

# A known game.


@pytest.mark.parametrize("rule", ["ucb", "uct", "puct"])
def test_visits_concentrate_on_the_optimum(rule: Rule) -> None:
    found = one(Game, Letters(), settings=Settings(rule=rule, expand=3, iterations=300, c=1.0, width=4))
    visits = table(found, "visits")
    assert max((s for s in visits if len(s) == 3), key=visits.__getitem__) == "bca"
    assert visits["b"] > 150
    assert said(found.rollout, best(found.rollout, found.scores)) == "bca"
    assert found.rollout.reward == 1.0  # the last node is the end of the best path
    assert found.rollout.verdict is not None
    assert found.rollout.verdict.success


def test_siblings_are_ordered_as_their_true_values() -> None:
    wide = Settings(expand=3, iterations=800, c=50.0, width=8)
    found = one(Chances, Letters(), settings=wide)
    q = table(found, "q")
    assert [q[letter] for letter in LETTERS] == pytest.approx([3 / 9, 1 / 9, 6 / 9], abs=0.05)
    value = values(found.rollout, found.scores)
    parent_N = [node.parent for node in found.rollout.nodes]
    made = pairs.siblings(value.value_N, parent_N, value.visits_N, threshold=0.1)
    first = [(said(found.rollout, p.chosen), said(found.rollout, p.rejected)) for p in made if parent_N[p.chosen] == 0]
    assert sorted(first) == [("a", "b"), ("c", "a"), ("c", "b")]
    assert isinstance(pairs.batched(made), Pairs)
    assert pairs.step(found.rollout, made[0].chosen).mask.sum() == 2


def test_backup_by_the_best_finds_what_could_be_reached() -> None:
    found = one(Game, Letters(), settings=Settings(expand=3, iterations=200, c=5.0, backup="max"))
    assert [table(found, "q")[letter] for letter in LETTERS] == [0.3, 1.0, 0.5]


def test_a_critic_helps_when_leaves_are_few() -> None:
    true = {"a": 3, "b": 1, "c": 6}

    async def noisy(messages: Sequence[Message], candidates: Sequence[Message]) -> list[float]:
        rng = next(noise)
        return [float(np.clip((true[m.content] + rng.normal(0, 2)) / 9, 0, 1)) for m in candidates]

    noise = (np.random.default_rng(n) for n in itertools.count())
    settings = Settings(expand=3, iterations=3)
    trees = grow(Chances, Letters(), n=40, settings=settings, critic=noisy, concurrency=1).trees
    right = {}
    for blend in (1.0, 0.5):
        right[blend] = 0
        for found in trees:
            value = values(found.rollout, found.scores, blend=blend)
            of = {said(found.rollout, i): value.value_N[i] for i, n in enumerate(found.rollout.nodes) if n.parent == 0}
            right[blend] += sum(of[x] > of[y] for x, y in ("ab", "ca", "cb"))
    assert right[0.5] > 1.3 * right[1.0] > 0


def test_the_critic_alone_can_value_leaves() -> None:
    async def likes_c(messages: Sequence[Message], candidates: Sequence[Message]) -> list[float]:
        return [LETTERS.index(m.content) / 2 for m in candidates]

    letters = Letters()
    found = one(Game, letters, settings=Settings(expand=3, iterations=4, leaf="critic"), critic=likes_c)
    assert {r.key[4] for r in letters.requests} == {0}  # proposals only: nothing was played on
    assert table(found, "critic") == {"a": 0, "b": 0.5, "c": 1, "ca": 0, "cb": 0.5, "cc": 1}
    assert table(found, "visits") == {"a": 1, "b": 1, "c": 2, "ca": 0, "cb": 0, "cc": 1}


# What is in a tree.


@pytest.mark.parametrize("width", [1, 8])
def test_the_visits_below_a_node_are_one_less_than_its_own(width: int) -> None:
    found = one(Game, Letters(), settings=Settings(expand=3, iterations=60, width=width))
    visits = table(found, "visits")
    (root,) = [s.value for s in found.scores if s.term == "visits" and s.node == 0]
    assert found.effort.iterations == 60
    assert sum(visits[letter] for letter in LETTERS) == root - 1 == 60
    for name, count in visits.items():
        below = [n for other, n in visits.items() if len(other) == len(name) + 1 and other.startswith(name)]
        assert not below or sum(below) == count - 1


def test_ids_are_those_that_the_policy_saw_and_drew_and_every_path_replays() -> None:
    letters = Letters()
    found = one(Game, letters, settings=Settings(expand=4, iterations=20, width=3))
    rollout = found.rollout
    prefixes = {
        tuple(t for i in rollout.path(at) for t in rollout.nodes[i].token_ids)
        for at, node in enumerate(rollout.nodes)
        if not node.is_policy
    }
    assert {r.prompt_ids for r in letters.requests} <= prefixes
    assert len({r.key for r in letters.requests}) == len(letters.requests)
    assert {r.key[:3] for r in letters.requests} == {(0, 3, 0)}
    assert differences(rollout, Game()) == []
    assert found.effort.drawn_tokens == 2 * len(letters.requests)
    assert found.effort.prompt_tokens == sum(len(r.prompt_ids) for r in letters.requests)
    assert (rollout.id, rollout.stop, rollout.provenance.policy) == ("3/0/0", "done", "letters")


def test_equal_replies_become_one_with_their_priors_added() -> None:
    found = one(Game, Letters(), settings=Settings(expand=5, iterations=1))
    assert table(found, "prior") == pytest.approx({"a": 0.4, "b": 0.4, "c": 0.2})


def test_a_width_and_other_tasks_beside_it_change_nothing_but_the_order_of_work() -> None:
    settings = Settings(expand=3, iterations=30, width=4)
    alone, many = (grow(Game, Letters(), n=5, settings=settings, concurrency=c).trees for c in (1, 5))
    assert alone == many
    other = grow(Game, Letters(), n=1, seed=9, settings=settings).trees[0]
    assert other.rollout.nodes != alone[0].rollout.nodes


def test_a_leaf_at_the_depth_limit_is_played_on_anew_each_time() -> None:
    letters = Letters()
    found = one(Game, letters, settings=Settings(expand=3, iterations=30, max_depth=1))
    assert set(table(found, "visits")) == set(LETTERS)
    assert len({r.key for r in letters.requests}) == len(letters.requests) == 3 + 2 * 30
    assert len({said(found.rollout, leaf) for leaf in found.rollout.leaves()}) > 10


def test_a_stored_rollout_and_its_scores_are_enough_for_values(tmp_path: Path) -> None:
    found = one(Game, Letters(), settings=Settings(expand=3, iterations=30, width=4))
    run = Run.create(tmp_path / "run", {})
    run.commit("trees", [found.rollout])
    (stored,) = run.read("trees")
    assert stored == found.rollout
    scores = [Score(*row) for row in json.loads(json.dumps([astuple(s) for s in found.scores]))]
    assert best(stored, scores) == stored.path()[-1]
    value, known = values(stored, scores), table(found, "q")
    assert {said(stored, i): v for i, v in enumerate(value.value_N) if not np.isnan(v)} == known
    assert turns.siblings(value.value_N, [n.parent for n in stored.nodes]).any()
    assert (found.effort.nodes, found.effort.unscored) == (len(stored.nodes), 0)
    assert 0 < found.effort.waiting_share < 1
    assert one(Game, Letters()).effort.waiting_share == 0  # one leaf at a time waits for none


def test_a_budget_ends_a_search_between_rounds() -> None:
    for budget in (1, 40, 41):
        letters = Letters()
        settings = Settings(expand=3, iterations=500, c=9.0, token_budget=budget)
        found = one(Game, letters, settings=settings)
        last_round = 2 * (3 + 2)  # three proposals, then at most two more letters
        assert budget <= found.effort.drawn_tokens < budget + last_round


# Degenerate searches.


def test_best_of_n_is_a_search_of_depth_one() -> None:
    firsts = ["a", "b", "c", "bc", "cb"]

    def later(messages: Sequence[Message]) -> str:
        digest = hashlib.sha256("/".join(m.content for m in messages).encode()).digest()
        return LETTERS[digest[0] % 3]

    def make() -> Script:
        order = itertools.cycle(firsts)
        return Script(lambda messages: next(order) if len(messages) == 1 else later(messages))

    found = one(Chances, make(), settings=Settings(expand=5, iterations=5, max_depth=1))
    plan = Plan((Chances().all_tasks("test")[0],), samples=5)
    plain = run_sync(collect(Chances, make(), plan, concurrency=1)).rollouts
    ends = found.rollout.leaves()
    assert sorted(said(found.rollout, leaf) for leaf in ends) == sorted(said(r) for r in plain)
    assert {r.reward for r in plain} == {0.0, 1.0}
    assert found.rollout.reward == max(r.reward for r in plain)


@pytest.mark.parametrize("width", [1, 4])
@pytest.mark.parametrize("beam", [1, 2, 3])
def test_a_beam_is_a_search_level_by_level(beam: int, width: int) -> None:
    def guess(prefix: str) -> float:
        return hashlib.sha256(prefix.encode()).digest()[0] / 255

    async def critic(messages: Sequence[Message], candidates: Sequence[Message]) -> list[float]:
        before = "".join(m.content for m in messages if m.role == "assistant")
        return [guess(before + m.content) for m in candidates]

    level, seen = [""], set[str]()
    for depth in range(3):
        below = [prefix + letter for prefix in level for letter in LETTERS]
        seen |= set(below)
        level = sorted(below, key=lambda s: -(guess(s) if depth < 2 else worth(s, TRAP)))[:beam]
    settings = Settings(rule="beam", beam=beam, width=width, expand=3, iterations=99, leaf="critic")
    found = one(Game, Cycling(*LETTERS), settings=settings, critic=critic)
    assert {name for name, n in table(found, "visits").items() if n} == seen
