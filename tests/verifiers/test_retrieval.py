"""Retrieval metrics: numbers worked out by hand, and no gain from copies, junk or returning everything."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from agentrl.errors import ConfigError
from agentrl.golds import gold_problem, mutated_golds, rewritten_golds
from agentrl.registry import grade
from agentrl.types import SCORED, Verdict
from agentrl.verifiers.retrieval import CASES, MAX_ENTRIES, Metric

METRICS = tuple(metric for metric in get_args(Metric) if metric != "multi_hop")  # of a list alone
GRADED = {f"d{i}": rel for i, rel in enumerate((3, 2, 3, 0, 1, 2))}
LETTERS = {"relevant": ["a", "b", "c"]}
NAMES = tuple(f"n{i}" for i in range(8))

judgements = st.builds(
    lambda grades, k: {"relevant": grades, "k": k},
    st.dictionaries(st.sampled_from(NAMES), st.integers(-1, 4), min_size=1).filter(lambda g: max(g.values()) > 0),
    st.one_of(st.none(), st.integers(1, 6)),
)
lists = st.lists(st.sampled_from((*NAMES, "junk")), min_size=1, max_size=12)
metrics = st.sampled_from(METRICS)


def score(ids: list[Any], answer: Any, metric: str = "ndcg") -> float:
    return grade("retrieval", json.dumps(ids), answer, metric=metric).score


@pytest.mark.parametrize(("metric", "expected"), [("ndcg", 0.9488), ("ndcg_linear", 0.9608)])
def test_ndcg_of_the_textbook_list(metric: str, expected: float) -> None:
    """Grades 3, 2, 3, 0, 1, 2 as submitted."""
    for k in (6, None):
        assert score(list(GRADED), {"relevant": GRADED, "k": k}, metric) == pytest.approx(expected, abs=5e-5)


def test_the_ideal_list_is_of_all_judged_documents() -> None:
    """Returned alone, d1 has DCG 3 / 1; the best first document has 7."""
    assert score(["d1"], {"relevant": GRADED, "k": 1}) == pytest.approx(3 / 7)
    best = 7 + 7 / 1.584963 + 3 / 2 + 3 / 2.321928 + 1 / 2.584963
    assert score(["d0"], {"relevant": GRADED}) == pytest.approx(7 / best, abs=1e-6)


@pytest.mark.parametrize(
    ("metric", "ids", "k", "expected"),
    [
        ("recall", "azb", None, 2 / 3),
        ("recall", "azb", 1, 1 / 3),
        ("precision", "azb", None, 2 / 3),
        ("precision", "azb", 2, 1 / 2),
        ("precision", "azb", 10, 2 / 10),  # a short list is not precise at ten
        ("precision", "aaaa", None, 1 / 4),
        ("f1", "azb", None, 2 * 2 / (3 + 3)),
        ("f1", "aab", None, 2 * 2 / (2 + 3)),
        ("f1", "abcz", 3, 1.0),
        ("ap", "azbyc", None, (1 + 2 / 3 + 3 / 5) / 3),
        ("ap", "zab", None, (1 / 2 + 2 / 3) / 3),
        ("ap", "azb", 2, (1 / 1) / 2),
        ("mrr", "zza", None, 1 / 3),
        ("mrr", "zz", None, 0.0),
        ("hit", "zzc", None, 1.0),
        ("hit", "zzc", 2, 0.0),
        ("success", "zzc", 3, 1.0),
        ("completeness", "cab", None, 1.0),
        ("completeness", "ca", None, 0.0),
        ("completeness", "cab", 2, 0.0),
        ("ndcg", "za", None, (1 / 1.584963) / (1 + 1 / 1.584963 + 1 / 2)),
    ],
)
def test_numbers_by_hand(metric: str, ids: str, k: int | None, expected: float) -> None:
    assert score(list(ids), {**LETTERS, "k": k}, metric) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("metric", ["ndcg", "ndcg_linear", "ap", "mrr"])
def test_a_copy_keeps_its_rank(metric: str) -> None:
    assert score(["a", "a", "b"], LETTERS, metric) == score(["a", "junk", "b"], LETTERS, metric)
    assert score(["a", "a", "b", "c"], LETTERS, metric) <= score(["a", "b", "c"], LETTERS, metric)


@settings(deadline=None, max_examples=200)
@given(judgements, lists, metrics, st.integers(0, 11))
@example({"relevant": {"n0": 1}, "k": 4}, ["n0", "n0", "n0", "n1"], "f1", 0)
def test_a_copy_never_gains(answer: Any, ids: list[str], metric: str, place: int) -> None:
    doubled = [*ids[: place + 1], *ids[min(place, len(ids) - 1) :]]
    assert score(doubled, answer, metric) <= score(ids, answer, metric)


@settings(deadline=None, max_examples=200)
@given(judgements, lists, metrics)
def test_correct_means_exactly_one(answer: Any, ids: list[str], metric: str) -> None:
    verdict = grade("retrieval", json.dumps(ids), answer, metric=metric)
    assert 0 <= verdict.score <= 1
    assert (verdict.score == 1) == (verdict.status == "correct")
    assert (verdict.score == 0) == (verdict.status == "incorrect")
    assert grade("retrieval", "\n".join(ids), answer, metric=metric) == verdict


@settings(deadline=None, max_examples=100)
@given(judgements)
def test_only_the_best_orders_have_an_ndcg_of_one(answer: Any) -> None:
    grades = {id: max(0, rel) for id, rel in answer["relevant"].items()}
    best = sorted(grades.values(), reverse=True)[: answer["k"]]
    for ids in itertools.islice(itertools.permutations(grades), 60):
        gains = [grades[id] for id in ids][: answer["k"]]
        assert (score(list(ids), answer) == 1) == (gains == best)


def test_ties_stand_in_any_order() -> None:
    for ids in itertools.permutations(("a", "b", "c")):
        assert score(list(ids), LETTERS) == 1


def test_negative_grades_count_as_nothing() -> None:
    answer = {"relevant": {"a": 2, "bad": -5}}
    assert score(["bad", "a"], answer) == score(["junk", "a"], answer)
    assert score(["a", "bad"], answer) == 1


def test_huge_grades_do_not_round_to_one() -> None:
    answer = {"relevant": {"a": 100, "b": 1}}
    verdict = grade("retrieval", '["a"]', answer)
    assert verdict.status == "partial"
    assert verdict.score == pytest.approx(1)


def test_a_long_list_is_cut() -> None:
    junk = [f"j{i}" for i in range(MAX_ENTRIES)]
    assert score([*junk, "a"], LETTERS, "hit") == 0
    assert score([*junk[1:], "a"], LETTERS, "hit") == 1


@pytest.mark.parametrize("metric", ["precision", "f1"])
def test_returning_everything_does_not_win(metric: str) -> None:
    everything = [*"abc", *(f"j{i}" for i in range(97))]
    assert score(everything, LETTERS, metric) < 0.1
    assert score(["a"], LETTERS, metric) >= 0.5


@pytest.mark.parametrize("id", ["- a", "1. FC", "[1] a", "**a**", "`a`", "(2) x", "- `a`"])
def test_an_id_that_looks_like_an_entry_of_a_list_is_itself(id: str) -> None:
    answer = {"relevant": [id]}
    for reply in (id, f"- {id}", f"1. {id}", json.dumps([id])):
        assert grade("retrieval", reply, answer).success, reply
    assert not grade("retrieval", "a", answer).success


def test_integers_and_their_texts_are_one_id() -> None:
    assert score([7, "9"], {"relevant": [9, "7"]}) == 1


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        ("[true]", "malformed"),
        ("[1.5]", "malformed"),
        ('[{"id": "a"}]', "malformed"),
        ("[null]", "malformed"),
        ('["a"] and more', "malformed"),
        ("[" * 100_000, "malformed"),
        ("[" * 60 + "]" * 60, "malformed"),
        ("[" + "9" * 500 + "]", "malformed"),
        ("a" * 501, "malformed"),
        ("x\n" * 60_000, "malformed"),
        ("```\na\n```\n```\nb\n```", "malformed"),
        ("```\na\nb\nc\n```", "correct"),
        ("Here they are:\na\nb\nc", "partial"),  # a line that is no id takes its rank
        ("- a\n- b\n- c", "correct"),
        ("* a\n  * b\n+ c", "correct"),
        ("\u2022 a\n\u2022 b\n\u2022 c", "correct"),
        ("1. a\n2. b\n3. c", "correct"),
        ("1) a\n(2) b\n3)  c", "correct"),
        ("[1] a\n[2] b\n[3] c", "correct"),
        ("```\n[1] a\n[2] b\n[3] c\n```", "correct"),
        ('1. **a**\n2. `b`\n3. "c"', "correct"),
        ("- a\n- a\n- b\n- c", "partial"),  # a copy keeps its rank
        ("Here they are:\n- a\n- b\n- c", "partial"),
        ("- a b c", "incorrect"),
        ("- a - b - c", "incorrect"),
        ("1.a\n2.b\n3.c", "incorrect"),  # an id may look like that
        ("- - a\n- - b\n- - c", "incorrect"),
        ("[1]\na", "malformed"),
        ("[1] [2]", "incorrect"),
        ("<think>a\nb\nc", "no_answer"),
        ("<think>x</think>a\nb\r\nc", "correct"),
        ("```\n```", "no_answer"),
        ('{"ids": ["a", "b", "c"]}', "incorrect"),
    ],
)
def test_how_replies_are_read(reply: str, status: str) -> None:
    assert grade("retrieval", reply, LETTERS).status == status


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (None, "must be"),
        ("a", "must be"),
        ({"relevant": "abc"}, "must be"),
        ({"relevant": []}, "1 to 1000 relevant"),
        ({"relevant": {"a": 0}}, "1 to 1000 relevant"),
        ({"relevant": {"a": True}}, "grade"),
        ({"relevant": {"a": float("nan")}}, "grade"),
        ({"relevant": {"a": 101}}, "grade"),
        ({"relevant": {"a": "3"}}, "grade"),
        ({"relevant": [["a"]]}, "id"),
        ({"relevant": [10**5000]}, "id"),
        ({"relevant": [""]}, "id"),
        ({"relevant": ["a"], "k": 2.0}, "k must be"),
        ({"relevant": ["a"], "k": True}, "k must be"),
        ({"relevant": {"a": 1, " a ": 3}}, "two ids are the same"),
    ],
)
def test_a_bad_gold_is_the_tasks_fault(answer: Any, words: str) -> None:
    verdict = grade("retrieval", '["a"]', answer)
    assert verdict.status == "task_invalid"
    assert words in verdict.feedback
    assert words in gold_problem("retrieval", answer)


@pytest.mark.parametrize("metric", ["nDCG", "", None, [], "recal"])
def test_an_unknown_metric_is_the_callers_fault(metric: Any) -> None:
    with pytest.raises(ConfigError, match=r"metric must be one of ndcg, .*; got"):
        grade("retrieval", '["a"]', LETTERS, metric=metric)


@settings(deadline=None, max_examples=100)
@given(judgements, metrics)
def test_golds_rewrites_and_mutations(answer: Any, metric: str) -> None:
    options = {"metric": metric}
    problem = gold_problem("retrieval", answer, options)
    assert problem == "" or "cannot be 1" in problem
    if problem:
        return
    for other in rewritten_golds("retrieval", answer, options):
        assert grade("retrieval", other, answer, **options).success, other
    for other in mutated_golds("retrieval", answer, options):
        assert not grade("retrieval", other, answer, **options).success, other


@pytest.mark.parametrize(
    ("k", "metric"), [(4, "precision"), (2, "recall"), (2, "f1"), (2, "completeness")], ids=lambda x: str(x)
)
def test_a_gold_that_cannot_be_reached_is_named(k: int, metric: str) -> None:
    assert "cannot be 1" in gold_problem("retrieval", {**LETTERS, "k": k}, {"metric": metric})
    assert gold_problem("retrieval", {**LETTERS, "k": 3}, {"metric": metric}) == ""


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("reply", ["", "Which of these documents answer the question?", '["a-1"]', "noise 7 " * 1250])
def test_constant_policies_score_nothing(reply: str, metric: str) -> None:
    for answer, _, _, status in CASES:
        if status != "task_invalid":
            assert grade("retrieval", reply, answer, metric=metric).score == 0


@settings(deadline=None, max_examples=200)
@given(st.one_of(st.text(), st.text(alphabet='[]{}",a1\\`\n -')), metrics)
def test_no_text_raises(reply: str, metric: str) -> None:
    verdict = grade("retrieval", reply, LETTERS, metric=metric)
    assert verdict.status in SCORED
    assert 0 <= verdict.score <= 1


def test_the_verdict_does_not_show_the_gold() -> None:
    answer = {"relevant": {"secret-document": 3, "a": 1}}
    verdicts: list[Verdict] = [grade("retrieval", said, answer) for said in ('["a"]', '["b"]', "", "[", "a\nb")]
    assert "secret" not in repr(verdicts)
    assert [check.passed for check in verdicts[4].checks] == [True, False]


@settings(deadline=None)
@given(lists)
def test_unknown_documents_never_help(ids: list[str]) -> None:
    assume("n0" in ids)
    for metric in METRICS:
        assert score(["junk", *ids], {"relevant": ["n0"]}, metric) <= score(ids, {"relevant": ["n0"]}, metric)


HOPS = {"relevant": ["a", "b", "c"], "k": 3, "answer": ["The Seine", "Rh\u00f4ne"]}


@pytest.mark.parametrize(
    ("said", "ids", "expected"),
    [
        ("the Seine", "abc", 1.0),
        (" seine. ", "cab", 1.0),
        ('"Rh\u00f4ne"', "cba", 1.0),
        ("The Seine", "azb", 2 / 3),
        ("The Seine", "aab", 2 / 3),
        ("The Seine", "zyxabc", 0.0),  # what stands after the k-th does not count
        ("The Seine", "z", 0.0),
        ("The Loire", "abc", 0.0),
        ("", "abc", 0.0),
        ("The", "abc", 0.0),
        ("The Seine or the Loire", "abc", 0.0),
        ("The Seine, Rh\u00f4ne", "abc", 0.0),
        ("S.eine", "abc", 0.0),
    ],
)
def test_multi_hop_is_the_answer_times_its_evidence(said: str, ids: str, expected: float) -> None:
    reply = json.dumps({"evidence": list(ids), "answer": said})
    for written in (reply, f"<think>no</think>\n```json\n{reply}\n```"):
        verdict = grade("retrieval", written, HOPS, metric="multi_hop")
        assert verdict.score == pytest.approx(expected)
        assert (verdict.status == "correct") == (expected == 1)
        assert verdict.checks[0].name == "answer"


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        ("", "no_answer"),
        ('{"answer": "The Seine", "evidence": []}', "no_answer"),
        ('{"answer": "The Seine"}', "malformed"),
        ('{"answer": ["The Seine", "x"], "evidence": ["a"]}', "malformed"),
        ('{"answer": "The Seine", "evidence": "abc"}', "malformed"),
        ('{"answer": "The Seine", "evidence": {"a": 1}}', "malformed"),
        ('{"answer": "x", "answer": "The Seine", "evidence": ["a"]}', "malformed"),
        ('["a", "b", "c"]', "malformed"),
        ("The Seine: a, b, c", "malformed"),
        ('{"answer": ' + "[" * 90_000, "malformed"),
    ],
)
def test_how_multi_hop_replies_are_read(reply: str, status: str) -> None:
    assert grade("retrieval", reply, HOPS, metric="multi_hop").status == status


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"k": None}, "needs k"),
        ({"k": 2}, "cannot be 1"),
        ({"answer": None}, 'needs "answer"'),
        ({"answer": []}, 'needs "answer"'),
        ({"answer": ["x", 7]}, "must be a text"),
        ({"answer": " . "}, "must be a text"),
        ({}, ""),
        ({"answer": "'A'."}, ""),
        ({"answer": 'an "x". '}, ""),
    ],
)
def test_golds_of_multi_hop(change: dict[str, Any], words: str) -> None:
    answer, options = {**HOPS, **change}, {"metric": "multi_hop"}
    problem = gold_problem("retrieval", answer, options)
    assert words in problem
    assert bool(problem) == bool(words)
    if not problem:
        assert all(
            grade("retrieval", said, answer, **options).success
            for said in rewritten_golds("retrieval", answer, options)
        )


def test_tool_selection_of_metatool(data_dir: Callable[[str], Path]) -> None:
    folder = data_dir("metatool")
    rows = json.loads((folder / "multi_tool_query_golden.json").read_text(encoding="utf-8"))
    known = sorted({tool for row in rows for tool in row["tool"]})
    assert len(rows) == 497
    for row in rows[::5]:
        answer = {"relevant": row["tool"]}
        assert gold_problem("retrieval", answer, {"metric": "f1"}) == ""
        assert score(known, answer, "f1") == pytest.approx(2 * 2 / (len(known) + 2))


def test_a_tiny_grade_still_counts() -> None:
    gold = {"relevant": {"a": 1e-17}}
    assert grade("retrieval", "a", gold).score == 1.0
    assert grade("retrieval", "b", gold).score == 0.0
