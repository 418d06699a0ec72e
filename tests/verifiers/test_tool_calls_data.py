"""The Berkeley leaderboard's rows: its own answers are right, changed ones wrong, and only calls that fit count."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agentrl import registry
from agentrl.errors import DataError
from agentrl.types import Verdict
from agentrl.verifiers._tools.bfcl import Language, call_gold, no_call_gold
from agentrl.verifiers._tools.gold import Gold, read_gold
from agentrl.verifiers._tools.parse import Call, write_calls
from agentrl.verifiers._tools.variants import unlike

DataDir = Callable[[str], Path]

ROWS = {
    "simple_python": 400,
    "simple_java": 100,
    "simple_javascript": 50,
    "multiple": 200,
    "parallel": 200,
    "parallel_multiple": 200,
    "live_simple": 258,
    "live_multiple": 1053,
    "live_parallel": 16,
    "live_parallel_multiple": 24,
}
CONTRADICTIONS = {  # answers that break their own declarations, whatever is put right
    "another type": (
        "live_multiple_552-153-1 live_multiple_595-158-1 live_multiple_596-158-2 live_multiple_731-167-2 "
        "live_multiple_733-167-4 live_multiple_735-167-6 live_multiple_947-197-0 parallel_multiple_21 "
        "parallel_multiple_94 simple_java_26 simple_java_87 simple_java_88"
    ),
    "no member of the enumeration": (
        "live_multiple_87-38-4 live_multiple_750-169-5 live_multiple_835-178-10 live_multiple_871-182-8 "
        "live_parallel_multiple_2-2-0"
    ),
    "an argument that is not declared": (
        "live_multiple_189-83-0 live_multiple_862-181-3 live_multiple_964-207-0 "
        "parallel_multiple_12 parallel_multiple_26"
    ),
    "no possible value at all": "live_simple_106-63-0 live_simple_112-68-0",
}


def rows(folder: Path, category: str) -> Iterator[dict[str, Any]]:
    path = folder / f"BFCL_v4_{category}.json"
    packed = path.with_suffix(".json.gz")
    text = gzip.decompress(packed.read_bytes()).decode() if packed.exists() else path.read_text(encoding="utf-8")
    yield from (json.loads(line) for line in text.splitlines())


def language(category: str) -> Language:
    return "java" if category == "simple_java" else "javascript" if category == "simple_javascript" else "python"


def grade(calls: list[Call], answer: Any) -> Verdict:
    return registry.grade("tool_calls", write_calls(calls, "hermes") if calls else "I call nothing.", answer)


def changed(gold: Gold) -> Iterator[tuple[str, list[Call]]]:
    """Replies that are wrong, each in one way."""
    right = gold.example()
    wanted, (first, *others) = gold.calls[0], right
    for key in list(wanted.arguments.fields)[:2]:
        peers = [c.arguments.fields[key] for c in gold.calls if c.name == wanted.name and key in c.arguments.fields]
        other = unlike([example for peer in peers for example in peer.examples()])
        value = "none of them" if other is None else other
        yield "another value", [Call(first.name, {**first.arguments, key: value}), *others]
        if key not in wanted.arguments.optional:
            left = {k: v for k, v in first.arguments.items() if k != key}
            yield "an argument less", [Call(first.name, left), *others]
    yield "an argument more", [Call(first.name, {**first.arguments, "zq": 1}), *others]
    yield "another function", [Call(next((t for t in gold.tools if t != first.name), "zq"), first.arguments), *others]
    yield "a call twice", [first, *right]
    yield "a call less", others


@pytest.mark.parametrize("category", ROWS)
def test_answers_are_right_and_changed_ones_wrong(data_dir: DataDir, category: str) -> None:
    folder = data_dir("bfcl_v4")
    answers = {row["id"]: row["ground_truth"] for row in rows(folder / "possible_answer", category)}
    unusable, seen, wrong = set(), Counter[str](), []
    for row in rows(folder, category):
        seen["row"] += 1
        try:
            answer = call_gold(row["function"], answers[row["id"]], language=language(category))
            gold = read_gold(answer)
        except DataError:
            unusable.add(row["id"])
            continue
        if not grade(gold.example(), answer).success:
            wrong.append((row["id"], "the answer itself"))
        for name, calls in changed(gold):
            seen[name] += 1
            if grade(calls, answer).score:
                wrong.append((row["id"], name))
    assert wrong == []
    assert seen["row"] == ROWS[category]
    known = {id for ids in CONTRADICTIONS.values() for id in ids.split() if id.startswith(f"{category}_")}
    assert unusable == known - {id for id in known if id not in answers}
    assert min(seen[name] for name in ("an argument more", "another function", "a call twice", "a call less")) == (
        seen["row"] - len(unusable)
    )
    assert seen["another value"] > 0.9 * seen["row"]


@pytest.mark.parametrize(("category", "count"), [("irrelevance", 240), ("live_irrelevance", 884)])
def test_only_words_answer_where_nothing_fits(data_dir: DataDir, category: str, count: int) -> None:
    found: Counter[tuple[str, float]] = Counter()
    for row in rows(data_dir("bfcl_v4"), category):
        gold = no_call_gold(row["function"]) if row["function"] else None
        if gold is None:
            found["no function", 0.0] += 1
            continue
        name = row["function"][0]["name"]
        replies = {
            "call": write_calls([Call(name, {})], "hermes"),
            "text": f"I can help with that: {name}(x=1",
            "python": f"[{name.replace('.', '_')}()]",
            "junk": "abc",
            "empty": "",
            "sentence": "Sorry, none of the tools at hand can do that.",
        }
        for kind, reply in replies.items():
            found[kind, registry.grade("tool_calls", reply, gold).score] += 1
    usable = count - found.pop(("no function", 0.0), 0)
    wanted = {("sentence", 1.0): usable} | {(k, 0.0): usable for k in ("call", "text", "python", "junk", "empty")}
    assert found == wanted
