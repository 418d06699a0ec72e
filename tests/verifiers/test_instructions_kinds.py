"""Each of the 25 kinds of instructions: replies that follow it, and replies that do not."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from agentrl.registry import grade
from agentrl.verifiers._instructions.layout import CHOICES
from agentrl.verifiers._instructions.registry import KINDS, instructions, problems

ENGLISH = "The river runs down from the hills and through the old part of the town."
FRENCH = "La rivière descend des collines et traverse la vieille partie de la ville."
HINDI = "नदी पहाड़ियों से नीचे बहती है और शहर के पुराने हिस्से से होकर गुज़रती है।"
JAPANESE = "川は丘から流れ下り、町の古い地区を通り抜けて、やがて海へと注いでいきます。"
WAR = ("keyword", "war")
HASH = {"letter": "#", "let_relation": "at least", "let_frequency": 2}
REQUEST = "Tell me a joke about cats."

# Id, arguments, replies that follow it, replies that do not.
ROWS: list[tuple[str, dict[str, Any], list[str], list[str]]] = [
    (
        "keywords:existence",
        {"keywords": ["cat", "New York"]},
        ["A cat in New York.", "NEW\nYORK has one CAT", "the (cat) of _New York_", "c\u200bat, New York"],
        ["A cat in York.", "catalogues of New York", "A cat in New Yorkshire", "concat New York"],
    ),
    ("keywords:existence", {"keywords": ["C++"]}, ["I use C++.", "c++"], ["I use C.", "C+ +"]),
    ("keywords:existence", {"keywords": ["a.c"]}, ["see a.c here"], ["see abc here"]),  # no pattern
    (
        "keywords:frequency",
        {"keyword": "war", "frequency": 2, "relation": "at least"},
        ["war and War", "war-war", "War; war; WAR"],
        ["war", "war and warfare", "a postwar war"],
    ),
    (
        "keywords:frequency",
        {"keyword": "war", "frequency": 2, "relation": "less than"},
        ["peace", "one war, no warfare"],
        ["war and war", "war war war"],
    ),
    ("keywords:frequency", {"keyword": "war", "frequency": 1, "relation": "exactly"}, ["a war"], ["no", "war war"]),
    ("keywords:frequency", {"keyword": "war", "frequency": 1, "relation": "at most"}, ["none", "war"], ["war war"]),
    (
        "keywords:forbidden_words",
        {"forbidden_words": ["rock", "field"]},
        ["Rocky fields.", "nothing"],
        ["ROCK", "a rock-solid plan", "in the field.", "_rock_", "ro\u200bck", "Ｒｏｃｋ"],
    ),
    (
        "keywords:letter_frequency",
        {"letter": "T", "let_relation": "less than", "let_frequency": 2},
        ["a cat", "none"],
        ["Tt", "that"],
    ),
    ("keywords:letter_frequency", HASH, ["#a #b", "## x"], ["#a", "a"]),
    ("language:response_language", {"language": "en"}, [ENGLISH], [FRENCH, HINDI, "Yes."]),
    ("language:response_language", {"language": "fr"}, [FRENCH, FRENCH.upper()], [ENGLISH, "Oui."]),
    ("language:response_language", {"language": "hi"}, [HINDI], [ENGLISH, FRENCH]),
    ("language:response_language", {"language": "ja"}, [JAPANESE], [ENGLISH, HINDI]),
    (
        "language:response_language",
        {"language": "fr"},
        [" ".join([FRENCH] * 9 + [ENGLISH])],
        [" ".join([FRENCH] * 5 + [ENGLISH] * 5), "12345 67890 12345 67890 !!!"],
    ),
    (
        "length_constraints:number_sentences",
        {"num_sentences": 2, "relation": "exactly"},
        [
            "One. Two.",
            "Dr. Smith came. He left!",
            "It was 3.5 km. Fine.",
            'She said "Go." Then she went.',
            "One\n\nTwo",
            "1. First\n2. Second",
            "Really?! Yes...",
            "これは一です。これは二です。",
        ],
        ["One.", "One. Two. Three.", "a.b.c", "One. ... !!! -"],
    ),
    ("length_constraints:number_sentences", {"num_sentences": 2, "relation": "less than"}, ["One."], ["One. Two."]),
    (
        "length_constraints:number_paragraphs",
        {"num_paragraphs": 2},
        ["one\n***\ntwo", "one\n\n *** \n\ntwo", "***\none\n***\ntwo\n***"],
        ["one", "one\n***\ntwo\n***\nthree", "one *** two", "one\n\ntwo", "one\n***\n***\ntwo", "one\n***\n  \n***\n"],
    ),
    (
        "length_constraints:number_words",
        {"num_words": 4, "relation": "at least"},
        ["one two three four", "well-known two three", "don't you like it"],
        ["one two three", "1 2 3 - - !", "don't you know"],
    ),
    (
        "length_constraints:number_words",
        {"num_words": 4, "relation": "less than"},
        ["one two three"],
        ["one two three four", "one_two_three_four", "one-two-three-four", "a'b'c'd'e'f'g'h'i'j'k"],
    ),
    (
        "length_constraints:nth_paragraph_first_word",
        {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "then"},
        ["First this.\n\nThen that.", 'A\nb\n \n\n\n"Then", c', "A\n\n**then**"],
        ["Then this.\n\nFirst that.", "A\n\nThen\n\nC", "A\nThen", "A\n\nThenceforth b"],
    ),
    (
        "detectable_content:number_placeholders",
        {"num_placeholders": 2},
        ["[name] of [address]", "[a][b][c]"],
        ["[name]", "[] [ ]", "[a [b", "[text](https://x.org) [name]"],
    ),
    (
        "detectable_content:postscript",
        {"postscript_marker": "P.S."},
        ["Hello.\nP.S. Call me", "Hello.\n\n**P.S.** Call me", "Hello.\np. s. call me", "Hello.\nP.S.\nCall me"],
        ["Hello.", "Hello.\nP.S.", "P.S. Call me", "Hello. P.S. Call me", "Hello.\nPS call"],
    ),
    (
        "detectable_content:postscript",
        {"postscript_marker": "P.P.S"},
        ["A\nP.P.S. b", "A\nP.P.S b"],
        ["A\nP.P.Sb", "A"],
    ),
    (
        "detectable_format:number_bullet_lists",
        {"num_bullets": 2},
        ["* a\n* b", "Intro\n- a\n  - b", "+ a\n* b\n**bold** text\n---"],
        ["* a", "* a\n* b\n* c", "*a\n*b", "* a\n* \n", "* * *\n* a"],
    ),
    (
        "detectable_format:constrained_response",
        {},
        [*CHOICES, "Well. My answer is no. Sorry."],
        ["yes", " ".join(CHOICES), "My answer is yes", "my answer is yes."],
    ),
    (
        "detectable_format:number_highlighted_sections",
        {"num_highlights": 2},
        ["*a* and **b c**", "***x*** *y*", "* item with *a* and *b*"],
        ["*a*", "2 * 3 * 4 * 5", "* a\n* b\n* c", "** ** **", "*a\nb* *c*", "*-* *!*"],
    ),
    (
        "detectable_format:multiple_sections",
        {"section_spliter": "SECTION", "num_sections": 2},
        ["SECTION 1\na\nSECTION 2\nb", "**SECTION 1**\na\n## SECTION 2: b", "SECTION 1 a\nSECTION 2 b\nSECTION 3 c"],
        [
            "SECTION 1\na",
            "SECTION 1\nSECTION 2\nb",
            "SECTION 1 a\nSECTION 1 b",
            "Section 1 a\nSection 2 b",
            "SECTION 1 2",
        ],
    ),
    (
        "detectable_format:json_format",
        {},
        ['{"a": 1}', ' [1, "b"]\n', '```json\n{"a": [1]}\n```', '```\n{"a": 1}```'],
        [
            "5",
            '"text"',
            "{}",
            "[]",
            "{'a': 1}",
            'Here: {"a": 1}',
            '{"a": 1, "a": 2}',
            '{"a": NaN}',
            '```json\n{"a": 1}',
        ],
    ),
    (
        "detectable_format:title",
        {},
        ["<<A Title>>\ntext", "text <<x>>"],
        ["<A Title>", "<<>>", "<< >> a", "<<a\nb>>", "<<!>> a"],
    ),
    (
        "combination:two_responses",
        {},
        ["one way\n******\nanother way", "******\na\n******\nb\n******", "a ****** b"],
        ["a", "a\n******\nb\n******\nc", "same\n******\nSame!", "a\n*****\nb", "a\n******\n...", "a\n************\nb"],
    ),
    (
        "combination:repeat_prompt",
        {"prompt_to_repeat": REQUEST},
        [f"{REQUEST}\nA cat walks into a bar.", f"\n{REQUEST.lower()}   Meow."],
        [
            "A cat walks into a bar.",
            REQUEST,
            f"Sure! {REQUEST} Meow.",
            f"{REQUEST} !!!",
            "Tell me a joke about dogs. Hi",
        ],
    ),
    (
        "startend:end_checker",
        {"end_phrase": "Any other questions?"},
        ["Hi. Any other questions?", 'Hi. "any other  questions?"', "Hi. **Any other questions?**\n"],
        ["Hi.", "Any other questions? No.", "Many other questions?", "Any other questions"],
    ),
    (
        "startend:quotation",
        {},
        ['"All of it."', ' "a\nb" ', "“All of it.”"],
        ['"', '""', "'All'", '"All of it', 'All of it"', '“All of it"', "All"],
    ),
    (
        "change_case:capital_word_frequency",
        {"capital_frequency": 2, "capital_relation": "at least"},
        ["THE END", "NASA and CERN say", "IT'S COOL"],
        ["The End", "I am A BEE", "X Y Z", "NASA"],
    ),
    (
        "change_case:capital_word_frequency",
        {"capital_frequency": 2, "capital_relation": "less than"},
        ["I saw A NASA rocket"],
        ["NASA and CERN"],
    ),
    ("change_case:english_capital", {}, [ENGLISH.upper(), ENGLISH.upper() + " 123"], [ENGLISH, FRENCH.upper(), "OK"]),
    ("change_case:english_lowercase", {}, [ENGLISH.lower()], [ENGLISH, FRENCH.lower(), HINDI, "ok"]),
    ("punctuation:no_comma", {}, ["No commas here; none.", "ț"], ["a, b", "a，b", "a、b", "a، b", "3,5", "a‚ b"]),
]


IDS = [f"{row[0]}-{i}" for i, row in enumerate(ROWS)]


def problem(id: str, kwargs: dict[str, Any], reply: str) -> str:
    (found,) = problems(reply, instructions([{"id": id, "kwargs": kwargs}]))
    return found


@pytest.mark.parametrize(("id", "kwargs", "follow", "fail"), ROWS, ids=IDS)
def test_kind(id: str, kwargs: dict[str, Any], follow: list[str], fail: list[str]) -> None:
    assert {reply: problem(id, kwargs, reply) for reply in follow} == dict.fromkeys(follow, "")
    assert [reply for reply in fail if not problem(id, kwargs, reply)] == []


def test_every_kind_has_rows() -> None:
    assert len(KINDS) == 25
    assert set(KINDS) == {row[0] for row in ROWS}
    assert Counter(id.partition(":")[0] for id in KINDS) == {
        "keywords": 4,
        "language": 1,
        "length_constraints": 4,
        "detectable_content": 2,
        "detectable_format": 6,
        "combination": 2,
        "startend": 2,
        "change_case": 3,
        "punctuation": 1,
    }


@pytest.mark.parametrize(("id", "kwargs"), [row[:2] for row in ROWS], ids=IDS)
@pytest.mark.parametrize("reply", ["", " \n", "...", "\u200b"], ids=repr)
def test_empty_reply_fails_every_kind(id: str, kwargs: dict[str, Any], reply: str) -> None:
    assert problem(id, kwargs, reply) == "the reply is empty"
    verdict = grade("instructions", reply, {"instructions": [{"id": id, "kwargs": kwargs}]}, gate="none")
    assert (verdict.score, verdict.status) == (0.0, "no_answer")


@pytest.mark.parametrize(("id", "kwargs"), [row[:2] for row in ROWS], ids=IDS)
def test_arguments_are_strict(id: str, kwargs: dict[str, Any]) -> None:
    def status(args: Any, name: str = id) -> str:
        return grade("instructions", ENGLISH, {"instructions": [{"id": name, "kwargs": args}]}).status

    assert status(kwargs) != "task_invalid"
    assert status({**kwargs, "other": None}) != "task_invalid"  # as in tables with one column an argument
    assert status({**kwargs, "other": 1}) == "task_invalid"
    assert status(kwargs, id + "x") == "task_invalid"
    assert status(kwargs, id.partition(":")[2]) == "task_invalid"
    for name in kwargs:
        assert status({key: value for key, value in kwargs.items() if key != name}) == "task_invalid"
        for wrong in (None, "", [], 0, -1, 2.0, True, {"a": 1}, [""], ["a", 1]):
            assert status({**kwargs, name: wrong}) == "task_invalid", (name, wrong)
