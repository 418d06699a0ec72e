"""What a policy may try against `tool_calls` and `state`, and what may come from it."""

from __future__ import annotations

import asyncio
import itertools
import json
import multiprocessing
import random
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agentrl import registry
from agentrl.golds import gold_problem, rewritten_golds
from agentrl.types import SCORED, Message, Task, ToolCall, Transcript, Verdict
from agentrl.verifiers import tool_calls
from agentrl.verifiers._tools import patterns
from agentrl.verifiers._tools.cases import NONE_FITS, NUMBER, OVERLAP, PAIR, PARALLEL
from agentrl.verifiers._tools.irrelevance import attempts, is_natural
from agentrl.verifiers._tools.parse import Call, write_calls
from agentrl.verifiers._tools.pycalls import format_calls, parse_calls
from agentrl.verifiers._tools.values import same


def grade(reply: str | Transcript, gold: Any, **options: Any) -> Verdict:
    return registry.grade("tool_calls", reply, gold, **options)


FLIGHTS = {
    "tools": [{"name": "get_fare", "parameters": {"properties": {"to": {"type": "string"}}}}, {"name": "find.all"}],
    "irrelevant": True,
}


@pytest.mark.parametrize(
    "reply",
    [
        "abc",
        "abc abc abc abc abc",
        "Yes.",
        "Which",
        "aa bb cc dd",
        "аа бб вв гг",
        "foo bar baz qux",
        "東京大阪京都札幌",
        "no " * 12,
        "....... ?!",
        "0",
        "[]",
        "{}",
        '{"answer": "none of the tools can do this for you"}',
        "x" * 500,
        "asdf " * 50,
        "the tool " * 3000,
        "q w e r t y u i o p",
        "sorry извините συγγνώμη סליחה hayır бебе",
        "<tool_call>",
        "</tool_call> Sorry, none of these tools can answer that.",
        "Sorry, none can. <tool_call>{",
        'Sorry, none of these tools can. {"name": "get_fare", "parameters": {',
        "Sorry, none of these tools can do it, so get_fare(to='Rome') it is",
        "Sorry, none of these tools can do it, so get_fare (to='Rome') it is",
        "Sorry, none of these tools can do it, so find_all() it is",
        "Sorry, none of these tools can do it, so find.all() it is",
        'Sorry, none of these tools can do it, or maybe {"tool": "get_fare", "input": {}} can',
        "book_flight(to='Rome and other places that I know')",
        "<|python_tag|> none of these tools can do it for you",
        "<think>none of these tools can do it for you</think>",
        "<think>none of these tools can do it for you",
    ],
)
def test_junk_and_tries_are_no_refusal(reply: str) -> None:
    """T3: the leaderboard's own rule takes whatever does not parse for a refusal."""
    verdict = grade(reply, FLIGHTS)
    assert verdict.score == 0.0
    assert verdict.status in ("incorrect", "no_answer")


@pytest.mark.parametrize(
    "reply",
    [
        "None of the functions, get_fare included, fits this request.",
        "I cannot book hotels (only look up fares), sorry.",
        "Could you tell me which day you mean?",
        "I cannot.",
        "No.",
        "Not possible.",
        "Which day?",
        "I can’t do that with these tools.",
        "Booking hotels isn't supported.",
        "Das geht nicht.",
        "Désolé, je ne peux pas vous aider.",
        "मैं इसमें आपकी मदद नहीं कर सकता।",
        "できません。",
        "아니요.",
        "Leider kann ich dabei nicht helfen.",
        "Извините, у меня нет подходящего инструмента.",
        "申し訳ありませんが、その質問に答えるツールがありません。",
        "抱歉,我没有合适的工具来回答这个问题。",
        "죄송하지만 도와드릴 수 있는 도구가 없습니다.",
        "<think>get_fare(to=?) no</think>I have no tool for that, sorry.",
    ],
)
def test_a_sentence_in_any_language_is_a_refusal(reply: str) -> None:
    assert grade(reply, FLIGHTS).status == "correct"


def test_a_call_beside_the_text_is_a_try() -> None:
    sentence = "Sorry, none of these tools can answer that."
    reply = Transcript((Message("assistant", sentence, (ToolCall("other", {}),)),))
    assert grade(reply, FLIGHTS).status == "incorrect"
    turns = Transcript((reply.messages[0], Message("assistant", sentence)))
    assert grade(turns, FLIGHTS).status == "correct"
    assert grade(turns, FLIGHTS, scope="all").status == "incorrect"


def test_the_prompt_again_is_no_refusal() -> None:
    prompt = "What does a flight from Rome to Paris cost on the first of May?"
    task = Task.ask("x", prompt, FLIGHTS)
    for reply in (prompt, prompt.upper(), "from Rome to Paris cost on the first of May?", f"{prompt} OK"):
        verdict = tool_calls.verify(task, Transcript((Message("assistant", reply),)))
        assert verdict.status == "incorrect", reply


def test_the_sentence_test_reads_no_sense() -> None:
    assert is_natural("The wug has wugged the other wugs.", "")


