r"""One label among given ones, as in multiple-choice questions.

The task's `answer` is the right label ("B"), or {"label": "B", "choices": [texts]} where the labels are A, B, C, ...,
or {"label": "2", "choices": {"1": text, "2": text}}. The text after the last `</think>` is read in one declared way
(`extract`), as in `math`.

An answer is one label, in either case, alone or as (B), [B], B., B), **B**, \text{B}, \boxed{B}, option B, "the answer
is B", "B is correct"; or with its option behind it, as in `B) 12`; or the whole text of one option. Where options are
given, what stands behind a label must be its option. Where they are not, it must not be a doubt ("B) is wrong", "B) or
maybe c") nor name another label, and a letter on its own reads as one ("B) vitamin C"): give the options. Several
labels in one answer (ABCD, A or B, A/B) and answers that differ are refused: who names all has named none. A label
comes before an option that reads the same.

Covered: letters, numbers and short words as labels. Not covered: questions with several right labels, options told by
their place ("the second one"), answers inside other sentences, an option in other words.

Source: the formats of MMLU (arXiv:2009.03300), AQuA (arXiv:1705.04146) and AGIEval (arXiv:2304.06364). Differs from the
source: their graders take the first letter that a pattern finds.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from agentrl.errors import DataError, check_choice
from agentrl.types import Task, Transcript, Verdict
from agentrl.verifiers._reading.extract import PLACES, Extract, candidates, placed
from agentrl.verifiers._reading.text import fold

Several = Literal["reject_if_distinct", "last"]

MAX_CHARS = 2_000
_TEXT = {"label": "B", "choices": ["10", "12", "A or B", "none of these"]}
_NUMBERED = {"label": "2", "choices": {"1": "2", "2": "Paris, France"}}

# Answer, response, options, expected status.
CASES = [
    ("B", "Answer: B", {}, "correct"),
    ("B", "so\n**Answer: (B)**", {}, "correct"),
    ("B", "Answer: b.", {}, "correct"),
    ("B", "Answer: [B]", {}, "correct"),
    ("B", "Answer: B) 12", {}, "correct"),
    ("B", r"Answer: $\textbf{(B)}\ 12$", {}, "correct"),
    ("B", "Answer: option B", {}, "correct"),
    ("B", r"Answer: $\boxed{B}$", {}, "correct"),
    ("B", "The answer is (B) Paris.", {"extract": "final"}, "correct"),
    ("B", "Answer: B) is wrong", {}, "malformed"),
    ("(B)", "Answer: B", {}, "correct"),
    ("B", "Answer: A", {}, "incorrect"),
    ("B", "Answer: ABCD", {}, "malformed"),
    ("B", "Answer: A or B", {}, "malformed"),
    ("B", "Answer: B or C", {}, "malformed"),
    ("B", "Answer: B) C", {}, "malformed"),
    ("B", "Answer: B/C", {}, "malformed"),
    ("B", "Answer: B, C", {}, "malformed"),
    ("B", "Answer: Because", {}, "malformed"),
    ("B", "Answer: not B", {}, "malformed"),
    ("B", "Answer:", {}, "malformed"),
    ("B", "B", {}, "no_answer"),
    ("B", "", {}, "no_answer"),
    ("B", "<think>Answer: B</think> done", {}, "no_answer"),
    ("B", "Answer: A\nAnswer: B", {}, "malformed"),
    ("B", "Answer: A\nAnswer: B", {"several": "last"}, "correct"),
    ("B", "Answer: (B)\nAnswer: B", {}, "correct"),
    ("B", r"\boxed{B}", {"extract": "boxed"}, "correct"),
    ("B", r"\boxed{\text{(B)}}", {"extract": "boxed"}, "correct"),
    ("B", r"\boxed{A} \boxed{B}", {"extract": "boxed"}, "malformed"),
    ("B", r"\boxed{A,B}", {"extract": "boxed"}, "malformed"),
    ("B", "#### B", {"extract": "hash"}, "correct"),
    ("B", "<answer> B </answer>", {"extract": "answer_tag"}, "correct"),
    ("B", "<answer>A</answer><answer>B</answer>", {"extract": "answer_tag"}, "malformed"),
    ("B", "B", {"extract": "final"}, "correct"),
    ("B", "I think it is B", {"extract": "final"}, "malformed"),
    (_TEXT, "Answer: B", {}, "correct"),
    (_TEXT, "Answer: 12", {}, "correct"),
    (_TEXT, "Answer: B) 12", {}, "correct"),
    (_TEXT, "Answer: B 12", {}, "correct"),
    (_TEXT, "Answer: B) 10", {}, "malformed"),
    (_TEXT, "Answer: C) a or b", {}, "incorrect"),
    (_TEXT, "Answer: None of these.", {}, "incorrect"),
    (_TEXT, "Answer: E", {}, "malformed"),
    (_TEXT, "Answer: 11", {}, "malformed"),
    ({"label": "A", "choices": ["A)59", "(B) 69"]}, "Answer: A) 59", {}, "correct"),
    ({"label": "B", "choices": ["A)59", "(B) 69"]}, "Answer: 69", {}, "correct"),
    ({"label": "A", "choices": ["-16", ".5"]}, "Answer: A) -16", {}, "correct"),
    ({"label": "B", "choices": ["5", ".5"]}, "Answer: B) .5", {}, "correct"),
    ({"label": "B", "choices": ["11", "a.1"]}, "Answer: a.1", {}, "correct"),
    (_NUMBERED, "Answer: 2", {}, "correct"),
    (_NUMBERED, "Answer: paris, france", {}, "correct"),
    (_NUMBERED, "Answer: 1", {}, "incorrect"),
    ("", "Answer: B", {}, "task_invalid"),
    (None, "Answer: B", {}, "task_invalid"),
    ("A or B", "Answer: B", {}, "task_invalid"),
    ({"label": "D", "choices": ["x", "y"]}, "Answer: D", {}, "task_invalid"),
    ({"label": "a", "choices": {"a": "x", "A": "y"}}, "Answer: a", {}, "task_invalid"),
    ({"label": "A", "choices": ["x", " "]}, "Answer: A", {}, "task_invalid"),
]

_LABEL = re.compile(r"[A-Za-z0-9]{1,8}")
_LATEX = re.compile(
    r"\\(?:(?:text|math)(?:bf|it|rm|sf|tt)?|boxed|fbox|mbox|boldsymbol|bm|rm|bf)(?![A-Za-z])\s*+|\\[ ,;!()]|[{}$]"
)
_TRIM = " *_`\"'“”‘’"
_CLOSE = {"(": ")", "[": "]"}
_LEAD = re.compile(
    r"[#>\s]*+(?:(?:so|therefore|thus|hence)[\s,]++)?+(?:(?:the|my)\s++)?+(?:(?:final|correct|right|best)\s++){0,2}+"
    r"(?:(?:answer|option|choice)[\s*_`]*+(?:is\b|:)\s*+:?+|(?:option|choice)\b)\s*+[*_`]*+\s*+(?=\S)",
    re.IGNORECASE,
)
_ANSWER = re.compile(
    r"([(\[]?+)[\s*_`]*+([a-z0-9]{1,8}+)(?![^\W_])[\s*_`]*+([)\]]?+)[\s*_`]*+([.:)\-–—,;!]?+)[\s*_`]*+(.*+)",
    re.IGNORECASE,
)
_FIRST = re.compile(r"\w+")
_NAMES = r"(?i:or|and|is|it's|option|choice|answer|not|also|maybe|perhaps)\s++\W?"
# Neither an article, a unit behind a number, nor what an f(x) is of.
_ANOTHER_LETTER = re.compile(
    r"(?<!\w)(?!A\s+(?!is\b|was\b|are\b|or\b|and\b|if\b)[a-z]{2})(?:[A-F]|(?<!\d\s)[GHJ])(?!\w)"
    r"|(?<!\w)(?<!\w\()[A-Za-z][).\]:]|(?<!\w)" + _NAMES + r"(?!a\s+[a-z])[A-Za-z](?!\w)"
    r"|\A\W*+(?:(?:[a-h][\s,/&;|]++)*+[a-h]|[A-Z])\W*+\Z"
)
_ANOTHER_NUMBER = re.compile(r"(?<!\w)\d[).\]:](?!\d)|(?<!\w)" + _NAMES + r"\d(?!\w)|\A\W*+\d\W*+\Z")
_AFFIRMED = re.compile(
    r"is\s++(?:correct|right|the\s++(?:(?:correct|right|best|final)\s++)?+(?:answer|option|choice|one))\W*+",
    re.IGNORECASE,
)
_DOUBT = re.compile(
    r"\A\W*+(?:is|was|looks|seems)\s++(?:\w++\s++){0,2}?(?:false|excluded|eliminated|out|impossible|unlikely|invalid|no)\b"
    r"|\A\W*+(?:(?:isn|wasn|or|nor|unless|rather)\b|no\s*+[,.;–—-]\s*+\w)"
    r"|\b(?:wrong|incorrect|mistaken|maybe|perhaps|possibly|probably|unsure|guess|alternatively|instead|wait|actually)\b"
    r"|(?:\bnot|n['’]t|\b(?:can(?:not)?|could|may|might))\s++(?:not\s++)?+(?:be\s++)?+(?:the\s++)?+"
    r"(?:it|this|that|so|sure|certain|right|correct|true|answer|best|ruled|excluded|eliminated)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Question:
    """The right label, and the folded text of each option under its folded label; none where they are not given."""

    label: str
    choices: Mapping[str, str]


def verify(
    task: Task, transcript: Transcript, *, extract: Extract = "answer_line", several: Several = "reject_if_distinct"
) -> Verdict:
    """Compare the label that the reply gives with the right one.

    Args:
        task: Its `answer` is the label, with the options if they are known; see the module.
        transcript: The last assistant message is the reply.
        extract: Where the answer stands: "boxed", "hash", "answer_line", "answer_tag" or "final" (the whole reply).
        several: What to do with several answers: refuse them if they differ, or take the last.

    Raises:
        ConfigError: An option has a value that does not exist; no reply raises.
    """
    check_choice("extract", extract, get_args(Extract))
    check_choice("several", several, get_args(Several))
    try:
        question = _question(task.answer)
    except DataError as error:
        return Verdict(0.0, "task_invalid", feedback=f"The task's answer cannot be used: {error}")
    found = candidates(transcript.reply, extract)
    if not found:
        return Verdict(0.0, "no_answer", feedback=f"There is no answer: it is {PLACES[extract]}.")
    labels = {_read(said, question) for said in (found if several == "reject_if_distinct" else found[-1:])}
    if len(labels) > 1:
        return Verdict(0.0, "malformed", feedback="The reply gives several answers.")
    label = labels.pop()
    if label is None:
        return Verdict(0.0, "malformed", feedback="The answer is not one label.")
    if label == question.label:
        return Verdict(1.0, "correct", label.upper())
    return Verdict(0.0, "incorrect", label.upper(), feedback="The answer is not right.")


def _read(said: str | None, question: _Question) -> str | None:
    """The folded label that an answer names; None where it names none, or several."""
    if said is None or len(said) > MAX_CHARS:
        return None
    whole = _clean(said)
    bare = _LEAD.sub("", whole, count=1) if _LEAD.match(whole) else whole
    match = _ANSWER.fullmatch(bare)
    if match is not None:
        opened, label, closed, _, rest = match.groups()
        label = label.casefold()
        known = label in question.choices if question.choices else len(label) == len(question.label)
        paired = not opened or closed == _CLOSE[opened]
        if known and paired and (not rest or _fits(label, match, question.choices.get(label))):
            return label
    for text in dict.fromkeys((whole, bare)):
        labels = [label for label, option in question.choices.items() if option and option == _option(text)]
        if labels:
            return labels[0] if len(labels) == 1 else None
    return None


def _fits(label: str, answer: re.Match[str], option: str | None) -> bool:
    """Whether what stands behind a label belongs to it."""
    _, written, closed, mark, rest = answer.groups()
    if not mark and _AFFIRMED.fullmatch(rest):
        return True
    if option is not None:  # the mark may be part of the option: -16, .5
        marked = answer.string[answer.start(4) :]
        return option in (_own(label, rest), _own(label, marked), _own(label, _unbracketed(rest)))
    if not closed and mark not in tuple(".:)-–—") and _unbracketed(rest) == rest:
        return False
    if not closed and mark in tuple("-–—") and written.islower():  # a - 2b is no label
        return False
    another = _ANOTHER_NUMBER if label.isdigit() else _ANOTHER_LETTER
    return not another.search(rest) and not _DOUBT.search(rest)


def _unbracketed(text: str) -> str:
    bare = text.rstrip(". ")
    return bare[1:-1] if bare[:1] == "(" and bare[-1:] == ")" else text


def _clean(text: str) -> str:
    """Without wrappers of LaTeX and Markdown."""
    return unicodedata.normalize("NFKC", " ".join(_LATEX.sub(" ", text).split())).strip(_TRIM)


def _option(cleaned: str) -> str:
    return fold(cleaned).strip(_TRIM).rstrip(_TRIM + ".")


def _own(label: str, text: str) -> str:
    """An option's text without its own label, which some data sets leave in it: `A)59`."""
    option = _option(text)
    bare = option.removeprefix("(").removeprefix(label)
    return bare[1:].strip() or option if bare[:1] in (")", ".", ":") and bare != option else option


