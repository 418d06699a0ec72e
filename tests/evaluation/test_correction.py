"""Figures of several attempts, each worked out by hand on one small table."""

from __future__ import annotations

import itertools
import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentrl.errors import UnscorableError, UsageError
from agentrl.evaluation.correction import Attempt, Table, difference, edit_ratio, measure


def sample(answers: str, *texts: str) -> list[Attempt]:
    """Attempts by their answers: R is right, - is none; the text is the answer, unless it is given."""
    said = texts or tuple(answers)
    return [Attempt(a == "R", None if a == "-" else a, text) for a, text in zip(answers, said, strict=True)]


HAND = [
    [sample("xRR"), sample("RRx")],
    [sample("xxx"), sample("xyR", "abcd", "bd", "R")],
    [sample("RRR"), sample("RxR")],
    [sample("xRx"), sample("--R")],
]
"""4 tasks x 2 samples x 3 attempts: 3 of the 8 first attempts are right."""

BY_HAND = {
    "acc@t1": 3 / 8,
    "acc@t2": 4 / 8,
    "acc@t3": 5 / 8,
    "delta(t1,t2)": 1 / 8,
    "delta(t1,t3)": 2 / 8,
    "i->c(t1,t2)": 2 / 8,  # xRR and xRx
    "i->c(t1,t3)": 3 / 8,  # xRR, xyR and --R
    "c->i(t1,t2)": 1 / 8,  # RxR
    "c->i(t1,t3)": 1 / 8,  # RRx
    "fix rate(t1,t2)": 2 / 5,
    "fix rate(t1,t3)": 3 / 5,
    "break rate(t1,t2)": 1 / 3,
    "break rate(t1,t3)": 1 / 3,
    "answer changed(t1,t2)": 4 / 8,  # xRR, xyR, RxR, xRx
    "answer changed(t1,t3)": 4 / 8,  # xRR, RRx, xyR, --R
    "edit distance(t1,t2)": (1 + 1 / 3 + 1 + 1) / 8,  # abcd to bd: 2 of 6 characters
    "edit distance(t1,t3)": 4 / 8,
    "pass@1 after 0": 3 / 8,
    "pass@1 after 1": 5 / 8,
    "pass@1 after 2": 7 / 8,
    "pass@2 after 0": 2 / 4,
    "pass@2 after 1": 3 / 4,
    "pass@2 after 2": 4 / 4,
    "success refinement rate after 1": 2 / 5,
    "success refinement rate after 2": 4 / 5,  # xRx counts: it was right once
    "m1@t1": 3 / 8,
    "m2@t1": 1 / 4,  # only the third task: in the first, x was seen before R
    "m1@t3": 5 / 8,  # xRR, RRx, RRR, RxR, --R; in xyR each has one vote and x was first
    "p1@t3": 7 / 8,
}


def test_every_figure_by_hand() -> None:
    found = measure(HAND, (1, 2))
    assert {name: value.mean for name, value in found.figures.items()} == pytest.approx(BY_HAND)
    assert (found.tasks, found.episodes, found.layout.turns, found.layout.samples) == (4, 8, 3, 2)


def test_the_shares_add_up_to_the_change() -> None:
    mean = {name: value.mean for name, value in measure(HAND).figures.items()}
    for pair in ("(t1,t2)", "(t1,t3)"):
        assert mean[f"delta{pair}"] == pytest.approx(mean[f"i->c{pair}"] - mean[f"c->i{pair}"])


def test_an_equal_budget_is_shown_where_there_are_samples_enough() -> None:
    assert "m3@t1" not in measure(HAND).figures
    assert "compare m1@t3 with m3@t1, which needs 3 samples a task" in str(measure(HAND))
    wide = [[*task, sample("RRR")] for task in HAND]
    found = measure(wide)
    assert found.figures["m3@t1"].mean == 2 / 4  # x R R, x x R, R R R, x - R (a tie)
    assert "compare m1@t3 with m3@t1;" in str(found)
    assert "m2@t1" not in found.figures


