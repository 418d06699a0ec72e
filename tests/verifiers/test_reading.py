r"""Where an answer stands in a reply, and JSON that a model wrote: by hand, and on text that breaks careless code."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentrl.verifiers._reading import extract, strict_json
from agentrl.verifiers._reading.extract import PLACES, after_thinking, candidates, final_segment, last_boxed, placed
from agentrl.verifiers._reading.fences import FenceError, blocks, whole_or_block
from agentrl.verifiers._reading.strict_json import MAX_CHARS, MAX_DEPTH, MAX_DIGITS, JsonError, parse_json

# Thinking.


@pytest.mark.parametrize(
    ("reply", "final"),
    [
        ("5", "5"),
        ("<think>4</think>5", "5"),
        ("4</think>5", "5"),  # the template had opened it
        ("<think>4", ""),
        ("5<think>4", ""),
        ("<think>4</think>", ""),
        ("<think>3</think>4<think>9</think>5", "5"),
        ("<think>3</think>4<think>5", ""),  # what is thought to the end is no answer
        ("", ""),
    ],
)
def test_the_final_segment_follows_the_thoughts(reply: str, final: str) -> None:
    assert final_segment(reply) == final
    assert reply[after_thinking(reply) :] == final


@pytest.mark.parametrize("reply", ["<think>\n```\n1\n```", "```\n1\n```\n<think>", "<think></think><think>\n```\n"])
def test_thoughts_that_never_end_leave_no_block(reply: str) -> None:
    assert after_thinking(reply) == len(reply) + 1
    assert list(blocks(reply)) == []
    assert whole_or_block(reply) == ""


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        ("<think>```\n0\n```</think>[1]", "[1]"),
        ("so:\n```json\n[1]\n```\nthat is it", "[1]"),
        ("```\n[1]", "[1]"),
        ("```\n```", ""),
        ("", ""),
    ],
)
def test_the_whole_reply_or_its_one_block(reply: str, text: str) -> None:
    assert whole_or_block(reply) == text


def test_of_several_blocks_none_is_taken() -> None:
    with pytest.raises(FenceError, match="several fenced blocks"):
        whole_or_block("```\n1\n```\n```\n2\n```")


# Places.


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (r"\boxed{5}", ["5"]),
        (r"\fbox{5} \boxed {6}", ["5", "6"]),
        (r"\boxed5$", ["5"]),
        (r"\boxed 5", ["5"]),
        (r"\boxed 57", [None]),
        (r"\boxed", [None]),
        (r"\boxed{\frac{1}{2}}", [r"\frac{1}{2}"]),
        (r"\boxed{\{1,2\}}", [r"\{1,2\}"]),
        (r"\boxed{\boxed{5}}", [r"\boxed{5}"]),
        (r"\boxed{1} \boxed{2", ["1", None]),
        (r"\boxed{1 \boxed{2}", ["2", None]),
        (r"}\boxed{5}{", ["5"]),
        (r"\\boxed{5}", []),  # an escaped backslash, and a word
        (r"\boxedx{5}", []),
        (r"\boxed{}", [""]),
        ("no box", []),
    ],
)
def test_boxes(text: str, found: list[str | None]) -> None:
    assert candidates(text, "boxed") == found
    assert last_boxed(text) == (found[-1] if found else None)


@pytest.mark.parametrize(
    ("place", "text", "found"),
    [
        ("hash", "a #### 5 \nb\n####6", [" 5 ", "6"]),
        ("hash", "### 5", []),
        ("answer_line", "Answer: 5\n**Final answer:** 6 \n# ANSWER : 7", [" 5", "** 6", " 7"]),
        ("answer_line", "The answer: 5\nAnswer 5\nanswers: 5", []),
        ("answer_line", "Answer:", [""]),
        ("answer_line", "Answer:\n5\n6", ["5"]),
        ("answer_line", "**Answer:**\n\n 5\n", [" 5"]),
        ("answer_line", "Answer:\nAnswer: 5\n6", ["", " 5"]),
        ("answer_line", "> Answer: 5\n- Answer: 6", [" 5", " 6"]),
        ("answer_tag", "a<answer> 5 </answer>b", [" 5 "]),
        ("answer_tag", "<answer>5", [None]),
        ("answer_tag", "5</answer>", [None]),
        ("answer_tag", "</answer>5<answer>", [None]),
        ("answer_tag", "<answer>5</answer><answer>6</answer>", [None]),
        ("answer_tag", "5", []),
        ("final", " 5 ", [" 5 "]),
        ("final", " \n", []),
    ],
)
def test_places(place: extract.Extract, text: str, found: list[str | None]) -> None:
    assert candidates(text, place) == found


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("text", ["5", r"\frac{1}{2}", "{}", "B) x: y", "$5$"])
def test_what_is_put_in_its_place_is_found_there(place: extract.Extract, text: str) -> None:
    assert [(found or "").strip() for found in candidates(placed(text, place), place)] == [text]


def test_every_place_has_words() -> None:
    assert set(PLACES) == set(extract._EXTRACTORS)


_MARKS = (
    "\\",
    "\\boxed",
    "\\fbox",
    "{",
    "}",
    "<think>",
    "</think>",
    "<answer>",
    "</answer>",
    "####",
    "Answer:",
    "1",
    "\n",
)


@given(st.lists(st.sampled_from(_MARKS) | st.text(max_size=3), max_size=30).map("".join))
def test_no_text_raises_and_what_is_found_stands_in_the_reply(text: str) -> None:
    for place in PLACES:
        for found in candidates(text, place):
            assert found is None or found in text


@pytest.mark.parametrize(
    "mark", ["\\boxed{", "\\boxed{1}", "{", "}", "<answer>", "<think>", "####", "Answer:", "\\", "*"]
)
@pytest.mark.parametrize("place", PLACES)
def test_repeated_marks_take_linear_work(mark: str, place: extract.Extract) -> None:
    """Square time would be hours here: pytest's own limit would end it."""
    assert isinstance(candidates(mark * 200_000, place), list)