def _question(answer: Any) -> _Question:
    """Read a gold.

    Raises:
        DataError: It cannot be used.
    """
    if isinstance(answer, str):
        return _Question(_label(answer), {})
    if not isinstance(answer, Mapping) or set(answer) != {"label", "choices"}:
        raise DataError(f'it must be a label or {{"label": ..., "choices": ...}}, got {answer!r:.60}')
    choices = _named(answer["choices"])
    if not all(isinstance(text, str) and text.strip() for text in choices.values()):
        raise DataError("every choice must be a text")
    found = {_label(label): _own(_label(label), _clean(text)) for label, text in choices.items()}
    if len(found) < len(choices):
        raise DataError("two labels are the same but for case")
    if _label(answer["label"]) not in found:
        raise DataError(f"there is no choice {answer['label']!r:.20}")
    return _Question(_label(answer["label"]), found)


def _named(choices: Any) -> Mapping[Any, Any]:
    if isinstance(choices, list | tuple) and len(choices) <= len(string.ascii_uppercase):
        choices = dict(zip(string.ascii_uppercase, choices, strict=False))
    if not isinstance(choices, Mapping) or len(choices) < 2:
        raise DataError(f"choices must be 2 to 26 texts, or a mapping from labels to texts, got {choices!r:.60}")
    return choices


