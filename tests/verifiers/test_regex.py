"""The regex verifier: whole answers, bounded in time."""

from __future__ import annotations

import asyncio
import multiprocessing
import re
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentrl import registry
from agentrl.errors import ConfigError
from agentrl.golds import gold_problem, gold_reply, mutated_golds, rewritten_golds
from agentrl.registry import grade
from agentrl.types import SCORED
from agentrl.verifiers import regex
from agentrl.verifiers._reading import patterns
from agentrl.verifiers._reading.patterns import MAX_CHARS, is_simple

DATE = {"pattern": r"\d{4}-\d{2}-\d{2}", "example": "2024-02-29"}
HARD = {
    r"(x+x+)+y": "x" * 40,
    r"(a|aa)+b": "a" * 60,
    r"(.*)*=": "a" * 40,
    r"(\w+\s?)+$": "a" * 40 + "!",
    r".*.*.*=.*!": "=" * 5000,
}

atoms = st.sampled_from(
    ["a", "b", ".", "[ab]", r"\d", "[^a]", "(?:a|b)", "(ab)", "a?", "a{2}", "b+", ".*", "a{1,3}", "|", "^", "$"]
)
written = st.lists(atoms, min_size=1, max_size=8).map("".join)


@pytest.mark.parametrize("pattern", HARD)
def test_a_pattern_that_blows_up_times_out(pattern: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_simple(pattern)
    monkeypatch.setattr(patterns._workers(), "timeout_s", 0.2)
    verdict = grade("regex", HARD[pattern], pattern)
    assert (verdict.score, verdict.status) == (0.0, "timeout")


def test_workers_serve_on_after_a_timeout() -> None:
    assert grade("regex", "x" * 40, "(x+x+)+y").status == "timeout"
    assert grade("regex", "xxxxy", "(x+x+)+y").status == "correct"


def test_decisions_are_kept_but_timeouts_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def guarded(pattern: str, flags: int, said: str, how: str) -> str:
        asked.append(said)
        return "timeout" if said == "slow" else "no_match"

    monkeypatch.setattr(regex, "guarded", guarded)
    for said in ("quick", "slow", "quick", "slow"):
        grade("regex", said, r"(kept)\1")
    assert asked == ["", "quick", "slow", "slow"]


def test_threads_agree() -> None:
    replies = ["aa", "ab", "bb", "ba"] * 4
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda reply: grade("regex", reply, r"(a|b)\1").success, replies))
    assert found == [True, False, True, False] * 4


def statuses(id: str) -> list[str]:
    rows = registry.load_module("verifier", id).CASES
    return [grade(id, response, answer, **options).status for answer, response, options, _ in rows]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_other_processes_and_asyncio_agree(method: str) -> None:
    ids = ["choice", "instructions", "regex"]
    here = [statuses(id) for id in ids]
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context(method)) as pool:
        assert list(pool.map(statuses, ids)) == here

    async def there() -> list[list[str]]:
        return list(await asyncio.gather(*(asyncio.to_thread(statuses, id) for id in ids)))

    assert asyncio.run(there()) == here


@settings(deadline=None)
@given(written, st.text("ab1 \n", max_size=12))
def test_a_simple_pattern_matches_as_python_says(pattern: str, reply: str) -> None:
    if not is_simple(pattern) or re.fullmatch(pattern, ""):
        return
    verdict = grade("regex", reply, pattern)
    said = reply.strip()
    assert verdict.success == bool(said and re.fullmatch(pattern, said))


@settings(deadline=None)
@given(st.text(r"ab()[]{}?*+|\.^$-1,:=", max_size=12))
def test_arbitrary_patterns_never_raise(pattern: str) -> None:
    if len(re.findall(r"[*+?{|]", pattern)) < 4:
        assert grade("regex", "ab", pattern).score in (0.0, 1.0)