@pytest.mark.parametrize("n", [2, 5, 20])
def test_calling_more_never_pays(n: int) -> None:
    """T4: neither the same call again nor every possible call."""
    every = [f"f(a={i})" for i in range(n + 1)]
    repeated = ["f(a=1)"] * n
    for calls in (every, repeated):
        spam = grade(f"[{', '.join(calls)}]", NUMBER, reward="dense").score
        assert grade(f"[{', '.join(calls)}]", NUMBER).score == 0.0
        assert spam == pytest.approx(0.9 * (1 + 1 / len(calls) + 1 / len(calls)) / 3)
        assert spam < grade("f(a=5)", NUMBER, reward="dense").score + 0.9 / len(calls)


def test_every_answer_in_one_list_of_calls_is_wrong() -> None:
    """T2."""
    gold = {**NUMBER, "extra": {"budget": 9, "reads": []}}
    assert grade("[f(a=0), f(a=1), f(a=2)]", gold).score == 0.0


@pytest.mark.parametrize(
    "reply", ["{}", "[{}]", '{"name": "f"}', '{"name": "f", "arguments": {}}', "f()", "[]", "null"]
)
def test_empty_things_are_wrong(reply: str) -> None:
    """T8."""
    assert grade(reply, PAIR).score == 0.0


def test_overlapping_answers_are_not_taken_greedily() -> None:
    """In both orders: whoever takes the first match first is wrong once."""
    for calls in itertools.permutations(["f(a=1)", "f(a=2)"]):
        assert grade(f"[{', '.join(calls)}]", OVERLAP).status == "correct"
    assert grade("[f(a=2), f(a=2)]", OVERLAP).status == "incorrect"


def test_a_slow_pattern_costs_the_policy_and_not_the_trainer() -> None:
    tool = {"name": "f", "parameters": {"properties": {"a": {"type": "string"}}}}
    slow = {"regex": "(a+)+b", "example": "aab"}
    gold = {"tools": [tool], "calls": [{"name": "f", "arguments": {"a": slow}}]}
    assert gold_problem("tool_calls", gold) == ""
    assert grade(f"f(a='{'a' * 60}')", gold).status == "timeout"
    schema = {"name": "f", "parameters": {"properties": {"a": {"type": "string", "pattern": "^(a+)+b$"}}}}
    gold = {"tools": [schema], "calls": [{"name": "f", "arguments": {"a": "aab"}}]}
    assert grade("f(a='aab')", gold).status == "correct"
    assert grade(f"f(a='{'a' * 60}')", gold).status == "timeout"


def test_many_slow_texts_cost_no_more_than_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "BUDGET_S", 0.0)
    tool = {"name": "f", "parameters": {"properties": {"a": {"type": "string"}}}}
    gold = {"tools": [tool], "calls": [{"name": "f", "arguments": {"a": {"regex": "(a|c)+", "example": "ac"}}}]}
    assert gold_problem("tool_calls", gold).startswith("its own reply is timeout")
    monkeypatch.setattr(patterns, "BUDGET_S", 60.0)
    assert gold_problem("tool_calls", gold) == ""


def test_feedback_does_not_tell_the_answer() -> None:
    gold = {
        "tools": [{"name": "f", "parameters": {"properties": {"a": {"type": "string"}, "b": {"type": "integer"}}}}],
        "calls": [{"name": "f", "arguments": {"a": "Xq7Zanswer", "b": {"one_of": [918273645, 918273646]}}}],
    }
    for reply in ("", "f(", "f(a=1)", "f(a='x')", "f(a='x', b=2)", "g()", "f(b='x')", "[f(a='x'), f(a='y')]"):
        verdict = repr(grade(reply, gold, reward="dense"))
        assert "Xq7Zanswer" not in verdict
        assert "91827364" not in verdict


def constants(gold: Any) -> list[str]:
    noise = "".join(random.Random(0).choice("ab{}[]()\"':,=12 \n") for _ in range(10_000))
    return ["", json.dumps(gold["tools"]), "f(a=0)", "f(a='')", "f(a=0, b=0)", noise]


@pytest.mark.parametrize("gold", [PAIR, NUMBER, PARALLEL, NONE_FITS])
def test_constant_policies_score_nothing(gold: Any) -> None:
    assert [grade(reply, gold).score for reply in constants(gold)] == [0.0] * 6


MARKS = ("(", ")", "=", "[", "]", "{", "}", '"', ":", ",", "'", "-", ".", "\\", " ", "\n", "```", "\ud800", "é")
TOKENS = ("f", "a", "b", "1", "2", "0x", "1e9", "True", "null", '"name"', '"arguments"', "<think>", "</think>")
WORDS = st.sampled_from((*MARKS, *TOKENS, "<tool_call>", "</tool_call>"))
REPLIES = st.one_of(st.text(max_size=200), st.lists(WORDS, max_size=40).map("".join))