def _label(text: Any) -> str:
    bare = text.strip(" ()[].") if isinstance(text, str) else ""
    if not _LABEL.fullmatch(bare):
        raise DataError(f"a label is 1 to 8 letters or digits, got {text!r:.60}")
    return bare.casefold()


def gold(answer: Any, options: Mapping[str, Any]) -> str:
    """The label in its place.

    Raises:
        DataError: The answer is no usable gold.
    """
    return placed(_question(answer).label.upper(), options.get("extract", "answer_line"))


def rewrites(answer: Any, options: Mapping[str, Any]) -> Iterator[str]:
    """The label with brackets, a dot, in small letters; with its option, and the option alone where only one has it."""
    question, extract = _question(answer), options.get("extract", "answer_line")
    label = question.label
    forms = [f"({label.upper()})", f"{label.upper()}.", f" **{label}** "]
    if question.choices:
        raw = next(text for name, text in _named(answer["choices"]).items() if _label(name) == label)
        text = " ".join(raw.split())
        unique = question.choices[label] != "" and list(question.choices.values()).count(question.choices[label]) == 1
        begins_with_a_label = (_FIRST.findall(text.casefold()) or [""])[0] in question.choices
        forms += [f"{label.upper()}) {text}", *([text] if unique and not begins_with_a_label else [])]
    for form in forms:
        reply = placed(form, extract)
        if [(said or "").strip() for said in candidates(reply, extract)] == [form.strip()]:  # the place can hold it
            yield reply


def mutations(answer: Any, options: Mapping[str, Any]) -> Iterator[Any]:
    """The other labels."""
    question = _question(answer)
    if question.choices:
        yield from ({**answer, "label": label} for label in question.choices if label != question.label)
    elif len(question.label) == 1:
        yield from (other for other in ("A", "B", "1", "2") if other.casefold() != question.label)