def test_simple_patterns_are_those_without_a_blow_up() -> None:
    simple = (r"\d+", "[a-z]+[0-9]", r"\(\d{3}\)\*+", "yes|no|maybe", "(?:yes|no)!", r"[\]*+?]{3}", "a?b?c?d+", r"\\1")
    assert [pattern for pattern in simple if not is_simple(pattern)] == []
    hard = (
        "(a)+",
        "(a|b)*",
        "(?:ab){2}",
        r"(a)\1",
        "a+b+",
        "a*?b*?",
        "a{1,}b+",
        "(?=a)a",
        "(?P<x>a)",
        "(?i)a",
        "a?" * 30,
    )
    assert [pattern for pattern in hard if is_simple(pattern)] == []
    assert not is_simple("(a|a)" * 30)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (None, "it must be a pattern or"),
        ({"regex": "a"}, "it must be a pattern or"),
        ("", "1 to 2000 characters"),
        (7, "it must be a pattern or"),
        ("(", "it is no pattern: missing )"),
        ("a{1,99999999999}", "it is no pattern"),
        ("(" * 1000, "it is no pattern"),
        ("(?<\n)a", "it is no pattern: unknown extension"),
        ("(?u)a", "it is no pattern: ASCII and UNICODE"),
        ("[[a]", "escape them"),
        ("x[[", "escape them"),
        ("[a--b]", "escape them"),
        ("[a&&b]", "escape them"),
        ("[^a||b]", "escape them"),
        ("[]~~]", "escape them"),
        (r"[\[a\-\-&|~]", ""),
        (r"\[[a]|--&&", ""),
        ("a?", "it matches the empty text"),
        ("(a|b)*", "it matches the empty text"),
        ({"pattern": "a", "flags": "dotall"}, "flags must be a list"),
        ({"pattern": "a", "flags": ["dotal"]}, "did you mean 'dotall'?"),
        ({"pattern": "a", "example": 3}, "the example must be a text"),
        ({"pattern": "a", "example": "b"}, "its own reply is incorrect"),
    ],
)
def test_gold_that_cannot_be_used_says_why(answer: Any, why: str) -> None:
    problem = gold_problem("regex", answer)
    assert why in problem
    assert bool(problem) == bool(why)
    assert "\n" not in problem


def test_gold_with_an_example() -> None:
    for mode in ("boxed", "hash", "answer_line", "answer_tag", "final"):
        assert gold_problem("regex", DATE, {"extract": mode}) == ""
        for reply in rewritten_golds("regex", DATE, {"extract": mode}):
            assert grade("regex", reply, DATE, extract=mode).success
        wrong = list(mutated_golds("regex", DATE, {"extract": mode}))
        assert len(wrong) == 2
        assert not any(grade("regex", reply, DATE, extract=mode).success for reply in wrong)
    assert gold_reply("regex", r"\d+") is None


def test_flags() -> None:
    lines = {"pattern": "a.b", "flags": ["dotall", "ignorecase"]}
    assert grade("regex", "A\nB", lines).success
    assert not grade("regex", "A\nB", "a.b").success
    assert grade("regex", "aa\nAA", {"pattern": r"(a+)\n\1", "flags": ["ignorecase"]}).success  # in a worker


@pytest.mark.parametrize(
    ("pattern", "reply"),
    [
        (r"\d+", "\u0664\u0662"),
        (r"(\d)\1", "\u0664\u0664"),  # in a worker
        (r"\w+", "caf\u00e9"),
        (r"a\sb", "a\u2003b"),
        (r"[0-9]+", "\uff14\uff12"),
    ],
)
def test_other_scripts_only_where_the_task_says_so(pattern: str, reply: str) -> None:
    assert grade("regex", reply, pattern).status == "incorrect"
    wide = {"pattern": pattern, "flags": ["unicode"]}
    assert grade("regex", reply, wide).success == (pattern != "[0-9]+")


@settings(deadline=None)
@given(st.text("[]^-&~|ab", max_size=10))
def test_no_class_makes_python_warn(pattern: str) -> None:
    """A warning is an error in these tests."""
    assert grade("regex", "ab", pattern).score in (0.0, 1.0)


def test_feedback_never_shows_the_pattern() -> None:
    for reply in ("", "no", "x" * 20_000):
        assert "secret" not in grade("regex", reply, "secret[0-9]+").feedback


def test_wrong_option_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"extract must be one of .*; got 'all'"):
        grade("regex", "a", "a", extract="all")


@settings(deadline=None)
@given(st.text())
def test_arbitrary_text_never_raises(reply: str) -> None:
    for pattern in (DATE, r"(\w)\1+"):
        assert grade("regex", reply, pattern).status in SCORED


@pytest.mark.parametrize("reply", ["", "Give a date.", "0000", "lorem ipsum 7 dolor " * 500, "2" * (MAX_CHARS + 1)])
def test_constant_policies_score_nothing(reply: str) -> None:
    assert grade("regex", reply, DATE).score == 0