@settings(max_examples=150, deadline=None)
@given(
    REPLIES,
    st.sampled_from([PAIR, NUMBER, OVERLAP, NONE_FITS]),
    st.sampled_from(["auto", "hermes", "json", "llama", "python"]),
)
def test_no_text_raises(reply: str, gold: Any, dialect: Any) -> None:
    verdict = grade(reply, gold, dialect=dialect, reward="dense")
    assert 0.0 <= verdict.score <= 1.0
    assert verdict.status in SCORED
    assert (verdict.score == 1.0) == (verdict.status == "correct")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.from_regex(r"[a-z_]{1,6}", fullmatch=True), JSON, max_size=4))
@example({"a": "<think>"})
@example({"a": "\\</tool_call>"})
def test_what_is_written_is_read_back(arguments: dict[str, Any]) -> None:
    """A gold is its own right answer, in every dialect and spelling."""
    if not {"True", "False", "None"} & arguments.keys():
        assert parse_calls(format_calls([("f.g", arguments)])) == [("f.g", arguments)]
    properties: dict[str, Any] = {key: {} for key in arguments}
    wanted = {key: {"value": value} for key, value in arguments.items()}
    gold = {
        "tools": [{"name": "f", "parameters": {"properties": properties}}],
        "calls": [{"name": "f", "arguments": wanted}],
    }
    for dialect in ("hermes", "json", "llama"):
        text = write_calls([Call("f", arguments)], dialect)
        assert grade(text, gold, dialect=dialect).status == "correct"
    for reply in rewritten_golds("tool_calls", gold):
        assert grade(reply, gold).status == "correct"


@settings(max_examples=100, deadline=None)
@given(JSON, JSON)
def test_equality_is_symmetric_and_reflexive(a: Any, b: Any) -> None:
    assert same(a, a)
    assert same(a, b) == same(b, a)


def rows() -> list[tuple[str, Any, Any, dict[str, Any]]]:
    """All rows of both tables, and one with a worker process behind it."""
    tool = {"name": "f", "parameters": {"properties": {"a": {"type": "string"}}}}
    regex = {"tools": [tool], "calls": [{"name": "f", "arguments": {"a": {"regex": "(a|b)+", "example": "ab"}}}]}
    names = ("tool_calls", "state")
    found = [(name, row[1], row[0], row[2]) for name in names for row in registry.load_module("verifier", name).CASES]
    return [*found, ("tool_calls", "f(a='abba')", regex, {})]


def verdict(row: tuple[str, Any, Any, dict[str, Any]]) -> Verdict:
    return registry.grade(*row[:3], **row[3])


def test_the_same_verdicts_from_threads() -> None:
    here = [verdict(row) for row in rows()]
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(verdict, rows())) == here

    async def there() -> list[Verdict]:
        return await asyncio.gather(*(asyncio.to_thread(verdict, row) for row in rows()))

    assert asyncio.run(there()) == here


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_the_same_verdicts_from_processes(method: str) -> None:
    plain = [row for row in rows() if not row[3]]  # options are keywords
    here = [verdict(row) for row in plain]
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context(method)) as pool:
        ids, replies, answers, _ = zip(*plain, strict=True)
        assert list(pool.map(registry.grade, ids, replies, answers)) == here


@pytest.mark.parametrize(
    "text",
    [
        'Thought: I need the fare now.\nAction: get_fare\nAction Input: {"to": "Bern"}',
        'Let me call the tool: `get_fare` {"to": "Bern"}',
        "<get_fare><to>Bern in Switzerland please</to></get_fare>",
        '```\n{"tool": "get_fare", "to": "Bern city station"}\n```',
        '```json\n{"action": "get_fare", "action_input": "Bern main station"}\n```',
        "name: get_fare\narguments:\n  to: Bern please thank you",
        "get_fare to=Bern for the nice user",
        "I call get_fare:\n  to: Bern",
        "Let me run get_fare --to Bern",
        "I use getFare(to='Bern') for it",
        "I use **get_fare**(to='Bern') for it",
        "I use get\u200b_fare to=Bern for it",
        "I use get_fare（to='Bern'） for it",
        "I call get_fare with {'to': 'Bern'} then",
        'So it is {"get_fare": {"to": "Bern"}} then',
        "I call book_flight(to='Rome') now",
        "GET /get_fare?to=Rome",
        "I go functions.get_fare:0 <|tool_call_argument_begin|>",
        "to=functions.get_fare <|message|>",
        "<｜tool▁calls▁begin｜> what you asked for",
        "[TOOL_REQUEST] what you asked for",
    ],
)
def test_other_dialects_are_tries_too(text: str) -> None:
    assert attempts(text, ["get_fare"])


@pytest.mark.parametrize(
    "text",
    [
        "Is get_fare what you mean?",
        "The name of the tool is get_fare, but it does not fit.",
        "No action is needed.",
        "I only have get_fare (for fares).",
        "- `get_fare`: looks up fares",
        "To call get_fare I need to know the destination: please tell me.",
    ],
)
def test_to_speak_of_a_tool_is_no_try(text: str) -> None:
    assert not attempts(text, ["get_fare"])
