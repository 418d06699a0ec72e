"""The 25 kinds of instructions of IFEval: their arguments, and how each is checked.

An id or an argument that does not exist is an error when a task is read: a check that is not there cannot pass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from agentrl.errors import DataError, suggest
from agentrl.verifiers._instructions import layout, wording
from agentrl.verifiers._instructions import parameters as read
from agentrl.verifiers._instructions.parameters import Reader
from agentrl.verifiers._reading.text import has_word

__all__ = ["KINDS", "NEED_DETECTOR", "Instruction", "Kind", "instructions", "problems"]

MAX_INSTRUCTIONS = 64
NEED_DETECTOR = frozenset(
    ("language:response_language", "change_case:english_capital", "change_case:english_lowercase")
)
"""Kinds that look at the language, for which py3langid must be installed."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind: what is wrong with a reply (nothing: the empty string), and how its arguments are read."""

    check: Callable[[str, Mapping[str, Any]], str]
    arguments: Mapping[str, Reader]


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction of a task."""

    id: str
    args: Mapping[str, Any]


KINDS: Mapping[str, Kind] = {
    "keywords:existence": Kind(wording.keywords, {"keywords": read.keywords}),
    "keywords:frequency": Kind(
        wording.keyword_count, {"keyword": read.keyword, "frequency": read.count, "relation": read.relation}
    ),
    "keywords:forbidden_words": Kind(wording.forbidden, {"forbidden_words": read.keywords}),
    "keywords:letter_frequency": Kind(
        wording.letter_count, {"letter": read.letter, "let_frequency": read.count, "let_relation": read.relation}
    ),
    "language:response_language": Kind(wording.response_language, {"language": read.language}),
    "length_constraints:number_sentences": Kind(
        wording.sentence_count, {"num_sentences": read.count, "relation": read.relation}
    ),
    "length_constraints:number_paragraphs": Kind(layout.divided_paragraphs, {"num_paragraphs": read.count}),
    "length_constraints:number_words": Kind(wording.word_count, {"num_words": read.count, "relation": read.relation}),
    "length_constraints:nth_paragraph_first_word": Kind(
        wording.first_word, {"num_paragraphs": read.count, "nth_paragraph": read.count, "first_word": read.wordy}
    ),
    "detectable_content:number_placeholders": Kind(layout.placeholders, {"num_placeholders": read.count}),
    "detectable_content:postscript": Kind(layout.postscript, {"postscript_marker": read.name}),
    "detectable_format:number_bullet_lists": Kind(layout.bullets, {"num_bullets": read.count}),
    "detectable_format:constrained_response": Kind(layout.constrained, {}),
    "detectable_format:number_highlighted_sections": Kind(layout.highlights, {"num_highlights": read.count}),
    "detectable_format:multiple_sections": Kind(
        layout.sections, {"section_spliter": read.name, "num_sections": read.count}
    ),
    "detectable_format:json_format": Kind(layout.json_format, {}),
    "detectable_format:title": Kind(layout.title, {}),
    "combination:two_responses": Kind(layout.two_responses, {}),
    "combination:repeat_prompt": Kind(layout.repeat_prompt, {"prompt_to_repeat": read.wordy}),
    "startend:end_checker": Kind(wording.end_phrase, {"end_phrase": read.wordy}),
    "startend:quotation": Kind(wording.quotation, {}),
    "change_case:capital_word_frequency": Kind(
        wording.capital_words, {"capital_frequency": read.count, "capital_relation": read.relation}
    ),
    "change_case:english_capital": Kind(wording.uppercase, {}),
    "change_case:english_lowercase": Kind(wording.lowercase, {}),
    "punctuation:no_comma": Kind(wording.no_comma, {}),
}


def instructions(rows: Any) -> tuple[Instruction, ...]:
    """Read the instructions of a task; repeated ids stay.

    Raises:
        DataError: There are none, or one has an id or an argument that does not exist.
    """
    if not isinstance(rows, list | tuple) or not 1 <= len(rows) <= MAX_INSTRUCTIONS:
        raise DataError(f"instructions must be a list of 1 to {MAX_INSTRUCTIONS}, got {rows!r:.60}")
    return tuple(map(_instruction, rows))


def _instruction(row: Any) -> Instruction:
    if not isinstance(row, Mapping) or not {"id"} <= set(row) <= {"id", "kwargs"}:
        raise DataError(f'an instruction is {{"id": ..., "kwargs": ...}}, got {row!r:.60}')
    id, kwargs = row["id"], row.get("kwargs") or {}
    if not isinstance(id, str) or id not in KINDS:
        raise DataError(f"no instruction {id!r:.60}: {suggest(str(id), KINDS)}")
    if not isinstance(kwargs, Mapping):
        raise DataError(f"{id}: kwargs must be a mapping, got {kwargs!r:.60}")
    args = read.read(id, KINDS[id].arguments, kwargs)
    if id == "length_constraints:nth_paragraph_first_word" and args["nth_paragraph"] > args["num_paragraphs"]:
        raise DataError(f"{id}: there is no paragraph {args['nth_paragraph']} among {args['num_paragraphs']}")
    return Instruction(id, args)


def problems(reply: str, asked: tuple[Instruction, ...], prompt: str = "") -> list[str]:
    """What is wrong with a reply, by position: the empty string for each instruction that it follows.

    A reply without a letter or digit follows none.

    >>> asked = instructions([{"id": "punctuation:no_comma"}, {"id": "punctuation:no_comma"}])
    >>> problems("Yes, sir", asked), problems("Yes sir", asked), problems(" ", asked)
    (['there are 1 commas', 'there are 1 commas'], ['', ''], ['the reply is empty', 'the reply is empty'])
    """
    if not has_word(reply):
        return ["the reply is empty"] * len(asked)
    return [KINDS[one.id].check(reply, {**one.args, "prompt": prompt}) for one in asked]
