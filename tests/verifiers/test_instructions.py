"""The instructions verifier: rewards, the gate, golds, metrics, hostile text, and what public ports got wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentrl.errors import ConfigError, DataError, MissingExtraError
from agentrl.golds import gold_problem, gold_reply, rewritten_golds
from agentrl.registry import grade
from agentrl.types import SCORED, Message, Task, Transcript
from agentrl.verifiers._instructions import language
from agentrl.verifiers._instructions.cases import CASES
from agentrl.verifiers._instructions.metrics import accuracy, followed_loosely, followed_strictly, variants
from agentrl.verifiers.instructions import MAX_CHARS, verify

LONG = (
    "The old harbour town woke slowly under a pale morning sky while gulls circled over the boats and the first nets "
    "came in heavy and dripping from the sea."
)
ROW = {"id": "length_constraints:number_words", "kwargs": {"num_words": 3, "relation": "at least"}}
NO_COMMA = {"id": "punctuation:no_comma", "kwargs": {}}
TITLE = {"id": "detectable_format:title", "kwargs": {}}


def asked(*rows: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"instructions": list(rows), **fields}


# What public ports got wrong.


def test_unknown_id_never_passes() -> None:
    answer = asked(NO_COMMA, {"id": "startend:quotations", "kwargs": {}})
    verdict = grade("instructions", LONG, answer)
    assert (verdict.score, verdict.status) == (0.0, "task_invalid")
    assert "did you mean 'startend:quotation'?" in verdict.feedback
    with pytest.raises(DataError, match="no instruction 'startend:quotations'"):
        gold_reply("instructions", answer)


def test_repeated_ids_are_kept_by_position() -> None:
    rows = [{**ROW, "kwargs": {"num_words": n, "relation": "at least"}} for n in (3, 1000, 5)]
    verdict = grade("instructions", LONG, asked(*rows), reward="fraction")
    assert [(check.name, check.passed) for check in verdict.checks] == [
        ("length_constraints:number_words", passed) for passed in (True, False, True)
    ]
    assert verdict.status == "partial"
    assert verdict.score == pytest.approx(2 / 3)


def test_repeat_prompt_needs_the_prompt() -> None:
    answer = asked({"id": "combination:repeat_prompt", "kwargs": {"prompt_to_repeat": "Name a colour."}})
    assert grade("instructions", "Blue, like the sea.", answer).score == 0
    assert grade("instructions", "", answer).score == 0


def test_no_reply_at_all_is_a_verdict() -> None:
    assert verify(Task("t", (), asked(NO_COMMA)), Transcript(())).status == "no_answer"


def test_part_of_a_word_is_not_the_word() -> None:
    answer = asked({"id": "keywords:existence", "kwargs": {"keywords": ["mom"]}})
    assert grade("instructions", "Give me a moment or two.", answer).score == 0


def test_language_is_detected_alike_every_time() -> None:
    text = "Das ist ein Satz mit einigen Wörtern darin and some of English."
    assert len({language.is_in(text, "de") for _ in range(20)}) == 1


def test_missing_detector_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "py3langid.langid", None)
    language.identifier.cache_clear()
    with pytest.raises(MissingExtraError, match=r"pip install 'agentrl\[text\]'"):
        gold_problem("instructions", asked({"id": "change_case:english_lowercase"}))
    with pytest.raises(MissingExtraError, match="to detect languages"):
        grade("instructions", LONG, asked({"id": "language:response_language", "kwargs": {"language": "en"}}))
    language.identifier.cache_clear()


# Rewards and the gate.


def test_all_or_nothing_and_fraction() -> None:
    answer = asked(NO_COMMA, ROW, TITLE, TITLE)
    assert grade("instructions", LONG, answer).score == 0
    assert grade("instructions", LONG, answer, reward="fraction").score == 0.5
    assert grade("instructions", f"<<Dawn>> {LONG}", answer).status == "correct"
    assert grade("instructions", f"<<Dawn>> {LONG}", answer, reward="fraction").score == 1
    nothing = grade("instructions", "a, b" * 30, asked(NO_COMMA, TITLE), reward="fraction")
    assert (nothing.score, nothing.status) == (0.0, "incorrect")


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ("yes", "under 10 letters"),
        ("gulls boats nets " * 12, "repeats itself"),
        ("one two three four five six seven eight nine ten " * 4, "repeats itself"),
    ],
)
def test_gate_stops_filler(reply: str, why: str) -> None:
    verdict = grade("instructions", reply, asked(NO_COMMA))
    assert verdict.score == 0
    assert why in verdict.feedback
    assert grade("instructions", reply, asked(NO_COMMA), gate="none").score == 1


def test_gate_lets_two_alike_responses_and_a_repeated_request_pass() -> None:
    twice = f"{LONG}\n******\n{LONG} Then the market opened."
    assert grade("instructions", twice, asked({"id": "combination:two_responses", "kwargs": {}})).score == 1


def test_part_of_the_credit_needs_a_longer_reply_than_all_of_it() -> None:
    refusal = "I am sorry but I cannot help you with this."
    assert grade("instructions", refusal, asked(NO_COMMA), reward="fraction").score == 1
    assert grade("instructions", refusal, asked(NO_COMMA, TITLE), reward="fraction").score == 0
    assert grade("instructions", refusal, asked(NO_COMMA, TITLE), reward="fraction", gate="none").score == 0.5


def test_echo_of_the_prompt_is_worth_nothing() -> None:
    prompt = f"{LONG} Use no comma."
    for answer, task_prompt in ((asked(NO_COMMA, prompt=prompt), ()), (asked(NO_COMMA), (Message("user", prompt),))):
        for reply in (prompt, f" {prompt.upper()}\n", prompt[:60]):
            verdict = verify(Task("t", task_prompt, answer), Transcript((Message("assistant", reply),)))
            assert (verdict.score, verdict.feedback[-31:]) == (0.0, "nothing: the reply copies the prompt."[-31:])
        said = Transcript((Message("assistant", "A short answer of its own"),))
        assert verify(Task("t", task_prompt, answer), said).score == 1


@pytest.mark.parametrize(
    ("options", "words_"),
    [
        ({"reward": "most"}, "reward"),
        ({"gate": "on"}, "gate"),
        ({"min_letters": -1}, "min_"),
        ({"min_letters": 1.5}, "got 1.5"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], words_: str) -> None:
    with pytest.raises(ConfigError, match=words_):
        grade("instructions", LONG, asked(NO_COMMA), **options)


# Golds.


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (None, "the answer must be"),
        ([NO_COMMA], "the answer must be"),
        (asked(), "a list of 1 to 64"),
        (asked(*[NO_COMMA] * 65), "a list of 1 to 64"),
        ({"instruction": [NO_COMMA]}, "no field 'instruction'"),
        (asked("punctuation:no_comma"), "an instruction is"),  # type: ignore[arg-type]
        (asked({**NO_COMMA, "weight": 1}), "an instruction is"),
        (asked({"id": 3}), "no instruction 3"),
        (asked({"id": "punctuation:no_comma", "kwargs": [1]}), "kwargs must be a mapping"),
        (asked(NO_COMMA, prompt=3), "the prompt must be"),
        (asked(NO_COMMA, example=""), "the example must be"),
        (asked(NO_COMMA, example="a, b and a few words more"), "its own reply is incorrect"),
        (
            asked({**ROW, "kwargs": {"num_words": 3, "relation": "more than"}}),
            "relation must be one of at least, at most, exactly, less than, got 'more than'",
        ),
        (
            asked(
                {
                    "id": "length_constraints:nth_paragraph_first_word",
                    "kwargs": {"num_paragraphs": 2, "nth_paragraph": 3, "first_word": "x"},
                }
            ),
            "no paragraph 3 among 2",
        ),
    ],
)
def test_gold_that_cannot_be_used_says_why(answer: Any, why: str) -> None:
    assert why in gold_problem("instructions", answer)


def test_gold_with_an_example() -> None:
    answer = asked(NO_COMMA, ROW, prompt="Say three words or more about the sea.", example="It is wide and blue")
    assert gold_problem("instructions", answer) == ""
    for reply in rewritten_golds("instructions", answer):
        assert grade("instructions", reply, answer).success
    assert gold_reply("instructions", asked(NO_COMMA)) is None


# Metrics.


def test_loose_reading_and_both_averages() -> None:
    answer = asked({"id": "startend:quotation", "kwargs": {}}, NO_COMMA, ROW)
    reply = 'Sure, here it is:\n"The sea is wide."'
    assert followed_strictly(answer, reply) == [False, False, True]
    assert followed_loosely(answer, reply) == [True, True, True]
    assert len(variants(reply)) == 8
    assert followed_loosely(answer, "") == [False, False, False]
    both = accuracy([followed_strictly(answer, reply), [True, True]])
    assert (both.prompt, both.instruction) == (0.5, 0.6)
    with pytest.raises(DataError):
        followed_strictly(asked({"id": "x"}), reply)
    with pytest.raises(ValueError, match="no replies"):
        accuracy([])


def test_reward_is_strict() -> None:
    answer = asked({"id": "startend:quotation", "kwargs": {}})
    assert grade("instructions", 'Sure, here it is:\n"The sea is wide."', answer).score == 0


# Hostile text.

MARKS = (
    "*",
    "**",
    "\n",
    " ",
    "[",
    "]",
    "<<",
    ">>",
    "#",
    '"',
    "P.S.",
    "SECTION 1",
    "***",
    "******",
    ".",
    ",",
    "a",
    "{",
    "1.",
)
texts = st.one_of(st.text(), st.lists(st.one_of(st.sampled_from(MARKS), st.text(max_size=3))).map("".join))
EVERY = asked(
    *{json.dumps(row): row for answer, *_ in CASES[:30] for row in answer["instructions"]}.values(), prompt="x"
)


@settings(deadline=None)
@given(texts, st.sampled_from(("all", "fraction")), st.sampled_from(("quality", "none")))
def test_arbitrary_text_never_raises(reply: str, reward: Any, gate: Any) -> None:
    for answer in (EVERY, asked(NO_COMMA)):
        verdict = grade("instructions", reply, answer, reward=reward, gate=gate)
        assert verdict.status in SCORED
        assert len(verdict.checks) == len(answer["instructions"])


@pytest.mark.parametrize(
    "mark", ["*", "*a", "[", "<", "<<", "#", "\n", " ", "\n* ", ".", "1.", "SECTION 1", "a'", "```", "a\n\n"]
)
def test_long_texts_of_one_mark_are_read(mark: str) -> None:
    reply = "a" + mark * (MAX_CHARS // len(mark) - 1)
    rows = [*EVERY["instructions"], TITLE]
    rows += [{"id": f"detectable_format:{name}", "kwargs": {}} for name in ("json_format", "constrained_response")]
    rows += [{"id": "detectable_format:number_highlighted_sections", "kwargs": {"num_highlights": 2}}]
    rows += [{"id": "detectable_format:number_bullet_lists", "kwargs": {"num_bullets": 2}}]
    rows += [{"id": "detectable_content:number_placeholders", "kwargs": {"num_placeholders": 2}}]
    rows += [{"id": "length_constraints:number_sentences", "kwargs": {"num_sentences": 2, "relation": "exactly"}}]
    assert grade("instructions", reply, asked(*rows)).score == 0


def test_reply_over_the_limit_is_malformed() -> None:
    assert grade("instructions", "a " * MAX_CHARS, asked(NO_COMMA)).status == "malformed"