# JSON.


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": [1, -2.5e3, true, null, "\\u00e9"]}', {"a": [1, -2500.0, True, None, "é"]}),
        (" 7 ", 7),
        ('"[[[{"', "[[[{"),
        ('"\\"[\\\\"', '"[\\'),
        ("[" * MAX_DEPTH + "]" * MAX_DEPTH, None),
        ("9" * MAX_DIGITS, int("9" * MAX_DIGITS)),
        ('{"": {"": 1}}', {"": {"": 1}}),
    ],
)
def test_json_within_the_limits(text: str, value: Any) -> None:
    assert parse_json(text) == (json.loads(text) if value is None else value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Expecting value at character 0"),
        ("{'a': 1}", "Expecting property name"),
        ('{"a": 1} x', "Extra data at character 9"),
        ('{"a": 1, "b": {"c": 2, "c": 2}}', "the key 'c' occurs twice"),
        ("[NaN]", "NaN is no number"),
        ("-Infinity", "-Infinity is no number"),
        ("1e999", "1e999 is too large"),
        ("9" * (MAX_DIGITS + 1), f"a number of {MAX_DIGITS + 1} digits is over the limit"),
        ("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), f"nested deeper than {MAX_DEPTH}"),
        (" " * (MAX_CHARS + 1), f"{MAX_CHARS + 1} characters are over the limit"),
        ('"a\nb"', "Invalid control character"),
        ("[1,]", "Expecting value at character 3|Illegal trailing comma"),
    ],
)
def test_json_that_is_refused(text: str, message: str) -> None:
    with pytest.raises(JsonError, match=message):
        parse_json(text)


def test_its_own_limit_of_length() -> None:
    with pytest.raises(JsonError, match="6 characters are over the limit of 5"):
        parse_json("[1, 2]", max_chars=5)


@pytest.mark.parametrize(
    "text",
    [
        '"' + '\\"' * 49_999,  # a string that never ends, with a quote in every second place
        '"' + '\\"' * 49_999 + "\\",
        '"\\' * 50_000,
        "{" + ",".join(f'"{n:x}":0' for n in range(11_000)) + ',"z":0,"z":1}',  # the last of many keys comes twice
        "[" * MAX_CHARS,
        '{"a":' * 20_000,
        "]" * 50_000 + "[" * 50_000,
        "[]" * 50_000,
        "-" * MAX_CHARS,
        "1." + "1" * (MAX_CHARS - 3) + "x",
    ],
)
def test_hostile_json_takes_linear_work(text: str) -> None:
    """Square time took half a minute for one of these; here twenty readings of each must fit."""
    for _ in range(20):
        with pytest.raises(JsonError):
            parse_json(text)


_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(_VALUES, st.booleans())
def test_what_json_writes_is_read_back(value: Any, ascii: bool) -> None:
    assert parse_json(json.dumps(value, ensure_ascii=ascii)) == value


@given(st.text(alphabet='{}[]",:\\0.-eE ntru\n', max_size=60))
def test_whatever_is_read_json_reads_the_same(text: str) -> None:
    try:
        value = parse_json(text)
    except JsonError:
        return
    assert json.dumps(value) == json.dumps(json.loads(text))


@given(st.integers(1, 80), st.text(alphabet='[]{}"\\', max_size=8))
def test_depth_is_that_of_the_brackets_outside_strings(depth: int, inside: str) -> None:
    text = "[" * depth + json.dumps(inside) + "]" * depth
    assert strict_json._depth(text) == depth
