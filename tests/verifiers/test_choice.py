"""The choice verifier: one label in every spelling, and never two."""

from __future__ import annotations

import gzip
import json
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from agentrl.errors import ConfigError
from agentrl.golds import gold_problem, gold_reply, mutated_golds, rewritten_golds
from agentrl.registry import grade
from agentrl.types import SCORED

MODES = ("boxed", "hash", "answer_line", "answer_tag", "final")
MARKS = (
    "A",
    "B",
    "(",
    ")",
    ".",
    " or ",
    "\\text{",
    "}",
    "Answer:",
    "\n",
    "\\boxed{",
    "####",
    "12",
    "**",
    "</think>",
    "$",
)
FORMS = ("{}", "({})", "[{}]", "{}.", "{})", "{}:", "**{}**", r"\text{{{}}}", r"\mathbf{{({})}}", "${}$", "option {}")

letters = st.sampled_from(string.ascii_uppercase)
texts = st.one_of(st.text(), st.lists(st.one_of(st.sampled_from(MARKS), st.text(max_size=3))).map("".join))
options = st.lists(st.text("abc xyz.19", min_size=2).filter(lambda t: len(t.strip(" .")) > 1), min_size=2, max_size=6)


@given(letters, letters, st.sampled_from(FORMS))
def test_every_spelling_of_the_right_label_and_of_no_other(label: str, other: str, form: str) -> None:
    for said in (label, label.lower()):
        assert grade("choice", "Answer: " + form.format(said), label).status == "correct"
        assert grade("choice", "Answer: " + form.format(said), f"({label})").status == "correct"
    assume(label != other)
    assert grade("choice", "Answer: " + form.format(other), label).status == "incorrect"


@given(
    st.lists(letters, min_size=2, max_size=5, unique=True), st.sampled_from(["", " ", ", ", "/", " or ", " and ", ")("])
)
def test_several_labels_are_none(labels: list[str], between: str) -> None:
    said = between.join(labels)
    for mode, reply in {"answer_line": f"Answer: {said}", "final": said, "boxed": rf"\boxed{{{said}}}"}.items():
        assert grade("choice", reply, labels[0], extract=mode).score == 0
        known = {"label": labels[0], "choices": {label: f"text {label}" for label in labels}}
        assert grade("choice", reply, known, extract=mode).score == 0


@pytest.mark.parametrize(
    "said",
    [
        "B or C",
        "B, C",
        "B) C",
        "B. c)",
        "B: (c)",
        "B - or c",
        "either B",
        "B?",
        "not B",
        "B is wrong, C",
        "BB",
        "B B",
        "B B C",
        "B) is wrong, the rest too",
        "B) is wrong, A is right",
        "B. is out",
        "B: wrong",
        "B: not correct",
        "B) isn't right",
        "B) isn\u2019t it",
        "B) cannot be right",
        "B) might be true",
        "b) not this",
        "B (not sure)",
        "B (or c)",
        "B) or maybe c",
        "B) unless it is c",
        "B) no, it is c",
        "B) no, c",
        "B) probably",
        "B, probably",
        "B. But wait, let me check",
        "B; c",
        "B: c d",
        "B: c/d",
        "B) (c)",
        "B) 5 and not c",
        "b - 2c",
        "b-1",
        "b - 4; c - 5",
        "B) 4 C) 5",
        "B. 4 C. 5",
        "B: 4, C: 5",
        "(B) 4 (C) 5",
        "(b) 4 (c) 5",
        "B - 4; C - 5",
        "either a or b",
        "either (a) or (b)",
        "could be b",
        "b or c",
        "not b",
        "b, c",
        "b and c",
        "b/c",
        "b c",
        "neither",
        "the answer is not B",
        "the answer is B or C",
        "the answer is b or c",
        "the answer is B, not C",
        "the answer is A. The answer is B",
        "the answer is either B",
        "B is",
        "B is not the answer",
        "B is correct or C is",
        r"\boxed{B} or \boxed{C}",
        r"\boxed{B} \boxed{C}",
        r"\boxed{B} is wrong",
        "**B** or **C**",
    ],
)
def test_a_second_label_or_a_doubt_behind_the_first_is_refused(said: str) -> None:
    assert grade("choice", f"Answer: {said}", "B").status == "malformed"
    assert grade("choice", f"Answer: {said}", {"label": "B", "choices": ["1", "2", "3"]}).status == "malformed"


