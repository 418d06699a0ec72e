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
    ],
)
def test_a_second_label_behind_the_first_is_refused(said: str) -> None:
    assert grade("choice", f"Answer: {said}", "B").status == "malformed"
    assert grade("choice", f"Answer: {said}", {"label": "B", "choices": ["1", "2", "3"]}).status == "malformed"


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