def test_a_rate_among_no_episodes_is_not_defined() -> None:
    found = measure([[sample("xR")], [sample("xx")]])
    assert math.isnan(found.figures["break rate(t1,t2)"].mean)
    assert found.figures["fix rate(t1,t2)"].mean == 0.5
    assert found.to_json()["figures"]["break rate(t1,t2)"] == {"mean": None, "low": None, "high": None}
    assert next(line for line in str(found).splitlines() if "break rate" in line).endswith(" -")
    json.dumps(found.to_json(), allow_nan=False)


def test_replies_without_an_answer_are_compared_as_text() -> None:
    changed = [measure([[sample("--", "hm", said)]]).figures["answer changed(t1,t2)"].mean for said in ("hm", "er")]
    assert changed == [0, 1]


def test_a_break_is_told_from_a_later_one() -> None:
    """RRx breaks at the third attempt only."""
    found = measure([[sample("RRx")]]).figures
    assert (found["c->i(t1,t2)"].mean, found["c->i(t1,t3)"].mean) == (0, 1)


def test_two_attempts_have_one_pair() -> None:
    found = measure([[sample("xR")]])
    assert [name for name in found.figures if name.startswith("delta")] == ["delta(t1,t2)"]


def test_the_table_for_people_says_what_a_reader_must_know() -> None:
    shown = str(measure(HAND, (1, 2), dropped=3, short=2)).splitlines()
    assert shown[0] == "correction: 3 attempts in each of 4 tasks x 2 samples; 95 % intervals over tasks"
    assert shown[1] == "  3 more tasks could not be scored and are left out"
    assert shown[2] == "  2 of 8 episodes ended early: an attempt not made counts as the last one made"
    assert any(line.split()[:2] == ["t2", "0.500"] for line in shown)
    assert any(line.startswith("  accuracy (delta)") and "+0.125 [" in line for line in shown)


def test_a_paired_difference_by_hand() -> None:
    """After: every episode right at once. The fix rate has no denominator then, and no difference."""
    after = [[sample("RRR"), sample("RRR")] for _ in HAND]
    found = difference(HAND, after, (1, 2), left_out=5)
    assert found.figures["acc@t1"].difference.mean == pytest.approx(5 / 8)
    assert found.figures["acc@t1"].p == 0.25  # 3 of 4 tasks changed, all upwards: 2 of 8 patterns
    assert found.figures["delta(t1,t3)"].difference.mean == pytest.approx(-2 / 8)
    assert found.figures["break rate(t1,t3)"].difference.mean == pytest.approx(-1 / 3)
    assert math.isnan(found.figures["fix rate(t1,t3)"].p)
    assert found.to_json()["change"]["fix rate(t1,t3)"] == {"mean": None, "low": None, "high": None, "p": None}
    assert "on the same 4 tasks" in str(found)
    assert "5 tasks that only one has are left out" in str(found)
    assert "+0.625 [" in str(found)
    json.dumps(found.to_json(), allow_nan=False)


