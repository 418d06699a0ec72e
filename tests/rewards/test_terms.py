"""Each term's numbers, worked out by hand, and its bounds."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentrl.errors import ConfigError, UsageError
from agentrl.rewards import (
    Cosine,
    compression_ratio,
    cosine,
    cosine_term,
    exploration_term,
    format_problem,
    format_term,
    gated,
    group_novelty,
    harmonic,
    length_cost,
    length_cost_term,
    loop_penalty,
    loop_term,
    overlong,
    overlong_term,
    potential_deltas,
    product,
    repeated_mask,
    repetition_term,
    turn_delta_scores,
    turn_delta_term,
    turn_deltas,
    visit_bonuses,
)
from agentrl.types import Message, Node, Provenance, Rollout, Task

MakeRollout = Callable[..., Rollout]
scores = st.lists(st.floats(0, 1), max_size=6)


# Length.


@pytest.mark.parametrize(
    ("limit", "cache", "values"),
    [
        (100, 20, {0: 0, 80: 0, 81: -0.05, 90: -0.5, 100: -1, 101: -1, 9999: -1}),
        (20480, 4096, {16384: 0, 18432: -0.5, 20480: -1, 20481: -1}),
        (100, 0, {0: 0, 100: 0, 101: -1}),
        (100, 100, {0: 0, 50: -0.5, 100: -1}),
    ],
)
def test_overlong(limit: int, cache: int, values: dict[int, float]) -> None:
    assert {n: overlong(n, limit=limit, cache=cache) for n in values} == pytest.approx(values)


def test_cosine_between_any_two_values() -> None:
    right = [cosine(n, 100, at_zero=2, at_limit=1) for n in (0, 25, 50, 75, 100)]
    assert right == pytest.approx([2, 1.853553, 1.5, 1.146447, 1], abs=1e-6)
    wrong = [cosine(n, 100, at_zero=-10, at_limit=0) for n in (0, 25, 50, 75, 100)]
    assert wrong == pytest.approx([-10, -8.535534, -5, -1.464466, 0], abs=1e-6)


def test_cosine_of_right_and_wrong_answers() -> None:
    values = Cosine(200)
    assert [values.value(n, "correct") for n in (0, 100, 200, 900)] == pytest.approx([1.0, 0.75, 0.5, 0.5])
    assert [values.value(n, "wrong") for n in (0, 100, 200, 900)] == pytest.approx([-1.0, -0.75, -0.5, -0.5])
    ended = Cosine(200, exceeded=-1.0, margin=16)
    assert [ended.value(n, "correct") for n in (184, 200, 900)] == [-1.0] * 3
    assert ended.value(183, "correct") > 0.5


@given(st.integers(0, 300), st.integers(0, 300))
def test_a_shorter_right_answer_is_never_worth_less(one: int, other: int) -> None:
    values, (short, long) = Cosine(200), sorted((one, other))
    assert values.value(short, "correct") >= values.value(long, "correct")
    assert values.value(short, "wrong") <= values.value(long, "wrong")
    assert overlong(short, limit=200, cache=50) >= overlong(long, limit=200, cache=50)
    assert length_cost(short, cost=10) <= length_cost(long, cost=10)


def test_length_cost_has_a_floor() -> None:
    lengths = (500, 1000, 2000, 4000)
    assert [1 + length_cost(n, cost=1000) for n in lengths] == [-1, 0, 0.5, 0.75]
    assert [length_cost(n, cost=1000) for n in lengths] == [-2, -1, -0.5, -0.25]
    assert -0.5 + length_cost(2000, cost=1000) == -1.0
    assert length_cost(1, cost=1000) == length_cost(0, cost=1000) == -2.0


@pytest.mark.parametrize(
    "call",
    [
        lambda: overlong(1, limit=10, cache=11),
        lambda: overlong_term(limit=10, cache=-1),
        lambda: overlong_term(limit=0, cache=0),
        lambda: cosine_term(Cosine(0)),
        lambda: length_cost_term(cost=-1),
        lambda: length_cost_term(cost=1, floor=1),
        lambda: repetition_term(n=0),
        lambda: repeated_mask("ab", 0),
        lambda: loop_term(threshold=0),
        lambda: format_term(opened="nowhere"),  # type: ignore[arg-type]
        lambda: turn_deltas([1], alpha=-1),
        lambda: turn_deltas([1], alpha=math.nan),
        lambda: potential_deltas([1], gamma=2),
    ],
    ids=range(13),
)
def test_settings_that_cannot_be_are_refused(call: Callable[[], object]) -> None:
    with pytest.raises(ConfigError):
        call()


def test_terms_of_length_count_what_the_policy_drew(make_rollout: MakeRollout) -> None:
    stored = make_rollout([0, 1], ids=[[7] * 40, [8] * 50])  # and 6 tokens that it did not draw
    assert overlong_term(limit=100, cache=20).value(stored) == pytest.approx(-0.5)
    assert cosine_term(Cosine(180)).value(stored) == pytest.approx(0.75)
    assert cosine_term(Cosine(180)).value(make_rollout([0], ids=[[7] * 90])) == pytest.approx(-0.75)
    assert length_cost_term(cost=45).value(stored) == -0.5
    assert repetition_term(n=2).value(make_rollout(ids=[[5] * 5])) == -0.75


def test_terms_of_length_refuse_a_text_policy() -> None:
    nodes = (Node(-1, Message("user", "q")), Node(0, Message("assistant", "a"), reward=1.0))
    stored = Rollout("0/t/0", Task.ask("t", "q", "a"), nodes, "done", Provenance("env"))
    with pytest.raises(UsageError, match="holds no token ids"):
        overlong_term(limit=10, cache=2).value(stored)
    assert format_term().value(stored) == 0


# Repetition.


def test_repeated_n_grams(make_rollout: MakeRollout) -> None:
    assert repetition_term(n=2).value(make_rollout(ids=[[1, 2, 3, 4]])) == 0
    assert repetition_term(n=40).value(make_rollout(ids=[[5] * 39])) == 0
    assert repetition_term(n=40).value(make_rollout(ids=[[5] * 49])) == pytest.approx(-0.9)


@pytest.mark.parametrize(
    ("items", "n", "marks"),
    [("abcabx", 2, "...##."), ("aaaa", 2, ".###"), ("abab", 3, "...."), ("abcabcabc", 3, "...######"), ("", 2, "")],
)
def test_tokens_inside_repeated_n_grams(items: str, n: int, marks: str) -> None:
    assert "".join("#" if inside else "." for inside in repeated_mask(items, n)) == marks


@given(st.lists(st.integers(0, 2), max_size=30), st.integers(1, 4))
def test_mask_marks_exactly_the_repeated_n_grams(items: list[int], n: int) -> None:
    grams = [tuple(items[i : i + n]) for i in range(len(items) - n + 1)]
    inside = {i + k for i, gram in enumerate(grams) if gram in grams[:i] for k in range(n)}
    assert repeated_mask(items, n) == [i in inside for i in range(len(items))]


def test_long_loops_compress(make_rollout: MakeRollout) -> None:
    sentence = "The quick brown fox number {} jumps over the lazy dog while it rains in the valley of the blue moon. "
    loop = "".join(sentence.format(i % 50) for i in range(200))
    prose = (
        "Rain fell on the harbour all night, and by dawn the boats lay low in the water, heavy with it. Nobody came. "
        * 2
    )
    assert compression_ratio(loop) < 0.1
    assert loop_penalty(loop) < -0.5
    assert loop_penalty(prose) == 0  # too short to tell
    assert loop_term().value(make_rollout(replies=[loop])) == loop_penalty(loop)
    assert compression_ratio("\ud800") <= 1


@given(st.text(max_size=2000))
def test_loop_penalty_is_bounded(text: str) -> None:
    assert -1 <= loop_penalty(text, min_bytes=1) <= 0


# Format.


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        ("<think>2+2</think>4", ""),
        (" \n<think>2+2</think>\n4\n", ""),
        ("<think></think>4", ""),
        ("4", "it does not begin with thinking"),
        ("so <think>2+2</think>4", "it does not begin with thinking"),
        ("<think>2+2", "the thinking is not closed"),
        ("<think>2+2</think>", "there is no answer after the thinking"),
        ("<think>2+2</think> \n ", "there is no answer after the thinking"),
        ("<think>2</think></think>4", "there is more than one thinking block"),
        ("<think>2</think>4<think>5</think>6", "there is more than one thinking block"),
        ("<think><think>2</think>4", "there is more than one thinking block"),
        ("<think>2</think>4<think>", "there is more than one thinking block"),
        ("", "it does not begin with thinking"),
    ],
)
def test_format(reply: str, problem: str) -> None:
    assert format_problem(reply) == problem


def test_format_where_the_prompt_opens_the_thinking(make_rollout: MakeRollout) -> None:
    assert format_problem("2+2</think>4", opened="prompt") == ""
    assert format_problem("<think>2+2</think>4", opened="prompt") == "there is more than one thinking block"
    assert format_problem("2+2", opened="prompt") == "the thinking is not closed"
    stored = make_rollout([0, 1], replies=["<think>a</think>b", "b"])
    assert format_term().value(stored) == 0.5


@given(st.lists(st.sampled_from(["<think>", "</think>", "a", " "])).map("".join))
def test_only_one_shape_is_well_formed(reply: str) -> None:
    parts = reply.strip().removeprefix("<think>").split("</think>")
    shaped = reply.strip().startswith("<think>") and len(parts) == 2 and "<think>" not in "".join(parts)
    assert (format_problem(reply) == "") == (shaped and parts[1].strip() != "")


# Exploration.


def test_visits_are_worth_less_each_time(make_rollout: MakeRollout) -> None:
    assert visit_bonuses(["a", "a", "a", "a"]) == pytest.approx([1, 0.5**0.5, 3**-0.5, 0.5])
    assert visit_bonuses(["a", "b"], {"a": 15}) == [0.25, 1.0]
    term = exploration_term()
    assert term.value(make_rollout([0, 1], keys=["a", "b"])) == 1
    assert term.value(make_rollout([0, 1], keys=["a", "a"])) == pytest.approx((1 + 0.5**0.5) / 2)
    assert term.value(make_rollout([0, 1])) == 0


def test_novelty_within_a_group() -> None:
    assert group_novelty([["a", "b"], ["a"], ["a"], ["a", "a"], []]) == [0.75, 0.5, 0.5, 0.5, 0.0]


@given(st.lists(st.sampled_from("abc"), max_size=12), st.randoms())
def test_bonuses_are_bounded_and_their_sum_does_not_depend_on_the_order(keys: list[str], random: Random) -> None:
    bonuses = visit_bonuses(keys)
    assert all(0 < bonus <= 1 for bonus in bonuses)
    turned = random.sample(keys, len(keys))
    assert sum(visit_bonuses(turned)) == pytest.approx(sum(bonuses))


# Turns.


def test_second_attempts_under_alpha_10(make_rollout: MakeRollout) -> None:
    pairs = [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)]
    bonus = [turn_deltas(pair, alpha=10)[1] for pair in pairs]
    assert [pair[1] + b for pair, b in zip(pairs, bonus, strict=True)] == [0, 11, -10, 1]
    assert [sum(pair) + b for pair, b in zip(pairs, bonus, strict=True)] == [0, 11, -9, 2]
    assert [turn_delta_term().value(make_rollout(pair)) for pair in pairs] == [0, 1, -1, 0]
    rows = turn_delta_scores(make_rollout([0.0, 1.0, 0.5]), alpha=2)
    assert [(row.node, row.value) for row in rows] == [(1, 0.0), (3, 2.0), (5, -1.0)]


@given(scores, st.floats(0, 10))
def test_deltas_telescope_and_are_bounded(score_K: list[float], alpha: float) -> None:
    bonus_K = turn_deltas(score_K, alpha=alpha)
    assert all(abs(bonus) <= alpha for bonus in bonus_K)
    if score_K:
        assert bonus_K[0] == 0
        assert sum(bonus_K) == pytest.approx(alpha * (score_K[-1] - score_K[0]), abs=1e-9)


@given(scores, st.floats(0, 1))
def test_potentials_add_a_constant_whatever_was_done(potential_K: list[float], gamma: float) -> None:
    delta_K = potential_deltas(potential_K, gamma=gamma)
    assert all(-1 <= delta <= 1 for delta in delta_K)
    total = sum(gamma**k * delta for k, delta in enumerate(delta_K))
    assert total == pytest.approx(-potential_K[0] if potential_K else 0, abs=1e-9)


# Combinations.


def test_combinations() -> None:
    assert harmonic([0.8, 0.4], [0.5, 0.5]) == pytest.approx(0.533333, abs=1e-6)
    assert harmonic([0.8, 0.4], [1, 3]) == pytest.approx(4 / (1 / 0.8 + 3 / 0.4))
    assert harmonic([0.8, 0.0]) == 0
    assert product(0.6, 1.5, 0.9) == pytest.approx(0.81)
    assert product(0.6, 0.0, 5.0) == 0
    assert (gated(0.1, 1.0), gated(0.1, 0.0), gated(0.1, 0.5)) == (0.1, 0.0, 0.05)


@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=5))
def test_harmonic_mean_is_between_the_least_and_the_usual_mean(values: list[float]) -> None:
    assert min(values) - 1e-9 <= harmonic(values) <= sum(values) / len(values) + 1e-9


@pytest.mark.parametrize(
    "call",
    [
        lambda: harmonic([]),
        lambda: harmonic([1.0], [0.0]),
        lambda: harmonic([1.0], [1.0, 1.0]),
        lambda: harmonic([-0.1, 1.0]),
        lambda: product(-1.0, -1.0),
        lambda: product(math.nan),
        lambda: gated(1.0, 2.0),
    ],
    ids=range(7),
)
def test_combinations_refuse_what_makes_no_sense(call: Callable[[], float]) -> None:
    with pytest.raises(ValueError, match="got"):
        call()