PLACES = {"label": "B", "choices": ["London", "Paris", "Rome", "Oslo"]}
USUAL = [
    r"\boxed{B}",
    r"$\boxed{\text{B}}$",
    r"\boxed{\text{B) Paris}}",
    r"\fbox{(B)}",
    r"\boldsymbol{B}",
    r"\textsf{B}",
    r"\(B\)",
    "**B**",
    "__B__",
    "**B.**",
    "(**B**)",
    "**B**: Paris",
    "**(B)** Paris",
    "**Option B**: Paris",
    "Option (B)",
    "(B)",
    "B!",
    "B,",
    "\u201cB\u201d",
    "B \u2013 Paris",
    "B \u2014 Paris",
    "B (Paris)",
    "B (Paris).",
    "(B) Paris.",
    "B is correct.",
    "(B) is the correct answer",
    "Option B is right",
    "The answer is B",
    "the answer is: **B**",
    "The answer is (B) Paris.",
    r"The correct option is $\boxed{B}$.",
    "So, the final answer is B.",
    "Therefore the best choice is (B) Paris",
    "My answer: B",
    "**Answer**: B",
    "### Answer: B",
]


@pytest.mark.parametrize("said", USUAL)
def test_usual_spellings(said: str) -> None:
    other = said.replace("B", "C").replace("Paris", "Rome")
    for gold in ("B", PLACES):
        for mode, reply in {"answer_line": "Answer: {}", "final": "{}", "answer_tag": "<answer>{}</answer>"}.items():
            assert grade("choice", reply.format(said), gold, extract=mode).status == "correct"
            assert grade("choice", reply.format(other), gold, extract=mode).status == "incorrect"
    if "Paris" in said:
        assert grade("choice", said.replace("Paris", "Rome"), PLACES, extract="final").status == "malformed"


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        ("Answer:\nB", "correct"),
        ("**Answer:**\n\n**B**\nIt is on the Seine.", "correct"),
        ("> Answer: B", "correct"),
        ("- Answer: B", "correct"),
        ("Answer:\nC", "incorrect"),
        ("Answer:\nAnswer: B", "malformed"),
        ("Answer:\nWe look at each.\nB", "malformed"),
        ("Answer:\nB\nFinal answer: C", "malformed"),
        ("The answer is (B) Paris.", "no_answer"),  # no line begins with Answer:
    ],
)
def test_answer_lines(reply: str, status: str) -> None:
    assert grade("choice", reply, PLACES).status == status


@pytest.mark.parametrize(
    "option",
    [
        "5",
        "0.95",
        "6.0 miles",
        "34.18 L",
        "-2x + 3",
        "A dog and a cat",
        "f(x) = 2x",
        "CO2(g)",
        "No",
        "No change occurs",
        "Not enough information",
        "It cannot be determined",
        "None of these",
        "I, II, and III",
        "False",
    ],
)
def test_an_option_that_is_not_known_may_stand_behind_its_label(option: str) -> None:
    for form in ("B) {}", "(B) {}", "B. {}", "B: {}", "The answer is (B) {}"):
        assert grade("choice", "Answer: " + form.format(option), "B").status == "correct", form
        assert grade("choice", "Answer: " + form.format(option), "D").status == "incorrect", form


@pytest.mark.parametrize("said", ["2) 3", "2: (3)", "2) or 3", "2) 15 and not 3", "2) 3) 4"])
def test_numbers_are_labels_where_the_right_one_is(said: str) -> None:
    assert grade("choice", f"Answer: {said}", "2").status == "malformed"
    assert grade("choice", "Answer: 2) 35", "2").status == "correct"


def test_an_option_that_looks_like_a_sentence_about_one() -> None:
    answer = {"label": "A", "choices": ["The answer is hidden", "the answer is 5", "hidden"]}
    assert grade("choice", "Answer: The answer is hidden", answer).status == "correct"
    assert grade("choice", "Answer: the answer is the answer is 5", answer).status == "incorrect"


def test_answers_that_differ_are_refused_unless_the_last_counts() -> None:
    reply = "Answer: A\nNo.\nAnswer: B"
    assert grade("choice", reply, "B").status == "malformed"
    assert grade("choice", reply, "B", several="last").status == "correct"
    assert grade("choice", reply, "A", several="last").status == "incorrect"
    assert grade("choice", "Answer: B\nAnswer: (b)", "B").status == "correct"


@settings(deadline=None)
@given(options, st.data(), st.sampled_from(MODES))
def test_gold_its_rewrites_and_its_mutations(choices: list[str], data: st.DataObject, mode: str) -> None:
    label = data.draw(st.sampled_from(string.ascii_uppercase[: len(choices)]))
    answer = {"label": label, "choices": choices}
    assert gold_problem("choice", answer, {"extract": mode}) == ""
    for reply in rewritten_golds("choice", answer, {"extract": mode}):
        assert grade("choice", reply, answer, extract=mode).success, reply
    wrong = list(mutated_golds("choice", answer, {"extract": mode}))
    assert len(wrong) == len(choices) - 1
    assert not any(grade("choice", reply, answer, extract=mode).success for reply in wrong)


