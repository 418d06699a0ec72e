"""Golds: what they may state, which cannot be used and why, their other spellings and their mutations."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentrl.errors import DataError
from agentrl.golds import gold_problem, gold_reply, mutated_golds, rewritten_golds
from agentrl.registry import grade
from agentrl.verifiers._math.golds import Stated, gold_of
from agentrl.verifiers._reading.extract import last_boxed
from agentrl.verifiers.math import CASES


@pytest.mark.parametrize(
    ("gold", "why"),
    [
        ("", "empty"),
        ("9" * 401, "larger than an answer may be"),
        ("9^{9^9}", "larger than an answer may be"),
        (None, "it is NoneType"),
        ([5], "it is list"),
        (True, "needs the kind boolean"),
        ({}, "it is NoneType"),
        ({"value": {"value": "5"}}, "its value is a mapping"),
        ({"value": "5", "unity": "m"}, "did you mean 'unit'"),
        ({"value": "5", "unit": "flurbs"}, "'flurbs' is not known"),
        ({"value": "5 cm", "unit": "m"}, "a value that has none"),
        ({"value": "5", "kind": "number"}, "no kind 'number'"),
        ({"value": "x", "kind": "integer"}, "it is no integer"),
        ({"value": "1/2", "kind": "integer"}, "it is no integer"),
        ({"value": "5", "kind": "set"}, "it is no set"),
        ({"value": "AB", "kind": "choice"}, "one letter"),
        ({"value": "maybe", "kind": "boolean"}, "true, false, yes or no"),
        ({"value": "5", "form": "short"}, "no form 'short'"),
        ({"value": "x^2-1", "form": "factored"}, "the form factored itself"),
        ({"value": "5", "places": 2, "figures": 3}, "places and figures"),
        ({"value": "5", "places": "2"}, "whole numbers"),
        ({"value": "5", "places": True}, "whole numbers"),
        ({"value": "5", "aliases": "five"}, "a list of texts"),
        ({"value": "5", "aliases": [""]}, "an alias cannot be read"),
    ],
)
def test_a_gold_that_cannot_be_used_says_why(gold: Any, why: str) -> None:
    verdict = grade("math", r"\boxed{5}", gold)
    assert verdict.status == "task_invalid"
    assert why in verdict.feedback
    with pytest.raises(DataError, match="no usable answer"):
        gold_reply("math", gold)


@pytest.mark.parametrize(
    "reply", ["", r"\boxed{}", r"\boxed{" + "9" * 500, r"\boxed{9^{9^9}}", "\ud800", r"\boxed{\$}"]
)
def test_no_reply_makes_the_task_invalid(reply: str) -> None:
    for gold in ("5", r"\sqrt2", "1, 2, \\ldots, n", {"value": "36", "unit": "km/h", "places": 1}):
        assert grade("math", reply, gold).status in ("no_answer", "malformed", "incorrect")


def test_what_a_gold_states_goes_before_the_options() -> None:
    gold = {"value": "1/3", "places": 2}
    assert grade("math", r"\boxed{0.33}", gold, rounding={"places": 4}).success
    assert not grade("math", r"\boxed{0.33}", "1/3", rounding={"places": 4}).success


@pytest.mark.parametrize(
    ("kind", "gold", "right", "wrong"),
    [
        ("integer", "101_2", "5", "101"),
        ("rational", "0.5", "1/2", "1/3"),
        ("percent", "50", r"50\%", r"5\%"),
        ("money", "5", r"\$5.00", r"\$6"),
        ("set", "1, 2", r"\{2, 1\}", "1"),
        ("tuple", "1, 2", "(1, 2)", "(2, 1)"),
        ("interval_union", "(1, 2)", r"x \in (1,2)", "[1,2]"),
        ("equation", "y = x", "x - y = 0", "x + y = 0"),
        ("inequality", "x > 1", "1 < x", "x < 1"),
        ("choice", "b", r"\text{(B)}", "C"),
        ("text", "New York", r"\text{new york}", "York"),
        ("boolean", "true", r"\text{Yes}", r"\text{No}"),
        ("base_n", "77_8", "77_{8}", "63"),
    ],
)
def test_stated_kinds(kind: str, gold: str, right: str, wrong: str) -> None:
    assert grade("math", rf"\boxed{{{right}}}", gold, kind=kind).status == "correct"
    assert grade("math", rf"\boxed{{{wrong}}}", gold, kind=kind).status == "incorrect"


def test_a_gold_is_read_once() -> None:
    assert gold_of("123/457", Stated()) is gold_of("123/457", Stated())


def usable() -> list[tuple[Any, dict[str, Any]]]:
    rows = {repr((row[0], row[2])): (row[0], row[2]) for row in CASES if row[3] != "task_invalid"}
    return list(rows.values())


def test_golds_of_the_table_hold_their_own_replies_and_refuse_mutations() -> None:
    seen = 0
    for gold, options in usable():
        assert gold_problem("math", gold, options) == "", gold
        for reply in rewritten_golds("math", gold, options):
            seen += 1
            assert grade("math", reply, gold, **options).success, (gold, reply)
    assert seen > 150


@pytest.mark.parametrize(
    ("gold", "others"),
    [
        ("5", ["6", "-5"]),
        ("(1,2)", ["(2,2)", "[1,2)", "(1,2]", "(2,1)"]),
        ("B", ["A"]),
        ("true", ["false"]),
        (r"\text{(A)}", [r"\text{(B)}"]),
    ],
)
def test_mutations(gold: str, others: list[str]) -> None:
    options = {"kind": "boolean"} if gold == "true" else {}
    replies = list(mutated_golds("math", gold, options))
    assert [last_boxed(str(reply)) for reply in replies] == others
    assert not any(grade("math", reply, gold, **options).success for reply in replies)


def rows(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def test_golds_of_the_public_set_accept_themselves_and_refuse_their_mutations(
    data_dir: Callable[[str], Path],
) -> None:
    found = [row for split in ("train", "test") for row in rows(data_dir("math") / f"{split}.jsonl.gz")]
    golds = {last_boxed(row["solution"]) or row["answer"] for row in found} - {""}
    assert len(golds) == 4339
    statuses: Counter[str] = Counter()
    for index, gold in enumerate(sorted(golds)):
        replies = [gold_reply("math", gold), *(rewritten_golds("math", gold) if index % 4 == 0 else ())]
        for reply in replies:
            assert reply is not None
            assert grade("math", reply, gold).success, (gold, reply)
        for reply in mutated_golds("math", gold) if index % 4 == 1 else ():
            assert grade("math", reply, gold).score == 0, (gold, reply)
            statuses["mutated"] += 1
        statuses["right"] += len(replies)
    assert statuses["right"] > 7_000
    assert statuses["mutated"] > 1_500