def test_a_difference_counts_as_many_votes_as_both_have() -> None:
    wide = [[*task, sample("RRR")] for task in HAND]
    found = difference(HAND, wide)
    assert "m2@t1" in found.figures
    assert "m3@t1" not in found.figures


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: measure([]), "no task could be scored"),
        (lambda: measure(HAND, (1, 3)), "pass@3 needs at least 3 samples a task, got 2"),
        (lambda: difference(HAND, HAND[:3]), "got 4 and 3 tasks, 3 and 3 attempts"),
        (lambda: difference([[sample("xR")]], [[sample("xRR")]]), "got 1 and 1 tasks, 2 and 3 attempts"),
    ],
)
def test_what_cannot_be_is_one_line(call: Any, message: str) -> None:
    with pytest.raises((UsageError, UnscorableError), match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


# Properties.

attempts = st.builds(
    Attempt, st.booleans(), st.sampled_from(["R", "x", "y", None]), st.text(alphabet="abc", max_size=4)
)


@st.composite
def tables(draw: st.DrawFn) -> Table:
    tasks, samples, turns = draw(st.integers(1, 5)), draw(st.integers(1, 3)), draw(st.integers(2, 4))
    episode = st.lists(attempts, min_size=turns, max_size=turns)
    task = st.lists(episode, min_size=samples, max_size=samples)
    return draw(st.lists(task, min_size=tasks, max_size=tasks))


@settings(max_examples=40, deadline=None)
@given(tables())
def test_figures_lie_in_their_bounds_and_intervals_hold_them(table: Table) -> None:
    for name, value in measure(table).figures.items():
        if math.isnan(value.mean):
            assert name.startswith(("fix rate", "break rate", "success refinement"))
            continue
        least = -1 if name.startswith("delta") else 0
        assert least - 1e-9 <= value.low <= value.mean + 1e-9, name
        assert value.mean - 1e-9 <= value.high <= 1 + 1e-9, name


@settings(max_examples=40, deadline=None)
@given(tables(), st.randoms(use_true_random=False))
def test_order_does_not_count_where_no_vote_is_tied(table: Table, random: Any) -> None:
    shuffled = [random.sample(task, len(task)) for task in table]
    mixed = random.sample(shuffled, len(shuffled))
    first, second = measure(table).figures, measure(mixed).figures
    parallel_votes = {name for name in first if name.startswith("m") and name.endswith("@t1") and name != "m1@t1"}
    for name in first.keys() - parallel_votes:  # the answer seen first wins a tie, so samples' order counts there
        assert first[name].mean == pytest.approx(second[name].mean, nan_ok=True), name


@settings(max_examples=20, deadline=None)
@given(tables())
def test_the_identity_and_the_order_of_the_budgets(table: Table) -> None:
    mean = {name: value.mean for name, value in measure(table).figures.items()}
    turns = len(table[0][0])
    for j in {2, turns}:
        assert mean[f"delta(t1,t{j})"] == pytest.approx(mean[f"i->c(t1,t{j})"] - mean[f"c->i(t1,t{j})"])
        assert mean[f"delta(t1,t{j})"] == pytest.approx(mean[f"acc@t{j}"] - mean["acc@t1"])
    assert mean["m1@t1"] <= mean["acc@t1"]  # a right first attempt without an answer has no vote
    assert mean[f"m1@t{turns}"] <= mean[f"p1@t{turns}"] + 1e-9
    assert mean[f"p1@t{turns}"] == pytest.approx(mean[f"pass@1 after {turns - 1}"])
    assert max(mean[f"acc@t{j + 1}"] for j in range(turns)) <= mean[f"p1@t{turns}"] + 1e-9


@settings(max_examples=20, deadline=None)
@given(tables())
def test_nothing_differs_from_itself(table: Table) -> None:
    for name, value in difference(table, table).figures.items():
        assert math.isnan(value.p) or (value.difference.mean, value.p) == (0, 1), name


# The edit distance.


def common(first: str, second: str) -> int:
    """The longest common subsequence, by trying all."""
    found = {"".join(chosen) for n in range(len(first) + 1) for chosen in itertools.combinations(first, n)}
    others = {"".join(chosen) for n in range(len(second) + 1) for chosen in itertools.combinations(second, n)}
    return max(map(len, found & others))


@given(st.text(alphabet="abc", max_size=7), st.text(alphabet="abc", max_size=7))
def test_the_edit_ratio_equals_trying_all(first: str, second: str) -> None:
    total = len(first) + len(second)
    expected = (total - 2 * common(first, second)) / total if total else 0.0
    assert edit_ratio(first, second) == pytest.approx(expected)
    assert edit_ratio(first, second) == edit_ratio(second, first)


def test_long_texts_are_compared_whole() -> None:
    text = "one two three " * 1000
    assert edit_ratio(text, text + "x" * 14_000) == pytest.approx(14_000 / 42_000)