@settings(deadline=None)
@given(options)
def test_order_of_a_mapping_does_not_matter(choices: list[str]) -> None:
    named = dict(zip("ABCDEF", choices, strict=False))
    turned = dict(reversed(named.items()))
    for said in (*choices, *(f"{label}) {text}" for label, text in named.items())):
        one = grade("choice", f"Answer: {said}", {"label": "A", "choices": named})
        assert one == grade("choice", f"Answer: {said}", {"label": "A", "choices": turned})


def test_option_texts_that_are_the_same_do_not_decide() -> None:
    answer = {"label": "A", "choices": ["ten", "Ten.", "two"]}
    assert grade("choice", "Answer: ten", answer).status == "malformed"
    assert grade("choice", "Answer: A) ten", answer).status == "correct"
    assert grade("choice", "Answer: B", answer).status == "incorrect"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (None, "must be a label or"),
        (1, "must be a label or"),
        ("", "a label is 1 to 8"),
        ("A or B", "a label is 1 to 8"),
        ({"label": "A"}, "must be a label or"),
        ({"label": "C", "choices": ["x", "y"]}, "there is no choice 'C'"),
        ({"label": "A", "choices": ["x"]}, "choices must be 2 to 26"),
        ({"label": "A", "choices": ["x", ""]}, "every choice must be a text"),
        ({"label": "A", "choices": ["x", 3]}, "every choice must be a text"),
        ({"label": "A", "choices": [str(i) for i in range(27)]}, "choices must be 2 to 26"),
        ({"label": "a", "choices": {"a": "x", "A": "y"}}, "the same but for case"),
        ({"label": 0, "choices": ["x", "y"]}, "a label is 1 to 8"),
    ],
)
def test_gold_that_cannot_be_used_says_why(answer: Any, why: str) -> None:
    assert why in gold_problem("choice", answer)
    assert grade("choice", "Answer: A", answer).status == "task_invalid"


@pytest.mark.parametrize(("name", "value"), [("extract", "box"), ("several", "first")])
def test_wrong_options_are_refused(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} must be one of .*; got '{value}'"):
        grade("choice", "Answer: A", "A", **{name: value})


@settings(deadline=None)
@given(texts, st.sampled_from(MODES), st.sampled_from(("reject_if_distinct", "last")))
def test_arbitrary_text_never_raises(reply: str, mode: str, several: str) -> None:
    for answer in ("B", {"label": "B", "choices": ["10", "12", "A or B"]}):
        assert grade("choice", reply, answer, extract=mode, several=several).status in SCORED


@pytest.mark.parametrize("reply", ["", "What is 2+3? (A) 4 (B) 5", "yes", "7", "lorem ipsum 7 dolor " * 500, "ABCDE"])
def test_constant_policies_score_nothing(reply: str) -> None:
    for mode in MODES:
        for answer in ("B", {"label": "B", "choices": ["4", "5"]}):
            assert grade("choice", reply, answer, extract=mode).score == 0


def test_one_letter_for_all_scores_its_share() -> None:
    golds = ["A", "B", "C", "D"] * 5
    assert sum(grade("choice", "Answer: A", gold).score for gold in golds) == 5


@pytest.mark.parametrize("reply", ["Answer: " + "B" * 100_000, "Answer: B\n" * 20_000, "Answer: " + "(" * 100_000])
def test_long_replies_are_read(reply: str) -> None:
    assert grade("choice", reply, "B").status in ("malformed", "correct")


def test_public_questions(data_dir: Callable[[str], Path]) -> None:
    seen = 0
    for line in (data_dir("aqua") / "test.jsonl").read_text().splitlines():
        row = json.loads(line)
        choices = dict(option.split(")", 1) for option in row["options"])
        seen += check_question({"label": row["correct"], "choices": choices})
    with gzip.open(data_dir("mmlu_stem") / "test.jsonl.gz", "rt") as lines:
        for line in list(lines)[::6]:
            row = json.loads(line)
            seen += check_question({"label": "ABCD"[row["answer"]], "choices": row["choices"]})
    assert seen == 254 + 503


def check_question(answer: dict[str, Any]) -> int:
    right = gold_reply("choice", answer)
    assert isinstance(right, str)
    verdict = grade("choice", right, answer)
    assert verdict.success, (answer, verdict)
    for reply in rewritten_golds("choice", answer):
        assert grade("choice", reply, answer).success, (reply, answer)
    assert not any(grade("choice", reply, answer).success for reply in mutated_golds("choice", answer))
    return 1
